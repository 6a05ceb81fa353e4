//! Which status each outcome has, and how a refused call reads. The only file that names statuses.
//!
//! A refusal has an outside text (problems: pointer, code, sentence with the remedy) and may have an inside text (what
//! the engine said). The inside text goes to the log and never into an answer.

use axum::body::{Body, Bytes};
use axum::http::header::{ACCEPT, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use muster_kernel::model::guard::GuardKind;
use muster_kernel::model::id::{IdFault, KeyId};
use muster_kernel::model::problem::{Problem, ProblemCode};
use muster_kernel::ports::{AppendError, Refusal, StoreError};

use crate::admin::AdminError;

/// The status of a read, of a good key and of an identified company (seed 004).
pub(super) const OK: StatusCode = StatusCode::OK;
/// The status of a write that was taken.
pub(super) const ACCEPTED: StatusCode = StatusCode::ACCEPTED;
/// The status of something that was made.
pub(super) const CREATED: StatusCode = StatusCode::CREATED;
/// The status of a part of something.
pub(super) const PARTIAL: StatusCode = StatusCode::PARTIAL_CONTENT;
/// The status of an act that has nothing to say.
pub(super) const NO_CONTENT: StatusCode = StatusCode::NO_CONTENT;
/// The status of a page that was not built into the server.
pub(super) const NOT_FOUND: StatusCode = StatusCode::NOT_FOUND;
/// The status of a server that is not ready.
pub(super) const UNAVAILABLE: StatusCode = StatusCode::SERVICE_UNAVAILABLE;

const PROBLEM_JSON: &str = "application/problem+json";

/// The status of a problem.
pub(super) fn status(code: ProblemCode) -> StatusCode {
    use ProblemCode as P;
    use StatusCode as S;
    match code {
        P::BodyMissing | P::BodyNotJson | P::BodyNotObject | P::BodyTooDeep | P::BodyNotDecompressed => {
            S::BAD_REQUEST
        }
        P::IdMissing | P::IdType | P::IdEmpty | P::IdTooLong | P::IdControlCharacter | P::IdJunk => {
            S::BAD_REQUEST
        }
        P::MetadataType | P::MetadataTooLarge | P::CompanyType | P::CompanyIdMissing => S::BAD_REQUEST,
        P::PropertyNameEmpty
        | P::PropertyNameTooLong
        | P::PropertyValueTooLong
        | P::PropertyValueNested
        | P::NumberOutOfRange
        | P::TooManyProperties => S::BAD_REQUEST,
        P::EventNameMissing
        | P::EventNameType
        | P::EventNameTooLong
        | P::EventIdInvalid
        | P::TimeInvalid
        | P::MoreProblems => S::BAD_REQUEST,
        P::ParameterInvalid | P::CursorInvalid | P::PositionInvalid | P::IdempotencyKeyInvalid => {
            S::BAD_REQUEST
        }
        P::KeyMissing | P::KeyMalformed | P::KeyUnknown | P::KeyRevoked | P::KeyIsAppToken => S::UNAUTHORIZED,
        P::SessionMissing | P::OwnerMissing | P::CredentialsWrong => S::UNAUTHORIZED,
        P::ScopeMissing | P::OriginRefused | P::RoleInsufficient | P::DownloadRefused => S::FORBIDDEN,
        P::EnvironmentMissing | P::FieldInvalid | P::RuleInvalid => S::BAD_REQUEST,
        P::RouteUnknown | P::UserUnknown | P::CompanyUnknown | P::CallUnknown => S::NOT_FOUND,
        P::EnvironmentUnknown | P::KeyNotFound | P::MemberUnknown | P::InvitationUnknown => S::NOT_FOUND,
        P::JobUnknown | P::ErasureUnknown | P::EventUnknown | P::QuestionUnknown => S::NOT_FOUND,
        P::SegmentUnknown | P::ReportUnknown | P::DashboardUnknown | P::ContentKindUnknown => S::NOT_FOUND,
        P::RangeUnsatisfiable => S::RANGE_NOT_SATISFIABLE,
        P::VersionDiffers => S::PRECONDITION_FAILED,
        P::AnswerTooLarge | P::PastUnknown => S::UNPROCESSABLE_ENTITY,
        P::JobRunning | P::JobEnded | P::JobCancelled | P::JobNotCancellable => S::CONFLICT,
        P::PartMissing | P::MultipartInvalid | P::FileEmpty | P::FileUnreadable => S::BAD_REQUEST,
        // Of rows of history: the answer to a whole call is never one of these.
        P::TimeMissing
        | P::TimeAhead
        | P::EventTypeInvalid
        | P::SourceInvalid
        | P::PageMissing
        | P::UrlInvalid
        | P::ContextInvalid
        | P::HeaderInvalid
        | P::HeaderRepeated
        | P::RowRagged
        | P::FieldUnreadable => S::BAD_REQUEST,
        P::RowTooLarge | P::TooManyRows => S::PAYLOAD_TOO_LARGE,
        P::InvitationInvalid | P::DownloadExpired | P::ExportErased | P::EventsDropped => S::GONE,
        P::Taken | P::LimitReached | P::LastOwner | P::SegmentInUse | P::DestinationMissing => S::CONFLICT,
        P::MethodNotAllowed => S::METHOD_NOT_ALLOWED,
        P::BodyTimeout => S::REQUEST_TIMEOUT,
        P::HttpMalformed => S::BAD_REQUEST,
        P::HeadTooLarge => S::REQUEST_HEADER_FIELDS_TOO_LARGE,
        P::IdempotencyConflict | P::EventIdConflict => S::CONFLICT,
        P::BodyTooLarge | P::CompressionRatio => S::PAYLOAD_TOO_LARGE,
        P::EncodingUnsupported | P::ContentTypeUnsupported => S::UNSUPPORTED_MEDIA_TYPE,
        P::RateLimited | P::TooManyAttempts => S::TOO_MANY_REQUESTS,
        P::PositionNotReached
        | P::Overloaded
        | P::StreamsExhausted
        | P::DiskFull
        | P::ClockBehind
        | P::LogClosed
        | P::OutcomeUnknown => S::SERVICE_UNAVAILABLE,
        P::Internal => S::INTERNAL_SERVER_ERROR,
    }
}

/// After how many seconds a call may succeed that failed for this reason.
fn retry_after_s(code: ProblemCode) -> u32 {
    if matches!(code, ProblemCode::DiskFull | ProblemCode::ClockBehind | ProblemCode::LogClosed) {
        // These wait for a person.
        return 30;
    }
    1
}

/// A call that was not taken: at least one problem, and what the log may know beyond it.
#[derive(Clone, Debug)]
pub(super) struct Refused {
    problems: Vec<Problem>,
    /// What happened inside; for the log only.
    inside: Option<String>,
    /// The key of the call, where one was recognised.
    key: Option<KeyId>,
    /// A better guess than the code alone allows.
    retry_after_s: Option<u32>,
    /// The decompressed body of the call, where it was read.
    body: Option<Bytes>,
}

impl Refused {
    /// A defect on this side; `inside` says which.
    pub(super) fn internal(inside: impl Into<String>) -> Self {
        let problem =
            Problem::of_call(ProblemCode::Internal, "The server failed on this call; its log says why.");
        Refused { inside: Some(inside.into()), ..Refused::from(problem) }
    }

    /// The same, of a call whose key is known.
    pub(super) fn of_key(self, key: KeyId) -> Self {
        Refused { key: Some(key), ..self }
    }

    /// The same, with the seconds after which the caller may try again.
    pub(super) fn retry_after(self, seconds: u32) -> Self {
        Refused { retry_after_s: Some(seconds), ..self }
    }

    /// The first problem's code: the one that decides the status and under which the call is counted.
    pub(super) fn code(&self) -> ProblemCode {
        self.problems.first().map_or(ProblemCode::Internal, |problem| problem.code)
    }

    /// The same, of a call whose body was read.
    pub(super) fn of_body(self, body: Bytes) -> Self {
        Refused { body: Some(body), ..self }
    }

    /// All problems, in the order of the body.
    pub(super) fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The decompressed body of the call, where it was read.
    pub(super) fn body(&self) -> Option<&[u8]> {
        self.body.as_deref()
    }

    /// What happened inside; for the log only.
    pub(super) fn inside(&self) -> Option<&str> {
        self.inside.as_deref()
    }

    /// The key of the call, where one was recognised.
    pub(super) fn key(&self) -> Option<KeyId> {
        self.key
    }

    /// Writes the refusal into an answer; headers that it already has (as `Allow`) stay. Answers the body.
    pub(super) fn render(
        &self,
        request_id: &HeaderValue,
        as_problem: bool,
        response: &mut Response,
    ) -> Bytes {
        let status = status(self.code());
        let id = request_id.to_str().unwrap_or_default();
        let (body, content_type) = if as_problem {
            (self.problem_document(status, id), PROBLEM_JSON)
        } else {
            (to_json(&Envelope { errors: self.items(status, id) }), "application/json")
        };
        *response.status_mut() = status;
        let body = Bytes::from(body);
        *response.body_mut() = Body::from(body.clone());
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        // The router counted the empty body that the refusal came with.
        headers.remove(CONTENT_LENGTH);
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Token"));
        }
        if status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::SERVICE_UNAVAILABLE {
            let seconds = self.retry_after_s.unwrap_or_else(|| retry_after_s(self.code()));
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::REQUEST_TIMEOUT || status == StatusCode::PAYLOAD_TOO_LARGE {
            // The rest of the body is not read, so nothing can follow it on this connection.
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        body
    }

    fn items<'a>(&'a self, status: StatusCode, request_id: &str) -> Vec<ErrorItem<'a>> {
        let reason = status.canonical_reason().unwrap_or_default();
        let item = |problem: &'a Problem| ErrorItem {
            details: &problem.pointer,
            error: reason,
            error_code: problem.code.as_str(),
            message: message(problem, status, request_id),
        };
        self.problems.iter().map(item).collect()
    }

    fn problem_document(&self, status: StatusCode, request_id: &str) -> Vec<u8> {
        let errors = self.items(status, request_id);
        to_json(&ProblemDocument {
            r#type: format!("urn:muster:problem:{}", self.code().as_str()),
            title: status.canonical_reason().unwrap_or_default(),
            status: status.as_u16(),
            detail: errors.first().map_or("", |item| &item.message),
            instance: request_id,
            errors: &errors,
        })
    }
}

