//! `GET /v1/validate`: whether a key is good (spec 2.11). Any live key will do, whatever its scopes.

use axum::response::Response;

use super::answer;
use super::caller::{Caller, Nothing};
use super::error;
use super::openapi::KeyProblems;

/// Check an API key.
#[utoipa::path(
    get,
    path = "/v1/validate",
    operation_id = "validate_key",
    tag = "Real-time",
    responses((status = 200, description = "The key is good", body = Object), KeyProblems),
    security(("api_key" = [])),
)]
pub(super) async fn get(caller: Caller<Nothing>) -> Response {
    caller.answer(Ok(answer::json(error::OK, "{}")))
}
