//! What each body is answered with. One entrance, [`check`]: the whole answer as text, one line for each thing kept,
//! remarked or refused. How both readers agree is in `agreement`.

mod agreement;
mod body;
mod clients;
mod fields;
mod history;
mod objects;

use std::fmt::Write;

use crate::model::catalog::{EmptyCompany, EnvironmentSettings, JunkIds, NestedValues};
use crate::model::event::{Event, EventDraft, EventKind};
use crate::model::property::PropertyList;
use crate::model::time::Timestamp;
use crate::model::value::Value;

use super::{Call, read};

/// 2026-01-05T09:30:00Z.
const NOW: Timestamp = Timestamp(1_767_605_400_000_000);

const LENIENT: EnvironmentSettings = EnvironmentSettings {
    empty_company: EmptyCompany::Ignore,
    nested_values: NestedValues::Keep,
    junk_ids: JunkIds::Take,
};
const STRICT: EnvironmentSettings = EnvironmentSettings {
    empty_company: EmptyCompany::Refuse,
    nested_values: NestedValues::Refuse,
    junk_ids: JunkIds::Refuse,
};

/// Compares the answer with the lines of `expected`, whose indentation does not count.
#[track_caller]
fn check(call: Call, body: &str, expected: &str) {
    check_with(&EnvironmentSettings::default(), call, body, expected);
}

#[track_caller]
fn check_with(settings: &EnvironmentSettings, call: Call, body: &str, expected: &str) {
    check_bytes(settings, call, body.as_bytes(), expected);
}

#[track_caller]
fn check_bytes(settings: &EnvironmentSettings, call: Call, body: &[u8], expected: &str) {
    let expected: Vec<&str> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let answer = answer(settings, call, body);
    assert_eq!(answer.lines().collect::<Vec<_>>(), expected, "{}", String::from_utf8_lossy(body));
}

fn answer(settings: &EnvironmentSettings, call: Call, body: &[u8]) -> String {
    let mut out = String::new();
    let mut draft = EventDraft::default();
    match read(call, settings, NOW, body, &mut draft) {
        Ok(warnings) => {
            let mut bytes = Vec::new();
            draft.encode(&mut bytes);
            write_event(&mut out, &Event::decode(&bytes).unwrap());
            for warning in warnings {
                writeln!(out, "warning {} {}: {}", warning.pointer, warning.code.as_str(), warning.message)
                    .unwrap();
            }
        }
        Err(problems) => {
            for problem in problems {
                writeln!(out, "problem {} {}: {}", problem.pointer, problem.code.as_str(), problem.message)
                    .unwrap();
            }
        }
    }
    out
}

fn write_event(out: &mut String, event: &Event<'_>) {
    let parts = [
        ("user_id", event.user_id.unwrap_or_default().to_owned()),
        ("company_id", event.company_id.unwrap_or_default().to_owned()),
        ("event_name", event.event_name.to_owned()),
        ("event_id", event.event_id.to_owned()),
        ("at", event.occurred_at.map(|time| time.to_string()).unwrap_or_default()),
    ];
    out.push_str(event.kind.as_str());
    for (name, value) in parts.iter().filter(|(_, value)| !value.is_empty()) {
        write!(out, " {name}={value}").unwrap();
    }
    out.push('\n');
    let own = if event.kind == EventKind::IdentifyUser { "user" } else { event.kind.as_str() };
    write_properties(out, own.trim_start_matches("identify_"), event.properties);
    write_properties(out, "company", event.company_properties);
    write_properties(out, "on", event.context);
}

fn write_properties(out: &mut String, of: &str, properties: PropertyList<'_>) {
    for (name, value) in properties.iter() {
        match value {
            Value::Null => writeln!(out, "{of} {name} removed"),
            Value::Bool(flag) => writeln!(out, "{of} {name} = {flag}"),
            Value::Int(number) => writeln!(out, "{of} {name} = {number}"),
            Value::UInt(number) => writeln!(out, "{of} {name} = {number} unsigned"),
            Value::Float(number) => writeln!(out, "{of} {name} = {number:?} float"),
            Value::Text(text) => writeln!(out, "{of} {name} = {text:?}"),
            Value::Json(text) => writeln!(out, "{of} {name} = JSON {text}"),
        }
        .unwrap();
    }
}
