//! A profile: the fold over the events of one user or company (law 3).
//!
//! A profile is a set of facts, one per property name, each with the time it became true. Merging keeps, per name,
//! the fact with the largest (occurred_at, ordinal, value): a maximum, so merging is commutative, associative and
//! idempotent, and no order of arrival, retry or replay can produce another profile. A removed property stays as a
//! `null` fact with its time. Company membership is the fact with the empty name; of it, what a tie was won against is
//! kept as well (`fact.rs`).
//!
//! Encoded (docs/FORMAT.md, "Profile"): version, first and last seen, the number of facts, then the facts sorted by
//! the bytes of their names.

mod fact;

use std::cmp::Ordering;

use super::event::{Event, EventKind, Membership};
use super::property::PropertyList;
use super::time::Timestamp;
use super::value::Value;
use super::varint::Reader;
use fact::{Fact, MEMBERSHIP, decoded, membership_value};

const VERSION: u8 = 2;
const HEADER_BYTES: usize = 1 + 8 + 8 + 4;
const COUNT_AT: usize = 17;
const NEVER_FIRST: i64 = i64::MAX;
const NEVER_LAST: i64 = i64::MIN;

/// What one event changes in one profile.
#[derive(Clone, Copy, Debug)]
pub struct Change<'a> {
    /// When the event happened.
    pub occurred_at: Timestamp,
    /// Whether the subject was there when it happened: first and last seen follow it. Not so for rows of bulk jobs, nor
    /// for what a CRM knows (law 3).
    pub is_sign_of_life: bool,
    /// Row number in a bulk job, 0 otherwise.
    pub ordinal: u32,
    /// What it says about the company of a user.
    pub membership: Membership<'a>,
    /// The properties that it sets or removes.
    pub properties: PropertyList<'a>,
}

/// A row of a bulk job has its number as ordinal; a row of history and a call have none.
fn is_sign_of_life(event: &Event<'_>) -> bool {
    event.ordinal == 0 && !event.source.is_crm()
}

impl<'a> Change<'a> {
    /// What `event` changes in the profile of its user: that user's id and the change.
    pub fn of_user(event: &Event<'a>, received_at: Timestamp) -> Option<(&'a str, Change<'a>)> {
        let identifies = event.kind == EventKind::IdentifyUser;
        let change = Change {
            occurred_at: event.occurred_at.unwrap_or(received_at),
            is_sign_of_life: is_sign_of_life(event),
            ordinal: event.ordinal,
            membership: event.membership(),
            properties: if identifies { event.properties } else { PropertyList::EMPTY },
        };
        Some((event.user_id?, change))
    }

    /// What `event` changes in the profile of the company that it names: that company's id and the change.
    pub fn of_company(event: &Event<'a>, received_at: Timestamp) -> Option<(&'a str, Change<'a>)> {
        let identifies = event.kind == EventKind::IdentifyCompany;
        let change = Change {
            occurred_at: event.occurred_at.unwrap_or(received_at),
            is_sign_of_life: is_sign_of_life(event),
            ordinal: event.ordinal,
            membership: Membership::Unchanged,
            properties: if identifies { event.properties } else { event.company_properties },
        };
        Some((event.company_id?, change))
    }

    /// About how many bytes it adds to a profile at the most.
    fn bytes(&self) -> usize {
        const FACT_HEADER_BYTES: usize = 9;
        let membership = if let Membership::Of(company) = self.membership { company.len() + 4 } else { 2 };
        self.properties.bytes() + (self.properties.len() + 1) * FACT_HEADER_BYTES + membership
    }

    fn facts(&self) -> impl Iterator<Item = Fact<'a>> + use<'a> {
        let (occurred_at, ordinal) = (self.occurred_at.0, self.ordinal);
        let fact = move |name, value| Fact { name, occurred_at, ordinal, tied: false, value, lost: &[] };
        self.properties.raw().map(move |(name, value)| fact(name, value))
    }
}

/// Bytes that are no profile of a version that this program reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAProfile;

