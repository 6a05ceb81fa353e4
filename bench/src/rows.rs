//! The files of the rows `bulk` and `import` of `make bench`: `muster-bench rows` and `muster-bench history` write one,
//! `muster-bench parse` is the yardstick.

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

/// Options of `history`.
#[derive(Args)]
pub struct HistoryOptions {
    /// The file to write.
    file: PathBuf,
    /// Number of rows.
    #[arg(long)]
    rows: u32,
    /// Number of user ids that they are about.
    #[arg(long, default_value_t = 100_000)]
    users: u32,
    /// Seed of the values: another one gives other rows.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// The months of 2026 that rows of history are spread over: some 90 days.
const MONTHS: std::ops::Range<u32> = 8..11;
/// Of how many rows one is an earlier row again.
const DUPLICATE_EVERY: u32 = 100;
/// How many rows before it that is, at the most.
const DUPLICATE_REACH: usize = 10_000;

/// Writes `track` rows of about 250 bytes, as `POST /v1/imports` takes them; one of a hundred stands there twice.
pub fn write_history(options: &HistoryOptions) -> Result<ExitCode> {
    let mut random = fastrand::Rng::with_seed(options.seed);
    let mut file = BufWriter::new(File::create(&options.file).context("the file cannot be made")?);
    let mut earlier: Vec<Vec<u8>> = Vec::new();
    for number in 0..options.rows {
        if number % DUPLICATE_EVERY == DUPLICATE_EVERY - 1 {
            file.write_all(&earlier[random.usize(..earlier.len())])?;
            continue;
        }
        let mut line = serde_json::to_vec(&event(options.users, &mut random))?;
        line.push(b'\n');
        file.write_all(&line)?;
        if earlier.len() < DUPLICATE_REACH {
            earlier.push(line);
        } else {
            let at = random.usize(..DUPLICATE_REACH);
            earlier[at] = line;
        }
    }
    file.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn event(users: u32, random: &mut fastrand::Rng) -> Value {
    let (month, day) = (random.u32(MONTHS), random.u32(1..31));
    let (hour, minute, second) = (random.u32(..24), random.u32(..60), random.u32(..60));
    let time =
        format!("2026-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:06}Z", random.u32(..1_000_000));
    let words: Vec<&str> = (0..4).map(|_| WORDS[random.usize(..WORDS.len())]).collect();
    json!({
        "event_type": "track", "event_name": format!("{}_opened", words[0]), "user_id": format!("user_{:09}", random.u32(..users)),
        "source": "backend-http-import", "inserted_at": time,
        "metadata": {"amount": f64::from(random.u32(..100_000)) / 100.0, "plan": PLANS[random.usize(..PLANS.len())], "note": words[1..].join(" ")},
    })
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
