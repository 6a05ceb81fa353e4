//! The audit: entries put beside the acts that they tell of, older ones carried to the trail, all of them read back.

use std::collections::BTreeMap;

use muster_kernel::model::audit::{Act, Actor, AuditEntry};
use muster_kernel::model::catalog::CatalogState;
use muster_kernel::model::id::EnvironmentId;
use muster_kernel::model::time::Timestamp;
use muster_kernel::ports::StoreError;

use super::Office;

/// Entries that the catalog holds; it is written as a whole at every change.
const HELD_MAX: usize = 400;
/// Entries that are left in it when the others are carried away.
const HELD_MIN: usize = 200;
/// Entries on a page.
pub const AUDIT_PAGE_MAX: usize = 200;
/// Characters of a subject or a detail; names and addresses fit.
const TEXT_CHARS_MAX: usize = 400;

/// An entry in the making.
pub(super) struct Entry {
    actor: Actor,
    act: Act,
    environment: Option<EnvironmentId>,
    subject: String,
    details: BTreeMap<String, String>,
}

impl Entry {
    /// Somebody did something to something.
    pub(super) fn of(by: &Actor, act: Act, subject: &str) -> Self {
        let subject = subject.chars().take(TEXT_CHARS_MAX).collect();
        Entry { actor: by.clone(), act, environment: None, subject, details: BTreeMap::new() }
    }

    /// The environment that it is about.
    pub(super) fn about(self, environment: EnvironmentId) -> Self {
        Entry { environment: Some(environment), ..self }
    }

    /// What else is worth knowing.
    pub(super) fn with(mut self, name: &str, text: &str) -> Self {
        self.details.insert(name.to_owned(), text.chars().take(TEXT_CHARS_MAX).collect());
        self
    }

    /// What something was before and is now, when that differs.
    pub(super) fn change(self, name: &str, before: &str, after: &str) -> Self {
        if before == after { self } else { self.with(name, &format!("{before} → {after}")) }
    }

    /// Puts it into the state that holds what it tells of.
    pub(super) fn put(self, state: &mut CatalogState, now: Timestamp) {
        let Entry { actor, act, environment, subject, details } = self;
        let number = state.next_audit.max(1);
        state.next_audit = number + 1;
        state.audit.push(AuditEntry { number, at: now, actor, act, environment, subject, details });
    }
}

/// Carries the older entries to the trail once the catalog holds many. A crash in between leaves some in both, which
/// the trail passes over when they come again.
pub(super) fn shorten(office: Office<'_>) {
    let state = office.catalog.state();
    let Some(carried) = state.audit.len().checked_sub(HELD_MIN).filter(|_| state.audit.len() > HELD_MAX)
    else {
        return;
    };
    let old = &state.audit[..carried];
    let Some(last) = old.last().map(|entry| entry.number) else { return };
    let outcome = office.trail.append(old).and_then(|()| {
        office.catalog.change(&mut |state| {
            state.audit.retain(|entry| entry.number > last);
            Ok(())
        })
    });
    if let Err(error) = outcome {
        tracing::error!(%error, "older audit entries stay in the catalog; carrying them away is tried again at the next act");
    }
}

/// The newest entries with a number below `before`, newest first.
///
/// # Errors
/// When the trail cannot be read.
pub fn list(before: u64, limit: usize, office: Office<'_>) -> Result<Vec<AuditEntry>, StoreError> {
    let state = office.catalog.state();
    let held = state.audit.iter().rev().filter(|entry| entry.number < before);
    let mut found: Vec<AuditEntry> = held.take(limit).cloned().collect();
    if found.len() < limit {
        let oldest = state.audit.first().map_or(u64::MAX, |entry| entry.number).min(before);
        found.extend(office.trail.before(oldest, limit - found.len())?);
    }
    Ok(found)
}
