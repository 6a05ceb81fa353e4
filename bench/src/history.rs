//! The history rows of `make bench`: `muster-bench history-fill` makes events and users, gives them to an engine and
//! writes the same as files for ClickHouse; `muster-bench history-ask` asks the engine and prints times and answers.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, anyhow};
use clap::Args;
use jiff::tz::TimeZone;
use muster_kernel::model::batch::EventBatch;
use muster_kernel::model::calendar::{Buckets, Interval, Span};
use muster_kernel::model::event::{EventDraft, EventKind};
use muster_kernel::model::history::{Breakdown, CountAnswer, CountQuestion, EventName, EventQuery, Measure};
use muster_kernel::model::id::{KeyId, UserId};
use muster_kernel::model::time::Timestamp;
use muster_kernel::model::value::Value;
use muster_kernel::ports::{Catalog, Clock, EventLog, History, Inquiry};
use muster_local::{Engine, Options};
use muster_testkit::block_on::block_on;
use muster_testkit::builders::{PRODUCTION, environment, identify};
use muster_testkit::clock::DAY_ONE;
use serde_json::json;

use crate::questions::Questions;

const DAY_MS: i64 = 86_400_000;
pub const DAYS: i64 = 180;
const BATCH: usize = 4096;
const EVENT_NAMES: usize = 40;
const COUNTRIES: [&str; 10] = ["US", "GB", "DE", "FR", "IN", "BR", "JP", "AU", "NL", "SE"];
const PLATFORMS: [&str; 5] = ["web", "ios", "android", "mac", "linux"];
const PAGES: usize = 2000;
/// The event that the questions are about: about one in twenty-five.
const ASKED: &str = "event 3";

/// Options of `history-fill`.
#[derive(Args)]
pub struct FillOptions {
    /// The data directory to make.
    directory: PathBuf,
    /// How many events.
    #[arg(long)]
    events: u64,
    /// How many users.
    #[arg(long)]
    users: u64,
    /// Where to write `events.bin` and `users.bin`, as ClickHouse's format RowBinary.
    #[arg(long)]
    rows: Option<PathBuf>,
    /// Take events without making history of them meanwhile.
    #[arg(long)]
    without_history: bool,
    /// Give each event an `order` too, one of so many texts.
    #[arg(long, default_value_t = 0)]
    orders: u64,
}

/// Options of `history-ask`.
#[derive(Args)]
pub struct AskOptions {
    /// The data directory.
    directory: PathBuf,
    /// Threads for a question.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// How often each question is asked.
    #[arg(long, default_value_t = 9)]
    rounds: usize,
}

#[expect(clippy::disallowed_methods, reason = "measures how long things take")]
fn now() -> Instant {
    Instant::now()
}

/// The system's clock.
struct WallClock;

impl Clock for WallClock {
    fn now(&self) -> Timestamp {
        Timestamp(jiff::Timestamp::now().as_microsecond())
    }
}

fn open(directory: &Path, threads: usize, tend_ms: u64) -> Result<Engine> {
    let options = Options {
        history_threads: threads,
        history_tend_ms: tend_ms,
        free_disk_reserve_bytes: 0,
        ..Options::default()
    };
    let random = Arc::new(|bytes: &mut [u8]| fastrand::fill(bytes));
    let engine = Engine::open(directory, options, Arc::new(WallClock), random)?;
    let added = engine.change(&mut |state| {
        if state.environment(PRODUCTION).is_none() {
            state.environments.push(environment(PRODUCTION));
        }
        Ok(())
    });
    added.map_err(|error| anyhow!("{error:?}"))?.map_err(|problem| anyhow!("{problem:?}"))?;
    engine.visible(PRODUCTION).map_err(|error| anyhow!("{error}"))?;
    Ok(engine)
}

/// Events and users that are the same in every run.
struct Made {
    chance: fastrand::Rng,
    pages: Vec<String>,
    names: Vec<String>,
    users: u64,
}

/// An event, before it is one.
struct Row<'a> {
    user: u64,
    time_ms: i64,
    name: &'a str,
    platform: &'static str,
    page: &'a str,
    amount: f64,
}

impl Made {
    fn new(users: u64) -> Made {
        Made {
            chance: fastrand::Rng::with_seed(7),
            pages: (0..PAGES).map(|number| format!("/projects/{}/boards/{number}", number % 37)).collect(),
            names: (0..EVENT_NAMES).map(|number| format!("event {number}")).collect(),
            users,
        }
    }

