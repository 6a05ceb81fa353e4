//! How recorded calls read.

use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use muster_kernel::model::catalog::CatalogState;
use muster_kernel::model::id::{KeyId, PositionToken};
use muster_kernel::model::problem::Problem;

use super::super::answer::{Instant, WarningItem};
use super::call::{Call, Outcome, Subject};
use super::changes::Change;
use super::remedy::remedy;
use super::sketch::KeptBody;

/// A call as it came in and was answered.
#[derive(Serialize, ToSchema)]
#[schema(as = Call)]
pub(super) struct CallBody<'a> {
    /// Larger than that of every call recorded before, also before a restart.
    #[schema(example = 1_795_242_069_123_457_u64)]
    sequence: u64,
    /// When it came in.
    #[schema(value_type = Instant)]
    at: Instant,
    /// The request's id, as in `X-Request-Id`.
    request_id: &'a str,
    /// The method.
    #[schema(example = "POST")]
    method: &'a str,
    /// The path as it was sent, without the query.
    #[schema(example = "/v1/users/u-7/company")]
    path: &'a str,
    /// The template that the path fits; `unknown` for none.
    #[schema(example = "/v1/users/{id}/company")]
    route: &'a str,
    /// The status of the answer.
    #[schema(example = 202)]
    status: u16,
    /// From the request's head to its answer.
    duration_us: u64,
    /// The key that was sent; null when it is none of this server.
    #[schema(required = true)]
    key: Option<CallKey<'a>>,
    /// Whom the call is about; of a refused one as far as its body can be read.
    #[schema(required = true)]
    subject: Option<&'a Subject>,
    /// The name of a `track` event.
    #[schema(required = true)]
    event_name: Option<&'a str>,
    /// What became of it.
    outcome: Outcome,
    /// Where the event stands in the log.
    #[schema(value_type = Option<String>, required = true, example = "0a1b2c3d-42")]
    position: Option<Token>,
    /// Why it was refused: one for each problem found.
    errors: Vec<CallError<'a>>,
    /// What was odd about it although it was taken.
    warnings: &'a [WarningItem],
}

/// A call with what it carried and changed.
#[derive(Serialize, ToSchema)]
#[schema(as = CallDetail)]
pub(super) struct CallDetail<'a> {
    #[serde(flatten)]
    call: CallBody<'a>,
    /// What it changed in the profiles; null when that was not looked at, or the caller may not see it.
    #[schema(required = true)]
    changes: Option<&'a [Change]>,
    /// The decompressed body; null when there was none or it was not read, or the caller may not see it.
    #[schema(required = true)]
    request_body: Option<&'a str>,
    /// Whether only the first 16 KiB of the body are kept.
    request_body_truncated: bool,
    /// The answer of a write or of a refused call; null for a read, or when the caller may not see it.
    #[schema(required = true)]
    response_body: Option<&'a str>,
    /// Whether only the first 16 KiB of the answer are kept.
    response_body_truncated: bool,
}

/// A key, as far as it is told.
#[derive(Serialize, ToSchema)]
pub(super) struct CallKey<'a> {
    /// Its number.
    id: u32,
    /// What its owner calls it.
    name: &'a str,
    /// The last four characters of its secret.
    hint: &'a str,
}

/// One thing wrong with a call.
#[derive(Serialize, ToSchema)]
pub(super) struct CallError<'a> {
    /// JSON Pointer (RFC 6901) to the place in the body; empty for the body as a whole or what is not in it.
    #[schema(example = "/company")]
    details: &'a str,
    /// A stable word to branch on; docs/API.md lists them all.
    #[schema(example = "company_id_missing")]
    error_code: &'static str,
    /// What the caller was told.
    message: &'a str,
    /// What mends it, in a few words.
    #[schema(example = "send one, or leave `company` out")]
    remedy: &'static str,
}

/// A position in its text form.
struct Token(PositionToken);

impl Serialize for Token {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'a> CallBody<'a> {
    pub(super) fn new(call: &'a Call, catalog: &'a CatalogState) -> Self {
        let Call { sequence, outside, sketch } = call;
        CallBody {
            sequence: *sequence,
            at: Instant(sketch.at),
            request_id: outside.request_id.to_str().unwrap_or_default(),
            method: outside.method.as_str(),
            path: &outside.path,
            route: &outside.route,
            status: outside.status,
            duration_us: outside.duration_us,
            key: sketch.key.and_then(|key| CallKey::of(key, catalog)),
            subject: sketch.subject.as_ref(),
            event_name: sketch.event_name.as_deref(),
            outcome: sketch.outcome,
            position: sketch.position.map(Token),
            errors: sketch.problems.iter().map(CallError::of).collect(),
            warnings: &sketch.warnings,
        }
    }
}

impl<'a> CallDetail<'a> {
    /// `is_open` says whether the caller may see bodies and values.
    pub(super) fn new(call: &'a Call, catalog: &'a CatalogState, is_open: bool) -> Self {
        let seen = |body: &'a Option<KeptBody>| body.as_ref().filter(|_| is_open);
        let (request, response) = (seen(&call.sketch.request_body), seen(&call.sketch.response_body));
        CallDetail {
            call: CallBody::new(call, catalog),
            changes: call.sketch.changes.as_deref().filter(|_| is_open),
            request_body: request.map(|body| body.text.as_str()),
            request_body_truncated: request.is_some_and(|body| body.is_cut),
            response_body: response.map(|body| body.text.as_str()),
            response_body_truncated: response.is_some_and(|body| body.is_cut),
        }
    }
}

impl<'a> CallKey<'a> {
    fn of(key: KeyId, catalog: &'a CatalogState) -> Option<Self> {
        let api = catalog.keys.iter().find(|known| known.id == key)?;
        Some(CallKey { id: api.id.0, name: &api.name, hint: &api.hint })
    }
}

impl<'a> CallError<'a> {
    fn of(problem: &'a Problem) -> Self {
        CallError {
            details: &problem.pointer,
            error_code: problem.code.as_str(),
            message: &problem.message,
            remedy: remedy(problem.code),
        }
    }
}
