//! A damaged store, or one that tells another story than the log: `muster verify` says what, where, and what to do.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use muster_kernel::model::erasure::ErasedKind;
use muster_kernel::model::event::EventDraft;
use muster_kernel::model::time::{MINUTE, Timestamp};
use muster_kernel::model::value::Value;
use muster_kernel::ports::{Clock, EventLog, Ledger};
use muster_local::disk::RealDisk;
use muster_local::{Engine, VerifyLimits, VerifyReport, forget_derived, verify, verify_within};
use muster_testkit::block_on::block_on;
use muster_testkit::builders::{KEY, PRODUCTION, guarded, identify, identify_company, joining};
use muster_testkit::clock::{DAY_ONE, ManualClock};

use crate::crash::copy_directory;
use crate::erasure::{erase, purge};
use crate::stand::{add_environments, open, open_at, small};

const REMEDY: &str = "`muster rebuild` makes it anew from the log";
/// So little that everything is done in many parts.
const LITTLE: VerifyLimits = VerifyLimits { part_bytes: 1 << 10, minutes: 1 };

fn at(mut draft: EventDraft, micros: i64) -> EventDraft {
    draft.occurred_at = Some(Timestamp(micros));
    draft
}

fn append(engine: &Engine, draft: &EventDraft) {
    block_on(engine.append(PRODUCTION, draft)).unwrap();
}

/// Everything that a store derives: guards, refusals, repetitions, companies, ties, names, wide profiles, several
/// minutes, and what an erasure leaves.
fn written(root: &Path) {
    let clock = Arc::new(ManualClock::default());
    let engine = open_at(Arc::new(RealDisk), root, small(), Arc::clone(&clock)).unwrap();
    add_environments(&engine, &[1, 2]);
    for n in 0..60u8 {
        let name = format!("Name {n}");
        let draft = identify(&format!("u-{n}"), &[("name", Value::Text(&name)), ("n", Value::Int(n.into()))]);
        append(&engine, &guarded(joining(draft, &format!("c-{}", n % 5)), n, n));
        clock.set(clock.now().plus(7 * MINUTE));
    }
    append(&engine, &guarded(identify("u-1", &[("n", Value::Int(1))]), 1, 1));
    for company in ["c-1", "c-2"] {
        append(&engine, &joining(at(identify("torn", &[]), DAY_ONE.0), company));
    }
    append(&engine, &identify_company("c-0", &[("name", Value::Text("The first"))]));
    let names: Vec<String> = (0..200).map(|n| format!("p{n}")).collect();
    let wide: Vec<_> = names.iter().map(|name| (&**name, Value::Bool(true))).collect();
    append(&engine, &identify("wide", &wide));
    engine.reject(PRODUCTION, KEY, "id_missing");
    erase(&engine, ErasedKind::Users, &["u-7", "u-8"]);
    erase(&engine, ErasedKind::Companies, &["c-3"]);
    purge(&engine).unwrap();
    append(&engine, &guarded(identify("u-7", &[]), 7, 70));
    engine.close();
}

fn environment(root: &Path) -> PathBuf {
    root.join("environments/1")
}

fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files_below(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// Changes a keyspace of the store behind the engine's back.
fn tampered(root: &Path, keyspace: &str, change: &dyn Fn(&Keyspace)) {
    let store = Database::builder(environment(root).join("profiles")).open().unwrap();
    let keyspace = store.keyspace(keyspace, KeyspaceCreateOptions::default).unwrap();
    change(&keyspace);
    store.persist(PersistMode::SyncAll).unwrap();
}

/// The first entry whose key begins with a byte, or the first of all.
fn first(keyspace: &Keyspace, prefix: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let entry = keyspace.prefix(prefix).next().expect("an entry");
    let (key, value) = entry.into_inner().unwrap();
    (key.to_vec(), value.to_vec())
}

fn without(prefix: &'static [u8]) -> impl Fn(&Keyspace) {
    move |keyspace| keyspace.remove(first(keyspace, prefix).0).unwrap()
}

fn with(key: &'static [u8], value: &'static [u8]) -> impl Fn(&Keyspace) {
    move |keyspace| keyspace.insert(key, value).unwrap()
}

/// The last bit of the first value that has one is another.
fn flipped(prefix: &'static [u8]) -> impl Fn(&Keyspace) {
    move |keyspace| {
        let (key, mut value) = first(keyspace, prefix);
        *value.last_mut().expect("a value") ^= 1;
        keyspace.insert(key, value).unwrap();
    }
}

type Tampering<'a> = (&'a str, &'a dyn Fn(&Keyspace), &'a str);

