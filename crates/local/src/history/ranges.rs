//! Users in ranges, and their events in them: what every fold over users stands on.
//!
//! In a part users ascend, so the events of a range of users are a run of rows of each part. Ranges are cut so that each
//! has about as many events as the next, however unevenly people act, and all that a thread holds of one stays near it.

use std::ops::Range;

use muster_kernel::model::history::PropertyIs;
use muster_kernel::model::page::{Cursor, Page};
use muster_kernel::model::report::{Level, Pattern, People, Which, is_active};
use muster_kernel::ports::StoreError;
use roaring::RoaringBitmap;

use super::bits::{BLOCK, Block};
use super::dictionary::{Dictionaries, read};
use super::names::event_names;
use super::part::Part;
use super::scan::{Scan, Unit};
use super::user_columns::UserColumns;
use crate::profiles::lists::View;

/// Every so many blocks of a part are looked at to see how its users are spread.
const SAMPLE_BLOCKS: usize = 4;

/// A part whose events a report looks at, and what they are to it.
pub struct Source<'a> {
    /// Where it stands.
    pub unit: Unit<'a>,
    /// The part.
    pub part: Part<'a>,
    /// Which of the report's patterns mean events of its name.
    pub patterns: Vec<usize>,
    /// Whether its events are active ones.
    pub is_active: bool,
    /// The last position that is shown, where there are later ones.
    last_shown: Option<u64>,
}

/// As [`every_source`], but for parts whose events are about nobody.
///
/// # Errors
/// As that.
pub fn sources<'a>(
    scan: &Scan<'a>,
    patterns: &[&Pattern],
    all_active: bool,
    times: (i64, i64),
) -> Result<Vec<Source<'a>>, StoreError> {
    let mut sources = every_source(scan, patterns, all_active, times)?;
    // User 0 is nobody.
    sources.retain(|source| source.unit.entry().users.1 > 0);
    Ok(sources)
}

/// The parts with events that any of these patterns means, or that are active where `all_active`, with times in
/// `from..until`.
///
/// # Errors
/// When one is damaged.
pub fn every_source<'a>(
    scan: &Scan<'a>,
    patterns: &[&Pattern],
    all_active: bool,
    (from, until): (i64, i64),
) -> Result<Vec<Source<'a>>, StoreError> {
    let mut sources = Vec::new();
    for (number, event) in event_names(scan) {
        let takes = |which: &Which| which.takes(event.kind, &event.name);
        let meant: Vec<usize> = (0..patterns.len()).filter(|index| takes(&patterns[*index].which)).collect();
        let is_active = is_active(event.kind);
        if meant.is_empty() && !(all_active && is_active) {
            continue;
        }
        for unit in scan.units(Some(number), from, until) {
            let header = unit.segment.header();
            if header.first > scan.through {
                continue;
            }
            let last_shown = (header.last > scan.through).then_some(scan.through);
            sources.push(Source { unit, part: unit.open()?, patterns: meant.clone(), is_active, last_shown });
        }
    }
    Ok(sources)
}

impl Source<'_> {
    /// The rows of a range of users.
    pub fn rows(&self, (first, last): (u32, u32)) -> Range<usize> {
        let entry = self.unit.entry();
        if entry.users.0 > last || entry.users.1 < first {
            return 0..0;
        }
        let start = if entry.users.0 >= first { 0 } else { self.part.users.first_at_least(first.into()) };
        let end = match entry.users.1 <= last {
            true => self.part.rows,
            false => self.part.users.first_at_least(u64::from(last) + 1),
        };
        start..end
    }

    /// Shows some rows block by block: the first row's number, then users and times of all.
    #[inline]
    pub fn show(&self, rows: &Range<usize>, mut see: impl FnMut(usize, &[u64], &[u64])) {
        let (mut times, mut users): (Block, Block) = ([0; BLOCK], [0; BLOCK]);
        for block in rows.start / BLOCK..rows.end.div_ceil(BLOCK) {
            let count = self.part.times.block(block, &mut times);
            self.part.users.block(block, &mut users);
            let from = rows.start.saturating_sub(block * BLOCK);
            let until = rows.end.saturating_sub(block * BLOCK).min(count);
            if from < until {
                see(block * BLOCK + from, &users[from..until], &times[from..until]);
            }
        }
    }

    /// The position of a row.
    pub fn position(&self, row: usize) -> u64 {
        self.unit.segment.header().first + self.part.positions.get(row).unwrap_or_default()
    }

    /// Whether a row is not shown.
    pub fn hides(&self, row: usize) -> bool {
        self.unit.hides(row) || self.last_shown.is_some_and(|last| self.position(row) > last)
    }

    /// Whether there may be rows that are not shown.
    pub fn hides_any(&self) -> bool {
        self.unit.hidden.is_some() || self.last_shown.is_some()
    }
}

