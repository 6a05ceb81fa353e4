//! The value log: profiles as bytes, one behind the other, in files that are only appended to. The store keeps for each
//! profile where it is.
//!
//! Keys apart from values, as in WiscKey (Lu et al., FAST 2016): a profile is written once when it changes and once more
//! for each time its file is tidied up, instead of through the store's journal, its memtable and every level of its tree.
//!
//! Order of writes: values are synced before the store is told where they are, and the store is synced before a file is
//! removed whose values have moved on. Whatever the store names is therefore here, whole, after any crash; what it does
//! not name is cut off at the next start. One thread writes (the mover); any thread reads.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use muster_kernel::model::varint::{self, Reader};
use muster_kernel::ports::{ProfileKind, StoreError};

use super::mover::kind_byte;
use crate::disk::{Disk, DiskFile};

/// Checksum and length in front of every value.
const HEAD_BYTES: usize = 8;
const SUFFIX: &str = ".values";

/// Where a value is: its file, where in it, and how long it is with its head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    file: u32,
    offset: u32,
    length: u32,
}

impl Place {
    /// As the store keeps it: three little-endian numbers.
    pub fn to_bytes(self) -> [u8; 12] {
        let mut bytes = [0; 12];
        for (chunk, number) in bytes.chunks_exact_mut(4).zip([self.file, self.offset, self.length]) {
            chunk.copy_from_slice(&number.to_le_bytes());
        }
        bytes
    }

    /// Reads what [`Place::to_bytes`] wrote.
    pub fn of(bytes: &[u8]) -> Option<Place> {
        let mut reader = Reader::new(bytes);
        let mut number = || Some(u32::from_le_bytes(reader.array()?));
        let place = Place { file: number()?, offset: number()?, length: number()? };
        reader.rest().is_empty().then_some(place)
    }
}

/// What the store knows of the value log beside the places: where it ends, and how much of each file is in use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    file: u32,
    offset: u32,
    used: Vec<(u32, u64)>,
}

impl Extent {
    /// As the store keeps it.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for number in [self.file, self.offset] {
            varint::put(&mut bytes, u64::from(number));
        }
        for (file, used) in &self.used {
            varint::put(&mut bytes, u64::from(*file));
            varint::put(&mut bytes, *used);
        }
        bytes
    }

    /// Reads what [`Extent::to_bytes`] wrote.
    pub fn of(bytes: &[u8]) -> Option<Extent> {
        let mut reader = Reader::new(bytes);
        let number = |reader: &mut Reader<'_>| u32::try_from(reader.varint()?).ok();
        let mut extent =
            Extent { file: number(&mut reader)?, offset: number(&mut reader)?, used: Vec::new() };
        while !reader.is_empty() {
            extent.used.push((number(&mut reader)?, reader.varint()?));
        }
        Some(extent)
    }
}

/// The value log.
pub struct ValueLog {
    disk: Arc<dyn Disk>,
    directory: PathBuf,
    /// A file is closed once it is this long.
    file_bytes: u32,
    /// Those that exist; the last one is written.
    files: RwLock<Files>,
    writer: Mutex<Writer>,
}

/// Files by number. A clone keeps files readable that are removed meanwhile.
pub type Files = Arc<BTreeMap<u32, Arc<ValueFile>>>;

/// One file.
pub struct ValueFile {
    file: Box<dyn DiskFile>,
    length: AtomicU64,
    /// Bytes that the store still names; off by what a crash forgot, and so only a hint for tidying up.
    used: AtomicU64,
}

impl ValueFile {
    fn length(&self) -> u64 {
        self.length.load(Ordering::Relaxed)
    }

    fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }
}

/// The end that is written, and what waits to be.
#[derive(Default)]
struct Writer {
    file: u32,
    end: u32,
    pending: Vec<u8>,
}

/// A value read back for its being moved.
pub struct Stored<'b> {
    /// What the value is of.
    pub kind: u8,
    /// Whose it is.
    pub id: &'b str,
    /// The value.
    pub bytes: &'b [u8],
    /// Where it is.
    pub place: Place,
}

fn failed(error: &io::Error) -> StoreError {
    StoreError::Failed(format!("the value log failed: {error}"))
}

