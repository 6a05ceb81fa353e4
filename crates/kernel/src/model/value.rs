//! A property's value with the JSON type it was sent with, its bytes, and the total order that decides ties.
//!
//! Order (law 3): null < false < true < numbers < strings < kept JSON text. Among numbers, signed integers come
//! before unsigned ones that do not fit them, and those before floats; within each the number decides. The order
//! only has to be total and the same everywhere: it is asked when two values carry the same time and ordinal.

use std::cmp::Ordering;

use serde::{Serialize, Serializer};

use super::varint::{self, Reader};

/// A value as it was sent. Borrowed from the body or the record that holds it.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// Removes the property, from its time on.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number that fits 64 signed bits.
    Int(i64),
    /// A whole number above `i64::MAX`.
    UInt(u64),
    /// Any other number, as the nearest double; never NaN or infinite.
    Float(f64),
    /// A string.
    Text(&'a str),
    /// A nested object or array, kept as its compact JSON text.
    Json(&'a str),
}

const NULL: u8 = 0;
const FALSE: u8 = 1;
const TRUE: u8 = 2;
const INT: u8 = 3;
const UINT: u8 = 4;
const FLOAT: u8 = 5;
const TEXT: u8 = 6;
const JSON: u8 = 7;

impl<'a> Value<'a> {
    /// Appends the tag and the content.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.tag());
        match *self {
            Value::Null | Value::Bool(_) => {}
            Value::Int(number) => varint::put(out, zigzag(number)),
            Value::UInt(number) => varint::put(out, number),
            Value::Float(number) => out.extend_from_slice(&number.to_bits().to_le_bytes()),
            Value::Text(text) | Value::Json(text) => varint::put_bytes(out, text.as_bytes()),
        }
    }

    /// Reads one value; `None` when the bytes are not one.
    pub fn decode(reader: &mut Reader<'a>) -> Option<Value<'a>> {
        Some(match reader.byte()? {
            NULL => Value::Null,
            FALSE => Value::Bool(false),
            TRUE => Value::Bool(true),
            INT => Value::Int(unzigzag(reader.varint()?)),
            UINT => Value::UInt(reader.varint()?),
            FLOAT => Value::Float(f64::from_bits(u64::from_le_bytes(reader.array()?))),
            TEXT => Value::Text(reader.text()?),
            JSON => Value::Json(reader.text()?),
            _ => return None,
        })
    }

    /// Steps over one value without checking its text; answers its bytes.
    pub fn skip(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
        let start = reader.rest();
        match reader.byte()? {
            NULL | FALSE | TRUE => {}
            INT | UINT => {
                reader.varint()?;
            }
            FLOAT => {
                reader.take(8)?;
            }
            TEXT | JSON => {
                reader.bytes()?;
            }
            _ => return None,
        }
        start.get(..start.len() - reader.rest().len())
    }

    /// The number that an encoded value is, if it is one.
    pub(crate) fn number(encoded: &'a [u8]) -> Option<Value<'a>> {
        match encoded.first()? {
            &(INT | UINT | FLOAT) => Value::decode(&mut Reader::new(encoded)),
            _ => None,
        }
    }

    fn tag(&self) -> u8 {
        match self {
            Value::Null => NULL,
            Value::Bool(false) => FALSE,
            Value::Bool(true) => TRUE,
            Value::Int(_) => INT,
            Value::UInt(_) => UINT,
            Value::Float(_) => FLOAT,
            Value::Text(_) => TEXT,
            Value::Json(_) => JSON,
        }
    }
}

/// As it is given back: the JSON type it came with; kept JSON text reads as a string.
impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(flag) => serializer.serialize_bool(flag),
            Value::Int(number) => serializer.serialize_i64(number),
            Value::UInt(number) => serializer.serialize_u64(number),
            Value::Float(number) => serializer.serialize_f64(number),
            Value::Text(text) | Value::Json(text) => serializer.serialize_str(text),
        }
    }
}

impl Ord for Value<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.tag().cmp(&other.tag()).then_with(|| match (self, other) {
            (Value::Int(a), Value::Int(b)) => a.cmp(b),
            (Value::UInt(a), Value::UInt(b)) => a.cmp(b),
            (Value::Float(a), Value::Float(b)) => a.total_cmp(b),
            (Value::Text(a) | Value::Json(a), Value::Text(b) | Value::Json(b)) => a.cmp(b),
            _ => Ordering::Equal,
        })
    }
}

impl PartialOrd for Value<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Value<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Value<'_> {}

/// A value that outlives the bytes that it was read from.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct OwnedValue(Box<[u8]>);

impl OwnedValue {
    /// A copy of a value.
    pub fn of(value: Value<'_>) -> Self {
        let mut bytes = Vec::new();
        value.encode(&mut bytes);
        OwnedValue(bytes.into())
    }

    /// The value.
    pub fn value(&self) -> Value<'_> {
        Value::decode(&mut Reader::new(&self.0)).unwrap_or(Value::Null)
    }

    /// Bytes that it takes.
    pub fn bytes(&self) -> usize {
        size_of::<OwnedValue>() + self.0.len()
    }
}

impl std::fmt::Debug for OwnedValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.value().fmt(f)
    }
}

impl Ord for OwnedValue {
    fn cmp(&self, other: &Self) -> Ordering {
        self.value().cmp(&other.value())
    }
}

impl PartialOrd for OwnedValue {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)).cast_unsigned()
}

fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -((number & 1).cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_reads_back_and_keeps_its_place_in_the_order() {
        let ascending = [
            Value::Null,
            Value::Bool(false),
            Value::Bool(true),
            Value::Int(i64::MIN),
            Value::Int(-1),
            Value::Int(i64::MAX),
            Value::UInt(u64::MAX),
            Value::Float(-0.0),
            Value::Float(0.0),
            Value::Float(f64::MAX),
            Value::Text(""),
            Value::Text("é"),
            Value::Json("[]"),
        ];
        for pair in ascending.windows(2) {
            assert!(pair[0] < pair[1], "{pair:?}");
        }
        for value in ascending {
            let mut bytes = Vec::new();
            value.encode(&mut bytes);
            let mut reader = Reader::new(&bytes);
            assert_eq!((Value::decode(&mut reader), reader.is_empty()), (Some(value), true));
            assert_eq!(Value::skip(&mut Reader::new(&bytes)), Some(&bytes[..]));
            assert_eq!(Value::decode(&mut Reader::new(&bytes[..bytes.len() - 1])), None);
        }
    }
}
