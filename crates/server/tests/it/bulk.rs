//! `POST /v1/users/bulk_identify` and `POST /v1/companies/bulk_identify` on the whole product: every form of upload, and
//! what becomes of every bad one.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use serde_json::{Value, json};

use crate::client::{Answer, Client, Request};
use crate::jobs::{ended, id_of, left_in, multipart, rejects, shown, upload};
use crate::process::Server;
use crate::whole::{KEY, client, start};
use crate::world::until;

const USERS: &str = "/v1/users/bulk_identify";
const COMPANIES: &str = "/v1/companies/bulk_identify";

/// A server with a connection to it.
struct Stand {
    client: Client,
    server: Server,
    data: tempfile::TempDir,
}

impl Stand {
    fn new() -> Self {
        Stand::with(&[])
    }

    fn with(variables: &[(&str, &str)]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let server = start(data.path(), variables);
        Stand { client: client(&server), server, data }
    }

    /// The job of an upload once it has ended.
    #[track_caller]
    fn done(&mut self, request: &Request) -> Value {
        let id = id_of(&self.client.ask(request));
        ended(&mut self.client, &id)
    }

    /// The same, as status and counts: total, accepted, duplicate, rejected.
    #[track_caller]
    fn counts(&mut self, request: &Request) -> Value {
        let done = self.done(request);
        shown(&done, &["status", "total_rows", "accepted_rows", "duplicate_rows", "rejected_rows"])
    }

    fn get(&mut self, target: &str) -> Answer {
        self.client.ask(&Request::get(target).key(KEY))
    }

    /// What is wrong with each rejected row: row, pointer, code.
    fn wrongs(&mut self, job: &Value) -> Vec<Value> {
        let rows = rejects(&mut self.client, job["job_id"].as_str().unwrap());
        rows.iter().map(|row| shown(&row["_muster"], &["row", "pointer", "code"])).collect()
    }
}

fn body(path: &str, kind: &str, body: &[u8]) -> Request {
    Request::post(path, body).header("Content-Type", kind).key(KEY)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    compress_to_vec(bytes, CompressionLevel::Fastest)
}

const TWO: &[u8] =
    b"{\"user_id\":\"u-1\",\"company_id\":\"c-1\",\"metadata\":{\"tickets\":4}}\n{\"user_id\":\"u-2\"}\n";

#[test]
fn an_ndjson_file_becomes_profiles() {
    let mut stand = Stand::new();
    let file = [TWO, b"{\"metadata\":{\"a\":1}}\n"].concat();
    let accepted = stand.client.ask(&upload(USERS, "people.ndjson", &file));
    assert_eq!(accepted.status, 202, "{}", accepted.text());
    let done = ended(&mut stand.client, accepted.json()["job_id"].as_str().unwrap());
    assert_eq!(
        shown(&done, &["status", "total_rows", "completed_rows", "accepted_rows", "rejected_by_code"]),
        json!(["completed", 3, 3, 2, {"id_missing": 1}])
    );
    let user = stand.get("/v1/users/u-1").json();
    assert_eq!(shown(&user, &["user_id", "company_id"]), json!(["u-1", "c-1"]), "{user}");
    assert_eq!(user["properties"]["tickets"], 4, "{user}");
    assert_eq!(
        shown(&user, &["first_seen_at", "last_seen_at"]),
        json!([null, null]),
        "a bulk row is no sign of life"
    );
    let events = stand.get("/v1/events").json();
    assert_eq!(events["data"][0]["occurred_at"], done["submitted_at"], "rows carry the time of the upload");
    assert_eq!(events["data"][1]["occurred_at"], done["submitted_at"]);
    let wrong = rejects(&mut stand.client, done["job_id"].as_str().unwrap());
    assert_eq!(wrong.len(), 1);
    assert_eq!(wrong[0]["metadata"], json!({"a": 1}), "the row itself comes back");
    assert_eq!(shown(&wrong[0]["_muster"], &["row", "pointer", "code"]), json!([3, "", "id_missing"]));
    let ledger = stand.get("/v1/ledger").json();
    assert_eq!(
        shown(&ledger["totals"], &["received", "stored", "rejected", "rejected_by_code", "pending"]),
        json!([3, 2, 1, {"id_missing": 1}, 0])
    );
    assert_eq!(ledger["balanced"], true, "{ledger}");
    assert_eq!(stand.server.stop().code, Some(0));
}

