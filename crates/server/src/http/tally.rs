//! The edge's own count of the calls that came in, so that the ledger's equation can fail (law 4).
//!
//! A call is counted when its key is recognised, on the thread that serves it, and counted a second time when its fate
//! is known. The engine counts what it stored on its own; `GET /v1/ledger` holds the two against each other.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use muster_kernel::model::id::EnvironmentId;

/// Calls of one environment on one edge thread. Every number only grows, and only that thread adds.
#[derive(Debug, Default)]
pub(super) struct Counts {
    received: AtomicU64,
    settled: AtomicU64,
    abandoned: AtomicU64,
    stored: AtomicU64,
    duplicate: AtomicU64,
    skipped: AtomicU64,
}

/// Sums over all threads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sums {
    /// Write calls of a known key.
    pub received: u64,
    /// Those that the ledger accounts for.
    pub settled: u64,
    /// Those whose caller hung up before the call was whole.
    pub abandoned: u64,
    /// Those stored.
    pub stored: u64,
    /// Those recognised as a repetition.
    pub duplicate: u64,
    /// Calls taken that are not among the recorded ones, reads included.
    pub skipped: u64,
}

impl Sums {
    /// Calls whose fate is not known yet.
    pub(super) fn in_flight(self) -> u64 {
        self.received.saturating_sub(self.settled + self.abandoned)
    }

    /// Calls that were taken, repetitions included.
    pub(super) fn accepted(self) -> u64 {
        self.stored + self.duplicate
    }

    /// Calls that were refused.
    pub(super) fn refused(self) -> u64 {
        self.settled.saturating_sub(self.accepted())
    }
}

/// Adds one to a number that only this thread writes: no locked instruction is needed.
pub(super) fn bump(number: &AtomicU64) {
    add(number, 1);
}

/// Adds to a number that only this thread writes.
pub(super) fn add(number: &AtomicU64, more: u64) {
    number.store(number.load(Ordering::Relaxed) + more, Ordering::Release);
}

impl Counts {
    pub(super) fn receive(&self) {
        bump(&self.received);
    }

    pub(super) fn abandon(&self) {
        bump(&self.abandoned);
    }

    /// A call that was taken is not recorded.
    pub(super) fn skip(&self) {
        bump(&self.skipped);
    }

    pub(super) fn reject(&self) {
        bump(&self.settled);
    }

    /// A call about somebody who was erased and is suppressed: the ledger accounts for it.
    pub(super) fn suppress(&self) {
        bump(&self.settled);
    }

    pub(super) fn store(&self) {
        bump(&self.stored);
        bump(&self.settled);
    }

    pub(super) fn repeat(&self) {
        bump(&self.duplicate);
        bump(&self.settled);
    }
}

/// The counts of all threads, by environment.
#[derive(Debug, Default)]
pub(super) struct Tally {
    counts: Mutex<HashMap<EnvironmentId, Vec<Arc<Counts>>>>,
}

impl Tally {
    /// A new set of counts for the calling thread.
    pub(super) fn join(&self, environment: EnvironmentId) -> Arc<Counts> {
        let counts = Arc::new(Counts::default());
        let mut all = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(environment).or_default().push(Arc::clone(&counts));
        counts
    }

    /// The sums over all threads. `settled` is read before `received`, so that a call that comes and goes meanwhile
    /// never shows as settled and not received.
    pub(super) fn sums(&self, environment: EnvironmentId) -> Sums {
        let all = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = all.get(&environment).map_or(&[][..], Vec::as_slice);
        let sum = |number: fn(&Counts) -> &AtomicU64| -> u64 {
            counts.iter().map(|counts| number(counts).load(Ordering::Acquire)).sum()
        };
        let settled = sum(|counts| &counts.settled);
        let abandoned = sum(|counts| &counts.abandoned);
        let (stored, duplicate) = (sum(|counts| &counts.stored), sum(|counts| &counts.duplicate));
        let skipped = sum(|counts| &counts.skipped);
        Sums { received: sum(|counts| &counts.received), settled, abandoned, stored, duplicate, skipped }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_run_over_threads_and_never_over_environments() {
        let tally = Tally::default();
        let (one, two) = (tally.join(EnvironmentId(1)), tally.join(EnvironmentId(1)));
        let other = tally.join(EnvironmentId(2));
        for counts in [&one, &two, &two, &two, &other] {
            counts.receive();
        }
        one.store();
        two.repeat();
        two.abandon();
        one.skip();
        let sums = tally.sums(EnvironmentId(1));
        assert_eq!(sums, Sums { received: 4, settled: 2, abandoned: 1, stored: 1, duplicate: 1, skipped: 1 });
        assert_eq!((sums.accepted(), sums.refused()), (2, 0));
        assert_eq!(sums.in_flight(), 1);
        assert_eq!(tally.sums(EnvironmentId(3)), Sums::default());
    }
}
