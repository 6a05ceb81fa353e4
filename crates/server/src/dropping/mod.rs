//! Dropping raw events at work, off the threads that answer.
//!
//! One thread at background priority looks now and then which environments keep events for some days only, and has the engine
//! drop what is a day older than that. It holds nothing: what was dropped is the engine's to know, and what a stop cut short is
//! done at the next look. It never answers HTTP and never names an engine.

use std::collections::HashSet;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use muster_kernel::model::catalog::Environment;
use muster_kernel::model::id::EnvironmentId;
use muster_kernel::model::raw_events::Dropped;
use muster_kernel::model::sync::{DataSync, Day};
use muster_kernel::model::team::DAY;
use muster_kernel::model::time::Timestamp;
use muster_kernel::ports::{Catalog, Clock, RawEvents, StoreError};

/// How long to wait before looking again.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// How much older than asked for the oldest event becomes before it goes: each time the base is written anew, which costs as
/// much for one event as for a day of them.
const SLACK: i64 = DAY;

/// What dropping works with.
#[derive(Clone)]
pub struct Parts {
    /// Where events are dropped.
    pub raw_events: Arc<dyn RawEvents>,
    /// Environments.
    pub catalog: Arc<dyn Catalog>,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// Lowers the priority of the thread that calls it.
    pub yield_to_others: fn(),
}

/// Drops raw events as environments ask for.
pub struct Dropper {
    inner: Arc<Inner>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Inner {
    parts: Parts,
    is_stopping: Mutex<bool>,
    bell: Condvar,
}

impl Dropper {
    /// One that has not begun.
    pub fn new(parts: Parts) -> Dropper {
        let inner = Inner { parts, is_stopping: Mutex::default(), bell: Condvar::new() };
        Dropper { inner: Arc::new(inner), thread: Mutex::default() }
    }

    /// Begins to look.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub fn start(&self) -> std::io::Result<()> {
        let inner = Arc::clone(&self.inner);
        let thread = std::thread::Builder::new().name("muster-drop".to_owned()).spawn(move || {
            (inner.parts.yield_to_others)();
            inner.work();
        })?;
        *lock(&self.thread) = Some(thread);
        Ok(())
    }

    /// Lets it come to a halt and waits for it. It goes on at the next start.
    pub fn stop(&self) {
        *lock(&self.inner.is_stopping) = true;
        self.inner.bell.notify_all();
        if let Some(thread) = lock(&self.thread).take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that drops raw events had failed before it was stopped");
        }
    }
}

impl Inner {
    fn is_stopping(&self) -> bool {
        *lock(&self.is_stopping)
    }

    fn work(&self) {
        let mut failed = HashSet::new();
        while !self.is_stopping() {
            for environment in &self.parts.catalog.state().environments {
                // A panic is a defect; the next look tries again.
                let run = std::panic::AssertUnwindSafe(|| self.drop_due(environment));
                let done = std::panic::catch_unwind(run)
                    .unwrap_or_else(|_| Err(StoreError::Failed("it panicked".to_owned())));
                self.tell(environment.id, done, &mut failed);
            }
            let waiting = lock(&self.is_stopping);
            let idle = |is_stopping: &mut bool| !*is_stopping;
            drop(
                self.bell
                    .wait_timeout_while(waiting, LOOK_EVERY, idle)
                    .unwrap_or_else(PoisonError::into_inner),
            );
        }
    }

    /// Says once that it fails, not at every look.
    fn tell(
        &self,
        environment: EnvironmentId,
        done: Result<Option<Dropped>, StoreError>,
        failed: &mut HashSet<EnvironmentId>,
    ) {
        match done {
            Ok(dropped) => {
                failed.remove(&environment);
                if let Some(Dropped::Done(kept)) = dropped {
                    let until = kept.dropped_until.0;
                    tracing::info!(%environment, until, "raw events were dropped");
                }
            }
            Err(error) => {
                if failed.insert(environment) {
                    tracing::error!(%environment, %error, "raw events could not be dropped; it is tried again");
                }
            }
        }
    }

    /// Drops what is due in an environment, if anything is. What a data sync still has to read stays.
    fn drop_due(&self, environment: &Environment) -> Result<Option<Dropped>, StoreError> {
        let Some(days) = environment.keep_events_days else { return Ok(None) };
        let raw = &self.parts.raw_events;
        let oldest = raw.kept(environment.id)?.oldest_received_at;
        let state = self.parts.catalog.state();
        let unread = state.sync(environment.id).and_then(DataSync::first_unread).map(Day::first_receipt);
        match due(days, unread, oldest, self.parts.clock.now()) {
            Some(before) => raw.drop_before(environment.id, before, &|| self.is_stopping()).map(Some),
            None => Ok(None),
        }
    }
}

/// Before which time everything is dropped, if the oldest event is old enough for it to be worth it; nothing that came in
/// since `unread`.
fn due(days: u32, unread: Option<Timestamp>, oldest: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
    let before = now.plus(-i64::from(days) * DAY);
    let before = unread.map_or(before, |unread| before.min(unread));
    (oldest? < before.plus(-SLACK)).then_some(before)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_go_once_the_oldest_is_a_day_older_than_they_are_kept() {
        let now = Timestamp(100 * DAY);
        assert_eq!(due(30, None, None, now), None);
        assert_eq!(due(30, None, Some(Timestamp(69 * DAY)), now), None);
        assert_eq!(due(30, None, Some(Timestamp(69 * DAY - 1)), now), Some(Timestamp(70 * DAY)));
    }

    #[test]
    fn what_a_data_sync_has_not_read_stays() {
        let (now, oldest) = (Timestamp(100 * DAY), Some(Timestamp(50 * DAY)));
        assert_eq!(due(30, Some(Timestamp(99 * DAY)), oldest, now), Some(Timestamp(70 * DAY)));
        assert_eq!(due(30, Some(Timestamp(60 * DAY)), oldest, now), Some(Timestamp(60 * DAY)));
        assert_eq!(due(30, Some(Timestamp(51 * DAY)), oldest, now), None);
    }
}
