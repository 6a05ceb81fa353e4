//! What members keep for each other under a number and a name: reports to ask again, and dashboards of them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::id::{EnvironmentId, MemberId, SegmentId};
use super::segment::Rule;
use super::time::Timestamp;

/// Something saved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved<T> {
    /// The environment that it belongs to.
    pub environment: EnvironmentId,
    /// Its number; never reused.
    pub id: u32,
    /// Its name, unique among those of its kind in the environment without regard to case.
    pub name: String,
    /// Counts the changes, from 1 on.
    pub version: u32,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// The member who made it; `None` when it was a key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<MemberId>,
    /// What it is.
    #[serde(flatten)]
    pub what: T,
}

/// Which report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportKind {
    /// How much there was.
    Trend,
    /// How many went through steps.
    Funnel,
    /// Who comes back.
    Retention,
    /// What was done next.
    Path,
}

impl ReportKind {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            ReportKind::Trend => "trend",
            ReportKind::Funnel => "funnel",
            ReportKind::Retention => "retention",
            ReportKind::Path => "path",
        }
    }
}

/// A report to be asked again: its question as it is sent, so that `last_days` moves on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedQuestion {
    /// Which report.
    pub kind: ReportKind,
    /// The question.
    pub question: serde_json::Value,
}

impl SavedQuestion {
    /// The segments that it is about.
    pub fn segments(&self) -> BTreeSet<SegmentId> {
        let who = &self.question["who"];
        let named = who["segment"].as_u64().and_then(|id| u32::try_from(id).ok()).map(SegmentId);
        let rule = who["filter"].as_str().and_then(|text| Rule::parse(text).ok());
        rule.iter().flat_map(Rule::segments).chain(named).collect()
    }
}

/// A dashboard: reports in an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DashboardReports {
    /// The reports' numbers.
    pub reports: Vec<u32>,
}

/// A saved report.
pub type SavedReport = Saved<SavedQuestion>;
/// A saved dashboard.
pub type SavedDashboard = Saved<DashboardReports>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_reads_back_and_knows_its_segments() {
        let question = serde_json::json!({"who": {"filter": "in segment 3 or in segment 4"}, "steps": [1.5]});
        let saved = Saved {
            environment: EnvironmentId(1),
            id: 7,
            name: "Sign-ups".to_owned(),
            version: 2,
            created_at: Timestamp(5),
            updated_at: Timestamp(6),
            created_by: None,
            what: SavedQuestion { kind: ReportKind::Funnel, question },
        };
        let text = serde_json::to_string(&saved).unwrap();
        assert_eq!(serde_json::from_str::<SavedReport>(&text).unwrap(), saved, "{text}");
        assert_eq!(saved.what.segments(), [SegmentId(3), SegmentId(4)].into());
        let question = serde_json::json!({"who": {"segment": 9}});
        assert_eq!(SavedQuestion { kind: ReportKind::Path, question }.segments(), [SegmentId(9)].into());
    }
}