#[test]
fn companies_come_in_the_same_way() {
    let mut stand = Stand::new();
    let rows =
        b"{\"companies\":[{\"company_id\":\"c-1\",\"metadata\":{\"plan\":\"pro\"}},{\"id\":7},{\"x\":1}]}";
    assert_eq!(stand.counts(&body(COMPANIES, "application/json", rows)), json!(["completed", 3, 2, 0, 1]));
    assert_eq!(stand.get("/v1/companies/c-1").json()["properties"]["plan"], "pro");
    assert_eq!(stand.get("/v1/companies/7").status, 200);
}

#[test]
fn every_form_of_an_upload_is_taken() {
    let mut stand = Stand::new();
    let two = json!(["completed", 2, 2, 0, 0]);
    let document = br#"{"users":[{"user_id":"u-1"},{"user_id":"u-2"}]}"#;
    let array = br#" [{"user_id":"u-1"} , {"user_id":"u-2"}]"#;
    let (kind, whole) = multipart(&[("note", "", b"hello"), ("file", "a.ndjson", TWO)]);
    let requests = [
        body(USERS, "application/json", document),
        body(USERS, "application/json; charset=utf-8", array),
        body(USERS, "application/json", &gzip(document)).header("Content-Encoding", "gzip"),
        body(USERS, "application/x-ndjson", TWO),
        body(USERS, "application/x-ndjson", &zstd(TWO)).header("Content-Encoding", "zstd"),
        body(USERS, "text/plain", document),
        Request::post(USERS, TWO).key(KEY),
        body(USERS, &kind, &whole),
        body(USERS, &kind, &gzip(&whole)).header("Content-Encoding", "gzip"),
        body(USERS, &kind, &zstd(&whole)).header("Content-Encoding", "zstd"),
        upload(USERS, "a.ndjson.gz", &gzip(TWO)),
        upload(USERS, "two members.gz", &[gzip(TWO), gzip(b"")].concat()),
        upload(USERS, "a.zst", &zstd(TWO)),
        upload(USERS, "says nothing of gzip.ndjson", &gzip(TWO)),
        upload(USERS, "says gzip.gz", TWO),
        upload(USERS, "a document.ndjson", document),
        upload(USERS, "byte order mark.ndjson", &[b"\xef\xbb\xbf", TWO].concat()),
        upload(USERS, "windows.ndjson", b"{\"user_id\":\"u-1\"}\r\n\r\n{\"user_id\":\"u-2\"}"),
        Request::post(&format!("{USERS}/"), TWO).key(KEY),
    ];
    for (number, request) in requests.iter().enumerate() {
        assert_eq!(stand.counts(request), two, "form {number}");
    }
}

