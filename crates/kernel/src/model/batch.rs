//! Many events, encoded one behind the other: what a job hands to the log at once.

use super::event::EventDraft;
use super::guard::Guard;

/// Payloads one behind the other. `truncate` and reuse.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Payloads {
    bytes: Vec<u8>,
    /// Where each payload ends in `bytes`.
    ends: Vec<usize>,
}

impl Payloads {
    /// Adds what `write` appends.
    pub fn push(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.bytes);
        self.ends.push(self.bytes.len());
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Bytes of all of them.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Each payload, in order.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut start = 0;
        self.ends.iter().map(move |&end| {
            let payload = self.bytes.get(start..end).unwrap_or_default();
            start = end;
            payload
        })
    }

    /// Forgets all but the first `count`, keeps the memory.
    pub fn truncate(&mut self, count: usize) {
        self.ends.truncate(count);
        self.bytes.truncate(self.ends.last().copied().unwrap_or_default());
    }
}

/// Encoded events. `clear` and reuse.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventBatch {
    payloads: Payloads,
    guards: Vec<Guard>,
}

impl EventBatch {
    /// Adds an event, whose property sets must be settled. For a batch that is taken as a whole it must have no guards, for
    /// one whose events are taken once each exactly one.
    pub fn push(&mut self, event: &EventDraft) {
        self.payloads.push(|out| event.encode(out));
        self.guards.extend_from_slice(&event.guards);
    }

    /// How many events there are.
    pub fn len(&self) -> usize {
        self.payloads.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.payloads.is_empty()
    }

    /// Bytes of all payloads.
    pub fn bytes(&self) -> usize {
        self.payloads.bytes()
    }

    /// The payload of each event, in order.
    pub fn payloads(&self) -> impl Iterator<Item = &[u8]> {
        self.payloads.iter()
    }

    /// The guard of each event, in order; nothing when not every event has exactly one.
    pub fn guards(&self) -> Option<&[Guard]> {
        (self.guards.len() == self.payloads.len()).then_some(&*self.guards)
    }

    /// Forgets the events, keeps the memory.
    pub fn clear(&mut self) {
        self.guards.clear();
        self.payloads.truncate(0);
    }
}
