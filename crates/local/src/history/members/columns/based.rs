//! What columns begin with where events were dropped: the profiles of the base, folded in as the events would be.
//!
//! A base says what all that was dropped came to, and not what it was on the way there. So there are no columns of a time before
//! it, nor of one before something that it knows: events that said so ahead of their time are dropped as well.

use muster_kernel::model::segment::Level;
use muster_kernel::model::time::Timestamp;
use muster_kernel::ports::{ProfileKind, StoreError};

use super::{Key, PropertyColumn, Seen, Standing, text_of, value_at};
use crate::history::dictionary::read;
use crate::history::scan::Scan;

/// Folds the base into who there is, as of a time.
pub(super) fn stand(standing: &mut Standing, scan: &Scan<'_>, until: Timestamp) -> Result<(), StoreError> {
    let Some((base, sieve)) = &scan.snapshot.base else { return Ok(()) };
    let known = read(scan.known);
    let mut told_since = base.since();
    base.each(ProfileKind::User, sieve, &mut |id, profile| {
        scan.check()?;
        told_since = told_since.max(profile.view().latest_at().unwrap_or(told_since));
        let Some(user) = known.users.get(id.as_bytes()) else { return Ok(()) };
        see(&mut standing.users, user, (profile.first_seen_at(), profile.last_seen_at()));
        if let Some((at, ordinal)) = profile.view().joined() {
            let company = profile.company_id().and_then(|company| known.companies.get(company.as_bytes()));
            let is_larger = |new: u32, old: u32| text_of(&known, new) > text_of(&known, old);
            let belongs = company.unwrap_or_default() + 1;
            standing.membership.tell(user, (at.0, ordinal), belongs, is_larger);
        }
        Ok(())
    })?;
    base.each(ProfileKind::Company, sieve, &mut |id, profile| {
        scan.check()?;
        told_since = told_since.max(profile.view().latest_at().unwrap_or(told_since));
        if let Some(company) = known.companies.get(id.as_bytes()) {
            see(&mut standing.companies, company, (profile.first_seen_at(), profile.last_seen_at()));
        }
        Ok(())
    })?;
    if until < told_since {
        return Err(StoreError::Dropped { until: base.position(), since: told_since });
    }
    Ok(())
}

fn see(seen: &mut Seen, number: u32, (first, last): (Option<Timestamp>, Option<Timestamp>)) {
    seen.see(number, 0, false);
    for at in [first, last].into_iter().flatten() {
        seen.see(number, at.0, true);
    }
}

/// Folds the base into a property's column.
pub(super) fn tell(column: &mut PropertyColumn, key: &Key, scan: &Scan<'_>) -> Result<(), StoreError> {
    let Some((base, sieve)) = &scan.snapshot.base else { return Ok(()) };
    let known = read(scan.known);
    let (kind, ids) = match key.0 {
        Level::User => (ProfileKind::User, &known.users),
        Level::Company => (ProfileKind::Company, &known.companies),
    };
    let PropertyColumn { facts, values } = column;
    let mut encoded = Vec::new();
    base.each(kind, sieve, &mut |id, profile| {
        scan.check()?;
        let found = profile.view().told(&key.1).zip(ids.get(id.as_bytes()));
        if let Some(((at, ordinal, value), number)) = found {
            encoded.clear();
            value.encode(&mut encoded);
            let code = values.intern(&encoded);
            let values = &*values;
            let is_larger = |new: u32, old: u32| value_at(values, new) > value_at(values, old);
            facts.tell(number, (at.0, ordinal), code, is_larger);
        }
        Ok(())
    })
}
