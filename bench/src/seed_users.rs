//! `muster-bench seed-users`: every user once through the HTTP API, so that a run starts with users that exist.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::Args;

use crate::driver;
use crate::load;
use crate::plan::{Pace, Plan, Users};
use crate::target::TargetOptions;

/// Options of `seed-users`.
#[derive(Args)]
pub struct SeedOptions {
    #[command(flatten)]
    target: TargetOptions,
}

/// Sends each user once and prints the result; failure when anything but 2xx came back.
pub fn run(options: &SeedOptions) -> Result<ExitCode> {
    let target = &options.target;
    let tally = driver::drive(
        target.address,
        target.connections,
        target.threads,
        &target.template()?,
        Duration::ZERO,
        None,
        |thread, _| Plan::new(Pace::Closed, share(target, thread), None),
    )?;
    Ok(load::print(&tally, target.tolerate))
}

/// A contiguous part of the users for each thread, starting on an even one.
fn share(target: &TargetOptions, thread: usize) -> Users {
    let step = if target.only_even { 2 } else { 1 };
    let bound = |thread: usize| {
        let exact = u64::from(target.users) * thread as u64 / target.threads as u64;
        let even = if thread == target.threads { exact } else { exact & !1 };
        u32::try_from(even).unwrap_or(target.users)
    };
    Users::Each { next: bound(thread), end: bound(thread + 1), step }
}
