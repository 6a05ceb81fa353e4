//! The pages of the model engine: profiles in the order of the places that a search gives them.

use std::collections::BTreeMap;
use std::ops::Bound;

use muster_kernel::model::page::{Cursor, Page};
use muster_kernel::model::profile::Profile;
use muster_kernel::model::value::Value;
use muster_kernel::ports::{ProfileKind, StoreError};

use crate::model_engine::Island;

impl Island {
    /// The profiles after the cursor, in the order of the places that `place` gives them; those without one are not of
    /// the list.
    pub(crate) fn page<Id>(
        &self,
        kind: ProfileKind,
        after: Option<&Cursor>,
        limit: usize,
        id: impl Fn(&str) -> Option<Id>,
        place: impl Fn(&str, &Profile) -> Option<Vec<u8>>,
    ) -> Result<Page<(Id, Profile)>, StoreError> {
        let after = after.map(|cursor| place_of(kind, cursor)).transpose()?;
        let placed =
            self.profiles(kind).iter().filter_map(|(id, profile)| Some((place(id, profile)?, (id, profile))));
        let ordered: BTreeMap<Vec<u8>, (&String, &Profile)> = placed.collect();
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut rest = ordered.range::<[u8], _>((from, Bound::Unbounded)).peekable();
        let (mut items, mut last) = (Vec::new(), None);
        while let Some((place, (text, profile))) = rest.next_if(|_| items.len() < limit) {
            last = Some(place);
            items.extend(id(text).map(|id| (id, (*profile).clone())));
        }
        let next = rest.peek().and(last).map(|place| Cursor([&[kind_byte(kind)], place.as_slice()].concat()));
        Ok(Page { items, next })
    }
}

fn kind_byte(kind: ProfileKind) -> u8 {
    match kind {
        ProfileKind::User => b'u',
        ProfileKind::Company => b'c',
    }
}

fn place_of(kind: ProfileKind, cursor: &Cursor) -> Result<&[u8], StoreError> {
    match cursor.0.split_first() {
        Some((first, place)) if *first == kind_byte(kind) => Ok(place),
        _ => Err(StoreError::NotACursor),
    }
}

/// Where a profile stands in a list: by its id, and behind those whose id a search finds the ones whose name or e-mail
/// it finds, by that. `None` when the search does not find it at all.
pub(crate) fn place(search: Option<&str>, id: &str, profile: &Profile, names: &[&str]) -> Option<Vec<u8>> {
    let search = search.unwrap_or_default();
    if id.starts_with(search) {
        return Some([b"0", id.as_bytes()].concat());
    }
    let terms = names.iter().filter_map(|name| match profile.property(name) {
        Some(Value::Text(text)) => Some(text.to_lowercase()),
        _ => None,
    });
    let first = terms.filter(|term| term.starts_with(&search.to_lowercase())).min()?;
    Some([b"1", first.as_bytes(), b"\0", id.as_bytes()].concat())
}

/// The names of properties that a search may look at.
pub(crate) fn searched<'a>(names: &[&'a str], unsearched: &[String]) -> Vec<&'a str> {
    let hidden = |name: &str| unsearched.iter().any(|other| other.eq_ignore_ascii_case(name));
    names.iter().copied().filter(|name| !hidden(name)).collect()
}
