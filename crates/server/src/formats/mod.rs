//! Rows into files: NDJSON, CSV, Parquet and Avro, each written row by row into whatever takes bytes.
//!
//! A format is two halves: a [`Block`] into which rows are put, in the form in which the file wants them, and an [`Encoder`]
//! that writes blocks. Both run where the rows are made ([`begin`]), or the second half in a thread of its own
//! ([`begin_behind`]).
//!
//! Guarantees: what is held does not grow with the file (a block at most, [`BLOCK_ROWS_MAX`] and [`BLOCK_BYTES_MAX`], or three
//! with a thread); the same rows make the same file but for the marker that Avro draws; every row has every column, and each
//! may hold nothing. It never knows what a row is about, where a file goes, or when one is full: whoever writes says so.

mod avro;
mod behind;
mod columns;
mod parquet;
mod text;

use std::io::{self, Write};
use std::sync::OnceLock;

use muster_kernel::model::export::FileFormat;
use muster_kernel::model::time::Timestamp;

use avro::AvroFile;
use behind::Behind;
use parquet::ParquetFile;
use text::{Line, TextFile};

/// Rows of a block at most.
pub const BLOCK_ROWS_MAX: usize = 1 << 16;
/// Bytes of its values after which it is written.
pub const BLOCK_BYTES_MAX: usize = 16 << 20;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// Text.
    Text,
    /// A whole number.
    Number,
    /// An instant in microseconds.
    Time,
    /// A JSON value. An object in NDJSON, and its text in every other format.
    Json,
}

/// A column.
#[derive(Debug)]
pub struct Column {
    /// Its name: letters, digits and underscores, so that every format can hold it.
    pub name: &'static str,
    /// What it holds.
    pub r#type: Type,
    /// Whether many rows share a value, so that a format may keep each but once and say between which they lie.
    pub is_shared: bool,
}

/// What the rows of a file look like. Meant to be a `static`.
#[derive(Debug)]
pub struct Table {
    name: &'static str,
    columns: &'static [Column],
    /// As Avro says it, made at its first use.
    schema: OnceLock<apache_avro::Schema>,
}

impl Table {
    /// A table whose rows are called `name`.
    pub const fn new(name: &'static str, columns: &'static [Column]) -> Self {
        Table { name, columns, schema: OnceLock::new() }
    }

    /// Its columns, in order.
    pub fn columns(&self) -> &'static [Column] {
        self.columns
    }
}

/// What stands in one column of a row. Must be of the column's type, or nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell<'a> {
    /// Nothing.
    Nothing,
    /// Text.
    Text(&'a str),
    /// A whole number.
    Number(i64),
    /// An instant.
    Time(Timestamp),
    /// A JSON value as its text.
    Json(&'a str),
}

impl<'a> Cell<'a> {
    /// A text, or nothing.
    pub fn text(text: Option<&'a str>) -> Self {
        text.map_or(Cell::Nothing, Cell::Text)
    }
}

/// A file that is being written.
pub trait RowFile {
    /// Adds a row: a cell for each column, in their order.
    ///
    /// # Errors
    /// When what is below cannot be written, or a cell is not of its column's type. The file can then only be dropped.
    fn row(&mut self, cells: &[Cell<'_>]) -> io::Result<()>;

    /// Ends the file: everything is written then, nothing of it synced.
    ///
    /// # Errors
    /// When what is below cannot be written.
    fn finish(self: Box<Self>) -> io::Result<()>;
}

/// Rows on their way into a file.
trait Block {
    /// Adds a row.
    ///
    /// # Errors
    /// When a cell is not of its column's type.
    fn push(&mut self, cells: &[Cell<'_>]) -> io::Result<()>;

    /// Whether it is to be written before the next row.
    fn is_full(&self) -> bool;
}

/// Writes blocks into a file.
trait Encoder {
    /// What it writes.
    type Block: Block;

    /// An empty one.
    fn block(&self) -> Self::Block;

    /// Writes every row of a block, which is empty then and keeps its memory.
    ///
    /// # Errors
    /// When what is below cannot be written.
    fn write(&mut self, block: &mut Self::Block) -> io::Result<()>;

    /// Ends the file.
    ///
    /// # Errors
    /// When what is below cannot be written.
    fn finish(self) -> io::Result<()>;
}

/// A file that is written where its rows are made.
struct Here<E: Encoder> {
    block: E::Block,
    encoder: E,
}

impl<E: Encoder> Here<E> {
    fn begin(encoder: E) -> Self {
        Here { block: encoder.block(), encoder }
    }
}

impl<E: Encoder> RowFile for Here<E> {
    fn row(&mut self, cells: &[Cell<'_>]) -> io::Result<()> {
        self.block.push(cells)?;
        if self.block.is_full() { self.encoder.write(&mut self.block) } else { Ok(()) }
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.encoder.write(&mut self.block)?;
        self.encoder.finish()
    }
}

/// Begins a file of a format.
///
/// # Errors
/// When what is below cannot be written.
pub fn begin<'o>(
    format: FileFormat,
    table: &'static Table,
    out: impl Write + Send + 'o,
) -> io::Result<Box<dyn RowFile + 'o>> {
    Ok(match format {
        FileFormat::Ndjson => Box::new(Here::begin(TextFile::begin(Line::Ndjson, table, out)?)),
        FileFormat::Csv => Box::new(Here::begin(TextFile::begin(Line::Csv, table, out)?)),
        FileFormat::Parquet => Box::new(Here::begin(ParquetFile::begin(table, out)?)),
        FileFormat::Avro => Box::new(Here::begin(AvroFile::begin(table, out)?)),
    })
}

/// The same, of a file that a thread of its own encodes and writes while the caller makes the next rows. An error of the file
/// is told at one of the rows behind it, or at the end.
///
/// # Errors
/// When what is below cannot be written, or there is no thread to be had.
pub fn begin_behind(
    format: FileFormat,
    table: &'static Table,
    out: impl Write + Send + 'static,
) -> io::Result<Box<dyn RowFile>> {
    Ok(match format {
        FileFormat::Ndjson => Box::new(Behind::begin(TextFile::begin(Line::Ndjson, table, out)?)?),
        FileFormat::Csv => Box::new(Behind::begin(TextFile::begin(Line::Csv, table, out)?)?),
        FileFormat::Parquet => Box::new(Behind::begin(ParquetFile::begin(table, out)?)?),
        FileFormat::Avro => Box::new(Behind::begin(AvroFile::begin(table, out)?)?),
    })
}

/// What the names of such files end with.
pub fn ending(format: FileFormat) -> &'static str {
    match format {
        FileFormat::Ndjson => "ndjson.gz",
        FileFormat::Csv => "csv.gz",
        FileFormat::Parquet => "parquet",
        FileFormat::Avro => "avro",
    }
}

/// The media type of such files.
pub fn media_type(format: FileFormat) -> &'static str {
    match format {
        // Not `Content-Encoding`: the part is a compressed file, and stays one when it is saved.
        FileFormat::Ndjson | FileFormat::Csv => "application/gzip",
        FileFormat::Parquet => "application/vnd.apache.parquet",
        FileFormat::Avro => "application/avro",
    }
}

fn misplaced(column: &Column) -> io::Error {
    io::Error::other(format!("a cell of `{}` is not of its type", column.name))
}

#[cfg(test)]
mod tests;
