//! What `Segments` promises.
//!
//! `settle` makes the engine put away what it holds so far (seal, merge, or nothing), so that every promise is asked of
//! events in all of its places.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::tz::TimeZone;
use muster_kernel::model::batch::EventBatch;
use muster_kernel::model::id::{EnvironmentId, Position, SegmentId};
use muster_kernel::model::page::Cursor;
use muster_kernel::model::segment::meaning::Truth;
use muster_kernel::model::segment::question::{
    Member, MemberOrder, MemberPage, SegmentPreview, SegmentQuestion,
};
use muster_kernel::model::segment::{Definition, Definitions, Level, Members, Moment, Rule};
use muster_kernel::model::time::{MINUTE, Timestamp};
use muster_kernel::model::value::Value;
use muster_kernel::ports::{EventLog, Inquiry, Segments, StoreError};

use super::segments_as_of::a_question_can_look_back;
use super::store;
use crate::block_on::block_on;
use crate::builders::{PRODUCTION, identify, identify_company, joining, tracked};
use crate::chance::Chance;
use crate::clock::DAY_ONE;
use crate::model_segments::answer::Everybody;

const STAGING: EnvironmentId = EnvironmentId(2);
pub(super) const DAY: i64 = 24 * 60 * MINUTE;
/// Stretches of random events, and rules asked behind each.
const STRETCHES: usize = 6;
const RULES: usize = 60;

/// An engine under test.
pub(super) struct Subject<'a> {
    pub log: &'a dyn EventLog,
    pub segments: &'a dyn Segments,
    pub settle: &'a dyn Fn(),
}

/// Runs every promise.
pub fn segments_keep_their_promises(log: &dyn EventLog, segments: &dyn Segments, settle: &dyn Fn()) {
    let subject = Subject { log, segments, settle };
    members_are_those_for_whom_the_rule_holds(&subject);
    an_acknowledged_event_counts_at_once(&subject);
    a_cursor_yields_each_member_once_whatever_is_written(&subject);
    nothing_crosses_environments_and_nobody_waits_for_what_nobody_wants(&subject);
    a_question_can_look_back(&subject);
    any_rule_is_answered_as_its_meaning_says(&subject);
}

pub(super) fn question(level: Level, rule: Rule) -> SegmentQuestion {
    // Berlin as it is in 2026, so that days are not those of UTC.
    let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap_or(TimeZone::UTC);
    let moment = Moment { now: DAY_ONE.plus(30 * DAY), zone };
    SegmentQuestion { level, rule, moment, looks_back: false, segments: Arc::new(definitions()) }
}

pub(super) fn parsed(text: &str) -> Rule {
    Rule::parse(text).unwrap_or_else(|fault| panic!("{text}: {fault}"))
}

/// Some segments to refer to; there is no number 5.
fn definitions() -> Definitions {
    let rule = |text| Members::Rule(parsed(text));
    let ids = ["person 1", "person 2", "person 30", "firm 3", "nobody"];
    let listed = || Members::Listed(Arc::new(ids.iter().map(|id| Box::from(*id)).collect()));
    let all = [
        rule("company.p0 exists"),
        listed(),
        rule("not in segment 1"),
        rule("did \"x\""),
        rule("company.p0 > 2"),
    ];
    let definition = |members| Definition { level: Level::User, members };
    (0..).map(SegmentId).zip(all.map(definition)).collect()
}

impl Subject<'_> {
    pub(super) fn preview(&self, question: &SegmentQuestion, sample_max: usize) -> SegmentPreview {
        let preview = self.segments.preview(PRODUCTION, question, sample_max, &Inquiry::default());
        preview.unwrap_or_else(|error| panic!("{error}"))
    }

    fn page(
        &self,
        question: &SegmentQuestion,
        order: MemberOrder,
        after: Option<&Cursor>,
        limit: usize,
    ) -> MemberPage {
        let page = self.segments.members(PRODUCTION, question, order, after, limit, &Inquiry::default());
        page.unwrap_or_else(|error| panic!("{error}"))
    }

    pub(super) fn all(&self, question: &SegmentQuestion, order: MemberOrder, limit: usize) -> Vec<Member> {
        let MemberPage { total, items: mut members, mut next } = self.page(question, order, None, limit);
        while let Some(cursor) = next {
            let more = self.page(question, order, Some(&cursor), limit);
            assert!(!more.items.is_empty() && more.items.len() <= limit);
            assert_eq!(more.total, total);
            members.extend(more.items);
            next = more.next;
        }
        assert_eq!(total, members.len() as u64, "every page says how many there are");
        members
    }

    fn ids(&self, level: Level, text: &str) -> Vec<String> {
        let members = self.all(&question(level, parsed(text)), MemberOrder::Id, 100);
        members.into_iter().map(|member| member.id).collect()
    }
}

