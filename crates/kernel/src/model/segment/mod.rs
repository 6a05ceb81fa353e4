//! A segment: a rule that says who belongs to it, or a list of those who do.
//!
//! A rule is a tree of plain values with one JSON form ([`json`]), one text form that people read and write ([`text`]),
//! and one meaning ([`meaning`]), all described in docs/SEGMENTS.md. It depends on nothing that may change: each test of
//! a property carries the type that it was written with, and no clock and no zone is in it.
//!
//! Nothing here knows an engine. An engine may answer from columns, but it answers what [`meaning`] says.

pub mod dates;
pub mod json;
mod json_written;
pub mod listed;
pub mod meaning;
pub mod number;
pub mod question;
pub mod references;
pub mod saved;
pub mod test;
#[cfg(test)]
mod tests;
pub mod text;
mod text_tokens;
mod text_values;
mod text_written;

use std::collections::BTreeMap;

use super::history::EventName;
use super::id::SegmentId;
use super::limits::{
    RULE_CONDITIONS_MAX, RULE_DAYS_MAX, RULE_DEPTH_MAX, RULE_LIST_MAX, RULE_TIMES_MAX, RULE_VALUE_CHARS_MAX,
};
use super::problem::{Problem, ProblemCode};
pub use dates::{DateTest, Moment};
use jiff::civil::Date;
pub use number::{Number, NumberTest};
use serde::{Deserialize, Serialize};
pub use test::{Test, TextOperator, TextTest};

/// Whose segment, and whose property.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// A user's.
    User,
    /// A company's; of a user: the company that the user belongs to now.
    Company,
}

/// Who belongs to a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// All of these hold. Never one alone; none at all is everybody.
    All(Vec<Rule>),
    /// At least one of these holds. Never one alone; none at all is nobody.
    Any(Vec<Rule>),
    /// This does not hold.
    Not(Box<Rule>),
    /// A condition holds.
    When(Condition),
}

/// What can be asked of a user or a company.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Of a property of the user or the company.
    Property(PropertyCondition),
    /// Of the user's company; in a segment of companies: of the company itself.
    Company(CompanyTest),
    /// Of what the user did; in a segment of companies: of what those did who belong to it now.
    Event(EventCondition),
    /// Of the pages that were viewed.
    Page(PageCondition),
    /// Belongs to another segment of the same level.
    Segment(SegmentId),
}

/// A test of one property.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PropertyCondition {
    /// Whose property.
    pub of: Level,
    /// Which one.
    pub field: Field,
    /// What it must be.
    pub test: Test,
}

/// A property that was sent, or one that every profile has.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    /// The property of this name, as it was sent.
    Named(String),
    /// The id.
    Id,
    /// When the subject was first seen.
    FirstSeen,
    /// When the subject was last seen.
    LastSeen,
}

impl Field {
    /// The fields that every profile has.
    pub const AUTO: [Field; 3] = [Field::Id, Field::FirstSeen, Field::LastSeen];

    /// The word of a field that every profile has, in JSON and, behind a `$`, in text.
    pub fn auto_word(&self) -> Option<&'static str> {
        match self {
            Field::Named(_) => None,
            Field::Id => Some("id"),
            Field::FirstSeen => Some("first_seen"),
            Field::LastSeen => Some("last_seen"),
        }
    }
}

/// What the company must be. Ids are compared as they were sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CompanyTest {
    /// This one.
    Is(String),
    /// One of these.
    OneOf(Vec<String>),
    /// There is one.
    Exists,
}

/// How often something happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventCondition {
    /// What.
    pub event: EventName,
    /// How often.
    pub times: Times,
    /// When.
    pub window: Window,
    /// Only events for which all of these hold. An event whose value cannot be read as the test's type is none of them.
    pub filters: Vec<EventFilter>,
}

/// A test of one of an event's own properties.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventFilter {
    /// The property.
    pub property: String,
    /// What it must be.
    pub test: Test,
}

/// How often a page was viewed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageCondition {
    /// What of the page is looked at.
    pub part: PagePart,
    /// What it must be.
    pub test: TextTest,
    /// How often.
    pub times: Times,
    /// When.
    pub window: Window,
}

