//! Reports against the model: any questions, asked of any events, sealed, merged, erased, reopened in any order.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::tz::TimeZone;
use muster_kernel::model::calendar::{Buckets, Interval, Span};
use muster_kernel::model::erasure::ErasedKind;
use muster_kernel::model::event::{EventDraft, EventKind};
use muster_kernel::model::history::{Breakdown, EventName, PropertyIs};
use muster_kernel::model::profile::Profile;
use muster_kernel::model::report::funnel::{Counting, Exclusion, FunnelQuestion, Order};
use muster_kernel::model::report::path::{Direction, PathQuestion};
use muster_kernel::model::report::retention::{Cohorts, RetentionQuestion, Returned};
use muster_kernel::model::report::trend::{TrendMeasure, TrendQuestion, TrendSeries};
use muster_kernel::model::report::{Level, Pattern, Which, Who};
use muster_kernel::model::segment::question::SegmentQuestion;
use muster_kernel::model::segment::{Moment, Rule};
use muster_kernel::model::time::{MINUTE, SECOND};
use muster_kernel::model::value::{OwnedValue, Value};
use muster_kernel::ports::{Inquiry, Profiles, Reports};
use muster_testkit::builders::{PRODUCTION, company, identify, joining, tracked, user};
use muster_testkit::clock::DAY_ONE;
use muster_testkit::contract::{funnels_agree, paths_agree, retentions_agree, trends_agree};
use muster_testkit::model_reports::World;
use proptest::prelude::*;

use crate::history::{Act, Pair, act};

const HOUR: i64 = 60 * MINUTE;

fn conditions() -> impl Strategy<Value = Vec<PropertyIs>> {
    let one = ("p[0-3]", prop_oneof![Just("1"), Just("a"), Just("true")]);
    let one = one.prop_map(|(name, text)| PropertyIs::reading(&name, text));
    prop_oneof![3 => Just(Vec::new()), 1 => prop::collection::vec(one, 1..3)]
}

fn pattern() -> impl Strategy<Value = Pattern> {
    let which = prop_oneof![
        3 => Just(Which::Named(EventName::track("x"))),
        3 => Just(Which::Named(EventName::track("y"))),
        2 => Just(Which::Kind(EventKind::PageView)),
        1 => Just(Which::Kind(EventKind::Track)),
        1 => Just(Which::Named(EventName::kind(EventKind::IdentifyUser))),
        1 => Just(Which::Active),
        1 => Just(Which::Named(EventName::track("never"))),
    ];
    let conditions = (conditions(), conditions());
    (which, conditions).prop_map(|(which, (properties, user_then))| Pattern { which, properties, user_then })
}

fn span() -> impl Strategy<Value = Span> {
    let hours = (-220i64..200, 1i64..300);
    let some = hours.prop_map(|(from, hours)| Span {
        from: DAY_ONE.plus(from * HOUR),
        until: DAY_ONE.plus((from + hours) * HOUR),
    });
    prop_oneof![1 => Just(Span::ALL), 4 => some]
}

/// Whom a question is about, which of them, and what tells rows apart.
fn about(level: impl Strategy<Value = Level>) -> impl Strategy<Value = (Level, Who, Option<Breakdown>)> {
    (level, conditions(), 0usize..15, breakdown()).prop_map(|(level, properties, rule, breakdown)| {
        let rules = match level {
            Level::User => ["p1 is \"a\"", "did \"x\" at least 2 times", "not (did \"y\") or p2 exists"],
            Level::Company => {
                ["company.p1 is \"a\"", "did \"x\" at least 2 times", "not (did \"y\") or company.p2 exists"]
            }
        };
        let segment = rules.get(rule).map(|text| SegmentQuestion {
            level,
            rule: Rule::parse(text).unwrap(),
            moment: Moment { now: DAY_ONE.plus(40 * HOUR), zone: TimeZone::UTC },
            looks_back: false,
            segments: Arc::default(),
        });
        let breakdown = match breakdown {
            Some(Breakdown::UserProperty(name) | Breakdown::UserPropertyThen(name))
                if level == Level::Company =>
            {
                Some(Breakdown::CompanyProperty(name))
            }
            breakdown => breakdown,
        };
        (level, Who { properties, segment }, breakdown)
    })
}

