//! Who may call: keys, scopes, limits.

use muster_kernel::model::catalog::Scope;
use muster_kernel::model::id::KeyId;
use muster_kernel::model::time::{MINUTE, SECOND, Timestamp};
use muster_kernel::ports::Clock;
use muster_server::admin::LastUse;
use serde_json::json;

use crate::client::{Answer, Request};
use crate::world::{APP_TOKEN, KEY, OTHER_KEY, World};

fn validate(world: &World, authorization: Option<&str>) -> Answer {
    let request = Request::get("/v1/validate");
    world.ask(&match authorization {
        Some(value) => request.header("Authorization", value),
        None => request,
    })
}

#[test]
fn a_good_key_is_told_so_whatever_the_case_of_the_scheme() {
    let world = World::start();
    for scheme in ["Token", "token", "TOKEN", "Bearer", "bearer"] {
        let answer = validate(&world, Some(&format!("{scheme} {KEY}")));
        assert_eq!((answer.status, answer.json()), (200, json!({})), "{scheme}");
    }
}

#[test]
fn every_way_of_having_no_live_key_is_401_with_a_code_of_its_own() {
    let world = World::start();
    world.add_key("revoked-key-12345678", |key| key.revoked_at = Some(Timestamp(1)));
    let now = world.clock.now();
    world.add_key("expired-key-12345678", |key| key.expires_at = Some(now));
    for (header, code) in [
        (None, "key_missing"),
        (Some(KEY), "key_malformed"),
        (Some("Basic dXNlcjpwYXNz"), "key_malformed"),
        (Some("Token"), "key_malformed"),
        (Some("Token key-that-nobody-knows"), "key_unknown"),
        (Some("Token NX-00000000"), "key_unknown"),
        (Some(&format!("Token {APP_TOKEN}")), "key_is_app_token"),
        (Some("Token revoked-key-12345678"), "key_revoked"),
        (Some("Token expired-key-12345678"), "key_revoked"),
    ] {
        let answer = validate(&world, header);
        answer.is_refused(401, code);
        assert_eq!(answer.header("www-authenticate"), Some("Token"), "{header:?}");
        assert_eq!(answer.json()["errors"][0]["error"], "Unauthorized");
    }
}

#[test]
fn a_key_is_refused_from_the_call_after_its_revocation_on() {
    let world = World::start();
    let mut client = world.client();
    let request = Request::get("/v1/validate").key(KEY);
    assert_eq!(client.ask(&request).status, 200);
    world.change(|state| state.keys[0].revoked_at = Some(Timestamp(1)));
    client.ask(&request).is_refused(401, "key_revoked");
}

#[test]
fn a_rotated_key_works_until_its_overlap_ends() {
    let world = World::start();
    let end = world.clock.now().plus(10 * SECOND);
    world.add_key("rotated-key-12345678", |key| key.expires_at = Some(end));
    assert_eq!(validate(&world, Some("Token rotated-key-12345678")).status, 200);
    world.pass(10 * SECOND);
    validate(&world, Some("Token rotated-key-12345678")).is_refused(401, "key_revoked");
}

#[test]
fn each_route_asks_for_its_scope() {
    let world = World::start();
    for (secret, scope) in [
        ("ingest-only-12345678", Scope::Ingest),
        ("read-only-1234567890", Scope::Read),
        ("admin-only-123456789", Scope::Admin),
    ] {
        world.add_key(secret, |key| key.scopes = vec![scope]);
    }
    let body = r#"{"user_id":"u","company_id":"c","event_name":"e"}"#;
    let writes =
        ["/v1/identify", "/v1/companies/identify", "/v1/track"].map(|path| Request::post(path, body));
    let writes = writes.into_iter().chain([Request::new("DELETE", "/v1/users/u/company")]);
    let reads = [
        "/v1/users",
        "/v1/users/u",
        "/v1/companies",
        "/v1/companies/c",
        "/v1/companies/c/users",
        "/v1/events",
    ];
    for write in writes {
        assert!(world.ask(&write.clone().key("ingest-only-12345678")).status < 300);
        for other in ["read-only-1234567890", "admin-only-123456789"] {
            world.ask(&write.clone().key(other)).is_refused(403, "scope_missing");
        }
    }
    for path in reads {
        assert_eq!(world.ask(&Request::get(path).key("read-only-1234567890")).status, 200, "{path}");
        for other in ["ingest-only-12345678", "admin-only-123456789"] {
            world.ask(&Request::get(path).key(other)).is_refused(403, "scope_missing");
        }
    }
    let ledger = |secret| world.ask(&Request::get("/v1/ledger").key(secret));
    assert_eq!((ledger("read-only-1234567890").status, ledger("admin-only-123456789").status), (200, 200));
    let refused = ledger("ingest-only-12345678");
    refused.is_refused(403, "scope_missing");
    assert_eq!(
        refused.json()["errors"][0]["message"],
        "This call needs a key with the scope `read` or `admin`."
    );
    let secrets = ["ingest-only-12345678", "read-only-1234567890", "admin-only-123456789"];
    for secret in secrets {
        assert_eq!(world.ask(&Request::get("/v1/validate").key(secret)).status, 200, "{secret}");
    }
}

#[test]
fn environments_are_islands() {
    let world = World::start();
    world.post("/v1/identify", r#"{"user_id":"u"}"#);
    let other = |path: &str| world.ask(&Request::get(path).key(OTHER_KEY));
    other("/v1/users/u").is_refused(404, "user_unknown");
    assert_eq!(other("/v1/events").json()["data"], json!([]));
    assert_eq!(other("/v1/ledger").json()["totals"]["received"], 0);
}

#[test]
fn a_limited_key_hears_what_is_left_and_when_to_come_back() {
    let world = World::start();
    world.add_key("limited-key-12345678", |key| key.calls_per_minute_max = Some(2));
    let ask = || world.ask(&Request::get("/v1/validate").key("limited-key-12345678"));
    let limits = |answer: &Answer| {
        let names = ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "retry-after"];
        names.map(|name| answer.header(name).map(str::to_owned))
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(limits(&ask()), [some("2"), some("1"), some("51"), None]);
    assert_eq!(limits(&ask()), [some("2"), some("0"), some("51"), None]);
    let refused = ask();
    refused.is_refused(429, "rate_limited");
    assert_eq!(limits(&refused), [some("2"), some("0"), some("51"), some("51")]);
    world.pass(MINUTE);
    assert_eq!(limits(&ask()), [some("2"), some("1"), some("51"), None], "another minute");
    let refused = world.ask(&Request::get("/v1/users/nobody").key("limited-key-12345678"));
    refused.is_refused(404, "user_unknown");
    assert_eq!(refused.header("ratelimit-remaining"), Some("0"), "a refused call of the key says it too");
    assert_eq!(limits(&validate(&world, Some(&format!("Token {KEY}")))), [None, None, None, None]);
}

#[test]
fn the_last_use_of_each_key_is_kept_to_the_minute() {
    let world = World::start();
    assert_eq!(world.handle.last_used(), LastUse::default());
    world.get("/v1/validate");
    let minute = Timestamp(world.clock.now().minute() * MINUTE);
    assert_eq!(world.handle.last_used().keys, [(KeyId(1), minute)]);
    world.pass(2 * MINUTE);
    world.get("/v1/validate");
    world.ask(&Request::get("/v1/validate").key(OTHER_KEY));
    let later = minute.plus(2 * MINUTE);
    assert_eq!(world.handle.last_used().keys, [(KeyId(1), later), (KeyId(2), later)]);
}
