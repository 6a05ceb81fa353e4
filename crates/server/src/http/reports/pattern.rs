//! Which events a question means: by name or kind, and by properties of theirs or of their users as they were then.

use serde::Serialize;
use serde_json::Value as Json;
use utoipa::ToSchema;

use muster_kernel::model::event::EventKind;
use muster_kernel::model::history::{EventName, PropertyIs};
use muster_kernel::model::limits::{REPORT_CONDITIONS_MAX, RULE_LIST_MAX};
use muster_kernel::model::report::{Pattern, Which};
use muster_kernel::model::value::{OwnedValue, Value};

use super::object::{Object, Reading};

/// Which events: by `event` (with `type`, another kind than tracked events), by `type` alone, or every `active` one.
#[derive(ToSchema)]
#[schema(as = ReportPattern)]
#[expect(dead_code, reason = "describes what `pattern` reads")]
pub(super) struct PatternFields {
    /// The name of an event.
    #[schema(example = "Report exported")]
    event: Option<String>,
    /// The type, as `session_start`; `track` when only `event` is given.
    r#type: Option<String>,
    /// With `true`: every event but those that identify.
    active: Option<bool>,
    /// What must hold for the event's properties: all of these.
    r#where: Option<Vec<ConditionFields>>,
}

/// The values that a property may have.
#[derive(ToSchema)]
#[schema(as = ReportCondition)]
#[expect(dead_code, reason = "describes what `pattern` reads")]
pub(super) struct ConditionFields {
    /// The property.
    name: String,
    /// Whose it is: the event's when absent. A user's is that of the time of the event, which `at` must say.
    of: Option<OwnerWord>,
    /// `event`, where it is a property of the user.
    at: Option<AtWord>,
    /// Strings, numbers and booleans, as they were sent.
    any_of: Vec<Json>,
}

/// Whose property is asked for.
#[derive(ToSchema)]
#[schema(as = ReportOwner, rename_all = "snake_case")]
#[expect(dead_code, reason = "describes what `where` reads")]
pub(super) enum OwnerWord {
    Event,
    User,
}

/// Which value of a user's property is meant.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ReportAt)]
#[expect(dead_code, reason = "describes what `at` reads")]
pub(super) enum AtWord {
    /// The one that the user has now.
    Now,
    /// The one that the user had when the event happened.
    Event,
}

/// The words of [`AtWord`].
pub(super) const ATS: [(&str, Option<At>); 2] = [("now", Some(At::Now)), ("event", Some(At::Event))];

/// What [`AtWord`] reads as.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    Now,
    Event,
}

impl Reading {
    /// Which events: the fields of a pattern, which may stand among others.
    pub(super) fn pattern(&mut self, object: &mut Object<'_>) -> Option<Pattern> {
        let name = self.optional_text(object, "event");
        let kinds = EventKind::ALL.map(|kind| (kind.as_str(), Some(kind)));
        let kind = self.word(object, "type", &kinds, Some(None));
        let active = self.flag(object, "active");
        let conditions = self.conditions(object);
        let which = match (name?, kind?, active?) {
            (Some(name), kind, false) => {
                Which::Named(EventName { kind: kind.unwrap_or(EventKind::Track), name })
            }
            (None, Some(kind), false) => Which::Kind(kind),
            (None, None, true) => Which::Active,
            _ => {
                let message = "Say which events: `event`, `type`, or both; or `active`: true.";
                return self.refuse(object.pointer(), message);
            }
        };
        let (user_then, properties): (Vec<_>, Vec<_>) = conditions?.into_iter().partition(|(then, _)| *then);
        let of = |conditions: Vec<(bool, PropertyIs)>| conditions.into_iter().map(|(_, one)| one).collect();
        Some(Pattern { which, properties: of(properties), user_then: of(user_then) })
    }

    /// The conditions of a pattern, and whether each is about the user as of then.
    fn conditions(&mut self, object: &mut Object<'_>) -> Option<Vec<(bool, PropertyIs)>> {
        let items = self.list(object, "where", 0..=REPORT_CONDITIONS_MAX)?;
        self.each(items, |reading, object| {
            let of_user = reading.word(object, "of", &[("event", false), ("user", true)], Some(false));
            let at = reading.word(object, "at", &ATS, Some(None));
            let name = reading.text(object, "name");
            let values = reading.list(object, "any_of", 1..=RULE_LIST_MAX);
            let name = name?;
            reading.check_shown(&name, &object.at("name"));
            let mut any_of = Vec::new();
            for (value, pointer) in values? {
                if !add_values(value, &mut any_of) {
                    reading.refuse::<()>(pointer, "Send a string, a number or a boolean.");
                }
            }
            let message = match (of_user?, at?) {
                (false, None) => return Some((false, PropertyIs { name, any_of })),
                (true, Some(At::Event)) => return Some((true, PropertyIs { name, any_of })),
                (false, Some(_)) => "`at` is asked of a user's property, `of`: `user`; leave it out.",
                (true, _) => {
                    "Send `at`: `event`, for the value that the user had then; who has it now is asked with `who`."
                }
            };
            reading.refuse(object.at("at"), message)
        })
    }

    /// The pattern at a key.
    pub(super) fn pattern_at(&mut self, object: &mut Object<'_>, key: &'static str) -> Option<Pattern> {
        let pointer = object.at(key);
        match object.get(key) {
            Some(value) => self.whole(value, pointer, Reading::pattern),
            None => self.refuse(pointer, format!("`{key}` is missing; say which events it is.")),
        }
    }
}

/// Adds what a JSON value may have been sent as; answers whether it can be a property's.
fn add_values(value: &Json, any_of: &mut Vec<OwnedValue>) -> bool {
    match value {
        Json::String(text) => any_of.push(OwnedValue::of(Value::Text(text))),
        Json::Bool(flag) => any_of.push(OwnedValue::of(Value::Bool(*flag))),
        // 3 and 3.0 are the same number.
        Json::Number(number) => {
            any_of.extend(PropertyIs::reading("", &number.to_string()).any_of.into_iter().skip(1));
        }
        _ => return false,
    }
    true
}
