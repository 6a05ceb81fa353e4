//! Finding the end of a log after any stop: keeps what is durable, cuts what was never acknowledged, and tells damage
//! from a torn end.
//!
//! A record that cannot be read is the torn end of the last write unless something later proves that it was durable:
//! a batch frame whose "last durable position" reaches it, a later segment, or the position up to which profiles were
//! saved. With such a proof it is damage, and the start is refused (law 1) unless the operator says to skip it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use muster_kernel::model::id::Position;
use muster_kernel::model::time::Timestamp;

use super::reader::FrameCursor;
use super::record::{Frame, FrameKind, HeaderFault, SEGMENT_HEADER_BYTES, SegmentHeader};
use super::segment::{self, Segment, Segments};
use super::writer::{Identity, LogEnd};
use crate::disk::Disk;

/// What recovery needs to know.
pub struct Request<'a> {
    /// Where the files are.
    pub disk: &'a dyn Disk,
    /// The log's directory.
    pub directory: &'a Path,
    /// Whose log it must be.
    pub identity: Identity,
    /// Up to where the records are folded and saved already: later ones are given to `apply`.
    pub saved: Position,
    /// Keep every later whole record when something before it is damaged.
    pub skip_damaged: bool,
    /// Change nothing on the disk: for `muster verify`.
    pub read_only: bool,
}

/// A log that was found whole, or made whole.
pub struct Recovered {
    /// Its segments.
    pub segments: Arc<Segments>,
    /// Where it ends.
    pub end: LogEnd,
    /// What was cut or skipped, for the operator.
    pub notes: Vec<String>,
}

/// Why a log cannot be used.
#[derive(Debug)]
pub enum RecoverError {
    /// Reading or writing failed.
    Io(io::Error),
    /// Records that were durable cannot be read.
    Damaged {
        /// The segment.
        path: PathBuf,
        /// Where in it.
        offset: u64,
        /// What is wrong and what follows, as a sentence.
        what: String,
    },
    /// Written by a newer program.
    Newer {
        /// The segment.
        path: PathBuf,
        /// Its format.
        format: u32,
    },
    /// The files belong to another environment or another life of it.
    Foreign {
        /// The segment.
        path: PathBuf,
    },
}

impl From<io::Error> for RecoverError {
    fn from(error: io::Error) -> Self {
        RecoverError::Io(error)
    }
}

impl fmt::Display for RecoverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RecoverError::Io(error) => write!(f, "the log cannot be read: {error}"),
            RecoverError::Damaged { path, offset, what } => write!(
                f,
                "the log is damaged in {} at offset {offset}: {what}. Restore the file from a backup, or start with \
                 --skip-damaged to keep every later whole record and count the loss",
                path.display()
            ),
            RecoverError::Newer { path, format } => write!(
                f,
                "{} has log format {format}, this program reads up to {}: use a newer muster",
                path.display(),
                super::record::LOG_FORMAT
            ),
            RecoverError::Foreign { path } => write!(
                f,
                "{} belongs to another environment or to an earlier life of this one: move it away",
                path.display()
            ),
        }
    }
}

/// What is found behind a place that cannot be read.
struct Survey {
    /// The last position that something later proves to have been durable.
    witness: Position,
    /// Whole records that follow.
    records: u64,
    /// Where the next whole frame stands: index of the segment, offset.
    next: Option<(usize, u64)>,
}

/// Reads the log from the segment that holds `request.saved` on, and gives every record after it to `apply`.
///
/// # Errors
/// See [`RecoverError`]. Nothing is changed on the disk then.
pub fn recover(request: &Request<'_>, apply: &mut dyn FnMut(&Frame<'_>)) -> Result<Recovered, RecoverError> {
    let mut notes = Vec::new();
    let segments = open_segments(request, &mut notes)?;
    let mut end = LogEnd { last: Position::START, time: Timestamp(i64::MIN), offset: SEGMENT_HEADER_BYTES };
    let start =
        segments.partition_point(|segment| segment.first <= request.saved.max(Position(1))).saturating_sub(1);
    if let Some(first) = segments.get(start) {
        end.last = Position(first.first.0.saturating_sub(1));
        check_reach(request, first)?;
    }
    let mut at = (start, SEGMENT_HEADER_BYTES);
    while let Some(segment) = segments.get(at.0) {
        let mut cursor = FrameCursor::at_start(segment.clone());
        cursor.seek(at.1);
        walk(request, &mut cursor, &mut end, apply)?;
        at = match after_walk(request, &segments, at.0, &mut cursor, &mut end, &mut notes)? {
            Some(next) => next,
            None => break,
        };
    }
    if end.last < request.saved {
        return Err(behind_saved(request, segments.last(), end));
    }
    finish(request, segments, end, notes)
}

