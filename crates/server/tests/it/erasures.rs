//! Deletion on the whole product: hidden at once, gone from every file, under load and through `kill -9`.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde_json::{Value, json};

use crate::client::{Answer, Client, Request};
use crate::jobs::{ended, id_of, upload};
use crate::process::on;
use crate::whole::{KEY, address, client, start};
use crate::world::{World, until};

const PERSON: &str = "person-under-erasure-4711";
const SECRETS: [&str; 4] =
    [PERSON, "erased.mail@example.org", "secret-value-7431", "idempotency-key-of-the-person"];

/// So that events come into files of history within a test.
const SMALL_FILES: [(&str, &str); 1] = [("MUSTER_HISTORY__SEAL_EVENTS", "16")];

fn delete(client: &mut Client, path: &str, body: &Value) -> Answer {
    client.ask(&Request::with_body("DELETE", path, body.to_string()).key(KEY))
}

/// Everything that a data directory holds about the person, in each place there is.
fn fill(client: &mut Client) {
    let body = json!({"user_id": PERSON, "metadata": {"email": SECRETS[1], "note": SECRETS[2]}, "company": {"id": "c-stays"}});
    let request = Request::post("/v1/identify", body.to_string()).key(KEY);
    assert_eq!(client.ask(&request.header("Idempotency-Key", SECRETS[3])).status, 202);
    let track = json!({"user_id": PERSON, "event_name": "paid", "metadata": {"note": SECRETS[2]}});
    assert_eq!(client.ask(&Request::post("/v1/track", track.to_string()).key(KEY)).status, 202);
    let listed = json!({"name": "Listed", "level": "user", "members": [PERSON, "somebody"]}).to_string();
    let saved = client.ask(&Request::post("/v1/segments", listed).key(KEY));
    if saved.status == 409 {
        // Filled before.
        let added = Request::post("/v1/segments/1/members", json!({"add": [PERSON]}).to_string()).key(KEY);
        assert_eq!(client.ask(&added).status, 200);
    } else {
        assert_eq!(saved.status, 201, "{}", saved.text());
    }
    let rows = format!(
        "{{\"user_id\":\"{PERSON}\",\"metadata\":{{\"note\":\"{0}\"}}}}\n{{\"user_id\":\"{PERSON}\",\"metadata\":\"{0}\"}}\n",
        SECRETS[2]
    );
    let answer = client.ask(&upload("/v1/users/bulk_identify", "people.ndjson", rows.as_bytes()));
    let job = ended(client, &id_of(&answer));
    assert_eq!((job["accepted_rows"].as_u64(), job["rejected_rows"].as_u64()), (Some(1), Some(1)), "{job}");
}

/// The files below a directory that hold one of the secrets.
fn files_with_secrets(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files_with_secrets(&path));
        } else if let Ok(bytes) = std::fs::read(&path) {
            let holds = |secret: &&str| bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            found.extend(
                SECRETS
                    .iter()
                    .filter(|secret| holds(secret))
                    .map(|secret| format!("{} holds {secret}", path.display())),
            );
        }
    }
    found
}

fn certified(client: &mut Client, id: &str) -> Value {
    let mut last = Value::Null;
    until("the erasure is complete", || {
        let answer = client.ask(&Request::get(&format!("/v1/erasures/{id}")).key(KEY));
        assert_eq!(answer.status, 200, "{}", answer.text());
        last = answer.json();
        last["status"] == "completed"
    });
    last
}

fn check_hidden(client: &mut Client) {
    let get = |client: &mut Client, target: &str| client.ask(&Request::get(target).key(KEY));
    get(client, &format!("/v1/users/{PERSON}")).is_refused(404, "user_unknown");
    for target in [
        "/v1/users?limit=1000&q=person",
        "/v1/users?q=erased.mail",
        "/v1/companies/c-stays/users",
        "/v1/events?after=start&limit=1000",
        "/v1/events?limit=1000",
        "/v1/events/names",
        "/v1/properties",
    ] {
        let answer = get(client, target);
        assert_eq!(answer.status, 200, "{target}");
        assert!(!answer.text().contains(PERSON), "{target}: {}", answer.text());
    }
    assert_eq!(get(client, "/v1/companies/c-stays").status, 200, "the company is somebody else");
}

