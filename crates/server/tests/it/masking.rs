//! What viewers do not see.

use serde_json::{Value, json};

use crate::console::Browser;
use crate::world::{World, until};

const MASK: &str = "•••";

/// A world with Ada in it, and the browsers of the owner and of a viewer.
fn world() -> (World, Browser, Browser) {
    let world = World::start();
    let ada = r#"{"user_id":"u-1","metadata":{"email":"ada@secret.example","Phone":"+44 20","name":"Ada","signed_up_at":"2020-01-01"},
        "company":{"id":"c-1","name":"Analytical","email":"office@secret.example"}}"#;
    assert_eq!(world.post("/v1/identify", ada).status, 202);
    let track = r#"{"user_id":"u-1","event_name":"paid","metadata":{"email":"ada@secret.example","sum":3}}"#;
    assert_eq!(world.post("/v1/track", track).status, 202);
    let owner = world.owner();
    let viewer = owner.invite("viewer");
    (world, owner, viewer)
}

/// Every answer that holds properties.
const ANSWERS: [&str; 12] = [
    "/v1/users",
    "/v1/users?detail=true",
    "/v1/users/u-1",
    "/v1/users/u-1?detail=true",
    "/v1/companies",
    "/v1/companies/c-1",
    "/v1/companies/c-1?detail=true",
    "/v1/companies/c-1/users",
    "/v1/events",
    "/v1/events?after=start",
    "/v1/events/0a0b0c0d-1",
    "/v1/events/0a0b0c0d-2",
];

#[test]
fn a_viewer_reads_everything_but_what_is_personal() {
    let (_world, owner, viewer) = world();
    let analyst = owner.invite("analyst");
    for path in ANSWERS {
        let masked = viewer.read(1, path);
        assert_eq!(masked.status, 200, "{}", masked.text());
        let text = masked.text();
        assert!(!text.contains("secret.example") && !text.contains("+44"), "{path}: {text}");
        assert!(text.contains(MASK) && text.contains("\"masked\":["), "{path}: {text}");
        for other in [&owner, &analyst] {
            let whole = other.read(1, path).text();
            assert!(whole.contains("secret.example") && !whole.contains("masked"), "{path}: {whole}");
        }
    }
    let user = viewer.read(1, "/v1/users/u-1").json();
    assert_eq!(
        user["properties"],
        json!({"Phone": MASK, "email": MASK, "name": "Ada", "signed_up_at": "2020-01-01"})
    );
    assert_eq!(user["masked"], json!(["Phone", "email"]));
    let detailed = viewer.read(1, "/v1/users/u-1?detail=true").json();
    assert_eq!(detailed["properties"]["email"]["value"], MASK);
    let events = viewer.read(1, "/v1/events?after=start").json();
    assert_eq!(events["data"][1]["metadata"], json!({"email": MASK, "sum": 3}));
    assert_eq!(events["data"][0]["company"]["email"], MASK);
    assert_eq!(events["data"][0]["masked"], json!(["Phone", "email"]));
}

#[test]
fn an_environment_says_what_is_personal() {
    let (_world, owner, viewer) = world();
    let set = |names: Value| owner.patch("/v1/environments/1", &json!({"pii_properties": names}));
    set(json!([]));
    let user = viewer.read(1, "/v1/users/u-1").json();
    assert_eq!((&user["properties"]["email"], &user["masked"]), (&json!("ada@secret.example"), &json!(null)));
    let before = user["created_at"].clone();
    set(json!(["signed_up_at"]));
    let user = viewer.read(1, "/v1/users/u-1").json();
    assert_eq!(user["properties"]["signed_up_at"], MASK);
    assert_ne!(user["created_at"], before, "what is made from a masked property is masked with it");
    assert_eq!(user["created_at"], user["first_seen_at"]);
}

#[test]
fn a_viewer_finds_nothing_by_what_is_masked() {
    let (_world, owner, viewer) = world();
    let find = |browser: &Browser, path: &str| {
        let found = browser.read(1, path).json();
        (found["data"].as_array().unwrap().len(), found["next_cursor"].clone())
    };
    for path in ["/v1/users?q=ada@", "/v1/users?q=ada@&company_id=c-1", "/v1/companies/c-1/users?q=ada@"] {
        assert_eq!(find(&owner, path).0, 1, "{path}");
        assert_eq!(find(&viewer, path), (0, Value::Null), "{path}");
    }
    for path in ["/v1/users?q=ada", "/v1/users?q=u-", "/v1/companies/c-1/users?q=ada", "/v1/companies?q=ana"]
    {
        assert_eq!(find(&viewer, path).0, 1, "{path}");
    }
    owner.patch("/v1/environments/1", &json!({"pii_properties": ["Name"]}));
    for path in ["/v1/users?q=Ada", "/v1/companies?q=ana"] {
        let by_name = find(&viewer, path);
        assert_eq!(by_name.0, usize::from(path.contains("users")), "{path}");
    }
    assert_eq!(find(&viewer, "/v1/users?q=ada@").0, 1, "the e-mail is masked no longer");
    let company_name =
        |browser: &Browser| browser.read(1, "/v1/users").json()["data"][0].get("company_name").cloned();
    assert_eq!((company_name(&owner), company_name(&viewer)), (Some(json!("Analytical")), None));
}

#[test]
fn where_and_on_what_an_event_happened_is_masked_by_the_same_names() {
    let (world, owner, viewer) = world();
    owner.patch("/v1/environments/1", &json!({"pii_properties": ["pathname"]}));
    let row = r#"{"event_type":"page_view","source":"backend-http-import","inserted_at":"2020-01-01T00:00:00Z","user_id":"u-2",
        "url":"https://app.example.com/patients/7","user_agent":"Mozilla/5.0"}"#;
    let row = row.replace('\n', "");
    let answer = world.post("/v1/imports", &format!(r#"{{"events":[{row}]}}"#));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let viewed = || viewer.read(1, "/v1/events?type=page_view&from=2019-01-01").json()["data"][0].clone();
    until("the row is an event", || !viewed().is_null());
    let shown = viewed();
    assert_eq!(shown["context"]["pathname"], MASK, "{shown}");
    assert_eq!(shown["context"]["hostname"], "app.example.com");
    assert_eq!(shown["masked"], json!(["pathname"]));
}
