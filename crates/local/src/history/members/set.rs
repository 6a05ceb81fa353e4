//! Sets of users or companies: a bit for each number. A million of them take 125 kilobytes.

/// A set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Set(Vec<u64>);

impl Set {
    /// Adds a number. One beyond the room makes room.
    pub fn insert(&mut self, number: u32) {
        let word = number as usize / 64;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (number % 64);
    }

    /// Whether a number is in it.
    pub fn contains(&self, number: u32) -> bool {
        self.0.get(number as usize / 64).is_some_and(|word| word >> (number % 64) & 1 == 1)
    }

    /// How many numbers are in it.
    pub fn count(&self) -> u64 {
        self.0.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// Whether one from `first` to `last` is in it; a word more to both sides is looked at.
    pub fn reaches(&self, first: u32, last: u32) -> bool {
        let until = (last as usize / 64 + 1).min(self.0.len());
        self.0.get(first as usize / 64..until).unwrap_or_default().iter().any(|word| *word != 0)
    }

    /// Those of both.
    #[must_use]
    pub fn and(mut self, other: &Set) -> Set {
        self.0.truncate(other.0.len());
        self.0.iter_mut().zip(&other.0).for_each(|(word, other)| *word &= other);
        self
    }

    /// Those of either.
    #[must_use]
    pub fn or(mut self, other: &Set) -> Set {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        self.0.iter_mut().zip(&other.0).for_each(|(word, other)| *word |= other);
        self
    }

    /// Those that are not in the other.
    #[must_use]
    pub fn without(mut self, other: &Set) -> Set {
        self.0.iter_mut().zip(&other.0).for_each(|(word, other)| *word &= !other);
        self
    }

    /// The numbers that `look` answers with bit 0 set, and those with bit 1: word by word, since of a million numbers each
    /// is looked at.
    pub fn split(&self, mut look: impl FnMut(u32) -> u8) -> (Set, Set) {
        let mut split = (Vec::with_capacity(self.0.len()), Vec::with_capacity(self.0.len()));
        for (index, word) in (0u32..).zip(&self.0) {
            let (mut rest, mut first, mut second) = (*word, 0, 0);
            while rest != 0 {
                let bit = rest.trailing_zeros();
                rest &= rest - 1;
                let found = u64::from(look(index * 64 + bit));
                first |= (found & 1) << bit;
                second |= (found >> 1 & 1) << bit;
            }
            split.0.push(first);
            split.1.push(second);
        }
        (Set(split.0), Set(split.1))
    }

    /// The numbers whose value has bit 0 of its truth set, and those with bit 1. A number without a value has the value 0.
    pub fn split_by(&self, values: &[u32], truths: &[u8]) -> (Set, Set) {
        let truth = |value: u32| truths.get(value as usize).copied().unwrap_or_default();
        let mut split = (Vec::with_capacity(self.0.len()), Vec::with_capacity(self.0.len()));
        let mut values = values.chunks(64);
        for word in &self.0 {
            let values = values.next().unwrap_or_default();
            let of_none = u64::MAX.checked_shl(u32::try_from(values.len()).unwrap_or(64)).unwrap_or(0);
            let none = u64::from(truth(0));
            let (mut first, mut second) = (of_none * (none & 1), of_none * (none >> 1 & 1));
            // Without a branch: what holds for whom cannot be foretold.
            for (bit, value) in (0u32..).zip(values) {
                let found = u64::from(truth(*value));
                first |= (found & 1) << bit;
                second |= (found >> 1 & 1) << bit;
            }
            split.0.push(word & first);
            split.1.push(word & second);
        }
        (Set(split.0), Set(split.1))
    }

    /// Adds the numbers from `first`, a multiple of 64, on whose place `holds`.
    pub fn insert_where<T>(&mut self, first: u32, places: &[T], holds: impl Fn(&T) -> bool) {
        let begin = first as usize / 64;
        let until = begin + places.len().div_ceil(64);
        if self.0.len() < until {
            self.0.resize(until, 0);
        }
        for (word, places) in self.0[begin..until].iter_mut().zip(places.chunks(64)) {
            let bit = |(bit, place)| u64::from(holds(place)) << bit;
            *word |= (0u32..).zip(places).map(bit).fold(0, |word, bit| word | bit);
        }
    }

    /// The numbers, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        (0u32..).zip(&self.0).flat_map(|(index, word)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                let bit = (rest != 0).then(|| rest.trailing_zeros())?;
                rest &= rest - 1;
                Some(index * 64 + bit)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(numbers: &[u32]) -> Set {
        let mut set = Set::default();
        numbers.iter().for_each(|number| set.insert(*number));
        set
    }

    #[test]
    fn sets_of_different_room_are_combined_by_what_is_in_them() {
        let (a, b) = (set(&[1, 5, 64, 200]), set(&[5, 64, 9]));
        let list = |set: &Set| set.iter().collect::<Vec<_>>();
        assert_eq!(list(&a.clone().and(&b)), [5, 64]);
        assert_eq!(list(&b.clone().or(&a)), [1, 5, 9, 64, 200]);
        assert_eq!(list(&a.clone().without(&b)), [1, 200]);
        assert_eq!((a.count(), a.contains(200), a.contains(201), a.contains(9999)), (4, true, false, false));
        assert!(a.reaches(190, 210) && !a.reaches(64 * 4, 64 * 9) && set(&[]).is_empty());
    }

    #[test]
    fn what_is_looked_at_word_by_word_is_found() {
        let all = set(&[1, 5, 63, 64, 127, 128, 200]);
        let (even, large) =
            all.split(|number| u8::from(number.is_multiple_of(2)) | u8::from(number > 100) << 1);
        let list = |set: &Set| set.iter().collect::<Vec<_>>();
        assert_eq!((list(&even), list(&large)), (vec![64, 128, 200], vec![127, 128, 200]));
        let values: Vec<u32> = (0..128).map(|number| number % 3).collect();
        for truths in [[0, 1, 2], [1, 2, 3], [3, 0, 0]] {
            let truth = |number: u32| truths[values.get(number as usize).map_or(0, |value| *value as usize)];
            assert_eq!(all.split_by(&values, &truths), all.split(truth));
        }
        let mut set = set(&[3, 64]);
        let mut places = [0u32; 70];
        (places[1], places[69]) = (4, 5);
        set.insert_where(64, &places, |place| *place > 3);
        assert_eq!(list(&set), [3, 64, 65, 133]);
    }
}
