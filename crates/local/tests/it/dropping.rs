//! Dropping raw events: profiles, ledger and first outcomes stay what they were, whoever asks for what is gone is told so,
//! and a power cut at any sync leaves what was there before or what is there afterwards.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use muster_kernel::model::batch::EventBatch;
use muster_kernel::model::calendar::{Buckets, Span};
use muster_kernel::model::erasure::ErasedKind;
use muster_kernel::model::event::{Event, EventDraft};
use muster_kernel::model::export::{Export, ExportKind};
use muster_kernel::model::history::{AsOf, Breakdown, EventQuery};
use muster_kernel::model::id::Position;
use muster_kernel::model::job::JobStatus;
use muster_kernel::model::ledger::LedgerRow;
use muster_kernel::model::profile::Profile;
use muster_kernel::model::raw_events::Dropped;
use muster_kernel::model::report::trend::{TrendAnswer, TrendMeasure, TrendQuestion, TrendSeries};
use muster_kernel::model::report::{Pattern, Who};
use muster_kernel::model::segment::question::SegmentQuestion;
use muster_kernel::model::segment::{Level, Moment, Rule};
use muster_kernel::model::time::Timestamp;
use muster_kernel::model::value::Value;
use muster_kernel::ports::{
    Appended, CompanyQuery, Erasures, EventLog, Exports, History, Inquiry, Ledger, ProfileKind, Profiles,
    Purged, RawEvents, Reports, Segments, StoreError, StoredEvent, UserQuery,
};
use muster_local::disk::RealDisk;
use muster_local::log::writer::Random;
use muster_local::{BackupProgress, Engine, Options, forget_derived, restore, verify};
use muster_testkit::block_on::block_on;
use muster_testkit::builders::{
    PRODUCTION, company, guarded, identify, identify_company, joining, tracked, user,
};
use muster_testkit::clock::DAY_ONE;
use muster_testkit::contract::export;
use muster_testkit::sim_disk::{Faults, Unsynced};
use proptest::prelude::*;

use crate::crash::Place;
use crate::erasure::{erase, files_with, purge};
use crate::history::{Act, act};
use crate::stand::{add_environments, open, small};

/// Nothing is sealed but by the test and by dropping.
fn by_hand() -> Options {
    Options { history_tend_ms: 3_600_000, history_seal_events: 1 << 20, ..small() }
}

fn new(directory: &Path) -> Engine {
    let engine = open(Arc::new(RealDisk), directory, by_hand()).unwrap();
    add_environments(&engine, &[1]);
    engine
}

const EVENTS: i64 = 40;

/// Seven users, three companies, ties, guards, and every fifth event about a company.
fn event(n: i64) -> EventDraft {
    if n % 5 == 4 {
        return identify_company(&format!("c{}", n % 3), &[("size", Value::Int(n))]);
    }
    let padding = "x".repeat(700);
    let draft = identify(&format!("u{}", n % 7), &[("n", Value::Int(n)), ("padding", Value::Text(&padding))]);
    let mut draft = joining(draft, &format!("c{}", n % 3));
    if n % 4 == 0 {
        draft.occurred_at = Some(DAY_ONE.plus(-5));
    }
    if n % 6 == 0 { guarded(draft, u8::try_from(n).unwrap(), 1) } else { draft }
}

fn send(engine: &Engine) -> Vec<StoredEvent> {
    for n in 0..EVENTS {
        let stored = block_on(engine.append(PRODUCTION, &event(n))).unwrap();
        assert!(matches!(stored, Appended::Stored(_)), "{n}");
    }
    engine.reject(PRODUCTION, muster_testkit::builders::KEY, "id_missing");
    kept_events(engine)
}

/// Everything that the log still has.
fn kept_events(engine: &Engine) -> Vec<StoredEvent> {
    let from = engine.kept(PRODUCTION).unwrap().dropped_until;
    engine.read(PRODUCTION, from, usize::MAX, usize::MAX).unwrap()
}

/// Everything that history still has.
fn in_history(engine: &Engine) -> Vec<StoredEvent> {
    let page = engine.events(PRODUCTION, &EventQuery::default(), None, 100_000, &Inquiry::default());
    let mut events = page.unwrap().items;
    events.sort_by_key(|event| event.receipt.position);
    events
}