/// How many events there are in parts.
pub fn events_of(sources: &[Source<'_>]) -> u64 {
    sources.iter().map(|source| u64::from(source.unit.entry().rows)).sum()
}

/// The first and the last time of events in parts, `(i64::MAX, i64::MIN)` without any.
pub fn times_of(sources: &[Source<'_>]) -> (i64, i64) {
    let times = sources.iter().map(|source| source.unit.entry().times);
    times.fold((i64::MAX, i64::MIN), |all, times| (all.0.min(times.0), all.1.max(times.1)))
}

/// Cuts all users into ranges of about so many events, and no more than so many users.
pub fn cut(sources: &[Source<'_>], events: usize, users_max: u32) -> Vec<(u32, u32)> {
    let last = sources.iter().map(|source| source.unit.entry().users.1).max().unwrap_or_default();
    let mut samples: Vec<u32> = Vec::new();
    for source in sources {
        let blocks = (0..source.part.users.block_count()).step_by(SAMPLE_BLOCKS);
        let users = blocks.filter_map(|block| u32::try_from(source.part.users.first_of(block)?).ok());
        samples.extend(users);
    }
    samples.sort_unstable();
    let each = (events / (SAMPLE_BLOCKS * BLOCK)).max(1);
    let mut ranges = Vec::new();
    let mut first = 1;
    let ends = samples.into_iter().skip(each).step_by(each).map(|user| user.saturating_sub(1));
    for end in ends.chain([last]) {
        while end >= first {
            let until = first.saturating_add(users_max - 1).min(end);
            ranges.push((first, until));
            first = until.saturating_add(1);
        }
    }
    ranges
}

/// The users, or the companies, that meet conditions on their properties as they are now; `None` when there are no
/// conditions.
///
/// # Errors
/// When profiles or history cannot be read, or a property has too many different values.
pub fn who(
    level: Level,
    conditions: &[PropertyIs],
    columns: &UserColumns,
    scan: &Scan<'_>,
    profiles: &View<'_>,
) -> Result<Option<RoaringBitmap>, StoreError> {
    let mut who: Option<RoaringBitmap> = None;
    for condition in conditions {
        let column = columns.get((level, &condition.name), scan, profiles)?;
        let meeting = column.with(level, |value| condition.any_of.contains(value));
        who = Some(match who {
            Some(who) => who & meeting,
            None => meeting,
        });
    }
    Ok(who)
}

/// A page of users, or of companies, by their numbers.
///
/// # Errors
/// When the cursor is none of these, or somebody has no id.
pub fn page(
    level: Level,
    numbers: &RoaringBitmap,
    scan: &Scan<'_>,
    after: Option<&Cursor>,
    limit: usize,
) -> Result<People, StoreError> {
    let of_level = if level == Level::User { b'u' } else { b'c' };
    let place = |cursor: &Cursor| {
        let (own, number) = cursor.0.split_first()?;
        (*own == of_level).then_some(())?;
        Some(u32::from_be_bytes(number.try_into().ok()?))
    };
    let after = after.map(|cursor| place(cursor).ok_or(StoreError::NotACursor)).transpose()?;
    let first = after.map_or(0, |after| after.saturating_add(1));
    let mut found: Vec<u32> = numbers.range(first..).take(limit.saturating_add(1)).collect();
    let more = found.len() > limit;
    found.truncate(limit);
    let next =
        found.last().filter(|_| more).map(|last| Cursor([&[of_level][..], &last.to_be_bytes()].concat()));
    let known = read(scan.known);
    let ids = if level == Level::User { &known.users } else { &known.companies };
    let id = |number: u32| {
        let id = Dictionaries::str_of(ids, number).filter(|id| !id.is_empty()).map(str::to_owned);
        id.ok_or_else(|| StoreError::Damaged(format!("number {number} of history has no id")))
    };
    let items = found.into_iter().map(id).collect::<Result<Vec<_>, _>>()?;
    Ok(People { total: numbers.len(), page: Page { items, next } })
}
