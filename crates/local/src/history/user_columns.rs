//! Users' properties as of now, and those of their companies, by the users' numbers: what events are broken down by.
//!
//! A column is made from the profiles when somebody asks for it, and kept for the next one: what identify events have
//! changed since is read anew, user by user, from the profiles. A few columns are kept, those asked for last.

use std::sync::{Arc, Mutex, PoisonError};

use hashbrown::HashMap;
use muster_kernel::model::event::EventKind;
use muster_kernel::model::history::Breakdown;
use muster_kernel::model::profile::{Profile, ProfileView};
use muster_kernel::model::report::Level;
use muster_kernel::model::value::{OwnedValue, Value};
use muster_kernel::ports::{ProfileKind, StoreError};
use roaring::RoaringBitmap;

use super::dictionary::{Shared, event_key, read};
use super::lane;
use super::scan::Scan;
use crate::profiles::lists::View;

/// Columns kept: four bytes for each user and column.
const COLUMNS_MAX: usize = 8;
/// Different values that a breakdown may have.
const VALUES_MAX: usize = 100_000;
/// When more than this share of the users has changed, all are read: in order, which is quicker.
const CHANGED_SHARE: u64 = 10;

/// A property of all users, or of the companies that they belong to.
#[derive(Clone, Default)]
pub struct UserColumn {
    /// For each user's number the value's place in `values`, from 1 on; 0 for none. With `companies`, the number of the company.
    codes: Vec<u32>,
    /// For each company's number the place of its value.
    companies: Option<Vec<u32>>,
    /// The values.
    pub values: Vec<OwnedValue>,
    places: HashMap<OwnedValue, u32>,
}

impl UserColumn {
    /// The group of a user: 0 for those without the property, or the place of its value from 1 on.
    pub fn group(&self, user: u32) -> u32 {
        let code = self.codes.get(user as usize).copied().unwrap_or_default();
        match &self.companies {
            None => code,
            Some(places) => places.get(code as usize).copied().unwrap_or_default(),
        }
    }

    /// The number of the company that a user belongs to, in a column about companies; 0 for none.
    pub fn company_of(&self, user: u32) -> u32 {
        self.codes.get(user as usize).copied().unwrap_or_default()
    }

    /// As [`UserColumn::group`], of a company itself.
    pub fn group_of_company(&self, company: u32) -> u32 {
        let places = self.companies.as_deref().unwrap_or_default();
        places.get(company as usize).copied().unwrap_or_default()
    }

    /// Who has a value that passes: users, or companies in a column about those.
    pub fn with(&self, level: Level, passes: impl Fn(&OwnedValue) -> bool) -> RoaringBitmap {
        let passing: Vec<bool> = std::iter::once(false).chain(self.values.iter().map(passes)).collect();
        let (count, group): (usize, &dyn Fn(u32) -> u32) = match level {
            Level::User => (self.codes.len(), &|user| self.group(user)),
            Level::Company => {
                (self.companies.as_ref().map_or(0, Vec::len), &|company| self.group_of_company(company))
            }
        };
        let passes = |number: &u32| passing.get(group(*number) as usize).is_some_and(|passes| *passes);
        (0..u32::try_from(count).unwrap_or(u32::MAX)).filter(passes).collect()
    }

    /// Bytes that it holds, about.
    pub fn bytes(&self) -> usize {
        let values: usize = self.values.iter().map(OwnedValue::bytes).sum();
        4 * (self.codes.len() + self.companies.as_ref().map_or(0, Vec::len)) + 2 * values
    }

    /// The place of a value, which gets one if it has none.
    fn place(&mut self, value: Option<Value<'_>>) -> Result<u32, StoreError> {
        let Some(value) = value.map(OwnedValue::of) else { return Ok(0) };
        if let Some(place) = self.places.get(&value) {
            return Ok(*place);
        }
        if self.values.len() == VALUES_MAX {
            return Err(StoreError::TooLarge);
        }
        self.values.push(value.clone());
        let place = u32::try_from(self.values.len()).unwrap_or(u32::MAX);
        self.places.insert(value, place);
        Ok(place)
    }

