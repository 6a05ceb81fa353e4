//! `GET`, `POST` and `DELETE /v1/session`, `DELETE /v1/sessions`: who is signed in here, signing in and signing out.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Request};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use muster_kernel::model::id::MemberId;
use muster_kernel::model::team::Role;

use crate::admin::{self, EnvironmentView, Opened, SignIn, schema};

use super::acts;
use super::edge::Edge;
use super::environments;
use super::error::{self, Refused};
use super::openapi::{SessionProblems, SignInProblems};
use super::signed_in::{self, SignedIn, Viewers};

/// Who is signed in, and what there is to look at.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
pub(super) struct SessionBody {
    /// Who is signed in.
    member: MemberBody,
    /// Every environment, by number.
    environments: Vec<EnvironmentView>,
    /// The URL under which callers reach this server, when the operator named one.
    #[schema(required = true)]
    public_url: Option<String>,
    /// The server's version.
    version: &'static str,
}

/// Who is signed in.
#[derive(Serialize, ToSchema)]
#[schema(as = SignedInMember)]
struct MemberBody {
    /// The member's number.
    id: u32,
    /// What the others call this person.
    name: String,
    /// The address to sign in with.
    email: String,
    /// What this person may do.
    #[schema(value_type = schema::Role)]
    role: Role,
}

/// Address and password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SignIn)]
pub(super) struct SignInFields {
    /// The address, in letters of any case.
    #[schema(example = "ada@example.com")]
    email: String,
    /// The password.
    password: String,
}

/// Who is signed in?
#[utoipa::path(
    get,
    path = "/v1/session",
    operation_id = "read_session",
    tag = "Console",
    responses((status = 200, description = "Who is signed in", body = SessionBody), SessionProblems),
    security(("session" = [])),
)]
pub(super) async fn get(
    State(edge): State<Arc<Edge>>,
    member: SignedIn<Viewers>,
) -> Result<Response, Refused> {
    acts::answer(error::OK, &body_of(&edge, member.id)?)
}

/// Sign in.
#[utoipa::path(
    post,
    path = "/v1/session",
    operation_id = "sign_in",
    tag = "Console",
    request_body = SignInFields,
    responses(
        (status = 200, description = "Signed in; the cookie is in `Set-Cookie`", body = SessionBody),
        SignInProblems,
    ),
)]
pub(super) async fn post(State(edge): State<Arc<Edge>>, request: Request<Body>) -> Result<Response, Refused> {
    let (head, body) = request.into_parts();
    signed_in::check_origin_if_any(&edge, &head.headers)?;
    let SignInFields { email, password } = acts::fields(&edge, &head.headers, body).await?;
    let address = acts::address_of(&edge, &head);
    let attempts = &edge.shared.attempts;
    attempts.count(&email, address, edge.parts.clock.now())?;
    let turn = attempts.turn().await?;
    let request = SignIn { email: email.clone(), password, address };
    let shared = Arc::clone(&edge.shared);
    let opened = acts::with_office(&edge, String::new(), move |office| {
        let _turn = turn;
        admin::sign_in(&request, |now| shared.attempts.record_failure(now), office)
    })
    .await?;
    attempts.forgive(&email, address);
    begun(&edge, &head, &opened)
}

/// Sign out here.
#[utoipa::path(
    delete,
    path = "/v1/session",
    operation_id = "sign_out",
    tag = "Console",
    responses((status = 204, description = "Signed out"), SessionProblems),
    security(("session" = [])),
)]
pub(super) async fn delete(
    State(edge): State<Arc<Edge>>,
    headers: HeaderMap,
    member: SignedIn<Viewers>,
) -> Result<Response, Refused> {
    let (by, session) = (member.actor(), member.session);
    acts::with_office(&edge, String::new(), move |office| admin::sign_out(&by, &session, office)).await?;
    Ok(ended(&edge, &headers))
}

/// Sign out everywhere.
#[utoipa::path(
    delete,
    path = "/v1/sessions",
    operation_id = "sign_out_everywhere",
    tag = "Console",
    responses((status = 204, description = "Every session of this member has ended"), SessionProblems),
    security(("session" = [])),
)]
pub(super) async fn delete_all(
    State(edge): State<Arc<Edge>>,
    headers: HeaderMap,
    member: SignedIn<Viewers>,
) -> Result<Response, Refused> {
    let by = member.actor();
    acts::with_office(&edge, String::new(), move |office| admin::sign_out_everywhere(&by, office)).await?;
    Ok(ended(&edge, &headers))
}

/// The answer that begins a session.
pub(super) fn begun(edge: &Edge, head: &Parts, opened: &Opened) -> Result<Response, Refused> {
    let mut response = acts::answer(error::OK, &body_of(edge, opened.member)?)?;
    let cookie = signed_in::set_cookie(edge, &head.headers, &opened.token);
    response.headers_mut().insert(SET_COOKIE, cookie);
    Ok(response)
}

fn ended(edge: &Edge, headers: &HeaderMap) -> Response {
    let mut response = acts::nothing();
    response.headers_mut().insert(SET_COOKIE, signed_in::clear_cookie(edge, headers));
    response
}

fn body_of(edge: &Edge, id: MemberId) -> Result<SessionBody, Refused> {
    let (state, now) = (edge.parts.catalog.state(), edge.parts.clock.now());
    let member = state.member(id).ok_or_else(|| Refused::internal("a session without its member"))?;
    Ok(SessionBody {
        member: MemberBody {
            id: member.id.0,
            name: member.name.clone(),
            email: member.email.clone(),
            role: member.role,
        },
        environments: environments::shown_to(member.role, &state, now),
        public_url: edge.settings().public_url.clone(),
        version: edge.parts.version,
    })
}
