//! What `Segments` promises of questions that look back, on a story that is checked by hand.

use std::sync::Arc;

use muster_kernel::model::event::EventDraft;
use muster_kernel::model::id::SegmentId;
use muster_kernel::model::segment::question::{MemberOrder, SegmentQuestion};
use muster_kernel::model::segment::{Definition, Level, Members};
use muster_kernel::model::time::Timestamp;
use muster_kernel::model::value::{OwnedValue, Value};
use muster_kernel::ports::Inquiry;

use super::segments::{DAY, Subject, parsed, question};
use super::store;
use crate::builders::{PRODUCTION, identify, identify_company, joining, tracked};
use crate::clock::DAY_ONE;

fn day(number: i64) -> Timestamp {
    DAY_ONE.plus(number * DAY)
}

/// The question as of a time.
fn back(level: Level, text: &str, time: Timestamp) -> SegmentQuestion {
    let mut asked = question(level, parsed(text));
    (asked.moment.now, asked.looks_back) = (time, true);
    asked
}

/// One person who changes plan and company, and another who comes later. The last comes first, as an import may.
fn story() -> Vec<EventDraft> {
    let plan = |id, plan| identify(id, &[("b_plan", plan)]);
    let company = |mrr| identify_company("b-acme", &[("b_mrr", Value::Int(mrr))]);
    let mut all = vec![
        (0, joining(plan("b1", Value::Text("free")), "b-acme")),
        (1, company(100)),
        (5, tracked("b1", "b exported", &[])),
        (10, plan("b1", Value::Text("pro"))),
        (12, joining(identify("b1", &[]), "b-globex")),
        (15, tracked("b1", "b exported", &[])),
        (18, joining(plan("b2", Value::Text("pro")), "b-acme")),
        (20, company(300)),
        (21, plan("b1", Value::Null)),
    ];
    all.reverse();
    let dated = |(number, draft)| EventDraft { occurred_at: Some(day(number)), ..draft };
    all.into_iter().map(dated).collect()
}

