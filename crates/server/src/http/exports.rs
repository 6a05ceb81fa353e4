//! `POST /api/v1/analytics/exports` and what is below it (spec 2.12 and 2.13): exports asked for, followed and ended.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use muster_kernel::model::audit::Act;
use muster_kernel::model::catalog::Environment;
use muster_kernel::model::export::{Export, ExportKind};
use muster_kernel::model::id::{EnvironmentId, JobId};
use muster_kernel::model::job::JobStatus;
use muster_kernel::model::problem::{Problem, ProblemCode};
use muster_kernel::model::segment::Level;
use muster_kernel::model::time::{SECOND, Timestamp};

use super::acts;
use super::answer::{Instant, WarningItem};
use super::body;
use super::caller::TakeOut;
use super::edge::Edge;
use super::error::{self, Envelope, Refused};
use super::export_asked::{self, AskedBody, Ignored};
use super::openapi::{EnvironmentHeader, ExportProblems, ReadProblems};
use super::read::{self, Head, InPath};
use super::reader::Reader;
use super::rules;
use crate::admin;
use crate::exports::{Asked, ExportError, Link, Shown, file_name};

/// An export that was taken.
#[derive(Serialize, ToSchema)]
#[schema(as = ExportAccepted)]
pub(super) struct TakenBody {
    /// The environment's public token.
    environment_app_token: String,
    /// The environment's name.
    environment_name: String,
    /// The export's id.
    #[schema(example = "0b0e4f8a-6c1f-4d0c-9a58-2f1f0c1d2e3f")]
    job_id: String,
    /// The same.
    id: String,
    /// Where it is read.
    links: String,
    /// When it was asked for.
    #[schema(value_type = Instant)]
    start_time: Instant,
    /// What was asked for and means nothing here.
    warnings: Vec<WarningItem>,
}

/// An export in the list. Every value is a text, as the contract has it.
#[derive(Serialize, ToSchema)]
#[schema(as = ExportListed)]
pub(super) struct ListedBody {
    /// The export's id.
    job_id: String,
    /// The same.
    id: String,
    /// `queued`, `processing`, `completed` or `failed`.
    #[schema(example = "completed")]
    status: &'static str,
    /// How much of what there is was looked at, in percent.
    #[schema(example = "100")]
    progress: String,
    /// When it was asked for.
    #[schema(value_type = Instant)]
    start_time: Instant,
    /// When it ended.
    #[schema(value_type = Option<Instant>, required = true)]
    end_time: Option<Instant>,
    /// How long it took, or has taken so far, as hours, minutes and seconds.
    #[schema(example = "00:01:05")]
    elapsed_time: String,
    /// The same in seconds.
    #[schema(example = "65")]
    elapsed_time_seconds: String,
    /// What its rows are: `events`, `users` or `companies`.
    r#type: &'static str,
    /// `ndjson`, `csv`, `parquet` or `avro`.
    format: &'static str,
}

/// An export.
#[derive(Serialize, ToSchema)]
#[schema(as = Export)]
pub(super) struct ExportBody {
    #[serde(flatten)]
    listed: ListedBody,
    /// The environment's public token.
    app_token: String,
    /// The file that is being written.
    #[schema(required = true)]
    current_chunk: Option<String>,
    /// The files that are whole.
    completed_chunks: Vec<String>,
    /// Those, and the one that is being written.
    all_chunks: Vec<String>,
    /// The files, once all of them are whole. Each link is good without a key.
    presigned_urls: Vec<FileBody>,
    /// Rows written so far.
    rows: u64,
    /// Bytes of all files that are whole.
    bytes: u64,
    /// When the export and its files are removed.
    #[schema(value_type = Option<Instant>, required = true)]
    expires_at: Option<Instant>,
    /// What was asked for.
    filter: FilterBody,
    /// Why it failed.
    #[schema(required = true)]
    reason: Option<ReasonBody>,
}

/// A file that can be downloaded.
#[derive(Serialize, ToSchema)]
#[schema(as = ExportFile)]
struct FileBody {
    /// Its name.
    #[schema(example = "events-00001.ndjson.gz")]
    filename: String,
    /// Where it is, for whoever has this link; a call with `Range` gets a part of it.
    url: String,
    /// Its length.
    bytes: u64,
    /// Rows in it.
    rows: u64,
    /// Until when the link is good; a later read of the export has a new one.
    #[schema(value_type = Instant)]
    expires_at: Instant,
}

