//! Members in an order, a page at a time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use muster_kernel::model::page::Cursor;
use muster_kernel::model::segment::question::{Member, MemberOrder, MemberPage};
use muster_kernel::model::time::Timestamp;
use muster_kernel::ports::StoreError;

use super::columns::{NEVER_LAST, Seen};
use super::set::Set;
use crate::history::dictionary::Dictionary;

const BY_ID: u8 = 1;
const BY_LAST_SEEN: u8 = 2;

/// Where a member stands in the order: the last time, newest first, which is the same for all in the order of ids; then
/// the id.
pub type Place<I> = (Reverse<i64>, I);

/// When somebody was last seen.
pub fn last_seen(seen: &Seen, number: u32) -> Option<Timestamp> {
    let last = seen.last.get(number as usize).copied().filter(|last| *last != NEVER_LAST);
    last.map(Timestamp)
}

/// Some of a set, evenly spread over it.
pub fn sample(set: &Set, seen: &Seen, count: usize) -> Vec<u32> {
    let all = set.count().min(seen.last.len() as u64);
    let every = usize::try_from(all).unwrap_or(usize::MAX).div_ceil(count.max(1)).max(1);
    let spread: Vec<u32> = set.iter().step_by(every).take(count).collect();
    if spread.len() == count || every == 1 { spread } else { set.iter().take(count).collect() }
}

/// The place that a cursor names.
///
/// # Errors
/// When it is not one of this order.
pub fn place_of(order: MemberOrder, cursor: &Cursor) -> Result<Place<Vec<u8>>, StoreError> {
    let read = || match (cursor.0.split_first()?, order) {
        ((&BY_ID, id), MemberOrder::Id) => Some((Reverse(0), id.to_vec())),
        ((&BY_LAST_SEEN, place), MemberOrder::LastSeen) => {
            let (last, id) = place.split_first_chunk()?;
            Some((Reverse(i64::from_be_bytes(*last)), id.to_vec()))
        }
        _ => None,
    };
    read().ok_or(StoreError::NotACursor)
}

fn cursor_of(order: MemberOrder, (Reverse(last), id): &Place<&[u8]>) -> Cursor {
    Cursor(match order {
        MemberOrder::Id => [&[BY_ID], *id].concat(),
        MemberOrder::LastSeen => [&[BY_LAST_SEEN], last.to_be_bytes().as_slice(), id].concat(),
    })
}

/// The members behind a place.
pub fn page(
    members: &Set,
    seen: &Seen,
    ids: &Dictionary,
    order: MemberOrder,
    after: Option<&Place<Vec<u8>>>,
    limit: usize,
) -> MemberPage {
    let limit = limit.max(1);
    // The largest place on top: the first to go.
    let mut found: BinaryHeap<(Place<&[u8]>, u32)> = BinaryHeap::new();
    for number in members.iter() {
        let last = Reverse(match order {
            MemberOrder::Id => 0,
            MemberOrder::LastSeen => seen.last.get(number as usize).copied().unwrap_or(NEVER_LAST),
        });
        let full = found.len() > limit;
        // Most are told apart by time alone, without a look at their ids.
        let is_behind = full && found.peek().is_some_and(|((largest, _), _)| last > *largest);
        let is_before = after.is_some_and(|(after, _)| last < *after);
        if is_behind || is_before {
            continue;
        }
        let Some(id) = ids.text(number) else { continue };
        if after.is_some_and(|(after, after_id)| (last, id) <= (*after, after_id.as_slice())) {
            continue;
        }
        if full && found.peek().is_some_and(|(largest, _)| (last, id) > *largest) {
            continue;
        }
        found.push(((last, id), number));
        if found.len() > limit + 1 {
            found.pop();
        }
    }
    let mut ranked = found.into_sorted_vec();
    let more = ranked.len() > limit;
    ranked.truncate(limit);
    let next = ranked.last().filter(|_| more).map(|(place, _)| cursor_of(order, place));
    let member = |((_, id), number): (Place<&[u8]>, u32)| Member {
        id: String::from_utf8_lossy(id).into_owned(),
        last_seen_at: last_seen(seen, number),
    };
    MemberPage { total: members.count(), items: ranked.into_iter().map(member).collect(), next }
}
