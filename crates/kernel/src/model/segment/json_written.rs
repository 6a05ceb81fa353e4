//! Writes the JSON form of a rule, each key in its usual place.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use crate::model::event::EventKind;

use super::dates::DateTest;
use super::number::{Number, NumberTest};
use super::test::{Test, TextOperator, TextTest};
use super::{CompanyTest, Condition, EventCondition, EventFilter, Field, PageCondition, Rule, Times, Window};

/// Keys and values in the order in which they are written.
type Entries = Vec<(&'static str, Value)>;

impl Serialize for Rule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self {
            Rule::All(rules) => map.serialize_entry("all", rules)?,
            Rule::Any(rules) => map.serialize_entry("any", rules)?,
            Rule::Not(rule) => map.serialize_entry("not", rule)?,
            Rule::When(condition) => {
                for (key, value) in condition_entries(condition) {
                    map.serialize_entry(key, &value)?;
                }
            }
        }
        map.end()
    }
}

fn condition_entries(condition: &Condition) -> Entries {
    let kind = |word: &str| ("condition", json!(word));
    match condition {
        Condition::Property(property) => {
            let (word, name) = match &property.field {
                Field::Named(name) => ("property", name.as_str()),
                auto => ("auto", auto.auto_word().unwrap_or_default()),
            };
            let mut entries = vec![kind(word), ("of", json!(property.of.as_str())), ("name", json!(name))];
            entries.extend(test_entries(&property.test));
            entries
        }
        Condition::Company(test) => {
            let mut entries = vec![kind("company")];
            match test {
                CompanyTest::Exists => entries.push(("operator", json!("exists"))),
                CompanyTest::Is(id) => entries.extend([("operator", json!("is")), ("value", json!(id))]),
                CompanyTest::OneOf(ids) => {
                    entries.extend([("operator", json!("is_one_of")), ("value", json!(ids))]);
                }
            }
            entries
        }
        Condition::Event(event) => [vec![kind("event")], event_entries(event)].concat(),
        Condition::Page(page) => [vec![kind("page")], page_entries(page)].concat(),
        Condition::Segment(id) => vec![kind("segment"), ("id", json!(id.0))],
    }
}

fn event_entries(event: &EventCondition) -> Entries {
    let mut entries = Vec::new();
    if event.event.kind != EventKind::Track {
        entries.push(("kind", json!(event.event.kind.as_str())));
    }
    if !event.event.name.is_empty() {
        entries.push(("name", json!(event.event.name)));
    }
    entries.extend(often_entries(event.times, event.window));
    if !event.filters.is_empty() {
        let filter = |filter: &EventFilter| {
            let name = ("name", json!(filter.property));
            object(std::iter::once(name).chain(test_entries(&filter.test)))
        };
        entries.push(("where", event.filters.iter().map(filter).collect()));
    }
    entries
}

fn object(entries: impl Iterator<Item = (&'static str, Value)>) -> Value {
    entries.map(|(key, value)| (key.to_owned(), value)).collect::<serde_json::Map<_, _>>().into()
}

fn page_entries(page: &PageCondition) -> Entries {
    let mut entries = vec![("part", json!(page.part.as_str()))];
    entries.extend(text_entries(&page.test));
    entries.extend(often_entries(page.times, page.window));
    entries
}

fn often_entries(times: Times, window: Window) -> Entries {
    let times = match times {
        Times::AtLeast(times) => json!({ "at_least": times }),
        Times::AtMost(times) => json!({ "at_most": times }),
        Times::Exactly(times) => json!({ "exactly": times }),
    };
    let mut entries = vec![("times", times)];
    match window {
        Window::Ever => {}
        Window::LastDays(days) => entries.push(("window", json!({ "last_days": days }))),
        Window::Between(first, last) => {
            entries.push(("window", json!({ "between": [first.to_string(), last.to_string()] })));
        }
    }
    entries
}

fn test_entries(test: &Test) -> Entries {
    let typed = |word: &str, entries: Entries| [vec![("type", json!(word))], entries].concat();
    match test {
        Test::Exists => vec![("operator", json!("exists"))],
        Test::Absent => vec![("operator", json!("does_not_exist"))],
        Test::Text(test) => typed("string", text_entries(test)),
        Test::Number(test) => typed("numeric", number_entries(test)),
        Test::Date(test) => typed("date", date_entries(test)),
    }
}

fn compared(operator: &str, value: Value) -> Entries {
    vec![("operator", json!(operator)), ("value", value)]
}

fn text_entries(test: &TextTest) -> Entries {
    let (operator, value) = match &test.operator {
        TextOperator::Is(text) => ("is", json!(text)),
        TextOperator::IsNot(text) => ("is_not", json!(text)),
        TextOperator::Contains(text) => ("contains", json!(text)),
        TextOperator::ContainsNot(text) => ("does_not_contain", json!(text)),
        TextOperator::StartsWith(text) => ("starts_with", json!(text)),
        TextOperator::EndsWith(text) => ("ends_with", json!(text)),
        TextOperator::OneOf(texts) => ("is_one_of", json!(texts)),
        TextOperator::NoneOf(texts) => ("is_not_one_of", json!(texts)),
    };
    let mut entries = compared(operator, value);
    if test.ignore_case {
        entries.push(("ignore_case", json!(true)));
    }
    entries
}

fn number_entries(test: &NumberTest) -> Entries {
    match *test {
        NumberTest::Equals(number) => compared("equals", number_value(number)),
        NumberTest::Differs(number) => compared("does_not_equal", number_value(number)),
        NumberTest::Below(number) => compared("below", number_value(number)),
        NumberTest::AtMost(number) => compared("at_most", number_value(number)),
        NumberTest::Above(number) => compared("above", number_value(number)),
        NumberTest::AtLeast(number) => compared("at_least", number_value(number)),
        NumberTest::Between(low, high) => compared("between", json!([number_value(low), number_value(high)])),
    }
}

fn number_value(number: Number) -> Value {
    match number {
        Number::Whole(whole) => match i64::try_from(whole) {
            Ok(signed) => json!(signed),
            Err(_) => json!(u64::try_from(whole).unwrap_or(u64::MAX)),
        },
        Number::Decimal(double) => json!(double),
    }
}

fn date_entries(test: &DateTest) -> Entries {
    match *test {
        DateTest::On(day) => compared("on", json!(day.to_string())),
        DateTest::Before(day) => compared("before", json!(day.to_string())),
        DateTest::After(day) => compared("after", json!(day.to_string())),
        DateTest::Between(first, last) => compared("between", json!([first.to_string(), last.to_string()])),
        DateTest::InLastDays(days) => compared("in_last_days", json!(days)),
        DateTest::InNextDays(days) => compared("in_next_days", json!(days)),
        DateTest::MoreThanDaysAgo(days) => compared("more_than_days_ago", json!(days)),
    }
}
