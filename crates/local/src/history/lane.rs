//! A lane: whole numbers in the order of rows, packed in blocks of 128 (docs/FORMAT.md, "History", "Lane").
//!
//! A block keeps what is left of its numbers when their smallest is taken off, or their steps, whichever is narrower. A
//! lane whose numbers are all equal keeps that number and nothing else.

use std::ops::Range;

use muster_kernel::model::varint::{self, Reader};

use super::bits::{self, BLOCK, Block};

/// Units that times are often whole multiples of, in microseconds: a minute, a second, a millisecond.
const UNITS: [u64; 3] = [60_000_000, 1_000_000, 1_000];
/// Mode, width and base of a block.
const BLOCK_HEADER_BYTES: usize = 10;

/// How a block's numbers come out of what is packed.
const OFFSETS: u8 = 0;
const STEPS: u8 = 1;
const SIGNED_STEPS: u8 = 2;

/// What a lane is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Is read in order: blocks may keep steps.
    Scanned,
    /// As that, and its numbers may be multiples of a unit of time.
    Times,
    /// One number at a time is asked for: no steps.
    LookedUp,
}

/// A signed number as one that sorts the same.
pub fn from_signed(number: i64) -> u64 {
    number.cast_unsigned() ^ (1 << 63)
}

/// Undoes [`from_signed`].
pub fn to_signed(number: u64) -> i64 {
    (number ^ (1 << 63)).cast_signed()
}

/// Appends a lane of these numbers.
pub fn encode(values: &[u64], used: Use, out: &mut Vec<u8>) {
    let first = values.first().copied().unwrap_or_default();
    if values.iter().all(|value| *value == first) {
        out.push(0);
        varint::put(out, first);
        return;
    }
    let fits = |unit: u64| values.iter().all(|value| value % unit == first % unit);
    let unit = UNITS.into_iter().find(|unit| used == Use::Times && fits(*unit)).unwrap_or(1);
    out.push(1);
    varint::put(out, unit);
    varint::put(out, first % unit);
    let table = out.len();
    out.resize(table + values.len().div_ceil(BLOCK) * 4, 0);
    let start = out.len();
    let mut scaled = Vec::with_capacity(BLOCK);
    for (index, block) in values.chunks(BLOCK).enumerate() {
        scaled.clear();
        scaled.extend(block.iter().map(|value| value / unit));
        encode_block(&scaled, used, out);
        let end = u32::try_from(out.len() - start).unwrap_or(u32::MAX);
        out[table + index * 4..table + index * 4 + 4].copy_from_slice(&end.to_le_bytes());
    }
}

fn encode_block(values: &[u64], used: Use, out: &mut Vec<u8>) {
    let (least, most) = values.iter().fold((u64::MAX, 0), |(a, b), value| (a.min(*value), b.max(*value)));
    let first = values.first().copied().unwrap_or_default();
    let offsets: Vec<u64> = values.iter().map(|value| value - least).collect();
    let mut best = (OFFSETS, bits::width_of(most - least), least, offsets);
    if used != Use::LookedUp {
        let step = |pair: &[u64]| pair[1].wrapping_sub(pair[0]).cast_signed();
        let steps: Vec<i64> = std::iter::once(0).chain(values.windows(2).map(step)).collect();
        let (mode, steps): (u8, Vec<u64>) = if values.is_sorted() {
            (STEPS, steps.iter().map(|step| step.cast_unsigned()).collect())
        } else {
            (SIGNED_STEPS, steps.iter().map(|step| zigzag(*step)).collect())
        };
        let width = bits::width_of(steps.iter().copied().max().unwrap_or_default());
        if width < best.1 {
            best = (mode, width, first, steps);
        }
    }
    let (mode, width, base, packed) = best;
    out.extend_from_slice(&[mode, width]);
    out.extend_from_slice(&base.to_le_bytes());
    bits::pack(&packed, width, out);
}

fn zigzag(step: i64) -> u64 {
    ((step << 1) ^ (step >> 63)).cast_unsigned()
}

fn unzigzag(step: u64) -> u64 {
    (step >> 1) ^ (step & 1).wrapping_neg()
}

