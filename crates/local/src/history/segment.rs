//! A segment: the events of a stretch of the log in columns, in a file or in memory, never changed (docs/FORMAT.md,
//! "History", "Segment").
//!
//! Parts stand one behind the other, sorted by name and user; a footer says where, what users and times each has, and its
//! checksum. The tail is made of the same bytes in memory: one reader and one set of questions serves both.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use muster_kernel::model::varint::{self, Reader};

use super::lane::{self, Lane, from_signed, to_signed};
use super::part::Part;
use crate::map::Mapped;

/// Version of a segment; a reader refuses newer ones.
pub const SEGMENT_FORMAT: u32 = 1;
/// Bytes in front of the first part.
pub const HEADER_BYTES: usize = 48;
/// Bytes behind the footer.
pub const TRAILER_BYTES: usize = 24;
const MAGIC: [u8; 8] = *b"MUSTRHIS";
/// What volumes are counted in: every time zone's hours and days begin at one of these, in microseconds.
pub const QUARTER_MICROS: i64 = 15 * 60 * 1_000_000;

/// What a segment says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The environment that it belongs to.
    pub environment: u32,
    /// The life of the environment's data.
    pub incarnation: u32,
    /// Where every checksum starts.
    pub salt: u32,
    /// The first position of the stretch of the log that it covers.
    pub first: u64,
    /// The last one.
    pub last: u64,
}

impl Header {
    /// As it stands at the start of a segment.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER_BYTES);
        out.extend_from_slice(&MAGIC);
        for word in [SEGMENT_FORMAT, self.environment, self.incarnation, self.salt] {
            out.extend_from_slice(&word.to_le_bytes());
        }
        out.extend_from_slice(&self.first.to_le_bytes());
        out.extend_from_slice(&self.last.to_le_bytes());
        out.resize(HEADER_BYTES - 4, 0);
        let checksum = crc32fast::hash(&out);
        out.extend_from_slice(&checksum.to_le_bytes());
        out
    }

    fn decode(bytes: &[u8]) -> Result<Header, String> {
        let damaged = || "its header cannot be read".to_owned();
        let (content, checksum) =
            bytes.get(..HEADER_BYTES).and_then(<[u8]>::split_last_chunk::<4>).ok_or_else(damaged)?;
        if crc32fast::hash(content) != u32::from_le_bytes(*checksum) || !content.starts_with(&MAGIC) {
            return Err(damaged());
        }
        let mut reader = Reader::new(content.get(8..).unwrap_or_default());
        let mut word = || reader.array().map(u32::from_le_bytes).unwrap_or_default();
        let (format, environment, incarnation, salt) = (word(), word(), word(), word());
        if format != SEGMENT_FORMAT {
            return Err(format!("has segment format {format}, this program reads {SEGMENT_FORMAT}"));
        }
        let mut long = || reader.array().map(u64::from_le_bytes).unwrap_or_default();
        Ok(Header { environment, incarnation, salt, first: long(), last: long() })
    }
}

/// Where a part stands and what is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartEntry {
    /// The number of its events' name.
    pub name: u32,
    /// How many events it has.
    pub rows: u32,
    /// Its first and its last user.
    pub users: (u32, u32),
    /// Its smallest and its largest time.
    pub times: (i64, i64),
    /// Where it stands.
    pub offset: u64,
    /// Its bytes.
    pub length: u64,
    /// Their checksum.
    pub checksum: u32,
}

/// Where something stands that the footer names, and its checksum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Section {
    /// Its first byte.
    pub offset: u64,
    /// Its bytes.
    pub length: u64,
    /// Their checksum.
    pub checksum: u32,
}

/// What stands behind the parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Footer {
    /// The parts, by name and then by user.
    pub parts: Vec<PartEntry>,
    /// Runs of positions whose times of receipt are one microsecond apart.
    pub run_count: u64,
    /// Lane: the first position of each run, from the segment's first.
    pub run_positions: Section,
    /// Lane: its time of receipt.
    pub run_times: Section,
    /// For each name how many events each quarter of an hour has.
    pub volumes: Vec<(u32, Section)>,
}

impl Section {
    fn encode(&self, out: &mut Vec<u8>) {
        varint::put(out, self.offset);
        varint::put(out, self.length);
        varint::put(out, self.checksum.into());
    }

    fn decode(reader: &mut Reader<'_>) -> Option<Section> {
        let (offset, length) = (reader.varint()?, reader.varint()?);
        Some(Section { offset, length, checksum: u32::try_from(reader.varint()?).ok()? })
    }
}

