//! Structured log lines on standard error.
//!
//! Our own lines are written from the chosen level on; libraries speak only from `warn` on, so that a level that
//! explains our decisions is not drowned. Keys, ids and property values are never logged, by nobody; that is why a panic is
//! logged without its message.

use std::panic::Location;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

use crate::config::{LogFormat, LogLevel, LogSettings};

/// Our own crates begin with this word.
const OURS: &str = "muster";

/// Writes log lines from now on. Called once per process; a second call changes nothing.
pub fn start(settings: LogSettings) {
    let level = filter(settings.level);
    let targets = Targets::new().with_target(OURS, level).with_default(level.min(LevelFilter::WARN));
    let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(false).with_target(false);
    let lines = match settings.format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    // Fails only when a subscriber is there already, as in tests of one process.
    let _ = tracing_subscriber::registry().with(lines.with_filter(targets)).try_init();
    std::panic::set_hook(Box::new(|panic| log_panic(panic.location(), std::thread::current().name())));
}

/// Where a panic happened, and not what it said: its message may hold a value.
fn log_panic(location: Option<&Location<'_>>, thread: Option<&str>) {
    let (file, line) = location.map_or(("unknown", 0), |place| (place.file(), place.line()));
    tracing::error!(
        file,
        line,
        thread = thread.unwrap_or("unnamed"),
        "a part of the server panicked; please report it"
    );
}

fn filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Off => LevelFilter::OFF,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}
