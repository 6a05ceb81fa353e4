//! The conservation ledger (law 4).

use crate::model::id::{EnvironmentId, KeyId};
use crate::model::ledger::LedgerRow;

use super::error::StoreError;

/// Laws: what an append stored or recognised as a duplicate is counted by the engine itself; rows survive a crash
/// exactly, but for refusals of the last second.
pub trait Ledger: Send + Sync {
    /// Counts a refused call under a problem code. Returns at once; durable within a second.
    fn reject(&self, environment: EnvironmentId, key: KeyId, code: &'static str);

    /// Rows of the minutes `from ..= to` (since 1970), by minute and key.
    ///
    /// # Errors
    /// When there is no such environment, or reading fails.
    fn rows(&self, environment: EnvironmentId, from: i64, to: i64) -> Result<Vec<LedgerRow>, StoreError>;
}