impl Footer {
    /// Footer and trailer, to stand at `offset`.
    pub fn encode(&self, offset: u64, salt: u32) -> Vec<u8> {
        let mut out = Vec::new();
        varint::put(&mut out, self.parts.len() as u64);
        for part in &self.parts {
            for number in [part.name, part.rows, part.users.0, part.users.1] {
                varint::put(&mut out, number.into());
            }
            out.extend_from_slice(&part.times.0.to_le_bytes());
            out.extend_from_slice(&part.times.1.to_le_bytes());
            Section { offset: part.offset, length: part.length, checksum: part.checksum }.encode(&mut out);
        }
        varint::put(&mut out, self.run_count);
        self.run_positions.encode(&mut out);
        self.run_times.encode(&mut out);
        varint::put(&mut out, self.volumes.len() as u64);
        for (name, section) in &self.volumes {
            varint::put(&mut out, (*name).into());
            section.encode(&mut out);
        }
        let (length, checksum) = (out.len() as u64, checksum(&out, salt));
        out.extend_from_slice(&offset.to_le_bytes());
        out.extend_from_slice(&length.to_le_bytes()[..4]);
        out.extend_from_slice(&checksum.to_le_bytes());
        out.extend_from_slice(&MAGIC);
        out
    }

    fn decode(bytes: &[u8]) -> Option<Footer> {
        let mut reader = Reader::new(bytes);
        let mut footer = Footer::default();
        for _ in 0..reader.varint()? {
            let mut number = || u32::try_from(reader.varint()?).ok();
            let (name, rows, users) = (number()?, number()?, (number()?, number()?));
            let times = (reader.int64()?, reader.int64()?);
            let Section { offset, length, checksum } = Section::decode(&mut reader)?;
            footer.parts.push(PartEntry { name, rows, users, times, offset, length, checksum });
        }
        footer.run_count = reader.varint()?;
        footer.run_positions = Section::decode(&mut reader)?;
        footer.run_times = Section::decode(&mut reader)?;
        for _ in 0..reader.varint()? {
            let name = u32::try_from(reader.varint()?).ok()?;
            footer.volumes.push((name, Section::decode(&mut reader)?));
        }
        reader.is_empty().then_some(footer)
    }
}

/// The checksum of bytes of a segment with this salt.
pub fn checksum(bytes: &[u8], salt: u32) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(salt);
    hasher.update(bytes);
    hasher.finalize()
}

/// A segment that is open.
pub struct Segment {
    bytes: Mapped,
    header: Header,
    footer: Footer,
    events: u64,
    /// Which parts' checksums were compared already.
    checked: Vec<AtomicBool>,
    /// Its file; `None` in memory.
    pub file: Option<PathBuf>,
}

impl Segment {
    /// Opens the bytes of a segment.
    ///
    /// # Errors
    /// When they are none of this version; the text says what is wrong.
    pub fn open(bytes: Mapped, file: Option<PathBuf>) -> Result<Segment, String> {
        let all = (*bytes).as_ref();
        let header = Header::decode(all)?;
        let damaged = || "its footer cannot be read".to_owned();
        let trailer =
            all.len().checked_sub(TRAILER_BYTES).and_then(|at| all.get(at..)).ok_or_else(damaged)?;
        let mut reader = Reader::new(trailer);
        let offset = reader.array().map(u64::from_le_bytes).ok_or_else(damaged)?;
        let length = reader.array().map(u32::from_le_bytes).ok_or_else(damaged)?;
        let sum = reader.array().map(u32::from_le_bytes).ok_or_else(damaged)?;
        let footer = section(all, offset, length.into()).ok_or_else(damaged)?;
        if reader.rest() != MAGIC || checksum(footer, header.salt) != sum {
            return Err(damaged());
        }
        let footer = Footer::decode(footer).ok_or_else(damaged)?;
        let events = footer.parts.iter().map(|part| u64::from(part.rows)).sum();
        let checked = footer.parts.iter().map(|_| AtomicBool::new(false)).collect();
        Ok(Segment { bytes, header, footer, events, checked, file })
    }

    /// What it says of itself.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Its parts, by name and then by user.
    pub fn parts(&self) -> &[PartEntry] {
        &self.footer.parts
    }

    /// Its bytes, on disk or in memory.
    pub fn length(&self) -> u64 {
        (*self.bytes).as_ref().len() as u64
    }

    /// How many events it has.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// The parts with events of a name.
    pub fn parts_of(&self, name: u32) -> std::ops::Range<usize> {
        let parts = self.parts();
        parts.partition_point(|part| part.name < name)..parts.partition_point(|part| part.name <= name)
    }

