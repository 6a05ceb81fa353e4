//! Days, weekdays and office hours, in plain arithmetic: the same numbers give the same times on every machine.

use anyhow::{Context, Result};
use fastrand::Rng;
use jiff::Timestamp;

/// Milliseconds.
pub const SECOND: i64 = 1000;
/// Milliseconds.
pub const MINUTE: i64 = 60 * SECOND;
/// Milliseconds.
pub const HOUR: i64 = 60 * MINUTE;
/// Milliseconds.
pub const DAY: i64 = 24 * HOUR;

/// A time, in milliseconds since 1970 in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub i64);

impl Moment {
    /// Reads RFC 3339.
    pub fn parse(text: &str) -> Result<Self> {
        let read: Timestamp =
            text.parse().with_context(|| format!("`{text}` is no time as in 2026-11-21T06:21:09Z"))?;
        Ok(Self(read.as_millisecond()))
    }

    /// A later time, or with a negative number an earlier one.
    pub fn plus(self, milliseconds: i64) -> Self {
        Self(self.0 + milliseconds)
    }

    /// The day in UTC.
    pub fn day(self) -> Day {
        Day(self.0.div_euclid(DAY))
    }

    /// RFC 3339 in UTC.
    pub fn text(self) -> String {
        self.stamp().to_string()
    }

    /// By a pattern of strftime, in UTC.
    pub fn formatted(self, pattern: &str) -> String {
        self.stamp().strftime(pattern).to_string()
    }

    fn stamp(self) -> Timestamp {
        Timestamp::from_millisecond(self.0).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

/// A calendar day, counted from 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(pub i64);

impl Day {
    /// 0 is Monday. (1970-01-01 was a Thursday.)
    pub fn weekday(self) -> usize {
        usize::try_from((self.0 + 3).rem_euclid(7)).unwrap_or(0)
    }

    /// Saturday or Sunday?
    pub fn is_weekend(self) -> bool {
        self.weekday() >= 5
    }

    /// When it begins in UTC.
    pub fn begins(self) -> Moment {
        Moment(self.0 * DAY)
    }

    /// The time when a clock that runs `offset_minutes` ahead of UTC shows this minute of the day.
    pub fn at(self, minute: i64, offset_minutes: i64) -> Moment {
        self.begins().plus((minute - offset_minutes) * MINUTE)
    }
}

/// A minute of somebody's working day: mostly around ten or half past two, seldom in the evening.
pub fn office_minute(random: &mut Rng) -> i64 {
    let about = |random: &mut Rng, middle: i64, reach: i64| {
        middle + random.i64(-reach..=reach) / 2 + random.i64(-reach..=reach) / 2
    };
    match random.u8(0..100) {
        0..=51 => about(random, 10 * 60, 120),
        52..=95 => about(random, 14 * 60 + 30, 180),
        _ => about(random, 20 * 60, 120),
    }
}

/// A time on this day or close to it when somebody there works: hardly ever on a weekend, and before `latest`.
pub fn working_time(random: &mut Rng, day: Day, offset_minutes: i64, latest: Moment) -> Moment {
    let weekday = day.weekday();
    let moved = if day.is_weekend() && random.u8(0..100) < 85 {
        Day(day.0 + 7 - i64::try_from(weekday).unwrap_or(0))
    } else {
        day
    };
    let time = moved.at(office_minute(random), offset_minutes).plus(random.i64(0..MINUTE));
    if time < latest { time } else { latest.plus(-random.i64(2 * MINUTE..5 * HOUR)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_know_their_weekday_and_local_clocks() {
        let moment = Moment::parse("2026-11-21T06:21:09.123Z").unwrap();
        assert_eq!(moment.text(), "2026-11-21T06:21:09.123Z");
        assert_eq!((moment.day().weekday(), moment.day().is_weekend()), (5, true), "a Saturday");
        assert_eq!(moment.day().at(9 * 60, 60).text(), "2026-11-21T08:00:00Z", "nine in Berlin");
        assert_eq!(moment.day().at(9 * 60, -300).text(), "2026-11-21T14:00:00Z", "nine in New York");
        assert!(Moment::parse("yesterday").is_err());
    }

    #[test]
    fn a_working_time_is_never_later_than_allowed() {
        let mut random = Rng::with_seed(1);
        let latest = Moment::parse("2026-11-21T06:21:09Z").unwrap();
        for back in 0..1000 {
            let time = working_time(&mut random, Day(latest.day().0 - back % 5), 0, latest);
            assert!(time < latest, "{}", time.text());
        }
    }
}
