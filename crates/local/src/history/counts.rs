//! Counts events and different users by intervals and groups.
//!
//! Plain totals come from each segment's volume by quarters of an hour. Other totals walk the parts, shared out over
//! threads. Different users are counted by ranges of users: for each range a table of bits says who was seen in which
//! interval, whichever segment showed it, so no part of the work grows with the number of segments.

use std::ops::Range;

use hashbrown::{HashMap, HashSet};
use muster_kernel::model::calendar::Buckets;
use muster_kernel::model::history::{
    Breakdown, CountAnswer, CountQuestion, CountSeries, EventName, Measure, group_order,
};
use muster_kernel::model::value::{OwnedValue, Value};
use muster_kernel::ports::StoreError;

use super::archive::Kept;
use super::bits::{BLOCK, Block};
use super::buckets::Finder;
use super::column::value_of;
use super::dictionary::{event_key, property_key, read};
use super::lane::to_signed;
use super::part::{Content, Part};
use super::scan::{Scan, Unit};
use super::then_columns::ThenColumn;
use super::user_columns::UserColumn;

/// Bytes of the table of bits of one range of users: fits a processor's own cache.
const RANGE_BYTES: usize = 256 << 10;
const RANGE_USERS_MIN: u32 = 64;
const RANGE_USERS_MAX: u32 = 1 << 16;

/// Numbers by group and interval; group 0 is that of events without the property.
struct Sums {
    counts: Vec<u64>,
    totals: Vec<u64>,
    keys: HashMap<Box<[u8]>, u32>,
    buckets: usize,
    groups_max: usize,
    overflown: bool,
}

impl Sums {
    fn new(buckets: usize, groups: usize, bytes_max: usize) -> Sums {
        Sums {
            counts: vec![0; buckets * groups],
            totals: vec![0; groups],
            keys: HashMap::new(),
            buckets,
            groups_max: bytes_max / 8 / buckets.max(1),
            overflown: false,
        }
    }

    fn add(&mut self, group: u32, bucket: usize, events: u64) {
        if let Some(count) = self.counts.get_mut(group as usize * self.buckets + bucket) {
            *count += events;
        }
    }

    fn add_total(&mut self, group: u32, events: u64) {
        if let Some(total) = self.totals.get_mut(group as usize) {
            *total += events;
        }
    }

    /// The group of a value; null has the group of those without.
    fn group(&mut self, value: &[u8]) -> u32 {
        if value_of(value) == Value::Null {
            return 0;
        }
        if let Some(group) = self.keys.get(value) {
            return *group;
        }
        if self.totals.len() > self.groups_max {
            self.overflown = true;
            return 0;
        }
        let group = u32::try_from(self.totals.len()).unwrap_or(u32::MAX);
        self.keys.insert(value.into(), group);
        self.counts.resize(self.counts.len() + self.buckets, 0);
        self.totals.push(0);
        group
    }
}

/// One series' question in numbers.
struct Asked<'a, 'q> {
    scan: &'a Scan<'a>,
    question: &'q CountQuestion,
    finder: Finder<'q>,
    /// The number of the property that tells groups apart, if it is one of events.
    property: Option<u32>,
    /// The column of users' values, if it is one of theirs.
    column: Option<&'a UserColumn>,
    /// The same as they were when events happened.
    then: Option<&'a ThenColumn>,
}

/// See `History::counts`; `column` is the users' property that the question breaks down by, or `then` as they were.
///
/// # Errors
/// As that.
pub fn counts(
    scan: &Scan<'_>,
    question: &CountQuestion,
    (column, then): (Option<&UserColumn>, Option<&ThenColumn>),
) -> Result<CountAnswer, StoreError> {
    scan.check()?;
    let asked = Asked {
        scan,
        question,
        finder: Finder::new(&question.buckets, reach(scan)),
        property: property(scan, question),
        column,
        then,
    };
    let mut found: Vec<(usize, CountSeries)> = Vec::new();
    let names: Vec<Option<&EventName>> = match question.names.as_slice() {
        [] => vec![None],
        names => names.iter().map(Some).collect(),
    };
    for (index, name) in names.into_iter().enumerate() {
        let sums = asked.sums(name.map(|name| numbers_of(scan, name)).as_deref())?;
        if sums.iter().any(|sums| sums.overflown) {
            return Err(StoreError::TooLarge);
        }
        found.extend(asked.series(name, sums).into_iter().map(|series| (index, series)));
    }
    Ok(rank(found, question))
}

