//! Power cuts while batches are appended and while uploads become jobs.

use std::collections::BTreeSet;
use std::sync::Arc;

use muster_kernel::model::batch::EventBatch;
use muster_kernel::model::event::Event;
use muster_kernel::model::id::{JobNumber, Position};
use muster_kernel::model::job::{Job, JobStatus};
use muster_kernel::model::value::Value;
use muster_kernel::ports::{EventLog, Jobs};
use muster_local::Engine;
use muster_testkit::block_on::block_on;
use muster_testkit::builders::{PRODUCTION, identify, user};
use muster_testkit::contract::upload;
use muster_testkit::sim_disk::{Faults, SimDisk, Unsynced};

use crate::stand::{add_environments, open, small};

const BATCHES: u32 = 8;
const ROWS: u32 = 20;

fn batch(number: u32) -> EventBatch {
    let mut batch = EventBatch::default();
    for row in number * ROWS + 1..=(number + 1) * ROWS {
        let mut draft = identify(&format!("u{row}"), &[("padding", Value::Text(&"x".repeat(300)))]);
        (draft.job, draft.ordinal) = (Some(JobNumber(1)), row);
        batch.push(&draft);
    }
    batch
}

/// Appends batch after batch until one fails; answers how many were acknowledged.
fn append(engine: &Engine) -> u32 {
    let taken = |number: &u32| block_on(engine.append_many(PRODUCTION, &batch(*number))).is_ok();
    (0..BATCHES).take_while(taken).fold(0, |count, _| count + 1)
}

/// A simulated disk with one empty environment, and the directory that it stands for.
pub fn place() -> (SimDisk, tempfile::TempDir) {
    let (disk, directory) = (SimDisk::default(), tempfile::tempdir().unwrap());
    let engine = open(Arc::new(disk.clone()), directory.path(), small()).unwrap();
    add_environments(&engine, &[1]);
    engine.visible(PRODUCTION).unwrap();
    engine.close();
    (disk, directory)
}

/// Runs `work` with a power cut at every sync; `check` sees what `work` answered and the engine after the cut.
pub fn cut_everywhere<T>(work: impl Fn(&Engine) -> T, check: impl Fn(Option<&T>, &Engine, &SimDisk)) {
    let (start, origin) = place();
    let cut_from = |disk: &SimDisk, from: &std::path::Path, unsynced| {
        // The profiles are rebuilt from the log: an empty directory will do for them.
        let directory = tempfile::tempdir().unwrap();
        std::fs::copy(from.join("FORMAT"), directory.path().join("FORMAT")).unwrap();
        (disk.after_power_cut(unsynced).moved(from, directory.path()), directory)
    };
    let (whole, directory) = cut_from(&start, origin.path(), Unsynced::Kept);
    let engine = open(Arc::new(whole.clone()), directory.path(), small()).unwrap();
    work(&engine);
    engine.close();
    for at in 1..=whole.syncs() {
        let (disk, directory) = cut_from(&start, origin.path(), Unsynced::Kept);
        disk.set_faults(Faults { power_cut_at_sync: Some(at), ..Faults::default() });
        let outcome = open(Arc::new(disk.clone()), directory.path(), small()).ok().map(|engine| {
            let outcome = work(&engine);
            engine.close();
            outcome
        });
        for unsynced in [Unsynced::Lost, Unsynced::Kept, Unsynced::Torn(at), Unsynced::Torn(at * 7919)] {
            let (after, directory) = cut_from(&disk, directory.path(), unsynced);
            let engine = open(Arc::new(after.clone()), directory.path(), small())
                .unwrap_or_else(|error| panic!("cut at sync {at}, {unsynced:?}: {error}"));
            check(outcome.as_ref(), &engine, &after);
            engine.close();
        }
    }
}

#[test]
fn an_acknowledged_batch_is_whole_after_a_power_cut_at_any_sync() {
    cut_everywhere(append, |acknowledged, engine, _| {
        let stored = engine.read(PRODUCTION, Position::START, usize::MAX, usize::MAX).unwrap();
        let rows: Vec<u32> = stored
            .iter()
            .map(|record| Event::decode(&record.payload).unwrap())
            .inspect(|event| assert_eq!(event.job, Some(JobNumber(1))))
            .map(|event| event.ordinal)
            .collect();
        let count = u32::try_from(rows.len()).unwrap();
        assert_eq!(rows, (1..=count).collect::<Vec<_>>(), "each row once, none left out before another");
        assert!(count >= acknowledged.copied().unwrap_or_default() * ROWS, "an acknowledged row is gone");
        let profiles = (1..=count).filter(|row| {
            muster_kernel::ports::Profiles::user(engine, PRODUCTION, &user(&format!("u{row}")))
                .unwrap()
                .is_some()
        });
        assert_eq!(profiles.count(), rows.len());
    });
}

