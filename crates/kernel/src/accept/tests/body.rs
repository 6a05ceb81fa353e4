//! A body as a whole: syntax, size, depth, and what an answer lists.

use std::collections::BTreeSet;

use super::{LENIENT, NOW, STRICT, answer, check, check_bytes, check_with};
use crate::accept::Call::{IdentifyUser, Track};
use crate::accept::read;
use crate::model::catalog::EnvironmentSettings;
use crate::model::event::EventDraft;
use crate::model::limits::BODY_BYTES_MAX;
use crate::model::problem::{ProblemCode, WarningCode};

#[test]
fn a_body_that_is_no_json_object_is_one_problem() {
    for (body, problem) in [
        ("", "body_missing: The body is empty; send one JSON object that describes the call."),
        (" \r\n\t", "body_missing: The body is empty; send one JSON object that describes the call."),
        ("\u{feff}", "body_missing: The body is empty; send one JSON object that describes the call."),
        ("null", "body_not_object: The body is null; send one JSON object that describes the call."),
        (" [{}] ", "body_not_object: The body is an array; send one JSON object that describes the call."),
        ("\"{}\"", "body_not_object: The body is a string; send one JSON object that describes the call."),
        (
            "user_id=u",
            "body_not_json: The body is not JSON: expected value at line 1 column 1; mend that place and send one JSON object.",
        ),
        (
            "{\"user_id\":\"u\"",
            "body_not_json: The body is not JSON: EOF while parsing an object at line 1 column 14; mend that place and send one JSON object.",
        ),
        (
            "{\"user_id\":\"u\",\n\"metadata\":{\"a\":NaN}}",
            "body_not_json: The body is not JSON: expected value at line 2 column 17; mend that place and send one JSON object.",
        ),
        (
            "{\"user_id\":\"u\",}",
            "body_not_json: The body is not JSON: trailing comma at line 1 column 16; mend that place and send one JSON object.",
        ),
        (
            "{\"user_id\":\"u\"}{}",
            "body_not_json: The body is not JSON: trailing characters at line 1 column 16; mend that place and send one JSON object.",
        ),
        (
            "{\"user_id\":\"u\",\"a\nb\":1}",
            "body_not_json: The body is not JSON: control character (\\u0000-\\u001F) found while parsing a string at line 1 column 17; mend that place and send one JSON object.",
        ),
        (
            "{7:8}",
            "body_not_json: The body is not JSON: key must be a string at line 1 column 2; mend that place and send one JSON object.",
        ),
        (
            "[1,",
            "body_not_json: The body is not JSON: EOF while parsing a value at line 1 column 3; mend that place and send one JSON object.",
        ),
    ] {
        check(IdentifyUser, body, &format!("problem  {problem}"));
    }
    let settings = EnvironmentSettings::default();
    check_bytes(
        &settings,
        IdentifyUser,
        b"\xef\xbb\xbf{\"user_id\":\"\xff\"}",
        "problem  body_not_json: The body is not JSON: the byte at offset 15 is not UTF-8; send the body encoded as UTF-8.",
    );
    check(IdentifyUser, "\u{feff}{\"user_id\":\"u\"}", "identify_user user_id=u");
}

