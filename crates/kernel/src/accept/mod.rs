//! From a body to an event.
//!
//! [`read`] is the door of calls and of rows of bulk uploads, [`read_row`] that of rows of history. Two readers stand behind it: `fast` goes over the body once, straight into the draft,
//! and answers "valid and nothing to remark" or gives up; `checker` reads the body again from the start and either
//! lists everything that is wrong with it or fills the draft and lists what was odd. Whatever the fast reader takes,
//! the checker takes without a warning and with the same encoded draft (`tests/agreement.rs`); in doubt the fast one
//! gives up. Neither echoes a property's value in a message: it may be personal data.
//!
//! Rules beyond decisions.md, all of which docs/API.md repeats for callers:
//! - `null` for a key that the call knows is as if the key were absent, also for its aliases' sake.
//! - An alias (`event`, `timestamp`, `id` in `POST /v1/companies/identify`) is not looked at when the name it stands
//!   in for is there.
//! - The value that does not count (of a key sent twice, of an alias that lost, of a key that the call does not know)
//!   is not checked but for its depth and its syntax.
//! - A `track` call and a row of a bulk upload may name the company by a top-level `company_id`; an id inside `company` counts before it.
//! - A junk `event_id` is dropped with a warning instead of taken: it would make unlike events the same one.
//! - Half of a surrogate pair (what JavaScript leaves when it cuts a string inside an emoji) becomes U+FFFD with a
//!   warning; in an id it is a problem, because two ids must not become one.

mod checker;
mod fast;
mod findings;
mod history;
mod ids;
mod members;
mod objects;
mod page;
mod property;

use std::str;

pub use history::{canonical, is_row_key, read_row};

use crate::model::catalog::EnvironmentSettings;
use crate::model::event::{EventDraft, EventKind};
use crate::model::limits::BODY_BYTES_MAX;
use crate::model::problem::{Problem, ProblemCode, Warning};
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
    /// A row of `POST /v1/users/bulk_identify`: as identify, with a `company_id` beside `company` and no time of its own.
    UserRow,
    /// A row of `POST /v1/companies/bulk_identify`: as identify company, without a time of its own.
    CompanyRow,
}

impl Call {
    fn kind(self) -> EventKind {
        match self {
            Call::IdentifyUser | Call::UserRow => EventKind::IdentifyUser,
            Call::IdentifyCompany | Call::CompanyRow => EventKind::IdentifyCompany,
            Call::Track => EventKind::Track,
        }
    }
}

/// Reads a decompressed body into `draft` (cleared first; its property sets come settled).
///
/// `now` is the edge's clock: a time more than ten minutes ahead of it is dropped with a warning.
///
/// # Errors
/// Every problem of the body at once, in the order of the body; the draft is then empty. Beyond
/// [`PROBLEMS_LISTED_MAX`](crate::model::limits::PROBLEMS_LISTED_MAX) one more element says how many there are.
pub fn read(
    call: Call,
    settings: &EnvironmentSettings,
    now: Timestamp,
    body: &[u8],
    draft: &mut EventDraft,
) -> Result<Vec<Warning>, Vec<Problem>> {
    draft.clear();
    let text = text_of(body).map_err(|problem| vec![problem])?;
    if fast::read(call, now, text, draft) {
        return Ok(Vec::new());
    }
    checker::check(call, settings, now, text, draft)
}

/// The body as text: within its size, without a byte order mark, not blank. UTF-8 is checked here and never again.
fn text_of(body: &[u8]) -> Result<&str, Problem> {
    if body.len() > BODY_BYTES_MAX {
        let message = format!(
            "The body has {} bytes when decompressed; send at most {BODY_BYTES_MAX} in one call.",
            body.len()
        );
        return Err(Problem::of_call(ProblemCode::BodyTooLarge, message));
    }
    let marked = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
    let text = str::from_utf8(marked).map_err(|error| {
        let offset = body.len() - marked.len() + error.valid_up_to();
        let message = format!(
            "The body is not JSON: the byte at offset {offset} is not UTF-8; send the body encoded as UTF-8."
        );
        Problem::of_call(ProblemCode::BodyNotJson, message)
    })?;
    if text.bytes().all(is_json_space) {
        return Err(Problem::of_call(
            ProblemCode::BodyMissing,
            "The body is empty; send one JSON object that describes the call.",
        ));
    }
    Ok(text)
}

/// What JSON takes for white space (RFC 8259, section 2).
fn is_json_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// What a top-level key means to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    UserId,
    CompanyId,
    EventName,
    EventId,
    OccurredAt,
    Metadata,
    Company,
    /// Nothing: whatever it holds is ignored.
    Unknown,
}

impl Key {
    fn of(call: Call, name: &str) -> Key {
        let about_user = !matches!(call, Call::IdentifyCompany | Call::CompanyRow);
        let is_row = matches!(call, Call::UserRow | Call::CompanyRow);
        match name {
            "user_id" if about_user => Key::UserId,
            "metadata" => Key::Metadata,
            "company" if about_user => Key::Company,
            "event_name" | "event" if call == Call::Track => Key::EventName,
            "company_id" if call != Call::IdentifyUser => Key::CompanyId,
            "id" if !about_user => Key::CompanyId,
            "event_id" => Key::EventId,
            "occurred_at" | "timestamp" if !is_row => Key::OccurredAt,
            _ => Key::Unknown,
        }
    }

    /// The name by which the key is documented; every other one is an alias.
    fn name(self) -> &'static str {
        match self {
            Key::UserId => "user_id",
            Key::CompanyId => "company_id",
            Key::EventName => "event_name",
            Key::EventId => "event_id",
            Key::OccurredAt => "occurred_at",
            Key::Metadata => "metadata",
            Key::Company => "company",
            Key::Unknown => "",
        }
    }

    /// What a call cannot do without.
    fn required(call: Call) -> &'static [Key] {
        match call {
            Call::IdentifyUser | Call::UserRow => &[Key::UserId],
            Call::IdentifyCompany | Call::CompanyRow => &[Key::CompanyId],
            Call::Track => &[Key::UserId, Key::EventName],
        }
    }
}

/// Clients send either name; the second is how traits of customer data platforms call it.
const CREATED_AT: &str = "created_at";
const CREATED_AT_ALIAS: &str = "createdAt";

#[cfg(test)]
mod tests;
