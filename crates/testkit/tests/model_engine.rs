//! The model engine keeps the promises that it is the reference for.

use std::sync::Arc;

use muster_kernel::model::catalog::CatalogState;
use muster_kernel::model::id::EnvironmentId;
use muster_kernel::ports::Catalog;
use muster_testkit::builders::environment;
use muster_testkit::clock::ManualClock;
use muster_testkit::contract::{
    audit_trail_keeps_its_promises, erasures_keep_their_promises, event_log_keeps_its_promises,
    exports_keep_their_promises, history_keeps_its_promises, jobs_keep_their_promises,
    ledger_keeps_its_promises, profiles_keep_their_promises, raw_events_keep_their_promises,
    reports_keep_their_promises, reports_of_companies_keep_their_promises,
    reports_of_then_keep_their_promises, segments_keep_their_promises, trends_keep_their_promises,
};
use muster_testkit::model_engine::ModelEngine;
use muster_testkit::model_exports::ModelExports;
use muster_testkit::model_jobs::ModelJobs;

fn engine() -> ModelEngine {
    let engine = ModelEngine::new(Arc::new(ManualClock::default()));
    let mut add = |state: &mut CatalogState| {
        state.environments.extend([1, 2].map(|number| environment(EnvironmentId(number))));
        Ok(())
    };
    engine.change(&mut add).unwrap().unwrap();
    engine
}

#[test]
fn the_event_log_keeps_its_promises() {
    event_log_keeps_its_promises(&engine());
}

#[test]
fn the_audit_trail_keeps_its_promises() {
    audit_trail_keeps_its_promises(&engine());
}

#[test]
fn exports_keep_theirs() {
    exports_keep_their_promises(&ModelExports::default());
}

#[test]
fn jobs_keep_theirs() {
    jobs_keep_their_promises(&ModelJobs::default());
}

#[test]
fn erasures_keep_theirs() {
    let engine = engine();
    erasures_keep_their_promises(&engine, &engine, &engine, None);
}

#[test]
fn the_ledger_keeps_its_promises() {
    let engine = engine();
    ledger_keeps_its_promises(&engine, &engine);
}

#[test]
fn the_profiles_keep_their_promises() {
    let engine = engine();
    profiles_keep_their_promises(&engine, &engine, &|| {});
}

#[test]
fn the_history_keeps_its_promises() {
    let engine = engine();
    history_keeps_its_promises(&engine, &engine, &|| {});
}

#[test]
fn raw_events_keep_theirs() {
    let engine = engine();
    raw_events_keep_their_promises(&engine, &engine, &engine, &engine, &engine);
}

#[test]
fn the_segments_keep_their_promises() {
    let engine = engine();
    segments_keep_their_promises(&engine, &engine, &|| {});
}

#[test]
fn reports_keep_theirs() {
    let engine = engine();
    reports_keep_their_promises(&engine, &engine, &|| {});
    reports_of_companies_keep_their_promises(&engine, &engine, &|| {});
    reports_of_then_keep_their_promises(&engine, &engine, &|| {});
}

#[test]
fn trends_keep_theirs_as_reports_do() {
    let engine = engine();
    trends_keep_their_promises(&engine, &engine, &|| {});
}
