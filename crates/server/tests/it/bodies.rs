//! The bytes of a call: types, encodings, sizes, and callers that are slow.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

use crate::client::{Answer, Request};
use crate::world::{KEY, World};

const USER: &str = r#"{"user_id":"u-1","metadata":{"name":"Ada"}}"#;
const BODY_MAX: usize = 1024 * 1024;

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn identify() -> Request {
    Request::post("/v1/identify", USER).key(KEY)
}

fn of_size(bytes: usize) -> String {
    let empty = r#"{"user_id":"u-1"}"#;
    format!("{empty}{}", " ".repeat(bytes - empty.len()))
}

#[test]
fn json_is_taken_under_every_type_that_clients_give_it() {
    let world = World::start();
    assert_eq!(world.ask(&identify()).status, 202, "no type at all");
    for kind in [
        "application/json",
        "application/json; charset=utf-8",
        "APPLICATION/JSON",
        "application/vnd.api+json",
        "text/plain",
        "application/x-www-form-urlencoded",
    ] {
        assert_eq!(world.ask(&identify().header("Content-Type", kind)).status, 202, "{kind}");
    }
    for kind in ["application/xml", "multipart/form-data; boundary=x", "text/html", "image/png"] {
        world.ask(&identify().header("Content-Type", kind)).is_refused(415, "content_type_unsupported");
    }
    let escaped: String = USER.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let form = Request::post("/v1/identify", escaped).key(KEY);
    assert_eq!(world.ask(&form.header("Content-Type", "application/x-www-form-urlencoded")).status, 202);
}

