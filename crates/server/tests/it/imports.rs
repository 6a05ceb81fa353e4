//! `POST /v1/imports` on the whole product: each row becomes one event of its own time, whatever file it comes in, how often,
//! in which order, and whenever the server is killed.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::client::{Answer, Client, Request};
use crate::jobs::{ended, multipart, rejects, shown};
use crate::process::{Server, on};
use crate::whole::{KEY, client, start};
use crate::world::until;

const IMPORTS: &str = "/v1/imports";
const COUNTS: [&str; 5] = ["status", "total_rows", "accepted_rows", "duplicate_rows", "rejected_rows"];

/// A server with nothing in it.
struct Stand {
    server: Server,
    data: tempfile::TempDir,
}

impl Stand {
    fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        Stand { server: start(data.path(), &[]), data }
    }

    fn client(&self) -> Client {
        client(&self.server)
    }

    fn get(&self, target: &str) -> Value {
        self.client().ask(&Request::get(target).key(KEY)).json()
    }

    /// Imports a file; the job once it has ended.
    #[track_caller]
    fn import(&self, name: &str, file: &[u8]) -> Value {
        let mut client = self.client();
        let id = id_of(&client.ask(&request(IMPORTS, name, file)));
        ended(&mut client, &id)
    }

    /// Every event of the log, the oldest first, without what differs between two logs.
    fn events(&self) -> Vec<Value> {
        let (mut events, mut after) = (Vec::new(), "start".to_owned());
        loop {
            let page = self.get(&format!("/v1/events?limit=1000&after={after}"));
            for event in page["data"].as_array().unwrap() {
                let mut event = event.clone();
                for name in ["position", "received_at"] {
                    event.as_object_mut().unwrap().remove(name);
                }
                events.push(event);
            }
            match page["next_cursor"].as_str() {
                Some(next) => next.clone_into(&mut after),
                None => return events,
            }
        }
    }

    /// Every user and company in full.
    fn profiles(&self) -> Vec<Value> {
        let mut profiles = Vec::new();
        for list in ["users", "companies"] {
            let mut cursor = String::new();
            loop {
                let page = self.get(&format!("/v1/{list}?detail=true&limit=1000&cursor={cursor}"));
                profiles.extend(page["data"].as_array().unwrap().clone());
                match page["next_cursor"].as_str() {
                    Some(next) => next.clone_into(&mut cursor),
                    None => break,
                }
            }
        }
        profiles
    }
}

fn request(path: &str, name: &str, file: &[u8]) -> Request {
    let (kind, body) = multipart(&[("file", name, file)]);
    Request::post(path, body).header("Content-Type", &kind).key(KEY)
}

/// The id of the job of an import that was taken.
#[track_caller]
fn id_of(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["job_id"].as_str().unwrap().to_owned()
}

/// Row and code of every rejected row.
fn reasons(stand: &Stand, job: &Value) -> Vec<(u64, String, String)> {
    let rows = rejects(&mut stand.client(), job["job_id"].as_str().unwrap());
    let text = |why: &Value, name: &str| why[name].as_str().unwrap().to_owned();
    rows.iter()
        .map(|row| &row["_muster"])
        .map(|why| (why["row"].as_u64().unwrap(), text(why, "code"), text(why, "pointer")))
        .collect()
}

const EACH_KIND: &str = r#"{"event_type":"identify_user","event_name":"","user_id":"u-1","company_id":"c-1","source":"backend-segment","inserted_at":"2025-01-02T03:04:05.000006Z","metadata":{"plan":"pro","seats":3}}
{"event_type":"identify_company","company_id":"c-1","user_id":"ignored","source":"backend-salesforce","inserted_at":"2025-01-03T00:00:00Z","metadata":{"name":"Acme"}}
{"event_type":"page_view","user_id":"u-1","source":"web-client","inserted_at":"2025-01-04T00:00:00Z","url":"https://App.example.com/a?b","user_agent":"Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0","browser":"Sent","screen_width":1280}
{"event_type":"track","event_name":"paid","user_id":"u-2","source":"backend-http-import","inserted_at":"2025-01-05 00:00:00.000000","metadata":{"amount":12.5}}
"#;

