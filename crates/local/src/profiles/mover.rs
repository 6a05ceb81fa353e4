//! Moves a closed generation of the overlay into the store, in sorted groups, each one atomic batch.
//!
//! A group's profiles go into the value log; once they are durable there, their places and everything derived from the
//! same change (index entries, counts) follow in one batch, computed from what the store held before: moving the
//! same generation again finds nothing to change, so a crash at any place is repaired by the replay. The position is
//! saved with the last batch, then everything is synced once.

use std::collections::BTreeMap;

use muster_kernel::model::id::Position;
use muster_kernel::model::profile::{Profile, ProfileView};
use muster_kernel::model::value::Value;
use muster_kernel::ports::{ProfileKind, StoreError};

use super::census::Seen;
use super::overlay::Generation;
use super::store::{Batch, Store, failed, stored_view};
use super::taking_out::take_out;
use super::wide::{WIDE_PROPERTIES, Wide};

/// Profiles between two rests: few enough that those who answer never wait long for a processor.
const CHUNK_PROFILES: usize = 64;
/// Profiles per batch: what a sync has to write at once (a megabyte or so) delays the log's own syncs.
pub(crate) const GROUP_PROFILES: usize = 1024;
/// Guards per batch: those of an import are many, and small.
const GROUP_GUARDS: usize = 1024;
/// Value of a member's key: the user belongs to the company.
pub(super) const BELONGS: &[u8] = &[];
/// Value of a member's key: the company was named for the same moment as the user's own, and lost.
const LOST_A_TIE: &[u8] = &[1];
/// Characters of a name or e-mail that the index keeps; longer searches look into the profile.
pub const TERM_CHARS_MAX: usize = 64;
/// First bytes of the keys of the index.
pub mod prefix {
    /// Company, zero, user: who belongs to whom, or would but for a tie.
    pub const MEMBER: u8 = b'm';
    /// Company: how many users belong to it.
    pub const MEMBER_COUNT: u8 = b'n';
    /// Term, zero, user: names and e-mails.
    pub const USER_TERM: u8 = b't';
    /// Term, zero, company: names.
    pub const COMPANY_TERM: u8 = b'c';
    /// Kind, id: profiles with unusually many properties.
    pub const WIDE: u8 = b'w';
    /// Kind: how many profiles there are.
    pub const PROFILE_COUNT: u8 = b'p';
    /// Kind, minute: how many profiles were first seen in it.
    pub const FIRST_SEEN: u8 = b'f';
    /// Kind, minute: how many profiles were last seen in it.
    pub const LAST_SEEN: u8 = b'l';
}

/// Moves `generation`, which covers the log up to `position`, into the store. `moved` is told after each chunk how many
/// of how many profiles and guards are moved, and may take its time.
///
/// # Errors
/// When the store fails; the generation may then be in it in part, which does no harm.
pub fn move_generation(
    store: &Store,
    wide: &Wide,
    generation: &Generation,
    position: Position,
    mut moved: impl FnMut(usize, usize),
) -> Result<(), StoreError> {
    let kinds = [ProfileKind::User, ProfileKind::Company];
    // What was erased goes first: the generation holds what came after.
    take_out(store, &generation.erased())?;
    generation.taken_out();
    let mut guards = generation.guards();
    guards.sort_unstable_by_key(|(key, _)| *key);
    let all = kinds.map(|kind| generation.count_of(kind)).iter().sum::<usize>() + guards.len();
    let mut done = 0;
    for kind in kinds {
        generation.with_sorted(kind, |profiles| {
            for group in profiles.chunks(GROUP_PROFILES) {
                move_group(store, wide, kind, group, |chunk| {
                    done += chunk;
                    moved(done, all);
                })?;
            }
            Ok(())
        })?;
    }
    for group in guards.chunks(GROUP_GUARDS) {
        let mut batch = store.batch();
        group.iter().for_each(|(key, outcome)| store.put_guard(&mut batch, key, outcome));
        batch.commit().map_err(|error| failed(&error))?;
        done += group.len();
        moved(done, all);
    }
    let mut batch = store.batch();
    for row in generation.ledger(i64::MIN, i64::MAX) {
        store.add_ledger(&mut batch, &row)?;
    }
    store.put_saved(&mut batch, position);
    batch.commit().map_err(|error| failed(&error))?;
    store.sync()
}

