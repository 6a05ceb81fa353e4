//! What the routes of the console share: bodies read as fields, administrative requests carried out beside the edge
//! thread, and answers that nobody keeps.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::header::{CACHE_CONTROL, HOST, ORIGIN};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use serde::Serialize;
use serde::de::DeserializeOwned;

use muster_kernel::model::problem::{Problem, ProblemCode};

use crate::admin::{self, Actor, AdminAnswer, AdminError, AdminRequest, Office, SavedAct};

use super::caller::Purpose;
use super::edge::Edge;
use super::error::Refused;
use super::reader::Reader;
use super::versions::version_of;
use super::{answer, attempts, body, read};

/// The other end of the connection; present on the calls that count attempts.
#[derive(Clone, Copy)]
pub(super) struct Peer(pub Option<IpAddr>);

/// Whether calls to this path count attempts.
pub(super) fn counts_attempts(path: &str) -> bool {
    path == "/v1/session" || path.starts_with("/v1/invitations/")
}

/// Where a call comes from.
pub(super) fn address_of(edge: &Edge, head: &Parts) -> Option<IpAddr> {
    let peer = head.extensions.get::<Peer>().and_then(|peer| peer.0);
    attempts::address_of(&head.headers, peer, edge.settings().trusted_proxy)
}

/// The fields of a body.
///
/// # Errors
/// When it is not JSON, or its fields are not what they should be.
pub(super) async fn fields<T: DeserializeOwned>(
    edge: &Edge,
    headers: &HeaderMap,
    body: Body,
) -> Result<T, Refused> {
    let bytes = body::read(edge, headers, body).await?;
    if bytes.trim_ascii().is_empty() {
        let message = "There is no body; send a JSON object.";
        return Err(Problem::of_call(ProblemCode::BodyMissing, message).into());
    }
    serde_json::from_slice(&bytes).map_err(|error| {
        let (code, what) = match error.classify() {
            serde_json::error::Category::Data => (ProblemCode::FieldInvalid, "not what this call takes"),
            _ => (ProblemCode::BodyNotJson, "not JSON"),
        };
        Problem::of_call(code, format!("The body is {what}: {error}.")).into()
    })
}

/// Carries out a request of a member beside the edge thread: it ends with a sync of the disk.
///
/// # Errors
/// What administration refuses.
pub(super) async fn execute(
    edge: &Arc<Edge>,
    by: Actor,
    base: String,
    request: AdminRequest,
) -> Result<AdminAnswer, Refused> {
    with_office(edge, base, move |office| admin::execute(request, &by, office)).await
}

/// Works in the office beside the edge thread.
///
/// # Errors
/// What `work` refuses.
pub(super) async fn with_office<T: Send + 'static>(
    edge: &Arc<Edge>,
    base: String,
    work: impl FnOnce(Office<'_>) -> Result<T, AdminError> + Send + 'static,
) -> Result<T, Refused> {
    read::aside(edge, move |edge| Ok(work(edge.office(&base))?)).await
}

/// Where links in an answer lead: to the address that the operator names, else to the page that the call came from.
pub(super) fn base_of(edge: &Edge, headers: &HeaderMap) -> String {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let public = edge.settings().public_url.as_deref();
    match public.or_else(|| text(ORIGIN)) {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None => format!("http://{}", text(HOST).unwrap_or_default()),
    }
}

/// An answer that no cache keeps.
///
/// # Errors
/// When it cannot be written as JSON, which is a defect.
pub(super) fn answer(status: StatusCode, body: &impl Serialize) -> Result<Response, Refused> {
    let bytes = serde_json::to_vec(body).map_err(|error| Refused::internal(error.to_string()))?;
    Ok(unkept(status, bytes))
}

/// The same, already rendered.
pub(super) fn unkept(status: StatusCode, bytes: Vec<u8>) -> Response {
    let mut response = answer::json(status, bytes);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Who saves something, where, and the version that `If-Match` names. One that cannot be named by us is 0, which nothing
/// has.
pub(super) fn saving<P: Purpose>(reader: &Reader<P>, headers: &HeaderMap) -> SavedAct {
    SavedAct {
        environment: reader.environment(),
        by: reader.actor(),
        key: reader.key(),
        version: version_of(headers),
    }
}

/// An answer without a body.
pub(super) fn nothing() -> Response {
    let mut response = Response::new(Body::from(Bytes::new()));
    *response.status_mut() = super::error::NO_CONTENT;
    response
}

/// Administration answered another question than was asked: a defect.
pub(super) fn astray() -> Refused {
    Refused::internal("administration answered another question")
}
