//! Time, injected.

use crate::model::time::Timestamp;

/// The wall clock. Wiring owns the real one; tests hold one in their hand.
pub trait Clock: Send + Sync {
    /// Now, UTC. May go backwards: whoever needs order makes its own (law 9).
    fn now(&self) -> Timestamp;
}
