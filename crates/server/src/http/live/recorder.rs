//! The shelves on which calls are kept: two rings for each environment, so that no flood of accepted calls pushes a
//! refused one out, and one for calls without a known key.
//!
//! One short lock around all of it: what comes in is bounded by the budget, and readers take references and leave.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use muster_kernel::model::erasure::{ErasedKind, Erasure};
use muster_kernel::model::id::{EnvironmentId, KeyId};
use muster_kernel::model::problem::Problem;
use muster_kernel::model::time::Timestamp;

use super::budget::{REFUSED_PER_SECOND_MAX, STRANGERS_PER_SECOND_MAX, Window};
use super::call::{Call, Outcome, Outside};
use super::causes::{Cause, Causes};
use super::filter::Filter;
use super::ring::{Bounds, Ring};
use super::sketch::Sketch;

/// What is kept of an environment's accepted calls.
const ACCEPTED: Bounds = Bounds { calls_max: 500, bytes_max: 2 << 20 };
/// What is kept of an environment's refused calls.
const REFUSED: Bounds = Bounds { calls_max: 500, bytes_max: 4 << 20 };
/// What is kept of calls without a known key, over the whole server.
const STRANGERS: Bounds = Bounds { calls_max: 200, bytes_max: 2 << 20 };
/// Streams that may be open at once.
pub(super) const STREAMS_MAX: usize = 64;

/// Whose calls a reader sees.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope {
    pub environment: EnvironmentId,
    /// Whether calls without a known key are shown as well.
    pub with_strangers: bool,
}

/// Where a reader is in each ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cursor([u64; RINGS]);

/// Accepted, refused, and those without a known key.
const RINGS: usize = 3;

/// What one look at the shelves found.
#[derive(Debug, Default)]
pub(super) struct Look {
    /// Calls in the order in which they were recorded.
    pub calls: Vec<Arc<Call>>,
    /// How many had gone before the reader came to them.
    pub missed: u64,
}

/// See the module.
pub(in crate::http) struct Recorder {
    shelves: Mutex<Shelves>,
    streams: AtomicUsize,
}

struct Shelves {
    last_sequence: u64,
    environments: HashMap<EnvironmentId, Shelf>,
    strangers: Shelf,
}

struct Shelf {
    accepted: Ring,
    refused: Ring,
    causes: Causes,
    /// For the accepted ones, which take their places without the lock.
    window: Arc<Window>,
    refusals: Window,
    refusals_per_second_max: u32,
    /// Refused calls over the budget.
    skipped: u64,
}

impl Shelf {
    fn new(refused: Bounds, refusals_per_second_max: u32) -> Self {
        Shelf {
            accepted: Ring::new(ACCEPTED),
            refused: Ring::new(refused),
            causes: Causes::default(),
            window: Arc::default(),
            refusals: Window::default(),
            refusals_per_second_max,
            skipped: 0,
        }
    }
}

impl Shelves {
    fn of(&mut self, environment: Option<EnvironmentId>) -> &mut Shelf {
        let Some(environment) = environment else { return &mut self.strangers };
        let new = || Shelf::new(REFUSED, REFUSED_PER_SECOND_MAX);
        self.environments.entry(environment).or_insert_with(new)
    }

    fn rings(&self, scope: Scope) -> [Option<&Ring>; RINGS] {
        let shelf = self.environments.get(&scope.environment);
        let strangers = scope.with_strangers.then_some(&self.strangers.refused);
        [shelf.map(|shelf| &shelf.accepted), shelf.map(|shelf| &shelf.refused), strangers]
    }
}

impl Recorder {
    /// Sequences begin with the time of the start, so that they grow over restarts as well.
    pub(in crate::http) fn new(start: Timestamp) -> Self {
        let shelves = Shelves {
            last_sequence: start.0.try_into().unwrap_or_default(),
            environments: HashMap::new(),
            strangers: Shelf::new(STRANGERS, STRANGERS_PER_SECOND_MAX),
        };
        Recorder { shelves: Mutex::new(shelves), streams: AtomicUsize::new(0) }
    }

    /// Forgets what the kept calls say about whom an erasure names; that there was a call stays.
    pub(in crate::http) fn forget(&self, environment: EnvironmentId, erasure: &Erasure) {
        self.forget_ids(environment, erasure.kind, &erasure.ids);
    }

