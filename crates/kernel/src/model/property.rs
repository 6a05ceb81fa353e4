//! A set of named values on its way into an event: collected in the order sent, encoded in the order of names.
//!
//! Encoded order is by the bytes of the name, each name once: folds are then merges of sorted runs.

use super::value::Value;
use super::varint::{self, Reader};

/// Collects named values without an allocation per property; reused from call to call.
#[derive(Clone, Debug, Default)]
pub struct Properties {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

/// Where one property stands in `bytes`: the name without its length, then the encoded value.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// The first bytes of the name as a number that sorts as they do: most names differ there already.
    prefix: u64,
    name: u32,
    value: u32,
    end: u32,
}

impl Properties {
    /// Forgets everything, keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.entries.clear();
    }

    /// Adds a property. A name may be added twice; [`Properties::settle`] keeps the last.
    pub fn push(&mut self, name: &str, value: Value<'_>) {
        self.push_encoded(name, |bytes| value.encode(bytes));
    }

    /// Adds a property whose encoded value `write` appends; none when it appends nothing.
    pub fn push_encoded(&mut self, name: &str, write: impl FnOnce(&mut Vec<u8>)) {
        self.push_bytes(name.as_bytes(), write);
    }

    /// Adds what stands in a list: as it is, but for numbers, which are encoded anew.
    pub(crate) fn copy(&mut self, list: &PropertyList<'_>) {
        for (name, value) in list.raw() {
            match Value::number(value) {
                Some(number) => self.push_bytes(name, |bytes| number.encode(bytes)),
                None => self.push_bytes(name, |bytes| bytes.extend_from_slice(value)),
            }
        }
    }

    fn push_bytes(&mut self, name: &[u8], write: impl FnOnce(&mut Vec<u8>)) {
        let at = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        let start = self.bytes.len();
        self.bytes.extend_from_slice(name);
        let middle = self.bytes.len();
        write(&mut self.bytes);
        if self.bytes.len() == middle {
            self.bytes.truncate(start);
            return;
        }
        let prefix = prefix_of(name);
        self.entries.push(Entry { prefix, name: at(start), value: at(middle), end: at(self.bytes.len()) });
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Sorts by name and keeps the last of equal names. Answers how many were dropped.
    pub fn settle(&mut self) -> usize {
        let bytes = &self.bytes;
        let name = |entry: &Entry| &bytes[entry.name as usize..entry.value as usize];
        // Among equal names the last pushed comes first, so that dedup keeps it.
        self.entries.sort_unstable_by(|a, b| {
            a.prefix.cmp(&b.prefix).then_with(|| name(a).cmp(name(b))).then(b.name.cmp(&a.name))
        });
        let before = self.entries.len();
        self.entries.dedup_by(|later, kept| later.prefix == kept.prefix && name(later) == name(kept));
        before - self.entries.len()
    }

    /// Appends the count and the properties; call [`Properties::settle`] first.
    pub fn encode(&self, out: &mut Vec<u8>) {
        varint::put(out, self.entries.len() as u64);
        for entry in &self.entries {
            varint::put_bytes(out, &self.bytes[entry.name as usize..entry.value as usize]);
            out.extend_from_slice(&self.bytes[entry.value as usize..entry.end as usize]);
        }
    }

    /// The names, in the present order.
    pub fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.entries.iter().map(|entry| &self.bytes[entry.name as usize..entry.value as usize])
    }
}

fn prefix_of(name: &[u8]) -> u64 {
    let mut first = [0; 8];
    let length = name.len().min(first.len());
    first[..length].copy_from_slice(&name[..length]);
    u64::from_be_bytes(first)
}

/// Properties as they stand in a record: sorted by name, each name once.
#[derive(Clone, Copy, Debug)]
pub struct PropertyList<'a> {
    count: usize,
    bytes: &'a [u8],
}

impl<'a> PropertyList<'a> {
    /// No properties.
    pub const EMPTY: PropertyList<'static> = PropertyList { count: 0, bytes: &[] };

    /// Reads past a list written by [`Properties::encode`].
    pub fn read(reader: &mut Reader<'a>) -> Option<Self> {
        let count = reader.length()?;
        let bytes = reader.rest();
        for _ in 0..count {
            reader.bytes()?;
            Value::skip(reader)?;
        }
        Some(PropertyList { count, bytes: bytes.get(..bytes.len() - reader.rest().len())? })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many bytes they take.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Name and encoded value of each.
    pub fn raw(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        let mut reader = Reader::new(self.bytes);
        std::iter::from_fn(move || Some((reader.bytes()?, Value::skip(&mut reader)?)))
    }

    /// Name and value of each.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, Value<'a>)> + use<'a> {
        let mut reader = Reader::new(self.bytes);
        std::iter::from_fn(move || Some((reader.text()?, Value::decode(&mut reader)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_equal_names_stays_and_names_come_sorted() {
        let mut properties = Properties::default();
        for (name, number) in [("b", 1), ("a", 2), ("b", 3), ("é", 4), ("a", 5)] {
            properties.push(name, Value::Int(number));
        }
        assert_eq!(properties.settle(), 2);
        let mut bytes = Vec::new();
        properties.encode(&mut bytes);
        let mut reader = Reader::new(&bytes);
        let list = PropertyList::read(&mut reader).unwrap();
        assert!(reader.is_empty());
        let seen: Vec<_> = list.iter().collect();
        assert_eq!(seen, [("a", Value::Int(5)), ("b", Value::Int(3)), ("é", Value::Int(4))]);
    }

    #[test]
    fn the_order_is_that_of_the_bytes_however_far_names_agree() {
        let mut names =
            ["", "\0", "a", "a\0", "a\0\0", "created", "created_", "created_at", "created_by", "é"];
        let mut properties = Properties::default();
        for name in names.iter().rev() {
            properties.push(name, Value::Null);
        }
        assert_eq!(properties.settle(), 0);
        names.sort_unstable();
        assert!(properties.names().eq(names.iter().map(|name| name.as_bytes())));
    }
}
