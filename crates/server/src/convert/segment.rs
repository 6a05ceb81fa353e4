//! Segment: one call of its Spec on each line. `identify`, `track`, `page`, `screen` and `group` have counterparts; `alias`
//! has none, because here ids are never joined.

use serde_json::Value;

use super::{LeftOut, Object, Rows, put, put_size, row, taken, text};

const SOURCE: &str = "backend-segment";

pub(super) fn rows(mut call: Object) -> Rows {
    let time = ["timestamp", "originalTimestamp", "sentAt", "receivedAt"]
        .into_iter()
        .find_map(|key| text(&call, key));
    let time = Value::from(time.ok_or(LeftOut::Timeless)?);
    let kind = text(&call, "type").ok_or(LeftOut::Unknown)?;
    let id = text(&call, "messageId");
    let user = text(&call, "userId");
    let mut context = taken(&mut call, "context");
    let company = text(&context, "groupId");
    let about_user = |event_type: &str, id: Option<String>| {
        let mut made = row(event_type, SOURCE, time.clone(), id);
        put(&mut made, "user_id", user.clone());
        made
    };
    let row = match kind.as_str() {
        "identify" => {
            let mut row = about_user("identify_user", id);
            row.insert("metadata".into(), taken(&mut call, "traits").into());
            row
        }
        "track" => {
            let mut row = about_user("track", id);
            put(&mut row, "event_name", Some(text(&call, "event").ok_or(LeftOut::Unknown)?));
            row.insert("metadata".into(), taken(&mut call, "properties").into());
            row
        }
        "screen" => {
            let mut row = about_user("track", id);
            let name = text(&call, "name")
                .map_or_else(|| "Viewed Screen".to_owned(), |name| format!("Viewed {name} Screen"));
            put(&mut row, "event_name", Some(name));
            row.insert("metadata".into(), taken(&mut call, "properties").into());
            row
        }
        "page" => {
            let mut properties = taken(&mut call, "properties");
            if let Some(name) = call.remove("name").filter(|name| name.is_string()) {
                properties.entry("name").or_insert(name);
            }
            let page = context.get("page").and_then(Value::as_object);
            let url = text(&properties, "url").or_else(|| page.and_then(|page| text(page, "url")));
            let mut row = about_user("page_view", id);
            put(&mut row, "url", Some(url.ok_or(LeftOut::Unknown)?));
            properties.remove("url");
            properties.remove("path");
            row.insert("metadata".into(), properties.into());
            row
        }
        "group" => return group(call, &time, id, user),
        _ => return Err(LeftOut::Unknown),
    };
    if user.is_none() {
        return Err(LeftOut::Anonymous);
    }
    let mut row = row;
    put(&mut row, "company_id", company);
    device(&mut row, &mut context);
    Ok(vec![row])
}

/// What a group is, and that its user belongs to it: two rows with an id each.
fn group(mut call: Object, time: &Value, id: Option<String>, user: Option<String>) -> Rows {
    let company = text(&call, "groupId").ok_or(LeftOut::Unknown)?;
    let of = |part: &str| id.as_ref().map(|id| format!("{id}:{part}"));
    let mut about = row("identify_company", SOURCE, time.clone(), of("company"));
    put(&mut about, "company_id", Some(company.clone()));
    about.insert("metadata".into(), taken(&mut call, "traits").into());
    let mut rows = vec![about];
    if user.is_some() {
        let mut member = row("identify_user", SOURCE, time.clone(), of("member"));
        put(&mut member, "user_id", user);
        put(&mut member, "company_id", Some(company));
        rows.push(member);
    }
    Ok(rows)
}

fn device(row: &mut Object, context: &mut Object) {
    put(row, "user_agent", text(context, "userAgent"));
    put(row, "browser_language", text(context, "locale"));
    put(
        row,
        "device_type",
        context.get("device").and_then(Value::as_object).and_then(|device| text(device, "type")),
    );
    if !row.contains_key("user_agent") {
        let system = context.get("os").and_then(Value::as_object).and_then(|system| text(system, "name"));
        put(row, "operating_system", system);
    }
    if !row.contains_key("url") {
        let page = context.get("page").and_then(Value::as_object);
        put(row, "url", page.and_then(|page| text(page, "url")));
    }
    let mut screen = taken(context, "screen");
    put_size(row, "screen_width", screen.remove("width"));
    put_size(row, "screen_height", screen.remove("height"));
}
