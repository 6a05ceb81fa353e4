//! Erasures: hidden at once, gone for good, whatever happens in between, and nothing else with them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use muster_kernel::model::batch::EventBatch;
use muster_kernel::model::erasure::{ErasedKind, Erasure, ErasureRequest};
use muster_kernel::model::event::{Event, EventDraft};
use muster_kernel::model::history::EventQuery;
use muster_kernel::model::id::{JobNumber, Position};
use muster_kernel::model::job::JobStatus;
use muster_kernel::model::value::Value;
use muster_kernel::ports::{
    Appended, CompanyQuery, Erasures, EventLog, History, Inquiry, Jobs, Ledger, ProfileKind, Profiles,
    Purged, Receipt, UserQuery,
};
use muster_local::disk::RealDisk;
use muster_local::{Engine, verify};
use muster_testkit::block_on::block_on;
use muster_testkit::builders::{PRODUCTION, company, guarded, identify, identify_company, joining, user};
use muster_testkit::clock::DAY_ONE;
use muster_testkit::contract::upload;
use muster_testkit::sim_disk::{Faults, Unsynced};

use crate::crash::Place;
use crate::stand::{add_environments, open, small};

pub fn request(kind: ErasedKind, ids: &[&str], suppress: bool) -> ErasureRequest {
    ErasureRequest {
        id: format!("delete:jobs:NX-1:{}", ids.len()),
        kind,
        ids: ids.iter().map(|id| (*id).to_owned()).collect(),
        suppress,
        key: None,
        by: None,
        accepted_at: DAY_ONE,
        due_at: DAY_ONE,
        promised_at: DAY_ONE,
    }
}

pub fn erase(engine: &Engine, kind: ErasedKind, ids: &[&str]) -> Erasure {
    block_on(engine.accept(PRODUCTION, request(kind, ids, false)).unwrap()).unwrap()
}

pub fn purge(engine: &Engine) -> Result<Purged, muster_kernel::ports::StoreError> {
    let numbers: Vec<_> = engine.erasures(PRODUCTION)?.iter().map(|erasure| erasure.number).collect();
    engine.purge(PRODUCTION, &numbers, &|| DAY_ONE, &|| false)
}

fn append(engine: &Engine, draft: &EventDraft) -> Receipt {
    match block_on(engine.append(PRODUCTION, draft)).unwrap() {
        Appended::Stored(receipt) => receipt,
        other => panic!("{other:?}"),
    }
}

/// Every user id and company id in the log, with the position.
fn named(engine: &Engine) -> Vec<(u64, Option<String>, Option<String>)> {
    let events = engine.read(PRODUCTION, Position::START, usize::MAX, usize::MAX).unwrap();
    let own = |id: Option<&str>| id.map(str::to_owned);
    let shown = events.iter().map(|stored| {
        let event = Event::decode(&stored.payload).unwrap();
        (stored.receipt.position.0, own(event.user_id), own(event.company_id))
    });
    shown.collect()
}

/// Every event that history has, with its position, as the log has them.
fn check_history(engine: &Engine, when: &str) {
    let page = engine.events(PRODUCTION, &EventQuery::default(), None, 100_000, &Inquiry::default());
    let mut events = page.unwrap().items;
    events.sort_by_key(|event| event.receipt.position);
    let logged = engine.read(PRODUCTION, Position::START, usize::MAX, usize::MAX).unwrap();
    assert_eq!(events, logged, "{when}");
}

/// The files below a directory that hold one of the texts.
pub fn files_with(directory: &Path, texts: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_with(&path, texts));
        } else if let Ok(bytes) = std::fs::read(&path) {
            for text in texts {
                let first = text.as_bytes()[0];
                let is_it = |window: &[u8]| window[0] == first && window == text.as_bytes();
                if bytes.windows(text.len()).any(is_it) {
                    found.push(format!("{} holds {text}", path.display()));
                }
            }
        }
    }
    found
}

fn bytes_below(path: &Path) -> u64 {
    if !path.is_dir() {
        return path.metadata().map_or(0, |found| found.len());
    }
    std::fs::read_dir(path).unwrap().map(|entry| bytes_below(&entry.unwrap().path())).sum()
}

const PERSON: [&str; 3] = ["person-under-erasure", "secret-mail@example.org", "secret-value-7431"];

fn person() -> EventDraft {
    let properties = [("email", Value::Text(PERSON[1])), ("note", Value::Text(PERSON[2]))];
    joining(identify(PERSON[0], &properties), "company-that-stays")
}

