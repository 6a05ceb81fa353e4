//! `GET /v1/users` and `GET /v1/users/{id}`: reading users.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use jiff::tz::TimeZone;
use utoipa::ToSchema;

use muster_kernel::model::history::AsOf;
use muster_kernel::model::id::{CompanyId, EnvironmentId, UserId};
use muster_kernel::model::page::Page;
use muster_kernel::model::problem::{Problem, ProblemCode};
use muster_kernel::model::profile::Profile;
use muster_kernel::model::segment::Level;
use muster_kernel::model::time::Timestamp;
use muster_kernel::model::value::Value;
use muster_kernel::ports::{ProfileKind, UserQuery};

use super::answer;
use super::asking;
use super::caller::Read;
use super::edge::Edge;
use super::error::{Refused, id_problem};
use super::filtered::{Filtered, FilteredParameters};
use super::openapi::{
    CursorParameter, DetailParameter, DroppedProblems, EnvironmentHeader, LimitParameter, PastProblems,
    PositionParameter, ReadProblems,
};
use super::page::PageWriter;
use super::read::{self, Head, InPath, Query, Reading, invalid};
use super::reader::Reader;
use super::render::{UserBody, View};
use super::segment_past::SegmentAsOfParameter;

/// The property by which people know a company.
const NAME: &str = "name";

/// A page of users.
#[derive(ToSchema)]
#[schema(as = UserPage)]
#[expect(dead_code, reason = "describes an answer that is written item by item")]
pub(super) struct UserPage {
    data: Vec<UserBody<'static>>,
    /// Where the next page starts; null on the last one. A page may be shorter than `limit` before that.
    #[schema(required = true)]
    next_cursor: Option<String>,
}

/// List users, in the order of their ids; with `q` and no company, those found by another property come last.
#[utoipa::path(
    get,
    path = "/v1/users",
    operation_id = "list_users",
    tag = "Users",
    params(
        ("q" = Option<String>, Query, description = "Only those whose id, e-mail or name starts with this"),
        ("company_id" = Option<String>, Query, description = "Only those of this company"),
        FilteredParameters,
        SegmentAsOfParameter,
        LimitParameter,
        CursorParameter,
        DetailParameter,
        PositionParameter,
        EnvironmentHeader,
    ),
    responses(
        (status = 200, description = "A page of users", body = UserPage),
        ReadProblems,
        PastProblems,
    ),
    security(("api_key" = ["read"]), ("session" = [])),
)]
pub(super) async fn list(State(edge): State<Arc<Edge>>, reader: Reader<Read>, head: Head) -> Response {
    let outcome = listed(&edge, &reader, &head).await;
    reader.answer(outcome)
}

async fn listed(edge: &Arc<Edge>, reader: &Reader<Read>, head: &Head) -> Result<Response, Refused> {
    let reading = read::begin(edge, reader, head).await?;
    let company = reading.query.get("company_id").map(|id| CompanyId::parse(&id));
    let company = company.transpose().map_err(id_problem)?;
    let (environment, masking) = (reader.environment(), reader.masking());
    if let Some(filtered) = Filtered::asked(edge, environment, Level::User, &reading.query, &masking)? {
        return filtered.within(company.as_ref()).page(edge, reader, reading).await;
    }
    page(edge, reader, reading, company).await
}

/// The page of users that `reading` asks for, as an answer.
pub(super) async fn page(
    edge: &Arc<Edge>,
    reader: &Reader<Read>,
    reading: Reading,
    company: Option<CompanyId>,
) -> Result<Response, Refused> {
    let asked = reading.query.page()?;
    let (environment, view) = (reader.environment(), view_of(reader, &reading.query)?);
    let unsearched = view.masking.names().to_vec();
    let users = UserQuery { search: reading.query.search(), company, unsearched };
    let bytes = read::aside(edge, move |edge| {
        let mut writer = PageWriter::new(asked);
        let mut names = CompanyNames::new(&view);
        while let Some((after, count)) = writer.wants() {
            let Page { items, next } = edge.parts.profiles.users(environment, &users, after, count)?;
            for (id, profile) in &items {
                let name = names.of(edge, environment, profile.company_id())?;
                writer.push(&UserBody::new(id.as_str(), profile, &view).of_company(name))?;
            }
            writer.turn(items.len(), next);
        }
        Ok(writer.finish())
    })
    .await?;
    Ok(answer::found(reading.position, bytes))
}

