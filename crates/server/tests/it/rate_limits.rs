//! The vendor's limits of calls per minute, as a preset. Limits of single keys: `auth.rs`.

use crate::client::{Answer, Request};
use crate::process::on;
use crate::whole::{self, client, start};

fn number(answer: &Answer, header: &str) -> Option<u32> {
    answer.header(header).map(|value| value.parse().unwrap())
}

#[test]
fn the_vendors_limits_are_a_preset_that_all_keys_of_an_environment_share() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path(), &[("MUSTER_HTTP__RATE_LIMITS", "vendor")]);
    let made = on(data.path(), &["keys", "create", "--environment", "Production", "--name", "two", "--json"]);
    let made = made.json();
    let keys = [whole::KEY, made["secret"].as_str().unwrap()];
    let paths = ["/v1/identify", "/v1/companies/identify"];
    let mut client = client(&server);
    // Refused calls count as well, and cost no sync. A minute may end in between.
    let mut left = 600;
    let mut calls = (0..4_000).map(|n| Request::post(paths[n % 2], "{}").key(keys[n / 2 % 2]));
    let refused = calls.find_map(|call| {
        let answer = client.ask(&call);
        assert_eq!(number(&answer, "ratelimit-limit"), Some(600));
        if answer.status == 429 {
            return Some(answer);
        }
        answer.is_refused(400, "id_missing");
        assert_eq!(answer.header("retry-after"), None);
        let now = number(&answer, "ratelimit-remaining").unwrap();
        assert!(now + 1 == left || now == 599, "{now} are left of {left}");
        left = now;
        None
    });
    let refused = refused.expect("a refusal");
    refused.is_refused(429, "rate_limited");
    assert_eq!((left, number(&refused, "ratelimit-remaining")), (0, Some(0)));
    let reset = number(&refused, "ratelimit-reset").unwrap();
    assert!((1..=60).contains(&reset) && number(&refused, "retry-after") == Some(reset), "{refused:?}");

    let tracked = client.ask(&Request::post("/v1/track", "{}").key(whole::KEY));
    tracked.is_refused(400, "id_missing");
    assert_eq!(number(&tracked, "ratelimit-remaining"), Some(599), "tracking has a limit of its own");
    let read = client.ask(&Request::get("/v1/users").key(whole::KEY));
    assert_eq!((read.status, number(&read, "ratelimit-limit")), (200, None), "reading has none");
}
