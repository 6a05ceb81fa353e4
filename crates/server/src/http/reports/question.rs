//! What the questions of all reports are made of beside their events: when, whose, and told apart by what.

use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::Value as Json;
use utoipa::ToSchema;

use muster_kernel::model::calendar::{Interval, Span};
use muster_kernel::model::history::Breakdown;
use muster_kernel::model::id::SegmentId;
use muster_kernel::model::limits::GROUPS_MAX;
use muster_kernel::model::problem::Problem;
use muster_kernel::model::report::{Level, Row, Who};
use muster_kernel::model::segment::question::SegmentQuestion;
use muster_kernel::model::segment::{Condition, Moment, Rule};
use muster_kernel::model::time::{MINUTE, SECOND, Timestamp};
use muster_kernel::model::value::{OwnedValue, Value};

use super::Asker;
use super::object::{Object, Reading};
use super::pattern::{ATS, At, AtWord};
use crate::http::{asking, rules};

/// Groups of a breakdown when the question does not say.
const GROUPS_DEFAULT: usize = 10;
/// Days when the question names no time.
const DAYS_DEFAULT: usize = 30;
/// Days that a question may reach back with `last_days`: a century.
const DAYS_MAX: usize = 36_525;
/// The window of a funnel or a path when the question does not say.
const WINDOW_DEFAULT: i64 = 7 * DAY;
const DAY: i64 = 24 * 60 * MINUTE;

/// Whom a report is about.
#[derive(ToSchema)]
#[schema(as = ReportLevel, rename_all = "snake_case")]
#[expect(dead_code, reason = "describes what `level` reads")]
pub(super) enum LevelWord {
    /// Users.
    User,
    /// Companies: an event belongs to the one that it names, else to the one that its user belongs to now.
    Company,
}

/// Who takes part: the members of a segment, or those for whom a rule in its text form holds.
#[derive(ToSchema)]
#[schema(as = ReportWho, rename_all = "snake_case")]
#[expect(dead_code, reason = "describes what `who` reads")]
pub(super) enum WhoFields {
    /// The number of a segment, of the level of the question.
    Segment(u32),
    /// A rule, as `plan is "pro"`; about companies as `company.plan is "pro"`.
    Filter(String),
}

/// What rows are told apart by.
#[derive(Serialize, ToSchema)]
#[schema(as = ReportBreakdown)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes what `breakdown` reads")]
pub(super) enum BreakdownFields {
    /// A property of the user, as it is now, or as it was when the event happened; not where companies are counted.
    User { user: String, at: Option<AtWord> },
    /// A property of the company that the user belongs to, both as they are now; or of the company that is counted.
    Company { company: String },
    /// A property of the event.
    Event { event: String },
}

/// How long something may take; a month is 30 days.
#[derive(ToSchema)]
#[schema(as = ReportWindow, rename_all = "snake_case")]
#[expect(dead_code, reason = "describes what `window` reads")]
pub(super) enum WindowFields {
    Seconds(u32),
    Minutes(u32),
    Hours(u32),
    Days(u32),
    Months(u32),
}

/// Which row of a breakdown.
#[derive(ToSchema)]
#[schema(as = ReportRow, rename_all = "snake_case")]
#[expect(dead_code, reason = "describes what `row` reads")]
pub(super) enum RowFields {
    /// All together.
    All,
    /// All that have no row of their own.
    Other,
    /// The one of this value; null is that of those without.
    Group(Json),
}

/// A word of the calendar.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = CalendarInterval)]
pub(super) enum IntervalWord {
    Hour,
    Day,
    Week,
    Month,
}

impl IntervalWord {
    pub(super) fn interval(self) -> Interval {
        match self {
            IntervalWord::Hour => Interval::Hour,
            IntervalWord::Day => Interval::Day,
            IntervalWord::Week => Interval::Week,
            IntervalWord::Month => Interval::Month,
        }
    }
}

const INTERVALS: [(&str, IntervalWord); 4] = [
    ("hour", IntervalWord::Hour),
    ("day", IntervalWord::Day),
    ("week", IntervalWord::Week),
    ("month", IntervalWord::Month),
];

/// When, and where days begin.
pub(super) struct Time {
    pub span: Span,
    pub zone: (TimeZone, String),
}

impl Reading {
    /// The zone of a question; the environment's when it names none.
    pub(super) fn zone(&mut self, object: &mut Object<'_>) -> Option<(TimeZone, String)> {
        let Some(name) = self.optional_text(object, "zone")? else { return Some(self.zone.clone()) };
        match TimeZone::get(&name) {
            Ok(zone) => Some((zone, name)),
            Err(_) => {
                let message = "Send a name of the IANA time zone database, such as `Europe/Berlin`.";
                self.refuse(object.at("zone"), message)
            }
        }
    }

