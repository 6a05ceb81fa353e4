//! Segments that somebody saved under a name, as the catalog keeps them.
//!
//! A saved rule is kept in its JSON form and so freezes the types that it was written with. The ids of a list are not
//! here: the catalog is written as a whole at every change.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::model::id::{EnvironmentId, MemberId, SegmentId};
use crate::model::time::Timestamp;

use super::{Condition, Level, Rule};

/// A segment with a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedSegment {
    /// The environment that it belongs to.
    pub environment: EnvironmentId,
    /// Its number there; never reused.
    pub id: SegmentId,
    /// Its name, unique in the environment without regard to case.
    pub name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Whether users or companies belong to it.
    pub level: Level,
    /// For whom it holds belongs to the segment; `None` when a list says who does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<Rule>,
    /// Counts the changes, from 1 on.
    pub version: u32,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// The member who made it; `None` when it was a key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<MemberId>,
}

impl SavedSegment {
    /// A rule that holds for whoever belongs to the segment.
    pub fn membership(&self) -> Rule {
        self.rule.clone().unwrap_or(Rule::When(Condition::Segment(self.id)))
    }

    /// Whether its own rule refers to another segment.
    pub fn refers_to(&self, other: SegmentId) -> bool {
        self.rule.as_ref().is_some_and(|rule| rule.segments().contains(&other))
    }
}

/// The segments that a rule refers to, directly or through others, of those that `find` knows.
pub fn on_all_ways<'s>(
    rule: &Rule,
    find: impl Fn(SegmentId) -> Option<&'s SavedSegment>,
) -> Vec<&'s SavedSegment> {
    let (mut seen, mut found) = (BTreeSet::new(), Vec::new());
    let mut open: Vec<SegmentId> = rule.segments().into_iter().collect();
    while let Some(id) = open.pop() {
        let Some(segment) = find(id).filter(|_| seen.insert(id)) else { continue };
        open.extend(segment.rule.iter().flat_map(Rule::segments));
        found.push(segment);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saved(id: u32, text: &str) -> SavedSegment {
        SavedSegment {
            environment: EnvironmentId(1),
            id: SegmentId(id),
            name: format!("Segment {id}"),
            description: String::new(),
            level: Level::User,
            rule: Some(Rule::parse(text).unwrap()),
            version: 1,
            created_at: Timestamp(5),
            updated_at: Timestamp(6),
            created_by: Some(MemberId(3)),
        }
    }

    #[test]
    fn a_saved_rule_reads_back_with_its_types() {
        for text in ["plan is \"5\" and seats = 5", "not did \"x\" or in segment 9", "everyone", "nobody"] {
            let segment = saved(1, text);
            let written = serde_json::to_string(&segment).unwrap();
            assert_eq!(serde_json::from_str::<SavedSegment>(&written).unwrap(), segment, "{written}");
        }
        let listed = SavedSegment { rule: None, created_by: None, ..saved(2, "everyone") };
        let written = serde_json::to_string(&listed).unwrap();
        assert!(!written.contains("rule"), "{written}");
        assert_eq!(serde_json::from_str::<SavedSegment>(&written).unwrap(), listed);
        assert_eq!(listed.membership().to_string(), "in segment 2");
    }

    #[test]
    fn what_a_rule_refers_to_is_found_once_on_all_ways() {
        let all = [saved(1, "in segment 2 and in segment 3"), saved(2, "in segment 3"), saved(3, "everyone")];
        let find = |id| all.iter().find(|segment| segment.id == id);
        let found = on_all_ways(&Rule::parse("in segment 1 or in segment 7").unwrap(), find);
        let ids: BTreeSet<u32> = found.iter().map(|segment| segment.id.0).collect();
        assert_eq!((ids, found.len()), ([1, 2, 3].into(), 3));
        assert!(all[0].refers_to(SegmentId(3)) && !all[2].refers_to(SegmentId(3)));
    }
}
