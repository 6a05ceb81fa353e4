//! Dates as people compare them: by calendar days of the environment's time zone.
//!
//! A day is from its first instant to the first of the next day, as in [`crate::model::calendar`]: where clocks shift at
//! midnight it begins when they have, and a day may have 23 hours, 25, or something else. A value that names an instant
//! belongs to the day that the instant lies in; a value that is a date without a time of day *is* that day, in every zone.

use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::model::time::{MINUTE, Timestamp};
use crate::model::value::Value;

use super::Window;

/// Microseconds of the day that "the last N days" of events counts in.
const DAY: i64 = 24 * 60 * MINUTE;

/// The one moment and place that a question is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Now.
    pub now: Timestamp,
    /// The environment's time zone.
    pub zone: TimeZone,
}

/// What a date must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateTest {
    /// That day.
    On(Date),
    /// An earlier day.
    Before(Date),
    /// A later day.
    After(Date),
    /// From the first day to the second, both included.
    Between(Date, Date),
    /// Today or one of the N days before it. 0 is today.
    InLastDays(u32),
    /// Today or one of the N days that follow it.
    InNextDays(u32),
    /// A day before those of [`DateTest::InLastDays`].
    MoreThanDaysAgo(u32),
}

/// What a value of the declared type Date reads as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dated {
    /// A date without a time of day.
    Day(Date),
    /// An instant.
    At(Timestamp),
}

impl Dated {
    /// Reads the forms that the contract allows: ISO 8601, with a time (UTC unless it says otherwise) or without, and
    /// seconds or milliseconds since 1970 as a number or as text.
    pub fn of_value(value: Value<'_>) -> Option<Dated> {
        #[expect(clippy::cast_precision_loss, reason = "an instant's seconds are far below 53 bits")]
        match value {
            Value::Int(number) => Timestamp::from_unix(number as f64).map(Dated::At),
            Value::UInt(number) => Timestamp::from_unix(number as f64).map(Dated::At),
            Value::Float(number) => Timestamp::from_unix(number).map(Dated::At),
            Value::Text(text) => match day(text) {
                Some(day) => Some(Dated::Day(day)),
                None => Timestamp::parse_lenient(text).map(Dated::At),
            },
            Value::Null | Value::Bool(_) | Value::Json(_) => None,
        }
    }
}

/// Reads `YYYY-MM-DD` and nothing else.
pub fn day(text: &str) -> Option<Date> {
    let shape = text.bytes().enumerate().all(|(index, byte)| match index {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    if text.len() == 10 && shape { text.parse().ok() } else { None }
}

/// Days from one to another, as dates and as the instants that they are somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Days {
    first: Date,
    last: Date,
    from: Timestamp,
    until: Timestamp,
}

impl Days {
    /// Whether a value is one of them.
    pub fn contain(&self, dated: Dated) -> bool {
        match dated {
            Dated::Day(day) => self.first <= day && day <= self.last,
            Dated::At(at) => self.from <= at && at < self.until,
        }
    }

    /// From the first instant on, until before the second.
    pub fn instants(&self) -> (Timestamp, Timestamp) {
        (self.from, self.until)
    }
}

impl Moment {
    /// The day that now lies in.
    pub fn today(&self) -> Date {
        let now = jiff::Timestamp::from_microsecond(self.now.0).unwrap_or_default();
        let day = now.to_zoned(self.zone.clone()).date();
        // Where clocks went back over midnight a day's first instant comes twice; the first one counts.
        match day.tomorrow() {
            Ok(tomorrow) if self.begins(tomorrow) <= self.now => tomorrow,
            _ => day,
        }
    }

    /// The first instant of a day.
    fn begins(&self, day: Date) -> Timestamp {
        let start = day.to_zoned(self.zone.clone()).and_then(|noon| noon.start_of_day());
        start.map_or(Timestamp(i64::MAX), |start| Timestamp(start.timestamp().as_microsecond()))
    }

    /// The days from one to another, both included. The calendar's first and last day reach to the ends of time.
    fn days(&self, first: Date, last: Date) -> Days {
        let from = if first == Date::MIN { Timestamp(i64::MIN) } else { self.begins(first) };
        let until = last.tomorrow().map_or(Timestamp(i64::MAX), |next| self.begins(next));
        Days { first, last, from, until }
    }

    /// The days for which a test holds; an empty stretch of them when it can hold for none.
    pub fn passing(&self, test: &DateTest) -> Days {
        let (today, before) =
            (self.today(), |day: Date, days: u32| day.saturating_sub(i64::from(days).days()));
        let after = |day: Date, days: u32| day.saturating_add(i64::from(days).days());
        match *test {
            DateTest::On(day) => self.days(day, day),
            DateTest::Before(day) => self.days(Date::MIN, before(day, 1)),
            DateTest::After(day) => self.days(after(day, 1), Date::MAX),
            DateTest::Between(first, last) => self.days(first, last),
            DateTest::InLastDays(days) => self.days(before(today, days), today),
            DateTest::InNextDays(days) => self.days(today, after(today, days)),
            DateTest::MoreThanDaysAgo(days) => self.days(Date::MIN, before(before(today, days), 1)),
        }
    }

    /// From which instant on, and until before which, events are counted. "The last N days" ends with the newest event and
    /// not with now, so that what is acknowledged counts, whatever the log's clock said.
    pub fn counted(&self, window: Window) -> (Timestamp, Timestamp) {
        match window {
            Window::Ever => (Timestamp(i64::MIN), Timestamp(i64::MAX)),
            Window::LastDays(days) => {
                (self.now.plus(-(i64::from(days).saturating_mul(DAY))), Timestamp(i64::MAX))
            }
            Window::Between(first, last) => self.days(first, last).instants(),
        }
    }
}
