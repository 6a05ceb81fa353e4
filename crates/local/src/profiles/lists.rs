//! Pages of profiles in the order of a key: by id, by membership, by search term.
//!
//! The keys come from the store's index and from the overlay at once, merged in order. A key is only a candidate:
//! its profile is read (overlay and store merged) and must confirm it, so that an entry that is stale on either side
//! shows nothing wrong. A cursor is the list's number and the last key, and so means the same after any write.

use std::collections::BTreeSet;
use std::ops::Bound;

use fjall::Keyspace;
use muster_kernel::model::page::{Cursor, Page};
use muster_kernel::model::profile::Profile;
use muster_kernel::ports::{ProfileKind, StoreError};

use super::mover::{BELONGS, member_key, term, term_key, term_prefix, terms_but};
use super::overlay::Generations;
use super::store::{Store, failed};

/// Keys taken from the overlay at a time.
const OVERLAY_WINDOW: usize = 1024;

/// What is read together: store and overlay at one moment.
pub struct View<'a> {
    /// The store.
    pub store: &'a Store,
    /// The overlay.
    pub fresh: Generations,
}

/// What a search looks for, and where it must not look.
#[derive(Clone, Copy)]
pub struct Search<'a> {
    /// The beginning of an id, a name or an e-mail.
    pub text: &'a str,
    /// Names of properties that are not looked at.
    pub unsearched: &'a [String],
}

impl Search<'_> {
    /// The terms that the search may find a profile by.
    fn terms(&self, kind: ProfileKind, profile: &Profile) -> Vec<String> {
        let hides = |name: &str| self.unsearched.iter().any(|other| other.eq_ignore_ascii_case(name));
        terms_but(kind, profile, hides)
    }
}

/// A profile and its id.
pub type Found = (Box<str>, Profile);

