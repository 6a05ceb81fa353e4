//! One live job as its own thread and the callers see it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use muster_kernel::model::id::EnvironmentId;
use muster_kernel::model::job::{Job, JobStatus, RowCounts};
use muster_kernel::model::problem::Problem;
use muster_kernel::ports::{Jobs, StoreError};

/// What is saved of a job, and what is known beyond that.
pub(super) struct Control {
    saved: Mutex<Job>,
    live: Mutex<Live>,
    /// Set with `saved.is_cancelled`, and taken back once the job ends anyhow.
    is_cancelled: AtomicBool,
    /// It was there when the server started.
    pub(super) is_found: bool,
}

struct Live {
    counts: RowCounts,
    reason: Option<Problem>,
    is_ending: bool,
}

impl Control {
    /// The control of a job that was there when the server started.
    pub(super) fn found(job: Job) -> Self {
        Control { is_found: true, ..Control::new(job) }
    }

    /// The control of a job as it was saved.
    pub(super) fn new(job: Job) -> Self {
        let live = Live { counts: job.counts.clone(), reason: None, is_ending: false };
        let is_cancelled = AtomicBool::new(job.is_cancelled);
        Control { saved: Mutex::new(job), live: Mutex::new(live), is_cancelled, is_found: false }
    }

    /// The job as it was saved.
    pub(super) fn saved(&self) -> Job {
        lock(&self.saved).clone()
    }

    /// The job as it stands now.
    pub(super) fn shown(&self) -> Job {
        let mut job = self.saved();
        if job.status.is_ended() {
            return job;
        }
        let live = lock(&self.live);
        job.counts.clone_from(&live.counts);
        job.reason.clone_from(&live.reason);
        if live.is_ending {
            job.status = JobStatus::PendingRefresh;
        }
        job
    }

    /// Whether somebody asked for the end.
    pub(super) fn is_cancelled(&self) -> bool {
        self.is_cancelled.load(Ordering::Acquire)
    }

    /// Changes the saved state; nothing is changed when that may not be durable.
    pub(super) fn change(
        &self,
        jobs: &dyn Jobs,
        environment: EnvironmentId,
        change: impl FnOnce(&mut Job),
    ) -> Result<(), StoreError> {
        let mut saved = lock(&self.saved);
        let mut job = saved.clone();
        change(&mut job);
        jobs.save(environment, &job)?;
        if job.is_cancelled && !saved.is_cancelled && !lock(&self.live).is_ending {
            self.is_cancelled.store(true, Ordering::Release);
        }
        *saved = job;
        Ok(())
    }

    /// Shows how far the job is.
    pub(super) fn show(&self, counts: &RowCounts) {
        lock(&self.live).counts.clone_from(counts);
    }

    /// Shows what keeps the job from going on.
    pub(super) fn waits_for(&self, reason: Option<Problem>) {
        let mut live = lock(&self.live);
        if live.reason != reason {
            live.reason = reason;
        }
    }

    /// From here on the job comes to its end, whatever anybody asks for.
    pub(super) fn begin_end(&self) {
        lock(&self.live).is_ending = true;
        self.is_cancelled.store(false, Ordering::Release);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
