//! Power cuts at every sync of sealing, merging, erasing and purging: history loses nothing and doubles nothing, a file is
//! there as a whole or not at all, and damage is refused by name.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use muster_kernel::model::erasure::ErasedKind;
use muster_kernel::model::event::Event;
use muster_kernel::model::history::EventQuery;
use muster_kernel::model::id::Position;
use muster_kernel::model::profile::{Change, Profile};
use muster_kernel::model::value::Value;
use muster_kernel::ports::{
    Appended, Erasures, EventLog, History, Inquiry, Profiles, Purged, Receipt, StoredEvent,
};
use muster_local::disk::RealDisk;
use muster_local::{Engine, Options, verify};
use muster_testkit::block_on::block_on;
use muster_testkit::builders::{PRODUCTION, identify, tracked, user};
use muster_testkit::sim_disk::{Faults, Unsynced};

use crate::crash::{EVENTS, Place, check, event};
use crate::erasure::{erase, purge, request};
use crate::stand::{add_environments, open, small};

/// Nothing is sealed but by the test.
fn by_hand() -> Options {
    Options { history_tend_ms: 3_600_000, history_seal_events: 1 << 20, ..small() }
}

/// Every event that history has, oldest position first.
fn all(engine: &Engine) -> Vec<StoredEvent> {
    let page = engine.events(PRODUCTION, &EventQuery::default(), None, 100_000, &Inquiry::default());
    let mut events = page.unwrap().items;
    events.sort_by_key(|event| event.receipt.position);
    events
}

fn logged(engine: &Engine) -> Vec<StoredEvent> {
    engine.read(PRODUCTION, Position::START, usize::MAX, usize::MAX).unwrap()
}

/// Sends the workload and seals now and then until something fails; answers what was acknowledged.
fn send_and_seal(engine: &Engine) -> Vec<(i64, Receipt)> {
    let mut acknowledged = Vec::new();
    for n in 0..EVENTS {
        match block_on(engine.append(PRODUCTION, &event(n))) {
            Ok(Appended::Stored(receipt)) => acknowledged.push((n, receipt)),
            Ok(duplicate) => panic!("{duplicate:?}"),
            Err(_) => break,
        }
        if n % 6 == 5 && engine.seal_history(PRODUCTION).is_err() {
            break;
        }
    }
    acknowledged
}

#[test]
fn a_power_cut_at_any_sync_of_sealing_and_merging_loses_nothing_and_doubles_nothing() {
    let start = Place::new();
    let whole = start.after_power_cut(Unsynced::Kept);
    let engine = whole.open(by_hand()).unwrap();
    assert_eq!(send_and_seal(&engine).len() as i64, EVENTS);
    assert_eq!(all(&engine), logged(&engine));
    engine.close();
    let files: Vec<_> =
        whole.disk.paths().into_iter().filter(|path| path.extension().is_some_and(|e| e == "seg")).collect();
    assert!((1..8).contains(&files.len()), "ten seals, merged by threes: {files:?}");
    for at in 1..=whole.disk.syncs() {
        let place = start.after_power_cut(Unsynced::Kept);
        place.disk.set_faults(Faults { power_cut_at_sync: Some(at), ..Faults::default() });
        let acknowledged = place.open(by_hand()).map_or_else(
            |_| Vec::new(),
            |engine| {
                let acknowledged = send_and_seal(&engine);
                engine.close();
                acknowledged
            },
        );
        for unsynced in [Unsynced::Lost, Unsynced::Kept, Unsynced::Torn(at), Unsynced::Torn(at * 7919)] {
            let after = place.after_power_cut(unsynced);
            let engine = after
                .open(by_hand())
                .unwrap_or_else(|error| panic!("cut at sync {at}, {unsynced:?}: {error}"));
            assert_eq!(all(&engine), logged(&engine), "cut at sync {at}, {unsynced:?}");
            check(&engine, &acknowledged);
            engine.seal_history(PRODUCTION).unwrap();
            assert_eq!(all(&engine), logged(&engine), "sealed after a cut at sync {at}, {unsynced:?}");
            engine.close();
        }
    }
}

