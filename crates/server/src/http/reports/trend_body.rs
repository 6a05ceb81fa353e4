//! How a trend is answered.

use serde::{Serialize, Serializer};
use serde_json::Value as Json;
use utoipa::ToSchema;

use muster_kernel::model::report::trend::{TrendAnswer, TrendLine, TrendRow};

use super::question::IntervalWord;
use super::trend::Trend;
use crate::http::answer::Instant;
use crate::http::event_names::shown;

/// How much there was.
#[derive(Serialize, ToSchema)]
#[schema(as = TrendAnswer)]
pub(super) struct AnswerBody {
    /// What the time is cut into.
    interval: IntervalWord,
    /// The time zone in which intervals begin.
    zone: String,
    /// When each interval begins. Only what lies in the time asked for is counted.
    #[schema(value_type = Vec<Instant>)]
    starts: Vec<Instant>,
    /// When each interval of the previous period begins; null when it was not asked for.
    #[schema(value_type = Option<Vec<Instant>>, required = true)]
    previous_starts: Option<Vec<Instant>>,
    /// In the order of the question.
    series: Vec<LineBody>,
    /// In the order of the question.
    formulas: Vec<FormulaBody>,
    /// The state that this is of, for the people behind a number; null when it is too large to be kept.
    #[schema(required = true)]
    snapshot: Option<String>,
}

/// A series.
#[derive(Serialize, ToSchema)]
#[schema(as = TrendSeries)]
struct LineBody {
    /// Its name, or its letter.
    name: String,
    /// All events.
    total: RowBody,
    /// All events of the previous period; null when it was not asked for.
    #[schema(required = true)]
    previous: Option<RowBody>,
    /// The groups with the most events, in their order.
    groups: Vec<GroupBody>,
    /// The events of all other groups, if there are more.
    #[schema(required = true)]
    other: Option<RowBody>,
    /// How many groups `other` is.
    groups_left_out: u64,
}

/// A row of numbers.
#[derive(Serialize, ToSchema)]
#[schema(as = TrendRow)]
struct RowBody {
    /// For each interval; null where there is nothing to say.
    #[schema(value_type = Vec<Option<f64>>)]
    values: Vec<Number>,
    /// For all intervals together: of users, each once.
    #[schema(value_type = Option<f64>, required = true)]
    whole: Number,
}

/// A row of numbers and the value that it is of.
#[derive(Serialize, ToSchema)]
#[schema(as = TrendGroup)]
struct GroupBody {
    /// The value of the property; null for what lacks it.
    #[schema(required = true)]
    value: Option<Json>,
    /// For each interval; null where there is nothing to say.
    #[schema(value_type = Vec<Option<f64>>)]
    values: Vec<Number>,
    /// For all intervals together.
    #[schema(value_type = Option<f64>, required = true)]
    whole: Number,
}

/// A line that was worked out.
#[derive(Serialize, ToSchema)]
#[schema(as = TrendFormula)]
struct FormulaBody {
    /// Its name, or the formula.
    name: String,
    /// For each interval; null where there is nothing to say.
    #[schema(value_type = Vec<Option<f64>>)]
    values: Vec<Number>,
    /// Of what the series are for all intervals together.
    #[schema(value_type = Option<f64>, required = true)]
    whole: Number,
}

/// A number, which is written without a fraction when it has none.
#[derive(Clone, Copy)]
struct Number(Option<f64>);

/// Up to here every whole number is a double.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

impl Serialize for Number {
    #[expect(clippy::cast_possible_truncation, reason = "it is whole and small enough")]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            None => serializer.serialize_none(),
            Some(number) if number.fract() == 0.0 && number.abs() < WHOLE_MAX => {
                serializer.serialize_i64(number as i64)
            }
            Some(number) => serializer.serialize_f64(number),
        }
    }
}

impl From<TrendRow> for RowBody {
    fn from(row: TrendRow) -> Self {
        RowBody { values: row.values.into_iter().map(Number).collect(), whole: Number(row.whole) }
    }
}

impl AnswerBody {
    /// The answer to a question.
    pub(super) fn new(asked: &Trend, answer: TrendAnswer, snapshot: Option<String>) -> Self {
        let starts = |starts: &[_]| starts.iter().map(|start| Instant(*start)).collect();
        let formulas = asked.formulas.iter().map(|(name, formula)| {
            let of = |value: &dyn Fn(&TrendRow) -> Option<f64>| {
                Number(formula.value(|series| value(&answer.lines.get(series)?.total)))
            };
            let count = asked.question.buckets.count();
            let values =
                (0..count).map(|interval| of(&|row| row.values.get(interval).copied().flatten())).collect();
            FormulaBody { name: name.clone(), values, whole: of(&|row| row.whole) }
        });
        AnswerBody {
            interval: asked.interval,
            zone: asked.zone.clone(),
            starts: starts(asked.question.buckets.starts()),
            previous_starts: asked.question.previous.as_ref().map(|previous| starts(previous.starts())),
            formulas: formulas.collect(),
            series: asked.names.iter().cloned().zip(answer.lines).map(LineBody::from).collect(),
            snapshot,
        }
    }
}

impl From<(String, TrendLine)> for LineBody {
    fn from((name, line): (String, TrendLine)) -> Self {
        let group = |(value, row): (Option<_>, TrendRow)| {
            let RowBody { values, whole } = RowBody::from(row);
            GroupBody { value: value.as_ref().map(shown), values, whole }
        };
        LineBody {
            name,
            total: line.total.into(),
            previous: line.previous.map(RowBody::from),
            groups: line.groups.into_iter().map(group).collect(),
            other: line.other.map(RowBody::from),
            groups_left_out: line.groups_left_out,
        }
    }
}
