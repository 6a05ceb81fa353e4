//! One day, written: the events that happened on it, a file for each type; beside the newest day the users and companies as they
//! are now; and at last the manifest, which says that the day is whole.
//!
//! Files get their names once everything is read, and before that the manifest of before goes. So whatever stops it, a day without
//! a manifest is one to be written again, and one with a manifest has exactly the files that it names. The same events make
//! the same files.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};

use muster_kernel::model::event::{Event, EventKind};
use muster_kernel::model::export::FileFormat;
use muster_kernel::model::history::EventQuery;
use muster_kernel::model::id::EnvironmentId;
use muster_kernel::model::sync::{Day, Written};
use muster_kernel::ports::{
    CompanyQuery, EventLog, History, Inquiry, Profiles, RawEvents, StoreError, UserQuery,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::exports::{COMPANIES, EVENTS, Rows, USERS};
use crate::formats::{self, Cell, RowFile, Table};
use crate::stores::{Store, StoreFile};

/// The name of the file that says that a day is whole.
pub(super) const MANIFEST: &str = "_manifest.json";
const MANIFEST_FORMAT: u32 = 1;
/// A manifest names a file for each type of events.
const MANIFEST_BYTES_MAX: u64 = 1 << 20;
const ALL_USERS: &str = "all_users";
const ALL_COMPANIES: &str = "all_companies";
/// Events read at a time.
const STEP_EVENTS: usize = 500;
/// Profiles read at a time.
const STEP_PROFILES: usize = 500;

/// Why a day was not written.
#[derive(Debug)]
pub(super) enum Unwritten {
    /// The server stops.
    Stopped,
    /// In words.
    Failed(String),
}

impl From<StoreError> for Unwritten {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Stopped => Unwritten::Stopped,
            error => Unwritten::Failed(format!("the data cannot be read: {error}")),
        }
    }
}

impl From<io::Error> for Unwritten {
    fn from(error: io::Error) -> Self {
        Unwritten::Failed(format!("the destination failed: {error}"))
    }
}

/// What a day is made from.
pub(super) struct Sources<'a> {
    pub log: &'a dyn EventLog,
    pub history: &'a dyn History,
    pub raw_events: &'a dyn RawEvents,
    pub profiles: &'a dyn Profiles,
    pub inquiry: &'a Inquiry,
}

/// Which day, of what, and how.
pub(super) struct Wanted<'a> {
    pub environment: EnvironmentId,
    pub app_token: &'a str,
    /// Below which the day's folder stands.
    pub folder: &'a str,
    pub day: Day,
    pub format: FileFormat,
    /// Whether the users and companies of now are written too.
    pub with_profiles: bool,
    pub made_at: String,
}

/// The last file of a day.
#[derive(Serialize, Deserialize)]
struct Manifest {
    format: u32,
    app_token: String,
    day: Day,
    made_at: String,
    /// Up to where the log was when it was read.
    position: u64,
    files: Vec<ManifestFile>,
}

#[derive(Serialize, Deserialize)]
struct ManifestFile {
    name: String,
    rows: u64,
    bytes: u64,
    sha256: String,
}

impl Sources<'_> {
    /// Whether events of the day were dropped here: what stands at the destination may be more than there is.
    fn is_dropped(&self, wanted: &Wanted<'_>) -> Result<bool, StoreError> {
        Ok(wanted.day.is_dropped(self.raw_events.kept(wanted.environment)?.known_since))
    }
}

