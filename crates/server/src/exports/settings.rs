//! What an operator may choose about exports.

use muster_kernel::model::team::{DAY, HOUR};
use serde::Deserialize;

/// The settings under `[exports]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExportSettings {
    /// Whether an export is refused with 409 while another one of its environment is under way, as the vendor does.
    pub one_at_a_time: bool,
    /// Exports at work at the same time, over all environments; further ones are queued.
    pub running_max: usize,
    /// Rows after which the next file is begun.
    pub part_rows_max: u64,
    /// Days for which an export that has ended is shown and its files are kept.
    pub keep_days: u32,
    /// Hours for which a link to a file is good.
    pub link_hours: u32,
}

impl Default for ExportSettings {
    fn default() -> Self {
        ExportSettings {
            one_at_a_time: true,
            running_max: 2,
            part_rows_max: 1_000_000,
            keep_days: 3,
            link_hours: 48,
        }
    }
}

impl ExportSettings {
    /// For how many microseconds an export that has ended is kept.
    pub fn keep(&self) -> i64 {
        i64::from(self.keep_days).saturating_mul(DAY)
    }

    /// For how many microseconds a link is good.
    pub fn link(&self) -> i64 {
        i64::from(self.link_hours).saturating_mul(HOUR)
    }
}
