//! What a rule means: the slow, obvious evaluation of one subject, and the same clause by clause.
//!
//! This is the reference. An engine that answers from columns is held to it on random data; whoever asks why somebody is
//! in a segment is answered by it.

use std::borrow::Cow;

use crate::model::event::{Event, EventKind};
use crate::model::history::EventName;
use crate::model::id::SegmentId;
use crate::model::profile::ProfileView;
use crate::model::property::PropertyList;
use crate::model::time::Timestamp;
use crate::model::value::{OwnedValue, Value};

use super::dates::Moment;
pub use super::test::{Found, Truth};
use super::test::{Ready, shown};
use super::{
    CompanyTest, Condition, Definitions, EventCondition, Field, Level, Members, PageCondition, PagePart,
    PropertyCondition, Rule, Window,
};

/// A profile and whose it is.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// The id.
    pub id: &'a str,
    /// What is known.
    pub profile: ProfileView<'a>,
}

impl<'a> Known<'a> {
    /// What a field holds.
    pub fn field(&self, field: &Field) -> Option<Found<'a>> {
        match field {
            Field::Named(name) => self.profile.property(name).map(Found::Value),
            Field::Id => Some(Found::Value(Value::Text(self.id))),
            Field::FirstSeen => self.profile.first_seen_at().map(Found::At),
            Field::LastSeen => self.profile.last_seen_at().map(Found::At),
        }
    }
}

/// An event and its time, as all questions see it.
#[derive(Clone, Copy, Debug)]
pub struct Happened<'a> {
    /// When.
    pub at: Timestamp,
    /// What.
    pub event: Event<'a>,
}

/// Whom a rule is asked about.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The user; `None` in a segment of companies.
    pub user: Option<Known<'a>>,
    /// The company, or the user's company.
    pub company: Option<Known<'a>>,
    /// The user's events; of a company those of the users who belong to it now. In any order.
    pub events: &'a [Happened<'a>],
}

impl<'a> Subject<'a> {
    fn known(&self, level: Level) -> Option<Known<'a>> {
        match level {
            Level::User => self.user,
            Level::Company => self.company,
        }
    }

    /// The id that lists of members have.
    fn id(&self) -> Option<&'a str> {
        self.user.or(self.company).map(|known| known.id)
    }
}

/// For when and where a rule is asked, and what segments there are.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'a> {
    /// The moment.
    pub moment: &'a Moment,
    /// The segments.
    pub segments: &'a Definitions,
}

/// A clause, whether it holds, and what was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The clause, in the text form.
    pub clause: String,
    /// Whether it holds.
    pub truth: Truth,
    /// What was looked at.
    pub seen: Seen,
    /// The clauses that it is made of.
    pub parts: Vec<Explanation>,
}

/// What a clause looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Only other clauses.
    Parts,
    /// A property's value, if there is one.
    Value(Option<OwnedValue>),
    /// An instant of the profile, if there is one.
    At(Option<Timestamp>),
    /// The company, if there is one.
    Company(Option<String>),
    /// Events.
    Events {
        /// How many were counted.
        count: u64,
        /// How many were not, because a value could not be read as the type of its test.
        unreadable: u64,
        /// When the last of those counted happened.
        last_at: Option<Timestamp>,
    },
}

impl Rule {
    /// Whether the rule holds for a subject. A member is for whom it is [`Truth::Yes`].
    pub fn holds(&self, subject: &Subject<'_>, setting: Setting<'_>) -> Truth {
        Asking { subject, setting, within: &mut Vec::new() }.rule(self)
    }

    /// The same with every clause. The clauses of a segment that is referred to are its parts.
    pub fn explain(&self, subject: &Subject<'_>, setting: Setting<'_>) -> Explanation {
        Asking { subject, setting, within: &mut Vec::new() }.explain(self)
    }
}

/// A rule being asked.
struct Asking<'a> {
    subject: &'a Subject<'a>,
    setting: Setting<'a>,
    /// The segments whose rules are being asked: one that refers to itself has no members by that.
    within: &'a mut Vec<SegmentId>,
}

