//! Many events, encoded one behind the other: what a job hands to the log at once.

use super::event::EventDraft;
use super::guard::Guard;

/// Encoded events. `clear` and reuse.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventBatch {
    bytes: Vec<u8>,
    /// Where each event ends in `bytes`.
    ends: Vec<usize>,
    guards: Vec<Guard>,
}

impl EventBatch {
    /// Adds an event, whose property sets must be settled. For a batch that is taken as a whole it must have no guards, for
    /// one whose events are taken once each exactly one.
    pub fn push(&mut self, event: &EventDraft) {
        event.encode(&mut self.bytes);
        self.guards.extend_from_slice(&event.guards);
        self.ends.push(self.bytes.len());
    }

    /// How many events there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Bytes of all payloads.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The payload of each event, in order.
    pub fn payloads(&self) -> impl Iterator<Item = &[u8]> {
        let mut start = 0;
        self.ends.iter().map(move |&end| {
            let payload = self.bytes.get(start..end).unwrap_or_default();
            start = end;
            payload
        })
    }

    /// The guard of each event, in order; nothing when not every event has exactly one.
    pub fn guards(&self) -> Option<&[Guard]> {
        (self.guards.len() == self.ends.len()).then_some(&*self.guards)
    }

    /// Forgets the events, keeps the memory.
    pub fn clear(&mut self) {
        self.guards.clear();
        self.bytes.clear();
        self.ends.clear();
    }
}
