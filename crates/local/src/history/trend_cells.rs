//! What a trend adds up: for each row and interval, and each row as a whole, as little as its measure needs.

use muster_kernel::model::report::Level;
use muster_kernel::model::report::trend::{TrendMeasure, TrendRow, leading, sum_of, summand};
use roaring::RoaringBitmap;

/// Numbers of a cell that are gathered before equal ones are counted together.
const LOOSE_MAX: usize = 1 << 12;

/// What cells are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// Events.
    Events,
    /// Different users, who are told by their ranges.
    Users,
    /// Events and different users.
    EventsAndUsers,
    /// Different companies, and events.
    Companies,
    /// Numbers: how many, their sum, the smallest and the largest.
    Numbers,
    /// Numbers, each with how often it comes.
    Percentiles,
}

impl Of {
    /// What a measure needs.
    pub fn measure(measure: &TrendMeasure, level: Level) -> Of {
        match measure {
            _ if level == Level::Company && measure.is_of_users() => Of::Companies,
            TrendMeasure::Total => Of::Events,
            TrendMeasure::UniqueUsers | TrendMeasure::Trailing { .. } => Of::Users,
            TrendMeasure::PerUser => Of::EventsAndUsers,
            TrendMeasure::UniqueCompanies => Of::Companies,
            TrendMeasure::Sum(_) | TrendMeasure::Average(_) | TrendMeasure::Min(_) | TrendMeasure::Max(_) => {
                Of::Numbers
            }
            TrendMeasure::Percentile(..) => Of::Percentiles,
        }
    }

    /// Whether different users are told.
    pub fn is_of_users(self) -> bool {
        matches!(self, Of::Users | Of::EventsAndUsers)
    }

    /// Whether events without a number have no part.
    pub fn is_of_numbers(self) -> bool {
        matches!(self, Of::Numbers | Of::Percentiles)
    }
}

/// Sums of numbers.
#[derive(Clone, Copy)]
struct Summed {
    summands: u64,
    sum: i128,
    least: f64,
    most: f64,
}

const NOTHING: Summed = Summed { summands: 0, sum: 0, least: f64::INFINITY, most: f64::NEG_INFINITY };

/// Leading bits of numbers, in an order of the bits, and how often each comes.
#[derive(Clone, Default)]
struct Often {
    counted: Vec<(u32, u64)>,
    loose: Vec<u32>,
}

/// Rows of cells: one for each interval and, behind them, one for all.
pub struct Cells {
    of: Of,
    width: usize,
    events: Vec<u64>,
    users: Vec<u64>,
    companies: Vec<RoaringBitmap>,
    summed: Vec<Summed>,
    often: Vec<Often>,
}

impl Cells {
    /// So many rows, of so many intervals each.
    pub fn new(of: Of, intervals: usize, rows: usize) -> Cells {
        let mut cells = Cells {
            of,
            width: intervals + 1,
            events: Vec::new(),
            users: Vec::new(),
            companies: Vec::new(),
            summed: Vec::new(),
            often: Vec::new(),
        };
        cells.widen(rows);
        cells
    }

    /// Bytes that so many rows take at least.
    pub fn bytes(of: Of, intervals: usize, rows: usize) -> usize {
        let each = match of {
            Of::Events | Of::Users | Of::EventsAndUsers => 16,
            Of::Companies | Of::Percentiles => size_of::<Often>(),
            Of::Numbers => size_of::<Summed>(),
        };
        (intervals + 1).saturating_mul(rows).saturating_mul(each)
    }

    /// Bytes that are held beside those.
    pub fn held(&self) -> usize {
        let of_numbers = |often: &Often| often.counted.capacity() * 16 + often.loose.capacity() * 4;
        let numbers: usize = self.often.iter().map(of_numbers).sum();
        numbers + self.companies.iter().map(RoaringBitmap::serialized_size).sum::<usize>()
    }

    /// How many rows there are.
    pub fn row_count(&self) -> usize {
        self.events.len().max(self.users.len()) / self.width
    }

