//! The command line: what each command takes, and how its outcome is shown.
//!
//! Exit codes: 0 it worked, 1 it did not, 2 the command was not understood; commands against a running server have two more
//! (`remote`). What was asked for goes to standard
//! output, as text for people or, with `--json`, for scripts; what went wrong goes to standard error as a sentence
//! with the remedy. Commands decide nothing: configuration, administration and wiring do.

mod backup;
mod bulk;
mod convert;
mod delete;
mod environments;
mod export;
mod import;
mod job;
mod jobs;
mod keys;
mod looks;
mod owner;
mod progress;
mod remote;
mod text;
mod values;

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use serde::Serialize;

use crate::admin::AdminRequest;
use crate::config::{Config, Flags, Shown, Variables};
use crate::{VERSION, wiring};

use remote::Ended;

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "muster",
    version,
    about = "A self-hosted server for the Userpilot HTTP API",
    subcommand_required = true
)]
#[command(arg_required_else_help = true, disable_help_subcommand = true)]
pub struct Cli {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    command: Command,
}

/// Where settings and data are; the same for every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Where settings and data are")]
struct Place {
    /// The data directory [default: MUSTER_DATA, else muster-data].
    #[arg(long, value_name = "DIR", global = true)]
    data: Option<PathBuf>,
    /// The settings file [default: MUSTER_CONFIG, else muster.toml in the data directory].
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// A setting, over file and environment; may be given more than once.
    #[arg(long = "set", value_name = "TOPIC.NAME=VALUE", global = true, value_parser = values::setting)]
    settings: Vec<(String, String)>,
}

/// How an answer is shown.
#[derive(Clone, Copy, Debug, Args)]
pub struct Output {
    /// Answer in JSON, for scripts.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the API until told to stop.
    Serve(Serve),
    /// Make, list and revoke API keys.
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Make, list and change environments.
    #[command(subcommand)]
    Environments(environments::EnvironmentsCommand),
    /// Let an owner in again who forgot the password.
    #[command(subcommand)]
    Owner(owner::OwnerCommand),
    /// Send a file of users or companies to a running server.
    #[command(subcommand)]
    Bulk(bulk::BulkCommand),
    /// Send files of history to a running server.
    Import(import::ImportCommand),
    /// Download events, users or companies of a running server as files.
    Export(export::ExportCommand),
    /// Turn another system's export into rows for `muster import`.
    Convert(convert::ConvertCommand),
    /// Follow, list and cancel the jobs of such files, and save their rejected rows.
    Jobs(jobs::JobsCommand),
    /// Erase users or companies on a running server, and wait for the proof.
    #[command(subcommand)]
    Delete(delete::DeleteCommand),
    /// Show an erasure and its certificate.
    Certificate(Certificate),
    /// Check the settings and show those in effect, without starting anything.
    CheckConfig(Output),
    /// Check every file of the data directory; no server may run on it.
    Verify(Output),
    /// Copy everything into a directory, also while a server runs.
    Backup(backup::Backup),
    /// Make the data directory from a backup.
    Restore(backup::Restore),
    /// Make the profiles anew from the log; no server may run on the directory.
    Rebuild(Output),
    /// Show the version.
    Version(Output),
}

/// Asks the running server when there is one, because it holds the directory, and opens the directory itself otherwise:
/// a certificate must be had also when the server is gone. The same way as all administration.
#[derive(Debug, Args)]
struct Certificate {
    /// The erasure's id, as the deletion was answered (`job_id`).
    id: String,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
struct Serve {
    /// Where to serve the API [default: MUSTER_LISTEN, else 127.0.0.1:6878].
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<String>,
    /// Where to serve /metrics instead of with the API.
    #[arg(long, value_name = "HOST:PORT")]
    metrics_listen: Option<String>,
    /// Start although the log is damaged: keep every whole record, and count what is lost.
    #[arg(long)]
    skip_damaged: bool,
}

/// Runs the command that `arguments` (the program's name first) spell.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        // Asking for help is no mistake; clap knows which is which.
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    match cli.run() {
        Ok(code) => code,
        Err(sentence) => {
            // Nobody is left to tell when this fails too.
            let _ = writeln!(std::io::stderr(), "muster: {sentence}");
            ExitCode::FAILURE
        }
    }
}

