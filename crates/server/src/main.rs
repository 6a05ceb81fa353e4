//! The `muster` binary: everything is in the library, where tests reach it.

use std::process::ExitCode;

fn main() -> ExitCode {
    muster_server::cli::run(std::env::args_os())
}
