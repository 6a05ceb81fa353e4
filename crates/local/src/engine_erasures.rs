//! The engine as the kernel's port for erasures sees it.

use muster_kernel::model::erasure::{ErasedKind, Erasure, ErasureRequest, WouldErase};
use muster_kernel::model::event::EventDraft;
use muster_kernel::model::id::{EnvironmentId, ErasureNumber, JobNumber};
use muster_kernel::model::time::Timestamp;
use muster_kernel::ports::{Accepting, Admitted, Erasures, Purged, StoreError};

use crate::engine::Engine;
use crate::erasure;

impl Erasures for Engine {
    fn accept(&self, environment: EnvironmentId, request: ErasureRequest) -> Result<Accepting, StoreError> {
        erasure::accept(&self.environment(environment)?, request)
    }

    fn erasures(&self, environment: EnvironmentId) -> Result<Vec<Erasure>, StoreError> {
        Ok(self.environment(environment)?.state.erasures.all())
    }

    fn purge(
        &self,
        environment: EnvironmentId,
        numbers: &[ErasureNumber],
        now: &dyn Fn() -> Timestamp,
        stop: &dyn Fn() -> bool,
    ) -> Result<Purged, StoreError> {
        erasure::purge(&*self.environment(environment)?, numbers, now, stop)
    }

    fn would_erase(
        &self,
        environment: EnvironmentId,
        kind: ErasedKind,
        ids: &[String],
    ) -> Result<WouldErase, StoreError> {
        erasure::would_erase(&*self.environment(environment)?, kind, ids)
    }

    fn admits(&self, environment: EnvironmentId, event: &EventDraft) -> Result<Admitted, StoreError> {
        Ok(self.environment(environment)?.state.erasures.admits(event))
    }

    fn withholds(
        &self,
        environment: EnvironmentId,
        job: JobNumber,
        event: &EventDraft,
    ) -> Result<bool, StoreError> {
        Ok(self.environment(environment)?.state.erasures.withholds(job, event))
    }
}