    fn widen(&mut self, rows: usize) {
        let count = rows * self.width;
        self.events.resize(count, 0);
        match self.of {
            Of::Events => {}
            Of::Users | Of::EventsAndUsers => self.users.resize(count, 0),
            Of::Companies => self.companies.resize(count, RoaringBitmap::new()),
            Of::Numbers => self.summed.resize(count, NOTHING),
            Of::Percentiles => self.often.resize(count, Often::default()),
        }
    }

    /// One more event of a user, who may be new in this cell.
    #[inline]
    pub fn add_user(&mut self, row: usize, cell: usize, is_new: bool) {
        let place = row * self.width + cell;
        self.events[place] += 1;
        self.users[place] += u64::from(is_new);
    }

    /// One more event, with the company that is told and its number.
    #[inline]
    pub fn add(&mut self, row: usize, cell: usize, company: Option<u32>, number: Option<f64>) {
        if row * self.width >= self.events.len() {
            self.widen(row + 1);
        }
        let (place, whole) = (row * self.width + cell, (row + 1) * self.width - 1);
        for place in [place, whole].into_iter().take(if place == whole { 1 } else { 2 }) {
            self.events[place] += 1;
            // Company 0 is none.
            if let Some(company) = company.filter(|company| *company > 0) {
                self.companies[place].insert(company);
            }
            let Some(number) = number else { continue };
            if let Some(summed) = self.summed.get_mut(place) {
                summed.least = if number.total_cmp(&summed.least).is_lt() { number } else { summed.least };
                summed.most = if number.total_cmp(&summed.most).is_gt() { number } else { summed.most };
                if let Some(summand) = summand(number) {
                    summed.summands += 1;
                    summed.sum += summand;
                }
            }
            if let Some(often) = self.often.get_mut(place) {
                often.add(number);
            }
        }
    }

    /// How many events each row has.
    pub fn totals(self) -> Vec<u64> {
        if self.width == 1 {
            return self.events;
        }
        self.events.chunks(self.width).filter_map(|row| row.last().copied()).collect()
    }

    /// Adds what another has.
    pub fn merge(&mut self, other: Cells) {
        self.events.iter_mut().zip(other.events).for_each(|(into, count)| *into += count);
        self.users.iter_mut().zip(other.users).for_each(|(into, count)| *into += count);
        self.companies.iter_mut().zip(other.companies).for_each(|(into, companies)| *into |= companies);
        self.often.iter_mut().zip(other.often).for_each(|(into, often)| into.merge(often));
        for (into, summed) in self.summed.iter_mut().zip(other.summed) {
            into.summands += summed.summands;
            into.sum += summed.sum;
            into.least = if summed.least.total_cmp(&into.least).is_lt() { summed.least } else { into.least };
            into.most = if summed.most.total_cmp(&into.most).is_gt() { summed.most } else { into.most };
        }
    }

    /// What was measured, row by row.
    pub fn rows(mut self, measure: &TrendMeasure) -> Vec<TrendRow> {
        let values: Vec<Option<f64>> =
            (0..self.events.len()).map(|place| self.value(place, measure)).collect();
        let row = |values: &[Option<f64>]| {
            let (whole, values) = values.split_last()?;
            Some(TrendRow { values: values.to_vec(), whole: *whole })
        };
        values.chunks(self.width).filter_map(row).collect()
    }

    /// How many different users or companies a cell has.
    fn different(&self, place: usize) -> u64 {
        match self.of {
            Of::Companies => self.companies[place].len(),
            _ => self.users[place],
        }
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "counts of events are far below what a double tells apart"
    )]
    fn value(&mut self, place: usize, measure: &TrendMeasure) -> Option<f64> {
        let summed = self.summed.get(place).copied().unwrap_or(NOTHING);
        match measure {
            TrendMeasure::Total => Some(self.events[place] as f64),
            TrendMeasure::UniqueUsers | TrendMeasure::UniqueCompanies | TrendMeasure::Trailing { .. } => {
                Some(self.different(place) as f64)
            }
            TrendMeasure::PerUser => {
                let (events, different) = (self.events[place], self.different(place));
                (different > 0).then(|| events as f64 / different as f64)
            }
            TrendMeasure::Sum(_) => Some(sum_of(summed.sum)),
            TrendMeasure::Average(_) => {
                (summed.summands > 0).then(|| sum_of(summed.sum) / summed.summands as f64)
            }
            TrendMeasure::Min(_) => Some(summed.least).filter(|least| least.is_finite()),
            TrendMeasure::Max(_) => Some(summed.most).filter(|most| most.is_finite()),
            TrendMeasure::Percentile(_, percent) => self.often[place].percentile((*percent).into()),
        }
    }
}

