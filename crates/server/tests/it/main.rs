//! The server as others see it: its commands and settings, and the HTTP edge over real sockets. One file per noun.

mod auth;
mod bodies;
mod cli;
mod client;
mod companies;
mod config;
mod connections;
mod control;
mod demo;
mod envelope;
mod events;
mod idempotency;
mod identify;
mod kill;
mod ledger;
mod logs;
mod operation;
mod positions;
mod process;
mod promises;
mod seeds;
mod track;
mod users;
mod whole;
mod world;
