//! The content catalogue of the made-up product: what its flows, surveys and so on are called.
//!
//! A kind that was ever registered stays as it is: it may have been changed, and the same story can be told twice.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::connection::Connection;

/// The version of a kind that nobody ever registered.
const NEVER_REGISTERED: u64 = 1;

/// Registers what is not there yet; answers how many items there are now, nothing when the key may not register.
pub fn register(connection: &mut Connection) -> Result<Option<usize>> {
    let mut count = 0;
    for (kind, items) in catalogue() {
        let target = format!("/v1/content/{kind}");
        let mut answer = connection.get(&target)?;
        if answer.json()["version"] == NEVER_REGISTERED {
            answer = connection.put(&target, &items)?;
        }
        match answer.status {
            200 => count += answer.json()["items"].as_array().context("content has no items")?.len(),
            403 => return Ok(None),
            _ => bail!("the {kind} were not registered: the server answered {}", answer.words()),
        }
    }
    Ok(Some(count))
}

fn catalogue() -> [(&'static str, Value); 7] {
    let titled = |all: &[(u64, &str)]| {
        let item = |(id, title): &(u64, &str)| json!({"id": id, "title": title});
        Value::Array(all.iter().map(item).collect())
    };
    let keyed = |all: &[(&str, &str)]| {
        let item = |(key, name): &(&str, &str)| json!({"key": key, "display_name": name});
        Value::Array(all.iter().map(item).collect())
    };
    [
        (
            "flows",
            titled(&[
                (311, "Welcome, and the first project"),
                (314, "Invite your team"),
                (327, "Plan a sprint"),
                (340, "Tour of reports"),
                (352, "Your first automation"),
                (368, "What Growth adds"),
            ]),
        ),
        ("banners", titled(&[(207, "Maintenance on Sunday"), (219, "Three days of your trial are left")])),
        (
            "embeds",
            json!([
                {"id": 92, "title": "New: reports by e-mail", "type": "card"},
                {"id": 97, "title": "Ask us anything", "type": "banner"},
            ]),
        ),
        ("spotlights", titled(&[(118, "Filters can be saved"), (121, "Drag a task to another day")])),
        ("surveys", surveys()),
        ("checklists", keyed(&[("first_week", "Your first week"), ("go_live", "Ready for the whole team")])),
        (
            "resource_center_modules",
            keyed(&[
                ("help_articles", "Help articles"),
                ("whats_new", "What is new"),
                ("contact", "Talk to us"),
            ]),
        ),
    ]
}

fn surveys() -> Value {
    json!([
        {"id": 45, "title": "Would you recommend us?", "modules": [
            {"id": 1, "type": "nps", "question": "How likely are you to recommend us to a colleague?"},
            {"id": 2, "question": "What is the main reason for that?"},
        ]},
        {"id": 51, "title": "Why did you leave?", "modules": [
            {"id": 1, "type": "single_choice", "question": "What was missing?"},
        ]},
    ])
}
