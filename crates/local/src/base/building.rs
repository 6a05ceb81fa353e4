//! Makes a base: what is dropped is folded in bounded pieces into sorted runs, and these are merged with the base before.
//!
//! Profiles are merged as everywhere (law 3), of guards the later outcome counts as in the store, rows of the ledger are
//! added: no record is in two of the sources.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use muster_kernel::model::event::Event;
use muster_kernel::model::id::{KeyId, Position};
use muster_kernel::model::profile::Profile;
use muster_kernel::model::time::Timestamp;
use muster_kernel::ports::{ProfileKind, Receipt, StoreError};

use super::file::{BaseWriter, Entry, Table};
use super::{Base, RUN_SUFFIX, table, unwritten};
use crate::environment::Environment;
use crate::erasure::Sieve;
use crate::ledger::{decode_note, encode_note};
use crate::log::reader::FrameCursor;
use crate::log::record::{Frame, FrameKind};
use crate::profiles::overlay::{Generation, stored};
use crate::profiles::store::{decode_guard, encode_guard, ledger_key};

/// Memory of the profiles that are folded before they are written.
const RUN_BYTES: usize = 128 << 20;
/// Records between two looks at whether to go on.
const CHECK_RECORDS: u64 = 4_096;

/// Whether to go on.
pub(super) type Check<'a> = dyn Fn() -> Result<(), StoreError> + 'a;

/// Makes the base of a position whose record was received at `time`, and puts it in the place of the one before, durably.
///
/// # Errors
/// When the log cannot be read, the base cannot be written, or `check` does not want to go on.
pub(super) fn build(
    environment: &Environment,
    position: Position,
    time: Timestamp,
    check: &Check<'_>,
) -> Result<Arc<Base>, StoreError> {
    let bases = &environment.bases;
    let before = bases.current();
    let mut runs: Vec<Base> = Vec::new();
    let mut folded = Generation::alone();
    let mut add_run = |folded: Generation| -> Result<(), StoreError> {
        let path = bases.directory().join(format!("{}{RUN_SUFFIX}", runs.len()));
        bases.write(&path, (position, time), &mut |writer| write_run(&folded, writer))?;
        runs.push(Base::open(bases.disk.as_ref(), &path).map_err(StoreError::Damaged)?);
        Ok(())
    };
    let mut count = 0u64;
    let after = bases.position();
    each_record(environment, after, position, &mut |frame| {
        fold(&folded, frame);
        count += 1;
        if folded.bytes() >= RUN_BYTES {
            add_run(std::mem::replace(&mut folded, Generation::alone()))?;
        }
        if count.is_multiple_of(CHECK_RECORDS) { check() } else { Ok(()) }
    })?;
    add_run(folded)?;
    // Whoever an erasure covers that begins meanwhile is hidden when the base is read, and taken out by its purge, which waits
    // for this. The guards of what is dropped stay then: hashes, of which nobody can say any more whose they are.
    let nothing = Sieve::default();
    let all = before.iter().map(|base| &**base).chain(&runs);
    let sources: Vec<(&Base, &Sieve)> = all.map(|base| (base, &nothing)).collect();
    bases.replace((position, time), &mut |writer| merge(&sources, writer, check))
}

