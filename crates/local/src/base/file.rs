//! A base as a file: sorted tables of keys and values, with an index of their blocks (docs/FORMAT.md, "Base").
//!
//! Written once, in order, and never changed after it has its name. Every byte stands under a checksum that begins with the
//! file's salt: those of the index are compared when it is opened, those of a block when it is read.

use std::io;
use std::sync::Arc;

use muster_kernel::model::id::Position;
use muster_kernel::model::time::Timestamp;
use muster_kernel::model::varint::{self, Reader};

use crate::disk::DiskFile;
use crate::log::writer::Identity;
use crate::map::Mapped;

/// Version of the file.
pub const BASE_FORMAT: u32 = 1;
const MAGIC: [u8; 8] = *b"MUSTRBAS";
const HEADER_BYTES: usize = 48;
const TRAILER_BYTES: usize = 24;
/// A block is ended once it is this long.
const BLOCK_BYTES: usize = 64 << 10;
/// Bytes gathered before they are written.
const WRITE_BYTES: usize = 1 << 20;

/// What a table holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Table {
    /// Profiles of users by id.
    Users = 1,
    /// Profiles of companies by id.
    Companies = 2,
    /// First outcomes of guarded calls by the hash of their key.
    Guards = 3,
    /// Rows of the ledger by minute and key.
    Ledger = 4,
}

impl Table {
    /// Every table, in the order of the file.
    pub const ALL: [Table; 4] = [Table::Users, Table::Companies, Table::Guards, Table::Ledger];

    fn of(byte: u8) -> Option<Table> {
        Table::ALL.into_iter().find(|table| *table as u8 == byte)
    }
}

/// What a base says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Whose it is.
    pub identity: Identity,
    /// Where checksums begin.
    pub salt: u32,
    /// The position up to which the log is folded in.
    pub position: Position,
    /// When the record there was received.
    pub time: Timestamp,
}

impl Header {
    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER_BYTES);
        out.extend_from_slice(&MAGIC);
        for word in [BASE_FORMAT, self.identity.environment, self.identity.incarnation, self.salt] {
            out.extend_from_slice(&word.to_le_bytes());
        }
        out.extend_from_slice(&self.position.0.to_le_bytes());
        out.extend_from_slice(&self.time.0.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        let checksum = crc32fast::hash(&out);
        out.extend_from_slice(&checksum.to_le_bytes());
        out
    }

    fn decode(bytes: &[u8]) -> Result<Header, String> {
        let damaged = || "its header cannot be read".to_owned();
        let (content, checksum) =
            bytes.get(..HEADER_BYTES).and_then(<[u8]>::split_last_chunk::<4>).ok_or_else(damaged)?;
        let mut reader = Reader::new(content);
        let is_ours =
            reader.array() == Some(MAGIC) && crc32fast::hash(content) == u32::from_le_bytes(*checksum);
        let mut word = || reader.array().map(u32::from_le_bytes).ok_or_else(damaged);
        let (format, environment, incarnation, salt) = (word()?, word()?, word()?, word()?);
        if !is_ours {
            return Err(damaged());
        }
        if format != BASE_FORMAT {
            return Err(format!(
                "it has format {format}, this program reads {BASE_FORMAT}: use a newer muster"
            ));
        }
        let position = reader.array().map(u64::from_le_bytes).ok_or_else(damaged)?;
        let time = reader.int64().ok_or_else(damaged)?;
        let identity = Identity { environment, incarnation };
        Ok(Header { identity, salt, position: Position(position), time: Timestamp(time) })
    }
}

/// A stretch of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Block {
    table: Table,
    offset: u64,
    length: u32,
    checksum: u32,
    entries: u32,
    first_key: Vec<u8>,
}

fn checksum(bytes: &[u8], salt: u32) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(salt);
    hasher.update(bytes);
    hasher.finalize()
}

/// Writes a base.
pub struct BaseWriter {
    file: Arc<dyn DiskFile>,
    header: Header,
    buffer: Vec<u8>,
    written: u64,
    /// Where in the buffer the present block begins, its table, its entries and its first key.
    open: Option<(usize, Table, u32, Vec<u8>)>,
    blocks: Vec<Block>,
}

impl BaseWriter {
    /// Begins a base in an empty file.
    pub fn new(file: Arc<dyn DiskFile>, header: Header) -> BaseWriter {
        BaseWriter { file, header, buffer: header.encode(), written: 0, open: None, blocks: Vec::new() }
    }

    /// Adds an entry; tables come in their order, keys of a table ascend.
    ///
    /// # Errors
    /// When writing fails.
    pub fn push(&mut self, table: Table, key: &[u8], value: &[u8]) -> io::Result<()> {
        let is_full = |(start, of, ..): &(usize, Table, u32, Vec<u8>)| {
            *of != table || self.buffer.len() - start >= BLOCK_BYTES
        };
        if self.open.as_ref().is_some_and(is_full) {
            self.end_block();
            self.flush(WRITE_BYTES)?;
        }
        let start = self.buffer.len();
        let (.., entries, _) = self.open.get_or_insert_with(|| (start, table, 0, key.to_vec()));
        *entries += 1;
        varint::put_bytes(&mut self.buffer, key);
        varint::put_bytes(&mut self.buffer, value);
        Ok(())
    }

    fn end_block(&mut self) {
        let Some((start, table, entries, first_key)) = self.open.take() else { return };
        let bytes = self.buffer.get(start..).unwrap_or_default();
        self.blocks.push(Block {
            table,
            offset: self.written + start as u64,
            length: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
            checksum: checksum(bytes, self.header.salt),
            entries,
            first_key,
        });
    }

