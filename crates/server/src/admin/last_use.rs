//! When keys and sessions were last used: gathered in memory, kept in the catalog now and then, so that reading data
//! costs no write.

use std::collections::HashMap;

use muster_kernel::model::catalog::{ApiKey, CatalogState};
use muster_kernel::model::id::{KeyId, MemberId};
use muster_kernel::model::team::{HOUR, Session};
use muster_kernel::model::time::{MINUTE, Timestamp};
use muster_kernel::ports::{Catalog, StoreError};

/// What was used since the start, and when last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LastUse {
    /// Keys.
    pub keys: Vec<(KeyId, Timestamp)>,
    /// Sessions, by the SHA-256 of their tokens.
    pub sessions: Vec<(String, Timestamp)>,
}

/// Keeps it: of keys to the minute, of sessions to the hour. Writes only when a minute or an hour began for one.
///
/// # Errors
/// When the catalog cannot be written.
pub fn record_last_use(catalog: &dyn Catalog, used: &LastUse) -> Result<(), StoreError> {
    let sessions: HashMap<&str, Timestamp> =
        used.sessions.iter().map(|(sha256, at)| (sha256.as_str(), start_of(*at, HOUR))).collect();
    let newer_key = |key: &ApiKey| {
        let (_, at) = used.keys.iter().filter(|(id, _)| *id == key.id).max_by_key(|(_, at)| *at)?;
        let minute = start_of(*at, MINUTE);
        key.last_used_at.is_none_or(|before| before < minute).then_some(minute)
    };
    let newer_session = |session: &Session| {
        sessions.get(session.sha256.as_str()).copied().filter(|hour| session.last_used_at < *hour)
    };
    let state = catalog.state();
    if state.keys.iter().all(|key| newer_key(key).is_none())
        && state.sessions.iter().all(|session| newer_session(session).is_none())
    {
        return Ok(());
    }
    let outcome = catalog.change(&mut |state| {
        for key in &mut state.keys {
            key.last_used_at = newer_key(key).or(key.last_used_at);
        }
        let mut seen = Vec::new();
        for session in &mut state.sessions {
            if let Some(hour) = newer_session(session) {
                session.last_used_at = hour;
                seen.push((session.member, hour));
            }
        }
        seen.into_iter().for_each(|(member, hour)| note_seen(state, member, hour));
        Ok(())
    })?;
    debug_assert_eq!(outcome, Ok(()));
    Ok(())
}

/// Notes that a member was here.
pub(super) fn note_seen(state: &mut CatalogState, member: MemberId, at: Timestamp) {
    let hour = start_of(at, HOUR);
    for member in state.members.iter_mut().filter(|known| known.id == member) {
        member.last_seen_at = member.last_seen_at.max(Some(hour));
    }
}

fn start_of(at: Timestamp, span: i64) -> Timestamp {
    Timestamp(at.0.div_euclid(span) * span)
}
