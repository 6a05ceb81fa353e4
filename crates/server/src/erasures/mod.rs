//! Erasures at work, off the threads that answer (law 6).
//!
//! [`Eraser`] is what the HTTP edge knows: it accepts, shows and dry-runs deletions. One thread at background priority
//! purges what is due, all that is due in an environment together; what fails is tried again, and what is late is said so.
//! Everything that must survive is in the engine before anybody is told of it: a start goes on where the last one stopped.
//! It never answers HTTP and never names an engine.

mod settings;

use std::collections::HashSet;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use muster_kernel::model::audit::Actor;
use muster_kernel::model::erasure::{ErasedKind, Erasure, ErasureRequest, WouldErase};
use muster_kernel::model::id::{EnvironmentId, ErasureNumber, KeyId};
use muster_kernel::model::team::{DAY, HOUR};
use muster_kernel::model::time::{SECOND, Timestamp};
use muster_kernel::ports::{Accepting, Catalog, Clock, Erasures, Purged, StoreError};

use crate::http::Random;
use crate::jobs::draw_uuid;

pub use settings::{ErasureSchedule, ErasureSettings};

/// How long to wait before looking again for what is due, or trying again what failed.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// When the daily purge begins, after midnight UTC (spec 2.10).
const DAILY_AT: i64 = 2 * HOUR;

/// What erasures work with.
#[derive(Clone)]
pub struct Parts {
    /// Where they are kept and done.
    pub erasures: Arc<dyn Erasures>,
    /// Environments.
    pub catalog: Arc<dyn Catalog>,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// The source of ids.
    pub random: Random,
    /// Lowers the priority of the thread that calls it.
    pub yield_to_others: fn(),
}

/// Told of every erasure before its purge: whoever holds copies in memory forgets them.
pub type Forget = Box<dyn Fn(EnvironmentId, &Erasure) + Send>;

/// The erasures of a server.
pub struct Eraser {
    inner: Arc<Inner>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Inner {
    parts: Parts,
    settings: ErasureSettings,
    forget: Mutex<Vec<Forget>>,
    state: Mutex<State>,
    bell: Condvar,
}

#[derive(Default)]
struct State {
    is_stopping: bool,
    /// Somebody asked for an erasure since the last look.
    is_rung: bool,
}

impl Eraser {
    /// An eraser that has not begun.
    pub fn new(parts: Parts, settings: ErasureSettings) -> Eraser {
        let inner = Inner {
            parts,
            settings,
            forget: Mutex::default(),
            state: Mutex::default(),
            bell: Condvar::new(),
        };
        Eraser { inner: Arc::new(inner), thread: Mutex::default() }
    }

    /// Names somebody who holds copies in memory.
    pub fn also_forget(&self, forget: Forget) {
        lock(&self.inner.forget).push(forget);
    }

    /// Begins to purge: first what an earlier process left.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub fn start(&self) -> std::io::Result<()> {
        let inner = Arc::clone(&self.inner);
        let thread = std::thread::Builder::new().name("muster-erase".to_owned()).spawn(move || {
            (inner.parts.yield_to_others)();
            inner.work();
        })?;
        *lock(&self.thread) = Some(thread);
        Ok(())
    }

    /// Lets the purge come to a halt and waits for it. It goes on at the next start.
    pub fn stop(&self) {
        lock(&self.inner.state).is_stopping = true;
        self.inner.bell.notify_all();
        if let Some(thread) = lock(&self.thread).take()
            && thread.join().is_err()
        {
            tracing::error!("the thread of erasures had failed before it was stopped");
        }
    }

    /// Accepts a deletion: durable and hidden when the answer resolves. Syncs the disk, so not for an edge thread. Who asks
    /// is a key, or somebody else.
    ///
    /// # Errors
    /// When it may not be durable.
    pub fn accept(
        &self,
        environment: EnvironmentId,
        kind: ErasedKind,
        ids: Vec<String>,
        suppress: bool,
        asker: Result<KeyId, Actor>,
    ) -> Result<Accepting, StoreError> {
        let (parts, settings) = (&self.inner.parts, &self.inner.settings);
        let state = parts.catalog.state();
        let entry = state.environment(environment).ok_or(StoreError::NoEnvironment)?;
        let accepted_at = parts.clock.now();
        let due_at = settings.due_at(accepted_at);
        let request = ErasureRequest {
            id: format!("delete:jobs:{}:{}", entry.app_token, draw_uuid(&parts.random)),
            kind,
            ids,
            suppress,
            key: asker.as_ref().ok().copied(),
            by: asker.err(),
            accepted_at,
            due_at,
            promised_at: due_at.plus(settings.within_s.saturating_mul(SECOND)),
        };
        parts.erasures.accept(environment, request)
    }

