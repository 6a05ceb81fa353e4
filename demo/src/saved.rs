//! What a team would have saved by now: segments, reports, a dashboard and the titles of its content, so that a newcomer
//! sees some.
//!
//! What has such a name already stays as it is: it may have been changed, and the same story can be told twice.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::connection::Connection;
use crate::content;
use crate::person::FUNNEL;
use crate::story::Story;

/// How many segments, reports, dashboards and items of content there are now.
#[derive(Debug, PartialEq, Eq)]
pub struct Saved {
    segments: usize,
    reports: usize,
    dashboards: usize,
    content: usize,
}

impl Saved {
    /// As words for a sentence.
    pub fn sentence(&self) -> String {
        let Self { segments, reports, dashboards, content } = self;
        format!(
            "{segments} segments, {reports} reports, {dashboards} dashboard and {content} items of content are saved"
        )
    }
}

/// Saves what is not there yet; nothing when the key may not save.
pub fn save(connection: &mut Connection, story: &Story) -> Result<Option<Saved>> {
    let mut shelf = Shelf { connection, may_save: true };
    let segments = segments(&mut shelf, story)?;
    let reports = match segments.first() {
        Some(trials) => reports(&mut shelf, *trials)?,
        None => Vec::new(),
    };
    let dashboard = json!({"name": "Every Monday", "reports": reports});
    let dashboards = shelf.put("/v1/dashboards", &[dashboard])?;
    if !shelf.may_save {
        return Ok(None);
    }
    Ok(content::register(connection)?.map(|content| Saved {
        segments: segments.len(),
        reports: reports.len(),
        dashboards: dashboards.len(),
        content,
    }))
}

/// The numbers of the segments; the first are users who are on trial.
fn segments(shelf: &mut Shelf<'_>, story: &Story) -> Result<Vec<u64>> {
    let of_users = |name: &str, description: &str, text: &str| json!({"name": name, "description": description, "level": "user", "text": text});
    let founders = story.people.iter().filter(|person| person.job.1 == "owner").take(12);
    let board: Vec<String> = founders.map(crate::person::Person::id_text).collect();
    let mut numbers = shelf.put(
        "/v1/segments",
        &[
            of_users(
                "On trial",
                "Whose trial has an end, and who still come.",
                r#"plan is "Free" and trial_ends_at exists and did "page_viewed" in the last 30 days"#,
            ),
            of_users(
                "Power users",
                "Who get most of their work done here.",
                r#"did "task_completed" at least 5 times in the last 30 days"#,
            ),
            of_users(
                "Paying, but gone quiet",
                "Worth a call before the next invoice.",
                r#"company.plan is not "Free" and did not "page_viewed" in the last 14 days"#,
            ),
            json!({
                "name": "Large accounts", "description": "Companies with many seats, whatever they pay.",
                "level": "company", "text": "company.seats >= 50",
            }),
            json!({
                "name": "Customer board", "description": "Founders who agreed to be asked. A list, kept by hand.",
                "level": "user", "members": board,
            }),
        ],
    )?;
    // A rule that refers to another one.
    if let Some(&trials) = numbers.first() {
        let text = format!("in segment {trials} and did \"teammate_invited\"");
        let about = "On trial, and not alone any more.";
        numbers.extend(shelf.put("/v1/segments", &[of_users("Trials that grow", about, &text)])?);
    }
    Ok(numbers)
}

fn reports(shelf: &mut Shelf<'_>, trials: u64) -> Result<Vec<u64>> {
    let steps: Vec<Value> = FUNNEL.iter().map(|(event, ..)| json!({"event": event})).collect();
    let report =
        |name: &str, kind: &str, question: Value| json!({"name": name, "kind": kind, "question": question});
    let all = [
        report(
            "From sign-up to upgrade",
            "funnel",
            json!({
                "steps": steps, "order": "ordered", "window": {"days": 30}, "counting": "users",
                "last_days": 90, "breakdown": {"user": "operating_system"},
            }),
        ),
        report(
            "Who stays",
            "retention",
            json!({
                "start": {"event": "signed_up"}, "returning": {"active": true}, "intervals": 12, "each": "week",
                "belong": "first_time", "returned": "on",
            }),
        ),
        report(
            "Active people",
            "trend",
            json!({
                "series": [{"active": true, "measure": "dau"}, {"active": true, "measure": "wau"}],
                "formulas": [{"name": "stickiness, %", "formula": "A / B * 100"}],
                "last_days": 30, "interval": "day",
            }),
        ),
        report(
            "Paid, by plan",
            "trend",
            json!({
                "series": [{"event": "invoice_paid", "measure": "sum", "property": "amount"}],
                "breakdown": {"event": "plan"}, "last_days": 90, "interval": "week",
            }),
        ),
        report(
            "Active people, by their plan then",
            "trend",
            json!({
                "series": [{"active": true, "measure": "unique_users"}],
                "breakdown": {"user": "plan", "at": "event"}, "last_days": 90, "interval": "week",
            }),
        ),
        report(
            "After the first project",
            "path",
            json!({
                "anchor": {"event": "project_created"}, "direction": "from", "last_days": 90,
                "window": {"days": 1}, "levels": 4, "branches": 6,
            }),
        ),
        report(
            "What trials use",
            "trend",
            json!({
                "series": [
                    {"event": "task_completed", "measure": "unique_users"},
                    {"event": "report_exported", "measure": "unique_users"},
                    {"event": "automation_created", "measure": "unique_users"},
                ],
                "last_days": 30, "interval": "week", "who": {"segment": trials},
            }),
        ),
    ];
    shelf.put("/v1/reports", &all)
}

/// Where things are saved, if the key may.
struct Shelf<'a> {
    connection: &'a mut Connection,
    may_save: bool,
}

impl Shelf<'_> {
    /// Saves things under their names, or finds them; answers their numbers, none when the key may not save.
    fn put(&mut self, path: &str, things: &[Value]) -> Result<Vec<u64>> {
        let known = self.connection.get(path)?;
        let known =
            known.json()["items"].as_array().with_context(|| format!("{path} lists nothing"))?.clone();
        let mut numbers = Vec::new();
        for thing in things {
            let found = known.iter().find(|item| item["name"] == thing["name"]);
            let item = match found {
                Some(item) => item.clone(),
                None => match self.make(path, thing)? {
                    Some(item) => item,
                    None => return Ok(Vec::new()),
                },
            };
            numbers
                .push(item["id"].as_u64().with_context(|| format!("{path} has something without a number"))?);
        }
        Ok(numbers)
    }

    fn make(&mut self, path: &str, thing: &Value) -> Result<Option<Value>> {
        let answer = self.connection.post(path, thing)?;
        match answer.status {
            201 => Ok(Some(answer.json())),
            403 => {
                self.may_save = false;
                Ok(None)
            }
            _ => bail!("{} was not saved: the server answered {}", thing["name"], answer.words()),
        }
    }
}
