//! Bulk uploads and imports at work, off the threads that answer.
//!
//! [`Runner`] is what the HTTP edge knows: it admits uploads, starts their jobs, shows them and cancels them. Each job
//! that runs has a thread of its own at background priority (`work`); how many run at once is a setting. Everything
//! that must survive is in the engine (`kernel::ports::Jobs`) before anybody is told of it. It never answers HTTP and
//! never names an engine.

mod agents;
mod control;
mod file;
mod rejects;
mod repeats;
mod rows;
mod settings;
mod table;
mod tally;
mod work;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use muster_kernel::model::id::{EnvironmentId, JobId, JobNumber, KeyId};
use muster_kernel::model::job::{Checkpoint, Job, JobKind, JobStatus, RowCounts, UploadGuard};
use muster_kernel::model::problem::{Problem, ProblemCode};
use muster_kernel::ports::{Catalog, Clock, Erasures, EventLog, Jobs, Profiles, StoreError, Upload};

pub use settings::{JobSettings, Limits};
pub use tally::{RowSums, RowTally};

use control::Control;
use work::Halt;

use crate::http::Random;
use crate::turns::Turns;

/// How long a job waits before it tries again what was refused.
const REST: Duration = Duration::from_secs(1);

/// What jobs work with.
#[derive(Clone)]
pub struct Parts {
    /// Where rows go.
    pub log: Arc<dyn EventLog>,
    /// Users and companies, for room and dry runs.
    pub profiles: Arc<dyn Profiles>,
    /// Uploads and states.
    pub jobs: Arc<dyn Jobs>,
    /// Environments.
    pub catalog: Arc<dyn Catalog>,
    /// What must not be written any more.
    pub erasures: Arc<dyn Erasures>,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// The source of ids.
    pub random: Random,
    /// Lowers the priority of the thread that calls it.
    pub yield_to_others: fn(),
}

/// Why an upload is not taken, or a job not changed.
#[derive(Debug)]
pub enum JobError {
    /// Another one of its family is under way.
    Running,
    /// No such job.
    Unknown,
    /// It has ended.
    Ended,
    /// The engine did not do it.
    Store(StoreError),
}

impl From<StoreError> for JobError {
    fn from(error: StoreError) -> Self {
        JobError::Store(error)
    }
}

/// What an upload says of itself.
#[derive(Clone, Debug)]
pub struct Sent {
    /// What its rows are.
    pub kind: JobKind,
    /// Who sends it.
    pub key: KeyId,
    /// Whether nothing is to be written.
    pub dry_run: bool,
    /// Whether it is one JSON document.
    pub is_document: bool,
    /// Its name.
    pub filename: String,
    /// Its length.
    pub file_bytes: u64,
    /// What makes it recognisable.
    pub guard: Option<UploadGuard>,
}

/// Whether an upload may come.
pub enum Admission {
    /// It may; nobody else may until the place is given back.
    New(Place),
    /// One with the same `Idempotency-Key` came before: this is its job.
    Known(Box<Job>),
}

/// The right to upload, for one at a time.
pub struct Place {
    inner: Arc<Inner>,
    environment: EnvironmentId,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut arriving = self.inner.arriving.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = arriving.get_mut(&self.environment) {
            *count = count.saturating_sub(1);
        }
    }
}

/// The jobs of a server.
pub struct Runner(Arc<Inner>);

pub(crate) struct Inner {
    parts: Parts,
    settings: JobSettings,
    tally: RowTally,
    /// Uploads on their way into each environment.
    arriving: Mutex<HashMap<EnvironmentId, usize>>,
    turns: Turns<Name, Control>,
}

type Name = (EnvironmentId, JobNumber);

impl Runner {
    /// A runner that has not begun.
    pub fn new(parts: Parts, settings: JobSettings) -> Runner {
        let turns = Turns::new(settings.running_max);
        let inner = Inner { parts, settings, tally: RowTally::default(), arriving: Mutex::default(), turns };
        Runner(Arc::new(inner))
    }

    /// Goes on with every job that has not ended. Called once, when everybody who counts rows does so.
    ///
    /// # Errors
    /// When the jobs cannot be read.
    pub fn go_on(&self) -> Result<(), StoreError> {
        for environment in &self.0.parts.catalog.state().environments {
            let jobs = self.0.parts.jobs.jobs(environment.id)?;
            for job in jobs.into_iter().rev().filter(|job| !job.status.is_ended()) {
                self.0.enqueue(environment.id, Control::found(job));
            }
        }
        Ok(())
    }

