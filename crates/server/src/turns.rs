//! Work that takes turns on threads of its own: so many at once, the first that came first.
//!
//! What is done, and what becomes of it, is told by whoever lets it in (`jobs`, `exports`).

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Those that run or wait, by name.
pub(crate) struct Turns<Name, Control> {
    running_max: usize,
    state: Mutex<State<Name, Control>>,
    /// Rung when somebody is to stop.
    bell: Condvar,
}

struct State<Name, Control> {
    live: HashMap<Name, Arc<Control>>,
    waiting: VecDeque<Name>,
    running: usize,
    threads: Vec<JoinHandle<()>>,
    is_stopping: bool,
}

impl<Name: Copy + Eq + Hash, Control> Turns<Name, Control> {
    pub(crate) fn new(running_max: usize) -> Self {
        let state = State {
            live: HashMap::new(),
            waiting: VecDeque::new(),
            running: 0,
            threads: Vec::new(),
            is_stopping: false,
        };
        Turns { running_max, state: Mutex::new(state), bell: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State<Name, Control>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One that runs or waits.
    pub(crate) fn live(&self, name: Name) -> Option<Arc<Control>> {
        self.lock().live.get(&name).cloned()
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.lock().is_stopping
    }

    /// Lets one in. When it need not wait, `start` starts a thread that calls [`Turns::work`].
    ///
    /// # Errors
    /// When no thread could be started: it waits for the next one.
    pub(crate) fn enter(
        &self,
        name: Name,
        control: Control,
        start: impl FnOnce() -> io::Result<JoinHandle<()>>,
    ) -> io::Result<()> {
        let mut state = self.lock();
        state.live.insert(name, Arc::new(control));
        state.waiting.push_back(name);
        if state.running >= self.running_max || state.is_stopping {
            return Ok(());
        }
        let thread = start()?;
        state.running += 1;
        state.threads.retain(|thread| !thread.is_finished());
        state.threads.push(thread);
        Ok(())
    }

    /// Runs what waits, until nothing does. `run` answers whether it has ended; what has not stays for the next start. A panic
    /// is a defect: `failed` is told, the others go on.
    pub(crate) fn work(&self, run: impl Fn(Name, &Control) -> bool, failed: impl Fn(Name, &Control)) {
        while let Some((name, control)) = self.next() {
            let has_ended = catch_unwind(AssertUnwindSafe(|| run(name, &control))).unwrap_or_else(|_| {
                failed(name, &control);
                false
            });
            if has_ended {
                self.lock().live.remove(&name);
            }
        }
    }

    fn next(&self) -> Option<(Name, Arc<Control>)> {
        let mut state = self.lock();
        let next = if state.is_stopping { None } else { state.waiting.pop_front() };
        let next = next.and_then(|name| Some((name, Arc::clone(state.live.get(&name)?))));
        if next.is_none() {
            state.running -= 1;
        }
        next
    }

    /// Wakes those that rest.
    pub(crate) fn ring(&self) {
        self.bell.notify_all();
    }

    /// Waits, as long as `undisturbed` and nobody stops.
    pub(crate) fn rest(&self, longest: Duration, undisturbed: impl Fn() -> bool) {
        let goes_on = |state: &mut State<Name, Control>| !state.is_stopping && undisturbed();
        let rested = self.bell.wait_timeout_while(self.lock(), longest, goes_on);
        drop(rested.unwrap_or_else(PoisonError::into_inner));
    }

    /// Has all come to a halt, and waits for it. `halt` is called for each that runs or waits. Answers whether no thread had
    /// failed.
    pub(crate) fn stop(&self, halt: impl Fn(&Control)) -> bool {
        let threads = {
            let mut state = self.lock();
            state.is_stopping = true;
            state.live.values().for_each(|control| halt(control));
            std::mem::take(&mut state.threads)
        };
        self.ring();
        // Every one is waited for, also behind one that had failed.
        let failed = threads.into_iter().filter_map(|thread| thread.join().err()).count();
        failed == 0
    }
}