/// Moves profiles that are sorted by id, each once.
///
/// # Errors
/// As [`move_generation`].
pub(crate) fn move_group(
    store: &Store,
    wide: &Wide,
    kind: ProfileKind,
    group: &[(&str, &Profile)],
    mut moved: impl FnMut(usize),
) -> Result<(), StoreError> {
    let _turn = store.turns().mover();
    let mut batch = store.batch();
    let mut counts = Counts::default();
    let mut merged = Vec::new();
    let mut left = Vec::new();
    for chunk in group.chunks(CHUNK_PROFILES) {
        for &(id, fresh) in chunk {
            let stored = store.value(kind, id)?;
            let before = stored.as_ref().map(|(_, bytes)| stored_view(bytes)).transpose()?;
            let after = match before {
                Some(before) => {
                    before.merge_into(fresh.view(), &mut merged);
                    stored_view(&merged)?
                }
                None => fresh.view(),
            };
            if before == Some(after) {
                continue;
            }
            wide.note(kind, id, after);
            counts.profiles += i64::from(before.is_none());
            counts.seen.note(kind, before, Some(after));
            index(store, &mut batch, kind, id, before, after, &mut counts);
            let place = store.values().append(kind, id, after.as_bytes());
            batch.insert(store.profiles(kind), id.as_bytes(), place.to_bytes());
            left.extend(stored.map(|(place, _)| place));
        }
        moved(chunk.len());
    }
    counts.put(store, &mut batch, kind)?;
    store.flush_values(&mut batch)?;
    batch.commit().map_err(|error| failed(&error))?;
    left.into_iter().for_each(|place| store.values().release(place));
    Ok(())
}

/// Changes of the numbers of the index within one group.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) profiles: i64,
    members: BTreeMap<String, i64>,
    pub(super) seen: Seen,
}

impl Counts {
    /// Adds the new numbers to the batch.
    ///
    /// # Errors
    /// When reading fails.
    pub(super) fn put(self, store: &Store, batch: &mut Batch, kind: ProfileKind) -> Result<(), StoreError> {
        if self.profiles != 0 {
            let key = profile_count_key(kind);
            store.put_number(batch, &key, store.number(&key)?.saturating_add_signed(self.profiles));
        }
        for (company, change) in self.members {
            let key = member_count_key(&company);
            match store.number(&key)?.saturating_add_signed(change) {
                // An erased company must not be found by its number.
                0 => batch.remove(&store.index, key),
                count => store.put_number(batch, &key, count),
            }
        }
        self.seen.put(store, batch)
    }
}

/// Adds to the batch what a change of a profile means for the index.
pub(super) fn index(
    store: &Store,
    batch: &mut Batch,
    kind: ProfileKind,
    id: &str,
    before: Option<ProfileView<'_>>,
    after: ProfileView<'_>,
    counts: &mut Counts,
) {
    let old = before.map(|profile| Found::of(kind, profile)).unwrap_or_default();
    let new = Found::of(kind, after);
    if kind == ProfileKind::User {
        index_companies(store, batch, id, before, after, counts);
    }
    if (old.email, old.name) != (new.email, new.name) {
        let (old, new) = (old.terms(), new.terms());
        for term in old.iter().filter(|term| !new.contains(term)) {
            batch.remove(&store.index, term_key(kind, term, id));
        }
        for term in new.iter().filter(|term| !old.contains(term)) {
            batch.insert(&store.index, term_key(kind, term, id), []);
        }
    }
    let was_wide = before.is_some_and(|profile| profile.property_count() > WIDE_PROPERTIES);
    let is_wide = after.property_count() > WIDE_PROPERTIES;
    match (was_wide, is_wide) {
        (false, true) => batch.insert(&store.index, wide_key(kind, id), []),
        (true, false) => batch.remove(&store.index, wide_key(kind, id)),
        _ => {}
    }
}

/// The entries of the index that follow from a profile, each a key and its value.
pub(super) fn entries_of(
    kind: ProfileKind,
    id: &str,
    profile: ProfileView<'_>,
) -> Vec<(Vec<u8>, &'static [u8])> {
    let mut entries = Vec::new();
    if kind == ProfileKind::User {
        let mut values = std::iter::once(BELONGS).chain(std::iter::repeat(LOST_A_TIE));
        let named = profile.companies().map(|company| member_key(company, id));
        entries.extend(named.zip(&mut values));
    }
    let terms = Found::of(kind, profile).terms();
    entries.extend(terms.iter().map(|term| (term_key(kind, term, id), &[][..])));
    if profile.property_count() > WIDE_PROPERTIES {
        entries.push((wide_key(kind, id), &[]));
    }
    entries
}

