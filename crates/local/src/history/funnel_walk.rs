//! How far one user came in a funnel: a walk over their events in order, with a place for each step and nothing that grows
//! with the events (docs of `muster_kernel::model::report::funnel`).
//!
//! What makes one walk enough: of all attempts that have done some steps, the one that began last can do whatever the
//! others can, and longer. So for each step only the latest such beginning is kept.

use muster_kernel::model::calendar::Span;
use muster_kernel::model::limits::FUNNEL_STEPS_MAX;
use muster_kernel::model::report::funnel::{Counting, FunnelQuestion, Order};

/// The bits of an event that say which exclusions mean it; those below say which steps do.
pub const STEPS: u64 = (1 << FUNNEL_STEPS_MAX) - 1;

/// What an event is to a funnel.
#[derive(Clone, Copy, Debug)]
pub struct Met {
    /// When it happened.
    pub time: i64,
    /// Bits of the steps and exclusions that mean it.
    pub mask: u64,
    /// In which group it puts an attempt that begins with it.
    pub group: u32,
}

/// The bit of an exclusion.
pub fn exclusion_bit(index: usize) -> usize {
    FUNNEL_STEPS_MAX + index
}

/// Where an attempt began.
#[derive(Clone, Copy, Debug)]
struct Beginning {
    time: i64,
    /// Which of the user's events it was.
    index: usize,
    group: u32,
}

/// So long ago that no window reaches it.
const NONE: Beginning = Beginning { time: i64::MIN, index: 0, group: 0 };

impl Beginning {
    fn is_within(&self, time: i64, window: i64) -> bool {
        // Of none the difference is larger than any window.
        time.saturating_sub(self.time) <= window
    }
}

/// How far somebody came, or an attempt of theirs.
pub struct Outcome<'w> {
    /// In which group.
    pub group: u32,
    /// How long it took to each step that was reached, in microseconds.
    pub times: &'w [u64],
}

/// A walk; one serves all users of a thread.
pub struct Walk {
    order: Order,
    counting: Counting,
    span: Span,
    window: i64,
    /// For each exclusion the steps between which it is at work.
    exclusions: Vec<(usize, usize)>,
    /// In the order of steps: the latest beginning of attempts that have done this step. In any order: the latest
    /// event of this step.
    steps: Vec<Beginning>,
    times: Vec<u64>,
}

impl Walk {
    /// For a question.
    pub fn new(question: &FunnelQuestion) -> Walk {
        Walk {
            order: question.order,
            counting: question.counting,
            span: question.span,
            window: question.window,
            exclusions: question.exclusions.iter().map(|one| (one.after, one.before)).collect(),
            steps: vec![NONE; question.steps.len()],
            times: Vec::with_capacity(question.steps.len()),
        }
    }

