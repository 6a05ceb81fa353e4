//! What `Reports` promises of questions about companies, by cases whose answers were worked out by hand.

use std::sync::Arc;

use jiff::tz::TimeZone;
use muster_kernel::model::calendar::{Buckets, Interval, Span};
use muster_kernel::model::event::EventKind;
use muster_kernel::model::history::{Breakdown, EventName, PropertyIs};
use muster_kernel::model::report::funnel::{Counting, FunnelNumber, FunnelQuestion, Order};
use muster_kernel::model::report::path::{Direction, PathBranch, PathNumber, PathQuestion};
use muster_kernel::model::report::retention::{Cohorts, RetentionNumber, RetentionQuestion, Returned};
use muster_kernel::model::report::trend::{TrendMeasure, TrendNumber, TrendQuestion, TrendSeries};
use muster_kernel::model::report::{Behind, Level, Pattern, Pin, Pinned, Row, Unaskable, Which, Who};
use muster_kernel::model::segment::question::SegmentQuestion;
use muster_kernel::model::segment::{Moment, Rule};
use muster_kernel::model::time::MINUTE;
use muster_kernel::model::value::{OwnedValue, Value};
use muster_kernel::ports::{EventLog, Inquiry, PeoplePage, Reports, StoreError};

use super::reports::{DAY, Subject, cohort, cohorts, counts, gather, pattern, question};
use crate::builders::PRODUCTION;
use crate::clock::DAY_ONE;

/// Runs every promise.
pub fn reports_of_companies_keep_their_promises(
    log: &dyn EventLog,
    reports: &dyn Reports,
    settle: &dyn Fn(),
) {
    let subject = Subject { log, reports, settle };
    a_company_goes_through_steps_by_what_all_its_users_do(&subject);
    an_event_is_of_the_company_that_it_names_or_else_of_its_users(&subject);
    what_is_about_a_company_alone_is_an_event_of_it(&subject);
    companies_take_part_and_are_told_apart_by_what_they_are(&subject);
    a_company_comes_back_when_one_of_its_users_does(&subject);
    a_company_has_one_path(&subject);
    companies_are_counted_by_intervals(&subject);
    companies_of_a_pin_are_those_of_its_answer(&subject);
}

fn of_companies(case: &str, steps: &str) -> FunnelQuestion {
    FunnelQuestion { level: Level::Company, ..question(case, steps) }
}

fn named(case: &str, firms: &[&str]) -> Vec<String> {
    firms.iter().map(|firm| format!("{case} {firm}")).collect()
}

fn at(step: usize, stayed: bool) -> FunnelNumber {
    FunnelNumber { step, stayed, row: Row::All }
}

fn a_company_goes_through_steps_by_what_all_its_users_do(subject: &Subject<'_>) {
    let story =
        "ann: id@0/acme v@0; bob: id@0/acme c@60; cid: id@0/globex v@5 c@4; dee: v@0 c@1; eve: v@10/acme";
    subject.tell("co", story);
    let asked = of_companies("co", "v c");
    let answer = subject.funnel(&asked);
    assert_eq!(counts(&answer.total), [2, 1], "dee belongs to none");
    // Of acme's attempts that came to c, eve's visit began the last.
    let time = answer.total.steps[1].time.map(|time| time.mean_us);
    assert_eq!(time, Some((50 * MINUTE).cast_unsigned()));
    let people = |number: &FunnelNumber| gather(subject.reports, PRODUCTION, Behind::Funnel(&asked, number));
    assert_eq!(people(&at(0, false)), named("co", &["acme", "globex"]));
    assert_eq!(people(&at(1, false)), named("co", &["acme"]));
    assert_eq!(people(&at(0, true)), named("co", &["globex"]));
    assert_eq!(subject.counts(&question("co", "v c")), [4, 1], "users go alone");
    let attempts = FunnelQuestion { counting: Counting::Attempts, ..asked.clone() };
    assert_eq!(subject.counts(&attempts), [2, 1], "eve's visit falls into the attempt that ann began");
    let strict = FunnelQuestion { order: Order::Strict, ..asked.clone() };
    assert_eq!(subject.counts(&strict), [2, 1]);
    assert_eq!(subject.counts(&FunnelQuestion { order: Order::Any, ..asked }), [2, 2]);
}