#[test]
fn an_erased_user_is_hidden_at_once_and_gone_from_every_file_afterwards() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(Arc::new(RealDisk), directory.path(), small()).unwrap();
    add_environments(&engine, &[1]);
    append(&engine, &guarded(person(), 9, 1));
    engine.save();
    // Into a file of history; what follows is in memory.
    engine.seal_history(PRODUCTION).unwrap();
    append(&engine, &person());
    append(&engine, &joining(identify("somebody-else", &[("n", Value::Int(1))]), "company-that-stays"));
    let mut company_draft = joining(identify(PERSON[0], &[]), "company-that-stays");
    company_draft.company_properties.push("plan", Value::Text("pro"));
    append(&engine, &company_draft);
    assert!(!files_with(directory.path(), &PERSON).is_empty(), "the search finds what is there");
    let stays = engine.company(PRODUCTION, &company("company-that-stays")).unwrap().unwrap();

    let erasure = erase(&engine, ErasedKind::Users, &[PERSON[0], "nobody"]);
    assert_eq!((erasure.status, erasure.profiles, erasure.ids.len()), (JobStatus::Queued, 1, 2));
    let check_hidden = |when: &str| {
        assert_eq!(engine.user(PRODUCTION, &user(PERSON[0])).unwrap(), None, "{when}");
        for query in [None, Some("person"), Some("secret-mail")] {
            let query = UserQuery { search: query.map(str::to_owned), ..UserQuery::default() };
            let page = engine.users(PRODUCTION, &query, None, 10).unwrap();
            assert!(page.items.iter().all(|(id, _)| id.as_str() == "somebody-else"), "{when}");
        }
        let of_company = UserQuery { company: Some(company("company-that-stays")), ..UserQuery::default() };
        assert_eq!(engine.users(PRODUCTION, &of_company, None, 10).unwrap().items.len(), 1, "{when}");
        let stays = company("company-that-stays");
        assert_eq!(engine.company_user_count(PRODUCTION, &stays).unwrap(), 1, "{when}");
        assert_eq!(engine.census(PRODUCTION, ProfileKind::User, &[]).unwrap().total, 1, "{when}");
        assert!(named(&engine).iter().all(|(_, id, _)| id.as_deref() != Some(PERSON[0])), "{when}");
        check_history(&engine, when);
    };
    check_hidden("accepted");
    engine.save();
    check_hidden("moved");
    let before = named(&engine);
    assert_eq!(purge(&engine), Ok(Purged::Completed));
    check_hidden("purged");
    assert_eq!(named(&engine), before, "what was hidden is what was removed");
    assert_eq!(engine.company(PRODUCTION, &company("company-that-stays")).unwrap(), Some(stays));
    assert_eq!(files_with(directory.path(), &PERSON), Vec::<String>::new());

    let done = engine.erasures(PRODUCTION).unwrap().remove(0);
    assert_eq!((done.status, done.ids.len(), done.hashes.len()), (JobStatus::Completed, 0, 2));
    let certificate = done.certificate.unwrap();
    let removed: BTreeMap<&str, &BTreeMap<String, u64>> =
        certificate.places.iter().map(|place| (place.place.as_str(), &place.removed)).collect();
    let counts = |pairs: &[(&str, u64)]| pairs.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect();
    assert_eq!(removed["profiles"], &counts(&[("profiles", 1)]));
    assert_eq!(removed["log"], &counts(&[("events_reduced", 3), ("guards", 1)]));
    assert_eq!(removed["history"], &counts(&[("events_reduced", 3)]));
    assert!(certificate.places.iter().all(|place| place.found == 0));
    assert!(certificate.places[0].searched >= 4);

    // The key that an erased event guarded is free, and a new life begins.
    append(&engine, &guarded(identify(PERSON[0], &[("n", Value::Int(2))]), 9, 2));
    let reborn = engine.user(PRODUCTION, &user(PERSON[0])).unwrap().unwrap();
    assert_eq!((reborn.property_count(), reborn.company_id()), (1, None));
    engine.close();
    drop(engine);
    assert_eq!(verify(directory.path()).unwrap().problems, Vec::<String>::new());
    let again = open(Arc::new(RealDisk), directory.path(), small()).unwrap();
    assert_eq!(again.user(PRODUCTION, &user(PERSON[0])).unwrap(), Some(reborn));
    let stored: u64 = again.rows(PRODUCTION, i64::MIN, i64::MAX).unwrap().iter().map(|row| row.stored).sum();
    assert_eq!(stored, 5, "the ledger goes on counting what was stored");
}

