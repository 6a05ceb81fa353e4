//! `GET /v1/background_jobs` and what is below it: how jobs stand, their rejected rows, their end.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::Response;
use futures_core::Stream;
use serde::Serialize;
use tokio::task::JoinHandle;
use utoipa::ToSchema;

use muster_kernel::model::audit::Act;
use muster_kernel::model::erasure::Erasure;
use muster_kernel::model::id::{EnvironmentId, JobId};
use muster_kernel::model::job::Job;
use muster_kernel::model::problem::{Problem, ProblemCode};
use muster_kernel::model::time::{SECOND, Timestamp};

use super::acts;
use super::answer::{self, Instant};
use super::caller::Follow;
use super::edge::Edge;
use super::erasures;
use super::error::{self, Envelope, Refused};
use super::openapi::{EnvironmentHeader, ReadProblems, UploadProblems};
use super::read::{self, Head, InPath};
use super::reader::Reader;
use super::sender::Sender;
use crate::jobs::{JobError, Runner};

/// Bytes of rejected rows that are read at a time.
const PIECE_BYTES: usize = 256 << 10;

/// A job.
#[derive(Serialize, ToSchema)]
#[schema(as = Job)]
pub(super) struct JobBody {
    /// The job's id.
    #[schema(example = "bulk:jobs:NX-1a2b3c4d:0b0e4f8a-6c1f-4d0c-9a58-2f1f0c1d2e3f")]
    job_id: String,
    /// `queued`, `validating`, `processing`, `pending_refresh`, `completed` or `failed`.
    #[schema(example = "processing")]
    status: &'static str,
    /// `users` or `companies` of an upload, `delete` of a deletion, whose rows are its ids.
    r#type: &'static str,
    /// The name that the file came with.
    filename: String,
    /// Bytes of the file as sent.
    file_size: u64,
    /// How many rows the file has; 0 until they are counted.
    total_rows: u64,
    /// Rows that are done: the sum of the next four.
    completed_rows: u64,
    /// Rows that are stored; of a dry run, that would be.
    accepted_rows: u64,
    /// Rows that were known before by their `event_id`.
    duplicate_rows: u64,
    /// Rows about somebody who was erased after the upload came, or is suppressed; nothing of them is kept.
    suppressed_rows: u64,
    /// Rows that are refused; `GET …/rejects` gives them back.
    rejected_rows: u64,
    /// The same by the `error_code` of each row's first problem.
    rejected_by_code: BTreeMap<String, u64>,
    /// Whole seconds since work began, up to the end.
    elapsed_time: u64,
    /// Rows done in a second, on average.
    rows_per_second: u64,
    /// When the upload was durable: the time of all its rows.
    #[schema(value_type = Instant)]
    submitted_at: Instant,
    /// When work began.
    #[schema(value_type = Option<Instant>, required = true)]
    start_time: Option<Instant>,
    /// When it ended.
    #[schema(value_type = Option<Instant>, required = true)]
    end_time: Option<Instant>,
    /// Where the job is read.
    links: String,
    /// Whether nothing is written.
    dry_run: bool,
    /// Of a dry run: what its accepted rows would do.
    #[serde(skip_serializing_if = "Option::is_none")]
    would: Option<WouldBody>,
    /// Why the job failed, or what it waits for.
    #[schema(required = true)]
    reason: Option<ReasonBody>,
}

/// What the rows of a dry run would do.
#[derive(Serialize, ToSchema)]
#[schema(as = Would)]
struct WouldBody {
    /// Rows about users or companies that are not known.
    create: u64,
    /// Rows about known ones.
    change: u64,
    /// Rows that would be refused.
    reject: u64,
}

/// Why a job is as it is.
#[derive(Serialize, ToSchema)]
#[schema(as = JobReason)]
struct ReasonBody {
    /// A word of the table of `error_code`s.
    code: &'static str,
    /// One sentence with the remedy.
    message: String,
}

impl JobBody {
    /// A deletion as a job.
    pub(super) fn of_erasure(erasure: &Erasure, base: &str, now: Timestamp) -> Self {
        let end = erasure.ended_at.unwrap_or(now);
        let micros = erasure.started_at.map_or(0, |start| u64::try_from(end.0 - start.0).unwrap_or_default());
        let done = erasures::done(erasure);
        JobBody {
            job_id: erasure.id.clone(),
            status: erasure.status.as_str(),
            r#type: "delete",
            filename: String::new(),
            file_size: 0,
            total_rows: erasure.hashes.len() as u64,
            completed_rows: done,
            accepted_rows: done,
            duplicate_rows: 0,
            suppressed_rows: 0,
            rejected_rows: 0,
            rejected_by_code: BTreeMap::new(),
            elapsed_time: micros / SECOND.unsigned_abs(),
            rows_per_second: 0,
            submitted_at: Instant(erasure.accepted_at),
            start_time: erasure.started_at.map(Instant),
            end_time: erasure.ended_at.map(Instant),
            links: format!("{base}/v1/background_jobs/{}", erasure.id),
            dry_run: false,
            would: None,
            reason: None,
        }
    }

