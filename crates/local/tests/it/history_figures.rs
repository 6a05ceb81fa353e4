//! What history costs and how long its answers take, printed for a person: nothing here asserts a time.
//!
//! `HISTORY_EVENTS` says how many events (2,000,000 at first); there is a user for each twenty of them. `make soak` runs it.

use std::sync::Arc;
use std::time::Instant;

use jiff::tz::TimeZone;
use muster_kernel::model::batch::EventBatch;
use muster_kernel::model::calendar::{Buckets, Interval, Span};
use muster_kernel::model::event::{EventDraft, EventKind};
use muster_kernel::model::history::{
    Breakdown, CountQuestion, EventName, EventQuery, Measure, NamesQuestion, PropertiesQuestion,
    PropertyOwner,
};
use muster_kernel::model::id::KeyId;
use muster_kernel::model::time::Timestamp;
use muster_kernel::model::value::Value;
use muster_kernel::ports::{EventLog, History, Inquiry};
use muster_local::disk::RealDisk;
use muster_local::{Engine, Options};
use muster_testkit::block_on::block_on;
use muster_testkit::builders::{PRODUCTION, identify, user};
use muster_testkit::clock::DAY_ONE;

use crate::stand::{add_environments, open};

/// A day.
pub const DAY: i64 = 86_400_000_000;
/// Days that the events are spread over.
pub const DAYS: i64 = 180;
const BATCH: usize = 4096;
const ROUNDS: usize = 7;
/// More events than these are not also taken without history.
const COMPARED_MAX: u64 = 5_000_000;

/// For how long something takes.
#[expect(clippy::disallowed_methods, reason = "measures how long things take")]
pub fn now() -> Instant {
    Instant::now()
}

/// Numbers that are the same everywhere.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit.max(1)
    }

    fn index(&mut self, limit: usize) -> usize {
        usize::try_from(self.below(limit as u64)).unwrap()
    }

    /// Small numbers far more often than large ones.
    fn skewed(&mut self, limit: u64) -> u64 {
        let first = self.below(limit) + 1;
        self.below(first)
    }
}

fn draft(chance: &mut Chance, users: u64, urls: &[String], into: &mut EventDraft) {
    into.clear();
    into.kind = EventKind::Track;
    into.key = KeyId(1);
    into.user_id = format!("user_{:07}", chance.skewed(users));
    into.event_name = format!("event {}", chance.skewed(40));
    into.occurred_at =
        Some(DAY_ONE.plus(chance.below(DAYS.cast_unsigned() * 86_400_000).cast_signed() * 1_000));
    into.properties.push("amount", Value::Float(chance.below(20_000) as f64 / 100.0));
    let platform = ["web", "ios", "android", "mac", "linux"][chance.index(5)];
    into.properties.push("platform", Value::Text(platform));
    let index = usize::try_from(chance.skewed(urls.len() as u64)).unwrap();
    into.properties.push("url", Value::Text(&urls[index]));
    into.properties.settle();
}

/// Identifies all users, then appends events.
pub fn fill(engine: &Engine, events: u64, users: u64) {
    let mut chance = Chance(7);
    let urls: Vec<String> = (0..2000).map(|n| format!("/projects/{}/boards/{n}", n % 37)).collect();
    let countries = ["US", "GB", "DE", "FR", "IN", "BR", "JP", "AU", "NL", "SE"];
    let mut batch = EventBatch::default();
    let mut event = EventDraft::default();
    for n in 0..users + events {
        if n < users {
            let country = countries[chance.index(10)];
            batch.push(&identify(&format!("user_{n:07}"), &[("country", Value::Text(country))]));
        } else {
            draft(&mut chance, users, &urls, &mut event);
            batch.push(&event);
        }
        if batch.len() == BATCH || n + 1 == users + events {
            block_on(engine.append_many(PRODUCTION, &batch)).unwrap();
            batch.clear();
        }
    }
}

/// The median of some rounds in milliseconds, the first of all (which makes what later ones keep), and the last answer.
pub fn timed<T>(what: &str, ask: impl Fn() -> T) -> T {
    let first = now();
    let mut answer = ask();
    let first = first.elapsed();
    let mut rounds: Vec<_> = (0..ROUNDS)
        .map(|_| {
            let begun = now();
            answer = ask();
            begun.elapsed()
        })
        .collect();
    rounds.sort();
    println!(
        "{what:50} {:9.2} ms (first {:.1})",
        rounds[ROUNDS / 2].as_secs_f64() * 1e3,
        first.as_secs_f64() * 1e3
    );
    answer
}

fn question(name: Option<&str>, measure: Measure, breakdown: Option<Breakdown>) -> CountQuestion {
    let span = Span { from: DAY_ONE, until: DAY_ONE.plus(DAYS * DAY) };
    CountQuestion {
        names: name.map(EventName::track).into_iter().collect(),
        buckets: Buckets::cut(span, Interval::Day, &TimeZone::UTC).unwrap(),
        measure,
        breakdown,
        groups_max: 100,
        properties: Vec::new(),
    }
}

