//! The member who calls: the session behind the cookie, and what the member's role allows.
//!
//! A cookie opens the routes of the console and, together with an environment, those that read data. Two things keep
//! others from using it: the browser sends it on same-site calls only, and a call that changes something must say by
//! its `Origin` that a page of this server sent it. An `Authorization` header always wins over a cookie.

use std::marker::PhantomData;
use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue};

use muster_kernel::model::catalog::{CatalogState, Environment};
use muster_kernel::model::id::{EnvironmentId, MemberId, Position, PositionToken};
use muster_kernel::model::problem::{Problem, ProblemCode};
use muster_kernel::model::team::{Role, SESSION_AGE_MAX};
use muster_kernel::model::time::{SECOND, Timestamp};

use crate::admin::{self, Actor};

use super::edge::Edge;
use super::error::Refused;
use super::masking::Masking;

/// The cookie that holds a session's token.
pub(super) const COOKIE_NAME: &str = "muster_session";
/// Names the environment of a call with a session.
pub(super) const ENVIRONMENT: HeaderName = HeaderName::from_static("muster-environment");
/// Characters of a token: 256 bits in hexadecimal.
const TOKEN_CHARS: usize = 64;

/// The least role that a route asks for.
pub(super) trait Rank: Send + Sync + 'static {
    const LEAST: Role;
}

/// Whoever is signed in.
pub(super) struct Viewers;
/// Who sees personal properties, bodies and keys.
pub(super) struct Analysts;
/// Who administers.
pub(super) struct Admins;

impl Rank for Viewers {
    const LEAST: Role = Role::Viewer;
}

impl Rank for Analysts {
    const LEAST: Role = Role::Analyst;
}

impl Rank for Admins {
    const LEAST: Role = Role::Admin;
}

/// A member who is signed in and whose role is at least what `R` says.
pub(super) struct SignedIn<R> {
    /// Who.
    pub id: MemberId,
    /// The name at this moment.
    pub name: String,
    /// The address.
    pub email: String,
    /// What the member may do.
    pub role: Role,
    /// When the call came in, by the edge's clock.
    pub now: Timestamp,
    /// The SHA-256 of the session's token.
    pub session: String,
    rank: PhantomData<R>,
}

impl<R: Rank> SignedIn<R> {
    /// The member as the audit names it.
    pub(super) fn actor(&self) -> Actor {
        Actor::Member { id: self.id, name: self.name.clone() }
    }

    /// Whether the session is still there and its member's role still enough: for answers that last.
    pub(super) fn holds(&self, edge: &Edge) -> bool {
        let state = edge.parts.catalog.state();
        let found = state.session(&self.session, edge.parts.clock.now());
        found.is_some_and(|(_, member)| member.role >= R::LEAST && member.role == self.role)
    }

    fn of(parts: &Parts, edge: &Edge, state: &CatalogState) -> Result<Self, Refused> {
        if parts.headers.contains_key(AUTHORIZATION) {
            let message =
                "A key does not open this path; sign in, and send the call without `Authorization`.";
            return Err(Problem::of_call(ProblemCode::SessionMissing, message).into());
        }
        let now = edge.parts.clock.now();
        let session = token(&parts.headers).map(admin::sha256);
        let found = session.as_deref().and_then(|sha256| state.session(sha256, now));
        let Some((session, member)) = found else { return Err(nobody(state).into()) };
        if !parts.method.is_safe() {
            check_origin(edge, &parts.headers)?;
        }
        edge.shared.session_uses.note(&session.sha256, now);
        if member.role < R::LEAST {
            let message = format!("Your role is {}; this needs {}.", member.role.as_str(), R::LEAST.as_str());
            return Err(Problem::of_call(ProblemCode::RoleInsufficient, message).into());
        }
        Ok(SignedIn {
            id: member.id,
            name: member.name.clone(),
            email: member.email.clone(),
            role: member.role,
            now,
            session: session.sha256.clone(),
            rank: PhantomData,
        })
    }
}

impl<R: Rank> FromRequestParts<Arc<Edge>> for SignedIn<R> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, edge: &Arc<Edge>) -> Result<Self, Refused> {
        SignedIn::of(parts, edge, &edge.parts.catalog.state())
    }
}

/// A member at work in one environment.
pub(super) struct InEnvironment<R> {
    /// Who.
    pub member: SignedIn<R>,
    /// The environment as it was when the call came in.
    pub environment: Box<Environment>,
}

impl<R: Rank> InEnvironment<R> {
    /// The environment that the header names.
    pub(super) fn by_header(parts: &Parts, edge: &Edge) -> Result<Self, Refused> {
        let state = edge.parts.catalog.state();
        let member = SignedIn::of(parts, edge, &state)?;
        let Some(value) = parts.headers.get(ENVIRONMENT) else {
            let message = "Name the environment in the header `Muster-Environment`, by its number.";
            return Err(Problem::of_call(ProblemCode::EnvironmentMissing, message).into());
        };
        let id = value.to_str().ok().and_then(|text| text.parse().ok()).map(EnvironmentId);
        Self::of(member, &state, id)
    }

    fn of(member: SignedIn<R>, state: &CatalogState, id: Option<EnvironmentId>) -> Result<Self, Refused> {
        match id.and_then(|id| state.environment(id)) {
            Some(environment) => Ok(InEnvironment { member, environment: Box::new(environment.clone()) }),
            None => Err(unknown_environment().into()),
        }
    }