/// What an export was asked for.
#[derive(Serialize, ToSchema)]
#[schema(as = ExportFilter)]
struct FilterBody {
    /// From this time on.
    #[schema(value_type = Option<Instant>, required = true)]
    from: Option<Instant>,
    /// Before this time.
    #[schema(value_type = Option<Instant>, required = true)]
    until: Option<Instant>,
    /// Kinds of events.
    event_type: Vec<&'static str>,
    /// How many users were named.
    users: usize,
    /// How many companies were named.
    companies: usize,
    /// The segment.
    #[schema(required = true)]
    segment_id: Option<u32>,
}

/// Why an export failed.
#[derive(Serialize, ToSchema)]
#[schema(as = ExportReason)]
struct ReasonBody {
    /// A stable word.
    code: &'static str,
    /// One sentence with the remedy.
    message: String,
}

impl ListedBody {
    fn new(shown: &Shown, now: Timestamp) -> Self {
        let export = &shown.export;
        let seconds = (export.ended_at.unwrap_or(now).0 - export.asked_at.0).max(0) / SECOND;
        let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
        ListedBody {
            job_id: export.id.clone(),
            id: export.id.clone(),
            status: export.status.as_str(),
            progress: percent(shown).to_string(),
            start_time: Instant(export.asked_at),
            end_time: export.ended_at.map(Instant),
            elapsed_time: format!("{hours:02}:{minutes:02}:{:02}", seconds % 60),
            elapsed_time_seconds: seconds.to_string(),
            r#type: export.kind.as_str(),
            format: export.format.as_str(),
        }
    }
}

/// Only what is whole is 100 percent.
fn percent(shown: &Shown) -> u64 {
    match shown.export.status {
        JobStatus::Completed => 100,
        _ if shown.reach.all == 0 => 0,
        _ => (shown.reach.done.saturating_mul(100) / shown.reach.all).min(99),
    }
}

impl ExportBody {
    fn new(edge: &Edge, environment: &Environment, shown: &Shown, base: &str, now: Timestamp) -> Self {
        let export = &shown.export;
        let whole: Vec<String> = (0..export.parts.len()).map(|part| file_name(export, part)).collect();
        let is_written = export.status == JobStatus::Processing;
        let current = is_written.then(|| file_name(export, whole.len()));
        let is_ready = export.status == JobStatus::Completed;
        let filter = &export.filter;
        ExportBody {
            listed: ListedBody::new(shown, now),
            app_token: environment.app_token.clone(),
            all_chunks: whole.iter().cloned().chain(current.clone()).collect(),
            current_chunk: current,
            completed_chunks: whole,
            presigned_urls: if is_ready { files(edge, environment.id, export, base) } else { Vec::new() },
            rows: if is_ready { export.rows() } else { shown.reach.rows },
            bytes: export.bytes(),
            expires_at: export.ended_at.map(|end| Instant(end.plus(edge.parts.exports.settings().keep()))),
            filter: FilterBody {
                from: filter.from.map(Instant),
                until: filter.until.map(Instant),
                event_type: filter.kinds.iter().map(|kind| kind.as_str()).collect(),
                users: filter.users.len(),
                companies: filter.companies.len(),
                segment_id: filter.segment.map(|segment| segment.0),
            },
            reason: export
                .reason
                .as_ref()
                .map(|problem| ReasonBody { code: problem.code.as_str(), message: problem.message.clone() }),
        }
    }
}

fn files(edge: &Edge, environment: EnvironmentId, export: &Export, base: &str) -> Vec<FileBody> {
    let until = edge.parts.exports.link_ends(export);
    let file = |(part, about): (usize, &muster_kernel::model::export::ExportPart)| {
        let filename = file_name(export, part);
        let path = Link::until(environment, &filename, until).path(export);
        FileBody {
            url: format!("{base}{path}"),
            filename,
            bytes: about.bytes,
            rows: about.rows,
            expires_at: Instant(until),
        }
    };
    export.parts.iter().enumerate().map(file).collect()
}

