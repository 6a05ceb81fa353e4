//! Formulas over the series of a trend: `A / B * 100`.
//!
//! A letter is a series by its place: A is the first. Numbers, `+`, `-`, `*`, `/` and parentheses mean what they mean
//! everywhere, `*` and `/` before `+` and `-`, from left to right. Where a series has nothing to say, or something is divided
//! by zero, the formula has nothing to say either.

use std::fmt;

use super::super::limits::{FORMULA_CHARS_MAX, TREND_SERIES_MAX};

/// Parentheses and signs within each other that are read.
const NESTING_MAX: usize = 32;

/// A formula that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Formula(Term);

#[derive(Clone, Debug, PartialEq)]
enum Term {
    Number(f64),
    Series(usize),
    Negative(Box<Term>),
    Of(Sign, Box<(Term, Term)>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    Plus,
    Minus,
    Times,
    By,
}

/// Where a text is no formula, and what would be one there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormulaFault {
    /// The column, from 1 on, in characters.
    pub column: usize,
    /// What was expected.
    pub expected: String,
}

impl fmt::Display for FormulaFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "column {}: expected {}", self.column, self.expected)
    }
}

impl Formula {
    /// Reads a formula over so many series.
    ///
    /// # Errors
    /// The first place where it is none.
    pub fn parse(text: &str, series: usize) -> Result<Formula, FormulaFault> {
        let chars: Vec<char> = text.chars().collect();
        let mut parser = Parser { chars: &chars, next: 0, nesting: 0, series: series.min(TREND_SERIES_MAX) };
        if chars.len() > FORMULA_CHARS_MAX {
            parser.next = FORMULA_CHARS_MAX;
            return Err(parser.fault(format!("{FORMULA_CHARS_MAX} characters at most")));
        }
        let term = parser.sum()?;
        match parser.peek() {
            None => Ok(Formula(term)),
            Some(_) => Err(parser.fault("`+`, `-`, `*`, `/` or the end")),
        }
    }

    /// What it comes to, when `value` answers what the series do.
    pub fn value(&self, value: impl Fn(usize) -> Option<f64>) -> Option<f64> {
        self.0.value(&value)
    }
}

impl Term {
    fn value(&self, of: &dyn Fn(usize) -> Option<f64>) -> Option<f64> {
        let value = match self {
            Term::Number(number) => *number,
            Term::Series(series) => of(*series)?,
            Term::Negative(term) => -term.value(of)?,
            Term::Of(sign, terms) => {
                let (left, right) = (terms.0.value(of)?, terms.1.value(of)?);
                match sign {
                    Sign::Plus => left + right,
                    Sign::Minus => left - right,
                    Sign::Times => left * right,
                    Sign::By => left / right,
                }
            }
        };
        // Also what grew beyond all numbers.
        Some(value).filter(|value| value.is_finite())
    }
}

struct Parser<'t> {
    chars: &'t [char],
    next: usize,
    nesting: usize,
    series: usize,
}

impl Parser<'_> {
    fn fault(&self, expected: impl Into<String>) -> FormulaFault {
        FormulaFault { column: self.next + 1, expected: expected.into() }
    }

    /// The next sign that is no space.
    fn peek(&mut self) -> Option<char> {
        while self.chars.get(self.next).is_some_and(|next| next.is_whitespace()) {
            self.next += 1;
        }
        self.chars.get(self.next).copied()
    }

    fn sum(&mut self) -> Result<Term, FormulaFault> {
        let mut left = self.product()?;
        loop {
            let sign = match self.peek() {
                Some('+') => Sign::Plus,
                Some('-') => Sign::Minus,
                _ => return Ok(left),
            };
            self.next += 1;
            left = Term::Of(sign, Box::new((left, self.product()?)));
        }
    }

    fn product(&mut self) -> Result<Term, FormulaFault> {
        let mut left = self.factor()?;
        loop {
            let sign = match self.peek() {
                Some('*') => Sign::Times,
                Some('/') => Sign::By,
                _ => return Ok(left),
            };
            self.next += 1;
            left = Term::Of(sign, Box::new((left, self.factor()?)));
        }
    }

    fn factor(&mut self) -> Result<Term, FormulaFault> {
        let next = self.peek();
        if matches!(next, Some('(' | '-')) {
            if self.nesting == NESTING_MAX {
                return Err(
                    self.fault(format!("{NESTING_MAX} parentheses and signs within each other at most"))
                );
            }
            self.nesting += 1;
        }
        match next {
            Some('-') => {
                self.next += 1;
                let term = self.factor()?;
                self.nesting -= 1;
                Ok(Term::Negative(Box::new(term)))
            }
            Some('(') => {
                self.next += 1;
                let term = self.sum()?;
                if self.peek() != Some(')') {
                    return Err(self.fault("`)`"));
                }
                self.next += 1;
                self.nesting -= 1;
                Ok(term)
            }
            Some(digit) if digit.is_ascii_digit() || digit == '.' => self.number(),
            Some(letter) => self.letter(letter),
            None => Err(self.fault("a letter of a series, a number or `(`")),
        }
    }

    fn number(&mut self) -> Result<Term, FormulaFault> {
        let rest = &self.chars[self.next..];
        let is_part = |part: &&char| part.is_ascii_digit() || **part == '.';
        let text: String = rest.iter().take_while(is_part).collect();
        let number: f64 = text.parse().map_err(|_| self.fault("a number"))?;
        self.next += text.chars().count();
        Ok(Term::Number(number))
    }

    fn letter(&mut self, letter: char) -> Result<Term, FormulaFault> {
        let place = ('A'..='Z').position(|known| known == letter.to_ascii_uppercase());
        match place.filter(|place| *place < self.series) {
            Some(place) => {
                self.next += 1;
                Ok(Term::Series(place))
            }
            None => {
                let last = ('A'..='Z').nth(self.series.saturating_sub(1)).unwrap_or('A');
                Err(self.fault(format!("a letter of a series (A to {last}), a number or `(`")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Option<f64> {
        let of = [Some(6.0), Some(4.0), None, Some(0.0)];
        Formula::parse(text, 4).unwrap().value(|series| of[series])
    }

    #[test]
    fn formulas_come_to_what_they_say() {
        for (text, expected) in [
            ("A", Some(6.0)),
            ("A / B * 100", Some(150.0)),
            ("a-b-1", Some(1.0)),
            ("2 + 3 * A", Some(20.0)),
            ("(2+3)*A", Some(30.0)),
            ("-(A - B) * -.5", Some(1.0)),
            ("A + C", None),
            ("A / D", None),
            ("D / D", None),
            ("A / (B - 4)", None),
            ("0 * C", None),
        ] {
            assert_eq!(value(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_formula_is_told_with_its_column() {
        for (text, column) in [
            ("", 1),
            ("A +", 4),
            ("A B", 3),
            ("E", 1),
            ("(A", 3),
            ("A * % B", 5),
            ("1.2.3", 1),
            ("A)", 2),
            (&"(".repeat(40), NESTING_MAX + 1),
            (&"1".repeat(FORMULA_CHARS_MAX + 1), FORMULA_CHARS_MAX + 1),
        ] {
            assert_eq!(Formula::parse(text, 4).unwrap_err().column, column, "{text}");
        }
    }
}
