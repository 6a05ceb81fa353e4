//! What `Reports` promises: cases whose answers were worked out by hand, and agreement with the model on anything.
//!
//! A case is a story: who did what at which minute, `a: v@0 c@60`. `settle` is called in its middle, so that an engine has
//! to bring together what it keeps in different places.

use muster_kernel::model::calendar::{Buckets, Interval, Span};
use muster_kernel::model::event::EventKind;
use muster_kernel::model::history::{Breakdown, EventName, PropertyIs};
use muster_kernel::model::id::EnvironmentId;
use muster_kernel::model::report::funnel::{
    Counting, Exclusion, FunnelAnswer, FunnelNumber, FunnelQuestion, FunnelRow, Order,
};
use muster_kernel::model::report::path::{Direction, PathBranch, PathQuestion};
use muster_kernel::model::report::retention::{
    Cohort, Cohorts, RetentionAnswer, RetentionNumber, RetentionQuestion, Returned,
};
use muster_kernel::model::report::{Behind, Level, Pattern, Pin, Pinned, Row, Spread, Which, Who, rounded};
use muster_kernel::model::time::MINUTE;
use muster_kernel::model::value::{OwnedValue, Value};
use muster_kernel::ports::{EventLog, Inquiry, PeoplePage, Reports, StoreError};

use super::store;
use crate::builders::{PRODUCTION, identify, identify_company, tracked};
use crate::clock::DAY_ONE;

const HOUR: i64 = 60 * MINUTE;
pub(super) const DAY: i64 = 24 * HOUR;

/// An engine under test.
pub(super) struct Subject<'a> {
    pub log: &'a dyn EventLog,
    pub reports: &'a dyn Reports,
    pub settle: &'a dyn Fn(),
}

/// Runs every promise.
pub fn reports_keep_their_promises(log: &dyn EventLog, reports: &dyn Reports, settle: &dyn Fn()) {
    let subject = Subject { log, reports, settle };
    steps_follow_one_another_within_the_window(&subject);
    at_one_time_the_position_decides_and_an_event_serves_one_step(&subject);
    an_attempt_begins_inside_the_span_and_may_end_behind_it(&subject);
    nothing_stands_between_strict_steps(&subject);
    steps_in_any_order_are_counted_by_how_many(&subject);
    exclusions_end_attempts(&subject);
    attempts_are_counted_one_after_the_other(&subject);
    rows_and_other_add_up_to_the_total(&subject);
    people_are_those_who_are_counted(&subject);
    people_of_a_pin_are_those_of_its_answer(&subject);
    first_timers_return_in_the_intervals_behind_their_own(&subject);
    who_recurs_belongs_to_many_cohorts(&subject);
    returns_are_on_or_after_or_without_bounds(&subject);
    paths_lead_from_name_to_name(&subject);
    nothing_crosses_environments_and_what_is_stopped_ends(&subject);
}

