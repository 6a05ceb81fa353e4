//! Replacing frames of the log where they stand (docs/FORMAT.md, "Patch").
//!
//! An erased event becomes a frame of the same length, position and time that holds nothing. So batches, the chain of
//! durable positions, witnesses and the place of every other record stay what they are; the writer goes on behind,
//! and readers that have the file open see one frame or the other. A write over durable bytes could be cut in the middle:
//! the new frames are therefore written to a file of their own first, `patch`, and are durable there before the segment is
//! touched. A start that finds that file writes them again. It never holds anything of what is erased.

use std::io;
use std::path::Path;

use muster_kernel::model::id::Position;

use super::segment::{Segments, file_name};
use crate::disk::Disk;

const MAGIC: [u8; 8] = *b"MUSTRPAT";
const PATCH_FORMAT: u32 = 1;
const HEADER_BYTES: usize = 24;
const FILE: &str = "patch";
const FRESH: &str = "patch.new";
/// Bytes of new frames that are written in one go; a larger file would only take longer to write twice.
pub const PATCH_BYTES_MAX: usize = 4 << 20;

/// New frames for one segment.
#[derive(Default)]
pub struct Patch {
    entries: Vec<u8>,
    count: u32,
}

impl Patch {
    /// Adds a frame that stands at `offset`.
    pub fn add(&mut self, offset: u64, frame: &[u8]) {
        self.entries.extend_from_slice(&offset.to_le_bytes());
        self.entries.extend_from_slice(&u32::try_from(frame.len()).unwrap_or(u32::MAX).to_le_bytes());
        self.entries.extend_from_slice(frame);
        self.count += 1;
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether it is time to apply it.
    pub fn is_full(&self) -> bool {
        self.entries.len() >= PATCH_BYTES_MAX
    }

    fn encode(&self, segment: Position) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_BYTES + self.entries.len() + 4);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&PATCH_FORMAT.to_le_bytes());
        bytes.extend_from_slice(&self.count.to_le_bytes());
        bytes.extend_from_slice(&segment.0.to_le_bytes());
        bytes.extend_from_slice(&self.entries);
        let checksum = crc32fast::hash(&bytes);
        bytes.extend_from_slice(&checksum.to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<(Position, Patch)> {
        let (content, checksum) = bytes.split_last_chunk::<4>()?;
        let (header, entries) = content.split_at_checked(HEADER_BYTES)?;
        let word = |at: usize| header.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes);
        let whole = crc32fast::hash(content) == u32::from_le_bytes(*checksum)
            && header.starts_with(&MAGIC)
            && word(8)? == PATCH_FORMAT;
        let first = u64::from_le_bytes(header.get(16..24)?.try_into().ok()?);
        let patch = Patch { entries: entries.to_vec(), count: word(12)? };
        (whole && patch.frames().count() == patch.count as usize).then_some((Position(first), patch))
    }

    fn frames(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let mut rest = self.entries.as_slice();
        std::iter::from_fn(move || {
            let (offset, after) = rest.split_first_chunk::<8>()?;
            let (length, after) = after.split_first_chunk::<4>()?;
            let (frame, after) = after.split_at_checked(u32::from_le_bytes(*length) as usize)?;
            rest = after;
            Some((u64::from_le_bytes(*offset), frame))
        })
    }
}

/// Replaces the frames, durably, whatever happens meanwhile.
///
/// # Errors
/// When a file cannot be written or synced. What was begun is ended by [`finish`] at the next start, or by applying a
/// patch that holds the same frames.
pub fn apply(
    disk: &dyn Disk,
    directory: &Path,
    segments: &Segments,
    segment: Position,
    patch: &Patch,
) -> io::Result<()> {
    let fresh = directory.join(FRESH);
    let file = disk.open(&fresh, true)?;
    file.set_length(0)?;
    file.write_at(&patch.encode(segment), 0)?;
    file.sync()?;
    drop(file);
    disk.rename(&fresh, &directory.join(FILE))?;
    disk.sync_directory(directory)?;
    write(disk, directory, segment, patch, |file, offset, frame| {
        let _alone = segments.replacing();
        file.write_at(frame, offset)
    })?;
    disk.remove(&directory.join(FILE))?;
    disk.sync_directory(directory)
}

fn write(
    disk: &dyn Disk,
    directory: &Path,
    segment: Position,
    patch: &Patch,
    put: impl Fn(&dyn crate::disk::DiskFile, u64, &[u8]) -> io::Result<()>,
) -> io::Result<()> {
    // Opened anew: an error of this sync must not be taken from the writer, whose own sync has to meet it.
    let file = disk.open(&directory.join(file_name(segment)), false)?;
    for (offset, frame) in patch.frames() {
        put(file.as_ref(), offset, frame)?;
    }
    file.sync()
}

/// Ends what a stop cut short. Called before anything of the log is read.
///
/// # Errors
/// When a file cannot be read, written or synced; or, as `InvalidData`, when the patch itself is damaged: it was durable
/// before it got its name, so that is no torn end.
pub fn finish(disk: &dyn Disk, directory: &Path) -> io::Result<Option<String>> {
    let names = disk.list(directory)?;
    if names.iter().any(|name| name == FRESH) {
        disk.remove(&directory.join(FRESH))?;
    }
    if !names.iter().any(|name| name == FILE) {
        return Ok(None);
    }
    let path = directory.join(FILE);
    let (segment, patch) = read(disk, &path)?;
    write(disk, directory, segment, &patch, |file, offset, frame| file.write_at(frame, offset))?;
    disk.remove(&path)?;
    disk.sync_directory(directory)?;
    Ok(Some(format!("ended the replacement of {} records in {}", patch.count, file_name(segment))))
}

/// Whether a stop cut a patch short.
pub fn is_pending(disk: &dyn Disk, directory: &Path) -> bool {
    disk.list(directory).is_ok_and(|names| names.iter().any(|name| name == FILE))
}

fn read(disk: &dyn Disk, path: &Path) -> io::Result<(Position, Patch)> {
    let file = disk.open(path, false)?;
    let mut bytes = vec![0; usize::try_from(file.length()?).unwrap_or_default()];
    let filled = file.read_at(&mut bytes, 0)?;
    bytes.truncate(filled);
    Patch::decode(&bytes).ok_or_else(|| {
        let what = format!("{} is damaged: restore the log from a backup", path.display());
        io::Error::new(io::ErrorKind::InvalidData, what)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_reads_back_whole_and_no_part_of_it_does() {
        let mut patch = Patch::default();
        patch.add(128, b"first");
        patch.add(4096, b"second one");
        let bytes = patch.encode(Position(7));
        let (segment, read) = Patch::decode(&bytes).unwrap();
        assert_eq!(segment, Position(7));
        assert_eq!(read.frames().collect::<Vec<_>>(), [(128, &b"first"[..]), (4096, &b"second one"[..])]);
        for end in 0..bytes.len() {
            assert!(Patch::decode(&bytes[..end]).is_none(), "cut at {end}");
        }
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(Patch::decode(&flipped).is_none(), "bit {bit}");
        }
    }
}