fn damaged(what: &str) -> StoreError {
    StoreError::Damaged(format!("the value log is damaged: {what}"))
}

impl ValueLog {
    /// Opens the files of a directory and cuts off what lies behind `extent`; without one nothing in them is known to
    /// anybody, and they are removed. Leaves everything as it is when `read_only`.
    ///
    /// # Errors
    /// When the files cannot be used, or hold less than `extent` says.
    pub fn open(
        disk: Arc<dyn Disk>,
        directory: &Path,
        file_bytes: u32,
        extent: Option<&Extent>,
        read_only: bool,
    ) -> Result<ValueLog, StoreError> {
        let io = |error| failed(&error);
        if !read_only {
            disk.create_directory(directory).map_err(io)?;
        }
        let mut files = BTreeMap::new();
        for name in disk.list(directory).unwrap_or_default() {
            let Some(number) = name.strip_suffix(SUFFIX).and_then(|number| number.parse().ok()) else {
                continue;
            };
            let path = directory.join(&name);
            match extent {
                Some(extent) if number <= extent.file => {
                    let file = disk.open(&path, false).map_err(io)?;
                    let mut length = file.length().map_err(io)?;
                    if number == extent.file && length > u64::from(extent.offset) {
                        length = u64::from(extent.offset);
                        if !read_only {
                            file.set_length(length).map_err(io)?;
                        }
                    }
                    let known = extent.used.iter().find(|(file, _)| *file == number);
                    let used = AtomicU64::new(known.map_or(length, |(_, used)| *used));
                    files.insert(number, Arc::new(ValueFile { file, length: length.into(), used }));
                }
                _ if read_only => {}
                _ => disk.remove(&path).map_err(io)?,
            }
        }
        let extent = extent.cloned().unwrap_or_default();
        let last = files.get(&extent.file).map_or(0, |file| file.length());
        if last < u64::from(extent.offset) {
            return Err(damaged("it ends earlier than the profile store says"));
        }
        let is_full = extent.offset >= file_bytes;
        let (file, end) = if is_full { (extent.file + 1, 0) } else { (extent.file, extent.offset) };
        let writer = Writer { file, end, pending: Vec::new() };
        Ok(ValueLog {
            disk,
            directory: directory.into(),
            file_bytes,
            files: RwLock::new(Arc::new(files)),
            writer: Mutex::new(writer),
        })
    }

    /// Adds a value; it can be read once it is flushed.
    pub fn append(&self, kind: ProfileKind, id: &str, value: &[u8]) -> Place {
        self.append_raw(kind_byte(kind), id, value)
    }

    fn append_raw(&self, kind: u8, id: &str, value: &[u8]) -> Place {
        let mut writer = self.writer();
        let begin = writer.pending.len();
        writer.pending.extend_from_slice(&[0; HEAD_BYTES]);
        writer.pending.push(kind);
        varint::put(&mut writer.pending, id.len() as u64);
        writer.pending.extend_from_slice(id.as_bytes());
        writer.pending.extend_from_slice(value);
        let record = &mut writer.pending[begin..];
        // A value is far below 4 GB: a profile has a limit of properties, and each of them one of its own.
        let length = u32::try_from(record.len()).unwrap_or(u32::MAX);
        record[4..HEAD_BYTES].copy_from_slice(&length.to_le_bytes());
        let checksum = crc32fast::hash(&record[4..]);
        record[..4].copy_from_slice(&checksum.to_le_bytes());
        let offset = writer.end.saturating_add(u32::try_from(begin).unwrap_or(u32::MAX));
        Place { file: writer.file, offset, length }
    }

    /// Makes what was appended durable and readable. Answers what the store has to keep together with the places.
    ///
    /// # Errors
    /// When writing or syncing fails; what was appended is forgotten then.
    pub fn flush(&self) -> Result<Extent, StoreError> {
        let mut writer = self.writer();
        let pending = std::mem::take(&mut writer.pending);
        if !pending.is_empty() {
            let file = self.file_to_write(writer.file)?;
            let offset = u64::from(writer.end);
            file.file.write_at(&pending, offset).and_then(|()| file.file.sync()).map_err(|e| failed(&e))?;
            let length = offset + pending.len() as u64;
            file.length.store(length, Ordering::Relaxed);
            file.used.fetch_add(pending.len() as u64, Ordering::Relaxed);
            writer.end = u32::try_from(length).map_err(|_| damaged("a file is too long"))?;
            writer.pending = pending;
            writer.pending.clear();
        }
        let files = self.files();
        let used = files.iter().map(|(number, file)| (*number, file.used())).collect();
        let extent = Extent { file: writer.file, offset: writer.end, used };
        if writer.end >= self.file_bytes {
            (writer.file, writer.end) = (writer.file + 1, 0);
        }
        Ok(extent)
    }

