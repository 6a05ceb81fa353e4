//! Named limits of the embedded engine: what an operator may change, with the reason for each default.

use muster_kernel::model::limits::PIN_MICROS_MAX;
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
    /// How often history reads on in the log when nobody asks, in milliseconds. Larger means more to read for whoever asks.
    pub history_tend_ms: u64,
    /// Events after which those in memory are put into a file of history. Larger means fewer files and more memory (some
    /// twenty bytes for each), and more to read again after a start.
    pub history_seal_events: u64,
    /// How long an event may wait to be put into a file of history, in seconds.
    pub history_seal_age_s_max: u64,
    /// Files of history of about one size that are merged into one. Smaller means fewer files and more writing.
    pub history_merge_fan: usize,
    /// Threads that answer one question to history; 0 means one for each processor, four at most.
    pub history_threads: usize,
    /// Memory that one question to history may take, in bytes.
    pub history_question_bytes_max: u64,
    /// How long the state that an answer of a report is of is kept in memory, and how long what was folded for segments as of a time
    /// is kept for whoever asks on, in milliseconds.
    pub history_pin_ms_max: u64,
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
            history_tend_ms: 200,
            history_seal_events: 1 << 17,
            history_seal_age_s_max: 600,
            history_merge_fan: 16,
            history_threads: 0,
            history_question_bytes_max: 256 << 20,
            history_pin_ms_max: u64::try_from(PIN_MICROS_MAX / 1_000).unwrap_or_default(),
            free_disk_reserve_bytes: 256 << 20,
            skip_damaged: false,
        }
    }
}
