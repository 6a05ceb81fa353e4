//! Exports of the whole product: into another server and out again, read by other people's programs, through `kill -9` and
//! erasures, and from the command line.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::client::{Client, Request};
use crate::exports::{EXPORTS, export_ended, exported, files, path_of, rows, unzipped};
use crate::jobs::{ended, id_of, multipart, shown, upload};
use crate::process::{Server, muster, on, run};
use crate::whole::{KEY, address, client, start};
use crate::world::until;

/// Each kind of row, and values that formats get wrong.
const HISTORY: &str = r#"{"event_type":"identify_user","user_id":"u-1","company_id":"c-1","source":"backend-segment","inserted_at":"2025-01-02T03:04:05.000006Z","metadata":{"plan":"pro","seats":3,"gone":null}}
{"event_type":"identify_company","company_id":"c-1","source":"backend-salesforce","inserted_at":"2025-01-03T00:00:00Z","metadata":{"name":"Acme, \"Inc\"\nof Berlin","arr":1e300}}
{"event_type":"page_view","user_id":"u-1","source":"web-client","inserted_at":"2025-01-04T00:00:00.999999Z","url":"https://App.example.com/a?b","user_agent":"Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0","screen_width":1280,"screen_height":800,"browser_language":"de-DE","device_type":"desktop","country_code":"DE"}
{"event_type":"track","event_name":"paid, \"in full\"","user_id":"ü, \"7\"","source":"backend-http-import","inserted_at":"2025-01-05T00:00:00Z","metadata":{"amount":12.5,"big":18446744073709551615,"small":-9223372036854775808,"flag":true,"empty":"","text":" \t\r\n€,;'\"","nested":{"a":[1,2]}}}
{"event_type":"track","event_name":"NULL","user_id":"null","source":"backend-hubspot","inserted_at":"1999-12-31T23:59:59.5Z"}
"#;

fn call(client: &mut Client, path: &str, body: &Value) {
    let answer = client.ask(&Request::post(path, body.to_string()).key(KEY));
    assert!(answer.status < 300, "{}", answer.text());
}

#[track_caller]
fn import(client: &mut Client, name: &str, file: &[u8]) -> Value {
    let (kind, body) = multipart(&[("file", name, file)]);
    let answer = client.ask(&Request::post("/v1/imports", body).header("Content-Type", &kind).key(KEY));
    assert_eq!(answer.status, 200, "{}", answer.text());
    ended(client, answer.json()["job_id"].as_str().unwrap())
}

/// Events by every way in.
fn fill(client: &mut Client) {
    let job = import(client, "history.ndjson", HISTORY.as_bytes());
    assert_eq!(shown(&job, &["accepted_rows", "rejected_rows"]), json!([5, 0]), "{job}");
    let company = json!({"id": "c-2", "tier": "gold", "seats": 5});
    call(
        client,
        "/v1/identify",
        &json!({"user_id": "u-2", "metadata": {"email": "a@b.c"}, "company": company}),
    );
    call(client, "/v1/track", &json!({"user_id": "u-2", "event_name": "opened"}));
    call(client, "/v1/companies/identify", &json!({"company_id": "c-3", "metadata": {"name": "Three"}}));
    let people = (0..40).map(|number| {
        format!("{{\"user_id\":\"b-{number}\",\"company_id\":\"c-1\",\"metadata\":{{\"n\":{number}}}}}\n")
    });
    let file: String = people.collect();
    let job = id_of(&client.ask(&upload("/v1/users/bulk_identify", "people.ndjson", file.as_bytes())));
    assert_eq!(ended(client, &job)["accepted_rows"], 40);
}

/// Rows without what names the environment, in an order of their own.
fn plain(mut rows: Vec<Value>) -> Vec<String> {
    for row in &mut rows {
        for name in ["app_token", "internal_event_id", "first_seen_at", "last_seen_at"] {
            row.as_object_mut().unwrap().remove(name);
        }
    }
    let mut texts: Vec<String> = rows.iter().map(Value::to_string).collect();
    texts.sort_unstable();
    texts
}

