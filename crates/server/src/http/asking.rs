//! What every question to history has: a turn, somebody who may go away before the answer, and parameters that say
//! which events are meant.
//!
//! A parameter that a question does not know is refused: a mistyped filter would otherwise answer about everything.

use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use utoipa::IntoParams;

use muster_kernel::model::calendar::{Interval, Span};
use muster_kernel::model::event::EventKind;
use muster_kernel::model::history::{EventName, EventQuery, PropertyIs};
use muster_kernel::model::problem::{Problem, ProblemCode};
use muster_kernel::model::time::Timestamp;
use muster_kernel::ports::Inquiry;

use super::edge::Edge;
use super::error::Refused;
use super::masking::Masking;
use super::read::{self, Query, invalid};

/// How long a question waits for its turn.
const TURN_WAIT: Duration = Duration::from_secs(30);
/// Names, kinds or properties that one question may list.
const LISTED_MAX: usize = 50;

/// Which events are listed or counted.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `Filters` reads")]
pub(super) struct FilterParameters {
    /// From this time on: RFC 3339, or a date.
    from: Option<String>,
    /// Before this time: RFC 3339, or a date.
    to: Option<String>,
    /// Names of tracked events; may be repeated.
    event: Option<Vec<String>>,
    /// Types of events, as `identify_user`; may be repeated, and adds to `event`.
    r#type: Option<Vec<String>>,
    /// `NAME:VALUE`: only events that brought the property with this value, as a string or as the number or boolean that it
    /// reads as. May be repeated; all must hold. A colon in the name is written `\:`.
    #[param(example = "plan:pro")]
    property: Option<Vec<String>>,
}

/// Where days begin.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `zone` reads")]
pub(super) struct ZoneParameter {
    /// Where days begin: a name of the IANA time zone database; UTC when absent.
    #[param(example = "Europe/Berlin")]
    zone: Option<String>,
}

/// Parameters that [`filters`] reads.
pub(super) const FILTERS: [&str; 5] = ["from", "to", "event", "type", "property"];
/// Parameters that a page of events has beside them.
pub(super) const PAGE: [&str; 3] = ["limit", "cursor", "position"];

/// Asks history beside the edge thread, in turn. The question is stopped when whoever waits for this goes away.
///
/// # Errors
/// What `work` answers, and `overloaded` when too many others are asking.
pub(super) async fn ask<T: Send + 'static>(
    edge: &Arc<Edge>,
    work: impl FnOnce(&Edge, &Inquiry) -> Result<T, Refused> + Send + 'static,
) -> Result<T, Refused> {
    ask_as(edge, Arc::default(), work).await
}

/// The same, of a question that others can follow.
///
/// # Errors
/// As [`ask`].
pub(super) async fn ask_as<T: Send + 'static>(
    edge: &Arc<Edge>,
    inquiry: Arc<Inquiry>,
    work: impl FnOnce(&Edge, &Inquiry) -> Result<T, Refused> + Send + 'static,
) -> Result<T, Refused> {
    let _asked = Asked(Arc::clone(&inquiry));
    let waiting = tokio::time::timeout(TURN_WAIT, Arc::clone(&edge.shared.questions).acquire_owned());
    let Ok(Ok(turn)) = waiting.await else {
        let message = "Too many questions to history are being answered; send the call again after `Retry-After` seconds.";
        return Err(Problem::of_call(ProblemCode::Overloaded, message).into());
    };
    read::aside(edge, move |edge| {
        // Given back when the work has really ended, not when its caller went.
        let _turn = turn;
        work(edge, &inquiry)
    })
    .await
}

/// A question that somebody waits for, as long as this lives.
struct Asked(Arc<Inquiry>);

