//! Dropping raw events that are old enough.

use crate::model::id::EnvironmentId;
use crate::model::raw_events::{Dropped, KeptEvents, WouldDrop};
use crate::model::time::Timestamp;

use super::error::StoreError;
use super::history::Inquiry;

/// Laws: dropping changes no profile, no list of them, no count of the ledger, and no first outcome of a guarded call, also
/// after they are made anew. Positions stay what they were. Whoever asks for what was dropped is told so and since when
/// there is something ([`StoreError::Dropped`]), and never gets a part of it as if it were all. A stop at any moment leaves what was
/// there before or what is there afterwards.
pub trait RawEvents: Send + Sync {
    /// From where on there are events.
    ///
    /// # Errors
    /// When there is no such environment, or reading fails.
    fn kept(&self, environment: EnvironmentId) -> Result<KeptEvents, StoreError>;

    /// What dropping everything that was received before a time would drop; changes nothing.
    ///
    /// # Errors
    /// As [`RawEvents::kept`], and when `inquiry` was stopped.
    fn would_drop(
        &self,
        environment: EnvironmentId,
        before: Timestamp,
        inquiry: &Inquiry,
    ) -> Result<WouldDrop, StoreError>;

    /// Drops everything that was received before a time. Takes as long as it takes, and looks at `stop` often.
    ///
    /// # Errors
    /// When reading or writing fails. Run it again.
    fn drop_before(
        &self,
        environment: EnvironmentId,
        before: Timestamp,
        stop: &dyn Fn() -> bool,
    ) -> Result<Dropped, StoreError>;
}
