//! Trends: how much there was of something, interval by interval.
//!
//! A series counts the events that its pattern means and whose time lies in the span of the intervals, also those about
//! nobody unless only some users are asked for; what is said of users is said of events about one. About companies it counts
//! the events that belong to one, and different companies wherever a measure counts different users. A *number* of an
//! event is a property that is a JSON number, or a string that reads as one; other events have none. So that a sum does
//! not depend on the order in which it is made, each number is taken down to a whole multiple of 2⁻⁴⁰ first, and those
//! that are not smaller than 2⁶⁴ on either side take no part in sums and averages. Percentiles are those of the numbers with
//! the eleven leading bits of each, which makes them less than 0.1 % too near to zero.

use super::super::calendar::{Buckets, Span};
use super::super::history::ReadableType;
use super::super::limits::TREND_SERIES_MAX;
use super::super::time::Timestamp;
use super::super::value::{OwnedValue, Value};
use super::{About, Breakdown, Level, Pattern, Row, Then, Unaskable, Who, check_groups, refuse_if, then_of};

/// What is measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrendMeasure {
    /// Events.
    Total,
    /// Different users, or companies.
    UniqueUsers,
    /// Different companies that events name.
    UniqueCompanies,
    /// Events about a user by different users (a company's by companies); nothing where there are none.
    PerUser,
    /// For each interval the different users (companies) in a span of its own that ends with it ([`Buckets::trailing`]): those
    /// active in a day, a week or a month up to then.
    Trailing {
        /// One for each interval.
        spans: Vec<Span>,
        /// As many for the previous period, if that is asked for.
        previous: Vec<Span>,
    },
    /// The sum of a number.
    Sum(String),
    /// Its average; nothing where there is no number.
    Average(String),
    /// The smallest.
    Min(String),
    /// The largest.
    Max(String),
    /// A percentile, of 1 to 100.
    Percentile(String, u8),
}

impl TrendMeasure {
    /// The property whose numbers are asked for.
    pub fn property(&self) -> Option<&str> {
        match self {
            TrendMeasure::Sum(name)
            | TrendMeasure::Average(name)
            | TrendMeasure::Min(name)
            | TrendMeasure::Max(name)
            | TrendMeasure::Percentile(name, _) => Some(name),
            _ => None,
        }
    }

    /// Whether it is asked of users, or companies, so that events of none have no part.
    pub fn is_of_users(&self) -> bool {
        matches!(self, TrendMeasure::UniqueUsers | TrendMeasure::PerUser | TrendMeasure::Trailing { .. })
    }
}

/// One line of a trend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrendSeries {
    /// Of which events.
    pub pattern: Pattern,
    /// What is measured.
    pub measure: TrendMeasure,
}

/// How much was there?
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrendQuestion {
    /// Whose events, and who is told apart.
    pub level: Level,
    /// The lines.
    pub series: Vec<TrendSeries>,
    /// The intervals.
    pub buckets: Buckets,
    /// As many intervals before them, to compare with.
    pub previous: Option<Buckets>,
    /// Rows for each value, if asked for.
    pub breakdown: Option<Breakdown>,
    /// Rows of a series at most, beside `other`: those with the most events.
    pub groups_max: usize,
    /// Whose events.
    pub who: Who,
}

impl TrendQuestion {
    /// Whom it is about.
    pub fn about(&self) -> About<'_> {
        About { level: self.level, who: &self.who, breakdown: self.breakdown.as_ref() }
    }

    /// What it asks of users as they were.
    pub fn then(&self) -> Then<'_> {
        let trailing = |series: &TrendSeries| match &series.measure {
            TrendMeasure::Trailing { spans, previous } => {
                spans.first().into_iter().chain(previous.first()).map(|span| span.from).min()
            }
            _ => None,
        };
        let before = self.previous.as_ref().map(|previous| previous.span().from);
        let earlier = self.series.iter().filter_map(trailing).chain(before);
        let from = earlier.fold(self.buckets.span().from, Timestamp::min);
        then_of(self.breakdown.as_ref(), self.series.iter().map(|series| &series.pattern), from)
    }

    /// # Errors
    /// When a limit is broken.
    pub fn check(&self) -> Result<(), Unaskable> {
        let intervals = self.buckets.count();
        let differs = self.previous.as_ref().is_some_and(|previous| previous.count() != intervals);
        let is_wrong = |series: &TrendSeries| match &series.measure {
            TrendMeasure::Percentile(_, percent) => !(1..=100).contains(percent),
            TrendMeasure::Trailing { spans, previous } => {
                let before = if self.previous.is_some() { intervals } else { 0 };
                !are_trailing(spans, intervals) || !are_trailing(previous, before)
            }
            _ => false,
        };
        let is_wrong = differs
            || !(1..=TREND_SERIES_MAX).contains(&self.series.len())
            || self.series.iter().any(is_wrong);
        refuse_if(is_wrong, Unaskable::Series)?;
        self.series.iter().try_for_each(|series| series.pattern.check())?;
        self.about().check()?;
        check_groups(self.groups_max)
    }
}

