//! Segments on the whole product: saved, previewed, listed, explained, and what refers to them.

use muster_kernel::model::limits::SEGMENTS_MAX;
use serde_json::{Value, json};

use crate::client::{Answer, Client, Request};
use crate::console::told;
use crate::process::Server;
use crate::whole::{KEY, client, start};
use crate::world::{World, until};

/// A client of a server that runs as a process of its own.
struct Asked {
    client: Client,
}

impl Asked {
    fn of(server: &Server) -> Asked {
        Asked { client: client(server) }
    }

    fn get(&mut self, target: &str) -> Answer {
        self.client.ask(&Request::get(target).key(KEY))
    }

    #[track_caller]
    fn read(&mut self, target: &str) -> Value {
        let answer = self.get(target);
        assert_eq!(answer.status, 200, "{target}: {}", answer.text());
        answer.json()
    }

    fn send(&mut self, method: &str, target: &str, body: &Value) -> Answer {
        self.client.ask(&Request::with_body(method, target, body.to_string()).key(KEY))
    }

    /// Writes, and says up to where a read must see.
    fn write(&mut self, target: &str, body: &Value) -> String {
        let answer = self.send("POST", target, body);
        assert!([200, 202].contains(&answer.status), "{}", answer.text());
        answer.header("muster-position").unwrap().to_owned()
    }

    fn save(&mut self, name: &str, level: &str, text: &str) -> Value {
        let answer = self.send("POST", "/v1/segments", &json!({"name": name, "level": level, "text": text}));
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()
    }

    fn csv(&mut self, request: &Request) -> (Answer, String) {
        self.client.write(&request.bytes());
        let head = self.client.head().unwrap();
        let mut text = String::new();
        while let Some(piece) = self.client.piece() {
            text += &piece;
        }
        (head, text)
    }
}

/// Some people of two companies: `u-0` to `u-9`, every third one on the plan "pro".
fn people(asked: &mut Asked) {
    for number in 0..10 {
        let plan = if number % 3 == 0 { "pro" } else { "free" };
        let company = if number < 5 { "acme" } else { "globex" };
        asked.write(
            "/v1/identify",
            &json!({
                "user_id": format!("u-{number}"), "company": {"id": company},
                "metadata": {"plan": plan, "seats": number, "email": format!("u{number}@example.com")},
            }),
        );
    }
    for _ in 0..3 {
        asked.write("/v1/track", &json!({"user_id": "u-3", "event_name": "Report exported"}));
    }
}

fn ids(page: &Value) -> Vec<&str> {
    let list = page.get("items").unwrap_or(&page["data"]).as_array().unwrap();
    let id =
        |item: &'_ Value| ["id", "user_id", "company_id"].into_iter().find(|name| item.get(name).is_some());
    list.iter().map(|item| item[id(item).unwrap()].as_str().unwrap()).collect()
}

#[test]
fn a_segment_is_saved_read_changed_and_removed() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path(), &[]);
    let mut asked = Asked::of(&server);
    let fields = json!({"name": "Power users", "level": "user", "text": "plan is \"pro\""});
    let tried = asked.send("POST", "/v1/segments?dry_run=true", &fields);
    assert_eq!((tried.status, tried.json()["id"].as_u64()), (200, Some(1)), "{}", tried.text());
    assert_eq!(asked.read("/v1/segments")["items"], json!([]), "a dry run saves nothing");
    let made = asked.send("POST", "/v1/segments", &fields);
    assert_eq!((made.status, made.header("etag")), (201, Some("\"1\"")), "{}", made.text());
    let made = made.json();
    let rule = json!({"condition": "property", "of": "user", "name": "plan", "type": "string", "operator": "is", "value": "pro"});
    assert_eq!((&made["rule"], &made["text"]), (&rule, &json!("plan is \"pro\"")));
    assert_eq!(
        (&made["kind"], &made["listed"], &made["created_by"]),
        (&json!("rule"), &json!(null), &json!(null))
    );
    let read = asked.get("/v1/segments/1");
    assert_eq!((read.header("etag"), read.json()), (Some("\"1\""), made.clone()));
    assert_eq!(asked.read("/v1/segments"), json!({"items": [made], "next_cursor": null}));

    let put = |asked: &mut Asked, version: Option<&str>, body: &Value| {
        let mut request = Request::with_body("PUT", "/v1/segments/1", body.to_string()).key(KEY);
        if let Some(version) = version {
            request = request.header("If-Match", version);
        }
        asked.client.ask(&request)
    };
    let changed =
        json!({"name": "Big users", "description": "Who has seats.", "level": "user", "text": "seats > 4"});
    let answer = put(&mut asked, Some("\"1\""), &changed);
    assert_eq!((answer.status, answer.header("etag")), (200, Some("\"2\"")), "{}", answer.text());
    assert_eq!(answer.json()["description"], "Who has seats.");
    put(&mut asked, Some("\"1\""), &fields).is_refused(412, "version_differs");
    assert_eq!(put(&mut asked, None, &changed).json()["version"], 2, "the same changes nothing");
    let company = json!({"name": "Big users", "level": "company", "text": "company.seats > 4"});
    put(&mut asked, None, &company).is_refused(400, "field_invalid");
    asked.send("PUT", "/v1/segments/9", &changed).is_refused(404, "segment_unknown");
    asked.get("/v1/segments/x").is_refused(404, "segment_unknown");

    let gone = |asked: &mut Asked, version: &str| {
        let request = Request::new("DELETE", "/v1/segments/1").key(KEY).header("If-Match", version);
        asked.client.ask(&request)
    };
    gone(&mut asked, "\"1\"").is_refused(412, "version_differs");
    assert_eq!(gone(&mut asked, "\"2\"").status, 204);
    asked.get("/v1/segments/1").is_refused(404, "segment_unknown");
    assert_eq!(asked.save("Power users", "user", "everyone")["id"], 2, "numbers are never used again");
}

