//! Answers that are no problem, and the shapes that more than one of them has.

use std::fmt::Write;

use axum::body::{Body, Bytes};
use axum::http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use serde::{Deserialize, Serialize, Serializer};
use utoipa::ToSchema;

use muster_kernel::model::id::PositionToken;
use muster_kernel::model::page::Cursor;
use muster_kernel::model::time::Timestamp;

use super::error::{self, Refused};
use super::would::WriteWould;

/// The position that a write reached, or that a read saw.
pub(super) const POSITION: HeaderName = HeaderName::from_static("muster-position");
/// Set on the answer to a repetition.
pub(super) const DUPLICATE: HeaderName = HeaderName::from_static("muster-duplicate");

/// A JSON answer.
pub(super) fn json(status: StatusCode, body: impl Into<Bytes>) -> Response {
    let mut response = Response::new(Body::from(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Says in an answer up to which position it is true.
pub(super) fn put_position(response: &mut Response, position: PositionToken) {
    let mut text = String::with_capacity(32);
    // Writing to a string cannot fail, and a position is plain ASCII.
    let _ = write!(text, "{position}");
    if let Ok(value) = HeaderValue::from_maybe_shared(Bytes::from(text)) {
        response.headers_mut().insert(POSITION, value);
    }
}

/// What a read found, as it stood at a position.
pub(super) fn read(position: PositionToken, value: &impl Serialize) -> Result<Response, Refused> {
    let mut bytes = Vec::with_capacity(1024);
    serde_json::to_writer(&mut bytes, value).map_err(|error| Refused::internal(error.to_string()))?;
    Ok(found(position, bytes))
}

/// What is known outside of any environment's log.
pub(super) fn plain(value: &impl Serialize) -> Result<Response, Refused> {
    let bytes = serde_json::to_vec(value).map_err(|error| Refused::internal(error.to_string()))?;
    Ok(json(error::OK, bytes))
}

/// Marks an answer whose body goes on until the server stops or its caller goes.
#[derive(Clone, Copy)]
pub(super) struct Endless;

/// Server-sent events. The connection ends with them, and nobody keeps them.
pub(super) fn stream(events: Body) -> Response {
    let mut response = Response::new(events);
    response.extensions_mut().insert(Endless);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    // Some proxies gather answers unless they are asked not to.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// What a read found, already rendered.
pub(super) fn found(position: PositionToken, bytes: Vec<u8>) -> Response {
    let mut response = json(error::OK, bytes);
    put_position(&mut response, position);
    response
}

/// How a write that was taken reads.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes an answer that is put together from constant bytes")]
pub(super) struct Accepted {
    /// `accepted`; or `suppressed`, when the call is about somebody who was erased and stays away, and nothing is stored.
    #[schema(example = "accepted")]
    status: String,
    /// What was odd about the call, and what was done about it.
    warnings: Vec<WarningItem>,
    /// Of a dry run: what the call would do.
    would: Option<WriteWould>,
}

/// One odd thing about a call that was taken, as the kernel's own type serialises.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Warning)]
pub(super) struct WarningItem {
    /// JSON Pointer (RFC 6901) to the place in the body.
    #[schema(example = "/metadata/address")]
    pub pointer: String,
    /// A stable word to branch on; docs/API.md lists them all.
    #[schema(example = "nested_value")]
    pub code: String,
    /// One sentence that says what was done.
    pub message: String,
}

/// RFC 3339 in UTC with microseconds.
#[derive(Clone, Copy, Debug, ToSchema)]
#[schema(value_type = String, format = DateTime, example = "2026-11-21T06:21:09.123456Z")]
pub(super) struct Instant(pub Timestamp);

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// A cursor as callers see it: hexadecimal, so that it needs no escaping in a URL.
pub(super) fn cursor_text(cursor: &Cursor) -> String {
    let mut text = String::with_capacity(2 * cursor.0.len());
    for byte in &cursor.0 {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The cursor that a text stands for; `None` when it is none.
pub(super) fn cursor_of(text: &str) -> Option<Cursor> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    pairs.iter().map(byte).collect::<Option<Vec<u8>>>().map(Cursor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_read_back_and_nothing_else_does() {
        let cursor = Cursor(vec![0, 1, 0xfe, b'u']);
        assert_eq!(cursor_text(&cursor), "0001fe75");
        assert_eq!(cursor_of("0001fe75"), Some(cursor));
        for bad in ["0", "zz", "+1", "0001fe7", "é"] {
            assert_eq!(cursor_of(bad), None, "{bad}");
        }
    }
}
