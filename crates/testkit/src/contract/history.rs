//! What a `History` promises.
//!
//! `settle` makes the engine put away what it holds so far (seal, merge, or nothing), so that every promise is asked of
//! events in all of its places.

use muster_kernel::model::calendar::{Buckets, Interval, Span};
use muster_kernel::model::event::{EventDraft, EventKind};
use muster_kernel::model::history::{
    Breakdown, CountQuestion, CountSeries, EventName, EventQuery, Measure, NameSummary, NamesQuestion,
    PropertiesQuestion, PropertyIs, PropertyOwner, PropertySummary, ReadableType,
};
use muster_kernel::model::id::EnvironmentId;
use muster_kernel::model::page::Cursor;
use muster_kernel::model::time::{MINUTE, Timestamp};
use muster_kernel::model::value::{OwnedValue, Value};
use muster_kernel::ports::{EventLog, History, Inquiry, StoreError, StoredEvent};

use super::store;
use crate::builders::{PRODUCTION, company, identify, identify_company, joining, tracked, user};
use crate::clock::DAY_ONE;

const STAGING: EnvironmentId = EnvironmentId(2);
const DAY: i64 = 24 * 60 * MINUTE;

/// An engine under test.
struct Subject<'a> {
    log: &'a dyn EventLog,
    history: &'a dyn History,
    settle: &'a dyn Fn(),
}

/// Runs every promise.
pub fn history_keeps_its_promises(log: &dyn EventLog, history: &dyn History, settle: &dyn Fn()) {
    let subject = Subject { log, history, settle };
    events_come_newest_first_and_exactly_as_accepted(&subject);
    filters_hold_together(&subject);
    a_cursor_yields_each_event_once_whatever_is_written(&subject);
    counts_follow_intervals_and_breakdowns(&subject);
    unique_users_are_counted_once_for_each_interval_and_once_in_all(&subject);
    user_properties_break_down_as_of_now(&subject);
    names_and_properties_are_told_with_types_and_examples(&subject);
    properties_of_the_present_company_break_down(&subject);
    nothing_crosses_environments_and_nobody_waits_for_what_nobody_wants(&subject);
}

fn at(mut draft: EventDraft, micros: i64) -> EventDraft {
    draft.occurred_at = Some(DAY_ONE.plus(micros));
    draft
}

fn payload(draft: &EventDraft) -> Vec<u8> {
    let mut payload = Vec::new();
    draft.encode(&mut payload);
    payload
}

impl Subject<'_> {
    fn page(
        &self,
        query: &EventQuery,
        after: Option<&Cursor>,
        limit: usize,
    ) -> (Vec<StoredEvent>, Option<Cursor>) {
        let page = self.history.events(PRODUCTION, query, after, limit, &Inquiry::default());
        let page = page.unwrap_or_else(|error| panic!("{error}"));
        (page.items, page.next)
    }

    fn all(&self, query: &EventQuery) -> Vec<Vec<u8>> {
        let (items, next) = self.page(query, None, 10_000);
        assert_eq!(next, None);
        items.into_iter().map(|event| event.payload).collect()
    }

    fn counts(&self, question: &CountQuestion) -> Vec<CountSeries> {
        let answer = self.history.counts(PRODUCTION, question, &Inquiry::default());
        answer.unwrap_or_else(|error| panic!("{error}")).series
    }
}

fn of_user(id: &str) -> EventQuery {
    EventQuery { user: Some(user(id)), ..EventQuery::default() }
}

fn of_name(name: &str) -> EventQuery {
    EventQuery { names: vec![EventName::track(name)], ..EventQuery::default() }
}

