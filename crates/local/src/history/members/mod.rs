//! Who belongs to a segment: sets of users from columns first, events only for those whom they can still decide about.
//!
//! Guarantees: the answer is the kernel's meaning of the rule for every subject (a test holds it to that on random data),
//! of the one snapshot that the columns are brought up to. Must never: look into a profile, which may know more than the
//! snapshot.

mod columns;
mod evaluate;
mod evidence;
mod happened;
mod list;
mod set;

use muster_kernel::model::page::Cursor;
use muster_kernel::model::segment::question::{
    Evidence, Member, MemberOrder, MemberPage, SegmentPreview, SegmentQuestion,
};
use muster_kernel::model::segment::{Condition, Field, Level, Members, Rule};
use muster_kernel::model::time::Timestamp;
use muster_kernel::model::value::OwnedValue;
use muster_kernel::ports::{Inquiry, StoreError};
use roaring::RoaringBitmap;
use std::sync::Arc;

pub use columns::Columns;
use columns::{Key, Prepared};
use evaluate::{Asking, Verdict};

use super::archive::{Archive, Snapshot};
use super::dictionary::Dictionaries;

/// The properties that a rule asks for, on all ways.
fn keys(question: &SegmentQuestion) -> Vec<Key> {
    let mut keys: Vec<Key> = Vec::new();
    let mut add = |rule: &Rule| {
        rule.each_condition(&mut |condition| {
            if let Condition::Property(property) = condition
                && let Field::Named(name) = &property.field
            {
                keys.push((property.of, name.clone()));
            }
        });
    };
    add(&question.rule);
    for id in question.rule.segments_on_all_ways(&question.segments) {
        if let Some(Members::Rule(rule)) = question.segments.get(&id).map(|segment| &segment.members) {
            add(rule);
        }
    }
    keys.sort();
    keys.dedup();
    keys
}

impl Archive {
    /// The columns of what happened up to a time, and the snapshot that they are of: what is there now, or later.
    fn prepared(
        &self,
        keys: &[Key],
        until: Timestamp,
        inquiry: &Inquiry,
    ) -> Result<(Arc<Snapshot>, Prepared), StoreError> {
        let mut columns = self.rule_columns.hold(until, inquiry)?;
        let snapshot = self.snapshot();
        let prepared = columns.prepared(keys, &self.scan(&snapshot, inquiry))?;
        Ok((snapshot, prepared))
    }

    fn verdict(
        &self,
        question: &SegmentQuestion,
        inquiry: &Inquiry,
    ) -> Result<(Arc<Snapshot>, Prepared, Verdict), StoreError> {
        let (snapshot, prepared) = self.prepared(&keys(question), question.until(), inquiry)?;
        let scan = self.scan(&snapshot, inquiry);
        let verdict = Asking::new(&scan, &prepared, question).verdict()?;
        Ok((snapshot, prepared, verdict))
    }

    /// See `Segments::preview`; everything visible must be in the snapshot already.
    ///
    /// # Errors
    /// As that.
    pub fn preview(
        &self,
        question: &SegmentQuestion,
        sample_max: usize,
        inquiry: &Inquiry,
    ) -> Result<SegmentPreview, StoreError> {
        let (_, prepared, verdict) = self.verdict(question, inquiry)?;
        let members = verdict.yes.count();
        let sample = list::sample(&verdict.yes, prepared.standing.of(question.level), sample_max);
        let sample = sample.into_iter().filter_map(|number| self.member(question.level, number, &prepared));
        Ok(SegmentPreview { members, conflicts: verdict.open.count(), sample: sample.collect() })
    }

    /// The users, or the companies, for whom a rule holds, by their numbers, and the snapshot of which they are: what is there now, or later.
    ///
    /// # Errors
    /// As [`Archive::preview`].
    pub fn belonging(
        &self,
        question: &SegmentQuestion,
        inquiry: &Inquiry,
    ) -> Result<(Arc<Snapshot>, RoaringBitmap), StoreError> {
        let (snapshot, _, verdict) = self.verdict(question, inquiry)?;
        Ok((snapshot, verdict.yes.iter().collect()))
    }

    /// The companies of which something is known, by their numbers.
    ///
    /// # Errors
    /// As [`Archive::preview`].
    pub fn known_companies(&self, inquiry: &Inquiry) -> Result<RoaringBitmap, StoreError> {
        let (_, prepared) = self.prepared(&[], Timestamp(i64::MAX), inquiry)?;
        Ok(prepared.standing.companies.known.iter().collect())
    }

    fn member(&self, level: Level, number: u32, prepared: &Prepared) -> Option<Member> {
        let known = self.known();
        let dictionary = if level == Level::User { &known.users } else { &known.companies };
        let id = Dictionaries::str_of(dictionary, number)?.to_owned();
        Some(Member { id, last_seen_at: list::last_seen(prepared.standing.of(level), number) })
    }

    /// See `Segments::members`.
    ///
    /// # Errors
    /// As that.
    pub fn members(
        &self,
        question: &SegmentQuestion,
        order: MemberOrder,
        after: Option<&Cursor>,
        limit: usize,
        inquiry: &Inquiry,
    ) -> Result<MemberPage, StoreError> {
        let after = after.map(|cursor| list::place_of(order, cursor)).transpose()?;
        let (_, prepared, verdict) = self.verdict(question, inquiry)?;
        let known = self.known();
        let dictionary = if question.level == Level::User { &known.users } else { &known.companies };
        Ok(list::page(
            &verdict.yes,
            prepared.standing.of(question.level),
            dictionary,
            order,
            after.as_ref(),
            limit,
        ))
    }

    /// See `Segments::evidence`.
    ///
    /// # Errors
    /// As that.
    pub fn evidence(
        &self,
        question: &SegmentQuestion,
        id: &str,
        inquiry: &Inquiry,
    ) -> Result<Option<Evidence>, StoreError> {
        let until = question.until();
        match question.level {
            Level::User => evidence::of_user(&self.scan(&self.snapshot(), inquiry), id, until),
            Level::Company => {
                let (snapshot, prepared) = self.prepared(&[], until, inquiry)?;
                evidence::of_company(&self.scan(&snapshot, inquiry), &prepared.standing, id, until)
            }
        }
    }

    /// See `Segments::values`.
    ///
    /// # Errors
    /// As that.
    pub fn values(
        &self,
        question: &SegmentQuestion,
        (ids, names): (&[&str], &[String]),
        inquiry: &Inquiry,
    ) -> Result<Vec<Vec<Option<OwnedValue>>>, StoreError> {
        let level = question.level;
        let keys: Vec<Key> = names.iter().map(|name| (level, name.clone())).collect();
        let (_, prepared) = self.prepared(&keys, question.until(), inquiry)?;
        let known = self.known();
        let dictionary = if level == Level::User { &known.users } else { &known.companies };
        let of = |id: &&str| {
            let number = dictionary.get(id.as_bytes()).unwrap_or_default();
            let value = |name: &String| {
                let column = prepared.column(level, name)?;
                column.meaning(column.value(number)).map(OwnedValue::of)
            };
            names.iter().map(value).collect()
        };
        Ok(ids.iter().map(of).collect())
    }
}
