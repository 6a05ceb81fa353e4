//! `POST /v1/identify` and `POST /v1/companies/identify`: the seeds' own examples, sent as they are printed.

use serde_json::json;

use crate::client::Request;
use crate::world::{INCARNATION, KEY, World};

/// Seed 000 and 003.
const SARAH: &str = r#"{
"user_id": "user_789456",
"metadata": {
"name": "Sarah Johnson",
"email": "sarah.johnson@techstartup.com",
"job_title": "Product Manager",
"department": "Product",
"location": "New York, NY",
"hire_date": "2022-03-15",
"years_experience": 8,
"skills": "Product Strategy, User Research, Agile",
"subscription_plan": "Pro",
"last_login": "2024-01-15T10:30:00Z",
"preferences_language": "en",
"preferences_timezone": "America/New_York",
"preferences_notifications": "email"
},
"company": {
"company_id": "comp_techstartup_2024",
"name": "TechStartup Inc.",
"industry": "SaaS",
"size": "50-100",
"location": "New York, NY",
"website": "https://techstartup.com",
"subscription_tier": "Enterprise",
"annual_revenue": "$5M-$10M",
"founded_year": "2020",
"primary_product": "Project Management Platform",
"customer_count": 2500,
"team_engineering": 25,
"team_sales": 15,
"team_marketing": 8,
"team_support": 12
}
}"#;

#[test]
fn the_identify_seed_is_taken_and_reads_back_unchanged() {
    let world = World::start();
    let answer = world.post("/v1/identify", SARAH);
    assert_eq!((answer.status, answer.json()), (202, json!({"status": "accepted", "warnings": []})));
    assert_eq!(answer.header("muster-position"), Some(&*format!("{INCARNATION:08x}-1")));
    assert_eq!(answer.header("muster-duplicate"), None);

    let sent: serde_json::Value = serde_json::from_str(SARAH).unwrap();
    let user = world.get("/v1/users/user_789456");
    let now = "2026-11-21T06:21:09.123456Z";
    let expected = json!({
        "user_id": "user_789456",
        "company_id": "comp_techstartup_2024",
        "properties": sent["metadata"],
        "created_at": now,
        "first_seen_at": now,
        "last_seen_at": now,
    });
    assert_eq!((user.status, user.json()), (200, expected));
    assert_eq!(sent["metadata"].as_object().unwrap().len(), 13);

    let mut company = sent["company"].clone();
    company.as_object_mut().unwrap().remove("company_id");
    assert_eq!(company.as_object().unwrap().len(), 14);
    let expected = json!({
        "company_id": "comp_techstartup_2024",
        "user_count": 1,
        "properties": company,
        "created_at": now,
        "first_seen_at": now,
        "last_seen_at": now,
    });
    assert_eq!(world.get("/v1/companies/comp_techstartup_2024").json(), expected);
}

#[test]
fn the_guides_example_is_taken_with_id_as_the_companys_id() {
    let world = World::start();
    let body = r#"{
  "user_id": "user_001",
  "metadata": {
    "name": "Jane Doe",
    "email": "jane@example.com"
  },
  "company": {
    "id": "company_001"
  }
}"#;
    let request = Request::post("/v1/identify", body).key(KEY).header("X-API-Version", "2020-09-22");
    assert_eq!(world.ask(&request.header("Content-Type", "application/json")).status, 202);
    let user = world.get("/v1/users/user_001").json();
    assert_eq!(user["properties"], json!({"name": "Jane Doe", "email": "jane@example.com"}));
    assert_eq!(user["company_id"], "company_001");
    assert_eq!(world.get("/v1/companies/company_001").json()["properties"], json!({}));
}

