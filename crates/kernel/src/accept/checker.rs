//! The slow reader: goes on after a problem, so that the answer names all of them at once, and is the one place where
//! the rules for bodies are written out. What it says about a body is what holds.

pub(super) mod history;

use std::ptr;

use crate::model::catalog::EnvironmentSettings;
use crate::model::event::EventDraft;
use crate::model::limits::{AHEAD_MICROS_MAX, BODY_DEPTH_MAX, EVENT_NAME_CHARS_MAX};
use crate::model::problem::{Problem, ProblemCode, Warning, WarningCode};
use crate::model::time::Timestamp;
use crate::model::value::Value;

use super::findings::{Findings, Place, is_longer};
use super::members::{Member, Sent, members};
use super::{Call, Key, property};

/// Reads a body into `draft`, or lists everything that is wrong with it.
pub(super) fn check(
    call: Call,
    settings: &EnvironmentSettings,
    now: Timestamp,
    text: &str,
    draft: &mut EventDraft,
) -> Result<Vec<Warning>, Vec<Problem>> {
    draft.clear();
    let body = members(text).map_err(|problem| vec![problem])?;
    draft.kind = call.kind();
    let mut checker = Checker { call, settings, now, findings: Findings::default() };
    checker.body(&body, draft);
    let outcome = checker.findings.outcome();
    if outcome.is_err() {
        draft.clear();
    }
    draft.properties.settle();
    draft.company_properties.settle();
    outcome
}

/// What a check knows; how it reads ids is in `ids`, how it reads `metadata` and `company` in `objects`.
pub(super) struct Checker<'c> {
    pub call: Call,
    pub settings: &'c EnvironmentSettings,
    now: Timestamp,
    pub findings: Findings,
}

