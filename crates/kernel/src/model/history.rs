//! Questions to history and their answers, as plain values.
//!
//! An event's *time* is everywhere its occurred_at, or its time of receipt when the caller gave none. An event is
//! *about* the user that it names; it *names a company* when the call that brought it did. Events of members who did not
//! send the company are not the company's, whoever they belonged to then.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::calendar::{Buckets, Span};
use super::event::{Event, EventKind};
use super::id::{CompanyId, UserId};
use super::property::PropertyList;
use super::time::Timestamp;
use super::value::{OwnedValue, Value};

/// What an event is listed and counted under: its kind, and for kinds that have one the name that the caller gave. A
/// tracked event that somebody called `page_view` is another one than a viewed page.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventName {
    /// The kind.
    pub kind: EventKind,
    /// The caller's name; empty for kinds without one, such as identify events.
    pub name: String,
}

impl EventName {
    /// The name of an event.
    pub fn of(event: &Event<'_>) -> EventName {
        EventName { kind: event.kind, name: event.event_name.to_owned() }
    }

    /// A tracked event's.
    pub fn track(name: &str) -> EventName {
        EventName { kind: EventKind::Track, name: name.to_owned() }
    }

    /// The name of events of a kind that has no further names.
    pub fn kind(kind: EventKind) -> EventName {
        EventName { kind, name: String::new() }
    }

    /// Whether it stands for an event of this name: for itself, and without a text for its whole kind.
    pub fn covers(&self, other: &EventName) -> bool {
        self.kind == other.kind && (self.name.is_empty() || self.name == other.name)
    }

    /// The text for people: the caller's name, or the kind's word.
    pub fn label(&self) -> &str {
        if self.name.is_empty() { self.kind.as_str() } else { &self.name }
    }
}

/// When an event happened, as all questions see it.
pub fn time_of(event: &Event<'_>, received_at: Timestamp) -> Timestamp {
    event.occurred_at.unwrap_or(received_at)
}

/// A condition on one of an event's own properties (of an identify event: those that it sent).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PropertyIs {
    /// The property.
    pub name: String,
    /// The values that pass, each of the JSON type that it was sent with.
    pub any_of: Vec<OwnedValue>,
}

impl PropertyIs {
    /// The condition that a text typed by a person means: the string, and the number or boolean that it reads as.
    pub fn reading(name: &str, text: &str) -> PropertyIs {
        let mut any_of = vec![OwnedValue::of(Value::Text(text))];
        if let Ok(flag) = text.parse() {
            any_of.push(OwnedValue::of(Value::Bool(flag)));
        }
        if let Ok(number) = text.parse() {
            any_of.push(OwnedValue::of(Value::Int(number)));
        } else if let Ok(number) = text.parse() {
            any_of.push(OwnedValue::of(Value::UInt(number)));
        }
        if let Some(number) = text.parse().ok().filter(|number: &f64| number.is_finite()) {
            any_of.push(OwnedValue::of(Value::Float(number)));
        }
        PropertyIs { name: name.to_owned(), any_of }
    }

    /// Whether an event's properties meet it.
    pub fn holds(&self, properties: &PropertyList<'_>) -> bool {
        let found = properties.iter().find(|(name, _)| *name == self.name);
        found.is_some_and(|(_, value)| self.any_of.iter().any(|wanted| wanted.value() == value))
    }
}

/// Which events to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventQuery {
    /// Only these names; together with `kinds` empty: any.
    pub names: Vec<EventName>,
    /// Only, or also, these kinds.
    pub kinds: Vec<EventKind>,
    /// Only events about this user.
    pub user: Option<UserId>,
    /// Only events that name this company.
    pub company: Option<CompanyId>,
    /// Only events whose time lies in it.
    pub span: Span,
    /// All of these must hold.
    pub properties: Vec<PropertyIs>,
}

impl Default for EventQuery {
    fn default() -> Self {
        EventQuery {
            names: Vec::new(),
            kinds: Vec::new(),
            user: None,
            company: None,
            span: Span::ALL,
            properties: Vec::new(),
        }
    }
}

impl EventQuery {
    /// Whether names and kinds let an event pass.
    pub fn wants(&self, kind: EventKind, name: &str) -> bool {
        let any = self.names.is_empty() && self.kinds.is_empty();
        any || self.kinds.contains(&kind)
            || self.names.iter().any(|wanted| wanted.kind == kind && wanted.name == name)
    }
}

/// Asks which event names there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamesQuestion {
    /// The intervals for which the volume is asked.
    pub volume: Buckets,
    /// Only these names; empty: all.
    pub names: Vec<EventName>,
    /// Examples per property and readable type, at most.
    pub examples_max: usize,
    /// Whether it is also told when each property was first and last sent, for which events are looked at one by one.
    pub with_times: bool,
}

/// What is known about an event name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameSummary {
    /// The name.
    pub event: EventName,
    /// How many events there are, whenever they happened.
    pub count: u64,
    /// The time of the first.
    pub first_at: Timestamp,
    /// The time of the last.
    pub last_at: Timestamp,
    /// How many there are in each interval asked for.
    pub volume: Vec<u64>,
    /// Their properties, in the order of the names' bytes.
    pub properties: Vec<PropertySummary>,
}

