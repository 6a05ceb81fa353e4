//! Reports of one environment: what a question needs beside history (users' properties as they are now) is fetched here,
//! then the fold of that report is asked.

use std::sync::Arc;

use muster_kernel::model::history::Breakdown;
use muster_kernel::model::page::Cursor;
use muster_kernel::model::report::funnel::{FunnelAnswer, FunnelNumber, FunnelQuestion};
use muster_kernel::model::report::path::{PathAnswer, PathQuestion};
use muster_kernel::model::report::retention::{RetentionAnswer, RetentionNumber, RetentionQuestion};
use muster_kernel::model::report::trend::{TrendAnswer, TrendQuestion};
use muster_kernel::model::report::{People, Who};
use muster_kernel::ports::{Inquiry, StoreError};
use roaring::RoaringBitmap;

use super::archive::{Archive, Snapshot};
use super::dictionary::{property_key, read};
use super::groups::By;
use super::scan::Scan;
use super::user_columns::UserColumn;
use super::{funnel, path, ranges, retention, trend};
use crate::profiles::lists::View;

/// A question's place: what there is to ask, who the users are, and whether the answer is still wanted.
pub struct Place<'a> {
    /// History.
    pub snapshot: &'a Snapshot,
    /// Profiles as of now.
    pub profiles: &'a View<'a>,
    /// Who asks.
    pub inquiry: &'a Inquiry,
}

impl Archive {
    /// See `Reports::funnel`.
    ///
    /// # Errors
    /// As that.
    pub fn funnel(&self, place: &Place<'_>, question: &FunnelQuestion) -> Result<FunnelAnswer, StoreError> {
        self.ask_funnel(place, question, |asked| asked.answer())
    }

    /// See `Reports::funnel_people`.
    ///
    /// # Errors
    /// As that.
    pub fn funnel_people(
        &self,
        place: &Place<'_>,
        question: &FunnelQuestion,
        number: &FunnelNumber,
        (after, limit): (Option<&Cursor>, usize),
    ) -> Result<People, StoreError> {
        self.ask_funnel(place, question, |asked| asked.people(number, after, limit))
    }

    fn ask_funnel<T>(
        &self,
        place: &Place<'_>,
        question: &FunnelQuestion,
        ask: impl FnOnce(&funnel::Asked<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let scan = self.scan(place.snapshot, place.inquiry);
        let who = self.who(&scan, place, &question.who)?;
        let column = self.column(&scan, place, question.breakdown.as_ref())?;
        let by = told_apart(&scan, question.breakdown.as_ref(), column.as_deref());
        ask(&funnel::Asked::new(&scan, question, by, who.as_ref())?)
    }

    /// See `Reports::retention`.
    ///
    /// # Errors
    /// As that.
    pub fn retention(
        &self,
        place: &Place<'_>,
        question: &RetentionQuestion,
    ) -> Result<RetentionAnswer, StoreError> {
        let scan = self.scan(place.snapshot, place.inquiry);
        let who = self.who(&scan, place, &question.who)?;
        retention::retention(&scan, question, who.as_ref())
    }

    /// See `Reports::retention_people`.
    ///
    /// # Errors
    /// As that.
    pub fn retention_people(
        &self,
        place: &Place<'_>,
        question: &RetentionQuestion,
        number: &RetentionNumber,
        page: (Option<&Cursor>, usize),
    ) -> Result<People, StoreError> {
        let scan = self.scan(place.snapshot, place.inquiry);
        let who = self.who(&scan, place, &question.who)?;
        retention::people(&scan, question, number, who.as_ref(), page)
    }

    /// See `Reports::trend`.
    ///
    /// # Errors
    /// As that.
    pub fn trend(&self, place: &Place<'_>, question: &TrendQuestion) -> Result<TrendAnswer, StoreError> {
        let scan = self.scan(place.snapshot, place.inquiry);
        let who = self.who(&scan, place, &question.who)?;
        let column = self.column(&scan, place, question.breakdown.as_ref())?;
        let by = told_apart(&scan, question.breakdown.as_ref(), column.as_deref());
        trend::trend(&scan, question, by, who.as_ref())
    }

    /// See `Reports::path`.
    ///
    /// # Errors
    /// As that.
    pub fn path(&self, place: &Place<'_>, question: &PathQuestion) -> Result<PathAnswer, StoreError> {
        let scan = self.scan(place.snapshot, place.inquiry);
        let who = self.who(&scan, place, &question.who)?;
        path::path(&scan, question, who.as_ref())
    }

    /// The users' property that a question breaks down by, if it does.
    fn column(
        &self,
        scan: &Scan<'_>,
        place: &Place<'_>,
        breakdown: Option<&Breakdown>,
    ) -> Result<Option<Arc<UserColumn>>, StoreError> {
        let Some(Breakdown::UserProperty(name)) = breakdown else { return Ok(None) };
        self.columns.get(name, scan, place.profiles).map(Some)
    }

    fn who(
        &self,
        scan: &Scan<'_>,
        place: &Place<'_>,
        who: &Who,
    ) -> Result<Option<RoaringBitmap>, StoreError> {
        ranges::who(&who.properties, &self.columns, scan, place.profiles)
    }
}

fn told_apart<'a>(scan: &Scan<'_>, breakdown: Option<&Breakdown>, column: Option<&'a UserColumn>) -> By<'a> {
    match (breakdown, column) {
        (Some(Breakdown::EventProperty(name)), _) => {
            let mut key = Vec::new();
            property_key(name.as_bytes(), &mut key);
            By::Event(read(scan.known).names.get(&key))
        }
        (_, Some(column)) => By::User(column),
        _ => By::Nothing,
    }
}
