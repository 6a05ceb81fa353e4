//! Any question, asked of an engine and of the model: both say the same, and the people behind each number are as many as
//! it says.

use muster_kernel::model::id::EnvironmentId;
use muster_kernel::model::page::Cursor;
use muster_kernel::model::report::funnel::{Counting, FunnelAnswer, FunnelNumber, FunnelQuestion};
use muster_kernel::model::report::path::PathQuestion;
use muster_kernel::model::report::retention::{RetentionNumber, RetentionQuestion};
use muster_kernel::model::report::trend::TrendQuestion;
use muster_kernel::model::report::{People, Row};
use muster_kernel::ports::{Inquiry, Reports, StoreError};

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
    assert_eq!(found, outcomes.answer(), "{question:?}");
    let (done, all) = inquiry.progress();
    assert!(done <= all);
    for (row, count) in rows(&found) {
        for step in 0..question.steps.len() {
            for stayed in [false, true] {
                let number = FunnelNumber { step, stayed, row: row.clone() };
                assert_eq!(number.check(question), Ok(()));
                let expected = outcomes.people(&number, None, usize::MAX);
                let (ids, total) = all_pages(&expected, |after, limit| {
                    reports.funnel_people(environment, question, &number, after, limit, &inquiry)
                });
                assert_eq!(ids, ids_of(expected), "{number:?} of {question:?}");
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
    assert_eq!(found, retention::answer(world, question), "{question:?}");
    for (index, cohort) in found.cohorts.iter().enumerate() {
        let periods = cohort.returned.iter().enumerate().map(|(period, count)| (Some(period), *count));
        for (period, count) in periods.chain([(None, cohort.size)]) {
            let number = RetentionNumber { cohort: index, period };
            let expected = retention::people(world, question, &number, None, usize::MAX);
            let (ids, total) = all_pages(&expected, |after, limit| {
                reports.retention_people(environment, question, &number, after, limit, &inquiry)
            });
            let expected = ids_of(expected);
            assert_eq!((ids, total), (expected, count), "{number:?} of {question:?}");
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
    assert_eq!(found, trend::answer(world, question), "{question:?}");
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
    assert_eq!(found, path::answer(world, question), "{question:?}");
}

fn ids_of(people: Result<People, StoreError>) -> Vec<String> {
    let people = people.unwrap_or_else(|error| panic!("{error}"));
    people.page.items.iter().map(|id| id.as_str().to_owned()).collect()
}

/// The ids on all pages, in order, each once, and their number as every page says it; there are a few pages, if there are
/// enough people.
fn all_pages(
    expected: &Result<People, StoreError>,
    ask: impl Fn(Option<&Cursor>, usize) -> Result<People, StoreError>,
) -> (Vec<String>, u64) {
    let limit = expected.as_ref().map_or(1, |people| people.page.items.len() / 3 + 1);
    let (mut ids, mut after) = (Vec::new(), None);
    loop {
        let People { total, page } = ask(after.as_ref(), limit).unwrap_or_else(|error| panic!("{error}"));
        assert!(page.items.len() <= limit);
        ids.extend(page.items.iter().map(|id| id.as_str().to_owned()));
        after = page.next;
        if after.is_none() {
            assert_eq!(ids.len() as u64, total);
            ids.sort();
            assert!(ids.windows(2).all(|pair| pair[0] != pair[1]), "each once");
            return (ids, total);
        }
    }
}
