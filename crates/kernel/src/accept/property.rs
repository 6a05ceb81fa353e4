//! One property, as the checker reads it: its name and its value against their limits, into a property set.

use crate::model::catalog::NestedValues;
use crate::model::limits::{PROPERTY_NAME_CHARS_MAX, PROPERTY_VALUE_CHARS_MAX};
use crate::model::problem::{ProblemCode, WarningCode};
use crate::model::property::Properties;
use crate::model::value::Value;

use super::findings::{Findings, Place, is_longer};
use super::members::{Kind, OutOfRange, Sent, Text};

/// How much of a name a message shows.
const SHOWN_CHARS_MAX: usize = 60;

/// Says what is wrong with the name of the property at `place`.
pub(super) fn check_name(findings: &mut Findings, place: Place<'_>, name: &Text<'_>) {
    if name.content.is_empty() {
        findings.problem(
            place,
            ProblemCode::PropertyNameEmpty,
            format_args!(
                "The name of this property is empty; use a name of 1 to {PROPERTY_NAME_CHARS_MAX} characters."
            ),
        );
    }
    if is_longer(&name.content, PROPERTY_NAME_CHARS_MAX) {
        let count = name.content.chars().count();
        let shown: String = name.content.chars().take(SHOWN_CHARS_MAX).collect();
        findings.problem(
            place,
            ProblemCode::PropertyNameTooLong,
            format_args!(
                "The property name that starts with `{shown}` has {count} characters; use at most \
                 {PROPERTY_NAME_CHARS_MAX}."
            ),
        );
    }
    if name.repaired {
        warn_of_surrogate(findings, place, "name");
    }
}

/// Adds the property `name`, or says what is wrong with its value.
pub(super) fn put(
    findings: &mut Findings,
    nested: NestedValues,
    place: Place<'_>,
    (name, value): (&str, Sent<'_>),
    into: &mut Properties,
) {
    match value.kind() {
        Kind::Null => into.push(name, Value::Null),
        Kind::Boolean => into.push(name, Value::Bool(value.0 == "true")),
        Kind::Number => match value.number() {
            Some(Ok(number)) => into.push(name, number),
            Some(Err(OutOfRange)) | None => findings.problem(
                place,
                ProblemCode::NumberOutOfRange,
                format_args!("This number is beyond the range of a 64-bit float; send it as a string."),
            ),
        },
        Kind::String => put_text(findings, place, (name, value), into),
        Kind::Array | Kind::Object if nested == NestedValues::Refuse => findings.problem(
            place,
            ProblemCode::PropertyValueNested,
            format_args!(
                "This value is {}, which the environment refuses (`nested_values = \"refuse\"`); send a string, \
                 a number, a boolean or null.",
                value.kind()
            ),
        ),
        Kind::Array | Kind::Object => put_nested(findings, place, (name, value), into),
    }
}

fn put_text(
    findings: &mut Findings,
    place: Place<'_>,
    (name, value): (&str, Sent<'_>),
    into: &mut Properties,
) {
    let Some(text) = value.text() else { return };
    if is_value_too_long(findings, place, &text.content) {
        return;
    }
    if text.repaired {
        warn_of_surrogate(findings, place, "value");
    }
    into.push(name, Value::Text(&text.content));
}

fn put_nested(
    findings: &mut Findings,
    place: Place<'_>,
    (name, value): (&str, Sent<'_>),
    into: &mut Properties,
) {
    let text = value.compact();
    if is_value_too_long(findings, place, &text) {
        return;
    }
    findings.warning(
        place,
        WarningCode::NestedValue,
        format_args!(
            "This value is {}; it was kept as its JSON text, which filters read as one string.",
            value.kind()
        ),
    );
    into.push(name, Value::Json(&text));
}

fn is_value_too_long(findings: &mut Findings, place: Place<'_>, text: &str) -> bool {
    let too_long = is_longer(text, PROPERTY_VALUE_CHARS_MAX);
    if too_long {
        findings.problem(
            place,
            ProblemCode::PropertyValueTooLong,
            format_args!(
                "This value has {} characters; send at most {PROPERTY_VALUE_CHARS_MAX}.",
                text.chars().count()
            ),
        );
    }
    too_long
}

/// Says that something at `place` had to be mended before it could be kept.
pub(super) fn warn_of_surrogate(findings: &mut Findings, place: Place<'_>, what: &str) {
    findings.warning(
        place,
        WarningCode::SurrogateReplaced,
        format_args!(
            "This {what} holds half of a surrogate pair, which was replaced by U+FFFD; do not cut strings inside \
             a character."
        ),
    );
}
