//! How long reports take, printed for a person: nothing here asserts a time.
//!
//! `HISTORY_EVENTS` says how many events (2,000,000 at first). With `HISTORY_DIRECTORY` the data is kept there, and found again
//! by the next run.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::tz::TimeZone;
use muster_kernel::model::batch::EventBatch;
use muster_kernel::model::calendar::{Buckets, Interval, Span};
use muster_kernel::model::history::{Breakdown, PropertyIs};
use muster_kernel::model::report::funnel::{Counting, FunnelNumber, FunnelQuestion, Order};
use muster_kernel::model::report::path::{Direction, PathQuestion};
use muster_kernel::model::report::retention::{Cohorts, RetentionNumber, RetentionQuestion, Returned};
use muster_kernel::model::report::trend::{TrendMeasure, TrendQuestion, TrendSeries};
use muster_kernel::model::report::{Behind, Level, Pattern, Row, Which, Who};
use muster_kernel::model::value::Value;
use muster_kernel::ports::{EventLog, Inquiry, PeoplePage, Reports};
use muster_local::disk::RealDisk;
use muster_local::{Engine, Options};
use muster_testkit::block_on::block_on;
use muster_testkit::builders::{PRODUCTION, identify};
use muster_testkit::clock::DAY_ONE;

use crate::history_figures::{fill, timed};
use crate::stand::{add_environments, open};

const DAY: i64 = 86_400_000_000;

fn funnel(steps: &[usize]) -> FunnelQuestion {
    FunnelQuestion {
        level: Level::User,
        steps: steps.iter().map(|step| Pattern::track(&format!("event {step}"))).collect(),
        order: Order::Ordered,
        span: Span { from: DAY_ONE, until: DAY_ONE.plus(180 * DAY) },
        window: 7 * DAY,
        counting: Counting::Users,
        exclusions: Vec::new(),
        breakdown: None,
        groups_max: 20,
        who: Who::default(),
    }
}

fn retention(returning: Pattern, belong: Cohorts) -> RetentionQuestion {
    let span = Span { from: DAY_ONE, until: DAY_ONE.plus(23 * 7 * DAY) };
    RetentionQuestion {
        level: Level::User,
        start: Pattern::track("event 0"),
        returning,
        intervals: Buckets::cut(span, Interval::Week, &TimeZone::UTC).unwrap(),
        cohorts: 12,
        periods: 12,
        belong,
        returned: Returned::On,
        who: Who::default(),
    }
}

fn trend(measure: TrendMeasure, breakdown: Option<Breakdown>) -> TrendQuestion {
    let span = Span { from: DAY_ONE, until: DAY_ONE.plus(180 * DAY) };
    TrendQuestion {
        level: Level::User,
        series: vec![TrendSeries { pattern: Pattern::track("event 3"), measure }],
        buckets: Buckets::cut(span, Interval::Day, &TimeZone::UTC).unwrap(),
        previous: None,
        breakdown,
        groups_max: 20,
        who: Who::default(),
    }
}

fn path(direction: Direction) -> PathQuestion {
    PathQuestion {
        level: Level::User,
        anchor: Pattern::track("event 5"),
        direction,
        span: Span { from: DAY_ONE, until: DAY_ONE.plus(180 * DAY) },
        window: 7 * DAY,
        levels: 10,
        branches_max: 10,
        who: Who::default(),
    }
}

/// Identifies every user three more times, each with the plan of some time.
fn tell_plans(engine: &Engine, users: u64) {
    let mut batch = EventBatch::default();
    for n in 0..3 * users {
        // Steps that share nothing with what they are taken modulo: all users, all times.
        let (user, second) = (n * 7_919 % users, n * 104_729 % (180 * 86_400));
        let plan = ["free", "trial", "pro", "team"][usize::try_from(n * 31 % 1_009 % 4).unwrap()];
        let mut draft = identify(&format!("user_{user:07}"), &[("plan", Value::Text(plan))]);
        draft.occurred_at = Some(DAY_ONE.plus(second.cast_signed() * 1_000_000));
        batch.push(&draft);
        if batch.len() == 4_096 || n + 1 == 3 * users {
            block_on(engine.append_many(PRODUCTION, &batch)).unwrap();
            batch.clear();
        }
    }
}

