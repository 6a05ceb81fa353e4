//! Funnels: every attempt that there could be is looked at.

use muster_kernel::model::page::Cursor;
use muster_kernel::model::report::funnel::{
    Counting, FunnelAnswer, FunnelNumber, FunnelQuestion, FunnelRow, FunnelStep, Order,
};
use muster_kernel::model::report::{People, Spread, is_active, rounded};
use muster_kernel::ports::StoreError;

use super::{Group, Person, World, page, ranked, stands_in};
use crate::model_history::Told;

/// A user, or an attempt of one: in which group, and how long it took to each step that was reached.
struct Outcome<'a> {
    id: &'a str,
    group: Group,
    times: Vec<u64>,
}

/// What came of everybody, or of every attempt.
pub struct Outcomes<'a> {
    question: &'a FunnelQuestion,
    all: Vec<Outcome<'a>>,
    own: Vec<Group>,
    groups_left_out: u64,
}

impl<'a> Outcomes<'a> {
    /// Of a question.
    pub fn of(world: World<'a>, question: &'a FunnelQuestion) -> Outcomes<'a> {
        let all = outcomes(world, question);
        let (own, groups_left_out) = own_rows(question, &all);
        Outcomes { question, all, own, groups_left_out }
    }

    /// See `Reports::funnel`.
    pub fn answer(&self) -> FunnelAnswer {
        let row = |keep: &dyn Fn(&Group) -> bool| {
            let kept: Vec<&Outcome<'_>> = self.all.iter().filter(|outcome| keep(&outcome.group)).collect();
            FunnelRow { steps: (0..self.question.steps.len()).map(|step| step_of(&kept, step)).collect() }
        };
        FunnelAnswer {
            total: row(&|_| true),
            groups: self.own.iter().map(|group| (group.clone(), row(&|found| found == group))).collect(),
            other: (self.groups_left_out > 0).then(|| row(&|found| !self.own.contains(found))),
            groups_left_out: self.groups_left_out,
        }
    }

    /// See `Reports::funnel_people`.
    ///
    /// # Errors
    /// As that.
    pub fn people(
        &self,
        number: &FunnelNumber,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<People, StoreError> {
        let counts = |outcome: &&Outcome<'_>| {
            let reached = outcome.times.len();
            let so_far = if number.stayed { reached == number.step + 1 } else { reached > number.step };
            so_far && stands_in(&number.row, &outcome.group, &self.own)
        };
        page(self.all.iter().filter(counts).map(|outcome| outcome.id).collect(), after, limit)
    }
}

fn own_rows(question: &FunnelQuestion, outcomes: &[Outcome<'_>]) -> (Vec<Group>, u64) {
    match question.breakdown {
        Some(_) => ranked(outcomes.iter().map(|outcome| outcome.group.clone()), question.groups_max),
        None => (Vec::new(), 0),
    }
}

fn step_of(outcomes: &[&Outcome<'_>], step: usize) -> FunnelStep {
    let times: Vec<u64> = outcomes.iter().filter_map(|outcome| outcome.times.get(step).copied()).collect();
    FunnelStep { count: times.len() as u64, time: if step == 0 { None } else { spread(&times) } }
}

fn spread(times: &[u64]) -> Option<Spread> {
    let mut sorted: Vec<u64> = times.iter().map(|time| rounded(*time)).collect();
    sorted.sort_unstable();
    let at = |percent: usize| sorted.get((sorted.len() * percent).div_ceil(100).saturating_sub(1)).copied();
    let mean_us = times.iter().sum::<u64>().checked_div(times.len() as u64)?;
    Some(Spread { mean_us, median_us: at(50)?, p90_us: at(90)? })
}

fn outcomes<'a>(world: World<'a>, question: &FunnelQuestion) -> Vec<Outcome<'a>> {
    let mut outcomes = Vec::new();
    for person in world.people(question.level, &question.who) {
        let events = taking_part(world, &person, question);
        match question.counting {
            Counting::Users => outcomes.extend(furthest(world, question, person.id, &events)),
            Counting::Attempts => outcomes.extend(attempts(world, question, person.id, &events)),
        }
    }
    outcomes
}

/// What an event is to a funnel.
struct Met<'e, 'a> {
    told: &'e Told<'a>,
    steps: Vec<usize>,
    exclusions: Vec<usize>,
}

fn taking_part<'e, 'a>(
    world: World<'a>,
    person: &'e Person<'a>,
    question: &FunnelQuestion,
) -> Vec<Met<'e, 'a>> {
    let met = |told: &'e Told<'a>| {
        let mut steps: Vec<usize> =
            (0..question.steps.len()).filter(|step| world.means(&question.steps[*step], told)).collect();
        if question.order == Order::Any {
            steps.truncate(1);
        }
        let exclusions: Vec<usize> = (0..question.exclusions.len())
            .filter(|index| world.means(&question.exclusions[*index].pattern, told))
            .collect();
        let stands_between = question.order == Order::Strict && is_active(told.event.kind);
        let takes_part = stands_between || !steps.is_empty() || !exclusions.is_empty();
        takes_part.then_some(Met { told, steps, exclusions })
    };
    person.events.iter().filter_map(met).collect()
}

