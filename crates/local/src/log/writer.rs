//! The one writer of a log: stamps a batch, writes it with one write, syncs it once.
//!
//! After a failed sync nothing more is taken: the kernel may have dropped the dirty pages, so a second sync that
//! succeeds would prove nothing.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use muster_kernel::model::id::Position;
use muster_kernel::model::time::{MINUTE, Timestamp};
use muster_kernel::ports::Refusal;

use super::record::{self, SEGMENT_HEADER_BYTES, SegmentHeader};
use super::segment::{Segment, Segments, file_name};
use crate::disk::Disk;

/// How far the wall clock may be behind the log before writes are refused (law 9), in microseconds.
const BEHIND_MICROS_MAX: i64 = MINUTE;

/// How far ahead of a batch zeros are written, in one go. A sync after writing into reserved but never written space
/// must also commit the file system's journal (ext4: 0.5 ms instead of 0.3, and it waits for whatever else is in that
/// journal); into space that holds zeros already it writes the data and nothing else. Larger means rarer, and a
/// longer sync for the batch that pays.
const ZEROS_BYTES: usize = 256 << 10;
static ZEROS: [u8; ZEROS_BYTES] = [0; ZEROS_BYTES];

/// Draws random bytes; wiring owns the source.
pub type Random = Arc<dyn Fn(&mut [u8]) + Send + Sync>;

/// Whose log it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The environment.
    pub environment: u32,
    /// The life of its data.
    pub incarnation: u32,
}

/// What a writer needs to know beside where the log ends.
#[derive(Clone)]
pub struct WriterOptions {
    /// Size of a segment.
    pub segment_bytes: u64,
    /// Free disk space below which nothing is written.
    pub free_reserve_bytes: u64,
    /// Source of salts.
    pub random: Random,
}

/// Where the log ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogEnd {
    /// The last position.
    pub last: Position,
    /// The last time given.
    pub time: Timestamp,
    /// Where in the last segment the next batch goes.
    pub offset: u64,
}

/// A batch that is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// The position before its first record.
    pub before: Position,
    /// The last position in it.
    pub last: Position,
    /// The time of its first record.
    pub received_at: Timestamp,
}

/// A batch that is not durable.
#[derive(Debug)]
pub enum WriteError {
    /// Certainly not written, and the writer goes on.
    Refused(Refusal),
    /// May have been written; the writer is closed.
    Unknown(io::Error),
}

/// The writer.
pub struct Writer {
    disk: Arc<dyn Disk>,
    directory: PathBuf,
    identity: Identity,
    options: WriterOptions,
    segments: Arc<Segments>,
    end: LogEnd,
    reserved: u64,
    /// Up to where the present segment was ever written.
    zeroed: u64,
    closed: bool,
}

impl Writer {
    /// Goes on where recovery found the end; begins the first segment of an empty log.
    ///
    /// # Errors
    /// When the first segment cannot be made, or space cannot be reserved.
    pub fn open(
        disk: Arc<dyn Disk>,
        directory: PathBuf,
        identity: Identity,
        options: WriterOptions,
        segments: Arc<Segments>,
        end: LogEnd,
    ) -> io::Result<Self> {
        let reserved = options.segment_bytes;
        let mut writer = Writer {
            disk,
            directory,
            identity,
            options,
            segments,
            end,
            reserved,
            zeroed: end.offset,
            closed: false,
        };
        match writer.segments.last() {
            None => writer.begin_segment()?,
            Some(segment) => {
                writer.reserved = writer.options.segment_bytes.max(writer.end.offset);
                segment.file.allocate(writer.reserved)?;
            }
        }
        Ok(writer)
    }

    /// Where the log ends.
    pub fn end(&self) -> LogEnd {
        self.end
    }

    /// Stamps, writes and syncs a batch begun with [`record::begin_batch`].
    ///
    /// # Errors
    /// See [`WriteError`].
    pub fn write(&mut self, batch: &mut [u8], now: Timestamp) -> Result<Written, WriteError> {
        self.check(now)?;
        if self.end.offset + batch.len() as u64 > self.options.segment_bytes
            && self.end.offset > SEGMENT_HEADER_BYTES
        {
            self.roll()?;
        }
        let Some(segment) = self.segments.last() else { return Err(WriteError::Refused(Refusal::Closed)) };
        let before = self.end.last;
        let received_at = now.max(self.end.time.plus(1));
        let count = record::seal_batch(batch, segment.salt, before, before, received_at);
        let written = self.write_zeros(&segment, batch.len());
        if let Err(error) = written.and_then(|()| segment.file.write_at(batch, self.end.offset)) {
            return Err(self.take_back(&segment, error));
        }
        if let Err(error) = segment.file.sync() {
            return Err(self.fail(error));
        }
        let last = Position(before.0 + u64::from(count));
        self.end = LogEnd {
            last,
            time: received_at.plus(i64::from(count.saturating_sub(1))),
            offset: self.end.offset + batch.len() as u64,
        };
        Ok(Written { before, last, received_at })
    }

