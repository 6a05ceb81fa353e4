//! The states of jobs and of exports on disk: one file for each, JSON with a checksum (docs/FORMAT.md, "Jobs", "Exports").
//!
//! Invariant: a state is written beside the old one, synced and renamed, so that one of the two is there as a whole.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use muster_kernel::ports::{Refusal, StoreError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::disk::Disk;

/// How the name of a state ends.
pub const STATE: &str = ".json";
/// How it ends while it is written.
pub const FRESH: &str = ".json.new";

const FORMAT: u32 = 1;

/// What the states are of.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// Its name in the file, and in what people are told.
    pub name: &'static str,
    /// The same with its article.
    pub one: &'static str,
    /// A larger file is damage.
    pub bytes_max: u64,
}

/// A directory of states and of the files that belong to them.
pub struct States {
    /// What they are of.
    pub kind: Kind,
    /// Where the directory is.
    pub disk: Arc<dyn Disk>,
    /// The directory; it may not be there yet.
    pub directory: PathBuf,
    /// Bytes that must stay free.
    pub free_reserve_bytes: u64,
}

impl States {
    /// The names of all files; none before there is a directory.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn names(&self) -> io::Result<Vec<String>> {
        match self.disk.list(&self.directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            names => names,
        }
    }

    /// The path of a file.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Makes a state durable.
    ///
    /// # Errors
    /// When it may not be; the old one is still there then.
    pub fn write(&self, number: u32, state: &impl Serialize) -> io::Result<()> {
        let text = serde_json::to_string(state)?;
        let crc32 = crc32fast::hash(text.as_bytes());
        let envelope = format!(r#"{{"format":{FORMAT},"crc32":{crc32},"{}":{text}}}"#, self.kind.name);
        let fresh = self.path(&format!("{number}{FRESH}"));
        let file = self.disk.open(&fresh, true)?;
        file.set_length(0)?;
        file.write_at(envelope.as_bytes(), 0)?;
        file.sync()?;
        drop(file);
        self.disk.rename(&fresh, &self.path(&format!("{number}{STATE}")))?;
        self.disk.sync_directory(&self.directory)
    }

    /// Reads a state.
    ///
    /// # Errors
    /// What is wrong with it, for the operator.
    pub fn read<T: DeserializeOwned>(&self, path: &Path) -> Result<T, String> {
        let what = self.kind.name;
        let bytes = self.bytes(path).map_err(|error| format!("the {what} cannot be read: {error}"))?;
        let damaged = |error: serde_json::Error| format!("the {what} is damaged: {error}");
        let envelope: std::collections::BTreeMap<&str, &RawValue> =
            serde_json::from_slice(&bytes).map_err(damaged)?;
        let part = |name: &str| {
            let missing = || format!("the {what} is damaged: it has no `{name}`");
            envelope.get(name).map(|part| part.get()).ok_or_else(missing)
        };
        let format: u32 = serde_json::from_str(part("format")?).map_err(damaged)?;
        if format != FORMAT {
            return Err(format!("the {what} has format {format}, this program reads {FORMAT}"));
        }
        let crc32: u32 = serde_json::from_str(part("crc32")?).map_err(damaged)?;
        let state = part(what)?;
        if crc32fast::hash(state.as_bytes()) != crc32 {
            return Err(format!("the {what} is damaged: its checksum does not match"));
        }
        serde_json::from_str(state).map_err(damaged)
    }

    fn bytes(&self, path: &Path) -> io::Result<Vec<u8>> {
        let file = self.disk.open(path, false)?;
        let length = file.length()?;
        if length > self.kind.bytes_max {
            return Err(io::Error::other(format!("it is larger than the state of any {}", self.kind.name)));
        }
        let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
        file.read_at(&mut bytes, 0)?;
        Ok(bytes)
    }

    /// Removes a file, if it is there.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove(&self, path: &Path) -> Result<(), StoreError> {
        match self.disk.remove(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.failed(error)),
            _ => Ok(()),
        }
    }

    /// Whether there is room for more.
    ///
    /// # Errors
    /// When there is not.
    pub fn check_room(&self) -> Result<(), StoreError> {
        match self.disk.free_bytes(&self.directory) {
            Ok(free) if free < self.free_reserve_bytes => Err(StoreError::Refused(Refusal::DiskFull)),
            // Not knowing is no reason to refuse: a full disk still answers the write itself.
            _ => Ok(()),
        }
    }

    /// What an error of one of the files means.
    pub fn failed(&self, error: io::Error) -> StoreError {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                StoreError::Refused(Refusal::DiskFull)
            }
            _ => StoreError::Failed(format!("a file of {}: {error}", self.kind.one)),
        }
    }
}