fn members_are_those_for_whom_the_rule_holds(subject: &Subject<'_>) {
    let at = |days: i64| Some(DAY_ONE.plus(days * DAY));
    for (id, plan, seats) in [
        ("m1", "pro", Value::Int(3)),
        ("m2", "pro", Value::Text("12")),
        ("m3", "Pro", Value::Text("many")),
        ("m4", "free", Value::Null),
    ] {
        let mut draft = identify(id, &[("m_plan", Value::Text(plan)), ("m_seats", seats)]);
        draft.occurred_at = at(0);
        store(subject.log, PRODUCTION, &joining(draft, if plan == "pro" { "m-acme" } else { "m-globex" }));
    }
    store(subject.log, PRODUCTION, &identify_company("m-acme", &[("m_mrr", Value::Int(250))]));
    for (id, day) in [("m1", 1), ("m1", 20), ("m2", 2), ("m4", 29)] {
        let mut draft = tracked(id, "m exported", &[("pages", Value::Int(day))]);
        draft.occurred_at = at(day);
        store(subject.log, PRODUCTION, &draft);
    }
    for _ in ["tail", "settled"] {
        for (text, expected) in [
            (r#"m_plan is "pro""#, &["m1", "m2"][..]),
            (r#"m_plan is "pro" ignoring case"#, &["m1", "m2", "m3"]),
            ("m_seats < 12.5", &["m1", "m2"]),
            ("m_plan exists and not m_seats < 5", &["m2", "m4"]),
            ("company.m_mrr > 200", &["m1", "m2"]),
            (r#"company is "m-globex""#, &["m3", "m4"]),
            (r#"did "m exported" at least 2 times"#, &["m1"]),
            (r#"did "m exported" in the last 15 days"#, &["m1", "m4"]),
            (r#"m_plan exists and did not "m exported" where (pages > 1)"#, &["m3"]),
        ] {
            assert_eq!(subject.ids(Level::User, text), expected, "{text}");
        }
        let companies = |text| subject.ids(Level::Company, text);
        assert_eq!(companies(r#"did "m exported" exactly 3 times"#), ["m-acme"]);
        assert_eq!(
            companies(r#"company is one of ("m-globex", "m-acme") and company.m_mrr does not exist"#),
            ["m-globex"]
        );
        let open = subject.preview(&question(Level::User, parsed("m_seats > 5")), 10);
        let sample: Vec<&str> = open.sample.iter().map(|member| member.id.as_str()).collect();
        assert_eq!((open.members, open.conflicts, sample), (1, 1, vec!["m2"]));
        (subject.settle)();
    }
}

fn an_acknowledged_event_counts_at_once(subject: &Subject<'_>) {
    let asked = question(Level::User, parsed(r#"did "a tick" exactly 2 times and a_state is "on""#));
    for round in 0..4 {
        let id = format!("a{round}");
        store(subject.log, PRODUCTION, &tracked(&id, "a tick", &[]));
        store(subject.log, PRODUCTION, &identify(&id, &[("a_state", Value::Text("on"))]));
        assert_eq!(subject.preview(&asked, 0).members, 0);
        store(subject.log, PRODUCTION, &tracked(&id, "a tick", &[]));
        assert_eq!(subject.preview(&asked, 0).members, 1);
        store(subject.log, PRODUCTION, &identify(&id, &[("a_state", Value::Text("off"))]));
        assert_eq!(subject.preview(&asked, 0).members, 0, "the newest value decides");
        if round % 2 == 1 {
            (subject.settle)();
        }
    }
}

fn a_cursor_yields_each_member_once_whatever_is_written(subject: &Subject<'_>) {
    let write = |id: &str, day: i64| {
        let mut draft = identify(id, &[("c_here", Value::Bool(true))]);
        draft.occurred_at = Some(DAY_ONE.plus(day * DAY));
        store(subject.log, PRODUCTION, &draft);
    };
    (0..9).for_each(|n| write(&format!("c{n}"), n));
    let asked = question(Level::User, parsed("c_here exists"));
    for (order, round) in [(MemberOrder::Id, 1), (MemberOrder::LastSeen, 2)] {
        let before: Vec<String> =
            subject.all(&asked, order, 100).into_iter().map(|member| member.id).collect();
        let MemberPage { items: mut seen, mut next, .. } = subject.page(&asked, order, None, 2);
        while let Some(cursor) = next {
            write(&format!("c{round}-{}", seen.len()), 40);
            (subject.settle)();
            let more = subject.page(&asked, order, Some(&cursor), 2);
            seen.extend(more.items);
            next = more.next;
        }
        let seen: Vec<String> = seen.into_iter().map(|member| member.id).collect();
        let once: BTreeSet<&String> = seen.iter().collect();
        assert_eq!(once.len(), seen.len(), "nobody twice");
        assert!(before.iter().all(|id| once.contains(id)), "{before:?} {seen:?}");
    }
    let other = subject.page(&asked, MemberOrder::LastSeen, None, 1).next;
    let newest = subject.page(&asked, MemberOrder::LastSeen, other.as_ref(), 1).items;
    assert_eq!(newest.len(), 1);
}

fn nothing_crosses_environments_and_nobody_waits_for_what_nobody_wants(subject: &Subject<'_>) {
    store(subject.log, STAGING, &identify("elsewhere", &[("n_here", Value::Bool(true))]));
    let asked = question(Level::User, parsed("n_here exists or $id is \"elsewhere\""));
    assert_eq!(subject.preview(&asked, 1).members, 0);
    let staged = subject.segments.preview(STAGING, &asked, 1, &Inquiry::default());
    assert_eq!(staged.map(|preview| preview.members), Ok(1));
    let evidence = subject.segments.evidence(PRODUCTION, &asked, "elsewhere", &Inquiry::default());
    assert_eq!(evidence, Ok(None));
    let nowhere = subject.segments.preview(EnvironmentId(99), &asked, 1, &Inquiry::default());
    assert_eq!(nowhere, Err(StoreError::NoEnvironment));
    let inquiry = Inquiry::default();
    inquiry.stop();
    assert_eq!(subject.segments.preview(PRODUCTION, &asked, 1, &inquiry), Err(StoreError::Stopped));
    let none = Cursor(b"no cursor".to_vec());
    let page =
        subject.segments.members(PRODUCTION, &asked, MemberOrder::Id, Some(&none), 1, &Inquiry::default());
    assert_eq!(page, Err(StoreError::NotACursor));
}

fn any_rule_is_answered_as_its_meaning_says(subject: &Subject<'_>) {
    let mut chance = Chance(11);
    let mut held = [0u64; 2];
    for stretch in 0..STRETCHES {
        let mut batch = EventBatch::default();
        (0..150).for_each(|_| batch.push(&chance.event()));
        let stored = block_on(subject.log.append_many(PRODUCTION, &batch));
        stored.unwrap_or_else(|error| panic!("{error:?}"));
        if stretch % 2 == 1 {
            (subject.settle)();
        }
        let all = subject.log.read(PRODUCTION, Position(0), usize::MAX, usize::MAX);
        let all = all.unwrap_or_else(|error| panic!("{error}"));
        for round in 0..RULES {
            let level = if round % 4 == 3 { Level::Company } else { Level::User };
            let mut asked = question(level, chance.rule(level));
            // Times are coarse: those of events are among them.
            asked.moment.now =
                Timestamp(asked.moment.now.0 - i64::try_from(chance.below(80)).unwrap_or(0) * DAY / 2);
            asked.looks_back = chance.below(2) == 0;
            let expected = check(subject, &Everybody::by(asked.until(), &all), &asked);
            held[usize::from(level == Level::Company)] += expected;
        }
    }
    assert!(held.iter().all(|members| *members > 100), "rules that hold for nobody show nothing: {held:?}");
}

/// Answers how many members there are.
fn check(subject: &Subject<'_>, everybody: &Everybody, asked: &SegmentQuestion) -> u64 {
    let expected = everybody.preview(asked, 0);
    let found = subject.preview(asked, 5);
    let rule = &asked.rule;
    assert_eq!((found.members, found.conflicts), (expected.members, expected.conflicts), "{rule}");
    let members = everybody.members(asked, MemberOrder::Id);
    assert_eq!(found.sample.len() as u64, found.members.min(5), "{rule}");
    assert!(found.sample.iter().all(|member| members.contains(member)), "{rule}");
    assert_eq!(subject.all(asked, MemberOrder::Id, 7), members, "{rule}");
    let by_last_seen = everybody.members(asked, MemberOrder::LastSeen);
    assert_eq!(subject.all(asked, MemberOrder::LastSeen, 7), by_last_seen, "{rule}");
    for id in everybody.ids(asked.level).into_iter().step_by(9) {
        let evidence = subject.segments.evidence(PRODUCTION, asked, id, &Inquiry::default());
        let Ok(Some(evidence)) = evidence else { panic!("{id}: {evidence:?}") };
        let is_member = members.iter().any(|member| member.id == id);
        assert_eq!(evidence.holds(asked) == Truth::Yes, is_member, "{id}: {rule}");
        let explained = evidence.explain(asked);
        let model = everybody.evidence(asked.level, id).map(|evidence| evidence.explain(asked));
        assert_eq!(Some(explained), model, "{id}: {rule}");
    }
    expected.members
}
