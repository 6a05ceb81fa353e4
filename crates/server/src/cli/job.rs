//! A job as the API shows it: followed to its end, told in words, and turned into an exit code.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::ExitCode;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::client::Client;

use super::bulk;
use super::looks::{self, Then};
use super::progress::{Progress, bytes, count};
use super::remote::{DONE, Ended, FAILED, SOME_REJECTED};
use super::{Output, text};

/// A job: what is read here, and the whole answer for scripts.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(from = "Value", into = "Value")]
pub struct Job {
    facts: Facts,
    whole: Value,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Facts {
    job_id: String,
    status: String,
    r#type: String,
    filename: String,
    file_size: u64,
    total_rows: u64,
    completed_rows: u64,
    accepted_rows: u64,
    duplicate_rows: u64,
    rejected_rows: u64,
    rejected_by_code: BTreeMap<String, u64>,
    elapsed_time: u64,
    rows_per_second: u64,
    submitted_at: String,
    dry_run: bool,
    would: Would,
    reason: Option<Reason>,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Would {
    create: u64,
    change: u64,
}

#[derive(Clone, Debug, Deserialize)]
struct Reason {
    code: String,
    message: String,
}

impl From<Value> for Job {
    fn from(whole: Value) -> Self {
        Job { facts: Facts::deserialize(&whole).unwrap_or_default(), whole }
    }
}

impl From<Job> for Value {
    fn from(job: Job) -> Self {
        job.whole
    }
}

impl Job {
    /// Its id.
    pub fn id(&self) -> &str {
        &self.facts.job_id
    }

    /// Where it is read.
    pub fn path(id: &str) -> String {
        let plain = percent_encoding::NON_ALPHANUMERIC;
        format!("/v1/background_jobs/{}", percent_encoding::utf8_percent_encode(id, plain))
    }

    fn is_ended(&self) -> bool {
        matches!(self.facts.status.as_str(), "completed" | "failed")
    }

    /// The exit code that says how it ended.
    pub fn outcome(&self) -> ExitCode {
        ExitCode::from(match (self.facts.status.as_str(), self.facts.rejected_rows) {
            ("completed", 0) => DONE,
            ("completed", _) => SOME_REJECTED,
            _ => FAILED,
        })
    }

    fn so_far(&self) -> String {
        let Facts { status, completed_rows, total_rows, rows_per_second, reason, .. } = &self.facts;
        let (done, total) = (count(*completed_rows), count(*total_rows));
        let rate = count(*rows_per_second);
        let waits = reason.as_ref().map_or(String::new(), |reason| format!(" It waits: {}", reason.message));
        format!("{status}: {done} of {total} rows, {rate} rows/s.{waits}")
    }
}

/// Looks at a job until it has ended.
///
/// # Errors
/// When the server refuses, or does not answer for a minute.
pub fn follow(client: &Client, job: Job, progress: &mut Progress) -> Result<Job, Ended> {
    let path = Job::path(job.id());
    let mut status = String::new();
    let followed = looks::follow(client, &path, job, |job, tells| {
        if job.is_ended() {
            return Then::Ends;
        }
        if tells || job.facts.status != status {
            progress.line(&job.so_far());
            job.facts.status.clone_into(&mut status);
        }
        progress.works(&doing(job), "rows", job.facts.completed_rows, job.facts.total_rows);
        Then::GoesOn
    });
    progress.end();
    followed.map_err(|(job, error)| bulk::lost(&job, error))
}

fn doing(job: &Job) -> String {
    match (&job.facts.reason, job.facts.status.as_str()) {
        (Some(reason), _) => format!("Waiting ({})", reason.code),
        (None, "processing") => "Storing".to_owned(),
        (None, "validating") => "Counting rows".to_owned(),
        (None, other) => other.to_owned(),
    }
}

/// Shows a job on standard output.
///
/// # Errors
/// When that cannot be written.
pub fn show(job: &Job, output: Output) -> Result<(), Ended> {
    let shown = super::show(output, &job.whole, || told(job));
    shown.map(|_| ()).map_err(|error| Ended::new(FAILED, error))
}

/// A job in sentences.
fn told(job: &Job) -> String {
    let facts = &job.facts;
    let codes = facts.rejected_by_code.iter().map(|(code, number)| format!("{code} {}", count(*number)));
    let codes = codes.collect::<Vec<_>>().join(", ");
    let codes = if codes.is_empty() { codes } else { format!(" ({codes})") };
    let rejected = format!("{} rejected{codes}", count(facts.rejected_rows));
    let rows = match facts.dry_run {
        true => format!(
            "{} would create, {} would change, {rejected}",
            count(facts.would.create),
            count(facts.would.change)
        ),
        false => format!(
            "{} stored, {} known before, {rejected}",
            count(facts.accepted_rows),
            count(facts.duplicate_rows)
        ),
    };
    let tried = if facts.dry_run { ", only tried" } else { "" };
    let mut out = format!("{} ({}, {}{tried})\n", facts.job_id, facts.filename, bytes(facts.file_size));
    if job.is_ended() {
        let _ = writeln!(out, "{}: {} of {}: {rows}.", facts.status, rows_of(facts), facts.r#type);
        let (seconds, rate) = (count(facts.elapsed_time), count(facts.rows_per_second));
        let _ = writeln!(out, "It took {seconds} s, {rate} rows/s.");
    } else {
        let _ = writeln!(out, "{}", job.so_far());
    }
    if let Some(reason) = facts.reason.as_ref().filter(|_| job.is_ended()) {
        let _ = writeln!(out, "Reason ({}): {}", reason.code, reason.message);
    }
    if facts.rejected_rows > 0 {
        let _ = writeln!(out, "Save the rejected rows with `muster jobs {} --rejects FILE`.", facts.job_id);
    }
    out
}

fn rows_of(facts: &Facts) -> String {
    let plural = if facts.total_rows == 1 { "row" } else { "rows" };
    format!("{} {plural}", count(facts.total_rows))
}

/// Jobs as a table.
pub fn table(jobs: &[Job]) -> String {
    if jobs.is_empty() {
        return "There are no jobs. Send a file with `muster bulk users FILE`.\n".to_owned();
    }
    let head =
        ["JOB", "SUBMITTED", "TYPE", "FILE", "STATUS", "ROWS", "STORED", "KNOWN", "REJECTED", "ROWS/S"];
    let mut rows = vec![head.map(str::to_owned)];
    rows.extend(jobs.iter().map(|Job { facts, .. }| {
        let submitted = facts.submitted_at.split_once('.').map_or("", |(seconds, _)| seconds);
        [
            facts.job_id.clone(),
            format!("{submitted}Z"),
            if facts.dry_run { format!("{} (tried)", facts.r#type) } else { facts.r#type.clone() },
            facts.filename.clone(),
            facts.status.clone(),
            count(facts.total_rows),
            count(facts.accepted_rows),
            count(facts.duplicate_rows),
            count(facts.rejected_rows),
            count(facts.rows_per_second),
        ]
    }));
    text::table(&rows)
}
