//! Reading frames: a buffered cursor over one segment, and the log in order for those who follow it.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use muster_kernel::model::batch::Payloads;
use muster_kernel::model::id::Position;
use muster_kernel::ports::{Receipt, StoredEvent};

use super::record::{
    self, BATCH_FRAME_BYTES, FRAME_BYTES_MAX, FRAME_HEADER_BYTES, Frame, FrameKind, SEGMENT_HEADER_BYTES,
};
use super::segment::{Segment, Segments};

const BUFFER_BYTES: usize = 256 << 10;

/// Walks the frames of a segment.
pub struct FrameCursor {
    segment: Segment,
    offset: u64,
    buffer: Vec<u8>,
    /// Where the buffer's first byte stands in the file.
    buffer_at: u64,
    window: usize,
}

impl FrameCursor {
    /// Starts at `offset`, reading `window` bytes at a time.
    pub fn new(segment: Segment, offset: u64, window: usize) -> Self {
        FrameCursor { segment, offset, buffer: Vec::new(), buffer_at: offset, window }
    }

    /// Starts behind the segment's header.
    pub fn at_start(segment: Segment) -> Self {
        FrameCursor::new(segment, SEGMENT_HEADER_BYTES, BUFFER_BYTES)
    }

    /// Where the next frame is looked for.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Goes to another place.
    pub fn seek(&mut self, offset: u64) {
        self.offset = offset;
    }

    /// The segment.
    pub fn segment(&self) -> &Segment {
        &self.segment
    }

    /// The whole and undamaged frame at the present place, if there is one; steps over it.
    ///
    /// # Errors
    /// When reading fails.
    pub fn next_frame(&mut self) -> io::Result<Option<Frame<'_>>> {
        let Some(header) = self.peek(FRAME_HEADER_BYTES)?.first_chunk::<4>() else { return Ok(None) };
        let length = FRAME_HEADER_BYTES + u32::from_le_bytes(*header) as usize;
        if length > FRAME_BYTES_MAX {
            return Ok(None);
        }
        let salt = self.segment.salt;
        self.peek(length)?;
        let start = usize::try_from(self.offset - self.buffer_at).unwrap_or(usize::MAX);
        match Frame::read(self.buffer.get(start..).unwrap_or_default(), salt) {
            Some(frame) => {
                self.offset += frame.length() as u64;
                Ok(Some(frame))
            }
            None => Ok(None),
        }
    }

    /// Looks from the byte after the present place on for a frame; goes to it when there is one.
    ///
    /// # Errors
    /// When reading fails.
    pub fn resync(&mut self) -> io::Result<bool> {
        let mut at = self.offset + 1;
        loop {
            self.offset = at;
            let salt = self.segment.salt;
            let window = self.peek(FRAME_HEADER_BYTES.max(BUFFER_BYTES))?;
            if window.len() < FRAME_HEADER_BYTES {
                return Ok(false);
            }
            let candidates = window.len() - FRAME_HEADER_BYTES + 1;
            let mut found = None;
            for start in 0..candidates {
                if record::may_be_frame(&window[start + 8..start + 12]) {
                    found = Some(start);
                    break;
                }
            }
            match found {
                Some(start) => {
                    at += start as u64;
                    self.offset = at;
                    let length =
                        self.peek(4)?.first_chunk().map_or(0, |word| u32::from_le_bytes(*word) as usize);
                    let whole = length <= FRAME_BYTES_MAX
                        && Frame::read(self.peek(FRAME_HEADER_BYTES + length)?, salt).is_some();
                    if whole {
                        return Ok(true);
                    }
                    at += 1;
                }
                None => at += candidates as u64,
            }
        }
    }

    /// Whether nothing but zeros stands from the present place to the end of the file.
    ///
    /// # Errors
    /// When reading fails.
    pub fn only_zeros_follow(&mut self) -> io::Result<bool> {
        let start = self.offset;
        loop {
            let window = self.peek(BUFFER_BYTES)?;
            if window.is_empty() {
                self.offset = start;
                return Ok(true);
            }
            let length = window.len() as u64;
            if window.iter().any(|&byte| byte != 0) {
                self.offset = start;
                return Ok(false);
            }
            self.offset += length;
        }
    }

    /// Up to `wanted` bytes at the present place; fewer only at the end of the file.
    fn peek(&mut self, wanted: usize) -> io::Result<&[u8]> {
        let start = usize::try_from(self.offset.saturating_sub(self.buffer_at)).unwrap_or(usize::MAX);
        let inside = self.offset >= self.buffer_at && start + wanted <= self.buffer.len();
        if !inside {
            // No larger than what is left: a short file must not cost a large buffer.
            let left = self.segment.file.length()?.saturating_sub(self.offset);
            let size = wanted.max(self.window).min(usize::try_from(left).unwrap_or(usize::MAX));
            self.buffer.resize(size, 0);
            let filled = self.segment.file.read_at(&mut self.buffer, self.offset)?;
            self.buffer.truncate(filled);
            self.buffer_at = self.offset;
            return Ok(&self.buffer[..filled.min(wanted)]);
        }
        Ok(&self.buffer[start..start + wanted])
    }
}