    /// Takes what a user's profile says now; nothing when the user has none.
    fn set_user(
        &mut self,
        of: &Of,
        user: u32,
        profile: Option<ProfileView<'_>>,
        known: &Shared,
    ) -> Result<(), StoreError> {
        let code = match of {
            Of::User(name) => self.place(profile.and_then(|profile| profile.property(name)))?,
            Of::Company(_) | Of::Membership => {
                let company = profile.and_then(|profile| profile.company_id());
                company.and_then(|id| read(known).companies.get(id.as_bytes())).unwrap_or_default()
            }
        };
        put(&mut self.codes, user, code);
        Ok(())
    }

    /// Takes what a company's profile says now.
    fn set_company(&mut self, company: u32, value: Option<Value<'_>>) -> Result<(), StoreError> {
        let place = self.place(value)?;
        put(self.companies.get_or_insert_default(), company, place);
        Ok(())
    }
}

fn put(codes: &mut Vec<u32>, number: u32, code: u32) {
    if codes.len() <= number as usize {
        codes.resize(number as usize + 1, 0);
    }
    codes[number as usize] = code;
}

/// What a column is of.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Of {
    User(String),
    Company(String),
    /// Who belongs where, and nothing more.
    Membership,
}

/// The columns that are kept.
#[derive(Default)]
pub struct UserColumns(Mutex<Vec<Column>>);

struct Column {
    of: Of,
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

    /// The column that a question is broken down by, if it is one of users, with everything in it that the scan's snapshot
    /// covers.
    ///
    /// # Errors
    /// When profiles or history cannot be read, or there are too many different values.
    pub fn of_breakdown(
        &self,
        breakdown: Option<&Breakdown>,
        scan: &Scan<'_>,
        profiles: &View<'_>,
    ) -> Result<Option<Arc<UserColumn>>, StoreError> {
        let of = match breakdown {
            Some(Breakdown::UserProperty(name)) => Of::User(name.clone()),
            Some(Breakdown::CompanyProperty(name)) => Of::Company(name.clone()),
            Some(Breakdown::EventProperty(_) | Breakdown::UserPropertyThen(_)) | None => return Ok(None),
        };
        self.column(of, scan, profiles).map(Some)
    }

    /// The column of a user's property, or of a company's.
    ///
    /// # Errors
    /// As [`UserColumns::of_breakdown`].
    pub fn get(
        &self,
        (level, property): (Level, &str),
        scan: &Scan<'_>,
        profiles: &View<'_>,
    ) -> Result<Arc<UserColumn>, StoreError> {
        let of = match level {
            Level::User => Of::User(property.to_owned()),
            Level::Company => Of::Company(property.to_owned()),
        };
        self.column(of, scan, profiles)
    }

    /// Who belongs to which company.
    ///
    /// # Errors
    /// As [`UserColumns::of_breakdown`].
    pub fn membership(&self, scan: &Scan<'_>, profiles: &View<'_>) -> Result<Arc<UserColumn>, StoreError> {
        self.column(Of::Membership, scan, profiles)
    }

    fn column(&self, of: Of, scan: &Scan<'_>, profiles: &View<'_>) -> Result<Arc<UserColumn>, StoreError> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kept.iter().position(|column| column.of == of);
        let before = known.map(|index| kept.remove(index));
        let through = scan.snapshot.through;
        let users = read(scan.known).users.count();
        let column = match before {
            Some(before) if before.through >= through => before,
            Some(before) => {
                let mut changed = changed_since(&of, scan, before.through)?;
                changed.users.insert_range(before.users..users);
                let column = match changed.users.len() * CHANGED_SHARE > u64::from(before.users) {
                    true => made(&of, scan, profiles)?,
                    false => brought_on(before.column, &changed, &of, scan, profiles)?,
                };
                Column { of, through, users, column }
            }
            None => Column { column: made(&of, scan, profiles)?, of, through, users },
        };
        let answer = Arc::clone(&column.column);
        kept.push(column);
        if kept.len() > COLUMNS_MAX {
            kept.remove(0);
        }
        Ok(answer)
    }
}