#[test]
fn what_is_wrong_with_a_segment_is_told_with_its_place() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path(), &[]);
    let mut asked = Asked::of(&server);
    asked.save("Pro", "user", "plan is \"pro\"");
    for (fields, code, pointer) in [
        (json!({"name": "", "level": "user", "text": "everyone"}), "field_invalid", "/name"),
        (json!({"name": "x", "level": "user"}), "field_invalid", ""),
        (json!({"name": "x", "level": "user", "text": "everyone", "rule": {"all": []}}), "field_invalid", ""),
        (json!({"name": "x", "level": "user", "text": "everyone", "colour": 1}), "field_invalid", ""),
        (json!({"name": "x", "level": "user", "text": "plan is"}), "rule_invalid", "/text"),
        (json!({"name": "x", "level": "company", "text": "plan exists"}), "rule_invalid", "/text"),
        (
            json!({"name": "x", "level": "user", "rule": {"all": [{"not": 3}]}}),
            "rule_invalid",
            "/rule/all/0/not",
        ),
        (json!({"name": "x", "level": "user", "text": "in segment 9"}), "rule_invalid", ""),
        (json!({"name": "x", "level": "company", "text": "in segment 1"}), "rule_invalid", ""),
    ] {
        let refused = asked.send("POST", "/v1/segments", &fields);
        refused.is_refused(400, code);
        assert_eq!(refused.json()["errors"][0]["details"], pointer, "{fields}");
        let tried = asked.send("POST", "/v1/segments?dry_run=true", &fields);
        assert_eq!(tried.json(), refused.json(), "a dry run finds the same");
    }
    let unread =
        asked.send("POST", "/v1/segments/preview", &json!({"level": "user", "text": "plan is \"pro\" an"}));
    unread.is_refused(400, "rule_invalid");
    assert!(unread.text().contains("column 15"), "{}", unread.text());
    let same = json!({"name": "PRO", "level": "user", "text": "everyone"});
    asked.send("POST", "/v1/segments", &same).is_refused(409, "taken");
}

#[test]
fn no_segment_leads_back_to_itself_and_none_that_is_used_goes() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path(), &[]);
    let mut asked = Asked::of(&server);
    asked.save("one", "user", "plan is \"pro\"");
    asked.save("two", "user", "in segment 1 and seats > 2");
    asked.save("three", "user", "not in segment 2");
    for text in ["in segment 1", "in segment 3", "plan is \"pro\" or not in segment 2"] {
        let fields = json!({"name": "one", "level": "user", "text": text});
        let refused = asked.send("PUT", "/v1/segments/1", &fields);
        refused.is_refused(400, "rule_invalid");
        assert!(refused.text().contains("1 → "), "{}", refused.text());
    }
    let refused = asked.client.ask(&Request::new("DELETE", "/v1/segments/1").key(KEY));
    refused.is_refused(409, "segment_in_use");
    assert!(refused.text().contains("two"), "{}", refused.text());
    for id in [3, 2, 1] {
        let answer = asked.client.ask(&Request::new("DELETE", &format!("/v1/segments/{id}")).key(KEY));
        assert_eq!(answer.status, 204, "{id}: {}", answer.text());
    }
}

