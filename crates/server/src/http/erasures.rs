//! `DELETE /v1/users` and `DELETE /v1/companies`, and how the erasures that they began stand (spec 2.10).

use std::collections::HashSet;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use muster_kernel::model::erasure::{ErasedKind, Erasure};
use muster_kernel::model::id::{self, EnvironmentId, JobId};
use muster_kernel::model::job::JobStatus;
use muster_kernel::model::limits::{ERASED_IDS_MAX, PROBLEMS_LISTED_MAX};
use muster_kernel::model::page::Cursor;
use muster_kernel::model::problem::{Problem, ProblemCode};
use muster_kernel::ports::StoreError;

use super::acts;
use super::body;
use super::caller::{Erase, Witness};
use super::edge::Edge;
use super::erasure_body::ErasureBody;
use super::error::{self, Envelope, Refused, id_problem};
use super::openapi::{CursorParameter, EnvironmentHeader, ErasureProblems, LimitParameter, ReadProblems};
use super::page::PageWriter;
use super::read::{self, Head, InPath, Query};
use super::reader::Reader;
use crate::admin::{self, Actor};

/// Users to erase.
#[derive(ToSchema)]
#[schema(as = UserDeletion)]
#[expect(dead_code, reason = "describes what `asked` reads")]
pub(super) struct UserDeletion {
    /// Ids; integers count as their decimal text.
    users: Vec<String>,
    /// Whether later writes about them are refused.
    suppress: Option<bool>,
}

/// Companies to erase.
#[derive(ToSchema)]
#[schema(as = CompanyDeletion)]
#[expect(dead_code, reason = "describes what `asked` reads")]
pub(super) struct CompanyDeletion {
    /// Ids; integers count as their decimal text.
    companies: Vec<String>,
    /// Whether later writes about them are refused.
    suppress: Option<bool>,
}

/// A deletion that was accepted, or, of a dry run, what it would do.
#[derive(Serialize, ToSchema)]
#[schema(as = DeletionAccepted)]
pub(super) struct AcceptedBody {
    /// How many are scheduled.
    message: String,
    /// The erasure's id, also as a job. Absent in a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    job_id: Option<String>,
    /// Of a dry run: what would go.
    #[serde(skip_serializing_if = "Option::is_none")]
    would: Option<WouldBody>,
}

/// What a deletion would remove.
#[derive(Serialize, ToSchema)]
#[schema(as = WouldErase)]
struct WouldBody {
    /// Ids that are known.
    profiles: u64,
    /// Ids that are not.
    unknown: u64,
    /// Of companies: users that would belong to none.
    members: u64,
    /// Events that would be removed as a whole.
    events: u64,
}

/// A page of erasures.
#[derive(ToSchema)]
#[schema(as = ErasurePage)]
#[expect(dead_code, reason = "describes an answer that is written item by item")]
pub(super) struct ErasurePage {
    /// The erasures, newest first.
    data: Vec<ErasureBody>,
    /// Where the next page starts; null on the last one. A page may be shorter than `limit` before that.
    #[schema(required = true)]
    next_cursor: Option<String>,
}

/// Erase users: hidden at once, gone for good within the time that the operator promises. Unknown ids are no error.
#[utoipa::path(
    delete,
    path = "/v1/users",
    operation_id = "delete_users",
    tag = "Erasure",
    request_body(content = UserDeletion, example = json!({"users": ["user_001", "user_002"]})),
    params(
        ("dry_run" = Option<bool>, Query, description = "With `true`, says what would go and changes nothing"),
        EnvironmentHeader,
    ),
    responses(
        (status = 202, description = "Accepted: durable, and hidden from now on", body = AcceptedBody),
        ErasureProblems,
    ),
    security(("api_key" = ["erase"]), ("session" = [])),
)]
pub(super) async fn delete_users(
    State(edge): State<Arc<Edge>>,
    reader: Reader<Erase>,
    request: Request<Body>,
) -> Response {
    let outcome = take(&edge, &reader, ErasedKind::Users, request).await;
    reader.answer(outcome)
}

