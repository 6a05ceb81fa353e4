//! The promises of the ports, kept by the embedded engine.

use std::sync::Arc;

use muster_local::disk::RealDisk;
use muster_testkit::contract::{
    erasures_keep_their_promises, event_log_keeps_its_promises, exports_keep_their_promises,
    history_keeps_its_promises, jobs_keep_their_promises, ledger_keeps_its_promises,
    lists_keep_their_promises, profiles_keep_their_promises, raw_events_keep_their_promises,
    reports_keep_their_promises, reports_of_companies_keep_their_promises,
    reports_of_then_keep_their_promises, segments_keep_their_promises, trends_keep_their_promises,
};

use muster_testkit::builders::PRODUCTION;

use crate::stand::{add_environments, open, small};

#[test]
fn the_event_log_keeps_its_promises() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(Arc::new(RealDisk), directory.path(), small()).unwrap();
    add_environments(&engine, &[1, 2]);
    event_log_keeps_its_promises(&engine);
}

#[test]
fn jobs_keep_theirs() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(Arc::new(RealDisk), directory.path(), small()).unwrap();
    add_environments(&engine, &[1, 2]);
    jobs_keep_their_promises(&engine);
}

#[test]
fn exports_keep_theirs() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(Arc::new(RealDisk), directory.path(), small()).unwrap();
    add_environments(&engine, &[1, 2]);
    exports_keep_their_promises(&engine);
}

#[test]
fn erasures_keep_theirs() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(Arc::new(RealDisk), directory.path(), small()).unwrap();
    add_environments(&engine, &[1, 2]);
    erasures_keep_their_promises(&engine, &engine, &engine, Some(&engine));
}

#[test]
fn raw_events_keep_theirs() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(Arc::new(RealDisk), directory.path(), small()).unwrap();
    add_environments(&engine, &[1, 2]);
    raw_events_keep_their_promises(&engine, &engine, &engine, &engine, &engine);
}

#[test]
fn lists_keep_theirs() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(Arc::new(RealDisk), directory.path(), small()).unwrap();
    add_environments(&engine, &[1, 2]);
    lists_keep_their_promises(&engine, &engine);
}

#[test]
fn the_ledger_keeps_its_promises() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(Arc::new(RealDisk), directory.path(), small()).unwrap();
    add_environments(&engine, &[1, 2]);
    ledger_keeps_its_promises(&engine, &engine);
}

#[test]
fn profiles_keep_their_promises_in_the_overlay_and_in_the_store() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(Arc::new(RealDisk), directory.path(), small()).unwrap();
    add_environments(&engine, &[1, 2]);
    profiles_keep_their_promises(&engine, &engine, &|| engine.save());
}

#[test]
fn profiles_keep_their_promises_when_nothing_is_ever_moved() {
    let directory = tempfile::tempdir().unwrap();
    let options = muster_local::Options { overlay_age_ms_max: u64::MAX, ..muster_local::Options::default() };
    let options = muster_local::Options { free_disk_reserve_bytes: 0, ..options };
    let engine = open(Arc::new(RealDisk), directory.path(), options).unwrap();
    add_environments(&engine, &[1, 2]);
    profiles_keep_their_promises(&engine, &engine, &|| {});
}

#[test]
fn history_keeps_its_promises_in_the_tail_and_in_files() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(Arc::new(RealDisk), directory.path(), small()).unwrap();
    add_environments(&engine, &[1, 2]);
    history_keeps_its_promises(&engine, &engine, &|| engine.seal_history(PRODUCTION).unwrap());
}

#[test]
fn history_keeps_its_promises_when_nothing_is_ever_sealed() {
    let directory = tempfile::tempdir().unwrap();
    let options = muster_local::Options { free_disk_reserve_bytes: 0, ..muster_local::Options::default() };
    let engine = open(Arc::new(RealDisk), directory.path(), options).unwrap();
    add_environments(&engine, &[1, 2]);
    history_keeps_its_promises(&engine, &engine, &|| {});
}

#[test]
fn segments_keep_their_promises_in_the_tail_and_in_files() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(Arc::new(RealDisk), directory.path(), small()).unwrap();
    add_environments(&engine, &[1, 2]);
    segments_keep_their_promises(&engine, &engine, &|| engine.seal_history(PRODUCTION).unwrap());
}

#[test]
fn segments_keep_their_promises_when_nothing_is_ever_sealed() {
    let directory = tempfile::tempdir().unwrap();
    let options = muster_local::Options { free_disk_reserve_bytes: 0, ..muster_local::Options::default() };
    let engine = open(Arc::new(RealDisk), directory.path(), options).unwrap();
    add_environments(&engine, &[1, 2]);
    segments_keep_their_promises(&engine, &engine, &|| {});
}

#[test]
fn reports_keep_their_promises_in_the_tail_and_in_files() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(Arc::new(RealDisk), directory.path(), small()).unwrap();
    add_environments(&engine, &[1, 2]);
    reports_keep_their_promises(&engine, &engine, &|| engine.seal_history(PRODUCTION).unwrap());
    reports_of_companies_keep_their_promises(&engine, &engine, &|| engine.seal_history(PRODUCTION).unwrap());
    reports_of_then_keep_their_promises(&engine, &engine, &|| engine.seal_history(PRODUCTION).unwrap());
}

#[test]
fn reports_keep_their_promises_when_nothing_is_ever_sealed() {
    let directory = tempfile::tempdir().unwrap();
    let options = muster_local::Options { free_disk_reserve_bytes: 0, ..muster_local::Options::default() };
    let engine = open(Arc::new(RealDisk), directory.path(), options).unwrap();
    add_environments(&engine, &[1, 2]);
    reports_keep_their_promises(&engine, &engine, &|| {});
    reports_of_companies_keep_their_promises(&engine, &engine, &|| {});
    reports_of_then_keep_their_promises(&engine, &engine, &|| {});
}

#[test]
fn trends_keep_the_promises_of_reports_in_the_tail_and_in_files() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(Arc::new(RealDisk), directory.path(), small()).unwrap();
    add_environments(&engine, &[1, 2]);
    trends_keep_their_promises(&engine, &engine, &|| engine.seal_history(PRODUCTION).unwrap());
}