    /// Ends the file that is written; what follows goes into another one. Answers the numbers of all files so far. Only
    /// where nothing waits to be flushed.
    pub fn begin_file(&self) -> Vec<u32> {
        let mut writer = self.writer();
        if writer.end > 0 {
            (writer.file, writer.end) = (writer.file + 1, 0);
        }
        self.files().keys().copied().collect()
    }

    fn file_to_write(&self, number: u32) -> Result<Arc<ValueFile>, StoreError> {
        if let Some(file) = self.files().get(&number) {
            return Ok(Arc::clone(file));
        }
        let path = self.path(number);
        let made = self.disk.open(&path, true).and_then(|file| {
            // What stands behind it from before a crash is nobody's.
            file.set_length(0)?;
            self.disk.sync_directory(&self.directory)?;
            Ok(file)
        });
        let made = made.map_err(|error| failed(&error))?;
        let file = Arc::new(ValueFile { file: made, length: 0.into(), used: 0.into() });
        self.change_files(|files| files.insert(number, Arc::clone(&file)));
        Ok(file)
    }

    /// Forgets a value: its place is no longer named by the store.
    pub fn release(&self, place: Place) {
        if let Some(file) = self.files().get(&place.file) {
            let less = |used: u64| Some(used.saturating_sub(u64::from(place.length)));
            // Always answers Ok, as `less` always gives a number.
            let _ = file.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        }
    }

