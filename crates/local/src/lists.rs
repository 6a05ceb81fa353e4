//! The ids of static segments on disk: one file for each list, replaced as a whole (docs/FORMAT.md, "Lists").
//!
//! Invariants: a file is written beside the old one, synced, renamed over it, and the directory synced, before anybody
//! sees the new list; what changes a list holds the one lock, so that neither a change nor a purge overwrites the other.
//! A list of a segment that the catalog does not know is left over from a stop, and removed at a start.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use muster_kernel::model::id::SegmentId;
use muster_kernel::model::limits::LIST_IDS_MAX;
use muster_kernel::model::segment::Level;
use muster_kernel::model::segment::listed::{Ids, ListChange, ListChanged};
use muster_kernel::ports::{ProfileKind, StoreError};

use crate::disk::Disk;

const MAGIC: &str = "muster list 1";
const SUFFIX: &str = ".ids";
const FRESH: &str = ".new";
/// A first line is shorter.
const HEAD_BYTES_MAX: usize = 128;
/// Ids of all lists that are held in memory because somebody asked for them.
const HELD_IDS_MAX: usize = LIST_IDS_MAX;

/// The lists of one environment.
pub struct ListFiles {
    disk: Arc<dyn Disk>,
    directory: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    known: BTreeMap<u32, Head>,
    held: BTreeMap<u32, Ids>,
    /// Lists of which a write failed: what is on disk may not be durable.
    doubtful: BTreeSet<u32>,
}

/// What the first line of a file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Head {
    level: Level,
    count: u64,
    crc32: u32,
}

impl ListFiles {
    /// Reads which lists there are below an environment's directory. `saved` are the segments that the catalog knows.
    ///
    /// # Errors
    /// When a file cannot be read; one that is damaged is left to whoever asks for it.
    pub fn open(
        disk: Arc<dyn Disk>,
        environment: &Path,
        saved: &BTreeSet<SegmentId>,
    ) -> io::Result<ListFiles> {
        let files = ListFiles { disk, directory: environment.join("lists"), state: Mutex::default() };
        let mut known = BTreeMap::new();
        for name in names(files.disk.as_ref(), &files.directory)? {
            let path = files.directory.join(&name);
            match number_of(&name) {
                Some(number) if saved.contains(&SegmentId(number)) => {
                    known.insert(number, files.head_or_damage(&path)?);
                }
                Some(_) => files.disk.remove(&path)?,
                None if name.ends_with(FRESH) => files.disk.remove(&path)?,
                None => {}
            }
        }
        files.lock().known = known;
        Ok(files)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn head(&self, path: &Path) -> io::Result<Head> {
        let file = self.disk.open(path, false)?;
        let mut bytes = vec![0; HEAD_BYTES_MAX];
        let filled = file.read_at(&mut bytes, 0)?;
        parse(&bytes[..filled]).map(|(head, _)| head).ok_or_else(|| damaged(path, "its first line is none"))
    }

    /// What a damaged file counts as: whoever asks for its ids is told, and the others are served.
    fn head_or_damage(&self, path: &Path) -> io::Result<Head> {
        match self.head(path) {
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                tracing::error!(%error, "a list is not read; remove its segment, and make it anew");
                Ok(Head { level: Level::User, count: 0, crc32: 0 })
            }
            head => head,
        }
    }

    fn path(&self, list: u32) -> PathBuf {
        self.directory.join(format!("{list}{SUFFIX}"))
    }

    /// See `Lists::count`.
    pub fn count(&self, list: SegmentId) -> u64 {
        self.lock().known.get(&list.0).map_or(0, |head| head.count)
    }