/// A lane read in place.
#[derive(Clone, Copy, Debug)]
pub struct Lane<'a> {
    count: usize,
    unit: u64,
    rest: u64,
    /// The number that all are, in a lane without blocks.
    constant: Option<u64>,
    ends: &'a [u8],
    blocks: &'a [u8],
}

/// A block read in place.
struct Packed<'a> {
    mode: u8,
    width: u8,
    base: u64,
    bytes: &'a [u8],
}

impl<'a> Lane<'a> {
    /// The lane of `count` numbers that `bytes` begin with; `None` when they are none.
    pub fn open(bytes: &'a [u8], count: usize) -> Option<Lane<'a>> {
        let mut reader = Reader::new(bytes);
        let has_blocks = reader.byte()? != 0;
        let (unit, rest) = if has_blocks { (reader.varint()?, reader.varint()?) } else { (1, 0) };
        let constant = if has_blocks { None } else { Some(reader.varint()?) };
        let ends = if has_blocks { reader.take(count.div_ceil(BLOCK).checked_mul(4)?)? } else { &[] };
        Some(Lane { count, unit, rest, constant, ends, blocks: reader.rest() })
    }

    /// How many numbers there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Whether every number is this one, as far as can be told without looking at them.
    pub fn is_always(&self, number: u64) -> bool {
        self.constant == Some(number)
    }

    /// How many blocks they are in.
    pub fn block_count(&self) -> usize {
        self.count.div_ceil(BLOCK)
    }

    /// Unpacks a block; answers how many of its numbers are the lane's, none behind its end.
    pub fn block(&self, index: usize, out: &mut Block) -> usize {
        let count = self.count.saturating_sub(index * BLOCK).min(BLOCK);
        if let Some(constant) = self.constant {
            out.fill(constant);
            return count;
        }
        let Some(packed) = self.packed(index) else { return 0 };
        let Packed { mode, width, base, bytes } = packed;
        let (unit, mut last) = (self.unit, self.unscaled(base));
        match mode {
            OFFSETS if unit == 1 => bits::unpack(bytes, width, out, |offset| last.wrapping_add(offset)),
            OFFSETS => bits::unpack(bytes, width, out, |offset| last.wrapping_add(offset.wrapping_mul(unit))),
            STEPS => bits::unpack(bytes, width, out, |step| {
                last = last.wrapping_add(step.wrapping_mul(unit));
                last
            }),
            _ => bits::unpack(bytes, width, out, |step| {
                last = last.wrapping_add(unzigzag(step).wrapping_mul(unit));
                last
            }),
        }
        count
    }

    /// One number; `None` behind the end.
    pub fn get(&self, row: usize) -> Option<u64> {
        if row >= self.count {
            return None;
        }
        if let Some(constant) = self.constant {
            return Some(constant);
        }
        let packed = self.packed(row / BLOCK)?;
        if packed.mode == OFFSETS {
            let offset = bits::get(packed.bytes, packed.width, row % BLOCK);
            return Some(self.unscaled(packed.base.wrapping_add(offset)));
        }
        let mut block = [0; BLOCK];
        self.block(row / BLOCK, &mut block);
        Some(block[row % BLOCK])
    }

    /// The first number of a block whose numbers ascend.
    pub fn first_of(&self, block: usize) -> Option<u64> {
        match self.constant {
            Some(constant) => Some(constant),
            // Offsets count from the smallest, steps from the first: here both are the same.
            None => Some(self.unscaled(self.packed(block)?.base)),
        }
    }

    /// No number of the block is larger than this.
    pub fn most_of(&self, block: usize) -> u64 {
        let most = || {
            let packed = self.packed(block).filter(|packed| packed.mode == OFFSETS)?;
            let offset = u64::MAX.checked_shr(64 - u32::from(packed.width)).unwrap_or(0);
            packed.base.checked_add(offset)?.checked_mul(self.unit)?.checked_add(self.rest)
        };
        self.constant.or_else(most).unwrap_or(u64::MAX)
    }

    /// The first row of an ascending lane whose number is at least `wanted`.
    pub fn first_at_least(&self, wanted: u64) -> usize {
        if let Some(constant) = self.constant {
            return if constant >= wanted { 0 } else { self.count };
        }
        let (mut low, mut high) = (0, self.block_count());
        while low < high {
            let middle = low.midpoint(high);
            match self.first_of(middle) {
                Some(first) if first < wanted => low = middle + 1,
                _ => high = middle,
            }
        }
        // The block before the first that begins at or behind it may hold it.
        let Some(before) = low.checked_sub(1) else { return 0 };
        let mut block = [0; BLOCK];
        let count = self.block(before, &mut block);
        before * BLOCK + block[..count].partition_point(|value| *value < wanted)
    }

    fn unscaled(&self, value: u64) -> u64 {
        value.wrapping_mul(self.unit).wrapping_add(self.rest)
    }

    fn packed(&self, index: usize) -> Option<Packed<'a>> {
        let end_of = |index: usize| {
            let bytes = self.ends.get(index * 4..index * 4 + 4)?.try_into().ok()?;
            Some(u32::from_le_bytes(bytes) as usize)
        };
        let start = if index == 0 { 0 } else { end_of(index - 1)? };
        let end = end_of(index)?;
        // What stands behind saves copying it to where a value may reach beyond the block.
        let end = end.checked_add(bits::BEYOND_BYTES).filter(|end| *end <= self.blocks.len()).unwrap_or(end);
        let bytes = self.blocks.get(start..end)?;
        let (header, bytes) = bytes.split_first_chunk::<BLOCK_HEADER_BYTES>()?;
        let (&[mode, width], base) = header.split_first_chunk::<2>()?;
        let base = u64::from_le_bytes(base.try_into().ok()?);
        (width <= 64).then_some(Packed { mode, width, base, bytes })
    }
}

