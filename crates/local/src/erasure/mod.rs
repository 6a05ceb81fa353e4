//! Erasing users and companies (law 6): from the acceptance to the certificate.
//!
//! An acceptance is a file that names the ids, made durable first, and then a mark in the log that names the file: its
//! position says exactly what came before. The fold thread meets the mark between two events, drops what the overlay
//! holds of the ids, and masks what lies below it; from then on nobody sees them, and whoever folds the log again after a
//! stop comes to the same. The purge (`purge`) then takes them out of every place that holds personal data (`places`),
//! looks again, and replaces the ids in the file by keyed hashes.
//!
//! A later place, such as files of history, joins by implementing [`places::Place`].

mod files;
mod log_place;
pub(crate) mod places;
mod purge;
mod sieve;
mod would;

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

use muster_kernel::model::erasure::{Erasure, ErasureRequest};
use muster_kernel::model::event::{Event, EventDraft};
use muster_kernel::model::id::{ErasureNumber, JobNumber, Position};
use muster_kernel::model::job::JobStatus;
use muster_kernel::ports::{Accepting, Admitted, AppendError, ProfileKind, StoreError};
use sha2::{Digest, Sha256};

use crate::disk::{Disk, RealDisk};
use crate::environment::Environment;
use crate::log::reader::FrameCursor;
use crate::log::segment::Segments;
use crate::log::writer::Random;

use files::Files;
pub use sieve::{Left, Sieve, Subjects};

/// The first half of a keyed hash.
type Hash = [u8; 16];

/// The erasures of one environment.
pub struct Registry {
    files: Files,
    random: Random,
    key: OnceLock<[u8; 32]>,
    state: RwLock<State>,
    /// Whether any id is suppressed: asked on every write.
    suppresses: AtomicBool,
    /// Whether any erasure is under way: asked for every event that is folded.
    sifts: AtomicBool,
    /// One purge at a time.
    purging: Mutex<()>,
    /// One change of a file at a time: an older state must not overwrite the one that has forgotten the ids.
    saving: Mutex<()>,
}

#[derive(Default)]
struct State {
    all: BTreeMap<u32, Erasure>,
    last: u32,
    sieve: Sieve,
    suppressed: HashSet<Hash>,
}

impl Registry {
    /// Reads what is below an environment's directory.
    ///
    /// # Errors
    /// When it cannot be read: what is not known to be erased would be shown again.
    pub fn open(disk: Arc<dyn Disk>, environment: &Path, random: Random) -> io::Result<Registry> {
        let files = Files::new(disk, environment);
        let all = files.read(true)?;
        let key = files.key()?.map_or_else(OnceLock::new, OnceLock::from);
        let pending = all.values().filter(|erasure| !erasure.status.is_ended());
        let sieve = Sieve::new(pending.map(Subjects::of).collect());
        let hashes = all.values().filter(|erasure| erasure.suppress).flat_map(|erasure| &erasure.hashes);
        let suppressed: HashSet<Hash> = hashes.filter_map(|hash| hash_of_text(hash)).collect();
        let suppresses = AtomicBool::new(!suppressed.is_empty());
        let last = all.keys().next_back().copied().unwrap_or_default();
        let sifts = AtomicBool::new(!sieve.is_empty());
        let state = RwLock::new(State { all, last, sieve, suppressed });
        Ok(Registry {
            files,
            random,
            key,
            state,
            suppresses,
            sifts,
            purging: Mutex::default(),
            saving: Mutex::default(),
        })
    }

    /// The erasures that are not complete.
    pub fn sieve(&self) -> Sieve {
        self.read().sieve.clone()
    }

    /// What is left of an event, in the eyes of the fold thread.
    pub fn left(&self, position: Position, event: &Event<'_>) -> Left {
        if !self.sifts.load(Ordering::Acquire) {
            return Left::Whole;
        }
        self.read().sieve.left(position, event)
    }

    /// The mark of an erasure was met in the log: it holds from here on.
    pub fn begin(&self, number: u32, position: Position) -> Option<Arc<Subjects>> {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let known = state.all.get_mut(&number).filter(|erasure| !erasure.status.is_ended())?;
        known.position = Some(position);
        let subjects = state.sieve.each().find(|subjects| subjects.number == number)?.clone();
        subjects.begin(position);
        Some(subjects)
    }

