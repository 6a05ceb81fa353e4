//! `muster-demo`: fills a running server with a made-up product, and with `--live` goes on until it is stopped.

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use muster_demo::{Options, fill, thousands, trickle, wait};

/// Fill a running server with a made-up product: companies, users and their events, mistakes included.
#[derive(Parser)]
#[command(name = "muster-demo")]
struct Arguments {
    #[command(flatten)]
    options: Options,
    /// Go on with a trickle of calls until stopped, so that the Live page moves.
    #[arg(long)]
    live: bool,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("muster-demo: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let say = &mut |line: &str| eprintln!("  {line}");
    let told = fill(&arguments.options, say)?;
    let (calls, seconds) = (thousands(told.counts.all()), told.milliseconds / 1000);
    println!("{calls} calls in {seconds} s: {}; the ledger agrees", told.counts.sentence());
    if arguments.live {
        eprintln!("  going on; stop with Ctrl-C");
        let for_ever = &mut |milliseconds| {
            wait(milliseconds);
            true
        };
        trickle(&arguments.options, &told.story, for_ever, say)?;
    }
    Ok(())
}
