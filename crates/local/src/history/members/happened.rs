//! Counts the events of those whom a condition is asked about.
//!
//! Of few users the rows are found one user after the other, by bisecting each part; of many, ranges of users are shared
//! out over threads, and each part shows its rows of a range once, block by block.

use std::ops::Range;

use hashbrown::HashMap;
use muster_kernel::model::event::EventKind;
use muster_kernel::model::history::EventName;
use muster_kernel::model::segment::meaning::{Found, Truth};
use muster_kernel::model::segment::test::Ready;
use muster_kernel::model::segment::{EventCondition, Level, PageCondition, PagePart, Times};
use muster_kernel::model::value::Value;
use muster_kernel::ports::StoreError;

use super::columns::Standing;
use super::set::Set;
use crate::history::bits::{BLOCK, Block};
use crate::history::column::{Column, value_of};
use crate::history::counts::numbers_of;
use crate::history::dictionary::{property_key, read};
use crate::history::lane::{from_signed, to_signed};
use crate::history::part::{Content, Part};
use crate::history::scan::{Scan, Unit};

/// Users of a range: their counts fit a processor's own cache.
const RANGE_USERS: u32 = 1 << 15;
/// Finding a user's rows in a part takes about as long as looking at so many rows one after the other.
const SEARCH_ROWS: u64 = 512;
/// Candidates between two looks whether the answer is still wanted.
const CHECKED_USERS: u32 = 1 << 10;

/// What is counted.
#[derive(Clone, Copy)]
pub enum What<'w> {
    /// Events, and their filters as of now.
    Event(&'w EventCondition, &'w [Ready<'w>]),
    /// Viewed pages.
    Page(&'w PageCondition),
}

/// A condition on how often something happened, being asked.
pub struct Counted<'a> {
    /// The snapshot.
    pub scan: &'a Scan<'a>,
    /// Who there is in it.
    pub standing: &'a Standing,
    /// Whose segment it is for.
    pub level: Level,
    /// What is counted.
    pub what: What<'a>,
    /// How often it must have happened.
    pub times: Times,
    /// From when on.
    pub from: i64,
    /// Until before when.
    pub until: i64,
}

/// A part and what is looked at in it.
struct Opened<'a> {
    unit: Unit<'a>,
    part: Part<'a>,
    /// Every row is within the window.
    is_within: bool,
}

impl<'a> Counted<'a> {
    /// Those of `among` for whom it happened so often.
    ///
    /// # Errors
    /// When history cannot be read, or the question was stopped.
    pub fn holding(&self, among: &Set) -> Result<Set, StoreError> {
        let opened = self.opened()?;
        if opened.is_empty() {
            return Ok(if self.times.holds(0) { among.clone() } else { Set::default() });
        }
        let rows: u64 = opened.iter().map(|opened| opened.part.rows as u64).sum();
        let searches = among.count().saturating_mul(opened.len() as u64).saturating_mul(SEARCH_ROWS);
        match self.level {
            Level::User if searches < rows => self.of_each(&opened, among),
            Level::User => self.of_ranges(&opened, rows, among),
            Level::Company => self.of_companies(&opened, rows, among),
        }
    }