#[test]
fn no_body_and_a_body_that_is_no_json_are_400() {
    let world = World::start();
    for (body, code) in [
        ("", "body_missing"),
        ("  \n", "body_missing"),
        ("{", "body_not_json"),
        ("user_id=u-1", "body_not_json"),
        ("[]", "body_not_object"),
        ("7", "body_not_object"),
    ] {
        world.post("/v1/identify", body).is_refused(400, code);
    }
    let deep = format!(r#"{{"user_id":"u","metadata":{{"a":{}1{}}}}}"#, "[".repeat(40), "]".repeat(40));
    world.post("/v1/identify", &deep).is_refused(400, "body_too_deep");
    world.ask(&Request::new("POST", "/v1/identify").key(KEY)).is_refused(400, "body_missing");
}

#[test]
fn compressed_bodies_are_taken() {
    let world = World::start();
    let packed = Request::post("/v1/identify", gzip(USER.as_bytes())).key(KEY);
    assert_eq!(world.ask(&packed.clone().header("Content-Encoding", "gzip")).status, 202);
    assert_eq!(world.get("/v1/users/u-1").json()["properties"], json!({"name": "Ada"}));
    let twice = Request::post("/v1/identify", gzip(&gzip(USER.as_bytes()))).key(KEY);
    assert_eq!(world.ask(&twice.header("Content-Encoding", "gzip, gzip")).status, 202);
    assert_eq!(world.ask(&identify().header("Content-Encoding", "identity")).status, 202);
    world.ask(&packed.header("Content-Encoding", "compress")).is_refused(415, "encoding_unsupported");
    world.ask(&identify().header("Content-Encoding", "gzip")).is_refused(400, "body_not_decompressed");
}

#[test]
fn a_bomb_is_refused_by_size_or_by_ratio() {
    let world = World::start();
    let send = |body: Vec<u8>| {
        world.ask(&Request::post("/v1/identify", body).key(KEY).header("Content-Encoding", "gzip"))
    };
    let bomb = gzip(&vec![b' '; 200 * BODY_MAX]);
    send(bomb).is_refused(413, "body_too_large");
    send(gzip(of_size(300 * 1024).as_bytes())).is_refused(413, "compression_ratio");
}

#[test]
fn a_body_may_have_a_mebibyte_and_no_byte_more() {
    let world = World::start();
    let send = |bytes: usize| world.post("/v1/identify", &of_size(bytes));
    assert_eq!(send(BODY_MAX).status, 202);
    let refused = send(BODY_MAX + 1);
    refused.is_refused(413, "body_too_large");
    assert_eq!(refused.header("connection"), Some("close"));
}

fn chunked(world: &World, chunks: &[&[u8]]) -> Answer {
    let mut client = world.client();
    let head = format!(
        "POST /v1/identify HTTP/1.1\r\nHost: m\r\nAuthorization: Token {KEY}\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    client.write(head.as_bytes());
    for chunk in chunks {
        // A server that has heard enough may hang up meanwhile.
        let part = [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat();
        if client.try_write(&part).is_err() {
            break;
        }
    }
    let _ = client.try_write(b"0\r\n\r\n");
    client.answer(false)
}

#[test]
fn a_body_in_chunks_is_put_together_up_to_the_limit() {
    let world = World::start();
    let (first, second) = USER.split_at(20);
    assert_eq!(chunked(&world, &[first.as_bytes(), second.as_bytes()]).status, 202);
    assert_eq!(chunked(&world, &USER.as_bytes().chunks(1).collect::<Vec<_>>()).status, 202);
    let part = vec![b' '; 64 * 1024];
    chunked(&world, &vec![part.as_slice(); 64]).is_refused(413, "body_too_large");
}

#[test]
fn a_refusal_of_a_large_body_is_read_by_a_caller_that_is_still_sending() {
    let world = World::start();
    let body = vec![b' '; 8 * BODY_MAX];
    for _ in 0..5 {
        world.ask(&Request::post("/v1/identify", &body).key(KEY)).is_refused(413, "body_too_large");
        world
            .ask(&Request::post("/v1/identify", &body).key("nobody-knows-this"))
            .is_refused(401, "key_unknown");
    }
}

#[test]
fn who_asks_first_whether_to_send_is_answered_before_sending() {
    let world = World::start();
    let ask = |length: usize| {
        let mut client = world.client();
        let head = format!(
            "POST /v1/identify HTTP/1.1\r\nHost: m\r\nAuthorization: Token {KEY}\r\nExpect: 100-continue\r\n\
             Content-Length: {length}\r\n\r\n"
        );
        client.write(head.as_bytes());
        (client.answer(false), client)
    };
    let (go_on, mut client) = ask(USER.len());
    assert_eq!(go_on.status, 100);
    client.write(USER.as_bytes());
    assert_eq!(client.answer(false).status, 202);
    ask(BODY_MAX + 1).0.is_refused(413, "body_too_large");
}

#[test]
fn a_body_that_does_not_come_in_time_is_408() {
    let world = World::with(|settings| settings.body_timeout_ms = 100);
    let mut client = world.client();
    let whole = identify().bytes();
    client.write(&whole[..whole.len() - 5]);
    let answer = client.answer(false);
    answer.is_refused(408, "body_timeout");
    assert_eq!(answer.header("connection"), Some("close"));
    assert!(client.is_ended());
    assert_eq!(world.get("/v1/events").json()["data"], json!([]));
    assert_eq!(world.ask(&identify()).status, 202, "others go on");
}

#[test]
fn a_body_that_trickles_in_is_late_as_a_whole() {
    let world = World::with(|settings| settings.body_timeout_ms = 300);
    let mut client = world.client();
    let whole = Request::post("/v1/identify", of_size(100_000)).key(KEY).bytes();
    let mut sent = 0;
    while sent < whole.len() && client.try_write(&whole[sent..=sent]).is_ok() {
        sent += 1;
        #[expect(clippy::disallowed_methods, reason = "a slow caller is what is tested")]
        std::thread::sleep(std::time::Duration::from_millis(if sent > 150 { 20 } else { 0 }));
        if sent > 190 {
            break;
        }
    }
    client.answer(false).is_refused(408, "body_timeout");
}

#[test]
fn bodies_in_parts_share_a_bound_of_memory() {
    let world = World::with(|settings| settings.body_memory_max = BODY_MAX);
    let mut holders: Vec<_> = (0..4)
        .map(|_| {
            let mut client = world.client();
            client.write(&Request::post("/v1/identify", of_size(400_000)).key(KEY).bytes()[..300_000]);
            client
        })
        .collect();
    // Three fit and wait for their rest; the fourth does not, whichever it is.
    let mut refused = None;
    crate::world::until("one is refused", || {
        let text = world.get("/metrics").text();
        refused = text.lines().find(|line| line.contains("overloaded")).map(str::to_owned);
        refused.is_some()
    });
    assert!(refused.unwrap().ends_with(" 1"));
    for client in &mut holders {
        let _ = client.try_write(of_size(400_000).as_bytes());
    }
    let statuses: Vec<u16> =
        holders.iter_mut().filter_map(|c| c.try_answer(false)).map(|answer| answer.status).collect();
    assert!(statuses.contains(&503), "{statuses:?}");
    assert_eq!(world.ask(&identify()).status, 202);
}

#[test]
fn the_body_of_a_read_is_ignored() {
    let world = World::start();
    world.post("/v1/identify", USER);
    let mut client = world.client();
    let request = Request::post("/v1/users/u-1", "not json").key(KEY).bytes();
    let get = String::from_utf8(request).unwrap().replacen("POST", "GET", 1);
    for _ in 0..2 {
        client.write(get.as_bytes());
        assert_eq!(client.answer(false).status, 200);
    }
}
