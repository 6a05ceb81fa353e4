//! `POST /v1/companies/identify`: one company's properties (seed 004). Attaches no user.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::Response;
use utoipa::ToSchema;

use muster_kernel::accept::Call;

use super::answer::Accepted;
use super::caller::{Caller, Ingest};
use super::edge::Edge;
use super::openapi::{DryRunParameter, IdempotencyHeader, WriteProblems};
use super::write;

/// One company. Keys that are not named here are ignored.
#[derive(ToSchema)]
#[schema(as = IdentifyCompany)]
#[expect(dead_code, reason = "describes what the kernel reads")]
pub(super) struct Sent {
    /// The company's id; an integer stands for its decimal text.
    #[schema(example = "company_001")]
    company_id: String,
    /// Properties to set; null removes one.
    #[schema(value_type = Option<Object>)]
    metadata: Option<()>,
    /// When this was so, where not now.
    #[schema(format = DateTime)]
    occurred_at: Option<String>,
    /// An id of the caller's own: a call with the same id and body is taken once.
    event_id: Option<String>,
}

/// Create or update a company.
#[utoipa::path(
    post,
    path = "/v1/companies/identify",
    operation_id = "identify_company",
    tag = "Real-time",
    request_body(
        content = inline(Sent),
        description = "The company",
        example = json!({
            "company_id": "company_001",
            "metadata": {"name": "Acme Corporation", "industry": "SaaS", "plan": "Enterprise", "monthly_spend": 1000},
        }),
    ),
    params(DryRunParameter, IdempotencyHeader),
    responses(
        (status = 200, description = "Stored and visible; of a dry run, only looked at", body = Accepted, headers(
            ("Muster-Position" = String, description = "The position that the call reached"),
            ("Muster-Duplicate" = Option<String>, description = "`true` on the answer to a repetition"),
        )),
        WriteProblems,
    ),
    security(("api_key" = ["ingest"])),
)]
pub(super) async fn post(
    State(edge): State<Arc<Edge>>,
    mut caller: Caller<Ingest>,
    request: Request<Body>,
) -> Response {
    let outcome = write::take(&edge, &mut caller, Call::IdentifyCompany, request).await;
    caller.answer(outcome)
}
