//! `GET /v1/ledger`: nothing vanishes (law 4).

use muster_kernel::model::time::MINUTE;
use muster_kernel::ports::AppendError;
use serde_json::{Value, json};

use crate::client::Request;
use crate::world::{Fault, KEY, World, until};

const USER: &str = r#"{"user_id":"u"}"#;

fn numbers(received: u64, stored: u64, duplicate: u64, rejected: &Value) -> Value {
    let total: u64 = rejected.as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
    json!({
        "received": received, "stored": stored, "duplicate": duplicate, "rejected": total,
        "rejected_by_code": rejected, "suppressed": 0, "pending": 0,
    })
}

#[test]
fn good_bad_and_repeated_calls_balance_by_key_and_minute() {
    let world = World::start();
    let other = world.add_key("another-key-of-production", |_| {});
    world.add_key("reading-key-of-production", |key| {
        key.scopes = vec![muster_kernel::model::catalog::Scope::Read];
    });
    let again = Request::post("/v1/identify", USER).key(KEY).header("Idempotency-Key", "k");
    for _ in 0..3 {
        world.ask(&again);
    }
    world.post("/v1/identify", "{").is_refused(400, "body_not_json");
    world.post("/v1/track", r#"{"metadata":7}"#).is_refused(400, "id_missing");
    world.engine.on_append(Fault::Fails(AppendError::Failed("x".to_owned())));
    world.post("/v1/identify", USER).is_refused(500, "internal");
    world.engine.on_append(Fault::Panics);
    world.post("/v1/identify", USER).is_refused(500, "internal");
    world
        .ask(&Request::post("/v1/identify", USER).key("reading-key-of-production"))
        .is_refused(403, "scope_missing");
    world
        .ask(&Request::post("/v1/identify", USER).key("key-that-nobody-knows"))
        .is_refused(401, "key_unknown");
    world.get("/v1/users/nobody").is_refused(404, "user_unknown");
    world.pass(MINUTE);
    world.ask(&Request::post("/v1/identify", USER).key("another-key-of-production"));
    let ledger = world.get("/v1/ledger").json();
    let row = |minute: &str, key_id: u32, numbers: Value| {
        let mut row = numbers;
        row["minute"] = json!(minute);
        row["key_id"] = json!(key_id);
        row
    };
    let (first, second) = ("2026-11-21T06:21:00.000000Z", "2026-11-21T06:22:00.000000Z");
    let refused = json!({"body_not_json": 1, "id_missing": 1, "internal": 2});
    let expected = json!([
        row(first, 1, numbers(7, 1, 2, &refused)),
        row(first, other.0 + 1, numbers(1, 0, 0, &json!({"scope_missing": 1}))),
        row(second, other.0, numbers(1, 1, 0, &json!({}))),
    ]);
    assert_eq!(ledger["data"], expected);
    let all = json!({"body_not_json": 1, "id_missing": 1, "internal": 2, "scope_missing": 1});
    assert_eq!(ledger["totals"], numbers(9, 2, 2, &all));
    let since = json!({
        "at": "2026-11-21T06:21:09.123456Z", "received": 9, "accounted": 9, "in_flight": 0, "abandoned": 0,
    });
    assert_eq!((&ledger["since_start"], &ledger["balanced"]), (&since, &json!(true)));
}

#[test]
fn a_call_in_flight_is_counted_as_such_and_followed_when_its_caller_hangs_up() {
    let world = World::start();
    let (bell, waits) = tokio::sync::oneshot::channel();
    world.engine.on_append(Fault::Waits(waits));
    let mut client = world.client();
    client.write(&Request::post("/v1/identify", USER).key(KEY).bytes());
    let since = || world.get("/v1/ledger").json();
    until("one call is in flight", || since()["since_start"]["in_flight"] == 1);
    assert_eq!(since()["balanced"], true);
    drop(client);
    bell.send(()).unwrap();
    until("the call is settled", || since()["since_start"]["in_flight"] == 0);
    let ledger = since();
    assert_eq!(ledger["since_start"]["accounted"], 1);
    assert_eq!((&ledger["totals"]["stored"], &ledger["balanced"]), (&json!(1), &json!(true)));
}

#[test]
fn a_caller_that_hangs_up_within_its_body_made_a_refused_call() {
    let world = World::start();
    let mut client = world.client();
    let whole = Request::post("/v1/identify", USER).key(KEY).bytes();
    client.write(&whole[..whole.len() - 3]);
    let since = || world.get("/v1/ledger").json()["since_start"].clone();
    until("the call arrived", || since()["received"] == 1);
    assert_eq!(since()["in_flight"], 1);
    drop(client);
    until("its fate is known", || since()["in_flight"] == 0);
    let ledger = world.get("/v1/ledger").json();
    assert_eq!(ledger["totals"], numbers(1, 0, 0, &json!({"body_missing": 1})));
    assert_eq!((&ledger["since_start"]["abandoned"], &ledger["balanced"]), (&json!(0), &json!(true)));
}

#[test]
fn what_the_engine_loses_or_doubles_is_seen() {
    let world = World::start();
    world.post("/v1/identify", USER);
    assert_eq!(world.get("/v1/ledger").json()["balanced"], true);
    let ledger: &dyn muster_kernel::ports::Ledger = &*world.engine.model;
    ledger.reject(crate::world::PRODUCTION, muster_kernel::model::id::KeyId(1), "internal");
    assert_eq!(world.get("/v1/ledger").json()["balanced"], false);
}

#[test]
fn the_span_is_asked_for_in_any_form_of_time() {
    let world = World::start();
    world.post("/v1/identify", USER);
    let rows =
        |query: &str| world.get(&format!("/v1/ledger?{query}")).json()["data"].as_array().unwrap().len();
    assert_eq!(rows("from=2026-11-21T06:21:00Z&to=2026-11-21T06:21:59Z"), 1);
    assert_eq!(rows("from=1795242069&to=1795242069000"), 1);
    assert_eq!(rows("from=2026-11-21T05:00:00Z&to=2026-11-21T06:20:59Z"), 0);
    assert_eq!(rows("to=2026-11-21"), 0);
    for bad in ["from=now", "to=12", "from=2026-11-21&to=2026-11-20", "from=2026-11-01"] {
        world.get(&format!("/v1/ledger?{bad}")).is_refused(400, "parameter_invalid");
    }
}

#[test]
fn a_process_that_lives_for_weeks_still_balances() {
    let world = World::start();
    for _ in 0..30 {
        world.post("/v1/identify", USER);
        world.pass(24 * 60 * MINUTE);
        assert_eq!(world.get("/v1/ledger").json()["balanced"], true);
    }
    let since = world.get("/v1/ledger").json()["since_start"].clone();
    assert_eq!((&since["received"], &since["accounted"]), (&json!(30), &json!(30)));
}
