//! The JSON form of a rule (docs/SEGMENTS.md): an object for each group and condition, read strictly.
//!
//! A key that is not known is refused, because a typing error in a condition would otherwise widen it in silence. All
//! problems are named at once, each with a JSON Pointer and the remedy.

use jiff::civil::Date;
use serde::{Deserialize, Deserializer, de};
use serde_json::{Map, Value};

use crate::model::event::EventKind;
use crate::model::history::EventName;
use crate::model::id::{self, SegmentId};
use crate::model::limits::RULE_DEPTH_MAX;
use crate::model::problem::{Problem, ProblemCode};

use super::dates::{self, DateTest};
use super::number::{Number, NumberTest};
use super::test::{Test, TextOperator, TextTest};
use super::{
    CompanyTest, Condition, EventCondition, EventFilter, Field, Level, PageCondition, PagePart,
    PropertyCondition, Rule, Times, Window,
};

impl Level {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Level::User => "user",
            Level::Company => "company",
        }
    }
}

impl PagePart {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            PagePart::Url => "url",
            PagePart::Path => "path",
        }
    }
}

/// The kinds of events that a rule may ask for.
pub(super) const KINDS: [EventKind; 7] = [
    EventKind::IdentifyUser,
    EventKind::IdentifyCompany,
    EventKind::Track,
    EventKind::PageView,
    EventKind::SessionStart,
    EventKind::Interaction,
    EventKind::TrackFeature,
];

impl Rule {
    /// Reads the JSON form of a rule for a segment of this level. Groups of one become their only member.
    ///
    /// # Errors
    /// Everything that is wrong with it; pointers start behind `pointer`, the rule's own place.
    pub fn from_json(value: &Value, level: Level, pointer: &str) -> Result<Rule, Vec<Problem>> {
        let mut reading = Reading { problems: Vec::new() };
        let rule = reading.rule(value, pointer, 1);
        let mut problems = reading.problems;
        if let Some(rule) = rule.filter(|_| problems.is_empty()) {
            problems = rule.problems(level);
            problems.iter_mut().for_each(|problem| problem.pointer.insert_str(0, pointer));
            if problems.is_empty() {
                return Ok(rule.plain());
            }
        }
        Err(problems)
    }
}

/// As it was saved: limits that were other ones then do not matter.
impl<'de> Deserialize<'de> for Rule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let mut reading = Reading { problems: Vec::new() };
        match (reading.rule(&value, "", 1), reading.problems.first()) {
            (Some(rule), None) => Ok(rule.plain()),
            (_, problem) => {
                let message = problem.map_or("a rule is expected", |problem| &problem.message);
                Err(de::Error::custom(message))
            }
        }
    }
}

struct Reading {
    problems: Vec<Problem>,
}

/// An object whose known keys are taken out one by one.
struct Object<'v> {
    map: &'v Map<String, Value>,
    pointer: &'v str,
}

impl Reading {
    fn refuse<T>(&mut self, pointer: impl Into<String>, message: impl Into<String>) -> Option<T> {
        self.problems.push(Problem::at(pointer, ProblemCode::RuleInvalid, message));
        None
    }

    fn rule(&mut self, value: &Value, pointer: &str, depth: usize) -> Option<Rule> {
        // One more than allowed is read, so that the problem is told with the others.
        if depth > RULE_DEPTH_MAX + 1 {
            return self.refuse(pointer, format!("Groups stand {RULE_DEPTH_MAX} deep at most."));
        }
        let Value::Object(map) = value else {
            return self.refuse(pointer, "A rule is an object with all, any, not or condition.");
        };
        let object = Object { map, pointer };
        for (group, of) in [("all", Rule::All as fn(Vec<Rule>) -> Rule), ("any", Rule::Any)] {
            if let Some(rules) = map.get(group) {
                self.only(&object, &[group]);
                let pointer = format!("{pointer}/{group}");
                let Value::Array(rules) = rules else {
                    return self.refuse(pointer, "A group is a list of rules.");
                };
                let read: Vec<Option<Rule>> = (rules.iter().enumerate())
                    .map(|(index, rule)| self.rule(rule, &format!("{pointer}/{index}"), depth + 1))
                    .collect();
                return read.into_iter().collect::<Option<Vec<_>>>().map(of);
            }
        }
        if let Some(rule) = map.get("not") {
            self.only(&object, &["not"]);
            let rule = self.rule(rule, &format!("{pointer}/not"), depth + 1)?;
            return Some(Rule::Not(Box::new(rule)));
        }
        self.condition(&object).map(Rule::When)
    }

