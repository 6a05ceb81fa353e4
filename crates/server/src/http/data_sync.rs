//! `/v1/data_sync`: what an environment sends elsewhere day by day, and what became of it.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use muster_kernel::model::catalog::CatalogState;
use muster_kernel::model::export::FileFormat;
use muster_kernel::model::id::EnvironmentId;
use muster_kernel::model::problem::{Problem, ProblemCode};
use muster_kernel::model::sync::{DataSync, Day, SyncChoice, SyncRun};

use super::acts;
use super::answer::Instant;
use super::caller::{Administer, Read};
use super::edge::Edge;
use super::error::{self, Envelope, Refused};
use super::openapi::{ActProblems, EnvironmentHeader, ReadProblems};
use super::reader::Reader;
use super::versions::{self, VersionHeader};
use crate::admin;

/// The data sync of an environment.
#[derive(Serialize, ToSchema)]
#[schema(as = DataSync)]
pub(super) struct SyncBody {
    /// Whether each day is written once it is over.
    enabled: bool,
    /// How files are written: `parquet`, `avro`, `csv` or `ndjson`.
    #[schema(example = "parquet")]
    format: &'static str,
    /// The hour of UTC from which on the day before is written.
    #[schema(example = 3)]
    hour: u8,
    /// How many days are written anew once a week; 0 for none.
    #[schema(example = 30)]
    resync_days: u16,
    /// Whether the server has a place for files (`sync.destination`).
    has_destination: bool,
    /// The folder that the days stand in: a directory of the server's machine or a bucket. Null without a destination, or
    /// before anything was chosen.
    #[schema(required = true, example = "s3://analytics/muster/userpilot_datasync_1_NX-1a2b3c4d")]
    folder: Option<String>,
    /// When something is next to be done; null when nothing is.
    #[schema(value_type = Option<Instant>, required = true)]
    next_at: Option<Instant>,
    /// When this was chosen; null when it never was.
    #[schema(value_type = Option<Instant>, required = true)]
    updated_at: Option<Instant>,
    /// The address of the member who chose it; null when it was a key, or the member is gone.
    #[schema(required = true)]
    updated_by: Option<String>,
    /// Counts the changes, from 1 on; also as `ETag`.
    version: u32,
}

/// What to choose.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DataSyncFields)]
pub(super) struct Fields {
    /// Whether each day is written once it is over. Off cancels what is under way.
    enabled: bool,
    /// `parquet`, `avro`, `csv` or `ndjson`; `parquet` when it is left out.
    format: Option<String>,
    /// 0 to 23; 3 when it is left out.
    hour: Option<u8>,
    /// 0 to 365; 30 when it is left out.
    resync_days: Option<u16>,
}

/// Days to be written.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DataSyncDays)]
pub(super) struct DaysFields {
    /// The first day, of UTC.
    #[schema(example = "2026-01-01")]
    from: String,
    /// The last day; it must be over.
    #[schema(example = "2026-01-31")]
    to: String,
}

/// Days that are written one after another.
#[derive(Serialize, ToSchema)]
#[schema(as = DataSyncRun)]
pub(super) struct RunBody {
    /// Its number in the environment.
    id: u32,
    /// Why: `schedule`, `resync` or `backfill`.
    #[schema(example = "schedule")]
    reason: &'static str,
    /// `running`, `retrying` (a day failed), `completed`, or `cancelled`.
    #[schema(example = "completed")]
    status: &'static str,
    /// The first day.
    #[schema(value_type = String, example = "2026-01-01")]
    from: Day,
    /// The last day.
    #[schema(value_type = String, example = "2026-01-31")]
    to: Day,
    /// The first day that is not written yet; null when all are.
    #[schema(value_type = Option<String>, required = true)]
    next: Option<Day>,
    /// Files that were written.
    files: u64,
    /// Rows in them.
    rows: u64,
    /// Bytes of them.
    bytes: u64,
    /// Days that were left as they stood, because raw events of them were dropped here.
    days_left: u32,
    /// The folder that the days stand in; null while none is written.
    #[schema(required = true)]
    folder: Option<String>,
    /// When it was asked for.
    #[schema(value_type = Instant)]
    asked_at: Instant,
    /// When it ended.
    #[schema(value_type = Option<Instant>, required = true)]
    ended_at: Option<Instant>,
    /// How often the present day failed.
    failures: u32,
    /// Why it failed last.
    #[schema(required = true)]
    failure: Option<String>,
    /// When it is tried again.
    #[schema(value_type = Option<Instant>, required = true)]
    retry_at: Option<Instant>,
}

