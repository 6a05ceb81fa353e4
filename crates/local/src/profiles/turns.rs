//! Taking turns: the mover and a purge both read where profiles are and then replace it, one at a time.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Whose turn it is. A purge goes first where both wait, because the mover would otherwise begin again before anybody
/// else has woken up.
#[derive(Default)]
pub struct Turns {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    taken: bool,
    purges_waiting: usize,
}

/// A turn; it ends when this is dropped.
pub struct Turn<'a>(&'a Turns);

impl Turns {
    /// Waits for the mover's turn.
    pub fn mover(&self) -> Turn<'_> {
        self.wait(|state| state.taken || state.purges_waiting > 0).taken = true;
        Turn(self)
    }

    /// Waits for a purge's turn.
    pub fn purge(&self) -> Turn<'_> {
        self.lock().purges_waiting += 1;
        let mut state = self.wait(|state| state.taken);
        state.purges_waiting -= 1;
        state.taken = true;
        drop(state);
        Turn(self)
    }

    fn wait(&self, is_busy: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        let waited = self.changed.wait_while(self.lock(), |state| is_busy(state));
        waited.unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.lock().taken = false;
        self.0.changed.notify_all();
    }
}