#[test]
fn the_profiles_and_the_ledger_made_anew_from_a_purged_log_are_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(Arc::new(RealDisk), directory.path(), small()).unwrap();
    add_environments(&engine, &[1]);
    append(&engine, &identify(PERSON[0], &[]));
    append(&engine, &person());
    append(&engine, &joining(identify("somebody-else", &[]), "company-that-stays"));
    erase(&engine, ErasedKind::Users, &[PERSON[0]]);
    append(&engine, &identify(PERSON[0], &[("n", Value::Int(2))]));
    assert_eq!(purge(&engine), Ok(Purged::Completed));
    let all = |engine: &Engine| {
        let users = engine.users(PRODUCTION, &UserQuery::default(), None, 10).unwrap().items;
        let companies = engine.companies(PRODUCTION, &CompanyQuery::default(), None, 10).unwrap().items;
        (users, companies, engine.rows(PRODUCTION, i64::MIN, i64::MAX).unwrap())
    };
    let before = all(&engine);
    assert_eq!((before.0.len(), before.1.len(), before.2[0].stored), (2, 1, 4));
    engine.close();
    drop(engine);
    std::fs::remove_dir_all(directory.path().join("environments/1/profiles")).unwrap();
    let engine = open(Arc::new(RealDisk), directory.path(), small()).unwrap();
    assert_eq!(all(&engine), before);
}

#[test]
fn an_erased_company_leaves_its_users_without_one() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(Arc::new(RealDisk), directory.path(), small()).unwrap();
    add_environments(&engine, &[1]);
    append(&engine, &joining(identify("u-first", &[]), "company-of-before"));
    append(
        &engine,
        &identify_company("company-under-erasure", &[("plan", Value::Text("secret-value-7431"))]),
    );
    append(&engine, &joining(identify("u-first", &[("n", Value::Int(1))]), "company-under-erasure"));
    engine.save();
    append(&engine, &joining(identify("u-second", &[]), "company-under-erasure"));
    engine.seal_history(PRODUCTION).unwrap();
    append(&engine, &joining(identify("u-third", &[]), "company-under-erasure"));
    append(&engine, &joining(identify("u-third", &[]), "company-of-before"));
    erase(&engine, ErasedKind::Companies, &["company-under-erasure"]);
    append(&engine, &joining(identify("u-second", &[]), "company-of-before"));
    let check = |when: &str| {
        let gone = company("company-under-erasure");
        assert_eq!(engine.company(PRODUCTION, &gone).unwrap(), None, "{when}");
        assert_eq!(engine.company_user_count(PRODUCTION, &gone).unwrap(), 0, "{when}");
        let of = |id: &str| {
            let profile = engine.user(PRODUCTION, &user(id)).unwrap().unwrap();
            profile.company_id().map(str::to_owned)
        };
        let before = Some("company-of-before".to_owned());
        assert_eq!((of("u-first"), of("u-second"), of("u-third")), (None, before.clone(), before), "{when}");
        let members = company("company-of-before");
        assert_eq!(engine.company_user_count(PRODUCTION, &members).unwrap(), 2, "{when}");
        let names: Vec<_> = named(&engine).into_iter().filter_map(|(_, _, company)| company).collect();
        assert_eq!(names, ["company-of-before"; 3], "{when}");
        check_history(&engine, when);
    };
    check("accepted");
    engine.save();
    check("moved");
    assert_eq!(purge(&engine), Ok(Purged::Completed));
    check("purged");
    let secrets = ["company-under-erasure", "secret-value-7431"];
    engine.close();
    assert_eq!(files_with(directory.path(), &secrets), Vec::<String>::new());
    drop(engine);
    assert_eq!(verify(directory.path()).unwrap().problems, Vec::<String>::new());
}

