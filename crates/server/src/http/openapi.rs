//! What the OpenAPI document says beyond the handlers, and `GET /openapi.json`.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityScheme};
use utoipa::openapi::{
    Components, ContentBuilder, InfoBuilder, License, OpenApi, OpenApiBuilder, Ref, RefOr, ResponseBuilder,
    Server, Tag,
};
use utoipa::{IntoParams, IntoResponses, PartialSchema, ToSchema};

use super::edge::Edge;
use super::error::Envelope;
use super::render::PropertyDetail;

const ABOUT: &str = "A self-hosted, drop-in server for the Userpilot HTTP API: identify users and companies, track \
events, and read them back. Every refused call answers with the same envelope, or as RFC 9457 says when `Accept` names \
`application/problem+json`.";

const KEY: &str = "`Token <API key>`; the word in any case, `Bearer` as well.";

/// The document without paths: the router adds them.
pub(super) fn base(version: &str, public_url: Option<&str>) -> OpenApi {
    let mut info = InfoBuilder::new().title("Muster").version(version).description(Some(ABOUT)).build();
    info.license = Some(License::new("Apache-2.0"));
    let mut components = Components::new();
    let key = ApiKey::Header(ApiKeyValue::with_description("Authorization", KEY));
    components.add_security_scheme("api_key", SecurityScheme::ApiKey(key));
    let mut schemas = vec![
        (PropertyDetail::name().into_owned(), PropertyDetail::schema()),
        (Envelope::name().into_owned(), Envelope::schema()),
        (super::error::ProblemDocument::name().into_owned(), super::error::ProblemDocument::schema()),
    ];
    PropertyDetail::schemas(&mut schemas);
    super::live::stream::schemas(&mut schemas);
    Envelope::schemas(&mut schemas);
    components.schemas.extend(schemas);
    let tags = [
        ("Real-time", "Send users, companies and events, one call each."),
        ("Users", "Read users."),
        ("Companies", "Read companies."),
        ("Events", "Follow the log."),
        ("Live", "Watch calls arrive; what is shown is kept in memory and gone after a restart."),
        ("Operation", "Watch the server. Most of it needs no key."),
    ];
    let tag = |(name, text): (&str, &str)| {
        let mut tag = Tag::new(name);
        tag.description = Some(text.to_owned());
        tag
    };
    OpenApiBuilder::new()
        .info(info)
        .components(Some(components))
        .tags(Some(tags.map(tag)))
        .servers(public_url.map(|url| [Server::new(url)]))
        .build()
}

/// The API as OpenAPI 3.1.
#[utoipa::path(
    get,
    path = "/openapi.json",
    operation_id = "read_openapi",
    tag = "Operation",
    responses((status = 200, description = "This document", body = Object)),
)]
pub(super) async fn get(State(edge): State<Arc<Edge>>) -> Response {
    super::answer::json(super::error::OK, edge.shared.openapi.clone())
}

/// What every read takes.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `read` reads")]
pub(super) struct PositionParameter {
    /// Wait until this position is visible; also as the header `Muster-Position`.
    position: Option<String>,
}

/// What every read of profiles takes.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `read` reads")]
pub(super) struct DetailParameter {
    /// With `true`, each property as a `PropertyDetail`.
    detail: Option<bool>,
}

/// What every list takes.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `read` reads")]
pub(super) struct LimitParameter {
    /// Items on the page; 100 when absent.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// What every list of profiles takes.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `read` reads")]
pub(super) struct CursorParameter {
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// What every write takes.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "describes what `write` reads")]
pub(super) struct IdempotencyHeader {
    /// 1 to 255 visible ASCII characters: calls with the same key, path and body are taken once.
    #[param(rename = "Idempotency-Key")]
    idempotency_key: Option<String>,
}

/// Answers to a call whose key does not open the route.
pub(super) struct KeyProblems;
/// Answers to a read that is refused.
pub(super) struct ReadProblems;
/// Answers to a write that is refused.
pub(super) struct WriteProblems;

const UNAUTHORIZED: (&str, &str) =
    ("401", "No live API key: missing, malformed, unknown, revoked, or an app token");
const FORBIDDEN: (&str, &str) = ("403", "The key lacks the scope");
const LIMITED: (&str, &str) = ("429", "The key has made all its calls of this minute");
const UNAVAILABLE: (&str, &str) = ("503", "Not now; try again after `Retry-After` seconds");

impl IntoResponses for KeyProblems {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        problems(&[UNAUTHORIZED, LIMITED])
    }
}

impl IntoResponses for ReadProblems {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        let bad = ("400", "A parameter, a cursor or the position is not what it should be");
        problems(&[bad, UNAUTHORIZED, FORBIDDEN, LIMITED, UNAVAILABLE])
    }
}

impl IntoResponses for WriteProblems {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        problems(&[
            ("400", "The body is not what it should be: one element for each problem"),
            UNAUTHORIZED,
            FORBIDDEN,
            ("408", "The body did not arrive in time"),
            ("409", "The `Idempotency-Key` or `event_id` was used with another body"),
            ("413", "The body is too large, or grows too much when decompressed"),
            ("415", "The `Content-Type` does not name JSON, or the `Content-Encoding` is not known"),
            LIMITED,
            UNAVAILABLE,
        ])
    }
}

fn problems(all: &[(&str, &str)]) -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
    let content = |name: &str| ContentBuilder::new().schema(Some(Ref::from_schema_name(name))).build();
    let response = |text: &str| {
        ResponseBuilder::new()
            .description(text)
            .content("application/json", content("ErrorEnvelope"))
            .content("application/problem+json", content("ProblemDocument"))
            .build()
    };
    all.iter().map(|(status, text)| ((*status).to_owned(), RefOr::T(response(text)))).collect()
}