    /// When: `from` and `to`, or `last_days`; the last 30 days when nothing is said.
    pub(super) fn time(&mut self, object: &mut Object<'_>) -> Option<Time> {
        object.knows(&["from", "to"]);
        let zone = self.zone(object);
        let days = self.optional_number(object, "last_days", 1..=DAYS_MAX);
        let zone = zone?;
        let from = self.instant(object, "from", &zone.0);
        let until = self.instant(object, "to", &zone.0);
        let span = match (from?, until?, days?) {
            (Some(_), _, Some(_)) | (_, Some(_), Some(_)) => {
                let message = "Send either `last_days`, or `from` and `to`.";
                return self.refuse(object.at("last_days"), message);
            }
            (None, Some(_), None) => {
                return self.refuse(object.at("from"), "`to` needs a `from` before it.");
            }
            (Some(from), until, None) => {
                let today = || last_days(self.now, 1, &zone.0);
                let until = until.or_else(|| Some(today()?.until));
                Span { from, until: until.unwrap_or(self.now) }
            }
            (None, None, days) => {
                let whole = last_days(self.now, days.unwrap_or(DAYS_DEFAULT), &zone.0);
                match whole {
                    Some(span) => span,
                    None => return self.refuse(object.at("last_days"), "That is beyond the calendar."),
                }
            }
        };
        if span.from >= span.until {
            let message = "Nothing lies between `from` and `to`: `to` must be later.";
            return self.refuse(object.at("to"), message);
        }
        Some(Time { span, zone })
    }

    fn instant(
        &mut self,
        object: &mut Object<'_>,
        key: &'static str,
        zone: &TimeZone,
    ) -> Option<Option<Timestamp>> {
        let Some(text) = self.optional_text(object, key)? else { return Some(None) };
        match asking::instant_of(&text, zone) {
            Some(at) => Some(Some(at)),
            None => self.refuse(object.at(key), "Send RFC 3339 (in UTC with `Z`) or a date."),
        }
    }

    /// An interval of the calendar.
    pub(super) fn interval(
        &mut self,
        object: &mut Object<'_>,
        key: &'static str,
        absent: Option<IntervalWord>,
    ) -> Option<IntervalWord> {
        self.word(object, key, &INTERVALS, absent)
    }

    /// How long something may take, in microseconds; seven days when nothing is said.
    pub(super) fn window(&mut self, object: &mut Object<'_>, micros_max: i64) -> Option<i64> {
        const UNITS: [(&str, i64); 5] = [
            ("seconds", SECOND),
            ("minutes", MINUTE),
            ("hours", 60 * MINUTE),
            ("days", DAY),
            ("months", 30 * DAY),
        ];
        let pointer = object.at("window");
        let Some(value) = object.get("window") else { return Some(WINDOW_DEFAULT) };
        self.whole(value, pointer.clone(), |reading, object| {
            object.knows(&UNITS.map(|(unit, _)| unit));
            let mut found = Vec::new();
            for (unit, micros) in UNITS {
                let most = usize::try_from(micros_max / micros).unwrap_or(usize::MAX);
                if let Some(number) = reading.optional_number(object, unit, 1..=most)? {
                    found.push(micros.saturating_mul(i64::try_from(number).unwrap_or(i64::MAX)));
                }
            }
            match found.as_slice() {
                [micros] => Some(*micros),
                _ => reading.refuse(pointer, "Send one unit with its number, as `{\"days\": 7}`."),
            }
        })
    }

    /// Whom it is about; users when nothing is said.
    pub(super) fn level(&mut self, object: &mut Object<'_>) -> Option<Level> {
        let levels = [("user", Level::User), ("company", Level::Company)];
        self.word(object, "level", &levels, Some(Level::User))
    }

    /// What rows are told apart by, and how many there may be.
    pub(super) fn breakdown(
        &mut self,
        object: &mut Object<'_>,
        level: Level,
    ) -> Option<(Option<Breakdown>, usize)> {
        let groups = self.number(object, "groups", 1..=GROUPS_MAX, Some(GROUPS_DEFAULT));
        let pointer = object.at("breakdown");
        let Some(value) = object.get("breakdown") else { return Some((None, groups?)) };
        let breakdown = self.whole(value, pointer.clone(), |reading, object| {
            let user = reading.optional_text(object, "user");
            let company = reading.optional_text(object, "company");
            let event = reading.optional_text(object, "event");
            let at = reading.word(object, "at", &ATS, Some(None))?;
            let breakdown = match (user?, company?, event?) {
                (Some(_), None, None) if level == Level::Company => {
                    let message = "A company has no user's properties; send `company`, with one of its own, or `event`.";
                    return reading.refuse(object.at("user"), message);
                }
                (Some(name), None, None) if at == Some(At::Event) => Breakdown::UserPropertyThen(name),
                (Some(name), None, None) => Breakdown::UserProperty(name),
                (None, Some(_), None) | (None, None, Some(_)) if at.is_some() => {
                    let message = "Only a user's property is asked `at` a time: a company's is that of now, an event's its own; leave it out.";
                    return reading.refuse(object.at("at"), message);
                }
                (None, Some(name), None) => Breakdown::CompanyProperty(name),
                (None, None, Some(name)) => Breakdown::EventProperty(name),
                _ => {
                    let message = "Send one of `user`, `company` and `event`, with the name of a property.";
                    return reading.refuse(pointer, message);
                }
            };
            reading.check_shown(breakdown.name(), object.pointer());
            Some(breakdown)
        });
        Some((Some(breakdown?), groups?))
    }