/// Reads the log in order for callers that come back again and again with the last position that they saw.
pub struct LogReader {
    segments: Arc<Segments>,
    /// Where some recent read ended: a tail goes on there without looking for its place.
    hint: Mutex<Option<Hint>>,
}

struct Hint {
    after: Position,
    segment: Segment,
    offset: u64,
}

/// Encoded events with their receipts, in memory that serves many reads.
#[derive(Default)]
pub struct RawEvents {
    receipts: Vec<Receipt>,
    payloads: Payloads,
}

impl RawEvents {
    /// The events, in the order in which they came.
    pub fn iter(&self) -> impl Iterator<Item = (Receipt, &[u8])> {
        self.receipts.iter().copied().zip(self.payloads.iter())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.receipts.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.receipts.is_empty()
    }

    /// Bytes of all payloads.
    pub fn bytes(&self) -> usize {
        self.payloads.bytes()
    }

    /// The position of the last one.
    pub fn last(&self) -> Option<Position> {
        self.receipts.last().map(|receipt| receipt.position)
    }

    /// Forgets all but the first `count`.
    pub fn truncate(&mut self, count: usize) {
        self.receipts.truncate(count);
        self.payloads.truncate(count);
    }

    /// Forgets the events. Keeps the memory, but after `few` of them: then nobody needs it soon.
    pub fn clear(&mut self, few: usize) {
        if self.len() < few {
            *self = RawEvents::default();
        }
        self.truncate(0);
    }
}

/// Answers what of the encoded event at a position may be seen.
pub type Sift<'a> = dyn Fn(Position, &[u8]) -> Option<Vec<u8>> + 'a;

/// A frame that should be readable is not.
#[derive(Debug)]
pub enum ReadFault {
    /// Reading the file failed.
    Io(io::Error),
    /// No whole frame stands where one must.
    Damaged {
        /// Path of the segment.
        path: String,
        /// Where in it.
        offset: u64,
    },
}

impl From<io::Error> for ReadFault {
    fn from(error: io::Error) -> Self {
        ReadFault::Io(error)
    }
}

impl LogReader {
    /// Reads these segments.
    pub fn new(segments: Arc<Segments>) -> Self {
        LogReader { segments, hint: Mutex::new(None) }
    }