fn events_come_newest_first_and_exactly_as_accepted(subject: &Subject<'_>) {
    let mut full = at(tracked("anna", "paid", &[("amount", Value::Float(12.5))]), 5);
    full.event_id = "evt-1".into();
    full.company_properties.push("plan", Value::Null);
    let full = joining(full, "acme");
    let late = at(tracked("anna", "late", &[("json", Value::Json("[1]"))]), -DAY);
    let now = tracked("anna", "now", &[("big", Value::UInt(u64::MAX)), ("no", Value::Bool(false))]);
    let receipts = [&full, &late].map(|draft| store(subject.log, PRODUCTION, draft));
    (subject.settle)();
    let last = store(subject.log, PRODUCTION, &now);
    let (items, next) = subject.page(&of_user("anna"), None, 10);
    let receipts = [last, receipts[0], receipts[1]];
    let mut expected: Vec<_> = [now, full, late]
        .iter()
        .zip(receipts)
        .map(|(draft, receipt)| StoredEvent { receipt, payload: payload(draft) })
        .collect();
    // The manual clock may stand at day one: then "now" is before the event of five microseconds later.
    let time = |event: &StoredEvent| match event.receipt {
        receipt if receipt == receipts[1] => DAY_ONE.plus(5),
        receipt if receipt == receipts[2] => DAY_ONE.plus(-DAY),
        receipt => receipt.received_at,
    };
    expected.sort_by_key(|event| std::cmp::Reverse((time(event), event.receipt.position)));
    assert_eq!((items, next), (expected, None));
    assert_eq!(subject.all(&of_user("nobody")), Vec::<Vec<u8>>::new());
}

fn filters_hold_together(subject: &Subject<'_>) {
    let plan = |value| [("plan", Value::Text(value)), ("n", Value::Int(3))];
    let pro = joining(at(tracked("f1", "opened", &plan("pro")), 10), "globex");
    let free = at(tracked("f2", "opened", &plan("free")), 20);
    let view = EventDraft { kind: EventKind::PageView, ..at(identify("f1", &[]), 30) };
    let firm = at(identify_company("globex", &plan("pro")), 40);
    for draft in [&pro, &free, &view, &firm] {
        store(subject.log, PRODUCTION, draft);
    }
    for place in ["tail", "settled"] {
        let ask = |query| subject.all(&query);
        let just = |drafts: &[&EventDraft]| drafts.iter().map(|draft| payload(draft)).collect::<Vec<_>>();
        assert_eq!(ask(of_name("opened")), just(&[&free, &pro]), "{place}");
        let views = EventQuery { kinds: vec![EventKind::PageView], ..of_name("opened") };
        assert_eq!(ask(views), just(&[&view, &free, &pro]), "{place}");
        let globex = EventQuery { company: Some(company("globex")), ..EventQuery::default() };
        assert_eq!(ask(globex.clone()), just(&[&firm, &pro]), "{place}");
        let person = EventQuery { user: Some(user("f1")), ..globex.clone() };
        assert_eq!(ask(person), just(&[&pro]), "{place}");
        let span = Span { from: DAY_ONE.plus(20), until: DAY_ONE.plus(40) };
        let inside = EventQuery { span, names: vec![EventName::track("opened")], ..EventQuery::default() };
        assert_eq!(ask(inside), just(&[&free]), "{place}");
        let named = |text| EventQuery {
            properties: vec![PropertyIs::reading("plan", text), PropertyIs::reading("n", "3")],
            ..of_name("opened")
        };
        assert_eq!(ask(named("pro")), just(&[&pro]), "{place}");
        assert_eq!(ask(named("gold")), just(&[]), "{place}");
        (subject.settle)();
    }
}

fn a_cursor_yields_each_event_once_whatever_is_written(subject: &Subject<'_>) {
    for n in 0..25 {
        // Many at the same time: the position decides.
        store(subject.log, PRODUCTION, &at(tracked(&format!("c{}", n % 4), "paged", &[]), n / 5));
    }
    let before = subject.all(&of_name("paged"));
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let (items, next) = subject.page(&of_name("paged"), after.as_ref(), 4);
        seen.extend(items.into_iter().map(|event| event.payload));
        let Some(next) = next else { break };
        after = Some(next);
        store(subject.log, PRODUCTION, &at(tracked("new", "paged", &[]), DAY));
        (subject.settle)();
    }
    assert_eq!((seen.len(), seen), (25, before));
    let stray = Cursor(b"elsewhere".to_vec());
    let answer = subject.history.events(PRODUCTION, &of_name("paged"), Some(&stray), 4, &Inquiry::default());
    assert_eq!(answer, Err(StoreError::NotACursor));
}

