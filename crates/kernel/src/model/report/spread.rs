//! How long something took: average, median and the time that nine of ten needed no more than, in bounded memory.
//!
//! A time is taken down to its eleven leading bits (so it is exact below two milliseconds and less than 0.1 % too small
//! above), which leaves so few different ones that they can be counted. The average is that of the times as they are.

/// Leading bits that are kept.
const BITS: u32 = 11;
/// Times below this have a place each; above, each doubling has half as many.
const EXACT: u64 = 1 << BITS;
const HALF: u64 = EXACT / 2;
/// Places of all times up to 2^47 microseconds, more than four years.
const PLACES: usize = (1 << BITS) + (47 - BITS as usize) * (1 << (BITS - 1));

/// Takes a time down to its eleven leading bits.
pub fn rounded(micros: u64) -> u64 {
    time_of(place_of(micros))
}

fn place_of(micros: u64) -> usize {
    let extra = (u64::BITS - micros.leading_zeros()).saturating_sub(BITS);
    let place = u64::from(extra) * HALF + (micros >> extra);
    usize::try_from(place).unwrap_or(usize::MAX).min(PLACES - 1)
}

fn time_of(place: usize) -> u64 {
    let place = place as u64;
    if place < EXACT {
        return place;
    }
    let extra = place / HALF - 1;
    (place - extra * HALF) << extra
}

/// What times amount to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spread {
    /// The average in microseconds, rounded down.
    pub mean_us: u64,
    /// The 50th percentile of the rounded times in microseconds.
    pub median_us: u64,
    /// The 90th.
    pub p90_us: u64,
}

/// Times that are gathered: two bytes each while they are few, then one count for each place.
#[derive(Clone, Debug, Default)]
pub struct Times {
    sum: u128,
    few: Vec<u16>,
    counts: Vec<u64>,
}

impl Times {
    /// One more, in microseconds.
    pub fn add(&mut self, micros: u64) {
        self.sum += u128::from(micros);
        let place = place_of(micros);
        if let Some(count) = self.counts.get_mut(place) {
            *count += 1;
            return;
        }
        self.few.push(u16::try_from(place).unwrap_or(u16::MAX));
        if self.few.len() > 4 * PLACES {
            self.count();
        }
    }

    fn count(&mut self) {
        self.counts.resize(PLACES, 0);
        for place in std::mem::take(&mut self.few) {
            self.counts[usize::from(place)] += 1;
        }
    }

    /// Takes all of another's.
    pub fn merge(&mut self, other: Times) {
        self.sum += other.sum;
        if self.counts.is_empty() && other.counts.is_empty() && self.few.len() + other.few.len() <= 4 * PLACES
        {
            self.few.extend(other.few);
            return;
        }
        self.count();
        self.counts.iter_mut().zip(other.counts).for_each(|(into, count)| *into += count);
        other.few.into_iter().for_each(|place| self.counts[usize::from(place)] += 1);
    }

    /// What they amount to; `None` when there are none.
    pub fn spread(mut self) -> Option<Spread> {
        let all = self.few.len() as u64 + self.counts.iter().sum::<u64>();
        let mean = self.sum.checked_div(all.into())?;
        let mut at = |percent: u64| {
            let rank = (all * percent).div_ceil(100);
            if self.counts.is_empty() {
                let index = usize::try_from(rank.saturating_sub(1)).unwrap_or(usize::MAX);
                // Only these two are wanted: sorting all takes many times as long.
                let is_there = index < self.few.len();
                return is_there.then(|| time_of((*self.few.select_nth_unstable(index).1).into()));
            }
            let mut before = 0;
            let place = self.counts.iter().position(|count| {
                before += count;
                before >= rank
            });
            place.map(time_of)
        };
        let mean_us = u64::try_from(mean).unwrap_or(u64::MAX);
        Some(Spread { mean_us, median_us: at(50)?, p90_us: at(90)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_keep_their_leading_bits_and_their_order() {
        for micros in [0, 1, 2047] {
            assert_eq!(rounded(micros), micros);
        }
        assert_eq!([2048, 2049, 2050, 4099, 1 << 40].map(rounded), [2048, 2048, 2050, 4096, 1 << 40]);
        let mut last = 0;
        for step in 0..1 << 16 {
            let micros = step * step * 7;
            let now = rounded(micros);
            assert!(now >= last && now <= micros && (micros - now) * 1024 <= micros, "{micros} {now}");
            last = now;
        }
    }

    #[test]
    fn few_and_many_times_amount_to_the_same_however_they_are_gathered() {
        let spread = |times: &[u64]| {
            let mut gathered = Times::default();
            times.iter().for_each(|micros| gathered.add(*micros));
            gathered.spread()
        };
        assert_eq!(spread(&[]), None);
        assert_eq!(spread(&[30, 10, 20]), Some(Spread { mean_us: 20, median_us: 20, p90_us: 30 }));
        assert_eq!(spread(&[40, 10, 20, 31]), Some(Spread { mean_us: 25, median_us: 20, p90_us: 40 }));
        let many: Vec<u64> = (0..400_000).map(|n| n % 1000 * 1000).collect();
        let whole = spread(&many);
        let (mut left, mut right) = (Times::default(), Times::default());
        many[..10].iter().for_each(|micros| left.add(*micros));
        many[10..].iter().for_each(|micros| right.add(*micros));
        left.merge(right);
        assert_eq!(left.spread(), whole);
        let mut sorted: Vec<u64> = many.iter().map(|micros| rounded(*micros)).collect();
        sorted.sort_unstable();
        let expected = Spread { mean_us: 499_500, median_us: sorted[199_999], p90_us: sorted[359_999] };
        assert_eq!(whole, Some(expected));
    }
}
