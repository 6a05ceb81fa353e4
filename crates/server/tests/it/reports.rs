//! Reports over HTTP: a story whose numbers are known, told to the built program, and the people behind each number.

use serde_json::{Value, json};

use crate::client::{Answer, Client, Request};
use crate::process::Server;
use crate::whole::{KEY, client, start};
use crate::world::World;

/// Calls on one connection.
struct Caller(Client);

impl Caller {
    fn send(&mut self, method: &str, path: &str, body: &Value) -> Answer {
        let request = Request::with_body(method, path, body.to_string());
        self.0.ask(&request.header("Content-Type", "application/json").key(KEY))
    }

    fn write(&mut self, path: &str, body: &Value) {
        let answer = self.send("POST", path, body);
        assert_eq!(answer.status, 202, "{}", answer.text());
    }

    fn track(&mut self, user: &str, name: &str, at: &str, metadata: &Value) {
        let at = format!("2026-03-{at}:00Z");
        let body = json!({"user_id": user, "event_name": name, "occurred_at": at, "metadata": metadata});
        self.write("/v1/track", &body);
    }

    fn plan(&mut self, user: &str, plan: &str) {
        self.write("/v1/identify", &json!({"user_id": user, "metadata": {"plan": plan}}));
    }

    fn ask(&mut self, kind: &str, question: &Value) -> Value {
        let answer = self.send("POST", &format!("/v1/reports/{kind}"), question);
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// The ids behind a number, in order, and the state that they are of; asked page by page.
    fn people(
        &mut self,
        kind: &str,
        question: &Value,
        number: &Value,
        snapshot: &Value,
    ) -> (Vec<String>, Value) {
        let (mut ids, mut cursor) = (Vec::new(), Value::Null);
        loop {
            let body = json!({"question": question, "number": number, "snapshot": snapshot, "limit": 2,
                              "cursor": cursor});
            let answer = self.send("POST", &format!("/v1/reports/{kind}/people"), &body);
            assert_eq!(answer.status, 200, "{}", answer.text());
            let page = answer.json();
            let items = page["items"].as_array().unwrap();
            assert!(items.iter().all(|item| item["last_seen_at"].is_string()), "{page}");
            ids.extend(items.iter().map(|item| item["id"].as_str().unwrap().to_owned()));
            cursor = page["next_cursor"].clone();
            if cursor.is_null() {
                assert_eq!(page["total"], ids.len(), "{page}");
                ids.sort();
                return (ids, page["snapshot"].clone());
            }
        }
    }

    fn names(&mut self, kind: &str, question: &Value, number: &Value) -> Vec<String> {
        self.people(kind, question, number, &Value::Null).0
    }
}

/// Four people in March: who visited, signed up and paid, and when.
fn told(server: &Server) -> Caller {
    let mut caller = Caller(client(server));
    for (user, plan) in [("ann", "pro"), ("bob", "free"), ("cid", "pro")] {
        caller.plan(user, plan);
    }
    for (user, name, at, metadata) in [
        ("ann", "visit", "02T10:00", json!({"page": "home"})),
        ("ann", "signup", "02T10:30", json!({})),
        ("ann", "paid", "02T12:00", json!({"amount": 10})),
        ("bob", "visit", "02T11:00", json!({"page": "shop"})),
        ("bob", "signup", "03T11:00", json!({})),
        ("cid", "visit", "03T10:00", json!({"page": "home"})),
        ("cid", "signup", "03T10:10", json!({})),
        ("cid", "paid", "10T09:00", json!({"amount": 30})),
        ("dee", "visit", "04T10:00", json!({"page": "home"})),
        ("ann", "visit", "10T10:00", json!({})),
        ("bob", "visit", "17T10:00", json!({})),
    ] {
        caller.track(user, name, at, &metadata);
    }
    caller
}

fn steps() -> Value {
    json!([{"event": "visit"}, {"event": "signup"}, {"event": "paid"}])
}

fn with(question: &Value, key: &str, value: Value) -> Value {
    let mut question = question.clone();
    question[key] = value;
    question
}

fn counts(row: &Value) -> Vec<u64> {
    row["steps"].as_array().unwrap().iter().map(|step| step["count"].as_u64().unwrap()).collect()
}

#[test]
fn a_funnel_counts_those_who_went_through_its_steps() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path(), &[]);
    let mut caller = told(&server);
    let asked = json!({"steps": steps(), "from": "2026-03-01", "to": "2026-04-01", "window": {"days": 7}});
    let answer = caller.ask("funnel", &asked);
    assert_eq!(counts(&answer["total"]), [4, 3, 2]);
    let steps_told = &answer["total"]["steps"];
    assert_eq!(steps_told[0]["time"], json!(null));
    assert_eq!(steps_told[1]["time"]["mean_seconds"], json!(29_600.0));
    assert_eq!(steps_told[2]["time"]["mean_seconds"], json!(304_200.0));
    let median = steps_told[1]["time"]["median_seconds"].as_f64().unwrap();
    assert!((1798.0..=1800.0).contains(&median), "{median}");
    let number = |step: usize, stayed: bool| json!({"step": step, "stayed": stayed});
    assert_eq!(caller.names("funnel", &asked, &number(1, false)), ["ann", "bob", "cid"]);
    assert_eq!(caller.names("funnel", &asked, &number(1, true)), ["bob"]);

    let by_plan = with(&asked, "breakdown", json!({"user": "plan"}));
    let answer = caller.ask("funnel", &by_plan);
    let rows: Vec<_> =
        answer["groups"].as_array().unwrap().iter().map(|row| (row["value"].clone(), counts(row))).collect();
    let expected =
        [(json!("pro"), vec![2, 2, 2]), (json!("free"), vec![1, 1, 0]), (json!(null), vec![1, 0, 0])];
    assert_eq!((rows.as_slice(), &answer["other"]), (&expected[..], &json!(null)));
    let of_row = |row: Value| json!({"step": 0, "row": row});
    assert_eq!(caller.names("funnel", &by_plan, &of_row(json!({"group": "pro"}))), ["ann", "cid"]);
    assert_eq!(caller.names("funnel", &by_plan, &of_row(json!({"group": null}))), ["dee"]);
    let one_row = with(&by_plan, "groups", json!(1));
    let answer = caller.ask("funnel", &one_row);
    assert_eq!((counts(&answer["other"]), &answer["groups_left_out"]), (vec![2, 1, 0], &json!(2)));
    assert_eq!(caller.names("funnel", &one_row, &of_row(json!("other"))), ["bob", "dee"]);

    let pro = with(&asked, "who", json!({"filter": "plan is \"pro\""}));
    assert_eq!(counts(&caller.ask("funnel", &pro)["total"]), [2, 2, 2]);
    let did = with(&asked, "who", json!({"filter": "did \"visit\" at least 2 times"}));
    assert_eq!(caller.names("funnel", &did, &number(0, false)), ["ann", "bob"]);
    let mut dear = asked.clone();
    dear["steps"][2]["where"] = json!([{"name": "amount", "any_of": [30]}]);
    assert_eq!(counts(&caller.ask("funnel", &dear)["total"]), [4, 3, 1]);
    let tight = with(&asked, "window", json!({"hours": 1}));
    assert_eq!(counts(&caller.ask("funnel", &tight)["total"]), [4, 2, 0]);
}

