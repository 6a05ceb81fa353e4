//! The `muster` server: an HTTP edge, an administration, and the wiring that puts them over an engine.
//!
//! Requests come in through `http`, administrative ones through `control`; `config` says what the operator decided,
//! `cli` is how it is all started. `jobs` turns uploads
//! into events, `erasures` purges what is to be forgotten, off the threads that answer; `client` sends files to a server elsewhere.
//! Only `wiring` names an engine, the clock and the source of chance.

pub mod admin;
pub mod cli;
mod client;
pub mod config;
pub mod control;
pub mod erasures;
mod guards;
pub mod http;
pub mod jobs;
pub mod logging;
pub mod wiring;

/// The version of this program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
