//! `muster-bench load`: a closed loop for the highest rate, an open loop for latency at a given rate.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Args;

use crate::driver::{self, Window};
use crate::plan::{Pace, Plan, Users};
use crate::tally::Tally;
use crate::target::TargetOptions;

/// Options of `load`.
#[derive(Args)]
pub struct LoadOptions {
    #[command(flatten)]
    target: TargetOptions,
    /// Seconds that are measured.
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// Seconds before them that are not.
    #[arg(long, default_value_t = 1.0)]
    warmup_seconds: f64,
    /// Requests a second in total, sent on a timetable whatever the server does (open loop); latency counts from the
    /// time a request was due. Without it each connection sends as soon as it has its answer (closed loop).
    #[arg(long)]
    rate: Option<f64>,
    /// Seed of the random user ids.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Runs the load and prints the result; failure when anything but 2xx came back.
pub fn run(options: &LoadOptions) -> Result<ExitCode> {
    let target = &options.target;
    let rate_is_usable = options.rate.is_none_or(|rate| rate.is_finite() && rate > 0.0);
    ensure!(rate_is_usable, "--rate must be above 0");
    let tally = driver::drive(
        target.address,
        target.connections,
        target.threads,
        &target.template()?,
        Duration::try_from_secs_f64(options.warmup_seconds)?,
        Some(Duration::try_from_secs_f64(options.seconds)?),
        |thread, window| plan(options, thread, window),
    )?;
    Ok(print(&tally, target.tolerate))
}

fn plan(options: &LoadOptions, thread: usize, window: &Window) -> Plan {
    let target = &options.target;
    let step = if target.only_even { 2 } else { 1 };
    let users = Users::Drawn {
        random: fastrand::Rng::with_seed(options.seed.wrapping_add(thread as u64)),
        count: target.users.div_ceil(step),
        step,
    };
    let pace = options.rate.map_or(Pace::Closed, |rate| {
        let interval = Duration::from_secs_f64(target.threads as f64 / rate);
        // The threads' timetables interleave instead of coinciding.
        let start = window.start + interval.mul_f64(thread as f64 / target.threads as f64);
        Pace::Open { start, interval }
    });
    Plan::new(pace, users, window.until())
}

/// Prints the JSON line and turns the outcome into the exit code.
pub fn print(tally: &Tally, tolerate: bool) -> ExitCode {
    println!("{}", tally.to_json());
    if tolerate || tally.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
