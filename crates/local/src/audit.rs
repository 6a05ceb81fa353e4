//! The audit trail: acts that the catalog no longer holds, one line each, in a file that only grows.
//!
//! Invariants: lines stand in the order of their numbers; `append` returns after a sync; an entry is in the catalog
//! until it is durable here. So whatever the catalog still holds may be cut off when the file is opened, torn or whole:
//! it comes again. After a failed write or sync nothing is appended until the next start. docs/FORMAT.md, "Audit trail".

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use muster_kernel::model::audit::AuditEntry;
use muster_kernel::model::catalog::CatalogState;
use muster_kernel::ports::{AuditTrail, StoreError};

use crate::disk::{Disk, DiskFile};

/// The file's name in the data directory.
pub const FILE: &str = "audit.log";
/// Entries between two places that are remembered.
const STRIDE: usize = 128;
/// Bytes read at once while the file is looked through.
const CHUNK_BYTES: usize = 1 << 20;
/// A line is longer than this only by damage.
const LINE_BYTES_MAX: usize = 64 << 10;
/// The checksum and the space behind it.
const PREFIX_BYTES: usize = 9;

/// The audit trail of a data directory.
pub struct AuditFile {
    disk: Arc<dyn Disk>,
    directory: PathBuf,
    tail: Mutex<Tail>,
}

/// Reads the whole trail and changes nothing: how many acts it holds, and what is missing.
///
/// # Errors
/// When the file cannot be read.
pub fn check(disk: &dyn Disk, directory: &Path, held_from: u64) -> io::Result<(usize, Vec<String>)> {
    let mut tail = Tail::default();
    match present(disk, directory)? {
        Some(file) => tail.look_through(file.as_ref(), held_from).map(|missing| (tail.lines, missing)),
        None => Ok((0, gap(0, held_from).into_iter().collect())),
    }
}

/// The number of the oldest act that a catalog holds itself.
pub fn held_from(state: &CatalogState) -> u64 {
    state.audit.first().map_or(state.next_audit.max(1), |oldest| oldest.number)
}

fn present(disk: &dyn Disk, directory: &Path) -> io::Result<Option<Box<dyn DiskFile>>> {
    let is_there = disk.list(directory)?.iter().any(|name| name == FILE);
    is_there.then(|| disk.open(&directory.join(FILE), false)).transpose()
}

/// What lies between two numbers that should follow one another.
fn gap(last: u64, next: u64) -> Option<String> {
    let (from, to) = (last + 1, next.saturating_sub(1));
    (from <= to).then(|| format!("{FILE} lacks the acts {from} to {to}: they were damaged or taken out"))
}

/// What is known of the file.
#[derive(Default)]
struct Tail {
    /// Absent until the first entry is carried here.
    file: Option<Box<dyn DiskFile>>,
    end: u64,
    newest: u64,
    /// Number and offset of every `STRIDE`th whole line.
    places: Vec<(u64, u64)>,
    lines: usize,
    is_broken: bool,
}

impl AuditFile {
    /// Opens the trail. `held_from` is the number of the oldest entry that the catalog still holds. Answers what is missing
    /// as well, for the operator.
    ///
    /// # Errors
    /// When the file cannot be read, cut or synced.
    pub fn open(disk: Arc<dyn Disk>, directory: &Path, held_from: u64) -> io::Result<(Self, Vec<String>)> {
        let mut tail = Tail::default();
        let mut notes: Vec<String> = gap(0, held_from).into_iter().collect();
        if let Some(file) = present(disk.as_ref(), directory)? {
            notes = tail.look_through(file.as_ref(), held_from)?;
            if file.length()? > tail.end {
                file.set_length(tail.end)?;
            }
            // What a former process wrote may have been seen and not be durable.
            file.sync()?;
            tail.file = Some(file);
        }
        Ok((AuditFile { disk, directory: directory.into(), tail: Mutex::new(tail) }, notes))
    }

    fn written(&self, tail: &mut Tail, entries: &[AuditEntry]) -> io::Result<()> {
        if tail.is_broken {
            return Err(io::Error::other("a write failed before; restart the server"));
        }
        let mut bytes = Vec::new();
        let mut places = Vec::new();
        for entry in entries {
            places.push((entry.number, tail.end + bytes.len() as u64));
            bytes.extend_from_slice(&line_of(entry)?);
        }
        if bytes.is_empty() {
            return Ok(());
        }
        tail.is_broken = true;
        if tail.file.is_none() {
            tail.file = Some(self.disk.open(&self.directory.join(FILE), true)?);
            self.disk.sync_directory(&self.directory)?;
        }
        if let Some(file) = &tail.file {
            file.write_at(&bytes, tail.end)?;
            file.sync()?;
        }
        tail.is_broken = false;
        places.into_iter().for_each(|(number, offset)| tail.note(number, offset));
        tail.end += bytes.len() as u64;
        Ok(())
    }
}