/// The smallest and the largest time that there is.
pub fn reach(scan: &Scan<'_>) -> (i64, i64) {
    let parts = scan.snapshot.kept.iter().flat_map(Kept::each).flat_map(|(segment, _)| segment.parts());
    parts.fold((i64::MAX, i64::MIN), |(a, b), part| (a.min(part.times.0), b.max(part.times.1)))
}

/// The numbers of the names that a name covers, as far as there are such events.
pub fn numbers_of(scan: &Scan<'_>, name: &EventName) -> Vec<u32> {
    let known = read(scan.known);
    if name.name.is_empty() {
        return known.names_of_kind(name.kind as u8);
    }
    let mut key = Vec::new();
    event_key(name.kind as u8, &name.name, &mut key);
    known.names.get(&key).into_iter().collect()
}

fn property(scan: &Scan<'_>, question: &CountQuestion) -> Option<u32> {
    let Some(Breakdown::EventProperty(name)) = &question.breakdown else { return None };
    let mut key = Vec::new();
    property_key(name.as_bytes(), &mut key);
    read(scan.known).names.get(&key)
}

/// How many events of a name each interval has, and nothing else asked.
///
/// # Errors
/// As `History::counts`.
pub fn volume(scan: &Scan<'_>, name: u32, buckets: &Buckets) -> Result<Vec<u64>, StoreError> {
    let question = CountQuestion {
        names: Vec::new(),
        buckets: buckets.clone(),
        measure: Measure::Total,
        breakdown: None,
        groups_max: 1,
        properties: Vec::new(),
    };
    let finder = Finder::new(buckets, reach(scan));
    let asked = Asked { scan, question: &question, finder, property: None, column: None, then: None };
    let series = asked.series(None, asked.sums(Some(&[name]))?);
    Ok(series.into_iter().next().map(|series| series.counts).unwrap_or_default())
}

