//! Funnels as a fold over ranges of users: the events of a range that a step or an exclusion means are gathered, put in
//! each user's order, and walked over once (`funnel_walk.rs`). Of companies the same events are put in their order by `companies.rs`.

use std::ops::Range;

use muster_kernel::model::report::funnel::{
    FunnelAnswer, FunnelNumber, FunnelQuestion, FunnelRow, FunnelStep, Order,
};
use muster_kernel::model::report::{Pattern, Row, Times};
use muster_kernel::ports::StoreError;
use roaring::RoaringBitmap;

use super::companies::{self, Companies, CompanyEvent, Subjects};
use super::funnel_sieve::{Masks, Sieve};
use super::funnel_walk::{Met, Outcome, Walk, exclusion_bit};
use super::gathered::{Gathered, Seen};
use super::groups::{self, By, Groups, Rows, SKIPPED, Told};
use super::lane::to_signed;
use super::ranges::{self, Source};
use super::scan::Scan;

/// Events of a range: what is held of them fits a processor's own cache.
const RANGE_EVENTS: usize = 1 << 14;
/// As that, where most are cut before they are sorted: the fewer ranges, the fewer blocks are unpacked for two of them.
const SIEVED_RANGE_EVENTS: usize = 1 << 16;
const RANGE_USERS_MAX: u32 = 1 << 15;

/// A question in numbers.
pub struct Asked<'a> {
    scan: &'a Scan<'a>,
    question: &'a FunnelQuestion,
    sources: Vec<Source<'a>>,
    /// The bit of each pattern.
    bits: Vec<usize>,
    by: By<'a>,
    subjects: Subjects<'a>,
}

/// A run of rows of a part, and what its events are to the funnel.
struct Run<'s, 'a> {
    source: &'s Source<'a>,
    rows: Range<usize>,
    /// The bits of all of them, or of each.
    mask: u64,
    masks: Option<Vec<u64>>,
    /// Where its events end among those gathered.
    end: usize,
    /// The groups of attempts that begin with them, where they differ.
    groups: Option<Vec<u32>>,
}

impl Run<'_, '_> {
    fn index(&self, seen: &Seen) -> usize {
        seen.row as usize - self.rows.start
    }

    fn position(&self, seen: &Seen) -> u64 {
        self.source.position(seen.row as usize)
    }

    fn masks(&self) -> Masks<'_> {
        let each = |masks| Masks::Each(self.rows.start, masks);
        self.masks.as_deref().map_or(Masks::All(self.mask), each)
    }

    /// What one of its events is to the funnel; `absent` is the group of those without the property.
    #[inline]
    fn met(&self, seen: &Seen, absent: u32) -> Met {
        let index = self.index(seen);
        let mask = self.masks.as_ref().map_or(self.mask, |of| of[index]);
        Met { time: seen.time, mask, group: self.groups.as_ref().map_or(absent, |of| of[index]) }
    }
}

/// What a thread makes of outcomes.
struct Fold<'a, T> {
    groups: Groups<'a>,
    walk: Walk,
    gathered: Gathered,
    sieve: Option<Sieve>,
    made: T,
}

impl<'a> Asked<'a> {
    /// The question, told apart by `by`, of those whom it is about.
    ///
    /// # Errors
    /// When a part is damaged, or the answer is not wanted any more.
    pub fn new(
        scan: &'a Scan<'a>,
        question: &'a FunnelQuestion,
        by: By<'a>,
        subjects: Subjects<'a>,
    ) -> Result<Self, StoreError> {
        scan.check()?;
        let excluded = question.exclusions.iter().map(|one| &one.pattern);
        let patterns: Vec<&Pattern> = question.steps.iter().chain(excluded).collect();
        let exclusions = (0..question.exclusions.len()).map(exclusion_bit);
        let bits = (0..question.steps.len()).chain(exclusions).collect();
        let span = question.span;
        // The last event that counts is exactly the window behind the last that can begin.
        let times = (span.from.0, span.until.0.saturating_add(question.window));
        let sources = subjects.sources(scan, &patterns, question.order == Order::Strict, times)?;
        Ok(Asked { scan, question, sources, bits, by, subjects })
    }

