//! Who watches calls arrive.

use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};

use muster_kernel::model::id::EnvironmentId;
use muster_kernel::model::problem::{Problem, ProblemCode};
use muster_kernel::model::time::Timestamp;

use super::super::caller::{Account, Caller};
use super::super::edge::Edge;
use super::super::error::Refused;
use super::recorder::Scope;

/// A caller that may watch the environment in the path.
pub(in crate::http) struct Watcher(Caller<Account>);

impl FromRequestParts<Arc<Edge>> for Watcher {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, edge: &Arc<Edge>) -> Result<Self, Response> {
        let InPath([id, _]) =
            InPath::from_request_parts(parts, edge).await.unwrap_or_else(|never| match never {});
        let caller = Caller::from_request_parts(parts, edge).await?;
        if id == Some(u64::from(caller.environment().0)) {
            return Ok(Watcher(caller));
        }
        Err(Refused::from(Problem::of_call(ProblemCode::RouteUnknown, "No such environment."))
            .into_response())
    }
}

impl Watcher {
    pub(super) fn scope(&self) -> Scope {
        Scope { environment: self.0.environment(), with_strangers: true }
    }

    pub(super) fn sees_bodies(&self) -> bool {
        true
    }

    pub(super) fn now(&self) -> Timestamp {
        self.0.now
    }

    pub(super) fn pass(&self) -> Pass {
        Pass(self.0.environment())
    }

    pub(super) fn answer(self, outcome: Result<Response, Refused>) -> Response {
        outcome.unwrap_or_else(IntoResponse::into_response)
    }
}

/// What a stream keeps of its caller, to see whether it may still watch.
pub(super) struct Pass(EnvironmentId);

impl Pass {
    pub(super) fn is_valid(&self, edge: &Edge) -> bool {
        edge.parts.catalog.state().environment(self.0).is_some()
    }
}

/// The numbers in the path: the environment's, and the call's where there is one.
pub(in crate::http) struct InPath([Option<u64>; 2]);

impl InPath {
    pub(super) fn sequence(&self) -> Option<u64> {
        self.0[1]
    }
}

impl FromRequestParts<Arc<Edge>> for InPath {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, edge: &Arc<Edge>) -> Result<Self, Self::Rejection> {
        let mut numbers = [None; 2];
        if let Ok(parameters) = RawPathParams::from_request_parts(parts, edge).await {
            for (number, (_, text)) in numbers.iter_mut().zip(parameters.iter()) {
                *number = text.parse().ok();
            }
        }
        Ok(InPath(numbers))
    }
}
