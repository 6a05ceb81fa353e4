//! How many calls are taken in a minute of the clock: with a key that has a limit, and of an environment where the vendor's
//! limits hold.

use std::sync::{Mutex, PoisonError};

use axum::http::{HeaderMap, HeaderValue};

use muster_kernel::model::time::{MINUTE, SECOND, Timestamp};

/// The vendor's limit for each of the two (spec 2, "Rate limits").
const VENDOR_CALLS_PER_MINUTE: u32 = 600;

/// What the vendor limits, each by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Budget {
    /// Saying something of users and companies.
    Identify,
    /// Recording what a user did.
    Track,
}

/// Calls of one minute.
#[derive(Debug, Default)]
pub(super) struct Meter(Mutex<(i64, u32)>);

impl Meter {
    /// Takes one call of this minute's allowance.
    pub(super) fn take(&self, limit: u32, now: Timestamp) -> Allowance {
        let mut window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if window.0 != now.minute() {
            *window = (now.minute(), 0);
        }
        let fits = window.1 < limit;
        window.1 += u32::from(fits);
        let left_us = MINUTE - now.0.rem_euclid(MINUTE);
        // Rounded up, so that whoever waits for it comes in the next minute.
        let reset_s = u32::try_from((left_us + SECOND - 1) / SECOND).unwrap_or(60);
        Allowance { limit, remaining: limit - window.1, reset_s, fits }
    }
}

/// What the vendor counts of an environment: of its application token, whichever key is used.
#[derive(Debug, Default)]
pub(super) struct Meters {
    identify: Meter,
    track: Meter,
}

impl Meters {
    /// Takes one call.
    pub(super) fn take(&self, budget: Budget, now: Timestamp) -> Allowance {
        let meter = match budget {
            Budget::Identify => &self.identify,
            Budget::Track => &self.track,
        };
        meter.take(VENDOR_CALLS_PER_MINUTE, now)
    }
}

/// What is left of this minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Allowance {
    limit: u32,
    remaining: u32,
    reset_s: u32,
    fits: bool,
}

impl Allowance {
    /// Whether this call is inside the limit.
    pub(super) fn fits(self) -> bool {
        self.fits
    }

    /// Seconds until the next minute's allowance.
    pub(super) fn reset_s(self) -> u32 {
        self.reset_s
    }

    /// Of two limits that hold for one call, the one that is reached first.
    pub(super) fn tighter(one: Option<Allowance>, other: Option<Allowance>) -> Option<Allowance> {
        [one, other].into_iter().flatten().min_by_key(|allowance| (allowance.fits, allowance.remaining))
    }

    /// Writes the `RateLimit-*` headers.
    pub(super) fn put(self, headers: &mut HeaderMap) {
        headers.insert("ratelimit-limit", HeaderValue::from(self.limit));
        headers.insert("ratelimit-remaining", HeaderValue::from(self.remaining));
        headers.insert("ratelimit-reset", HeaderValue::from(self.reset_s));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp(60_000_000 + second * 1_000_000)
    }

    #[test]
    fn an_allowance_is_for_the_minute() {
        let calls = Meter::default();
        assert_eq!(calls.take(2, at(0)), Allowance { limit: 2, remaining: 1, reset_s: 60, fits: true });
        assert_eq!(calls.take(2, at(59)), Allowance { limit: 2, remaining: 0, reset_s: 1, fits: true });
        assert_eq!(calls.take(2, at(59)), Allowance { limit: 2, remaining: 0, reset_s: 1, fits: false });
        assert!(calls.take(2, at(60)).fits(), "another minute");
    }

    #[test]
    fn of_two_limits_the_one_that_is_reached_first_is_told() {
        let (few, many) = (Meter::default(), Meter::default());
        let spent = Meter::default().take(0, at(0));
        let (few, many) = (few.take(5, at(0)), many.take(9, at(0)));
        assert_eq!(Allowance::tighter(Some(many), Some(few)), Some(few));
        assert_eq!(Allowance::tighter(Some(few), Some(many)), Some(few));
        assert_eq!(
            (Allowance::tighter(None, Some(many)), Allowance::tighter(None, None)),
            (Some(many), None)
        );
        assert!(!spent.fits() && Allowance::tighter(Some(few), Some(spent)) == Some(spent));
    }
}
