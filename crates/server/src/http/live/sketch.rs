//! What a handler tells of its call: made only for calls that are recorded, and completed where the answer leaves.
//!
//! The write path calls [`Sketch::of_write`] once, just before the append, and [`Sketch::answered`] once, when it has
//! the answer; over the budget both do nothing but count.

use axum::body::Bytes;
use axum::response::Response;
use serde::Deserialize;

use muster_kernel::model::event::EventDraft;
use muster_kernel::model::id::{EnvironmentId, KeyId, PositionToken};
use muster_kernel::model::problem::{Problem, ProblemCode};
use muster_kernel::model::time::Timestamp;

use super::super::answer::WarningItem;
use super::super::auth::Key;
use super::super::caller::{Caller, Ingest};
use super::super::edge::Edge;
use super::super::error::Refused;
use super::call::{Outcome, Outside, Subject, SubjectKind, cut};
use super::causes::MESSAGE_BYTES_MAX;
use super::changes::{Change, changes};

/// Bytes of a body that are kept.
pub(super) const BODY_BYTES_MAX: usize = 16 * 1024;

/// A body as far as it is kept.
#[derive(Clone, Debug)]
pub(super) struct KeptBody {
    pub text: String,
    pub is_cut: bool,
}

impl KeptBody {
    /// Bytes that are no UTF-8 are kept as U+FFFD.
    pub(super) fn of(bytes: &[u8]) -> Self {
        let start = &bytes[..bytes.len().min(BODY_BYTES_MAX)];
        let mut text = String::from_utf8_lossy(start).into_owned();
        let is_cut = cut(&mut text, BODY_BYTES_MAX) || start.len() < bytes.len();
        if start.len() < bytes.len() && text.ends_with('\u{fffd}') {
            // The cut went through a character.
            text.pop();
        }
        KeptBody { text, is_cut }
    }
}

/// What the handlers know of a call.
#[derive(Clone, Debug)]
pub(in crate::http) struct Sketch {
    pub(super) at: Timestamp,
    /// None when no key opened one.
    pub(super) environment: Option<EnvironmentId>,
    pub(super) key: Option<KeyId>,
    pub(super) subject: Option<Subject>,
    pub(super) event_name: Option<String>,
    pub(super) outcome: Outcome,
    pub(super) position: Option<PositionToken>,
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<WarningItem>,
    /// What it changed in the profiles, where that was looked at.
    pub(super) changes: Option<Vec<Change>>,
    pub(super) request_body: Option<KeptBody>,
    pub(super) response_body: Option<KeptBody>,
}

impl Sketch {
    pub(super) fn new(at: Timestamp, outcome: Outcome) -> Self {
        Sketch {
            at,
            environment: None,
            key: None,
            subject: None,
            event_name: None,
            outcome,
            position: None,
            problems: Vec::new(),
            warnings: Vec::new(),
            changes: None,
            request_body: None,
            response_body: None,
        }
    }

    fn of_key(key: &Key, at: Timestamp, outcome: Outcome) -> Option<Self> {
        if !key.recording.takes_accepted(at) {
            key.counts.skip();
            return None;
        }
        let (environment, key) = (Some(key.environment()), Some(key.api.id));
        Some(Sketch { environment, key, ..Sketch::new(at, outcome) })
    }

    /// A write that is about to be appended, when it is to be recorded.
    pub(in crate::http) fn of_write(
        edge: &Edge,
        caller: &Caller<Ingest>,
        draft: &EventDraft,
        body: &[u8],
    ) -> Option<Sketch> {
        let mut sketch = Sketch::of_key(&caller.key, caller.now, Outcome::Stored)?;
        let subject = match draft.user_id.as_str() {
            "" => Subject { kind: SubjectKind::Company, id: draft.company_id.clone() },
            user => Subject { kind: SubjectKind::User, id: user.to_owned() },
        };
        sketch.subject = Some(subject);
        sketch.event_name = Some(draft.event_name.clone()).filter(|name| !name.is_empty());
        sketch.request_body = (!body.is_empty()).then(|| KeptBody::of(body));
        sketch.changes = changes(edge.parts.profiles.as_ref(), caller.environment(), draft, caller.now);
        Some(sketch)
    }

    /// The write was taken and is answered with `body`.
    pub(in crate::http) fn answered(
        mut self,
        response: &mut Response,
        position: PositionToken,
        is_duplicate: bool,
        body: &Bytes,
    ) {
        #[derive(Deserialize)]
        struct Answered {
            warnings: Vec<WarningItem>,
        }
        if is_duplicate {
            self.outcome = Outcome::Duplicate;
            self.changes = Some(Vec::new());
        }
        self.position = Some(position);
        // The answer is ours: it reads back.
        self.warnings = serde_json::from_slice(body).map_or(Vec::new(), |answer: Answered| answer.warnings);
        self.response_body = Some(KeptBody::of(body));
        response.extensions_mut().insert(self);
    }

