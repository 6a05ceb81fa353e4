//! What an engine must promise. Each trait is object-safe, takes the environment first (law 5), and states its laws
//! in its doc comments; `muster-testkit` holds one contract suite for each.

mod audit_trail;
mod catalog;
mod clock;
mod erasures;
mod error;
mod event_log;
mod exports;
mod history;
mod jobs;
mod ledger;
mod lists;
mod profiles;
mod raw_events;
mod reports;
mod segments;

pub use audit_trail::AuditTrail;
pub use catalog::{Catalog, Change as CatalogChange};
pub use clock::Clock;
pub use erasures::{Accepting, Admitted, Erasures, Purged};
pub use error::{Refusal, StoreError};
pub use event_log::{
    AppendError, Appended, AppendedOnce, Appending, AppendingMany, AppendingOnce, EventLog, Once, Receipt,
    StoredEvent,
};
pub use exports::{ExportFile, Exports};
pub use history::{History, Inquiry};
pub use jobs::{Jobs, Scratch, Upload};
pub use ledger::Ledger;
pub use lists::Lists;
pub use profiles::{Census, CompanyQuery, ProfileKind, Profiles, UserQuery};
pub use raw_events::RawEvents;
pub use reports::{PeoplePage, Reports};
pub use segments::Segments;
