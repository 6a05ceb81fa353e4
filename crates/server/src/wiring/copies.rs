//! Backups, restores and rebuilds: what commands and the control socket ask of the engine as a whole.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use muster_local::{BackedUp, BackupManifest, BackupProgress, Engine, Reapplied};
use serde::Serialize;

use super::{Verified, base_of, is_unused, office, open_engine, random, refusal, verify};
use crate::admin::{self, Actor};
use crate::backups::{BackupRequest, BackupStatus, Backups, Made, MadeOf, Work};
use crate::config::{Config, LogFormat, LogLevel, LogSettings};
use crate::{control, logging};

/// How often a backup under way is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Copies everything that is primary: the running server does when there is one, else this process. `told` hears of the
/// bytes copied.
///
/// # Errors
/// A sentence with the remedy.
pub fn back_up(config: &Config, into: &Path, told: &mut dyn FnMut(u64)) -> Result<Made, String> {
    let begin = BackupRequest::Begin { into: into.to_owned() };
    let Some(begun) = control::ask::<BackupStatus>(&config.data, &begin)? else {
        return back_up_alone(config, into);
    };
    let mut status = begun.map_err(|error| error.to_string())?;
    let (_held, never) = sync_channel::<()>(0);
    while status.is_under_way() {
        told(status.bytes);
        let _ = never.recv_timeout(LOOK_EVERY);
        let asked = control::ask::<BackupStatus>(&config.data, &BackupRequest::Status)?;
        let asked = asked.ok_or("The server was stopped before the backup was complete; back up again.")?;
        status = asked.map_err(|error| error.to_string())?;
    }
    status.made.ok_or_else(|| format!("{}.", status.failure.unwrap_or_default()))
}

fn back_up_alone(config: &Config, into: &Path) -> Result<Made, String> {
    let engine = open_alone(config)?;
    let made = engine.back_up(into, &BackupProgress::default()).map(|manifest| made_of(&manifest));
    let noted = made.as_ref().ok().map(|made| {
        let (random, base) = (random(), base_of(config, &config.settings.listen.address));
        note_backup(&engine, random.as_ref(), &base, into, made)
    });
    engine.close();
    noted.transpose()?;
    made.map_err(|error| format!("{error}."))
}

fn note_backup(
    engine: &Engine,
    random: admin::Random<'_>,
    base: &str,
    into: &Path,
    made: &Made,
) -> Result<(), String> {
    let into = into.display().to_string();
    let noted = admin::note_backup(office(engine, random, base), &Actor::CommandLine, &into, made);
    noted.map_err(|error| format!("The backup in {into} is complete, but could not be noted: {error}"))
}

fn made_of(manifest: &BackupManifest) -> Made {
    let of = |of: &BackedUp| MadeOf { id: of.id, name: of.name.clone(), position: of.position.0 };
    Made {
        made_at: manifest.made_at,
        files: manifest.files.len() as u64,
        bytes: manifest.bytes(),
        environments: manifest.environments.iter().map(of).collect(),
    }
}

/// What a restore made.
#[derive(Clone, Debug, Serialize)]
pub struct Restored {
    /// The backup.
    pub made: Made,
    /// What was erased in it since, and is erased again.
    pub erased: Vec<ErasedAgain>,
}

/// An erasure that a backup did not know of.
#[derive(Clone, Debug, Serialize)]
pub struct ErasedAgain {
    /// The name of its environment.
    pub environment: String,
    /// Its id.
    pub id: String,
    /// How many of its ids the backup knew.
    pub ids: u64,
}

/// Makes the data directory from a backup, erases anew what was erased in other directories since, and makes the profiles.
///
/// # Errors
/// A sentence with the remedy.
pub fn restore(config: &Config, backup: &Path, erased_in: &[PathBuf]) -> Result<Restored, String> {
    let manifest =
        muster_local::restore(backup, &config.data, &random()).map_err(|error| format!("{error}."))?;
    let engine = open_alone(config)?;
    let mut erased = Vec::new();
    let done = erased_in.iter().try_for_each(|other| {
        let again = engine.erase_as_in(other).map_err(|error| format!("{error}."))?;
        erased.extend(again.into_iter().map(|Reapplied { environment, id, ids }| ErasedAgain {
            environment,
            id,
            ids: ids as u64,
        }));
        Ok::<(), String>(())
    });
    engine.close();
    done?;
    Ok(Restored { made: made_of(&manifest), erased })
}

/// Drops what can be made anew from the log, and makes it.
///
/// # Errors
/// A sentence with the remedy.
pub fn rebuild(config: &Config) -> Result<Verified, String> {
    muster_local::forget_derived(&config.data).map_err(|error| refusal(&config.data, &error))?;
    open_alone(config)?.close();
    verify(&config.data)
}

/// Opens the engine for a command that has the directory to itself.
fn open_alone(config: &Config) -> Result<Arc<Engine>, String> {
    let shown = config.data.display();
    if is_unused(&config.data) {
        return Err(format!("{shown} holds no data: name the data directory with --data."));
    }
    logging::start(LogSettings { format: LogFormat::Text, level: LogLevel::Warn });
    open_engine(config, false).map_err(|error| refusal(&config.data, &error))
}

/// Backups of a running server; each is noted once it is complete.
pub(super) fn backups(engine: &Arc<Engine>, base: &str) -> Backups {
    let (engine, base) = (engine.clone(), base.to_owned());
    Backups::new(move |into: PathBuf| {
        let progress = Arc::new(BackupProgress::default());
        let (copied, stopped) = (progress.clone(), progress.clone());
        let (engine, base) = (engine.clone(), base.clone());
        let make = move || {
            muster_local::yield_to_others();
            let made = made_of(&engine.back_up(&into, &progress)?);
            note_backup(&engine, random().as_ref(), &base, &into, &made)?;
            Ok(made)
        };
        Work {
            make: Box::new(make),
            bytes: Arc::new(move || copied.bytes()),
            stop: Arc::new(move || stopped.stop()),
        }
    })
}
