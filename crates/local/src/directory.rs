//! The data directory: who may open it, and what of it this program can read.
//!
//! Layout (docs/FORMAT.md, "Directory"): `FORMAT`, `muster.lock`, `catalog.json`, `control.sock`,
//! `environments/{number}/{log,profiles}`.

use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::log::recover::RecoverError;

/// Version of the directory's layout. The one before knows nothing of bases: it is raised before the first one is made.
pub const DIRECTORY_FORMAT: u32 = 2;
/// The oldest version that is read.
const DIRECTORY_FORMAT_LEAST: u32 = 1;
const FORMAT_FILE: &str = "FORMAT";
const FORMAT_FRESH: &str = "FORMAT.new";
const LOCK_FILE: &str = "muster.lock";
/// Files that may be there before the first start has ended: settings beside the data, what a file system puts into its
/// root, and what a first start that was cut short left behind.
const TOLERATED: [&str; 5] = ["muster.toml", "lost+found", LOCK_FILE, "control.sock", FORMAT_FRESH];

/// Why a data directory cannot be opened. Each text is for the operator and ends with the remedy.
#[derive(Debug)]
pub enum OpenError {
    /// Another process has it.
    Locked(PathBuf),
    /// Written by a newer program.
    Newer(PathBuf, String),
    /// Holds something that is not Muster's.
    Foreign(PathBuf),
    /// Holds data already.
    Used(PathBuf),
    /// Reading or writing failed.
    Io(PathBuf, io::Error),
    /// The catalog cannot be read.
    Catalog(PathBuf, String),
    /// An environment that was used before has no log where it should be.
    Missing(PathBuf, String),
    /// A log cannot be used.
    Log(RecoverError),
    /// A profile store cannot be used.
    Store(PathBuf, String),
    /// A base cannot be used.
    Base(PathBuf, String),
    /// History cannot be used.
    History(PathBuf, String),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::Locked(path) => write!(
                f,
                "{} is in use by another muster process: stop that one first, or choose another data directory",
                path.display()
            ),
            OpenError::Newer(path, format) => write!(
                f,
                "{} was written by a newer muster (format {format:?}, this program reads {DIRECTORY_FORMAT}): use that \
                 version or a later one",
                path.display()
            ),
            OpenError::Foreign(path) => write!(
                f,
                "{} is not empty and is not a muster data directory: choose an empty or a new directory",
                path.display()
            ),
            OpenError::Used(path) => {
                write!(f, "{} holds data already: restore into an empty or a new directory", path.display())
            }
            OpenError::Io(path, error) => write!(f, "{}: {error}", path.display()),
            OpenError::Catalog(path, what) => {
                write!(f, "{}: {what}. Restore the file from a backup", path.display())
            }
            OpenError::Missing(path, name) => write!(
                f,
                "{}: the environment {name} was used before, but its log is not here. Is its disk mounted?",
                path.display()
            ),
            OpenError::Log(error) => error.fmt(f),
            OpenError::Base(path, what) => write!(
                f,
                "{}: {what}. It stands for events that were dropped, so it cannot be made anew: restore it from a backup",
                path.display()
            ),
            OpenError::History(path, what) => write!(
                f,
                "{}: {what}. Restore the directory from a backup; as long as the log holds every event, it may be \
                 removed instead, and is made anew from the log",
                path.display()
            ),
            OpenError::Store(path, what) => write!(
                f,
                "{}: {what}. The directory holds only what can be made anew: remove it, and the next start rebuilds it \
                 from the log",
                path.display()
            ),
        }
    }
}

impl std::error::Error for OpenError {}

impl From<RecoverError> for OpenError {
    fn from(error: RecoverError) -> Self {
        OpenError::Log(error)
    }
}

/// An opened and locked data directory. Dropping it gives the lock back.
pub struct Directory {
    root: PathBuf,
    _lock: File,
}

