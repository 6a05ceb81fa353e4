//! The lookups of the contract and the content catalogue: on the built program and a real directory, but for what keys of
//! several scopes may do.

use muster_kernel::model::catalog::Scope;
use muster_kernel::model::limits::{CONTENT_BYTES_MAX, CONTENT_ITEMS_MAX};
use serde_json::{Value, json};

use crate::client::{Answer, Client, Request};
use crate::console::told;
use crate::process::on;
use crate::whole::{KEY, client, start};
use crate::world::{OTHER_KEY, World};

const LOOKUPS: &str = "/api/v1/analytics/exports/lookups";
const CONTENT: [&str; 7] =
    ["flows", "banners", "embeds", "spotlights", "surveys", "resource_center_modules", "checklists"];

fn send(client: &mut Client, method: &str, target: &str, body: &Value) -> Answer {
    client.ask(&Request::with_body(method, target, body.to_string()).key(KEY))
}

#[track_caller]
fn write(client: &mut Client, target: &str, body: &Value) {
    let answer = send(client, "POST", target, body);
    assert!([200, 201, 202].contains(&answer.status), "{}", answer.text());
}

#[track_caller]
fn read(client: &mut Client, target: &str) -> Value {
    let answer = client.ask(&Request::get(target).key(KEY));
    assert_eq!(answer.status, 200, "{target}: {}", answer.text());
    answer.json()
}

#[track_caller]
fn lookup(client: &mut Client, name: &str) -> Value {
    read(client, &format!("{LOOKUPS}/{name}"))
}

fn track(client: &mut Client, name: &str, at: &str, metadata: Value) {
    let body = json!({"user_id": "ann", "event_name": name, "occurred_at": at, "metadata": metadata});
    write(client, "/v1/track", &body);
}

/// Key, type and whether it is kept by itself, of each property.
fn shown(properties: &Value) -> Vec<String> {
    let one = |property: &Value| {
        let text = |name: &str| property[name].as_str().unwrap().to_owned();
        assert_eq!(text("display_name"), text("key"));
        assert_eq!(property.as_object().unwrap().len(), 6, "{property}");
        let auto = if property["is_auto_property"].as_bool().unwrap() { " auto" } else { "" };
        format!("{} {} {}{auto}", text("type"), text("key"), text("data_type"))
    };
    properties.as_array().unwrap().iter().map(one).collect()
}

/// Walks a lookup in pages, and says how many pages there were.
fn walk(client: &mut Client, name: &str, limit: usize) -> (Vec<Value>, usize) {
    let (mut items, mut pages, mut after) = (Vec::new(), 0, String::new());
    loop {
        let page = lookup(client, &format!("{name}?limit={limit}&after_cursor={after}"));
        assert_eq!(page["metadata"]["limit"], limit);
        items.extend(page["data"].as_array().unwrap().clone());
        pages += 1;
        match page["metadata"]["cursor"]["after"].as_str() {
            Some(next) => next.clone_into(&mut after),
            None => {
                assert_eq!(page["metadata"]["total_count"], items.len());
                return (items, pages);
            }
        }
    }
}