impl<'a> Asked<'a, '_> {
    /// Counts events of these names, or of all.
    fn sums(&self, names: Option<&[u32]>) -> Result<Vec<Sums>, StoreError> {
        let span = self.question.buckets.span();
        let units_of = |name| self.scan.units(name, span.from.0, span.until.0);
        let units: Vec<Unit<'_>> = match names {
            None => units_of(None),
            Some(names) => names.iter().flat_map(|name| units_of(Some(*name))).collect(),
        };
        self.check_size()?;
        match self.question.measure {
            Measure::Total => self.totals(&units),
            Measure::UniqueUsers => self.uniques(&units),
        }
    }

    /// The values that a column tells apart.
    fn values(&self) -> &'a [OwnedValue] {
        match (self.column, self.then) {
            (Some(column), _) => &column.values,
            (None, Some(then)) => &then.values,
            (None, None) => &[],
        }
    }

    fn new_sums(&self) -> Sums {
        let groups = 1 + self.values().len();
        Sums::new(self.question.buckets.count(), groups, self.share())
    }

    /// Bytes that a thread may hold.
    fn share(&self) -> usize {
        self.scan.bytes_max / self.scan.threads.max(1)
    }

    /// Whether the counts of all values fit.
    fn check_size(&self) -> Result<(), StoreError> {
        let cells = self.question.buckets.count().saturating_mul(1 + self.values().len());
        if cells.saturating_mul(size_of::<u64>()) > self.share() { Err(StoreError::TooLarge) } else { Ok(()) }
    }

    fn totals(&self, units: &[Unit<'a>]) -> Result<Vec<Sums>, StoreError> {
        let plain = self.question.breakdown.is_none() && self.question.properties.is_empty();
        let by_quarters = |unit: &Unit<'_>| {
            plain && unit.hidden.is_none() && self.finder.takes_quarters(unit.entry().times)
        };
        let mut quick = self.new_sums();
        let mut walked: Vec<Unit<'_>> = Vec::new();
        // A volume is that of all parts of a name in a segment: each of them must be counted so, or none.
        for same in
            units.chunk_by(|a, b| std::ptr::eq(a.segment, b.segment) && a.entry().name == b.entry().name)
        {
            let Some(first) = same.first() else { continue };
            let (segment, name) = (first.segment, first.entry().name);
            if same.len() < segment.parts_of(name).len() || !same.iter().all(by_quarters) {
                walked.extend_from_slice(same);
                continue;
            }
            for (quarter, events) in segment.volume(name).map_err(StoreError::Damaged)? {
                if let Some(bucket) = self.finder.of_quarter(quarter) {
                    quick.add(0, bucket, events);
                    quick.add_total(0, events);
                }
            }
        }
        let events = |unit: &Unit<'_>| u64::from(unit.entry().rows);
        let mut sums =
            self.scan.share(&walked, events, || self.new_sums(), |into, unit| self.walk(into, unit))?;
        sums.push(quick);
        Ok(sums)
    }

    fn walk(&self, into: &mut Sums, unit: &Unit<'_>) -> Result<(), StoreError> {
        let part = unit.open()?;
        let passing = self.scan.passing(&part, &(0..part.rows), &self.question.properties);
        let groups = self.groups(&part, 0..part.rows, into);
        let needs_users = self.column.is_some();
        let (mut times, mut users): (Block, Block) = ([0; BLOCK], [0; BLOCK]);
        for block in 0..part.times.block_count() {
            let count = part.times.block(block, &mut times);
            if needs_users {
                part.users.block(block, &mut users);
            }
            for (index, time) in times[..count].iter().enumerate() {
                let row = block * BLOCK + index;
                let Some(bucket) = self.finder.index(to_signed(*time)) else { continue };
                if passing.as_ref().is_some_and(|passing| !passing[row]) || unit.hides(row) {
                    continue;
                }
                let mut group = groups.as_ref().map_or(0, |groups| groups[row]);
                if needs_users {
                    let user = u32::try_from(users[index]).unwrap_or_default();
                    group = self.column.map_or(group, |column| column.group(user));
                }
                into.add(group, bucket, 1);
                into.add_total(group, 1);
            }
        }
        Ok(())
    }

    /// The group of each of some rows by a property of the event, or of its user as they were, if that is asked for.
    fn groups(&self, part: &Part<'_>, rows: Range<usize>, into: &mut Sums) -> Option<Vec<u32>> {
        if let Some(then) = self.then {
            return Some(then.groups(part, &rows));
        }
        let column = part.column(Content::Property, self.property?)?;
        Some(column.groups(rows, 0, |bytes| into.group(bytes)))
    }

    fn uniques(&self, units: &[Unit<'a>]) -> Result<Vec<Sums>, StoreError> {
        // One bit for each interval and one for the whole.
        let bits = self.question.buckets.count() + 1;
        let users = u32::try_from(RANGE_BYTES * 8 / bits).unwrap_or(u32::MAX);
        let width = users.clamp(RANGE_USERS_MIN, RANGE_USERS_MAX);
        let last = units.iter().map(|unit| unit.entry().users.1).max().unwrap_or_default();
        // User 0 is nobody.
        let ranges: Vec<(u32, u32)> = (1..=last)
            .step_by(width as usize)
            .map(|first| (first, first.saturating_add(width - 1).min(last)))
            .collect();
        let all: u64 = units.iter().map(|unit| u64::from(unit.entry().rows)).sum();
        let events = |_: &(u32, u32)| all / ranges.len().max(1) as u64;
        let begin = || (self.new_sums(), vec![0u64; (width as usize * bits).div_ceil(64)]);
        let open = |unit: &Unit<'a>| Ok((*unit, unit.open()?));
        let parts = units.iter().map(open).collect::<Result<Vec<_>, StoreError>>()?;
        let shared = self
            .scan
            .share(&ranges, events, begin, |(into, seen), range| self.range(into, seen, *range, &parts))?;
        Ok(shared.into_iter().map(|(sums, _)| sums).collect())
    }

    /// Counts the users of a range, in all parts.
    fn range(
        &self,
        into: &mut Sums,
        seen: &mut [u64],
        (first, last): (u32, u32),
        units: &[(Unit<'_>, Part<'_>)],
    ) -> Result<(), StoreError> {
        seen.fill(0);
        let mut seen_groups: HashSet<(u32, u32, u32)> = HashSet::new();
        let buckets = self.question.buckets.count();
        let (mut times, mut users): (Block, Block) = ([0; BLOCK], [0; BLOCK]);
        let reaches = |unit: &Unit<'_>| unit.entry().users.0 <= last && unit.entry().users.1 >= first;
        for (unit, part) in units.iter().filter(|(unit, _)| reaches(unit)) {
            let rows = part.rows_of(first).start..part.rows_of(last).end;
            if rows.is_empty() {
                continue;
            }
            let passing = self.scan.passing(part, &rows, &self.question.properties);
            let by_property = self.property.is_some() || self.then.is_some();
            let hides = unit.hidden.is_some();
            let groups = self.groups(part, rows.clone(), into);
            for block in rows.start / BLOCK..rows.end.div_ceil(BLOCK) {
                let count = part.times.block(block, &mut times);
                part.users.block(block, &mut users);
                let from = rows.start.saturating_sub(block * BLOCK);
                let until = rows.end.saturating_sub(block * BLOCK).min(count);
                let first_row = block * BLOCK + from - rows.start;
                let (times, users) = (&times[from..until.max(from)], &users[from..until.max(from)]);
                for (row, (time, user)) in (first_row..).zip(times.iter().zip(users)) {
                    let Some(bucket) = self.finder.index(to_signed(*time)) else { continue };
                    let user = u32::try_from(*user).unwrap_or_default();
                    if passing.as_ref().is_some_and(|passing| !passing[row])
                        || (hides && unit.hides(rows.start + row))
                    {
                        continue;
                    }
                    if by_property {
                        let group = groups.as_ref().map_or(0, |groups| groups[row]);
                        let mut is_new = |bucket: usize| {
                            seen_groups.insert((user, group, u32::try_from(bucket).unwrap_or(u32::MAX)))
                        };
                        let (in_bucket, in_all) = (is_new(bucket), is_new(buckets));
                        into.add(group, bucket, u64::from(in_bucket));
                        into.add_total(group, u64::from(in_all));
                        if seen_groups.len() * 16 > self.scan.bytes_max {
                            return Err(StoreError::TooLarge);
                        }
                        continue;
                    }
                    let place = (user - first) as usize * (buckets + 1);
                    let group = self.column.map_or(0, |column| column.group(user));
                    // Added whether it is one or nothing: which it is cannot be foreseen, and a wrong guess costs more.
                    into.add(group, bucket, mark(seen, place + bucket));
                    into.add_total(group, mark(seen, place + buckets));
                }
            }
        }
        Ok(())
    }

    /// Adds up what the threads counted.
    fn series(&self, name: Option<&EventName>, all: Vec<Sums>) -> Vec<CountSeries> {
        let buckets = self.question.buckets.count();
        let mut added: HashMap<Option<OwnedValue>, (Vec<u64>, u64)> = HashMap::new();
        if self.question.breakdown.is_none() {
            added.insert(None, (vec![0; buckets], 0));
        }
        for sums in all {
            let mut keys: Vec<Option<OwnedValue>> = vec![None; sums.totals.len()];
            keys.iter_mut().skip(1).zip(self.values()).for_each(|(key, value)| *key = Some(value.clone()));
            for (bytes, group) in &sums.keys {
                keys[*group as usize] = Some(OwnedValue::of(value_of(bytes)));
            }
            for ((key, counts), total) in keys.into_iter().zip(sums.counts.chunks(buckets)).zip(&sums.totals)
            {
                if *total == 0 {
                    continue;
                }
                let into = added.entry(key).or_insert_with(|| (vec![0; buckets], 0));
                into.0.iter_mut().zip(counts).for_each(|(into, count)| *into += count);
                into.1 += total;
            }
        }
        let series = |(group, (counts, total))| CountSeries { event: name.cloned(), group, counts, total };
        added.into_iter().map(series).collect()
    }
}

