//! Cuts the events of a range of users before they are sorted: of an ordered funnel that counts users, most events of most
//! people cannot be part of any attempt that does two steps, and a look at rough times tells which.
//!
//! Times are put into 64 places, and for each step and user one bit of a word says in which of them the step was done. A
//! place of step 2 counts only where step 1 was done so shortly before that the window may reach it, one of step 3 only
//! where such a place of step 2 was, and so on; an event of step 1 counts only where such a place of step 2 comes behind it.
//! What is left holds every attempt of two steps and more, so walking over it ends as if nothing had been cut; whoever began
//! but has no place of step 2 came as far as step 1.

use std::ops::Range;

use muster_kernel::model::calendar::Span;
use muster_kernel::model::report::funnel::{Counting, FunnelQuestion, Order};

use super::funnel_walk::STEPS;
use super::gathered::{Gathered, Seen};
use super::groups::By;

/// Bytes that a thread holds for a range at most, or for 64 users: fits a processor's own cache.
const BYTES_MAX: usize = 512 << 10;

/// What the events of some rows are to the funnel: all the same, or each something else.
#[derive(Clone, Copy)]
pub enum Masks<'a> {
    /// These bits.
    All(u64),
    /// Those of the row, counted from this first one.
    Each(usize, &'a [u64]),
}

impl Masks<'_> {
    #[inline]
    fn of(&self, seen: &Seen) -> u64 {
        match self {
            Masks::All(mask) => *mask,
            Masks::Each(first, masks) => masks[seen.row as usize - first],
        }
    }
}

/// A sieve; one serves all ranges of a thread.
pub struct Sieve {
    steps: usize,
    /// The time at which the first place begins.
    from: i64,
    /// Nobody begins from here on.
    until: i64,
    /// 2⁶⁴ divided by how long a place is: a product's upper half is the place.
    scale: u64,
    /// By how much a word is moved, one after the other, until each bit stands for what the window reaches.
    shifts: Vec<u32>,
    users: usize,
    /// For each step a word for each user: the places in which they did it.
    places: Vec<u64>,
    /// A bit for each user who began and came no further.
    first: Vec<u64>,
    /// A bit for each user who may have come further.
    further: Vec<u64>,
}

impl Sieve {
    /// For a question whose events have times in `times`, first and last; `None` when it needs all of them.
    pub fn new(question: &FunnelQuestion, by: By<'_>, times: (i64, i64)) -> Option<Sieve> {
        let FunnelQuestion { steps, order, counting, span: Span { from, until }, window, .. } = question;
        // By what belongs to events even those who only began are told apart, by their first event.
        let takes = (*order, *counting) == (Order::Ordered, Counting::Users)
            && !matches!(by, By::Event(_) | By::Then(_));
        let last = times.1.min(until.0.saturating_sub(1).saturating_add(*window));
        let from = times.0.max(from.0);
        if !takes || steps.len() < 2 || from > last {
            return None;
        }
        let reach = last.wrapping_sub(from).cast_unsigned();
        let window = window.cast_unsigned().min(reach);
        // As many places as there may be, but so that the window is a whole number of them.
        let shortest = (reach / 64 + 1).max(2);
        let count = window / shortest;
        let place = if count == 0 { shortest } else { window.div_ceil(count).max(shortest) };
        let scale = u64::try_from((1u128 << 64) / u128::from(place)).ok()?;
        Some(Sieve {
            steps: steps.len(),
            from,
            until: until.0,
            scale,
            shifts: shifts(u32::try_from(window.div_ceil(place)).ok()?),
            users: 0,
            places: Vec::new(),
            first: Vec::new(),
            further: Vec::new(),
        })
    }

    /// How many users a range may have.
    pub fn users_max(steps: usize) -> u32 {
        u32::try_from(BYTES_MAX / (8 * steps.max(1))).unwrap_or(u32::MAX).max(64)
    }

    /// For the next range, of so many users.
    pub fn clear(&mut self, users: usize) {
        self.users = users;
        self.places.clear();
        self.places.resize(users * self.steps, 0);
    }

