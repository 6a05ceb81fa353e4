//! What `Lists` promises.

use std::collections::BTreeSet;

use muster_kernel::model::erasure::{ErasedKind, ErasureRequest};
use muster_kernel::model::id::{EnvironmentId, SegmentId};
use muster_kernel::model::limits::LIST_IDS_MAX;
use muster_kernel::model::segment::Level;
use muster_kernel::model::segment::listed::{ListChange, ListChanged};
use muster_kernel::ports::{Erasures, Lists, Purged, StoreError};

use crate::block_on::block_on;
use crate::builders::PRODUCTION;
use crate::clock::DAY_ONE;

const STAGING: EnvironmentId = EnvironmentId(2);
const USERS: (SegmentId, Level) = (SegmentId(7), Level::User);
const COMPANIES: (SegmentId, Level) = (SegmentId(8), Level::Company);

/// Every promise of [`Lists`], and that of [`Erasures`] about them.
///
/// # Panics
/// When one is broken.
pub fn lists_keep_their_promises(lists: &dyn Lists, erasures: &dyn Erasures) {
    a_list_that_nobody_wrote_is_empty(lists);
    a_list_is_what_its_changes_make_of_it(lists);
    a_list_does_not_grow_beyond_its_limit(lists);
    whoever_is_erased_leaves_every_list_of_the_kind(lists, erasures);
    a_removed_list_is_empty_and_nothing_crosses_environments(lists);
}

/// Ids as a set.
pub fn set(ids: &[&str]) -> BTreeSet<Box<str>> {
    ids.iter().map(|id| Box::from(*id)).collect()
}

fn edit(add: &[&str], remove: &[&str]) -> ListChange {
    ListChange::Edit { add: set(add), remove: set(remove) }
}

fn changed(listed: u64, added: u64, removed: u64) -> ListChanged {
    ListChanged { listed, added, removed }
}

#[track_caller]
fn check(lists: &dyn Lists, list: SegmentId, ids: &[&str]) {
    assert_eq!(*lists.ids(PRODUCTION, list).unwrap_or_else(|error| panic!("{error}")), set(ids));
    assert_eq!(lists.count(PRODUCTION, list), Ok(ids.len() as u64));
}

fn a_list_that_nobody_wrote_is_empty(lists: &dyn Lists) {
    check(lists, USERS.0, &[]);
    let unknown = EnvironmentId(99);
    assert_eq!(lists.ids(unknown, USERS.0), Err(StoreError::NoEnvironment));
    assert_eq!(lists.change(unknown, USERS, &edit(&["a"], &[])), Err(StoreError::NoEnvironment));
}

fn a_list_is_what_its_changes_make_of_it(lists: &dyn Lists) {
    let change = |change: ListChange| lists.change(PRODUCTION, USERS, &change);
    assert_eq!(change(edit(&["b", "a", "é, \"quoted\""], &["nobody"])), Ok(changed(3, 3, 0)));
    check(lists, USERS.0, &["a", "b", "é, \"quoted\""]);
    assert_eq!(change(edit(&["b", "c"], &["a", "c"])), Ok(changed(3, 1, 1)), "who leaves and comes is in it");
    check(lists, USERS.0, &["b", "c", "é, \"quoted\""]);
    assert_eq!(change(ListChange::Replace(set(&["c", "d"]))), Ok(changed(2, 1, 2)));
    assert_eq!(change(ListChange::Replace(set(&["c", "d"]))), Ok(changed(2, 0, 0)));
    check(lists, USERS.0, &["c", "d"]);
    assert_eq!(change(ListChange::Replace(set(&[]))), Ok(changed(0, 0, 2)));
    check(lists, USERS.0, &[]);
}

fn a_list_does_not_grow_beyond_its_limit(lists: &dyn Lists) {
    let full: BTreeSet<Box<str>> = (0..LIST_IDS_MAX).map(|number| number.to_string().into()).collect();
    let listed = lists.change(PRODUCTION, USERS, &ListChange::Replace(full));
    assert_eq!(listed.map(|changed| changed.listed), Ok(LIST_IDS_MAX as u64));
    assert_eq!(lists.change(PRODUCTION, USERS, &edit(&["one more"], &[])), Err(StoreError::TooLarge));
    assert_eq!(lists.count(PRODUCTION, USERS.0), Ok(LIST_IDS_MAX as u64), "nothing is changed then");
    let exchanged = lists.change(PRODUCTION, USERS, &edit(&["one more"], &["0"]));
    assert_eq!(exchanged, Ok(changed(LIST_IDS_MAX as u64, 1, 1)));
}

fn whoever_is_erased_leaves_every_list_of_the_kind(lists: &dyn Lists, erasures: &dyn Erasures) {
    for list in [USERS, (SegmentId(9), Level::User), COMPANIES] {
        let listed = lists.change(PRODUCTION, list, &ListChange::Replace(set(&["gone", "stays"])));
        assert_eq!(listed.map(|changed| changed.listed), Ok(2));
    }
    let request = ErasureRequest {
        id: "delete:jobs:NX-1:lists".to_owned(),
        kind: ErasedKind::Users,
        ids: vec!["gone".to_owned()],
        suppress: false,
        key: None,
        by: None,
        accepted_at: DAY_ONE,
        due_at: DAY_ONE,
        promised_at: DAY_ONE,
    };
    let accepted = erasures.accept(PRODUCTION, request).unwrap_or_else(|error| panic!("{error}"));
    let number = block_on(accepted).unwrap_or_else(|error| panic!("{error:?}")).number;
    let purged = erasures.purge(PRODUCTION, &[number], &|| DAY_ONE, &|| false);
    assert_eq!(purged, Ok(Purged::Completed));
    check(lists, USERS.0, &["stays"]);
    check(lists, SegmentId(9), &["stays"]);
    check(lists, COMPANIES.0, &["gone", "stays"]);
}

fn a_removed_list_is_empty_and_nothing_crosses_environments(lists: &dyn Lists) {
    assert_eq!(lists.ids(STAGING, USERS.0), Ok(std::sync::Arc::default()));
    let there = lists.change(STAGING, USERS, &edit(&["there"], &[]));
    assert_eq!(there, Ok(changed(1, 1, 0)));
    for _ in 0..2 {
        assert_eq!(lists.remove(PRODUCTION, USERS.0), Ok(()));
        check(lists, USERS.0, &[]);
    }
    assert_eq!(lists.count(STAGING, USERS.0), Ok(1));
}