/// ann went from free to pro between her visits, cid was pro all along; bob has said nothing until now.
fn told_of_plans(server: &Server) -> Caller {
    let mut caller = Caller(client(server));
    for (user, plan, day) in [("ann", "free", "01"), ("ann", "pro", "05"), ("cid", "pro", "01")] {
        let at = format!("2026-03-{day}T00:00:00Z");
        caller
            .write("/v1/identify", &json!({"user_id": user, "metadata": {"plan": plan}, "occurred_at": at}));
    }
    for (user, name, at) in [
        ("ann", "visit", "02T10:00"),
        ("ann", "signup", "06T10:00"),
        ("ann", "visit", "07T10:00"),
        ("bob", "visit", "02T11:00"),
        ("bob", "signup", "02T12:00"),
        ("cid", "visit", "03T10:00"),
    ] {
        caller.track(user, name, at, &json!({}));
    }
    caller.plan("bob", "free");
    caller
}

#[test]
fn users_are_told_apart_by_what_they_were_at_the_time_of_the_event() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path(), &[]);
    let mut caller = told_of_plans(&server);
    let steps = json!([{"event": "visit"}, {"event": "signup"}]);
    let asked = json!({"steps": steps, "from": "2026-03-01", "to": "2026-04-01",
                       "breakdown": {"user": "plan", "at": "event"}});
    let rows = |answer: &Value| -> Vec<(Value, Vec<u64>)> {
        let groups = answer["groups"].as_array().unwrap();
        groups.iter().map(|row| (row["value"].clone(), counts(row))).collect()
    };
    let answer = caller.ask("funnel", &asked);
    let expected = [(json!("free"), vec![1, 1]), (json!("pro"), vec![1, 0]), (json!(null), vec![1, 1])];
    assert_eq!(rows(&answer), expected);
    for at in [json!("now"), json!(null)] {
        let now = caller.ask("funnel", &with(&asked, "breakdown", json!({"user": "plan", "at": at})));
        assert_eq!(rows(&now), [(json!("pro"), vec![2, 1]), (json!("free"), vec![1, 1])]);
    }
    let number = json!({"step": 0, "row": {"group": "free"}});
    caller.write(
        "/v1/identify",
        &json!({"user_id": "cid", "metadata": {"plan": "free"}, "occurred_at": "2026-03-02"}),
    );
    let agreed = (vec!["ann".to_owned()], answer["snapshot"].clone());
    assert_eq!(caller.people("funnel", &asked, &number, &answer["snapshot"]), agreed);
    assert_eq!(caller.names("funnel", &asked, &number), ["ann", "cid"], "what came in later is about then");

    let condition = json!([{"name": "plan", "of": "user", "at": "event", "any_of": ["pro"]}]);
    let visit = json!({"event": "visit", "where": condition});
    let span = json!({"from": "2026-03-02", "to": "2026-03-16"});
    let merged = |own: Value| {
        let mut all = span.clone();
        all.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
        all
    };
    let trend = merged(json!({"series": [{"event": "visit", "measure": "unique_users"}, visit.clone()],
                              "interval": "month", "breakdown": {"user": "plan", "at": "event"}}));
    let lines = caller.ask("trend", &trend)["series"].clone();
    let wholes: Vec<_> =
        lines[0]["groups"].as_array().unwrap().iter().map(|row| (&row["value"], &row["whole"])).collect();
    let one = json!(1);
    assert_eq!(wholes, [(&json!("free"), &json!(2)), (&json!("pro"), &one), (&json!(null), &one)]);
    assert_eq!(lines[1]["total"]["whole"], 1);
    assert_eq!(caller.names("trend", &trend, &json!({"series": 1})), ["ann"]);
    let retention = merged(json!({"start": visit, "returning": {"event": "visit"}, "each": "week"}));
    assert_eq!(caller.names("retention", &retention, &json!({"cohort": 0})), ["ann"]);
    let path = merged(json!({"anchor": visit, "direction": "to"}));
    assert_eq!(caller.names("path", &path, &json!({"level": 1, "branch": 0})), ["ann"]);

    let mut counts = |at: &str| {
        let path = format!(
            "/v1/events/counts?event=visit&from=2026-03-01&to=2026-03-15&interval=month&breakdown=user:plan{at}"
        );
        let answer = caller.0.ask(&Request::get(&path).key(KEY)).json();
        let series = answer["series"].as_array().unwrap().clone();
        series.iter().map(|row| (row["group"].clone(), row["total"].clone())).collect::<Vec<_>>()
    };
    let by = |rows: &[(Value, u64)]| rows.iter().map(|(of, n)| (of.clone(), json!(n))).collect::<Vec<_>>();
    assert_eq!(counts("&breakdown_at=event"), by(&[(json!("free"), 2), (json!("pro"), 1), (json!(null), 1)]));
    assert_eq!(counts(""), by(&[(json!("free"), 2), (json!("pro"), 2)]));

    let saved = json!({"name": "Then", "kind": "funnel", "question": asked});
    let made = caller.send("POST", "/v1/reports", &saved);
    assert_eq!((made.status, &made.json()["question"]), (201, &asked), "{}", made.text());
}