/// What the caller cannot mend names the request, so that who runs the server can find it in the log.
fn message(problem: &Problem, status: StatusCode, request_id: &str) -> String {
    match status.is_server_error() {
        true => format!("{} Request id: {request_id}", problem.message),
        false => problem.message.clone(),
    }
}

fn to_json(value: &impl Serialize) -> Vec<u8> {
    // Strings and numbers only: serde_json cannot fail on them.
    serde_json::to_vec(value).unwrap_or_default()
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Refused::from(vec![problem])
    }
}

impl From<Vec<Problem>> for Refused {
    fn from(problems: Vec<Problem>) -> Self {
        Refused { problems, inside: None, key: None, retry_after_s: None, body: None }
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Refused::from(match refusal {
            Refusal::Overloaded => Problem::of_call(
                ProblemCode::Overloaded,
                "Too many writes are waiting; send the call again after `Retry-After` seconds.",
            ),
            Refusal::DiskFull => Problem::of_call(
                ProblemCode::DiskFull,
                "The server has too little free disk space to take writes; send the call again once there is more.",
            ),
            Refusal::ClockBehind { now, last } => Problem::of_call(
                ProblemCode::ClockBehind,
                format!(
                    "The server's clock says {now}, but its last event came at {last}; set the clock right, then \
                     send the call again."
                ),
            ),
            Refusal::Closed => Problem::of_call(
                ProblemCode::LogClosed,
                "The server takes no writes until it is restarted; send the call again then.",
            ),
        })
    }
}

