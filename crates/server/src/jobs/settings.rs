//! What an operator may choose about jobs.

use muster_kernel::model::team::DAY;
use serde::Deserialize;

/// The settings under `[jobs]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JobSettings {
    /// Whose limits hold for an upload.
    pub limits: Limits,
    /// Bytes of one upload, as sent; 413 beyond.
    pub upload_bytes_max: u64,
    /// Rows of one upload; 0 for no limit. A job whose file has more fails before any row is stored.
    pub rows_max: u64,
    /// Jobs at work at the same time, over all environments; further ones are queued.
    pub running_max: usize,
    /// Whether a bulk upload is refused with 409 while another one of its environment is under way, as the vendor does.
    pub one_at_a_time: bool,
    /// Rows between two checkpoints: what a restart looks up in the log at the most, and holds in memory.
    pub checkpoint_rows: u64,
    /// Days for which a job that has ended is shown and its rejected rows are kept.
    pub keep_days: u32,
}

/// A set of limits with a name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limits {
    /// Those that the other settings name.
    #[default]
    Own,
    /// The vendor's, or smaller ones that the other settings name.
    Vendor,
}

/// The vendor's limits (spec 2.4 and 2.5).
const VENDOR_UPLOAD_BYTES: u64 = 50 << 20;
const VENDOR_ROWS: u64 = 10_000;

impl Default for JobSettings {
    fn default() -> Self {
        JobSettings {
            limits: Limits::Own,
            upload_bytes_max: 2 << 30,
            rows_max: 0,
            running_max: 2,
            one_at_a_time: true,
            checkpoint_rows: 200_000,
            keep_days: 30,
        }
    }
}

impl JobSettings {
    /// Bytes that an upload may have.
    pub fn upload_bytes(&self) -> u64 {
        match self.limits {
            Limits::Own => self.upload_bytes_max,
            Limits::Vendor => self.upload_bytes_max.min(VENDOR_UPLOAD_BYTES),
        }
    }

    /// Rows that an upload may have; `None` for any number.
    pub fn rows(&self) -> Option<u64> {
        let named = Some(self.rows_max).filter(|rows| *rows > 0);
        match self.limits {
            Limits::Own => named,
            Limits::Vendor => Some(named.unwrap_or(VENDOR_ROWS).min(VENDOR_ROWS)),
        }
    }

    /// For how many microseconds a job that has ended is kept.
    pub fn keep(&self) -> i64 {
        i64::from(self.keep_days).saturating_mul(DAY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vendors_limits_hold_unless_smaller_ones_are_named() {
        let own = JobSettings::default();
        assert_eq!((own.upload_bytes(), own.rows()), (2 << 30, None));
        let vendor = JobSettings { limits: Limits::Vendor, ..own };
        assert_eq!((vendor.upload_bytes(), vendor.rows()), (52_428_800, Some(10_000)));
        let smaller = JobSettings { upload_bytes_max: 1_000, rows_max: 10, ..vendor.clone() };
        assert_eq!((smaller.upload_bytes(), smaller.rows()), (1_000, Some(10)));
        let larger = JobSettings { rows_max: 20_000, ..vendor };
        assert_eq!(larger.rows(), Some(10_000));
    }
}
