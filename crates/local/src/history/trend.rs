//! Trends as a fold over ranges of users: each event of a range falls into one row and one interval (or into several that
//! overlap), and is added up there; different users are told by bits that are forgotten with their range, different companies by
//! a set for each cell.

use std::ops::Range;

use muster_kernel::model::calendar::{Buckets, Span};
use muster_kernel::model::report::Row;
use muster_kernel::model::report::trend::{
    TrendAnswer, TrendLine, TrendMeasure, TrendNumber, TrendQuestion, TrendRow, TrendSeries,
};
use muster_kernel::ports::StoreError;
use roaring::RoaringBitmap;

use super::buckets::Finder;
use super::column::value_of;
use super::companies::Subjects;
use super::counts::reach;
use super::dictionary::{property_key, read};
use super::groups::{self, By, Groups, Rows, SKIPPED, Told};
use super::lane::to_signed;
use super::part::Content;
use super::ranges::{self, Source};
use super::scan::Scan;
use super::trend_cells::{Cells, Of};

/// Events of a range.
const RANGE_EVENTS: usize = 1 << 15;
const RANGE_USERS_MAX: usize = 1 << 15;
/// Bytes of a range's bits: fit a processor's own cache.
const RANGE_BYTES: usize = 256 << 10;

/// See `Reports::trend`; `by` tells groups apart.
///
/// # Errors
/// As that.
pub fn trend(
    scan: &Scan<'_>,
    question: &TrendQuestion,
    by: By<'_>,
    subjects: Subjects<'_>,
) -> Result<TrendAnswer, StoreError> {
    let line = |series: &TrendSeries| -> Result<TrendLine, StoreError> {
        let now = Asked::new(scan, series, Intervals::now(question, series), subjects)?;
        let total = now.rows(&Rows::one(), By::Nothing)?.pop().unwrap_or_default();
        let before = question.previous.as_ref().map(|previous| -> Result<TrendRow, StoreError> {
            let asked = Asked::new(scan, series, Intervals::before(previous, series), subjects)?;
            Ok(asked.rows(&Rows::one(), By::Nothing)?.pop().unwrap_or_default())
        });
        let previous = before.transpose()?;
        let (mut groups, mut other, mut groups_left_out) = (Vec::new(), None, 0);
        if question.breakdown.is_some() {
            let rows = now.rank(by, question.groups_max)?;
            let mut found = now.rows(&rows, by)?;
            let last = found.pop();
            other = last.filter(|_| rows.left_out > 0);
            groups_left_out = rows.left_out;
            groups = rows.own.into_iter().zip(found).collect();
        }
        Ok(TrendLine { total, previous, groups, other, groups_left_out })
    };
    Ok(TrendAnswer { lines: question.series.iter().map(line).collect::<Result<_, _>>()? })
}

/// Everybody behind a number of a trend.
///
/// # Errors
/// As `Reports::people`.
pub fn people(
    scan: &Scan<'_>,
    question: &TrendQuestion,
    number: &TrendNumber,
    by: By<'_>,
    subjects: Subjects<'_>,
) -> Result<RoaringBitmap, StoreError> {
    let Some(series) = question.series.get(number.series) else { return Ok(RoaringBitmap::new()) };
    let mut asked = Asked::new(scan, series, Intervals::now(question, series), subjects)?;
    let (rows, by) = match number.row {
        Row::All => (Rows::one(), By::Nothing),
        Row::Group(_) | Row::Other => (asked.rank(by, question.groups_max)?, by),
    };
    let row = match &number.row {
        Row::All => Some(rows.other()),
        Row::Group(group) => rows.own.iter().position(|own| own == group),
        Row::Other => Some(rows.other()).filter(|_| rows.left_out > 0),
    };
    let Some(row) = row else { return Ok(RoaringBitmap::new()) };
    asked.wanted = Some(Wanted { row, interval: number.interval });
    let folds = asked.fold(Told::Rows(&rows), by, asked.of())?;
    let mut people = RoaringBitmap::new();
    folds.into_iter().for_each(|fold| people |= fold.people);
    // Nobody is behind events about nobody.
    people.remove(0);
    Ok(people)
}

