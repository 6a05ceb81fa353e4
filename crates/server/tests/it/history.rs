//! Questions to history: timelines, the explorer, names, counts, properties, and profiles as they were.

use serde_json::{Value, json};

use crate::client::{Answer, Request};
use crate::console::Browser;
use crate::world::{OTHER_KEY, World};

fn track(world: &World, user: &str, name: &str, at: &str, metadata: &Value) -> Answer {
    let body = json!({"user_id": user, "event_name": name, "occurred_at": at, "metadata": metadata});
    let answer = world.post("/v1/track", &body.to_string());
    assert_eq!(answer.status, 202, "{}", answer.text());
    answer
}

fn identify(world: &World, body: &Value) {
    let answer = world.post("/v1/identify", &body.to_string());
    assert_eq!(answer.status, 202, "{}", answer.text());
}

/// Name and time of each event on a page.
fn told(page: &Value) -> Vec<String> {
    let event = |event: &Value| {
        let name = event["event_name"].as_str().filter(|name| !name.is_empty());
        let at = &event["occurred_at"].as_str().unwrap()[..10];
        format!("{} {at}", name.unwrap_or(event["event_type"].as_str().unwrap()))
    };
    page["data"].as_array().unwrap().iter().map(event).collect()
}

/// A few days of two people and a company.
fn story() -> World {
    let world = World::start();
    identify(
        &world,
        &json!({
            "user_id": "ann", "occurred_at": "2026-11-01T08:00:00Z", "company": {"id": "acme", "plan": "pro"},
            "metadata": {"email": "ann@example.org", "plan": "free", "age": 30},
        }),
    );
    for (user, name, day, metadata) in [
        ("ann", "opened", "02", json!({"page": "home", "ms": 12})),
        ("ann", "paid", "03", json!({"amount": 12.5, "email": "ann@example.org"})),
        ("bob", "opened", "03", json!({"page": "shop", "ms": "fast"})),
        ("ann", "opened", "05", json!({"page": "shop", "ms": 30})),
    ] {
        track(&world, user, name, &format!("2026-11-{day}T10:00:00Z"), &metadata);
    }
    identify(
        &world,
        &json!({"user_id": "ann", "occurred_at": "2026-11-06T08:00:00Z", "metadata": {"plan": "pro", "age": "31"}}),
    );
    world
}

#[test]
fn a_timeline_is_a_users_events_newest_first_page_by_page() {
    let world = story();
    let whole = [
        "identify_user 2026-11-06",
        "opened 2026-11-05",
        "paid 2026-11-03",
        "opened 2026-11-02",
        "identify_user 2026-11-01",
    ];
    assert_eq!(told(&world.get("/v1/users/ann/events").json()), whole);
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = world.get(&format!("/v1/users/ann/events?limit=2&cursor={cursor}")).json();
        found.extend(told(&page));
        let Some(next) = page["next_cursor"].as_str() else { break };
        next.clone_into(&mut cursor);
    }
    assert_eq!(found, whole);
    let of = |filter: &str| told(&world.get(&format!("/v1/users/ann/events?{filter}")).json());
    assert_eq!(of("event=opened"), ["opened 2026-11-05", "opened 2026-11-02"]);
    assert_eq!(of("event=paid&type=identify_user").len(), 3);
    assert_eq!(of("from=2026-11-02&to=2026-11-03"), ["opened 2026-11-02"]);
    assert_eq!(of("to=2026-11-02T10:00:00Z"), ["identify_user 2026-11-01"], "`to` is not in it");
    assert_eq!(of("property=page:shop&property=ms:30"), ["opened 2026-11-05"]);
    assert_eq!(told(&world.get("/v1/companies/acme/events").json()), ["identify_user 2026-11-01"]);
}