/// Erase companies. Their users stay and belong to none.
#[utoipa::path(
    delete,
    path = "/v1/companies",
    operation_id = "delete_companies",
    tag = "Erasure",
    request_body(content = CompanyDeletion, example = json!({"companies": ["company_001"]})),
    params(
        ("dry_run" = Option<bool>, Query, description = "With `true`, says what would go and changes nothing"),
        EnvironmentHeader,
    ),
    responses(
        (status = 202, description = "Accepted: durable, and hidden from now on", body = AcceptedBody),
        ErasureProblems,
    ),
    security(("api_key" = ["erase"]), ("session" = [])),
)]
pub(super) async fn delete_companies(
    State(edge): State<Arc<Edge>>,
    reader: Reader<Erase>,
    request: Request<Body>,
) -> Response {
    let outcome = take(&edge, &reader, ErasedKind::Companies, request).await;
    reader.answer(outcome)
}

async fn take(
    edge: &Arc<Edge>,
    reader: &Reader<Erase>,
    kind: ErasedKind,
    request: Request<Body>,
) -> Result<Response, Refused> {
    let (head, body) = request.into_parts();
    let head = Head::of(head);
    let dry_run = Query::of(&head).flag("dry_run")?;
    let bytes = body::read(edge, &head.headers, body).await?;
    let (ids, suppress) = asked(kind, &body::json_text(&head.headers, &bytes))?;
    let (environment, count) = (reader.environment(), ids.len());
    let noun = match (kind, count) {
        (ErasedKind::Users, 1) => "user is",
        (ErasedKind::Users, _) => "users are",
        (ErasedKind::Companies, 1) => "company is",
        (ErasedKind::Companies, _) => "companies are",
    };
    if dry_run {
        let would =
            read::aside(edge, move |edge| Ok(edge.parts.erasures.would_erase(environment, kind, &ids)?))
                .await?;
        let would = WouldBody {
            profiles: would.profiles,
            unknown: would.unknown,
            members: would.members,
            events: would.events,
        };
        let message = format!("{count} {noun} named; nothing was changed");
        return acts::answer(error::ACCEPTED, &AcceptedBody { message, job_id: None, would: Some(would) });
    }
    let by = reader.actor();
    let asker = reader.key().ok_or_else(|| by.clone());
    let erasure = read::aside(edge, move |edge| {
        let accepting = edge.parts.erasures.accept(environment, kind, ids, suppress, asker)?;
        // Beside the edge thread: this syncs the disk.
        let erasure = tokio::runtime::Handle::current().block_on(accepting)?;
        edge.parts.erasures.accepted(environment, &erasure);
        note(edge, &by, &erasure, environment);
        Ok(erasure)
    })
    .await?;
    let message = format!("{count} {noun} scheduled for deletion");
    acts::answer(error::ACCEPTED, &AcceptedBody { message, job_id: Some(erasure.id), would: None })
}

/// Tells the audit. The erasure itself is durable by now and names who asked: a note that cannot be kept takes nothing back.
fn note(edge: &Edge, by: &Actor, erasure: &Erasure, environment: EnvironmentId) {
    if let Err(error) = admin::record_erasure(edge.office(""), by, erasure, environment) {
        tracing::error!(%error, id = erasure.id, "the audit does not tell of an erasure");
    }
}