    /// A job as it stands `now`; `base` is where its link leads.
    pub(super) fn new(job: &Job, base: &str, now: Timestamp) -> Self {
        let counts = &job.counts;
        let end = job.ended_at.unwrap_or(now);
        let micros = job.started_at.map_or(0, |start| u64::try_from(end.0 - start.0).unwrap_or_default());
        let second = SECOND.unsigned_abs();
        let rate = u128::from(counts.completed()) * u128::from(second) / u128::from(micros.max(1));
        JobBody {
            job_id: job.id.clone(),
            status: job.status.as_str(),
            r#type: job.kind.as_str(),
            filename: job.filename.clone(),
            file_size: job.file_bytes,
            total_rows: job.total_rows.unwrap_or_default(),
            completed_rows: counts.completed(),
            accepted_rows: counts.accepted,
            duplicate_rows: counts.duplicate,
            suppressed_rows: counts.suppressed,
            rejected_rows: counts.rejected_total(),
            rejected_by_code: counts.rejected.clone(),
            elapsed_time: micros / second,
            rows_per_second: u64::try_from(rate).unwrap_or(u64::MAX),
            submitted_at: Instant(job.submitted_at),
            start_time: job.started_at.map(Instant),
            end_time: job.ended_at.map(Instant),
            links: format!("{base}/v1/background_jobs/{}", job.id),
            dry_run: job.dry_run,
            would: job.dry_run.then(|| WouldBody {
                create: counts.would_create,
                change: counts.would_change,
                reject: counts.rejected_total(),
            }),
            reason: job
                .reason
                .as_ref()
                .map(|problem| ReasonBody { code: problem.code.as_str(), message: problem.message.clone() }),
        }
    }
}

/// The erasure whose job has this id.
fn erasure_of(edge: &Edge, environment: EnvironmentId, id: &JobId) -> Result<Option<Erasure>, Refused> {
    let erasures = edge.parts.erasures.erasures(environment)?;
    Ok(erasures.into_iter().find(|erasure| erasure.id == id.as_str()))
}

/// Read a job.
#[utoipa::path(
    get,
    path = "/v1/background_jobs/{id}",
    operation_id = "read_job",
    tag = "Bulk",
    params(
        ("id" = String, Path, description = "The job's id, with its colons as they are or percent-encoded"),
        EnvironmentHeader,
    ),
    responses(
        (status = 200, description = "The job", body = JobBody),
        (status = 404, description = "No such job", body = Envelope<'static>),
        ReadProblems,
    ),
    security(("api_key" = ["ingest"]), ("api_key" = ["read"]), ("session" = [])),
)]
pub(super) async fn get(
    State(edge): State<Arc<Edge>>,
    reader: Reader<Follow>,
    id: InPath<JobId>,
    head: Head,
) -> Response {
    let outcome = one(&edge, &reader, id, &head).await;
    reader.answer(outcome)
}

async fn one(
    edge: &Arc<Edge>,
    reader: &Reader<Follow>,
    id: InPath<JobId>,
    head: &Head,
) -> Result<Response, Refused> {
    let (id, environment) = (id.id()?, reader.environment());
    let (base, now) = (acts::base_of(edge, &head.headers), reader.now());
    let body = read::aside(edge, move |edge| match erasure_of(edge, environment, &id)? {
        Some(erasure) => Ok(JobBody::of_erasure(&erasure, &base, now)),
        None => Ok(JobBody::new(&edge.parts.jobs.job(environment, &id)?, &base, now)),
    })
    .await?;
    acts::answer(error::OK, &body)
}

/// Cancel a job. What it has stored stays stored.
#[utoipa::path(
    delete,
    path = "/v1/background_jobs/{id}",
    operation_id = "cancel_job",
    tag = "Bulk",
    params(("id" = String, Path, description = "The job's id"), EnvironmentHeader),
    responses(
        (status = 202, description = "The job comes to its end as `failed`", body = JobBody),
        (status = 404, description = "No such job", body = Envelope<'static>),
        UploadProblems,
    ),
    security(("api_key" = ["ingest"]), ("session" = [])),
)]
pub(super) async fn delete(
    State(edge): State<Arc<Edge>>,
    sender: Sender,
    id: InPath<JobId>,
    head: Head,
) -> Response {
    let outcome = cancel(&edge, &sender, id, &head).await;
    sender.answer(outcome)
}

