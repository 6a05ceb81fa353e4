//! How the embedded engine uses memory and disk.

use serde::Deserialize;

use super::rule::Rule;

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

/// The settings under `[storage]`; wiring hands them to the engine.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StorageSettings {
    /// A log segment's size in bytes, per environment.
    pub log_segment_bytes: u64,
    /// Memory for profiles that are folded but not yet in the key-value store, per environment.
    pub overlay_bytes_max: u64,
    /// How long a folded profile may wait to be moved there, in milliseconds.
    pub overlay_age_ms_max: u64,
    /// Events waiting for the log in bytes, per environment.
    pub queue_bytes_max: u64,
    /// Cache of the key-value store in bytes, per environment.
    pub cache_bytes: u64,
    /// Free disk space in bytes below which writes are refused.
    pub free_disk_reserve_bytes: u64,
}

impl Default for StorageSettings {
    fn default() -> Self {
        StorageSettings {
            log_segment_bytes: 64 * MIB,
            overlay_bytes_max: 256 * MIB,
            overlay_age_ms_max: 2_000,
            queue_bytes_max: 16 * MIB,
            cache_bytes: 64 * MIB,
            free_disk_reserve_bytes: 256 * MIB,
        }
    }
}

/// A segment and the queue must hold more than the largest event, which is a body of 1 MiB and what surrounds it.
pub(super) const RULES: &[(&str, Rule)] = &[
    ("storage.log_segment_bytes", Rule::Range(bytes(4 * MIB), bytes(4096 * MIB))),
    ("storage.overlay_bytes_max", Rule::Range(bytes(MIB), bytes(1024 * 1024 * MIB))),
    ("storage.overlay_age_ms_max", Rule::Range(1, 3_600_000)),
    ("storage.queue_bytes_max", Rule::Range(bytes(4 * MIB), bytes(16 * 1024 * MIB))),
    ("storage.cache_bytes", Rule::Range(bytes(64 * KIB), bytes(1024 * 1024 * MIB))),
    ("storage.free_disk_reserve_bytes", Rule::Range(0, i64::MAX)),
];

const fn bytes(number: u64) -> i64 {
    number.cast_signed()
}