    /// See `Lists::ids`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn ids(&self, list: SegmentId) -> Result<Ids, StoreError> {
        self.held(&mut self.lock(), list.0)
    }

    fn held(&self, state: &mut State, list: u32) -> Result<Ids, StoreError> {
        if !state.known.contains_key(&list) {
            return Ok(Ids::default());
        }
        if let Some(ids) = state.held.get(&list) {
            return Ok(Arc::clone(ids));
        }
        let ids = Arc::new(read(self.disk.as_ref(), &self.path(list)).map_err(failed)?.1);
        let all: usize = state.held.values().map(|ids| ids.len()).sum();
        if all + ids.len() > HELD_IDS_MAX {
            state.held.clear();
        }
        state.held.insert(list, Arc::clone(&ids));
        Ok(ids)
    }

    /// See `Lists::change`.
    ///
    /// # Errors
    /// As that.
    pub fn change(&self, list: (SegmentId, Level), change: &ListChange) -> Result<ListChanged, StoreError> {
        let (SegmentId(list), level) = list;
        let mut state = self.lock();
        let before = self.held(&mut state, list)?;
        let (after, changed) = change.applied(&before);
        if after.len() > LIST_IDS_MAX {
            return Err(StoreError::TooLarge);
        }
        let is_durable = state.known.contains_key(&list) && !state.doubtful.contains(&list);
        let is_same = is_durable && changed.added + changed.removed == 0;
        if !is_same {
            self.write(&mut state, list, level, &after)?;
        }
        Ok(changed)
    }

    /// Replaces a file. What is in memory follows only once it is durable; after a failure, what is on disk counts.
    fn write(
        &self,
        state: &mut State,
        list: u32,
        level: Level,
        ids: &BTreeSet<Box<str>>,
    ) -> Result<(), StoreError> {
        state.held.remove(&list);
        state.doubtful.insert(list);
        let (head, bytes) = written(level, ids);
        self.replace(list, &bytes).map_err(|error| {
            if let Ok(head) = self.head(&self.path(list)) {
                state.known.insert(list, head);
            }
            failed(error)
        })?;
        state.known.insert(list, head);
        state.doubtful.remove(&list);
        Ok(())
    }

    fn replace(&self, list: u32, bytes: &[u8]) -> io::Result<()> {
        self.disk.create_directory(&self.directory)?;
        if let Some(above) = self.directory.parent() {
            self.disk.sync_directory(above)?;
        }
        let path = self.path(list);
        let fresh = self.directory.join(format!("{list}{SUFFIX}{FRESH}"));
        let file = self.disk.open(&fresh, true)?;
        file.set_length(0)?;
        file.write_at(bytes, 0)?;
        file.sync()?;
        drop(file);
        self.disk.rename(&fresh, &path)?;
        self.disk.sync_directory(&self.directory)
    }

    /// See `Lists::remove`.
    ///
    /// # Errors
    /// When it may come back.
    pub fn remove(&self, list: SegmentId) -> Result<(), StoreError> {
        let mut state = self.lock();
        state.held.remove(&list.0);
        if state.known.remove(&list.0).is_some() {
            self.disk.remove(&self.path(list.0)).map_err(failed)?;
            self.disk.sync_directory(&self.directory).map_err(failed)?;
        }
        Ok(())
    }

    /// Shows every id of every list, with what it is an id of.
    ///
    /// # Errors
    /// When a list cannot be read, or `see` fails.
    pub fn each(
        &self,
        see: &mut dyn FnMut(ProfileKind, &str) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let lists: Vec<(u32, Level)> =
            self.lock().known.iter().map(|(list, head)| (*list, head.level)).collect();
        for (list, level) in lists {
            let ids = match read(self.disk.as_ref(), &self.path(list)) {
                // Removed meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                ids => ids.map_err(failed)?.1,
            };
            ids.iter().try_for_each(|id| see(kind_of(level), id))?;
        }
        Ok(())
    }

    /// Takes ids out of every list, durably, and what a failed write left beside them.
    ///
    /// # Errors
    /// When reading or writing fails, or `check` does.
    pub fn take_out(
        &self,
        is_gone: &dyn Fn(ProfileKind, &str) -> bool,
        check: &dyn Fn() -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let lists: Vec<u32> = self.lock().known.keys().copied().collect();
        for list in lists {
            check()?;
            let mut state = self.lock();
            let Some(level) = state.known.get(&list).map(|head| head.level) else { continue };
            let ids = read(self.disk.as_ref(), &self.path(list)).map_err(failed)?.1;
            let kind = kind_of(level);
            if ids.iter().any(|id| is_gone(kind, id)) {
                let left: BTreeSet<Box<str>> = ids.into_iter().filter(|id| !is_gone(kind, id)).collect();
                self.write(&mut state, list, level, &left)?;
            }
        }
        let _nobody_writes = self.lock();
        for name in names(self.disk.as_ref(), &self.directory).map_err(failed)? {
            if name.ends_with(FRESH) {
                self.disk.remove(&self.directory.join(name)).map_err(failed)?;
                self.disk.sync_directory(&self.directory).map_err(failed)?;
            }
        }
        Ok(())
    }
}

