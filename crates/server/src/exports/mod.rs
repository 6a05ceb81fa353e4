//! Exports at work, off the threads that answer: rows of the log and of profiles, in files for whoever asked.
//!
//! [`Exporter`] is what the HTTP edge knows: it takes exports, shows them, signs the links to their files and reads those.
//! Each export that runs has a thread of its own at background priority (`work`). Everything that must survive is in the
//! engine (`kernel::ports::Exports`) before anybody is told of it. It never answers HTTP, never names an engine, and holds
//! nothing that grows with an export but the hashes of a segment's members.

mod control;
mod links;
mod members;
mod parts;
mod rows;
mod settings;
mod work;

use std::sync::{Arc, Mutex, PoisonError};

use muster_kernel::model::export::{Export, ExportFilter, ExportKind, FileFormat};
use muster_kernel::model::id::{EnvironmentId, ExportNumber, KeyId};
use muster_kernel::model::job::JobStatus;
use muster_kernel::model::time::Timestamp;
use muster_kernel::ports::{Catalog, Clock, EventLog, Exports, Lists, Profiles, Segments, StoreError};

pub use control::Reach;
pub use links::{Bad, Link};
pub use rows::{COMPANIES, EVENTS, Rows, USERS};
pub use settings::ExportSettings;

use control::Control;

use crate::formats;
use crate::http::Random;
use crate::jobs::draw_uuid;
use crate::turns::Turns;

/// Bytes of a secret.
const SECRET_BYTES: usize = 32;

/// What exports work with.
#[derive(Clone)]
pub struct Parts {
    /// Where events are read in order.
    pub log: Arc<dyn EventLog>,
    /// Users and companies.
    pub profiles: Arc<dyn Profiles>,
    /// Who belongs to a segment.
    pub segments: Arc<dyn Segments>,
    /// The ids of static segments.
    pub lists: Arc<dyn Lists>,
    /// States and files.
    pub exports: Arc<dyn Exports>,
    /// Environments and segments.
    pub catalog: Arc<dyn Catalog>,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// The source of ids and secrets.
    pub random: Random,
    /// Lowers the priority of the thread that calls it.
    pub yield_to_others: fn(),
}

/// Why an export is not taken, or not changed.
#[derive(Debug)]
pub enum ExportError {
    /// Another one of the environment is under way.
    Running,
    /// No such export.
    Unknown,
    /// It has ended.
    Ended,
    /// The engine did not do it.
    Store(StoreError),
}

impl From<StoreError> for ExportError {
    fn from(error: StoreError) -> Self {
        ExportError::Store(error)
    }
}

/// What is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// What the rows are.
    pub kind: ExportKind,
    /// How they are written.
    pub format: FileFormat,
    /// Which of them.
    pub filter: ExportFilter,
}

/// An export as it stands now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// What is saved of it.
    pub export: Export,
    /// How far it is.
    pub reach: Reach,
}

/// The exports of a server.
pub struct Exporter(Arc<Inner>);

struct Inner {
    parts: Parts,
    settings: ExportSettings,
    /// Held while an export is taken: of two that come at once one is the first.
    taking: Mutex<()>,
    turns: Turns<Name, Control>,
}

type Name = (EnvironmentId, ExportNumber);

impl Exporter {
    /// An exporter that has not begun.
    pub fn new(parts: Parts, settings: ExportSettings) -> Exporter {
        let turns = Turns::new(settings.running_max);
        Exporter(Arc::new(Inner { parts, settings, taking: Mutex::default(), turns }))
    }

    /// Begins every export anew that has not ended. Called once.
    ///
    /// # Errors
    /// When the exports cannot be read.
    pub fn go_on(&self) -> Result<(), StoreError> {
        for environment in &self.0.parts.catalog.state().environments {
            let exports = self.0.parts.exports.exports(environment.id)?;
            for export in exports.into_iter().rev().filter(|export| !export.status.is_ended()) {
                self.0.enqueue(environment.id, export);
            }
        }
        Ok(())
    }

    /// Lets every export come to a halt and waits for it. They begin anew at the next start.
    pub fn stop(&self) {
        if !self.0.turns.stop(|control| control.inquiry.stop()) {
            tracing::error!("an export's thread had failed before it was stopped");
        }
    }

    /// The operator's choices.
    pub fn settings(&self) -> &ExportSettings {
        &self.0.settings
    }

    /// Takes an export: durable when it returns, of everything that is visible now. Syncs the disk.
    ///
    /// # Errors
    /// When another one is under way, or it may not be durable.
    pub fn begin(
        &self,
        environment: EnvironmentId,
        asked: Asked,
        key: Option<KeyId>,
    ) -> Result<Export, ExportError> {
        let parts = &self.0.parts;
        let mut secret = [0; SECRET_BYTES];
        (parts.random)(&mut secret);
        let taking = self.0.taking.lock().unwrap_or_else(PoisonError::into_inner);
        let is_busy = || -> Result<bool, StoreError> {
            Ok(parts.exports.exports(environment)?.iter().any(|export| !export.status.is_ended()))
        };
        if self.0.settings.one_at_a_time && is_busy()? {
            return Err(ExportError::Running);
        }
        let position = parts.log.visible(environment)?;
        let export = Export {
            number: ExportNumber(0),
            id: draw_uuid(&parts.random),
            kind: asked.kind,
            format: asked.format,
            filter: asked.filter,
            status: JobStatus::Queued,
            key,
            asked_at: parts.clock.now(),
            started_at: None,
            ended_at: None,
            position,
            round: 0,
            hidden_until: position,
            parts: Vec::new(),
            secret: links::hexadecimal(&secret),
            is_cancelled: false,
            reason: None,
        };
        let export = parts.exports.begin_export(environment, export)?;
        drop(taking);
        self.0.enqueue(environment, export.clone());
        Ok(export)
    }

