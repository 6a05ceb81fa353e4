//! `DELETE /v1/users/{id}/company`: the user belongs to no company from now on.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use muster_kernel::model::event::EventKind;
use muster_kernel::model::id::UserId;

use super::answer::Accepted;
use super::caller::{Caller, Ingest};
use super::edge::Edge;
use super::error::Refused;
use super::openapi::{DryRunParameter, IdempotencyHeader, WriteProblems};
use super::read::{Head, InPath};
use super::users::unknown_user;
use super::write;

/// Detach a user from the company.
#[utoipa::path(
    delete,
    path = "/v1/users/{id}/company",
    operation_id = "detach_user",
    tag = "Users",
    params(
        ("id" = String, Path, description = "The user's id, percent-encoded"),
        DryRunParameter,
        IdempotencyHeader,
    ),
    responses(
        (status = 202, description = "Stored and visible; also when the user belonged to no company", body = Accepted),
        (status = 404, description = "No such user", body = super::error::Envelope<'static>),
        WriteProblems,
    ),
    security(("api_key" = ["ingest"])),
)]
pub(super) async fn delete(
    State(edge): State<Arc<Edge>>,
    mut caller: Caller<Ingest>,
    user: InPath<UserId>,
    head: Head,
) -> Response {
    let outcome = detach(&edge, &mut caller, user, &head).await;
    caller.answer(outcome)
}

async fn detach(
    edge: &Edge,
    caller: &mut Caller<Ingest>,
    user: InPath<UserId>,
    head: &Head,
) -> Result<Response, Refused> {
    let user = user.id()?;
    // An event about an unknown user would create it, which nobody means by a DELETE.
    if edge.parts.profiles.user(caller.environment(), &user)?.is_none() {
        return Err(unknown_user().into());
    }
    write::append_made(edge, caller, head, |draft| {
        draft.kind = EventKind::IdentifyUser;
        draft.user_id.push_str(user.as_str());
        draft.leaves_company = true;
    })
    .await
}