impl Directory {
    /// Opens a directory; makes it when it is absent or empty.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(root: &Path) -> Result<Self, OpenError> {
        std::fs::create_dir_all(root).map_err(|error| OpenError::Io(root.into(), error))?;
        let lock = lock(root)?;
        let directory = Directory { root: root.into(), _lock: lock };
        if !directory.check_format()? {
            directory.begin()?;
        }
        Ok(directory)
    }

    /// Opens a directory for a restore: it must be absent or empty, and is a data directory only after
    /// [`Directory::begin`].
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open_empty(root: &Path) -> Result<Self, OpenError> {
        crate::backup::make_directory(root).map_err(|error| OpenError::Io(root.into(), error))?;
        let directory = Directory { root: root.into(), _lock: lock(root)? };
        if directory.check_format()? { Err(OpenError::Used(root.into())) } else { Ok(directory) }
    }

    /// Opens a directory that must exist already.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open_existing(root: &Path) -> Result<Self, OpenError> {
        let missing = || io::Error::new(io::ErrorKind::NotFound, "this is not a muster data directory");
        if !root.join(FORMAT_FILE).exists() {
            return Err(OpenError::Io(root.into(), missing()));
        }
        let directory = Directory { root: root.into(), _lock: lock(root)? };
        directory.check_format()?;
        Ok(directory)
    }

    /// The directory itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where an environment's data is by default.
    pub fn environment(&self, number: u32) -> PathBuf {
        self.root.join("environments").join(number.to_string())
    }

    /// Whether there is a format that this program reads; false for an empty directory.
    fn check_format(&self) -> Result<bool, OpenError> {
        let path = self.root.join(FORMAT_FILE);
        match std::fs::read_to_string(&path) {
            Ok(text) if format_in(&text).is_some_and(|format| READ.contains(&format)) => Ok(true),
            Ok(text) if text.starts_with("muster ") => {
                Err(OpenError::Newer(self.root.clone(), text.trim().to_owned()))
            }
            Ok(_) => Err(OpenError::Foreign(self.root.clone())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if self.is_empty()? {
                    Ok(false)
                } else {
                    Err(OpenError::Foreign(self.root.clone()))
                }
            }
            Err(error) => Err(OpenError::Io(path, error)),
        }
    }

    fn is_empty(&self) -> Result<bool, OpenError> {
        let entries =
            std::fs::read_dir(&self.root).map_err(|error| OpenError::Io(self.root.clone(), error))?;
        for entry in entries {
            let entry = entry.map_err(|error| OpenError::Io(self.root.clone(), error))?;
            if !TOLERATED.iter().any(|name| entry.file_name() == *name) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Keeps programs away that know nothing of bases, durably.
    ///
    /// # Errors
    /// When that may not be durable.
    pub fn raise(&self) -> Result<(), OpenError> {
        let path = self.root.join(FORMAT_FILE);
        let text = std::fs::read_to_string(&path).map_err(|error| OpenError::Io(path, error))?;
        if format_in(&text) == Some(DIRECTORY_FORMAT) { Ok(()) } else { self.begin() }
    }

    /// Makes it a data directory.
    ///
    /// # Errors
    /// When that may not be durable.
    pub fn begin(&self) -> Result<(), OpenError> {
        let path = self.root.join(FORMAT_FILE);
        let fresh = self.root.join(FORMAT_FRESH);
        let made = (|| {
            let mut file = File::create(&fresh)?;
            file.write_all(format!("muster {DIRECTORY_FORMAT}\n").as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&fresh, &path)?;
            File::open(&self.root)?.sync_all()
        })();
        made.map_err(|error| OpenError::Io(path, error))
    }
}

/// The formats that this program reads.
const READ: std::ops::RangeInclusive<u32> = DIRECTORY_FORMAT_LEAST..=DIRECTORY_FORMAT;

fn format_in(text: &str) -> Option<u32> {
    text.trim().strip_prefix("muster ")?.parse().ok()
}

fn lock(root: &Path) -> Result<File, OpenError> {
    let path = root.join(LOCK_FILE);
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|error| OpenError::Io(path.clone(), error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked(root.into())),
        Err(TryLockError::Error(error)) => Err(OpenError::Io(path, error)),
    }
}
