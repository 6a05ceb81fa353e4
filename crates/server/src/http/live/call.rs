//! A recorded call.

use axum::http::{HeaderValue, Method};
use muster_kernel::model::erasure::ErasedKind;
use percent_encoding::percent_decode_str;
use serde::Serialize;
use utoipa::ToSchema;

use super::sketch::Sketch;

/// Bytes of a path that are kept.
const PATH_BYTES_MAX: usize = 1024;
/// What a call costs beside its texts, roughly.
const CALL_BYTES: usize = 512;
/// What a problem, a warning or a change costs beside its texts.
const ITEM_BYTES: usize = 96;

/// Ids that are looked for one by one.
const SOUGHT_IDS_MAX: usize = 20;

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = CallOutcome)]
pub(in crate::http) enum Outcome {
    /// Written to the log.
    Stored,
    /// Recognised as a repetition; nothing was written.
    Duplicate,
    /// Not taken.
    Refused,
    /// Answered from what is stored.
    Read,
}

impl Outcome {
    pub(super) const ALL: [Outcome; 4] =
        [Outcome::Stored, Outcome::Duplicate, Outcome::Refused, Outcome::Read];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Outcome::Stored => "stored",
            Outcome::Duplicate => "duplicate",
            Outcome::Refused => "refused",
            Outcome::Read => "read",
        }
    }
}

/// Which kind of profile a call is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = CallSubjectKind)]
pub(super) enum SubjectKind {
    /// A user.
    User,
    /// A company.
    Company,
}

/// Whom a call is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CallSubject)]
pub(super) struct Subject {
    pub kind: SubjectKind,
    /// The id as it was sent.
    pub id: String,
}

/// What is known of every call where it enters and leaves the server.
#[derive(Clone, Debug)]
pub(in crate::http) struct Outside {
    /// The id of the request, as in `X-Request-Id`.
    pub request_id: HeaderValue,
    /// The method.
    pub method: Method,
    /// The path as it was sent, without the query: that may hold what was searched for.
    pub path: String,
    /// The template that it fits.
    pub route: String,
    /// The status of the answer.
    pub status: u16,
    /// From the request's head to its answer.
    pub duration_us: u64,
}

/// A call on a shelf.
#[derive(Debug)]
pub(super) struct Call {
    /// Larger than that of every call recorded before, also before a restart.
    pub sequence: u64,
    pub outside: Outside,
    pub sketch: Sketch,
}

impl Call {
    pub(super) fn new(sequence: u64, mut outside: Outside, sketch: Sketch) -> Self {
        cut(&mut outside.path, PATH_BYTES_MAX);
        Call { sequence, outside, sketch }
    }

    /// Whether the call is about one of these ids, or names one in its path or its bodies. With many ids at once every
    /// call counts as such: the feed is the last few minutes, and looking for each id in each text would take longer.
    pub(super) fn is_about(&self, kind: ErasedKind, ids: &[String]) -> bool {
        if ids.len() > SOUGHT_IDS_MAX {
            return true;
        }
        let own = match kind {
            ErasedKind::Users => SubjectKind::User,
            ErasedKind::Companies => SubjectKind::Company,
        };
        let path = percent_decode_str(&self.outside.path).decode_utf8_lossy();
        let Sketch { subject, request_body, response_body, .. } = &self.sketch;
        let texts = [request_body, response_body].into_iter().flatten().map(|body| body.text.as_str());
        ids.iter().any(|id| {
            subject.as_ref().is_some_and(|subject| subject.kind == own && subject.id == *id)
                || path.split('/').any(|part| part == id)
                || texts.clone().any(|text| text.contains(id.as_str()))
        })
    }

    /// The same call, without anything that was said in it.
    pub(super) fn without_subject(&self) -> Call {
        let mut outside = self.outside.clone();
        outside.path.clone_from(&outside.route);
        let known = &self.sketch;
        let sketch = Sketch {
            environment: known.environment,
            key: known.key,
            position: known.position,
            ..Sketch::new(known.at, known.outcome)
        };
        Call { sequence: self.sequence, outside, sketch }
    }

    /// Memory held, roughly.
    pub(super) fn bytes(&self) -> usize {
        let Sketch { problems, warnings, changes, request_body, response_body, .. } = &self.sketch;
        let bodies = [request_body, response_body].into_iter().flatten().map(|body| body.text.len());
        let problems = problems.iter().map(|problem| problem.pointer.len() + problem.message.len());
        let warnings = warnings.iter().map(|warning| warning.pointer.len() + warning.message.len());
        let changes = changes.iter().flatten().map(|change| change.bytes());
        let items = problems.chain(warnings).chain(changes).map(|bytes| bytes + ITEM_BYTES);
        CALL_BYTES + self.outside.path.len() + bodies.sum::<usize>() + items.sum::<usize>()
    }
}

/// Shortens a text to at most so many bytes, between two characters. Answers whether it was longer.
pub(super) fn cut(text: &mut String, bytes_max: usize) -> bool {
    if text.len() <= bytes_max {
        return false;
    }
    text.truncate(text.floor_char_boundary(bytes_max));
    true
}