    /// See `Reports::funnel`.
    ///
    /// # Errors
    /// As that.
    pub fn answer(&self) -> Result<FunnelAnswer, StoreError> {
        let rows = self.rows()?;
        let steps = self.question.steps.len();
        let begin = || vec![(0u64, Times::default()); rows.count() * steps];
        let folds = self.fold(Told::Rows(&rows), begin, |made, _, outcome| {
            let row = &mut made[outcome.group as usize * steps..][..steps];
            for (step, (count, times)) in row.iter_mut().take(outcome.times.len()).enumerate() {
                *count += 1;
                if step > 0 {
                    times.add(outcome.times[step]);
                }
            }
        })?;
        let mut sums = begin();
        for fold in folds {
            for (into, (count, times)) in sums.iter_mut().zip(fold.made) {
                into.0 += count;
                into.1.merge(times);
            }
        }
        let mut total = vec![(0u64, Times::default()); steps];
        for row in sums.chunks(steps) {
            for (into, (count, times)) in total.iter_mut().zip(row) {
                into.0 += count;
                into.1.merge(times.clone());
            }
        }
        let row = |sums: Vec<(u64, Times)>| FunnelRow {
            steps: sums
                .into_iter()
                .map(|(count, times)| FunnelStep { count, time: times.spread() })
                .collect(),
        };
        let other = row(sums.split_off(rows.other() * steps));
        let mut own = Vec::new();
        let mut left = sums.into_iter();
        for group in &rows.own {
            own.push((group.clone(), row(left.by_ref().take(steps).collect())));
        }
        Ok(FunnelAnswer {
            total: row(total),
            groups: own,
            other: (rows.left_out > 0).then_some(other),
            groups_left_out: rows.left_out,
        })
    }

    /// See `Reports::funnel_people`.
    ///
    /// # Errors
    /// As that.
    pub fn people(&self, number: &FunnelNumber) -> Result<RoaringBitmap, StoreError> {
        let rows = match number.row {
            Row::All => Rows::one(),
            Row::Group(_) | Row::Other => self.rows()?,
        };
        let wanted = match &number.row {
            Row::All => Some(rows.other()),
            Row::Group(group) => rows.own.iter().position(|own| own == group),
            Row::Other => Some(rows.other()).filter(|_| rows.left_out > 0),
        };
        let mut people = RoaringBitmap::new();
        if let Some(wanted) = wanted {
            let folds = self.fold(Told::Rows(&rows), Vec::new, |made: &mut Vec<u32>, user, outcome| {
                let reached = outcome.times.len();
                let so_far = if number.stayed { reached == number.step + 1 } else { reached > number.step };
                if so_far && outcome.group as usize == wanted {
                    made.push(user);
                }
            })?;
            folds.iter().for_each(|fold| people.extend(&fold.made));
        }
        Ok(people)
    }

    /// The rows of the answer.
    fn rows(&self) -> Result<Rows, StoreError> {
        if let By::Nothing = self.by {
            return Ok(Rows::one());
        }
        groups::rank(self.by, self.question.groups_max, |share| {
            let folds = self.fold(Told::Share(share), Vec::new, |made: &mut Vec<u64>, _, outcome| {
                let group = outcome.group as usize;
                if outcome.group == SKIPPED {
                    return;
                }
                if made.len() <= group {
                    made.resize(group + 1, 0);
                }
                made[group] += 1;
            })?;
            Ok(folds.into_iter().map(|fold| (fold.groups, fold.made)).collect())
        })
    }

