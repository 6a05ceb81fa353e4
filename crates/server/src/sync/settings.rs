//! Whether an operator wants days to be synced.

use serde::Deserialize;

/// The settings under `[sync]`. What a single environment sends, and when, is chosen over the API.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SyncSettings {
    /// A directory, or a bucket as `s3://BUCKET/PREFIX`; nowhere when absent.
    pub destination: Option<String>,
}
