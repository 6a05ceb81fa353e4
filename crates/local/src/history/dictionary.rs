//! A dictionary: texts and the dense numbers that stand for them, in memory and in a file that only grows (docs/FORMAT.md,
//! "History", "Dictionary").
//!
//! One writer gives the numbers, in the order of arrival, from 0 on; number 0 is the empty text, "none". A number is
//! never given twice: what was given but not yet synced when the power went was in no file. In memory a text costs its
//! bytes and some sixteen more.

use std::hash::BuildHasher;
use std::io;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use hashbrown::{DefaultHashBuilder, HashTable};
use muster_kernel::model::varint::{self, Reader};
use roaring::RoaringBitmap;

use crate::disk::{Disk, DiskFile};

/// Version of a dictionary's file.
pub const DICTIONARY_FORMAT: u32 = 1;
const MAGIC: [u8; 8] = *b"MUSTRDIC";
const HEADER_BYTES: usize = 24;
const FRAME_HEADER_BYTES: usize = 16;
/// A frame is begun anew beyond this.
const FRAME_BYTES: usize = 1 << 20;

/// Stands for a text that is forgotten; no text is like it, because this is not UTF-8.
const FORGOTTEN: &[u8] = &[0xff];

/// Texts and their numbers.
#[derive(Clone)]
pub struct Dictionary {
    bytes: Vec<u8>,
    ends: Vec<u64>,
    table: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl Default for Dictionary {
    fn default() -> Self {
        let mut empty = Dictionary {
            bytes: Vec::new(),
            ends: Vec::new(),
            table: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
        };
        empty.intern(b"");
        empty
    }
}

impl Dictionary {
    /// How many texts there are.
    pub fn count(&self) -> u32 {
        u32::try_from(self.ends.len()).unwrap_or(u32::MAX)
    }

    /// About how much memory it takes.
    pub fn bytes(&self) -> usize {
        self.bytes.len() + self.ends.len() * 16
    }

    /// The number of a text, if it has one.
    pub fn get(&self, text: &[u8]) -> Option<u32> {
        let hash = self.hasher.hash_one(text);
        self.table.find(hash, |number| self.text(*number) == Some(text)).copied()
    }

    /// The number of a text, given now if it had none.
    pub fn intern(&mut self, text: &[u8]) -> u32 {
        if let Some(number) = self.get(text) {
            return number;
        }
        let number = self.count();
        self.bytes.extend_from_slice(text);
        self.ends.push(self.bytes.len() as u64);
        let (bytes, ends, hasher) = (&self.bytes, &self.ends, &self.hasher);
        let hash_of = |number: &u32| hasher.hash_one(text_of(bytes, ends, *number).unwrap_or_default());
        self.table.insert_unique(hasher.hash_one(text), number, hash_of);
        number
    }

    /// A copy in which these numbers stand for nothing any more; nobody else gets them.
    pub fn without(&self, forgotten: &RoaringBitmap) -> Dictionary {
        let mut copy = Dictionary::default();
        for number in 1..self.count() {
            match self.text(number).filter(|_| !forgotten.contains(number)) {
                Some(text) if text != FORGOTTEN => {
                    copy.intern(text);
                }
                _ => copy.push_forgotten(),
            }
        }
        copy
    }

    fn push_forgotten(&mut self) {
        self.bytes.extend_from_slice(FORGOTTEN);
        self.ends.push(self.bytes.len() as u64);
    }

    /// The text that a number stands for.
    pub fn text(&self, number: u32) -> Option<&[u8]> {
        text_of(&self.bytes, &self.ends, number)
    }
}

fn text_of<'a>(bytes: &'a [u8], ends: &[u64], number: u32) -> Option<&'a [u8]> {
    let at = |index: usize| usize::try_from(*ends.get(index)?).ok();
    let index = number as usize;
    let start = if index == 0 { 0 } else { at(index - 1)? };
    bytes.get(start..at(index)?)
}

/// The file that a dictionary is kept in.
pub struct DictionaryFile {
    file: Arc<dyn DiskFile>,
    salt: u32,
    end: u64,
    /// Texts that are in it, durably.
    kept: u32,
    /// A write or a sync failed: what stands at the end is unknown.
    failed: bool,
}

impl DictionaryFile {
    /// Makes the file of an empty dictionary. Its name is durable once the directory is synced.
    ///
    /// # Errors
    /// When it cannot be written and synced.
    pub fn create(disk: &dyn Disk, path: &Path, salt: u32) -> io::Result<DictionaryFile> {
        let file: Arc<dyn DiskFile> = Arc::from(disk.open(path, true)?);
        let mut header = Vec::with_capacity(HEADER_BYTES);
        header.extend_from_slice(&MAGIC);
        header.extend_from_slice(&DICTIONARY_FORMAT.to_le_bytes());
        header.extend_from_slice(&salt.to_le_bytes());
        header.extend_from_slice(&[0; 4]);
        header.extend_from_slice(&crc32fast::hash(&header).to_le_bytes());
        file.set_length(0)?;
        file.write_at(&header, 0)?;
        file.sync()?;
        // The text of number 0 needs no file.
        Ok(DictionaryFile { file, salt, end: HEADER_BYTES as u64, kept: 1, failed: false })
    }