#[test]
fn what_cannot_be_asked_at_the_event_is_refused_with_its_place() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path(), &[]);
    let mut caller = Caller(client(&server));
    let funnel = json!({"steps": [{"event": "visit"}, {"event": "signup"}]});
    let by = |breakdown: Value| with(&funnel, "breakdown", breakdown);
    let condition = |change: Value| {
        let mut one = json!({"name": "plan", "any_of": ["pro"]});
        one.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let mut asked = funnel.clone();
        asked["steps"][0]["where"] = json!([one]);
        asked
    };
    let of_company = with(&by(json!({"user": "plan", "at": "event"})), "level", json!("company"));
    for (question, pointer) in [
        (by(json!({"company": "plan", "at": "event"})), "/breakdown/at"),
        (by(json!({"event": "plan", "at": "now"})), "/breakdown/at"),
        (by(json!({"user": "plan", "at": "then"})), "/breakdown/at"),
        (of_company, "/breakdown/user"),
        (condition(json!({"of": "user"})), "/steps/0/where/0/at"),
        (condition(json!({"of": "user", "at": "now"})), "/steps/0/where/0/at"),
        (condition(json!({"at": "event"})), "/steps/0/where/0/at"),
        (condition(json!({"of": "company", "at": "event"})), "/steps/0/where/0/of"),
    ] {
        let answer = caller.send("POST", "/v1/reports/funnel", &question);
        assert_eq!(answer.status, 400, "{}", answer.text());
        let errors = answer.json()["errors"].clone();
        assert_eq!((&errors[0]["details"], &errors[1]), (&json!(pointer), &json!(null)), "{errors}");
    }
    for query in ["breakdown=event:plan&breakdown_at=event", "breakdown=user:plan&breakdown_at=then"] {
        let path = format!("/v1/events/counts?{query}");
        caller.0.ask(&Request::get(&path).key(KEY)).is_refused(400, "parameter_invalid");
    }
}

#[test]
fn retention_follows_cohorts_over_their_weeks() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path(), &[]);
    let mut caller = told(&server);
    let visit = json!({"event": "visit"});
    let asked =
        json!({"start": visit, "returning": visit, "from": "2026-03-02", "to": "2026-03-23", "each": "week"});
    let answer = caller.ask("retention", &asked);
    let cohorts = answer["cohorts"].as_array().unwrap();
    let told: Vec<_> = cohorts.iter().map(|cohort| (&cohort["size"], &cohort["returned"])).collect();
    assert_eq!(told[0], (&json!(4), &json!([4, 1, 1])));
    assert_eq!(told[1..], [(&json!(0), &json!([0, 0])), (&json!(0), &json!([0]))]);
    assert_eq!(cohorts[1]["start"], "2026-03-09T00:00:00.000000Z");
    let point = |returned: u64| json!({"size": 4, "returned": returned});
    assert_eq!(answer["curve"], json!([point(4), point(1), point(1)]));
    let number = |period: usize| json!({"cohort": 0, "period": period});
    assert_eq!(caller.names("retention", &asked, &number(1)), ["ann"]);
    assert_eq!(caller.names("retention", &asked, &number(2)), ["bob"]);
    assert_eq!(caller.names("retention", &asked, &json!({"cohort": 0})), ["ann", "bob", "cid", "dee"]);
    let recurring = with(&asked, "belong", json!("recurring"));
    assert_eq!(caller.ask("retention", &recurring)["cohorts"][1]["size"], 1);
    let recent = json!({"start": visit, "returning": {"active": true}, "intervals": 5, "each": "month"});
    assert_eq!(caller.ask("retention", &recent)["starts"].as_array().unwrap().len(), 5);
}

#[test]
fn a_trend_is_cut_into_days_and_formulas_follow_its_series() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path(), &[]);
    let mut caller = told(&server);
    let asked = json!({
        "series": [
            {"event": "visit"},
            {"name": "visitors", "event": "visit", "measure": "unique_users"},
            {"event": "paid", "measure": "sum", "property": "amount"},
            {"event": "paid", "measure": "average", "property": "amount"},
            {"event": "visit", "measure": "wau"},
        ],
        "formulas": [{"name": "a visit", "formula": "C / A"}, {"formula": "A / (B - B)"}],
        "from": "2026-03-02", "to": "2026-03-05", "previous": true,
    });
    let answer = caller.ask("trend", &asked);
    assert_eq!((&answer["interval"], &answer["zone"]), (&json!("day"), &json!("UTC")));
    assert_eq!(answer["previous_starts"][0], "2026-02-27T00:00:00.000000Z");
    let row = |values: Value, whole: Value| json!({"values": values, "whole": whole});
    let lines: Vec<_> =
        answer["series"].as_array().unwrap().iter().map(|line| line["total"].clone()).collect();
    assert_eq!(
        lines,
        [
            row(json!([2, 1, 1]), json!(4)),
            row(json!([2, 1, 1]), json!(4)),
            row(json!([10, 0, 0]), json!(10)),
            row(json!([10, null, null]), json!(10)),
            row(json!([2, 3, 4]), json!(4)),
        ]
    );
    assert_eq!(answer["series"][3]["previous"], row(json!([null, null, null]), json!(null)));
    assert_eq!(
        (&answer["series"][0]["name"], &answer["series"][1]["name"]),
        (&json!("A"), &json!("visitors"))
    );
    assert_eq!(
        answer["formulas"],
        json!([
            {"name": "a visit", "values": [5, 0, 0], "whole": 2.5},
            {"name": "A / (B - B)", "values": [null, null, null], "whole": null},
        ])
    );
    let number = |series: usize, interval: usize| json!({"series": series, "interval": interval});
    assert_eq!(caller.names("trend", &asked, &number(1, 0)), ["ann", "bob"]);
    assert_eq!(caller.names("trend", &asked, &number(4, 1)), ["ann", "bob", "cid"]);
    assert_eq!(caller.names("trend", &asked, &json!({"series": 2})), ["ann"]);

    let by_page = with(&asked, "breakdown", json!({"event": "page"}));
    let by_page = with(&by_page, "groups", json!(1));
    let answer = caller.ask("trend", &by_page);
    let line = &answer["series"][0];
    assert_eq!(line["groups"], json!([{"value": "home", "values": [1, 1, 1], "whole": 3}]));
    assert_eq!((&line["other"]["whole"], &line["groups_left_out"]), (&json!(1), &json!(1)));
    let of_row = |row: Value| json!({"series": 0, "row": row});
    assert_eq!(caller.names("trend", &by_page, &of_row(json!({"group": "home"}))), ["ann", "cid", "dee"]);
    assert_eq!(caller.names("trend", &by_page, &of_row(json!("other"))), ["bob"]);
}

