//! Tests of one value, by the type that the property was declared as when the rule was written.
//!
//! - **String**: any value, as the API gives it back: `true`, `12`, `1.5`; an object or array as its JSON text. Texts
//!   are compared byte by byte as they were sent; *ignoring case* compares both in small letters (of every alphabet).
//! - **Numeric**: numbers, and strings that are one; compared exactly ([`super::number`]).
//! - **Date**: calendar days of the environment's zone ([`super::dates`]).
//!
//! A value that cannot be read as the type is a *conflict*: the test neither holds nor does not. Without a value a
//! test does not hold, but for those that say *not*: they are opposites, and hold whenever the other does not.

use std::borrow::Cow;

use crate::model::time::Timestamp;
use crate::model::value::Value;

use super::dates::{DateTest, Dated, Days, Moment};
use super::number::{Number, NumberTest};

/// What a property must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// It has a value, whatever that reads as.
    Exists,
    /// It has none.
    Absent,
    /// Declared String.
    Text(TextTest),
    /// Declared Numeric.
    Number(NumberTest),
    /// Declared Date.
    Date(DateTest),
}

/// What a text must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextTest {
    /// The comparison and what with.
    pub operator: TextOperator,
    /// Whether case does not matter.
    pub ignore_case: bool,
}

/// How texts are compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextOperator {
    /// The same.
    Is(String),
    /// Not the same: the opposite of [`TextOperator::Is`].
    IsNot(String),
    /// Holds it somewhere.
    Contains(String),
    /// Holds it nowhere: the opposite of [`TextOperator::Contains`].
    ContainsNot(String),
    /// Begins with it.
    StartsWith(String),
    /// Ends with it.
    EndsWith(String),
    /// The same as one of these.
    OneOf(Vec<String>),
    /// The same as none of these: the opposite of [`TextOperator::OneOf`].
    NoneOf(Vec<String>),
}

impl TextOperator {
    /// The text that it compares with; empty for lists.
    pub fn value(&self) -> &str {
        match self {
            TextOperator::Is(text)
            | TextOperator::IsNot(text)
            | TextOperator::Contains(text)
            | TextOperator::ContainsNot(text)
            | TextOperator::StartsWith(text)
            | TextOperator::EndsWith(text) => text,
            TextOperator::OneOf(_) | TextOperator::NoneOf(_) => "",
        }
    }

    fn is_negative(&self) -> bool {
        matches!(self, TextOperator::IsNot(_) | TextOperator::ContainsNot(_) | TextOperator::NoneOf(_))
    }
}

/// Whether something holds. *And* takes the smallest of these, *or* the largest, *not* swaps the ends: what a conflict
/// cannot change is decided in spite of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Truth {
    /// It does not.
    No,
    /// A value cannot be read as its declared type, and the answer depends on it. Nobody is a member by that.
    Conflict,
    /// It does.
    Yes,
}

impl Truth {
    /// Of something that is certain.
    pub fn of(holds: bool) -> Truth {
        if holds { Truth::Yes } else { Truth::No }
    }

    /// The opposite.
    #[must_use]
    pub fn opposite(self) -> Truth {
        match self {
            Truth::No => Truth::Yes,
            Truth::Conflict => Truth::Conflict,
            Truth::Yes => Truth::No,
        }
    }
}

/// What stands where a test looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found<'a> {
    /// A value that was sent. Null is none.
    Value(Value<'a>),
    /// An instant that the profile keeps.
    At(Timestamp),
}

/// A test as of a moment: what does not depend on the value is worked out once.
#[derive(Clone, Debug)]
pub struct Ready<'t> {
    test: &'t Test,
    /// The texts in small letters, where case does not matter.
    texts: Vec<Cow<'t, str>>,
    days: Option<Days>,
}

impl Test {
    /// The test as of a moment.
    pub fn at(&self, moment: &Moment) -> Ready<'_> {
        let texts = if let Test::Text(test) = self { test.wanted() } else { Vec::new() };
        let days = if let Test::Date(test) = self { Some(moment.passing(test)) } else { None };
        Ready { test: self, texts, days }
    }
}

