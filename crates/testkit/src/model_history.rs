//! History as a plain vector of events: every question is answered by looking at all of them, one after the other.
//!
//! The reference for engines that answer from columns; [`answer`] takes any events, so that a test can ask it about
//! what it wrote elsewhere.

use std::collections::{BTreeMap, HashSet};

use muster_kernel::model::event::{Event, EventKind};
use muster_kernel::model::history::{
    AsOf, Breakdown, CountAnswer, CountQuestion, CountSeries, EventName, EventQuery, Measure, NameSummary,
    NamesQuestion, PropertiesQuestion, PropertyOwner, PropertySummary, ReadableType, Standing, TypeSummary,
    group_order, time_of,
};
use muster_kernel::model::id::EnvironmentId;
use muster_kernel::model::page::{Cursor, Page};
use muster_kernel::model::profile::{Change, Profile};
use muster_kernel::model::property::PropertyList;
use muster_kernel::model::time::Timestamp;
use muster_kernel::model::value::{OwnedValue, Value};
use muster_kernel::ports::{History, Inquiry, ProfileKind, StoreError, StoredEvent};

use crate::model_engine::ModelEngine;

/// An event and its time.
pub(crate) struct Told<'a> {
    pub(crate) stored: &'a StoredEvent,
    pub(crate) event: Event<'a>,
    pub(crate) at: Timestamp,
}

pub(crate) fn told(events: &[StoredEvent]) -> Vec<Told<'_>> {
    let decoded = events.iter().filter_map(|stored| Some((stored, Event::decode(&stored.payload).ok()?)));
    decoded
        .map(|(stored, event)| Told { stored, event, at: time_of(&event, stored.receipt.received_at) })
        .collect()
}

/// The answers of the model.
pub mod answer {
    use super::{
        AsOf, BTreeMap, Breakdown, Change, CountAnswer, CountQuestion, CountSeries, Cursor, EventName,
        EventQuery, HashSet, Measure, NameSummary, NamesQuestion, OwnedValue, Page, Profile, ProfileKind,
        PropertiesQuestion, PropertySummary, StoreError, StoredEvent, Timestamp, Told, Value, group_order,
        owned_by, summaries, told,
    };

