//! Questions take turns, and end when whoever asked goes away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use muster_kernel::model::history::{
    AsOf, CountAnswer, CountQuestion, EventQuery, NameSummary, NamesQuestion, PropertiesQuestion,
    PropertySummary, Standing,
};
use muster_kernel::model::id::EnvironmentId;
use muster_kernel::model::page::{Cursor, Page};
use muster_kernel::model::profile::Profile;
use muster_kernel::model::report::funnel::{FunnelAnswer, FunnelQuestion};
use muster_kernel::model::report::path::{PathAnswer, PathQuestion};
use muster_kernel::model::report::retention::{RetentionAnswer, RetentionQuestion};
use muster_kernel::model::report::trend::{TrendAnswer, TrendQuestion};
use muster_kernel::model::report::{Behind, People, Pinned};
use muster_kernel::ports::{History, Inquiry, PeoplePage, ProfileKind, Reports, StoreError, StoredEvent};
use muster_testkit::model_engine::ModelEngine;
use serde_json::json;

use crate::client::{Client, Request};
use crate::world::{KEY, OTHER_KEY, World, until};

/// History whose counts and funnels can be made to take for ever: until they are stopped, or let go.
pub struct Patient {
    model: Arc<ModelEngine>,
    holds: AtomicBool,
    at_work: AtomicUsize,
    stopped: AtomicUsize,
}

impl Patient {
    pub fn new(model: Arc<ModelEngine>) -> Patient {
        let (at_work, stopped) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Patient { model, holds: AtomicBool::new(false), at_work, stopped }
    }

    fn hold(&self, inquiry: &Inquiry) -> Result<(), StoreError> {
        inquiry.expect(10);
        inquiry.advance(4);
        self.at_work.fetch_add(1, Ordering::SeqCst);
        while self.holds.load(Ordering::SeqCst) {
            if inquiry.is_stopped() {
                self.stopped.fetch_add(1, Ordering::SeqCst);
                return Err(StoreError::Stopped);
            }
            std::thread::yield_now();
        }
        Ok(())
    }
}

impl History for Patient {
    fn events(
        &self,
        environment: EnvironmentId,
        query: &EventQuery,
        after: Option<&Cursor>,
        limit: usize,
        inquiry: &Inquiry,
    ) -> Result<Page<StoredEvent>, StoreError> {
        self.model.events(environment, query, after, limit, inquiry)
    }

    fn names(
        &self,
        environment: EnvironmentId,
        question: &NamesQuestion,
        inquiry: &Inquiry,
    ) -> Result<Vec<NameSummary>, StoreError> {
        self.model.names(environment, question, inquiry)
    }

    fn counts(
        &self,
        environment: EnvironmentId,
        question: &CountQuestion,
        inquiry: &Inquiry,
    ) -> Result<CountAnswer, StoreError> {
        self.hold(inquiry)?;
        self.model.counts(environment, question, inquiry)
    }

    fn properties(
        &self,
        environment: EnvironmentId,
        question: &PropertiesQuestion,
        inquiry: &Inquiry,
    ) -> Result<Vec<PropertySummary>, StoreError> {
        self.model.properties(environment, question, inquiry)
    }

    fn as_of(
        &self,
        environment: EnvironmentId,
        subject: (ProfileKind, &str),
        at: AsOf,
        inquiry: &Inquiry,
    ) -> Result<Option<Profile>, StoreError> {
        self.model.as_of(environment, subject, at, inquiry)
    }

    fn standing(&self, environment: EnvironmentId) -> Result<Standing, StoreError> {
        self.model.standing(environment)
    }
}

impl Reports for Patient {
    fn funnel(
        &self,
        environment: EnvironmentId,
        question: &FunnelQuestion,
        inquiry: &Inquiry,
    ) -> Result<Pinned<FunnelAnswer>, StoreError> {
        self.hold(inquiry)?;
        self.model.funnel(environment, question, inquiry)
    }

    fn retention(
        &self,
        environment: EnvironmentId,
        question: &RetentionQuestion,
        inquiry: &Inquiry,
    ) -> Result<Pinned<RetentionAnswer>, StoreError> {
        self.model.retention(environment, question, inquiry)
    }

