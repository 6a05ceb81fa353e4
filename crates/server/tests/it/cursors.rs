//! A cursor goes on with the question that it was given for, and with no other.

use serde_json::{Value, json};

use crate::client::{Answer, Client, Request};
use crate::whole::{KEY, client, start};

struct Caller(Client);

impl Caller {
    fn send(&mut self, method: &str, path: &str, body: &Value) -> Answer {
        let request = Request::with_body(method, path, body.to_string());
        self.0.ask(&request.header("Content-Type", "application/json").key(KEY))
    }

    fn get(&mut self, target: &str) -> Answer {
        self.0.ask(&Request::get(target).key(KEY))
    }

    /// The first page of a list, of one item, and where the next one starts.
    fn cursor(&mut self, target: &str) -> String {
        let join = if target.contains('?') { '&' } else { '?' };
        let answer = self.get(&format!("{target}{join}limit=1"));
        assert_eq!(answer.status, 200, "{target}: {}", answer.text());
        let cursor = answer.json()["next_cursor"].as_str().map(str::to_owned);
        cursor.unwrap_or_else(|| panic!("{target} has one page: {}", answer.text()))
    }

    fn go_on(&mut self, target: &str, cursor: &str) -> Answer {
        let join = if target.contains('?') { '&' } else { '?' };
        self.get(&format!("{target}{join}limit=1&cursor={cursor}"))
    }
}

/// Three users in two companies, with events, and two segments that all of them belong to.
fn told(caller: &mut Caller) {
    for (user, company) in [("a", "x"), ("b", "x"), ("c", "y")] {
        let body = json!({"user_id": user, "metadata": {"plan": "pro"}, "company": {"id": company}});
        assert_eq!(caller.send("POST", "/v1/identify", &body).status, 202);
        for name in ["visit", "leave"] {
            let body = json!({"user_id": user, "event_name": name});
            assert_eq!(caller.send("POST", "/v1/track", &body).status, 202);
        }
    }
    for name in ["One", "Other"] {
        let body = json!({"name": name, "level": "user", "text": "plan is \"pro\""});
        assert_eq!(caller.send("POST", "/v1/segments", &body).status, 201);
    }
    let body = json!({"name": "Companies", "level": "company", "text": "everyone"});
    assert_eq!(caller.send("POST", "/v1/segments", &body).status, 201);
}

#[test]
fn a_cursor_is_taken_by_the_question_that_gave_it_alone() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path(), &[]);
    let mut caller = Caller(client(&server));
    told(&mut caller);
    let pro = "filter=plan%20is%20%22pro%22";
    let lists = [
        "/v1/users".to_owned(),
        "/v1/companies".to_owned(),
        "/v1/users?company_id=x".to_owned(),
        "/v1/companies/x/users".to_owned(),
        "/v1/users?sort=id".to_owned(),
        "/v1/users?sort=last_seen".to_owned(),
        "/v1/companies?sort=id".to_owned(),
        "/v1/companies?sort=last_seen".to_owned(),
        format!("/v1/users?{pro}"),
        "/v1/users?segment=1".to_owned(),
        "/v1/users?segment=2".to_owned(),
        "/v1/users?segment=1&sort=last_seen".to_owned(),
        "/v1/segments/1/members".to_owned(),
        "/v1/segments/1/members?sort=last_seen".to_owned(),
        "/v1/segments/2/members".to_owned(),
        "/v1/segments/3/members".to_owned(),
        "/v1/events".to_owned(),
        "/v1/events?user_id=a".to_owned(),
        "/v1/users/a/events".to_owned(),
        "/v1/users/b/events".to_owned(),
    ];
    let cursors: Vec<String> = lists.iter().map(|list| caller.cursor(list)).collect();
    for (own, list) in lists.iter().enumerate() {
        for (other, cursor) in cursors.iter().enumerate() {
            let answer = caller.go_on(list, cursor);
            match own == other {
                true => assert_eq!(answer.status, 200, "{list}: {}", answer.text()),
                false => answer.is_refused(400, "cursor_invalid"),
            }
        }
    }
    // How items are shown, and in which order the parameters stand, is not the question.
    let cursor = caller.cursor("/v1/users?segment=1&sort=last_seen");
    for same in [
        "/v1/users?sort=last_seen&segment=1&detail=true",
        "/v1/users?sort=last_seen&q=&segment=1&limit=2",
        "/v1/users?sort=last_seen&segment=1&page=2&_=17",
    ] {
        let answer = caller.get(&format!("{same}&cursor={cursor}"));
        assert_eq!(answer.status, 200, "{same}: {}", answer.text());
    }
}

#[test]
fn a_cursor_of_people_is_of_one_number_of_one_question() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path(), &[]);
    let mut caller = Caller(client(&server));
    told(&mut caller);
    let question = |event: &str, level: &str| json!({"steps": [{"event": event}, {"event": "leave"}], "last_days": 2, "level": level});
    let asked = [
        (question("visit", "user"), json!({"step": 0})),
        (question("visit", "user"), json!({"step": 1})),
        (question("leave", "user"), json!({"step": 0})),
        (question("visit", "company"), json!({"step": 0})),
    ];
    let mut page = |(question, number): &(Value, Value), cursor: Option<&str>| {
        let body = json!({"question": question, "number": number, "limit": 1, "cursor": cursor});
        caller.send("POST", "/v1/reports/funnel/people", &body)
    };
    let mut cursors = Vec::new();
    for one in &asked {
        let answer = page(one, None);
        assert_eq!(answer.status, 200, "{one:?}: {}", answer.text());
        cursors.push(answer.json()["next_cursor"].as_str().unwrap().to_owned());
    }
    for (own, one) in asked.iter().enumerate() {
        for (other, cursor) in cursors.iter().enumerate() {
            let answer = page(one, Some(cursor));
            match own == other {
                true => assert_eq!(answer.status, 200, "{one:?}: {}", answer.text()),
                false => answer.is_refused(400, "field_invalid"),
            }
        }
    }
}