/// All that dropping must not change.
#[derive(Debug, PartialEq)]
struct Lasting {
    users: Vec<(String, Profile)>,
    companies: Vec<(String, Profile, u64)>,
    ledger: Vec<LedgerRow>,
    /// Who has properties and companies in the eyes of rules, by each of a few.
    ruled: Vec<Vec<String>>,
}

/// Of the workload and of the random events.
const RULES: [&str; 6] = [
    "n >= 20",
    "$last_seen after 2000-01-01",
    r#"company is one of ("c1", "firm 2")"#,
    r#"padding exists or p1 = 1"#,
    "company.size >= 1 or company.p2 exists",
    r#"p0 is "a""#,
];

fn lasting(engine: &Engine) -> Lasting {
    let page = engine.users(PRODUCTION, &UserQuery::default(), None, 1000).unwrap().items;
    let users = page.into_iter().map(|(id, profile)| (id.to_string(), profile)).collect();
    let page = engine.companies(PRODUCTION, &CompanyQuery::default(), None, 1000).unwrap().items;
    let count = |id: &str| engine.company_user_count(PRODUCTION, &company(id)).unwrap();
    let companies = page.into_iter().map(|(id, profile)| (id.to_string(), profile, count(id.as_str())));
    Lasting {
        users,
        companies: companies.collect(),
        ledger: engine.rows(PRODUCTION, i64::MIN, i64::MAX).unwrap(),
        ruled: RULES.iter().map(|rule| members(engine, rule)).collect(),
    }
}

fn members(engine: &Engine, rule: &str) -> Vec<String> {
    found(engine, rule, None).unwrap()
}

/// Who belongs now, or as of a time.
fn found(engine: &Engine, rule: &str, as_of: Option<Timestamp>) -> Result<Vec<String>, StoreError> {
    let moment = Moment { now: as_of.unwrap_or(DAY_ONE.plus(1_000_000)), zone: jiff::tz::TimeZone::UTC };
    let rule = Rule::parse(rule).unwrap_or_else(|error| panic!("{rule}: {error}"));
    let (level, looks_back, segments) = (Level::User, as_of.is_some(), Arc::default());
    let question = SegmentQuestion { level, rule, moment, looks_back, segments };
    let order = muster_kernel::model::segment::question::MemberOrder::Id;
    let page = engine.members(PRODUCTION, &question, order, None, 1000, &Inquiry::default())?;
    Ok(page.items.into_iter().map(|member| member.id).collect())
}

fn as_of(engine: &Engine, id: &str, time: Timestamp) -> Result<Option<Profile>, StoreError> {
    let at = AsOf { time, known_at: Timestamp(i64::MAX) };
    engine.as_of(PRODUCTION, (ProfileKind::User, id), at, &Inquiry::default())
}

/// Drops everything before the event with this index.
fn drop_first(engine: &Engine, all: &[StoredEvent], count: usize) -> Dropped {
    let before = all[count].receipt.received_at;
    engine.drop_before(PRODUCTION, before, &|| false).unwrap()
}

/// Everything that holds for an engine whose first events were dropped.
fn check_dropped(engine: &Engine, all: &[StoredEvent], count: usize, expected: &Lasting, when: &str) {
    let last = all[count - 1].receipt;
    let kept = engine.kept(PRODUCTION).unwrap();
    assert_eq!((kept.dropped_until, kept.known_since), (last.position, Some(last.received_at)), "{when}");
    assert_eq!(kept.oldest_received_at, Some(all[count].receipt.received_at), "{when}");
    assert_eq!(kept_events(engine), all[count..], "{when}");
    assert_eq!(in_history(engine), all[count..], "{when}");
    let gone = StoreError::Dropped { until: last.position, since: last.received_at };
    for after in [Position::START, Position(last.position.0 - 1)] {
        assert_eq!(engine.read(PRODUCTION, after, 10, 1000), Err(gone.clone()), "{when}");
    }
    assert_eq!(as_of(engine, "u1", last.received_at.plus(-1)), Err(gone.clone()), "{when}");
    assert_eq!(found(engine, "n exists", Some(last.received_at.plus(-1))), Err(gone), "{when}");
    assert_eq!(lasting(engine), *expected, "{when}");
    for (id, profile) in &expected.users {
        assert_eq!(as_of(engine, id, Timestamp(i64::MAX)).as_ref(), Ok(&Some(profile.clone())), "{when}");
    }
}

