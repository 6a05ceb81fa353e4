//! What goes wrong in real life: calls that are sent twice, and calls that are refused.

use fastrand::Rng;
use serde_json::json;

use crate::calendar::Moment;
use crate::call::{Call, Expected, Method};
use crate::chance::pick;

/// Of how many calls one is sent twice, one is joined by a call that is refused, and one by a call that is odd.
const REPEATED_ONE_IN: usize = 250;
const REFUSED_ONE_IN: usize = 160;
const ODD_ONE_IN: usize = 800;

const IDENTIFY: &str = "/v1/identify";
const COMPANY: &str = "/v1/companies/identify";
const TRACK: &str = "/v1/track";

/// A kind of call that is refused: path, body, status and code. `{id}` becomes a user's id.
type Refusal = (&'static str, &'static str, u16, &'static str);

/// What the backend of somebody in a hurry sends. The first ones are the usual mistakes and come more often.
const REFUSALS: [Refusal; 20] = [
    (IDENTIFY, r#"{"metadata":{"plan":"Growth","email":"someone@aldermoor.example"}}"#, 400, "id_missing"),
    (TRACK, r#"{"user_id":null,"event_name":"page_viewed","metadata":{"title":"Home"}}"#, 400, "id_missing"),
    (TRACK, r#"{"user_id":"{id}","metadata":{"project":12}}"#, 400, "event_name_missing"),
    (IDENTIFY, r#"{"user_id":"{id}","metadata":"plan=Growth"}"#, 400, "metadata_type"),
    (IDENTIFY, r#"{"user_id":"{id}","company":"Kestrelbay Freight"}"#, 400, "company_type"),
    (
        TRACK,
        r#"{"user_id":"{id}","event_name":"report_exported","occurred_at":"yesterday"}"#,
        400,
        "time_invalid",
    ),
    (IDENTIFY, r#"{"user_id":{"id":"{id}"},"metadata":{"plan":"Free"}}"#, 400, "id_type"),
    (IDENTIFY, r#"{"user_id":"","metadata":{"plan":"Free"}}"#, 400, "id_empty"),
    (IDENTIFY, r#"{"user_id":"{id}","metadata":{"plan":"Free",}}"#, 400, "body_not_json"),
    (TRACK, r#"{"user_id":"{id}","event_name":"page_vi"#, 400, "body_not_json"),
    (TRACK, "user_id={id}&event_name=page_viewed", 400, "body_not_json"),
    (TRACK, r#"[{"user_id":"{id}","event_name":"page_viewed"}]"#, 400, "body_not_object"),
    (TRACK, "", 400, "body_missing"),
    (TRACK, r#"{"user_id":"{id}","event_name":42}"#, 400, "event_name_type"),
    (COMPANY, r#"{"metadata":{"name":"Oakenfell Grid","seats":40}}"#, 400, "id_missing"),
    (IDENTIFY, r#"{"user_id":"{id}","company":{"name":"Oakenfell Grid"}}"#, 400, "company_id_missing"),
    (IDENTIFY, r#"{"user_id":"{id}","metadata":{"score":1e999}}"#, 400, "number_out_of_range"),
    (IDENTIFY, r#"{"user_id":"u_\u0000\u0007","metadata":{"plan":"Free"}}"#, 400, "id_control_character"),
    (IDENTIFY, r#"{"user_id":"{id}","metadata":{"":"nameless"}}"#, 400, "property_name_empty"),
    (TRACK, r#"{"event_name":"","metadata":[],"occurred_at":"soon"}"#, 400, "id_missing"),
];

/// Calls that are taken with a warning: path and body.
const ODDITIES: [(&str, &str); 5] = [
    (
        TRACK,
        r#"{"user_id":"undefined","event_name":"legacy_ping","metadata":{"from":"an id never filled in"}}"#,
    ),
    (TRACK, r#"{"user_id":"{id}","event":"legacy_ping","metadata":{"os":"iOS","os":"iPadOS"}}"#),
    (TRACK, r#"{"user_id":"{id}","event_name":"legacy_ping","metadata":{"title":"cut inside \ud83d"}}"#),
    (
        TRACK,
        r#"{"user_id":"{id}","event_name":"legacy_ping","metadata":{"cart":{"items":[1,2],"total":9.5}}}"#,
    ),
    (TRACK, r#"{"user_id":"[object Object]","event_name":"legacy_ping","event_id":"null"}"#),
];

/// Levels of a body that is too deep; 32 are allowed.
const LEVELS: usize = 40;

/// Adds the mishaps of a stretch of calls that are in order of time. `name` makes its idempotency keys its own.
pub fn with_mishaps(random: &mut Rng, calls: Vec<Call>, name: &str) -> Vec<Call> {
    let mut all = Vec::with_capacity(calls.len() + calls.len() / 50);
    // A stretch that is not empty has at least one of each.
    let chance = |random: &mut Rng, number: usize, one_in: usize| number == 0 || random.usize(..one_in) == 0;
    for (number, call) in calls.into_iter().enumerate() {
        if chance(random, number, REFUSED_ONE_IN) {
            all.push(refused(random, call.at, call.lane));
        }
        if chance(random, number, ODD_ONE_IN) {
            all.push(odd(random, call.at, call.lane));
        }
        if call.expected == Expected::Accepted && chance(random, number, REPEATED_ONE_IN) {
            all.extend(repeated(random, call, format!("{name}-{number}")));
        } else {
            all.push(call);
        }
    }
    all
}

/// A call with an `Idempotency-Key`, once more because its answer got lost; and now and then the mistake of using
/// the same key for another body.
pub fn repeated(random: &mut Rng, call: Call, key: String) -> Vec<Call> {
    let once = Call { idempotency_key: Some(key), ..call };
    let again = once.clone().expecting(Expected::Duplicate);
    let mut calls = vec![once, again];
    if random.u8(..5) == 0 && calls[0].method == Method::Post {
        let other = Call { body: [calls[0].body.as_slice(), b" "].concat(), ..calls[0].clone() };
        calls.push(other.expecting(Expected::Refused(409, "idempotency_conflict")));
    }
    calls
}

/// A call that is taken with a warning.
fn odd(random: &mut Rng, at: Moment, lane: usize) -> Call {
    let (path, body) = pick(random, &ODDITIES);
    Call::post(at, lane, path, body.replace("{id}", &some_user(random)).into_bytes())
}

fn some_user(random: &mut Rng) -> String {
    format!("u_{:05}", random.u32(1..8000))
}

/// A call that is refused.
pub fn refused(random: &mut Rng, at: Moment, lane: usize) -> Call {
    let id = some_user(random);
    match random.u8(..20) {
        0 => too_deep(at, lane, &id),
        1 => too_long(at, lane),
        2 => too_large(at, lane, &id),
        3 => Call::leave_company(at, lane, &format!("nobody-{id}"))
            .expecting(Expected::Refused(404, "user_unknown")),
        4 | 5 => {
            let body = json!({"user_id": id, "event_name": "page_viewed"}).to_string().into_bytes();
            let refused = Expected::Refused(401, "key_unknown");
            Call { key_is_known: false, ..Call::post(at, lane, TRACK, body) }.expecting(refused)
        }
        6..=9 => told(&REFUSALS[0], at, lane, &id),
        10 | 11 => told(&REFUSALS[1], at, lane, &id),
        _ => told(pick(random, &REFUSALS), at, lane, &id),
    }
}

fn told(&(path, body, status, code): &Refusal, at: Moment, lane: usize, id: &str) -> Call {
    let call = Call::post(at, lane, path, body.replace("{id}", id).into_bytes());
    call.expecting(Expected::Refused(status, code))
}

fn too_deep(at: Moment, lane: usize, id: &str) -> Call {
    let nested = format!("{}1{}", "[".repeat(LEVELS), "]".repeat(LEVELS));
    let body = format!(r#"{{"user_id":"{id}","metadata":{{"tree":{nested}}}}}"#);
    Call::post(at, lane, IDENTIFY, body.into_bytes()).expecting(Expected::Refused(400, "body_too_deep"))
}

fn too_long(at: Moment, lane: usize) -> Call {
    let body = json!({"user_id": "copied-twice-".repeat(20), "metadata": {"plan": "Free"}});
    let call = Call::post(at, lane, IDENTIFY, body.to_string().into_bytes());
    call.expecting(Expected::Refused(400, "id_too_long"))
}

fn too_large(at: Moment, lane: usize, id: &str) -> Call {
    let log = "GET /projects 200 in 12 ms; ".repeat(400);
    let body = json!({"user_id": id, "event_name": "file_uploaded", "metadata": {"log": log}});
    let call = Call::post(at, lane, TRACK, body.to_string().into_bytes());
    call.expecting(Expected::Refused(400, "metadata_too_large"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    #[test]
    fn every_kind_of_refusal_comes_up() {
        let mut random = Rng::with_seed(1);
        let calls = (0..2000).map(|lane| refused(&mut random, Moment(0), lane));
        let codes: BTreeSet<&str> = calls
            .map(|call| match call.expected {
                Expected::Refused(_, code) => code,
                other => panic!("{other:?}"),
            })
            .collect();
        let told = REFUSALS.iter().map(|(_, _, _, code)| *code);
        let made = ["body_too_deep", "id_too_long", "metadata_too_large", "user_unknown", "key_unknown"];
        assert_eq!(codes, told.chain(made).collect());
    }

    #[test]
    fn only_what_is_meant_to_be_no_json_is_none() {
        for (_, body, _, code) in REFUSALS {
            let is_json = serde_json::from_str::<Value>(body).is_ok();
            let no_json = ["body_not_json", "body_missing", "number_out_of_range"];
            assert_eq!(is_json, !no_json.contains(&code), "{body}");
        }
    }

    #[test]
    fn a_repetition_is_the_same_call_and_a_conflict_is_not() {
        let mut random = Rng::with_seed(3);
        let call = Call::post(Moment(0), 1, TRACK, b"{}".to_vec());
        let sent: Vec<_> = (0..50).map(|_| repeated(&mut random, call.clone(), "key".to_owned())).collect();
        assert!(sent.iter().any(|calls| calls.len() == 2) && sent.iter().any(|calls| calls.len() == 3));
        for calls in sent {
            assert_eq!(calls[1], calls[0].clone().expecting(Expected::Duplicate));
            assert!(calls.get(2).is_none_or(|other| other.body != calls[0].body));
        }
    }
}