#[test]
fn each_kind_of_row_becomes_an_event_of_its_own_time() {
    let stand = Stand::new();
    let done = stand.import("history.ndjson", EACH_KIND.as_bytes());
    assert_eq!(shown(&done, &COUNTS), json!(["completed", 4, 4, 0, 0]));
    assert_eq!(shown(&done, &["type", "filename"]), json!(["import", "history.ndjson"]));
    assert_eq!(done["remarked_by_code"], json!({"time_without_zone": 1}));
    let events = stand.events();
    let seen = |event: &Value| {
        shown(
            event,
            &[
                "event_type",
                "event_name",
                "user_id",
                "company_id",
                "source",
                "inserted_at",
                "metadata",
                "context",
            ],
        )
    };
    assert_eq!(
        events.iter().map(seen).collect::<Value>(),
        json!([
            ["identify_user", "", "u-1", "c-1", "backend-segment", "2025-01-02T03:04:05.000006Z", {"plan": "pro", "seats": 3}, null],
            ["identify_company", "", null, "c-1", "backend-salesforce", "2025-01-03T00:00:00.000000Z", {"name": "Acme"}, null],
            ["page_view", "", "u-1", null, "web-client", "2025-01-04T00:00:00.000000Z", {},
             {"browser": "Firefox", "hostname": "app.example.com", "operating_system": "Linux", "pathname": "/a", "screen_width": 1280,
              "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0"}],
            ["track", "paid", "u-2", null, "backend-http-import", "2025-01-05T00:00:00.000000Z", {"amount": 12.5}, null],
        ])
    );
    let user = stand.get("/v1/users/u-1");
    assert_eq!(
        shown(&user, &["company_id", "properties", "first_seen_at", "last_seen_at"]),
        json!(["c-1", {"plan": "pro", "seats": 3}, "2025-01-02T03:04:05.000006Z", "2025-01-04T00:00:00.000000Z"])
    );
    let company = stand.get("/v1/companies/c-1");
    assert_eq!(company["properties"], json!({"name": "Acme"}));
    let user_2 = stand.get("/v1/users/u-2");
    assert_eq!(shown(&user_2, &["properties", "first_seen_at"]), json!([{}, "2025-01-05T00:00:00.000000Z"]));
    let ledger = stand.get("/v1/ledger");
    assert_eq!(shown(&ledger["totals"], &["received", "stored", "pending"]), json!([4, 4, 0]));
    assert_eq!(ledger["balanced"], true);
}

