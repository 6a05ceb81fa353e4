//! Answers as people read them: sentences and aligned columns, without colours, so that they survive a log and a pipe.

use std::fmt::Write;

use muster_kernel::model::catalog::{EmptyCompany, JunkIds, NestedValues, Scope};
use muster_kernel::model::time::Timestamp;

use crate::admin::{AdminAnswer, EnvironmentView, KeyStatus, KeyView, to_the_second};
use crate::config::{Config, Shown};

/// Between two columns.
const GAP: &str = "  ";

/// An answer in words.
pub fn answer(answer: &AdminAnswer) -> String {
    match answer {
        AdminAnswer::KeyCreated { key, secret, replaced } => key_created(key, secret, replaced.as_ref()),
        AdminAnswer::Keys { keys } if keys.is_empty() => {
            "There are no keys. Make one with `muster keys create`.\n".to_owned()
        }
        AdminAnswer::Keys { keys } => key_table(keys),
        AdminAnswer::KeyRevoked { key } => format!(
            "Key {} ({}) of {} is revoked since {}.\n",
            key.id,
            key.name,
            key.environment,
            optional_time(key.revoked_at, "now")
        ),
        AdminAnswer::EnvironmentCreated { environment } => format!(
            "Created the environment {}.\n\n{}\nMake a key for it with `muster keys create --environment {} --name …`.\n",
            environment.name,
            environment_facts(environment),
            quoted(&environment.name)
        ),
        AdminAnswer::Environments { environments } if environments.is_empty() => {
            "There are no environments. Make one with `muster environments create`.\n".to_owned()
        }
        AdminAnswer::Environments { environments } => environment_table(environments),
        AdminAnswer::EnvironmentChanged { environment } => {
            format!("The environment {} is now so:\n\n{}", environment.name, environment_facts(environment))
        }
        AdminAnswer::OwnerLink { link, email, expires_at } => owner_link(link, email.as_deref(), *expires_at),
        AdminAnswer::Erasure { environment, erasure } => {
            let shown = serde_json::to_string_pretty(erasure).unwrap_or_default();
            format!("An erasure in the environment {environment}:\n\n{shown}\n")
        }
        // No command asks for these; the console does.
        AdminAnswer::Members { .. }
        | AdminAnswer::MemberChanged { .. }
        | AdminAnswer::MemberRemoved { .. }
        | AdminAnswer::Invited { .. }
        | AdminAnswer::InvitationWithdrawn { .. } => "Done.\n".to_owned(),
    }
}

fn owner_link(link: &str, email: Option<&str>, expires_at: Timestamp) -> String {
    let (what, end) = match email {
        Some(email) => (
            format!("Open this link to choose a new password for {email}; every session of theirs then ends"),
            "",
        ),
        None => (
            "There is no owner yet. Open this link to become the owner".to_owned(),
            " or the next start of the server, whichever comes first",
        ),
    };
    format!("{what}.\nIt works once, until {}{end}.\n\n  {link}\n", to_the_second(expires_at))
}

/// Every setting in effect, with the place where it was given.
pub fn config(config: &Config) -> String {
    let mut rows = vec![["SETTING", "VALUE", "FROM"].map(str::to_owned)];
    let data = config.data.display().to_string();
    rows.push(["data directory".to_owned(), data, config.data_origin.to_string()]);
    let file = config.file.as_ref().map(|file| file.display().to_string());
    rows.push(["settings file".to_owned(), file.unwrap_or_else(|| "none".to_owned()), String::new()]);
    let key = if config.bootstrap_api_key.is_some() { "set (not shown)" } else { "not set" };
    rows.push(["bootstrap API key".to_owned(), key.to_owned(), String::new()]);
    let value = |shown: &Shown| match &shown.value {
        Some(toml::Value::String(text)) => text.clone(),
        Some(value) => serde_json::to_string(value).unwrap_or_default(),
        None => "not set".to_owned(),
    };
    rows.extend(
        config.shown().iter().map(|shown| [shown.key.clone(), value(shown), shown.origin.to_string()]),
    );
    table(&rows) + "\nThe settings are valid.\n"
}

/// Rows with their columns aligned; the first row is the head.
pub fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..N).map(width).collect();
    let mut out = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:width$}"));
        let line = cells.collect::<Vec<_>>().join(GAP);
        let _ = writeln!(out, "{}", line.trim_end());
    }
    out
}

