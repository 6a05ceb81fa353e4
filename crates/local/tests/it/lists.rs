//! Lists of ids: no power cut loses a change that was acknowledged, and what is erased is in no file.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use muster_kernel::model::id::SegmentId;
use muster_kernel::model::segment::Level;
use muster_kernel::model::segment::listed::ListChange;
use muster_kernel::ports::{ProfileKind, StoreError};
use muster_local::disk::Disk;
use muster_local::{ListFiles, check_lists};
use muster_testkit::contract::set;
use muster_testkit::sim_disk::{Faults, SimDisk, Unsynced};

const LIST: (SegmentId, Level) = (SegmentId(7), Level::User);
const OTHER: (SegmentId, Level) = (SegmentId(8), Level::Company);
const ALL: [Unsynced; 4] = [Unsynced::Lost, Unsynced::Kept, Unsynced::Torn(3), Unsynced::Torn(7919)];

fn directory() -> &'static Path {
    Path::new("/data/environments/1")
}

fn fresh() -> SimDisk {
    let disk = SimDisk::default();
    disk.create_directory(directory()).unwrap();
    disk
}

fn saved() -> BTreeSet<SegmentId> {
    [LIST.0, OTHER.0].into()
}

fn open(disk: &SimDisk) -> ListFiles {
    ListFiles::open(Arc::new(disk.clone()), directory(), &saved()).unwrap()
}

fn states() -> Vec<BTreeSet<Box<str>>> {
    vec![set(&[]), set(&["a", "b", "c"]), set(&["b"]), set(&["b", "long id of somebody else"]), set(&["z"])]
}

/// Makes the list each of the states in turn; answers how many were acknowledged.
fn change(lists: &ListFiles) -> usize {
    let made = |state: &BTreeSet<Box<str>>| lists.change(LIST, &ListChange::Replace(state.clone())).is_ok();
    states().iter().skip(1).take_while(|state| made(state)).count()
}

#[test]
fn a_power_cut_at_any_sync_leaves_the_list_before_or_after_a_change() {
    let disk = fresh();
    assert_eq!(change(&open(&disk)), states().len() - 1);
    let syncs = disk.syncs();
    assert!(syncs >= 8, "{syncs}");
    for at in 1..=syncs {
        let disk = fresh();
        disk.set_faults(Faults { power_cut_at_sync: Some(at), ..Faults::default() });
        let acknowledged = change(&open(&disk));
        for unsynced in ALL {
            let after = disk.after_power_cut(unsynced);
            let lists = open(&after);
            let found = lists.ids(LIST.0).unwrap();
            let place = states().iter().position(|state| *state == *found);
            assert!(
                place == Some(acknowledged) || place == Some(acknowledged + 1),
                "cut at sync {at}, {unsynced:?}: {found:?}"
            );
            assert_eq!(lists.count(LIST.0), found.len() as u64);
            assert_eq!(change(&lists), states().len() - 1, "and it goes on");
            assert!(after.paths().iter().all(|path| !path.ends_with("7.ids.new")), "nothing is left half");
        }
    }
}

#[test]
fn after_a_failed_sync_the_list_is_what_is_on_disk() {
    let disk = fresh();
    let lists = open(&disk);
    change(&lists);
    for failing in 1..=3 {
        disk.set_faults(Faults { failing_sync: Some(disk.syncs() + failing), ..Faults::default() });
        let refused = lists.change(LIST, &ListChange::Replace(set(&["new"])));
        assert!(matches!(refused, Err(StoreError::Failed(_))), "{refused:?}");
        let found = lists.ids(LIST.0).unwrap();
        assert!(*found == set(&["z"]) || *found == set(&["new"]), "{found:?}");
        assert_eq!(lists.count(LIST.0), 1);
        disk.set_faults(Faults::default());
        // Also when that is what the failed change left: only now is it sure to stay.
        let again = (*found).clone();
        lists.change(LIST, &ListChange::Replace(again.clone())).unwrap();
        assert_eq!(*open(&disk.after_power_cut(Unsynced::Lost)).ids(LIST.0).unwrap(), again);
        lists.change(LIST, &ListChange::Replace(set(&["z"]))).unwrap();
    }
}

