//! Amplitude: one event of its Export API on each line of the unpacked files, times in UTC. `$identify` brings properties of the
//! user alone; every other event is a `track`, and what it says of the user is left to `$identify`, because Amplitude
//! repeats all of the user's properties in every event. Of `groups` the first value is the company.

use serde_json::Value;

use super::{LeftOut, Object, Rows, put, row, taken, text};

const SOURCE: &str = "backend-http-import";

pub(super) fn rows(mut event: Object) -> Rows {
    let time = Value::from(text(&event, "event_time").ok_or(LeftOut::Timeless)?);
    let name = text(&event, "event_type").ok_or(LeftOut::Unknown)?;
    let user = text(&event, "user_id").ok_or(LeftOut::Anonymous)?;
    let id = text(&event, "$insert_id").or_else(|| text(&event, "uuid"));
    let is_identify = name == "$identify";
    if !is_identify && name.starts_with('$') {
        return Err(LeftOut::Unknown);
    }
    let mut row = row(if is_identify { "identify_user" } else { "track" }, SOURCE, time, id);
    put(&mut row, "user_id", Some(user));
    let groups = taken(&mut event, "groups");
    put(&mut row, "company_id", groups.values().next().and_then(first_text));
    put(&mut row, "operating_system", text(&event, "os_name"));
    put(&mut row, "browser_language", text(&event, "language"));
    put(&mut row, "device_type", text(&event, "device_family"));
    if !is_identify {
        put(&mut row, "event_name", Some(name));
    }
    let metadata = if is_identify { "user_properties" } else { "event_properties" };
    row.insert("metadata".into(), taken(&mut event, metadata).into());
    Ok(vec![row])
}

/// A group is one value or a list of them.
fn first_text(value: &Value) -> Option<String> {
    match value {
        Value::Array(values) => values.first().and_then(first_text),
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        _ => None,
    }
}