fn question(names: &[&str], measure: Measure, breakdown: Option<Breakdown>) -> CountQuestion {
    let span = Span { from: DAY_ONE, until: DAY_ONE.plus(3 * DAY) };
    let buckets = Buckets::cut(span, Interval::Day, &jiff::tz::TimeZone::UTC);
    CountQuestion {
        names: names.iter().map(|name| EventName::track(name)).collect(),
        buckets: buckets.unwrap_or_else(|_| Buckets::whole(span)),
        measure,
        breakdown,
        groups_max: 100,
        properties: Vec::new(),
    }
}

fn series(name: &str, group: Option<Value<'_>>, counts: [u64; 3], total: u64) -> CountSeries {
    CountSeries {
        event: Some(EventName::track(name)),
        group: group.map(OwnedValue::of),
        counts: counts.to_vec(),
        total,
    }
}

fn counts_follow_intervals_and_breakdowns(subject: &Subject<'_>) {
    let sent = [
        ("k1", "bought", 0, Value::Text("red")),
        ("k1", "bought", 1, Value::Text("red")),
        ("k2", "bought", DAY, Value::Text("blue")),
        ("k2", "bought", DAY + 1, Value::Null),
        ("k3", "bought", 3 * DAY - 1, Value::Int(7)),
        ("k3", "bought", 3 * DAY, Value::Text("red")),
        ("k1", "sold", -1, Value::Text("red")),
        ("k1", "sold", 2 * DAY, Value::Text("red")),
    ];
    for (index, (who, what, when, color)) in sent.into_iter().enumerate() {
        store(subject.log, PRODUCTION, &at(tracked(who, what, &[("color", color)]), when));
        if index == 4 {
            (subject.settle)();
        }
    }
    let plain = question(&["sold", "bought"], Measure::Total, None);
    let expected = [series("sold", None, [0, 0, 1], 1), series("bought", None, [2, 2, 1], 5)];
    assert_eq!(subject.counts(&plain), expected);
    let by_color = Some(Breakdown::EventProperty("color".into()));
    let grouped = question(&["bought"], Measure::Total, by_color);
    let expected = [
        series("bought", Some(Value::Text("red")), [2, 0, 0], 2),
        series("bought", Some(Value::Int(7)), [0, 0, 1], 1),
        series("bought", Some(Value::Text("blue")), [0, 1, 0], 1),
        series("bought", None, [0, 1, 0], 1),
    ];
    assert_eq!(subject.counts(&grouped), expected);
    let few = CountQuestion { groups_max: 2, ..grouped };
    let answer = subject.history.counts(PRODUCTION, &few, &Inquiry::default());
    let answer = answer.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((answer.series.as_slice(), answer.groups_left_out), (&expected[..2], 2));
    let red = CountQuestion { properties: vec![PropertyIs::reading("color", "red")], ..plain };
    let expected = [series("sold", None, [0, 0, 1], 1), series("bought", None, [2, 0, 0], 2)];
    assert_eq!(subject.counts(&red), expected);
    assert_eq!(
        subject.counts(&question(&["never"], Measure::Total, None)),
        [series("never", None, [0; 3], 0)]
    );
}

fn unique_users_are_counted_once_for_each_interval_and_once_in_all(subject: &Subject<'_>) {
    for (who, when) in [("q1", 0), ("q1", 1), ("q2", 2), ("q1", DAY), ("q3", DAY), ("q1", 2 * DAY)] {
        store(subject.log, PRODUCTION, &at(tracked(who, "visited", &[]), when));
        if when == 1 {
            (subject.settle)();
        }
    }
    let uniques = question(&["visited"], Measure::UniqueUsers, None);
    assert_eq!(subject.counts(&uniques), [series("visited", None, [2, 2, 1], 3)]);
    let span = Span { from: DAY_ONE.plus(10 * DAY), until: DAY_ONE.plus(11 * DAY) };
    for draft in [tracked("q1", "one", &[]), tracked("q1", "two", &[]), tracked("q2", "two", &[])] {
        store(subject.log, PRODUCTION, &at(draft, 10 * DAY));
    }
    store(subject.log, PRODUCTION, &at(identify_company("uncounted", &[]), 10 * DAY));
    let all = CountQuestion { names: Vec::new(), buckets: Buckets::whole(span), ..uniques };
    let one = CountSeries { event: None, group: None, counts: vec![2], total: 2 };
    assert_eq!(subject.counts(&all), [one]);
}

