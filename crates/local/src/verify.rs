//! `muster verify`: says what is wrong with a data directory, changing nothing in it.
//!
//! Reads every act of the audit trail, every record of every log and every event of history, which must be the log's, and folds
//! the log anew, on what a base knows of events that were dropped, to compare each profile in the store with what it must be (law 7). The fold goes over the log once per part of the ids, so that memory stays bounded.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use muster_kernel::model::catalog::Environment;
use muster_kernel::model::event::Event;
use muster_kernel::model::id::Position;
use muster_kernel::model::profile::{Change, Profile};
use muster_kernel::model::time::Timestamp;
use muster_kernel::ports::{Catalog, ProfileKind, StoreError};

use crate::audit;
use crate::base::{Base, Bases};
use crate::catalog::CatalogFile;
use crate::directory::{Directory, OpenError};
use crate::disk::{Disk, RealDisk};
use crate::erasure::{self, Sieve};
use crate::history::verifying::Checked;
use crate::ledger::decode_note;
use crate::lists;
use crate::log::patch;
use crate::log::record::{Frame, FrameKind};
use crate::log::recover::{Request, recover};
use crate::log::writer::Identity;
use crate::profiles::store::{Home, Store};

/// Log bytes folded at a time: what comes out is smaller, what it costs is one more pass over the log for each.
const PART_BYTES: u64 = 512 << 20;
const CACHE_BYTES: u64 = 32 << 20;
/// Problems listed per environment; the rest is counted.
const PROBLEMS_LISTED_MAX: usize = 20;

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// Each a sentence that names the place; empty when all is well.
    pub problems: Vec<String>,
    /// What was looked at.
    pub summary: String,
}

/// Checks a data directory that no server is using.
///
/// # Errors
/// When the directory cannot be opened at all; what is wrong inside it is in the report.
pub fn verify(root: &Path) -> Result<VerifyReport, OpenError> {
    let directory = Directory::open_existing(root)?;
    let catalog_path = root.join("catalog.json");
    let catalog =
        CatalogFile::open(Arc::new(RealDisk), root).map_err(|what| OpenError::Catalog(catalog_path, what))?;
    let mut report = VerifyReport::default();
    let mut summaries = Vec::new();
    for environment in &catalog.state().environments {
        let own = environment.directory.as_ref().map(PathBuf::from);
        let path = own.unwrap_or_else(|| directory.environment(environment.id.0));
        let mut check =
            Check { path, environment, based: Position::START, problems: Vec::new(), unlisted: 0 };
        let mut summary = check.run();
        let saved = catalog.state().segments_of(environment.id).map(|segment| segment.id).collect();
        let (listed, damaged) = lists::check(&RealDisk, &check.path, &saved);
        damaged.into_iter().for_each(|what| check.problem(what));
        if listed > 0 {
            summary += &format!(", {listed} ids on lists");
        }
        if check.unlisted > 0 {
            check.problems.push(format!("and {} more of the same kind", check.unlisted));
        }
        let named = |text: &String| format!("environment {}: {text}", environment.name);
        report.problems.extend(check.problems.iter().map(named));
        summaries.push(named(&summary));
    }
    let (acts, missing) = audit::check(&RealDisk, root, audit::held_from(&catalog.state()))
        .map_err(|error| OpenError::Io(root.join(audit::FILE), error))?;
    report.problems.extend(missing);
    summaries.push(format!("audit trail: {acts} acts beside those in the catalog"));
    report.summary = summaries.join("\n");
    Ok(report)
}

struct Check<'a> {
    path: PathBuf,
    environment: &'a Environment,
    /// Up to where a base stands for the log.
    based: Position,
    problems: Vec<String>,
    unlisted: usize,
}

type Folded = HashMap<(ProfileKind, String), Profile>;

