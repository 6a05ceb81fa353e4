//! A server on a port of its own, the engine behind it, and the faults that a test puts between the two.

use std::collections::VecDeque;
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use muster_kernel::model::batch::EventBatch;
use muster_kernel::model::catalog::{
    ApiKey, CatalogState, Environment, EnvironmentSettings, Scope, pii_properties_default, time_zone_default,
};
use muster_kernel::model::event::EventDraft;
use muster_kernel::model::guard::Guard;
use muster_kernel::model::id::{CompanyId, EnvironmentId, KeyId, Position, UserId};
use muster_kernel::model::page::{Cursor, Page};
use muster_kernel::model::profile::Profile;
use muster_kernel::model::property::Properties;
use muster_kernel::model::time::Timestamp;
use muster_kernel::ports::{
    AppendError, Appended, Appending, AppendingMany, AppendingOnce, Catalog, Census, Clock, CompanyQuery,
    EventLog, Once, ProfileKind, Profiles, RawEvents, StoreError, StoredEvent, UserQuery,
};
use muster_server::admin::Office;
use muster_server::erasures::{self, Eraser, ErasureSettings};
use muster_server::exports::{self, ExportSettings, Exporter};
use muster_server::http::{Handle, HttpSettings, Parts, Random, Server, serve};
use muster_server::jobs::{self, JobSettings, Runner};
use muster_server::stores::S3Settings;
use muster_server::sync::{self, SyncSettings, Syncer};
use muster_testkit::clock::ManualClock;
use muster_testkit::model_engine::ModelEngine;
use muster_testkit::model_exports::ModelExports;
use muster_testkit::model_jobs::ModelJobs;
use sha2::{Digest, Sha256};

use crate::asking::Patient;
use crate::client::{Answer, Client, Request};

/// Where links lead in these tests: [`crate::client`] names this host.
pub const BASE: &str = "http://muster.test";
/// A key with every scope.
pub const KEY: &str = "key-of-production-0001";
/// The same of another environment.
pub const OTHER_KEY: &str = "key-of-staging-0000002";
pub const APP_TOKEN: &str = "NX-1a2b3c4d";
pub const PRODUCTION: EnvironmentId = EnvironmentId(1);
pub const INCARNATION: u32 = 0x0a0b_0c0d;

/// When the tests begin: 2026-11-21T06:21:09.123456Z.
const BEGIN: Timestamp = Timestamp(1_795_242_069_123_456);

/// What happens to the next append instead of what should.
pub enum Fault {
    Fails(AppendError),
    /// It happens, once the sender is dropped or sends.
    Waits(tokio::sync::oneshot::Receiver<()>),
    Panics,
}

/// The engine with faults in front of it.
pub struct Faulty {
    pub model: Arc<ModelEngine>,
    appends: Mutex<VecDeque<Fault>>,
    reads: Mutex<VecDeque<Option<StoreError>>>,
    visible_max: AtomicU64,
    drops: Mutex<Option<(Position, Timestamp)>>,
}

impl Faulty {
    /// The next append meets this.
    pub fn on_append(&self, fault: Fault) {
        self.appends.lock().unwrap().push_back(fault);
    }

    /// The next read of a user fails like this, or panics.
    pub fn on_user(&self, error: Option<StoreError>) {
        self.reads.lock().unwrap().push_back(error);
    }

    /// What was received before a time is dropped once somebody reads on behind a position.
    pub fn drop_on_read(&self, after: Position, before: Timestamp) {
        *self.drops.lock().unwrap() = Some((after, before));
    }

    /// Hides what lies behind a position.
    pub fn hide_after(&self, position: u64) {
        self.visible_max.store(position, Ordering::SeqCst);
    }
}

impl EventLog for Faulty {
    fn append(&self, environment: EnvironmentId, event: &EventDraft) -> Appending {
        let fault = self.appends.lock().unwrap().pop_front();
        match fault {
            None => self.model.append(environment, event),
            Some(Fault::Fails(error)) => Box::pin(std::future::ready(Err(error))),
            Some(Fault::Panics) => panic!("secret inside text"),
            Some(Fault::Waits(bell)) => {
                let (model, draft) = (Arc::clone(&self.model), event.clone());
                Box::pin(async move {
                    let _ = bell.await;
                    model.append(environment, &draft).await
                })
            }
        }
    }