    fn forget_ids(&self, environment: EnvironmentId, kind: ErasedKind, ids: &[String]) {
        let shorten = |call: &Call| call.is_about(kind, ids).then(|| call.without_subject());
        let mut shelves = self.lock();
        let Shelf { accepted, refused, .. } = shelves.of(Some(environment));
        accepted.replace(shorten);
        refused.replace(shorten);
        // Calls without a known key may be about anybody.
        shelves.strangers.refused.replace(shorten);
    }

    /// From which the accepted calls of an environment take their places.
    pub(in crate::http) fn window(&self, environment: EnvironmentId) -> Arc<Window> {
        Arc::clone(&self.lock().of(Some(environment)).window)
    }

    /// Counts a refused call under its cause. Answers whether there is room to record it.
    pub(super) fn count_refusal(
        &self,
        environment: Option<EnvironmentId>,
        problem: &Problem,
        route: &str,
        key: Option<KeyId>,
        at: Timestamp,
    ) -> bool {
        let mut shelves = self.lock();
        let shelf = shelves.of(environment);
        shelf.causes.note(problem, route, key, at);
        let fits = shelf.refusals.take(at, shelf.refusals_per_second_max);
        shelf.skipped += u64::from(!fits);
        fits
    }

    /// Puts a call on the shelf of its environment.
    pub(in crate::http) fn keep(&self, outside: Outside, sketch: Sketch) {
        let mut shelves = self.lock();
        shelves.last_sequence += 1;
        let call = Call::new(shelves.last_sequence, outside, sketch);
        let shelf = shelves.of(call.sketch.environment);
        if let Some(problem) = call.sketch.problems.first() {
            shelf.causes.sample(problem, &call.outside.route, call.sequence);
        }
        let ring = match call.sketch.outcome {
            Outcome::Refused => &mut shelf.refused,
            Outcome::Stored | Outcome::Duplicate | Outcome::Read => &mut shelf.accepted,
        };
        ring.push(Arc::new(call));
    }

    /// Where a reader begins: behind the call with this sequence, or behind the newest when none is given. A sequence
    /// that is yet to come is one of another life of the clock: the reader begins with the oldest call.
    pub(super) fn begin(&self, scope: Scope, after: Option<u64>) -> Cursor {
        let shelves = self.lock();
        let after = after.map(|after| if after > shelves.last_sequence { 0 } else { after });
        Cursor(shelves.rings(scope).map(|ring| match (ring, after) {
            (None, _) => 0,
            (Some(ring), None) => ring.end(),
            (Some(ring), Some(after)) => ring.after(after),
        }))
    }

    /// The next calls that `filter` takes, at most `max`; moves the reader on.
    pub(super) fn look(&self, scope: Scope, filter: &Filter, cursor: &mut Cursor, max: usize) -> Look {
        let shelves = self.lock();
        let rings = shelves.rings(scope);
        let mut look = Look::default();
        for (ring, place) in rings.iter().zip(&mut cursor.0) {
            let gone = ring.map_or(0, Ring::gone);
            look.missed += gone.saturating_sub(*place);
            *place = gone.max(*place);
        }
        while look.calls.len() < max {
            let heads = rings.iter().zip(&mut cursor.0).filter_map(|(ring, place)| {
                let head = (*ring)?.at(*place)?;
                Some((head, place))
            });
            let Some((call, place)) = heads.min_by_key(|(call, _)| call.sequence) else { break };
            *place += 1;
            if filter.takes(call) {
                look.calls.push(Arc::clone(call));
            }
        }
        look
    }

    /// The newest calls before a sequence that `filter` takes, newest first, and whether there are older ones.
    pub(super) fn page(
        &self,
        scope: Scope,
        filter: &Filter,
        before: Option<u64>,
        limit: usize,
    ) -> (Vec<Arc<Call>>, bool) {
        let shelves = self.lock();
        let rings = shelves.rings(scope);
        let mut ends = rings.map(|ring| {
            let before = before.map_or(u64::MAX, |before| before.saturating_sub(1));
            ring.map_or(0, |ring| ring.after(before))
        });
        let mut calls = Vec::new();
        loop {
            let tails = rings.iter().zip(&mut ends).filter_map(|(ring, end)| {
                let tail = (*ring)?.at(end.checked_sub(1)?)?;
                Some((tail, end))
            });
            let Some((call, end)) = tails.max_by_key(|(call, _)| call.sequence) else { break };
            *end -= 1;
            if filter.takes(call) {
                if calls.len() == limit {
                    return (calls, true);
                }
                calls.push(Arc::clone(call));
            }
        }
        (calls, false)
    }