    /// Every export of an environment as it stands now, the newest first; not those that ended too long ago.
    ///
    /// # Errors
    /// When the exports cannot be read.
    pub fn exports(&self, environment: EnvironmentId) -> Result<Vec<Shown>, StoreError> {
        let mut exports = self.0.parts.exports.exports(environment)?;
        exports.retain(|export| !self.0.is_old(export));
        Ok(exports.into_iter().map(|export| self.0.shown(environment, export)).collect())
    }

    /// One export as it stands now.
    ///
    /// # Errors
    /// When there is none, or the exports cannot be read.
    pub fn export(&self, environment: EnvironmentId, id: &str) -> Result<Shown, ExportError> {
        let exports = self.0.parts.exports.exports(environment)?;
        let known = exports.into_iter().find(|export| export.id == id && !self.0.is_old(export));
        Ok(self.0.shown(environment, known.ok_or(ExportError::Unknown)?))
    }

    /// Asks for the end of an export; durable when it returns.
    ///
    /// # Errors
    /// When there is none, it has ended, or the request may not be durable.
    pub fn cancel(&self, environment: EnvironmentId, id: &str) -> Result<Shown, ExportError> {
        let shown = self.export(environment, id)?;
        let control = self.0.turns.live((environment, shown.export.number));
        let control =
            control.filter(|control| !control.saved().status.is_ended()).ok_or(ExportError::Ended)?;
        control.change(&*self.0.parts.exports, environment, |export| export.is_cancelled = true)?;
        control.inquiry.stop();
        Ok(self.0.shown(environment, control.saved()))
    }

    /// Until when a link that is made now is good.
    pub fn link_ends(&self, export: &Export) -> Timestamp {
        let until = self.0.parts.clock.now().plus(self.0.settings.link());
        let gone = export.ended_at.map(|end| end.plus(self.0.settings.keep()));
        gone.map_or(until, |gone| until.min(gone))
    }

    /// Fills as much of `buffer` as a file has at `offset`; answers how much.
    ///
    /// # Errors
    /// When there is no such file any more, or reading fails.
    pub fn read(
        &self,
        environment: EnvironmentId,
        export: &Export,
        part: usize,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<usize, StoreError> {
        self.0.parts.exports.read_part(environment, export, part, offset, buffer)
    }

    /// Removes every export that ended too long ago, with its files. Called now and then; until then such an export is only
    /// not shown.
    ///
    /// # Errors
    /// When an export cannot be read or removed; the others wait for the next call.
    pub fn remove_old(&self) -> Result<(), StoreError> {
        for environment in &self.0.parts.catalog.state().environments {
            for export in self.0.parts.exports.exports(environment.id)? {
                if self.0.is_old(&export) {
                    self.0.parts.exports.remove_export(environment.id, export.number)?;
                }
            }
        }
        Ok(())
    }
}

/// The name of a file of an export; parts are counted from 0.
pub fn file_name(export: &Export, part: usize) -> String {
    format!("{}-{:05}.{}", export.kind.as_str(), part + 1, formats::ending(export.format))
}

/// Which part of an export a name is of.
pub fn part_named(export: &Export, name: &str) -> Option<usize> {
    (0..export.parts.len()).find(|part| file_name(export, *part) == name)
}

impl Inner {
    fn is_stopping(&self) -> bool {
        self.turns.is_stopping()
    }

    /// Whether an export ended so long ago that nobody sees it any more.
    fn is_old(&self, export: &Export) -> bool {
        let kept_until = export.ended_at.map(|end| end.plus(self.settings.keep()));
        kept_until.is_some_and(|until| until <= self.parts.clock.now())
    }

    fn shown(&self, environment: EnvironmentId, export: Export) -> Shown {
        match self.turns.live((environment, export.number)) {
            Some(control) if control.saved().id == export.id => {
                Shown { export: control.saved(), reach: control.reach() }
            }
            _ => Shown { reach: Reach { rows: export.rows(), done: 0, all: 0 }, export },
        }
    }

    fn enqueue(self: &Arc<Self>, environment: EnvironmentId, export: Export) {
        let (name, inner) = ((environment, export.number), Arc::clone(self));
        let start = || {
            std::thread::Builder::new().name("muster-export".to_owned()).spawn(move || {
                (inner.parts.yield_to_others)();
                inner.work();
            })
        };
        if let Err(error) = self.turns.enter(name, Control::new(export), start) {
            tracing::error!(%error, "an export waits because a thread cannot be started");
        }
    }

    fn work(&self) {
        let run = |name: Name, control: &Control| {
            work::run(self, name.0, control);
            control.saved().status.is_ended()
        };
        self.turns.work(run, |name, _| {
            tracing::error!(export = name.1.0, "an export panicked; it begins anew at the next start");
        });
    }
}
