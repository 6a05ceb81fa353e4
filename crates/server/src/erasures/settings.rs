//! What an operator may choose about erasures.

use serde::Deserialize;

/// When accepted deletions are purged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErasureSchedule {
    /// As soon as they are accepted.
    AtOnce,
    /// Daily at 02:00 UTC, as the vendor does.
    Daily,
}

/// The settings under `[erasure]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ErasureSettings {
    /// When accepted deletions are purged. They are hidden at once either way.
    pub schedule: ErasureSchedule,
    /// Seconds after that time within which a purge is to be complete; one that is not is reported as late.
    pub within_s: i64,
}

impl Default for ErasureSettings {
    fn default() -> Self {
        ErasureSettings { schedule: ErasureSchedule::AtOnce, within_s: 3_600 }
    }
}
