//! Reports as the kernel's port sees them: each is asked of everything that is visible when the question comes, or of the
//! state of an earlier answer.

use muster_kernel::model::id::EnvironmentId;
use muster_kernel::model::report::funnel::{FunnelAnswer, FunnelQuestion};
use muster_kernel::model::report::path::{PathAnswer, PathQuestion};
use muster_kernel::model::report::retention::{RetentionAnswer, RetentionQuestion};
use muster_kernel::model::report::trend::{TrendAnswer, TrendQuestion};
use muster_kernel::model::report::{About, Behind, People, Pinned, Then};
use muster_kernel::ports::{Inquiry, PeoplePage, Reports, StoreError};

use crate::engine::Engine;
use crate::history::archive::Archive;
use crate::history::reports::Ground;

impl Engine {
    fn report<T>(
        &self,
        environment: EnvironmentId,
        (about, then): (About<'_>, Then<'_>),
        inquiry: &Inquiry,
        ask: impl FnOnce(&Archive, &Ground) -> Result<T, StoreError>,
    ) -> Result<Pinned<T>, StoreError> {
        let environment = self.environment(environment)?;
        let history = &environment.history;
        let snapshot = history.up_to(environment.state.visible(), inquiry)?;
        let ground = history.ground(snapshot, &environment.state.view(), (about, &then), inquiry)?;
        let answer = ask(history, &ground)?;
        Ok(history.pin(answer, ground, about))
    }
}

impl Reports for Engine {
    fn funnel(
        &self,
        environment: EnvironmentId,
        question: &FunnelQuestion,
        inquiry: &Inquiry,
    ) -> Result<Pinned<FunnelAnswer>, StoreError> {
        self.report(environment, (question.about(), question.then()), inquiry, |history, ground| {
            history.funnel(ground, question, inquiry)
        })
    }

    fn retention(
        &self,
        environment: EnvironmentId,
        question: &RetentionQuestion,
        inquiry: &Inquiry,
    ) -> Result<Pinned<RetentionAnswer>, StoreError> {
        self.report(environment, (question.about(), question.then()), inquiry, |history, ground| {
            history.retention(ground, question, inquiry)
        })
    }

    fn trend(
        &self,
        environment: EnvironmentId,
        question: &TrendQuestion,
        inquiry: &Inquiry,
    ) -> Result<Pinned<TrendAnswer>, StoreError> {
        self.report(environment, (question.about(), question.then()), inquiry, |history, ground| {
            history.trend(ground, question, inquiry)
        })
    }

    fn path(
        &self,
        environment: EnvironmentId,
        question: &PathQuestion,
        inquiry: &Inquiry,
    ) -> Result<Pinned<PathAnswer>, StoreError> {
        self.report(environment, (question.about(), question.then()), inquiry, |history, ground| {
            history.path(ground, question, inquiry)
        })
    }

    fn people(
        &self,
        environment: EnvironmentId,
        number: Behind<'_>,
        page: PeoplePage<'_>,
        inquiry: &Inquiry,
    ) -> Result<People, StoreError> {
        let environment = self.environment(environment)?;
        let history = &environment.history;
        let snapshot = history.up_to(environment.state.visible(), inquiry)?;
        let asked = (number.about(), &number.then());
        let ground = match page.pin {
            Some(pin) => history.pinned_ground(snapshot, pin, asked, inquiry)?,
            None => history.ground(snapshot, &environment.state.view(), asked, inquiry)?,
        };
        history.people(&ground, number, (page.after, page.limit), inquiry)
    }
}
