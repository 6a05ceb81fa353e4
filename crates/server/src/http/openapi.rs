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
use super::signed_in;

const ABOUT: &str = "A self-hosted, drop-in server for the Userpilot HTTP API: identify users and companies, track \
events, and read them back. Every refused call answers with the same envelope, or as RFC 9457 says when `Accept` names \
`application/problem+json`.";

const SESSION: &str = "The session of a member who is signed in. Calls that change something need the `Origin` of this \
server as well.";

const KEY: &str = "`Token <API key>`; the word in any case, `Bearer` as well.";

/// The document without paths: the router adds them.
pub(super) fn base(version: &str, public_url: Option<&str>) -> OpenApi {
    let mut info = InfoBuilder::new().title("Muster").version(version).description(Some(ABOUT)).build();
    info.license = Some(License::new("Apache-2.0"));
    let mut components = Components::new();
    let key = ApiKey::Header(ApiKeyValue::with_description("Authorization", KEY));
    components.add_security_scheme("api_key", SecurityScheme::ApiKey(key));
    let session = ApiKey::Cookie(ApiKeyValue::with_description(signed_in::COOKIE_NAME, SESSION));
    components.add_security_scheme("session", SecurityScheme::ApiKey(session));
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
        ("Bulk", "Send many users or companies at once, and follow the jobs that take them."),
        ("Import", "Bring the history that another system holds: events of the past, with their own time."),
        ("Export", "Take everything out as files: events, users and companies, in four formats."),
        ("Erasure", "Have users and companies forgotten, and prove it."),
        ("Users", "Read users."),
        ("Companies", "Read companies."),
        ("Events", "Follow the log."),
        (
            "Reports",
            "Ask what people did: trends, funnels, retention and paths, and who is behind each number.",
        ),
        ("Segments", "Say by rules who belongs together, and list who does."),
        ("Lookups", "Look up what there is, to understand an export: properties, segments, events, content."),
        ("Data sync", "Have each day written to a directory or a bucket, and see what became of it."),
        ("Content", "Say which flows, banners, surveys and so on there are."),
        ("Live", "Watch calls arrive; what is shown is kept in memory and gone after a restart."),
        ("Console", "Sign in and out, with a session instead of a key."),
        ("Team", "Members, invitations and the audit of what was done. For sessions only."),
        ("Environments", "Environments and their keys. For sessions only."),
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

/// What every read with a session takes.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "describes what `signed_in` reads")]
pub(super) struct EnvironmentHeader {
    /// With a session: the number of the environment that is read. Ignored with a key, which has one of its own.
    #[param(rename = "Muster-Environment")]
    muster_environment: Option<u32>,
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

/// What every real-time call takes.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `write` reads")]
pub(super) struct DryRunParameter {
    /// With `true`, everything is checked and nothing is written; `would` in the answer says what would be.
    dry_run: Option<bool>,
}

/// Answers to a call whose key does not open the route.
pub(super) struct KeyProblems;
/// Answers to a read that is refused.
pub(super) struct ReadProblems;
/// Answers to a question about events that are no longer kept.
pub(super) struct DroppedProblems;
/// Answers to a question about a segment as of a time that has none.
pub(super) struct PastProblems;
/// Answers to a question of a report that is refused.
pub(super) struct QuestionProblems;
/// Answers to a write that is refused.
pub(super) struct WriteProblems;
/// Answers to an upload that is refused.
pub(super) struct UploadProblems;
/// Answers to a deletion that is refused.
pub(super) struct ErasureProblems;
/// Answers to an export that is refused.
pub(super) struct ExportProblems;
/// Answers to a download that is refused.
pub(super) struct DownloadProblems;
/// Answers to a call with a session that only asks.
pub(super) struct SessionProblems;
/// Answers to an administrative act that is refused.
pub(super) struct ActProblems;
/// Answers to a link that is looked at.
pub(super) struct LinkProblems;
/// Answers to an attempt to sign in.
pub(super) struct SignInProblems;

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

impl IntoResponses for DroppedProblems {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        problems(&[("410", "Events of then are no longer kept")])
    }
}

impl IntoResponses for PastProblems {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        let unknown = "With `as_of`: a list decides, or the answer would need too much memory";
        problems(&[("410", "Events of then are no longer kept"), ("422", unknown)])
    }
}

