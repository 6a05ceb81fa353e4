//! Funnels: how many went through steps one after the other, how far, and how long it took.
//!
//! An *attempt* of a user is a series of their events, each serving one step, that begins inside the span and whose last
//! event comes no later than the window after its first: exactly the window later is still in time. Only the first event
//! must lie inside the span. An event serves one step of an attempt at most, and stands behind the event of the step
//! before it in the user's order ([`super`]). What an order demands beyond that:
//! - [`Order::Ordered`]: step 1, then step 2, and so on; anything may happen between.
//! - [`Order::Strict`]: as that, and nothing between: among the user's active events, and those that a step or an exclusion
//!   means, each of the attempt follows directly on the one before.
//! - [`Order::Any`]: the steps in whichever order. An event serves the first step of the list that means it and no other;
//!   a later step that only means events of an earlier one is never reached. Having reached step k means having done k
//!   of the steps.
//!
//! An *exclusion* ends attempts: from the event of its step `after` on (and not with that event itself), until step
//! `before` is done, the first event that it means ends the attempt, before that event could serve as a step. What was
//! reached is counted.
//!
//! Counting users, somebody has reached step k if one of their attempts has. The time to step k is that of the attempt
//! which reached k steps first, and of those that did so with the same event the one that began last. Their group, by a
//! property of the first event, is that of the attempt chosen so for the last step that they reached.
//!
//! Counting attempts ([`Counting::Attempts`]), a user has one at a time: while none is open, an event inside the span
//! that can begin one does (by the first step, or in any order by each). The event that serves the next step (in any
//! order: one not yet done) carries it on; others pass by. It is over when all steps are done, when an exclusion ends it, when an
//! event comes later than the window allows, or in strict order when an event comes that does not carry it on; these last
//! three may begin the next attempt.

use super::super::calendar::Span;
use super::super::limits::{FUNNEL_EXCLUSIONS_MAX, FUNNEL_STEPS_MAX, FUNNEL_WINDOW_MICROS_MAX};
use super::super::value::OwnedValue;
use super::{
    About, Breakdown, Level, Pattern, Row, Spread, Then, Unaskable, Who, check_groups, refuse_if, then_of,
};

/// In which order steps are done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// In theirs, with other events between.
    Ordered,
    /// In theirs, and nothing between.
    Strict,
    /// In any.
    Any,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counting {
    /// Users (or companies), each once.
    Users,
    /// Attempts.
    Attempts,
}

/// What may not happen between two steps, counted from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exclusion {
    /// What may not happen.
    pub pattern: Pattern,
    /// Behind the event of this step.
    pub after: usize,
    /// Until this one is done.
    pub before: usize,
}

/// How many went through which steps?
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunnelQuestion {
    /// Who goes through the steps.
    pub level: Level,
    /// The steps.
    pub steps: Vec<Pattern>,
    /// Their order.
    pub order: Order,
    /// When attempts begin.
    pub span: Span,
    /// How long one may take, in microseconds.
    pub window: i64,
    /// What is counted.
    pub counting: Counting,
    /// What may not happen between.
    pub exclusions: Vec<Exclusion>,
    /// A row for each value, if asked for; of an event's property, and of a user's of then, it is that of the attempt's first event.
    pub breakdown: Option<Breakdown>,
    /// Rows at most, beside `other`: those with the most at the first step.
    pub groups_max: usize,
    /// Who takes part.
    pub who: Who,
}

impl FunnelQuestion {
    /// Whom it is about.
    pub fn about(&self) -> About<'_> {
        About { level: self.level, who: &self.who, breakdown: self.breakdown.as_ref() }
    }

    /// What it asks of users as they were.
    pub fn then(&self) -> Then<'_> {
        let excluded = self.exclusions.iter().map(|one| &one.pattern);
        then_of(self.breakdown.as_ref(), self.steps.iter().chain(excluded), self.span.from)
    }

    /// # Errors
    /// When a limit is broken.
    pub fn check(&self) -> Result<(), Unaskable> {
        let steps = self.steps.len();
        refuse_if(!(2..=FUNNEL_STEPS_MAX).contains(&steps), Unaskable::Steps)?;
        let is_wrong = |one: &Exclusion| {
            let is_part = self.order == Order::Any && (one.after, one.before) != (0, steps - 1);
            one.after >= one.before || one.before >= steps || is_part
        };
        let are_too_many = self.exclusions.len() > FUNNEL_EXCLUSIONS_MAX;
        refuse_if(are_too_many || self.exclusions.iter().any(is_wrong), Unaskable::Exclusions)?;
        let may_take = 1..=FUNNEL_WINDOW_MICROS_MAX;
        refuse_if(!may_take.contains(&self.window), Unaskable::Window)?;
        let excluded = self.exclusions.iter().map(|one| &one.pattern);
        self.steps.iter().chain(excluded).try_for_each(Pattern::check)?;
        self.about().check()?;
        check_groups(self.groups_max)
    }
}

