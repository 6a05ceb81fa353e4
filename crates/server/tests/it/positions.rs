//! Positions: every write says where it stands, and every read may wait for one.

use std::sync::Arc;

use crate::client::{Answer, Request};
use crate::world::{INCARNATION, KEY, World};

fn read_at(world: &World, target: &str, position: &str) -> Answer {
    world.ask(&Request::get(target).key(KEY).header("Muster-Position", position))
}

#[test]
fn a_read_says_up_to_where_it_is_true() {
    let world = World::start();
    for target in ["/v1/users", "/v1/companies", "/v1/events", "/v1/ledger"] {
        assert_eq!(
            world.get(target).header("muster-position"),
            Some(&*format!("{INCARNATION:08x}-0")),
            "{target}"
        );
    }
    let written = world.post("/v1/identify", r#"{"user_id":"u"}"#);
    let position = written.header("muster-position").unwrap();
    assert_eq!(read_at(&world, "/v1/users/u", position).header("muster-position"), Some(position));
}

#[test]
fn a_read_waits_until_its_position_is_visible() {
    let world = Arc::new(World::with(|settings| settings.read_wait_ms = 20_000));
    let written = world.post("/v1/identify", r#"{"user_id":"u"}"#);
    let position = written.header("muster-position").unwrap().to_owned();
    world.engine.hide_after(0);
    let reader = {
        let (world, position) = (Arc::clone(&world), position.clone());
        std::thread::spawn(move || read_at(&world, "/v1/users/u", &position))
    };
    let by_query = {
        let (world, position) = (Arc::clone(&world), position.clone());
        std::thread::spawn(move || world.get(&format!("/v1/users/u?position={position}")))
    };
    assert_eq!(world.get("/v1/users").header("muster-position"), Some(&*format!("{INCARNATION:08x}-0")));
    world.engine.hide_after(1);
    for waiting in [reader, by_query] {
        let answer = waiting.join().unwrap();
        assert_eq!((answer.status, answer.header("muster-position")), (200, Some(&*position)));
    }
}

#[test]
fn a_position_that_does_not_come_in_time_is_503() {
    let world = World::with(|settings| settings.read_wait_ms = 50);
    let answer = read_at(&world, "/v1/users", &format!("{INCARNATION:08x}-1"));
    answer.is_refused(503, "position_not_reached");
    assert_eq!(answer.header("retry-after"), Some("1"));
}

#[test]
fn a_position_of_another_life_or_none_at_all_is_400() {
    let world = World::start();
    for position in
        [format!("{:08x}-0", INCARNATION + 1), "0".to_owned(), "garbage".to_owned(), "é".to_owned()]
    {
        read_at(&world, "/v1/users", &position).is_refused(400, "position_invalid");
    }
    world.get("/v1/users?position=garbage").is_refused(400, "position_invalid");
}
