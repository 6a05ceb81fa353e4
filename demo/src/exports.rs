//! Exports as a team would have made them: what people did in the last week, for a warehouse, and everybody, for a
//! spreadsheet.
//!
//! Where anything was exported already, nothing is.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::calendar::{DAY, Moment};
use crate::clock::wait;
use crate::connection::Connection;

const PATH: &str = "/api/v1/analytics/exports";
/// Between two looks at an export.
const LOOK_MS: u64 = 50;
/// How many looks are enough for any export of the demo: ten minutes.
const LOOKS_MAX: usize = 12_000;

/// Makes them, one after the other; answers how many there are, nothing when the key may not export.
pub fn make(connection: &mut Connection, now: Moment) -> Result<Option<usize>> {
    let known = connection.get(&format!("{PATH}/jobs"))?;
    match known.json().as_array() {
        Some(known) if known.is_empty() => {}
        known => return Ok(known.map(Vec::len)),
    }
    let week_ago = now.plus(-7 * DAY).formatted("%Y-%m-%d");
    let wanted = [
        json!({"type": "events", "format": "parquet", "event_type": ["track"], "from": week_ago}),
        json!({"type": "users", "format": "csv"}),
    ];
    for question in &wanted {
        follow(connection, question)?;
    }
    Ok(Some(wanted.len()))
}

fn follow(connection: &mut Connection, question: &Value) -> Result<()> {
    let answer = connection.post(PATH, question)?;
    if answer.status != 201 {
        bail!("the export {question} was answered {}", answer.words());
    }
    let export = answer.json();
    let id = export["id"].as_str().context("an export has no id")?;
    for _ in 0..LOOKS_MAX {
        let export = connection.get(&format!("{PATH}/jobs/{id}"))?.json();
        match export["status"].as_str() {
            Some("completed") => return Ok(()),
            Some("failed") => bail!("the export {question} failed: {}", export["reason"]),
            _ => wait(LOOK_MS),
        }
    }
    bail!("the export {question} does not come to its end")
}
