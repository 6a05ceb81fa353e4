//! Lists events, newest first.
//!
//! Nothing is sorted by time over users, so the newest are found by looking at times only: parts and blocks that end
//! before the oldest event found so far are passed over, and only what is shown is made anew from its columns.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use muster_kernel::model::history::EventQuery;
use muster_kernel::model::id::Position;
use muster_kernel::model::page::{Cursor, Page};
use muster_kernel::model::time::Timestamp;
use muster_kernel::ports::{Receipt, StoreError, StoredEvent};

use super::bits::BLOCK;
use super::dictionary::{event_key, read};
use super::lane::{from_signed, to_signed};
use super::part::Restorer;
use super::scan::{Scan, Unit};

/// Time and position: the order of the list.
type Rank = (i64, u64);

/// Where the row of a rank stands: which unit, which row.
type Found = BinaryHeap<Reverse<(Rank, usize, usize)>>;

/// What is looked for, in numbers.
struct Wanted<'q> {
    query: &'q EventQuery,
    /// Only ranks below it.
    below: Option<Rank>,
    user: Option<u32>,
    company: Option<u32>,
    count: usize,
}

/// See `History::events`.
///
/// # Errors
/// As that.
pub fn events(
    scan: &Scan<'_>,
    query: &EventQuery,
    after: Option<&Cursor>,
    limit: usize,
) -> Result<Page<StoredEvent>, StoreError> {
    let below = after.map(|cursor| rank_of(cursor).ok_or(StoreError::NotACursor)).transpose()?;
    scan.check()?;
    let nothing = Page { items: Vec::new(), next: None };
    let Some((wanted, names)) = wanted(scan, query, below, limit.saturating_add(1)) else {
        return Ok(nothing);
    };
    let until = query.span.until.0.min(below.map_or(i64::MAX, |(time, _)| time.saturating_add(1)));
    let mut units: Vec<Unit<'_>> = match &names {
        None => scan.units(None, query.span.from.0, until),
        Some(names) => {
            names.iter().flat_map(|name| scan.units(Some(*name), query.span.from.0, until)).collect()
        }
    };
    units.sort_by_key(|unit| Reverse(unit.entry().times.1));
    let mut found = Found::new();
    for (index, unit) in units.iter().enumerate() {
        scan.check()?;
        let full = found.len() >= wanted.count;
        if full && found.peek().is_some_and(|Reverse(((time, _), ..))| unit.entry().times.1 < *time) {
            break;
        }
        if wanted.user.is_none_or(|user| (unit.entry().users.0..=unit.entry().users.1).contains(&user)) {
            look_into(scan, &wanted, unit, index, &mut found)?;
        }
    }
    page(scan, &units, found, limit)
}

fn rank_of(cursor: &Cursor) -> Option<Rank> {
    let (time, position) = cursor.0.split_first_chunk()?;
    Some((i64::from_be_bytes(*time), u64::from_be_bytes(position.try_into().ok()?)))
}

/// The query in numbers, and the numbers of the names that it asks for, if for any; `None` when it asks for something
/// that there never was.
fn wanted<'q>(
    scan: &Scan<'_>,
    query: &'q EventQuery,
    below: Option<Rank>,
    count: usize,
) -> Option<(Wanted<'q>, Option<Vec<u32>>)> {
    let known = read(scan.known);
    let user = match &query.user {
        Some(user) => Some(known.users.get(user.as_str().as_bytes())?),
        None => None,
    };
    let company = match &query.company {
        Some(company) => Some(known.companies.get(company.as_str().as_bytes())?),
        None => None,
    };
    let any = query.names.is_empty() && query.kinds.is_empty();
    let mut key = Vec::new();
    let mut names: Vec<u32> = query
        .names
        .iter()
        .filter_map(|name| {
            event_key(name.kind as u8, &name.name, &mut key);
            known.names.get(&key)
        })
        .collect();
    names.extend(query.kinds.iter().flat_map(|kind| known.names_of_kind(*kind as u8)));
    names.sort_unstable();
    names.dedup();
    Some((Wanted { query, below, user, company, count }, (!any).then_some(names)))
}