#[test]
fn hours_and_days_follow_the_clocks_of_the_zone() {
    let world = World::start();
    let count = |zone: &str, from: &str, to: &str| {
        let asked =
            json!({"series": [{"event": "visit"}], "interval": "hour", "zone": zone, "from": from, "to": to});
        let answer = world.post("/v1/reports/trend", &asked.to_string());
        answer.json()["starts"].as_array().unwrap_or_else(|| panic!("{}", answer.text())).len()
    };
    for (zone, spring, autumn) in [
        ("Europe/Berlin", ("2026-03-29", "2026-03-30"), ("2026-10-25", "2026-10-26")),
        ("America/New_York", ("2026-03-08", "2026-03-09"), ("2026-11-01", "2026-11-02")),
        ("Australia/Sydney", ("2026-10-04", "2026-10-05"), ("2026-04-05", "2026-04-06")),
    ] {
        assert_eq!(count(zone, spring.0, spring.1), 23, "{zone}");
        assert_eq!(count(zone, autumn.0, autumn.1), 25, "{zone}");
    }
    let asked = json!({"series": [{"event": "visit"}], "last_days": 7, "zone": "Asia/Tokyo"});
    let answer = world.post("/v1/reports/trend", &asked.to_string()).json();
    assert_eq!(answer["starts"].as_array().unwrap().len(), 7);
    assert!(answer["starts"][0].as_str().unwrap().ends_with("T15:00:00.000000Z"), "{}", answer["starts"][0]);
}

#[test]
#[expect(clippy::too_many_lines, reason = "most of them are times on both sides of shifts")]
fn events_to_both_sides_of_a_shift_are_counted_where_the_clocks_of_the_zone_put_them() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path(), &[]);
    let mut caller = Caller(client(&server));
    let mut check = |zone: &str, interval: &str, (from, to): (&str, &str), told: &[(&str, &[&str])]| {
        let name = format!("{zone} {interval}");
        for instant in told.iter().flat_map(|(_, instants)| *instants) {
            let body = json!({"user_id": "u", "event_name": name, "occurred_at": instant});
            caller.write("/v1/track", &body);
        }
        let asked =
            json!({"series": [{"event": name}], "interval": interval, "zone": zone, "from": from, "to": to});
        let answer = caller.ask("trend", &asked);
        let starts: Vec<String> = told.iter().map(|(start, _)| format!("{start}:00.000000Z")).collect();
        assert_eq!(answer["starts"], json!(starts), "{name}");
        let counts: Vec<usize> = told.iter().map(|(_, instants)| instants.len()).collect();
        let all: usize = counts.iter().sum();
        assert_eq!(answer["series"][0]["total"]["values"], json!(counts), "{name}: {answer}");
        assert_eq!(answer["series"][0]["total"]["whole"], json!(all), "{name}");
    };
    // Half an hour is told twice: what is told the second time counts with its hour.
    check(
        "Australia/Lord_Howe",
        "hour",
        ("2026-04-04T14:45:00Z", "2026-04-04T17:00:00Z"),
        &[
            (
                "2026-04-04T14:00",
                &[
                    "2026-04-04T14:45:00Z",
                    "2026-04-04T14:59:59.999999Z",
                    "2026-04-04T15:00:00Z",
                    "2026-04-04T15:29:59Z",
                ],
            ),
            ("2026-04-04T15:30", &["2026-04-04T15:30:00Z"]),
            ("2026-04-04T16:30", &[]),
        ],
    );
    // The last Sunday of October has 25 hours in Berlin.
    check(
        "Europe/Berlin",
        "day",
        ("2026-10-24T22:00:00Z", "2026-10-26T23:00:00Z"),
        &[
            ("2026-10-24T22:00", &["2026-10-24T22:00:00Z", "2026-10-25T22:59:59.999999Z"]),
            ("2026-10-25T23:00", &["2026-10-25T23:00:00Z", "2026-10-26T22:30:00Z"]),
        ],
    );
    // A week of New York that is an hour short, and the months around it.
    check(
        "America/New_York",
        "week",
        ("2026-03-02T05:00:00Z", "2026-03-16T04:00:00Z"),
        &[
            ("2026-03-02T05:00", &["2026-03-02T05:00:00Z", "2026-03-09T03:59:59Z"]),
            ("2026-03-09T04:00", &["2026-03-09T04:00:00Z"]),
        ],
    );
    check(
        "America/New_York",
        "month",
        ("2026-03-01T05:00:00Z", "2026-05-01T04:00:00Z"),
        &[
            ("2026-03-01T05:00", &["2026-03-01T05:00:00Z", "2026-04-01T03:59:59Z"]),
            ("2026-04-01T04:00", &["2026-04-01T04:00:00Z"]),
        ],
    );
    // 30 December 2011 was not in Samoa.
    check(
        "Pacific/Apia",
        "day",
        ("2011-12-29T10:00:00Z", "2011-12-31T10:00:00Z"),
        &[
            ("2011-12-29T10:00", &["2011-12-29T10:00:00Z", "2011-12-30T09:59:59.999999Z"]),
            ("2011-12-30T10:00", &["2011-12-30T10:00:00Z"]),
        ],
    );
}

