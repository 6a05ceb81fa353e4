//! Backups taken while writes, seals and merges go on, and data directories made from them.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use muster_kernel::model::erasure::ErasedKind;
use muster_kernel::model::event::EventDraft;
use muster_kernel::model::history::EventQuery;
use muster_kernel::model::id::{EnvironmentId, Position};
use muster_kernel::model::value::Value;
use muster_kernel::ports::{
    Appended, Catalog, Erasures, EventLog, History, Inquiry, Profiles, Receipt, StoredEvent,
};
use muster_local::disk::RealDisk;
use muster_local::log::writer::Random;
use muster_local::{BackupManifest, BackupProgress, Engine, Reapplied, forget_derived, restore, verify};
use muster_testkit::block_on::block_on;
use muster_testkit::builders::{PRODUCTION, identify, joining, tracked, user};

use crate::erasure::{erase, files_with, purge, request};
use crate::stand::{add_environments, open, small};

const STAGING: EnvironmentId = EnvironmentId(2);

fn append(engine: &Engine, environment: EnvironmentId, draft: &EventDraft) -> Receipt {
    match block_on(engine.append(environment, draft)).unwrap() {
        Appended::Stored(receipt) => receipt,
        other => panic!("{other:?}"),
    }
}

fn logged(engine: &Engine, environment: EnvironmentId) -> Vec<StoredEvent> {
    engine.read(environment, Position::START, usize::MAX, usize::MAX).unwrap()
}

fn in_history(engine: &Engine, environment: EnvironmentId) -> Vec<StoredEvent> {
    let page = engine.events(environment, &EventQuery::default(), None, 100_000, &Inquiry::default());
    let mut events = page.unwrap().items;
    events.sort_by_key(|event| event.receipt.position);
    events
}

fn opened(directory: &Path) -> Engine {
    open(Arc::new(RealDisk), directory, small()).unwrap()
}

fn restored(backup: &Path, into: &Path) -> BackupManifest {
    let random: Random = Arc::new(|bytes: &mut [u8]| bytes.fill(0xab));
    restore(backup, into, &random).unwrap()
}

fn event(number: i64) -> EventDraft {
    let id = format!("u{}", number % 37);
    match number % 3 {
        0 => joining(identify(&id, &[("n", Value::Int(number))]), &format!("c{}", number % 5)),
        _ => tracked(&id, "clicked", &[("n", Value::Int(number)), ("plan", Value::Text("pro"))]),
    }
}

#[test]
fn a_backup_under_load_is_everything_up_to_its_position() {
    let (source, target) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let engine = opened(source.path());
    add_environments(&engine, &[1, 2]);
    for number in 0..400 {
        append(&engine, PRODUCTION, &event(number));
    }
    append(&engine, STAGING, &identify("other", &[]));
    // Every other one is a file.
    let suffix = |number: usize| if number.is_multiple_of(2) { "" } else { ".tar" };
    let backups: Vec<_> =
        (0..6).map(|number| target.path().join(format!("backup-{number}{}", suffix(number)))).collect();
    let ended = AtomicBool::new(false);
    let manifests: Vec<BackupManifest> = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut number = 400;
            while !ended.load(Ordering::Relaxed) {
                append(&engine, PRODUCTION, &event(number));
                number += 1;
            }
        });
        let made = backups.iter().map(|into| {
            append(&engine, STAGING, &tracked("other", "looked", &[]));
            engine.back_up(into, &BackupProgress::default()).unwrap()
        });
        let made = made.collect();
        ended.store(true, Ordering::Relaxed);
        made
    });
    let truth = [logged(&engine, PRODUCTION), logged(&engine, STAGING)];
    for (backup, manifest) in backups.iter().zip(&manifests) {
        let data = backup.with_extension("data");
        assert_eq!(&restored(backup, &data), manifest);
        let again = opened(&data);
        assert_eq!(again.recovery_notes(), Vec::<String>::new());
        for (environment, truth) in [PRODUCTION, STAGING].into_iter().zip(&truth) {
            let until = manifest.environments.iter().find(|one| one.id == environment).unwrap().position;
            let expected: Vec<StoredEvent> =
                truth.iter().filter(|event| event.receipt.position <= until).cloned().collect();
            assert!(!expected.is_empty());
            assert_eq!(logged(&again, environment), expected);
            assert_eq!(in_history(&again, environment), expected);
        }
        again.close();
        drop(again);
        assert_eq!(verify(&data).unwrap().problems, Vec::<String>::new());
        // It goes on from there.
        let again = opened(&data);
        let at = append(&again, PRODUCTION, &event(1)).position;
        assert!(at > manifest.environments[0].position);
        again.close();
    }
    assert!(manifests[0].environments[0].position < manifests[5].environments[0].position);
}

