//! What `Jobs` promises.

use muster_kernel::model::catalog::EnvironmentSettings;
use muster_kernel::model::id::{EnvironmentId, JobNumber};
use muster_kernel::model::job::{Checkpoint, Job, JobKind, JobStatus, RowCounts, UploadGuard};
use muster_kernel::model::problem::{Problem, ProblemCode};
use muster_kernel::model::time::Timestamp;
use muster_kernel::ports::{Jobs, StoreError};

use crate::builders::{KEY, PRODUCTION};

const STAGING: EnvironmentId = EnvironmentId(2);

/// A job that has just been accepted.
pub fn job(id: &str) -> Job {
    Job {
        number: JobNumber(0),
        id: id.to_owned(),
        kind: JobKind::Users,
        status: JobStatus::Queued,
        key: KEY,
        settings: EnvironmentSettings::default(),
        dry_run: false,
        is_document: false,
        filename: "people.ndjson".to_owned(),
        file_bytes: 6,
        submitted_at: Timestamp(1_795_242_069_123_456),
        started_at: None,
        ended_at: None,
        total_rows: None,
        counts: RowCounts::default(),
        checkpoint: Checkpoint::default(),
        guard: Some(UploadGuard { key: [1; 16], file: [255; 16] }),
        is_cancelled: false,
        reason: None,
        is_removed: false,
    }
}

/// Uploads these pieces as a job.
///
/// # Panics
/// When it is not kept.
pub fn upload(jobs: &dyn Jobs, environment: EnvironmentId, id: &str, pieces: &[&[u8]]) -> Job {
    let mut upload = jobs.begin_upload(environment).unwrap_or_else(|error| panic!("{error}"));
    for piece in pieces {
        upload.write(piece).unwrap_or_else(|error| panic!("{error}"));
    }
    upload.keep(job(id)).unwrap_or_else(|error| panic!("{error}"))
}

fn listed(jobs: &dyn Jobs, environment: EnvironmentId) -> Vec<Job> {
    jobs.jobs(environment).unwrap_or_else(|error| panic!("{error}"))
}

/// What was written is read, also in parts and over what was there; one that was dropped leaves nothing to the next.
fn scratch_keeps_what_is_written(jobs: &dyn Jobs) {
    for _ in 0..2 {
        let mut scratch = jobs.scratch(PRODUCTION).unwrap_or_else(|error| panic!("{error}"));
        assert!(scratch.read(0, &mut [0; 1]).is_err());
        scratch.write(0, b"sorted runs").unwrap_or_else(|error| panic!("{error}"));
        scratch.write(7, b"rows and more").unwrap_or_else(|error| panic!("{error}"));
        let mut read = [0; 8];
        scratch.read(3, &mut read).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(&read, b"ted rows");
        assert!(scratch.read(19, &mut [0; 2]).is_err(), "beyond the end");
    }
    assert!(matches!(jobs.scratch(EnvironmentId(9)), Err(StoreError::NoEnvironment)));
}

/// Runs every promise.
pub fn jobs_keep_their_promises(jobs: &dyn Jobs) {
    assert_eq!(listed(jobs, PRODUCTION), []);
    drop(jobs.begin_upload(PRODUCTION));
    let mut left = jobs.begin_upload(PRODUCTION).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(left.write(b"half"), Ok(()));
    drop(left);
    assert_eq!(listed(jobs, PRODUCTION), [], "what was not kept is no job");
    scratch_keeps_what_is_written(jobs);

    let first = upload(jobs, PRODUCTION, "one", &[b"abc", b"def"]);
    let second = upload(jobs, PRODUCTION, "two", &[]);
    assert!(first.number < second.number && first.number > JobNumber(0));
    assert_eq!(listed(jobs, PRODUCTION), [second.clone(), first.clone()], "the newest first");
    assert_eq!(listed(jobs, STAGING), [], "nothing crosses environments");

    let mut buffer = [0; 4];
    assert_eq!(jobs.read_upload(PRODUCTION, first.number, 0, &mut buffer), Ok(4));
    assert_eq!(&buffer, b"abcd");
    assert_eq!(jobs.read_upload(PRODUCTION, first.number, 4, &mut buffer), Ok(2));
    assert_eq!(&buffer[..2], b"ef");
    assert_eq!(jobs.read_upload(PRODUCTION, first.number, 6, &mut buffer), Ok(0));

    assert_eq!(jobs.read_rejects(PRODUCTION, first.number, 0, &mut buffer), Ok(0), "none yet");
    assert_eq!(jobs.write_rejects(PRODUCTION, first.number, 0, b"0123456"), Ok(()));
    assert_eq!(jobs.write_rejects(PRODUCTION, first.number, 2, b"xy"), Ok(()));
    let mut whole = [0; 16];
    assert_eq!(jobs.read_rejects(PRODUCTION, first.number, 0, &mut whole), Ok(4));
    assert_eq!(&whole[..4], b"01xy", "what stood behind is gone");

    let mut changed = first.clone();
    changed.status = JobStatus::Completed;
    changed.ended_at = Some(Timestamp(i64::MAX));
    changed.total_rows = Some(u64::MAX);
    changed.counts.reject("id_missing");
    changed.reason = Some(Problem::at("/a\"b", ProblemCode::JobCancelled, "Because."));
    assert_eq!(jobs.save(PRODUCTION, &changed), Ok(()));
    assert_eq!(listed(jobs, PRODUCTION), [second.clone(), changed.clone()]);
    assert!(
        jobs.read_upload(PRODUCTION, first.number, 0, &mut buffer).is_err(),
        "an ended job needs no upload"
    );
    assert_eq!(jobs.read_rejects(PRODUCTION, first.number, 0, &mut whole), Ok(4), "but its rejects stay");

    let removed = Job { is_removed: true, ..changed };
    assert_eq!(jobs.save(PRODUCTION, &removed), Ok(()));
    assert_eq!(listed(jobs, PRODUCTION), [second, removed], "its state stays");
    assert_eq!(jobs.read_rejects(PRODUCTION, first.number, 0, &mut whole), Ok(0), "all else is gone");

    let unknown = Job { number: JobNumber(99), ..first };
    assert!(jobs.save(PRODUCTION, &unknown).is_err());
    let nowhere = EnvironmentId(99);
    assert_eq!(jobs.jobs(nowhere), Err(StoreError::NoEnvironment));
    assert_eq!(jobs.begin_upload(nowhere).err(), Some(StoreError::NoEnvironment));
}