impl Asking<'_> {
    fn rule(&mut self, rule: &Rule) -> Truth {
        match rule {
            Rule::All(rules) => rules.iter().map(|rule| self.rule(rule)).min().unwrap_or(Truth::Yes),
            Rule::Any(rules) => rules.iter().map(|rule| self.rule(rule)).max().unwrap_or(Truth::No),
            Rule::Not(rule) => self.rule(rule).opposite(),
            Rule::When(Condition::Segment(id)) => self.belongs(*id),
            Rule::When(condition) => self.condition(condition).0,
        }
    }

    fn explain(&mut self, rule: &Rule) -> Explanation {
        let clause = rule.to_string();
        let (truth, seen, parts) = match rule {
            Rule::All(rules) | Rule::Any(rules) => {
                let parts: Vec<_> = rules.iter().map(|rule| self.explain(rule)).collect();
                (self.rule(rule), Seen::Parts, parts)
            }
            Rule::Not(inner) => (self.rule(rule), Seen::Parts, vec![self.explain(inner)]),
            Rule::When(Condition::Segment(id)) => {
                let definition = self.setting.segments.get(id).filter(|_| !self.within.contains(id));
                let parts = match definition.map(|definition| &definition.members) {
                    Some(Members::Rule(rule)) => {
                        self.within.push(*id);
                        let parts = vec![self.explain(rule)];
                        self.within.pop();
                        parts
                    }
                    Some(Members::Listed(_)) | None => Vec::new(),
                };
                (self.belongs(*id), Seen::Parts, parts)
            }
            Rule::When(condition) => {
                let (truth, seen) = self.condition(condition);
                (truth, seen, Vec::new())
            }
        };
        Explanation { clause, truth, seen, parts }
    }

    /// Belonging is a plain fact: who is no member because of a conflict is no member.
    fn belongs(&mut self, id: SegmentId) -> Truth {
        if self.within.contains(&id) {
            return Truth::No;
        }
        let Some(definition) = self.setting.segments.get(&id) else { return Truth::No };
        match &definition.members {
            Members::Listed(ids) => Truth::of(self.subject.id().is_some_and(|id| ids.contains(id))),
            Members::Rule(rule) => {
                self.within.push(id);
                let truth = self.rule(rule);
                self.within.pop();
                Truth::of(truth == Truth::Yes)
            }
        }
    }

    fn condition(&self, condition: &Condition) -> (Truth, Seen) {
        match condition {
            Condition::Property(property) => self.property(property),
            Condition::Company(test) => {
                let company = self.subject.company.map(|company| company.id);
                (Truth::of(test.holds(company)), Seen::Company(company.map(str::to_owned)))
            }
            Condition::Event(event) => self.events(event),
            Condition::Page(page) => self.pages(page),
            // Asked with its parts, by whoever calls.
            Condition::Segment(_) => (Truth::No, Seen::Parts),
        }
    }

    fn property(&self, condition: &PropertyCondition) -> (Truth, Seen) {
        let found = self.subject.known(condition.of).and_then(|known| known.field(&condition.field));
        let truth = condition.test.at(self.setting.moment).holds(found);
        let seen = match (&condition.field, found) {
            (Field::FirstSeen | Field::LastSeen, Some(Found::At(at))) => Seen::At(Some(at)),
            (Field::FirstSeen | Field::LastSeen, _) => Seen::At(None),
            (_, Some(Found::Value(value))) => Seen::Value(Some(OwnedValue::of(value))),
            (_, _) => Seen::Value(None),
        };
        (truth, seen)
    }

    fn events(&self, condition: &EventCondition) -> (Truth, Seen) {
        let filters = condition.ready(self.setting.moment);
        let passes = |event: &Event<'_>| condition.passes(event, &filters);
        let (count, seen) = self.count(condition.window, passes);
        (Truth::of(condition.times.holds(count)), seen)
    }

    fn pages(&self, condition: &PageCondition) -> (Truth, Seen) {
        let passes = |event: &Event<'_>| condition.passes(event);
        let (count, seen) = self.count(condition.window, passes);
        (Truth::of(condition.times.holds(count)), seen)
    }

    fn count(&self, window: Window, passes: impl Fn(&Event<'_>) -> Option<Truth>) -> (u64, Seen) {
        let (from, until) = self.setting.moment.counted(window);
        let (mut count, mut unreadable, mut last_at) = (0, 0, None);
        for Happened { at, event } in self.subject.events {
            if *at < from || *at >= until {
                continue;
            }
            match passes(event) {
                Some(Truth::Yes) => {
                    count += 1;
                    last_at = last_at.max(Some(*at));
                }
                Some(Truth::Conflict) => unreadable += 1,
                Some(Truth::No) | None => {}
            }
        }
        (count, Seen::Events { count, unreadable, last_at })
    }
}