#[test]
fn an_id_that_nothing_is_known_of_is_told_from_one_to_which_nothing_happened_then() {
    let world = story();
    assert_eq!(world.get("/v1/users/ann/events?from=2026-11-20").json()["data"], json!([]));
    world.get("/v1/users/nobody/events").is_refused(404, "user_unknown");
    world.get("/v1/companies/nobody/events").is_refused(404, "company_unknown");
    let staging = |target: &str| world.ask(&Request::get(target).key(OTHER_KEY));
    staging("/v1/users/ann/events").is_refused(404, "user_unknown");
    for target in ["/v1/events", "/v1/events/names", "/v1/properties"] {
        assert_eq!(staging(target).json()["data"], json!([]), "{target}");
    }
    assert_eq!(staging("/v1/events/counts").json()["series"][0]["total"], 0);
}

#[test]
fn the_explorer_shows_the_newest_events_that_its_filters_let_pass() {
    let world = story();
    let of = |filter: &str| told(&world.get(&format!("/v1/events?{filter}")).json());
    assert_eq!(of("limit=2"), ["identify_user 2026-11-06", "opened 2026-11-05"]);
    assert_eq!(of("event=opened").len(), 3);
    assert_eq!(of("event=opened&user_id=bob"), ["opened 2026-11-03"]);
    assert_eq!(of("company_id=acme"), ["identify_user 2026-11-01"]);
    assert_eq!(of("type=track&to=2026-11-03"), ["opened 2026-11-02"]);
    assert_eq!(of("property=amount:12.5"), ["paid 2026-11-03"]);
    let one = world.get("/v1/events?event=paid").json();
    let position = one["data"][0]["position"].as_str().unwrap();
    let tail = world.get(&format!("/v1/events?after={position}&limit=1")).json();
    assert_eq!(told(&tail), ["opened 2026-11-03"], "what came behind it in the log");
}

#[test]
fn a_parameter_that_is_none_is_refused() {
    let world = story();
    for target in [
        "/v1/events?evnet=opened",
        "/v1/users/ann/events?type=click",
        "/v1/users/ann/events?from=2026-11-03&to=2026-11-03",
        "/v1/events?property=plan",
        "/v1/events/names?days=0",
        "/v1/events/names?zone=Mars/Olympus",
        "/v1/events/counts?interval=year",
        "/v1/events/counts?breakdown=plan",
        "/v1/events/counts?groups=1001",
        "/v1/properties?owner=nobody",
        "/v1/users/ann?known_at=2026-11-01",
        "/v1/users/ann?as_of=yesterday",
    ] {
        world.get(target).is_refused(400, "parameter_invalid");
    }
    world.get("/v1/events?cursor=00").is_refused(400, "cursor_invalid");
    world
        .get("/v1/events/counts?interval=hour&from=2026-01-01&to=2026-11-01")
        .is_refused(422, "answer_too_large");
}

