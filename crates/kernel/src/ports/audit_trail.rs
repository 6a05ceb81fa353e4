//! The acts that the catalog no longer holds.

use crate::model::audit::AuditEntry;

use super::error::StoreError;

/// Laws: an entry is durable before `append` returns; a crash leaves whole entries only; an entry whose number is there
/// already is passed over, so that the same entries may be appended again after a crash; what was appended is never
/// changed.
pub trait AuditTrail: Send + Sync {
    /// Adds entries, given in the order of their numbers.
    ///
    /// # Errors
    /// When they could not be written and synced.
    fn append(&self, entries: &[AuditEntry]) -> Result<(), StoreError>;

    /// The newest entries with a number below `before`, newest first, `limit` at most.
    ///
    /// # Errors
    /// When reading fails.
    fn before(&self, before: u64, limit: usize) -> Result<Vec<AuditEntry>, StoreError>;
}