    /// Notes that a key was used to read, when that is to be recorded.
    pub(in crate::http) fn note_read(key: &Key, now: Timestamp, response: &mut Response) {
        if let Some(sketch) = Sketch::of_key(key, now, Outcome::Read) {
            response.extensions_mut().insert(sketch);
        }
    }
}

/// Counts a refused call under its cause and records it while there is room; `answer` is what was answered.
pub(in crate::http) fn note_refused(
    edge: &Edge,
    refused: &Refused,
    answer: &[u8],
    outside: impl FnOnce() -> Outside,
) {
    let Some(problem) = refused.problems().first() else { return };
    let environment = refused.key().and_then(|key| {
        let state = edge.parts.catalog.state();
        state.keys.iter().find(|known| known.id == key).map(|known| known.environment)
    });
    if environment.is_none() && !is_of_strangers(problem.code) {
        return;
    }
    let (at, outside) = (edge.parts.clock.now(), outside());
    let recorder = &edge.shared.recorder;
    if !recorder.count_refusal(environment, problem, &outside.route, refused.key(), at) {
        return;
    }
    let mut sketch = Sketch::new(at, Outcome::Refused);
    (sketch.environment, sketch.key) = (environment, refused.key());
    sketch.problems = refused.problems().iter().map(shortened).collect();
    if let Some(body) = refused.body() {
        (sketch.subject, sketch.event_name) = subject_of(body, &outside.route);
        sketch.request_body = Some(KeptBody::of(body));
    }
    sketch.response_body = Some(KeptBody::of(answer));
    recorder.keep(outside, sketch);
}

/// Whether a call without a known key was meant for some environment. Other refusals without a key are the console's.
fn is_of_strangers(code: ProblemCode) -> bool {
    use ProblemCode as P;
    matches!(code, P::KeyMissing | P::KeyMalformed | P::KeyUnknown | P::KeyIsAppToken)
}

fn shortened(problem: &Problem) -> Problem {
    let mut problem = problem.clone();
    cut(&mut problem.pointer, MESSAGE_BYTES_MAX);
    cut(&mut problem.message, MESSAGE_BYTES_MAX);
    problem
}

/// Whom a refused body means to be about, as far as it can be read, and the name of its event.
fn subject_of(body: &[u8], route: &str) -> (Option<Subject>, Option<String>) {
    if body.len() > BODY_BYTES_MAX {
        return (None, None);
    }
    let Ok(body) = serde_json::from_slice::<serde_json::Value>(body) else { return (None, None) };
    let text = |name: &str| match body.get(name)? {
        serde_json::Value::String(text) => Some(text.clone()),
        serde_json::Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let of = |kind, id: Option<String>| id.filter(|id| !id.is_empty()).map(|id| Subject { kind, id });
    let subject = if route == "/v1/companies/identify" {
        of(SubjectKind::Company, text("company_id").or_else(|| text("id")))
    } else {
        of(SubjectKind::User, text("user_id"))
    };
    (subject, text("event_name").or_else(|| text("event")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_cut_between_characters() {
        let whole = KeptBody::of("é".as_bytes());
        assert_eq!((whole.text.as_str(), whole.is_cut), ("é", false));
        let long = format!("x{}", "é".repeat(BODY_BYTES_MAX));
        let kept = KeptBody::of(long.as_bytes());
        assert!(kept.is_cut && kept.text.len() < BODY_BYTES_MAX && !kept.text.contains('\u{fffd}'));
        assert!(long.starts_with(&kept.text));
        let binary = KeptBody::of(&[0xff; 2 * BODY_BYTES_MAX]);
        assert!(binary.is_cut && binary.text.len() <= BODY_BYTES_MAX);
    }

    #[test]
    fn a_refused_body_names_its_subject_where_it_can() {
        let of = |body: &str, route: &str| subject_of(body.as_bytes(), route);
        let user = |id: &str| Some(Subject { kind: SubjectKind::User, id: id.to_owned() });
        assert_eq!(of(r#"{"user_id":7,"company":{}}"#, "/v1/identify"), (user("7"), None));
        let track = of(r#"{"user_id":"u","event":"paid"}"#, "/v1/track");
        assert_eq!(track, (user("u"), Some("paid".to_owned())));
        let company = of(r#"{"id":"c","user_id":"u"}"#, "/v1/companies/identify").0.unwrap();
        assert_eq!((company.kind, company.id.as_str()), (SubjectKind::Company, "c"));
        for none in ["{", "[]", r#"{"user_id":{}}"#, r#"{"user_id":""}"#] {
            assert_eq!(of(none, "/v1/identify"), (None, None), "{none}");
        }
    }
}
