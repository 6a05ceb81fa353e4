//! Environments and keys.

use std::sync::Arc;

use crate::model::catalog::CatalogState;

use super::error::StoreError;

/// A change to the catalog: gets the present state, answers what it makes of it or why it must not be made.
pub type Change<'a> = &'a mut dyn FnMut(&mut CatalogState) -> Result<(), String>;

/// Laws: a change is durable before `change` returns, is atomic (a crash leaves the state before or after it), and
/// changes are made one after another.
pub trait Catalog: Send + Sync {
    /// The present state; cheap enough to ask on every call.
    fn state(&self) -> Arc<CatalogState>;

    /// Makes a change. The outer error means that it was not made or may not be durable; the inner one is what
    /// `change` itself answered.
    ///
    /// # Errors
    /// When the new state could not be written and synced.
    fn change(&self, change: Change<'_>) -> Result<Result<(), String>, StoreError>;
}