    fn opened(&self) -> Result<Vec<Opened<'a>>, StoreError> {
        let names = match self.what {
            What::Event(event, _) => numbers_of(self.scan, &event.event),
            What::Page(_) => numbers_of(self.scan, &EventName::kind(EventKind::PageView)),
        };
        let units = names.into_iter().flat_map(|name| self.scan.units(Some(name), self.from, self.until));
        let open = |unit: Unit<'a>| {
            let (first, last) = unit.entry().times;
            Ok(Opened { unit, part: unit.open()?, is_within: self.from <= first && last < self.until })
        };
        units.map(open).collect()
    }

    fn is_within(&self, time: i64) -> bool {
        self.from <= time && time < self.until
    }

    fn of_each(&self, opened: &[Opened<'_>], among: &Set) -> Result<Set, StoreError> {
        let tests: Vec<RowTest<'_>> = opened.iter().map(|opened| self.row_test(&opened.part)).collect();
        let mut holding = Set::default();
        for (index, user) in (0u32..).zip(among.iter()) {
            if index.is_multiple_of(CHECKED_USERS) {
                self.scan.check()?;
            }
            let mut count = 0;
            for (Opened { unit, part, is_within }, test) in opened.iter().zip(&tests) {
                let (first, last) = unit.entry().users;
                if user < first || user > last {
                    continue;
                }
                let counts = |row: &usize| {
                    !unit.hides(*row)
                        && (*is_within || self.is_within(part.time(*row)))
                        && test.as_ref().is_none_or(|test| test(*row))
                };
                count += part.rows_of(user).filter(counts).count() as u64;
            }
            if self.times.holds(count) {
                holding.insert(user);
            }
        }
        Ok(holding)
    }

    /// Shares out ranges of users, counts each in a table, and shows it to `see` with the number of its first user.
    fn ranges<A: Send>(
        &self,
        opened: &[Opened<'_>],
        rows: u64,
        wanted: impl Fn(u32, u32) -> bool,
        begin: impl Fn() -> A + Sync,
        see: impl Fn(&mut A, u32, &[u32]) + Sync,
    ) -> Result<Vec<A>, StoreError> {
        let last = u32::try_from(self.standing.users.last.len()).unwrap_or(u32::MAX).saturating_sub(1);
        // From 0 on, which is nobody, so that sets take whole words.
        let all = (0..=last).step_by(RANGE_USERS as usize);
        let ranges: Vec<(u32, u32)> = all
            .map(|first| (first, first.saturating_add(RANGE_USERS - 1).min(last)))
            .filter(|(first, last)| wanted(*first, *last))
            .collect();
        let events = |_: &(u32, u32)| rows / ranges.len().max(1) as u64;
        let begin = || (begin(), vec![0u32; RANGE_USERS as usize]);
        let shared = self.scan.share(&ranges, events, begin, |(into, counts), (first, last)| {
            counts.fill(0);
            for opened in opened {
                self.count(counts, *first, *last, opened);
            }
            see(into, *first, &counts[..(last - first + 1) as usize]);
            Ok(())
        })?;
        Ok(shared.into_iter().map(|(into, _)| into).collect())
    }

    fn of_ranges(&self, opened: &[Opened<'_>], rows: u64, among: &Set) -> Result<Set, StoreError> {
        let see = |holding: &mut Set, first: u32, counts: &[u32]| {
            holding.insert_where(first, counts, |count| self.times.holds(u64::from(*count)));
        };
        let found = self.ranges(opened, rows, |first, last| among.reaches(first, last), Set::default, see)?;
        Ok(found.into_iter().fold(Set::default(), |all, some| all.or(&some)).and(among))
    }

    fn of_companies(&self, opened: &[Opened<'_>], rows: u64, among: &Set) -> Result<Set, StoreError> {
        let companies = self.standing.companies.last.len();
        let see = |sums: &mut Vec<u64>, first: u32, counts: &[u32]| {
            for (user, count) in (first..).zip(counts).filter(|(_, count)| **count > 0) {
                if let Some(sum) = sums.get_mut(self.standing.company_of(user) as usize) {
                    *sum += u64::from(*count);
                }
            }
        };
        let found = self.ranges(opened, rows, |_, _| true, || vec![0; companies], see)?;
        let sum = |company: u32| found.iter().filter_map(|sums| sums.get(company as usize)).sum::<u64>();
        let mut holding = Set::default();
        among
            .iter()
            .filter(|company| self.times.holds(sum(*company)))
            .for_each(|company| holding.insert(company));
        Ok(holding)
    }

    /// Counts the rows of a range of users in a part.
    fn count(&self, counts: &mut [u32], first: u32, last: u32, opened: &Opened<'_>) {
        let Opened { unit, part, is_within } = opened;
        let reach = unit.entry().users;
        if reach.1 < first || reach.0 > last {
            return;
        }
        let start = if reach.0 >= first { 0 } else { part.users.first_at_least(first.into()) };
        let end = if reach.1 <= last { part.rows } else { part.users.first_at_least(u64::from(last) + 1) };
        let rows = start..end;
        if rows.is_empty() {
            return;
        }
        let passing = self.passing(part, &rows);
        let hides = unit.hidden.is_some();
        let is_plain = *is_within && passing.is_none() && !hides;
        let (mut times, mut users): (Block, Block) = ([0; BLOCK], [0; BLOCK]);
        for block in rows.start / BLOCK..rows.end.div_ceil(BLOCK) {
            let count = part.users.block(block, &mut users);
            let from = rows.start.saturating_sub(block * BLOCK);
            let until = rows.end.saturating_sub(block * BLOCK).min(count).max(from);
            let place = |user: u64| usize::try_from(user - u64::from(first)).unwrap_or(usize::MAX);
            if is_plain {
                for user in &users[from..until] {
                    if let Some(count) = counts.get_mut(place(*user)) {
                        *count += 1;
                    }
                }
                continue;
            }
            if *is_within {
                times.fill(0);
            } else {
                part.times.block(block, &mut times);
            }
            if passing.is_none() && !hides {
                // As lanes hold them, and without a branch: which are within cannot be foretold.
                let since = from_signed(self.from);
                let reach = from_signed(self.until).saturating_sub(since);
                for (user, time) in users[from..until].iter().zip(&times[from..until]) {
                    if let Some(count) = counts.get_mut(place(*user)) {
                        *count += u32::from(time.wrapping_sub(since) < reach);
                    }
                }
                continue;
            }
            let first_row = block * BLOCK + from - rows.start;
            let shown = users[from..until].iter().zip(&times[from..until]);
            for (row, (user, time)) in (first_row..).zip(shown) {
                let counted = (*is_within || self.is_within(to_signed(*time)))
                    && passing.as_ref().is_none_or(|passing| passing[row])
                    && !(hides && unit.hides(rows.start + row));
                if let Some(count) = counts.get_mut(place(*user)) {
                    *count += u32::from(counted);
                }
            }
        }
    }

    /// Which of some rows pass the filters; `None` when there are none.
    fn passing(&self, part: &Part<'_>, rows: &Range<usize>) -> Option<Vec<bool>> {
        match self.what {
            What::Event(event, filters) => {
                let mut passing: Option<Vec<bool>> = None;
                for (filter, ready) in event.filters.iter().zip(filters) {
                    let passes =
                        |found: Option<Value<'_>>| ready.holds(found.map(Found::Value)) == Truth::Yes;
                    let found = match self.column(part, &filter.property) {
                        Some(column) => column.groups(rows.clone(), u32::from(passes(None)), |bytes| {
                            u32::from(passes(Some(value_of(bytes))))
                        }),
                        None => vec![u32::from(passes(None)); rows.len()],
                    };
                    let found = found.into_iter().map(|passes| passes != 0);
                    match &mut passing {
                        Some(passing) => passing.iter_mut().zip(found).for_each(|(all, one)| *all &= one),
                        None => passing = Some(found.collect()),
                    }
                }
                passing
            }
            What::Page(page) => Some(self.pages(page, part, rows)),
        }
    }

    fn column<'p>(&self, part: &Part<'p>, property: &str) -> Option<Column<'p>> {
        let mut key = Vec::new();
        property_key(property.as_bytes(), &mut key);
        let code = read(self.scan.known).names.get(&key)?;
        part.column(Content::Property, code)
    }

    /// A page is known by several properties: each combination of their values is looked at once.
    fn pages(&self, page: &PageCondition, part: &Part<'_>, rows: &Range<usize>) -> Vec<bool> {
        let mut values: Vec<Vec<u8>> = vec![Vec::new()];
        let mut numbers: HashMap<Vec<u8>, u32> = HashMap::new();
        let codes = PagePart::PROPERTIES.map(|property| {
            self.column(part, property).map(|column| {
                column.groups(rows.clone(), 0, |bytes| {
                    *numbers.entry(bytes.to_vec()).or_insert_with(|| {
                        values.push(bytes.to_vec());
                        u32::try_from(values.len() - 1).unwrap_or_default()
                    })
                })
            })
        });
        let mut known: HashMap<[u32; 4], bool> = HashMap::new();
        let passes = |row: usize| {
            let found = codes.each_ref().map(|codes| codes.as_ref().map_or(0, |codes| codes[row]));
            *known.entry(found).or_insert_with(|| {
                let text = page.part.of(|name| {
                    let place = PagePart::PROPERTIES.iter().position(|property| *property == name)?;
                    let bytes = values.get(found[place] as usize).filter(|bytes| !bytes.is_empty())?;
                    Some(value_of(bytes))
                });
                page.test.holds(text.as_deref())
            })
        };
        (0..rows.len()).map(passes).collect()
    }

    /// Whether one row of a part passes the filters; `None` when there are none.
    fn row_test<'p>(&'p self, part: &Part<'p>) -> RowTest<'p> {
        match self.what {
            What::Event(event, _) if event.filters.is_empty() => None,
            What::Event(event, filters) => {
                let columns: Vec<_> =
                    event.filters.iter().map(|filter| self.column(part, &filter.property)).collect();
                Some(Box::new(move |row| {
                    columns.iter().zip(filters).all(|(column, ready)| {
                        let mut bytes = Vec::new();
                        let there = column.is_some_and(|column| column.append(row, &mut bytes));
                        let found = there.then(|| Found::Value(value_of(&bytes)));
                        ready.holds(found) == Truth::Yes
                    })
                }))
            }
            What::Page(page) => {
                let part = part.clone();
                Some(Box::new(move |row| self.pages(page, &part, &(row..row + 1)) == [true]))
            }
        }
    }
}

/// Whether a row passes.
type RowTest<'p> = Option<Box<dyn Fn(usize) -> bool + 'p>>;
