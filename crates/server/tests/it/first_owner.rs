//! The built binary: the first owner's link, `muster owner reset`, old catalogs, and acts that outlive a crash.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::{Value, json};

use crate::console::{Browser, PASSWORD, told};
use crate::process::{Server, on};
use crate::whole::{address, start};

fn browser(server: &Server) -> Browser {
    Browser::new(address(server))
}

fn owner_link(server: &Server) -> String {
    server.said("owner link").unwrap_or_else(|| panic!("{}", server.banner)).to_owned()
}

/// The owner of a server, signed in.
fn owner(server: &Server) -> Browser {
    let mut browser = browser(server);
    let answer = browser.accept(&owner_link(server), "Ada", "ada@example.com");
    assert_eq!(answer.status, 200, "{}", answer.text());
    browser
}

fn acts(owner: &Browser) -> Vec<Value> {
    owner.get("/v1/audit?limit=200").json()["data"].as_array().unwrap().clone()
}

#[test]
fn a_first_start_prints_the_owners_link_until_there_is_an_owner() {
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("data");
    let first = start(&data, &[]);
    let unused = owner_link(&first);
    assert!(unused.starts_with(&format!("http://{}/welcome#", address(&first))), "{unused}");
    let token = unused.split_once('#').unwrap().1.to_owned();
    let (_, end) = first.banner.split_once("It works once, until ").unwrap();
    let (until, end) = end.split_once(' ').unwrap();
    assert!(end.starts_with("or the next start, whichever comes first:\n"), "{}", first.banner);
    let page = browser(&first).post("/v1/invitations/check", &json!({ "token": token }));
    let expires_at = page.json()["expires_at"].as_str().unwrap().to_owned();
    assert_eq!(expires_at.split_once('.').unwrap().0, until.trim_end_matches('Z'), "the page says the same");
    let said = first.stop();
    assert!(!said.err.contains(&token), "never in the log");
    let second = start(&data, &[("MUSTER_HTTP__PUBLIC_URL", "https://muster.example/")]);
    let link = owner_link(&second);
    assert!(link.starts_with("https://muster.example/welcome#"), "{link}");
    browser(&second).accept(&unused, "Eve", "eve@example.com").is_refused(410, "invitation_invalid");
    let owner = owner(&second);
    assert_eq!(owner.get("/v1/session").status, 200);
    assert_eq!(
        told(&acts(&owner)),
        [
            "Ada: member_joined ada@example.com",
            "server: owner_link_made the first owner",
            "server: owner_link_made the first owner",
            "server: key_created bootstrap",
            "server: environment_created Production",
        ]
    );
    second.stop();
    let third = start(&data, &[]);
    assert_eq!(third.said("owner link"), None);
    let mut again = browser(&third);
    assert_eq!(again.sign_in("ada@example.com", PASSWORD).status, 200);
}

#[test]
fn the_command_line_makes_the_first_owners_link_anew() {
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("data");
    let server = start(&data, &[]);
    let text = on(&data, &["owner", "reset"]).worked();
    assert!(text.starts_with("There is no owner yet. Open this link to become the owner.\n"), "{text}");
    assert!(text.contains(" or the next start of the server, whichever comes first.\n"), "{text}");
    let former = owner_link(&server);
    browser(&server).accept(&former, "Eve", "eve@example.com").is_refused(410, "invitation_invalid");
    let link = text.lines().find(|line| line.contains("/welcome#")).unwrap().trim().to_owned();
    assert!(link.starts_with(&format!("http://{}/welcome#", address(&server))), "its own address: {link}");
    assert_eq!(browser(&server).accept(&link, "Ada", "ada@example.com").status, 200);
}

#[test]
fn an_owner_who_forgot_the_password_is_let_in_again() {
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("data");
    let server = start(&data, &[]);
    let mut here = owner(&server);
    let unknown = on(&data, &["owner", "reset", "--email", "bob@example.com"]).failed(1);
    assert_eq!(unknown, "muster: No owner has this address; there are: ada@example.com.\n");
    let reset = on(&data, &["owner", "reset", "--email", "ADA@example.com", "--json"]).json();
    assert_eq!(reset["email"], "ada@example.com");
    let token = reset["link"].as_str().unwrap().split_once('#').unwrap().1;
    let offer = here.post("/v1/invitations/check", &json!({"token": token})).json();
    assert_eq!((&offer["purpose"], &offer["email"]), (&json!("reset"), &json!("ada@example.com")));
    assert_eq!(here.get("/v1/session").status, 200, "a link that is not used changes nothing");
    let accept = |browser: &Browser| {
        let fields = json!({"token": token, "password": "chosen anew, once"});
        browser.post("/v1/invitations/accept", &fields)
    };
    let mut fresh = browser(&server);
    let answer = accept(&fresh);
    assert_eq!(answer.status, 200, "{}", answer.text());
    fresh.keep(&answer);
    accept(&fresh).is_refused(410, "invitation_invalid");
    here.get("/v1/session").is_refused(401, "session_missing");
    here.sign_in("ada@example.com", PASSWORD).is_refused(401, "credentials_wrong");
    assert_eq!(here.sign_in("ada@example.com", "chosen anew, once").status, 200);
    assert_eq!(
        told(&acts(&fresh))[2..4],
        ["Ada: password_changed ada@example.com", "command_line: owner_link_made ada@example.com"]
    );
}

