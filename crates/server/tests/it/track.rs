//! `POST /v1/track`, as the guide and as known clients send it.

use serde_json::json;

use crate::client::Request;
use crate::world::{KEY, World};

#[test]
fn an_event_of_an_unknown_user_is_taken_and_creates_a_bare_one() {
    let world = World::start();
    let body = r#"{"user_id":"u-7","event_name":"invoice_paid","metadata":{"amount":12.5,"currency":"EUR"}}"#;
    let answer = world.post("/v1/track", body);
    assert_eq!((answer.status, answer.json()), (202, json!({"status": "accepted", "warnings": []})));
    assert_eq!(world.get("/v1/users/u-7").json()["properties"], json!({}));
    let event = &world.get("/v1/events").json()["data"][0];
    assert_eq!(event["event_name"], "invoice_paid");
    assert_eq!(event["metadata"], json!({"amount": 12.5, "currency": "EUR"}));
}

#[test]
fn what_segment_and_rudderstack_send_is_taken() {
    let world = World::start();
    let send = |path: &str, body: &str| {
        let request = Request::post(path, body).header("Authorization", &format!("token {KEY}"));
        world
            .ask(&request.header("Content-Type", "application/json").header("User-Agent", "Segment (node)"))
            .status
    };
    // RudderStack names it `event`; Segment may send no metadata; extra keys and nested traits come along.
    assert_eq!(send("/v1/track", r#"{"user_id":"u-1","event":"Order Completed"}"#), 202);
    assert_eq!(
        send("/v1/identify", r#"{"user_id":"u-1","metadata":{"address":{"city":"Oslo"}},"anonymousId":"x"}"#),
        202
    );
    assert_eq!(send("/v1/companies/identify", r#"{"company_id":"c-1","metadata":{"name":"Acme"}}"#), 200);
    assert_eq!(
        send("/v1/identify", r#"{"user_id":"u-1","metadata":{},"company":{"id":"c-1","name":"Acme"}}"#),
        202
    );
    let user = world.get("/v1/users/u-1").json();
    assert_eq!(
        (&user["company_id"], &user["properties"]["address"]),
        (&json!("c-1"), &json!("{\"city\":\"Oslo\"}"))
    );
    assert_eq!(send("/v1/track", r#"{"user_id":"u-1"}"#), 400);
}