/// Opens every segment and checks its header. An unfinished last one, made but never synced, is dropped.
fn open_segments(request: &Request<'_>, notes: &mut Vec<String>) -> Result<Vec<Segment>, RecoverError> {
    let found = segment::list(request.disk, request.directory)?;
    let mut segments = Vec::new();
    let count = found.len();
    for (index, (first, path)) in found.into_iter().enumerate() {
        let file: Arc<dyn crate::disk::DiskFile> = Arc::from(request.disk.open(&path, false)?);
        let mut bytes = vec![0; usize::try_from(SEGMENT_HEADER_BYTES).unwrap_or_default()];
        file.read_at(&mut bytes, 0)?;
        match SegmentHeader::decode(&bytes) {
            Ok(header) => {
                let own = (header.environment, header.incarnation)
                    == (request.identity.environment, request.identity.incarnation);
                if !own || header.first != first {
                    return Err(RecoverError::Foreign { path });
                }
                segments.push(Segment { first, salt: header.salt, file, path });
            }
            Err(HeaderFault::Newer(format)) => return Err(RecoverError::Newer { path, format }),
            Err(HeaderFault::Damaged) => {
                let probe = Segment { first, salt: 0, file, path: path.clone() };
                let blank = FrameCursor::at_start(probe).only_zeros_follow()?;
                if index + 1 < count || !blank {
                    let what = "its header cannot be read, and so none of its records".to_owned();
                    return Err(RecoverError::Damaged { path, offset: 0, what });
                }
                notes.push(format!("dropped {}, a segment that was begun and never used", path.display()));
                if !request.read_only {
                    request.disk.remove(&path)?;
                }
            }
        }
    }
    Ok(segments)
}

/// The oldest segment at hand must not begin behind what has to be read.
fn check_reach(request: &Request<'_>, first: &Segment) -> Result<(), RecoverError> {
    if first.first.0 <= request.saved.0 + 1 || request.skip_damaged {
        return Ok(());
    }
    let what = format!(
        "it begins at position {}, but profiles are saved only up to {}: segments before it are missing",
        first.first.0, request.saved.0
    );
    Err(RecoverError::Damaged { path: first.path.clone(), offset: 0, what })
}

