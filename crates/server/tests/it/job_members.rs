//! Jobs of members who are signed in: who may start and cancel one, and what the audit tells of it.

use serde_json::{Value, json};

use crate::client::{Answer, Request};
use crate::console::{Browser, told};
use crate::jobs::{id_of, multipart, shown};
use crate::world::{World, until};

const USERS: &str = "/v1/users/bulk_identify";

/// The upload of a file by a member.
fn upload(browser: &Browser, target: &str, file: &[u8]) -> Answer {
    let (kind, body) = multipart(&[("file", "people.ndjson", file)]);
    let plain = Request::post(target, body).header("Content-Type", &kind).header("Muster-Environment", "1");
    let cookie = format!("muster_session={}", browser.cookie.as_deref().unwrap());
    browser.send(&plain.header("Cookie", &cookie).header("Origin", crate::world::BASE))
}

#[track_caller]
fn ended(browser: &Browser, id: &str) -> Value {
    let mut last = Value::Null;
    until("the job ends", || {
        last = browser.read(1, &format!("/v1/background_jobs/{id}")).json();
        last["status"] == "completed" || last["status"] == "failed"
    });
    last
}

#[test]
fn an_admin_uploads_without_a_key_and_the_audit_tells_of_it() {
    let world = World::start();
    let owner = world.owner();
    let admin = owner.invite("admin");
    let id = id_of(&upload(&admin, USERS, b"{\"user_id\":\"u-1\"}\n{}\n"));
    let done = ended(&admin, &id);
    assert_eq!(shown(&done, &["status", "accepted_rows", "rejected_rows"]), json!(["completed", 1, 1]));
    assert_eq!(owner.read(1, "/v1/users/u-1").status, 200);
    let rejects = admin.read(1, &format!("/v1/background_jobs/{id}/rejects"));
    assert_eq!(rejects.status, 200);
    // The rejected rows are themselves a file that can be sent.
    let again = id_of(&upload(&admin, &format!("{USERS}?dry_run=true"), &rejects.body));
    assert_eq!(ended(&admin, &again)["rejected_rows"], 1);
    let acts = world.acts(&owner);
    assert_eq!(told(&acts[..2]), ["admin: job_started people.ndjson", "admin: job_started people.ndjson"]);
    assert_eq!(acts[0]["environment"], 1);
    assert_eq!(acts[0]["details"], json!({"job": again, "type": "users", "dry_run": "true"}));
    assert_eq!(acts[1]["details"], json!({"job": id, "type": "users"}));
    let ledger = owner.read(1, "/v1/ledger").json();
    assert_eq!(shown(&ledger["data"][0], &["key_id", "stored", "rejected"]), json!([0, 1, 1]));
    assert_eq!(ledger["balanced"], true);
}

#[test]
fn an_admin_cancels_a_job() {
    use muster_kernel::ports::{AppendError, Refusal};

    let world = World::start();
    let owner = world.owner();
    for _ in 0..1_000 {
        world.engine.on_append(crate::world::Fault::Fails(AppendError::Refused(Refusal::Overloaded)));
    }
    let id = id_of(&upload(&owner, USERS, b"{\"user_id\":\"u-1\"}\n"));
    let path = format!("/v1/background_jobs/{id}");
    until("the job waits", || owner.read(1, &path).json()["reason"]["code"] == "overloaded");
    let cancel = |browser: &Browser| {
        browser.send(&browser.request("DELETE", &path, None).header("Muster-Environment", "1"))
    };
    cancel(&owner.invite("analyst")).is_refused(403, "role_insufficient");
    assert_eq!(cancel(&owner).status, 202);
    assert_eq!(ended(&owner, &id)["reason"]["code"], "job_cancelled");
    assert_eq!(told(&world.acts(&owner)[..1]), ["Ada: job_cancelled people.ndjson"]);
    cancel(&owner).is_refused(409, "job_ended");
}

#[test]
fn others_and_other_pages_start_nothing() {
    let world = World::start();
    let owner = world.owner();
    for role in ["viewer", "analyst"] {
        upload(&owner.invite(role), USERS, b"{\"user_id\":\"u-1\"}\n").is_refused(403, "role_insufficient");
    }
    let cookie = format!("muster_session={}", owner.cookie.as_deref().unwrap());
    let plain = Request::post(USERS, "{\"user_id\":\"u-1\"}\n").header("Cookie", &cookie);
    let here = plain.clone().header("Muster-Environment", "1");
    world.ask(&here).is_refused(403, "origin_refused");
    world.ask(&here.header("Origin", "https://evil.example")).is_refused(403, "origin_refused");
    let unnamed = plain.header("Origin", crate::world::BASE);
    world.ask(&unnamed).is_refused(400, "environment_missing");
    assert_eq!(owner.read(1, "/v1/background_jobs").json(), json!([]));
}