#[test]
fn names_come_with_volume_and_properties() {
    let world = story();
    let answer = world.get("/v1/events/names?days=20&zone=Europe/Berlin&examples=2").json();
    assert_eq!(answer["zone"], "Europe/Berlin");
    let starts = answer["starts"].as_array().unwrap();
    assert_eq!((starts.len(), &starts[0]), (20, &json!("2026-11-01T23:00:00.000000Z")));
    let names: Vec<Value> = answer["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| json!([name["event_type"], name["event_name"], name["count"]]))
        .collect();
    assert_eq!(json!(names), json!([["identify_user", "", 2], ["track", "opened", 3], ["track", "paid", 1]]));
    let opened = &answer["data"][1];
    assert_eq!(opened["first_at"], "2026-11-02T10:00:00.000000Z");
    assert_eq!(opened["last_at"], "2026-11-05T10:00:00.000000Z");
    assert_eq!(opened["volume"].as_array().unwrap()[..5], [1, 1, 0, 1, 0].map(Value::from));
    assert_eq!(
        opened["properties"],
        json!([
            {"name": "ms", "types": [
                {"type": "integer", "count": 2, "examples": [12, 30]},
                {"type": "text", "count": 1, "examples": ["fast"]},
            ]},
            {"name": "page", "types": [{"type": "text", "count": 3, "examples": ["home", "shop"]}]},
        ])
    );
}

#[test]
fn counts_are_by_interval_measure_and_group() {
    let world = story();
    let of = |asked: &str| world.get(&format!("/v1/events/counts?{asked}")).json();
    let days = of("event=opened&event=paid&from=2026-11-02&to=2026-11-06");
    assert_eq!(
        days,
        json!({
            "interval": "day", "zone": "UTC", "measure": "total", "groups_left_out": 0,
            "starts": ["2026-11-02T00:00:00.000000Z", "2026-11-03T00:00:00.000000Z", "2026-11-04T00:00:00.000000Z",
                       "2026-11-05T00:00:00.000000Z"],
            "series": [
                {"event_type": "track", "event_name": "opened", "group": null, "counts": [1, 1, 0, 1], "total": 3},
                {"event_type": "track", "event_name": "paid", "group": null, "counts": [0, 1, 0, 0], "total": 1},
            ],
        })
    );
    let users = of("type=track&measure=unique_users&interval=month&from=2026-11-01&to=2026-12-01");
    let expected =
        json!([{"event_type": "track", "event_name": null, "group": null, "counts": [2], "total": 2}]);
    assert_eq!(users["series"], expected);
    let by_page =
        of("event=opened&breakdown=event:page&groups=1&from=2026-11-01&to=2026-12-01&interval=week");
    assert_eq!(by_page["series"][0]["group"], "shop");
    assert_eq!((&by_page["series"][0]["total"], &by_page["groups_left_out"]), (&json!(2), &json!(1)));
    let by_plan = of("event=opened&breakdown=user:plan&from=2026-11-01&to=2026-12-01&interval=month");
    let groups: Vec<Value> =
        by_plan["series"].as_array().unwrap().iter().map(|one| json!([one["group"], one["total"]])).collect();
    assert_eq!(json!(groups), json!([["pro", 2], [null, 1]]), "as the users are now");
    let recent = of("");
    assert_eq!(recent["starts"].as_array().unwrap().len(), 30);
    assert_eq!(
        (&recent["series"][0]["event_type"], &recent["series"][0]["total"]),
        (&json!(null), &json!(6))
    );
    let few = of("property=ms:12&from=2026-11-02");
    assert_eq!(few["series"][0]["total"], 1);
}

#[test]
fn a_user_is_seen_as_of_a_time_and_by_what_was_known_then() {
    let world = story();
    let plan =
        |asked: &str| world.get(&format!("/v1/users/ann?{asked}")).json()["properties"]["plan"].clone();
    assert_eq!(plan(""), "pro");
    assert_eq!(plan("as_of=2026-11-05"), "free");
    assert_eq!(plan("as_of=2026-11-06T08:00:00Z"), "pro", "the instant itself is in it");
    let then = world.get("/v1/users/ann?as_of=2026-11-05").json();
    assert_eq!(
        (&then["as_of"], &then["company_id"]),
        (&json!("2026-11-05T00:00:00.000000Z"), &json!("acme"))
    );
    world.get("/v1/users/ann?as_of=2026-10-31").is_refused(404, "user_unknown");
    // Everything was received just now, whenever it happened.
    world.get("/v1/users/ann?as_of=2026-11-05&known_at=2026-11-10").is_refused(404, "user_unknown");
    let now = world.get("/v1/users/ann?as_of=2026-12-01&known_at=2026-12-01&detail=true").json();
    let live = world.get("/v1/users/ann?detail=true").json();
    for field in ["properties", "company_id", "first_seen_at", "last_seen_at", "created_at"] {
        assert_eq!(now[field], live[field], "{field}");
    }
}

/// The property of an answer to `GET /v1/properties`.
fn property(answer: &Value, owner: &str, name: &str) -> Value {
    let all = answer["data"].as_array().unwrap();
    all.iter().find(|one| one["owner"] == owner && one["name"] == name).cloned().unwrap_or_default()
}

#[test]
fn properties_are_inferred_declared_and_audited() {
    let world = story();
    let listed = || world.get("/v1/properties").json();
    let age = property(&listed(), "user", "age");
    assert_eq!(
        (&age["type"], &age["conflict"], &age["declared_type"]),
        (&json!("numeric"), &json!(true), &Value::Null)
    );
    let amount = property(&listed(), "event", "amount");
    assert_eq!(
        (&amount["type"], &amount["conflict"], &amount["pii"]),
        (&json!("numeric"), &json!(false), &json!(false))
    );
    assert_eq!(property(&listed(), "company", "plan")["type"], "string");
    assert_eq!(property(&listed(), "user", "email")["pii"], true);
    let only_users = world.get("/v1/properties?owner=user").json();
    assert!(only_users["data"].as_array().unwrap().iter().all(|one| one["owner"] == "user"));

    let owner = world.owner();
    let put = |body: &Value| {
        let request = owner.request("PUT", "/v1/properties", Some(body)).header("Muster-Environment", "1");
        world.ask(&request)
    };
    let said = put(&json!({"owner": "user", "name": "plan", "declared_type": "date", "pii": true}));
    assert_eq!(said.json(), json!({"owner": "user", "name": "plan", "declared_type": "date", "pii": true}));
    let plan = property(&listed(), "user", "plan");
    assert_eq!(
        (&plan["declared_type"], &plan["conflict"], &plan["pii"]),
        (&json!("date"), &json!(true), &json!(true))
    );
    put(&json!({"owner": "event", "name": "to come", "declared_type": "json"}));
    assert_eq!(property(&listed(), "event", "to come")["types"], json!([]));
    let taken_back = put(&json!({"owner": "user", "name": "plan", "declared_type": null, "pii": false}));
    assert_eq!(taken_back.json()["declared_type"], Value::Null);
    assert_eq!(property(&listed(), "user", "plan")["pii"], false);
    put(&json!({"owner": "user", "name": "plan"})).is_refused(400, "field_invalid");
    put(&json!({"owner": "user", "name": "", "pii": true})).is_refused(400, "field_invalid");
    let acts = owner.get("/v1/audit").json();
    let told: Vec<&Value> =
        acts["data"].as_array().unwrap().iter().filter(|act| act["action"] == "property_declared").collect();
    assert_eq!(told.len(), 3, "{acts}");
    assert_eq!(
        told[2]["details"],
        json!({"owner": "user", "declared_type": "none → date", "pii": "false → true"})
    );
}

fn ask(browser: &Browser, target: &str) -> Answer {
    browser.read(1, target)
}

#[test]
fn what_is_personal_is_shown_to_viewers_nowhere_and_cannot_be_tried_out() {
    let world = story();
    let viewer = world.owner().invite("viewer");
    for target in [
        "/v1/users/ann/events",
        "/v1/companies/acme/events",
        "/v1/events",
        "/v1/events/names?examples=10",
        "/v1/properties?examples=10",
        "/v1/users/ann?as_of=2026-11-05",
    ] {
        let answer = ask(&viewer, target);
        assert_eq!(answer.status, 200, "{target}: {}", answer.text());
        assert!(!answer.text().contains("ann@example.org"), "{target}: {}", answer.text());
        assert!(
            world.get(target).text().contains("ann@example.org") || target.contains("companies"),
            "{target}"
        );
    }
    let names = ask(&viewer, "/v1/events/names").json();
    let paid = names["data"].as_array().unwrap().iter().find(|name| name["event_name"] == "paid").unwrap();
    let masked =
        json!({"name": "email", "masked": true, "types": [{"type": "text", "count": 1, "examples": []}]});
    assert_eq!(paid["properties"][1], masked);
    for target in [
        "/v1/events?property=email:ann@example.org",
        "/v1/events/counts?property=EMAIL:ann@example.org",
        "/v1/events/counts?breakdown=user:email",
    ] {
        ask(&viewer, target).is_refused(403, "role_insufficient");
    }
}
