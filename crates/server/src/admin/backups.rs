//! Backups as the office sees them: that one was made, and where, so that a certificate can name those which still hold
//! what was erased.

use muster_kernel::model::audit::{Act, Actor};
use muster_kernel::model::catalog::BackupNote;

use super::audit::Entry;
use super::{AdminError, Office};
use crate::backups::Made;

/// Backups that the catalog remembers; older ones are told by the audit trail.
const NOTED_MAX: usize = 200;

/// Notes that a backup was made.
///
/// # Errors
/// When the catalog cannot be written.
pub fn note_backup(office: Office<'_>, by: &Actor, into: &str, made: &Made) -> Result<(), AdminError> {
    office.act(|state, now| {
        let entry = Entry::of(by, Act::BackupMade, into).with("bytes", &made.bytes.to_string());
        entry.put(state, now);
        state.backups.push(BackupNote { made_at: made.made_at, into: into.to_owned() });
        let old = state.backups.len().saturating_sub(NOTED_MAX);
        state.backups.drain(..old);
        Ok(())
    })
}