/// Reads every list and changes nothing: how many ids there are, and what is wrong.
pub fn check(disk: &dyn Disk, environment: &Path, saved: &BTreeSet<SegmentId>) -> (u64, Vec<String>) {
    let directory = environment.join("lists");
    let (mut found, mut problems) = (0, Vec::new());
    let names = names(disk, &directory).unwrap_or_else(|error| {
        problems.push(format!("{} cannot be read: {error}", directory.display()));
        Vec::new()
    });
    let lists = names.iter().filter_map(|name| number_of(name));
    for list in lists.filter(|list| saved.contains(&SegmentId(*list))) {
        match read(disk, &directory.join(format!("{list}{SUFFIX}"))) {
            Ok((head, _)) => found += head.count,
            Err(error) => problems.push(error.to_string()),
        }
    }
    (found, problems)
}

fn names(disk: &dyn Disk, directory: &Path) -> io::Result<Vec<String>> {
    match disk.list(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        names => names,
    }
}

fn number_of(name: &str) -> Option<u32> {
    name.strip_suffix(SUFFIX)?.parse().ok()
}

fn kind_of(level: Level) -> ProfileKind {
    match level {
        Level::User => ProfileKind::User,
        Level::Company => ProfileKind::Company,
    }
}

/// A file's bytes: the first line, then each id in a line of its own. No id holds a line end.
fn written(level: Level, ids: &BTreeSet<Box<str>>) -> (Head, Vec<u8>) {
    let mut lines = String::new();
    for id in ids {
        lines.push_str(id);
        lines.push('\n');
    }
    let head = Head { level, count: ids.len() as u64, crc32: crc32fast::hash(lines.as_bytes()) };
    let mut text = String::with_capacity(HEAD_BYTES_MAX + lines.len());
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{MAGIC} {} {} {:08x}", level.as_str(), head.count, head.crc32);
    text.push_str(&lines);
    (head, text.into_bytes())
}

/// The first line of a file, and what follows it.
fn parse(bytes: &[u8]) -> Option<(Head, &[u8])> {
    let end = bytes.iter().take(HEAD_BYTES_MAX).position(|byte| *byte == b'\n')?;
    let line = std::str::from_utf8(&bytes[..end]).ok()?.strip_prefix(MAGIC)?;
    let [level, count, crc32] = line.split_whitespace().collect::<Vec<_>>().try_into().ok()?;
    let level = [Level::User, Level::Company].into_iter().find(|known| known.as_str() == level)?;
    let crc32 = u32::from_str_radix(crc32, 16).ok()?;
    Some((Head { level, count: count.parse().ok()?, crc32 }, &bytes[end + 1..]))
}

fn read(disk: &dyn Disk, path: &Path) -> io::Result<(Head, BTreeSet<Box<str>>)> {
    let file = disk.open(path, false)?;
    let mut bytes = vec![0; usize::try_from(file.length()?).map_err(io::Error::other)?];
    let filled = file.read_at(&mut bytes, 0)?;
    let (head, lines) = parse(&bytes[..filled]).ok_or_else(|| damaged(path, "its first line is none"))?;
    if crc32fast::hash(lines) != head.crc32 {
        return Err(damaged(path, "its checksum does not match"));
    }
    let text = std::str::from_utf8(lines).map_err(|_| damaged(path, "it is no text"))?;
    let ids: BTreeSet<Box<str>> = text.lines().map(Box::from).collect();
    if ids.len() as u64 != head.count {
        return Err(damaged(path, "it has another number of ids than it says"));
    }
    Ok((head, ids))
}

fn damaged(path: &Path, what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{} is damaged: {what}", path.display()))
}

fn failed(error: io::Error) -> StoreError {
    match error.kind() {
        io::ErrorKind::InvalidData => StoreError::Damaged(error.to_string()),
        _ => StoreError::Failed(format!("a list: {error}")),
    }
}