/// Which people are asked for.
#[derive(Clone, Copy)]
struct Wanted {
    row: usize,
    interval: Option<usize>,
}

impl Wanted {
    fn has(self, row: usize, (first, last): (usize, usize)) -> bool {
        self.row == row && self.interval.is_none_or(|interval| (first..=last).contains(&interval))
    }
}

/// What an event's time falls into.
enum Intervals<'q> {
    Apart(&'q Buckets),
    Trailing(&'q [Span]),
}

impl<'q> Intervals<'q> {
    fn now(question: &'q TrendQuestion, series: &'q TrendSeries) -> Self {
        match &series.measure {
            TrendMeasure::Trailing { spans, .. } => Intervals::Trailing(spans),
            _ => Intervals::Apart(&question.buckets),
        }
    }

    fn before(buckets: &'q Buckets, series: &'q TrendSeries) -> Self {
        match &series.measure {
            TrendMeasure::Trailing { previous, .. } => Intervals::Trailing(previous),
            _ => Intervals::Apart(buckets),
        }
    }

    fn count(&self) -> usize {
        match self {
            Intervals::Apart(buckets) => buckets.count(),
            Intervals::Trailing(spans) => spans.len(),
        }
    }

    /// From the first instant that counts to the one behind the last.
    fn reach(&self) -> (i64, i64) {
        match self {
            Intervals::Apart(buckets) => (buckets.span().from.0, buckets.span().until.0),
            Intervals::Trailing(spans) => {
                let first = spans.first().map_or(i64::MAX, |span| span.from.0);
                (first, spans.last().map_or(i64::MIN, |span| span.until.0))
            }
        }
    }
}

/// One series' question in numbers.
struct Asked<'a, 'q> {
    scan: &'a Scan<'a>,
    series: &'q TrendSeries,
    intervals: Intervals<'q>,
    finder: Option<Finder<'q>>,
    sources: Vec<Source<'a>>,
    /// The number of the property whose numbers are asked for, if any event has it.
    property: Option<u32>,
    subjects: Subjects<'q>,
    /// Where people are asked for and not numbers.
    wanted: Option<Wanted>,
}

/// What a thread holds.
struct Fold<'a> {
    groups: Groups<'a>,
    cells: Cells,
    /// Which users of a range were seen in which cell.
    seen: Vec<u64>,
    touched: Vec<usize>,
    /// Users of the range who take part.
    taking_part: Vec<bool>,
    /// Those behind a number.
    people: RoaringBitmap,
}

impl<'a, 'q> Asked<'a, 'q> {
    fn new(
        scan: &'a Scan<'a>,
        series: &'q TrendSeries,
        intervals: Intervals<'q>,
        subjects: Subjects<'q>,
    ) -> Result<Self, StoreError> {
        scan.check()?;
        let mut sources = ranges::every_source(scan, &[&series.pattern], false, intervals.reach())?;
        if is_of_users(series, subjects) {
            sources.retain(|source| source.unit.entry().users.1 > 0);
        }
        let finder = match intervals {
            Intervals::Apart(buckets) => Some(Finder::new(buckets, reach(scan))),
            Intervals::Trailing(_) => None,
        };
        let mut key = Vec::new();
        property_key(series.measure.property().unwrap_or_default().as_bytes(), &mut key);
        let property = read(scan.known).names.get(&key);
        Ok(Asked { scan, series, intervals, finder, sources, property, subjects, wanted: None })
    }

    fn of(&self) -> Of {
        Of::measure(&self.series.measure, self.subjects.level())
    }

    /// The groups with the most events.
    fn rank(&self, by: By<'_>, groups_max: usize) -> Result<Rows, StoreError> {
        groups::rank(by, groups_max, |share| {
            let folds = self.fold(Told::Share(share), by, Of::Events)?;
            Ok(folds.into_iter().map(|fold| (fold.groups, fold.cells.totals())).collect())
        })
    }

