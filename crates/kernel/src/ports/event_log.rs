//! The log of everything accepted.

use std::future::Future;
use std::pin::Pin;

use crate::model::batch::EventBatch;
use crate::model::event::{EventDraft, Guard, GuardKind};
use crate::model::id::{EnvironmentId, Position};
use crate::model::time::Timestamp;

use super::error::{Refusal, StoreError};

/// Where and when an event was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Its place in the log.
    pub position: Position,
    /// The log writer's time.
    pub received_at: Timestamp,
}

/// The outcome of an append that succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Appended {
    /// Written now: durable and visible.
    Stored(Receipt),
    /// The same call or event was stored before; nothing was written.
    Duplicate {
        /// Where and when the first one was taken.
        receipt: Receipt,
        /// The warnings that the first one was answered with, as a JSON array.
        warnings: String,
    },
    /// The user, or the company of an event about a company alone, was erased and is suppressed; nothing was written.
    Suppressed,
}

/// The outcome of an append that did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AppendError {
    /// The guard's key was used with another body: a mistake of the caller. Nothing was written.
    Conflict(GuardKind),
    /// Certainly not written.
    Refused(Refusal),
    /// No such environment. Nothing was written.
    NoEnvironment,
    /// The guards could not be read. Nothing was written.
    Failed(String),
    /// A sync failed: the event may exist after reopening. Retry with the same guard.
    Unknown,
}

/// An append under way. Dropping it does not take the event back.
pub type Appending = Pin<Box<dyn Future<Output = Result<Appended, AppendError>> + Send>>;

/// An append of many events under way: resolves with the receipt of the last one. Dropping it takes nothing back.
pub type AppendingMany = Pin<Box<dyn Future<Output = Result<Receipt, AppendError>> + Send>>;

/// An event as the log gives it back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    /// Where and when it was taken.
    pub receipt: Receipt,
    /// Its payload, readable by [`crate::model::event::Event::decode`].
    pub payload: Vec<u8>,
}

/// Laws: an append that resolves `Stored` is durable and visible in every read of this engine (law 1); positions
/// and received_at are strictly increasing per environment (law 9); of two appends with the same guard at most one
/// is stored, also when they run at the same time or the process dies between them (law 2).
pub trait EventLog: Send + Sync {
    /// Takes an event. The draft is encoded before this returns. Property sets must be settled.
    fn append(&self, environment: EnvironmentId, event: &EventDraft) -> Appending;

    /// Takes many events without guards under one sync. When it resolves with a receipt, all of them are stored at
    /// consecutive positions of which that is the last; when it is refused, none is; a crash meanwhile leaves any number
    /// of them. An empty batch is a mistake of the caller.
    fn append_many(&self, environment: EnvironmentId, events: &EventBatch) -> AppendingMany;

    /// How an append with these guards would be answered because of one that was stored before; `None` when there was none.
    /// Appends under way are not waited for.
    ///
    /// # Errors
    /// When there is no such environment, or the guards cannot be read.
    fn recall(
        &self,
        environment: EnvironmentId,
        guards: &[Guard],
    ) -> Result<Option<Result<Appended, AppendError>>, StoreError>;

    /// Events after a position in the order of the log: at most `count_max`, and no further one once `bytes_max`
    /// of payload is reached, but at least one when there is one. Only durable events are given.
    ///
    /// # Errors
    /// When there is no such environment, or stored bytes cannot be read.
    fn read(
        &self,
        environment: EnvironmentId,
        after: Position,
        count_max: usize,
        bytes_max: usize,
    ) -> Result<Vec<StoredEvent>, StoreError>;

    /// The position up to which every event is durable and visible.
    ///
    /// # Errors
    /// When there is no such environment.
    fn visible(&self, environment: EnvironmentId) -> Result<Position, StoreError>;
}