#[test]
fn properties_come_with_their_types_and_keep_their_numbers() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path(), &[]);
    let mut asked = client(&server);
    let by_itself = |kind: &str| {
        vec![format!("{kind} first_seen_at date auto"), format!("{kind} last_seen_at date auto")]
    };
    assert_eq!(shown(&lookup(&mut asked, "user_properties")), by_itself("user_property"));
    assert_eq!(shown(&lookup(&mut asked, "company_properties")), by_itself("company_property"));
    write(
        &mut asked,
        "/v1/identify",
        &json!({
            "user_id": "ann", "company": {"id": "acme", "seats": 3},
            "metadata": {"email": "ann@example.com", "age": "31", "since": "2026-01-05", "beta": true},
        }),
    );
    write(&mut asked, "/v1/companies/identify", &json!({"company_id": "acme", "metadata": {"plan": "pro"}}));
    let declared = json!({"owner": "user", "name": "size", "declared_type": "numeric"});
    assert_eq!(send(&mut asked, "PUT", "/v1/properties", &declared).status, 200);
    let as_text = json!({"owner": "user", "name": "age", "declared_type": "string"});
    assert_eq!(send(&mut asked, "PUT", "/v1/properties", &as_text).status, 200);
    let of_users = lookup(&mut asked, "user_properties");
    assert_eq!(
        shown(&of_users),
        [
            "user_property age string",
            "user_property beta boolean",
            "user_property email string",
            "user_property first_seen_at date auto",
            "user_property last_seen_at date auto",
            "user_property since date",
            "user_property size numeric",
        ]
    );
    let of_companies = lookup(&mut asked, "company_properties");
    assert_eq!(
        shown(&of_companies),
        [
            "company_property first_seen_at date auto",
            "company_property last_seen_at date auto",
            "company_property plan string",
            "company_property seats numeric",
        ]
    );
    // Others come first after the next start, and history is made anew: the numbers stay.
    assert_eq!(server.stop().code, Some(0));
    assert_eq!(on(data.path(), &["rebuild"]).code, Some(0));
    let server = start(data.path(), &[]);
    let mut asked = client(&server);
    write(&mut asked, "/v1/identify", &json!({"user_id": "bob", "metadata": {"a first one": 1}}));
    let numbers = |properties: &Value| -> Vec<(String, u64)> {
        let all = properties.as_array().unwrap().iter();
        all.map(|one| (one["key"].as_str().unwrap().to_owned(), one["id"].as_u64().unwrap())).collect()
    };
    let again = numbers(&lookup(&mut asked, "user_properties"));
    assert!(numbers(&of_users).iter().all(|number| again.contains(number)), "{again:?}");
    let unique: std::collections::HashSet<u64> =
        again.iter().chain(&numbers(&of_companies)).map(|(_, number)| *number).collect();
    assert_eq!(unique.len(), again.len() + of_companies.as_array().unwrap().len());
}

#[test]
fn segments_come_in_pages_of_the_contract() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path(), &[]);
    let mut asked = client(&server);
    let empty = json!({"data": [], "metadata": {"cursor": {"after": null, "before": null}, "limit": 50, "total_count": 0}});
    assert_eq!(lookup(&mut asked, "segments"), empty);
    for number in 1..=53 {
        let level = if number == 2 { "company" } else { "user" };
        let text = if number == 2 { "company.plan is \"pro\"" } else { "plan is \"pro\"" };
        write(
            &mut asked,
            "/v1/segments",
            &json!({"name": format!("Segment {number}"), "level": level, "text": text}),
        );
    }
    let first = lookup(&mut asked, "segments");
    let one = json!({
        "id": 1, "title": "Segment 1", "usage": "all", "category": "user_id", "is_hidden": false, "is_protected": false,
        "status": "published",
    });
    assert_eq!((&first["data"][0], &first["data"][1]["category"]), (&one, &json!("company_id")));
    assert_eq!(
        (first["data"].as_array().unwrap().len(), &first["metadata"]["total_count"]),
        (50, &json!(53))
    );
    let (all, pages) = walk(&mut asked, "segments", 20);
    let ids: Vec<u64> = all.iter().map(|segment| segment["id"].as_u64().unwrap()).collect();
    assert_eq!((ids, pages), ((1..=53).collect(), 3));
    let after = first["metadata"]["cursor"]["after"].as_str().unwrap();
    let last = lookup(&mut asked, &format!("segments?after_cursor={after}"));
    assert_eq!((last["data"].as_array().unwrap().len(), &last["data"][0]["id"]), (3, &json!(51)));
    let before = last["metadata"]["cursor"]["before"].as_str().unwrap();
    assert_eq!(lookup(&mut asked, &format!("segments?before_cursor={before}"))["data"], first["data"]);
    for (parameter, code) in [("after_cursor=x", "cursor_invalid"), ("limit=501", "parameter_invalid")] {
        let refused = asked.ask(&Request::get(&format!("{LOOKUPS}/segments?{parameter}")).key(KEY));
        refused.is_refused(400, code);
    }
}