fn made(of: &Of, scan: &Scan<'_>, profiles: &View<'_>) -> Result<Arc<UserColumn>, StoreError> {
    let mut column = UserColumn::default();
    let mut seen = 0u64;
    let mut check = || {
        seen += 1;
        if seen.is_multiple_of(1024) { scan.check() } else { Ok(()) }
    };
    if let Of::Company(name) = of {
        column.companies = Some(Vec::new());
        profiles.every(ProfileKind::Company, |id, profile: ProfileView<'_>| {
            check()?;
            let company = read(scan.known).companies.get(id.as_bytes());
            // A company without a number has no user that this snapshot knows of.
            company.map_or(Ok(()), |company| column.set_company(company, profile.property(name)))
        })?;
    }
    profiles.every(ProfileKind::User, |id, profile: ProfileView<'_>| {
        check()?;
        let user = read(scan.known).users.get(id.as_bytes());
        // A user without a number has no event that this snapshot knows of.
        user.map_or(Ok(()), |user| column.set_user(of, user, Some(profile), scan.known))
    })?;
    Ok(Arc::new(column))
}

/// Numbers of those whose profiles may have changed.
#[derive(Default)]
struct Changed {
    users: RoaringBitmap,
    companies: RoaringBitmap,
}

/// Whose profiles may have changed behind a position, so far as the column needs to know.
fn changed_since(of: &Of, scan: &Scan<'_>, through: u64) -> Result<Changed, StoreError> {
    let mut changed = Changed::default();
    let name = match of {
        Of::User(_) => {
            let mut key = Vec::new();
            event_key(EventKind::IdentifyUser as u8, "", &mut key);
            let Some(name) = read(scan.known).names.get(&key) else { return Ok(changed) };
            Some(name)
        }
        // Any event may say where its user belongs.
        Of::Company(_) | Of::Membership => None,
    };
    for unit in scan.units(name, i64::MIN, i64::MAX) {
        let header = unit.segment.header();
        if header.last <= through {
            continue;
        }
        let part = unit.open()?;
        let positions = lane::all(&part.positions);
        let companies = lane::all(&part.companies);
        let numbers = lane::all(&part.users).into_iter().zip(companies);
        for ((user, company), position) in numbers.zip(positions) {
            if header.first + position > through {
                changed.users.extend(u32::try_from(user).ok().filter(|user| *user > 0));
                changed.companies.extend(u32::try_from(company).ok().filter(|company| *company > 0));
            }
        }
    }
    Ok(changed)
}

fn brought_on(
    column: Arc<UserColumn>,
    changed: &Changed,
    of: &Of,
    scan: &Scan<'_>,
    profiles: &View<'_>,
) -> Result<Arc<UserColumn>, StoreError> {
    if changed.users.is_empty() && changed.companies.is_empty() {
        return Ok(column);
    }
    // Only copied when an answer still reads it.
    let mut column = Arc::unwrap_or_clone(column);
    if let Of::Company(name) = of {
        for company in &changed.companies {
            let id = read(scan.known).companies.text(company).map(<[u8]>::to_vec).unwrap_or_default();
            let Ok(id) = std::str::from_utf8(&id) else { continue };
            let profile = profiles.get(ProfileKind::Company, id)?;
            column.set_company(company, profile.as_ref().and_then(|profile| profile.property(name)))?;
        }
    }
    for user in &changed.users {
        let id = read(scan.known).users.text(user).map(<[u8]>::to_vec).unwrap_or_default();
        let Ok(id) = std::str::from_utf8(&id) else { continue };
        let profile = profiles.get(ProfileKind::User, id)?;
        column.set_user(of, user, profile.as_ref().map(Profile::view), scan.known)?;
    }
    Ok(Arc::new(column))
}