/// Export events, users or companies into files. The export is of everything that is visible when it is asked for.
#[utoipa::path(
    post,
    path = "/api/v1/analytics/exports",
    operation_id = "start_export",
    tag = "Export",
    request_body(content = AskedBody, example = json!(
        {"from": "2026-10-01", "to": "2026-10-31", "event_type": ["track", "page_view"], "format": "ndjson"}
    )),
    params(EnvironmentHeader),
    responses(
        (status = 201, description = "The export is durable and goes on by itself", body = TakenBody),
        ExportProblems,
    ),
    security(("api_key" = ["read"]), ("session" = [])),
)]
pub(super) async fn post(
    State(edge): State<Arc<Edge>>,
    reader: Reader<TakeOut>,
    request: Request<Body>,
) -> Response {
    let outcome = take(&edge, &reader, request).await;
    reader.answer(outcome)
}

async fn take(
    edge: &Arc<Edge>,
    reader: &Reader<TakeOut>,
    request: Request<Body>,
) -> Result<Response, Refused> {
    let (head, body) = request.into_parts();
    let bytes = body::read(edge, &head.headers, body).await?;
    let (asked, ignored) = export_asked::read(&body::json_text(&head.headers, &bytes))?;
    let (environment, key, by) = (entry(edge, reader)?, reader.key(), reader.actor());
    check_segment(edge, environment.id, &asked)?;
    let base = acts::base_of(edge, &head.headers);
    let id = environment.id;
    let (export, gone) = read::aside(edge, move |edge| {
        let is_of_events = asked.kind == ExportKind::Events;
        let kept = is_of_events.then(|| edge.parts.raw_events.kept(id)).transpose()?;
        let export = edge.parts.exports.begin(id, asked, key)?;
        note(edge, Act::ExportStarted, &by, id, &export);
        Ok((export, kept.and_then(|kept| kept.known_since)))
    })
    .await?;
    let dropped = gone.map(|until| WarningItem {
        pointer: String::new(),
        code: "events_dropped".to_owned(),
        message: format!("Events that were received until {until} are no longer kept, and are not in it."),
    });
    let warning = |Ignored { key, message }: Ignored| WarningItem {
        pointer: format!("/{}", key.replace('~', "~0").replace('/', "~1")),
        code: "ignored".to_owned(),
        message,
    };
    let taken = TakenBody {
        environment_app_token: environment.app_token,
        environment_name: environment.name,
        links: format!("{base}/api/v1/analytics/exports/jobs/{}", export.id),
        job_id: export.id.clone(),
        id: export.id,
        start_time: Instant(export.asked_at),
        warnings: ignored.into_iter().map(warning).chain(dropped).collect(),
    };
    acts::answer(error::CREATED, &taken)
}

/// The caller's environment as the catalog has it now.
fn entry(edge: &Edge, reader: &Reader<TakeOut>) -> Result<Environment, Refused> {
    let state = edge.parts.catalog.state();
    let found = state.environment(reader.environment()).cloned();
    found.ok_or_else(|| Refused::internal("the catalog lost an environment"))
}

/// Whether the segment is there, and has members such as can be told in the rows.
fn check_segment(edge: &Edge, environment: EnvironmentId, asked: &Asked) -> Result<(), Problem> {
    let Some(segment) = asked.filter.segment else { return Ok(()) };
    let found = rules::saved(edge, environment, Some(segment.0));
    let found = found.map_err(|problem| Problem { pointer: "/segment_id".to_owned(), ..problem })?;
    if asked.kind == ExportKind::Companies && found.level == Level::User {
        let message = "The segment is of users; send one of companies, or export users or events.";
        return Err(Problem::at("/segment_id", ProblemCode::FieldInvalid, message));
    }
    Ok(())
}

/// Tells the audit. The act is done by now: a note that cannot be kept takes nothing back.
fn note(edge: &Edge, act: Act, by: &admin::Actor, environment: EnvironmentId, export: &Export) {
    if let Err(error) = admin::note_export(act, by, environment, export, edge.office("")) {
        tracing::error!(%error, id = export.id, "the audit does not tell of an export");
    }
}

/// List exports, the newest first.
#[utoipa::path(
    get,
    path = "/api/v1/analytics/exports/jobs",
    operation_id = "list_exports",
    tag = "Export",
    params(EnvironmentHeader),
    responses((status = 200, description = "The exports", body = Vec<ListedBody>), ReadProblems),
    security(("api_key" = ["read"]), ("session" = [])),
)]
pub(super) async fn list(State(edge): State<Arc<Edge>>, reader: Reader<TakeOut>) -> Response {
    let outcome = listed(&edge, &reader).await;
    reader.answer(outcome)
}

