//! A column: byte strings that some rows have, encoded values for the most part (docs/FORMAT.md, "History", "Column").
//!
//! Whichever is smallest holds them: a dictionary and codes, whole numbers as a lane, decimals as a lane of their
//! digits, doubles as a lane of their bits, or the bytes one behind the other. What comes out is what went in.

use std::ops::Range;

use hashbrown::HashMap;

use muster_kernel::model::history::ReadableType;
use muster_kernel::model::value::Value;
use muster_kernel::model::varint::{self, Reader};

use super::bits::BLOCK;
use super::lane::{self, Lane, Use, from_signed, to_signed};

const DICTIONARY: u8 = 0;
const INTEGERS: u8 = 1;
const DECIMALS: u8 = 2;
const DOUBLES: u8 = 3;
const PLAIN: u8 = 4;

/// Bytes of presence for a block of rows: how many rows before it have a value, and which of its own do.
const PRESENCE_BYTES: usize = 20;
/// Digits behind the point that decimals are tried with.
const DIGITS_MAX: u8 = 4;
const POWERS: [f64; 5] = [1.0, 10.0, 100.0, 1_000.0, 10_000.0];
/// Larger ones may not be told apart as doubles.
const DECIMAL_MAX: f64 = 9_007_199_254_740_992.0;

/// What a column is made from: rows, ascending, and what each of them has.
#[derive(Debug, Default)]
pub struct Cells<'a> {
    /// The rows.
    pub rows: Vec<u32>,
    /// The bytes of each.
    pub values: Vec<&'a [u8]>,
    /// Whether they are encoded values, to be counted by what they read as.
    pub are_values: bool,
}

/// How many values of a column read as each type, in the order of [`ReadableType::ALL`].
pub type TypeCounts = [u64; 8];

impl<'a> Cells<'a> {
    /// Appends the column; `rows` is how many rows there are in all.
    pub fn encode(&self, rows: usize, out: &mut Vec<u8>) {
        let dictionary = Dictionary::of(&self.values);
        let mut bodies = Vec::new();
        let mut dictionary_body = Vec::new();
        dictionary.encode(&mut dictionary_body);
        bodies.push((DICTIONARY, dictionary_body));
        bodies.extend(numbers(&self.values));
        if dictionary.entries.len() * 4 > self.values.len() {
            bodies.push((PLAIN, plain(&self.values)));
        }
        let smallest = bodies.into_iter().min_by_key(|(_, body)| body.len());
        let (encoding, body) = smallest.unwrap_or_default();
        out.push(encoding);
        self.encode_types(&dictionary, out);
        varint::put(out, self.values.len() as u64);
        if self.values.len() != rows {
            self.encode_presence(rows, out);
        }
        out.extend_from_slice(&body);
    }

    fn encode_types(&self, dictionary: &Dictionary<'_>, out: &mut Vec<u8>) {
        let mut counts = TypeCounts::default();
        if self.are_values {
            let mut times = vec![0u64; dictionary.entries.len()];
            dictionary.codes.iter().for_each(|code| times[usize::try_from(*code).unwrap_or_default()] += 1);
            for (bytes, times) in dictionary.entries.iter().zip(times) {
                counts[type_of(bytes) as usize] += times;
            }
        }
        let present = |index: &usize| counts[*index] > 0;
        let mask = (0..counts.len()).filter(present).fold(0u8, |mask, index| mask | 1 << index);
        out.push(mask);
        for index in (0..counts.len()).filter(present) {
            varint::put(out, counts[index]);
        }
    }

    fn encode_presence(&self, rows: usize, out: &mut Vec<u8>) {
        let mut next = self.rows.iter().copied().peekable();
        let mut before = 0u32;
        for block in 0..rows.div_ceil(BLOCK) {
            let first = block * BLOCK;
            let mut present = 0u128;
            let ours = |row: &u32| (*row as usize) < first + BLOCK;
            out.extend_from_slice(&before.to_le_bytes());
            while let Some(row) = next.next_if(ours) {
                present |= 1 << (row as usize - first);
                before += 1;
            }
            out.extend_from_slice(&present.to_le_bytes());
        }
    }
}

fn type_of(bytes: &[u8]) -> ReadableType {
    ReadableType::of(value_of(bytes))
}

/// The value that bytes of a column of values are.
pub fn value_of(bytes: &[u8]) -> Value<'_> {
    Value::decode(&mut Reader::new(bytes)).unwrap_or(Value::Null)
}

/// Different byte strings, in the order in which they came, and which of them each value is.
struct Dictionary<'a> {
    entries: Vec<&'a [u8]>,
    codes: Vec<u64>,
}

