//! Erasures: what is to be forgotten, and the proof that it is.

use std::future::Future;
use std::pin::Pin;

use crate::model::erasure::{ErasedKind, Erasure, ErasureRequest, WouldErase};
use crate::model::event::EventDraft;
use crate::model::id::{EnvironmentId, ErasureNumber, JobNumber};
use crate::model::time::Timestamp;

use super::error::StoreError;
use super::event_log::AppendError;
use super::profiles::ProfileKind;

/// An acceptance under way. Dropping it takes nothing back.
pub type Accepting = Pin<Box<dyn Future<Output = Result<Erasure, AppendError>> + Send>>;

/// How far a purge came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purged {
    /// Every one of them is complete and has its certificate.
    Completed,
    /// These jobs, accepted before, are still at work; everything else is purged.
    Waits(Vec<JobNumber>),
    /// It was asked to stop; the next purge goes on.
    Stopped,
}

/// What suppression leaves of an event that is to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admitted {
    /// All of it.
    Whole,
    /// What it says of its user: the company that it names is suppressed.
    WithoutCompany,
    /// Nothing: the user, or the company of an event about a company alone, is suppressed.
    Nothing,
}

impl Admitted {
    /// Of an event, when `suppresses` says so of a subject.
    pub fn of(event: &EventDraft, suppresses: impl Fn(ProfileKind, &str) -> bool) -> Admitted {
        let is_kept = |kind, id: &str| id.is_empty() || !suppresses(kind, id);
        let user = is_kept(ProfileKind::User, &event.user_id);
        let company = is_kept(ProfileKind::Company, &event.company_id);
        match (user, company) {
            (true, true) => Admitted::Whole,
            (true, false) if !event.user_id.is_empty() => Admitted::WithoutCompany,
            _ => Admitted::Nothing,
        }
    }
}

impl From<ErasedKind> for ProfileKind {
    fn from(kind: ErasedKind) -> Self {
        match kind {
            ErasedKind::Users => ProfileKind::User,
            ErasedKind::Companies => ProfileKind::Company,
        }
    }
}

/// Laws (law 6): an acceptance that resolves is durable, and from then on no read of this engine shows an event about the
/// ids that was received up to its position, nor a row about them of a job accepted before, nor anything folded from
/// them; events received later begin a new life. A purge survives any stop and may be run again. What is complete has a
/// certificate whose second look found nothing, and no id is kept but as a keyed hash.
pub trait Erasures: Send + Sync {
    /// Accepts an erasure. Makes it durable before it returns; the ids are hidden when the answer resolves.
    ///
    /// # Errors
    /// When it may not be durable.
    fn accept(&self, environment: EnvironmentId, request: ErasureRequest) -> Result<Accepting, StoreError>;

    /// Every accepted erasure, the newest first.
    ///
    /// # Errors
    /// When there is no such environment.
    fn erasures(&self, environment: EnvironmentId) -> Result<Vec<Erasure>, StoreError>;

    /// Purges these erasures together and issues their certificates. Takes as long as it takes: looks at `stop` often,
    /// and asks the clock through `now`.
    ///
    /// # Errors
    /// When a store fails, or the second look found something. Run it again.
    fn purge(
        &self,
        environment: EnvironmentId,
        numbers: &[ErasureNumber],
        now: &dyn Fn() -> Timestamp,
        stop: &dyn Fn() -> bool,
    ) -> Result<Purged, StoreError>;

    /// What the erasure of these ids would remove. Reads the whole log.
    ///
    /// # Errors
    /// As [`Erasures::erasures`], or when reading fails.
    fn would_erase(
        &self,
        environment: EnvironmentId,
        kind: ErasedKind,
        ids: &[String],
    ) -> Result<WouldErase, StoreError>;

    /// What would be stored of an event if it were appended now.
    ///
    /// # Errors
    /// As [`Erasures::erasures`].
    fn admits(&self, environment: EnvironmentId, event: &EventDraft) -> Result<Admitted, StoreError>;

    /// Whether a row of a job must not be written: an erasure that came after the job covers it, or its subject is
    /// suppressed.
    ///
    /// # Errors
    /// As [`Erasures::erasures`].
    fn withholds(
        &self,
        environment: EnvironmentId,
        job: JobNumber,
        event: &EventDraft,
    ) -> Result<bool, StoreError>;
}
