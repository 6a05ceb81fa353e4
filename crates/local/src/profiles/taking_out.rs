//! Takes what was erased out of the store, with every index entry and number that follows from it.
//!
//! Each batch is computed from what the store holds, so that doing it again finds nothing to do. What the store's own
//! files still hold of it is `rewriting`'s business.

use std::collections::BTreeSet;

use muster_kernel::model::id::Position;
use muster_kernel::model::profile::Profile;
use muster_kernel::ports::{ProfileKind, StoreError};

use super::erased::Erased;
use super::mover::{Counts, index, member_count_key, member_key};
use super::store::{Batch, Store, decode_profile, failed};
use super::values::Place;

/// Profiles changed at once.
const CHUNK_PROFILES: usize = 64;

/// Takes out the profiles, and the companies out of the profiles of their users, and keeps, durably, up to which mark that is
/// done. What follows may be about the same ids anew, and taking it out as well would say of somebody who joined a company
/// again that they left it: a start after a stop in between must know that this is not to be done once more.
///
/// # Errors
/// When the store fails.
pub fn take_out(store: &Store, erased: &Erased) -> Result<(), StoreError> {
    if erased.last == Position::START {
        return Ok(());
    }
    for kind in [ProfileKind::User, ProfileKind::Company] {
        let ids: Vec<&str> = erased.of(kind).iter().map(|id| &**id).collect();
        for chunk in ids.chunks(CHUNK_PROFILES) {
            take_out_profiles(store, kind, chunk)?;
        }
    }
    for company in &erased.companies {
        clear_company(store, company)?;
    }
    let mut batch = store.batch();
    store.put_taken_out(&mut batch, erased.last);
    commit(store, batch, Vec::new())?;
    store.sync()
}

fn take_out_profiles(store: &Store, kind: ProfileKind, ids: &[&str]) -> Result<(), StoreError> {
    let _turn = store.turns().mover();
    let (mut batch, mut counts, mut left) = (store.batch(), Counts::default(), Vec::new());
    let nothing = Profile::default();
    for &id in ids {
        let Some((place, stored)) = profile(store, kind, id)? else { continue };
        left.push(place);
        counts.profiles -= 1;
        counts.seen.note(kind, Some(stored.view()), None);
        index(store, &mut batch, kind, id, Some(stored.view()), nothing.view(), &mut counts);
        batch.remove(store.profiles(kind), id.as_bytes());
    }
    counts.put(store, &mut batch, kind)?;
    commit(store, batch, left)
}

fn profile(store: &Store, kind: ProfileKind, id: &str) -> Result<Option<(Place, Profile)>, StoreError> {
    let Some((place, bytes)) = store.value(kind, id)? else { return Ok(None) };
    Ok(Some((place, decode_profile(bytes)?)))
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
        let _turn = store.turns().mover();
        let (mut batch, mut counts, mut left) = (store.batch(), Counts::default(), Vec::new());
        for user in &members {
            left.extend(clear_member(store, &mut batch, &mut counts, company, user)?);
        }
        counts.put(store, &mut batch, ProfileKind::User)?;
        commit(store, batch, left)?;
    }
    let mut batch = store.batch();
    batch.remove(&store.index, member_count_key(company));
    commit(store, batch, Vec::new())
}

/// Answers the place that is left, where there was one.
fn clear_member(
    store: &Store,
    batch: &mut Batch,
    counts: &mut Counts,
    company: &str,
    user: &str,
) -> Result<Option<Place>, StoreError> {
    let kind = ProfileKind::User;
    let stored = profile(store, kind, user)?;
    let cleared = stored
        .and_then(|(place, stored)| Some((place, stored.cleared_of(|named| named == company)?, stored)));
    let Some((place, cleared, stored)) = cleared else {
        batch.remove(&store.index, member_key(company, user));
        return Ok(None);
    };
    index(store, batch, kind, user, Some(stored.view()), cleared.view(), counts);
    let now = store.values().append(kind, user, cleared.as_bytes());
    batch.insert(store.profiles(kind), user.as_bytes(), now.to_bytes());
    Ok(Some(place))
}

fn commit(store: &Store, mut batch: Batch, left: Vec<Place>) -> Result<(), StoreError> {
    store.flush_values(&mut batch)?;
    batch.commit().map_err(|error| failed(&error))?;
    left.into_iter().for_each(|place| store.values().release(place));
    Ok(())
}

#[cfg(test)]
#[path = "taking_out_tests.rs"]
mod tests;
