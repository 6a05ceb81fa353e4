//! The ids of static segments.

use crate::model::id::{EnvironmentId, SegmentId};
use crate::model::segment::Level;
use crate::model::segment::listed::{Ids, ListChange, ListChanged};

use super::error::StoreError;

/// Laws: a change is durable before it returns and is atomic (a crash leaves the list before or after it); changes of one
/// list are made one after another; nothing crosses environments (law 5). An erasure takes its ids out of every list of
/// its kind (law 6). A list that nobody wrote is empty.
pub trait Lists: Send + Sync {
    /// The ids of a list.
    ///
    /// # Errors
    /// When there is no such environment, or the list cannot be read.
    fn ids(&self, environment: EnvironmentId, list: SegmentId) -> Result<Ids, StoreError>;

    /// How many ids a list has; cheap enough to ask for every list.
    ///
    /// # Errors
    /// When there is no such environment.
    fn count(&self, environment: EnvironmentId, list: SegmentId) -> Result<u64, StoreError>;

    /// Changes a list of users or of companies.
    ///
    /// # Errors
    /// As [`Lists::ids`]; [`StoreError::TooLarge`] when it would have more than
    /// [`crate::model::limits::LIST_IDS_MAX`] ids, and then nothing is changed. When writing fails, the change may have been made.
    fn change(
        &self,
        environment: EnvironmentId,
        list: (SegmentId, Level),
        change: &ListChange,
    ) -> Result<ListChanged, StoreError>;

    /// Removes a list, if there is one.
    ///
    /// # Errors
    /// When there is no such environment, or the list may come back.
    fn remove(&self, environment: EnvironmentId, list: SegmentId) -> Result<(), StoreError>;
}
