//! Paths: each user's path is written down as a list of names, then equal steps are counted.

use std::collections::BTreeMap;

use muster_kernel::model::history::EventName;
use muster_kernel::model::report::is_active;
use muster_kernel::model::report::path::{Direction, PathAnswer, PathBranch, PathNumber, PathQuestion};

use super::{Person, World};

/// See `Reports::path`.
pub fn answer(world: World<'_>, question: &PathQuestion) -> PathAnswer {
    let paths: Vec<Vec<EventName>> = world
        .people(question.level, &question.who)
        .iter()
        .filter_map(|person| path(world, person, question))
        .collect();
    let names: Vec<Vec<EventName>> =
        (0..=question.levels).map(|level| ranked(paths.iter().filter_map(|path| path.get(level)))).collect();
    let own = |level: usize| names[level].iter().take(question.branches_max);
    let branches = |level: usize| -> Vec<Option<EventName>> {
        let has_others = names[level].len() > question.branches_max;
        own(level).cloned().map(Some).chain(has_others.then_some(None)).collect()
    };
    let branch_of = |path: &Vec<EventName>, level: usize| -> Option<Option<EventName>> {
        let name = path.get(level)?;
        Some(own(level).any(|known| known == name).then(|| name.clone()))
    };
    let level_of = |level: usize| -> Vec<PathBranch> {
        let branch = |event: Option<EventName>| {
            let through: Vec<&Vec<EventName>> =
                paths.iter().filter(|path| branch_of(path, level).as_ref() == Some(&event)).collect();
            let on_to = |next: &Option<EventName>| {
                through.iter().filter(|path| branch_of(path, level + 1).as_ref() == Some(next)).count() as u64
            };
            let is_last = level + 1 == question.levels;
            let ended = through.iter().filter(|path| path.len() == level + 1 && !is_last).count() as u64;
            let next = branches(level + 1).iter().map(on_to).collect();
            PathBranch { event, users: through.len() as u64, ended, next }
        };
        branches(level).into_iter().map(branch).collect()
    };
    let levels = (0..question.levels).map(level_of).take_while(|level| !level.is_empty()).collect();
    PathAnswer { levels }
}

/// The ids of those behind a branch.
pub fn people<'a>(world: World<'a>, question: &PathQuestion, number: PathNumber) -> Vec<&'a str> {
    let paths: Vec<(&str, Vec<EventName>)> = (world.people(question.level, &question.who).iter())
        .filter_map(|person| Some((person.id, path(world, person, question)?)))
        .collect();
    let at = |path: &Vec<EventName>| path.get(number.level).cloned();
    let here: Vec<EventName> = paths.iter().filter_map(|(_, path)| at(path)).collect();
    let names = ranked(here.iter());
    let own = &names[..names.len().min(question.branches_max)];
    let is_behind = |name: EventName| match own.get(number.branch) {
        Some(meant) => name == *meant,
        None => number.branch == own.len() && !own.contains(&name),
    };
    paths.iter().filter(|(_, path)| at(path).is_some_and(is_behind)).map(|(id, _)| *id).collect()
}

fn ranked<'a>(names: impl Iterator<Item = &'a EventName>) -> Vec<EventName> {
    let mut counts: BTreeMap<&EventName, u64> = BTreeMap::new();
    names.for_each(|name| *counts.entry(name).or_default() += 1);
    let mut ranked: Vec<(&EventName, u64)> = counts.into_iter().collect();
    ranked.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    ranked.into_iter().map(|(name, _)| name.clone()).collect()
}

fn path(world: World<'_>, person: &Person<'_>, question: &PathQuestion) -> Option<Vec<EventName>> {
    let mut events: Vec<_> = person.events.iter().collect();
    if question.direction == Direction::To {
        events.reverse();
    }
    let anchor = events
        .iter()
        .position(|told| question.span.contains(told.at) && world.means(&question.anchor, told))?;
    let mut path = vec![EventName::of(&events[anchor].event)];
    for told in &events[anchor + 1..] {
        if (told.at.0 - events[anchor].at.0).abs() > question.window || path.len() > question.levels {
            break;
        }
        let name = EventName::of(&told.event);
        if is_active(told.event.kind) && path.last() != Some(&name) {
            path.push(name);
        }
    }
    path.truncate(question.levels);
    Some(path)
}
