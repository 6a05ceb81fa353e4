//! Reports over a plain vector of events: each answer follows its definition word by word, however long that takes.
//!
//! The reference for engines that fold over columns; the functions take any events, so that a test can ask them about what
//! it wrote elsewhere.

pub mod funnel;
pub mod path;
pub mod retention;
pub mod trend;

use std::collections::{BTreeMap, BTreeSet};

use muster_kernel::model::history::{AsOf, Breakdown, group_order};
use muster_kernel::model::id::{EnvironmentId, Position};
use muster_kernel::model::page::{Cursor, Page};
use muster_kernel::model::profile::Profile;
use muster_kernel::model::report::funnel::{FunnelAnswer, FunnelQuestion};
use muster_kernel::model::report::path::{PathAnswer, PathQuestion};
use muster_kernel::model::report::retention::{RetentionAnswer, RetentionQuestion};
use muster_kernel::model::report::trend::{TrendAnswer, TrendQuestion};
use muster_kernel::model::report::{About, Behind, Level, Pattern, People, Pin, Pinned, Row, Who};
use muster_kernel::model::segment::meaning::Truth;
use muster_kernel::model::time::Timestamp;
use muster_kernel::model::value::{OwnedValue, Value};
use muster_kernel::ports::{Inquiry, PeoplePage, ProfileKind, Reports, StoreError, StoredEvent};

use crate::model_engine::{Island, ModelEngine};
use crate::model_history::{Told, answer, told, wanted};
use crate::model_segments::answer::Everybody;

/// The value that tells a group apart.
pub type Group = Option<OwnedValue>;

/// Everything there is to ask.
#[derive(Clone, Copy)]
pub struct World<'a> {
    /// Every event.
    pub events: &'a [StoredEvent],
    /// Every user's profile as of now.
    pub users: &'a BTreeMap<String, Profile>,
    /// Every company's profile as of now.
    pub companies: &'a BTreeMap<String, Profile>,
    /// Who took part when the world was pinned; found out anew where there is none.
    pub pinned: Option<&'a BTreeSet<String>>,
}

/// A state that was kept: what was asked of it, and what it was.
pub(crate) struct Kept {
    asked: (Level, Who, Option<Breakdown>),
    through: Position,
    users: BTreeMap<String, Profile>,
    companies: BTreeMap<String, Profile>,
    who: BTreeSet<String>,
}

impl Kept {
    fn is_of(&self, about: About<'_>) -> bool {
        let (level, who, breakdown) = &self.asked;
        *level == about.level && who.asks_as(about.who) && breakdown.as_ref() == about.breakdown
    }
}

/// A user, or a company, and their events in order.
struct Person<'a> {
    id: &'a str,
    events: Vec<Told<'a>>,
}

