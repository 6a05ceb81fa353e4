//! Whoever is named again after an erasure, and a stop in the middle of what carries both into the profile store.

use std::collections::BTreeMap;

use muster_kernel::model::batch::EventBatch;
use muster_kernel::model::erasure::ErasedKind;
use muster_kernel::model::event::{Event, EventDraft};
use muster_kernel::model::profile::{Change, Profile};
use muster_kernel::model::value::Value;
use muster_kernel::ports::{Erasures, EventLog, Profiles};
use muster_local::{Engine, Options, verify};
use muster_testkit::block_on::block_on;
use muster_testkit::builders::{PRODUCTION, company, identify, identify_company, joining, user};
use muster_testkit::clock::DAY_ONE;
use muster_testkit::sim_disk::{Faults, Unsynced};

use crate::crash::Place;
use crate::erasure::request;
use crate::stand::small;

/// A company that is erased, and made anew.
const AGAIN: &str = "company-again";
const OTHER: &str = "company-other";

/// Nothing is moved but when the test says so, and history syncs nothing meanwhile.
fn still() -> Options {
    Options {
        overlay_bytes_max: 64 << 20,
        overlay_age_ms_max: 3_600_000,
        history_tend_ms: 3_600_000,
        history_seal_events: 1 << 17,
        ..small()
    }
}

fn joins(who: &str, company: &str, after: i64) -> EventDraft {
    EventDraft { occurred_at: Some(DAY_ONE.plus(after)), ..joining(identify(who, &[]), company) }
}

fn leaves(who: &str, after: i64) -> EventDraft {
    EventDraft { company_id: String::new(), leaves_company: true, ..joins(who, "", after) }
}

fn about_company(n: i64) -> EventDraft {
    EventDraft { occurred_at: Some(DAY_ONE.plus(n)), ..identify_company(AGAIN, &[("n", Value::Int(n))]) }
}

fn before() -> Vec<EventDraft> {
    let users = ["again", "same moment", "gone", "tied", "elsewhere"];
    let joined = users.map(|who| joins(who, AGAIN, 1)).into_iter();
    joined
        .chain([joins("elsewhere", OTHER, 1), about_company(1), identify("erased", &[("n", Value::Int(1))])])
        .collect()
}

fn after() -> Vec<EventDraft> {
    vec![
        joins("again", AGAIN, 2),
        joins("same moment", AGAIN, 1),
        joins("new", AGAIN, 2),
        joins("tied", AGAIN, 3),
        joins("tied", OTHER, 3),
        about_company(2),
        joins("erased", OTHER, 2),
    ]
}

fn folded(drafts: &[EventDraft]) -> Profile {
    let mut profile = Profile::default();
    for draft in drafts {
        let mut bytes = Vec::new();
        draft.encode(&mut bytes);
        let event = Event::decode(&bytes).unwrap();
        let change = Change::of_user(&event, DAY_ONE).or_else(|| Change::of_company(&event, DAY_ONE));
        profile.apply(&change.unwrap().1);
    }
    profile
}

/// What the log says of each user, in words of its own: to erase a company is to say that its users left it.
fn expected() -> BTreeMap<&'static str, Profile> {
    BTreeMap::from([
        ("again", folded(&[leaves("again", 1), joins("again", AGAIN, 2)])),
        ("same moment", folded(&[leaves("same moment", 1), joins("same moment", AGAIN, 1)])),
        ("gone", folded(&[leaves("gone", 1)])),
        ("new", folded(&[joins("new", AGAIN, 2)])),
        ("tied", folded(&[leaves("tied", 1), joins("tied", AGAIN, 3), joins("tied", OTHER, 3)])),
        ("elsewhere", folded(&[leaves("elsewhere", 1), joins("elsewhere", OTHER, 1)])),
        ("erased", folded(&[joins("erased", OTHER, 2)])),
    ])
}

fn check(engine: &Engine, when: &str) {
    for (who, profile) in expected() {
        assert_eq!(engine.user(PRODUCTION, &user(who)).unwrap(), Some(profile), "{who}, {when}");
    }
    let again = engine.company(PRODUCTION, &company(AGAIN)).unwrap();
    let companies = [joins("again", AGAIN, 2), joins("same moment", AGAIN, 1), joins("tied", AGAIN, 3)];
    let told = companies.map(|draft| EventDraft { user_id: String::new(), ..draft });
    let mut expected = folded(&[about_company(2)]);
    for draft in told {
        expected = expected.merge(&folded(&[draft]));
    }
    assert_eq!(again, Some(expected), "{when}");
    let count = |id| engine.company_user_count(PRODUCTION, &company(id)).unwrap();
    let winners = expected_members();
    assert_eq!((count(AGAIN), count(OTHER)), winners, "{when}");
}

fn expected_members() -> (u64, u64) {
    let of = |id: &str| expected().values().filter(|profile| profile.company_id() == Some(id)).count() as u64;
    (of(AGAIN), of(OTHER))
}

fn append_all(engine: &Engine, drafts: &[EventDraft]) {
    let mut batch = EventBatch::default();
    drafts.iter().for_each(|draft| batch.push(draft));
    block_on(engine.append_many(PRODUCTION, &batch)).unwrap();
}

fn erase(engine: &Engine) {
    for (kind, id) in [(ErasedKind::Companies, AGAIN), (ErasedKind::Users, "erased")] {
        block_on(engine.accept(PRODUCTION, request(kind, &[id], false)).unwrap()).unwrap();
    }
}

/// Puts what is on the simulated disk where `verify` reads.
fn check_verified(place: &Place, when: &str) {
    for path in place.disk.paths() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, place.disk.bytes(&path).unwrap()).unwrap();
    }
    assert_eq!(verify(place.directory.path()).unwrap().problems, Vec::<String>::new(), "{when}");
}

/// Cuts the power at each sync of saving what `begun` has in its log, then at each sync of what the next start saves.
fn cut_at_every_sync_of_saving(begun: &Place, options: &Options, cuts: u32, when: &str) {
    let fresh = || begun.after_power_cut(Unsynced::Kept);
    let whole = fresh();
    let engine = whole.open(options.clone()).unwrap();
    check(&engine, &format!("{when}, begun"));
    let first = whole.disk.syncs() + 1;
    engine.save();
    check(&engine, &format!("{when}, saved"));
    let last = whole.disk.syncs();
    engine.close();
    drop(engine);
    check_verified(&whole.after_power_cut(Unsynced::Kept), when);
    if cuts == 0 {
        return;
    }
    let syncs = last + 1 - first;
    assert!(syncs > 2 || !when.is_empty(), "at first saving syncs {syncs} times");
    for at in first..=last {
        let place = fresh();
        let engine = place.open(options.clone()).unwrap();
        assert_eq!(place.disk.syncs() + 1, first, "as before");
        place.disk.set_faults(Faults { power_cut_at_sync: Some(at), ..Faults::default() });
        engine.save();
        engine.close();
        drop(engine);
        let when = format!("{when}, cut at sync {at} of {first}..={last}");
        cut_at_every_sync_of_saving(&place, options, cuts - 1, &when);
    }
}

#[test]
fn who_joins_an_erased_company_anew_has_not_left_it_wherever_the_power_is_cut_while_that_is_saved() {
    let place = Place::new();
    let engine = place.open(still()).unwrap();
    append_all(&engine, &before());
    engine.save();
    erase(&engine);
    append_all(&engine, &after());
    check(&engine, "in memory");
    let begun = place.after_power_cut(Unsynced::Lost);
    cut_at_every_sync_of_saving(&begun, &still(), 2, "");
}