#[test]
fn a_count_is_right_after_a_write_and_every_list_agrees_with_it() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path(), &[]);
    let mut asked = Asked::of(&server);
    people(&mut asked);
    asked.save("Pro", "user", "plan is \"pro\"");
    asked.save(
        "Exporters",
        "user",
        "in segment 1 and did \"Report exported\" at least 3 times in the last 7 days",
    );
    asked.save("Acme", "company", "company is \"acme\"");
    let members = |asked: &mut Asked, id: u32| asked.read(&format!("/v1/segments/{id}/members"));
    assert_eq!(ids(&members(&mut asked, 1)), ["u-0", "u-3", "u-6", "u-9"]);
    assert_eq!(ids(&members(&mut asked, 2)), ["u-3"]);
    assert_eq!(ids(&members(&mut asked, 3)), ["acme"]);
    for number in 10..40 {
        let id = format!("u-{number}");
        let position = asked.write("/v1/identify", &json!({"user_id": id, "metadata": {"plan": "pro"}}));
        let body = json!({"level": "user", "text": "plan is \"pro\"", "sample": 3});
        let found = asked.send("POST", &format!("/v1/segments/preview?position={position}"), &body).json();
        assert_eq!(found["members"].as_u64(), Some(4 + number - 9), "{found}");
        assert_eq!(found["sample"].as_array().unwrap().len(), 3);
        assert_eq!((&found["conflicts"], &found["text"]), (&json!(0), &json!("plan is \"pro\"")));
    }
    let all = asked.read("/v1/segments/1/members?limit=1000&columns=plan,seats");
    assert_eq!((ids(&all).len(), &all["total"], &all["next_cursor"]), (34, &json!(34), &json!(null)));
    assert_eq!(all["items"][0]["properties"], json!({"plan": "pro", "seats": 0}));
    let mut paged: Vec<String> = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = asked.read(&format!("/v1/segments/1/members?limit=7&cursor={cursor}"));
        assert_eq!(page["total"], 34);
        paged.extend(ids(&page).into_iter().map(str::to_owned));
        let Some(next) = page["next_cursor"].as_str() else { break };
        next.clone_into(&mut cursor);
    }
    assert_eq!(paged, ids(&all));
    assert_eq!(ids(&asked.read("/v1/users?segment=1&limit=1000")), paged);
    assert_eq!(ids(&asked.read("/v1/users?filter=plan%20is%20%22pro%22&limit=1000")), paged);
    let newest = asked.read("/v1/segments/1/members?sort=last_seen&limit=2");
    assert_eq!(ids(&newest), ["u-39", "u-38"]);
    assert_eq!(ids(&asked.read("/v1/users?sort=last_seen&limit=2")), ["u-39", "u-38"]);
    let both = asked.read("/v1/users?segment=1&company_id=acme&filter=seats%20%3E%200");
    assert_eq!(ids(&both), ["u-3"]);
    assert_eq!(both["data"][0]["properties"]["plan"], "pro", "users as every list of them shows them");
    assert_eq!(ids(&asked.read("/v1/companies?segment=3")), ["acme"]);
    assert_eq!(ids(&asked.read("/v1/companies?filter=not%20in%20segment%203")), ["globex"]);
    asked.get("/v1/users?segment=3").is_refused(400, "parameter_invalid");
    asked.get("/v1/users?segment=99").is_refused(404, "segment_unknown");
    asked.get("/v1/users?filter=plan%20is").is_refused(400, "rule_invalid");
    asked.get("/v1/users?filter=everyone&q=u").is_refused(400, "parameter_invalid");
    asked.get("/v1/segments/1/members?sort=name").is_refused(400, "parameter_invalid");
    asked.get("/v1/segments/1/members?cursor=00").is_refused(400, "cursor_invalid");
}

#[test]
fn csv_has_every_member_that_the_pages_have() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path(), &[]);
    let mut asked = Asked::of(&server);
    people(&mut asked);
    asked.write(
        "/v1/identify",
        &json!({"user_id": "o'neil, \"Jo\"", "metadata": {"plan": "pro", "note": "two\nlines, \"quoted\""}}),
    );
    asked.save("Pro", "user", "plan is \"pro\"");
    let target = "/v1/segments/1/members?columns=seats,note&sort=last_seen";
    let page = asked.read(target);
    let (head, text) = asked.csv(&Request::get(&format!("{target}&format=csv")).key(KEY));
    assert_eq!(head.header("content-type"), Some("text/csv; charset=utf-8"));
    let mut expected = "id,last_seen_at,seats,note\r\n".to_owned();
    for item in page["items"].as_array().unwrap() {
        let quoted = |text: &str| match text.contains(['"', ',', '\n']) {
            true => format!("\"{}\"", text.replace('"', "\"\"")),
            false => text.to_owned(),
        };
        let (id, seen) = (item["id"].as_str().unwrap(), item["last_seen_at"].as_str().unwrap());
        let seats = item["properties"]["seats"].as_u64().map(|seats| seats.to_string()).unwrap_or_default();
        let note = item["properties"]["note"].as_str().unwrap_or_default();
        expected += &format!("{},{seen},{seats},{}\r\n", quoted(id), quoted(note));
    }
    assert_eq!(text, expected);
    assert!(text.contains("\"o'neil, \"\"Jo\"\"\""), "{text}");
    let (_, accepted) = asked.csv(&Request::get(target).key(KEY).header("Accept", "text/csv"));
    assert_eq!(accepted, text);
    asked.get("/v1/segments/1/members?format=xml").is_refused(400, "parameter_invalid");
}

