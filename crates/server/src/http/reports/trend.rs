//! `POST /v1/reports/trend`: how much there was of something, interval by interval.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::Response;
use utoipa::ToSchema;

use muster_kernel::model::calendar::Buckets;
use muster_kernel::model::id::EnvironmentId;
use muster_kernel::model::limits::{BUCKETS_MAX, TREND_FORMULAS_MAX, TREND_SERIES_MAX};
use muster_kernel::model::report::formula::Formula;
use muster_kernel::model::report::trend::{
    TrendAnswer, TrendMeasure, TrendNumber, TrendQuestion, TrendSeries,
};
use muster_kernel::model::report::{Behind, Level, Pinned, Who};
use muster_kernel::ports::{Inquiry, Reports, StoreError};

use super::object::{Object, Reading};
use super::pattern::ConditionFields;
use super::people::{self, PeopleBody};
use super::question::{BreakdownFields, IntervalWord, LevelWord, RowFields, WhoFields};
use super::trend_body::AnswerBody;
use super::{Report, answered, unaskable};
use crate::http::caller::Read;
use crate::http::edge::Edge;
use crate::http::openapi::{EnvironmentHeader, PositionParameter, QuestionProblems};
use crate::http::questions::QuestionHeader;
use crate::http::reader::Reader;

/// How much was there?
#[derive(ToSchema)]
#[schema(as = TrendQuestion)]
#[expect(dead_code, reason = "describes what `read` reads")]
pub(super) struct QuestionFields {
    /// Whom it is about: `user` or `company`; `user` when absent.
    level: Option<LevelWord>,
    /// 1 to 10 series.
    series: Vec<SeriesFields>,
    /// Lines that are worked out from the series; 10 at most.
    formulas: Option<Vec<FormulaFields>>,
    /// From this time on, RFC 3339 or a date.
    from: Option<String>,
    /// Before this time; the end of today when absent.
    to: Option<String>,
    /// Instead of `from` and `to`: so many days of the calendar, today the last; 30 when nothing is said.
    last_days: Option<u32>,
    /// Where days begin: a name of the IANA time zone database; the environment's when absent.
    zone: Option<String>,
    /// What the time is cut into; days when absent.
    interval: Option<IntervalWord>,
    /// With `true`, as many whole intervals before the first one as well.
    previous: Option<bool>,
    /// Rows by the values of a property.
    breakdown: Option<BreakdownFields>,
    /// Rows of a series at most, beside `other`; 10 when absent, 1000 at most.
    groups: Option<u32>,
    /// Who takes part; everybody when absent.
    who: Option<WhoFields>,
}

/// A series: which events, and what is measured of them.
#[derive(ToSchema)]
#[schema(as = TrendSeriesQuestion)]
#[expect(dead_code, reason = "describes what `read` reads")]
struct SeriesFields {
    /// What the answer calls it; its letter when absent: A for the first.
    name: Option<String>,
    /// The name of an event.
    event: Option<String>,
    /// The type.
    r#type: Option<String>,
    /// Every active event.
    active: Option<bool>,
    /// What must hold for the event's properties.
    r#where: Option<Vec<ConditionFields>>,
    /// What is measured; `total` when absent.
    measure: Option<MeasureWord>,
    /// Of which property: for `sum`, `average`, `min`, `max` and `percentile`.
    property: Option<String>,
    /// Which percentile.
    #[schema(minimum = 1, maximum = 100)]
    percentile: Option<u32>,
}

/// What is measured. `dau`, `wau` and `mau` are the different users of the 1, 7 and 30 days of the calendar that end with
/// the interval. Where companies are asked about, `unique_users`, `per_user`, `dau`, `wau` and `mau` count them instead.
#[derive(ToSchema)]
#[schema(as = TrendMeasure, rename_all = "snake_case")]
#[expect(dead_code, reason = "describes what `read` reads")]
enum MeasureWord {
    Total,
    UniqueUsers,
    UniqueCompanies,
    PerUser,
    Dau,
    Wau,
    Mau,
    Sum,
    Average,
    Min,
    Max,
    Percentile,
}

/// A line that is worked out from series.
#[derive(ToSchema)]
#[schema(as = TrendFormulaQuestion)]
#[expect(dead_code, reason = "describes what `read` reads")]
struct FormulaFields {
    /// What the answer calls it; the formula itself when absent.
    name: Option<String>,
    /// Letters of series, numbers, `+ - * /` and parentheses; of a series its total row. Division by zero is null.
    #[schema(example = "A / B * 100")]
    formula: String,
}