    /// Walks over the events of a user, in order, and shows what came of it: one outcome at most when users are counted,
    /// else one for each attempt.
    #[inline]
    pub fn walk(&mut self, events: impl ExactSizeIterator<Item = Met>, mut show: impl FnMut(Outcome<'_>)) {
        let group = match (self.counting, self.order) {
            (Counting::Users, Order::Ordered) => self.ordered(events.enumerate()),
            (Counting::Users, Order::Strict) => self.strict(events.enumerate()),
            (Counting::Users, Order::Any) => self.any(events.enumerate()),
            (Counting::Attempts, _) => return self.attempts(events, show),
        };
        if !self.times.is_empty() {
            show(Outcome { group, times: &self.times });
        }
    }

    fn restart(&mut self) {
        self.steps.fill(NONE);
        self.times.clear();
    }

    fn begins(&self, met: &Met) -> bool {
        self.span.contains(muster_kernel::model::time::Timestamp(met.time))
    }

    /// Notes that this many steps were done for the first time.
    #[inline]
    fn reach(&mut self, step: usize, time: i64, beginning: Beginning, group: &mut u32) {
        if step == self.times.len() {
            self.times.push(time.saturating_sub(beginning.time).cast_unsigned());
            *group = beginning.group;
        }
    }

    fn exclude(&mut self, mask: u64) {
        let mut excluding = mask >> FUNNEL_STEPS_MAX;
        while excluding != 0 {
            let index = excluding.trailing_zeros() as usize;
            excluding &= excluding - 1;
            if let Some((after, before)) = self.exclusions.get(index) {
                self.steps[*after..*before].fill(NONE);
            }
        }
    }

    #[inline]
    fn ordered(&mut self, events: impl Iterator<Item = (usize, Met)>) -> u32 {
        self.restart();
        let (count, mut group) = (self.steps.len(), 0);
        for (index, met) in events {
            self.exclude(met.mask);
            let mut serves = met.mask & STEPS;
            let this = match self.begins(&met) {
                true => Beginning { time: met.time, index, group: met.group },
                false => NONE,
            };
            // From the last step on: an event serves one step of an attempt only.
            while serves != 0 {
                let step = serves.ilog2() as usize;
                serves &= !(1 << step);
                // Without a branch: which step an event serves cannot be foretold.
                let beginning = *self.steps.get(step.wrapping_sub(1)).unwrap_or(&this);
                if beginning.is_within(met.time, self.window) {
                    self.steps[step] = beginning;
                    self.reach(step, met.time, beginning, &mut group);
                }
            }
            if self.times.len() == count {
                break;
            }
        }
        group
    }

    fn strict(&mut self, events: impl Iterator<Item = (usize, Met)>) -> u32 {
        self.restart();
        let (count, mut group) = (self.steps.len(), 0);
        for (index, met) in events {
            self.exclude(met.mask);
            for step in (0..count).rev() {
                let beginning = match step.checked_sub(1) {
                    Some(before) => self.steps[before],
                    None if self.begins(&met) => Beginning { time: met.time, index, group: met.group },
                    None => NONE,
                };
                let serves = met.mask >> step & 1 != 0 && beginning.is_within(met.time, self.window);
                self.steps[step] = if serves { beginning } else { NONE };
                if serves {
                    self.reach(step, met.time, beginning, &mut group);
                }
            }
            if self.times.len() == count {
                break;
            }
        }
        group
    }

    fn any(&mut self, events: impl Iterator<Item = (usize, Met)>) -> u32 {
        self.restart();
        let (count, mut group) = (self.steps.len(), 0);
        // The latest event that an attempt can begin with.
        let mut latest = NONE;
        for (index, met) in events {
            if met.mask & !STEPS != 0 {
                self.steps.fill(NONE);
                latest = NONE;
            }
            let serves = met.mask & STEPS;
            if serves == 0 {
                continue;
            }
            let this = Beginning { time: met.time, index, group: met.group };
            self.steps[serves.trailing_zeros() as usize] = this;
            if self.begins(&met) {
                latest = this;
            }
            if !latest.is_within(met.time, self.window) {
                continue;
            }
            let within = |beginning: &&Beginning| beginning.is_within(met.time, self.window);
            let done = self.steps.iter().filter(within).count();
            if done > self.times.len() {
                let beginnings = self.steps.iter().filter(within).chain([&latest]);
                let first = beginnings.min_by_key(|beginning| beginning.index).copied().unwrap_or(latest);
                self.reach(done - 1, met.time, first, &mut group);
            }
            if self.times.len() == count {
                break;
            }
        }
        group
    }

    fn attempts(&mut self, events: impl Iterator<Item = Met>, mut show: impl FnMut(Outcome<'_>)) {
        self.restart();
        let count = self.steps.len();
        let (mut first, mut done) = (None::<Met>, 0u64);
        for met in events {
            let serves = met.mask & STEPS;
            if let Some(beginning) = first {
                let took = met.time.saturating_sub(beginning.time);
                let step = self.times.len();
                let next = match self.order {
                    Order::Any => serves & serves.wrapping_neg() & !done,
                    Order::Ordered | Order::Strict => serves & 1 << step,
                };
                let is_over = took > self.window
                    || self.is_excluded(met.mask, step - 1)
                    || (self.order == Order::Strict && next == 0);
                if !is_over {
                    if next != 0 {
                        done |= next;
                        self.times.push(took.cast_unsigned());
                    }
                    if self.times.len() == count {
                        show(Outcome { group: beginning.group, times: &self.times });
                        first = None;
                    }
                    continue;
                }
                show(Outcome { group: beginning.group, times: &self.times });
                first = None;
            }
            let begins = match self.order {
                Order::Any => serves & serves.wrapping_neg(),
                Order::Ordered | Order::Strict => serves & 1,
            };
            if begins != 0 && self.begins(&met) {
                (first, done) = (Some(met), begins);
                self.times.clear();
                self.times.push(0);
            }
        }
        if let Some(beginning) = first {
            show(Outcome { group: beginning.group, times: &self.times });
        }
    }

    /// Whether an exclusion that means an event is at work when `step` is done and the next is not.
    fn is_excluded(&self, mask: u64, step: usize) -> bool {
        let at_work = |index: usize| self.exclusions[index].0 <= step && step < self.exclusions[index].1;
        mask & !STEPS != 0
            && (0..self.exclusions.len()).any(|index| mask >> exclusion_bit(index) & 1 != 0 && at_work(index))
    }
}