async fn cancel(
    edge: &Arc<Edge>,
    sender: &Sender,
    id: InPath<JobId>,
    head: &Head,
) -> Result<Response, Refused> {
    let (id, environment) = (id.id()?, sender.environment());
    let job = read::aside(edge, move |edge| {
        if erasure_of(edge, environment, &id)?.is_some() {
            let message =
                "The job deletes; what is deleted is hidden since it was asked, and not taken back.";
            return Err(Problem::of_call(ProblemCode::JobNotCancellable, message).into());
        }
        Ok(edge.parts.jobs.cancel(environment, &id)?)
    })
    .await?;
    sender.tell(edge, Act::JobCancelled, &job).await?;
    acts::answer(error::ACCEPTED, &JobBody::new(&job, &acts::base_of(edge, &head.headers), sender.now()))
}

/// Read the rejected rows of a job, as far as it is: NDJSON, each row with `_muster` in it, ready to be mended and sent
/// again.
#[utoipa::path(
    get,
    path = "/v1/background_jobs/{id}/rejects",
    operation_id = "read_rejects",
    tag = "Bulk",
    params(("id" = String, Path, description = "The job's id"), EnvironmentHeader),
    responses(
        (status = 200, description = "One line for each rejected row", body = String, content_type = "application/x-ndjson"),
        (status = 404, description = "No such job", body = Envelope<'static>),
        ReadProblems,
    ),
    security(("api_key" = ["ingest"]), ("api_key" = ["read"]), ("session" = [])),
)]
pub(super) async fn rejects(
    State(edge): State<Arc<Edge>>,
    reader: Reader<Follow>,
    id: InPath<JobId>,
) -> Response {
    let outcome = rejected(&edge, &reader, id).await;
    reader.answer(outcome)
}

async fn rejected(edge: &Arc<Edge>, reader: &Reader<Follow>, id: InPath<JobId>) -> Result<Response, Refused> {
    let (id, environment) = (id.id()?, reader.environment());
    if !reader.masking().names().is_empty() {
        // Rows are given back as they were sent, with every value in them.
        let message = "Rejected rows hold personal data, which your role does not see.";
        return Err(Problem::of_call(ProblemCode::RoleInsufficient, message).into());
    }
    let job = read::aside(edge, move |edge| Ok(edge.parts.jobs.job(environment, &id)?)).await?;
    let length = job.checkpoint.rejects_bytes;
    let rows = Rejected { runner: Arc::clone(&edge.parts.jobs), environment, job, offset: 0, reading: None };
    let mut response = answer::json(error::OK, Bytes::new());
    *response.body_mut() = Body::from_stream(rows);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    Ok(response)
}

/// Rejected rows, read piece by piece while they are sent.
struct Rejected {
    runner: Arc<Runner>,
    environment: EnvironmentId,
    job: Job,
    offset: u64,
    reading: Option<JoinHandle<Result<Vec<u8>, String>>>,
}

impl Rejected {
    fn read(&self) -> JoinHandle<Result<Vec<u8>, String>> {
        let (runner, environment) = (Arc::clone(&self.runner), self.environment);
        let (job, offset) = (self.job.clone(), self.offset);
        tokio::task::spawn_blocking(move || {
            let mut piece = vec![0; PIECE_BYTES];
            let read = runner.read_rejects(environment, &job, offset, &mut piece);
            piece.truncate(read.map_err(|error| error.to_string())?);
            Ok(piece)
        })
    }
}

impl Stream for Rejected {
    type Item = Result<Bytes, String>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.offset >= self.job.checkpoint.rejects_bytes {
            return Poll::Ready(None);
        }
        let mut reading = self.reading.take().unwrap_or_else(|| self.read());
        let Poll::Ready(read) = Pin::new(&mut reading).poll(context) else {
            self.reading = Some(reading);
            return Poll::Pending;
        };
        Poll::Ready(match read.map_err(|error| error.to_string()).flatten() {
            Ok(piece) if piece.is_empty() => None,
            Ok(piece) => {
                self.offset += piece.len() as u64;
                Some(Ok(piece.into()))
            }
            Err(error) => {
                tracing::error!(error, "rejected rows cannot be read");
                Some(Err(error))
            }
        })
    }
}

impl From<JobError> for Refused {
    fn from(error: JobError) -> Self {
        match error {
            JobError::Running => Problem::of_call(
                ProblemCode::JobRunning,
                "Another bulk upload of this environment is under way; send this one when its job has ended.",
            )
            .into(),
            JobError::Unknown => {
                Problem::of_call(ProblemCode::JobUnknown, "No such job in this environment.").into()
            }
            JobError::Ended => {
                Problem::of_call(ProblemCode::JobEnded, "The job has ended; nothing is left to cancel.")
                    .into()
            }
            JobError::Store(error) => error.into(),
        }
    }
}
