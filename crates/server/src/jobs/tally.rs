//! The runner's own count of the rows that it hands to the log, so that the ledger's equation can fail (law 4).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use muster_kernel::model::id::EnvironmentId;

/// Rows of one environment since the start of the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RowSums {
    /// Handed to the log.
    pub received: u64,
    /// Of those, stored.
    pub settled: u64,
    /// Of those, certainly not stored: refused, or known before.
    pub abandoned: u64,
}

/// The rows of every environment.
#[derive(Debug, Default)]
pub struct RowTally(Mutex<HashMap<EnvironmentId, RowSums>>);

impl RowTally {
    pub(super) fn receive(&self, environment: EnvironmentId, rows: u64) {
        self.with(environment, |sums| sums.received += rows);
    }

    pub(super) fn settle(&self, environment: EnvironmentId, rows: u64) {
        self.with(environment, |sums| sums.settled += rows);
    }

    pub(super) fn abandon(&self, environment: EnvironmentId, rows: u64) {
        self.with(environment, |sums| sums.abandoned += rows);
    }

    /// The rows of an environment.
    pub fn sums(&self, environment: EnvironmentId) -> RowSums {
        self.with(environment, |sums| *sums)
    }

    fn with<T>(&self, environment: EnvironmentId, work: impl FnOnce(&mut RowSums) -> T) -> T {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        work(all.entry(environment).or_default())
    }
}
