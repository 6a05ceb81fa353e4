//! History as the kernel's port sees it: each question is asked of everything that is visible when it comes.

use muster_kernel::model::history::{
    CountAnswer, CountQuestion, EventQuery, NameSummary, NamesQuestion, PropertiesQuestion, PropertySummary,
};
use muster_kernel::model::id::{EnvironmentId, Position, UserId};
use muster_kernel::model::page::{Cursor, Page};
use muster_kernel::model::segment::question::{
    Evidence, Member, MemberOrder, SegmentPreview, SegmentQuestion,
};
use muster_kernel::ports::{History, Inquiry, Segments, StoreError, StoredEvent};

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
    ) -> Result<Page<Member>, StoreError> {
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
        environment.history.evidence(question, id, &environment.state.view(), inquiry)
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
        environment.history.seal()?;
        while environment.history.merge_next()? {}
        Ok(())
    }

    /// Hides every event of these users that is visible now from all questions, durably; answers the position up to which
    /// it does. [`Engine::purge_history`] removes what is hidden from the files.
    ///
    /// # Errors
    /// As [`Engine::seal_history`].
    pub fn erase_from_history(
        &self,
        environment: EnvironmentId,
        users: &[UserId],
    ) -> Result<Position, StoreError> {
        let environment = self.environment(environment)?;
        let _waiting = environment.history.wait();
        environment.history.erase(users, environment.state.visible())
    }

    /// Writes every file of history anew that holds events of erased users, takes the ids of `users` out of the dictionary
    /// unless events are about them (of users who were not erased, or have come back), and waits for it.
    ///
    /// # Errors
    /// As [`Engine::seal_history`].
    pub fn purge_history(&self, environment: EnvironmentId, users: &[UserId]) -> Result<(), StoreError> {
        let environment = self.environment(environment)?;
        let _waiting = environment.history.wait();
        environment.history.purge()?;
        environment.history.forget(users)
    }
}
