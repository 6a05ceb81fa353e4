//! `POST /v1/imports` and what is below it: a file of history becomes a job. A job of imports is a job like every other; the
//! paths below this one are aliases of those below `/v1/background_jobs` (spec 2.9).

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::Response;

use muster_kernel::model::id::JobId;
use muster_kernel::model::job::JobKind;

use super::bulk::{self, BulkUpload};
use super::caller::Follow;
use super::edge::Edge;
use super::error::Envelope;
use super::jobs::{self, JobBody};
use super::openapi::{EnvironmentHeader, IdempotencyHeader, ReadProblems, UploadProblems};
use super::read::{Head, InPath};
use super::reader::Reader;
use super::sender::Sender;

/// Import history: a CSV or NDJSON file, one event in each row, with the time at which it happened.
#[utoipa::path(
    post,
    path = "/v1/imports",
    operation_id = "import",
    tag = "Import",
    request_body(content(
        (BulkUpload = "multipart/form-data"),
        (String = "text/csv"),
        (String = "application/x-ndjson"),
        (Object = "application/json", example = json!({"events": [
            {"event_type": "track", "event_name": "invoice_paid", "user_id": "user_001", "source": "backend-http-import",
             "inserted_at": "2026-01-05T09:30:00Z", "metadata": {"amount": 12.5}},
        ]})),
    )),
    params(
        ("dry_run" = Option<bool>, Query, description = "With `true`, everything is checked and nothing is written"),
        IdempotencyHeader,
        EnvironmentHeader,
    ),
    responses(
        (status = 200, description = "The upload is durable; its job goes on by itself", body = JobBody),
        UploadProblems,
    ),
    security(("api_key" = ["ingest"]), ("session" = [])),
)]
pub(super) async fn post(State(edge): State<Arc<Edge>>, sender: Sender, request: Request<Body>) -> Response {
    let outcome = bulk::take(&edge, &sender, JobKind::Import, request).await;
    sender.answer(outcome)
}

/// List imports, the newest first; the newest 1,000.
#[utoipa::path(
    get,
    path = "/v1/imports",
    operation_id = "list_imports",
    tag = "Import",
    params(EnvironmentHeader),
    responses((status = 200, description = "The jobs", body = Vec<JobBody>), ReadProblems),
    security(("api_key" = ["ingest"]), ("api_key" = ["read"]), ("session" = [])),
)]
pub(super) async fn list(State(edge): State<Arc<Edge>>, reader: Reader<Follow>, head: Head) -> Response {
    let outcome = jobs::imports(&edge, &reader, &head).await;
    reader.answer(outcome)
}

/// Read an import.
#[utoipa::path(
    get,
    path = "/v1/imports/{id}",
    operation_id = "read_import",
    tag = "Import",
    params(("id" = String, Path, description = "The job's id"), EnvironmentHeader),
    responses(
        (status = 200, description = "The job", body = JobBody),
        (status = 404, description = "No such import", body = Envelope<'static>),
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
    let outcome = async {
        let id = jobs::import_id(&edge, reader.environment(), id).await?;
        jobs::one(&edge, &reader, id, &head).await
    };
    let outcome = outcome.await;
    reader.answer(outcome)
}

/// Read the rejected rows of an import, as far as it is: NDJSON, each row with `_muster` in it, ready to be mended and sent
/// again.
#[utoipa::path(
    get,
    path = "/v1/imports/{id}/rejects",
    operation_id = "read_import_rejects",
    tag = "Import",
    params(("id" = String, Path, description = "The job's id"), EnvironmentHeader),
    responses(
        (status = 200, description = "One line for each rejected row", body = String, content_type = "application/x-ndjson"),
        (status = 404, description = "No such import", body = Envelope<'static>),
        ReadProblems,
    ),
    security(("api_key" = ["ingest"]), ("api_key" = ["read"]), ("session" = [])),
)]
pub(super) async fn rejects(
    State(edge): State<Arc<Edge>>,
    reader: Reader<Follow>,
    id: InPath<JobId>,
) -> Response {
    let outcome = async {
        let id = jobs::import_id(&edge, reader.environment(), id).await?;
        jobs::rejected(&edge, &reader, id).await
    };
    let outcome = outcome.await;
    reader.answer(outcome)
}
