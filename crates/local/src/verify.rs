//! `muster verify`: says what is wrong with a data directory, changing nothing in it.
//!
//! Reads every act of the audit trail, every record of every log and every event of history, which must be the log's, and folds
//! the log anew, on what a base knows of events that were dropped, to compare the store with what it must be (law 7): each profile,
//! guard and row of the ledger, and the index with the profiles. The fold goes over the log once per part of what it comes to, so
//! that memory stays bounded.

mod must_be;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use muster_kernel::model::catalog::Environment;
use muster_kernel::model::event::Event;
use muster_kernel::model::id::Position;
use muster_kernel::ports::{Catalog, ProfileKind, StoreError};

use crate::audit;
use crate::base::{Base, Bases};
use crate::catalog::CatalogFile;
use crate::directory::{Directory, OpenError};
use crate::disk::{Disk, RealDisk};
use crate::erasure;
use crate::history::verifying::Checked;
use crate::ledger::decode_note;
use crate::lists;
use crate::log::patch;
use crate::log::record::{Frame, FrameKind};
use crate::log::recover::{Request, recover};
use crate::log::writer::Identity;
use crate::profiles::checking::IndexFaults;
use crate::profiles::store::{Home, Store};
use must_be::{MustBe, Part};

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

/// What a check holds in memory at a time.
#[derive(Clone, Copy, Debug)]
pub struct VerifyLimits {
    /// Log bytes folded at a time: what comes out is smaller, what it costs is one more pass over the log for each.
    pub part_bytes: u64,
    /// Numbers of the index by minute: some fifty bytes each; more than these cost one more pass over the profiles.
    pub minutes: usize,
}

impl Default for VerifyLimits {
    fn default() -> Self {
        VerifyLimits { part_bytes: 512 << 20, minutes: 1 << 20 }
    }
}

/// Checks a data directory that no server is using.
///
/// # Errors
/// When the directory cannot be opened at all; what is wrong inside it is in the report.
pub fn verify(root: &Path) -> Result<VerifyReport, OpenError> {
    verify_within(root, VerifyLimits::default())
}

