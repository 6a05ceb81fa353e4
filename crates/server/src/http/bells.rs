//! Wakes that come to an edge thread from other threads, gathered so that many of them cost one system call.
//!
//! A batch of the log answers many waiting calls at once. A wake from outside interrupts the runtime's wait each time
//! (a write to an eventfd, measured as one system call in three), so only the first of a run of wakes does that: the
//! others are left in a list that the edge thread empties by itself.

use std::future::poll_fn;
use std::mem::swap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Wake, Waker};

/// The bells of one edge thread.
#[derive(Default)]
pub(super) struct Bells {
    rung: Mutex<Rung>,
}

#[derive(Default)]
struct Rung {
    /// Tasks to be woken; at most one for each open connection.
    tasks: Vec<Waker>,
    /// Wakes [`Bells::keep`].
    keeper: Option<Waker>,
}

/// Wakes one task by way of its thread's list.
struct Bell {
    bells: Arc<Bells>,
    task: Waker,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.bells.ring(self.task.clone());
    }
}

impl Bells {
    /// A waker for `task` that other threads may hold.
    pub(super) fn bell(self: &Arc<Self>, task: &Waker) -> Waker {
        Waker::from(Arc::new(Bell { bells: Arc::clone(self), task: task.clone() }))
    }

    fn ring(&self, task: Waker) {
        let mut rung = self.rung();
        rung.tasks.push(task);
        // Whoever finds tasks before its own knows that the keeper was called.
        let keeper = if rung.tasks.len() == 1 { rung.keeper.clone() } else { None };
        drop(rung);
        if let Some(keeper) = keeper {
            keeper.wake();
        }
    }

    /// Wakes what was rung for, without end. Runs on the edge thread, where waking a task is only putting it in line.
    pub(super) async fn keep(self: Arc<Self>) {
        let mut tasks = Vec::new();
        poll_fn(|context| {
            let mut rung = self.rung();
            rung.keeper = Some(context.waker().clone());
            swap(&mut tasks, &mut rung.tasks);
            drop(rung);
            tasks.drain(..).for_each(Waker::wake);
            Poll::<()>::Pending
        })
        .await;
    }

    fn rung(&self) -> MutexGuard<'_, Rung> {
        self.rung.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Context;

    use super::*;

    #[derive(Default)]
    struct Counter(AtomicUsize);

    impl Wake for Counter {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn many_rings_call_the_keeper_once_and_wake_every_task() {
        let bells = Arc::new(Bells::default());
        let (keeper, task) = (Arc::new(Counter::default()), Arc::new(Counter::default()));
        let counts = || (keeper.0.load(Ordering::SeqCst), task.0.load(Ordering::SeqCst));
        let task_waker = Waker::from(Arc::clone(&task));
        bells.bell(&task_waker).wake();
        let mut keeping = pin!(Arc::clone(&bells).keep());
        let keeper_waker = Waker::from(Arc::clone(&keeper));
        let mut keep = || keeping.as_mut().poll(&mut Context::from_waker(&keeper_waker));
        assert!(keep().is_pending());
        assert_eq!(counts(), (0, 1), "rung before the keeper came");
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..50).for_each(|_| bells.bell(&task_waker).wake()));
            }
        });
        assert_eq!(counts(), (1, 1), "the first ring calls the keeper, the others find it called");
        assert!(keep().is_pending());
        assert_eq!(counts(), (1, 201));
        bells.bell(&task_waker).wake();
        assert_eq!(counts().0, 2, "an empty list calls it again");
    }
}
