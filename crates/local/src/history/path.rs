//! Paths as a fold over ranges of users: first where each user's path begins, then of all active events only those near
//! enough to it, put in the user's order and followed as far as there are levels. Of companies all active events are put in order
//! (`companies.rs`), and followed from where the path begins.

use hashbrown::{HashMap, HashSet};
use muster_kernel::model::history::EventName;
use muster_kernel::model::report::path::{Direction, PathAnswer, PathNumber, PathQuestion};
use muster_kernel::model::time::Timestamp;
use muster_kernel::ports::StoreError;
use roaring::RoaringBitmap;

use super::companies::{self, Companies, CompanyEvent, Subjects};
use super::gathered::{Gathered, Seen};
use super::lane::to_signed;
use super::names::event_names;
use super::ranges::{self, Source};
use super::scan::Scan;

/// Events of a range.
const RANGE_EVENTS: usize = 1 << 16;
const RANGE_USERS_MAX: u32 = 1 << 14;

/// The event that a path begins with.
#[derive(Clone, Copy)]
struct Anchor {
    time: i64,
    source: usize,
    row: usize,
}

/// A step: of which level, from which name to which. Behind all names is the end.
type Step = (u32, u32, u32);

/// What an event of a company is to a path.
const IS_ANCHOR: u64 = 1;
const IS_ACTIVE: u64 = 2;

/// No name.
const END: u32 = u32::MAX;

/// A question in numbers.
struct Asked<'a, 'q> {
    scan: &'a Scan<'a>,
    question: &'q PathQuestion,
    sources: Vec<Source<'a>>,
    /// From the first instant that an event may have to the one behind the last.
    reach: (i64, i64),
    subjects: Subjects<'q>,
}

/// What a thread holds.
#[derive(Default)]
struct Fold<T> {
    anchors: Vec<Option<Anchor>>,
    gathered: Gathered,
    made: T,
}

/// See `Reports::path`.
///
/// # Errors
/// As that.
pub fn path(
    scan: &Scan<'_>,
    question: &PathQuestion,
    subjects: Subjects<'_>,
) -> Result<PathAnswer, StoreError> {
    Asked::new(scan, question, subjects)?.answer()
}

/// Everybody behind a number of a path report.
///
/// # Errors
/// As `Reports::people`.
pub fn people(
    scan: &Scan<'_>,
    question: &PathQuestion,
    number: PathNumber,
    subjects: Subjects<'_>,
) -> Result<RoaringBitmap, StoreError> {
    let asked = Asked::new(scan, question, subjects)?;
    let answer = asked.answer()?;
    let branches = answer.levels.get(number.level).map(Vec::as_slice).unwrap_or_default();
    let Some(branch) = branches.get(number.branch) else { return Ok(RoaringBitmap::new()) };
    let has_own = |event: &EventName| branches.iter().any(|branch| branch.event.as_ref() == Some(event));
    let is_meant = |event: &EventName| match &branch.event {
        Some(own) => own == event,
        None => !has_own(event),
    };
    let meant: HashSet<u32> = event_names(scan)
        .into_iter()
        .filter(|(_, event)| is_meant(event))
        .map(|(number, _)| number)
        .collect();
    let is_last = number.level + 1 == question.levels;
    let folds = asked.fold(
        |people: &mut Vec<u32>, user, (level, from, to)| {
            let comes_through = match is_last {
                true => level as usize + 1 == number.level && meant.contains(&to),
                false => level as usize == number.level && meant.contains(&from),
            };
            if comes_through {
                people.push(user);
            }
        },
        |_| 0,
    )?;
    let mut people = RoaringBitmap::new();
    folds.iter().for_each(|fold| people.extend(&fold.made));
    Ok(people)
}

impl<'a, 'q> Asked<'a, 'q> {
    fn new(
        scan: &'a Scan<'a>,
        question: &'q PathQuestion,
        subjects: Subjects<'q>,
    ) -> Result<Self, StoreError> {
        scan.check()?;
        let span = question.span;
        let reach = match question.direction {
            Direction::From => (span.from.0, span.until.0.saturating_add(question.window)),
            Direction::To => (span.from.0.saturating_sub(question.window), span.until.0),
        };
        let sources = subjects.sources(scan, &[&question.anchor], true, reach)?;
        Ok(Asked { scan, question, sources, reach, subjects })
    }

    fn answer(&self) -> Result<PathAnswer, StoreError> {
        let folds = self.fold(
            |steps: &mut HashMap<Step, u64>, _, step| *steps.entry(step).or_default() += 1,
            |steps| steps.len() * size_of::<(Step, u64)>(),
        )?;
        let mut steps: Vec<Vec<(u32, Option<u32>, u64)>> = vec![Vec::new(); self.question.levels - 1];
        for ((level, from, to), users) in folds.into_iter().flat_map(|fold| fold.made) {
            steps[level as usize].push((from, Some(to).filter(|to| *to != END), users));
        }
        let names: HashMap<u32, EventName> = event_names(self.scan).into_iter().collect();
        let name = |number: u32| names.get(&number).cloned().unwrap_or_else(|| EventName::track(""));
        Ok(PathAnswer::of(&steps, self.question.branches_max, name))
    }

