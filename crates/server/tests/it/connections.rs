//! Connections: kept alive, pipelined, limited, timed out and ended.

use std::time::{Duration, Instant};

use crate::client::{Client, Request};
use crate::world::{Fault, KEY, World, until};

const USER: &str = r#"{"user_id":"u-1"}"#;

fn now() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "time-outs are measured by a real clock")]
    Instant::now()
}

#[test]
fn a_connection_serves_many_calls() {
    let world = World::start();
    let mut client = world.client();
    for number in 0..50 {
        let body = format!(r#"{{"user_id":"u-{number}"}}"#);
        assert_eq!(client.ask(&Request::post("/v1/identify", body).key(KEY)).status, 202);
        let user = client.ask(&Request::get(&format!("/v1/users/u-{number}")).key(KEY));
        assert_eq!(user.json()["user_id"], format!("u-{number}"));
        client.ask(&Request::post("/v1/identify", "{").key(KEY)).is_refused(400, "body_not_json");
        client.ask(&Request::get("/nowhere")).is_refused(404, "route_unknown");
    }
}

#[test]
fn pipelined_calls_are_answered_in_their_order() {
    let world = World::start();
    let mut client = world.client();
    let mut bytes = Vec::new();
    for number in 0..20 {
        let body = format!(r#"{{"user_id":"u-{number}"}}"#);
        bytes.extend(Request::post("/v1/identify", body).key(KEY).bytes());
        bytes.extend(Request::get(&format!("/v1/users/u-{number}")).key(KEY).bytes());
    }
    client.write(&bytes);
    for number in 0..20 {
        assert_eq!(client.answer(false).status, 202);
        assert_eq!(client.answer(false).json()["user_id"], format!("u-{number}"));
    }
}

#[test]
fn a_connection_too_many_is_told_so_and_closed() {
    let world = World::with(|settings| settings.connections_max = 2);
    let mut kept: Vec<Client> = (0..2).map(|_| world.client()).collect();
    for client in &mut kept {
        assert_eq!(client.ask(&Request::get("/healthz/live")).status, 200);
    }
    let mut third = world.client();
    let answer = third.ask(&Request::get("/healthz/live"));
    answer.is_refused(503, "overloaded");
    assert_eq!((answer.header("retry-after"), answer.header("connection")), (Some("1"), Some("close")));
    assert!(third.is_ended());
    assert!(
        kept[0].ask(&Request::get("/metrics")).text().contains("muster_http_connections_refused_total 1")
    );
    drop(kept.pop());
    until("there is room again", || world.client().ask(&Request::get("/healthz/live")).status == 200);
}

#[test]
fn a_head_that_does_not_come_in_time_ends_the_connection() {
    let world = World::with(|settings| settings.header_timeout_ms = 150);
    let (began, mut silent, mut slow) = (now(), world.client(), world.client());
    slow.write(b"GET /healthz/live HTTP/1.1\r\nHost:");
    assert!(silent.is_ended(), "not a byte");
    assert!(slow.is_ended(), "half a head");
    assert!(began.elapsed() >= Duration::from_millis(150));
    let mut second = world.client();
    assert_eq!(second.ask(&Request::get("/healthz/live")).status, 200);
    second.write(b"GET /healthz");
    assert!(second.is_ended(), "half a head of a later request");
}

#[test]
fn a_quiet_connection_ends_and_a_used_one_does_not() {
    let world = World::with(|settings| settings.idle_timeout_ms = 400);
    let (mut quiet, mut used) = (world.client(), world.client());
    for client in [&mut quiet, &mut used] {
        assert_eq!(client.ask(&Request::get("/healthz/live")).status, 200);
    }
    let began = now();
    let waiting = std::thread::spawn(move || quiet.is_ended());
    while began.elapsed() < Duration::from_millis(1200) {
        assert_eq!(used.ask(&Request::get("/healthz/live")).status, 200);
    }
    assert!(waiting.join().unwrap());
}

#[test]
fn a_call_that_takes_longer_than_the_idle_time_is_still_answered() {
    let world = World::with(|settings| {
        settings.idle_timeout_ms = 40;
        settings.header_timeout_ms = 40;
        settings.body_timeout_ms = 40;
    });
    let (bell, waits) = tokio::sync::oneshot::channel();
    world.engine.on_append(Fault::Waits(waits));
    let mut client = world.client();
    client.write(&Request::post("/v1/identify", USER).key(KEY).bytes());
    let began = now();
    until("ten times the idle time", || began.elapsed() > Duration::from_millis(400));
    bell.send(()).unwrap();
    assert_eq!(client.answer(false).status, 202);
}

#[test]
fn stopping_answers_what_is_in_flight_and_takes_nothing_new() {
    let mut world = World::start();
    let (bell, waits) = tokio::sync::oneshot::channel();
    world.engine.on_append(Fault::Waits(waits));
    let (mut busy, mut idle) = (world.client(), world.client());
    assert_eq!(idle.ask(&Request::get("/healthz/ready")).status, 200);
    busy.write(&Request::post("/v1/identify", USER).key(KEY).bytes());
    until("the call is in flight", || {
        idle.ask(&Request::get("/v1/ledger").key(KEY)).json()["since_start"]["in_flight"] == 1
    });
    world.handle.stop();
    assert!(idle.is_ended(), "an idle connection ends at once");
    until("nothing is accepted any more", || std::net::TcpStream::connect(world.address).is_err());
    bell.send(()).unwrap();
    let answer = busy.answer(false);
    assert_eq!((answer.status, answer.header("connection")), (202, Some("close")));
    assert!(busy.is_ended());
    world.stop();
}

#[test]
fn stopping_gives_up_after_its_grace() {
    let mut world = World::with(|settings| settings.stop_grace_ms = 100);
    let (_bell, waits) = tokio::sync::oneshot::channel();
    world.engine.on_append(Fault::Waits(waits));
    let mut client = world.client();
    client.write(&Request::post("/v1/identify", USER).key(KEY).bytes());
    until("the call is in flight", || world.get("/v1/ledger").json()["since_start"]["in_flight"] == 1);
    let began = now();
    world.stop();
    assert!(began.elapsed() >= Duration::from_millis(100));
    assert!(client.is_ended());
}

#[test]
fn bytes_that_are_no_http_are_told_so_and_end_their_connection_only() {
    let world = World::start();
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello over TLS\r\n\r\n"[..],
        b"GET /v1/users?q=\x01 HTTP/1.1\r\nHost: m\r\n\r\n",
        b"GET /v1/users HTTP/1.1\r\nHost m\r\n\r\n",
        b"POST /v1/track HTTP/1.1\r\nHost: m\r\nContent-Length: many\r\n\r\n",
    ] {
        let mut client = world.client();
        client.write(bytes);
        let answer = client.answer(false);
        answer.is_refused(400, "http_malformed");
        assert_eq!(answer.header("x-request-id").map(str::len), Some(20));
        assert!(client.is_ended());
    }
    let mut client = world.client();
    client.write(b"GET /healthz/live HTTP/1.1\r\nHost: m\r\n\r\nno call at all\r\n\r\n");
    assert_eq!(client.answer(false).status, 200, "the call before it is answered");
    client.answer(false).is_refused(400, "http_malformed");
    let mut client = world.client();
    let long = format!("GET /healthz/live HTTP/1.1\r\nHost: m\r\nX-Long: {}\r\n\r\n", "x".repeat(200_000));
    client.write(long.as_bytes());
    client.answer(false).is_refused(431, "head_too_large");
    assert_eq!(world.ask(&Request::get("/healthz/live")).status, 200);
}

#[test]
fn many_clients_at_once_are_spread_and_served() {
    let world = World::with(|settings| settings.edge_threads = 3);
    let address = world.address;
    let callers: Vec<_> = (0..24)
        .map(|caller| {
            std::thread::spawn(move || {
                let mut client = Client::connect(address);
                for number in 0..40 {
                    let id = format!("u-{caller}-{number}");
                    let body = format!(r#"{{"user_id":"{id}","metadata":{{"n":{number}}}}}"#);
                    assert_eq!(client.ask(&Request::post("/v1/identify", body).key(KEY)).status, 202);
                    let mut other = Client::connect(address);
                    let user = other.ask(&Request::get(&format!("/v1/users/{id}")).key(KEY));
                    assert_eq!(user.json()["properties"]["n"], number, "written is visible from anywhere");
                }
            })
        })
        .collect();
    for caller in callers {
        caller.join().unwrap();
    }
    let ledger = world.get("/v1/ledger").json();
    assert_eq!((&ledger["totals"]["stored"], &ledger["balanced"]), (&960.into(), &true.into()));
}
