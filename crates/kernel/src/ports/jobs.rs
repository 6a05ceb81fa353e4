//! Jobs: their uploads, their state and their rejected rows.

use crate::model::id::{EnvironmentId, JobNumber};
use crate::model::job::Job;

use super::error::StoreError;

/// An upload that arrives. Dropped, it leaves nothing behind.
pub trait Upload: Send {
    /// Adds bytes.
    ///
    /// # Errors
    /// When they cannot be written; the upload can then only be dropped.
    fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError>;

    /// Makes the upload and its job durable together; answers the job with the number that it was given.
    ///
    /// # Errors
    /// When they may not be durable; nothing of them is kept.
    fn keep(self: Box<Self>, job: Job) -> Result<Job, StoreError>;
}

/// Room for what does not fit into memory while something is worked on. Dropped, or after a crash, nothing is left of it.
pub trait Scratch: Send {
    /// Writes at `offset`.
    ///
    /// # Errors
    /// When there is no room, or writing fails; it may be tried again.
    fn write(&mut self, offset: u64, bytes: &[u8]) -> Result<(), StoreError>;

    /// Fills `buffer` with what was written at `offset`.
    ///
    /// # Errors
    /// When that was not written, or reading fails.
    fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<(), StoreError>;
}

/// Laws: a job is durable before `keep` or `save` returns, and a crash leaves the state before or after it; an upload is
/// there as long as its job has not ended, byte for byte; an upload that was not kept is never a job and leaves nothing
/// behind, also after a crash; numbers of jobs are never given twice; of a job that is saved as removed only its state is left.
pub trait Jobs: Send + Sync {
    /// Begins to take an upload.
    ///
    /// # Errors
    /// When there is no such environment, or no room.
    fn begin_upload(&self, environment: EnvironmentId) -> Result<Box<dyn Upload>, StoreError>;

    /// Every job, the newest first.
    ///
    /// # Errors
    /// When there is no such environment.
    fn jobs(&self, environment: EnvironmentId) -> Result<Vec<Job>, StoreError>;

    /// Replaces the state of a job. The upload of one that has ended is removed, and so are the rejected rows of one
    /// that says so.
    ///
    /// # Errors
    /// When it may not be durable, or there is no such job.
    fn save(&self, environment: EnvironmentId, job: &Job) -> Result<(), StoreError>;

    /// Fills as much of `buffer` as the upload has at `offset`; answers how much.
    ///
    /// # Errors
    /// When there is no such upload, or reading fails.
    fn read_upload(
        &self,
        environment: EnvironmentId,
        job: JobNumber,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<usize, StoreError>;

    /// Writes rejected rows at `offset` of the job's file of them, durably; what stood behind is gone.
    ///
    /// # Errors
    /// When they may not be durable.
    fn write_rejects(
        &self,
        environment: EnvironmentId,
        job: JobNumber,
        offset: u64,
        bytes: &[u8],
    ) -> Result<(), StoreError>;

    /// As [`Jobs::read_upload`], of the rejected rows; nothing when there are none.
    ///
    /// # Errors
    /// When reading fails.
    fn read_rejects(
        &self,
        environment: EnvironmentId,
        job: JobNumber,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<usize, StoreError>;

    /// Room for the work on a job.
    ///
    /// # Errors
    /// When there is no such environment, or no room.
    fn scratch(&self, environment: EnvironmentId) -> Result<Box<dyn Scratch>, StoreError>;
}
