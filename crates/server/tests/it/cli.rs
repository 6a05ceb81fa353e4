//! Commands on a data directory, with a server on it and without.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;

use crate::process::{Said, Server, muster, on, run};

const KEY: &str = "chosen-key-of-the-operator";

/// A directory in which a server has been once.
fn started(root: &Path) -> std::path::PathBuf {
    let data = root.join("data");
    let said = Server::start(&data, &[], &[("MUSTER_BOOTSTRAP_API_KEY", KEY)]).stop();
    assert_eq!(said.code, Some(0), "{}", said.err);
    data
}

fn keys(data: &Path) -> Vec<serde_json::Value> {
    on(data, &["keys", "list", "--json"]).json()["keys"].as_array().unwrap().clone()
}

#[test]
fn a_command_that_is_not_understood_exits_with_2_and_help_with_0() {
    for arguments in [
        &["sevre"][..],
        &["keys", "create", "--name", "x"],
        &["keys", "create", "--environment", "Production", "--name", "x", "--scopes", "ingest,delete"],
        &["keys", "create", "--environment", "Production", "--name", "x", "--overlap", "1h"],
        &["keys", "revoke", "first"],
        &["environments", "set", "Production"],
        &["environments", "create", "X", "--empty-company", "keep"],
        &["serve", "--set", "listen.address"],
        &[],
    ] {
        let err = run(&mut muster(arguments)).failed(2);
        assert!(err.contains("Usage: muster") || err.contains("--help"), "{err}");
    }
    let help = run(&mut muster(&["keys", "create", "--help"])).worked();
    for word in ["--environment <NAME>", "--scopes <SCOPES>", "--overlap <TIME>", "--data <DIR>"] {
        assert!(help.contains(word), "{help}");
    }
    let version = format!("muster {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(run(&mut muster(&["version"])).worked(), version);
    assert_eq!(run(&mut muster(&["--version"])).worked(), version);
    let json = run(&mut muster(&["version", "--json"])).json();
    assert_eq!(json, serde_json::json!({"version": env!("CARGO_PKG_VERSION")}));
}

#[test]
fn a_first_start_prints_a_key_and_a_token_once_and_never_logs_them() {
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("deep/data");
    let server = Server::start(&data, &["--set", "log.level=trace"], &[]);
    let secret = server.said("API key").unwrap().to_owned();
    let token = server.said("app token").unwrap().to_owned();
    assert!(secret.starts_with("mk_") && secret.len() == 35, "{secret}");
    assert!(token.starts_with("NX-") && token.len() == 11, "{token}");
    assert_eq!(fs::metadata(&data).unwrap().permissions().mode() & 0o777, 0o700);
    let control = fs::metadata(data.join("control.sock")).unwrap();
    assert_eq!(control.permissions().mode() & 0o777, 0o600);
    let first = server.stop();
    assert_eq!(first.code, Some(0), "{}", first.err);
    assert!(!first.err.contains(&secret) && !first.err.contains(&token), "{}", first.err);
    assert!(!data.join("control.sock").exists());
    let again = Server::start(&data, &[], &[]).stop();
    assert!(!again.out.contains("First start") && !again.out.contains("mk_"), "{}", again.out);
    let keys = keys(&data);
    assert_eq!(keys.len(), 1);
    assert_eq!(keys[0]["scopes"], serde_json::json!(["ingest", "read", "admin", "erase"]));
    assert!(secret.ends_with(keys[0]["hint"].as_str().unwrap()));
}

#[test]
fn an_existing_empty_directory_is_a_first_start_and_one_that_holds_something_else_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let empty = root.path().join("empty");
    fs::create_dir_all(empty.join("lost+found")).unwrap();
    fs::write(empty.join("muster.toml"), "[log]\nformat = \"json\"\n").unwrap();
    let said = Server::start(&empty, &[], &[]).stop();
    assert!(said.out.contains("First start: made the environment Production.\n"), "{}", said.out);
    assert!(said.err.lines().all(|line| line.starts_with('{')), "{}", said.err);
    let foreign = root.path().join("foreign");
    fs::create_dir_all(&foreign).unwrap();
    fs::write(foreign.join("thesis.txt"), "precious").unwrap();
    let err = on(&foreign, &["serve", "--listen", "127.0.0.1:0"]).failed(1);
    assert!(err.contains("is not empty and is not a muster data directory"), "{err}");
    let file = root.path().join("file");
    fs::write(&file, "").unwrap();
    on(&file, &["serve", "--listen", "127.0.0.1:0"]).failed(1);
}