    #[inline]
    fn bit(&self, time: i64) -> u64 {
        let since = time.wrapping_sub(self.from).cast_unsigned();
        let place = (u128::from(since) * u128::from(self.scale)) >> 64;
        1 << (u64::try_from(place).unwrap_or_default() & 63)
    }

    /// Notes events of some rows; users are counted from the range's first.
    pub fn note(&mut self, users: &[u32], seen: &[Seen], masks: Masks<'_>) {
        let mut places = std::mem::take(&mut self.places);
        if let Masks::All(mask) = masks {
            for step in each_bit(mask & STEPS) {
                let words = &mut places[step * self.users..(step + 1) * self.users];
                let until = if step == 0 { self.until } else { i64::MAX };
                for (user, seen) in users.iter().zip(seen) {
                    words[*user as usize] |= if seen.time < until { self.bit(seen.time) } else { 0 };
                }
            }
        } else {
            for (user, seen) in users.iter().zip(seen) {
                let bit = self.bit(seen.time);
                for step in each_bit(masks.of(seen) & STEPS) {
                    if step > 0 || seen.time < self.until {
                        places[step * self.users + *user as usize] |= bit;
                    }
                }
            }
        }
        self.places = places;
    }

    /// Once all is noted: leaves the places that count.
    pub fn settle(&mut self) {
        let (first, mut others) = self.places.split_at_mut(self.users);
        put_users(first, &mut self.first);
        let mut before: &mut [u64] = first;
        let mut is_first = true;
        while !others.is_empty() {
            let (these, rest) = others.split_at_mut(self.users);
            for (before, this) in before.iter_mut().zip(these.iter_mut()) {
                *this &= self.shifts.iter().fold(*before, |word, shift| word | word << shift);
                if is_first {
                    *before &= self.shifts.iter().fold(*this, |word, shift| word | word >> shift);
                }
            }
            if is_first {
                put_users(these, &mut self.further);
            }
            (before, others, is_first) = (these, rest, false);
        }
        self.first.iter_mut().zip(&self.further).for_each(|(first, further)| *first &= !further);
    }

    /// Leaves those of the events noted that count, run by run: where each ends, and what its events are.
    pub fn sift<'m>(&self, gathered: &mut Gathered, runs: impl Iterator<Item = (usize, Masks<'m>)>) {
        let (mut start, mut left) = (0, 0);
        for (end, masks) in runs {
            left = self.sift_run(gathered, (start..end, left), masks);
            start = end;
        }
        gathered.truncate(left);
    }

    fn sift_run(
        &self,
        gathered: &mut Gathered,
        (run, into): (Range<usize>, usize),
        masks: Masks<'_>,
    ) -> usize {
        let mut steps = match masks {
            Masks::All(mask) if mask & !STEPS == 0 => each_bit(mask),
            Masks::All(_) | Masks::Each(..) => each_bit(0),
        };
        match (steps.next(), steps.next()) {
            (Some(step), None) => {
                let words = &self.places[step * self.users..(step + 1) * self.users];
                gathered.keep(run, into, |user, seen| words[user as usize] & self.bit(seen.time) != 0)
            }
            // Exclusions always count.
            _ => gathered.keep(run, into, |user, seen| {
                let (mask, bit) = (masks.of(seen), self.bit(seen.time));
                let counts = |step: usize| self.places[step * self.users + user as usize] & bit != 0;
                mask & !STEPS != 0 || each_bit(mask).any(counts)
            }),
        }
    }

    /// Leaves out everybody but these users, counted from the range's first.
    pub fn only(&mut self, users: impl Iterator<Item = usize>) {
        let mut wanted = vec![0u64; self.first.len()];
        users.for_each(|user| wanted[user / 64] |= 1 << (user % 64));
        for words in [&mut self.first, &mut self.further] {
            words.iter_mut().zip(&wanted).for_each(|(word, wanted)| *word &= wanted);
        }
    }

    /// Who began and came no further, counted from the range's first.
    pub fn first(&self) -> impl Iterator<Item = usize> + '_ {
        users_in(&self.first)
    }

    /// Whose events have to be walked over; they did step 1 at least.
    pub fn further(&self) -> impl Iterator<Item = usize> + '_ {
        users_in(&self.further)
    }
}