/// A number of a trend, and which page of the people behind it.
#[derive(ToSchema)]
#[schema(as = TrendPeopleQuestion)]
#[expect(dead_code, reason = "describes what `people` reads")]
pub(super) struct PeopleFields {
    /// The trend.
    question: QuestionFields,
    /// Which number of its answer.
    number: NumberFields,
    /// `snapshot` of the answer: people agree with it as long as it is kept.
    snapshot: Option<String>,
    /// People on the page; 100 when absent, 1000 at most.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Which number of a trend.
#[derive(ToSchema)]
#[schema(as = TrendNumber)]
#[expect(dead_code, reason = "describes what `number` reads")]
struct NumberFields {
    /// The series, counted from 0.
    series: u32,
    /// The interval, counted from 0; all of them together when absent.
    interval: Option<u32>,
    /// In which row; `all` when absent.
    row: Option<RowFields>,
}

/// A trend, and what is said around its numbers.
pub(super) struct Trend {
    pub question: TrendQuestion,
    pub names: Vec<String>,
    pub formulas: Vec<(String, Formula)>,
    pub interval: IntervalWord,
    pub zone: String,
}

/// What a measure is before its intervals are known.
#[derive(Clone, Copy)]
enum Measured {
    Plain(fn() -> TrendMeasure),
    Days(u16),
    Of(fn(String) -> TrendMeasure),
    Percentile,
}

const MEASURES: [(&str, Measured); 12] = [
    ("total", Measured::Plain(|| TrendMeasure::Total)),
    ("unique_users", Measured::Plain(|| TrendMeasure::UniqueUsers)),
    ("unique_companies", Measured::Plain(|| TrendMeasure::UniqueCompanies)),
    ("per_user", Measured::Plain(|| TrendMeasure::PerUser)),
    ("dau", Measured::Days(1)),
    ("wau", Measured::Days(7)),
    ("mau", Measured::Days(30)),
    ("sum", Measured::Of(TrendMeasure::Sum)),
    ("average", Measured::Of(TrendMeasure::Average)),
    ("min", Measured::Of(TrendMeasure::Min)),
    ("max", Measured::Of(TrendMeasure::Max)),
    ("percentile", Measured::Percentile),
];

/// The time of a trend, cut.
struct Cut {
    buckets: Buckets,
    previous: Option<Buckets>,
    interval: IntervalWord,
    zone: (jiff::tz::TimeZone, String),
}

impl Report for Trend {
    type Answer = TrendAnswer;
    type Body = AnswerBody;
    type Number = TrendNumber;

    fn read(reading: &mut Reading, object: &mut Object<'_>) -> Option<Self> {
        let level = reading.level(object);
        let cut = cut(reading, object);
        let items = reading.list(object, "series", 1..=TREND_SERIES_MAX);
        let count = items.as_ref().map_or(TREND_SERIES_MAX, Vec::len);
        let mut letters = 'A'..='Z';
        let series = items.and_then(|items| {
            reading.each(items, |reading, object| {
                let letter = letters.next().unwrap_or('Z').to_string();
                series(reading, object, letter, cut.as_ref())
            })
        });
        let formulas = formulas(reading, object, count);
        let breakdown = reading.breakdown(object, level.unwrap_or(Level::User));
        let who = reading.who(object, level.unwrap_or(Level::User));
        let Cut { buckets, previous, interval, zone } = cut?;
        let (names, series) = series?.into_iter().unzip();
        let (breakdown, groups_max) = breakdown?;
        let (level, who) = (level?, who?);
        let question = TrendQuestion { level, series, buckets, previous, breakdown, groups_max, who };
        let trend = Trend { question, names, formulas: formulas?, interval, zone: zone.1 };
        match trend.question.check() {
            Ok(()) => Some(trend),
            Err(_) => unaskable(reading, object, "The trend is beyond a limit; ask for less."),
        }
    }

    fn number(&self, reading: &mut Reading, object: &mut Object<'_>) -> Option<TrendNumber> {
        let series = reading.number(object, "series", 0..=self.question.series.len() - 1, None);
        let last = self.question.buckets.count() - 1;
        let interval = reading.optional_number(object, "interval", 0..=last);
        let row = reading.row(object);
        Some(TrendNumber { series: series?, interval: interval?, row: row? })
    }

    fn who_mut(&mut self) -> &mut Who {
        &mut self.question.who
    }

    fn ask(
        &self,
        reports: &dyn Reports,
        environment: EnvironmentId,
        inquiry: &Inquiry,
    ) -> Result<Pinned<TrendAnswer>, StoreError> {
        reports.trend(environment, &self.question, inquiry)
    }

    fn body(&self, answer: TrendAnswer, snapshot: Option<String>) -> AnswerBody {
        AnswerBody::new(self, answer, snapshot)
    }

