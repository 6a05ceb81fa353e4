//! A row of history (spec 2.9): an event of the past as `POST /v1/imports` takes it, with its own kind, source and time.
//!
//! As with bodies, a fast reader takes what is valid and unremarkable, and the checker says about everything else what
//! holds. Rules beyond the contract's five:
//! - An empty string is as if the key were absent, as null is: tables have no other way to say so. Not so within `metadata`.
//! - `event_id` names the event for good, as on a call; without one, equal rows are one event ([`canonical`]).
//! - `occurred_at` and `timestamp` are aliases of `inserted_at`, `event` of `event_name`.
//! - A time without a zone is UTC, and is remarked; one before 1971 is taken and remarked; one ahead is refused (law 9).

use crate::model::catalog::EnvironmentSettings;
use crate::model::event::EventDraft;
use crate::model::problem::{Problem, Warning, WarningCode};
use crate::model::time::Timestamp;

use super::fast::history::Zone;
use super::page::PageText;
use super::{checker, fast, text_of};

/// Times before this one are remarked: 1971-01-01T00:00:00Z.
pub(super) const REMARKED_BEFORE: Timestamp = Timestamp(31_536_000_000_000);

/// Reads a row into `draft` (cleared first; its property sets come settled). `now` is when its file came.
///
/// # Errors
/// Every problem of the row at once; the draft is then empty.
pub fn read_row(
    settings: &EnvironmentSettings,
    now: Timestamp,
    row: &[u8],
    draft: &mut EventDraft,
) -> Result<Vec<Warning>, Vec<Problem>> {
    draft.clear();
    let text = text_of(row).map_err(|problem| vec![problem])?;
    match fast::history::read(now, text, draft) {
        Some(Zone::Named) => return Ok(Vec::new()),
        Some(Zone::Open) => return Ok(vec![without_zone(Field::Time.name())]),
        None => {}
    }
    checker::history::check(settings, now, text, draft)
}

/// Whether a key means something in a row, but for keys within `metadata`.
pub fn is_row_key(key: &str) -> bool {
    Field::of(key).is_some()
}

/// What is remarked of a time that leaves its zone open.
pub(super) fn without_zone(key: &str) -> Warning {
    let message = format!("`{key}` names no zone; it was read as UTC.");
    Warning { pointer: format!("/{key}"), code: WarningCode::TimeWithoutZone, message }
}

/// What makes two rows the same event (law 2): all that [`read_row`] has read, however it was written. Not what is filled
/// in later: key, job, guards, what was worked out of the `user_agent`.
pub fn canonical(draft: &EventDraft, out: &mut Vec<u8>) {
    draft.encode(out);
}

/// What a key of a row means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    EventType,
    EventName,
    UserId,
    CompanyId,
    Source,
    Time,
    EventId,
    Metadata,
    ScreenWidth,
    ScreenHeight,
    Page(PageText),
}

impl Field {
    pub(super) fn of(key: &str) -> Option<Field> {
        Some(match key {
            "event_type" => Field::EventType,
            "event_name" | "event" => Field::EventName,
            "user_id" => Field::UserId,
            "company_id" => Field::CompanyId,
            "source" => Field::Source,
            "inserted_at" | "occurred_at" | "timestamp" => Field::Time,
            "event_id" => Field::EventId,
            "metadata" => Field::Metadata,
            "screen_width" => Field::ScreenWidth,
            "screen_height" => Field::ScreenHeight,
            _ => return PageText::ALL.into_iter().find(|text| text.name() == key).map(Field::Page),
        })
    }

    /// The name by which the key is documented; every other one is an alias.
    pub(super) fn name(self) -> &'static str {
        match self {
            Field::EventType => "event_type",
            Field::EventName => "event_name",
            Field::UserId => "user_id",
            Field::CompanyId => "company_id",
            Field::Source => "source",
            Field::Time => "inserted_at",
            Field::EventId => "event_id",
            Field::Metadata => "metadata",
            Field::ScreenWidth => "screen_width",
            Field::ScreenHeight => "screen_height",
            Field::Page(text) => text.name(),
        }
    }

    /// Whether a row about a company has it; everything else in such a row is ignored.
    pub(super) fn is_of_companies(self) -> bool {
        matches!(
            self,
            Field::EventType
                | Field::CompanyId
                | Field::Source
                | Field::Time
                | Field::EventId
                | Field::Metadata
        )
    }

    /// A bit of its own.
    pub(super) fn bit(self) -> u32 {
        1 << match self {
            Field::EventType => 0,
            Field::EventName => 1,
            Field::UserId => 2,
            Field::CompanyId => 3,
            Field::Source => 4,
            Field::Time => 5,
            Field::EventId => 6,
            Field::Metadata => 7,
            Field::ScreenWidth => 8,
            Field::ScreenHeight => 9,
            Field::Page(text) => 10 + text as u32,
        }
    }
}
