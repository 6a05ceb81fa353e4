//! `?dry_run=true` on the real-time calls: the same answers, what would be, and nothing left behind.

use muster_kernel::model::catalog::Scope;
use serde_json::{Value, json};

use crate::client::Request;
use crate::world::{INCARNATION, KEY, World};

const ADA: &str =
    r#"{"user_id":"ada","metadata":{"plan":"free","seats":3,"old":1},"company":{"id":"acme","size":5}}"#;

/// What a call that is only tried would do.
#[track_caller]
fn would(world: &World, path: &str, body: &str) -> Value {
    let answer = world.post(&format!("{path}?dry_run=true"), body);
    let expected = if path == "/v1/companies/identify" { 200 } else { 202 };
    assert_eq!(answer.status, expected, "{}", answer.text());
    assert_eq!(answer.json()["status"], "accepted");
    answer.json()["would"].clone()
}

/// Everything that a write could leave: events, profiles, ledger, overview.
fn left(world: &World) -> Value {
    let of = |path: &str| world.get(path).json();
    json!([
        of("/v1/events"),
        of("/v1/users?detail=true"),
        of("/v1/companies?detail=true"),
        of("/v1/ledger"),
        of("/v1/overview")
    ])
}

#[test]
fn a_new_user_would_be_created_with_all_that_is_sent() {
    let world = World::start();
    let set =
        |name: &str, after: Value| json!({"name": name, "action": "set", "before": null, "after": after});
    let expected = json!({
        "user": {
            "id": "ada", "action": "create",
            "membership": {"action": "join", "before": null, "after": "acme"},
            "properties": [set("old", json!(1)), set("plan", json!("free")), set("seats", json!(3))],
        },
        "company": {"id": "acme", "action": "create", "properties": [set("size", json!(5))]},
        "event": null,
    });
    assert_eq!(would(&world, "/v1/identify", ADA), expected);
}