    /// Small numbers far more often than large ones.
    fn skewed(&mut self, limit: usize) -> usize {
        let first = self.chance.usize(0..limit) + 1;
        self.chance.usize(0..first)
    }

    fn row(&mut self) -> Row<'_> {
        let first = self.chance.u64(0..self.users) + 1;
        let user = self.chance.u64(0..first);
        let (name, page) = (self.skewed(EVENT_NAMES), self.skewed(PAGES));
        Row {
            user,
            time_ms: DAY_ONE.0 / 1000 + self.chance.i64(0..DAYS * DAY_MS),
            platform: PLATFORMS[self.chance.usize(0..PLATFORMS.len())],
            amount: f64::from(self.chance.u32(0..20_000)) / 100.0,
            name: &self.names[name],
            page: &self.pages[page],
        }
    }
}

impl Row<'_> {
    fn put(&self, into: &mut EventDraft) {
        into.clear();
        into.kind = EventKind::Track;
        into.key = KeyId(1);
        into.user_id = user_id(self.user);
        into.event_name = self.name.to_owned();
        into.occurred_at = Some(Timestamp(self.time_ms * 1000));
        into.properties.push("amount", Value::Float(self.amount));
        into.properties.push("platform", Value::Text(self.platform));
        into.properties.push("url", Value::Text(self.page));
        into.properties.settle();
    }

    /// `user UInt32, time Int64, event String, platform String, url String, amount Float64`.
    fn write(&self, out: &mut impl Write) -> Result<()> {
        out.write_all(&u32::try_from(self.user)?.to_le_bytes())?;
        out.write_all(&self.time_ms.to_le_bytes())?;
        [self.name, self.platform, self.page].into_iter().try_for_each(|text| write_text(text, out))?;
        Ok(out.write_all(&self.amount.to_le_bytes())?)
    }
}

fn user_id(number: u64) -> String {
    format!("user_{number:07}")
}

/// As RowBinary wants it; no text here is longer than a length of one byte allows.
fn write_text(text: &str, out: &mut impl Write) -> Result<()> {
    out.write_all(&[u8::try_from(text.len())?])?;
    Ok(out.write_all(text.as_bytes())?)
}

/// Fills a directory and prints how long that took.
pub fn fill(options: &FillOptions) -> Result<ExitCode> {
    let tend_ms = if options.without_history { 3_600_000 } else { Options::default().history_tend_ms };
    let engine = open(&options.directory, 2, tend_ms)?;
    let file = |name| -> Result<Option<BufWriter<File>>> {
        let Some(directory) = &options.rows else { return Ok(None) };
        Ok(Some(BufWriter::new(File::create(directory.join(name)).context("no file for the rows")?)))
    };
    let (mut events, mut users) = (file("events.bin")?, file("users.bin")?);
    let mut made = Made::new(options.users);
    // Its own chance, so that everything else is the same with and without.
    let mut orders = fastrand::Rng::with_seed(11);
    let (mut batch, mut draft) = (EventBatch::default(), EventDraft::default());
    let begun = now();
    let all = options.users + options.events;
    for number in 0..all {
        if number < options.users {
            let country = COUNTRIES[made.chance.usize(0..COUNTRIES.len())];
            // Before all events, so that these say when a user was last seen.
            let known = identify(&user_id(number), &[("country", Value::Text(country))]);
            batch.push(&EventDraft { occurred_at: Some(Timestamp(DAY_ONE.0 - 1)), ..known });
            if let Some(out) = &mut users {
                out.write_all(&u32::try_from(number)?.to_le_bytes())?;
                write_text(country, out)?;
            }
        } else {
            let row = made.row();
            row.put(&mut draft);
            if options.orders > 0 {
                let order = format!("order_{:08}", orders.u64(0..options.orders));
                draft.properties.push("order", Value::Text(&order));
                draft.properties.settle();
            }
            batch.push(&draft);
            if let Some(out) = &mut events {
                row.write(out)?;
            }
        }
        if batch.len() == BATCH || number + 1 == all {
            block_on(engine.append_many(PRODUCTION, &batch)).map_err(|error| anyhow!("{error:?}"))?;
            batch.clear();
        }
    }
    let taken_s = begun.elapsed().as_secs_f64();
    [events, users].into_iter().flatten().try_for_each(|mut out| out.flush())?;
    let begun = now();
    if !options.without_history {
        engine.seal_history(PRODUCTION).map_err(|error| anyhow!("{error}"))?;
    }
    let behind_s = begun.elapsed().as_secs_f64();
    engine.close();
    println!("{}", json!({ "taken_s": taken_s, "behind_s": behind_s }));
    Ok(ExitCode::SUCCESS)
}

