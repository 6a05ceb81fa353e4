//! Who belongs to a segment: sets of users from columns first, events only for those whom they can still decide about.
//!
//! Guarantees: the answer is the kernel's meaning of the rule for every subject (a test holds it to that on random data),
//! of the one snapshot that the columns are brought up to. Must never: look into a profile, which may know more than the
//! snapshot.

mod columns;
mod evaluate;
mod happened;
mod list;
mod set;

use muster_kernel::model::event::Event;
use muster_kernel::model::history::{AsOf, EventQuery, time_of};
use muster_kernel::model::id::UserId;
use muster_kernel::model::page::Cursor;
use muster_kernel::model::profile::{Change, Profile};
use muster_kernel::model::segment::question::{
    Evidence, Member, MemberOrder, MemberPage, SegmentPreview, SegmentQuestion, Told,
};
use muster_kernel::model::segment::{Condition, Field, Level, Members, Rule};
use muster_kernel::model::time::Timestamp;
use muster_kernel::ports::{Inquiry, ProfileKind, StoreError};
use roaring::RoaringBitmap;
use std::sync::Arc;

pub use columns::Columns;
use columns::{Key, Prepared};
use evaluate::{Asking, Verdict};

use super::archive::{Archive, Snapshot};
use super::dictionary::{Dictionaries, read};
use super::scan::Scan;
use super::{as_of, explorer};

/// Events that one piece of evidence may hold.
const EVIDENCE_EVENTS_MAX: usize = 200_000;

/// All that the snapshot holds.
const NOW: AsOf = AsOf { time: Timestamp(i64::MAX), known_at: Timestamp(i64::MAX) };

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
    /// The columns that a question needs, and the snapshot that they are of: what is there now, or later.
    fn prepared(&self, keys: &[Key], inquiry: &Inquiry) -> Result<(Arc<Snapshot>, Prepared), StoreError> {
        let mut columns = self.rule_columns.hold();
        let snapshot = self.snapshot();
        let prepared = columns.prepared(keys, &self.scan(&snapshot, inquiry))?;
        Ok((snapshot, prepared))
    }

    fn verdict(
        &self,
        question: &SegmentQuestion,
        inquiry: &Inquiry,
    ) -> Result<(Arc<Snapshot>, Prepared, Verdict), StoreError> {
        let (snapshot, prepared) = self.prepared(&keys(question), inquiry)?;
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
        let (_, prepared) = self.prepared(&[], inquiry)?;
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
        let (snapshot, prepared) = self.prepared(&[], inquiry)?;
        let scan = self.scan(&snapshot, inquiry);
        let known = |level: Level| {
            let known = read(scan.known);
            let number = match level {
                Level::User => known.users.get(id.as_bytes()),
                Level::Company => known.companies.get(id.as_bytes()),
            };
            number.filter(|number| *number != 0 && prepared.standing.of(level).known.contains(*number))
        };
        let Some(number) = known(question.level) else { return Ok(None) };
        let company = |id: &str| -> Result<_, StoreError> {
            let profile = as_of::profile(&scan, (ProfileKind::Company, id), NOW)?;
            Ok(profile.map(|profile| (id.to_owned(), profile)))
        };
        let mut evidence = Evidence::default();
        match question.level {
            Level::User => {
                let (events, profile) = folded(&scan, id)?;
                if let Some(id) = profile.company_id() {
                    evidence.company = company(id)?;
                }
                evidence.user = Some((id.to_owned(), profile));
                evidence.events = events;
            }
            Level::Company => {
                evidence.company = company(id)?;
                for user in prepared.standing.users.known.iter() {
                    if prepared.standing.company_of(user) != number {
                        continue;
                    }
                    let user = read(scan.known).users.text(user).map(<[u8]>::to_vec).unwrap_or_default();
                    let Ok(user) = std::str::from_utf8(&user) else { continue };
                    evidence.events.extend(folded(&scan, user)?.0);
                    if evidence.events.len() > EVIDENCE_EVENTS_MAX {
                        return Err(StoreError::TooLarge);
                    }
                }
            }
        }
        Ok(Some(evidence))
    }
}

/// A user's events, and the profile that they are folded to.
fn folded(scan: &Scan<'_>, id: &str) -> Result<(Vec<Told>, Profile), StoreError> {
    let user = UserId::parse(id).map_err(|_| StoreError::Damaged("a user's id is none".to_owned()))?;
    let query = EventQuery { user: Some(user), ..EventQuery::default() };
    let page = explorer::events(scan, &query, None, EVIDENCE_EVENTS_MAX)?;
    if page.next.is_some() {
        return Err(StoreError::TooLarge);
    }
    let known = scan.snapshot.base.as_ref().map(|(base, sieve)| base.profile(ProfileKind::User, id, sieve));
    let mut profile = known.transpose()?.flatten().unwrap_or_default();
    let mut told = Vec::with_capacity(page.items.len());
    for stored in page.items {
        let Ok(event) = Event::decode(&stored.payload) else { continue };
        if let Some((_, change)) = Change::of_user(&event, stored.receipt.received_at) {
            profile.apply(&change);
        }
        let at = time_of(&event, stored.receipt.received_at);
        told.push(Told { at, payload: stored.payload });
    }
    Ok((told, profile))
}
