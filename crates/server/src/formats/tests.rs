//! Every format read back by another reader than our own writer: gzip, JSON and the libraries of the formats.

use std::io::Read;
use std::sync::{Arc, Mutex};

use ::parquet::file::reader::{FileReader, SerializedFileReader};
use ::parquet::record::Field;
use apache_avro::types::Value as Avro;
use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use serde_json::json;

use super::*;

static TABLE: Table = Table::new(
    "thing",
    &[
        Column { name: "id", r#type: Type::Text, is_shared: true },
        Column { name: "count", r#type: Type::Number, is_shared: true },
        Column { name: "at", r#type: Type::Time, is_shared: true },
        Column { name: "metadata", r#type: Type::Json, is_shared: true },
    ],
);

const AT: Timestamp = Timestamp(1_767_605_400_000_001);

/// Bytes that can still be looked at when their writer is gone.
#[derive(Clone, Default)]
struct Out(Arc<Mutex<Vec<u8>>>);

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn rows() -> Vec<[Cell<'static>; 4]> {
    vec![
        [Cell::Text("u-7"), Cell::Number(-3), Cell::Time(AT), Cell::Json(r#"{"a":"x,\"y\"\n"}"#)],
        [Cell::Text(""), Cell::Nothing, Cell::Nothing, Cell::Nothing],
        [Cell::Text("é, \"q\"\r\n"), Cell::Number(i64::MAX), Cell::Time(Timestamp(-1)), Cell::Json("{}")],
    ]
}

fn written(format: FileFormat, rows: &[[Cell<'_>; 4]]) -> Vec<u8> {
    let out = Out::default();
    let mut file = begin(format, &TABLE, out.clone()).unwrap();
    for row in rows {
        file.row(row).unwrap();
    }
    file.finish().unwrap();
    let bytes = out.0.lock().unwrap();
    bytes.clone()
}

/// The same, by a thread of its own.
fn written_behind(format: FileFormat, rows: &[[Cell<'_>; 4]]) -> Vec<u8> {
    let out = Out::default();
    let mut file = begin_behind(format, &TABLE, out.clone()).unwrap();
    for row in rows {
        file.row(row).unwrap();
    }
    file.finish().unwrap();
    let bytes = out.0.lock().unwrap();
    bytes.clone()
}

fn unzipped(bytes: &[u8]) -> String {
    let mut text = String::new();
    MultiGzDecoder::new(bytes).read_to_string(&mut text).unwrap();
    text
}

#[test]
fn ndjson_holds_every_column_of_every_row() {
    let text = unzipped(&written(FileFormat::Ndjson, &rows()));
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        lines,
        [
            json!({"id": "u-7", "count": -3, "at": "2026-01-05T09:30:00.000001Z", "metadata": {"a": "x,\"y\"\n"}}),
            json!({"id": "", "count": null, "at": null, "metadata": null}),
            json!({"id": "é, \"q\"\r\n", "count": i64::MAX, "at": "1969-12-31T23:59:59.999999Z", "metadata": {}}),
        ]
    );
    assert!(text.starts_with(r#"{"id":"u-7","count":-3,"at":"#), "in the order of the columns: {text}");
}

#[test]
fn csv_is_quoted_where_it_must_be() {
    let text = unzipped(&written(FileFormat::Csv, &rows()));
    let expected = "id,count,at,metadata\r\n\
                    u-7,-3,2026-01-05T09:30:00.000001Z,\"{\"\"a\"\":\"\"x,\\\"\"y\\\"\"\\n\"\"}\"\r\n\
                    ,,,\r\n\
                    \"é, \"\"q\"\"\r\n\",9223372036854775807,1969-12-31T23:59:59.999999Z,{}\r\n";
    assert_eq!(text, expected);
}

#[test]
fn parquet_reads_back() {
    let reader = SerializedFileReader::new(Bytes::from(written(FileFormat::Parquet, &rows()))).unwrap();
    let text = |text: &str| Field::Str(text.to_owned());
    let read: Vec<Vec<Field>> = reader
        .get_row_iter(None)
        .unwrap()
        .map(|row| row.unwrap().get_column_iter().map(|(_, field)| field.clone()).collect())
        .collect();
    assert_eq!(
        read,
        [
            vec![text("u-7"), Field::Long(-3), Field::TimestampMicros(AT.0), text(r#"{"a":"x,\"y\"\n"}"#)],
            vec![text(""), Field::Null, Field::Null, Field::Null],
            vec![text("é, \"q\"\r\n"), Field::Long(i64::MAX), Field::TimestampMicros(-1), text("{}")],
        ]
    );
}

#[test]
fn avro_reads_back() {
    let bytes = written(FileFormat::Avro, &rows());
    let text = |text: &str| Avro::String(text.to_owned());
    let some = |value: Avro| Avro::Union(1, Box::new(value));
    let nothing = Avro::Union(0, Box::new(Avro::Null));
    let values = |record: Avro| match record {
        Avro::Record(fields) => fields.into_iter().map(|(_, value)| value).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    let read: Vec<Vec<Avro>> =
        apache_avro::Reader::new(&bytes[..]).unwrap().map(|record| values(record.unwrap())).collect();
    assert_eq!(
        read,
        [
            vec![
                some(text("u-7")),
                some(Avro::Long(-3)),
                some(Avro::TimestampMicros(AT.0)),
                some(text(r#"{"a":"x,\"y\"\n"}"#))
            ],
            vec![some(text("")), nothing.clone(), nothing.clone(), nothing],
            vec![
                some(text("é, \"q\"\r\n")),
                some(Avro::Long(i64::MAX)),
                some(Avro::TimestampMicros(-1)),
                some(text("{}"))
            ],
        ]
    );
}

#[test]
fn a_file_without_rows_is_one_and_a_full_block_is_written() {
    assert_eq!(unzipped(&written(FileFormat::Ndjson, &[])), "");
    assert_eq!(unzipped(&written(FileFormat::Csv, &[])), "id,count,at,metadata\r\n");
    let parquet = |rows: &[[Cell<'_>; 4]]| {
        let reader = SerializedFileReader::new(Bytes::from(written(FileFormat::Parquet, rows))).unwrap();
        (reader.metadata().file_metadata().num_rows(), reader.num_row_groups())
    };
    assert_eq!(parquet(&[]), (0, 0));
    assert_eq!(apache_avro::Reader::new(&written(FileFormat::Avro, &[])[..]).unwrap().count(), 0);
    let many = vec![rows()[0]; BLOCK_ROWS_MAX + 1];
    assert_eq!(parquet(&many), (BLOCK_ROWS_MAX as i64 + 1, 2));
}

#[test]
fn a_cell_that_is_not_of_its_column_is_refused() {
    for format in FileFormat::ALL {
        let mut file = begin(format, &TABLE, Out::default()).unwrap();
        let wrong = [Cell::Number(1), Cell::Nothing, Cell::Nothing, Cell::Nothing];
        assert!(file.row(&wrong).is_err(), "{format:?}");
    }
}

#[test]
fn a_thread_writes_the_same_rows_in_the_same_order() {
    let numbered = |number: i64| {
        let mut row = rows()[usize::try_from(number % 3).unwrap()];
        row[1] = Cell::Number(number);
        row
    };
    let many: Vec<_> = (0..3 * BLOCK_ROWS_MAX as i64).map(numbered).collect();
    for format in [FileFormat::Ndjson, FileFormat::Csv, FileFormat::Parquet] {
        for rows in [&many[..], &many[..1], &[]] {
            assert!(written(format, rows) == written_behind(format, rows), "{format:?}, {} rows", rows.len());
        }
    }
    let read = |bytes: &[u8]| -> Vec<Avro> {
        apache_avro::Reader::new(bytes).unwrap().map(|record| record.unwrap()).collect()
    };
    assert!(read(&written(FileFormat::Avro, &many)) == read(&written_behind(FileFormat::Avro, &many)));
}

/// Refuses every byte.
struct Broken;

impl Write for Broken {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::Error::other("no room"))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn an_error_behind_is_told_and_a_dropped_file_writes_no_more() {
    let mut file = begin_behind(FileFormat::Ndjson, &TABLE, Broken).unwrap();
    let told = (0..1_000_000).find_map(|_| file.row(&rows()[0]).err());
    let told = told.or_else(|| file.finish().err()).unwrap();
    assert_eq!(told.to_string(), "no room");
    let out = Out::default();
    let mut file = begin_behind(FileFormat::Ndjson, &TABLE, out.clone()).unwrap();
    for _ in 0..100_000 {
        file.row(&rows()[2]).unwrap();
    }
    drop(file);
    assert_eq!(Arc::strong_count(&out.0), 1, "nobody holds the file any more");
}
