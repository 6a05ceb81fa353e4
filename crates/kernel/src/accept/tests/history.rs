//! Rows of history: the four kinds, the five rules of validation, and what every odd row is answered with.

use std::fmt::Write;

use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::{NOW, write_event};
use crate::accept::{canonical, checker, fast, read_row};
use crate::model::catalog::EnvironmentSettings;
use crate::model::event::{Event, EventDraft};

/// Compares what becomes of a row with the lines of `expected`, whose indentation does not count.
#[track_caller]
fn check(row: &str, expected: &str) {
    let expected: Vec<&str> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let answer = answer(row);
    assert_eq!(answer.lines().collect::<Vec<_>>(), expected, "{row}");
}

fn answer(row: &str) -> String {
    let (mut out, mut draft) = (String::new(), EventDraft::default());
    match read_row(&EnvironmentSettings::default(), NOW, row.as_bytes(), &mut draft) {
        Ok(warnings) => {
            write!(out, "{} ", draft.source.as_str()).unwrap();
            write_event(&mut out, &Event::decode(&encoded(&draft)).unwrap());
            for warning in warnings {
                writeln!(out, "warning {} {}: {}", warning.pointer, warning.code.as_str(), warning.message)
                    .unwrap();
            }
        }
        Err(problems) => {
            for problem in problems {
                writeln!(out, "problem {} {}: {}", problem.pointer, problem.code.as_str(), problem.message)
                    .unwrap();
            }
        }
    }
    out
}

fn encoded(draft: &EventDraft) -> Vec<u8> {
    let mut bytes = Vec::new();
    canonical(draft, &mut bytes);
    bytes
}

/// A track row with these members more; a later one of the same name counts.
fn track(more: &str) -> String {
    let comma = if more.is_empty() { "" } else { "," };
    format!(
        r#"{{"event_type":"track","event_name":"paid","user_id":"u","source":"backend-http","inserted_at":"2026-01-05T09:30:00Z"{comma}{more}}}"#
    )
}

/// One member of [`track`] in another way.
fn track_but(from: &str, to: &str) -> String {
    track("").replace(from, to)
}

#[test]
fn each_kind_becomes_an_event_of_its_time() {
    check(
        r#"{"event_type":"identify_user","event_name":"","user_id":"u","company_id":"c","source":"backend-segment",
            "inserted_at":"2025-03-04T05:06:07.123456Z","metadata":{"plan":"pro","seats":3,"gone":null}}"#,
        r#"backend-segment identify_user user_id=u company_id=c at=2025-03-04T05:06:07.123456Z
           user gone removed
           user plan = "pro"
           user seats = 3"#,
    );
    check(
        r#"{"event_type":"identify_company","company_id":"c","source":"backend-salesforce","inserted_at":1741064767,
            "metadata":{"createdAt":"2020-01-01"}}"#,
        r#"backend-salesforce identify_company company_id=c at=2025-03-04T05:06:07.000000Z
           company created_at = "2020-01-01""#,
    );
    check(
        &track(r#""metadata":{"amount":12.5,"createdAt":1},"event_id":"e-1""#),
        "backend-http track user_id=u event_name=paid event_id=e-1 at=2026-01-05T09:30:00.000000Z
         track amount = 12.5 float
         track createdAt = 1",
    );
    check(
        r#"{"event_type":"page_view","user_id":7,"source":"backend-hubspot","inserted_at":"2026-01-05T10:30:00+01:00","hostname":"a.b","pathname":"/c"}"#,
        r#"backend-hubspot page_view user_id=7 at=2026-01-05T09:30:00.000000Z
           on hostname = "a.b"
           on pathname = "/c""#,
    );
}

