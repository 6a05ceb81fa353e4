//! What arrives: recorded calls, their stream, and the causes of refusals.

use muster_kernel::model::team::Role;
use muster_kernel::model::time::SECOND;
use serde_json::{Value, json};

use crate::client::{Client, Request};
use crate::console::Browser;
use crate::watched::{Watched, sign_in};
use crate::whole;
use crate::world::{KEY, OTHER_KEY, until};

const ADA: &str = r#"{"user_id":"ada","metadata":{"plan":"pro"}}"#;

/// An open stream of server-sent events.
struct Events {
    client: Client,
    text: String,
}

impl Events {
    /// Opens the stream of the production environment and waits until it has begun.
    fn open(world: &Watched, query: &str) -> Self {
        Events::resume(world, query, None)
    }

    fn resume(world: &Watched, query: &str, last: Option<u64>) -> Self {
        let mut request = world.console(&format!("live?{query}"));
        if let Some(last) = last {
            request = request.header("Last-Event-ID", &last.to_string());
        }
        Events::begin(world.client(), &request)
    }

    fn begin(mut client: Client, request: &Request) -> Self {
        client.write(&request.bytes());
        let head = client.head().unwrap();
        assert_eq!((head.status, head.header("content-type")), (200, Some("text/event-stream")));
        let mut events = Events { client, text: String::new() };
        assert!(events.block().unwrap().starts_with("retry:"));
        events
    }

    /// What stands before the next empty line.
    fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                return Some(block);
            }
            self.text += &self.client.piece()?;
        }
    }

    /// The next event: its name, its id and what it holds.
    fn any(&mut self) -> Option<(String, Option<u64>, Value)> {
        let block = self.block()?;
        let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
        let id = field("id: ").map(|id| id.parse().unwrap());
        Some((field("event: ")?, id, serde_json::from_str(&field("data: ")?).unwrap()))
    }

    /// The next event of this name; others are passed over.
    fn next(&mut self, name: &str) -> Value {
        loop {
            let (found, id, data) = self.any().expect("an event before the end of the stream");
            if found == name {
                assert_eq!(id, data["sequence"].as_u64());
                return data;
            }
        }
    }
}

/// A recorded call without what differs from run to run.
fn plain(mut call: Value) -> Value {
    for name in ["sequence", "duration_us"] {
        assert!(call[name].take().is_u64(), "{call}");
    }
    assert_eq!(call["request_id"].take().as_str().map(str::len), Some(20));
    call
}

