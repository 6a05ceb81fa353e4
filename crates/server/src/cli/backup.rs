//! `muster backup`, `muster restore`, `muster rebuild`: a copy of the data directory made while a server runs on it, a data
//! directory made of such a copy, and what is derived made anew.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::backups::{BackupStatus, Made};
use crate::config::Config;
use crate::wiring::{self, Restored};

use super::progress::{Progress, bytes, count};
use super::{Output, show};
use crate::admin::to_the_second;

/// Asks the running server when there is one, and copies the directory itself otherwise.
#[derive(Debug, Args)]
pub struct Backup {
    /// A directory that is empty or not there yet, or a file that is not there yet and whose name ends in `.tar`, on
    /// the server's machine; or such a file of a bucket, as s3://BUCKET/PATH/NAME.tar.
    into: PathBuf,
    #[command(flatten)]
    output: Output,
}

/// The data directory must be empty or not there yet.
#[derive(Debug, Args)]
pub struct Restore {
    /// The directory or the file that `muster backup` wrote, also one of a bucket.
    backup: PathBuf,
    /// The data directory that the backup was made of, or a later one of the same environments: what was erased there
    /// since is erased here as well. May be given more than once.
    #[arg(long, value_name = "DIR")]
    erased_in: Vec<PathBuf>,
    #[command(flatten)]
    output: Output,
}

impl Backup {
    /// Does so.
    ///
    /// # Errors
    /// A sentence with the remedy.
    pub fn run(self, config: &Config) -> Result<ExitCode, String> {
        let Backup { into, output } = self;
        let into = match into.to_str().is_some_and(|text| text.starts_with("s3://")) {
            true => into,
            false => std::path::absolute(&into).map_err(|error| format!("{}: {error}.", into.display()))?,
        };
        let mut progress = Progress::new();
        progress.line(&format!("Copying into {}.", into.display()));
        let made =
            wiring::back_up(config, &into, &mut |copied| progress.works("Copying", "bytes", copied, 0));
        progress.end();
        let made = made?;
        let status = BackupStatus { into, bytes: made.bytes, made: Some(made.clone()), failure: None };
        show(output, &status, || told(&status, &made))
    }
}

impl Restore {
    /// Does so.
    ///
    /// # Errors
    /// A sentence with the remedy.
    pub fn run(self, config: &Config) -> Result<ExitCode, String> {
        let Restore { backup, erased_in, output } = self;
        let mut progress = Progress::new();
        progress.line("Copying the files, then making the profiles from the log.");
        let restored = wiring::restore(config, &backup, &erased_in);
        progress.end();
        let restored = restored?;
        show(output, &restored, || restored_words(&restored, erased_in.is_empty()))
    }
}

fn told(status: &BackupStatus, made: &Made) -> String {
    let mut out = format!(
        "{}: {} in {} files, begun at {}.\n",
        status.into.display(),
        bytes(made.bytes),
        count(made.files),
        to_the_second(made.made_at)
    );
    for of in &made.environments {
        let _ = writeln!(out, "{}: everything up to position {}.", of.name, of.position);
    }
    out
}

fn restored_words(restored: &Restored, knows_no_erasures: bool) -> String {
    let mut out = format!(
        "Restored the backup of {}: {} in {} files.\n",
        to_the_second(restored.made.made_at),
        bytes(restored.made.bytes),
        count(restored.made.files)
    );
    for erased in &restored.erased {
        let _ = writeln!(
            out,
            "{}: erasure {} was done again; the backup knew {} of its ids.",
            erased.environment,
            erased.id,
            count(erased.ids)
        );
    }
    if knows_no_erasures {
        out.push_str(
            "What was erased since the backup is here again. Where the directory that it was made of is still there, \
             restore once more with --erased-in DIR; else have those ids erased again.\n",
        );
    }
    out.push_str(
        "Positions given since the backup are refused from now on. `muster verify` checks all of it.\n",
    );
    out
}
