//! The measuring half of `make bench`: a load generator that costs little processor time, and the bare handler that
//! Muster is measured against. `bench/run` starts everything and prints the table; the commands here measure one thing
//! each and print one JSON line.
//!
//! Never sends anywhere but to loopback: it drives servers as hard as it can, and that must not reach somebody else's.

mod bare;
mod connection;
mod driver;
mod history;
mod load;
mod parquet;
mod plan;
mod questions;
mod request;
mod response;
mod rows;
mod seed_users;
mod tally;
mod target;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The load generator and the bare handler of `make bench`.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Drive a server for a fixed time and print one JSON line of rates and latencies.
    Load(load::LoadOptions),
    /// Send each user once, as fast as the server answers.
    SeedUsers(seed_users::SeedOptions),
    /// Write a file of rows for a bulk upload.
    Rows(rows::RowsOptions),
    /// Write a file of rows for an import.
    History(rows::HistoryOptions),
    /// Parse such a file on one core and print how long it took.
    Parse(rows::ParseOptions),
    /// Read every value of Parquet files and print how long it took.
    ReadParquet(parquet::ReadOptions),
    /// Fill a data directory with events and users, and write the same rows for ClickHouse.
    HistoryFill(history::FillOptions),
    /// Ask such a directory's history, and print times and answers.
    HistoryAsk(history::AskOptions),
    /// Serve the bare axum handler until SIGTERM.
    Bare(bare::BareOptions),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Load(options) => load::run(&options),
        Command::SeedUsers(options) => seed_users::run(&options),
        Command::Rows(options) => rows::write(&options),
        Command::History(options) => rows::write_history(&options),
        Command::Parse(options) => rows::parse(&options),
        Command::ReadParquet(options) => parquet::read(&options),
        Command::HistoryFill(options) => history::fill(&options),
        Command::HistoryAsk(options) => history::ask(&options),
        Command::Bare(options) => bare::run(&options),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("muster-bench: {error:#}");
        ExitCode::FAILURE
    })
}
