//! Power cuts while exports are written, begun anew and removed.

use std::collections::BTreeSet;
use std::sync::Arc;

use muster_kernel::model::export::{Export, ExportPart};
use muster_kernel::model::id::ExportNumber;
use muster_kernel::model::job::JobStatus;
use muster_kernel::ports::{Exports, StoreError};
use muster_local::Engine;
use muster_local::disk::RealDisk;
use muster_testkit::builders::PRODUCTION;
use muster_testkit::contract::{export, write_part};

use crate::jobs::cut_everywhere;
use crate::stand::{add_environments, open, small};

const PARTS: [&[u8]; 2] = [b"the first part", b"the second"];

/// Of each of two exports a round is begun, left, begun anew and completed; the first one is removed then. Answers the states
/// that were acknowledged, in their order.
fn work(engine: &Engine) -> Vec<Export> {
    let mut acknowledged = Vec::new();
    // Whatever fails ends it: the power is gone.
    let _ = two_exports(engine, &mut acknowledged);
    acknowledged
}

fn two_exports(engine: &Engine, acknowledged: &mut Vec<Export>) -> Result<(), StoreError> {
    let first = one_export(engine, "one", acknowledged)?;
    engine.remove_export(PRODUCTION, first)?;
    one_export(engine, "two", acknowledged).map(drop)
}

fn one_export(engine: &Engine, id: &str, acknowledged: &mut Vec<Export>) -> Result<ExportNumber, StoreError> {
    let begun = engine.begin_export(PRODUCTION, export(id))?;
    acknowledged.push(begun.clone());
    for is_last in [false, true] {
        let mut now = engine.renew_export(PRODUCTION, begun.number)?;
        acknowledged.push(now.clone());
        for part in PARTS {
            let mut file = engine.begin_part(PRODUCTION, &now, now.parts.len())?;
            file.write(part)?;
            file.keep()?;
            now.parts.push(ExportPart { rows: 1, bytes: part.len() as u64 });
            engine.save_export(PRODUCTION, &now)?;
            acknowledged.push(now.clone());
        }
        if is_last {
            now.status = JobStatus::Completed;
            engine.save_export(PRODUCTION, &now)?;
            acknowledged.push(now);
        }
    }
    Ok(begun.number)
}

#[test]
fn a_part_that_a_state_names_is_whole_and_nothing_else_is_left_after_a_power_cut_at_any_sync() {
    cut_everywhere(work, |acknowledged, engine, disk| {
        let exports = engine.exports(PRODUCTION).unwrap();
        let mut expected = BTreeSet::new();
        for found in &exports {
            expected.insert(format!("{}.json", found.number));
            for (part, about) in found.parts.iter().enumerate() {
                expected.insert(format!("{}.{}.{part}.part", found.number, found.round));
                let mut bytes = [0; 64];
                let read = engine.read_part(PRODUCTION, found, part, 0, &mut bytes).unwrap();
                assert_eq!((&bytes[..read], read as u64), (PARTS[part], about.bytes));
            }
        }
        let there = disk.paths().into_iter().filter_map(|path| {
            let name = path.file_name()?.to_string_lossy().into_owned();
            path.parent()?.ends_with("exports").then_some(name)
        });
        assert_eq!(there.collect::<BTreeSet<_>>(), expected, "nothing else is left");
        let Some(acknowledged) = acknowledged else { return };
        if let Some(last) = acknowledged.iter().rev().find(|known| known.id == "two") {
            let found = exports.iter().find(|found| found.id == "two").unwrap();
            let is_later = (found.round, found.parts.len(), found.status == JobStatus::Completed)
                >= (last.round, last.parts.len(), last.status == JobStatus::Completed);
            assert!(is_later, "{found:?} instead of {last:?}");
            assert!(!exports.iter().any(|found| found.id == "one"), "what was removed stays so");
        }
    });
}

#[test]
fn a_start_leaves_parts_of_no_state_to_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let disk = Arc::new(RealDisk);
    let engine = open(disk.clone(), directory.path(), small()).unwrap();
    add_environments(&engine, &[1]);
    let begun = engine.begin_export(PRODUCTION, export("one")).unwrap();
    let mut now = engine.renew_export(PRODUCTION, begun.number).unwrap();
    write_part(&engine, PRODUCTION, &mut now, &[b"kept"]);
    engine.close();
    drop(engine);
    let files = directory.path().join("environments/1/exports");
    for stray in ["1.1.1.part", "1.7.0.part", "9.1.0.part", "1.json.new"] {
        std::fs::write(files.join(stray), b"stray").unwrap();
    }
    let engine = open(disk, directory.path(), small()).unwrap();
    assert_eq!(engine.exports(PRODUCTION).unwrap(), [now]);
    let mut names: Vec<String> = std::fs::read_dir(&files)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["1.1.0.part", "1.json"]);
}