#[test]
fn what_is_exported_and_imported_elsewhere_is_exported_there_row_for_row() {
    let data = tempfile::tempdir().unwrap();
    let here = start(&data.path().join("here"), &[("MUSTER_EXPORTS__PART_ROWS_MAX", "20")]);
    let mut from = client(&here);
    fill(&mut from);
    let expected = plain(rows(&mut from, &json!({})));
    assert_eq!(expected.len(), 5 + 4 + 40);
    let users = plain(rows(&mut from, &json!({"type": "users"})));
    for format in ["ndjson", "csv"] {
        let job = exported(&mut from, &json!({"format": format}));
        let parts = files(&mut from, &job);
        assert_eq!(parts.len(), 3, "parts of 20 rows: {job}");
        let there = start(&data.path().join(format), &[]);
        let mut to = client(&there);
        for (index, part) in parts.iter().enumerate() {
            let done = import(&mut to, &format!("{index}.{format}.gz"), part);
            assert_eq!(
                shown(&done, &["status", "rejected_rows", "duplicate_rows"]),
                json!(["completed", 0, 0]),
                "{done}"
            );
        }
        assert_eq!(plain(rows(&mut to, &json!({}))), expected, "{format}");
        assert_eq!(plain(rows(&mut to, &json!({"type": "users"}))), users, "{format}");
        there.stop();
    }
    here.stop();
}

/// The directory of the programs that read other people's formats; `scripts/install-tools` makes it.
fn readers() -> PathBuf {
    let build = Path::new(env!("CARGO_BIN_EXE_muster")).parent().unwrap().parent().unwrap();
    build.join("readers/bin/python3")
}

#[test]
fn other_programs_read_the_same_rows_out_of_every_format() {
    let python = readers();
    assert!(python.exists(), "{} is missing: run scripts/install-tools", python.display());
    let data = tempfile::tempdir().unwrap();
    let server = start(&data.path().join("data"), &[("MUSTER_EXPORTS__PART_ROWS_MAX", "20")]);
    let mut client = client(&server);
    fill(&mut client);
    for kind in ["events", "users", "companies"] {
        for format in ["ndjson", "csv", "parquet", "avro"] {
            let job = exported(&mut client, &json!({"type": kind, "format": format}));
            let parts = files(&mut client, &job);
            for (file, bytes) in job["presigned_urls"].as_array().unwrap().iter().zip(parts) {
                std::fs::write(data.path().join(file["filename"].as_str().unwrap()), bytes).unwrap();
            }
        }
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/read-exports");
    let output = Command::new(python).arg(script).arg(data.path()).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    for words in ["events: 49 rows", "users: 44 rows", "companies: 3 rows"] {
        assert!(out.contains(words), "{words}: {out}");
    }
}

/// Files of exports in a data directory.
fn part_files(data: &Path) -> Vec<String> {
    let names = std::fs::read_dir(data.join("environments/1/exports")).into_iter().flatten().flatten();
    let names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.ends_with(".part")).collect()
}

/// Many small files, each synced: an export that takes a while.
const SLOW: [(&str, &str); 1] = [("MUSTER_EXPORTS__PART_ROWS_MAX", "10")];

fn many(client: &mut Client, count: usize) {
    let file: String = (0..count)
        .map(|number| format!("{{\"user_id\":\"m-{number}\",\"metadata\":{{\"n\":{number}}}}}\n"))
        .collect();
    let job = id_of(&client.ask(&upload("/v1/users/bulk_identify", "many.ndjson", file.as_bytes())));
    assert_eq!(ended(client, &job)["accepted_rows"], count);
}

fn begin(client: &mut Client, body: &Value) -> String {
    let answer = client.ask(&Request::post(EXPORTS, body.to_string()).key(KEY));
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()["id"].as_str().unwrap().to_owned()
}

fn has_parts(client: &mut Client, id: &str) -> bool {
    let job = client.ask(&Request::get(&format!("{EXPORTS}/jobs/{id}")).key(KEY)).json();
    !job["completed_chunks"].as_array().unwrap().is_empty()
}

#[test]
fn an_export_that_is_killed_begins_anew_and_is_whole_at_its_end() {
    let data = tempfile::tempdir().unwrap();
    let mut server = start(data.path(), &SLOW);
    let mut before = client(&server);
    many(&mut before, 2_000);
    let id = begin(&mut before, &json!({}));
    until("a file is whole", || has_parts(&mut before, &id));
    // Behind the position of the export.
    call(&mut before, "/v1/track", &json!({"user_id": "late", "event_name": "x"}));
    server.signal("KILL");
    server.ended();
    let server = start(data.path(), &SLOW);
    let mut after = client(&server);
    let job = export_ended(&mut after, &id);
    let text = unzipped(&files(&mut after, &job));
    let mut ids: Vec<String> = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["user_id"].as_str().unwrap().to_owned())
        .collect();
    ids.sort_unstable();
    let mut expected: Vec<String> = (0..2_000).map(|number| format!("m-{number}")).collect();
    expected.sort_unstable();
    assert!(ids == expected, "every row once, and none of later: {} rows", ids.len());
    assert_eq!(part_files(data.path()).len(), 200, "nothing is left of what was not whole");
    server.stop();
    assert!(on(data.path(), &["verify"]).worked().contains("Nothing is wrong."));
}

