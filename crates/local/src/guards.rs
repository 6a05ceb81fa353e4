//! Calls that promise to be taken once and are on their way: a second one with the same guard waits for the first.
//!
//! A guard is claimed before its call enters the queue and released by the thread that folds the event, or by the one
//! that gives its batch up, never by the caller: a caller that goes away must not let a second call slip in between.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use hashbrown::HashMap;
use muster_kernel::model::guard::Guard;

/// The guards that are claimed, each with those who wait for its release.
#[derive(Default)]
pub struct UnderWay(Mutex<HashMap<[u8; 16], Vec<Waker>>>);

impl UnderWay {
    /// Claims all guards, or none: then `waker` is called when the one that is claimed already is released.
    pub fn claim(&self, guards: &[Guard], waker: &Waker) -> bool {
        let mut claimed = self.lock();
        for guard in guards {
            if let Some(waiting) = claimed.get_mut(&guard.key) {
                waiting.push(waker.clone());
                return false;
            }
        }
        for guard in guards {
            claimed.insert(guard.key, Vec::new());
        }
        true
    }

    /// Lets go of a guard and wakes those who wait for it.
    pub fn release(&self, key: &[u8; 16]) {
        let waiting = self.lock().remove(key);
        for waker in waiting.unwrap_or_default() {
            waker.wake();
        }
    }

    /// Lets go of many guards at once.
    pub fn release_all<'k>(&self, keys: impl Iterator<Item = &'k [u8; 16]>) {
        let mut waiting = Vec::new();
        let mut claimed = self.lock();
        keys.filter_map(|key| claimed.remove(key)).for_each(|wakers| waiting.extend(wakers));
        drop(claimed);
        waiting.into_iter().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<[u8; 16], Vec<Waker>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