impl Subject<'_> {
    /// Stores a story: `who: what@minute what@minute=plan what@minute/firm; who: …`. `id` identifies, `firm` does so with a
    /// company, `=` gives the property `plan`, and `/` names a company.
    pub fn tell(&self, case: &str, story: &str) {
        let people = story.split(';').filter_map(|person| person.split_once(':'));
        let events: Vec<(&str, &str)> = people
            .flat_map(|(who, events)| events.split_whitespace().map(move |event| (who.trim(), event)))
            .collect();
        for (index, (who, event)) in events.iter().enumerate() {
            let (event, firm) = event.split_once('/').unwrap_or((event, ""));
            let (what, when) = event.split_once('@').unwrap_or((event, "0"));
            let (minute, plan) = match when.split_once('=') {
                Some((minute, plan)) => (minute, Some(("plan", Value::Text(plan)))),
                None => (when, None),
            };
            let properties: Vec<_> = plan.into_iter().collect();
            let who = format!("{case} {who}");
            let mut draft = match what {
                "id" => identify(&who, &properties),
                "firm" => identify_company(firm, &properties),
                _ => tracked(&who, &format!("{case} {what}"), &properties),
            };
            let minute: i64 = minute.parse().unwrap_or_else(|error| panic!("{event}: {error}"));
            draft.occurred_at = Some(DAY_ONE.plus(minute * MINUTE));
            if !firm.is_empty() {
                draft.company_id = format!("{case} {firm}");
            }
            store(self.log, PRODUCTION, &draft);
            if index == events.len() / 2 {
                (self.settle)();
            }
        }
    }

    pub fn funnel(&self, question: &FunnelQuestion) -> FunnelAnswer {
        assert_eq!(question.check(), Ok(()));
        let answer = self.reports.funnel(PRODUCTION, question, &Inquiry::default());
        answer.unwrap_or_else(|error| panic!("{error}")).answer
    }

    pub fn counts(&self, question: &FunnelQuestion) -> Vec<u64> {
        counts(&self.funnel(question).total)
    }

    pub fn retention(&self, question: &RetentionQuestion) -> Vec<Cohort> {
        assert_eq!(question.check(), Ok(()));
        let answer = self.reports.retention(PRODUCTION, question, &Inquiry::default());
        answer.unwrap_or_else(|error| panic!("{error}")).answer.cohorts
    }
}

/// Everybody behind a number of a funnel, page by page, in the order of ids; their number is checked.
fn behind(
    reports: &dyn Reports,
    environment: EnvironmentId,
    question: &FunnelQuestion,
    number: &FunnelNumber,
) -> Vec<String> {
    gather(reports, environment, Behind::Funnel(question, number))
}

fn cohort_of(
    reports: &dyn Reports,
    environment: EnvironmentId,
    question: &RetentionQuestion,
    number: &RetentionNumber,
) -> Vec<String> {
    gather(reports, environment, Behind::Retention(question, number))
}

pub(super) fn gather(reports: &dyn Reports, environment: EnvironmentId, number: Behind<'_>) -> Vec<String> {
    let (mut people, mut after) = (Vec::new(), None);
    loop {
        let page = PeoplePage { pin: None, after: after.as_ref(), limit: 2 };
        let found = reports.people(environment, number, page, &Inquiry::default());
        let found = found.unwrap_or_else(|error| panic!("{error}"));
        people.extend(found.page.items);
        after = found.page.next;
        if after.is_none() {
            assert_eq!(found.total, people.len() as u64, "the total is that of all pages");
            break;
        }
    }
    people.sort();
    people
}

pub(super) fn counts(row: &FunnelRow) -> Vec<u64> {
    row.steps.iter().map(|step| step.count).collect()
}

pub(super) fn pattern(case: &str, what: &str) -> Pattern {
    Pattern::track(&format!("{case} {what}"))
}

/// An ordered funnel of a day, of users, over the ten days from day one on.
pub(super) fn question(case: &str, steps: &str) -> FunnelQuestion {
    FunnelQuestion {
        level: Level::User,
        steps: steps.split(' ').map(|step| pattern(case, step)).collect(),
        order: Order::Ordered,
        span: Span { from: DAY_ONE, until: DAY_ONE.plus(10 * DAY) },
        window: DAY,
        counting: Counting::Users,
        exclusions: Vec::new(),
        breakdown: None,
        groups_max: 10,
        who: Who::default(),
    }
}

