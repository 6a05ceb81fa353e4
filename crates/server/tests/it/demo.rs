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

#[test]
fn the_same_demo_can_be_told_twice() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path(), &[]);
    let first = fill(&options(address(&server), KEY), &mut |_| {}).unwrap();
    let again = fill(&options(address(&server), KEY), &mut |_| {}).unwrap();
    assert_eq!(again.counts.refused, first.counts.refused, "the same seed makes the same mistakes");
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
