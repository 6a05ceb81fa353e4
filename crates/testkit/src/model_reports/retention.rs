//! Retention: each user is asked about each cohort and each period.

use muster_kernel::model::report::retention::{
    Cohort, Cohorts, RetentionAnswer, RetentionNumber, RetentionQuestion, Returned,
};
use muster_kernel::model::time::Timestamp;

use super::World;

/// Somebody, and when they began and came back.
struct Timed<'a> {
    id: &'a str,
    starts: Vec<Timestamp>,
    returns: Vec<Timestamp>,
}

fn timed<'a>(world: World<'a>, question: &RetentionQuestion) -> Vec<Timed<'a>> {
    let people = world.people(question.level, &question.who).into_iter();
    let timed = |person: super::Person<'a>| {
        let times = |pattern| {
            let meant = person.events.iter().filter(|told| world.means(pattern, told));
            meant.map(|told| told.at).collect()
        };
        Timed { id: person.id, starts: times(&question.start), returns: times(&question.returning) }
    };
    people.map(timed).collect()
}

/// See `Reports::retention`.
pub fn answer(world: World<'_>, question: &RetentionQuestion) -> RetentionAnswer {
    let people = timed(world, question);
    let count = |asked: &dyn Fn(&Timed<'_>) -> bool| people.iter().filter(|one| asked(one)).count() as u64;
    let cohort = |cohort: usize| Cohort {
        size: count(&|person| belongs(question, person, cohort)),
        returned: (0..question.periods_of(cohort))
            .map(|period| {
                count(&|person| {
                    belongs(question, person, cohort) && has_returned(question, person, cohort, period)
                })
            })
            .collect(),
    };
    RetentionAnswer { cohorts: (0..question.cohorts).map(cohort).collect() }
}

/// The ids of those behind a number.
pub fn people<'a>(world: World<'a>, question: &RetentionQuestion, number: &RetentionNumber) -> Vec<&'a str> {
    let people = timed(world, question);
    let is_meant = |person: &&Timed<'_>| {
        let returned =
            number.period.is_none_or(|period| has_returned(question, person, number.cohort, period));
        belongs(question, person, number.cohort) && returned
    };
    people.iter().filter(is_meant).map(|person| person.id).collect()
}

fn belongs(question: &RetentionQuestion, person: &Timed<'_>, cohort: usize) -> bool {
    let in_cohort = |at: Timestamp| question.intervals.index(at) == Some(cohort);
    match question.belong {
        Cohorts::FirstTime => person.starts.iter().copied().min().is_some_and(in_cohort),
        Cohorts::Recurring => person.starts.iter().copied().any(in_cohort),
    }
}

fn has_returned(question: &RetentionQuestion, person: &Timed<'_>, cohort: usize, period: usize) -> bool {
    let wanted = cohort + period;
    let ends = cohort + question.periods_of(cohort);
    person.returns.iter().copied().any(|at| {
        let interval = question.intervals.index(at);
        match question.returned {
            Returned::On => interval == Some(wanted),
            Returned::OnOrAfter => interval.is_some_and(|interval| (wanted..ends).contains(&interval)),
            Returned::Unbounded => {
                at >= question.intervals.span().until || interval.is_some_and(|interval| interval >= wanted)
            }
        }
    })
}
