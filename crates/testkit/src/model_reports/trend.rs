//! Trends: each cell of each row is worked out alone, from all events.

use std::collections::HashSet;

use muster_kernel::model::calendar::{Buckets, Span};
use muster_kernel::model::report::trend::{
    TrendAnswer, TrendLine, TrendMeasure, TrendNumber, TrendQuestion, TrendRow, TrendSeries, leading,
    number_of, sum_of, summand,
};
use muster_kernel::model::report::{Level, Row};

use super::{Group, World, ranked, stands_in};
use crate::model_history::{Told, told};

/// See `Reports::trend`.
pub fn answer(world: World<'_>, question: &TrendQuestion) -> TrendAnswer {
    TrendAnswer { lines: question.series.iter().map(|series| line(world, question, series)).collect() }
}

fn line(world: World<'_>, question: &TrendQuestion, series: &TrendSeries) -> TrendLine {
    let now = cells(&question.buckets, &series.measure, false);
    let all = told(world.events);
    let events = meant(world, &all, question, series);
    let group_of = |told: &&&Told<'_>| world.group(question.level, question.breakdown.as_ref(), told);
    let inside = events.iter().filter(|told| is_counted(told, &now));
    let (own, groups_left_out) = match question.breakdown {
        Some(_) => ranked(inside.map(|told| group_of(&told)), question.groups_max),
        None => (Vec::new(), 0),
    };
    let row = |cells: &[Cell<'_>], keep: &dyn Fn(&Group) -> bool| {
        let kept: Vec<&Told<'_>> = events.iter().filter(|told| keep(&group_of(told))).copied().collect();
        row(&kept, cells, &series.measure, &|told| world.subject_of(question.level, told))
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

/// The events that a series means, of those who take part.
fn meant<'t, 'a>(
    world: World<'_>,
    all: &'t [Told<'a>],
    question: &TrendQuestion,
    series: &TrendSeries,
) -> Vec<&'t Told<'a>> {
    let who = world.who(question.level, &question.who);
    let asks_whom =
        question.level == Level::Company || !question.who.is_everybody() || series.measure.is_of_users();
    let takes_part = |told: &&Told<'_>| {
        let is_of_them = world.subject_of(question.level, told).is_some_and(|id| who.contains(id));
        world.means(&series.pattern, told) && (!asks_whom || is_of_them)
    };
    all.iter().filter(takes_part).collect()
}

/// The ids of those behind a number: the users of the events that it counts.
pub fn people(world: World<'_>, question: &TrendQuestion, number: &TrendNumber) -> Vec<String> {
    let Some(series) = question.series.get(number.series) else { return Vec::new() };
    let now = cells(&question.buckets, &series.measure, false);
    let all = told(world.events);
    let events = meant(world, &all, question, series);
    let group_of = |told: &Told<'_>| world.group(question.level, question.breakdown.as_ref(), told);
    let inside = events.iter().filter(|told| is_counted(told, &now));
    let (own, _) = ranked(inside.map(|told| group_of(told)), question.groups_max);
    let is_behind = |told: &&&Told<'_>| {
        let in_time = match number.interval {
            Some(interval) => now[interval].holds(told),
            None => is_counted(told, &now),
        };
        let in_row = number.row == Row::All || stands_in(&number.row, &group_of(told), &own);
        let counts = match &series.measure {
            TrendMeasure::UniqueCompanies => told.event.company_id.is_some(),
            measure => measure.property().is_none() || number_in(told, measure).is_some(),
        };
        in_time && in_row && counts
    };
    let behind = events.iter().filter(is_behind);
    behind.filter_map(|told| Some(world.subject_of(question.level, told)?.to_owned())).collect()
}

fn number_in(told: &Told<'_>, measure: &TrendMeasure) -> Option<f64> {
    let (_, value) = told.event.properties.iter().find(|(name, _)| Some(*name) == measure.property())?;
    number_of(value)
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

fn row<'a>(
    events: &[&Told<'a>],
    cells: &[Cell<'_>],
    measure: &TrendMeasure,
    subject: &dyn Fn(&Told<'a>) -> Option<&'a str>,
) -> TrendRow {
    let among = |holds: &dyn Fn(&Told<'_>) -> bool| {
        let held: Vec<&Told<'a>> = events.iter().filter(|told| holds(told)).copied().collect();
        value(&held, measure, subject)
    };
    TrendRow {
        values: cells.iter().map(|cell| among(&|told| cell.holds(told))).collect(),
        whole: among(&|told| cells.iter().any(|cell| cell.holds(told))),
    }
}

fn value<'a>(
    events: &[&Told<'a>],
    measure: &TrendMeasure,
    subject: &dyn Fn(&Told<'a>) -> Option<&'a str>,
) -> Option<f64> {
    let users: HashSet<_> = events.iter().filter_map(|told| subject(told)).collect();
    let companies: HashSet<_> = events.iter().filter_map(|told| told.event.company_id).collect();
    let mut numbers: Vec<f64> = events.iter().filter_map(|told| number_in(told, measure)).collect();
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
