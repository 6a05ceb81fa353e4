//! The engine: a data directory with its catalog and its open environments, as the kernel's ports see it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use muster_kernel::model::audit::AuditEntry;
use muster_kernel::model::batch::EventBatch;
use muster_kernel::model::catalog::{CatalogState, Environment as EnvironmentEntry};
use muster_kernel::model::event::EventDraft;
use muster_kernel::model::guard::Guard;
use muster_kernel::model::id::{CompanyId, EnvironmentId, JobNumber, KeyId, Position, UserId};
use muster_kernel::model::job::Job;
use muster_kernel::model::ledger::LedgerRow;
use muster_kernel::model::limits::PROFILE_PROPERTIES_MAX;
use muster_kernel::model::page::{Cursor, Page};
use muster_kernel::model::profile::Profile;
use muster_kernel::model::property::Properties;
use muster_kernel::ports::{
    AppendError, Appended, Appending, AppendingMany, AppendingOnce, AuditTrail, Catalog, CatalogChange,
    Census, Clock, CompanyQuery, EventLog, Jobs, Ledger, Once, ProfileKind, Profiles, Scratch, StoreError,
    StoredEvent, Upload, UserQuery,
};

use crate::audit::{AuditFile, held_from};
use crate::catalog::CatalogFile;
use crate::directory::{Directory, OpenError};
use crate::disk::{Disk, RealDisk};
use crate::environment::{Environment, Parts};
use crate::ledger;
use crate::log::reader::ReadFault;
use crate::log::writer::{Identity, Random};
use crate::once;
use crate::options::Options;
use crate::profiles::lists::{Found, Search};
use crate::profiles::wide::WIDE_PROPERTIES;

/// An open data directory.
pub struct Engine {
    pub(crate) directory: Directory,
    options: Options,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) clock: Arc<dyn Clock>,
    random: Random,
    pub(crate) catalog: CatalogFile,
    trail: AuditFile,
    environments: RwLock<HashMap<EnvironmentId, Arc<Environment>>>,
    opening: Mutex<()>,
    notes: Mutex<Vec<String>>,
}

