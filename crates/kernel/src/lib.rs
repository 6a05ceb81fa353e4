//! What the product means: ids, values, events, profiles and the laws between them.
//!
//! Everything accepted is an event; a profile is a fold over events. This crate holds those meanings and the
//! ports through which an engine stores them.
//!
//! It never does IO, never reads a clock, never draws a random number and never names an engine: time and
//! chance arrive as arguments, so that the same input gives the same bytes everywhere.

pub mod accept;
pub mod model;
pub mod ports;
