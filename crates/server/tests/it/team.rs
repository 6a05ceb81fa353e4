//! The team: what each role may do on every route, invitations, owners, and the audit of it all.

use std::collections::BTreeSet;

use muster_kernel::model::team::DAY;
use muster_kernel::ports::Catalog;
use muster_server::admin::{Actor, AdminRequest, CreateKey};
use serde_json::{Value, json};

use crate::client::Request;
use crate::console::{Browser, PASSWORD, told};
use crate::world::World;

const ROLES: [&str; 4] = ["viewer", "analyst", "admin", "owner"];

/// One call, and the status that each role's session gets: viewer, analyst, admin, owner. Each is sent to a world of its
/// own in which the owner is member 1 and the four roles are members 2 to 5.
type Row = (&'static str, &'static str, Option<Value>, [u16; 4]);

/// Reports by kind: a question, and which number of its answer.
fn reports() -> [(&'static str, Value, Value); 4] {
    let opened = json!({"event": "opened"});
    [
        ("trend", json!({"series": [opened]}), json!({"series": 0})),
        ("funnel", json!({"steps": [opened, opened]}), json!({"step": 0})),
        ("retention", json!({"start": opened, "returning": opened}), json!({"cohort": 0})),
        ("path", json!({"anchor": opened}), json!({"level": 0, "branch": 0})),
    ]
}

fn people_of(kind: usize) -> Option<Value> {
    let (_, question, number) = &reports()[kind];
    Some(json!({"question": question, "number": number}))
}

fn saved_report(name: &str) -> Value {
    json!({"name": name, "kind": "trend", "question": reports()[0].1})
}

fn segment(name: &str) -> Value {
    json!({"name": name, "level": "user", "text": "everyone"})
}

fn of_segments() -> Vec<Row> {
    let all = |status: u16| [status; 4];
    vec![
        ("GET", "/v1/segments", None, all(200)),
        ("POST", "/v1/segments", Some(segment("Free")), [403, 201, 201, 201]),
        ("POST", "/v1/segments/preview", Some(json!({"level": "user", "text": "everyone"})), all(200)),
        ("GET", "/v1/segments/{1}", None, all(200)),
        ("PUT", "/v1/segments/{1}", Some(segment("Free")), [403, 200, 200, 200]),
        ("DELETE", "/v1/segments/{1}", None, [403, 204, 204, 204]),
        ("GET", "/v1/segments/{1}/members", None, all(200)),
        // The segment has a rule and no list.
        ("POST", "/v1/segments/{1}/members", Some(json!({"add": ["u"]})), [403, 400, 400, 400]),
        ("GET", "/v1/segments/{1}/explain", None, all(400)),
        ("GET", "/v1/users/{u}/segments", None, all(200)),
        ("GET", "/v1/companies/{c}/segments", None, all(200)),
    ]
}

fn of_reports() -> Vec<Row> {
    let question_of = |kind: usize| Some(reports()[kind].1.clone());
    let all = |status: u16| [status; 4];
    vec![
        ("POST", "/v1/reports/trend", question_of(0), all(200)),
        ("POST", "/v1/reports/funnel", question_of(1), all(200)),
        ("POST", "/v1/reports/retention", question_of(2), all(200)),
        ("POST", "/v1/reports/path", question_of(3), all(200)),
        ("POST", "/v1/reports/trend/people", people_of(0), all(200)),
        ("POST", "/v1/reports/funnel/people", people_of(1), all(200)),
        ("POST", "/v1/reports/retention/people", people_of(2), all(200)),
        ("POST", "/v1/reports/path/people", people_of(3), all(200)),
        ("GET", "/v1/questions/{mine}", None, all(404)),
        ("GET", "/v1/reports", None, all(200)),
        ("POST", "/v1/reports", Some(saved_report("More")), [403, 201, 201, 201]),
        ("GET", "/v1/reports/{1}", None, all(200)),
        ("PUT", "/v1/reports/{1}", Some(saved_report("Less")), [403, 200, 200, 200]),
        ("DELETE", "/v1/reports/{1}", None, [403, 204, 204, 204]),
        ("GET", "/v1/dashboards", None, all(200)),
        ("POST", "/v1/dashboards", Some(json!({"name": "More", "reports": [1]})), [403, 201, 201, 201]),
        ("GET", "/v1/dashboards/{1}", None, all(200)),
        ("PUT", "/v1/dashboards/{1}", Some(json!({"name": "Less", "reports": []})), [403, 200, 200, 200]),
        ("DELETE", "/v1/dashboards/{1}", None, [403, 204, 204, 204]),
    ]
}

fn of_lookups() -> Vec<Row> {
    let all = |status: u16| [status; 4];
    let flows = json!([{"id": 1, "title": "Tour"}]);
    vec![
        ("GET", "/api/v1/analytics/exports/lookups/user_properties", None, all(200)),
        ("GET", "/api/v1/analytics/exports/lookups/company_properties", None, all(200)),
        ("GET", "/api/v1/analytics/exports/lookups/segments", None, all(200)),
        ("GET", "/api/v1/analytics/exports/lookups/features_events", None, all(200)),
        ("GET", "/api/v1/analytics/exports/lookups/events_properties", None, all(200)),
        ("GET", "/api/v1/analytics/exports/lookups/flows", None, all(200)),
        ("GET", "/api/v1/analytics/exports/lookups/banners", None, all(200)),
        ("GET", "/api/v1/analytics/exports/lookups/embeds", None, all(200)),
        ("GET", "/api/v1/analytics/exports/lookups/spotlights", None, all(200)),
        ("GET", "/api/v1/analytics/exports/lookups/surveys", None, all(200)),
        ("GET", "/api/v1/analytics/exports/lookups/resource_center_modules", None, all(200)),
        ("GET", "/api/v1/analytics/exports/lookups/checklists", None, all(200)),
        ("GET", "/v1/data_sync", None, all(200)),
        ("GET", "/v1/data_sync/runs", None, all(200)),
        ("PUT", "/v1/data_sync", Some(json!({"enabled": false})), [403, 403, 200, 200]),
        // There is no destination here.
        (
            "POST",
            "/v1/data_sync/runs",
            Some(json!({"from": "2026-01-01", "to": "2026-01-01"})),
            [403, 403, 409, 409],
        ),
        ("GET", "/v1/content/{flows}", None, all(200)),
        ("PUT", "/v1/content/{flows}", Some(flows), [403, 403, 200, 200]),
        ("DELETE", "/v1/content/{flows}", None, [403, 403, 204, 204]),
    ]
}

fn of_jobs() -> Vec<Row> {
    let all = |status: u16| [status; 4];
    let from_admin = |status: u16| [403, 403, status, status];
    vec![
        ("GET", "/v1/background_jobs", None, all(200)),
        ("GET", "/v1/background_jobs/{j}", None, all(404)),
        // Rejected rows come back whole, personal values included.
        ("GET", "/v1/background_jobs/{j}/rejects", None, [403, 404, 404, 404]),
        ("DELETE", "/v1/background_jobs/{j}", None, from_admin(404)),
        ("POST", "/v1/users/bulk_identify", Some(json!({"users": []})), from_admin(202)),
        ("POST", "/v1/companies/bulk_identify", Some(json!({"companies": []})), from_admin(202)),
        ("POST", "/v1/imports", Some(json!({"events": []})), from_admin(200)),
        ("GET", "/v1/imports", None, all(200)),
        ("GET", "/v1/imports/{j}", None, all(404)),
        ("GET", "/v1/imports/{j}/rejects", None, all(404)),
        ("POST", "/api/v1/analytics/exports", Some(json!({})), from_admin(201)),
        ("GET", "/api/v1/analytics/exports/jobs", None, from_admin(200)),
        ("GET", "/api/v1/analytics/exports/jobs/{x}", None, from_admin(404)),
        ("DELETE", "/api/v1/analytics/exports/jobs/{x}", None, from_admin(404)),
    ]
}

fn table() -> Vec<Row> {
    let all = |status: u16| [status; 4];
    let from_admin = |status: u16| [403, 403, status, status];
    let mut rows = vec![
        ("GET", "/v1/session", None, all(200)),
        ("DELETE", "/v1/session", None, all(204)),
        ("DELETE", "/v1/sessions", None, all(204)),
        ("PATCH", "/v1/members/me", Some(json!({"name": "New"})), all(200)),
        ("GET", "/v1/users", None, all(200)),
        ("GET", "/v1/users/{u}", None, all(200)),
        ("GET", "/v1/companies", None, all(200)),
        ("GET", "/v1/companies/{c}", None, all(200)),
        ("GET", "/v1/companies/{c}/users", None, all(200)),
        ("GET", "/v1/users/{u}/events", None, all(200)),
        ("GET", "/v1/companies/{c}/events", None, all(200)),
        ("GET", "/v1/events", None, all(200)),
        ("GET", "/v1/events/{0a0b0c0d-1}", None, all(200)),
        ("GET", "/v1/events/names", None, all(200)),
        ("GET", "/v1/events/counts", None, all(200)),
        ("GET", "/v1/properties", None, all(200)),
        ("GET", "/v1/properties/ties", None, all(200)),
        (
            "PUT",
            "/v1/properties",
            Some(json!({"owner": "user", "name": "plan", "pii": true})),
            from_admin(200),
        ),
        ("GET", "/v1/ledger", None, all(200)),
        ("DELETE", "/v1/users", Some(json!({"users": ["u"]})), from_admin(202)),
        ("DELETE", "/v1/companies", Some(json!({"companies": ["c"]})), from_admin(202)),
        ("GET", "/v1/erasures", None, all(200)),
        ("GET", "/v1/erasures/{e}", None, all(404)),
        ("GET", "/v1/overview", None, all(200)),
        ("GET", "/v1/environments/{1}/calls", None, all(200)),
        // The first call that is recorded: one more than the time of the start.
        ("GET", "/v1/environments/{1}/calls/{1795242069123457}", None, all(200)),
        ("GET", "/v1/environments/{1}/live", None, all(200)),
        ("GET", "/v1/environments/{1}/problems", None, all(200)),
        ("GET", "/v1/environments", None, all(200)),
        ("POST", "/v1/environments", Some(json!({"name": "QA"})), from_admin(201)),
        ("PATCH", "/v1/environments/{1}", Some(json!({"region": "us"})), from_admin(200)),
        ("GET", "/v1/environments/{1}/kept_events", None, from_admin(200)),
        ("GET", "/v1/environments/{1}/keys", None, [403, 200, 200, 200]),
        ("POST", "/v1/environments/{1}/keys", Some(json!({"name": "crm"})), from_admin(201)),
        ("DELETE", "/v1/environments/{1}/keys/{1}", None, from_admin(200)),
        ("GET", "/v1/members", None, from_admin(200)),
        ("PATCH", "/v1/members/{2}", Some(json!({"role": "analyst"})), from_admin(200)),
        ("PATCH", "/v1/members/{2}", Some(json!({"role": "owner"})), [403, 403, 403, 200]),
        ("PATCH", "/v1/members/{1}", Some(json!({"role": "admin"})), [403, 403, 403, 200]),
        ("DELETE", "/v1/members/{3}", None, from_admin(204)),
        ("DELETE", "/v1/members/{1}", None, [403, 403, 403, 204]),
        ("POST", "/v1/invitations", Some(json!({"role": "admin"})), from_admin(201)),
        ("POST", "/v1/invitations", Some(json!({"role": "owner"})), [403, 403, 403, 201]),
        ("DELETE", "/v1/invitations/{6}", None, from_admin(204)),
        ("GET", "/v1/audit", None, from_admin(200)),
    ];
    rows.extend(of_jobs());
    rows.extend(of_segments());
    rows.extend(of_reports());
    rows.extend(of_lookups());
    rows
}

#[test]
fn every_route_gives_each_role_what_the_table_says() {
    for (method, path, body, statuses) in table() {
        let plain = path.replace(['{', '}'], "");
        for (role, status) in ROLES.iter().zip(statuses) {
            let world = World::start();
            world.post("/v1/identify", r#"{"user_id":"u","company":{"id":"c"}}"#);
            world.post("/v1/segments", &segment("Everyone").to_string());
            world.post("/v1/reports", &saved_report("Opened").to_string());
            world.post("/v1/dashboards", r#"{"name":"Growth","reports":[1]}"#);
            let owner = world.owner();
            let browsers = ROLES.map(|role| owner.invite(role));
            owner.post("/v1/invitations", &json!({"role": "viewer"}));
            let browser = &browsers[ROLES.iter().position(|other| other == role).unwrap()];
            let request = browser.request(method, &plain, body.as_ref()).header("Muster-Environment", "1");
            let answer = world.ask(&request);
            assert_eq!(answer.status, status, "{role}: {method} {plain}: {}", answer.text());
            if status == 403 {
                answer.is_refused(403, "role_insufficient");
            }
            let outside = world.ask(&Request::new(method, &plain).header("Muster-Environment", "1"));
            assert_eq!(outside.status, 401, "without a session: {method} {plain}");
        }
    }
}

#[test]
fn the_table_leaves_no_route_of_a_session_out() {
    let shape = |path: &str| {
        let plain = |part: &str| if part.starts_with('{') { "{}".to_owned() } else { part.to_owned() };
        path.split('/').map(plain).collect::<Vec<_>>().join("/")
    };
    let told: BTreeSet<String> =
        table().iter().map(|(method, path, ..)| format!("{method} {}", shape(path))).collect();
    let document = muster_server::http::openapi_document("1", None).unwrap();
    let document: Value = serde_json::from_slice(&document).unwrap();
    let mut described = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let ways = operation["security"].as_array().cloned().unwrap_or_default();
            if ways.iter().any(|way| way.get("session").is_some()) {
                described.insert(format!("{} {}", method.to_uppercase(), shape(path)));
            }
        }
    }
    assert_eq!(told, described);
}

#[test]
fn an_invitation_makes_one_member_once() {
    let world = World::start();
    let owner = world.owner();
    let made = owner.post("/v1/invitations", &json!({"role": "analyst", "email": "bob@example.com"}));
    let link = made.json()["link"].as_str().unwrap().to_owned();
    let team = owner.get("/v1/members").json();
    let waiting = &team["invitations"][0];
    assert_eq!(
        (&waiting["id"], &waiting["role"], &waiting["email"], &waiting["invited_by"]),
        (&made.json()["id"], &json!("analyst"), &json!("bob@example.com"), &json!("Ada"))
    );
    assert_eq!(waiting["expires_at"], made.json()["expires_at"]);
    let mut guest = world.browser();
    let token = link.split_once('#').unwrap().1.to_owned();
    let offer = guest.post("/v1/invitations/check", &json!({"token": token})).json();
    assert_eq!((&offer["purpose"], &offer["email"]), (&json!("member"), &json!("bob@example.com")));
    let with = |name: &str, email: &str, password: &str| json!({"token": token, "name": name, "email": email, "password": password});
    for (fields, pointer) in [
        (with("", "bob@example.com", PASSWORD), "/name"),
        (with("Bob", "eve@example.com", PASSWORD), "/email"),
        (with("Bob", "bob@example.com", "too short"), "/password"),
        (with("Bob", "bob@example.com", &"x".repeat(257)), "/password"),
    ] {
        let refused = guest.post("/v1/invitations/accept", &fields);
        refused.is_refused(400, "field_invalid");
        assert_eq!(refused.json()["errors"][0]["details"], pointer);
    }
    assert_eq!(guest.accept(&link, "Bob", "BOB@example.com").status, 200, "a refused try uses nothing up");
    assert_eq!(guest.get("/v1/session").json()["member"]["email"], "bob@example.com");
    world.browser().accept(&link, "Bob", "bob@example.com").is_refused(410, "invitation_invalid");
    assert_eq!(owner.get("/v1/members").json()["invitations"], json!([]));
    owner
        .post("/v1/invitations", &json!({"role": "viewer", "email": "Bob@Example.com"}))
        .is_refused(409, "taken");
    owner
        .post("/v1/invitations", &json!({"role": "viewer", "email": "nobody"}))
        .is_refused(400, "field_invalid");
    owner.post("/v1/invitations", &json!({"role": "root"})).is_refused(400, "field_invalid");
}

#[test]
fn a_link_that_is_opened_twice_at_once_makes_one_member() {
    let world = World::start();
    let owner = world.owner();
    let link = owner.post("/v1/invitations", &json!({"role": "viewer"})).json()["link"].clone();
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let accept = |number: usize| {
            let (link, mut guest) = (link.as_str().unwrap().to_owned(), world.browser());
            move || guest.accept(&link, "Bob", &format!("bob-{number}@example.com")).status
        };
        let calls: Vec<_> = (0..4).map(|number| scope.spawn(accept(number))).collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [200, 410].contains(status)), "{statuses:?}");
    assert_eq!(world.engine.model.state().members.len(), 2);
}

