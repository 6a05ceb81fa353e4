//! Who sends many rows at once, or ends that: a key that may write, or an admin who is signed in.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};

use muster_kernel::model::audit::Act;
use muster_kernel::model::id::{EnvironmentId, KeyId};
use muster_kernel::model::job::Job;
use muster_kernel::model::time::Timestamp;

use crate::admin;

use super::acts;
use super::caller::{Bulk, Caller};
use super::edge::Edge;
use super::error::Refused;
use super::signed_in::{self, Admins, InEnvironment};

/// Who may do so. Every answer goes through [`Sender::answer`].
pub(super) enum Sender {
    /// A key.
    Key(Caller<Bulk>),
    /// A member.
    Member(InEnvironment<Admins>),
}

impl FromRequestParts<Arc<Edge>> for Sender {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, edge: &Arc<Edge>) -> Result<Self, Response> {
        if parts.headers.contains_key(AUTHORIZATION) || !signed_in::has_cookie(&parts.headers) {
            return Caller::from_request_parts(parts, edge).await.map(Sender::Key);
        }
        InEnvironment::by_header(parts, edge).map(Sender::Member).map_err(IntoResponse::into_response)
    }
}

impl Sender {
    /// The environment that is written to.
    pub(super) fn environment(&self) -> EnvironmentId {
        match self {
            Sender::Key(caller) => caller.environment(),
            Sender::Member(at_work) => at_work.environment.id,
        }
    }

    /// The key; 0 for a member, who has none.
    pub(super) fn key(&self) -> KeyId {
        match self {
            Sender::Key(caller) => caller.key.api.id,
            Sender::Member(_) => KeyId(0),
        }
    }

    /// When the call came in.
    pub(super) fn now(&self) -> Timestamp {
        match self {
            Sender::Key(caller) => caller.now,
            Sender::Member(at_work) => at_work.member.now,
        }
    }

    /// Tells the audit what a member did. A key's acts are in the ledger.
    ///
    /// # Errors
    /// When it cannot be written; the act is done nevertheless.
    pub(super) async fn tell(&self, edge: &Arc<Edge>, act: Act, job: &Job) -> Result<(), Refused> {
        let Sender::Member(at_work) = self else { return Ok(()) };
        let (by, environment, job) = (at_work.member.actor(), at_work.environment.id, job.clone());
        acts::with_office(edge, String::new(), move |office| {
            admin::note_job(act, &by, environment, &job, office)
        })
        .await
    }

    /// The answer to this caller.
    pub(super) fn answer(self, outcome: Result<Response, Refused>) -> Response {
        match self {
            Sender::Key(caller) => caller.answer(outcome),
            Sender::Member(_) => outcome.unwrap_or_else(IntoResponse::into_response),
        }
    }
}
