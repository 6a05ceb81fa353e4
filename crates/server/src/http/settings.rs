//! What an operator may choose about the HTTP edge. The configuration embeds this and validates it before the first
//! socket opens.

use std::time::Duration;

use serde::Deserialize;

/// Limits and time-outs of the HTTP edge; durations in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpSettings {
    /// Open connections, idle ones included. One more gets 503 with `Retry-After` and is closed.
    pub connections_max: usize,
    /// How long the head of a request may take from its first byte, and a new connection until its first request.
    pub header_timeout_ms: u64,
    /// How long the body of a request may take; 408 `body_timeout` after that.
    pub body_timeout_ms: u64,
    /// How long a connection may be quiet between requests, or an answer be left unread, before it is closed. It
    /// is looked at four times in that span, so the end may come up to a quarter later.
    pub idle_timeout_ms: u64,
    /// How long a stopping server waits for what is in flight.
    pub stop_grace_ms: u64,
    /// How long a read waits for the position it asks for; 503 `position_not_reached` after that.
    pub read_wait_ms: u64,
    /// Bytes of request bodies that may be held while they arrive in parts, over all connections; 503 `overloaded`
    /// beyond. A body that arrives in one piece is not counted: it stays in its connection's read buffer.
    pub body_memory_max: usize,
    /// The URL under which callers reach this server; named in links and in the OpenAPI document.
    pub public_url: Option<String>,
    /// Whether a proxy in front sets `X-Forwarded-For` and `X-Forwarded-Proto` itself, so that they can be believed.
    pub trusted_proxy: bool,
    /// Threads that serve connections; 0 means one for each core.
    pub edge_threads: usize,
    /// Whose limits of calls per minute hold, beside those of the keys.
    pub rate_limits: RateLimits,
}

/// A set of limits of calls per minute, with a name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RateLimits {
    /// Those of the keys that have one.
    #[default]
    Own,
    /// The vendor's on top: of each environment 600 calls that identify, and 600 that track.
    Vendor,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            connections_max: 10_000,
            header_timeout_ms: 10_000,
            body_timeout_ms: 30_000,
            idle_timeout_ms: 75_000,
            stop_grace_ms: 10_000,
            read_wait_ms: 2_000,
            body_memory_max: 256 * 1024 * 1024,
            public_url: None,
            trusted_proxy: false,
            edge_threads: 0,
            rate_limits: RateLimits::Own,
        }
    }
}

impl HttpSettings {
    /// Checks what cannot be checked field by field while reading.
    ///
    /// # Errors
    /// A sentence that names the field and the remedy.
    pub fn validate(&self) -> Result<(), String> {
        let at_least_one = [
            ("connections_max", self.connections_max as u64),
            ("header_timeout_ms", self.header_timeout_ms),
            ("body_timeout_ms", self.body_timeout_ms),
            ("idle_timeout_ms", self.idle_timeout_ms),
        ];
        if let Some((name, _)) = at_least_one.iter().find(|(_, value)| *value == 0) {
            return Err(format!("`{name}` is 0: give it a value of at least 1."));
        }
        let body_max = muster_kernel::model::limits::BODY_BYTES_MAX;
        if self.body_memory_max < body_max {
            return Err(format!("`body_memory_max` is less than one body: give it at least {body_max}."));
        }
        match &self.public_url {
            Some(url) if !(url.starts_with("http://") || url.starts_with("https://")) => {
                Err("`public_url` does not start with `http://` or `https://`: give the whole URL."
                    .to_owned())
            }
            _ => Ok(()),
        }
    }

    /// How many edge threads to start.
    pub(super) fn threads(&self) -> usize {
        match self.edge_threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            named => named,
        }
    }

    pub(super) fn header_timeout(&self) -> Duration {
        Duration::from_millis(self.header_timeout_ms)
    }

    pub(super) fn body_timeout(&self) -> Duration {
        Duration::from_millis(self.body_timeout_ms)
    }

    pub(super) fn idle_timeout(&self) -> Duration {
        Duration::from_millis(self.idle_timeout_ms)
    }

    pub(super) fn stop_grace(&self) -> Duration {
        Duration::from_millis(self.stop_grace_ms)
    }

    pub(super) fn read_wait(&self) -> Duration {
        Duration::from_millis(self.read_wait_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_hold_and_each_mistake_is_named() {
        assert_eq!(HttpSettings::default().validate(), Ok(()));
        let broken = |change: fn(&mut HttpSettings)| {
            let mut settings = HttpSettings::default();
            change(&mut settings);
            settings.validate().unwrap_err()
        };
        assert!(broken(|settings| settings.connections_max = 0).contains("`connections_max`"));
        assert!(broken(|settings| settings.idle_timeout_ms = 0).contains("`idle_timeout_ms`"));
        assert!(broken(|settings| settings.body_memory_max = 1).contains("`body_memory_max`"));
        assert!(
            broken(|settings| settings.public_url = Some("muster.example".into())).contains("`public_url`")
        );
    }
}
