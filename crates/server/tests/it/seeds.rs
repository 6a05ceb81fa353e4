//! The seeds' own examples, sent as they are printed to the real server: right status, and every value read back
//! unchanged with its JSON type.

use serde_json::{Value, json};

use crate::client::{Client, Request};
use crate::process::Server;
use crate::whole::{KEY, client, start};

/// Seed 003, the body of its curl command.
const IDENTIFY: &str = r#"{
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

fn read(client: &mut Client, path: &str) -> Value {
    let answer = client.ask(&Request::get(path).key(KEY));
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.json()
}

#[test]
fn the_identify_example_is_stored_whole() {
    let data = tempfile::tempdir().unwrap();
    let server: Server = start(data.path(), &[]);
    let mut client = client(&server);
    let request = Request::post("/v1/identify", IDENTIFY).key(KEY).header("Content-Type", "application/json");
    let answer = client.ask(&request);
    assert_eq!((answer.status, answer.json()), (202, json!({"status": "accepted", "warnings": []})));

    let sent: Value = serde_json::from_str(IDENTIFY).unwrap();
    let user = read(&mut client, "/v1/users/user_789456");
    assert_eq!(user["properties"], sent["metadata"], "13 properties, with their JSON types");
    assert_eq!(user["properties"].as_object().unwrap().len(), 13);
    assert_eq!(user["company_id"], "comp_techstartup_2024");

    let mut company_sent = sent["company"].clone();
    company_sent.as_object_mut().unwrap().remove("company_id");
    let company = read(&mut client, "/v1/companies/comp_techstartup_2024");
    assert_eq!(company["properties"], company_sent, "14 properties, and the id is none of them");
    assert_eq!(company["properties"].as_object().unwrap().len(), 14);
    assert_eq!(company["user_count"], 1);
}

#[test]
fn the_guides_short_example_is_stored_whole() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path(), &[]);
    let mut client = client(&server);
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
    let request = Request::post("/v1/identify", body)
        .key(KEY)
        .header("Content-Type", "application/json")
        .header("X-API-Version", "2020-09-22");
    assert_eq!(client.ask(&request).status, 202);
    let user = read(&mut client, "/v1/users/user_001");
    assert_eq!(user["properties"], json!({"name": "Jane Doe", "email": "jane@example.com"}));
    assert_eq!(user["company_id"], "company_001");
    assert_eq!(
        read(&mut client, "/v1/companies/company_001")["properties"],
        json!({}),
        "no id is a property"
    );
}

#[test]
fn the_company_example_is_stored_whole() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path(), &[]);
    let mut client = client(&server);
    let body = r#"{
  "company_id": "company_001",
  "metadata": {
    "name": "Acme Corporation",
    "industry": "SaaS",
    "plan": "Enterprise",
    "monthly_spend": 1000
  }
}"#;
    let request = Request::post("/v1/companies/identify", body)
        .key(KEY)
        .header("Content-Type", "application/json")
        .header("Accept", "application/json, text/plain, */*");
    assert_eq!(client.ask(&request).status, 200, "200, as seed 004 says");
    let company = read(&mut client, "/v1/companies/company_001");
    let metadata =
        json!({"name": "Acme Corporation", "industry": "SaaS", "plan": "Enterprise", "monthly_spend": 1000});
    assert_eq!((&company["properties"], &company["user_count"]), (&metadata, &json!(0)));
}

#[test]
fn a_wrong_key_gets_the_envelope_of_the_seed() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path(), &[]);
    let answer = client(&server).ask(&Request::post("/v1/identify", IDENTIFY).key("ABC_1234_EFGH_5678"));
    assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some("Token")));
    let errors = answer.json();
    let first = errors["errors"][0].as_object().unwrap();
    assert_eq!(first.keys().collect::<Vec<_>>(), ["details", "error", "error_code", "message"]);
    assert!(first.values().all(Value::is_string));
}