#[test]
fn events_and_their_properties_are_those_that_happened() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path(), &[]);
    let mut asked = client(&server);
    assert_eq!(lookup(&mut asked, "features_events"), json!([]));
    assert_eq!(lookup(&mut asked, "events_properties")["data"], json!([]));
    write(&mut asked, "/v1/identify", &json!({"user_id": "ann", "metadata": {"plan": "pro"}}));
    track(&mut asked, "paid", "2026-11-03T10:00:00Z", json!({"amount": 12.5, "currency": "EUR"}));
    track(&mut asked, "paid", "2026-11-01T10:00:00Z", json!({"amount": "13"}));
    track(&mut asked, "paid", "2026-11-05T10:00:00Z", json!({"coupon": null}));
    track(&mut asked, "opened", "2026-11-04T10:00:00Z", json!({"amount": "x"}));
    track(&mut asked, "page_view", "2026-11-04T10:00:00Z", json!({}));
    let view = json!({"events": [{
        "event_type": "page_view", "user_id": "ann", "source": "backend-http-import", "url": "https://example.com/a",
        "inserted_at": "2026-11-02T00:00:00Z", "metadata": {"tab": 2},
    }]});
    let job = send(&mut asked, "POST", "/v1/imports", &view).json()["job_id"].as_str().unwrap().to_owned();
    crate::jobs::ended(&mut asked, &job);
    let event = |key: &str| json!({"display_name": key, "key": key, "data_type": "string"});
    assert_eq!(
        lookup(&mut asked, "features_events"),
        json!([event("opened"), event("page_view"), event("paid")]),
        "each once, in their order, and nobody's identity"
    );
    let page = lookup(&mut asked, "events_properties");
    let told = outline(&page);
    let at = |day: u8| format!("2026-11-0{day}T10:00:00.000000Z");
    assert_eq!(
        told,
        [
            json!(["opened", "amount", "string", at(4), at(4)]),
            json!([
                "page_view",
                "tab",
                "numeric",
                "2026-11-02T00:00:00.000000Z",
                "2026-11-02T00:00:00.000000Z"
            ]),
            json!(["paid", "amount", "numeric", at(1), at(3)]),
            json!(["paid", "coupon", "string", at(5), at(5)]),
            json!(["paid", "currency", "string", at(3), at(3)]),
        ]
    );
    let amount = &page["data"][2];
    let rest = ["is_auto_property", "is_mobile_auto_property", "category", "description", "is_archived"];
    assert_eq!(
        rest.map(|name| amount[name].clone()),
        [json!(false), json!(false), json!("metadata"), json!(""), json!(false)]
    );
    assert_eq!((amount["display_name"].as_str(), amount.as_object().unwrap().len()), (Some("amount"), 12));
    assert_ne!(amount["id"], page["data"][0]["id"], "of another event it is another property");
    assert_eq!((&amount["event"], page["data"][3]["event"].is_object()), (&page["data"][3]["event"], true));
    let (pairs, pages) = walk(&mut asked, "events_properties", 2);
    assert_eq!((json!(pairs), pages), (page["data"].clone(), 3));
    // A later event is seen at once, and moves nothing but the end.
    track(&mut asked, "paid", "2026-11-09T10:00:00Z", json!({"amount": 1}));
    let later = lookup(&mut asked, "events_properties");
    let (before, after) = (&page["data"][2], &later["data"][2]);
    assert_eq!((&after["id"], &after["inserted_at"]), (&before["id"], &before["inserted_at"]));
    assert_eq!(after["last_seen"], at(9));
}

/// Of each property of a page: its event, its name, its type, and when it was seen first and last.
fn outline(page: &Value) -> Vec<Value> {
    let of_one = |one: &Value| {
        json!([
            one["event"]["display_name"],
            one["key"],
            one["data_type"],
            one["inserted_at"],
            one["last_seen"]
        ])
    };
    page["data"].as_array().unwrap().iter().map(of_one).collect()
}

fn flows() -> Value {
    json!([{"id": 123, "title": "Onboarding"}, {"id": 7, "title": "Tour"}])
}

