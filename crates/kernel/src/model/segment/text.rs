//! The text form of a rule (docs/SEGMENTS.md): what people read and write.
//!
//! `plan is "pro" and did "Report exported" at least 3 times in the last 30 days and not (company.mrr < 100)`
//!
//! `and` binds closer than `or`, `not` closest. Whether a property is tested as a string, a number or a date is said by
//! the value that it is compared with. Words of the language may be written in capitals.

use std::fmt;

use crate::model::event::EventKind;
use crate::model::history::EventName;
use crate::model::id::{self, SegmentId};
use crate::model::limits::RULE_TEXT_CHARS_MAX;

use super::json::KINDS;
use super::number::Number;
use super::test::{Test, TextOperator, TextTest};
use super::text_tokens::{Placed, Token, is_bare, tokens};
use super::{
    CompanyTest, Condition, EventCondition, EventFilter, Field, Level, PageCondition, PagePart,
    PropertyCondition, Rule, Times, Window,
};

/// Parentheses and negations within each other that are read; the rule's own limit is told with better words.
const NESTING_MAX: usize = 64;

/// Where a text is no rule, and what would be one there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextFault {
    /// The column, from 1 on, in characters of the whole text.
    pub column: usize,
    /// What was expected.
    pub expected: String,
    /// What stands there; nothing at the end of the text.
    pub found: String,
}

impl fmt::Display for TextFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "column {}: expected {}, found ", self.column, self.expected)?;
        if self.found.is_empty() { f.write_str("the end") } else { f.write_str(&self.found) }
    }
}

impl Rule {
    /// Reads the text form.
    ///
    /// # Errors
    /// The first place where it is none.
    pub fn parse(text: &str) -> Result<Rule, TextFault> {
        if text.chars().count() > RULE_TEXT_CHARS_MAX {
            let expected = format!("{RULE_TEXT_CHARS_MAX} characters at most");
            return Err(TextFault { column: RULE_TEXT_CHARS_MAX + 1, expected, found: "more".to_owned() });
        }
        let mut parser = Parser { tokens: tokens(text)?, next: 0, nesting: 0 };
        let rule = parser.any()?;
        match parser.peek() {
            Token::End => Ok(rule.plain()),
            _ => parser.fail("`and`, `or` or the end"),
        }
    }
}

pub(super) type Read<T> = Result<T, TextFault>;

pub(super) struct Parser {
    tokens: Vec<Placed>,
    pub(super) next: usize,
    nesting: usize,
}

impl Parser {
    fn place(&self) -> &Placed {
        // There is always the end.
        &self.tokens[self.next.min(self.tokens.len() - 1)]
    }

    pub(super) fn peek(&self) -> &Token {
        &self.place().token
    }

    pub(super) fn step(&mut self) -> Token {
        let token = self.peek().clone();
        self.next += 1;
        token
    }

    pub(super) fn fail<T>(&self, expected: impl Into<String>) -> Read<T> {
        let place = self.place();
        Err(TextFault { column: place.column, expected: expected.into(), found: place.written.clone() })
    }

    pub(super) fn is(&self, word: &str) -> bool {
        matches!(self.peek(), Token::Word(found) if found.eq_ignore_ascii_case(word))
    }

    /// Steps over a word if it is there.
    pub(super) fn took(&mut self, word: &str) -> bool {
        let is = self.is(word);
        self.next += usize::from(is);
        is
    }

    pub(super) fn took_sign(&mut self, sign: &str) -> bool {
        let is = matches!(self.peek(), Token::Sign(found) if *found == sign);
        self.next += usize::from(is);
        is
    }

    pub(super) fn word(&mut self, word: &str) -> Read<()> {
        if self.took(word) { Ok(()) } else { self.fail(format!("`{word}`")) }
    }

    pub(super) fn one_word(&mut self, words: [&str; 2]) -> Read<()> {
        if words.into_iter().any(|word| self.took(word)) {
            return Ok(());
        }
        self.fail(format!("`{}` or `{}`", words[0], words[1]))
    }

    pub(super) fn sign(&mut self, sign: &str) -> Read<()> {
        if self.took_sign(sign) { Ok(()) } else { self.fail(format!("`{sign}`")) }
    }

    fn any(&mut self) -> Read<Rule> {
        let mut rules = vec![self.all()?];
        while self.took("or") {
            rules.push(self.all()?);
        }
        Ok(group(rules, Rule::Any))
    }

    fn all(&mut self) -> Read<Rule> {
        let mut rules = vec![self.one()?];
        while self.took("and") {
            rules.push(self.one()?);
        }
        Ok(group(rules, Rule::All))
    }

    fn one(&mut self) -> Read<Rule> {
        self.nesting += 1;
        if self.nesting > NESTING_MAX {
            return self.fail("fewer parentheses within each other");
        }
        let rule = if self.took("not") {
            Rule::Not(Box::new(self.one()?))
        } else if self.took_sign("(") {
            let rule = self.any()?;
            self.sign(")")?;
            rule
        } else if self.took("everyone") {
            Rule::All(Vec::new())
        } else if self.took("nobody") {
            Rule::Any(Vec::new())
        } else {
            self.condition()?
        };
        self.nesting -= 1;
        Ok(rule)
    }

    fn condition(&mut self) -> Read<Rule> {
        if self.took("in") {
            self.word("segment")?;
            let id = SegmentId(self.count("the number of a segment")?);
            return Ok(Rule::When(Condition::Segment(id)));
        }
        if self.took("did") {
            let never = self.took("not");
            return match never && self.took("view") {
                true => self.page(never),
                false => self.event(never),
            };
        }
        if self.took("viewed") {
            return self.page(false);
        }
        if self.took("company") {
            return match self.took_sign(".") {
                true => self.property(Level::Company),
                false => self.company(),
            };
        }
        self.property(Level::User)
    }

