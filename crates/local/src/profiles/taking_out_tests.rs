//! What readers see of whoever is named again after an erasure, while that is taken out of the store.

use std::collections::HashSet;
use std::sync::Arc;

use muster_kernel::model::event::{Event, EventDraft};
use muster_kernel::model::id::Position;
use muster_kernel::model::profile::{Change, Profile};
use muster_kernel::ports::{ProfileKind, Receipt};
use muster_testkit::builders::{identify, joining};
use muster_testkit::clock::DAY_ONE;

use crate::disk::RealDisk;
use crate::profiles::lists::View;
use crate::profiles::mover::move_generation;
use crate::profiles::overlay::{Generation, Generations};
use crate::profiles::store::{Home, Store};
use crate::profiles::wide::Wide;

const USER: ProfileKind = ProfileKind::User;

fn joins(user: &str, company: &str, after: i64) -> EventDraft {
    let mut draft = joining(identify(user, &[]), company);
    draft.occurred_at = Some(DAY_ONE.plus(after));
    draft
}

fn leaves(user: &str, after: i64) -> EventDraft {
    EventDraft { company_id: String::new(), leaves_company: true, ..joins(user, "", after) }
}

fn fold(generation: &Generation, drafts: &[EventDraft]) {
    for draft in drafts {
        let mut bytes = Vec::new();
        draft.encode(&mut bytes);
        let receipt = Receipt { position: Position(1), received_at: DAY_ONE };
        generation.fold(&Event::decode(&bytes).unwrap(), receipt);
    }
}

fn folded(drafts: &[EventDraft]) -> Option<Profile> {
    let mut profile = Profile::default();
    for draft in drafts {
        let mut bytes = Vec::new();
        draft.encode(&mut bytes);
        profile.apply(&Change::of_user(&Event::decode(&bytes).unwrap(), DAY_ONE).unwrap().1);
    }
    Some(profile)
}

#[test]
fn who_joins_an_erased_company_again_has_not_left_it_whenever_that_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let home = Home {
        directory: directory.path().to_owned(),
        disk: Arc::new(RealDisk),
        value_file_bytes: 4 << 10,
        read_only: false,
    };
    let (store, wide) = (Store::open(&home, 1 << 20).unwrap(), Wide::default());
    let below = Generation::alone();
    fold(&below, &[joins("again", "c", 1), joins("same moment", "c", 2), joins("gone", "c", 1)]);
    move_generation(&store, &wide, &below, Position(3), |_, _| {}).unwrap();

    let moving = Arc::new(Generation::alone());
    moving.erase(ProfileKind::Company, &HashSet::from(["c".into()]), Position(4));
    fold(&moving, &[joins("again", "c", 2), joins("same moment", "c", 2), joins("new", "c", 2)]);
    let expected = [
        ("again", folded(&[leaves("again", 1), joins("again", "c", 2)])),
        ("gone", folded(&[leaves("gone", 1)])),
        ("new", folded(&[joins("new", "c", 2)])),
        ("same moment", folded(&[leaves("same moment", 2), joins("same moment", "c", 2)])),
    ];
    let active = Arc::new(Generation::alone());
    let mut fresh = Generations { active, moving: Some((Arc::clone(&moving), Position(6))) };
    let check = |fresh: &Generations, when: &str| {
        let view = View { store: &store, fresh: fresh.clone() };
        for (user, profile) in &expected {
            assert_eq!(view.get(USER, user).unwrap(), *profile, "{user}, {when}");
        }
    };
    check(&fresh, "before it is moved");
    let moved = |done, all| check(&fresh, &format!("{done} of {all} are moved"));
    move_generation(&store, &wide, &moving, Position(6), moved).unwrap();
    check(&fresh, "all are moved");
    fresh.moving = None;
    check(&fresh, "in the store");
}
