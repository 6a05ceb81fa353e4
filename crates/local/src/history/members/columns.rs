//! What is known about every user and company, by their numbers, as of now or as of a time gone by: when each was seen,
//! who belongs where, and the properties that rules ask for.
//!
//! All of it is folded from history, as profiles are (law 3), and so is of the same state as the events that are counted
//! with it: the snapshot that the columns were brought up to. Folding is a maximum; rows that were folded before change
//! nothing, so what is new is found by segment. As of a time, rows of later times are left out: one look over history is
//! shared by everybody, and serves every page of a list. A few columns are kept, those asked for last; of all times gone by
//! those of one, as long as somebody asks.

mod based;
mod holding;

use std::sync::Arc;
use std::time::Instant;

use muster_kernel::model::event::EventKind;
use muster_kernel::model::segment::Level;
use muster_kernel::model::time::Timestamp;
use muster_kernel::model::value::Value;
use muster_kernel::ports::StoreError;

use super::set::Set;
use crate::history::column::{Column, value_of};
use crate::history::dictionary::{Dictionaries, Dictionary, property_key, read};
use crate::history::lane::{self, to_signed};
use crate::history::part::{Content, Flags, Part};
use crate::history::scan::{Scan, Unit};

pub use holding::Columns;

/// Memory that columns of properties may take, all together, before the one asked for longest ago is dropped.
const KEPT_BYTES_MAX: usize = 192 << 20;
/// Bytes of the first and last time of somebody, and of a fact.
const SEEN_BYTES: usize = 16;
const FACT_BYTES: usize = 16;
/// A column is made anew when so many more values were in it than there are users or companies.
const STALE_VALUES_MAX: u32 = 4_096;

/// When everybody was first and last seen.
#[derive(Clone, Default)]
pub struct Seen {
    /// Those there are.
    pub known: Set,
    /// The first times, in microseconds.
    pub first: Vec<i64>,
    /// The last times.
    pub last: Vec<i64>,
}

/// Never seen.
pub const NEVER_FIRST: i64 = i64::MAX;
/// Never seen.
pub const NEVER_LAST: i64 = i64::MIN;

impl Seen {
    fn grow(&mut self, count: u32) {
        self.first.resize(self.first.len().max(count as usize), NEVER_FIRST);
        self.last.resize(self.last.len().max(count as usize), NEVER_LAST);
    }

    fn bytes(&self) -> usize {
        self.first.len() * SEEN_BYTES
    }

    fn see(&mut self, number: u32, time: i64, is_sign_of_life: bool) {
        self.known.insert(number);
        let place = number as usize;
        if let (true, Some(first), Some(last)) =
            (is_sign_of_life, self.first.get_mut(place), self.last.get_mut(place))
        {
            *first = time.min(*first);
            *last = time.max(*last);
        }
    }
}

/// Who there is, and who belongs to which company.
#[derive(Clone, Default)]
pub struct Standing {
    /// The users.
    pub users: Seen,
    /// The companies.
    pub companies: Seen,
    membership: Facts,
}

impl Standing {
    /// The number of the company that a user belongs to; 0 for none.
    pub fn company_of(&self, user: u32) -> u32 {
        // What is kept is one more, so that leaving is told from never having belonged.
        self.membership.value(user).saturating_sub(1)
    }

    /// The subjects of a level.
    pub fn of(&self, level: Level) -> &Seen {
        match level {
            Level::User => &self.users,
            Level::Company => &self.companies,
        }
    }

    fn grow(&mut self, users: u32, companies: u32) {
        self.users.grow(users);
        self.companies.grow(companies);
        self.membership.grow(users);
    }

    fn bytes(&self) -> usize {
        self.users.bytes() + self.companies.bytes() + self.membership.bytes()
    }

    /// What so many users and companies take.
    fn bytes_of(users: u32, companies: u32) -> usize {
        (SEEN_BYTES + FACT_BYTES) * users as usize + SEEN_BYTES * companies as usize
    }
}

/// For each number the newest fact: its time, its row number in a job, and what it says; 0 is nothing yet.
#[derive(Clone, Default)]
struct Facts {
    times: Vec<i64>,
    ordinals: Vec<u32>,
    values: Vec<u32>,
}

