//! What an erasure would remove, changing nothing.

use std::cell::RefCell;
use std::sync::Arc;

use muster_kernel::model::erasure::{ErasedKind, WouldErase};
use muster_kernel::model::id::CompanyId;
use muster_kernel::ports::{ProfileKind, StoreError};

use super::places::{Counts, Work, all};
use super::{Sieve, Subjects, failed};
use crate::environment::Environment;

/// See the port.
///
/// # Errors
/// When reading fails.
pub fn would_erase(
    environment: &Environment,
    kind: ErasedKind,
    ids: &[String],
) -> Result<WouldErase, StoreError> {
    let until = environment.state.visible();
    let subjects = Subjects::supposed(kind.into(), ids, until);
    let number = subjects.number;
    let work = Work {
        environment,
        sieve: Sieve::new(vec![Arc::new(subjects)]),
        until,
        jobs_until: 0,
        stop: &|| false,
        reborn: RefCell::default(),
    };
    let mut counts = Counts::new();
    let log = all().into_iter().find(|place| place.name() == "log").ok_or_else(|| failed("no log"))?;
    log.count(&work, &mut counts)?;
    let events = counts.get(&number).map_or(0, |counts| counts.get("events").copied().unwrap_or_default());
    let mut would = WouldErase { events, ..WouldErase::default() };
    let view = environment.state.view();
    for id in ids {
        match view.get(kind.into(), id)? {
            Some(_) => would.profiles += 1,
            None => would.unknown += 1,
        }
        if ProfileKind::from(kind) == ProfileKind::Company && CompanyId::parse(id).is_ok() {
            would.members += view.member_count(id)?;
        }
    }
    Ok(would)
}
