//! `GET /v1/events/counts`: how often something happened, by hours, days, weeks or months.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use jiff::tz::TimeZone;
use serde::Serialize;
use utoipa::ToSchema;

use muster_kernel::model::calendar::{Buckets, Interval, Span};
use muster_kernel::model::history::{Breakdown, CountQuestion, CountSeries, EventName, Measure};
use muster_kernel::model::limits::{BUCKETS_MAX, GROUPS_MAX};
use muster_kernel::model::problem::{Problem, ProblemCode};
use muster_kernel::model::time::Timestamp;

use super::answer::{self, Instant};
use super::asking::{self, FILTERS, FilterParameters, ZoneParameter};
use super::caller::Read;
use super::edge::Edge;
use super::error::Refused;
use super::event_names::shown;
use super::masking::Masking;
use super::openapi::{DroppedProblems, EnvironmentHeader, PositionParameter, ReadProblems};
use super::read::{self, Head, Query, invalid};
use super::reader::Reader;

/// Intervals when the caller names no time.
const INTERVALS_DEFAULT: usize = 30;
const GROUPS_DEFAULT: usize = 10;

/// What is counted, and how it is cut.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `question` reads")]
pub(super) struct CountParameters {
    /// `hour`, `day`, `week` (from Monday on) or `month`; days when absent.
    interval: Option<String>,
    /// `total`: events; `unique_users`: different users that they are about. `total` when absent.
    measure: Option<String>,
    /// `event:NAME` or `user:NAME`: a series for each value of a property of the event, or of its user as the profile is
    /// now.
    #[param(example = "user:plan")]
    breakdown: Option<String>,
    /// Which value of a user's property that is: `now`, or `event`, the one that the user had when the event happened. `now` when
    /// absent.
    #[param(example = "event")]
    breakdown_at: Option<String>,
    /// Values that are told apart; those with the largest totals. 10 when absent.
    #[param(minimum = 1, maximum = 1000)]
    groups: Option<u32>,
}

/// Numbers by intervals.
#[derive(Serialize, ToSchema)]
#[schema(as = EventCounts)]
pub(super) struct CountsBody {
    /// `hour`, `day`, `week` or `month`.
    interval: &'static str,
    /// The time zone in which they begin.
    zone: String,
    /// `total` or `unique_users`.
    measure: &'static str,
    /// When each interval begins. Only what lies between `from` and `to` is counted.
    #[schema(value_type = Vec<Instant>)]
    starts: Vec<Instant>,
    /// In the order in which the call names events and types; groups by their totals.
    series: Vec<SeriesBody>,
    /// Values that are in no series, because there are more than `groups`.
    groups_left_out: u64,
}

/// A row of numbers.
#[derive(Serialize, ToSchema)]
#[schema(as = EventCountSeries)]
pub(super) struct SeriesBody {
    /// The type; null for all events together.
    #[schema(required = true)]
    event_type: Option<&'static str>,
    /// The name of a tracked event; null for all of a type, or all together.
    #[schema(required = true)]
    event_name: Option<String>,
    /// The value of the property that tells groups apart; null without one, and for what lacks the property.
    #[schema(value_type = Value, required = true)]
    group: Option<serde_json::Value>,
    /// For each interval.
    counts: Vec<u64>,
    /// For the whole time: of unique users less than the sum, when somebody came back.
    total: u64,
}

impl From<CountSeries> for SeriesBody {
    fn from(series: CountSeries) -> Self {
        SeriesBody {
            event_type: series.event.as_ref().map(|event| event.kind.as_str()),
            event_name: series.event.map(|event| event.name).filter(|name| !name.is_empty()),
            group: series.group.as_ref().map(shown),
            counts: series.counts,
            total: series.total,
        }
    }
}

/// Count events.
#[utoipa::path(
    get,
    path = "/v1/events/counts",
    operation_id = "count_events",
    tag = "Events",
    params(FilterParameters, CountParameters, ZoneParameter, PositionParameter, EnvironmentHeader),
    responses(
        (status = 200, description = "Numbers by intervals", body = CountsBody),
        (status = 422, description = "The answer would be too large", body = super::error::Envelope<'static>),
        ReadProblems,
        DroppedProblems,
    ),
    security(("api_key" = ["read"]), ("session" = [])),
)]
pub(super) async fn read(State(edge): State<Arc<Edge>>, reader: Reader<Read>, head: Head) -> Response {
    let outcome = counted(&edge, &reader, &head).await;
    reader.answer(outcome)
}

