//! Events that are taken once each (law 2): a guarded call, and the rows of an import, many at a time.
//!
//! What is claimed, and who lets go of it, is as in `guards.rs`. The guards of a batch are sorted and looked up in that
//! order, in the overlay and then in the store. Every look-up that finds nothing asks the store's tables; their filters
//! are there for that, and what it costs with many millions stored is not measured yet (`make bench`, row `import`).
//! History has postings by subject and time, but no guards in an order that a sorted batch could be merged with.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Waker};

use muster_kernel::model::batch::EventBatch;
use muster_kernel::model::event::EventDraft;
use muster_kernel::model::guard::Guard;
use muster_kernel::ports::{AppendError, Appended, AppendedOnce, AppendingOnce, Once, StoreError};

use crate::environment::Environment;
use crate::log::queue::Waiting;

/// Appends a guarded event, unless it was taken before; waits while the same one is under way.
pub(crate) async fn append(environment: &Environment, event: &EventDraft) -> Result<Appended, AppendError> {
    let guards = event.guards.as_slice();
    let under_way = &environment.state.guards;
    poll_fn(|context| if under_way.claim(guards, context.waker()) { Poll::Ready(()) } else { Poll::Pending })
        .await;
    let release = || guards.iter().for_each(|guard| under_way.release(&guard.key));
    match first_outcome(environment, guards) {
        Ok(None) => {}
        Ok(Some(outcome)) => {
            release();
            return outcome;
        }
        Err(error) => {
            release();
            return Err(AppendError::Failed(error.to_string()));
        }
    }
    // From here on the threads of the environment release the guards.
    match environment.queue.push(|out| environment.state.erasures.admit(event, out)) {
        Ok(Some(waiting)) => waiting.await.map(Appended::Stored),
        Ok(None) => {
            release();
            Ok(Appended::Suppressed)
        }
        Err(refusal) => {
            release();
            Err(AppendError::Refused(refusal))
        }
    }
}

/// How a call with one of these guards was answered before, if there was one.
pub(crate) fn first_outcome(
    environment: &Environment,
    guards: &[Guard],
) -> Result<Option<Result<Appended, AppendError>>, StoreError> {
    let generations = environment.state.overlay.generations();
    for guard in guards {
        let fresh = generations.each().find_map(|generation| generation.guarded(&guard.key));
        let known = match fresh {
            Some(known) => Some(known),
            None => environment.state.store.guarded(&guard.key)?,
        };
        if let Some(known) = known {
            let same = known.body == guard.body;
            let duplicate =
                || Appended::Duplicate { receipt: known.receipt, warnings: known.warnings.into() };
            return Ok(Some(if same { Ok(duplicate()) } else { Err(AppendError::Conflict(guard.kind)) }));
        }
    }
    Ok(None)
}

/// How far an append came at once.
enum Begun {
    /// One of its guards is under way; the waker is called when it is not any more.
    Waits,
    /// The unknown events are on their way.
    Under(Vec<Once>, Option<Waiting>),
    Failed(AppendError),
}

/// Takes the events that are not known. What can be done at once is done before this returns.
pub(crate) fn append_many(environment: Arc<Environment>, events: &EventBatch) -> AppendingOnce {
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
            under_way.release_all(firsts.iter().map(|guard| &guard.key));
            return Begun::Failed(AppendError::Failed(error.to_string()));
        }
    };
    let firsts = order.chunk_by(|a, b| guards[*a].key == guards[*b].key).map(|equal| equal[0]);
    let known = firsts.filter(|first| outcomes[*first] != Once::Stored);
    under_way.release_all(known.map(|known| &guards[known].key));
    let is_unknown = |at: &usize| outcomes[*at] == Once::Stored;
    if !(0..guards.len()).any(|at| is_unknown(&at)) {
        return Begun::Under(outcomes, None);
    }
    let unknown = events.payloads().enumerate().filter(|(at, _)| is_unknown(at)).map(|(_, payload)| payload);
    // From here on the threads of the environment release the guards.
    match environment.queue.push_many(unknown) {
        Ok(waiting) => Begun::Under(outcomes, Some(waiting)),
        Err(refusal) => {
            under_way.release_all((0..guards.len()).filter(is_unknown).map(|at| &guards[at].key));
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
    let equals = || order.chunk_by(|a, b| guards[*a].key == guards[*b].key);
    let mut fresh: Vec<Option<[u8; 16]>> = vec![None; equals().count()];
    for generation in generations.each() {
        let mut known = fresh.iter_mut();
        generation.bodies(equals().map(|equal| &guards[equal[0]].key), |body| {
            known.next().into_iter().for_each(|known| *known = known.or(body));
        });
    }
    let mut outcomes = vec![Once::Stored; guards.len()];
    for (equal, fresh) in equals().zip(fresh) {
        let first = &guards[equal[0]];
        let known = match fresh {
            Some(body) => Some(body),
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
