//! The machine's clock, and waiting: the only file of the demo that knows what time it is.
#![expect(clippy::disallowed_methods, reason = "this file owns time; everything else is told it")]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::calendar::Moment;

/// The time now.
pub fn now() -> Moment {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Moment(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Waits so many milliseconds.
pub fn wait(milliseconds: u64) {
    std::thread::sleep(Duration::from_millis(milliseconds));
}