    fn only(&mut self, object: &Object<'_>, known: &[&str]) {
        for key in object.map.keys().filter(|key| !known.contains(&key.as_str())) {
            let escaped = key.replace('~', "~0").replace('/', "~1");
            let message = format!("There is no such key here; known are {}.", known.join(", "));
            self.refuse::<()>(format!("{}/{escaped}", object.pointer), message);
        }
    }

    fn condition(&mut self, object: &Object<'_>) -> Option<Condition> {
        let words = ["property", "auto", "company", "event", "page", "segment"];
        match self.word(object, "condition", &words, None)? {
            "property" => {
                self.only(object, &["condition", "of", "name", "type", "operator", "value", "ignore_case"]);
                let (of, name) = (self.level(object), self.name(object, "name"));
                let test = self.test(object);
                let field = Field::Named(name?);
                Some(Condition::Property(PropertyCondition { of: of?, field, test: test? }))
            }
            "auto" => {
                self.only(object, &["condition", "of", "name", "type", "operator", "value", "ignore_case"]);
                let of = self.level(object);
                let word = self.word(object, "name", &["id", "first_seen", "last_seen"], None);
                let test = self.test(object);
                let word = word?;
                let field = Field::AUTO.into_iter().find(|field| field.auto_word() == Some(word))?;
                Some(Condition::Property(PropertyCondition { of: of?, field, test: test? }))
            }
            "company" => self.company(object).map(Condition::Company),
            "event" => self.event(object).map(Condition::Event),
            "page" => self.page(object).map(Condition::Page),
            _ => {
                self.only(object, &["condition", "id"]);
                let id = object.map.get("id").and_then(Value::as_u64).and_then(|id| u32::try_from(id).ok());
                match id {
                    Some(id) => Some(Condition::Segment(SegmentId(id))),
                    None => self.refuse(format!("{}/id", object.pointer), "Give the number of a segment."),
                }
            }
        }
    }

