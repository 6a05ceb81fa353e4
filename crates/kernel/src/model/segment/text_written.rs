//! Writes the text form of a rule.

use std::fmt::{self, Display, Formatter, Write};

use crate::model::event::EventKind;

use super::dates::DateTest;
use super::number::NumberTest;
use super::test::{Test, TextOperator, TextTest};
use super::text_tokens::is_bare;
use super::{
    CompanyTest, Condition, EventCondition, Field, Level, PageCondition, PropertyCondition, Rule, Times,
    Window,
};

/// The text form; [`Rule::parse`] reads it back.
impl Display for Rule {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Rule::All(rules) if rules.is_empty() => f.write_str("everyone"),
            Rule::Any(rules) if rules.is_empty() => f.write_str("nobody"),
            Rule::All(rules) => joined(f, rules, " and "),
            Rule::Any(rules) => joined(f, rules, " or "),
            Rule::Not(rule) => {
                f.write_str("not ")?;
                member(f, rule)
            }
            Rule::When(condition) => condition.fmt(f),
        }
    }
}

fn joined(f: &mut Formatter<'_>, rules: &[Rule], with: &str) -> fmt::Result {
    for (index, rule) in rules.iter().enumerate() {
        if index > 0 {
            f.write_str(with)?;
        }
        member(f, rule)?;
    }
    Ok(())
}

/// A rule inside another: groups stand in parentheses.
fn member(f: &mut Formatter<'_>, rule: &Rule) -> fmt::Result {
    match rule {
        Rule::All(rules) | Rule::Any(rules) if !rules.is_empty() => write!(f, "({rule})"),
        _ => rule.fmt(f),
    }
}

impl Display for Condition {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Condition::Property(property) => property.fmt(f),
            Condition::Company(CompanyTest::Exists) => f.write_str("company exists"),
            Condition::Company(CompanyTest::Is(id)) => {
                f.write_str("company is ")?;
                quoted(f, id, '"')
            }
            Condition::Company(CompanyTest::OneOf(ids)) => {
                f.write_str("company is one of ")?;
                list(f, ids)
            }
            Condition::Event(event) => event.fmt(f),
            Condition::Page(page) => page.fmt(f),
            Condition::Segment(id) => write!(f, "in segment {id}"),
        }
    }
}

impl Display for PropertyCondition {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.of == Level::Company {
            f.write_str("company.")?;
        }
        match (&self.field, self.field.auto_word()) {
            (Field::Named(property), _) => name(f, property)?,
            (_, word) => write!(f, "${}", word.unwrap_or_default())?,
        }
        f.write_char(' ')?;
        test(f, &self.test)
    }
}

impl Display for EventCondition {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let never = self.times == Times::Exactly(0);
        f.write_str(if never { "did not " } else { "did " })?;
        if self.event.kind != EventKind::Track {
            f.write_str(self.event.kind.as_str())?;
        }
        if self.event.kind == EventKind::Track || !self.event.name.is_empty() {
            if self.event.kind != EventKind::Track {
                f.write_char(' ')?;
            }
            quoted(f, &self.event.name, '"')?;
        }
        often(f, self.times, self.window)?;
        for (index, filter) in self.filters.iter().enumerate() {
            f.write_str(if index == 0 { " where (" } else { " and " })?;
            name(f, &filter.property)?;
            f.write_char(' ')?;
            test(f, &filter.test)?;
        }
        f.write_str(if self.filters.is_empty() { "" } else { ")" })
    }
}

impl Display for PageCondition {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let never = self.times == Times::Exactly(0);
        f.write_str(if never { "did not view page " } else { "viewed page " })?;
        write!(f, "{} ", self.part.as_str())?;
        text_test(f, &self.test)?;
        often(f, self.times, self.window)
    }
}