#[test]
fn an_explanation_agrees_with_the_members_and_shows_what_was_seen() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path(), &[]);
    let mut asked = Asked::of(&server);
    people(&mut asked);
    asked.write("/v1/identify", &json!({"user_id": "odd", "metadata": {"plan": "pro", "seats": "many"}}));
    asked.save("Pro", "user", "plan is \"pro\"");
    asked.save("Mixed", "user", "in segment 1 and (seats > 2 or did \"Report exported\" at least 3 times)");
    asked.save("Acme", "company", "company is \"acme\"");
    let all = asked.read("/v1/users?limit=1000");
    let members = asked.read("/v1/segments/2/members");
    assert_eq!(ids(&members), ["u-3", "u-6", "u-9"]);
    for id in ids(&all) {
        let told = asked.read(&format!("/v1/segments/2/explain?user_id={id}"));
        let expected = if id == "odd" { json!(null) } else { json!(ids(&members).contains(&id)) };
        assert_eq!(told["member"], expected, "{told}");
        assert_eq!(told["explanation"]["holds"], expected);
        let mut segments: Vec<&str> = Vec::new();
        for (number, name) in [(1, "Pro"), (2, "Mixed")] {
            let told = asked.read(&format!("/v1/segments/{number}/explain?user_id={id}"));
            segments.extend((told["member"] == true).then_some(name));
        }
        let listed = asked.read(&format!("/v1/users/{id}/segments"));
        let names: Vec<&str> =
            listed["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect();
        assert_eq!(names, segments, "{id}");
    }
    let told = asked.read("/v1/segments/2/explain?user_id=u-3");
    let [of_segment, any] = told["explanation"]["members"].as_array().unwrap().as_slice() else {
        panic!("{told}")
    };
    assert_eq!(of_segment["members"][0]["text"], "plan is \"pro\"");
    assert_eq!(of_segment["members"][0]["seen"], "pro");
    let [seats, events] = any["members"].as_array().unwrap().as_slice() else { panic!("{told}") };
    assert_eq!(
        (&seats["text"], &seats["seen"], &seats["holds"]),
        (&json!("seats > 2"), &json!(3), &json!(true))
    );
    assert_eq!((&events["seen"], &events["holds"]), (&json!(3), &json!(true)));
    assert_eq!(asked.read("/v1/segments/3/explain?company_id=acme")["member"], true);
    assert_eq!(asked.read("/v1/companies/acme/segments"), json!({"items": [{"id": 3, "name": "Acme"}]}));
    asked.get("/v1/segments/2/explain?user_id=nobody").is_refused(404, "user_unknown");
    asked.get("/v1/segments/2/explain?company_id=acme").is_refused(400, "parameter_invalid");
    asked.get("/v1/segments/3/explain?user_id=u-3").is_refused(400, "parameter_invalid");
    asked.get("/v1/users/nobody/segments").is_refused(404, "user_unknown");
    asked.get("/v1/companies/nobody/segments").is_refused(404, "company_unknown");
}

#[test]
fn whoever_is_erased_leaves_and_segments_survive_a_kill() {
    let data = tempfile::tempdir().unwrap();
    let mut server = start(data.path(), &[]);
    let mut asked = Asked::of(&server);
    people(&mut asked);
    asked.save("Pro", "user", "plan is \"pro\"");
    asked.save("Gone", "user", "everyone");
    assert_eq!(asked.client.ask(&Request::new("DELETE", "/v1/segments/2").key(KEY)).status, 204);
    assert_eq!(asked.send("DELETE", "/v1/users", &json!({"users": ["u-3"]})).status, 202);
    assert_eq!(ids(&asked.read("/v1/segments/1/members")), ["u-0", "u-6", "u-9"], "at once");
    asked.get("/v1/segments/1/explain?user_id=u-3").is_refused(404, "user_unknown");
    let before = asked.read("/v1/segments");
    let last = asked.save("Last", "user", "in segment 1");
    server.signal("KILL");
    server.ended();
    let server = start(data.path(), &[]);
    let mut asked = Asked::of(&server);
    let after = asked.read("/v1/segments");
    assert_eq!(after["items"], json!([before["items"][0], last]), "acknowledged is durable");
    assert_eq!(asked.save("Next", "user", "everyone")["id"], 4, "numbers are never used again");
    until("history has caught up", || {
        let page = asked.read("/v1/segments/3/members");
        ids(&page) == ["u-0", "u-6", "u-9"]
    });
}