    /// Follows every path; `take` is shown each step with its user, `bytes` says what it has made of them.
    fn fold<T: Default + Send>(
        &self,
        take: impl Fn(&mut T, u32, Step) + Sync,
        bytes: impl Fn(&T) -> usize + Sync,
    ) -> Result<Vec<Fold<T>>, StoreError> {
        let bytes_max = self.scan.bytes_max / self.scan.threads.max(1);
        let check = |made: &T| if bytes(made) > bytes_max { Err(StoreError::TooLarge) } else { Ok(()) };
        let Subjects::Companies(companies) = self.subjects else {
            let ranges = ranges::cut(&self.sources, RANGE_EVENTS, RANGE_USERS_MAX);
            let events = ranges::events_of(&self.sources) / ranges.len().max(1) as u64;
            return self.scan.share(
                &ranges,
                |_| events,
                Fold::default,
                |fold, range| {
                    self.range(fold, *range, &take);
                    check(&fold.made)
                },
            );
        };
        let ranges = companies::cut(&self.sources, RANGE_EVENTS);
        let events = ranges::events_of(&self.sources) / ranges.len() as u64;
        let folds = companies::in_order(
            self.scan,
            (&ranges, events),
            Fold::default,
            |_, range, add| {
                self.sources
                    .iter()
                    .for_each(|source| self.gather_of_companies(companies, source, range, add));
                Ok(())
            },
            |fold, company, events| self.follow_company(events, |step| take(&mut fold.made, company, step)),
        )?;
        folds.iter().try_for_each(|fold| check(&fold.made))?;
        Ok(folds)
    }

    /// Shows the active events and the anchors of a range of users in a part, each with its company.
    fn gather_of_companies(
        &self,
        companies: Companies<'_>,
        source: &Source<'_>,
        range: (u32, u32),
        add: &mut dyn FnMut(CompanyEvent),
    ) {
        let rows = source.rows(range);
        if rows.is_empty() {
            return;
        }
        let of = companies.of_rows(source, &rows);
        let passing = self.scan.meant(&source.part, &rows, &self.question.anchor);
        let (hides, may_begin) = (source.hides_any(), !source.patterns.is_empty());
        let active = if source.is_active { IS_ACTIVE } else { 0 };
        source.show(&rows, |first_row, _, times| {
            for (row, time) in (first_row..).zip(times) {
                let (index, time) = (row - rows.start, to_signed(*time));
                let begins = may_begin
                    && self.question.span.contains(Timestamp(time))
                    && passing.as_ref().is_none_or(|passing| passing[index]);
                let mask = active | if begins { IS_ANCHOR } else { 0 };
                let is_out = of[index] == 0
                    || mask == 0
                    || time < self.reach.0
                    || time > self.reach.1
                    || (hides && source.hides(row));
                if !is_out {
                    let (code, position) = (source.unit.entry().name, source.position(row));
                    add(CompanyEvent { company: of[index], code, time, position, mask });
                }
            }
        });
    }

    /// Shows the steps of a company's path.
    fn follow_company(&self, events: &[CompanyEvent], take: impl FnMut(Step)) {
        let is_anchor = |event: &CompanyEvent| event.mask & IS_ANCHOR != 0;
        let at = match self.question.direction {
            Direction::From => events.iter().position(is_anchor),
            Direction::To => events.iter().rposition(is_anchor),
        };
        let Some(at) = at else { return };
        let anchor = events[at];
        let is_near = |event: &&CompanyEvent| {
            let apart = event.time.saturating_sub(anchor.time).saturating_abs();
            event.mask & IS_ACTIVE != 0 && apart <= self.question.window
        };
        match self.question.direction {
            Direction::From => {
                let names = events[at + 1..].iter().filter(is_near).map(|event| event.code);
                self.follow(anchor.code, names, take);
            }
            Direction::To => {
                let names = events[..at].iter().rev().filter(is_near).map(|event| event.code);
                self.follow(anchor.code, names, take);
            }
        }
    }