/// A profile, owned. Comparing two compares what they mean, because the encoding is canonical.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile(Vec<u8>);

impl Default for Profile {
    fn default() -> Self {
        let mut bytes = Vec::with_capacity(HEADER_BYTES);
        write_header(&mut bytes, NEVER_FIRST, NEVER_LAST);
        Profile(bytes)
    }
}

impl Profile {
    /// Takes bytes written by [`Profile::as_bytes`].
    ///
    /// # Errors
    /// When the bytes are of another version or cut.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, NotAProfile> {
        let view = ProfileView::of(&bytes)?;
        if view.fact_count() != view.readable_facts() {
            return Err(NotAProfile);
        }
        Ok(Profile(bytes))
    }

    /// The canonical encoding.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The profile to be read.
    pub fn view(&self) -> ProfileView<'_> {
        ProfileView(&self.0)
    }

    /// Folds one change into this profile.
    pub fn apply(&mut self, change: &Change<'_>) {
        let membership = membership_value(change.membership);
        let first = membership.as_deref().map(|value| Fact {
            name: MEMBERSHIP,
            occurred_at: change.occurred_at.0,
            ordinal: change.ordinal,
            tied: false,
            value,
            lost: &[],
        });
        let (first_seen, last_seen) = self.view().seen_raw();
        let mut out = Vec::with_capacity(self.0.len() + change.bytes());
        let (first_now, last_now) = match change.is_sign_of_life {
            true => (change.occurred_at.0, change.occurred_at.0),
            false => (NEVER_FIRST, NEVER_LAST),
        };
        write_header(&mut out, first_seen.min(first_now), last_seen.max(last_now));
        merge_facts(&mut out, self.view().facts(), first.into_iter().chain(change.facts()));
        self.0 = out;
    }

    /// The profile of a user when companies are erased: at the time at which one of them was named, the user left it
    /// instead. `None` when none of them stands in the profile.
    #[must_use]
    pub fn cleared_of(&self, is_erased: impl Fn(&str) -> bool) -> Option<Profile> {
        let view = self.view();
        if !view.companies().any(&is_erased) {
            return None;
        }
        let mut null = Vec::new();
        Value::Null.encode(&mut null);
        let left = |value| if company_in(value).is_some_and(&is_erased) { null.as_slice() } else { value };
        let (first_seen, last_seen) = view.seen_raw();
        let mut out = Vec::with_capacity(self.0.len());
        write_header(&mut out, first_seen, last_seen);
        for fact in view.facts() {
            match fact.name {
                MEMBERSHIP => fact.write_with(fact.values().map(left).collect(), &mut out),
                _ => fact.write(&mut out),
            }
        }
        out[COUNT_AT..HEADER_BYTES].copy_from_slice(&self.0[COUNT_AT..HEADER_BYTES]);
        Some(Profile(out))
    }

    /// The profile that knows everything that either knows.
    #[must_use]
    pub fn merge(&self, other: &Profile) -> Profile {
        let mut out = Vec::new();
        self.view().merge_into(other.view(), &mut out);
        Profile(out)
    }

    /// When the subject was first seen.
    pub fn first_seen_at(&self) -> Option<Timestamp> {
        self.view().first_seen_at()
    }

    /// When the subject was last seen.
    pub fn last_seen_at(&self) -> Option<Timestamp> {
        self.view().last_seen_at()
    }

    /// The company that a user belongs to.
    pub fn company_id(&self) -> Option<&str> {
        self.view().company_id()
    }

    /// The properties that are present, in the order of their names' bytes.
    pub fn properties(&self) -> impl Iterator<Item = Property<'_>> {
        self.view().properties()
    }

    /// The properties, removed ones included (their value is null).
    pub fn all_properties(&self) -> impl Iterator<Item = Property<'_>> {
        self.view().all_properties()
    }

    /// One property by name, unless removed.
    pub fn property(&self, name: &str) -> Option<Value<'_>> {
        self.view().property(name)
    }

    /// How many names the profile remembers, removed ones counted.
    pub fn property_count(&self) -> usize {
        self.view().property_count()
    }

    /// How many names the profile would remember with `names` added.
    pub fn property_count_with<'n>(&self, names: impl Iterator<Item = &'n [u8]>) -> usize {
        let known: std::collections::HashSet<&[u8]> = self.view().facts().map(|fact| fact.name).collect();
        self.property_count() + names.filter(|name| !known.contains(name)).count()
    }
}

