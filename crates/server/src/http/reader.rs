//! Who reads data: a key with the scope, or a member who is signed in and names an environment.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};

use muster_kernel::model::id::{EnvironmentId, KeyId, Position, PositionToken};
use muster_kernel::model::problem::{Problem, ProblemCode};
use muster_kernel::model::time::Timestamp;

use super::caller::{Caller, Purpose};
use super::edge::Edge;
use super::error::Refused;
use super::masking::Masking;
use super::signed_in::{self, InEnvironment, Viewers};
use crate::admin::Actor;

/// A caller that may read what `P` says. Every answer to it goes through [`Reader::answer`].
pub(super) enum Reader<P> {
    /// A key.
    Key(Caller<P>),
    /// A member.
    Member(InEnvironment<Viewers>),
}

impl<P: Purpose> FromRequestParts<Arc<Edge>> for Reader<P> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, edge: &Arc<Edge>) -> Result<Self, Response> {
        if parts.headers.contains_key(AUTHORIZATION) || !signed_in::has_cookie(&parts.headers) {
            return Caller::from_request_parts(parts, edge).await.map(Reader::Key);
        }
        let at_work = InEnvironment::by_header(parts, edge).map_err(IntoResponse::into_response)?;
        let role = at_work.member.role;
        let may = match P::LEAST {
            Some(least) => role >= least,
            None => P::SCOPES.is_empty() || P::SCOPES.iter().any(|scope| role.scopes().contains(scope)),
        };
        if !may {
            let message = format!("Your role, {}, does not allow this.", role.as_str());
            let refused = Refused::from(Problem::of_call(ProblemCode::RoleInsufficient, message));
            return Err(refused.into_response());
        }
        Ok(Reader::Member(at_work))
    }
}

impl<P: Purpose> Reader<P> {
    /// When the call came in, by the edge's clock.
    pub(super) fn now(&self) -> Timestamp {
        match self {
            Reader::Key(caller) => caller.now,
            Reader::Member(at_work) => at_work.member.now,
        }
    }

    /// The environment that is read.
    pub(super) fn environment(&self) -> EnvironmentId {
        match self {
            Reader::Key(caller) => caller.environment(),
            Reader::Member(at_work) => at_work.environment.id,
        }
    }

    /// Who calls, as the audit names it. A key has no name there; the entry says its number.
    pub(super) fn actor(&self) -> Actor {
        match self {
            Reader::Key(_) => Actor::Server,
            Reader::Member(at_work) => at_work.member.actor(),
        }
    }

    /// The key that calls.
    pub(super) fn key(&self) -> Option<KeyId> {
        match self {
            Reader::Key(caller) => Some(caller.key.api.id),
            Reader::Member(_) => None,
        }
    }

    /// Which life of the environment's data it is.
    pub(super) fn incarnation(&self) -> u32 {
        match self {
            Reader::Key(caller) => caller.key.incarnation,
            Reader::Member(at_work) => at_work.environment.incarnation,
        }
    }

    /// A position of the environment as callers see it.
    pub(super) fn token(&self, position: Position) -> PositionToken {
        match self {
            Reader::Key(caller) => caller.token(position),
            Reader::Member(at_work) => at_work.token(position),
        }
    }

    /// What the caller may not see.
    pub(super) fn masking(&self) -> Masking {
        match self {
            Reader::Key(_) => Masking::default(),
            Reader::Member(at_work) => at_work.masking(),
        }
    }

    /// The answer to this caller.
    pub(super) fn answer(self, outcome: Result<Response, Refused>) -> Response {
        match self {
            Reader::Key(caller) => caller.answer(outcome),
            Reader::Member(_) => outcome.unwrap_or_else(IntoResponse::into_response),
        }
    }
}
