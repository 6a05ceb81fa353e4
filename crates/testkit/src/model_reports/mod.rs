//! Reports over a plain vector of events: each answer follows its definition word by word, however long that takes.
//!
//! The reference for engines that fold over columns; the functions take any events, so that a test can ask them about what
//! it wrote elsewhere.

pub mod funnel;
pub mod path;
pub mod retention;
pub mod trend;

use std::collections::BTreeMap;

use muster_kernel::model::history::{Breakdown, group_order};
use muster_kernel::model::id::{EnvironmentId, UserId};
use muster_kernel::model::page::{Cursor, Page};
use muster_kernel::model::profile::Profile;
use muster_kernel::model::report::funnel::{FunnelAnswer, FunnelNumber, FunnelQuestion};
use muster_kernel::model::report::path::{PathAnswer, PathQuestion};
use muster_kernel::model::report::retention::{RetentionAnswer, RetentionNumber, RetentionQuestion};
use muster_kernel::model::report::trend::{TrendAnswer, TrendQuestion};
use muster_kernel::model::report::{People, Row, Who};
use muster_kernel::model::value::{OwnedValue, Value};
use muster_kernel::ports::{Inquiry, Reports, StoreError, StoredEvent};

use crate::model_engine::ModelEngine;
use crate::model_history::{Told, told, wanted};

/// The value that tells a group apart.
pub type Group = Option<OwnedValue>;

/// Everything there is to ask.
#[derive(Clone, Copy)]
pub struct World<'a> {
    /// Every event.
    pub events: &'a [StoredEvent],
    /// Every user's profile as of now.
    pub users: &'a BTreeMap<String, Profile>,
}

/// A user and their events in order.
struct Person<'a> {
    id: &'a str,
    events: Vec<Told<'a>>,
}

impl<'a> World<'a> {
    /// Those who take part.
    fn people(&self, who: &Who) -> Vec<Person<'a>> {
        let mut people: BTreeMap<&str, Vec<Told<'_>>> = BTreeMap::new();
        for told in told(self.events) {
            if let Some(id) = told.event.user_id {
                people.entry(id).or_default().push(told);
            }
        }
        people.retain(|id, _| who.takes(|name| self.users.get(*id)?.property(name)));
        let person = |(id, mut events): (&'a str, Vec<Told<'a>>)| {
            events.sort_by_key(|told| (told.at, told.stored.receipt.position));
            Person { id, events }
        };
        people.into_iter().map(person).collect()
    }

    /// The group of something that an event of a user stands for.
    fn group(&self, breakdown: Option<&Breakdown>, told: &Told<'_>) -> Group {
        let value = match breakdown? {
            Breakdown::EventProperty(name) => {
                told.event.properties.iter().find(|(known, _)| known == name).map(|(_, value)| value)
            }
            Breakdown::UserProperty(name) => self.users.get(told.event.user_id?)?.property(name),
        };
        value.filter(|value| *value != Value::Null).map(OwnedValue::of)
    }
}

/// The groups with the largest counts, in order, and how many are left.
fn ranked(groups: impl Iterator<Item = Group>, groups_max: usize) -> (Vec<Group>, u64) {
    let mut counts: BTreeMap<Group, u64> = BTreeMap::new();
    groups.for_each(|group| *counts.entry(group).or_default() += 1);
    let mut ranked: Vec<(Group, u64)> = counts.into_iter().collect();
    ranked.sort_by(|a, b| group_order((a.1, a.0.as_ref()), (b.1, b.0.as_ref())));
    let left_out = ranked.split_off(ranked.len().min(groups_max));
    (ranked.into_iter().map(|(group, _)| group).collect(), left_out.len() as u64)
}

/// Whether a group is in a row, when these have rows of their own.
fn stands_in(row: &Row, group: &Group, own: &[Group]) -> bool {
    match row {
        Row::All => true,
        Row::Group(wanted) => wanted == group && own.contains(group),
        Row::Other => !own.contains(group),
    }
}

/// A page of people by their ids.
fn page(mut ids: Vec<&str>, after: Option<&Cursor>, limit: usize) -> Result<People, StoreError> {
    ids.sort_unstable();
    ids.dedup();
    let total = ids.len() as u64;
    ids.retain(|id| after.is_none_or(|after| id.as_bytes() > after.0.as_slice()));
    let more = ids.len() > limit;
    ids.truncate(limit);
    let next = ids.last().filter(|_| more).map(|last| Cursor(last.as_bytes().to_vec()));
    let items = ids.into_iter().map(UserId::parse).collect::<Result<Vec<_>, _>>();
    let items = items.map_err(|fault| StoreError::Damaged(format!("{fault:?}")))?;
    Ok(People { total, page: Page { items, next } })
}

impl Reports for ModelEngine {
    fn funnel(
        &self,
        environment: EnvironmentId,
        question: &FunnelQuestion,
        inquiry: &Inquiry,
    ) -> Result<FunnelAnswer, StoreError> {
        wanted(inquiry)?;
        self.with(environment, |island| Ok(funnel::Outcomes::of(island.world(), question).answer()))
    }

    fn funnel_people(
        &self,
        environment: EnvironmentId,
        question: &FunnelQuestion,
        number: &FunnelNumber,
        after: Option<&Cursor>,
        limit: usize,
        inquiry: &Inquiry,
    ) -> Result<People, StoreError> {
        wanted(inquiry)?;
        self.with(environment, |island| {
            funnel::Outcomes::of(island.world(), question).people(number, after, limit)
        })
    }

    fn retention(
        &self,
        environment: EnvironmentId,
        question: &RetentionQuestion,
        inquiry: &Inquiry,
    ) -> Result<RetentionAnswer, StoreError> {
        wanted(inquiry)?;
        self.with(environment, |island| Ok(retention::answer(island.world(), question)))
    }

    fn retention_people(
        &self,
        environment: EnvironmentId,
        question: &RetentionQuestion,
        number: &RetentionNumber,
        after: Option<&Cursor>,
        limit: usize,
        inquiry: &Inquiry,
    ) -> Result<People, StoreError> {
        wanted(inquiry)?;
        self.with(environment, |island| retention::people(island.world(), question, number, after, limit))
    }

    fn trend(
        &self,
        environment: EnvironmentId,
        question: &TrendQuestion,
        inquiry: &Inquiry,
    ) -> Result<TrendAnswer, StoreError> {
        wanted(inquiry)?;
        self.with(environment, |island| Ok(trend::answer(island.world(), question)))
    }

    fn path(
        &self,
        environment: EnvironmentId,
        question: &PathQuestion,
        inquiry: &Inquiry,
    ) -> Result<PathAnswer, StoreError> {
        wanted(inquiry)?;
        self.with(environment, |island| Ok(path::answer(island.world(), question)))
    }
}