/// A bit for each user with a place.
fn put_users(places: &[u64], bits: &mut Vec<u64>) {
    let bit = |(bit, word): (u32, &u64)| u64::from(*word != 0) << bit;
    bits.clear();
    bits.extend(places.chunks(64).map(|words| (0..).zip(words).map(bit).fold(0, |all, bit| all | bit)));
}

fn users_in(bits: &[u64]) -> impl Iterator<Item = usize> + '_ {
    bits.iter().enumerate().flat_map(|(index, word)| each_bit(*word).map(move |bit| index * 64 + bit))
}

/// How to move a word so that each of its bits stands for itself and this many behind it.
fn shifts(reach: u32) -> Vec<u32> {
    let (mut shifts, mut covered) = (Vec::new(), 1);
    let wanted = reach.min(63) + 1;
    while covered < wanted {
        let shift = covered.min(wanted - covered);
        shifts.push(shift);
        covered += shift;
    }
    shifts
}

#[inline]
fn each_bit(mut mask: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = (mask != 0).then(|| mask.trailing_zeros() as usize)?;
        mask &= mask - 1;
        Some(bit)
    })
}

#[cfg(test)]
mod tests {
    use muster_kernel::model::limits::FUNNEL_WINDOW_MICROS_MAX;
    use muster_kernel::model::report::funnel::Exclusion;
    use muster_kernel::model::report::{Level, Pattern, Who};
    use muster_kernel::model::time::Timestamp;
    use proptest::prelude::*;

    use super::super::funnel_walk::{Met, Walk, exclusion_bit};
    use super::*;

    const USERS: u32 = 3;
    const EXCLUSIONS: usize = 2;

    fn question(steps: usize, span: (i64, i64), window: i64) -> FunnelQuestion {
        let exclusion = |after: usize| Exclusion { pattern: Pattern::track("x"), after, before: steps - 1 };
        FunnelQuestion {
            level: Level::User,
            steps: vec![Pattern::track("x"); steps],
            order: Order::Ordered,
            span: Span { from: Timestamp(span.0), until: Timestamp(span.1) },
            window,
            counting: Counting::Users,
            exclusions: (0..EXCLUSIONS).map(|after| exclusion(after % (steps - 1))).collect(),
            breakdown: None,
            groups_max: 1,
            who: Who::default(),
        }
    }

    /// Runs of events: what all of a run are to the funnel, or of each user, time and what it is.
    type Runs = Vec<(Option<u64>, Vec<(u32, i64, u64)>)>;

    fn runs() -> impl Strategy<Value = Runs> {
        let step = (0usize..5).prop_map(|step| 1u64 << step);
        let mask = prop_oneof![
            6 => step,
            1 => 0u64..32,
            1 => (0..EXCLUSIONS, 0u64..32).prop_map(|(index, steps)| 1 << exclusion_bit(index) | steps),
        ];
        let events = prop::collection::vec((0..USERS, 0i64..3_000, mask.clone()), 0..12);
        prop::collection::vec((prop::option::of(mask), events), 1..8)
    }

