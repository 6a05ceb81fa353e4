//! Room for the work on a job: a file that loses its name as soon as it is open, so that nothing is left of it when the work or
//! the process ends.

use std::sync::Arc;

use muster_kernel::ports::{Scratch, StoreError};

use super::Shelf;
use crate::disk::DiskFile;

/// The name that it has for a moment. Should the power fail in it, the next start removes it.
pub(super) const SCRATCH: &str = "scratch";

/// See the port.
pub(super) fn open(shelf: &Arc<Shelf>) -> Result<Box<dyn Scratch>, StoreError> {
    let files = &shelf.files;
    files.check_room()?;
    let path = files.path(SCRATCH);
    // Two that begin at once must not take each other's name away.
    let _state = shelf.lock();
    let open = || {
        let file = files.disk.open(&path, true)?;
        files.disk.remove(&path)?;
        Ok(file)
    };
    let file = open().map_err(|error| files.failed(error))?;
    Ok(Box::new(Nameless { shelf: Arc::clone(shelf), file }))
}

struct Nameless {
    shelf: Arc<Shelf>,
    file: Box<dyn DiskFile>,
}

impl Scratch for Nameless {
    fn write(&mut self, offset: u64, bytes: &[u8]) -> Result<(), StoreError> {
        self.shelf.files.check_room()?;
        self.file.write_at(bytes, offset).map_err(|error| self.shelf.files.failed(error))
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<(), StoreError> {
        let count = self.file.read_at(buffer, offset).map_err(|error| self.shelf.files.failed(error))?;
        let is_whole = count == buffer.len();
        is_whole.then_some(()).ok_or_else(|| StoreError::Failed("the scratch file ends early".to_owned()))
    }
}
