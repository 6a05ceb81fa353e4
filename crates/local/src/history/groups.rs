//! Which row of a breakdown something stands in, in bounded memory: first all groups are counted and ranked, in several
//! passes when there are too many for one, then only those with rows of their own are told apart.

use std::ops::Range;

use hashbrown::HashMap;
use muster_kernel::model::history::group_order;
use muster_kernel::model::value::{OwnedValue, Value};
use muster_kernel::ports::StoreError;

use super::column::value_of;
use super::group_values::GroupValues;
use super::part::{Content, Part};
use super::scan::Scan;
use super::then_columns::ThenColumn;
use super::user_columns::UserColumn;

/// Bytes that ranking takes over all threads, however much memory a question may: beyond them it takes more passes.
const RANK_BYTES_MAX: usize = 48 << 20;
/// Shares that groups are ranked in at most, because each needs a pass over the events.
const SHARES_MAX: u64 = 512;
/// So many groups are gathered at least before the largest of them are picked.
const LARGEST_MIN: usize = 1024;
/// The number of groups that are of another share.
pub const SKIPPED: u32 = u32::MAX;

/// A share of all groups.
#[derive(Clone, Copy)]
pub struct Share {
    index: u64,
    of: u64,
}

/// Which groups are told apart.
#[derive(Clone, Copy)]
pub enum Told<'a> {
    /// Those with rows.
    Rows(&'a Rows),
    /// All of a share.
    Share(Share),
}

/// How groups are told apart.
#[derive(Clone, Copy)]
pub enum By<'a> {
    /// Not at all.
    Nothing,
    /// By a property of events, of which this is the number; `None` when no event ever had it.
    Event(Option<u32>),
    /// By a property of users, or of the companies that they belong to.
    User(&'a UserColumn),
    /// By a property of users as they were when events happened.
    Then(&'a ThenColumn),
    /// By a property of companies, where these are counted.
    Company(&'a UserColumn),
}

impl By<'_> {
    /// The values that a column tells apart.
    fn values(&self) -> &[OwnedValue] {
        match self {
            By::User(column) | By::Company(column) => &column.values,
            By::Then(column) => &column.values,
            By::Nothing | By::Event(_) => &[],
        }
    }
}

/// Groups with rows of their own, in order; all others share the row behind them.
pub struct Rows {
    /// The groups' values.
    pub own: Vec<Option<OwnedValue>>,
    /// How many groups there are beside them.
    pub left_out: u64,
    of_values: HashMap<Box<[u8]>, u32>,
    of_places: Vec<u32>,
    absent: u32,
}

impl Rows {
    /// One row for everything.
    pub fn one() -> Rows {
        Rows::of(Vec::new(), 0, By::Nothing)
    }

    fn of(own: Vec<Option<OwnedValue>>, left_out: u64, by: By<'_>) -> Rows {
        let other = u32::try_from(own.len()).unwrap_or(u32::MAX);
        let mut of_values: HashMap<Box<[u8]>, u32> = HashMap::new();
        let mut absent = other;
        for (row, group) in (0u32..).zip(&own) {
            match group {
                None => absent = row,
                Some(value) => {
                    of_values.insert(bytes_of(value), row);
                }
            }
        }
        let row_of = |value: &OwnedValue| of_values.get(&bytes_of(value)).copied().unwrap_or(other);
        let of_places = std::iter::once(absent).chain(by.values().iter().map(row_of)).collect();
        Rows { own, left_out, of_values, of_places, absent }
    }

    /// How many rows there are, that of all others among them.
    pub fn count(&self) -> usize {
        self.own.len() + 1
    }

    /// The row of all others.
    pub fn other(&self) -> usize {
        self.own.len()
    }
}

/// Gives groups numbers: those of the ranking, in which every group has its own, or those of rows.
pub struct Groups<'a> {
    by: By<'a>,
    rows: Option<&'a Rows>,
    share: Share,
    values: GroupValues,
    bytes_max: usize,
}

impl<'a> Groups<'a> {
    /// With a number for each row; or for each group of a share, to be ranked.
    pub fn new(by: By<'a>, told: Told<'a>, scan: &Scan<'_>) -> Groups<'a> {
        let (rows, share) = match told {
            Told::Rows(rows) => (Some(rows), Share { index: 0, of: 1 }),
            Told::Share(share) => (None, share),
        };
        let bytes_max = scan.bytes_max.min(RANK_BYTES_MAX) / scan.threads.max(1);
        Groups { by, rows, share, values: GroupValues::default(), bytes_max }
    }

    /// Whether every group has a number of its own, to be ranked.
    pub fn ranks(&self) -> bool {
        self.rows.is_none()
    }

    /// The group of those without the property.
    pub fn absent(&self) -> u32 {
        self.rows.map_or(0, |rows| rows.absent)
    }

    /// The group of an event's value.
    fn of_value(&mut self, value: &[u8]) -> u32 {
        if value_of(value) == Value::Null {
            return self.absent();
        }
        if let Some(rows) = self.rows {
            return rows
                .of_values
                .get(value)
                .copied()
                .unwrap_or(u32::try_from(rows.other()).unwrap_or_default());
        }
        let (Share { index, of }, is_over) = (self.share, self.is_over());
        // What is over its memory is begun anew, in smaller shares.
        let takes = || !is_over && (of == 1 || u64::from(crc32fast::hash(value)) % of == index);
        self.values.number(value, takes).unwrap_or(SKIPPED)
    }

    fn is_over(&self) -> bool {
        self.values.bytes() > self.bytes_max
    }

    /// The group of whom events belong to, a user or a company, when their properties tell groups apart.
    pub fn of_subject(&self, number: u32) -> Option<u32> {
        let place = match self.by {
            By::User(column) => column.group(number),
            By::Company(column) => column.group_of_company(number),
            By::Nothing | By::Event(_) | By::Then(_) => return None,
        };
        Some(self.of_place(place))
    }

    /// The group of a place in a column.
    fn of_place(&self, place: u32) -> u32 {
        match self.rows {
            Some(rows) => rows.of_places.get(place as usize).copied().unwrap_or_default(),
            None => place,
        }
    }

    /// The groups of some rows of a part, when it is each event that is told apart and not whom it is about; `None` when all of
    /// them are of the absent one.
    pub fn of_rows(&mut self, part: &Part<'_>, rows: &Range<usize>) -> Option<Vec<u32>> {
        match self.by {
            By::Event(property) => {
                let column = part.column(Content::Property, property?)?;
                Some(column.groups(rows.clone(), self.absent(), |value| self.of_value(value)))
            }
            By::Then(column) => {
                let places = column.groups(part, rows);
                Some(places.into_iter().map(|place| self.of_place(place)).collect())
            }
            By::Nothing | By::User(_) | By::Company(_) => None,
        }
    }

    /// Of no events.
    fn none() -> Groups<'a> {
        let share = Share { index: 0, of: 1 };
        Groups { by: By::Nothing, rows: None, share, values: GroupValues::default(), bytes_max: 0 }
    }