/// Whether these are so many spans whose beginnings and ends ascend.
fn are_trailing(spans: &[Span], count: usize) -> bool {
    let ascends = |pair: &[Span]| pair[0].from <= pair[1].from && pair[0].until <= pair[1].until;
    spans.len() == count && spans.windows(2).all(ascends)
}

/// One row of a series. Counts are whole numbers; `None` is where there is nothing to say, such as an average of
/// nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TrendRow {
    /// For each interval.
    pub values: Vec<Option<f64>>,
    /// For all intervals together: of users, each once.
    pub whole: Option<f64>,
}

/// One line. Of events, sums, and users by their own properties, `groups` and `other` add up to `total`; of users and companies
/// by a property of events they may be more, for one may be in many groups.
#[derive(Clone, Debug, PartialEq)]
pub struct TrendLine {
    /// All events.
    pub total: TrendRow,
    /// All events of the previous period.
    pub previous: Option<TrendRow>,
    /// With a breakdown: the groups with the most events, in their order.
    pub groups: Vec<(Option<OwnedValue>, TrendRow)>,
    /// The events of all other groups, if there are more.
    pub other: Option<TrendRow>,
    /// How many groups `other` is.
    pub groups_left_out: u64,
}

/// How much there was: one line for each series.
#[derive(Clone, Debug, PartialEq)]
pub struct TrendAnswer {
    /// In the order of the question.
    pub lines: Vec<TrendLine>,
}

/// Which number of a trend. The people behind it are the different users of the events that it counts: of those that
/// name a company where companies are counted, and of those with a number where numbers are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrendNumber {
    /// The series, counted from 0.
    pub series: usize,
    /// The interval; all of them together when there is none.
    pub interval: Option<usize>,
    /// In which row.
    pub row: Row,
}

impl TrendNumber {
    /// # Errors
    /// When the question has no such series or interval.
    pub fn check(&self, question: &TrendQuestion) -> Result<(), Unaskable> {
        let has_interval = self.interval.is_none_or(|interval| interval < question.buckets.count());
        refuse_if(self.series >= question.series.len() || !has_interval, Unaskable::Number)
    }
}

/// The number that a value is.
#[expect(clippy::cast_precision_loss, reason = "the nearest double is what is promised")]
pub fn number_of(value: Value<'_>) -> Option<f64> {
    match value {
        Value::Int(number) => Some(number as f64),
        Value::UInt(number) => Some(number as f64),
        Value::Float(number) => Some(number),
        Value::Text(text) if ReadableType::of(value) == ReadableType::NumericText => text.parse().ok(),
        _ => None,
    }
}

/// 2⁴⁰.
const UNIT: f64 = 1_099_511_627_776.0;
/// 2⁶⁴.
const LARGE: f64 = 18_446_744_073_709_551_616.0;

/// A number as what sums are made of; `None` when it takes no part.
#[expect(clippy::cast_possible_truncation, reason = "that is how it is taken down")]
pub fn summand(number: f64) -> Option<i128> {
    (number.abs() < LARGE).then_some((number * UNIT) as i128)
}

/// The number that a sum of [`summand`]s is.
#[expect(clippy::cast_precision_loss, reason = "the nearest double is what is promised")]
pub fn sum_of(summands: i128) -> f64 {
    summands as f64 / UNIT
}

/// A number with its eleven leading bits.
pub fn leading(number: f64) -> f64 {
    f64::from_bits(number.to_bits() & (u64::MAX << 42))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_from_what_reads_as_one() {
        let values = [
            (Value::Int(-3), Some(-3.0)),
            (Value::UInt(u64::MAX), Some(LARGE)),
            (Value::Text("1.5"), Some(1.5)),
            (Value::Text("inf"), None),
            (Value::Text("x"), None),
            (Value::Bool(true), None),
            (Value::Null, None),
        ];
        for (value, number) in values {
            assert_eq!(number_of(value), number, "{value:?}");
        }
    }

    #[test]
    fn sums_do_not_depend_on_order_and_lose_little() {
        let numbers = [0.1, 1e15, -1e15, 0.2, 1e-9, 1e18];
        let sum = |numbers: &[f64]| sum_of(numbers.iter().filter_map(|number| summand(*number)).sum());
        let mut turned = numbers;
        turned.reverse();
        assert_eq!(sum(&numbers).to_bits(), sum(&turned).to_bits());
        assert!((sum(&numbers[..5]) - 0.300_000_001).abs() < 1e-11);
        assert_eq!((summand(LARGE), summand(-LARGE), summand(1.0)), (None, None, Some(1 << 40)));
        assert_eq!((leading(1.0), leading(-1.5), leading(0.0)), (1.0, -1.5, 0.0));
        assert!(leading(1234.5) <= 1234.5 && leading(1234.5) > 1233.0);
    }
}