/// A body with so many problems that a recorded call of it is large.
fn many_problems() -> String {
    let properties: Vec<String> = (0..120).map(|n| format!(r#""{n}-{}":1e999"#, "x".repeat(200))).collect();
    format!(r#"{{"user_id":"u","metadata":{{{}}}}}"#, properties.join(","))
}

#[test]
fn a_call_is_seen_as_it_arrives() {
    let world = Watched::start();
    let mut events = Events::open(&world, "");
    let body = r#"{"user_id":"ada","event_name":"paid","metadata":{"a":{}},"company":{"id":"acme"}}"#;
    world.post("/v1/track", body);
    let seen = events.next("call");
    let sequence = seen["sequence"].as_u64().unwrap();
    let mut expected = json!({
        "sequence": null, "duration_us": null, "request_id": null, "at": "2026-11-21T06:21:09.123456Z",
        "method": "POST", "path": "/v1/track", "route": "/v1/track", "status": 202,
        "key": {"id": 1, "name": "test", "hint": "0001"}, "subject": {"kind": "user", "id": "ada"},
        "event_name": "paid", "outcome": "stored", "position": "0a0b0c0d-1", "errors": [],
        "warnings": [{
            "pointer": "/metadata/a", "code": "nested_value",
            "message": "This value is an object; it was kept as its JSON text, which filters read as one string.",
        }],
    });
    assert_eq!(plain(seen), expected);
    let detail = world.read(&format!("calls/{sequence}"));
    let answered = json!({"status": "accepted", "warnings": expected["warnings"]});
    let answer: Value = serde_json::from_str(detail["response_body"].as_str().unwrap()).unwrap();
    assert_eq!(answer, answered);
    expected["response_body"] = detail["response_body"].clone();
    expected["response_body_truncated"] = json!(false);
    expected["request_body"] = json!(body);
    expected["request_body_truncated"] = json!(false);
    expected["changes"] = json!([{"of": "user", "name": "company_id", "before": null, "after": "acme"}]);
    assert_eq!(plain(detail), expected);
}

#[test]
fn what_a_call_changed_is_kept_with_it() {
    let world = Watched::start();
    world.post("/v1/identify", ADA);
    world.pass(SECOND);
    let again = r#"{"user_id":"ada","metadata":{"plan":"team","seats":3},"company":{"id":"acme","tier":1}}"#;
    let keyed = Request::post("/v1/identify", again).key(KEY).header("Idempotency-Key", "k");
    world.ask(&keyed);
    world.ask(&keyed);
    world.pass(SECOND);
    world.ask(&Request::new("DELETE", "/v1/users/ada/company").key(KEY));
    let calls = world.read("calls");
    let found: Vec<_> = calls["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|call| {
            let detail = world.read(&format!("calls/{}", call["sequence"]));
            (call["outcome"].as_str().unwrap().to_owned(), detail["changes"].clone())
        })
        .collect();
    let change = |of: &str, name: &str, before: Value, after: Value| json!({"of": of, "name": name, "before": before, "after": after});
    let second = json!([
        change("user", "company_id", json!(null), json!("acme")),
        change("user", "plan", json!("pro"), json!("team")),
        change("user", "seats", json!(null), json!(3)),
        change("company", "tier", json!(null), json!(1)),
    ]);
    let detached = json!([change("user", "company_id", json!("acme"), json!(null))]);
    let first = json!([change("user", "plan", json!(null), json!("pro"))]);
    let named = |outcome: &str, changes: Value| (outcome.to_owned(), changes);
    let expected = [
        named("stored", detached),
        named("duplicate", json!([])),
        named("stored", second),
        named("stored", first),
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_refused_call_says_why_where_and_how_to_mend_it() {
    let world = Watched::start();
    let mut events = Events::open(&world, "status=refused");
    let body = r#"{"user_id":"ada","metadata":7,"company":{}}"#;
    world.post("/v1/identify", ADA);
    world.post("/v1/identify", body);
    let seen = events.next("call");
    assert_eq!((&seen["status"], &seen["outcome"]), (&json!(400), &json!("refused")));
    assert_eq!(seen["subject"], json!({"kind": "user", "id": "ada"}));
    let errors: Vec<_> = seen["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| {
            (
                error["details"].as_str().unwrap(),
                error["error_code"].as_str().unwrap(),
                error["remedy"].as_str().unwrap(),
            )
        })
        .collect();
    let expected = [
        ("/metadata", "metadata_type", "send an object"),
        ("/company", "company_id_missing", "send one, or leave `company` out"),
    ];
    assert_eq!(errors, expected);
    let detail = world.read(&format!("calls/{}", seen["sequence"]));
    assert_eq!((&detail["request_body"], &detail["changes"]), (&json!(body), &json!(null)));
    assert!(detail["response_body"].as_str().unwrap().contains("company_id_missing"));
    let problems = world.read("problems");
    let expected = json!([{
        "code": "metadata_type", "pointer": "/metadata", "route": "/v1/identify", "count": 1,
        "message": errors_message(&seen), "keys": [{"id": 1, "name": "test"}],
        "first_seen": seen["at"], "last_seen": seen["at"], "sample_sequence": seen["sequence"],
        "remedy": "send an object",
    }]);
    assert_eq!(problems["data"], expected);
    assert_eq!(
        problems["today"],
        json!({"from": "2026-11-21T00:00:00.000000Z", "by_code": {"metadata_type": 1}})
    );
}

fn errors_message(call: &Value) -> Value {
    call["errors"][0]["message"].clone()
}

#[test]
fn a_large_body_is_kept_in_part() {
    let world = Watched::start();
    let long = "é".repeat(20_000);
    world.post("/v1/identify", &format!(r#"{{"user_id":"ada","metadata":{{"bio":"{long}"}}}}"#));
    let call = &world.read("calls")["data"][0];
    let detail = world.read(&format!("calls/{}", call["sequence"]));
    assert_eq!(detail["request_body_truncated"], true);
    let kept = detail["request_body"].as_str().unwrap();
    assert!(kept.len() <= 16 * 1024 && kept.ends_with('é') && kept.starts_with(r#"{"user_id""#));
}

#[test]
fn a_call_with_an_unknown_key_is_shown_and_one_of_another_environment_is_not() {
    let world = Watched::start();
    let mut events = Events::open(&world, "");
    world.ask(&Request::post("/v1/identify", ADA).key(OTHER_KEY));
    world.ask(&Request::post("/v1/identify", ADA).key("key-that-nobody-knows"));
    world.ask(&Request::post("/v1/identify", ADA));
    world.ask(&Request::get("/favicon.ico"));
    world.ask(&Request::post("/v1/identify/user", ADA).key(KEY));
    let codes: Vec<_> = (0..3)
        .map(|_| {
            let call = events.next("call");
            (call["errors"][0]["error_code"].as_str().unwrap().to_owned(), call["key"]["id"].clone())
        })
        .collect();
    let expected = [
        ("key_unknown".to_owned(), json!(null)),
        ("key_missing".to_owned(), json!(null)),
        ("route_unknown".to_owned(), json!(1)),
    ];
    assert_eq!(codes, expected);
    let problems = world.read("problems");
    let causes: Vec<_> = problems["data"].as_array().unwrap().iter().map(|cause| &cause["code"]).collect();
    assert_eq!(causes.len(), 3, "{causes:?}");
}

#[test]
fn filters_pages_and_resuming_agree() {
    let world = Watched::start();
    for n in 0..3 {
        world.post("/v1/identify", &format!(r#"{{"user_id":"u-{n}"}}"#));
        world.post("/v1/track", &format!(r#"{{"user_id":"u-{n}","event_name":"paid"}}"#));
        world.post("/v1/track", "{");
        world.get(&format!("/v1/users/u-{n}"));
        world.pass(SECOND);
    }
    let page = |query: &str| {
        let page = world.read(&format!("calls?{query}"));
        let paths =
            page["data"].as_array().unwrap().iter().map(|call| call["path"].as_str().unwrap().to_owned());
        (paths.collect::<Vec<_>>(), page["next_cursor"].clone())
    };
    for (query, count) in [
        ("", 12),
        ("status=refused", 3),
        ("status=stored,read", 9),
        ("status=read&path=/v1/users/u-1", 1),
        ("path=/v1/track", 6),
        ("subject=u-1", 2),
        ("event=paid", 3),
        ("event=paid&subject=u-2", 1),
        ("key=1", 12),
        ("key=2", 0),
    ] {
        assert_eq!(page(query).0.len(), count, "{query}");
    }
    for bad in ["status=good", "key=x", "before=x", "limit=0"] {
        world.ask(&world.console(&format!("calls?{bad}"))).is_refused(400, "parameter_invalid");
    }
    let (first, next) = page("limit=5");
    assert_eq!(first, ["/v1/users/u-2", "/v1/track", "/v1/track", "/v1/identify", "/v1/users/u-1"]);
    let (rest, end) = page(&format!("limit=7&before={next}"));
    assert_eq!((rest.len(), end), (7, json!(null)));
    let sequences: Vec<u64> = world.read("calls")["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|call| call["sequence"].as_u64().unwrap())
        .collect();
    let resumed = |last| {
        let mut events = Events::resume(&world, "status=stored", Some(last));
        events.next("call")["sequence"].as_u64().unwrap()
    };
    assert_eq!(resumed(sequences[11]), sequences[10], "behind the first");
    assert_eq!(resumed(sequences[10]), sequences[7], "what the filter takes");
    assert_eq!(resumed(u64::MAX), sequences[11], "of another life");
    assert_eq!(resumed(1), sequences[11], "before the start");
    let after = format!("status=refused&after={}", sequences[5]);
    assert_eq!(Events::open(&world, &after).next("call")["sequence"], json!(sequences[1]));
}

#[test]
fn a_reader_that_takes_its_time_is_told_what_it_missed() {
    let world = Watched::start();
    let mut events = Events::open(&world, "");
    let (body, sent) = (many_problems(), 1500);
    let mut client = world.client();
    let request = Request::post("/v1/identify", &body).key(KEY);
    for n in 0..sent {
        assert_eq!(client.ask(&request).status, 400);
        if n % 40 == 0 {
            world.pass(SECOND);
        }
    }
    let (mut seen, mut missed) = (0, 0);
    while seen + missed < sent {
        let (name, _, data) = events.any().unwrap();
        seen += u64::from(name == "call");
        missed += if name == "skipped" { data["count"].as_u64().unwrap() } else { 0 };
    }
    assert_eq!(seen + missed, sent);
    assert!(seen > 0 && missed > 0, "{seen} seen, {missed} missed");
    let kept = world.read("calls?limit=1000")["data"].as_array().unwrap().len();
    assert!((10..400).contains(&kept), "bounded by bytes: {kept}");
}

#[test]
fn a_flood_of_good_calls_does_not_hide_a_refused_one() {
    let world = Watched::start();
    let mut client = world.client();
    let good = Request::post("/v1/identify", ADA).key(KEY);
    client.ask(&Request::post("/v1/identify", "{").key(KEY));
    for _ in 0..2000 {
        assert_eq!(client.ask(&good).status, 202);
    }
    let page = world.read("calls?limit=1000");
    let calls = page["data"].as_array().unwrap();
    assert_eq!(calls.iter().filter(|call| call["outcome"] == "refused").count(), 1);
    let kept = calls.len() as u64 - 1;
    assert_eq!(page["skipped"].as_u64().unwrap() + kept, 2000);
    assert_eq!(kept, 50, "the clock of this test stands still");
    let mut client = world.client();
    for _ in 0..200 {
        client.ask(&Request::post("/v1/identify", "[]").key(KEY));
    }
    let problems = world.read("problems");
    let causes: Vec<_> =
        problems["data"].as_array().unwrap().iter().map(|cause| (&cause["code"], &cause["count"])).collect();
    let expected = [(&json!("body_not_json"), &json!(1)), (&json!("body_not_object"), &json!(200))];
    assert_eq!(causes, expected, "causes count every refused call");
}

#[test]
fn the_rate_and_what_was_not_recorded_are_told_each_second() {
    let world = Watched::start();
    let mut events = Events::open(&world, "status=read");
    let mut client = world.client();
    for _ in 0..100 {
        client.ask(&Request::post("/v1/identify", ADA).key(KEY));
    }
    for _ in 0..20 {
        client.ask(&Request::post("/v1/identify", "{").key(KEY));
    }
    let (mut accepted, mut refused) = (0, 0);
    until("every call was told", || {
        let rate = events.next("rate");
        assert_eq!(rate["at"], "2026-11-21T06:21:09.123456Z");
        accepted += rate["accepted_per_s"].as_u64().unwrap();
        refused += rate["refused_per_s"].as_u64().unwrap();
        accepted > 0 && refused > 0
    });
    assert_eq!(events.next("skipped"), json!({"count": 50}));
}

#[test]
fn only_so_many_streams_are_open_and_each_gives_its_place_back() {
    let world = Watched::start();
    let open: Vec<_> = (0..64).map(|_| Events::open(&world, "")).collect();
    let one_more = world.console("live");
    let refused = world.ask(&one_more);
    refused.is_refused(503, "streams_exhausted");
    assert_eq!(refused.header("retry-after"), Some("1"));
    let metrics = || world.ask(&Request::get("/metrics")).text();
    let says = |line: &str| metrics().lines().any(|found| found == line);
    assert!(says("muster_live_streams 64"));
    assert!(says("muster_http_in_flight 1"), "a stream is answered once it has begun");
    drop(open);
    until("all places are free", || says("muster_live_streams 0"));
    Events::open(&world, "");
}

#[test]
fn a_stop_ends_every_stream_also_one_that_nobody_reads() {
    const HOUR_MS: u64 = 3_600_000;
    let mut world = Watched::with(|settings| {
        (settings.stop_grace_ms, settings.idle_timeout_ms) = (HOUR_MS, HOUR_MS);
    });
    let mut read = Events::open(&world, "");
    let _unread = Events::open(&world, "");
    let request = Request::post("/v1/identify", many_problems()).key(KEY);
    let mut client = world.client();
    for n in 0..1000 {
        client.ask(&request);
        if n % 40 == 0 {
            world.pass(SECOND);
        }
    }
    world.handle.stop();
    while read.any().is_some() {}
    let stopping = std::thread::spawn(move || world.world.stop());
    until("the server has stopped", || stopping.is_finished());
    stopping.join().unwrap();
}

#[test]
fn a_viewer_sees_no_bodies_and_no_calls_of_strangers() {
    let world = Watched::start();
    world.post("/v1/identify", ADA);
    world.ask(&Request::post("/v1/identify", ADA).key("key-that-nobody-knows"));
    let seen = |role: Role| {
        let cookie = sign_in(&world, role);
        let read = |path: &str| {
            let request = Request::get(&format!("/v1/environments/1/{path}")).header("Cookie", &cookie);
            world.ask(&request).json()
        };
        let calls = read("calls")["data"].as_array().unwrap().clone();
        let detail = read(&format!("calls/{}", calls.last().unwrap()["sequence"]));
        let causes = read("problems")["data"].as_array().unwrap().len();
        let open = [&detail["request_body"], &detail["response_body"], &detail["changes"]];
        (calls.len(), causes, open.iter().filter(|value| !value.is_null()).count())
    };
    assert_eq!(seen(Role::Viewer), (1, 0, 0));
    assert_eq!(seen(Role::Analyst), (1, 0, 3));
    assert_eq!(seen(Role::Admin), (2, 1, 3));
}

#[test]
fn only_who_is_signed_in_watches_and_a_stream_ends_with_the_session() {
    let world = Watched::start();
    for path in ["calls", "calls/1", "live", "problems"] {
        let path = format!("/v1/environments/1/{path}");
        world.ask(&Request::get(&path)).is_refused(401, "session_missing");
        world.ask(&Request::get(&path).key(KEY)).is_refused(401, "session_missing");
        let elsewhere = Request::get(&path.replace("/1/", "/9/")).header("Cookie", &world.cookie);
        world.ask(&elsewhere).is_refused(404, "environment_unknown");
    }
    world.ask(&world.console("calls/77")).is_refused(404, "call_unknown");
    world.ask(&world.console("calls/x")).is_refused(404, "call_unknown");
    assert_eq!(world.read("calls")["data"], json!([]), "what the console does is no call of the environment");
    let mut events = Events::open(&world, "");
    assert!(events.any().is_some());
    world.change(|state| state.sessions.clear());
    while events.any().is_some() {}
}

#[test]
fn the_built_server_shows_what_arrives_and_stops_under_an_open_stream() {
    let root = tempfile::tempdir().unwrap();
    let server = whole::start(&root.path().join("data"), &[]);
    let mut owner = Browser::new(whole::address(&server));
    let accepted = owner.accept(server.said("owner link").unwrap(), "Ada", "ada@example.com");
    assert_eq!(accepted.status, 200, "{}", accepted.text());
    let live = owner.request("GET", "/v1/environments/1/live", None);
    let mut events = Events::begin(whole::client(&server), &live);
    let mut sender = whole::client(&server);
    for body in [ADA, r#"{"user_id":"ada","metadata":{"plan":"team"}}"#, r#"{"user_id":"ben","company":{}}"#]
    {
        sender.ask(&Request::post("/v1/identify", body).key(whole::KEY));
    }
    let outcomes: Vec<_> = (0..3).map(|_| events.next("call")["outcome"].clone()).collect();
    assert_eq!(outcomes, [json!("stored"), json!("stored"), json!("refused")]);
    let sequence =
        owner.get("/v1/environments/1/calls?status=stored&limit=1").json()["data"][0]["sequence"].clone();
    let changes = owner.get(&format!("/v1/environments/1/calls/{sequence}")).json()["changes"].clone();
    assert_eq!(changes, json!([{"of": "user", "name": "plan", "before": "pro", "after": "team"}]));
    let overview = owner.read(1, "/v1/overview?time_zone=Europe/Berlin").json();
    let ledger = owner.read(1, "/v1/ledger").json();
    for name in ["received", "stored", "rejected"] {
        assert_eq!(overview["ledger"][name], ledger["totals"][name], "{name}");
    }
    assert_eq!(overview["ledger"]["balanced"], true);
    let numbers =
        [&overview["users_total"], &overview["today"]["new_users"], &overview["today"]["active_users"]];
    assert_eq!(numbers, [1, 1, 1]);
    server.signal("TERM");
    while events.any().is_some() {}
    assert_eq!(server.wait().code, Some(0));
}