/// Writes a day; one that stands there already and whose events were dropped since stays as it is.
///
/// # Errors
/// When anything of it could not be read or written: the day then has its manifest of before, or none.
pub(super) fn write(
    sources: &Sources<'_>,
    store: &dyn Store,
    wanted: &Wanted<'_>,
) -> Result<Written, Unwritten> {
    let folder = format!("{}/{}", wanted.folder, wanted.day);
    let manifest_path = format!("{folder}/{MANIFEST}");
    let mut before = Vec::new();
    let has_manifest = match store.read(&manifest_path)? {
        Some(file) => file.take(MANIFEST_BYTES_MAX).read_to_end(&mut before).map(|_| true)?,
        None => false,
    };
    let left = Written { days_left: 1, ..Written::default() };
    let stands = || -> io::Result<bool> { Ok(has_manifest || any_file(store, &folder)?) };
    if sources.is_dropped(wanted)? && stands()? {
        return Ok(left);
    }
    let position = sources.log.visible(wanted.environment)?.0;
    let mut files = Files { store, folder: &folder, format: wanted.format, open: BTreeMap::new() };
    events(sources, wanted, &mut files)?;
    if wanted.with_profiles {
        users(sources, wanted, &mut files)?;
        companies(sources, wanted, &mut files)?;
    }
    // They may have been dropped while they were read.
    if sources.is_dropped(wanted)? && stands()? {
        return Ok(left);
    }
    store.remove(&manifest_path)?;
    let files = files.finish()?;
    // What stood there and does not any more: of an event type that nothing is left of, of an earlier format, or the users
    // of a day that is not the newest any more.
    let mut stale: BTreeSet<String> = all_names().collect();
    let before = serde_json::from_slice::<Manifest>(&before).ok();
    stale.extend(before.into_iter().flat_map(|before| before.files).map(|file| file.name));
    for name in stale.iter().filter(|name| !files.iter().any(|file| file.name == **name)) {
        // A name that a manifest brought leads nowhere else.
        if !name.contains(['/', '\\']) {
            store.remove(&format!("{folder}/{name}"))?;
        }
    }
    let sum = |of: fn(&ManifestFile) -> u64| -> u64 { files.iter().map(of).sum() };
    let written = Written {
        files: files.len() as u64,
        rows: sum(|file| file.rows),
        bytes: sum(|file| file.bytes),
        days_left: 0,
    };
    let manifest = Manifest {
        format: MANIFEST_FORMAT,
        app_token: wanted.app_token.to_owned(),
        day: wanted.day,
        made_at: wanted.made_at.clone(),
        position,
        files,
    };
    let bytes = serde_json::to_vec_pretty(&manifest).map_err(io::Error::other)?;
    let mut file = store.begin(&manifest_path)?;
    file.write_all(&bytes)?;
    file.finish()?;
    Ok(written)
}

/// Every name that a file of a day may have.
fn all_names() -> impl Iterator<Item = String> {
    let kinds = || EventKind::ALL.into_iter().map(EventKind::as_str).chain([ALL_USERS, ALL_COMPANIES]);
    FileFormat::ALL.into_iter().flat_map(move |format| kinds().map(move |stem| name_of(stem, format)))
}