#[test]
fn what_is_dropped_is_gone_and_everything_else_stays_what_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let engine = new(directory.path());
    let all = send(&engine);
    let before = lasting(&engine);
    let between = all[30].receipt.received_at;
    let then: Vec<_> = (0..7).map(|n| as_of(&engine, &format!("u{n}"), between)).collect();
    let count = 25;
    let would = engine.would_drop(PRODUCTION, all[count].receipt.received_at, &Inquiry::default()).unwrap();
    assert_eq!((would.events, would.names.iter().map(|(_, n)| n).sum::<u64>()), (25, 25));
    assert_eq!(would.oldest_received_at, Some(all[0].receipt.received_at));
    assert_eq!(would.newest_received_at, Some(all[24].receipt.received_at));
    assert!(would.bytes > 20 * 700, "{would:?}");
    assert_eq!(kept_events(&engine), all, "a preview changes nothing");

    assert!(matches!(drop_first(&engine, &all, count), Dropped::Done(_)));
    check_dropped(&engine, &all, count, &before, "dropped");
    let now: Vec<_> = (0..7).map(|n| as_of(&engine, &format!("u{n}"), between)).collect();
    assert_eq!(now, then, "as of a time that is kept");
    let again = engine.append(PRODUCTION, &event(0));
    assert!(matches!(block_on(again), Ok(Appended::Duplicate { .. })), "the first outcome is remembered");
    let before = lasting(&engine);
    assert!(matches!(drop_first(&engine, &all, count), Dropped::Done(_)), "nothing more to drop");
    check_dropped(&engine, &all, count, &before, "dropped twice");
    assert!(matches!(drop_first(&engine, &all, 33), Dropped::Done(_)));
    check_dropped(&engine, &all, 33, &before, "dropped further");
    engine.close();
    drop(engine);
    let report = verify(directory.path()).unwrap();
    assert_eq!(report.problems, [""; 0]);
    assert!(
        report.summary.contains("a base of 7 users and 3 companies at position 33"),
        "{}",
        report.summary
    );

    // What was refused and repeated is noted in the log by now.
    let engine = open(Arc::new(RealDisk), directory.path(), by_hand()).unwrap();
    let copies = tempfile::tempdir().unwrap();
    let (backup, restored) = (copies.path().join("backup"), copies.path().join("restored"));
    engine.back_up(&backup, &BackupProgress::default()).unwrap();
    drop(engine);
    let random: Random = Arc::new(|bytes: &mut [u8]| bytes.fill(0xab));
    restore(&backup, &restored, &random).unwrap();
    let engine = open(Arc::new(RealDisk), &restored, by_hand()).unwrap();
    check_dropped(&engine, &all, 33, &before, "restored from a backup, which holds no profiles");
    drop(engine);
    assert_eq!(verify(&restored).unwrap().problems, [""; 0]);

    forget_derived(directory.path()).unwrap();
    let engine = open(Arc::new(RealDisk), directory.path(), by_hand()).unwrap();
    check_dropped(&engine, &all, 33, &before, "profiles made anew");
    drop(engine);
    std::fs::remove_dir_all(directory.path().join("environments/1/history")).unwrap();
    let engine = open(Arc::new(RealDisk), directory.path(), by_hand()).unwrap();
    check_dropped(&engine, &all, 33, &before, "history made anew");
    let again = engine.append(PRODUCTION, &event(6));
    assert!(matches!(block_on(again), Ok(Appended::Duplicate { .. })), "the first outcome is in the base");
    drop(engine);
    assert_eq!(verify(directory.path()).unwrap().problems, [""; 0]);
    std::fs::remove_dir_all(directory.path().join("environments/1/base")).unwrap();
    let refused = open(Arc::new(RealDisk), directory.path(), by_hand()).err().unwrap().to_string();
    assert!(refused.contains("the base that stands for what was before is missing"), "{refused}");
}

/// How often users were seen from a time on, by the `n` that they had then.
fn told_apart_then(engine: &Engine, from: Timestamp) -> Result<TrendAnswer, StoreError> {
    let series = TrendSeries { pattern: Pattern::track("x"), measure: TrendMeasure::Total };
    let question = TrendQuestion {
        level: Level::User,
        series: vec![series],
        buckets: Buckets::whole(Span { from, until: DAY_ONE.plus(1 << 50) }),
        previous: None,
        breakdown: Some(Breakdown::UserPropertyThen("n".into())),
        groups_max: 100,
        who: Who::default(),
    };
    engine.trend(PRODUCTION, &question, &Inquiry::default()).map(|found| found.answer)
}

