//! Which user the next request is for and when it is due. Knows no clock: the caller says what time it is.
//!
//! The closed loop is due whenever a connection is free. The open loop has a timetable that does not wait for the
//! server: a request that finds no free connection keeps the time it was due at, so a pause of the server shows in the
//! latency of every request that should have been sent meanwhile (no coordinated omission).

use std::time::{Duration, Instant};

/// How user ids are chosen.
#[derive(Clone)]
pub enum Users {
    /// Uniformly from `count` ids that are `step` apart, for ever.
    Drawn {
        /// Seeded, so that two runs draw the same ids.
        random: fastrand::Rng,
        /// How many ids there are.
        count: u32,
        /// Distance between ids.
        step: u32,
    },
    /// Each once, from `next` to below `end`.
    Each {
        /// The next id.
        next: u32,
        /// The first id that is too large.
        end: u32,
        /// Distance between ids.
        step: u32,
    },
}

impl Iterator for Users {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        match self {
            Self::Drawn { random, count, step } => Some(random.u32(..*count) * *step),
            Self::Each { next, end, step } => {
                let user = (*next < *end).then_some(*next)?;
                *next = next.saturating_add(*step);
                Some(user)
            }
        }
    }
}

/// When requests are due.
#[derive(Clone)]
pub enum Pace {
    /// As soon as a connection is free.
    Closed,
    /// At fixed intervals.
    Open {
        /// When the first one is due.
        start: Instant,
        /// Time from one to the next.
        interval: Duration,
    },
}

/// The requests of one thread.
pub struct Plan {
    pace: Pace,
    users: Users,
    until: Option<Instant>,
    planned: u64,
}

/// What to do with a free connection.
pub enum Next {
    /// Send a request for this user, which was due at this time.
    Send(u32, Instant),
    /// Nothing is due before this time.
    NotBefore(Instant),
    /// There is nothing more to send.
    Done,
}

impl Plan {
    /// Requests for `users` at this pace, until the given time or the last user.
    pub fn new(pace: Pace, users: Users, until: Option<Instant>) -> Self {
        Self { pace, users, until, planned: 0 }
    }

    /// The next request. A returned [`Next::Send`] counts as sent.
    pub fn next(&mut self, now: Instant) -> Next {
        let due = self.due(now);
        if self.until.is_some_and(|until| due >= until) {
            return Next::Done;
        }
        if due > now {
            return Next::NotBefore(due);
        }
        match self.users.next() {
            Some(user) => {
                self.planned += 1;
                Next::Send(user, due)
            }
            None => Next::Done,
        }
    }

    /// Whether requests follow a timetable that does not wait for answers.
    pub fn is_open(&self) -> bool {
        matches!(self.pace, Pace::Open { .. })
    }

    /// Requests that were due before the end of the open loop and never found a free connection.
    pub fn left_unsent(&mut self, now: Instant) -> u64 {
        if !self.is_open() {
            return 0;
        }
        let sent = self.planned;
        while matches!(self.next(now), Next::Send(..)) {}
        self.planned - sent
    }

    fn due(&self, now: Instant) -> Instant {
        match &self.pace {
            Pace::Closed => now,
            Pace::Open { start, interval } => {
                // In f64 because Duration multiplies by u32 only; off by less than a microsecond in a day.
                *start + Duration::from_secs_f64(interval.as_secs_f64() * self.planned as f64)
            }
        }
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "an Instant cannot be made from nothing; none of these tests waits"
)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn drawn() -> Users {
        Users::Drawn { random: fastrand::Rng::with_seed(1), count: 10, step: 2 }
    }

    #[test]
    fn each_user_comes_once_and_in_steps() {
        assert_eq!(Users::Each { next: 0, end: 7, step: 2 }.collect::<Vec<_>>(), [0, 2, 4, 6]);
    }

    #[test]
    fn drawn_users_are_the_same_for_the_same_seed_and_cover_the_range() {
        let users: Vec<u32> = drawn().take(1000).collect();
        assert_eq!(users, drawn().take(1000).collect::<Vec<_>>());
        for even in (0..20).step_by(2) {
            assert!(users.contains(&even), "{even} was never drawn");
        }
        assert!(users.iter().all(|user| user % 2 == 0 && *user < 20));
    }

    #[test]
    fn an_open_loop_keeps_the_time_a_late_request_was_due_at() {
        let start = Instant::now();
        let pace = Pace::Open { start, interval: SECOND };
        let mut plan = Plan::new(pace, drawn(), Some(start + 4 * SECOND));
        let late = start + 2 * SECOND + SECOND / 2;
        for second in 0..3 {
            let Next::Send(_, due) = plan.next(late) else { panic!("three were due") };
            assert_eq!(due, start + second * SECOND);
        }
        let Next::NotBefore(due) = plan.next(late) else { panic!("the fourth is not due yet") };
        assert_eq!(due, start + 3 * SECOND);
        assert_eq!(plan.left_unsent(start + 9 * SECOND), 1);
        assert!(matches!(plan.next(start + 9 * SECOND), Next::Done));
    }

    #[test]
    fn a_closed_loop_is_always_due_until_its_end() {
        let start = Instant::now();
        let mut plan = Plan::new(Pace::Closed, drawn(), Some(start + SECOND));
        assert!(matches!(plan.next(start), Next::Send(_, due) if due == start));
        assert!(matches!(plan.next(start + SECOND), Next::Done));
        assert_eq!(plan.left_unsent(start + SECOND), 0);
    }
}
