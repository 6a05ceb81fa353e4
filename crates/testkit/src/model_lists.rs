//! Lists of ids of the model engine: sets in memory.

use std::sync::Arc;

use muster_kernel::model::erasure::ErasedKind;
use muster_kernel::model::id::{EnvironmentId, SegmentId};
use muster_kernel::model::limits::LIST_IDS_MAX;
use muster_kernel::model::segment::Level;
use muster_kernel::model::segment::listed::{Ids, ListChange, ListChanged};
use muster_kernel::ports::{Lists, StoreError};

use crate::model_engine::{Island, ModelEngine};

impl Lists for ModelEngine {
    fn ids(&self, environment: EnvironmentId, list: SegmentId) -> Result<Ids, StoreError> {
        self.with(environment, |island| {
            Ok(island.lists.get(&list).map(|(_, ids)| Arc::clone(ids)).unwrap_or_default())
        })
    }

    fn count(&self, environment: EnvironmentId, list: SegmentId) -> Result<u64, StoreError> {
        self.ids(environment, list).map(|ids| ids.len() as u64)
    }

    fn change(
        &self,
        environment: EnvironmentId,
        (list, level): (SegmentId, Level),
        change: &ListChange,
    ) -> Result<ListChanged, StoreError> {
        self.with(environment, |island| {
            let (_, ids) = island.lists.entry(list).or_insert_with(|| (level, Ids::default()));
            let (after, changed) = change.applied(ids);
            if after.len() > LIST_IDS_MAX {
                return Err(StoreError::TooLarge);
            }
            *ids = Arc::new(after);
            Ok(changed)
        })
    }

    fn remove(&self, environment: EnvironmentId, list: SegmentId) -> Result<(), StoreError> {
        self.with(environment, |island| {
            island.lists.remove(&list);
            Ok(())
        })
    }
}

impl Island {
    /// Takes erased ids out of every list of their kind.
    pub(crate) fn take_out_of_lists(&mut self, kind: ErasedKind, erased: &[String]) {
        let level = match kind {
            ErasedKind::Users => Level::User,
            ErasedKind::Companies => Level::Company,
        };
        for (_, ids) in self.lists.values_mut().filter(|(of, _)| *of == level) {
            let left = ids.iter().filter(|id| !erased.iter().any(|erased| **erased == ***id));
            *ids = Arc::new(left.cloned().collect());
        }
    }
}
