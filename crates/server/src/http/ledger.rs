//! `GET /v1/ledger`: what became of every call (law 4).

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use muster_kernel::model::id::EnvironmentId;
use muster_kernel::model::job::Job;
use muster_kernel::model::ledger::LedgerRow;
use muster_kernel::model::problem::Problem;
use muster_kernel::model::time::{MINUTE, Timestamp};
use muster_kernel::ports::StoreError;

use super::Parts;
use super::answer::{self, Instant};
use super::caller::Account;
use super::edge::Edge;
use super::error::Refused;
use super::openapi::{EnvironmentHeader, PositionParameter, ReadProblems};
use super::read::{self, Head, Query, invalid};
use super::reader::Reader;
use super::tally::Sums;

/// Minutes that one answer may cover.
const MINUTES_MAX: i64 = 24 * 60;
/// Minutes covered when the caller names none.
const MINUTES_DEFAULT: i64 = 60;
/// How far behind the clock a minute is at rest: no call is counted in it any more.
const RESTING_AFTER_MINUTES: i64 = 24 * 60;
/// How far ahead of the clock the log's own time may be (law 9: a minute), with room.
const AHEAD_MINUTES: i64 = 5;

/// Where this process began to count on its own.
pub(super) struct Start {
    at: Timestamp,
    environments: Mutex<HashMap<EnvironmentId, Accounted>>,
}

/// What an environment's ledger held before the start of this process, and what is known of the time since.
#[derive(Clone, Copy, Debug, Default)]
struct Accounted {
    before: u64,
    /// Up to which minute `at_rest` counts; the minute of the start when nothing was counted yet.
    until: i64,
    at_rest: u64,
}

impl Start {
    /// Notes what each ledger holds of the present minute.
    pub(super) fn now(parts: &Parts) -> Self {
        let at = parts.clock.now();
        let held = |environment| match parts.ledger.rows(environment, at.minute(), i64::MAX) {
            Ok(rows) => rows.iter().map(LedgerRow::accounted).sum(),
            Err(error) => {
                tracing::error!(environment = environment.0, %error, "the ledger cannot be read");
                0
            }
        };
        let state = parts.catalog.state();
        let environments = state.environments.iter().map(|environment| {
            let accounted = Accounted { before: held(environment.id), until: at.minute(), at_rest: 0 };
            (environment.id, accounted)
        });
        Start { at, environments: Mutex::new(environments.collect()) }
    }

    /// When this process began to count.
    pub(super) fn at(&self) -> Timestamp {
        self.at
    }

    /// How many calls the ledger accounts for since the start. Minutes at rest are added up once, a day at a time, so
    /// that neither time nor memory grows with the age of the process.
    fn accounted(
        &self,
        parts: &Parts,
        environment: EnvironmentId,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let fresh = Accounted { until: self.at.minute(), ..Accounted::default() };
        let known = |map: &HashMap<_, _>| map.get(&environment).copied().unwrap_or(fresh);
        let mut accounted = known(&self.environments.lock().unwrap_or_else(PoisonError::into_inner));
        let sum = |from, to| -> Result<u64, StoreError> {
            Ok(parts.ledger.rows(environment, from, to)?.iter().map(LedgerRow::accounted).sum())
        };
        while accounted.until + MINUTES_MAX < now.minute() - RESTING_AFTER_MINUTES {
            let until = accounted.until + MINUTES_MAX;
            accounted.at_rest += sum(accounted.until, until - 1)?;
            accounted.until = until;
        }
        self.environments.lock().unwrap_or_else(PoisonError::into_inner).insert(environment, accounted);
        let moving = sum(accounted.until, now.minute() + AHEAD_MINUTES)?;
        Ok((accounted.at_rest + moving).saturating_sub(accounted.before))
    }
}

/// The ledger of a span of minutes.
#[derive(Serialize, ToSchema)]
#[schema(as = Ledger)]
pub(super) struct LedgerBody {
    /// One row for each minute and key in which something came.
    data: Vec<RowBody>,
    /// The sums of the rows.
    totals: NumbersBody,
    /// The equation over the time since this process started.
    since_start: SinceStart,
    /// Whether it holds: received = stored + duplicate + rejected + suppressed + in flight + abandoned. While calls are
    /// in flight it holds within their number, at rest exactly.
    balanced: bool,
}

/// What became of the calls of one key in one minute.
#[derive(Serialize, ToSchema)]
#[schema(as = LedgerRow)]
struct RowBody {
    /// The minute of receipt.
    #[schema(value_type = Instant)]
    minute: Instant,
    /// The key's number.
    key_id: u32,
    #[serde(flatten)]
    numbers: NumbersBody,
}

