//! `/api/v1/analytics/exports/lookups/…`: what an environment has, in the shapes of the contract (spec 2.14). Everything in
//! them is known elsewhere too: properties and events to history, segments and content to the catalog.
//!
//! Numbers of properties and events are made from their names alone ([`number_of`]): they are the same after a restart, a
//! restore and a rebuild, and in every environment.

pub(super) mod content;
pub(super) mod events;
mod page;
pub(super) mod properties;
pub(super) mod segments;

use sha2::{Digest, Sha256};

/// The number of what some names name: the first 53 bits of their SHA-256, as many as every JSON client reads exactly. Among
/// a hundred thousand names, two have the same with a chance of one in two million.
fn number_of(names: &[&str]) -> u64 {
    let mut hash = Sha256::new();
    for name in names {
        hash.update((name.len() as u64).to_be_bytes());
        hash.update(name.as_bytes());
    }
    let first = hash.finalize().first_chunk().copied().map_or(0, u64::from_be_bytes);
    first >> 11
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_told_apart_by_every_name_and_fit_a_double() {
        let numbers = [
            number_of(&["user_property", "email"]),
            number_of(&["company_property", "email"]),
            number_of(&["user_property", "emai", "l"]),
            number_of(&["user_propertye", "mail"]),
        ];
        let unique: std::collections::HashSet<u64> = numbers.into_iter().collect();
        assert_eq!(unique.len(), 4);
        assert!(numbers.iter().all(|number| *number < 1 << 53));
        // Whoever keeps a number finds it again with every later version.
        assert_eq!(numbers[0], 1_383_725_166_588_793);
    }
}