#[test]
fn an_invitation_ends_with_its_time_when_taken_back_and_with_whoever_made_it() {
    let world = World::start();
    let owner = world.owner();
    let admin = owner.invite("admin");
    let invite = |by: &Browser| by.post("/v1/invitations", &json!({"role": "admin"})).json();
    let link = |made: &Value| made["link"].as_str().unwrap().to_owned();
    let (taken_back, of_admin) = (invite(&owner), invite(&admin));
    assert_eq!(owner.delete(&format!("/v1/invitations/{}", taken_back["id"])).status, 204);
    owner.delete(&format!("/v1/invitations/{}", taken_back["id"])).is_refused(404, "invitation_unknown");
    owner.delete("/v1/invitations/x").is_refused(404, "invitation_unknown");
    assert_eq!(owner.patch("/v1/members/2", &json!({"role": "viewer"})).status, 200);
    for made in [&taken_back, &of_admin] {
        world.browser().accept(&link(made), "Eve", "eve@example.com").is_refused(410, "invitation_invalid");
    }
    let late = invite(&owner);
    world.pass(7 * DAY);
    world.browser().accept(&link(&late), "Eve", "eve@example.com").is_refused(410, "invitation_invalid");
    owner.post("/v1/invitations/check", &json!({"token": "x"})).is_refused(410, "invitation_invalid");
    assert_eq!(owner.get("/v1/members").json()["invitations"], json!([]));
}