#[test]
fn a_list_is_changed_by_json_and_by_file_and_asked_like_any_segment() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path(), &[]);
    let mut asked = Asked::of(&server);
    people(&mut asked);
    let fields = json!({"name": "Chosen", "level": "user", "members": ["u-1", "u-3", "nobody"]});
    let made = asked.send("POST", "/v1/segments", &fields).json();
    assert_eq!(
        (&made["kind"], &made["listed"], &made["rule"]),
        (&json!("static"), &json!(3), &json!(null)),
        "{made}"
    );
    assert_eq!(ids(&asked.read("/v1/segments/1/members")), ["u-1", "u-3"], "who is not known is nobody");
    let change = |asked: &mut Asked, body: &Value| asked.send("POST", "/v1/segments/1/members", body);
    let edited = change(&mut asked, &json!({"add": ["u-5", "u-1"], "remove": ["u-3", "u-9"]}));
    assert_eq!(edited.json(), json!({"listed": 3, "added": 1, "removed": 1}), "{}", edited.text());
    assert_eq!(ids(&asked.read("/v1/segments/1/members")), ["u-1", "u-5"]);
    let file = |asked: &mut Asked, mode: &str, kind: &str, text: &str| {
        let target = format!("/v1/segments/1/members?{mode}");
        asked.client.ask(&Request::post(&target, text).key(KEY).header("Content-Type", kind))
    };
    let replaced = file(&mut asked, "mode=replace", "text/csv", "user_id,plan\r\n\"u-7\",pro\r\nu-8,\r\n");
    assert_eq!(replaced.json(), json!({"listed": 2, "added": 2, "removed": 3}), "{}", replaced.text());
    assert_eq!(file(&mut asked, "mode=add", "text/plain", "u-2\nu-8\n").json()["listed"], 3);
    assert_eq!(file(&mut asked, "mode=remove", "text/plain", "u-7").json()["listed"], 2);
    let tried = file(&mut asked, "mode=replace&dry_run=true", "text/plain", "u-4");
    assert_eq!(tried.json(), json!({"listed": 1, "added": 1, "removed": 2}));
    assert_eq!(ids(&asked.read("/v1/segments/1/members")), ["u-2", "u-8"], "a dry run changes nothing");
    file(&mut asked, "", "text/plain", "u-1").is_refused(400, "parameter_invalid");
    file(&mut asked, "mode=add", "text/plain", "u-1\n \n").is_refused(400, "id_empty");
    change(&mut asked, &json!({"add": [], "replace": []})).is_refused(400, "field_invalid");
    let refused = change(&mut asked, &json!({"add": ["u-1", ""]}));
    refused.is_refused(400, "id_empty");
    assert_eq!(refused.json()["errors"][0]["details"], "/add/1");

    let version = asked.read("/v1/segments/1")["version"].as_u64().unwrap();
    assert_eq!(version, 5, "each change is a version");
    let stale =
        Request::post("/v1/segments/1/members", r#"{"add":["u-1"]}"#).key(KEY).header("If-Match", "\"4\"");
    asked.client.ask(&stale).is_refused(412, "version_differs");
    let renamed = json!({"name": "Chosen few", "level": "user"});
    let renamed = asked.send("PUT", "/v1/segments/1", &renamed).json();
    assert_eq!((&renamed["name"], &renamed["listed"]), (&json!("Chosen few"), &json!(2)), "the ids stay");
    let ruled = json!({"name": "Chosen few", "level": "user", "text": "everyone"});
    asked.send("PUT", "/v1/segments/1", &ruled).is_refused(400, "field_invalid");
    asked.save("Free and chosen", "user", "in segment 1 and plan is \"free\"");
    assert_eq!(ids(&asked.read("/v1/users?segment=2")), ["u-2", "u-8"]);
    assert_eq!(ids(&asked.read("/v1/users?filter=not%20in%20segment%201&limit=3")), ["u-0", "u-1", "u-3"]);
    assert_eq!(asked.read("/v1/segments/1/explain?user_id=u-2")["member"], true);
    assert_eq!(asked.read("/v1/segments/1/explain?user_id=u-3")["member"], false);
    assert_eq!(asked.read("/v1/users/u-8/segments")["items"].as_array().unwrap().len(), 2);
    change(&mut asked, &json!({"replace": ["u-8"]}));
    let (_, csv) = asked.csv(&Request::get("/v1/segments/1/members?format=csv&columns=plan").key(KEY));
    let again = file(&mut asked, "mode=replace", "text/csv", &csv);
    assert_eq!(again.json(), json!({"listed": 1, "added": 0, "removed": 0}), "our own file is one: {csv}");
    let many: String =
        (0..60_000).map(|number| format!("somebody with a long id number {number}\n")).collect();
    let large = file(&mut asked, "mode=add", "text/plain", &many);
    assert_eq!(large.json()["listed"], 60_001, "{}", large.text());
}

#[test]
fn a_list_survives_a_kill_and_goes_with_its_segment() {
    let data = tempfile::tempdir().unwrap();
    let mut server = start(data.path(), &[]);
    let mut asked = Asked::of(&server);
    people(&mut asked);
    for name in ["one", "two"] {
        let fields = json!({"name": name, "level": "user", "members": ["u-1", "u-2"]});
        assert_eq!(asked.send("POST", "/v1/segments", &fields).status, 201);
    }
    assert_eq!(asked.send("POST", "/v1/segments/1/members", &json!({"add": ["u-4"]})).status, 200);
    assert_eq!(asked.client.ask(&Request::new("DELETE", "/v1/segments/2").key(KEY)).status, 204);
    let list = |number: u32| data.path().join(format!("environments/1/lists/{number}.ids"));
    assert!(list(1).exists() && !list(2).exists());
    server.signal("KILL");
    server.ended();
    let server = start(data.path(), &[]);
    let mut asked = Asked::of(&server);
    assert_eq!(asked.read("/v1/segments/1")["listed"], 3);
    until("history has caught up", || ids(&asked.read("/v1/segments/1/members")) == ["u-1", "u-2", "u-4"]);
    server.stop();
    let text = crate::process::on(data.path(), &["verify"]).worked();
    assert!(text.contains("3 ids on lists"), "{text}");
    let bytes = std::fs::read(list(1)).unwrap();
    std::fs::write(list(1), &bytes[..bytes.len() - 1]).unwrap();
    assert!(crate::process::on(data.path(), &["verify"]).out.contains("1.ids is damaged"));
}

