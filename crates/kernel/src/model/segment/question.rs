//! Questions about the members of a segment, and their answers, as plain values.

use std::sync::Arc;

use crate::model::event::Event;
use crate::model::id::SegmentId;
use crate::model::page::Cursor;
use crate::model::profile::Profile;
use crate::model::time::Timestamp;

use super::meaning::{Explanation, Happened, Known, Setting, Subject, Truth};
use super::{Definitions, Level, Members, Moment, Rule};

/// Asks who belongs to a segment at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentQuestion {
    /// Whether users or companies belong to it.
    pub level: Level,
    /// The rule.
    pub rule: Rule,
    /// The one moment of the whole answer.
    pub moment: Moment,
    /// Only what had happened by the moment is looked at: users, companies and what they belong to are as they were then, and
    /// whoever was not there yet belongs to nothing. Otherwise everything that is known is, whatever times it names. What
    /// rules and lists say is not looked back for: they are those of the question.
    pub looks_back: bool,
    /// The segments that rules refer to.
    pub segments: Arc<Definitions>,
}

impl SegmentQuestion {
    /// What is looked at had happened by then.
    pub fn until(&self) -> Timestamp {
        if self.looks_back { self.moment.now } else { Timestamp(i64::MAX) }
    }

    /// The segments that its rule refers to, on all ways, that are lists of ids.
    pub fn lists(&self) -> impl Iterator<Item = SegmentId> {
        let is_list = |id: &SegmentId| {
            self.segments.get(id).is_some_and(|segment| matches!(segment.members, Members::Listed(_)))
        };
        self.rule.segments_on_all_ways(&self.segments).into_iter().filter(is_list)
    }
}

/// How many belong to a segment, and some of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentPreview {
    /// For how many the rule holds.
    pub members: u64,
    /// For how many it neither holds nor does not, because a value cannot be read as the type of its test. They are no
    /// members.
    pub conflicts: u64,
    /// Some of the members, as many as asked for when there are as many; which ones is the engine's choice, and the same
    /// for the same state.
    pub sample: Vec<Member>,
}

/// Who belongs to a segment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Member {
    /// The id.
    pub id: String,
    /// When the member was last seen.
    pub last_seen_at: Option<Timestamp>,
}

/// A page of the members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberPage {
    /// How many members there are on all pages.
    pub total: u64,
    /// Those of this page.
    pub items: Vec<Member>,
    /// Where the next page starts; absent on the last one.
    pub next: Option<Cursor>,
}

/// The order of a list of members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberOrder {
    /// By the bytes of the ids.
    Id,
    /// Those seen last come first, those never seen at the end; among equals by id.
    LastSeen,
}

/// All that a rule can ask about one subject, as of one state of the data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// The user and its id; `None` in a segment of companies.
    pub user: Option<(String, Profile)>,
    /// The company, or the user's company.
    pub company: Option<(String, Profile)>,
    /// The events of the user, or of the company's users, in any order.
    pub events: Vec<Told>,
}

/// An event as evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Its time, as all questions see it.
    pub at: Timestamp,
    /// Its payload, readable by [`Event::decode`].
    pub payload: Vec<u8>,
}

impl Evidence {
    /// Whether the rule holds.
    pub fn holds(&self, question: &SegmentQuestion) -> Truth {
        self.with(question, |subject, setting| question.rule.holds(subject, setting))
    }

    /// Whether the rule holds, clause by clause, with what was seen.
    pub fn explain(&self, question: &SegmentQuestion) -> Explanation {
        self.with(question, |subject, setting| question.rule.explain(subject, setting))
    }

    fn with<T>(&self, question: &SegmentQuestion, ask: impl FnOnce(&Subject<'_>, Setting<'_>) -> T) -> T {
        let mut events: Vec<Happened<'_>> = Vec::with_capacity(self.events.len());
        for Told { at, payload } in &self.events {
            let Ok(event) = Event::decode(payload) else { continue };
            events.push(Happened { at: *at, event });
        }
        let subject = Subject {
            user: self.user.as_ref().map(|(id, profile)| Known { id, profile: profile.view() }),
            company: self.company.as_ref().map(|(id, profile)| Known { id, profile: profile.view() }),
            events: &events,
        };
        ask(&subject, Setting { moment: &question.moment, segments: &question.segments })
    }
}