impl Facts {
    fn grow(&mut self, count: u32) {
        let count = self.values.len().max(count as usize);
        self.times.resize(count, i64::MIN);
        self.ordinals.resize(count, 0);
        self.values.resize(count, 0);
    }

    fn value(&self, number: u32) -> u32 {
        self.values.get(number as usize).copied().unwrap_or_default()
    }

    /// Takes a fact if it is newer; among those of one time and row `is_larger` decides between two values.
    fn tell(
        &mut self,
        number: u32,
        (time, ordinal): (i64, u32),
        value: u32,
        is_larger: impl FnOnce(u32, u32) -> bool,
    ) {
        let place = number as usize;
        let Some(before) = self.values.get(place).copied() else { return };
        let newest = (self.times[place], self.ordinals[place]);
        let wins = before == 0
            || newest < (time, ordinal)
            || (newest == (time, ordinal) && before != value && is_larger(value, before));
        if wins {
            (self.times[place], self.ordinals[place], self.values[place]) = (time, ordinal, value);
        }
    }

    fn bytes(&self) -> usize {
        self.values.len() * FACT_BYTES
    }
}

/// A property of all users or companies.
#[derive(Clone, Default)]
pub struct PropertyColumn {
    facts: Facts,
    /// Encoded values; 0 stands for none yet.
    values: Dictionary,
}

impl PropertyColumn {
    /// The number of the value that somebody has; 0 for none.
    pub fn value(&self, number: u32) -> u32 {
        self.facts.value(number)
    }

    /// The numbers of everybody's values; whoever stands behind them has none.
    pub fn values(&self) -> &[u32] {
        &self.facts.values
    }

    /// How many numbers of values there are.
    pub fn value_count(&self) -> u32 {
        self.values.count()
    }

    /// What a number of a value stands for; null and none are the same to whoever asks.
    pub fn meaning(&self, value: u32) -> Option<Value<'_>> {
        let bytes = self.values.text(value).filter(|bytes| !bytes.is_empty())?;
        Some(value_of(bytes)).filter(|value| *value != Value::Null)
    }

    fn bytes(&self) -> usize {
        self.facts.bytes() + self.values.bytes()
    }
}

/// Which column.
pub type Key = (Level, String);

struct Kept {
    key: Key,
    through: u64,
    column: Arc<PropertyColumn>,
}

/// What is kept.
#[derive(Default)]
pub struct Everything {
    /// What happened later is left out.
    until: Timestamp,
    /// When it was last asked for.
    asked: Option<Instant>,
    /// How often everything was to be forgotten before this was made.
    cleared: u64,
    /// The erasures that are hidden in what the columns were made from. With others they are made anew.
    sifted: Vec<u32>,
    /// The position of the base that they begin with. With another one they are made anew.
    base: u64,
    /// What the snapshot's position was when standing was brought up to it.
    through: u64,
    standing: Arc<Standing>,
    columns: Vec<Kept>,
}

/// All that has ever happened.
const EVER: Timestamp = Timestamp(i64::MAX);

/// All that a rule asks for, of one state.
pub struct Prepared {
    /// Who there is.
    pub standing: Arc<Standing>,
    columns: Vec<(Key, Arc<PropertyColumn>)>,
}

impl Prepared {
    /// The column of a property.
    pub fn column(&self, level: Level, name: &str) -> Option<&PropertyColumn> {
        let wanted = |(key, _): &&(Key, Arc<PropertyColumn>)| key.0 == level && key.1 == name;
        self.columns.iter().find(wanted).map(|(_, column)| column.as_ref())
    }
}

