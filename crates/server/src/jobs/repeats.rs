//! The numbers of equal rows of a file (law 2), given as the rows come.
//!
//! The guards of all rows that were numbered are kept as a set. The first row of its kind has its own hash for a guard, the
//! second one that of the hash and 2: a row's number is the first whose guard is not in the set. So no row is looked at
//! twice, and nothing but the set grows with the file.
//!
//! The set is exact and its memory bounded: what was seen last is in memory, the rest in sorted runs in a scratch file,
//! of which every 256th guard is held, and a filter that most new guards pass without a look at the file.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

use muster_kernel::model::guard::Guard;
use muster_kernel::ports::{Scratch, StoreError};

use crate::guards;

/// Guards in memory before they become a run: some 36 MB, and 16 MB while they are sorted.
const RUN_GUARDS: usize = 1 << 20;
/// Guards of a run that are read at once.
const PAGE_GUARDS: usize = 256;
/// Rows that repeat of which the last number is remembered; of others it is searched for.
const REMEMBERED_MAX: usize = 1 << 16;
/// Words of the filter: 32 MiB, made with the first run.
const FILTER_WORDS: usize = 1 << 22;
/// Words of the filter that one guard's bits lie in: a line of the processor's cache.
const LINE_WORDS: usize = 8;
const GUARD_BYTES: usize = 16;

/// The key of a guard.
type Key = [u8; GUARD_BYTES];

/// Numbers rows.
#[derive(Default)]
pub struct Repeats {
    recent: HashSet<Key, BuildHasherDefault<FirstBytes>>,
    /// The last number of some rows that repeat: one that stands there a million times is not searched for a million times.
    remembered: HashMap<Key, u32, BuildHasherDefault<FirstBytes>>,
    filter: Vec<u64>,
    runs: Vec<Run>,
    scratch: Option<Box<dyn Scratch>>,
}

/// Sorted guards in the scratch file.
struct Run {
    /// Where it begins, in bytes.
    at: u64,
    guards: usize,
    /// The first guard of each page.
    fences: Vec<Key>,
}

/// Guards are hashes already.
#[derive(Default)]
struct FirstBytes(u64);

impl Hasher for FirstBytes {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        // The length comes first, the bytes last.
        if let Some(first) = bytes.first_chunk() {
            self.0 = u64::from_le_bytes(*first);
        }
    }
}

impl Repeats {
    /// Makes room for so many rows, or for as many as are kept in memory.
    pub fn expect(&mut self, rows: u64) {
        self.recent.reserve(usize::try_from(rows).unwrap_or(RUN_GUARDS).min(RUN_GUARDS));
    }

    /// The guard of a row by what it says: that of the next number among its equals. `scratch` makes a file once one is needed.
    ///
    /// # Errors
    /// When the scratch file cannot be used; asked again, the row has the same number.
    pub fn guard(
        &mut self,
        row: Key,
        scratch: &dyn Fn() -> Result<Box<dyn Scratch>, StoreError>,
    ) -> Result<Guard, StoreError> {
        if self.recent.len() >= RUN_GUARDS {
            self.spill(scratch)?;
        }
        let mut number = 1;
        if self.has(&row)? {
            // The numbers that are given have no holes.
            let mut given = self.remembered.get(&row).copied().unwrap_or(1);
            let mut free = given.saturating_add(1);
            while self.has(&guards::of_row(row, free).key)? {
                (given, free) = (free, free.saturating_mul(2));
            }
            while free - given > 1 {
                let middle = given + (free - given) / 2;
                if self.has(&guards::of_row(row, middle).key)? { given = middle } else { free = middle }
            }
            number = free;
            if self.remembered.len() >= REMEMBERED_MAX {
                self.remembered.clear();
            }
            self.remembered.insert(row, number);
        }
        let guard = guards::of_row(row, number);
        self.recent.insert(guard.key);
        Ok(guard)
    }

