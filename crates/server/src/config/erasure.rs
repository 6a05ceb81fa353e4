//! What the settings of erasures may be; the erasures themselves say what they mean (`crate::erasures::ErasureSettings`).

use super::rule::Rule;

pub(super) const RULES: &[(&str, Rule)] = &[
    ("erasure.schedule", Rule::OneOf(&["at_once", "daily"])),
    ("erasure.within_s", Rule::Range(60, 30 * 86_400)),
];
