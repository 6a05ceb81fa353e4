//! The limits of the table in docs/API.md that have no test beside what they limit. Where each one is tested:
//!
//! | limit | test |
//! |---|---|
//! | id; time ahead | `kernel/src/accept/tests/fields.rs` |
//! | event name | `kernel/src/accept/tests/fields.rs` |
//! | property name, value; properties of one object; `metadata` of a track call | `kernel/src/accept/tests/objects.rs` |
//! | properties of a profile | `identify.rs` |
//! | body as sent, in parts, decompressed; ratio | `bodies.rs`, `server/src/http/decompress.rs` |
//! | levels of nesting | `kernel/src/accept/tests/body.rs` |
//! | `Idempotency-Key` | `idempotency.rs` |
//! | bytes on a page | `server/src/http/page.rs` |
//! | items on a page; minutes of the ledger; head of a request; jobs in one answer | here |
//! | bulk upload | `bulk.rs`, `job_limits.rs` |
//! | row; columns of a CSV file | `server/src/jobs/{rows,table}.rs` |
//! | content: items of a kind, bytes; modules of a survey | `lookups.rs`, `server/src/http/content/items.rs` |
//! | ids in the filter of an export; members of its segment | `server/src/http/export_asked.rs`, `server/src/exports/members.rs` |
//! | rows and bytes of one file of an export | `export_trip.rs`, `server/src/exports/parts.rs` |

use serde_json::{Value, json};

use crate::client::Request;
use crate::world::{KEY, World};

fn count(answer: &Value) -> usize {
    answer["data"].as_array().unwrap().len()
}

#[test]
fn a_page_has_a_hundred_items_when_not_asked_and_a_thousand_at_most() {
    let world = World::start();
    let mut client = world.client();
    for number in 0..1_001 {
        let body = format!(r#"{{"user_id":"u-{number}"}}"#);
        assert_eq!(client.ask(&Request::post("/v1/identify", body).key(KEY)).status, 202);
    }
    let first = world.get("/v1/users").json();
    assert_eq!((count(&first), first["next_cursor"].is_string()), (100, true));
    let most = world.get("/v1/users?limit=1000").json();
    assert_eq!((count(&most), most["next_cursor"].is_string()), (1_000, true));
    let cursor = most["next_cursor"].as_str().unwrap();
    let rest = world.get(&format!("/v1/users?limit=1000&cursor={cursor}")).json();
    assert_eq!((count(&rest), &rest["next_cursor"]), (1, &Value::Null));
    world.get("/v1/users?limit=1001").is_refused(400, "parameter_invalid");
}

#[test]
fn the_ledger_answers_a_day_of_minutes() {
    let world = World::start();
    let span = |to: &str| world.get(&format!("/v1/ledger?from=2026-11-20T00:00:00Z&to={to}"));
    assert_eq!(span("2026-11-20T23:59:59Z").status, 200, "1,440 minutes, the first and the last among them");
    span("2026-11-21T00:00:00Z").is_refused(400, "parameter_invalid");
}

#[test]
fn a_head_of_sixty_kibibytes_is_read_and_a_much_longer_one_is_not() {
    let world = World::start();
    let send = |bytes: usize| {
        let (begin, end) = ("GET /healthz/live HTTP/1.1\r\nHost: m\r\nX-Long: ", "\r\n\r\n");
        let head = format!("{begin}{}{end}", "x".repeat(bytes - begin.len() - end.len()));
        let mut client = world.client();
        client.write(head.as_bytes());
        client.answer(false).status
    };
    assert_eq!(send(60 * 1024), 200);
    // The library looks between two reads, so somewhat more than 64 KiB may pass.
    assert_eq!(send(256 * 1024), 431);
}

#[test]
fn the_newest_thousand_jobs_are_in_one_answer_and_all_of_them_in_pages() {
    let world = World::start();
    let mut client = world.client();
    for number in 0..1_001 {
        let body = json!({"users": [format!("u-{number}")]}).to_string();
        let erased = client.ask(&Request::with_body("DELETE", "/v1/users", body).key(KEY));
        assert_eq!(erased.status, 202, "{}", erased.text());
    }
    let all = world.get("/v1/background_jobs").json();
    assert_eq!(all.as_array().unwrap().len(), 1_000);
    let first = world.get("/v1/background_jobs?limit=1000").json();
    assert_eq!((count(&first), &first["data"][0]["id"]), (1_000, &all[0]["id"]));
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = world.get(&format!("/v1/background_jobs?limit=1000&cursor={cursor}")).json();
    assert_eq!((count(&rest), &rest["next_cursor"]), (1, &Value::Null));
}
