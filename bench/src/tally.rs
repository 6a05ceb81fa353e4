//! What was measured, and the JSON line that says it.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use hdrhistogram::Histogram;
use serde_json::{Value, json};

const LATENCY_US_MAX: u64 = 600_000_000;

/// Counts and latencies of one thread, or of several once merged.
pub struct Tally {
    latency_us: Histogram<u64>,
    /// Answers that were not 2xx, by status; those of the warm-up too.
    refused: BTreeMap<u16, u64>,
    connection_errors: u64,
    first_error: Option<String>,
    /// Requests without an answer when the run was given up.
    unanswered: u64,
    /// Requests of an open loop that never found a free connection.
    unsent: u64,
    measured: Duration,
}

impl Tally {
    /// Nothing measured yet.
    pub fn new() -> Result<Self> {
        Ok(Self {
            latency_us: Histogram::new_with_bounds(1, LATENCY_US_MAX, 3)?,
            refused: BTreeMap::new(),
            connection_errors: 0,
            first_error: None,
            unanswered: 0,
            unsent: 0,
            measured: Duration::ZERO,
        })
    }

    /// Counts one answer inside the measured time.
    pub fn record(&mut self, latency: Duration) {
        self.latency_us.saturating_record(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX));
    }

    /// Counts one answer that was not 2xx.
    pub fn refuse(&mut self, status: u16) {
        *self.refused.entry(status).or_default() += 1;
    }

    /// Counts one broken connection.
    pub fn break_connection(&mut self, error: &std::io::Error) {
        self.connection_errors += 1;
        self.first_error.get_or_insert_with(|| error.to_string());
    }

    /// Says how long was measured and what had to be given up.
    pub fn close(&mut self, measured: Duration, unanswered: u64, unsent: u64) {
        self.measured = measured;
        self.unanswered = unanswered;
        self.unsent = unsent;
    }

    /// Adds another thread's tally.
    pub fn merge(&mut self, other: Self) -> Result<()> {
        self.latency_us.add(&other.latency_us)?;
        for (status, count) in other.refused {
            *self.refused.entry(status).or_default() += count;
        }
        self.connection_errors += other.connection_errors;
        self.first_error = self.first_error.take().or(other.first_error);
        self.unanswered += other.unanswered;
        self.unsent += other.unsent;
        self.measured = self.measured.max(other.measured);
        Ok(())
    }

    /// Whether every request was answered with 2xx on an unbroken connection.
    pub fn is_clean(&self) -> bool {
        self.refused.is_empty() && self.connection_errors == 0 && self.unanswered == 0 && self.unsent == 0
    }

    /// The whole result; latencies in milliseconds.
    pub fn to_json(&self) -> Value {
        let quantile = |q: f64| self.latency_us.value_at_quantile(q) as f64 / 1000.0;
        let requests = self.latency_us.len();
        let seconds = self.measured.as_secs_f64();
        let rate = if seconds > 0.0 { (requests as f64 / seconds * 10.0).round() / 10.0 } else { 0.0 };
        json!({
            "requests": requests,
            "seconds": (seconds * 1000.0).round() / 1000.0,
            "requests_per_s": rate,
            "p50_ms": quantile(0.50),
            "p90_ms": quantile(0.90),
            "p99_ms": quantile(0.99),
            "p99_9_ms": quantile(0.999),
            "max_ms": self.latency_us.max() as f64 / 1000.0,
            "non_2xx": self.refused.values().sum::<u64>(),
            "non_2xx_by_status": self.refused,
            "connection_errors": self.connection_errors,
            "first_error": self.first_error,
            "unanswered": self.unanswered,
            "unsent": self.unsent,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_add_up() {
        let mut one = Tally::new().unwrap();
        one.record(Duration::from_millis(1));
        one.close(Duration::from_secs(2), 0, 0);
        assert!(one.is_clean());
        let mut two = Tally::new().unwrap();
        two.record(Duration::from_millis(3));
        two.refuse(503);
        two.break_connection(&std::io::Error::other("gone"));
        two.close(Duration::from_secs(2), 4, 5);
        one.merge(two).unwrap();
        assert!(!one.is_clean());
        assert_eq!(
            one.to_json(),
            json!({
                "requests": 2, "seconds": 2.0, "requests_per_s": 1.0, "p50_ms": 1.0, "p90_ms": 3.001,
                "p99_ms": 3.001, "p99_9_ms": 3.001, "max_ms": 3.001, "non_2xx": 1, "non_2xx_by_status": {"503": 1},
                "connection_errors": 1, "first_error": "gone", "unanswered": 4, "unsent": 5,
            })
        );
    }
}
