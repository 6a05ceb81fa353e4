//! Routes and what surrounds every call; health, version, metrics and the OpenAPI document.

use muster_kernel::model::audit::Act;
use muster_kernel::model::problem::ProblemCode;
use serde_json::json;

use crate::client::Request;
use crate::world::{KEY, World};

const USER: &str = r#"{"user_id":"u-1"}"#;

#[test]
fn paths_that_are_none_are_404_through_the_envelope() {
    let world = World::start();
    for path in [
        "/nothing",
        "/v1",
        "/v1/nothing",
        "/v1/users/a/b/c",
        "/V1/identify",
        "//v1/identify",
        "/v1/identify//",
    ] {
        world.get(path).is_refused(404, "route_unknown");
        world.post(path, "{}").is_refused(404, "route_unknown");
    }
}

#[test]
fn other_methods_are_405_with_allow() {
    let world = World::start();
    for (method, path, allow) in [
        ("GET", "/v1/identify", "POST"),
        ("PUT", "/v1/identify", "POST"),
        ("DELETE", "/v1/users/u", "GET,HEAD"),
        ("POST", "/v1/users", "DELETE,GET,HEAD"),
        ("GET", "/v1/users/u/company", "DELETE"),
        ("OPTIONS", "/v1/track", "POST"),
        ("BREW", "/v1/validate", "GET,HEAD"),
    ] {
        let answer = world.ask(&Request::new(method, path).key(KEY));
        answer.is_refused(405, "method_not_allowed");
        assert_eq!(answer.header("allow"), Some(allow), "{method} {path}");
    }
}

#[test]
fn a_final_slash_changes_nothing() {
    let world = World::start();
    assert_eq!(world.post("/v1/identify/", USER).status, 202);
    for path in ["/v1/users/", "/v1/users/u-1/", "/v1/users/?limit=1", "/v1/validate/", "/healthz/live/"] {
        assert_eq!(world.get(path).status, 200, "{path}");
    }
    assert_eq!(world.get("/v1/users/u-1/").json(), world.get("/v1/users/u-1").json());
    let delete = Request::new("DELETE", "/v1/users/u-1/company/").key(KEY);
    assert_eq!(world.ask(&delete).status, 202);
    let keyed = |path: &str| world.ask(&Request::post(path, USER).key(KEY).header("Idempotency-Key", "k"));
    keyed("/v1/identify");
    assert_eq!(keyed("/v1/identify/").header("muster-duplicate"), Some("true"), "one path, one scope");
}

#[test]
fn head_answers_as_get_without_the_body() {
    let world = World::start();
    world.post("/v1/identify", USER);
    let mut client = world.client();
    for path in ["/v1/users/u-1", "/v1/users", "/healthz/live", "/v1/users/nobody", "/nowhere"] {
        let get = client.ask(&Request::get(path).key(KEY));
        let head = client.ask(&Request::new("HEAD", path).key(KEY));
        assert_eq!(
            (head.status, head.header("content-type")),
            (get.status, get.header("content-type")),
            "{path}"
        );
        assert_eq!(head.header("content-length"), Some(&*get.body.len().to_string()), "{path}");
    }
    client.ask(&Request::get("/healthz/live")).json();
}

#[test]
fn every_answer_has_the_requests_id() {
    let world = World::start();
    for request in
        [Request::get("/healthz/live"), Request::get("/nowhere"), Request::post("/v1/identify", "{")]
    {
        let own = world.ask(&request.clone().header("X-Request-Id", "my-id-1"));
        assert_eq!(own.header("x-request-id"), Some("my-id-1"));
        let made: Vec<String> =
            (0..3).map(|_| world.ask(&request).header("x-request-id").unwrap().to_owned()).collect();
        assert!(made.iter().all(|id| id.len() == 20 && id.bytes().all(|byte| byte.is_ascii_alphanumeric())));
        assert!(made[0] != made[1] && made[1] != made[2]);
        for bad in ["with space", &"x".repeat(65), "\u{e9}"] {
            let answer = world.ask(&request.clone().header("X-Request-Id", bad));
            assert_eq!(answer.header("x-request-id").map(str::len), Some(20), "{bad}");
        }
    }
}

#[test]
fn health_and_version_need_no_key() {
    let world = World::start();
    let get = |path: &str| world.ask(&Request::get(path));
    assert_eq!(get("/healthz/live").json(), json!({"status": "live"}));
    assert_eq!(get("/healthz/ready").json(), json!({"status": "ready"}));
    assert_eq!(get("/version").json(), json!({"name": "muster", "version": "1.2.3"}));
    let document = get("/openapi.json").json();
    assert_eq!((&document["openapi"], &document["info"]["version"]), (&json!("3.1.0"), &json!("1.2.3")));
}

