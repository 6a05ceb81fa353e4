//! `/v1/dashboards`: named lists of saved reports.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use muster_kernel::model::catalog::CatalogState;
use muster_kernel::model::saved::{DashboardReports, SavedDashboard};
use muster_kernel::model::time::Timestamp;

use super::Asker;
use super::keeping::{self, Shown};
use crate::http::acts;
use crate::http::answer::Instant;
use crate::http::caller::{Curate, Read};
use crate::http::edge::Edge;
use crate::http::error::{self, Refused};
use crate::http::openapi::{ActProblems, EnvironmentHeader, ReadProblems};
use crate::http::reader::Reader;
use crate::http::signed_in::Numbers;
use crate::http::versions::VersionHeader;

/// A dashboard.
#[derive(Serialize, ToSchema)]
#[schema(as = Dashboard)]
pub(super) struct DashboardBody {
    /// Its number; never reused.
    id: u32,
    /// Its name.
    #[schema(example = "Growth")]
    name: String,
    /// The numbers of its reports, in their order.
    reports: Vec<u32>,
    /// When it was made.
    #[schema(value_type = Instant)]
    created_at: Instant,
    /// When it was last changed.
    #[schema(value_type = Instant)]
    updated_at: Instant,
    /// The address of the member who made it; null when it was a key, or the member is gone.
    #[schema(required = true)]
    created_by: Option<String>,
    /// Counts the changes; also as `ETag`.
    version: u32,
}

/// The dashboards of an environment.
#[derive(Serialize, ToSchema)]
#[schema(as = DashboardList)]
pub(super) struct ListBody {
    /// In the order in which they were made.
    items: Vec<DashboardBody>,
    /// Always null: all of them are here.
    #[schema(required = true)]
    next_cursor: Option<String>,
}

/// What a dashboard shall be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DashboardFields)]
pub(super) struct Fields {
    /// Its name: 1 to 120 characters, unique in the environment without regard to case.
    #[schema(example = "Growth")]
    name: String,
    /// The numbers of saved reports, 50 at most, each once.
    reports: Vec<u32>,
}

impl Shown for DashboardReports {
    type Body = DashboardBody;

    fn body(saved: &SavedDashboard, state: &CatalogState, _: &Asker, _: Timestamp) -> DashboardBody {
        DashboardBody {
            id: saved.id,
            name: saved.name.clone(),
            reports: saved.what.reports.clone(),
            created_at: Instant(saved.created_at),
            updated_at: Instant(saved.updated_at),
            created_by: keeping::author(saved, state),
            version: saved.version,
        }
    }
}

async fn saved(
    edge: &Arc<Edge>,
    reader: &Reader<Curate>,
    place: Option<Option<u32>>,
    call: Request<Body>,
) -> Result<Response, Refused> {
    let (head, body) = call.into_parts();
    let Fields { name, reports } = acts::fields(edge, &head.headers, body).await?;
    keeping::save(edge, reader, place, &head.headers, (name, DashboardReports { reports })).await
}

/// List dashboards.
#[utoipa::path(
    get,
    path = "/v1/dashboards",
    operation_id = "list_dashboards",
    tag = "Reports",
    params(EnvironmentHeader),
    responses((status = 200, description = "Every dashboard", body = ListBody), ReadProblems),
    security(("api_key" = ["read"]), ("session" = [])),
)]
pub(in crate::http) async fn list(State(edge): State<Arc<Edge>>, reader: Reader<Read>) -> Response {
    let items = keeping::all::<DashboardReports, _>(&edge, &reader);
    let outcome = acts::answer(error::OK, &ListBody { items, next_cursor: None });
    reader.answer(outcome)
}

/// Read a dashboard.
#[utoipa::path(
    get,
    path = "/v1/dashboards/{id}",
    operation_id = "read_dashboard",
    tag = "Reports",
    params(("id" = u32, Path, description = "The dashboard's number"), EnvironmentHeader),
    responses(
        (status = 200, description = "The dashboard", body = DashboardBody, headers(("ETag" = String, description = "Its version"))),
        (status = 404, description = "No such dashboard", body = error::Envelope<'static>),
        ReadProblems,
    ),
    security(("api_key" = ["read"]), ("session" = [])),
)]
pub(in crate::http) async fn get(
    State(edge): State<Arc<Edge>>,
    reader: Reader<Read>,
    Numbers([id]): Numbers<1>,
) -> Response {
    let outcome = keeping::one::<DashboardReports, _>(&edge, &reader, id);
    reader.answer(outcome)
}

/// Save a dashboard.
#[utoipa::path(
    post,
    path = "/v1/dashboards",
    operation_id = "create_dashboard",
    tag = "Reports",
    params(EnvironmentHeader),
    request_body = Fields,
    responses(
        (status = 201, description = "The dashboard", body = DashboardBody, headers(("ETag" = String, description = "Its version"))),
        ActProblems,
    ),
    security(("api_key" = ["admin"]), ("session" = [])),
)]
pub(in crate::http) async fn post(
    State(edge): State<Arc<Edge>>,
    reader: Reader<Curate>,
    call: Request<Body>,
) -> Response {
    let outcome = saved(&edge, &reader, None, call).await;
    reader.answer(outcome)
}

/// Change a dashboard to what the body says.
#[utoipa::path(
    put,
    path = "/v1/dashboards/{id}",
    operation_id = "replace_dashboard",
    tag = "Reports",
    params(("id" = u32, Path, description = "The dashboard's number"), VersionHeader, EnvironmentHeader),
    request_body = Fields,
    responses(
        (status = 200, description = "The dashboard as it is now", body = DashboardBody, headers(("ETag" = String, description = "Its version"))),
        (status = 412, description = "It has another version by now", body = error::Envelope<'static>),
        ActProblems,
    ),
    security(("api_key" = ["admin"]), ("session" = [])),
)]
pub(in crate::http) async fn put(
    State(edge): State<Arc<Edge>>,
    reader: Reader<Curate>,
    Numbers([id]): Numbers<1>,
    call: Request<Body>,
) -> Response {
    let outcome = saved(&edge, &reader, Some(id), call).await;
    reader.answer(outcome)
}

/// Remove a dashboard; its reports stay.
#[utoipa::path(
    delete,
    path = "/v1/dashboards/{id}",
    operation_id = "delete_dashboard",
    tag = "Reports",
    params(("id" = u32, Path, description = "The dashboard's number"), VersionHeader, EnvironmentHeader),
    responses(
        (status = 204, description = "The dashboard is removed"),
        (status = 412, description = "It has another version by now", body = error::Envelope<'static>),
        ActProblems,
    ),
    security(("api_key" = ["admin"]), ("session" = [])),
)]
pub(in crate::http) async fn delete(
    State(edge): State<Arc<Edge>>,
    reader: Reader<Curate>,
    Numbers([id]): Numbers<1>,
    call: Request<Body>,
) -> Response {
    let outcome = keeping::remove::<DashboardReports>(&edge, &reader, id, call.headers()).await;
    reader.answer(outcome)
}
