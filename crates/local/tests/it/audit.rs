//! The audit trail: its promises, and that acts are found exactly once whatever happens between catalog and trail.

use std::path::Path;
use std::sync::Arc;

use muster_kernel::ports::{AuditTrail, Catalog};
use muster_local::disk::Disk;
use muster_local::{AuditFile, CatalogFile, held_from};
use muster_testkit::contract::{audit_trail_keeps_its_promises, entry};
use muster_testkit::sim_disk::{Faults, SimDisk, Unsynced};

const ACTS: u64 = 60;
/// Acts that the catalog of these tests holds before it hands the older half on.
const HELD_MAX: usize = 6;

fn directory() -> &'static Path {
    Path::new("/data")
}

fn fresh() -> SimDisk {
    let disk = SimDisk::default();
    disk.create_directory(directory()).unwrap();
    disk
}

/// Catalog and trail as an engine opens them; `None` when the disk fails.
fn open(disk: &SimDisk) -> Option<(CatalogFile, AuditFile, Vec<String>)> {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    let catalog = CatalogFile::open(Arc::clone(&disk), directory()).ok()?;
    let (trail, notes) = AuditFile::open(disk, directory(), held_from(&catalog.state())).ok()?;
    Some((catalog, trail, notes))
}

/// Acts until `until`, as administration does; answers the last act that was acknowledged.
fn act(catalog: &CatalogFile, trail: &AuditFile, until: u64) -> u64 {
    let mut acknowledged = 0;
    while acknowledged < until {
        let acted = catalog.change(&mut |state| {
            let number = state.next_audit.max(1);
            state.next_audit = number + 1;
            state.audit.push(entry(number));
            Ok(())
        });
        if acted.is_err() {
            return acknowledged;
        }
        let state = catalog.state();
        acknowledged = state.next_audit - 1;
        if state.audit.len() > HELD_MAX {
            let old = &state.audit[..HELD_MAX / 2];
            let last = old[old.len() - 1].number;
            if trail.append(old).is_ok() {
                let _ = catalog.change(&mut |state| {
                    state.audit.retain(|entry| entry.number > last);
                    Ok(())
                });
            }
        }
    }
    acknowledged
}

/// Every act there is, newest first, as administration reads them.
fn all(catalog: &CatalogFile, trail: &AuditFile) -> Vec<u64> {
    let state = catalog.state();
    let oldest = state.audit.first().map_or(u64::MAX, |entry| entry.number);
    let held = state.audit.iter().rev().cloned();
    held.chain(trail.before(oldest, usize::MAX).unwrap()).map(|entry| entry.number).collect()
}

#[test]
fn the_audit_trail_keeps_its_promises_and_reads_back_after_a_start() {
    let disk = fresh();
    let (_, trail, _) = open(&disk).unwrap();
    audit_trail_keeps_its_promises(&trail);
    let shared: Arc<dyn Disk> = Arc::new(disk);
    let (trail, notes) = AuditFile::open(shared, directory(), 701).unwrap();
    assert_eq!(notes, [""; 0]);
    let found: Vec<u64> = trail.before(u64::MAX, usize::MAX).unwrap().iter().map(|e| e.number).collect();
    assert_eq!(found, (1..=700).rev().collect::<Vec<_>>());
}

#[test]
fn a_power_cut_at_any_sync_loses_no_act_and_doubles_none() {
    let disk = fresh();
    let (catalog, trail, _) = open(&disk).unwrap();
    assert_eq!(act(&catalog, &trail, ACTS), ACTS);
    let syncs = disk.syncs();
    assert!(disk.bytes(&directory().join("audit.log")).is_some() && syncs > 2 * ACTS);
    for at in 1..=syncs {
        let disk = fresh();
        disk.set_faults(Faults { power_cut_at_sync: Some(at), ..Faults::default() });
        let acknowledged = open(&disk).map_or(0, |(catalog, trail, _)| act(&catalog, &trail, ACTS));
        for unsynced in [Unsynced::Lost, Unsynced::Kept, Unsynced::Torn(at), Unsynced::Torn(at * 7919)] {
            let after = disk.after_power_cut(unsynced);
            let (catalog, trail, notes) = open(&after).expect("a start after a power cut");
            assert_eq!(notes, [""; 0], "cut at sync {at}, {unsynced:?}");
            let found = all(&catalog, &trail);
            let newest = found.first().copied().unwrap_or(0);
            assert!(newest == acknowledged || newest == acknowledged + 1, "cut at sync {at}, {unsynced:?}");
            assert_eq!(found, (1..=newest).rev().collect::<Vec<_>>(), "cut at sync {at}, {unsynced:?}");
            act(&catalog, &trail, ACTS + 10);
            assert_eq!(all(&catalog, &trail), (1..=ACTS + 10).rev().collect::<Vec<_>>());
        }
    }
}

#[test]
fn after_a_failed_sync_acts_stay_in_the_catalog_until_the_next_start() {
    let disk = fresh();
    let (catalog, trail, _) = open(&disk).unwrap();
    act(&catalog, &trail, ACTS);
    disk.set_faults(Faults { failing_sync: Some(disk.syncs() + 1), ..Faults::default() });
    assert!(trail.append(&[entry(1000)]).is_err());
    assert!(trail.append(&[entry(1000)]).is_err(), "not even a sync that works makes it so");
    act(&catalog, &trail, 2 * ACTS);
    assert!(catalog.state().audit.len() > HELD_MAX);
    assert_eq!(all(&catalog, &trail), (1..=2 * ACTS).rev().collect::<Vec<_>>());
    let (catalog, trail, _) = open(&disk.after_power_cut(Unsynced::Lost)).unwrap();
    act(&catalog, &trail, 2 * ACTS + HELD_MAX as u64);
    assert_eq!(all(&catalog, &trail), (1..=2 * ACTS + HELD_MAX as u64).rev().collect::<Vec<_>>());
}

#[test]
fn a_flipped_bit_costs_one_act_and_is_said() {
    let disk = fresh();
    let (catalog, trail, _) = open(&disk).unwrap();
    act(&catalog, &trail, ACTS);
    let whole = all(&catalog, &trail);
    let file = directory().join("audit.log");
    let damaged = disk.with_file(&file, |bytes| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
    });
    let (catalog, trail, notes) = open(&damaged).unwrap();
    assert_eq!(notes.len(), 1, "{notes:?}");
    let found = all(&catalog, &trail);
    let lost: Vec<u64> = whole.iter().copied().filter(|number| !found.contains(number)).collect();
    assert_eq!((found.len(), lost.len()), (whole.len() - 1, 1));
    let said = format!("audit.log lacks the acts {0} to {0}: they were damaged or taken out", lost[0]);
    assert_eq!(notes, [said]);
    let taken_out = disk.with_file(&file, |bytes| bytes.clear());
    let (_, _, notes) = open(&taken_out).unwrap();
    assert!(notes[0].starts_with("audit.log lacks the acts 1 to "), "{notes:?}");
}