#[test]
fn metrics_count_calls_by_template_and_hold_neither_ids_nor_values() {
    let world = World::start();
    world.post("/v1/identify", r#"{"user_id":"private-id","metadata":{"secret":"private-value"}}"#);
    world.post("/v1/identify", "{");
    world.get("/v1/users/private-id");
    world.get("/private-path");
    let answer = world.ask(&Request::get("/metrics"));
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let text = answer.text();
    for line in [
        "muster_http_requests_total{path=\"/v1/identify\",status=\"202\"} 1",
        "muster_http_requests_total{path=\"/v1/identify\",status=\"400\"} 1",
        "muster_http_requests_total{path=\"/v1/users/{id}\",status=\"200\"} 1",
        "muster_http_requests_total{path=\"unknown\",status=\"404\"} 1",
        "muster_http_request_duration_seconds_bucket{path=\"/v1/identify\",le=\"+Inf\"} 2",
        "muster_http_request_duration_seconds_count{path=\"/v1/identify\"} 2",
        "muster_http_problems_total{code=\"body_not_json\"} 1",
        "muster_http_in_flight 1",
        "muster_http_connections_refused_total 0",
        "muster_events_stored_total{environment=\"1\"} 1",
        "muster_events_stored_total{environment=\"2\"} 0",
        "muster_log_visible_position{environment=\"1\"} 1",
        "muster_history_events{environment=\"1\"} 1",
        "muster_history_behind{environment=\"2\"} 0",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    assert!(!text.contains("private") && !text.contains(KEY), "{text}");
    let families = text.lines().filter(|line| line.starts_with("# TYPE")).count();
    assert_eq!(families, text.lines().filter(|line| line.starts_with("# HELP")).count());
}

#[test]
fn metrics_may_have_a_listener_of_their_own() {
    let world = World::with_metrics(|_| {}, true);
    world.get("/metrics").is_refused(404, "route_unknown");
    let mut apart = crate::client::Client::connect(world.metrics_address.unwrap());
    assert!(apart.ask(&Request::get("/metrics")).text().contains("muster_http_requests_total"));
    apart.ask(&Request::get("/v1/users").key(KEY)).is_refused(404, "route_unknown");
}

/// Write the document anew with `UPDATE_OPENAPI=1 cargo test -p muster-server openapi`.
#[test]
fn the_openapi_document_is_the_one_in_docs() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
    let made = muster_server::http::openapi_document("0.1.0", None).unwrap();
    let made = format!("{}\n", std::str::from_utf8(&made).unwrap());
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        kept == made,
        "docs/openapi.json is not what the handlers say; write it anew and look at what changed"
    );
}

#[test]
fn the_page_of_the_api_lists_every_code_and_every_act() {
    let page = include_str!("../../../../docs/API.md");
    for code in ProblemCode::ALL {
        // Warnings have no status.
        let rows = ["4", "5"].map(|status| format!("\n| `{}` | {status}", code.as_str()));
        let count: usize = rows.iter().map(|row| page.matches(row.as_str()).count()).sum();
        assert_eq!(count, 1, "docs/API.md lists {} once", code.as_str());
    }
    for act in Act::ALL {
        assert!(page.contains(&format!("`{}`", act.as_str())), "docs/API.md lacks {}", act.as_str());
    }
}

#[test]
fn the_openapi_document_is_whole_in_itself() {
    let made = muster_server::http::openapi_document("0.1.0", Some("https://muster.example")).unwrap();
    let document: serde_json::Value = serde_json::from_slice(&made).unwrap();
    assert_eq!(document["servers"], json!([{"url": "https://muster.example"}]));
    let text = std::str::from_utf8(&made).unwrap();
    let mut references = 0;
    for part in text.split("\"$ref\": \"#").skip(1) {
        let pointer = part.split('"').next().unwrap();
        assert!(document.pointer(pointer).is_some(), "{pointer}");
        references += 1;
    }
    assert!(references > 20);
    let ids: Vec<&str> =
        text.split("\"operationId\": \"").skip(1).map(|part| part.split('"').next().unwrap()).collect();
    let unique: std::collections::HashSet<_> = ids.iter().collect();
    assert_eq!((ids.len(), unique.len()), (118, 118), "{ids:?}");
}