#[expect(clippy::too_many_lines, reason = "a list of questions, one after the other")]
fn ask(engine: &Engine, threads: usize) {
    println!("{threads} threads");
    let inquiry = Inquiry::default();
    let funnels = |what: &str, question: &FunnelQuestion| {
        let answer = timed(what, || engine.funnel(PRODUCTION, question, &inquiry).unwrap().answer);
        println!("    {:?}", answer.total.steps.iter().map(|step| step.count).collect::<Vec<_>>());
    };
    let three = funnel(&[0, 1, 2]);
    funnels("funnel, 3 steps", &three);
    funnels("funnel, 10 steps", &funnel(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]));
    funnels("funnel, 3 rare steps", &funnel(&[25, 30, 35]));
    let by = |breakdown| FunnelQuestion { breakdown: Some(breakdown), ..three.clone() };
    funnels("funnel, by an event property", &by(Breakdown::EventProperty("platform".into())));
    funnels("funnel, by 2000 values", &by(Breakdown::EventProperty("url".into())));
    funnels("funnel, by a user property", &by(Breakdown::UserProperty("country".into())));
    // Told once of each user, and three times at any time.
    for name in ["country", "plan"] {
        let then = by(Breakdown::UserPropertyThen(name.into()));
        funnels(&format!("funnel, by what a user's {name} was then"), &then);
    }
    let mut pro = three.clone();
    pro.steps[0].user_then = vec![PropertyIs::reading("plan", "pro")];
    funnels("funnel, with a condition on what users were", &pro);
    let mut web = three.clone();
    web.steps[0].properties = vec![PropertyIs::reading("platform", "web")];
    funnels("funnel, with a condition", &web);
    funnels("funnel, attempts", &FunnelQuestion { counting: Counting::Attempts, ..three.clone() });
    funnels("funnel, any order", &FunnelQuestion { order: Order::Any, ..three.clone() });
    funnels("funnel, strict order", &FunnelQuestion { order: Order::Strict, ..three.clone() });
    let germans = Who { segment: None, properties: vec![PropertyIs::reading("country", "DE")] };
    funnels("funnel, of a tenth of the users", &FunnelQuestion { who: germans, ..three.clone() });
    let number = FunnelNumber { step: 1, stayed: true, row: Row::All };
    timed("people behind it, first page", || {
        let page = PeoplePage { pin: None, after: None, limit: 100 };
        engine.people(PRODUCTION, Behind::Funnel(&three, &number), page, &inquiry).unwrap().total
    });
    let retentions = |what: &str, question: &RetentionQuestion| {
        let answer = timed(what, || engine.retention(PRODUCTION, question, &inquiry).unwrap().answer);
        let curve: Vec<_> = answer.curve().iter().map(|point| point.returned).collect();
        println!("    {curve:?}");
    };
    let weeks = retention(Pattern::track("event 2"), Cohorts::FirstTime);
    retentions("retention, 12 weeks", &weeks);
    retentions("retention, recurring", &RetentionQuestion { belong: Cohorts::Recurring, ..weeks.clone() });
    let active = Pattern::of(Which::Active);
    retentions("retention, of any activity", &retention(active, Cohorts::FirstTime));
    let trends = |what: &str, measure: TrendMeasure, breakdown: Option<Breakdown>| {
        let question = trend(measure, breakdown);
        let answer = timed(what, || engine.trend(PRODUCTION, &question, &inquiry).unwrap().answer);
        println!("    {:?} in {} rows", answer.lines[0].total.whole, answer.lines[0].groups.len());
    };
    let platform = || Some(Breakdown::EventProperty("platform".into()));
    trends("trend, total", TrendMeasure::Total, None);
    trends("trend, unique users", TrendMeasure::UniqueUsers, None);
    trends("trend, unique users by an event property", TrendMeasure::UniqueUsers, platform());
    let country = Some(Breakdown::UserProperty("country".into()));
    trends("trend, unique users by a user property", TrendMeasure::UniqueUsers, country);
    let plan = || Some(Breakdown::UserPropertyThen("plan".into()));
    trends("trend, unique users by what they were then", TrendMeasure::UniqueUsers, plan());
    trends("trend, sum by an event property", TrendMeasure::Sum("amount".into()), platform());
    trends("trend, median", TrendMeasure::Percentile("amount".into(), 50), None);
    let days = trend(TrendMeasure::Total, None).buckets;
    let spans = days.trailing(30, &TimeZone::UTC).unwrap();
    trends("trend, 30 days up to each", TrendMeasure::Trailing { spans, previous: Vec::new() }, None);
    for (what, direction) in [("paths from an event", Direction::From), ("paths to it", Direction::To)] {
        let question = path(direction);
        let answer = timed(what, || engine.path(PRODUCTION, &question, &inquiry).unwrap().answer);
        let users: Vec<u64> =
            answer.levels.iter().map(|level| level.iter().map(|one| one.users).sum()).collect();
        println!("    {users:?}");
    }
    let number = RetentionNumber { cohort: 0, period: Some(3) };
    timed("people behind it, first page", || {
        let page = PeoplePage { pin: None, after: None, limit: 100 };
        engine.people(PRODUCTION, Behind::Retention(&weeks, &number), page, &inquiry).unwrap().total
    });
}

#[test]
#[ignore = "soak"]
fn figures_of_reports_soak() {
    let events: u64 = std::env::var("HISTORY_EVENTS").ok().map_or(2_000_000, |text| text.parse().unwrap());
    let temporary = tempfile::tempdir().unwrap();
    let kept = std::env::var_os("HISTORY_DIRECTORY").map(PathBuf::from);
    let directory: &Path = kept.as_deref().unwrap_or(temporary.path());
    let is_new = !directory.join("environments").exists();
    let options =
        |history_threads| Options { history_threads, free_disk_reserve_bytes: 0, ..Options::default() };
    for threads in [2, 1] {
        let engine = open(Arc::new(RealDisk), directory, options(threads)).unwrap();
        if is_new && threads == 2 {
            add_environments(&engine, &[1]);
            engine.visible(PRODUCTION).unwrap();
            fill(&engine, events, events / 20);
            tell_plans(&engine, events / 20);
            engine.seal_history(PRODUCTION).unwrap();
        }
        ask(&engine, threads);
        engine.close();
    }
}
