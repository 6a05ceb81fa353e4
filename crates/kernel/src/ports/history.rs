//! Everything that happened, to be asked.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::model::history::{
    AsOf, CountAnswer, CountQuestion, EventQuery, NameSummary, NamesQuestion, PropertiesQuestion,
    PropertySummary, Standing,
};
use crate::model::id::EnvironmentId;
use crate::model::page::{Cursor, Page};
use crate::model::profile::Profile;

use super::error::StoreError;
use super::event_log::StoredEvent;
use super::profiles::ProfileKind;

/// A question under way: how far it is, and whether its asker still wants the answer. Shared with whoever may stop it.
#[derive(Debug, Default)]
pub struct Inquiry {
    stopped: AtomicBool,
    done: AtomicU64,
    all: AtomicU64,
}

impl Inquiry {
    /// The answer is no longer wanted: the question ends soon, as [`StoreError::Stopped`].
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Whether it was stopped.
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// For the engine: how many events have to be looked at more.
    pub fn expect(&self, events: u64) {
        self.all.fetch_add(events, Ordering::Relaxed);
    }

    /// For the engine: how many events were looked at more.
    pub fn advance(&self, events: u64) {
        self.done.fetch_add(events, Ordering::Relaxed);
    }

    /// Events looked at, and events to be looked at in all.
    pub fn progress(&self) -> (u64, u64) {
        (self.done.load(Ordering::Relaxed), self.all.load(Ordering::Relaxed))
    }
}

/// Laws: an answer holds every event whose append resolved before the question was asked (law 1), each exactly once, and
/// none of another environment (law 5) or of an erased user; events are given back byte for byte as they were accepted;
/// answers depend on the set of events and not on how the engine keeps them. Memory is bounded: a question that needs
/// more than the engine allows is refused as [`StoreError::TooLarge`]. What counts as an event's time, user, company and
/// name is said in [`crate::model::history`].
pub trait History: Send + Sync {
    /// A page of events, newest first: by time, and among equal times by position. A cursor yields each event that
    /// was there all along exactly once, whatever is written between the pages.
    ///
    /// # Errors
    /// When there is no such environment, the cursor is not one of this list, reading fails, or `inquiry` was stopped.
    fn events(
        &self,
        environment: EnvironmentId,
        query: &EventQuery,
        after: Option<&Cursor>,
        limit: usize,
        inquiry: &Inquiry,
    ) -> Result<Page<StoredEvent>, StoreError>;

    /// The names that events have, in their order, and what is known about each.
    ///
    /// # Errors
    /// As [`History::events`].
    fn names(
        &self,
        environment: EnvironmentId,
        question: &NamesQuestion,
        inquiry: &Inquiry,
    ) -> Result<Vec<NameSummary>, StoreError>;

    /// How often something happened, by intervals.
    ///
    /// # Errors
    /// As [`History::events`], and when the answer would be too large.
    fn counts(
        &self,
        environment: EnvironmentId,
        question: &CountQuestion,
        inquiry: &Inquiry,
    ) -> Result<CountAnswer, StoreError>;

    /// The properties that were ever sent, in the order of the names' bytes.
    ///
    /// # Errors
    /// As [`History::events`].
    fn properties(
        &self,
        environment: EnvironmentId,
        question: &PropertiesQuestion,
        inquiry: &Inquiry,
    ) -> Result<Vec<PropertySummary>, StoreError>;

    /// A profile as the events until a time make it; `None` when none of them is about it.
    ///
    /// # Errors
    /// As [`History::events`].
    fn as_of(
        &self,
        environment: EnvironmentId,
        subject: (ProfileKind, &str),
        at: AsOf,
        inquiry: &Inquiry,
    ) -> Result<Option<Profile>, StoreError>;

    /// How it is kept at this moment: a look, no question.
    ///
    /// # Errors
    /// When there is no such environment.
    fn standing(&self, environment: EnvironmentId) -> Result<Standing, StoreError>;
}
