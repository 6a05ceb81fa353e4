//! `muster import` and `muster convert`: files of history, and other systems' exports that become such files.

use std::fs::{self, File};
use std::io::Write;
use std::process::{Command, Stdio};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::client::Request;
use crate::jobs::shown;
use crate::process::{Said, Server, muster, run};
use crate::whole::{KEY, address, client, start};

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

    fn path(&self, name: &str) -> String {
        self.root.path().join(name).to_str().unwrap().to_owned()
    }

    fn file(&self, name: &str, bytes: &[u8]) -> String {
        fs::write(self.path(name), bytes).unwrap();
        self.path(name)
    }

    fn get(&self, target: &str) -> Value {
        client(&self.server).ask(&Request::get(target).key(KEY)).json()
    }
}

const TABLE: &[u8] = b"event_type,event_name,user_id,source,inserted_at,metadata.n\ntrack,paid,u-1,backend-http,2025-01-01T00:00:00Z,1\n";

#[test]
fn files_are_imported_one_after_the_other() {
    let stand = Stand::new();
    let table = stand.file("a.csv", TABLE);
    let row = r#"{"event_type":"identify_user","user_id":"u-2","source":"backend-http","inserted_at":"2025-01-01T00:00:00Z"}"#;
    let lines = stand.file("b.ndjson", format!("{row}\n{{}}\n").as_bytes());
    let said = stand.run(&["import", &table, "--dry-run"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(
        said.out.contains("completed: 1 row of history: 1 would create, 0 would change, 0 rejected."),
        "{said:?}"
    );
    let said = stand.run(&["import", &table, &lines, &table]);
    assert_eq!(said.code, Some(3), "{said:?}");
    for words in [
        "completed: 1 row of history: 1 stored, 0 known before, 0 rejected.",
        "completed: 2 rows of history: 1 stored, 0 known before, 1 rejected (event_type_invalid 1).",
        "completed: 1 row of history: 0 stored, 1 known before, 0 rejected.",
    ] {
        assert!(said.out.contains(words), "{words}: {}", said.out);
    }
    assert_eq!(stand.get("/v1/users/u-2")["first_seen_at"], "2025-01-01T00:00:00.000000Z");

    let none = stand.file("none.csv", b"a,b\n1,2\n");
    let said = stand.run(&["import", &none, &table]);
    assert_eq!(said.code, Some(1), "a job that fails ends the command: {said:?}");
    assert!(said.out.contains("Reason (header_invalid):") && !said.out.contains("a.csv"), "{}", said.out);
    let said = stand.run(&["import", &table, &lines, "--no-wait"]);
    assert_eq!(said.code, Some(2), "{said:?}");
    let said = stand.run(&["import"]);
    assert_eq!(said.code, Some(2), "{said:?}");
    let said = stand.run(&["import", &table, "--no-wait", "--json"]);
    let job: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((said.code, &job["type"]), (Some(0), &json!("import")));
}

#[test]
fn an_export_is_converted_and_imported_and_once_more_changes_nothing() {
    let stand = Stand::new();
    let call = |kind: &str, id: &str, more: &str| {
        format!(
            r#"{{"type":"{kind}","messageId":"{id}","userId":"u-1","timestamp":"2025-03-04T05:06:07.890Z",{more}}}"#
        )
    };
    let lines = [
        call("identify", "m-1", r#""traits":{"plan":"pro"}"#),
        call("track", "m-2", r#""event":"Paid","properties":{"amount":5}"#),
        call("group", "m-3", r#""groupId":"c-1","traits":{"name":"Acme"}"#),
        call("alias", "m-4", r#""previousId":"x""#),
        String::new(),
    ];
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(lines.join("\n").as_bytes()).unwrap();
    let export = stand.file("segment.gz", &gzip.finish().unwrap());
    let rows = stand.path("rows.ndjson");
    let said = run(&mut muster(&["convert", "--from", "segment", &export, "--output", &rows]));
    assert_eq!((said.code, said.out.as_str()), (Some(3), ""), "{said:?}");
    assert_eq!(
        said.err,
        "4 lines gave rows: 4.\nLeft out 1 line, of a kind that has no counterpart (the first is line 4).\n"
    );
    let said = stand.run(&["import", &rows, "--json"]);
    let job: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(shown(&job, &["accepted_rows", "duplicate_rows", "rejected_rows"]), json!([4, 0, 0]), "{job}");
    let user = stand.get("/v1/users/u-1");
    assert_eq!(shown(&user, &["company_id", "properties"]), json!(["c-1", {"plan": "pro"}]));
    assert_eq!(stand.get("/v1/companies/c-1")["properties"], json!({"name": "Acme"}));

    let said = run(&mut muster(&["convert", "--from", "segment", &export]));
    let again = stand.file("again.ndjson", said.out.as_bytes());
    let mut piped = stand.command(&["import", "-", "--json"]);
    let said = run(piped.stdin(Stdio::from(File::open(again).unwrap())));
    let job: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(shown(&job, &["accepted_rows", "duplicate_rows"]), json!([0, 4]), "{job}");

    let said = run(&mut muster(&["convert", "--from", "mixpanel", "--zone", "Nowhere", &export]));
    assert_eq!(said.code, Some(2), "{said:?}");
    let said = run(&mut muster(&["convert", "--from", "posthog", "/nowhere"]));
    assert_eq!(said.code, Some(1), "{said:?}");
}