impl Often {
    fn add(&mut self, number: f64) {
        self.loose.push(ordered(number));
        if self.loose.len() >= LOOSE_MAX.max(self.counted.len()) {
            self.settle();
        }
    }

    /// Counts equal ones together.
    fn settle(&mut self) {
        self.loose.sort_unstable();
        let mut all: Vec<(u32, u64)> = Vec::with_capacity(self.counted.len());
        let mut before = std::mem::take(&mut self.counted).into_iter().peekable();
        for same in self.loose.chunk_by(|a, b| a == b) {
            let Some(first) = same.first() else { continue };
            while let Some(smaller) = before.next_if(|(number, _)| number < first) {
                all.push(smaller);
            }
            let known = before.next_if(|(number, _)| number == first).map_or(0, |(_, count)| count);
            all.push((*first, known + same.len() as u64));
        }
        all.extend(before);
        self.counted = all;
        self.loose.clear();
    }

    fn merge(&mut self, mut other: Often) {
        self.settle();
        other.settle();
        let mut theirs = other.counted.into_iter().peekable();
        let mut all = Vec::with_capacity(self.counted.len());
        for (number, count) in std::mem::take(&mut self.counted) {
            while let Some(smaller) = theirs.next_if(|(known, _)| *known < number) {
                all.push(smaller);
            }
            let same = theirs.next_if(|(known, _)| *known == number).map_or(0, |(_, count)| count);
            all.push((number, count + same));
        }
        all.extend(theirs);
        self.counted = all;
    }

    fn percentile(&mut self, percent: u64) -> Option<f64> {
        self.settle();
        let all: u64 = self.counted.iter().map(|(_, count)| count).sum();
        let rank = (all * percent).div_ceil(100);
        let mut before = 0;
        let found = self.counted.iter().find(|(_, count)| {
            before += count;
            before >= rank
        });
        found.filter(|_| rank > 0).map(|(number, _)| unordered(*number))
    }
}

/// A number's leading bits, as something that sorts the same.
fn ordered(number: f64) -> u32 {
    let bits = leading(number).to_bits();
    let flipped = if bits >> 63 == 0 { bits | 1 << 63 } else { !bits };
    u32::try_from(flipped >> 42).unwrap_or(u32::MAX)
}

fn unordered(place: u32) -> f64 {
    let bits = u64::from(place) << 42;
    let unflipped = if bits >> 63 == 1 { bits & (u64::MAX >> 1) } else { !bits & (u64::MAX << 42) };
    f64::from_bits(unflipped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leading_bits_keep_their_order_and_come_back() {
        let numbers = [f64::MIN, -1234.5, -1.0, -0.0, 0.0, 1e-300, 0.5, 1.0, 1.001, 99.0, f64::MAX];
        for pair in numbers.windows(2) {
            assert!(ordered(pair[0]) <= ordered(pair[1]), "{pair:?}");
        }
        for number in numbers {
            assert_eq!(unordered(ordered(number)).to_bits(), leading(number).to_bits(), "{number}");
        }
    }

    #[test]
    fn percentiles_are_the_same_however_numbers_are_gathered() {
        let numbers: Vec<f64> = (0..30_000).map(|n| f64::from(n * 7919 % 10_007 - 5000) / 8.0).collect();
        let (mut whole, mut left, mut right) = (Often::default(), Often::default(), Often::default());
        for (index, number) in numbers.iter().enumerate() {
            whole.add(*number);
            if index % 3 == 0 { left.add(*number) } else { right.add(*number) }
        }
        left.merge(right);
        let mut sorted = numbers;
        sorted.sort_by(f64::total_cmp);
        for percent in [1, 50, 90, 100] {
            let place = (sorted.len() * usize::try_from(percent).unwrap()).div_ceil(100) - 1;
            let expected = Some(leading(sorted[place]));
            assert_eq!((whole.percentile(percent), left.percentile(percent)), (expected, expected));
        }
    }
}
