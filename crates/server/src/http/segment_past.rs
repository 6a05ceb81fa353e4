//! `as_of` of questions about segments: who belonged at a time gone by.
//!
//! Everything that a rule asks for is folded from events and is answered exactly. What no event says has no past here: the ids
//! of a list are those of now, so a question that comes to one is refused. A rule is the one that the segment has now.

use jiff::tz::TimeZone;

use muster_kernel::model::history::AsOf;
use muster_kernel::model::id::EnvironmentId;
use muster_kernel::model::problem::{Problem, ProblemCode};
use muster_kernel::model::segment::question::SegmentQuestion;
use muster_kernel::model::segment::{Level, Rule};
use muster_kernel::model::time::Timestamp;

use super::asking;
use super::edge::Edge;
use super::error::Refused;
use super::read::{Query, invalid};
use super::rules;

/// The name of the parameter.
pub(super) const AS_OF: &str = "as_of";

/// As of when a segment is asked about.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `When` reads")]
pub(super) struct SegmentAsOfParameter {
    /// Who belonged at this time, by what had happened by then: RFC 3339, or a date (its midnight in UTC). Not in the future,
    /// and not where a list of ids decides.
    as_of: Option<String>,
}

/// As of when somebody's segments are asked for.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `When` reads")]
pub(super) struct SegmentsAsOfParameter {
    /// Those that they belonged to at this time, by what had happened by then: RFC 3339, or a date (its midnight in UTC). Not in
    /// the future. Segments that a list of ids decides about stand in `unknown` then.
    as_of: Option<String>,
}

/// The moment that a question about a segment is of.
#[derive(Clone, Copy)]
pub(super) struct When {
    /// The moment.
    pub moment: Timestamp,
    looks_back: bool,
}

impl When {
    /// What the parameters ask for: now, unless `as_of` names a time.
    ///
    /// # Errors
    /// When it names none, or one that is not there yet.
    pub(super) fn of(query: &Query, now: Timestamp) -> Result<When, Problem> {
        match asking::instant(query, AS_OF, &TimeZone::UTC)? {
            None => Ok(When { moment: now, looks_back: false }),
            Some(time) if time <= now => Ok(When { moment: time, looks_back: true }),
            Some(_) => {
                let message = format!(
                    "`{AS_OF}` lies in the future, of which nothing is known; ask as of {now} or before."
                );
                Err(invalid(message))
            }
        }
    }

    /// When profiles are looked at; `None` for now.
    pub(super) fn as_of(self) -> Option<AsOf> {
        self.looks_back.then_some(AsOf { time: self.moment, known_at: Timestamp(i64::MAX) })
    }

    /// Asks for the members of a rule. What the rule refers to is brought along.
    ///
    /// # Errors
    /// When a list cannot be read, or decides about a time gone by.
    pub(super) fn question(
        self,
        edge: &Edge,
        environment: EnvironmentId,
        level: Level,
        rule: Rule,
    ) -> Result<SegmentQuestion, Refused> {
        let question = rules::question(edge, environment, level, rule, self.moment)?;
        if let Some(list) = question.lists().next().filter(|_| self.looks_back) {
            let message = format!(
                "`{AS_OF}` cannot be answered: segment {list} is a list of ids, and who was on it is not kept. Ask without \
                 `{AS_OF}`, or by a rule without it."
            );
            return Err(Problem::of_call(ProblemCode::PastUnknown, message).into());
        }
        Ok(SegmentQuestion { looks_back: self.looks_back, ..question })
    }
}