impl View<'_> {
    /// Everything known about a subject.
    ///
    /// # Errors
    /// When reading fails.
    pub fn get(&self, kind: ProfileKind, id: &str) -> Result<Option<Profile>, StoreError> {
        // The overlay was looked at first: what it no longer holds is in the store by now.
        let fresh = self.fresh.look(kind, id);
        if fresh.hides_store {
            return Ok(fresh.profile);
        }
        let stored = self.fresh.left_of(kind, || self.store.profile(kind, id))?;
        Ok(match (fresh.profile, stored) {
            (Some(fresh), Some(stored)) => Some(stored.merge(&fresh)),
            (fresh, stored) => fresh.or(stored),
        })
    }

    /// Profiles by id whose id starts with `prefix`.
    ///
    /// # Errors
    /// When reading fails or the cursor belongs to another list.
    pub fn by_id(
        &self,
        kind: ProfileKind,
        prefix: &str,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<Found>, StoreError> {
        let keys = |id: &str, _: &Profile, see: &mut dyn FnMut(Vec<u8>)| see(id.as_bytes().to_vec());
        let confirm = |key: &[u8]| {
            let Ok(id) = std::str::from_utf8(key) else { return Ok(None) };
            Ok(self.get(kind, id)?.map(|profile| (id.into(), profile)))
        };
        let list = List {
            number: BY_ID,
            kind,
            prefix: prefix.as_bytes().to_vec(),
            keyspace: self.store.profiles(kind),
            keys: &keys,
            confirm: &confirm,
        };
        self.page(&list, after, limit)
    }

    /// The users of a company, by user id.
    ///
    /// # Errors
    /// As [`View::by_id`].
    pub fn members(
        &self,
        company: &str,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<Found>, StoreError> {
        let prefix = member_key(company, "");
        let keys = |id: &str, fresh: &Profile, see: &mut dyn FnMut(Vec<u8>)| {
            // Also who would belong to it but for a tie: what had won may be erased above.
            if fresh.view().companies().any(|named| named == company) {
                see(member_key(company, id));
            }
        };
        let confirm = |key: &[u8]| {
            let Ok(id) = std::str::from_utf8(&key[prefix.len()..]) else { return Ok(None) };
            let profile = self.get(ProfileKind::User, id)?;
            Ok(profile
                .filter(|profile| profile.company_id() == Some(company))
                .map(|profile| (id.into(), profile)))
        };
        let list = List {
            number: MEMBERS,
            kind: ProfileKind::User,
            prefix: prefix.clone(),
            keyspace: &self.store.index,
            keys: &keys,
            confirm: &confirm,
        };
        self.page(&list, after, limit)
    }

    /// The users of a company whose id, name or e-mail starts with `search`, by user id.
    ///
    /// # Errors
    /// As [`View::by_id`].
    pub fn members_matching(
        &self,
        company: &str,
        search: Search<'_>,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<Found>, StoreError> {
        let wanted = term(search.text);
        let mut page = Page { items: Vec::new(), next: after.cloned() };
        loop {
            let stretch = self.members(company, page.next.as_ref(), limit - page.items.len())?;
            page.items.extend(stretch.items.into_iter().filter(|(id, user)| {
                id.starts_with(search.text)
                    || search.terms(ProfileKind::User, user).iter().any(|term| term.starts_with(&wanted))
            }));
            page.next = stretch.next;
            if page.next.is_none() || page.items.len() == limit {
                return Ok(page);
            }
        }
    }

    /// How many users belong to a company: the store's count, corrected by what the overlay changes.
    ///
    /// # Errors
    /// When reading fails.
    pub fn member_count(&self, company: &str) -> Result<u64, StoreError> {
        let mut touched = BTreeSet::new();
        for generation in self.fresh.each() {
            generation.visit(ProfileKind::User, |id, fresh| {
                if fresh.view().companies().any(|named| named == company) {
                    touched.insert(Box::<str>::from(id));
                }
            });
        }
        let belongs = |id: &str| -> Result<bool, StoreError> {
            Ok(self.get(ProfileKind::User, id)?.is_some_and(|user| user.company_id() == Some(company)))
        };
        let (mut stored, mut joined, mut left) = (0u64, 0u64, 0u64);
        for entry in self.store.index.prefix(member_key(company, "")) {
            let (key, value) = entry.into_inner().map_err(|error| failed(&error))?;
            let Ok(id) = std::str::from_utf8(&key[company.len() + 2..]) else { continue };
            let is_touched = touched.remove(id);
            if *value != *BELONGS {
                // It lost a tie; what had won may be erased since.
                joined += u64::from(belongs(id)?);
                continue;
            }
            stored += 1;
            if is_touched || self.fresh.touches_user(id, company) {
                left += u64::from(!belongs(id)?);
            }
        }
        for id in &touched {
            joined += u64::from(belongs(id)?);
        }
        Ok(stored + joined - left)
    }

    /// Profiles whose id starts with `search`, by id; then those whose name or e-mail does, by that.
    ///
    /// # Errors
    /// As [`View::by_id`].
    pub fn search(
        &self,
        kind: ProfileKind,
        search: Search<'_>,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<Found>, StoreError> {
        let first = after.is_none_or(|cursor| cursor.0.first() == Some(&BY_ID));
        let mut page = if first {
            self.by_id(kind, search.text, after, limit)?
        } else {
            Page { items: Vec::new(), next: None }
        };
        if page.next.is_some() {
            return Ok(page);
        }
        let rest = limit - page.items.len();
        let more = self.by_term(kind, search, after.filter(|_| !first), rest.max(1))?;
        if rest == 0 {
            // The page is full; whether anything follows is known, what follows is read with the next page.
            page.next = (!more.items.is_empty()).then(|| Cursor(vec![BY_TERM]));
        } else {
            page.items.extend(more.items);
            page.next = more.next;
        }
        Ok(page)
    }

    fn by_term(
        &self,
        kind: ProfileKind,
        search: Search<'_>,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<Found>, StoreError> {
        let wanted = term(search.text);
        let mut prefix = vec![term_prefix(kind)];
        prefix.extend_from_slice(wanted.as_bytes());
        let keys = |id: &str, fresh: &Profile, see: &mut dyn FnMut(Vec<u8>)| {
            for term in search.terms(kind, fresh).iter().filter(|term| term.starts_with(&wanted)) {
                see(term_key(kind, term, id));
            }
        };
        let confirm = |key: &[u8]| {
            let Some((term, id)) = split_pair(&key[1..]) else { return Ok(None) };
            let Some(profile) = self.get(kind, id)? else { return Ok(None) };
            // Shown once: under the first of its terms that match, and not at all when its id matched before.
            let mut matching: Vec<String> = search.terms(kind, &profile);
            matching.retain(|term| term.starts_with(&wanted));
            matching.sort_unstable();
            let here = matching.first().is_some_and(|first| first == term) && !id.starts_with(search.text);
            Ok(here.then(|| (id.into(), profile)))
        };
        let list = List {
            number: BY_TERM,
            kind,
            prefix,
            keyspace: &self.store.index,
            keys: &keys,
            confirm: &confirm,
        };
        self.page(&list, after, limit)
    }

    fn page(&self, list: &List<'_>, after: Option<&Cursor>, limit: usize) -> Result<Page<Found>, StoreError> {
        let from = list.start(after)?;
        let mut stored = list.keyspace.range::<&[u8], _>((bound(&from), Bound::Unbounded));
        let mut fresh = FreshKeys::new(&self.fresh, list, from.clone());
        let mut next_stored = list.next_stored(&mut stored)?;
        let mut next_fresh = fresh.next();
        let mut items: Vec<Found> = Vec::new();
        let mut last: Option<Vec<u8>> = None;
        loop {
            let key = match (&next_stored, &next_fresh) {
                (None, None) => return Ok(Page { items, next: None }),
                (Some(a), Some(b)) if a == b => {
                    next_fresh = fresh.next();
                    std::mem::replace(&mut next_stored, list.next_stored(&mut stored)?)
                }
                (Some(a), Some(b)) if a > b => std::mem::replace(&mut next_fresh, fresh.next()),
                (Some(_), _) => std::mem::replace(&mut next_stored, list.next_stored(&mut stored)?),
                (None, Some(_)) => std::mem::replace(&mut next_fresh, fresh.next()),
            };
            let Some(key) = key else { return Ok(Page { items, next: None }) };
            if let Some(item) = (list.confirm)(&key)? {
                if items.len() == limit {
                    let next = last.map(|last| Cursor([&[list.number], last.as_slice()].concat()));
                    return Ok(Page { items, next });
                }
                items.push(item);
                last = Some(key);
            }
        }
    }
}

const BY_ID: u8 = 1;
const MEMBERS: u8 = 2;
const BY_TERM: u8 = 3;

/// Gives the keys under which an overlay entry stands in a list.
type KeysOf<'a> = dyn Fn(&str, &Profile, &mut dyn FnMut(Vec<u8>)) + 'a;
/// Reads the profile that a key stands for, and confirms that it belongs into the list.
type Confirm<'a> = dyn Fn(&[u8]) -> Result<Option<Found>, StoreError> + 'a;

/// One list: a stretch of keys in the store, the same in the overlay, and the number that its cursors carry.
struct List<'a> {
    number: u8,
    kind: ProfileKind,
    prefix: Vec<u8>,
    keyspace: &'a Keyspace,
    keys: &'a KeysOf<'a>,
    confirm: &'a Confirm<'a>,
}

