//! `/v1/content/{kind}`: the content catalogue of an environment, one kind at a time, as somebody registers it. The lookups of
//! the contract answer from it.

mod items;
pub(super) mod shapes;

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequestParts, RawPathParams, State};
use axum::http::Request;
use axum::http::request::Parts;
use axum::response::Response;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use muster_kernel::model::catalog::CatalogState;
use muster_kernel::model::content::{ContentKind, ItemList, RegisteredContent};
use muster_kernel::model::id::EnvironmentId;
use muster_kernel::model::problem::{Problem, ProblemCode};

use super::acts;
use super::answer::Instant;
use super::caller::{Administer, Read};
use super::edge::Edge;
use super::error::{self, Envelope, Refused};
use super::openapi::{ActProblems, EnvironmentHeader, ReadProblems};
use super::reader::Reader;
use super::versions::{self, VersionHeader};
use crate::admin;

/// What an environment has of one kind of content.
#[derive(Serialize, ToSchema)]
#[schema(as = Content)]
pub(super) struct ContentBody<'a> {
    /// Which content.
    #[schema(value_type = shapes::Kind)]
    kind: ContentKind,
    /// The items, in the order in which they were registered; each as the lookup of its kind answers it.
    #[schema(value_type = Vec<shapes::Item>)]
    items: ItemList<'a>,
    /// When it was last changed; null when nothing was ever registered.
    #[schema(value_type = Option<Instant>, required = true)]
    updated_at: Option<Instant>,
    /// The address of the member who changed it last; null when it was a key, or the member is gone.
    #[schema(required = true)]
    updated_by: Option<String>,
    /// Counts the changes, from 1 on; also as `ETag`.
    version: u32,
}

/// The kind in the path; nothing where it is none. The handler asks for it after the caller is known.
pub(super) struct InPath(Option<ContentKind>);

impl InPath {
    fn kind(&self) -> Result<ContentKind, Problem> {
        self.0.ok_or_else(|| {
            let words = ContentKind::ALL.map(ContentKind::as_str).join("`, `");
            Problem::of_call(ProblemCode::ContentKindUnknown, format!("The kinds of content are `{words}`."))
        })
    }
}

impl FromRequestParts<Arc<Edge>> for InPath {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, edge: &Arc<Edge>) -> Result<Self, Infallible> {
        let parameters = RawPathParams::from_request_parts(parts, edge).await;
        let word = parameters.as_ref().ok().and_then(|parameters| parameters.iter().next());
        Ok(InPath(word.and_then(|(_, word)| ContentKind::parse(word))))
    }
}

/// Read what is registered of one kind of content.
#[utoipa::path(
    get,
    path = "/v1/content/{kind}",
    operation_id = "read_content",
    tag = "Content",
    params(("kind" = shapes::Kind, Path, description = "Which content"), EnvironmentHeader),
    responses(
        (status = 200, description = "What is registered", body = ContentBody<'static>, headers(("ETag" = String, description = "Its version"))),
        (status = 404, description = "No such kind", body = Envelope<'static>),
        ReadProblems,
    ),
    security(("api_key" = ["read"]), ("session" = [])),
)]
pub(super) async fn get(State(edge): State<Arc<Edge>>, reader: Reader<Read>, kind: InPath) -> Response {
    let outcome = kind.kind().map_err(Refused::from).and_then(|kind| {
        let state = edge.parts.catalog.state();
        shown(&state, kind, state.content(reader.environment(), kind))
    });
    reader.answer(outcome)
}

/// Register one kind of content: what the body lists takes the place of all that was registered of it.
#[utoipa::path(
    put,
    path = "/v1/content/{kind}",
    operation_id = "register_content",
    tag = "Content",
    params(("kind" = shapes::Kind, Path, description = "Which content"), VersionHeader, EnvironmentHeader),
    request_body = shapes::Sent,
    responses(
        (status = 200, description = "What is registered now", body = ContentBody<'static>, headers(("ETag" = String, description = "Its version"))),
        (status = 412, description = "It has another version by now", body = Envelope<'static>),
        ActProblems,
    ),
    security(("api_key" = ["admin"]), ("session" = [])),
)]
pub(super) async fn put(
    State(edge): State<Arc<Edge>>,
    reader: Reader<Administer>,
    kind: InPath,
    call: Request<Body>,
) -> Response {
    let outcome = registered(&edge, &reader, &kind, call).await;
    reader.answer(outcome)
}

async fn registered(
    edge: &Arc<Edge>,
    reader: &Reader<Administer>,
    kind: &InPath,
    call: Request<Body>,
) -> Result<Response, Refused> {
    let kind = kind.kind()?;
    let (head, body) = call.into_parts();
    let sent: Value = acts::fields(edge, &head.headers, body).await?;
    let items = items::of_body(kind, &sent)?;
    let act = acts::saving(reader, &head.headers);
    let content = acts::with_office(edge, String::new(), move |office| {
        admin::register_content(kind, &items, &act, office)
    })
    .await?;
    shown(&edge.parts.catalog.state(), kind, content.as_ref())
}

/// Remove all that is registered of one kind of content.
#[utoipa::path(
    delete,
    path = "/v1/content/{kind}",
    operation_id = "remove_content",
    tag = "Content",
    params(("kind" = shapes::Kind, Path, description = "Which content"), VersionHeader, EnvironmentHeader),
    responses(
        (status = 204, description = "Nothing is registered any more"),
        (status = 412, description = "It has another version by now", body = Envelope<'static>),
        ActProblems,
    ),
    security(("api_key" = ["admin"]), ("session" = [])),
)]
pub(super) async fn delete(
    State(edge): State<Arc<Edge>>,
    reader: Reader<Administer>,
    kind: InPath,
    call: Request<Body>,
) -> Response {
    let act = acts::saving(&reader, call.headers());
    let outcome = async {
        let kind = kind.kind()?;
        acts::with_office(&edge, String::new(), move |office| admin::remove_content(kind, &act, office))
            .await?;
        Ok(acts::nothing())
    };
    let outcome = outcome.await;
    reader.answer(outcome)
}

/// What an environment has of a kind, as the lookups answer it.
pub(super) fn list(edge: &Edge, environment: EnvironmentId, kind: ContentKind) -> Result<Response, Refused> {
    let state = edge.parts.catalog.state();
    let nothing = kind.nothing();
    let items = state.content(environment, kind).map_or(&nothing, |content| &content.items);
    acts::answer(error::OK, &items.list())
}

fn shown(
    state: &CatalogState,
    kind: ContentKind,
    content: Option<&RegisteredContent>,
) -> Result<Response, Refused> {
    let nothing = kind.nothing();
    let version = content.map_or(RegisteredContent::FIRST_VERSION, |content| content.version);
    let author = content.and_then(|content| content.updated_by).and_then(|id| state.member(id));
    let body = ContentBody {
        kind,
        items: content.map_or(&nothing, |content| &content.items).list(),
        updated_at: content.map(|content| Instant(content.updated_at)),
        updated_by: author.map(|member| member.email.clone()),
        version,
    };
    versions::answer(error::OK, &body, version)
}
