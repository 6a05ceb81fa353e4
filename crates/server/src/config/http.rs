//! What the settings of the HTTP edge may be; the edge itself says what they mean (`crate::http::HttpSettings`).

use muster_kernel::model::limits::BODY_BYTES_MAX;

use super::rule::Rule;

const MINUTE_MS: i64 = 60_000;

pub(super) const RULES: &[(&str, Rule)] = &[
    ("http.connections_max", Rule::Range(1, 1_000_000)),
    ("http.header_timeout_ms", Rule::Range(1, 10 * MINUTE_MS)),
    ("http.body_timeout_ms", Rule::Range(1, 60 * MINUTE_MS)),
    ("http.idle_timeout_ms", Rule::Range(1, 60 * MINUTE_MS)),
    ("http.stop_grace_ms", Rule::Range(0, 10 * MINUTE_MS)),
    ("http.read_wait_ms", Rule::Range(0, 10 * MINUTE_MS)),
    ("http.body_memory_max", Rule::Range(BODY_BYTES_MAX.cast_signed() as i64, 1 << 40)),
    ("http.public_url", Rule::OptionalUrl),
    ("http.trusted_proxy", Rule::Switch),
    ("http.edge_threads", Rule::Range(0, 1024)),
    ("http.rate_limits", Rule::OneOf(&["own", "vendor"])),
];