    fn range<T>(&self, fold: &mut Fold<T>, range: (u32, u32), take: &impl Fn(&mut T, u32, Step)) {
        let Fold { anchors, gathered, made } = fold;
        anchors.clear();
        anchors.resize((range.1 - range.0) as usize + 1, None);
        for (index, source) in self.sources.iter().enumerate() {
            if !source.patterns.is_empty() {
                self.find_anchors(anchors, index, source, range);
            }
        }
        if let Some(who) = self.subjects.who() {
            let mut others = RoaringBitmap::new();
            others.insert_range(range.0..=range.1);
            (others - who).into_iter().for_each(|user| anchors[(user - range.0) as usize] = None);
        }
        if anchors.iter().all(Option::is_none) {
            return;
        }
        gathered.clear();
        for (index, source) in self.sources.iter().enumerate() {
            self.gather(anchors, gathered, (index, source), range);
        }
        gathered.sort(range);
        for (place, anchor) in anchors.iter().enumerate() {
            let Some(anchor) = anchor else { continue };
            let position = |seen: &Seen| self.sources[seen.run as usize].position(seen.row as usize);
            let seen = gathered.in_order(place, position);
            let user = range.0 + u32::try_from(place).unwrap_or_default();
            self.follow_user(*anchor, seen, |step| take(made, user, step));
        }
    }

    /// Notes which event of each user of a range is their anchor, as far as one part shows.
    fn find_anchors(
        &self,
        anchors: &mut [Option<Anchor>],
        index: usize,
        source: &Source<'_>,
        range: (u32, u32),
    ) {
        let rows = source.rows(range);
        if rows.is_empty() {
            return;
        }
        let passing = self.scan.meant(&source.part, &rows, &self.question.anchor);
        let (hides, span) = (source.hides_any(), self.question.span);
        let is_first = self.question.direction == Direction::From;
        source.show(&rows, |first_row, users, times| {
            for (row, (user, time)) in (first_row..).zip(users.iter().zip(times)) {
                let (user, time) = (u32::try_from(*user).unwrap_or_default(), to_signed(*time));
                let is_out = time < span.from.0
                    || time >= span.until.0
                    || passing.as_ref().is_some_and(|passing| !passing[row - rows.start])
                    || (hides && source.hides(row));
                if is_out {
                    continue;
                }
                let anchor = &mut anchors[(user - range.0) as usize];
                let is_before = |known: &Anchor| match time == known.time {
                    true => source.position(row) < self.sources[known.source].position(known.row),
                    false => time < known.time,
                };
                if anchor.as_ref().is_none_or(|known| is_before(known) == is_first) {
                    *anchor = Some(Anchor { time, source: index, row });
                }
            }
        });
    }

    /// Gathers the active events of a part that are near enough to their user's anchor, and the anchors.
    fn gather(
        &self,
        anchors: &[Option<Anchor>],
        gathered: &mut Gathered,
        (index, source): (usize, &Source<'_>),
        range: (u32, u32),
    ) {
        let rows = source.rows(range);
        let (hides, window) = (source.hides_any(), self.question.window);
        let run = u32::try_from(index).unwrap_or(u32::MAX);
        let forwards = self.question.direction == Direction::From;
        source.show(&rows, |first_row, users, times| {
            for (row, (user, time)) in (first_row..).zip(users.iter().zip(times)) {
                let (user, time) = (u32::try_from(*user).unwrap_or_default(), to_signed(*time));
                // Nobody's events come before the first user's, where a range begins.
                let place = user.wrapping_sub(range.0) as usize;
                let Some(Some(anchor)) = anchors.get(place) else { continue };
                let since = if forwards {
                    time.saturating_sub(anchor.time)
                } else {
                    anchor.time.saturating_sub(time)
                };
                if !(0..=window).contains(&since) || (hides && source.hides(row)) {
                    continue;
                }
                if source.is_active || (anchor.source, anchor.row) == (index, row) {
                    let row = u32::try_from(row).unwrap_or(u32::MAX);
                    gathered.add(user - range.0, Seen { time, row, run });
                }
            }
        });
    }

    /// Shows the steps of a user's path.
    fn follow_user(&self, anchor: Anchor, seen: &[Seen], take: impl FnMut(Step)) {
        let is_anchor = |seen: &Seen| (seen.run as usize, seen.row as usize) == (anchor.source, anchor.row);
        let Some(at) = seen.iter().position(is_anchor) else { return };
        let name = |seen: &Seen| self.sources[seen.run as usize].unit.entry().name;
        let first = name(&seen[at]);
        match self.question.direction {
            Direction::From => self.follow(first, seen[at + 1..].iter().map(name), take),
            Direction::To => self.follow(first, seen[..at].iter().rev().map(name), take),
        }
    }

    /// Shows the steps of a path through these names.
    fn follow(&self, first: u32, names: impl Iterator<Item = u32>, mut take: impl FnMut(Step)) {
        let (mut from, mut level) = (first, 0u32);
        for next in names.chain([END]) {
            if next != from && (level as usize) < self.question.levels - 1 {
                take((level, from, next));
                (from, level) = (next, level + 1);
            }
        }
    }
}