impl Check<'_> {
    fn problem(&mut self, text: String) {
        if self.problems.len() < PROBLEMS_LISTED_MAX {
            self.problems.push(text);
        } else {
            self.unlisted += 1;
        }
    }

    fn run(&mut self) -> String {
        let log = self.path.join("log");
        if !log.exists() {
            return "not used yet".to_owned();
        }
        if patch::is_pending(&RealDisk, &log) {
            self.problem(
                "a replacement of records was cut short: start the server once, it ends it".to_owned(),
            );
        }
        let base = match Bases::look(&RealDisk, &self.path, self.identity()) {
            Ok(base) => base,
            Err(what) => {
                self.problem(what);
                return "its base cannot be read".to_owned();
            }
        };
        self.based = base.as_ref().map_or(Position::START, Base::position);
        let mut history = self.open_history();
        let Some((events, last)) = self.check_log(&log, history.as_mut()) else {
            return "its log cannot be read to the end".to_owned();
        };
        let in_history = history.map_or(0, |mut history| {
            let events = history.compare();
            history.problems.into_iter().for_each(|what| self.problem(what));
            events
        });
        match self.check_profiles(&log, last, base.as_ref()) {
            Ok(profiles) => {
                let based = base.map_or(String::new(), |base| {
                    let (users, companies) =
                        (base.count(ProfileKind::User), base.count(ProfileKind::Company));
                    let position = base.position().0;
                    format!(", a base of {users} users and {companies} companies at position {position}")
                });
                format!(
                    "{events} events up to position {}, {profiles} profiles compared, {in_history} events in \
                     files of history{based}",
                    last.0
                )
            }
            Err(error) => {
                self.problem(format!("{}: {error}", self.path.join("profiles").display()));
                format!("{events} events up to position {}", last.0)
            }
        }
    }

    fn open_history(&mut self) -> Option<Checked> {
        let sieve = erasure::under_way(Arc::new(RealDisk), &self.path).map_err(|error| error.to_string());
        let opened = sieve
            .and_then(|sieve| Checked::open(&self.path.join("history"), self.identity(), sieve, self.based));
        opened.unwrap_or_else(|what| {
            self.problem(what);
            None
        })
    }

    fn identity(&self) -> Identity {
        Identity { environment: self.environment.id.0, incarnation: self.environment.written_as() }
    }

    /// Reads every record of the log, and shows its events to history; answers how many events there are and the last position.
    fn check_log(&mut self, log: &Path, mut history: Option<&mut Checked>) -> Option<(u64, Position)> {
        let mut events = 0u64;
        let mut unreadable = Vec::new();
        let walked = self.walk(log, &mut |frame| {
            let readable = match frame.kind {
                FrameKind::Event | FrameKind::Reduced => {
                    events += 1;
                    if let (Some(history), Some(event)) = (&mut history, frame.event()) {
                        history.logged(frame.position, frame.received_at.0, event);
                    }
                    frame.event().is_some_and(|event| Event::decode(event).is_ok())
                }
                FrameKind::LedgerNote => decode_note(frame.payload).is_some(),
                FrameKind::Erasure => frame.erasure().is_some(),
                FrameKind::Batch | FrameKind::Hole => true,
            };
            if !readable {
                unreadable.push(frame.position);
            }
        });
        for position in unreadable {
            self.problem(format!("the record at position {} is no event of this version", position.0));
        }
        match walked {
            Ok(last) => Some((events, last)),
            Err(text) => {
                self.problem(text);
                None
            }
        }
    }

    fn walk(&self, log: &Path, see: &mut dyn FnMut(&Frame<'_>)) -> Result<Position, String> {
        let request = Request {
            disk: &RealDisk,
            directory: log,
            identity: self.identity(),
            saved: self.based,
            skip_damaged: false,
            read_only: true,
        };
        recover(&request, see).map(|recovered| recovered.end.last).map_err(|error| error.to_string())
    }

    /// Compares every profile in the store with the fold of the log; answers how many there are.
    fn check_profiles(&mut self, log: &Path, last: Position, base: Option<&Base>) -> Result<u64, StoreError> {
        let home = Home {
            directory: self.path.clone(),
            disk: Arc::new(RealDisk),
            value_file_bytes: u32::MAX,
            read_only: true,
        };
        let store = Store::open(&home, CACHE_BYTES)?;
        let saved = store.saved()?;
        if saved > last {
            self.problem(format!(
                "profiles are saved up to position {}, the log ends at {}",
                saved.0, last.0
            ));
        }
        let sieve = erasure::known_to(Arc::new(RealDisk), &self.path, saved)
            .map_err(|error| StoreError::Failed(error.to_string()))?;
        let parts = 1 + (log_bytes(log) + base.map_or(0, Base::length)) / PART_BYTES;
        let mut compared = 0;
        for part in 0..parts {
            let mut folded = Folded::new();
            if let Some(base) = base {
                begin_with(&mut folded, base, &sieve, (part, parts))?;
            }
            let walked = self.walk(log, &mut |frame| {
                if frame.position <= saved {
                    let event = frame.event().and_then(|event| sieve.sift(frame.position, event));
                    if let Some(event) = event.as_deref().and_then(|event| Event::decode(event).ok()) {
                        fold(&mut folded, &event, frame.received_at, (part, parts));
                    }
                }
            });
            walked.map_err(StoreError::Failed)?;
            compared += self.compare(&store, &folded, part, parts)?;
        }
        Ok(compared)
    }

    fn compare(&mut self, store: &Store, folded: &Folded, part: u64, parts: u64) -> Result<u64, StoreError> {
        let mut compared = 0;
        for kind in [ProfileKind::User, ProfileKind::Company] {
            for entry in store.ids(kind) {
                let id = entry?;
                if part_of(&id, parts) != part {
                    continue;
                }
                compared += 1;
                let must_be = folded.get(&(kind, id.clone()));
                if store.profile(kind, &id)?.as_ref() != must_be {
                    // Ids are personal data: the report says how many and where, not who.
                    self.problem(format!("a {kind:?} profile in the store differs from the fold of the log"));
                }
            }
        }
        let missing = (folded.len() as u64).saturating_sub(compared);
        if missing > 0 {
            self.problem(format!("{missing} profiles are missing in the store"));
        }
        Ok(compared)
    }
}

/// Takes the profiles of a part out of the base.
fn begin_with(
    folded: &mut Folded,
    base: &Base,
    sieve: &Sieve,
    (part, parts): (u64, u64),
) -> Result<(), StoreError> {
    for kind in [ProfileKind::User, ProfileKind::Company] {
        base.each(kind, sieve, &mut |id, profile| {
            if part_of(id, parts) == part {
                folded.insert((kind, id.to_owned()), profile);
            }
            Ok(())
        })?;
    }
    Ok(())
}

fn fold(folded: &mut Folded, event: &Event<'_>, received_at: Timestamp, (part, parts): (u64, u64)) {
    let changes = [
        (ProfileKind::User, Change::of_user(event, received_at)),
        (ProfileKind::Company, Change::of_company(event, received_at)),
    ];
    for (kind, change) in changes {
        if let Some((id, change)) = change.filter(|(id, _)| part_of(id, parts) == part) {
            folded.entry((kind, id.to_owned())).or_default().apply(&change);
        }
    }
}

fn part_of(id: &str, parts: u64) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish() % parts
}

fn log_bytes(log: &Path) -> u64 {
    let names = RealDisk.list(log).unwrap_or_default();
    names.iter().filter_map(|name| Some(std::fs::metadata(log.join(name)).ok()?.len())).sum()
}