    fn fold<'r, T: Send>(
        &self,
        told: Told<'r>,
        begin: impl Fn() -> T + Sync,
        take: impl Fn(&mut T, u32, &Outcome<'_>) + Sync,
    ) -> Result<Vec<Fold<'r, T>>, StoreError>
    where
        'a: 'r,
    {
        let begin = || Fold {
            groups: Groups::new(self.by, told, self.scan),
            walk: Walk::new(self.question),
            gathered: Gathered::default(),
            sieve: self.sieve(),
            made: begin(),
        };
        let Subjects::Companies(companies) = self.subjects else {
            let users_max = RANGE_USERS_MAX.min(Sieve::users_max(self.question.steps.len()));
            let range_events = if self.sieve().is_some() { SIEVED_RANGE_EVENTS } else { RANGE_EVENTS };
            let ranges = ranges::cut(&self.sources, range_events, users_max);
            let events = ranges::events_of(&self.sources) / ranges.len().max(1) as u64;
            return self.scan.share(
                &ranges,
                |_| events,
                begin,
                |fold, range| self.range(fold, *range, &take),
            );
        };
        // Groups that are ranked are numbered by each thread for itself, but events of one company come from several.
        let is_numbered = matches!((told, self.by), (Told::Share(_), By::Event(_)));
        let threads = if is_numbered { 1 } else { self.scan.threads };
        let ranges = companies::cut(&self.sources, RANGE_EVENTS);
        let events = ranges::events_of(&self.sources) / ranges.len() as u64;
        companies::in_order(
            &Scan { threads, ..*self.scan },
            (&ranges, events),
            begin,
            |fold, range, add| self.gather_of_companies(companies, fold, range, add),
            |fold, company, events| {
                let of_company = fold.groups.of_subject(company);
                let met = |event: &CompanyEvent| Met {
                    time: event.time,
                    mask: event.mask,
                    group: of_company.unwrap_or(event.code),
                };
                let Fold { walk, made, .. } = fold;
                walk.walk(events.iter().map(met), |outcome| take(made, company, &outcome));
            },
        )
    }

    fn sieve(&self) -> Option<Sieve> {
        Sieve::new(self.question, self.by, ranges::times_of(&self.sources))
    }

    /// Shows the events of a range of users, each with its company.
    fn gather_of_companies<T>(
        &self,
        companies: Companies<'_>,
        fold: &mut Fold<'_, T>,
        range: (u32, u32),
        add: &mut dyn FnMut(CompanyEvent),
    ) -> Result<(), StoreError> {
        // A part at a time: all events about nobody are one range, however many there are.
        for source in &self.sources {
            let runs = self.gather(std::slice::from_ref(source), &mut fold.gathered, &mut fold.groups, range);
            fold.groups.check()?;
            let Some(run) = runs.first() else { continue };
            let of_run = companies.of_rows(source, &run.rows);
            let absent = fold.groups.absent();
            for seen in fold.gathered.all() {
                let Met { time, mask, group } = run.met(seen, absent);
                let company = of_run[run.index(seen)];
                add(CompanyEvent { company, code: group, time, position: run.position(seen), mask });
            }
        }
        Ok(())
    }

