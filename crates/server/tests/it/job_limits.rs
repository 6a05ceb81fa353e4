//! What bounds jobs: how many rows a file may have, and for how long a job that has ended is kept.

use muster_kernel::model::team::DAY;
use muster_kernel::ports::Jobs;
use serde_json::{Value, json};

use crate::client::Request;
use crate::jobs::{ended, id_of, multipart, rejects, shown, upload};
use crate::whole::{self, client, start};
use crate::world::{KEY, PRODUCTION, World, until};

const USERS: &str = "/v1/users/bulk_identify";

fn rows(count: usize) -> Vec<u8> {
    (0..count).flat_map(|number| format!("{{\"user_id\":\"u-{number}\"}}\n").into_bytes()).collect()
}

#[test]
fn the_vendors_limits_are_a_preset() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path(), &[("MUSTER_JOBS__LIMITS", "vendor")]);
    let mut client = client(&server);
    let fits = id_of(&client.ask(&upload(USERS, "fits.ndjson", &rows(10_000))));
    assert_eq!(ended(&mut client, &fits)["accepted_rows"], 10_000);
    let before = client.ask(&Request::get("/v1/events?limit=1").key(whole::KEY));
    let over = id_of(&client.ask(&upload(USERS, "over.ndjson", &rows(10_001))));
    let over = ended(&mut client, &over);
    assert_eq!(
        shown(&over, &["status", "total_rows", "completed_rows", "accepted_rows"]),
        json!(["failed", 10_001, 0, 0])
    );
    assert_eq!(over["reason"]["code"], "too_many_rows");
    let after = client.ask(&Request::get("/v1/events?limit=1").key(whole::KEY));
    assert_eq!(before.header("muster-position"), after.header("muster-position"), "no row was stored");
    let ledger = client.ask(&Request::get("/v1/ledger").key(whole::KEY)).json();
    assert_eq!(ledger["totals"]["rejected_by_code"], json!({"too_many_rows": 10_001}));
    // What is said to be larger than 50 MB is refused before it is sent.
    let head = format!(
        "POST {USERS} HTTP/1.1\r\nHost: muster.test\r\nAuthorization: Token {}\r\nContent-Length: 52428801\r\n\r\n",
        whole::KEY
    );
    client.write(head.as_bytes());
    client.answer(false).is_refused(413, "body_too_large");
}

/// A job of the world that has ended, with one rejected row.
fn ended_in(world: &World) -> String {
    let (kind, body) = multipart(&[("file", "people.ndjson", b"{\"user_id\":\"u-1\"}\n{}\n")]);
    let request = Request::post(USERS, body).header("Content-Type", &kind).key(KEY);
    let id = id_of(&world.ask(&request.header("Idempotency-Key", "once")));
    let path = format!("/v1/background_jobs/{id}");
    until("the job ends", || world.get(&path).json()["status"] == "completed");
    id
}

fn listed(world: &World) -> usize {
    world.get("/v1/background_jobs").json().as_array().unwrap().len()
}

#[test]
fn a_job_that_ended_long_ago_is_gone_but_for_its_counts() {
    let world = World::start();
    let began = world.get("/v1/ledger").json()["data"].clone();
    assert_eq!(began, json!([]));
    let id = ended_in(&world);
    let ledger = || -> Value {
        let span = "from=2026-11-21T06:00:00Z&to=2026-11-21T07:00:00Z";
        world.get(&format!("/v1/ledger?{span}")).json()["totals"].clone()
    };
    let counted = ledger();
    assert_eq!(shown(&counted, &["stored", "rejected"]), json!([1, 1]));
    world.pass(30 * DAY - 1_000_000);
    world.jobs.remove_old().unwrap();
    let path = format!("/v1/background_jobs/{id}");
    assert_eq!(world.get(&format!("{path}/rejects")).text().lines().count(), 1, "downloadable till then");
    assert_eq!(listed(&world), 1);

    world.pass(2_000_000);
    // Not shown any more from that moment on, whenever its files go.
    for _ in 0..2 {
        assert_eq!(listed(&world), 0);
        world.get(&path).is_refused(404, "job_unknown");
        world.get(&format!("{path}/rejects")).is_refused(404, "job_unknown");
        world.jobs.remove_old().unwrap();
    }
    let left = world.job_files.jobs(PRODUCTION).unwrap();
    assert_eq!((left.len(), left[0].is_removed, left[0].filename.as_str()), (1, true, ""));
    assert_eq!(world.job_files.read_rejects(PRODUCTION, left[0].number, 0, &mut [0; 8]), Ok(0));
    assert_eq!(ledger(), counted, "what became of its rows stays");
    let (kind, body) = multipart(&[("file", "people.ndjson", b"{\"user_id\":\"u-1\"}\n{}\n")]);
    let request = Request::post(USERS, body).header("Content-Type", &kind).key(KEY);
    let again = world.ask(&request.header("Idempotency-Key", "once"));
    assert_eq!((again.status, again.header("muster-duplicate")), (202, Some("true")), "still taken once");
}

#[test]
fn a_multipart_body_may_be_zstd_as_a_whole() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path(), &[]);
    let mut client = client(&server);
    // Larger than a block, a window of the decoder's steps and the framing that a body may have.
    let file = rows(120_000);
    let (kind, body) = multipart(&[("note", "", b"hello"), ("file", "a.ndjson", &file)]);
    let body = ruzstd::encoding::compress_to_vec(&body[..], ruzstd::encoding::CompressionLevel::Fastest);
    let request = |body: &[u8]| {
        Request::post(USERS, body)
            .header("Content-Type", &kind)
            .header("Content-Encoding", "zstd")
            .key(whole::KEY)
    };
    let id = id_of(&client.ask(&request(&body)));
    assert_eq!(ended(&mut client, &id)["accepted_rows"], 120_000);
    assert_eq!(rejects(&mut client, &id), [] as [Value; 0]);
    whole::client(&server).ask(&request(&body[..body.len() / 2])).is_refused(400, "body_not_decompressed");
    whole::client(&server).ask(&request(b"--fence")).is_refused(400, "body_not_decompressed");
}