/// A profile read in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProfileView<'a>(&'a [u8]);

impl<'a> ProfileView<'a> {
    /// Reads bytes written by [`Profile::as_bytes`] that a checksum has vouched for: only the version is looked at.
    ///
    /// # Errors
    /// When the bytes are of another version, or too short for any profile.
    pub fn of(bytes: &'a [u8]) -> Result<Self, NotAProfile> {
        let known = bytes.len() >= HEADER_BYTES && bytes[0] == VERSION;
        known.then_some(ProfileView(bytes)).ok_or(NotAProfile)
    }

    /// The canonical encoding.
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// Replaces `out` by the profile that knows everything that either knows.
    pub fn merge_into(self, other: ProfileView<'_>, out: &mut Vec<u8>) {
        let ((first_a, last_a), (first_b, last_b)) = (self.seen_raw(), other.seen_raw());
        out.clear();
        out.reserve(self.0.len() + other.0.len());
        write_header(out, first_a.min(first_b), last_a.max(last_b));
        merge_facts(out, self.facts(), other.facts());
    }

    /// When the subject was first seen.
    pub fn first_seen_at(self) -> Option<Timestamp> {
        let (first, _) = self.seen_raw();
        (first != NEVER_FIRST).then_some(Timestamp(first))
    }

    /// When the subject was last seen.
    pub fn last_seen_at(self) -> Option<Timestamp> {
        let (_, last) = self.seen_raw();
        (last != NEVER_LAST).then_some(Timestamp(last))
    }

    /// The company that a user belongs to.
    pub fn company_id(self) -> Option<&'a str> {
        company_in(self.membership()?.value)
    }

    /// Every company that stands in the profile: the one that a user belongs to first, then those that were named for
    /// the same moment and lost.
    pub fn companies(self) -> impl Iterator<Item = &'a str> {
        self.membership().into_iter().flat_map(|fact| fact.values()).filter_map(company_in)
    }

    fn membership(self) -> Option<Fact<'a>> {
        self.facts().next().filter(|fact| fact.name == MEMBERSHIP)
    }

    /// The properties that are present, in the order of their names' bytes.
    pub fn properties(self) -> impl Iterator<Item = Property<'a>> {
        self.all_properties().filter(|property| property.value != Value::Null)
    }

    /// The properties, removed ones included (their value is null).
    pub fn all_properties(self) -> impl Iterator<Item = Property<'a>> {
        self.facts().filter(|fact| fact.name != MEMBERSHIP).map(|fact| Property {
            name: std::str::from_utf8(fact.name).unwrap_or_default(),
            value: fact.decoded(),
            occurred_at: Timestamp(fact.occurred_at),
            tied: fact.tied,
        })
    }

    /// One property by name, unless removed.
    pub fn property(self, name: &str) -> Option<Value<'a>> {
        let wanted = name.as_bytes();
        let found = self.facts().find(|fact| fact.name >= wanted)?;
        let value = (found.name == wanted && !wanted.is_empty()).then(|| found.decoded());
        value.filter(|value| *value != Value::Null)
    }

    /// The names of what was decided by a tie: another value was sent for the same time. `None` is the company of a user.
    pub fn ties(self) -> impl Iterator<Item = Option<&'a str>> {
        let name = |name: &'a [u8]| std::str::from_utf8(name).unwrap_or_default();
        let tied = self.facts().filter(|fact| fact.tied);
        tied.map(move |fact| (fact.name != MEMBERSHIP).then(|| name(fact.name)))
    }

    /// How many names the profile remembers, removed ones counted.
    pub fn property_count(self) -> usize {
        self.fact_count() - usize::from(self.membership().is_some())
    }

    /// The latest moment of anything that it knows.
    pub fn latest_at(self) -> Option<Timestamp> {
        self.last_seen_at().max(self.facts().map(|fact| Timestamp(fact.occurred_at)).max())
    }

    /// What is known of a property, a removal included: the moment, the row in a job, the value.
    pub fn told(self, name: &str) -> Option<(Timestamp, u32, Value<'a>)> {
        let found = self.facts().find(|fact| fact.name == name.as_bytes() && !name.is_empty())?;
        Some((Timestamp(found.occurred_at), found.ordinal, found.decoded()))
    }

    /// What is known of the company: the moment and the row in a job.
    pub fn joined(self) -> Option<(Timestamp, u32)> {
        self.membership().map(|fact| (Timestamp(fact.occurred_at), fact.ordinal))
    }

    fn fact_count(self) -> usize {
        let bytes = self.0[COUNT_AT..HEADER_BYTES].try_into().unwrap_or_default();
        u32::from_le_bytes(bytes) as usize
    }

    fn seen_raw(self) -> (i64, i64) {
        let at =
            |range: std::ops::Range<usize>| i64::from_le_bytes(self.0[range].try_into().unwrap_or_default());
        (at(1..9), at(9..17))
    }

    fn facts(self) -> impl Iterator<Item = Fact<'a>> + use<'a> {
        let mut reader = Reader::new(&self.0[HEADER_BYTES..]);
        std::iter::from_fn(move || if reader.is_empty() { None } else { Fact::read(&mut reader) })
    }

    /// How many facts can be read, or none when bytes are left over; asked once, when bytes come from outside.
    fn readable_facts(self) -> usize {
        let mut reader = Reader::new(&self.0[HEADER_BYTES..]);
        let mut count = 0;
        while !reader.is_empty() {
            if Fact::read(&mut reader).is_none() {
                return usize::MAX;
            }
            count += 1;
        }
        count
    }
}

