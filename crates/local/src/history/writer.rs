//! Writes a segment, part by part: into memory for the tail, into a file when it is sealed.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use muster_kernel::model::time::Timestamp;

use super::dictionary::Shared;
use super::lane::{self, Use, from_signed};
use super::part::{self, PART_BYTES_MAX, PART_ROWS_MAX};
use super::rows::Rows;
use super::segment::{
    Footer, HEADER_BYTES, Header, PartEntry, QUARTER_MICROS, Section, checksum, put_volume,
};
use crate::disk::DiskFile;

/// Bytes gathered before they are written.
const WRITE_BYTES: usize = 1 << 20;

/// Where a segment goes.
pub enum Target {
    /// Into memory.
    Memory,
    /// Into an empty file.
    File(Arc<dyn DiskFile>),
}

/// Writes one segment.
pub struct SegmentWriter {
    target: Target,
    header: Header,
    buffer: Vec<u8>,
    /// Bytes that are written already.
    written: u64,
    footer: Footer,
    runs: Vec<(u64, i64)>,
    volume: BTreeMap<i64, u64>,
    volumes: Vec<(u32, Vec<u8>)>,
}

impl SegmentWriter {
    /// Begins a segment.
    pub fn new(target: Target, header: Header) -> Self {
        SegmentWriter {
            target,
            header,
            buffer: header.encode(),
            written: 0,
            footer: Footer::default(),
            runs: Vec::new(),
            volume: BTreeMap::new(),
            volumes: Vec::new(),
        }
    }

    /// The first position that it covers.
    pub fn first(&self) -> u64 {
        self.header.first
    }

    /// Says when a position was received; positions ascend.
    pub fn receive(&mut self, position: u64, at: i64) {
        let follows = self.runs.last().is_some_and(|(first, time)| {
            position.wrapping_sub(*first).cast_signed() == at.wrapping_sub(*time)
        });
        if !follows {
            self.runs.push((position, at));
        }
    }

    /// Adds events of a name, sorted; names ascend, and each call's rows follow those of the call before.
    ///
    /// # Errors
    /// When writing fails.
    pub fn add(&mut self, name: u32, rows: &Rows, known: &Shared) -> io::Result<()> {
        let mut end = 0;
        while end < rows.heads.len() {
            let start = end;
            let mut bytes = 0;
            while end < rows.heads.len() && end - start < PART_ROWS_MAX && bytes < PART_BYTES_MAX {
                bytes += rows.heads[end].bytes();
                end += 1;
            }
            let range = start..end;
            let heads = rows.heads.get(range.clone()).unwrap_or_default();
            let (Some(first), Some(last)) = (heads.first(), heads.last()) else { continue };
            self.count_volume(name, heads.iter().map(|head| Timestamp(head.place.time)));
            let times = heads.iter().map(|head| head.place.time);
            let times = times.fold((i64::MAX, i64::MIN), |(a, b), time| (a.min(time), b.max(time)));
            let at = self.buffer.len();
            part::encode(rows, range, self.header.first, known, &mut self.buffer);
            let section = self.section_from(at);
            self.footer.parts.push(PartEntry {
                name,
                rows: u32::try_from(heads.len()).unwrap_or(u32::MAX),
                users: (first.place.user, last.place.user),
                times,
                offset: section.offset,
                length: section.length,
                checksum: section.checksum,
            });
            self.flush(WRITE_BYTES)?;
        }
        Ok(())
    }

    fn count_volume(&mut self, name: u32, times: impl Iterator<Item = Timestamp>) {
        if self.volumes.last().is_none_or(|(last, _)| *last != name) {
            self.end_volume();
            self.volumes.push((name, Vec::new()));
        }
        let mut quarters: Vec<i64> = times.map(|at| at.0.div_euclid(QUARTER_MICROS)).collect();
        quarters.sort_unstable();
        for same in quarters.chunk_by(|a, b| a == b) {
            *self.volume.entry(same[0]).or_default() += same.len() as u64;
        }
    }

    fn end_volume(&mut self) {
        let quarters: Vec<_> = std::mem::take(&mut self.volume).into_iter().collect();
        if let Some((_, bytes)) = self.volumes.last_mut() {
            put_volume(&quarters, bytes);
        }
    }

    /// What stands in the buffer from `at` on.
    fn section_from(&self, at: usize) -> Section {
        let bytes = self.buffer.get(at..).unwrap_or_default();
        Section {
            offset: self.written + at as u64,
            length: bytes.len() as u64,
            checksum: checksum(bytes, self.header.salt),
        }
    }

    fn flush(&mut self, least: usize) -> io::Result<()> {
        if let Target::File(file) = &self.target
            && self.buffer.len() >= least
        {
            file.write_at(&self.buffer, self.written)?;
            self.written += self.buffer.len() as u64;
            self.buffer.clear();
        }
        Ok(())
    }

    /// Ends the segment. Answers its bytes when it is in memory; a file is synced.
    ///
    /// # Errors
    /// When writing or syncing fails.
    pub fn finish(mut self) -> io::Result<Vec<u8>> {
        self.end_volume();
        let lane = |this: &mut Self, values: Vec<u64>| {
            let at = this.buffer.len();
            lane::encode(&values, Use::LookedUp, &mut this.buffer);
            this.section_from(at)
        };
        let runs = std::mem::take(&mut self.runs);
        self.footer.run_count = runs.len() as u64;
        let first = self.header.first;
        let positions = runs.iter().map(|(position, _)| position - first).collect();
        self.footer.run_positions = lane(&mut self, positions);
        self.footer.run_times = lane(&mut self, runs.iter().map(|(_, at)| from_signed(*at)).collect());
        for (name, bytes) in std::mem::take(&mut self.volumes) {
            let at = self.buffer.len();
            self.buffer.extend_from_slice(&bytes);
            let section = self.section_from(at);
            self.footer.volumes.push((name, section));
        }
        let offset = self.written + self.buffer.len() as u64;
        debug_assert!(offset >= HEADER_BYTES as u64);
        let footer = self.footer.encode(offset, self.header.salt);
        self.buffer.extend_from_slice(&footer);
        self.flush(0)?;
        if let Target::File(file) = &self.target {
            file.sync()?;
        }
        Ok(self.buffer)
    }
}
