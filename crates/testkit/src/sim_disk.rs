//! A disk in memory that keeps no more than it promised: bytes and names are safe only once synced.
//!
//! Faults are set by number: the n-th sync fails, or the power goes at the n-th sync; every operation after a power
//! cut fails. The disk can be slow: syncs then take until the test lets them end, and everything else works on. What the next process finds is then made from what was synced and, as a real disk may, from any part of
//! what was not, chosen by a seed.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use muster_local::disk::{Disk, DiskFile};

const SECTOR: usize = 512;

/// What a power cut leaves of what was never synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsynced {
    /// Nothing.
    Lost,
    /// All of it.
    Kept,
    /// Any sectors and names, as this seed has it.
    Torn(u64),
}

/// What goes wrong, and when. Syncs of files and of directories are counted together, from 1.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// This sync fails, and what it was to make durable never becomes so.
    pub failing_sync: Option<u64>,
    /// The power goes before this sync does anything.
    pub power_cut_at_sync: Option<u64>,
    /// Bytes that fit on the disk.
    pub capacity: Option<u64>,
}

/// The disk. Clones are the same disk.
#[derive(Clone, Default)]
pub struct SimDisk(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// Whether syncs take long, or one that does has begun.
    pace: Condvar,
}

#[derive(Default)]
struct State {
    files: BTreeMap<u64, Content>,
    names: BTreeMap<PathBuf, u64>,
    durable_names: BTreeMap<PathBuf, u64>,
    directories: BTreeSet<PathBuf>,
    next_file: u64,
    syncs: u64,
    faults: Faults,
    dead: bool,
    /// Whether syncs take until they are let go.
    is_slow: bool,
    /// Syncs that have begun and not ended.
    held: u64,
}

#[derive(Clone, Default)]
struct Content {
    now: Vec<u8>,
    durable: Vec<u8>,
}

fn gone() -> io::Error {
    io::Error::other("the power is gone")
}

impl SimDisk {
    /// A disk on which these things go wrong.
    pub fn failing(faults: Faults) -> Self {
        let disk = SimDisk::default();
        disk.lock().faults = faults;
        disk
    }