/// Whether an exclusion that this event means is at work when `step` is done and the next is not.
fn is_excluded(question: &FunnelQuestion, met: &Met<'_, '_>, step: usize) -> bool {
    met.exclusions.iter().any(|index| {
        let exclusion = &question.exclusions[*index];
        (exclusion.after..exclusion.before).contains(&step)
    })
}

/// Which of all attempts come to each step first, and of those with the same event the one that began last.
fn furthest<'a>(
    world: World<'a>,
    question: &FunnelQuestion,
    id: &'a str,
    events: &[Met<'_, 'a>],
) -> Option<Outcome<'a>> {
    let mut chosen: Vec<Option<(usize, usize)>> = vec![None; question.steps.len()];
    for start in 0..events.len() {
        if !question.span.contains(events[start].told.at) {
            continue;
        }
        let reached = match question.order {
            Order::Any => in_any_order(question, &events[start..]),
            Order::Ordered | Order::Strict => in_order(question, &events[start..]),
        };
        for (best, end) in chosen.iter_mut().zip(reached) {
            let Some(end) = end.map(|end| start + end) else { continue };
            if best.is_none_or(|(known, _)| end <= known) {
                *best = Some((end, start));
            }
        }
    }
    let reached: Vec<(usize, usize)> = chosen.into_iter().map_while(|best| best).collect();
    let time =
        |(end, start): &(usize, usize)| (events[*end].told.at.0 - events[*start].told.at.0).cast_unsigned();
    let (_, start) = reached.last()?;
    let group = world.group(question.level, question.breakdown.as_ref(), events[*start].told);
    Some(Outcome { id, group, times: reached.iter().map(time).collect() })
}

/// For each step the earliest event that can serve it, in an attempt that begins with the first of these.
fn in_order(question: &FunnelQuestion, events: &[Met<'_, '_>]) -> Vec<Option<usize>> {
    let steps = question.steps.len();
    let mut can = vec![vec![false; events.len()]; steps];
    can[0][0] = events[0].steps.contains(&0);
    for step in 1..steps {
        for end in 1..events.len() {
            if !events[end].steps.contains(&step)
                || events[end].told.at.0 - events[0].told.at.0 > question.window
            {
                continue;
            }
            let nearest = if question.order == Order::Strict { end - 1 } else { 0 };
            can[step][end] = (nearest..end).any(|before| {
                let excluded = |met: &Met<'_, '_>| is_excluded(question, met, step - 1);
                can[step - 1][before] && !events[before + 1..=end].iter().any(excluded)
            });
        }
    }
    can.iter().map(|ends| ends.iter().position(|can| *can)).collect()
}

/// For each number of steps the earliest event with which so many are done.
fn in_any_order(question: &FunnelQuestion, events: &[Met<'_, '_>]) -> Vec<Option<usize>> {
    let mut done: Vec<usize> = Vec::new();
    let mut reached = vec![None; question.steps.len()];
    for (end, met) in events.iter().enumerate() {
        let is_late = met.told.at.0 - events[0].told.at.0 > question.window;
        if is_late || (end > 0 && is_excluded(question, met, 0)) || (end == 0 && met.steps.is_empty()) {
            break;
        }
        for step in &met.steps {
            if !done.contains(step) {
                reached[done.len()] = Some(end);
                done.push(*step);
            }
        }
    }
    reached
}

/// One attempt after the other.
fn attempts<'a>(
    world: World<'a>,
    question: &FunnelQuestion,
    id: &'a str,
    events: &[Met<'_, 'a>],
) -> Vec<Outcome<'a>> {
    let mut finished = Vec::new();
    let mut next = 0;
    while next < events.len() {
        let start = next;
        let begins = match question.order {
            Order::Any => events[start].steps.first().copied(),
            Order::Ordered | Order::Strict => events[start].steps.first().copied().filter(|step| *step == 0),
        };
        next += 1;
        let Some(first) = begins.filter(|_| question.span.contains(events[start].told.at)) else { continue };
        let mut done = vec![first];
        let mut times = vec![0];
        while next < events.len() && done.len() < question.steps.len() {
            let met = &events[next];
            let took = met.told.at.0 - events[start].told.at.0;
            if took > question.window || is_excluded(question, met, done.len() - 1) {
                break;
            }
            let serves = match question.order {
                Order::Any => met.steps.first().copied().filter(|step| !done.contains(step)),
                Order::Ordered | Order::Strict => met.steps.iter().copied().find(|step| *step == done.len()),
            };
            match serves {
                Some(step) => {
                    done.push(step);
                    times.push(took.cast_unsigned());
                }
                None if question.order == Order::Strict => break,
                None => {}
            }
            next += 1;
        }
        let group = world.group(question.level, question.breakdown.as_ref(), events[start].told);
        finished.push(Outcome { id, group, times });
    }
    finished
}