#[test]
fn a_body_has_at_most_one_mebibyte() {
    let body = |bytes: usize| format!(r#"{{"user_id":"u"{}}}"#, " ".repeat(bytes - 15));
    check(IdentifyUser, &body(BODY_BYTES_MAX), "identify_user user_id=u");
    check(
        IdentifyUser,
        &body(BODY_BYTES_MAX + 1),
        "problem  body_too_large: The body has 1048577 bytes when decompressed; send at most 1048576 in one call.",
    );
}

#[test]
fn a_body_has_at_most_32_levels_wherever_they_are() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let deepest = nested(31);
    let too_deep = nested(32);
    let message = "body_too_deep: With this value the body has more than 32 levels; send it flatter.";
    check(IdentifyUser, &format!(r#"{{"user_id":"u","x":{deepest}}}"#), "identify_user user_id=u");
    check(
        IdentifyUser,
        &format!(r#"{{"user_id":"u","x":[{deepest},["]]"]]}}"#),
        &format!("problem /x {message}"),
    );
    check(
        IdentifyUser,
        &format!(
            r#"{{"user_id":{too_deep},"x":{too_deep},"metadata":{{"a":{deepest}}},"company":{{"id":{deepest},"b":{deepest}}}}}"#
        ),
        &format!(
            "problem /user_id {message}
            problem /x {message}
            problem /metadata/a {message}
            problem /company/id {message}
            problem /company/b {message}"
        ),
    );
    check(
        IdentifyUser,
        &format!(r#"{{"user_id":"u","metadata":{too_deep},"metadata":{too_deep},"company":{too_deep}}}"#),
        &format!("problem /metadata {message}\nproblem /metadata {message}\nproblem /company {message}"),
    );
    check_with(
        &LENIENT,
        IdentifyUser,
        &format!(r#"{{"user_id":"u","company":{{"a":{deepest}}}}}"#),
        &format!("problem /company {message}"),
    );
    let text = nested(30);
    check(
        IdentifyUser,
        &format!(r#"{{"user_id":"u","metadata":{{"a":{text}}}}}"#),
        &format!(
            "identify_user user_id=u
            user a = JSON {text}
            warning /metadata/a nested_value: This value is an array; it was kept as its JSON text, which filters read as one string."
        ),
    );
    // Far beyond what a recursive reader stands.
    let abyss = nested(200_000);
    check(IdentifyUser, &format!(r#"{{"user_id":"u","x":{abyss}}}"#), &format!("problem /x {message}"));
}

#[test]
fn the_last_of_equal_keys_counts() {
    let repeated = "duplicate_key: This key stands more than once in its object; the last one was used.";
    check(
        IdentifyUser,
        r#"{"user_id":7.5,"x":1,"metadata":{"a":1e999,"b":1,"\u0061":2,"a":3},"x":2,"user_id":"u","company":{"id":1,"id":"c","id":2}}"#,
        &format!(
            "identify_user user_id=u company_id=2
            user a = 3
            user b = 1
            warning /metadata/a {repeated}
            warning /user_id {repeated}
            warning /company/id {repeated}"
        ),
    );
    check(
        IdentifyUser,
        r#"{"user_id":"u","metadata":7,"metadata":{"a":1}}"#,
        &format!("identify_user user_id=u\nuser a = 1\nwarning /metadata {repeated}"),
    );
    check(
        IdentifyUser,
        r#"{"user_id":"u","metadata":{"a":1},"metadata":7}"#,
        "problem /metadata metadata_type: `metadata` is a number; send an object of names and values.",
    );
    check(
        IdentifyUser,
        r#"{"user_id":"u","metadata":{"nested":{"a":1,"a":2}}}"#,
        r#"identify_user user_id=u
        user nested = JSON {"a":1,"a":2}
        warning /metadata/nested nested_value: This value is an object; it was kept as its JSON text, which filters read as one string."#,
    );
}

#[test]
fn halves_of_surrogate_pairs_are_replaced() {
    let replaced = |what: &str| {
        format!(
            "surrogate_replaced: This {what} holds half of a surrogate pair, which was replaced by U+FFFD; do not cut strings inside a character."
        )
    };
    check(
        Track,
        r#"{"user_id":"u","event":"a\ud83d","metadata":{"\udE00b":"c\ud83dd\ud83d\ude00\ud83d"}}"#,
        &format!(
            "track user_id=u event_name=a\u{fffd}
            track \u{fffd}b = \"c\u{fffd}d😀\u{fffd}\"
            warning /event {}
            warning /metadata/\u{fffd}b {}
            warning /metadata/\u{fffd}b {}",
            replaced("name"),
            replaced("name"),
            replaced("value")
        ),
    );
}

#[test]
fn an_answer_names_all_problems_in_the_order_of_the_body() {
    check(
        Track,
        r#"{"metadata":{"":1e999},"timestamp":"soon","company_id":1.5,"company":{"plan":1e999,"":true},"event_id":{},"user_id":false}"#,
        "problem  event_name_missing: `event_name` is missing; send the name of the event as a string.
        problem /metadata/ property_name_empty: The name of this property is empty; use a name of 1 to 255 characters.
        problem /metadata/ number_out_of_range: This number is beyond the range of a 64-bit float; send it as a string.
        problem /timestamp time_invalid: `timestamp` is no time; send ISO 8601 such as 2026-01-05T09:30:00Z, or unix seconds or milliseconds.
        problem /company_id id_type: `company_id` is a number, but no 64-bit integer; send the id as a string.
        problem /company company_id_missing: `company` has neither `id` nor `company_id`; send one of them, leave `company` out, or set `empty_company = \"ignore\"` for the environment.
        problem /company/plan number_out_of_range: This number is beyond the range of a 64-bit float; send it as a string.
        problem /company/ property_name_empty: The name of this property is empty; use a name of 1 to 255 characters.
        problem /event_id event_id_invalid: `event_id` is an object; send a string or an integer.
        problem /user_id id_type: `user_id` is a boolean; send a string or an integer.",
    );
}

#[test]
fn an_answer_lists_100_findings_and_counts_the_rest() {
    let user = |count: usize, value: &str| {
        let properties: Vec<String> = (0..count).map(|index| format!("\"p{index}\":{value}")).collect();
        format!(r#"{{"user_id":"u","metadata":{{{}}}}}"#, properties.join(","))
    };
    let last = |body: &str| {
        let answer = answer(&EnvironmentSettings::default(), IdentifyUser, body.as_bytes());
        let mut found =
            answer.lines().filter(|line| line.starts_with("problem") || line.starts_with("warning"));
        (found.clone().count(), found.next_back().map(str::to_owned).unwrap_or_default())
    };
    assert_eq!(last(&user(100, "1e999")).0, 100);
    let more = "problem  more_problems: The body has 107 more problems; mend those listed here and send it again to see the others.";
    assert_eq!(last(&user(207, "1e999")), (101, more.to_owned()));
    assert_eq!(last(&user(100, "[]")).0, 100);
    let more = "warning  more_warnings: There are 7 more warnings than are listed here.";
    assert_eq!(last(&user(107, "[]")), (101, more.to_owned()));
}

#[test]
fn messages_never_quote_what_may_be_personal() {
    let secret = "peter@example.com ".repeat(4_000);
    for body in [
        format!(
            r#"{{"user_id":"{secret}","metadata":{{"a":"{secret}","b":["{secret}"]}},"company":"{secret}"}}"#
        ),
        format!(r#"{{"user_id":"u","timestamp":"{secret}","event_id":"{secret}","metadata":"{secret}"}}"#),
        format!(r#"{{"user_id":"u","metadata":{{"a":"{secret}" "b":1}}}}"#),
        format!(r#"{{"user_id":"u","metadata":{{"a":1}},"{secret}":{{}},"metadata":["{secret}"]}}"#),
    ] {
        let answer = answer(&EnvironmentSettings::default(), IdentifyUser, body.as_bytes());
        assert!(answer.starts_with("problem") && !answer.contains("peter"), "{answer}");
    }
}

/// Codes that the edge answers with, whatever the body says; their tests are the edge's.
const NOT_OF_BODIES: &[ProblemCode] = &[
    ProblemCode::BodyTimeout,
    ProblemCode::BodyNotDecompressed,
    ProblemCode::CompressionRatio,
    ProblemCode::EncodingUnsupported,
    ProblemCode::ContentTypeUnsupported,
    // Those of rows of history are provoked in `history`, and in the server where they belong to a file.
    ProblemCode::TimeMissing,
    ProblemCode::TimeAhead,
    ProblemCode::EventTypeInvalid,
    ProblemCode::SourceInvalid,
    ProblemCode::PageMissing,
    ProblemCode::UrlInvalid,
    ProblemCode::ContextInvalid,
    ProblemCode::HeaderInvalid,
    ProblemCode::HeaderRepeated,
    ProblemCode::RowRagged,
    ProblemCode::FieldUnreadable,
];

/// Those of rows of history.
const REMARKS_OF_ROWS: [WarningCode; 2] = [WarningCode::TimeWithoutZone, WarningCode::TimeBefore1971];

#[test]
fn every_code_of_bodies_is_provoked() {
    let long = "x".repeat(70_000);
    let many = (0..501).map(|index| format!("\"p{index}\":1e999")).collect::<Vec<_>>().join(",");
    let problems = [
        (STRICT, String::new()),
        (STRICT, "{".into()),
        (STRICT, "[]".into()),
        (STRICT, " ".repeat(BODY_BYTES_MAX + 1)),
        (
            STRICT,
            format!(
                r#"{{"user_id":true,"metadata":7,"company":7,"x":{}}}"#,
                "[".repeat(40) + &"]".repeat(40)
            ),
        ),
        (
            STRICT,
            format!(
                r#"{{"user_id":"","event":"{long}","metadata":{{"{long}":"{long}","":[]}},"company":{{}}}}"#
            ),
        ),
        (STRICT, r#"{"user_id":"null","event":7,"event_id":7.5,"timestamp":""}"#.into()),
        (STRICT, format!(r#"{{"company":{{"id":"{long}"}},"metadata":{{{many}}}}}"#)),
        (STRICT, r#"{"user_id":"\u0000"}"#.into()),
    ];
    let warnings = [
        (LENIENT, r#"{"user_id":"null","event":"e","timestamp":"2099-01-01","timestamp":"2099-01-01","company":{}}"#.to_owned()),
        (
            LENIENT,
            format!(
                r#"{{"user_id":"u","event":"\ud800","company":{{"id":1,"company_id":2,"createdAt":1,"created_at":1,{}}}}}"#,
                (0..101).map(|index| format!("\"p{index}\":[]")).collect::<Vec<_>>().join(",")
            ),
        ),
    ];
    let found = |(settings, body): &(EnvironmentSettings, String)| match read(
        Track,
        settings,
        NOW,
        body.as_bytes(),
        &mut EventDraft::default(),
    ) {
        Ok(warnings) => warnings.iter().map(|warning| warning.code.as_str()).collect::<Vec<_>>(),
        Err(problems) => problems.iter().map(|problem| problem.code.as_str()).collect(),
    };
    let first_of_others = ProblemCode::ALL.iter().position(|code| *code == ProblemCode::KeyMissing).unwrap();
    let expected: BTreeSet<&str> = ProblemCode::ALL[..first_of_others]
        .iter()
        .filter(|code| !NOT_OF_BODIES.contains(code))
        .map(|code| code.as_str())
        .collect();
    assert_eq!(problems.iter().flat_map(found).collect::<BTreeSet<_>>(), expected);
    let of_bodies = WarningCode::ALL.iter().filter(|code| !REMARKS_OF_ROWS.contains(code));
    let expected: BTreeSet<&str> = of_bodies.map(|code| code.as_str()).collect();
    assert_eq!(warnings.iter().flat_map(found).collect::<BTreeSet<_>>(), expected);
}