impl From<AdminError> for Refused {
    fn from(error: AdminError) -> Self {
        match error {
            AdminError::Refused(problem) => Refused::from(problem),
            AdminError::Failed { message } => Refused::internal(message),
        }
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused(refusal) => Refused::from(refusal),
            StoreError::NotACursor => Refused::from(Problem::of_call(
                ProblemCode::CursorInvalid,
                "`cursor` is not one that this list gave; start again without it.",
            )),
            StoreError::TooLarge => Refused::from(Problem::of_call(
                ProblemCode::AnswerTooLarge,
                "The answer would be too large: ask for a shorter time, fewer events or fewer groups.",
            )),
            StoreError::Dropped { since, .. } => Refused::from(Problem::of_call(
                ProblemCode::EventsDropped,
                format!("Events of before {since} are no longer kept: ask of then or later."),
            )),
            // Asked of now instead by who asks about people.
            StoreError::Unpinned => Refused::internal(error.to_string()),
            // Nobody hears this: whoever asked has gone.
            StoreError::Stopped => Refused::internal(error.to_string()),
            // The key's environment is in the catalog, so an engine without it is a defect of ours.
            StoreError::NoEnvironment => Refused::internal(error.to_string()),
            StoreError::Damaged(_) | StoreError::Failed(_) => Refused::internal(error.to_string()),
        }
    }
}