fn an_event_is_of_the_company_that_it_names_or_else_of_its_users(subject: &Subject<'_>) {
    subject.tell("moved", "ann: v@0/acme c@1 v@2/globex");
    // v is acme's, c and the second v are of globex, where ann belongs now.
    assert_eq!(subject.counts(&of_companies("moved", "v c")), [2, 0]);
    assert_eq!(subject.counts(&of_companies("moved", "c v")), [1, 1]);
    subject.tell("moved", "ann: id@9/hooli");
    assert_eq!(subject.counts(&of_companies("moved", "v c")), [2, 0]);
    assert_eq!(subject.counts(&of_companies("moved", "c v")), [1, 0], "what names none goes along");
}

fn what_is_about_a_company_alone_is_an_event_of_it(subject: &Subject<'_>) {
    subject.tell("born", "x: firm@0=born/acme firm@0=born/globex; ann: id@1/acme v@2");
    let born = Pattern {
        properties: vec![PropertyIs::reading("plan", "born")],
        ..Pattern::of(Which::Kind(EventKind::IdentifyCompany))
    };
    let asked = FunnelQuestion { steps: vec![born, pattern("born", "v")], ..of_companies("born", "v v") };
    assert_eq!(subject.counts(&asked), [2, 1]);
    assert_eq!(subject.counts(&FunnelQuestion { level: Level::User, ..asked }), [0, 0]);
}

fn companies_take_part_and_are_told_apart_by_what_they_are(subject: &Subject<'_>) {
    let story = "x: firm@0=gold/acme firm@0=gold/globex firm@0=iron/hooli; ann: id@0=iron/acme v@0=red c@1; \
                 bob: id@0/globex v@0=blue; cid: id@0/hooli v@0=red c@2; dee: id@0/umbra v@3";
    subject.tell("firms", story);
    let text = |text| Some(OwnedValue::of(Value::Text(text)));
    let rows = |breakdown| {
        let asked = FunnelQuestion { breakdown: Some(breakdown), ..of_companies("firms", "v c") };
        let answer = subject.funnel(&asked);
        assert_eq!((counts(&answer.total), answer.groups_left_out), (vec![4, 2], 0));
        answer.groups.into_iter().map(|(group, row)| (group, counts(&row))).collect::<Vec<_>>()
    };
    let by_plan = rows(Breakdown::CompanyProperty("plan".into()));
    assert_eq!(by_plan, [(text("gold"), vec![2, 1]), (text("iron"), vec![1, 1]), (None, vec![1, 0])]);
    let by_color = rows(Breakdown::EventProperty("plan".into()));
    assert_eq!(by_color, [(text("red"), vec![2, 2]), (text("blue"), vec![1, 0]), (None, vec![1, 0])]);
    let one = FunnelQuestion {
        breakdown: Some(Breakdown::CompanyProperty("plan".into())),
        groups_max: 1,
        ..of_companies("firms", "v c")
    };
    let other = FunnelNumber { step: 0, stayed: false, row: Row::Other };
    let people = gather(subject.reports, PRODUCTION, Behind::Funnel(&one, &other));
    assert_eq!(people, named("firms", &["hooli", "umbra"]));

    let gold = Who { properties: vec![PropertyIs::reading("plan", "gold")], ..Who::default() };
    assert_eq!(subject.counts(&FunnelQuestion { who: gold, ..of_companies("firms", "v c") }), [2, 1]);
    let rule = Rule::parse("company.plan is \"iron\" and did \"firms v\"");
    let segment = SegmentQuestion {
        level: Level::Company,
        rule: rule.unwrap_or_else(|fault| panic!("{fault}")),
        moment: Moment { now: DAY_ONE.plus(DAY), zone: TimeZone::UTC },
        looks_back: false,
        segments: Arc::default(),
    };
    let iron = Who { segment: Some(segment), ..Who::default() };
    let asked = FunnelQuestion { who: iron, ..of_companies("firms", "v c") };
    assert_eq!(subject.counts(&asked), [1, 1]);
    assert_eq!(FunnelQuestion { level: Level::User, ..asked.clone() }.check(), Err(Unaskable::Level));
    let by_user = Some(Breakdown::UserProperty("plan".into()));
    assert_eq!(FunnelQuestion { breakdown: by_user, ..asked }.check(), Err(Unaskable::Level));
}

