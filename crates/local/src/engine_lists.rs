//! Lists of ids as the kernel's port sees them.

use muster_kernel::model::id::{EnvironmentId, SegmentId};
use muster_kernel::model::segment::Level;
use muster_kernel::model::segment::listed::{Ids, ListChange, ListChanged};
use muster_kernel::ports::{Lists, StoreError};

use crate::engine::Engine;

impl Lists for Engine {
    fn ids(&self, environment: EnvironmentId, list: SegmentId) -> Result<Ids, StoreError> {
        self.environment(environment)?.lists.ids(list)
    }

    fn count(&self, environment: EnvironmentId, list: SegmentId) -> Result<u64, StoreError> {
        Ok(self.environment(environment)?.lists.count(list))
    }

    fn change(
        &self,
        environment: EnvironmentId,
        list: (SegmentId, Level),
        change: &ListChange,
    ) -> Result<ListChanged, StoreError> {
        self.environment(environment)?.lists.change(list, change)
    }

    fn remove(&self, environment: EnvironmentId, list: SegmentId) -> Result<(), StoreError> {
        self.environment(environment)?.lists.remove(list)
    }
}