impl List<'_> {
    /// The key after which to go on: excluded, or the prefix itself, included.
    fn start(&self, after: Option<&Cursor>) -> Result<Bound<Vec<u8>>, StoreError> {
        let Some(Cursor(bytes)) = after else { return Ok(Bound::Included(self.prefix.clone())) };
        match bytes.split_first() {
            Some((number, [])) if *number == self.number => Ok(Bound::Included(self.prefix.clone())),
            Some((number, key)) if *number == self.number && key.starts_with(&self.prefix) => {
                Ok(Bound::Excluded(key.to_vec()))
            }
            _ => Err(StoreError::NotACursor),
        }
    }

    fn next_stored(&self, stored: &mut fjall::Iter) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(entry) = stored.next() else { return Ok(None) };
        let key = entry.key().map_err(|error| failed(&error))?;
        Ok(key.starts_with(&self.prefix).then(|| key.to_vec()))
    }
}

fn bound(from: &Bound<Vec<u8>>) -> Bound<&[u8]> {
    from.as_ref().map(Vec::as_slice)
}

fn split_pair(key: &[u8]) -> Option<(&str, &str)> {
    let zero = key.iter().position(|&byte| byte == 0)?;
    Some((std::str::from_utf8(&key[..zero]).ok()?, std::str::from_utf8(&key[zero + 1..]).ok()?))
}

/// The overlay's keys in order, a window at a time, so that a large overlay is never sorted as a whole.
struct FreshKeys<'a> {
    fresh: &'a Generations,
    list: &'a List<'a>,
    from: Bound<Vec<u8>>,
    window: std::vec::IntoIter<Vec<u8>>,
    exhausted: bool,
}

impl<'a> FreshKeys<'a> {
    fn new(fresh: &'a Generations, list: &'a List<'a>, from: Bound<Vec<u8>>) -> Self {
        FreshKeys { fresh, list, from, window: Vec::new().into_iter(), exhausted: false }
    }

    fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(key) = self.window.next() {
                return Some(key);
            }
            if self.exhausted {
                return None;
            }
            let window = self.smallest();
            self.exhausted = window.len() < OVERLAY_WINDOW;
            if let Some(last) = window.last() {
                self.from = Bound::Excluded(last.clone());
            }
            self.window = window.into_iter();
        }
    }

    /// The smallest keys from `self.from` on.
    fn smallest(&self) -> Vec<Vec<u8>> {
        let mut kept: BTreeSet<Vec<u8>> = BTreeSet::new();
        let mut see = |key: Vec<u8>| {
            let behind = match &self.from {
                Bound::Included(from) => key >= *from,
                Bound::Excluded(from) => key > *from,
                Bound::Unbounded => true,
            };
            if behind && key.starts_with(&self.list.prefix) {
                kept.insert(key);
                if kept.len() > OVERLAY_WINDOW {
                    kept.pop_last();
                }
            }
        };
        for generation in self.fresh.each() {
            generation.visit(self.list.kind, |id, profile| (self.list.keys)(id, profile, &mut see));
        }
        kept.into_iter().collect()
    }
}
