//! Data sync: on the built program with a real directory and a real S3 service, and with a clock in the test's hand.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::read::GzDecoder;
use muster_kernel::model::catalog::CatalogState;
use muster_kernel::model::sync::{DataSync, Day, SyncChoice, SyncReason, SyncStatus};
use muster_kernel::model::time::Timestamp;
use muster_kernel::ports::{Catalog, Clock, EventLog, RawEvents};
use muster_server::stores::S3Settings;
use muster_server::sync::{Parts, SyncSettings, Syncer};
use muster_testkit::block_on::block_on;
use muster_testkit::builders::{PRODUCTION, tracked};
use muster_testkit::clock::ManualClock;
use muster_testkit::model_engine::ModelEngine;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::client::{Answer, Client, Request};
use crate::console::told;
use crate::process::Server;
use crate::s3::{S3, SECRET};
use crate::whole::{KEY, client, start};
use crate::world::{World, until};

const MANIFEST: &str = "_manifest.json";

fn send(asked: &mut Client, method: &str, target: &str, body: &Value) -> Answer {
    asked.ask(&Request::with_body(method, target, body.to_string()).key(KEY))
}

#[track_caller]
fn write(asked: &mut Client, target: &str, body: &Value) -> Answer {
    let answer = send(asked, "POST", target, body);
    assert!([200, 202].contains(&answer.status), "{}", answer.text());
    answer
}

fn track(asked: &mut Client, user: &str, name: &str, at: &str) {
    let body = json!({"user_id": user, "event_name": name, "occurred_at": at, "metadata": {"n": 1}});
    write(asked, "/v1/track", &body);
}

fn runs(asked: &mut Client) -> Vec<Value> {
    let answer = asked.ask(&Request::get("/v1/data_sync/runs").key(KEY));
    answer.json()["items"].as_array().unwrap().clone()
}

/// Waits until the newest run stands so.
fn newest(asked: &mut Client, status: &str) -> Value {
    let mut found = Value::Null;
    until(&format!("a run that is {status}"), || {
        found = runs(asked).into_iter().next().unwrap_or_default();
        found["status"] == status
    });
    found
}

/// Has days written, and waits for it.
fn backfill(asked: &mut Client, from: &str, to: &str) -> Value {
    let asked_for = send(asked, "POST", "/v1/data_sync/runs", &json!({"from": from, "to": to}));
    assert_eq!(asked_for.status, 202, "{}", asked_for.text());
    let run = newest(asked, "completed");
    assert_eq!((&run["id"], &run["next"]), (&asked_for.json()["id"], &Value::Null));
    run
}

fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The manifest of a day whose every file is as it says.
fn manifest(read: &mut dyn FnMut(&str) -> Vec<u8>) -> Value {
    let manifest: Value = serde_json::from_slice(&read(MANIFEST)).unwrap();
    for file in manifest["files"].as_array().unwrap() {
        let bytes = read(file["name"].as_str().unwrap());
        let hash: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!((&file["bytes"], &file["sha256"]), (&json!(bytes.len()), &json!(hash)), "{file}");
    }
    manifest
}

fn manifest_in(directory: &Path) -> Value {
    manifest(&mut |name| std::fs::read(directory.join(name)).unwrap())
}