/// Shows the records of the log behind `after`, up to `until`.
fn each_record(
    environment: &Environment,
    after: Position,
    until: Position,
    see: &mut dyn FnMut(&Frame<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let failed = |error| StoreError::Failed(format!("the log cannot be read: {error}"));
    let segments = environment.log.segments.all();
    let mut last = after;
    for (index, segment) in segments.iter().enumerate() {
        if segments.get(index + 1).is_some_and(|next| next.first.0 <= after.0 + 1) {
            continue;
        }
        let mut cursor = FrameCursor::at_start(segment.clone());
        while let Some(frame) = cursor.next_frame().map_err(failed)? {
            if frame.kind == FrameKind::Batch || frame.position <= after {
                continue;
            }
            if frame.position > until {
                break;
            }
            last = frame.position;
            see(&frame)?;
        }
    }
    if last != until {
        return Err(StoreError::Damaged(format!("the log cannot be read beyond position {}", last.0)));
    }
    Ok(())
}

/// As the fold thread does, but for calls that wait.
fn fold(into: &Generation, frame: &Frame<'_>) {
    match frame.kind {
        FrameKind::Event | FrameKind::Reduced => {
            let Some(Ok(event)) = frame.event().map(Event::decode) else { return };
            into.fold(&event, Receipt { position: frame.position, received_at: frame.received_at });
            into.count(&stored(event.key, frame.received_at));
        }
        FrameKind::LedgerNote => {
            if let Some(row) = decode_note(frame.payload) {
                into.count(&row);
            }
        }
        FrameKind::Hole => {
            if let Some(key) = frame.payload.first_chunk().copied().map(u32::from_le_bytes) {
                into.count(&stored(KeyId(key), frame.received_at));
            }
        }
        FrameKind::Erasure | FrameKind::Batch => {}
    }
}

fn write_run(folded: &Generation, writer: &mut BaseWriter) -> Result<(), StoreError> {
    for kind in [ProfileKind::User, ProfileKind::Company] {
        folded.with_sorted(kind, |profiles| {
            profiles.iter().try_for_each(|(id, profile)| {
                writer.push(table(kind), id.as_bytes(), profile.as_bytes()).map_err(unwritten)
            })
        })?;
    }
    let mut guards = folded.guards();
    guards.sort_unstable_by_key(|(key, _)| *key);
    for (key, outcome) in guards {
        writer.push(Table::Guards, &key, &encode_guard(&outcome)).map_err(unwritten)?;
    }
    let mut value = Vec::new();
    for row in folded.ledger(i64::MIN, i64::MAX) {
        value.clear();
        encode_note(&row, &mut value);
        writer.push(Table::Ledger, &ledger_key(row.minute, row.key), &value).map_err(unwritten)?;
    }
    Ok(())
}

/// The next entry of a base: its key, the number of the base, its value.
type Head<'b> = (&'b [u8], usize, &'b [u8]);

/// Writes what some bases come to together, each but for what its sieve covers.
pub(super) fn merge(
    sources: &[(&Base, &Sieve)],
    writer: &mut BaseWriter,
    check: &Check<'_>,
) -> Result<(), StoreError> {
    let mut count = 0u64;
    for table in Table::ALL {
        let mut streams: Vec<_> = sources.iter().map(|(base, _)| base.0.entries(table)).collect();
        let mut next: BinaryHeap<Reverse<Head<'_>>> = BinaryHeap::new();
        for (index, stream) in streams.iter_mut().enumerate() {
            next.extend(step(stream)?.map(|(key, value)| Reverse((key, index, value))));
        }
        let mut pending: Option<(&[u8], Vec<u8>)> = None;
        while let Some(Reverse((key, index, value))) = next.pop() {
            count += 1;
            if count.is_multiple_of(CHECK_RECORDS) {
                check()?;
            }
            if let Some(stream) = streams.get_mut(index) {
                next.extend(step(stream)?.map(|(key, value)| Reverse((key, index, value))));
            }
            let Some((base, sieve)) = sources.get(index) else { continue };
            let Some(value) = sifted(base, table, key, value, sieve)? else { continue };
            pending = Some(match pending.take() {
                Some((same, sum)) if same == key => (key, joined(base, table, &sum, &value)?),
                other => {
                    write(writer, table, other)?;
                    (key, value.into_owned())
                }
            });
        }
        write(writer, table, pending)?;
    }
    Ok(())
}

fn write(writer: &mut BaseWriter, table: Table, entry: Option<(&[u8], Vec<u8>)>) -> Result<(), StoreError> {
    entry.map_or(Ok(()), |(key, value)| writer.push(table, key, &value).map_err(unwritten))
}

fn step<'b>(
    stream: &mut impl Iterator<Item = Result<Entry<'b>, String>>,
) -> Result<Option<Entry<'b>>, StoreError> {
    stream.next().transpose().map_err(StoreError::Damaged)
}

/// What a sieve leaves of an entry.
fn sifted<'b>(
    base: &Base,
    table: Table,
    key: &[u8],
    value: &'b [u8],
    sieve: &Sieve,
) -> Result<Option<Cow<'b, [u8]>>, StoreError> {
    let kind = match table {
        Table::Users => ProfileKind::User,
        Table::Companies => ProfileKind::Company,
        Table::Guards | Table::Ledger => return Ok(Some(Cow::Borrowed(value))),
    };
    if sieve.is_empty() {
        return Ok(Some(Cow::Borrowed(value)));
    }
    let id = std::str::from_utf8(key).map_err(|_| base.damaged())?;
    let left = base.left(kind, id, base.decoded(value)?, sieve);
    Ok(left.map(|profile| Cow::Owned(profile.as_bytes().to_vec())))
}

/// What two values of one key come to.
fn joined(base: &Base, table: Table, left: &[u8], right: &[u8]) -> Result<Vec<u8>, StoreError> {
    let damaged = || base.damaged();
    match table {
        Table::Users | Table::Companies => {
            let profile = |bytes: &[u8]| Profile::from_bytes(bytes.to_vec()).map_err(|_| damaged());
            Ok(profile(left)?.merge(&profile(right)?).as_bytes().to_vec())
        }
        Table::Guards => {
            let position =
                |bytes| decode_guard(bytes).map(|guard| guard.receipt.position).ok_or_else(damaged);
            Ok(if position(left)? > position(right)? { left } else { right }.to_vec())
        }
        Table::Ledger => {
            let mut sum = decode_note(left).ok_or_else(damaged)?;
            sum.add(&decode_note(right).ok_or_else(damaged)?);
            let mut value = Vec::new();
            encode_note(&sum, &mut value);
            Ok(value)
        }
    }
}
