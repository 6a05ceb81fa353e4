//! Puts the tail into files, and what the log has behind it.
//!
//! What is in memory is read once more from the log, and encoded as it comes: that takes a fifth of the time that merging
//! the segments in memory would. What the log has more goes the same way without having been in memory. As many events are held meanwhile as fit into a bound of bytes.

use muster_kernel::model::id::Position;
use muster_kernel::ports::StoreError;

use super::archive::{Archive, CHUNK_EVENTS, Files, STEADY_EVENTS, STEP_BYTES, unread};
use super::merge::unwritten;
use super::rows::Intake;
use super::writer::SegmentWriter;
use crate::log::reader::RawEvents;

/// Bytes of events that are encoded at a time; one segment in memory more may be held.
const SEAL_BYTES_MAX: usize = 64 << 20;
/// Events that are read at a time.
const STRIDE: usize = 1024;

/// Events on their way into a file.
struct Gathered {
    first: u64,
    intake: Intake,
    receipts: Vec<(u64, i64)>,
    bytes: usize,
}

impl Gathered {
    /// `intake`: empty, with the memory of events before.
    fn from(first: u64, intake: Intake) -> Gathered {
        Gathered { first, intake, receipts: Vec::new(), bytes: 0 }
    }
}

impl Archive {
    /// Puts the whole tail into files, and what the log has behind it up to `reach`, which must be durable.
    ///
    /// # Errors
    /// When the log cannot be read, or files cannot be written.
    pub fn seal(&self, reach: u64) -> Result<(), StoreError> {
        let mut files = self.files();
        let ranges = self.to_seal(reach);
        let sealed = self.seal_ranges(&mut files, &ranges);
        self.tail().straight = None;
        sealed
    }

    /// The positions to be put into files: one range for each segment in memory, and then as many as there would be
    /// segments if the tail were read on first.
    fn to_seal(&self, reach: u64) -> Vec<(u64, u64)> {
        // Under the tail's lock nobody adds to it: what is in memory now is what the files will hold.
        let mut tail = self.end_chunk();
        tail.since = None;
        let snapshot = self.snapshot();
        let in_memory = snapshot.kept.iter().filter(|kept| kept.segment.file.is_none());
        let range = |header: &super::segment::Header| (header.first, header.last);
        let mut ranges: Vec<_> = in_memory.map(|kept| range(kept.segment.header())).collect();
        let through = snapshot.through;
        if through < reach {
            tail.straight = Some((through, reach));
        }
        let mut last =
            snapshot.kept.last().map_or(snapshot.base_position(), |kept| kept.segment.header().last);
        let mut after = through;
        while after < reach {
            after = reach.min(after + CHUNK_EVENTS as u64);
            ranges.push((last + 1, after));
            last = after;
        }
        ranges
    }

    fn seal_ranges(&self, files: &mut Files, ranges: &[(u64, u64)]) -> Result<(), StoreError> {
        let mut gathered: Option<Gathered> = None;
        for (index, &(first, last)) in ranges.iter().enumerate() {
            let mut all =
                gathered.take().unwrap_or_else(|| Gathered::from(first, std::mem::take(&mut files.intake)));
            self.gather(&mut all, first, last)?;
            if index + 1 == ranges.len() || all.bytes >= SEAL_BYTES_MAX {
                self.put_gathered(files, all, last)?;
            } else {
                gathered = Some(all);
            }
        }
        Ok(())
    }

    /// Reads the events of a range from the log.
    fn gather(&self, into: &mut Gathered, first: u64, last: u64) -> Result<(), StoreError> {
        let mut rest = self.resting();
        let mut after = Position(first.saturating_sub(1));
        let mut events = RawEvents::default();
        loop {
            events.clear(0);
            // Numbers are given to the names of a few at a time: whoever reads waits behind it.
            let limits = (STRIDE, STEP_BYTES);
            let read = self.sealing_log.read_raw(after, Position(last), limits, &mut events);
            let is_all = read.map_err(unread)?;
            {
                let mut known = self.known.write().unwrap_or_else(std::sync::PoisonError::into_inner);
                for (receipt, payload) in events.iter() {
                    into.receipts.push((receipt.position.0, receipt.received_at.0));
                    if !into.intake.take(&mut known, receipt, payload) {
                        let position = receipt.position.0;
                        tracing::error!(position, "a record with a right checksum is no event");
                    }
                }
            }
            into.bytes += events.bytes();
            if !rest(events.len() as u64) {
                return Err(StoreError::Stopped);
            }
            match events.last() {
                Some(read) if !is_all && read.0 < last => after = read,
                _ => return Ok(()),
            }
        }
    }

    fn put_gathered(&self, files: &mut Files, all: Gathered, last: u64) -> Result<(), StoreError> {
        let Gathered { first, mut intake, receipts, .. } = all;
        if receipts.is_empty() {
            return Ok(());
        }
        let mut write = |mut writer: SegmentWriter| {
            receipts.iter().for_each(|(position, at)| writer.receive(*position, *at));
            let mut rest = self.resting();
            for (name, rows) in intake.by_name.iter_mut().filter(|(_, rows)| !rows.heads.is_empty()) {
                rows.sort();
                writer.add(*name, rows, &self.known).map_err(|error| unwritten(&error))?;
                if !rest(rows.heads.len() as u64) {
                    return Err(StoreError::Stopped);
                }
            }
            writer.finish().map_err(|error| unwritten(&error))
        };
        self.put(files, (first, last), &mut write)?;
        intake.clear(STEADY_EVENTS);
        files.intake = intake;
        Ok(())
    }
}