#[test]
fn files_do_not_outlive_those_who_are_erased() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path(), &SLOW);
    let mut client = client(&server);
    many(&mut client, 1_000);
    let done = exported(&mut client, &json!({"format": "parquet"}));
    let link = path_of(&done["presigned_urls"][0]["url"]);
    let running = begin(&mut client, &json!({}));
    until("a file is whole", || has_parts(&mut client, &running));
    let erase = Request::with_body("DELETE", "/v1/users", json!({"users": ["m-0"]}).to_string()).key(KEY);
    let erasure = client.ask(&erase).json()["job_id"].as_str().unwrap().to_owned();
    let mut certificate = Value::Null;
    until("the erasure is complete", || {
        let answer = client.ask(&Request::get(&format!("/v1/erasures/{erasure}")).key(KEY)).json();
        certificate = answer["certificate"].clone();
        answer["status"] == "completed"
    });
    let place = &certificate["places"][5];
    assert_eq!((&place["place"], &place["found"]), (&json!("exports"), &json!(0)), "{certificate}");
    assert!(
        place["removed"]["files"].as_u64() > Some(100),
        "the hundred of the first, and more: {certificate}"
    );
    client.ask(&Request::get(&link)).is_refused(410, "download_expired");
    let failed = export_ended(&mut client, done["id"].as_str().unwrap());
    assert_eq!(
        (&failed["status"], &failed["reason"]["code"], &failed["presigned_urls"]),
        (&json!("failed"), &json!("export_erased"), &json!([]))
    );
    let mut anew = export_ended(&mut client, &running);
    if anew["status"] == "failed" {
        // It was faster than the purge.
        assert_eq!(anew["reason"]["code"], "export_erased");
        anew = exported(&mut client, &json!({}));
    }
    let text = unzipped(&files(&mut client, &anew));
    assert_eq!(text.lines().count(), 999, "the one under way began anew without them");
    assert!(!text.contains("\"m-0\""));
    assert_eq!(part_files(data.path()).len(), 100);
    server.stop();
}

#[test]
fn the_command_line_exports_into_a_directory_and_goes_on_where_it_broke_off() {
    let data = tempfile::tempdir().unwrap();
    let server: Server = start(&data.path().join("data"), &[("MUSTER_EXPORTS__PART_ROWS_MAX", "20")]);
    let mut client = client(&server);
    fill(&mut client);
    let command = |arguments: &[&str], directory: &Path| {
        let mut command = muster(&[&["export"], arguments].concat());
        command.arg("--output").arg(directory).env("MUSTER_URL", format!("http://{}", address(&server)));
        run(command.env("MUSTER_API_KEY", KEY))
    };
    let (one, two) = (data.path().join("one"), data.path().join("two"));
    let said = command(&["--format", "csv", "--event-type", "identify_user", "--json"], &one);
    assert_eq!(said.code, Some(0), "{said:?}");
    let told: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((&told["rows"], told["files"].as_array().unwrap().len()), (&json!(42), 3), "{told}");
    let id = told["job_id"].as_str().unwrap();
    let job = export_ended(&mut client, id);
    let expected = files(&mut client, &job);
    let read = |directory: &Path, index: usize| {
        std::fs::read(directory.join(format!("events-0000{}.csv.gz", index + 1))).unwrap()
    };
    assert!((0..3).all(|index| read(&one, index) == expected[index]), "the files are what the server has");
    assert_eq!(std::fs::read_dir(&one).unwrap().count(), 3, "and nothing else is left");

    std::fs::create_dir(&two).unwrap();
    let partial = |index: usize| two.join(format!("events-0000{}.csv.gz.{id}.partial", index + 1));
    std::fs::write(partial(0), &expected[0][..10]).unwrap();
    std::fs::write(partial(1), vec![0; expected[1].len() + 1]).unwrap();
    let said = command(&["--job", id], &two);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.out.contains("42 rows in 3 files."), "{said:?}");
    assert!((0..3).all(|index| read(&two, index) == expected[index]), "what was there is gone on with");
    let said = command(&["--job", id], &two);
    assert!(said.code == Some(0) && said.err.contains("events-00001.csv.gz is there."), "{said:?}");

    let said = command(&["--format", "xlsx"], &one);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.contains("field_invalid"), "{said:?}");
    let said = command(&["--job", "nobody"], &one);
    assert!(said.code == Some(1) && said.err.contains("job_unknown"), "{said:?}");
    server.stop();
}
