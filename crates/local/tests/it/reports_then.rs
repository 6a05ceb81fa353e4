//! Reports by what users were when events happened, of many users: the events bring the value along that their user had, and
//! so a question about the user's must be answered as one about the event's.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use muster_kernel::model::calendar::{Buckets, Interval, Span};
use muster_kernel::model::event::EventDraft;
use muster_kernel::model::history::{Breakdown, CountQuestion, EventName, Measure, PropertyIs};
use muster_kernel::model::report::funnel::{Counting, FunnelQuestion, Order};
use muster_kernel::model::report::path::{Direction, PathQuestion};
use muster_kernel::model::report::retention::{Cohorts, RetentionQuestion, Returned};
use muster_kernel::model::report::trend::{TrendMeasure, TrendQuestion, TrendSeries};
use muster_kernel::model::report::{Level, Pattern, Who};
use muster_kernel::model::time::MINUTE;
use muster_kernel::model::value::Value;
use muster_kernel::ports::{History, Inquiry, Reports, StoreError};
use muster_testkit::builders::{PRODUCTION, identify, tracked};
use muster_testkit::clock::DAY_ONE;

use crate::history::{Act, Pair};

const HOUR: i64 = 60 * MINUTE;
const USERS: u64 = 3_000;

/// A generator of numbers below a limit.
fn chance() -> impl FnMut(u64) -> u64 {
    let mut state = 17u64;
    move |limit| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % limit
    }
}

/// 20,000 times a user's plan is told, in no order and in between removed, and 60,000 times somebody does something as `was`.
fn busy() -> Pair {
    let mut below = chance();
    // Each minute of a user says one thing, so that the order of telling decides nothing.
    let mut said: BTreeMap<(u64, i64), i64> = BTreeMap::new();
    let mut drafts: Vec<EventDraft> = Vec::new();
    for _ in 0..20_000 {
        let (user, minute) = (below(USERS), below(400 * 60).cast_signed());
        let plan = *said.entry((user, minute)).or_insert(below(5).cast_signed());
        let value = if plan == 0 { Value::Null } else { Value::Int(plan) };
        let mut draft = identify(&format!("user {user}"), &[("plan", value)]);
        draft.occurred_at = Some(DAY_ONE.plus(minute * MINUTE));
        drafts.push(draft);
    }
    for _ in 0..60_000 {
        let (user, minute) = (below(USERS), below(400 * 60).cast_signed());
        let known = said.range((user, i64::MIN)..=(user, minute)).next_back();
        let was: Vec<_> = known.filter(|(_, plan)| **plan != 0).map(|(_, plan)| *plan).into_iter().collect();
        let was: Vec<_> = was.iter().map(|plan| ("was", Value::Int(*plan))).collect();
        let name = ["x", "x", "y"][usize::try_from(below(3)).unwrap()];
        let mut draft = tracked(&format!("user {user}"), name, &was);
        draft.occurred_at = Some(DAY_ONE.plus(minute * MINUTE));
        drafts.push(draft);
    }
    for place in (1..drafts.len()).rev() {
        drafts.swap(place, usize::try_from(below(place as u64 + 1)).unwrap());
    }
    let mut pair = Pair::new();
    for (round, drafts) in drafts.chunks(5_000).enumerate() {
        pair.act(Act::Append(drafts.to_vec()));
        if round % 5 == 4 {
            pair.act(Act::Seal);
        }
    }
    pair
}

/// What tells apart, and what lets only those pass who were `3`.
type Way = (Breakdown, fn(Pattern) -> Pattern);

/// Both ways to ask for the same: what the user was, and what the event says that they were.
fn ways() -> [Way; 2] {
    [
        (Breakdown::UserPropertyThen("plan".into()), |pattern| Pattern {
            user_then: vec![PropertyIs::reading("plan", "3")],
            ..pattern
        }),
        (Breakdown::EventProperty("was".into()), |pattern| Pattern {
            properties: vec![PropertyIs::reading("was", "3")],
            ..pattern
        }),
    ]
}

