//! Users' properties as they were when events happened: for each user the times at which a property changed, and to what.
//!
//! A column is folded from the users' identify events, once for a question and everything that it looks at ([`making`]), as `as_of`
//! folds a profile; an event's value is found beside the one of the event before it. A few columns are kept for the next
//! question and for who asks for the people behind a number, as long as no identify event came between.
//! Guarantees: a column is of the events up to the scan's position, whoever keeps it; bounded in values and bytes.

mod making;

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use muster_kernel::model::event::EventKind;
use muster_kernel::model::report::Then;
use muster_kernel::model::time::Timestamp;
use muster_kernel::model::value::OwnedValue;
use muster_kernel::ports::StoreError;

use super::bits::{BLOCK, Block};
use super::dictionary::{event_key, read};
use super::lane::{self, to_signed};
use super::part::Part;
use super::scan::Scan;

/// Users of a piece.
const PIECE_USERS: u32 = 1 << 13;
/// Bytes that the columns which are kept may take together.
const KEPT_BYTES_MAX: usize = 64 << 20;
/// How many columns are kept, however small.
const COLUMNS_MAX: usize = 64;
/// The columns of a question may take one part in so many of its memory; the rest is for what is counted.
const SHARE_OF_MEMORY: usize = 2;

/// A property of all users, at every time.
pub struct ThenColumn {
    /// By users' numbers, [`PIECE_USERS`] in each.
    pieces: Vec<Piece>,
    /// The values.
    pub values: Vec<OwnedValue>,
    /// The first time of which everybody's value is known.
    since: Timestamp,
    bytes: usize,
}

/// The changes of some users.
#[derive(Default)]
struct Piece {
    /// Where those of each user begin, and behind the last where they end; empty when none of them has any.
    starts: Vec<u32>,
    /// When, ascending for each user.
    times: Vec<i64>,
    /// The place of the value from then on, from 1; 0 for none.
    codes: Vec<u32>,
}

impl Piece {
    fn bytes(&self) -> usize {
        4 * self.starts.capacity() + 8 * self.times.capacity() + 4 * self.codes.capacity()
    }

    fn of(&self, place: usize) -> Option<(&[i64], &[u32])> {
        let range = *self.starts.get(place)? as usize..*self.starts.get(place + 1)? as usize;
        Some((self.times.get(range.clone())?, self.codes.get(range)?))
    }
}

impl ThenColumn {
    fn changes(&self, user: u32) -> (&[i64], &[u32]) {
        let piece = self.pieces.get((user / PIECE_USERS) as usize);
        piece.and_then(|piece| piece.of((user % PIECE_USERS) as usize)).unwrap_or_default()
    }

    /// For each of some rows of a part the place of the value, from 1 on, that its user had when it happened; 0 for none.
    pub fn groups(&self, part: &Part<'_>, rows: &Range<usize>) -> Vec<u32> {
        let mut groups = Vec::with_capacity(rows.len());
        let (mut times, mut users): (Block, Block) = ([0; BLOCK], [0; BLOCK]);
        let (mut known, mut changes, mut next, mut last) = (0, self.changes(0), 0, i64::MIN);
        for block in rows.start / BLOCK..rows.end.div_ceil(BLOCK) {
            let count = part.times.block(block, &mut times);
            part.users.block(block, &mut users);
            let from = rows.start.saturating_sub(block * BLOCK);
            let until = (rows.end - block * BLOCK).min(count).max(from);
            for (user, time) in users[from..until].iter().zip(&times[from..until]) {
                let time = to_signed(*time);
                if *user != known || time < last {
                    (known, next) = (*user, 0);
                    changes = self.changes(u32::try_from(known).unwrap_or_default());
                }
                last = time;
                // The events of a user stand one behind the other, by time.
                while changes.0.get(next).is_some_and(|change| *change <= time) {
                    next += 1;
                }
                groups.push(next.checked_sub(1).map_or(0, |change| changes.1[change]));
            }
        }
        groups
    }

    /// Which of some rows of a part are of a user who had one of these values when they happened.
    pub fn passing(&self, part: &Part<'_>, rows: &Range<usize>, any_of: &[OwnedValue]) -> Vec<bool> {
        let passes = self.values.iter().map(|value| any_of.contains(value));
        let passes: Vec<bool> = std::iter::once(false).chain(passes).collect();
        let group = |group: u32| passes.get(group as usize).copied().unwrap_or_default();
        self.groups(part, rows).into_iter().map(group).collect()
    }
}

/// The columns that a question asks for.
#[derive(Default)]
pub struct Past(Vec<(String, Arc<ThenColumn>)>);

impl Past {
    /// The column of a property.
    pub fn get(&self, name: &str) -> Option<&ThenColumn> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, column)| column.as_ref())
    }

    /// Bytes that they hold.
    pub fn bytes(&self) -> usize {
        self.0.iter().map(|(_, column)| column.bytes).sum()
    }
}