#[test]
fn content_is_empty_until_it_is_registered_and_then_looks_up_as_it_was_sent() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path(), &[]);
    let mut asked = client(&server);
    for kind in CONTENT {
        assert_eq!(lookup(&mut asked, kind), json!([]), "{kind}");
        let nothing =
            json!({"kind": kind, "items": [], "updated_at": null, "updated_by": null, "version": 1});
        assert_eq!(read(&mut asked, &format!("/v1/content/{kind}")), nothing);
    }
    let of_kind = |kind: &str| match kind {
        "embeds" => {
            json!([{"id": 77, "title": "Promo", "type": "banner"}, {"id": 92, "title": "New", "type": "card"}])
        }
        "surveys" => json!([{"id": 45, "title": "CSAT", "platform": "web", "modules": [
            {"id": 1, "order": 1, "type": "open_text", "question": "How was it?"}]}]),
        "resource_center_modules" | "checklists" => {
            json!([{"display_name": "First steps", "key": "first_steps", "data_type": "string"}])
        }
        _ => flows(),
    };
    for kind in CONTENT {
        // As the vendor's lookup answers it, or below `items`.
        let sent = if kind == "embeds" { json!({"items": of_kind(kind)}) } else { of_kind(kind) };
        let answer = send(&mut asked, "PUT", &format!("/v1/content/{kind}"), &sent);
        assert_eq!((answer.status, answer.header("etag")), (200, Some("\"2\"")), "{}", answer.text());
        assert_eq!((&answer.json()["items"], &answer.json()["version"]), (&of_kind(kind), &json!(2)));
        assert!(answer.json()["updated_at"].is_string());
    }
    drop(server);
    let server = start(data.path(), &[]);
    let mut asked = client(&server);
    for kind in CONTENT {
        assert_eq!(lookup(&mut asked, kind), of_kind(kind), "after `kill -9`: {kind}");
        assert_eq!(read(&mut asked, &format!("/v1{}/{kind}", &LOOKUPS["/api/v1".len()..])), of_kind(kind));
        assert_eq!(lookup(&mut asked, &format!("{kind}/")), of_kind(kind), "with a final slash");
    }
    let root = tempfile::tempdir().unwrap();
    let (backup, other) = (root.path().join("backup"), root.path().join("other"));
    assert_eq!(on(data.path(), &["backup", backup.to_str().unwrap()]).code, Some(0));
    assert_eq!(on(&other, &["restore", backup.to_str().unwrap()]).code, Some(0));
    let restored = start(&other, &[]);
    assert_eq!(lookup(&mut client(&restored), "surveys"), of_kind("surveys"));
}

#[test]
fn registering_takes_the_place_of_what_there_was_and_sees_who_was_first() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path(), &[]);
    let mut asked = client(&server);
    let put = |asked: &mut Client, version: &str, items: &Value| {
        let request = Request::with_body("PUT", "/v1/content/flows", items.to_string()).key(KEY);
        asked.ask(&request.header("If-Match", version))
    };
    let nothing = asked.ask(&Request::get("/v1/content/flows").key(KEY));
    assert_eq!(nothing.header("etag"), Some("\"1\""));
    assert_eq!(
        send(&mut asked, "PUT", "/v1/content/flows", &json!([])).json()["version"],
        1,
        "nothing is nothing"
    );
    assert_eq!(put(&mut asked, "\"1\"", &flows()).header("etag"), Some("\"2\""));
    put(&mut asked, "\"1\"", &json!([])).is_refused(412, "version_differs");
    put(&mut asked, "\"x\"", &json!([])).is_refused(412, "version_differs");
    assert_eq!(put(&mut asked, "*", &flows()).json()["version"], 2, "the same changes nothing");
    let other = json!([{"id": 8, "title": "Another"}]);
    assert_eq!(put(&mut asked, "\"2\"", &other).json()["items"], other);
    assert_eq!(lookup(&mut asked, "flows"), other);
    assert_eq!(lookup(&mut asked, "banners"), json!([]), "each kind by itself");
    let gone = |asked: &mut Client, version: &str| {
        asked.ask(&Request::new("DELETE", "/v1/content/flows").key(KEY).header("If-Match", version))
    };
    gone(&mut asked, "\"2\"").is_refused(412, "version_differs");
    assert_eq!(gone(&mut asked, "\"3\"").status, 204);
    assert_eq!(lookup(&mut asked, "flows"), json!([]));
    assert_eq!(read(&mut asked, "/v1/content/flows")["version"], 4, "no version comes again");
    assert_eq!(gone(&mut asked, "*").status, 204, "what is gone stays gone");
    assert_eq!(read(&mut asked, "/v1/content/flows")["version"], 4);
    for method in ["GET", "PUT", "DELETE"] {
        let refused = send(&mut asked, method, "/v1/content/popups", &json!([]));
        refused.is_refused(404, "content_kind_unknown");
        assert!(refused.text().contains("resource_center_modules"), "{}", refused.text());
    }
    asked.ask(&Request::get(&format!("{LOOKUPS}/popups")).key(KEY)).is_refused(404, "route_unknown");
}

