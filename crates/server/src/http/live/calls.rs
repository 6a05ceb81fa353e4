//! `GET /v1/environments/{id}/calls` and `…/calls/{sequence}`: the newest calls.

use std::sync::Arc;

use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, State};
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use muster_kernel::model::problem::{Problem, ProblemCode};

use super::super::answer;
use super::super::edge::Edge;
use super::super::error::Refused;
use super::super::openapi::{LimitParameter, SessionProblems};
use super::super::read::{Head, Query, invalid};
use super::super::signed_in::{InEnvironment, Viewers};
use super::filter::{Filter, FilterParameters};
use super::render::{CallBody, CallDetail};

/// A page of calls.
#[derive(Serialize, ToSchema)]
#[schema(as = CallPage)]
pub(super) struct CallPage<'a> {
    /// The calls, newest first, without what they carried.
    data: Vec<CallBody<'a>>,
    /// How many calls of this environment were not recorded since the start, because too many came at once.
    skipped: u64,
    /// The `before` of the next page; null on the last one.
    #[schema(required = true)]
    next_cursor: Option<u64>,
}

/// List the newest calls.
#[utoipa::path(
    get,
    path = "/v1/environments/{id}/calls",
    operation_id = "list_calls",
    tag = "Live",
    params(
        ("id" = u32, Path, description = "The environment's number"),
        FilterParameters,
        ("before" = Option<u64>, Query, description = "Only calls recorded before the one with this sequence"),
        LimitParameter,
    ),
    responses((status = 200, description = "The newest calls, as far as they are kept", body = CallPage<'static>), SessionProblems),
    security(("session" = [])),
)]
pub(in crate::http) async fn list(
    State(edge): State<Arc<Edge>>,
    at_work: InEnvironment<Viewers>,
    head: Head,
) -> Result<Response, Refused> {
    let query = Query::of(&head);
    let (filter, limit) = (Filter::of(&query)?, query.limit()?);
    let before = sequence(&query, "before")?;
    let scope = super::scope(&at_work);
    let (calls, has_more) = edge.shared.recorder.page(scope, &filter, before, limit);
    let catalog = edge.parts.catalog.state();
    let page = CallPage {
        data: calls.iter().map(|call| CallBody::new(call, &catalog)).collect(),
        skipped: super::skipped(&edge, scope),
        next_cursor: calls.last().filter(|_| has_more).map(|call| call.sequence),
    };
    answer::plain(&page)
}

/// A parameter that names a call.
pub(super) fn sequence(query: &Query, name: &str) -> Result<Option<u64>, Problem> {
    let parse = |text: &str| text.parse().map_err(|_| invalid(format!("`{name}` is no sequence of a call.")));
    query.get(name).map(|text| parse(&text)).transpose()
}

/// Read a call with what it carried and changed.
#[utoipa::path(
    get,
    path = "/v1/environments/{id}/calls/{sequence}",
    operation_id = "read_call",
    tag = "Live",
    params(
        ("id" = u32, Path, description = "The environment's number"),
        ("sequence" = u64, Path, description = "The call's sequence"),
    ),
    responses(
        (status = 200, description = "The call", body = CallDetail<'static>),
        SessionProblems,
    ),
    security(("session" = [])),
)]
pub(in crate::http) async fn get(
    State(edge): State<Arc<Edge>>,
    at_work: InEnvironment<Viewers>,
    path: Result<RawPathParams, RawPathParamsRejection>,
) -> Result<Response, Refused> {
    let sequence = path.ok().and_then(|path| path.iter().nth(1)?.1.parse().ok());
    let found = sequence.and_then(|sequence| edge.shared.recorder.call(super::scope(&at_work), sequence));
    let call = found.ok_or_else(|| {
        let message = "No such call is kept; the newest calls are kept for a while only.";
        Problem::of_call(ProblemCode::CallUnknown, message)
    })?;
    let sees_bodies = at_work.member.role.may_see_pii();
    answer::plain(&CallDetail::new(&call, &edge.parts.catalog.state(), sees_bodies))
}