#[test]
fn a_list_of_no_segment_goes_with_the_next_start() {
    let disk = fresh();
    change(&open(&disk));
    assert!(disk.bytes(&directory().join("lists/7.ids")).is_some());
    let lists = ListFiles::open(Arc::new(disk.clone()), directory(), &[OTHER.0].into()).unwrap();
    assert!(disk.bytes(&directory().join("lists/7.ids")).is_none());
    assert_eq!(lists.count(LIST.0), 0);
}

#[test]
fn damage_is_told_and_never_read_as_a_list() {
    let disk = fresh();
    change(&open(&disk));
    let path = directory().join("lists/7.ids");
    assert_eq!(check_lists(&disk, directory(), &saved()), (1, Vec::new()));
    let last = disk.bytes(&path).unwrap().len() - 2;
    let damaged = disk.with_file(&path, |bytes| bytes[last] ^= 1);
    let refused = open(&damaged).ids(LIST.0);
    assert!(matches!(refused, Err(StoreError::Damaged(_))), "{refused:?}");
    let (count, problems) = check_lists(&damaged, directory(), &saved());
    assert_eq!((count, problems.len()), (0, 1), "{problems:?}");
    assert!(problems[0].contains("7.ids"), "{problems:?}");
    let torn = disk.with_file(&path, |bytes| bytes.truncate(5));
    let lists = open(&torn);
    assert!(matches!(lists.ids(LIST.0), Err(StoreError::Damaged(_))), "the others are served");
    assert!(
        matches!(lists.take_out(&|_, _| true, &|| Ok(())), Err(StoreError::Damaged(_))),
        "nothing is certified"
    );
    assert_eq!(lists.remove(LIST.0), Ok(()));
    assert_eq!(lists.take_out(&|_, _| true, &|| Ok(())), Ok(()));
}

#[test]
fn what_is_taken_out_is_in_no_file_whenever_the_power_goes() {
    const GONE: &str = "person-under-erasure";
    let filled = || {
        let disk = fresh();
        let lists = open(&disk);
        for list in [LIST, OTHER] {
            lists.change(list, &ListChange::Replace(set(&[GONE, "stays"]))).unwrap();
        }
        (disk, lists)
    };
    let is_gone = |kind: ProfileKind, id: &str| kind == ProfileKind::User && id == GONE;
    let holding = |disk: &SimDisk| -> Vec<_> {
        let holds = |bytes: Vec<u8>| bytes.windows(GONE.len()).any(|window| window == GONE.as_bytes());
        disk.paths().into_iter().filter(|path| disk.bytes(path).is_some_and(holds)).collect()
    };
    let (disk, lists) = filled();
    assert_eq!(holding(&disk).len(), 2, "the search finds what is there");
    let before = disk.syncs();
    lists.take_out(&is_gone, &|| Ok(())).unwrap();
    let syncs = disk.syncs() - before;
    assert!(syncs >= 2, "{syncs}");
    for at in 1..=syncs {
        let (disk, lists) = filled();
        disk.set_faults(Faults { power_cut_at_sync: Some(disk.syncs() + at), ..Faults::default() });
        assert!(lists.take_out(&is_gone, &|| Ok(())).is_err());
        for unsynced in ALL {
            let after = disk.after_power_cut(unsynced);
            let lists = open(&after);
            lists.take_out(&is_gone, &|| Ok(())).unwrap();
            assert_eq!(*lists.ids(LIST.0).unwrap(), set(&["stays"]), "cut at sync {at}, {unsynced:?}");
            assert_eq!(*lists.ids(OTHER.0).unwrap(), set(&[GONE, "stays"]), "a company of the same name");
            assert_eq!(holding(&after), [directory().join("lists/8.ids")], "cut at sync {at}, {unsynced:?}");
        }
    }
}