impl Engine {
    /// Opens a data directory, locks it, and recovers every environment in it. An absent or empty directory becomes
    /// a new one.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(
        directory: &Path,
        options: Options,
        clock: Arc<dyn Clock>,
        random: Random,
    ) -> Result<Engine, OpenError> {
        Self::open_on(Arc::new(RealDisk), directory, options, clock, random)
    }

    /// As [`Engine::open`], with logs and catalog on a disk of the caller's: for tests that fail it.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open_on(
        disk: Arc<dyn Disk>,
        directory: &Path,
        options: Options,
        clock: Arc<dyn Clock>,
        random: Random,
    ) -> Result<Engine, OpenError> {
        let directory = Directory::open(directory)?;
        disk.create_directory(directory.root())
            .map_err(|error| OpenError::Io(directory.root().into(), error))?;
        let unreadable = |what| OpenError::Catalog(directory.root().join("catalog.json"), what);
        let catalog = CatalogFile::open(Arc::clone(&disk), directory.root()).map_err(unreadable)?;
        let held_from = held_from(&catalog.state());
        let (trail, notes) = AuditFile::open(Arc::clone(&disk), directory.root(), held_from)
            .map_err(|error| OpenError::Io(directory.root().join(crate::audit::FILE), error))?;
        let engine = Engine {
            directory,
            options,
            disk,
            clock,
            random,
            catalog,
            trail,
            environments: RwLock::default(),
            opening: Mutex::default(),
            notes: Mutex::new(notes),
        };
        for environment in &engine.catalog.state().environments {
            engine.open_environment(environment.id)?;
        }
        Ok(engine)
    }

    /// What recovery cut or skipped, for the operator.
    pub fn recovery_notes(&self) -> Vec<String> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Saves what is visible now, so that a start has nothing to replay.
    pub fn save(&self) {
        let open: Vec<_> =
            self.environments.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        open.iter().for_each(|environment| environment.save());
    }

    /// Stops taking events, finishes what was taken, and saves everything.
    pub fn close(&self) {
        let open = std::mem::take(&mut *self.environments.write().unwrap_or_else(PoisonError::into_inner));
        for environment in open.values() {
            environment.close();
        }
    }

    fn open_environment(&self, id: EnvironmentId) -> Result<Arc<Environment>, OpenError> {
        let _one_at_a_time = self.opening.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = self.opened(id) {
            return Ok(open);
        }
        let state = self.catalog.state();
        let Some(entry) = state.environment(id) else {
            let missing = std::io::Error::new(std::io::ErrorKind::NotFound, "no such environment");
            return Err(OpenError::Io(self.directory.environment(id.0), missing));
        };
        let directory = self.home_of(entry);
        let has_log = self.disk.list(&directory.join("log")).is_ok_and(|names| !names.is_empty());
        if entry.begun && !has_log {
            return Err(OpenError::Missing(directory, entry.name.clone()));
        }
        let environment = Environment::open(Parts {
            directory,
            identity: Identity { environment: id.0, incarnation: entry.written_as() },
            options: self.options.clone(),
            disk: Arc::clone(&self.disk),
            saved: state.segments_of(id).map(|segment| segment.id).collect(),
            clock: Arc::clone(&self.clock),
            random: Arc::clone(&self.random),
        })?;
        let notes = environment.notes.iter().map(|note| format!("environment {}: {note}", entry.name));
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).extend(notes);
        if !entry.begun {
            self.note_begun(id)?;
        }
        let environment = Arc::new(environment);
        let mut open = self.environments.write().unwrap_or_else(PoisonError::into_inner);
        open.insert(id, Arc::clone(&environment));
        Ok(environment)
    }

    /// Where an environment's data is.
    pub(crate) fn home_of(&self, entry: &EnvironmentEntry) -> PathBuf {
        let own = entry.directory.as_ref().map(PathBuf::from);
        own.unwrap_or_else(|| self.directory.environment(entry.id.0))
    }

    fn note_begun(&self, id: EnvironmentId) -> Result<(), OpenError> {
        let noted = self.catalog.change(&mut |state| {
            state.environments.iter_mut().filter(|entry| entry.id == id).for_each(|entry| entry.begun = true);
            Ok(())
        });
        let unwritten =
            |error: StoreError| OpenError::Catalog(self.directory.root().into(), error.to_string());
        noted.map(|_| ()).map_err(unwritten)
    }

    fn opened(&self, id: EnvironmentId) -> Option<Arc<Environment>> {
        self.environments.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    /// An environment; one that was created since the start is opened at its first use.
    pub(crate) fn environment(&self, id: EnvironmentId) -> Result<Arc<Environment>, StoreError> {
        if let Some(open) = self.opened(id) {
            return Ok(open);
        }
        if self.catalog.state().environment(id).is_none() {
            return Err(StoreError::NoEnvironment);
        }
        self.open_environment(id).map_err(|error| StoreError::Failed(error.to_string()))
    }
}

/// Counts a repetition or a suppressed call. A job counts its own, exactly, whatever becomes of this process.
fn count_unstored(environment: &Environment, clock: &dyn Clock, event: &EventDraft, appended: &Appended) {
    let (duplicate, suppressed) = match appended {
        Appended::Stored(_) => return,
        Appended::Duplicate { .. } => (1, 0),
        Appended::Suppressed => (0, 1),
    };
    if event.job.is_none() {
        let (minute, key) = (clock.now().minute(), event.key);
        count(environment, LedgerRow { minute, key, duplicate, suppressed, ..LedgerRow::default() });
    }
}

/// Counts a call that leaves no event.
fn count(environment: &Environment, row: LedgerRow) {
    environment.state.refused.add(&row);
    environment.queue.note(row);
}

impl EventLog for Engine {
    fn append(&self, environment: EnvironmentId, event: &EventDraft) -> Appending {
        let environment = match self.environment(environment) {
            Ok(environment) => environment,
            Err(StoreError::NoEnvironment) => return Box::pin(async { Err(AppendError::NoEnvironment) }),
            Err(error) => return Box::pin(async move { Err(AppendError::Failed(error.to_string())) }),
        };
        if event.guards.is_empty() {
            return match environment.queue.push(|out| environment.state.erasures.admit(event, out)) {
                Ok(Some(waiting)) => Box::pin(async move { waiting.await.map(Appended::Stored) }),
                Ok(None) => {
                    count_unstored(&environment, self.clock.as_ref(), event, &Appended::Suppressed);
                    Box::pin(async { Ok(Appended::Suppressed) })
                }
                Err(refusal) => Box::pin(async { Err(AppendError::Refused(refusal)) }),
            };
        }
        let (event, clock) = (event.clone(), Arc::clone(&self.clock));
        Box::pin(async move {
            let outcome = once::append(&environment, &event).await;
            if let Ok(appended) = &outcome {
                count_unstored(&environment, clock.as_ref(), &event, appended);
            }
            outcome
        })
    }

