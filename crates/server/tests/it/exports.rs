//! `POST /api/v1/analytics/exports` and what is below it, and the downloads: shapes, filters, refusals, links and their end.

use std::io::Read;

use flate2::read::MultiGzDecoder;
use muster_kernel::model::team::{DAY, HOUR};
use muster_kernel::ports::Exports;
use muster_testkit::contract::export;
use serde_json::{Value, json};

use crate::client::{Answer, Client, Request};
use crate::world::{APP_TOKEN, KEY, OTHER_KEY, PRODUCTION, World, until};

pub const EXPORTS: &str = "/api/v1/analytics/exports";

/// Starts an export and answers it once it has ended.
#[track_caller]
pub fn exported(client: &mut Client, body: &Value) -> Value {
    let answer = client.ask(&Request::post(EXPORTS, body.to_string()).key(KEY));
    assert_eq!(answer.status, 201, "{}", answer.text());
    let id = answer.json()["job_id"].as_str().unwrap().to_owned();
    export_ended(client, &id)
}

/// An export once it has ended.
#[track_caller]
pub fn export_ended(client: &mut Client, id: &str) -> Value {
    let mut last = Value::Null;
    until("the export has ended", || {
        let answer = client.ask(&Request::get(&format!("{EXPORTS}/jobs/{id}")).key(KEY));
        assert_eq!(answer.status, 200, "{}", answer.text());
        last = answer.json();
        ["completed", "failed"].contains(&last["status"].as_str().unwrap())
    });
    last
}

/// The path of a link.
pub fn path_of(link: &Value) -> String {
    let link = link.as_str().unwrap();
    let at = link.find("/v1/downloads").unwrap();
    link[at..].to_owned()
}

/// The files of an export, each as it is.
#[track_caller]
pub fn files(client: &mut Client, job: &Value) -> Vec<Vec<u8>> {
    assert_eq!(job["status"], "completed", "{job}");
    let one = |file: &Value| {
        let answer = client.ask(&Request::get(&path_of(&file["url"])));
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(json!(answer.body.len()), file["bytes"], "{job}");
        answer.body
    };
    job["presigned_urls"].as_array().unwrap().iter().map(one).collect()
}

/// What is in compressed files, one behind the other.
pub fn unzipped(files: &[Vec<u8>]) -> String {
    let mut text = String::new();
    for file in files {
        MultiGzDecoder::new(&file[..]).read_to_string(&mut text).unwrap();
    }
    text
}

/// The rows of an export as NDJSON.
#[track_caller]
pub fn rows(client: &mut Client, body: &Value) -> Vec<Value> {
    let job = exported(client, body);
    let text = unzipped(&files(client, &job));
    let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(json!(rows.len()), job["rows"]);
    rows
}