    /// Leaves word that everything before is durable, so that recovery can tell damage from a torn end. Needs no
    /// sync: it is a witness, not a promise. Called when there is nothing else to do.
    pub fn witness(&mut self) {
        let Some(segment) = self.segments.last() else { return };
        let mut frame = Vec::with_capacity(record::BATCH_FRAME_BYTES);
        record::begin_batch(&mut frame);
        record::seal_batch(&mut frame, segment.salt, self.end.last, self.end.last, self.end.time);
        let end = self.end.offset + frame.len() as u64;
        if !self.closed && end <= self.reserved && segment.file.write_at(&frame, self.end.offset).is_ok() {
            self.end.offset = end;
        }
    }

    /// Ends the log cleanly: nothing reserved is left behind.
    ///
    /// # Errors
    /// When the last segment cannot be cut or synced; nothing acknowledged is lost by that.
    pub fn close(mut self) -> io::Result<()> {
        if self.closed {
            return Ok(());
        }
        self.witness();
        match self.segments.last() {
            Some(segment) => segment.file.set_length(self.end.offset).and_then(|()| segment.file.sync()),
            None => Ok(()),
        }
    }

    /// Writes zeros behind the place of a batch that reaches beyond what was ever written, within what is reserved.
    fn write_zeros(&mut self, segment: &Segment, batch_bytes: usize) -> io::Result<()> {
        let end = self.end.offset + batch_bytes as u64;
        if end <= self.zeroed {
            return Ok(());
        }
        let room = usize::try_from(self.reserved.saturating_sub(end)).unwrap_or(usize::MAX);
        let zeros = &ZEROS[..room.min(ZEROS_BYTES)];
        segment.file.write_at(zeros, end)?;
        self.zeroed = end + zeros.len() as u64;
        Ok(())
    }

    fn check(&self, now: Timestamp) -> Result<(), WriteError> {
        let last = self.end.time;
        if self.closed {
            return Err(WriteError::Refused(Refusal::Closed));
        }
        if now.plus(BEHIND_MICROS_MAX) < last {
            return Err(WriteError::Refused(Refusal::ClockBehind { now, last }));
        }
        match self.disk.free_bytes(&self.directory) {
            Ok(free) if free < self.options.free_reserve_bytes => Err(WriteError::Refused(Refusal::DiskFull)),
            // Not knowing is no reason to refuse: a full disk still answers the write itself.
            _ => Ok(()),
        }
    }

    /// Ends the present segment and begins the next. Nothing of the waiting batch is written yet.
    fn roll(&mut self) -> Result<(), WriteError> {
        self.witness();
        if let Some(segment) = self.segments.last()
            && let Err(error) = segment.file.set_length(self.end.offset).and_then(|()| segment.file.sync())
        {
            return Err(self.fail(error));
        }
        self.begin_segment().map_err(|error| {
            // The last segment was cut to its length: go on in it, unreserved, when there is room again.
            self.reserved = self.end.offset;
            match error.kind() {
                io::ErrorKind::StorageFull => WriteError::Refused(Refusal::DiskFull),
                _ => {
                    self.closed = true;
                    tracing::error!(%error, "a new log segment could not be begun; the log takes no more writes");
                    WriteError::Refused(Refusal::Closed)
                }
            }
        })
    }

    fn begin_segment(&mut self) -> io::Result<()> {
        let first = Position(self.end.last.0 + 1);
        let path = self.directory.join(file_name(first));
        let mut salt = [0; 4];
        (self.options.random)(&mut salt);
        let header = SegmentHeader {
            environment: self.identity.environment,
            incarnation: self.identity.incarnation,
            salt: u32::from_le_bytes(salt),
            first,
        };
        let file: Arc<dyn crate::disk::DiskFile> = Arc::from(self.disk.open(&path, true)?);
        let made = file
            .allocate(self.options.segment_bytes)
            .and_then(|()| file.write_at(&header.encode(), 0))
            .and_then(|()| file.sync())
            .and_then(|()| self.disk.sync_directory(&self.directory));
        if let Err(error) = made {
            // An unfinished segment must not be found at the next start as if it were the log's end.
            let _ = self.disk.remove(&path);
            return Err(error);
        }
        self.segments.push(Segment { first, salt: header.salt, file, path });
        self.end.offset = SEGMENT_HEADER_BYTES;
        self.zeroed = SEGMENT_HEADER_BYTES;
        self.reserved = self.options.segment_bytes;
        Ok(())
    }

    /// A write failed: makes sure that nothing of it is left, so that "not written" is true; otherwise closes.
    fn take_back(&mut self, segment: &Segment, error: io::Error) -> WriteError {
        let cut = segment.file.set_length(self.end.offset).and_then(|()| segment.file.sync());
        self.reserved = self.end.offset;
        self.zeroed = self.end.offset;
        match cut {
            Ok(()) if error.kind() == io::ErrorKind::StorageFull => WriteError::Refused(Refusal::DiskFull),
            _ => self.fail(error),
        }
    }

    fn fail(&mut self, error: io::Error) -> WriteError {
        self.closed = true;
        tracing::error!(%error, "the log could not be written or synced; it takes no more writes until a restart");
        WriteError::Unknown(error)
    }
}