    /// Reads a file; `least` texts must be there, what follows the last whole frame is a torn end and is cut, unless
    /// `read_only`.
    ///
    /// # Errors
    /// When it cannot be read, or is damaged before the `least`-th text; the text says what is wrong.
    pub fn open(
        disk: &dyn Disk,
        path: &Path,
        least: u32,
        read_only: bool,
    ) -> Result<(DictionaryFile, Dictionary), String> {
        let place = |what: &str| format!("{}: {what}", path.display());
        let unreadable = |error: io::Error| place(&error.to_string());
        let file: Arc<dyn DiskFile> = Arc::from(disk.open(path, false).map_err(unreadable)?);
        let mut bytes = vec![0; usize::try_from(file.length().map_err(unreadable)?).unwrap_or(usize::MAX)];
        file.read_at(&mut bytes, 0).map_err(unreadable)?;
        let salt = read_header(&bytes).map_err(|what| place(&what))?;
        let mut dictionary = Dictionary::default();
        let mut end = HEADER_BYTES;
        while let Some(length) = read_frame(bytes.get(end..).unwrap_or_default(), salt, &mut dictionary) {
            end += length;
        }
        if dictionary.count() < least {
            return Err(place(&format!(
                "damaged at offset {end}: {} texts can be read, {least} were durable",
                dictionary.count()
            )));
        }
        if end < bytes.len() && !read_only {
            file.set_length(end as u64).and_then(|()| file.sync()).map_err(unreadable)?;
        }
        let kept = dictionary.count();
        Ok((DictionaryFile { file, salt, end: end as u64, kept, failed: false }, dictionary))
    }

    /// Bytes of the file.
    pub fn length(&self) -> u64 {
        self.end
    }

    /// Texts that are durable.
    pub fn kept(&self) -> u32 {
        self.kept
    }

    /// What has to be added for every text of the dictionary to be there; nothing when all are.
    pub fn missing(&self, dictionary: &Dictionary) -> Missing {
        let mut missing = Missing { frames: Vec::new(), until: self.kept };
        while missing.until < dictionary.count() {
            missing.until = put_frame(dictionary, missing.until, self.salt, &mut missing.frames);
        }
        missing
    }

    /// Makes durable what was missing.
    ///
    /// # Errors
    /// When it fails; then it fails until the file is opened again, because nobody knows what stands at its end.
    pub fn add(&mut self, missing: &Missing) -> io::Result<()> {
        if missing.frames.is_empty() {
            return Ok(());
        }
        if self.failed {
            return Err(io::Error::other("an earlier write to this dictionary failed"));
        }
        self.failed = true;
        self.file.write_at(&missing.frames, self.end)?;
        self.file.sync()?;
        let end = self.end + missing.frames.len() as u64;
        (self.end, self.kept, self.failed) = (end, missing.until, false);
        Ok(())
    }
}

/// Texts that are not in the file yet, as they will stand there.
pub struct Missing {
    frames: Vec<u8>,
    until: u32,
}

fn read_header(bytes: &[u8]) -> Result<u32, String> {
    let header = bytes.get(..HEADER_BYTES).unwrap_or_default();
    let word =
        |at: usize| header.get(at..at + 4).and_then(|word| word.try_into().ok()).map(u32::from_le_bytes);
    let whole =
        header.starts_with(&MAGIC) && word(20) == Some(crc32fast::hash(header.get(..20).unwrap_or_default()));
    match (whole, word(8), word(12)) {
        (true, Some(DICTIONARY_FORMAT), Some(salt)) => Ok(salt),
        (true, Some(newer), _) => {
            Err(format!("has dictionary format {newer}, this program reads {DICTIONARY_FORMAT}"))
        }
        _ => Err("its header cannot be read".to_owned()),
    }
}

/// Appends a frame with texts from `first` on; answers the number behind its last.
fn put_frame(dictionary: &Dictionary, first: u32, salt: u32, out: &mut Vec<u8>) -> u32 {
    let start = out.len();
    out.resize(start + FRAME_HEADER_BYTES, 0);
    let mut number = first;
    while number < dictionary.count() && out.len() - start < FRAME_BYTES {
        varint::put_bytes(out, dictionary.text(number).unwrap_or_default());
        number += 1;
    }
    let length = u32::try_from(out.len() - start - FRAME_HEADER_BYTES).unwrap_or(u32::MAX);
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
    out[start + 8..start + 12].copy_from_slice(&first.to_le_bytes());
    out[start + 12..start + 16].copy_from_slice(&(number - first).to_le_bytes());
    let mut hasher = crc32fast::Hasher::new_with_initial(salt);
    hasher.update(&out[start + 8..]);
    out[start + 4..start + 8].copy_from_slice(&hasher.finalize().to_le_bytes());
    number
}