#[test]
fn positions_of_a_restored_directory_are_no_others() {
    let (source, target) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let engine = opened(source.path());
    add_environments(&engine, &[1]);
    append(&engine, PRODUCTION, &event(0));
    let before = engine.state().environments[0].clone();
    let data = target.path().join("data");
    engine.back_up(&target.path().join("backup"), &BackupProgress::default()).unwrap();
    restored(&target.path().join("backup"), &data);
    let again = opened(&data);
    let after = again.state().environments[0].clone();
    assert_ne!(after.incarnation, before.incarnation);
    assert_eq!(after.written_as(), before.incarnation);
    again.close();
    drop(again);
    // A backup of a restored directory is one as well.
    let again = opened(&data);
    again.back_up(&target.path().join("second"), &BackupProgress::default()).unwrap();
    let second = target.path().join("second-data");
    restored(&target.path().join("second"), &second);
    assert_eq!(logged(&opened(&second), PRODUCTION), logged(&engine, PRODUCTION));
}

#[test]
fn what_is_not_whole_is_refused() {
    let (source, target) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let engine = opened(source.path());
    add_environments(&engine, &[1]);
    for number in 0..200 {
        append(&engine, PRODUCTION, &event(number));
    }
    let backup = target.path().join("backup");
    let manifest = engine.back_up(&backup, &BackupProgress::default()).unwrap();
    let said = engine.back_up(&backup, &BackupProgress::default()).unwrap_err();
    assert!(said.contains("not empty"), "{said}");
    let stopped = BackupProgress::default();
    stopped.stop();
    let half = target.path().join("half");
    assert!(engine.back_up(&half, &stopped).is_err());
    let random: Random = Arc::new(|bytes: &mut [u8]| bytes.fill(1));
    let said = restore(&half, &target.path().join("x"), &random).unwrap_err();
    assert!(said.contains("not finished"), "{said}");
    let said = restore(&backup, source.path(), &random).unwrap_err();
    assert!(said.contains("in use") || said.contains("holds data already"), "{said}");
    for (number, file) in manifest.files.iter().enumerate().filter(|(_, file)| file.bytes > 0) {
        let path = backup.join(&file.path);
        let whole = std::fs::read(&path).unwrap();
        let mut damaged = whole.clone();
        let middle = damaged.len() / 2;
        damaged[middle] ^= 1;
        std::fs::write(&path, damaged).unwrap();
        let into = target.path().join(format!("damaged-{number}"));
        let said = restore(&backup, &into, &random).unwrap_err();
        assert!(said.contains(&file.path) && said.contains("not what was backed up"), "{said}");
        assert!(open(Arc::new(RealDisk), &into, small()).is_err(), "{}", file.path);
        std::fs::write(&path, whole).unwrap();
    }
}

