//! The conservation ledger of an environment (law 4).
//!
//! Stored events are counted as they are folded. Refused and repeated calls leave no event: they are counted here,
//! noted in the log with the next batch, and counted for good when that note is folded. Rows are sums: of the store,
//! of the overlay's generations, and of what is not noted yet (encoding: docs/FORMAT.md, "Ledger").

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use muster_kernel::model::id::KeyId;
use muster_kernel::model::ledger::LedgerRow;
use muster_kernel::model::varint::{self, Reader};
use muster_kernel::ports::StoreError;

use crate::environment::State;

type Rows = BTreeMap<(i64, KeyId), LedgerRow>;

/// Refused and repeated calls whose note is not folded yet.
#[derive(Default)]
pub struct Refused(Mutex<Rows>);

impl Refused {
    /// Counts calls that will be noted.
    pub fn add(&self, row: &LedgerRow) {
        add(&mut self.lock(), row);
    }

    /// The note of these calls is folded: `count` counts them for good, and no reader sees them twice or not at all.
    pub fn settle(&self, row: &LedgerRow, count: impl FnOnce()) {
        let mut rows = self.lock();
        count();
        // A replayed note was counted by the process before this one.
        if let Some(known) = rows.get_mut(&(row.minute, row.key)) {
            known.subtract(row);
            if known.accounted() == 0 {
                rows.remove(&(row.minute, row.key));
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Rows> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The rows of the minutes `from ..= to`.
pub(crate) fn rows(state: &State, from: i64, to: i64) -> Result<Vec<LedgerRow>, StoreError> {
    loop {
        let saved = state.store.saved()?;
        let mut sums = Rows::new();
        for row in state.store.ledger_rows(from, to)? {
            add(&mut sums, &row);
        }
        let refused = state.refused.lock();
        let generations = state.overlay.generations();
        for generation in generations.each() {
            // Counts and position of a generation are saved in one batch of the store.
            let moved = |(moving, position): &(_, _)| Arc::ptr_eq(moving, generation) && saved >= *position;
            if !generations.moving.as_ref().is_some_and(moved) {
                generation.ledger(from, to).iter().for_each(|row| add(&mut sums, row));
            }
        }
        refused.values().filter(|row| (from..=to).contains(&row.minute)).for_each(|row| add(&mut sums, row));
        drop(refused);
        // A move that ended meanwhile may have been missed on both sides.
        if state.store.saved()? == saved {
            return Ok(sums.into_values().collect());
        }
    }
}

fn add(rows: &mut Rows, row: &LedgerRow) {
    let empty = || LedgerRow { minute: row.minute, key: row.key, ..LedgerRow::default() };
    rows.entry((row.minute, row.key)).or_insert_with(empty).add(row);
}

/// Appends a row.
pub fn encode_note(row: &LedgerRow, out: &mut Vec<u8>) {
    out.extend_from_slice(&row.minute.to_le_bytes());
    varint::put(out, u64::from(row.key.0));
    for count in [row.stored, row.duplicate, row.suppressed] {
        varint::put(out, count);
    }
    varint::put(out, row.rejected.len() as u64);
    for (code, count) in &row.rejected {
        varint::put_bytes(out, code.as_bytes());
        varint::put(out, *count);
    }
}

/// Reads a row written by [`encode_note`].
pub fn decode_note(bytes: &[u8]) -> Option<LedgerRow> {
    let mut reader = Reader::new(bytes);
    let mut row = LedgerRow {
        minute: reader.int64()?,
        key: KeyId(u32::try_from(reader.varint()?).ok()?),
        stored: reader.varint()?,
        duplicate: reader.varint()?,
        suppressed: reader.varint()?,
        ..LedgerRow::default()
    };
    for _ in 0..reader.length()? {
        let code = reader.text()?.to_owned();
        row.rejected.insert(code, reader.varint()?);
    }
    reader.is_empty().then_some(row)
}
