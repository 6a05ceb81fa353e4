//! Makes a profile store begin with a base.
//!
//! Merging is idempotent and the position is saved last, so a store that was being seeded when the process ended is seeded
//! again. Of the ledger the base holds every count up to its position: its rows replace what is there.

use muster_kernel::model::profile::Profile;
use muster_kernel::ports::{ProfileKind, StoreError};

use super::Base;
use super::file::Table;
use crate::erasure::Sieve;
use crate::ledger::decode_note;
use crate::profiles::mover::{GROUP_PROFILES, move_group};
use crate::profiles::store::{Store, decode_guard, failed};
use crate::profiles::wide::Wide;

/// Guards put into the store at once.
const GROUP_GUARDS: usize = 1024;

/// Puts a base into a store that holds less than it.
///
/// # Errors
/// When the base is damaged or the store fails.
pub fn seed(store: &Store, base: &Base) -> Result<(), StoreError> {
    // What is wide is read from the index afterwards.
    let wide = Wide::default();
    for kind in [ProfileKind::User, ProfileKind::Company] {
        let mut group: Vec<(String, Profile)> = Vec::new();
        let put = |group: &mut Vec<(String, Profile)>| -> Result<(), StoreError> {
            let sorted: Vec<(&str, &Profile)> = group.iter().map(|(id, profile)| (&**id, profile)).collect();
            move_group(store, &wide, kind, &sorted, |_| {})?;
            group.clear();
            Ok(())
        };
        base.each(kind, &Sieve::default(), &mut |id, profile| {
            group.push((id.to_owned(), profile));
            if group.len() >= GROUP_PROFILES { put(&mut group) } else { Ok(()) }
        })?;
        put(&mut group)?;
    }
    seed_guards(store, base)?;
    let mut batch = store.batch();
    for entry in base.0.entries(Table::Ledger) {
        let (_, value) = entry.map_err(StoreError::Damaged)?;
        store.set_ledger(&mut batch, &decode_note(value).ok_or_else(|| base.damaged())?);
    }
    store.put_saved(&mut batch, base.position());
    batch.commit().map_err(|error| failed(&error))?;
    store.sync()
}

fn seed_guards(store: &Store, base: &Base) -> Result<(), StoreError> {
    let mut batch = store.batch();
    for (count, entry) in base.0.entries(Table::Guards).enumerate() {
        let (key, value) = entry.map_err(StoreError::Damaged)?;
        let outcome = decode_guard(value).ok_or_else(|| base.damaged())?;
        store.put_guard(&mut batch, &key.try_into().map_err(|_| base.damaged())?, &outcome);
        if count % GROUP_GUARDS == GROUP_GUARDS - 1 {
            std::mem::replace(&mut batch, store.batch()).commit().map_err(|error| failed(&error))?;
        }
    }
    batch.commit().map_err(|error| failed(&error))
}
