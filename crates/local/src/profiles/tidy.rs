//! Tidying up the value log: what a file still holds moves to the end, and the file goes.

use muster_kernel::ports::{ProfileKind, StoreError};

use super::mover::kind_byte;
use super::rewriting::SeeIds;
use super::store::{Batch, Store, failed, stored_view};
use super::turns::Turn;
use super::values::{Place, Stored};

/// Tidies up one file that is worth it, if there is one. Answers whether there was. `rest` is called now
/// and then, and may take its time.
///
/// # Errors
/// When the store or the value log fails; nothing is lost then.
pub fn tidy_one(store: &Store, mut rest: impl FnMut()) -> Result<bool, StoreError> {
    let Some(file) = store.values().to_tidy() else { return Ok(false) };
    tidy(
        store,
        file,
        || store.turns().mover(),
        || {
            rest();
            Ok(())
        },
    )?;
    Ok(true)
}

/// Writes anew whatever the value log holds, so that only what the store names is left of it. `rest` is called now and
/// then; what it fails with ends the work, which may be begun again.
///
/// # Errors
/// As [`tidy_one`], and as `rest` does.
pub fn rewrite_values(store: &Store, rest: &dyn Fn() -> Result<(), StoreError>) -> Result<(), StoreError> {
    let files = {
        let _turn = store.turns().purge();
        store.values().begin_file()
    };
    files.into_iter().try_for_each(|file| tidy(store, file, || store.turns().purge(), rest))
}

/// Shows what every value of the value log names, those included that the store no longer does: its subject, and the
/// companies in it.
///
/// # Errors
/// When the value log cannot be read, or `see` says so.
pub fn each_value(store: &Store, see: &mut SeeIds<'_>) -> Result<(), StoreError> {
    let files: Vec<u32> = store.values().files().keys().copied().collect();
    files.into_iter().try_for_each(|file| {
        store.values().each_of(file, |stored| {
            let Some(stored) = stored else { return Ok(()) };
            let Some(kind) = kind_of(&stored) else { return Ok(()) };
            let companies = stored_view(stored.bytes)?.companies().map(|id| (ProfileKind::Company, id));
            let named: Vec<_> = std::iter::once((kind, stored.id)).chain(companies).collect();
            see(&named)
        })
    })
}

/// Moves what the store names of a file to the end of the value log, piece by piece, each in a turn, and removes the
/// file.
fn tidy<'s>(
    store: &'s Store,
    file: u32,
    take_turn: impl Fn() -> Turn<'s>,
    mut rest: impl FnMut() -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut batch = store.batch();
    let mut left: Vec<Place> = Vec::new();
    let mut turn = None;
    store.values().each_of(file, |stored| {
        let Some(stored) = stored else {
            commit(store, &mut batch, &mut left)?;
            turn = None;
            return rest();
        };
        turn.get_or_insert_with(&take_turn);
        move_on(store, &mut batch, &stored, &mut left)
    })?;
    // What the store names must be elsewhere for good before the file goes.
    store.sync()?;
    store.values().remove(file)
}

fn kind_of(stored: &Stored<'_>) -> Option<ProfileKind> {
    [ProfileKind::User, ProfileKind::Company].into_iter().find(|kind| kind_byte(*kind) == stored.kind)
}

fn move_on(
    store: &Store,
    batch: &mut Batch,
    stored: &Stored<'_>,
    left: &mut Vec<Place>,
) -> Result<(), StoreError> {
    let Some(kind) = kind_of(stored) else { return Ok(()) };
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