#[test]
fn an_upload_that_cannot_be_one_is_refused_at_once_and_leaves_nothing() {
    let mut stand = Stand::with(&[("MUSTER_JOBS__UPLOAD_BYTES_MAX", "1000")]);
    let (kind, whole) = multipart(&[("file", "a", TWO)]);
    let (_, data) = multipart(&[("data", "a.ndjson", TWO)]);
    let (_, twice) = multipart(&[("file", "a", TWO), ("file", "b", TWO)]);
    let large = vec![b' '; 1_001];
    let cases = [
        (upload(USERS, "empty.ndjson", b""), 400, "file_empty"),
        (body(USERS, "application/json", b""), 400, "file_empty"),
        (body(USERS, &kind, &data), 400, "part_missing"),
        (body(USERS, &kind, b"--fence--\r\n"), 400, "part_missing"),
        (body(USERS, &kind, &twice), 400, "multipart_invalid"),
        (body(USERS, &kind, &whole[..whole.len() - 20]), 400, "multipart_invalid"),
        (body(USERS, &kind, TWO), 400, "multipart_invalid"),
        (body(USERS, "multipart/form-data", &whole), 400, "multipart_invalid"),
        (
            body(USERS, &kind, &gzip(&whole)[..60]).header("Content-Encoding", "gzip"),
            400,
            "body_not_decompressed",
        ),
        (body(USERS, "text/csv", b"user_id\nu-1\n"), 415, "content_type_unsupported"),
        (
            body(USERS, "application/x-ndjson", TWO).header("Content-Encoding", "br"),
            415,
            "encoding_unsupported",
        ),
        (upload(USERS, "a", TWO).header("Idempotency-Key", ""), 400, "idempotency_key_invalid"),
        (upload(&format!("{USERS}?dry_run=perhaps"), "a", TWO), 400, "parameter_invalid"),
    ];
    for (request, status, code) in cases {
        // What is refused before its body is read may end the connection.
        client(&stand.server).ask(&request).is_refused(status, code);
    }
    // The connection ends with a 413: the rest of the body is not read.
    client(&stand.server).ask(&upload(USERS, "large.ndjson", &large)).is_refused(413, "body_too_large");
    client(&stand.server).ask(&body(USERS, "application/x-ndjson", &large)).is_refused(413, "body_too_large");
    assert_eq!(left_in(stand.data.path()), [] as [&str; 0]);
    let ledger = stand.get("/v1/ledger").json();
    assert_eq!(shown(&ledger["totals"], &["received", "rejected"]), json!([15, 15]));
    assert_eq!(ledger["balanced"], true);
    assert_eq!(
        stand.counts(&upload(USERS, "a.ndjson", TWO)),
        json!(["completed", 2, 2, 0, 0]),
        "the place is free"
    );
}

#[test]
fn a_dropped_upload_leaves_nothing_and_meanwhile_no_other_is_taken() {
    let mut stand = Stand::new();
    let request = upload(USERS, "a.ndjson", &TWO.repeat(1_000)).bytes();
    let (begin, rest) = request.split_at(request.len() / 2);
    let mut slow = client(&stand.server);
    slow.write(begin);
    until("the upload has begun", || left_in(stand.data.path()) == ["1.upload"]);
    client(&stand.server).ask(&upload(USERS, "b.ndjson", TWO)).is_refused(409, "job_running");
    client(&stand.server).ask(&upload(COMPANIES, "b.ndjson", TWO)).is_refused(409, "job_running");
    drop(slow);
    until("nothing is left", || left_in(stand.data.path()).is_empty());
    until("the place is free", || client(&stand.server).ask(&upload(USERS, "b.ndjson", TWO)).status == 202);

    let mut whole = client(&stand.server);
    until("the job has ended", || {
        whole.ask(&Request::get("/v1/background_jobs").key(KEY)).json()[0]["status"] == "completed"
    });
    whole.write(begin);
    whole.write(rest);
    let id = id_of(&whole.answer(false));
    assert_eq!(ended(&mut stand.client, &id)["accepted_rows"], 2_000);
}

#[test]
fn an_upload_is_taken_once_under_its_key() {
    let mut stand = Stand::new();
    let request = upload(USERS, "a.ndjson", TWO).header("Idempotency-Key", "k-1");
    let first = stand.client.ask(&request);
    let id = id_of(&first);
    assert_eq!(first.header("muster-duplicate"), None);
    ended(&mut stand.client, &id);
    let again = stand.client.ask(&request);
    assert_eq!((id_of(&again), again.header("muster-duplicate")), (id, Some("true")));
    let other = upload(USERS, "a.ndjson", b"{\"user_id\":\"u-3\"}").header("Idempotency-Key", "k-1");
    stand.client.ask(&other).is_refused(409, "idempotency_conflict");
    // The frame around the file is made anew by every client library.
    let (_, whole) = multipart(&[("note", "", b"other"), ("file", "a.ndjson", TWO)]);
    let framed = body(USERS, "multipart/form-data; boundary=fence", &whole).header("Idempotency-Key", "k-1");
    assert_eq!(stand.client.ask(&framed).header("muster-duplicate"), Some("true"));
    let jobs = stand.get("/v1/background_jobs").json();
    assert_eq!(jobs.as_array().unwrap().len(), 1);
    assert_eq!(stand.get("/v1/ledger").json()["totals"]["stored"], 2);
}

