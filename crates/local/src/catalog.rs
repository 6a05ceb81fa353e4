//! The catalog file: environments, keys and the team, replaced as a whole at every change.
//!
//! A new state is written beside the old one, synced, renamed over it, and the directory synced, before anybody sees
//! it (docs/FORMAT.md, "Catalog").

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use muster_kernel::model::catalog::CatalogState;
use muster_kernel::ports::{Catalog, CatalogChange, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::disk::Disk;

/// The file's name in the data directory.
pub const FILE: &str = "catalog.json";
/// Written; 1, which knew no team, is read as well.
const FORMAT: u32 = 2;
/// A catalog larger than this is damage: thousands of keys fit a tenth of it.
const FILE_BYTES_MAX: u64 = 64 << 20;

#[derive(Serialize, Deserialize)]
struct Envelope<'a> {
    format: u32,
    crc32: u32,
    #[serde(borrow)]
    catalog: &'a RawValue,
}

/// The catalog of a data directory.
pub struct CatalogFile {
    disk: Arc<dyn Disk>,
    directory: PathBuf,
    state: RwLock<Arc<CatalogState>>,
    writing: Mutex<()>,
}

impl CatalogFile {
    /// Reads the catalog; an absent file is an empty catalog.
    ///
    /// # Errors
    /// A sentence for the operator.
    pub fn open(disk: Arc<dyn Disk>, directory: &Path) -> Result<Self, String> {
        let state = read(disk.as_ref(), directory)?;
        Ok(CatalogFile {
            disk,
            directory: directory.into(),
            state: RwLock::new(Arc::new(state)),
            writing: Mutex::new(()),
        })
    }

    fn write(&self, state: &CatalogState) -> io::Result<()> {
        let bytes = encode(state)?;
        let fresh = self.directory.join("catalog.json.new");
        let file = self.disk.open(&fresh, true)?;
        file.set_length(0)?;
        file.write_at(&bytes, 0)?;
        file.sync()?;
        drop(file);
        self.disk.rename(&fresh, &self.directory.join(FILE))?;
        self.disk.sync_directory(&self.directory)
    }
}

/// A state as the file holds it.
///
/// # Errors
/// When it cannot be written as JSON, which is a defect.
pub fn encode(state: &CatalogState) -> io::Result<Vec<u8>> {
    let text = serde_json::to_string_pretty(state)?;
    let catalog = RawValue::from_string(text)?;
    let crc32 = crc32fast::hash(catalog.get().as_bytes());
    Ok(serde_json::to_vec(&Envelope { format: FORMAT, crc32, catalog: &catalog })?)
}

fn read(disk: &dyn Disk, directory: &Path) -> Result<CatalogState, String> {
    let unreadable = |error: io::Error| format!("the catalog cannot be read: {error}");
    if !disk.list(directory).map_err(unreadable)?.iter().any(|name| name == FILE) {
        return Ok(CatalogState { next_environment: 1, next_key: 1, ..CatalogState::default() });
    }
    let file = disk.open(&directory.join(FILE), false).map_err(unreadable)?;
    let length = file.length().map_err(unreadable)?;
    if length > FILE_BYTES_MAX {
        return Err("the catalog is larger than any catalog can be".to_owned());
    }
    let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
    file.read_at(&mut bytes, 0).map_err(unreadable)?;
    let envelope: Envelope<'_> =
        serde_json::from_slice(&bytes).map_err(|error| format!("the catalog is damaged: {error}"))?;
    if !(1..=FORMAT).contains(&envelope.format) {
        return Err(format!("the catalog has format {}, this program reads 1 to {FORMAT}", envelope.format));
    }
    if crc32fast::hash(envelope.catalog.get().as_bytes()) != envelope.crc32 {
        return Err("the catalog is damaged: its checksum does not match (was it edited by hand?)".to_owned());
    }
    serde_json::from_str(envelope.catalog.get()).map_err(|error| format!("the catalog is damaged: {error}"))
}

impl Catalog for CatalogFile {
    fn state(&self) -> Arc<CatalogState> {
        Arc::clone(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn change(&self, change: CatalogChange<'_>) -> Result<Result<(), String>, StoreError> {
        let _one_at_a_time = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut state = CatalogState::clone(&self.state());
        if let Err(reason) = change(&mut state) {
            return Ok(Err(reason));
        }
        self.write(&state)
            .map_err(|error| StoreError::Failed(format!("the catalog cannot be written: {error}")))?;
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(state);
        Ok(Ok(()))
    }
}
