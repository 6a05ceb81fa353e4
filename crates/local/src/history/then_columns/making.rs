//! Folds what identify events say about a property into each user's changes, some users at a time.
//!
//! Of facts the largest (time, row number in a job, value) is true, as in a profile, so at each time it is the largest of those
//! up to then. In a part users ascend, so the facts of some users are a run of rows of each part; they are put in order and
//! what changes nothing is left out.

use std::sync::atomic::{AtomicUsize, Ordering};

use hashbrown::HashMap;
use muster_kernel::model::event::EventKind;
use muster_kernel::model::history::EventName;
use muster_kernel::model::report::{Pattern, Which};
use muster_kernel::model::time::Timestamp;
use muster_kernel::model::value::{OwnedValue, Value};
use muster_kernel::ports::{ProfileKind, StoreError};

use super::{PIECE_USERS, Piece, ThenColumn};
use crate::history::column::{Column, value_of};
use crate::history::dictionary::{Dictionary, property_key, read};
use crate::history::lane::to_signed;
use crate::history::part::Content;
use crate::history::ranges::{self, Source};
use crate::history::scan::Scan;

/// Different values that a property may have had.
const VALUES_MAX: u32 = 100_000;
/// The number of the value null in each thread's dictionary: the first that it is given.
const NULL: u32 = 1;
/// Beside the memory that the column may take, one part in so many of it is used for facts on their way.
const SHARE_OF_FACTS: usize = 4;

/// What somebody said.
#[derive(Clone, Copy)]
struct Fact {
    user: u32,
    /// Row number in a job.
    ordinal: u32,
    time: i64,
    /// The number of the value.
    value: u32,
}

/// A column in the making.
struct Making<'a> {
    sources: Vec<(Source<'a>, Column<'a>)>,
    /// What the base knows, by users' numbers.
    based: Vec<Fact>,
    /// Bytes that all threads' pieces hold.
    held: AtomicUsize,
    bytes_max: usize,
    /// Facts that all threads put in order at a time, but for those of one user: these may be as many for each.
    facts_max: usize,
    threads: usize,
}

/// The values that were met, as many as there may be.
#[derive(Clone, Default)]
struct Values {
    known: Dictionary,
    bytes_max: usize,
    /// There were more.
    overflown: bool,
}

impl Values {
    fn number(&mut self, value: &[u8]) -> u32 {
        // The empty text and null are none.
        let is_full = self.known.count() > VALUES_MAX + NULL || self.known.bytes() > self.bytes_max;
        if !is_full {
            return self.known.intern(value);
        }
        self.known.get(value).unwrap_or_else(|| {
            self.overflown = true;
            0
        })
    }

    fn value(&self, number: u32) -> Value<'_> {
        value_of(self.known.text(number).unwrap_or_default())
    }

    fn check(&self) -> Result<(), StoreError> {
        if self.overflown { Err(StoreError::TooLarge) } else { Ok(()) }
    }
}

/// What a thread has made.
struct Made {
    values: Values,
    facts: Vec<Fact>,
    pieces: Vec<(u32, Piece)>,
}

/// The column of a property, of the events up to the scan's position.
///
/// # Errors
/// When history cannot be read, or the column has too many values or needs more memory than this.
pub(super) fn made(name: &str, scan: &Scan<'_>, bytes_max: usize) -> Result<ThenColumn, StoreError> {
    scan.check()?;
    let threads = scan.threads.max(1);
    let mut values = Values { bytes_max: bytes_max / threads, ..Values::default() };
    let mut null = Vec::new();
    Value::Null.encode(&mut null);
    values.number(&null);
    let (based, since) = based(name, scan, &mut values, bytes_max)?;
    let identified = Pattern::of(Which::Named(EventName::kind(EventKind::IdentifyUser)));
    let mut key = Vec::new();
    property_key(name.as_bytes(), &mut key);
    let code = read(scan.known).names.get(&key);
    let sources = ranges::sources(scan, &[&identified], false, (i64::MIN, i64::MAX))?;
    let sources = sources.into_iter().filter_map(|source| with_column(source, code)).collect();
    let facts_max = bytes_max / SHARE_OF_FACTS / size_of::<Fact>();
    let held = AtomicUsize::new(0);
    let making = Making { sources, based, held, bytes_max, facts_max, threads };
    let users = read(scan.known).users.count();
    let units: Vec<u32> = (0..users.div_ceil(PIECE_USERS)).collect();
    let rows: usize = making.sources.iter().map(|(source, _)| source.part.rows).sum();
    let each = rows as u64 / units.len().max(1) as u64;
    let begin = || Made { values: values.clone(), facts: Vec::new(), pieces: Vec::new() };
    let threads = scan.share(&units, |_| each, begin, |made, unit| making.piece(made, *unit))?;
    put_together(threads, units.len(), since, bytes_max)
}