    fn trend(
        &self,
        environment: EnvironmentId,
        question: &TrendQuestion,
        inquiry: &Inquiry,
    ) -> Result<Pinned<TrendAnswer>, StoreError> {
        self.model.trend(environment, question, inquiry)
    }

    fn path(
        &self,
        environment: EnvironmentId,
        question: &PathQuestion,
        inquiry: &Inquiry,
    ) -> Result<Pinned<PathAnswer>, StoreError> {
        self.model.path(environment, question, inquiry)
    }

    fn people(
        &self,
        environment: EnvironmentId,
        number: Behind<'_>,
        page: PeoplePage<'_>,
        inquiry: &Inquiry,
    ) -> Result<People, StoreError> {
        self.model.people(environment, number, page, inquiry)
    }
}

fn ask(world: &World) -> Client {
    let mut client = world.client();
    client.write(&Request::get("/v1/events/counts").key(KEY).bytes());
    client
}

#[test]
fn a_question_ends_when_its_caller_goes_away() {
    let world = World::start();
    let history = &world.history;
    history.holds.store(true, Ordering::SeqCst);
    let client = ask(&world);
    until("the question is at work", || history.at_work.load(Ordering::SeqCst) == 1);
    drop(client);
    until("it is stopped", || history.stopped.load(Ordering::SeqCst) == 1);
}

#[test]
fn a_report_ends_when_its_caller_goes_away() {
    let world = World::start();
    let history = &world.history;
    history.holds.store(true, Ordering::SeqCst);
    let mut client = world.client();
    let steps = r#"{"steps":[{"event":"a"},{"event":"b"}]}"#;
    client.write(&Request::post("/v1/reports/funnel", steps).key(KEY).bytes());
    until("the question is at work", || history.at_work.load(Ordering::SeqCst) == 1);
    drop(client);
    until("it is stopped", || history.stopped.load(Ordering::SeqCst) == 1);
}

#[test]
fn a_report_with_a_name_tells_how_far_it_is_until_it_ends() {
    let world = World::start();
    let history = &world.history;
    history.holds.store(true, Ordering::SeqCst);
    let steps = r#"{"steps":[{"event":"a"},{"event":"b"}]}"#;
    let asked = Request::post("/v1/reports/funnel", steps).key(KEY);
    let far = || world.get("/v1/questions/mine-1");
    far().is_refused(404, "question_unknown");
    let mut client = world.client();
    client.write(&asked.clone().header("Muster-Question", "mine-1").bytes());
    until("the question is at work", || history.at_work.load(Ordering::SeqCst) == 1);
    let answer = far();
    assert_eq!((answer.status, answer.json()), (200, json!({"events_done": 4, "events_all": 10})));
    let elsewhere = Request::get("/v1/questions/mine-1").key(OTHER_KEY);
    world.ask(&elsewhere).is_refused(404, "question_unknown");
    history.holds.store(false, Ordering::SeqCst);
    assert_eq!(client.answer(false).status, 200);
    until("it has ended", || far().status == 404);
    for name in ["", "a b", &"x".repeat(65)] {
        let refused = world.ask(&asked.clone().header("Muster-Question", name));
        refused.is_refused(400, "parameter_invalid");
    }
}

#[test]
fn questions_wait_for_their_turn_and_hold_up_nothing_else() {
    let world = World::start();
    let history = &world.history;
    history.holds.store(true, Ordering::SeqCst);
    let at_work = |count: usize| {
        until("so many have come to their turn", || history.at_work.load(Ordering::SeqCst) == count);
    };
    let first = ask(&world);
    at_work(1);
    let mut second = ask(&world);
    at_work(2);
    // There are two turns.
    let mut third = ask(&world);
    assert_eq!(world.post("/v1/identify", r#"{"user_id":"u"}"#).status, 202);
    assert_eq!(world.get("/v1/users/u").status, 200);
    assert_eq!(history.at_work.load(Ordering::SeqCst), 2, "the third waits");
    drop(first);
    at_work(3);
    history.holds.store(false, Ordering::SeqCst);
    for client in [&mut second, &mut third] {
        let answer = client.answer(false);
        assert_eq!(answer.json()["series"][0]["total"], 1, "{}", answer.text());
    }
}