    /// Changes what goes wrong from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.lock().faults = faults;
    }

    /// Lets no sync end from now on, until [`SimDisk::let_syncs_end`].
    pub fn hold_syncs(&self) {
        self.lock().is_slow = true;
    }

    /// Lets syncs end, those under way among them.
    pub fn let_syncs_end(&self) {
        self.lock().is_slow = false;
        self.0.pace.notify_all();
    }

    /// Waits until a sync has begun that does not end.
    pub fn wait_for_held_sync(&self) {
        let mut state = self.lock();
        while state.held == 0 {
            state = self.0.pace.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits, with nothing locked, for as long as syncs take.
    fn take_long(&self) {
        let mut state = self.lock();
        if !state.is_slow {
            return;
        }
        state.held += 1;
        self.0.pace.notify_all();
        while state.is_slow {
            state = self.0.pace.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.held -= 1;
    }

    /// How many syncs were asked for.
    pub fn syncs(&self) -> u64 {
        self.lock().syncs
    }

    /// The disk that the next process finds when the power goes now.
    #[must_use]
    pub fn after_power_cut(&self, unsynced: Unsynced) -> SimDisk {
        let state = self.lock();
        let mut random = Random(match unsynced {
            Unsynced::Torn(seed) => seed,
            _ => 0,
        });
        let mut keep = || match unsynced {
            Unsynced::Lost => false,
            Unsynced::Kept => true,
            Unsynced::Torn(_) => random.bit(),
        };
        let mut after =
            State { directories: state.directories.clone(), next_file: state.next_file, ..State::default() };
        let touched: BTreeSet<&PathBuf> = state.names.keys().chain(state.durable_names.keys()).collect();
        for path in touched {
            let (now, durable) = (state.names.get(path), state.durable_names.get(path));
            let found = if now == durable || keep() { now } else { durable };
            if let Some(&file) = found {
                after.names.insert(path.clone(), file);
            }
        }
        for (&number, content) in &state.files {
            let bytes = torn(content, &mut keep);
            after.files.insert(number, Content { now: bytes.clone(), durable: bytes });
        }
        after.durable_names = after.names.clone();
        SimDisk(Arc::new(Shared { state: Mutex::new(after), pace: Condvar::default() }))
    }

    /// A copy of the disk with one file's bytes changed by the test.
    #[must_use]
    pub fn with_file(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) -> SimDisk {
        let copy = self.after_power_cut(Unsynced::Kept);
        {
            let mut state = copy.lock();
            let file = state.names.get(path).copied();
            if let Some(content) = file.and_then(|file| state.files.get_mut(&file)) {
                change(&mut content.now);
                content.durable = content.now.clone();
            }
        }
        copy
    }

    /// A copy of the disk whose directory `from` is called `to`.
    #[must_use]
    pub fn moved(&self, from: &Path, to: &Path) -> SimDisk {
        let copy = self.after_power_cut(Unsynced::Kept);
        {
            let mut state = copy.lock();
            let renamed =
                |path: &PathBuf| path.strip_prefix(from).map_or_else(|_| path.clone(), |rest| to.join(rest));
            state.names = state.names.iter().map(|(path, file)| (renamed(path), *file)).collect();
            state.durable_names = state.names.clone();
            state.directories = state.directories.iter().map(renamed).collect();
        }
        copy
    }

    /// The bytes of a file.
    pub fn bytes(&self, path: &Path) -> Option<Vec<u8>> {
        let state = self.lock();
        Some(state.files.get(state.names.get(path)?)?.now.clone())
    }

    /// The paths of all files.
    pub fn paths(&self) -> Vec<PathBuf> {
        self.lock().names.keys().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The bytes of a file after a power cut: each sector that was not synced is the new one or the old one.
fn torn(content: &Content, keep: &mut impl FnMut() -> bool) -> Vec<u8> {
    if content.now == content.durable {
        return content.now.clone();
    }
    let length = if content.now.len() == content.durable.len() || keep() {
        content.now.len()
    } else {
        content.durable.len()
    };
    let mut bytes = vec![0; length];
    for (index, sector) in bytes.chunks_mut(SECTOR).enumerate() {
        let at = |from: &[u8]| from.get(index * SECTOR..).map(<[u8]>::to_vec).unwrap_or_default();
        let (now, durable) = (at(&content.now), at(&content.durable));
        let end = sector.len();
        let differs = now.get(..end.min(now.len())) != durable.get(..end.min(durable.len()));
        let from = if differs && keep() { now } else { durable };
        let filled = end.min(from.len());
        sector[..filled].copy_from_slice(&from[..filled]);
    }
    bytes
}

/// A small generator of its own: the same seed gives the same disk everywhere.
struct Random(u64);

impl Random {
    fn bit(&mut self) -> bool {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 63 == 1
    }
}

impl State {
    fn alive(&self) -> io::Result<()> {
        if self.dead { Err(gone()) } else { Ok(()) }
    }

    /// Counts a sync; answers whether it works.
    fn sync(&mut self) -> io::Result<()> {
        self.alive()?;
        self.syncs += 1;
        if self.faults.power_cut_at_sync == Some(self.syncs) {
            self.dead = true;
            return Err(gone());
        }
        if self.faults.failing_sync == Some(self.syncs) {
            return Err(io::Error::other("the disk reports an error"));
        }
        Ok(())
    }

    fn used(&self) -> u64 {
        self.files.values().map(|content| content.now.len() as u64).sum()
    }

    fn check_room(&self, more: u64) -> io::Result<()> {
        match self.faults.capacity {
            Some(capacity) if self.used() + more > capacity => Err(io::ErrorKind::StorageFull.into()),
            _ => Ok(()),
        }
    }
}

impl Disk for SimDisk {
    fn create_directory(&self, path: &Path) -> io::Result<()> {
        let mut state = self.lock();
        state.alive()?;
        state.directories.insert(path.into());
        Ok(())
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<String>> {
        let state = self.lock();
        state.alive()?;
        let inside = state.names.keys().filter(|path| path.parent() == Some(directory));
        Ok(inside.filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned())).collect())
    }

    fn open(&self, path: &Path, create: bool) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.lock();
        state.alive()?;
        let number = match state.names.get(path) {
            Some(&number) => number,
            None if create => {
                state.next_file += 1;
                let number = state.next_file;
                state.files.insert(number, Content::default());
                state.names.insert(path.into(), number);
                number
            }
            None => return Err(io::ErrorKind::NotFound.into()),
        };
        Ok(Box::new(SimFile { disk: self.clone(), number }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.lock();
        state.alive()?;
        let number = state.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        state.names.insert(to.into(), number);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.lock();
        state.alive()?;
        state.names.remove(path).map(|_| ()).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn sync_directory(&self, directory: &Path) -> io::Result<()> {
        self.take_long();
        let mut state = self.lock();
        state.sync()?;
        let inside = |path: &PathBuf| path.parent() == Some(directory);
        let now: Vec<_> =
            state.names.iter().filter(|(path, _)| inside(path)).map(|(p, n)| (p.clone(), *n)).collect();
        state.durable_names.retain(|path, _| !inside(path));
        state.durable_names.extend(now);
        Ok(())
    }

    fn free_bytes(&self, _directory: &Path) -> io::Result<u64> {
        let state = self.lock();
        state.alive()?;
        Ok(state.faults.capacity.map_or(u64::MAX, |capacity| capacity.saturating_sub(state.used())))
    }
}

struct SimFile {
    disk: SimDisk,
    number: u64,
}

impl SimFile {
    fn with<T>(&self, work: impl FnOnce(&mut State, u64) -> io::Result<T>) -> io::Result<T> {
        let mut state = self.disk.lock();
        state.alive()?;
        work(&mut state, self.number)
    }
}

fn size(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

impl DiskFile for SimFile {
    fn length(&self) -> io::Result<u64> {
        self.with(|state, number| Ok(state.files[&number].now.len() as u64))
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.with(|state, number| {
            let rest = state.files[&number].now.get(size(offset)..).unwrap_or_default();
            let count = rest.len().min(buffer.len());
            buffer[..count].copy_from_slice(&rest[..count]);
            Ok(count)
        })
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.with(|state, number| {
            let end = size(offset) + bytes.len();
            let grows = end.saturating_sub(state.files[&number].now.len());
            state.check_room(grows as u64)?;
            let now = &mut state.files.entry(number).or_default().now;
            if now.len() < end {
                now.resize(end, 0);
            }
            now[size(offset)..end].copy_from_slice(bytes);
            Ok(())
        })
    }

    fn allocate(&self, length: u64) -> io::Result<()> {
        self.with(|state, number| {
            let before = state.files[&number].now.len();
            state.check_room((size(length).saturating_sub(before)) as u64)?;
            let now = &mut state.files.entry(number).or_default().now;
            now.resize(before.max(size(length)), 0);
            Ok(())
        })
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.with(|state, number| {
            state.files.entry(number).or_default().now.resize(size(length), 0);
            Ok(())
        })
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.take_long();
        self.with(|state, number| {
            state.sync()?;
            let content = state.files.entry(number).or_default();
            content.durable = content.now.clone();
            Ok(())
        })
    }
}