fn steps_follow_one_another_within_the_window(subject: &Subject<'_>) {
    let story = "a: v@0 c@60 b@120; b: v@0 c@120; c: b@0 v@1; d: v@0 c@1441; e: v@0 c@1440";
    subject.tell("window", story);
    let answer = subject.funnel(&question("window", "v c b"));
    assert_eq!(counts(&answer.total), [5, 3, 1]);
    let hours = |hours: u64| hours * HOUR.cast_unsigned();
    let to_c = Spread { mean_us: hours(9), median_us: rounded(hours(2)), p90_us: rounded(hours(24)) };
    let to_b = Spread { mean_us: hours(2), median_us: rounded(hours(2)), p90_us: rounded(hours(2)) };
    let times: Vec<_> = answer.total.steps.iter().map(|step| step.time).collect();
    assert_eq!(times, [None, Some(to_c), Some(to_b)]);
    assert_eq!((answer.groups.len(), answer.other, answer.groups_left_out), (0, None, 0));
    // The attempt that came to c first began last: an hour before, not two.
    subject.tell("latest", "a: v@0 v@60 c@120 v@130 c@135");
    let answer = subject.funnel(&question("latest", "v c"));
    assert_eq!(answer.total.steps[1].time.map(|time| time.mean_us), Some(hours(1)));
}

fn at_one_time_the_position_decides_and_an_event_serves_one_step(subject: &Subject<'_>) {
    subject.tell("ties", "f: c@0 v@0; g: v@0 c@0; h: v@5");
    assert_eq!(subject.counts(&question("ties", "v c")), [3, 1]);
    assert_eq!(subject.counts(&question("ties", "v v")), [3, 0]);
    subject.tell("twice", "a: v@0 v@0 v@1; b: v@0");
    assert_eq!(subject.counts(&question("twice", "v v v")), [2, 1, 1]);
    assert_eq!(subject.counts(&question("twice", "v never")), [2, 0]);
}

fn an_attempt_begins_inside_the_span_and_may_end_behind_it(subject: &Subject<'_>) {
    subject.tell("span", "a: v@-1 c@1; b: v@59 c@60; c: v@60 c@61; d: v@0 c@1439");
    let span = Span { from: DAY_ONE, until: DAY_ONE.plus(HOUR) };
    let asked = FunnelQuestion { span, ..question("span", "v c") };
    assert_eq!(subject.counts(&asked), [2, 2]);
    assert_eq!(subject.counts(&FunnelQuestion { window: MINUTE, ..asked.clone() }), [2, 1]);
    let anyhow = FunnelQuestion { order: Order::Any, ..asked };
    assert_eq!(subject.counts(&anyhow), [3, 2], "a begins with c");
}

fn nothing_stands_between_strict_steps(subject: &Subject<'_>) {
    let story = "h: v@0 x@1 c@2; i: v@0 c@1; j: v@0 id@1 c@2; k: v@0 v@1 c@2; l: v@0 c@1 x@2 b@3";
    subject.tell("strict", story);
    let strict = FunnelQuestion { order: Order::Strict, ..question("strict", "v c b") };
    assert_eq!(subject.counts(&strict), [5, 4, 0]);
    assert_eq!(subject.counts(&question("strict", "v c b")), [5, 5, 1]);
}

fn steps_in_any_order_are_counted_by_how_many(subject: &Subject<'_>) {
    subject.tell("any", "k: c@0 v@1; l: c@0 c@1; m: b@0 v@1441 c@1442; n: b@0 c@1 v@2; o: x@0");
    let any = FunnelQuestion { order: Order::Any, ..question("any", "v c b") };
    assert_eq!(subject.counts(&any), [4, 3, 1]);
    let times: Vec<_> = subject.funnel(&any).total.steps.iter().map(|step| step.time).collect();
    let minutes = |minutes: u64| minutes * MINUTE.cast_unsigned();
    assert_eq!(times[1].map(|time| time.mean_us), Some(minutes(1)));
    assert_eq!(times[2].map(|time| time.median_us), Some(rounded(minutes(2))));
    let attempts = FunnelQuestion { counting: Counting::Attempts, ..any };
    // l's second c passes by; m begins anew when the day is over.
    assert_eq!(subject.counts(&attempts), [5, 3, 1]);
}

