//! `metadata` and `company`: which values are kept, within which limits.

use super::{LENIENT, STRICT, answer, check, check_with};
use crate::accept::Call::{IdentifyUser, Track};
use crate::model::limits::TRACK_METADATA_BYTES_MAX;

#[test]
fn a_company_is_named_by_either_key() {
    let company = |json: &str| format!(r#"{{"user_id":"u","company":{json}}}"#);
    for json in [
        r#"{"id":"c"}"#,
        r#"{"company_id":"c"}"#,
        r#"{"id":"c","company_id":"c"}"#,
        r#"{"id":null,"company_id":"c"}"#,
        r#"{"company_id":null,"id":"c"}"#,
    ] {
        check(IdentifyUser, &company(json), "identify_user user_id=u company_id=c");
    }
    check(IdentifyUser, &company(r#"{"id":"7","company_id":7}"#), "identify_user user_id=u company_id=7");
    check(IdentifyUser, &company("null"), "identify_user user_id=u");
    check(
        IdentifyUser,
        &company(r#"{"id":"a","company_id":"b","plan":"pro"}"#),
        r#"identify_user user_id=u company_id=b
        company plan = "pro"
        warning /company/id company_ids_differ: `id` and `company_id` differ; `company_id` was used."#,
    );
    check(
        IdentifyUser,
        &company(r#"{"id":{},"company_id":"b"}"#),
        "identify_user user_id=u company_id=b
        warning /company/id company_ids_differ: `id` and `company_id` differ; `company_id` was used.",
    );
    check(
        IdentifyUser,
        &company(r#"{"id":"a","company_id":""}"#),
        "problem /company/company_id id_empty: `company_id` is empty or only white space; send the id itself.
        ",
    );
    for (json, kind) in
        [("\"c-1\"", "a string"), ("7", "a number"), ("true", "a boolean"), ("[]", "an array")]
    {
        check(
            IdentifyUser,
            &company(json),
            &format!(
                "problem /company company_type: `company` is {kind}; send an object with an `id` or a `company_id`."
            ),
        );
    }
}

#[test]
fn a_company_without_an_id_is_refused_or_ignored_as_the_environment_says() {
    for json in ["{}", r#"{"id":null}"#, r#"{"company_id":null,"plan":"pro"}"#] {
        let body = format!(r#"{{"user_id":"u","company":{json}}}"#);
        check(
            IdentifyUser,
            &body,
            "problem /company company_id_missing: `company` has neither `id` nor `company_id`; send one of them, leave `company` out, or set `empty_company = \"ignore\"` for the environment.",
        );
        check_with(
            &LENIENT,
            IdentifyUser,
            &body,
            "identify_user user_id=u
            warning /company empty_company_ignored: `company` has neither `id` nor `company_id`; it was ignored.",
        );
    }
}

#[test]
fn metadata_is_an_object_of_single_values() {
    let user = |metadata: &str| format!(r#"{{"user_id":"u","metadata":{metadata}}}"#);
    for none in ["null", "{}"] {
        check(IdentifyUser, &user(none), "identify_user user_id=u");
    }
    check(
        IdentifyUser,
        &user(
            r#"{"a":null,"b":true,"c":9223372036854775807,"d":9223372036854775808,"e":-9223372036854775808,
            "f":18446744073709551616,"g":0.1,"h":5e-324,"i":1.7976931348623157e308,"j":-0,"k":1.0,"l":2e2,
            "m":123456789012345678901234567890,"n":"","o":"\u0000\n\ud83d\ude00","id":1,"company_id":2,"a.b/c~":"x"}"#,
        ),
        r#"identify_user user_id=u
        user a removed
        user a.b/c~ = "x"
        user b = true
        user c = 9223372036854775807
        user company_id = 2
        user d = 9223372036854775808 unsigned
        user e = -9223372036854775808
        user f = 1.8446744073709552e19 float
        user g = 0.1 float
        user h = 5e-324 float
        user i = 1.7976931348623157e308 float
        user id = 1
        user j = -0.0 float
        user k = 1.0 float
        user l = 200.0 float
        user m = 1.2345678901234568e29 float
        user n = ""
        user o = "\0\n😀""#,
    );
    for (json, kind) in
        [("\"{}\"", "a string"), ("7", "a number"), ("false", "a boolean"), ("[]", "an array")]
    {
        check(
            IdentifyUser,
            &user(json),
            &format!(
                "problem /metadata metadata_type: `metadata` is {kind}; send an object of names and values."
            ),
        );
    }
    check(
        IdentifyUser,
        &user(r#"{"m~n/o":1e309,"b":-1e400}"#),
        "problem /metadata/m~0n~1o number_out_of_range: This number is beyond the range of a 64-bit float; send it as a string.
        problem /metadata/b number_out_of_range: This number is beyond the range of a 64-bit float; send it as a string.",
    );
}

#[test]
fn nested_values_are_kept_as_compact_text_or_refused() {
    let body = r#"{"user_id":"u","company":{"id":"c","a":[ 1e999 , "x \"y\\" ,{ } ]},"metadata":{"b":{ "c d" : "\ud83d" }}}"#;
    check(
        IdentifyUser,
        body,
        r#"identify_user user_id=u company_id=c
        user b = JSON {"c d":"\ud83d"}
        company a = JSON [1e999,"x \"y\\",{}]
        warning /company/a nested_value: This value is an array; it was kept as its JSON text, which filters read as one string.
        warning /metadata/b nested_value: This value is an object; it was kept as its JSON text, which filters read as one string."#,
    );
    let refused = "which the environment refuses (`nested_values = \"refuse\"`); send a string, a number, a boolean or null.";
    check_with(
        &STRICT,
        IdentifyUser,
        body,
        &format!(
            "problem /company/a property_value_nested: This value is an array, {refused}
            problem /metadata/b property_value_nested: This value is an object, {refused}"
        ),
    );
}

#[test]
fn names_and_values_have_limits_that_count_characters() {
    let user = |name: &str, value: &str| format!(r#"{{"user_id":"u","metadata":{{"{name}":{value}}}}}"#);
    let (name, value) = ("é".repeat(255), "é".repeat(65_535));
    let taken = format!("identify_user user_id=u\nuser {name} = \"{value}\"");
    check(IdentifyUser, &user(&name, &format!("\"{value}\"")), &taken);
    check(
        IdentifyUser,
        &user(&format!("{name}x"), "1"),
        &format!(
            "problem /metadata property_name_too_long: The property name that starts with `{}` has 256 characters; use at most 255.",
            "é".repeat(60)
        ),
    );
    check(
        IdentifyUser,
        &user("", "1"),
        "problem /metadata/ property_name_empty: The name of this property is empty; use a name of 1 to 255 characters.",
    );
    let too_long =
        "problem /metadata/a property_value_too_long: This value has 65536 characters; send at most 65535.";
    check(IdentifyUser, &user("a", &format!("\"{value}x\"")), too_long);
    // Brackets and quotes count, space between tokens does not.
    let inside = "é".repeat(65_531);
    check(
        IdentifyUser,
        &user("a", &format!("[ \"{inside}\" ]")),
        &format!(
            "identify_user user_id=u
            user a = JSON [\"{inside}\"]
            warning /metadata/a nested_value: This value is an array; it was kept as its JSON text, which filters read as one string."
        ),
    );
    check(IdentifyUser, &user("a", &format!("[\"{inside}x\"]")), too_long);
}

#[test]
fn a_call_brings_at_most_500_properties_of_each_kind() {
    let properties =
        |count: usize| (0..count).map(|index| format!("\"p{index}\":1")).collect::<Vec<_>>().join(",");
    let (most, too_many) = (properties(500), properties(501));
    let body = format!(r#"{{"user_id":"u","metadata":{{{most}}},"company":{{"id":"c",{most}}}}}"#);
    assert_eq!(answer(&STRICT, IdentifyUser, body.as_bytes()).lines().count(), 1001);
    // Sent twice is one, and so are the two names of when a profile was created.
    let body = format!(
        r#"{{"user_id":"u","metadata":{{{},"p0":2,"created_at":1,"createdAt":2}}}}"#,
        properties(499)
    );
    assert_eq!(answer(&STRICT, IdentifyUser, body.as_bytes()).lines().count(), 503);
    for call in [IdentifyUser, Track] {
        check(
            call,
            &format!(
                r#"{{"user_id":"u","event":"e","metadata":{{{too_many}}},"company":{{"id":"c",{too_many}}}}}"#
            ),
            "problem /metadata too_many_properties: This object has 501 properties; send at most 500.
            problem /company too_many_properties: This object has 501 properties; send at most 500.",
        );
    }
}

#[test]
fn metadata_of_an_event_has_at_most_10_kib_as_sent() {
    let track = |spaces: usize| {
        let metadata = format!("{{{}\"a\":1}}", " ".repeat(spaces));
        (metadata.len(), format!(r#"{{"user_id":"u","event":"e","metadata":{metadata}}}"#))
    };
    let (bytes, body) = track(TRACK_METADATA_BYTES_MAX - 7);
    assert_eq!(bytes, TRACK_METADATA_BYTES_MAX);
    check(Track, &body, "track user_id=u event_name=e\ntrack a = 1");
    let (_, body) = track(TRACK_METADATA_BYTES_MAX - 6);
    check(
        Track,
        &body,
        "problem /metadata metadata_too_large: `metadata` of an event has 10241 bytes; send at most 10240.",
    );
    check(IdentifyUser, &body, "identify_user user_id=u\nuser a = 1");
}

#[test]
fn created_at_has_an_alias_in_profiles_but_not_in_events() {
    check(
        Track,
        r#"{"user_id":"u","event":"e","metadata":{"createdAt":1,"created_at":2},"company":{"id":"c","createdAt":3}}"#,
        "track user_id=u company_id=c event_name=e
        track createdAt = 1
        track created_at = 2
        company created_at = 3",
    );
    let twice = "created_at_twice: `createdAt` and `created_at` mean the same; `created_at` was used.";
    for body in [
        r#"{"user_id":"u","metadata":{"createdAt":"a","created_at":"b"}}"#,
        r#"{"user_id":"u","metadata":{"created_at":"b","createdAt":1e999}}"#,
    ] {
        check(
            IdentifyUser,
            body,
            &format!("identify_user user_id=u\nuser created_at = \"b\"\nwarning /metadata/createdAt {twice}"),
        );
    }
    check(
        IdentifyUser,
        r#"{"user_id":"u","company":{"id":"c","createdAt":1,"created_at":null}}"#,
        &format!(
            "identify_user user_id=u company_id=c\ncompany created_at removed\nwarning /company/createdAt {twice}"
        ),
    );
}
