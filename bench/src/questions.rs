//! The questions about people that `muster-bench history-ask` asks besides counts: funnels, retention, paths and segments.
//! `bench/clickhouse.py` and `bench/duck.py` ask the same in SQL.

use std::sync::Arc;

use anyhow::{Result, anyhow};
use jiff::tz::TimeZone;
use muster_kernel::model::calendar::{Buckets, Interval, Span};
use muster_kernel::model::report::funnel::{Counting, FunnelQuestion, Order};
use muster_kernel::model::report::path::{Direction, PathQuestion};
use muster_kernel::model::report::retention::{Cohorts, RetentionQuestion, Returned};
use muster_kernel::model::report::{Pattern, Who};
use muster_kernel::model::segment::question::{MemberOrder, SegmentQuestion};
use muster_kernel::model::segment::{Definitions, Level, Moment, Rule};
use muster_kernel::model::time::Timestamp;
use muster_kernel::ports::{Inquiry, Reports, Segments, StoreError};
use muster_local::Engine;
use muster_testkit::builders::PRODUCTION;
use muster_testkit::clock::DAY_ONE;
use serde_json::{Value, json};

use crate::history::DAYS;

const DAY_US: i64 = 86_400_000_000;
/// Cohorts, and periods of each.
const WEEKS: usize = 12;
/// A tenth of the users each, with what each of them did lately.
const SEGMENT: &str =
    "country is one of (\"US\", \"GB\", \"DE\") and did \"event 3\" at least 3 times in the last 30 days";
const FIRST: usize = 50;

/// What is asked.
pub struct Questions {
    three: FunnelQuestion,
    ten: FunnelQuestion,
    retention: RetentionQuestion,
    path: PathQuestion,
    segment: SegmentQuestion,
    inquiry: Inquiry,
}

fn end() -> Timestamp {
    DAY_ONE.plus(DAYS * DAY_US)
}

fn funnel(steps: usize) -> FunnelQuestion {
    FunnelQuestion {
        level: Level::User,
        steps: (0..steps).map(|step| Pattern::track(&format!("event {step}"))).collect(),
        order: Order::Ordered,
        span: Span { from: DAY_ONE, until: end() },
        window: 7 * DAY_US,
        counting: Counting::Users,
        exclusions: Vec::new(),
        breakdown: None,
        groups_max: 20,
        who: Who::default(),
    }
}

impl Questions {
    /// About the events that `history-fill` makes.
    pub fn new() -> Result<Questions> {
        // So many weeks that each cohort has all of its periods.
        let span = Span { from: DAY_ONE, until: DAY_ONE.plus((2 * WEEKS as i64 - 1) * 7 * DAY_US) };
        let weeks =
            Buckets::cut(span, Interval::Week, &TimeZone::UTC).map_err(|_| anyhow!("no such weeks"))?;
        let rule = Rule::parse(SEGMENT).map_err(|fault| anyhow!("{fault}"))?;
        Ok(Questions {
            three: funnel(3),
            ten: funnel(10),
            retention: RetentionQuestion {
                level: Level::User,
                start: Pattern::track("event 0"),
                returning: Pattern::track("event 2"),
                intervals: weeks,
                cohorts: WEEKS,
                periods: WEEKS,
                belong: Cohorts::FirstTime,
                returned: Returned::On,
                who: Who::default(),
            },
            path: PathQuestion {
                level: Level::User,
                anchor: Pattern::track("event 5"),
                direction: Direction::From,
                span: Span { from: DAY_ONE, until: end() },
                window: 7 * DAY_US,
                levels: 10,
                branches_max: 10,
                who: Who::default(),
            },
            segment: SegmentQuestion {
                level: Level::User,
                rule,
                moment: Moment { now: end(), zone: TimeZone::UTC },
                looks_back: false,
                segments: Arc::new(Definitions::new()),
            },
            inquiry: Inquiry::default(),
        })
    }

    /// The names of the rows.
    pub const NAMES: [&'static str; 6] =
        ["funnel", "funnel_ten", "retention", "path", "segment", "segment_first"];

    /// Asks one of them. The answer is in the form that the others print: counts, or places, by group.
    pub fn ask(&self, name: &str, engine: &Engine) -> Result<Value> {
        let answer = match name {
            "funnel" => self.funnel(&self.three, engine),
            "funnel_ten" => self.funnel(&self.ten, engine),
            "retention" => self.retention(engine),
            "path" => self.path(engine),
            "segment" => self.segment(engine),
            _ => self.first(engine),
        };
        answer.map_err(|error| anyhow!("{name}: {error}"))
    }

    fn funnel(&self, question: &FunnelQuestion, engine: &Engine) -> Result<Value, StoreError> {
        let answer = engine.funnel(PRODUCTION, question, &self.inquiry)?.answer;
        let counts: Vec<u64> = answer.total.steps.iter().map(|step| step.count).collect();
        Ok(json!([["", counts]]))
    }

    /// By the number of the cohort: its size, and who returned in each period.
    fn retention(&self, engine: &Engine) -> Result<Value, StoreError> {
        let answer = engine.retention(PRODUCTION, &self.retention, &self.inquiry)?.answer;
        let cohort = |(number, cohort): (usize, &muster_kernel::model::report::retention::Cohort)| {
            let counts: Vec<u64> =
                std::iter::once(cohort.size).chain(cohort.returned.iter().copied()).collect();
            json!([number.to_string(), counts])
        };
        Ok(answer.cohorts.iter().enumerate().map(cohort).collect())
    }

    fn path(&self, engine: &Engine) -> Result<Value, StoreError> {
        let answer = engine.path(PRODUCTION, &self.path, &self.inquiry)?.answer;
        let users = |level: &Vec<_>| {
            level.iter().map(|branch: &muster_kernel::model::report::path::PathBranch| branch.users).sum()
        };
        let counts: Vec<u64> = answer.levels.iter().map(users).collect();
        Ok(json!([["", counts]]))
    }

    fn segment(&self, engine: &Engine) -> Result<Value, StoreError> {
        let found = engine.preview(PRODUCTION, &self.segment, 0, &self.inquiry)?;
        Ok(json!([["", [found.members]]]))
    }

    /// The ids of the first members, as their numbers from 1 on.
    fn first(&self, engine: &Engine) -> Result<Value, StoreError> {
        let order = MemberOrder::LastSeen;
        let page = engine.members(PRODUCTION, &self.segment, order, None, FIRST, &self.inquiry)?;
        let number = |id: &str| id.trim_start_matches("user_").parse::<u64>().map_or(0, |number| number + 1);
        let ids: Vec<u64> = page.items.iter().map(|member| number(&member.id)).collect();
        Ok(json!([["", ids]]))
    }
}
