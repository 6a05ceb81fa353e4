//! Backups by a running server: one at a time, on a thread of its own, begun and looked at over the control socket.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use muster_kernel::model::id::EnvironmentId;
use muster_kernel::model::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::admin::{AdminError, time_text};

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "backup", rename_all = "snake_case")]
pub enum BackupRequest {
    /// Begin one.
    Begin {
        /// The directory for it: absent or empty, on the server's machine.
        into: PathBuf,
    },
    /// Say how the last one that this process began stands.
    Status,
}

/// How a backup stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupStatus {
    /// Its directory.
    pub into: PathBuf,
    /// Bytes copied by now.
    pub bytes: u64,
    /// What was made, once it is complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<Made>,
    /// Why it came to nothing, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// A backup that is complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// When it was begun.
    #[serde(with = "time_text")]
    pub made_at: Timestamp,
    /// Its files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Its environments, with the last position of each.
    pub environments: Vec<MadeOf>,
}

/// An environment in a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadeOf {
    /// Its number.
    pub id: EnvironmentId,
    /// Its name.
    pub name: String,
    /// The last position in it.
    pub position: u64,
}

/// A backup that is ready to be made.
pub struct Work {
    /// Makes it.
    pub make: Box<dyn FnOnce() -> Result<Made, String> + Send>,
    /// Answers the bytes copied by now.
    pub bytes: Arc<dyn Fn() -> u64 + Send + Sync>,
    /// Ends it soon.
    pub stop: Arc<dyn Fn() + Send + Sync>,
}

/// The backups of one process.
pub struct Backups {
    prepare: Box<dyn Fn(PathBuf) -> Work + Send + Sync>,
    last: Mutex<Option<Begun>>,
}

struct Begun {
    into: PathBuf,
    bytes: Arc<dyn Fn() -> u64 + Send + Sync>,
    stop: Arc<dyn Fn() + Send + Sync>,
    outcome: Arc<Mutex<Option<Result<Made, String>>>>,
    thread: Option<JoinHandle<()>>,
}

impl Backups {
    /// Makes them by `prepare`.
    pub fn new(prepare: impl Fn(PathBuf) -> Work + Send + Sync + 'static) -> Backups {
        Backups { prepare: Box::new(prepare), last: Mutex::default() }
    }

    /// Answers a request.
    ///
    /// # Errors
    /// When another backup is under way, or there was none to tell of.
    pub fn answer(&self, request: BackupRequest) -> Result<BackupStatus, AdminError> {
        match request {
            BackupRequest::Begin { into } => self.begin(into),
            BackupRequest::Status => {
                let missing = || AdminError::failed("This server has begun no backup since it was started.");
                self.lock().as_ref().map(Begun::status).ok_or_else(missing)
            }
        }
    }

    /// Ends what is under way.
    pub fn stop(&self) {
        let begun = self.lock().take();
        if let Some(Begun { stop, thread: Some(thread), .. }) = begun {
            stop();
            // What it failed with was said in the log.
            let _ = thread.join();
        }
    }

    fn begin(&self, into: PathBuf) -> Result<BackupStatus, AdminError> {
        let mut last = self.lock();
        if let Some(status) = last.as_ref().map(Begun::status).filter(BackupStatus::is_under_way) {
            let message =
                format!("A backup into {} is under way; try again when it has ended.", status.into.display());
            return Err(AdminError::failed(message));
        }
        let Work { make, bytes, stop } = (self.prepare)(into.clone());
        let outcome = Arc::new(Mutex::new(None));
        let told = Arc::clone(&outcome);
        let work = move || {
            let made = make();
            if let Err(why) = &made {
                tracing::error!(why, "a backup came to nothing");
            }
            *told.lock().unwrap_or_else(PoisonError::into_inner) = Some(made);
        };
        let thread = std::thread::Builder::new().name("backup".to_owned()).spawn(work);
        let thread =
            thread.map_err(|error| AdminError::failed(format!("No thread can be started: {error}.")))?;
        let begun = Begun { into, bytes, stop, outcome, thread: Some(thread) };
        Ok(last.insert(begun).status())
    }

    fn lock(&self) -> MutexGuard<'_, Option<Begun>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Begun {
    fn status(&self) -> BackupStatus {
        let outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (into, bytes) = (self.into.clone(), (self.bytes)());
        match outcome {
            None => BackupStatus { into, bytes, made: None, failure: None },
            Some(Ok(made)) => BackupStatus { into, bytes, made: Some(made), failure: None },
            Some(Err(why)) => BackupStatus { into, bytes, made: None, failure: Some(why) },
        }
    }
}

impl BackupStatus {
    /// Whether it has not ended.
    pub fn is_under_way(&self) -> bool {
        self.made.is_none() && self.failure.is_none()
    }
}