    /// Opens a part; its checksum is compared the first time.
    ///
    /// # Errors
    /// When it is damaged; the text says where.
    pub fn part(&self, index: usize) -> Result<Part<'_>, String> {
        let damaged = || format!("{} is damaged in part {index}", self.name());
        let entry = self.parts().get(index).ok_or_else(damaged)?;
        let bytes = section((*self.bytes).as_ref(), entry.offset, entry.length).ok_or_else(damaged)?;
        let checked = self.checked.get(index).ok_or_else(damaged)?;
        if !checked.load(Ordering::Relaxed) {
            if checksum(bytes, self.header.salt) != entry.checksum {
                return Err(damaged());
            }
            checked.store(true, Ordering::Relaxed);
        }
        Part::open(bytes).filter(|part| part.rows == entry.rows as usize).ok_or_else(damaged)
    }

    /// What it is called in messages.
    pub fn name(&self) -> String {
        self.file.as_ref().map_or_else(|| "the tail".to_owned(), |file| file.display().to_string())
    }

    /// The times of receipt of its positions.
    ///
    /// # Errors
    /// When they are damaged.
    pub fn receipts(&self) -> Result<Receipts<'_>, String> {
        let count = usize::try_from(self.footer.run_count).unwrap_or(usize::MAX);
        let lane = |part: Section| Lane::open(self.checked_section(part)?, count);
        let damaged = || format!("{} is damaged in its times of receipt", self.name());
        let positions = lane(self.footer.run_positions).ok_or_else(damaged)?;
        Ok(Receipts {
            first: self.header.first,
            positions,
            times: lane(self.footer.run_times).ok_or_else(damaged)?,
        })
    }

    /// Quarters of an hour since 1970 and how many events of a name each has, ascending; nothing for a name without.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn volume(&self, name: u32) -> Result<Vec<(i64, u64)>, String> {
        let Some((_, part)) = self.footer.volumes.iter().find(|(known, _)| *known == name) else {
            return Ok(Vec::new());
        };
        let read = || {
            let mut reader = Reader::new(self.checked_section(*part)?);
            let mut quarter = 0i64;
            let mut found = Vec::new();
            while !reader.is_empty() {
                let step = if found.is_empty() {
                    to_signed(reader.varint()?)
                } else {
                    reader.varint()?.cast_signed()
                };
                quarter = quarter.wrapping_add(step);
                found.push((quarter, reader.varint()?));
            }
            Some(found)
        };
        read().ok_or_else(|| format!("{} is damaged in a volume", self.name()))
    }

    fn checked_section(&self, part: Section) -> Option<&[u8]> {
        let bytes = section((*self.bytes).as_ref(), part.offset, part.length)?;
        (checksum(bytes, self.header.salt) == part.checksum).then_some(bytes)
    }
}

/// Appends a volume as [`Segment::volume`] reads it.
pub fn put_volume(quarters: &[(i64, u64)], out: &mut Vec<u8>) {
    let mut last = None;
    for (quarter, count) in quarters {
        let step =
            last.map_or_else(|| from_signed(*quarter), |last| quarter.wrapping_sub(last).cast_unsigned());
        varint::put(out, step);
        varint::put(out, *count);
        last = Some(*quarter);
    }
}

fn section(bytes: &[u8], offset: u64, length: u64) -> Option<&[u8]> {
    let start = usize::try_from(offset).ok()?;
    bytes.get(start..start.checked_add(usize::try_from(length).ok()?)?)
}

/// When each position of a segment was received.
#[derive(Clone, Copy, Debug)]
pub struct Receipts<'a> {
    first: u64,
    positions: Lane<'a>,
    times: Lane<'a>,
}

impl Receipts<'_> {
    /// When a position that the segment holds was received, in microseconds.
    pub fn received_at(&self, position: u64) -> Option<i64> {
        let offset = position.checked_sub(self.first)?;
        let run = self.positions.first_at_least(offset + 1).checked_sub(1)?;
        let since = offset.checked_sub(self.positions.get(run)?)?;
        to_signed(self.times.get(run)?).checked_add_unsigned(since)
    }

    /// The runs from a position on; one that holds the position begins with it.
    pub fn runs_from(&self, first: u64) -> Vec<(u64, i64)> {
        let mut runs = self.runs();
        let begun = runs.partition_point(|(position, _)| *position <= first);
        if let Some((position, at)) = begun.checked_sub(1).and_then(|index| runs.get_mut(index)) {
            *at = at.saturating_add_unsigned(first - *position);
            *position = first;
        }
        runs.drain(..begun.saturating_sub(1));
        runs
    }

    /// Every run: its first position and that one's time.
    pub fn runs(&self) -> Vec<(u64, i64)> {
        let positions = lane::all(&self.positions).into_iter().map(|offset| self.first + offset);
        positions.zip(lane::all(&self.times).into_iter().map(to_signed)).collect()
    }
}
