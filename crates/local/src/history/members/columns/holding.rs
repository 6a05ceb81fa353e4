//! Whose turn it is with the columns that are kept: of now, and of the time gone by that was asked for last.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use muster_kernel::model::time::Timestamp;
use muster_kernel::ports::{Inquiry, StoreError};

use super::{EVER, Everything};

/// How long a question that waits for its turn does not look whether it was stopped.
const TURN_LOOKED_FOR: Duration = Duration::from_millis(2);

/// The columns that are kept.
#[derive(Default)]
pub struct Columns {
    now: Mutex<Everything>,
    /// Of the time gone by that was asked for last.
    past: Mutex<Everything>,
    /// How often everything was to be forgotten.
    cleared: AtomicU64,
}

impl Columns {
    /// Forgets everything. Those of a time gone by may be made at this moment, which takes longer than whoever clears should wait:
    /// then they are not used again, and `forget_past` takes them away.
    pub fn clear(&self) {
        self.cleared.fetch_add(1, Ordering::Relaxed);
        *held(&self.now) = Everything::default();
        self.forget_past(Duration::MAX);
    }

    /// Forgets those of a time gone by when nobody has asked for them so long, or they are to be forgotten. When they are being asked
    /// for, it does nothing.
    pub fn forget_past(&self, age: Duration) {
        let Ok(mut past) = self.past.try_lock() else { return };
        let is_old = past.asked.is_some_and(|asked| now().duration_since(asked) >= age);
        if is_old || past.cleared != self.cleared.load(Ordering::Relaxed) {
            *past = Everything::default();
        }
    }

    /// Holds the columns of what happened up to a time: meanwhile no other question brings them further than the snapshot that
    /// is taken then.
    ///
    /// # Errors
    /// When the question was stopped before it had its turn: making those of a time gone by takes a while.
    pub fn hold(
        &self,
        until: Timestamp,
        inquiry: &Inquiry,
    ) -> Result<MutexGuard<'_, Everything>, StoreError> {
        let mut everything = match until {
            EVER => held(&self.now),
            _ => held_unless_stopped(&self.past, inquiry)?,
        };
        let cleared = self.cleared.load(Ordering::Relaxed);
        if (everything.until, everything.cleared) != (until, cleared) {
            *everything = Everything { until, cleared, ..Everything::default() };
        }
        everything.asked = Some(now());
        Ok(everything)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a lock that is let go of wakes nobody who waits for a stop as well"
)]
fn held_unless_stopped<'e>(
    everything: &'e Mutex<Everything>,
    inquiry: &Inquiry,
) -> Result<MutexGuard<'e, Everything>, StoreError> {
    loop {
        match everything.try_lock() {
            Ok(held) => return Ok(held),
            Err(TryLockError::Poisoned(held)) => return Ok(held.into_inner()),
            Err(TryLockError::WouldBlock) if inquiry.is_stopped() => return Err(StoreError::Stopped),
            Err(TryLockError::WouldBlock) => std::thread::sleep(TURN_LOOKED_FOR),
        }
    }
}

fn held(everything: &Mutex<Everything>) -> MutexGuard<'_, Everything> {
    everything.lock().unwrap_or_else(PoisonError::into_inner)
}

#[expect(clippy::disallowed_methods, reason = "how long nobody asked is a duration, not a time of day")]
fn now() -> Instant {
    Instant::now()
}
