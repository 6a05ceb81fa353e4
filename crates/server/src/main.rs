//! The `muster` binary: everything is in the library, where tests reach it.

use std::process::ExitCode;

/// Profiles are made on one thread and freed on another, thousands of times a second: the case that the system's
/// allocator handles worst.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    muster_server::cli::run(std::env::args_os())
}
