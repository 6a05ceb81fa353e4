//! The embedded engine: one data directory that implements every port of the kernel.
//!
//! Guarantees the laws of architecture.md section 3 on one machine. It never parses JSON from callers, never knows
//! HTTP, and never shows what is not durable.

mod audit;
mod background;
mod backup;
mod base;
mod catalog;
mod directory;
pub mod disk;
mod engine;
mod engine_erasures;
mod engine_exports;
mod engine_history;
mod engine_lists;
mod engine_raw_events;
mod engine_reports;
mod environment;
mod environment_history;
mod erasure;
mod exports;
mod folding;
mod guards;
mod history;
mod jobs;
mod ledger;
mod lists;
pub mod log;
mod map;
mod once;
mod options;
mod profiles;
mod restore;
mod state_file;
mod verify;

pub use audit::{AuditFile, held_from};
pub use background::yield_to_others;
pub use backup::{BACKUP_FORMAT, BackedUp, BackupFile, BackupManifest, BackupProgress};
pub use catalog::CatalogFile;
pub use directory::{DIRECTORY_FORMAT, OpenError};
pub use engine::Engine;
pub use lists::{ListFiles, check as check_lists};
pub use map::Mapped;
pub use options::Options;
pub use restore::{Reapplied, forget_derived, restore, restore_from};
pub use verify::{VerifyLimits, VerifyReport, verify, verify_within};
