//! The erasures of an environment on disk (docs/FORMAT.md, "Erasures"): `erasures/key` and for erasure N `N.json`, each
//! replaced as a whole.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use muster_kernel::model::erasure::Erasure;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::disk::Disk;

const FORMAT: u32 = 1;
const STATE: &str = ".json";
const FRESH: &str = ".new";
const KEY: &str = "key";
const KEY_BYTES: usize = 32;
/// 10,000 ids with their hashes, and what is known of them.
const STATE_BYTES_MAX: u64 = 16 << 20;

#[derive(Serialize, Deserialize)]
struct Envelope<'a> {
    format: u32,
    crc32: u32,
    #[serde(borrow)]
    erasure: &'a RawValue,
}

/// Where they are.
pub struct Files {
    disk: Arc<dyn Disk>,
    directory: PathBuf,
}

impl Files {
    /// Below an environment's directory.
    pub fn new(disk: Arc<dyn Disk>, environment: &Path) -> Files {
        Files { disk, directory: environment.join("erasures") }
    }

    /// Every erasure, by number. `tidies` says whether what a stop left half written is removed.
    ///
    /// # Errors
    /// When the directory or a file in it cannot be read: what is not known to be erased would be shown again.
    pub fn read(&self, tidies: bool) -> io::Result<BTreeMap<u32, Erasure>> {
        let mut found = BTreeMap::new();
        let names = match self.disk.list(&self.directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
            names => names?,
        };
        for name in names {
            if name.ends_with(FRESH) {
                if tidies {
                    self.disk.remove(&self.directory.join(&name))?;
                }
            } else if let Some(number) = name.strip_suffix(STATE).and_then(|number| number.parse().ok()) {
                found.insert(number, self.read_one(&self.directory.join(&name))?);
            }
        }
        Ok(found)
    }

    /// Replaces an erasure, durably.
    ///
    /// # Errors
    /// When it may not be durable.
    pub fn write(&self, erasure: &Erasure) -> io::Result<()> {
        let text = RawValue::from_string(serde_json::to_string(erasure)?)?;
        let crc32 = crc32fast::hash(text.get().as_bytes());
        let bytes = serde_json::to_vec(&Envelope { format: FORMAT, crc32, erasure: &text })?;
        self.replace(&format!("{}{STATE}", erasure.number), &bytes)
    }

    /// Removes an erasure that nobody was told of.
    ///
    /// # Errors
    /// When it may come back.
    pub fn remove(&self, number: u32) -> io::Result<()> {
        self.disk.remove(&self.directory.join(format!("{number}{STATE}")))?;
        self.disk.sync_directory(&self.directory)
    }

    /// The key of the hashes, when there is one.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn key(&self) -> io::Result<Option<[u8; KEY_BYTES]>> {
        let path = self.directory.join(KEY);
        let bytes = match self.read_bytes(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            bytes => bytes?,
        };
        let whole = bytes
            .split_last_chunk::<4>()
            .filter(|(key, checksum)| crc32fast::hash(key) == u32::from_le_bytes(**checksum));
        let key = whole.and_then(|(key, _)| key.try_into().ok());
        key.map(Some).ok_or_else(|| damaged(&path, "its checksum does not match"))
    }

    /// Keeps the key of the hashes, durably.
    ///
    /// # Errors
    /// When it may not be durable.
    pub fn write_key(&self, key: &[u8; KEY_BYTES]) -> io::Result<()> {
        self.disk.create_directory(&self.directory)?;
        if let Some(above) = self.directory.parent() {
            self.disk.sync_directory(above)?;
        }
        let checksum = crc32fast::hash(key).to_le_bytes();
        self.replace(KEY, &[key.as_slice(), &checksum].concat())
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let fresh = self.directory.join(format!("{name}{FRESH}"));
        let file = self.disk.open(&fresh, true)?;
        file.set_length(0)?;
        file.write_at(bytes, 0)?;
        file.sync()?;
        drop(file);
        self.disk.rename(&fresh, &self.directory.join(name))?;
        self.disk.sync_directory(&self.directory)
    }

    fn read_one(&self, path: &Path) -> io::Result<Erasure> {
        let bytes = self.read_bytes(path)?;
        let envelope: Envelope<'_> =
            serde_json::from_slice(&bytes).map_err(|error| damaged(path, &error.to_string()))?;
        if envelope.format != FORMAT {
            let what = format!("it has format {}, this program reads {FORMAT}", envelope.format);
            return Err(damaged(path, &what));
        }
        if crc32fast::hash(envelope.erasure.get().as_bytes()) != envelope.crc32 {
            return Err(damaged(path, "its checksum does not match"));
        }
        serde_json::from_str(envelope.erasure.get()).map_err(|error| damaged(path, &error.to_string()))
    }

    fn read_bytes(&self, path: &Path) -> io::Result<Vec<u8>> {
        let file = self.disk.open(path, false)?;
        let length = file.length()?;
        if length > STATE_BYTES_MAX {
            return Err(damaged(path, "it is larger than any erasure"));
        }
        let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
        let filled = file.read_at(&mut bytes, 0)?;
        bytes.truncate(filled);
        Ok(bytes)
    }
}

fn damaged(path: &Path, what: &str) -> io::Error {
    let text = format!("{} cannot be used ({what}): restore it from a backup", path.display());
    io::Error::new(io::ErrorKind::InvalidData, text)
}
