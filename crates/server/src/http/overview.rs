//! `GET /v1/overview`: the caller's day in a few numbers, beside the same weekday of last week.
//!
//! Everything is counted where it is kept: calls by the rows of the ledger, people by the census of the profiles. The
//! cost is a look at each minute of a day, however many calls and people there are.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use muster_kernel::model::id::{EnvironmentId, Position};
use muster_kernel::model::ledger::LedgerRow;
use muster_kernel::model::time::Timestamp;
use muster_kernel::ports::{Census, ProfileKind, StoreError};

use super::answer::{self, Instant};
use super::caller::Account;
use super::day::{Span, TimeZoneParameter, Today};
use super::edge::Edge;
use super::error::Refused;
use super::ledger::{self, NumbersBody, Row};
use super::openapi::{EnvironmentHeader, PositionParameter, ReadProblems};
use super::read::{self, Head};
use super::reader::Reader;

/// Minutes in an hour.
const HOUR_MINUTES: i64 = 60;

/// How an environment does today.
#[derive(Serialize, ToSchema)]
#[schema(as = Overview)]
pub(super) struct Overview {
    /// The caller's day until now.
    today: TodayBody,
    /// The same weekday of last week, up to the same time of day; null when the environment is younger.
    #[schema(required = true)]
    last_week: Option<LastWeek>,
    /// What became of today's calls.
    ledger: LedgerToday,
    /// All users.
    users_total: u64,
    /// All companies.
    companies_total: u64,
    /// When the first call was taken; null when none was yet. Where the first events are dropped, when the last of those was
    /// received.
    #[schema(value_type = Option<Instant>, required = true)]
    first_call_at: Option<Instant>,
}

/// A day until now.
#[derive(Serialize, ToSchema)]
#[schema(as = OverviewToday)]
pub(super) struct TodayBody {
    /// When the day began in the caller's time zone.
    #[schema(value_type = Instant)]
    from: Instant,
    /// Writes taken, repetitions included.
    accepted: u64,
    /// Writes of known keys refused. Here and above each row of a bulk upload counts as a write.
    refused: u64,
    /// Users first seen today.
    new_users: u64,
    /// Users seen today.
    active_users: u64,
    /// The calls by the hour.
    hourly: Hourly,
}

/// Calls of a day by the hour, one number for each hour that has begun: the last is not over yet.
#[derive(Serialize, ToSchema)]
#[schema(as = OverviewHourly)]
pub(super) struct Hourly {
    accepted: Vec<u64>,
    refused: Vec<u64>,
}

/// A day of last week.
#[derive(Serialize, ToSchema)]
#[schema(as = OverviewLastWeek)]
pub(super) struct LastWeek {
    /// Writes taken, repetitions included.
    accepted: u64,
    /// Writes of known keys refused.
    refused: u64,
    /// Users first seen on that day.
    new_users: u64,
    /// Always null: who was seen again since is not remembered as seen then.
    #[schema(required = true)]
    active_users: Option<u64>,
}

/// Today's ledger as one line.
#[derive(Serialize, ToSchema)]
#[schema(as = OverviewLedger)]
pub(super) struct LedgerToday {
    #[serde(flatten)]
    numbers: NumbersBody,
    /// Whether the ledger balances with what the edge received since this process started, as in `GET /v1/ledger`.
    balanced: bool,
}

/// Read how today goes.
#[utoipa::path(
    get,
    path = "/v1/overview",
    operation_id = "read_overview",
    tag = "Operation",
    params(TimeZoneParameter, PositionParameter, EnvironmentHeader),
    responses((status = 200, description = "Today in a few numbers", body = Overview), ReadProblems),
    security(("api_key" = ["read"]), ("api_key" = ["admin"]), ("session" = [])),
)]
pub(super) async fn get(State(edge): State<Arc<Edge>>, reader: Reader<Account>, head: Head) -> Response {
    let outcome = looked(&edge, &reader, &head).await;
    reader.answer(outcome)
}

