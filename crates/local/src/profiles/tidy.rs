//! Tidying up the value log: what a wasteful file still holds moves to the end, and the file goes.

use muster_kernel::ports::{ProfileKind, StoreError};

use super::mover::kind_byte;
use super::store::{Batch, Store, failed};
use super::values::{Place, Stored};

/// Tidies up one file of which at most half is in use, if there is one. Answers whether there was. `rest` is called now
/// and then, and may take its time.
///
/// # Errors
/// When the store or the value log fails; nothing is lost then.
pub fn tidy_one(store: &Store, mut rest: impl FnMut()) -> Result<bool, StoreError> {
    let Some(file) = store.values().to_tidy() else { return Ok(false) };
    let mut batch = store.batch();
    let mut left: Vec<Place> = Vec::new();
    store.values().each_of(file, |stored| {
        let Some(stored) = stored else {
            commit(store, &mut batch, &mut left)?;
            rest();
            return Ok(());
        };
        move_on(store, &mut batch, &stored, &mut left)
    })?;
    // What the store names must be elsewhere for good before the file goes.
    store.sync()?;
    store.values().remove(file)?;
    Ok(true)
}

fn move_on(
    store: &Store,
    batch: &mut Batch,
    stored: &Stored<'_>,
    left: &mut Vec<Place>,
) -> Result<(), StoreError> {
    let kinds = [ProfileKind::User, ProfileKind::Company];
    let Some(kind) = kinds.into_iter().find(|kind| kind_byte(*kind) == stored.kind) else { return Ok(()) };
    if store.place(kind, stored.id)? == Some(stored.place) {
        let place = store.values().append_again(stored);
        batch.insert(store.profiles(kind), stored.id.as_bytes(), place.to_bytes());
        left.push(stored.place);
    }
    Ok(())
}

fn commit(store: &Store, batch: &mut Batch, left: &mut Vec<Place>) -> Result<(), StoreError> {
    let mut full = std::mem::replace(batch, store.batch());
    store.flush_values(&mut full)?;
    full.commit().map_err(|error| failed(&error))?;
    left.drain(..).for_each(|place| store.values().release(place));
    Ok(())
}
