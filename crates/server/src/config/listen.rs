//! Where the server listens.

use serde::Deserialize;

use super::rule::Rule;

/// The settings under `[listen]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ListenSettings {
    /// Where the API is served, as `HOST:PORT`.
    pub address: String,
    /// Where `/metrics` is served instead, when it has a listener of its own.
    pub metrics_address: Option<String>,
}

impl Default for ListenSettings {
    fn default() -> Self {
        ListenSettings { address: "127.0.0.1:6878".to_owned(), metrics_address: None }
    }
}

pub(super) const RULES: &[(&str, Rule)] =
    &[("listen.address", Rule::Address), ("listen.metrics_address", Rule::OptionalAddress)];
