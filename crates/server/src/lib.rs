//! The parts of the `muster` binary, as a library so that tests can start them.

pub mod http;