impl Cli {
    fn run(self) -> Result<ExitCode, String> {
        let Cli { place, command } = self;
        match command {
            Command::Serve(serve) => {
                let config = place.load(serve.settings())?;
                wiring::serve(&config, serve.skip_damaged).map(|()| ExitCode::SUCCESS)
            }
            Command::Keys(command) => {
                let (request, output) = command.into_request();
                administer(place, request, output)
            }
            Command::Environments(command) => {
                let (request, output) = command.into_request()?;
                administer(place, request, output)
            }
            Command::Owner(command) => {
                let (request, output) = command.into_request();
                administer(place, request, output)
            }
            Command::Bulk(command) => place.unneeded().and_then(|()| command.run()).or_else(told),
            Command::Import(command) => place.unneeded().and_then(|()| command.run()).or_else(told),
            Command::Export(command) => place.unneeded().and_then(|()| command.run()).or_else(told),
            Command::Convert(command) => place.unneeded().and_then(|()| command.run()).or_else(told),
            Command::Jobs(command) => place.unneeded().and_then(|()| command.run()).or_else(told),
            Command::Delete(command) => place.unneeded().and_then(|()| command.run()).or_else(told),
            Command::Certificate(Certificate { id, output }) => {
                administer(place, AdminRequest::Certificate { id }, output)
            }
            Command::CheckConfig(output) => {
                let config = place.load(Vec::new())?;
                show(output, &ConfigReport::of(&config), || text::config(&config))
            }
            Command::Verify(output) => verify(&place.load(Vec::new())?, output),
            Command::Backup(command) => command.run(&place.load(Vec::new())?),
            Command::Restore(command) => command.run(&place.load(Vec::new())?),
            Command::Rebuild(output) => {
                let done = wiring::rebuild(&place.load(Vec::new())?)?;
                show(output, &done, || format!("Made the profiles anew from the log.\n{}", done.summary))
            }
            Command::Version(output) => {
                show(output, &VersionReport { version: VERSION }, || format!("muster {VERSION}\n"))
            }
        }
    }
}

/// Says why a command against a running server ended, and with which exit code.
fn told(ended: Ended) -> Result<ExitCode, String> {
    // Nobody is left to tell when this fails.
    let _ = writeln!(std::io::stderr(), "muster: {ended}");
    Ok(ended.code())
}

impl Place {
    /// A command against a running server reads neither settings nor data: better said than ignored.
    fn unneeded(&self) -> Result<(), Ended> {
        if self.data.is_none() && self.config.is_none() && self.settings.is_empty() {
            return Ok(());
        }
        let sentence = "--data, --config and --set mean nothing to a command that speaks to a running server; name it with \
                        --url or MUSTER_URL.";
        Err(Ended::new(remote::USAGE, sentence))
    }

    fn load(self, of_command: Vec<(&'static str, String, String)>) -> Result<Config, String> {
        let mut settings: Vec<_> =
            self.settings.into_iter().map(|(key, value)| ("--set", key, value)).collect();
        settings.extend(of_command);
        let flags = Flags { data: self.data, file: self.config, settings };
        Config::load(&flags, &Variables::of_process()).map_err(|error| error.to_string())
    }
}

impl Serve {
    /// The flags that are settings by another name.
    fn settings(&self) -> Vec<(&'static str, String, String)> {
        let named = [
            ("--listen", "listen.address", &self.listen),
            ("--metrics-listen", "listen.metrics_address", &self.metrics_listen),
        ];
        let given =
            named.into_iter().filter_map(|(flag, key, value)| Some((flag, key.to_owned(), value.clone()?)));
        given.collect()
    }
}

fn administer(place: Place, request: AdminRequest, output: Output) -> Result<ExitCode, String> {
    let config = place.load(Vec::new())?;
    let answer = wiring::administer(&config, request)?;
    show(output, &answer, || text::answer(&answer))
}

fn verify(config: &Config, output: Output) -> Result<ExitCode, String> {
    let report = wiring::verify(&config.data)?;
    let words = || {
        let problems: String = report.problems.iter().map(|problem| format!("{problem}\n")).collect();
        let count = match report.problems.len() {
            0 => "Nothing is wrong.".to_owned(),
            1 => "There is 1 problem; docs/OPERATIONS.md says what to do.".to_owned(),
            count => format!("There are {count} problems; docs/OPERATIONS.md says what to do."),
        };
        format!("{problems}{}\n{count}\n", report.summary)
    };
    show(output, &report, words)?;
    Ok(if report.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Shows an answer on standard output. A reader who has seen enough (`| head`) is no failure.
fn show(output: Output, answer: &impl Serialize, words: impl FnOnce() -> String) -> Result<ExitCode, String> {
    let text = if output.json {
        serde_json::to_string_pretty(answer).map_err(|error| error.to_string())? + "\n"
    } else {
        words()
    };
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(format!("the answer cannot be written to standard output: {error}"))
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}

#[derive(Serialize)]
struct VersionReport {
    version: &'static str,
}

#[derive(Serialize)]
struct ConfigReport {
    data: PathBuf,
    file: Option<PathBuf>,
    bootstrap_api_key_is_set: bool,
    settings: Vec<SettingReport>,
}

#[derive(Serialize)]
struct SettingReport {
    setting: String,
    value: Option<toml::Value>,
    from: String,
}

impl ConfigReport {
    fn of(config: &Config) -> Self {
        let report =
            |Shown { key, value, origin }| SettingReport { setting: key, value, from: origin.to_string() };
        ConfigReport {
            data: config.data.clone(),
            file: config.file.clone(),
            bootstrap_api_key_is_set: config.bootstrap_api_key.is_some(),
            settings: config.shown().into_iter().map(report).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_tree_is_well_formed() {
        Cli::command().debug_assert();
    }
}
