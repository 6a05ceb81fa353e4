//! An upload on its way from a socket to the engine, in pieces: memory does not grow with it.
//!
//! A multipart upload gives its part named `file`, any other one the body itself. What is compressed stays so and is
//! decompressed by the job; only a whole multipart body that is compressed has to be undone here, to find the part.
//! The caller's own framing is not part of the file: its hash, which tells repetitions, is of the file alone.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes, HttpBody};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use futures_core::Stream;
use multer::Multipart;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use muster_kernel::model::limits::DECOMPRESSION_RATIO_MAX;
use muster_kernel::model::problem::{Problem, ProblemCode};
use muster_kernel::ports::{StoreError, Upload};

use super::body;
use super::error::Refused;
use super::undo::{NotDecompressed, Undo};
use crate::guards;

/// The part that is taken.
const PART: &str = "file";
/// Pieces on their way to the disk.
const PIECES_MAX: usize = 8;
/// Bytes that a multipart body may have before and between the contents of its parts.
const FRAMING_BYTES_MAX: u64 = 1 << 20;
/// Bytes that are given at a time.
const GIVEN_BYTES: usize = 64 << 10;
/// Up to here a compressed body may grow as much as it likes.
const RATIO_FREE_BYTES: u64 = 8 << 20;
const FILENAME_CHARS_MAX: usize = 255;

/// Whether a call brings an upload: its body may take as long as it keeps coming.
pub(super) fn takes_long(path: &str) -> bool {
    path.trim_end_matches('/').ends_with("/bulk_identify")
}

/// A whole upload.
pub(super) struct Uploaded {
    /// What the engine has of it, where it was asked to keep it.
    pub upload: Option<Box<dyn Upload>>,
    /// Its length.
    pub bytes: u64,
    /// The first 128 bits of its SHA-256.
    pub hash: [u8; 16],
    /// The name that it came with.
    pub filename: Option<String>,
}

/// What an upload's headers say.
pub(super) struct Form {
    boundary: Option<String>,
    /// In what a multipart body is as a whole; what else is compressed stays so.
    compression: Compression,
    /// Whether it calls itself one JSON document.
    pub is_document: bool,
}

impl Form {
    /// Reads the headers.
    ///
    /// # Errors
    /// When they name something that no upload can be.
    pub(super) fn of(headers: &HeaderMap) -> Result<Form, Problem> {
        let essence = if headers.contains_key(CONTENT_TYPE) { body::essence(headers) } else { String::new() };
        let text = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let boundary = match essence.as_str() {
            "multipart/form-data" => Some(multer::parse_boundary(text).map_err(|_| {
                invalid(
                    "The `Content-Type` names no `boundary`; let the client library set the whole header.",
                )
            })?),
            _ => None,
        };
        let is_document = essence == "application/json" || essence.ends_with("+json");
        const LINES: [&str; 10] = [
            "",
            "application/x-ndjson",
            "application/ndjson",
            "application/jsonl",
            "application/x-jsonlines",
            "application/octet-stream",
            "application/gzip",
            "application/zstd",
            "text/plain",
            "application/x-www-form-urlencoded",
        ];
        if boundary.is_none() && !is_document && !LINES.contains(&essence.as_str()) {
            let message = "The `Content-Type` is none of multipart/form-data, application/json and application/x-ndjson; \
                           send one of these.";
            return Err(Problem::of_call(ProblemCode::ContentTypeUnsupported, message));
        }
        let named = encoding(headers)?;
        let compression = if boundary.is_some() { named } else { Compression::None };
        Ok(Form { compression, boundary, is_document })
    }
}

/// What a body is in.
#[derive(Clone, Copy)]
enum Compression {
    None,
    Gzip,
    Zstd,
}

/// What the body is said to be in.
fn encoding(headers: &HeaderMap) -> Result<Compression, Problem> {
    let mut names = headers.get_all(CONTENT_ENCODING).iter().map(|value| value.to_str().unwrap_or("?"));
    let name = names.next().unwrap_or("identity").trim().to_ascii_lowercase();
    let known = match name.as_str() {
        "" | "identity" => Some(Compression::None),
        "gzip" | "x-gzip" => Some(Compression::Gzip),
        "zstd" => Some(Compression::Zstd),
        _ => None,
    };
    known.filter(|_| names.next().is_none()).ok_or_else(|| {
        let message =
            "The `Content-Encoding` of an upload is none of gzip, zstd and identity; use one of these.";
        Problem::of_call(ProblemCode::EncodingUnsupported, message)
    })
}

fn invalid(message: impl Into<String>) -> Problem {
    Problem::of_call(ProblemCode::MultipartInvalid, message)
}

