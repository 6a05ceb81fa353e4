//! Commands against a running server: `muster bulk` and `muster jobs`, with the exit codes that scripts branch on.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

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
        let root = tempfile::tempdir().unwrap();
        Stand { server: start(&root.path().join("data"), &[]), root }
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

#[test]
fn a_terminal_gets_a_bar_of_bytes_and_then_of_rows() {
    let stand = Stand::new();
    let file = stand.file("many.ndjson", &rows(600_000));
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let terminal = File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
    let size = Winsize { ws_row: 24, ws_col: 120, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&terminal, size).unwrap();
    let mut command = stand.command(&["bulk", "users", &file]);
    command.env("TERM", "xterm").stdout(Stdio::piped()).stderr(Stdio::from(terminal));
    let child = command.spawn().unwrap();
    // It holds our end of the terminal, which would never be at its end.
    drop(command);
    let mut seen = Vec::new();
    // Once everybody has left a terminal, reading from it fails.
    let _ = File::from(master).read_to_end(&mut seen);
    let output = child.wait_with_output().unwrap();
    let seen = String::from_utf8_lossy(&seen);
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
