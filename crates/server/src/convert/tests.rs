//! What each system's lines become. The samples are ours, made after the systems' documentation, and every row that comes out
//! is one that the import takes.

use jiff::tz::TimeZone;
use muster_kernel::accept;
use muster_kernel::model::catalog::EnvironmentSettings;
use muster_kernel::model::event::EventDraft;
use muster_kernel::model::time::Timestamp;
use serde_json::{Value, json};

use super::{Converted, LeftOut, System, convert};

/// 2026-06-01T00:00:00Z.
const NOW: Timestamp = Timestamp(1_780_272_000_000_000);

/// Converts lines; checks that each row would be taken.
fn converted(system: System, zone: &TimeZone, lines: &[Value]) -> (Converted, Vec<Value>) {
    let file: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let mut out = Vec::new();
    let done = convert(system, zone, file.as_bytes(), &mut out).unwrap();
    let rows: Vec<Value> =
        String::from_utf8(out).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for row in &rows {
        let mut draft = EventDraft::default();
        let read =
            accept::read_row(&EnvironmentSettings::default(), NOW, row.to_string().as_bytes(), &mut draft);
        assert!(read.is_ok(), "{row}: {read:?}");
    }
    (done, rows)
}

#[track_caller]
fn check(system: System, line: Value, expected: Value) {
    let (done, rows) = converted(system, &TimeZone::UTC, &[line]);
    assert_eq!(Value::from(rows), expected);
    assert_eq!(done.left_out.len(), 0);
}

#[track_caller]
fn check_left_out(system: System, line: Value, why: LeftOut) {
    let (done, rows) = converted(system, &TimeZone::UTC, &[line]);
    assert_eq!((rows, done.left_out), (vec![], [(why, (1, 1))].into()));
}

#[test]
fn segment_calls_become_rows() {
    let context = json!({
        "groupId": "c-1", "ip": "192.0.2.1", "locale": "de-DE", "userAgent": "Agent/1.0",
        "page": {"url": "https://app.example.com/here?x=1", "path": "/here"}, "screen": {"width": 390, "height": 844, "density": 3},
    });
    let call = |kind: &str, more: Value| {
        let mut call = json!({
            "type": kind, "messageId": "m-1", "userId": "u-1", "anonymousId": "a-1", "timestamp": "2025-03-04T05:06:07.890Z",
            "receivedAt": "2025-03-04T05:06:09.000Z", "context": context,
        });
        call.as_object_mut().unwrap().append(&mut more.as_object().unwrap().clone());
        call
    };
    let row = |kind: &str, more: Value| {
        let mut row = json!({
            "event_type": kind, "event_id": "m-1", "user_id": "u-1", "company_id": "c-1", "source": "backend-segment",
            "inserted_at": "2025-03-04T05:06:07.890Z", "user_agent": "Agent/1.0", "browser_language": "de-DE",
            "url": "https://app.example.com/here?x=1", "screen_width": 390, "screen_height": 844,
        });
        row.as_object_mut().unwrap().append(&mut more.as_object().unwrap().clone());
        json!([row])
    };
    check(
        System::Segment,
        call("identify", json!({"traits": {"plan": "pro", "address": {"city": "Bonn"}}})),
        row("identify_user", json!({"metadata": {"plan": "pro", "address": {"city": "Bonn"}}})),
    );
    check(
        System::Segment,
        call("track", json!({"event": "Paid", "properties": {"amount": 12.5}})),
        row("track", json!({"event_name": "Paid", "metadata": {"amount": 12.5}})),
    );
    check(
        System::Segment,
        call(
            "page",
            json!({"name": "Home", "properties": {"url": "https://app.example.com/", "path": "/", "title": "Hi"}}),
        ),
        row(
            "page_view",
            json!({"url": "https://app.example.com/", "metadata": {"name": "Home", "title": "Hi"}}),
        ),
    );
    check(
        System::Segment,
        call("screen", json!({"name": "Start"})),
        row("track", json!({"event_name": "Viewed Start Screen", "metadata": {}})),
    );
    check(
        System::Segment,
        call("group", json!({"groupId": "c-2", "traits": {"name": "Acme"}})),
        json!([
            {"event_type": "identify_company", "event_id": "m-1:company", "company_id": "c-2", "source": "backend-segment",
             "inserted_at": "2025-03-04T05:06:07.890Z", "metadata": {"name": "Acme"}},
            {"event_type": "identify_user", "event_id": "m-1:member", "user_id": "u-1", "company_id": "c-2",
             "source": "backend-segment", "inserted_at": "2025-03-04T05:06:07.890Z"},
        ]),
    );
    check_left_out(System::Segment, call("alias", json!({"previousId": "x"})), LeftOut::Unknown);
    check_left_out(
        System::Segment,
        call("track", json!({"event": "Paid", "userId": null})),
        LeftOut::Anonymous,
    );
    check_left_out(System::Segment, json!({"type": "track", "userId": "u", "event": "e"}), LeftOut::Timeless);
    check_left_out(System::Segment, json!([1]), LeftOut::Unreadable);
}