impl CompanyTest {
    /// Whether a company passes.
    pub fn holds(&self, company: Option<&str>) -> bool {
        match (self, company) {
            (CompanyTest::Exists, company) => company.is_some(),
            (CompanyTest::Is(wanted), Some(company)) => wanted == company,
            (CompanyTest::OneOf(wanted), Some(company)) => wanted.iter().any(|wanted| wanted == company),
            (CompanyTest::Is(_) | CompanyTest::OneOf(_), None) => false,
        }
    }
}

impl EventCondition {
    /// Its filters as of a moment.
    pub fn ready(&self, moment: &Moment) -> Vec<Ready<'_>> {
        self.filters.iter().map(|filter| filter.test.at(moment)).collect()
    }

    /// Whether an event is one that it counts, whenever it happened; `None` when it is another event altogether.
    fn passes(&self, event: &Event<'_>, filters: &[Ready<'_>]) -> Option<Truth> {
        if !self.event.covers(&EventName::of(event)) {
            return None;
        }
        let each = self.filters.iter().zip(filters).map(|(filter, ready)| {
            ready.holds(property(&event.properties, &filter.property).map(Found::Value))
        });
        Some(each.min().unwrap_or(Truth::Yes))
    }
}

impl PageCondition {
    fn passes(&self, event: &Event<'_>) -> Option<Truth> {
        if event.kind != EventKind::PageView {
            return None;
        }
        let page = self.part.of(|name| property(&event.properties, name));
        Some(Truth::of(self.test.holds(page.as_deref())))
    }
}

fn property<'a>(properties: &PropertyList<'a>, name: &str) -> Option<Value<'a>> {
    let found = properties.iter().find(|(known, _)| *known == name);
    found.map(|(_, value)| value).filter(|value| *value != Value::Null)
}

impl PagePart {
    /// The properties of a viewed page that it is made from.
    pub const PROPERTIES: [&'static str; 4] = ["url", "hostname", "pathname", "path"];

    /// What a viewed page has of it, given its properties; null counts as none.
    pub fn of<'a>(self, property: impl Fn(&str) -> Option<Value<'a>>) -> Option<Cow<'a, str>> {
        let text = |name: &str| property(name).filter(|value| *value != Value::Null).map(shown);
        match self {
            PagePart::Url => text("url").or_else(|| {
                let (host, path) = (text("hostname"), text("pathname"));
                let joined = || [host.as_deref(), path.as_deref()].into_iter().flatten().collect::<String>();
                (host.is_some() || path.is_some()).then(|| Cow::Owned(joined()))
            }),
            PagePart::Path => text("pathname")
                .or_else(|| text("path"))
                .or_else(|| Some(Cow::Owned(path_of(&text("url")?).to_owned()))),
        }
    }
}

/// The path of an address: without what stands before the host's end, and without query and fragment.
fn path_of(url: &str) -> &str {
    let behind_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let has_host = behind_scheme.len() < url.len();
    let end = behind_scheme.find(['?', '#']).unwrap_or(behind_scheme.len());
    let place = &behind_scheme[..end];
    match place.find('/') {
        Some(start) if has_host => &place[start..],
        None if has_host => "/",
        _ => place,
    }
}

#[cfg(test)]
mod tests {
    use super::path_of;

    #[test]
    fn the_path_of_an_address_is_what_stands_between_host_and_query() {
        for (url, path) in [
            ("https://app.example.com/projects/7?tab=a#top", "/projects/7"),
            ("https://app.example.com", "/"),
            ("https://app.example.com?x=/y", "/"),
            ("/projects?x", "/projects"),
            ("projects", "projects"),
            ("", ""),
        ] {
            assert_eq!(path_of(url), path, "{url}");
        }
    }
}
