//! The jobs of an environment on disk (docs/FORMAT.md, "Jobs"): for job N the files `N.json`, `N.upload` and
//! `N.rejects.ndjson` in `jobs/`.
//!
//! An upload is a job from the moment on that `N.json` has its name: it is written last, after the upload is durable.
//! What a process left behind without one is removed at the next start. The states are held in memory as well; they are
//! a few hundred bytes each.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use muster_kernel::model::id::JobNumber;
use muster_kernel::model::job::Job;
use muster_kernel::ports::{Refusal, StoreError, Upload};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::disk::{Disk, DiskFile};

mod erased;

const FORMAT: u32 = 1;
const STATE: &str = ".json";
const FRESH: &str = ".json.new";
const UPLOAD: &str = ".upload";
const REJECTS: &str = ".rejects.ndjson";
/// The state of a job larger than this is damage.
const STATE_BYTES_MAX: u64 = 1 << 20;
/// How often the free space is looked at while an upload arrives.
const ROOM_CHECK_BYTES: u64 = 16 << 20;

#[derive(Serialize, Deserialize)]
struct Envelope<'a> {
    format: u32,
    crc32: u32,
    #[serde(borrow)]
    job: &'a RawValue,
}

/// The jobs of one environment.
pub struct JobFiles(Arc<Shelf>);

struct Shelf {
    disk: Arc<dyn Disk>,
    directory: PathBuf,
    free_reserve_bytes: u64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    last: u32,
    jobs: BTreeMap<u32, Job>,
}

impl JobFiles {
    /// Reads the states below an environment's directory and removes what never became a job. Answers as well what
    /// could not be read, for the operator.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn open(
        disk: Arc<dyn Disk>,
        environment: &Path,
        free_reserve_bytes: u64,
    ) -> io::Result<(JobFiles, Vec<String>)> {
        let directory = environment.join("jobs");
        let (mut state, mut notes) = (State::default(), Vec::new());
        let names = match disk.list(&directory) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            names => names.unwrap_or_default(),
        };
        for name in &names {
            let Some(number) = number_of(name) else { continue };
            state.last = state.last.max(number);
            if !name.ends_with(STATE) {
                continue;
            }
            match read_state(disk.as_ref(), &directory.join(name)) {
                Ok(job) => drop(state.jobs.insert(number, job)),
                Err(what) => notes.push(format!("{}: {what}", directory.join(name).display())),
            }
        }
        for name in &names {
            if is_left_over(name, &names, &state) {
                disk.remove(&directory.join(name))?;
            }
        }
        let shelf = Shelf { disk, directory, free_reserve_bytes, state: Mutex::new(state) };
        Ok((JobFiles(Arc::new(shelf)), notes))
    }

    /// See the port.
    pub fn begin_upload(&self) -> Result<Box<dyn Upload>, StoreError> {
        let shelf = &self.0;
        shelf.disk.create_directory(&shelf.directory).map_err(failed)?;
        shelf.check_room()?;
        let number = {
            let mut state = shelf.lock();
            state.last += 1;
            state.last
        };
        let file = shelf.disk.open(&shelf.path(number, UPLOAD), true).map_err(failed)?;
        let arriving =
            Arriving { shelf: Arc::clone(shelf), number, file, bytes: 0, checked: 0, is_kept: false };
        Ok(Box::new(arriving))
    }

    /// Every job, the newest first.
    pub fn jobs(&self) -> Vec<Job> {
        self.0.lock().jobs.values().rev().cloned().collect()
    }

    /// See the port.
    pub fn save(&self, job: &Job) -> Result<(), StoreError> {
        let shelf = &self.0;
        if !shelf.lock().jobs.contains_key(&job.number.0) {
            return Err(StoreError::Failed(format!("there is no job {}", job.number)));
        }
        shelf.write_state(job).map_err(failed)?;
        shelf.lock().jobs.insert(job.number.0, job.clone());
        let unneeded = [(UPLOAD, job.status.is_ended()), (REJECTS, job.is_removed)];
        for (ending, _) in unneeded.into_iter().filter(|(_, is_unneeded)| *is_unneeded) {
            match shelf.disk.remove(&shelf.path(job.number.0, ending)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
                _ => {}
            }
        }
        Ok(())
    }

    /// See the port.
    pub fn read_upload(&self, job: JobNumber, offset: u64, buffer: &mut [u8]) -> Result<usize, StoreError> {
        let file = self.0.disk.open(&self.0.path(job.0, UPLOAD), false).map_err(failed)?;
        file.read_at(buffer, offset).map_err(failed)
    }

    /// See the port.
    pub fn write_rejects(&self, job: JobNumber, offset: u64, bytes: &[u8]) -> Result<(), StoreError> {
        let shelf = &self.0;
        let write = || -> io::Result<()> {
            let file = shelf.disk.open(&shelf.path(job.0, REJECTS), true)?;
            file.set_length(offset)?;
            file.write_at(bytes, offset)?;
            file.sync()?;
            shelf.disk.sync_directory(&shelf.directory)
        };
        shelf.check_room()?;
        write().map_err(failed)
    }

    /// See the port.
    pub fn read_rejects(&self, job: JobNumber, offset: u64, buffer: &mut [u8]) -> Result<usize, StoreError> {
        match self.0.disk.open(&self.0.path(job.0, REJECTS), false) {
            Ok(file) => file.read_at(buffer, offset).map_err(failed),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(failed(error)),
        }
    }
}

