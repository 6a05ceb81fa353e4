//! Reads every byte of history and compares every event with the log: for `muster verify`, which changes nothing.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::sync::Arc;

use super::archive::Kept;
use muster_kernel::model::id::Position;

use super::dictionary::Dictionaries;
use super::manifest::Manifest;
use super::opening::{open_dictionaries, open_segments};
use super::part::Restorer;
use crate::disk::RealDisk;
use crate::erasure::Sieve;
use crate::log::writer::Identity;

/// History that is being compared with the log.
pub struct Checked {
    segments: Vec<Kept>,
    known: Dictionaries,
    /// What is being erased: whether it is out of the log and the files yet is left open.
    sieve: Sieve,
    /// The position up to which events were dropped.
    base: Position,
    /// Events of the log that each segment must hold: how many, and the sum of their hashes.
    logged: Vec<(u64, u64)>,
    /// What is wrong.
    pub problems: Vec<String>,
}

impl Checked {
    /// Opens the history of a directory; `None` when there is none yet.
    ///
    /// # Errors
    /// A sentence about what cannot be opened.
    pub fn open(
        directory: &Path,
        identity: Identity,
        sieve: Sieve,
        base: Position,
    ) -> Result<Option<Checked>, String> {
        if !directory.exists() {
            return Ok(None);
        }
        let Some(manifest) = Manifest::read(&RealDisk, directory)? else { return Ok(None) };
        let (files, known) = open_dictionaries(&RealDisk, directory, manifest, true)?;
        let segments = open_segments(&RealDisk, directory, identity, &files.manifest)?;
        let logged = vec![(0, 0); segments.len()];
        if files.manifest.base > base.0 {
            let begins = files.manifest.base;
            return Err(format!(
                "history begins behind position {begins}, and the base that stands for what was before is missing"
            ));
        }
        Ok(Some(Checked { segments, known, sieve, base, logged, problems: Vec::new() }))
    }

    /// Takes note of an event of the log.
    pub fn logged(&mut self, position: Position, received_at: i64, payload: &[u8]) {
        if position <= self.base {
            return;
        }
        let index = self.segments.partition_point(|kept| kept.segment.header().last < position.0);
        let Some(payload) = self.sieve.sift(position, payload) else { return };
        if let Some((count, sum)) = self.logged.get_mut(index) {
            *count += 1;
            *sum = sum.wrapping_add(hash(position.0, received_at, &payload));
        }
    }

    /// Reads everything and compares; answers how many events there are.
    pub fn compare(&mut self) -> u64 {
        let mut events = 0;
        for (kept, logged) in self.segments.iter().zip(&self.logged) {
            let name = kept.segment.name();
            match self.read(kept) {
                Err(what) => self.problems.push(what),
                Ok(found) if found != *logged => self.problems.push(format!(
                    "{name} holds {} events, the log {} at its positions, and they are not the same",
                    found.0, logged.0
                )),
                Ok(_) => {}
            }
            events += kept.segment.events();
        }
        events
    }

    fn read(&self, kept: &Kept) -> Result<(u64, u64), String> {
        let segment = Arc::clone(&kept.segment);
        let (mut count, mut sum, mut payload) = (0, 0u64, Vec::new());
        let receipts = segment.receipts()?;
        for (index, entry) in segment.parts().iter().enumerate() {
            let part = segment.part(index)?;
            let first = segment.header().first;
            let damaged = || format!("{} is damaged in part {index}", segment.name());
            let mut restorer = Restorer::new(part, entry.name, &self.known).ok_or_else(damaged)?;
            for row in 0..entry.rows as usize {
                payload.clear();
                restorer.restore(row, &self.known, &mut payload).ok_or_else(damaged)?;
                let position = first + restorer.part().positions.get(row).ok_or_else(damaged)?;
                let received_at = receipts.received_at(position).ok_or_else(damaged)?;
                if position <= self.base.0 {
                    continue;
                }
                let Some(payload) = self.sieve.sift(Position(position), &payload) else { continue };
                count += 1;
                sum = sum.wrapping_add(hash(position, received_at, &payload));
            }
            segment.volume(entry.name)?;
        }
        Ok((count, sum))
    }
}

fn hash(position: u64, received_at: i64, payload: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    (position, received_at, payload).hash(&mut hasher);
    hasher.finish()
}
