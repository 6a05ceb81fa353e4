//! How the values of flags are written.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use muster_kernel::model::catalog::{EmptyCompany, JunkIds, NestedValues, Scope};
use muster_kernel::model::time::{MINUTE, SECOND, Timestamp};

use crate::admin::Expiry;

const UNITS: [(char, i64); 5] =
    [('s', SECOND), ('m', MINUTE), ('h', 60 * MINUTE), ('d', 24 * 60 * MINUTE), ('w', 7 * 24 * 60 * MINUTE)];

/// A length of time as a number and a unit, `90s`, `30m`, `24h`, `30d`, `2w`; in microseconds.
pub fn duration(text: &str) -> Result<i64, String> {
    let wrong = || "give a whole number and s, m, h, d or w, as 24h or 30d".to_owned();
    let unit = text.chars().next_back().ok_or_else(wrong)?;
    let (_, micros) = UNITS.iter().find(|(known, _)| *known == unit).ok_or_else(wrong)?;
    let digits = &text[..text.len() - unit.len_utf8()];
    // `parse` alone would take a sign.
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    let number: i64 = digits.parse().map_err(|_| wrong())?;
    number.checked_mul(*micros).ok_or_else(|| "this is longer than time itself".to_owned())
}

/// A length of time from now on, or a date, with a time or without one (UTC).
pub fn expiry(text: &str) -> Result<Expiry, String> {
    if let Ok(micros) = duration(text) {
        return Ok(Expiry::AfterMicros(micros));
    }
    let wrong = "give a length of time, as 90d, or a date, as 2027-01-31 or 2027-01-31T12:00:00Z";
    Timestamp::parse(text).map(Expiry::At).ok_or_else(|| wrong.to_owned())
}

/// A setting and its value.
pub fn setting(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("give TOPIC.NAME=VALUE, as http.connections_max=1000")?;
    Ok((key.trim().to_owned(), value.trim().to_owned()))
}

/// What a key may do.
pub fn scope() -> impl TypedValueParser<Value = Scope> {
    choice(&[
        ("ingest", Scope::Ingest),
        ("read", Scope::Read),
        ("admin", Scope::Admin),
        ("erase", Scope::Erase),
    ])
}

/// What to do with a `company` without an id.
pub fn empty_company() -> impl TypedValueParser<Value = EmptyCompany> {
    choice(&[("refuse", EmptyCompany::Refuse), ("ignore", EmptyCompany::Ignore)])
}

/// What to do with nested values.
pub fn nested_values() -> impl TypedValueParser<Value = NestedValues> {
    choice(&[("keep", NestedValues::Keep), ("refuse", NestedValues::Refuse)])
}

/// What to do with ids that were never filled in.
pub fn junk_ids() -> impl TypedValueParser<Value = JunkIds> {
    choice(&[("take", JunkIds::Take), ("refuse", JunkIds::Refuse)])
}

fn choice<T: Copy + Send + Sync + 'static>(
    words: &'static [(&'static str, T)],
) -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(words.iter().map(|(word, _)| *word)).try_map(move |given| {
        words.iter().find(|(word, _)| *word == given).map(|(_, value)| *value).ok_or("no such choice")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_a_number_and_a_unit() {
        let day = 24 * 60 * MINUTE;
        for (text, micros) in [
            ("0s", 0),
            ("90s", 90 * SECOND),
            ("5m", 5 * MINUTE),
            ("24h", day),
            ("30d", 30 * day),
            ("2w", 14 * day),
        ] {
            assert_eq!(duration(text), Ok(micros), "{text}");
        }
        for text in [
            "",
            "s",
            "24",
            "-1h",
            "+1h",
            "1.5h",
            "1 h",
            "1y",
            "1é",
            "99999999999999999999s",
            "9999999999999w",
        ] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_end_is_a_length_of_time_or_a_date() {
        assert_eq!(expiry("1m"), Ok(Expiry::AfterMicros(MINUTE)));
        assert_eq!(expiry("1970-01-02"), Ok(Expiry::At(Timestamp(24 * 60 * MINUTE))));
        assert_eq!(expiry("1970-01-01T00:01:00Z"), Ok(Expiry::At(Timestamp(MINUTE))));
        assert!(expiry("tomorrow").is_err() && expiry("").is_err() && expiry("12").is_err());
    }

    #[test]
    fn a_setting_ends_at_the_first_equals_sign() {
        assert_eq!(setting("a.b=c=d"), Ok(("a.b".into(), "c=d".into())));
        assert_eq!(setting("a.b="), Ok(("a.b".into(), String::new())));
        assert!(setting("a.b").is_err());
    }
}
