//! When sessions were used, until that is kept in the catalog.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use muster_kernel::model::time::Timestamp;

/// Uses since they were last taken away; one entry for each session that is in the catalog at most.
#[derive(Debug, Default)]
pub(super) struct SessionUses {
    by_session: Mutex<HashMap<String, Timestamp>>,
}

impl SessionUses {
    /// Notes a use of the session whose token has this SHA-256.
    pub(super) fn note(&self, sha256: &str, now: Timestamp) {
        let mut by_session = self.by_session.lock().unwrap_or_else(PoisonError::into_inner);
        match by_session.get_mut(sha256) {
            Some(last) => *last = (*last).max(now),
            None => drop(by_session.insert(sha256.to_owned(), now)),
        }
    }

    /// Takes the uses away.
    pub(super) fn take(&self) -> Vec<(String, Timestamp)> {
        let mut by_session = self.by_session.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *by_session).into_iter().collect()
    }
}
