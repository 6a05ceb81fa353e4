//! testkit

pub mod tidy;
