//! `GET /v1/companies`, `GET /v1/companies/{id}` and its users: reading companies.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use utoipa::ToSchema;

use muster_kernel::model::id::CompanyId;
use muster_kernel::model::page::Page;
use muster_kernel::model::problem::{Problem, ProblemCode};
use muster_kernel::ports::{CompanyQuery, UserQuery};

use super::answer;
use super::caller::{Caller, Read};
use super::edge::Edge;
use super::error::Refused;
use super::openapi::{CursorParameter, DetailParameter, LimitParameter, PositionParameter, ReadProblems};
use super::page::PageWriter;
use super::read::{self, Head, InPath};
use super::render::CompanyBody;
use super::users::{self, UserPage, list_parameters};

/// A page of companies.
#[derive(ToSchema)]
#[schema(as = CompanyPage)]
#[expect(dead_code, reason = "describes an answer that is written item by item")]
pub(super) struct CompanyPage {
    data: Vec<CompanyBody<'static>>,
    /// Where the next page starts; null on the last one. A page may be shorter than `limit` before that.
    #[schema(required = true)]
    next_cursor: Option<String>,
}

/// List companies, in the order of their ids; with `q`, those found by their name come last.
#[utoipa::path(
    get,
    path = "/v1/companies",
    operation_id = "list_companies",
    tag = "Companies",
    params(
        ("q" = Option<String>, Query, description = "Only those whose id or name starts with this"),
        LimitParameter,
        CursorParameter,
        DetailParameter,
        PositionParameter,
    ),
    responses((status = 200, description = "A page of companies", body = CompanyPage), ReadProblems),
    security(("api_key" = ["read"])),
)]
pub(super) async fn list(State(edge): State<Arc<Edge>>, caller: Caller<Read>, head: Head) -> Response {
    let outcome = listed(&edge, &caller, &head).await;
    caller.answer(outcome)
}

async fn listed(edge: &Arc<Edge>, caller: &Caller<Read>, head: &Head) -> Result<Response, Refused> {
    let reading = read::begin(edge, caller, head).await?;
    let (limit, cursor, is_detailed) = list_parameters(&reading.query)?;
    let companies = CompanyQuery { search: reading.query.search() };
    let environment = caller.environment();
    let bytes = read::aside(edge, move |edge| {
        let profiles = &edge.parts.profiles;
        let mut writer = PageWriter::new(limit, cursor);
        while let Some((after, count)) = writer.wants() {
            let Page { items, next } = profiles.companies(environment, &companies, after, count)?;
            for (id, profile) in &items {
                let user_count = profiles.company_user_count(environment, id)?;
                writer.push(&CompanyBody::new(id.as_str(), user_count, profile, is_detailed))?;
            }
            writer.turn(items.len(), next);
        }
        Ok(writer.finish())
    })
    .await?;
    Ok(answer::found(reading.position, bytes))
}

/// Read a company.
#[utoipa::path(
    get,
    path = "/v1/companies/{id}",
    operation_id = "read_company",
    tag = "Companies",
    params(
        ("id" = String, Path, description = "The company's id, percent-encoded"),
        DetailParameter,
        PositionParameter,
    ),
    responses(
        (status = 200, description = "The company", body = CompanyBody<'static>),
        (status = 404, description = "No such company", body = super::error::Envelope<'static>),
        ReadProblems,
    ),
    security(("api_key" = ["read"])),
)]
pub(super) async fn get(
    State(edge): State<Arc<Edge>>,
    caller: Caller<Read>,
    company: InPath<CompanyId>,
    head: Head,
) -> Response {
    let outcome = one(&edge, &caller, company, &head).await;
    caller.answer(outcome)
}

async fn one(
    edge: &Edge,
    caller: &Caller<Read>,
    company: InPath<CompanyId>,
    head: &Head,
) -> Result<Response, Refused> {
    let id = company.id()?;
    let reading = read::begin(edge, caller, head).await?;
    let is_detailed = reading.query.flag("detail")?;
    let (profiles, environment) = (&edge.parts.profiles, caller.environment());
    let profile = profiles.company(environment, &id)?.ok_or_else(unknown_company)?;
    let user_count = profiles.company_user_count(environment, &id)?;
    answer::read(reading.position, &CompanyBody::new(id.as_str(), user_count, &profile, is_detailed))
}

/// List the users of a company, in the order of their ids.
#[utoipa::path(
    get,
    path = "/v1/companies/{id}/users",
    operation_id = "list_company_users",
    tag = "Companies",
    params(
        ("id" = String, Path, description = "The company's id, percent-encoded"),
        ("q" = Option<String>, Query, description = "Only those whose id, e-mail or name starts with this"),
        LimitParameter,
        CursorParameter,
        DetailParameter,
        PositionParameter,
    ),
    responses(
        (status = 200, description = "A page of users", body = UserPage),
        (status = 404, description = "No such company", body = super::error::Envelope<'static>),
        ReadProblems,
    ),
    security(("api_key" = ["read"])),
)]
pub(super) async fn users(
    State(edge): State<Arc<Edge>>,
    caller: Caller<Read>,
    company: InPath<CompanyId>,
    head: Head,
) -> Response {
    let outcome = members(&edge, &caller, company, &head).await;
    caller.answer(outcome)
}

async fn members(
    edge: &Arc<Edge>,
    caller: &Caller<Read>,
    company: InPath<CompanyId>,
    head: &Head,
) -> Result<Response, Refused> {
    let id = company.id()?;
    let reading = read::begin(edge, caller, head).await?;
    edge.parts.profiles.company(caller.environment(), &id)?.ok_or_else(unknown_company)?;
    let query = UserQuery { search: reading.query.search(), company: Some(id) };
    users::page(edge, caller.environment(), reading, query).await
}

fn unknown_company() -> Problem {
    Problem::of_call(
        ProblemCode::CompanyUnknown,
        "No such company in this environment; identify the company first.",
    )
}
