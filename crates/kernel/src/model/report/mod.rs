//! Reports: questions about what people did, and their answers, as plain values.
//!
//! What holds in all of them:
//! - A report is about users, or about companies ([`Level`]). What its definition says of a user it says of a company when
//!   companies are asked for: then their events are walked through, gathered and counted instead.
//! - An event's time, user and name are those of [`super::history`]. An event belongs to the company that it names, and to the
//!   one that its user belongs to *now* where it names none. Events about nobody take no part, unless a report
//!   says otherwise; those about no company take no part in reports about companies.
//! - The events of a user, or of a company, stand in one order: by time, and at the same time by position.
//! - An *active* event is one of any kind but `identify_user` and `identify_company`: being told about somebody is
//!   nothing that they did.
//! - Groups of a breakdown are told apart by the JSON value that was sent; an absent property and an explicit null are
//!   the same group. Those with the largest counts have rows of their own ([`group_order`]); all others together are
//!   `other`, so that nothing is lost.
//! - A property of a user is the one of *now*, unless a question says that it is the one of *then*: what the user's profile as of
//!   the time of the event says (that time included, whatever came in later). A breakdown by it is like one by a property of events: of
//!   a funnel's attempt it is that of its first event. A condition on it stands in a [`Pattern`]. Who has not said the property
//!   by then, or had it removed, has none. So has an event about nobody.
//! - A percentile of n numbers is the smallest of them that at least so many in a hundred do not exceed: the one in
//!   place ⌈n·p/100⌉ when they are sorted.

pub mod formula;
pub mod funnel;
pub mod path;
pub mod retention;
mod spread;
pub mod trend;

use super::event::{Event, EventKind};
use super::history::{EventName, PropertyIs};
use super::limits::{GROUPS_MAX, REPORT_CONDITIONS_MAX};
use super::page::Page;
use super::segment::question::SegmentQuestion;
use super::time::Timestamp;
use super::value::{OwnedValue, Value};

use funnel::{FunnelNumber, FunnelQuestion};
use path::{PathNumber, PathQuestion};
use retention::{RetentionNumber, RetentionQuestion};
use trend::{TrendNumber, TrendQuestion};

pub use super::history::{Breakdown, Then, group_order};
pub use super::segment::Level;
pub use spread::{Spread, Times, rounded};

/// Which events are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// Those of a name.
    Named(EventName),
    /// Those of a kind, whatever their name.
    Kind(EventKind),
    /// Every active one.
    Active,
}

impl Which {
    /// Whether an event of this kind and name is meant.
    pub fn takes(&self, kind: EventKind, name: &str) -> bool {
        match self {
            Which::Named(wanted) => wanted.kind == kind && wanted.name == name,
            Which::Kind(wanted) => *wanted == kind,
            Which::Active => is_active(kind),
        }
    }
}

/// Whether events of this kind are something that a user did.
pub fn is_active(kind: EventKind) -> bool {
    !matches!(kind, EventKind::IdentifyUser | EventKind::IdentifyCompany)
}

/// Which events are meant, and what must hold for their properties.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// Which ones.
    pub which: Which,
    /// All of these must hold for the event's own properties.
    pub properties: Vec<PropertyIs>,
    /// All of these must hold for the properties of its user as they were when it happened.
    pub user_then: Vec<PropertyIs>,
}

impl Pattern {
    /// A tracked event, whatever its properties.
    pub fn track(name: &str) -> Pattern {
        Pattern::of(Which::Named(EventName::track(name)))
    }

    /// These, whatever their properties.
    pub fn of(which: Which) -> Pattern {
        Pattern { which, properties: Vec::new(), user_then: Vec::new() }
    }

    /// Whether an event is one of these; `user_then` answers the properties that its user had when it happened.
    pub fn matches(&self, event: &Event<'_>, user_then: impl Fn(&str) -> Option<OwnedValue>) -> bool {
        let held = |condition: &PropertyIs| {
            user_then(&condition.name).is_some_and(|value| condition.any_of.contains(&value))
        };
        self.which.takes(event.kind, event.event_name)
            && self.properties.iter().all(|condition| condition.holds(&event.properties))
            && self.user_then.iter().all(held)
    }

    fn check(&self) -> Result<(), Unaskable> {
        let conditions = self.properties.len() + self.user_then.len();
        refuse_if(conditions > REPORT_CONDITIONS_MAX, Unaskable::Conditions)
    }
}

/// Who takes part in a report: users (or companies) whose profiles, as they are *now*, meet all of these, and who belong to
/// the segment; nobody is left out when there is neither. Who has no profile has no properties.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Who {
    /// What must hold for a user's (a company's) properties.
    pub properties: Vec<PropertyIs>,
    /// A segment, of the level of the question.
    pub segment: Option<SegmentQuestion>,
}

impl Who {
    /// Whether nobody is left out.
    pub fn is_everybody(&self) -> bool {
        self.properties.is_empty() && self.segment.is_none()
    }

    /// Whether both ask for the same, whatever the segments are that a rule refers to.
    pub fn asks_as(&self, other: &Who) -> bool {
        let asked = |who: &Who| {
            who.segment.as_ref().map(|segment| (segment.level, segment.rule.clone(), segment.moment.clone()))
        };
        self.properties == other.properties && asked(self) == asked(other)
    }

