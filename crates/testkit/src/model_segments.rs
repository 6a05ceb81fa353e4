//! Segments by the slow, obvious way: everybody is folded from all events, and the rule is asked of one after the other.
//!
//! The reference for engines that answer from columns; [`answer`] takes any events, so that a test can ask it about
//! what it wrote elsewhere.

use muster_kernel::model::id::EnvironmentId;
use muster_kernel::model::page::Cursor;
use muster_kernel::model::segment::question::{
    Evidence, MemberOrder, MemberPage, SegmentPreview, SegmentQuestion,
};
use muster_kernel::model::value::OwnedValue;
use muster_kernel::ports::{Inquiry, Segments, StoreError};

use crate::model_engine::{Island, ModelEngine};

/// The answers of the model.
pub mod answer {
    use std::cmp::Reverse;
    use std::collections::BTreeMap;

    use muster_kernel::model::event::Event;
    use muster_kernel::model::history::time_of;
    use muster_kernel::model::page::Cursor;
    use muster_kernel::model::profile::{Change, Profile};
    use muster_kernel::model::segment::Level;
    use muster_kernel::model::segment::meaning::Truth;
    use muster_kernel::model::segment::question::{
        Evidence, Member, MemberOrder, MemberPage, SegmentPreview, SegmentQuestion, Told,
    };
    use muster_kernel::model::time::Timestamp;
    use muster_kernel::model::value::OwnedValue;
    use muster_kernel::ports::{StoreError, StoredEvent};

    /// Everybody, folded from events.
    #[derive(Default)]
    pub struct Everybody {
        users: BTreeMap<String, (Profile, Vec<Told>)>,
        companies: BTreeMap<String, Profile>,
    }

    impl Everybody {
        /// Whom these events are about, and whom they name.
        pub fn of(events: &[StoredEvent]) -> Everybody {
            Everybody::by(Timestamp(i64::MAX), events)
        }

        /// The same as if nothing had happened after a time.
        pub fn by(until: Timestamp, events: &[StoredEvent]) -> Everybody {
            let mut everybody = Everybody::default();
            for stored in events {
                let Ok(event) = Event::decode(&stored.payload) else { continue };
                let received_at = stored.receipt.received_at;
                if time_of(&event, received_at) > until {
                    continue;
                }
                if let Some((id, change)) = Change::of_user(&event, received_at) {
                    let (profile, told) = everybody.users.entry(id.to_owned()).or_default();
                    profile.apply(&change);
                    told.push(Told { at: time_of(&event, received_at), payload: stored.payload.clone() });
                }
                if let Some((id, change)) = Change::of_company(&event, received_at) {
                    everybody.companies.entry(id.to_owned()).or_default().apply(&change);
                }
            }
            everybody
        }

        /// The ids of a level.
        pub fn ids(&self, level: Level) -> Vec<&str> {
            match level {
                Level::User => self.users.keys().map(String::as_str).collect(),
                Level::Company => self.companies.keys().map(String::as_str).collect(),
            }
        }

        /// See `Segments::evidence`.
        pub fn evidence(&self, level: Level, id: &str) -> Option<Evidence> {
            let company = |id: &str| self.companies.get(id).map(|profile| (id.to_owned(), profile.clone()));
            match level {
                Level::User => {
                    let (profile, told) = self.users.get(id)?;
                    Some(Evidence {
                        user: Some((id.to_owned(), profile.clone())),
                        company: profile.company_id().and_then(company),
                        events: told.clone(),
                    })
                }
                Level::Company => {
                    let of_members = self.users.values().filter(|(user, _)| user.company_id() == Some(id));
                    let events = of_members.flat_map(|(_, told)| told.iter().cloned()).collect();
                    Some(Evidence { user: None, company: Some(company(id)?), events })
                }
            }
        }

        fn profile(&self, level: Level, id: &str) -> Option<&Profile> {
            match level {
                Level::User => self.users.get(id).map(|(profile, _)| profile),
                Level::Company => self.companies.get(id),
            }
        }

        /// The latest moment that anybody's profile knows of.
        pub fn latest_at(&self) -> Option<Timestamp> {
            let users = self.users.values().map(|(profile, _)| profile);
            users.chain(self.companies.values()).filter_map(|profile| profile.view().latest_at()).max()
        }

        /// See `Segments::values`.
        pub fn values(&self, level: Level, id: &str, names: &[String]) -> Vec<Option<OwnedValue>> {
            let value = |name: &String| self.profile(level, id)?.property(name).map(OwnedValue::of);
            names.iter().map(value).collect()
        }

        fn last_seen(&self, level: Level, id: &str) -> Member {
            let last_seen_at = self.profile(level, id).and_then(Profile::last_seen_at);
            Member { id: id.to_owned(), last_seen_at }
        }

