//! What is logged, and how.

use serde::Deserialize;

use super::rule::Rule;

/// The settings under `[log]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogSettings {
    /// For whom a line is written.
    pub format: LogFormat,
    /// The least important lines to write.
    pub level: LogLevel,
}

/// For whom a log line is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// People.
    #[default]
    Text,
    /// Machines: one JSON object a line.
    Json,
}

/// How important a line must be to be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// Nothing is.
    Off,
    /// Somebody must act.
    Error,
    /// Somebody should look.
    Warn,
    /// What happened, a line each.
    #[default]
    Info,
    /// For finding a defect.
    Debug,
    /// Everything.
    Trace,
}

pub(super) const RULES: &[(&str, Rule)] = &[
    ("log.format", Rule::OneOf(&["text", "json"])),
    ("log.level", Rule::OneOf(&["off", "error", "warn", "info", "debug", "trace"])),
];