/// The ids that a body names, each once, and whether they are to be suppressed.
fn asked(kind: ErasedKind, json: &[u8]) -> Result<(Vec<String>, bool), Vec<Problem>> {
    let one = |problem: Problem| vec![problem];
    if json.trim_ascii().is_empty() {
        let message = format!("There is no body; send {{\"{}\": [\"id\", …]}}.", kind.as_str());
        return Err(one(Problem::of_call(ProblemCode::BodyMissing, message)));
    }
    let body: serde_json::Value = serde_json::from_slice(json).map_err(|error| {
        one(Problem::of_call(ProblemCode::BodyNotJson, format!("The body is not JSON: {error}.")))
    })?;
    let Some(body) = body.as_object() else {
        let message = "The body is no JSON object.";
        return Err(one(Problem::of_call(ProblemCode::BodyNotObject, message)));
    };
    let suppress = match body.get("suppress") {
        None | Some(serde_json::Value::Null) => false,
        Some(serde_json::Value::Bool(suppress)) => *suppress,
        Some(_) => {
            let message = "`suppress` is neither `true` nor `false`.";
            return Err(one(Problem::at("/suppress", ProblemCode::FieldInvalid, message)));
        }
    };
    let name = kind.as_str();
    let items = body.get(name).and_then(serde_json::Value::as_array).filter(|items| !items.is_empty());
    let Some(items) = items.filter(|items| items.len() <= ERASED_IDS_MAX) else {
        let message = format!("`{name}` is no list of 1 to {ERASED_IDS_MAX} ids; send one.");
        return Err(one(Problem::at(format!("/{name}"), ProblemCode::FieldInvalid, message)));
    };
    let (mut ids, mut known, mut problems) = (Vec::new(), HashSet::new(), Vec::new());
    for (index, item) in items.iter().enumerate() {
        match id_of(item) {
            Ok(id) if known.insert(id.clone()) => ids.push(id),
            Ok(_) => {}
            Err(problem) => problems.push(Problem { pointer: format!("/{name}/{index}"), ..problem }),
        }
    }
    problems.truncate(PROBLEMS_LISTED_MAX);
    if problems.is_empty() { Ok((ids, suppress)) } else { Err(problems) }
}

/// An id as on every other call: a string, or an integer as its decimal text.
fn id_of(item: &serde_json::Value) -> Result<String, Problem> {
    let text = match item {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Number(number) if number.is_i64() || number.is_u64() => number.to_string(),
        _ => {
            let message = "The id is neither a string nor a 64-bit integer; send a string.";
            return Err(Problem::of_call(ProblemCode::IdType, message));
        }
    };
    id::check(&text).map(|()| text).map_err(id_problem)
}

/// List erasures, the newest first.
#[utoipa::path(
    get,
    path = "/v1/erasures",
    operation_id = "list_erasures",
    tag = "Erasure",
    params(LimitParameter, CursorParameter, EnvironmentHeader),
    responses((status = 200, description = "A page of erasures", body = ErasurePage), ReadProblems),
    security(("api_key" = ["erase"]), ("api_key" = ["read"]), ("session" = [])),
)]
pub(super) async fn list(State(edge): State<Arc<Edge>>, reader: Reader<Witness>, head: Head) -> Response {
    let outcome = listed(&edge, &reader, &head).await;
    reader.answer(outcome)
}

async fn listed(edge: &Arc<Edge>, reader: &Reader<Witness>, head: &Head) -> Result<Response, Refused> {
    let query = Query::of(head);
    let mut asked = query.page()?;
    let before = asked.cursor.take().as_ref().map(number_of).transpose()?;
    let (environment, now) = (reader.environment(), reader.now());
    let bytes = read::aside(edge, move |edge| {
        let (erasures, catalog) = (edge.parts.erasures.erasures(environment)?, edge.parts.catalog.state());
        let is_behind = |erasure: &&Erasure| before.is_none_or(|before| erasure.number.0 < before);
        let mut rest = erasures.iter().filter(is_behind).peekable();
        // A page ends with its bytes as well: ten thousand hashes stand in some certificates.
        let mut writer = PageWriter::new(asked);
        while writer.wants().is_some()
            && let Some(erasure) = rest.next()
        {
            writer.push(&ErasureBody::new(erasure, environment, &catalog, now))?;
            writer.turn(1, rest.peek().map(|_| Cursor(erasure.number.0.to_be_bytes().to_vec())));
        }
        Ok(writer.finish())
    })
    .await?;
    Ok(acts::unkept(error::OK, bytes))
}