/// Applies whole frames until one cannot be read or the segment ends.
fn walk(
    request: &Request<'_>,
    cursor: &mut FrameCursor,
    end: &mut LogEnd,
    apply: &mut dyn FnMut(&Frame<'_>),
) -> io::Result<()> {
    loop {
        let offset = cursor.offset();
        let Some(frame) = cursor.next_frame()? else { break };
        let record = frame.kind != FrameKind::Batch;
        // A batch names the position before it: a larger one than the last seen means that records are missing. A
        // record of an earlier position can only be a stray copy, because the log never goes back.
        let gap = !record && frame.position > end.last;
        if (gap && !request.skip_damaged) || (record && frame.position <= end.last) {
            cursor.seek(offset);
            break;
        }
        if gap {
            end.last = frame.position;
        }
        end.time = end.time.max(frame.received_at);
        if record {
            end.last = frame.position;
            if frame.position > request.saved {
                apply(&frame);
            }
        }
    }
    end.offset = cursor.offset();
    Ok(())
}

/// Decides what the place is where walking stopped: the end of the segment or of the log, a torn end, or damage.
/// Answers where to go on.
fn after_walk(
    request: &Request<'_>,
    segments: &[Segment],
    index: usize,
    cursor: &mut FrameCursor,
    end: &mut LogEnd,
    notes: &mut Vec<String>,
) -> Result<Option<(usize, u64)>, RecoverError> {
    let offset = cursor.offset();
    let last = index + 1 == segments.len();
    let rest_is_blank = cursor.only_zeros_follow()?;
    let next_starts_here = segments.get(index + 1).is_some_and(|next| next.first.0 == end.last.0 + 1);
    if rest_is_blank && next_starts_here {
        return Ok(Some((index + 1, SEGMENT_HEADER_BYTES)));
    }
    let survey = survey(request, segments, index, offset)?;
    if last && survey.witness <= end.last {
        if !rest_is_blank {
            notes.push(format!(
                "cut {} at offset {offset}: what follows position {} was being written when the server stopped, and \
                 was never acknowledged",
                segments[index].path.display(),
                end.last.0
            ));
            if !request.read_only {
                segments[index].file.set_length(offset)?;
            }
        }
        return Ok(None);
    }
    let lost = survey.witness.0.saturating_sub(end.last.0).saturating_sub(survey.records);
    let what = format!(
        "the record after position {} cannot be read, although it was acknowledged; {} later whole records follow, \
         at least {lost} cannot be read",
        end.last.0, survey.records
    );
    if !request.skip_damaged {
        return Err(RecoverError::Damaged { path: segments[index].path.clone(), offset, what });
    }
    notes.push(format!("skipped damage in {} at offset {offset}: {what}", segments[index].path.display()));
    end.last =
        end.last.max(Position(survey.witness.0.min(next_position(segments, &survey).saturating_sub(1))));
    Ok(survey.next)
}

/// The position that the next readable stretch begins with, as far as its segment tells.
fn next_position(segments: &[Segment], survey: &Survey) -> u64 {
    match survey.next {
        Some((index, SEGMENT_HEADER_BYTES)) => segments[index].first.0,
        Some(_) => 0,
        None => survey.witness.0 + 1,
    }
}

/// Looks at everything behind `offset` of segment `index`.
fn survey(request: &Request<'_>, segments: &[Segment], index: usize, offset: u64) -> io::Result<Survey> {
    let mut survey = Survey { witness: request.saved, records: 0, next: None };
    for (at, segment) in segments.iter().enumerate().skip(index) {
        let mut cursor = FrameCursor::at_start(segment.clone());
        let mut readable = at > index;
        if at > index {
            survey.witness = survey.witness.max(Position(segment.first.0 - 1));
        } else {
            cursor.seek(offset);
        }
        loop {
            if !readable && (cursor.only_zeros_follow()? || !cursor.resync()?) {
                break;
            }
            let start = cursor.offset();
            let Some(frame) = cursor.next_frame()? else {
                readable = false;
                continue;
            };
            readable = true;
            match frame.kind {
                FrameKind::Batch => survey.witness = survey.witness.max(frame.position),
                _ => survey.records += 1,
            }
            survey.next = survey.next.or(Some((at, start)));
        }
        if survey.next.is_none() && at > index {
            survey.next = Some((at, SEGMENT_HEADER_BYTES));
        }
    }
    Ok(survey)
}

fn behind_saved(request: &Request<'_>, last: Option<&Segment>, end: LogEnd) -> RecoverError {
    let path = last.map_or_else(|| request.directory.to_path_buf(), |segment| segment.path.clone());
    let what = format!(
        "the log ends at position {}, but profiles are saved up to {}: its end is missing",
        end.last.0, request.saved.0
    );
    RecoverError::Damaged { path, offset: end.offset, what }
}

/// Makes what is kept durable before anything of it is shown.
fn finish(
    request: &Request<'_>,
    segments: Vec<Segment>,
    end: LogEnd,
    notes: Vec<String>,
) -> Result<Recovered, RecoverError> {
    if !request.read_only {
        if let Some(last) = segments.last() {
            last.file.sync()?;
        }
        request.disk.sync_directory(request.directory)?;
    }
    let list = Segments::default();
    for segment in segments {
        list.push(segment);
    }
    Ok(Recovered { segments: Arc::new(list), end, notes })
}
