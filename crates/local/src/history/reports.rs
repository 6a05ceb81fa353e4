//! Reports of one environment: what a question needs beside history (who takes part, users' properties as they are now)
//! is fetched here, or taken from the state of an earlier answer; then the fold of that report is asked.

use std::sync::Arc;

use muster_kernel::model::history::Breakdown;
use muster_kernel::model::page::Cursor;
use muster_kernel::model::report::funnel::{FunnelAnswer, FunnelQuestion};
use muster_kernel::model::report::path::{PathAnswer, PathQuestion};
use muster_kernel::model::report::retention::{RetentionAnswer, RetentionQuestion};
use muster_kernel::model::report::trend::{TrendAnswer, TrendQuestion};
use muster_kernel::model::report::{About, Behind, Level, People, Pin, Pinned, Then};
use muster_kernel::ports::{Inquiry, StoreError};

use super::archive::{Archive, Snapshot};
use super::companies::{Companies, Subjects};
use super::dictionary::{property_key, read};
use super::groups::By;
use super::pins::State;
use super::scan::Scan;
use super::then_columns::Past;
use super::{funnel, path, ranges, retention, trend};
use crate::profiles::lists::View;

/// What a question stands on.
pub struct Ground {
    snapshot: Arc<Snapshot>,
    state: State,
    /// Users' properties as they were. Not kept with the state: they are made from events up to its position, now or later.
    past: Past,
}

impl Ground {
    fn subjects(&self) -> Subjects<'_> {
        let who = self.state.who.as_deref();
        match &self.state.membership {
            None => Subjects::Users(who),
            Some(membership) => Subjects::Companies(Companies { membership, who }),
        }
    }
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
        (about, then): (About<'_>, &Then<'_>),
        inquiry: &Inquiry,
    ) -> Result<Ground, StoreError> {
        let (snapshot, members) = match &about.who.segment {
            None => (snapshot, None),
            Some(segment) => {
                let (snapshot, members) = self.belonging(segment, inquiry)?;
                (snapshot, Some(members))
            }
        };
        let scan = self.scan(&snapshot, inquiry);
        let meeting = ranges::who(about.level, &about.who.properties, &self.columns, &scan, profiles)?;
        let who = match (members, meeting) {
            (Some(members), Some(meeting)) => Some(members & meeting),
            (members, meeting) => members.or(meeting),
        };
        let column = self.columns.of_breakdown(about.breakdown, &scan, profiles)?;
        let membership = match about.level {
            Level::User => None,
            Level::Company => Some(self.columns.membership(&scan, profiles)?),
        };
        let state = State { through: snapshot.through, who: who.map(Arc::new), column, membership };
        let past = self.then_columns.of(then, &scan)?;
        Ok(Ground { snapshot, state, past })
    }

    /// The state of an earlier answer, without whom `snapshot` no longer shows.
    ///
    /// # Errors
    /// [`StoreError::Unpinned`] when it is not kept; when history cannot be read.
    pub fn pinned_ground(
        &self,
        snapshot: Arc<Snapshot>,
        pin: Pin,
        (about, then): (About<'_>, &Then<'_>),
        inquiry: &Inquiry,
    ) -> Result<Ground, StoreError> {
        let mut state = self.pins.get(pin, about, self.options.pin_age)?;
        if about.level == Level::Company {
            // Users who belonged to a company are still there when it is erased.
            let known = self.known_companies(inquiry)?;
            state.who = Some(Arc::new(match state.who {
                Some(who) => &*who & known,
                None => known,
            }));
        }
        let scan = Scan { through: state.through, ..self.scan(&snapshot, inquiry) };
        let past = self.then_columns.of(then, &scan)?;
        Ok(Ground { snapshot, state, past })
    }

    /// Keeps what an answer is of.
    pub fn pin<T>(&self, answer: T, ground: Ground, about: About<'_>) -> Pinned<T> {
        let mut number = [0; 8];
        (self.random)(&mut number);
        let pin = Pin(u64::from_le_bytes(number));
        Pinned { answer, pin: self.pins.keep(pin, about, ground.state, self.options.pin_age) }
    }

    fn scan_of<'a>(&'a self, ground: &'a Ground, inquiry: &'a Inquiry) -> Scan<'a> {
        let scan = self.scan(&ground.snapshot, inquiry);
        let bytes_max = scan.bytes_max.saturating_sub(ground.past.bytes());
        Scan { through: ground.state.through, past: Some(&ground.past), bytes_max, ..scan }
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
        let by = told_apart(&scan, question.about(), ground);
        funnel::Asked::new(&scan, question, by, ground.subjects())?.answer()
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
        retention::retention(&self.scan_of(ground, inquiry), question, ground.subjects())
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
        let by = told_apart(&scan, question.about(), ground);
        trend::trend(&scan, question, by, ground.subjects())
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
        path::path(&self.scan_of(ground, inquiry), question, ground.subjects())
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
        let by = told_apart(&scan, number.about(), ground);
        let subjects = ground.subjects();
        let people = match number {
            Behind::Funnel(question, number) => {
                funnel::Asked::new(&scan, question, by, subjects)?.people(number)?
            }
            Behind::Retention(question, number) => retention::people(&scan, question, number, subjects)?,
            Behind::Trend(question, number) => trend::people(&scan, question, number, by, subjects)?,
            Behind::Path(question, number) => path::people(&scan, question, *number, subjects)?,
        };
        ranges::page(number.about().level, &people, &scan, after, limit)
    }
}

fn told_apart<'a>(scan: &Scan<'_>, about: About<'_>, ground: &'a Ground) -> By<'a> {
    match (about.breakdown, &ground.state.column) {
        (Some(Breakdown::EventProperty(name)), _) => {
            let mut key = Vec::new();
            property_key(name.as_bytes(), &mut key);
            By::Event(read(scan.known).names.get(&key))
        }
        (Some(Breakdown::UserPropertyThen(name)), _) => ground.past.get(name).map_or(By::Nothing, By::Then),
        (_, Some(column)) if about.level == Level::Company => By::Company(column),
        (_, Some(column)) => By::User(column),
        _ => By::Nothing,
    }
}