impl TextTest {
    fn wanted(&self) -> Vec<Cow<'_, str>> {
        let texts: &[String] = match &self.operator {
            TextOperator::OneOf(texts) | TextOperator::NoneOf(texts) => texts,
            TextOperator::Is(text)
            | TextOperator::IsNot(text)
            | TextOperator::Contains(text)
            | TextOperator::ContainsNot(text)
            | TextOperator::StartsWith(text)
            | TextOperator::EndsWith(text) => std::slice::from_ref(text),
        };
        texts.iter().map(|text| self.folded(text)).collect()
    }

    fn folded<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.ignore_case { Cow::Owned(text.to_lowercase()) } else { Cow::Borrowed(text) }
    }

    fn passes(&self, text: &str, wanted: &[Cow<'_, str>]) -> bool {
        let text = self.folded(text);
        let any = |compare: &dyn Fn(&str) -> bool| wanted.iter().any(|wanted| compare(wanted));
        let found = match &self.operator {
            TextOperator::Contains(_) | TextOperator::ContainsNot(_) => any(&|part| text.contains(part)),
            TextOperator::StartsWith(_) => any(&|start| text.starts_with(start)),
            TextOperator::EndsWith(_) => any(&|end| text.ends_with(end)),
            TextOperator::Is(_)
            | TextOperator::IsNot(_)
            | TextOperator::OneOf(_)
            | TextOperator::NoneOf(_) => any(&|same| text == same),
        };
        found != self.operator.is_negative()
    }

    /// Whether a text passes; `None` is no text.
    pub fn holds(&self, text: Option<&str>) -> bool {
        text.map_or(self.operator.is_negative(), |text| self.passes(text, &self.wanted()))
    }
}

/// A value as a String property shows it: as the API gives it back, without quotes.
pub fn shown(value: Value<'_>) -> Cow<'_, str> {
    match value {
        Value::Text(text) | Value::Json(text) => Cow::Borrowed(text),
        other => Cow::Owned(serde_json::to_string(&other).unwrap_or_default()),
    }
}

impl Ready<'_> {
    /// Whether what was found passes.
    pub fn holds(&self, found: Option<Found<'_>>) -> Truth {
        let found = found.filter(|found| *found != Found::Value(Value::Null));
        match (self.test, found) {
            (Test::Exists, found) => Truth::of(found.is_some()),
            (Test::Absent, found) => Truth::of(found.is_none()),
            (Test::Text(test), None) => Truth::of(test.operator.is_negative()),
            (Test::Number(test), None) => Truth::of(matches!(test, NumberTest::Differs(_))),
            (Test::Date(_), None) => Truth::No,
            (Test::Text(test), Some(Found::Value(value))) => {
                Truth::of(test.passes(&shown(value), &self.texts))
            }
            (Test::Text(test), Some(Found::At(at))) => Truth::of(test.passes(&at.to_string(), &self.texts)),
            (Test::Number(test), Some(Found::Value(value))) => match Number::of_value(value) {
                Some(number) => Truth::of(test.holds(number)),
                None => Truth::Conflict,
            },
            (Test::Number(_), Some(Found::At(_))) => Truth::Conflict,
            (Test::Date(_), Some(Found::Value(value))) => match Dated::of_value(value) {
                Some(dated) => self.is_passing_day(dated),
                None => Truth::Conflict,
            },
            (Test::Date(_), Some(Found::At(at))) => self.is_passing_day(Dated::At(at)),
        }
    }

    fn is_passing_day(&self, dated: Dated) -> Truth {
        Truth::of(self.days.is_some_and(|days| days.contain(dated)))
    }

    /// From which instant on, and until before which, an instant passes; `None` for tests of other types.
    pub fn instants(&self) -> Option<(Timestamp, Timestamp)> {
        self.days.map(|days| days.instants())
    }
}