#[test]
fn the_last_owner_stays_and_may_go_once_there_is_another() {
    let world = World::start();
    let owner = world.owner();
    owner.delete("/v1/members/1").is_refused(409, "last_owner");
    owner.patch("/v1/members/1", &json!({"role": "admin"})).is_refused(409, "last_owner");
    let admin = owner.invite("admin");
    admin.delete("/v1/members/1").is_refused(403, "role_insufficient");
    assert_eq!(owner.patch("/v1/members/2", &json!({"role": "owner"})).json()["role"], "owner");
    assert_eq!(admin.delete("/v1/members/1").status, 204, "a role counts from the next call on");
    owner.get("/v1/session").is_refused(401, "session_missing");
    admin.delete("/v1/members/2").is_refused(409, "last_owner");
    admin.delete("/v1/members/1").is_refused(404, "member_unknown");
    admin.patch("/v1/members/me2", &json!({"role": "owner"})).is_refused(404, "member_unknown");
}

#[test]
fn members_change_their_own_name_and_password() {
    let world = World::start();
    let here = world.owner();
    let mut there = world.browser();
    there.sign_in("ada@example.com", PASSWORD);
    let changed = here.patch("/v1/members/me", &json!({"name": "Ada King"}));
    assert_eq!(changed.json()["name"], "Ada King");
    let change = |current: &str, new: &str| {
        here.patch("/v1/members/me", &json!({"password": {"current": current, "new": new}}))
    };
    let refused = change("not the password", "another password");
    refused.is_refused(400, "field_invalid");
    assert_eq!(refused.json()["errors"][0]["details"], "/password/current");
    change(PASSWORD, "short").is_refused(400, "field_invalid");
    assert_eq!(change(PASSWORD, "another password").status, 200);
    assert_eq!(here.get("/v1/session").status, 200);
    there.get("/v1/session").is_refused(401, "session_missing");
    there.sign_in("ada@example.com", PASSWORD).is_refused(401, "credentials_wrong");
    assert_eq!(there.sign_in("ada@example.com", "another password").status, 200);
    for _ in 0..5 {
        change("not the password", "another password").is_refused(400, "field_invalid");
    }
    change("another password", "another password").is_refused(429, "too_many_attempts");
    let told = told(&world.acts(&here));
    assert!(told.contains(&"Ada: name_changed ada@example.com".to_owned()), "{told:?}");
    assert!(told.contains(&"Ada King: password_changed ada@example.com".to_owned()), "{told:?}");
}

