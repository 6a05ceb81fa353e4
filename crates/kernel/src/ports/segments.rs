//! Who belongs to a segment.

use crate::model::id::EnvironmentId;
use crate::model::page::Cursor;
use crate::model::segment::question::{Evidence, MemberOrder, MemberPage, SegmentPreview, SegmentQuestion};
use crate::model::value::OwnedValue;

use super::error::StoreError;
use super::history::Inquiry;

/// Laws: an answer is what [`crate::model::segment::meaning`] says of each subject, at the question's one moment and of one
/// state of the data, which holds every event whose append resolved before the question was asked (law 1) and none of
/// another environment (law 5) or of an erased user. A subject is a user that an event is about, or a company that an
/// event names. Numbers, pages and evidence of one state agree. A question that looks back is answered as if nothing had
/// happened after its moment, by today's knowledge of what had. Where that can no longer be told, because events were dropped,
/// it is refused as [`StoreError::Dropped`], also when it is so of one subject of many.
pub trait Segments: Send + Sync {
    /// How many members there are, and some of them.
    ///
    /// # Errors
    /// When there is no such environment, reading fails, `inquiry` was stopped, or the answer needs more memory than a
    /// question may have.
    fn preview(
        &self,
        environment: EnvironmentId,
        question: &SegmentQuestion,
        sample_max: usize,
        inquiry: &Inquiry,
    ) -> Result<SegmentPreview, StoreError>;

    /// A page of the members. A cursor yields everybody who was a member all along, and kept the place in the order,
    /// exactly once.
    ///
    /// # Errors
    /// As [`Segments::preview`], and when the cursor is not one of this order.
    fn members(
        &self,
        environment: EnvironmentId,
        question: &SegmentQuestion,
        order: MemberOrder,
        after: Option<&Cursor>,
        limit: usize,
        inquiry: &Inquiry,
    ) -> Result<MemberPage, StoreError>;

    /// What decides whether one user or company belongs, by id; `None` when there is no such one.
    ///
    /// # Errors
    /// As [`Segments::preview`].
    fn evidence(
        &self,
        environment: EnvironmentId,
        question: &SegmentQuestion,
        id: &str,
        inquiry: &Inquiry,
    ) -> Result<Option<Evidence>, StoreError>;

    /// Some properties of users or companies, by ids and the properties' names, as the question sees them. Of many at once: what
    /// there is to fold is folded once a call at most.
    ///
    /// # Errors
    /// As [`Segments::preview`].
    fn values(
        &self,
        environment: EnvironmentId,
        question: &SegmentQuestion,
        wanted: (&[&str], &[String]),
        inquiry: &Inquiry,
    ) -> Result<Vec<Vec<Option<OwnedValue>>>, StoreError>;
}
