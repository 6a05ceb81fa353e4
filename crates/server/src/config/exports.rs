//! What the settings of exports may be; the exports themselves say what they mean (`crate::exports::ExportSettings`).

use super::rule::Rule;

/// A link that is good for longer than its file is kept ends with the file.
const LINK_HOURS_MAX: i64 = 24 * 365;

pub(super) const RULES: &[(&str, Rule)] = &[
    ("exports.one_at_a_time", Rule::Switch),
    ("exports.running_max", Rule::Range(1, 64)),
    ("exports.part_rows_max", Rule::Range(1, 100_000_000)),
    ("exports.keep_days", Rule::Range(1, 365)),
    ("exports.link_hours", Rule::Range(1, LINK_HOURS_MAX)),
];
