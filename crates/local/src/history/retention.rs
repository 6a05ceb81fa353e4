//! Retention as a fold over ranges of users: for each user when they first began, or in which intervals they did, and one
//! bit for each interval in which they came back. Then the bits are counted by cohort. Of companies each thread notes the same of
//! all that it sees, and what the threads have noted is put together before it is counted.

use std::ops::Range;

use muster_kernel::model::calendar::Buckets;
use muster_kernel::model::report::retention::{
    Cohort, Cohorts, RetentionAnswer, RetentionNumber, RetentionQuestion, Returned,
};
use muster_kernel::ports::StoreError;
use roaring::RoaringBitmap;

use super::buckets::Finder;
use super::companies::{self, Companies, Subjects};
use super::counts::reach;
use super::dictionary::read;
use super::lane::to_signed;
use super::ranges::{self, Source};
use super::scan::Scan;

/// Events of a range.
const RANGE_EVENTS: usize = 1 << 15;
/// Bytes of a range's users at most: fits a processor's own cache.
const RANGE_BYTES: usize = 256 << 10;
/// The time of those who never began.
const NEVER: i64 = i64::MAX;

/// The place of the starting pattern; the returning one stands behind it.
const START: usize = 0;

/// A question in numbers.
struct Asked<'a, 'q> {
    scan: &'a Scan<'a>,
    question: &'q RetentionQuestion,
    finder: Finder<'q>,
    sources: Vec<Source<'a>>,
    subjects: Subjects<'q>,
    /// Words of bits for a user: one for each interval, and one for what is behind all.
    words: usize,
}

/// What a thread holds: of a range of users (or companies), and of all that it has seen.
struct Fold {
    first: Vec<i64>,
    began: Vec<u64>,
    returned: Vec<u64>,
    sizes: Vec<u64>,
    /// By cohort and period: who returned on it, or last of all on it.
    counts: Vec<u64>,
    people: Vec<u32>,
}

impl Fold {
    /// What two threads have noted of the same companies.
    fn and(mut self, other: Fold) -> Fold {
        self.first.iter_mut().zip(other.first).for_each(|(first, time)| *first = time.min(*first));
        self.began.iter_mut().zip(other.began).for_each(|(bits, more)| *bits |= more);
        self.returned.iter_mut().zip(other.returned).for_each(|(bits, more)| *bits |= more);
        self
    }
}

/// See `Reports::retention`.
///
/// # Errors
/// As that.
pub fn retention(
    scan: &Scan<'_>,
    question: &RetentionQuestion,
    subjects: Subjects<'_>,
) -> Result<RetentionAnswer, StoreError> {
    let asked = Asked::new(scan, question, subjects)?;
    let folds = asked.fold(|fold, _, cohort, last, bits| {
        fold.sizes[cohort] += 1;
        let counts = &mut fold.counts[cohort * question.periods..(cohort + 1) * question.periods];
        match question.returned {
            Returned::On => each_bit(bits, cohort, question.periods_of(cohort), |period| counts[period] += 1),
            Returned::OnOrAfter | Returned::Unbounded => {
                if let Some(last) = last {
                    counts[last] += 1;
                }
            }
        }
    })?;
    let sum = |of: &dyn Fn(&Fold) -> u64| folds.iter().map(of).sum::<u64>();
    let cohort = |cohort: usize| {
        let of = |period: usize| sum(&|fold| fold.counts[cohort * question.periods + period]);
        let mut returned: Vec<u64> = (0..question.periods_of(cohort)).map(of).collect();
        if question.returned != Returned::On {
            let mut later = 0;
            for count in returned.iter_mut().rev() {
                later += *count;
                *count = later;
            }
        }
        Cohort { size: sum(&|fold| fold.sizes[cohort]), returned }
    };
    Ok(RetentionAnswer { cohorts: (0..question.cohorts).map(cohort).collect() })
}

/// See `Reports::retention_people`.
///
/// # Errors
/// As that.
pub fn people(
    scan: &Scan<'_>,
    question: &RetentionQuestion,
    number: &RetentionNumber,
    subjects: Subjects<'_>,
) -> Result<RoaringBitmap, StoreError> {
    let asked = Asked::new(scan, question, subjects)?;
    let folds = asked.fold(|fold, user, cohort, last, bits| {
        let has_returned = |period: usize| match question.returned {
            Returned::On => is_set(bits, cohort + period),
            Returned::OnOrAfter | Returned::Unbounded => last.is_some_and(|last| last >= period),
        };
        if cohort == number.cohort && number.period.is_none_or(has_returned) {
            fold.people.push(user);
        }
    })?;
    let mut people = RoaringBitmap::new();
    folds.iter().for_each(|fold| people.extend(&fold.people));
    Ok(people)
}