/// Runs every promise of questions that look back.
pub(super) fn a_question_can_look_back(subject: &Subject<'_>) {
    for draft in story() {
        store(subject.log, PRODUCTION, &draft);
    }
    for _ in ["tail", "settled"] {
        users_are_what_they_were(subject);
        companies_are_what_they_were(subject);
        a_segment_that_is_referred_to_is_of_the_same_time(subject);
        evidence_and_values_are_of_the_same_time(subject);
        (subject.settle)();
    }
    let late = EventDraft { occurred_at: Some(day(3)), ..identify("b3", &[("b_plan", Value::Text("free"))]) };
    store(subject.log, PRODUCTION, &late);
    assert_eq!(ids(subject, Level::User, r#"b_plan is "free""#, day(2)), ["b1"]);
    assert_eq!(
        ids(subject, Level::User, r#"b_plan is "free""#, day(9)),
        ["b1", "b3"],
        "by today's knowledge"
    );
}

fn ids(subject: &Subject<'_>, level: Level, text: &str, time: Timestamp) -> Vec<String> {
    let asked = back(level, text, time);
    let ids = |order| {
        let members = subject.all(&asked, order, 1);
        members.into_iter().map(|member| member.id).collect::<Vec<_>>()
    };
    let (by_id, mut by_last_seen) = (ids(MemberOrder::Id), ids(MemberOrder::LastSeen));
    by_last_seen.sort();
    assert_eq!(by_last_seen, by_id, "{text}");
    assert_eq!(subject.preview(&asked, 0).members, by_id.len() as u64, "{text}");
    by_id
}

fn users_are_what_they_were(subject: &Subject<'_>) {
    for (text, expected) in [
        (r#"b_plan is "free""#, &[(-1, &[][..]), (9, &["b1"]), (10, &[])][..]),
        (r#"b_plan is "pro""#, &[(9, &[]), (10, &["b1"]), (18, &["b1", "b2"]), (21, &["b2"])]),
        (r#"$id starts with "b" and not b_plan is "x""#, &[(-1, &[]), (17, &["b1"]), (18, &["b1", "b2"])]),
        (r#"did "b exported""#, &[(4, &[]), (5, &["b1"])]),
        (r#"did "b exported" exactly 1 times"#, &[(14, &["b1"]), (15, &[])]),
        (r#"did "b exported" in the last 5 days"#, &[(9, &["b1"]), (11, &[]), (15, &["b1"])]),
        (
            r#"did "b exported" exactly 1 times between 2026-01-01 and 2026-01-31"#,
            &[(14, &["b1"]), (15, &[])],
        ),
        (r#"company is "b-acme""#, &[(11, &["b1"]), (12, &[]), (18, &["b2"])]),
        ("company.b_mrr = 100", &[(0, &[]), (1, &["b1"]), (12, &[]), (18, &["b2"]), (20, &[])]),
        ("company.b_mrr = 300", &[(19, &[]), (20, &["b2"])]),
        ("$first_seen in the last 3 days and b_plan exists", &[(2, &["b1"]), (9, &[]), (20, &["b2"])]),
        (r#"$last_seen on 2026-01-06 and $id starts with "b""#, &[(4, &[]), (9, &["b1"]), (10, &[])]),
    ] {
        for (number, expected) in expected {
            assert_eq!(ids(subject, Level::User, text, day(*number)), *expected, "{text} on day {number}");
        }
    }
    let just_before = day(10).plus(-1);
    assert_eq!(ids(subject, Level::User, r#"b_plan is "pro""#, just_before), [""; 0], "to the microsecond");
    let members = subject.all(&back(Level::User, r#"$id is "b1""#, day(11)), MemberOrder::Id, 9);
    assert_eq!(members.first().and_then(|member| member.last_seen_at), Some(day(10)));
}

fn companies_are_what_they_were(subject: &Subject<'_>) {
    for (text, expected) in [
        (
            r#"company.$id starts with "b-""#,
            &[(-1, &[][..]), (11, &["b-acme"]), (12, &["b-acme", "b-globex"])][..],
        ),
        // What members did goes with them.
        (r#"did "b exported""#, &[(4, &[]), (9, &["b-acme"]), (14, &["b-globex"])]),
        (r#"did "b exported" exactly 2 times"#, &[(14, &[]), (15, &["b-globex"])]),
        ("company.b_mrr = 100", &[(0, &[]), (1, &["b-acme"]), (20, &[])]),
        (r#"company is "b-globex""#, &[(11, &[]), (12, &["b-globex"])]),
    ] {
        for (number, expected) in expected {
            assert_eq!(ids(subject, Level::Company, text, day(*number)), *expected, "{text} on day {number}");
        }
    }
}

fn a_segment_that_is_referred_to_is_of_the_same_time(subject: &Subject<'_>) {
    for (number, expected) in [(9, &["b1"][..]), (10, &[]), (18, &[]), (21, &["b1"])] {
        let mut asked = back(Level::User, r#"$id starts with "b" and not in segment 7"#, day(number));
        let members = Members::Rule(parsed(r#"b_plan is "pro""#));
        asked.segments = Arc::new([(SegmentId(7), Definition { level: Level::User, members })].into());
        let found = subject.all(&asked, MemberOrder::Id, 9);
        let found: Vec<&str> = found.iter().map(|member| member.id.as_str()).collect();
        assert_eq!(found, expected, "day {number}");
    }
}

fn evidence_and_values_are_of_the_same_time(subject: &Subject<'_>) {
    let evidence = |level, id, number| {
        let asked = back(level, "everyone", day(number));
        let found = subject.segments.evidence(PRODUCTION, &asked, id, &Inquiry::default());
        found.unwrap_or_else(|error| panic!("{error}"))
    };
    let b1 = evidence(Level::User, "b1", 14).unwrap_or_default();
    let (_, profile) = b1.user.unwrap_or_default();
    assert_eq!(
        (profile.property("b_plan"), profile.last_seen_at()),
        (Some(Value::Text("pro")), Some(day(12)))
    );
    assert_eq!(b1.company.map(|(id, _)| id).as_deref(), Some("b-globex"));
    assert_eq!(b1.events.len(), 4);
    let acme = evidence(Level::Company, "b-acme", 11).unwrap_or_default();
    assert_eq!(acme.events.len(), 3, "of who belonged to it then");
    assert!(acme.company.is_some_and(|(_, acme)| acme.property("b_mrr") == Some(Value::Int(100))));
    assert_eq!(evidence(Level::User, "b2", 17), None);
    assert_eq!(evidence(Level::Company, "b-globex", 11), None);
    let value = |level, id, name: &str, number| {
        let asked = back(level, "nobody", day(number));
        let names = ["never".to_owned(), name.to_owned()];
        let found = subject.segments.values(PRODUCTION, &asked, (&[id], &names), &Inquiry::default());
        let found = found.unwrap_or_else(|error| panic!("{error}")).remove(0);
        assert_eq!((found.len(), found.first()), (2, Some(&None)));
        found.into_iter().flatten().next()
    };
    let plans = |number| ["b1", "b2", "nobody"].map(|id| value(Level::User, id, "b_plan", number));
    let text = |text| Some(OwnedValue::of(Value::Text(text)));
    assert_eq!(plans(9), [text("free"), None, None]);
    assert_eq!(plans(18), [text("pro"), text("pro"), None]);
    assert_eq!(plans(21), [None, text("pro"), None], "what was removed is not there");
    let hundred = Some(OwnedValue::of(Value::Int(100)));
    assert_eq!(value(Level::Company, "b-acme", "b_mrr", 19), hundred);
}