/// Whether a file belongs to no job, or to one that needs it no more.
fn is_left_over(name: &str, names: &[String], state: &State) -> bool {
    let Some(number) = number_of(name) else { return false };
    let has_state = names.iter().any(|other| *other == format!("{number}{STATE}"));
    let is = |what: fn(&Job) -> bool| state.jobs.get(&number).is_some_and(what);
    let is_unneeded = is(|job| job.status.is_ended()) && name.ends_with(UPLOAD)
        || is(|job| job.is_removed) && name.ends_with(REJECTS);
    name.ends_with(FRESH) || !has_state || is_unneeded
}

fn number_of(name: &str) -> Option<u32> {
    let (number, ending) = name.split_at(name.find('.')?);
    [STATE, FRESH, UPLOAD, REJECTS].contains(&ending).then(|| number.parse().ok()).flatten()
}

fn failed(error: io::Error) -> StoreError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::Refused(Refusal::DiskFull),
        _ => StoreError::Failed(format!("a file of a job: {error}")),
    }
}

fn read_state(disk: &dyn Disk, path: &Path) -> Result<Job, String> {
    let read = || -> io::Result<Vec<u8>> {
        let file = disk.open(path, false)?;
        let length = file.length()?;
        if length > STATE_BYTES_MAX {
            return Err(io::Error::other("it is larger than the state of any job"));
        }
        let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
        file.read_at(&mut bytes, 0)?;
        Ok(bytes)
    };
    let bytes = read().map_err(|error| format!("the job cannot be read: {error}"))?;
    let envelope: Envelope<'_> =
        serde_json::from_slice(&bytes).map_err(|error| format!("the job is damaged: {error}"))?;
    if envelope.format != FORMAT {
        return Err(format!("the job has format {}, this program reads {FORMAT}", envelope.format));
    }
    if crc32fast::hash(envelope.job.get().as_bytes()) != envelope.crc32 {
        return Err("the job is damaged: its checksum does not match".to_owned());
    }
    serde_json::from_str(envelope.job.get()).map_err(|error| format!("the job is damaged: {error}"))
}

impl Shelf {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self, number: u32, ending: &str) -> PathBuf {
        self.directory.join(format!("{number}{ending}"))
    }

    fn check_room(&self) -> Result<(), StoreError> {
        match self.disk.free_bytes(&self.directory) {
            Ok(free) if free < self.free_reserve_bytes => Err(StoreError::Refused(Refusal::DiskFull)),
            // Not knowing is no reason to refuse: a full disk still answers the write itself.
            _ => Ok(()),
        }
    }

    fn write_state(&self, job: &Job) -> io::Result<()> {
        let text = RawValue::from_string(serde_json::to_string(job)?)?;
        let crc32 = crc32fast::hash(text.get().as_bytes());
        let bytes = serde_json::to_vec(&Envelope { format: FORMAT, crc32, job: &text })?;
        let fresh = self.path(job.number.0, FRESH);
        let file = self.disk.open(&fresh, true)?;
        file.set_length(0)?;
        file.write_at(&bytes, 0)?;
        file.sync()?;
        drop(file);
        self.disk.rename(&fresh, &self.path(job.number.0, STATE))?;
        self.disk.sync_directory(&self.directory)
    }
}

/// An upload on its way.
struct Arriving {
    shelf: Arc<Shelf>,
    number: u32,
    file: Box<dyn DiskFile>,
    bytes: u64,
    /// How many bytes there were at the last look at the free space.
    checked: u64,
    is_kept: bool,
}

impl Upload for Arriving {
    fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        if self.bytes - self.checked >= ROOM_CHECK_BYTES {
            self.shelf.check_room()?;
            self.checked = self.bytes;
        }
        self.file.write_at(bytes, self.bytes).map_err(failed)?;
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    fn keep(mut self: Box<Self>, job: Job) -> Result<Job, StoreError> {
        let job = Job { number: JobNumber(self.number), ..job };
        let shelf = &self.shelf;
        let kept = self.file.sync().and_then(|()| {
            // The directory itself may be new.
            shelf.directory.parent().map_or(Ok(()), |above| shelf.disk.sync_directory(above))?;
            shelf.disk.sync_directory(&shelf.directory)?;
            shelf.write_state(&job)
        });
        kept.map_err(failed)?;
        shelf.lock().jobs.insert(self.number, job.clone());
        self.is_kept = true;
        Ok(job)
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        if self.is_kept {
            return;
        }
        // The state first: with it, what is left of the upload would be a job.
        for ending in [STATE, FRESH, UPLOAD] {
            match self.shelf.disk.remove(&self.shelf.path(self.number, ending)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    tracing::warn!(%error, "what is left of an upload is removed at the next start");
                }
                _ => {}
            }
        }
    }
}