impl Everything {
    /// Brings the columns that are wanted up to the scan's snapshot, which must have been taken while this was held.
    ///
    /// # Errors
    /// When history cannot be read or does not reach back so far, the question was stopped, or what it asks for needs more
    /// memory than it may have.
    pub fn prepared(&mut self, wanted: &[Key], scan: &Scan<'_>) -> Result<Prepared, StoreError> {
        let base = scan.snapshot.base_position();
        if (&self.sifted, self.base) != (&scan.snapshot.sifted, base) {
            let Everything { until, asked, cleared, .. } = *self;
            let sifted = scan.snapshot.sifted.clone();
            *self = Everything { until, asked, cleared, sifted, base, ..Everything::default() };
        }
        self.bring_standing(scan)?;
        let mut columns: Vec<(Key, Arc<PropertyColumn>)> = Vec::new();
        let mut bytes = self.standing.bytes();
        for key in wanted {
            let column = self.bring(key, scan)?;
            bytes += column.bytes();
            columns.push((key.clone(), column));
            // Those of now are shared by all questions; those of a time gone by are made for this one.
            if self.until != EVER && bytes > scan.bytes_max {
                self.columns.clear();
                return Err(StoreError::TooLarge);
            }
        }
        // Those of a time gone by are bounded by the question, and the next page asks for the same ones.
        self.forget_oldest(if self.until == EVER { 0 } else { wanted.len() });
        Ok(Prepared { standing: Arc::clone(&self.standing), columns })
    }

    fn bring_standing(&mut self, scan: &Scan<'_>) -> Result<(), StoreError> {
        if self.through >= scan.snapshot.through {
            return Ok(());
        }
        let (users, companies) = counts(scan);
        if self.until != EVER && Standing::bytes_of(users, companies) > scan.bytes_max {
            return Err(StoreError::TooLarge);
        }
        let standing = Arc::make_mut(&mut self.standing);
        standing.grow(users, companies);
        if self.through == 0 {
            based::stand(standing, scan, self.until)?;
        }
        for unit in units_behind(scan, self.through, self.until) {
            scan.check()?;
            stand(standing, scan, &unit, self.until)?;
        }
        self.through = scan.snapshot.through;
        Ok(())
    }

    fn bring(&mut self, key: &Key, scan: &Scan<'_>) -> Result<Arc<PropertyColumn>, StoreError> {
        let through = scan.snapshot.through;
        let (users, companies) = counts(scan);
        let population = if key.0 == Level::User { users } else { companies };
        let known = self.columns.iter().position(|kept| kept.key == *key);
        let fresh = || Kept { key: key.clone(), through: 0, column: Arc::default() };
        let mut kept = known.map_or_else(fresh, |index| self.columns.remove(index));
        if kept.column.value_count() > population.saturating_mul(2).saturating_add(STALE_VALUES_MAX) {
            kept = fresh();
        }
        if kept.through < through {
            let column = Arc::make_mut(&mut kept.column);
            column.facts.grow(population);
            if kept.through == 0 {
                based::tell(column, key, scan)?;
            }
            for unit in units_behind(scan, kept.through, self.until) {
                scan.check()?;
                tell(column, key, scan, &unit, self.until)?;
                if column.bytes() > scan.bytes_max {
                    return Err(StoreError::TooLarge);
                }
            }
            kept.through = through;
        }
        let column = Arc::clone(&kept.column);
        self.columns.push(kept);
        Ok(column)
    }

    /// Forgets those that were asked for longest ago, but for the last so many.
    fn forget_oldest(&mut self, least: usize) {
        let mut bytes: usize = self.columns.iter().map(|kept| kept.column.bytes()).sum();
        while bytes > KEPT_BYTES_MAX && self.columns.len() > least {
            bytes -= self.columns.remove(0).column.bytes();
        }
    }
}

/// How many numbers of users and of companies there are.
fn counts(scan: &Scan<'_>) -> (u32, u32) {
    let known = read(scan.known);
    (known.users.count(), known.companies.count())
}

/// The parts of segments that hold something behind a position that may have happened by a time.
fn units_behind<'a>(scan: &Scan<'a>, through: u64, until: Timestamp) -> Vec<Unit<'a>> {
    let mut units = scan.units(None, i64::MIN, until.0.saturating_add(1));
    units.retain(|unit| unit.segment.header().last > through);
    units
}

fn kind_of(scan: &Scan<'_>, unit: &Unit<'_>) -> Option<EventKind> {
    let known = read(scan.known);
    EventKind::from_byte(*known.names.text(unit.entry().name)?.first()?)
}

