//! Trends: each cell of each row is worked out alone, from all events.

use std::collections::HashSet;

use muster_kernel::model::calendar::{Buckets, Span};
use muster_kernel::model::report::trend::{
    TrendAnswer, TrendLine, TrendMeasure, TrendQuestion, TrendRow, TrendSeries, leading, number_of, sum_of,
    summand,
};

use super::{Group, World, ranked};
use crate::model_history::{Told, told};

/// See `Reports::trend`.
pub fn answer(world: World<'_>, question: &TrendQuestion) -> TrendAnswer {
    TrendAnswer { lines: question.series.iter().map(|series| line(world, question, series)).collect() }
}

fn line(world: World<'_>, question: &TrendQuestion, series: &TrendSeries) -> TrendLine {
    let now = cells(&question.buckets, &series.measure, false);
    let all = told(world.events);
    let takes_part = |told: &&Told<'_>| {
        let about = told.event.user_id;
        let asks_whom = !question.who.properties.is_empty() || series.measure.is_of_users();
        let property = |name: &str| world.users.get(about?)?.property(name);
        series.pattern.matches(&told.event) && (!asks_whom || about.is_some()) && question.who.takes(property)
    };
    let events: Vec<&Told<'_>> = all.iter().filter(takes_part).collect();
    let group_of = |told: &&&Told<'_>| world.group(question.breakdown.as_ref(), told);
    let inside = events.iter().filter(|told| is_counted(told, &now));
    let (own, groups_left_out) = match question.breakdown {
        Some(_) => ranked(inside.map(|told| group_of(&told)), question.groups_max),
        None => (Vec::new(), 0),
    };
    let row = |cells: &[Cell<'_>], keep: &dyn Fn(&Group) -> bool| {
        let kept: Vec<&Told<'_>> = events.iter().filter(|told| keep(&group_of(told))).copied().collect();
        row(&kept, cells, &series.measure)
    };
    let before = question.previous.as_ref().map(|previous| cells(previous, &series.measure, true));
    TrendLine {
        total: row(&now, &|_| true),
        previous: before.map(|before| row(&before, &|_| true)),
        groups: own.iter().map(|group| (group.clone(), row(&now, &|found| found == group))).collect(),
        other: (groups_left_out > 0).then(|| row(&now, &|found| !own.contains(found))),
        groups_left_out,
    }
}

/// Which events an interval counts.
enum Cell<'q> {
    Interval(&'q Buckets, usize),
    Trailing(Span),
}

fn cells<'q>(buckets: &'q Buckets, measure: &TrendMeasure, before: bool) -> Vec<Cell<'q>> {
    match measure {
        TrendMeasure::Trailing { spans, previous } => {
            let spans = if before { previous } else { spans };
            spans.iter().map(|span| Cell::Trailing(*span)).collect()
        }
        _ => (0..buckets.count()).map(|index| Cell::Interval(buckets, index)).collect(),
    }
}

impl Cell<'_> {
    fn holds(&self, told: &Told<'_>) -> bool {
        match self {
            Cell::Interval(buckets, index) => buckets.index(told.at) == Some(*index),
            Cell::Trailing(span) => span.contains(told.at),
        }
    }
}

fn is_counted(told: &Told<'_>, cells: &[Cell<'_>]) -> bool {
    cells.iter().any(|cell| cell.holds(told))
}

fn row(events: &[&Told<'_>], cells: &[Cell<'_>], measure: &TrendMeasure) -> TrendRow {
    let among = |holds: &dyn Fn(&Told<'_>) -> bool| {
        let held: Vec<&Told<'_>> = events.iter().filter(|told| holds(told)).copied().collect();
        value(&held, measure)
    };
    TrendRow {
        values: cells.iter().map(|cell| among(&|told| cell.holds(told))).collect(),
        whole: among(&|told| cells.iter().any(|cell| cell.holds(told))),
    }
}

fn value(events: &[&Told<'_>], measure: &TrendMeasure) -> Option<f64> {
    let users: HashSet<_> = events.iter().filter_map(|told| told.event.user_id).collect();
    let companies: HashSet<_> = events.iter().filter_map(|told| told.event.company_id).collect();
    let number = |told: &&&Told<'_>| {
        let (_, value) = told.event.properties.iter().find(|(name, _)| Some(*name) == measure.property())?;
        number_of(value)
    };
    let mut numbers: Vec<f64> = events.iter().filter_map(|told| number(&told)).collect();
    numbers.sort_by(f64::total_cmp);
    let summands: Vec<i128> = numbers.iter().filter_map(|number| summand(*number)).collect();
    let sum = sum_of(summands.iter().sum());
    match measure {
        TrendMeasure::Total => Some(events.len() as f64),
        TrendMeasure::UniqueUsers | TrendMeasure::Trailing { .. } => Some(users.len() as f64),
        TrendMeasure::UniqueCompanies => Some(companies.len() as f64),
        TrendMeasure::PerUser => (!users.is_empty()).then(|| events.len() as f64 / users.len() as f64),
        TrendMeasure::Sum(_) => Some(sum),
        TrendMeasure::Average(_) => (!summands.is_empty()).then(|| sum / summands.len() as f64),
        TrendMeasure::Min(_) => numbers.first().copied(),
        TrendMeasure::Max(_) => numbers.last().copied(),
        TrendMeasure::Percentile(_, percent) => {
            let rank = (numbers.len() * usize::from(*percent)).div_ceil(100);
            numbers.get(rank.checked_sub(1)?).map(|number| leading(*number))
        }
    }
}
