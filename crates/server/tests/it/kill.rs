//! `kill -9` under load: every acknowledged write is there after the restart, none is doubled.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::client::{Client, Request};
use crate::whole::{KEY, address, client, start};

const CLIENTS: usize = 64;
/// So that history is written while the process is killed.
const SMALL_FILES: [(&str, &str); 1] = [("MUSTER_HISTORY__SEAL_EVENTS", "64")];
/// Acknowledged writes after which the process may be killed; the exact moment is the scheduler's.
const WRITES_BEFORE_KILL: u64 = 400;

/// What the clients of one round sent, and what of it was acknowledged.
#[derive(Default)]
struct Round {
    sent: AtomicU64,
    acknowledged: Mutex<Vec<String>>,
    stop: AtomicBool,
}

/// Writes until the server is gone. Half of the calls carry an `Idempotency-Key`.
fn write(round: &Round, address: std::net::SocketAddr, prefix: &str) {
    let mut client = Client::connect(address);
    for number in 0u64.. {
        if round.stop.load(Ordering::Relaxed) {
            return;
        }
        let id = format!("{prefix}-{number}");
        let body = format!(
            r#"{{"user_id":"{id}","metadata":{{"round":"{prefix}"}},"company":{{"id":"c-{prefix}"}}}}"#
        );
        let mut request = Request::post("/v1/identify", body).key(KEY);
        if number % 2 == 0 {
            request = request.header("Idempotency-Key", &id);
        }
        round.sent.fetch_add(1, Ordering::Relaxed);
        if client.try_write(&request.bytes()).is_err() {
            return;
        }
        match client.try_answer(false) {
            Some(answer) => {
                assert_eq!(answer.status, 202, "{}", answer.text());
                round.acknowledged.lock().unwrap().push(id);
            }
            None => return,
        }
    }
}

/// Loads a server, kills it, restarts it and checks. Everything of earlier rounds must be there still.
fn kill_round(data: &Path, number: usize, before: &mut HashMap<String, ()>) {
    let mut server = start(data, &SMALL_FILES);
    let round = Arc::new(Round::default());
    let address = address(&server);
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let round = Arc::clone(&round);
            scope.spawn(move || write(&round, address, &format!("r{number}c{client}")));
        }
        let enough = WRITES_BEFORE_KILL * (1 + number as u64 % 4);
        while (round.acknowledged.lock().unwrap().len() as u64) < enough {
            std::thread::yield_now();
        }
        server.signal("KILL");
        server.ended();
        round.stop.store(true, Ordering::Relaxed);
    });
    before.extend(round.acknowledged.lock().unwrap().drain(..).map(|id| (id, ())));
    let verified = crate::process::on(data, &["verify"]);
    assert_eq!(verified.code, Some(0), "round {number}, as it was left: {} {}", verified.out, verified.err);
    let server = start(data, &SMALL_FILES);
    let stored = all_events(&mut client(&server));
    let counted = client(&server).ask(&Request::get("/v1/events/counts").key(KEY)).json();
    assert_eq!(
        counted["series"][0]["total"].as_u64(),
        Some(stored.len() as u64),
        "history has each event once"
    );
    for id in before.keys() {
        assert_eq!(stored.get(id), Some(&1), "round {number}: {id} was acknowledged");
    }
    assert!(stored.values().all(|count| *count == 1), "round {number}: something is stored twice");
    let of_round = stored.keys().filter(|id| id.starts_with(&format!("r{number}c"))).count() as u64;
    let sent = round.sent.load(Ordering::Relaxed);
    assert!(of_round <= sent, "round {number}: {of_round} stored, {sent} sent");
    let mut reader = client(&server);
    for id in before.keys().take(50) {
        assert_eq!(reader.ask(&Request::get(&format!("/v1/users/{id}")).key(KEY)).status, 200, "{id}");
    }
    let stopped = server.stop();
    assert_eq!(stopped.code, Some(0), "{}", stopped.err);
}

/// Every user id in the log, and how often it stands there.
pub fn all_events(client: &mut Client) -> HashMap<String, u32> {
    let mut found = HashMap::new();
    let mut after = "start".to_owned();
    loop {
        let answer = client.ask(&Request::get(&format!("/v1/events?limit=1000&after={after}")).key(KEY));
        assert_eq!(answer.status, 200, "{}", answer.text());
        let page = answer.json();
        for event in page["data"].as_array().unwrap() {
            *found.entry(event["user_id"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        match &page["next_cursor"] {
            Value::String(next) => after.clone_from(next),
            _ => return found,
        }
    }
}

fn kill_rounds(rounds: usize) {
    let data = tempfile::tempdir().unwrap();
    let mut acknowledged = HashMap::new();
    for number in 0..rounds {
        kill_round(data.path(), number, &mut acknowledged);
    }
    let verified = crate::process::on(data.path(), &["verify"]);
    assert_eq!(verified.code, Some(0), "{} {}", verified.out, verified.err);
}

#[test]
fn nothing_acknowledged_is_lost_or_doubled_by_kill_9() {
    kill_rounds(10);
}

#[test]
#[ignore = "soak"]
fn nothing_acknowledged_is_lost_or_doubled_by_kill_9_soak() {
    kill_rounds(100);
}