#[test]
fn a_chosen_key_opens_the_first_environment_and_is_ignored_later() {
    let root = tempfile::tempdir().unwrap();
    for (directory, length) in [("shortest", 16), ("longest", 255)] {
        let data = root.path().join(directory);
        let key = format!("{}{}", "k".repeat(length - 4), "~end");
        let first = Server::start(&data, &[], &[("MUSTER_BOOTSTRAP_API_KEY", &key)]).stop();
        assert!(first.out.contains("API key    the one in MUSTER_BOOTSTRAP_API_KEY\n"), "{}", first.out);
        assert!(!format!("{}{}", first.out, first.err).contains(&key));
        assert_eq!(keys(&data)[0]["hint"], "~end");
        let other = "another-key-that-is-too-late";
        let later = Server::start(&data, &[], &[("MUSTER_BOOTSTRAP_API_KEY", other)]).stop();
        assert!(later.err.contains("MUSTER_BOOTSTRAP_API_KEY is ignored"), "{}", later.err);
        assert_eq!(keys(&data).len(), 1);
        assert!(!later.err.contains("whoever reads how the server is started"), "loopback: {}", later.err);
    }
}

#[test]
fn a_bootstrap_key_on_a_server_that_others_reach_is_warned_of() {
    let root = tempfile::tempdir().unwrap();
    let data = started(root.path());
    let said = Server::start_on(&data, "0.0.0.0:0", &[("MUSTER_BOOTSTRAP_API_KEY", KEY)]).stop();
    assert!(said.err.contains("whoever reads how the server is started"), "{}", said.err);
    let said =
        Server::start_on(&data, "0.0.0.0:0", &[("MUSTER_BOOTSTRAP_API_KEY", "not-a-key-of-this-server")])
            .stop();
    assert!(!said.err.contains("whoever reads how the server is started"), "{}", said.err);
}

#[test]
fn keys_are_made_listed_and_revoked_without_a_server() {
    let root = tempfile::tempdir().unwrap();
    manage_keys(&started(root.path()));
}

#[test]
fn keys_are_made_listed_and_revoked_by_a_running_server() {
    let root = tempfile::tempdir().unwrap();
    let server = Server::start(&root.path().join("data"), &[], &[("MUSTER_BOOTSTRAP_API_KEY", KEY)]);
    manage_keys(&root.path().join("data"));
    assert_eq!(server.stop().code, Some(0));
    assert_eq!(keys(&root.path().join("data")).len(), 3, "what the server was asked for lasts");
}

fn manage_keys(data: &Path) {
    let create = ["keys", "create", "--environment", "production", "--name", "Segment"];
    let text = on(data, &create).worked();
    let secret = text.lines().nth(2).unwrap().trim();
    assert!(text.starts_with("Created key 2 (Segment) in Production.\n\n  mk_"), "{text}");
    assert!(text.contains("\nscopes            ingest,read\nexpires           never\n"), "{text}");
    let replaced = on(data, &["keys", "create", "--replaces", "2", "--overlap", "1h", "--json"]).json();
    assert_eq!((&replaced["key"]["id"], &replaced["key"]["name"]), (&3.into(), &"Segment".into()));
    assert_eq!((&replaced["replaced"]["id"], &replaced["replaced"]["status"]), (&2.into(), &"live".into()));
    assert!(replaced["replaced"]["expires_at"].is_string() && replaced["key"]["expires_at"].is_null());
    let revoked = on(data, &["keys", "revoke", "2"]).worked();
    assert!(revoked.starts_with("Key 2 (Segment) of Production is revoked since 2"), "{revoked}");
    let table = on(data, &["keys", "list"]).worked();
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 4, "{table}");
    assert!(lines[0].starts_with("ID  ENVIRONMENT  NAME       SECRET  STATUS   SCOPES "), "{table}");
    let hint = &secret[secret.len() - 4..];
    assert!(
        lines[2].starts_with(&format!("2   Production   Segment    …{hint}   revoked  ingest,read ")),
        "{table}"
    );
    assert!(!table.contains(secret));
    let unknown = on(data, &["keys", "revoke", "9"]).failed(1);
    assert_eq!(unknown, "muster: There is no key 9: `muster keys list` names those that exist.\n");
    let elsewhere = on(data, &["keys", "create", "--environment", "Staging", "--name", "x"]).failed(1);
    assert_eq!(elsewhere, "muster: There is no environment \"Staging\"; there are: Production.\n");
}