/// Every number of a lane.
pub fn all(lane: &Lane<'_>) -> Vec<u64> {
    some(lane, 0..lane.count())
}

/// The numbers of some rows of a lane.
pub fn some(lane: &Lane<'_>, rows: Range<usize>) -> Vec<u64> {
    let mut values = Vec::with_capacity(rows.len());
    let mut block = [0; BLOCK];
    for index in rows.start / BLOCK..rows.end.div_ceil(BLOCK) {
        let first = index * BLOCK;
        let count = lane.block(index, &mut block);
        let inside = rows.start.saturating_sub(first)..count.min(rows.end - first);
        values.extend_from_slice(block.get(inside).unwrap_or_default());
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_shape_read_back() {
        let count = 300u64;
        let mixed = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let shapes: [Vec<u64>; 8] = [
            vec![],
            vec![42; 300],
            (0..count).collect(),
            (0..count).map(|n| 1_000_000 * (mixed(n).rotate_left(9) % 1_000_000_000_000)).collect(),
            (0..count).map(mixed).collect(),
            (0..count).map(|n| from_signed(-5 + n.cast_signed())).collect(),
            (0..count).map(|n| 1_000 * (mixed(n) % 77_777) + 5).collect(),
            vec![u64::MAX, 0, u64::MAX],
        ];
        for values in shapes {
            for used in [Use::Scanned, Use::Times, Use::LookedUp] {
                let mut bytes = Vec::new();
                encode(&values, used, &mut bytes);
                let lane = Lane::open(&bytes, values.len()).unwrap();
                assert_eq!(all(&lane), values, "{used:?}");
                for (row, value) in values.iter().enumerate() {
                    assert_eq!(lane.get(row), Some(*value), "{used:?}");
                    assert!(*value <= lane.most_of(row / BLOCK));
                }
                assert_eq!(lane.get(values.len()), None);
                for rows in [0..values.len() / 3, values.len() / 3..values.len()] {
                    assert_eq!(some(&lane, rows.clone()), values[rows]);
                }
            }
        }
    }

    #[test]
    fn a_number_is_found_in_an_ascending_lane() {
        let values: Vec<u64> = (0..1000).map(|n| n / 3 * 2).collect();
        for used in [Use::Scanned, Use::LookedUp] {
            let mut bytes = Vec::new();
            encode(&values, used, &mut bytes);
            let lane = Lane::open(&bytes, values.len()).unwrap();
            for wanted in 0..700 {
                let first = values.partition_point(|value| *value < wanted);
                assert_eq!(lane.first_at_least(wanted), first, "{wanted}");
            }
        }
    }
}
