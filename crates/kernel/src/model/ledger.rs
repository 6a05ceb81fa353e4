//! The conservation ledger (law 4): every call and row received is accounted for, per key and minute.

use std::collections::BTreeMap;

use super::id::KeyId;

/// What became of the calls of one key in one minute. `received` is the sum of the others by construction in a row
/// that is at rest; the engine also counts arrivals on its own, so that the equation can fail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LedgerRow {
    /// Minutes since 1970, by the time of receipt.
    pub minute: i64,
    /// The key that brought them.
    pub key: KeyId,
    /// Written to the log for the first time.
    pub stored: u64,
    /// Repetitions of a call or event already stored.
    pub duplicate: u64,
    /// Refused, by problem code.
    pub rejected: BTreeMap<String, u64>,
    /// Refused because the subject was erased and is suppressed.
    pub suppressed: u64,
}

impl LedgerRow {
    /// All refused ones.
    pub fn rejected_total(&self) -> u64 {
        self.rejected.values().sum()
    }

    /// What must have been received for this row to be what it is.
    pub fn accounted(&self) -> u64 {
        self.stored + self.duplicate + self.rejected_total() + self.suppressed
    }

    /// Adds what another row of the same minute and key counted.
    pub fn add(&mut self, other: &LedgerRow) {
        self.stored += other.stored;
        self.duplicate += other.duplicate;
        self.suppressed += other.suppressed;
        for (code, count) in &other.rejected {
            *self.rejected.entry(code.clone()).or_default() += count;
        }
    }

    /// Takes away what another row of the same minute and key counted, which this one contains.
    pub fn subtract(&mut self, other: &LedgerRow) {
        self.stored -= other.stored;
        self.duplicate -= other.duplicate;
        self.suppressed -= other.suppressed;
        for (code, count) in &other.rejected {
            if let Some(known) = self.rejected.get_mut(code) {
                *known -= count;
            }
        }
        self.rejected.retain(|_, count| *count > 0);
    }
}