#[test]
#[expect(clippy::too_many_lines, reason = "a list of questions, each asked in both ways")]
fn what_users_were_is_what_their_events_said() {
    let pair = busy();
    let engine = pair.engine();
    let span = Span { from: DAY_ONE.plus(20 * HOUR), until: DAY_ONE.plus(300 * HOUR) };
    let days = Buckets::cut(span, Interval::Day, &TimeZone::UTC).unwrap();
    let track = Pattern::track;
    let [then, said] = ways().map(|(breakdown, with)| {
        let inquiry = Inquiry::default();
        let breakdown = Some(breakdown);
        let funnel = |counting, steps, breakdown| FunnelQuestion {
            level: Level::User,
            steps,
            order: Order::Ordered,
            span,
            window: 50 * HOUR,
            counting,
            exclusions: Vec::new(),
            breakdown,
            groups_max: 3,
            who: Who::default(),
        };
        let funnels = [
            funnel(Counting::Users, vec![track("x"), track("y")], breakdown.clone()),
            funnel(Counting::Attempts, vec![track("x"), track("y"), track("x")], breakdown.clone()),
            funnel(Counting::Users, vec![track("x"), with(track("y"))], None),
        ];
        let funnels = funnels.map(|asked| engine.funnel(PRODUCTION, &asked, &inquiry).unwrap().answer);
        let series = |pattern, measure| TrendSeries { pattern, measure };
        let trend = TrendQuestion {
            level: Level::User,
            series: vec![
                series(track("x"), TrendMeasure::Total),
                series(track("x"), TrendMeasure::UniqueUsers),
                series(with(track("y")), TrendMeasure::PerUser),
            ],
            buckets: days.clone(),
            previous: None,
            breakdown: breakdown.clone(),
            groups_max: 3,
            who: Who::default(),
        };
        let trend = engine.trend(PRODUCTION, &trend, &inquiry).unwrap().answer;
        let retention = RetentionQuestion {
            level: Level::User,
            start: with(track("x")),
            returning: with(track("y")),
            intervals: days.clone(),
            cohorts: 4,
            periods: 5,
            belong: Cohorts::FirstTime,
            returned: Returned::On,
            who: Who::default(),
        };
        let retention = engine.retention(PRODUCTION, &retention, &inquiry).unwrap().answer;
        let path = PathQuestion {
            level: Level::User,
            anchor: with(track("y")),
            direction: Direction::To,
            span,
            window: 50 * HOUR,
            levels: 4,
            branches_max: 2,
            who: Who::default(),
        };
        let path = engine.path(PRODUCTION, &path, &inquiry).unwrap().answer;
        let counts = [Measure::Total, Measure::UniqueUsers].map(|measure| {
            let question = CountQuestion {
                names: vec![EventName::track("x")],
                buckets: days.clone(),
                measure,
                breakdown: breakdown.clone(),
                groups_max: 9,
                properties: Vec::new(),
            };
            engine.counts(PRODUCTION, &question, &inquiry).unwrap()
        });
        assert!(counts.iter().all(|answer| answer.series.len() == 5), "four plans and none");
        assert!(funnels[0].groups_left_out > 0 && funnels[2].total.steps[1].count > 0);
        (funnels, trend, retention, path, counts)
    });
    assert_eq!(then, said);
}

#[test]
fn what_needs_more_than_a_question_may_have_is_refused() {
    let trend = |breakdown| TrendQuestion {
        level: Level::User,
        series: vec![TrendSeries { pattern: Pattern::track("x"), measure: TrendMeasure::Total }],
        buckets: Buckets::whole(Span::ALL),
        previous: None,
        breakdown,
        groups_max: 3,
        who: Who::default(),
    };
    let ask = |pair: &Pair, breakdown| {
        let answer = pair.engine().trend(PRODUCTION, &trend(breakdown), &Inquiry::default());
        answer.map(|found| found.answer.lines[0].total.whole)
    };
    let then = |name: &str| Some(Breakdown::UserPropertyThen(name.into()));
    let mut pair = Pair::with(1 << 18);
    let changes = (0..9_000i64).map(|n| {
        let who = format!("user {}", n % 900);
        let properties =
            [("many", Value::Int(n)), ("often", Value::Int(n % 7)), ("once", Value::Int(n % 50))];
        let mut draft = identify(&who, &properties);
        draft.occurred_at = Some(DAY_ONE.plus(n * MINUTE));
        draft
    });
    pair.act(Act::Append(changes.collect()));
    let mut visit = tracked("user 7", "x", &[]);
    visit.occurred_at = Some(DAY_ONE.plus(8 * MINUTE));
    pair.act(Act::Append(vec![visit]));
    assert_eq!(ask(&pair, then("many")), Err(StoreError::TooLarge), "nine thousand values");
    assert_eq!(ask(&pair, then("often")), Err(StoreError::TooLarge), "nine thousand changes");
    assert_eq!(ask(&pair, then("once")), Ok(Some(1.0)), "as many times told, and nothing changed");
    assert_eq!(ask(&pair, then("never")), Ok(Some(1.0)));
}
