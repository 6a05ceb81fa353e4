//! Makes a profile store begin with a base.
//!
//! Merging is idempotent and the position is saved last, so a store that was being seeded when the process ended is seeded
//! again. Of the ledger the base holds every count up to its position: its rows replace what is there.

use muster_kernel::model::profile::Profile;
use muster_kernel::ports::{ProfileKind, StoreError};

use super::Base;
use crate::erasure::Sieve;
use crate::profiles::mover::{GROUP_PROFILES, move_group};
use crate::profiles::store::{Store, failed};
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
    base.each_ledger_row(&mut |row| {
        store.set_ledger(&mut batch, &row);
        Ok(())
    })?;
    store.put_saved(&mut batch, base.position());
    batch.commit().map_err(|error| failed(&error))?;
    store.sync()
}

fn seed_guards(store: &Store, base: &Base) -> Result<(), StoreError> {
    let (mut batch, mut count) = (store.batch(), 0);
    base.each_guard(&mut |key, outcome| {
        store.put_guard(&mut batch, &key, &outcome);
        count += 1;
        if count % GROUP_GUARDS == 0 {
            std::mem::replace(&mut batch, store.batch()).commit().map_err(|error| failed(&error))?;
        }
        Ok(())
    })?;
    batch.commit().map_err(|error| failed(&error))
}
