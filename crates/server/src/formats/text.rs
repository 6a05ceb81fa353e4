//! The formats of text, each compressed as a whole with gzip: NDJSON, and CSV as RFC 4180 says it.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::{Cell, Column, RowFile, Table, Type, misplaced};

/// Rows that are gathered before they are compressed.
const GATHERED_BYTES: usize = 64 << 10;

/// Lines on their way through gzip. Its fastest level: rows repeat their keys, so that it finds most of what there is to find.
struct Lines<W: Write> {
    out: GzEncoder<W>,
    gathered: Vec<u8>,
}

impl<W: Write> Lines<W> {
    fn new(out: W) -> Self {
        let gathered = Vec::with_capacity(GATHERED_BYTES + (GATHERED_BYTES >> 2));
        Lines { out: GzEncoder::new(out, Compression::fast()), gathered }
    }

    fn turn(&mut self) -> io::Result<()> {
        if self.gathered.len() >= GATHERED_BYTES {
            self.out.write_all(&self.gathered)?;
            self.gathered.clear();
        }
        Ok(())
    }

    fn finish(mut self) -> io::Result<()> {
        self.out.write_all(&self.gathered)?;
        self.out.finish()?.flush()
    }
}

/// One JSON object on each line, with every column in it.
pub(super) struct Ndjson<W: Write> {
    lines: Lines<W>,
    /// Each column with what stands before its value: a comma but before the first, the name, a colon.
    columns: Vec<(&'static Column, Vec<u8>)>,
}

impl<W: Write> Ndjson<W> {
    pub(super) fn begin(table: &'static Table, out: W) -> Self {
        let before = |(index, column): (usize, &'static Column)| {
            let comma = if index == 0 { "{" } else { "," };
            (column, format!("{comma}\"{}\":", column.name).into_bytes())
        };
        Ndjson { lines: Lines::new(out), columns: table.columns.iter().enumerate().map(before).collect() }
    }
}

impl<W: Write> RowFile for Ndjson<W> {
    fn row(&mut self, cells: &[Cell<'_>]) -> io::Result<()> {
        let out = &mut self.lines.gathered;
        for ((column, before), cell) in self.columns.iter().zip(cells) {
            out.extend_from_slice(before);
            match (column.r#type, cell) {
                (_, Cell::Nothing) => out.extend_from_slice(b"null"),
                (Type::Text, Cell::Text(text)) => serde_json::to_writer(&mut *out, text)?,
                (Type::Number, Cell::Number(number)) => write!(out, "{number}")?,
                (Type::Time, Cell::Time(time)) => write!(out, "\"{time}\"")?,
                (Type::Json, Cell::Json(text)) => out.extend_from_slice(text.as_bytes()),
                _ => return Err(misplaced(column)),
            }
        }
        out.extend_from_slice(b"}\n");
        self.lines.turn()
    }

    fn finish(self: Box<Self>) -> io::Result<()> {
        self.lines.finish()
    }
}

/// Lines of cells below a header. Nothing and the empty text are the same there.
pub(super) struct Csv<W: Write> {
    lines: Lines<W>,
    columns: &'static [Column],
    number: String,
}

impl<W: Write> Csv<W> {
    pub(super) fn begin(table: &'static Table, out: W) -> io::Result<Self> {
        let mut lines = Lines::new(out);
        let names: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
        write!(lines.gathered, "{}\r\n", names.join(","))?;
        Ok(Csv { lines, columns: table.columns, number: String::new() })
    }
}

impl<W: Write> RowFile for Csv<W> {
    fn row(&mut self, cells: &[Cell<'_>]) -> io::Result<()> {
        use std::fmt::Write as _;
        let out = &mut self.lines.gathered;
        for (index, (column, cell)) in self.columns.iter().zip(cells).enumerate() {
            if index > 0 {
                out.push(b',');
            }
            self.number.clear();
            let written = match (column.r#type, cell) {
                (_, Cell::Nothing) => Ok(()),
                (Type::Text, Cell::Text(text)) | (Type::Json, Cell::Json(text)) => {
                    quoted(text, out);
                    Ok(())
                }
                (Type::Number, Cell::Number(number)) => write!(self.number, "{number}"),
                (Type::Time, Cell::Time(time)) => write!(self.number, "{time}"),
                _ => return Err(misplaced(column)),
            };
            written.map_err(io::Error::other)?;
            out.extend_from_slice(self.number.as_bytes());
        }
        out.extend_from_slice(b"\r\n");
        self.lines.turn()
    }

    fn finish(self: Box<Self>) -> io::Result<()> {
        self.lines.finish()
    }
}

/// A text as a cell, in quotes where it must be.
fn quoted(text: &str, out: &mut Vec<u8>) {
    if !text.bytes().any(|byte| matches!(byte, b'"' | b',' | b'\n' | b'\r')) {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    out.push(b'"');
    for byte in text.bytes() {
        if byte == b'"' {
            out.push(b'"');
        }
        out.push(byte);
    }
    out.push(b'"');
}
