//! `GET /v1/downloads/{environment}/{id}/{file}`: a file of an export, for whoever has a link that this server signed. A part
//! of it on a call with `Range` (RFC 9110, 14), so that a download goes on where it broke off.

use std::future::Future;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts, RawPathParams, State};
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG,
    IF_RANGE, RANGE,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use futures_core::Stream;
use tokio::task::JoinHandle;

use muster_kernel::model::export::Export;
use muster_kernel::model::id::EnvironmentId;
use muster_kernel::model::job::JobStatus;
use muster_kernel::model::problem::{Problem, ProblemCode};

use super::edge::Edge;
use super::error::{self, Refused};
use super::openapi::DownloadProblems;
use super::read::{self, Head, Query};
use crate::exports::{Bad, ExportError, Exporter, Link, part_named};
use crate::formats;

/// Bytes that are read at a time.
const PIECE_BYTES: usize = 256 << 10;

/// What the path names.
pub(super) struct Named {
    environment: EnvironmentId,
    export: String,
    file: String,
}

impl FromRequestParts<Arc<Edge>> for Named {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, edge: &Arc<Edge>) -> Result<Self, Refused> {
        let parameters = RawPathParams::from_request_parts(parts, edge).await;
        let parameters = parameters.map_err(|_| refused())?;
        let mut texts = parameters.iter().map(|(_, text)| text);
        let mut next = || texts.next().unwrap_or_default().to_owned();
        let environment = next().parse().map(EnvironmentId).map_err(|_| refused())?;
        Ok(Named { environment, export: next(), file: next() })
    }
}

/// Download a file of an export. The link says by itself who may: it needs no key, and is taken from the export as it is.
#[utoipa::path(
    get,
    path = "/v1/downloads/{environment}/{id}/{file}",
    operation_id = "download_export",
    tag = "Export",
    params(
        ("environment" = u32, Path, description = "The environment's number"),
        ("id" = String, Path, description = "The export's id"),
        ("file" = String, Path, description = "The name of the file"),
        ("expires" = i64, Query, description = "Until when the link is good, in seconds since 1970"),
        ("signature" = String, Query, description = "What proves that this server made the link"),
        ("Range" = Option<String>, Header, description = "One range of bytes, such as `bytes=1000-`"),
    ),
    responses(
        (status = 200, description = "The file", body = String, content_type = "application/octet-stream"),
        (status = 206, description = "The part that was asked for", body = String, content_type = "application/octet-stream"),
        DownloadProblems,
    ),
)]
pub(super) async fn get(State(edge): State<Arc<Edge>>, named: Named, head: Head) -> Response {
    found(&edge, named, &head).await.unwrap_or_else(IntoResponse::into_response)
}

async fn found(edge: &Arc<Edge>, named: Named, head: &Head) -> Result<Response, Refused> {
    let query = Query::of(head);
    let expires: Option<i64> = query.get("expires").and_then(|text| text.parse().ok());
    let (Some(expires), Some(signature)) = (expires, query.get("signature")) else {
        return Err(refused().into());
    };
    let Named { environment, export: id, file } = named;
    let export = read::aside(edge, move |edge| match edge.parts.exports.export(environment, &id) {
        Ok(shown) => Ok(Some(shown.export)),
        Err(ExportError::Store(error)) => Err(error.into()),
        Err(_) => Ok(None),
    });
    // An environment that is not there has no export either.
    let known = edge.parts.catalog.state().environment(environment).is_some();
    let export = if known { export.await? } else { None };
    let Some(export) = export else { return Err(gone("The export was removed; start it anew.").into()) };
    let link = Link { environment, file: &file, expires };
    match link.check(&export, &signature, edge.parts.clock.now()) {
        Err(Bad::Forged) => return Err(refused().into()),
        Err(Bad::Expired) => {
            return Err(gone("The link was good for a while; read the export for a new one.").into());
        }
        Ok(()) => {}
    }
    let part = part_named(&export, &file).filter(|_| export.status == JobStatus::Completed);
    let Some(part) = part else {
        return Err(gone("The file was removed; read the export to see why, and start it anew.").into());
    };
    Ok(answer(edge, environment, export, part, &head.headers, &file))
}

/// Neither says whether there is such an export: only who signed can tell.
fn refused() -> Problem {
    let message =
        "The link is not one that this server signed for this file; take it from the export as it is.";
    Problem::of_call(ProblemCode::DownloadRefused, message)
}

fn gone(message: &str) -> Problem {
    Problem::of_call(ProblemCode::DownloadExpired, message)
}

fn answer(
    edge: &Arc<Edge>,
    environment: EnvironmentId,
    export: Export,
    part: usize,
    headers: &HeaderMap,
    file: &str,
) -> Response {
    let length = export.parts.get(part).map_or(0, |part| part.bytes);
    // A file never changes under its name, and a round that is over gives another tag.
    let tag = format!("\"{}-{}-{part}\"", export.id, export.round);
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let is_same = text(IF_RANGE).is_none_or(|known| known == tag);
    let asked = text(RANGE).filter(|_| is_same).map_or(Wanted::Whole, |range| wanted(range, length));
    let (status, range) = match asked {
        Wanted::Whole => (error::OK, 0..length),
        Wanted::Part(range) => (error::PARTIAL, range),
        Wanted::Nothing => return beyond(length),
    };
    let media_type = HeaderValue::from_static(formats::media_type(export.format));
    let content_range = format!("bytes {}-{}/{length}", range.start, range.end.saturating_sub(1));
    let content_length = range.end - range.start;
    let exports = Arc::clone(&edge.parts.exports);
    let pieces = Pieces { exports, environment, export, part, range, reading: None };
    let mut response = Response::new(Body::from_stream(pieces));
    *response.status_mut() = status;
    let out = response.headers_mut();
    out.insert(CONTENT_TYPE, media_type);
    out.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    out.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    out.insert(CONTENT_LENGTH, HeaderValue::from(content_length));
    let mut texts = vec![(ETAG, tag), (CONTENT_DISPOSITION, format!("attachment; filename=\"{file}\""))];
    if status == error::PARTIAL {
        texts.push((CONTENT_RANGE, content_range));
    }
    for (name, text) in texts {
        if let Ok(value) = HeaderValue::try_from(text) {
            out.insert(name, value);
        }
    }
    response
}