    /// The call with a sequence.
    pub(super) fn call(&self, scope: Scope, sequence: u64) -> Option<Arc<Call>> {
        self.lock().rings(scope).into_iter().flatten().find_map(|ring| ring.of(sequence)).cloned()
    }

    /// How many refused calls were over the budget.
    pub(super) fn skipped(&self, scope: Scope) -> u64 {
        let shelves = self.lock();
        let own = shelves.environments.get(&scope.environment).map_or(0, |shelf| shelf.skipped);
        own + if scope.with_strangers { shelves.strangers.skipped } else { 0 }
    }

    /// Why calls were refused, the newest cause first. A sample that has gone is not named.
    pub(super) fn causes(&self, scope: Scope) -> Vec<Cause> {
        let shelves = self.lock();
        let own = shelves.environments.get(&scope.environment);
        let strangers = scope.with_strangers.then_some(&shelves.strangers);
        let mut causes = Vec::new();
        for shelf in own.into_iter().chain(strangers) {
            causes.extend(shelf.causes.all().iter().cloned().map(|mut cause| {
                cause.sample = cause.sample.filter(|sample| shelf.refused.of(*sample).is_some());
                cause
            }));
        }
        causes.sort_by_key(|cause| std::cmp::Reverse(cause.last_seen));
        causes
    }

    /// A place among the open streams, unless all are taken.
    pub(super) fn enter(self: &Arc<Self>) -> Option<OpenStream> {
        let is_taken = self.streams.fetch_add(1, Ordering::Relaxed) < STREAMS_MAX;
        // When it is not, dropping it gives the place back at once.
        let open = OpenStream(Arc::clone(self));
        is_taken.then_some(open)
    }