impl<'a> Dictionary<'a> {
    fn of(values: &[&'a [u8]]) -> Self {
        let mut known: HashMap<&[u8], u64> = HashMap::default();
        let mut entries = Vec::new();
        let mut last: Option<(&[u8], u64)> = None;
        let code = |value: &&'a [u8]| {
            if let Some((_, code)) = last.filter(|(known, _)| known == value) {
                return code;
            }
            let code = *known.entry(value).or_insert_with(|| {
                entries.push(*value);
                entries.len() as u64 - 1
            });
            last = Some((value, code));
            code
        };
        let codes = values.iter().map(code).collect();
        Dictionary { entries, codes }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        varint::put(out, self.entries.len() as u64);
        put_sized(&plain(&self.entries), out);
        lane::encode(&self.codes, Use::LookedUp, out);
    }
}

fn put_sized(bytes: &[u8], out: &mut Vec<u8>) {
    varint::put_bytes(out, bytes);
}

/// Where each ends, then all of them.
fn plain(values: &[&[u8]]) -> Vec<u8> {
    let mut end = 0;
    let ends: Vec<u64> = values
        .iter()
        .map(|value| {
            end += value.len() as u64;
            end
        })
        .collect();
    let (mut lane, mut out) = (Vec::new(), Vec::new());
    lane::encode(&ends, Use::LookedUp, &mut lane);
    put_sized(&lane, &mut out);
    values.iter().for_each(|value| out.extend_from_slice(value));
    out
}

/// The encodings that values have which are all numbers of one type.
fn numbers(values: &[&[u8]]) -> Option<(u8, Vec<u8>)> {
    let mut out = Vec::new();
    match value_of(values.first()?) {
        Value::Int(_) => {
            let number = |bytes: &&[u8]| match value_of(bytes) {
                Value::Int(number) => Some(from_signed(number)),
                _ => None,
            };
            let numbers: Option<Vec<u64>> = values.iter().map(number).collect();
            lane::encode(&numbers?, Use::Times, &mut out);
            Some((INTEGERS, out))
        }
        Value::Float(_) => {
            let double = |bytes: &&[u8]| match value_of(bytes) {
                Value::Float(number) => Some(number),
                _ => None,
            };
            let doubles: Option<Vec<f64>> = values.iter().map(double).collect();
            let doubles = doubles?;
            let as_decimals = |digits: u8| {
                let numbers: Option<Vec<u64>> = doubles.iter().map(|one| decimal(*one, digits)).collect();
                Some((digits, numbers?))
            };
            if let Some((digits, numbers)) = (0..=DIGITS_MAX).find_map(as_decimals) {
                out.push(digits);
                lane::encode(&numbers, Use::Scanned, &mut out);
                return Some((DECIMALS, out));
            }
            let bits: Vec<u64> = doubles.iter().map(|double| double.to_bits()).collect();
            lane::encode(&bits, Use::Scanned, &mut out);
            Some((DOUBLES, out))
        }
        _ => None,
    }
}

/// A double as a whole number of its last digits, if it comes back to the bit.
fn decimal(double: f64, digits: u8) -> Option<u64> {
    let power = POWERS[usize::from(digits)];
    let scaled = (double * power).round();
    if scaled.is_nan() || scaled.abs() > DECIMAL_MAX {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "a whole number of at most 53 bits")]
    let number = scaled as i64;
    (from_decimal(number, digits).to_bits() == double.to_bits()).then(|| from_signed(number))
}

#[expect(clippy::cast_precision_loss, reason = "at most 53 bits")]
fn from_decimal(number: i64, digits: u8) -> f64 {
    number as f64 / POWERS.get(usize::from(digits)).copied().unwrap_or(1.0)
}

