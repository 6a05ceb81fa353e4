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
use crate::stores::{self, Destination, S3Settings};
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
    let made = copy(&engine, into, &config.settings.s3, &BackupProgress::default());
    let made = made.map(|manifest| made_of(&manifest));
    let noted = made.as_ref().ok().map(|made| {
        let (random, base) = (random(), base_of(config, &config.settings.listen.address));
        note_backup(&engine, random.as_ref(), &base, into, made)
    });
    engine.close();
    noted.transpose()?;
    made.map_err(|error| format!("{error}."))
}

/// Copies into a directory, a file or a bucket.
fn copy(
    engine: &Engine,
    into: &Path,
    s3: &S3Settings,
    progress: &BackupProgress,
) -> Result<BackupManifest, String> {
    let Some((destination, name)) = in_bucket(into)? else { return engine.back_up(into, progress) };
    let shown = into.display();
    let copied = || -> std::io::Result<BackupManifest> {
        let store = stores::open(&destination, s3)?;
        if store.read(&name)?.is_some() {
            return Err(std::io::Error::other("the file is there already"));
        }
        let mut file = store.begin(&name)?;
        let manifest = engine.back_up_to(&mut file, progress)?;
        file.finish()?;
        Ok(manifest)
    };
    copied().map_err(|error| {
        format!("{shown}: {error}. No backup was made; mend the cause or choose another name")
    })
}

/// The bucket and the file's name in it, where a backup is named by them: `s3://BUCKET/PATH/NAME.tar`.
///
/// # Errors
/// When it is one that cannot be.
fn in_bucket(backup: &Path) -> Result<Option<(Destination, String)>, String> {
    let Some(text) = backup.to_str().filter(|text| text.starts_with("s3://")) else { return Ok(None) };
    let wrong = || format!("{text} names no file of a bucket; give one as s3://BUCKET/PATH/NAME.tar");
    let (above, name) = text.rsplit_once('/').ok_or_else(wrong)?;
    if !name.ends_with(".tar") {
        return Err(wrong());
    }
    Ok(Some((Destination::parse(above).map_err(|_| wrong())?, name.to_owned())))
}

/// Makes a data directory of a directory, a file or one of a bucket.
fn copy_back(config: &Config, backup: &Path) -> Result<BackupManifest, String> {
    let Some((destination, name)) = in_bucket(backup)? else {
        return muster_local::restore(backup, &config.data, &random());
    };
    let shown = backup.display().to_string();
    let store = stores::open(&destination, &config.settings.s3);
    let store = store.map_err(|error| format!("{shown}: {error}"))?;
    let file = store.read(&name).map_err(|error| format!("{shown}: {error}"))?;
    let mut file = file.ok_or_else(|| format!("{shown} is not there; name a backup that is"))?;
    muster_local::restore_from(&mut file, &shown, &config.data, &random())
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
    let manifest = copy_back(config, backup).map_err(|error| format!("{error}."))?;
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
pub(super) fn backups(engine: &Arc<Engine>, base: &str, s3: &S3Settings) -> Backups {
    let (engine, base, s3) = (engine.clone(), base.to_owned(), s3.clone());
    Backups::new(move |into: PathBuf| {
        let progress = Arc::new(BackupProgress::default());
        let (copied, stopped) = (progress.clone(), progress.clone());
        let (engine, base, s3) = (engine.clone(), base.clone(), s3.clone());
        let make = move || {
            muster_local::yield_to_others();
            let made = made_of(&copy(&engine, &into, &s3, &progress)?);
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