    /// Open streams.
    pub(in crate::http) fn streams(&self) -> usize {
        self.streams.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Shelves> {
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place among the open streams.
pub(super) struct OpenStream(Arc<Recorder>);

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.streams.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use axum::http::{HeaderValue, Method};
    use muster_kernel::model::problem::ProblemCode;

    use super::super::sketch::KeptBody;

    use super::*;

    const PRODUCTION: Scope = Scope { environment: EnvironmentId(1), with_strangers: true };

    pub(in super::super) fn call(sequence: u64) -> Call {
        Call::new(sequence, outside(), Sketch::new(Timestamp(0), Outcome::Stored))
    }

    fn outside() -> Outside {
        Outside {
            request_id: HeaderValue::from_static("r"),
            method: Method::POST,
            path: "/v1/identify".to_owned(),
            route: "/v1/identify".to_owned(),
            status: 202,
            duration_us: 1,
        }
    }

    fn keep(recorder: &Recorder, environment: Option<u32>, outcome: Outcome) {
        let environment = environment.map(EnvironmentId);
        recorder.keep(outside(), Sketch { environment, ..Sketch::new(Timestamp(0), outcome) });
    }

    fn sequences(calls: &[Arc<Call>]) -> Vec<u64> {
        calls.iter().map(|call| call.sequence).collect()
    }

    #[test]
    fn a_reader_sees_its_environment_and_strangers_in_order_and_nothing_else() {
        let recorder = Recorder::new(Timestamp(100));
        let mut cursor = recorder.begin(PRODUCTION, None);
        for (environment, outcome) in [
            (Some(1), Outcome::Stored),
            (None, Outcome::Refused),
            (Some(2), Outcome::Stored),
            (Some(1), Outcome::Refused),
            (Some(1), Outcome::Read),
        ] {
            keep(&recorder, environment, outcome);
        }
        let all = Filter::default();
        let look = |cursor: &mut Cursor, max| sequences(&recorder.look(PRODUCTION, &all, cursor, max).calls);
        assert_eq!(look(&mut cursor, 3), [101, 102, 104]);
        assert_eq!(look(&mut cursor, 3), [105]);
        assert_eq!(look(&mut cursor, 3), [0; 0]);
        assert_eq!(look(&mut recorder.begin(PRODUCTION, Some(102)), 9), [104, 105], "resumed");
        assert_eq!(look(&mut recorder.begin(PRODUCTION, Some(999)), 9).len(), 4, "of another life");
        let own = Scope { with_strangers: false, ..PRODUCTION };
        let page = |scope, before, limit| {
            let (calls, has_more) = recorder.page(scope, &all, before, limit);
            (sequences(&calls), has_more)
        };
        assert_eq!(page(PRODUCTION, None, 2), (vec![105, 104], true));
        assert_eq!(page(PRODUCTION, Some(104), 2), (vec![102, 101], false));
        assert_eq!(page(own, Some(104), 2), (vec![101], false));
        assert!(recorder.call(own, 102).is_none() && recorder.call(PRODUCTION, 102).is_some());
    }

    #[test]
    fn an_erasure_leaves_that_there_was_a_call_and_nothing_of_what_it_said() {
        let recorder = Recorder::new(Timestamp(0));
        let outside = |path: &str| Outside { path: path.to_owned(), ..outside() };
        let sketch = |body: &str| Sketch {
            environment: Some(EnvironmentId(1)),
            request_body: Some(KeptBody::of(body.as_bytes())),
            ..Sketch::new(Timestamp(0), Outcome::Stored)
        };
        recorder.keep(outside("/v1/identify"), sketch(r#"{"user_id":"u-7","metadata":{"secret":1}}"#));
        recorder.keep(outside("/v1/users/u%2D7"), sketch(""));
        recorder.keep(outside("/v1/identify"), sketch(r#"{"user_id":"other"}"#));
        recorder.forget_ids(EnvironmentId(1), ErasedKind::Users, &["u-7".to_owned()]);
        let (calls, _) = recorder.page(PRODUCTION, &Filter::default(), None, 10);
        let said: Vec<_> = calls.iter().map(|call| format!("{call:?}")).collect();
        assert_eq!(sequences(&calls), [3, 2, 1], "the calls are still counted");
        assert!(said[0].contains("other"));
        assert!(
            said[1..]
                .iter()
                .all(|call| !call.contains("u-7") && !call.contains("u%2D7") && !call.contains("secret"))
        );
    }

    #[test]
    fn a_flood_of_accepted_calls_leaves_the_refused_one_and_is_told_to_a_reader_that_is_behind() {
        let recorder = Recorder::new(Timestamp(0));
        let mut cursor = recorder.begin(PRODUCTION, None);
        keep(&recorder, Some(1), Outcome::Refused);
        let flood = 3 * ACCEPTED.calls_max;
        (0..flood).for_each(|_| keep(&recorder, Some(1), Outcome::Stored));
        let look = recorder.look(PRODUCTION, &Filter::default(), &mut cursor, usize::MAX);
        assert_eq!(look.missed, 2 * ACCEPTED.calls_max as u64);
        assert_eq!((look.calls[0].sequence, look.calls.len()), (1, ACCEPTED.calls_max + 1));
        assert_eq!(recorder.look(PRODUCTION, &Filter::default(), &mut cursor, 1).missed, 0, "told once");
    }

    #[test]
    fn refusals_over_the_budget_are_counted_and_stand_in_their_cause() {
        let recorder = Recorder::new(Timestamp(0));
        let problem = Problem::of_call(ProblemCode::BodyNotJson, "");
        let at = Timestamp(5);
        let count = |environment, at| {
            recorder.count_refusal(environment, &problem, "/v1/identify", Some(KeyId(1)), at)
        };
        let kept = (0..100).filter(|_| count(Some(EnvironmentId(1)), at)).count();
        assert_eq!(kept, REFUSED_PER_SECOND_MAX as usize);
        assert!(count(Some(EnvironmentId(2)), at) && count(None, at), "budgets of their own");
        assert_eq!(recorder.skipped(PRODUCTION), 100 - u64::from(REFUSED_PER_SECOND_MAX));
        let causes = recorder.causes(PRODUCTION);
        assert_eq!(causes.iter().map(|cause| cause.count).collect::<Vec<_>>(), [100, 1]);
    }

    #[test]
    fn only_so_many_streams_are_open_at_once() {
        let recorder = Arc::new(Recorder::new(Timestamp(0)));
        let open: Vec<_> = (0..STREAMS_MAX).map(|_| recorder.enter().unwrap()).collect();
        assert!(recorder.enter().is_none());
        drop(open);
        assert!(recorder.enter().is_some());
        assert_eq!(recorder.streams(), 0);
    }
}