    fn append_many(&self, environment: EnvironmentId, events: &EventBatch) -> AppendingMany {
        match self.appends.lock().unwrap().pop_front() {
            Some(Fault::Fails(error)) => Box::pin(std::future::ready(Err(error))),
            Some(Fault::Panics) => panic!("secret inside text"),
            Some(Fault::Waits(_)) | None => self.model.append_many(environment, events),
        }
    }

    fn append_many_once(&self, environment: EnvironmentId, events: &EventBatch) -> AppendingOnce {
        self.model.append_many_once(environment, events)
    }

    fn known(&self, environment: EnvironmentId, events: &EventBatch) -> Result<Vec<Once>, StoreError> {
        self.model.known(environment, events)
    }

    fn recall(
        &self,
        environment: EnvironmentId,
        guards: &[Guard],
    ) -> Result<Option<Result<Appended, AppendError>>, StoreError> {
        self.model.recall(environment, guards)
    }

    fn read(
        &self,
        environment: EnvironmentId,
        after: Position,
        count_max: usize,
        bytes_max: usize,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        if let Some((_, before)) = self.drops.lock().unwrap().take_if(|(at, _)| *at == after) {
            self.model.drop_before(environment, before, &|| false).unwrap();
        }
        self.model.read(environment, after, count_max, bytes_max)
    }

    fn visible(&self, environment: EnvironmentId) -> Result<Position, StoreError> {
        let max = Position(self.visible_max.load(Ordering::SeqCst));
        self.model.visible(environment).map(|position| position.min(max))
    }
}

impl Profiles for Faulty {
    fn user(&self, environment: EnvironmentId, id: &UserId) -> Result<Option<Profile>, StoreError> {
        let fault = self.reads.lock().unwrap().pop_front();
        match fault {
            None => self.model.user(environment, id),
            Some(Some(error)) => Err(error),
            Some(None) => panic!("secret inside text"),
        }
    }

    fn company(&self, environment: EnvironmentId, id: &CompanyId) -> Result<Option<Profile>, StoreError> {
        self.model.company(environment, id)
    }

    fn company_user_count(&self, environment: EnvironmentId, id: &CompanyId) -> Result<u64, StoreError> {
        self.model.company_user_count(environment, id)
    }

