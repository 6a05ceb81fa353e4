//! Looks at something on a running server until it has ended, while the server may be away for a moment.

use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::client::{Client, ClientError};

/// Between two looks; the first ones come sooner, because most work is small.
const LOOK_EVERY: Duration = Duration::from_millis(500);
const LOOK_SOON: Duration = Duration::from_millis(50);
const SOON_LOOKS: u32 = 20;
/// How many looks may fail one after the other: a minute, in which a server can be restarted.
const FAILED_LOOKS_MAX: u32 = 120;
/// Of how many looks one is told of where there is no bar: every ten seconds.
const TOLD_LOOKS: u32 = 20;

/// What comes after a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// Another one.
    GoesOn,
    /// Nothing: what was looked at has ended.
    Ends,
}

/// Looks at what `path` shows, as `first` showed it, until `seen` says that it has ended. `seen` is also told whether
/// it is time to tell somebody.
///
/// # Errors
/// What was seen last, and why there was no further look: the server refuses, or does not answer for a minute.
pub fn follow<T: DeserializeOwned>(
    client: &Client,
    path: &str,
    first: T,
    mut seen: impl FnMut(&T, bool) -> Then,
) -> Result<T, (T, ClientError)> {
    let (mut shown, mut looks, mut failed) = (first, 0u32, 0);
    while seen(&shown, looks.is_multiple_of(TOLD_LOOKS)) == Then::GoesOn {
        pause(if looks < SOON_LOOKS { LOOK_SOON } else { LOOK_EVERY });
        looks += 1;
        match client.get(path) {
            Ok(now) => (shown, failed) = (now, 0),
            Err(error) if may_pass(&error) && failed < FAILED_LOOKS_MAX => failed += 1,
            Err(error) => return Err((shown, error)),
        }
    }
    Ok(shown)
}

/// Calls until the server does not say any more that it may pass; a call that nobody answered is not made again, because
/// nothing is known of it.
///
/// # Errors
/// As the last call.
pub fn persist<T>(mut call: impl FnMut() -> Result<T, ClientError>) -> Result<T, ClientError> {
    for _ in 0..FAILED_LOOKS_MAX {
        match call() {
            Err(ClientError::Refused { may_pass: true, .. }) => pause(LOOK_EVERY),
            outcome => return outcome,
        }
    }
    call()
}

fn may_pass(error: &ClientError) -> bool {
    matches!(error, ClientError::Unreachable(_) | ClientError::Refused { may_pass: true, .. })
}

#[expect(
    clippy::disallowed_methods,
    reason = "a command looks at something now and then; nothing is waited for here"
)]
fn pause(length: Duration) {
    std::thread::sleep(length);
}
