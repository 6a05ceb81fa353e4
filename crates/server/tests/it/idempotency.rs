//! Taking a call once (law 2).

use serde_json::json;

use crate::client::{Answer, Request};
use crate::world::{Fault, KEY, OTHER_KEY, World};

fn send(world: &World, path: &str, key: &str, body: &str) -> Answer {
    world.ask(&Request::post(path, body).key(KEY).header("Idempotency-Key", key))
}

fn stored(world: &World) -> usize {
    world.get("/v1/events").json()["data"].as_array().unwrap().len()
}

#[test]
fn the_same_call_is_taken_once_and_answered_alike() {
    let world = World::start();
    let body = r#"{"user_id":"null","metadata":{"a":{"b":1}}}"#;
    let (first, second) =
        (send(&world, "/v1/identify", "k-1", body), send(&world, "/v1/identify", "k-1", body));
    assert_eq!((first.status, second.status), (202, 202));
    assert_eq!(first.json(), second.json());
    assert_eq!(first.json()["warnings"].as_array().unwrap().len(), 2);
    assert_eq!(first.header("muster-position"), second.header("muster-position"));
    assert_eq!((first.header("muster-duplicate"), second.header("muster-duplicate")), (None, Some("true")));
    assert_eq!(stored(&world), 1);
    let quiet = |key| send(&world, "/v1/companies/identify", key, r#"{"company_id":"c"}"#);
    assert_eq!((quiet("k-1").status, quiet("k-1").status), (200, 200), "another path, another scope");
    assert_eq!(quiet("k-1").json(), json!({"status": "accepted", "warnings": []}));
    assert_eq!(stored(&world), 2);
}

#[test]
fn the_same_key_with_another_body_is_409() {
    let world = World::start();
    send(&world, "/v1/identify", "k-1", r#"{"user_id":"u-1"}"#);
    send(&world, "/v1/identify", "k-1", r#"{"user_id":"u-2"}"#).is_refused(409, "idempotency_conflict");
    assert_eq!(stored(&world), 1);
    let other =
        Request::post("/v1/identify", r#"{"user_id":"u-2"}"#).key(OTHER_KEY).header("Idempotency-Key", "k-1");
    assert_eq!(world.ask(&other).status, 202, "keys of two environments never meet");
}

#[test]
fn an_event_id_is_taken_once_too() {
    let world = World::start();
    let event = |name: &str| format!(r#"{{"user_id":"u","event_name":"{name}","event_id":"e-1"}}"#);
    let (first, second) = (world.post("/v1/track", &event("a")), world.post("/v1/track", &event("a")));
    assert_eq!((first.header("muster-duplicate"), second.header("muster-duplicate")), (None, Some("true")));
    let conflict = world.post("/v1/track", &event("b"));
    conflict.is_refused(409, "event_id_conflict");
    assert_eq!(conflict.json()["errors"][0]["details"], "/event_id");
    assert_eq!(stored(&world), 1);
}

#[test]
fn a_key_that_is_none_is_400() {
    let world = World::start();
    for key in ["", "a b", &"x".repeat(256), "é"] {
        send(&world, "/v1/identify", key, r#"{"user_id":"u"}"#).is_refused(400, "idempotency_key_invalid");
    }
    assert_eq!(send(&world, "/v1/identify", &"x".repeat(255), r#"{"user_id":"u"}"#).status, 202);
}

#[test]
fn the_body_counts_as_it_is_after_decompression() {
    let world = World::start();
    let body = r#"{"user_id":"u-1"}"#;
    send(&world, "/v1/identify", "k-1", body);
    let packed = Request::post("/v1/identify", crate::bodies::gzip(body.as_bytes()));
    let packed = packed.key(KEY).header("Idempotency-Key", "k-1").header("Content-Encoding", "gzip");
    assert_eq!(world.ask(&packed).header("muster-duplicate"), Some("true"));
}

#[test]
fn only_a_2xx_is_remembered() {
    let world = World::start();
    send(&world, "/v1/identify", "k-1", "{}").is_refused(400, "id_missing");
    world.engine.on_append(Fault::Fails(muster_kernel::ports::AppendError::Unknown));
    send(&world, "/v1/identify", "k-1", r#"{"user_id":"u"}"#).is_refused(503, "outcome_unknown");
    let answer = send(&world, "/v1/identify", "k-1", r#"{"user_id":"u"}"#);
    assert_eq!((answer.status, answer.header("muster-duplicate")), (202, None));
}
