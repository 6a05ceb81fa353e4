//! Batches whose events are taken once each: whatever a power cut leaves of one, sending all of them again stores every
//! event once.

use std::collections::BTreeMap;

use muster_kernel::model::batch::EventBatch;
use muster_kernel::model::event::Event;
use muster_kernel::model::id::Position;
use muster_kernel::model::value::Value;
use muster_kernel::ports::{EventLog, Once};
use muster_local::Engine;
use muster_testkit::block_on::block_on;
use muster_testkit::builders::{PRODUCTION, guarded, identify};
use muster_testkit::sim_disk::{Faults, Unsynced};

use crate::crash::Place;
use crate::stand::small;

const BATCHES: u8 = 10;
const EACH: u8 = 8;

/// The n-th batch: events of its own, and the first one of the batch before it.
fn batch(n: u8) -> EventBatch {
    let padding = "x".repeat(300);
    let mut batch = EventBatch::default();
    for number in (n.saturating_sub(1) * EACH..=n.saturating_sub(1) * EACH).chain(n * EACH..(n + 1) * EACH) {
        let properties = [("n", Value::Int(number.into())), ("padding", Value::Text(&padding))];
        batch.push(&guarded(identify(&format!("u{}", number % 5), &properties), number, 1));
    }
    batch
}

/// Sends every batch, two at a time, until something fails; how many events were acknowledged as stored.
fn send(engine: &Engine) -> Option<usize> {
    let mut stored = 0;
    for n in (0..BATCHES).step_by(2) {
        let under_way = [n, n + 1].map(|n| engine.append_many_once(PRODUCTION, &batch(n)));
        for appending in under_way {
            let appended = block_on(appending).ok()?;
            stored += appended.outcomes.iter().filter(|outcome| **outcome == Once::Stored).count();
            assert!(!appended.outcomes.contains(&Once::Conflict));
        }
    }
    Some(stored)
}

/// How often each event is stored.
fn stored(engine: &Engine) -> BTreeMap<i64, u32> {
    let mut numbers = BTreeMap::new();
    for record in engine.read(PRODUCTION, Position::START, usize::MAX, usize::MAX).unwrap() {
        let event = Event::decode(&record.payload).unwrap();
        for (name, value) in event.properties.iter() {
            if let ("n", Value::Int(number)) = (name, value) {
                *numbers.entry(number).or_default() += 1;
            }
        }
    }
    numbers
}

#[test]
fn a_power_cut_at_any_sync_leaves_nothing_that_is_taken_twice() {
    let start = Place::new();
    let whole = start.after_power_cut(Unsynced::Kept);
    let engine = whole.open(small()).unwrap();
    let all = usize::from(BATCHES * EACH);
    assert_eq!(send(&engine), Some(all));
    assert_eq!(send(&engine), Some(0), "all of it is known");
    engine.close();
    let syncs = whole.disk.syncs();
    assert!(syncs > u64::from(BATCHES) / 2, "the workload syncs {syncs} times");
    for at in 1..=syncs {
        let place = start.after_power_cut(Unsynced::Kept);
        place.disk.set_faults(Faults { power_cut_at_sync: Some(at), ..Faults::default() });
        if let Ok(engine) = place.open(small()) {
            send(&engine);
            engine.close();
        }
        for unsynced in [Unsynced::Lost, Unsynced::Kept, Unsynced::Torn(at * 7919)] {
            let engine = place.after_power_cut(unsynced).open(small()).unwrap();
            let before = stored(&engine).len();
            assert_eq!(send(&engine), Some(all - before), "cut at sync {at}, {unsynced:?}");
            let numbers = stored(&engine);
            assert!(
                numbers.len() == all && numbers.values().all(|times| *times == 1),
                "cut at sync {at}, {unsynced:?}"
            );
            engine.close();
        }
    }
}