#[test]
fn days_are_those_of_the_environment() {
    let world = World::start();
    let owner = world.owner();
    // 2026-11-21T23:30 in New York is the 22nd in UTC.
    let body = json!({"user_id": "u", "metadata": {"due": "2026-11-22T04:30:00Z"}});
    world.post("/v1/identify", &body.to_string());
    let count = |day: &str| {
        let body = json!({"level": "user", "text": format!("due on {day}")});
        world.post("/v1/segments/preview", &body.to_string()).json()["members"].clone()
    };
    assert_eq!([count("2026-11-21"), count("2026-11-22")], [json!(0), json!(1)]);
    let zone = |name: &str| owner.patch("/v1/environments/1", &json!({"time_zone": name}));
    zone("Mars/Olympus").is_refused(400, "field_invalid");
    assert_eq!(zone("america/new_york").json()["time_zone"], "America/New_York");
    assert_eq!([count("2026-11-21"), count("2026-11-22")], [json!(1), json!(0)]);
}

#[test]
fn a_viewer_neither_asks_about_personal_properties_nor_sees_them() {
    let world = World::start();
    let ada = r#"{"user_id":"u-1","metadata":{"email":"ada@secret.example","plan":"pro"}}"#;
    world.post("/v1/identify", ada);
    let owner = world.owner();
    let (viewer, analyst) = (owner.invite("viewer"), owner.invite("analyst"));
    let send = |browser: &crate::console::Browser, path: &str, body: &Value| {
        browser.send(&browser.request("POST", path, Some(body)).header("Muster-Environment", "1"))
    };
    let by_mail = json!({"name": "Mail", "level": "user", "text": "plan is \"pro\" and email is \"ada@secret.example\""});
    let made = send(&analyst, "/v1/segments", &by_mail);
    assert_eq!(
        (made.status, made.json()["created_by"].as_str()),
        (201, Some("analyst@example.com")),
        "{}",
        made.text()
    );
    send(&viewer, "/v1/segments", &by_mail).is_refused(403, "role_insufficient");
    let listed = viewer.read(1, "/v1/segments").json();
    assert_eq!((&listed["items"][0]["rule"], &listed["items"][0]["text"]), (&json!(null), &json!(null)));
    let told = viewer.read(1, "/v1/segments/1/explain?user_id=u-1");
    assert_eq!(told.json()["member"], true);
    assert!(!told.text().contains("secret.example") && told.text().contains("plan is"), "{}", told.text());
    assert!(analyst.read(1, "/v1/segments/1/explain?user_id=u-1").text().contains("secret.example"));
    for target in [
        "/v1/users?filter=email%20exists",
        "/v1/users?filter=did%20%22x%22%20where%20(Email%20exists)",
        "/v1/segments/1/members?columns=plan,email",
        "/v1/segments/1/members?columns=email&format=csv",
        "/v1/segments/1/members?columns=email&as_of=2026-01-01",
        "/v1/segments/1/members?columns=Email&format=csv&as_of=2026-01-01",
        "/v1/users?as_of=2026-01-01&filter=email%20exists",
    ] {
        viewer.read(1, target).is_refused(403, "role_insufficient");
    }
    let tried = json!({"level": "user", "text": "email starts with \"a\""});
    send(&viewer, "/v1/segments/preview", &tried).is_refused(403, "role_insufficient");
    assert_eq!(send(&analyst, "/v1/segments/preview", &tried).json()["members"], 1);
    assert_eq!(ids(&viewer.read(1, "/v1/segments/1/members?columns=plan").json()), ["u-1"]);
    assert_eq!(told_of(&world, &owner)[0], "analyst: segment_created Mail");
}

fn told_of(world: &World, owner: &crate::console::Browser) -> Vec<String> {
    told(&world.acts(owner)).into_iter().filter(|act| act.contains("segment_")).collect()
}

#[test]
fn there_is_a_limit_of_how_many_and_islands_stay_apart() {
    let world = World::start();
    let save = |name: &str| {
        let body = json!({"name": name, "level": "user", "text": "everyone"});
        world.post("/v1/segments", &body.to_string())
    };
    assert_eq!(save("first").status, 201);
    world.change(|state| {
        let first = state.segments[0].clone();
        for number in 1..SEGMENTS_MAX {
            let mut segment = first.clone();
            segment.id.0 += u32::try_from(number).unwrap();
            segment.name = format!("segment {number}");
            state.segments.push(segment);
        }
    });
    save("one more").is_refused(409, "limit_reached");
    let other = Request::get("/v1/segments/1").key(crate::world::OTHER_KEY);
    world.ask(&other).is_refused(404, "segment_unknown");
    world.add_key("a-key-that-only-reads", |key| {
        key.scopes = vec![muster_kernel::model::catalog::Scope::Read];
    });
    let body = json!({"name": "x", "level": "user", "text": "everyone"}).to_string();
    world
        .ask(&Request::post("/v1/segments", body).key("a-key-that-only-reads"))
        .is_refused(403, "scope_missing");
    assert_eq!(world.ask(&Request::get("/v1/segments").key("a-key-that-only-reads")).status, 200);
}