/// The names of the companies on a page, each read once.
pub(super) struct CompanyNames {
    is_hidden: bool,
    known: HashMap<String, Option<String>>,
}

impl CompanyNames {
    pub(super) fn new(view: &View) -> Self {
        CompanyNames { is_hidden: view.masking.hides(NAME), known: HashMap::new() }
    }

    /// The name of a company, where it has one that may be shown.
    pub(super) fn of(
        &mut self,
        edge: &Edge,
        environment: EnvironmentId,
        company: Option<&str>,
    ) -> Result<Option<&str>, Refused> {
        let Some(company) = company.filter(|_| !self.is_hidden) else { return Ok(None) };
        if !self.known.contains_key(company) {
            let id = CompanyId::parse(company).map_err(id_problem)?;
            let profile = edge.parts.profiles.company(environment, &id)?;
            let name = profile.as_ref().and_then(|profile| match profile.property(NAME) {
                Some(Value::Text(name)) if !name.is_empty() => Some(name.to_owned()),
                _ => None,
            });
            self.known.insert(company.to_owned(), name);
        }
        Ok(self.known.get(company).and_then(Option::as_deref))
    }
}

/// How profiles are shown to the caller.
pub(super) fn view_of(reader: &Reader<Read>, query: &Query) -> Result<View, Problem> {
    Ok(View { is_detailed: query.flag("detail")?, masking: reader.masking() })
}

/// Read a user.
#[utoipa::path(
    get,
    path = "/v1/users/{id}",
    operation_id = "read_user",
    tag = "Users",
    params(
        ("id" = String, Path, description = "The user's id, percent-encoded"),
        AsOfParameters,
        DetailParameter,
        PositionParameter,
        EnvironmentHeader,
    ),
    responses(
        (status = 200, description = "The user", body = UserBody<'static>),
        (status = 404, description = "No such user, or none by then", body = super::error::Envelope<'static>),
        ReadProblems,
        DroppedProblems,
    ),
    security(("api_key" = ["read"]), ("session" = [])),
)]
pub(super) async fn get(
    State(edge): State<Arc<Edge>>,
    reader: Reader<Read>,
    user: InPath<UserId>,
    head: Head,
) -> Response {
    let outcome = one(&edge, &reader, user, &head).await;
    reader.answer(outcome)
}

/// When a user is looked at.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `as_of` reads")]
pub(super) struct AsOfParameters {
    /// The user as what happened until then makes it: RFC 3339, or a date (its midnight in UTC).
    as_of: Option<String>,
    /// With `as_of`: only by what had been received until then.
    known_at: Option<String>,
}

async fn one(
    edge: &Arc<Edge>,
    reader: &Reader<Read>,
    user: InPath<UserId>,
    head: &Head,
) -> Result<Response, Refused> {
    let id = user.id()?;
    let reading = read::begin(edge, reader, head).await?;
    let view = view_of(reader, &reading.query)?;
    let environment = reader.environment();
    if let Some(at) = as_of(&reading.query)? {
        let (id_then, inquired) = (id.clone(), at);
        let profile = asking::ask(edge, move |edge, inquiry| {
            let subject = (ProfileKind::User, id_then.as_str());
            Ok(edge.parts.history.as_of(environment, subject, inquired, inquiry)?)
        });
        let profile = profile.await?.ok_or_else(|| {
            let message = "There was no such user by then; ask for a later time.";
            Problem::of_call(ProblemCode::UserUnknown, message)
        })?;
        return answer::read(reading.position, &UserBody::new(id.as_str(), &profile, &view).at(at));
    }
    let profile: Profile = edge.parts.profiles.user(environment, &id)?.ok_or_else(unknown_user)?;
    answer::read(reading.position, &UserBody::new(id.as_str(), &profile, &view))
}

/// The time at which a profile is looked at, if one is named.
fn as_of(query: &Query) -> Result<Option<AsOf>, Problem> {
    let known_at = asking::instant(query, "known_at", &TimeZone::UTC)?;
    match asking::instant(query, "as_of", &TimeZone::UTC)? {
        Some(time) => Ok(Some(AsOf { time, known_at: known_at.unwrap_or(Timestamp(i64::MAX)) })),
        None if known_at.is_some() => {
            Err(invalid("`known_at` says nothing without `as_of`; give both.".to_owned()))
        }
        None => Ok(None),
    }
}

/// No such user.
pub(super) fn unknown_user() -> Problem {
    Problem::of_call(ProblemCode::UserUnknown, "No such user in this environment; identify the user first.")
}