impl From<AppendError> for Refused {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Conflict(GuardKind::Request) => Refused::from(Problem::of_call(
                ProblemCode::IdempotencyConflict,
                "This `Idempotency-Key` was used with another body; use a new key for a new call.",
            )),
            AppendError::Conflict(GuardKind::EventId | GuardKind::Row) => Refused::from(Problem::at(
                "/event_id",
                ProblemCode::EventIdConflict,
                "This `event_id` was used with another body; give a new event a new id.",
            )),
            AppendError::Refused(refusal) => Refused::from(refusal),
            AppendError::NoEnvironment => Refused::internal("append: no such environment"),
            AppendError::Failed(inside) => Refused::internal(format!("append: {inside}")),
            AppendError::Unknown => Refused::from(Problem::of_call(
                ProblemCode::OutcomeUnknown,
                "Whether the write happened is not known; send the call again with the same `Idempotency-Key`.",
            )),
        }
    }
}

/// A status and the refusal itself, which the edge turns into a body once it knows the request's id and `Accept`.
impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = status(self.code());
        response.extensions_mut().insert(self);
        response
    }
}

/// A text that is no id, as a problem.
pub(super) fn id_problem(fault: IdFault) -> Problem {
    let (code, message) = match fault {
        IdFault::Empty => (ProblemCode::IdEmpty, "The id is empty; give one with a visible character."),
        IdFault::TooLong => {
            (ProblemCode::IdTooLong, "The id is longer than 255 bytes of UTF-8; give a shorter one.")
        }
        IdFault::ControlCharacter => {
            (ProblemCode::IdControlCharacter, "The id holds a control character; leave it out.")
        }
    };
    Problem::of_call(code, message)
}

/// Whether the caller asks for RFC 9457.
pub(super) fn wants_problem_document(headers: &HeaderMap) -> bool {
    let names = |value: &HeaderValue| {
        let kinds = value.to_str().unwrap_or_default().split(',');
        kinds
            .filter_map(|kind| kind.split(';').next())
            .any(|kind| kind.trim().eq_ignore_ascii_case(PROBLEM_JSON))
    };
    headers.get_all(ACCEPT).iter().any(names)
}

/// How every refused call reads.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ErrorEnvelope)]
pub(super) struct Envelope<'a> {
    /// One for each problem found, in the order of the body.
    errors: Vec<ErrorItem<'a>>,
}

/// One problem.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ErrorItem)]
pub(super) struct ErrorItem<'a> {
    /// JSON Pointer (RFC 6901) to the place in the body; empty for the body as a whole or what is not in it.
    #[schema(example = "/company")]
    details: &'a str,
    /// The reason phrase of the status.
    #[schema(example = "Bad Request")]
    error: &'static str,
    /// A stable word to branch on; docs/API.md lists them all.
    #[schema(example = "company_id_missing")]
    error_code: &'static str,
    /// One sentence with the remedy.
    message: String,
}

/// The same as RFC 9457 puts it, for callers that accept `application/problem+json`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProblemDocument)]
pub(super) struct ProblemDocument<'a> {
    /// `urn:muster:problem:` and the first problem's code.
    r#type: String,
    /// The reason phrase of the status.
    title: &'static str,
    /// The status.
    status: u16,
    /// The first problem's sentence.
    detail: &'a str,
    /// The request's id, as in `X-Request-Id`.
    instance: &'a str,
    /// All problems, as in the envelope.
    errors: &'a [ErrorItem<'a>],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_an_error_status() {
        for &code in ProblemCode::ALL {
            let status = status(code);
            assert!(status.is_client_error() || status.is_server_error(), "{}", code.as_str());
            assert!(status.canonical_reason().is_some());
        }
    }

    #[test]
    fn problem_documents_are_asked_for_by_name() {
        let asks = |accept: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_str(accept).unwrap());
            wants_problem_document(&headers)
        };
        assert!(asks("application/problem+json"));
        assert!(asks("application/json, Application/Problem+JSON;q=0.9"));
        assert!(!asks("application/json, text/plain, */*"));
    }
}
