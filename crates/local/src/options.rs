//! Named limits of the embedded engine: what an operator may change, with the reason for each default.

use serde::Deserialize;

/// Settings of the embedded engine.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// A log segment's size in bytes, reserved when it is begun. Larger means fewer files, smaller means less
    /// reserved space per environment.
    pub log_segment_bytes: u64,
    /// Length at which a file of the value log, which holds the profiles, is closed.
    pub value_file_bytes: u32,
    /// Memory for profiles that are folded but not yet moved into the key-value store, per environment. Writers
    /// wait when it is full.
    pub overlay_bytes_max: u64,
    /// How long a folded profile may wait to be moved, in milliseconds. Bounds what a start has to replay.
    pub overlay_age_ms_max: u64,
    /// Events waiting for the log, in bytes per environment. Beyond it writes are refused as `overloaded`.
    pub queue_bytes_max: u64,
    /// Cache of the key-value store in bytes, per environment.
    pub cache_bytes: u64,
    /// Free disk space below which writes are refused as `disk_full`, so that merging and erasing still can run.
    pub free_disk_reserve_bytes: u64,
    /// Start although the log is damaged: keep every later whole record and count the loss.
    #[serde(skip)]
    pub skip_damaged: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            log_segment_bytes: 64 << 20,
            value_file_bytes: 64 << 20,
            overlay_bytes_max: 256 << 20,
            overlay_age_ms_max: 2_000,
            queue_bytes_max: 16 << 20,
            cache_bytes: 64 << 20,
            free_disk_reserve_bytes: 256 << 20,
            skip_damaged: false,
        }
    }
}
