//! `muster bulk`: a file of users or companies, sent to a running server and followed to its end.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use crate::client::{Client, ClientError, Form};
use crate::wiring;

use super::Output;
use super::job::{self, Job};
use super::progress::Progress;
use super::remote::{Ended, FAILED, Outcome, Server, UNREACHABLE, USAGE};

/// Send a file of users or companies: a JSON object on each line, plain, gzip or zstd.
#[derive(Debug, Subcommand)]
pub enum BulkCommand {
    /// Create and update users.
    Users(Bulk),
    /// Create and update companies.
    Companies(Bulk),
}

/// What to send, and how.
#[derive(Debug, Args)]
pub struct Bulk {
    /// The file; `-` reads standard input.
    file: PathBuf,
    /// Check every row and write nothing.
    #[arg(long)]
    dry_run: bool,
    /// Follow the job to its end, as is usual; the exit code then says how it ended.
    #[arg(long, overrides_with = "no_wait")]
    wait: bool,
    /// End as soon as the file is durable on the server.
    #[arg(long, overrides_with = "wait")]
    no_wait: bool,
    /// Lets the command be repeated: the same key and file become one job.
    #[arg(long, value_name = "TEXT")]
    idempotency_key: Option<String>,
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    output: Output,
}

impl BulkCommand {
    /// Does so.
    pub fn run(self) -> Outcome {
        let (kind, bulk) = match self {
            BulkCommand::Users(bulk) => ("users", bulk),
            BulkCommand::Companies(bulk) => ("companies", bulk),
        };
        let Bulk { file, dry_run, no_wait, idempotency_key, server, output, .. } = bulk;
        let client = server.client()?;
        let path = format!("/v1/{kind}/bulk_identify{}", if dry_run { "?dry_run=true" } else { "" });
        let mut progress = Progress::new();
        let sent = send(&client, &path, &file, idempotency_key.as_deref(), &mut progress);
        let job = sent.inspect_err(|_| progress.end())?;
        progress.line(&format!("The server has the file: job {}.", job.id()));
        let job = if no_wait { job } else { job::follow(&client, job, &mut progress)? };
        progress.end();
        job::show(&job, output)?;
        Ok(if no_wait { std::process::ExitCode::SUCCESS } else { job.outcome() })
    }
}

fn send(
    client: &Client,
    path: &str,
    file: &Path,
    idempotency_key: Option<&str>,
    progress: &mut Progress,
) -> Result<Job, Ended> {
    let Opened { name, bytes, file } = open(file)?;
    progress.sends(&name, bytes);
    let mut unlikely = [0; 16];
    wiring::random()(&mut unlikely);
    let unlikely: String = unlikely.iter().map(|byte| format!("{byte:02x}")).collect();
    let form = Form::new(&name, progress.watch(file), bytes, &unlikely);
    client.upload(path, form, idempotency_key).map_err(|error| match &error {
        ClientError::Unreachable(_) => Ended::from(error)
            .and("If that was while the file was sent, `muster jobs` shows whether it arrived."),
        _ => error.into(),
    })
}

/// A file that is about to be sent.
struct Opened {
    name: String,
    /// Its length, where it has one.
    bytes: Option<u64>,
    file: Box<dyn Read>,
}

fn open(path: &Path) -> Result<Opened, Ended> {
    if path == Path::new("-") {
        let file = Box::new(std::io::stdin());
        return Ok(Opened { name: "standard input".to_owned(), bytes: None, file });
    }
    let failed =
        |error: std::io::Error| Ended::new(FAILED, format!("{} cannot be read: {error}.", path.display()));
    let file = File::open(path).map_err(failed)?;
    let about = file.metadata().map_err(failed)?;
    if about.is_dir() {
        return Err(Ended::new(USAGE, format!("{} is a directory; name a file.", path.display())));
    }
    let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    Ok(Opened { name, bytes: about.is_file().then_some(about.len()), file: Box::new(file) })
}

/// Nobody answered for so long that waiting ends.
pub(super) fn lost(job: &Job, error: ClientError) -> Ended {
    let sentence = format!("The job goes on; ask for it with `muster jobs {}`.", job.id());
    match Ended::from(error) {
        ended if ended.code() == std::process::ExitCode::from(UNREACHABLE) => ended.and(&sentence),
        ended => ended,
    }
}
