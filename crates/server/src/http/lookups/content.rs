//! Lookups of content: what the content catalogue of the environment holds, empty at first.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use muster_kernel::model::content::ContentKind;

use crate::http::caller::Read;
use crate::http::content::{self, shapes};
use crate::http::edge::Edge;
use crate::http::openapi::{EnvironmentHeader, ReadProblems};
use crate::http::reader::Reader;

fn list(edge: &Edge, reader: Reader<Read>, kind: ContentKind) -> Response {
    let outcome = content::list(edge, reader.environment(), kind);
    reader.answer(outcome)
}

/// Look up flows.
#[utoipa::path(
    get,
    path = "/api/v1/analytics/exports/lookups/flows",
    operation_id = "lookup_flows",
    tag = "Lookups",
    params(EnvironmentHeader),
    responses((status = 200, description = "Every registered flow", body = Vec<shapes::Titled>), ReadProblems),
    security(("api_key" = ["read"]), ("session" = [])),
)]
pub(in crate::http) async fn flows(State(edge): State<Arc<Edge>>, reader: Reader<Read>) -> Response {
    list(&edge, reader, ContentKind::Flows)
}

/// Look up banners.
#[utoipa::path(
    get,
    path = "/api/v1/analytics/exports/lookups/banners",
    operation_id = "lookup_banners",
    tag = "Lookups",
    params(EnvironmentHeader),
    responses((status = 200, description = "Every registered banner", body = Vec<shapes::Titled>), ReadProblems),
    security(("api_key" = ["read"]), ("session" = [])),
)]
pub(in crate::http) async fn banners(State(edge): State<Arc<Edge>>, reader: Reader<Read>) -> Response {
    list(&edge, reader, ContentKind::Banners)
}

/// Look up embeds: banners and cards.
#[utoipa::path(
    get,
    path = "/api/v1/analytics/exports/lookups/embeds",
    operation_id = "lookup_embeds",
    tag = "Lookups",
    params(EnvironmentHeader),
    responses((status = 200, description = "Every registered embed", body = Vec<shapes::Embed>), ReadProblems),
    security(("api_key" = ["read"]), ("session" = [])),
)]
pub(in crate::http) async fn embeds(State(edge): State<Arc<Edge>>, reader: Reader<Read>) -> Response {
    list(&edge, reader, ContentKind::Embeds)
}

/// Look up spotlights.
#[utoipa::path(
    get,
    path = "/api/v1/analytics/exports/lookups/spotlights",
    operation_id = "lookup_spotlights",
    tag = "Lookups",
    params(EnvironmentHeader),
    responses((status = 200, description = "Every registered spotlight", body = Vec<shapes::Titled>), ReadProblems),
    security(("api_key" = ["read"]), ("session" = [])),
)]
pub(in crate::http) async fn spotlights(State(edge): State<Arc<Edge>>, reader: Reader<Read>) -> Response {
    list(&edge, reader, ContentKind::Spotlights)
}

/// Look up surveys with their modules.
#[utoipa::path(
    get,
    path = "/api/v1/analytics/exports/lookups/surveys",
    operation_id = "lookup_surveys",
    tag = "Lookups",
    params(EnvironmentHeader),
    responses((status = 200, description = "Every registered survey", body = Vec<shapes::Survey>), ReadProblems),
    security(("api_key" = ["read"]), ("session" = [])),
)]
pub(in crate::http) async fn surveys(State(edge): State<Arc<Edge>>, reader: Reader<Read>) -> Response {
    list(&edge, reader, ContentKind::Surveys)
}

/// Look up modules of resource centers.
#[utoipa::path(
    get,
    path = "/api/v1/analytics/exports/lookups/resource_center_modules",
    operation_id = "lookup_resource_center_modules",
    tag = "Lookups",
    params(EnvironmentHeader),
    responses((status = 200, description = "Every registered module", body = Vec<shapes::Keyed>), ReadProblems),
    security(("api_key" = ["read"]), ("session" = [])),
)]
pub(in crate::http) async fn resource_center_modules(
    State(edge): State<Arc<Edge>>,
    reader: Reader<Read>,
) -> Response {
    list(&edge, reader, ContentKind::ResourceCenterModules)
}

/// Look up checklists.
#[utoipa::path(
    get,
    path = "/api/v1/analytics/exports/lookups/checklists",
    operation_id = "lookup_checklists",
    tag = "Lookups",
    params(EnvironmentHeader),
    responses((status = 200, description = "Every registered checklist", body = Vec<shapes::Keyed>), ReadProblems),
    security(("api_key" = ["read"]), ("session" = [])),
)]
pub(in crate::http) async fn checklists(State(edge): State<Arc<Edge>>, reader: Reader<Read>) -> Response {
    list(&edge, reader, ContentKind::Checklists)
}