    /// Whether the conditions hold for a profile that has the properties that `property` answers; the segment is not
    /// asked.
    pub fn takes<'a>(&self, property: impl Fn(&str) -> Option<Value<'a>>) -> bool {
        let holds = |condition: &PropertyIs| {
            let value = property(&condition.name);
            value.is_some_and(|value| condition.any_of.iter().any(|wanted| wanted.value() == value))
        };
        self.properties.iter().all(holds)
    }

    fn check(&self, level: Level) -> Result<(), Unaskable> {
        let is_of_another = self.segment.as_ref().is_some_and(|segment| segment.level != level);
        refuse_if(is_of_another, Unaskable::Level)?;
        refuse_if(self.properties.len() > REPORT_CONDITIONS_MAX, Unaskable::Conditions)
    }
}

/// Whom a question is about: what must be known beside events.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// Users or companies.
    pub level: Level,
    /// Which of them.
    pub who: &'a Who,
    /// What rows are told apart by.
    pub breakdown: Option<&'a Breakdown>,
}

impl About<'_> {
    /// # Errors
    /// When a limit is broken, or a company is asked for what only a user has.
    fn check(self) -> Result<(), Unaskable> {
        let is_of_users =
            matches!(self.breakdown, Some(Breakdown::UserProperty(_) | Breakdown::UserPropertyThen(_)));
        refuse_if(self.level == Level::Company && is_of_users, Unaskable::Level)?;
        self.who.check(self.level)
    }
}

/// What a question with these patterns asks of users as they were, of events from a time on.
fn then_of<'a>(
    breakdown: Option<&'a Breakdown>,
    patterns: impl Iterator<Item = &'a Pattern>,
    from: Timestamp,
) -> Then<'a> {
    Then::of(breakdown, patterns.flat_map(|pattern| &pattern.user_then), from)
}

fn check_groups(groups_max: usize) -> Result<(), Unaskable> {
    refuse_if(groups_max == 0 || groups_max > GROUPS_MAX, Unaskable::Groups)
}

fn refuse_if(is_wrong: bool, fault: Unaskable) -> Result<(), Unaskable> {
    if is_wrong { Err(fault) } else { Ok(()) }
}

/// Why a question is none. The remedy is to ask within the limit ([`super::limits`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unaskable {
    /// A funnel has fewer than two steps, or more than `FUNNEL_STEPS_MAX`.
    Steps,
    /// It has more than `FUNNEL_EXCLUSIONS_MAX` exclusions, or one that does not reach from a step to a later one (in
    /// any order: from the first to the last).
    Exclusions,
    /// Its window is not positive, or longer than `FUNNEL_WINDOW_MICROS_MAX`.
    Window,
    /// More than `REPORT_CONDITIONS_MAX` conditions stand at one place.
    Conditions,
    /// No group shall be told apart, or more than `GROUPS_MAX`.
    Groups,
    /// There are no cohorts or periods, more cohorts than intervals, or more than `RETENTION_INTERVALS_MAX` intervals.
    Intervals,
    /// A trend has no series, or more than `TREND_SERIES_MAX`; the previous period is cut into another number of
    /// intervals; or a percentile is none of 1 to 100.
    Series,
    /// A path has fewer than two levels or more than `PATH_LEVELS_MAX`, no branches or more than `PATH_BRANCHES_MAX`, or
    /// no time.
    Levels,
    /// It is about companies, and asks for the values of a property of users; or who takes part is said by a segment of the other
    /// level.
    Level,
    /// What a number was asked of is not in the question: a step, cohort or period that it does not have.
    Number,
}

/// Which of a breakdown's rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Row {
    /// All of them together.
    #[default]
    All,
    /// The one with this value; `None` is that of those without.
    Group(Option<OwnedValue>),
    /// All that have no row of their own.
    Other,
}

/// A state that an engine keeps for a while, so that what is asked later agrees with what was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pin(pub u64);

/// An answer, and the state that it is of.
#[derive(Clone, Debug, PartialEq)]
pub struct Pinned<T> {
    /// The answer.
    pub answer: T,
    /// The state, if it is kept.
    pub pin: Option<Pin>,
}

/// A number of a report, together with the question that it answers.
#[derive(Clone, Copy, Debug)]
pub enum Behind<'a> {
    /// Of a funnel.
    Funnel(&'a FunnelQuestion, &'a FunnelNumber),
    /// Of a retention report.
    Retention(&'a RetentionQuestion, &'a RetentionNumber),
    /// Of a trend.
    Trend(&'a TrendQuestion, &'a TrendNumber),
    /// Of a path report.
    Path(&'a PathQuestion, &'a PathNumber),
}

impl<'a> Behind<'a> {
    /// Whom the question is about.
    pub fn about(self) -> About<'a> {
        match self {
            Behind::Funnel(question, _) => question.about(),
            Behind::Retention(question, _) => question.about(),
            Behind::Trend(question, _) => question.about(),
            Behind::Path(question, _) => question.about(),
        }
    }

    /// What the question asks of users as they were.
    pub fn then(self) -> Then<'a> {
        match self {
            Behind::Funnel(question, _) => question.then(),
            Behind::Retention(question, _) => question.then(),
            Behind::Trend(question, _) => question.then(),
            Behind::Path(question, _) => question.then(),
        }
    }
}

/// The people behind a number, or the companies when the question is about those.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct People {
    /// How many they are.
    pub total: u64,
    /// The ids of some of them, each once, in an order of the engine's own.
    pub page: Page<String>,
}