impl IntoResponses for QuestionProblems {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        let large = ("422", "The answer would be too large");
        let dropped = ("410", "What users were at the time of the events is no longer known");
        let own = [LATE, dropped, LARGE, NOT_JSON, large, LIMITED, UNAVAILABLE];
        problems(&[&[BAD_FIELDS, UNAUTHORIZED, FORBIDDEN], &own[..]].concat())
    }
}

impl IntoResponses for WriteProblems {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        problems(&[
            ("400", "The body is not what it should be: one element for each problem"),
            UNAUTHORIZED,
            FORBIDDEN,
            LATE,
            ("409", "The `Idempotency-Key` or `event_id` was used with another body"),
            LARGE,
            NOT_JSON,
            LIMITED,
            UNAVAILABLE,
        ])
    }
}

impl IntoResponses for ErasureProblems {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        problems(&[
            ("400", "The body is not what it should be: one element for each problem"),
            UNAUTHORIZED,
            FORBIDDEN,
            LATE,
            LARGE,
            NOT_JSON,
            LIMITED,
            UNAVAILABLE,
        ])
    }
}

impl IntoResponses for ExportProblems {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        problems(&[
            ("400", "The body is not what it should be: one element for each problem"),
            UNAUTHORIZED,
            FORBIDDEN,
            ("404", "What is named is not there"),
            LATE,
            ("409", "An export is under way, or has ended"),
            LARGE,
            NOT_JSON,
            LIMITED,
            UNAVAILABLE,
        ])
    }
}

impl IntoResponses for DownloadProblems {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        problems(&[
            ("403", "This server did not sign the link"),
            ("410", "The link is not good any more, or its file is gone"),
            ("416", "The part that is asked for is not in the file"),
        ])
    }
}

impl IntoResponses for UploadProblems {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        problems(&[
            ("400", "The upload is not what it should be"),
            UNAUTHORIZED,
            FORBIDDEN,
            ("408", "The upload stopped arriving"),
            ("409", "A job is under way or has ended, or the `Idempotency-Key` was used with another file"),
            ("413", "The upload is too large, or grows too much when decompressed"),
            ("415", "The `Content-Type` or `Content-Encoding` is none that an upload can have"),
            LIMITED,
            UNAVAILABLE,
        ])
    }
}

const LATE: (&str, &str) = ("408", "The body did not arrive in time");
const LARGE: (&str, &str) = ("413", "The body is too large, or grows too much when decompressed");
const NOT_JSON: (&str, &str) =
    ("415", "The `Content-Type` does not name JSON, or the `Content-Encoding` is not known");
const SIGNED_OUT: (&str, &str) = ("401", "Nobody is signed in here");
const NOT_ALLOWED: (&str, &str) =
    ("403", "The member's role does not allow it, or the call comes from another page");
const NOT_THERE: (&str, &str) = ("404", "What the path names is not there");
const BAD_FIELDS: (&str, &str) = ("400", "The body or a parameter is not what it should be");
const ATTEMPTS: (&str, &str) = ("429", "Too many attempts; try again after `Retry-After` seconds");
const FOREIGN: (&str, &str) = ("403", "The call comes from another page");

impl IntoResponses for SessionProblems {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        problems(&[BAD_FIELDS, SIGNED_OUT, NOT_ALLOWED, NOT_THERE])
    }
}

impl IntoResponses for ActProblems {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        let taken = ("409", "It is taken, there are too many, or it would leave the server without an owner");
        problems(&[
            BAD_FIELDS,
            SIGNED_OUT,
            NOT_ALLOWED,
            NOT_THERE,
            LATE,
            taken,
            LARGE,
            NOT_JSON,
            ATTEMPTS,
            UNAVAILABLE,
        ])
    }
}

impl IntoResponses for LinkProblems {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        let gone = ("410", "The link was used, has expired, or never was one");
        problems(&[BAD_FIELDS, FOREIGN, LATE, gone, LARGE, NOT_JSON, ATTEMPTS, UNAVAILABLE])
    }
}

impl IntoResponses for SignInProblems {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        let wrong = ("401", "The address and the password do not belong together");
        let taken = ("409", "The address belongs to another member");
        problems(&[BAD_FIELDS, wrong, FOREIGN, LATE, taken, LARGE, NOT_JSON, ATTEMPTS, UNAVAILABLE])
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
