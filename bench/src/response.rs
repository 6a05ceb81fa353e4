//! Just enough HTTP/1.1 to know when an answer is complete and what its status is.
//!
//! Only answers with `Content-Length` are understood (and 204 and 304, which have no body): anything else is an error,
//! never a guess, so that a server cannot look fast by answering something that is not counted as it should be.

use std::io::{Error, ErrorKind};

/// A head longer than this is refused.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Follows one answer through however many reads it takes; ready for the next answer once it has returned a status.
#[derive(Default)]
pub struct ResponseReader {
    /// The head as far as it has come; stays empty when it arrives in one read, which is the rule.
    head: Vec<u8>,
    /// Status and missing body bytes, once the head is known.
    body: Option<(u16, usize)>,
}

struct Head {
    status: u16,
    length: usize,
    body_length: usize,
}

impl ResponseReader {
    /// Takes the bytes of one read; the status when they complete the answer.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Option<u16>, Error> {
        if let Some((status, missing)) = self.body {
            return self.take_body(status, missing, bytes.len());
        }
        if self.head.is_empty() {
            match parse_head(bytes)? {
                Some(head) => self.take_body(head.status, head.body_length, bytes.len() - head.length),
                None => self.keep_partial_head(bytes),
            }
        } else {
            self.head.extend_from_slice(bytes);
            let Some(head) = parse_head(&self.head)? else { return self.keep_partial_head(&[]) };
            let body_bytes = self.head.len() - head.length;
            self.head.clear();
            self.take_body(head.status, head.body_length, body_bytes)
        }
    }

    fn keep_partial_head(&mut self, bytes: &[u8]) -> Result<Option<u16>, Error> {
        self.head.extend_from_slice(bytes);
        if self.head.len() > HEAD_BYTES_MAX { Err(malformed("the head is too long")) } else { Ok(None) }
    }

    fn take_body(&mut self, status: u16, missing: usize, arrived: usize) -> Result<Option<u16>, Error> {
        let missing = missing
            .checked_sub(arrived)
            .ok_or_else(|| malformed("bytes after the answer, with no request in flight"))?;
        self.body = (missing > 0).then_some((status, missing));
        Ok((missing == 0).then_some(status))
    }
}

/// The head at the start of `bytes`, or `None` when it is not complete yet.
fn parse_head(bytes: &[u8]) -> Result<Option<Head>, Error> {
    const STATUS_AT: usize = "HTTP/1.1 ".len();
    let Some(end) = memchr::memmem::find(bytes, b"\r\n\r\n") else { return Ok(None) };
    let head = &bytes[..end];
    if !head.starts_with(b"HTTP/1.1 ") {
        return Err(malformed("not an HTTP/1.1 status line"));
    }
    let status = head.get(STATUS_AT..STATUS_AT + 3).and_then(parse_number);
    let status =
        status.and_then(|status| u16::try_from(status).ok()).ok_or_else(|| malformed("no status code"))?;
    let body_length = match content_length(head) {
        Some(length) => length?,
        None if status == 204 || status == 304 => 0,
        None => return Err(malformed("no Content-Length")),
    };
    Ok(Some(Head { status, length: end + 4, body_length }))
}

fn content_length(head: &[u8]) -> Option<Result<usize, Error>> {
    const NAME: &[u8] = b"content-length:";
    let value = memchr::memchr_iter(b'\n', head).find_map(|newline| {
        let line = &head[newline + 1..];
        line.get(..NAME.len())
            .is_some_and(|name| name.eq_ignore_ascii_case(NAME))
            .then(|| &line[NAME.len()..])
    })?;
    let value = value.split(|&byte| byte == b'\r').next().unwrap_or_default().trim_ascii();
    Some(parse_number(value).ok_or_else(|| malformed("Content-Length is not a number")))
}

fn parse_number(digits: &[u8]) -> Option<usize> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn malformed(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &[u8] =
        b"HTTP/1.1 202 Accepted\r\ncontent-type: application/json\r\nContent-LENGTH: 2\r\ndate: x\r\n\r\n{}";

    #[test]
    fn an_answer_cut_anywhere_is_read_once_whole() {
        let mut reader = ResponseReader::default();
        for cut in 0..ANSWER.len() {
            assert_eq!(reader.feed(&ANSWER[..cut]).unwrap(), None);
            assert_eq!(reader.feed(&ANSWER[cut..]).unwrap(), Some(202));
        }
        for (at, byte) in ANSWER.iter().enumerate() {
            let status = reader.feed(std::slice::from_ref(byte)).unwrap();
            assert_eq!(status.is_some(), at + 1 == ANSWER.len());
        }
    }

    #[test]
    fn an_answer_without_a_length_is_an_error_unless_its_status_has_no_body() {
        let read = |text: &str| ResponseReader::default().feed(text.as_bytes());
        assert_eq!(read("HTTP/1.1 204 No Content\r\n\r\n").unwrap(), Some(204));
        assert!(read("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n").is_err());
        assert!(read("HTTP/1.1 200 OK\r\ncontent-length: two\r\n\r\n{}").is_err());
    }

    #[test]
    fn bytes_that_belong_to_no_request_are_an_error() {
        let mut twice = ANSWER.to_vec();
        twice.extend_from_slice(ANSWER);
        assert!(ResponseReader::default().feed(&twice).is_err());
    }

    #[test]
    fn what_is_not_http_is_an_error() {
        assert!(ResponseReader::default().feed(b"SSH-2.0\r\n\r\n").is_err());
        assert!(ResponseReader::default().feed(&[b'a'; HEAD_BYTES_MAX + 1]).is_err());
    }
}