fn level() -> impl Strategy<Value = Level> {
    prop_oneof![Just(Level::User), Just(Level::Company)]
}

fn breakdown() -> impl Strategy<Value = Option<Breakdown>> {
    prop_oneof![
        2 => Just(None),
        2 => "p[0-4]".prop_map(|name| Some(Breakdown::EventProperty(name))),
        2 => "p[0-4]".prop_map(|name| Some(Breakdown::UserProperty(name))),
        4 => "p[0-4]".prop_map(|name| Some(Breakdown::UserPropertyThen(name))),
        2 => "p[0-4]".prop_map(|name| Some(Breakdown::CompanyProperty(name))),
    ]
}

fn funnel() -> impl Strategy<Value = FunnelQuestion> {
    let order = prop_oneof![2 => Just(Order::Ordered), 1 => Just(Order::Strict), 1 => Just(Order::Any)];
    let counting = prop_oneof![Just(Counting::Users), Just(Counting::Attempts)];
    let window = prop_oneof![Just(1i64), Just(HOUR), Just(30 * HOUR), Just(200 * HOUR), 1i64..400 * HOUR];
    let excluded = prop::collection::vec((pattern(), 0usize..4, 0usize..4), 0..3);
    let excluded = prop_oneof![2 => Just(Vec::new()), 1 => excluded];
    let shape = (prop::collection::vec(pattern(), 2..5), order, excluded);
    let rest = (span(), window, counting, 1usize..4, about(level()));
    (shape, rest).prop_map(|((steps, order, excluded), rest)| {
        let (span, window, counting, groups_max, (level, who, breakdown)) = rest;
        let last = steps.len() - 1;
        let exclusion = |(pattern, after, before): (Pattern, usize, usize)| {
            let (after, before) = (after % last, before % steps.len());
            let reach = if order == Order::Any { (0, last) } else { (after, before.max(after + 1)) };
            Exclusion { pattern, after: reach.0, before: reach.1 }
        };
        let exclusions = excluded.into_iter().map(exclusion).collect();
        FunnelQuestion { level, steps, order, span, window, counting, exclusions, breakdown, groups_max, who }
    })
}

fn retention() -> impl Strategy<Value = RetentionQuestion> {
    let interval = prop_oneof![Just(Interval::Hour), Just(Interval::Day), Just(Interval::Week)];
    let belong = prop_oneof![Just(Cohorts::FirstTime), Just(Cohorts::Recurring)];
    let returned = prop_oneof![Just(Returned::On), Just(Returned::OnOrAfter), Just(Returned::Unbounded)];
    let shape = (pattern(), pattern(), belong, returned, about(level()));
    (shape, span(), interval, 0usize..400, 0usize..400).prop_map(
        |(shape, span, interval, cohorts, periods)| {
            let (start, returning, belong, returned, (level, who, _)) = shape;
            let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
            let intervals = Buckets::cut(span, interval, &zone).unwrap_or_else(|_| Buckets::whole(span));
            let among = |number: usize| number % intervals.count() + 1;
            let (cohorts, periods) = (among(cohorts), among(periods).min(5));
            RetentionQuestion { level, start, returning, cohorts, periods, intervals, belong, returned, who }
        },
    )
}

