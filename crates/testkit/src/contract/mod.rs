//! The laws of the ports as readable lists of promises, run against every engine.
//!
//! Each suite takes an engine that is new and has the environments 1 and 2.

mod audit_trail;
mod erasures;
mod event_log;
mod exports;
mod history;
mod jobs;
mod ledger;
mod lists;
mod profiles;
mod raw_events;
mod reports;
mod reports_agree;
mod reports_of_companies;
mod reports_then;
mod segments;
mod segments_as_of;
mod trends;

use muster_kernel::model::event::EventDraft;
use muster_kernel::model::id::EnvironmentId;
use muster_kernel::ports::{Appended, EventLog, Receipt};

pub use audit_trail::{audit_trail_keeps_its_promises, entry};
pub use erasures::erasures_keep_their_promises;
pub use event_log::event_log_keeps_its_promises;
pub use exports::{export, exports_keep_their_promises, write_part};
pub use history::history_keeps_its_promises;
pub use jobs::{job, jobs_keep_their_promises, upload};
pub use ledger::ledger_keeps_its_promises;
pub use lists::{lists_keep_their_promises, set};
pub use profiles::profiles_keep_their_promises;
pub use raw_events::raw_events_keep_their_promises;
pub use reports::reports_keep_their_promises;
pub use reports_agree::{funnels_agree, paths_agree, retentions_agree, trends_agree};
pub use reports_of_companies::reports_of_companies_keep_their_promises;
pub use reports_then::reports_of_then_keep_their_promises;
pub use segments::segments_keep_their_promises;
pub use trends::trends_keep_their_promises;

use crate::block_on::block_on;

/// Appends an event that must be stored.
///
/// # Panics
/// When it is not.
pub fn store(log: &dyn EventLog, environment: EnvironmentId, event: &EventDraft) -> Receipt {
    match block_on(log.append(environment, event)) {
        Ok(Appended::Stored(receipt)) => receipt,
        other => panic!("the event was not stored: {other:?}"),
    }
}