    /// One of some words at a key; `absent` is what a missing one means.
    fn word<'w>(
        &mut self,
        object: &Object<'_>,
        key: &str,
        words: &[&'w str],
        absent: Option<&'w str>,
    ) -> Option<&'w str> {
        let found = object.map.get(key);
        let known = found.and_then(Value::as_str).and_then(|text| words.iter().find(|word| **word == text));
        match (found, known, absent) {
            (_, Some(word), _) => Some(word),
            (None, _, Some(absent)) => Some(absent),
            _ => {
                let message = format!("Give one of {}.", words.join(", "));
                self.refuse(format!("{}/{key}", object.pointer), message)
            }
        }
    }

    fn level(&mut self, object: &Object<'_>) -> Option<Level> {
        let word = self.word(object, "of", &["user", "company"], Some("user"))?;
        Some(if word == "user" { Level::User } else { Level::Company })
    }

    /// A text that is not empty.
    fn name(&mut self, object: &Object<'_>, key: &str) -> Option<String> {
        match object.map.get(key).and_then(Value::as_str) {
            Some(name) if !name.is_empty() => Some(name.to_owned()),
            _ => self.refuse(format!("{}/{key}", object.pointer), "Give a name, as a string."),
        }
    }

    fn test(&mut self, object: &Object<'_>) -> Option<Test> {
        let operator = object.map.get("operator").and_then(Value::as_str);
        if let Some(test) = match operator {
            Some("exists") => Some(Test::Exists),
            Some("does_not_exist") => Some(Test::Absent),
            _ => None,
        } {
            if object.map.contains_key("value") {
                self.refuse::<()>(
                    format!("{}/value", object.pointer),
                    "Whether there is a value needs none to compare with; leave it out.",
                );
            }
            return Some(test);
        }
        match self.word(object, "type", &["string", "numeric", "date"], None)? {
            "string" => self.text_test(object).map(Test::Text),
            "numeric" => self.number_test(object).map(Test::Number),
            _ => self.date_test(object).map(Test::Date),
        }
    }

    fn text_test(&mut self, object: &Object<'_>) -> Option<TextTest> {
        let words = [
            "is",
            "is_not",
            "contains",
            "does_not_contain",
            "starts_with",
            "ends_with",
            "is_one_of",
            "is_not_one_of",
        ];
        let operator = self.word(object, "operator", &words, None)?;
        let ignore_case = match object.map.get("ignore_case") {
            None => Some(false),
            Some(Value::Bool(flag)) => Some(*flag),
            Some(_) => self.refuse(format!("{}/ignore_case", object.pointer), "Give true or false."),
        };
        let operator = match operator {
            "is_one_of" => TextOperator::OneOf(self.texts(object)?),
            "is_not_one_of" => TextOperator::NoneOf(self.texts(object)?),
            operator => {
                let value = self.text(object)?;
                match operator {
                    "is" => TextOperator::Is(value),
                    "is_not" => TextOperator::IsNot(value),
                    "contains" => TextOperator::Contains(value),
                    "does_not_contain" => TextOperator::ContainsNot(value),
                    "starts_with" => TextOperator::StartsWith(value),
                    _ => TextOperator::EndsWith(value),
                }
            }
        };
        Some(TextTest { operator, ignore_case: ignore_case? })
    }

    fn text(&mut self, object: &Object<'_>) -> Option<String> {
        match object.map.get("value") {
            Some(Value::String(text)) => Some(text.clone()),
            _ => self.refuse(
                format!("{}/value", object.pointer),
                "Give a string; true, false and numbers are written as one, or the type is numeric.",
            ),
        }
    }

    fn texts(&mut self, object: &Object<'_>) -> Option<Vec<String>> {
        let texts = match object.map.get("value") {
            Some(Value::Array(values)) => {
                values.iter().map(|value| value.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
            }
            _ => None,
        };
        match texts {
            Some(texts) => Some(texts),
            None => self.refuse(format!("{}/value", object.pointer), "Give a list of strings."),
        }
    }

    fn number_test(&mut self, object: &Object<'_>) -> Option<NumberTest> {
        let words = ["equals", "does_not_equal", "below", "at_most", "above", "at_least", "between"];
        let operator = self.word(object, "operator", &words, None)?;
        let wanted = if operator == "between" { "Give a list of two numbers." } else { "Give a number." };
        let numbers = pair(object.map.get("value"), operator == "between", number);
        let Some((first, second)) = numbers else {
            return self.refuse(format!("{}/value", object.pointer), wanted);
        };
        Some(match operator {
            "equals" => NumberTest::Equals(first),
            "does_not_equal" => NumberTest::Differs(first),
            "below" => NumberTest::Below(first),
            "at_most" => NumberTest::AtMost(first),
            "above" => NumberTest::Above(first),
            "at_least" => NumberTest::AtLeast(first),
            _ => NumberTest::Between(first, second),
        })
    }

    fn date_test(&mut self, object: &Object<'_>) -> Option<DateTest> {
        let words =
            ["on", "before", "after", "between", "in_last_days", "in_next_days", "more_than_days_ago"];
        let operator = self.word(object, "operator", &words, None)?;
        let value = object.map.get("value");
        let test = if operator.contains("days") {
            let days = value.and_then(Value::as_u64).and_then(|days| u32::try_from(days).ok());
            days.map(|days| match operator {
                "in_last_days" => DateTest::InLastDays(days),
                "in_next_days" => DateTest::InNextDays(days),
                _ => DateTest::MoreThanDaysAgo(days),
            })
        } else {
            pair(value, operator == "between", date).map(|(first, last)| match operator {
                "on" => DateTest::On(first),
                "before" => DateTest::Before(first),
                "after" => DateTest::After(first),
                _ => DateTest::Between(first, last),
            })
        };
        let wanted = match operator {
            "between" => "Give a list of two days, each as YYYY-MM-DD.",
            "on" | "before" | "after" => "Give a day as YYYY-MM-DD.",
            _ => "Give a number of days.",
        };
        test.or_else(|| self.refuse(format!("{}/value", object.pointer), wanted))
    }

    fn company(&mut self, object: &Object<'_>) -> Option<CompanyTest> {
        self.only(object, &["condition", "operator", "value"]);
        match self.word(object, "operator", &["is", "is_one_of", "exists"], None)? {
            "exists" => Some(CompanyTest::Exists),
            "is" => {
                let id = self.text(object)?;
                self.ids(object, std::slice::from_ref(&id))?;
                Some(CompanyTest::Is(id))
            }
            _ => {
                let ids = self.texts(object)?;
                self.ids(object, &ids)?;
                Some(CompanyTest::OneOf(ids))
            }
        }
    }

    fn ids(&mut self, object: &Object<'_>, ids: &[String]) -> Option<()> {
        if ids.iter().all(|text| id::check(text).is_ok()) {
            return Some(());
        }
        let message = "An id has 1 to 255 bytes, a visible character and no control characters.";
        self.refuse(format!("{}/value", object.pointer), message)
    }

    fn event(&mut self, object: &Object<'_>) -> Option<EventCondition> {
        self.only(object, &["condition", "kind", "name", "times", "window", "where"]);
        let words = KINDS.map(EventKind::as_str);
        let kind = self.word(object, "kind", &words, Some(EventKind::Track.as_str()));
        let kind = KINDS.into_iter().find(|known| Some(known.as_str()) == kind);
        let needs_name = kind == Some(EventKind::Track) || object.map.contains_key("name");
        let name = if needs_name { self.name(object, "name") } else { Some(String::new()) };
        let (times, window) = (self.times(object), self.window(object));
        let mut filters = Some(Vec::new());
        if let Some(list) = object.map.get("where") {
            filters = self.filters(list, &format!("{}/where", object.pointer));
        }
        let event = EventName { kind: kind?, name: name? };
        Some(EventCondition { event, times: times?, window: window?, filters: filters? })
    }

    fn filters(&mut self, list: &Value, pointer: &str) -> Option<Vec<EventFilter>> {
        let Value::Array(list) = list else { return self.refuse(pointer, "Give a list of tests.") };
        let read: Vec<Option<EventFilter>> = (list.iter().enumerate())
            .map(|(index, filter)| {
                let pointer = format!("{pointer}/{index}");
                let Value::Object(map) = filter else { return self.refuse(pointer, "A test is an object.") };
                let object = Object { map, pointer: &pointer };
                self.only(&object, &["name", "type", "operator", "value", "ignore_case"]);
                let (property, test) = (self.name(&object, "name"), self.test(&object));
                Some(EventFilter { property: property?, test: test? })
            })
            .collect();
        read.into_iter().collect()
    }

    fn page(&mut self, object: &Object<'_>) -> Option<PageCondition> {
        self.only(object, &["condition", "part", "operator", "value", "ignore_case", "times", "window"]);
        let part = self.word(object, "part", &["url", "path"], Some("path"));
        let (test, times, window) = (self.text_test(object), self.times(object), self.window(object));
        let part = if part? == "url" { PagePart::Url } else { PagePart::Path };
        Some(PageCondition { part, test: test?, times: times?, window: window? })
    }

    /// The only member of an object at a key, if that is there.
    fn one<'v>(
        &mut self,
        object: &Object<'v>,
        key: &str,
        wanted: &str,
    ) -> Option<Option<(&'v str, &'v Value)>> {
        match object.map.get(key) {
            None => Some(None),
            Some(Value::Object(map)) if map.len() == 1 => {
                Some(map.iter().next().map(|(key, value)| (key.as_str(), value)))
            }
            Some(_) => self.refuse(format!("{}/{key}", object.pointer), wanted),
        }
    }

    fn times(&mut self, object: &Object<'_>) -> Option<Times> {
        let wanted = "Give an object with at_least, at_most or exactly and a number.";
        let Some((word, value)) = self.one(object, "times", wanted)? else { return Some(Times::AtLeast(1)) };
        let times = value.as_u64().and_then(|times| u32::try_from(times).ok());
        let read = times.and_then(|times| match word {
            "at_least" => Some(Times::AtLeast(times)),
            "at_most" => Some(Times::AtMost(times)),
            "exactly" => Some(Times::Exactly(times)),
            _ => None,
        });
        read.or_else(|| self.refuse(format!("{}/times", object.pointer), wanted))
    }

    fn window(&mut self, object: &Object<'_>) -> Option<Window> {
        let wanted = "Give an object with last_days and a number, or with between and a list of two days.";
        let Some((word, value)) = self.one(object, "window", wanted)? else { return Some(Window::Ever) };
        let read = match word {
            "last_days" => value.as_u64().and_then(|days| u32::try_from(days).ok()).map(Window::LastDays),
            "between" => pair(Some(value), true, date).map(|(first, last)| Window::Between(first, last)),
            _ => None,
        };
        read.or_else(|| self.refuse(format!("{}/window", object.pointer), wanted))
    }
}

/// Two of a list of two, or twice the only one.
fn pair<T: Copy>(value: Option<&Value>, is_two: bool, read: impl Fn(&Value) -> Option<T>) -> Option<(T, T)> {
    match (value?, is_two) {
        (Value::Array(values), true) => match values.as_slice() {
            [first, second] => Some((read(first)?, read(second)?)),
            _ => None,
        },
        (value, false) => read(value).map(|one| (one, one)),
        (_, true) => None,
    }
}

fn number(value: &Value) -> Option<Number> {
    let Value::Number(number) = value else { return None };
    let whole = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
    whole.map(Number::Whole).or_else(|| Number::of_double(number.as_f64()?))
}

fn date(value: &Value) -> Option<Date> {
    dates::day(value.as_str()?)
}
