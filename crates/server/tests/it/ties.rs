//! Properties decided by a tie: counted and listed, and nothing else.

use serde_json::json;

use crate::client::Request;
use crate::whole::{self, client, start};

#[test]
fn ties_are_counted_and_listed_by_property() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path(), &[]);
    let mut client = client(&server);
    let mut send = |path: &str, body: serde_json::Value| {
        let answer = client.ask(&Request::post(path, body.to_string()).key(whole::KEY));
        assert!(answer.status < 300, "{answer:?}");
    };
    let at = "2026-11-21T06:00:00Z";
    for user in ["u-1", "u-2", "u-3"] {
        for plan in ["free", "pro"] {
            let metadata = json!({"plan": plan, "seats": 3});
            send("/v1/identify", json!({"user_id": user, "metadata": metadata, "occurred_at": at}));
        }
    }
    // A later value is no tie any more, and the same value twice never was one.
    send("/v1/identify", json!({"user_id": "u-3", "metadata": {"plan": "none"}}));
    for company in ["c-1", "c-2"] {
        send("/v1/identify", json!({"user_id": "u-2", "company": {"id": company}, "occurred_at": at}));
        let metadata = json!({"city": company});
        send("/v1/companies/identify", json!({"company_id": "c-1", "metadata": metadata, "occurred_at": at}));
    }
    let mut ties =
        |query: &str| client.ask(&Request::get(&format!("/v1/properties/ties{query}")).key(whole::KEY));
    let company = json!({"owner": "company", "name": "city", "profiles": 1, "ids": ["c-1"]});
    let plan = json!({"owner": "user", "name": "plan", "profiles": 2, "ids": ["u-1", "u-2"]});
    let belongs = json!({"owner": "user", "name": null, "profiles": 1, "ids": ["u-2"]});
    assert_eq!(ties("").json(), json!({"data": [belongs, plan, company]}));
    assert_eq!(ties("?owner=company").json(), json!({"data": [company]}));
    let plan = json!({"owner": "user", "name": "plan", "profiles": 2, "ids": ["u-1"]});
    assert_eq!(ties("?owner=user&ids=1").json()["data"], json!([belongs, plan]));
    for wrong in ["?owner=event", "?ids=0", "?ids=101", "?examples=1"] {
        ties(wrong).is_refused(400, "parameter_invalid");
    }
}
