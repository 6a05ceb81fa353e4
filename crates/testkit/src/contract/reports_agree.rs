//! Any question, asked of an engine and of the model: both say the same, and the people behind each number are as many as
//! it says.

use muster_kernel::model::id::EnvironmentId;
use muster_kernel::model::report::funnel::{Counting, FunnelAnswer, FunnelNumber, FunnelQuestion};
use muster_kernel::model::report::path::{PathNumber, PathQuestion};
use muster_kernel::model::report::retention::{RetentionNumber, RetentionQuestion};
use muster_kernel::model::report::trend::{TrendMeasure, TrendNumber, TrendQuestion};
use muster_kernel::model::report::{Behind, People, Pin, Row};
use muster_kernel::ports::{Inquiry, PeoplePage, Reports, StoreError};

use crate::model_reports::funnel::Outcomes;
use crate::model_reports::{World, path, retention, trend};

/// Asks a funnel of an engine that holds what `world` does, and for the people behind each of its numbers.
pub fn funnels_agree(
    reports: &dyn Reports,
    environment: EnvironmentId,
    world: World<'_>,
    question: &FunnelQuestion,
) {
    assert_eq!(question.check(), Ok(()));
    let inquiry = Inquiry::default();
    let found = reports.funnel(environment, question, &inquiry).unwrap_or_else(|error| panic!("{error}"));
    let outcomes = Outcomes::of(world, question);
    assert_eq!(found.answer, outcomes.answer(), "{question:?}");
    let (done, all) = inquiry.progress();
    assert!(done <= all);
    for (row, count) in rows(&found.answer) {
        for step in 0..question.steps.len() {
            for stayed in [false, true] {
                let number = FunnelNumber { step, stayed, row: row.clone() };
                assert_eq!(number.check(question), Ok(()));
                let behind = Behind::Funnel(question, &number);
                let expected = outcomes.people(&number, None, usize::MAX);
                let total = all_pages(reports, environment, behind, (expected, found.pin));
                let counted =
                    count[step] - if stayed { count.get(step + 1).copied().unwrap_or(0) } else { 0 };
                if question.counting == Counting::Users {
                    assert_eq!(total, counted, "{number:?} of {question:?}");
                } else {
                    assert!(total <= counted, "{number:?} of {question:?}");
                }
            }
        }
    }
}

/// Every row of an answer and its counts.
fn rows(answer: &FunnelAnswer) -> Vec<(Row, Vec<u64>)> {
    let groups = answer.groups.iter().map(|(group, row)| (Row::Group(group.clone()), row));
    let all = std::iter::once((Row::All, &answer.total)).chain(groups);
    let all = all.chain(answer.other.as_ref().map(|row| (Row::Other, row)));
    all.map(|(row, counted)| (row, counted.steps.iter().map(|step| step.count).collect())).collect()
}

/// Asks who comes back of an engine that holds what `world` does, and for the people behind each number.
pub fn retentions_agree(
    reports: &dyn Reports,
    environment: EnvironmentId,
    world: World<'_>,
    question: &RetentionQuestion,
) {
    assert_eq!(question.check(), Ok(()));
    let inquiry = Inquiry::default();
    let found = reports.retention(environment, question, &inquiry).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(found.answer, retention::answer(world, question), "{question:?}");
    for (index, cohort) in found.answer.cohorts.iter().enumerate() {
        let periods = cohort.returned.iter().enumerate().map(|(period, count)| (Some(period), *count));
        for (period, count) in periods.chain([(None, cohort.size)]) {
            let number = RetentionNumber { cohort: index, period };
            let behind = Behind::Retention(question, &number);
            let expected = world.behind(behind, None, usize::MAX);
            let total = all_pages(reports, environment, behind, (expected, found.pin));
            assert_eq!(total, count, "{number:?} of {question:?}");
        }
    }
}

/// Asks how much there was of an engine that holds what `world` does.
pub fn trends_agree(
    reports: &dyn Reports,
    environment: EnvironmentId,
    world: World<'_>,
    question: &TrendQuestion,
) {
    assert_eq!(question.check(), Ok(()));
    let found = reports.trend(environment, question, &Inquiry::default());
    let found = found.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(found.answer, trend::answer(world, question), "{question:?}");
    for (index, line) in found.answer.lines.iter().enumerate() {
        let groups = line.groups.iter().map(|(group, row)| (Row::Group(group.clone()), row));
        let rows = std::iter::once((Row::All, &line.total)).chain(groups);
        for (row, told) in rows.chain(line.other.as_ref().map(|other| (Row::Other, other))) {
            // The first interval stands for all: each number costs two answers of the model.
            for (interval, value) in [(None, told.whole), (Some(0), told.values.first().copied().flatten())] {
                let number = TrendNumber { series: index, interval, row: row.clone() };
                assert_eq!(number.check(question), Ok(()));
                let behind = Behind::Trend(question, &number);
                let expected = world.behind(behind, None, usize::MAX);
                let total = all_pages(reports, environment, behind, (expected, found.pin));
                let counts_users = matches!(
                    question.series[index].measure,
                    TrendMeasure::UniqueUsers | TrendMeasure::Trailing { .. }
                );
                if counts_users {
                    assert_eq!(Some(total as f64), value, "{number:?} of {question:?}");
                }
            }
        }
    }
}

/// Asks what people did next of an engine that holds what `world` does.
pub fn paths_agree(
    reports: &dyn Reports,
    environment: EnvironmentId,
    world: World<'_>,
    question: &PathQuestion,
) {
    assert_eq!(question.check(), Ok(()));
    let found = reports.path(environment, question, &Inquiry::default());
    let found = found.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(found.answer, path::answer(world, question), "{question:?}");
    for (level, branches) in found.answer.levels.iter().enumerate() {
        for (branch, told) in branches.iter().enumerate() {
            let number = PathNumber { level, branch };
            assert_eq!(number.check(question), Ok(()));
            let behind = Behind::Path(question, &number);
            let expected = world.behind(behind, None, usize::MAX);
            let total = all_pages(reports, environment, behind, (expected, found.pin));
            assert_eq!(total, told.users, "{number:?} of {question:?}");
        }
    }
}

fn ids_of(people: Result<People, StoreError>) -> Vec<String> {
    let people = people.unwrap_or_else(|error| panic!("{error}"));
    people.page.items
}

/// The ids on all pages, in order, each once, and their number as every page says it; there are a few pages, if there are
/// enough people. They are those of the model, and the same whether asked of now or of the pin.
fn all_pages(
    reports: &dyn Reports,
    environment: EnvironmentId,
    number: Behind<'_>,
    (expected, pin): (Result<People, StoreError>, Option<Pin>),
) -> u64 {
    let expected = ids_of(expected);
    let limit = expected.len() / 3 + 1;
    let (mut ids, mut after) = (Vec::new(), None);
    loop {
        // Pages of both make one list.
        let pin = pin.filter(|_| ids.len() % 2 == 0);
        let asked = PeoplePage { pin, after: after.as_ref(), limit };
        let found = reports.people(environment, number, asked, &Inquiry::default());
        let People { total, page } = found.unwrap_or_else(|error| panic!("{error}"));
        assert!(page.items.len() <= limit);
        ids.extend(page.items);
        after = page.next;
        if after.is_none() {
            assert_eq!(ids.len() as u64, total);
            ids.sort();
            assert_eq!(ids, expected, "{number:?}");
            return total;
        }
    }
}
