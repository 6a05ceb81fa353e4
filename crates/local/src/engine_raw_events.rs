//! The engine as the kernel's port for raw events sees it.

use muster_kernel::model::id::EnvironmentId;
use muster_kernel::model::raw_events::{Dropped, KeptEvents, WouldDrop};
use muster_kernel::model::time::Timestamp;
use muster_kernel::ports::{Inquiry, RawEvents, StoreError};

use crate::base;
use crate::engine::Engine;

impl RawEvents for Engine {
    fn kept(&self, environment: EnvironmentId) -> Result<KeptEvents, StoreError> {
        base::kept(&*self.environment(environment)?)
    }

    fn would_drop(
        &self,
        environment: EnvironmentId,
        before: Timestamp,
        inquiry: &Inquiry,
    ) -> Result<WouldDrop, StoreError> {
        base::would_drop(&*self.environment(environment)?, before, inquiry)
    }

    fn drop_before(
        &self,
        environment: EnvironmentId,
        before: Timestamp,
        stop: &dyn Fn() -> bool,
    ) -> Result<Dropped, StoreError> {
        let environment = self.environment(environment)?;
        if base::end_of(&environment, before)?.is_some() {
            // An older program would take what is left for everything.
            self.directory.raise().map_err(|error| StoreError::Failed(error.to_string()))?;
        }
        base::drop_before(&environment, before, stop)
    }
}
