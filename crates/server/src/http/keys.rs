//! `/v1/environments/{id}/keys`: the keys of an environment, listed, made, replaced and revoked.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use muster_kernel::model::catalog::Scope;
use muster_kernel::model::id::KeyId;
use muster_kernel::model::problem::{Problem, ProblemCode};
use muster_kernel::model::team::HOUR;

use crate::admin::{AdminAnswer, AdminRequest, CreateKey, KeyView, Replacement, schema};

use super::acts;
use super::edge::Edge;
use super::error::{self, Refused};
use super::openapi::{ActProblems, SessionProblems};
use super::signed_in::{Admins, Analysts, InEnvironment, Numbers};

/// For how long both keys are taken when nobody says otherwise.
const OVERLAP_HOURS_DEFAULT: u32 = 24;

/// The keys of an environment.
#[derive(Serialize, ToSchema)]
#[schema(as = KeyList)]
pub(super) struct ListBody {
    /// By number, revoked ones included.
    data: Vec<KeyView>,
}

/// A key to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = KeyCreate)]
pub(super) struct CreateFields {
    /// What to recognise it by; as the replaced key when absent.
    name: Option<String>,
    /// What it may do; `ingest` and `read`, or as the replaced key, when absent.
    #[schema(value_type = Option<Vec<schema::Scope>>)]
    scopes: Option<Vec<Scope>>,
    /// Calls per minute; no limit, or as the replaced key, when absent.
    #[schema(minimum = 1)]
    calls_per_minute_max: Option<u32>,
    /// The number of a key that this one takes the place of.
    replaces: Option<u32>,
    /// For how many hours both keys are taken; 24 when absent.
    overlap_hours: Option<u32>,
}

/// A key that was made.
#[derive(Serialize, ToSchema)]
#[schema(as = KeyCreated)]
pub(super) struct CreatedBody {
    /// The key.
    key: KeyView,
    /// The secret itself; it is not shown again.
    secret: String,
    /// The key that it replaces, with the time at which that one ends.
    #[schema(required = true)]
    replaced: Option<KeyView>,
}

/// A key that was revoked.
#[derive(Serialize, ToSchema)]
#[schema(as = KeyRevoked)]
pub(super) struct RevokedBody {
    /// The key.
    key: KeyView,
}

/// List the keys of an environment.
#[utoipa::path(
    get,
    path = "/v1/environments/{id}/keys",
    operation_id = "list_keys",
    tag = "Environments",
    params(("id" = u32, Path, description = "The environment's number")),
    responses((status = 200, description = "The keys, without their secrets", body = ListBody), SessionProblems),
    security(("session" = [])),
)]
pub(super) async fn list(
    State(edge): State<Arc<Edge>>,
    at_work: InEnvironment<Analysts>,
) -> Result<Response, Refused> {
    let request = AdminRequest::ListKeys { environment: Some(at_work.environment.id.into()) };
    match acts::execute(&edge, at_work.member.actor(), String::new(), request).await? {
        AdminAnswer::Keys { keys } => acts::answer(error::OK, &ListBody { data: keys }),
        _ => Err(acts::astray()),
    }
}

/// Make a key.
#[utoipa::path(
    post,
    path = "/v1/environments/{id}/keys",
    operation_id = "create_key",
    tag = "Environments",
    params(("id" = u32, Path, description = "The environment's number")),
    request_body = CreateFields,
    responses((status = 201, description = "The key and its secret", body = CreatedBody), ActProblems),
    security(("session" = [])),
)]
pub(super) async fn post(
    State(edge): State<Arc<Edge>>,
    at_work: InEnvironment<Admins>,
    request: Request<Body>,
) -> Result<Response, Refused> {
    let (head, body) = request.into_parts();
    let fields: CreateFields = acts::fields(&edge, &head.headers, body).await?;
    let overlap_micros = i64::from(fields.overlap_hours.unwrap_or(OVERLAP_HOURS_DEFAULT)) * HOUR;
    let request = AdminRequest::CreateKey(CreateKey {
        environment: Some(at_work.environment.id.into()),
        name: fields.name,
        scopes: fields.scopes,
        expires: None,
        calls_per_minute_max: fields.calls_per_minute_max,
        replaces: fields.replaces.map(|id| Replacement { id: KeyId(id), overlap_micros }),
    });
    match acts::execute(&edge, at_work.member.actor(), String::new(), request).await? {
        AdminAnswer::KeyCreated { key, secret, replaced } => {
            acts::answer(error::CREATED, &CreatedBody { key, secret, replaced })
        }
        _ => Err(acts::astray()),
    }
}

/// Revoke a key.
#[utoipa::path(
    delete,
    path = "/v1/environments/{id}/keys/{key}",
    operation_id = "revoke_key",
    tag = "Environments",
    params(
        ("id" = u32, Path, description = "The environment's number"),
        ("key" = u32, Path, description = "The key's number"),
    ),
    responses((status = 200, description = "The key, refused from now on", body = RevokedBody), ActProblems),
    security(("session" = [])),
)]
pub(super) async fn delete(
    State(edge): State<Arc<Edge>>,
    at_work: InEnvironment<Admins>,
    Numbers([_, key]): Numbers<2>,
) -> Result<Response, Refused> {
    let missing = || Problem::of_call(ProblemCode::KeyNotFound, "A key has a number; list them anew.");
    let id = KeyId(key.ok_or_else(missing)?);
    let request = AdminRequest::RevokeKey { id, environment: Some(at_work.environment.id.into()) };
    match acts::execute(&edge, at_work.member.actor(), String::new(), request).await? {
        AdminAnswer::KeyRevoked { key } => acts::answer(error::OK, &RevokedBody { key }),
        _ => Err(acts::astray()),
    }
}