async fn looked(edge: &Arc<Edge>, reader: &Reader<Account>, head: &Head) -> Result<Response, Refused> {
    let reading = read::begin(edge, reader, head).await?;
    let today = Today::of(&reading.query, reader.now())?;
    let environment = reader.environment();
    let overview = read::aside(edge, move |edge| overview(edge, environment, &today)).await?;
    answer::read(reading.position, &overview)
}

fn overview(edge: &Edge, environment: EnvironmentId, today: &Today) -> Result<Overview, Refused> {
    let profiles = &edge.parts.profiles;
    let last_week = today.a_week_before().filter(|span| existed(edge, environment, span.from));
    let mut spans = vec![today.span.minutes()];
    spans.extend(last_week.map(Span::minutes));
    let users = profiles.census(environment, ProfileKind::User, &spans)?;
    let companies = profiles.census(environment, ProfileKind::Company, &[])?;
    let calls = Calls::of(edge, environment, today.span)?;
    let last_week = last_week.map(|span| Calls::of(edge, environment, span)).transpose()?;
    Ok(Overview {
        today: calls.today(&users),
        last_week: last_week.map(|calls| LastWeek {
            accepted: calls.accepted(),
            refused: calls.all.calls.rejected_total(),
            new_users: users.first_seen.get(1).copied().unwrap_or_default(),
            active_users: None,
        }),
        ledger: LedgerToday {
            numbers: NumbersBody::from(&calls.all),
            balanced: ledger::is_balanced(edge, environment, today.span.to)?,
        },
        users_total: users.total,
        companies_total: companies.total,
        first_call_at: first_call_at(edge, environment)?.map(Instant),
    })
}

/// When the first call was taken. Where the first events are dropped, that is no longer known; then it is the end of those.
fn first_call_at(edge: &Edge, environment: EnvironmentId) -> Result<Option<Timestamp>, StoreError> {
    match edge.parts.log.read(environment, Position::START, 1, 1) {
        Err(StoreError::Dropped { since, .. }) => Ok(Some(since)),
        events => Ok(events?.first().map(|event| event.receipt.received_at)),
    }
}

fn existed(edge: &Edge, environment: EnvironmentId, at: Timestamp) -> bool {
    let state = edge.parts.catalog.state();
    state.environment(environment).is_some_and(|environment| environment.created_at <= at)
}

/// The ledger of a stretch of time.
struct Calls {
    span: Span,
    all: Row,
    by_hour: Vec<LedgerRow>,
}

impl Calls {
    fn of(edge: &Edge, environment: EnvironmentId, span: Span) -> Result<Self, Refused> {
        let (from, to) = span.minutes();
        let hour = |minute: i64| usize::try_from((minute - from) / HOUR_MINUTES).unwrap_or_default();
        let mut by_hour = vec![LedgerRow::default(); hour(to) + 1];
        let mut all = Row::default();
        for row in ledger::rows_with_jobs(edge, environment, from, to)? {
            all.add(&row);
            if let Some(sum) = by_hour.get_mut(hour(row.calls.minute)) {
                sum.add(&row.calls);
            }
        }
        Ok(Calls { span, all, by_hour })
    }

    fn accepted(&self) -> u64 {
        accepted(&self.all.calls)
    }

    fn today(&self, users: &Census) -> TodayBody {
        let first = |counts: &[u64]| counts.first().copied().unwrap_or_default();
        TodayBody {
            from: Instant(self.span.from),
            accepted: self.accepted(),
            refused: self.all.calls.rejected_total(),
            new_users: first(&users.first_seen),
            active_users: first(&users.last_seen),
            hourly: Hourly {
                accepted: self.by_hour.iter().map(accepted).collect(),
                refused: self.by_hour.iter().map(LedgerRow::rejected_total).collect(),
            },
        }
    }
}

fn accepted(row: &LedgerRow) -> u64 {
    row.stored + row.duplicate
}