fn a_company_comes_back_when_one_of_its_users_does(subject: &Subject<'_>) {
    let story = "ann: id@-9/acme s@0; bob: id@-9/acme r@1440 s@2880; cid: id@-9/globex s@1440 r@1441; \
                 dee: s@0 r@1440";
    subject.tell("back", story);
    let ask = |belong| RetentionQuestion { level: Level::Company, ..cohorts("back", belong, Returned::On) };
    let first = ask(Cohorts::FirstTime);
    let expected = [cohort(1, &[0, 1, 0]), cohort(1, &[1, 0, 0]), cohort(0, &[0, 0])];
    assert_eq!(subject.retention(&first), expected);
    let recurring = [cohort(1, &[0, 1, 0]), cohort(1, &[1, 0, 0]), cohort(1, &[0, 0])];
    assert_eq!(subject.retention(&ask(Cohorts::Recurring)), recurring);
    let number = RetentionNumber { cohort: 0, period: Some(1) };
    let people = gather(subject.reports, PRODUCTION, Behind::Retention(&first, &number));
    assert_eq!(people, named("back", &["acme"]));
}

fn a_company_has_one_path(subject: &Subject<'_>) {
    let story =
        "ann: id@-1/acme s@0 y@3 s@4; bob: id@-1/acme x@1 x@2; cid: id@-1/globex s@0 x@5; dee: s@0 z@1";
    subject.tell("way", story);
    let asked = PathQuestion {
        level: Level::Company,
        anchor: pattern("way", "s"),
        direction: Direction::From,
        span: Span { from: DAY_ONE, until: DAY_ONE.plus(DAY) },
        window: 3 * MINUTE,
        levels: 4,
        branches_max: 9,
        who: Who::default(),
    };
    let branch = |event: &str, users, ended, next: &[u64]| PathBranch {
        event: Some(EventName::track(&format!("way {event}"))),
        users,
        ended,
        next: next.to_vec(),
    };
    let ask = |asked: &PathQuestion| {
        assert_eq!(asked.check(), Ok(()));
        let answer = subject.reports.path(PRODUCTION, asked, &Inquiry::default());
        answer.unwrap_or_else(|error| panic!("{error}")).answer.levels
    };
    // acme: s x y, and nothing more within three minutes; globex: s.
    let expected =
        [vec![branch("s", 2, 1, &[1])], vec![branch("x", 1, 0, &[1])], vec![branch("y", 1, 1, &[])]];
    assert_eq!(ask(&asked), expected);
    let number = PathNumber { level: 1, branch: 0 };
    let people = gather(subject.reports, PRODUCTION, Behind::Path(&asked, &number));
    assert_eq!(people, named("way", &["acme"]));
    // acme: s y x; globex: s.
    let back = PathQuestion { direction: Direction::To, ..asked };
    let expected =
        [vec![branch("s", 2, 1, &[1])], vec![branch("y", 1, 0, &[1])], vec![branch("x", 1, 1, &[])]];
    assert_eq!(ask(&back), expected);
}

