//! `GET /healthz/live`, `/healthz/ready` and `/version`: for whoever runs the server. No key is needed.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::answer;
use super::edge::Edge;
use super::error;

/// Is the process alive?
#[utoipa::path(
    get,
    path = "/healthz/live",
    operation_id = "is_live",
    tag = "Operation",
    responses((status = 200, description = "It is: it answers", body = StatusBody)),
)]
pub(super) async fn live() -> Response {
    answer::json(error::OK, r#"{"status":"live"}"#)
}

/// Does it take calls?
#[utoipa::path(
    get,
    path = "/healthz/ready",
    operation_id = "is_ready",
    tag = "Operation",
    responses(
        (status = 200, description = "Every environment answers", body = StatusBody),
        (status = 503, description = "One does not, or the server is stopping", body = StatusBody),
    ),
)]
pub(super) async fn ready(State(edge): State<Arc<Edge>>) -> Response {
    let state = edge.parts.catalog.state();
    let answers = |environment| edge.parts.log.visible(environment).is_ok();
    if edge.shared.is_open() && state.environments.iter().all(|environment| answers(environment.id)) {
        answer::json(error::OK, r#"{"status":"ready"}"#)
    } else {
        answer::json(error::UNAVAILABLE, r#"{"status":"not_ready"}"#)
    }
}

/// Which version is this?
#[utoipa::path(
    get,
    path = "/version",
    operation_id = "read_version",
    tag = "Operation",
    responses((status = 200, description = "Name and version", body = VersionBody)),
)]
pub(super) async fn version(State(edge): State<Arc<Edge>>) -> Response {
    let body = VersionBody { name: "muster", version: edge.parts.version };
    answer::json(error::OK, serde_json::to_vec(&body).unwrap_or_default())
}

/// How the server is.
#[derive(ToSchema)]
#[schema(as = Status)]
#[expect(dead_code, reason = "describes answers that are constant bytes")]
struct StatusBody {
    /// `live`, `ready` or `not_ready`.
    #[schema(example = "ready")]
    status: String,
}

/// What the server is.
#[derive(Serialize, ToSchema)]
#[schema(as = Version)]
struct VersionBody {
    #[schema(example = "muster")]
    name: &'static str,
    #[schema(example = "0.1.0")]
    version: &'static str,
}
