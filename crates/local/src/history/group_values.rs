//! Very many values, each with a number, in about as little memory as the values themselves take: they stand one behind another,
//! and a table of numbers finds them.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};
use muster_kernel::model::varint::{self, Reader};

/// Values stand in chunks of so many bytes, so that taking one more never moves those before.
const CHUNK_BYTES: usize = 256 << 10;
/// What the length of a value takes at most.
const LENGTH_BYTES: usize = 10;
/// What a value takes beside its bytes: its place, which moves when there are many more, and what is counted of it.
const VALUE_BYTES: usize = 24;
/// What a slot of the table takes, with the table of half the size that it grows from.
const SLOT_BYTES: usize = 8;

/// Values, numbered from 1 on in the order in which they came.
#[derive(Default)]
pub struct GroupValues {
    chunks: Vec<Vec<u8>>,
    /// Bytes in them.
    stored: usize,
    /// For each value its chunk and where in that it begins.
    places: Vec<(u32, u32)>,
    table: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl GroupValues {
    /// The number of a value; where it has none yet and `takes` says so, it gets one.
    pub fn number(&mut self, value: &[u8], takes: impl FnOnce() -> bool) -> Option<u32> {
        let hash = self.hasher.hash_one(value);
        let is_it = |number: &u32| self.get(*number) == Some(value);
        if let Some(number) = self.table.find(hash, is_it) {
            return Some(*number);
        }
        if !takes() {
            return None;
        }
        let number = u32::try_from(self.places.len() + 1).ok()?;
        let is_full = |chunk: &Vec<u8>| chunk.len() + value.len() > CHUNK_BYTES;
        if self.chunks.last().is_none_or(is_full) {
            // A few values should not take a whole chunk.
            let first = if self.chunks.is_empty() { 0 } else { CHUNK_BYTES + LENGTH_BYTES };
            self.chunks.push(Vec::with_capacity(first));
        }
        let chunk = u32::try_from(self.chunks.len() - 1).ok()?;
        let into = self.chunks.last_mut()?;
        self.places.push((chunk, u32::try_from(into.len()).ok()?));
        let before = into.len();
        varint::put_bytes(into, value);
        self.stored += into.len() - before;
        let GroupValues { chunks, places, table, hasher, .. } = self;
        table.insert_unique(hash, number, |other| {
            hasher.hash_one(value_in(chunks, places, *other).unwrap_or_default())
        });
        Some(number)
    }

    /// The value with a number.
    pub fn get(&self, number: u32) -> Option<&[u8]> {
        value_in(&self.chunks, &self.places, number)
    }

    /// About how many bytes they take, at most, with a number counted for each.
    pub fn bytes(&self) -> usize {
        self.stored + self.places.len() * VALUE_BYTES + self.table.capacity() * SLOT_BYTES
    }
}

fn value_in<'v>(chunks: &'v [Vec<u8>], places: &[(u32, u32)], number: u32) -> Option<&'v [u8]> {
    let (chunk, place) = *places.get((number as usize).checked_sub(1)?)?;
    Reader::new(chunks.get(chunk as usize)?.get(place as usize..)?).bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_numbers_however_many_and_long_they_are() {
        let mut values = GroupValues::default();
        let long = "x".repeat(CHUNK_BYTES + 1);
        let value = |number: u32| match number {
            500 => long.clone(),
            1 => String::new(),
            _ => format!("value {number}"),
        };
        for number in 1..=60_000 {
            assert_eq!(values.number(value(number).as_bytes(), || true), Some(number));
        }
        assert_eq!((values.places.len(), values.get(0), values.get(60_001)), (60_000, None, None));
        for number in 1..=60_000 {
            assert_eq!(values.number(value(number).as_bytes(), || true), Some(number));
            assert_eq!(values.get(number), Some(value(number).as_bytes()));
        }
        assert_eq!(values.number(b"another", || false), None);
        assert!(values.bytes() > 60_000 * 12 + long.len());
    }
}