#[test]
fn reports_look_back_to_what_users_were_since_it_is_known_and_no_further() {
    let directory = tempfile::tempdir().unwrap();
    let engine = new(directory.path());
    send(&engine);
    let visit = |n: i64| block_on(engine.append(PRODUCTION, &tracked(&format!("u{n}"), "x", &[]))).unwrap();
    (0..7).for_each(|n| assert!(matches!(visit(n), Appended::Stored(_))));
    let all = kept_events(&engine);
    let last = all[37].receipt;
    let since = last.received_at;
    let then = told_apart_then(&engine, since.plus(1));
    assert!(then.as_ref().is_ok_and(|then| then.lines[0].groups.len() == 7), "{then:?}");
    assert!(told_apart_then(&engine, DAY_ONE.plus(-5)).is_ok());
    assert!(matches!(drop_first(&engine, &all, 38), Dropped::Done(_)));
    assert_eq!(told_apart_then(&engine, since.plus(1)), then, "what was said before is in the base");
    assert!(told_apart_then(&engine, since).is_ok());
    let gone = Err(StoreError::Dropped { until: last.position, since });
    assert_eq!(told_apart_then(&engine, since.plus(-1)), gone);
    // Of what was said ahead of its time it is no longer known what was before, once it is dropped.
    let mut ahead = identify("u1", &[("n", Value::Int(1000))]);
    ahead.occurred_at = Some(DAY_ONE.plus(1_000_000));
    block_on(engine.append(PRODUCTION, &ahead)).unwrap();
    visit(1);
    assert!(told_apart_then(&engine, since).is_ok());
    let all = kept_events(&engine);
    assert!(matches!(drop_first(&engine, &all, all.len() - 1), Dropped::Done(_)));
    let until = all[all.len() - 2].receipt.position;
    let gone = Err(StoreError::Dropped { until, since: DAY_ONE.plus(1_000_000) });
    assert_eq!(told_apart_then(&engine, DAY_ONE.plus(999_999)), gone);
    assert!(told_apart_then(&engine, DAY_ONE.plus(1_000_000)).is_ok());
}

#[test]
fn segments_look_back_to_what_is_kept_and_no_further() {
    let directory = tempfile::tempdir().unwrap();
    let engine = new(directory.path());
    let mut ahead = identify("u1", &[("n", Value::Int(1000))]);
    ahead.occurred_at = Some(DAY_ONE.plus(1_000_000));
    block_on(engine.append(PRODUCTION, &ahead)).unwrap();
    let all = send(&engine);
    let (between, count) = (all[30].receipt.received_at, 25);
    let then = RULES.map(|rule| found(&engine, rule, Some(between)));
    assert!(then.iter().all(Result::is_ok), "{then:?}");
    assert!(matches!(drop_first(&engine, &all, count), Dropped::Done(_)));
    // Whoever said something ahead of time is not known as of the time between.
    let until = all[count - 1].receipt.position;
    let gone = StoreError::Dropped { until, since: DAY_ONE.plus(1_000_000) };
    for time in [between, DAY_ONE.plus(999_999)] {
        assert_eq!(found(&engine, "n exists", Some(time)), Err(gone.clone()));
    }
    let of =
        |id: &str| found(&engine, &format!("$id is \"{id}\" and n = 1000"), Some(DAY_ONE.plus(1_000_000)));
    assert_eq!((of("u1"), of("u2")), (Ok(vec!["u1".to_owned()]), Ok(Vec::new())));
    erase(&engine, ErasedKind::Users, &["u1"]);
    let without = |then: &Result<Vec<String>, StoreError>| {
        let ids = then.iter().flatten().filter(|id| *id != "u1");
        Ok(ids.cloned().collect::<Vec<String>>())
    };
    for (rule, then) in RULES.iter().zip(&then) {
        assert_eq!(found(&engine, rule, Some(between)), without(then), "{rule}, without who is erased");
    }
}

