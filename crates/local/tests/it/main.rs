//! The embedded engine from outside: real directories, real threads, faults where the test says so.

mod engine;