async fn listed(edge: &Arc<Edge>, reader: &Reader<TakeOut>) -> Result<Response, Refused> {
    let (environment, now) = (reader.environment(), reader.now());
    let shown = read::aside(edge, move |edge| Ok(edge.parts.exports.exports(environment)?)).await?;
    let bodies: Vec<ListedBody> = shown.iter().map(|shown| ListedBody::new(shown, now)).collect();
    acts::answer(error::OK, &bodies)
}

/// Read an export and, once it is completed, the links to its files.
#[utoipa::path(
    get,
    path = "/api/v1/analytics/exports/jobs/{id}",
    operation_id = "read_export",
    tag = "Export",
    params(("id" = String, Path, description = "The export's id"), EnvironmentHeader),
    responses(
        (status = 200, description = "The export", body = ExportBody),
        (status = 404, description = "No such export", body = Envelope<'static>),
        ReadProblems,
    ),
    security(("api_key" = ["read"]), ("session" = [])),
)]
pub(super) async fn get(
    State(edge): State<Arc<Edge>>,
    reader: Reader<TakeOut>,
    id: InPath<JobId>,
    head: Head,
) -> Response {
    let outcome = one(&edge, &reader, id, &head).await;
    reader.answer(outcome)
}

async fn one(
    edge: &Arc<Edge>,
    reader: &Reader<TakeOut>,
    id: InPath<JobId>,
    head: &Head,
) -> Result<Response, Refused> {
    let (id, environment) = (id.id()?, entry(edge, reader)?);
    let (base, now) = (acts::base_of(edge, &head.headers), reader.now());
    let body = read::aside(edge, move |edge| {
        let shown = edge.parts.exports.export(environment.id, id.as_str())?;
        Ok(ExportBody::new(edge, &environment, &shown, &base, now))
    })
    .await?;
    acts::answer(error::OK, &body)
}

/// Cancel an export that has not ended. Its files are removed.
#[utoipa::path(
    delete,
    path = "/api/v1/analytics/exports/jobs/{id}",
    operation_id = "cancel_export",
    tag = "Export",
    params(("id" = String, Path, description = "The export's id"), EnvironmentHeader),
    responses(
        (status = 202, description = "The export comes to its end as `failed`", body = ExportBody),
        (status = 404, description = "No such export", body = Envelope<'static>),
        ExportProblems,
    ),
    security(("api_key" = ["read"]), ("session" = [])),
)]
pub(super) async fn delete(
    State(edge): State<Arc<Edge>>,
    reader: Reader<TakeOut>,
    id: InPath<JobId>,
    head: Head,
) -> Response {
    let outcome = cancel(&edge, &reader, id, &head).await;
    reader.answer(outcome)
}

async fn cancel(
    edge: &Arc<Edge>,
    reader: &Reader<TakeOut>,
    id: InPath<JobId>,
    head: &Head,
) -> Result<Response, Refused> {
    let (id, environment, by) = (id.id()?, entry(edge, reader)?, reader.actor());
    let (base, now) = (acts::base_of(edge, &head.headers), reader.now());
    let body = read::aside(edge, move |edge| {
        let shown = edge.parts.exports.cancel(environment.id, id.as_str())?;
        note(edge, Act::ExportCancelled, &by, environment.id, &shown.export);
        Ok(ExportBody::new(edge, &environment, &shown, &base, now))
    })
    .await?;
    acts::answer(error::ACCEPTED, &body)
}

impl From<ExportError> for Refused {
    fn from(error: ExportError) -> Self {
        let (code, message) = match error {
            ExportError::Store(error) => return error.into(),
            ExportError::Running => (
                ProblemCode::JobRunning,
                "Another export of this environment is under way; start this one when it has ended, or cancel it.",
            ),
            ExportError::Unknown => (
                ProblemCode::JobUnknown,
                "No such export in this environment; `GET /api/v1/analytics/exports/jobs` lists them.",
            ),
            ExportError::Ended => (ProblemCode::JobEnded, "The export has ended; nothing is left to cancel."),
        };
        Problem::of_call(code, message).into()
    }
}