#[test]
fn a_power_cut_at_any_sync_of_dropping_leaves_everything_before_or_everything_after() {
    let start = Place::new();
    let engine = start.open(by_hand()).unwrap();
    let all = send(&engine);
    engine.seal_history(PRODUCTION).unwrap();
    let before = lasting(&engine);
    engine.close();
    drop(engine);
    let drop_twice = |engine: &Engine| {
        [12, 25].iter().all(|count| {
            let before = all[*count].receipt.received_at;
            matches!(engine.drop_before(PRODUCTION, before, &|| false), Ok(Dropped::Done(_)))
        })
    };
    let whole = start.after_power_cut(Unsynced::Kept);
    let engine = whole.open(by_hand()).unwrap();
    let opened = whole.disk.syncs();
    assert!(drop_twice(&engine));
    let syncs = whole.disk.syncs();
    engine.close();
    assert!(syncs - opened > 15, "dropping syncs {} times", syncs - opened);
    for at in opened + 1..=syncs {
        let place = start.after_power_cut(Unsynced::Kept);
        place.disk.set_faults(Faults { power_cut_at_sync: Some(at), ..Faults::default() });
        let engine = place.open(by_hand()).unwrap();
        drop_twice(&engine);
        engine.close();
        drop(engine);
        for unsynced in [Unsynced::Lost, Unsynced::Kept, Unsynced::Torn(at), Unsynced::Torn(at * 7919)] {
            let when = format!("cut at {at}, {unsynced:?}");
            let after = place.after_power_cut(unsynced);
            if unsynced != Unsynced::Kept {
                // Also where the profiles are gone: the base is all that knows of what was dropped.
                let profiles = after.directory.path().join("environments/1/profiles");
                std::fs::remove_dir_all(profiles).unwrap();
            }
            let engine = after.open(by_hand()).unwrap_or_else(|error| panic!("{when}: {error}"));
            match engine.kept(PRODUCTION).unwrap().dropped_until.0 {
                0 => {
                    assert_eq!(
                        (kept_events(&engine), in_history(&engine)),
                        (all.clone(), all.clone()),
                        "{when}"
                    );
                    assert_eq!(lasting(&engine), before, "{when}");
                }
                until => check_dropped(&engine, &all, usize::try_from(until).unwrap(), &before, &when),
            }
            assert!(drop_twice(&engine), "{when}");
            check_dropped(&engine, &all, 25, &before, &format!("{when}, gone on"));
            engine.close();
        }
    }
}