/// Takes a whole upload, of at most `bytes_max` as sent. Without `upload` it is only hashed.
///
/// # Errors
/// When it is too large, late, not whole, not framed as it says, or cannot be written; nothing is left of it then.
pub(super) async fn take(
    body: Body,
    form: &Form,
    bytes_max: u64,
    upload: Option<Box<dyn Upload>>,
) -> Result<Uploaded, Refused> {
    if body.size_hint().lower() > bytes_max {
        return Err(Broke::TooLarge(bytes_max).into());
    }
    let undo = match form.compression {
        Compression::None => None,
        Compression::Gzip => Some(Undo::gzip()),
        Compression::Zstd => Some(Undo::zstd()),
    };
    let framing = Arc::new(AtomicU64::new(0));
    let mut arriving = Arriving {
        body,
        bytes_max,
        taken: 0,
        given: 0,
        framing: Arc::clone(&framing),
        undo,
        taken_piece: Bytes::new(),
        ready: Bytes::new(),
        has_given: false,
        is_over: false,
    };
    let mut sink = Sink::open(upload);
    let filename = match &form.boundary {
        None => {
            while let Some(piece) = poll_fn(|context| Pin::new(&mut arriving).poll_next(context)).await {
                framing.store(0, Ordering::Relaxed);
                sink.push(piece?).await?;
            }
            None
        }
        Some(boundary) => take_part(Multipart::new(arriving, boundary), &framing, &mut sink).await?,
    };
    let written = sink.finish().await?;
    if written.bytes == 0 {
        let message = "The file is empty; send one JSON object on each line.";
        return Err(Problem::of_call(ProblemCode::FileEmpty, message).into());
    }
    Ok(Uploaded { filename, ..written })
}

/// Takes the part named `file`; answers its file name.
async fn take_part(
    mut parts: Multipart<'static>,
    framing: &AtomicU64,
    sink: &mut Sink,
) -> Result<Option<String>, Refused> {
    let mut others = Vec::new();
    let mut taken = None;
    while let Some(mut part) = parts.next_field().await.map_err(broke)? {
        let is_file = part.name() == Some(PART);
        if is_file && taken.is_some() {
            return Err(
                invalid("More than one part is named `file`; send each file in a call of its own.").into()
            );
        }
        if is_file {
            taken = Some(part.file_name().map(shown_name));
        } else if others.len() < 5 {
            others.push(format!("`{}`", shown_name(part.name().unwrap_or_default())));
        }
        while let Some(piece) = part.chunk().await.map_err(broke)? {
            framing.store(0, Ordering::Relaxed);
            if is_file {
                sink.push(piece).await?;
            }
        }
    }
    taken.ok_or_else(|| {
        let found = if others.is_empty() { "none".to_owned() } else { others.join(", ") };
        let message =
            format!("No part of the upload is named `file` (found: {found}); name the file's part so.");
        Problem::of_call(ProblemCode::PartMissing, message).into()
    })
}

/// A name as it may be shown and kept.
fn shown_name(name: &str) -> String {
    name.chars().filter(|character| !character.is_control()).take(FILENAME_CHARS_MAX).collect()
}

/// What went wrong in multipart: our own stream's fault, or the framing's.
fn broke(error: multer::Error) -> Refused {
    match error {
        multer::Error::StreamReadFailed(inner) => match inner.downcast::<Broke>() {
            Ok(broke) => (*broke).into(),
            Err(other) => Refused::internal(format!("an upload's stream: {other}")),
        },
        multer::Error::IncompleteStream
        | multer::Error::IncompleteFieldData { .. }
        | multer::Error::IncompleteHeaders => {
            invalid("The upload ends before its last boundary; send it again.").into()
        }
        _ => invalid("The upload is not framed as multipart/form-data says; let a client library build it.")
            .into(),
    }
}

/// Why an upload broke off.
#[derive(Debug)]
enum Broke {
    TooLarge(u64),
    Framing,
    NotDecompressed,
    Ratio,
    Body(Problem),
}