fn number_of(cursor: &Cursor) -> Result<u32, Refused> {
    let bytes: Result<[u8; 4], _> = cursor.0.as_slice().try_into();
    bytes.map(u32::from_be_bytes).map_err(|_| StoreError::NotACursor.into())
}

/// Read an erasure and, once it is complete, its certificate.
#[utoipa::path(
    get,
    path = "/v1/erasures/{id}",
    operation_id = "read_erasure",
    tag = "Erasure",
    params(("id" = String, Path, description = "The erasure's id"), EnvironmentHeader),
    responses(
        (status = 200, description = "The erasure", body = ErasureBody),
        (status = 404, description = "No such erasure", body = Envelope<'static>),
        ReadProblems,
    ),
    security(("api_key" = ["erase"]), ("api_key" = ["read"]), ("session" = [])),
)]
pub(super) async fn get(
    State(edge): State<Arc<Edge>>,
    reader: Reader<Witness>,
    id: InPath<JobId>,
) -> Response {
    let outcome = one(&edge, &reader, id).await;
    reader.answer(outcome)
}

async fn one(edge: &Arc<Edge>, reader: &Reader<Witness>, id: InPath<JobId>) -> Result<Response, Refused> {
    let (id, environment, now) = (id.id()?, reader.environment(), reader.now());
    read::aside(edge, move |edge| {
        let erasures = edge.parts.erasures.erasures(environment)?;
        let Some(erasure) = erasures.iter().find(|erasure| erasure.id == id.as_str()) else {
            let message = "No such erasure in this environment.";
            return Err(Problem::of_call(ProblemCode::ErasureUnknown, message).into());
        };
        let catalog = edge.parts.catalog.state();
        acts::answer(error::OK, &ErasureBody::new(erasure, environment, &catalog, now))
    })
    .await
}

/// How far an erasure is, as a job: nothing or all of it.
pub(super) fn done(erasure: &Erasure) -> u64 {
    if erasure.status == JobStatus::Completed { erasure.hashes.len() as u64 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(json: &str) -> Vec<(String, ProblemCode)> {
        let problems = asked(ErasedKind::Users, json.as_bytes()).unwrap_err();
        problems.into_iter().map(|problem| (problem.pointer, problem.code)).collect()
    }

    #[test]
    fn ids_are_taken_as_on_other_calls_and_each_counts_once() {
        let ids = |json: &str| asked(ErasedKind::Users, json.as_bytes()).unwrap();
        assert_eq!(ids(r#"{"users":["a",7,"a","7"]}"#), (vec!["a".to_owned(), "7".to_owned()], false));
        assert!(ids(r#"{"users":["a"],"suppress":true}"#).1);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let at = |pointer: &str, code| vec![(pointer.to_owned(), code)];
        assert_eq!(codes(""), at("", ProblemCode::BodyMissing));
        assert_eq!(codes("{"), at("", ProblemCode::BodyNotJson));
        assert_eq!(codes("[]"), at("", ProblemCode::BodyNotObject));
        assert_eq!(codes("{}"), at("/users", ProblemCode::FieldInvalid));
        assert_eq!(codes(r#"{"companies":["a"]}"#), at("/users", ProblemCode::FieldInvalid));
        assert_eq!(codes(r#"{"users":[]}"#), at("/users", ProblemCode::FieldInvalid));
        assert_eq!(codes(r#"{"users":["a"],"suppress":1}"#), at("/suppress", ProblemCode::FieldInvalid));
        let both = codes(r#"{"users":["a"," ",true]}"#);
        assert_eq!(
            both,
            [("/users/1".to_owned(), ProblemCode::IdEmpty), ("/users/2".to_owned(), ProblemCode::IdType)]
        );
    }
}
