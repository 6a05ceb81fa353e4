//! How events are kept in columns, and what questions about them may take.

use serde::Deserialize;

use super::rule::Rule;

const MIB: u64 = 1 << 20;

/// The settings under `[history]`; wiring hands them to the engine and to the edge.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HistorySettings {
    /// Events in memory, per environment, after which they are put into a file.
    pub seal_events: u64,
    /// How long an event may wait for that, in seconds.
    pub seal_age_s_max: u64,
    /// Questions that are answered at a time, over all environments.
    pub questions_max: usize,
    /// Memory that one question may take, in bytes.
    pub question_bytes_max: u64,
    /// Threads that answer one question; 0 means one for each processor, four at most.
    pub question_threads: usize,
}

impl Default for HistorySettings {
    fn default() -> Self {
        HistorySettings {
            seal_events: 1 << 17,
            seal_age_s_max: 600,
            questions_max: 4,
            question_bytes_max: 256 * MIB,
            question_threads: 0,
        }
    }
}

pub(super) const RULES: &[(&str, Rule)] = &[
    ("history.seal_events", Rule::Range(16, 1 << 24)),
    ("history.seal_age_s_max", Rule::Range(1, 86_400)),
    ("history.questions_max", Rule::Range(1, 64)),
    ("history.question_bytes_max", Rule::Range(1 << 20, 1 << 40)),
    ("history.question_threads", Rule::Range(0, 64)),
];
