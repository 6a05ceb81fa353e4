//! Many events that are taken once each (law 2): the rows of an import.
//!
//! The guards of a batch are sorted and looked up in that order, in the overlay and then in the store. What is claimed, and
//! who lets go of it, is as in `guards.rs`. Every look-up that finds nothing asks the store's tables; their filters are
//! there for that, and what it costs with many millions stored is not measured yet (`make bench`, row `import`). Once
//! history is on disk, its postings, sorted by subject and time, can answer a sorted batch with one merge instead.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Waker};

use muster_kernel::model::batch::EventBatch;
use muster_kernel::model::event::Guard;
use muster_kernel::ports::{AppendError, AppendedOnce, AppendingOnce, Once, StoreError};

use crate::environment::Environment;
use crate::log::queue::Waiting;

/// How far an append came at once.
enum Begun {
    /// One of its guards is under way; the waker is called when it is not any more.
    Waits,
    /// The unknown events are on their way.
    Under(Vec<Once>, Option<Waiting>),
    Failed(AppendError),
}

/// Takes the events that are not known. What can be done at once is done before this returns.
pub(crate) fn append(environment: Arc<Environment>, events: &EventBatch) -> AppendingOnce {
    let Some(guards) = events.guards().filter(|guards| !guards.is_empty()) else {
        let message = "not one guard for each event".to_owned();
        return Box::pin(std::future::ready(Err(AppendError::Failed(message))));
    };
    let begun = begin(&environment, events, guards, Waker::noop());
    // Whoever waits may outlive the caller's batch.
    let kept = if matches!(begun, Begun::Waits) { events.clone() } else { EventBatch::default() };
    let mut begun = Some(begun).filter(|begun| !matches!(begun, Begun::Waits));
    Box::pin(async move {
        let begun = poll_fn(|context| {
            if let Some(begun) = begun.take() {
                return Poll::Ready(begun);
            }
            match begin(&environment, &kept, kept.guards().unwrap_or_default(), context.waker()) {
                Begun::Waits => Poll::Pending,
                begun => Poll::Ready(begun),
            }
        });
        match begun.await {
            Begun::Under(outcomes, None) => Ok(AppendedOnce { outcomes, last: None }),
            Begun::Under(outcomes, Some(waiting)) => {
                let last = waiting.await?;
                Ok(AppendedOnce { outcomes, last: Some(last) })
            }
            Begun::Failed(error) => Err(error),
            Begun::Waits => Err(AppendError::Failed("an append ended while it waited".to_owned())),
        }
    })
}

fn begin(environment: &Environment, events: &EventBatch, guards: &[Guard], waker: &Waker) -> Begun {
    let under_way = &environment.state.guards;
    let order = sorted(guards);
    let firsts: Vec<Guard> =
        order.chunk_by(|a, b| guards[*a].key == guards[*b].key).map(|equal| guards[equal[0]]).collect();
    if !under_way.claim(&firsts, waker) {
        return Begun::Waits;
    }
    let outcomes = match look_up_in(environment, guards, &order) {
        Ok(outcomes) => outcomes,
        Err(error) => {
            firsts.iter().for_each(|guard| under_way.release(&guard.key));
            return Begun::Failed(AppendError::Failed(error.to_string()));
        }
    };
    for equal in order.chunk_by(|a, b| guards[*a].key == guards[*b].key) {
        if outcomes[equal[0]] != Once::Stored {
            under_way.release(&guards[equal[0]].key);
        }
    }
    let is_unknown = |at: &usize| outcomes[*at] == Once::Stored;
    if !(0..guards.len()).any(|at| is_unknown(&at)) {
        return Begun::Under(outcomes, None);
    }
    let unknown = events.payloads().enumerate().filter(|(at, _)| is_unknown(at)).map(|(_, payload)| payload);
    // From here on the threads of the environment release the guards.
    match environment.queue.push_many(unknown) {
        Ok(waiting) => Begun::Under(outcomes, Some(waiting)),
        Err(refusal) => {
            (0..guards.len()).filter(is_unknown).for_each(|at| under_way.release(&guards[at].key));
            Begun::Failed(AppendError::Refused(refusal))
        }
    }
}

/// What would become of each event now.
pub(crate) fn look_up(environment: &Environment, events: &EventBatch) -> Result<Vec<Once>, StoreError> {
    let mistake = || StoreError::Failed("not one guard for each event".to_owned());
    let guards = events.guards().filter(|guards| !guards.is_empty()).ok_or_else(mistake)?;
    look_up_in(environment, guards, &sorted(guards))
}

/// The places of the guards in the order of their keys; of equal ones the first stays first.
fn sorted(guards: &[Guard]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..guards.len()).collect();
    order.sort_unstable_by(|a, b| guards[*a].key.cmp(&guards[*b].key).then(a.cmp(b)));
    order
}

fn look_up_in(environment: &Environment, guards: &[Guard], order: &[usize]) -> Result<Vec<Once>, StoreError> {
    // Taken once: what is moved into the store meanwhile is still seen here.
    let generations = environment.state.overlay.generations();
    let mut outcomes = vec![Once::Stored; guards.len()];
    for equal in order.chunk_by(|a, b| guards[*a].key == guards[*b].key) {
        let first = &guards[equal[0]];
        let fresh = generations.each().find_map(|generation| generation.guarded(&first.key));
        let known = match fresh {
            Some(known) => Some(known.body),
            None => environment.state.store.guarded(&first.key)?.map(|known| known.body),
        };
        let (body, rest) = match known {
            Some(body) => (body, equal),
            None => (first.body, &equal[1..]),
        };
        for &at in rest {
            outcomes[at] = if guards[at].body == body { Once::Duplicate } else { Once::Conflict };
        }
    }
    Ok(outcomes)
}
