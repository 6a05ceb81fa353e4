//! How a refused call reads, and that nothing of the inside does.

use muster_kernel::model::guard::GuardKind;
use muster_kernel::model::time::Timestamp;
use muster_kernel::ports::{AppendError, Refusal, StoreError};
use serde_json::{Value, json};

use crate::client::{Answer, Request};
use crate::world::{Fault, KEY, World};

const USER: &str = r#"{"user_id":"u-1"}"#;

fn identify_with(world: &World, accept: &str) -> Answer {
    let request = Request::post("/v1/identify", r#"{"metadata":7}"#).key(KEY).header("X-Request-Id", "r-1");
    world.ask(&request.header("Accept", accept))
}

#[test]
fn all_problems_of_a_body_come_at_once_with_all_four_fields() {
    let world = World::start();
    let answer = identify_with(&world, "application/json");
    assert_eq!(answer.status, 400);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let errors = answer.json()["errors"].as_array().unwrap().clone();
    let (mut pointers, mut codes) = (Vec::new(), Vec::new());
    for item in &errors {
        let item = item.as_object().unwrap();
        let mut names: Vec<_> = item.keys().collect();
        names.sort();
        assert_eq!(names, ["details", "error", "error_code", "message"]);
        assert!(item.values().all(Value::is_string));
        assert_eq!(item["error"], "Bad Request");
        assert!(item["message"].as_str().unwrap().ends_with('.'));
        pointers.push(item["details"].as_str().unwrap());
        codes.push(item["error_code"].as_str().unwrap());
    }
    codes.sort_unstable();
    assert_eq!(codes, ["id_missing", "metadata_type"]);
    assert!(pointers.contains(&"/metadata"));
}

#[test]
fn who_accepts_problem_documents_gets_one() {
    let world = World::start();
    let answer = identify_with(&world, "application/problem+json, application/json;q=0.5");
    let plain = identify_with(&world, "*/*").json();
    assert_eq!((answer.status, answer.header("content-type")), (400, Some("application/problem+json")));
    let first = &plain["errors"][0];
    let code = first["error_code"].as_str().unwrap();
    let expected = json!({
        "type": format!("urn:muster:problem:{code}"),
        "title": "Bad Request",
        "status": 400,
        "detail": first["message"],
        "instance": "r-1",
        "errors": plain["errors"],
    });
    assert_eq!(answer.json(), expected);
}

#[test]
fn each_refusal_of_the_engine_has_its_status_code_and_time_to_retry() {
    let world = World::start();
    let behind = Refusal::ClockBehind { now: Timestamp(0), last: Timestamp(120_000_000) };
    for (error, status, code, retry_after) in [
        (AppendError::Refused(Refusal::Overloaded), 503, "overloaded", Some("1")),
        (AppendError::Refused(Refusal::DiskFull), 503, "disk_full", Some("30")),
        (AppendError::Refused(behind), 503, "clock_behind", Some("30")),
        (AppendError::Refused(Refusal::Closed), 503, "log_closed", Some("30")),
        (AppendError::Unknown, 503, "outcome_unknown", Some("1")),
        (AppendError::Conflict(GuardKind::Request), 409, "idempotency_conflict", None),
        (AppendError::Conflict(GuardKind::EventId), 409, "event_id_conflict", None),
        (AppendError::NoEnvironment, 500, "internal", None),
        (AppendError::Failed("secret inside text".to_owned()), 500, "internal", None),
    ] {
        world.engine.on_append(Fault::Fails(error));
        let answer = world.post("/v1/identify", USER);
        answer.is_refused(status, code);
        assert_eq!(answer.header("retry-after"), retry_after, "{code}");
        assert!(!answer.text().contains("secret"), "{}", answer.text());
    }
}

#[test]
fn a_clock_that_is_behind_is_named_with_both_times() {
    let world = World::start();
    let behind = Refusal::ClockBehind { now: Timestamp(0), last: Timestamp(120_000_000) };
    world.engine.on_append(Fault::Fails(AppendError::Refused(behind)));
    let text = world.post("/v1/identify", USER).text();
    assert!(
        text.contains("1970-01-01T00:00:00.000000Z") && text.contains("1970-01-01T00:02:00.000000Z"),
        "{text}"
    );
}

#[test]
fn the_body_of_a_5xx_is_constant_but_for_the_id_of_the_request() {
    let world = World::start();
    for (error, status) in [
        (StoreError::Damaged("secret inside text".to_owned()), 500),
        (StoreError::Failed("secret inside text".to_owned()), 500),
        (StoreError::NoEnvironment, 500),
    ] {
        world.engine.on_user(Some(error));
        let answer = world.ask(&Request::get("/v1/users/u-1").key(KEY).header("X-Request-Id", "r-2"));
        let expected = json!({"errors": [{
            "details": "",
            "error": "Internal Server Error",
            "error_code": "internal",
            "message": "The server failed on this call; its log says why. Request id: r-2",
        }]});
        assert_eq!((answer.status, answer.json()), (status, expected));
    }
    world.engine.on_user(Some(StoreError::Refused(Refusal::Closed)));
    world.get("/v1/users/u-1").is_refused(503, "log_closed");
}

#[test]
fn a_panic_is_a_500_and_the_process_lives_on() {
    let world = World::start();
    let mut client = world.client();
    for _ in 0..3 {
        world.engine.on_append(Fault::Panics);
        let answer = client.ask(&Request::post("/v1/identify", USER).key(KEY).header("X-Request-Id", "r-3"));
        answer.is_refused(500, "internal");
        assert_eq!(answer.header("x-request-id"), Some("r-3"));
        assert!(answer.text().contains("r-3") && !answer.text().contains("secret"));
        world.engine.on_user(None);
        client.ask(&Request::get("/v1/users/u-1").key(KEY)).is_refused(500, "internal");
    }
    assert_eq!(
        client.ask(&Request::post("/v1/identify", USER).key(KEY)).status,
        202,
        "on the same connection"
    );
}
