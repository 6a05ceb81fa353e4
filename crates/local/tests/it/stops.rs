//! What stops a start or a write on purpose: another process, a foreign directory, a clock that went back.

use std::sync::Arc;

use muster_kernel::model::time::{MINUTE, SECOND};
use muster_kernel::ports::{AppendError, EventLog, ProfileKind, Profiles, Refusal};
use muster_local::disk::RealDisk;
use muster_local::verify;
use muster_testkit::block_on::block_on;
use muster_testkit::builders::{PRODUCTION, identify};
use muster_testkit::clock::{DAY_ONE, ManualClock};

use crate::stand::{add_environments, open, open_at, small};

#[test]
fn a_second_engine_on_the_same_directory_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let first = open(Arc::new(RealDisk), directory.path(), small()).unwrap();
    let refused = open(Arc::new(RealDisk), directory.path(), small()).err().unwrap().to_string();
    assert!(refused.contains("in use by another muster process"), "{refused}");
    drop(first);
    open(Arc::new(RealDisk), directory.path(), small()).unwrap();
}

#[test]
fn a_directory_of_something_else_or_of_a_newer_muster_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("letter.txt"), "mine").unwrap();
    let refused = open(Arc::new(RealDisk), directory.path(), small()).err().unwrap().to_string();
    assert!(refused.contains("not empty"), "{refused}");
    std::fs::remove_file(directory.path().join("letter.txt")).unwrap();
    std::fs::write(directory.path().join("FORMAT"), "muster 9\n").unwrap();
    let refused = open(Arc::new(RealDisk), directory.path(), small()).err().unwrap().to_string();
    assert!(refused.contains("newer muster"), "{refused}");
}

#[test]
fn an_edited_catalog_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(Arc::new(RealDisk), directory.path(), small()).unwrap();
    add_environments(&engine, &[1]);
    drop(engine);
    let path = directory.path().join("catalog.json");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("Environment 1", "Environment 7")).unwrap();
    let refused = open(Arc::new(RealDisk), directory.path(), small()).err().unwrap().to_string();
    assert!(refused.contains("checksum"), "{refused}");
}

#[test]
fn time_never_goes_back_and_a_clock_far_behind_stops_writes() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::default());
    let engine = open_at(Arc::new(RealDisk), directory.path(), small(), Arc::clone(&clock)).unwrap();
    add_environments(&engine, &[1]);
    let send = |engine: &muster_local::Engine| block_on(engine.append(PRODUCTION, &identify("u", &[])));
    let stamp = |answer| match answer {
        Ok(muster_kernel::ports::Appended::Stored(receipt)) => receipt.received_at,
        other => panic!("{other:?}"),
    };
    assert_eq!(stamp(send(&engine)), DAY_ONE);
    clock.set(DAY_ONE.plus(-59 * SECOND));
    assert_eq!(stamp(send(&engine)), DAY_ONE.plus(1), "a little behind: one microsecond after the last");
    let now = DAY_ONE.plus(-MINUTE - SECOND);
    clock.set(now);
    let behind = Err(AppendError::Refused(Refusal::ClockBehind { now, last: DAY_ONE.plus(1) }));
    assert_eq!(send(&engine), behind);
    drop(engine);
    let engine = open_at(Arc::new(RealDisk), directory.path(), small(), Arc::clone(&clock)).unwrap();
    assert_eq!(send(&engine), behind, "the last time is recovered from the log");
    clock.set(DAY_ONE.plus(SECOND));
    assert_eq!(stamp(send(&engine)), DAY_ONE.plus(SECOND));
}