#[test]
fn keys_are_made_used_replaced_and_revoked() {
    let world = World::start();
    let owner = world.owner();
    let made = owner.post(
        "/v1/environments/2/keys",
        &json!({"name": "crm", "scopes": ["read", "ingest"], "calls_per_minute_max": 9}),
    );
    assert_eq!(made.status, 201, "{}", made.text());
    let (key, secret) = (made.json()["key"].clone(), made.json()["secret"].as_str().unwrap().to_owned());
    assert_eq!((&key["environment"], &key["scopes"]), (&json!("Staging"), &json!(["ingest", "read"])));
    assert_eq!(made.json()["replaced"], json!(null));
    assert_eq!(world.ask(&Request::get("/v1/validate").key(&secret)).status, 200);
    let fields = json!({"replaces": key["id"], "overlap_hours": 0});
    let successor = owner.post("/v1/environments/2/keys", &fields).json();
    assert_eq!(
        (&successor["key"]["name"], &successor["replaced"]["status"]),
        (&json!("crm"), &json!("expired"))
    );
    world.ask(&Request::get("/v1/validate").key(&secret)).is_refused(401, "key_revoked");
    let path = format!("/v1/environments/2/keys/{}", successor["key"]["id"]);
    owner.delete(&path.replace("/2/", "/1/")).is_refused(404, "key_not_found");
    assert_eq!(owner.delete(&path).json()["key"]["status"], "revoked");
    assert_eq!(owner.delete(&path).status, 200, "again changes nothing");
    let listed = owner.get("/v1/environments/2/keys");
    assert!(!listed.text().contains("sha256") && !listed.text().contains(&secret));
    assert_eq!(listed.json()["data"].as_array().unwrap().len(), 3);
    owner.get("/v1/environments/9/keys").is_refused(404, "environment_unknown");
    owner.get("/v1/environments/x/keys").is_refused(404, "environment_unknown");
    owner.post("/v1/environments/1/keys", &json!({})).is_refused(400, "field_invalid");
    owner
        .post("/v1/environments/1/keys", &json!({"name": "x", "scope": "read"}))
        .is_refused(400, "field_invalid");
    let told = told(&world.acts(&owner));
    assert_eq!(told[..3], ["Ada: key_revoked crm", "Ada: key_created crm", "Ada: key_created crm"]);
}