    /// Every erasure that stands in the log, the newest first.
    pub fn all(&self) -> Vec<Erasure> {
        self.read().all.values().rev().filter(|erasure| erasure.position.is_some()).cloned().collect()
    }

    /// Erasures whose mark was not met.
    fn unmarked(&self) -> Vec<u32> {
        let state = self.read();
        state
            .all
            .iter()
            .filter(|(_, erasure)| erasure.position.is_none())
            .map(|(number, _)| *number)
            .collect()
    }

    /// Encodes an event, or what is left of it when its company is suppressed. Answers whether anything is.
    pub fn admit(&self, draft: &EventDraft, out: &mut Vec<u8>) -> bool {
        match self.admits(draft) {
            Admitted::Whole => draft.encode(out),
            Admitted::WithoutCompany => {
                let mut draft = draft.clone();
                draft.drop_company();
                draft.encode(out);
            }
            Admitted::Nothing => return false,
        }
        true
    }

    /// What would be stored of an event.
    pub fn admits(&self, draft: &EventDraft) -> Admitted {
        if !self.suppresses.load(Ordering::Acquire) {
            return Admitted::Whole;
        }
        Admitted::of(draft, |kind, id| self.suppresses(kind, id))
    }

    /// Whether writes about an id are refused.
    pub fn suppresses(&self, kind: ProfileKind, id: &str) -> bool {
        self.suppresses.load(Ordering::Acquire)
            && self.key.get().is_some_and(|key| self.read().suppressed.contains(&hash(key, kind, id)))
    }

    /// Whether a row of a job must not be written.
    pub fn withholds(&self, job: JobNumber, event: &EventDraft) -> bool {
        let (kind, id) = match event.user_id.as_str() {
            "" => (ProfileKind::Company, &event.company_id),
            _ => (ProfileKind::User, &event.user_id),
        };
        // Behind every position: only as a row of a job that came before.
        self.read().sieve.covers(kind, id, Position(u64::MAX), Some(job)) || self.suppresses(kind, id)
    }

    /// Makes an acceptance durable; it holds once its mark is met in the log.
    fn prepare(
        &self,
        request: ErasureRequest,
        jobs: Vec<JobNumber>,
        jobs_until: JobNumber,
        profiles: u64,
    ) -> io::Result<Erasure> {
        let key = self.key()?;
        let kind = request.kind.into();
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.last += 1;
        let erasure = Erasure {
            number: ErasureNumber(state.last),
            id: request.id,
            kind: request.kind,
            suppress: request.suppress,
            key: request.key,
            by: request.by,
            accepted_at: request.accepted_at,
            due_at: request.due_at,
            promised_at: request.promised_at,
            position: None,
            status: JobStatus::Queued,
            started_at: None,
            ended_at: None,
            hashes: request.ids.iter().map(|id| text_of_hash(&hash(&key, kind, id))).collect(),
            ids: request.ids,
            jobs,
            jobs_until,
            profiles,
            counted: None,
            certificate: None,
        };
        state.all.insert(erasure.number.0, erasure.clone());
        drop(state);
        self.files.write(&erasure).inspect_err(|_| self.forget(erasure.number.0))?;
        Ok(erasure)
    }

