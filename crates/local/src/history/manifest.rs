//! The manifest: which files are history, replaced as a whole (docs/FORMAT.md, "History", "Manifest").
//!
//! A file that it does not name is nobody's, and goes at the next start: what a seal or a merge had begun when the power
//! went is as if it had never been.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::disk::Disk;

/// Its file.
pub const FILE: &str = "manifest.json";
const FRESH: &str = "manifest.json.new";
/// Version of the manifest; with it that of all files that it names.
pub const HISTORY_FORMAT: u32 = 1;
/// A larger one is damage.
const FILE_BYTES_MAX: u64 = 256 << 20;

#[derive(Serialize, Deserialize)]
struct Envelope<'a> {
    format: u32,
    crc32: u32,
    #[serde(borrow)]
    history: &'a RawValue,
}

/// What history consists of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The number of the last file that was made; none is given twice.
    pub last_file: u64,
    /// Up to this position a base stands for the events: segments begin behind it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub base: u64,
    /// The segments in the order of the log, each following the one before.
    pub segments: Vec<SegmentEntry>,
    /// Ids of users.
    pub users: DictionaryEntry,
    /// Ids of companies.
    pub companies: DictionaryEntry,
    /// Names of events and properties.
    pub names: DictionaryEntry,
}

/// A segment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentEntry {
    /// The number of its file.
    pub file: u64,
    /// The first position that it covers.
    pub first: u64,
    /// The last one.
    pub last: u64,
    /// How many events it has.
    pub events: u64,
}

/// A dictionary.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DictionaryEntry {
    /// The number of its file.
    pub file: u64,
    /// Texts that were durable when this was written; there may be more.
    pub count: u32,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Manifest {
    /// The position up to which segments hold everything.
    pub fn covered(&self) -> u64 {
        self.segments.last().map_or(self.base, |segment| segment.last.max(self.base))
    }

    /// Reads the manifest of a directory; `None` when there is none.
    ///
    /// # Errors
    /// When it cannot be read; the text says why.
    pub fn read(disk: &dyn Disk, directory: &Path) -> Result<Option<Manifest>, String> {
        let unreadable = |error: io::Error| format!("{FILE} cannot be read: {error}");
        if !disk.list(directory).map_err(unreadable)?.iter().any(|name| name == FILE) {
            return Ok(None);
        }
        let file = disk.open(&directory.join(FILE), false).map_err(unreadable)?;
        let length = file.length().map_err(unreadable)?;
        if length > FILE_BYTES_MAX {
            return Err(format!("{FILE} is larger than any manifest can be"));
        }
        let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
        file.read_at(&mut bytes, 0).map_err(unreadable)?;
        let damaged = |error: serde_json::Error| format!("{FILE} is damaged: {error}");
        let envelope: Envelope<'_> = serde_json::from_slice(&bytes).map_err(damaged)?;
        if envelope.format != HISTORY_FORMAT {
            let format = envelope.format;
            return Err(format!("history has format {format}, this program reads {HISTORY_FORMAT}"));
        }
        if crc32fast::hash(envelope.history.get().as_bytes()) != envelope.crc32 {
            return Err(format!("{FILE} is damaged: its checksum does not match"));
        }
        let manifest: Manifest = serde_json::from_str(envelope.history.get()).map_err(damaged)?;
        let follows = |pair: &[SegmentEntry]| pair[0].last + 1 == pair[1].first;
        if !manifest.segments.windows(2).all(follows) {
            return Err(format!("{FILE} names segments that do not follow each other"));
        }
        Ok(Some(manifest))
    }

    /// Puts the manifest in the place of the one before. The files that it names must be durable.
    ///
    /// # Errors
    /// When it may not be durable; what a start finds is then this one or the one before.
    pub fn write(&self, disk: &dyn Disk, directory: &Path) -> io::Result<()> {
        let history = RawValue::from_string(serde_json::to_string(self)?)?;
        let crc32 = crc32fast::hash(history.get().as_bytes());
        let bytes = serde_json::to_vec(&Envelope { format: HISTORY_FORMAT, crc32, history: &history })?;
        let file = disk.open(&directory.join(FRESH), true)?;
        file.set_length(0)?;
        file.write_at(&bytes, 0)?;
        file.sync()?;
        drop(file);
        disk.rename(&directory.join(FRESH), &directory.join(FILE))?;
        disk.sync_directory(directory)
    }
}
