//! Questions about what people did, and the people behind each number of an answer.

use crate::model::id::EnvironmentId;
use crate::model::page::Cursor;
use crate::model::report::funnel::{FunnelAnswer, FunnelQuestion};
use crate::model::report::path::{PathAnswer, PathQuestion};
use crate::model::report::retention::{RetentionAnswer, RetentionQuestion};
use crate::model::report::trend::{TrendAnswer, TrendQuestion};
use crate::model::report::{Behind, People, Pin, Pinned};

use super::error::StoreError;
use super::history::Inquiry;

/// Which page of a list of people, and of which state.
#[derive(Clone, Copy, Debug)]
pub struct PeoplePage<'a> {
    /// The state that an answer was of; everything that is visible now when there is none.
    pub pin: Option<Pin>,
    /// Behind this place.
    pub after: Option<&'a Cursor>,
    /// So many at most.
    pub limit: usize,
}

/// Laws: an answer is what [`crate::model::report`] says of every event whose append resolved before the question was
/// asked (law 1), of no other environment (law 5) and of no erased user; it is exact, never sampled, and depends on the set
/// of events and their positions only. People are those that the number counts when both are asked of the same
/// events: their total is the number wherever the number counts users, or companies where the question is about those. A cursor yields each of those who were behind it all
/// along exactly once. People asked of a pin are those of the answer that came with it, whatever was written since, but for
/// those erased since; a pin that is no longer kept, or that came with an answer to other people or another breakdown, is
/// refused as [`StoreError::Unpinned`]. Memory is bounded: what needs more than the engine allows is refused as
/// [`StoreError::TooLarge`]. Questions are within their limits; an engine does not check them again. A stopped `inquiry`
/// ends soon, as [`StoreError::Stopped`].
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
    ) -> Result<Pinned<FunnelAnswer>, StoreError>;

    /// Who comes back.
    ///
    /// # Errors
    /// As [`Reports::funnel`].
    fn retention(
        &self,
        environment: EnvironmentId,
        question: &RetentionQuestion,
        inquiry: &Inquiry,
    ) -> Result<Pinned<RetentionAnswer>, StoreError>;

    /// How much there was, interval by interval.
    ///
    /// # Errors
    /// As [`Reports::funnel`].
    fn trend(
        &self,
        environment: EnvironmentId,
        question: &TrendQuestion,
        inquiry: &Inquiry,
    ) -> Result<Pinned<TrendAnswer>, StoreError>;

    /// What people did next, or before.
    ///
    /// # Errors
    /// As [`Reports::funnel`].
    fn path(
        &self,
        environment: EnvironmentId,
        question: &PathQuestion,
        inquiry: &Inquiry,
    ) -> Result<Pinned<PathAnswer>, StoreError>;

    /// Who is behind a number.
    ///
    /// # Errors
    /// As [`Reports::funnel`]; when the cursor is not one of this list; when the pin is not kept.
    fn people(
        &self,
        environment: EnvironmentId,
        number: Behind<'_>,
        page: PeoplePage<'_>,
        inquiry: &Inquiry,
    ) -> Result<People, StoreError>;
}