    /// What is measured, row by row.
    fn rows(&self, rows: &Rows, by: By<'_>) -> Result<Vec<TrendRow>, StoreError> {
        let of = self.of();
        let mut folds = self.fold(Told::Rows(rows), by, of)?.into_iter().map(|fold| fold.cells);
        let mut sum = folds.next().unwrap_or_else(|| Cells::new(of, self.intervals.count(), rows.count()));
        for cells in folds {
            self.scan.check()?;
            sum.merge(cells);
        }
        Ok(sum.rows(&self.series.measure))
    }

    fn fold<'r>(&self, told: Told<'r>, by: By<'r>, of: Of) -> Result<Vec<Fold<'r>>, StoreError> {
        // To rank groups it is enough to know how many events each has.
        let (intervals, row_count) = match told {
            Told::Rows(rows) => (self.intervals.count(), rows.count()),
            Told::Share(_) => (0, 1),
        };
        let bits = (intervals + 1) * row_count;
        let widest = if of.is_of_users() { RANGE_BYTES * 8 / bits } else { RANGE_USERS_MAX };
        let users_max = u32::try_from(widest.clamp(1, RANGE_USERS_MAX)).unwrap_or(1);
        let mut ranges = ranges::cut(&self.sources, RANGE_EVENTS, users_max);
        // Events about nobody have a range of their own.
        ranges.push((0, 0));
        let events = ranges::events_of(&self.sources) / ranges.len() as u64;
        let bytes_max = self.scan.bytes_max / self.scan.threads.max(1);
        let words = if of.is_of_users() { (users_max as usize * bits).div_ceil(64) } else { 0 };
        if Cells::bytes(of, intervals, row_count) > bytes_max {
            return Err(StoreError::TooLarge);
        }
        let begin = || Fold {
            groups: Groups::new(by, told, self.scan),
            cells: Cells::new(of, intervals, row_count),
            seen: vec![0; words],
            touched: Vec::new(),
            taking_part: Vec::new(),
            people: RoaringBitmap::new(),
        };
        self.scan.share(
            &ranges,
            |_| events,
            begin,
            |fold, range| {
                for place in fold.touched.drain(..) {
                    fold.seen[place] = 0;
                }
                if let Subjects::Users(Some(who)) = self.subjects {
                    fold.taking_part.clear();
                    fold.taking_part.resize((range.1 - range.0) as usize + 1, false);
                    for user in who.range(range.0..=range.1) {
                        fold.taking_part[(user - range.0) as usize] = true;
                    }
                }
                if range.0 > 0 || !is_of_users(self.series, self.subjects) {
                    self.sources.iter().try_for_each(|source| self.look(fold, source, *range, of))?;
                }
                fold.groups.check()?;
                if fold.cells.held() > bytes_max { Err(StoreError::TooLarge) } else { Ok(()) }
            },
        )
    }