    /// The value of a group that is ranked; `None` for that of those without one.
    fn value(&self, group: u32) -> Option<OwnedValue> {
        match self.values.get(group) {
            Some(bytes) => Some(OwnedValue::of(value_of(bytes))),
            None => self.by.values().get((group as usize).checked_sub(1)?).cloned(),
        }
    }

    /// # Errors
    /// [`StoreError::TooLarge`] when there are more groups than memory for them.
    pub fn check(&self) -> Result<(), StoreError> {
        if self.is_over() { Err(StoreError::TooLarge) } else { Ok(()) }
    }
}

/// Ranks all groups: as many at a time as there is memory for. `count` counts those of one share, each thread by numbers
/// of its own.
///
/// # Errors
/// Those of `count`; [`StoreError::TooLarge`] when not even a small share fits.
pub fn rank<'a>(
    by: By<'_>,
    groups_max: usize,
    count: impl Fn(Share) -> Result<Vec<(Groups<'a>, Vec<u64>)>, StoreError>,
) -> Result<Rows, StoreError> {
    let mut shares = 1;
    loop {
        match rank_shares(by, groups_max, shares, &count) {
            Err(StoreError::TooLarge) if shares < SHARES_MAX => shares *= if shares == 1 { 2 } else { 4 },
            ranked => return ranked,
        }
    }
}

fn rank_shares<'a>(
    by: By<'_>,
    groups_max: usize,
    of: u64,
    count: &impl Fn(Share) -> Result<Vec<(Groups<'a>, Vec<u64>)>, StoreError>,
) -> Result<Rows, StoreError> {
    let mut largest: Vec<Counted> = Vec::new();
    // How many events the last of those has that stay anyway.
    let (mut all, mut least) = (0, 0);
    for index in 0..of {
        let (groups, counts) = added(count(Share { index, of })?);
        for (group, count) in (0u32..).zip(counts).filter(|(_, count)| *count > 0) {
            // Those without the property are counted with every share.
            if group == 0 && index > 0 {
                continue;
            }
            all += 1;
            // Most have too few events, which is told without a look at their values.
            if count < least {
                continue;
            }
            largest.push((groups.value(group), count));
            if largest.len() >= groups_max.saturating_mul(2).max(LARGEST_MIN) {
                least = keep_largest(&mut largest, groups_max);
            }
        }
        least = keep_largest(&mut largest, groups_max);
    }
    let left_out = all - largest.len() as u64;
    Ok(Rows::of(largest.into_iter().map(|(group, _)| group).collect(), left_out, by))
}

/// A group and how many events it has.
type Counted = (Option<OwnedValue>, u64);

/// Lets go of all groups but the largest, and answers how many events one must have to be among them.
fn keep_largest(largest: &mut Vec<Counted>, groups_max: usize) -> u64 {
    largest.sort_by(|a, b| group_order((a.1, a.0.as_ref()), (b.1, b.0.as_ref())));
    largest.truncate(groups_max);
    largest.last().filter(|_| largest.len() == groups_max).map_or(0, |(_, count)| *count)
}

/// What the threads have counted, each by its own numbers, by those of one of them.
fn added<'a>(counted: Vec<(Groups<'a>, Vec<u64>)>) -> (Groups<'a>, Vec<u64>) {
    let mut threads = counted.into_iter();
    let Some((mut groups, mut counts)) = threads.next() else { return (Groups::none(), Vec::new()) };
    for (other, others) in threads {
        for (group, count) in (0u32..).zip(others).filter(|(_, count)| *count > 0) {
            let into = match other.values.get(group) {
                Some(value) => groups.values.number(value, || true).unwrap_or_default(),
                None => group,
            } as usize;
            if counts.len() <= into {
                counts.resize(into + 1, 0);
            }
            counts[into] += count;
        }
    }
    (groups, counts)
}

fn bytes_of(value: &OwnedValue) -> Box<[u8]> {
    let mut bytes = Vec::new();
    value.value().encode(&mut bytes);
    bytes.into()
}