#[test]
fn good_rows_are_kept_beside_bad_ones_and_each_bad_one_is_named() {
    let mut stand = Stand::new();
    let long = "x".repeat(2 << 20);
    let file = [
        &b"{\"user_id\":\"u-1\"}\n{\"user_id\":\n\n"[..],
        b"{\"user_id\":\"\xe9\"}\n[1]\n",
        format!("{{\"user_id\":\"u-2\",\"metadata\":{{\"a\":\"{long}\"}}}}\n").as_bytes(),
        b"{\"user_id\":\"u-3\",\"metadata\":{\"b\":{\"c\":1},\"\":2}}\n",
        b"{\"user_id\":\"u-4\",\"_muster\":{\"row\":9}}\n{\"user_id\":true}",
    ]
    .concat();
    let done = stand.done(&upload(USERS, "mixed.ndjson", &file));
    assert_eq!(
        shown(&done, &["status", "total_rows", "accepted_rows", "rejected_rows"]),
        json!(["completed", 8, 2, 6])
    );
    assert_eq!(
        stand.wrongs(&done),
        [
            json!([2, "", "body_not_json"]),
            json!([4, "", "body_not_json"]),
            json!([5, "", "body_not_object"]),
            json!([6, "", "row_too_large"]),
            json!([7, "/metadata/", "property_name_empty"]),
            json!([9, "/user_id", "id_type"]),
        ]
    );
    let rows = rejects(&mut stand.client, done["job_id"].as_str().unwrap());
    assert_eq!(rows[0]["_muster"]["raw"], "{\"user_id\":");
    assert_eq!(rows[5]["user_id"], true);
    // What was mended is sent again as it came, with `_muster` still in it.
    let mended = rows[5].to_string().replace("true", "\"u-5\"");
    assert_eq!(
        stand.counts(&upload(USERS, "mended.ndjson", mended.as_bytes())),
        json!(["completed", 1, 1, 0, 0])
    );
}

#[test]
fn one_line_of_a_hundred_megabytes_takes_no_other_row_with_it() {
    let mut stand = Stand::new();
    let mut file = b"{\"user_id\":\"u-1\"}\n".to_vec();
    file.resize(100 << 20, b'x');
    file.extend_from_slice(b"\n{\"user_id\":\"u-2\"}\n");
    let done = stand.done(&upload(USERS, "long.ndjson", &file));
    assert_eq!(
        shown(&done, &["status", "accepted_rows", "rejected_by_code"]),
        json!(["completed", 2, {"row_too_large": 1}])
    );
}