/// Whether anything of a day stands there, whole or not.
fn any_file(store: &dyn Store, folder: &str) -> io::Result<bool> {
    for name in all_names() {
        if store.read(&format!("{folder}/{name}"))?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

fn name_of(stem: &str, format: FileFormat) -> String {
    format!("{stem}.{}", formats::ending(format))
}

fn events(sources: &Sources<'_>, wanted: &Wanted<'_>, files: &mut Files<'_>) -> Result<(), Unwritten> {
    let place = EVENTS.columns().iter().position(|column| column.name == "event_type").unwrap_or_default();
    let query = EventQuery { span: wanted.day.span(), ..EventQuery::default() };
    let mut rows = Rows::new(wanted.app_token);
    let mut after = None;
    loop {
        let page = sources.history.events(
            wanted.environment,
            &query,
            after.as_ref(),
            STEP_EVENTS,
            sources.inquiry,
        )?;
        for stored in &page.items {
            let event = Event::decode(&stored.payload)
                .map_err(|_| Unwritten::Failed("an event cannot be read; run `muster verify`".to_owned()))?;
            rows.of_event(&event, stored.receipt.received_at, |_| true, &mut |cells: &[Cell<'_>]| {
                let Some(Cell::Text(kind)) = cells.get(place) else {
                    return Err(io::Error::other("a row of an event has no type"));
                };
                files.row(kind, &EVENTS, cells)
            })?;
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(()),
        }
    }
}

fn users(sources: &Sources<'_>, wanted: &Wanted<'_>, files: &mut Files<'_>) -> Result<(), Unwritten> {
    let mut rows = Rows::new(wanted.app_token);
    let (query, mut after) = (UserQuery::default(), None);
    loop {
        check(sources)?;
        let page = sources.profiles.users(wanted.environment, &query, after.as_ref(), STEP_PROFILES)?;
        for (id, profile) in &page.items {
            rows.of_user(id.as_str(), profile, &mut |cells| files.row(ALL_USERS, &USERS, cells))?;
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(()),
        }
    }
}

fn companies(sources: &Sources<'_>, wanted: &Wanted<'_>, files: &mut Files<'_>) -> Result<(), Unwritten> {
    let mut rows = Rows::new(wanted.app_token);
    let (query, mut after) = (CompanyQuery::default(), None);
    loop {
        check(sources)?;
        let page = sources.profiles.companies(wanted.environment, &query, after.as_ref(), STEP_PROFILES)?;
        for (id, profile) in &page.items {
            let users = sources.profiles.company_user_count(wanted.environment, id)?;
            let take = &mut |cells: &[Cell<'_>]| files.row(ALL_COMPANIES, &COMPANIES, cells);
            rows.of_company(id.as_str(), users, profile, take)?;
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(()),
        }
    }
}

fn check(sources: &Sources<'_>) -> Result<(), Unwritten> {
    if sources.inquiry.is_stopped() { Err(Unwritten::Stopped) } else { Ok(()) }
}

/// The files of a day that have a row.
struct Files<'s> {
    store: &'s dyn Store,
    folder: &'s str,
    format: FileFormat,
    open: BTreeMap<String, Open<'s>>,
}

struct Open<'s> {
    rows: u64,
    file: Box<dyn RowFile + 's>,
    out: Out<'s>,
}

impl Files<'_> {
    fn row(&mut self, stem: &str, table: &'static Table, cells: &[Cell<'_>]) -> io::Result<()> {
        if !self.open.contains_key(stem) {
            let path = format!("{}/{}", self.folder, name_of(stem, self.format));
            let out = Out::new(self.store.begin(&path)?);
            let file = formats::begin(self.format, table, out.clone())?;
            self.open.insert(stem.to_owned(), Open { rows: 0, file, out });
        }
        let Some(open) = self.open.get_mut(stem) else { return Ok(()) };
        open.rows += 1;
        open.file.row(cells)
    }

    fn finish(self) -> io::Result<Vec<ManifestFile>> {
        let mut files = Vec::new();
        for (stem, Open { rows, file, out }) in self.open {
            file.finish()?;
            let (bytes, sha256) = out.finish()?;
            files.push(ManifestFile { name: name_of(&stem, self.format), rows, bytes, sha256 });
        }
        Ok(files)
    }
}

/// A file that is counted and hashed while it is written. The format that writes it keeps one end, we keep the other.
#[derive(Clone)]
struct Out<'s>(Arc<Mutex<Counted<'s>>>);

struct Counted<'s> {
    file: Option<Box<dyn StoreFile + 's>>,
    hash: Sha256,
    bytes: u64,
}

impl<'s> Out<'s> {
    fn new(file: Box<dyn StoreFile + 's>) -> Self {
        Out(Arc::new(Mutex::new(Counted { file: Some(file), hash: Sha256::new(), bytes: 0 })))
    }

    /// Gives the file its name; answers its length and hash.
    fn finish(self) -> io::Result<(u64, String)> {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counted.file.take().ok_or_else(|| io::Error::other("a file was ended twice"))?.finish()?;
        let hash = std::mem::take(&mut counted.hash).finalize();
        Ok((counted.bytes, hash.iter().map(|byte| format!("{byte:02x}")).collect()))
    }
}

impl Write for Out<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let file =
            counted.file.as_mut().ok_or_else(|| io::Error::other("a file that has ended is written"))?;
        file.write_all(bytes)?;
        counted.hash.update(bytes);
        counted.bytes += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counted.file.as_mut().map_or(Ok(()), |file| file.flush())
    }
}