fn exclusions_end_attempts(subject: &Subject<'_>) {
    let story =
        "m: v@0 x@1 c@2; n: v@0 x@1 v@2 c@3; o: v@0 c@1 x@2 b@3; p: x@0 v@1 c@2 b@3; q: v@0 c@1 b@2 x@3";
    subject.tell("not", story);
    let excluding = |after, before| FunnelQuestion {
        exclusions: vec![Exclusion { pattern: pattern("not", "x"), after, before }],
        ..question("not", "v c b")
    };
    assert_eq!(subject.counts(&excluding(0, 1)), [5, 4, 3]);
    assert_eq!(subject.counts(&excluding(1, 2)), [5, 5, 2]);
    let attempts = FunnelQuestion { counting: Counting::Attempts, ..excluding(0, 2) };
    assert_eq!(subject.counts(&attempts), [6, 4, 2]);
    let any = FunnelQuestion { order: Order::Any, ..excluding(0, 2) };
    assert_eq!(subject.counts(&any), [5, 4, 2]);
}

fn attempts_are_counted_one_after_the_other(subject: &Subject<'_>) {
    subject.tell("again", "o: v@0 c@1 v@2 v@3 c@4 v@5; p: v@0 v@1440 c@1441 c@1442");
    let attempts = FunnelQuestion { counting: Counting::Attempts, ..question("again", "v c") };
    // p's first attempt is not over a day later to the minute, but a minute on it is; the c that ends it begins nothing.
    assert_eq!(subject.counts(&attempts), [4, 2]);
    let strict = FunnelQuestion { order: Order::Strict, ..attempts };
    assert_eq!(subject.counts(&strict), [6, 3]);
}

fn rows_and_other_add_up_to_the_total(subject: &Subject<'_>) {
    let story = "a: id@0=gold v@0=red c@1; b: id@0=gold v@0=blue v@1=red c@2; c: id@0=iron v@0=blue; \
                 d: v@0=green c@1; e: v@0";
    subject.tell("rows", story);
    let text = |text| Some(OwnedValue::of(Value::Text(text)));
    let by_color = FunnelQuestion {
        breakdown: Some(Breakdown::EventProperty("plan".into())),
        groups_max: 2,
        ..question("rows", "v c")
    };
    let answer = subject.funnel(&by_color);
    // b came to c by the attempt that began with red.
    let rows: Vec<_> = answer.groups.iter().map(|(group, row)| (group.clone(), counts(row))).collect();
    assert_eq!(rows, [(text("red"), vec![2, 2]), (text("blue"), vec![1, 0])]);
    assert_eq!((answer.other.as_ref().map(counts), answer.groups_left_out), (Some(vec![2, 1]), 2));
    assert_eq!(counts(&answer.total), [5, 3]);
    let by_plan = Some(Breakdown::UserProperty("plan".into()));
    let answer = subject.funnel(&FunnelQuestion { breakdown: by_plan, groups_max: 9, ..by_color.clone() });
    let rows: Vec<_> = answer.groups.iter().map(|(group, row)| (group.clone(), counts(row))).collect();
    assert_eq!(rows, [(text("gold"), vec![2, 2]), (None, vec![2, 1]), (text("iron"), vec![1, 0])]);
    assert_eq!((answer.other, answer.groups_left_out), (None, 0));
    let who = Who { properties: vec![PropertyIs::reading("plan", "gold")], ..Who::default() };
    assert_eq!(subject.counts(&FunnelQuestion { who, ..by_color.clone() }), [2, 2]);
    let mut red = by_color;
    red.steps[0].properties = vec![PropertyIs::reading("plan", "red")];
    assert_eq!(subject.counts(&red), [2, 2]);
    red.steps[0].which = Which::Kind(EventKind::Track);
    assert_eq!(subject.counts(&red), [2, 2]);
}

