//! Mixpanel: one event of its Raw Event Export API on each line. `time` is in seconds or milliseconds; those of projects from
//! before 2023 are not UTC but the project's local time written as if it were. `$identify` and `$create_alias` have no
//! counterpart, because here ids are never joined; events of devices that nobody signed in on are left out.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::{LeftOut, Object, Rows, put, put_size, row, taken, taken_text, text};

const SOURCE: &str = "backend-http-import";
/// From here on a number counts milliseconds.
const MILLISECONDS_FROM: i64 = 100_000_000_000;
/// How ids of devices begin.
const DEVICE: &str = "$device:";

pub(super) fn rows(mut event: Object, zone: &TimeZone) -> Rows {
    let name = text(&event, "event").ok_or(LeftOut::Unknown)?;
    if matches!(name.as_str(), "$identify" | "$create_alias" | "$merge") {
        return Err(LeftOut::Unknown);
    }
    let mut properties = taken(&mut event, "properties");
    let time = properties.remove("time").and_then(|time| utc(&time, zone)).ok_or(LeftOut::Timeless)?;
    let identified = text(&properties, "$user_id");
    let user = identified.or_else(|| text(&properties, "distinct_id")).filter(|id| !id.starts_with(DEVICE));
    let user = user.ok_or(LeftOut::Anonymous)?;
    let id = taken_text(&mut properties, &["$insert_id"]);
    let url = taken_text(&mut properties, &["$current_url", "current_url_search"]);
    let is_page = matches!(name.as_str(), "$mp_web_page_view" | "Page View") && url.is_some();
    let mut row = row(if is_page { "page_view" } else { "track" }, SOURCE, time, id);
    put(&mut row, "user_id", Some(user));
    if !is_page {
        put(&mut row, "event_name", Some(name));
    }
    put(&mut row, "url", url.filter(|url| url.contains("://")));
    put(&mut row, "browser", taken_text(&mut properties, &["$browser"]));
    put(&mut row, "operating_system", taken_text(&mut properties, &["$os"]));
    put(&mut row, "country_code", taken_text(&mut properties, &["mp_country_code"]));
    put_size(&mut row, "screen_width", properties.remove("$screen_width"));
    put_size(&mut row, "screen_height", properties.remove("$screen_height"));
    for key in
        ["distinct_id", "$user_id", "$device_id", "$had_persisted_distinct_id", "mp_processing_time_ms", "ip"]
    {
        properties.remove(key);
    }
    properties.retain(|key, _| !key.starts_with("$mp_") && !key.starts_with("mp_"));
    row.insert("metadata".into(), properties.into());
    Ok(vec![row])
}

/// A time as ISO 8601. `zone` says what clock the number was taken from.
fn utc(time: &Value, zone: &TimeZone) -> Option<Value> {
    let number = time.as_i64()?;
    let there = match number {
        MILLISECONDS_FROM.. => Timestamp::from_millisecond(number).ok()?,
        _ => Timestamp::from_second(number).ok()?,
    };
    let instant = there.to_zoned(TimeZone::UTC).datetime().to_zoned(zone.clone()).ok()?.timestamp();
    Some(instant.to_string().into())
}