fn often(f: &mut Formatter<'_>, times: Times, window: Window) -> fmt::Result {
    let word = |times: u32| if times == 1 { "time" } else { "times" };
    match times {
        Times::AtLeast(1) | Times::Exactly(0) => {}
        Times::AtLeast(times) => write!(f, " at least {times} {}", word(times))?,
        Times::AtMost(times) => write!(f, " at most {times} {}", word(times))?,
        Times::Exactly(times) => write!(f, " exactly {times} {}", word(times))?,
    }
    match window {
        Window::Ever => Ok(()),
        Window::LastDays(days) => write!(f, " in the last {}", days_of(days)),
        Window::Between(first, last) => write!(f, " between {first} and {last}"),
    }
}

fn days_of(days: u32) -> String {
    format!("{days} {}", if days == 1 { "day" } else { "days" })
}

fn test(f: &mut Formatter<'_>, test: &Test) -> fmt::Result {
    match test {
        Test::Exists => f.write_str("exists"),
        Test::Absent => f.write_str("does not exist"),
        Test::Text(test) => text_test(f, test),
        Test::Number(test) => match test {
            NumberTest::Equals(number) => write!(f, "= {number}"),
            NumberTest::Differs(number) => write!(f, "!= {number}"),
            NumberTest::Below(number) => write!(f, "< {number}"),
            NumberTest::AtMost(number) => write!(f, "<= {number}"),
            NumberTest::Above(number) => write!(f, "> {number}"),
            NumberTest::AtLeast(number) => write!(f, ">= {number}"),
            NumberTest::Between(low, high) => write!(f, "between {low} and {high}"),
        },
        Test::Date(test) => match *test {
            DateTest::On(day) => write!(f, "on {day}"),
            DateTest::Before(day) => write!(f, "before {day}"),
            DateTest::After(day) => write!(f, "after {day}"),
            DateTest::Between(first, last) => write!(f, "between {first} and {last}"),
            DateTest::InLastDays(days) => write!(f, "in the last {}", days_of(days)),
            DateTest::InNextDays(days) => write!(f, "in the next {}", days_of(days)),
            DateTest::MoreThanDaysAgo(days) => write!(f, "more than {} ago", days_of(days)),
        },
    }
}

fn text_test(f: &mut Formatter<'_>, test: &TextTest) -> fmt::Result {
    let (operator, text) = match &test.operator {
        TextOperator::Is(text) => ("is ", Some(text)),
        TextOperator::IsNot(text) => ("is not ", Some(text)),
        TextOperator::Contains(text) => ("contains ", Some(text)),
        TextOperator::ContainsNot(text) => ("does not contain ", Some(text)),
        TextOperator::StartsWith(text) => ("starts with ", Some(text)),
        TextOperator::EndsWith(text) => ("ends with ", Some(text)),
        TextOperator::OneOf(_) => ("is one of ", None),
        TextOperator::NoneOf(_) => ("is not one of ", None),
    };
    f.write_str(operator)?;
    match (text, &test.operator) {
        (Some(text), _) => quoted(f, text, '"')?,
        (None, TextOperator::OneOf(texts) | TextOperator::NoneOf(texts)) => list(f, texts)?,
        (None, _) => {}
    }
    f.write_str(if test.ignore_case { " ignoring case" } else { "" })
}

fn list(f: &mut Formatter<'_>, texts: &[String]) -> fmt::Result {
    f.write_char('(')?;
    for (index, text) in texts.iter().enumerate() {
        f.write_str(if index == 0 { "" } else { ", " })?;
        quoted(f, text, '"')?;
    }
    f.write_char(')')
}

fn name(f: &mut Formatter<'_>, name: &str) -> fmt::Result {
    if is_bare(name) { f.write_str(name) } else { quoted(f, name, '`') }
}

fn quoted(f: &mut Formatter<'_>, text: &str, quote: char) -> fmt::Result {
    f.write_char(quote)?;
    for letter in text.chars() {
        if letter == quote || letter == '\\' {
            f.write_char('\\')?;
        }
        f.write_char(letter)?;
    }
    f.write_char(quote)
}
