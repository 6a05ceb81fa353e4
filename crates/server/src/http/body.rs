//! The bytes of a call: read within the limits of size, time and memory, decompressed, and taken as JSON whatever an
//! old client calls them.

use std::borrow::Cow;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::Ordering;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};

use muster_kernel::model::limits::BODY_BYTES_MAX;
use muster_kernel::model::problem::{Problem, ProblemCode};
use muster_kernel::ports::Refusal;

use super::connection::BodyIsLate;
use super::decompress::decompress;
use super::edge::{Edge, Shared};
use super::error::Refused;
use super::tally::add;

/// Reads a whole body and decompresses it.
///
/// # Errors
/// When its type or encoding is not taken, or it is too large, too late or not whole.
pub(super) async fn read(edge: &Edge, headers: &HeaderMap, body: Body) -> Result<Bytes, Refused> {
    check_content_type(headers)?;
    read_up_to(edge, headers, body, BODY_BYTES_MAX).await
}

/// As [`read`], of a body that is no JSON and may have so many bytes; a compressed one as many as any other, when it is
/// decompressed.
///
/// # Errors
/// As that.
pub(super) async fn read_up_to(
    edge: &Edge,
    headers: &HeaderMap,
    body: Body,
    bytes_max: usize,
) -> Result<Bytes, Refused> {
    let sent = collect(&edge.shared, body, bytes_max).await?;
    add(&edge.shard.bytes_in, sent.len() as u64);
    if headers.contains_key(CONTENT_ENCODING) {
        return Ok(decompress(headers, sent)?);
    }
    Ok(sent)
}

/// Whether the body may be JSON. Absent, text and form types are taken too: clients send JSON under all of them.
fn check_content_type(headers: &HeaderMap) -> Result<(), Problem> {
    let Some(value) = headers.get(CONTENT_TYPE) else { return Ok(()) };
    // The one that nearly everybody sends.
    if value == "application/json" {
        return Ok(());
    }
    let named = essence(headers);
    let taken = ["", "application/json", "text/plain", "text/json", FORM];
    if taken.contains(&&*named) || (named.ends_with("+json") && named.contains('/')) {
        return Ok(());
    }
    let message = "The `Content-Type` does not name JSON; send `application/json`.";
    Err(Problem::of_call(ProblemCode::ContentTypeUnsupported, message))
}

const FORM: &str = "application/x-www-form-urlencoded";

/// The type that a `Content-Type` names, without its parameters.
pub(super) fn essence(headers: &HeaderMap) -> String {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("invalid");
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// The JSON text of a body. A form-encoded one is unescaped when it is escaped; a lone value keeps its `=` at the end.
pub(super) fn json_text<'a>(headers: &HeaderMap, body: &'a [u8]) -> Cow<'a, [u8]> {
    let escaped = body.trim_ascii_start().first() == Some(&b'%');
    if !escaped || essence(headers) != FORM {
        return Cow::Borrowed(body);
    }
    let spaced: Vec<u8> = body.iter().map(|&byte| if byte == b'+' { b' ' } else { byte }).collect();
    let mut text: Vec<u8> = percent_encoding::percent_decode(&spaced).collect();
    if text.ends_with(b"=") {
        text.pop();
    }
    Cow::Owned(text)
}

fn too_large(bytes_max: usize) -> Refused {
    let message = format!("The body is larger than {bytes_max} bytes; send less at once.");
    Problem::of_call(ProblemCode::BodyTooLarge, message).into()
}

async fn collect(shared: &Shared, mut body: Body, bytes_max: usize) -> Result<Bytes, Refused> {
    if body.size_hint().lower() > bytes_max as u64 {
        return Err(too_large(bytes_max));
    }
    let Some(first) = next_piece(&mut body).await? else { return Ok(Bytes::new()) };
    if body.is_end_stream() {
        // Whole in one piece: it stays where it is, in the connection's read buffer.
        return if first.len() > bytes_max { Err(too_large(bytes_max)) } else { Ok(first) };
    }
    let mut held = Held { shared, bytes: 0 };
    let mut whole = Vec::new();
    let mut piece = Some(first);
    while let Some(bytes) = piece {
        if whole.len() + bytes.len() > bytes_max {
            return Err(too_large(bytes_max));
        }
        held.grow(bytes.len())?;
        whole.extend_from_slice(&bytes);
        piece = next_piece(&mut body).await?;
    }
    Ok(Bytes::from(whole))
}

/// The next bytes of a body, not empty; `None` at its end.
async fn next_piece(body: &mut Body) -> Result<Option<Bytes>, Refused> {
    loop {
        match poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await {
            None => return Ok(None),
            Some(Ok(frame)) => {
                // Trailers say nothing that this server asks for.
                if let Some(bytes) = frame.into_data().ok().filter(|bytes| !bytes.is_empty()) {
                    return Ok(Some(bytes));
                }
            }
            Some(Err(error)) => return Err(broken_off(&*error.into_inner()).into()),
        }
    }
}

/// What an error of reading a body means.
pub(super) fn broken_off(error: &(dyn std::error::Error + 'static)) -> Problem {
    if error.is::<BodyIsLate>() {
        return Problem::of_call(
            ProblemCode::BodyTimeout,
            "The body did not arrive in time; send the call again.",
        );
    }
    let message = "The body ended before its end or is not framed as HTTP says; send the call again.";
    Problem::of_call(ProblemCode::BodyMissing, message)
}

/// Bytes of a body in parts, counted over all connections while they are held.
struct Held<'a> {
    shared: &'a Shared,
    bytes: usize,
}

impl Held<'_> {
    fn grow(&mut self, more: usize) -> Result<(), Refused> {
        self.bytes += more;
        let all = self.shared.body_bytes.fetch_add(more, Ordering::Relaxed) + more;
        if all > self.shared.settings.body_memory_max {
            return Err(Refusal::Overloaded.into());
        }
        Ok(())
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.shared.body_bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(content_type: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_str(content_type).unwrap());
        headers
    }

    #[test]
    fn types_under_which_clients_send_json_are_taken() {
        for taken in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/vnd.api+json",
            "text/plain;charset=UTF-8",
            FORM,
            "",
        ] {
            assert_eq!(check_content_type(&headers(taken)), Ok(()), "{taken}");
        }
        assert_eq!(check_content_type(&HeaderMap::new()), Ok(()));
        for other in ["application/xml", "multipart/form-data; boundary=x", "text/html", "json", "+json"] {
            let code = check_content_type(&headers(other)).map_err(|problem| problem.code);
            assert_eq!(code, Err(ProblemCode::ContentTypeUnsupported), "{other}");
        }
    }

    #[test]
    fn an_escaped_form_is_unescaped_and_nothing_else_is() {
        let read = |kind: &str, body: &str| {
            String::from_utf8(json_text(&headers(kind), body.as_bytes()).into_owned())
        };
        let plain = r#"{"a":"1+1 %20="}"#;
        assert_eq!(read(FORM, plain).unwrap(), plain);
        assert_eq!(read("application/json", "%7B%7D").unwrap(), "%7B%7D");
        assert_eq!(read(FORM, "%7B%22a%22%3A%221%2B1+x%22%7D=").unwrap(), r#"{"a":"1+1 x"}"#);
    }
}