/// Sets a bit; answers 1 when it was not set before, else 0.
#[inline]
fn mark(bits: &mut [u64], place: usize) -> u64 {
    let Some(word) = bits.get_mut(place / 64) else { return 0 };
    let is_new = !(*word >> (place % 64)) & 1;
    *word |= 1 << (place % 64);
    is_new
}

/// Puts the series in their order and leaves out the groups that are too many.
fn rank(found: Vec<(usize, CountSeries)>, question: &CountQuestion) -> CountAnswer {
    let mut totals: HashMap<Option<OwnedValue>, u64> = HashMap::new();
    for (_, series) in &found {
        *totals.entry(series.group.clone()).or_default() += series.total;
    }
    let mut ranked: Vec<(Option<OwnedValue>, u64)> = totals.into_iter().collect();
    ranked.sort_by(|a, b| group_order((a.1, a.0.as_ref()), (b.1, b.0.as_ref())));
    let left_out = ranked.split_off(ranked.len().min(question.groups_max.max(1)));
    let places: HashMap<Option<OwnedValue>, usize> =
        ranked.into_iter().enumerate().map(|(place, (group, _))| (group, place)).collect();
    let mut series: Vec<((usize, usize), CountSeries)> = found
        .into_iter()
        .filter_map(|(index, series)| Some(((index, *places.get(&series.group)?), series)))
        .collect();
    series.sort_by_key(|(place, _)| *place);
    CountAnswer {
        series: series.into_iter().map(|(_, series)| series).collect(),
        groups_left_out: left_out.len() as u64,
    }
}
