//! `POST /v1/users/bulk_identify` and `POST /v1/companies/bulk_identify`: a file of rows becomes a job.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, Request};
use axum::response::Response;
use utoipa::ToSchema;

use muster_kernel::model::audit::Act;
use muster_kernel::model::job::{Job, JobKind, UploadGuard};
use muster_kernel::model::problem::{Problem, ProblemCode};

use super::acts;
use super::answer;
use super::edge::Edge;
use super::error::{self, Refused};
use super::jobs::JobBody;
use super::openapi::{EnvironmentHeader, IdempotencyHeader, UploadProblems};
use super::read::{self, Head, Query};
use super::sender::Sender;
use super::upload::{self, Form, Uploaded};
use super::write;
use crate::guards;
use crate::jobs::{Admission, Sent};

/// A file of rows.
#[derive(ToSchema)]
#[schema(as = BulkUpload)]
#[expect(dead_code, reason = "describes what `upload` reads")]
pub(super) struct BulkUpload {
    /// One JSON object on each line (NDJSON), plain, gzip or zstd; or one JSON document.
    #[schema(value_type = String, format = Binary)]
    file: String,
}

/// Create or update many users: `{"users":[…]}`, or NDJSON with one user on each line.
#[utoipa::path(
    post,
    path = "/v1/users/bulk_identify",
    operation_id = "bulk_identify_users",
    tag = "Bulk",
    request_body(content(
        (BulkUpload = "multipart/form-data"),
        (Object = "application/json", example = json!({"users": [
            {"user_id": "user_001", "company_id": "company_001", "metadata": {"plan": "pro"}},
        ]})),
        (String = "application/x-ndjson"),
    )),
    params(
        ("dry_run" = Option<bool>, Query, description = "With `true`, everything is checked and nothing is written"),
        IdempotencyHeader,
        EnvironmentHeader,
    ),
    responses(
        (status = 202, description = "The upload is durable; its job goes on by itself", body = JobBody),
        UploadProblems,
    ),
    security(("api_key" = ["ingest"]), ("session" = [])),
)]
pub(super) async fn users(State(edge): State<Arc<Edge>>, sender: Sender, request: Request<Body>) -> Response {
    let outcome = take(&edge, &sender, JobKind::Users, request).await;
    sender.answer(outcome)
}

/// Create or update many companies: `{"companies":[…]}`, or NDJSON with one company on each line.
#[utoipa::path(
    post,
    path = "/v1/companies/bulk_identify",
    operation_id = "bulk_identify_companies",
    tag = "Bulk",
    request_body(content(
        (BulkUpload = "multipart/form-data"),
        (Object = "application/json", example = json!({"companies": [
            {"company_id": "company_001", "metadata": {"plan": "pro"}},
        ]})),
        (String = "application/x-ndjson"),
    )),
    params(
        ("dry_run" = Option<bool>, Query, description = "With `true`, everything is checked and nothing is written"),
        IdempotencyHeader,
        EnvironmentHeader,
    ),
    responses(
        (status = 202, description = "The upload is durable; its job goes on by itself", body = JobBody),
        UploadProblems,
    ),
    security(("api_key" = ["ingest"]), ("session" = [])),
)]
pub(super) async fn companies(
    State(edge): State<Arc<Edge>>,
    sender: Sender,
    request: Request<Body>,
) -> Response {
    let outcome = take(&edge, &sender, JobKind::Companies, request).await;
    sender.answer(outcome)
}

async fn take(
    edge: &Arc<Edge>,
    sender: &Sender,
    kind: JobKind,
    request: Request<Body>,
) -> Result<Response, Refused> {
    let (head, body) = request.into_parts();
    let head = Head::of(head);
    // A dry run and the real thing are different calls, though their path is one.
    let dry_run = Query::of(&head).flag("dry_run")?;
    let scope = if dry_run { "POST dry_run" } else { "POST" };
    let key = write::idempotency_key(&head)?;
    let key = key.map(|key| guards::of_request(scope, head.uri.path(), key, b"").key);
    let form = Form::of(&head.headers)?;
    let bytes_max = edge.parts.jobs.settings().upload_bytes();
    let environment = sender.environment();
    let admission = read::aside(edge, move |edge| Ok(edge.parts.jobs.admit(environment, key)?)).await?;
    let base = acts::base_of(edge, &head.headers);
    let place = match admission {
        Admission::New(place) => place,
        Admission::Known(job) => {
            let again = upload::take(body, &form, bytes_max, None).await?;
            return repeated(edge, &job, again.hash, &base);
        }
    };
    let (place, kept) = read::aside(edge, move |edge| {
        let kept = edge.parts.jobs.begin_upload(&place)?;
        Ok((place, kept))
    })
    .await?;
    let Uploaded { upload, bytes, hash, filename } = upload::take(body, &form, bytes_max, Some(kept)).await?;
    let is_document = form.is_document;
    let ending = if is_document { "json" } else { "ndjson" };
    let sent = Sent {
        kind,
        key: sender.key(),
        dry_run,
        is_document,
        filename: filename.unwrap_or_else(|| format!("{}.{ending}", kind.as_str())),
        file_bytes: bytes,
        guard: key.map(|key| UploadGuard { key, file: hash }),
    };
    let job = read::aside(edge, move |edge| {
        let upload = upload.ok_or_else(|| Refused::internal("an upload went astray"))?;
        Ok(edge.parts.jobs.submit(place, upload, sent)?)
    })
    .await?;
    sender.tell(edge, Act::JobStarted, &job).await?;
    answer_with(edge, &job, &base)
}

/// The answer to an upload whose `Idempotency-Key` is known.
fn repeated(edge: &Edge, job: &Job, hash: [u8; 16], base: &str) -> Result<Response, Refused> {
    if job.guard.is_none_or(|guard| guard.file != hash) {
        let message = "This `Idempotency-Key` was used with another file; use a new key for a new call.";
        return Err(Problem::of_call(ProblemCode::IdempotencyConflict, message).into());
    }
    let mut response = answer_with(edge, job, base)?;
    response.headers_mut().insert(answer::DUPLICATE, HeaderValue::from_static("true"));
    Ok(response)
}

fn answer_with(edge: &Edge, job: &Job, base: &str) -> Result<Response, Refused> {
    let body = JobBody::new(job, base, edge.parts.clock.now());
    acts::answer(error::ACCEPTED, &body)
}
