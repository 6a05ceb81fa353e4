//! `GET /v1/audit`: every administrative act, newest first.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};

use muster_kernel::model::audit::{Act, Actor, AuditEntry};
use muster_kernel::model::problem::{Problem, ProblemCode};

use crate::admin::{AUDIT_PAGE_MAX, list_audit};

use super::acts;
use super::answer::Instant;
use super::edge::Edge;
use super::error::{self, Refused};
use super::openapi::SessionProblems;
use super::read::{self, Head, Query};
use super::signed_in::{Admins, SignedIn};

/// A page of the audit.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditPage)]
pub(super) struct PageBody {
    /// The acts, newest first.
    data: Vec<EntryBody>,
    /// Where the next page starts; null on the last one.
    #[schema(required = true)]
    next_cursor: Option<String>,
}

/// An act.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditEntry)]
struct EntryBody {
    /// Its number: each is one more than the one before.
    id: u64,
    /// When it was done.
    #[schema(value_type = Instant)]
    at: Instant,
    /// Who did it.
    actor: ActorBody,
    /// What was done.
    #[schema(value_type = Action)]
    action: &'static str,
    /// The number of the environment that it is about, when it is about one.
    #[schema(required = true)]
    environment: Option<u32>,
    /// To what it was done: a member's address, a key's name, …
    subject: String,
    /// What else is worth knowing, by name.
    details: BTreeMap<String, String>,
}

/// Who did it.
#[derive(Serialize, ToSchema)]
#[schema(as = Actor)]
struct ActorBody {
    /// Which kind of actor it is.
    kind: ActorKind,
    /// The member's number; null for the others.
    #[schema(required = true)]
    id: Option<u32>,
    /// The member's name at that time; empty for the others.
    name: String,
}

/// A member, whoever may open the data directory, the server itself, or somebody who is not signed in.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ActorKind {
    Member,
    CommandLine,
    Server,
    Anonymous,
}

/// What can be done.
struct Action;

impl utoipa::PartialSchema for Action {
    fn schema() -> RefOr<Schema> {
        let words = Act::ALL.iter().map(|act| act.as_str());
        let schema = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words));
        RefOr::T(Schema::Object(schema.build()))
    }
}

impl ToSchema for Action {}

impl From<AuditEntry> for EntryBody {
    fn from(entry: AuditEntry) -> Self {
        let (kind, id, name) = match entry.actor {
            Actor::Member { id, name } => (ActorKind::Member, Some(id.0), name),
            Actor::CommandLine => (ActorKind::CommandLine, None, String::new()),
            Actor::Server => (ActorKind::Server, None, String::new()),
            Actor::Anonymous => (ActorKind::Anonymous, None, String::new()),
        };
        EntryBody {
            id: entry.number,
            at: Instant(entry.at),
            actor: ActorBody { kind, id, name },
            action: entry.act.as_str(),
            environment: entry.environment.map(|id| id.0),
            subject: entry.subject,
            details: entry.details,
        }
    }
}

/// Read the audit.
#[utoipa::path(
    get,
    path = "/v1/audit",
    operation_id = "list_audit",
    tag = "Team",
    params(
        ("limit" = Option<u32>, Query, description = "Acts on the page; 100 when absent, 200 at most"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses((status = 200, description = "Acts, newest first", body = PageBody), SessionProblems),
    security(("session" = [])),
)]
pub(super) async fn list(
    State(edge): State<Arc<Edge>>,
    _member: SignedIn<Admins>,
    head: Head,
) -> Result<Response, Refused> {
    let query = Query::of(&head);
    let limit = query.limit()?.min(AUDIT_PAGE_MAX);
    let before = match query.get("cursor") {
        Some(text) => text.parse().map_err(|_| not_a_cursor())?,
        None => u64::MAX,
    };
    let entries = read::aside(&edge, move |edge| Ok(list_audit(before, limit, edge.office(""))?)).await?;
    let next = entries.last().map(|last| last.number).filter(|last| entries.len() == limit && *last > 1);
    let data = entries.into_iter().map(EntryBody::from).collect();
    acts::answer(error::OK, &PageBody { data, next_cursor: next.map(|number| number.to_string()) })
}

fn not_a_cursor() -> Problem {
    let message = "`cursor` is not one that this list gave; start again without it.";
    Problem::of_call(ProblemCode::CursorInvalid, message)
}