impl Tail {
    fn note(&mut self, number: u64, offset: u64) {
        if self.lines.is_multiple_of(STRIDE) {
            self.places.push((number, offset));
        }
        self.lines += 1;
        self.newest = number;
    }

    /// Finds the end of what only this file holds. Answers which acts are missing: numbers have no gaps.
    fn look_through(&mut self, file: &dyn DiskFile, held_from: u64) -> io::Result<Vec<String>> {
        let mut missing = Vec::new();
        for_each_line(file, 0, file.length()?, |offset, line| {
            // What is not below comes again from the catalog.
            let Some(entry) =
                entry_of(line).filter(|entry| (self.newest + 1..held_from).contains(&entry.number))
            else {
                return;
            };
            missing.extend(gap(self.newest, entry.number));
            self.note(entry.number, offset);
            self.end = offset + line.len() as u64 + 1;
        })?;
        missing.extend(gap(self.newest, held_from));
        Ok(missing)
    }

    /// Entries from the remembered place `index` up to the next one, in the order of the file.
    fn stretch(&self, index: usize) -> io::Result<Vec<AuditEntry>> {
        let (Some(file), Some((_, from))) = (&self.file, self.places.get(index)) else {
            return Ok(Vec::new());
        };
        let until = self.places.get(index + 1).map_or(self.end, |(_, offset)| *offset);
        let mut entries = Vec::new();
        for_each_line(file.as_ref(), *from, until, |_, line| {
            entries.extend(entry_of(line));
        })?;
        Ok(entries)
    }
}

impl AuditTrail for AuditFile {
    fn append(&self, entries: &[AuditEntry]) -> Result<(), StoreError> {
        let mut tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        let known = entries.partition_point(|entry| entry.number <= tail.newest);
        self.written(&mut tail, &entries[known..])
            .map_err(|error| StoreError::Failed(format!("{FILE} cannot be written: {error}")))
    }

    fn before(&self, before: u64, limit: usize) -> Result<Vec<AuditEntry>, StoreError> {
        let tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found = Vec::new();
        for index in (0..tail.places.partition_point(|(number, _)| *number < before)).rev() {
            if found.len() >= limit {
                break;
            }
            let stretch = tail.stretch(index);
            let stretch =
                stretch.map_err(|error| StoreError::Failed(format!("{FILE} cannot be read: {error}")))?;
            found.extend(stretch.into_iter().rev().filter(|entry| entry.number < before));
        }
        found.truncate(limit);
        Ok(found)
    }
}

/// `checksum json`, with the end of the line.
fn line_of(entry: &AuditEntry) -> io::Result<Vec<u8>> {
    let json = serde_json::to_string(entry)?;
    Ok(format!("{:08x} {json}\n", crc32fast::hash(json.as_bytes())).into_bytes())
}

fn entry_of(line: &[u8]) -> Option<AuditEntry> {
    let (prefix, json) = line.split_at_checked(PREFIX_BYTES)?;
    let sum = u32::from_str_radix(std::str::from_utf8(prefix).ok()?.strip_suffix(' ')?, 16).ok()?;
    serde_json::from_slice(json).ok().filter(|_| crc32fast::hash(json) == sum)
}

/// Hands each line between two offsets on, without its end; a last line without an end is handed on too.
fn for_each_line(
    file: &dyn DiskFile,
    from: u64,
    until: u64,
    mut see: impl FnMut(u64, &[u8]),
) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK_BYTES];
    let (mut held, mut start, mut read_to) = (Vec::new(), from, from);
    while read_to < until {
        let wanted = usize::try_from(until - read_to).unwrap_or(CHUNK_BYTES).min(CHUNK_BYTES);
        let count = file.read_at(&mut chunk[..wanted], read_to)?;
        if count == 0 {
            break;
        }
        read_to += count as u64;
        held.extend_from_slice(&chunk[..count]);
        let mut used = 0;
        while let Some(length) = held[used..].iter().position(|&byte| byte == b'\n') {
            see(start, &held[used..used + length]);
            used += length + 1;
            start += length as u64 + 1;
        }
        held.drain(..used);
        if held.len() > LINE_BYTES_MAX {
            // No line is this long: damage, of which the next line's beginning is all that matters.
            start += held.len() as u64;
            held.clear();
        }
    }
    if !held.is_empty() {
        see(start, &held);
    }
    Ok(())
}