fn trend() -> impl Strategy<Value = TrendQuestion> {
    let interval = prop_oneof![Just(Interval::Hour), Just(Interval::Day), Just(Interval::Month)];
    let series = prop::collection::vec((pattern(), 0usize..10, "p[0-4]", 1u8..=100, 1u16..40), 1..4);
    let shape = (span(), interval, any::<bool>());
    (series, shape, 1usize..4, about(level())).prop_map(|(series, shape, groups_max, about)| {
        let (level, who, breakdown) = about;
        let (span, interval, compares) = shape;
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let cut = |span| Buckets::cut(span, interval, &zone).unwrap_or_else(|_| Buckets::whole(span));
        let buckets = cut(span);
        let before =
            Span { from: span.from.plus(span.from.0.saturating_sub(span.until.0)), until: span.from };
        let previous = Some(cut(before)).filter(|previous| compares && previous.count() == buckets.count());
        let trailing = |days: u16| TrendMeasure::Trailing {
            spans: buckets.trailing(days, &zone).unwrap_or_else(|_| vec![span; buckets.count()]),
            previous: previous.as_ref().map_or(Vec::new(), |before| {
                before.trailing(days, &zone).unwrap_or_else(|_| vec![before.span(); before.count()])
            }),
        };
        let one = |(pattern, measure, name, percent, days): (Pattern, usize, String, u8, u16)| {
            let measure = match measure {
                0 => TrendMeasure::Total,
                1 => TrendMeasure::UniqueUsers,
                2 => TrendMeasure::UniqueCompanies,
                3 => TrendMeasure::PerUser,
                4 => trailing(days),
                5 => TrendMeasure::Sum(name),
                6 => TrendMeasure::Average(name),
                7 => TrendMeasure::Min(name),
                8 => TrendMeasure::Max(name),
                _ => TrendMeasure::Percentile(name, percent),
            };
            TrendSeries { pattern, measure }
        };
        let series = series.into_iter().map(one).collect();
        TrendQuestion { level, series, buckets, previous, breakdown, groups_max, who }
    })
}

fn path() -> impl Strategy<Value = PathQuestion> {
    let direction = prop_oneof![Just(Direction::From), Just(Direction::To)];
    let window = prop_oneof![Just(1i64), Just(30 * HOUR), 1i64..400 * HOUR];
    let limits = (2usize..7, 1usize..4);
    (pattern(), direction, span(), window, limits, about(level())).prop_map(
        |(anchor, direction, span, window, limits, about)| {
            let ((levels, branches_max), (level, who, _)) = (limits, about);
            PathQuestion { level, anchor, direction, span, window, levels, branches_max, who }
        },
    )
}

fn check(
    pair: &Pair,
    users: u32,
    funnels: &[FunnelQuestion],
    retentions: &[RetentionQuestion],
    (trends, paths): (&[TrendQuestion], &[PathQuestion]),
) {
    let users: BTreeMap<String, Profile> = (0..users)
        .map(|who| format!("user {who}"))
        .filter_map(|id| Some((id.clone(), pair.engine().user(PRODUCTION, &user(&id)).unwrap()?)))
        .collect();
    let companies: BTreeMap<String, Profile> = (0..4)
        .map(|firm| format!("firm {firm}"))
        .filter_map(|id| Some((id.clone(), pair.engine().company(PRODUCTION, &company(&id)).unwrap()?)))
        .collect();
    let world = World { events: &pair.events, users: &users, companies: &companies, pinned: None };
    funnels.iter().for_each(|question| funnels_agree(pair.engine(), PRODUCTION, world, question));
    retentions.iter().for_each(|question| retentions_agree(pair.engine(), PRODUCTION, world, question));
    trends.iter().for_each(|question| trends_agree(pair.engine(), PRODUCTION, world, question));
    paths.iter().for_each(|question| paths_agree(pair.engine(), PRODUCTION, world, question));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn reports_answer_as_the_model_does(
        acts in prop::collection::vec(act(), 1..10),
        funnels in prop::collection::vec(funnel(), 8),
        retentions in prop::collection::vec(retention(), 4),
        trends in prop::collection::vec(trend(), 4),
        paths in prop::collection::vec(path(), 3),
    ) {
        let mut pair = Pair::new();
        for act in acts {
            pair.act(act);
            if pair.events.len().is_multiple_of(4) {
                check(&pair, 6, &funnels[..2], &retentions[..1], (&trends[..1], &paths[..1]));
            }
        }
        check(&pair, 6, &funnels, &retentions, (&trends, &paths));
    }
}

