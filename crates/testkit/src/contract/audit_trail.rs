//! What an `AuditTrail` promises.

use muster_kernel::model::audit::{Act, Actor, AuditEntry};
use muster_kernel::model::id::{EnvironmentId, MemberId};
use muster_kernel::model::time::Timestamp;
use muster_kernel::ports::AuditTrail;

/// An entry that says everything there is to say.
pub fn entry(number: u64) -> AuditEntry {
    AuditEntry {
        number,
        at: Timestamp(i64::try_from(number).unwrap_or(i64::MAX)),
        actor: Actor::Member { id: MemberId(7), name: "Ada\n\"Lovelace\" é".to_owned() },
        act: Act::KeyCreated,
        environment: Some(EnvironmentId(1)),
        subject: format!("key {number}"),
        details: [("scopes".to_owned(), "ingest,read".to_owned())].into(),
    }
}

/// Runs every promise.
pub fn audit_trail_keeps_its_promises(trail: &dyn AuditTrail) {
    let append = |numbers: std::ops::RangeInclusive<u64>| {
        let entries: Vec<AuditEntry> = numbers.map(entry).collect();
        trail.append(&entries).unwrap_or_else(|error| panic!("{error}"));
    };
    let before = |before: u64, limit: usize| {
        let found = trail.before(before, limit).unwrap_or_else(|error| panic!("{error}"));
        found.iter().for_each(|found| assert_eq!(found, &entry(found.number), "read back as it was"));
        found.into_iter().map(|entry| entry.number).collect::<Vec<_>>()
    };
    assert_eq!(before(u64::MAX, 10), [] as [u64; 0], "nothing is there at first");
    append(1..=300);
    append(200..=700);
    assert_eq!(trail.append(&[]), Ok(()));
    assert_eq!(before(u64::MAX, 2), [700, 699]);
    assert_eq!(before(u64::MAX, 1000), (1..=700).rev().collect::<Vec<_>>(), "each once, newest first");
    assert_eq!(before(300, 300), (1..=299).rev().collect::<Vec<_>>());
    assert_eq!(before(700, 1), [699]);
    assert_eq!(before(129, 1), [128]);
    assert_eq!(before(1, 10), [] as [u64; 0]);
    assert_eq!(before(u64::MAX, 0), [] as [u64; 0]);
}
