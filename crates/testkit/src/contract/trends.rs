//! What `Reports` promises of trends, by cases whose answers were worked out by hand.

use muster_kernel::model::calendar::{Buckets, Interval, Span};
use muster_kernel::model::event::{EventDraft, EventKind};
use muster_kernel::model::history::{Breakdown, PropertyIs};
use muster_kernel::model::report::trend::{TrendLine, TrendMeasure, TrendQuestion, TrendRow, TrendSeries};
use muster_kernel::model::report::{Level, Pattern, Which, Who};
use muster_kernel::model::time::MINUTE;
use muster_kernel::model::value::{OwnedValue, Value};
use muster_kernel::ports::{EventLog, Inquiry, Reports};

use super::store;
use crate::builders::{PRODUCTION, identify, identify_company, joining, tracked};
use crate::clock::DAY_ONE;

const DAY: i64 = 24 * 60 * MINUTE;

/// An engine under test.
struct Subject<'a> {
    log: &'a dyn EventLog,
    reports: &'a dyn Reports,
    settle: &'a dyn Fn(),
}

/// Runs every promise.
pub fn trends_keep_their_promises(log: &dyn EventLog, reports: &dyn Reports, settle: &dyn Fn()) {
    let subject = Subject { log, reports, settle };
    events_users_and_companies_are_counted_by_intervals(&subject);
    numbers_are_added_up(&subject);
    rows_hold_what_stands_out_and_other_the_rest(&subject);
    trailing_spans_overlap_and_end_with_their_interval(&subject);
}

impl Subject<'_> {
    fn store(&self, mut draft: EventDraft, days: f64) {
        #[expect(clippy::cast_possible_truncation, reason = "a few days")]
        let micros = (days * DAY as f64) as i64;
        draft.occurred_at = Some(DAY_ONE.plus(micros));
        store(self.log, PRODUCTION, &draft);
    }

    fn lines(&self, question: &TrendQuestion) -> Vec<TrendLine> {
        assert_eq!(question.check(), Ok(()));
        let answer = self.reports.trend(PRODUCTION, question, &Inquiry::default());
        answer.unwrap_or_else(|error| panic!("{error}")).answer.lines
    }

    fn totals(&self, name: &str, measures: &[TrendMeasure]) -> Vec<TrendRow> {
        let lines = self.lines(&question(name, measures));
        lines.into_iter().map(|line| line.total).collect()
    }
}

fn days(from: i64, until: i64) -> Buckets {
    let span = Span { from: DAY_ONE.plus(from * DAY), until: DAY_ONE.plus(until * DAY) };
    Buckets::cut(span, Interval::Day, &jiff::tz::TimeZone::UTC).unwrap_or_else(|_| Buckets::whole(span))
}

/// The three days from day one on.
fn question(name: &str, measures: &[TrendMeasure]) -> TrendQuestion {
    let series =
        |measure: &TrendMeasure| TrendSeries { pattern: Pattern::track(name), measure: measure.clone() };
    TrendQuestion {
        level: Level::User,
        series: measures.iter().map(series).collect(),
        buckets: days(0, 3),
        previous: None,
        breakdown: None,
        groups_max: 10,
        who: Who::default(),
    }
}

fn row(values: [f64; 3], whole: f64) -> TrendRow {
    let said = |value: f64| (!value.is_nan()).then_some(value);
    TrendRow { values: values.map(said).to_vec(), whole: said(whole) }
}

/// Nothing to say.
const NONE: f64 = f64::NAN;

fn events_users_and_companies_are_counted_by_intervals(subject: &Subject<'_>) {
    let opened = |who: &str| tracked(who, "tr opened", &[]);
    subject.store(opened("t1"), -0.5);
    subject.store(joining(opened("t1"), "tr acme"), 0.0);
    subject.store(joining(opened("t1"), "tr acme"), 0.5);
    (subject.settle)();
    subject.store(joining(opened("t2"), "tr globex"), 0.6);
    subject.store(opened("t1"), 2.9);
    subject.store(joining(opened("t2"), "tr acme"), 2.8);
    subject.store(opened("t3"), 3.0);
    use TrendMeasure::{PerUser, Total, UniqueCompanies, UniqueUsers};
    let measures = [Total, UniqueUsers, UniqueCompanies, PerUser];
    let expected = [
        row([3.0, 0.0, 2.0], 5.0),
        row([2.0, 0.0, 2.0], 2.0),
        row([2.0, 0.0, 1.0], 2.0),
        row([1.5, NONE, 1.0], 2.5),
    ];
    assert_eq!(subject.totals("tr opened", &measures), expected);
    let compared = TrendQuestion { previous: Some(days(-3, 0)), ..question("tr opened", &measures[..2]) };
    let previous: Vec<_> = subject.lines(&compared).into_iter().map(|line| line.previous).collect();
    assert_eq!(previous, [Some(row([0.0, 0.0, 1.0], 1.0)), Some(row([0.0, 0.0, 1.0], 1.0))]);
    // About nobody: events are counted, unless somebody is asked for.
    for (n, day) in [(1, 10.0), (2, 10.5)] {
        subject.store(identify_company(&format!("tr firm {n}"), &[]), day);
    }
    let kind = Which::Kind(EventKind::IdentifyCompany);
    let mut firms = TrendQuestion { buckets: days(10, 13), ..question("", &measures) };
    firms.series.iter_mut().for_each(|series| series.pattern.which = kind.clone());
    let totals: Vec<_> = subject.lines(&firms).into_iter().map(|line| line.total.whole).collect();
    assert_eq!(totals, [Some(2.0), Some(0.0), Some(2.0), None]);
}

