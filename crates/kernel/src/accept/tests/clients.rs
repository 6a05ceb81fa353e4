//! Bodies as real senders write them: the seeds' examples, customer data platforms.

use super::{NOW, check};
use crate::accept::Call::{IdentifyCompany, IdentifyUser, Track};
use crate::accept::fast;
use crate::model::event::EventDraft;

/// The example of the vendor's reference page of `POST /v1/identify`, as printed.
const SEED_IDENTIFY: &str = r#"{
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

/// The example of the vendor's guide to the same call.
const SEED_GUIDE: &str = r#"{
  "user_id": "user_001",
  "metadata": {
    "name": "Jane Doe",
    "email": "jane@example.com"
  },
  "company": {
    "id": "company_001"
  }
}"#;

/// The example of the vendor's guide to `POST /v1/companies/identify`.
const SEED_COMPANY: &str = r#"{
  "company_id": "company_001",
  "metadata": {
    "name": "Acme Corporation",
    "industry": "SaaS",
    "plan": "Enterprise",
    "monthly_spend": 1000
  }
}"#;

#[test]
fn the_examples_of_the_seeds_are_taken_as_printed() {
    check(
        IdentifyUser,
        SEED_IDENTIFY,
        r#"identify_user user_id=user_789456 company_id=comp_techstartup_2024
        user department = "Product"
        user email = "sarah.johnson@techstartup.com"
        user hire_date = "2022-03-15"
        user job_title = "Product Manager"
        user last_login = "2024-01-15T10:30:00Z"
        user location = "New York, NY"
        user name = "Sarah Johnson"
        user preferences_language = "en"
        user preferences_notifications = "email"
        user preferences_timezone = "America/New_York"
        user skills = "Product Strategy, User Research, Agile"
        user subscription_plan = "Pro"
        user years_experience = 8
        company annual_revenue = "$5M-$10M"
        company customer_count = 2500
        company founded_year = "2020"
        company industry = "SaaS"
        company location = "New York, NY"
        company name = "TechStartup Inc."
        company primary_product = "Project Management Platform"
        company size = "50-100"
        company subscription_tier = "Enterprise"
        company team_engineering = 25
        company team_marketing = 8
        company team_sales = 15
        company team_support = 12
        company website = "https://techstartup.com""#,
    );
    check(
        IdentifyUser,
        SEED_GUIDE,
        r#"identify_user user_id=user_001 company_id=company_001
        user email = "jane@example.com"
        user name = "Jane Doe""#,
    );
    check(
        IdentifyCompany,
        SEED_COMPANY,
        r#"identify_company company_id=company_001
        company industry = "SaaS"
        company monthly_spend = 1000
        company name = "Acme Corporation"
        company plan = "Enterprise""#,
    );
}

#[test]
fn calls_as_clients_send_them_take_the_fast_way() {
    let track =
        r#"{"user_id":"u-7","event_name":"invoice_paid","metadata":{"amount":12.5,"currency":"EUR"}}"#;
    let everything = r#"{"anonymousId":null,"type":"track","event":"paid","user_id":12345,"event_id":"e-1",
        "timestamp":"2026-01-05T09:39:59Z","company":{"id":7,"createdAt":"2020"},"metadata":null}"#;
    let bodies = [
        (IdentifyUser, SEED_IDENTIFY),
        (IdentifyUser, SEED_GUIDE),
        (
            IdentifyUser,
            r#"{"user_id":"u","metadata":{"n\u00e4me":"Zo\u00eb","createdAt":"1519205055"},"company":null}"#,
        ),
        (IdentifyCompany, SEED_COMPANY),
        (IdentifyCompany, r#"{"id":"c-1","occurred_at":1767605400000}"#),
        (Track, track),
        (Track, everything),
        (Track, r#"{"user_id":"u","event":"e","company_id":"c"}"#),
    ];
    for (call, body) in bodies {
        assert!(fast::read(call, NOW, body, &mut EventDraft::default()), "{body}");
    }
}

#[test]
fn a_segment_cloud_body_keeps_nested_traits_as_json_text() {
    check(
        IdentifyUser,
        r#"{"user_id":"97980cfea0067","metadata":{"email":"peter@example.com","createdAt":"2019-06-15T10:11:12.000Z",
            "address": { "city" : "East Greenwich", "zip": [ 1, 2 ] },"tags":[]}}"#,
        r#"identify_user user_id=97980cfea0067
        user address = JSON {"city":"East Greenwich","zip":[1,2]}
        user created_at = "2019-06-15T10:11:12.000Z"
        user email = "peter@example.com"
        user tags = JSON []
        warning /metadata/address nested_value: This value is an object; it was kept as its JSON text, which filters read as one string.
        warning /metadata/tags nested_value: This value is an array; it was kept as its JSON text, which filters read as one string."#,
    );
}

#[test]
fn rudderstack_bodies_are_taken() {
    check(
        Track,
        r#"{"user_id":12345,"event":"Product Purchased","metadata":{"price":19.99,"currency":"USD","in_stock":true}}"#,
        r#"track user_id=12345 event_name=Product Purchased
        track currency = "USD"
        track in_stock = true
        track price = 19.99 float"#,
    );
    check(
        IdentifyUser,
        r#"{"user_id":"12345","metadata":{"name":"Ada","plan":null,"createdAt":1519205055}}"#,
        r#"identify_user user_id=12345
        user created_at = 1519205055
        user name = "Ada"
        user plan removed"#,
    );
}