fn user_properties_break_down_as_of_now(subject: &Subject<'_>) {
    for (who, plan) in [("p1", "pro"), ("p2", "free"), ("p3", "pro")] {
        store(subject.log, PRODUCTION, &identify(who, &[("plan", Value::Text(plan))]));
    }
    for (who, when) in [("p1", 0), ("p1", 1), ("p2", 0), ("p3", DAY), ("p4", DAY)] {
        store(subject.log, PRODUCTION, &at(tracked(who, "used", &[]), when));
    }
    let by_plan = Some(Breakdown::UserProperty("plan".into()));
    let asked = question(&["used"], Measure::UniqueUsers, by_plan);
    let expected = [
        series("used", Some(Value::Text("pro")), [1, 1, 0], 2),
        series("used", Some(Value::Text("free")), [1, 0, 0], 1),
        series("used", None, [0, 1, 0], 1),
    ];
    assert_eq!(subject.counts(&asked), expected);
    (subject.settle)();
    store(subject.log, PRODUCTION, &identify("p2", &[("plan", Value::Text("pro"))]));
    let total = CountQuestion { measure: Measure::Total, ..asked };
    let expected =
        [series("used", Some(Value::Text("pro")), [3, 1, 0], 4), series("used", None, [0, 1, 0], 1)];
    assert_eq!(subject.counts(&total), expected, "what is written now holds for old events");
}

fn properties_of_the_present_company_break_down(subject: &Subject<'_>) {
    let belongs =
        |who: &str, company: &str| EventDraft { company_id: company.to_owned(), ..identify(who, &[]) };
    let sector = |company: &str, sector: &str| identify_company(company, &[("sector", Value::Text(sector))]);
    for event in [
        sector("c1", "bank"),
        sector("c2", "farm"),
        belongs("s1", "c1"),
        belongs("s2", "c2"),
        belongs("s3", "c2"),
        belongs("s4", "c without a sector"),
    ] {
        store(subject.log, PRODUCTION, &event);
    }
    for (who, when) in [("s1", 0), ("s2", 0), ("s3", DAY), ("s4", DAY), ("s5", DAY)] {
        store(subject.log, PRODUCTION, &at(tracked(who, "signed", &[]), when));
    }
    let by_sector = Some(Breakdown::CompanyProperty("sector".into()));
    let asked = question(&["signed"], Measure::UniqueUsers, by_sector);
    let expected = [
        series("signed", Some(Value::Text("farm")), [1, 1, 0], 2),
        series("signed", None, [0, 2, 0], 2),
        series("signed", Some(Value::Text("bank")), [1, 0, 0], 1),
    ];
    assert_eq!(subject.counts(&asked), expected);
    (subject.settle)();
    // Another company, another sector of one, and none any more: each holds for old events.
    store(subject.log, PRODUCTION, &belongs("s2", "c1"));
    store(subject.log, PRODUCTION, &sector("c2", "mill"));
    store(subject.log, PRODUCTION, &EventDraft { leaves_company: true, ..identify("s4", &[]) });
    let expected = [
        series("signed", Some(Value::Text("bank")), [2, 0, 0], 2),
        series("signed", None, [0, 2, 0], 2),
        series("signed", Some(Value::Text("mill")), [0, 1, 0], 1),
    ];
    assert_eq!(subject.counts(&asked), expected);
}

fn told(summaries: &[PropertySummary], name: &str) -> Vec<(ReadableType, u64, usize)> {
    let found = summaries.iter().find(|summary| summary.name == name);
    let types = found.map(|summary| summary.types.as_slice()).unwrap_or_default();
    types.iter().map(|one| (one.reads_as, one.count, one.examples.len())).collect()
}

