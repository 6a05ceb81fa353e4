//! Retention as a fold over ranges of users: for each user when they first began, or in which intervals they did, and one
//! bit for each interval in which they came back. Then the bits are counted by cohort. Of companies each thread notes the same of
//! all that it sees, and what the threads have noted is put together before it is counted.

use std::ops::Range;

use muster_kernel::model::calendar::Buckets;
use muster_kernel::model::report::Pattern;
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
    tally: Tally,
    /// Places and cohorts of a range's users.
    found: Vec<(u32, u16)>,
    people: Vec<u32>,
}

/// How many words have each bit set, sixteen bits of a word for each bit: which bits are set cannot be foretold, so nothing
/// branches on them.
struct Tally {
    /// Words that count the bits of a cohort.
    width: usize,
    words: Vec<u64>,
    /// How many were counted, which is the most that any bit has.
    counted: u16,
}

impl Tally {
    fn new(cohorts: usize, periods: usize) -> Tally {
        let width = periods.div_ceil(4);
        Tally { width, words: vec![0; cohorts * width], counted: 0 }
    }

    /// Counts the bits that a cohort's periods have.
    #[inline]
    fn add(&mut self, cohort: usize, mut bits: u64) {
        self.counted += 1;
        for word in &mut self.words[cohort * self.width..(cohort + 1) * self.width] {
            // Bit n to place 16 n.
            *word += ((bits & 15) * 0x2000_4000_8001) & 0x0001_0001_0001_0001;
            bits >>= 4;
        }
    }

    /// Adds the counts to those of each cohort and period, and begins anew.
    fn give(&mut self, counts: &mut [u64], periods: usize) {
        self.counted = 0;
        let cohorts = self.words.chunks_exact_mut(self.width).zip(counts.chunks_exact_mut(periods));
        for (words, counts) in cohorts {
            for (word, counts) in words.iter_mut().zip(counts.chunks_mut(4)) {
                let word = std::mem::take(word);
                (0..).zip(counts).for_each(|(bit, count)| *count += word >> (16 * bit) & 0xffff);
            }
        }
    }
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
        let first = cohort * question.periods;
        match (question.returned, bits) {
            (Returned::On, [word]) => {
                fold.tally.add(cohort, word >> cohort & (u64::MAX >> (64 - question.periods_of(cohort))));
                if fold.tally.counted == u16::MAX {
                    fold.tally.give(&mut fold.counts, question.periods);
                }
            }
            (Returned::On, _) => {
                let count = |period| fold.counts[first + period] += 1;
                each_bit(bits, cohort, question.periods_of(cohort), count);
            }
            (Returned::OnOrAfter | Returned::Unbounded, _) => {
                if let Some(last) = last {
                    fold.counts[first + last] += 1;
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
        match self.question.belong {
            Cohorts::FirstTime => 16 + 8 * self.words,
            Cohorts::Recurring => 16 * self.words,
        }
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
            tally: Tally::new(cohorts, periods),
            found: Vec::new(),
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
        let (words, start, returning) = (self.words, &self.question.start, &self.question.returning);
        let Fold { first, began, returned, .. } = fold;
        for pattern in &source.patterns {
            match (*pattern, self.question.belong) {
                (START, Cohorts::FirstTime) => self.each(source, rows, start, &place, |place, time| {
                    first[place] = time.min(first[place]);
                }),
                (START, Cohorts::Recurring) => self.each(source, rows, start, &place, |place, time| {
                    self.mark(&mut began[place * words..], time);
                }),
                _ => self.each(source, rows, returning, &place, |place, time| {
                    self.mark(&mut returned[place * words..], time);
                }),
            }
        }
    }

    /// Shows place and time of those of some rows of a part that a pattern means.
    #[inline]
    fn each(
        &self,
        source: &Source<'_>,
        rows: &Range<usize>,
        pattern: &Pattern,
        place: &impl Fn(usize, u32) -> Option<usize>,
        mut see: impl FnMut(usize, i64),
    ) {
        if rows.is_empty() {
            return;
        }
        let passing = self.scan.meant(&source.part, rows, pattern);
        let hides = source.hides_any();
        let is_out = |row: usize| {
            passing.as_ref().is_some_and(|passing| !passing[row - rows.start]) || (hides && source.hides(row))
        };
        let may_be_out = passing.is_some() || hides;
        source.show(rows, |first_row, users, times| {
            for (row, (user, time)) in (first_row..).zip(users.iter().zip(times)) {
                let Some(place) = place(row, u32::try_from(*user).unwrap_or_default()) else { continue };
                if !(may_be_out && is_out(row)) {
                    see(place, to_signed(*time));
                }
            }
        });
    }

    #[inline]
    fn mark(&self, bits: &mut [u64], time: i64) {
        let bit = self.finder.index_or(time, self.question.intervals.count());
        if let Some(word) = bits.get_mut(bit / 64) {
            *word |= u64::from(time >= self.question.intervals.span().from.0) << (bit % 64);
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
        let (times, mut found) = (std::mem::take(&mut fold.first), std::mem::take(&mut fold.found));
        let words_of = |place: u32| place as usize * self.words..(place as usize + 1) * self.words;
        let places = 0..last - first + 1;
        let who = self.subjects.who().map(|who| who.range(first..=last).map(|user| user - first));
        let mut belongs = |place: u32, cohort: usize| {
            let bits = &returned[words_of(place)];
            let returned = self.last_period(bits, cohort);
            count(fold, first + place, cohort, returned, bits);
        };
        if self.question.belong == Cohorts::FirstTime {
            match who {
                Some(who) => self.first_cohorts(&times, who, &mut found),
                None => self.first_cohorts(&times, places, &mut found),
            }
            found.iter().for_each(|(place, cohort)| belongs(*place, usize::from(*cohort)));
        } else {
            let cohorts = self.question.cohorts;
            let tell = |place: u32| {
                each_bit(&began[words_of(place)], 0, cohorts, |cohort| belongs(place, cohort));
            };
            match who {
                Some(who) => who.for_each(tell),
                None => places.for_each(tell),
            }
        }
        (fold.began, fold.returned, fold.first, fold.found) = (began, returned, times, found);
        fold.tally.give(&mut fold.counts, self.question.periods);
    }

    /// Finds those who began in a cohort for the first time, with their cohort. Without a branch: who did cannot be foretold.
    fn first_cohorts(&self, times: &[i64], places: impl Iterator<Item = u32>, found: &mut Vec<(u32, u16)>) {
        found.resize(times.len(), (0, 0));
        let mut count = 0;
        for place in places {
            // Of those who never began the time is behind every span.
            let cohort = self.finder.index_or(times[place as usize], usize::MAX);
            found[count] = (place, u16::try_from(cohort).unwrap_or_default());
            count += usize::from(cohort < self.question.cohorts);
        }
        found.truncate(count);
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
