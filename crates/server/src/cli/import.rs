//! `muster import`: files of history, sent to a running server one after the other and followed to their end.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::Output;
use super::bulk::send;
use super::job;
use super::progress::Progress;
use super::remote::{DONE, Ended, Outcome, SOME_REJECTED, Server, USAGE};

/// What to send, and how.
#[derive(Debug, Args)]
pub struct ImportCommand {
    /// The files: CSV with a header, or NDJSON; plain, gzip or zstd. `-` reads standard input.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Check every row and write nothing.
    #[arg(long)]
    dry_run: bool,
    /// Follow each job to its end, as is usual; the exit code then says how they ended.
    #[arg(long, overrides_with = "no_wait")]
    wait: bool,
    /// End as soon as the file is durable on the server; one file only.
    #[arg(long, overrides_with = "wait")]
    no_wait: bool,
    /// Lets the command be repeated: the same key and file become one job; one file only.
    #[arg(long, value_name = "TEXT")]
    idempotency_key: Option<String>,
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    output: Output,
}

impl ImportCommand {
    /// Does so. A job that fails ends the command; one with rejected rows does not.
    pub fn run(self) -> Outcome {
        let ImportCommand { files, dry_run, no_wait, idempotency_key, server, output, .. } = self;
        if files.len() > 1 && (no_wait || idempotency_key.is_some()) {
            let sentence = "--no-wait and --idempotency-key take one file: the next one can be sent only once its job has ended.";
            return Err(Ended::new(USAGE, sentence));
        }
        let client = server.client()?;
        let path = if dry_run { "/v1/imports?dry_run=true" } else { "/v1/imports" };
        let mut outcome = ExitCode::from(DONE);
        for file in &files {
            let mut progress = Progress::new();
            let sent = send(&client, path, file, idempotency_key.as_deref(), &mut progress);
            let job = sent.inspect_err(|_| progress.end())?;
            progress.line(&format!("The server has the file: job {}.", job.id()));
            let job = if no_wait { job } else { job::follow(&client, job, &mut progress)? };
            progress.end();
            job::show(&job, output)?;
            if no_wait || job.outcome() == ExitCode::from(DONE) {
                continue;
            }
            outcome = job.outcome();
            if outcome != ExitCode::from(SOME_REJECTED) {
                break;
            }
        }
        Ok(outcome)
    }
}