#[test]
fn a_deletion_under_load_hides_at_once_and_leaves_nothing_in_any_file() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path(), &SMALL_FILES);
    let mut client = client(&server);
    fill(&mut client);
    assert!(!files_with_secrets(data.path()).is_empty(), "the search finds what is there");
    let told = client.ask(&Request::get(&format!("/v1/users/{PERSON}/events")).key(KEY)).json();
    let event =
        Request::get(&format!("/v1/events/{}", told["data"][0]["position"].as_str().unwrap())).key(KEY);
    assert!(client.ask(&event).text().contains(PERSON));
    let (stop, sent) = (AtomicBool::new(false), AtomicU64::new(0));
    let address = address(&server);
    let id = std::thread::scope(|scope| {
        for thread in 0..4 {
            let (stop, sent) = (&stop, &sent);
            scope.spawn(move || {
                let mut client = Client::connect(address);
                for number in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let body =
                        format!(r#"{{"user_id":"load-{thread}-{number}","metadata":{{"n":{number}}}}}"#);
                    assert_eq!(client.ask(&Request::post("/v1/identify", body).key(KEY)).status, 202);
                    sent.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        until("there is load", || sent.load(Ordering::Relaxed) > 200);
        let answer = delete(&mut client, "/v1/users", &json!({"users": [PERSON, "nobody-at-all"]}));
        assert_eq!(answer.status, 202, "{}", answer.text());
        assert_eq!(answer.json()["message"], "2 users are scheduled for deletion");
        let id = answer.json()["job_id"].as_str().unwrap().to_owned();
        check_hidden(&mut client);
        client.ask(&event).is_refused(404, "event_unknown");
        let before = sent.load(Ordering::Relaxed);
        let erasure = certified(&mut client, &id);
        assert!(sent.load(Ordering::Relaxed) > before, "writes went on meanwhile");
        check_hidden(&mut client);
        client.ask(&event).is_refused(404, "event_unknown");
        check_certificate(&erasure);
        stop.store(true, Ordering::Relaxed);
        id
    });
    assert_eq!(files_with_secrets(data.path()), Vec::<String>::new());
    let has_segments = |entry: std::fs::DirEntry| entry.path().extension().is_some_and(|name| name == "seg");
    let history = std::fs::read_dir(data.path().join("environments/1/history")).unwrap();
    assert!(history.flatten().any(has_segments), "history was in files");
    let stored = sent.load(Ordering::Relaxed);
    let ledger = client.ask(&Request::get("/v1/ledger").key(KEY)).json();
    assert_eq!(
        (ledger["totals"]["stored"].as_u64(), ledger["balanced"].as_bool()),
        (Some(stored + 3), Some(true))
    );
    let jobs = client.ask(&Request::get("/v1/background_jobs").key(KEY)).json();
    assert_eq!((jobs[0]["job_id"].as_str(), jobs[0]["type"].as_str()), (Some(id.as_str()), Some("delete")));
    client
        .ask(&Request::new("DELETE", &format!("/v1/background_jobs/{id}")).key(KEY))
        .is_refused(409, "job_not_cancellable");
    let shown = on(data.path(), &["certificate", &id, "--json"]).json();
    assert_eq!(shown["erasure"]["status"], "completed");
    server.stop();
    let again = on(data.path(), &["certificate", &id, "--json"]).json();
    assert_eq!(again, shown, "the directory says what the server said");
    assert!(on(data.path(), &["verify"]).worked().contains("Nothing is wrong."));
    assert_eq!(files_with_secrets(data.path()), Vec::<String>::new());
}

fn check_certificate(erasure: &Value) {
    let text = erasure.to_string();
    assert!(SECRETS.iter().all(|secret| !text.contains(secret)), "{text}");
    let certificate = &erasure["certificate"];
    assert_eq!(certificate["subjects"].as_array().unwrap().len(), 2);
    let removed = |place: usize, what: &str| certificate["places"][place]["removed"][what].as_u64();
    assert_eq!(removed(0, "events"), Some(2), "{text}");
    assert_eq!(removed(0, "events_reduced"), Some(1), "{text}");
    assert_eq!(removed(0, "guards"), Some(1), "{text}");
    assert_eq!(removed(1, "rejected_rows"), Some(1), "{text}");
    assert_eq!(removed(2, "profiles"), Some(1), "{text}");
    assert_eq!(certificate["places"][3]["place"], "history");
    assert_eq!(removed(3, "events"), Some(2), "{text}");
    assert_eq!(removed(3, "events_reduced"), Some(1), "{text}");
    assert_eq!(certificate["places"][4]["place"], "segments");
    assert_eq!(removed(4, "listed"), Some(1), "{text}");
    assert_eq!(certificate["places"][5]["place"], "exports");
    for place in certificate["places"].as_array().unwrap() {
        assert_eq!(place["found"], 0, "{text}");
    }
}

#[test]
fn a_deletion_survives_kill_9_at_any_moment_and_goes_on() {
    let data = tempfile::tempdir().unwrap();
    let mut others = 0;
    for round in 0u64..4 {
        let mut server = start(data.path(), &SMALL_FILES);
        let mut before = client(&server);
        fill(&mut before);
        for number in 0..50 {
            let body = format!(r#"{{"user_id":"other-{round}-{number}","metadata":{{"n":{number}}}}}"#);
            assert_eq!(before.ask(&Request::post("/v1/identify", body).key(KEY)).status, 202);
            others += 1;
        }
        let answer = delete(&mut before, "/v1/users", &json!({"users": [PERSON]}));
        let id = answer.json()["job_id"].as_str().unwrap().to_owned();
        // Each round a little later into the purge; the exact moment is the scheduler's.
        for _ in 0..round * 20 {
            before.ask(&Request::get(&format!("/v1/erasures/{id}")).key(KEY));
        }
        server.signal("KILL");
        server.ended();
        let server = start(data.path(), &SMALL_FILES);
        let mut after = client(&server);
        check_hidden(&mut after);
        let erasure = certified(&mut after, &id);
        assert_eq!(erasure["certificate"]["places"][2]["removed"]["profiles"], 1, "round {round}: {erasure}");
        check_hidden(&mut after);
        assert_eq!(files_with_secrets(data.path()), Vec::<String>::new(), "round {round}");
        let census = after.ask(&Request::get("/v1/users?limit=1000&q=other").key(KEY)).json();
        assert_eq!(census["data"].as_array().unwrap().len(), others, "round {round}");
        server.stop();
        assert!(on(data.path(), &["verify"]).worked().contains("Nothing is wrong."));
    }
}

#[test]
fn a_suppressed_person_stays_away_and_the_ledger_says_so() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path(), &SMALL_FILES);
    let mut client = client(&server);
    fill(&mut client);
    let answer = delete(&mut client, "/v1/users", &json!({"users": [PERSON], "suppress": true}));
    let id = answer.json()["job_id"].as_str().unwrap().to_owned();
    assert_eq!(certified(&mut client, &id)["suppress"], true);
    let body = json!({"user_id": PERSON, "metadata": {"note": SECRETS[2]}}).to_string();
    let answer = client.ask(&Request::post("/v1/identify", &body).key(KEY));
    assert_eq!((answer.status, answer.json()), (202, json!({"status": "suppressed", "warnings": []})));
    let rows = format!("{body}\n{{\"user_id\":\"somebody-else\"}}\n");
    let job = id_of(&client.ask(&upload("/v1/users/bulk_identify", "more.ndjson", rows.as_bytes())));
    let job = ended(&mut client, &job);
    let counts =
        ["accepted_rows", "suppressed_rows", "completed_rows"].map(|name| job[name].as_u64().unwrap());
    assert_eq!(counts, [1, 1, 2], "{job}");
    check_hidden(&mut client);
    let ledger = client.ask(&Request::get("/v1/ledger").key(KEY)).json();
    assert_eq!((&ledger["totals"]["suppressed"], &ledger["balanced"]), (&json!(2), &json!(true)), "{ledger}");
    assert_eq!(files_with_secrets(data.path()), Vec::<String>::new());
}

#[test]
fn a_dry_run_and_a_refused_deletion_change_nothing() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path(), &SMALL_FILES);
    let mut client = client(&server);
    fill(&mut client);
    let answer = delete(&mut client, "/v1/users?dry_run=true", &json!({"users": [PERSON, "nobody"]}));
    assert_eq!(answer.status, 202, "{}", answer.text());
    assert_eq!(
        answer.json(),
        json!({"message": "2 users are named; nothing was changed",
               "would": {"profiles": 1, "unknown": 1, "members": 0, "events": 2}})
    );
    let answer = delete(&mut client, "/v1/companies?dry_run=true", &json!({"companies": ["c-stays"]}));
    assert_eq!(answer.json()["would"], json!({"profiles": 1, "unknown": 0, "members": 1, "events": 0}));
    delete(&mut client, "/v1/users", &json!({"users": []})).is_refused(400, "field_invalid");
    delete(&mut client, "/v1/users", &json!({"users": [PERSON, ""]})).is_refused(400, "id_empty");
    assert_eq!(
        client.ask(&Request::get("/v1/erasures").key(KEY)).json(),
        json!({"data": [], "next_cursor": null})
    );
    assert_eq!(client.ask(&Request::get(&format!("/v1/users/{PERSON}")).key(KEY)).status, 200);
    client.ask(&Request::get("/v1/erasures/delete:jobs:x").key(KEY)).is_refused(404, "erasure_unknown");
}