/// Numbers of calls.
#[derive(Default, Serialize, ToSchema)]
#[schema(as = LedgerNumbers)]
pub(super) struct NumbersBody {
    /// The sum of the others.
    received: u64,
    /// Written for the first time.
    stored: u64,
    /// Repetitions of what was stored.
    duplicate: u64,
    /// Refused.
    rejected: u64,
    /// Refused, by `error_code` of the first problem.
    rejected_by_code: BTreeMap<String, u64>,
    /// Refused because the subject was erased.
    suppressed: u64,
    /// Rows of jobs that are not processed yet.
    pending: u64,
}

/// The edge's own count against the ledger's.
#[derive(Serialize, ToSchema)]
struct SinceStart {
    /// When this process started.
    #[schema(value_type = Instant)]
    at: Instant,
    /// Write calls that the edge received from known keys.
    received: u64,
    /// Calls that the ledger accounts for.
    accounted: u64,
    /// Calls whose fate is not known yet.
    in_flight: u64,
    /// Calls whose caller hung up before they were whole: nothing was taken, nobody was answered.
    abandoned: u64,
}

impl From<&Row> for NumbersBody {
    fn from(Row { calls: row, pending }: &Row) -> Self {
        NumbersBody {
            received: row.accounted() + pending,
            stored: row.stored,
            duplicate: row.duplicate,
            rejected: row.rejected_total(),
            rejected_by_code: row.rejected.clone(),
            suppressed: row.suppressed,
            pending: *pending,
        }
    }
}

/// Read the ledger.
#[utoipa::path(
    get,
    path = "/v1/ledger",
    operation_id = "read_ledger",
    tag = "Operation",
    params(
        ("from" = Option<String>, Query, description = "The first minute: RFC 3339 or unix; an hour before `to` when absent"),
        ("to" = Option<String>, Query, description = "The last minute, at most a day later; now when absent"),
        PositionParameter,
        EnvironmentHeader,
    ),
    responses((status = 200, description = "What became of every call", body = LedgerBody), ReadProblems),
    security(("api_key" = ["read"]), ("api_key" = ["admin"]), ("session" = [])),
)]
pub(super) async fn read(State(edge): State<Arc<Edge>>, reader: Reader<Account>, head: Head) -> Response {
    let outcome = account(&edge, &reader, &head).await;
    reader.answer(outcome)
}

async fn account(edge: &Arc<Edge>, reader: &Reader<Account>, head: &Head) -> Result<Response, Refused> {
    let reading = read::begin(edge, reader, head).await?;
    let (from, to) = span(&reading.query, reader.now())?;
    let (environment, now) = (reader.environment(), reader.now());
    let body = read::aside(edge, move |edge| {
        let rows = rows_with_jobs(edge, environment, from, to)?;
        let (accounted, after, balanced) = weigh(edge, environment, now)?;
        let start = &edge.shared.ledger_start;
        Ok(LedgerBody {
            totals: totals(&rows),
            data: rows.iter().map(row_body).collect(),
            since_start: since_start(start.at, accounted, after),
            balanced,
        })
    })
    .await?;
    answer::read(reading.position, &body)
}

/// Holds the edge's own count against the ledger: what the ledger accounts for, what the edge counted, and whether the
/// two agree.
fn weigh(edge: &Edge, environment: EnvironmentId, now: Timestamp) -> Result<(u64, Sums, bool), Refused> {
    let before = sums(edge, environment);
    let accounted = edge.shared.ledger_start.accounted(&edge.parts, environment, now)?;
    let after = sums(edge, environment);
    Ok((accounted, after, holds(before, accounted, after)))
}

/// Whether the equation holds over the time since this process started.
///
/// # Errors
/// When the ledger cannot be read.
pub(super) fn is_balanced(edge: &Edge, environment: EnvironmentId, now: Timestamp) -> Result<bool, Refused> {
    weigh(edge, environment, now).map(|(_, _, balanced)| balanced)
}

/// The minutes that the caller asks for.
fn span(query: &Query, now: Timestamp) -> Result<(i64, i64), Problem> {
    let minute = |name: &str| -> Result<Option<i64>, Problem> {
        let Some(text) = query.get(name) else { return Ok(None) };
        let time = Timestamp::parse_lenient(&text);
        time.map(|time| Some(time.minute()))
            .ok_or_else(|| invalid(format!("`{name}` is no RFC 3339 or unix time.")))
    };
    let to = minute("to")?.unwrap_or(now.minute());
    let from = minute("from")?.unwrap_or(to - MINUTES_DEFAULT + 1);
    if from > to {
        return Err(invalid("`from` lies after `to`; swap them.".to_owned()));
    }
    if to - from >= MINUTES_MAX {
        return Err(invalid(format!(
            "`from` and `to` span more than {MINUTES_MAX} minutes; ask for less at once."
        )));
    }
    Ok((from, to))
}