    /// See `History::events`.
    ///
    /// # Errors
    /// When the cursor is none.
    pub fn events(
        all: &[StoredEvent],
        query: &EventQuery,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<StoredEvent>, StoreError> {
        let after = after.map(|cursor| place_of(cursor).ok_or(StoreError::NotACursor)).transpose()?;
        let place = |told: &Told<'_>| (told.at.0, told.stored.receipt.position.0);
        let mut found: Vec<_> = told(all).into_iter().filter(|told| passes(query, told)).collect();
        found.retain(|told| after.is_none_or(|after| place(told) < after));
        found.sort_by_key(|told| std::cmp::Reverse(place(told)));
        let more = found.len() > limit;
        found.truncate(limit);
        let last = found.last().map(place).filter(|_| more);
        let next = last.map(|(at, position)| Cursor([at.to_be_bytes(), position.to_be_bytes()].concat()));
        Ok(Page { items: found.iter().map(|told| told.stored.clone()).collect(), next })
    }

    fn place_of(cursor: &Cursor) -> Option<(i64, u64)> {
        let (at, position) = cursor.0.split_first_chunk()?;
        Some((i64::from_be_bytes(*at), u64::from_be_bytes(position.try_into().ok()?)))
    }

    fn passes(query: &EventQuery, told: &Told<'_>) -> bool {
        let event = &told.event;
        query.wants(event.kind, event.event_name)
            && query.user.as_ref().is_none_or(|user| event.user_id == Some(user.as_str()))
            && query.company.as_ref().is_none_or(|company| event.company_id == Some(company.as_str()))
            && query.span.contains(told.at)
            && query.properties.iter().all(|condition| condition.holds(&event.properties))
    }

    /// See `History::names`.
    pub fn names(all: &[StoredEvent], question: &NamesQuestion) -> Vec<NameSummary> {
        let mut by_name: BTreeMap<EventName, Vec<Told<'_>>> = BTreeMap::new();
        for told in told(all) {
            by_name.entry(EventName::of(&told.event)).or_default().push(told);
        }
        by_name.retain(|name, _| question.names.is_empty() || question.names.contains(name));
        let summary = |(event, events): (EventName, Vec<Told<'_>>)| {
            let mut volume = vec![0; question.volume.count()];
            for bucket in events.iter().filter_map(|told| question.volume.index(told.at)) {
                volume[bucket] += 1;
            }
            let times = || events.iter().map(|told| told.at);
            let sent = || {
                events
                    .iter()
                    .flat_map(|told| told.event.properties.iter().map(|(name, value)| (told.at, name, value)))
            };
            let mut properties =
                summaries(sent().map(|(_, name, value)| (name, value)), question.examples_max);
            for summary in properties.iter_mut().filter(|_| question.with_times) {
                let times = || sent().filter(|(_, name, _)| *name == summary.name).map(|(at, ..)| at);
                summary.times = times().min().zip(times().max());
            }
            Some(NameSummary {
                event,
                count: events.len() as u64,
                first_at: times().min()?,
                last_at: times().max()?,
                volume,
                properties,
            })
        };
        by_name.into_iter().filter_map(summary).collect()
    }

    /// See `History::properties`.
    pub fn properties(all: &[StoredEvent], question: &PropertiesQuestion) -> Vec<PropertySummary> {
        let told = told(all);
        let lists = told.iter().flat_map(|told| owned_by(question.owner, &told.event));
        summaries(lists.flat_map(|list| list.iter()), question.examples_max)
    }

    /// See `History::as_of`.
    pub fn as_of(all: &[StoredEvent], (kind, id): (ProfileKind, &str), at: AsOf) -> Option<Profile> {
        let mut profile: Option<Profile> = None;
        for told in told(all) {
            let received_at = told.stored.receipt.received_at;
            let change = match kind {
                ProfileKind::User => Change::of_user(&told.event, received_at),
                ProfileKind::Company => Change::of_company(&told.event, received_at),
            };
            if let Some((_, change)) = change.filter(|(named, _)| *named == id)
                && told.at <= at.time
                && received_at <= at.known_at
            {
                profile.get_or_insert_default().apply(&change);
            }
        }
        profile
    }

    /// See `History::counts`; `user` and `company` answer profiles as of now.
    pub fn counts<'p>(
        all: &[StoredEvent],
        question: &CountQuestion,
        user: impl Fn(&str) -> Option<&'p Profile>,
        company: impl Fn(&str) -> Option<&'p Profile>,
    ) -> CountAnswer {
        type Group = Option<OwnedValue>;
        let told = told(all);
        let names: Vec<Option<&EventName>> = match question.names.is_empty() {
            true => vec![None],
            false => question.names.iter().map(Some).collect(),
        };
        let group_of = |told: &Told<'_>| -> Group {
            let value = match question.breakdown.as_ref()? {
                Breakdown::EventProperty(name) => {
                    told.event.properties.iter().find(|(known, _)| known == name).map(|(_, value)| value)
                }
                Breakdown::UserProperty(name) => user(told.event.user_id?)?.property(name),
                Breakdown::UserPropertyThen(name) => {
                    let at = AsOf { time: told.at, known_at: Timestamp(i64::MAX) };
                    let then = as_of(all, (ProfileKind::User, told.event.user_id?), at)?;
                    return then.property(name).map(OwnedValue::of);
                }
                Breakdown::CompanyProperty(name) => {
                    company(user(told.event.user_id?)?.company_id()?)?.property(name)
                }
            };
            value.filter(|value| *value != Value::Null).map(OwnedValue::of)
        };
        let mut series: Vec<(usize, CountSeries)> = Vec::new();
        for (index, name) in names.iter().enumerate() {
            let mut groups: BTreeMap<Group, Vec<&Told<'_>>> = BTreeMap::new();
            if question.breakdown.is_none() {
                groups.insert(None, Vec::new());
            }
            for told in &told {
                let counted = name.is_none_or(|name| name.covers(&EventName::of(&told.event)))
                    && question.buckets.index(told.at).is_some()
                    && question.properties.iter().all(|is| is.holds(&told.event.properties))
                    && (question.measure == Measure::Total || told.event.user_id.is_some());
                if counted {
                    groups.entry(group_of(told)).or_default().push(told);
                }
            }
            for (group, events) in groups {
                let (counts, total) = count(question, &events);
                series.push((index, CountSeries { event: name.cloned(), group, counts, total }));
            }
        }
        rank(series, question)
    }

    fn count(question: &CountQuestion, events: &[&Told<'_>]) -> (Vec<u64>, u64) {
        let mut counts = vec![0; question.buckets.count()];
        let mut seen = HashSet::new();
        for told in events {
            let Some(bucket) = question.buckets.index(told.at) else { continue };
            let is_new = match question.measure {
                Measure::Total => true,
                Measure::UniqueUsers => seen.insert((bucket, told.event.user_id)),
            };
            counts[bucket] += u64::from(is_new);
        }
        let users: HashSet<_> = events.iter().map(|told| told.event.user_id).collect();
        let total = match question.measure {
            Measure::Total => events.len(),
            Measure::UniqueUsers => users.len(),
        };
        (counts, total as u64)
    }

    fn rank(mut series: Vec<(usize, CountSeries)>, question: &CountQuestion) -> CountAnswer {
        let mut totals: BTreeMap<Option<OwnedValue>, u64> = BTreeMap::new();
        for (_, one) in &series {
            *totals.entry(one.group.clone()).or_default() += one.total;
        }
        let mut ranked: Vec<_> = totals.into_iter().collect();
        ranked.sort_by(|a, b| group_order((a.1, a.0.as_ref()), (b.1, b.0.as_ref())));
        let left_out = ranked.split_off(ranked.len().min(question.groups_max.max(1)));
        let place = |group: &Option<OwnedValue>| ranked.iter().position(|(known, _)| known == group);
        series.retain(|(_, one)| place(&one.group).is_some());
        series.sort_by_key(|(index, one)| (*index, place(&one.group)));
        CountAnswer {
            series: series.into_iter().map(|(_, one)| one).collect(),
            groups_left_out: left_out.len() as u64,
        }
    }
}

