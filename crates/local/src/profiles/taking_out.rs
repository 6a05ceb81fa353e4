//! Takes what was erased out of the store, with every index entry and number that follows from it.
//!
//! Each batch is computed from what the store holds, so that doing it again finds nothing to do. What the store's own
//! files still hold of it is `rewriting`'s business.

use std::collections::BTreeSet;

use muster_kernel::model::profile::Profile;
use muster_kernel::ports::{ProfileKind, StoreError};

use super::mover::{Counts, index, member_count_key, member_key};
use super::overlay::Erased;
use super::store::{Batch, Store, decode_profile, failed};

/// Profiles changed at once.
const CHUNK_PROFILES: usize = 64;

/// Takes out the profiles, and the companies out of the profiles of their users.
///
/// # Errors
/// When the store fails.
pub fn take_out(store: &Store, erased: &Erased) -> Result<(), StoreError> {
    for kind in [ProfileKind::User, ProfileKind::Company] {
        let ids: Vec<&str> = erased.of(kind).iter().map(|id| &**id).collect();
        for chunk in ids.chunks(CHUNK_PROFILES) {
            take_out_profiles(store, kind, chunk)?;
        }
    }
    for company in &erased.companies {
        clear_company(store, company)?;
    }
    Ok(())
}

fn take_out_profiles(store: &Store, kind: ProfileKind, ids: &[&str]) -> Result<(), StoreError> {
    let (mut batch, mut counts) = (store.batch(), Counts::default());
    let nothing = Profile::default();
    for &id in ids {
        let Some(stored) = store.profile(kind, id)? else { continue };
        counts.profiles -= 1;
        counts.seen.note(kind, Some(stored.view()), None);
        index(store, &mut batch, kind, id, Some(stored.view()), nothing.view(), &mut counts);
        batch.remove(store.profiles(kind), id.as_bytes());
    }
    counts.put(store, &mut batch, kind)?;
    commit(batch)
}

fn clear_company(store: &Store, company: &str) -> Result<(), StoreError> {
    let prefix = member_key(company, "");
    loop {
        let mut members = BTreeSet::new();
        for entry in store.index.prefix(&prefix).take(CHUNK_PROFILES) {
            let key = entry.key().map_err(|error| failed(&error))?;
            members.insert(String::from_utf8_lossy(&key[prefix.len()..]).into_owned());
        }
        if members.is_empty() {
            break;
        }
        let (mut batch, mut counts) = (store.batch(), Counts::default());
        for user in &members {
            clear_member(store, &mut batch, &mut counts, company, user)?;
        }
        counts.put(store, &mut batch, ProfileKind::User)?;
        commit(batch)?;
    }
    let mut batch = store.batch();
    batch.remove(&store.index, member_count_key(company));
    commit(batch)
}

fn clear_member(
    store: &Store,
    batch: &mut Batch,
    counts: &mut Counts,
    company: &str,
    user: &str,
) -> Result<(), StoreError> {
    let kind = ProfileKind::User;
    let stored = store.profiles(kind).get(user).map_err(|error| failed(&error))?;
    let stored = stored.map(|bytes| decode_profile(&bytes)).transpose()?;
    match stored.and_then(|stored| Some((stored.cleared_of(company)?, stored))) {
        Some((cleared, stored)) => {
            index(store, batch, kind, user, Some(stored.view()), cleared.view(), counts);
            batch.insert(store.profiles(kind), user.as_bytes(), cleared.as_bytes());
        }
        None => batch.remove(&store.index, member_key(company, user)),
    }
    Ok(())
}

fn commit(batch: Batch) -> Result<(), StoreError> {
    batch.commit().map_err(|error| failed(&error))
}