/// A range that begins behind the end: the caller learns how long the file is.
fn beyond(length: u64) -> Response {
    let message = format!("The file has {length} bytes; ask for a part that begins before its end.");
    let refused = Refused::from(Problem::of_call(ProblemCode::RangeUnsatisfiable, message));
    let mut response = refused.into_response();
    if let Ok(value) = HeaderValue::try_from(format!("bytes */{length}")) {
        response.headers_mut().insert(CONTENT_RANGE, value);
    }
    response
}

/// What of a file is to be sent.
#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    Whole,
    Part(Range<u64>),
    /// A part that is not there.
    Nothing,
}

/// Reads `Range`. What is no single range of bytes is ignored, as the standard allows.
fn wanted(text: &str, length: u64) -> Wanted {
    let Some((first, last)) = text.trim().strip_prefix("bytes=").and_then(|range| range.split_once('-'))
    else {
        return Wanted::Whole;
    };
    let number = |text: &str| -> Option<Option<u64>> {
        match text.trim() {
            "" => Some(None),
            digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                // More digits than a length has: behind every end.
                Some(Some(digits.parse().unwrap_or(u64::MAX)))
            }
            _ => None,
        }
    };
    let (Some(first), Some(last)) = (number(first), number(last)) else { return Wanted::Whole };
    let range = match (first, last) {
        (None, None) => return Wanted::Whole,
        // The last so many bytes.
        (None, Some(count)) => length.saturating_sub(count)..length,
        (Some(first), None) => first..length,
        (Some(first), Some(last)) if first <= last => first..length.min(last.saturating_add(1)),
        (Some(_), Some(_)) => return Wanted::Whole,
    };
    if range.is_empty() { Wanted::Nothing } else { Wanted::Part(range) }
}

/// A file, read piece by piece while it is sent.
struct Pieces {
    exports: Arc<Exporter>,
    environment: EnvironmentId,
    export: Export,
    part: usize,
    /// What is left of it.
    range: Range<u64>,
    reading: Option<JoinHandle<Result<Vec<u8>, String>>>,
}

impl Pieces {
    fn read(&self) -> JoinHandle<Result<Vec<u8>, String>> {
        let (exports, environment) = (Arc::clone(&self.exports), self.environment);
        let (export, part, range) = (self.export.clone(), self.part, self.range.clone());
        tokio::task::spawn_blocking(move || {
            let left = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
            let mut piece = vec![0; left.min(PIECE_BYTES)];
            let read = exports.read(environment, &export, part, range.start, &mut piece);
            piece.truncate(read.map_err(|error| error.to_string())?);
            if piece.is_empty() {
                Err("the file is shorter than its export says".to_owned())
            } else {
                Ok(piece)
            }
        })
    }
}

impl Stream for Pieces {
    type Item = Result<Bytes, String>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.range.is_empty() {
            return Poll::Ready(None);
        }
        let mut reading = self.reading.take().unwrap_or_else(|| self.read());
        let Poll::Ready(read) = Pin::new(&mut reading).poll(context) else {
            self.reading = Some(reading);
            return Poll::Pending;
        };
        Poll::Ready(match read.map_err(|error| error.to_string()).flatten() {
            Ok(piece) => {
                self.range.start += piece.len() as u64;
                Some(Ok(piece.into()))
            }
            Err(error) => {
                // The connection breaks off, so that nobody takes what came for the whole file.
                tracing::warn!(error, "a download breaks off");
                Some(Err(error))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_standard_says() {
        for (text, expected) in [
            ("bytes=0-", Wanted::Part(0..100)),
            ("bytes=0-0", Wanted::Part(0..1)),
            ("bytes=10-19", Wanted::Part(10..20)),
            ("bytes=99-", Wanted::Part(99..100)),
            ("bytes=50-1000", Wanted::Part(50..100)),
            ("bytes=-10", Wanted::Part(90..100)),
            ("bytes=-1000", Wanted::Part(0..100)),
            ("bytes=100-", Wanted::Nothing),
            ("bytes=99999999999999999999-", Wanted::Nothing),
            ("bytes=-0", Wanted::Nothing),
            ("bytes=20-10", Wanted::Whole),
            ("bytes=0-1,5-6", Wanted::Whole),
            ("bytes=-", Wanted::Whole),
            ("bytes=x-", Wanted::Whole),
            ("items=0-1", Wanted::Whole),
        ] {
            assert_eq!(wanted(text, 100), expected, "{text}");
        }
        assert_eq!(wanted("bytes=0-", 0), Wanted::Nothing);
    }
}
