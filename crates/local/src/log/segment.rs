//! Segment files: their names, and a list of them that the writer extends and readers look into.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use muster_kernel::model::id::Position;

use crate::disk::{Disk, DiskFile};

/// A segment that is open.
#[derive(Clone)]
pub struct Segment {
    /// The position that its first record was to get.
    pub first: Position,
    /// Where every checksum of it starts.
    pub salt: u32,
    /// Its file.
    pub file: Arc<dyn DiskFile>,
    /// Its path, for messages.
    pub path: PathBuf,
}

/// The segments of a log in order.
#[derive(Default)]
pub struct Segments(RwLock<Vec<Segment>>, RwLock<()>);

impl Segments {
    /// Held while frames are read that may be replaced in place: nobody reads half of each.
    pub fn reading(&self) -> RwLockReadGuard<'_, ()> {
        self.1.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Held while frames are replaced in place.
    pub fn replacing(&self) -> RwLockWriteGuard<'_, ()> {
        self.1.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a segment behind the others.
    pub fn push(&self, segment: Segment) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).push(segment);
    }

    /// Takes away the segment that starts at `first`. Who has its file open reads on in it.
    pub fn remove(&self, first: Position) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).retain(|segment| segment.first != first);
    }

    /// The segment that holds the record after `after`, and whether further ones follow it.
    pub fn holding(&self, after: Position) -> Option<(Segment, bool)> {
        let segments = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let later = segments.partition_point(|segment| segment.first.0 <= after.0 + 1);
        let index = later.saturating_sub(1);
        segments.get(index).map(|segment| (segment.clone(), index + 1 < segments.len()))
    }

    /// The segment that follows the one that starts at `first`.
    pub fn following(&self, first: Position) -> Option<(Segment, bool)> {
        let segments = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let index = segments.partition_point(|segment| segment.first <= first);
        segments.get(index).map(|segment| (segment.clone(), index + 1 < segments.len()))
    }

    /// The one that is written to.
    pub fn last(&self) -> Option<Segment> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).last().cloned()
    }

    /// All of them.
    pub fn all(&self) -> Vec<Segment> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The name of the segment whose first record was to get `first`.
pub fn file_name(first: Position) -> String {
    format!("{:020}.log", first.0)
}

/// The segments of a directory by their names, in order.
///
/// # Errors
/// When the directory cannot be listed.
pub fn list(disk: &dyn Disk, directory: &Path) -> io::Result<Vec<(Position, PathBuf)>> {
    let mut found: Vec<(Position, PathBuf)> = disk
        .list(directory)?
        .into_iter()
        .filter_map(|name| {
            let digits = name.strip_suffix(".log").filter(|digits| digits.len() == 20)?;
            Some((Position(digits.parse().ok()?), directory.join(name)))
        })
        .collect();
    found.sort();
    Ok(found)
}