async fn counted(edge: &Arc<Edge>, reader: &Reader<Read>, head: &Head) -> Result<Response, Refused> {
    let reading = read::begin(edge, reader, head).await?;
    let query = &reading.query;
    let own = ["interval", "zone", "measure", "breakdown", "breakdown_at", "groups", "position"];
    query.refuse_others(&[&FILTERS[..], &own[..]].concat())?;
    let (zone, zone_name) = asking::zone(query)?;
    let (interval, word) = asking::interval(query)?;
    let buckets = buckets(query, (interval, &zone), reader.now())?;
    let starts = buckets.starts().iter().map(|start| Instant(*start)).collect();
    let (measure, measure_word) = measure(query)?;
    let question = question(query, buckets, measure, &reader.masking())?;
    let environment = reader.environment();
    let found = asking::ask(edge, move |edge, inquiry| {
        Ok(edge.parts.history.counts(environment, &question, inquiry)?)
    })
    .await?;
    let body = CountsBody {
        interval: word,
        zone: zone_name,
        measure: measure_word,
        starts,
        series: found.series.into_iter().map(SeriesBody::from).collect(),
        groups_left_out: found.groups_left_out,
    };
    answer::read(reading.position, &body)
}

fn question(
    query: &Query,
    buckets: Buckets,
    measure: Measure,
    masking: &Masking,
) -> Result<CountQuestion, Problem> {
    let (mut names, kinds) = asking::names(query)?;
    names.extend(kinds.into_iter().map(EventName::kind));
    Ok(CountQuestion {
        names,
        buckets,
        measure,
        breakdown: breakdown(query, masking)?,
        groups_max: asking::number(query, "groups", GROUPS_DEFAULT, GROUPS_MAX)?,
        properties: asking::conditions(query, masking)?,
    })
}

fn measure(query: &Query) -> Result<(Measure, &'static str), Problem> {
    match query.get("measure").as_deref() {
        None | Some("total") => Ok((Measure::Total, "total")),
        Some("unique_users") => Ok((Measure::UniqueUsers, "unique_users")),
        Some(_) => Err(invalid("`measure` is neither `total` nor `unique_users`.".to_owned())),
    }
}

fn breakdown(query: &Query, masking: &Masking) -> Result<Option<Breakdown>, Problem> {
    let then = match query.get("breakdown_at").as_deref() {
        None | Some("now") => false,
        Some("event") => true,
        Some(_) => return Err(invalid("`breakdown_at` is neither `now` nor `event`.".to_owned())),
    };
    let text = query.get("breakdown");
    if then && !text.as_deref().is_some_and(|text| text.starts_with("user:")) {
        return Err(invalid("`breakdown_at=event` goes with `breakdown=user:NAME`.".to_owned()));
    }
    let Some(text) = text else { return Ok(None) };
    let name = |name: &str| name.to_owned();
    let breakdown = match text.split_once(':').filter(|(_, name)| !name.is_empty()) {
        Some(("event", of)) => Breakdown::EventProperty(name(of)),
        Some(("user", of)) if then => Breakdown::UserPropertyThen(name(of)),
        Some(("user", of)) => Breakdown::UserProperty(name(of)),
        Some(("company", of)) => Breakdown::CompanyProperty(name(of)),
        _ => {
            let message = "`breakdown` is none of `event:NAME`, `user:NAME` and `company:NAME`.";
            return Err(invalid(message.to_owned()));
        }
    };
    asking::check_shown(breakdown.name(), masking)?;
    Ok(Some(breakdown))
}

/// The intervals between `from` and `to`; without the one, the usual number up to or from the other.
fn buckets(
    query: &Query,
    (interval, zone): (Interval, &TimeZone),
    now: Timestamp,
) -> Result<Buckets, Problem> {
    let span = asking::span(query, zone)?;
    let recent = |at| Buckets::recent(at, INTERVALS_DEFAULT, interval, zone);
    let cut = match (span.from == Span::ALL.from, span.until == Span::ALL.until) {
        (true, true) => recent(now),
        (true, false) => recent(span.until.plus(-1)).and_then(|buckets| {
            let span = Span { from: buckets.span().from, until: span.until };
            Buckets::cut(span, interval, zone)
        }),
        (false, true) => recent(now.max(span.from)).and_then(|buckets| {
            let span = Span { from: span.from, until: buckets.span().until };
            Buckets::cut(span, interval, zone)
        }),
        (false, false) => Buckets::cut(span, interval, zone),
    };
    cut.map_err(|_| {
        let message = format!(
            "That is more than {BUCKETS_MAX} intervals, or beyond the calendar; ask for a shorter time or longer intervals."
        );
        Problem::of_call(ProblemCode::AnswerTooLarge, message)
    })
}
