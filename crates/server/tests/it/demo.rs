//! `make demo` against the built binary. It stands here, because only the server's own tests are given that binary.

use std::net::SocketAddr;

use muster_demo::{Options, fill, trickle};
use serde_json::Value;

use crate::client::{Client, Request};
use crate::process::on;
use crate::whole::{KEY, address, client, start};

fn options(address: SocketAddr, key: &str) -> Options {
    Options { address, key: key.to_owned(), seed: 1, users: 50, days: 90, now: None, connections: 8 }
}

fn get(client: &mut Client, target: &str) -> Value {
    let answer = client.ask(&Request::get(target).key(KEY));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

fn encoded(id: &str) -> String {
    id.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// What a demo that failed said.
fn complaint(options: &Options) -> String {
    fill(options, &mut |_| {}).unwrap_err().to_string()
}

#[test]
fn a_small_demo_arrives_whole_and_agrees_with_the_ledger() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path(), &[]);
    let options = options(address(&server), KEY);
    let mut lines = Vec::new();
    let told = fill(&options, &mut |line| lines.push(line.to_owned())).unwrap();
    assert_eq!(lines[0], "4 companies, 50 users, 90 days of events");
    let mut client = client(&server);
    let companies = get(&mut client, "/v1/companies?limit=1000");
    assert_eq!(companies["data"].as_array().unwrap().len(), 4);
    for person in &told.story.people {
        let shown = get(&mut client, &format!("/v1/users/{}", encoded(&person.id_text())));
        assert_eq!(shown["user_id"], person.id_text().as_str(), "{person:?}");
    }
    let totals = &get(&mut client, "/v1/ledger")["totals"];
    let counts = &told.counts;
    let in_ledger = counts.all() - counts.unknown_key;
    assert_eq!(
        [&totals["received"], &totals["stored"], &totals["duplicate"]],
        [in_ledger, counts.accepted, counts.duplicate]
    );
    assert!(counts.duplicate > 0 && counts.unknown_key > 0 && counts.refused.len() > 15, "{counts:?}");
}

const SAVED: [&str; 5] =
    ["/v1/segments", "/v1/reports", "/v1/dashboards", "/v1/content/flows", "/v1/content/surveys"];

/// Everything that is saved, with its numbers, names and versions; of content some kinds.
fn saved(client: &mut Client) -> Vec<Value> {
    SAVED.iter().map(|path| get(client, path)["items"].clone()).collect()
}

const EXPORTS: &str = "/api/v1/analytics/exports/jobs";

#[test]
fn a_demo_saves_segments_reports_and_a_dashboard_that_have_answers() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path(), &[]);
    let mut lines = Vec::new();
    fill(&options(address(&server), KEY), &mut |line| lines.push(line.to_owned())).unwrap();
    let said = "6 segments, 7 reports, 1 dashboard and 19 items of content are saved";
    assert!(lines.iter().any(|line| line == said), "{lines:?}");
    let mut client = client(&server);
    let all = saved(&mut client);
    let [segments, reports, dashboards] = [&all[0], &all[1], &all[2]].map(|items| items.as_array().unwrap());
    for segment in segments {
        let members = get(&mut client, &format!("/v1/segments/{}/members", segment["id"]));
        let is_small = segment["name"] != "Power users" && segment["name"] != "Customer board";
        assert!(is_small || members["total"].as_u64().unwrap() > 0, "{}", segment["name"]);
    }
    for report in reports {
        let target = format!("/v1/reports/{}", report["kind"].as_str().unwrap());
        let answer = client.ask(&Request::post(&target, report["question"].to_string()).key(KEY));
        assert_eq!(answer.status, 200, "{}: {}", report["name"], answer.text());
    }
    let numbers: Vec<&Value> = reports.iter().map(|report| &report["id"]).collect();
    assert_eq!(dashboards[0]["reports"].as_array().unwrap().iter().collect::<Vec<_>>(), numbers);
}