fn companies_are_counted_by_intervals(subject: &Subject<'_>) {
    let story = "ann: id@-9/acme v@0 v@1; bob: id@-9/acme v@1440; cid: id@-9/globex v@1441; dee: v@0; \
                 x: firm@0=gold/acme";
    subject.tell("pulse", story);
    let span = Span { from: DAY_ONE, until: DAY_ONE.plus(3 * DAY) };
    let buckets = Buckets::cut(span, Interval::Day, &TimeZone::UTC).unwrap_or_else(|_| Buckets::whole(span));
    let spans = buckets.trailing(2, &TimeZone::UTC).unwrap_or_default();
    let trailing = TrendMeasure::Trailing { spans, previous: Vec::new() };
    use TrendMeasure::{PerUser, Total, UniqueCompanies, UniqueUsers};
    let series = [Total, UniqueUsers, PerUser, trailing, UniqueCompanies]
        .map(|measure| TrendSeries { pattern: pattern("pulse", "v"), measure });
    let asked = TrendQuestion {
        level: Level::Company,
        series: series.into(),
        buckets,
        previous: None,
        breakdown: Some(Breakdown::CompanyProperty("plan".into())),
        groups_max: 9,
        who: Who::default(),
    };
    assert_eq!(asked.check(), Ok(()));
    let answer = subject.reports.trend(PRODUCTION, &asked, &Inquiry::default());
    let lines = answer.unwrap_or_else(|error| panic!("{error}")).answer.lines;
    let told: Vec<_> = lines.iter().map(|line| (line.total.values.clone(), line.total.whole)).collect();
    let row = |values: [f64; 3], whole: f64| (values.map(Some).to_vec(), Some(whole));
    let per_company = (vec![Some(2.0), Some(1.0), None], Some(2.0));
    let expected = [
        row([2.0, 2.0, 0.0], 4.0),
        row([1.0, 2.0, 0.0], 2.0),
        per_company,
        row([1.0, 2.0, 2.0], 2.0),
        row([0.0, 0.0, 0.0], 0.0),
    ];
    assert_eq!(told, expected, "dee belongs to none, and no event names one");
    let gold = Some(OwnedValue::of(Value::Text("gold")));
    let rows: Vec<_> = lines[1].groups.iter().map(|(group, row)| (group.clone(), row.whole)).collect();
    assert_eq!(rows, [(gold.clone(), Some(1.0)), (None, Some(1.0))]);
    let people = |series, interval, row| {
        let number = TrendNumber { series, interval, row };
        gather(subject.reports, PRODUCTION, Behind::Trend(&asked, &number))
    };
    assert_eq!(people(3, Some(2), Row::All), named("pulse", &["acme", "globex"]));
    assert_eq!(people(1, Some(0), Row::All), named("pulse", &["acme"]));
    assert_eq!(people(1, None, Row::Group(gold)), named("pulse", &["acme"]));
}

fn companies_of_a_pin_are_those_of_its_answer(subject: &Subject<'_>) {
    subject.tell("hold", "ann: id@0/acme v@0; bob: id@0/globex v@0 c@1");
    let asked = of_companies("hold", "v c");
    let Pinned { answer, pin } = subject
        .reports
        .funnel(PRODUCTION, &asked, &Inquiry::default())
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(counts(&answer.total), [2, 1]);
    subject.tell("hold", "ann: id@5/globex; bob: id@5/hooli; cid: id@5/hooli v@6");
    let behind = |asked: &FunnelQuestion, pin: Option<Pin>| {
        let (number, page) = (at(0, false), PeoplePage { pin, after: None, limit: 10 });
        let number = Behind::Funnel(asked, &number);
        let mut ids = subject.reports.people(PRODUCTION, number, page, &Inquiry::default())?.page.items;
        ids.sort();
        Ok(ids)
    };
    assert_eq!(behind(&asked, pin), Ok(named("hold", &["acme", "globex"])));
    assert_eq!(behind(&asked, None), Ok(named("hold", &["globex", "hooli"])));
    let of_users = FunnelQuestion { level: Level::User, ..asked };
    assert_eq!(behind(&of_users, pin), Err(StoreError::Unpinned), "it is of companies");
}