#[test]
fn a_password_is_reset_while_no_server_runs_too() {
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("data");
    let server = start(&data, &[]);
    owner(&server);
    server.stop();
    let text = on(&data, &["owner", "reset"]).worked();
    assert!(text.starts_with("Open this link to choose a new password for ada@example.com;"), "{text}");
    let token = text.split_once("http://127.0.0.1:6878/welcome#").unwrap().1.trim();
    let server = start(&data, &[]);
    let fields = json!({"token": token, "password": "chosen anew, once"});
    assert_eq!(browser(&server).post("/v1/invitations/accept", &fields).status, 200);
    assert_eq!(browser(&server).sign_in("ada@example.com", "chosen anew, once").status, 200);
}

#[test]
fn acts_of_the_command_line_are_in_the_audit_with_and_without_a_server() {
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("data");
    start(&data, &[]).stop();
    on(&data, &["environments", "create", "Staging"]).worked();
    on(&data, &["environments", "set", "Staging", "--rename", "QA", "--pii-properties", "ssn"]).worked();
    let server = start(&data, &[]);
    let owner = owner(&server);
    on(&data, &["keys", "create", "--environment", "QA", "--name", "crm"]).worked();
    on(&data, &["keys", "revoke", "2"]).worked();
    on(&data, &["keys", "list"]).worked();
    let told = told(&acts(&owner));
    assert_eq!(told[..2], ["command_line: key_revoked crm", "command_line: key_created crm"]);
    assert_eq!(
        told[4..6],
        ["command_line: environment_changed QA", "command_line: environment_created Staging"],
        "{told:?}"
    );
    let environments = owner.get("/v1/environments").json();
    assert_eq!(environments["data"][1]["pii_properties"], json!(["ssn"]));
}

/// As the version before the team wrote it.
const OLD_CATALOG: &str = r#"{"next_environment":2,"next_key":2,"environments":[{"id":1,"name":"Production","app_token":"NX-0badcafe","region":"local","incarnation":7,"created_at":1795242069123456,"settings":{"empty_company":"refuse","nested_values":"keep","junk_ids":"take"}}],"keys":[]}"#;

fn write_catalog(data: &Path, format: u32, catalog: &str) {
    let sum = crc32(catalog.as_bytes());
    let text = format!(r#"{{"format":{format},"crc32":{sum},"catalog":{catalog}}}"#);
    fs::write(data.join("catalog.json"), text).unwrap();
}

/// CRC-32 (IEEE), bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |sum, &byte| {
        (0..8).fold(sum ^ u32::from(byte), |sum, _| (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg()))
    })
}

#[test]
fn a_catalog_of_the_version_before_opens_and_a_newer_one_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("FORMAT"), "muster 1\n").unwrap();
    write_catalog(&data, 1, OLD_CATALOG);
    let server = start(&data, &[]);
    let owner = owner(&server);
    let session = owner.get("/v1/session").json();
    assert_eq!(session["environments"][0]["app_token"], "NX-0badcafe");
    assert_eq!(session["environments"][0]["pii_properties"], json!(["email", "phone"]));
    server.stop();
    write_catalog(&data, 3, OLD_CATALOG);
    let err = on(&data, &["serve", "--listen", "127.0.0.1:0"]).failed(1);
    assert!(err.contains("the catalog has format 3, this program reads 1 to 2"), "{err}");
}

#[test]
fn kill_9_between_acts_loses_none_of_them() {
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("data");
    let server = start(&data, &[]);
    let mut signed_in = owner(&server);
    let mut made: Vec<String> = Vec::new();
    let mut server = server;
    for round in 0..4 {
        // Enough acts in all that the catalog hands some of them on to the trail.
        for number in 0..120 {
            let name = format!("key {round}-{number}");
            let answer = signed_in.post("/v1/environments/1/keys", &json!({"name": name}));
            assert_eq!(answer.status, 201, "{}", answer.text());
            made.push(name);
        }
        server.signal("KILL");
        server.ended();
        server = start(&data, &[]);
        let cookie = signed_in.cookie.take();
        signed_in = browser(&server);
        signed_in.cookie = cookie;
        assert_eq!(signed_in.get("/v1/session").status, 200, "the session is there still");
    }
    for file in ["audit.log", "catalog.json"] {
        let mode = fs::metadata(data.join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file} is nobody else's business");
    }
    let mut found = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = signed_in.get(&format!("/v1/audit?limit=200&cursor={cursor}")).json();
        found.extend(page["data"].as_array().unwrap().clone());
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = next.to_owned();
    }
    let mut keys: Vec<&str> = found
        .iter()
        .filter(|entry| entry["action"] == "key_created" && entry["actor"]["kind"] == "member")
        .map(|entry| entry["subject"].as_str().unwrap())
        .collect();
    keys.reverse();
    assert_eq!(keys, made, "each act once, in its order");
    let listed = signed_in.get("/v1/environments/1/keys").json()["data"].as_array().unwrap().len();
    assert_eq!(listed, made.len() + 1, "and what each of them did");
}