        /// Whether the rule holds for each, and the members.
        fn verdicts(&self, question: &SegmentQuestion) -> (Vec<Member>, u64) {
            let (mut members, mut conflicts) = (Vec::new(), 0);
            for id in self.ids(question.level) {
                let Some(evidence) = self.evidence(question.level, id) else { continue };
                match evidence.holds(question) {
                    Truth::Yes => members.push(self.last_seen(question.level, id)),
                    Truth::Conflict => conflicts += 1,
                    Truth::No => {}
                }
            }
            (members, conflicts)
        }

        /// See `Segments::preview`: the sample are the first.
        pub fn preview(&self, question: &SegmentQuestion, sample_max: usize) -> SegmentPreview {
            let (members, conflicts) = self.verdicts(question);
            let count = members.len() as u64;
            SegmentPreview {
                members: count,
                conflicts,
                sample: members.into_iter().take(sample_max).collect(),
            }
        }

        /// Every member in an order.
        pub fn members(&self, question: &SegmentQuestion, order: MemberOrder) -> Vec<Member> {
            let (mut members, _) = self.verdicts(question);
            members.sort_by_key(|member| place(order, member));
            members
        }

        /// See `Segments::members`.
        ///
        /// # Errors
        /// When the cursor is none.
        pub fn page(
            &self,
            question: &SegmentQuestion,
            order: MemberOrder,
            after: Option<&Cursor>,
            limit: usize,
        ) -> Result<MemberPage, StoreError> {
            let text =
                |cursor: &Cursor| String::from_utf8(cursor.0.clone()).map_err(|_| StoreError::NotACursor);
            let read = |text: String| -> Result<_, StoreError> {
                let (micros, id) = text.split_once(' ').ok_or(StoreError::NotACursor)?;
                let micros: i64 = micros.parse().map_err(|_| StoreError::NotACursor)?;
                Ok((Reverse(micros), id.to_owned()))
            };
            let after = after.map(|cursor| text(cursor).and_then(read)).transpose()?;
            let mut members = self.members(question, order);
            let total = members.len() as u64;
            members.retain(|member| after.as_ref().is_none_or(|after| place(order, member) > *after));
            let more = members.len() > limit;
            members.truncate(limit);
            let cursor = |(Reverse(micros), id)| Cursor(format!("{micros} {id}").into_bytes());
            let next = members.last().filter(|_| more).map(|member| cursor(place(order, member)));
            Ok(MemberPage { total, items: members, next })
        }
    }

    fn place(order: MemberOrder, member: &Member) -> (Reverse<i64>, String) {
        let last = member.last_seen_at.map_or(i64::MIN, |at| at.0);
        let last = if order == MemberOrder::LastSeen { last } else { 0 };
        (Reverse(last), member.id.clone())
    }
}

impl Island {
    /// Everybody whom a question can see.
    fn everybody(&self, question: &SegmentQuestion) -> Result<answer::Everybody, StoreError> {
        let until = question.until();
        self.check_told(until)?;
        Ok(answer::Everybody::by(until, &self.shown()))
    }
}

impl Segments for ModelEngine {
    fn preview(
        &self,
        environment: EnvironmentId,
        question: &SegmentQuestion,
        sample_max: usize,
        inquiry: &Inquiry,
    ) -> Result<SegmentPreview, StoreError> {
        wanted(inquiry)?;
        self.with(environment, |island| Ok(island.everybody(question)?.preview(question, sample_max)))
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
        wanted(inquiry)?;
        self.with(environment, |island| island.everybody(question)?.page(question, order, after, limit))
    }

    fn evidence(
        &self,
        environment: EnvironmentId,
        question: &SegmentQuestion,
        id: &str,
        inquiry: &Inquiry,
    ) -> Result<Option<Evidence>, StoreError> {
        wanted(inquiry)?;
        self.with(environment, |island| Ok(island.everybody(question)?.evidence(question.level, id)))
    }

    fn values(
        &self,
        environment: EnvironmentId,
        question: &SegmentQuestion,
        (ids, names): (&[&str], &[String]),
        inquiry: &Inquiry,
    ) -> Result<Vec<Vec<Option<OwnedValue>>>, StoreError> {
        wanted(inquiry)?;
        self.with(environment, |island| {
            let everybody = island.everybody(question)?;
            Ok(ids.iter().map(|id| everybody.values(question.level, id, names)).collect())
        })
    }
}

fn wanted(inquiry: &Inquiry) -> Result<(), StoreError> {
    if inquiry.is_stopped() { Err(StoreError::Stopped) } else { Ok(()) }
}