    /// Lets every job come to a halt and waits for it. They go on at the next start.
    pub fn stop(&self) {
        if !self.0.turns.stop(|_| {}) {
            tracing::error!("a job's thread had failed before it was stopped");
        }
    }

    /// The operator's choices.
    pub fn settings(&self) -> &JobSettings {
        &self.0.settings
    }

    /// Rows that were handed to the log since the start.
    pub fn rows(&self, environment: EnvironmentId) -> RowSums {
        self.0.tally.sums(environment)
    }

    /// Asks whether an upload may come. `guard` is the hash of its `Idempotency-Key`.
    ///
    /// # Errors
    /// When another one is under way, or the jobs cannot be read.
    pub fn admit(&self, environment: EnvironmentId, guard: Option<[u8; 16]>) -> Result<Admission, JobError> {
        // Under the lock: an upload that becomes a job meanwhile is seen as one or the other.
        let mut arriving = self.0.arriving.lock().unwrap_or_else(PoisonError::into_inner);
        let jobs = self.0.parts.jobs.jobs(environment)?;
        let same = |job: &&Job| job.guard.is_some_and(|known| guard == Some(known.key));
        if let Some(known) = jobs.iter().find(same) {
            drop(arriving);
            return Ok(Admission::Known(Box::new(self.0.shown(environment, known.clone()))));
        }
        let is_busy = jobs.iter().any(|job| !job.status.is_ended());
        let count = arriving.entry(environment).or_default();
        if self.0.settings.one_at_a_time && (is_busy || *count > 0) {
            return Err(JobError::Running);
        }
        *count += 1;
        drop(arriving);
        Ok(Admission::New(Place { inner: Arc::clone(&self.0), environment }))
    }

    /// Begins to take the upload of a place.
    ///
    /// # Errors
    /// When there is no room.
    pub fn begin_upload(&self, place: &Place) -> Result<Box<dyn Upload>, StoreError> {
        self.0.parts.jobs.begin_upload(place.environment)
    }

    /// Makes an upload a job, durably, and starts it.
    ///
    /// # Errors
    /// When it may not be durable; it is no job then.
    pub fn submit(&self, place: Place, upload: Box<dyn Upload>, sent: Sent) -> Result<Job, StoreError> {
        let (parts, environment) = (&self.0.parts, place.environment);
        let state = parts.catalog.state();
        let entry = state.environment(environment).ok_or(StoreError::NoEnvironment)?;
        let position = parts.log.visible(environment)?;
        let job = Job {
            number: JobNumber(0),
            id: format!("{}:jobs:{}:{}", sent.kind.id_prefix(), entry.app_token, draw_uuid(&parts.random)),
            kind: sent.kind,
            status: JobStatus::Queued,
            key: sent.key,
            settings: entry.settings,
            dry_run: sent.dry_run,
            is_document: sent.is_document,
            filename: sent.filename,
            file_bytes: sent.file_bytes,
            submitted_at: parts.clock.now(),
            started_at: None,
            ended_at: None,
            total_rows: None,
            counts: RowCounts::default(),
            checkpoint: Checkpoint { position, ..Checkpoint::default() },
            guard: sent.guard,
            is_cancelled: false,
            reason: None,
            is_removed: false,
        };
        let job = upload.keep(job)?;
        self.0.enqueue(environment, Control::new(job.clone()));
        Ok(job)
    }

    /// Every job of an environment as it stands now, the newest first; not those that ended too long ago.
    ///
    /// # Errors
    /// When the jobs cannot be read.
    pub fn jobs(&self, environment: EnvironmentId) -> Result<Vec<Job>, StoreError> {
        let mut jobs = self.0.parts.jobs.jobs(environment)?;
        jobs.retain(|job| !self.0.is_old(job));
        Ok(jobs.into_iter().map(|job| self.0.shown(environment, job)).collect())
    }

    /// As [`Runner::jobs`], with those that ended long ago: what became of their rows is told for good.
    ///
    /// # Errors
    /// When the jobs cannot be read.
    pub fn accounts(&self, environment: EnvironmentId) -> Result<Vec<Job>, StoreError> {
        let jobs = self.0.parts.jobs.jobs(environment)?;
        Ok(jobs.into_iter().map(|job| self.0.shown(environment, job)).collect())
    }

