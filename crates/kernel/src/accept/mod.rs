//! From a body to an event: the fast reader that answers valid or not, and the slow checker that lists every problem.

use crate::model::catalog::EnvironmentSettings;
use crate::model::event::EventDraft;
use crate::model::problem::{Problem, Warning};
use crate::model::time::Timestamp;

/// Which call a body belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// `POST /v1/identify`.
    IdentifyUser,
    /// `POST /v1/companies/identify`.
    IdentifyCompany,
    /// `POST /v1/track`.
    Track,
}

/// Reads a decompressed body into `draft` (cleared first; its property sets come settled).
///
/// `now` is the edge's clock: a time more than ten minutes ahead of it is dropped with a warning.
///
/// # Errors
/// Every problem of the body at once, in the order of the body.
pub fn read(
    call: Call,
    settings: &EnvironmentSettings,
    now: Timestamp,
    body: &[u8],
    draft: &mut EventDraft,
) -> Result<Vec<Warning>, Vec<Problem>> {
    let _ = (call, settings, now, body, draft);
    Err(Vec::new())
}
