//! Retention: who comes back, and how long after they began.
//!
//! A *cohort* is an interval of the calendar (days, weeks or months of a time zone) and the users in it: who did the
//! starting event in it, or who did so for the first time ever. Period n of a cohort is the n-th interval behind its own;
//! period 0 is its own, in which it does not matter whether the returning event came before or after the starting one.
//! Only events inside the span of the intervals count, but for two things: the first time ever may lie
//! before it (then the user is in no cohort), and a return without bounds may lie behind it.

use super::super::calendar::Buckets;
use super::super::limits::RETENTION_INTERVALS_MAX;
use super::super::time::Timestamp;
use super::{About, Level, Pattern, Then, Unaskable, Who, refuse_if, then_of};

/// Who belongs to a cohort.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cohorts {
    /// Who did the starting event for the first time ever in its interval.
    FirstTime,
    /// Who did it in its interval: one user may be in many cohorts.
    Recurring,
}

/// When somebody counts as returned in a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Returned {
    /// With a return in that period.
    On,
    /// With a return in that period or a later one of those asked for.
    OnOrAfter,
    /// With a return in that period or at any time behind it, also beyond the periods and the span.
    Unbounded,
}

/// Who comes back?
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetentionQuestion {
    /// Who comes back.
    pub level: Level,
    /// What begins.
    pub start: Pattern,
    /// What is coming back.
    pub returning: Pattern,
    /// The intervals, of cohorts and of periods.
    pub intervals: Buckets,
    /// How many of them, from the first on, have a cohort.
    pub cohorts: usize,
    /// Periods of a cohort at most, period 0 among them; those without an interval are not there.
    pub periods: usize,
    /// Who belongs to a cohort.
    pub belong: Cohorts,
    /// When somebody counts as returned.
    pub returned: Returned,
    /// Who takes part.
    pub who: Who,
}

impl RetentionQuestion {
    /// Whom it is about.
    pub fn about(&self) -> About<'_> {
        About { level: self.level, who: &self.who, breakdown: None }
    }

    /// What it asks of users as they were.
    pub fn then(&self) -> Then<'_> {
        // The first time ever may lie before the span.
        let from = match self.belong {
            Cohorts::FirstTime if !self.start.user_then.is_empty() => Timestamp(i64::MIN),
            Cohorts::FirstTime | Cohorts::Recurring => self.intervals.span().from,
        };
        then_of(None, [&self.start, &self.returning].into_iter(), from)
    }

    /// # Errors
    /// When a limit is broken.
    pub fn check(&self) -> Result<(), Unaskable> {
        let intervals = self.intervals.count();
        let is_wrong = intervals > RETENTION_INTERVALS_MAX
            || !(1..=intervals).contains(&self.cohorts)
            || !(1..=intervals).contains(&self.periods);
        refuse_if(is_wrong, Unaskable::Intervals)?;
        self.start.check()?;
        self.returning.check()?;
        self.about().check()
    }

    /// How many periods a cohort has.
    pub fn periods_of(&self, cohort: usize) -> usize {
        self.periods.min(self.intervals.count().saturating_sub(cohort))
    }
}

/// A cohort and who of it returned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cohort {
    /// How many belong to it.
    pub size: u64,
    /// How many of them returned, by period; as many as the cohort has.
    pub returned: Vec<u64>,
}

/// Who of all cohorts returned in a period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CurvePoint {
    /// The sizes of all cohorts that have this period, together.
    pub size: u64,
    /// Who returned of them.
    pub returned: u64,
}

impl CurvePoint {
    /// The share: the average over cohorts, weighted by their sizes; `None` when nobody is in them.
    #[expect(clippy::cast_precision_loss, reason = "a share needs no more than a double has")]
    pub fn share(&self) -> Option<f64> {
        (self.size > 0).then(|| self.returned as f64 / self.size as f64)
    }
}

/// Who comes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetentionAnswer {
    /// By interval.
    pub cohorts: Vec<Cohort>,
}

impl RetentionAnswer {
    /// The averaged curve, by period.
    pub fn curve(&self) -> Vec<CurvePoint> {
        let periods = self.cohorts.iter().map(|cohort| cohort.returned.len()).max().unwrap_or_default();
        let mut curve = vec![CurvePoint::default(); periods];
        for cohort in &self.cohorts {
            for (point, returned) in curve.iter_mut().zip(&cohort.returned) {
                point.size += cohort.size;
                point.returned += returned;
            }
        }
        curve
    }
}

/// Which number of a retention report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetentionNumber {
    /// The cohort, counted from 0.
    pub cohort: usize,
    /// Those of it who returned in this period; or everybody in it.
    pub period: Option<usize>,
}

impl RetentionNumber {
    /// # Errors
    /// When the question has no such cohort or period.
    pub fn check(&self, question: &RetentionQuestion) -> Result<(), Unaskable> {
        let has_period = self.period.is_none_or(|period| period < question.periods_of(self.cohort));
        refuse_if(self.cohort >= question.cohorts || !has_period, Unaskable::Number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_weighs_cohorts_by_their_size() {
        let cohorts = vec![
            Cohort { size: 10, returned: vec![10, 5, 1] },
            Cohort { size: 30, returned: vec![30, 3] },
            Cohort { size: 0, returned: vec![0] },
        ];
        let curve = RetentionAnswer { cohorts }.curve();
        let shares: Vec<_> = curve.iter().map(CurvePoint::share).collect();
        assert_eq!(shares, [Some(1.0), Some(0.2), Some(0.1)]);
        assert_eq!(CurvePoint::default().share(), None);
    }
}
