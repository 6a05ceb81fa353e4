//! One live export as its own thread and the callers see it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use muster_kernel::model::export::Export;
use muster_kernel::model::id::EnvironmentId;
use muster_kernel::ports::{Exports, Inquiry, StoreError};

/// What is saved of an export, and how far it is.
pub(super) struct Control {
    saved: Mutex<Export>,
    /// Set with `saved.is_cancelled`.
    is_cancelled: AtomicBool,
    rows: AtomicU64,
    done: AtomicU64,
    all: AtomicU64,
    /// What it asks the engine: stopped with it.
    pub(super) inquiry: Inquiry,
}

/// How far an export is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Rows written.
    pub rows: u64,
    /// Events, users or companies that were looked at.
    pub done: u64,
    /// And how many there are in all.
    pub all: u64,
}

impl Control {
    pub(super) fn new(export: Export) -> Self {
        Control {
            is_cancelled: AtomicBool::new(export.is_cancelled),
            saved: Mutex::new(export),
            rows: AtomicU64::default(),
            done: AtomicU64::default(),
            all: AtomicU64::default(),
            inquiry: Inquiry::default(),
        }
    }

    pub(super) fn saved(&self) -> Export {
        self.lock().clone()
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.is_cancelled.load(Ordering::Acquire)
    }

    pub(super) fn reach(&self) -> Reach {
        let of = |number: &AtomicU64| number.load(Ordering::Relaxed);
        Reach { rows: of(&self.rows), done: of(&self.done), all: of(&self.all) }
    }

    pub(super) fn reached(&self, reach: Reach) {
        self.rows.store(reach.rows, Ordering::Relaxed);
        self.done.store(reach.done, Ordering::Relaxed);
        self.all.store(reach.all, Ordering::Relaxed);
    }

    /// Changes the saved state; nothing is changed when that may not be durable.
    pub(super) fn change(
        &self,
        exports: &dyn Exports,
        environment: EnvironmentId,
        change: impl FnOnce(&mut Export),
    ) -> Result<(), StoreError> {
        let mut saved = self.lock();
        let mut export = saved.clone();
        change(&mut export);
        exports.save_export(environment, &export)?;
        self.is_cancelled.store(export.is_cancelled, Ordering::Release);
        *saved = export;
        Ok(())
    }

    /// Begins the next round.
    pub(super) fn renew(
        &self,
        exports: &dyn Exports,
        environment: EnvironmentId,
    ) -> Result<Export, StoreError> {
        let mut saved = self.lock();
        let export = exports.renew_export(environment, saved.number)?;
        self.reached(Reach::default());
        *saved = export.clone();
        Ok(export)
    }

    fn lock(&self) -> MutexGuard<'_, Export> {
        self.saved.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
