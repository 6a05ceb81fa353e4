//! Exports: their state and their files.

use crate::model::export::Export;
use crate::model::id::{EnvironmentId, ExportNumber};

use super::error::StoreError;

/// A file on its way. Dropped, it leaves nothing behind.
pub trait ExportFile: Send {
    /// Adds bytes.
    ///
    /// # Errors
    /// When they cannot be written; [`StoreError::Stopped`] when the export was begun anew meanwhile. The file can then only
    /// be dropped.
    fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError>;

    /// Makes the file durable under its name. It is a part once a saved state says so.
    ///
    /// # Errors
    /// As [`ExportFile::write`]; nothing of it is kept.
    fn keep(self: Box<Self>) -> Result<(), StoreError>;
}

/// Laws: a state is durable before it is answered, and a crash leaves the one before or after it; a part that a state names
/// is whole, and one that none names leaves nothing behind, also after a crash; a round's files are gone before the next
/// round has one, and nobody writes into a round that is over; no two exports have one number. A purge of an erasure takes
/// every file whose round may not have known of it: an export that has ended fails for that reason, one that is under
/// way begins anew (law 6).
pub trait Exports: Send + Sync {
    /// Takes an export, durably; answers it with the number that it was given.
    ///
    /// # Errors
    /// When there is no such environment, or it may not be durable.
    fn begin_export(&self, environment: EnvironmentId, export: Export) -> Result<Export, StoreError>;

    /// Every export, the newest first.
    ///
    /// # Errors
    /// When there is no such environment.
    fn exports(&self, environment: EnvironmentId) -> Result<Vec<Export>, StoreError>;

    /// Replaces the state of an export.
    ///
    /// # Errors
    /// [`StoreError::Stopped`] when it is not of the present round. When it may not be durable, or there is no such export.
    fn save_export(&self, environment: EnvironmentId, export: &Export) -> Result<(), StoreError>;

    /// Begins the next round of an export: what was written of it is gone. Answers it as it is now; nothing that is hidden by
    /// an erasure now can come into the files of that round.
    ///
    /// # Errors
    /// When it may not be durable, or there is no such export.
    fn renew_export(&self, environment: EnvironmentId, number: ExportNumber) -> Result<Export, StoreError>;

    /// Begins a file of the round that an export is in; parts are counted from 0.
    ///
    /// # Errors
    /// As [`Exports::save_export`], and when there is no room.
    fn begin_part(
        &self,
        environment: EnvironmentId,
        export: &Export,
        part: usize,
    ) -> Result<Box<dyn ExportFile>, StoreError>;

    /// Fills as much of `buffer` as a part has at `offset`; answers how much.
    ///
    /// # Errors
    /// When there is no such part any more, or reading fails.
    fn read_part(
        &self,
        environment: EnvironmentId,
        export: &Export,
        part: usize,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<usize, StoreError>;

    /// Forgets an export with all its files.
    ///
    /// # Errors
    /// When there is no such environment, or something of it may come back.
    fn remove_export(&self, environment: EnvironmentId, number: ExportNumber) -> Result<(), StoreError>;
}