    /// Who takes part.
    pub(super) fn who(&mut self, object: &mut Object<'_>, level: Level) -> Option<Who> {
        let pointer = object.at("who");
        let Some(value) = object.get("who") else { return Some(Who::default()) };
        let segment = self.whole(value, pointer.clone(), |reading, object| {
            let text = reading.optional_text(object, "filter");
            let segment = reading.optional_number(object, "segment", 1..=u32::MAX as usize);
            let (rule, key) = match (text?, segment?) {
                (Some(text), None) => (reading.rule(level, &text, &object.at("filter"))?, "filter"),
                (None, Some(id)) => {
                    let id = SegmentId(u32::try_from(id).unwrap_or(u32::MAX));
                    (Rule::When(Condition::Segment(id)), "segment")
                }
                _ => return reading.refuse(pointer, "Send one of `segment` and `filter`."),
            };
            reading.segment_of(level, rule, &object.at(key))
        });
        Some(Who { properties: Vec::new(), segment: Some(segment?) })
    }

    /// Asks for those for whom a rule holds, which may refer only to segments that are there. What it refers to is brought
    /// along when it is asked.
    fn segment_of(&mut self, level: Level, rule: Rule, pointer: &str) -> Option<SegmentQuestion> {
        let Asker { edge, environment, .. } = &self.asker;
        if let Err(problem) = rules::check_references(edge, *environment, level, &rule) {
            return self.note(Problem::at(pointer, problem.code, problem.message));
        }
        let moment = Moment { now: self.now, zone: self.zone.0.clone() };
        let segments = Arc::default();
        Some(SegmentQuestion { level, rule, moment, looks_back: false, segments })
    }

    /// A rule in its text form.
    fn rule(&mut self, level: Level, text: &str, pointer: &str) -> Option<Rule> {
        match rules::of_text(level, text, pointer) {
            Ok(rule) => {
                if let Some(name) = rules::hidden(&rule, &self.asker.masking) {
                    self.check_shown(name, pointer);
                }
                Some(rule)
            }
            Err(problems) => {
                problems.into_iter().for_each(|problem| {
                    self.note::<()>(problem);
                });
                None
            }
        }
    }

    /// Which row; all together when nothing is said.
    pub(super) fn row(&mut self, object: &mut Object<'_>) -> Option<Row> {
        let pointer = object.at("row");
        match object.get("row") {
            None => Some(Row::All),
            Some(Json::String(word)) if word == "all" => Some(Row::All),
            Some(Json::String(word)) if word == "other" => Some(Row::Other),
            Some(Json::Object(map)) if map.len() == 1 && map.contains_key("group") => {
                match group_of(map.get("group").unwrap_or(&Json::Null)) {
                    Some(group) => Some(Row::Group(group)),
                    None => self.refuse(format!("{pointer}/group"), "Send the value of a row of the answer."),
                }
            }
            Some(_) => self.refuse(pointer, "Send `\"all\"`, `\"other\"` or `{\"group\": VALUE}`."),
        }
    }
}

/// The last so many days of the calendar, today among them.
fn last_days(now: Timestamp, days: usize, zone: &TimeZone) -> Option<Span> {
    let today = jiff::Timestamp::from_microsecond(now.0).ok()?.to_zoned(zone.clone()).date();
    let back = i64::try_from(days).ok()?;
    let first = today.checked_sub(jiff::Span::new().days(back - 1)).ok()?;
    let instant = |date: Date| {
        let midnight = date.to_zoned(zone.clone()).ok()?.timestamp();
        Some(Timestamp(midnight.as_microsecond()))
    };
    Some(Span { from: instant(first)?, until: instant(today.tomorrow().ok()?)? })
}

/// The group that a value of an answer stands for; `None` when it can be none.
fn group_of(value: &Json) -> Option<Option<OwnedValue>> {
    Some(match value {
        Json::Null => None,
        Json::Bool(flag) => Some(OwnedValue::of(Value::Bool(*flag))),
        Json::String(text) => Some(OwnedValue::of(kept_text(text))),
        Json::Number(number) => Some(OwnedValue::of(match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => Value::Int(number),
            (None, Some(number)) => Value::UInt(number),
            (None, None) => Value::Float(number.as_f64()?),
        })),
        Json::Array(_) | Json::Object(_) => return None,
    })
}

/// Objects and arrays are kept as their text, and given back as a string.
fn kept_text(text: &str) -> Value<'_> {
    let is_nested = matches!(serde_json::from_str(text), Ok(Json::Object(_) | Json::Array(_)));
    if is_nested { Value::Json(text) } else { Value::Text(text) }
}