/// Between an erasure and its purge the store still holds what is erased.
#[test]
fn an_erased_company_is_in_no_report_from_its_deletion_on() {
    let mut pair = Pair::new();
    let mut visit = joining(tracked("user 0", "x", &[]), "firm 2");
    visit.company_properties = identify("", &[("p1", Value::Text("gold"))]).properties;
    pair.act(Act::Append(vec![visit]));
    // Into the store.
    pair.act(Act::Reopen);
    let of_users = FunnelQuestion {
        level: Level::User,
        steps: vec![Pattern::track("x"), Pattern::track("y")],
        order: Order::Ordered,
        span: Span::ALL,
        window: HOUR,
        counting: Counting::Users,
        exclusions: Vec::new(),
        breakdown: Some(Breakdown::CompanyProperty("p1".into())),
        groups_max: 3,
        who: Who::default(),
    };
    let of_companies = FunnelQuestion { level: Level::Company, ..of_users.clone() };
    let counted = |pair: &Pair, question: &FunnelQuestion| {
        let answer = pair.engine().funnel(PRODUCTION, question, &Inquiry::default()).unwrap().answer;
        (answer.total.steps[0].count, answer.groups.first().and_then(|(group, _)| group.clone()))
    };
    let gold = Some(OwnedValue::of(Value::Text("gold")));
    assert_eq!(counted(&pair, &of_users), (1, gold.clone()));
    assert_eq!(counted(&pair, &of_companies), (1, gold));
    pair.act(Act::Erase(ErasedKind::Companies, 2));
    assert_eq!(counted(&pair, &of_users), (1, None));
    assert_eq!(counted(&pair, &of_companies), (0, None));
    pair.act(Act::Purge);
    assert_eq!(counted(&pair, &of_companies), (0, None));
}

/// More groups than a question has memory for: they are ranked in several passes. So are companies asked about.
#[test]
fn a_breakdown_by_very_many_values_ends_and_adds_up() {
    let mut pair = Pair::with(1 << 17);
    let draft = |n: i64| {
        let value = Value::Int(if n % 3 == 0 { n % 50 } else { n });
        let mut draft =
            tracked(&format!("user {}", n % 700), if n % 5 == 4 { "y" } else { "x" }, &[("p1", value)]);
        draft.occurred_at = Some(DAY_ONE.plus(n * SECOND));
        draft.company_id = format!("firm {}", n % 2_000);
        draft
    };
    for round in 0..5 {
        pair.act(Act::Append((round * 2_000..(round + 1) * 2_000).map(draft).collect()));
    }
    let span = Span { from: DAY_ONE, until: DAY_ONE.plus(300 * HOUR) };
    let funnel = FunnelQuestion {
        level: Level::User,
        steps: vec![Pattern::track("x"), Pattern::track("y")],
        order: Order::Ordered,
        span,
        window: 20 * HOUR,
        counting: Counting::Attempts,
        exclusions: Vec::new(),
        breakdown: Some(Breakdown::EventProperty("p1".into())),
        groups_max: 3,
        who: Who::default(),
    };
    let trend = TrendQuestion {
        level: Level::User,
        series: vec![TrendSeries { pattern: Pattern::track("x"), measure: TrendMeasure::Total }],
        buckets: Buckets::cut(span, Interval::Day, &TimeZone::UTC).unwrap(),
        previous: None,
        breakdown: funnel.breakdown.clone(),
        groups_max: 3,
        who: Who::default(),
    };
    let answer = pair.engine().trend(PRODUCTION, &trend, &Inquiry::default()).unwrap().answer;
    let line = &answer.lines[0];
    assert!(line.groups_left_out > 5_000, "{}", line.groups_left_out);
    let rows = line.groups.iter().map(|(_, row)| row).chain(&line.other);
    let sum: f64 = rows.filter_map(|row| row.whole).sum();
    assert_eq!(Some(sum), line.total.whole);
    let of_companies = FunnelQuestion { level: Level::Company, ..funnel.clone() };
    let hourly = RetentionQuestion {
        level: Level::Company,
        start: Pattern::track("x"),
        returning: Pattern::track("y"),
        intervals: Buckets::cut(span, Interval::Hour, &TimeZone::UTC).unwrap(),
        cohorts: 2,
        periods: 2,
        belong: Cohorts::Recurring,
        returned: Returned::On,
        who: Who::default(),
    };
    let path = PathQuestion {
        level: Level::Company,
        anchor: Pattern::track("x"),
        direction: Direction::From,
        span,
        window: HOUR,
        levels: 3,
        branches_max: 2,
        who: Who::default(),
    };
    check(&pair, 700, &[funnel, of_companies], &[hourly], (&[trend], &[path]));
}

