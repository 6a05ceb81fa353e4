//! Jobs on the whole product: how they are read, cancelled and gone on with, and that each row counts once.

use std::collections::HashMap;
use std::io::Write;

use muster_kernel::ports::{AppendError, Refusal};
use serde_json::{Value, json};

use crate::client::{Answer, Client, Request};
use crate::process::Server;
use crate::whole::{KEY, client, start};
use crate::world::{self, Fault, World, until};

const USERS: &str = "/v1/users/bulk_identify";

/// A multipart body of these parts (name, file name, content) and its content type.
pub fn multipart(parts: &[(&str, &str, &[u8])]) -> (String, Vec<u8>) {
    let mut body = Vec::new();
    for (name, filename, content) in parts {
        let head = format!(
            "--fence\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{filename}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        );
        body.write_all(head.as_bytes()).unwrap();
        body.write_all(content).unwrap();
        body.write_all(b"\r\n").unwrap();
    }
    body.write_all(b"--fence--\r\n").unwrap();
    ("multipart/form-data; boundary=fence".to_owned(), body)
}

/// The upload of one file.
pub fn upload(path: &str, filename: &str, content: &[u8]) -> Request {
    let (kind, body) = multipart(&[("file", filename, content)]);
    Request::post(path, body).header("Content-Type", &kind).key(KEY)
}

/// The id of the job of an upload that was taken.
#[track_caller]
pub fn id_of(answer: &Answer) -> String {
    assert_eq!(answer.status, 202, "{}", answer.text());
    answer.json()["job_id"].as_str().unwrap().to_owned()
}

/// A job as it stands.
#[track_caller]
pub fn job(client: &mut Client, id: &str) -> Value {
    let answer = client.ask(&Request::get(&format!("/v1/background_jobs/{id}")).key(KEY));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

/// The job once it has ended.
#[track_caller]
pub fn ended(client: &mut Client, id: &str) -> Value {
    let mut last = Value::Null;
    until("the job ends", || {
        last = job(client, id);
        last["status"] == "completed" || last["status"] == "failed"
    });
    last
}

/// Rejected rows of a job.
pub fn rejects(client: &mut Client, id: &str) -> Vec<Value> {
    let answer = client.ask(&Request::get(&format!("/v1/background_jobs/{id}/rejects")).key(KEY));
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/x-ndjson")));
    answer.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The named members of a job.
pub fn shown(job: &Value, names: &[&str]) -> Value {
    names.iter().map(|name| job[*name].clone()).collect()
}

#[test]
fn a_job_is_read_by_its_id_raw_and_encoded_and_stands_in_the_list() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path(), &[]);
    let mut client = client(&server);
    assert_eq!(client.ask(&Request::get("/v1/background_jobs").key(KEY)).json(), json!([]));
    let answer = client.ask(&upload(USERS, "people.ndjson", b"{\"user_id\":\"u-1\"}\n"));
    let id = id_of(&answer);
    assert!(id.starts_with("bulk:jobs:NX-"), "{id}");
    let first = ended(&mut client, &id);
    let link = format!("http://muster.test/v1/background_jobs/{id}");
    assert_eq!(
        shown(
            &first,
            &["status", "type", "filename", "file_size", "total_rows", "links", "dry_run", "reason"]
        ),
        json!(["completed", "users", "people.ndjson", 18, 1, link, false, null])
    );
    assert!(first["start_time"].is_string() && first["end_time"].is_string());
    assert!(first["elapsed_time"].is_u64() && first["rows_per_second"].is_u64());
    let encoded = id.replace(':', "%3A");
    assert_eq!(job(&mut client, &encoded), first);
    assert_eq!(client.ask(&Request::get("/v1/background_jobs").key(KEY)).json(), json!([first]));
    let second = id_of(&client.ask(&upload(USERS, "more.ndjson", b"{\"user_id\":\"u-2\"}\n")));
    let second = ended(&mut client, &second);
    assert_eq!(client.ask(&Request::get("/v1/background_jobs").key(KEY)).json(), json!([second, first]));

    let unknown = Request::get("/v1/background_jobs/bulk:jobs:NX-0:1").key(KEY);
    client.ask(&unknown).is_refused(404, "job_unknown");
    client
        .ask(&Request::get("/v1/background_jobs/bulk:jobs:NX-0:1/rejects").key(KEY))
        .is_refused(404, "job_unknown");
    client
        .ask(&Request::new("DELETE", &format!("/v1/background_jobs/{id}")).key(KEY))
        .is_refused(409, "job_ended");
}

/// Rows of about a kilobyte: every 100th has no id, every 500th names its event, and two of those are the same event.
fn rows(prefix: &str, count: usize) -> Vec<u8> {
    let padding = "p".repeat(900);
    let mut file = Vec::new();
    for number in 1..=count {
        match number {
            _ if number % 100 == 0 => writeln!(file, r#"{{"metadata":{{"n":{number}}}}}"#),
            // The second line of each pair is the first one again.
            _ if number % 500 == 1 || number % 500 == 2 => {
                let pair = number / 500;
                writeln!(file, r#"{{"user_id":"{prefix}-pair{pair}","event_id":"{prefix}-e{pair}"}}"#)
            }
            _ => writeln!(
                file,
                r#"{{"user_id":"{prefix}-{number}","company_id":"c-{prefix}","metadata":{{"n":{number},"padding":"{padding}"}}}}"#
            ),
        }
        .unwrap();
    }
    file
}

/// Every user id in the log with this prefix, and how often it stands there.
fn stored(client: &mut Client, prefix: &str) -> HashMap<String, u32> {
    let (mut found, mut after) = (HashMap::new(), "start".to_owned());
    loop {
        let answer = client.ask(&Request::get(&format!("/v1/events?limit=1000&after={after}")).key(KEY));
        assert_eq!(answer.status, 200, "{}", answer.text());
        let page = answer.json();
        for event in page["data"].as_array().unwrap() {
            let user = event["user_id"].as_str().unwrap_or_default();
            if user.starts_with(prefix) {
                *found.entry(user.to_owned()).or_default() += 1;
            }
        }
        match &page["next_cursor"] {
            Value::String(next) => after.clone_from(next),
            _ => return found,
        }
    }
}

/// Uploads a job, kills the server again and again while it runs, and checks that every row counted once.
fn kill_rounds(count: usize, rounds: usize) {
    let data = tempfile::tempdir().unwrap();
    // A generator of moments: the same in every run, but unlike each other.
    let mut moments = 12_345u64;
    let mut moment = || {
        moments = moments.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (moments >> 33) % 120
    };
    let mut server = start(data.path(), &[]);
    let mut killed_at_work = 0;
    for round in 0..rounds {
        let prefix = format!("r{round}");
        let file = rows(&prefix, count);
        let id = id_of(&client(&server).ask(&upload(USERS, "rows.ndjson", &file)));
        for _ in 0..4 {
            let mut reader = client(&server);
            let mut last = job(&mut reader, &id);
            for _ in 0..moment() {
                last = job(&mut reader, &id);
            }
            let is_ended = last["status"] == "completed";
            killed_at_work += usize::from(!is_ended);
            server.signal("KILL");
            server.ended();
            server = start(data.path(), &[]);
            if is_ended {
                break;
            }
        }
        let mut reader = client(&server);
        let done = ended(&mut reader, &id);
        let (rejected, pairs) = (count / 100, count / 500);
        let accepted = count - rejected - pairs;
        assert_eq!(
            shown(
                &done,
                &[
                    "status",
                    "total_rows",
                    "completed_rows",
                    "accepted_rows",
                    "duplicate_rows",
                    "rejected_rows"
                ]
            ),
            json!(["completed", count, count, accepted, pairs, rejected]),
            "round {round}"
        );
        let stored = stored(&mut reader, &prefix);
        assert_eq!(stored.len(), accepted, "round {round}: rows are missing");
        assert!(stored.values().all(|times| *times == 1), "round {round}: a row is stored twice");
        assert_eq!(rejects(&mut reader, &id).len(), rejected, "round {round}");
        let ledger = reader.ask(&Request::get("/v1/ledger").key(KEY)).json();
        assert_eq!(
            shown(&ledger["totals"], &["received", "stored", "duplicate", "rejected", "pending"]),
            json!([count, accepted, pairs, rejected, 0])
                .as_array()
                .unwrap()
                .iter()
                .map(|number| number.as_u64().unwrap() * (round as u64 + 1))
                .collect::<Value>(),
            "round {round}"
        );
        assert_eq!(ledger["balanced"], true, "{ledger}");
    }
    assert!(killed_at_work > 0, "no job was killed at work");
    assert_eq!(server.stop().code, Some(0));
    let verified = crate::process::on(data.path(), &["verify"]);
    assert_eq!(verified.code, Some(0), "{} {}", verified.out, verified.err);
}

#[test]
fn every_row_counts_once_whenever_the_server_is_killed() {
    kill_rounds(20_000, 3);
}

#[test]
#[ignore = "soak"]
fn every_row_counts_once_whenever_the_server_is_killed_soak() {
    kill_rounds(200_000, 5);
}

#[test]
fn a_job_goes_on_after_a_stop() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path(), &[]);
    let id = id_of(&client(&server).ask(&upload(USERS, "rows.ndjson", &rows("s", 5_000))));
    assert_eq!(server.stop().code, Some(0));
    let server = start(data.path(), &[]);
    let done = ended(&mut client(&server), &id);
    assert_eq!(
        shown(&done, &["status", "completed_rows", "accepted_rows"]),
        json!(["completed", 5_000, 4_940])
    );
    let stored = stored(&mut client(&server), "s-");
    assert_eq!(stored.len(), 4_940);
    assert!(stored.values().all(|times| *times == 1));
    assert_eq!(left_in(data.path()), ["1.json", "1.rejects.ndjson"], "an ended job needs no upload");
}

#[test]
fn rows_that_are_ahead_of_the_state_of_their_job_are_not_stored_twice() {
    let (data, kept) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let one_by_one = [("MUSTER_JOBS__RUNNING_MAX", "1"), ("MUSTER_JOBS__ONE_AT_A_TIME", "false")];
    let server = start(data.path(), &one_by_one);
    let mut asked = client(&server);
    let _before = asked.ask(&upload(USERS, "before.ndjson", &rows("a", 60_000)));
    let id = id_of(&asked.ask(&upload(USERS, "rows.ndjson", &rows("s", 5_000))));
    // What a backup may hold: the state of a job that waits, copied before the log that has its rows by then.
    let copy = |from: &std::path::Path, to: &std::path::Path| {
        for name in names_in(from).iter().filter(|name| name.starts_with("2.")) {
            std::fs::copy(from.join(name), to.join(name)).unwrap();
        }
    };
    let jobs = data.path().join("environments/1/jobs");
    copy(&jobs, kept.path());
    assert_eq!(job(&mut asked, &id)["status"], "queued");
    ended(&mut asked, &id);
    assert_eq!(server.stop().code, Some(0));
    copy(kept.path(), &jobs);

    let server = start(data.path(), &one_by_one);
    let mut asked = client(&server);
    let done = ended(&mut asked, &id);
    assert_eq!(
        shown(&done, &["status", "completed_rows", "accepted_rows"]),
        json!(["completed", 5_000, 4_940])
    );
    let stored = stored(&mut asked, "s-");
    assert_eq!(stored.len(), 4_940);
    assert!(stored.values().all(|times| *times == 1));
}

/// The files of the first environment's jobs.
pub fn left_in(data: &std::path::Path) -> Vec<String> {
    names_in(&data.join("environments/1/jobs"))
}

fn names_in(directory: &std::path::Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// A server with more room for free space than any disk has.
fn start_without_room(data: &std::path::Path) -> Server {
    start(data, &[("MUSTER_STORAGE__FREE_DISK_RESERVE_BYTES", "4611686018427387904")])
}

#[test]
fn a_job_waits_while_the_disk_is_full_says_so_and_goes_on() {
    let data = tempfile::tempdir().unwrap();
    let mut server = start(data.path(), &[]);
    let id = id_of(&client(&server).ask(&upload(USERS, "rows.ndjson", &rows("d", 20_000))));
    server.signal("KILL");
    server.ended();
    let server = start_without_room(data.path());
    let mut reader = client(&server);
    until("the job waits", || job(&mut reader, &id)["reason"]["code"] == "disk_full");
    assert_eq!(job(&mut reader, &id)["status"], "processing");
    reader.ask(&upload(USERS, "more.ndjson", b"{}")).is_refused(409, "job_running");
    assert_eq!(server.stop().code, Some(0));
    let server = start(data.path(), &[]);
    let done = ended(&mut client(&server), &id);
    assert_eq!(
        shown(&done, &["status", "completed_rows", "accepted_rows", "reason"]),
        json!(["completed", 20_000, 19_760, null])
    );
}

#[test]
fn an_upload_without_room_is_refused_and_leaves_nothing() {
    let data = tempfile::tempdir().unwrap();
    let server = start_without_room(data.path());
    client(&server).ask(&upload(USERS, "a.ndjson", b"{\"user_id\":\"u\"}")).is_refused(503, "disk_full");
    assert_eq!(left_in(data.path()), [] as [&str; 0]);
}

/// The same request with the key of [`World`].
fn in_world(filename: &str, content: &[u8]) -> Request {
    let (kind, body) = multipart(&[("file", filename, content)]);
    Request::post(USERS, body).header("Content-Type", &kind).key(world::KEY)
}

#[test]
fn a_refused_batch_is_sent_again_and_the_reason_is_shown_meanwhile() {
    let world = World::start();
    world.engine.on_append(Fault::Fails(AppendError::Refused(Refusal::DiskFull)));
    world.engine.on_append(Fault::Fails(AppendError::Refused(Refusal::Overloaded)));
    let id = id_of(&world.ask(&in_world("a.ndjson", b"{\"user_id\":\"u-1\"}\n")));
    let now = || world.get(&format!("/v1/background_jobs/{id}")).json();
    until("the job waits", || now()["reason"]["code"] == "disk_full");
    until("the job ends", || now()["status"] == "completed");
    assert_eq!(shown(&now(), &["completed_rows", "reason"]), json!([1, null]));
    assert_eq!(world.get("/v1/users/u-1").status, 200);
}

#[test]
fn a_cancelled_job_ends_as_failed_and_keeps_what_it_stored() {
    let world = World::start();
    for _ in 0..1_000 {
        world.engine.on_append(Fault::Fails(AppendError::Refused(Refusal::DiskFull)));
    }
    let id = id_of(&world.ask(&in_world("a.ndjson", b"{\"user_id\":\"u-1\"}\n{}\n")));
    let path = format!("/v1/background_jobs/{id}");
    let now = || world.get(&path).json();
    until("the job waits", || now()["reason"]["code"] == "disk_full");
    let cancelled = world.ask(&Request::new("DELETE", &path).key(world::KEY));
    assert_eq!(cancelled.status, 202, "{}", cancelled.text());
    until("the job ends", || now()["status"] == "failed");
    let done = now();
    assert_eq!(done["reason"]["code"], "job_cancelled");
    assert_eq!(shown(&done, &["total_rows", "accepted_rows", "rejected_rows"]), json!([2, 0, 1]));
    world.ask(&Request::new("DELETE", &path).key(world::KEY)).is_refused(409, "job_ended");
    let ledger = world.get("/v1/ledger").json();
    assert_eq!(shown(&ledger["totals"], &["received", "stored", "rejected", "pending"]), json!([3, 0, 3, 0]));
    assert_eq!(
        ledger["totals"]["rejected_by_code"],
        json!({"id_missing": 1, "job_cancelled": 1, "job_ended": 1})
    );
    assert_eq!(ledger["balanced"], true);
}

#[test]
fn rows_that_wait_are_pending_in_the_ledger() {
    let world = World::start();
    for _ in 0..1_000 {
        world.engine.on_append(Fault::Fails(AppendError::Refused(Refusal::Overloaded)));
    }
    let id =
        id_of(&world.ask(&in_world("a.ndjson", b"{\"user_id\":\"u-1\"}\n{\"user_id\":\"u-2\"}\n\n{}\n")));
    let path = format!("/v1/background_jobs/{id}");
    until("the job waits", || world.get(&path).json()["reason"]["code"] == "overloaded");
    let totals = world.get("/v1/ledger").json()["totals"].clone();
    assert_eq!(shown(&totals, &["received", "stored", "rejected", "pending"]), json!([3, 0, 0, 3]));
    world.ask(&in_world("b.ndjson", b"{\"user_id\":\"u-1\"}\n")).is_refused(409, "job_running");
    world.ask(&Request::new("DELETE", &path).key(world::KEY));
    until("the job ends", || world.get(&path).json()["status"] == "failed");
}

#[test]
fn jobs_of_another_environment_are_not_there() {
    let world = World::start();
    let id = id_of(&world.ask(&in_world("a.ndjson", b"{\"user_id\":\"u-1\"}\n")));
    let elsewhere = |request: Request| world.ask(&request.key(world::OTHER_KEY));
    elsewhere(Request::get(&format!("/v1/background_jobs/{id}"))).is_refused(404, "job_unknown");
    elsewhere(Request::new("DELETE", &format!("/v1/background_jobs/{id}"))).is_refused(404, "job_unknown");
    assert_eq!(elsewhere(Request::get("/v1/background_jobs")).json(), json!([]));
}