fn people_are_those_who_are_counted(subject: &Subject<'_>) {
    let story = "a: v@0=red c@1; b: v@0=red; c: v@0=blue; d: v@0=green c@1; e: v@0=red c@1 v@2=red c@3";
    subject.tell("people", story);
    let asked = FunnelQuestion {
        breakdown: Some(Breakdown::EventProperty("plan".into())),
        groups_max: 1,
        ..question("people", "v c")
    };
    let ask = |asked: &FunnelQuestion, step, stayed, row| {
        let number = FunnelNumber { step, stayed, row };
        behind(subject.reports, PRODUCTION, asked, &number)
    };
    let named = |who: &str| who.chars().map(|letter| format!("people {letter}")).collect::<Vec<_>>();
    let red = || Row::Group(Some(OwnedValue::of(Value::Text("red"))));
    assert_eq!(ask(&asked, 0, false, Row::All), named("abcde"));
    assert_eq!(ask(&asked, 1, false, Row::All), named("ade"));
    assert_eq!(ask(&asked, 0, true, Row::All), named("bc"));
    assert_eq!(ask(&asked, 1, false, red()), named("ae"));
    assert_eq!(ask(&asked, 1, false, Row::Other), named("d"));
    assert_eq!(ask(&asked, 0, true, Row::Other), named("c"));
    assert_eq!(ask(&asked, 0, false, Row::Group(None)), named(""), "a group without a row has nobody");
    let attempts = FunnelQuestion { counting: Counting::Attempts, ..asked };
    assert_eq!(ask(&attempts, 1, false, red()), named("ae"));
}

fn people_of_a_pin_are_those_of_its_answer(subject: &Subject<'_>) {
    subject.tell("pin", "a: id@0=gold v@0 c@1; b: id@0=iron v@0 c@1; d: id@0=gold v@0");
    let asked = FunnelQuestion {
        breakdown: Some(Breakdown::UserProperty("plan".into())),
        who: Who { properties: vec![PropertyIs::reading("plan", "gold")], ..Who::default() },
        ..question("pin", "v c")
    };
    let Pinned { answer, pin } = subject
        .reports
        .funnel(PRODUCTION, &asked, &Inquiry::default())
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(counts(&answer.total), [2, 1]);
    // a leaves the group, b joins it, d goes on, and c is new.
    subject.tell("pin", "a: id@2=iron; b: id@2=gold; d: c@3; c: id@0=gold v@0 c@1");
    let row = Row::Group(Some(OwnedValue::of(Value::Text("gold"))));
    let number = |step| FunnelNumber { step, stayed: false, row: row.clone() };
    let behind = |asked: &FunnelQuestion, step, pin| {
        let (number, page) = (number(step), PeoplePage { pin, after: None, limit: 10 });
        let number = Behind::Funnel(asked, &number);
        let found = subject.reports.people(PRODUCTION, number, page, &Inquiry::default())?;
        let mut ids = found.page.items;
        ids.sort();
        Ok(ids)
    };
    let named = |who: &str| Ok(who.chars().map(|letter| format!("pin {letter}")).collect::<Vec<_>>());
    assert_eq!((behind(&asked, 0, pin), behind(&asked, 1, pin)), (named("ad"), named("a")));
    assert_eq!((behind(&asked, 0, None), behind(&asked, 1, None)), (named("bcd"), named("bcd")));
    let everybody = FunnelQuestion { who: Who::default(), ..asked.clone() };
    assert_eq!(behind(&everybody, 0, pin), Err(StoreError::Unpinned), "it is of other people");
    assert_eq!(behind(&asked, 0, Some(Pin(u64::MAX))), Err(StoreError::Unpinned));
}

/// Cohorts of the four days from day one on, each followed as long as there are days.
pub(super) fn cohorts(case: &str, belong: Cohorts, returned: Returned) -> RetentionQuestion {
    let span = Span { from: DAY_ONE, until: DAY_ONE.plus(4 * DAY) };
    let intervals = Buckets::cut(span, Interval::Day, &jiff::tz::TimeZone::UTC);
    RetentionQuestion {
        level: Level::User,
        start: pattern(case, "s"),
        returning: pattern(case, "r"),
        intervals: intervals.unwrap_or_else(|_| Buckets::whole(span)),
        cohorts: 3,
        periods: 3,
        belong,
        returned,
        who: Who::default(),
    }
}

