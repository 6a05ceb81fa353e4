//! `POST /v1/track`: one named event of a user (spec 2.3).

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::Response;
use utoipa::ToSchema;

use muster_kernel::accept::Call;

use super::answer::Accepted;
use super::caller::{Caller, Record};
use super::edge::Edge;
use super::openapi::{DryRunParameter, IdempotencyHeader, WriteProblems};
use super::write;

/// One event. Keys that are not named here are ignored.
#[derive(ToSchema)]
#[schema(as = Track)]
#[expect(dead_code, reason = "describes what the kernel reads")]
pub(super) struct Sent {
    /// The user's id; an integer stands for its decimal text. An unknown user is created.
    #[schema(example = "user_789456")]
    user_id: String,
    /// What happened; `event` is an alias.
    #[schema(example = "invoice_paid")]
    event_name: String,
    /// The event's own properties, at most 10 KB.
    #[schema(value_type = Option<Object>)]
    metadata: Option<()>,
    /// The company that the user belongs to, by `company_id` or `id`; every other key is a property of it.
    #[schema(value_type = Option<Object>)]
    company: Option<()>,
    /// When it happened, where not now.
    #[schema(format = DateTime)]
    occurred_at: Option<String>,
    /// An id of the caller's own: a call with the same id and body is taken once.
    event_id: Option<String>,
}

/// Record an event.
#[utoipa::path(
    post,
    path = "/v1/track",
    operation_id = "track",
    tag = "Real-time",
    request_body(
        content = inline(Sent),
        description = "The event",
        example = json!({
            "user_id": "user_001",
            "event_name": "invoice_paid",
            "metadata": {"amount": 12.5, "currency": "EUR"},
        }),
    ),
    params(DryRunParameter, IdempotencyHeader),
    responses(
        (status = 202, description = "Stored and visible; of a dry run, only looked at", body = Accepted, headers(
            ("Muster-Position" = String, description = "The position that the call reached"),
            ("Muster-Duplicate" = Option<String>, description = "`true` on the answer to a repetition"),
        )),
        WriteProblems,
    ),
    security(("api_key" = ["ingest"])),
)]
pub(super) async fn post(
    State(edge): State<Arc<Edge>>,
    caller: Caller<Record>,
    request: Request<Body>,
) -> Response {
    let mut caller = caller.writing();
    let outcome = write::take(&edge, &mut caller, Call::Track, request).await;
    caller.answer(outcome)
}