fn with_column<'a>(source: Source<'a>, code: Option<u32>) -> Option<(Source<'a>, Column<'a>)> {
    let column = source.part.column(Content::Property, code?)?;
    Some((source, column))
}

/// What the base knows of a property, and since when everything is known.
fn based(
    name: &str,
    scan: &Scan<'_>,
    values: &mut Values,
    bytes_max: usize,
) -> Result<(Vec<Fact>, Timestamp), StoreError> {
    let mut facts = Vec::new();
    let Some((base, sieve)) = &scan.snapshot.base else { return Ok((facts, Timestamp(i64::MIN))) };
    let known = read(scan.known);
    // Of what was said ahead of its time it is no longer known what was true before.
    let mut since = base.since();
    let mut encoded = Vec::new();
    base.each(ProfileKind::User, sieve, &mut |id, profile| {
        scan.check()?;
        since = since.max(profile.view().latest_at().unwrap_or(since));
        let found = profile.view().told(name).zip(known.users.get(id.as_bytes()));
        if let Some(((at, ordinal, value), user)) = found {
            encoded.clear();
            value.encode(&mut encoded);
            facts.push(Fact { user, ordinal, time: at.0, value: values.number(&encoded) });
            values.check()?;
            check(facts.len() * size_of::<Fact>(), bytes_max)?;
        }
        Ok(())
    })?;
    facts.sort_unstable_by_key(|fact| fact.user);
    Ok((facts, since))
}

fn check(bytes: usize, bytes_max: usize) -> Result<(), StoreError> {
    if bytes > bytes_max { Err(StoreError::TooLarge) } else { Ok(()) }
}

