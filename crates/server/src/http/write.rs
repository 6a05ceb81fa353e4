//! The write path: from the bytes of a call to the answer that it is stored.
//!
//! body → guards → `kernel::accept::read` into this thread's draft → room in the profile → append → answer. The answer
//! is given only once the log says that the event is durable and visible (law 1).

use std::cell::RefCell;

use axum::body::{Body, Bytes};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Request, StatusCode};
use axum::response::Response;

use muster_kernel::accept::{self, Call};
use muster_kernel::model::catalog::Scope;
use muster_kernel::model::event::{EventDraft, EventKind};
use muster_kernel::model::limits::{IDEMPOTENCY_KEY_CHARS_MAX, PROFILE_PROPERTIES_MAX};
use muster_kernel::model::problem::{Problem, ProblemCode, Warning};
use muster_kernel::ports::{Admitted, Appended, Appending, ProfileKind};

use super::answer;
use super::body;
use super::caller::{Caller, DRY_RUN, Ingest};
use super::edge::Edge;
use super::error::{self, Refused};
use super::live::Sketch;
use super::read::Query;
use super::would::DryRun;
use crate::guards;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const NO_WARNINGS: &str = "[]";
/// The answer to a write about somebody who was erased and is suppressed.
const SUPPRESSED: &str = r#"{"status":"suppressed","warnings":[]}"#;

thread_local! {
    /// The event being put together; kept, so that its buffers are.
    static DRAFT: RefCell<EventDraft> = RefCell::default();
}

/// Takes a call of one of the three real-time routes.
pub(super) async fn take(
    edge: &Edge,
    caller: &mut Caller<Ingest>,
    call: Call,
    request: Request<Body>,
) -> Result<Response, Refused> {
    let (head, body) = request.into_parts();
    // The extractor knows already whether this is a dry run, but not whether that was asked for properly.
    Query::of_parts(&head).flag(DRY_RUN)?;
    let idempotency_key = idempotency_key(&head)?;
    let body = body::read(edge, &head.headers, body).await?;
    let outcome = take_body(edge, caller, call, (&head, idempotency_key), &body).await;
    outcome.map_err(|refused| refused.of_body(body))
}

async fn take_body(
    edge: &Edge,
    caller: &mut Caller<Ingest>,
    call: Call,
    (head, idempotency_key): (&Parts, Option<&str>),
    body: &[u8],
) -> Result<Response, Refused> {
    let json = body::json_text(&head.headers, body);
    if caller.is_dry_run {
        return DRAFT.with_borrow_mut(|draft| {
            let warnings = accept::read(call, &caller.key.settings, caller.now, &json, draft)?;
            check_room(edge, caller, draft)?;
            guard(draft, head, idempotency_key, body);
            would(edge, caller, success(call), draft, &warnings)
        });
    }
    let (appending, warnings, sketch) = DRAFT.with_borrow_mut(|draft| {
        let warnings = accept::read(call, &caller.key.settings, caller.now, &json, draft)?;
        check_room(edge, caller, draft)?;
        draft.key = caller.key.api.id;
        guard(draft, head, idempotency_key, body);
        let sketch = Sketch::of_write(edge, caller, draft, body);
        let appending = append(edge, caller, draft, &warnings)?;
        Ok::<_, Refused>((appending, warnings, sketch))
    })?;
    let appended = caller.follow(edge, appending).await?;
    taken(caller, success(call), appended, &warnings, sketch)
}

/// Appends an event that is not one of the three real-time calls; `fill` gets a cleared draft.
pub(super) async fn append_made(
    edge: &Edge,
    caller: &mut Caller<Ingest>,
    head: &Parts,
    fill: impl FnOnce(&mut EventDraft),
) -> Result<Response, Refused> {
    Query::of_parts(head).flag(DRY_RUN)?;
    let idempotency_key = idempotency_key(head)?;
    if caller.is_dry_run {
        return DRAFT.with_borrow_mut(|draft| {
            draft.clear();
            fill(draft);
            guard(draft, head, idempotency_key, b"");
            would(edge, caller, error::ACCEPTED, draft, &[])
        });
    }
    let (appending, sketch) = DRAFT.with_borrow_mut(|draft| {
        draft.clear();
        fill(draft);
        draft.key = caller.key.api.id;
        guard(draft, head, idempotency_key, b"");
        let sketch = Sketch::of_write(edge, caller, draft, b"");
        append(edge, caller, draft, &[]).map(|appending| (appending, sketch))
    })?;
    let appended = caller.follow(edge, appending).await?;
    taken(caller, error::ACCEPTED, appended, &[], sketch)
}

/// Says in the draft what makes its call the same as another one.
fn guard(draft: &mut EventDraft, head: &Parts, idempotency_key: Option<&str>, body: &[u8]) {
    let (method, path) = (head.method.as_str(), head.uri.path());
    draft.guards.extend(idempotency_key.map(|key| guards::of_request(method, path, key, body)));
    if !draft.event_id.is_empty() {
        draft.guards.push(guards::of_event(&draft.event_id, body));
    }
}