/// What is asked, by the name of its row.
fn questions() -> Result<Vec<(&'static str, CountQuestion)>> {
    let span = Span { from: DAY_ONE, until: DAY_ONE.plus(DAYS * DAY_MS * 1000) };
    let days = Buckets::cut(span, Interval::Day, &TimeZone::UTC).map_err(|_| anyhow!("no such days"))?;
    let question = |asked: Option<&str>, measure, breakdown| CountQuestion {
        names: asked.map(EventName::track).into_iter().collect(),
        buckets: days.clone(),
        measure,
        breakdown,
        groups_max: 100,
        properties: Vec::new(),
    };
    let country = || Some(Breakdown::UserProperty("country".to_owned()));
    Ok(vec![
        ("counts", question(Some(ASKED), Measure::Total, None)),
        ("uniques_by_property", question(Some(ASKED), Measure::UniqueUsers, country())),
        ("scan", question(None, Measure::UniqueUsers, None)),
    ])
}

/// Asks an engine and prints the milliseconds of each round, answers that can be compared, and memory.
pub fn ask(options: &AskOptions) -> Result<ExitCode> {
    let begun = now();
    let engine = open(&options.directory, options.threads, 200)?;
    let started_s = begun.elapsed().as_secs_f64();
    let mut answers = serde_json::Map::new();
    let inquiry = Inquiry::default();
    for (name, question) in questions()? {
        let ask = || engine.counts(PRODUCTION, &question, &inquiry).map_err(|error| anyhow!("{error}"));
        let answer = ask()?;
        let rounds = timed(options.rounds, || ask().map(drop))?;
        answers.insert(name.to_owned(), json!({ "ms": rounds, "answer": comparable(&answer) }));
    }
    let people = Questions::new()?;
    for name in Questions::NAMES {
        let answer = people.ask(name, &engine)?;
        let rounds = timed(options.rounds, || people.ask(name, &engine).map(drop))?;
        answers.insert(name.to_owned(), json!({ "ms": rounds, "answer": answer }));
    }
    let user = UserId::parse(&user_id(123)).map_err(|_| anyhow!("no such user id"))?;
    let one = EventQuery { user: Some(user), ..EventQuery::default() };
    for (name, query) in [("timeline", one), ("explorer", EventQuery::default())] {
        let page =
            || engine.events(PRODUCTION, &query, None, 50, &inquiry).map_err(|error| anyhow!("{error}"));
        let rounds = timed(options.rounds, || page().map(drop))?;
        answers.insert(name.to_owned(), json!({ "ms": rounds }));
    }
    let memory = std::fs::read_to_string("/proc/self/status").context("no /proc")?;
    let kilobytes = |name: &str| -> Option<u64> {
        memory.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().nth(1)?.parse().ok()
    };
    answers.insert("started_s".to_owned(), json!(started_s));
    answers.insert("resident_kb".to_owned(), json!(kilobytes("VmRSS")));
    answers.insert("resident_own_kb".to_owned(), json!(kilobytes("RssAnon")));
    println!("{}", serde_json::Value::Object(answers));
    engine.close();
    Ok(ExitCode::SUCCESS)
}

fn timed(rounds: usize, ask: impl Fn() -> Result<()>) -> Result<Vec<f64>> {
    let one = |_| {
        let begun = now();
        ask()?;
        Ok(begun.elapsed().as_secs_f64() * 1e3)
    };
    (0..rounds).map(one).collect()
}

/// `[[group, [count of each day]]]`, sorted by group.
fn comparable(answer: &CountAnswer) -> serde_json::Value {
    let group =
        |group: &Option<muster_kernel::model::value::OwnedValue>| match group.as_ref().map(|v| v.value()) {
            Some(Value::Text(text)) => text.to_owned(),
            _ => String::new(),
        };
    let mut rows: Vec<_> =
        answer.series.iter().map(|series| (group(&series.group), &series.counts)).collect();
    rows.sort();
    json!(rows)
}
