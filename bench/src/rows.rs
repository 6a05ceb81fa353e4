//! The files of the bulk row of `make bench`: `muster-bench rows` writes one, `muster-bench parse` is the yardstick.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::Args;
use serde_json::{Value, json};

const PLANS: [&str; 4] = ["free", "pro", "team", "enterprise"];
const COUNTRIES: [&str; 6] = ["US", "DE", "FR", "GB", "IN", "BR"];
const WORDS: [&str; 16] = [
    "account",
    "billing",
    "campaign",
    "dashboard",
    "export",
    "feature",
    "growth",
    "history",
    "invoice",
    "journey",
    "keyboard",
    "license",
    "market",
    "network",
    "onboarding",
    "pipeline",
];
/// Properties that make a row about a kilobyte long.
const NOTES: usize = 12;
const NOTE_WORDS: usize = 6;

/// Options of `rows`.
#[derive(Args)]
pub struct RowsOptions {
    /// The file to write.
    file: PathBuf,
    /// Number of user ids, `user_000000000` upwards.
    #[arg(long)]
    users: u32,
    /// Use the even user ids only.
    #[arg(long)]
    only_even: bool,
    /// Seed of the values.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Writes one row of about 1 KB for each user, as `POST /v1/users/bulk_identify` takes them.
pub fn write(options: &RowsOptions) -> Result<ExitCode> {
    let mut random = fastrand::Rng::with_seed(options.seed);
    let mut file = BufWriter::new(File::create(&options.file).context("the file cannot be made")?);
    for user in (0..options.users).step_by(if options.only_even { 2 } else { 1 }) {
        serde_json::to_writer(&mut file, &row(user, &mut random))?;
        file.write_all(b"\n")?;
    }
    file.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn row(user: u32, random: &mut fastrand::Rng) -> Value {
    let mut metadata = json!({
        "email": format!("person.{user}@example.com"),
        "plan": PLANS[random.usize(..PLANS.len())],
        "country": COUNTRIES[random.usize(..COUNTRIES.len())],
        "created_at": 1_600_000_000 + u64::from(random.u32(..100_000_000)),
        "seats": random.u32(..500),
        "score": f64::from(random.u32(..100_000)) / 100.0,
        "is_admin": random.bool(),
    });
    for note in 0..NOTES {
        let words: Vec<&str> = (0..NOTE_WORDS).map(|_| WORDS[random.usize(..WORDS.len())]).collect();
        metadata[format!("note_{note:02}")] = words.join(" ").into();
    }
    json!({"user_id": format!("user_{user:09}"), "company_id": format!("company_{:05}", user % 4000), "metadata": metadata})
}

/// Options of `parse`.
#[derive(Args)]
pub struct ParseOptions {
    /// The file to read.
    file: PathBuf,
}

/// Parses every row of a file with `serde_json` into a value, on one thread, and prints bytes and seconds. The file is
/// in memory before the clock starts.
#[expect(clippy::disallowed_methods, reason = "a benchmark takes the time")]
pub fn parse(options: &ParseOptions) -> Result<ExitCode> {
    let bytes = std::fs::read(&options.file).context("the file cannot be read")?;
    let start = Instant::now();
    let mut rows = 0_u64;
    for line in bytes.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
        let value: Value = serde_json::from_slice(line)?;
        rows += u64::from(std::hint::black_box(value).is_object());
    }
    let seconds = start.elapsed().as_secs_f64();
    println!("{}", json!({"rows": rows, "bytes": bytes.len(), "seconds": seconds}));
    Ok(ExitCode::SUCCESS)
}