#[test]
fn a_company_that_lost_a_tie_is_erased_from_every_file_and_one_that_won_leaves_no_trace_of_a_tie() {
    for (erased, stays) in [("company-a-erased", "company-b"), ("company-b-erased", "company-a")] {
        let directory = tempfile::tempdir().unwrap();
        let engine = open(Arc::new(RealDisk), directory.path(), small()).unwrap();
        add_environments(&engine, &[1]);
        let names =
            |id: &str| EventDraft { occurred_at: Some(DAY_ONE), ..joining(identify("u-tied", &[]), id) };
        append(&engine, &names(erased));
        engine.save();
        append(&engine, &names(stays));
        engine.save();
        append(&engine, &names(erased));
        erase(&engine, ErasedKind::Companies, &[erased]);
        let check = |engine: &Engine, when: &str| {
            let profile = engine.user(PRODUCTION, &user("u-tied")).unwrap().unwrap();
            assert_eq!(profile.view().companies().collect::<Vec<_>>(), [stays], "{when}");
            assert_eq!(engine.company_user_count(PRODUCTION, &company(stays)).unwrap(), 1, "{when}");
            assert_eq!(engine.company_user_count(PRODUCTION, &company(erased)).unwrap(), 0, "{when}");
        };
        check(&engine, "accepted");
        engine.save();
        check(&engine, "moved");
        assert_eq!(purge(&engine), Ok(Purged::Completed));
        check(&engine, "purged");
        engine.close();
        drop(engine);
        assert_eq!(files_with(directory.path(), &[erased]), Vec::<String>::new());
        assert_eq!(verify(directory.path()).unwrap().problems, Vec::<String>::new());
        std::fs::remove_dir_all(directory.path().join("environments/1/profiles")).unwrap();
        check(&open(Arc::new(RealDisk), directory.path(), small()).unwrap(), "made anew");
    }
}

#[test]
fn a_suppressed_id_is_refused_until_the_end_of_time() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(Arc::new(RealDisk), directory.path(), small()).unwrap();
    add_environments(&engine, &[1]);
    append(&engine, &person());
    for (kind, id) in [(ErasedKind::Users, PERSON[0]), (ErasedKind::Companies, "c-suppressed")] {
        block_on(engine.accept(PRODUCTION, request(kind, &[id], true)).unwrap()).unwrap();
    }
    assert_eq!(purge(&engine), Ok(Purged::Completed));
    let check = |engine: &Engine, guard: u8| {
        let answer = |draft: &EventDraft| block_on(engine.append(PRODUCTION, draft)).unwrap();
        assert_eq!(answer(&person()), Appended::Suppressed);
        assert_eq!(answer(&guarded(person(), guard, 1)), Appended::Suppressed);
        assert_eq!(answer(&identify_company("c-suppressed", &[])), Appended::Suppressed);
        let other = joining(identify("somebody-else", &[]), "c-suppressed");
        assert!(matches!(answer(&other), Appended::Stored(_)), "the user is somebody else");
        assert!(matches!(answer(&guarded(other, guard, 2)), Appended::Stored(_)), "the guard was let go");
        let shown = engine.user(PRODUCTION, &user("somebody-else")).unwrap().unwrap();
        assert_eq!(shown.company_id(), None);
        assert_eq!(engine.user(PRODUCTION, &user(PERSON[0])).unwrap(), None);
        let rows = engine.rows(PRODUCTION, i64::MIN, i64::MAX).unwrap();
        rows.iter().map(|row| row.suppressed).sum::<u64>()
    };
    assert_eq!(check(&engine, 1), 3);
    engine.close();
    drop(engine);
    let engine = open(Arc::new(RealDisk), directory.path(), small()).unwrap();
    assert_eq!(check(&engine, 2), 6);
    engine.close();
    assert_eq!(files_with(directory.path(), &[PERSON[0], "c-suppressed"]), Vec::<String>::new());
}