#[test]
fn the_company_seed_is_answered_with_200() {
    let world = World::start();
    let body = r#"{
  "company_id": "company_001",
  "metadata": {
    "name": "Acme Corporation",
    "industry": "SaaS",
    "plan": "Enterprise",
    "monthly_spend": 1000
  }
}"#;
    let request = Request::post("/v1/companies/identify", body).key(KEY);
    let answer = world.ask(&request.header("Accept", "application/json, text/plain, */*"));
    assert_eq!((answer.status, answer.json()), (200, json!({"status": "accepted", "warnings": []})));
    let company = world.get("/v1/companies/company_001").json();
    let properties =
        json!({"name": "Acme Corporation", "industry": "SaaS", "plan": "Enterprise", "monthly_spend": 1000});
    assert_eq!((&company["properties"], &company["user_count"]), (&properties, &json!(0)));
}

#[test]
fn values_keep_their_json_type_and_null_removes() {
    let world = World::start();
    let values = json!({"t": true, "i": -7, "u": u64::MAX, "f": 0.1, "s": "", "o": {"a": [1]}});
    let body = json!({"user_id": 42, "metadata": values}).to_string();
    let answer = world.post("/v1/identify", &body);
    assert_eq!(answer.status, 202);
    let warnings = answer.json()["warnings"].as_array().unwrap().clone();
    let pair = (&warnings[0]["code"], &warnings[0]["pointer"]);
    assert_eq!(pair, (&json!("nested_value"), &json!("/metadata/o")));
    let expected = json!({"t": true, "i": -7, "u": u64::MAX, "f": 0.1, "s": "", "o": "{\"a\":[1]}"});
    assert_eq!(world.get("/v1/users/42").json()["properties"], expected);
    world.pass(1);
    world.post(
        "/v1/identify",
        r#"{"user_id":"42","metadata":{"t":null,"o":null,"s":null,"f":null,"u":null}}"#,
    );
    assert_eq!(world.get("/v1/users/42").json()["properties"], json!({"i": -7}));
}

#[test]
fn a_profile_that_would_be_too_wide_is_refused_with_its_count() {
    let world = World::start();
    let wide = |prefix: &str, count: usize| {
        let pairs = (0..count).map(|number| (format!("{prefix}{number}"), json!(1)));
        serde_json::Value::Object(pairs.collect())
    };
    let mut company = wide("c", 400);
    company["id"] = json!("c-1");
    let first = json!({"user_id": "u-1", "metadata": wide("a", 400), "company": company}).to_string();
    assert_eq!(world.post("/v1/identify", &first).status, 202);
    let mut company = wide("d", 101);
    company["id"] = json!("c-1");
    let second = json!({"user_id": "u-1", "metadata": wide("b", 101), "company": company}).to_string();
    let answer = world.post("/v1/identify", &second);
    assert_eq!((answer.status, answer.codes()), (400, vec!["too_many_properties".to_owned(); 2]));
    let errors = &answer.json()["errors"];
    assert_eq!((&errors[0]["details"], &errors[1]["details"]), (&json!("/metadata"), &json!("/company")));
    assert!(errors[0]["message"].as_str().unwrap().contains("501"), "{errors}");
    let fits = json!({"user_id": "u-1", "metadata": wide("b", 100)}).to_string();
    assert_eq!(world.post("/v1/identify", &fits).status, 202);
    let track = json!({"user_id": "u-1", "event_name": "e", "metadata": wide("z", 300)}).to_string();
    assert_eq!(world.post("/v1/track", &track).status, 202, "an event's own properties are in no profile");
}

#[test]
fn what_the_settings_of_an_environment_say_is_done() {
    use muster_kernel::model::catalog::{EmptyCompany, JunkIds};
    let world = World::start();
    let empty = r#"{"user_id":"u-1","company":{}}"#;
    world.post("/v1/identify", empty).is_refused(400, "company_id_missing");
    assert_eq!(world.post("/v1/identify", r#"{"user_id":"null"}"#).json()["warnings"][0]["code"], "id_junk");
    world.change(|state| {
        state.environments[0].settings.empty_company = EmptyCompany::Ignore;
        state.environments[0].settings.junk_ids = JunkIds::Refuse;
    });
    assert_eq!(world.post("/v1/identify", empty).json()["warnings"][0]["code"], "empty_company_ignored");
    world.post("/v1/identify", r#"{"user_id":"null"}"#).is_refused(400, "id_junk");
}
