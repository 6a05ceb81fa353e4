//! People who closed their accounts and asked to be forgotten: they come, and are erased before the story begins, while
//! there is little to search. They are nobody of the story.
//!
//! Where anybody was ever erased, nothing is sent.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::call::{Call, properties};
use crate::clock::wait;
use crate::connection::Connection;
use crate::crew::Counts;
use crate::story::Story;

/// Between two looks at an erasure.
const LOOK_MS: u64 = 50;
/// How many looks are enough: a minute.
const LOOKS_MAX: usize = 1_200;
const PEOPLE: [(&str, &str); 2] = [("u_closed_1", "Wendell Ashdown"), ("u_closed_2", "Marta Lindqvist")];

/// Has them come and be erased; answers what became of their calls, none when the key may not erase.
pub fn send(connection: &mut Connection, story: &Story) -> Result<Counts> {
    let mut counts = Counts::default();
    let erasures = connection.get("/v1/erasures")?.json();
    let ids = json!({"users": PEOPLE.map(|(id, _)| id)});
    let may_erase = connection.delete("/v1/users?dry_run=true", &ids)?.is_success();
    if !may_erase || erasures["data"].as_array().is_none_or(|known| !known.is_empty()) {
        return Ok(counts);
    }
    for call in PEOPLE.iter().flat_map(|(id, name)| calls(story, id, name)) {
        let answer = connection.send(&call)?;
        counts.take(&call, &answer)?;
    }
    let answer = connection.delete("/v1/users", &ids)?;
    if !answer.is_success() {
        bail!("nobody was erased: the server answered {}", answer.words());
    }
    follow(connection, &answer.json())?;
    Ok(counts)
}

fn calls(story: &Story, id: &str, name: &str) -> [Call; 2] {
    let (at, company, id) = (story.opening(), &story.companies[0].id, Value::from(id));
    let reason = properties([("reason", json!("moved to another tool"))]);
    [
        Call::identify(at, 0, &id, json!({"name": name, "plan": "Free"}), Some(company)),
        Call::track(at, 0, &id, company, "account_closed", reason),
    ]
}

/// Waits for the certificate.
fn follow(connection: &mut Connection, erasure: &Value) -> Result<()> {
    let id = erasure["job_id"].as_str().context("an erasure has no id")?;
    for _ in 0..LOOKS_MAX {
        if connection.get(&format!("/v1/erasures/{id}"))?.json()["certificate"].is_object() {
            return Ok(());
        }
        wait(LOOK_MS);
    }
    bail!("the erasure {id} does not come to its end")
}
