//! `POST /v1/reports/retention`: who comes back, and how long after they began.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use muster_kernel::model::calendar::Buckets;
use muster_kernel::model::id::EnvironmentId;
use muster_kernel::model::limits::RETENTION_INTERVALS_MAX;
use muster_kernel::model::report::retention::{
    Cohorts, RetentionAnswer, RetentionNumber, RetentionQuestion, Returned,
};
use muster_kernel::model::report::{Behind, Level, Pinned, Who};
use muster_kernel::ports::{Inquiry, Reports, StoreError};

use super::object::{Object, Reading};
use super::pattern::PatternFields;
use super::people::{self, PeopleBody};
use super::question::{IntervalWord, LevelWord, WhoFields};
use super::{Report, answered, unaskable};
use crate::http::answer::Instant;
use crate::http::caller::Read;
use crate::http::edge::Edge;
use crate::http::openapi::{EnvironmentHeader, PositionParameter, QuestionProblems};
use crate::http::questions::QuestionHeader;
use crate::http::reader::Reader;

/// Who comes back?
#[derive(ToSchema)]
#[schema(as = RetentionQuestion)]
#[expect(dead_code, reason = "describes what `read` reads")]
pub(super) struct QuestionFields {
    /// Whom it is about: `user` or `company`; `user` when absent.
    level: Option<LevelWord>,
    /// What begins.
    start: PatternFields,
    /// What is coming back.
    returning: PatternFields,
    /// So many intervals, the present one the last; instead of `from`, `to` and `last_days`.
    #[schema(minimum = 1, maximum = 366)]
    intervals: Option<u32>,
    /// From this time on, RFC 3339 or a date.
    from: Option<String>,
    /// Before this time; the end of today when absent.
    to: Option<String>,
    /// So many days of the calendar, today the last.
    last_days: Option<u32>,
    /// Where days begin: a name of the IANA time zone database; the environment's when absent.
    zone: Option<String>,
    /// What cohorts and periods are; weeks when absent.
    each: Option<IntervalWord>,
    /// How many of the intervals, from the first on, have a cohort; all when absent.
    cohorts: Option<u32>,
    /// Periods of a cohort at most, period 0 among them; all when absent.
    periods: Option<u32>,
    /// `first_time`: who did the starting event for the first time ever in the interval; `recurring`: whoever did it in it.
    /// `first_time` when absent.
    belong: Option<BelongWord>,
    /// `on`: in that period; `on_or_after`: in it or a later one of those asked for; `unbounded`: in it or at any time
    /// behind it. `on` when absent.
    returned: Option<ReturnedWord>,
    /// Who takes part; everybody when absent.
    who: Option<WhoFields>,
}

/// Who belongs to a cohort.
#[derive(ToSchema)]
#[schema(as = RetentionBelong, rename_all = "snake_case")]
#[expect(dead_code, reason = "describes what `read` reads")]
enum BelongWord {
    FirstTime,
    Recurring,
}

/// When somebody counts as returned.
#[derive(ToSchema)]
#[schema(as = RetentionReturned, rename_all = "snake_case")]
#[expect(dead_code, reason = "describes what `read` reads")]
enum ReturnedWord {
    On,
    OnOrAfter,
    Unbounded,
}

/// A number of a retention report, and which page of the people behind it.
#[derive(ToSchema)]
#[schema(as = RetentionPeopleQuestion)]
#[expect(dead_code, reason = "describes what `people` reads")]
pub(super) struct PeopleFields {
    /// The report.
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

/// Which number of a retention report.
#[derive(ToSchema)]
#[schema(as = RetentionNumber)]
#[expect(dead_code, reason = "describes what `number` reads")]
struct NumberFields {
    /// The cohort, counted from 0.
    cohort: u32,
    /// Those of it who returned in this period; everybody in it when absent.
    period: Option<u32>,
}

/// Who comes back.
#[derive(Serialize, ToSchema)]
#[schema(as = RetentionAnswer)]
pub(super) struct AnswerBody {
    /// The time zone in which intervals begin.
    zone: String,
    /// When each interval begins.
    #[schema(value_type = Vec<Instant>)]
    starts: Vec<Instant>,
    /// By interval.
    cohorts: Vec<CohortBody>,
    /// By period: all cohorts that have it, together.
    curve: Vec<CurveBody>,
    /// The state that this is of, for the people behind a number; null when it is too large to be kept.
    #[schema(required = true)]
    snapshot: Option<String>,
}

/// A cohort and who of it returned.
#[derive(Serialize, ToSchema)]
#[schema(as = RetentionCohort)]
struct CohortBody {
    /// When its interval begins.
    #[schema(value_type = Instant)]
    start: Instant,
    /// How many belong to it.
    size: u64,
    /// How many of them returned, by period.
    returned: Vec<u64>,
}

/// Who of all cohorts returned in a period.
#[derive(Serialize, ToSchema)]
#[schema(as = RetentionPoint)]
struct CurveBody {
    /// The sizes of all cohorts that have this period.
    size: u64,
    /// Who returned of them.
    returned: u64,
}

/// A retention report and the name of its zone.
pub(super) struct Retention {
    question: RetentionQuestion,
    zone: String,
}

impl Report for Retention {
    type Answer = RetentionAnswer;
    type Body = AnswerBody;
    type Number = RetentionNumber;