#[test]
fn what_is_wrong_with_content_is_told_with_its_place_and_changes_nothing() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path(), &[]);
    let mut asked = client(&server);
    assert_eq!(send(&mut asked, "PUT", "/v1/content/flows", &flows()).status, 200);
    let wrong = json!([{"id": "1", "title": ""}, {"id": 2}, 3]);
    let refused = send(&mut asked, "PUT", "/v1/content/flows", &wrong);
    refused.is_refused(400, "field_invalid");
    let body = refused.json();
    let places: Vec<&str> =
        body["errors"].as_array().unwrap().iter().map(|error| error["details"].as_str().unwrap()).collect();
    assert_eq!(places, ["/0/id", "/0/title", "/1/title", "/2"]);
    asked.ask(&Request::with_body("PUT", "/v1/content/flows", "").key(KEY)).is_refused(400, "body_missing");
    asked
        .ask(&Request::with_body("PUT", "/v1/content/flows", "[{").key(KEY))
        .is_refused(400, "body_not_json");
    let many: Vec<Value> = (0..=CONTENT_ITEMS_MAX).map(|id| json!({"id": id, "title": "x"})).collect();
    send(&mut asked, "PUT", "/v1/content/flows", &json!(many)).is_refused(400, "field_invalid");
    assert_eq!(
        send(&mut asked, "PUT", "/v1/content/banners", &json!(many[1..])).status,
        200,
        "as many as may be"
    );
    // Two kinds that fit by themselves, and not together.
    let large = |id: usize| {
        let module = |number: usize| json!({"id": number, "question": "x".repeat(1_000)});
        json!({"id": id, "title": "x", "modules": (0..100).map(module).collect::<Vec<_>>()})
    };
    let survey = large(1).to_string().len();
    let surveys: Vec<Value> = (0..CONTENT_BYTES_MAX / survey - 1).map(large).collect();
    assert_eq!(send(&mut asked, "PUT", "/v1/content/surveys", &json!(surveys)).status, 200);
    let long: Vec<Value> = (0..1_000).map(|id| json!({"id": id, "title": "x".repeat(255)})).collect();
    send(&mut asked, "PUT", "/v1/content/spotlights", &json!(long)).is_refused(409, "limit_reached");
    assert_eq!(lookup(&mut asked, "spotlights"), json!([]));
    assert_eq!(lookup(&mut asked, "flows"), flows());
}

#[test]
fn keys_need_their_scope_environments_are_islands_and_the_audit_tells() {
    let world = World::start();
    world.add_key("reads-only", |key| key.scopes = vec![Scope::Read]);
    world.add_key("ingests-only", |key| key.scopes = vec![Scope::Ingest]);
    let with = |secret: &str, method: &str, target: &str| {
        world.ask(&Request::with_body(method, target, flows().to_string()).key(secret))
    };
    for name in ["user_properties", "segments", "features_events", "events_properties", "flows"] {
        let target = format!("{LOOKUPS}/{name}");
        with("ingests-only", "GET", &target).is_refused(403, "scope_missing");
        assert_eq!(with("reads-only", "GET", &target).status, 200);
        world.ask(&Request::get(&target)).is_refused(401, "key_missing");
    }
    for method in ["PUT", "DELETE"] {
        with("reads-only", method, "/v1/content/flows").is_refused(403, "scope_missing");
    }
    let owner = world.owner();
    let request = owner.request("PUT", "/v1/content/flows", Some(&flows())).header("Muster-Environment", "1");
    let made = world.ask(&request);
    assert_eq!(
        (made.status, &made.json()["updated_by"]),
        (200, &json!("ada@example.com")),
        "{}",
        made.text()
    );
    assert_eq!(world.get(&format!("{LOOKUPS}/flows")).json(), flows());
    let elsewhere = |target: &str| world.ask(&Request::get(target).key(OTHER_KEY)).json();
    assert_eq!(elsewhere(&format!("{LOOKUPS}/flows")), json!([]));
    assert_eq!(elsewhere("/v1/content/flows")["version"], 1);
    assert_eq!(world.ask(&Request::new("DELETE", "/v1/content/flows").key(crate::world::KEY)).status, 204);
    let acts = world.acts(&owner);
    assert_eq!(told(&acts)[..2], ["server: content_removed flows", "Ada: content_registered flows"]);
    assert_eq!(acts[0]["details"], json!({"items": "2 → 0", "key_id": "1"}));
    assert_eq!((&acts[1]["details"], &acts[1]["environment"]), (&json!({"items": "0 → 2"}), &json!(1)));
}
