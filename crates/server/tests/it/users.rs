//! Reading users, and ending a membership.

use serde_json::{Value, json};

use crate::client::Request;
use crate::world::{KEY, World};

fn people(world: &World, count: usize) {
    for number in 0..count {
        let company = if number % 2 == 0 { "even" } else { "odd" };
        let body = json!({
            "user_id": format!("u-{number:02}"),
            "metadata": {"email": format!("person{number}@example.com"), "name": format!("Person {number}")},
            "company": {"id": company},
        });
        assert_eq!(world.post("/v1/identify", &body.to_string()).status, 202);
    }
}

fn ids(page: &Value) -> Vec<String> {
    page["data"].as_array().unwrap().iter().map(|user| user["user_id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn an_unknown_user_is_404_and_a_text_that_is_no_id_400() {
    let world = World::start();
    world.get("/v1/users/nobody").is_refused(404, "user_unknown");
    world.get(&format!("/v1/users/{}", "x".repeat(256))).is_refused(400, "id_too_long");
    world.get("/v1/users/%20").is_refused(400, "id_empty");
    world.get("/v1/users/a%00b").is_refused(400, "id_control_character");
    world.get("/v1/users/%ff").is_refused(400, "id_control_character");
}

/// Segment's older check of key and endpoint: any 2xx passes (Segment's destination "userpilot-cloud").
#[test]
fn a_page_of_users_answers_200_while_there_are_none() {
    let world = World::start();
    for path in ["/v1/users", "/v1/users/"] {
        let answer = world.get(path);
        assert_eq!((answer.status, answer.json()["data"].clone()), (200, json!([])), "{path}");
    }
}

#[test]
fn ids_in_paths_are_percent_decoded_once() {
    let world = World::start();
    for id in ["a/b", "ü 1", "100%", "a+b", "?#", "%20", "company", "."] {
        let body = json!({"user_id": id}).to_string();
        assert_eq!(world.post("/v1/identify", &body).status, 202, "{id}");
        let escaped: String = id.bytes().map(|byte| format!("%{byte:02X}")).collect();
        assert_eq!(world.get(&format!("/v1/users/{escaped}")).json()["user_id"], id);
    }
    assert_eq!(world.get("/v1/users/a+b").json()["user_id"], "a+b");
}

#[test]
fn created_at_is_the_property_or_its_alias_or_the_first_sight() {
    let world = World::start();
    let created = |metadata: Value| {
        world.pass(1);
        let body = json!({"user_id": "u", "metadata": metadata}).to_string();
        assert_eq!(world.post("/v1/identify", &body).status, 202);
        world.get("/v1/users/u").json()["created_at"].as_str().unwrap().to_owned()
    };
    assert_eq!(created(json!({})), "2026-11-21T06:21:09.123457Z");
    assert_eq!(created(json!({"signed_up_at": "2026-01-05"})), "2026-01-05T00:00:00.000000Z");
    assert_eq!(created(json!({"created_at": "2026-01-06T09:30:00+01:00"})), "2026-01-06T08:30:00.000000Z");
    assert_eq!(created(json!({"created_at": "1767605400"})), "2026-01-05T09:30:00.000000Z");
    assert_eq!(created(json!({"created_at": 1_767_605_400_000_u64})), "2026-01-05T09:30:00.000000Z");
    assert_eq!(created(json!({"created_at": "yesterday"})), "2026-01-05T00:00:00.000000Z");
    assert_eq!(created(json!({"created_at": null, "signed_up_at": null})), "2026-11-21T06:21:09.123457Z");
}

#[test]
fn detail_tells_type_time_and_ties() {
    let world = World::start();
    world.post("/v1/identify", r#"{"user_id":"u","metadata":{"s":"x","n":1,"d":"2026-01-05","b":true}}"#);
    world.post("/v1/identify", r#"{"user_id":"u","metadata":{"s":"x"},"occurred_at":"2026-01-01"}"#);
    let detail = world.get("/v1/users/u?detail=true").json()["properties"].clone();
    let now = "2026-11-21T06:21:09.123456Z";
    let expected = json!({
        "s": {"value": "x", "type": "String", "occurred_at": now},
        "n": {"value": 1, "type": "Numeric", "occurred_at": now},
        "d": {"value": "2026-01-05", "type": "Date", "occurred_at": now},
        "b": {"value": true, "type": "String", "occurred_at": now},
    });
    assert_eq!(detail, expected);
    let at = r#""occurred_at":"2026-01-02""#;
    world.post("/v1/identify", &format!(r#"{{"user_id":"t","metadata":{{"x":1}},{at}}}"#));
    world.post("/v1/identify", &format!(r#"{{"user_id":"t","metadata":{{"x":2}},{at}}}"#));
    let tied =
        json!({"value": 2, "type": "Numeric", "occurred_at": "2026-01-02T00:00:00.000000Z", "tied": true});
    assert_eq!(world.get("/v1/users/t?detail=true").json()["properties"]["x"], tied);
    world.get("/v1/users/u?detail=maybe").is_refused(400, "parameter_invalid");
}

#[test]
fn a_list_is_walked_by_cursors_while_it_changes() {
    let world = World::start();
    people(&world, 10);
    let mut seen = Vec::new();
    let mut target = "/v1/users?limit=3".to_owned();
    loop {
        let page = world.get(&target).json();
        assert!(ids(&page).len() <= 3);
        seen.extend(ids(&page));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        assert!(page["next_cursor"].is_string());
        target = format!("/v1/users?limit=3&cursor={cursor}");
        world.post("/v1/identify", r#"{"user_id":"a-new-one-before"}"#);
    }
    let expected: Vec<String> = (0..10).map(|number| format!("u-{number:02}")).collect();
    assert_eq!(seen, expected);
    let all = world.get("/v1/users").json();
    assert_eq!((ids(&all).len(), &all["next_cursor"]), (11, &Value::Null));
    let one = &world.get("/v1/users?q=u-03").json()["data"][0];
    assert_eq!(one, &world.get("/v1/users/u-03").json(), "an item reads as the user itself");
}

#[test]
fn a_long_list_is_brought_in_turns() {
    let world = World::start();
    people(&world, 130);
    assert_eq!(ids(&world.get("/v1/users?limit=120").json()).len(), 120);
    assert_eq!(ids(&world.get("/v1/users?limit=1000").json()).len(), 130);
    let detailed = world.get("/v1/users?limit=1&detail=true").json();
    assert_eq!(detailed["data"][0]["properties"]["name"]["type"], "String");
}

#[test]
fn search_finds_by_id_email_and_name_and_within_a_company() {
    let world = World::start();
    people(&world, 12);
    let found = |query: &str| ids(&world.get(&format!("/v1/users?{query}")).json());
    assert_eq!(found("q=u-03"), ["u-03"]);
    assert_eq!(found("q=PERSON1@"), ["u-01"]);
    assert_eq!(found("q=person+1"), ["u-01", "u-10", "u-11"]);
    assert_eq!(found("q=person%201&company_id=even"), ["u-10"]);
    assert_eq!(found("company_id=nobody"), Vec::<String>::new());
    assert_eq!(found("q=&limit=2"), ["u-00", "u-01"]);
}

#[test]
fn parameters_that_are_none_are_named() {
    let world = World::start();
    for (query, code) in [
        ("limit=0", "parameter_invalid"),
        ("limit=1001", "parameter_invalid"),
        ("limit=many", "parameter_invalid"),
        ("detail=2", "parameter_invalid"),
        ("cursor=zz", "cursor_invalid"),
        ("cursor=63", "cursor_invalid"),
        ("company_id=%20", "id_empty"),
    ] {
        let answer = world.get(&format!("/v1/users?{query}"));
        answer.is_refused(400, code);
        assert_eq!(answer.json()["errors"][0]["details"], "", "a query is in no body");
    }
    assert_eq!(world.get("/v1/users?unknown=1").status, 200);
}

#[test]
fn a_membership_ends_by_delete_and_a_user_is_not_made_by_it() {
    let world = World::start();
    people(&world, 2);
    let delete = |id: &str| world.ask(&Request::new("DELETE", &format!("/v1/users/{id}/company")).key(KEY));
    world.pass(1);
    let answer = delete("u-00");
    assert_eq!((answer.status, answer.json()), (202, json!({"status": "accepted", "warnings": []})));
    assert_eq!(world.get("/v1/users/u-00").json()["company_id"], Value::Null);
    assert_eq!(world.get("/v1/companies/even").json()["user_count"], 0);
    assert_eq!(delete("u-00").status, 202, "again");
    delete("nobody").is_refused(404, "user_unknown");
    delete("%00").is_refused(400, "id_control_character");
    world.get("/v1/users/nobody").is_refused(404, "user_unknown");
    let repeated = Request::new("DELETE", "/v1/users/u-01/company").key(KEY).header("Idempotency-Key", "k-1");
    let (first, second) = (world.ask(&repeated), world.ask(&repeated));
    assert_eq!(first.header("muster-position"), second.header("muster-position"));
    assert_eq!((first.header("muster-duplicate"), second.header("muster-duplicate")), (None, Some("true")));
}

#[test]
fn a_list_names_the_company_of_each_user() {
    let world = World::start();
    for (user, company) in [
        ("a", r#"{"id":"named","name":"Analytical"}"#),
        ("b", r#"{"id":"named"}"#),
        ("c", r#"{"id":"nameless"}"#),
        ("d", r#"{"id":"numbered","name":7}"#),
    ] {
        let body = format!(r#"{{"user_id":"{user}","company":{company}}}"#);
        assert_eq!(world.post("/v1/identify", &body).status, 202);
    }
    world.post("/v1/identify", r#"{"user_id":"e"}"#);
    let names = |target: &str| -> Value {
        let page = world.get(target).json();
        page["data"].as_array().unwrap().iter().map(|user| user.get("company_name").cloned()).collect()
    };
    assert_eq!(names("/v1/users"), json!(["Analytical", "Analytical", null, null, null]));
    assert_eq!(names("/v1/companies/named/users?limit=1"), json!(["Analytical"]));
}