impl From<&SyncRun> for RunBody {
    fn from(run: &SyncRun) -> Self {
        RunBody {
            id: run.number,
            reason: run.reason.as_str(),
            status: run.status.as_str(),
            from: run.from,
            to: run.through,
            next: Some(run.next).filter(|next| *next <= run.through),
            files: run.written.files,
            rows: run.written.rows,
            bytes: run.written.bytes,
            days_left: run.written.days_left,
            folder: run.into.clone(),
            asked_at: Instant(run.asked_at),
            ended_at: run.ended_at.map(Instant),
            failures: run.failures,
            failure: run.failure.clone(),
            retry_at: run.retry_at.map(Instant),
        }
    }
}

/// The runs of an environment.
#[derive(Serialize, ToSchema)]
#[schema(as = DataSyncRuns)]
pub(super) struct RunsBody {
    /// The newest first; the newest 100 of those that have ended.
    items: Vec<RunBody>,
    /// Always null: all of them are here.
    #[schema(required = true)]
    next_cursor: Option<String>,
}

/// Read the data sync.
#[utoipa::path(
    get,
    path = "/v1/data_sync",
    operation_id = "read_data_sync",
    tag = "Data sync",
    params(EnvironmentHeader),
    responses(
        (status = 200, description = "What is chosen", body = SyncBody, headers(("ETag" = String, description = "Its version"))),
        ReadProblems,
    ),
    security(("api_key" = ["read"]), ("session" = [])),
)]
pub(super) async fn get(State(edge): State<Arc<Edge>>, reader: Reader<Read>) -> Response {
    let state = edge.parts.catalog.state();
    let outcome = shown(&edge, &state, reader.environment(), state.sync(reader.environment()));
    reader.answer(outcome)
}

/// Choose what is synced, and when.
#[utoipa::path(
    put,
    path = "/v1/data_sync",
    operation_id = "choose_data_sync",
    tag = "Data sync",
    params(VersionHeader, EnvironmentHeader),
    request_body = Fields,
    responses(
        (status = 200, description = "What is chosen now", body = SyncBody, headers(("ETag" = String, description = "Its version"))),
        (status = 412, description = "It has another version by now", body = Envelope<'static>),
        ActProblems,
    ),
    security(("api_key" = ["admin"]), ("session" = [])),
)]
pub(super) async fn put(
    State(edge): State<Arc<Edge>>,
    reader: Reader<Administer>,
    call: Request<Body>,
) -> Response {
    let outcome = chosen(&edge, &reader, call).await;
    reader.answer(outcome)
}

async fn chosen(
    edge: &Arc<Edge>,
    reader: &Reader<Administer>,
    call: Request<Body>,
) -> Result<Response, Refused> {
    let (head, body) = call.into_parts();
    let fields: Fields = acts::fields(edge, &head.headers, body).await?;
    let standard = SyncChoice::default();
    let format = match fields.format.as_deref() {
        None => standard.format,
        Some(word) => FileFormat::parse(word).ok_or_else(|| {
            let words = FileFormat::ALL.map(FileFormat::as_str).join("`, `");
            Problem::at("/format", ProblemCode::FieldInvalid, format!("Give one of `{words}`."))
        })?,
    };
    let choice = SyncChoice {
        is_on: fields.enabled,
        format,
        hour: fields.hour.unwrap_or(standard.hour),
        resync_days: fields.resync_days.unwrap_or(standard.resync_days),
    };
    if choice.is_on {
        check_destination(edge)?;
    }
    let act = acts::saving(reader, &head.headers);
    let sync = acts::with_office(edge, String::new(), move |office| admin::choose_sync(choice, &act, office))
        .await?;
    edge.parts.sync.ring();
    shown(edge, &edge.parts.catalog.state(), sync.environment, Some(&sync))
}