/// A property as a reader sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Property<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its value; null when removed.
    pub value: Value<'a>,
    /// When it took that value.
    pub occurred_at: Timestamp,
    /// Whether another value was sent for the same time, so that only the order of values decided.
    pub tied: bool,
}

/// The company that a value of the fact of the company names.
fn company_in(value: &[u8]) -> Option<&str> {
    match decoded(value) {
        Value::Text(company) => Some(company),
        _ => None,
    }
}

fn write_header(out: &mut Vec<u8>, first_seen: i64, last_seen: i64) {
    out.push(VERSION);
    out.extend_from_slice(&first_seen.to_le_bytes());
    out.extend_from_slice(&last_seen.to_le_bytes());
    out.extend_from_slice(&0u32.to_le_bytes());
}

/// Merges two runs sorted by name behind the header in `out` and writes their count into it.
fn merge_facts<'a>(
    out: &mut Vec<u8>,
    left: impl Iterator<Item = Fact<'a>>,
    right: impl Iterator<Item = Fact<'a>>,
) {
    let (mut left, mut right) = (left.fuse(), right.fuse());
    let (mut a, mut b) = (left.next(), right.next());
    let mut count = 0u32;
    loop {
        let fact = match (a, b) {
            (None, None) => break,
            (Some(x), None) => {
                a = left.next();
                x
            }
            (None, Some(y)) => {
                b = right.next();
                y
            }
            (Some(x), Some(y)) => match x.name.cmp(y.name) {
                Ordering::Less => {
                    a = left.next();
                    x
                }
                Ordering::Greater => {
                    b = right.next();
                    y
                }
                Ordering::Equal => {
                    (a, b) = (left.next(), right.next());
                    x.write_joined(y, out);
                    count += 1;
                    continue;
                }
            },
        };
        fact.write(out);
        count += 1;
    }
    out[COUNT_AT..HEADER_BYTES].copy_from_slice(&count.to_le_bytes());
}

#[cfg(test)]
#[path = "profile_tests.rs"]
mod tests;