    fn company(&mut self) -> Read<Rule> {
        let when = |test| Rule::When(Condition::Company(test));
        if self.took("exists") {
            return Ok(when(CompanyTest::Exists));
        }
        if self.took("does") {
            self.word("not")?;
            self.word("exist")?;
            return Ok(Rule::Not(Box::new(when(CompanyTest::Exists))));
        }
        if !self.took("is") {
            return self.fail("`is`, `exists`, `does not exist`, or a point and a property of the company");
        }
        let isnt = self.took("not");
        let column = self.next;
        let test = match self.took("one") {
            true => {
                self.word("of")?;
                CompanyTest::OneOf(self.texts()?)
            }
            false => CompanyTest::Is(self.text("the id of a company between quotes")?),
        };
        let is_id = |text: &String| id::check(text).is_ok();
        let sound = match &test {
            CompanyTest::Is(id) => is_id(id),
            CompanyTest::OneOf(ids) => ids.iter().all(is_id),
            CompanyTest::Exists => true,
        };
        if !sound {
            self.next = column;
            return self.fail("ids of 1 to 255 bytes with a visible character");
        }
        Ok(if isnt { Rule::Not(Box::new(when(test))) } else { when(test) })
    }

    fn property(&mut self, of: Level) -> Read<Rule> {
        let field = match self.peek().clone() {
            Token::Auto(word) => {
                let known = Field::AUTO.into_iter().find(|field| field.auto_word() == Some(word.as_str()));
                match known {
                    Some(field) => field,
                    None => return self.fail("`$id`, `$first_seen` or `$last_seen`"),
                }
            }
            Token::Name(name) if !name.is_empty() => Field::Named(name),
            Token::Word(name) if is_bare(&name) => Field::Named(name),
            _ => {
                return self
                    .fail("a condition: a property, `company`, `did`, `viewed`, `in segment`, `not` or `(`");
            }
        };
        self.step();
        let test = self.test()?;
        Ok(Rule::When(Condition::Property(PropertyCondition { of, field, test })))
    }

    fn event(&mut self, never: bool) -> Read<Rule> {
        let kind = KINDS.into_iter().find(|kind| *kind != EventKind::Track && self.is(kind.as_str()));
        self.next += usize::from(kind.is_some());
        let name = match (self.peek().clone(), kind) {
            (Token::Text(name), _) if !name.is_empty() => {
                self.step();
                name
            }
            (_, Some(_)) => String::new(),
            _ => return self.fail("the name of an event between quotes, or a kind such as `session_start`"),
        };
        let event = EventName { kind: kind.unwrap_or(EventKind::Track), name };
        let (times, window) = self.often(never)?;
        let filters = if self.took("where") { self.filters()? } else { Vec::new() };
        Ok(Rule::When(Condition::Event(EventCondition { event, times, window, filters })))
    }

    fn filters(&mut self) -> Read<Vec<EventFilter>> {
        self.sign("(")?;
        let mut filters = Vec::new();
        loop {
            let property = match self.step() {
                Token::Name(name) if !name.is_empty() => name,
                Token::Word(name) if is_bare(&name) => name,
                _ => {
                    self.next -= 1;
                    return self.fail("a property of the event");
                }
            };
            filters.push(EventFilter { property, test: self.test()? });
            if !self.took("and") {
                break;
            }
        }
        if self.took_sign(")") { Ok(filters) } else { self.fail("`and` or `)`") }
    }

    fn page(&mut self, never: bool) -> Read<Rule> {
        self.word("page")?;
        let part = if self.took("url") {
            PagePart::Url
        } else {
            self.took("path");
            PagePart::Path
        };
        let test = match self.peek().clone() {
            Token::Text(text) => {
                self.step();
                TextTest { operator: TextOperator::Is(text), ignore_case: self.ignores_case()? }
            }
            _ => match self.test()? {
                Test::Text(test) => test,
                _ => {
                    self.next -= 1;
                    return self.fail("a test of a text");
                }
            },
        };
        let (times, window) = self.often(never)?;
        Ok(Rule::When(Condition::Page(PageCondition { part, test, times, window })))
    }

    fn often(&mut self, never: bool) -> Read<(Times, Window)> {
        let times = if never {
            Times::Exactly(0)
        } else if self.took("at") {
            let at_least = self.is("least");
            self.one_word(["least", "most"])?;
            let times = self.times()?;
            if at_least { Times::AtLeast(times) } else { Times::AtMost(times) }
        } else if self.took("exactly") {
            Times::Exactly(self.times()?)
        } else {
            Times::AtLeast(1)
        };
        let window = if self.took("in") {
            self.word("the")?;
            self.word("last")?;
            Window::LastDays(self.days()?)
        } else if self.took("between") {
            let (first, last) = self.two_days()?;
            Window::Between(first, last)
        } else {
            self.took("ever");
            Window::Ever
        };
        Ok((times, window))
    }

    fn times(&mut self) -> Read<u32> {
        let times = self.count("a number of times")?;
        self.one_word(["times", "time"])?;
        Ok(times)
    }

    pub(super) fn days(&mut self) -> Read<u32> {
        let days = self.count("a number of days")?;
        self.one_word(["days", "day"])?;
        Ok(days)
    }

    fn count(&mut self, expected: &str) -> Read<u32> {
        if let Token::Number(Number::Whole(whole)) = self.peek()
            && let Ok(count) = u32::try_from(*whole)
        {
            self.step();
            return Ok(count);
        }
        self.fail(expected)
    }
}

fn group(mut rules: Vec<Rule>, of: fn(Vec<Rule>) -> Rule) -> Rule {
    if rules.len() == 1 { rules.swap_remove(0) } else { of(rules) }
}
