//! Users' properties as of now, by the users' numbers: what events are broken down by.
//!
//! A column is made from the profiles when somebody asks for it, and kept for the next one: what identify events have
//! changed since is read anew, user by user, from the profiles. A few columns are kept, those asked for last.

use std::sync::{Arc, Mutex, PoisonError};

use hashbrown::HashMap;
use muster_kernel::model::event::EventKind;
use muster_kernel::model::profile::ProfileView;
use muster_kernel::model::value::{OwnedValue, Value};
use muster_kernel::ports::{ProfileKind, StoreError};
use roaring::RoaringBitmap;

use super::dictionary::{event_key, read};
use super::lane;
use super::scan::Scan;
use crate::profiles::lists::View;

/// Columns kept: four bytes for each user and column.
const COLUMNS_MAX: usize = 8;
/// Different values that a breakdown may have.
const VALUES_MAX: usize = 100_000;
/// When more than this share of the users has changed, all are read: in order, which is quicker.
const CHANGED_SHARE: u64 = 10;

/// A property of all users.
#[derive(Clone, Default)]
pub struct UserColumn {
    /// For each user's number the value's place in `values`, from 1 on; 0 for none.
    codes: Vec<u32>,
    /// The values.
    pub values: Vec<OwnedValue>,
    places: HashMap<OwnedValue, u32>,
}

impl UserColumn {
    /// The group of a user: 0 for those without the property, or the place of its value from 1 on.
    pub fn group(&self, user: u32) -> u32 {
        self.codes.get(user as usize).copied().unwrap_or_default()
    }

    /// Who has a value that passes.
    pub fn users_with(&self, passes: impl Fn(&OwnedValue) -> bool) -> RoaringBitmap {
        let passing: Vec<bool> = std::iter::once(false).chain(self.values.iter().map(passes)).collect();
        let passes = |code: &u32| passing.get(*code as usize).is_some_and(|passes| *passes);
        let users = (0u32..).zip(&self.codes).filter(|(_, code)| passes(code)).map(|(user, _)| user);
        users.collect()
    }

    /// Bytes that it holds, about.
    pub fn bytes(&self) -> usize {
        let values: usize = self.values.iter().map(OwnedValue::bytes).sum();
        4 * self.codes.len() + 2 * values
    }

    fn set(&mut self, user: u32, value: Option<Value<'_>>) -> Result<(), StoreError> {
        let place = match value.map(OwnedValue::of) {
            None => 0,
            Some(value) => match self.places.get(&value) {
                Some(place) => *place,
                None if self.values.len() == VALUES_MAX => return Err(StoreError::TooLarge),
                None => {
                    self.values.push(value.clone());
                    let place = u32::try_from(self.values.len()).unwrap_or(u32::MAX);
                    self.places.insert(value, place);
                    place
                }
            },
        };
        if self.codes.len() <= user as usize {
            self.codes.resize(user as usize + 1, 0);
        }
        self.codes[user as usize] = place;
        Ok(())
    }
}

/// The columns that are kept.
#[derive(Default)]
pub struct UserColumns(Mutex<Vec<Column>>);

struct Column {
    property: String,
    /// The position up to which changes are in it.
    through: u64,
    /// Users that had a number when it was made; later ones are read when they come.
    users: u32,
    column: Arc<UserColumn>,
}

impl UserColumns {
    /// Forgets all columns.
    pub fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The column of a property, with everything in it that the scan's snapshot covers.
    ///
    /// # Errors
    /// When profiles or history cannot be read, or there are too many different values.
    pub fn get(
        &self,
        property: &str,
        scan: &Scan<'_>,
        profiles: &View<'_>,
    ) -> Result<Arc<UserColumn>, StoreError> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kept.iter().position(|column| column.property == property);
        let before = known.map(|index| kept.remove(index));
        let through = scan.snapshot.through;
        let users = read(scan.known).users.count();
        let column = match before {
            Some(before) if before.through >= through => before,
            Some(before) => {
                let mut changed = changed_since(scan, before.through)?;
                changed.insert_range(before.users..users);
                let column = match changed.len() * CHANGED_SHARE > u64::from(before.users) {
                    true => made(property, scan, profiles)?,
                    false => brought_on(before.column, &changed, property, scan, profiles)?,
                };
                Column { property: before.property, through, users, column }
            }
            None => Column {
                property: property.to_owned(),
                through,
                users,
                column: made(property, scan, profiles)?,
            },
        };
        let answer = Arc::clone(&column.column);
        kept.push(column);
        if kept.len() > COLUMNS_MAX {
            kept.remove(0);
        }
        Ok(answer)
    }
}

fn made(property: &str, scan: &Scan<'_>, profiles: &View<'_>) -> Result<Arc<UserColumn>, StoreError> {
    let mut column = UserColumn::default();
    let mut seen = 0u64;
    profiles.every_user(|id, profile: ProfileView<'_>| {
        seen += 1;
        if seen.is_multiple_of(1024) {
            scan.check()?;
        }
        let user = read(scan.known).users.get(id.as_bytes());
        // A user without a number has no event that this snapshot knows of.
        user.map_or(Ok(()), |user| column.set(user, profile.property(property)))
    })?;
    Ok(Arc::new(column))
}

/// The users whose properties may have changed behind a position.
fn changed_since(scan: &Scan<'_>, through: u64) -> Result<RoaringBitmap, StoreError> {
    let mut key = Vec::new();
    event_key(EventKind::IdentifyUser as u8, "", &mut key);
    let mut changed = RoaringBitmap::new();
    let Some(name) = read(scan.known).names.get(&key) else { return Ok(changed) };
    for unit in scan.units(Some(name), i64::MIN, i64::MAX) {
        let header = unit.segment.header();
        if header.last <= through {
            continue;
        }
        let part = unit.open()?;
        let positions = lane::all(&part.positions);
        for (user, position) in lane::all(&part.users).into_iter().zip(positions) {
            if header.first + position > through {
                changed.extend(u32::try_from(user));
            }
        }
    }
    Ok(changed)
}

fn brought_on(
    column: Arc<UserColumn>,
    changed: &RoaringBitmap,
    property: &str,
    scan: &Scan<'_>,
    profiles: &View<'_>,
) -> Result<Arc<UserColumn>, StoreError> {
    if changed.is_empty() {
        return Ok(column);
    }
    // Only copied when an answer still reads it.
    let mut column = Arc::unwrap_or_clone(column);
    for user in changed {
        let id = read(scan.known).users.text(user).map(<[u8]>::to_vec).unwrap_or_default();
        let Ok(id) = std::str::from_utf8(&id) else { continue };
        let profile = profiles.get(ProfileKind::User, id)?;
        column.set(user, profile.as_ref().and_then(|profile| profile.property(property)))?;
    }
    Ok(Arc::new(column))
}
