//! `GET /v1/users/{id}/events` and `GET /v1/companies/{id}/events`: what happened to one of them, newest first.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use jiff::tz::TimeZone;

use muster_kernel::model::history::EventQuery;
use muster_kernel::model::id::{CompanyId, UserId};
use muster_kernel::model::problem::Problem;
use muster_kernel::ports::{Inquiry, StoreError};

use super::answer;
use super::asking::{self, FILTERS, FilterParameters, PAGE};
use super::caller::Read;
use super::companies::unknown_company;
use super::edge::Edge;
use super::error::Refused;
use super::events::{self, EventPage};
use super::openapi::{CursorParameter, EnvironmentHeader, LimitParameter, PositionParameter, ReadProblems};
use super::read::{self, Head, InPath};
use super::reader::Reader;
use super::users::unknown_user;

/// Read a user's events, newest first.
#[utoipa::path(
    get,
    path = "/v1/users/{id}/events",
    operation_id = "list_user_events",
    tag = "Events",
    params(
        ("id" = String, Path, description = "The user's id, percent-encoded"),
        FilterParameters,
        LimitParameter,
        CursorParameter,
        PositionParameter,
        EnvironmentHeader,
    ),
    responses(
        (status = 200, description = "Events that are about the user, newest first", body = EventPage),
        (status = 404, description = "No such user, and no event about one", body = super::error::Envelope<'static>),
        ReadProblems,
    ),
    security(("api_key" = ["read"]), ("session" = [])),
)]
pub(super) async fn of_user(
    State(edge): State<Arc<Edge>>,
    reader: Reader<Read>,
    user: InPath<UserId>,
    head: Head,
) -> Response {
    let outcome = users(&edge, &reader, user, &head).await;
    reader.answer(outcome)
}

async fn users(
    edge: &Arc<Edge>,
    reader: &Reader<Read>,
    user: InPath<UserId>,
    head: &Head,
) -> Result<Response, Refused> {
    let id = user.id()?;
    let of_one = EventQuery { user: Some(id.clone()), ..EventQuery::default() };
    let environment = reader.environment();
    let is_known = move |edge: &Edge| Ok(edge.parts.profiles.user(environment, &id)?.is_some());
    listed(edge, reader, head, (of_one, is_known, unknown_user)).await
}

/// Read the events that name a company, newest first.
#[utoipa::path(
    get,
    path = "/v1/companies/{id}/events",
    operation_id = "list_company_events",
    tag = "Events",
    params(
        ("id" = String, Path, description = "The company's id, percent-encoded"),
        FilterParameters,
        LimitParameter,
        CursorParameter,
        PositionParameter,
        EnvironmentHeader,
    ),
    responses(
        (status = 200, description = "Events that name the company, newest first", body = EventPage),
        (status = 404, description = "No such company, and no event naming one", body = super::error::Envelope<'static>),
        ReadProblems,
    ),
    security(("api_key" = ["read"]), ("session" = [])),
)]
pub(super) async fn of_company(
    State(edge): State<Arc<Edge>>,
    reader: Reader<Read>,
    company: InPath<CompanyId>,
    head: Head,
) -> Response {
    let outcome = companies(&edge, &reader, company, &head).await;
    reader.answer(outcome)
}

async fn companies(
    edge: &Arc<Edge>,
    reader: &Reader<Read>,
    company: InPath<CompanyId>,
    head: &Head,
) -> Result<Response, Refused> {
    let id = company.id()?;
    let of_one = EventQuery { company: Some(id.clone()), ..EventQuery::default() };
    let environment = reader.environment();
    let is_known = move |edge: &Edge| Ok(edge.parts.profiles.company(environment, &id)?.is_some());
    listed(edge, reader, head, (of_one, is_known, unknown_company)).await
}

/// The page of the events of one. An id that nothing is known of is told from one to which nothing happened then.
async fn listed(
    edge: &Arc<Edge>,
    reader: &Reader<Read>,
    head: &Head,
    (of_one, is_known, unknown): (
        EventQuery,
        impl FnOnce(&Edge) -> Result<bool, StoreError> + Send + 'static,
        fn() -> Problem,
    ),
) -> Result<Response, Refused> {
    let reading = read::begin(edge, reader, head).await?;
    reading.query.refuse_others(&[&FILTERS[..], &PAGE[..]].concat())?;
    let masking = reader.masking();
    let asked = asking::filters(&reading.query, &TimeZone::UTC, &masking)?;
    let asked = EventQuery { user: of_one.user.clone(), company: of_one.company.clone(), ..asked };
    let page = reading.query.page()?;
    let (environment, incarnation) = (reader.environment(), reader.incarnation());
    let bytes = asking::ask(edge, move |edge, inquiry| {
        let (count, bytes) = events::page(edge, (environment, incarnation), &asked, page, &masking, inquiry)?;
        let has_any = |inquiry: &Inquiry| {
            let any = edge.parts.history.events(environment, &of_one, None, 1, inquiry)?;
            Ok::<bool, StoreError>(!any.items.is_empty())
        };
        if count == 0 && !is_known(edge)? && !has_any(inquiry)? {
            return Err(unknown().into());
        }
        Ok(bytes)
    })
    .await?;
    Ok(answer::found(reading.position, bytes))
}
