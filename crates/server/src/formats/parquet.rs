//! Parquet, by its own library without Arrow: a block of rows is a row group, each column of it optional and compressed
//! with Snappy.

use std::io::{self, Write};
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{self, ColumnPath};

use super::columns::{Block, Gathered, Values, texts};
use super::{Cell, Column, RowFile, Table, Type};

pub(super) struct ParquetFile<W: Write + Send> {
    writer: SerializedFileWriter<W>,
    block: Block,
}

impl<W: Write + Send> ParquetFile<W> {
    pub(super) fn begin(table: &'static Table, out: W) -> io::Result<Self> {
        let schema = schema(table).map_err(unwritten)?;
        let writer = SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties(table)));
        Ok(ParquetFile { writer: writer.map_err(unwritten)?, block: Block::new(table.columns) })
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.block.is_empty() {
            return Ok(());
        }
        let columns = self.block.take();
        let mut group = self.writer.next_row_group().map_err(unwritten)?;
        for column in columns {
            put(&mut group, column).map_err(unwritten)?;
        }
        group.close().map(drop).map_err(unwritten)
    }
}

/// Least and largest values are told of row groups and not of pages: a group is small, and a reader skips whole ones; of
/// objects nobody asks for them. A column whose rows share no values has no dictionary: it would not fit.
fn properties(table: &Table) -> WriterProperties {
    let all = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_statistics_enabled(EnabledStatistics::Chunk);
    let own = table.columns.iter().filter(|column| !column.is_shared);
    let all = own.fold(all, |all, column| {
        let path = ColumnPath::from(column.name);
        let all = all.set_column_dictionary_enabled(path.clone(), false);
        match column.r#type {
            Type::Json => all.set_column_statistics_enabled(path, EnabledStatistics::None),
            Type::Text | Type::Number | Type::Time => all,
        }
    });
    all.build()
}

fn put<W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    column: Gathered,
) -> Result<(), ParquetError> {
    let Some(mut writer) = group.next_column()? else {
        return Err(ParquetError::General("a row has more columns than its file".to_owned()));
    };
    let present = Some(column.present.as_slice());
    match column.values {
        Values::Texts(bytes, ends) => {
            let values: Vec<ByteArray> = texts(bytes, &ends).map(ByteArray::from).collect();
            writer.typed::<ByteArrayType>().write_batch(&values, present, None)?;
        }
        Values::Numbers(numbers) => {
            writer.typed::<Int64Type>().write_batch(&numbers, present, None)?;
        }
    }
    writer.close()
}

impl<W: Write + Send> RowFile for ParquetFile<W> {
    fn row(&mut self, cells: &[Cell<'_>]) -> io::Result<()> {
        self.block.push(cells)?;
        if self.block.is_full() { self.flush() } else { Ok(()) }
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.flush()?;
        self.writer.close().map(drop).map_err(unwritten)
    }
}

fn schema(table: &Table) -> Result<types::Type, ParquetError> {
    let fields: Result<Vec<_>, _> = table.columns.iter().map(|column| field(column).map(Arc::new)).collect();
    types::Type::group_type_builder(table.name).with_fields(fields?).build()
}

/// JSON is text here: readers differ in what they make of Parquet's own type for it.
fn field(column: &Column) -> Result<types::Type, ParquetError> {
    let (physical, logical) = match column.r#type {
        Type::Text | Type::Json => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        Type::Number => (Physical::INT64, None),
        Type::Time => {
            let unit = TimeUnit::MICROS;
            (Physical::INT64, Some(LogicalType::timestamp(true, unit)))
        }
    };
    types::Type::primitive_type_builder(column.name, physical)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(logical)
        .build()
}

fn unwritten(error: ParquetError) -> io::Error {
    io::Error::other(error)
}