    /// How far each user comes.
    fn outcomes(asked: &FunnelQuestion, runs: &Runs, sieve: Option<&mut Sieve>) -> Vec<Option<Vec<u64>>> {
        let mut gathered = Gathered::default();
        let mut ends = Vec::new();
        let each: Vec<Vec<u64>> =
            runs.iter().map(|(_, events)| events.iter().map(|event| event.2).collect()).collect();
        let last = asked.span.until.0.saturating_sub(1).saturating_add(asked.window);
        for (run, (_, events)) in (0..).zip(runs) {
            for (row, (user, time, _)) in (0..).zip(events) {
                if (asked.span.from.0..=last).contains(time) {
                    gathered.add(*user, Seen { time: *time, row, run });
                }
            }
            ends.push(gathered.count());
        }
        let masks_of = |run: usize| runs[run].0.map_or(Masks::Each(0, &each[run]), Masks::All);
        let reaches = sieve.map(|sieve| {
            sieve.clear(USERS as usize);
            for (run, end) in ends.iter().enumerate() {
                let start = run.checked_sub(1).map_or(0, |before| ends[before]);
                let (users, seen) = gathered.some(start..*end);
                sieve.note(users, seen, masks_of(run));
            }
            sieve.settle();
            sieve.sift(&mut gathered, ends.iter().enumerate().map(|(run, end)| (*end, masks_of(run))));
            (sieve.first().collect::<Vec<_>>(), sieve.further().collect::<Vec<_>>())
        });
        gathered.sort((0, USERS - 1));
        let mut walk = Walk::new(asked);
        let mut outcome = |user: usize| {
            if let Some((first, further)) = &reaches
                && !further.contains(&user)
            {
                return first.contains(&user).then(|| vec![0]);
            }
            let seen = gathered.in_order(user, |seen| u64::from(seen.run) * 100 + u64::from(seen.row));
            let met =
                |seen: &Seen| Met { time: seen.time, mask: masks_of(seen.run as usize).of(seen), group: 0 };
            let mut times = None;
            walk.walk(seen.iter().map(met), |outcome| times = Some(outcome.times.to_vec()));
            times
        };
        (0..USERS as usize).map(&mut outcome).collect()
    }

    proptest! {
        #[test]
        fn what_is_cut_changes_nothing(
            runs in runs(),
            from in prop_oneof![Just(i64::MIN), 0i64..2_000],
            length in prop_oneof![Just(i64::MAX), 1i64..2_000],
            window in prop_oneof![1i64..40, 1i64..4_000, Just(FUNNEL_WINDOW_MICROS_MAX)],
        ) {
            let asked = question(5, (from, from.saturating_add(length)), window);
            let mut sieve = Sieve::new(&asked, By::Nothing, (0, 2_999));
            prop_assume!(sieve.is_some());
            prop_assert_eq!(outcomes(&asked, &runs, sieve.as_mut()), outcomes(&asked, &runs, None));
        }
    }

    #[test]
    fn words_are_moved_until_every_bit_reaches_as_far_as_the_window() {
        for reach in 0..70 {
            let moved = shifts(reach).iter().fold(1u64, |word, shift| word | word << shift);
            assert_eq!(moved.count_ones(), reach.min(63) + 1);
            assert_eq!(moved.trailing_ones(), reach.min(63) + 1);
        }
    }

    #[test]
    fn most_events_are_cut() {
        let asked = question(2, (0, 180_000), 7_000);
        let mut sieve = Sieve::new(&asked, By::Nothing, (0, 179_999)).unwrap();
        let mut gathered = Gathered::default();
        // Two events of step 1 and, too late for one of them, one of step 2.
        for (run, time) in [(0, 1_000), (0, 100_000), (1, 106_000)] {
            gathered.add(0, Seen { time, row: 0, run });
        }
        sieve.clear(1);
        let runs = [(2, Masks::All(1)), (3, Masks::All(2))];
        for (rows, (_, masks)) in [0..2, 2..3].into_iter().zip(runs) {
            let (users, seen) = gathered.some(rows);
            sieve.note(users, seen, masks);
        }
        sieve.settle();
        sieve.sift(&mut gathered, runs.into_iter());
        let left: Vec<i64> = gathered.all().iter().map(|seen| seen.time).collect();
        assert_eq!(left, [100_000, 106_000]);
        assert_eq!((sieve.first().count(), sieve.further().collect()), (0, vec![0]));
        sieve.only(std::iter::empty());
        assert_eq!(sieve.further().count(), 0);
    }
}