fn names_and_properties_are_told_with_types_and_examples(subject: &Subject<'_>) {
    let values = [Value::Int(1), Value::Int(2), Value::Int(2), Value::Text("4"), Value::Text("soon")];
    for (n, value) in (0..).zip(values) {
        let mut sent = vec![("size", value)];
        // Not of the first event and not of the last one.
        if n == 1 || n == 3 {
            sent.push(("unit", Value::Text("mm")));
        }
        let draft = at(tracked("n1", "measured", &sent), n * DAY);
        store(subject.log, PRODUCTION, &draft);
        if n == 2 {
            (subject.settle)();
        }
    }
    let volume = question(&[], Measure::Total, None).buckets;
    let asked = NamesQuestion {
        volume,
        names: vec![EventName::track("measured")],
        examples_max: 2,
        with_times: true,
    };
    let names = subject.history.names(PRODUCTION, &asked, &Inquiry::default());
    let names = names.unwrap_or_else(|error| panic!("{error}"));
    let [name] = names.as_slice() else { panic!("{names:?}") };
    assert_eq!((&name.event, name.count), (&EventName::track("measured"), 5));
    assert_eq!((name.first_at, name.last_at), (DAY_ONE, DAY_ONE.plus(4 * DAY)));
    assert_eq!(name.volume, [1, 1, 1]);
    use ReadableType::{Integer, NumericText, Text};
    assert_eq!(told(&name.properties, "size"), [(Integer, 3, 2), (NumericText, 1, 1), (Text, 1, 1)]);
    let times = |names: &[NameSummary]| -> Vec<_> {
        names.iter().flat_map(|name| &name.properties).map(|property| property.times).collect()
    };
    let expected =
        [(0, 4), (1, 3)].map(|(first, last)| Some((DAY_ONE.plus(first * DAY), DAY_ONE.plus(last * DAY))));
    assert_eq!(times(&names), expected, "of `size` and of `unit`");
    let quick = NamesQuestion { with_times: false, ..asked.clone() };
    let quick = subject.history.names(PRODUCTION, &quick, &Inquiry::default());
    assert_eq!(times(&quick.unwrap_or_else(|error| panic!("{error}"))), [None, None]);
    let all =
        subject.history.names(PRODUCTION, &NamesQuestion { names: Vec::new(), ..asked }, &Inquiry::default());
    let all = all.unwrap_or_else(|error| panic!("{error}"));
    assert!(all.windows(2).all(|pair| pair[0].event < pair[1].event), "in the order of names, each once");
    assert!(all.iter().any(|one| one.event == EventName::kind(EventKind::IdentifyUser)));

    let firm = joining(identify("n2", &[("owned by user", Value::Int(1))]), "owner");
    let mut firm = firm;
    firm.company_properties.push("owned by company", Value::Text("2026-01-01"));
    store(subject.log, PRODUCTION, &firm);
    let properties = |owner| {
        let asked = PropertiesQuestion { owner, examples_max: 1 };
        let found = subject.history.properties(PRODUCTION, &asked, &Inquiry::default());
        found.unwrap_or_else(|error| panic!("{error}"))
    };
    for place in ["tail", "settled"] {
        let (users, companies) = (properties(PropertyOwner::User), properties(PropertyOwner::Company));
        assert_eq!(told(&users, "owned by user"), [(Integer, 1, 1)], "{place}");
        assert_eq!(told(&users, "owned by company"), [], "{place}");
        assert_eq!(told(&companies, "owned by company"), [(ReadableType::DateText, 1, 1)], "{place}");
        let events = properties(PropertyOwner::Event);
        assert_eq!(told(&events, "size"), [(Integer, 3, 1), (NumericText, 1, 1), (Text, 1, 1)], "{place}");
        (subject.settle)();
    }
}

fn nothing_crosses_environments_and_nobody_waits_for_what_nobody_wants(subject: &Subject<'_>) {
    store(subject.log, STAGING, &tracked("elsewhere", "staged", &[]));
    assert_eq!(subject.all(&of_name("staged")), Vec::<Vec<u8>>::new());
    let nowhere =
        subject.history.events(EnvironmentId(99), &EventQuery::default(), None, 1, &Inquiry::default());
    assert_eq!(nowhere, Err(StoreError::NoEnvironment));
    let inquiry = Inquiry::default();
    inquiry.stop();
    let stopped = subject.history.events(PRODUCTION, &EventQuery::default(), None, 10, &inquiry);
    assert_eq!(stopped, Err(StoreError::Stopped));
    let counted = question(&["paged"], Measure::Total, None);
    assert_eq!(subject.history.counts(PRODUCTION, &counted, &inquiry), Err(StoreError::Stopped));
    let newest =
        EventQuery { span: Span { from: Timestamp(0), until: Timestamp(1) }, ..EventQuery::default() };
    assert_eq!(subject.all(&newest), Vec::<Vec<u8>>::new());
}
