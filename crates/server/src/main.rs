//! The `muster` binary: everything is in the library, where tests reach it.

use std::process::ExitCode;

/// Profiles are made on one thread and freed on another, thousands of times a second: measured, the system's
/// allocator spends a tenth of a write on that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    muster_server::cli::run(std::env::args_os())
}
