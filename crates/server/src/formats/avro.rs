//! Avro object container files, by their own library: each column a union of null and its type, blocks compressed with
//! Deflate.

use std::io::{self, Write};

use apache_avro::types::Value;
use apache_avro::{Codec, DeflateSettings, Schema, Writer};
use serde_json::json;

use super::{Block, Cell, Column, Encoder, Table, Type, misplaced};

/// Rows that are gathered before they are encoded.
const GATHERED_ROWS: usize = 1 << 10;
/// Bytes of their texts.
const GATHERED_BYTES: usize = 1 << 20;

/// Rows as the library takes them.
pub(super) struct Records {
    columns: &'static [Column],
    records: Vec<Value>,
    bytes: usize,
}

impl Block for Records {
    fn push(&mut self, cells: &[Cell<'_>]) -> io::Result<()> {
        let mut fields = Vec::with_capacity(cells.len());
        for (column, cell) in self.columns.iter().zip(cells) {
            let value = match (column.r#type, *cell) {
                (_, Cell::Nothing) => Value::Union(0, Box::new(Value::Null)),
                (Type::Text, Cell::Text(text)) | (Type::Json, Cell::Json(text)) => {
                    self.bytes += text.len();
                    Value::Union(1, Box::new(Value::String(text.to_owned())))
                }
                (Type::Number, Cell::Number(number)) => Value::Union(1, Box::new(Value::Long(number))),
                (Type::Time, Cell::Time(time)) => Value::Union(1, Box::new(Value::TimestampMicros(time.0))),
                _ => return Err(misplaced(column)),
            };
            fields.push((column.name.to_owned(), value));
        }
        self.records.push(Value::Record(fields));
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.records.len() >= GATHERED_ROWS || self.bytes >= GATHERED_BYTES
    }
}

pub(super) struct AvroFile<W: Write> {
    writer: Writer<'static, W>,
    columns: &'static [Column],
}

impl<W: Write> AvroFile<W> {
    pub(super) fn begin(table: &'static Table, out: W) -> io::Result<Self> {
        let schema = schema(table)?;
        let writer = Writer::with_codec(schema, out, Codec::Deflate(DeflateSettings::default()));
        let writer = writer.map_err(io::Error::other)?;
        Ok(AvroFile { writer, columns: table.columns })
    }
}

impl<W: Write> Encoder for AvroFile<W> {
    type Block = Records;

    fn block(&self) -> Records {
        Records { columns: self.columns, records: Vec::new(), bytes: 0 }
    }

    fn write(&mut self, block: &mut Records) -> io::Result<()> {
        block.bytes = 0;
        for record in block.records.drain(..) {
            self.writer.append_value(record).map_err(io::Error::other)?;
        }
        Ok(())
    }

    fn finish(self) -> io::Result<()> {
        self.writer.into_inner().map_err(io::Error::other)?.flush()
    }
}

/// The table as Avro says it.
fn schema(table: &'static Table) -> io::Result<&'static Schema> {
    if let Some(known) = table.schema.get() {
        return Ok(known);
    }
    let field = |column: &Column| {
        let r#type = match column.r#type {
            Type::Text | Type::Json => json!("string"),
            Type::Number => json!("long"),
            Type::Time => json!({"type": "long", "logicalType": "timestamp-micros"}),
        };
        json!({"name": column.name, "type": ["null", r#type], "default": null})
    };
    let fields: Vec<_> = table.columns.iter().map(field).collect();
    let said = json!({"type": "record", "name": table.name, "namespace": "muster", "fields": fields});
    let schema = Schema::parse(&said).map_err(io::Error::other)?;
    Ok(table.schema.get_or_init(|| schema))
}
