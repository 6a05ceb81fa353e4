//! One line in the log for each refused call, with what is needed to find it and nothing that is private.

use std::fmt::Write;
use std::sync::{Mutex, OnceLock};

use muster_kernel::ports::StoreError;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::client::Request;
use crate::world::{KEY, World, until};

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Keeps every event of the process as a line; tests find theirs by the id of their request.
struct Keeper;

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        write!(self.0, " {}={value:?}", field.name()).unwrap();
    }
}

impl Subscriber for Keeper {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        LINES.lock().unwrap().push(line.0);
    }
}

fn lines_of(request_id: &str) -> Vec<String> {
    LINES.lock().unwrap().iter().filter(|line| line.contains(request_id)).cloned().collect()
}

fn listen() {
    static ONCE: OnceLock<()> = OnceLock::new();
    ONCE.get_or_init(|| tracing::subscriber::set_global_default(Keeper).unwrap());
}

#[test]
fn a_refused_call_is_one_line_without_anything_private() {
    listen();
    let world = World::start();
    let body = r#"{"user_id":"","metadata":{"secret_name":"private-value","b":1e999}}"#;
    let request =
        Request::post("/v1/identify?private-query=1", body).key(KEY).header("X-Request-Id", "log-1");
    assert_eq!(world.ask(&request).status, 400);
    until("the line is there", || !lines_of("log-1").is_empty());
    let expected = "INFO message=refused code=\"id_empty\" status=400 method=\"POST\" path=\"/v1/identify\" \
                    request_id=\"log-1\" key=1";
    assert_eq!(lines_of("log-1"), [expected]);
}

#[test]
fn a_path_is_named_by_its_template_only() {
    listen();
    let world = World::start();
    world.ask(&Request::get("/v1/users/private-id").key(KEY).header("X-Request-Id", "log-2"));
    world.ask(&Request::get("/private/path").header("X-Request-Id", "log-3"));
    world.ask(&Request::get("/v1/users").key("private-key").header("X-Request-Id", "log-4"));
    let all = || [lines_of("log-2"), lines_of("log-3"), lines_of("log-4")].concat();
    until("the lines are there", || all().len() == 3);
    let start = |code: &str, status: u16, path: &str| {
        format!("INFO message=refused code=\"{code}\" status={status} method=\"GET\" path=\"{path}\"")
    };
    assert_eq!(
        all(),
        [
            format!("{} request_id=\"log-2\" key=1", start("user_unknown", 404, "/v1/users/{id}")),
            format!("{} request_id=\"log-3\"", start("route_unknown", 404, "unknown")),
            format!("{} request_id=\"log-4\"", start("key_unknown", 401, "/v1/users")),
        ]
    );
}

#[test]
fn the_inside_of_a_failure_is_in_the_log_only() {
    listen();
    let world = World::start();
    world.engine.on_user(Some(StoreError::Damaged("block 7 of file x".to_owned())));
    let answer = world.ask(&Request::get("/v1/users/u").key(KEY).header("X-Request-Id", "log-5"));
    assert!(!answer.text().contains("block 7"));
    until("the line is there", || !lines_of("log-5").is_empty());
    let expected = "ERROR message=refused code=\"internal\" status=500 method=\"GET\" path=\"/v1/users/{id}\" \
                    request_id=\"log-5\" key=1 inside=\"damaged: block 7 of file x\"";
    assert_eq!(lines_of("log-5"), [expected]);
}

#[test]
fn a_call_that_is_taken_writes_nothing() {
    listen();
    let world = World::start();
    world.ask(&Request::post("/v1/identify", r#"{"user_id":"u"}"#).key(KEY).header("X-Request-Id", "log-6"));
    world.ask(&Request::get("/v1/users/u").key(KEY).header("X-Request-Id", "log-6"));
    world.ask(&Request::get("/nowhere").header("X-Request-Id", "log-7"));
    until("a later line is there", || !lines_of("log-7").is_empty());
    assert_eq!(lines_of("log-6"), Vec::<String>::new());
}