fn ask(engine: &Engine, threads: usize) {
    let counts =
        |question: &CountQuestion| engine.counts(PRODUCTION, question, &Inquiry::default()).unwrap().series;
    println!("{threads} threads");
    let total =
        timed("daily counts of one event", || counts(&question(Some("event 3"), Measure::Total, None)));
    println!("    {} events", total[0].total);
    let country = || Some(Breakdown::UserProperty("country".into()));
    timed("daily uniques of one event", || counts(&question(Some("event 3"), Measure::UniqueUsers, None)));
    timed("daily uniques by a user property", || {
        counts(&question(Some("event 3"), Measure::UniqueUsers, country()))
    });
    timed("daily counts by a user property", || {
        counts(&question(Some("event 3"), Measure::Total, country()))
    });
    timed("daily counts by an event property", || {
        counts(&question(Some("event 3"), Measure::Total, Some(Breakdown::EventProperty("platform".into()))))
    });
    timed("daily uniques of all events", || counts(&question(None, Measure::UniqueUsers, None)));
    let inquiry = Inquiry::default();
    let list = |query: &EventQuery| engine.events(PRODUCTION, query, None, 50, &inquiry).unwrap();
    timed("explorer, first page", || list(&EventQuery::default()));
    let one = EventQuery { user: Some(user("user_0000123")), ..EventQuery::default() };
    timed("timeline of a user, first page", || list(&one));
    let volume = question(None, Measure::Total, None).buckets;
    let names = NamesQuestion { volume, names: Vec::new(), examples_max: 3, with_times: false };
    timed("names", || engine.names(PRODUCTION, &names, &inquiry).unwrap());
    let properties = PropertiesQuestion { owner: PropertyOwner::Event, examples_max: 3 };
    timed("properties", || engine.properties(PRODUCTION, &properties, &inquiry).unwrap());
}

fn bytes_below(directory: &std::path::Path, end: &str) -> u64 {
    let files = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
    let ours = files.filter(|file| file.file_name().to_string_lossy().ends_with(end));
    ours.map(|file| file.metadata().unwrap().len()).sum()
}

/// How many events.
pub fn events() -> u64 {
    std::env::var("HISTORY_EVENTS").ok().map_or(2_000_000, |text| text.parse().unwrap())
}

#[test]
#[ignore = "soak"]
fn figures_of_history_soak() {
    let events = events();
    let users = events / 20;
    let directory = tempfile::tempdir().unwrap();
    let options = |threads, tend| Options {
        history_threads: threads,
        history_tend_ms: tend,
        free_disk_reserve_bytes: 0,
        ..Options::default()
    };
    let with = |tend: u64, directory: &std::path::Path| {
        let engine = open(Arc::new(RealDisk), directory, options(2, tend)).unwrap();
        add_environments(&engine, &[1]);
        engine.visible(PRODUCTION).unwrap();
        let begun = now();
        fill(&engine, events, users);
        (engine, begun.elapsed().as_secs_f64())
    };
    let plain = tempfile::tempdir().unwrap();
    if events <= COMPARED_MAX {
        let (engine, seconds) = with(3_600_000, plain.path());
        let begun = now();
        engine.seal_history(PRODUCTION).unwrap();
        let made = begun.elapsed().as_secs_f64();
        println!("history made from the log in {made:.1} s: {:.0} events/s", (events + users) as f64 / made);
        engine.close();
        drop(engine);
        let begun = now();
        drop(open(Arc::new(RealDisk), plain.path(), options(1, 3_600_000)).unwrap());
        let started = begun.elapsed().as_secs_f64();
        println!("without history taken in {seconds:.1} s, started and stopped in {started:.2} s");
    }
    let (engine, seconds) = with(200, directory.path());
    println!("{events} events and {users} users taken in {seconds:.1} s");
    let begun = now();
    engine.seal_history(PRODUCTION).unwrap();
    println!("history was {:.1} s behind", begun.elapsed().as_secs_f64());
    let history = directory.path().join("environments/1/history");
    let (segments, dictionaries) = (bytes_below(&history, ".seg"), bytes_below(&history, ".dict"));
    let per = |bytes: u64| bytes as f64 / (events + users) as f64;
    println!("{:.2} bytes an event in segments, {:.2} in dictionaries", per(segments), per(dictionaries));
    println!(
        "{:.2} bytes an event in the log",
        per(bytes_below(&directory.path().join("environments/1/log"), ".log"))
    );
    ask(&engine, 2);
    engine.close();
    drop(engine);
    let begun = now();
    let engine = open(Arc::new(RealDisk), directory.path(), options(1, 200)).unwrap();
    println!("started in {:.2} s", begun.elapsed().as_secs_f64());
    ask(&engine, 1);
    let found =
        engine.counts(PRODUCTION, &question(None, Measure::Total, None), &Inquiry::default()).unwrap();
    assert!(found.series[0].total >= events - 1 && Timestamp(0) < DAY_ONE);
}
