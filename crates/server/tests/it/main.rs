//! The HTTP edge over real sockets, with the model engine behind it: one file per noun.

mod auth;
mod bodies;
mod client;
mod companies;
mod connections;
mod envelope;
mod events;
mod idempotency;
mod identify;
mod ledger;
mod logs;
mod operation;
mod positions;
mod track;
mod users;
mod world;
