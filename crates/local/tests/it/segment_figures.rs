//! How long answers about segments take, printed for a person: nothing here asserts a time.
//!
//! The events are those of `history_figures.rs`; `HISTORY_EVENTS` says how many. `make soak` runs it.

use std::sync::Arc;

use jiff::tz::TimeZone;
use muster_kernel::model::id::EnvironmentId;
use muster_kernel::model::segment::question::{MemberOrder, SegmentQuestion};
use muster_kernel::model::segment::{Definitions, Level, Moment, Rule};
use muster_kernel::model::value::Value;
use muster_kernel::ports::{EventLog, Inquiry, Segments};
use muster_local::disk::RealDisk;
use muster_local::{Engine, Options};
use muster_testkit::builders::{PRODUCTION, identify};
use muster_testkit::clock::DAY_ONE;
use muster_testkit::contract::store;

use crate::history_figures::{DAY, DAYS, events, fill, now, timed};
use crate::stand::{add_environments, open};

fn question(text: &str) -> SegmentQuestion {
    let moment = Moment { now: DAY_ONE.plus(DAYS * DAY), zone: TimeZone::UTC };
    let rule = Rule::parse(text).unwrap_or_else(|fault| panic!("{text}: {fault}"));
    let segments = Arc::new(Definitions::new());
    SegmentQuestion { level: Level::User, rule, moment, looks_back: false, segments }
}

fn ask(engine: &Engine) {
    let inquiry = Inquiry::default();
    let begun = now();
    let everybody = engine.preview(PRODUCTION, &question("everyone"), 0, &inquiry).unwrap();
    println!("columns of {} users made in {:.2} s", everybody.members, begun.elapsed().as_secs_f64());
    for text in [
        "country is \"DE\"",
        "$last_seen in the last 7 days",
        "did \"event 3\" at least 3 times in the last 30 days",
        "did \"event 3\" at least 3 times in the last 30 days where (platform is \"web\")",
        "country is \"DE\" and did \"event 3\" at least 3 times in the last 30 days",
        "country is \"DE\" and did \"event 3\" and did not \"event 7\" in the last 30 days",
        "$id is one of (\"user_0000123\", \"user_0000777\") and did \"event 3\" in the last 90 days",
        "did \"event 0\" at least 3 times in the last 30 days",
    ] {
        let asked = question(text);
        let found = timed(text, || engine.preview(PRODUCTION, &asked, 10, &inquiry).unwrap());
        println!("    {} members", found.members);
    }
    let asked = question("did \"event 3\" at least 3 times in the last 30 days");
    for order in [MemberOrder::LastSeen, MemberOrder::Id] {
        let page = || engine.members(PRODUCTION, &asked, order, None, 50, &inquiry).unwrap();
        timed(&format!("its first 50 members by {order:?}"), page);
    }
    let evidence = || engine.evidence(PRODUCTION, &asked, "user_0000123", &inquiry).unwrap().unwrap();
    let evidence = timed("evidence about one user", evidence);
    timed("its explanation", || evidence.explain(&asked));
    let written = || {
        store(engine, EnvironmentId(1), &identify("user_0000123", &[("country", Value::Text("DE"))]));
        engine.preview(PRODUCTION, &question("country is \"DE\""), 0, &inquiry).unwrap()
    };
    timed("count right after a write", written);
}

#[test]
#[ignore = "soak"]
fn figures_of_segments_soak() {
    let (events, directory) = (events(), tempfile::tempdir().unwrap());
    let options =
        |threads| Options { history_threads: threads, free_disk_reserve_bytes: 0, ..Options::default() };
    let engine = open(Arc::new(RealDisk), directory.path(), options(2)).unwrap();
    add_environments(&engine, &[1]);
    fill(&engine, events, events / 20);
    engine.seal_history(PRODUCTION).unwrap();
    assert!(engine.visible(PRODUCTION).unwrap().0 >= events);
    println!("{events} events, 2 threads");
    ask(&engine);
    engine.close();
    drop(engine);
    let engine = open(Arc::new(RealDisk), directory.path(), options(1)).unwrap();
    println!("{events} events, 1 thread");
    ask(&engine);
}