/// A column read in place.
#[derive(Clone, Copy, Debug)]
pub struct Column<'a> {
    rows: usize,
    count: usize,
    types: TypeCounts,
    presence: Option<&'a [u8]>,
    body: Body<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Body<'a> {
    Dictionary { entries: Plain<'a>, codes: Lane<'a> },
    Integers(Lane<'a>),
    Decimals(u8, Lane<'a>),
    Doubles(Lane<'a>),
    Plain(Plain<'a>),
}

/// Byte strings one behind the other.
#[derive(Clone, Copy, Debug)]
pub struct Plain<'a> {
    ends: Lane<'a>,
    bytes: &'a [u8],
}

impl<'a> Plain<'a> {
    fn open(bytes: &'a [u8], count: usize) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let ends = Lane::open(reader.bytes()?, count)?;
        Some(Plain { ends, bytes: reader.rest() })
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.ends.count()
    }

    /// One of them.
    pub fn get(&self, index: usize) -> Option<&'a [u8]> {
        let place = |end: u64| usize::try_from(end).ok();
        let start = if index == 0 { 0 } else { place(self.ends.get(index - 1)?)? };
        self.bytes.get(start..place(self.ends.get(index)?)?)
    }
}

impl<'a> Column<'a> {
    /// The column over `rows` rows that `bytes` are; `None` when they are none.
    pub fn open(bytes: &'a [u8], rows: usize) -> Option<Column<'a>> {
        let mut reader = Reader::new(bytes);
        let encoding = reader.byte()?;
        let mask = reader.byte()?;
        let mut types = TypeCounts::default();
        for (index, count) in types.iter_mut().enumerate() {
            if mask & (1 << index) != 0 {
                *count = reader.varint()?;
            }
        }
        let count = reader.length()?;
        let presence = match count == rows {
            true => None,
            false => Some(reader.take(rows.div_ceil(BLOCK).checked_mul(PRESENCE_BYTES)?)?),
        };
        let body = match encoding {
            DICTIONARY => {
                let entries = reader.length()?;
                let entries = Plain::open(reader.bytes()?, entries)?;
                Body::Dictionary { entries, codes: Lane::open(reader.rest(), count)? }
            }
            INTEGERS => Body::Integers(Lane::open(reader.rest(), count)?),
            DECIMALS => Body::Decimals(reader.byte()?, Lane::open(reader.rest(), count)?),
            DOUBLES => Body::Doubles(Lane::open(reader.rest(), count)?),
            PLAIN => Body::Plain(Plain::open(reader.rest(), count)?),
            _ => return None,
        };
        Some(Column { rows, count, types, presence, body })
    }

    /// How many values read as what.
    pub fn types(&self) -> &TypeCounts {
        &self.types
    }

    /// Which of the values a row has.
    pub fn index_of(&self, row: usize) -> Option<usize> {
        let Some(presence) = self.presence else { return (row < self.rows).then_some(row) };
        let block = presence.get(row / BLOCK * PRESENCE_BYTES..)?.first_chunk::<PRESENCE_BYTES>()?;
        let (before, present) = block.split_first_chunk::<4>()?;
        let present = u128::from_le_bytes(present.try_into().ok()?);
        let bit = 1u128 << (row % BLOCK);
        let inside = (present & (bit - 1)).count_ones();
        (present & bit != 0).then(|| (u32::from_le_bytes(*before) + inside) as usize)
    }

    /// Appends the bytes that a row has; answers whether it has any.
    pub fn append(&self, row: usize, out: &mut Vec<u8>) -> bool {
        let Some(index) = self.index_of(row) else { return false };
        self.append_value(index, out);
        true
    }

    /// Appends one of the values.
    pub fn append_value(&self, index: usize, out: &mut Vec<u8>) {
        let number = |lane: &Lane<'_>| lane.get(index).unwrap_or_default();
        let value = match &self.body {
            Body::Dictionary { entries, codes } => {
                let code = usize::try_from(codes.get(index).unwrap_or_default()).unwrap_or_default();
                out.extend_from_slice(entries.get(code).unwrap_or_default());
                return;
            }
            Body::Plain(values) => {
                out.extend_from_slice(values.get(index).unwrap_or_default());
                return;
            }
            Body::Integers(lane) => Value::Int(to_signed(number(lane))),
            Body::Decimals(digits, lane) => Value::Float(from_decimal(to_signed(number(lane)), *digits)),
            Body::Doubles(lane) => Value::Float(f64::from_bits(number(lane))),
        };
        value.encode(out);
    }

    /// How many values stand before a row.
    fn before(&self, row: usize) -> usize {
        let Some(presence) = self.presence else { return row.min(self.rows) };
        let block =
            presence.get(row / BLOCK * PRESENCE_BYTES..).and_then(<[u8]>::first_chunk::<PRESENCE_BYTES>);
        let Some((before, present)) = block.and_then(|block| block.split_first_chunk::<4>()) else {
            return self.count;
        };
        let present = present.try_into().map_or(0, u128::from_le_bytes);
        let inside = (present & ((1 << (row % BLOCK)) - 1)).count_ones();
        (u32::from_le_bytes(*before) + inside) as usize
    }

    /// For each of some rows the number that `group` gives to its bytes, or `absent`; asks once for each entry of a
    /// dictionary that they have.
    pub fn groups(&self, rows: Range<usize>, absent: u32, mut group: impl FnMut(&[u8]) -> u32) -> Vec<u32> {
        let values = self.before(rows.start)..self.before(rows.end);
        let mut of_values: Vec<u32> = Vec::with_capacity(values.len());
        match &self.body {
            Body::Dictionary { entries, codes } => {
                let mut known: Vec<Option<u32>> = vec![None; entries.count()];
                let mut of = |code: u64| {
                    let code = usize::try_from(code).unwrap_or(usize::MAX);
                    let Some(known) = known.get_mut(code) else { return absent };
                    *known.get_or_insert_with(|| group(entries.get(code).unwrap_or_default()))
                };
                of_values.extend(lane::some(codes, values).into_iter().map(&mut of));
            }
            _ => {
                let mut scratch = Vec::new();
                of_values.extend(values.map(|index| {
                    scratch.clear();
                    self.append_value(index, &mut scratch);
                    group(&scratch)
                }));
            }
        }
        if self.presence.is_none() {
            return of_values;
        }
        let mut next = of_values.into_iter();
        let mut of_row = |row| if self.index_of(row).is_some() { next.next() } else { None };
        rows.map(|row| of_row(row).unwrap_or(absent)).collect()
    }

    /// Shows different values until `see` has seen enough: the entries of a dictionary, or values that may repeat.
    pub fn visit(&self, mut see: impl FnMut(&[u8]) -> bool) {
        let mut scratch = Vec::new();
        let (dictionary, count) = match &self.body {
            Body::Dictionary { entries, .. } => (Some(entries), entries.count()),
            _ => (None, self.count),
        };
        for index in 0..count {
            scratch.clear();
            match dictionary {
                Some(entries) => scratch.extend_from_slice(entries.get(index).unwrap_or_default()),
                None => self.append_value(index, &mut scratch),
            }
            if !see(&scratch) {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(values: &[Value<'_>]) -> Vec<Vec<u8>> {
        let bytes = |value: &Value<'_>| {
            let mut out = Vec::new();
            value.encode(&mut out);
            out
        };
        values.iter().map(bytes).collect()
    }

    /// Every `step`-th of the rows has the next value.
    fn check(values: &[Value<'_>], step: usize, encoding: u8) {
        let bytes = encoded(values);
        let cells = Cells {
            rows: (0..values.len()).map(|index| u32::try_from(index * step).unwrap()).collect(),
            values: bytes.iter().map(Vec::as_slice).collect(),
            are_values: true,
        };
        let rows = values.len() * step;
        let mut out = Vec::new();
        cells.encode(rows, &mut out);
        assert_eq!(out[0], encoding, "{:?}", values.first());
        let column = Column::open(&out, rows).unwrap();
        let mut groups = Vec::new();
        let mut group = |bytes: &[u8]| {
            groups.push(bytes.to_vec());
            u32::try_from(groups.len() - 1).unwrap()
        };
        let mut found = column.groups(0..rows / 3, u32::MAX, &mut group);
        found.extend(column.groups(rows / 3..rows, u32::MAX, &mut group));
        for row in 0..rows {
            let mut value = Vec::new();
            let there = column.append(row, &mut value);
            assert_eq!(there, row % step == 0);
            if there {
                assert_eq!(value, bytes[row / step]);
                assert_eq!(groups[found[row] as usize], value);
            } else {
                assert_eq!(found[row], u32::MAX);
            }
        }
        let total: u64 = column.types().iter().sum();
        assert_eq!(total, values.len() as u64);
    }

    #[test]
    fn values_of_every_shape_read_back_from_the_smallest_encoding() {
        let texts: Vec<String> = (0..300).map(|n| format!("value {n}")).collect();
        for step in [1, 3] {
            check(&vec![Value::Bool(true); 300], step, DICTIONARY);
            check(
                &[Value::Null, Value::Text("a"), Value::Json("[]"), Value::Null].repeat(50),
                step,
                DICTIONARY,
            );
            let numbers: Vec<_> = (0..300).map(|n| Value::Int(n * 1_000_003 - 7)).collect();
            check(&numbers, step, INTEGERS);
            let prices: Vec<_> = (0..300).map(|n| Value::Float(f64::from(n * 37 % 4001) / 100.0)).collect();
            check(&prices, step, DECIMALS);
            let doubles: Vec<_> = (1..300).map(|n| Value::Float(1.0 / f64::from(n))).collect();
            check(&doubles, step, DOUBLES);
            check(&texts.iter().map(|text| Value::Text(text)).collect::<Vec<_>>(), step, PLAIN);
        }
        check(&[Value::Float(-0.0), Value::Float(0.5), Value::Float(f64::MAX)], 1, DOUBLES);
    }
}