#[test]
fn a_file_whose_compression_breaks_keeps_the_rows_before() {
    let mut stand = Stand::new();
    let mut rows = Vec::new();
    let mut noise = 1u64;
    for number in 0..20_000 {
        noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        writeln!(rows, r#"{{"user_id":"u-{number}","metadata":{{"noise":{noise}}}}}"#).unwrap();
    }
    for (name, whole) in [("cut.gz", gzip(&rows)), ("cut.zst", zstd(&rows))] {
        let done = stand.done(&upload(USERS, name, &whole[..whole.len() / 2]));
        let accepted = done["accepted_rows"].as_u64().unwrap();
        assert!(accepted > 1_000 && accepted < 19_000, "{name}: {done}");
        assert_eq!(shown(&done, &["status", "rejected_rows"]), json!(["completed", 1]), "{name}");
        assert_eq!(stand.wrongs(&done), [json!([accepted + 1, "", "body_not_decompressed"])], "{name}");
    }
}

#[test]
fn a_file_that_grows_a_thousandfold_is_stopped() {
    let mut stand = Stand::new();
    let blanks = [TWO, &b" \n".repeat(20 << 20)].concat();
    let done = stand.done(&upload(USERS, "bomb.gz", &gzip(&blanks)));
    assert_eq!(
        shown(&done, &["status", "accepted_rows", "rejected_by_code"]),
        json!(["completed", 2, {"compression_ratio": 1}])
    );
}

#[test]
fn a_job_fails_as_a_whole_when_nothing_can_be_read() {
    let mut stand = Stand::new();
    let utf16: Vec<u8> = "\u{feff}{\"user_id\":\"u\"}\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let cases: [(&str, Vec<u8>, &str); 7] = [
        ("utf16.ndjson", utf16, "file_unreadable"),
        ("table.csv", b"user_id,name\nu-1,Ada\n".to_vec(), "file_unreadable"),
        ("picture.ndjson", (0..=255).collect(), "file_unreadable"),
        ("blank.ndjson", b"\n\n  \n".to_vec(), "file_empty"),
        ("nothing.gz", gzip(b""), "file_empty"),
        ("only the head.gz", gzip(TWO)[..10].to_vec(), "body_not_decompressed"),
        ("others.ndjson", b"{\"companies\":[{\"company_id\":\"c\"}]}".to_vec(), "file_unreadable"),
    ];
    for (name, file, code) in cases {
        let done = stand.done(&upload(USERS, name, &file));
        assert_eq!(shown(&done, &["status", "accepted_rows"]), json!(["failed", 0]), "{name}: {done}");
        assert_eq!(done["reason"]["code"], code, "{name}: {done}");
    }
    let done = stand.done(&body(USERS, "application/json", br#"{"user_id":"u-1"}"#));
    assert_eq!(done["reason"]["code"], "file_unreadable");
    let empty = stand.counts(&body(USERS, "application/json", br#"{"users":[]}"#));
    assert_eq!(empty, json!(["completed", 0, 0, 0, 0]), "an empty list is a list");
}

#[test]
fn a_dry_run_counts_and_writes_nothing() {
    let mut stand = Stand::new();
    let known = Request::post("/v1/identify", r#"{"user_id":"u-1"}"#).key(KEY);
    assert_eq!(stand.client.ask(&known).status, 202);
    let file = [TWO, b"{\"user_id\":7.5}\n"].concat();
    let done = stand.done(&upload(&format!("{USERS}?dry_run=true"), "a.ndjson", &file));
    assert_eq!(
        shown(&done, &["status", "dry_run", "completed_rows", "would"]),
        json!(["completed", true, 3, {"create": 1, "change": 1, "reject": 1}])
    );
    assert_eq!(stand.wrongs(&done), [json!([3, "/user_id", "id_type"])]);
    assert_eq!(stand.get("/v1/users/u-2").status, 404);
    let ledger = stand.get("/v1/ledger").json();
    assert_eq!(shown(&ledger["totals"], &["received", "stored", "rejected"]), json!([1, 1, 0]));
}

#[test]
fn a_later_call_wins_over_a_row_and_a_later_row_over_an_earlier_one() {
    let mut stand = Stand::new();
    let file = b"{\"user_id\":\"u-1\",\"metadata\":{\"a\":1,\"b\":1}}\n{\"user_id\":\"u-1\",\"metadata\":{\"a\":2}}\n";
    stand.done(&upload(USERS, "a.ndjson", file));
    let later = Request::post("/v1/identify", r#"{"user_id":"u-1","metadata":{"b":2}}"#).key(KEY);
    stand.client.ask(&later);
    assert_eq!(stand.get("/v1/users/u-1").json()["properties"], json!({"a": 2, "b": 2}));
}

#[test]
fn rows_that_name_their_event_are_stored_once() {
    let mut stand = Stand::new();
    let file = b"{\"user_id\":\"u-1\",\"event_id\":\"e-1\"}\n{\"user_id\":\"u-1\",\"event_id\":\"e-1\"}\n\
                 {\"user_id\":\"u-2\",\"event_id\":\"e-1\"}\n";
    let done = stand.done(&upload(USERS, "a.ndjson", file));
    assert_eq!(
        shown(&done, &["accepted_rows", "duplicate_rows", "rejected_by_code"]),
        json!([1, 1, {"event_id_conflict": 1}])
    );
    assert_eq!(stand.counts(&upload(USERS, "a.ndjson", file)), json!(["completed", 3, 0, 2, 1]));
    let ledger = stand.get("/v1/ledger").json();
    assert_eq!(
        shown(&ledger["totals"], &["received", "stored", "duplicate", "rejected"]),
        json!([6, 1, 3, 2])
    );
    assert_eq!(ledger["balanced"], true, "{ledger}");
}
