//! Rows turned into columns: a block of them is gathered value by value, and written column by column.

use std::io;

use super::{BLOCK_BYTES_MAX, BLOCK_ROWS_MAX, Block, Cell, Column, Table, Type, misplaced};

/// The values of one column of a block.
pub(super) enum Values {
    /// Texts, one behind the other, and where each ends.
    Texts(Vec<u8>, Vec<usize>),
    /// Numbers, and instants as theirs.
    Numbers(Vec<i64>),
}

/// One column of a block: for each row whether it has a value, and the values alone.
pub(super) struct Gathered {
    column: &'static Column,
    /// 1 where there is a value. Rows behind the last value may be missing until [`Columns::complete`].
    pub(super) present: Vec<i16>,
    pub(super) values: Values,
}

impl Gathered {
    fn new(column: &'static Column) -> Self {
        let values = match column.r#type {
            Type::Text | Type::Json => Values::Texts(Vec::new(), Vec::new()),
            Type::Number | Type::Time => Values::Numbers(Vec::new()),
        };
        Gathered { column, present: Vec::new(), values }
    }

    /// Adds what stands in a row; answers how many bytes it takes.
    fn push(&mut self, row: usize, cell: Cell<'_>) -> io::Result<usize> {
        let bytes = match (&mut self.values, cell, self.column.r#type) {
            // Most columns of most rows: said by the next value, or at the end.
            (_, Cell::Nothing, _) => return Ok(0),
            (Values::Texts(bytes, ends), Cell::Text(text), Type::Text)
            | (Values::Texts(bytes, ends), Cell::Json(text), Type::Json) => {
                bytes.extend_from_slice(text.as_bytes());
                ends.push(bytes.len());
                size_of::<usize>() + text.len()
            }
            (Values::Numbers(numbers), Cell::Number(number), Type::Number) => {
                numbers.push(number);
                size_of::<i64>()
            }
            (Values::Numbers(numbers), Cell::Time(time), Type::Time) => {
                numbers.push(time.0);
                size_of::<i64>()
            }
            _ => return Err(misplaced(self.column)),
        };
        self.present.resize(row, 0);
        self.present.push(1);
        Ok(bytes)
    }

    fn clear(&mut self) {
        self.present.clear();
        match &mut self.values {
            Values::Texts(bytes, ends) => {
                bytes.clear();
                ends.clear();
            }
            Values::Numbers(numbers) => numbers.clear(),
        }
    }
}

/// A block of rows.
pub(super) struct Columns {
    gathered: Vec<Gathered>,
    rows: usize,
    bytes: usize,
}

impl Columns {
    pub(super) fn new(table: &'static Table) -> Self {
        Columns { gathered: table.columns.iter().map(Gathered::new).collect(), rows: 0, bytes: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Every column, each with as many rows as there are.
    pub(super) fn complete(&mut self) -> &mut [Gathered] {
        for gathered in &mut self.gathered {
            gathered.present.resize(self.rows, 0);
        }
        &mut self.gathered
    }

    /// Forgets the rows, keeps the memory.
    pub(super) fn clear(&mut self) {
        self.gathered.iter_mut().for_each(Gathered::clear);
        (self.rows, self.bytes) = (0, 0);
    }
}

impl Block for Columns {
    fn push(&mut self, cells: &[Cell<'_>]) -> io::Result<()> {
        for (gathered, cell) in self.gathered.iter_mut().zip(cells) {
            self.bytes += gathered.push(self.rows, *cell)?;
        }
        self.rows += 1;
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.rows >= BLOCK_ROWS_MAX || self.bytes >= BLOCK_BYTES_MAX
    }
}