#[test]
fn environments_are_made_and_changed() {
    let world = World::start();
    let owner = world.owner();
    let made = owner.post("/v1/environments", &json!({"name": "QA", "settings": {"junk_ids": "refuse"}}));
    assert_eq!((made.status, &made.json()["region"]), (201, &json!("local")));
    assert_eq!(made.json()["settings"]["junk_ids"], "refuse");
    let patch = json!({"name": "Quality", "region": "eu", "pii_properties": ["ssn", "email", "ssn"]});
    let path = format!("/v1/environments/{}", made.json()["id"]);
    let changed = owner.patch(&path, &patch).json();
    assert_eq!((&changed["name"], &changed["pii_properties"]), (&json!("Quality"), &json!(["email", "ssn"])));
    assert_eq!(changed["settings"]["junk_ids"], "refuse", "what is not named stays");
    let entry = world.acts(&owner)[0].clone();
    assert_eq!(
        (&entry["action"], &entry["environment"]),
        (&json!("environment_changed"), &made.json()["id"])
    );
    assert_eq!(
        entry["details"],
        json!({"name": "QA → Quality", "region": "local → eu", "pii_properties": "email, phone → email, ssn"})
    );
    owner.patch(&path, &json!({"name": "production"})).is_refused(409, "taken");
    assert_eq!(owner.patch(&path, &json!({"name": "QUALITY"})).status, 200, "its own name is free to it");
    owner.patch(&path, &json!({"region": "E U"})).is_refused(400, "field_invalid");
    owner.patch(&path, &json!({"pii_properties": [""]})).is_refused(400, "field_invalid");
    owner
        .post("/v1/environments", &json!({"name": "X", "directory": "/tmp"}))
        .is_refused(400, "field_invalid");
    owner.patch("/v1/environments/9", &json!({})).is_refused(404, "environment_unknown");
    world.change(|state| state.environments[1].directory = Some("/mnt/eu".to_owned()));
    let of = |browser: &Browser| {
        let (listed, session) = (browser.get("/v1/environments").json(), browser.get("/v1/session").json());
        assert_eq!(listed["data"], session["environments"]);
        listed["data"][1]["directory"].clone()
    };
    assert_eq!((of(&owner), of(&owner.invite("analyst"))), (json!("/mnt/eu"), json!(null)));
}

#[test]
fn the_audit_is_read_in_pages_over_catalog_and_trail() {
    let world = World::start();
    let owner = world.owner();
    for number in 0..450 {
        let request = CreateKey {
            environment: Some("Production".into()),
            name: Some(format!("key {number}")),
            ..CreateKey::default()
        };
        let request = AdminRequest::CreateKey(request);
        world
            .with_office(|office| muster_server::admin::execute(request, &Actor::CommandLine, office))
            .unwrap();
    }
    let held = world.engine.model.state().audit.len();
    assert!(held < 300, "{held} entries stayed in the catalog");
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = owner.get(&format!("/v1/audit?limit=60&cursor={cursor}")).json();
        all.extend(page["data"].as_array().unwrap().clone());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    let numbers: Vec<u64> = all.iter().map(|entry| entry["id"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=452).rev().collect::<Vec<u64>>(), "each once, newest first");
    assert_eq!(told(&all)[0], "command_line: key_created key 449");
    assert_eq!(
        told(&all)[450..],
        ["Ada: member_joined ada@example.com", "server: owner_link_made the first owner"]
    );
    owner.get("/v1/audit?cursor=x").is_refused(400, "cursor_invalid");
}
