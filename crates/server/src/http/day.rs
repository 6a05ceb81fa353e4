//! The caller's day: where it began in the caller's own time zone, and what a week before corresponds to.

use jiff::tz::TimeZone;
use jiff::{ToSpan, Zoned};
use utoipa::IntoParams;

use muster_kernel::model::problem::Problem;
use muster_kernel::model::time::Timestamp;

use super::read::{Query, invalid};

/// What an answer about a day takes.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `Today` reads")]
pub(super) struct TimeZoneParameter {
    /// Whose day it is: a name of the IANA time zone database; UTC when absent.
    #[param(example = "Europe/Berlin")]
    time_zone: Option<String>,
}

/// A stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// Its first instant.
    pub from: Timestamp,
    /// Its last instant.
    pub to: Timestamp,
}

impl Span {
    /// Its first and its last minute, in minutes since 1970.
    pub(super) fn minutes(self) -> (i64, i64) {
        (self.from.minute(), self.to.minute())
    }
}

/// The present day of a caller, as far as it has gone.
#[derive(Debug)]
pub(super) struct Today {
    now: Zoned,
    /// From local midnight until now.
    pub span: Span,
}

impl Today {
    /// # Errors
    /// When the time zone is none.
    pub(super) fn of(query: &Query, now: Timestamp) -> Result<Self, Problem> {
        let zone = match query.get("time_zone") {
            None => TimeZone::UTC,
            Some(name) => TimeZone::get(&name).map_err(|_| {
                invalid(
                    "`time_zone` is no name of the IANA time zone database, such as `Europe/Berlin`."
                        .to_owned(),
                )
            })?,
        };
        // A clock that no calendar reaches shows the beginning of time.
        let instant = jiff::Timestamp::from_microsecond(now.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        let now = instant.to_zoned(zone);
        Ok(Today { span: span_until(&now), now })
    }

    /// The same weekday of last week, from its midnight up to the same time of day.
    pub(super) fn a_week_before(&self) -> Option<Span> {
        self.now.checked_sub(7.days()).ok().map(|then| span_until(&then))
    }
}

fn span_until(now: &Zoned) -> Span {
    let instant = |zoned: &Zoned| Timestamp(zoned.timestamp().as_microsecond());
    // Only where time itself ends does a day have no beginning.
    let from = now.start_of_day().unwrap_or_else(|_| now.clone());
    Span { from: instant(&from), to: instant(now) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(zone: &str, now: &str) -> (Span, Span) {
        let query = Query::of_text(format!("time_zone={zone}"));
        let today = Today::of(&query, Timestamp::parse(now).unwrap()).unwrap();
        (today.span, today.a_week_before().unwrap())
    }

    fn span(from: &str, to: &str) -> Span {
        Span { from: Timestamp::parse(from).unwrap(), to: Timestamp::parse(to).unwrap() }
    }

    #[test]
    fn a_day_begins_at_local_midnight_and_last_week_ends_at_the_same_time_of_day() {
        let utc = spans("", "2026-11-21T06:21:09Z");
        assert_eq!(utc.0, span("2026-11-21T00:00:00Z", "2026-11-21T06:21:09Z"));
        assert_eq!(utc.1, span("2026-11-14T00:00:00Z", "2026-11-14T06:21:09Z"));
        let kathmandu = spans("Asia/Kathmandu", "2026-11-21T20:00:00Z");
        assert_eq!(kathmandu.0, span("2026-11-21T18:15:00Z", "2026-11-21T20:00:00Z"));
        // Summer time ended between the two days.
        let berlin = spans("Europe/Berlin", "2026-10-28T09:00:00Z");
        assert_eq!(berlin.0, span("2026-10-27T23:00:00Z", "2026-10-28T09:00:00Z"));
        assert_eq!(berlin.1, span("2026-10-20T22:00:00Z", "2026-10-21T08:00:00Z"));
    }

    #[test]
    fn a_zone_that_is_none_is_told() {
        for none in ["Mars/Olympus", "..%2F..%2Fetc%2Fpasswd", "x"] {
            let query = Query::of_text(format!("time_zone={none}"));
            let code = Today::of(&query, Timestamp(0)).map(|_| ()).unwrap_err().code;
            assert_eq!(code.as_str(), "parameter_invalid", "{none}");
        }
    }
}