fn look_into(
    scan: &Scan<'_>,
    wanted: &Wanted<'_>,
    unit: &Unit<'_>,
    index: usize,
    found: &mut Found,
) -> Result<(), StoreError> {
    let part = unit.open()?;
    let first = unit.segment.header().first;
    let rows = wanted.user.map_or(0..part.rows, |user| part.rows_of(user));
    if rows.is_empty() {
        return Ok(());
    }
    let passing = scan.passing(&part, &rows, &wanted.query.properties);
    let mut times = [0; BLOCK];
    for block in rows.start / BLOCK..rows.end.div_ceil(BLOCK) {
        let oldest = found.peek().filter(|_| found.len() >= wanted.count).map(|Reverse((rank, ..))| *rank);
        if oldest.is_some_and(|(time, _)| part.times.most_of(block) < from_signed(time)) {
            continue;
        }
        let count = part.times.block(block, &mut times);
        for (row, time) in (block * BLOCK..).zip(times[..count].iter().map(|time| to_signed(*time))) {
            let outside = !rows.contains(&row) || !wanted.query.span.contains(Timestamp(time));
            let late = wanted.below.is_some_and(|(latest, _)| time > latest);
            let early = found.len() >= wanted.count
                && found.peek().is_some_and(|Reverse(((oldest, _), ..))| time < *oldest);
            if outside || late || early || passing.as_ref().is_some_and(|passing| !passing[row - rows.start])
            {
                continue;
            }
            if wanted.company.is_some_and(|company| part.companies.get(row) != Some(company.into())) {
                continue;
            }
            let rank = (time, first + part.positions.get(row).unwrap_or_default());
            if unit.hides(row) || wanted.below.is_some_and(|below| rank >= below) {
                continue;
            }
            found.push(Reverse((rank, index, row)));
            if found.len() > wanted.count {
                found.pop();
            }
        }
    }
    scan.inquiry.advance(rows.len() as u64);
    Ok(())
}

/// Makes the events of the first `limit` ranks anew.
fn page(
    scan: &Scan<'_>,
    units: &[Unit<'_>],
    found: Found,
    limit: usize,
) -> Result<Page<StoredEvent>, StoreError> {
    let mut ranked: Vec<_> = found.into_iter().map(|Reverse(found)| found).collect();
    ranked.sort_unstable_by_key(|(rank, ..)| Reverse(*rank));
    let more = ranked.len() > limit;
    ranked.truncate(limit);
    let last = ranked.last().filter(|_| more);
    let next =
        last.map(|((time, position), ..)| Cursor([time.to_be_bytes(), position.to_be_bytes()].concat()));
    let mut by_unit: BTreeMap<usize, Vec<(Rank, usize)>> = BTreeMap::new();
    for (rank, unit, row) in ranked {
        by_unit.entry(unit).or_default().push((rank, row));
    }
    let mut items: BTreeMap<Reverse<Rank>, StoredEvent> = BTreeMap::new();
    let known = read(scan.known);
    for (unit, rows) in by_unit {
        let unit = &units[unit];
        let segment = unit.segment;
        let damaged = || StoreError::Damaged(format!("{} holds a part that makes no sense", segment.name()));
        let receipts = segment.receipts().map_err(StoreError::Damaged)?;
        let mut restorer = Restorer::new(unit.open()?, unit.entry().name, &known).ok_or_else(damaged)?;
        for (rank, row) in rows {
            let mut payload = Vec::new();
            restorer.restore(row, &known, &mut payload).ok_or_else(damaged)?;
            let received_at = Timestamp(receipts.received_at(rank.1).ok_or_else(damaged)?);
            let receipt = Receipt { position: Position(rank.1), received_at };
            items.insert(Reverse(rank), StoredEvent { receipt, payload });
        }
    }
    Ok(Page { items: items.into_values().collect(), next })
}
