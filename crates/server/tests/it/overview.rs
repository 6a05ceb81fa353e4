//! `GET /v1/overview`: today in a few numbers.

use muster_kernel::model::team::Role;
use muster_kernel::model::time::MINUTE;
use serde_json::{Value, json};

use crate::client::Request;
use crate::jobs::{id_of, multipart};
use crate::watched::{Watched, sign_in};
use crate::world::{KEY, World, until};

const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

fn identify(world: &World, id: &str) {
    assert_eq!(world.post("/v1/identify", &format!(r#"{{"user_id":"{id}"}}"#)).status, 202);
}

fn overview(world: &World, zone: &str) -> Value {
    let answer = world.get(&format!("/v1/overview?time_zone={zone}"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

#[test]
fn before_the_first_call_everything_is_nothing() {
    let world = World::start();
    let nothing = json!({
        "today": {
            "from": "2026-11-21T00:00:00.000000Z", "accepted": 0, "refused": 0, "new_users": 0,
            "active_users": 0, "hourly": {"accepted": [0, 0, 0, 0, 0, 0, 0], "refused": [0, 0, 0, 0, 0, 0, 0]},
        },
        "last_week": {"accepted": 0, "refused": 0, "new_users": 0, "active_users": null},
        "ledger": {
            "received": 0, "stored": 0, "duplicate": 0, "rejected": 0, "rejected_by_code": {},
            "suppressed": 0, "pending": 0, "balanced": true,
        },
        "users_total": 0, "companies_total": 0, "first_call_at": null,
    });
    assert_eq!(overview(&world, ""), nothing);
    world.change(|state| state.environments[0].created_at = muster_kernel::ports::Clock::now(&*world.clock));
    assert_eq!(overview(&world, "")["last_week"], json!(null), "an environment of today has no last week");
}

#[test]
fn today_and_last_week_agree_with_the_ledger_and_the_profiles() {
    // The tests begin at 06:21 UTC on a Saturday.
    let world = World::start();
    identify(&world, "first");
    world.post("/v1/identify", "{");
    world.pass(HOUR);
    identify(&world, "too-late-to-compare");
    world.pass(7 * DAY - 3 * HOUR);
    identify(&world, "ada");
    let keyed = Request::post("/v1/identify", r#"{"user_id":"ben","company":{"id":"acme"}}"#)
        .key(KEY)
        .header("Idempotency-Key", "k");
    world.ask(&keyed);
    world.pass(2 * HOUR + MINUTE);
    identify(&world, "first");
    world.ask(&keyed);
    world.post("/v1/track", "[]");
    let found = overview(&world, "");
    let today = json!({
        "from": "2026-11-28T00:00:00.000000Z", "accepted": 4, "refused": 1, "new_users": 2, "active_users": 3,
        "hourly": {"accepted": [0, 0, 0, 0, 2, 0, 2], "refused": [0, 0, 0, 0, 0, 0, 1]},
    });
    assert_eq!(found["today"], today);
    let last_week = json!({"accepted": 1, "refused": 1, "new_users": 1, "active_users": null});
    assert_eq!(found["last_week"], last_week);
    assert_eq!((&found["users_total"], &found["companies_total"]), (&json!(4), &json!(1)));
    assert_eq!(found["first_call_at"], "2026-11-21T06:21:09.123456Z");
    let ledger = world.get("/v1/ledger?from=2026-11-28T00:00:00Z&to=2026-11-28T06:30:00Z").json();
    let mut totals = ledger["totals"].clone();
    totals["balanced"] = ledger["balanced"].clone();
    assert_eq!(found["ledger"], totals);
    assert_eq!(found["ledger"]["received"], 5);
}

#[test]
fn a_day_is_the_callers_own() {
    let world = World::start();
    identify(&world, "ada");
    world.pass(12 * HOUR);
    identify(&world, "ben");
    // 18:21 UTC: six minutes into the next day in Kathmandu, the same day in Los Angeles.
    for (zone, from, accepted, hours) in [
        ("UTC", "2026-11-21T00:00:00.000000Z", 2, 19),
        ("Asia/Kathmandu", "2026-11-21T18:15:00.000000Z", 1, 1),
        ("America/Los_Angeles", "2026-11-21T08:00:00.000000Z", 1, 11),
        ("Pacific/Kiritimati", "2026-11-21T10:00:00.000000Z", 1, 9),
    ] {
        let today = overview(&world, zone)["today"].clone();
        assert_eq!((&today["from"], &today["accepted"]), (&json!(from), &json!(accepted)), "{zone}");
        assert_eq!(
            (&today["new_users"], &today["active_users"]),
            (&json!(accepted), &json!(accepted)),
            "{zone}"
        );
        assert_eq!(today["hourly"]["accepted"].as_array().unwrap().len(), hours, "{zone}");
    }
    world.get("/v1/overview?time_zone=Mars/Olympus").is_refused(400, "parameter_invalid");
}

#[test]
fn a_member_names_the_environment_and_a_viewer_sees_the_numbers() {
    let world = Watched::start();
    identify(&world, "ada");
    let viewer = sign_in(&world, Role::Viewer);
    let ask = |environment: &str| {
        let request = Request::get("/v1/overview").header("Cookie", &viewer);
        world.ask(&request.header("Muster-Environment", environment))
    };
    for (environment, users) in [("1", 1), ("2", 0)] {
        assert_eq!(ask(environment).json()["users_total"], users);
    }
}

#[test]
fn each_row_of_a_file_counts_as_a_call_and_a_row_that_is_only_tried_as_none() {
    let world = World::start();
    let rows = b"{\"user_id\":\"u-1\"}\n{\"user_id\":\"u-2\"}\n{}\n";
    for target in ["/v1/users/bulk_identify?dry_run=true", "/v1/users/bulk_identify"] {
        let (kind, body) = multipart(&[("file", "people.ndjson", rows)]);
        let id = id_of(&world.ask(&Request::post(target, body).header("Content-Type", &kind).key(KEY)));
        let path = format!("/v1/background_jobs/{id}");
        until("the job ends", || world.get(&path).json()["status"] == "completed");
    }
    identify(&world, "ada");
    let overview = overview(&world, "");
    let today = &overview["today"];
    assert_eq!((&today["accepted"], &today["refused"]), (&json!(3), &json!(1)), "{overview}");
    assert_eq!(today["hourly"]["accepted"], json!([0, 0, 0, 0, 0, 0, 3]));
    let ledger = &overview["ledger"];
    assert_eq!((&ledger["received"], &ledger["rejected_by_code"]), (&json!(4), &json!({"id_missing": 1})));
    assert_eq!((&ledger["balanced"], &overview["users_total"]), (&json!(true), &json!(3)));
}