    /// Removes the files and the name of every job that ended too long ago. Called now and then; until then such a job
    /// is only not shown.
    ///
    /// # Errors
    /// When a job cannot be read or changed; the others wait for the next call.
    pub fn remove_old(&self) -> Result<(), StoreError> {
        for environment in &self.0.parts.catalog.state().environments {
            for mut job in self.0.parts.jobs.jobs(environment.id)? {
                if job.is_removed || !self.0.is_old(&job) {
                    continue;
                }
                job.is_removed = true;
                // It may be somebody's.
                job.filename.clear();
                self.0.parts.jobs.save(environment.id, &job)?;
            }
        }
        Ok(())
    }

    /// One job as it stands now.
    ///
    /// # Errors
    /// When there is none, or the jobs cannot be read.
    pub fn job(&self, environment: EnvironmentId, id: &JobId) -> Result<Job, JobError> {
        let jobs = self.0.parts.jobs.jobs(environment)?;
        let known = jobs.into_iter().find(|job| job.id == id.as_str() && !self.0.is_old(job));
        let known = known.ok_or(JobError::Unknown)?;
        Ok(self.0.shown(environment, known))
    }

    /// Rejected rows that belong to what a job shows.
    ///
    /// # Errors
    /// When reading fails.
    pub fn read_rejects(
        &self,
        environment: EnvironmentId,
        job: &Job,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<usize, StoreError> {
        let left = job.checkpoint.rejects_bytes.saturating_sub(offset);
        let wanted = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        self.0.parts.jobs.read_rejects(environment, job.number, offset, &mut buffer[..wanted])
    }

    /// Asks for the end of a job; durable when it returns. What the job has stored stays.
    ///
    /// # Errors
    /// When there is none, it has ended, or the request may not be durable.
    pub fn cancel(&self, environment: EnvironmentId, id: &JobId) -> Result<Job, JobError> {
        let job = self.job(environment, id)?;
        let control = self.0.turns.live((environment, job.number));
        let control = control.filter(|_| !job.status.is_ended()).ok_or(JobError::Ended)?;
        control.change(&*self.0.parts.jobs, environment, |job| job.is_cancelled = true)?;
        self.0.turns.ring();
        Ok(self.0.shown(environment, control.saved()))
    }
}

/// Draws a version 4 UUID (RFC 9562).
pub(crate) fn draw_uuid(random: &Random) -> String {
    let mut bytes = [0; 16];
    random(&mut bytes);
    let number = u128::from_be_bytes(bytes) & !(0xf << 76) | (4 << 76);
    let number = number & !(0b11 << 62) | (0b10 << 62);
    let text = format!("{number:032x}");
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|range| text.get(range).unwrap_or_default());
    parts.join("-")
}

impl Inner {
    /// Whether a job ended so long ago that nobody sees it any more.
    fn is_old(&self, job: &Job) -> bool {
        let kept_until = job.ended_at.map(|end| end.plus(self.settings.keep()));
        job.is_removed || kept_until.is_some_and(|until| until <= self.parts.clock.now())
    }

    /// A job as it stands now: what is saved, and how far it is beyond that.
    fn shown(&self, environment: EnvironmentId, job: Job) -> Job {
        match self.turns.live((environment, job.number)) {
            Some(control) => control.shown(),
            None => job,
        }
    }

    fn enqueue(self: &Arc<Self>, environment: EnvironmentId, control: Control) {
        let (name, inner) = ((environment, control.saved().number), Arc::clone(self));
        let start = || {
            std::thread::Builder::new().name("muster-job".to_owned()).spawn(move || {
                (inner.parts.yield_to_others)();
                inner.work();
            })
        };
        if let Err(error) = self.turns.enter(name, control, start) {
            tracing::error!(%error, "a job waits because a thread cannot be started");
        }
    }

    fn work(&self) {
        let run = |name: Name, control: &Control| {
            work::run(self, name.0, control);
            control.saved().status.is_ended()
        };
        self.turns.work(run, |name, control| {
            tracing::error!(job = name.1.0, "a job panicked; it goes on at the next start");
            let message = "The server failed on this job; its log says why.";
            control.waits_for(Some(Problem::of_call(ProblemCode::Internal, message)));
        });
    }

    /// Whether a job may go on.
    fn check(&self, control: &Control) -> Result<(), Halt> {
        if self.turns.is_stopping() {
            return Err(Halt::Stopped);
        }
        if control.is_cancelled() { Err(Halt::Cancelled) } else { Ok(()) }
    }

    /// Waits for a while.
    fn rest(&self, control: &Control) -> Result<(), Halt> {
        self.turns.rest(REST, || !control.is_cancelled());
        self.check(control)
    }
}