/// What a page is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PagePart {
    /// The event's `url`; where there is none, its `hostname` and `pathname` together.
    Url,
    /// The event's `pathname`, or its `path`, or the path of its `url`.
    Path,
}

/// How often; never happened counts as zero times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// As often or more often.
    AtLeast(u32),
    /// As often or less often, also not at all.
    AtMost(u32),
    /// Just so often.
    Exactly(u32),
}

impl Times {
    /// Whether `count` times is so often.
    pub fn holds(self, count: u64) -> bool {
        match self {
            Times::AtLeast(times) => count >= u64::from(times),
            Times::AtMost(times) => count <= u64::from(times),
            Times::Exactly(times) => count == u64::from(times),
        }
    }

    /// The number.
    pub fn number(self) -> u32 {
        let (Times::AtLeast(times) | Times::AtMost(times) | Times::Exactly(times)) = self;
        times
    }
}

/// When an event must have happened to be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// At any time.
    Ever,
    /// Not longer ago than so many times 24 hours.
    LastDays(u32),
    /// From the beginning of a calendar day to the end of another, in the environment's zone.
    Between(Date, Date),
}

/// A segment as rules refer to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Whose segment it is.
    pub level: Level,
    /// Who belongs to it.
    pub members: Members,
}

/// Who belongs to a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Members {
    /// Those for whom a rule holds.
    Rule(Rule),
    /// These ids.
    Listed(listed::Ids),
}

/// The segments that a rule may refer to. Nobody belongs to one that is not there.
pub type Definitions = BTreeMap<SegmentId, Definition>;

impl Rule {
    /// The rule without groups of one, which mean what their only member means.
    #[must_use]
    pub fn plain(self) -> Rule {
        let each = |rules: Vec<Rule>| rules.into_iter().map(Rule::plain).collect::<Vec<_>>();
        let alone = |rules: &mut Vec<Rule>| if rules.len() == 1 { rules.pop() } else { None };
        match self {
            Rule::All(rules) => {
                let mut rules = each(rules);
                alone(&mut rules).unwrap_or(Rule::All(rules))
            }
            Rule::Any(rules) => {
                let mut rules = each(rules);
                alone(&mut rules).unwrap_or(Rule::Any(rules))
            }
            Rule::Not(rule) => Rule::Not(Box::new(rule.plain())),
            Rule::When(condition) => Rule::When(condition),
        }
    }

    /// What a segment of this level cannot have of it: limits that it breaks, and properties that there are none of.
    /// Pointers are into its JSON form.
    pub fn problems(&self, level: Level) -> Vec<Problem> {
        let mut check = Check { level, conditions: 0, problems: Vec::new() };
        check.rule(self, "", 1);
        if check.conditions > RULE_CONDITIONS_MAX {
            let message = format!(
                "The rule has {} conditions, and {RULE_CONDITIONS_MAX} at most are allowed; put some into a segment of \
                 their own.",
                check.conditions
            );
            check.refuse("", message);
        }
        check.problems
    }

    /// Shows every condition.
    pub fn each_condition<'a>(&'a self, see: &mut dyn FnMut(&'a Condition)) {
        match self {
            Rule::All(rules) | Rule::Any(rules) => rules.iter().for_each(|rule| rule.each_condition(see)),
            Rule::Not(rule) => rule.each_condition(see),
            Rule::When(condition) => see(condition),
        }
    }
}

struct Check {
    level: Level,
    conditions: usize,
    problems: Vec<Problem>,
}

impl Check {
    fn refuse(&mut self, pointer: &str, message: impl Into<String>) {
        self.problems.push(Problem::at(pointer, ProblemCode::RuleInvalid, message));
    }

    fn rule(&mut self, rule: &Rule, pointer: &str, depth: usize) {
        if depth > RULE_DEPTH_MAX {
            let message = format!(
                "Groups stand {RULE_DEPTH_MAX} deep at most; put what is deeper into a segment of its own."
            );
            return self.refuse(pointer, message);
        }
        match rule {
            Rule::All(rules) => self.each(rules, &format!("{pointer}/all"), depth),
            Rule::Any(rules) => self.each(rules, &format!("{pointer}/any"), depth),
            Rule::Not(rule) => self.rule(rule, &format!("{pointer}/not"), depth + 1),
            Rule::When(condition) => self.condition(condition, pointer),
        }
    }