    fn has(&self, key: &Key) -> Result<bool, StoreError> {
        if self.recent.contains(key) {
            return Ok(true);
        }
        let (line, bits) = place(key);
        if self.filter.is_empty()
            || !(0..LINE_WORDS).all(|word| self.filter[line + word] & bits[word] == bits[word])
        {
            return Ok(false);
        }
        let Some(scratch) = &self.scratch else { return Ok(false) };
        let mut page = [0; PAGE_GUARDS * GUARD_BYTES];
        for run in &self.runs {
            let Some(number) = run.fences.partition_point(|fence| fence <= key).checked_sub(1) else {
                continue;
            };
            let count = (run.guards - number * PAGE_GUARDS).min(PAGE_GUARDS);
            let page = &mut page[..count * GUARD_BYTES];
            scratch.read(run.at + (number * PAGE_GUARDS * GUARD_BYTES) as u64, page)?;
            if page.as_chunks::<GUARD_BYTES>().0.binary_search(key).is_ok() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Makes a run of what is in memory.
    fn spill(&mut self, make: &dyn Fn() -> Result<Box<dyn Scratch>, StoreError>) -> Result<(), StoreError> {
        if self.scratch.is_none() {
            self.scratch = Some(make()?);
            self.filter = vec![0; FILTER_WORDS];
        }
        let Some(scratch) = &mut self.scratch else { return Ok(()) };
        let mut keys: Vec<Key> = self.recent.iter().copied().collect();
        keys.sort_unstable();
        let at = self.runs.last().map_or(0, |run| run.at + (run.guards * GUARD_BYTES) as u64);
        scratch.write(at, keys.as_flattened())?;
        for key in &keys {
            let (line, bits) = place(key);
            bits.iter().enumerate().for_each(|(word, bits)| self.filter[line + word] |= bits);
        }
        let fences = keys.iter().step_by(PAGE_GUARDS).copied().collect();
        self.runs.push(Run { at, guards: keys.len(), fences });
        self.recent.clear();
        Ok(())
    }
}

/// Where the bits of a guard are in the filter: the first word of a line, and one bit in each of its words.
fn place(key: &Key) -> (usize, [u64; LINE_WORDS]) {
    let number = u128::from_le_bytes(*key);
    // The low half chose the slot of the map; the lines are chosen by other bits.
    let line = usize::try_from(number >> 104).unwrap_or_default() % (FILTER_WORDS / LINE_WORDS) * LINE_WORDS;
    let bits = std::array::from_fn(|word| 1 << ((number >> (6 * word)) & 63));
    (line, bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scratch in memory, which can be full.
    #[derive(Default)]
    struct Memory {
        bytes: Vec<u8>,
    }

    impl Scratch for Memory {
        fn write(&mut self, offset: u64, bytes: &[u8]) -> Result<(), StoreError> {
            let end = usize::try_from(offset).unwrap() + bytes.len();
            self.bytes.resize(end, 0);
            self.bytes[end - bytes.len()..].copy_from_slice(bytes);
            Ok(())
        }

        fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<(), StoreError> {
            let at = usize::try_from(offset).unwrap();
            buffer.copy_from_slice(&self.bytes[at..at + buffer.len()]);
            Ok(())
        }
    }

    fn memory() -> Result<Box<dyn Scratch>, StoreError> {
        Ok(Box::new(Memory::default()))
    }

    fn row(number: u32) -> Key {
        guards::row_hash(&number.to_be_bytes())
    }

    #[test]
    fn equal_rows_are_numbered_in_their_order() {
        let mut repeats = Repeats::default();
        for number in 0..2_000 {
            let guard = repeats.guard(row(number % 300), &memory).unwrap();
            assert_eq!(guard, guards::of_row(row(number % 300), number / 300 + 1), "{number}");
        }
        assert!(repeats.scratch.is_none());
    }

    #[test]
    fn rows_that_left_memory_are_known() {
        let most = u32::try_from(RUN_GUARDS).unwrap();
        let mut repeats = Repeats::default();
        // Two runs and some in memory; the first hundred come again and again.
        for number in 0..most * 2 + 1_000 {
            assert_eq!(repeats.guard(row(number), &memory).unwrap().key, row(number));
        }
        assert_eq!(repeats.runs.len(), 2);
        for again in 2..12 {
            for number in (0..100).chain(most..most + 100).chain(most * 2..most * 2 + 100) {
                assert_eq!(repeats.guard(row(number), &memory).unwrap(), guards::of_row(row(number), again));
            }
        }
    }

    #[test]
    fn a_row_that_could_not_be_numbered_has_its_number_later() {
        let most = u32::try_from(RUN_GUARDS).unwrap();
        let mut repeats = Repeats::default();
        for number in 0..most {
            repeats.guard(row(number), &memory).unwrap();
        }
        let full = || Err(StoreError::Failed("no room".to_owned()));
        assert!(repeats.guard(row(7), &full).is_err());
        assert_eq!(repeats.guard(row(7), &memory).unwrap(), guards::of_row(row(7), 2));
    }
}