#[test]
fn a_power_cut_at_any_sync_of_erasing_and_purging_leaves_all_of_a_user_or_nothing() {
    let start = Place::new();
    let engine = start.open(by_hand()).unwrap();
    send_and_seal(&engine);
    let before = all(&engine);
    engine.close();
    drop(engine);
    let accept = |engine: &Engine| {
        let accepting = engine.accept(PRODUCTION, request(ErasedKind::Users, &["u1"], false));
        accepting.is_ok_and(|accepting| block_on(accepting).is_ok())
    };
    let erase = |engine: &Engine| accept(engine) && purge(engine) == Ok(Purged::Completed);
    let whole = start.after_power_cut(Unsynced::Kept);
    let engine = whole.open(by_hand()).unwrap();
    assert!(erase(&engine));
    let without = logged(&engine);
    let names_them = |stored: &StoredEvent| Event::decode(&stored.payload).unwrap().user_id == Some("u1");
    assert!(before.iter().any(names_them) && !without.iter().any(names_them));
    assert_eq!(all(&engine), without);
    engine.close();
    for at in 1..=whole.disk.syncs() {
        let place = start.after_power_cut(Unsynced::Kept);
        place.disk.set_faults(Faults { power_cut_at_sync: Some(at), ..Faults::default() });
        let accepted = place.open(by_hand()).is_ok_and(|engine| {
            let accepted = accept(&engine);
            if accepted && purge(&engine) == Ok(Purged::Completed) {
                assert_eq!(all(&engine), without, "a certificate says that nothing is left");
            }
            engine.close();
            accepted
        });
        for unsynced in [Unsynced::Lost, Unsynced::Kept, Unsynced::Torn(at)] {
            let after = place.after_power_cut(unsynced);
            let engine = after.open(by_hand()).unwrap();
            let found = all(&engine);
            assert!(found == without || (!accepted && found == before), "cut at sync {at}, {unsynced:?}");
            assert!(erase(&engine));
            assert_eq!(all(&engine), without);
            engine.close();
        }
    }
}

#[test]
fn an_erased_user_is_in_no_file_of_history_and_may_come_back() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(Arc::new(RealDisk), directory.path(), by_hand()).unwrap();
    add_environments(&engine, &[1]);
    let (gone, stays) = ("somebody-to-erase", "somebody-who-stays");
    let send = |engine: &Engine, id: &str| {
        block_on(engine.append(PRODUCTION, &identify(id, &[("secret", Value::Text("a-trace"))]))).unwrap();
        block_on(engine.append(PRODUCTION, &tracked(stays, "seen", &[]))).unwrap();
        engine.seal_history(PRODUCTION).unwrap();
    };
    send(&engine, gone);
    send(&engine, stays);
    let history = directory.path().join("environments/1/history");
    let holds = |text: &str| {
        let files =
            std::fs::read_dir(&history).unwrap().map(|file| std::fs::read(file.unwrap().path()).unwrap());
        files.filter(|bytes| bytes.windows(text.len()).any(|window| window == text.as_bytes())).count()
    };
    assert_eq!((holds(gone), holds(stays)), (1, 1), "ids stand in the dictionary alone");
    erase(&engine, ErasedKind::Users, &[gone]);
    assert_eq!(purge(&engine), Ok(Purged::Completed));
    assert_eq!((holds(gone), holds(stays), all(&engine).len()), (0, 1, 3));
    drop(engine);
    let engine = open(Arc::new(RealDisk), directory.path(), by_hand()).unwrap();
    assert_eq!(all(&engine).len(), 3);
    erase(&engine, ErasedKind::Users, &[gone]);
    send(&engine, gone);
    assert_eq!(purge(&engine), Ok(Purged::Completed), "what came back stays");
    assert_eq!((holds(gone), holds(stays)), (1, 1));
    let of_them = EventQuery { user: Some(user(gone)), ..EventQuery::default() };
    let page = engine.events(PRODUCTION, &of_them, None, 10, &Inquiry::default()).unwrap();
    assert_eq!((page.items.len(), all(&engine).len()), (1, 5));
}

