//! Data sync at work: days of events, and the users and companies of now, written to a directory or a bucket.
//!
//! [`Syncer`] is what the HTTP edge knows: where files go, and a bell. One thread at background priority asks the catalog what
//! is due (`kernel::model::sync` decides) and writes a day at a time (`day`); what came of each is in the catalog before
//! the next one. A stop in the midst of a day leaves it as it was, or without a manifest; the next start writes it again. It never
//! answers HTTP, never names an engine, and holds nothing that grows with a day.

mod day;
mod settings;

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use muster_kernel::model::catalog::CatalogState;
use muster_kernel::model::id::EnvironmentId;
use muster_kernel::model::sync::{DataSync, Day, Written};
use muster_kernel::ports::{Catalog, Clock, EventLog, History, Inquiry, Profiles, RawEvents};

pub use settings::SyncSettings;

use day::{Sources, Unwritten, Wanted};

use crate::stores::{self, Destination, S3Settings};

/// How long to rest when what became of a day could not be kept.
const UNKEPT_REST: Duration = Duration::from_secs(60);
/// How often the clock is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// What data sync works with.
#[derive(Clone)]
pub struct Parts {
    /// How far events are visible.
    pub log: Arc<dyn EventLog>,
    /// What happened.
    pub history: Arc<dyn History>,
    /// Since when there are events.
    pub raw_events: Arc<dyn RawEvents>,
    /// Users and companies.
    pub profiles: Arc<dyn Profiles>,
    /// What is to be written, and what was.
    pub catalog: Arc<dyn Catalog>,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// Lowers the priority of the thread that calls it.
    pub yield_to_others: fn(),
}

/// The data syncs of a server.
pub struct Syncer {
    inner: Arc<Inner>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Inner {
    parts: Parts,
    s3: S3Settings,
    destination: Option<Destination>,
    state: Mutex<State>,
    bell: Condvar,
}

#[derive(Default)]
struct State {
    is_stopping: bool,
    /// The day that is being read.
    inquiry: Arc<Inquiry>,
}

impl Syncer {
    /// A syncer that has not begun.
    pub fn new(parts: Parts, settings: &SyncSettings, s3: S3Settings) -> Syncer {
        // The configuration has refused what is none.
        let destination = settings.destination.as_deref().and_then(|text| Destination::parse(text).ok());
        let inner = Inner { parts, s3, destination, state: Mutex::default(), bell: Condvar::new() };
        Syncer { inner: Arc::new(inner), thread: Mutex::default() }
    }

    /// Where the files of an environment go; nowhere without a destination.
    pub fn folder(&self, sync: &DataSync, app_token: &str) -> Option<String> {
        self.inner.destination.as_ref().map(|destination| destination.shown(&sync.folder(app_token)))
    }

    /// Whether files can go anywhere.
    pub fn has_destination(&self) -> bool {
        self.inner.destination.is_some()
    }

    /// Begins to write what is due: first what an earlier process left. Without a destination nothing is.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub fn start(&self) -> std::io::Result<()> {
        let inner = Arc::clone(&self.inner);
        if inner.destination.is_none() {
            return Ok(());
        }
        let thread = std::thread::Builder::new().name("muster-sync".to_owned()).spawn(move || {
            (inner.parts.yield_to_others)();
            inner.work();
        })?;
        *lock(&self.thread) = Some(thread);
        Ok(())
    }

    /// Lets the day under way come to a halt and waits for it. It is written again at the next start.
    pub fn stop(&self) {
        {
            let mut state = lock(&self.inner.state);
            state.is_stopping = true;
            state.inquiry.stop();
        }
        self.inner.bell.notify_all();
        if let Some(thread) = lock(&self.thread).take()
            && thread.join().is_err()
        {
            tracing::error!("the thread of data sync had failed before it was stopped");
        }
    }

    /// Somebody chose something, or asked for days.
    pub fn ring(&self) {
        self.inner.bell.notify_all();
    }
}

impl Inner {
    fn work(&self) {
        loop {
            // A panic is a defect; the next look tries again.
            let look = std::panic::AssertUnwindSafe(|| self.look());
            let is_busy = std::panic::catch_unwind(look).unwrap_or_else(|_| {
                tracing::error!("a data sync panicked; it is tried again");
                false
            });
            let state = lock(&self.state);
            if state.is_stopping {
                return;
            }
            if !is_busy {
                drop(self.bell.wait_timeout(state, LOOK_EVERY));
            }
        }
    }

