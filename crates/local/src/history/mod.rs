//! History: every event in columns, found in milliseconds, given back exactly.
//!
//! Guarantees: an answer holds what was visible when it was asked for (law 1), each event once, byte for byte as it was
//! accepted; a crash at any sync leaves what was there before or after, never both; a number of a dictionary is durable
//! before a file uses it, and never given twice (law 7). It is made from the log and never ahead of it.
//! Must never: do work on the way of a write, change a file that has its name, hold what grows with the log.
//!
//! Layout (docs/FORMAT.md, "History"): `history/` holds a manifest, dictionaries and segments.
//! From below: [`bits`], [`lane`], [`mod@column`] pack numbers and values; [`part`] and [`segment`] lay out events;
//! [`writer`] and [`merge`] make segments; [`archive`], [`opening`], [`sealing`], [`tending`] and [`hiding`] keep them; [`scan`] and what stands
//! on it answer questions; [`members`] those about segments.

pub mod archive;
mod as_of;
mod bits;
mod buckets;
mod column;
mod companies;
mod counts;
mod dictionary;
mod dropping;
mod explorer;
#[cfg(test)]
mod fixture_tests;
mod funnel;
mod funnel_sieve;
mod funnel_walk;
mod gathered;
mod group_values;
mod groups;
mod hiding;
mod lane;
mod manifest;
mod members;
mod merge;
mod names;
pub mod opening;
mod part;
mod path;
mod pins;
mod ranges;
pub mod reports;
mod retention;
mod rows;
mod scan;
mod sealing;
mod segment;
mod tending;
mod then_columns;
mod trend;
mod trend_cells;
mod user_columns;
pub mod verifying;
mod writer;

use muster_kernel::model::history::{
    AsOf, CountAnswer, CountQuestion, EventQuery, NameSummary, NamesQuestion, PropertiesQuestion,
    PropertySummary, Standing,
};
use muster_kernel::model::id::Position;
use muster_kernel::model::page::{Cursor, Page};
use muster_kernel::model::profile::Profile;
use muster_kernel::ports::{Inquiry, ProfileKind, StoreError, StoredEvent};

use crate::profiles::lists::View;
use archive::{Archive, Snapshot};
use scan::Scan;

impl Archive {
    fn scan<'a>(&'a self, snapshot: &'a Snapshot, inquiry: &'a Inquiry) -> Scan<'a> {
        let (threads, bytes_max) = (self.options.threads, self.options.question_bytes_max);
        let through = snapshot.through;
        Scan { snapshot, through, known: &self.known, past: None, inquiry, threads, bytes_max }
    }

    /// See `History::events`.
    ///
    /// # Errors
    /// As that.
    pub fn events(
        &self,
        snapshot: &Snapshot,
        query: &EventQuery,
        after: Option<&Cursor>,
        limit: usize,
        inquiry: &Inquiry,
    ) -> Result<Page<StoredEvent>, StoreError> {
        explorer::events(&self.scan(snapshot, inquiry), query, after, limit)
    }

    /// See `History::names`.
    ///
    /// # Errors
    /// As that.
    pub fn names(
        &self,
        snapshot: &Snapshot,
        question: &NamesQuestion,
        inquiry: &Inquiry,
    ) -> Result<Vec<NameSummary>, StoreError> {
        names::names(&self.scan(snapshot, inquiry), question)
    }

    /// See `History::counts`.
    ///
    /// # Errors
    /// As that.
    pub fn counts(
        &self,
        snapshot: &Snapshot,
        question: &CountQuestion,
        profiles: &View<'_>,
        inquiry: &Inquiry,
    ) -> Result<CountAnswer, StoreError> {
        let scan = self.scan(snapshot, inquiry);
        let column = self.columns.of_breakdown(question.breakdown.as_ref(), &scan, profiles)?;
        let past = self.then_columns.of(&question.then(), &scan)?;
        let then = question.breakdown.as_ref().and_then(|breakdown| past.get(breakdown.name()));
        counts::counts(&scan, question, (column.as_deref(), then))
    }

    /// See `History::properties`.
    ///
    /// # Errors
    /// As that.
    pub fn properties(
        &self,
        snapshot: &Snapshot,
        question: &PropertiesQuestion,
        inquiry: &Inquiry,
    ) -> Result<Vec<PropertySummary>, StoreError> {
        names::properties(&self.scan(snapshot, inquiry), question)
    }
    /// See `History::as_of`.
    ///
    /// # Errors
    /// As that.
    pub fn as_of(
        &self,
        snapshot: &Snapshot,
        subject: (ProfileKind, &str),
        at: AsOf,
        inquiry: &Inquiry,
    ) -> Result<Option<Profile>, StoreError> {
        as_of::profile(&self.scan(snapshot, inquiry), subject, at)
    }

    /// See `History::standing`.
    pub fn standing(&self, visible: Position) -> Standing {
        let snapshot = self.snapshot();
        let in_files = snapshot.kept.iter().filter(|kept| kept.segment.file.is_some());
        let segments = in_files.map(|kept| kept.segment.length());
        let (count, bytes) = segments.fold((0, 0), |(count, bytes), length| (count + 1, bytes + length));
        Standing {
            segments: count,
            bytes: bytes + self.dictionary_bytes(),
            events: snapshot.kept.iter().map(|kept| kept.segment.events()).sum(),
            behind: visible.0.saturating_sub(snapshot.through),
        }
    }
}
