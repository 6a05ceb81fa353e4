//! The control socket: who may open it, and what it answers.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use muster_kernel::model::id::KeyId;
use muster_kernel::model::problem::{Problem, ProblemCode};
use muster_server::admin::{AdminAnswer, AdminError, AdminRequest};
use muster_server::control::{self, Control, SOCKET};

fn ask(data: &Path, request: &AdminRequest) -> Result<Option<Result<AdminAnswer, AdminError>>, String> {
    control::ask(data, request)
}

/// Answers lists with nothing and refuses everything else.
fn start(data: &Path) -> Control {
    Control::start(data, |request: AdminRequest| match request {
        AdminRequest::ListKeys { .. } => Ok(AdminAnswer::Keys { keys: Vec::new() }),
        other => Err(refusal(format!("{other:?}"))),
    })
    .unwrap()
}

fn refusal(message: String) -> AdminError {
    AdminError::Refused(Problem::at("/id", ProblemCode::KeyNotFound, message))
}

fn listing() -> AdminRequest {
    AdminRequest::ListKeys { environment: None }
}

fn answers(data: &Path) -> bool {
    matches!(ask(data, &listing()), Ok(Some(Ok(AdminAnswer::Keys { .. }))))
}

fn names_in(data: &Path) -> Vec<String> {
    let entries = fs::read_dir(data).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn the_socket_is_open_to_its_owner_only_and_gone_after_the_stop() {
    let data = tempfile::tempdir().unwrap();
    fs::set_permissions(data.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let control = start(data.path());
    let found = fs::metadata(data.path().join(SOCKET)).unwrap();
    assert!(found.file_type().is_socket());
    assert_eq!(found.permissions().mode() & 0o777, 0o600);
    assert_eq!(names_in(data.path()), [SOCKET]);
    assert!(answers(data.path()));
    control.stop();
    assert_eq!(names_in(data.path()), [""; 0]);
    assert!(matches!(ask(data.path(), &listing()), Ok(None)));
}

#[test]
fn a_refusal_comes_back_as_one() {
    let data = tempfile::tempdir().unwrap();
    let control = start(data.path());
    let revoke = AdminRequest::RevokeKey { id: KeyId(7), environment: None };
    let refused = ask(data.path(), &revoke).unwrap().unwrap();
    assert_eq!(refused, Err(refusal(format!("{revoke:?}"))));
    control.stop();
}

#[test]
fn what_a_crash_left_behind_is_replaced() {
    let data = tempfile::tempdir().unwrap();
    drop(UnixListener::bind(data.path().join(SOCKET)).unwrap());
    fs::create_dir(data.path().join("control.new")).unwrap();
    fs::write(data.path().join("control.new/control.sock"), "").unwrap();
    assert!(matches!(ask(data.path(), &listing()), Ok(None)), "a stale socket is no server");
    let control = start(data.path());
    assert!(answers(data.path()));
    control.stop();
}

#[test]
fn a_data_directory_deeper_than_the_address_of_a_socket_works() {
    let root = tempfile::tempdir().unwrap();
    let data: PathBuf = root.path().join("d".repeat(100)).join("e".repeat(100));
    fs::create_dir_all(&data).unwrap();
    let control = start(&data);
    assert_eq!(fs::metadata(data.join(SOCKET)).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(answers(&data));
    control.stop();
    assert_eq!(names_in(&data), [""; 0]);
}

#[test]
fn no_data_directory_is_no_server() {
    let root = tempfile::tempdir().unwrap();
    assert!(matches!(ask(&root.path().join("absent"), &listing()), Ok(None)));
}

#[test]
fn a_client_may_ask_more_than_once_and_nonsense_ends_nothing() {
    let data = tempfile::tempdir().unwrap();
    let control = start(data.path());
    let stream = UnixStream::connect(data.path().join(SOCKET)).unwrap();
    let mut lines = BufReader::new(&stream).lines();
    let mut say = |line: &str| {
        (&stream).write_all(line.as_bytes()).unwrap();
        lines.next().unwrap().unwrap()
    };
    let refused = say("{\"request\":\"make_coffee\"}\n");
    assert!(
        refused.starts_with(
            r#"{"failed":{"kind":"refused","pointer":"","code":"field_invalid","message":"The running "#
        ),
        "{refused}"
    );
    assert!(say("\u{0}\n").starts_with(r#"{"failed""#));
    assert_eq!(say("{\"request\":\"list_keys\"}\n"), r#"{"done":{"answer":"keys","keys":[]}}"#);
    drop(lines);
    drop(stream);
    control.stop();
}

#[test]
fn a_request_without_an_end_is_cut_off() {
    let data = tempfile::tempdir().unwrap();
    let control = start(data.path());
    let stream = UnixStream::connect(data.path().join(SOCKET)).unwrap();
    // The server may hang up before it has read everything.
    let _ = (&stream).write_all(&vec![b'['; 1 << 20]);
    let _ = BufReader::new(&stream).lines().next();
    assert!(answers(data.path()));
    control.stop();
}

#[test]
fn a_silent_client_does_not_hold_the_others_up_for_long() {
    let data = tempfile::tempdir().unwrap();
    let control = start(data.path());
    let silent = UnixStream::connect(data.path().join(SOCKET)).unwrap();
    assert!(answers(data.path()));
    drop(silent);
    control.stop();
}