    fn each(&mut self, rules: &[Rule], pointer: &str, depth: usize) {
        for (index, rule) in rules.iter().enumerate() {
            self.rule(rule, &format!("{pointer}/{index}"), depth + 1);
        }
    }

    fn condition(&mut self, condition: &Condition, pointer: &str) {
        self.conditions += 1;
        match condition {
            Condition::Property(PropertyCondition { of, field, test }) => {
                if *of == Level::User && self.level == Level::Company {
                    self.refuse(
                        &format!("{pointer}/of"),
                        "A segment of companies has no user's properties; ask for the company's.",
                    );
                }
                let suits = match field {
                    Field::Named(_) => true,
                    Field::Id => matches!(test, Test::Text(_)),
                    Field::FirstSeen | Field::LastSeen => {
                        matches!(test, Test::Date(_) | Test::Exists | Test::Absent)
                    }
                };
                if !suits {
                    let message = "An id is tested as a string; first_seen and last_seen as dates.";
                    self.refuse(&format!("{pointer}/type"), message);
                }
                self.test(test, pointer);
            }
            Condition::Company(CompanyTest::OneOf(ids)) => self.list(ids, pointer),
            Condition::Company(CompanyTest::Is(_) | CompanyTest::Exists) | Condition::Segment(_) => {}
            Condition::Event(event) => {
                self.often(event.times, event.window, pointer);
                for (index, filter) in event.filters.iter().enumerate() {
                    self.conditions += 1;
                    self.test(&filter.test, &format!("{pointer}/where/{index}"));
                }
            }
            Condition::Page(page) => {
                self.often(page.times, page.window, pointer);
                self.text(&page.test, pointer);
            }
        }
    }

    fn often(&mut self, times: Times, window: Window, pointer: &str) {
        if times.number() > RULE_TIMES_MAX {
            self.refuse(&format!("{pointer}/times"), format!("Ask for {RULE_TIMES_MAX} times at most."));
        }
        let pointer = format!("{pointer}/window");
        match window {
            Window::LastDays(days) => self.days(days, &pointer),
            Window::Between(first, last) => self.order(first <= last, &pointer),
            Window::Ever => {}
        }
    }

    fn days(&mut self, days: u32, pointer: &str) {
        if days > RULE_DAYS_MAX {
            self.refuse(pointer, format!("Ask for {RULE_DAYS_MAX} days at most."));
        }
    }

    fn order(&mut self, ascends: bool, pointer: &str) {
        if !ascends {
            self.refuse(pointer, "The first of the two must not be behind the second; swap them.");
        }
    }

    fn test(&mut self, test: &Test, pointer: &str) {
        let value = format!("{pointer}/value");
        match test {
            Test::Exists | Test::Absent => {}
            Test::Text(test) => self.text(test, pointer),
            Test::Number(NumberTest::Between(low, high)) => self.order(low <= high, &value),
            Test::Number(_) => {}
            Test::Date(DateTest::Between(first, last)) => self.order(first <= last, &value),
            Test::Date(
                DateTest::InLastDays(days) | DateTest::InNextDays(days) | DateTest::MoreThanDaysAgo(days),
            ) => self.days(*days, &value),
            Test::Date(DateTest::On(_) | DateTest::Before(_) | DateTest::After(_)) => {}
        }
    }

    fn text(&mut self, test: &TextTest, pointer: &str) {
        match &test.operator {
            TextOperator::OneOf(values) | TextOperator::NoneOf(values) => self.list(values, pointer),
            other => self.length(other.value(), &format!("{pointer}/value")),
        }
    }

    fn list(&mut self, values: &[String], pointer: &str) {
        let pointer = format!("{pointer}/value");
        if values.is_empty() || values.len() > RULE_LIST_MAX {
            self.refuse(&pointer, format!("A list has between 1 and {RULE_LIST_MAX} values."));
        }
        for (index, value) in values.iter().enumerate() {
            self.length(value, &format!("{pointer}/{index}"));
        }
    }

    fn length(&mut self, value: &str, pointer: &str) {
        if value.chars().count() > RULE_VALUE_CHARS_MAX {
            self.refuse(pointer, format!("A value has {RULE_VALUE_CHARS_MAX} characters at most."));
        }
    }
}