#[test]
fn mixpanel_events_become_rows() {
    let event = json!({"event": "Signed up", "properties": {
        "time": 1_741_064_767, "distinct_id": "u-1", "$insert_id": "i-1", "$browser": "Firefox", "$os": "Linux",
        "$current_url": "https://app.example.com/here", "mp_country_code": "DE", "mp_lib": "web", "$screen_width": 390,
        "mp_processing_time_ms": 1_741_064_769_000_i64, "plan": "pro",
    }});
    let row = |time: &str| {
        json!([{"event_type": "track", "event_name": "Signed up", "user_id": "u-1", "event_id": "i-1", "inserted_at": time,
            "source": "backend-http-import", "browser": "Firefox", "operating_system": "Linux", "country_code": "DE",
            "url": "https://app.example.com/here", "screen_width": 390, "metadata": {"plan": "pro"}}])
    };
    check(System::Mixpanel, event.clone(), row("2025-03-04T05:06:07Z"));
    let paris = TimeZone::get("Europe/Paris").unwrap();
    let (_, rows) = converted(System::Mixpanel, &paris, &[event]);
    assert_eq!(Value::from(rows), row("2025-03-04T04:06:07Z"), "a clock on the wall of Paris");
    let of = |name: &str, user: &str| json!({"event": name, "properties": {"time": 1_741_064_767_890_i64, "distinct_id": user}});
    check(
        System::Mixpanel,
        of("x", "u-2"),
        json!([{"event_type": "track", "event_name": "x", "user_id": "u-2", "inserted_at": "2025-03-04T05:06:07.89Z",
            "source": "backend-http-import", "metadata": {}}]),
    );
    check_left_out(System::Mixpanel, of("x", "$device:abc"), LeftOut::Anonymous);
    check_left_out(System::Mixpanel, of("$identify", "u-1"), LeftOut::Unknown);
    check_left_out(
        System::Mixpanel,
        json!({"event": "x", "properties": {"distinct_id": "u"}}),
        LeftOut::Timeless,
    );
}

#[test]
fn posthog_events_become_rows() {
    let event = |name: &str, properties: Value| {
        json!({"uuid": "0190", "event": name, "distinct_id": "u-1", "person_id": "p-1", "timestamp": "2025-03-04T05:06:07.890000+00:00",
            "created_at": "2025-03-04T05:06:09+00:00", "properties": properties, "person_properties": {"email": "a@example.com"}})
    };
    let row = |kind: &str, more: Value| {
        let mut row = json!({"event_type": kind, "event_id": "0190", "user_id": "u-1", "source": "backend-http-import",
            "inserted_at": "2025-03-04T05:06:07.890000+00:00"});
        row.as_object_mut().unwrap().append(&mut more.as_object().unwrap().clone());
        json!([row])
    };
    check(
        System::Posthog,
        event(
            "paid",
            json!({"amount": 5, "$browser": "Chrome", "$group_0": "c-1", "$lib": "web", "token": "phc_x"}),
        ),
        row(
            "track",
            json!({"event_name": "paid", "browser": "Chrome", "company_id": "c-1", "metadata": {"amount": 5}}),
        ),
    );
    check(
        System::Posthog,
        event("$identify", json!({"$set": {"plan": "pro"}, "$set_once": {"plan": "free", "referrer": "ad"}})),
        row("identify_user", json!({"metadata": {"plan": "pro", "referrer": "ad"}})),
    );
    check(
        System::Posthog,
        event("$pageview", json!("{\"$current_url\":\"https://app.example.com/a\",\"tab\":1}")),
        row("page_view", json!({"url": "https://app.example.com/a", "metadata": {"tab": 1}})),
    );
    check(
        System::Posthog,
        event(
            "$groupidentify",
            json!({"$group_type": "company", "$group_key": "c-1", "$group_set": {"name": "Acme"}}),
        ),
        json!([{"event_type": "identify_company", "event_id": "0190", "company_id": "c-1", "source": "backend-http-import",
            "inserted_at": "2025-03-04T05:06:07.890000+00:00", "metadata": {"name": "Acme"}}]),
    );
    check_left_out(System::Posthog, event("$autocapture", json!({})), LeftOut::Unknown);
    check_left_out(System::Posthog, event("paid", json!({"$is_identified": false})), LeftOut::Anonymous);
}

#[test]
fn amplitude_events_become_rows() {
    let event = |name: &str, user: Value| {
        json!({"event_type": name, "user_id": user, "device_id": "d-1", "event_time": "2025-03-04 05:06:07.890000", "uuid": "a1b2",
            "$insert_id": "i-1", "event_properties": {"amount": 5}, "user_properties": {"plan": "pro"}, "groups": {"company": ["c-1"]},
            "os_name": "iOS", "language": "German", "device_family": "Apple iPhone", "ip_address": "192.0.2.1"})
    };
    let row = |kind: &str, more: Value| {
        let mut row = json!({"event_type": kind, "event_id": "i-1", "user_id": "u-1", "company_id": "c-1", "source": "backend-http-import",
            "inserted_at": "2025-03-04 05:06:07.890000", "operating_system": "iOS", "browser_language": "German",
            "device_type": "Apple iPhone"});
        row.as_object_mut().unwrap().append(&mut more.as_object().unwrap().clone());
        json!([row])
    };
    check(
        System::Amplitude,
        event("paid", json!("u-1")),
        row("track", json!({"event_name": "paid", "metadata": {"amount": 5}})),
    );
    check(
        System::Amplitude,
        event("$identify", json!("u-1")),
        row("identify_user", json!({"metadata": {"plan": "pro"}})),
    );
    check_left_out(System::Amplitude, event("paid", json!(null)), LeftOut::Anonymous);
    check_left_out(System::Amplitude, event("$revenue", json!("u-1")), LeftOut::Unknown);
}

#[test]
fn what_is_left_out_is_counted_with_its_first_line() {
    let long = "x".repeat(9 << 20);
    let file = format!("\n{{\n{{\"type\":\"alias\",\"timestamp\":\"2025-01-01\"}}\n{long}\n\nnone\n");
    let mut out = Vec::new();
    let done = convert(System::Segment, &TimeZone::UTC, file.as_bytes(), &mut out).unwrap();
    assert_eq!((done.lines, done.rows, out.len()), (4, 0, 0));
    assert_eq!(done.left_out, [(LeftOut::Unreadable, (3, 2)), (LeftOut::Unknown, (1, 3))].into());
}
