//! Parquet, by its own library without Arrow: a block of rows is a row group, each column of it optional and compressed
//! with Snappy.

use std::io::{self, Write};
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::column::writer::ColumnWriterImpl;
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{self, ColumnPath};

use super::columns::{Columns, Gathered, Values};
use super::{Column, Encoder, Table, Type};

/// Rows whose values are given to the library at a time: as many as it looks at at a time.
const STEP_ROWS: usize = 1 << 10;

pub(super) struct ParquetFile<W: Write + Send> {
    writer: SerializedFileWriter<W>,
    table: &'static Table,
    /// The texts of a step.
    texts: Vec<ByteArray>,
}

impl<W: Write + Send> ParquetFile<W> {
    pub(super) fn begin(table: &'static Table, out: W) -> io::Result<Self> {
        let schema = schema(table).map_err(unwritten)?;
        let writer = SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties(table)));
        Ok(ParquetFile { writer: writer.map_err(unwritten)?, table, texts: Vec::new() })
    }

    fn group(&mut self, columns: &mut [Gathered]) -> Result<(), ParquetError> {
        let mut group = self.writer.next_row_group()?;
        for Gathered { present, values, .. } in columns {
            let Some(mut writer) = group.next_column()? else {
                return Err(ParquetError::General("a row has more columns than its file".to_owned()));
            };
            match values {
                Values::Texts(bytes, ends) => {
                    // The library counts who holds a part of them: they are lent, and taken back when nobody does.
                    let lent = Bytes::from(std::mem::take(bytes));
                    put_texts(writer.typed(), present, &lent, ends, &mut self.texts)?;
                    writer.close()?;
                    *bytes = Vec::from(lent);
                }
                Values::Numbers(numbers) => {
                    writer.typed::<Int64Type>().write_batch(numbers, Some(present), None)?;
                    writer.close()?;
                }
            }
        }
        group.close().map(drop)
    }
}

impl<W: Write + Send> Encoder for ParquetFile<W> {
    type Block = Columns;

    fn block(&self) -> Columns {
        Columns::new(self.table)
    }

    fn write(&mut self, block: &mut Columns) -> io::Result<()> {
        if !block.is_empty() {
            self.group(block.complete()).map_err(unwritten)?;
            block.clear();
        }
        Ok(())
    }

    fn finish(self) -> io::Result<()> {
        self.writer.close().map(drop).map_err(unwritten)
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

fn put_texts(
    writer: &mut ColumnWriterImpl<'_, ByteArrayType>,
    present: &[i16],
    bytes: &Bytes,
    ends: &[usize],
    texts: &mut Vec<ByteArray>,
) -> Result<(), ParquetError> {
    let (mut ends, mut start) = (ends.iter(), 0);
    for present in present.chunks(STEP_ROWS) {
        let count = present.iter().filter(|&&is_there| is_there == 1).count();
        let cut = |&end: &usize| ByteArray::from(bytes.slice(std::mem::replace(&mut start, end)..end));
        texts.extend(ends.by_ref().take(count).map(cut));
        writer.write_batch(texts, Some(present), None)?;
        texts.clear();
    }
    Ok(())
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