impl Making<'_> {
    fn piece(&self, made: &mut Made, unit: u32) -> Result<(), StoreError> {
        let first = unit * PIECE_USERS;
        let mut piece = Piece::default();
        self.users(made, &mut piece, (first, first + (PIECE_USERS - 1)))?;
        if piece.times.is_empty() {
            return Ok(());
        }
        piece.starts.push(length(&piece.times));
        piece.starts.shrink_to_fit();
        piece.times.shrink_to_fit();
        piece.codes.shrink_to_fit();
        let held = self.held.fetch_add(piece.bytes(), Ordering::Relaxed) + piece.bytes();
        made.pieces.push((unit, piece));
        check(held + made.values.known.bytes(), self.bytes_max)
    }

    /// Appends the changes of some users: half of them at a time when they said more than there is room for.
    fn users(&self, made: &mut Made, piece: &mut Piece, (first, last): (u32, u32)) -> Result<(), StoreError> {
        let rows: usize = self.sources.iter().map(|(source, _)| source.rows((first, last)).len()).sum();
        if first == last && rows > self.facts_max {
            return Err(StoreError::TooLarge);
        }
        if first < last && rows > self.facts_max / self.threads {
            let middle = first + (last - first) / 2;
            self.users(made, piece, (first, middle))?;
            return self.users(made, piece, (middle + 1, last));
        }
        made.facts.clear();
        let begin = self.based.partition_point(|fact| fact.user < first);
        let end = self.based.partition_point(|fact| fact.user <= last);
        made.facts.extend_from_slice(&self.based[begin..end]);
        for (source, column) in &self.sources {
            self.gather(made, (source, column), (first, last));
        }
        made.values.check()?;
        // Not unstable: what the parts say is in order already, each for itself.
        made.facts.sort_by_key(|fact| (fact.user, fact.time, fact.ordinal));
        let mut facts = made.facts.as_slice();
        for user in first..=last {
            piece.starts.push(length(&piece.times));
            let own = facts.partition_point(|fact| fact.user == user);
            fold(&facts[..own], &made.values, piece);
            facts = &facts[own..];
        }
        Ok(())
    }

    fn gather(&self, made: &mut Made, (source, column): (&Source<'_>, &Column<'_>), range: (u32, u32)) {
        let rows = source.rows(range);
        if rows.is_empty() {
            return;
        }
        let Made { values, facts, .. } = made;
        let found = column.groups(rows.clone(), 0, |value| values.number(value));
        let (hides, has_ordinals) = (source.hides_any(), !source.part.ordinals.is_always(0));
        source.show(&rows, |first_row, users, times| {
            for (row, (user, time)) in (first_row..).zip(users.iter().zip(times)) {
                let value = found[row - rows.start];
                if value == 0 || *user == 0 || (hides && source.hides(row)) {
                    continue;
                }
                let number = |number: Option<u64>| {
                    number.and_then(|number| u32::try_from(number).ok()).unwrap_or_default()
                };
                let ordinal = if has_ordinals { number(source.part.ordinals.get(row)) } else { 0 };
                facts.push(Fact { user: number(Some(*user)), ordinal, time: to_signed(*time), value });
            }
        });
    }
}

/// Appends what the facts of a user, by time and row number, come to.
fn fold(facts: &[Fact], values: &Values, piece: &mut Piece) {
    let mut before = NULL;
    for of_one_time in facts.chunk_by(|a, b| a.time == b.time) {
        let larger = |a: &Fact, b: &Fact| {
            a.ordinal.cmp(&b.ordinal).then_with(|| values.value(a.value).cmp(&values.value(b.value)))
        };
        let Some(fact) = of_one_time.iter().max_by(|a, b| larger(a, b)) else { continue };
        if fact.value != before {
            before = fact.value;
            piece.times.push(fact.time);
            piece.codes.push(fact.value);
        }
    }
}

fn length(times: &[i64]) -> u32 {
    u32::try_from(times.len()).unwrap_or(u32::MAX)
}

/// The column that the threads' pieces come to, with one number for each value in all of them.
fn put_together(
    threads: Vec<Made>,
    pieces: usize,
    since: Timestamp,
    bytes_max: usize,
) -> Result<ThenColumn, StoreError> {
    let mut column = ThenColumn { pieces: Vec::new(), values: Vec::new(), since, bytes: 0 };
    // Of what nobody ever had nothing is held.
    if threads.iter().any(|made| !made.pieces.is_empty()) {
        column.pieces.resize_with(pieces, Piece::default);
        column.bytes += pieces * size_of::<Piece>();
    }
    let mut places: HashMap<OwnedValue, u32> = HashMap::new();
    for Made { values, pieces, .. } in threads {
        let mut place_of: Vec<u32> = vec![0; NULL as usize + 1];
        for number in NULL + 1..values.known.count() {
            let place = *places.entry(OwnedValue::of(values.value(number))).or_insert_with_key(|value| {
                column.values.push(value.clone());
                u32::try_from(column.values.len()).unwrap_or(u32::MAX)
            });
            place_of.push(place);
        }
        for (unit, mut piece) in pieces {
            for code in &mut piece.codes {
                *code = place_of.get(*code as usize).copied().unwrap_or_default();
            }
            column.bytes += piece.bytes();
            column.pieces[unit as usize] = piece;
        }
    }
    column.bytes += column.values.iter().map(OwnedValue::bytes).sum::<usize>();
    let is_too_large = column.values.len() > VALUES_MAX as usize || column.bytes > bytes_max;
    if is_too_large { Err(StoreError::TooLarge) } else { Ok(column) }
}
