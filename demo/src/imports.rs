//! Files that a made-up sales system sends each night: one that is only tried, one of users with the mistakes of such
//! exports, and one of companies. Their jobs are followed to their end, and their rows counted like calls.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::clock::wait;
use crate::connection::Connection;
use crate::crew::Counts;
use crate::story::Story;

/// Between two looks at a job.
const LOOK_MS: u64 = 50;
/// How many looks are enough for any file of the demo: ten minutes.
const LOOKS_MAX: usize = 12_000;
const STAGES: [&str; 4] = ["lead", "trial", "customer", "champion"];

/// Sends the files one after the other; answers what became of their rows.
pub fn send(connection: &mut Connection, story: &Story) -> Result<Counts> {
    let users = users(story);
    follow(connection, "/v1/users/bulk_identify?dry_run=true", "crm-users.ndjson", &users)?;
    let mut counts = follow(connection, "/v1/users/bulk_identify", "crm-users.ndjson", &users)?;
    let companies = companies(story);
    counts.add(follow(connection, "/v1/companies/bulk_identify", "crm-companies.ndjson", &companies)?);
    Ok(counts)
}

/// Everybody, with what sales knows; some rows are as such exports have them.
fn users(story: &Story) -> String {
    let mut lines = Vec::new();
    for person in &story.people {
        let stage = STAGES.get(person.number % STAGES.len()).copied().unwrap_or_default();
        let known = json!({"crm_stage": stage, "crm_score": person.number * 7 % 100});
        lines.push(json!({"user_id": person.id, "metadata": known}).to_string());
        match person.number % 400 {
            17 => lines.push(json!({"metadata": known}).to_string()),
            18 => lines.push(json!({"user_id": person.id, "metadata": [stage]}).to_string()),
            19 => lines
                .push(format!(r#"{{"user_id":"deal-{}","metadata":{{"crm_value":1e999}}}}"#, person.number)),
            33 => lines.push(format!(r#"{{"user_id":"deal-{}","metadata":{{"crm_stage":"#, person.number)),
            _ => {}
        }
    }
    lines.join("\n")
}

fn companies(story: &Story) -> String {
    let row = |company: &crate::company::Company| {
        let known = json!({"crm_owner": (company.number % 9) + 1, "crm_region": company.country.name});
        json!({"company_id": company.id, "metadata": known}).to_string()
    };
    story.companies.iter().map(row).collect::<Vec<_>>().join("\n")
}

fn follow(connection: &mut Connection, target: &str, name: &str, rows: &str) -> Result<Counts> {
    let answer = connection.upload(target, name, rows)?;
    if answer.status != 202 {
        bail!("the file {name} was answered {}", answer.words());
    }
    let mut job = answer.json();
    let id = job["job_id"].as_str().context("a job has no id")?.to_owned();
    for _ in 0..LOOKS_MAX {
        match job["status"].as_str() {
            Some("completed") => return counts_of(&job),
            Some("failed") => bail!("the job of {name} failed: {}", job["reason"]["message"]),
            _ => {}
        }
        wait(LOOK_MS);
        job = connection.get(&format!("/v1/background_jobs/{id}"))?.json();
    }
    bail!("the job of {name} does not come to its end: {}", job["reason"]["message"])
}

fn counts_of(job: &Value) -> Result<Counts> {
    let number = |value: &Value| value.as_u64().with_context(|| format!("the job {job} is not as expected"));
    let rejected = job["rejected_by_code"].as_object().into_iter().flatten();
    Ok(Counts {
        accepted: number(&job["accepted_rows"])?,
        duplicate: number(&job["duplicate_rows"])?,
        refused: rejected.map(|(code, count)| Ok((code.clone(), number(count)?))).collect::<Result<_>>()?,
        unknown_key: 0,
    })
}