impl<'a> World<'a> {
    /// The company that an event belongs to.
    fn company_of(&self, told: &Told<'a>) -> Option<&'a str> {
        let now = || self.users.get(told.event.user_id?)?.company_id();
        told.event.company_id.or_else(now)
    }

    /// The user or the company that an event belongs to.
    fn subject_of(&self, level: Level, told: &Told<'a>) -> Option<&'a str> {
        match level {
            Level::User => told.event.user_id,
            Level::Company => self.company_of(told),
        }
    }

    /// The ids of those who take part.
    fn who(&self, level: Level, who: &Who) -> BTreeSet<String> {
        if let Some(pinned) = self.pinned {
            return pinned.clone();
        }
        let profiles = if level == Level::User { self.users } else { self.companies };
        let all = told(self.events);
        let mut ids: BTreeSet<String> =
            all.iter().filter_map(|told| self.subject_of(level, told)).map(str::to_owned).collect();
        ids.retain(|id| who.takes(|name| profiles.get(id)?.property(name)));
        if let Some(segment) = &who.segment {
            let everybody = Everybody::of(self.events);
            ids.retain(|id| {
                let evidence = everybody.evidence(level, id);
                evidence.is_some_and(|evidence| evidence.holds(segment) == Truth::Yes)
            });
        }
        ids
    }

    /// Those who take part.
    fn people(&self, level: Level, who: &Who) -> Vec<Person<'a>> {
        let mut people: BTreeMap<&str, Vec<Told<'_>>> = BTreeMap::new();
        for told in told(self.events) {
            if let Some(id) = self.subject_of(level, &told) {
                people.entry(id).or_default().push(told);
            }
        }
        let taking_part = self.who(level, who);
        people.retain(|id, _| taking_part.contains(*id));
        let person = |(id, mut events): (&'a str, Vec<Told<'a>>)| {
            events.sort_by_key(|told| (told.at, told.stored.receipt.position));
            Person { id, events }
        };
        people.into_iter().map(person).collect()
    }

    /// Everybody behind a number.
    ///
    /// # Errors
    /// When an id is none.
    pub fn behind(
        self,
        number: Behind<'_>,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<People, StoreError> {
        match number {
            Behind::Funnel(question, number) => {
                funnel::Outcomes::of(self, question).people(number, after, limit)
            }
            Behind::Retention(question, number) => {
                page(retention::people(self, question, number), after, limit)
            }
            Behind::Trend(question, number) => page(trend::people(self, question, number), after, limit),
            Behind::Path(question, number) => page(path::people(self, question, *number), after, limit),
        }
    }

    /// A property of an event's user as of the time of the event.
    fn then(&self, told: &Told<'a>, name: &str) -> Group {
        let at = AsOf { time: told.at, known_at: Timestamp(i64::MAX) };
        let profile = answer::as_of(self.events, (ProfileKind::User, told.event.user_id?), at)?;
        profile.property(name).map(OwnedValue::of)
    }

    /// Whether a pattern means an event.
    fn means(&self, pattern: &Pattern, told: &Told<'a>) -> bool {
        pattern.matches(&told.event, |name| self.then(told, name))
    }

    /// The group of something that an event of a user, or of a company, stands for.
    fn group(&self, level: Level, breakdown: Option<&Breakdown>, told: &Told<'a>) -> Group {
        let value = match breakdown? {
            Breakdown::EventProperty(name) => {
                told.event.properties.iter().find(|(known, _)| known == name).map(|(_, value)| value)
            }
            Breakdown::UserProperty(name) => self.users.get(told.event.user_id?)?.property(name),
            Breakdown::UserPropertyThen(name) => return self.then(told, name),
            Breakdown::CompanyProperty(name) => {
                let company = match level {
                    Level::User => self.users.get(told.event.user_id?)?.company_id()?,
                    Level::Company => self.company_of(told)?,
                };
                self.companies.get(company)?.property(name)
            }
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
fn page<T: AsRef<str>>(ids: Vec<T>, after: Option<&Cursor>, limit: usize) -> Result<People, StoreError> {
    let mut ids: Vec<&str> = ids.iter().map(AsRef::as_ref).collect();
    ids.sort_unstable();
    ids.dedup();
    let total = ids.len() as u64;
    ids.retain(|id| after.is_none_or(|after| id.as_bytes() > after.0.as_slice()));
    let more = ids.len() > limit;
    ids.truncate(limit);
    let next = ids.last().filter(|_| more).map(|last| Cursor(last.as_bytes().to_vec()));
    let items = ids.into_iter().map(str::to_owned).collect();
    Ok(People { total, page: Page { items, next } })
}

impl Island {
    /// An answer of now, and what it is of.
    fn pinned<T>(&mut self, answer: T, about: About<'_>) -> Pinned<T> {
        let kept = Kept {
            asked: (about.level, about.who.clone(), about.breakdown.cloned()),
            through: self.events.last().map_or(Position::START, |stored| stored.receipt.position),
            users: self.users.clone(),
            companies: self.companies.clone(),
            who: self.world().who(about.level, about.who),
        };
        self.pins.push(kept);
        Pinned { answer, pin: Some(Pin(self.pins.len() as u64 - 1)) }
    }
}

impl Reports for ModelEngine {
    fn funnel(
        &self,
        environment: EnvironmentId,
        question: &FunnelQuestion,
        inquiry: &Inquiry,
    ) -> Result<Pinned<FunnelAnswer>, StoreError> {
        wanted(inquiry)?;
        self.with(environment, |island| {
            let answer = funnel::Outcomes::of(island.world(), question).answer();
            Ok(island.pinned(answer, question.about()))
        })
    }

    fn retention(
        &self,
        environment: EnvironmentId,
        question: &RetentionQuestion,
        inquiry: &Inquiry,
    ) -> Result<Pinned<RetentionAnswer>, StoreError> {
        wanted(inquiry)?;
        self.with(environment, |island| {
            let answer = retention::answer(island.world(), question);
            Ok(island.pinned(answer, question.about()))
        })
    }

    fn trend(
        &self,
        environment: EnvironmentId,
        question: &TrendQuestion,
        inquiry: &Inquiry,
    ) -> Result<Pinned<TrendAnswer>, StoreError> {
        wanted(inquiry)?;
        self.with(environment, |island| {
            let answer = trend::answer(island.world(), question);
            Ok(island.pinned(answer, question.about()))
        })
    }

    fn path(
        &self,
        environment: EnvironmentId,
        question: &PathQuestion,
        inquiry: &Inquiry,
    ) -> Result<Pinned<PathAnswer>, StoreError> {
        wanted(inquiry)?;
        self.with(environment, |island| {
            let answer = path::answer(island.world(), question);
            Ok(island.pinned(answer, question.about()))
        })
    }

    fn people(
        &self,
        environment: EnvironmentId,
        number: Behind<'_>,
        asked: PeoplePage<'_>,
        inquiry: &Inquiry,
    ) -> Result<People, StoreError> {
        wanted(inquiry)?;
        self.with(environment, |island| {
            let Some(pin) = asked.pin else {
                return island.world().behind(number, asked.after, asked.limit);
            };
            let kept = usize::try_from(pin.0).ok().and_then(|index| island.pins.get(index));
            let Some(kept) = kept.filter(|kept| kept.is_of(number.about())) else {
                return Err(StoreError::Unpinned);
            };
            let until = island.events.partition_point(|stored| stored.receipt.position <= kept.through);
            let Kept { users, companies, .. } = kept;
            let events = &island.events[..until];
            let mut who = kept.who.clone();
            if number.about().level == Level::Company {
                // Users who said to belong to a company are still there when it is erased.
                who.retain(|id| island.companies.contains_key(id));
            }
            World { events, users, companies, pinned: Some(&who) }.behind(number, asked.after, asked.limit)
        })
    }
}