    /// An erasure was accepted: copies in memory go now, the rest when it is due.
    pub fn accepted(&self, environment: EnvironmentId, erasure: &Erasure) {
        self.inner.forget(environment, erasure);
        lock(&self.inner.state).is_rung = true;
        self.inner.bell.notify_all();
    }

    /// Every erasure of an environment, the newest first.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn erasures(&self, environment: EnvironmentId) -> Result<Vec<Erasure>, StoreError> {
        self.inner.parts.erasures.erasures(environment)
    }

    /// Where they are kept and done.
    pub fn port(&self) -> &dyn Erasures {
        &*self.inner.parts.erasures
    }

    /// What a deletion would remove.
    ///
    /// # Errors
    /// When reading fails.
    pub fn would_erase(
        &self,
        environment: EnvironmentId,
        kind: ErasedKind,
        ids: &[String],
    ) -> Result<WouldErase, StoreError> {
        self.inner.parts.erasures.would_erase(environment, kind, ids)
    }
}

impl Inner {
    fn forget(&self, environment: EnvironmentId, erasure: &Erasure) {
        for forget in lock(&self.forget).iter() {
            forget(environment, erasure);
        }
    }

    fn is_stopping(&self) -> bool {
        lock(&self.state).is_stopping
    }

    fn work(&self) {
        let mut late = HashSet::new();
        // The list is long when much was ever erased: it is looked at when somebody rang, or something is not complete.
        let mut looks = true;
        while !self.is_stopping() {
            let environments = if looks { self.parts.catalog.state() } else { Arc::default() };
            looks = false;
            for environment in environments.environments.iter().map(|entry| entry.id) {
                // A panic is a defect; the next look tries again.
                let run = std::panic::AssertUnwindSafe(|| self.purge_due(environment, &mut late));
                looks |= std::panic::catch_unwind(run).unwrap_or_else(|_| {
                    tracing::error!(%environment, "a purge panicked; it is tried again");
                    true
                });
            }
            let mut state = lock(&self.state);
            if !state.is_rung && !state.is_stopping {
                let waited = self.bell.wait_timeout(state, LOOK_EVERY);
                state = waited.unwrap_or_else(PoisonError::into_inner).0;
            }
            looks |= std::mem::take(&mut state.is_rung);
        }
    }

    /// Purges what is due. Answers whether anything is left to do.
    fn purge_due(
        &self,
        environment: EnvironmentId,
        late: &mut HashSet<(EnvironmentId, ErasureNumber)>,
    ) -> bool {
        let now = self.parts.clock.now();
        let (due, later): (Vec<Erasure>, Vec<Erasure>) = match self.parts.erasures.erasures(environment) {
            Ok(all) => {
                all.into_iter().filter(|one| !one.status.is_ended()).partition(|one| one.due_at <= now)
            }
            Err(error) => {
                tracing::error!(%environment, %error, "erasures cannot be read");
                return true;
            }
        };
        if due.is_empty() {
            return !later.is_empty();
        }
        for erasure in &due {
            self.forget(environment, erasure);
            if erasure.is_late(now) && late.insert((environment, erasure.number)) {
                tracing::error!(%environment, id = erasure.id, "an erasure is not complete in the time that was promised");
            }
        }
        let numbers: Vec<ErasureNumber> = due.iter().map(|erasure| erasure.number).collect();
        let clock = || self.parts.clock.now();
        match self.parts.erasures.purge(environment, &numbers, &clock, &|| self.is_stopping()) {
            Ok(Purged::Completed) => {
                tracing::info!(%environment, count = due.len(), "erasures are complete");
                return !later.is_empty();
            }
            Ok(Purged::Waits(_) | Purged::Stopped) => {}
            Err(error) => tracing::error!(%environment, %error, "a purge failed; it is tried again"),
        }
        true
    }
}

impl ErasureSettings {
    /// When what was accepted now is purged.
    fn due_at(&self, now: Timestamp) -> Timestamp {
        match self.schedule {
            ErasureSchedule::AtOnce => now,
            ErasureSchedule::Daily => {
                let into_day = (now.0 - DAILY_AT).rem_euclid(DAY);
                if into_day == 0 { now } else { now.plus(DAY - into_day) }
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_daily_purge_begins_at_the_next_two_o_clock() {
        let settings = ErasureSettings { schedule: ErasureSchedule::Daily, ..ErasureSettings::default() };
        let due = |text: &str| settings.due_at(Timestamp::parse(text).unwrap());
        let at = |text: &str| Timestamp::parse(text).unwrap();
        assert_eq!(due("2026-11-21T01:59:59Z"), at("2026-11-21T02:00:00Z"));
        assert_eq!(due("2026-11-21T02:00:00Z"), at("2026-11-21T02:00:00Z"));
        assert_eq!(due("2026-11-21T02:00:01Z"), at("2026-11-22T02:00:00Z"));
        assert_eq!(ErasureSettings::default().due_at(Timestamp(5)), Timestamp(5));
    }
}