/// As [`verify`], with other limits: the findings are the same.
///
/// # Errors
/// As [`verify`].
pub fn verify_within(root: &Path, limits: VerifyLimits) -> Result<VerifyReport, OpenError> {
    let directory = Directory::open_existing(root)?;
    let catalog_path = root.join("catalog.json");
    let catalog =
        CatalogFile::open(Arc::new(RealDisk), root).map_err(|what| OpenError::Catalog(catalog_path, what))?;
    let mut report = VerifyReport::default();
    let mut summaries = Vec::new();
    for environment in &catalog.state().environments {
        let own = environment.directory.as_ref().map(PathBuf::from);
        let path = own.unwrap_or_else(|| directory.environment(environment.id.0));
        let based = Position::START;
        let mut check = Check { path, environment, limits, based, problems: Vec::new(), unlisted: 0 };
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
    limits: VerifyLimits,
    /// Up to where a base stands for the log.
    based: Position,
    problems: Vec<String>,
    unlisted: usize,
}

/// What was compared with the fold of the log.
#[derive(Default)]
struct Compared {
    profiles: u64,
    guards: Count,
    ledger_rows: Count,
}

/// Entries that were looked at, over all parts.
#[derive(Default)]
struct Count {
    seen: u64,
    wrong: u64,
    missing: u64,
}

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
        let mut compared = Compared::default();
        // The library below asserts what it reads in its journal: that must not end the check of everything else.
        let check = AssertUnwindSafe(|| self.check_store(&log, (last, base.as_ref()), &mut compared));
        match catch_unwind(check) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.store_problem(&error.to_string()),
            Err(_) => self.store_problem("the library that keeps it cannot read it"),
        }
        let based = base.map_or(String::new(), |base| {
            let (users, companies) = (base.count(ProfileKind::User), base.count(ProfileKind::Company));
            format!(", a base of {users} users and {companies} companies at position {}", base.position().0)
        });
        format!(
            "{events} events up to position {}, {} profiles compared, {} guards, {} rows of the ledger, {in_history} \
             events in files of history{based}",
            last.0, compared.profiles, compared.guards.seen, compared.ledger_rows.seen
        )
    }

    /// Something is wrong with what can be made anew.
    fn store_problem(&mut self, what: &str) {
        let store = self.path.join("profiles");
        self.problem(format!("{}: {what}. `muster rebuild` makes it anew from the log", store.display()));
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

    /// Compares the store with the fold of the log on a base.
    fn check_store(
        &mut self,
        log: &Path,
        (last, base): (Position, Option<&Base>),
        compared: &mut Compared,
    ) -> Result<(), StoreError> {
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
        // The store may be rid of what is erased before it holds what came with it.
        let sieve = erasure::known_to(Arc::new(RealDisk), &self.path, saved.max(store.taken_out()?))
            .map_err(|error| StoreError::Failed(error.to_string()))?;
        let bytes = log_bytes(log) + base.map_or(0, Base::length);
        let count = 1 + bytes / self.limits.part_bytes.max(1);
        for number in 0..count {
            let mut must_be = MustBe::of(Part { number, count }, saved);
            if let Some(base) = base {
                must_be.begin_with(base, &sieve)?;
            }
            let walked = self.walk(log, &mut |frame| must_be.see(frame, &sieve));
            walked.map_err(StoreError::Failed)?;
            compared.profiles += self.compare_profiles(&store, &must_be)?;
            compare_guards(&store, &mut must_be, &mut compared.guards)?;
            compare_ledger(&store, &mut must_be, &mut compared.ledger_rows)?;
        }
        let Count { wrong, missing, .. } = compared.guards;
        if wrong + missing > 0 {
            self.store_problem(&format!(
                "of the guards by which repeated calls are known, {wrong} are not those of the log's records and \
                 {missing} are missing"
            ));
        }
        let Count { wrong, missing, .. } = compared.ledger_rows;
        if wrong + missing > 0 {
            self.store_problem(&format!(
                "of the rows of the ledger, {wrong} are not what the log's records come to and {missing} are missing"
            ));
        }
        self.check_index(&store)
    }

    fn compare_profiles(&mut self, store: &Store, must_be: &MustBe) -> Result<u64, StoreError> {
        let (mut compared, mut expected) = (0, 0);
        for kind in [ProfileKind::User, ProfileKind::Company] {
            for entry in store.ids(kind) {
                let key = (kind, entry?);
                if !must_be.part.has(&key.1) {
                    continue;
                }
                compared += 1;
                expected += u64::from(must_be.profiles.contains_key(&key));
                let found = store.profile(kind, &key.1)?;
                if !found.is_some_and(|found| must_be.may_be(&key, &found)) {
                    // Ids are personal data: the report says how many and where, not who.
                    self.problem(format!("a {kind:?} profile in the store differs from the fold of the log"));
                }
            }
        }
        let missing = (must_be.profiles.len() as u64).saturating_sub(expected);
        if missing > 0 {
            self.problem(format!("{missing} profiles are missing in the store"));
        }
        Ok(compared)
    }

    fn check_index(&mut self, store: &Store) -> Result<(), StoreError> {
        let faults = store.check_index(self.limits.minutes)?;
        if faults != IndexFaults::default() {
            let IndexFaults { missing, needless, miscounted } = faults;
            self.store_problem(&format!(
                "of the index by which lists and searches find profiles, {missing} entries are missing or differ, \
                 {needless} are of no profile, and {miscounted} numbers are not what counting comes to"
            ));
        }
        Ok(())
    }
}

fn compare_guards(store: &Store, must_be: &mut MustBe, count: &mut Count) -> Result<(), StoreError> {
    store.each_guard(|key, value| {
        if must_be.part.has(key) {
            count.seen += 1;
            count.wrong += u64::from(!must_be.takes_guard(key, value));
        }
    })?;
    count.missing += must_be.guards_left();
    Ok(())
}

fn compare_ledger(store: &Store, must_be: &mut MustBe, count: &mut Count) -> Result<(), StoreError> {
    let is_first = must_be.part.number == 0;
    store.each_ledger_row(|row| match row {
        Some(row) if must_be.part.has(&(row.minute, row.key)) => {
            count.seen += 1;
            count.wrong += u64::from(!must_be.takes_ledger_row(&row));
        }
        Some(_) => {}
        // It is of no part.
        None => count.wrong += u64::from(is_first),
    })?;
    count.missing += must_be.ledger_left();
    Ok(())
}

fn log_bytes(log: &Path) -> u64 {
    let names = RealDisk.list(log).unwrap_or_default();
    names.iter().filter_map(|name| Some(std::fs::metadata(log.join(name)).ok()?.len())).sum()
}
