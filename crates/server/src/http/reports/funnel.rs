//! `POST /v1/reports/funnel`: how many went through steps one after the other, how far, and how long it took.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::Response;
use serde::Serialize;
use serde_json::Value as Json;
use utoipa::ToSchema;

use muster_kernel::model::id::EnvironmentId;
use muster_kernel::model::limits::{FUNNEL_EXCLUSIONS_MAX, FUNNEL_STEPS_MAX, FUNNEL_WINDOW_MICROS_MAX};
use muster_kernel::model::report::funnel::{
    Counting, Exclusion, FunnelAnswer, FunnelNumber, FunnelQuestion, FunnelRow, FunnelStep, Order,
};
use muster_kernel::model::report::{Behind, Level, Pinned, Spread, Who};
use muster_kernel::ports::{Inquiry, Reports, StoreError};

use super::object::{Object, Reading};
use super::pattern::{ConditionFields, PatternFields};
use super::people::{self, PeopleBody};
use super::question::{BreakdownFields, LevelWord, RowFields, WhoFields, WindowFields};
use super::{Report, answered, unaskable};
use crate::http::caller::Read;
use crate::http::edge::Edge;
use crate::http::event_names::shown;
use crate::http::openapi::{EnvironmentHeader, PositionParameter, QuestionProblems};
use crate::http::questions::QuestionHeader;
use crate::http::reader::Reader;

/// How many went through which steps?
#[derive(ToSchema)]
#[schema(as = FunnelQuestion)]
#[expect(dead_code, reason = "describes what `read` reads")]
pub(super) struct QuestionFields {
    /// Whom it is about: `user` or `company`; `user` when absent.
    level: Option<LevelWord>,
    /// 2 to 48 steps.
    steps: Vec<PatternFields>,
    /// `ordered`: in this order, with anything between; `strict`: with nothing between; `any`: in whichever order. `ordered`
    /// when absent.
    order: Option<OrderWord>,
    /// From this time on, RFC 3339 or a date: when attempts begin.
    from: Option<String>,
    /// Before this time; the end of today when absent.
    to: Option<String>,
    /// Instead of `from` and `to`: so many days of the calendar, today the last; 30 when nothing is said.
    last_days: Option<u32>,
    /// Where days begin: a name of the IANA time zone database; the environment's when absent.
    zone: Option<String>,
    /// How long an attempt may take, 366 days at most; 7 days when absent.
    window: Option<WindowFields>,
    /// `users`, each user (or company) once, or `attempts`; `users` when absent.
    counting: Option<CountingWord>,
    /// What ends an attempt; 16 at most.
    exclusions: Option<Vec<ExclusionFields>>,
    /// Rows by the values of a property.
    breakdown: Option<BreakdownFields>,
    /// Rows at most, beside `other`; 10 when absent, 1000 at most.
    groups: Option<u32>,
    /// Who takes part; everybody when absent.
    who: Option<WhoFields>,
}

/// In which order steps are done.
#[derive(ToSchema)]
#[schema(as = FunnelOrder, rename_all = "snake_case")]
#[expect(dead_code, reason = "describes what `read` reads")]
enum OrderWord {
    Ordered,
    Strict,
    Any,
}

/// What is counted.
#[derive(ToSchema)]
#[schema(as = FunnelCounting, rename_all = "snake_case")]
#[expect(dead_code, reason = "describes what `read` reads")]
enum CountingWord {
    Users,
    Attempts,
}

/// What may not happen between two steps: an event as in a step, and where.
#[derive(ToSchema)]
#[schema(as = FunnelExclusion)]
#[expect(dead_code, reason = "describes what `read` reads")]
struct ExclusionFields {
    /// The name of an event.
    event: Option<String>,
    /// The type.
    r#type: Option<String>,
    /// Every active event.
    active: Option<bool>,
    /// What must hold for the event's properties.
    r#where: Option<Vec<ConditionFields>>,
    /// Behind this step, counted from 0; 0 when absent.
    after: Option<u32>,
    /// Until this one is done; the last when absent.
    before: Option<u32>,
}