#[test]
fn environments_are_made_listed_and_changed() {
    let root = tempfile::tempdir().unwrap();
    let data = started(root.path());
    let own = root.path().join("eu disk");
    fs::create_dir(&own).unwrap();
    let create =
        ["environments", "create", "EU", "--region", "eu", "--empty-company", "ignore", "--directory"];
    let mut command = muster(&create);
    command.arg("eu disk").current_dir(root.path());
    let text = run(command.arg("--data").arg(&data)).worked();
    assert!(text.contains(&format!("\ndirectory      {}\nempty company  ignore\n", own.display())), "{text}");
    on(&data, &["keys", "create", "--environment", "eu", "--name", "x"]).worked();
    let set = on(&data, &["environments", "set", "eu", "--junk-ids", "refuse", "--json"]).json();
    let settings =
        serde_json::json!({"empty_company": "ignore", "nested_values": "keep", "junk_ids": "refuse"});
    assert_eq!(set["environment"]["settings"], settings);
    let server = Server::start(&data, &[], &[]);
    let table = on(&data, &["environments", "list"]).worked();
    assert!(
        table.starts_with("ID  NAME        APP TOKEN    REGION  LIVE KEYS  DIRECTORY\n1   Production  NX-"),
        "{table}"
    );
    assert!(
        table.lines().nth(2).unwrap().ends_with(&format!("  eu      1          {}", own.display())),
        "{table}"
    );
    let taken = on(&data, &["environments", "create", "production"]).failed(1);
    assert_eq!(taken, "muster: There is an environment \"Production\" already: choose another name.\n");
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn a_command_on_a_directory_without_data_makes_nothing() {
    let root = tempfile::tempdir().unwrap();
    let absent = root.path().join("absent");
    for data in [absent.as_path(), root.path()] {
        let err = on(data, &["keys", "list"]).failed(1);
        assert!(err.contains("holds no data yet: start a server on it once"), "{err}");
    }
    assert!(!absent.exists());
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
}

#[test]
fn a_second_server_is_refused_and_a_command_without_a_socket_says_why() {
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("data");
    let server = Server::start(&data, &[], &[]);
    let err = on(&data, &["serve", "--listen", "127.0.0.1:0"]).failed(1);
    assert!(err.contains("is in use by another muster process"), "{err}");
    assert!(on(&data, &["verify"]).failed(1).contains("is in use by another muster process"));
    fs::remove_file(data.join("control.sock")).unwrap();
    let err = on(&data, &["keys", "list"]).failed(1);
    assert!(err.contains("is in use by another muster process, but no server answers at "), "{err}");
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn a_port_that_is_taken_is_named_and_leaves_the_first_start_to_come() {
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("data");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let Said { code, out, err } = on(&data, &["serve", "--listen", &address]);
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(err.contains(&format!("muster: {address} cannot be listened on (")), "{err}");
    let later = Server::start(&data, &[], &[]).stop();
    assert!(later.out.contains("First start") && later.out.contains("mk_"), "{}", later.out);
}

#[test]
fn both_stop_signals_end_a_server_in_order() {
    let root = tempfile::tempdir().unwrap();
    let data = started(root.path());
    let server = Server::start(&data, &["--metrics-listen", "127.0.0.1:0"], &[]);
    server.signal("INT");
    let said = server.wait();
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.out.contains("\n  metrics    http://127.0.0.1:"), "{}", said.out);
}

#[test]
fn a_second_signal_ends_a_server_that_is_still_stopping() {
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("data");
    let mut server = Server::start(&data, &[], &[]);
    // A client that says nothing holds the stop up for as long as the socket waits for it.
    let silent = UnixStream::connect(data.join("control.sock")).unwrap();
    server.signal("TERM");
    server.logged("stopping");
    server.signal("TERM");
    assert_eq!(server.ended().signal(), Some(15));
    drop(silent);
    drop(server);
    let said = Server::start(&data, &[], &[]).stop();
    assert_eq!(said.code, Some(0), "what it left behind is no obstacle: {}", said.err);
}

#[test]
fn a_data_directory_is_verified() {
    let root = tempfile::tempdir().unwrap();
    let data = started(root.path());
    let whole = on(&data, &["verify"]).worked();
    assert!(
        whole.starts_with("environment Production: ") && whole.ends_with("\nNothing is wrong.\n"),
        "{whole}"
    );
    assert_eq!(on(&data, &["verify", "--json"]).json()["problems"], serde_json::json!([]));
    on(&root.path().join("absent"), &["verify"]).failed(1);
    let log = data.join("environments/1/log");
    fs::create_dir_all(&log).unwrap();
    fs::remove_dir_all(&log).unwrap();
    fs::write(&log, "a file where a directory was").unwrap();
    let Said { code, out, .. } = on(&data, &["verify"]);
    assert_eq!(code, Some(1), "{out}");
    assert!(out.ends_with("; docs/OPERATIONS.md says what to do.\n"), "{out}");
}
