//! Commands against a running server: `muster bulk`, `muster jobs` and `muster delete`, with the exit codes that scripts
//! branch on.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use flate2::Compression;
use flate2::write::GzEncoder;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use serde_json::{Value, json};

use crate::client::Request;
use crate::jobs::shown;
use crate::process::{Said, Server, muster, run};
use crate::whole::{KEY, address, client, start};
use crate::world::until;

/// A server, and files beside its data.
struct Stand {
    server: Server,
    root: tempfile::TempDir,
}

impl Stand {
    fn new() -> Self {
        Stand::with(&[])
    }

    fn with(variables: &[(&str, &str)]) -> Self {
        let root = tempfile::tempdir().unwrap();
        Stand { server: start(&root.path().join("data"), variables), root }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = muster(arguments);
        command.env("MUSTER_URL", format!("http://{}", address(&self.server))).env("MUSTER_API_KEY", KEY);
        command
    }

    fn run(&self, arguments: &[&str]) -> Said {
        run(&mut self.command(arguments))
    }

    fn file(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.root.path().join(name);
        fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn get(&self, target: &str) -> Value {
        client(&self.server).ask(&Request::get(target).key(KEY)).json()
    }

    fn identify(&self, ids: &[&str]) {
        let mut client = client(&self.server);
        for id in ids {
            let body = json!({ "user_id": id, "company": {"id": "acme"} }).to_string();
            assert_eq!(client.ask(&Request::post("/v1/identify", body).key(KEY)).status, 202);
        }
    }

    /// The ids of all users.
    fn users(&self) -> Vec<String> {
        let page = self.get("/v1/users?limit=1000");
        page["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|user| user["user_id"].as_str().unwrap().to_owned())
            .collect()
    }

    /// The answer of a command in JSON, and its exit code.
    #[track_caller]
    fn json(&self, arguments: &[&str]) -> (Option<i32>, Value) {
        let said = self.run(&[arguments, &["--json"]].concat());
        (said.code, serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{error}: {said:?}")))
    }
}

const TWO: &[u8] = b"{\"user_id\":\"u-1\",\"metadata\":{\"plan\":\"pro\"}}\n{\"user_id\":\"u-2\"}\n";

fn rows(count: usize) -> Vec<u8> {
    (0..count).flat_map(|number| format!("{{\"user_id\":\"u-{number}\"}}\n").into_bytes()).collect()
}

#[test]
fn a_file_whose_rows_are_all_taken_ends_with_0() {
    let stand = Stand::new();
    let said = stand.run(&["bulk", "users", &stand.file("people.ndjson", TWO)]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.out.contains("(people.ndjson, 62 B)"), "{}", said.out);
    assert!(
        said.out.contains("completed: 2 rows of users: 2 stored, 0 known before, 0 rejected."),
        "{said:?}"
    );
    assert!(
        said.err.starts_with("Sending people.ndjson (62 B).\nThe server has the file: job bulk:jobs:NX-")
    );
    assert_eq!(stand.get("/v1/users/u-1")["properties"]["plan"], "pro");

    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(b"{\"company_id\":\"c-1\"}\n").unwrap();
    let packed = stand.file("companies.gz", &gzip.finish().unwrap());
    assert_eq!(stand.run(&["bulk", "companies", &packed]).code, Some(0));
    assert_eq!(stand.get("/v1/companies/c-1")["company_id"], "c-1");

    let mut piped = stand.command(&["bulk", "users", "-", "--json"]);
    let said = run(piped.stdin(Stdio::from(File::open(stand.file("more.ndjson", &rows(3))).unwrap())));
    assert_eq!(said.code, Some(0), "{said:?}");
    let job: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(shown(&job, &["filename", "accepted_rows"]), json!(["standard input", 3]));
}

#[test]
fn rejected_rows_end_with_3_and_can_be_saved_and_sent_again() {
    let stand = Stand::new();
    let file = stand.file("people.ndjson", &[TWO, b"{\"metadata\":{\"a\":1}}\n"].concat());
    let said = stand.run(&["bulk", "users", &file]);
    assert_eq!(said.code, Some(3), "{said:?}");
    assert!(said.out.contains("2 stored, 0 known before, 1 rejected (id_missing 1)."), "{}", said.out);
    let id = stand.get("/v1/background_jobs")[0]["job_id"].as_str().unwrap().to_owned();
    assert!(said.out.contains(&format!("`muster jobs {id} --rejects FILE`")), "{}", said.out);
    let saved = stand.root.path().join("rejects.ndjson");
    let saved = saved.to_str().unwrap();
    assert_eq!(stand.run(&["jobs", &id, "--rejects", saved]).code, Some(0));
    let row: Value = serde_json::from_str(&fs::read_to_string(saved).unwrap()).unwrap();
    assert_eq!(shown(&row["_muster"], &["row", "code"]), json!([3, "id_missing"]));
    let said = stand.run(&["jobs", &id, "--rejects", "-"]);
    assert_eq!((said.code, said.out), (Some(0), fs::read_to_string(saved).unwrap()));

    let mut mended = row;
    mended["user_id"] = json!("u-3");
    let again = stand.file("mended.ndjson", mended.to_string().as_bytes());
    assert_eq!(stand.run(&["bulk", "users", &again]).code, Some(0));
    assert_eq!(stand.get("/v1/users/u-3")["properties"], json!({"a": 1}), "`_muster` is not taken for data");
}

#[test]
fn a_dry_run_says_what_would_be_and_writes_nothing() {
    let stand = Stand::new();
    let file = stand.file("people.ndjson", TWO);
    let said = stand.run(&["bulk", "users", &file, "--dry-run"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.out.contains(", only tried)"), "{}", said.out);
    assert!(said.out.contains("2 would create, 0 would change, 0 rejected."), "{}", said.out);
    assert_eq!(stand.get("/v1/users")["data"], json!([]));
}

#[test]
fn what_fails_or_is_refused_as_a_whole_ends_with_1() {
    let stand = Stand::new();
    let garbage = stand.file("photo.jpg", b"\xff\xd8\xff\xe0 no rows");
    let said = stand.run(&["bulk", "users", &garbage]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.out.contains("Reason (file_unreadable): "), "{}", said.out);
    assert_eq!(stand.run(&["bulk", "users", &stand.file("empty", b"")]).code, Some(1));
    assert_eq!(stand.run(&["bulk", "users", "no-such-file"]).code, Some(1));
    assert_eq!(
        stand.run(&["jobs", "bulk:jobs:NX-0:1"]).failed(1),
        "muster: the server refused it (job_unknown): No such job in this environment.\n"
    );
    // The reason comes although the file is larger than any buffer on the way.
    let large = stand.file("large.ndjson", &vec![b' '; 40 << 20]);
    let said = stand.run(&["bulk", "users", &large, "--key", "another-key-altogether"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.contains("(key_unknown)"), "{}", said.err);
}

#[test]
fn a_server_that_is_not_there_ends_with_4() {
    let stand = Stand::new();
    let nowhere = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let file = stand.file("people.ndjson", TWO);
    for arguments in [&["bulk", "users", &file][..], &["jobs"]] {
        let said = stand.run(&[arguments, &["--url", &format!("http://{nowhere}")]].concat());
        assert_eq!((said.code, said.out.as_str()), (Some(4), ""), "{said:?}");
        assert!(said.err.contains("the server could not be reached"), "{}", said.err);
    }
}

#[test]
fn a_command_that_is_not_understood_ends_with_2() {
    let stand = Stand::new();
    let file = stand.file("people.ndjson", TWO);
    for arguments in [
        &["bulk", "users"][..],
        &["bulk", "people", &file],
        &["bulk", "users", &file, "--url", "muster.example.com"],
        &["bulk", "users", &file, "--data", "somewhere"],
        &["bulk", "users", stand.root.path().to_str().unwrap()],
        &["jobs", "--rejects", "f"],
    ] {
        assert_eq!(stand.run(arguments).code, Some(2), "{arguments:?}");
    }
    let said = run(&mut muster(&["jobs"])).failed(2);
    assert!(said.contains("set MUSTER_API_KEY or use --key"), "{said}");
    assert_eq!(stand.get("/v1/background_jobs"), json!([]));
}

#[test]
fn a_job_is_left_listed_waited_for_and_cancelled() {
    let stand = Stand::new();
    assert!(stand.run(&["jobs"]).out.starts_with("There are no jobs."));
    let file = stand.file("many.ndjson", &rows(1_000_000));
    let (code, job) = stand.json(&["bulk", "users", &file, "--no-wait"]);
    assert_eq!((code, &job["filename"]), (Some(0), &json!("many.ndjson")));
    let id = job["job_id"].as_str().unwrap();
    let (code, jobs) = stand.json(&["jobs"]);
    assert_eq!((code, &jobs[0]["job_id"]), (Some(0), &json!(id)));
    assert_eq!(stand.json(&["jobs", id]).0, Some(0));
    assert_eq!(stand.json(&["jobs", "cancel", id]).0, Some(0));
    let (code, ended) = stand.json(&["jobs", id, "--wait"]);
    assert_eq!((code, &ended["reason"]["code"]), (Some(1), &json!("job_cancelled")), "{ended}");
    assert!(stand.run(&["jobs", "cancel", id]).failed(1).contains("(job_ended)"));
    let list = stand.run(&["jobs"]).out;
    assert!(list.starts_with("JOB ") && list.contains("many.ndjson") && list.contains("failed"), "{list}");
}

#[test]
fn the_same_key_and_file_are_one_job() {
    let stand = Stand::new();
    let file = stand.file("people.ndjson", TWO);
    let send = || stand.json(&["bulk", "users", &file, "--idempotency-key", "nightly-2026-11-21"]);
    let (first, second) = (send(), send());
    assert_eq!((first.0, &first.1["job_id"]), (Some(0), &second.1["job_id"]));
    assert_eq!(stand.get("/v1/background_jobs").as_array().unwrap().len(), 1);
}

/// Runs a command at a terminal where somebody typed ahead; what it wrote there.
fn on_terminal(mut command: Command, typed: &str) -> (Output, String) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let terminal = File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
    let size = Winsize { ws_row: 24, ws_col: 120, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&terminal, size).unwrap();
    let mut master = File::from(master);
    master.write_all(typed.as_bytes()).unwrap();
    command.env("TERM", "xterm").stdin(Stdio::from(terminal.try_clone().unwrap()));
    let child = command.stdout(Stdio::piped()).stderr(Stdio::from(terminal)).spawn().unwrap();
    // It holds our end of the terminal, which would never be at its end.
    drop(command);
    let mut seen = Vec::new();
    // Once everybody has left a terminal, reading from it fails.
    let _ = master.read_to_end(&mut seen);
    (child.wait_with_output().unwrap(), String::from_utf8_lossy(&seen).into_owned())
}

#[test]
fn a_terminal_gets_a_bar_of_bytes_and_then_of_rows() {
    let stand = Stand::new();
    let file = stand.file("many.ndjson", &rows(600_000));
    let (output, seen) = on_terminal(stand.command(&["bulk", "users", &file]), "");
    assert_eq!(output.status.code(), Some(0), "{seen}");
    for words in ["Sending ", "MiB/s", "Storing ", " of 600,000 rows, ", " left"] {
        assert!(seen.contains(words), "{words}: {seen}");
    }
    assert!(!seen.contains("The server has the file"), "lines are for those who have no bar");
    assert!(String::from_utf8(output.stdout).unwrap().contains("600,000 stored"));
}

#[test]
fn a_command_that_waits_outlives_a_restart_of_the_server() {
    let mut stand = Stand::new();
    let (data, place): (PathBuf, _) = (stand.root.path().join("data"), address(&stand.server).to_string());
    let file = stand.file("many.ndjson", &rows(600_000));
    let mut command = stand.command(&["bulk", "users", &file, "--json"]);
    let waiting = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    until("the job works", || stand.get("/v1/background_jobs")[0]["accepted_rows"].as_u64() > Some(0));
    stand.server.signal("KILL");
    stand.server.ended();
    stand.server = restarted(&data, &place);
    let output = waiting.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let job: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(shown(&job, &["status", "accepted_rows"]), json!(["completed", 600_000]));
}

fn restarted(data: &Path, place: &str) -> Server {
    Server::start_on(data, place, &[])
}

#[test]
fn ids_of_the_command_and_of_a_file_are_erased_and_the_certificate_is_told() {
    let stand = Stand::new();
    stand.identify(&["ada", "ben", "cleo", "dora"]);
    let file = stand.file("gone.txt", b"ben\r\n\ncleo\nada");
    let said = stand.run(&["delete", "users", "ada", "nobody", "--file", &file, "--yes"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(stand.users(), ["dora"]);
    let erasures = stand.get("/v1/erasures")["data"].clone();
    assert_eq!(erasures.as_array().unwrap().len(), 1);
    assert_eq!(
        shown(&erasures[0], &["kind", "status", "ids", "suppress"]),
        json!(["users", "completed", 4, false])
    );
    let id = erasures[0]["id"].as_str().unwrap();
    assert!(said.err.starts_with(&format!("4 users hidden: erasure {id}.\n")), "{}", said.err);
    assert!(said.out.starts_with("4 users: erased; nothing is left.\n"), "{}", said.out);
    assert!(said.out.contains(&format!("{id}: 4 users, completed, certificate of 20")), "{}", said.out);
    let address = said.out.lines().find_map(|line| line.trim().strip_prefix("http://")).unwrap();
    let (_, path) = address.split_once('/').unwrap();
    assert_eq!(stand.get(&format!("/{path}")), erasures[0], "where the certificate is");

    let (code, told) = stand.json(&["delete", "companies", "acme", "--yes"]);
    assert_eq!(
        (code, &told[0]["kind"], &told[0]["certificate"]["places"][0]["found"]),
        (Some(0), &json!("companies"), &json!(0))
    );
    assert_eq!(stand.get("/v1/users/dora")["company_id"], Value::Null);

    let mut piped = stand.command(&["delete", "users", "--file", "-", "--yes", "--json"]);
    let said = run(piped.stdin(Stdio::from(File::open(stand.file("more.txt", b"dora\n")).unwrap())));
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(stand.users().is_empty());
}

#[test]
fn nothing_is_deleted_before_every_id_is_good_and_somebody_said_yes() {
    let stand = Stand::new();
    stand.identify(&["ada"]);
    let said = stand.run(&["delete", "users", "ada"]).failed(2);
    assert!(said.contains("there is no terminal to ask at; say --yes"), "{said}");
    assert!(stand.run(&["delete", "users", "--yes"]).failed(2).contains("no id is given"));
    let empty = stand.file("empty.txt", b"\n\n");
    stand.run(&["delete", "users", "--file", &empty, "--yes"]).failed(2);
    let bad = stand.file("bad.txt", format!("ada\n{}\n", "x".repeat(256)).as_bytes());
    let said = stand.run(&["delete", "users", "--file", &bad, "--yes"]).failed(1);
    assert!(
        said.ends_with("bad.txt, line 2: the id is longer than 255 bytes. Nothing was deleted.\n"),
        "{said}"
    );
    stand.run(&["delete", "users", "--file", "no-such-file", "--yes"]).failed(1);
    let said = stand.run(&["delete", "users", "ada", "--yes", "--key", "another-key-altogether"]).failed(1);
    assert!(said.contains("(key_unknown)"), "{said}");
    stand.run(&["delete", "users", "ada", "--yes", "--data", "somewhere"]).failed(2);
    let nowhere = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    stand.run(&["delete", "users", "ada", "--yes", "--url", &format!("http://{nowhere}")]).failed(4);
    assert_eq!(stand.users(), ["ada"]);
    assert_eq!(stand.get("/v1/erasures")["data"], json!([]));
}

#[test]
fn at_a_terminal_the_number_of_ids_is_asked_for() {
    let stand = Stand::new();
    stand.identify(&["ada", "ben"]);
    let (output, seen) = on_terminal(stand.command(&["delete", "users", "ada", "ben"]), "3\n");
    assert_eq!(output.status.code(), Some(1), "{seen}");
    assert!(seen.contains("This erases 2 users for good") && seen.contains("Type 2 to go on: "), "{seen}");
    assert!(seen.contains("nothing was deleted"), "{seen}");
    assert_eq!(stand.users(), ["ada", "ben"]);

    let (output, seen) = on_terminal(stand.command(&["delete", "users", "ada", "ben", "--suppress"]), "2\n");
    assert_eq!(output.status.code(), Some(0), "{seen}");
    assert!(seen.contains("Later writes about them are refused."), "{seen}");
    assert!(!seen.contains("hidden: erasure"), "lines are for those who have no bar: {seen}");
    assert!(String::from_utf8(output.stdout).unwrap().starts_with("2 users: erased; nothing is left.\n"));
    stand.identify(&["ada"]);
    assert!(stand.users().is_empty(), "suppressed");
}

#[test]
fn more_ids_than_a_call_may_name_become_several_erasures() {
    let stand = Stand::new();
    stand.identify(&["u-10002"]);
    let ids: String = (0..10_003).map(|number| format!("u-{number}\n")).collect();
    let (code, told) =
        stand.json(&["delete", "users", "--file", &stand.file("many.txt", ids.as_bytes()), "--yes"]);
    assert_eq!((code, &told[0]["ids"], &told[1]["ids"]), (Some(0), &json!(10_000), &json!(3)));
    assert!(stand.users().is_empty());
}

#[test]
fn who_does_not_wait_is_told_that_the_purge_is_to_come() {
    let stand = Stand::with(&[("MUSTER_ERASURE__SCHEDULE", "daily")]);
    stand.identify(&["ada"]);
    let said = stand.run(&["delete", "users", "ada", "--yes", "--no-wait"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.out.starts_with("1 user: hidden; the server removes what is left.\n"), "{}", said.out);
    assert!(said.out.contains(": 1 user, queued, no certificate yet\n"), "{}", said.out);
    assert!(stand.users().is_empty());
}
