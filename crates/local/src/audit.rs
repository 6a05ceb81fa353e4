//! The audit trail: acts that the catalog no longer holds, one line each, in a file that only grows.
//!
//! Invariants: lines stand in the order of their numbers; `append` returns after a sync; an entry is in the catalog
//! until it is durable here. So whatever the catalog still holds may be cut off when the file is opened, torn or whole:
//! it comes again. After a failed write or sync nothing is appended until the next start. docs/FORMAT.md, "Audit trail".

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use muster_kernel::model::audit::AuditEntry;
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

/// What is known of the file.
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
    /// Opens the trail. `held_from` is the number of the oldest entry that the catalog still holds. Answers what cannot be
    /// read as well, for the operator.
    ///
    /// # Errors
    /// When the file cannot be read, cut or synced.
    pub fn open(disk: Arc<dyn Disk>, directory: &Path, held_from: u64) -> io::Result<(Self, Vec<String>)> {
        let mut tail = Tail { file: None, end: 0, newest: 0, places: Vec::new(), lines: 0, is_broken: false };
        let mut notes = Vec::new();
        if disk.list(directory)?.iter().any(|name| name == FILE) {
            let file = disk.open(&directory.join(FILE), false)?;
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

    /// Finds the end of what only this file holds.
    fn look_through(&mut self, file: &dyn DiskFile, held_from: u64) -> io::Result<Vec<String>> {
        let (mut notes, mut unreadable) = (Vec::new(), Vec::new());
        for_each_line(file, 0, file.length()?, |offset, line| {
            match entry_of(line) {
                Some(entry) if entry.number < held_from && entry.number > self.newest => {
                    self.note(entry.number, offset);
                    self.end = offset + line.len() as u64 + 1;
                    // Something whole follows: what could not be read before it was durable once.
                    notes.append(&mut unreadable);
                }
                // It comes again from the catalog.
                Some(_) => {}
                None => unreadable
                    .push(format!("{FILE} cannot be read at offset {offset}: an audit entry is lost")),
            }
        })?;
        Ok(notes)
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