/// A real directory with everything sealed.
fn sealed(directory: &Path) -> Engine {
    let engine = open(Arc::new(RealDisk), directory, by_hand()).unwrap();
    add_environments(&engine, &[1]);
    assert_eq!(send_and_seal(&engine).len() as i64, EVENTS);
    engine
}

#[test]
fn profiles_made_anew_from_history_are_the_live_ones() {
    let directory = tempfile::tempdir().unwrap();
    let engine = sealed(directory.path());
    let mut users: BTreeMap<String, Profile> = BTreeMap::new();
    for stored in all(&engine) {
        let event = Event::decode(&stored.payload).unwrap();
        let (id, change) = Change::of_user(&event, stored.receipt.received_at).unwrap();
        users.entry(id.to_owned()).or_default().apply(&change);
    }
    assert_eq!(users.len(), 5);
    for (id, profile) in users {
        assert_eq!(engine.user(PRODUCTION, &user(&id)).unwrap(), Some(profile), "{id}");
    }
    engine.close();
    drop(engine);
    let report = verify(directory.path()).unwrap();
    assert_eq!(report.problems, [""; 0]);
    assert!(report.summary.contains("60 events in files of history"), "{}", report.summary);
}

#[test]
fn a_flipped_bit_in_a_file_of_history_is_found() {
    let directory = tempfile::tempdir().unwrap();
    let engine = sealed(directory.path());
    engine.close();
    drop(engine);
    let history = directory.path().join("environments/1/history");
    let files: Vec<_> = std::fs::read_dir(&history).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() > 4);
    for path in files {
        let whole = std::fs::read(&path).unwrap();
        for at in (0..whole.len()).step_by(whole.len().div_ceil(40)) {
            let mut bytes = whole.clone();
            bytes[at] ^= 4;
            std::fs::write(&path, &bytes).unwrap();
            let problems = verify(directory.path()).unwrap().problems;
            assert!(!problems.is_empty(), "{} at {at}", path.display());
        }
        std::fs::write(&path, whole).unwrap();
    }
    assert_eq!(verify(directory.path()).unwrap().problems, [""; 0]);
}

#[test]
fn a_directory_without_history_gets_one_from_its_log() {
    let directory = tempfile::tempdir().unwrap();
    let engine = sealed(directory.path());
    let before = all(&engine);
    engine.close();
    drop(engine);
    std::fs::remove_dir_all(directory.path().join("environments/1/history")).unwrap();
    let engine = open(Arc::new(RealDisk), directory.path(), small()).unwrap();
    assert_eq!(all(&engine), before);
}

#[test]
fn history_of_a_newer_program_or_ahead_of_its_log_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let engine = sealed(directory.path());
    engine.close();
    drop(engine);
    let manifest = directory.path().join("environments/1/history/manifest.json");
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, text.replacen("\"format\":1", "\"format\":2", 1)).unwrap();
    let refused = open(Arc::new(RealDisk), directory.path(), small()).err().unwrap().to_string();
    assert!(refused.contains("format 2, this program reads 1"), "{refused}");
    std::fs::write(&manifest, text).unwrap();
    for gone in ["environments/1/log", "environments/1/profiles"] {
        std::fs::remove_dir_all(directory.path().join(gone)).unwrap();
    }
    std::fs::create_dir(directory.path().join("environments/1/log")).unwrap();
    std::fs::write(directory.path().join("environments/1/log/note.txt"), "").unwrap();
    let refused = open(Arc::new(RealDisk), directory.path(), small()).err().unwrap().to_string();
    assert!(refused.contains("holds events up to position 60, the log ends at 0"), "{refused}");
}