fn numbers_are_added_up(subject: &Subject<'_>) {
    let values = [
        (0.1, Value::Float(0.1)),
        (0.2, Value::Text("0.2")),
        (0.3, Value::Int(-3)),
        (0.4, Value::Text("a lot")),
        (2.0, Value::UInt(u64::MAX)),
        (2.1, Value::Float(7.0)),
    ];
    for (index, (day, value)) in values.into_iter().enumerate() {
        subject.store(tracked("n", "tr paid", &[("amount", value)]), day);
        if index == 2 {
            (subject.settle)();
        }
    }
    subject.store(tracked("n", "tr paid", &[]), 1.0);
    let amount = || "amount".to_owned();
    use TrendMeasure::{Average, Max, Min, Percentile, Sum, Total};
    let measures =
        [Total, Sum(amount()), Average(amount()), Min(amount()), Max(amount()), Percentile(amount(), 50)];
    let rows = subject.totals("tr paid", &measures);
    assert_eq!(rows[0], row([4.0, 1.0, 2.0], 7.0));
    let near = |value: Option<f64>, expected: f64| (value.unwrap_or(f64::NAN) - expected).abs() < 1e-9;
    assert!(near(rows[1].values[0], -2.7) && near(rows[2].values[0], -0.9), "{rows:?}");
    // A number of 2^64 (the nearest double to the largest integer) takes no part in a sum.
    assert_eq!((rows[1].values[1], rows[1].values[2]), (Some(0.0), Some(7.0)));
    assert_eq!((rows[2].values[1], rows[2].values[2]), (None, Some(7.0)));
    let large = 18_446_744_073_709_551_616.0;
    assert_eq!(rows[3], row([-3.0, NONE, 7.0], -3.0));
    assert_eq!(rows[4], row([0.2, NONE, large], large));
    assert_eq!((rows[5].values[1], rows[5].values[2]), (None, Some(7.0)));
    assert!(rows[5].values[0].is_some_and(|median| median <= 0.1 && median > 0.0999), "{rows:?}");
}

fn rows_hold_what_stands_out_and_other_the_rest(subject: &Subject<'_>) {
    let used = |who: &str, color: &str| tracked(who, "tr used", &[("color", Value::Text(color))]);
    let sent = [
        ("g1", "red", 0.0),
        ("g2", "red", 0.1),
        ("g1", "blue", 0.2),
        ("g1", "green", 1.0),
        ("g2", "blue", 2.0),
    ];
    for (who, color, day) in sent {
        subject.store(used(who, color), day);
    }
    (subject.settle)();
    subject.store(tracked("g3", "tr used", &[]), 2.0);
    subject.store(identify("g1", &[("tr plan", Value::Text("pro"))]), 0.0);
    let text = |text| Some(OwnedValue::of(Value::Text(text)));
    let measures = [TrendMeasure::Total, TrendMeasure::UniqueUsers];
    let by_color = TrendQuestion {
        breakdown: Some(Breakdown::EventProperty("color".into())),
        groups_max: 2,
        ..question("tr used", &measures)
    };
    let lines = subject.lines(&by_color);
    let expected = [(text("blue"), row([1.0, 0.0, 1.0], 2.0)), (text("red"), row([2.0, 0.0, 0.0], 2.0))];
    assert_eq!(lines[0].groups, expected);
    assert_eq!((&lines[0].other, lines[0].groups_left_out), (&Some(row([0.0, 1.0, 1.0], 2.0)), 2));
    assert_eq!(lines[0].total, row([3.0, 1.0, 2.0], 6.0));
    assert_eq!(lines[1].groups[1], (text("red"), row([2.0, 0.0, 0.0], 2.0)));
    assert_eq!(lines[1].total, row([2.0, 1.0, 2.0], 3.0));
    let by_plan = Some(Breakdown::UserProperty("tr plan".into()));
    let lines = subject.lines(&TrendQuestion { breakdown: by_plan, ..by_color.clone() });
    let expected = [(text("pro"), row([1.0, 1.0, 0.0], 1.0)), (None, row([1.0, 0.0, 2.0], 2.0))];
    assert_eq!(lines[1].groups, expected);
    let pro = Who { properties: vec![PropertyIs::reading("tr plan", "pro")], ..Who::default() };
    let lines = subject.lines(&TrendQuestion { who: pro, breakdown: None, ..by_color });
    assert_eq!(lines[0].total, row([2.0, 1.0, 0.0], 3.0));
}

fn trailing_spans_overlap_and_end_with_their_interval(subject: &Subject<'_>) {
    for (who, day) in [("w1", -1.5), ("w2", -0.5), ("w1", 0.5), ("w3", 0.9), ("w2", 2.5), ("w4", 3.0)] {
        subject.store(tracked(who, "tr lived", &[]), day);
        if who == "w3" {
            (subject.settle)();
        }
    }
    let trailing = |days| TrendMeasure::Trailing {
        spans: question("", &[]).buckets.trailing(days, &jiff::tz::TimeZone::UTC).unwrap_or_default(),
        previous: Vec::new(),
    };
    let expected = [row([2.0, 0.0, 1.0], 3.0), row([3.0, 2.0, 1.0], 3.0), row([3.0, 3.0, 3.0], 3.0)];
    assert_eq!(subject.totals("tr lived", &[trailing(1), trailing(2), trailing(3)]), expected);
}
