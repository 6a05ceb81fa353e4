//! History as the kernel's port sees it: each question is asked of everything that is visible when it comes.

use muster_kernel::model::history::{
    AsOf, CountAnswer, CountQuestion, EventQuery, NameSummary, NamesQuestion, PropertiesQuestion,
    PropertySummary, Standing,
};
use muster_kernel::model::id::EnvironmentId;
use muster_kernel::model::page::{Cursor, Page};
use muster_kernel::model::profile::Profile;
use muster_kernel::model::segment::question::{
    Evidence, MemberOrder, MemberPage, SegmentPreview, SegmentQuestion,
};
use muster_kernel::model::value::OwnedValue;
use muster_kernel::ports::{History, Inquiry, ProfileKind, Segments, StoreError, StoredEvent};

use crate::engine::Engine;

impl History for Engine {
    fn events(
        &self,
        environment: EnvironmentId,
        query: &EventQuery,
        after: Option<&Cursor>,
        limit: usize,
        inquiry: &Inquiry,
    ) -> Result<Page<StoredEvent>, StoreError> {
        let environment = self.environment(environment)?;
        let snapshot = environment.history.up_to(environment.state.visible(), inquiry)?;
        environment.history.events(&snapshot, query, after, limit, inquiry)
    }

    fn names(
        &self,
        environment: EnvironmentId,
        question: &NamesQuestion,
        inquiry: &Inquiry,
    ) -> Result<Vec<NameSummary>, StoreError> {
        let environment = self.environment(environment)?;
        let snapshot = environment.history.up_to(environment.state.visible(), inquiry)?;
        environment.history.names(&snapshot, question, inquiry)
    }

    fn counts(
        &self,
        environment: EnvironmentId,
        question: &CountQuestion,
        inquiry: &Inquiry,
    ) -> Result<CountAnswer, StoreError> {
        let environment = self.environment(environment)?;
        let snapshot = environment.history.up_to(environment.state.visible(), inquiry)?;
        environment.history.counts(&snapshot, question, &environment.state.view(), inquiry)
    }

    fn properties(
        &self,
        environment: EnvironmentId,
        question: &PropertiesQuestion,
        inquiry: &Inquiry,
    ) -> Result<Vec<PropertySummary>, StoreError> {
        let environment = self.environment(environment)?;
        let snapshot = environment.history.up_to(environment.state.visible(), inquiry)?;
        environment.history.properties(&snapshot, question, inquiry)
    }

    fn as_of(
        &self,
        environment: EnvironmentId,
        subject: (ProfileKind, &str),
        at: AsOf,
        inquiry: &Inquiry,
    ) -> Result<Option<Profile>, StoreError> {
        let environment = self.environment(environment)?;
        let snapshot = environment.history.up_to(environment.state.visible(), inquiry)?;
        environment.history.as_of(&snapshot, subject, at, inquiry)
    }

    fn standing(&self, environment: EnvironmentId) -> Result<Standing, StoreError> {
        let environment = self.environment(environment)?;
        Ok(environment.history.standing(environment.state.visible()))
    }
}

/// The columns that answer are folded from history, so each question only needs everything visible to be in it.
impl Segments for Engine {
    fn preview(
        &self,
        environment: EnvironmentId,
        question: &SegmentQuestion,
        sample_max: usize,
        inquiry: &Inquiry,
    ) -> Result<SegmentPreview, StoreError> {
        let environment = self.environment(environment)?;
        environment.history.up_to(environment.state.visible(), inquiry)?;
        environment.history.preview(question, sample_max, inquiry)
    }

    fn members(
        &self,
        environment: EnvironmentId,
        question: &SegmentQuestion,
        order: MemberOrder,
        after: Option<&Cursor>,
        limit: usize,
        inquiry: &Inquiry,
    ) -> Result<MemberPage, StoreError> {
        let environment = self.environment(environment)?;
        environment.history.up_to(environment.state.visible(), inquiry)?;
        environment.history.members(question, order, after, limit, inquiry)
    }

    fn evidence(
        &self,
        environment: EnvironmentId,
        question: &SegmentQuestion,
        id: &str,
        inquiry: &Inquiry,
    ) -> Result<Option<Evidence>, StoreError> {
        let environment = self.environment(environment)?;
        environment.history.up_to(environment.state.visible(), inquiry)?;
        environment.history.evidence(question, id, inquiry)
    }

    fn values(
        &self,
        environment: EnvironmentId,
        question: &SegmentQuestion,
        asked: (&[&str], &[String]),
        inquiry: &Inquiry,
    ) -> Result<Vec<Vec<Option<OwnedValue>>>, StoreError> {
        let environment = self.environment(environment)?;
        environment.history.up_to(environment.state.visible(), inquiry)?;
        environment.history.values(question, asked, inquiry)
    }
}

impl Engine {
    /// Puts all events that are visible now into files of history, and merges what is due.
    ///
    /// # Errors
    /// When there is no such environment, or the files cannot be read or written.
    pub fn seal_history(&self, environment: EnvironmentId) -> Result<(), StoreError> {
        let environment = self.environment(environment)?;
        let _waiting = environment.history.wait();
        environment.history.up_to(environment.state.visible(), &Inquiry::default())?;
        environment.history.seal(0)?;
        while environment.history.merge_next()? {}
        Ok(())
    }
}