/// A number of a funnel, and which page of the people behind it.
#[derive(ToSchema)]
#[schema(as = FunnelPeopleQuestion)]
#[expect(dead_code, reason = "describes what `people` reads")]
pub(super) struct PeopleFields {
    /// The funnel.
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

/// Which number of a funnel.
#[derive(ToSchema)]
#[schema(as = FunnelNumber)]
#[expect(dead_code, reason = "describes what `number` reads")]
struct NumberFields {
    /// The step, counted from 0.
    step: u32,
    /// With `true`, those who came no further than it; else all who came so far.
    stayed: Option<bool>,
    /// In which row; `all` when absent.
    row: Option<RowFields>,
}

/// How many went through which steps.
#[derive(Serialize, ToSchema)]
#[schema(as = FunnelAnswer)]
pub(super) struct AnswerBody {
    /// Everybody.
    total: RowBody,
    /// The largest groups, in their order.
    groups: Vec<GroupBody>,
    /// All other groups together, if there are more.
    #[schema(required = true)]
    other: Option<RowBody>,
    /// How many groups `other` is.
    groups_left_out: u64,
    /// The state that this is of, for the people behind a number; null when it is too large to be kept.
    #[schema(required = true)]
    snapshot: Option<String>,
}

/// A row of a funnel.
#[derive(Serialize, ToSchema)]
#[schema(as = FunnelRow)]
struct RowBody {
    /// By step.
    steps: Vec<StepBody>,
}

/// A row of a funnel and the value that it is of.
#[derive(Serialize, ToSchema)]
#[schema(as = FunnelGroup)]
struct GroupBody {
    /// The value of the property; null for those without.
    #[schema(required = true)]
    value: Option<Json>,
    /// By step.
    steps: Vec<StepBody>,
}

/// How many came as far as a step.
#[derive(Serialize, ToSchema)]
#[schema(as = FunnelStep)]
struct StepBody {
    /// Users, companies or attempts.
    count: u64,
    /// From the first event to that of this step; null at the first step, and when nobody came here.
    #[schema(required = true)]
    time: Option<TimeBody>,
}

/// How long something took, in seconds.
#[derive(Serialize, ToSchema)]
#[schema(as = FunnelTime)]
struct TimeBody {
    /// The average.
    mean_seconds: f64,
    /// Half needed no more than this.
    median_seconds: f64,
    /// Nine of ten needed no more than this.
    p90_seconds: f64,
}

impl From<Spread> for TimeBody {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a leap year of microseconds is far below what a double tells apart"
    )]
    fn from(spread: Spread) -> Self {
        let seconds = |micros: u64| micros as f64 / 1e6;
        TimeBody {
            mean_seconds: seconds(spread.mean_us),
            median_seconds: seconds(spread.median_us),
            p90_seconds: seconds(spread.p90_us),
        }
    }
}

fn steps(row: FunnelRow) -> Vec<StepBody> {
    let step = |FunnelStep { count, time }| StepBody { count, time: time.map(TimeBody::from) };
    row.steps.into_iter().map(step).collect()
}

impl Report for FunnelQuestion {
    type Answer = FunnelAnswer;
    type Body = AnswerBody;
    type Number = FunnelNumber;

    fn read(reading: &mut Reading, object: &mut Object<'_>) -> Option<Self> {
        let orders = [("ordered", Order::Ordered), ("strict", Order::Strict), ("any", Order::Any)];
        let countings = [("users", Counting::Users), ("attempts", Counting::Attempts)];
        let level = reading.level(object);
        let about = level.unwrap_or(Level::User);
        let steps = reading.list(object, "steps", 2..=FUNNEL_STEPS_MAX);
        let steps = steps.and_then(|items| reading.each(items, Reading::pattern));
        let order = reading.word(object, "order", &orders, Some(Order::Ordered));
        let time = reading.time(object);
        let window = reading.window(object, FUNNEL_WINDOW_MICROS_MAX);
        let counting = reading.word(object, "counting", &countings, Some(Counting::Users));
        let last = steps.as_ref().map_or(1, |steps| steps.len() - 1);
        let exclusions = exclusions(reading, object, last, order == Some(Order::Any));
        let breakdown = reading.breakdown(object, about);
        let who = reading.who(object, about);
        let (breakdown, groups_max) = breakdown?;
        let question = FunnelQuestion {
            level: level?,
            steps: steps?,
            order: order?,
            span: time?.span,
            window: window?,
            counting: counting?,
            exclusions: exclusions?,
            breakdown,
            groups_max,
            who: who?,
        };
        match question.check() {
            Ok(()) => Some(question),
            Err(_) => unaskable(reading, object, "The funnel is beyond a limit; ask for less."),
        }
    }