#[test]
fn a_row_without_metadata_has_no_properties() {
    let bare = "backend-http track user_id=u event_name=paid at=2026-01-05T09:30:00.000000Z";
    check(&track(""), bare);
    check(&track(r#""metadata":null"#), bare);
    check(&track(r#""metadata":{}"#), bare);
    check(
        &track(r#""metadata":"x""#),
        "problem /metadata metadata_type: `metadata` is a string; send an object of names and values.",
    );
}

#[test]
fn of_a_company_only_what_is_its_own_is_read() {
    check(
        r#"{"event_type":"identify_company","company_id":"c","user_id":{"not":"looked at"},"url":"nor this","screen_width":"nor that",
            "event_name":5,"source":"web-client","inserted_at":"2026-01-05T09:30:00Z"}"#,
        "web-client identify_company company_id=c at=2026-01-05T09:30:00.000000Z",
    );
}

#[test]
fn a_url_overrides_host_and_path() {
    check(
        &track(r#""hostname":"x","pathname":"/x","url":"https://App.example.com:8443/a?b=c""#),
        r#"backend-http track user_id=u event_name=paid at=2026-01-05T09:30:00.000000Z
           on hostname = "app.example.com"
           on pathname = "/a""#,
    );
    check(
        &track(r#""url":"/only/a/path""#),
        "problem /url url_invalid: `url` names no host; send a whole one such as https://app.example.com/page.",
    );
}

#[test]
fn a_user_agent_overrides_browser_and_system() {
    check(
        &track(
            r#""browser":"Sent","operating_system":"Sent","user_agent":"Agent/1.0","device_type":"mobile","country_code":"DE",
                  "browser_language":"de","screen_width":390,"screen_height":"844""#,
        ),
        r#"backend-http track user_id=u event_name=paid at=2026-01-05T09:30:00.000000Z
           on browser_language = "de"
           on country_code = "DE"
           on device_type = "mobile"
           on screen_height = 844
           on screen_width = 390
           on user_agent = "Agent/1.0""#,
    );
    check(
        &track(r#""browser":"Sent","operating_system":"Sent","user_agent":"""#),
        r#"backend-http track user_id=u event_name=paid at=2026-01-05T09:30:00.000000Z
           on browser = "Sent"
           on operating_system = "Sent""#,
    );
}

#[test]
fn a_source_is_one_of_six_and_a_browser_says_where_it_was() {
    for source in
        ["backend-http", "backend-hubspot", "backend-salesforce", "backend-segment", "backend-http-import"]
    {
        let row = track_but("backend-http", source);
        assert_eq!(
            answer(&row),
            format!("{source} track user_id=u event_name=paid at=2026-01-05T09:30:00.000000Z\n")
        );
    }
    let words = "send `web-client`, `backend-http`, `backend-hubspot`, `backend-salesforce`, `backend-segment` or \
                 `backend-http-import`.";
    check(
        &track_but("backend-http", "crm"),
        &format!("problem /source source_invalid: `source` is none of the contract's; {words}"),
    );
    check(
        &track_but(r#""source":"backend-http","#, ""),
        &format!("problem  source_invalid: `source` is missing; {words}"),
    );
    let web = track_but("backend-http", "web-client");
    let with = |more: &str| web.replace("}", &format!(",{more}}}"));
    check(
        &web,
        "problem  page_missing: `hostname` is missing, which a row of `web-client` needs; send it, or a `url`.",
    );
    check(
        &with(r#""url":"https://a.b""#),
        "problem  page_missing: `user_agent` is missing, which a row of `web-client` needs; send it, or another `source`.",
    );
    check(
        &with(r#""hostname":"a.b","user_agent":"x""#),
        "problem  page_missing: `pathname` is missing, which a row of `web-client` needs; send it, or a `url`.",
    );
    check(
        &with(r#""url":"https://a.b","user_agent":"x""#),
        r#"web-client track user_id=u event_name=paid at=2026-01-05T09:30:00.000000Z
           on hostname = "a.b"
           on pathname = "/"
           on user_agent = "x""#,
    );
    check(
        r#"{"event_type":"page_view","user_id":"u","source":"backend-http","inserted_at":"2026-01-05T09:30:00Z"}"#,
        "problem  page_missing: `hostname` is missing, which a `page_view` needs; send it, or a `url`.",
    );
}

#[test]
fn times_are_read_remarked_or_refused() {
    let at = |time: &str| track_but(r#""2026-01-05T09:30:00Z""#, time);
    let taken = "backend-http track user_id=u event_name=paid at=2026-01-05T09:30:00.000000Z";
    for time in
        ["\"2026-01-05T10:30:00+01:00\"", "1767605400", "1767605400000", "\"1767605400\"", "1767605400.0"]
    {
        check(&at(time), taken);
    }
    for time in ["\"2026-01-05 09:30:00.000000\"", "\"2026-01-05T09:30:00\""] {
        check(
            &at(time),
            &format!(
                "{taken}\nwarning /inserted_at time_without_zone: `inserted_at` names no zone; it was read as UTC."
            ),
        );
    }
    check(
        &at("\"2026-01-05\"").replace("inserted_at", "timestamp"),
        "backend-http track user_id=u event_name=paid at=2026-01-05T00:00:00.000000Z
         warning /timestamp time_without_zone: `timestamp` names no zone; it was read as UTC.",
    );
    check(
        &at("0"),
        "backend-http track user_id=u event_name=paid at=1970-01-01T00:00:00.000000Z
         warning /inserted_at time_before_1971: `inserted_at` lies before 1971, as a time does that was never filled in; it was taken as it is.",
    );
    check(
        &at("\"2026-01-05T09:40:00Z\""),
        "backend-http track user_id=u event_name=paid at=2026-01-05T09:40:00.000000Z",
    );
    check(
        &at("\"2026-01-05T09:40:00.000001Z\""),
        "problem /inserted_at time_ahead: `inserted_at` is more than 10 minutes ahead of when the file came; history has no future.",
    );
    for time in ["\"yesterday\"", "\"05/01/2026\"", "true", "\"2026-02-30T00:00:00Z\""] {
        check(
            &at(time),
            "problem /inserted_at time_invalid: `inserted_at` is no time; send ISO 8601 such as 2026-01-05T09:30:00Z, or unix seconds or milliseconds.",
        );
    }
    let missing = "problem  time_missing: `inserted_at` is missing; send the time of the event, such as 2026-01-05T09:30:00Z.";
    check(&at("null"), missing);
    check(&at("\"\""), missing);
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    check(
        r#"{"event_type":"track","user_id":"","event_name":null,"screen_width":-1,"hostname":7,"metadata":{"":1}}"#,
        "problem /screen_width context_invalid: `screen_width` is no size; send a whole number of pixels.
         problem /hostname context_invalid: `hostname` is a number; send a string.
         problem /metadata/ property_name_empty: The name of this property is empty; use a name of 1 to 255 characters.
         problem  id_missing: `user_id` is missing; send the user's id as a string.
         problem  event_name_missing: `event_name` is missing; send the name of the event as a string.
         problem  source_invalid: `source` is missing; send `web-client`, `backend-http`, `backend-hubspot`, `backend-salesforce`, `backend-segment` or `backend-http-import`.
         problem  time_missing: `inserted_at` is missing; send the time of the event, such as 2026-01-05T09:30:00Z.",
    );
    let kinds = "send `identify_user`, `identify_company`, `track` or `page_view`.";
    check("{}", &format!("problem  event_type_invalid: `event_type` is missing; {kinds}"));
    for kind in ["\"interaction\"", "7", "\"Track\""] {
        check(
            &track_but("\"track\"", kind),
            &format!(
                "problem /event_type event_type_invalid: `event_type` is none that can be imported; {kinds}"
            ),
        );
    }
    check(
        "[]",
        "problem  body_not_object: The body is an array; send one JSON object that describes the call.",
    );
}

#[test]
fn rows_that_say_the_same_are_the_same_however_they_are_written() {
    let hash = |row: &str| {
        let mut draft = EventDraft::default();
        read_row(&EnvironmentSettings::default(), NOW, row.as_bytes(), &mut draft).unwrap();
        encoded(&draft)
    };
    let one = hash(&track(r#""metadata":{"a":1,"b":"x"},"url":"https://h/p","user_agent":"agent""#));
    let other = r#"{ "pathname":"/p", "hostname":"h", "metadata" : {"b":"\u0078","a":1}, "user_agent":"agent", "browser":"Any", "company_id":"",
        "timestamp":1767605400, "unknown":[1], "source":"backend-http", "user_id":"u", "event":"paid", "event_type":"track"}"#;
    assert_eq!(one, hash(other));
    for other in [
        r#""metadata":{"a":1.0,"b":"x"}"#,
        r#""metadata":{"a":"1","b":"x"}"#,
        r#""metadata":{"a":1}"#,
        r#""company_id":"c""#,
    ] {
        assert_ne!(hash(&track(r#""metadata":{"a":1,"b":"x"}"#)), hash(&track(other)), "{other}");
    }
}

/// Members that rows have, right and odd ones, as JSON.
fn member() -> impl Strategy<Value = String> {
    let values = select(vec![
        "null",
        "\"\"",
        "\"u\"",
        "\"track\"",
        "\"page_view\"",
        "\"identify_company\"",
        "\"web-client\"",
        "\"backend-http\"",
        "\"2026-01-05T09:30:00Z\"",
        "\"2026-01-05 09:30:00\"",
        "\"2999-01-01T00:00:00Z\"",
        "\"1970-01-01T00:00:00Z\"",
        "0",
        "7",
        "-1",
        "1.5",
        "true",
        "[]",
        "{}",
        "{\"a\":1,\"b\":\"x\"}",
        "{\"a\":1,\"a\":2}",
        "{\"createdAt\":1}",
        "{\"n\":{\"m\":[]}}",
        "\"https://h/p?q\"",
        "\"half \\ud800 pair\"",
        "\"null\"",
        "\"\\u0000\"",
    ]);
    let keys = select(vec![
        "event_type",
        "event_name",
        "event",
        "user_id",
        "company_id",
        "source",
        "inserted_at",
        "timestamp",
        "event_id",
        "metadata",
        "url",
        "hostname",
        "pathname",
        "user_agent",
        "browser",
        "screen_width",
        "unknown",
    ]);
    (keys, values).prop_map(|(key, value)| format!("\"{key}\":{value}"))
}

fn kind() -> impl Strategy<Value = &'static str> {
    select(vec!["identify_user", "identify_company", "track", "page_view"])
}

proptest! {
    /// Whatever the fast reader takes, the checker takes with the same draft, and with no remark beyond the zone.
    #[test]
    fn the_readers_agree_and_nothing_panics(
        kind in kind(),
        odd in prop::collection::vec(member(), 0..4),
        order in any::<[Index; 8]>(),
        cut in proptest::option::of(any::<Index>()),
    ) {
        let mut members = vec![
            format!(r#""event_type":"{kind}""#),
            r#""user_id":"u""#.to_owned(),
            r#""company_id":"c""#.to_owned(),
            r#""source":"backend-http""#.to_owned(),
            r#""inserted_at":"2026-01-05T09:30:00Z""#.to_owned(),
            r#""url":"https://h/p""#.to_owned(),
        ];
        if kind == "track" {
            members.push(r#""event_name":"paid""#.to_owned());
        }
        members.extend(odd);
        for at in order {
            let (from, last) = (at.index(members.len()), members.len() - 1);
            members.swap(from, last);
        }
        let mut row = format!("{{{}}}", members.join(","));
        if let Some(cut) = cut {
            row.truncate(cut.index(row.len() + 1));
        }
        let settings = EnvironmentSettings::default();
        let (mut quick, mut thorough, mut draft) = (EventDraft::default(), EventDraft::default(), EventDraft::default());
        let fast = fast::history::read(NOW, &row, &mut quick);
        let checked = checker::history::check(&settings, NOW, &row, &mut thorough);
        let answer = read_row(&settings, NOW, row.as_bytes(), &mut draft);
        if row.is_empty() {
            prop_assert!(answer.is_err());
            return Ok(());
        }
        prop_assert_eq!(&answer, &checked, "{}", row);
        prop_assert_eq!(encoded(&draft), encoded(&thorough), "{}", row);
        if fast.is_some() {
            prop_assert_eq!(encoded(&quick), encoded(&thorough), "{}", row);
        }
        match answer {
            Ok(_) => {
                prop_assert!(draft.occurred_at.is_some() && draft.ordinal == 0);
                prop_assert!(Event::decode(&encoded(&draft)).is_ok());
            }
            Err(problems) => {
                prop_assert!(!problems.is_empty());
                prop_assert_eq!(encoded(&draft), encoded(&EventDraft::default()));
            }
        }
    }
}