    /// The files as they are now.
    pub fn files(&self) -> Files {
        Arc::clone(&self.files.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Runs something during which no file is removed; with the files.
    pub fn with_files<T>(&self, run: impl FnOnce(&Files) -> T) -> T {
        run(&self.files.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The closed file that is worth tidying up: one of which nothing is in use; else, while the log is twice as long as
    /// what is in use of it, the one with the least in use. Waiting for that much makes what has to be moved little: files
    /// that are left alone lose most of their values by themselves (Rosenblum and Ousterhout, SOSP 1991).
    pub fn to_tidy(&self) -> Option<u32> {
        let current = self.writer().file;
        let files = self.files();
        let closed = files.iter().filter(|(number, _)| **number != current);
        let (number, emptiest) = closed.min_by_key(|(_, file)| file.used())?;
        (emptiest.used() == 0 || self.is_wasteful(2)).then_some(*number)
    }

    /// Whether so much is wasted that it cannot wait for a quiet moment.
    pub fn is_overdue(&self) -> bool {
        self.is_wasteful(3)
    }

    /// Whether the log is more than so many times as long as what is in use of it. A few files are always allowed.
    fn is_wasteful(&self, times: u64) -> bool {
        let files = self.files();
        let length: u64 = files.values().map(|file| file.length()).sum();
        let used: u64 = files.values().map(|file| file.used()).sum();
        length > times * (used + u64::from(self.file_bytes))
    }

    /// Gives every value of a file, in order, in pieces; `see` is told after each piece that it ends.
    ///
    /// # Errors
    /// When reading fails, a value is damaged, or `see` fails.
    pub fn each_of(
        &self,
        number: u32,
        mut see: impl FnMut(Option<Stored<'_>>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let Some(file) = self.files().get(&number).cloned() else { return Ok(()) };
        let mut offset = 0;
        while offset < file.length() {
            let piece = read_piece(&file, offset)?;
            let mut rest = piece.as_slice();
            while let Some(length) = length_of(rest) {
                let (kind, id, bytes) = split(&rest[..length])?;
                let (begin, size) = (u32::try_from(offset), u32::try_from(length));
                let (Ok(offset_in_file), Ok(size)) = (begin, size) else {
                    return Err(damaged("a file is too long"));
                };
                see(Some(Stored {
                    kind,
                    id,
                    bytes,
                    place: Place { file: number, offset: offset_in_file, length: size },
                }))?;
                (rest, offset) = (&rest[length..], offset + length as u64);
            }
            if rest.len() == piece.len() {
                return Err(damaged("a length is out of its file"));
            }
            see(None)?;
        }
        Ok(())
    }

    /// Adds a value that stands elsewhere already.
    pub fn append_again(&self, stored: &Stored<'_>) -> Place {
        self.append_raw(stored.kind, stored.id, stored.bytes)
    }

    /// Removes a file that the store, durably, no longer names, unless somebody else has: the mover and a purge may both
    /// have tidied it up.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove(&self, number: u32) -> Result<(), StoreError> {
        // Gone from the disk by the time that others no longer see it: a purge answers for that.
        self.change_files(|files| match files.remove(&number) {
            Some(_) => self.disk.remove(&self.path(number)).map_err(|error| failed(&error)),
            None => Ok(()),
        })
    }

    fn change_files<T>(&self, change: impl FnOnce(&mut BTreeMap<u32, Arc<ValueFile>>) -> T) -> T {
        let mut files = self.files.write().unwrap_or_else(PoisonError::into_inner);
        change(Arc::make_mut(&mut files))
    }

    fn path(&self, number: u32) -> PathBuf {
        self.directory.join(format!("{number:010}{SUFFIX}"))
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How much of a file is handled between two rests.
const PIECE_BYTES: usize = 1 << 20;

/// Reads the value of a subject; `None` when its file is not among `files`.
///
/// # Errors
/// When reading fails, or what is there is not the value of this subject.
pub fn value(
    files: &Files,
    place: Place,
    kind: ProfileKind,
    id: &str,
) -> Result<Option<Vec<u8>>, StoreError> {
    let Some(file) = files.get(&place.file) else { return Ok(None) };
    let mut bytes = read(file, u64::from(place.offset), place.length as usize)?;
    let (found_kind, found_id, value) = split(&bytes)?;
    if (found_kind, found_id) != (kind_byte(kind), id) {
        return Err(damaged("a value belongs to another subject"));
    }
    let head = bytes.len() - value.len();
    bytes.drain(..head);
    Ok(Some(bytes))
}

fn read(file: &ValueFile, offset: u64, length: usize) -> Result<Vec<u8>, StoreError> {
    let mut bytes = vec![0; length];
    let count = file.file.read_at(&mut bytes, offset).map_err(|error| failed(&error))?;
    if count < length { Err(damaged("a value is cut off")) } else { Ok(bytes) }
}

/// Some whole values from `offset` on, and at least one unless the file is damaged there.
fn read_piece(file: &ValueFile, offset: u64) -> Result<Vec<u8>, StoreError> {
    let left = usize::try_from(file.length() - offset).unwrap_or(usize::MAX);
    let piece = read(file, offset, left.min(PIECE_BYTES))?;
    let head = piece.get(4..HEAD_BYTES).and_then(|bytes| bytes.try_into().ok());
    match head.map_or(0, |bytes| u32::from_le_bytes(bytes) as usize) {
        long if long > piece.len() && long <= left => read(file, offset, long),
        _ => Ok(piece),
    }
}

/// The length of the value that begins here, if it is here as a whole.
fn length_of(record: &[u8]) -> Option<usize> {
    let length = u32::from_le_bytes(record.get(4..HEAD_BYTES)?.try_into().ok()?) as usize;
    (length > HEAD_BYTES && length <= record.len()).then_some(length)
}

/// Checks a record and takes it apart: kind, id, value.
fn split(record: &[u8]) -> Result<(u8, &str, &[u8]), StoreError> {
    let parts = || {
        let (checksum, rest) = record.split_first_chunk::<4>()?;
        if length_of(record)? != record.len() || crc32fast::hash(rest) != u32::from_le_bytes(*checksum) {
            return None;
        }
        let mut reader = Reader::new(record.get(HEAD_BYTES..)?);
        let [kind] = reader.array()?;
        let length = usize::try_from(reader.varint()?).ok()?;
        let (id, value) = reader.rest().split_at_checked(length)?;
        Some((kind, std::str::from_utf8(id).ok()?, value))
    };
    parts().ok_or_else(|| damaged("the checksum of a value is wrong"))
}