fn filled() -> World {
    let world = World::start();
    for (path, body) in [
        (
            "/v1/identify",
            r#"{"user_id":"u-1","metadata":{"plan":"pro","seats":3,"old":null},"company":{"id":"c-1","tier":"gold"},"timestamp":"2026-01-05T09:30:00.000001Z"}"#,
        ),
        (
            "/v1/track",
            r#"{"user_id":"u-1","event_name":"paid","metadata":{"amount":12.5},"timestamp":"2026-01-06T00:00:00Z"}"#,
        ),
        ("/v1/track", r#"{"user_id":"u-2","event_name":"paid","timestamp":"2026-01-07T23:59:59Z"}"#),
        ("/v1/companies/identify", r#"{"company_id":"c-2","metadata":{"name":"Acme"}}"#),
    ] {
        let answer = world.post(path, body);
        assert!(answer.status < 300, "{}", answer.text());
    }
    world
}

/// Some fields of each row.
fn some(rows: &[Value], names: &[&str]) -> Value {
    rows.iter().map(|row| names.iter().map(|name| row[name].clone()).collect::<Value>()).collect()
}

#[test]
fn an_export_has_the_shapes_of_the_contract() {
    let world = filled();
    let mut client = world.client();
    let asked = Request::post("/v1/analytics/exports/", r#"{"format":"json","emails":["a@b.c"]}"#).key(KEY);
    let taken = client.ask(&asked);
    assert_eq!(taken.status, 201, "{}", taken.text());
    let taken = taken.json();
    let id = taken["job_id"].as_str().unwrap().to_owned();
    assert_eq!(
        taken,
        json!({
            "environment_app_token": APP_TOKEN,
            "environment_name": "Production",
            "job_id": id,
            "id": id,
            "links": format!("http://muster.test{EXPORTS}/jobs/{id}"),
            "start_time": "2026-11-21T06:21:09.123456Z",
            "warnings": [{"pointer": "/emails", "code": "ignored",
                          "message": "This server sends no mail; read the job for the links."}],
        })
    );
    let job = export_ended(&mut client, &id);
    let listed = client.ask(&Request::get("/v1/analytics/exports/jobs/").key(KEY)).json();
    assert_eq!(
        listed,
        json!([{
            "job_id": id, "id": id, "status": "completed", "progress": "100",
            "start_time": "2026-11-21T06:21:09.123456Z", "end_time": "2026-11-21T06:21:09.123456Z",
            "elapsed_time": "00:00:00", "elapsed_time_seconds": "0", "type": "events", "format": "ndjson",
        }])
    );
    let name = "events-00001.ndjson.gz";
    for (field, expected) in [
        ("app_token", json!(APP_TOKEN)),
        ("current_chunk", Value::Null),
        ("completed_chunks", json!([name])),
        ("all_chunks", json!([name])),
        ("rows", json!(5)),
        ("expires_at", json!("2026-11-24T06:21:09.123456Z")),
        ("reason", Value::Null),
    ] {
        assert_eq!(job[field], expected, "{field}: {job}");
    }
    let file = &job["presigned_urls"][0];
    assert_eq!(
        (&file["filename"], &file["expires_at"]),
        (&json!(name), &json!("2026-11-23T06:21:09.123456Z"))
    );
    assert!(file["url"].as_str().unwrap().starts_with("http://muster.test/v1/downloads/1/"), "{file}");
    assert_eq!(client.ask(&Request::get(&format!("{EXPORTS}/jobs")).key(OTHER_KEY)).json(), json!([]));
    client.ask(&Request::get(&format!("{EXPORTS}/jobs/{id}")).key(OTHER_KEY)).is_refused(404, "job_unknown");
}

#[test]
fn rows_have_the_fields_of_the_contract_in_the_order_of_the_log() {
    let world = filled();
    let rows = rows(&mut world.client(), &json!({}));
    let first = json!({
        "app_token": APP_TOKEN, "event_type": "identify_user", "event_name": "", "user_id": "u-1", "company_id": "c-1",
        "source": "backend-http", "inserted_at": "2026-01-05T09:30:00.000001Z",
        "internal_event_id": rows[0]["internal_event_id"],
        "hostname": null, "pathname": null, "screen_width": null, "screen_height": null, "device_type": null,
        "user_agent": null, "operating_system": null, "browser": null, "browser_language": null, "session": null,
        "country_code": null, "metadata": {"old": null, "plan": "pro", "seats": 3},
    });
    assert_eq!(rows[0], first);
    let told = some(&rows, &["event_type", "event_name", "user_id", "company_id", "metadata"]);
    assert_eq!(
        told,
        json!([
            ["identify_user", "", "u-1", "c-1", {"old": null, "plan": "pro", "seats": 3}],
            ["identify_company", "", null, "c-1", {"tier": "gold"}],
            ["track", "paid", "u-1", null, {"amount": 12.5}],
            ["track", "paid", "u-2", null, {}],
            ["identify_company", "", null, "c-2", {"name": "Acme"}],
        ])
    );
    let labels: std::collections::BTreeSet<&str> =
        rows.iter().map(|row| row["internal_event_id"].as_str().unwrap()).collect();
    assert!(labels.len() == 5 && labels.iter().all(|label| label.len() == 16), "{labels:?}");
}

#[test]
fn filters_let_only_those_pass_that_all_of_them_want() {
    let world = filled();
    let segment = r#"{"name":"Payers","level":"user","text":"plan is \"pro\""}"#;
    assert_eq!(world.post("/v1/segments", segment).status, 201);
    let acme = r#"{"name":"Acme","level":"company","text":"company.name is \"Acme\""}"#;
    assert_eq!(world.post("/v1/segments", acme).status, 201);
    let mut client = world.client();
    let mut subjects = |body: Value| some(&rows(&mut client, &body), &["event_type", "user_id"]);
    let paid = |user: &str| json!(["track", user]);
    assert_eq!(subjects(json!({"event_type": ["track"]})), json!([paid("u-1"), paid("u-2")]));
    assert_eq!(subjects(json!({"event_types": ["track"], "user_id": ["u-2", "x"]})), json!([paid("u-2")]));
    let company = json!([["identify_user", "u-1"], ["identify_company", null]]);
    assert_eq!(subjects(json!({"company_id": "c-1"})), company);
    assert_eq!(
        subjects(json!({"from": "2026-01-06", "to": "2026-01-07"})),
        json!([paid("u-1"), paid("u-2")])
    );
    assert_eq!(subjects(json!({"from": "2026-01-06", "to": "2026-01-07T00:00:00Z"})), json!([paid("u-1")]));
    assert_eq!(subjects(json!({"segment_id": "1", "event_type": ["track"]})), json!([paid("u-1")]));
    assert_eq!(
        subjects(json!({"segment_id": 2})),
        json!([["identify_company", null]]),
        "a segment of companies"
    );
    assert_eq!(subjects(json!({"user_id": ["nobody"]})), json!([]));
}

#[test]
fn users_and_companies_are_exported_as_they_are() {
    let world = filled();
    assert_eq!(
        world.post("/v1/segments", r#"{"name":"Pro","level":"user","text":"plan is \"pro\""}"#).status,
        201
    );
    let mut client = world.client();
    let users = rows(&mut client, &json!({"type": "users"}));
    assert_eq!(
        users[0],
        json!({
            "app_token": APP_TOKEN, "user_id": "u-1", "company_id": "c-1", "first_seen_at": "2026-01-05T09:30:00.000001Z",
            "last_seen_at": "2026-01-06T00:00:00.000000Z", "metadata": {"plan": "pro", "seats": 3},
        })
    );
    assert_eq!(some(&users, &["user_id"]), json!([["u-1"], ["u-2"]]));
    let companies = rows(&mut client, &json!({"type": "companies"}));
    assert_eq!(
        some(&companies, &["company_id", "user_count", "metadata"]),
        json!([["c-1", 1, {"tier": "gold"}], ["c-2", 0, {"name": "Acme"}]])
    );
    let mut ids = |body: Value, name: &str| some(&rows(&mut client, &body), &[name]);
    assert_eq!(ids(json!({"type": "users", "segment_id": 1}), "user_id"), json!([["u-1"]]));
    assert_eq!(ids(json!({"type": "users", "company_id": ["c-1"]}), "user_id"), json!([["u-1"]]));
    assert_eq!(ids(json!({"type": "companies", "company_id": ["c-2"]}), "company_id"), json!([["c-2"]]));
}

#[test]
fn what_cannot_be_exported_is_refused_with_its_place() {
    let world = filled();
    assert_eq!(world.post("/v1/segments", r#"{"name":"All","level":"user","text":"everyone"}"#).status, 201);
    let place = |answer: &Answer| answer.json()["errors"][0]["details"].clone();
    for (body, status, code, pointer) in [
        (r#"{"format":"xlsx"}"#, 400, "field_invalid", "/format"),
        (r#"{"event_type":["click"]}"#, 400, "field_invalid", "/event_type/0"),
        (r#"{"segment_id":"99"}"#, 404, "segment_unknown", "/segment_id"),
        (r#"{"type":"companies","segment_id":1}"#, 400, "field_invalid", "/segment_id"),
        ("[1]", 400, "body_not_object", ""),
    ] {
        let answer = world.post(EXPORTS, body);
        answer.is_refused(status, code);
        assert_eq!(place(&answer), pointer, "{body}");
    }
    assert_eq!(world.get(&format!("{EXPORTS}/jobs")).json(), json!([]), "nothing was begun");
    world.ask(&Request::post(EXPORTS, "{}")).is_refused(401, "key_missing");
    world.add_key("a-key-that-only-sends-01", |key| {
        key.scopes = vec![muster_kernel::model::catalog::Scope::Ingest];
    });
    let sender = |request: Request| world.ask(&request.key("a-key-that-only-sends-01"));
    sender(Request::post(EXPORTS, "{}")).is_refused(403, "scope_missing");
    sender(Request::get(&format!("{EXPORTS}/jobs"))).is_refused(403, "scope_missing");
}

#[test]
fn one_export_of_an_environment_runs_at_a_time_and_can_be_cancelled_until_it_ends() {
    let world = filled();
    // One that nobody works on.
    world.export_files.begin_export(PRODUCTION, export("under-way")).unwrap();
    world.post(EXPORTS, "{}").is_refused(409, "job_running");
    let job = format!("{EXPORTS}/jobs/under-way");
    assert_eq!(world.get(&job).json()["status"], "queued");
    assert_eq!(world.get(&job).json()["presigned_urls"], json!([]), "no link before the end");
    world.exports.go_on().unwrap();
    let mut client = world.client();
    assert_eq!(export_ended(&mut client, "under-way")["status"], "completed", "a start goes on with it");
    let cancel = |id: &str| world.ask(&Request::new("DELETE", &format!("{EXPORTS}/jobs/{id}")).key(KEY));
    cancel("under-way").is_refused(409, "job_ended");
    cancel("nobody").is_refused(404, "job_unknown");
    world.get(&format!("{EXPORTS}/jobs/nobody")).is_refused(404, "job_unknown");
    let mut cancelled = export("cancelled");
    cancelled.is_cancelled = true;
    world.export_files.begin_export(PRODUCTION, cancelled).unwrap();
    world.exports.go_on().unwrap();
    let ended = export_ended(&mut client, "cancelled");
    assert_eq!((&ended["status"], &ended["reason"]["code"]), (&json!("failed"), &json!("job_cancelled")));
    // Another environment's are its own.
    world.export_files.begin_export(PRODUCTION, export("under-way-too")).unwrap();
    world.post(EXPORTS, "{}").is_refused(409, "job_running");
    assert_eq!(world.ask(&Request::post(EXPORTS, "{}").key(OTHER_KEY)).status, 201);
}

#[test]
fn a_link_is_good_without_a_key_for_its_own_file_and_two_days() {
    let world = filled();
    let mut client = world.client();
    let job = exported(&mut client, &json!({"format": "csv"}));
    let path = path_of(&job["presigned_urls"][0]["url"]);
    let whole = client.ask(&Request::get(&path));
    assert_eq!(whole.status, 200, "{}", whole.text());
    assert_eq!(whole.header("content-type"), Some("application/gzip"));
    assert_eq!(whole.header("content-disposition"), Some("attachment; filename=\"events-00001.csv.gz\""));
    assert_eq!((whole.header("accept-ranges"), whole.header("content-encoding")), (Some("bytes"), None));
    assert!(unzipped(std::slice::from_ref(&whole.body)).starts_with("app_token,event_type,event_name,"));
    let head = client.ask(&Request::new("HEAD", &path));
    assert_eq!((head.status, head.header("content-length")), (200, whole.header("content-length")));

    let (before, signature) = path.split_once("&signature=").unwrap();
    let (file, expires) = before.split_once("?expires=").unwrap();
    let later: i64 = expires.parse::<i64>().unwrap() + 1;
    let flipped = if signature.starts_with('0') { "1" } else { "0" };
    for forged in [
        format!("{before}&signature={flipped}{}", &signature[1..]),
        format!("{file}?expires={later}&signature={signature}"),
        format!("{}?expires={expires}&signature={signature}", file.replace("00001", "00002")),
        format!("{}?expires={expires}&signature={signature}", file.replace("/1/", "/2/")),
        file.to_owned(),
        format!("{before}&signature="),
    ] {
        let answer = client.ask(&Request::get(&forged));
        let is_refused = [403, 410].contains(&answer.status);
        assert!(is_refused && !answer.text().contains("app_token"), "{forged}: {}", answer.text());
    }
    client
        .ask(&Request::get(&format!("{before}&signature={flipped}{}", &signature[1..])))
        .is_refused(403, "download_refused");
    client
        .ask(&Request::get("/v1/downloads/1/nothing/x?expires=1&signature=00"))
        .is_refused(410, "download_expired");
    world.pass(2 * DAY - HOUR);
    assert_eq!(client.ask(&Request::get(&path)).status, 200);
    world.pass(HOUR);
    client.ask(&Request::get(&path)).is_refused(410, "download_expired");
    let id = job["id"].as_str().unwrap();
    let again = path_of(&export_ended(&mut client, id)["presigned_urls"][0]["url"]);
    assert_eq!(client.ask(&Request::get(&again)).status, 200, "a later read has a new link");
    world.pass(DAY);
    client.ask(&Request::get(&again)).is_refused(410, "download_expired");
    world.get(&format!("{EXPORTS}/jobs/{id}")).is_refused(404, "job_unknown");
    assert_eq!(world.get(&format!("{EXPORTS}/jobs")).json(), json!([]));
    assert_eq!(world.export_files.exports(PRODUCTION).unwrap().len(), 1, "not shown any more");
    world.exports.remove_old().unwrap();
    assert_eq!(world.export_files.exports(PRODUCTION).unwrap(), [], "and then gone");
}

#[test]
fn parts_of_a_file_are_sent_on_demand() {
    let world = filled();
    let mut client = world.client();
    let job = exported(&mut client, &json!({"format": "parquet"}));
    let path = path_of(&job["presigned_urls"][0]["url"]);
    let whole = client.ask(&Request::get(&path));
    let (length, tag) = (whole.body.len(), whole.header("etag").unwrap().to_owned());
    let mut part = |range: &str, more: &[(&str, &str)]| {
        let request = Request::get(&path).header("Range", range);
        client.ask(&more.iter().fold(request, |request, (name, value)| request.header(name, value)))
    };
    let some = part("bytes=4-9", &[]);
    assert_eq!((some.status, &some.body), (206, &whole.body[4..10].to_vec()));
    assert_eq!(some.header("content-range"), Some(&*format!("bytes 4-9/{length}")));
    assert_eq!(part("bytes=10-", &[]).body, whole.body[10..]);
    assert_eq!(part("bytes=-4", &[]).body, b"PAR1");
    let same = part("bytes=10-", &[("If-Range", &tag)]);
    assert_eq!((same.status, same.body.len()), (206, length - 10));
    let other = part("bytes=10-", &[("If-Range", "\"other\"")]);
    assert_eq!((other.status, other.body.len()), (200, length), "another file: all of it");
    let beyond = part(&format!("bytes={length}-"), &[]);
    beyond.is_refused(416, "range_unsatisfiable");
    assert_eq!(beyond.header("content-range"), Some(&*format!("bytes */{length}")));
}

#[test]
fn an_admin_exports_with_a_session_and_the_audit_tells() {
    let world = filled();
    let owner = world.owner();
    let admin = owner.invite("admin");
    let body = json!({"format": "csv", "user_id": ["u-1"], "from": "2026-01-01"});
    let taken = world.ask(&admin.request("POST", EXPORTS, Some(&body)).header("Muster-Environment", "1"));
    assert_eq!(taken.status, 201, "{}", taken.text());
    let id = taken.json()["id"].as_str().unwrap().to_owned();
    let job = export_ended(&mut world.client(), &id);
    let acts = owner.get("/v1/audit").json();
    let act = &acts["data"][0];
    assert_eq!(
        (&act["action"], &act["subject"], &act["environment"]),
        (&json!("export_started"), &json!("events"), &json!(1))
    );
    assert_eq!(
        act["details"],
        json!({"job": id, "format": "csv", "from": "2026-01-01T00:00:00.000000Z", "users": "1"}),
        "never whom: {job}"
    );
}