/// A column that is kept, and what it is of.
struct Kept {
    name: String,
    through: u64,
    /// The erasures that are hidden in what it was made from.
    sifted: Vec<u32>,
    /// The position of the base that it begins with.
    base: u64,
    asked: Instant,
    column: Arc<ThenColumn>,
}

/// The columns that are kept.
#[derive(Default)]
pub struct ThenColumns(Mutex<Vec<Kept>>);

impl ThenColumns {
    /// Forgets all columns.
    pub fn clear(&self) {
        self.kept().clear();
    }

    /// Forgets those that nobody has asked for so long.
    pub fn forget_old(&self, age: Duration) {
        let now = now();
        self.kept().retain(|kept| now.duration_since(kept.asked) < age);
    }

    fn kept(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a question asks of users as they were, of the events up to the scan's position.
    ///
    /// # Errors
    /// When history cannot be read, has dropped what was said before the question's first event, or the columns have too many
    /// values or need more memory than the question may have.
    pub fn of(&self, then: &Then<'_>, scan: &Scan<'_>) -> Result<Past, StoreError> {
        let mut past = Past::default();
        for name in &then.properties {
            let bytes_max = (scan.bytes_max / SHARE_OF_MEMORY).saturating_sub(past.bytes());
            let column = match self.known(name, scan)? {
                Some(known) if known.bytes <= bytes_max => known,
                Some(_) => return Err(StoreError::TooLarge),
                None => self.make(name, scan, bytes_max)?,
            };
            if let Some((base, _)) = scan.snapshot.base.as_ref().filter(|_| then.from < column.since) {
                return Err(StoreError::Dropped { until: base.position(), since: column.since });
            }
            past.0.push(((*name).to_owned(), column));
        }
        Ok(past)
    }

    /// The column that is kept, if nothing that matters was said between what it is of and what is asked.
    fn known(&self, name: &str, scan: &Scan<'_>) -> Result<Option<Arc<ThenColumn>>, StoreError> {
        let is_of = |kept: &Kept| {
            kept.name == name
                && kept.base == scan.snapshot.base_position()
                && kept.sifted == scan.snapshot.sifted
        };
        let found = self.kept().iter().find(|kept| is_of(kept)).map(|kept| kept.through);
        // Of one that somebody else made of later events nobody can say here what it has more.
        let Some(through) = found.filter(|through| *through <= scan.snapshot.through) else {
            return Ok(None);
        };
        if is_told_between(scan, through.min(scan.through), through.max(scan.through))? {
            return Ok(None);
        }
        let mut all = self.kept();
        let Some(kept) = all.iter_mut().find(|kept| is_of(kept) && kept.through == through) else {
            return Ok(None);
        };
        kept.asked = now();
        kept.through = through.max(scan.through);
        Ok(Some(Arc::clone(&kept.column)))
    }

    fn make(&self, name: &str, scan: &Scan<'_>, bytes_max: usize) -> Result<Arc<ThenColumn>, StoreError> {
        let column = Arc::new(making::made(name, scan, bytes_max)?);
        if column.bytes > KEPT_BYTES_MAX {
            return Ok(column);
        }
        let kept = Kept {
            name: name.to_owned(),
            through: scan.through,
            sifted: scan.snapshot.sifted.clone(),
            base: scan.snapshot.base_position(),
            asked: now(),
            column: Arc::clone(&column),
        };
        let mut all = self.kept();
        all.retain(|kept| kept.name != name);
        all.push(kept);
        let mut bytes: usize = all.iter().map(|kept| kept.column.bytes).sum();
        while bytes > KEPT_BYTES_MAX || all.len() > COLUMNS_MAX {
            bytes -= all.remove(0).column.bytes;
        }
        Ok(column)
    }
}

/// Whether a user was identified behind one position and up to another.
fn is_told_between(scan: &Scan<'_>, after: u64, until: u64) -> Result<bool, StoreError> {
    let mut key = Vec::new();
    event_key(EventKind::IdentifyUser as u8, "", &mut key);
    let name = read(scan.known).names.get(&key);
    let Some(name) = name.filter(|_| after < until) else { return Ok(false) };
    for unit in scan.units(Some(name), i64::MIN, i64::MAX) {
        let header = unit.segment.header();
        if header.last <= after || header.first > until {
            continue;
        }
        let part = unit.open()?;
        let is_between = |position: u64| (after + 1..=until).contains(&(header.first + position));
        if lane::all(&part.positions).into_iter().any(is_between) {
            return Ok(true);
        }
    }
    Ok(false)
}

#[expect(clippy::disallowed_methods, reason = "how long nobody asked is a duration, not a time of day")]
fn now() -> Instant {
    Instant::now()
}
