//! First outcomes of guarded calls that are folded but not in the store yet.

use std::sync::{PoisonError, RwLock};

use hashbrown::HashMap;
use muster_kernel::model::guard::{Guard, GuardKind};
use muster_kernel::ports::Receipt;

use super::overlay::ENTRY_BYTES;

/// What the guard of a row of history costs: a slot of the map, which is seldom full, and its place in the mover's list.
const ROW_BYTES: usize = 112;

/// The first outcome of a guarded call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guarded {
    /// Where and when it was taken.
    pub receipt: Receipt,
    /// The hash of its body.
    pub body: [u8; 16],
    /// The warnings that it was answered with.
    pub warnings: Box<str>,
}

/// Outcomes by the keys of their guards.
#[derive(Default)]
pub(super) struct Guards {
    calls: RwLock<HashMap<[u8; 16], Guarded>>,
    /// Those of rows of history, of which there may be a million: the key is all that they say.
    rows: RwLock<HashMap<[u8; 16], Receipt>>,
}

impl Guards {
    /// Keeps an outcome; answers what it costs, in bytes.
    pub(super) fn remember(&self, guard: &Guard, receipt: Receipt, warnings: &str) -> usize {
        if guard.kind == GuardKind::Row && guard.body == guard.key && warnings.is_empty() {
            self.rows.write().unwrap_or_else(PoisonError::into_inner).insert(guard.key, receipt);
            return ROW_BYTES;
        }
        let outcome = Guarded { receipt, body: guard.body, warnings: warnings.into() };
        self.calls.write().unwrap_or_else(PoisonError::into_inner).insert(guard.key, outcome);
        ENTRY_BYTES + warnings.len()
    }

    /// The outcome of one call.
    pub(super) fn get(&self, key: &[u8; 16]) -> Option<Guarded> {
        self.calls.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned().or_else(|| {
            let rows = self.rows.read().unwrap_or_else(PoisonError::into_inner);
            rows.get(key).map(|receipt| of_row(*key, *receipt))
        })
    }

    /// The hashes of what was taken under many keys, nothing where a key is not known.
    pub(super) fn bodies<'k>(
        &self,
        keys: impl Iterator<Item = &'k [u8; 16]>,
        mut see: impl FnMut(Option<[u8; 16]>),
    ) {
        let calls = self.calls.read().unwrap_or_else(PoisonError::into_inner);
        let rows = self.rows.read().unwrap_or_else(PoisonError::into_inner);
        for key in keys {
            let row = rows.contains_key(key).then_some(*key);
            see(row.or_else(|| calls.get(key).map(|known| known.body)));
        }
    }

    /// All of them, in no order.
    pub(super) fn all(&self) -> Vec<([u8; 16], Guarded)> {
        let calls = self.calls.read().unwrap_or_else(PoisonError::into_inner);
        let rows = self.rows.read().unwrap_or_else(PoisonError::into_inner);
        let guarded = calls.iter().map(|(key, outcome)| (*key, outcome.clone()));
        guarded.chain(rows.iter().map(|(key, receipt)| (*key, of_row(*key, *receipt)))).collect()
    }
}

fn of_row(key: [u8; 16], receipt: Receipt) -> Guarded {
    Guarded { receipt, body: key, warnings: Box::default() }
}