impl Drop for Asked {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// Which events are meant.
///
/// # Errors
/// When a parameter is not what it should be, or asks about a property that the caller may not see.
pub(super) fn filters(query: &Query, zone: &TimeZone, masking: &Masking) -> Result<EventQuery, Problem> {
    let (names, kinds) = names(query)?;
    Ok(EventQuery {
        names,
        kinds,
        span: span(query, zone)?,
        properties: conditions(query, masking)?,
        ..EventQuery::default()
    })
}

/// The names and kinds that a call lists.
///
/// # Errors
/// When a type is none, or there are too many.
pub(super) fn names(query: &Query) -> Result<(Vec<EventName>, Vec<EventKind>), Problem> {
    let names: Vec<EventName> = listed(query, "event")?.iter().map(|name| EventName::track(name)).collect();
    let kind = |word: &String| {
        let found = EventKind::ALL.into_iter().find(|kind| kind.as_str() == word);
        found.ok_or_else(|| {
            let words = EventKind::ALL.map(EventKind::as_str).join("`, `");
            invalid(format!("`type` is none of `{words}`."))
        })
    };
    let kinds = listed(query, "type")?.iter().map(kind).collect::<Result<_, _>>()?;
    Ok((names, kinds))
}

/// The conditions on properties of events.
///
/// # Errors
/// When one has no name, there are too many, or it asks about what the caller may not see.
pub(super) fn conditions(query: &Query, masking: &Masking) -> Result<Vec<PropertyIs>, Problem> {
    let condition = |text: &String| {
        let (name, value) = name_and_value(text).ok_or_else(|| {
            invalid("`property` is no `NAME:VALUE`; a colon in the name is written `\\:`.".to_owned())
        })?;
        check_shown(&name, masking)?;
        Ok(PropertyIs::reading(&name, value))
    };
    listed(query, "property")?.iter().map(condition).collect()
}

/// Whoever may not see a property's values may not try them out either.
///
/// # Errors
/// When the caller may not see it.
pub(super) fn check_shown(name: &str, masking: &Masking) -> Result<(), Problem> {
    if masking.hides(name) {
        let message = format!("Your role does not see the property {name:?}; ask without it.");
        return Err(Problem::of_call(ProblemCode::RoleInsufficient, message));
    }
    Ok(())
}

fn listed(query: &Query, name: &str) -> Result<Vec<String>, Problem> {
    let all = query.all(name);
    if all.len() > LISTED_MAX {
        return Err(invalid(format!("`{name}` is given more than {LISTED_MAX} times.")));
    }
    Ok(all)
}

/// The name ends at the first colon that has no backslash before it.
fn name_and_value(text: &str) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut rest = text;
    loop {
        let at = rest.find(':')?;
        let (before, after) = (&rest[..at], &rest[at + 1..]);
        match before.strip_suffix('\\') {
            Some(escaped) => {
                name.push_str(escaped);
                name.push(':');
                rest = after;
            }
            None => {
                name.push_str(before);
                return Some((name, after)).filter(|(name, _)| !name.is_empty());
            }
        }
    }
}

/// From `from` until before `to`; a date is its midnight in `zone`.
///
/// # Errors
/// When one of them is no time, or nothing lies between them.
pub(super) fn span(query: &Query, zone: &TimeZone) -> Result<Span, Problem> {
    let from = instant(query, "from", zone)?.unwrap_or(Span::ALL.from);
    let until = instant(query, "to", zone)?.unwrap_or(Span::ALL.until);
    if from >= until {
        return Err(invalid("Nothing lies between `from` and `to`: `to` must be later.".to_owned()));
    }
    Ok(Span { from, until })
}

/// A time that a parameter names.
///
/// # Errors
/// When it names none.
pub(super) fn instant(query: &Query, name: &str, zone: &TimeZone) -> Result<Option<Timestamp>, Problem> {
    let Some(text) = query.get(name) else { return Ok(None) };
    instant_of(&text, zone)
        .map(Some)
        .ok_or_else(|| invalid(format!("`{name}` is no time; give RFC 3339 (in UTC with `Z`) or a date.")))
}

/// The time that a text names: RFC 3339, or a date, which is its midnight in `zone`.
pub(super) fn instant_of(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    let midnight = || {
        let date = text.parse::<Date>().ok().filter(|_| text.len() == "2026-01-05".len())?;
        Some(Timestamp(date.to_zoned(zone.clone()).ok()?.timestamp().as_microsecond()))
    };
    midnight().or_else(|| Timestamp::parse(text))
}