    fn users(
        &self,
        environment: EnvironmentId,
        query: &UserQuery,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<(UserId, Profile)>, StoreError> {
        self.model.users(environment, query, after, limit)
    }

    fn companies(
        &self,
        environment: EnvironmentId,
        query: &CompanyQuery,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<(CompanyId, Profile)>, StoreError> {
        self.model.companies(environment, query, after, limit)
    }

    fn census(
        &self,
        environment: EnvironmentId,
        kind: ProfileKind,
        spans: &[(i64, i64)],
    ) -> Result<Census, StoreError> {
        self.model.census(environment, kind, spans)
    }

    fn overflow(
        &self,
        environment: EnvironmentId,
        kind: ProfileKind,
        id: &str,
        added: &Properties,
    ) -> Result<Option<usize>, StoreError> {
        self.model.overflow(environment, kind, id, added)
    }
}

fn eraser(model: &Arc<ModelEngine>, clock: &Arc<ManualClock>, random: &Random) -> Arc<Eraser> {
    let parts = erasures::Parts {
        erasures: Arc::clone(model) as _,
        catalog: Arc::clone(model) as _,
        clock: Arc::clone(clock) as _,
        random: Arc::clone(random),
        yield_to_others: || {},
    };
    Arc::new(Eraser::new(parts, ErasureSettings::default()))
}

/// A syncer without a place for files.
fn syncer(engine: &Arc<Faulty>, history: &Arc<Patient>, clock: &Arc<ManualClock>) -> Arc<Syncer> {
    let parts = sync::Parts {
        log: engine.clone(),
        history: history.clone(),
        raw_events: engine.model.clone(),
        profiles: engine.clone(),
        catalog: engine.model.clone(),
        clock: clock.clone(),
        yield_to_others: || {},
    };
    Arc::new(Syncer::new(parts, &SyncSettings::default(), S3Settings::default()))
}

fn exporter(
    engine: &Arc<Faulty>,
    files: &ModelExports,
    clock: &Arc<ManualClock>,
    random: &Random,
) -> Arc<Exporter> {
    let parts = exports::Parts {
        log: Arc::clone(engine) as _,
        profiles: Arc::clone(engine) as _,
        segments: Arc::clone(&engine.model) as _,
        lists: Arc::clone(&engine.model) as _,
        exports: Arc::new(files.clone()),
        catalog: Arc::clone(&engine.model) as _,
        clock: Arc::clone(clock) as _,
        random: Arc::clone(random),
        yield_to_others: || {},
    };
    Arc::new(Exporter::new(parts, ExportSettings::default()))
}

/// A running server and what stands behind it.
pub struct World {
    pub address: SocketAddr,
    pub metrics_address: Option<SocketAddr>,
    pub engine: Arc<Faulty>,
    pub history: Arc<Patient>,
    pub clock: Arc<ManualClock>,
    pub handle: Handle,
    pub jobs: Arc<Runner>,
    pub job_files: ModelJobs,
    pub exports: Arc<Exporter>,
    pub export_files: ModelExports,
    random: Random,
    server: Option<Server>,
}

impl World {
    pub fn start() -> Self {
        World::with(|_| {})
    }

    pub fn with(change: impl FnOnce(&mut HttpSettings)) -> Self {
        World::with_metrics(change, false)
    }

    pub fn with_metrics(change: impl FnOnce(&mut HttpSettings), apart: bool) -> Self {
        let mut settings = HttpSettings { edge_threads: 2, ..HttpSettings::default() };
        change(&mut settings);
        let clock = Arc::new(ManualClock::at(BEGIN));
        let model = Arc::new(ModelEngine::new(Arc::clone(&clock) as Arc<dyn Clock>));
        let (appends, reads, visible_max) = (Mutex::default(), Mutex::default(), AtomicU64::new(u64::MAX));
        let engine = Arc::new(Faulty {
            model: Arc::clone(&model),
            appends,
            reads,
            visible_max,
            drops: Mutex::default(),
        });
        let listener = || TcpListener::bind("127.0.0.1:0").unwrap();
        let metrics = apart.then(listener);
        let metrics_address = metrics.as_ref().map(|listener| listener.local_addr().unwrap());
        let world_keys = |state: &mut CatalogState| first_keys(state);
        change_catalog(&model, world_keys);
        let random: Random = Arc::new(drawn(AtomicU64::new(0)));
        let job_files = ModelJobs::default();
        let job_parts = jobs::Parts {
            log: Arc::clone(&engine) as _,
            profiles: Arc::clone(&engine) as _,
            jobs: Arc::new(job_files.clone()),
            erasures: Arc::clone(&model) as _,
            catalog: Arc::clone(&model) as _,
            clock: Arc::clone(&clock) as _,
            random: Arc::clone(&random),
            yield_to_others: || {},
        };
        let export_files = ModelExports::default();
        let exporter = exporter(&engine, &export_files, &clock, &random);
        let history = Arc::new(Patient::new(Arc::clone(&model)));
        let jobs = Arc::new(Runner::new(job_parts, JobSettings::default()));
        let parts = Parts {
            jobs: Arc::clone(&jobs),
            erasures: eraser(&model, &clock, &random),
            exports: Arc::clone(&exporter),
            sync: syncer(&engine, &history, &clock),
            log: Arc::clone(&engine) as Arc<dyn EventLog>,
            profiles: Arc::clone(&engine) as Arc<dyn Profiles>,
            history: Arc::clone(&history) as _,
            reports: Arc::clone(&history) as _,
            segments: Arc::clone(&model) as _,
            lists: Arc::clone(&model) as _,
            raw_events: Arc::clone(&model) as _,
            questions_max: 2,
            ledger: Arc::clone(&model) as _,
            catalog: Arc::clone(&model) as _,
            trail: Arc::clone(&model) as _,
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            random: Arc::clone(&random),
            version: "1.2.3",
            request_seed: 7,
        };
        let server = serve(listener(), metrics, parts, settings).unwrap();
        let (address, handle) = (server.address(), server.handle());
        World {
            address,
            metrics_address,
            engine,
            history,
            clock,
            handle,
            jobs,
            job_files,
            exports: exporter,
            export_files,
            random,
            server: Some(server),
        }
    }

    pub fn client(&self) -> Client {
        Client::connect(self.address)
    }

    /// Sends a request on a connection of its own.
    pub fn ask(&self, request: &Request) -> Answer {
        self.client().ask(request)
    }

    /// Sends a body with the key of every scope.
    pub fn post(&self, path: &str, body: &str) -> Answer {
        self.ask(&Request::post(path, body).header("Content-Type", "application/json").key(KEY))
    }

    /// Reads with the key of every scope.
    pub fn get(&self, target: &str) -> Answer {
        self.ask(&Request::get(target).key(KEY))
    }

    /// Moves the clock on.
    pub fn pass(&self, micros: i64) {
        self.clock.set(self.clock.now().plus(micros));
    }

    /// Works in the server's own office, as its wiring does.
    pub fn with_office<T>(&self, work: impl FnOnce(Office<'_>) -> T) -> T {
        let model = &*self.engine.model;
        work(Office {
            catalog: model,
            trail: model,
            erasures: model,
            lists: model,
            clock: &*self.clock,
            random: &*self.random,
            base: BASE,
        })
    }

    pub fn change(&self, change: impl FnMut(&mut CatalogState)) {
        change_catalog(&self.engine.model, change);
    }

    /// A further key of the production environment.
    pub fn add_key(&self, secret: &str, change: impl Fn(&mut ApiKey)) -> KeyId {
        let mut id = KeyId(0);
        self.change(|state| {
            let mut key = key(KeyId(100 + u32::try_from(state.keys.len()).unwrap()), PRODUCTION, secret);
            change(&mut key);
            id = key.id;
            state.keys.push(key);
        });
        id
    }

    /// Stops the server and waits for its end.
    pub fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop().unwrap();
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.handle.stop();
    }
}

/// Bytes that no draw repeats, and that nobody needs to guess.
fn drawn(count: AtomicU64) -> impl Fn(&mut [u8]) + Send + Sync {
    move |bytes| {
        for chunk in bytes.chunks_mut(32) {
            let number = count.fetch_add(1, Ordering::Relaxed);
            let hash: [u8; 32] = Sha256::digest(number.to_le_bytes()).into();
            chunk.copy_from_slice(&hash[..chunk.len()]);
        }
    }
}

fn change_catalog(model: &ModelEngine, mut change: impl FnMut(&mut CatalogState)) {
    let mut infallible = |state: &mut CatalogState| {
        change(state);
        Ok(())
    };
    Catalog::change(model, &mut infallible).unwrap().unwrap();
}

fn first_keys(state: &mut CatalogState) {
    (state.next_environment, state.next_key) = (3, 3);
    for (number, name, secret, token) in
        [(1, "Production", KEY, APP_TOKEN), (2, "Staging", OTHER_KEY, "NX-5e6f7a8b")]
    {
        let id = EnvironmentId(number);
        state.environments.push(Environment {
            begun: false,
            id,
            name: name.to_owned(),
            app_token: token.to_owned(),
            region: "eu".to_owned(),
            directory: None,
            incarnation: INCARNATION + number - 1,
            written_as: None,
            created_at: Timestamp(0),
            settings: EnvironmentSettings::default(),
            pii_properties: pii_properties_default(),
            declared_properties: Vec::new(),
            time_zone: time_zone_default(),
            keep_events_days: None,
            next_segment: 0,
        });
        state.keys.push(key(KeyId(number), id, secret));
    }
}

fn key(id: KeyId, environment: EnvironmentId, secret: &str) -> ApiKey {
    let hash: [u8; 32] = Sha256::digest(secret.as_bytes()).into();
    ApiKey {
        id,
        environment,
        name: "test".to_owned(),
        sha256: hash.iter().map(|byte| format!("{byte:02x}")).collect(),
        hint: secret[secret.len() - 4..].to_owned(),
        scopes: Scope::ALL.to_vec(),
        created_at: Timestamp(0),
        expires_at: None,
        revoked_at: None,
        last_used_at: None,
        calls_per_minute_max: None,
    }
}

/// Waits until something is so, looking again and again; fails after a while.
#[track_caller]
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    #[expect(clippy::disallowed_methods, reason = "a test gives up after a real while")]
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(20), "never: {what}");
        std::thread::yield_now();
    }
}
