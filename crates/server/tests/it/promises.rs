//! Promises over the whole server under load: read your writes, a ledger that balances, one sync for many.

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use crate::client::Request;
use crate::whole::{KEY, address, client, start};

fn identify(id: &str, n: u64) -> Request {
    Request::post("/v1/identify", format!(r#"{{"user_id":"{id}","metadata":{{"n":{n}}}}}"#)).key(KEY)
}

#[test]
fn an_acknowledged_write_is_in_the_next_read_of_another_connection() {
    let data = tempfile::tempdir().unwrap();
    // Small enough that profiles move into the store all the time.
    let server = start(data.path(), &[("MUSTER_STORAGE__OVERLAY_BYTES_MAX", "1048576")]);
    let address = address(&server);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for load in 0..8 {
            let stop = &stop;
            scope.spawn(move || {
                let mut client = crate::client::Client::connect(address);
                for n in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    assert_eq!(client.ask(&identify(&format!("load-{load}-{}", n % 5000), n)).status, 202);
                }
            });
        }
        let (mut writer, mut reader) = (client(&server), client(&server));
        for n in 0..10_000u64 {
            let id = format!("mine-{}", n % 700);
            let position = writer.ask(&identify(&id, n)).header("muster-position").unwrap().to_owned();
            let read = reader.ask(&Request::get(&format!("/v1/users/{id}")).key(KEY));
            assert_eq!(
                (read.status, &read.json()["properties"]["n"]),
                (200, &Value::from(n)),
                "write {n} at {position}"
            );
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn the_ledger_balances_after_good_bad_and_repeated_calls_and_after_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path(), &[]);
    let mut client_ = client(&server);
    let (mut stored, mut duplicate, mut rejected) = (0u64, 0u64, 0u64);
    for n in 0..600u64 {
        let request = match n % 6 {
            0 | 1 => identify(&format!("u{n}"), n),
            2 => identify("once", 1).header("Idempotency-Key", &format!("k{}", n / 36)),
            3 => Request::post("/v1/identify", r#"{"metadata":{}}"#).key(KEY),
            4 => Request::post("/v1/track", r#"{"user_id":"u"}"#).key(KEY),
            _ => Request::post("/v1/companies/identify", "{not json").key(KEY),
        };
        let answer = client_.ask(&request);
        match (answer.status, answer.header("muster-duplicate")) {
            (200..=299, None) => stored += 1,
            (200..=299, Some(_)) => duplicate += 1,
            (400, _) => rejected += 1,
            other => panic!("{other:?}: {}", answer.text()),
        }
    }
    assert!(stored > 200 && duplicate > 50 && rejected == 300);
    let check = |ledger: &Value| {
        let total =
            |name: &str| ledger["totals"][name].as_u64().unwrap_or_else(|| panic!("{name} in {ledger}"));
        assert_eq!(
            (total("stored"), total("duplicate"), total("rejected")),
            (stored, duplicate, rejected),
            "{ledger}"
        );
        assert_eq!(total("received"), 600);
        assert_eq!(ledger["balanced"], true);
    };
    let ask =
        |server: &crate::process::Server| client(server).ask(&Request::get("/v1/ledger").key(KEY)).json();
    check(&ask(&server));
    server.stop();
    let server = start(data.path(), &[]);
    check(&ask(&server));
}

/// Counts what the kernel was asked to sync while the server ran, by tracing the real process. The disk is made slow, so that
/// how many write together does not hang on how quickly they are woken.
#[test]
fn many_writes_share_one_sync_and_no_answer_comes_without_one() {
    let data = tempfile::tempdir().unwrap();
    let trace = data.path().join("trace.txt");
    let server = start(&data.path().join("data"), &[("MUSTER_STORAGE__OVERLAY_AGE_MS_MAX", "3600000")]);
    let address = address(&server);
    let mut strace = Command::new("strace")
        .args(["-f", "-q", "-e", "trace=fdatasync", "-e", "inject=fdatasync:delay_enter=10000", "-o"])
        .arg(&trace)
        .args(["-p", &server.id().to_string()])
        .spawn()
        .unwrap_or_else(|error| {
            panic!("this test needs strace, which scripts/install-tools installs: {error}")
        });
    let syncs = || std::fs::read_to_string(&trace).unwrap_or_default().matches("fdatasync(").count();
    // Attached once a write of ours shows up in the trace.
    let mut probe = client(&server);
    while syncs() == 0 {
        assert_eq!(probe.ask(&identify("probe", 1)).status, 202);
    }
    let before = syncs();
    for n in 0..20 {
        assert_eq!(probe.ask(&identify("alone", n)).status, 202);
    }
    let alone = syncs() - before;
    assert!(alone >= 20, "one write at a time: each answer waits for a sync of its own, seen {alone}");
    let before = syncs();
    std::thread::scope(|scope| {
        for worker in 0..64 {
            scope.spawn(move || {
                let mut client = crate::client::Client::connect(address);
                for n in 0..20 {
                    assert_eq!(client.ask(&identify(&format!("w{worker}"), n)).status, 202);
                }
            });
        }
    });
    let together = syncs() - before;
    let _ = strace.kill();
    let _ = strace.wait();
    assert!((1..64 * 20 / 4).contains(&together), "1,280 writes of 64 clients took {together} syncs");
}