#[test]
fn a_file_that_is_not_whole_is_refused() {
    let (source, target) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let engine = opened(source.path());
    add_environments(&engine, &[1]);
    for number in 0..200 {
        append(&engine, PRODUCTION, &event(number));
    }
    let backup = target.path().join("backup.tar");
    let stopped = BackupProgress::default();
    stopped.stop();
    let said = engine.back_up(&backup, &stopped).unwrap_err();
    assert!(said.contains("it was stopped"), "{said}");
    assert_eq!(std::fs::read_dir(target.path()).unwrap().count(), 0, "nothing is left of it");
    engine.back_up(&backup, &BackupProgress::default()).unwrap();
    let said = engine.back_up(&backup, &BackupProgress::default()).unwrap_err();
    assert!(said.contains("there already"), "{said}");
    let random: Random = Arc::new(|bytes: &mut [u8]| bytes.fill(0xab));
    let whole = std::fs::read(&backup).unwrap();
    let expected = logged(&engine, PRODUCTION);
    let attempt = |number: usize, bytes: &[u8]| {
        let (path, into) = (target.path().join("other.tar"), target.path().join(format!("data-{number}")));
        std::fs::write(&path, bytes).unwrap();
        let outcome = restore(&path, &into, &random);
        if outcome.is_err() {
            // Before anything was taken out of it the directory is empty, and so a first start.
            let holds_some = into.join("environments").exists();
            assert!(!holds_some || open(Arc::new(RealDisk), &into, small()).is_err(), "{outcome:?}");
        } else {
            assert_eq!(logged(&opened(&into), PRODUCTION), expected);
        }
        std::fs::remove_dir_all(&into).unwrap();
        outcome.is_err()
    };
    // What stands between files means nothing, so not every bit is missed; of a file or its name each one is.
    let stride = whole.len() / 60;
    let mut refused = 0;
    for number in 0..60 {
        let mut other = whole.clone();
        other[number * stride + 7] ^= 1;
        refused += usize::from(attempt(number, &other));
        let cut = &whole[..number * stride];
        assert!(attempt(number, cut), "cut at {}", cut.len());
    }
    assert!(refused > 20, "{refused} of 60");
}

#[test]
fn what_was_erased_since_the_backup_is_erased_there_as_well() {
    const SECRET: [&str; 2] = ["person-to-be-forgotten", "forgotten@example.org"];
    let (source, target) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let engine = opened(source.path());
    add_environments(&engine, &[1]);
    append(&engine, PRODUCTION, &identify("early", &[]));
    erase(&engine, ErasedKind::Users, &["early"]);
    purge(&engine).unwrap();
    append(&engine, PRODUCTION, &identify(SECRET[0], &[("email", Value::Text(SECRET[1]))]));
    append(&engine, PRODUCTION, &identify("stays", &[]));
    let backup = target.path().join("backup");
    engine.back_up(&backup, &BackupProgress::default()).unwrap();
    assert!(!files_with(&backup, &SECRET).is_empty(), "the search finds what is there");
    let mut later = request(ErasedKind::Users, &[SECRET[0], "never-seen"], true);
    later.id = "later".to_owned();
    block_on(engine.accept(PRODUCTION, later).unwrap()).unwrap();
    purge(&engine).unwrap();
    engine.close();
    drop(engine);

    let data = target.path().join("data");
    restored(&backup, &data);
    let again = opened(&data);
    assert!(again.user(PRODUCTION, &user(SECRET[0])).unwrap().is_some());
    let done = again.erase_as_in(source.path()).unwrap();
    let expected =
        Reapplied { environment: again.state().environments[0].name.clone(), id: "later".to_owned(), ids: 1 };
    assert_eq!(done, [expected]);
    assert_eq!(again.erase_as_in(source.path()).unwrap(), [], "once is enough");
    assert_eq!(files_with(&data, &SECRET), Vec::<String>::new());
    assert!(again.user(PRODUCTION, &user("stays")).unwrap().is_some());
    let erasures = again.erasures(PRODUCTION).unwrap();
    assert!(erasures.iter().all(|erasure| erasure.certificate.is_some()));
    let is_refused = |engine: &Engine| {
        for id in [SECRET[0], "never-seen"] {
            let outcome = block_on(engine.append(PRODUCTION, &identify(id, &[])));
            assert!(matches!(outcome, Ok(Appended::Suppressed)), "{id}: {outcome:?}");
        }
    };
    is_refused(&again);
    again.close();
    drop(again);
    is_refused(&opened(&data));
    assert_eq!(verify(&data).unwrap().problems, Vec::<String>::new());
}

#[test]
fn what_is_derived_is_made_anew() {
    let source = tempfile::tempdir().unwrap();
    let engine = opened(source.path());
    add_environments(&engine, &[1]);
    for number in 0..300 {
        append(&engine, PRODUCTION, &event(number));
    }
    let profile = |engine: &Engine| engine.user(PRODUCTION, &user("u3")).unwrap().unwrap();
    let before = profile(&engine);
    engine.close();
    drop(engine);
    forget_derived(source.path()).unwrap();
    assert!(!source.path().join("environments/1/profiles").exists());
    let again = opened(source.path());
    assert_eq!(profile(&again), before);
    again.close();
    drop(again);
    assert_eq!(verify(source.path()).unwrap().problems, Vec::<String>::new());
}
