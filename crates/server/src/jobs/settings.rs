//! What an operator may choose about jobs.

use serde::Deserialize;

/// The settings under `[jobs]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JobSettings {
    /// Bytes of one upload, as sent; 413 beyond.
    pub upload_bytes_max: u64,
    /// Jobs at work at the same time, over all environments; further ones are queued.
    pub running_max: usize,
    /// Whether a bulk upload is refused with 409 while another one of its environment is under way, as the vendor does.
    pub one_at_a_time: bool,
}

impl Default for JobSettings {
    fn default() -> Self {
        JobSettings { upload_bytes_max: 2 << 30, running_max: 2, one_at_a_time: true }
    }
}
