//! What `Reports` promises of users' properties as they were when events happened, by cases whose answers were worked out by
//! hand.

use muster_kernel::model::calendar::{Buckets, Interval, Span};
use muster_kernel::model::history::{Breakdown, PropertyIs};
use muster_kernel::model::limits::REPORT_CONDITIONS_MAX;
use muster_kernel::model::report::funnel::{Counting, FunnelNumber, FunnelQuestion};
use muster_kernel::model::report::path::{Direction, PathBranch, PathNumber, PathQuestion};
use muster_kernel::model::report::retention::{Cohorts, RetentionNumber, RetentionQuestion, Returned};
use muster_kernel::model::report::trend::{TrendMeasure, TrendNumber, TrendQuestion, TrendSeries};
use muster_kernel::model::report::{Behind, Level, Pattern, Pin, Row, Unaskable, Who};
use muster_kernel::model::time::MINUTE;
use muster_kernel::model::value::{OwnedValue, Value};
use muster_kernel::ports::{EventLog, Inquiry, PeoplePage, Reports};

use super::reports::{DAY, Subject, cohort, cohorts, counts, gather, pattern, question};
use super::store;
use crate::builders::{PRODUCTION, identify};
use crate::clock::DAY_ONE;

/// Runs every promise.
pub fn reports_of_then_keep_their_promises(log: &dyn EventLog, reports: &dyn Reports, settle: &dyn Fn()) {
    let subject = Subject { log, reports, settle };
    an_attempt_stands_in_the_row_of_its_first_event(&subject);
    a_step_asks_for_the_value_of_its_own_event(&subject);
    events_are_counted_by_what_their_users_were(&subject);
    cohorts_and_paths_begin_with_who_was_something_then(&subject);
    people_of_a_pin_were_what_they_were(&subject);
    companies_are_asked_by_what_their_users_were(&subject);
}

/// c was pro from the very time of their visit on, and d's plan came in behind it; e has none any more, and b not yet.
const STORY: &str = "a: id@0=free v@1 id@2=pro v@3 c@4; b: v@0 id@1=free c@2; c: v@0 id@0=pro; d: v@5 id@9=free id@4=pro; \
                     e: id@0=pro v@2";

fn tell(subject: &Subject<'_>, case: &str) {
    subject.tell(case, STORY);
    let mut removal = identify(&format!("{case} e"), &[("plan", Value::Null)]);
    removal.occurred_at = Some(DAY_ONE.plus(MINUTE));
    store(subject.log, PRODUCTION, &removal);
}

fn then() -> Option<Breakdown> {
    Some(Breakdown::UserPropertyThen("plan".into()))
}

fn plan(text: &str) -> Option<OwnedValue> {
    Some(OwnedValue::of(Value::Text(text)))
}

fn was(case: &str, what: &str, plan: &str) -> Pattern {
    Pattern { user_then: vec![PropertyIs::reading("plan", plan)], ..pattern(case, what) }
}

fn named(case: &str, who: &str) -> Vec<String> {
    who.chars().map(|letter| format!("{case} {letter}")).collect()
}

fn rows(subject: &Subject<'_>, question: &FunnelQuestion) -> Vec<(Option<OwnedValue>, Vec<u64>)> {
    let groups = subject.funnel(question).groups;
    groups.into_iter().map(|(group, row)| (group, counts(&row))).collect()
}

fn an_attempt_stands_in_the_row_of_its_first_event(subject: &Subject<'_>) {
    tell(subject, "was");
    let asked = FunnelQuestion { breakdown: then(), ..question("was", "v c") };
    // Of a's attempts the one that began as pro came to c.
    assert_eq!(rows(subject, &asked), [(plan("pro"), vec![3, 1]), (None, vec![2, 1])]);
    let attempts = FunnelQuestion { counting: Counting::Attempts, ..asked.clone() };
    let expected = [(plan("pro"), vec![2, 0]), (None, vec![2, 1]), (plan("free"), vec![1, 1])];
    assert_eq!(rows(subject, &attempts), expected, "a's one attempt begins as free");
    let now = Some(Breakdown::UserProperty("plan".into()));
    let expected = [(plan("free"), vec![2, 1]), (plan("pro"), vec![2, 1]), (None, vec![1, 0])];
    assert_eq!(rows(subject, &FunnelQuestion { breakdown: now, ..asked.clone() }), expected);
    let people = |group, step| {
        let number = FunnelNumber { step, stayed: false, row: Row::Group(group) };
        gather(subject.reports, PRODUCTION, Behind::Funnel(&asked, &number))
    };
    assert_eq!(people(plan("pro"), 0), named("was", "acd"));
    assert_eq!(people(plan("pro"), 1), named("was", "a"));
    assert_eq!(people(None, 0), named("was", "be"));
}

