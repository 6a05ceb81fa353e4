//! The formats of text, each compressed as a whole with gzip: NDJSON, and CSV as RFC 4180 says it.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::{Block, Cell, Column, Encoder, Table, Type, misplaced};

/// Bytes of lines that are gathered before they are compressed.
const GATHERED_BYTES: usize = 256 << 10;

/// What a line looks like.
#[derive(Clone, Copy)]
pub(super) enum Line {
    /// One JSON object, with every column in it.
    Ndjson,
    /// Cells below a header. Nothing and the empty text are the same there.
    Csv,
}

/// Rows as lines.
pub(super) struct Lines {
    line: Line,
    /// Each column with what stands before its value.
    columns: Vec<(&'static Column, Vec<u8>)>,
    bytes: Vec<u8>,
}

impl Lines {
    fn new(line: Line, table: &'static Table) -> Self {
        let before = |(index, column): (usize, &'static Column)| {
            let before = match (line, index) {
                (Line::Ndjson, 0) => format!("{{\"{}\":", column.name),
                (Line::Ndjson, _) => format!(",\"{}\":", column.name),
                (Line::Csv, 0) => String::new(),
                (Line::Csv, _) => ",".to_owned(),
            };
            (column, before.into_bytes())
        };
        let columns = table.columns.iter().enumerate().map(before).collect();
        Lines { line, columns, bytes: Vec::with_capacity(GATHERED_BYTES + (GATHERED_BYTES >> 2)) }
    }
}

impl Block for Lines {
    fn push(&mut self, cells: &[Cell<'_>]) -> io::Result<()> {
        let out = &mut self.bytes;
        for ((column, before), cell) in self.columns.iter().zip(cells) {
            out.extend_from_slice(before);
            match (column.r#type, *cell, self.line) {
                (_, Cell::Nothing, Line::Ndjson) => out.extend_from_slice(b"null"),
                (_, Cell::Nothing, Line::Csv) => {}
                (Type::Text, Cell::Text(text), Line::Ndjson) => serde_json::to_writer(&mut *out, text)?,
                (Type::Text, Cell::Text(text), Line::Csv) | (Type::Json, Cell::Json(text), Line::Csv) => {
                    quoted(text, out);
                }
                (Type::Json, Cell::Json(text), Line::Ndjson) => out.extend_from_slice(text.as_bytes()),
                (Type::Number, Cell::Number(number), _) => write!(out, "{number}")?,
                (Type::Time, Cell::Time(time), Line::Ndjson) => {
                    out.push(b'"');
                    time.append_to(out);
                    out.push(b'"');
                }
                (Type::Time, Cell::Time(time), Line::Csv) => time.append_to(out),
                _ => return Err(misplaced(column)),
            }
        }
        out.extend_from_slice(match self.line {
            Line::Ndjson => b"}\n",
            Line::Csv => b"\r\n",
        });
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.bytes.len() >= GATHERED_BYTES
    }
}

/// Lines on their way through gzip. Its fastest level: rows repeat their keys, so that it finds most of what there is to find.
pub(super) struct TextFile<W: Write> {
    line: Line,
    table: &'static Table,
    out: GzEncoder<W>,
}

impl<W: Write> TextFile<W> {
    pub(super) fn begin(line: Line, table: &'static Table, out: W) -> io::Result<Self> {
        let mut out = GzEncoder::new(out, Compression::fast());
        if let Line::Csv = line {
            let names: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
            write!(out, "{}\r\n", names.join(","))?;
        }
        Ok(TextFile { line, table, out })
    }
}

impl<W: Write> Encoder for TextFile<W> {
    type Block = Lines;

    fn block(&self) -> Lines {
        Lines::new(self.line, self.table)
    }

    fn write(&mut self, block: &mut Lines) -> io::Result<()> {
        self.out.write_all(&block.bytes)?;
        block.bytes.clear();
        Ok(())
    }

    fn finish(self) -> io::Result<()> {
        self.out.finish()?.flush()
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