#[test]
fn who_is_erased_after_their_events_were_dropped_is_in_no_file() {
    let directory = tempfile::tempdir().unwrap();
    let engine = new(directory.path());
    let person =
        |id: &str| joining(identify(id, &[("note", Value::Text("secret-7431"))]), "company-to-erase");
    block_on(engine.append(PRODUCTION, &person("person-to-erase"))).unwrap();
    block_on(engine.append(PRODUCTION, &joining(identify("stays", &[]), "company-to-erase"))).unwrap();
    let all = send(&engine);
    assert!(matches!(drop_first(&engine, &all, 20), Dropped::Done(_)));
    for (kind, id) in [(ErasedKind::Users, "person-to-erase"), (ErasedKind::Companies, "company-to-erase")] {
        erase(&engine, kind, &[id]);
    }
    let check = |engine: &Engine, when: &str| {
        assert_eq!(engine.user(PRODUCTION, &user("person-to-erase")).unwrap(), None, "{when}");
        assert_eq!(as_of(engine, "person-to-erase", Timestamp(i64::MAX)), Ok(None), "{when}");
        let stays = engine.user(PRODUCTION, &user("stays")).unwrap().unwrap();
        assert_eq!(stays.company_id(), None, "{when}");
        assert_eq!(as_of(engine, "stays", Timestamp(i64::MAX)), Ok(Some(stays)), "{when}");
        assert_eq!(members(engine, "note exists"), [""; 0], "{when}");
        assert_eq!(members(engine, r#"company is "company-to-erase""#), [""; 0], "{when}");
    };
    check(&engine, "hidden");
    engine.close();
    drop(engine);
    // Made anew from a base that still holds them, and a log that has the marks.
    forget_derived(directory.path()).unwrap();
    let engine = open(Arc::new(RealDisk), directory.path(), by_hand()).unwrap();
    check(&engine, "hidden, made anew");
    assert_eq!(purge(&engine), Ok(Purged::Completed));
    check(&engine, "purged");
    let secrets = ["person-to-erase", "secret-7431", "company-to-erase"];
    assert_eq!(files_with(directory.path(), &secrets), Vec::<String>::new());
    engine.close();
    drop(engine);
    assert_eq!(verify(directory.path()).unwrap().problems, [""; 0]);
    forget_derived(directory.path()).unwrap();
    check(&open(Arc::new(RealDisk), directory.path(), by_hand()).unwrap(), "made anew");
}

#[test]
fn nothing_is_dropped_while_an_export_of_events_reads() {
    let directory = tempfile::tempdir().unwrap();
    let engine = new(directory.path());
    let all = send(&engine);
    let of_users = Export { kind: ExportKind::Users, ..export("users") };
    engine.begin_export(PRODUCTION, of_users).unwrap();
    assert!(
        matches!(drop_first(&engine, &all, 10), Dropped::Done(_)),
        "what reads profiles is not in its way"
    );
    let mut under_way = engine.begin_export(PRODUCTION, export("events")).unwrap();
    assert_eq!(drop_first(&engine, &all, 20), Dropped::Waits);
    assert_eq!(kept_events(&engine), all[10..]);
    under_way.status = JobStatus::Completed;
    engine.save_export(PRODUCTION, &under_way).unwrap();
    assert!(matches!(drop_first(&engine, &all, 20), Dropped::Done(_)));
    assert_eq!(kept_events(&engine), all[20..]);
}

/// Where the process that is killed works; set only by the test that starts it.
const KILLED_AT: &str = "MUSTER_TEST_DROPPING_IN";

/// What the process does that is killed: it drops a little more again and again.
fn drop_until_killed(directory: &Path) {
    let engine = open(Arc::new(RealDisk), directory, small()).unwrap();
    for event in kept_events(&engine) {
        let before = event.receipt.received_at;
        assert!(matches!(engine.drop_before(PRODUCTION, before, &|| false), Ok(Dropped::Done(_))));
    }
}

#[test]
fn a_process_that_is_killed_while_it_drops_loses_nothing_else() {
    const MANY: i64 = 200;
    if let Some(directory) = std::env::var_os(KILLED_AT) {
        return drop_until_killed(Path::new(&directory));
    }
    let directory = tempfile::tempdir().unwrap();
    let engine = open(Arc::new(RealDisk), directory.path(), small()).unwrap();
    add_environments(&engine, &[1]);
    (0..MANY).for_each(|n| {
        let mut draft = event(n % EVENTS);
        draft.guards.clear();
        block_on(engine.append(PRODUCTION, &draft)).unwrap();
    });
    let all = kept_events(&engine);
    let before = lasting(&engine);
    engine.close();
    drop(engine);
    let (mut last, mut rounds) = (0, 0);
    while last < 150 && rounds < 40 {
        rounds += 1;
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "dropping::a_process_that_is_killed_while_it_drops_loses_nothing_else"])
            .env(KILLED_AT, directory.path())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        // It is killed wherever it is once it has made some bases more, and a little later each time.
        let newest = || {
            let names = std::fs::read_dir(directory.path().join("environments/1/base")).into_iter().flatten();
            names
                .filter_map(|name| name.ok()?.file_name().to_str()?.strip_suffix(".base")?.parse().ok())
                .max()
        };
        let wanted = last + 20 + rounds;
        while newest().unwrap_or(0u64) < wanted && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        if rounds % 2 == 0 {
            forget_derived(directory.path()).unwrap();
        }
        let engine = open(Arc::new(RealDisk), directory.path(), small()).unwrap();
        let until = engine.kept(PRODUCTION).unwrap().dropped_until.0;
        assert!(until > last, "round {rounds}: it goes on");
        last = until;
        check_dropped(&engine, &all, usize::try_from(until).unwrap(), &before, &format!("killed at {until}"));
        engine.close();
        drop(engine);
        assert_eq!(verify(directory.path()).unwrap().problems, [""; 0], "killed at {until}");
    }
    assert!(last >= 150, "{rounds} rounds came to {last}");
}

/// Two engines that are told the same; only one of them drops.
struct Twins {
    directories: [tempfile::TempDir; 2],
    engines: [Option<Engine>; 2],
    /// Guards that were sent. The engine would answer a second call with one as a repetition; a batch is not asked.
    used: HashSet<[u8; 16]>,
}

impl Twins {
    fn new() -> Twins {
        let directories = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let engines = [Some(new(directories[0].path())), Some(new(directories[1].path()))];
        Twins { directories, engines, used: HashSet::new() }
    }