/// Answers a dry run with what the event in the draft would do: nothing, when its call would be a repetition, or is about
/// somebody who is suppressed.
fn would(
    edge: &Edge,
    caller: &Caller<Ingest>,
    status: StatusCode,
    draft: &mut EventDraft,
    warnings: &[Warning],
) -> Result<Response, Refused> {
    let environment = caller.environment();
    let position = edge.parts.log.visible(environment)?;
    let known = match draft.guards.as_slice() {
        [] => None,
        guards => edge.parts.log.recall(environment, guards)?.transpose()?,
    };
    let admitted = edge.parts.erasures.port().admits(environment, draft)?;
    if admitted == Admitted::WithoutCompany {
        draft.drop_company();
    }
    let body = match &known {
        Some(Appended::Duplicate { warnings, .. }) => DryRun::of_repetition(warnings)?,
        _ if admitted == Admitted::Nothing => DryRun::of_suppressed()?,
        _ => {
            let as_seen = (caller.now, caller.key.api.may(Scope::Read));
            DryRun::of(edge.parts.profiles.as_ref(), environment, draft, warnings, as_seen)?
        }
    };
    let bytes = serde_json::to_vec(&body).map_err(|error| Refused::internal(error.to_string()))?;
    let mut response = answer::json(status, bytes);
    answer::put_position(&mut response, caller.token(position));
    if known.is_some() {
        response.headers_mut().insert(answer::DUPLICATE, HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// Seed 004 says 200 for companies, the others 202. Rows are no calls; their job's upload is.
fn success(call: Call) -> StatusCode {
    match call {
        Call::IdentifyUser | Call::Track | Call::UserRow | Call::CompanyRow => error::ACCEPTED,
        Call::IdentifyCompany => error::OK,
    }
}

fn append(
    edge: &Edge,
    caller: &Caller<Ingest>,
    draft: &mut EventDraft,
    warnings: &[Warning],
) -> Result<Appending, Refused> {
    if !draft.guards.is_empty() {
        // A repetition is answered with the warnings of the first call.
        let text = serde_json::to_string(warnings).map_err(|error| Refused::internal(error.to_string()))?;
        draft.warnings = text;
    }
    Ok(edge.parts.log.append(caller.environment(), draft))
}

/// Whether the profiles that the event changes have room for its properties.
fn check_room(edge: &Edge, caller: &Caller<Ingest>, draft: &EventDraft) -> Result<(), Refused> {
    let environment = caller.environment();
    // The properties of any other event are its own and stand in no profile.
    let subject = match draft.kind {
        EventKind::IdentifyUser => Some((ProfileKind::User, &draft.user_id)),
        EventKind::IdentifyCompany => Some((ProfileKind::Company, &draft.company_id)),
        _ => None,
    };
    let own = subject.map(|(kind, id)| (kind, id, &draft.properties, "/metadata"));
    let company = (ProfileKind::Company, &draft.company_id, &draft.company_properties, "/company");
    let mut problems = Vec::new();
    for (kind, id, added, pointer) in own.into_iter().chain([company]) {
        if added.is_empty() {
            continue;
        }
        if let Some(count) = edge.parts.profiles.overflow(environment, kind, id, added)? {
            let message = format!(
                "The profile would hold {count} properties, removed ones counted; it may hold \
                 {PROFILE_PROPERTIES_MAX}: send fewer names."
            );
            problems.push(Problem::at(pointer, ProblemCode::TooManyProperties, message));
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems.into()) }
}

/// The caller's `Idempotency-Key`.
pub(super) fn idempotency_key(head: &Parts) -> Result<Option<&str>, Problem> {
    let Some(value) = head.headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let key = value.to_str().unwrap_or_default();
    let plain = key.bytes().all(|byte| byte.is_ascii_graphic());
    if plain && (1..=IDEMPOTENCY_KEY_CHARS_MAX).contains(&key.len()) {
        return Ok(Some(key));
    }
    let message =
        format!("`Idempotency-Key` is not 1 to {IDEMPOTENCY_KEY_CHARS_MAX} visible ASCII characters.");
    Err(Problem::of_call(ProblemCode::IdempotencyKeyInvalid, message))
}

fn taken(
    caller: &Caller<Ingest>,
    status: StatusCode,
    appended: Appended,
    warnings: &[Warning],
    sketch: Option<Sketch>,
) -> Result<Response, Refused> {
    let (receipt, is_duplicate, body) = match appended {
        Appended::Stored(receipt) if warnings.is_empty() => (receipt, false, accepted(NO_WARNINGS)),
        Appended::Stored(receipt) => {
            let text =
                serde_json::to_string(warnings).map_err(|error| Refused::internal(error.to_string()))?;
            (receipt, false, accepted(&text))
        }
        Appended::Duplicate { receipt, warnings } => (receipt, true, accepted(&warnings)),
        // Not recorded either: the call is about somebody who is to be forgotten.
        Appended::Suppressed => return Ok(answer::json(status, SUPPRESSED)),
    };
    let position = caller.token(receipt.position);
    let mut response = answer::json(status, body.clone());
    answer::put_position(&mut response, position);
    if is_duplicate {
        response.headers_mut().insert(answer::DUPLICATE, HeaderValue::from_static("true"));
    }
    if let Some(sketch) = sketch {
        sketch.answered(&mut response, position, is_duplicate, &body);
    }
    Ok(response)
}

fn accepted(warnings: &str) -> Bytes {
    if warnings.is_empty() || warnings == NO_WARNINGS {
        return Bytes::from_static(br#"{"status":"accepted","warnings":[]}"#);
    }
    Bytes::from(format!(r#"{{"status":"accepted","warnings":{warnings}}}"#))
}