    fn append_many(&self, environment: EnvironmentId, events: &EventBatch) -> AppendingMany {
        let pushed = match self.environment(environment) {
            Err(StoreError::NoEnvironment) => Err(AppendError::NoEnvironment),
            Err(error) => Err(AppendError::Failed(error.to_string())),
            Ok(_) if events.is_empty() => Err(AppendError::Failed("a batch without events".to_owned())),
            Ok(environment) => environment.queue.push_many(events.payloads()).map_err(AppendError::Refused),
        };
        match pushed {
            Ok(waiting) => Box::pin(waiting),
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }

    fn append_many_once(&self, environment: EnvironmentId, events: &EventBatch) -> AppendingOnce {
        match self.environment(environment) {
            Ok(environment) => once::append_many(environment, events),
            Err(StoreError::NoEnvironment) => Box::pin(std::future::ready(Err(AppendError::NoEnvironment))),
            Err(error) => Box::pin(std::future::ready(Err(AppendError::Failed(error.to_string())))),
        }
    }

    fn known(&self, environment: EnvironmentId, events: &EventBatch) -> Result<Vec<Once>, StoreError> {
        once::look_up(&*self.environment(environment)?, events)
    }

    fn recall(
        &self,
        environment: EnvironmentId,
        guards: &[Guard],
    ) -> Result<Option<Result<Appended, AppendError>>, StoreError> {
        once::first_outcome(&*self.environment(environment)?, guards)
    }

    fn read(
        &self,
        environment: EnvironmentId,
        after: Position,
        count_max: usize,
        bytes_max: usize,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        let environment = self.environment(environment)?;
        let check_kept = || match environment.bases.current().filter(|base| after < base.position()) {
            Some(base) => Err(StoreError::Dropped { until: base.position(), since: base.since() }),
            None => Ok(()),
        };
        check_kept()?;
        let until = environment.state.visible();
        let sieve = environment.state.erasures.sieve();
        let sift = |position, payload: &[u8]| sieve.sift(position, payload);
        let read = environment.reader.read(after, until, (count_max, bytes_max), &sift);
        // What was dropped meanwhile may be missing in it.
        check_kept()?;
        read.map_err(|fault| match fault {
            ReadFault::Io(error) => StoreError::Failed(format!("the log cannot be read: {error}")),
            ReadFault::Damaged { path, offset } => {
                StoreError::Damaged(format!("no whole record stands in {path} at offset {offset}"))
            }
        })
    }

    fn visible(&self, environment: EnvironmentId) -> Result<Position, StoreError> {
        Ok(self.environment(environment)?.state.visible())
    }
}

impl Profiles for Engine {
    fn user(&self, environment: EnvironmentId, id: &UserId) -> Result<Option<Profile>, StoreError> {
        self.environment(environment)?.state.view().get(ProfileKind::User, id.as_str())
    }

    fn company(&self, environment: EnvironmentId, id: &CompanyId) -> Result<Option<Profile>, StoreError> {
        self.environment(environment)?.state.view().get(ProfileKind::Company, id.as_str())
    }

    fn company_user_count(&self, environment: EnvironmentId, id: &CompanyId) -> Result<u64, StoreError> {
        self.environment(environment)?.state.view().member_count(id.as_str())
    }

