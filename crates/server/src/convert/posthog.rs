//! PostHog: one event of a batch export (model "events", JSONLines) on each line. `$identify` and `$set` bring properties of the
//! user, `$groupidentify` those of a company (the group type whose key is sent), `$pageview` is a view; other names that
//! begin with `$` are the SDK's own and left out.

use serde_json::Value;

use super::{LeftOut, Object, Rows, put, put_size, row, taken, taken_text, text};

const SOURCE: &str = "backend-http-import";

pub(super) fn rows(mut event: Object) -> Rows {
    let time = Value::from(text(&event, "timestamp").ok_or(LeftOut::Timeless)?);
    let name = text(&event, "event").ok_or(LeftOut::Unknown)?;
    let id = text(&event, "uuid");
    let mut properties = match event.remove("properties") {
        // Other formats of the same export hold JSON in a string.
        Some(Value::String(json)) => serde_json::from_str(&json).map_err(|_| LeftOut::Unreadable)?,
        Some(Value::Object(properties)) => properties,
        _ => Object::new(),
    };
    if name == "$groupidentify" {
        let mut row = row("identify_company", SOURCE, time, id);
        put(&mut row, "company_id", Some(text(&properties, "$group_key").ok_or(LeftOut::Unknown)?));
        row.insert("metadata".into(), taken(&mut properties, "$group_set").into());
        return Ok(vec![row]);
    }
    let kind = match name.as_str() {
        "$identify" | "$set" => "identify_user",
        "$pageview" => "page_view",
        name if name.starts_with('$') => return Err(LeftOut::Unknown),
        _ => "track",
    };
    let is_identified = properties.get("$is_identified").and_then(Value::as_bool) != Some(false)
        && properties.get("$process_person_profile").and_then(Value::as_bool) != Some(false);
    let user = text(&event, "distinct_id").filter(|_| is_identified).ok_or(LeftOut::Anonymous)?;
    let mut row = row(kind, SOURCE, time, id);
    put(&mut row, "user_id", Some(user));
    put(&mut row, "company_id", taken_text(&mut properties, &["$group_0"]));
    let url = taken_text(&mut properties, &["$current_url"]).filter(|url| url.contains("://"));
    if kind == "page_view" && url.is_none() {
        return Err(LeftOut::Unknown);
    }
    put(&mut row, "url", url);
    put(&mut row, "browser", taken_text(&mut properties, &["$browser"]));
    put(&mut row, "operating_system", taken_text(&mut properties, &["$os"]));
    put(&mut row, "browser_language", taken_text(&mut properties, &["$browser_language"]));
    put(&mut row, "device_type", taken_text(&mut properties, &["$device_type"]));
    put(&mut row, "country_code", taken_text(&mut properties, &["$geoip_country_code"]));
    put(&mut row, "user_agent", taken_text(&mut properties, &["$raw_user_agent", "$useragent"]));
    put_size(&mut row, "screen_width", properties.remove("$screen_width"));
    put_size(&mut row, "screen_height", properties.remove("$screen_height"));
    let metadata = if kind == "identify_user" {
        let mut set = taken(&mut properties, "$set_once");
        set.append(&mut taken(&mut properties, "$set"));
        set
    } else {
        properties.retain(|key, _| !key.starts_with('$') && key != "token" && key != "distinct_id");
        properties
    };
    if kind == "track" {
        put(&mut row, "event_name", Some(name));
    }
    row.insert("metadata".into(), metadata.into());
    Ok(vec![row])
}