/// A row of the ledger with the rows of jobs that wait in it.
#[derive(Default)]
pub(super) struct Row {
    pub calls: LedgerRow,
    pub pending: u64,
}

impl Row {
    pub fn add(&mut self, other: &Row) {
        self.calls.add(&other.calls);
        self.pending += other.pending;
    }
}

/// The edge's counts with those of the jobs' rows.
fn sums(edge: &Edge, environment: EnvironmentId) -> Sums {
    let rows = edge.parts.jobs.rows(environment);
    let mut sums = edge.shared.tally.sums(environment);
    sums.received += rows.received;
    sums.settled += rows.settled;
    sums.abandoned += rows.abandoned;
    sums
}

/// The engine's rows, and of each job what leaves no event: that is counted in its own state, exactly, in the minute in
/// which its upload came.
///
/// # Errors
/// When the ledger or the jobs cannot be read.
pub(super) fn rows_with_jobs(
    edge: &Edge,
    environment: EnvironmentId,
    from: i64,
    to: i64,
) -> Result<Vec<Row>, Refused> {
    let jobs = edge.parts.jobs.accounts(environment)?;
    let mut rows = BTreeMap::new();
    for calls in edge.parts.ledger.rows(environment, from, to)? {
        rows.insert((calls.minute, calls.key), Row { calls, pending: 0 });
    }
    for job in jobs.iter().filter(|job| !job.dry_run) {
        let (minute, key) = (job.submitted_at.minute(), job.key);
        let counts = LedgerRow {
            minute,
            key,
            duplicate: job.counts.duplicate,
            suppressed: job.counts.suppressed,
            rejected: job.counts.rejected.clone(),
            ..LedgerRow::default()
        };
        let pending = job.pending_rows();
        let counts = with_dropped(counts, job);
        if (from..=to).contains(&minute) && counts.accounted() + pending > 0 {
            let row: &mut Row = rows.entry((minute, key)).or_default();
            (row.calls.minute, row.calls.key) = (minute, key);
            row.calls.add(&counts);
            row.pending += pending;
        }
    }
    Ok(rows.into_values().collect())
}

/// Rows that a job left undone when it ended are refused under the code of its reason.
fn with_dropped(mut counts: LedgerRow, job: &Job) -> LedgerRow {
    let undone = job.total_rows.unwrap_or_default().saturating_sub(job.counts.completed());
    if let Some(reason) = job.reason.as_ref().filter(|_| job.status.is_ended() && undone > 0) {
        *counts.rejected.entry(reason.code.as_str().to_owned()).or_default() += undone;
    }
    counts
}

fn totals(rows: &[Row]) -> NumbersBody {
    let mut sum = Row::default();
    for row in rows {
        sum.add(row);
    }
    NumbersBody::from(&sum)
}

fn row_body(row: &Row) -> RowBody {
    let minute = Instant(Timestamp(row.calls.minute.saturating_mul(MINUTE)));
    RowBody { minute, key_id: row.calls.key.0, numbers: NumbersBody::from(row) }
}

fn since_start(at: Timestamp, accounted: u64, sums: Sums) -> SinceStart {
    SinceStart {
        at: Instant(at),
        received: sums.received,
        accounted,
        in_flight: sums.in_flight(),
        abandoned: sums.abandoned,
    }
}

/// What was settled before the ledger was read must be in it, and nothing may be that has not been received since.
/// With no call in flight both sides are one number, so that the equation is exact.
fn holds(before: Sums, accounted: u64, after: Sums) -> bool {
    before.settled <= accounted && accounted <= after.received - after.abandoned.min(after.received)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_equation_is_exact_at_rest_and_fails_when_a_call_is_lost_or_doubled() {
        let rest = Sums { received: 10, settled: 8, abandoned: 2, stored: 8, ..Sums::default() };
        assert!(holds(rest, 8, rest));
        assert!(!holds(rest, 7, rest), "one lost");
        assert!(!holds(rest, 9, rest), "one doubled");
        let busy = Sums { received: 12, ..rest };
        assert!(holds(rest, 8, busy) && holds(rest, 10, busy) && !holds(rest, 11, busy));
    }
}
