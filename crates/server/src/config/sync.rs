//! What the settings of data sync may be; data sync itself says what they mean (`crate::sync::SyncSettings`).

use super::rule::Rule;

pub(super) const RULES: &[(&str, Rule)] = &[("sync.destination", Rule::OptionalDestination)];