    fn each(&self) -> impl Iterator<Item = &Engine> {
        self.engines.iter().flatten()
    }

    fn act(&mut self, act: &Act) {
        match act {
            Act::Append(drafts) => {
                let mut batch = EventBatch::default();
                for draft in drafts {
                    let mut draft = draft.clone();
                    draft.guards.retain(|guard| self.used.insert(guard.key));
                    batch.push(&draft);
                }
                for engine in self.each() {
                    block_on(engine.append_many(PRODUCTION, &batch)).unwrap();
                }
            }
            Act::Seal => self.each().for_each(|engine| engine.seal_history(PRODUCTION).unwrap()),
            Act::Reopen => {
                for (engine, directory) in self.engines.iter_mut().zip(&self.directories) {
                    drop(engine.take());
                    assert_eq!(verify(directory.path()).unwrap().problems, [""; 0]);
                    forget_derived(directory.path()).unwrap();
                    *engine = Some(open(Arc::new(RealDisk), directory.path(), by_hand()).unwrap());
                }
            }
            Act::Erase(kind, who) => {
                let subject = if *kind == ErasedKind::Users { "user" } else { "firm" };
                self.each().for_each(|engine| drop(erase(engine, *kind, &[&format!("{subject} {who}")])));
            }
            Act::Purge => self.each().for_each(|engine| assert_eq!(purge(engine), Ok(Purged::Completed))),
        }
    }

    /// Drops of one of them what was received before so many hundredths of its events.
    fn drop_some(&self, hundredths: usize) {
        let [Some(whole), Some(dropping)] = &self.engines else { return };
        let all = whole.read(PRODUCTION, Position::START, usize::MAX, usize::MAX).unwrap();
        if let Some(event) = all.get(all.len() * hundredths / 100) {
            let dropped = dropping.drop_before(PRODUCTION, event.receipt.received_at, &|| false);
            // Nothing is dropped before an erasure is complete.
            let waits =
                dropping.erasures(PRODUCTION).unwrap().iter().any(|erasure| !erasure.status.is_ended());
            match dropped {
                Ok(Dropped::Done(_)) if !waits => {}
                Ok(Dropped::Waits) if waits => {}
                other => panic!("{other:?}, waits: {waits}"),
            }
        }
    }

    fn check(&self) {
        let [Some(whole), Some(dropping)] = &self.engines else { return };
        let until = dropping.kept(PRODUCTION).unwrap().dropped_until;
        let rest: Vec<StoredEvent> = whole.read(PRODUCTION, until, usize::MAX, usize::MAX).unwrap();
        assert_eq!(kept_events(dropping), rest);
        assert_eq!(in_history(dropping), rest);
        assert_eq!(lasting(dropping), lasting(whole));
        let at = rest.first().map_or(DAY_ONE, |event| event.receipt.received_at);
        for rule in RULES {
            match found(dropping, rule, Some(at)) {
                Err(StoreError::Dropped { since, .. }) => {
                    assert!(since > at);
                    assert_eq!(found(dropping, rule, Some(since)), found(whole, rule, Some(since)), "{rule}");
                }
                told => assert_eq!(told, found(whole, rule, Some(at)), "{rule}"),
            }
        }
        for event in rest.iter().step_by(7) {
            let Some(id) = Event::decode(&event.payload).unwrap().user_id.map(str::to_owned) else {
                continue;
            };
            let at = event.receipt.received_at;
            match as_of(dropping, &id, at) {
                // Something of before the base happened later than that.
                Err(StoreError::Dropped { since, .. }) => assert!(since > at),
                // Whether somebody of whom nothing is known was there already is not known either.
                told => assert_eq!(
                    told.map(Option::unwrap_or_default),
                    as_of(whole, &id, at).map(Option::unwrap_or_default)
                ),
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, max_shrink_iters: 100, ..ProptestConfig::default() })]

    #[test]
    fn an_engine_that_drops_knows_of_everybody_what_one_that_does_not_knows(
        acts in prop::collection::vec((act(), prop::option::weighted(0.3, 0usize..100)), 1..10),
    ) {
        let mut twins = Twins::new();
        for (act, hundredths) in acts {
            twins.act(&act);
            if let Some(hundredths) = hundredths {
                twins.drop_some(hundredths);
            }
            twins.check();
        }
        twins.act(&Act::Reopen);
        twins.check();
    }
}