/// Somebody who changes plan and company, and another who comes later.
fn past(asked: &mut Asked) {
    let mut identify = |id: &str, day: &str, plan: &str, company: &str| {
        let body = json!({
            "user_id": id, "occurred_at": format!("{day}T00:00:00Z"), "metadata": {"plan": plan},
            "company": {"id": company},
        });
        asked.write("/v1/identify", &body);
    };
    identify("u-2", "2026-01-20", "pro", "acme");
    identify("u-1", "2026-01-05", "free", "acme");
    identify("u-1", "2026-01-10", "pro", "globex");
    let event =
        json!({"user_id": "u-1", "event_name": "Report exported", "occurred_at": "2026-01-12T00:00:00Z"});
    asked.write("/v1/track", &event);
}

#[test]
fn a_segment_is_asked_as_of_a_time() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path(), &[]);
    let mut asked = Asked::of(&server);
    past(&mut asked);
    asked.save("Pro", "user", "plan is \"pro\"");
    asked.save("Exporters", "user", "in segment 1 and did \"Report exported\" in the last 3 days");
    asked.save("Busy", "company", "did \"Report exported\"");
    for (id, day, expected) in [
        (1, "2026-01-09", &[][..]),
        (1, "2026-01-10", &["u-1"]),
        (1, "2026-01-20T00:00:00Z", &["u-1", "u-2"]),
        (2, "2026-01-14", &["u-1"]),
        (2, "2026-01-16", &[]),
        (3, "2026-01-12", &["globex"]),
        (3, "2026-01-11", &[]),
    ] {
        let page = asked.read(&format!("/v1/segments/{id}/members?as_of={day}"));
        assert_eq!((ids(&page), &page["total"]), (expected.to_vec(), &json!(expected.len())), "{id}, {day}");
    }
    let everyone = json!({"level": "user", "text": "everyone"});
    let found = asked.send("POST", "/v1/segments/preview?as_of=2026-01-06", &everyone).json();
    let sample = json!([{"id": "u-1", "last_seen_at": "2026-01-05T00:00:00.000000Z"}]);
    assert_eq!((&found["members"], &found["sample"]), (&json!(1), &sample), "{found}");
    assert_eq!(found["moment"], "2026-01-06T00:00:00.000000Z");
    asked.save("Everyone", "user", "everyone");
    let target = "/v1/segments/4/members?columns=plan,email&as_of=2026-01-07";
    assert_eq!(asked.read(target)["items"][0]["properties"], json!({"plan": "free"}), "also the columns");
    let (_, csv) = asked.csv(&Request::get(&format!("{target}&format=csv")).key(KEY));
    assert_eq!(csv, "id,last_seen_at,plan,email\r\nu-1,2026-01-05T00:00:00.000000Z,free,\r\n");
    let told = asked.read("/v1/segments/1/explain?user_id=u-1&as_of=2026-01-07");
    assert_eq!((&told["member"], &told["explanation"]["seen"]), (&json!(false), &json!("free")));
    assert_eq!(told["moment"], "2026-01-07T00:00:00.000000Z");
    let told = asked.read("/v1/segments/3/explain?company_id=globex&as_of=2026-01-13");
    assert_eq!((&told["member"], &told["explanation"]["seen"]), (&json!(true), &json!(1)));
    asked.get("/v1/segments/1/explain?user_id=u-2&as_of=2026-01-15").is_refused(404, "user_unknown");
    assert_eq!(asked.send("DELETE", "/v1/users", &json!({"users": ["u-1"]})).status, 202);
    assert_eq!(ids(&asked.read("/v1/segments/1/members?as_of=2026-01-20")), ["u-2"], "erased is erased");
}

#[test]
fn users_are_listed_as_they_were() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path(), &[]);
    let mut asked = Asked::of(&server);
    past(&mut asked);
    asked.save("Pro", "user", "plan is \"pro\"");
    let list = asked.read("/v1/users?segment=1&as_of=2026-01-11");
    let one = asked.read("/v1/users/u-1?as_of=2026-01-11");
    assert_eq!(list["data"], json!([one]), "as a single user is read");
    for (query, expected) in [
        ("as_of=2026-01-04", &[][..]),
        ("as_of=2026-01-07", &["u-1"]),
        ("as_of=2026-01-07&company_id=acme", &["u-1"]),
        ("as_of=2026-01-11&company_id=acme", &[]),
        ("as_of=2026-01-21&sort=last_seen", &["u-2", "u-1"]),
        ("as_of=2026-01-21&filter=plan%20is%20%22pro%22&limit=1", &["u-1"]),
    ] {
        assert_eq!(ids(&asked.read(&format!("/v1/users?{query}"))), expected, "{query}");
    }
    asked.get("/v1/users?as_of=2026-01-07&q=u").is_refused(400, "parameter_invalid");
    for path in [
        "/v1/companies?as_of=2026-01-07",
        "/v1/companies/acme?as_of=2026-01-07",
        "/v1/companies/acme/users?as_of=2026-01-07",
        "/v1/users/u-1/segments?as_of=2999-01-07",
        "/v1/users/u-1/segments?as_of=2026-01-07&known_at=2026-01-07",
        "/v1/users?as_of=2026-01-07&known_at=2026-01-07",
    ] {
        asked.get(path).is_refused(400, "parameter_invalid");
    }
}

