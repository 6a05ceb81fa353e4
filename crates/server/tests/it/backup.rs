//! `muster backup`, `muster restore` and `muster rebuild` as an operator uses them: on a server that is being written to.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::client::Request;
use crate::jobs::{ended, id_of, upload};
use crate::kill::all_events;
use crate::process::{Said, muster, on, run};
use crate::s3::S3;
use crate::whole::{KEY, client, start};
use crate::world::until;

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A command that says what it does on standard error.
#[track_caller]
fn worked(said: Said) -> Value {
    assert_eq!(said.code, Some(0), "{}", said.err);
    serde_json::from_str(&said.out).unwrap()
}

fn identify(id: &str) -> Request {
    Request::post(
        "/v1/identify",
        json!({"user_id": id, "metadata": {"mail": format!("{id}@example.org")}}).to_string(),
    )
    .key(KEY)
}

#[test]
fn a_backup_of_a_busy_server_becomes_a_whole_server() {
    let root = tempfile::tempdir().unwrap();
    let (data, backup, other) =
        (root.path().join("data"), root.path().join("backup"), root.path().join("other"));
    let server = start(&data, &[("MUSTER_HISTORY__SEAL_EVENTS", "256")]);
    for number in 0..300 {
        assert_eq!(client(&server).ask(&identify(&format!("before-{number}"))).status, 202);
    }
    // A job that is under way when the backup is made goes on in the copy.
    let rows: String = (0..60_000)
        .map(|row| format!("{{\"user_id\":\"row-{row}\",\"metadata\":{{\"n\":{row}}}}}\n"))
        .collect();
    let job = id_of(&client(&server).ask(&upload("/v1/users/bulk_identify", "rows.ndjson", rows.as_bytes())));
    let done = AtomicBool::new(false);
    let (made, acknowledged) = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut client = client(&server);
            let mut count = 0;
            while !done.load(Ordering::Relaxed) {
                assert_eq!(client.ask(&identify(&format!("during-{count}"))).status, 202);
                count += 1;
            }
            count
        });
        let made = worked(on(&data, &["backup", text(&backup), "--json"]));
        done.store(true, Ordering::Relaxed);
        (made, writer.join().unwrap())
    });
    assert!(acknowledged > 0);
    let position = made["made"]["environments"][0]["position"].as_u64().unwrap();
    assert!(position >= 300, "{made}");
    ended(&mut client(&server), &job);
    let truth = all_events(&mut client(&server));
    drop(server);

    let said = worked(on(&other, &["restore", text(&backup), "--json"]));
    assert_eq!(said["made"], made["made"]);
    let restored = start(&other, &[]);
    let mut reader = client(&restored);
    ended(&mut reader, &job);
    let found = all_events(&mut reader);
    let of = |events: &HashMap<String, u32>, prefix: &str| {
        events.keys().filter(|id| id.starts_with(prefix)).count()
    };
    assert_eq!(
        (of(&found, "before-"), of(&found, "row-")),
        (300, 60_000),
        "the job came to its end here as well"
    );
    assert!(of(&found, "during-") <= of(&truth, "during-"));
    assert!(found.iter().all(|(id, count)| truth.contains_key(id) && *count == 1));
    assert_eq!(
        reader.ask(&Request::get("/v1/users/before-7").key(KEY)).json()["properties"]["mail"],
        "before-7@example.org"
    );
    assert_eq!(restored.stop().code, Some(0));
    let verified = on(&other, &["verify"]);
    assert_eq!(verified.code, Some(0), "{} {}", verified.out, verified.err);

    let rebuilt = on(&other, &["rebuild"]);
    assert_eq!(rebuilt.code, Some(0), "{}", rebuilt.err);
    let again = start(&other, &[]);
    assert_eq!(client(&again).ask(&Request::get("/v1/users/row-59999").key(KEY)).status, 200);
}

#[test]
fn what_was_erased_since_stays_erased_and_certificates_name_the_backups() {
    let root = tempfile::tempdir().unwrap();
    let (data, backup, other) =
        (root.path().join("data"), root.path().join("backup.tar"), root.path().join("other"));
    let server = start(&data, &[]);
    for id in ["ada", "grace"] {
        assert_eq!(client(&server).ask(&identify(id)).status, 202);
    }
    worked(on(&data, &["backup", text(&backup), "--json"]));
    let body = json!({"users": ["ada"], "suppress": true}).to_string();
    let answer = client(&server).ask(&Request::with_body("DELETE", "/v1/users", body).key(KEY));
    let id = answer.json()["job_id"].as_str().unwrap().to_owned();
    let mut erasure = Value::Null;
    until("the certificate is there", || {
        erasure = client(&server).ask(&Request::get(&format!("/v1/erasures/{id}")).key(KEY)).json();
        erasure["certificate"].is_object()
    });
    assert_eq!(erasure["backups"][0]["into"], text(&backup), "{erasure}");
    assert_eq!(server.stop().code, Some(0));

    let said = worked(on(&other, &["restore", text(&backup), "--erased-in", text(&data), "--json"]));
    assert_eq!(said["erased"], json!([{"environment": "Production", "id": id, "ids": 1}]));
    let restored = start(&other, &[]);
    let mut reader = client(&restored);
    assert_eq!(reader.ask(&Request::get("/v1/users/ada").key(KEY)).status, 404);
    assert_eq!(reader.ask(&Request::get("/v1/users/grace").key(KEY)).status, 200);
    assert_eq!(reader.ask(&identify("ada")).status, 202);
    assert_eq!(reader.ask(&Request::get("/v1/users/ada").key(KEY)).status, 404, "suppressed here as well");
}

