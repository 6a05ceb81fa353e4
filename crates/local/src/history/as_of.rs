//! Looks back: a profile as it was.

use muster_kernel::model::event::Event;
use muster_kernel::model::history::AsOf;
use muster_kernel::model::profile::{Change, Profile};
use muster_kernel::model::time::Timestamp;
use muster_kernel::ports::{ProfileKind, StoreError};

use super::dictionary::read;
use super::lane;
use super::part::{Part, Restorer};
use super::scan::{Scan, Unit};

/// See `History::as_of`.
///
/// # Errors
/// As that.
pub fn profile(
    scan: &Scan<'_>,
    (kind, id): (ProfileKind, &str),
    at: AsOf,
) -> Result<Option<Profile>, StoreError> {
    scan.check()?;
    let mut profile = based(scan, (kind, id), at)?;
    let number = {
        let known = read(scan.known);
        let ids = if kind == ProfileKind::User { &known.users } else { &known.companies };
        ids.get(id.as_bytes())
    };
    let Some(number) = number.filter(|number| *number > 0) else { return Ok(profile) };
    for unit in scan.units(None, i64::MIN, at.time.0.saturating_add(1)) {
        scan.check()?;
        let part = unit.open()?;
        let rows = rows_about(&unit, &part, kind, number);
        if !rows.is_empty() {
            fold(scan, &unit, part, &rows, (kind, at), &mut profile)?;
        }
    }
    Ok(profile)
}

/// What the base knows of a subject. It cannot be asked of a time before it, nor about somebody of whom it knows something of a
/// later time, as what was true before that is no longer kept.
///
/// # Errors
/// When it cannot be asked, or is damaged.
pub fn based(
    scan: &Scan<'_>,
    (kind, id): (ProfileKind, &str),
    at: AsOf,
) -> Result<Option<Profile>, StoreError> {
    let Some((base, sieve)) = &scan.snapshot.base else { return Ok(None) };
    let dropped = |since| Err(StoreError::Dropped { until: base.position(), since });
    if at.time < base.since() || at.known_at < base.since() {
        return dropped(base.since());
    }
    let known = base.profile(kind, id, sieve)?;
    match known.as_ref().and_then(|profile| profile.view().latest_at()).filter(|latest| *latest > at.time) {
        Some(latest) => dropped(latest),
        None => Ok(known),
    }
}

fn rows_about(unit: &Unit<'_>, part: &Part<'_>, kind: ProfileKind, number: u32) -> Vec<usize> {
    let rows: Vec<usize> = match kind {
        ProfileKind::User if !(unit.entry().users.0..=unit.entry().users.1).contains(&number) => Vec::new(),
        ProfileKind::User => part.rows_of(number).collect(),
        ProfileKind::Company => {
            let companies = lane::all(&part.companies).into_iter().enumerate();
            companies.filter(|(_, company)| *company == u64::from(number)).map(|(row, _)| row).collect()
        }
    };
    rows.into_iter().filter(|row| !unit.hides(*row)).collect()
}

fn fold(
    scan: &Scan<'_>,
    unit: &Unit<'_>,
    part: Part<'_>,
    rows: &[usize],
    (kind, at): (ProfileKind, AsOf),
    profile: &mut Option<Profile>,
) -> Result<(), StoreError> {
    let damaged = || StoreError::Damaged(format!("{} holds a part that makes no sense", unit.segment.name()));
    let receipts = unit.segment.receipts().map_err(StoreError::Damaged)?;
    let first = unit.segment.header().first;
    let known = read(scan.known);
    let mut restorer = Restorer::new(part, unit.entry().name, &known).ok_or_else(damaged)?;
    let mut payload = Vec::new();
    for row in rows {
        let position = first + restorer.part().positions.get(*row).ok_or_else(damaged)?;
        let received_at = Timestamp(receipts.received_at(position).ok_or_else(damaged)?);
        if restorer.part().time(*row) > at.time.0 || received_at > at.known_at {
            continue;
        }
        payload.clear();
        restorer.restore(*row, &known, &mut payload).ok_or_else(damaged)?;
        let event = Event::decode(&payload).map_err(|_| damaged())?;
        let change = match kind {
            ProfileKind::User => Change::of_user(&event, received_at),
            ProfileKind::Company => Change::of_company(&event, received_at),
        };
        if let Some((_, change)) = change {
            profile.get_or_insert_default().apply(&change);
        }
    }
    scan.inquiry.advance(rows.len() as u64);
    Ok(())
}
