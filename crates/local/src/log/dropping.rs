//! Takes the beginning of a log away, once a base stands for it.
//!
//! Segments that hold nothing else are removed. In the one that goes on behind the position, events become holes where they
//! stand, as in a purge, and so do not move what follows. Both can be done again after any stop.

use std::io;
use std::path::Path;

use muster_kernel::model::event::Event;
use muster_kernel::model::id::Position;
use muster_kernel::model::time::Timestamp;

use super::patch::{self, Patch};
use super::reader::FrameCursor;
use super::record::{Frame, FrameKind};
use super::segment::{Segment, Segments};
use crate::disk::Disk;

/// Drops the records up to a position.
///
/// # Errors
/// When a file cannot be read, written or removed.
pub fn drop_until(disk: &dyn Disk, directory: &Path, segments: &Segments, until: Position) -> io::Result<()> {
    if until == Position::START {
        return Ok(());
    }
    let mut has_removed = false;
    for segment in segments.all() {
        if segment.first > until {
            break;
        }
        if segments.following(segment.first).is_some_and(|(next, _)| next.first.0 <= until.0 + 1) {
            segments.remove(segment.first);
            disk.remove(&segment.path)?;
            has_removed = true;
        } else {
            make_holes(disk, directory, segments, &segment, until)?;
        }
    }
    if has_removed { disk.sync_directory(directory) } else { Ok(()) }
}

fn make_holes(
    disk: &dyn Disk,
    directory: &Path,
    segments: &Segments,
    segment: &Segment,
    until: Position,
) -> io::Result<()> {
    let mut patch = Patch::default();
    let mut cursor = FrameCursor::at_start(segment.clone());
    loop {
        let offset = cursor.offset();
        let Some(frame) = cursor.next_frame()? else { break };
        if frame.kind == FrameKind::Batch {
            continue;
        }
        if frame.position > until {
            break;
        }
        if let Some(hole) = hole_of(&frame, segment.salt) {
            patch.add(offset, &hole);
        }
        if patch.is_full() {
            patch::apply(disk, directory, segments, segment.first, &std::mem::take(&mut patch))?;
        }
    }
    if patch.is_empty() { Ok(()) } else { patch::apply(disk, directory, segments, segment.first, &patch) }
}

/// The key that brought it stays, as in every hole.
fn hole_of(frame: &Frame<'_>, salt: u32) -> Option<Vec<u8>> {
    let key = Event::decode(frame.event()?).map_or(0, |event| event.key.0);
    frame.replaced(FrameKind::Hole, &key.to_le_bytes(), salt)
}

/// The last record that was received before a time, not behind `visible`: its position and its time.
///
/// # Errors
/// When the log cannot be read.
pub fn received_before(
    segments: &Segments,
    before: Timestamp,
    visible: Position,
) -> io::Result<Option<(Position, Timestamp)>> {
    let mut holding = None;
    for segment in segments.all() {
        let first = first_record(&segment)?;
        if first.is_none_or(|(position, time)| position > visible || time >= before) {
            break;
        }
        holding = Some(segment);
    }
    let Some(segment) = holding else { return Ok(None) };
    let mut last = None;
    let mut cursor = FrameCursor::at_start(segment);
    while let Some(frame) = cursor.next_frame()? {
        if frame.kind == FrameKind::Batch {
            continue;
        }
        if frame.position > visible || frame.received_at >= before {
            break;
        }
        last = Some((frame.position, frame.received_at));
    }
    Ok(last)
}

fn first_record(segment: &Segment) -> io::Result<Option<(Position, Timestamp)>> {
    let mut cursor = FrameCursor::at_start(segment.clone());
    while let Some(frame) = cursor.next_frame()? {
        if frame.kind != FrameKind::Batch {
            return Ok(Some((frame.position, frame.received_at)));
        }
    }
    Ok(None)
}

/// When the first event behind a position was received, if one is visible.
///
/// # Errors
/// When the log cannot be read.
pub fn first_event(segments: &Segments, after: Position, visible: Position) -> io::Result<Option<Timestamp>> {
    let Some((mut segment, _)) = segments.holding(after) else { return Ok(None) };
    loop {
        let mut cursor = FrameCursor::at_start(segment.clone());
        while let Some(frame) = cursor.next_frame()? {
            if frame.kind == FrameKind::Batch || frame.position <= after {
                continue;
            }
            if frame.position > visible {
                return Ok(None);
            }
            if frame.event().is_some() {
                return Ok(Some(frame.received_at));
            }
        }
        match segments.following(segment.first) {
            Some((next, _)) => segment = next,
            None => return Ok(None),
        }
    }
}

/// About how many bytes the events behind `after` and up to `until` take.
///
/// # Errors
/// When the log cannot be read.
pub fn bytes_until(segments: &Segments, after: Position, until: Position) -> io::Result<u64> {
    let mut bytes = 0;
    for segment in segments.all() {
        let is_whole = segments.following(segment.first).is_some_and(|(next, _)| next.first.0 <= until.0 + 1);
        if segment.first > until {
            break;
        }
        if is_whole && segment.first > after {
            bytes += segment.file.length()?;
            continue;
        }
        let mut cursor = FrameCursor::at_start(segment);
        while let Some(frame) = cursor.next_frame()? {
            if frame.kind == FrameKind::Batch || frame.position <= after {
                continue;
            }
            if frame.position > until {
                break;
            }
            bytes += frame.length() as u64;
        }
    }
    Ok(bytes)
}
