//! Rows turned into columns: a block of them is gathered value by value, and given away column by column.

use bytes::Bytes;

use super::{BLOCK_BYTES_MAX, BLOCK_ROWS_MAX, Cell, Column, Type, misplaced};

/// The values of one column of a block.
pub(super) enum Values {
    /// Texts, one behind the other, and where each ends.
    Texts(Vec<u8>, Vec<usize>),
    /// Numbers, and instants as theirs.
    Numbers(Vec<i64>),
}

/// One column of a block: for each row whether it has a value, and the values alone.
pub(super) struct Gathered {
    pub present: Vec<i16>,
    pub values: Values,
}

impl Gathered {
    fn new(column: &Column) -> Self {
        let values = match column.r#type {
            Type::Text | Type::Json => Values::Texts(Vec::new(), Vec::new()),
            Type::Number | Type::Time => Values::Numbers(Vec::new()),
        };
        Gathered { present: Vec::new(), values }
    }
}

/// A block of rows.
pub(super) struct Block {
    columns: &'static [Column],
    gathered: Vec<Gathered>,
    rows: usize,
    bytes: usize,
}

impl Block {
    pub(super) fn new(columns: &'static [Column]) -> Self {
        Block { columns, gathered: columns.iter().map(Gathered::new).collect(), rows: 0, bytes: 0 }
    }

    /// Adds a row.
    ///
    /// # Errors
    /// When a cell is not of its column's type.
    pub(super) fn push(&mut self, cells: &[Cell<'_>]) -> std::io::Result<()> {
        for ((column, gathered), cell) in self.columns.iter().zip(&mut self.gathered).zip(cells) {
            match (&mut gathered.values, *cell, column.r#type) {
                (_, Cell::Nothing, _) => {
                    gathered.present.push(0);
                    continue;
                }
                (Values::Texts(bytes, ends), Cell::Text(text), Type::Text)
                | (Values::Texts(bytes, ends), Cell::Json(text), Type::Json) => {
                    bytes.extend_from_slice(text.as_bytes());
                    ends.push(bytes.len());
                    self.bytes += text.len();
                }
                (Values::Numbers(numbers), Cell::Number(number), Type::Number) => numbers.push(number),
                (Values::Numbers(numbers), Cell::Time(time), Type::Time) => numbers.push(time.0),
                _ => return Err(misplaced(column)),
            }
            gathered.present.push(1);
            self.bytes += size_of::<i64>();
        }
        self.rows += 1;
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Whether it is to be written before the next row.
    pub(super) fn is_full(&self) -> bool {
        self.rows >= BLOCK_ROWS_MAX || self.bytes >= BLOCK_BYTES_MAX
    }

    /// Gives every column away and is empty then.
    pub(super) fn take(&mut self) -> Vec<Gathered> {
        let empty = self.columns.iter().map(Gathered::new).collect();
        (self.rows, self.bytes) = (0, 0);
        std::mem::replace(&mut self.gathered, empty)
    }
}

/// Texts cut apart again, without copying them.
pub(super) fn texts(bytes: Vec<u8>, ends: &[usize]) -> impl Iterator<Item = Bytes> {
    let bytes = Bytes::from(bytes);
    let starts = std::iter::once(0).chain(ends.iter().copied());
    starts.zip(ends.iter().copied()).map(move |(start, end)| bytes.slice(start..end))
}
