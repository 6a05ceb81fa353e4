//! `muster jobs`: what became of the files that were sent to a running server.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::client::Client;

use super::job::{self, Job};
use super::progress::{Progress, bytes};
use super::remote::{Ended, FAILED, Outcome, Server};
use super::{Output, show};

/// List jobs, show one, save its rejected rows, wait for it, or cancel it.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct JobsCommand {
    #[command(subcommand)]
    act: Option<JobsAct>,
    /// The job to show [default: all of them].
    id: Option<String>,
    /// Save its rejected rows, to be mended and sent again; `-` writes them to standard output.
    #[arg(long, value_name = "FILE", requires = "id", conflicts_with_all = ["wait", "json"])]
    rejects: Option<PathBuf>,
    /// Follow it to its end; the exit code then says how it ended.
    #[arg(long, requires = "id")]
    wait: bool,
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Subcommand)]
enum JobsAct {
    /// End a job; what it has stored stays stored.
    Cancel(Cancel),
}

#[derive(Debug, Args)]
struct Cancel {
    /// The job.
    id: String,
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    output: Output,
}

impl JobsCommand {
    /// Does so.
    pub fn run(self) -> Outcome {
        let JobsCommand { act, id, rejects, wait, server, output } = self;
        if let Some(JobsAct::Cancel(Cancel { id, server, output })) = act {
            let job: Job = server.client()?.delete(&Job::path(&id))?;
            job::show(&job, output)?;
            return Ok(ExitCode::SUCCESS);
        }
        let client = server.client()?;
        let Some(id) = id else {
            let jobs: Vec<Job> = client.get("/v1/background_jobs")?;
            return show(output, &jobs, || job::table(&jobs)).map_err(|error| Ended::new(FAILED, error));
        };
        if let Some(file) = rejects {
            return save(&client, &id, &file);
        }
        let found: Job = client.get(&Job::path(&id))?;
        let found = if wait { job::follow(&client, found, &mut Progress::new())? } else { found };
        job::show(&found, output)?;
        Ok(if wait { found.outcome() } else { ExitCode::SUCCESS })
    }
}

fn save(client: &Client, id: &str, file: &Path) -> Outcome {
    let path = format!("{}/rejects", Job::path(id));
    if file == Path::new("-") {
        client.download(&path, &mut std::io::stdout().lock())?;
        return Ok(ExitCode::SUCCESS);
    }
    // Asked for first, so that nothing is made for a job that is not there.
    let _: Job = client.get(&Job::path(id))?;
    let made = File::create(file);
    let mut made =
        made.map_err(|error| Ended::new(FAILED, format!("{} cannot be written: {error}.", file.display())))?;
    let length = client.download(&path, &mut made)?;
    let line = format!("Saved {} of rejected rows to {}.\n", bytes(length), file.display());
    let _ = std::io::stdout().write_all(line.as_bytes());
    Ok(ExitCode::SUCCESS)
}
