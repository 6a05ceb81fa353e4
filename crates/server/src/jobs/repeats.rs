//! Which rows of a file stand in it more than once, so that equal rows can be numbered (law 2) without holding them all.
//!
//! A first look over the file puts the hash of each row into a filter. A row that the filter may have seen before is
//! noted by its hash; there are as many of these as rows that repeat, and a few that do not. A second look numbers: a
//! row that is not noted is the first of its kind, one that is noted is counted. So the numbers are exact, and memory
//! does not grow with the file but with the rows that repeat in it, of which there is a limit.

use std::collections::HashMap;

/// Bits of the filter: 32 MiB, of which a small file touches little. With 8 million rows one in 5,000 is noted in vain.
const FILTER_BITS: u32 = 28;
/// Different rows that may stand in one file more than once; some 50 MB.
pub const REPEATS_MAX: usize = 1_000_000;

/// More different rows repeat than may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany;

/// The rows that repeat, and how often each was numbered.
#[derive(Default)]
pub struct Repeats {
    filter: Vec<u64>,
    counts: HashMap<[u8; 16], u32>,
}

impl Repeats {
    /// Sees a row for the first look.
    ///
    /// # Errors
    /// When there are too many that repeat.
    pub fn see(&mut self, hash: [u8; 16]) -> Result<(), TooMany> {
        if self.filter.is_empty() {
            self.filter = vec![0; 1 << (FILTER_BITS - 6)];
        }
        let mut was_seen = true;
        for quarter in hash.chunks_exact(4) {
            let number = quarter.iter().fold(0u32, |number, byte| number << 8 | u32::from(*byte));
            let bit = number >> (32 - FILTER_BITS);
            let word = &mut self.filter[(bit >> 6) as usize];
            was_seen &= *word >> (bit & 63) & 1 == 1;
            *word |= 1 << (bit & 63);
        }
        if was_seen {
            self.counts.insert(hash, 0);
        }
        if self.counts.len() > REPEATS_MAX { Err(TooMany) } else { Ok(()) }
    }

    /// The first look is over.
    pub fn end_first_look(&mut self) {
        self.filter = Vec::new();
    }

    /// Whether any row may repeat.
    pub fn are_any(&self) -> bool {
        !self.counts.is_empty()
    }

    /// The number of this row among its equals, for the second look: 1 for the first.
    pub fn number(&mut self, hash: [u8; 16]) -> u32 {
        match self.counts.get_mut(&hash) {
            None => 1,
            Some(count) => {
                *count += 1;
                *count
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guards;

    #[test]
    fn equal_rows_are_numbered_and_others_are_not() {
        let hash = |number: u32| guards::row_hash(&(number % 900).to_be_bytes());
        let mut repeats = Repeats::default();
        (0..2_000).for_each(|number| repeats.see(hash(number)).unwrap());
        repeats.end_first_look();
        assert!(repeats.are_any());
        for number in 0..2_000 {
            assert_eq!(repeats.number(hash(number)), number / 900 + 1);
        }
        let mut alone = Repeats::default();
        (0..900).for_each(|number| alone.see(hash(number)).unwrap());
        assert!(!alone.are_any());
        assert_eq!((alone.number(hash(1)), alone.number(hash(1))), (1, 1));
    }

    #[test]
    fn a_million_different_rows_may_repeat_and_no_more() {
        let hash = |number: u32| {
            let mut hash = [0; 16];
            hash[..4].copy_from_slice(&number.to_be_bytes());
            hash
        };
        let mut repeats = Repeats::default();
        let most = u32::try_from(REPEATS_MAX).unwrap();
        (0..most).for_each(|number| repeats.counts.extend([(hash(number), 0)]));
        assert_eq!(repeats.counts.len(), REPEATS_MAX);
        assert_eq!(repeats.see(hash(most)), Ok(()), "seen once");
        assert_eq!(repeats.see(hash(most)), Err(TooMany), "seen twice");
    }
}
