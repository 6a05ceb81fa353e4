//! Which profiles have unusually many properties: a set so small that the limit on properties costs nearly nothing
//! to check for all the others.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};

use muster_kernel::model::profile::Profile;
use muster_kernel::ports::ProfileKind;

/// A profile with more properties than this is wide. Store, overlay and call may each bring as many before a profile
/// that is not known as wide could pass the limit: three times this stays below it.
pub const WIDE_PROPERTIES: usize = 128;

/// The wide profiles of an environment, as hashes of their ids: a collision only costs a look.
#[derive(Default)]
pub struct Wide {
    any: AtomicBool,
    hashes: RwLock<HashSet<u64>>,
    hasher: RandomState,
}

impl Wide {
    /// Remembers a profile if it is wide.
    pub fn note(&self, kind: ProfileKind, id: &str, profile: &Profile) {
        if profile.property_count() > WIDE_PROPERTIES {
            self.add(kind, id);
        }
    }

    /// Remembers a profile.
    pub fn add(&self, kind: ProfileKind, id: &str) {
        let hash = self.hasher.hash_one((kind, id));
        self.hashes.write().unwrap_or_else(PoisonError::into_inner).insert(hash);
        self.any.store(true, Ordering::Release);
    }

    /// Whether a profile may be wide.
    pub fn contains(&self, kind: ProfileKind, id: &str) -> bool {
        self.any.load(Ordering::Acquire) && {
            let hash = self.hasher.hash_one((kind, id));
            self.hashes.read().unwrap_or_else(PoisonError::into_inner).contains(&hash)
        }
    }
}
