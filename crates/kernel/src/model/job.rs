//! A job: an upload that was accepted as a whole and becomes events row by row (spec 2.4 to 2.8).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::catalog::EnvironmentSettings;
use super::id::{JobNumber, KeyId, Position};
use super::problem::Problem;
use super::time::Timestamp;

/// What a job does with its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// Creates and updates users.
    Users,
    /// Creates and updates companies.
    Companies,
}

impl JobKind {
    /// The word of the contract: also the key under which a JSON upload holds its rows.
    pub fn as_str(self) -> &'static str {
        match self {
            JobKind::Users => "users",
            JobKind::Companies => "companies",
        }
    }
}

/// Where a job stands (spec section 0, item 8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobStatus {
    /// Durable; waits for its turn.
    Queued,
    /// Its rows are counted.
    Validating,
    /// Its rows become events.
    Processing,
    /// All rows are done; what they left behind is put in order.
    PendingRefresh,
    /// Every row is accounted for.
    Completed,
    /// It ended before its end: nothing could be read, or somebody cancelled it. `reason` says which.
    Failed,
}

impl JobStatus {
    /// The word of the contract.
    pub fn as_str(self) -> &'static str {
        match self {
            JobStatus::Queued => "queued",
            JobStatus::Validating => "validating",
            JobStatus::Processing => "processing",
            JobStatus::PendingRefresh => "pending_refresh",
            JobStatus::Completed => "completed",
            JobStatus::Failed => "failed",
        }
    }

    /// Whether nothing happens to the job any more.
    pub fn is_ended(self) -> bool {
        matches!(self, JobStatus::Completed | JobStatus::Failed)
    }
}

/// What became of the rows so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowCounts {
    /// Stored (of a dry run: would be).
    pub accepted: u64,
    /// Known before by their `event_id`.
    pub duplicate: u64,
    /// Not stored, because the subject was erased after the job came, or is suppressed.
    #[serde(default)]
    pub suppressed: u64,
    /// Refused, by the code of the row's first problem.
    pub rejected: BTreeMap<String, u64>,
    /// Of a dry run: accepted rows whose subject is not known yet.
    pub would_create: u64,
    /// Of a dry run: accepted rows whose subject is known.
    pub would_change: u64,
}

impl RowCounts {
    /// All refused rows.
    pub fn rejected_total(&self) -> u64 {
        self.rejected.values().sum()
    }

    /// All rows that are done.
    pub fn completed(&self) -> u64 {
        self.accepted + self.duplicate + self.suppressed + self.rejected_total()
    }

    /// Counts one refused row.
    pub fn reject(&mut self, code: &str) {
        *self.rejected.entry(code.to_owned()).or_default() += 1;
    }
}

/// From where a job goes on after a crash: every row up to `row` is in the counts, and every event of a later row stands
/// behind `position`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The number of the last row that is counted.
    pub row: u64,
    /// Where in the log to look for later ones.
    pub position: Position,
    /// Bytes of rejected rows that belong to the counts.
    pub rejects_bytes: u64,
}

/// What makes a repetition of the upload recognisable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadGuard {
    /// First 128 bits of the SHA-256 of method, path and `Idempotency-Key`.
    pub key: [u8; 16],
    /// The same of the uploaded file.
    pub file: [u8; 16],
}

/// A job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its number; given by the engine.
    pub number: JobNumber,
    /// Its id, as callers see it.
    pub id: String,
    /// What it does.
    pub kind: JobKind,
    /// Where it stands.
    pub status: JobStatus,
    /// The key that brought it; 0 when a member did who was signed in.
    pub key: KeyId,
    /// How its rows are read: as the environment said when it came.
    pub settings: EnvironmentSettings,
    /// Whether nothing is to be written.
    pub dry_run: bool,
    /// Whether the upload is one JSON document and not a row on each line.
    pub is_document: bool,
    /// The name that the upload came with.
    pub filename: String,
    /// Bytes of the upload.
    pub file_bytes: u64,
    /// When it was accepted: the time of all its rows.
    pub submitted_at: Timestamp,
    /// When work on it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// How many rows the upload has, once they are counted.
    pub total_rows: Option<u64>,
    /// What became of them.
    pub counts: RowCounts,
    /// Where it goes on.
    pub checkpoint: Checkpoint,
    /// What makes a repetition recognisable, where the caller asked for it.
    pub guard: Option<UploadGuard>,
    /// Whether somebody asked for its end.
    pub is_cancelled: bool,
    /// Why it failed; or, while it is under way, what it waits for.
    pub reason: Option<Problem>,
    /// Whether it ended so long ago that it is shown no more and its files are gone. Its counts stay for the ledger, its
    /// guard so that the upload is still taken once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_removed: bool,
}

impl Job {
    /// Rows that are not done yet and will be.
    pub fn pending_rows(&self) -> u64 {
        if self.status.is_ended() {
            return 0;
        }
        self.total_rows.unwrap_or_default().saturating_sub(self.counts.completed())
    }
}