#[test]
fn a_late_row_of_a_job_that_came_before_stays_erased_and_the_purge_waits_for_the_job() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(Arc::new(RealDisk), directory.path(), small()).unwrap();
    add_environments(&engine, &[1]);
    append(&engine, &person());
    let mut job = upload(&engine, PRODUCTION, "before", &[b"{\"user_id\":\"person-under-erasure\"}\n"]);
    let erasure = erase(&engine, ErasedKind::Users, &[PERSON[0]]);
    assert_eq!(erasure.jobs, [job.number]);
    let row = |id: &str| EventDraft { job: Some(job.number), ordinal: 1, ..identify(id, &[]) };
    assert_eq!(engine.withholds(PRODUCTION, job.number, &row(PERSON[0])), Ok(true));
    assert_eq!(engine.withholds(PRODUCTION, job.number, &row("somebody-else")), Ok(false));
    assert_eq!(engine.withholds(PRODUCTION, JobNumber(99), &row(PERSON[0])), Ok(false), "of a later job");
    // A batch that was on its way when the erasure came.
    let mut batch = EventBatch::default();
    batch.push(&row(PERSON[0]));
    batch.push(&row("somebody-else"));
    block_on(engine.append_many(PRODUCTION, &batch)).unwrap();
    let check = |when: &str| {
        assert_eq!(engine.user(PRODUCTION, &user(PERSON[0])).unwrap(), None, "{when}");
        assert!(engine.user(PRODUCTION, &user("somebody-else")).unwrap().is_some(), "{when}");
        assert!(named(&engine).iter().all(|(_, id, _)| id.as_deref() != Some(PERSON[0])), "{when}");
        check_history(&engine, when);
    };
    check("accepted");
    engine.seal_history(PRODUCTION).unwrap();
    check("sealed");
    assert_eq!(purge(&engine), Ok(Purged::Waits(vec![job.number])));
    let rejects = "{\"user_id\":\"person-under-erasure\",\"a\":[],\"_muster\":{\"row\":1,\"pointer\":\"\",\"code\":\"x\",\
                   \"message\":\"Some sentence that is long enough.\"}}\n{\"user_id\":\"v\",\"_muster\":{\"row\":2}}\n";
    engine.write_rejects(PRODUCTION, job.number, 0, rejects.as_bytes()).unwrap();
    job.status = JobStatus::Completed;
    job.checkpoint.rejects_bytes = rejects.len() as u64;
    Jobs::save(&engine, PRODUCTION, &job).unwrap();
    assert_eq!(purge(&engine), Ok(Purged::Completed));
    check("purged");
    let mut left = vec![0; rejects.len() + 1];
    let length = engine.read_rejects(PRODUCTION, job.number, 0, &mut left).unwrap();
    assert_eq!(length, rejects.len(), "every place in the file stays what the job says");
    let left = String::from_utf8(left[..length].to_vec()).unwrap();
    let lines: Vec<&str> = left.lines().map(str::trim_end).collect();
    assert_eq!(lines[0], r#"{"_muster":{"row":1,"pointer":"","code":"erased","message":"Erased."}}"#);
    assert_eq!(lines[1], r#"{"user_id":"v","_muster":{"row":2}}"#);
    assert_eq!(files_with(directory.path(), &PERSON), Vec::<String>::new());
}

#[test]
fn a_dry_run_counts_and_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(Arc::new(RealDisk), directory.path(), small()).unwrap();
    add_environments(&engine, &[1]);
    append(&engine, &person());
    append(&engine, &identify(PERSON[0], &[]));
    let ids = [PERSON[0].to_owned(), "nobody".to_owned()];
    let would = engine.would_erase(PRODUCTION, ErasedKind::Users, &ids).unwrap();
    assert_eq!((would.profiles, would.unknown, would.members, would.events), (1, 1, 0, 1));
    let ids = ["company-that-stays".to_owned()];
    let would = engine.would_erase(PRODUCTION, ErasedKind::Companies, &ids).unwrap();
    assert_eq!((would.profiles, would.unknown, would.members, would.events), (1, 0, 1, 0));
    assert_eq!(engine.erasures(PRODUCTION).unwrap(), []);
    assert_eq!(named(&engine).len(), 2);
    assert!(!directory.path().join("environments/1/erasures").exists());
}

#[test]
fn purges_and_the_tidying_up_of_profiles_that_change_all_the_time_do_not_hinder_each_other() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(Arc::new(RealDisk), directory.path(), small()).unwrap();
    add_environments(&engine, &[1]);
    for round in 0..10 {
        append(&engine, &person());
        erase(&engine, ErasedKind::Users, &PERSON[..1]);
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                (0..40)
                    .for_each(|n| assert_ne!(append(&engine, &event(n * 5 + 2)).position, Position::START));
            });
            assert_eq!(purge(&engine), Ok(Purged::Completed), "round {round}");
            assert_eq!(files_with(directory.path(), &PERSON), Vec::<String>::new());
            writer.join().unwrap();
        });
    }
    engine.close();
    // Ten purges leave no more than one does: the store's journals may hold 64 MB.
    assert!(bytes_below(directory.path()) < 100 << 20);
}

/// What the power cuts meet: a log of several segments, in which one of five users and one of three companies are
/// erased.
const EVENTS: i64 = 36;

fn event(n: i64) -> EventDraft {
    let padding = "x".repeat(900);
    let who = if n % 5 == 1 { PERSON[0].to_owned() } else { format!("u{}", n % 5) };
    let draft = identify(&who, &[("n", Value::Int(n)), ("padding", Value::Text(&padding))]);
    joining(draft, if n % 3 == 2 { "company-under-erasure" } else { "company-that-stays" })
}

