//! Questions about what people did, and the people behind each number of an answer.

use crate::model::id::EnvironmentId;
use crate::model::page::Cursor;
use crate::model::report::People;
use crate::model::report::funnel::{FunnelAnswer, FunnelNumber, FunnelQuestion};
use crate::model::report::path::{PathAnswer, PathQuestion};
use crate::model::report::retention::{RetentionAnswer, RetentionNumber, RetentionQuestion};
use crate::model::report::trend::{TrendAnswer, TrendQuestion};

use super::error::StoreError;
use super::history::Inquiry;

/// Laws: an answer is what [`crate::model::report`] says of every event whose append resolved before the question was
/// asked (law 1), of no other environment (law 5) and of no erased user; it is exact, never sampled, and depends on the set
/// of events and their positions only. People are those that the number counts when both are asked of the same
/// events: their total is the number wherever the number counts users. A cursor yields each of those who were behind it all
/// along exactly once. Memory is bounded: what needs more than the engine allows is refused as [`StoreError::TooLarge`].
/// Questions are within their limits; an engine does not check them again. A stopped `inquiry` ends soon, as
/// [`StoreError::Stopped`].
pub trait Reports: Send + Sync {
    /// How many went through which steps.
    ///
    /// # Errors
    /// When there is no such environment, reading fails, the answer would be too large, or `inquiry` was stopped.
    fn funnel(
        &self,
        environment: EnvironmentId,
        question: &FunnelQuestion,
        inquiry: &Inquiry,
    ) -> Result<FunnelAnswer, StoreError>;

    /// Who is behind a number of a funnel.
    ///
    /// # Errors
    /// As [`Reports::funnel`], and when the cursor is not one of this list.
    fn funnel_people(
        &self,
        environment: EnvironmentId,
        question: &FunnelQuestion,
        number: &FunnelNumber,
        after: Option<&Cursor>,
        limit: usize,
        inquiry: &Inquiry,
    ) -> Result<People, StoreError>;

    /// Who comes back.
    ///
    /// # Errors
    /// As [`Reports::funnel`].
    fn retention(
        &self,
        environment: EnvironmentId,
        question: &RetentionQuestion,
        inquiry: &Inquiry,
    ) -> Result<RetentionAnswer, StoreError>;

    /// Who is behind a number of a retention report.
    ///
    /// # Errors
    /// As [`Reports::funnel_people`].
    fn retention_people(
        &self,
        environment: EnvironmentId,
        question: &RetentionQuestion,
        number: &RetentionNumber,
        after: Option<&Cursor>,
        limit: usize,
        inquiry: &Inquiry,
    ) -> Result<People, StoreError>;

    /// How much there was, interval by interval.
    ///
    /// # Errors
    /// As [`Reports::funnel`].
    fn trend(
        &self,
        environment: EnvironmentId,
        question: &TrendQuestion,
        inquiry: &Inquiry,
    ) -> Result<TrendAnswer, StoreError>;

    /// What people did next, or before.
    ///
    /// # Errors
    /// As [`Reports::funnel`].
    fn path(
        &self,
        environment: EnvironmentId,
        question: &PathQuestion,
        inquiry: &Inquiry,
    ) -> Result<PathAnswer, StoreError>;
}