/// Folds what happened of a part by a time into who there is.
fn stand(
    standing: &mut Standing,
    scan: &Scan<'_>,
    unit: &Unit<'_>,
    until: Timestamp,
) -> Result<(), StoreError> {
    let part = unit.open()?;
    let flags = part.flags();
    let (users, times) = (lane::all(&part.users), lane::all(&part.times));
    let has_companies = !part.companies.is_always(0);
    let companies = if has_companies { lane::all(&part.companies) } else { Vec::new() };
    let ordinals = if part.ordinals.is_always(0) { Vec::new() } else { lane::all(&part.ordinals) };
    let known = read(scan.known);
    let number = |values: &[u64], row: usize| {
        values.get(row).and_then(|value| u32::try_from(*value).ok()).unwrap_or_default()
    };
    for (row, time) in times.iter().enumerate() {
        let user = number(&users, row);
        let time = to_signed(*time);
        if time > until.0 || unit.hides(row) {
            continue;
        }
        let flags = flags.as_ref().map_or(Flags::default(), |flags| flags[row]);
        let company = number(&companies, row);
        let ordinal = number(&ordinals, row);
        // As `Change::is_sign_of_life` says.
        let is_sign_of_life = ordinal == 0 && !flags.is_of_crm;
        if user != 0 {
            standing.users.see(user, time, is_sign_of_life);
        }
        if company != 0 {
            standing.companies.see(company, time, is_sign_of_life);
        }
        if user != 0 && (company != 0 || flags.leaves_company) {
            let is_larger = |new: u32, old: u32| text_of(&known, new) > text_of(&known, old);
            standing.membership.tell(user, (time, ordinal), company + 1, is_larger);
        }
    }
    Ok(())
}

/// The id that a value of membership stands for; leaving is smaller than any.
fn text_of(known: &Dictionaries, membership: u32) -> Option<&[u8]> {
    let company = membership.checked_sub(1).filter(|company| *company != 0)?;
    known.companies.text(company)
}

/// Folds what happened of a part by a time into a property's column.
fn tell(
    column: &mut PropertyColumn,
    key: &Key,
    scan: &Scan<'_>,
    unit: &Unit<'_>,
    until: Timestamp,
) -> Result<(), StoreError> {
    let kind = kind_of(scan, unit);
    let content = match (key.0, kind) {
        (Level::User, Some(EventKind::IdentifyUser)) | (Level::Company, Some(EventKind::IdentifyCompany)) => {
            Content::Property
        }
        (Level::Company, Some(_)) => Content::CompanyProperty,
        (Level::User | Level::Company, _) => return Ok(()),
    };
    let mut name = Vec::new();
    property_key(key.1.as_bytes(), &mut name);
    let Some(code) = read(scan.known).names.get(&name) else { return Ok(()) };
    let part = unit.open()?;
    let Some(values) = part.column(content, code) else { return Ok(()) };
    tell_values(column, key.0, unit, (&part, &values), until);
    Ok(())
}

fn tell_values(
    column: &mut PropertyColumn,
    level: Level,
    unit: &Unit<'_>,
    (part, found): (&Part<'_>, &Column<'_>),
    until: Timestamp,
) {
    let PropertyColumn { facts, values } = column;
    let codes = found.groups(0..part.rows, 0, |bytes| values.intern(bytes));
    let subjects = if level == Level::User { &part.users } else { &part.companies };
    let (subjects, times, ordinals) =
        (lane::all(subjects), lane::all(&part.times), lane::all(&part.ordinals));
    let number = |value: u64| u32::try_from(value).unwrap_or_default();
    let values = &*values;
    for (row, code) in codes.into_iter().enumerate() {
        let subject = number(subjects[row]);
        let time = to_signed(times[row]);
        if code == 0 || subject == 0 || time > until.0 || unit.hides(row) {
            continue;
        }
        let is_larger = |new: u32, old: u32| value_at(values, new) > value_at(values, old);
        facts.tell(subject, (time, number(ordinals[row])), code, is_larger);
    }
}

fn value_at(values: &Dictionary, number: u32) -> Value<'_> {
    value_of(values.text(number).unwrap_or_default())
}