#[test]
fn a_known_user_is_shown_with_the_present_values() {
    let world = World::start();
    world.post("/v1/identify", ADA);
    let item = |name: &str, action: &str, before: Value, after: Value| json!({"name": name, "action": action, "before": before, "after": after});
    let body = r#"{"user_id":"ada","metadata":{"plan":"pro","seats":3,"old":null,"new":true,"none":null},"company":{"id":"beta"}}"#;
    let expected = json!({
        "user": {
            "id": "ada", "action": "update",
            "membership": {"action": "move", "before": "acme", "after": "beta"},
            "properties": [
                item("new", "set", json!(null), json!(true)),
                item("none", "keep", json!(null), json!(null)),
                item("old", "remove", json!(1), json!(null)),
                item("plan", "change", json!("free"), json!("pro")),
                item("seats", "keep", json!(3), json!(3)),
            ],
        },
        "company": {"id": "beta", "action": "create", "properties": []},
        "event": null,
    });
    world.pass(1_000_000);
    assert_eq!(would(&world, "/v1/identify", body), expected);
    let late = r#"{"user_id":"ada","metadata":{"plan":"older"},"occurred_at":"2020-01-01"}"#;
    let expected = json!({
        "id": "ada", "action": "keep",
        "properties": [item("plan", "keep", json!("free"), json!("free"))],
    });
    assert_eq!(would(&world, "/v1/identify", late)["user"], expected, "a back-fill that comes too late");
    let company = would(&world, "/v1/companies/identify", r#"{"company_id":"acme","metadata":{"size":6}}"#);
    let expected = json!({
        "user": null,
        "company": {"id": "acme", "action": "update", "properties": [item("size", "change", json!(5), json!(6))]},
        "event": null,
    });
    assert_eq!(company, expected);
}

#[test]
fn an_event_and_a_departure_are_shown() {
    let world = World::start();
    world.post("/v1/identify", ADA);
    world.pass(1_000_000);
    let body =
        r#"{"user_id":"ada","event_name":"paid","metadata":{"amount":12.5},"occurred_at":"2026-11-20"}"#;
    let expected = json!({
        "user": {"id": "ada", "action": "keep", "properties": []},
        "company": null,
        "event": {"event_name": "paid", "occurred_at": "2026-11-20T00:00:00.000000Z", "metadata": {"amount": 12.5}},
    });
    assert_eq!(would(&world, "/v1/track", body), expected);
    let leave = Request::new("DELETE", "/v1/users/ada/company?dry_run=true").key(KEY);
    let answer = world.ask(&leave);
    assert_eq!(answer.status, 202, "{}", answer.text());
    assert_eq!(
        answer.json()["would"]["user"]["membership"],
        json!({"action": "leave", "before": "acme", "after": null})
    );
    assert_eq!(world.get("/v1/users/ada").json()["company_id"], "acme");
}

#[test]
fn nothing_would_be_stored_of_who_is_suppressed() {
    let world = World::start();
    for (path, body) in [
        ("/v1/users", json!({"users": ["ada"], "suppress": true})),
        ("/v1/companies", json!({"companies": ["acme"], "suppress": true})),
    ] {
        let erase = Request::with_body("DELETE", path, body.to_string()).key(KEY);
        assert_eq!(world.ask(&erase).status, 202);
    }
    let nothing = json!({"user": null, "company": null, "event": null, "suppressed": true});
    for (path, body) in [
        ("/v1/identify", ADA),
        ("/v1/track", r#"{"user_id":"ada","event_name":"paid"}"#),
        ("/v1/companies/identify", r#"{"company_id":"acme","metadata":{"size":6}}"#),
    ] {
        let tried = world.post(&format!("{path}?dry_run=true"), body);
        let real = world.post(path, body);
        assert_eq!(tried.status, real.status);
        assert_eq!(real.json(), json!({"status": "suppressed", "warnings": []}));
        assert_eq!(tried.json(), json!({"status": "suppressed", "warnings": [], "would": nothing}), "{path}");
    }
    // Who is not there belongs nowhere.
    let leave = Request::new("DELETE", "/v1/users/ada/company?dry_run=true").key(KEY);
    world.ask(&leave).is_refused(404, "user_unknown");
    // Of somebody else only the company stays away.
    let body = r#"{"user_id":"ben","company":{"id":"acme","size":5}}"#;
    let expected = json!({
        "user": {"id": "ben", "action": "create", "properties": []}, "company": null, "event": null,
    });
    assert_eq!(would(&world, "/v1/identify", body), expected);
}

#[test]
fn a_dry_run_leaves_nothing_behind() {
    let world = World::start();
    world.post("/v1/identify", ADA);
    let before = left(&world);
    let position = format!("{INCARNATION:08x}-1");
    for (path, body) in [
        ("/v1/identify", r#"{"user_id":"ben","metadata":{"plan":"pro"},"event_id":"e-1"}"#),
        ("/v1/companies/identify", r#"{"company_id":"beta","event_id":"e-1"}"#),
        ("/v1/track", r#"{"user_id":"ben","event_name":"paid","event_id":"e-1"}"#),
        ("/v1/identify", r#"{"metadata":1}"#),
    ] {
        let request = Request::post(&format!("{path}?dry_run=1"), body).key(KEY);
        let answer = world.ask(&request.header("Idempotency-Key", "k-1"));
        if answer.status < 300 {
            assert_eq!(answer.header("muster-position"), Some(&*position), "what it saw");
        }
        assert_eq!(left(&world), before, "{path} {body}");
    }
    // Neither key is remembered: the real calls after it are the first ones.
    for (path, key) in [("/v1/identify", "k-1"), ("/v1/track", "k-2")] {
        let id = if path == "/v1/track" { "e-1" } else { "e-2" };
        let body = format!(r#"{{"user_id":"ben","event_name":"paid","event_id":"{id}"}}"#);
        let answer = world.ask(&Request::post(path, &body).key(KEY).header("Idempotency-Key", key));
        assert_eq!((answer.status, answer.header("muster-duplicate")), (202, None), "{}", answer.text());
    }
    assert_eq!(world.get("/v1/ledger").json()["balanced"], true);
}

#[test]
fn a_bad_call_is_refused_as_without_it() {
    let world = World::start();
    let wide: String = (0..501).map(|number| format!(r#","p{number}":1"#)).collect();
    let cases = [
        ("/v1/identify", r#"{"metadata":{"score":1e999},"company":"acme"}"#.to_owned()),
        ("/v1/identify", "{".to_owned()),
        ("/v1/identify", String::new()),
        ("/v1/identify", format!(r#"{{"user_id":"u","metadata":{{{}}}}}"#, &wide[1..])),
        ("/v1/companies/identify", "[]".to_owned()),
        ("/v1/track", r#"{"user_id":"","metadata":[]}"#.to_owned()),
    ];
    for (path, body) in cases {
        let tried = world.post(&format!("{path}?dry_run=true"), &body);
        let real = world.post(path, &body);
        assert_eq!((tried.status, tried.json()), (real.status, real.json()), "{path} {body}");
        assert!(tried.status >= 400);
    }
    world.post("/v1/identify?dry_run=perhaps", ADA).is_refused(400, "parameter_invalid");
    world
        .ask(&Request::new("DELETE", "/v1/users/nobody/company?dry_run=true").key(KEY))
        .is_refused(404, "user_unknown");
    let ledger = world.get("/v1/ledger").json();
    assert_eq!(ledger["totals"]["received"], 7, "the real ones and the one that was none: {ledger}");
    assert_eq!(ledger["balanced"], true);
}

#[test]
fn warnings_are_those_of_the_real_call() {
    let world = World::start();
    let body = r#"{"user_id":"null","metadata":{"a":{"b":1}}}"#;
    let tried = world.post("/v1/identify?dry_run=true", body).json();
    let real = world.post("/v1/identify", body).json();
    assert_eq!(tried["warnings"], real["warnings"]);
    assert_eq!(tried["warnings"].as_array().unwrap().len(), 2);
    assert_eq!(real.get("would"), None);
}

#[test]
fn a_key_that_may_not_read_is_told_no_present_value() {
    let world = World::start();
    world.post("/v1/identify", ADA);
    world.add_key("key-that-only-writes", |key| key.scopes = vec![Scope::Ingest]);
    let ask = |plan: &str| {
        let body = format!(
            r#"{{"user_id":"ada","metadata":{{"plan":"{plan}","old":null}},"company":{{"id":"acme"}}}}"#
        );
        world.ask(&Request::post("/v1/identify?dry_run=true", &body).key("key-that-only-writes")).json()
    };
    let expected = |plan: &str| {
        json!({
            "id": "ada", "action": "update",
            "membership": {"action": "join", "after": "acme"},
            "properties": [
                {"name": "old", "action": "remove", "after": null},
                {"name": "plan", "action": "set", "after": plan},
            ],
        })
    };
    assert_eq!(ask("free")["would"]["user"], expected("free"), "the present value cannot be guessed either");
    assert_eq!(ask("pro")["would"]["user"], expected("pro"));
}

#[test]
fn a_call_that_would_be_a_repetition_is_told_so() {
    let world = World::start();
    let body = r#"{"user_id":"null","metadata":{"plan":"pro"},"event_id":"e-1"}"#;
    let ask = |path: &str, body: &str, key: &str| {
        world.ask(&Request::post(path, body).key(KEY).header("Idempotency-Key", key))
    };
    let real = ask("/v1/identify", body, "k-1");
    assert_eq!((real.status, real.header("muster-duplicate")), (202, None), "{}", real.text());
    let before = left(&world);
    let nothing = json!({"user": null, "company": null, "event": null, "duplicate": true});
    for (path, body, key) in [
        ("/v1/identify?dry_run=true", body, "k-1"),
        ("/v1/identify?dry_run=true", body, "k-2"),
        ("/v1/identify?dry_run=true", body, "k-1"),
    ] {
        let tried = ask(path, body, key);
        assert_eq!((tried.status, tried.header("muster-duplicate")), (202, Some("true")), "{}", tried.text());
        assert_eq!(tried.json()["would"], nothing);
        assert_eq!(tried.json()["warnings"], real.json()["warnings"], "those of the first call");
    }
    assert_eq!(left(&world), before);
    let other = r#"{"user_id":"ada","metadata":{"plan":"pro"}}"#;
    let (tried, refused) =
        (ask("/v1/identify?dry_run=true", other, "k-1"), ask("/v1/identify", other, "k-1"));
    assert_eq!((tried.status, tried.json()), (refused.status, refused.json()), "another body under the key");
    assert_eq!(tried.status, 409);
    let fresh = ask("/v1/identify?dry_run=true", other, "k-3");
    assert_eq!((fresh.header("muster-duplicate"), fresh.json()["would"].get("duplicate")), (None, None));
    let leave = Request::new("DELETE", "/v1/users/null/company").key(KEY).header("Idempotency-Key", "k-4");
    assert_eq!(world.ask(&leave).status, 202);
    let again = Request::new("DELETE", "/v1/users/null/company?dry_run=true").key(KEY);
    let again = world.ask(&again.header("Idempotency-Key", "k-4"));
    assert_eq!(again.json()["would"], nothing);
}