fn a_step_asks_for_the_value_of_its_own_event(subject: &Subject<'_>) {
    tell(subject, "step");
    let asked = |first: &str, last: &str| FunnelQuestion {
        steps: vec![was("step", "v", first), was("step", "c", last)],
        ..question("step", "v c")
    };
    assert_eq!(subject.counts(&asked("free", "pro")), [1, 1], "a, who changed between");
    assert_eq!(subject.counts(&asked("pro", "pro")), [3, 1]);
    assert_eq!(subject.counts(&asked("pro", "free")), [3, 0]);
    let mut narrow = asked("pro", "pro");
    narrow.steps[0].user_then.push(PropertyIs::reading("never", "1"));
    assert_eq!(subject.counts(&narrow), [0, 0], "all conditions must hold");
    let one = narrow.steps[0].user_then[0].clone();
    narrow.steps[0].properties = vec![one.clone(); REPORT_CONDITIONS_MAX - 2];
    assert_eq!(narrow.check(), Ok(()));
    narrow.steps[0].properties.push(one);
    assert_eq!(narrow.check(), Err(Unaskable::Conditions), "both kinds stand at one place");
}

fn events_are_counted_by_what_their_users_were(subject: &Subject<'_>) {
    tell(subject, "pulse then");
    let span = Span { from: DAY_ONE, until: DAY_ONE.plus(DAY) };
    let series = |pattern, measure| TrendSeries { pattern, measure };
    let asked = TrendQuestion {
        level: Level::User,
        series: vec![
            series(pattern("pulse then", "v"), TrendMeasure::Total),
            series(pattern("pulse then", "v"), TrendMeasure::UniqueUsers),
            series(was("pulse then", "v", "pro"), TrendMeasure::UniqueUsers),
        ],
        buckets: Buckets::cut(span, Interval::Day, &jiff::tz::TimeZone::UTC)
            .unwrap_or_else(|_| Buckets::whole(span)),
        previous: None,
        breakdown: then(),
        groups_max: 2,
        who: Who::default(),
    };
    assert_eq!(asked.check(), Ok(()));
    let answer = subject.reports.trend(PRODUCTION, &asked, &Inquiry::default());
    let lines = answer.unwrap_or_else(|error| panic!("{error}")).answer.lines;
    let told = |line: usize| -> (Option<f64>, Vec<_>, Option<f64>) {
        let line = &lines[line];
        let groups = line.groups.iter().map(|(group, row)| (group.clone(), row.whole)).collect();
        (line.total.whole, groups, line.other.as_ref().and_then(|row| row.whole))
    };
    let two = vec![(plan("pro"), Some(3.0)), (None, Some(2.0))];
    assert_eq!(told(0), (Some(6.0), two.clone(), Some(1.0)));
    assert_eq!(told(1), (Some(5.0), two, Some(1.0)), "a is in two rows");
    assert_eq!(told(2), (Some(3.0), vec![(plan("pro"), Some(3.0))], None));
    let people = |series, row| {
        let number = TrendNumber { series, interval: Some(0), row };
        gather(subject.reports, PRODUCTION, Behind::Trend(&asked, &number))
    };
    assert_eq!(people(1, Row::Group(plan("pro"))), named("pulse then", "acd"));
    assert_eq!(people(1, Row::Other), named("pulse then", "a"));
    assert_eq!(people(2, Row::All), named("pulse then", "acd"));
}