    fn number(&self, reading: &mut Reading, object: &mut Object<'_>) -> Option<FunnelNumber> {
        let step = reading.number(object, "step", 0..=self.steps.len() - 1, None);
        let stayed = reading.flag(object, "stayed");
        let row = reading.row(object);
        Some(FunnelNumber { step: step?, stayed: stayed?, row: row? })
    }

    fn who_mut(&mut self) -> &mut Who {
        &mut self.who
    }

    fn ask(
        &self,
        reports: &dyn Reports,
        environment: EnvironmentId,
        inquiry: &Inquiry,
    ) -> Result<Pinned<FunnelAnswer>, StoreError> {
        reports.funnel(environment, self, inquiry)
    }

    fn body(&self, answer: FunnelAnswer, snapshot: Option<String>) -> AnswerBody {
        let groups = answer.groups.into_iter();
        AnswerBody {
            total: RowBody { steps: steps(answer.total) },
            groups: groups
                .map(|(value, row)| GroupBody { value: value.as_ref().map(shown), steps: steps(row) })
                .collect(),
            other: answer.other.map(|row| RowBody { steps: steps(row) }),
            groups_left_out: answer.groups_left_out,
            snapshot,
        }
    }

    fn behind<'a>(&'a self, number: &'a FunnelNumber) -> Behind<'a> {
        Behind::Funnel(self, number)
    }
}

fn exclusions(
    reading: &mut Reading,
    object: &mut Object<'_>,
    last: usize,
    in_any_order: bool,
) -> Option<Vec<Exclusion>> {
    let items = reading.list(object, "exclusions", 0..=FUNNEL_EXCLUSIONS_MAX)?;
    reading.each(items, |reading, object| {
        let pattern = reading.pattern(object);
        let after = reading.number(object, "after", 0..=last, Some(0));
        let before = reading.number(object, "before", 0..=last, Some(last));
        let (after, before) = (after?, before?);
        if after >= before {
            return reading.refuse(object.at("before"), "`before` must be a later step than `after`.");
        }
        if in_any_order && (after, before) != (0, last) {
            let message =
                "In any order an exclusion reaches from the first step to the last; leave this out.";
            return reading.refuse(object.at("after"), message);
        }
        Some(Exclusion { pattern: pattern?, after, before })
    })
}

/// Ask for a funnel.
#[utoipa::path(
    post,
    path = "/v1/reports/funnel",
    operation_id = "ask_funnel",
    tag = "Reports",
    params(PositionParameter, QuestionHeader, EnvironmentHeader),
    request_body = QuestionFields,
    responses((status = 200, description = "How many went through which steps", body = AnswerBody), QuestionProblems),
    security(("api_key" = ["read"]), ("session" = [])),
)]
pub(in crate::http) async fn post(
    State(edge): State<Arc<Edge>>,
    reader: Reader<Read>,
    call: Request<Body>,
) -> Response {
    let outcome = answered::<FunnelQuestion>(&edge, &reader, call).await;
    reader.answer(outcome)
}

/// Ask who is behind a number of a funnel.
#[utoipa::path(
    post,
    path = "/v1/reports/funnel/people",
    operation_id = "ask_funnel_people",
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
    let outcome = people::answered::<FunnelQuestion>(&edge, &reader, call).await;
    reader.answer(outcome)
}