/// Two uploads; the first one's job ends. Answers the states that were acknowledged, the last one last.
fn two_jobs(engine: &Engine) -> Vec<Job> {
    let mut acknowledged = Vec::new();
    for id in ["one", "two"] {
        let Ok(mut arriving) = engine.begin_upload(PRODUCTION) else { return acknowledged };
        if arriving.write(b"{\"user_id\":\"u\"}\n").is_err() {
            return acknowledged;
        }
        let Ok(mut job) = arriving.keep(muster_testkit::contract::job(id)) else { return acknowledged };
        acknowledged.push(job.clone());
        if id == "one" {
            let rejected = engine.write_rejects(PRODUCTION, job.number, 0, b"{}\n");
            job.status = JobStatus::Completed;
            job.checkpoint.rejects_bytes = 3;
            if rejected.is_err() || Jobs::save(engine, PRODUCTION, &job).is_err() {
                return acknowledged;
            }
            acknowledged[0] = job;
        }
    }
    acknowledged
}

#[test]
fn an_upload_is_a_whole_job_or_nothing_after_a_power_cut_at_any_sync() {
    cut_everywhere(two_jobs, |acknowledged, engine, disk| {
        let jobs = Jobs::jobs(engine, PRODUCTION).unwrap();
        for known in acknowledged.into_iter().flatten() {
            let found = jobs.iter().find(|job| job.id == known.id).unwrap();
            let is_later = known.status == JobStatus::Queued && found.status == JobStatus::Completed;
            assert!(found == known || is_later, "{found:?} instead of {known:?}");
        }
        let mut expected = BTreeSet::new();
        for job in &jobs {
            expected.insert(format!("{}.json", job.number));
            let mut bytes = [0; 64];
            if job.status == JobStatus::Completed {
                let read = engine.read_rejects(PRODUCTION, job.number, 0, &mut bytes);
                assert_eq!((read, &bytes[..3]), (Ok(3), &b"{}\n"[..]));
            } else {
                expected.insert(format!("{}.upload", job.number));
                assert_eq!(engine.read_upload(PRODUCTION, job.number, 0, &mut bytes), Ok(16), "whole");
            }
        }
        let there = disk.paths().into_iter().filter_map(|path| {
            let name = path.file_name()?.to_string_lossy().into_owned();
            (path.parent()?.ends_with("jobs") && !name.ends_with(".rejects.ndjson")).then_some(name)
        });
        assert_eq!(there.collect::<BTreeSet<_>>(), expected, "nothing else is left");
    });
}

/// A job that ends and is then removed; answers it once that is acknowledged.
fn removed_job(engine: &Engine) -> Option<Job> {
    let arriving = engine.begin_upload(PRODUCTION).ok()?;
    let mut job = arriving.keep(muster_testkit::contract::job("one")).ok()?;
    engine.write_rejects(PRODUCTION, job.number, 0, b"{}\n").ok()?;
    (job.status, job.checkpoint.rejects_bytes) = (JobStatus::Completed, 3);
    Jobs::save(engine, PRODUCTION, &job).ok()?;
    job.is_removed = true;
    Jobs::save(engine, PRODUCTION, &job).ok().map(|()| job)
}

#[test]
fn of_a_removed_job_only_its_state_is_left_after_a_power_cut_at_any_sync() {
    cut_everywhere(removed_job, |acknowledged, engine, disk| {
        let jobs = Jobs::jobs(engine, PRODUCTION).unwrap();
        if let Some(Some(removed)) = acknowledged {
            assert_eq!(jobs.as_slice(), std::slice::from_ref(removed));
        }
        let has_rejects = disk.paths().iter().any(|path| path.ends_with("jobs/1.rejects.ndjson"));
        for job in &jobs {
            let bytes = engine.read_rejects(PRODUCTION, job.number, 0, &mut [0; 8]);
            if job.is_removed {
                assert_eq!((bytes, has_rejects), (Ok(0), false));
            } else if job.status == JobStatus::Completed {
                assert_eq!((bytes, has_rejects), (Ok(3), true), "kept until then");
            }
        }
    });
}

#[test]
fn a_job_whose_state_is_damaged_is_named_and_the_others_go_on() {
    let (disk, directory) = place();
    let engine = open(Arc::new(disk.clone()), directory.path(), small()).unwrap();
    upload(&engine, PRODUCTION, "one", &[b"a"]);
    upload(&engine, PRODUCTION, "two", &[b"b"]);
    engine.close();
    // Its lock on the directory.
    drop(engine);
    let path = directory.path().join("environments/1/jobs/1.json");
    let damaged = disk.with_file(&path, |bytes| bytes[60] ^= 1);
    let engine = open(Arc::new(damaged), directory.path(), small()).unwrap();
    let notes = engine.recovery_notes();
    assert!(notes.iter().any(|note| note.contains("1.json") && note.contains("damaged")), "{notes:?}");
    let ids: Vec<String> = Jobs::jobs(&engine, PRODUCTION).unwrap().into_iter().map(|job| job.id).collect();
    assert_eq!(ids, ["two"]);
    assert_eq!(
        upload(&engine, PRODUCTION, "three", &[b"c"]).number,
        JobNumber(3),
        "no number is given twice"
    );
}
