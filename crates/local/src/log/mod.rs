//! The log of everything accepted: one directory of segment files per environment.
//!
//! Guarantees: what [`writer::Writer::write`] answered is durable; recovery keeps every durable record, cuts only
//! what was never acknowledged, and refuses to start over damage unless told to skip it. One process, one writer.
//! Must never: show a record that is not synced, retry a failed sync, or reuse a position.
//!
//! Layout (docs/FORMAT.md, "Log"): `LOG/{first position, 20 digits}.log`; a header, then batches back to back. A batch
//! is a batch frame and the frames of its records, written by one write and synced once.

pub mod dropping;
pub mod patch;
pub mod queue;
pub mod reader;
pub mod record;
pub mod recover;
pub mod segment;
pub mod writer;