/// Whose properties.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PropertyOwner {
    /// Users': sent by `identify_user` events.
    User,
    /// Companies': sent by `identify_company` events and beside the company in others.
    Company,
    /// Events': those of all other kinds.
    Event,
}

impl PropertyOwner {
    /// Every one.
    pub const ALL: [PropertyOwner; 3] = [PropertyOwner::User, PropertyOwner::Company, PropertyOwner::Event];

    /// Its name in files and answers.
    pub fn as_str(self) -> &'static str {
        match self {
            PropertyOwner::User => "user",
            PropertyOwner::Company => "company",
            PropertyOwner::Event => "event",
        }
    }
}

/// Asks which properties were ever sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PropertiesQuestion {
    /// Whose.
    pub owner: PropertyOwner,
    /// Examples per property and readable type, at most.
    pub examples_max: usize,
}

/// What can be read from a value: its JSON type, and for strings whether they read as a number or a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ReadableType {
    /// `null`: a removal.
    Null,
    /// A boolean.
    Boolean,
    /// A whole number.
    Integer,
    /// Any other number.
    Decimal,
    /// A string that reads as a number.
    NumericText,
    /// A string that reads as a date.
    DateText,
    /// Any other string.
    Text,
    /// An object or array, kept as its text.
    Json,
}

impl ReadableType {
    /// Every one, in order.
    pub const ALL: [ReadableType; 8] = [
        ReadableType::Null,
        ReadableType::Boolean,
        ReadableType::Integer,
        ReadableType::Decimal,
        ReadableType::NumericText,
        ReadableType::DateText,
        ReadableType::Text,
        ReadableType::Json,
    ];

    /// Its name in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            ReadableType::Null => "null",
            ReadableType::Boolean => "boolean",
            ReadableType::Integer => "integer",
            ReadableType::Decimal => "decimal",
            ReadableType::NumericText => "numeric_text",
            ReadableType::DateText => "date_text",
            ReadableType::Text => "text",
            ReadableType::Json => "json",
        }
    }

    /// The JSON type that such a value was sent with; `None` for a removal.
    pub fn json_type(self) -> Option<&'static str> {
        match self {
            ReadableType::Null => None,
            ReadableType::Boolean => Some("boolean"),
            ReadableType::Integer | ReadableType::Decimal => Some("number"),
            ReadableType::NumericText | ReadableType::DateText | ReadableType::Text => Some("string"),
            ReadableType::Json => Some("object"),
        }
    }

    /// What a value reads as.
    pub fn of(value: Value<'_>) -> ReadableType {
        match value {
            Value::Null => ReadableType::Null,
            Value::Bool(_) => ReadableType::Boolean,
            Value::Int(_) | Value::UInt(_) => ReadableType::Integer,
            Value::Float(_) => ReadableType::Decimal,
            Value::Json(_) => ReadableType::Json,
            Value::Text(text) if reads_as_number(text) => ReadableType::NumericText,
            Value::Text(text) if Timestamp::parse(text).is_some() => ReadableType::DateText,
            Value::Text(_) => ReadableType::Text,
        }
    }
}

pub(super) fn reads_as_number(text: &str) -> bool {
    // Words such as `inf` parse as numbers too.
    let starts = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.');
    text.as_bytes().first().is_some_and(starts) && text.parse().is_ok_and(|number: f64| number.is_finite())
}

/// What was sent under a property's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PropertySummary {
    /// The property.
    pub name: String,
    /// What its values read as, in the order of [`ReadableType`]; more than one is a conflict.
    pub types: Vec<TypeSummary>,
    /// The times of the first and the last event that sent it, where that was asked for.
    pub times: Option<(Timestamp, Timestamp)>,
}

/// The values of a property that read the same way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeSummary {
    /// The way.
    pub reads_as: ReadableType,
    /// How often such a value was sent.
    pub count: u64,
    /// Different ones of them, as many as asked for when there are as many; which ones is the engine's choice.
    pub examples: Vec<OwnedValue>,
}

/// From when a profile is to be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AsOf {
    /// What happened until then is in it.
    pub time: Timestamp,
    /// Of that only what had been received until then.
    pub known_at: Timestamp,
}

/// How history is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Files of events.
    pub segments: u64,
    /// Bytes of all its files.
    pub bytes: u64,
    /// Events in it.
    pub events: u64,
    /// How many positions the log is ahead of it; a question catches up first.
    pub behind: u64,
}

/// Asks how often something happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountQuestion {
    /// A series for each of these names, of which one without a text stands for all of its kind; empty: one series of all
    /// events together.
    pub names: Vec<EventName>,
    /// The intervals.
    pub buckets: Buckets,
    /// What is counted.
    pub measure: Measure,
    /// A series for each value, if asked for.
    pub breakdown: Option<Breakdown>,
    /// Values to be told apart at most: those with the largest totals.
    pub groups_max: usize,
    /// Only events for which all of these hold.
    pub properties: Vec<PropertyIs>,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Events.
    Total,
    /// Different users that events are about; events about nobody do not count.
    UniqueUsers,
}

