//! Raw events that are old enough to go: profiles, when they were seen, and the ledger stay, the events themselves do not.
//!
//! An event is as old as its receipt: what is imported today was received today, whenever it happened.

use super::history::EventName;
use super::id::Position;
use super::time::Timestamp;

/// From where on an environment has its events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeptEvents {
    /// Events up to this position were dropped; the first position when none were.
    pub dropped_until: Position,
    /// When the last one that was dropped was received: a profile as of an earlier time cannot be told any more.
    pub known_since: Option<Timestamp>,
    /// When the oldest one that is kept was received, if there is one.
    pub oldest_received_at: Option<Timestamp>,
}

/// What would be dropped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WouldDrop {
    /// How many events.
    pub events: u64,
    /// Bytes of the log and of history that they take, roughly: what history holds of several events together is shared out.
    pub bytes: u64,
    /// When the oldest was received.
    pub oldest_received_at: Option<Timestamp>,
    /// When the newest was received.
    pub newest_received_at: Option<Timestamp>,
    /// How many of each name, the most frequent first.
    pub names: Vec<(EventName, u64)>,
}

/// What became of dropping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dropped {
    /// Everything as old as asked for is gone; so it may have been before.
    Done(KeptEvents),
    /// A job is at work that looks for its rows in the log, an export of events reads it, or an erasure is not complete. Try
    /// again when it has ended.
    Waits,
    /// It was asked to stop. Nothing is lost, and it can be begun again.
    Stopped,
}
