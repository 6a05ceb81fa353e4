//! The value log from outside: what changes often leaves little behind, reads hold while files go, damage is noticed.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use muster_kernel::model::profile::Profile;
use muster_kernel::model::value::Value;
use muster_kernel::ports::{EventLog, Profiles, StoreError};
use muster_local::disk::RealDisk;
use muster_local::{Engine, verify};
use muster_testkit::block_on::block_on;
use muster_testkit::builders::{PRODUCTION, identify, user};

use crate::stand::{add_environments, open, small};

const USERS: i64 = 40;
const ROUNDS: i64 = 60;

fn write(engine: &Engine, number: i64, round: i64) {
    let padding = format!("{round}").repeat(200);
    let properties = [("round", Value::Int(round)), ("padding", Value::Text(&padding))];
    block_on(engine.append(PRODUCTION, &identify(&id(number), &properties))).unwrap();
}

fn id(number: i64) -> String {
    format!("user-{number:03}")
}

fn round_of(profile: &Profile) -> i64 {
    match profile.property("round") {
        Some(Value::Int(round)) => round,
        other => panic!("{other:?}"),
    }
}

fn directory_of(root: &Path) -> PathBuf {
    root.join("environments/1/values")
}

fn bytes_below(directory: &Path) -> u64 {
    std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
}

#[test]
fn profiles_that_change_often_leave_little_behind_and_are_readable_meanwhile() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(Arc::new(RealDisk), directory.path(), small()).unwrap();
    add_environments(&engine, &[1]);
    (0..USERS).for_each(|number| write(&engine, number, 0));
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut seen = vec![0; usize::try_from(USERS).unwrap()];
            while !done.load(Ordering::Acquire) {
                for (number, seen) in (0..USERS).zip(&mut seen) {
                    let profile = engine.user(PRODUCTION, &user(&id(number))).unwrap().unwrap();
                    let round = round_of(&profile);
                    assert!(round >= *seen, "{} went back from {seen} to {round}", id(number));
                    *seen = round;
                }
            }
        });
        for round in 1..ROUNDS {
            (0..USERS).for_each(|number| write(&engine, number, round));
            engine.save();
        }
        done.store(true, Ordering::Release);
        reader.join().unwrap();
    });
    drop(engine);
    let (left, file) = (bytes_below(&directory_of(directory.path())), u64::from(small().value_file_bytes));
    let written: u64 =
        (0..ROUNDS).map(|round| format!("{round}").len() as u64 * 200 * USERS.cast_unsigned()).sum();
    let live = 500 * USERS.cast_unsigned();
    assert!(written > 3 * (3 * live + 5 * file), "{written} bytes would not show it");
    assert!(left <= 3 * live + 5 * file, "{left} bytes are left of {written} written");
    assert_eq!(verify(directory.path()).unwrap().problems, [""; 0]);
    let engine = open(Arc::new(RealDisk), directory.path(), small()).unwrap();
    for number in 0..USERS {
        let profile = engine.user(PRODUCTION, &user(&id(number))).unwrap().unwrap();
        assert_eq!(round_of(&profile), ROUNDS - 1);
    }
}

#[test]
fn a_damaged_value_is_no_answer_and_the_log_has_all_of_it() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(Arc::new(RealDisk), directory.path(), small()).unwrap();
    add_environments(&engine, &[1]);
    (0..USERS).for_each(|number| write(&engine, number, 7));
    drop(engine);
    let values = directory_of(directory.path());
    for entry in std::fs::read_dir(&values).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = std::fs::read(&path).unwrap();
        bytes.iter_mut().for_each(|byte| *byte ^= u8::from(*byte == b'7'));
        std::fs::write(&path, bytes).unwrap();
    }
    let problems = verify(directory.path()).unwrap().problems;
    assert!(problems.iter().any(|problem| problem.contains("value log is damaged")), "{problems:?}");
    let engine = open(Arc::new(RealDisk), directory.path(), small()).unwrap();
    let answer = engine.user(PRODUCTION, &user(&id(0)));
    assert!(matches!(answer, Err(StoreError::Damaged(_))), "{answer:?}");
    drop(engine);
    // What an operator is told to do about it.
    std::fs::remove_dir_all(directory.path().join("environments/1/profiles")).unwrap();
    let engine = open(Arc::new(RealDisk), directory.path(), small()).unwrap();
    for number in 0..USERS {
        assert_eq!(round_of(&engine.user(PRODUCTION, &user(&id(number))).unwrap().unwrap()), 7);
    }
    drop(engine);
    assert_eq!(verify(directory.path()).unwrap().problems, [""; 0]);
}

#[test]
fn a_value_log_that_is_too_short_is_made_anew_from_the_log() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(Arc::new(RealDisk), directory.path(), small()).unwrap();
    add_environments(&engine, &[1]);
    (0..USERS).for_each(|number| write(&engine, number, 3));
    drop(engine);
    std::fs::remove_dir_all(directory_of(directory.path())).unwrap();
    let engine = open(Arc::new(RealDisk), directory.path(), small()).unwrap();
    for number in 0..USERS {
        assert_eq!(round_of(&engine.user(PRODUCTION, &user(&id(number))).unwrap().unwrap()), 3);
    }
}
