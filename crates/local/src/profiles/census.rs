//! How many profiles were first and last seen in each minute, counted as they are moved: a day is then the sum of its
//! minutes, however many profiles there are.
//!
//! The numbers change in the batch that moves the profile, by what the store held before, and so are as idempotent as
//! the move itself. What still waits in the overlay is counted on top while that is little.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use muster_kernel::model::profile::ProfileView;
use muster_kernel::model::time::Timestamp;
use muster_kernel::ports::{Census, ProfileKind, StoreError};

use super::lists::View;
use super::mover::{kind_byte, prefix, profile_count_key};
use super::store::{Batch, Snapshot, Store, stored_view};

/// Profiles in the overlay that are looked at one by one. When more wait there, the numbers are those of the last move.
const FRESH_PROFILES_MAX: usize = 10_000;

/// Changes of the numbers by minute within one batch.
#[derive(Default)]
pub struct Seen(BTreeMap<[u8; 10], i64>);

impl Seen {
    /// Notes that a profile becomes another one, or none.
    pub fn note(
        &mut self,
        kind: ProfileKind,
        before: Option<ProfileView<'_>>,
        after: Option<ProfileView<'_>>,
    ) {
        for (prefix, seen_at) in SEEN {
            let minute = |profile| seen_at(profile).map(Timestamp::minute);
            let (was, is) = (before.and_then(minute), after.and_then(minute));
            if was == is {
                continue;
            }
            for (minute, change) in [(was, -1), (is, 1)] {
                if let Some(minute) = minute {
                    *self.0.entry(key(prefix, kind, minute)).or_default() += change;
                }
            }
        }
    }

    /// Adds the new numbers to the batch.
    ///
    /// # Errors
    /// When reading fails.
    pub fn put(self, store: &Store, batch: &mut Batch) -> Result<(), StoreError> {
        for (key, change) in self.0.into_iter().filter(|(_, change)| *change != 0) {
            match store.number(&key)?.saturating_add_signed(change) {
                0 => batch.remove(&store.index, key),
                count => store.put_number(batch, &key, count),
            }
        }
        Ok(())
    }
}

/// The keys of the numbers that count a profile.
pub(super) fn counted_in(
    kind: ProfileKind,
    profile: ProfileView<'_>,
) -> impl Iterator<Item = [u8; 10]> + use<'_> {
    SEEN.into_iter().filter_map(move |(prefix, seen_at)| Some(key(prefix, kind, seen_at(profile)?.minute())))
}

type SeenAt = fn(ProfileView<'_>) -> Option<Timestamp>;

const FIRST: (u8, SeenAt) = (prefix::FIRST_SEEN, |profile| profile.first_seen_at());
const LAST: (u8, SeenAt) = (prefix::LAST_SEEN, |profile| profile.last_seen_at());
const SEEN: [(u8, SeenAt); 2] = [FIRST, LAST];

/// Minutes sort as numbers do.
fn key(prefix: u8, kind: ProfileKind, minute: i64) -> [u8; 10] {
    let mut key = [0; 10];
    (key[0], key[1]) = (prefix, kind_byte(kind));
    key[2..].copy_from_slice(&(minute.cast_unsigned() ^ (1 << 63)).to_be_bytes());
    key
}

impl View<'_> {
    /// Counts the profiles of a kind.
    ///
    /// # Errors
    /// When reading fails.
    pub fn census(&self, kind: ProfileKind, spans: &[(i64, i64)]) -> Result<Census, StoreError> {
        // Taken after the overlay: what has left that is in here.
        let store = self.store.snapshot();
        let sum = |prefix: u8, &(from, to): &(i64, i64)| {
            store.numbers(key(prefix, kind, from)..=key(prefix, kind, to))
        };
        let sums = |prefix| spans.iter().map(|span| sum(prefix, span)).collect::<Result<Vec<u64>, _>>();
        let total = store.numbers(RangeInclusive::new(profile_count_key(kind), profile_count_key(kind)))?;
        let mut census = Census { total, first_seen: sums(FIRST.0)?, last_seen: sums(LAST.0)? };
        if let Some(ids) = self.few_fresh(kind) {
            for id in ids {
                self.count_fresh(&store, kind, &id, spans, &mut census)?;
            }
        }
        Ok(census)
    }

    /// The profiles of a kind in the overlay, unless they are many.
    fn few_fresh(&self, kind: ProfileKind) -> Option<BTreeSet<Box<str>>> {
        if self.fresh.each().map(|generation| generation.count_of(kind)).sum::<usize>() > FRESH_PROFILES_MAX {
            return None;
        }
        let mut ids = BTreeSet::new();
        for generation in self.fresh.each() {
            generation.visit(kind, |id, _| {
                ids.insert(Box::<str>::from(id));
            });
            ids.extend(generation.erased().of(kind).iter().cloned());
        }
        Some(ids)
    }

    /// Counts what the overlay knows of a profile on top of what the store does.
    fn count_fresh(
        &self,
        store: &Snapshot<'_>,
        kind: ProfileKind,
        id: &str,
        spans: &[(i64, i64)],
        census: &mut Census,
    ) -> Result<(), StoreError> {
        let fresh = self.fresh.look(kind, id);
        let stored = store.profile(kind, id)?;
        let before = stored.as_deref().map(stored_view).transpose()?;
        let mut merged = Vec::new();
        let after = match (before.filter(|_| !fresh.hides_store), &fresh.profile) {
            (Some(before), Some(fresh)) => {
                before.merge_into(fresh.view(), &mut merged);
                Some(stored_view(&merged)?)
            }
            (before, fresh) => fresh.as_ref().map(|fresh| fresh.view()).or(before),
        };
        census.total =
            (census.total + u64::from(after.is_some())).saturating_sub(u64::from(before.is_some()));
        for ((_, seen_at), counts) in SEEN.iter().zip([&mut census.first_seen, &mut census.last_seen]) {
            for ((from, to), count) in spans.iter().zip(counts) {
                let is_in = |profile| {
                    let minute = seen_at(profile).map(Timestamp::minute);
                    u64::from(minute.is_some_and(|minute| (*from..=*to).contains(&minute)))
                };
                *count = (*count + after.map_or(0, is_in)).saturating_sub(before.map_or(0, is_in));
            }
        }
        Ok(())
    }
}
