//! All that a rule can ask about one user or company: the profiles and the events, as of now or as of a time gone by.

use muster_kernel::model::calendar::Span;
use muster_kernel::model::event::Event;
use muster_kernel::model::history::{AsOf, EventQuery, time_of};
use muster_kernel::model::id::UserId;
use muster_kernel::model::profile::{Change, Profile};
use muster_kernel::model::segment::question::{Evidence, Told};
use muster_kernel::model::time::Timestamp;
use muster_kernel::ports::{ProfileKind, StoreError};

use super::columns::Standing;
use crate::history::dictionary::read;
use crate::history::scan::Scan;
use crate::history::{as_of, explorer};

/// Events that one piece of evidence may hold.
const EVIDENCE_EVENTS_MAX: usize = 200_000;

/// What is known about a user by what happened up to a time.
///
/// # Errors
/// See `Segments::evidence`.
pub fn of_user(scan: &Scan<'_>, id: &str, until: Timestamp) -> Result<Option<Evidence>, StoreError> {
    let Some((profile, events)) = folded(scan, id, until)? else { return Ok(None) };
    let company = match profile.company_id() {
        Some(id) => company(scan, id, until)?,
        None => None,
    };
    Ok(Some(Evidence { user: Some((id.to_owned(), profile)), company, events }))
}

/// What is known about a company, and about those who belonged to it as `standing` says.
///
/// # Errors
/// See `Segments::evidence`.
pub fn of_company(
    scan: &Scan<'_>,
    standing: &Standing,
    id: &str,
    until: Timestamp,
) -> Result<Option<Evidence>, StoreError> {
    let Some(found) = company(scan, id, until)? else { return Ok(None) };
    let number = read(scan.known).companies.get(id.as_bytes()).filter(|number| *number != 0);
    let mut evidence = Evidence { company: Some(found), ..Evidence::default() };
    for user in standing.users.known.iter() {
        if Some(standing.company_of(user)) != number {
            continue;
        }
        let user = read(scan.known).users.text(user).map(<[u8]>::to_vec).unwrap_or_default();
        let Ok(user) = std::str::from_utf8(&user) else { continue };
        evidence.events.extend(folded(scan, user, until)?.into_iter().flat_map(|(_, events)| events));
        if evidence.events.len() > EVIDENCE_EVENTS_MAX {
            return Err(StoreError::TooLarge);
        }
    }
    Ok(Some(evidence))
}

/// As of a time, by all that is known today.
fn at(time: Timestamp) -> AsOf {
    AsOf { time, known_at: Timestamp(i64::MAX) }
}

fn company(scan: &Scan<'_>, id: &str, until: Timestamp) -> Result<Option<(String, Profile)>, StoreError> {
    let profile = as_of::profile(scan, (ProfileKind::Company, id), at(until))?;
    Ok(profile.map(|profile| (id.to_owned(), profile)))
}

/// A user's events up to a time, and the profile that they are folded to.
fn folded(scan: &Scan<'_>, id: &str, until: Timestamp) -> Result<Option<(Profile, Vec<Told>)>, StoreError> {
    // Nobody has an id that is none.
    let Ok(user) = UserId::parse(id) else { return Ok(None) };
    let span = Span { until: until.plus(1), ..Span::ALL };
    let query = EventQuery { user: Some(user), span, ..EventQuery::default() };
    let page = explorer::events(scan, &query, None, EVIDENCE_EVENTS_MAX)?;
    if page.next.is_some() {
        return Err(StoreError::TooLarge);
    }
    let mut profile = as_of::based(scan, (ProfileKind::User, id), at(until))?;
    let mut events = Vec::with_capacity(page.items.len());
    for stored in page.items {
        let Ok(event) = Event::decode(&stored.payload) else { continue };
        if let Some((_, change)) = Change::of_user(&event, stored.receipt.received_at) {
            profile.get_or_insert_default().apply(&change);
        }
        let at = time_of(&event, stored.receipt.received_at);
        events.push(Told { at, payload: stored.payload });
    }
    Ok(profile.map(|profile| (profile, events)))
}