/// Everything that a list shows on pages of two.
fn paged(world: &World, path: &str) -> Vec<Value> {
    let (mut seen, mut target) = (Vec::new(), format!("{path}?limit=2"));
    loop {
        let page = world.get(&target).json();
        let items = page["data"].as_array().unwrap();
        assert!(items.len() <= 2, "{page}");
        seen.extend(items.iter().cloned());
        let Some(cursor) = page["next_cursor"].as_str() else { return seen };
        target = format!("{path}?limit=2&cursor={cursor}");
    }
}

#[test]
fn erasures_and_jobs_come_in_pages_and_say_who_asked() {
    let world = World::start();
    let admin = world.owner().invite("admin");
    for number in 0..4 {
        world.pass(1_000_000);
        let body = json!({"users": [format!("nobody-{number}")]}).to_string();
        assert_eq!(
            world.ask(&Request::with_body("DELETE", "/v1/users", body).key(crate::world::KEY)).status,
            202
        );
    }
    // At the same moment as the last deletion.
    let job = id_of(&world.post("/v1/users/bulk_identify", r#"{"users":[{"user_id":"u-1"}]}"#));
    world.pass(1_000_000);
    let body = json!({"companies": ["nothing"]});
    let asked = admin.request("DELETE", "/v1/companies", Some(&body)).header("Muster-Environment", "1");
    assert_eq!(admin.send(&asked).status, 202);
    // Nothing of the list changes any more: here nobody purges.
    until("the upload is done", || {
        world.get(&format!("/v1/background_jobs/{job}")).json()["status"] == "completed"
    });

    let jobs = world.get("/v1/background_jobs").json();
    assert_eq!(jobs[1]["job_id"], json!(job), "{jobs}");
    assert_eq!(jobs.as_array().unwrap().len(), 6, "an array, as the contract says");
    assert_eq!(json!(paged(&world, "/v1/background_jobs")), jobs);
    let whole = world.get("/v1/background_jobs?limit=6").json();
    assert_eq!(whole, json!({"data": jobs, "next_cursor": null}));
    let erasures = world.get("/v1/erasures").json()["data"].clone();
    assert_eq!(json!(paged(&world, "/v1/erasures")), erasures);
    let asked: Vec<&Value> =
        erasures.as_array().unwrap().iter().map(|erasure| &erasure["asked_by"]).collect();
    let key = json!({"kind": "key", "name": "test"});
    assert_eq!(asked, [&json!({"kind": "member", "name": "admin"}), &key, &key, &key, &key]);
    for path in ["/v1/background_jobs", "/v1/erasures"] {
        world.get(&format!("{path}?cursor=00")).is_refused(400, "cursor_invalid");
        world.get(&format!("{path}?limit=0")).is_refused(400, "parameter_invalid");
    }
}

#[test]
fn a_key_without_the_scope_erases_nobody_and_the_audit_tells_of_who_does() {
    let world = World::start();
    world.post("/v1/identify", &format!(r#"{{"user_id":"{PERSON}"}}"#));
    world.add_key("key-that-only-sends", |key| {
        key.scopes = vec![muster_kernel::model::catalog::Scope::Ingest];
    });
    let request = |key: &str| {
        Request::with_body("DELETE", "/v1/users", json!({"users": [PERSON]}).to_string()).key(key)
    };
    world.ask(&request("key-that-only-sends")).is_refused(403, "scope_missing");
    assert_eq!(world.get(&format!("/v1/users/{PERSON}")).status, 200);
    let answer = world.ask(&request(crate::world::KEY));
    assert_eq!(answer.status, 202, "{}", answer.text());
    world.get(&format!("/v1/users/{PERSON}")).is_refused(404, "user_unknown");
    let audit = world.with_office(|office| muster_server::admin::list_audit(u64::MAX, 10, office)).unwrap();
    let entry = &audit[0];
    assert_eq!(entry.act.as_str(), "erasure_accepted");
    assert_eq!((entry.details["users"].as_str(), entry.details["key"].as_str()), ("1", "1"));
    assert!(!format!("{entry:?}").contains(PERSON), "{entry:?}");
}