#[test]
fn a_demo_names_its_content_exports_and_has_somebody_forgotten() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path(), &[]);
    fill(&options(address(&server), KEY), &mut |_| {}).unwrap();
    let mut client = client(&server);
    for kind in muster_kernel::model::content::ContentKind::ALL {
        let lookup = format!("/api/v1/analytics/exports/lookups/{}", kind.as_str());
        assert!(!get(&mut client, &lookup).as_array().unwrap().is_empty(), "{lookup}");
    }
    let exports = get(&mut client, EXPORTS);
    assert_eq!(exports.as_array().unwrap().len(), 2);
    for listed in exports.as_array().unwrap() {
        let export = get(&mut client, &format!("{EXPORTS}/{}", listed["id"].as_str().unwrap()));
        assert_eq!(export["status"], "completed");
        assert!(export["presigned_urls"][0]["rows"].as_u64().unwrap() > 0, "{export}");
    }
    let erasures = get(&mut client, "/v1/erasures");
    assert_eq!(erasures["data"][0]["status"], "completed");
    let places = erasures["data"][0]["certificate"]["places"].as_array().unwrap();
    assert!(places.iter().all(|place| place["found"] == 0), "{places:?}");
    let forgotten = client.ask(&Request::get("/v1/users/u_closed_1").key(KEY));
    forgotten.is_refused(404, "user_unknown");
}

#[test]
fn the_same_demo_can_be_told_twice() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path(), &[]);
    let first = fill(&options(address(&server), KEY), &mut |_| {}).unwrap();
    let mut client = client(&server);
    let before = saved(&mut client);
    let again = fill(&options(address(&server), KEY), &mut |_| {}).unwrap();
    assert_eq!(again.counts.refused, first.counts.refused, "the same seed makes the same mistakes");
    assert_eq!(saved(&mut client), before, "what is saved stays as it is");
    assert_eq!(get(&mut client, EXPORTS).as_array().unwrap().len(), 2);
    assert_eq!(get(&mut client, "/v1/erasures")["data"].as_array().unwrap().len(), 1);
}

#[test]
fn a_key_that_may_not_save_fills_all_the_same() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path(), &[]);
    let made = on(data.path(), &["keys", "create", "--environment", "Production", "--name", "x"]).worked();
    let key = made.lines().nth(2).unwrap().trim();
    let mut lines = Vec::new();
    fill(&options(address(&server), key), &mut |line| lines.push(line.to_owned())).unwrap();
    let expected = "no segments, reports and content are saved: that needs a key with the scope `admin`";
    assert!(lines.iter().any(|line| line == expected), "{lines:?}");
    assert_eq!(saved(&mut client(&server)), vec![Value::Array(Vec::new()); SAVED.len()]);
}

#[test]
fn the_trickle_goes_on_until_it_is_enough() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path(), &[]);
    let options = options(address(&server), KEY);
    let told = fill(&options, &mut |_| {}).unwrap();
    let mut turns = 0;
    let mut two_hundred = |_: u64| {
        turns += 1;
        turns <= 200
    };
    let counts = trickle(&options, &told.story, &mut two_hundred, &mut |_| {}).unwrap();
    let totals = &get(&mut client(&server), "/v1/ledger")["totals"];
    assert!(counts.accepted >= 190, "{counts:?}");
    assert_eq!(totals["stored"], told.counts.accepted + counts.accepted);
}

#[test]
fn what_keeps_a_demo_from_running_is_said_in_a_sentence() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path(), &[]);
    let address = address(&server);
    let said = complaint(&options(address, "another-key"));
    assert!(said.starts_with("the server does not take this key: 401 key_unknown ("), "{said}");
    assert_eq!(complaint(&options(address, "a key\r\n")), "the key must be visible ASCII characters");
    assert_eq!(server.stop().code, Some(0));
    let expected = format!("no server answers on {address}; start one with `make run` in another terminal");
    assert_eq!(complaint(&options(address, KEY)), expected);
}

#[test]
fn another_answer_than_expected_ends_the_demo() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path(), &[]);
    on(data.path(), &["environments", "set", "Production", "--nested-values", "refuse"]).worked();
    let said = complaint(&options(address(&server), KEY));
    assert!(said.contains(" was answered 400 property_value_nested ("), "{said}");
    assert!(said.contains(" and not success. The body began: {"), "{said}");
}
