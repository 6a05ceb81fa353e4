//! Raw events that are kept for some days: what would go, what is said once it is gone, who may decide it, and that it is done.

use std::sync::Arc;

use muster_kernel::model::batch::EventBatch;
use muster_kernel::model::id::Position;
use muster_kernel::model::team::DAY;
use muster_kernel::ports::{Clock, EventLog};
use muster_server::dropping::{Dropper, Parts};
use muster_testkit::block_on::block_on;
use muster_testkit::builders::tracked;
use serde_json::{Value, json};

use crate::exports::{EXPORTS, exported, rows};
use crate::world::{PRODUCTION, World, until};

const KEPT: &str = "/v1/environments/1/kept_events";

fn track(world: &World, user: &str, event: &str) -> String {
    let body = json!({"user_id": user, "event_name": event, "metadata": {"n": 1}});
    let answer = world.post("/v1/track", &body.to_string());
    assert_eq!(answer.status, 202, "{}", answer.text());
    answer.header("muster-position").unwrap().to_owned()
}

#[test]
fn what_is_older_than_it_is_kept_goes_and_is_said_to_be_gone() {
    let world = World::start();
    world.post("/v1/identify", &json!({"user_id": "u", "metadata": {"plan": "pro"}}).to_string());
    let last = track(&world, "u", "old");
    world.pass(3 * DAY);
    track(&world, "u", "new");
    let owner = world.owner();
    let kept = owner.read(1, KEPT).json();
    assert_eq!(kept["keep_events_days"], Value::Null);
    assert_eq!((&kept["known_since"], &kept["would_drop"]), (&Value::Null, &Value::Null));
    let would = owner.read(1, &format!("{KEPT}?days=1")).json()["would_drop"].clone();
    assert_eq!((&would["events"], &would["names_count"]), (&json!(2), &json!(2)));
    assert_eq!(would["names"][0], json!({"event_type": "identify_user", "event_name": "", "events": 1}));
    assert_eq!(would["names"][1], json!({"event_type": "track", "event_name": "old", "events": 1}));
    assert_eq!(would["oldest_received_at"], kept["oldest_received_at"]);
    for days in ["0", "3661", "x", "1.5"] {
        owner.get(&format!("{KEPT}?days={days}")).is_refused(400, "parameter_invalid");
    }
    let before = world.get("/v1/users/u").json();

    let dropper = Dropper::new(Parts {
        raw_events: Arc::clone(&world.engine.model) as _,
        catalog: Arc::clone(&world.engine.model) as _,
        clock: Arc::clone(&world.clock) as _,
        yield_to_others: || {},
    });
    let days = |days: u32| owner.patch("/v1/environments/1", &json!({"keep_events_days": days}));
    days(3_661).is_refused(400, "field_invalid");
    assert_eq!(days(1).json()["keep_events_days"], 1);
    assert_eq!(owner.read(1, KEPT).json()["known_since"], Value::Null, "nobody has looked yet");
    dropper.start().unwrap();
    until("it is dropped", || owner.read(1, KEPT).json()["known_since"] == would["newest_received_at"]);
    dropper.stop();

    for after in ["start".to_owned(), last.replace("-2", "-1")] {
        let refused = world.get(&format!("/v1/events?after={after}"));
        refused.is_refused(410, "events_dropped");
        assert!(refused.text().contains(&format!("go on with `after={last}`")), "{}", refused.text());
    }
    let names = |answer: Value| -> Vec<Value> {
        answer["data"].as_array().unwrap().iter().map(|event| event["event_name"].clone()).collect()
    };
    assert_eq!(names(world.get(&format!("/v1/events?after={last}")).json()), ["new"]);
    assert_eq!(names(world.get("/v1/events").json()), ["new"]);
    assert_eq!(world.get("/v1/users/u").json(), before);
    let since = would["newest_received_at"].as_str().unwrap();
    let refused = world.get("/v1/users/u?as_of=2026-11-20");
    refused.is_refused(410, "events_dropped");
    assert!(refused.text().contains(&format!("Events of before {since}")), "{}", refused.text());
    assert_eq!(world.get(&format!("/v1/users/u?as_of={since}")).json()["properties"]["plan"], "pro");

    let event = world.get(&format!("/v1/events/{last}"));
    event.is_refused(410, "events_dropped");
    assert_eq!(world.get("/v1/overview").json()["first_call_at"], since, "when it was is not known any more");
    let warnings = world.post(EXPORTS, "{}").json()["warnings"].clone();
    let told = format!("Events that were received until {since} are no longer kept, and are not in it.");
    assert_eq!(warnings, json!([{"pointer": "", "code": "events_dropped", "message": told}]));

    assert_eq!(days(0).json()["keep_events_days"], Value::Null, "from now on for good");
    let audit = owner.read(1, "/v1/audit").json();
    let changes: Vec<&Value> = audit["data"].as_array().unwrap().iter().map(|act| &act["details"]).collect();
    let told = |text: &str| changes.iter().any(|details| details.to_string().contains(text));
    assert!(told("keep_events_days") && told("for good"), "{audit}");
}

#[test]
fn an_export_that_events_are_dropped_before_has_all_of_the_others_and_nothing_else() {
    let world = World::start();
    let store = |numbers: std::ops::Range<usize>| {
        let mut batch = EventBatch::default();
        numbers.for_each(|n| batch.push(&tracked("u", &format!("event {n}"), &[])));
        let stored = block_on(world.engine.append_many(PRODUCTION, &batch)).unwrap();
        assert!(stored.position.0 > 0);
    };
    store(0..4_500);
    world.pass(DAY);
    store(4_500..5_000);
    // More than an export reads at a time, so that it has written what it reads no more.
    world.engine.drop_on_read(Position(4_096), world.clock.now().plus(-DAY / 2));
    let rows = rows(&mut world.client(), &json!({}));
    let names: Vec<&str> = rows.iter().map(|row| row["event_name"].as_str().unwrap()).collect();
    let kept: Vec<String> = (4_500..5_000).map(|n| format!("event {n}")).collect();
    assert_eq!(names, kept);
    let again = exported(&mut world.client(), &json!({}));
    assert_eq!((&again["status"], &again["rows"]), (&json!("completed"), &json!(500)));
}