    /// Writes one day of each environment that has one to be written; answers whether any had.
    fn look(&self) -> bool {
        let mut is_busy = false;
        let environments: Vec<EnvironmentId> =
            self.parts.catalog.state().syncs.iter().map(|sync| sync.environment).collect();
        for environment in environments {
            if lock(&self.state).is_stopping {
                return false;
            }
            self.ask_for_due(environment);
            is_busy |= self.write_next(environment);
        }
        is_busy
    }

    fn ask_for_due(&self, environment: EnvironmentId) {
        let now = self.parts.clock.now();
        let state = self.parts.catalog.state();
        // Nothing is written when nothing is due, which is nearly always.
        if state.sync(environment).is_some_and(|sync| sync.clone().ask_for_due(now)) {
            self.change(environment, |sync| {
                sync.ask_for_due(now);
            });
        }
    }

    /// Writes the next day of a run, if one is to be written; answers whether it was.
    fn write_next(&self, environment: EnvironmentId) -> bool {
        let now = self.parts.clock.now();
        let state = self.parts.catalog.state();
        let Some((sync, run)) = state.sync(environment).and_then(|sync| Some((sync, sync.at_work(now)?)))
        else {
            return false;
        };
        let (number, day) = (run.number, run.next);
        let outcome = match self.write(&state, sync, day) {
            Err(Unwritten::Stopped) => return false,
            Err(Unwritten::Failed(why)) => {
                tracing::error!(%environment, run = number, %day, why, "a day could not be synced; it is tried again");
                Err(why)
            }
            Ok(written) => {
                tracing::info!(%environment, run = number, %day, files = written.0.files, rows = written.0.rows, "a day is synced");
                Ok(written)
            }
        };
        let now = self.parts.clock.now();
        let is_kept = self.change(environment, move |sync| sync.note(number, day, outcome.clone(), now));
        if !is_kept {
            // The same day would be written again and again.
            let state = lock(&self.state);
            let waits = |state: &mut State| !state.is_stopping;
            drop(self.bell.wait_timeout_while(state, UNKEPT_REST, waits));
        }
        is_kept
    }

    fn write(&self, state: &CatalogState, sync: &DataSync, day: Day) -> Result<(Written, String), Unwritten> {
        let missing = || Unwritten::Failed("the server has no destination".to_owned());
        let destination = self.destination.as_ref().ok_or_else(missing)?;
        let entry = state.environment(sync.environment);
        let entry = entry.ok_or_else(|| Unwritten::Failed("there is no such environment".to_owned()))?;
        let inquiry = Arc::new(Inquiry::default());
        {
            let mut state = lock(&self.state);
            state.inquiry = Arc::clone(&inquiry);
            if state.is_stopping {
                return Err(Unwritten::Stopped);
            }
        }
        let folder = sync.folder(&entry.app_token);
        let now = self.parts.clock.now();
        let wanted = Wanted {
            environment: sync.environment,
            app_token: &entry.app_token,
            folder: &folder,
            day,
            format: sync.choice.format,
            with_profiles: sync.is_newest(day, now),
            made_at: now.to_string(),
        };
        let sources = Sources {
            log: &*self.parts.log,
            history: &*self.parts.history,
            raw_events: &*self.parts.raw_events,
            profiles: &*self.parts.profiles,
            inquiry: &inquiry,
        };
        let into = destination.shown(&folder);
        // Before anything is there: an erasure names every folder that may hold somebody.
        let is_known = sync.places.iter().any(|place| place.folder == into);
        if !is_known
            && !self.change(sync.environment, |sync| {
                sync.begin_in(&into, now);
            })
        {
            return Err(Unwritten::Failed("the folder could not be noted in the catalog, so nothing was written; the server's log says why".to_owned()));
        }
        let store = stores::open(destination, &self.s3)?;
        let written = day::write(&sources, &*store, &wanted)?;
        Ok((written, into))
    }

    /// Answers whether the change is kept.
    fn change(&self, environment: EnvironmentId, mut change: impl FnMut(&mut DataSync)) -> bool {
        let outcome = self.parts.catalog.change(&mut |state| {
            state.syncs.iter_mut().filter(|sync| sync.environment == environment).for_each(&mut change);
            Ok(())
        });
        if let Err(error) = &outcome {
            tracing::error!(%environment, %error, "what became of a data sync could not be kept; the day is written again");
        }
        outcome.is_ok()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