#[test]
fn guards_ledger_and_index_that_contradict_the_log_are_named_with_the_remedy() {
    let directory = tempfile::tempdir().unwrap();
    let whole = directory.path().join("whole");
    written(&whole);
    let good = verify(&whole).unwrap();
    assert_eq!(good.problems, [""; 0]);
    // Two of sixty went with the erased users, one came anew.
    assert!(good.summary.contains(" 59 guards, "), "{}", good.summary);
    assert_eq!(verify_within(&whole, LITTLE).unwrap(), good);
    let guard_missing = "0 are not those of the log's records and 1 are missing";
    let guard_wrong = "1 are not those of the log's records and 0 are missing";
    let row_missing = "0 are not what the log's records come to and 1 are missing";
    let entry_missing = "1 entries are missing or differ, 0 are of no profile, and 0 numbers";
    let entry_needless = "0 entries are missing or differ, 1 are of no profile, and 0 numbers";
    let miscounted = "0 are of no profile, and 1 numbers are not what counting comes to";
    let cases: [Tampering<'_>; 17] = [
        ("guards", &without(&[]), guard_missing),
        ("guards", &with(&[0xee; 16], &[0; 32]), guard_wrong),
        ("guards", &with(&[0xee; 3], &[]), guard_wrong),
        ("guards", &flipped(&[]), guard_wrong),
        ("ledger", &without(&[]), row_missing),
        ("ledger", &with(&[0xee; 12], &[1]), "1 are not what the log's records come to and 0 are missing"),
        ("ledger", &flipped(&[]), "1 are not what the log's records come to"),
        ("index", &without(b"m"), "1 entries are missing or differ, 0 are of no profile, and 1 numbers"),
        ("index", &without(b"t"), entry_missing),
        ("index", &without(b"w"), entry_missing),
        ("index", &with(b"tname\0nobody", &[]), entry_needless),
        ("index", &with(b"?", &[]), entry_needless),
        ("index", &flipped(b"n"), miscounted),
        ("index", &flipped(b"p"), miscounted),
        ("index", &flipped(b"f"), miscounted),
        ("index", &without(b"l"), miscounted),
        ("index", &with(b"nnowhere", &[3]), miscounted),
    ];
    for (number, (keyspace, change, expected)) in cases.into_iter().enumerate() {
        let root = directory.path().join(number.to_string());
        copy_directory(&whole, &root);
        tampered(&root, keyspace, change);
        let found = verify(&root).unwrap();
        assert_eq!(found.problems.len(), 1, "{keyspace} {number}: {found:?}");
        let store = environment(&root).join("profiles");
        let problem = &found.problems[0];
        for part in [&*store.display().to_string(), expected, REMEDY] {
            assert!(problem.contains(part), "{keyspace} {number}: {part:?} is not in {problem}");
        }
        assert_eq!(verify_within(&root, LITTLE).unwrap().problems, found.problems, "in many parts");
        mended(&root, &good);
    }
}

/// Does what the sentence says, and looks again.
fn mended(root: &Path, good: &VerifyReport) {
    forget_derived(root).unwrap();
    open(Arc::new(RealDisk), root, small()).unwrap().close();
    let found = verify(root).unwrap();
    assert_eq!((&found.problems, compared(&found)), (&good.problems, compared(good)));
}

/// What was compared with the log, but for history, which goes on sealing.
fn compared(report: &VerifyReport) -> &str {
    report.summary.split_once(" rows of the ledger").unwrap().0
}

/// Puts all that is in memory and in the journal into tables.
fn flushed(root: &Path) {
    let store = Database::builder(environment(root).join("profiles")).open().unwrap();
    for name in ["users", "companies", "index", "guards", "ledger", "meta"] {
        let keyspace = store.keyspace(name, KeyspaceCreateOptions::default).unwrap();
        keyspace.rotate_memtable_and_wait().unwrap();
    }
    store.persist(PersistMode::SyncAll).unwrap();
}

/// Bytes that are flipped in each file.
const FLIPS: usize = 24;

#[test]
fn a_flipped_byte_in_a_file_of_the_store_is_named_or_does_no_harm() {
    let directory = tempfile::tempdir().unwrap();
    let whole = directory.path().join("whole");
    written(&whole);
    flushed(&whole);
    let good = verify(&whole).unwrap();
    assert_eq!(good.problems, [""; 0]);
    let (mut named, mut harmless) = (0, 0);
    for place in ["profiles", "values"] {
        for path in files_below(&environment(&whole).join(place)) {
            let bytes = fs::read(&path).unwrap();
            let step = (bytes.len() / FLIPS).max(1);
            for offset in (0..bytes.len()).step_by(step) {
                let root = directory.path().join("flipped");
                copy_directory(&whole, &root);
                let mut bytes = bytes.clone();
                bytes[offset] ^= 0x20;
                fs::write(root.join(path.strip_prefix(&whole).unwrap()), bytes).unwrap();
                let found = verify(&root).unwrap();
                let store = environment(&root).join("profiles").display().to_string();
                match found.problems.as_slice() {
                    [] => {
                        harmless += 1;
                        assert_eq!(found, good, "{path:?} at {offset}: something was not compared");
                    }
                    problems => {
                        named += 1;
                        let has_remedy = |text: &String| {
                            text.contains(&store) && text.contains(REMEDY) || text.contains("in the store")
                        };
                        assert!(problems.iter().all(has_remedy), "{path:?} at {offset}: {problems:?}");
                    }
                }
                fs::remove_dir_all(&root).unwrap();
            }
        }
    }
    assert!(named > harmless, "{named} named, {harmless} harmless");
}