    /// The events at positions `after < p <= until`, in order; see `EventLog::read` for the two limits. `sift` answers what
    /// of an event may be seen.
    ///
    /// # Errors
    /// When reading fails or stored bytes are damaged.
    pub fn read(
        &self,
        after: Position,
        until: Position,
        (count_max, bytes_max): (usize, usize),
        sift: &Sift<'_>,
    ) -> Result<Vec<StoredEvent>, ReadFault> {
        let mut events = Vec::new();
        let mut bytes = 0;
        self.walk(after, until, |receipt, payload| {
            if let Some(payload) = sift(receipt.position, payload) {
                bytes += payload.len();
                events.push(StoredEvent { receipt, payload });
            }
            events.len() < count_max && bytes < bytes_max
        })?;
        Ok(events)
    }

    /// Appends every event at positions `after < p <= until`, in order, up to about as many events and bytes. Answers
    /// whether those were all.
    ///
    /// # Errors
    /// As [`LogReader::read`]; then nothing is appended.
    pub fn read_raw(
        &self,
        after: Position,
        until: Position,
        (count_max, bytes_max): (usize, usize),
        into: &mut RawEvents,
    ) -> Result<bool, ReadFault> {
        let (count, bytes) = (into.len(), into.bytes());
        let mut is_all = true;
        let walked = self.walk(after, until, |receipt, payload| {
            into.receipts.push(receipt);
            into.payloads.push(|out| out.extend_from_slice(payload));
            is_all = into.len() - count < count_max && into.bytes() - bytes < bytes_max;
            is_all
        });
        if walked.is_err() {
            into.truncate(count);
        }
        walked.map(|()| is_all)
    }

    /// Shows every event at positions `after < p <= until`, in order, as long as it is answered with true.
    fn walk(
        &self,
        after: Position,
        until: Position,
        mut show: impl FnMut(Receipt, &[u8]) -> bool,
    ) -> Result<(), ReadFault> {
        let _unreplaced = self.segments.reading();
        let Some(mut cursor) = self.place(after)? else { return Ok(()) };
        let mut last = after;
        let mut goes_on = true;
        while last < until && goes_on {
            let offset = cursor.offset();
            let Some(frame) = cursor.next_frame()? else {
                match self.segments.following(cursor.segment().first) {
                    Some((segment, _)) => {
                        cursor = FrameCursor::at_start(segment);
                        continue;
                    }
                    None => return Err(damaged(&cursor, offset)),
                }
            };
            if frame.kind == FrameKind::Batch || frame.position <= after {
                continue;
            }
            last = frame.position;
            if let Some(payload) = frame.event() {
                let receipt = Receipt { position: frame.position, received_at: frame.received_at };
                goes_on = show(receipt, payload);
            }
        }
        let hint = Hint { after: last, segment: cursor.segment().clone(), offset: cursor.offset() };
        *self.hint.lock().unwrap_or_else(PoisonError::into_inner) = Some(hint);
        Ok(())
    }

    /// A cursor at or before the record that follows `after`: where the last read ended, or found by hopping from
    /// batch to batch.
    fn place(&self, after: Position) -> Result<Option<FrameCursor>, ReadFault> {
        let hint = self.hint.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(hint) = hint.filter(|hint| hint.after == after) {
            return Ok(Some(FrameCursor::new(hint.segment, hint.offset, BUFFER_BYTES)));
        }
        let Some((segment, _)) = self.segments.holding(after) else { return Ok(None) };
        let mut hop = FrameCursor::new(segment.clone(), SEGMENT_HEADER_BYTES, BATCH_FRAME_BYTES);
        let mut last = hop.offset();
        loop {
            let offset = hop.offset();
            let Some(frame) = hop.next_frame()? else { break };
            let Some((_, bytes)) = frame.batch_extent() else { break };
            if frame.position > after {
                break;
            }
            last = offset;
            let next = hop.offset() + u64::from(bytes);
            hop.seek(next);
        }
        Ok(Some(FrameCursor::new(segment, last, BUFFER_BYTES)))
    }
}

fn damaged(cursor: &FrameCursor, offset: u64) -> ReadFault {
    ReadFault::Damaged { path: cursor.segment().path.display().to_string(), offset }
}
