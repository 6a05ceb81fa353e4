//! Which segments a rule refers to, and that none refers to itself on any way.

use std::collections::BTreeSet;

use crate::model::id::SegmentId;
use crate::model::problem::{Problem, ProblemCode};

use super::{Condition, Definitions, Level, Members, Rule};

impl Rule {
    /// The segments that the rule itself refers to.
    pub fn segments(&self) -> BTreeSet<SegmentId> {
        let mut found = BTreeSet::new();
        self.each_condition(&mut |condition| {
            if let Condition::Segment(id) = condition {
                found.insert(*id);
            }
        });
        found
    }

    /// The segments that the rule refers to, directly or through others; those that are not there are among them.
    pub fn segments_on_all_ways(&self, definitions: &Definitions) -> BTreeSet<SegmentId> {
        let mut found = BTreeSet::new();
        let mut open: Vec<SegmentId> = self.segments().into_iter().collect();
        while let Some(id) = open.pop() {
            if found.insert(id) {
                open.extend(segments_of(definitions, id));
            }
        }
        found
    }

    /// The way from a segment back to itself, if the segment had this rule: the segments in between, each referring to the
    /// next. Empty when the rule names the segment itself.
    pub fn cycle(&self, of: SegmentId, definitions: &Definitions) -> Option<Vec<SegmentId>> {
        let mut seen = BTreeSet::new();
        let mut open: Vec<Vec<SegmentId>> = self.segments().into_iter().map(|id| vec![id]).collect();
        while let Some(way) = open.pop() {
            let last = *way.last()?;
            if last == of {
                return Some(way[..way.len() - 1].to_vec());
            }
            if seen.insert(last) {
                let onward = segments_of(definitions, last).into_iter();
                open.extend(onward.map(|id| [way.as_slice(), &[id]].concat()));
            }
        }
        None
    }
}

impl Rule {
    /// Whether a segment of this level can have the rule beside the others: each segment that it names is there and of the
    /// same level, and none leads back to `of`, the segment itself.
    ///
    /// # Errors
    /// The first one that is not so.
    pub fn check_references(
        &self,
        level: Level,
        of: Option<SegmentId>,
        definitions: &Definitions,
    ) -> Result<(), Problem> {
        let refuse = |message: String| Err(Problem::of_call(ProblemCode::RuleInvalid, message));
        for id in self.segments() {
            match definitions.get(&id) {
                None => return refuse(format!("There is no segment {id}; list them.")),
                Some(definition) if definition.level != level => {
                    let (one, other) = (definition.level.as_str(), level.as_str());
                    return refuse(format!(
                        "Segment {id} is of level {one}; a rule of level {other} refers to its like only."
                    ));
                }
                Some(_) => {}
            }
        }
        let Some((of, way)) = of.and_then(|of| Some((of, self.cycle(of, definitions)?))) else {
            return Ok(());
        };
        let way: Vec<String> = [&[of][..], &way, &[of]].concat().iter().map(SegmentId::to_string).collect();
        refuse(format!("A segment cannot refer to itself: {}.", way.join(" → ")))
    }
}

fn segments_of(definitions: &Definitions, id: SegmentId) -> BTreeSet<SegmentId> {
    match definitions.get(&id).map(|definition| &definition.members) {
        Some(Members::Rule(rule)) => rule.segments(),
        Some(Members::Listed(_)) | None => BTreeSet::new(),
    }
}
