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
use muster_kernel::ports::{Scratch, StoreError, Upload};

use crate::disk::{Disk, DiskFile};
use crate::state_file::{FRESH, Kind, STATE, States};

mod erased;
mod scratch;

const KIND: Kind = Kind { name: "job", one: "a job", bytes_max: 1 << 20 };
const UPLOAD: &str = ".upload";
const REJECTS: &str = ".rejects.ndjson";
/// How often the free space is looked at while an upload arrives.
const ROOM_CHECK_BYTES: u64 = 16 << 20;

/// The jobs of one environment.
pub struct JobFiles(Arc<Shelf>);

struct Shelf {
    files: States,
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
        let files = States { kind: KIND, disk, directory: environment.join("jobs"), free_reserve_bytes };
        let (mut state, mut notes) = (State::default(), Vec::new());
        let names = files.names()?;
        for name in &names {
            let Some(number) = number_of(name) else { continue };
            state.last = state.last.max(number);
            if !name.ends_with(STATE) {
                continue;
            }
            match files.read(&files.path(name)) {
                Ok(job) => drop(state.jobs.insert(number, job)),
                Err(what) => notes.push(format!("{}: {what}", files.path(name).display())),
            }
        }
        for name in &names {
            if name == scratch::SCRATCH || is_left_over(name, &names, &state) {
                files.disk.remove(&files.path(name))?;
            }
        }
        let shelf = Shelf { files, state: Mutex::new(state) };
        Ok((JobFiles(Arc::new(shelf)), notes))
    }

    /// See the port.
    pub fn begin_upload(&self) -> Result<Box<dyn Upload>, StoreError> {
        let shelf = &self.0;
        let files = &shelf.files;
        files.disk.create_directory(&files.directory).map_err(|error| files.failed(error))?;
        files.check_room()?;
        let number = {
            let mut state = shelf.lock();
            state.last += 1;
            state.last
        };
        let file = files.disk.open(&shelf.path(number, UPLOAD), true);
        let file = file.map_err(|error| files.failed(error))?;
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
        shelf.files.write(job.number.0, job).map_err(|error| shelf.files.failed(error))?;
        shelf.lock().jobs.insert(job.number.0, job.clone());
        let unneeded = [(UPLOAD, job.status.is_ended()), (REJECTS, job.is_removed)];
        for (ending, _) in unneeded.into_iter().filter(|(_, is_unneeded)| *is_unneeded) {
            shelf.files.remove(&shelf.path(job.number.0, ending))?;
        }
        Ok(())
    }

    /// See the port.
    pub fn read_upload(&self, job: JobNumber, offset: u64, buffer: &mut [u8]) -> Result<usize, StoreError> {
        let files = &self.0.files;
        let file = files.disk.open(&self.0.path(job.0, UPLOAD), false);
        file.and_then(|file| file.read_at(buffer, offset)).map_err(|error| files.failed(error))
    }

    /// See the port.
    pub fn write_rejects(&self, job: JobNumber, offset: u64, bytes: &[u8]) -> Result<(), StoreError> {
        let shelf = &self.0;
        let files = &shelf.files;
        let write = || -> io::Result<()> {
            let file = files.disk.open(&shelf.path(job.0, REJECTS), true)?;
            file.set_length(offset)?;
            file.write_at(bytes, offset)?;
            file.sync()?;
            files.disk.sync_directory(&files.directory)
        };
        files.check_room()?;
        write().map_err(|error| files.failed(error))
    }

    /// See the port.
    pub fn read_rejects(&self, job: JobNumber, offset: u64, buffer: &mut [u8]) -> Result<usize, StoreError> {
        let files = &self.0.files;
        match files.disk.open(&self.0.path(job.0, REJECTS), false) {
            Ok(file) => file.read_at(buffer, offset).map_err(|error| files.failed(error)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(files.failed(error)),
        }
    }

    /// See the port.
    pub fn scratch(&self) -> Result<Box<dyn Scratch>, StoreError> {
        scratch::open(&self.0)
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

impl Shelf {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self, number: u32, ending: &str) -> PathBuf {
        self.files.path(&format!("{number}{ending}"))
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
            self.shelf.files.check_room()?;
            self.checked = self.bytes;
        }
        self.file.write_at(bytes, self.bytes).map_err(|error| self.shelf.files.failed(error))?;
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    fn keep(mut self: Box<Self>, job: Job) -> Result<Job, StoreError> {
        let job = Job { number: JobNumber(self.number), ..job };
        let files = &self.shelf.files;
        let kept = self.file.sync().and_then(|()| {
            // The directory itself may be new.
            files.directory.parent().map_or(Ok(()), |above| files.disk.sync_directory(above))?;
            files.disk.sync_directory(&files.directory)?;
            files.write(self.number, &job)
        });
        kept.map_err(|error| files.failed(error))?;
        self.shelf.lock().jobs.insert(self.number, job.clone());
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
            if let Err(error) = self.shelf.files.remove(&self.shelf.path(self.number, ending)) {
                tracing::warn!(%error, "what is left of an upload is removed at the next start");
            }
        }
    }
}