/// How many came as far as a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FunnelStep {
    /// Users (companies) or attempts.
    pub count: u64,
    /// From the first event to that of this step; `None` at the first step and when nobody came here.
    pub time: Option<Spread>,
}

/// One row of a funnel: all of its steps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FunnelRow {
    /// By step.
    pub steps: Vec<FunnelStep>,
}

impl FunnelRow {
    /// Which part of those at the first step came to this one; `None` when there are none.
    pub fn of_first(&self, step: usize) -> Option<f64> {
        self.rate(step, 0)
    }

    /// Which part of those at the step before came to this one (all, at the first); `None` when there are none.
    pub fn of_previous(&self, step: usize) -> Option<f64> {
        self.rate(step, step.saturating_sub(1))
    }

    #[expect(clippy::cast_precision_loss, reason = "a share needs no more than a double has")]
    fn rate(&self, step: usize, of: usize) -> Option<f64> {
        let count = |step: usize| self.steps.get(step).map(|step| step.count as f64);
        Some(count(step)? / count(of).filter(|count| *count > 0.0)?)
    }
}

/// How many went through which steps. The counts of `groups` and `other` add up to those of `total`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunnelAnswer {
    /// Everybody.
    pub total: FunnelRow,
    /// With a breakdown: the largest groups, in their order. None of them is empty.
    pub groups: Vec<(Option<OwnedValue>, FunnelRow)>,
    /// All other groups together, if there are more.
    pub other: Option<FunnelRow>,
    /// How many groups `other` is.
    pub groups_left_out: u64,
}

/// Which number of a funnel. The people behind attempts are those who made at least one of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunnelNumber {
    /// The step, counted from 0.
    pub step: usize,
    /// Those who came no further than it, or all who came so far.
    pub stayed: bool,
    /// In which row.
    pub row: Row,
}

impl FunnelNumber {
    /// # Errors
    /// When the question has no such step.
    pub fn check(&self, question: &FunnelQuestion) -> Result<(), Unaskable> {
        refuse_if(self.step >= question.steps.len(), Unaskable::Number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(steps: usize) -> FunnelQuestion {
        FunnelQuestion {
            level: Level::User,
            steps: vec![Pattern::track("a"); steps],
            order: Order::Ordered,
            span: Span::ALL,
            window: 1,
            counting: Counting::Users,
            exclusions: Vec::new(),
            breakdown: None,
            groups_max: 10,
            who: Who::default(),
        }
    }

    #[test]
    fn a_funnel_beyond_a_limit_is_refused() {
        let check = |change: &dyn Fn(&mut FunnelQuestion)| {
            let mut asked = question(3);
            change(&mut asked);
            asked.check()
        };
        let excluding = |after, before| Exclusion { pattern: Pattern::track("x"), after, before };
        assert_eq!(question(FUNNEL_STEPS_MAX).check(), Ok(()));
        assert_eq!(question(FUNNEL_STEPS_MAX + 1).check(), Err(Unaskable::Steps));
        assert_eq!(question(1).check(), Err(Unaskable::Steps));
        assert_eq!(check(&|asked| asked.window = 0), Err(Unaskable::Window));
        assert_eq!(check(&|asked| asked.window = FUNNEL_WINDOW_MICROS_MAX + 1), Err(Unaskable::Window));
        assert_eq!(check(&|asked| asked.groups_max = 0), Err(Unaskable::Groups));
        assert_eq!(check(&|asked| asked.exclusions = vec![excluding(1, 2)]), Ok(()));
        for (after, before) in [(1, 1), (2, 1), (0, 3)] {
            let fault = check(&|asked| asked.exclusions = vec![excluding(after, before)]);
            assert_eq!(fault, Err(Unaskable::Exclusions));
        }
        let anyhow = |after, before| {
            check(&|asked| {
                asked.order = Order::Any;
                asked.exclusions = vec![excluding(after, before)];
            })
        };
        assert_eq!((anyhow(0, 2), anyhow(0, 1)), (Ok(()), Err(Unaskable::Exclusions)));
    }

    #[test]
    fn shares_are_of_the_first_step_and_of_the_one_before() {
        let step = |count| FunnelStep { count, time: None };
        let row = FunnelRow { steps: vec![step(8), step(4), step(1), step(0), step(0)] };
        assert_eq!((row.of_first(2), row.of_previous(2)), (Some(0.125), Some(0.25)));
        assert_eq!((row.of_first(0), row.of_previous(0)), (Some(1.0), Some(1.0)));
        assert_eq!((row.of_first(4), row.of_previous(4), row.of_first(5)), (Some(0.0), None, None));
    }
}
