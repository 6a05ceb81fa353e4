//! A clock that goes where the test puts it.

use std::sync::atomic::{AtomicI64, Ordering};

use muster_kernel::model::time::Timestamp;
use muster_kernel::ports::Clock;

/// A clock under the test's hand. Stands still between two settings.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that says `now`.
    pub fn at(now: Timestamp) -> Self {
        ManualClock(AtomicI64::new(now.0))
    }

    /// Puts the clock to another time.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.0, Ordering::SeqCst);
    }
}

/// 2026-01-01T00:00:00Z: the day on which tests begin.
pub const DAY_ONE: Timestamp = Timestamp(1_767_225_600_000_000);

impl Default for ManualClock {
    fn default() -> Self {
        ManualClock::at(DAY_ONE)
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}