#[test]
fn the_segments_that_somebody_was_in_are_asked_as_of_a_time() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path(), &[]);
    let mut asked = Asked::of(&server);
    past(&mut asked);
    asked.save("Pro", "user", "plan is \"pro\"");
    asked.save("Exporters", "user", "in segment 1 and did \"Report exported\" in the last 3 days");
    asked.save("Busy", "company", "did \"Report exported\"");
    let list = json!({"name": "Chosen", "level": "user", "members": ["u-1"]});
    assert_eq!(asked.send("POST", "/v1/segments", &list).status, 201);
    asked.save("Nested", "user", "plan is \"free\" or in segment 4");
    asked.save("At Globex", "user", "company is \"globex\"");
    let names = |found: &Value| -> Vec<String> {
        let items = found.as_array().unwrap_or_else(|| panic!("{found}"));
        items.iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
    };
    for (day, expected) in [
        ("2026-01-05", &[][..]),
        ("2026-01-09T23:59:59.999999Z", &[]),
        ("2026-01-10", &["Pro", "At Globex"]),
        ("2026-01-14", &["Pro", "Exporters", "At Globex"]),
        ("2026-01-16", &["Pro", "At Globex"]),
    ] {
        let found = asked.read(&format!("/v1/users/u-1/segments?as_of={day}"));
        assert_eq!(names(&found["items"]), expected, "{day}");
        assert_eq!(names(&found["unknown"]), ["Chosen", "Nested"], "{day}: of a list there is no past");
    }
    let now = asked.read("/v1/users/u-1/segments");
    assert_eq!(
        (names(&now["items"]), &now["unknown"]),
        (vec!["Pro".into(), "Chosen".into(), "Nested".into(), "At Globex".into()], &Value::Null)
    );
    for (day, expected) in [("2026-01-11", &[][..]), ("2026-01-12", &["Busy"])] {
        let found = asked.read(&format!("/v1/companies/globex/segments?as_of={day}"));
        assert_eq!(
            (names(&found["items"]), names(&found["unknown"])),
            (expected.iter().map(|name| (*name).to_owned()).collect(), vec![]),
            "{day}"
        );
    }
    asked.get("/v1/users/u-1/segments?as_of=2026-01-04").is_refused(404, "user_unknown");
    asked.get("/v1/companies/globex/segments?as_of=2026-01-09").is_refused(404, "company_unknown");
}

#[test]
fn a_segment_is_not_asked_as_of_what_nobody_knows() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path(), &[]);
    let mut asked = Asked::of(&server);
    past(&mut asked);
    asked.save("Pro", "user", "plan is \"pro\"");
    let list = json!({"name": "Chosen", "level": "user", "members": ["u-1"]});
    assert_eq!(asked.send("POST", "/v1/segments", &list).status, 201);
    asked.save("Nested", "user", "in segment 1 and not in segment 2");
    for target in
        ["1/members?as_of=2999-01-01", "1/members?as_of=yesterday", "1/explain?user_id=u-1&as_of=2999-01-01"]
    {
        asked.get(&format!("/v1/segments/{target}")).is_refused(400, "parameter_invalid");
    }
    asked
        .get("/v1/segments/1/members?as_of=2026-01-09&known_at=2026-01-09")
        .is_refused(400, "parameter_invalid");
    for target in
        ["2/members?as_of=2026-01-09", "3/members?as_of=2026-01-09", "3/explain?user_id=u-1&as_of=2026-01-09"]
    {
        let refused = asked.get(&format!("/v1/segments/{target}"));
        refused.is_refused(422, "past_unknown");
        assert!(refused.text().contains("segment 2 is a list"), "{}", refused.text());
    }
    assert_eq!(ids(&asked.read("/v1/segments/2/members")), ["u-1"]);
    let preview = |asked: &mut Asked, query: &str| {
        let body = json!({"level": "user", "text": "in segment 2 or plan is \"pro\""});
        asked.send("POST", &format!("/v1/segments/preview?{query}"), &body)
    };
    preview(&mut asked, "as_of=2026-01-09").is_refused(422, "past_unknown");
    preview(&mut asked, "as_off=2026-01-09").is_refused(400, "parameter_invalid");
    assert_eq!(preview(&mut asked, "").json()["members"], 2);
}