#[test]
fn a_backup_in_a_bucket_becomes_a_whole_server() {
    let s3 = S3::start();
    assert_eq!(s3.ask("PUT", "/copies").status, 200);
    let root = tempfile::tempdir().unwrap();
    let (data, other) = (root.path().join("data"), root.path().join("other"));
    let variables = s3.variables();
    let borrowed: Vec<(&str, &str)> =
        variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let server = start(&data, &borrowed);
    // More than one part of the upload: some 12 MB.
    for number in 0..14 {
        let texts = (0..15).map(|text| (format!("text {text}"), json!("x".repeat(60_000))));
        let texts: serde_json::Map<String, Value> = texts.collect();
        let event = json!({"user_id": format!("user-{number}"), "metadata": texts});
        let answer = client(&server).ask(&Request::post("/v1/identify", event.to_string()).key(KEY));
        assert_eq!(answer.status, 202, "{}", answer.text());
    }
    let fields = Request::with_body("PUT", "/v1/data_sync", r#"{"enabled":false,"hour":4}"#);
    assert_eq!(client(&server).ask(&fields.key(KEY)).status, 200);
    let name = "s3://copies/of/muster.tar";
    let made = worked(on(&data, &["backup", name, "--json"]));
    assert!(made["made"]["bytes"].as_u64().unwrap() > 10 << 20, "{made}");
    let again = on(&data, &["backup", name]);
    assert!(again.err.contains("the file is there already"), "{}", again.err);
    let wrong = on(&data, &["backup", "s3://copies/of/a-directory"]);
    assert!(wrong.err.contains("NAME.tar"), "{}", wrong.err);
    let truth = all_events(&mut client(&server));
    assert_eq!(server.stop().code, Some(0));

    // Without a server the command does it, and takes its settings from the same variables.
    let mut alone = muster(&["backup", "s3://copies/alone.tar", "--json"]);
    worked(run(alone.arg("--data").arg(&data).envs(variables.iter().cloned())));
    let restore = |from: &str, into: &Path| {
        let mut command = muster(&["restore", from, "--json"]);
        run(command.arg("--data").arg(into).envs(variables.iter().cloned()))
    };
    assert_eq!(worked(restore(name, &other))["made"], made["made"]);
    let synced = root.path().join("synced");
    let restored = start(&other, &[("MUSTER_SYNC__DESTINATION", text(&synced))]);
    assert_eq!(all_events(&mut client(&restored)), truth);
    let sync = client(&restored).ask(&Request::get("/v1/data_sync").key(KEY)).json();
    let folder = sync["folder"].as_str().unwrap();
    assert!(
        folder.contains("userpilot_datasync_2_"),
        "days since the backup stand in the first one: {folder}"
    );
    let missing = restore("s3://copies/nothing.tar", &root.path().join("third"));
    assert!(missing.err.contains("is not there"), "{}", missing.err);
}

#[test]
fn what_cannot_work_says_why() {
    let root = tempfile::tempdir().unwrap();
    let (data, backup) = (root.path().join("data"), root.path().join("backup"));
    let said = on(&data, &["backup", text(&backup)]);
    assert!(said.err.contains("holds no data"), "{}", said.err);
    let server = start(&data, &[]);
    let full = root.path().join("full");
    std::fs::create_dir(&full).unwrap();
    std::fs::write(full.join("letter"), "x").unwrap();
    let said = on(&data, &["backup", text(&full)]);
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("not empty"), "{}", said.err);
    worked(on(&data, &["backup", text(&backup), "--json"]));
    let said = on(&data, &["restore", text(&backup)]);
    assert!(said.err.contains("in use"), "{}", said.err);
    let said = on(&data, &["rebuild"]);
    assert!(said.err.contains("in use"), "{}", said.err);
    assert_eq!(server.stop().code, Some(0));
    let said = on(&data, &["restore", text(&backup)]);
    assert!(said.err.contains("holds data already"), "{}", said.err);
    let said = run(muster(&["restore", text(&full), "--data"]).arg(root.path().join("new")));
    assert!(said.err.contains("BACKUP.json is missing"), "{}", said.err);
    // Without a server the command copies by itself.
    let alone = root.path().join("alone");
    let made = worked(on(&data, &["backup", text(&alone), "--json"]));
    assert_eq!(made["into"], text(&alone));
}