    /// Called where no write can come between: from here on what is suppressed is refused.
    fn arm(&self, erasure: &Erasure) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.sieve = state.sieve.with(Subjects::of(erasure));
        self.sifts.store(true, Ordering::Release);
        if erasure.suppress {
            state.suppressed.extend(erasure.hashes.iter().filter_map(|hash| hash_of_text(hash)));
            self.suppresses.store(true, Ordering::Release);
        }
    }

    /// An acceptance came to nothing, certainly.
    fn withdraw(&self, number: u32) {
        self.forget(number);
        if let Err(error) = self.files.remove(number) {
            tracing::warn!(%error, "what is left of a refused erasure is removed at the next start");
        }
    }

    fn forget(&self, number: u32) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.all.remove(&number);
        state.sieve = state.sieve.without(number);
        self.sifts.store(!state.sieve.is_empty(), Ordering::Release);
        let hashes =
            state.all.values().filter(|erasure| erasure.suppress).flat_map(|erasure| &erasure.hashes);
        state.suppressed = hashes.filter_map(|hash| hash_of_text(hash)).collect();
        self.suppresses.store(!state.suppressed.is_empty(), Ordering::Release);
    }

    /// Keeps an erasure as it stands now.
    fn save(&self, number: u32, change: impl FnOnce(&mut Erasure)) -> io::Result<Erasure> {
        let _one_at_a_time = self.saving.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(mut erasure) = self.read().all.get(&number).cloned() else {
            return Err(io::Error::new(io::ErrorKind::NotFound, "no such erasure"));
        };
        change(&mut erasure);
        self.files.write(&erasure)?;
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.all.insert(number, erasure.clone());
        if erasure.status.is_ended() {
            state.sieve = state.sieve.without(number);
            self.sifts.store(!state.sieve.is_empty(), Ordering::Release);
        }
        Ok(erasure)
    }

    /// Settles, at a start and after the replay, what stands in the log and what never came to it.
    ///
    /// # Errors
    /// When the log cannot be read, or the outcome may not be durable.
    pub fn settle(&self, segments: &Segments) -> io::Result<()> {
        let marked = self.marks(segments)?;
        for number in self.unmarked() {
            match marked.get(&number) {
                Some(position) => {
                    self.begin(number, *position);
                }
                // Nobody was told that it was accepted.
                None => self.withdraw(number),
            }
        }
        let pending: Vec<u32> = self.read().sieve.each().map(|subjects| subjects.number).collect();
        for number in pending {
            self.save(number, |_| {})?;
        }
        Ok(())
    }

    /// Makes durable where each erasure stands in the log: its mark may go with the records before a base.
    ///
    /// # Errors
    /// When that may not be durable.
    pub fn keep_positions(&self) -> io::Result<()> {
        let pending: Vec<u32> = self.read().sieve.each().map(|subjects| subjects.number).collect();
        pending.into_iter().try_for_each(|number| self.save(number, |_| {}).map(drop))
    }

    /// Looks for the marks that the replay did not come by. There is hardly ever one: the process must have ended between
    /// the mark and the note of its position.
    fn marks(&self, segments: &Segments) -> io::Result<BTreeMap<u32, Position>> {
        let (unmarked, mut marked) = (self.unmarked(), BTreeMap::new());
        if unmarked.is_empty() {
            return Ok(marked);
        }
        for segment in segments.all() {
            let mut cursor = FrameCursor::at_start(segment);
            while let Some(frame) = cursor.next_frame()? {
                if let Some(number) = frame.erasure().filter(|number| unmarked.contains(number)) {
                    marked.insert(number, frame.position);
                }
            }
        }
        Ok(marked)
    }

    /// The key of the hashes; drawn when there is none yet.
    fn key(&self) -> io::Result<[u8; 32]> {
        if let Some(key) = self.key.get() {
            return Ok(*key);
        }
        // Two first acceptances must not draw two keys.
        let _one_at_a_time = self.purging();
        if let Some(key) = self.key.get() {
            return Ok(*key);
        }
        let mut key = [0; 32];
        (self.random)(&mut key);
        self.files.write_key(&key)?;
        Ok(*self.key.get_or_init(|| key))
    }

    /// Held while a purge runs, and by whoever cannot have one meanwhile.
    pub(crate) fn purging(&self) -> MutexGuard<'_, ()> {
        self.purging.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes over the key of another directory of the same environment.
    ///
    /// # Errors
    /// When there is another one, or it may not be durable.
    pub fn take_key(&self, key: &[u8; 32]) -> io::Result<()> {
        let _one_at_a_time = self.purging();
        if self.key.get().is_none() {
            self.files.write_key(key)?;
        }
        if self.key.get_or_init(|| *key) == key {
            return Ok(());
        }
        Err(io::Error::other("its erasures have another key: it is not the directory that was backed up"))
    }

    /// Keeps the hashes of ids that an erasure done again did not find here: its suppression covers them as well.
    ///
    /// # Errors
    /// When that may not be durable.
    pub fn take_hashes(&self, number: ErasureNumber, hashes: Vec<String>) -> io::Result<()> {
        let erasure = self.save(number.0, |erasure| erasure.hashes = hashes)?;
        if erasure.suppress {
            self.write().suppressed.extend(erasure.hashes.iter().filter_map(|hash| hash_of_text(hash)));
            self.suppresses.store(true, Ordering::Release);
        }
        Ok(())
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Accepts an erasure: see the port.
///
/// # Errors
/// When it may not be durable.
pub fn accept(environment: &Arc<Environment>, request: ErasureRequest) -> Result<Accepting, StoreError> {
    let jobs = environment.jobs.jobs();
    let until = jobs.iter().map(|job| job.number).max_by_key(|number| number.0).unwrap_or(JobNumber(0));
    let live = jobs.iter().filter(|job| !job.status.is_ended()).map(|job| job.number).collect();
    let (kind, view) = (request.kind.into(), environment.state.view());
    let mut profiles = 0;
    for id in &request.ids {
        profiles += u64::from(view.get(kind, id)?.is_some());
    }
    let erasures = &environment.state.erasures;
    let erasure = erasures.prepare(request, live, until, profiles).map_err(failed)?;
    let number = erasure.number.0;
    let waiting = match environment.queue.push_erasure(number, || erasures.arm(&erasure)) {
        Ok(waiting) => waiting,
        Err(refusal) => {
            erasures.withdraw(number);
            return Err(StoreError::Refused(refusal));
        }
    };
    let environment = Arc::clone(environment);
    Ok(Box::pin(async move {
        let erasures = &environment.state.erasures;
        match waiting.await {
            Ok(receipt) => {
                let saved = erasures.save(number, |erasure| erasure.position = Some(receipt.position));
                // The log says the same: a start finds it there.
                saved.map_err(|error| AppendError::Failed(error.to_string()))
            }
            Err(AppendError::Unknown) => Err(AppendError::Unknown),
            Err(error) => {
                erasures.withdraw(number);
                Err(error)
            }
        }
    }))
}

/// The erasures that are not complete; changes nothing.
///
/// # Errors
/// When they cannot be read.
pub fn under_way(disk: Arc<dyn Disk>, environment: &Path) -> io::Result<Sieve> {
    known_to(disk, environment, Position(u64::MAX))
}

/// The erasures that a store which covers the log up to `saved` knows of and that are not complete; changes nothing.
///
/// # Errors
/// When they cannot be read.
pub fn known_to(disk: Arc<dyn Disk>, environment: &Path, saved: Position) -> io::Result<Sieve> {
    let all = Files::new(disk, environment).read(false)?;
    let is_known = |erasure: &&Erasure| {
        !erasure.status.is_ended() && erasure.position.is_some_and(|position| position <= saved)
    };
    Ok(Sieve::new(all.values().filter(is_known).map(Subjects::of).collect()))
}

/// The key and every erasure below an environment's directory; changes nothing.
///
/// # Errors
/// When they cannot be read.
pub fn of_directory(environment: &Path) -> io::Result<(Option<[u8; 32]>, Vec<Erasure>)> {
    let files = Files::new(Arc::new(RealDisk), environment);
    Ok((files.key()?, files.read(false)?.into_values().collect()))
}

/// What is kept of an id, as text.
pub fn hash_of(key: &[u8; 32], kind: ProfileKind, id: &str) -> String {
    text_of_hash(&hash(key, kind, id))
}

pub use purge::purge;
pub use would::would_erase;

fn failed(error: impl std::fmt::Display) -> StoreError {
    StoreError::Failed(format!("an erasure: {error}"))
}

/// What is kept of an id: the first 128 bits of SHA-256 over key, kind and id. The key is long and secret, and what is
/// given out is cut, so that nobody can try ids, nor go on with a hash.
fn hash(key: &[u8; 32], kind: ProfileKind, id: &str) -> Hash {
    let kind = match kind {
        ProfileKind::User => b"u",
        ProfileKind::Company => b"c",
    };
    let whole: [u8; 32] =
        Sha256::new().chain_update(key).chain_update(kind).chain_update(id).finalize().into();
    let mut half = Hash::default();
    half.copy_from_slice(&whole[..16]);
    half
}

fn text_of_hash(hash: &Hash) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn hash_of_text(text: &str) -> Option<Hash> {
    u128::from_str_radix(text, 16).ok().map(u128::to_be_bytes)
}
