//! Whether a store is whole, for `muster verify`: its index against its own profiles, and what it keeps of guards and of
//! the ledger, one entry after the other.
//!
//! Every entry that a profile asks for is looked up, and entries are counted: when there are as many as were asked
//! for, none is too many. Numbers by minute are compared some at a time. So memory does not grow with the store.

use std::collections::BTreeMap;

use fjall::Readable;
use muster_kernel::model::ledger::LedgerRow;
use muster_kernel::model::varint::Reader;
use muster_kernel::ports::{ProfileKind, StoreError};

use super::census::counted_in;
use super::mover::{BELONGS, entries_of, member_count_key, prefix, profile_count_key};
use super::store::{Snapshot, Store, decode_row, failed, ledger_key, stored_view};

const KINDS: [ProfileKind; 2] = [ProfileKind::User, ProfileKind::Company];
/// First bytes of the entries that stand for a profile each.
const ENTRIES: [u8; 4] = [prefix::MEMBER, prefix::USER_TERM, prefix::COMPANY_TERM, prefix::WIDE];
/// First bytes of the numbers by minute.
const BY_MINUTE: [u8; 2] = [prefix::FIRST_SEEN, prefix::LAST_SEEN];

/// What is wrong with an index: how many entries and numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IndexFaults {
    /// Entries that a profile asks for and that are not there, or say something else.
    pub missing: u64,
    /// Entries that no profile asks for.
    pub needless: u64,
    /// Numbers that are not what counting comes to.
    pub miscounted: u64,
}

/// What the profiles ask of the index.
#[derive(Default)]
struct Asked {
    profiles: [u64; KINDS.len()],
    entries: u64,
    /// Profiles counted by minute, first and last seen together.
    seen: u64,
}

impl Store {
    /// Compares the index with the profiles of the store. Holds `minutes_max` numbers by minute at a time; what is beyond
    /// them costs one more pass over the profiles for each as many.
    ///
    /// # Errors
    /// When reading fails.
    pub fn check_index(&self, minutes_max: usize) -> Result<IndexFaults, StoreError> {
        let snapshot = self.snapshot();
        let mut faults = IndexFaults::default();
        let asked = self.look_up_entries(&snapshot, &mut faults)?;
        self.count_entries(&asked, &mut faults)?;
        for (kind, count) in KINDS.iter().zip(asked.profiles) {
            faults.miscounted += u64::from(self.number(&profile_count_key(*kind))? != count);
        }
        self.count_minutes(&snapshot, &asked, minutes_max, &mut faults)?;
        Ok(faults)
    }

    fn look_up_entries(
        &self,
        snapshot: &Snapshot<'_>,
        faults: &mut IndexFaults,
    ) -> Result<Asked, StoreError> {
        let mut asked = Asked::default();
        for (at, kind) in KINDS.into_iter().enumerate() {
            snapshot.each(kind, &mut |id, bytes| {
                let profile = stored_view(bytes)?;
                asked.profiles[at] += 1;
                asked.seen += counted_in(kind, profile).count() as u64;
                for (key, value) in entries_of(kind, id, profile) {
                    let found = self.index.get(key).map_err(|error| failed(&error))?;
                    asked.entries += u64::from(found.is_some());
                    faults.missing += u64::from(found.is_none_or(|found| *found != *value));
                }
                Ok(())
            })?;
        }
        Ok(asked)
    }

    /// Counts entries, and the users of each company, whose entries stand together.
    fn count_entries(&self, asked: &Asked, faults: &mut IndexFaults) -> Result<(), StoreError> {
        let (mut entries, mut counts) = (0u64, 0u64);
        let mut users_of: Option<(Vec<u8>, u64)> = None;
        let mut companies = 0u64;
        let mut close = |users_of: Option<(Vec<u8>, u64)>, faults: &mut IndexFaults| {
            let Some((company, users)) = users_of else { return Ok(()) };
            let company = String::from_utf8_lossy(&company).into_owned();
            let counted = self.number(&member_count_key(&company))?;
            companies += 1;
            faults.miscounted += u64::from(counted != users);
            Ok::<(), StoreError>(())
        };
        for entry in self.database.snapshot().iter(&self.index) {
            let (key, value) = entry.into_inner().map_err(|error| failed(&error))?;
            let Some((first, rest)) = key.split_first() else { continue };
            entries += u64::from(ENTRIES.contains(first));
            counts += u64::from(*first == prefix::MEMBER_COUNT);
            let is_known = ENTRIES.contains(first)
                || BY_MINUTE.contains(first)
                || [prefix::MEMBER_COUNT, prefix::PROFILE_COUNT].contains(first);
            faults.needless += u64::from(!is_known);
            if *first == prefix::MEMBER && *value == *BELONGS {
                let company = rest.split(|&byte| byte == 0).next().unwrap_or_default();
                match &mut users_of {
                    Some((known, users)) if *known == company => *users += 1,
                    _ => close(users_of.replace((company.to_vec(), 1)), faults)?,
                }
            }
        }
        close(users_of, faults)?;
        faults.needless += entries.saturating_sub(asked.entries);
        faults.miscounted += counts.saturating_sub(companies);
        Ok(())
    }

    fn count_minutes(
        &self,
        snapshot: &Snapshot<'_>,
        asked: &Asked,
        minutes_max: usize,
        faults: &mut IndexFaults,
    ) -> Result<(), StoreError> {
        let moment = self.database.snapshot();
        let mut numbers = BY_MINUTE.into_iter().flat_map(|first| moment.prefix(&self.index, [first]));
        let mut met = 0u64;
        loop {
            let mut window: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
            for entry in numbers.by_ref().take(minutes_max.max(1)) {
                let (key, value) = entry.into_inner().map_err(|error| failed(&error))?;
                window.insert(key.to_vec(), Reader::new(&value).varint().unwrap_or(0));
            }
            if window.is_empty() {
                break;
            }
            for kind in KINDS {
                snapshot.each(kind, &mut |_, bytes| {
                    for key in counted_in(kind, stored_view(bytes)?) {
                        if let Some(left) = window.get_mut(&key[..]) {
                            *left = left.wrapping_sub(1);
                            met += 1;
                        }
                    }
                    Ok(())
                })?;
            }
            faults.miscounted += window.values().filter(|left| **left != 0).count() as u64;
        }
        // A minute that has profiles and no number is in no window.
        faults.miscounted += u64::from(met < asked.seen);
        Ok(())
    }

    /// Shows every guard: its key and its value as the store keeps it.
    ///
    /// # Errors
    /// When reading fails.
    pub fn each_guard(&self, mut see: impl FnMut(&[u8], &[u8])) -> Result<(), StoreError> {
        for entry in self.guards.iter() {
            let (key, value) = entry.into_inner().map_err(|error| failed(&error))?;
            see(&key, &value);
        }
        Ok(())
    }

    /// Shows every row of the ledger; `None` is one that cannot be read, or that stands in another one's place.
    ///
    /// # Errors
    /// When reading fails.
    pub fn each_ledger_row(&self, mut see: impl FnMut(Option<LedgerRow>)) -> Result<(), StoreError> {
        for entry in self.ledger.iter() {
            let (key, value) = entry.into_inner().map_err(|error| failed(&error))?;
            see(decode_row(&value).ok().filter(|row| ledger_key(row.minute, row.key) == *key));
        }
        Ok(())
    }
}