#[test]
fn a_path_branches_by_what_was_done_next() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path(), &[]);
    let mut caller = told(&server);
    let asked = json!({"anchor": {"event": "visit"}, "from": "2026-03-01", "to": "2026-04-01",
                       "window": {"days": 14}, "levels": 3});
    let branch = |event: &str, users: u64, ended: u64, next: Value| json!({"event": event, "type": "track", "users": users, "ended": ended, "next": next});
    let answer = caller.ask("path", &asked);
    assert_eq!(
        answer["levels"],
        json!([
            [branch("visit", 4, 1, json!([3]))],
            [branch("signup", 3, 1, json!([2]))],
            [branch("paid", 2, 0, json!([]))],
        ])
    );
    let number = |level: usize, branch: usize| json!({"level": level, "branch": branch});
    assert_eq!(caller.names("path", &asked, &number(1, 0)), ["ann", "bob", "cid"]);
    assert_eq!(caller.names("path", &asked, &number(2, 0)), ["ann", "cid"]);
    assert_eq!(caller.names("path", &asked, &number(2, 1)), [""; 0]);
    let back = with(&with(&asked, "direction", json!("to")), "anchor", json!({"event": "paid"}));
    let answer = caller.ask("path", &back);
    assert_eq!(answer["levels"][1], json!([branch("signup", 2, 0, json!([2]))]));
}

#[test]
fn people_agree_with_the_answer_that_they_are_asked_of_whatever_is_written_since() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path(), &[]);
    let mut caller = told(&server);
    let asked = json!({"steps": steps(), "from": "2026-03-01", "to": "2026-04-01", "breakdown": {"user": "plan"},
                       "who": {"filter": "not (plan is \"gone\")"}});
    let answer = caller.ask("funnel", &asked);
    let snapshot = answer["snapshot"].clone();
    assert!(snapshot.is_string(), "{answer}");
    caller.track("dee", "signup", "04T11:00", &json!({}));
    caller.track("dee", "paid", "04T12:00", &json!({"amount": 1}));
    caller.plan("bob", "pro");
    caller.plan("cid", "gone");
    let pro = json!({"step": 0, "row": {"group": "pro"}});
    let paid = json!({"step": 2});
    let agreed = |ids: [&str; 2]| (ids.map(str::to_owned).to_vec(), snapshot.clone());
    assert_eq!(caller.people("funnel", &asked, &pro, &snapshot), agreed(["ann", "cid"]));
    assert_eq!(caller.people("funnel", &asked, &paid, &snapshot), agreed(["ann", "cid"]));
    assert_eq!(caller.names("funnel", &asked, &pro), ["ann", "bob"], "of now");
    assert_eq!(caller.names("funnel", &asked, &paid), ["ann", "dee"], "of now");
    let gone = caller.send("DELETE", "/v1/users", &json!({"users": ["ann"]}));
    assert_eq!(gone.status, 202, "{}", gone.text());
    let (ids, of) = caller.people("funnel", &asked, &paid, &snapshot);
    assert_eq!((ids.as_slice(), &of), (&["cid".to_owned()][..], &snapshot), "but who is erased is gone");
    let other = with(&asked, "breakdown", json!({"user": "email"}));
    let (ids, of) = caller.people("funnel", &other, &paid, &snapshot);
    assert_eq!((ids.as_slice(), of), (&["dee".to_owned()][..], json!(null)), "a state is one question's");
    for unknown in ["00", "0123456789abcdef-1", "x"] {
        let (_, of) = caller.people("funnel", &asked, &paid, &json!(unknown));
        assert_eq!(of, json!(null), "{unknown}");
    }
}

