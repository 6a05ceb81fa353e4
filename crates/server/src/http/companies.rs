//! `GET /v1/companies`, `GET /v1/companies/{id}` and its users: reading companies.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use utoipa::ToSchema;

use muster_kernel::model::id::CompanyId;
use muster_kernel::model::page::Page;
use muster_kernel::model::problem::{Problem, ProblemCode};
use muster_kernel::model::segment::Level;
use muster_kernel::ports::CompanyQuery;

use super::answer;
use super::caller::Read;
use super::edge::Edge;
use super::error::Refused;
use super::filtered::{Filtered, FilteredParameters};
use super::openapi::{
    CursorParameter, DetailParameter, EnvironmentHeader, LimitParameter, PositionParameter, ReadProblems,
};
use super::page::PageWriter;
use super::read::{self, Head, InPath, Query, invalid};
use super::reader::Reader;
use super::render::CompanyBody;
use super::segment_past::AS_OF;
use super::users::{self, UserPage, view_of};

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
        FilteredParameters,
        LimitParameter,
        CursorParameter,
        DetailParameter,
        PositionParameter,
        EnvironmentHeader,
    ),
    responses((status = 200, description = "A page of companies", body = CompanyPage), ReadProblems),
    security(("api_key" = ["read"]), ("session" = [])),
)]
pub(super) async fn list(State(edge): State<Arc<Edge>>, reader: Reader<Read>, head: Head) -> Response {
    let outcome = listed(&edge, &reader, &head).await;
    reader.answer(outcome)
}

async fn listed(edge: &Arc<Edge>, reader: &Reader<Read>, head: &Head) -> Result<Response, Refused> {
    let reading = read::begin(edge, reader, head).await?;
    let (environment, masking) = (reader.environment(), reader.masking());
    if let Some(filtered) = Filtered::asked(edge, environment, Level::Company, &reading.query, &masking)? {
        return filtered.page(edge, reader, reading).await;
    }
    let asked = reading.query.page()?;
    let view = view_of(reader, &reading.query)?;
    let unsearched = view.masking.names().to_vec();
    let companies = CompanyQuery { search: reading.query.search(), unsearched };
    let bytes = read::aside(edge, move |edge| {
        let profiles = &edge.parts.profiles;
        let mut writer = PageWriter::new(asked);
        while let Some((after, count)) = writer.wants() {
            let Page { items, next } = profiles.companies(environment, &companies, after, count)?;
            for (id, profile) in &items {
                let user_count = profiles.company_user_count(environment, id)?;
                writer.push(&CompanyBody::new(id.as_str(), user_count, profile, &view))?;
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
        EnvironmentHeader,
    ),
    responses(
        (status = 200, description = "The company", body = CompanyBody<'static>),
        (status = 404, description = "No such company", body = super::error::Envelope<'static>),
        ReadProblems,
    ),
    security(("api_key" = ["read"]), ("session" = [])),
)]
pub(super) async fn get(
    State(edge): State<Arc<Edge>>,
    reader: Reader<Read>,
    company: InPath<CompanyId>,
    head: Head,
) -> Response {
    let outcome = one(&edge, &reader, company, &head).await;
    reader.answer(outcome)
}

async fn one(
    edge: &Edge,
    reader: &Reader<Read>,
    company: InPath<CompanyId>,
    head: &Head,
) -> Result<Response, Refused> {
    let id = company.id()?;
    let reading = read::begin(edge, reader, head).await?;
    refuse_past(
        &reading.query,
        "A company is not read `as_of` a time; ask for the members of a segment of companies.",
    )?;
    let view = view_of(reader, &reading.query)?;
    let (profiles, environment) = (&edge.parts.profiles, reader.environment());
    let profile = profiles.company(environment, &id)?.ok_or_else(unknown_company)?;
    let user_count = profiles.company_user_count(environment, &id)?;
    answer::read(reading.position, &CompanyBody::new(id.as_str(), user_count, &profile, &view))
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
        EnvironmentHeader,
    ),
    responses(
        (status = 200, description = "A page of users", body = UserPage),
        (status = 404, description = "No such company", body = super::error::Envelope<'static>),
        ReadProblems,
    ),
    security(("api_key" = ["read"]), ("session" = [])),
)]
pub(super) async fn users(
    State(edge): State<Arc<Edge>>,
    reader: Reader<Read>,
    company: InPath<CompanyId>,
    head: Head,
) -> Response {
    let outcome = members(&edge, &reader, company, &head).await;
    reader.answer(outcome)
}

async fn members(
    edge: &Arc<Edge>,
    reader: &Reader<Read>,
    company: InPath<CompanyId>,
    head: &Head,
) -> Result<Response, Refused> {
    let id = company.id()?;
    let reading = read::begin(edge, reader, head).await?;
    refuse_past(&reading.query, "`as_of` goes with `GET /v1/users?company_id=…`.")?;
    edge.parts.profiles.company(reader.environment(), &id)?.ok_or_else(unknown_company)?;
    users::page(edge, reader, reading, Some(id)).await
}

/// What has no past here says so, instead of answering about now.
fn refuse_past(query: &Query, message: &str) -> Result<(), Problem> {
    if query.get(AS_OF).is_some() { Err(invalid(message.to_owned())) } else { Ok(()) }
}

/// No such company.
pub(super) fn unknown_company() -> Problem {
    Problem::of_call(
        ProblemCode::CompanyUnknown,
        "No such company in this environment; identify the company first.",
    )
}
