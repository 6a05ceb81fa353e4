//! What a `Ledger` promises.

use muster_kernel::model::id::{EnvironmentId, KeyId};
use muster_kernel::model::ledger::LedgerRow;
use muster_kernel::ports::{EventLog, Ledger};

use super::store;
use crate::block_on::block_on;
use crate::builders::{KEY, PRODUCTION, guarded, identify};

/// Runs every promise.
pub fn ledger_keeps_its_promises(log: &dyn EventLog, ledger: &dyn Ledger) {
    let sums = |environment, key| {
        let rows = ledger.rows(environment, i64::MIN, i64::MAX).unwrap_or_else(|error| panic!("{error}"));
        let mut sum = LedgerRow { key, ..LedgerRow::default() };
        rows.iter().filter(|row| row.key == key).for_each(|row| sum.add(row));
        sum
    };
    let before = sums(PRODUCTION, KEY);
    for n in 0..5 {
        store(log, PRODUCTION, &identify(&format!("ledger{n}"), &[]));
    }
    let once = guarded(identify("ledger once", &[]), 200, 1);
    store(log, PRODUCTION, &once);
    let _ = block_on(log.append(PRODUCTION, &once));
    ledger.reject(PRODUCTION, KEY, "id_missing");
    ledger.reject(PRODUCTION, KEY, "id_missing");
    ledger.reject(PRODUCTION, KeyId(9), "id_empty");
    let after = sums(PRODUCTION, KEY);
    assert_eq!(after.stored - before.stored, 6);
    assert_eq!(after.duplicate - before.duplicate, 1);
    assert_eq!(after.rejected_total() - before.rejected_total(), 2, "{after:?}");
    assert_eq!(
        sums(PRODUCTION, KeyId(9)).rejected,
        [("id_empty".to_owned(), 1)].into(),
        "keys are kept apart"
    );
    assert_eq!(sums(EnvironmentId(2), KeyId(9)), LedgerRow { key: KeyId(9), ..LedgerRow::default() });
}
