//! Jobs that are obviously right: plain maps behind one lock, nothing on disk. The reference for [`Jobs`].

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use muster_kernel::model::id::{EnvironmentId, JobNumber};
use muster_kernel::model::job::Job;
use muster_kernel::ports::{Jobs, Scratch, StoreError, Upload};

/// One job with what belongs to it.
struct Kept {
    job: Job,
    upload: Vec<u8>,
    rejects: Vec<u8>,
}

type Shelves = Arc<Mutex<BTreeMap<EnvironmentId, BTreeMap<JobNumber, Kept>>>>;

/// The jobs of the environments 1 and 2.
#[derive(Clone, Default)]
pub struct ModelJobs(Shelves);

struct Arriving {
    shelves: Shelves,
    environment: EnvironmentId,
    bytes: Vec<u8>,
}

fn lock(shelves: &Shelves) -> MutexGuard<'_, BTreeMap<EnvironmentId, BTreeMap<JobNumber, Kept>>> {
    shelves.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Upload for Arriving {
    fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn keep(self: Box<Self>, job: Job) -> Result<Job, StoreError> {
        let mut shelves = lock(&self.shelves);
        let shelf = shelves.entry(self.environment).or_default();
        let number = JobNumber(shelf.last_key_value().map_or(1, |(last, _)| last.0 + 1));
        let job = Job { number, ..job };
        shelf.insert(number, Kept { job: job.clone(), upload: self.bytes.clone(), rejects: Vec::new() });
        Ok(job)
    }
}

impl ModelJobs {
    fn with<T>(
        &self,
        environment: EnvironmentId,
        job: JobNumber,
        work: impl FnOnce(&mut Kept) -> T,
    ) -> Result<T, StoreError> {
        let mut shelves = lock(&self.0);
        let kept = shelves.get_mut(&environment).and_then(|shelf| shelf.get_mut(&job));
        kept.map(work).ok_or_else(|| StoreError::Failed(format!("there is no job {job}")))
    }
}

fn check(environment: EnvironmentId) -> Result<(), StoreError> {
    if (1..=2).contains(&environment.0) { Ok(()) } else { Err(StoreError::NoEnvironment) }
}

fn copy(bytes: &[u8], offset: u64, buffer: &mut [u8]) -> usize {
    let rest = usize::try_from(offset).ok().and_then(|offset| bytes.get(offset..)).unwrap_or_default();
    let count = rest.len().min(buffer.len());
    buffer[..count].copy_from_slice(&rest[..count]);
    count
}

/// Scratch.
struct InMemory(Vec<u8>);

impl Scratch for InMemory {
    fn write(&mut self, offset: u64, bytes: &[u8]) -> Result<(), StoreError> {
        let end = usize::try_from(offset).unwrap_or(usize::MAX).saturating_add(bytes.len());
        self.0.resize(self.0.len().max(end), 0);
        self.0[end - bytes.len()..end].copy_from_slice(bytes);
        Ok(())
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<(), StoreError> {
        let wanted = buffer.len();
        let is_whole = copy(&self.0, offset, buffer) == wanted;
        is_whole.then_some(()).ok_or_else(|| StoreError::Failed("that was not written".to_owned()))
    }
}

impl Jobs for ModelJobs {
    fn begin_upload(&self, environment: EnvironmentId) -> Result<Box<dyn Upload>, StoreError> {
        check(environment)?;
        Ok(Box::new(Arriving { shelves: Arc::clone(&self.0), environment, bytes: Vec::new() }))
    }

    fn jobs(&self, environment: EnvironmentId) -> Result<Vec<Job>, StoreError> {
        check(environment)?;
        let shelves = lock(&self.0);
        let shelf = shelves.get(&environment);
        Ok(shelf.into_iter().flat_map(|shelf| shelf.values().rev().map(|kept| kept.job.clone())).collect())
    }

    fn save(&self, environment: EnvironmentId, job: &Job) -> Result<(), StoreError> {
        self.with(environment, job.number, |kept| {
            kept.job = job.clone();
            if job.status.is_ended() {
                kept.upload.clear();
            }
            if job.is_removed {
                kept.rejects.clear();
            }
        })
    }

    fn read_upload(
        &self,
        environment: EnvironmentId,
        job: JobNumber,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<usize, StoreError> {
        let read = self.with(environment, job, |kept| {
            (!kept.job.status.is_ended()).then(|| copy(&kept.upload, offset, buffer))
        });
        read?.ok_or_else(|| StoreError::Failed("the job has ended".to_owned()))
    }

    fn write_rejects(
        &self,
        environment: EnvironmentId,
        job: JobNumber,
        offset: u64,
        bytes: &[u8],
    ) -> Result<(), StoreError> {
        self.with(environment, job, |kept| {
            kept.rejects.resize(usize::try_from(offset).unwrap_or(usize::MAX), 0);
            kept.rejects.extend_from_slice(bytes);
        })
    }

    fn read_rejects(
        &self,
        environment: EnvironmentId,
        job: JobNumber,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<usize, StoreError> {
        self.with(environment, job, |kept| copy(&kept.rejects, offset, buffer))
    }

    fn scratch(&self, environment: EnvironmentId) -> Result<Box<dyn Scratch>, StoreError> {
        check(environment)?;
        Ok(Box::new(InMemory(Vec::new())))
    }
}
