//! What can go wrong behind a port, named by what the caller must do next.

use std::fmt;

use crate::model::id::Position;
use crate::model::time::Timestamp;

/// Why an engine did not take a write. The write certainly did not happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The queue in front of the log is full. Retry after a moment.
    Overloaded,
    /// Less space is left than the reserve. Free or add space, then retry.
    DiskFull,
    /// The wall clock is behind the log by more than a minute. Mend the clock, then retry.
    ClockBehind {
        /// What the wall clock says.
        now: Timestamp,
        /// The last time that the log gave.
        last: Timestamp,
    },
    /// A sync failed before, or the engine is stopping. Restart the server, then retry.
    Closed,
}

/// Why a question was not answered, or a change not made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// It certainly did not happen; see the refusal for the remedy.
    Refused(Refusal),
    /// No such environment. Check the id against the catalog.
    NoEnvironment,
    /// The caller's cursor is not one of this list. Start again without it.
    NotACursor,
    /// Whoever asked does not want the answer any more. Nothing to do.
    Stopped,
    /// The answer needs more memory than a question may have. Ask for less: a shorter span, fewer groups.
    TooLarge,
    /// The state that it was to be asked of is no longer kept. Ask of now.
    Unpinned,
    /// It was asked of events that are no longer kept. Ask from then on.
    Dropped {
        /// Events up to this position were dropped.
        until: Position,
        /// When the last of them was received; a profile that knows of later times than that has its own moment here.
        since: Timestamp,
    },
    /// Stored bytes cannot be read. Run `muster verify`; the text is for the operator, never for a caller.
    Damaged(String),
    /// Reading or writing failed. Retry; the text is for the operator, never for a caller.
    Failed(String),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Refused(refusal) => write!(f, "refused: {refusal:?}"),
            StoreError::NoEnvironment => f.write_str("no such environment"),
            StoreError::NotACursor => f.write_str("not a cursor of this list"),
            StoreError::Stopped => f.write_str("stopped"),
            StoreError::TooLarge => f.write_str("the answer is too large"),
            StoreError::Unpinned => f.write_str("the pinned state is no longer kept"),
            StoreError::Dropped { until, .. } => write!(f, "events up to position {} were dropped", until.0),
            StoreError::Damaged(what) => write!(f, "damaged: {what}"),
            StoreError::Failed(what) => write!(f, "failed: {what}"),
        }
    }
}

impl std::error::Error for StoreError {}
