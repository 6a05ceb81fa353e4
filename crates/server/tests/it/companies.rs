//! Reading companies.

use serde_json::{Value, json};

use crate::world::World;

fn firms(world: &World) {
    for (id, name) in [("c-1", "Acme"), ("c-2", "Apex"), ("c-3", "Zenith")] {
        let body = json!({"company_id": id, "metadata": {"name": name}}).to_string();
        assert_eq!(world.post("/v1/companies/identify", &body).status, 200);
    }
    for (user, company) in [("u-1", "c-1"), ("u-2", "c-1"), ("u-3", "c-2")] {
        let body = json!({"user_id": user, "company": {"id": company}}).to_string();
        assert_eq!(world.post("/v1/identify", &body).status, 202);
    }
}

fn column(page: &Value, name: &str) -> Vec<Value> {
    page["data"].as_array().unwrap().iter().map(|item| item[name].clone()).collect()
}

#[test]
fn companies_are_listed_with_their_user_counts() {
    let world = World::start();
    firms(&world);
    let page = world.get("/v1/companies").json();
    assert_eq!(column(&page, "company_id"), [json!("c-1"), json!("c-2"), json!("c-3")]);
    assert_eq!(column(&page, "user_count"), [json!(2), json!(1), json!(0)]);
    assert_eq!(page["next_cursor"], Value::Null);
    assert_eq!(page["data"][1], world.get("/v1/companies/c-2").json());
    let found = world.get("/v1/companies?q=a&limit=1").json();
    assert_eq!(column(&found, "company_id"), [json!("c-1")]);
    let cursor = found["next_cursor"].as_str().unwrap();
    let next = world.get(&format!("/v1/companies?q=a&limit=1&cursor={cursor}")).json();
    assert_eq!((column(&next, "company_id"), &next["next_cursor"]), (vec![json!("c-2")], &Value::Null));
    world.get(&format!("/v1/users?cursor={cursor}")).is_refused(400, "cursor_invalid");
}

#[test]
fn the_users_of_a_company_are_listed() {
    let world = World::start();
    firms(&world);
    let page = world.get("/v1/companies/c-1/users?limit=1").json();
    assert_eq!(column(&page, "user_id"), [json!("u-1")]);
    let cursor = page["next_cursor"].as_str().unwrap();
    let next = world.get(&format!("/v1/companies/c-1/users?limit=1&cursor={cursor}")).json();
    assert_eq!((column(&next, "user_id"), &next["next_cursor"]), (vec![json!("u-2")], &Value::Null));
    assert_eq!(column(&world.get("/v1/companies/c-3/users").json(), "user_id"), Vec::<Value>::new());
    world.get("/v1/companies/c-9/users").is_refused(404, "company_unknown");
    world.get("/v1/companies/c-9").is_refused(404, "company_unknown");
    assert_eq!(world.get("/v1/companies/c-1?detail=true").json()["properties"]["name"]["type"], "String");
}
