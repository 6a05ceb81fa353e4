//! The ids of a static segment, and changes to them.

use std::collections::BTreeSet;
use std::sync::Arc;

/// Ids of users or companies, each once. They need not be known: nobody is what a list says of an unknown one.
pub type Ids = Arc<BTreeSet<Box<str>>>;

/// A change to a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListChange {
    /// The list is these from now on.
    Replace(BTreeSet<Box<str>>),
    /// Some leave the list, then some come to it: whoever does both is in it.
    Edit {
        /// Who comes.
        add: BTreeSet<Box<str>>,
        /// Who leaves.
        remove: BTreeSet<Box<str>>,
    },
}

/// What a change to a list did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListChanged {
    /// How many ids the list has now.
    pub listed: u64,
    /// How many of them it had not before.
    pub added: u64,
    /// How many it has no longer.
    pub removed: u64,
}

impl ListChange {
    /// The list as it is after the change, and what is different.
    pub fn applied(&self, before: &BTreeSet<Box<str>>) -> (BTreeSet<Box<str>>, ListChanged) {
        let after = match self {
            ListChange::Replace(ids) => ids.clone(),
            ListChange::Edit { add, remove } => {
                let mut ids = before.clone();
                ids.retain(|id| !remove.contains(id));
                ids.extend(add.iter().cloned());
                ids
            }
        };
        let changed = ListChanged {
            listed: after.len() as u64,
            added: after.difference(before).count() as u64,
            removed: before.difference(&after).count() as u64,
        };
        (after, changed)
    }
}