fn cohorts_and_paths_begin_with_who_was_something_then(subject: &Subject<'_>) {
    tell(subject, "came");
    let asked = RetentionQuestion {
        start: was("came", "v", "pro"),
        returning: pattern("came", "c"),
        ..cohorts("came", Cohorts::FirstTime, Returned::On)
    };
    assert_eq!(subject.retention(&asked)[0], cohort(3, &[1, 0, 0]));
    let number = RetentionNumber { cohort: 0, period: None };
    let people = gather(subject.reports, PRODUCTION, Behind::Retention(&asked, &number));
    assert_eq!(people, named("came", "acd"));
    let back = RetentionQuestion { returning: was("came", "c", "free"), ..asked };
    assert_eq!(subject.retention(&back)[0], cohort(3, &[0, 0, 0]), "a came back as pro");

    let asked = PathQuestion {
        level: Level::User,
        anchor: was("came", "v", "free"),
        direction: Direction::From,
        span: Span { from: DAY_ONE, until: DAY_ONE.plus(DAY) },
        window: DAY,
        levels: 3,
        branches_max: 2,
        who: Who::default(),
    };
    assert_eq!(asked.check(), Ok(()));
    let answer = subject.reports.path(PRODUCTION, &asked, &Inquiry::default());
    let branch = |what: &str, ended, next: &[u64]| PathBranch {
        event: Some(muster_kernel::model::history::EventName::track(&format!("came {what}"))),
        users: 1,
        ended,
        next: next.to_vec(),
    };
    let levels = answer.unwrap_or_else(|error| panic!("{error}")).answer.levels;
    assert_eq!(levels, [vec![branch("v", 0, &[1])], vec![branch("c", 1, &[])]]);
    let number = PathNumber { level: 0, branch: 0 };
    let people = gather(subject.reports, PRODUCTION, Behind::Path(&asked, &number));
    assert_eq!(people, named("came", "a"));
}

fn people_of_a_pin_were_what_they_were(subject: &Subject<'_>) {
    tell(subject, "held");
    let asked = FunnelQuestion { breakdown: then(), ..question("held", "v c") };
    let answer = subject.reports.funnel(PRODUCTION, &asked, &Inquiry::default());
    let pin = answer.unwrap_or_else(|error| panic!("{error}")).pin;
    // What comes in later is about earlier: d was another one.
    subject.tell("held", "d: id@5=gold; f: id@0=pro v@1");
    let behind = |pin: Option<Pin>| {
        let number = FunnelNumber { step: 0, stayed: false, row: Row::Group(plan("pro")) };
        let page = PeoplePage { pin, after: None, limit: 10 };
        let found =
            subject.reports.people(PRODUCTION, Behind::Funnel(&asked, &number), page, &Inquiry::default());
        let mut ids = found.unwrap_or_else(|error| panic!("{error}")).page.items;
        ids.sort();
        ids
    };
    assert_eq!(behind(pin), named("held", "acd"));
    assert_eq!(behind(None), named("held", "acf"));
    assert_eq!(behind(pin), named("held", "acd"), "also when the newer state was asked meanwhile");
}

fn companies_are_asked_by_what_their_users_were(subject: &Subject<'_>) {
    let story = "ann: id@0=pro/acme v@1 id@2=free v@3; bob: id@0=free/globex v@1 id@2=pro";
    subject.tell("firm then", story);
    let asked = FunnelQuestion { level: Level::Company, ..question("firm then", "v v") };
    let by_user = FunnelQuestion { breakdown: then(), ..asked.clone() };
    assert_eq!(by_user.check(), Err(Unaskable::Level), "a company has no user's properties");
    let steps = vec![was("firm then", "v", "pro"), was("firm then", "v", "free")];
    let asked = FunnelQuestion { steps, ..asked };
    assert_eq!(subject.counts(&asked), [1, 1]);
    let number = FunnelNumber { step: 1, stayed: false, row: Row::All };
    let people = gather(subject.reports, PRODUCTION, Behind::Funnel(&asked, &number));
    assert_eq!(people, ["firm then acme"]);
}