pub(super) fn cohort(size: u64, returned: &[u64]) -> Cohort {
    Cohort { size, returned: returned.to_vec() }
}

fn first_timers_return_in_the_intervals_behind_their_own(subject: &Subject<'_>) {
    let story = "a: s@0 r@1 r@1440 s@1500; b: r@5 s@10 r@2880; c: s@1440 r@1441 r@4320; d: s@-1 s@5 r@6; \
                 e: r@7; f: s@4319; g: s@4320 r@4321";
    subject.tell("first", story);
    let asked = cohorts("first", Cohorts::FirstTime, Returned::On);
    let expected = [cohort(2, &[2, 1, 1]), cohort(1, &[1, 0, 1]), cohort(1, &[0, 0])];
    assert_eq!(subject.retention(&asked), expected);
    let curve = RetentionAnswer { cohorts: expected.to_vec() }.curve();
    assert_eq!(
        curve.iter().map(|point| (point.size, point.returned)).collect::<Vec<_>>(),
        [(4, 3), (4, 1), (3, 2)]
    );
    let people =
        |cohort, period| cohort_of(subject.reports, PRODUCTION, &asked, &RetentionNumber { cohort, period });
    assert_eq!(people(0, None), ["first a", "first b"]);
    assert_eq!(people(0, Some(2)), ["first b"]);
    assert_eq!(people(1, Some(2)), ["first c"]);
    assert_eq!(people(2, Some(1)), Vec::<String>::new());
    let active = Pattern::of(Which::Active);
    subject.tell("active", "a: s@0 id@1440 s@2880");
    let asked =
        RetentionQuestion { returning: active, ..cohorts("active", Cohorts::FirstTime, Returned::On) };
    assert_eq!(subject.retention(&asked)[0], cohort(1, &[1, 0, 1]), "being identified is not coming back");
}

fn who_recurs_belongs_to_many_cohorts(subject: &Subject<'_>) {
    subject.tell("recurs", "a: s@-5 s@0 r@1440 s@1441 r@2880; b: s@1 s@2; c: s@2880 r@2881");
    let asked = cohorts("recurs", Cohorts::Recurring, Returned::On);
    let expected = [cohort(2, &[0, 1, 1]), cohort(1, &[1, 1, 0]), cohort(1, &[1, 0])];
    assert_eq!(subject.retention(&asked), expected);
    let number = RetentionNumber { cohort: 0, period: None };
    assert_eq!(cohort_of(subject.reports, PRODUCTION, &asked, &number), ["recurs a", "recurs b"]);
}

fn returns_are_on_or_after_or_without_bounds(subject: &Subject<'_>) {
    let story =
        "a: s@0 r@2880; b: s@0 r@4320; c: s@0 r@9000; d: s@0 r@-5; e: s@1440 r@5759; f: s@2880 r@2881";
    subject.tell("bounds", story);
    let ask = |returned| subject.retention(&cohorts("bounds", Cohorts::FirstTime, returned));
    let on = [cohort(4, &[0, 0, 1]), cohort(1, &[0, 0, 1]), cohort(1, &[1, 0])];
    assert_eq!(ask(Returned::On), on);
    let after = [cohort(4, &[1, 1, 1]), cohort(1, &[1, 1, 1]), cohort(1, &[1, 0])];
    assert_eq!(ask(Returned::OnOrAfter), after);
    let unbounded = [cohort(4, &[3, 3, 3]), cohort(1, &[1, 1, 1]), cohort(1, &[1, 0])];
    assert_eq!(ask(Returned::Unbounded), unbounded);
    let asked = cohorts("bounds", Cohorts::FirstTime, Returned::Unbounded);
    let number = RetentionNumber { cohort: 0, period: Some(1) };
    let people = cohort_of(subject.reports, PRODUCTION, &asked, &number);
    assert_eq!(people, ["bounds a", "bounds b", "bounds c"]);
}

