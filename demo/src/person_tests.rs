//! Who the people are and how far they come.

use std::collections::HashSet;

use super::*;
use crate::company::companies;

fn world() -> (Vec<Company>, Vec<Person>, Moment) {
    let now = Moment::parse("2026-11-20T15:00:00Z").unwrap();
    let opening = now.plus(-90 * DAY);
    let mut companies = companies(7, opening, now, 8000);
    let people = people(7, &mut companies, opening, now);
    (companies, people, now)
}

#[test]
fn the_funnel_leaks_at_every_step_and_nobody_skips_one() {
    let (companies, people, now) = world();
    let taken: Vec<usize> = (0..FUNNEL.len())
        .map(|step| people.iter().filter(|person| person.steps.len() > step).count())
        .collect();
    assert_eq!(taken[0], 8000);
    assert!(taken.windows(2).all(|pair| pair[0] > pair[1]), "{taken:?}");
    assert!(taken[UPGRADED] > 20, "{taken:?}");
    for person in &people {
        assert!(person.steps.windows(2).all(|pair| pair[0] < pair[1]), "{person:?}");
        assert!(person.steps.iter().all(|step| *step < now), "{person:?}");
        assert!(person.signed_up_at >= companies[person.company].created_at, "{person:?}");
    }
    let upgraded = companies.iter().filter(|company| company.upgraded_at.is_some()).count();
    assert_eq!(upgraded, taken[UPGRADED], "one person upgrades a company");
}

#[test]
fn people_of_dearer_plans_stay_longer() {
    let (companies, people, now) = world();
    let opening = now.plus(-90 * DAY);
    let stayed = |plan: Plan| {
        let old = people.iter().filter(|person| {
            person.signed_up_at < opening && companies[person.company].plan_at(opening) == plan
        });
        let old: Vec<_> = old.collect();
        assert!(old.len() > 50, "{plan:?}: {}", old.len());
        old.iter().filter(|person| person.leaves_at > opening.plus(30 * DAY)).count() as f64
            / old.len() as f64
    };
    let shares = [Plan::Free, Plan::Starter, Plan::Growth, Plan::Enterprise].map(stayed);
    assert!(shares.windows(2).all(|pair| pair[0] + 0.05 < pair[1]), "{shares:?}");
}

#[test]
fn ids_are_distinct_and_addresses_plain() {
    let (companies, people, _) = world();
    let ids: HashSet<String> = people.iter().map(Person::id_text).collect();
    assert_eq!(ids.len(), 8000);
    assert!(ids.iter().all(|id| id.len() <= 255), "no id is refused");
    for person in &people {
        assert!(
            person.email.is_ascii() && person.email.ends_with(&companies[person.company].domain),
            "{person:?}"
        );
    }
}

#[test]
fn there_are_power_users_and_people_who_left() {
    let (_, people, now) = world();
    let share = |holds: &dyn Fn(&Person) -> bool| {
        people.iter().filter(|person| holds(person)).count() as f64 / people.len() as f64
    };
    let (power, left) = (share(&Person::is_power_user), share(&|person| person.leaves_at < now));
    assert!((0.05..0.12).contains(&power), "{power}");
    assert!((0.2..0.7).contains(&left), "{left}");
}
