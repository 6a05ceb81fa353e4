//! Erases users: hides their events at once, removes them from the files, and forgets their ids.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};

use muster_kernel::model::id::{Position, UserId};
use muster_kernel::ports::{Inquiry, StoreError};
use roaring::RoaringBitmap;

use super::archive::{Archive, Snapshot};
use super::dictionary::DictionaryFile;
use super::manifest::DictionaryEntry;
use super::merge::unwritten;
use super::opening::{dictionary_name, segment_name};

impl Archive {
    /// Hides all events of these users up to a position, `visible` or a later one, at once and for good;
    /// [`Archive::purge`] removes them. Answers that position: events behind it are shown.
    ///
    /// # Errors
    /// When it may not be durable.
    pub fn erase(&self, users: &[UserId], visible: Position) -> Result<Position, StoreError> {
        self.up_to(visible, &Inquiry::default())?;
        // No file holds events from before and from behind this position.
        let through = self.seal()?;
        let mut files = self.files();
        let numbers: RoaringBitmap = {
            let known = self.known();
            users.iter().filter_map(|id| known.users.get(id.as_str().as_bytes())).collect()
        };
        let mut manifest = files.manifest.clone();
        let mut hidden: BTreeMap<PathBuf, Arc<RoaringBitmap>> = BTreeMap::new();
        for entry in manifest.segments.iter_mut().filter(|entry| entry.last <= through.0) {
            let erased = &numbers | &entry.erased.iter().copied().collect::<RoaringBitmap>();
            entry.erased = erased.iter().collect();
            hidden.insert(self.directory.join(segment_name(entry.file)), Arc::new(erased));
        }
        manifest.write(self.disk.as_ref(), &self.directory).map_err(|error| unwritten(&error))?;
        files.manifest = manifest;
        let _tail = self.end_chunk();
        let mut snapshot = Snapshot::clone(&self.snapshot());
        for kept in &mut snapshot.kept {
            if let Some(erased) = kept.segment.file.as_ref().and_then(|file| hidden.get(file)) {
                kept.erased = Arc::clone(erased);
            }
        }
        self.publish(snapshot);
        self.columns.clear();
        self.standing.clear();
        Ok(through)
    }

    /// Writes every segment anew that holds events of erased users.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub fn purge(&self) -> Result<(), StoreError> {
        let mut purged = false;
        loop {
            let mut files = self.files();
            let snapshot = self.snapshot();
            let Some(stained) = snapshot.kept.iter().find(|kept| !kept.erased.is_empty()) else { break };
            self.replace(&mut files, std::slice::from_ref(stained))?;
            purged = true;
        }
        // The names of the old files are gone for good, too.
        let synced = if purged { self.disk.sync_directory(&self.directory) } else { Ok(()) };
        synced.map_err(|error| unwritten(&error))
    }

    /// Takes the ids of these users out of the dictionary, but for those that events are about: of users who were not
    /// erased, or have come back since. To be called after [`Archive::purge`].
    ///
    /// # Errors
    /// When the dictionary cannot be written.
    pub fn forget(&self, users: &[UserId]) -> Result<(), StoreError> {
        let mut files = self.files();
        // Under the tail's lock nobody gives numbers.
        let _tail = self.end_chunk();
        let snapshot = self.snapshot();
        let mut forgotten = RoaringBitmap::new();
        for id in users {
            let number = self.known().users.get(id.as_str().as_bytes());
            if let Some(number) = number
                && !is_in_use(&snapshot, number)?
            {
                forgotten.insert(number);
            }
        }
        if forgotten.is_empty() {
            return Ok(());
        }
        let fresh = self.known().users.without(&forgotten);
        let mut manifest = files.manifest.clone();
        let old = manifest.users.file;
        manifest.last_file += 1;
        files.manifest.last_file = manifest.last_file;
        let mut salt = [0; 4];
        (self.random)(&mut salt);
        let path = self.directory.join(dictionary_name(manifest.last_file));
        let disk = self.disk.as_ref();
        let mut write = || {
            let mut file = DictionaryFile::create(disk, &path, u32::from_le_bytes(salt))?;
            let missing = file.missing(&fresh);
            file.add(&missing)?;
            disk.sync_directory(&self.directory)?;
            manifest.users = DictionaryEntry { file: manifest.last_file, count: file.kept() };
            manifest.write(disk, &self.directory)?;
            Ok(file)
        };
        files.users = write().map_err(|error: std::io::Error| unwritten(&error))?;
        files.manifest = manifest;
        self.known.write().unwrap_or_else(PoisonError::into_inner).users = fresh;
        self.columns.clear();
        self.standing.clear();
        // What cannot be removed now is removed at the next start.
        let _ = disk.remove(&self.directory.join(dictionary_name(old)));
        disk.sync_directory(&self.directory).map_err(|error| unwritten(&error))
    }
}

/// Whether an event is about a user.
fn is_in_use(snapshot: &Snapshot, user: u32) -> Result<bool, StoreError> {
    for kept in &snapshot.kept {
        for (index, entry) in kept.segment.parts().iter().enumerate() {
            if !(entry.users.0..=entry.users.1).contains(&user) {
                continue;
            }
            let part = kept.segment.part(index).map_err(StoreError::Damaged)?;
            if !part.rows_of(user).is_empty() {
                return Ok(true);
            }
        }
    }
    Ok(false)
}