    /// Adds up what a part shows of a range of users.
    fn look(
        &self,
        fold: &mut Fold<'_>,
        source: &Source<'_>,
        range: (u32, u32),
        of: Of,
    ) -> Result<(), StoreError> {
        let rows = source.rows(range);
        if rows.is_empty() {
            return Ok(());
        }
        let passing = self.scan.meant(&source.part, &rows, &self.series.pattern);
        let Fold { groups, cells, seen, touched, taking_part, people } = fold;
        let by_value = groups.of_rows(&source.part, &rows);
        let numbers = if of.is_of_numbers() { self.numbers(source, &rows) } else { None };
        if of.is_of_numbers() && numbers.is_none() {
            return Ok(());
        }
        let companies = self.subjects.companies_of(source, &rows);
        let asks_whom = matches!(self.subjects, Subjects::Users(Some(_)));
        let (hides, absent, row_bits) = (source.hides_any(), groups.absent(), self.intervals.count() + 1);
        let ranks = groups.ranks();
        source.show(&rows, |first_row, users, times| {
            for (row, (user, time)) in (first_row..).zip(users.iter().zip(times)) {
                let index = row - rows.start;
                let user = u32::try_from(*user).unwrap_or_default();
                let Some((first, last)) = self.cells_of(to_signed(*time)) else { continue };
                let subject = companies.as_ref().map_or(user, |companies| companies[index]);
                let is_out = passing.as_ref().is_some_and(|passing| !passing[index])
                    || (hides && source.hides(row))
                    || (companies.is_some() && subject == 0)
                    || (asks_whom && !taking_part[(user - range.0) as usize]);
                if is_out {
                    continue;
                }
                let group = groups
                    .of_subject(subject)
                    .unwrap_or_else(|| by_value.as_ref().map_or(absent, |by_value| by_value[index]));
                if group == SKIPPED {
                    continue;
                }
                let group = group as usize;
                let company = self.company(source, row, subject, of);
                let number = numbers.as_ref().and_then(|numbers| numbers[index]);
                if let Some(wanted) = self.wanted {
                    let counts = (of != Of::Companies || company.is_some_and(|company| company > 0))
                        && (!of.is_of_numbers() || number.is_some());
                    if counts && wanted.has(group, (first, last)) {
                        people.insert(subject);
                    }
                    continue;
                }
                if of.is_of_users() {
                    let place = ((user - range.0) as usize * cells.row_count() + group) * row_bits;
                    for cell in (first..=last).chain([row_bits - 1]) {
                        let is_new = mark(seen, touched, place + cell);
                        cells.add_user(group, cell, is_new);
                    }
                    continue;
                }
                // Where intervals overlap only the companies of each are asked for, never how many events it has.
                let (first, last) = if ranks { (0, 0) } else { (first, last) };
                (first..=last).for_each(|cell| cells.add(group, cell, company, number));
            }
        });
        Ok(())
    }

    /// The company that an event counts for, where different ones are counted; 0 is none.
    #[inline]
    fn company(&self, source: &Source<'_>, row: usize, subject: u32, of: Of) -> Option<u32> {
        match (of, &self.series.measure) {
            (Of::Companies, TrendMeasure::UniqueCompanies) => {
                u32::try_from(source.part.companies.get(row)?).ok()
            }
            (Of::Companies, _) => Some(subject),
            _ => None,
        }
    }

    /// The first and the last interval that an instant falls into.
    #[inline]
    fn cells_of(&self, time: i64) -> Option<(usize, usize)> {
        match (&self.intervals, &self.finder) {
            (Intervals::Trailing(spans), _) => {
                let first = spans.partition_point(|span| span.until.0 <= time);
                let behind = spans.partition_point(|span| span.from.0 <= time);
                (first < behind).then(|| (first, behind - 1))
            }
            (Intervals::Apart(_), Some(finder)) => finder.index(time).map(|index| (index, index)),
            (Intervals::Apart(buckets), None) => {
                buckets.index(muster_kernel::model::time::Timestamp(time)).map(|index| (index, index))
            }
        }
    }

    /// The numbers that rows have; `None` when none has one.
    fn numbers(&self, source: &Source<'_>, rows: &Range<usize>) -> Option<Vec<Option<f64>>> {
        let column = source.part.column(Content::Property, self.property?)?;
        let mut known: Vec<Option<f64>> = vec![None];
        let places = column.groups(rows.clone(), 0, |bytes| {
            let number = muster_kernel::model::report::trend::number_of(value_of(bytes));
            if number.is_none() {
                return 0;
            }
            known.push(number);
            u32::try_from(known.len() - 1).unwrap_or_default()
        });
        Some(places.into_iter().map(|place| known[place as usize]).collect())
    }
}

/// Whether events about nobody have no part.
fn is_of_users(series: &TrendSeries, subjects: Subjects<'_>) -> bool {
    matches!(subjects, Subjects::Users(who) if who.is_some() || series.measure.is_of_users())
}

/// Sets a bit; answers whether it was not set before.
#[inline]
fn mark(bits: &mut [u64], touched: &mut Vec<usize>, place: usize) -> bool {
    let Some(word) = bits.get_mut(place / 64) else { return false };
    let bit = 1 << (place % 64);
    if *word == 0 {
        touched.push(place / 64);
    }
    let is_new = *word & bit == 0;
    *word |= bit;
    is_new
}
