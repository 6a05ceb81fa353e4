//! How many calls are recorded each second.
//!
//! The second is that of the time which the edge has read for the call anyway: no clock is asked here.

use std::sync::atomic::{AtomicU64, Ordering};

use muster_kernel::model::time::{SECOND, Timestamp};

/// Accepted calls of an environment that are recorded in one second; the others are counted.
pub(super) const ACCEPTED_PER_SECOND_MAX: u32 = 50;
/// Refused calls of an environment that are recorded in one second, whatever was accepted meanwhile.
pub(super) const REFUSED_PER_SECOND_MAX: u32 = 50;
/// Calls without a known key that are recorded in one second, over the whole server.
pub(super) const STRANGERS_PER_SECOND_MAX: u32 = 20;

/// Places in the present second. Shared by all threads; once none is left, asking is one relaxed load of a number that
/// nobody writes until the second is over.
#[derive(Debug, Default)]
pub(in crate::http) struct Window {
    /// The second in the upper half, the places taken in it in the lower.
    taken: AtomicU64,
}

impl Window {
    /// Takes one of the `max` places of the second of `now`, if one is left.
    pub(super) fn take(&self, now: Timestamp, max: u32) -> bool {
        let second = now.0.div_euclid(SECOND).cast_unsigned() << 32;
        let mut seen = self.taken.load(Ordering::Relaxed);
        loop {
            let taken = if seen >> 32 == second >> 32 { seen & u64::from(u32::MAX) } else { 0 };
            if taken >= u64::from(max) {
                return false;
            }
            let next = second | (taken + 1);
            match self.taken.compare_exchange_weak(seen, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(other) => seen = other,
            }
        }
    }

    /// As [`Window::take`], for an accepted call.
    pub(in crate::http) fn takes_accepted(&self, now: Timestamp) -> bool {
        self.take(now, ACCEPTED_PER_SECOND_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_so_many_places_for_all_threads_together() {
        let window = Window::default();
        let at = |second: i64| Timestamp(1_795_242_069_123_456 + second * SECOND);
        let takers = || (0..100).filter(|_| window.take(at(0), 250)).count();
        let taken: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(takers)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(taken, 250);
        assert!(!window.take(at(0), 250));
        assert!(window.take(at(1), 1) && !window.take(at(1), 1), "another second");
        assert!(window.take(at(0), 1), "a clock that goes back opens a new one");
    }
}