#[test]
fn a_back_fill_changes_nothing_that_is_newer() {
    let stand = Stand::new();
    let mut client = stand.client();
    let post = |client: &mut Client, body: &str| {
        let request = Request::post("/v1/identify", body).header("Content-Type", "application/json").key(KEY);
        assert_eq!(client.ask(&request).status, 202);
    };
    post(&mut client, r#"{"user_id":"u","metadata":{"plan":"pro","gone":null},"company":{"id":"now"}}"#);
    let before = stand.get("/v1/users/u");
    let old = r#"{"event_type":"identify_user","user_id":"u","company_id":"then","source":"backend-http","inserted_at":"2024-01-01T00:00:00Z","metadata":{"plan":"free","gone":"x","only_then":1}}
{"event_type":"identify_user","user_id":"u","source":"backend-hubspot","inserted_at":"2020-01-01T00:00:00Z","metadata":{"crm":true}}
"#;
    assert_eq!(shown(&stand.import("old.ndjson", old.as_bytes()), &COUNTS), json!(["completed", 2, 2, 0, 0]));
    let after = stand.get("/v1/users/u");
    assert_eq!(after["properties"], json!({"plan": "pro", "only_then": 1, "crm": true}));
    assert_eq!((&after["company_id"], &after["last_seen_at"]), (&json!("now"), &before["last_seen_at"]));
    assert_eq!(after["first_seen_at"], "2024-01-01T00:00:00.000000Z", "a CRM is no sign of life");
}

/// Rows of about 250 bytes about some hundred users; every 50th stands there three times, every 70th names its event, every
/// 90th cannot be taken.
fn history(count: usize) -> Vec<String> {
    let mut rows = Vec::new();
    for number in 0..count {
        let at = format!(
            "2025-{:02}-{:02}T00:{:02}:{:02}Z",
            number % 12 + 1,
            number % 28 + 1,
            number / 60 % 60,
            number % 60
        );
        let user = number % 97;
        let id = if number % 70 == 0 { format!(r#""event_id":"e-{number}","#) } else { String::new() };
        let row = match number % 4 {
            _ if number % 90 == 0 => format!(
                r#"{{"event_type":"track","user_id":"u-{user}","source":"backend-http","inserted_at":"{at}","n":{number}}}"#
            ),
            0 => format!(
                r#"{{{id}"event_type":"identify_user","user_id":"u-{user}","company_id":"c-{}","source":"backend-http-import","inserted_at":"{at}","metadata":{{"plan":"p-{}","n":{number}}}}}"#,
                number % 7,
                number % 5
            ),
            1 => format!(
                r#"{{{id}"event_type":"identify_company","company_id":"c-{}","source":"backend-http-import","inserted_at":"{at}","metadata":{{"tier":{}}}}}"#,
                number % 7,
                number % 9
            ),
            _ => format!(
                r#"{{{id}"event_type":"track","event_name":"clicked","user_id":"u-{user}","source":"backend-http-import","inserted_at":"{at}","metadata":{{"n":{number},"padding":"{}"}}}}"#,
                "p".repeat(90)
            ),
        };
        let times = if number % 50 == 0 && id.is_empty() && number % 90 != 0 { 3 } else { 1 };
        rows.extend(std::iter::repeat_n(row, times));
    }
    rows
}

/// The same rows in another order, the same for the same seed.
fn shuffled(rows: &[String], seed: u64) -> Vec<String> {
    let (mut rows, mut state) = (rows.to_vec(), seed);
    for at in (1..rows.len()).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        rows.swap(at, usize::try_from(state >> 33).unwrap() % (at + 1));
    }
    rows
}

fn file(rows: &[String]) -> Vec<u8> {
    rows.iter().flat_map(|row| format!("{row}\n").into_bytes()).collect()
}

/// How many rows can be taken.
fn good(rows: &[String]) -> usize {
    rows.iter().filter(|row| !row.contains("\"n\":") || row.contains("metadata")).count()
}

/// The events in an order of their own.
fn sorted(events: Vec<Value>) -> Vec<String> {
    let mut texts: Vec<String> = events.iter().map(Value::to_string).collect();
    texts.sort();
    texts
}

#[test]
fn the_same_file_twice_shuffled_and_in_parts_changes_nothing() {
    let rows = history(6_000);
    let (all, good) = (rows.len(), good(&rows));
    let bad = all - good;
    assert!(bad > 0 && all > 6_000);
    let stand = Stand::new();
    let once = stand.import("a.ndjson", &file(&rows));
    assert_eq!(shown(&once, &COUNTS), json!(["completed", all, good, 0, bad]));
    let (events, profiles) = (sorted(stand.events()), stand.profiles());
    assert_eq!(events.len(), good);
    let again = stand.import("a.ndjson", &file(&rows));
    assert_eq!(shown(&again, &COUNTS), json!(["completed", all, 0, good, bad]));
    let other_order = stand.import("b.ndjson", &file(&shuffled(&rows, 7)));
    assert_eq!(shown(&other_order, &COUNTS), json!(["completed", all, 0, good, bad]));
    assert_eq!((sorted(stand.events()), stand.profiles()), (events.clone(), profiles.clone()));

    // Elsewhere: another order, in parts that overlap, and as a compressed file.
    let elsewhere = Stand::new();
    let mixed = shuffled(&rows, 99);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&file(&mixed[..4_000])).unwrap();
    elsewhere.import("first.gz", &gzip.finish().unwrap());
    let whole = elsewhere.import("whole.ndjson", &file(&mixed));
    assert_eq!(
        whole["accepted_rows"].as_u64().unwrap() + whole["duplicate_rows"].as_u64().unwrap(),
        good as u64
    );
    assert_eq!(sorted(elsewhere.events()), events, "every row as often as the file holds it");
    assert_eq!(elsewhere.profiles(), profiles);
    let ledger = elsewhere.get("/v1/ledger");
    assert_eq!(ledger["balanced"], true, "{ledger}");
    for stand in [stand, elsewhere] {
        assert_eq!(stand.server.stop().code, Some(0));
        let verified = on(stand.data.path(), &["verify"]);
        assert_eq!(verified.code, Some(0), "{} {}", verified.out, verified.err);
    }
}

/// Imports a file while the server is killed again and again.
fn kill_rounds(count: usize, kills: usize) {
    let rows = shuffled(&history(count), 3);
    let (all, good) = (rows.len(), good(&rows));
    let data = tempfile::tempdir().unwrap();
    // Few rows between two checkpoints, so that most of the stops are behind some.
    let often = [("MUSTER_JOBS__CHECKPOINT_ROWS", "500")];
    let mut server = start(data.path(), &often);
    // A part of it is known before.
    let id = id_of(&client(&server).ask(&request(IMPORTS, "part.ndjson", &file(&rows[..count / 10]))));
    let part = ended(&mut client(&server), &id)["accepted_rows"].as_u64().unwrap();
    let id = id_of(&client(&server).ask(&request(IMPORTS, "all.ndjson", &file(&rows))));
    let (mut killed_at_work, mut moments) = (0, 12_345u64);
    for _ in 0..kills {
        let mut reader = client(&server);
        let mut last = crate::jobs::job(&mut reader, &id);
        moments = moments.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        for _ in 0..(moments >> 33) % 60 {
            last = crate::jobs::job(&mut reader, &id);
        }
        killed_at_work += usize::from(last["status"] != "completed");
        server.signal("KILL");
        server.ended();
        server = start(data.path(), &often);
    }
    assert!(killed_at_work > 0, "the import was never killed at work");
    let done = ended(&mut client(&server), &id);
    assert_eq!(shown(&done, &COUNTS), json!(["completed", all, good as u64 - part, part, all - good]));
    assert_eq!(rejects(&mut client(&server), &id).len(), all - good);
    let stand = Stand { server, data };
    let ledger = stand.get("/v1/ledger");
    assert_eq!(ledger["balanced"], true, "{ledger}");
    assert_eq!(shown(&ledger["totals"], &["stored", "pending"]), json!([good, 0]));
    let undisturbed = Stand::new();
    undisturbed.import("all.ndjson", &file(&rows));
    assert_eq!(
        sorted(stand.events()),
        sorted(undisturbed.events()),
        "nothing is missing and nothing is doubled"
    );
    assert_eq!(stand.profiles(), undisturbed.profiles());
}

#[test]
fn every_row_counts_once_whenever_the_server_is_killed() {
    kill_rounds(20_000, 5);
}

#[test]
#[ignore = "soak"]
fn every_row_counts_once_whenever_the_server_is_killed_soak() {
    kill_rounds(300_000, 25);
}

#[test]
fn a_table_is_read_by_its_header_and_bad_rows_say_why() {
    let stand = Stand::new();
    let table = "\u{feff}event_type;user_id;event_name;source;inserted_at;metadata.amount;metadata\r\n\
        track;u-1;paid;backend-http-import;2025-01-01T00:00:00Z;12.5;\"{\"\"note\"\":\"\"a; b\"\"}\"\r\n\
        track;u-1;paid;backend-http-import\r\n\
        track;u-1;paid;carrier-pigeon;2025-01-01T00:00:00Z;;\r\n\
        track;u-1;paid;backend-http;yesterday;;\r\n\
        track;u-1;paid;backend-http;2999-01-01T00:00:00Z;;\r\n\
        event_type;user_id;event_name;source;inserted_at;metadata.amount;metadata\r\n\
        track;u-1;paid;backend-http;2025-01-02 00:00:00;;{}\r\n\
        track;u-1;paid;backend-http;1970-01-01T00:00:00Z;;\r\n\
        track;;paid;backend-http;2025-01-01T00:00:00Z;;\r\n\
        track;u-1;paid;backend-http;2025-01-01T00:00:00Z;;{broken\r\n\
        jump;u-1;paid;backend-http;2025-01-01T00:00:00Z;;\r\n";
    let done = stand.import("table.csv", table.as_bytes());
    assert_eq!(shown(&done, &COUNTS), json!(["completed", 11, 3, 0, 8]));
    assert_eq!(done["remarked_by_code"], json!({"time_before_1971": 1, "time_without_zone": 1}));
    let expected = [
        (3, "row_ragged", ""),
        (4, "source_invalid", "/source"),
        (5, "time_invalid", "/inserted_at"),
        (6, "time_ahead", "/inserted_at"),
        (7, "header_repeated", ""),
        (10, "id_missing", ""),
        (11, "metadata_type", "/metadata"),
        (12, "event_type_invalid", "/event_type"),
    ];
    assert_eq!(reasons(&stand, &done), expected.map(|(row, code, at)| (row, code.to_owned(), at.to_owned())));
    let events = stand.events();
    let seen: Value = events.iter().map(|event| shown(event, &["inserted_at", "metadata"])).collect();
    assert_eq!(
        seen,
        json!([
            ["2025-01-01T00:00:00.000000Z", {"amount": 12.5, "note": "a; b"}],
            ["2025-01-02T00:00:00.000000Z", {}],
            ["1970-01-01T00:00:00.000000Z", {}],
        ])
    );

    // Rejected rows come back as NDJSON, and are taken once they are mended.
    let rows = rejects(&mut stand.client(), done["job_id"].as_str().unwrap());
    let mut mended = rows[1].clone();
    assert_eq!(mended["_muster"]["row"], 4);
    mended["source"] = json!("backend-http");
    let again = stand.import("mended.ndjson", mended.to_string().as_bytes());
    assert_eq!(shown(&again, &COUNTS), json!(["completed", 1, 1, 0, 0]));
}

#[test]
fn a_table_and_lines_that_say_the_same_are_the_same() {
    let stand = Stand::new();
    let table = "event_type,user_id,source,inserted_at,url,metadata.n\npage_view,u,backend-http,2025-01-01T00:00:00Z,https://a.b/c,1\n";
    assert_eq!(stand.import("a.csv", table.as_bytes())["accepted_rows"], 1);
    let line = r#"{"metadata":{"n":1},"hostname":"a.b","pathname":"/c","inserted_at":1735689600,"source":"backend-http","user_id":"u","event_type":"page_view"}"#;
    assert_eq!(stand.import("a.ndjson", line.as_bytes())["duplicate_rows"], 1);
    let body = Request::post(IMPORTS, table).header("Content-Type", "text/csv").key(KEY);
    let id = id_of(&stand.client().ask(&body));
    assert_eq!(ended(&mut stand.client(), &id)["duplicate_rows"], 1);
    let document = format!("{{\"events\":[{line},{line}]}}");
    let body = Request::post(IMPORTS, document).header("Content-Type", "application/json").key(KEY);
    let id = id_of(&stand.client().ask(&body));
    let done = ended(&mut stand.client(), &id);
    assert_eq!(
        shown(&done, &COUNTS),
        json!(["completed", 2, 1, 1, 0]),
        "the second of two equal rows is new"
    );
}

#[test]
fn a_file_that_is_no_table_fails_with_the_reason() {
    let stand = Stand::new();
    for (name, file, code, words) in [
        (
            "none.csv",
            "track,u-1,paid,backend-http,2025-01-01\n",
            "header_invalid",
            "The first line of the file is no header",
        ),
        ("half.csv", "user_id,source\nu,backend-http\n", "header_invalid", "names no column `event_type`"),
        (
            "twice.csv",
            "event_type,user_id,user_id\ntrack,u,v\n",
            "header_invalid",
            "names the column `user_id` twice, as column 2 and as column 3",
        ),
        ("wide.csv", "\u{feff}event_type,user_id\n", "file_empty", "The file holds no row"),
    ] {
        let done = stand.import(name, file.as_bytes());
        assert_eq!(
            (&done["status"], &done["reason"]["code"]),
            (&json!("failed"), &json!(code)),
            "{name}: {done}"
        );
        assert!(done["reason"]["message"].as_str().unwrap().contains(words), "{name}: {done}");
    }
    let utf16: Vec<u8> = "\u{feff}event_type".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(stand.import("utf16.csv", &utf16)["reason"]["code"], "file_unreadable");
    assert_eq!(stand.events(), Vec::<Value>::new());
}

#[test]
fn a_dry_run_says_what_would_be_and_writes_nothing() {
    let stand = Stand::new();
    stand.import("known.ndjson", EACH_KIND.lines().next().unwrap().as_bytes());
    let before = stand.events();
    let file = format!("{EACH_KIND}{{}}\n");
    let mut client = stand.client();
    let id = id_of(&client.ask(&request("/v1/imports?dry_run=true", "a.ndjson", file.as_bytes())));
    let done = ended(&mut client, &id);
    assert_eq!(shown(&done, &COUNTS), json!(["completed", 5, 3, 1, 1]));
    assert_eq!(
        (&done["dry_run"], &done["would"]),
        (&json!(true), &json!({"create": 1, "change": 2, "reject": 1}))
    );
    assert_eq!(stand.events(), before);
    let real = stand.import("a.ndjson", file.as_bytes());
    assert_eq!(shown(&real, &COUNTS), json!(["completed", 5, 3, 1, 1]), "as the dry run said");
}

#[test]
fn an_event_id_names_one_event_for_calls_and_rows() {
    let stand = Stand::new();
    let row = |id: &str, amount: u32| {
        format!(
            r#"{{"event_type":"track","event_name":"paid","user_id":"u","source":"backend-http","inserted_at":"2025-01-01T00:00:00Z","event_id":"{id}","metadata":{{"amount":{amount}}}}}"#
        )
    };
    let rows = [row("e-1", 1), row("e-1", 1), row("e-1", 2), row("e-2", 1)];
    let done = stand.import("a.ndjson", &file(&rows));
    assert_eq!(shown(&done, &COUNTS), json!(["completed", 4, 2, 1, 1]));
    assert_eq!(reasons(&stand, &done), [(3, "event_id_conflict".to_owned(), "/event_id".to_owned())]);
    let call = r#"{"user_id":"u","event_name":"paid","event_id":"e-2"}"#;
    let call = Request::post("/v1/track", call).header("Content-Type", "application/json").key(KEY);
    stand.client().ask(&call).is_refused(409, "event_id_conflict");
}

#[test]
fn imports_are_jobs_with_paths_of_their_own() {
    let stand = Stand::new();
    let mut client = stand.client();
    let keyed = request(IMPORTS, "a.ndjson", EACH_KIND.as_bytes()).header("Idempotency-Key", "k");
    let id = id_of(&client.ask(&keyed));
    assert!(id.starts_with("import:jobs:NX-"), "{id}");
    let done = ended(&mut client, &id);
    let again = client.ask(&keyed);
    assert_eq!((id_of(&again), again.header("muster-duplicate")), (id.clone(), Some("true")));
    let bulk = client.ask(&request("/v1/users/bulk_identify", "u.ndjson", b"{\"user_id\":\"u\"}"));
    let bulk = crate::jobs::id_of(&bulk);
    ended(&mut client, &bulk);
    assert_eq!(stand.get(IMPORTS), json!([done]), "only imports");
    assert_eq!(stand.get("/v1/background_jobs").as_array().unwrap().len(), 2, "every job");
    assert_eq!(stand.get(&format!("{IMPORTS}/{id}")), done);
    assert_eq!(stand.get(&format!("{IMPORTS}/{}", id.replace(':', "%3A"))), done);
    let rejected = client.ask(&Request::get(&format!("{IMPORTS}/{id}/rejects")).key(KEY));
    assert_eq!((rejected.status, rejected.text().as_str()), (200, ""));
    for path in [format!("{IMPORTS}/{bulk}"), format!("{IMPORTS}/{bulk}/rejects"), format!("{IMPORTS}/none")]
    {
        client.ask(&Request::get(&path).key(KEY)).is_refused(404, "job_unknown");
    }
    client
        .ask(&Request::post(IMPORTS, "x").header("Content-Type", "image/png").key(KEY))
        .is_refused(415, "content_type_unsupported");
    client.ask(&request(IMPORTS, "none.csv", b"")).is_refused(400, "file_empty");
}

#[test]
fn one_import_or_bulk_upload_at_a_time_and_an_import_can_be_cancelled() {
    let data = tempfile::tempdir().unwrap();
    let mut server = start(data.path(), &[]);
    let id = id_of(&client(&server).ask(&request(IMPORTS, "a.ndjson", &file(&history(20_000)))));
    server.signal("KILL");
    server.ended();
    // Without room on the disk it waits, so that what follows is no race.
    let server = start(data.path(), &[("MUSTER_STORAGE__FREE_DISK_RESERVE_BYTES", "4611686018427387904")]);
    let mut waiting = client(&server);
    until("the import waits", || crate::jobs::job(&mut waiting, &id)["reason"]["code"] == "disk_full");
    waiting.ask(&request(IMPORTS, "b.ndjson", b"{}")).is_refused(409, "job_running");
    waiting.ask(&request("/v1/users/bulk_identify", "b.ndjson", b"{}")).is_refused(409, "job_running");
    assert_eq!(server.stop().code, Some(0));
    let stand = Stand { server: start(data.path(), &[]), data };
    let cancelled =
        stand.client().ask(&Request::new("DELETE", &format!("/v1/background_jobs/{id}")).key(KEY));
    let done = ended(&mut stand.client(), &id);
    match cancelled.status {
        202 => assert_eq!(done["reason"]["code"], "job_cancelled"),
        status => assert_eq!((status, &done["status"]), (409, &json!("completed"))),
    }
    let ledger = stand.get("/v1/ledger");
    assert_eq!((&ledger["balanced"], &ledger["totals"]["pending"]), (&json!(true), &json!(0)), "{ledger}");
}