impl fmt::Display for Broke {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl std::error::Error for Broke {}

impl From<Broke> for Refused {
    fn from(broke: Broke) -> Self {
        match broke {
            Broke::TooLarge(max) => {
                let message = format!("The upload has more than {max} bytes; send it in parts.");
                Problem::of_call(ProblemCode::BodyTooLarge, message).into()
            }
            Broke::Framing => invalid("A part of the upload has no end to its headers.").into(),
            Broke::NotDecompressed => {
                let message = "The body cannot be decompressed; check that it is whole, and in the encoding that it names.";
                Problem::of_call(ProblemCode::BodyNotDecompressed, message).into()
            }
            Broke::Ratio => {
                let message = format!(
                    "The body grows to more than {DECOMPRESSION_RATIO_MAX} times its size when decompressed; send it \
                     without compression."
                );
                Problem::of_call(ProblemCode::CompressionRatio, message).into()
            }
            Broke::Body(problem) => problem.into(),
        }
    }
}

/// A body as a stream that gives one piece at a time: who reads it cannot take more than was asked for.
struct Arriving {
    body: Body,
    bytes_max: u64,
    taken: u64,
    given: u64,
    /// Bytes given since the last content of a part came out of them.
    framing: Arc<AtomicU64>,
    undo: Option<Undo>,
    /// Bytes as sent that are still to be undone.
    taken_piece: Bytes,
    /// Undone bytes that are still to be given.
    ready: Bytes,
    has_given: bool,
    is_over: bool,
}

impl Arriving {
    fn give(&mut self, piece: Bytes) -> Poll<Option<Result<Bytes, Broke>>> {
        let length = piece.len() as u64;
        self.given += length;
        self.has_given = true;
        let honest = self.taken.saturating_mul(DECOMPRESSION_RATIO_MAX as u64).max(RATIO_FREE_BYTES);
        let fault = if self.given > self.bytes_max {
            Some(Broke::TooLarge(self.bytes_max))
        } else if self.given > honest {
            Some(Broke::Ratio)
        } else if self.framing.fetch_add(length, Ordering::Relaxed) + length > FRAMING_BYTES_MAX {
            Some(Broke::Framing)
        } else {
            None
        };
        Poll::Ready(Some(fault.map_or(Ok(piece), Err)))
    }

    /// Takes care that there is something to give, if it can be had without more of the body.
    fn undo(&mut self) -> Result<(), NotDecompressed> {
        if self.ready.is_empty() {
            self.ready = match &mut self.undo {
                None => std::mem::take(&mut self.taken_piece),
                Some(undo) => undo.next(&mut self.taken_piece)?.unwrap_or_default(),
            };
        }
        Ok(())
    }
}

impl Stream for Arriving {
    type Item = Result<Bytes, Broke>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let arriving = &mut *self;
        if std::mem::take(&mut arriving.has_given) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        loop {
            if arriving.undo().is_err() {
                return Poll::Ready(Some(Err(Broke::NotDecompressed)));
            }
            if !arriving.ready.is_empty() {
                let some = arriving.ready.len().min(GIVEN_BYTES);
                let piece = arriving.ready.split_to(some);
                return arriving.give(piece);
            }
            if arriving.is_over {
                return Poll::Ready(None);
            }
            match ready!(Pin::new(&mut arriving.body).poll_frame(context)) {
                Some(Ok(frame)) => arriving.taken_piece = frame.into_data().unwrap_or_default(),
                Some(Err(error)) => {
                    let problem = body::broken_off(&*error.into_inner());
                    return Poll::Ready(Some(Err(Broke::Body(problem))));
                }
                None => {
                    arriving.is_over = true;
                    let Some(undo) = &mut arriving.undo else { return Poll::Ready(None) };
                    match undo.finish() {
                        Ok(rest) => arriving.ready = rest,
                        Err(NotDecompressed) => return Poll::Ready(Some(Err(Broke::NotDecompressed))),
                    }
                }
            }
            arriving.taken += arriving.taken_piece.len() as u64;
            if arriving.taken > arriving.bytes_max {
                return Poll::Ready(Some(Err(Broke::TooLarge(arriving.bytes_max))));
            }
        }
    }
}

/// Writes and hashes beside the edge thread. When the call goes away, so does what was written.
struct Sink {
    pieces: Option<mpsc::Sender<Bytes>>,
    task: JoinHandle<Result<Uploaded, StoreError>>,
}

impl Sink {
    fn open(upload: Option<Box<dyn Upload>>) -> Self {
        let (pieces, mut arriving) = mpsc::channel::<Bytes>(PIECES_MAX);
        let task = tokio::task::spawn_blocking(move || {
            let (mut upload, mut sha, mut bytes) = (upload, Sha256::new(), 0);
            while let Some(piece) = arriving.blocking_recv() {
                sha.update(&piece);
                bytes += piece.len() as u64;
                if let Some(upload) = &mut upload {
                    upload.write(&piece)?;
                }
            }
            Ok(Uploaded { upload, bytes, hash: guards::first_half(sha), filename: None })
        });
        Sink { pieces: Some(pieces), task }
    }

    async fn push(&mut self, piece: Bytes) -> Result<(), Refused> {
        let is_taken = match &self.pieces {
            Some(pieces) => pieces.send(piece).await.is_ok(),
            None => false,
        };
        if is_taken {
            return Ok(());
        }
        // It stopped taking pieces because writing failed.
        self.pieces = None;
        match (&mut self.task).await {
            Ok(Err(error)) => Err(error.into()),
            _ => Err(Refused::internal("an upload's writer ended early")),
        }
    }

    async fn finish(mut self) -> Result<Uploaded, Refused> {
        self.pieces = None;
        match self.task.await {
            Ok(written) => Ok(written?),
            Err(error) => Err(Refused::internal(format!("an upload's writer: {error}"))),
        }
    }
}