/// List runs, the newest first.
#[utoipa::path(
    get,
    path = "/v1/data_sync/runs",
    operation_id = "list_data_sync_runs",
    tag = "Data sync",
    params(EnvironmentHeader),
    responses((status = 200, description = "What became of each", body = RunsBody), ReadProblems),
    security(("api_key" = ["read"]), ("session" = [])),
)]
pub(super) async fn runs(State(edge): State<Arc<Edge>>, reader: Reader<Read>) -> Response {
    let state = edge.parts.catalog.state();
    let runs =
        state.sync(reader.environment()).map(|sync| sync.runs.iter().rev().map(RunBody::from).collect());
    let outcome = acts::answer(error::OK, &RunsBody { items: runs.unwrap_or_default(), next_cursor: None });
    reader.answer(outcome)
}

/// Have days written that are over.
#[utoipa::path(
    post,
    path = "/v1/data_sync/runs",
    operation_id = "backfill_data_sync",
    tag = "Data sync",
    params(EnvironmentHeader),
    request_body = DaysFields,
    responses((status = 202, description = "The run; it goes on by itself", body = RunBody), ActProblems),
    security(("api_key" = ["admin"]), ("session" = [])),
)]
pub(super) async fn backfill(
    State(edge): State<Arc<Edge>>,
    reader: Reader<Administer>,
    call: Request<Body>,
) -> Response {
    let outcome = backfilled(&edge, &reader, call).await;
    reader.answer(outcome)
}

async fn backfilled(
    edge: &Arc<Edge>,
    reader: &Reader<Administer>,
    call: Request<Body>,
) -> Result<Response, Refused> {
    let (head, body) = call.into_parts();
    let fields: DaysFields = acts::fields(edge, &head.headers, body).await?;
    let mut problems = Vec::new();
    let mut day = |name: &str, text: &str| {
        let day = Day::parse(text);
        if day.is_none() {
            let message = "Give a day of UTC as `2026-01-05`.";
            problems.push(Problem::at(format!("/{name}"), ProblemCode::FieldInvalid, message));
        }
        day.unwrap_or_default()
    };
    let (from, through) = (day("from", &fields.from), day("to", &fields.to));
    if !problems.is_empty() {
        return Err(problems.into());
    }
    check_destination(edge)?;
    let act = acts::saving(reader, &head.headers);
    let work = move |office: admin::Office<'_>| admin::backfill_sync(from, through, &act, office);
    let run = acts::with_office(edge, String::new(), work).await?;
    edge.parts.sync.ring();
    acts::answer(error::ACCEPTED, &RunBody::from(&run))
}

fn check_destination(edge: &Edge) -> Result<(), Problem> {
    if edge.parts.sync.has_destination() {
        return Ok(());
    }
    let message = "The server has no place for synced files; whoever runs it sets `sync.destination`.";
    Err(Problem::of_call(ProblemCode::DestinationMissing, message))
}

fn shown(
    edge: &Edge,
    state: &CatalogState,
    environment: EnvironmentId,
    sync: Option<&DataSync>,
) -> Result<Response, Refused> {
    let choice = sync.map_or_else(SyncChoice::default, |sync| sync.choice);
    let version = sync.map_or(admin::SYNC_FIRST_VERSION, |sync| sync.version);
    let author = sync.and_then(|sync| sync.updated_by).and_then(|id| state.member(id));
    let token = state.environment(environment).map(|entry| entry.app_token.as_str());
    let body = SyncBody {
        enabled: choice.is_on,
        format: choice.format.as_str(),
        hour: choice.hour,
        resync_days: choice.resync_days,
        has_destination: edge.parts.sync.has_destination(),
        folder: sync.zip(token).and_then(|(sync, token)| edge.parts.sync.folder(sync, token)),
        next_at: sync.and_then(DataSync::next_at).map(Instant),
        updated_at: sync
            .filter(|sync| sync.version > admin::SYNC_FIRST_VERSION)
            .map(|sync| Instant(sync.updated_at)),
        updated_by: author.map(|member| member.email.clone()),
        version,
    };
    versions::answer(error::OK, &body, version)
}
