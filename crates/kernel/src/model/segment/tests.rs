//! Rules as values: their two forms, their limits and references, and what each operator means.

mod days;
mod forms;
mod rules;

use std::sync::Arc;

use jiff::tz::TimeZone;

use super::meaning::{Happened, Known, Seen, Setting, Subject, Truth};
use super::{Definition, Definitions, Level, Members, Moment, Rule};
use crate::model::event::{Event, EventDraft, EventKind, Membership};
use crate::model::id::SegmentId;
use crate::model::profile::{Change, Profile};
use crate::model::property::{Properties, PropertyList};
use crate::model::time::Timestamp;
use crate::model::value::Value;
use crate::model::varint::Reader;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn noon() -> Moment {
    Moment { now: at("2026-03-10T12:00:00Z"), zone: TimeZone::UTC }
}

fn settled(properties: &[(&str, Value<'_>)]) -> Properties {
    let mut list = Properties::default();
    properties.iter().for_each(|(name, value)| list.push(name, *value));
    list.settle();
    list
}

fn profile(properties: &[(&str, Value<'_>)]) -> Profile {
    let mut bytes = Vec::new();
    settled(properties).encode(&mut bytes);
    let mut profile = Profile::default();
    for occurred_at in ["2026-01-05T09:30:00Z", "2026-03-08T23:00:00Z"] {
        profile.apply(&Change {
            occurred_at: at(occurred_at),
            is_sign_of_life: true,
            ordinal: 0,
            membership: Membership::Unchanged,
            properties: PropertyList::read(&mut Reader::new(&bytes)).unwrap(),
        });
    }
    profile
}

fn event(kind: EventKind, name: &str, when: &str, properties: &[(&str, Value<'_>)]) -> (Timestamp, Vec<u8>) {
    let draft = EventDraft {
        kind,
        user_id: "u".into(),
        event_name: name.into(),
        properties: settled(properties),
        ..EventDraft::default()
    };
    let mut payload = Vec::new();
    draft.encode(&mut payload);
    (at(when), payload)
}

/// Asks text rules about one user `u` of the company `acme`.
struct Asked {
    user: Profile,
    company: Option<Profile>,
    events: Vec<(Timestamp, Vec<u8>)>,
    segments: Definitions,
    moment: Moment,
}

impl Asked {
    fn of(properties: &[(&str, Value<'_>)]) -> Asked {
        Asked {
            user: profile(properties),
            company: Some(profile(&[("mrr", Value::Int(250)), ("plan", Value::Text("scale"))])),
            events: Vec::new(),
            segments: Definitions::new(),
            moment: noon(),
        }
    }

    fn with<T>(&self, ask: impl FnOnce(&Subject<'_>, Setting<'_>) -> T) -> T {
        let mut events = Vec::new();
        for (at, payload) in &self.events {
            events.push(Happened { at: *at, event: Event::decode(payload).unwrap() });
        }
        let subject = Subject {
            user: Some(Known { id: "u", profile: self.user.view() }),
            company: self.company.as_ref().map(|company| Known { id: "acme", profile: company.view() }),
            events: &events,
        };
        ask(&subject, Setting { moment: &self.moment, segments: &self.segments })
    }

    fn truth(&self, text: &str) -> Truth {
        let rule = Rule::parse(text).unwrap_or_else(|fault| panic!("{text}: {fault}"));
        self.with(|subject, setting| {
            let truth = rule.holds(subject, setting);
            assert_eq!(rule.explain(subject, setting).truth, truth, "{text}");
            truth
        })
    }

    fn check(&self, truth: Truth, texts: &[&str]) {
        for text in texts {
            assert_eq!(self.truth(text), truth, "{text}");
        }
    }
}

#[test]
fn strings_compare_as_they_were_sent_unless_case_is_ignored() {
    let asked =
        Asked::of(&[("plan", Value::Text("Pro Plan")), ("vip", Value::Bool(true)), ("n", Value::Float(1.5))]);
    asked.check(
        Truth::Yes,
        &[
            r#"plan is "Pro Plan""#,
            r#"plan is not "pro plan""#,
            r#"plan is "PRO PLAN" ignoring case"#,
            r#"plan contains "o P""#,
            r#"plan does not contain "o p""#,
            r#"plan starts with "Pro""#,
            r#"plan ends with "LAN" ignoring case"#,
            r#"plan is one of ("free", "Pro Plan")"#,
            r#"plan is not one of ("free", "pro plan")"#,
            "vip is true",
            r#"n starts with "1.""#,
            r#"$id is "u""#,
        ],
    );
    asked.check(
        Truth::No,
        &[
            r#"plan is "pro plan""#,
            r#"plan contains "PLAN""#,
            r#"plan is not one of ("PRO PLAN") ignoring case"#,
            "vip is not true",
            r#"$id is one of ("U", "v")"#,
        ],
    );
}

#[test]
fn numbers_are_read_from_strings_too_and_compare_exactly() {
    let asked = Asked::of(&[("seats", Value::Text("12")), ("big", Value::UInt(u64::MAX))]);
    asked.check(
        Truth::Yes,
        &[
            "seats = 12",
            "seats != 13",
            "seats is 12.0",
            "seats < 12.5",
            "seats <= 12",
            "seats > -1e3",
            "seats >= 12",
            "seats between 12 and 12",
            "big > 18446744073709551614",
            "company.mrr ≥ 250",
        ],
    );
    asked.check(Truth::No, &["seats > 12", "seats is not 12", "seats between 13 and 20", "big < 1e19"]);
}

#[test]
fn what_says_not_holds_without_a_value_and_nothing_else_does() {
    let asked = Asked::of(&[("gone", Value::Null)]);
    for name in ["gone", "never", "company.never"] {
        for test in
            ["does not exist", r#"is not "x""#, r#"does not contain "x""#, r#"is not one of ("x")"#, "!= 1"]
        {
            asked.check(Truth::Yes, &[&format!("{name} {test}")]);
        }
        let tests = [
            "exists",
            r#"is "x""#,
            r#"contains """#,
            "= 1",
            "< 1",
            "between 0 and 9",
            "on 2026-01-05",
            "before 2026-01-05",
            "more than 3 days ago",
        ];
        for test in tests {
            asked.check(Truth::No, &[&format!("{name} {test}")]);
            asked.check(Truth::Yes, &[&format!("not {name} {test}")]);
        }
    }
}

#[test]
fn a_conflict_is_neither_and_only_others_can_decide() {
    let asked =
        Asked::of(&[("seats", Value::Text("many")), ("vip", Value::Bool(true)), ("since", Value::Text("x"))]);
    asked.check(
        Truth::Conflict,
        &[
            "seats < 5",
            "not seats < 5",
            "seats != 5",
            "vip = 1",
            "since before 2026-01-01",
            "seats < 5 and vip exists",
            "seats < 5 or never exists",
            "not (seats < 5 or never exists)",
        ],
    );
    asked.check(Truth::No, &["seats < 5 and never exists", "not (seats < 5 or vip exists)"]);
    asked.check(Truth::Yes, &["seats < 5 or vip exists", r#"seats is "many""#, "seats exists"]);
}

#[test]
fn the_company_is_the_one_that_the_user_belongs_to() {
    let mut asked = Asked::of(&[]);
    let yes = [
        "company exists",
        r#"company is "acme""#,
        r#"company is one of ("x", "acme")"#,
        r#"company.plan is "scale""#,
    ];
    asked.check(Truth::Yes, &yes);
    asked.check(Truth::No, &[r#"company is "Acme""#, "company does not exist", r#"company is not "acme""#]);
    asked.company = None;
    asked.check(Truth::No, &yes);
    asked.check(
        Truth::Yes,
        &["company does not exist", "company.plan does not exist", r#"company is not "acme""#],
    );
}

#[test]
fn events_are_counted_within_their_window_and_filters() {
    let mut asked = Asked::of(&[]);
    let pdf = |pages: Value<'static>| [("format", Value::Text("pdf")), ("pages", pages)];
    asked.events = vec![
        event(EventKind::Track, "exported", "2026-02-08T12:00:00Z", &pdf(Value::Int(30))),
        event(EventKind::Track, "exported", "2026-02-08T11:59:59.999999Z", &pdf(Value::Text("4"))),
        event(EventKind::Track, "exported", "2026-03-10T12:00:30Z", &pdf(Value::Text("lots"))),
        event(
            EventKind::PageView,
            "",
            "2026-03-01T00:00:00Z",
            &[("url", Value::Text("https://a.b/docs/1?x=1"))],
        ),
        event(EventKind::PageView, "", "2026-03-02T00:00:00Z", &[("pathname", Value::Text("/docs/2"))]),
        event(EventKind::Track, "page_view", "2026-03-02T00:00:00Z", &[]),
    ];
    asked.check(
        Truth::Yes,
        &[
            r#"did "exported""#,
            r#"did "exported" exactly 3 times"#,
            // 30 times 24 hours to the microsecond; what the log stamped a moment ahead of now counts.
            r#"did "exported" exactly 2 times in the last 30 days"#,
            r#"did "exported" at most 2 times between 2026-01-01 and 2026-02-08"#,
            r#"did "exported" exactly 2 times between 2026-02-08 and 2026-02-08"#,
            r#"did not "Exported""#,
            r#"did "never" at most 0 times"#,
            r#"did "exported" exactly 2 times where (pages > 3)"#,
            r#"did "exported" exactly 0 times where (pages < 3)"#,
            r#"did "exported" exactly 1 time in the last 30 days where (format is "pdf" and pages = 30)"#,
            r#"viewed page "/docs/2""#,
            r#"viewed page path starts with "/docs" at least 2 times"#,
            r#"viewed page path is "/docs/1""#,
            r#"viewed page url ends with "?x=1""#,
            r#"did not view page "/pricing""#,
            "did page_view exactly 2 times",
            r#"did "page_view" exactly 1 time"#,
            "did not session_start",
        ],
    );
    asked.check(
        Truth::No,
        &[r#"did "exported" where (missing exists)"#, r#"viewed page "/docs/1" in the last 9 days"#],
    );
    let rule = Rule::parse(r#"did "exported" where (pages > 3)"#).unwrap();
    let seen = asked.with(|subject, setting| rule.explain(subject, setting).seen);
    let last_at = Some(at("2026-02-08T12:00:00Z"));
    assert_eq!(seen, Seen::Events { count: 2, unreadable: 1, last_at });
}

#[test]
fn belonging_to_a_segment_is_a_plain_fact() {
    let mut asked = Asked::of(&[("seats", Value::Text("many"))]);
    let rule = |text| Members::Rule(Rule::parse(text).unwrap());
    let listed = |ids: &[&str]| Members::Listed(Arc::new(ids.iter().map(|id| Box::from(*id)).collect()));
    for (id, members) in [
        (1, rule("seats exists")),
        (2, rule("seats > 5")),
        (3, listed(&["u", "v"])),
        (4, listed(&["acme"])),
        (5, rule("in segment 1 and in segment 3")),
        (6, rule("not in segment 6")),
    ] {
        asked.segments.insert(SegmentId(id), Definition { level: Level::User, members });
    }
    asked.check(Truth::Yes, &["in segment 1", "not in segment 2", "in segment 3", "in segment 5"]);
    asked.check(Truth::No, &["in segment 2", "in segment 4", "in segment 99", "not in segment 5"]);
    // No saved rule refers to itself; one that does ends all the same.
    asked.check(Truth::Yes, &["in segment 6"]);
    let explained =
        asked.with(|subject, setting| Rule::parse("in segment 5").unwrap().explain(subject, setting));
    assert_eq!(explained.parts[0].clause, "in segment 1 and in segment 3");
    assert_eq!(explained.parts[0].parts[0].parts[0].clause, "seats exists");
}

#[test]
fn an_explanation_shows_each_clause_with_what_it_saw() {
    let asked = Asked::of(&[("plan", Value::Text("pro"))]);
    let rule =
        Rule::parse(r#"plan is "pro" and not ($last_seen in the last 1 day or company is "x")"#).unwrap();
    let explained = asked.with(|subject, setting| rule.explain(subject, setting));
    let mut lines = Vec::new();
    let mut open = vec![(0, &explained)];
    while let Some((depth, part)) = open.pop() {
        lines.push(format!("{:depth$}{:?} {} {:?}", "", part.truth, part.clause, part.seen));
        open.extend(part.parts.iter().rev().map(|part| (depth + 1, part)));
    }
    assert_eq!(
        lines,
        [
            r#"Yes plan is "pro" and not ($last_seen in the last 1 day or company is "x") Parts"#,
            r#" Yes plan is "pro" Value(Some(Text("pro")))"#,
            r#" Yes not ($last_seen in the last 1 day or company is "x") Parts"#,
            r#"  No $last_seen in the last 1 day or company is "x" Parts"#,
            "   No $last_seen in the last 1 day At(Some(Timestamp(1773010800000000)))",
            r#"   No company is "x" Company(Some("acme"))"#,
        ]
    );
}

#[test]
fn cycles_are_found_on_every_way() {
    let mut segments = Definitions::new();
    let rule = |text: &str| Rule::parse(text).unwrap();
    for (id, text) in [(1, "plan exists"), (2, "in segment 1 or in segment 3"), (3, "not in segment 4")] {
        let members = Members::Rule(rule(text));
        segments.insert(SegmentId(id), Definition { level: Level::User, members });
    }
    let cycle = |of, text| rule(text).cycle(SegmentId(of), &segments);
    assert_eq!(cycle(4, "in segment 2 and plan exists"), Some(vec![SegmentId(2), SegmentId(3)]));
    assert_eq!(cycle(4, "not in segment 4"), Some(vec![]));
    assert_eq!(cycle(1, "in segment 4"), None);
    assert_eq!(cycle(5, "in segment 2"), None);
    let all = rule("in segment 2").segments_on_all_ways(&segments);
    assert_eq!(all, [1, 2, 3, 4].map(SegmentId).into());
}