/// What tells the series of an event apart. An absent property and an explicit null are the same group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Breakdown {
    /// A property of the event.
    EventProperty(String),
    /// A property of the event's user as the profile has it *now*, whenever the event happened.
    UserProperty(String),
    /// A property of the event's user as it was when the event happened: what the profile *as of* that time says. An event about
    /// nobody has none.
    UserPropertyThen(String),
    /// A property of the company that the event's user belongs to *now*, as the company has it now.
    CompanyProperty(String),
}

impl Breakdown {
    /// The name of the property.
    pub fn name(&self) -> &str {
        match self {
            Breakdown::EventProperty(name)
            | Breakdown::UserProperty(name)
            | Breakdown::UserPropertyThen(name)
            | Breakdown::CompanyProperty(name) => name,
        }
    }
}

/// What a question asks of users as they were when events happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Then<'a> {
    /// The properties, each once.
    pub properties: Vec<&'a str>,
    /// No event before that is looked at.
    pub from: Timestamp,
}

impl<'a> Then<'a> {
    /// What a breakdown and conditions ask for, of events from a time on.
    pub fn of(
        breakdown: Option<&'a Breakdown>,
        conditions: impl Iterator<Item = &'a PropertyIs>,
        from: Timestamp,
    ) -> Then<'a> {
        let told_apart = match breakdown {
            Some(Breakdown::UserPropertyThen(name)) => Some(name.as_str()),
            _ => None,
        };
        let asked = conditions.map(|condition| condition.name.as_str());
        let mut properties: Vec<&str> = asked.chain(told_apart).collect();
        properties.sort_unstable();
        properties.dedup();
        Then { properties, from }
    }
}

impl CountQuestion {
    /// What it asks of users as they were.
    pub fn then(&self) -> Then<'_> {
        Then::of(self.breakdown.as_ref(), std::iter::empty(), self.buckets.span().from)
    }
}

/// How often something happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountAnswer {
    /// By the order of the names asked for, then of the groups (largest first). Without a breakdown one for each name;
    /// with one, those that are not empty.
    pub series: Vec<CountSeries>,
    /// Groups that are not told apart here, because there are more than `groups_max`; they are in no series.
    pub groups_left_out: u64,
}

/// A row of numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountSeries {
    /// Of which event; `None` for all together.
    pub event: Option<EventName>,
    /// Of which group; `None` without a breakdown, and for the group that lacks the property.
    pub group: Option<OwnedValue>,
    /// For each interval.
    pub counts: Vec<u64>,
    /// For the whole span: for unique users less than the sum, when somebody came back.
    pub total: u64,
}

/// The order of groups: larger totals first; among equal ones by the values' own order, the absent one last.
pub fn group_order(a: (u64, Option<&OwnedValue>), b: (u64, Option<&OwnedValue>)) -> Ordering {
    b.0.cmp(&a.0).then_with(|| match (a.1, b.1) {
        (Some(a), Some(b)) => a.cmp(b),
        (a, b) => a.is_none().cmp(&b.is_none()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_read_as_what_a_person_takes_them_for() {
        let read = |text| ReadableType::of(Value::Text(text));
        for text in ["0", "-1.5", "+3", "1e3", ".5"] {
            assert_eq!(read(text), ReadableType::NumericText, "{text}");
        }
        for text in ["", "inf", "NaN", "-", "1e999", "twelve", "12 pieces"] {
            assert_eq!(read(text), ReadableType::Text, "{text}");
        }
        assert_eq!(read("2026-01-05T09:30:00Z"), ReadableType::DateText);
        assert_eq!(ReadableType::of(Value::UInt(u64::MAX)), ReadableType::Integer);
    }

    #[test]
    fn a_typed_text_means_every_value_that_it_reads_as() {
        let meant = |text| PropertyIs::reading("p", text).any_of;
        let owned = |values: &[Value<'_>]| values.iter().map(|v| OwnedValue::of(*v)).collect::<Vec<_>>();
        assert_eq!(meant("pro"), owned(&[Value::Text("pro")]));
        assert_eq!(meant("true"), owned(&[Value::Text("true"), Value::Bool(true)]));
        assert_eq!(meant("3"), owned(&[Value::Text("3"), Value::Int(3), Value::Float(3.0)]));
        let huge = "18446744073709551615";
        let readings = [Value::Text(huge), Value::UInt(u64::MAX), Value::Float(18_446_744_073_709_551_615.0)];
        assert_eq!(meant(huge), owned(&readings));
    }

    #[test]
    fn the_absent_group_comes_last_among_equals() {
        let (a, b) = (OwnedValue::of(Value::Text("a")), OwnedValue::of(Value::Text("b")));
        let mut groups = [(1, None), (1, Some(&b)), (2, None), (1, Some(&a))];
        groups.sort_by(|left, right| group_order(*left, *right));
        assert_eq!(groups, [(2, None), (1, Some(&a)), (1, Some(&b)), (1, None)]);
    }
}