    fn read(reading: &mut Reading, object: &mut Object<'_>) -> Option<Self> {
        let belongs = [("first_time", Cohorts::FirstTime), ("recurring", Cohorts::Recurring)];
        let returns =
            [("on", Returned::On), ("on_or_after", Returned::OnOrAfter), ("unbounded", Returned::Unbounded)];
        let level = reading.level(object);
        let start = reading.pattern_at(object, "start");
        let returning = reading.pattern_at(object, "returning");
        let intervals = intervals(reading, object);
        let count = intervals.as_ref().map_or(RETENTION_INTERVALS_MAX, |(intervals, _)| intervals.count());
        let cohorts = reading.number(object, "cohorts", 1..=count, Some(count));
        let periods = reading.number(object, "periods", 1..=count, Some(count));
        let belong = reading.word(object, "belong", &belongs, Some(Cohorts::FirstTime));
        let returned = reading.word(object, "returned", &returns, Some(Returned::On));
        let who = reading.who(object, level.unwrap_or(Level::User));
        let (intervals, zone) = intervals?;
        let question = RetentionQuestion {
            level: level?,
            start: start?,
            returning: returning?,
            intervals,
            cohorts: cohorts?,
            periods: periods?,
            belong: belong?,
            returned: returned?,
            who: who?,
        };
        match question.check() {
            Ok(()) => Some(Retention { question, zone }),
            Err(_) => unaskable(reading, object, "The report is beyond a limit; ask for less."),
        }
    }

    fn number(&self, reading: &mut Reading, object: &mut Object<'_>) -> Option<RetentionNumber> {
        object.knows(&["period"]);
        let cohort = reading.number(object, "cohort", 0..=self.question.cohorts - 1, None)?;
        let last = self.question.periods_of(cohort).saturating_sub(1);
        let period = reading.optional_number(object, "period", 0..=last)?;
        Some(RetentionNumber { cohort, period })
    }

    fn who_mut(&mut self) -> &mut Who {
        &mut self.question.who
    }

    fn ask(
        &self,
        reports: &dyn Reports,
        environment: EnvironmentId,
        inquiry: &Inquiry,
    ) -> Result<Pinned<RetentionAnswer>, StoreError> {
        reports.retention(environment, &self.question, inquiry)
    }

    fn body(&self, answer: RetentionAnswer, snapshot: Option<String>) -> AnswerBody {
        let curve = answer.curve().into_iter();
        let starts = self.question.intervals.starts();
        let cohorts = starts.iter().zip(answer.cohorts);
        AnswerBody {
            zone: self.zone.clone(),
            starts: starts.iter().map(|start| Instant(*start)).collect(),
            cohorts: cohorts
                .map(|(start, cohort)| CohortBody {
                    start: Instant(*start),
                    size: cohort.size,
                    returned: cohort.returned,
                })
                .collect(),
            curve: curve.map(|point| CurveBody { size: point.size, returned: point.returned }).collect(),
            snapshot,
        }
    }

    fn behind<'a>(&'a self, number: &'a RetentionNumber) -> Behind<'a> {
        Behind::Retention(&self.question, number)
    }
}

/// The intervals and the name of their zone: so many up to now, or those of a span.
fn intervals(reading: &mut Reading, object: &mut Object<'_>) -> Option<(Buckets, String)> {
    let each = reading.interval(object, "each", Some(IntervalWord::Week));
    let count = reading.optional_number(object, "intervals", 1..=RETENTION_INTERVALS_MAX);
    object.knows(&["zone"]);
    let named = ["from", "to", "last_days"].map(|key| object.get(key).is_some());
    let (each, count) = (each?.interval(), count?);
    let (found, zone) = match count {
        Some(_) if named.contains(&true) => {
            let message = "Send either `intervals`, or a time with `from`, `to` or `last_days`.";
            return reading.refuse(object.at("intervals"), message);
        }
        Some(count) => {
            let (zone, name) = reading.zone(object)?;
            (Buckets::recent(reading.now, count, each, &zone), name)
        }
        None => {
            let time = reading.time(object)?;
            (Buckets::cut(time.span, each, &time.zone.0), time.zone.1)
        }
    };
    match found {
        Ok(intervals) if intervals.count() <= RETENTION_INTERVALS_MAX => Some((intervals, zone)),
        _ => {
            let message = format!(
                "That is more than {RETENTION_INTERVALS_MAX} intervals, or beyond the calendar; ask for a shorter time \
                 or longer intervals."
            );
            reading.refuse(object.at("each"), message)
        }
    }
}

/// Ask who comes back.
#[utoipa::path(
    post,
    path = "/v1/reports/retention",
    operation_id = "ask_retention",
    tag = "Reports",
    params(PositionParameter, QuestionHeader, EnvironmentHeader),
    request_body = QuestionFields,
    responses((status = 200, description = "Who comes back", body = AnswerBody), QuestionProblems),
    security(("api_key" = ["read"]), ("session" = [])),
)]
pub(in crate::http) async fn post(
    State(edge): State<Arc<Edge>>,
    reader: Reader<Read>,
    call: Request<Body>,
) -> Response {
    let outcome = answered::<Retention>(&edge, &reader, call).await;
    reader.answer(outcome)
}

/// Ask who is behind a number of a retention report.
#[utoipa::path(
    post,
    path = "/v1/reports/retention/people",
    operation_id = "ask_retention_people",
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
    let outcome = people::answered::<Retention>(&edge, &reader, call).await;
    reader.answer(outcome)
}
