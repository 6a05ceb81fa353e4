//! Power cuts at every sync, failing syncs, full disks: laws 1 and 2 hold, and every error is clear.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use muster_kernel::model::event::{Event, EventDraft};
use muster_kernel::model::id::Position;
use muster_kernel::model::profile::{Change, Profile};
use muster_kernel::model::value::Value;
use muster_kernel::ports::{AppendError, Appended, EventLog, Profiles, Receipt, Refusal};
use muster_local::{Engine, OpenError, Options};
use muster_testkit::block_on::block_on;
use muster_testkit::builders::{PRODUCTION, guarded, identify, joining, user};
use muster_testkit::sim_disk::{Faults, SimDisk, Unsynced};

use crate::stand::{add_environments, open, small};

/// Enough for several segments of 16 KB.
pub const EVENTS: i64 = 60;

/// The n-th event of the workload: five users, three companies, every third call guarded.
pub fn event(n: i64) -> EventDraft {
    let padding = "x".repeat(700);
    let who = format!("u{}", n % 5);
    let draft = identify(&who, &[("n", Value::Int(n)), ("padding", Value::Text(&padding))]);
    let draft = joining(draft, &format!("c{}", n % 3));
    if n % 3 == 0 { guarded(draft, u8::try_from(n).unwrap(), 1) } else { draft }
}

/// Sends the workload until something fails; answers what was acknowledged.
fn send(engine: &Engine) -> Vec<(i64, Receipt)> {
    let mut acknowledged = Vec::new();
    for n in 0..EVENTS {
        match block_on(engine.append(PRODUCTION, &event(n))) {
            Ok(Appended::Stored(receipt)) => acknowledged.push((n, receipt)),
            Ok(duplicate) => panic!("{duplicate:?}"),
            Err(_) => break,
        }
    }
    acknowledged
}

/// Every law that a start after a crash must keep.
pub fn check(engine: &Engine, acknowledged: &[(i64, Receipt)]) {
    let stored = engine.read(PRODUCTION, Position::START, usize::MAX, usize::MAX).unwrap();
    let mut numbers: BTreeMap<i64, Receipt> = BTreeMap::new();
    let mut users: BTreeMap<String, Profile> = BTreeMap::new();
    for record in &stored {
        let event = Event::decode(&record.payload).unwrap();
        let number = event.properties.iter().find_map(|(name, value)| match value {
            Value::Int(number) if name == "n" => Some(number),
            _ => None,
        });
        assert_eq!(numbers.insert(number.unwrap(), record.receipt), None, "stored twice");
        let (user, change) = Change::of_user(&event, record.receipt.received_at).unwrap();
        users.entry(user.to_owned()).or_default().apply(&change);
    }
    for (n, receipt) in acknowledged {
        assert_eq!(numbers.get(n), Some(receipt), "acknowledged event {n} is gone or moved");
    }
    let visible = engine.visible(PRODUCTION).unwrap();
    assert!(stored.iter().all(|record| record.receipt.position <= visible));
    for number in 0..5 {
        let id = format!("u{number}");
        assert_eq!(engine.user(PRODUCTION, &user(&id)).unwrap(), users.get(&id).cloned(), "{id}");
    }
    for n in (0..EVENTS).filter(|n| n % 3 == 0) {
        let answer = block_on(engine.append(PRODUCTION, &event(n))).unwrap();
        match (numbers.get(&n), answer) {
            (Some(first), Appended::Duplicate { receipt, .. }) => assert_eq!(receipt, *first),
            (None, Appended::Stored(_)) => {}
            (known, answer) => panic!("event {n}, stored before: {known:?}, answered {answer:?}"),
        }
    }
}

