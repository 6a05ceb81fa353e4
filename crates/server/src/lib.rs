//! The `muster` server: an HTTP edge, an administration, and the wiring that puts them over an engine.
//!
//! Requests come in through `http`, administrative ones through `control`; `config` says what the operator decided,
//! `cli` is how it is all started. Off the threads that answer, `jobs` turns uploads into events, `erasures` purges what is
//! to be forgotten, `dropping` drops raw events that are old enough, `exports` turns the log and the profiles into files, in
//! the `formats` of tables, `sync` writes days of them to the `stores` outside, and `backups` copies everything; `turns` is
//! how those wait for each other. `client` speaks to a server elsewhere; `convert` turns other systems' exports into rows of
//! history.
//! Only `wiring` names an engine, the clock and the source of chance.

pub mod admin;
mod backups;
pub mod cli;
mod client;
pub mod config;
pub mod control;
mod convert;
pub mod dropping;
pub mod erasures;
pub mod exports;
pub mod formats;
mod guards;
pub mod http;
pub mod jobs;
pub mod logging;
pub mod stores;
pub mod sync;
mod turns;
pub mod wiring;

/// The version of this program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