    /// What the member may not see.
    pub(super) fn masking(&self) -> Masking {
        Masking::of(self.member.role, &self.environment)
    }

    /// A position of the environment as callers see it.
    pub(super) fn token(&self, position: Position) -> PositionToken {
        PositionToken { incarnation: self.environment.incarnation, position }
    }
}

/// The environment is the first number of the path.
impl<R: Rank> FromRequestParts<Arc<Edge>> for InEnvironment<R> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, edge: &Arc<Edge>) -> Result<Self, Refused> {
        let state = edge.parts.catalog.state();
        let member = SignedIn::of(parts, edge, &state)?;
        let Numbers([id]) = Numbers::from_request_parts(parts, edge).await?;
        Self::of(member, &state, id.map(EnvironmentId))
    }
}

/// The first numbers in the path; nothing where there is none.
pub(super) struct Numbers<const N: usize>(pub [Option<u32>; N]);

impl<const N: usize> FromRequestParts<Arc<Edge>> for Numbers<N> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, edge: &Arc<Edge>) -> Result<Self, Refused> {
        let mut numbers = [None; N];
        if let Ok(parameters) = RawPathParams::from_request_parts(parts, edge).await {
            for (number, (_, text)) in numbers.iter_mut().zip(parameters.iter()) {
                *number = text.parse().ok();
            }
        }
        Ok(Numbers(numbers))
    }
}

/// No such environment.
pub(super) fn unknown_environment() -> Problem {
    Problem::of_call(
        ProblemCode::EnvironmentUnknown,
        "No such environment; list them with `GET /v1/environments`.",
    )
}

fn nobody(state: &CatalogState) -> Problem {
    if state.members.iter().any(|member| member.role == Role::Owner) {
        Problem::of_call(ProblemCode::SessionMissing, "Nobody is signed in here; sign in first.")
    } else {
        let message = "The server has no owner yet; open the link that it printed when it started, or make another \
                       with `muster owner reset`.";
        Problem::of_call(ProblemCode::OwnerMissing, message)
    }
}

/// Whether the call brings a session's cookie, good or not.
pub(super) fn has_cookie(headers: &HeaderMap) -> bool {
    token(headers).is_some()
}

/// The session's token in the cookies.
fn token(headers: &HeaderMap) -> Option<&str> {
    let texts = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut cookies =
        texts.flat_map(|text| text.split(';')).filter_map(|cookie| cookie.trim().split_once('='));
    cookies
        .find(|(name, _)| *name == COOKIE_NAME)
        .map(|(_, token)| token)
        .filter(|token| token.len() <= TOKEN_CHARS)
}

/// The header that begins a session.
pub(super) fn set_cookie(edge: &Edge, headers: &HeaderMap, token: &str) -> HeaderValue {
    cookie(edge, headers, token, SESSION_AGE_MAX / SECOND)
}

/// The header that makes the browser forget it.
pub(super) fn clear_cookie(edge: &Edge, headers: &HeaderMap) -> HeaderValue {
    cookie(edge, headers, "", 0)
}

fn cookie(edge: &Edge, headers: &HeaderMap, token: &str, seconds: i64) -> HeaderValue {
    let secure = if is_behind_tls(edge, headers) { "; Secure" } else { "" };
    let text = format!("{COOKIE_NAME}={token}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    // Tokens are hexadecimal, the rest is ours: nothing in it is not visible ASCII.
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
}

fn is_behind_tls(edge: &Edge, headers: &HeaderMap) -> bool {
    let settings = edge.settings();
    let by_proxy = || {
        let scheme = headers.get("x-forwarded-proto").and_then(|value| value.to_str().ok());
        settings.trusted_proxy && scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("https"))
    };
    settings.public_url.as_deref().is_some_and(|url| url.starts_with("https://")) || by_proxy()
}

/// Whether a page of this server sent the call.
///
/// # Errors
/// When another page did, or nobody says which.
pub(super) fn check_origin(edge: &Edge, headers: &HeaderMap) -> Result<(), Problem> {
    let origin = headers.get(ORIGIN).and_then(|value| value.to_str().ok()).and_then(authority);
    let host = headers.get(HOST).and_then(|value| value.to_str().ok());
    let public = edge.settings().public_url.as_deref().and_then(authority);
    if origin.is_some_and(|origin| [host, public].contains(&Some(origin))) {
        return Ok(());
    }
    let message = "The `Origin` of this call is not this server; open the console at the address that `http.public_url` \
                   names, and let the proxy pass `Host` on.";
    Err(Problem::of_call(ProblemCode::OriginRefused, message))
}

/// As [`check_origin`], for calls that need no cookie: scripts, which send no `Origin`, may make them too.
///
/// # Errors
/// When another page sent the call.
pub(super) fn check_origin_if_any(edge: &Edge, headers: &HeaderMap) -> Result<(), Problem> {
    if headers.contains_key(ORIGIN) { check_origin(edge, headers) } else { Ok(()) }
}

/// Host and port of a URL.
fn authority(url: &str) -> Option<&str> {
    url.split_once("://").and_then(|(_, rest)| rest.split('/').next())
}
