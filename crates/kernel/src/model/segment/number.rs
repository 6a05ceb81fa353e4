//! Numbers as people compare them: exactly, whichever of JSON's kinds they were sent as.

use std::cmp::Ordering;
use std::fmt;

use crate::model::history::reads_as_number;
use crate::model::value::Value;

/// A number, exactly. A whole one is the same whether it was sent as an integer or as a decimal (`3`, `3.0`, `"3"`).
#[derive(Clone, Copy, Debug)]
pub enum Number {
    /// A whole number from `i64::MIN` to `u64::MAX`.
    Whole(i128),
    /// Any other double; finite, and never a whole number of that range.
    Decimal(f64),
}

/// The whole numbers that JSON's integers reach, as doubles: both are powers of two.
const WHOLE_FROM: f64 = -9_223_372_036_854_775_808.0;
const WHOLE_UNTIL: f64 = 18_446_744_073_709_551_616.0;

impl Number {
    /// A double; `None` when it is not finite.
    pub fn of_double(double: f64) -> Option<Number> {
        let is_whole = double.fract() == 0.0 && (WHOLE_FROM..WHOLE_UNTIL).contains(&double);
        #[expect(clippy::cast_possible_truncation, reason = "a whole number of some 64 bits")]
        let number = if is_whole { Number::Whole(double as i128) } else { Number::Decimal(double) };
        double.is_finite().then_some(number)
    }

    /// What a text reads as, with an optional sign, point and exponent; no white space, no separators.
    pub fn parse(text: &str) -> Option<Number> {
        if !reads_as_number(text) {
            return None;
        }
        let whole = text.parse::<i64>().map(i128::from).or_else(|_| text.parse::<u64>().map(i128::from));
        match whole {
            Ok(whole) => Some(Number::Whole(whole)),
            Err(_) => Number::of_double(text.parse().ok()?),
        }
    }

    /// What a value of the declared type Numeric reads as: any number, and a string that is one.
    pub fn of_value(value: Value<'_>) -> Option<Number> {
        match value {
            Value::Int(number) => Some(Number::Whole(number.into())),
            Value::UInt(number) => Some(Number::Whole(number.into())),
            Value::Float(number) => Number::of_double(number),
            Value::Text(text) => Number::parse(text),
            Value::Null | Value::Bool(_) | Value::Json(_) => None,
        }
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Number::Whole(a), Number::Whole(b)) => a.cmp(b),
            (Number::Decimal(a), Number::Decimal(b)) => a.total_cmp(b),
            (Number::Whole(a), Number::Decimal(b)) => whole_to_decimal(*a, *b),
            (Number::Decimal(a), Number::Whole(b)) => whole_to_decimal(*b, *a).reverse(),
        }
    }
}

fn whole_to_decimal(whole: i128, decimal: f64) -> Ordering {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "beyond its range a cast stops at the ends, as it should"
    )]
    let below = decimal.floor() as i128;
    // A decimal is never whole within the range of whole numbers: equal to its floor means less than it.
    if whole <= below { Ordering::Less } else { Ordering::Greater }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Number {}

/// The shortest text that reads back as the same number.
impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Number::Whole(whole) => whole.fmt(f),
            // The form with an exponent where the digits would be many.
            Number::Decimal(double) => write!(f, "{double:?}"),
        }
    }
}

/// What a number must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberTest {
    /// The same.
    Equals(Number),
    /// Another one, or none: the opposite of [`NumberTest::Equals`].
    Differs(Number),
    /// Less.
    Below(Number),
    /// Less or the same.
    AtMost(Number),
    /// More.
    Above(Number),
    /// More or the same.
    AtLeast(Number),
    /// From the first to the second, both included.
    Between(Number, Number),
}

impl NumberTest {
    /// Whether a number passes.
    pub fn holds(&self, number: Number) -> bool {
        match *self {
            NumberTest::Equals(wanted) => number == wanted,
            NumberTest::Differs(wanted) => number != wanted,
            NumberTest::Below(limit) => number < limit,
            NumberTest::AtMost(limit) => number <= limit,
            NumberTest::Above(limit) => number > limit,
            NumberTest::AtLeast(limit) => number >= limit,
            NumberTest::Between(low, high) => low <= number && number <= high,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_compare_exactly_whatever_they_were_sent_as() {
        let ascending = [
            Value::Float(-1e300),
            Value::Int(i64::MIN),
            Value::Int(-1),
            Value::Float(-0.5),
            Value::Int(0),
            Value::Text("0.5"),
            Value::Int(9_007_199_254_740_992),
            Value::Text("9007199254740993"),
            Value::UInt(u64::MAX),
            Value::Float(18_446_744_073_709_551_616.0),
            Value::Text("1e300"),
        ];
        let numbers = ascending.map(|value| Number::of_value(value).unwrap());
        for (index, number) in numbers.iter().enumerate() {
            for (other, wanted) in numbers.iter().enumerate() {
                assert_eq!(number.cmp(wanted), index.cmp(&other), "{number} and {wanted}");
            }
            assert_eq!(Number::parse(&number.to_string()), Some(*number), "{number}");
        }
        for same in
            [Value::Int(3), Value::Float(3.0), Value::Text("3"), Value::Text("+3.00"), Value::Text("3e0")]
        {
            assert_eq!(Number::of_value(same), Some(Number::Whole(3)), "{same:?}");
        }
        assert_eq!(Number::of_value(Value::Float(-0.0)), Some(Number::Whole(0)));
        for none in
            [Value::Bool(true), Value::Text(""), Value::Text(" 3"), Value::Text("inf"), Value::Json("[3]")]
        {
            assert_eq!(Number::of_value(none), None, "{none:?}");
        }
    }
}