/// The property lists of an event that are the owner's.
fn owned_by<'a>(owner: PropertyOwner, event: &Event<'a>) -> Vec<PropertyList<'a>> {
    let of_subject = match event.kind {
        EventKind::IdentifyUser => PropertyOwner::User,
        EventKind::IdentifyCompany => PropertyOwner::Company,
        _ => PropertyOwner::Event,
    };
    let own = Some(event.properties).filter(|_| of_subject == owner);
    let companys = Some(event.company_properties).filter(|_| owner == PropertyOwner::Company);
    own.into_iter().chain(companys).collect()
}

fn summaries<'a>(
    properties: impl Iterator<Item = (&'a str, Value<'a>)>,
    examples_max: usize,
) -> Vec<PropertySummary> {
    type Types<'a> = BTreeMap<ReadableType, (u64, HashSet<OwnedValue>)>;
    let mut found: BTreeMap<&str, Types<'_>> = BTreeMap::new();
    for (name, value) in properties {
        let (count, examples) = found.entry(name).or_default().entry(ReadableType::of(value)).or_default();
        *count += 1;
        if examples.len() < examples_max {
            examples.insert(OwnedValue::of(value));
        }
    }
    let of_type = |(reads_as, (count, examples)): (ReadableType, (u64, HashSet<OwnedValue>))| TypeSummary {
        reads_as,
        count,
        examples: examples.into_iter().collect(),
    };
    let of_name = |(name, types): (&str, Types<'_>)| PropertySummary {
        name: name.to_owned(),
        types: types.into_iter().map(of_type).collect(),
        times: None,
    };
    found.into_iter().map(of_name).collect()
}

impl History for ModelEngine {
    fn events(
        &self,
        environment: EnvironmentId,
        query: &EventQuery,
        after: Option<&Cursor>,
        limit: usize,
        inquiry: &Inquiry,
    ) -> Result<Page<StoredEvent>, StoreError> {
        wanted(inquiry)?;
        self.with(environment, |island| answer::events(&island.kept(), query, after, limit))
    }

    fn names(
        &self,
        environment: EnvironmentId,
        question: &NamesQuestion,
        inquiry: &Inquiry,
    ) -> Result<Vec<NameSummary>, StoreError> {
        wanted(inquiry)?;
        self.with(environment, |island| Ok(answer::names(&island.kept(), question)))
    }

    fn counts(
        &self,
        environment: EnvironmentId,
        question: &CountQuestion,
        inquiry: &Inquiry,
    ) -> Result<CountAnswer, StoreError> {
        wanted(inquiry)?;
        self.with(environment, |island| {
            Ok(answer::counts(
                &island.kept(),
                question,
                |user| island.users.get(user),
                |company| island.companies.get(company),
            ))
        })
    }

    fn properties(
        &self,
        environment: EnvironmentId,
        question: &PropertiesQuestion,
        inquiry: &Inquiry,
    ) -> Result<Vec<PropertySummary>, StoreError> {
        wanted(inquiry)?;
        self.with(environment, |island| Ok(answer::properties(&island.kept(), question)))
    }

    fn as_of(
        &self,
        environment: EnvironmentId,
        subject: (ProfileKind, &str),
        at: AsOf,
        inquiry: &Inquiry,
    ) -> Result<Option<Profile>, StoreError> {
        wanted(inquiry)?;
        self.with(environment, |island| island.as_of(subject, at))
    }

    fn standing(&self, environment: EnvironmentId) -> Result<Standing, StoreError> {
        self.with(environment, |island| {
            Ok(Standing { events: island.kept().len() as u64, ..Standing::default() })
        })
    }
}

pub(crate) fn wanted(inquiry: &Inquiry) -> Result<(), StoreError> {
    if inquiry.is_stopped() { Err(StoreError::Stopped) } else { Ok(()) }
}