    fn range<T>(
        &self,
        fold: &mut Fold<'_, T>,
        range: (u32, u32),
        take: &impl Fn(&mut T, u32, &Outcome<'_>),
    ) -> Result<(), StoreError> {
        let Fold { groups, walk, gathered, sieve, made } = fold;
        let runs = self.gather(&self.sources, gathered, groups, range);
        groups.check()?;
        let who = self.subjects.who();
        if let Some(sieve) = sieve {
            sift(sieve, gathered, &runs, range);
            if let Some(who) = who {
                sieve.only(who.range(range.0..=range.1).map(|user| (user - range.0) as usize));
            }
            for user in sieve.first().filter_map(|place| user_at(range, place)) {
                let group = groups.of_subject(user).unwrap_or(groups.absent());
                take(made, user, &Outcome { group, times: &[0] });
            }
        }
        gathered.sort(range);
        let tell = |user: u32| {
            let position = |seen: &Seen| runs[seen.run as usize].position(seen);
            let seen = gathered.in_order((user - range.0) as usize, position);
            if seen.is_empty() {
                return;
            }
            let of_user = groups.of_subject(user);
            let absent = groups.absent();
            let met = |seen: &Seen| {
                let met = runs[seen.run as usize].met(seen, absent);
                Met { group: of_user.unwrap_or(met.group), ..met }
            };
            walk.walk(seen.iter().map(met), |outcome| take(made, user, &outcome));
        };
        match (sieve, who) {
            (Some(sieve), _) => sieve.further().filter_map(|place| user_at(range, place)).for_each(tell),
            (None, Some(who)) => who.range(range.0..=range.1).for_each(tell),
            (None, None) => (range.0..=range.1).for_each(tell),
        }
        Ok(())
    }

    /// Gathers the events of a range of users in some parts.
    fn gather<'s>(
        &'s self,
        sources: &'s [Source<'a>],
        gathered: &mut Gathered,
        groups: &mut Groups<'_>,
        range: (u32, u32),
    ) -> Vec<Run<'s, 'a>> {
        gathered.clear();
        let mut runs = Vec::new();
        let (from, until) = (self.question.span.from.0, self.question.span.until.0);
        let last = until.saturating_sub(1).saturating_add(self.question.window);
        for source in sources {
            let rows = source.rows(range);
            if rows.is_empty() {
                continue;
            }
            let number = u32::try_from(runs.len()).unwrap_or(u32::MAX);
            let (mask, masks) = self.masks(source, &rows);
            // Only an event that can begin an attempt puts it into a group.
            let may_begin = self.question.order == Order::Any || source.patterns.contains(&0);
            let groups = if may_begin { groups.of_rows(&source.part, &rows) } else { None };
            let keeps_all = self.question.order == Order::Strict && source.is_active;
            let hides = source.hides_any();
            let masks_of = masks.as_deref();
            let reach = source.unit.entry().times;
            let takes_all = masks_of.is_none() && !hides && from <= reach.0 && reach.1 <= last;
            source.show(&rows, |first_row, users, times| {
                if takes_all {
                    gathered.extend(range.0, number, first_row, users, times);
                    return;
                }
                for (row, (user, time)) in (first_row..).zip(users.iter().zip(times)) {
                    let (user, time) = (u32::try_from(*user).unwrap_or_default(), to_signed(*time));
                    let is_out = time < from
                        || time > last
                        || (!keeps_all && masks_of.is_some_and(|masks| masks[row - rows.start] == 0))
                        || (hides && source.hides(row));
                    if !is_out {
                        let row = u32::try_from(row).unwrap_or(u32::MAX);
                        gathered.add(user - range.0, Seen { time, row, run: number });
                    }
                }
            });
            runs.push(Run { source, rows, mask, masks, end: gathered.count(), groups });
        }
        runs
    }

    /// Which steps and exclusions mean the events of some rows: all of them, or each.
    fn masks(&self, source: &Source<'_>, rows: &Range<usize>) -> (u64, Option<Vec<u64>>) {
        let mut mask = 0;
        let mut masks: Option<Vec<u64>> = None;
        for pattern in &source.patterns {
            let steps = self.question.steps.len();
            let meant = match pattern.checked_sub(steps) {
                None => &self.question.steps[*pattern],
                Some(exclusion) => &self.question.exclusions[exclusion].pattern,
            };
            let bit = 1u64 << self.bits[*pattern];
            let Some(passing) = self.scan.meant(&source.part, rows, meant) else {
                mask |= bit;
                continue;
            };
            let masks = masks.get_or_insert_with(|| vec![0; rows.len()]);
            masks.iter_mut().zip(passing).filter(|(_, passes)| *passes).for_each(|(mask, _)| *mask |= bit);
        }
        if let Some(masks) = &mut masks {
            masks.iter_mut().for_each(|each| *each |= mask);
        }
        (mask, masks)
    }
}

/// The user in a place of a range.
fn user_at((first, _): (u32, u32), place: usize) -> Option<u32> {
    first.checked_add(u32::try_from(place).ok()?)
}

/// Leaves those of the events of a range of users that can be part of an attempt of two steps.
fn sift(sieve: &mut Sieve, gathered: &mut Gathered, runs: &[Run<'_, '_>], (first, last): (u32, u32)) {
    sieve.clear((last - first) as usize + 1);
    let mut start = 0;
    for run in runs {
        let (users, seen) = gathered.some(start..run.end);
        sieve.note(users, seen, run.masks());
        start = run.end;
    }
    sieve.settle();
    sieve.sift(gathered, runs.iter().map(|run| (run.end, run.masks())));
}