fn rows(path: &Path) -> Vec<Value> {
    let mut text = String::new();
    GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A server that syncs into a directory.
struct Synced {
    root: tempfile::TempDir,
    into: PathBuf,
    server: Server,
    asked: Client,
}

impl Synced {
    fn start() -> Synced {
        let root = tempfile::tempdir().unwrap();
        let into = root.path().join("synced");
        let (data, text) = (root.path().join("data"), into.to_str().unwrap().to_owned());
        let server = start(&data, &[("MUSTER_SYNC__DESTINATION", &text)]);
        let asked = client(&server);
        Synced { root, into, server, asked }
    }

    fn folder(&self) -> PathBuf {
        self.into.join(format!("userpilot_datasync_1_{}", self.server.said("app token").unwrap()))
    }
}

#[test]
fn the_day_before_is_written_in_the_documented_layout() {
    let mut synced = Synced::start();
    let asked = &mut synced.asked;
    write(asked, "/v1/identify", &json!({"user_id": "bob", "metadata": {"plan": "free"}}));
    let today = asked.ask(&Request::get("/v1/users/bob").key(KEY)).json()["first_seen_at"].clone();
    let today = Day::parse(&today.as_str().unwrap()[..10]).unwrap();
    let noon = format!("{}T12:00:00Z", today.plus(-1));
    let company = json!({"id": "acme", "plan": "pro"});
    write(
        asked,
        "/v1/identify",
        &json!({"user_id": "ann", "occurred_at": noon, "company": company, "metadata": {"age": 31}}),
    );
    track(asked, "ann", "paid", &noon);
    track(asked, "ann", "opened", &noon);
    track(asked, "ann", "of today", &format!("{today}T00:00:00Z"));
    let fields = json!({"enabled": true, "format": "ndjson", "hour": 0, "resync_days": 0});
    let chosen = send(asked, "PUT", "/v1/data_sync", &fields);
    assert_eq!((chosen.status, chosen.header("etag")), (200, Some("\"2\"")), "{}", chosen.text());
    let run = newest(asked, "completed");
    assert_eq!(
        (&run["reason"], &run["from"], &run["to"]),
        (&json!("schedule"), &json!(today.plus(-1)), &json!(today.plus(-1)))
    );
    let folder = synced.folder();
    assert_eq!((&run["folder"], &chosen.json()["folder"]), (&json!(folder), &json!(folder)));
    assert_eq!(names(&folder), [today.plus(-1).to_string()]);
    let day = folder.join(today.plus(-1).to_string());
    let files = [
        "_manifest.json",
        "all_companies.ndjson.gz",
        "all_users.ndjson.gz",
        "identify_company.ndjson.gz",
        "identify_user.ndjson.gz",
        "track.ndjson.gz",
    ];
    assert_eq!(names(&day), files);
    let manifest = manifest_in(&day);
    assert_eq!(
        (&manifest["day"], &manifest["app_token"]),
        (&run["from"], &json!(synced.server.said("app token")))
    );
    let sum = |name: &str| {
        manifest["files"].as_array().unwrap().iter().map(|file| file[name].as_u64().unwrap()).sum::<u64>()
    };
    assert_eq!(
        (&run["rows"], &run["bytes"], &run["files"]),
        (&json!(sum("rows")), &json!(sum("bytes")), &json!(5))
    );
    let mut events: Vec<String> = rows(&day.join("track.ndjson.gz"))
        .iter()
        .map(|row| row["event_name"].as_str().unwrap().to_owned())
        .collect();
    events.sort();
    assert_eq!(events, ["opened", "paid"]);
    let users: Vec<Value> =
        rows(&day.join("all_users.ndjson.gz")).iter().map(|row| row["user_id"].clone()).collect();
    assert_eq!(users, ["ann", "bob"], "as they are now");
    assert_eq!(rows(&day.join("identify_company.ndjson.gz"))[0]["metadata"], json!({"plan": "pro"}));
    assert_eq!(runs(&mut synced.asked).len(), 1, "a day is written once");
}

#[test]
fn days_are_written_again_without_a_difference_and_without_who_was_erased() {
    let mut synced = Synced::start();
    let asked = &mut synced.asked;
    for (user, day) in [("ann", "05"), ("bob", "06"), ("ann", "07")] {
        track(asked, user, "opened", &format!("2026-01-{day}T12:00:00Z"));
    }
    let run = backfill(asked, "2026-01-04", "2026-01-07");
    assert_eq!((&run["reason"], &run["files"], &run["rows"]), (&json!("backfill"), &json!(3), &json!(3)));
    let folder = synced.folder();
    assert_eq!(names(&folder), ["2026-01-04", "2026-01-05", "2026-01-06", "2026-01-07"]);
    assert_eq!(names(&folder.join("2026-01-04")), ["_manifest.json"], "of a day without events");
    assert_eq!(names(&folder.join("2026-01-06")), ["_manifest.json", "track.parquet"]);
    let parquet = std::fs::read(folder.join("2026-01-06/track.parquet")).unwrap();
    assert_eq!((&parquet[..4], &parquet[parquet.len() - 4..]), (&b"PAR1"[..], &b"PAR1"[..]));
    let files = |day: &str| manifest_in(&folder.join(day))["files"].clone();
    let before = ["2026-01-05", "2026-01-06", "2026-01-07"].map(files);
    let asked = &mut synced.asked;
    backfill(asked, "2026-01-05", "2026-01-07");
    assert_eq!(["2026-01-05", "2026-01-06", "2026-01-07"].map(files), before);
    let erased = send(asked, "DELETE", "/v1/users", &json!({"users": ["bob"]}));
    let id = erased.json()["job_id"].as_str().unwrap().to_owned();
    let erasure =
        |asked: &mut Client| asked.ask(&Request::get(&format!("/v1/erasures/{id}")).key(KEY)).json();
    until("the erasure is complete", || erasure(asked)["status"] == "completed");
    assert_eq!(erasure(asked)["synced"][0]["folder"], json!(folder), "what is out of reach is named");
    backfill(asked, "2026-01-05", "2026-01-07");
    assert_eq!(names(&folder.join("2026-01-06")), ["_manifest.json"]);
    assert_eq!(files("2026-01-05"), before[0]);
    // Another format takes the place of the first one.
    send(asked, "PUT", "/v1/data_sync", &json!({"enabled": false, "format": "csv"}));
    backfill(asked, "2026-01-05", "2026-01-05");
    assert_eq!(names(&folder.join("2026-01-05")), ["_manifest.json", "track.csv.gz"]);
}

#[test]
fn what_fails_is_told_and_tried_again_until_it_works() {
    let mut synced = Synced::start();
    std::fs::write(&synced.into, "a file stands where the directory should").unwrap();
    let asked = &mut synced.asked;
    track(asked, "ann", "opened", "2026-01-05T12:00:00Z");
    let days = json!({"from": "2026-01-05", "to": "2026-01-05"});
    assert_eq!(send(asked, "POST", "/v1/data_sync/runs", &days).status, 202);
    let run = newest(asked, "retrying");
    assert!(run["failure"].as_str().unwrap().starts_with("the destination failed: "), "{run}");
    assert!(run["retry_at"].is_string() && run["failures"].as_u64() >= Some(1), "{run}");
    std::fs::remove_file(&synced.into).unwrap();
    let run = newest(asked, "completed");
    assert_eq!((&run["failure"], &run["failures"], &run["rows"]), (&Value::Null, &json!(0), &json!(1)));
}

#[test]
fn what_is_chosen_is_checked_told_and_survives_a_crash() {
    let mut synced = Synced::start();
    let asked = &mut synced.asked;
    let nothing = asked.ask(&Request::get("/v1/data_sync").key(KEY));
    let standard = json!({
        "enabled": false, "format": "parquet", "hour": 3, "resync_days": 30, "has_destination": true, "folder": null,
        "next_at": null, "updated_at": null, "updated_by": null, "version": 1,
    });
    assert_eq!((nothing.header("etag"), nothing.json()), (Some("\"1\""), standard));
    for (fields, pointer) in [
        (json!({"enabled": true, "hour": 24}), "/hour"),
        (json!({"enabled": true, "resync_days": 366}), "/resync_days"),
        (json!({"enabled": true, "format": "xlsx"}), "/format"),
        (json!({"enabled": true, "time": 3}), ""),
    ] {
        let refused = send(asked, "PUT", "/v1/data_sync", &fields);
        refused.is_refused(400, "field_invalid");
        assert_eq!(refused.json()["errors"][0]["details"], pointer, "{fields}");
    }
    for (days, pointers) in [
        (json!({"from": "yesterday", "to": "2026-13-01"}), vec!["/from", "/to"]),
        (json!({"from": "2026-01-02", "to": "2026-01-01"}), vec!["/to"]),
        (json!({"from": "2026-01-02", "to": "2999-01-01"}), vec!["/to"]),
        (json!({"from": "1999-01-02", "to": "2026-01-01"}), vec!["/from"]),
    ] {
        let refused = send(asked, "POST", "/v1/data_sync/runs", &days);
        refused.is_refused(400, "field_invalid");
        let body = refused.json();
        let places: Vec<&str> = body["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|error| error["details"].as_str().unwrap())
            .collect();
        assert_eq!(places, pointers, "{days}");
    }
    assert_eq!(runs(asked), [Value::Null; 0]);
    let put = |asked: &mut Client, version: &str, fields: &Value| {
        asked.ask(
            &Request::with_body("PUT", "/v1/data_sync", fields.to_string())
                .key(KEY)
                .header("If-Match", version),
        )
    };
    let on = json!({"enabled": true, "hour": 5, "resync_days": 7});
    assert_eq!(put(asked, "\"1\"", &on).json()["version"], 2);
    put(asked, "\"1\"", &on).is_refused(412, "version_differs");
    assert_eq!(put(asked, "*", &on).json()["version"], 2, "the same changes nothing");
    newest(asked, "completed");
    assert_eq!(
        put(asked, "*", &json!({"enabled": false, "hour": 5, "resync_days": 7})).json()["next_at"],
        Value::Null
    );
    let before = runs(asked);
    let (data, text) = (synced.root.path().join("data"), synced.into.to_str().unwrap().to_owned());
    synced.server.signal("KILL");
    synced.server.ended();
    let again = start(&data, &[("MUSTER_SYNC__DESTINATION", &text)]);
    let asked = &mut client(&again);
    assert_eq!(runs(asked), before);
    assert_eq!(asked.ask(&Request::get("/v1/data_sync").key(KEY)).json()["hour"], 5);
}

#[test]
fn a_server_without_a_destination_says_so_and_the_audit_tells_the_rest() {
    let world = World::start();
    world
        .post("/v1/data_sync/runs", r#"{"from":"2026-01-01","to":"2026-01-01"}"#)
        .is_refused(409, "destination_missing");
    let put = |fields: Value| {
        world.ask(&Request::with_body("PUT", "/v1/data_sync", fields.to_string()).key(crate::world::KEY))
    };
    put(json!({"enabled": true})).is_refused(409, "destination_missing");
    assert_eq!(put(json!({"enabled": false, "hour": 4})).json()["hour"], 4);
    let owner = world.owner();
    let acts = world.acts(&owner);
    assert!(told(&acts).contains(&"server: data_sync_changed off".to_owned()), "{acts:?}");
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

/// A model engine and a syncer over it, with a clock that stands still, synced every day.
struct Modelled {
    clock: Arc<ManualClock>,
    model: Arc<ModelEngine>,
    root: tempfile::TempDir,
}

impl Modelled {
    fn start(now: &str, resync_days: u16) -> Modelled {
        let clock = Arc::new(ManualClock::at(at(now)));
        let model = Arc::new(ModelEngine::new(clock.clone() as Arc<dyn Clock>));
        let modelled = Modelled { clock, model, root: tempfile::tempdir().unwrap() };
        modelled.change(&|state| {
            state.environments.push(muster_testkit::builders::environment(PRODUCTION));
            let mut sync = DataSync::new(PRODUCTION, 1, at(now));
            sync.choose(SyncChoice { is_on: true, resync_days, ..SyncChoice::default() }, at(now));
            state.syncs.push(sync);
        });
        modelled
    }

    fn change(&self, change: &dyn Fn(&mut CatalogState)) {
        let changed = Catalog::change(&*self.model, &mut |state| {
            change(state);
            Ok(())
        });
        changed.unwrap().unwrap();
    }

    fn syncer(&self) -> Syncer {
        let parts = Parts {
            log: self.model.clone(),
            history: self.model.clone(),
            raw_events: self.model.clone(),
            profiles: self.model.clone(),
            catalog: self.model.clone(),
            clock: self.clock.clone(),
            yield_to_others: || {},
        };
        let destination = Some(self.root.path().to_str().unwrap().to_owned());
        let syncer = Syncer::new(parts, &SyncSettings { destination }, S3Settings::default());
        syncer.start().unwrap();
        syncer
    }

    fn track_at(&self, now: &str) {
        self.clock.set(at(now));
        block_on(self.model.append(PRODUCTION, &tracked("ann", "opened", &[]))).unwrap();
    }

    fn sync(&self) -> DataSync {
        Catalog::state(&*self.model).sync(PRODUCTION).unwrap().clone()
    }

    fn wait_until_written(&self, what: &str) {
        until(what, || {
            let sync = self.sync();
            let last = sync.choice.last_due(self.clock.now());
            sync.next_day == last.plus(1) && sync.runs.iter().all(|run| run.status == SyncStatus::Completed)
        });
    }

    fn folder(&self) -> PathBuf {
        let token = Catalog::state(&*self.model).environments[0].app_token.clone();
        self.root.path().join(format!("userpilot_datasync_1_{token}"))
    }
}

#[test]
fn days_that_were_missed_are_caught_up_and_the_week_is_written_anew() {
    let world = Modelled::start("2026-11-10T04:00:00Z", 2);
    let first = world.syncer();
    world.wait_until_written("the first day");
    let folder = world.folder();
    assert_eq!(names(&folder), ["2026-11-09"]);
    first.stop();
    world.track_at("2026-11-10T04:00:00Z");
    world.track_at("2026-11-12T12:00:00Z");
    world.clock.set(at("2026-11-14T02:59:00Z"));
    let second = world.syncer();
    world.wait_until_written("the missed days");
    assert_eq!(
        names(&folder),
        ["2026-11-09", "2026-11-10", "2026-11-11", "2026-11-12"],
        "not before three o'clock"
    );
    assert_eq!(names(&folder.join("2026-11-10")), ["_manifest.json", "track.parquet"]);
    assert_eq!(names(&folder.join("2026-11-12")), ["_manifest.json", "all_users.parquet", "track.parquet"]);
    world.clock.set(at("2026-11-18T04:00:00Z"));
    second.ring();
    world.wait_until_written("the week");
    second.stop();
    let resync = world.sync().runs.last().unwrap().clone();
    assert_eq!(
        (resync.reason.as_str(), resync.from, resync.through),
        ("resync", Day::parse("2026-11-16").unwrap(), Day::parse("2026-11-17").unwrap())
    );
    assert_eq!(names(&folder.join("2026-11-17")), ["_manifest.json", "all_users.parquet"]);
}

#[test]
fn a_day_whose_events_were_dropped_is_left_as_it_stands() {
    let world = Modelled::start("2026-11-10T04:00:00Z", 0);
    world.track_at("2026-11-10T05:00:00Z");
    world.track_at("2026-11-11T05:00:00Z");
    world.clock.set(at("2026-11-12T04:00:00Z"));
    let syncer = world.syncer();
    world.wait_until_written("two days");
    let folder = world.folder();
    let track = folder.join("2026-11-10/track.parquet");
    let before = std::fs::read(&track).unwrap();
    let dropped = world.model.drop_before(PRODUCTION, at("2026-11-11T00:00:00Z"), &|| false);
    assert_eq!(dropped.map(|_| ()), Ok(()));
    let day = |text: &str| Day::parse(text).unwrap();
    let backfill = |from: &str, to: &str| {
        world.change(&|state| {
            let now = at("2026-11-12T04:00:00Z");
            state.syncs[0].ask(SyncReason::Backfill, day(from), day(to), now);
        });
        syncer.ring();
        world.wait_until_written("the days that were asked for");
        world.sync().runs.last().unwrap().written
    };
    let written = backfill("2026-11-10", "2026-11-11");
    assert_eq!((written.days_left, written.rows), (1, 2), "of the second day all is here, beside its user");
    assert_eq!(std::fs::read(&track).unwrap(), before);
    assert_eq!(manifest_in(&folder.join("2026-11-10"))["files"][0]["rows"], 1);
    let written = backfill("2026-11-01", "2026-11-01");
    assert_eq!((written.days_left, written.rows), (0, 0), "where nothing stands there is nothing to lose");
    assert_eq!(names(&folder.join("2026-11-01")), ["_manifest.json"]);
    syncer.stop();
}

/// Text that no compression makes small.
fn noise(length: usize, seed: &mut u64) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    let letter = |seed: &mut u64| {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(LETTERS[(*seed >> 58) as usize])
    };
    (0..length).map(|_| letter(seed)).collect()
}

#[test]
fn a_bucket_holds_each_file_as_a_whole_large_ones_in_parts() {
    let s3 = S3::start();
    assert_eq!(s3.ask("PUT", "/analytics").status, 200);
    let data = tempfile::tempdir().unwrap();
    let destination = ("MUSTER_SYNC__DESTINATION".to_owned(), "s3://analytics/from/muster".to_owned());
    let variables: Vec<(String, String)> = s3.variables().into_iter().chain([destination]).collect();
    let variables: Vec<(&str, &str)> =
        variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let server = start(data.path(), &variables);
    let mut asked = client(&server);
    // Some 14 MB that are sent in two parts.
    let mut seed = 7;
    let events: String = (0..1_500)
        .map(|number| {
            let row = json!({
                "event_type": "track", "event_name": "stored", "user_id": "ann", "source": "backend-http-import",
                "inserted_at": format!("2026-01-05T09:{:02}:{:02}Z", number / 60 % 60, number % 60),
                "metadata": {"noise": noise(9_000, &mut seed)},
            });
            format!("{row}\n")
        })
        .collect();
    let job = crate::jobs::upload("/v1/imports", "events.ndjson", events.as_bytes());
    let job = asked.ask(&job).json()["job_id"].as_str().unwrap().to_owned();
    crate::jobs::ended(&mut asked, &job);
    track(&mut asked, "ann", "opened", "2026-01-06T09:00:00Z");
    send(&mut asked, "PUT", "/v1/data_sync", &json!({"enabled": false, "format": "ndjson"}));
    let run = backfill(&mut asked, "2026-01-05", "2026-01-06");
    let token = server.said("app token").unwrap().to_owned();
    let folder = format!("userpilot_datasync_1_{token}");
    assert_eq!(run["folder"], json!(format!("s3://analytics/from/muster/{folder}")));
    let read =
        |day: &str, name: &str| s3.ask("GET", &format!("/analytics/from/muster/{folder}/{day}/{name}"));
    let large = manifest(&mut |name| read("2026-01-05", name).body);
    assert_eq!(large["files"][0]["rows"], 1_500);
    assert!(large["files"][0]["bytes"].as_u64().unwrap() > 9 << 20, "more than one part: {large}");
    let small = manifest(&mut |name| read("2026-01-06", name).body);
    assert_eq!(small["files"][0]["rows"], 1);
    // Nothing of the person is left in the bucket once the days are written again.
    let id = send(&mut asked, "DELETE", "/v1/users", &json!({"users": ["ann"]})).json()["job_id"].clone();
    let erasure = format!("/v1/erasures/{}", id.as_str().unwrap());
    until("the erasure is complete", || {
        asked.ask(&Request::get(&erasure).key(KEY)).json()["status"] == "completed"
    });
    backfill(&mut asked, "2026-01-05", "2026-01-06");
    assert_eq!(read("2026-01-05", "track.ndjson.gz").status, 404);
    assert_eq!(manifest(&mut |name| read("2026-01-05", name).body)["files"], json!([]));
    // A bucket that is gone is a failure that is told.
    drop(s3);
    let days = json!({"from": "2026-01-06", "to": "2026-01-06"});
    assert_eq!(send(&mut asked, "POST", "/v1/data_sync/runs", &days).status, 202);
    let run = newest(&mut asked, "retrying");
    assert!(run["failure"].as_str().unwrap().starts_with("the destination failed: "), "{run}");
    let said = server.stop();
    assert!(!said.err.contains(SECRET));
}