#[test]
fn verify_finds_nothing_wrong_with_a_good_directory_and_names_what_is_wrong_with_a_bad_one() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(Arc::new(RealDisk), directory.path(), small()).unwrap();
    add_environments(&engine, &[1, 2]);
    for n in 0..50 {
        block_on(engine.append(PRODUCTION, &identify(&format!("u{}", n % 20), &[]))).unwrap();
    }
    engine.close();
    drop(engine);
    let good = verify(directory.path()).unwrap();
    assert_eq!(good.problems, Vec::<String>::new());
    assert!(good.summary.contains("50 events up to position 50, 20 profiles compared"), "{}", good.summary);

    let path = directory.path().join("environments/1/log/00000000000000000001.log");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[300] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let bad = verify(directory.path()).unwrap();
    assert_eq!(bad.problems.len(), 1, "{:?}", bad.problems);
    assert!(bad.problems[0].contains("00000000000000000001.log at offset"), "{:?}", bad.problems);
}

#[test]
fn verify_compares_profiles_with_the_log() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(Arc::new(RealDisk), directory.path(), small()).unwrap();
    add_environments(&engine, &[1]);
    block_on(engine.append(PRODUCTION, &identify("u", &[]))).unwrap();
    engine.close();
    drop(engine);
    // A log that tells another story than the store: as if a record had been changed and its checksum with it.
    let log = directory.path().join("environments/1/log");
    std::fs::remove_dir_all(&log).unwrap();
    let other = tempfile::tempdir().unwrap();
    let engine = open(Arc::new(RealDisk), other.path(), small()).unwrap();
    add_environments(&engine, &[1]);
    block_on(engine.append(PRODUCTION, &identify("somebody else", &[]))).unwrap();
    engine.close();
    drop(engine);
    std::fs::rename(other.path().join("environments/1/log"), &log).unwrap();
    let report = verify(directory.path()).unwrap();
    assert!(
        report.problems.iter().any(|text| text.contains("differs from the fold of the log")),
        "{report:?}"
    );
}

#[test]
fn an_environment_whose_disk_is_not_mounted_is_not_begun_anew() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(Arc::new(RealDisk), directory.path(), small()).unwrap();
    add_environments(&engine, &[1]);
    block_on(engine.append(PRODUCTION, &identify("u", &[]))).unwrap();
    drop(engine);
    let (here, away) = (directory.path().join("environments/1"), directory.path().join("environments/away"));
    std::fs::rename(&here, &away).unwrap();
    let refused = open(Arc::new(RealDisk), directory.path(), small()).err().unwrap().to_string();
    assert!(refused.contains("mounted?"), "{refused}");
    std::fs::rename(&away, &here).unwrap();
    open(Arc::new(RealDisk), directory.path(), small()).unwrap();
}

#[test]
fn a_first_start_that_was_cut_short_can_be_repeated() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("FORMAT.new"), "mus").unwrap();
    open(Arc::new(RealDisk), directory.path(), small()).unwrap();
}

#[test]
fn a_store_of_another_format_is_made_anew_from_the_log() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(Arc::new(RealDisk), directory.path(), small()).unwrap();
    add_environments(&engine, &[1]);
    for n in 0..100 {
        block_on(engine.append(PRODUCTION, &identify(&format!("u-{n}"), &[]))).unwrap();
    }
    drop(engine);
    let profiles = directory.path().join("environments/1/profiles");
    {
        let store = fjall::Database::builder(&profiles).open().unwrap();
        let meta = store.keyspace("meta", fjall::KeyspaceCreateOptions::default).unwrap();
        meta.insert("format", [1]).unwrap();
        store.persist(fjall::PersistMode::SyncAll).unwrap();
    }
    let refused = verify(directory.path()).unwrap();
    assert!(refused.problems[0].contains("another format"), "{refused:?}");
    let engine = open(Arc::new(RealDisk), directory.path(), small()).unwrap();
    let census = engine.census(PRODUCTION, ProfileKind::User, &[(i64::MIN, i64::MAX)]).unwrap();
    assert_eq!((census.total, census.first_seen), (100, vec![100]));
    drop(engine);
    assert_eq!(verify(directory.path()).unwrap().problems, [""; 0]);
}