#[test]
fn a_question_that_is_none_is_told_what_is_wrong_where() {
    let world = World::start();
    let visit = json!({"event": "visit"});
    let refused = |kind: &str, body: &Value| -> Vec<(String, String)> {
        let answer = world.post(&format!("/v1/reports/{kind}"), &body.to_string());
        assert_eq!(answer.status, 400, "{}", answer.text());
        let told = |error: &Value| {
            let text = |key: &str| error[key].as_str().unwrap().to_owned();
            (text("details"), text("error_code"))
        };
        answer.json()["errors"].as_array().unwrap().iter().map(told).collect()
    };
    let one = |kind: &str, body: Value, pointer: &str| {
        assert_eq!(refused(kind, &body), [(pointer.to_owned(), "field_invalid".to_owned())], "{body}");
    };
    one("funnel", json!({"steps": [visit]}), "/steps");
    one("funnel", json!({"steps": [visit, {"evnt": "x", "event": "y"}]}), "/steps/1/evnt");
    one("funnel", json!({"steps": [visit, {}]}), "/steps/1");
    one("funnel", json!({"steps": [visit, visit], "window": {"days": 400}}), "/window/days");
    one("funnel", json!({"steps": [visit, visit], "window": {"days": 1, "hours": 1}}), "/window");
    one(
        "funnel",
        json!({"steps": [visit, visit], "exclusions": [{"active": true, "after": 1}]}),
        "/exclusions/0/before",
    );
    one("funnel", json!({"steps": [visit, visit], "from": "soon"}), "/from");
    one("funnel", json!({"steps": [visit, visit], "from": "2026-03-02", "to": "2026-03-01"}), "/to");
    one("funnel", json!({"steps": [visit, visit], "from": "2026-03-02", "last_days": 3}), "/last_days");
    one("funnel", json!({"steps": [visit, visit], "zone": "Mars/Olympus"}), "/zone");
    one("funnel", json!({"steps": [visit, visit], "breakdown": {}}), "/breakdown");
    one("funnel", json!({"steps": [visit, visit], "groups": 1001}), "/groups");
    one("retention", json!({"returning": visit}), "/start");
    one("retention", json!({"start": visit, "returning": visit, "intervals": 367}), "/intervals");
    one("retention", json!({"start": visit, "returning": visit, "intervals": 4, "cohorts": 5}), "/cohorts");
    one(
        "retention",
        json!({"start": visit, "returning": visit, "intervals": 4, "last_days": 5}),
        "/intervals",
    );
    one("trend", json!({"series": []}), "/series");
    one("trend", json!({"series": [{"event": "a", "measure": "sum"}]}), "/series/0/property");
    one("trend", json!({"series": [{"event": "a", "measure": "dau", "property": "x"}]}), "/series/0/measure");
    one("trend", json!({"series": [visit], "formulas": [{"formula": "A / B"}]}), "/formulas/0/formula");
    one("trend", json!({"series": [visit], "interval": "hour", "last_days": 365}), "/interval");
    one("path", json!({"anchor": visit, "levels": 11}), "/levels");
    one("path", json!({"anchor": {"type": "click"}}), "/anchor/type");
    let both = json!({"steps": [{"event": 3}, visit], "groups": 0});
    let pointers: Vec<String> = refused("funnel", &both).into_iter().map(|(pointer, _)| pointer).collect();
    assert_eq!(pointers, ["/steps/0/event", "/groups"], "every mistake at once");
    let rule = json!({"steps": [visit, visit], "who": {"filter": "plan is"}});
    assert_eq!(refused("funnel", &rule), [("/who/filter".to_owned(), "rule_invalid".to_owned())]);
    let people = |number: Value| json!({"question": {"steps": [visit, visit]}, "number": number});
    one("funnel/people", people(json!({"step": 2})), "/number/step");
    one("funnel/people", people(json!({"step": 0, "row": "some"})), "/number/row");
    one("funnel/people", json!({"number": {"step": 0}}), "/question");
    world.post("/v1/reports/trend", "").is_refused(400, "body_missing");
    world.post("/v1/reports/trend", "{").is_refused(400, "body_not_json");
    world.post("/v1/reports/trend?zone=UTC", "{}").is_refused(400, "parameter_invalid");
}

#[test]
fn whoever_may_not_see_a_property_may_not_ask_about_it() {
    let world = World::start();
    world.post("/v1/identify", r#"{"user_id":"u","metadata":{"email":"u@example.org"}}"#);
    let owner = world.owner();
    let (viewer, analyst) = (owner.invite("viewer"), owner.invite("analyst"));
    let visit = json!({"event": "visit"});
    let then = json!({"name": "phone", "of": "user", "at": "event", "any_of": ["1"]});
    for (kind, question) in [
        ("funnel", json!({"steps": [visit, visit], "breakdown": {"user": "Email"}})),
        ("funnel", json!({"steps": [visit, visit], "breakdown": {"user": "Email", "at": "event"}})),
        ("funnel", json!({"steps": [visit, visit], "who": {"filter": "email is \"u@example.org\""}})),
        ("path", json!({"anchor": {"event": "visit", "where": [{"name": "phone", "any_of": ["1"]}]}})),
        ("trend", json!({"series": [{"event": "visit", "where": [then]}]})),
        ("trend", json!({"series": [{"event": "visit", "measure": "max", "property": "phone"}]})),
    ] {
        let ask = |browser: &crate::console::Browser| {
            let path = format!("/v1/reports/{kind}");
            let request = browser.request("POST", &path, Some(&question)).header("Muster-Environment", "1");
            browser.send(&request)
        };
        ask(&viewer).is_refused(403, "role_insufficient");
        let allowed = ask(&analyst);
        assert_eq!(allowed.status, 200, "{}", allowed.text());
    }
}

#[test]
fn a_report_is_asked_about_a_saved_segment() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path(), &[]);
    let mut caller = told(&server);
    let pro = json!({"name": "Pro", "level": "user", "text": "plan is \"pro\""});
    let made = caller.send("POST", "/v1/segments", &pro);
    assert_eq!(made.status, 201, "{}", made.text());
    let of = |who: Value| json!({"steps": steps(), "from": "2026-03-01", "to": "2026-04-01", "who": who});
    let asked = of(json!({"segment": 1}));
    let answer = caller.ask("funnel", &asked);
    assert_eq!(counts(&answer["total"]), [2, 2, 2]);
    let nested = of(json!({"filter": "not in segment 1"}));
    assert_eq!(caller.names("funnel", &nested, &json!({"step": 0})), ["bob", "dee"]);
    let free = json!({"name": "Pro", "level": "user", "text": "plan is \"free\""});
    assert_eq!(caller.send("PUT", "/v1/segments/1", &free).status, 200);
    let (ids, _) = caller.people("funnel", &asked, &json!({"step": 0}), &answer["snapshot"]);
    assert_eq!(ids, ["ann", "cid"], "as the segment was");
    assert_eq!(caller.names("funnel", &asked, &json!({"step": 0})), ["bob"]);
    let unknown = caller.send("POST", "/v1/reports/funnel", &of(json!({"segment": 2})));
    assert_eq!(unknown.json()["errors"][0]["details"], "/who/segment");
    let saved = json!({"name": "Of them", "kind": "funnel", "question": asked});
    assert_eq!(caller.send("POST", "/v1/reports", &saved).status, 201);
    let kept = caller.send("DELETE", "/v1/segments/1", &json!(null));
    kept.is_refused(409, "segment_in_use");
    assert!(kept.text().contains("Of them"), "{}", kept.text());
}

