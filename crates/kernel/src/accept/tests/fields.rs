//! Keys of a body that hold one value: ids, the name of an event, times.

use super::{LENIENT, NOW, STRICT, answer, check, check_with};
use crate::accept::Call::{CompanyRow, IdentifyCompany, IdentifyUser, Track, UserRow};
use crate::model::time::MINUTE;

#[test]
fn ids_are_strings_or_integers_of_1_to_255_bytes() {
    let id = |json: &str| format!(r#"{{"user_id":{json}}}"#);
    let longest = "é".repeat(127) + "x";
    for (json, id_kept) in [
        ("\" a b \"", " a b "),
        ("7", "7"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("18446744073709551615", "18446744073709551615"),
        (&*format!("\"{longest}\""), &*longest),
    ] {
        let body = id(json);
        assert_eq!(
            answer(&STRICT, IdentifyUser, body.as_bytes()),
            format!("identify_user user_id={id_kept}\n"),
            "{body}"
        );
    }
    for (json, problem) in [
        ("null", "id_missing: `user_id` is null; send the user's id as a string."),
        ("true", "id_type: `user_id` is a boolean; send a string or an integer."),
        ("{}", "id_type: `user_id` is an object; send a string or an integer."),
        ("[1]", "id_type: `user_id` is an array; send a string or an integer."),
        ("1.5", "id_type: `user_id` is a number, but no 64-bit integer; send the id as a string."),
        ("1e3", "id_type: `user_id` is a number, but no 64-bit integer; send the id as a string."),
        (
            "18446744073709551616",
            "id_type: `user_id` is a number, but no 64-bit integer; send the id as a string.",
        ),
        ("1e999", "id_type: `user_id` is a number, but no 64-bit integer; send the id as a string."),
        (r#""\ud83d""#, "id_type: `user_id` holds half of a surrogate pair; send whole characters."),
        ("\"\"", "id_empty: `user_id` is empty or only white space; send the id itself."),
        ("\" \\t\"", "id_empty: `user_id` is empty or only white space; send the id itself."),
        (
            "\"a\\u0000\"",
            "id_control_character: `user_id` holds a control character; send the id without it.",
        ),
        (&*format!("\"{longest}x\""), "id_too_long: `user_id` has 256 bytes of UTF-8; send at most 255."),
    ] {
        check(IdentifyUser, &id(json), &format!("problem /user_id {problem}"));
    }
    check(IdentifyUser, "{}", "problem  id_missing: `user_id` is missing; send the user's id as a string.");
    check(
        IdentifyCompany,
        r#"{"metadata":{}}"#,
        "problem  id_missing: `company_id` is missing; send the company's id as a string.",
    );
}

#[test]
fn junk_ids_are_taken_with_a_warning_or_refused() {
    let body =
        r#"{"user_id":"[object Object]","company":{"id":"NaN"},"event_name":"null","event_id":"undefined"}"#;
    check(
        Track,
        body,
        "track user_id=[object Object] company_id=NaN event_name=null
        warning /user_id id_junk: `user_id` looks like a variable that was never filled in; it was taken as it is.
        warning /company/id id_junk: `id` looks like a variable that was never filled in; it was taken as it is.
        warning /event_id id_junk: `event_id` looks like a variable that was never filled in; the event was taken as if it had no id.",
    );
    let refused = "looks like a variable that was never filled in; send the id itself (the environment has `junk_ids = \"refuse\"`).";
    check_with(
        &STRICT,
        Track,
        body,
        &format!(
            "problem /user_id id_junk: `user_id` {refused}
            problem /company/id id_junk: `id` {refused}
            problem /event_id event_id_invalid: `event_id` {refused}"
        ),
    );
}

#[test]
fn a_company_identifies_itself_by_company_id_or_id() {
    check(IdentifyCompany, r#"{"id":"c"}"#, "identify_company company_id=c");
    check(IdentifyCompany, r#"{"company_id":null,"id":"c"}"#, "identify_company company_id=c");
    check(IdentifyCompany, r#"{"id":{},"company_id":"c"}"#, "identify_company company_id=c");
    check(
        IdentifyCompany,
        r#"{"company_id":"c","user_id":"u","company":{"id":"d"},"metadata":{"id":1,"createdAt":"2020","plan":null}}"#,
        r#"identify_company company_id=c
        company created_at = "2020"
        company id = 1
        company plan removed"#,
    );
    check(
        IdentifyCompany,
        r#"{"id":null}"#,
        "problem /id id_missing: `company_id` is null; send the company's id as a string.",
    );
}

#[test]
fn a_track_call_may_name_the_company_in_two_places() {
    let track = |more: &str| format!(r#"{{"user_id":"u","event_name":"e",{more}}}"#);
    check(Track, &track(r#""company_id":"c""#), "track user_id=u company_id=c event_name=e");
    check(Track, &track(r#""company_id":null"#), "track user_id=u event_name=e");
    check(Track, &track(r#""id":"c""#), "track user_id=u event_name=e");
    check(Track, &track(r#""company_id":"c","company":null"#), "track user_id=u company_id=c event_name=e");
    check(
        Track,
        &track(r#""company_id":1,"company":{"id":"1"}"#),
        "track user_id=u company_id=1 event_name=e",
    );
    check(
        Track,
        &track(r#""company_id":"c","company":{"id":"d","plan":"pro"}"#),
        r#"track user_id=u company_id=d event_name=e
        company plan = "pro"
        warning /company_id company_ids_differ: `company_id` and the id inside `company` differ; the one inside was used."#,
    );
    check_with(
        &LENIENT,
        Track,
        &track(r#""company":{},"company_id":"c""#),
        "track user_id=u company_id=c event_name=e
        warning /company empty_company_ignored: `company` has neither `id` nor `company_id`; it was ignored.",
    );
    check(
        Track,
        &track(r#""company_id":[]"#),
        "problem /company_id id_type: `company_id` is an array; send a string or an integer.",
    );
    check(IdentifyUser, r#"{"user_id":"u","company_id":[]}"#, "identify_user user_id=u");
}

#[test]
fn an_event_has_a_name_of_1_to_512_characters() {
    let track = |more: &str| format!(r#"{{"user_id":"u",{more}}}"#);
    check(Track, &track(r#""event":"a","event_name":"b""#), "track user_id=u event_name=b");
    check(Track, &track(r#""event":{},"event_name":"b""#), "track user_id=u event_name=b");
    check(Track, &track(r#""event_name":null,"event":"a""#), "track user_id=u event_name=a");
    let longest = "é".repeat(512);
    check(
        Track,
        &track(&format!(r#""event":"{longest}""#)),
        &format!("track user_id=u event_name={longest}"),
    );
    for (more, problem) in [
        (
            r#""event":"#.to_owned() + "7",
            "/event event_name_type: `event` is a number; send the name of the event as a string.",
        ),
        (
            r#""event_name":"","event":"a""#.to_owned(),
            "/event_name event_name_type: `event_name` is empty; send the name of the event.",
        ),
        (
            r#""event_name":null"#.to_owned(),
            "/event_name event_name_missing: `event_name` is null; send the name of the event as a string.",
        ),
        (
            r#""x":1"#.to_owned(),
            " event_name_missing: `event_name` is missing; send the name of the event as a string.",
        ),
        (
            format!(r#""event_name":"{longest}x""#),
            "/event_name event_name_too_long: `event_name` has 513 characters; send at most 512.",
        ),
    ] {
        check(Track, &track(&more), &format!("problem {problem}"));
    }
}

#[test]
fn a_call_may_say_when_it_happened() {
    let user = |more: &str| format!(r#"{{"user_id":"u",{more}}}"#);
    let taken = "identify_user user_id=u at=2026-01-05T09:30:00.000000Z";
    for time in [
        "\"2026-01-05T09:30:00Z\"",
        "\"2026-01-05T10:30:00+01:00\"",
        "\"2026-01-05 09:30:00.000000\"",
        "1767605400",
        "1767605400.0",
        "1767605400000",
        "\"1767605400\"",
        "\"1767605400000\"",
    ] {
        check(IdentifyUser, &user(&format!("\"occurred_at\":{time}")), taken);
        check(IdentifyUser, &user(&format!("\"timestamp\":{time}")), taken);
        check(IdentifyUser, &user(&format!("\"timestamp\":{{}},\"occurred_at\":{time}")), taken);
        check(IdentifyUser, &user(&format!("\"occurred_at\":null,\"timestamp\":{time}")), taken);
    }
    check(IdentifyUser, &user("\"occurred_at\":null,\"timestamp\":null"), "identify_user user_id=u");
    check(IdentifyUser, &user("\"timestamp\":-1"), "identify_user user_id=u at=1969-12-31T23:59:59.000000Z");
    for time in
        ["\"\"", "\"yesterday\"", "\"\\ud83d\"", "true", "{}", "[]", "1e300", "1e999", "\"2026-02-30\""]
    {
        for key in ["occurred_at", "timestamp"] {
            check(
                IdentifyUser,
                &user(&format!("\"{key}\":{time}")),
                &format!(
                    "problem /{key} time_invalid: `{key}` is no time; send ISO 8601 such as 2026-01-05T09:30:00Z, or unix seconds or milliseconds."
                ),
            );
        }
    }
    let at_most = NOW.plus(10 * MINUTE);
    check(
        IdentifyUser,
        &user(&format!("\"occurred_at\":\"{at_most}\"")),
        &format!("identify_user user_id=u at={at_most}"),
    );
    check(
        IdentifyUser,
        &user(&format!("\"timestamp\":\"{}\"", at_most.plus(1))),
        "identify_user user_id=u
        warning /timestamp time_ahead: `timestamp` is more than 10 minutes ahead of the server's clock; the time of receipt was used.",
    );
}

#[test]
fn every_call_may_bring_an_id_of_its_own() {
    for (call, body) in [
        (IdentifyUser, r#"{"user_id":"u","event_id":"e-1"}"#),
        (IdentifyCompany, r#"{"company_id":"c","event_id":"e-1"}"#),
        (Track, r#"{"event_id":"e-1","user_id":"u","event":"e"}"#),
    ] {
        let answer = answer(&STRICT, call, body.as_bytes());
        assert!(answer.ends_with("event_id=e-1\n"), "{answer}");
    }
    let user = |id: &str| format!(r#"{{"user_id":"u","event_id":{id}}}"#);
    check(IdentifyUser, &user("42"), "identify_user user_id=u event_id=42");
    check(IdentifyUser, &user("null"), "identify_user user_id=u");
    for (json, fault) in [
        ("\"\"", "is empty or only white space; send the id itself"),
        ("[]", "is an array; send a string or an integer"),
        ("1.5", "is a number, but no 64-bit integer; send the id as a string"),
        ("\"\\u0007\"", "holds a control character; send the id without it"),
    ] {
        check(IdentifyUser, &user(json), &format!("problem /event_id event_id_invalid: `event_id` {fault}."));
    }
}

#[test]
fn a_row_names_its_company_beside_and_has_no_time() {
    check(
        UserRow,
        r#"{"user_id":"u","company_id":"c","metadata":{"a":1},"occurred_at":"2020-01-01","_muster":{"row":3}}"#,
        "identify_user user_id=u company_id=c
         user a = 1",
    );
    check(UserRow, r#"{"user_id":"u","company_id":null,"timestamp":"never"}"#, "identify_user user_id=u");
    check(
        CompanyRow,
        r#"{"id":7,"metadata":{"plan":"pro"},"user_id":"u"}"#,
        "identify_company company_id=7
         company plan = \"pro\"",
    );
}