impl<'a, 'q> Asked<'a, 'q> {
    fn new(
        scan: &'a Scan<'a>,
        question: &'q RetentionQuestion,
        subjects: Subjects<'q>,
    ) -> Result<Self, StoreError> {
        scan.check()?;
        let span = question.intervals.span();
        // The first time ever may lie before the span, a return without bounds behind it.
        let from = if question.belong == Cohorts::FirstTime { i64::MIN } else { span.from.0 };
        let until = if question.returned == Returned::Unbounded { i64::MAX } else { span.until.0 };
        let patterns = [&question.start, &question.returning];
        let mut sources = subjects.sources(scan, &patterns, false, (from, until))?;
        for source in &mut sources {
            let times = source.unit.entry().times;
            let only_before = times.1 < span.from.0;
            let only_behind = times.0 >= span.until.0;
            source.patterns.retain(|pattern| match *pattern {
                START => !only_behind,
                _ => !only_before,
            });
        }
        sources.retain(|source| !source.patterns.is_empty());
        let finder = Finder::new(&question.intervals, reach(scan));
        let words = bits_of(&question.intervals).div_ceil(64);
        Ok(Asked { scan, question, finder, sources, subjects, words })
    }

    /// Calls `count` for each user and cohort that they belong to, with the last period in which they came back, and the
    /// bits of the intervals in which they did.
    fn fold(
        &self,
        count: impl Fn(&mut Fold, u32, usize, Option<usize>, &[u64]) + Sync,
    ) -> Result<Vec<Fold>, StoreError> {
        if let Subjects::Companies(companies) = self.subjects {
            return self.fold_companies(companies, &count);
        }
        let users_max = u32::try_from(RANGE_BYTES / self.bytes_each()).unwrap_or(u32::MAX);
        let ranges = ranges::cut(&self.sources, RANGE_EVENTS, users_max);
        let events = ranges::events_of(&self.sources) / ranges.len().max(1) as u64;
        let width = ranges.iter().map(|(first, last)| (last - first + 1) as usize).max().unwrap_or_default();
        self.scan.share(
            &ranges,
            |_| events,
            || self.begin(width),
            |fold, range| {
                fold.first.fill(NEVER);
                fold.began.fill(0);
                fold.returned.fill(0);
                for source in &self.sources {
                    let place = |_, user: u32| Some((user - range.0) as usize);
                    self.look(fold, source, &source.rows(*range), place);
                }
                self.tell(fold, *range, &count);
                Ok(())
            },
        )
    }

    /// As many companies at a time as there is memory for.
    fn fold_companies(
        &self,
        companies: Companies<'_>,
        count: &impl Fn(&mut Fold, u32, usize, Option<usize>, &[u64]),
    ) -> Result<Vec<Fold>, StoreError> {
        let ranges = companies::cut(&self.sources, RANGE_EVENTS);
        let events = ranges::events_of(&self.sources) / ranges.len() as u64;
        let all = read(self.scan.known).companies.count();
        let bytes_max = self.scan.bytes_max / self.scan.threads.max(1);
        let width = (bytes_max / self.bytes_each()).clamp(1, (all as usize).max(1));
        let mut told: Option<Fold> = None;
        for first in (1..all).step_by(width) {
            let place = |company: u32| {
                company.checked_sub(first).map(|place| place as usize).filter(|place| *place < width)
            };
            let noted = self.scan.share(
                &ranges,
                |_| events,
                || self.begin(width),
                |fold, range| {
                    for source in &self.sources {
                        let rows = source.rows(*range);
                        let of = companies.of_rows(source, &rows);
                        self.look(fold, source, &rows, |row, _| place(of[row - rows.start]));
                    }
                    Ok(())
                },
            )?;
            let mut fold = noted.into_iter().fold(self.begin(width), Fold::and);
            if let Some(before) = told.take() {
                (fold.sizes, fold.counts, fold.people) = (before.sizes, before.counts, before.people);
            }
            let last = first.saturating_add(u32::try_from(width).unwrap_or(u32::MAX) - 1).min(all - 1);
            self.tell(&mut fold, (first, last), count);
            // What was noted is counted: the next companies need its memory.
            told = Some(Fold { first: Vec::new(), began: Vec::new(), returned: Vec::new(), ..fold });
        }
        Ok(told.into_iter().collect())
    }

    /// Bytes that a thread holds of each user or company, about.
    fn bytes_each(&self) -> usize {
        16 * self.words
    }

    /// What a thread holds of so many users or companies.
    fn begin(&self, width: usize) -> Fold {
        let RetentionQuestion { cohorts, periods, belong, .. } = *self.question;
        let first_only = belong == Cohorts::FirstTime;
        Fold {
            first: vec![NEVER; if first_only { width } else { 0 }],
            began: vec![0; if first_only { 0 } else { width * self.words }],
            returned: vec![0; width * self.words],
            sizes: vec![0; cohorts],
            counts: vec![0; cohorts * periods],
            people: Vec::new(),
        }
    }