/// The records that must be there, by their number; of those about the company that stays alone, only how many.
fn survivors(engine: &Engine) -> (BTreeMap<i64, Receipt>, usize) {
    let (mut found, mut reduced) = (BTreeMap::new(), 0);
    for stored in engine.read(PRODUCTION, Position::START, usize::MAX, usize::MAX).unwrap() {
        let event = Event::decode(&stored.payload).unwrap();
        assert_ne!(event.user_id, Some(PERSON[0]));
        assert_ne!(event.company_id, Some("company-under-erasure"));
        let number = event.properties.iter().find_map(|(name, value)| match value {
            Value::Int(number) if name == "n" => Some(number),
            _ => None,
        });
        match number {
            Some(number) => assert_eq!(found.insert(number, stored.receipt), None, "doubled"),
            None => reduced += 1,
        }
    }
    (found, reduced)
}

#[test]
fn a_power_cut_at_any_sync_of_an_erasure_loses_nothing_else_and_brings_nothing_back() {
    let start = Place::new();
    let engine = start.open(small()).unwrap();
    let sent: Vec<Receipt> = (0..EVENTS).map(|n| append(&engine, &event(n))).collect();
    engine.seal_history(PRODUCTION).unwrap();
    engine.close();
    drop(engine);
    let erase_all = |engine: &Engine| {
        let accept = |kind, id| {
            let accepting = engine.accept(PRODUCTION, request(kind, &[id], false)).ok()?;
            block_on(accepting).ok()
        };
        let accepted = accept(ErasedKind::Users, PERSON[0]).is_some()
            && accept(ErasedKind::Companies, "company-under-erasure").is_some();
        (accepted, accepted && purge(engine) == Ok(Purged::Completed))
    };
    let whole = start.after_power_cut(Unsynced::Kept);
    let engine = whole.open(small()).unwrap();
    let opened = whole.disk.syncs();
    assert_eq!(erase_all(&engine), (true, true));
    let syncs = whole.disk.syncs();
    engine.close();
    assert!(syncs - opened > 20, "an erasure syncs {} times", syncs - opened);
    let expected: BTreeMap<i64, Receipt> =
        (0..EVENTS).filter(|n| n % 5 != 1).map(|n| (n, sent[usize::try_from(n).unwrap()])).collect();
    let reduced = (0..EVENTS).filter(|n| n % 5 == 1 && n % 3 != 2).count();

    for at in opened + 1..=syncs {
        let place = start.after_power_cut(Unsynced::Kept);
        place.disk.set_faults(Faults { power_cut_at_sync: Some(at), ..Faults::default() });
        let engine = place.open(small()).unwrap();
        let (accepted, completed) = erase_all(&engine);
        engine.close();
        drop(engine);
        for unsynced in [Unsynced::Lost, Unsynced::Kept, Unsynced::Torn(at), Unsynced::Torn(at * 7919)] {
            let after = place.after_power_cut(unsynced);
            let engine =
                after.open(small()).unwrap_or_else(|error| panic!("cut at sync {at}, {unsynced:?}: {error}"));
            if accepted {
                assert_eq!(survivors(&engine), (expected.clone(), reduced), "cut at {at}, {unsynced:?}");
                check_history(&engine, &format!("cut at {at}, {unsynced:?}"));
                assert_eq!(engine.user(PRODUCTION, &user(PERSON[0])).unwrap(), None);
            }
            if completed {
                check_purged(&after, &engine);
            }
            if unsynced == Unsynced::Torn(at) {
                // Whatever was accepted goes on, and what was not is asked for again.
                assert_eq!(erase_all(&engine), (true, true), "cut at {at}");
                assert_eq!(survivors(&engine), (expected.clone(), reduced), "cut at {at}, gone on");
                check_history(&engine, &format!("cut at {at}, gone on"));
                check_purged(&after, &engine);
            }
            engine.close();
        }
    }
}

fn check_purged(place: &Place, engine: &Engine) {
    for erasure in engine.erasures(PRODUCTION).unwrap() {
        assert_eq!((erasure.status, erasure.ids.len()), (JobStatus::Completed, 0));
    }
    for path in place.disk.paths() {
        let bytes = place.disk.bytes(&path).unwrap();
        for text in [PERSON[0], "company-under-erasure"] {
            let holds = bytes.windows(text.len()).any(|window| window == text.as_bytes());
            assert!(!holds, "{} holds {text}", path.display());
        }
    }
}