/// An engine with 64,000 events of so many users, in several segments.
fn busy(users: u32) -> Pair {
    let mut state = 11u64;
    let mut below = |limit: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % limit
    };
    let mut pair = Pair::new();
    for round in 0..16 {
        let mut draft = |n: u64| -> EventDraft {
            // A few do most of it.
            let most = below(u64::from(users)) + 1;
            let who = format!("user {}", below(most));
            let value = Value::Int(below(5).cast_signed());
            let mut draft = match n % 40 {
                0 => joining(identify(&who, &[("p2", value)]), &format!("firm {}", below(1_500))),
                _ => tracked(
                    &who,
                    ["x", "x", "x", "y", "y"][usize::try_from(below(5)).unwrap()],
                    &[("p1", value)],
                ),
            };
            draft.occurred_at = Some(DAY_ONE.plus(below(400 * 60).cast_signed() * MINUTE));
            draft
        };
        pair.act(Act::Append((0..4_000).map(&mut draft).collect()));
        if round % 5 == 4 {
            pair.act(Act::Seal);
        }
    }
    pair
}

/// Enough for several ranges of users, and for several threads.
#[test]
fn reports_of_many_users_answer_as_the_model_does() {
    const USERS: u32 = 3_000;
    let pair = busy(USERS);
    let track = Pattern::track;
    let span = Span { from: DAY_ONE, until: DAY_ONE.plus(300 * HOUR) };
    let ordered = FunnelQuestion {
        level: Level::User,
        steps: vec![track("x"), track("y"), track("x")],
        order: Order::Ordered,
        span,
        window: 20 * HOUR,
        counting: Counting::Users,
        exclusions: Vec::new(),
        breakdown: Some(Breakdown::EventProperty("p1".into())),
        groups_max: 3,
        who: Who::default(),
    };
    let by_user = Some(Breakdown::UserProperty("p2".into()));
    let funnels = [
        FunnelQuestion { counting: Counting::Attempts, breakdown: by_user.clone(), ..ordered.clone() },
        FunnelQuestion { order: Order::Strict, breakdown: None, ..ordered.clone() },
        FunnelQuestion { order: Order::Any, steps: vec![track("y"), track("x")], ..ordered.clone() },
        FunnelQuestion { level: Level::Company, ..ordered.clone() },
        ordered,
    ];
    let intervals = Buckets::cut(span, Interval::Day, &TimeZone::UTC).unwrap();
    let daily = RetentionQuestion {
        level: Level::User,
        start: track("y"),
        returning: track("x"),
        intervals,
        cohorts: 4,
        periods: 5,
        belong: Cohorts::Recurring,
        returned: Returned::On,
        who: Who::default(),
    };
    let series = |measure| TrendSeries { pattern: track("x"), measure };
    let trend = TrendQuestion {
        level: Level::User,
        series: vec![series(TrendMeasure::UniqueUsers), series(TrendMeasure::Percentile("p1".into(), 50))],
        buckets: daily.intervals.clone(),
        previous: None,
        breakdown: Some(Breakdown::EventProperty("p1".into())),
        groups_max: 2,
        who: Who::default(),
    };
    let of_companies = TrendQuestion { level: Level::Company, ..trend.clone() };
    let by_user = TrendQuestion { breakdown: by_user, ..trend.clone() };
    let path = PathQuestion {
        level: Level::User,
        anchor: track("y"),
        direction: Direction::From,
        span,
        window: 50 * HOUR,
        levels: 5,
        branches_max: 2,
        who: Who::default(),
    };
    let paths = [
        path.clone(),
        PathQuestion { level: Level::Company, ..path.clone() },
        PathQuestion { direction: Direction::To, ..path },
    ];
    let cohorts_of_companies = RetentionQuestion { level: Level::Company, ..daily.clone() };
    check(&pair, USERS, &funnels, &[daily, cohorts_of_companies], (&[trend, of_companies, by_user], &paths));
}
