//! Reports as the kernel's port sees them: each is asked of everything that is visible when the question comes.

use muster_kernel::model::id::EnvironmentId;
use muster_kernel::model::page::Cursor;
use muster_kernel::model::report::People;
use muster_kernel::model::report::funnel::{FunnelAnswer, FunnelNumber, FunnelQuestion};
use muster_kernel::model::report::path::{PathAnswer, PathQuestion};
use muster_kernel::model::report::retention::{RetentionAnswer, RetentionNumber, RetentionQuestion};
use muster_kernel::model::report::trend::{TrendAnswer, TrendQuestion};
use muster_kernel::ports::{Inquiry, Reports, StoreError};

use crate::engine::Engine;
use crate::history::archive::Archive;
use crate::history::reports::Place;

impl Engine {
    fn report<T>(
        &self,
        environment: EnvironmentId,
        inquiry: &Inquiry,
        ask: impl FnOnce(&Archive, &Place<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let environment = self.environment(environment)?;
        let snapshot = environment.history.up_to(environment.state.visible(), inquiry)?;
        let profiles = environment.state.view();
        ask(&environment.history, &Place { snapshot: &snapshot, profiles: &profiles, inquiry })
    }
}

impl Reports for Engine {
    fn funnel(
        &self,
        environment: EnvironmentId,
        question: &FunnelQuestion,
        inquiry: &Inquiry,
    ) -> Result<FunnelAnswer, StoreError> {
        self.report(environment, inquiry, |history, place| history.funnel(place, question))
    }

    fn funnel_people(
        &self,
        environment: EnvironmentId,
        question: &FunnelQuestion,
        number: &FunnelNumber,
        after: Option<&Cursor>,
        limit: usize,
        inquiry: &Inquiry,
    ) -> Result<People, StoreError> {
        self.report(environment, inquiry, |history, place| {
            history.funnel_people(place, question, number, (after, limit))
        })
    }

    fn retention(
        &self,
        environment: EnvironmentId,
        question: &RetentionQuestion,
        inquiry: &Inquiry,
    ) -> Result<RetentionAnswer, StoreError> {
        self.report(environment, inquiry, |history, place| history.retention(place, question))
    }

    fn retention_people(
        &self,
        environment: EnvironmentId,
        question: &RetentionQuestion,
        number: &RetentionNumber,
        after: Option<&Cursor>,
        limit: usize,
        inquiry: &Inquiry,
    ) -> Result<People, StoreError> {
        self.report(environment, inquiry, |history, place| {
            history.retention_people(place, question, number, (after, limit))
        })
    }

    fn trend(
        &self,
        environment: EnvironmentId,
        question: &TrendQuestion,
        inquiry: &Inquiry,
    ) -> Result<TrendAnswer, StoreError> {
        self.report(environment, inquiry, |history, place| history.trend(place, question))
    }

    fn path(
        &self,
        environment: EnvironmentId,
        question: &PathQuestion,
        inquiry: &Inquiry,
    ) -> Result<PathAnswer, StoreError> {
        self.report(environment, inquiry, |history, place| history.path(place, question))
    }
}