/// Copies a directory with all that is in it.
pub fn copy_directory(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_directory(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A data directory between two lives: log and catalog on a simulated disk, the rebuildable rest on a real one.
pub struct Place {
    pub disk: SimDisk,
    pub directory: tempfile::TempDir,
}

impl Place {
    /// A directory with one empty environment.
    pub fn new() -> Place {
        let place = Place { disk: SimDisk::default(), directory: tempfile::tempdir().unwrap() };
        let engine = place.open(small()).unwrap();
        add_environments(&engine, &[1]);
        engine.visible(PRODUCTION).unwrap();
        engine.close();
        place
    }

    /// What the next process finds after a power cut.
    pub fn after_power_cut(&self, unsynced: Unsynced) -> Place {
        let directory = tempfile::tempdir().unwrap();
        copy_directory(self.directory.path(), directory.path());
        let disk = self.disk.after_power_cut(unsynced).moved(self.directory.path(), directory.path());
        Place { disk, directory }
    }

    pub fn open(&self, options: Options) -> Result<Engine, OpenError> {
        open(Arc::new(self.disk.clone()), self.directory.path(), options)
    }
}

#[test]
fn a_power_cut_at_any_sync_loses_nothing_and_doubles_nothing() {
    let start = Place::new();
    let whole = start.after_power_cut(Unsynced::Kept);
    let engine = whole.open(small()).unwrap();
    assert_eq!(send(&engine).len() as i64, EVENTS);
    engine.close();
    let syncs = whole.disk.syncs();
    assert!(syncs > EVENTS.cast_unsigned(), "the workload syncs {syncs} times");
    for at in 1..=syncs {
        let place = start.after_power_cut(Unsynced::Kept);
        place.disk.set_faults(Faults { power_cut_at_sync: Some(at), ..Faults::default() });
        let acknowledged = match place.open(small()) {
            Ok(engine) => {
                let acknowledged = send(&engine);
                engine.close();
                acknowledged
            }
            Err(_) => Vec::new(),
        };
        for unsynced in [Unsynced::Lost, Unsynced::Kept, Unsynced::Torn(at), Unsynced::Torn(at * 7919)] {
            let after = place.after_power_cut(unsynced);
            let engine =
                after.open(small()).unwrap_or_else(|error| panic!("cut at sync {at}, {unsynced:?}: {error}"));
            check(&engine, &acknowledged);
            engine.close();
        }
    }
}

#[test]
fn a_failed_sync_closes_the_log_until_it_is_reopened() {
    let start = Place::new();
    for at in 1..=(EVENTS.cast_unsigned() + 12) {
        let place = start.after_power_cut(Unsynced::Kept);
        place.disk.set_faults(Faults { failing_sync: Some(at), ..Faults::default() });
        let Ok(engine) = place.open(small()) else { continue };
        let acknowledged = send(&engine);
        if (acknowledged.len() as i64) < EVENTS {
            let next = block_on(engine.append(PRODUCTION, &identify("after", &[])));
            assert_eq!(next, Err(AppendError::Refused(Refusal::Closed)), "sync {at} failed");
            let seen = engine.visible(PRODUCTION).unwrap();
            assert_eq!(seen, acknowledged.last().map_or(Position::START, |(_, receipt)| receipt.position));
        }
        engine.close();
        let after = place.after_power_cut(Unsynced::Lost);
        let engine = after.open(small()).unwrap();
        check(&engine, &acknowledged);
        engine.close();
    }
}

#[test]
fn the_call_whose_sync_failed_gets_an_unknown_outcome() {
    let place = Place::new();
    let engine = place.open(small()).unwrap();
    block_on(engine.append(PRODUCTION, &event(0))).unwrap();
    place.disk.set_faults(Faults { failing_sync: Some(place.disk.syncs() + 1), ..Faults::default() });
    assert_eq!(block_on(engine.append(PRODUCTION, &event(1))), Err(AppendError::Unknown));
    assert_eq!(engine.user(PRODUCTION, &user("u1")).unwrap(), None, "what is not durable is not shown");
}

#[test]
fn a_full_disk_refuses_writes_and_takes_them_again_when_there_is_room() {
    let place = Place::new();
    let engine = place.open(small()).unwrap();
    place.disk.set_faults(Faults { capacity: Some(40 << 10), ..Faults::default() });
    let acknowledged = send(&engine);
    assert!((acknowledged.len() as i64) < EVENTS, "40 KB do not hold the workload");
    let refused = block_on(engine.append(PRODUCTION, &event(EVENTS + 1)));
    assert_eq!(refused, Err(AppendError::Refused(Refusal::DiskFull)));
    place.disk.set_faults(Faults::default());
    block_on(engine.append(PRODUCTION, &event(EVENTS + 2))).unwrap();
    engine.close();
    let engine = place.after_power_cut(Unsynced::Lost).open(small()).unwrap();
    check(&engine, &acknowledged);
}

#[test]
fn the_free_disk_reserve_stops_writes_before_the_disk_is_full() {
    let place = Place::new();
    let engine = place.open(Options { free_disk_reserve_bytes: 1 << 20, ..small() }).unwrap();
    block_on(engine.append(PRODUCTION, &event(0))).unwrap();
    place.disk.set_faults(Faults { capacity: Some(1 << 20), ..Faults::default() });
    let refused = block_on(engine.append(PRODUCTION, &event(1)));
    assert_eq!(refused, Err(AppendError::Refused(Refusal::DiskFull)));
}

#[test]
fn the_profile_store_can_be_dropped_and_is_rebuilt_from_the_log() {
    let place = Place::new();
    let engine = place.open(small()).unwrap();
    let acknowledged = send(&engine);
    engine.close();
    let after = place.after_power_cut(Unsynced::Kept);
    std::fs::remove_dir_all(after.directory.path().join("environments/1/profiles")).unwrap();
    let engine = after.open(small()).unwrap();
    check(&engine, &acknowledged);
}