    fn flush(&mut self, least: usize) -> io::Result<()> {
        if self.buffer.len() >= least {
            self.file.write_at(&self.buffer, self.written)?;
            self.written += self.buffer.len() as u64;
            self.buffer.clear();
        }
        Ok(())
    }

    /// Ends the base and syncs it.
    ///
    /// # Errors
    /// When writing or syncing fails.
    pub fn finish(mut self) -> io::Result<()> {
        self.end_block();
        let mut index = Vec::new();
        varint::put(&mut index, self.blocks.len() as u64);
        for block in &self.blocks {
            index.push(block.table as u8);
            varint::put(&mut index, block.offset);
            varint::put(&mut index, block.length.into());
            index.extend_from_slice(&block.checksum.to_le_bytes());
            varint::put(&mut index, block.entries.into());
            varint::put_bytes(&mut index, &block.first_key);
        }
        let offset = self.written + self.buffer.len() as u64;
        let mut trailer = Vec::with_capacity(TRAILER_BYTES);
        trailer.extend_from_slice(&offset.to_le_bytes());
        trailer.extend_from_slice(&u32::try_from(index.len()).unwrap_or(u32::MAX).to_le_bytes());
        trailer.extend_from_slice(&checksum(&index, self.header.salt).to_le_bytes());
        trailer.extend_from_slice(&MAGIC);
        self.buffer.extend_from_slice(&index);
        self.buffer.extend_from_slice(&trailer);
        self.flush(0)?;
        self.file.sync()
    }
}

/// A key and its value.
pub type Entry<'a> = (&'a [u8], &'a [u8]);

/// The bytes of a base that is open.
pub struct BaseFile {
    bytes: Mapped,
    header: Header,
    blocks: Vec<Block>,
    name: String,
}

impl BaseFile {
    /// Opens the bytes of a base; `name` is for messages.
    ///
    /// # Errors
    /// When they are none of this version; the text says what is wrong.
    pub fn open(bytes: Mapped, name: String) -> Result<BaseFile, String> {
        let named = |what: String| format!("{name}: {what}");
        let all = (*bytes).as_ref();
        let header = Header::decode(all).map_err(named)?;
        let blocks = index(all, &header).ok_or_else(|| named("its index cannot be read".to_owned()))?;
        Ok(BaseFile { bytes, header, blocks, name })
    }

    /// What it says of itself.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Its length in bytes.
    pub fn length(&self) -> u64 {
        (*self.bytes).as_ref().len() as u64
    }

    /// How many entries a table has.
    pub fn count(&self, table: Table) -> u64 {
        self.blocks.iter().filter(|block| block.table == table).map(|block| u64::from(block.entries)).sum()
    }

    /// The value of a key.
    ///
    /// # Errors
    /// When the block is damaged; the text says where.
    pub fn get(&self, table: Table, key: &[u8]) -> Result<Option<&[u8]>, String> {
        let later =
            self.blocks.partition_point(|block| (block.table, block.first_key.as_slice()) <= (table, key));
        let Some(block) = later.checked_sub(1).and_then(|at| self.blocks.get(at)) else { return Ok(None) };
        if block.table != table {
            return Ok(None);
        }
        for entry in self.read(block)? {
            let (found, value) = entry?;
            if found == key {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    /// The entries of a table in order.
    pub fn entries(&self, table: Table) -> impl Iterator<Item = Result<Entry<'_>, String>> {
        let blocks = self.blocks.iter().filter(move |block| block.table == table);
        blocks.flat_map(move |block| {
            let (read, failed) = match self.read(block) {
                Ok(read) => (Some(read), None),
                Err(what) => (None, Some(Err(what))),
            };
            read.into_iter().flatten().chain(failed)
        })
    }

    fn read(&self, block: &Block) -> Result<impl Iterator<Item = Result<Entry<'_>, String>>, String> {
        let offset = block.offset;
        let damaged = move || format!("{} is damaged in the block at {offset}", self.name);
        let bytes = slice((*self.bytes).as_ref(), offset, u64::from(block.length)).ok_or_else(damaged)?;
        if checksum(bytes, self.header.salt) != block.checksum {
            return Err(damaged());
        }
        let mut reader = Reader::new(bytes);
        Ok(std::iter::from_fn(move || {
            if reader.is_empty() {
                return None;
            }
            let entry = reader.bytes().and_then(|key| Some((key, reader.bytes()?)));
            if entry.is_none() {
                reader = Reader::new(&[]);
            }
            Some(entry.ok_or_else(damaged))
        }))
    }
}

fn slice(bytes: &[u8], offset: u64, length: u64) -> Option<&[u8]> {
    let start = usize::try_from(offset).ok()?;
    bytes.get(start..start.checked_add(usize::try_from(length).ok()?)?)
}

fn index(all: &[u8], header: &Header) -> Option<Vec<Block>> {
    let mut trailer = Reader::new(all.get(all.len().checked_sub(TRAILER_BYTES)?..)?);
    let offset = u64::from_le_bytes(trailer.array()?);
    let length = u32::from_le_bytes(trailer.array()?);
    let sum = u32::from_le_bytes(trailer.array()?);
    let bytes = slice(all, offset, length.into())?;
    if trailer.rest() != MAGIC || checksum(bytes, header.salt) != sum {
        return None;
    }
    let mut reader = Reader::new(bytes);
    let mut blocks = Vec::new();
    for _ in 0..reader.varint()? {
        blocks.push(Block {
            table: Table::of(reader.byte()?)?,
            offset: reader.varint()?,
            length: u32::try_from(reader.varint()?).ok()?,
            checksum: u32::from_le_bytes(reader.array()?),
            entries: u32::try_from(reader.varint()?).ok()?,
            first_key: reader.bytes()?.to_vec(),
        });
    }
    reader.is_empty().then_some(blocks)
}