    fn behind<'a>(&'a self, number: &'a TrendNumber) -> Behind<'a> {
        Behind::Trend(&self.question, number)
    }
}

fn cut(reading: &mut Reading, object: &mut Object<'_>) -> Option<Cut> {
    let interval = reading.interval(object, "interval", Some(IntervalWord::Day));
    let wants_previous = reading.flag(object, "previous");
    let time = reading.time(object)?;
    let (interval, wants_previous) = (interval?, wants_previous?);
    let (each, zone) = (interval.interval(), time.zone);
    let found = Buckets::cut(time.span, each, &zone.0).and_then(|buckets| {
        let before = buckets.starts().first().map(|start| start.plus(-1)).filter(|_| wants_previous);
        let previous = before.map(|last| Buckets::recent(last, buckets.count(), each, &zone.0));
        Ok((buckets, previous.transpose()?))
    });
    match found {
        Ok((buckets, previous)) => Some(Cut { buckets, previous, interval, zone }),
        Err(_) => {
            let message = format!(
                "That is more than {BUCKETS_MAX} intervals, or beyond the calendar; ask for a shorter time or longer \
                 intervals."
            );
            reading.refuse(object.at("interval"), message)
        }
    }
}

/// A series and what it is called.
fn series(
    reading: &mut Reading,
    object: &mut Object<'_>,
    letter: String,
    cut: Option<&Cut>,
) -> Option<(String, TrendSeries)> {
    let name = reading.optional_text(object, "name");
    let pattern = reading.pattern(object);
    let (_, total) = MEASURES[0];
    let measured = reading.word(object, "measure", &MEASURES, Some(total));
    let property = reading.optional_text(object, "property");
    let percentile = reading.optional_number(object, "percentile", 1..=100);
    let (measured, property, percentile) = (measured?, property?, percentile?);
    if let Some(property) = &property {
        reading.check_shown(property, &object.at("property"));
    }
    let measure = match (measured, property, percentile) {
        (Measured::Plain(measure), None, None) => measure(),
        (Measured::Of(measure), Some(property), None) => measure(property),
        (Measured::Percentile, Some(property), Some(percent)) => {
            TrendMeasure::Percentile(property, u8::try_from(percent).unwrap_or(100))
        }
        (Measured::Days(days), None, None) => match trailing(days, cut?) {
            Some(measure) => measure,
            None => return reading.refuse(object.at("measure"), "That is beyond the calendar."),
        },
        (Measured::Plain(_) | Measured::Days(_), _, _) => {
            let message = "This measure is of no property; leave `property` and `percentile` out.";
            return reading.refuse(object.at("measure"), message);
        }
        (Measured::Of(_), _, _) => {
            return reading.refuse(object.at("property"), "Send `property`, and no `percentile`.");
        }
        (Measured::Percentile, _, _) => {
            return reading.refuse(object.at("percentile"), "Send `property` and `percentile`.");
        }
    };
    Some((name?.unwrap_or(letter), TrendSeries { pattern: pattern?, measure }))
}

fn trailing(days: u16, cut: &Cut) -> Option<TrendMeasure> {
    let of = |buckets: &Buckets| buckets.trailing(days, &cut.zone.0).ok();
    let previous = match &cut.previous {
        Some(previous) => of(previous)?,
        None => Vec::new(),
    };
    Some(TrendMeasure::Trailing { spans: of(&cut.buckets)?, previous })
}

fn formulas(reading: &mut Reading, object: &mut Object<'_>, series: usize) -> Option<Vec<(String, Formula)>> {
    let items = reading.list(object, "formulas", 0..=TREND_FORMULAS_MAX)?;
    reading.each(items, |reading, object| {
        let name = reading.optional_text(object, "name");
        let text = reading.text(object, "formula")?;
        match Formula::parse(&text, series) {
            Ok(formula) => Some((name?.unwrap_or(text), formula)),
            Err(fault) => {
                reading.refuse(object.at("formula"), format!("The formula cannot be read at {fault}."))
            }
        }
    })
}

/// Ask for a trend.
#[utoipa::path(
    post,
    path = "/v1/reports/trend",
    operation_id = "ask_trend",
    tag = "Reports",
    params(PositionParameter, QuestionHeader, EnvironmentHeader),
    request_body = QuestionFields,
    responses((status = 200, description = "How much there was", body = AnswerBody), QuestionProblems),
    security(("api_key" = ["read"]), ("session" = [])),
)]
pub(in crate::http) async fn post(
    State(edge): State<Arc<Edge>>,
    reader: Reader<Read>,
    call: Request<Body>,
) -> Response {
    let outcome = answered::<Trend>(&edge, &reader, call).await;
    reader.answer(outcome)
}

/// Ask who is behind a number of a trend: the different users of the events that it counts.
#[utoipa::path(
    post,
    path = "/v1/reports/trend/people",
    operation_id = "ask_trend_people",
    tag = "Reports",
    params(PositionParameter, EnvironmentHeader),
    request_body = PeopleFields,
    responses((status = 200, description = "The people behind it", body = PeopleBody), QuestionProblems),
    security(("api_key" = ["read"]), ("session" = [])),
)]
pub(in crate::http) async fn people(
    State(edge): State<Arc<Edge>>,
    reader: Reader<Read>,
    call: Request<Body>,
) -> Response {
    let outcome = people::answered::<Trend>(&edge, &reader, call).await;
    reader.answer(outcome)
}