/// Reads the frame at the start of `bytes` into the dictionary; answers its length if it is whole and follows.
fn read_frame(bytes: &[u8], salt: u32, dictionary: &mut Dictionary) -> Option<usize> {
    let word = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let length = FRAME_HEADER_BYTES.checked_add(word(0)? as usize)?;
    let mut hasher = crc32fast::Hasher::new_with_initial(salt);
    hasher.update(bytes.get(8..length)?);
    if hasher.finalize() != word(4)? || word(8)? != dictionary.count() {
        return None;
    }
    let mut reader = Reader::new(bytes.get(FRAME_HEADER_BYTES..length)?);
    for _ in 0..word(12)? {
        let text = reader.bytes()?;
        let number = dictionary.count();
        if text == FORGOTTEN {
            dictionary.push_forgotten();
        } else if dictionary.intern(text) != number {
            return None;
        }
    }
    Some(length)
}

/// The dictionaries of an environment.
#[derive(Default)]
pub struct Dictionaries {
    /// Ids of users.
    pub users: Dictionary,
    /// Ids of companies.
    pub companies: Dictionary,
    /// Names of events, behind the byte of their kind, and of properties, behind a zero.
    pub names: Dictionary,
}

impl Dictionaries {
    /// The numbers of all names of events of a kind.
    pub fn names_of_kind(&self, kind: u8) -> Vec<u32> {
        let is_of_kind =
            |number: &u32| self.names.text(*number).is_some_and(|text| text.first() == Some(&kind));
        (0..self.names.count()).filter(is_of_kind).collect()
    }

    /// The text of a number that must have one, as text.
    pub fn str_of(dictionary: &Dictionary, number: u32) -> Option<&str> {
        std::str::from_utf8(dictionary.text(number)?).ok()
    }
}

/// The dictionaries as threads share them.
pub type Shared = RwLock<Dictionaries>;

/// Holds the dictionaries for reading.
pub fn read(shared: &Shared) -> RwLockReadGuard<'_, Dictionaries> {
    shared.read().unwrap_or_else(PoisonError::into_inner)
}

/// The key of an event's name among the names.
pub fn event_key(kind: u8, name: &str, key: &mut Vec<u8>) {
    key.clear();
    key.push(kind);
    key.extend_from_slice(name.as_bytes());
}

/// The key of a property's name among the names.
pub fn property_key(name: &[u8], key: &mut Vec<u8>) {
    key.clear();
    key.push(0);
    key.extend_from_slice(name);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::RealDisk;

    #[test]
    fn texts_keep_their_numbers_over_a_torn_end_and_never_change_them() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("d");
        let mut file = DictionaryFile::create(&RealDisk, &path, 7).unwrap();
        let mut dictionary = Dictionary::default();
        let text = |n: u32| format!("user {n}").into_bytes();
        for n in 1..=1000 {
            assert_eq!(dictionary.intern(&text(n)), n);
            if n % 300 == 0 {
                let missing = file.missing(&dictionary);
                file.add(&missing).unwrap();
            }
        }
        assert_eq!(dictionary.intern(&text(5)), 5);
        let whole = std::fs::read(&path).unwrap();
        let (file, read) = DictionaryFile::open(&RealDisk, &path, 901, false).unwrap();
        assert_eq!((file.kept(), read.count()), (901, 901), "what was not kept is not there");
        assert_eq!((read.get(&text(900)), read.get(&text(901)), read.get(b"")), (Some(900), None, Some(0)));
        std::fs::write(&path, &whole[..whole.len() - 1]).unwrap();
        let damaged = DictionaryFile::open(&RealDisk, &path, 901, false).err().unwrap();
        assert!(damaged.contains("601 texts can be read, 901 were durable"), "{damaged}");
        let (_, read) = DictionaryFile::open(&RealDisk, &path, 601, false).unwrap();
        assert_eq!(read.count(), 601);
    }

    #[test]
    fn a_forgotten_text_leaves_no_trace_and_nobody_gets_its_number() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("d");
        let mut before = Dictionary::default();
        for text in ["one", "two", "three", "four"] {
            before.intern(text.as_bytes());
        }
        let after = before.without(&[2, 4].into_iter().collect()).without(&[1].into_iter().collect());
        let mut file = DictionaryFile::create(&RealDisk, &path, 7).unwrap();
        let missing = file.missing(&after);
        file.add(&missing).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(holds("three") && !holds("one") && !holds("two") && !holds("four"));
        let (_, mut read) = DictionaryFile::open(&RealDisk, &path, 5, false).unwrap();
        assert_eq!((read.get(b"two"), read.get(b"three"), read.count()), (None, Some(3), 5));
        assert_eq!(read.intern(b"two"), 5);
    }
}
