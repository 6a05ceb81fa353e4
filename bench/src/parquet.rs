//! The yardstick of the row `export` of `make bench`: reads every value of Parquet files with the library, on one core.

use std::fs::File;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::Args;
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::DataType;
use parquet::file::reader::{FileReader, SerializedFileReader};
use serde_json::json;

/// Records read at a time.
const STEP: usize = 8_192;

/// Options of `read-parquet`.
#[derive(Args)]
pub struct ReadOptions {
    /// The files.
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

/// Prints one JSON line of rows, values and seconds.
#[expect(clippy::disallowed_methods, reason = "a duration is measured")]
pub fn read(options: &ReadOptions) -> Result<ExitCode> {
    let start = Instant::now();
    let (mut rows, mut values) = (0, 0);
    for path in &options.files {
        let file = File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
        let reader = SerializedFileReader::new(file)?;
        for group in 0..reader.num_row_groups() {
            let group = reader.get_row_group(group)?;
            rows += group.metadata().num_rows();
            for column in 0..group.num_columns() {
                values += match group.get_column_reader(column)? {
                    ColumnReader::BoolColumnReader(column) => drain(column)?,
                    ColumnReader::Int32ColumnReader(column) => drain(column)?,
                    ColumnReader::Int64ColumnReader(column) => drain(column)?,
                    ColumnReader::Int96ColumnReader(column) => drain(column)?,
                    ColumnReader::FloatColumnReader(column) => drain(column)?,
                    ColumnReader::DoubleColumnReader(column) => drain(column)?,
                    ColumnReader::ByteArrayColumnReader(column) => drain(column)?,
                    ColumnReader::FixedLenByteArrayColumnReader(column) => drain(column)?,
                };
            }
        }
    }
    println!("{}", json!({"rows": rows, "values": values, "seconds": start.elapsed().as_secs_f64()}));
    Ok(ExitCode::SUCCESS)
}

/// Reads a column to its end; answers how many values it had.
fn drain<T: DataType>(mut column: ColumnReaderImpl<T>) -> Result<usize> {
    let (mut all, mut values, mut definitions, mut repetitions) = (0, Vec::new(), Vec::new(), Vec::new());
    loop {
        values.clear();
        definitions.clear();
        repetitions.clear();
        let (records, read, _) =
            column.read_records(STEP, Some(&mut definitions), Some(&mut repetitions), &mut values)?;
        all += std::hint::black_box(&values).len().max(read);
        if records == 0 {
            return Ok(all);
        }
    }
}