#[test]
fn reports_and_dashboards_are_saved_changed_and_removed() {
    let world = World::start();
    let owner = world.owner();
    let send = |method: &str, path: &str, body: Option<&Value>, version: Option<&str>| {
        let request = owner.request(method, path, body).header("Muster-Environment", "1");
        owner.send(&match version {
            Some(version) => request.header("If-Match", version),
            None => request,
        })
    };
    let question = json!({"series": [{"event": "visit"}], "last_days": 7});
    let fields = json!({"name": "Visits", "kind": "trend", "question": question});
    let made = send("POST", "/v1/reports", Some(&fields), None);
    assert_eq!((made.status, made.header("etag")), (201, Some("\"1\"")), "{}", made.text());
    let report = made.json();
    assert_eq!(
        (&report["id"], &report["question"], &report["created_by"]),
        (&json!(1), &question, &json!("ada@example.com"))
    );
    send("POST", "/v1/reports", Some(&fields), None).is_refused(409, "taken");
    let wrong = json!({"name": "Wrong", "kind": "funnel", "question": question});
    let refused = send("POST", "/v1/reports", Some(&wrong), None);
    let pointers: Vec<Value> =
        refused.json()["errors"].as_array().unwrap().iter().map(|error| error["details"].clone()).collect();
    assert_eq!(pointers, ["/question/steps", "/question/series"], "of a trend, not of a funnel");
    let renamed = json!({"name": "Visitors", "kind": "trend", "question": question});
    send("PUT", "/v1/reports/1", Some(&renamed), Some("\"7\"")).is_refused(412, "version_differs");
    let changed = send("PUT", "/v1/reports/1", Some(&renamed), Some("\"1\""));
    assert_eq!((&changed.json()["version"], &changed.json()["name"]), (&json!(2), &json!("Visitors")));
    let again = send("PUT", "/v1/reports/1", Some(&renamed), None);
    assert_eq!(again.json()["version"], 2, "the same again changes nothing");
    let email = json!({"name": "By address", "kind": "trend", "question": {"series": [{"event": "visit"}], "breakdown": {"user": "email"}}});
    assert_eq!(send("POST", "/v1/reports", Some(&email), None).status, 201);
    let viewer = owner.invite("viewer");
    let listed = viewer.read(1, "/v1/reports").json();
    let questions: Vec<&Value> =
        listed["items"].as_array().unwrap().iter().map(|one| &one["question"]).collect();
    assert_eq!(questions, [&question, &json!(null)], "a viewer sees no question about what is personal");

    let dashboard = |reports: Value| json!({"name": "Growth", "reports": reports});
    let made = send("POST", "/v1/dashboards", Some(&dashboard(json!([2, 1]))), None);
    assert_eq!((made.status, &made.json()["reports"]), (201, &json!([2, 1])), "{}", made.text());
    for (reports, pointer) in [(json!([3]), "/reports/0"), (json!([1, 2, 1]), "/reports/2")] {
        let refused = send("PUT", "/v1/dashboards/1", Some(&dashboard(reports)), None);
        assert_eq!((refused.status, &refused.json()["errors"][0]["details"]), (400, &json!(pointer)));
    }
    assert_eq!(send("DELETE", "/v1/reports/2", None, None).status, 204);
    send("GET", "/v1/reports/2", None, None).is_refused(404, "report_unknown");
    let left = send("GET", "/v1/dashboards/1", None, None);
    assert_eq!((&left.json()["reports"], left.header("etag")), (&json!([1]), Some("\"2\"")));
    send("DELETE", "/v1/dashboards/1", None, Some("\"1\"")).is_refused(412, "version_differs");
    assert_eq!(send("DELETE", "/v1/dashboards/1", None, Some("\"2\"")).status, 204);
    send("GET", "/v1/dashboards/1", None, None).is_refused(404, "dashboard_unknown");
    send("GET", "/v1/dashboards/x", None, None).is_refused(404, "dashboard_unknown");
    let other = owner.request("GET", "/v1/reports", None).header("Muster-Environment", "2");
    assert_eq!(owner.send(&other).json()["items"], json!([]), "of another environment");
    let acts: Vec<String> = crate::console::told(&world.acts(&owner));
    let of_reports: Vec<&String> =
        acts.iter().filter(|act| act.contains("report") || act.contains("dashboard")).collect();
    assert_eq!(
        of_reports,
        [
            "Ada: dashboard_removed Growth",
            "Ada: report_removed By address",
            "Ada: dashboard_created Growth",
            "Ada: report_created By address",
            "Ada: report_changed Visitors",
            "Ada: report_created Visits",
        ]
    );
}

/// Three users of two companies, and one of none.
fn told_of_companies(server: &Server) -> Caller {
    let mut caller = Caller(client(server));
    for (user, company, plan) in [("ann", "acme", "gold"), ("bob", "acme", "gold"), ("cid", "globex", "iron")]
    {
        let company = json!({"id": company, "plan": plan});
        caller.write("/v1/identify", &json!({"user_id": user, "company": company}));
    }
    for (user, name, at) in [
        ("ann", "visit", "02T10:00"),
        ("bob", "signup", "02T10:30"),
        ("cid", "visit", "03T10:00"),
        ("dee", "visit", "04T10:00"),
        ("dee", "signup", "04T11:00"),
        ("bob", "visit", "10T10:00"),
    ] {
        caller.track(user, name, at, &json!({}));
    }
    caller
}