/// The time zone that `zone` names.
///
/// # Errors
/// When there is none of that name.
pub(super) fn zone(query: &Query) -> Result<(TimeZone, String), Problem> {
    let name = query.get("zone").map_or_else(|| "UTC".to_owned(), |name| name.into_owned());
    let zone = TimeZone::get(&name).map_err(|_| {
        invalid("`zone` is no name of the IANA time zone database, such as `Europe/Berlin`.".to_owned())
    })?;
    Ok((zone, name))
}

/// A number that a parameter gives.
///
/// # Errors
/// When it gives none of `1..=max`.
pub(super) fn number(query: &Query, name: &str, default: usize, max: usize) -> Result<usize, Problem> {
    let Some(text) = query.get(name) else { return Ok(default) };
    let number = text.parse().ok().filter(|number| (1..=max).contains(number));
    number.ok_or_else(|| invalid(format!("`{name}` is no number from 1 to {max}.")))
}

/// The interval that `interval` names; days when it is absent.
///
/// # Errors
/// When it names none.
pub(super) fn interval(query: &Query) -> Result<(Interval, &'static str), Problem> {
    const WORDS: [(&str, Interval); 4] = [
        ("hour", Interval::Hour),
        ("day", Interval::Day),
        ("week", Interval::Week),
        ("month", Interval::Month),
    ];
    let word = query.get("interval").map_or_else(|| "day".to_owned(), |word| word.into_owned());
    let found = WORDS.into_iter().find(|(known, _)| *known == word);
    found
        .map(|(word, interval)| (interval, word))
        .ok_or_else(|| invalid("`interval` is none of `hour`, `day`, `week` and `month`.".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Query {
        Query::of_text(text.to_owned())
    }

    #[test]
    fn a_property_is_named_up_to_the_first_plain_colon() {
        let parts = |text| name_and_value(text).map(|(name, value)| (name, value.to_owned()));
        let some = |name: &str, value: &str| Some((name.to_owned(), value.to_owned()));
        assert_eq!(parts("plan:pro"), some("plan", "pro"));
        assert_eq!(parts("at:10:30"), some("at", "10:30"));
        assert_eq!(parts(r"a\:b:c"), some("a:b", "c"));
        assert_eq!(parts("plan:"), some("plan", ""));
        assert_eq!([parts("plan"), parts(":pro"), parts(r"a\:b")], [None, None, None]);
    }

    #[test]
    fn a_date_is_midnight_in_the_zone_and_a_time_is_itself() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let at = |text: &str| {
            let found = instant(&query(&format!("from={text}")), "from", &berlin);
            found.map(|at| at.unwrap().to_string()).map_err(|problem| problem.code.as_str())
        };
        assert_eq!(at("2026-07-01"), Ok("2026-06-30T22:00:00.000000Z".to_owned()));
        assert_eq!(at("2026-07-01T00:00:00Z"), Ok("2026-07-01T00:00:00.000000Z".to_owned()));
        assert_eq!(at("yesterday"), Err("parameter_invalid"));
        let backwards = query("from=2026-07-02&to=2026-07-01");
        assert_eq!(span(&backwards, &berlin).unwrap_err().code, ProblemCode::ParameterInvalid);
    }

    #[test]
    fn names_types_and_conditions_are_read() {
        let found = filters(
            &query("event=a&event=b&type=page_view&property=plan:3"),
            &TimeZone::UTC,
            &Masking::default(),
        );
        let found = found.unwrap();
        assert_eq!(found.names, [EventName::track("a"), EventName::track("b")]);
        assert_eq!(found.kinds, [EventKind::PageView]);
        assert_eq!(found.properties, [PropertyIs::reading("plan", "3")]);
        for bad in ["type=click", "property=plan", "from=x"] {
            let refused = filters(&query(bad), &TimeZone::UTC, &Masking::default());
            assert_eq!(refused.unwrap_err().code, ProblemCode::ParameterInvalid, "{bad}");
        }
    }
}
