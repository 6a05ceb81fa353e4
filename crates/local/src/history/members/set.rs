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
}