    /// Notes what some rows of a part show; `place` is where whom a row is about stands in the fold, if anywhere.
    fn look(
        &self,
        fold: &mut Fold,
        source: &Source<'_>,
        rows: &Range<usize>,
        place: impl Fn(usize, u32) -> Option<usize>,
    ) {
        if rows.is_empty() {
            return;
        }
        for pattern in &source.patterns {
            let (start, words) = (*pattern == START, self.words);
            let meant = if start { &self.question.start } else { &self.question.returning };
            let passing = self.scan.meant(&source.part, rows, meant);
            let hides = source.hides_any();
            let is_out = |row: usize| {
                passing.as_ref().is_some_and(|passing| !passing[row - rows.start])
                    || (hides && source.hides(row))
            };
            let may_be_out = passing.is_some() || hides;
            source.show(rows, |first_row, users, times| {
                for (row, (user, time)) in (first_row..).zip(users.iter().zip(times)) {
                    let Some(place) = place(row, u32::try_from(*user).unwrap_or_default()) else { continue };
                    if may_be_out && is_out(row) {
                        continue;
                    }
                    let time = to_signed(*time);
                    match (start, fold.first.get_mut(place)) {
                        (true, Some(first)) => *first = time.min(*first),
                        (true, None) => self.mark(&mut fold.began[place * words..], time),
                        (false, _) => self.mark(&mut fold.returned[place * words..], time),
                    }
                }
            });
        }
    }

    #[inline]
    fn mark(&self, bits: &mut [u64], time: i64) {
        let bit = match self.finder.index(time) {
            Some(interval) => interval,
            None if time >= self.question.intervals.span().until.0 => self.question.intervals.count(),
            None => return,
        };
        if let Some(word) = bits.get_mut(bit / 64) {
            *word |= 1 << (bit % 64);
        }
    }

    /// Tells of every user of a range in which cohorts they are.
    fn tell(
        &self,
        fold: &mut Fold,
        (first, last): (u32, u32),
        count: &impl Fn(&mut Fold, u32, usize, Option<usize>, &[u64]),
    ) {
        let (began, returned) = (std::mem::take(&mut fold.began), std::mem::take(&mut fold.returned));
        let times = std::mem::take(&mut fold.first);
        let cohorts = self.question.cohorts;
        let mut tell_one = |user: u32| {
            let place = (user - first) as usize;
            let bits = &returned[place * self.words..(place + 1) * self.words];
            let mut belongs = |cohort: usize| {
                let returned = self.last_period(bits, cohort);
                count(fold, user, cohort, returned, bits);
            };
            match times.get(place) {
                Some(time) => {
                    let cohort = if *time == NEVER { None } else { self.finder.index(*time) };
                    cohort.filter(|cohort| *cohort < cohorts).into_iter().for_each(belongs);
                }
                None => {
                    each_bit(&began[place * self.words..(place + 1) * self.words], 0, cohorts, &mut belongs);
                }
            }
        };
        match self.subjects.who() {
            Some(who) => who.range(first..=last).for_each(tell_one),
            None => (first..=last).for_each(&mut tell_one),
        }
        (fold.began, fold.returned, fold.first) = (began, returned, times);
    }

    /// The last period of a cohort in which a user with these bits counts as returned.
    fn last_period(&self, bits: &[u64], cohort: usize) -> Option<usize> {
        let (intervals, periods) = (self.question.intervals.count(), self.question.periods_of(cohort));
        match self.question.returned {
            Returned::On => None,
            Returned::OnOrAfter => (0..periods).rev().find(|period| is_set(bits, cohort + period)),
            Returned::Unbounded => {
                let last = (cohort..=intervals).rev().find(|bit| is_set(bits, *bit))?;
                Some((last - cohort).min(periods - 1))
            }
        }
    }
}

/// One for each interval, and one for what is behind all.
fn bits_of(intervals: &Buckets) -> usize {
    intervals.count() + 1
}

fn is_set(bits: &[u64], bit: usize) -> bool {
    bits.get(bit / 64).is_some_and(|word| word >> (bit % 64) & 1 != 0)
}

/// Calls `see` with the place, counted from `from`, of each of `count` bits that is set.
#[inline]
fn each_bit(bits: &[u64], from: usize, count: usize, mut see: impl FnMut(usize)) {
    if let [word] = bits {
        let mut left = word >> from & (u64::MAX >> (64 - count.clamp(1, 64)));
        while left != 0 {
            see(left.trailing_zeros() as usize);
            left &= left - 1;
        }
        return;
    }
    (0..count).filter(|bit| is_set(bits, from + bit)).for_each(see);
}
