//! Instants, and the date forms that the contract accepts (decisions.md, row "dates").

use std::fmt;

use jiff::civil::{Date, DateTime};
use jiff::fmt::temporal::DateTimePrinter;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// An instant in microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

/// Microseconds in a second.
pub const SECOND: i64 = 1_000_000;
/// Microseconds in a minute.
pub const MINUTE: i64 = 60 * SECOND;

/// Unix numbers of at least this size count milliseconds, smaller ones seconds (5138 and 1973 meet here).
const MILLISECONDS_FROM: f64 = 1e11;

const PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(6));

impl Timestamp {
    /// The start of the minute that holds this instant, in minutes since 1970.
    pub fn minute(self) -> i64 {
        self.0.div_euclid(MINUTE)
    }

    /// `micros` later (or earlier, when negative), stopping at the ends of time.
    #[must_use]
    pub fn plus(self, micros: i64) -> Timestamp {
        Timestamp(self.0.saturating_add(micros))
    }

    /// Reads an ISO 8601 date or date-time (no zone means UTC) or `YYYY-MM-DD HH:MM:SS[.ffffff]`.
    pub fn parse(text: &str) -> Option<Timestamp> {
        if !text.as_bytes().first().is_some_and(|&byte| byte.is_ascii_digit() || byte == b'+' || byte == b'-')
        {
            return None;
        }
        if let Ok(instant) = text.parse::<jiff::Timestamp>() {
            return Some(Timestamp(instant.as_microsecond()));
        }
        let civil = match text.parse::<DateTime>() {
            Ok(civil) => civil,
            Err(_) => text.parse::<Date>().ok()?.to_datetime(jiff::civil::Time::midnight()),
        };
        let instant = civil.to_zoned(TimeZone::UTC).ok()?.timestamp();
        Some(Timestamp(instant.as_microsecond()))
    }

    /// Whether a text that [`Timestamp::parse_lenient`] reads leaves its zone open.
    pub fn is_without_zone(text: &str) -> bool {
        let numeric = text.len() > 8 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        // Behind the date only a zone has a letter, a sign or a bracket.
        let rest = text.get("2026-01-05T".len()..).unwrap_or_default();
        !(numeric || rest.contains(['Z', 'z', '+', '-', '[']))
    }

    /// Reads seconds or milliseconds since 1970, told apart by size.
    pub fn from_unix(number: f64) -> Option<Timestamp> {
        let micros = if number.abs() >= MILLISECONDS_FROM { number * 1e3 } else { number * 1e6 };
        let latest = jiff::Timestamp::MAX.as_microsecond();
        #[expect(clippy::cast_precision_loss, reason = "the ends of time need no microsecond")]
        let inside = micros.is_finite() && micros.abs() <= latest as f64;
        #[expect(clippy::cast_possible_truncation, reason = "checked to lie inside the range of instants")]
        inside.then(|| Timestamp(micros.round() as i64))
    }

    /// Reads what a Date-typed property may hold as a string: a date, or a unix number in decimal.
    pub fn parse_lenient(text: &str) -> Option<Timestamp> {
        let numeric = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        if numeric && text.len() > 8 {
            Timestamp::from_unix(text.parse().ok()?)
        } else {
            Timestamp::parse(text)
        }
    }

    /// Appends it as [`fmt::Display`] shows it, for those who write many: no formatter is in between.
    pub fn append_to(self, out: &mut Vec<u8>) {
        let start = out.len();
        let printed = jiff::Timestamp::from_microsecond(self.0)
            .and_then(|instant| PRINTER.print_timestamp(&instant, &mut *out));
        if printed.is_err() {
            out.truncate(start);
            out.extend_from_slice(self.to_string().as_bytes());
        }
    }
}

/// RFC 3339 in UTC with microseconds, `2026-11-21T06:21:09.123456Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(instant) => write!(f, "{instant:.6}"),
            Err(_) => write!(f, "{}us", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_accepted_form_is_the_same_instant() {
        let instant = Timestamp(1_767_605_400_000_000);
        let expected = Some(instant);
        for text in [
            "2026-01-05T09:30:00Z",
            "2026-01-05T09:30:00.000Z",
            "2026-01-05T10:30:00+01:00",
            "2026-01-05T09:30:00",
            "2026-01-05 09:30:00",
            "2026-01-05 09:30:00.000000",
        ] {
            assert_eq!(Timestamp::parse(text), expected, "{text}");
        }
        assert_eq!(Timestamp::from_unix(1_767_605_400.0), expected);
        assert_eq!(Timestamp::from_unix(1_767_605_400_000.0), expected);
        assert_eq!(Timestamp::parse_lenient("1767605400"), expected);
        assert_eq!(Timestamp::parse("2026-01-05"), Some(Timestamp(1_767_571_200_000_000)));
        assert_eq!(instant.to_string(), "2026-01-05T09:30:00.000000Z");
        for text in ["", "yesterday", "2026-13-01", "2026-02-30", "12", "2020", "0000-00-00 00:00:00"] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
        for (text, is_open) in [
            ("2026-01-05T09:30:00Z", false),
            ("2026-01-05 09:30:00.5+01:00", false),
            ("2026-01-05T09:30:00-08", false),
            ("2026-01-05T09:30:00+01:00[Europe/Paris]", false),
            ("1767605400.5", false),
            ("2026-01-05 09:30:00.000000", true),
            ("2026-01-05", true),
        ] {
            assert_eq!(Timestamp::is_without_zone(text), is_open, "{text}");
        }
        assert_eq!(Timestamp::from_unix(f64::INFINITY), None);
        assert_eq!(Timestamp::from_unix(1e300), None);
    }

    #[test]
    fn it_is_appended_as_it_is_shown() {
        for micros in [i64::MIN, -62_135_596_800_000_001, -1, 0, 1_767_605_400_000_001, i64::MAX] {
            let mut out = b"at ".to_vec();
            Timestamp(micros).append_to(&mut out);
            assert_eq!(String::from_utf8(out).unwrap(), format!("at {}", Timestamp(micros)));
        }
    }
}
