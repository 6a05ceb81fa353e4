//! Answers to what cannot be read as HTTP.
//!
//! The HTTP library answers such bytes by itself, with a status and nothing else, and closes the connection. Callers get
//! our envelope instead.

use axum::http::HeaderName;
use axum::http::header::CONTENT_LENGTH;
use axum::response::Response;

use muster_kernel::model::problem::{Problem, ProblemCode};

use super::error::Refused;
use super::service::REQUEST_ID;

/// How the library's own answers begin, and what they mean.
const OWN: &[(&[u8], ProblemCode)] = &[
    (b"HTTP/1.1 400 ", ProblemCode::HttpMalformed),
    (b"HTTP/1.1 414 ", ProblemCode::HeadTooLarge),
    (b"HTTP/1.1 431 ", ProblemCode::HeadTooLarge),
];

/// What to say in place of an answer of the library's own; `None` when it is one of ours.
pub(super) fn refusal(written: &[u8]) -> Option<Refused> {
    let (_, code) = OWN.iter().find(|(begin, _)| written.starts_with(begin))?;
    // A piece of a body may begin so as well.
    let is_whole = written.ends_with(b"\r\n\r\n") && has_header(written, &CONTENT_LENGTH);
    let is_ours = !is_whole || has_header(written, &REQUEST_ID);
    let message = match code {
        ProblemCode::HeadTooLarge => {
            "The request's line and headers are too large; send fewer and shorter ones."
        }
        _ => "This is no HTTP/1.1 request that can be read; is it one of TLS, or of another protocol?",
    };
    (!is_ours).then(|| Problem::of_call(*code, message).into())
}

/// Whether an answer's head names a header.
fn has_header(written: &[u8], name: &HeaderName) -> bool {
    let name = name.as_str().as_bytes();
    let mut lines = written.split(|byte| *byte == b'\n').take_while(|line| *line != b"\r");
    lines.any(|line| line.get(..name.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(name)))
}

/// A whole answer as it goes over the connection, which ends with it.
pub(super) fn written(response: &Response, body: &[u8]) -> Vec<u8> {
    let status = response.status();
    let reason = status.canonical_reason().unwrap_or_default();
    let mut bytes = format!("HTTP/1.1 {} {reason}\r\n", status.as_u16()).into_bytes();
    for (name, value) in response.headers() {
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    let end = format!("content-length: {}\r\nconnection: close\r\n\r\n", body.len());
    bytes.extend_from_slice(end.as_bytes());
    bytes.extend_from_slice(body);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_library_says_by_itself_is_replaced() {
        let own = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\ndate: x\r\n\r\n";
        assert_eq!(refusal(own).map(|refused| refused.code()), Some(ProblemCode::HttpMalformed));
        let own = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\n\r\n";
        assert_eq!(refusal(own).map(|refused| refused.code()), Some(ProblemCode::HeadTooLarge));
        for ours in [
            &b"HTTP/1.1 400 Bad Request\r\nX-Request-Id: a\r\n\r\n{}"[..],
            b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            b"",
        ] {
            assert!(refusal(ours).is_none());
        }
        let piece = b"HTTP/1.1 400 Bad Request\r\n\r\nx-request-id: a";
        assert!(refusal(piece).is_none(), "a piece of a body");
    }
}
