//! Numbers of a given width, packed without gaps: 128 of them at a time, lowest bits first.
//!
//! Our own, because lanes are 64 bits wide: the crate `bitpacking` packs 32, `fastlanes` wants blocks of 1024 in another
//! order, in which one value cannot be read alone.

/// Values in a block.
pub const BLOCK: usize = 128;
/// An unpacked block.
pub type Block = [u64; BLOCK];

/// Bits that the largest of some values needs.
pub fn width_of(largest: u64) -> u8 {
    let width = u64::BITS - largest.leading_zeros();
    u8::try_from(width).unwrap_or(64)
}

/// Bytes that `count` values take.
pub fn packed_bytes(count: usize, width: u8) -> usize {
    (count * usize::from(width)).div_ceil(8)
}

fn mask(width: u8) -> u64 {
    u64::MAX.checked_shr(64 - u32::from(width)).unwrap_or(0)
}

/// Appends values, none of which needs more than `width` bits.
pub fn pack(values: &[u64], width: u8, out: &mut Vec<u8>) {
    let end = out.len() + packed_bytes(values.len(), width);
    let (mut held, mut bits) = (0u128, 0u32);
    for value in values {
        held |= u128::from(*value) << bits;
        bits += u32::from(width);
        while bits >= 32 {
            out.extend_from_slice(&held.to_le_bytes()[..4]);
            held >>= 32;
            bits -= 32;
        }
    }
    out.extend_from_slice(&held.to_le_bytes()[..4]);
    out.truncate(end);
}

/// One value of those packed in `bytes`; zero behind their end.
pub fn get(bytes: &[u8], width: u8, index: usize) -> u64 {
    let bit = index * usize::from(width);
    let mut window = [0; 16];
    let from = bytes.get(bit / 8..).unwrap_or_default();
    let length = from.len().min(window.len());
    window[..length].copy_from_slice(&from[..length]);
    let shifted = u128::from_le_bytes(window) >> (bit % 8);
    let [low, _] = [shifted & u128::from(mask(width)), 0];
    u64::try_from(low).unwrap_or(u64::MAX)
}

/// Unpacks a block and shows each value to `make`, in order: what that answers is what `out` gets. What the bytes do not reach is zero;
/// what stands behind the block does no harm, and [`BEYOND_BYTES`] of it make this quicker.
#[inline]
pub fn unpack(bytes: &[u8], width: u8, out: &mut Block, mut make: impl FnMut(u64) -> u64) {
    match width {
        // A value reaches over more than eight bytes.
        58..=63 => (0..BLOCK).for_each(|index| out[index] = make(get(bytes, width, index))),
        _ => unpack_narrow(bytes, width, out, make),
    }
}

/// What a value at the end of a block may reach beyond it.
pub const BEYOND_BYTES: usize = 8;

/// Eight values of `W` bits stand in `W` bytes, so each place in them is known when this is compiled. `N` bytes are those of
/// a block and what it may reach beyond.
fn unpack_as<const W: usize, const N: usize>(
    bytes: &[u8],
    out: &mut Block,
    mut make: impl FnMut(u64) -> u64,
) {
    let padded: [u8; N];
    let bytes: &[u8; N] = match bytes.first_chunk() {
        Some(whole) => whole,
        None => {
            padded = pad(bytes);
            &padded
        }
    };
    let limit = u64::MAX >> (64 - W);
    for (group, values) in out.chunks_exact_mut(8).enumerate() {
        for (index, value) in values.iter_mut().enumerate() {
            let (byte, shift) = (group * W + index * W / 8, index * W % 8);
            let word = bytes[byte..].first_chunk().map_or(0, |word| u64::from_le_bytes(*word));
            *value = make((word >> shift) & limit);
        }
    }
}

#[cold]
fn pad<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut padded = [0; N];
    padded[..bytes.len()].copy_from_slice(bytes);
    padded
}

macro_rules! by_width {
    ($bytes:ident, $width:ident, $out:ident, $make:ident, $($w:literal)*) => {
        match $width {
            $($w => unpack_as::<$w, { $w * BLOCK / 8 + BEYOND_BYTES }>($bytes, $out, $make),)*
            _ => $out.fill_with(|| $make(0)),
        }
    };
}

fn unpack_narrow(bytes: &[u8], width: u8, out: &mut Block, mut make: impl FnMut(u64) -> u64) {
    by_width!(bytes, width, out, make,
        1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32
        33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 64);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_width_and_length_reads_back_whole_and_one_by_one() {
        for width in 0..=64u8 {
            let value = |index: usize| (index as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) & mask(width);
            for count in [0, 1, 63, 127, 128] {
                let values: Vec<u64> = (0..count).map(value).collect();
                let mut bytes = Vec::new();
                pack(&values, width, &mut bytes);
                assert_eq!(bytes.len(), packed_bytes(count, width));
                let mut block = [7; BLOCK];
                unpack(&bytes, width, &mut block, |value| value);
                assert_eq!(block[..count], values, "width {width}");
                for (index, value) in values.iter().enumerate() {
                    assert_eq!(get(&bytes, width, index), *value, "width {width}, index {index}");
                }
            }
        }
        assert_eq!((width_of(0), width_of(1), width_of(u64::MAX)), (0, 1, 64));
    }
}