/// Each key is changed once at most: changes of one batch have no order.
fn index_companies(
    store: &Store,
    batch: &mut Batch,
    id: &str,
    before: Option<ProfileView<'_>>,
    after: ProfileView<'_>,
    counts: &mut Counts,
) {
    if before.is_some_and(|before| before.companies().eq(after.companies())) {
        return;
    }
    let old: Vec<&str> = before.into_iter().flat_map(ProfileView::companies).collect();
    let new: Vec<&str> = after.companies().collect();
    // The first one is the one that a user belongs to.
    for (at, company) in old.iter().enumerate() {
        if at == 0 {
            *counts.members.entry((*company).to_owned()).or_default() -= 1;
        }
        if !new.contains(company) {
            batch.remove(&store.index, member_key(company, id));
        }
    }
    for (at, company) in new.iter().enumerate() {
        if at == 0 {
            *counts.members.entry((*company).to_owned()).or_default() += 1;
        }
        batch.insert(&store.index, member_key(company, id), if at == 0 { BELONGS } else { LOST_A_TIE });
    }
}

/// What of a profile the index is made from, beside the companies.
#[derive(Clone, Copy, Default)]
struct Found<'a> {
    email: Option<&'a str>,
    name: Option<&'a str>,
}

impl<'a> Found<'a> {
    fn of(kind: ProfileKind, profile: ProfileView<'a>) -> Self {
        let text = |name: &str| match profile.property(name) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        };
        match kind {
            ProfileKind::User => Found { email: text("email"), name: text("name") },
            ProfileKind::Company => Found { email: None, name: text("name") },
        }
    }

    fn terms(&self) -> Vec<String> {
        let mut terms = Vec::new();
        for text in [self.email, self.name].into_iter().flatten() {
            let term = term(text);
            if !term.is_empty() && !terms.contains(&term) {
                terms.push(term);
            }
        }
        terms
    }
}

/// What a profile is found by beside its id: lower-case name and, for users, e-mail, without duplicates and without
/// those that `hides` names.
pub fn terms_but(kind: ProfileKind, profile: &Profile, hides: impl Fn(&str) -> bool) -> Vec<String> {
    let Found { email, name, .. } = Found::of(kind, profile.view());
    let email = email.filter(|_| !hides("email"));
    Found { email, name: name.filter(|_| !hides("name")) }.terms()
}

/// A text as the index keeps it: lower case, cut, and without the separator.
pub fn term(text: &str) -> String {
    let lower = text.chars().flat_map(char::to_lowercase);
    lower.map(|letter| if letter == '\0' { ' ' } else { letter }).take(TERM_CHARS_MAX).collect()
}

/// Key that says that a user belongs to a company. Ids hold no control character, so zero separates them.
pub fn member_key(company: &str, user: &str) -> Vec<u8> {
    pair_key(prefix::MEMBER, company, user)
}

/// Key of the number of users of a company.
pub fn member_count_key(company: &str) -> Vec<u8> {
    [&[prefix::MEMBER_COUNT], company.as_bytes()].concat()
}

/// Key of the number of profiles of a kind.
pub fn profile_count_key(kind: ProfileKind) -> Vec<u8> {
    vec![prefix::PROFILE_COUNT, kind_byte(kind)]
}

/// Key that finds a profile by a term.
pub fn term_key(kind: ProfileKind, term: &str, id: &str) -> Vec<u8> {
    pair_key(term_prefix(kind), term, id)
}

/// First byte of the keys that find profiles of a kind by a term.
pub fn term_prefix(kind: ProfileKind) -> u8 {
    match kind {
        ProfileKind::User => prefix::USER_TERM,
        ProfileKind::Company => prefix::COMPANY_TERM,
    }
}

/// Key that lists a profile as unusually wide.
pub fn wide_key(kind: ProfileKind, id: &str) -> Vec<u8> {
    [&[prefix::WIDE, kind_byte(kind)], id.as_bytes()].concat()
}

/// Kind and id of a key made by [`wide_key`].
pub fn split_wide_key(key: &[u8]) -> Option<(ProfileKind, &str)> {
    let (&[_, kind], id) = key.split_first_chunk()?;
    let kind =
        [ProfileKind::User, ProfileKind::Company].into_iter().find(|known| kind_byte(*known) == kind)?;
    Some((kind, std::str::from_utf8(id).ok()?))
}

pub(super) fn kind_byte(kind: ProfileKind) -> u8 {
    match kind {
        ProfileKind::User => b'u',
        ProfileKind::Company => b'c',
    }
}

fn pair_key(first: u8, left: &str, right: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(left.len() + right.len() + 2);
    key.push(first);
    key.extend_from_slice(left.as_bytes());
    key.push(0);
    key.extend_from_slice(right.as_bytes());
    key
}