impl Checker<'_> {
    fn body(&mut self, body: &[Member<'_>], draft: &mut EventDraft) {
        for &key in Key::required(self.call) {
            if self.winner_of(key, body).is_none() {
                self.missing(Place::BODY, key, "missing");
            }
        }
        let mut company_beside = String::new();
        for member in body {
            let name = &*member.name.content;
            let place = Place::BODY.key(name);
            let key = Key::of(self.call, name);
            let is_read = || self.winner_of(key, body).is_some_and(|winner| ptr::eq(winner, member));
            if key == Key::Unknown || !member.counts || !is_read() {
                self.is_shallow(place, member.value);
                continue;
            }
            self.warn_if_repeated(place, member);
            match key {
                Key::Metadata => self.metadata(member.value, &mut draft.properties),
                Key::Company => self.company(member.value, draft),
                _ if !self.is_shallow(place, member.value) => {}
                _ if member.value.is_null() => self.null(place, key),
                Key::CompanyId if matches!(self.call, Call::Track | Call::UserRow) => {
                    self.id(place, member, &mut company_beside);
                }
                _ => self.field(place, key, member, draft),
            }
        }
        if !company_beside.is_empty() {
            self.company_beside(company_beside, draft);
        }
    }

    /// A key of the body that holds one value.
    fn field(&mut self, place: Place<'_>, key: Key, member: &Member<'_>, draft: &mut EventDraft) {
        match key {
            Key::UserId => self.id(place, member, &mut draft.user_id),
            Key::CompanyId => self.id(place, member, &mut draft.company_id),
            Key::EventId => self.event_id(place, member, &mut draft.event_id),
            Key::EventName => self.event_name(place, member, &mut draft.event_name),
            Key::OccurredAt => draft.occurred_at = self.occurred_at(place, member),
            Key::Metadata | Key::Company | Key::Unknown => {}
        }
    }

    fn null(&mut self, place: Place<'_>, key: Key) {
        if Key::required(self.call).contains(&key) {
            self.missing(place, key, "null");
        }
    }

    fn missing(&mut self, place: Place<'_>, key: Key, how: &str) {
        let (code, remedy) = match key {
            Key::UserId => (ProblemCode::IdMissing, "send the user's id as a string"),
            Key::CompanyId => (ProblemCode::IdMissing, "send the company's id as a string"),
            _ => (ProblemCode::EventNameMissing, "send the name of the event as a string"),
        };
        self.findings.problem(place, code, format_args!("`{}` is {how}; {remedy}.", key.name()));
    }

    fn event_name(&mut self, place: Place<'_>, member: &Member<'_>, into: &mut String) {
        let key = &member.name.content;
        let Some(text) = member.value.text() else {
            let kind = member.value.kind();
            let message = format_args!("`{key}` is {kind}; send the name of the event as a string.");
            return self.findings.problem(place, ProblemCode::EventNameType, message);
        };
        if text.content.is_empty() {
            let message = format_args!("`{key}` is empty; send the name of the event.");
            return self.findings.problem(place, ProblemCode::EventNameType, message);
        }
        if is_longer(&text.content, EVENT_NAME_CHARS_MAX) {
            let count = text.content.chars().count();
            let message =
                format_args!("`{key}` has {count} characters; send at most {EVENT_NAME_CHARS_MAX}.");
            return self.findings.problem(place, ProblemCode::EventNameTooLong, message);
        }
        if text.repaired {
            property::warn_of_surrogate(&mut self.findings, place, "name");
        }
        into.push_str(&text.content);
    }

    fn occurred_at(&mut self, place: Place<'_>, member: &Member<'_>) -> Option<Timestamp> {
        let key = &member.name.content;
        let Some(time) = time_of(member.value) else {
            let message = format_args!(
                "`{key}` is no time; send ISO 8601 such as 2026-01-05T09:30:00Z, or unix seconds or milliseconds."
            );
            self.findings.problem(place, ProblemCode::TimeInvalid, message);
            return None;
        };
        let is_ahead = time > self.now.plus(AHEAD_MICROS_MAX);
        if is_ahead {
            let message = format_args!(
                "`{key}` is more than 10 minutes ahead of the server's clock; the time of receipt was used."
            );
            self.findings.warning(place, WarningCode::TimeAhead, message);
        }
        (!is_ahead).then_some(time)
    }

    /// The member that is read for `key`.
    fn winner_of<'m, 'b>(&self, key: Key, body: &'m [Member<'b>]) -> Option<&'m Member<'b>> {
        winner(body, |name| Key::of(self.call, name) == key, key.name())
    }

    /// Says so when a key was sent more than once.
    pub fn warn_if_repeated(&mut self, place: Place<'_>, member: &Member<'_>) {
        if member.repeated {
            let message =
                format_args!("This key stands more than once in its object; the last one was used.");
            self.findings.warning(place, WarningCode::DuplicateKey, message);
        }
    }

    /// Whether a value stays within the depth of a body; says so when it does not.
    pub fn is_shallow(&mut self, place: Place<'_>, value: Sent<'_>) -> bool {
        let is_shallow = place.level() + value.depth() <= BODY_DEPTH_MAX;
        if !is_shallow {
            let message = format_args!(
                "With this value the body has more than {BODY_DEPTH_MAX} levels; send it flatter."
            );
            self.findings.problem(place, ProblemCode::BodyTooDeep, message);
        }
        is_shallow
    }
}

/// Of the members that mean the same, the one that is read: not null before null, `name` before its aliases.
pub(super) fn winner<'m, 'b>(
    members: &'m [Member<'b>],
    is_candidate: impl Fn(&str) -> bool,
    name: &str,
) -> Option<&'m Member<'b>> {
    members
        .iter()
        .filter(|member| member.counts && is_candidate(&member.name.content))
        .min_by_key(|member| (member.value.is_null(), member.name.content != name))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a number that large is no time, whatever its last digits are"
)]
fn time_of(value: Sent<'_>) -> Option<Timestamp> {
    if let Some(text) = value.text() {
        return Timestamp::parse_lenient(&text.content);
    }
    match value.number()?.ok()? {
        Value::Int(number) => Timestamp::from_unix(number as f64),
        Value::UInt(number) => Timestamp::from_unix(number as f64),
        Value::Float(number) => Timestamp::from_unix(number),
        _ => None,
    }
}
