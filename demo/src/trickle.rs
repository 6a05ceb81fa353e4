//! What people do right now: a thin stream of calls, for as long as somebody wants to watch.

use crate::calendar::Moment;
use crate::call::{Call, Expected};
use crate::chance::{Purpose, happens, stream};
use crate::mishaps::{refused, repeated};
use crate::person::Person;
use crate::story::Story;
use crate::visit::Visit;
use fastrand::Rng;

/// People who are there at the same time.
const PEOPLE_AT_ONCE: usize = 8;

/// The calls that follow a story.
pub struct Trickle<'story> {
    story: &'story Story,
    present: Vec<&'story Person>,
    visits: Vec<Visit<'story>>,
    random: Rng,
    turn: u64,
}

impl<'story> Trickle<'story> {
    /// Begins at this time.
    pub fn new(story: &'story Story, now: Moment) -> Self {
        let mut present = story.present(now);
        if present.is_empty() {
            present = story.people.iter().collect();
        }
        let random = stream(story.seed(), Purpose::Live, now.0.unsigned_abs(), 0);
        Self { story, present, visits: Vec::new(), random, turn: 0 }
    }

    /// The next few calls, all of this moment.
    pub fn next(&mut self, now: Moment) -> Vec<Call> {
        self.turn += 1;
        let random = &mut self.random;
        while self.visits.len() < PEOPLE_AT_ONCE {
            let person = self.present[random.usize(..self.present.len())];
            self.visits.push(Visit::begin(random, person, self.story.company_of(person), 0));
        }
        let number = random.usize(..self.visits.len());
        let mut calls = self.visits[number].go_on(random, now);
        if self.visits[number].is_over() {
            self.visits.swap_remove(number);
        }
        if happens(random, 0.02) {
            calls.extend(self.story.newcomer(random, now));
        }
        if happens(random, 0.06) {
            calls.push(refused(random, now, 0));
        }
        if happens(random, 0.03)
            && let Some(call) = calls.pop_if(|call| call.expected == Expected::Accepted)
        {
            // Several turns may fall into one millisecond.
            let key = format!("{}-live-{}-{}", self.story.name, now.0, self.turn);
            calls.extend(repeated(random, call, key));
        }
        calls
    }

    /// Milliseconds until the next ones.
    pub fn pause(&mut self) -> u64 {
        self.random.u64(100..900)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn turns_of_one_moment_have_keys_of_their_own() {
        let now = Moment::parse("2026-11-20T15:00:00Z").unwrap();
        let story = Story::new(1, now, 50, 30);
        let mut trickle = Trickle::new(&story, now);
        let mut keys = BTreeSet::new();
        for _ in 0..500 {
            let calls = trickle.next(now);
            let repeats = calls.iter().find(|call| call.expected == Expected::Duplicate);
            if let Some(key) = repeats.and_then(|call| call.idempotency_key.clone()) {
                assert!(keys.insert(key), "{calls:?}");
            }
        }
        assert!(keys.len() > 5, "{keys:?}");
    }

    #[test]
    fn calls_of_every_kind_come_and_none_lies_ahead() {
        let mut now = Moment::parse("2026-11-20T15:00:00Z").unwrap();
        let story = Story::new(1, now, 50, 30);
        let mut trickle = Trickle::new(&story, now);
        let (mut taken, mut repeated, mut refused) = (0, 0, 0);
        for _ in 0..500 {
            now = now.plus(500);
            let calls = trickle.next(now);
            assert!(!calls.is_empty());
            for call in calls {
                match call.expected {
                    Expected::Accepted => taken += 1,
                    Expected::Duplicate => repeated += 1,
                    Expected::Refused(..) => refused += 1,
                }
                assert_eq!(call.at, now, "{call:?}");
            }
        }
        assert!(taken > 500 && repeated > 0 && refused > 10, "{taken}, {repeated}, {refused}");
    }
}
