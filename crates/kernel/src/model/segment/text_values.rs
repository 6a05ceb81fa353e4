//! Reads the tests of values in the text form of a rule.

use jiff::civil::Date;

use crate::model::limits::RULE_LIST_MAX;

use super::dates::DateTest;
use super::number::{Number, NumberTest};
use super::test::{Test, TextOperator, TextTest};
use super::text::{Parser, Read};
use super::text_tokens::Token;

impl Parser {
    pub(super) fn two_days(&mut self) -> Read<(Date, Date)> {
        let first = self.day()?;
        self.word("and")?;
        Ok((first, self.day()?))
    }

    fn day(&mut self) -> Read<Date> {
        match *self.peek() {
            Token::Day(day) => {
                self.step();
                Ok(day)
            }
            _ => self.fail("a day as YYYY-MM-DD"),
        }
    }

    fn number(&mut self) -> Read<Number> {
        match *self.peek() {
            Token::Number(number) => {
                self.step();
                Ok(number)
            }
            _ => self.fail("a number"),
        }
    }

    pub(super) fn text(&mut self, expected: &str) -> Read<String> {
        match self.peek().clone() {
            Token::Text(text) => {
                self.step();
                Ok(text)
            }
            _ => self.fail(expected),
        }
    }

    pub(super) fn texts(&mut self) -> Read<Vec<String>> {
        self.sign("(")?;
        let mut texts = vec![self.text("a text between quotes")?];
        while self.took_sign(",") {
            if texts.len() == RULE_LIST_MAX {
                return self.fail(format!("{RULE_LIST_MAX} values at most"));
            }
            texts.push(self.text("a text between quotes")?);
        }
        if self.took_sign(")") { Ok(texts) } else { self.fail("`,` or `)`") }
    }

    pub(super) fn ignores_case(&mut self) -> Read<bool> {
        let ignores = self.took("ignoring");
        if ignores {
            self.word("case")?;
        }
        Ok(ignores)
    }

    fn text_test(&mut self, operator: impl FnOnce(String) -> TextOperator) -> Read<Test> {
        let operator = operator(self.text("a text between quotes")?);
        Ok(Test::Text(TextTest { operator, ignore_case: self.ignores_case()? }))
    }

    pub(super) fn test(&mut self) -> Read<Test> {
        let begin = self.next;
        let Token::Word(word) = self.peek().clone() else { return self.comparison() };
        self.step();
        match word.to_ascii_lowercase().as_str() {
            "exists" => Ok(Test::Exists),
            "does" => {
                self.word("not")?;
                let contains = self.is("contain");
                self.one_word(["exist", "contain"])?;
                if contains { self.text_test(TextOperator::ContainsNot) } else { Ok(Test::Absent) }
            }
            "contains" => self.text_test(TextOperator::Contains),
            "starts" => {
                self.word("with")?;
                self.text_test(TextOperator::StartsWith)
            }
            "ends" => {
                self.word("with")?;
                self.text_test(TextOperator::EndsWith)
            }
            "is" => self.is_test(),
            _ => {
                self.next = begin;
                self.stretch()
            }
        }
    }

    /// What may stand behind `is`: texts, numbers, truth values, and every date.
    fn is_test(&mut self) -> Read<Test> {
        let isnt = self.took("not");
        if self.took("one") {
            self.word("of")?;
            let texts = self.texts()?;
            let operator = if isnt { TextOperator::NoneOf(texts) } else { TextOperator::OneOf(texts) };
            return Ok(Test::Text(TextTest { operator, ignore_case: self.ignores_case()? }));
        }
        match self.peek().clone() {
            Token::Number(number) => {
                self.step();
                let test = if isnt { NumberTest::Differs(number) } else { NumberTest::Equals(number) };
                Ok(Test::Number(test))
            }
            Token::Word(word) if ["true", "false"].contains(&word.to_ascii_lowercase().as_str()) => {
                self.step();
                let word = word.to_ascii_lowercase();
                let operator = if isnt { TextOperator::IsNot(word) } else { TextOperator::Is(word) };
                Ok(Test::Text(TextTest { operator, ignore_case: false }))
            }
            Token::Text(_) if isnt => self.text_test(TextOperator::IsNot),
            Token::Text(_) => self.text_test(TextOperator::Is),
            Token::Word(_) if !isnt => self.stretch(),
            _ => self.fail("a text between quotes, a number, `one of`, or a test of a date such as `before`"),
        }
    }

    fn comparison(&mut self) -> Read<Test> {
        let Token::Sign(sign) = *self.peek() else {
            return self.fail("a test such as `is`, `>` or `exists`");
        };
        let test = match sign {
            "=" => NumberTest::Equals as fn(Number) -> NumberTest,
            "!=" => NumberTest::Differs,
            "<" => NumberTest::Below,
            "<=" => NumberTest::AtMost,
            ">" => NumberTest::Above,
            ">=" => NumberTest::AtLeast,
            _ => return self.fail("a test such as `is`, `>` or `exists`"),
        };
        self.step();
        Ok(Test::Number(test(self.number()?)))
    }

    /// Stretches of numbers and days.
    fn stretch(&mut self) -> Read<Test> {
        if self.took("between") {
            if let Token::Day(_) = self.peek() {
                let (first, last) = self.two_days()?;
                return Ok(Test::Date(DateTest::Between(first, last)));
            }
            let Token::Number(low) = *self.peek() else {
                return self.fail("a number, or a day as YYYY-MM-DD");
            };
            self.step();
            self.word("and")?;
            return Ok(Test::Number(NumberTest::Between(low, self.number()?)));
        }
        let test = if self.took("on") {
            DateTest::On(self.day()?)
        } else if self.took("before") {
            DateTest::Before(self.day()?)
        } else if self.took("after") {
            DateTest::After(self.day()?)
        } else if self.took("in") {
            self.word("the")?;
            let last = self.is("last");
            self.one_word(["last", "next"])?;
            let days = self.days()?;
            if last { DateTest::InLastDays(days) } else { DateTest::InNextDays(days) }
        } else if self.took("more") {
            self.word("than")?;
            let days = self.days()?;
            self.word("ago")?;
            DateTest::MoreThanDaysAgo(days)
        } else {
            return self.fail("a test such as `is`, `contains`, `between`, `before` or `exists`");
        };
        Ok(Test::Date(test))
    }
}
