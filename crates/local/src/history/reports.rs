//! Reports of one environment: what a question needs beside history (who takes part, users' properties as they are now)
//! is fetched here, or taken from the state of an earlier answer; then the fold of that report is asked.

use std::sync::Arc;

use muster_kernel::model::history::Breakdown;
use muster_kernel::model::page::Cursor;
use muster_kernel::model::report::funnel::{FunnelAnswer, FunnelQuestion};
use muster_kernel::model::report::path::{PathAnswer, PathQuestion};
use muster_kernel::model::report::retention::{RetentionAnswer, RetentionQuestion};
use muster_kernel::model::report::trend::{TrendAnswer, TrendQuestion};
use muster_kernel::model::report::{Behind, People, Pin, Pinned, Who};
use muster_kernel::ports::{Inquiry, StoreError};

use super::archive::{Archive, Snapshot};
use super::dictionary::{property_key, read};
use super::groups::By;
use super::pins::State;
use super::scan::Scan;
use super::{funnel, path, ranges, retention, trend};
use crate::profiles::lists::View;

/// What a question stands on.
pub struct Ground {
    snapshot: Arc<Snapshot>,
    state: State,
}

impl Archive {
    /// Everything that is visible now: `snapshot`, or a later one.
    ///
    /// # Errors
    /// When profiles or history cannot be read, or the question needs too much memory.
    pub fn ground(
        &self,
        snapshot: Arc<Snapshot>,
        profiles: &View<'_>,
        (who, breakdown): (&Who, Option<&Breakdown>),
        inquiry: &Inquiry,
    ) -> Result<Ground, StoreError> {
        let (snapshot, members) = match &who.segment {
            None => (snapshot, None),
            Some(segment) => {
                let (snapshot, members) = self.belonging(segment, inquiry)?;
                (snapshot, Some(members))
            }
        };
        let scan = self.scan(&snapshot, inquiry);
        let meeting = ranges::who(&who.properties, &self.columns, &scan, profiles)?;
        let who = match (members, meeting) {
            (Some(members), Some(meeting)) => Some(members & meeting),
            (members, meeting) => members.or(meeting),
        };
        let column = self.columns.of_breakdown(breakdown, &scan, profiles)?;
        let state = State { through: snapshot.through, who: who.map(Arc::new), column };
        Ok(Ground { snapshot, state })
    }

    /// The state of an earlier answer, without whom `snapshot` no longer shows.
    ///
    /// # Errors
    /// [`StoreError::Unpinned`] when it is not kept.
    pub fn pinned_ground(
        &self,
        snapshot: Arc<Snapshot>,
        pin: Pin,
        asked: (&Who, Option<&Breakdown>),
    ) -> Result<Ground, StoreError> {
        let state = self.pins.get(pin, asked, self.options.pin_age)?;
        Ok(Ground { snapshot, state })
    }

    /// Keeps what an answer is of.
    pub fn pin<T>(&self, answer: T, ground: Ground, asked: (&Who, Option<&Breakdown>)) -> Pinned<T> {
        let mut number = [0; 8];
        (self.random)(&mut number);
        let pin = Pin(u64::from_le_bytes(number));
        Pinned { answer, pin: self.pins.keep(pin, asked, ground.state, self.options.pin_age) }
    }

    fn scan_of<'a>(&'a self, ground: &'a Ground, inquiry: &'a Inquiry) -> Scan<'a> {
        Scan { through: ground.state.through, ..self.scan(&ground.snapshot, inquiry) }
    }

    /// See `Reports::funnel`.
    ///
    /// # Errors
    /// As that.
    pub fn funnel(
        &self,
        ground: &Ground,
        question: &FunnelQuestion,
        inquiry: &Inquiry,
    ) -> Result<FunnelAnswer, StoreError> {
        let scan = self.scan_of(ground, inquiry);
        let by = told_apart(&scan, question.breakdown.as_ref(), ground);
        funnel::Asked::new(&scan, question, by, ground.state.who.as_deref())?.answer()
    }

    /// See `Reports::retention`.
    ///
    /// # Errors
    /// As that.
    pub fn retention(
        &self,
        ground: &Ground,
        question: &RetentionQuestion,
        inquiry: &Inquiry,
    ) -> Result<RetentionAnswer, StoreError> {
        retention::retention(&self.scan_of(ground, inquiry), question, ground.state.who.as_deref())
    }

    /// See `Reports::trend`.
    ///
    /// # Errors
    /// As that.
    pub fn trend(
        &self,
        ground: &Ground,
        question: &TrendQuestion,
        inquiry: &Inquiry,
    ) -> Result<TrendAnswer, StoreError> {
        let scan = self.scan_of(ground, inquiry);
        let by = told_apart(&scan, question.breakdown.as_ref(), ground);
        trend::trend(&scan, question, by, ground.state.who.as_deref())
    }

    /// See `Reports::path`.
    ///
    /// # Errors
    /// As that.
    pub fn path(
        &self,
        ground: &Ground,
        question: &PathQuestion,
        inquiry: &Inquiry,
    ) -> Result<PathAnswer, StoreError> {
        path::path(&self.scan_of(ground, inquiry), question, ground.state.who.as_deref())
    }

    /// See `Reports::people`.
    ///
    /// # Errors
    /// As that.
    pub fn people(
        &self,
        ground: &Ground,
        number: Behind<'_>,
        (after, limit): (Option<&Cursor>, usize),
        inquiry: &Inquiry,
    ) -> Result<People, StoreError> {
        let scan = self.scan_of(ground, inquiry);
        let by = told_apart(&scan, number.breakdown(), ground);
        let who = ground.state.who.as_deref();
        let people = match number {
            Behind::Funnel(question, number) => {
                funnel::Asked::new(&scan, question, by, who)?.people(number)?
            }
            Behind::Retention(question, number) => retention::people(&scan, question, number, who)?,
            Behind::Trend(question, number) => trend::people(&scan, question, number, by, who)?,
            Behind::Path(question, number) => path::people(&scan, question, *number, who)?,
        };
        ranges::page(&people, &scan, after, limit)
    }
}

fn told_apart<'a>(scan: &Scan<'_>, breakdown: Option<&Breakdown>, ground: &'a Ground) -> By<'a> {
    match (breakdown, &ground.state.column) {
        (Some(Breakdown::EventProperty(name)), _) => {
            let mut key = Vec::new();
            property_key(name.as_bytes(), &mut key);
            By::Event(read(scan.known).names.get(&key))
        }
        (_, Some(column)) => By::User(column),
        _ => By::Nothing,
    }
}