    fn users(
        &self,
        environment: EnvironmentId,
        query: &UserQuery,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<(UserId, Profile)>, StoreError> {
        let environment = self.environment(environment)?;
        let view = environment.state.view();
        let search = query.search.as_deref().map(|text| Search { text, unsearched: &query.unsearched });
        let page = match (&query.company, search) {
            (Some(company), None) => view.members(company.as_str(), after, limit)?,
            (Some(company), Some(search)) => view.members_matching(company.as_str(), search, after, limit)?,
            (None, Some(search)) => view.search(ProfileKind::User, search, after, limit)?,
            (None, None) => view.by_id(ProfileKind::User, "", after, limit)?,
        };
        parsed(page, UserId::parse)
    }

    fn companies(
        &self,
        environment: EnvironmentId,
        query: &CompanyQuery,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<(CompanyId, Profile)>, StoreError> {
        let environment = self.environment(environment)?;
        let view = environment.state.view();
        let search = query.search.as_deref().map(|text| Search { text, unsearched: &query.unsearched });
        let page = match search {
            Some(search) => view.search(ProfileKind::Company, search, after, limit)?,
            None => view.by_id(ProfileKind::Company, "", after, limit)?,
        };
        parsed(page, CompanyId::parse)
    }

    fn census(
        &self,
        environment: EnvironmentId,
        kind: ProfileKind,
        spans: &[(i64, i64)],
    ) -> Result<Census, StoreError> {
        self.environment(environment)?.state.view().census(kind, spans)
    }

    fn overflow(
        &self,
        environment: EnvironmentId,
        kind: ProfileKind,
        id: &str,
        added: &Properties,
    ) -> Result<Option<usize>, StoreError> {
        let environment = self.environment(environment)?;
        if added.len() <= WIDE_PROPERTIES && !environment.state.overlay.wide().contains(kind, id) {
            return Ok(None);
        }
        let profile = environment.state.view().get(kind, id)?.unwrap_or_default();
        let count = profile.property_count_with(added.names());
        Ok((count > PROFILE_PROPERTIES_MAX).then_some(count))
    }
}

fn parsed<T, F>(
    page: Page<Found>,
    parse: impl Fn(&str) -> Result<T, F>,
) -> Result<Page<(T, Profile)>, StoreError> {
    let damaged = |_| StoreError::Damaged("a profile in the store has no valid id".to_owned());
    let items = page.items.into_iter().map(|(id, profile)| Ok((parse(&id).map_err(damaged)?, profile)));
    Ok(Page { items: items.collect::<Result<_, StoreError>>()?, next: page.next })
}

impl Ledger for Engine {
    fn reject(&self, environment: EnvironmentId, key: KeyId, code: &'static str) {
        let Ok(environment) = self.environment(environment) else { return };
        let minute = self.clock.now().minute();
        let rejected = [(code.to_owned(), 1)].into();
        count(&environment, LedgerRow { minute, key, rejected, ..LedgerRow::default() });
    }

    fn rows(&self, environment: EnvironmentId, from: i64, to: i64) -> Result<Vec<LedgerRow>, StoreError> {
        ledger::rows(&self.environment(environment)?.state, from, to)
    }
}

impl Catalog for Engine {
    fn state(&self) -> Arc<CatalogState> {
        self.catalog.state()
    }

    fn change(&self, change: CatalogChange<'_>) -> Result<Result<(), String>, StoreError> {
        self.catalog.change(change)
    }
}

impl AuditTrail for Engine {
    fn append(&self, entries: &[AuditEntry]) -> Result<(), StoreError> {
        self.trail.append(entries)
    }

    fn before(&self, before: u64, limit: usize) -> Result<Vec<AuditEntry>, StoreError> {
        self.trail.before(before, limit)
    }
}

impl Jobs for Engine {
    fn begin_upload(&self, environment: EnvironmentId) -> Result<Box<dyn Upload>, StoreError> {
        self.environment(environment)?.jobs.begin_upload()
    }

    fn jobs(&self, environment: EnvironmentId) -> Result<Vec<Job>, StoreError> {
        Ok(self.environment(environment)?.jobs.jobs())
    }

    fn save(&self, environment: EnvironmentId, job: &Job) -> Result<(), StoreError> {
        self.environment(environment)?.jobs.save(job)
    }

    fn read_upload(
        &self,
        environment: EnvironmentId,
        job: JobNumber,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<usize, StoreError> {
        self.environment(environment)?.jobs.read_upload(job, offset, buffer)
    }

    fn write_rejects(
        &self,
        environment: EnvironmentId,
        job: JobNumber,
        offset: u64,
        bytes: &[u8],
    ) -> Result<(), StoreError> {
        self.environment(environment)?.jobs.write_rejects(job, offset, bytes)
    }

    fn read_rejects(
        &self,
        environment: EnvironmentId,
        job: JobNumber,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<usize, StoreError> {
        self.environment(environment)?.jobs.read_rejects(job, offset, buffer)
    }

    fn scratch(&self, environment: EnvironmentId) -> Result<Box<dyn Scratch>, StoreError> {
        self.environment(environment)?.jobs.scratch()
    }
}
