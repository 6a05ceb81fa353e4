//! Seeded chance. Each subject draws from a stream of its own, so that one more draw for one of them changes no other.

use fastrand::Rng;

/// What a stream is drawn for.
#[derive(Clone, Copy)]
pub enum Purpose {
    /// Sizes and names of all companies.
    Companies = 1,
    /// One person's traits.
    Person,
    /// One person's day.
    Activity,
    /// What goes wrong on a day.
    Mishaps,
    /// The last hour.
    Recent,
    /// The trickle of calls afterwards.
    Live,
}

/// The stream for a subject, and for example its day.
pub fn stream(seed: u64, purpose: Purpose, subject: u64, day: u64) -> Rng {
    Rng::with_seed(mix(mix(mix(mix(seed) ^ purpose as u64) ^ subject) ^ day))
}

/// Spreads every bit over all others (the finaliser of SplitMix64).
pub fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// True this often, between 0 and 1.
pub fn happens(random: &mut Rng, share: f64) -> bool {
    random.f64() < share
}

/// One of these.
pub fn pick<'a, T>(random: &mut Rng, from: &'a [T]) -> &'a T {
    &from[random.usize(..from.len())]
}

/// An index below `count`, the first ones more often.
pub fn pick_early(random: &mut Rng, count: usize) -> usize {
    random.usize(..count).min(random.usize(..count))
}

/// The nearest whole number.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a cast from a float saturates, and no caller comes near"
)]
pub fn whole(number: f64) -> i64 {
    number.round() as i64
}