#[test]
fn reports_about_companies_count_what_all_their_users_did() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path(), &[]);
    let mut caller = told_of_companies(&server);
    let visit = json!({"event": "visit"});
    let asked = json!({"level": "company", "steps": [visit, {"event": "signup"}],
                       "from": "2026-03-01", "to": "2026-04-01"});
    let answer = caller.ask("funnel", &asked);
    assert_eq!(counts(&answer["total"]), [2, 1]);
    assert_eq!(answer["total"]["steps"][1]["time"]["mean_seconds"], json!(1_800.0));
    let step = |step: usize, stayed: bool| json!({"step": step, "stayed": stayed});
    assert_eq!(caller.names("funnel", &asked, &step(0, false)), ["acme", "globex"]);
    assert_eq!(caller.names("funnel", &asked, &step(0, true)), ["globex"]);
    let by_plan = with(&asked, "breakdown", json!({"company": "plan"}));
    let groups = caller.ask("funnel", &by_plan)["groups"].clone();
    assert_eq!((&groups[0]["value"], counts(&groups[0])), (&json!("gold"), vec![1, 1]));
    assert_eq!((&groups[1]["value"], counts(&groups[1])), (&json!("iron"), vec![1, 0]));
    let gold = with(&asked, "who", json!({"filter": "company.plan is \"gold\""}));
    assert_eq!(caller.names("funnel", &gold, &step(0, false)), ["acme"]);
    let iron = json!({"name": "Iron", "level": "company", "text": "company.plan is \"iron\""});
    assert_eq!(caller.send("POST", "/v1/segments", &iron).status, 201);
    let of_segment = with(&asked, "who", json!({"segment": 1}));
    assert_eq!(caller.names("funnel", &of_segment, &step(0, false)), ["globex"]);

    let weeks = json!({"level": "company", "start": visit, "returning": visit, "from": "2026-03-02",
                       "to": "2026-03-16", "each": "week"});
    let cohorts = caller.ask("retention", &weeks)["cohorts"].clone();
    assert_eq!((&cohorts[0]["size"], &cohorts[0]["returned"]), (&json!(2), &json!([2, 1])));
    assert_eq!(caller.names("retention", &weeks, &json!({"cohort": 0, "period": 1})), ["acme"]);

    let series: Vec<Value> =
        ["total", "unique_users", "wau"].map(|measure| json!({"event": "visit", "measure": measure})).into();
    let trend = json!({"level": "company", "series": series, "from": "2026-03-02", "to": "2026-03-05"});
    let lines = caller.ask("trend", &trend)["series"].clone();
    let total = |line: usize| (lines[line]["total"]["values"].clone(), lines[line]["total"]["whole"].clone());
    assert_eq!(total(0), (json!([1, 1, 0]), json!(2)), "dee is of no company");
    assert_eq!(total(1), (json!([1, 1, 0]), json!(2)));
    assert_eq!(total(2), (json!([1, 2, 2]), json!(2)));
    assert_eq!(caller.names("trend", &trend, &json!({"series": 2, "interval": 0})), ["acme"]);

    let path = json!({"level": "company", "anchor": visit, "from": "2026-03-01", "to": "2026-04-01"});
    let answer = caller.ask("path", &path);
    let branch = |event: &str, users: u64, ended: u64, next: Value| json!({"event": event, "type": "track", "users": users, "ended": ended, "next": next});
    let expected = json!([[branch("visit", 2, 1, json!([1]))], [branch("signup", 1, 1, json!([]))]]);
    assert_eq!(answer["levels"], expected, "the later visit is more than seven days away");
    assert_eq!(caller.names("path", &path, &json!({"level": 1, "branch": 0})), ["acme"]);
}

#[test]
fn companies_agree_with_the_answer_that_they_are_asked_of() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path(), &[]);
    let mut caller = told_of_companies(&server);
    let asked = json!({"level": "company", "steps": [{"event": "visit"}, {"event": "signup"}],
                       "from": "2026-03-01", "to": "2026-04-01"});
    let snapshot = caller.ask("funnel", &asked)["snapshot"].clone();
    caller.write("/v1/identify", &json!({"user_id": "cid", "company": {"id": "hooli"}}));
    let first = json!({"step": 0});
    let agreed = |ids: &[&str]| (ids.iter().map(|id| (*id).to_owned()).collect(), snapshot.clone());
    assert_eq!(caller.people("funnel", &asked, &first, &snapshot), agreed(&["acme", "globex"]));
    assert_eq!(caller.names("funnel", &asked, &first), ["acme", "hooli"], "of now");
    let gone = caller.send("DELETE", "/v1/companies", &json!({"companies": ["acme"]}));
    assert_eq!(gone.status, 202, "{}", gone.text());
    assert_eq!(caller.people("funnel", &asked, &first, &snapshot), agreed(&["globex"]), "but who is erased");
}

#[test]
fn what_companies_cannot_be_asked_is_refused_with_its_place() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path(), &[]);
    let mut caller = Caller(client(&server));
    let pro = json!({"name": "Pro", "level": "user", "text": "plan is \"pro\""});
    assert_eq!(caller.send("POST", "/v1/segments", &pro).status, 201);
    let funnel = json!({"level": "company", "steps": [{"event": "visit"}, {"event": "signup"}]});
    let trend = json!({"level": "company", "series": [{"event": "visit"}], "breakdown": {"user": "plan"}});
    for (kind, question, pointer, code) in [
        ("funnel", with(&funnel, "level", json!("team")), "/level", "field_invalid"),
        ("funnel", with(&funnel, "breakdown", json!({"user": "plan"})), "/breakdown/user", "field_invalid"),
        ("funnel", with(&funnel, "who", json!({"filter": "plan is \"pro\""})), "/who/filter", "rule_invalid"),
        ("funnel", with(&funnel, "who", json!({"segment": 1})), "/who/segment", "rule_invalid"),
        ("trend", trend, "/breakdown/user", "field_invalid"),
    ] {
        let answer = caller.send("POST", &format!("/v1/reports/{kind}"), &question);
        assert_eq!(answer.status, 400, "{}", answer.text());
        let errors = answer.json()["errors"].clone();
        assert_eq!((&errors[0]["details"], &errors[0]["error_code"]), (&json!(pointer), &json!(code)));
        assert_eq!(errors[1], json!(null), "{errors}");
    }
}
