//! The states that answers of reports were of, kept for a while, so that the people behind a number agree with it.
//!
//! A state is a position, who took part, the column that rows were told apart by and, where companies were counted, who
//! belonged to which; events are where they are.
//! Guarantees: bounded in number, bytes and age; the oldest go first.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use muster_kernel::model::history::Breakdown;
use muster_kernel::model::report::{About, Level, Pin, Who};
use muster_kernel::ports::StoreError;
use roaring::RoaringBitmap;

use super::user_columns::UserColumn;

/// States kept of one environment.
const PINS_MAX: usize = 512;
/// Bytes that they may take together; a column that several have is counted for each.
const PIN_BYTES_MAX: usize = 64 << 20;
/// Bytes that one takes beside its people and its column.
const PIN_BYTES: usize = 512;

/// What an answer is of, beside events.
#[derive(Clone)]
pub struct State {
    /// The position of the last event in it.
    pub through: u64,
    /// Who takes part, users or companies, if not everybody does.
    pub who: Option<Arc<RoaringBitmap>>,
    /// The users' property that rows are told apart by, if one is.
    pub column: Option<Arc<UserColumn>>,
    /// Who belongs to which company, where companies are asked about.
    pub membership: Option<Arc<UserColumn>>,
}

impl State {
    fn bytes(&self) -> usize {
        let who = self.who.as_ref().map_or(0, |who| who.serialized_size());
        let columns = self.column.iter().chain(&self.membership);
        PIN_BYTES + who + columns.map(|column| column.bytes()).sum::<usize>()
    }
}

struct Kept {
    pin: Pin,
    since: Instant,
    bytes: usize,
    /// What was asked: a state has nothing to say about other people or another breakdown.
    asked: (Level, Who, Option<Breakdown>),
    state: State,
}

impl Kept {
    fn is_about(&self, about: About<'_>) -> bool {
        let (level, who, breakdown) = &self.asked;
        *level == about.level && who.asks_as(about.who) && breakdown.as_ref() == about.breakdown
    }
}

/// The states that are kept, the oldest first.
#[derive(Default)]
pub struct Pins(Mutex<VecDeque<Kept>>);

impl Pins {
    /// Keeps a state; nothing when it is too large to be kept.
    pub fn keep(&self, pin: Pin, about: About<'_>, state: State, age: Duration) -> Option<Pin> {
        let bytes = state.bytes();
        if bytes > PIN_BYTES_MAX {
            return None;
        }
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        forget_old(&mut kept, age);
        let mut all: usize = kept.iter().map(|one| one.bytes).sum();
        while all + bytes > PIN_BYTES_MAX || kept.len() >= PINS_MAX {
            all -= kept.pop_front()?.bytes;
        }
        let asked = (about.level, about.who.clone(), about.breakdown.cloned());
        kept.push_back(Kept { pin, since: now(), bytes, asked, state });
        Some(pin)
    }

    /// Forgets all of them: the events that they count are not there any more.
    pub fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The state of a pin.
    ///
    /// # Errors
    /// [`StoreError::Unpinned`] when it is not kept, or was not of this question.
    pub fn get(&self, pin: Pin, about: About<'_>, age: Duration) -> Result<State, StoreError> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        forget_old(&mut kept, age);
        let is_it = |one: &&Kept| one.pin == pin && one.is_about(about);
        kept.iter().find(is_it).map(|one| one.state.clone()).ok_or(StoreError::Unpinned)
    }
}

fn forget_old(kept: &mut VecDeque<Kept>, age: Duration) {
    let now = now();
    while kept.front().is_some_and(|first| now.duration_since(first.since) >= age) {
        kept.pop_front();
    }
}

#[expect(clippy::disallowed_methods, reason = "how long a state was kept is a duration, not a time of day")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    fn state(through: u64, users: u32) -> State {
        let who = (0..users).map(|user| user * 7919).collect();
        State { through, who: Some(Arc::new(who)), column: None, membership: None }
    }

    #[test]
    fn a_state_answers_its_own_question_only_and_not_for_ever() {
        let pins = Pins::default();
        let (who, other) = (Who::default(), Some(Breakdown::UserProperty("plan".to_owned())));
        let about = About { level: Level::User, who: &who, breakdown: None };
        assert_eq!(pins.keep(Pin(1), about, state(5, 3), LONG), Some(Pin(1)));
        assert_eq!(pins.get(Pin(1), about, LONG).map(|state| state.through), Ok(5));
        let of_companies = pins.get(Pin(1), About { level: Level::Company, ..about }, LONG);
        assert_eq!(of_companies.map(|state| state.through), Err(StoreError::Unpinned));
        let through = |pin, breakdown: Option<&Breakdown>, age| {
            pins.get(pin, About { level: Level::User, who: &who, breakdown }, age).map(|state| state.through)
        };
        assert_eq!(through(Pin(2), None, LONG), Err(StoreError::Unpinned));
        assert_eq!(through(Pin(1), other.as_ref(), LONG), Err(StoreError::Unpinned));
        assert_eq!(through(Pin(1), None, Duration::ZERO), Err(StoreError::Unpinned));
        assert_eq!(through(Pin(1), None, LONG), Err(StoreError::Unpinned), "it was forgotten");
    }

    #[test]
    fn the_oldest_go_when_there_are_too_many() {
        let (pins, who) = (Pins::default(), Who::default());
        let about = About { level: Level::User, who: &who, breakdown: None };
        let kept = |pin| pins.get(Pin(pin), about, LONG).is_ok();
        for pin in 0..=PINS_MAX as u64 {
            pins.keep(Pin(pin), about, state(pin, 2), LONG);
        }
        assert!(!kept(0) && kept(1) && kept(PINS_MAX as u64));
    }
}
