//! What the settings of jobs may be; the jobs themselves say what they mean (`crate::jobs::JobSettings`).

use super::rule::Rule;

/// A row has a number of 32 bits, and no row is shorter than two bytes.
const UPLOAD_BYTES_MAX: i64 = 8 << 30;
const ROWS_MAX: i64 = u32::MAX as i64;

pub(super) const RULES: &[(&str, Rule)] = &[
    ("jobs.limits", Rule::OneOf(&["own", "vendor"])),
    ("jobs.upload_bytes_max", Rule::Range(1, UPLOAD_BYTES_MAX)),
    ("jobs.rows_max", Rule::Range(0, ROWS_MAX)),
    ("jobs.running_max", Rule::Range(1, 64)),
    ("jobs.one_at_a_time", Rule::Switch),
    ("jobs.checkpoint_rows", Rule::Range(1, 10_000_000)),
    ("jobs.keep_days", Rule::Range(1, 3_650)),
];
