//! Many events, encoded one behind the other: what a bulk job hands to the log at once.

use super::event::EventDraft;

/// Encoded events. `clear` and reuse.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventBatch {
    bytes: Vec<u8>,
    /// Where each event ends in `bytes`.
    ends: Vec<usize>,
}

impl EventBatch {
    /// Adds an event, whose property sets must be settled and which must have no guards.
    pub fn push(&mut self, event: &EventDraft) {
        event.encode(&mut self.bytes);
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

    /// Forgets the events, keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }
}
