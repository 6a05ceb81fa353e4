//! `GET /v1/events`: following the log.

use serde_json::{Value, json};

use crate::client::Request;
use crate::world::{INCARNATION, KEY, OTHER_KEY, World};

#[test]
fn every_kind_of_event_reads_back_as_it_was_taken() {
    let world = World::start();
    let sent = r#"{"user_id":"u-1","metadata":{"a":1,"b":null},"company":{"id":"c-1","plan":"pro"},
        "event_id":"e-1","occurred_at":"2026-01-05T09:30:00Z"}"#;
    world.post("/v1/identify", sent);
    world.post("/v1/companies/identify", r#"{"company_id":"c-1","metadata":{"name":"Acme"}}"#);
    world.post("/v1/track", r#"{"user_id":"u-1","event_name":"paid","metadata":{"amount":12.5}}"#);
    world.ask(&Request::new("DELETE", "/v1/users/u-1/company").key(KEY));
    let page = world.get("/v1/events?after=start").json();
    let position = |number: u64| format!("{INCARNATION:08x}-{number}");
    let now = |micros: u64| format!("2026-11-21T06:21:09.12345{micros}Z");
    let event = |number: u64, own: Value| {
        let mut whole = json!({
            "position": position(number),
            "event_name": "",
            "user_id": "u-1",
            "company_id": null,
            "source": "backend-http",
            "occurred_at": now(5 + number),
            "inserted_at": now(5 + number),
            "received_at": now(5 + number),
            "metadata": {},
        });
        whole.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
        whole
    };
    let then = "2026-01-05T09:30:00.000000Z";
    let expected = json!([
        event(
            1,
            json!({
                "event_type": "identify_user", "company_id": "c-1", "event_id": "e-1", "metadata": {"a": 1, "b": null},
                "company": {"plan": "pro"}, "occurred_at": then, "inserted_at": then,
            })
        ),
        event(
            2,
            json!({
                "event_type": "identify_company", "user_id": null, "company_id": "c-1", "metadata": {"name": "Acme"},
            })
        ),
        event(3, json!({"event_type": "track", "event_name": "paid", "metadata": {"amount": 12.5}})),
        event(4, json!({"event_type": "identify_user", "leaves_company": true})),
    ]);
    assert_eq!(page["data"], expected);
    assert_eq!(page["next_cursor"], position(4));
}

#[test]
fn one_event_reads_as_it_stands_in_the_list() {
    let world = World::start();
    world.post("/v1/identify", r#"{"user_id":"u-1","metadata":{"plan":"pro"}}"#);
    world.post("/v1/identify", r#"{"metadata":{}}"#).is_refused(400, "id_missing");
    world.post("/v1/track", r#"{"user_id":"u-1","event_name":"paid","metadata":{"amount":12.5}}"#);
    let listed = world.get("/v1/events").json()["data"].as_array().unwrap().clone();
    assert_eq!(listed.len(), 2);
    for event in &listed {
        let answer = world.get(&format!("/v1/events/{}", event["position"].as_str().unwrap()));
        assert_eq!((answer.status, answer.json()), (200, event.clone()));
    }
    let at = |number: u64| world.get(&format!("/v1/events/{INCARNATION:08x}-{number}"));
    at(0).is_refused(404, "event_unknown");
    at(99).is_refused(404, "event_unknown");
    for other in ["7", "00000001-1", "paid", "%FF"] {
        assert_eq!(world.get(&format!("/v1/events/{other}")).status, 400, "{other}");
    }
    let elsewhere = Request::get(&format!("/v1/events/{INCARNATION:08x}-1")).key(OTHER_KEY);
    world.ask(&elsewhere).is_refused(400, "position_invalid");
}

#[test]
fn a_tail_goes_on_from_the_last_position() {
    let world = World::start();
    let track =
        |name: &str| world.post("/v1/track", &json!({"user_id": "u", "event_name": name}).to_string());
    for name in ["a", "b", "c"] {
        track(name);
    }
    let names = |page: &Value| -> Vec<String> {
        let events = page["data"].as_array().unwrap();
        events.iter().map(|event| event["event_name"].as_str().unwrap().to_owned()).collect()
    };
    let first = world.get("/v1/events?after=start&limit=2").json();
    assert_eq!(names(&first), ["a", "b"]);
    let after = |page: &Value| format!("/v1/events?after={}", page["next_cursor"].as_str().unwrap());
    let second = world.get(&after(&first)).json();
    assert_eq!(names(&second), ["c"]);
    let nothing = world.get(&after(&second)).json();
    assert_eq!(nothing, json!({"data": [], "next_cursor": null}));
    track("d");
    assert_eq!(names(&world.get(&after(&second)).json()), ["d"]);
    world.get("/v1/events?after=7").is_refused(400, "position_invalid");
    world.get("/v1/events?after=00000001-7").is_refused(400, "position_invalid");
    world.get("/v1/events?limit=x").is_refused(400, "parameter_invalid");
}