fn key_created(key: &KeyView, secret: &str, replaced: Option<&KeyView>) -> String {
    let limit = key.calls_per_minute_max.map_or_else(|| "no limit".to_owned(), |limit| limit.to_string());
    let facts = table(&[
        ["scopes".to_owned(), scopes(&key.scopes)],
        ["expires".to_owned(), optional_time(key.expires_at, "never")],
        ["calls per minute".to_owned(), limit],
    ]);
    let mut out = format!(
        "Created key {} ({}) in {}.\n\n  {secret}\n\nKeep it now: it is not shown again.\n\n{facts}",
        key.id, key.name, key.environment
    );
    if let Some(old) = replaced {
        let end = optional_time(old.expires_at, "now");
        let _ = writeln!(out, "\nKey {} ({}), which it replaces, is taken until {end}.", old.id, old.name);
    }
    out
}

fn key_table(keys: &[KeyView]) -> String {
    let head =
        ["ID", "ENVIRONMENT", "NAME", "SECRET", "STATUS", "SCOPES", "CALLS/MIN", "LAST USED", "EXPIRES"];
    let mut rows = vec![head.map(str::to_owned)];
    rows.extend(keys.iter().map(|key| {
        [
            key.id.to_string(),
            key.environment.clone(),
            key.name.clone(),
            format!("…{}", key.hint),
            status(key.status).to_owned(),
            scopes(&key.scopes),
            key.calls_per_minute_max.map_or_else(|| "no limit".to_owned(), |limit| limit.to_string()),
            optional_time(key.last_used_at, "never"),
            optional_time(key.expires_at, "never"),
        ]
    }));
    table(&rows)
}

fn environment_table(environments: &[EnvironmentView]) -> String {
    let mut rows = vec![["ID", "NAME", "APP TOKEN", "REGION", "LIVE KEYS", "DIRECTORY"].map(str::to_owned)];
    rows.extend(environments.iter().map(|environment| {
        [
            environment.id.to_string(),
            environment.name.clone(),
            environment.app_token.clone(),
            environment.region.clone(),
            environment.live_keys.to_string(),
            directory(environment),
        ]
    }));
    table(&rows)
}

fn environment_facts(environment: &EnvironmentView) -> String {
    let settings = &environment.settings;
    let empty_company = match settings.empty_company {
        EmptyCompany::Refuse => "refuse",
        EmptyCompany::Ignore => "ignore",
    };
    let nested_values = match settings.nested_values {
        NestedValues::Keep => "keep",
        NestedValues::Refuse => "refuse",
    };
    let masked = match environment.pii_properties.as_slice() {
        [] => "nothing".to_owned(),
        names => names.join(","),
    };
    let junk_ids = match settings.junk_ids {
        JunkIds::Take => "take",
        JunkIds::Refuse => "refuse",
    };
    table(&[
        ["app token".to_owned(), environment.app_token.clone()],
        ["region".to_owned(), environment.region.clone()],
        ["directory".to_owned(), directory(environment)],
        ["empty company".to_owned(), empty_company.to_owned()],
        ["nested values".to_owned(), nested_values.to_owned()],
        ["junk ids".to_owned(), junk_ids.to_owned()],
        ["masked".to_owned(), masked],
    ])
}

fn directory(environment: &EnvironmentView) -> String {
    environment.directory.clone().unwrap_or_else(|| "in the data directory".to_owned())
}

fn status(status: KeyStatus) -> &'static str {
    match status {
        KeyStatus::Live => "live",
        KeyStatus::Expired => "expired",
        KeyStatus::Revoked => "revoked",
    }
}

fn scopes(scopes: &[Scope]) -> String {
    scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(",")
}

fn optional_time(time: Option<Timestamp>, absent: &str) -> String {
    time.map_or_else(|| absent.to_owned(), to_the_second)
}

/// As a shell takes it.
fn quoted(name: &str) -> String {
    let plain = name.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_' || c == '.');
    if plain { name.to_owned() } else { format!("'{}'", name.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned);
        let rows = [row(["ID", "NAME", "X"]), row(["1", "Ställe", ""]), row(["10", "a", "y"])];
        assert_eq!(table(&rows), "ID  NAME    X\n1   Ställe\n10  a       y\n");
    }

    #[test]
    fn a_name_is_quoted_where_a_shell_would_split_it() {
        assert_eq!(quoted("Production-2"), "Production-2");
        assert_eq!(quoted("it's here"), r"'it'\''s here'");
    }
}