fn paths_lead_from_name_to_name(subject: &Subject<'_>) {
    let story = "a: x@-1 s@0 s@1 id@2 x@3 x@4 y@5 z@6; b: s@0 x@1441; c: y@0 s@1 y@1440 x@1441; d: x@0; e: s@9 z@9 s@9";
    subject.tell("path", story);
    let asked = PathQuestion {
        level: Level::User,
        anchor: pattern("path", "s"),
        direction: Direction::From,
        span: Span { from: DAY_ONE, until: DAY_ONE.plus(DAY) },
        window: DAY,
        levels: 3,
        branches_max: 2,
        who: Who::default(),
    };
    let branch = |event: Option<&str>, users, ended, next: &[u64]| PathBranch {
        event: event.map(|event| EventName::track(&format!("path {event}"))),
        users,
        ended,
        next: next.to_vec(),
    };
    let ask = |asked: &PathQuestion| {
        assert_eq!(asked.check(), Ok(()));
        let answer = subject.reports.path(PRODUCTION, asked, &Inquiry::default());
        answer.unwrap_or_else(|error| panic!("{error}")).answer.levels
    };
    // a: s x y, b: s, c: s y x, e: s z s.
    let expected = vec![
        vec![branch(Some("s"), 4, 1, &[1, 1, 1])],
        vec![
            branch(Some("x"), 1, 0, &[0, 0, 1]),
            branch(Some("y"), 1, 0, &[0, 1, 0]),
            branch(None, 1, 0, &[1, 0, 0]),
        ],
        vec![branch(Some("s"), 1, 0, &[]), branch(Some("x"), 1, 0, &[]), branch(None, 1, 0, &[])],
    ];
    assert_eq!(ask(&asked), expected);
    // a: s x, b: s, c: s y, e: s z s.
    let back = PathQuestion { direction: Direction::To, branches_max: 9, ..asked };
    let expected = vec![
        vec![branch(Some("s"), 4, 1, &[1, 1, 1])],
        vec![branch(Some("x"), 1, 1, &[0]), branch(Some("y"), 1, 1, &[0]), branch(Some("z"), 1, 0, &[1])],
        vec![branch(Some("s"), 1, 0, &[])],
    ];
    assert_eq!(ask(&back), expected);
}

fn nothing_crosses_environments_and_what_is_stopped_ends(subject: &Subject<'_>) {
    let funnel = question("window", "v c b");
    let retention = cohorts("first", Cohorts::FirstTime, Returned::On);
    let number = FunnelNumber { step: 0, stayed: false, row: Row::All };
    let elsewhere = EnvironmentId(2);
    let ask = |environment, inquiry: &Inquiry| {
        let funnel =
            subject.reports.funnel(environment, &funnel, inquiry).map(|found| counts(&found.answer.total));
        let cohorts = subject.reports.retention(environment, &retention, inquiry);
        (funnel, cohorts.map(|found| found.answer.cohorts[0].size))
    };
    assert_eq!(ask(elsewhere, &Inquiry::default()), (Ok(vec![0, 0, 0]), Ok(0)));
    let missing = EnvironmentId(99);
    let nowhere = Err(StoreError::NoEnvironment);
    assert_eq!(ask(missing, &Inquiry::default()), (nowhere, Err(StoreError::NoEnvironment)));
    let inquiry = Inquiry::default();
    inquiry.stop();
    assert_eq!(ask(PRODUCTION, &inquiry), (Err(StoreError::Stopped), Err(StoreError::Stopped)));
    let page = PeoplePage { pin: None, after: None, limit: 10 };
    let number = Behind::Funnel(&funnel, &number);
    let people = subject.reports.people(elsewhere, number, page, &Inquiry::default());
    assert_eq!(people.map(|people| people.total), Ok(0));
}
