//! Rows of history as the checker reads them.

use std::borrow::Cow;
use std::ptr;

use crate::model::catalog::EnvironmentSettings;
use crate::model::event::{EventDraft, EventKind, Source};
use crate::model::limits::{AHEAD_MICROS_MAX, PROPERTY_VALUE_CHARS_MAX};
use crate::model::problem::{Problem, ProblemCode, Warning, WarningCode};
use crate::model::time::Timestamp;
use crate::model::value::Value;

use super::{Checker, time_of, winner};
use crate::accept::findings::{Findings, Place, is_longer};
use crate::accept::history::{Field, REMARKED_BEFORE, without_zone};
use crate::accept::members::{Member, Sent, members};
use crate::accept::page::{Page, PageFault};
use crate::accept::{Call, Key, property};

/// Reads a row into `draft`, or lists everything that is wrong with it.
pub(in crate::accept) fn check(
    settings: &EnvironmentSettings,
    now: Timestamp,
    text: &str,
    draft: &mut EventDraft,
) -> Result<Vec<Warning>, Vec<Problem>> {
    draft.clear();
    let members = members(text).map_err(|problem| vec![problem])?;
    let kind = kind_of(&members).map_err(|problem| vec![problem])?;
    draft.kind = kind;
    let call = match kind {
        EventKind::IdentifyUser => Call::UserRow,
        EventKind::IdentifyCompany => Call::CompanyRow,
        _ => Call::Track,
    };
    let mut row = Row {
        checker: Checker { call, settings, now, findings: Findings::default() },
        kind,
        members: &members,
        source: None,
        page: Page::default(),
    };
    row.read(draft);
    let outcome = row.checker.findings.outcome();
    if outcome.is_err() {
        draft.clear();
    }
    draft.properties.settle();
    outcome
}

/// Null and the empty string say nothing.
fn says_nothing(value: Sent<'_>) -> bool {
    value.is_null() || value.0 == "\"\""
}

/// The member that is read for a field.
fn winner_of<'m, 'b>(field: Field, members: &'m [Member<'b>]) -> Option<&'m Member<'b>> {
    let said = |member: &&Member<'b>| member.counts && !says_nothing(member.value);
    let is_candidate = |name: &str| Field::of(name) == Some(field);
    let best = members.iter().filter(said).filter(|member| is_candidate(&member.name.content));
    best.min_by_key(|member| member.name.content != field.name())
        .or_else(|| winner(members, is_candidate, field.name()))
}

/// Without the kind nothing else of the row can be judged.
fn kind_of(members: &[Member<'_>]) -> Result<EventKind, Problem> {
    const KINDS: &str = "send `identify_user`, `identify_company`, `track` or `page_view`";
    let found = winner_of(Field::EventType, members).filter(|member| !says_nothing(member.value));
    let Some(member) = found else {
        let message = format!("`event_type` is missing; {KINDS}.");
        return Err(Problem::of_call(ProblemCode::EventTypeInvalid, message));
    };
    let text = member.value.text();
    text.and_then(|text| EventKind::of_row(&text.content)).ok_or_else(|| {
        let message = format!("`event_type` is none that can be imported; {KINDS}.");
        Problem::at("/event_type", ProblemCode::EventTypeInvalid, message)
    })
}

struct Row<'c, 'm, 'b> {
    checker: Checker<'c>,
    kind: EventKind,
    members: &'m [Member<'b>],
    source: Option<Source>,
    page: Page<'m>,
}

impl<'m> Row<'_, 'm, '_> {
    fn read(&mut self, draft: &mut EventDraft) {
        for member in self.members {
            let name = &*member.name.content;
            let place = Place::BODY.key(name);
            let field = Field::of(name)
                .filter(|field| field.is_of_companies() || self.kind != EventKind::IdentifyCompany);
            let is_read =
                |field| winner_of(field, self.members).is_some_and(|winner| ptr::eq(winner, member));
            let Some(field) = field.filter(|field| member.counts && is_read(*field)) else {
                self.checker.is_shallow(place, member.value);
                continue;
            };
            self.checker.warn_if_repeated(place, member);
            if field == Field::Metadata {
                self.checker.metadata(member.value, &mut draft.properties);
            } else if self.checker.is_shallow(place, member.value) && !says_nothing(member.value) {
                self.field(place, field, member, draft);
            }
        }
        self.check_required();
        draft.source = self.source.unwrap_or_default();
        if self.kind != EventKind::IdentifyCompany && self.source.is_some() {
            let put = self.page.put(self.kind, draft.source, &mut draft.context);
            if let Err(fault) = put {
                self.page_fault(fault);
            }
        }
    }

    fn field(&mut self, place: Place<'_>, field: Field, member: &'m Member<'_>, draft: &mut EventDraft) {
        match field {
            Field::UserId => self.checker.id(place, member, &mut draft.user_id),
            Field::CompanyId => self.checker.id(place, member, &mut draft.company_id),
            Field::EventId => self.checker.event_id(place, member, &mut draft.event_id),
            Field::EventName if self.kind == EventKind::Track => {
                self.checker.event_name(place, member, &mut draft.event_name);
            }
            Field::Time => draft.occurred_at = self.time(place, member),
            Field::Source => self.source(place, member),
            Field::ScreenWidth => self.page.screen_width = self.size(place, member),
            Field::ScreenHeight => self.page.screen_height = self.size(place, member),
            Field::Page(text) => {
                if let Some(found) = self.text(place, member) {
                    self.page.set(text, found);
                }
            }
            Field::EventName | Field::EventType | Field::Metadata => {}
        }
    }

    /// Says what is missing. What is there and wrong was said already.
    fn check_required(&mut self) {
        let is_absent =
            |field| winner_of(field, self.members).is_none_or(|member| says_nothing(member.value));
        let (subject, key) = match self.kind {
            EventKind::IdentifyCompany => (Field::CompanyId, Key::CompanyId),
            _ => (Field::UserId, Key::UserId),
        };
        if is_absent(subject) {
            self.checker.missing(Place::BODY, key, "missing");
        }
        if self.kind == EventKind::Track && is_absent(Field::EventName) {
            self.checker.missing(Place::BODY, Key::EventName, "missing");
        }
        if is_absent(Field::Source) {
            let message = format!("`source` is missing; {}.", sources());
            self.checker.findings.add(Problem::of_call(ProblemCode::SourceInvalid, message));
        }
        if is_absent(Field::Time) {
            let message =
                "`inserted_at` is missing; send the time of the event, such as 2026-01-05T09:30:00Z.";
            self.checker.findings.add(Problem::of_call(ProblemCode::TimeMissing, message));
        }
    }

    fn source(&mut self, place: Place<'_>, member: &Member<'_>) {
        let text = member.value.text();
        self.source = text.and_then(|text| Source::parse(&text.content));
        if self.source.is_none() {
            let message = format_args!("`source` is none of the contract's; {}.", sources());
            self.checker.findings.problem(place, ProblemCode::SourceInvalid, message);
        }
    }

    fn time(&mut self, place: Place<'_>, member: &Member<'_>) -> Option<Timestamp> {
        let (key, findings) = (&member.name.content, &mut self.checker.findings);
        let Some(time) = time_of(member.value) else {
            let message = format_args!(
                "`{key}` is no time; send ISO 8601 such as 2026-01-05T09:30:00Z, or unix seconds or milliseconds."
            );
            findings.problem(place, ProblemCode::TimeInvalid, message);
            return None;
        };
        if time > self.checker.now.plus(AHEAD_MICROS_MAX) {
            let message = format_args!(
                "`{key}` is more than 10 minutes ahead of when the file came; history has no future."
            );
            findings.problem(place, ProblemCode::TimeAhead, message);
            return None;
        }
        if member.value.text().is_some_and(|text| Timestamp::is_without_zone(&text.content)) {
            findings.remark(without_zone(key));
        }
        if time < REMARKED_BEFORE {
            let message = format_args!(
                "`{key}` lies before 1971, as a time does that was never filled in; it was taken as it is."
            );
            findings.warning(place, WarningCode::TimeBefore1971, message);
        }
        Some(time)
    }

    /// A text about page or device.
    fn text(&mut self, place: Place<'_>, member: &'m Member<'_>) -> Option<Cow<'m, str>> {
        let key = &member.name.content;
        let Some(text) = member.value.text() else {
            let kind = member.value.kind();
            let message = format_args!("`{key}` is {kind}; send a string.");
            self.checker.findings.problem(place, ProblemCode::ContextInvalid, message);
            return None;
        };
        if is_longer(&text.content, PROPERTY_VALUE_CHARS_MAX) {
            let message =
                format_args!("`{key}` is too long; send at most {PROPERTY_VALUE_CHARS_MAX} characters.");
            self.checker.findings.problem(place, ProblemCode::ContextInvalid, message);
            return None;
        }
        if text.repaired {
            property::warn_of_surrogate(&mut self.checker.findings, place, "value");
        }
        Some(text.content)
    }

    /// A width or height in pixels, as a number or as its digits.
    fn size(&mut self, place: Place<'_>, member: &Member<'_>) -> Option<i64> {
        let number = match member.value.text() {
            Some(text) => text.content.parse().ok(),
            None => match member.value.number() {
                Some(Ok(Value::Int(number))) => Some(number),
                _ => None,
            },
        };
        let size = number.filter(|number| *number >= 0);
        if size.is_none() {
            let message =
                format_args!("`{}` is no size; send a whole number of pixels.", member.name.content);
            self.checker.findings.problem(place, ProblemCode::ContextInvalid, message);
        }
        size
    }

    fn page_fault(&mut self, fault: PageFault) {
        let problem = match fault {
            PageFault::Url => {
                let message = "`url` names no host; send a whole one such as https://app.example.com/page.";
                Problem::at("/url", ProblemCode::UrlInvalid, message)
            }
            PageFault::Missing("user_agent") => {
                let message = "`user_agent` is missing, which a row of `web-client` needs; send it, or another `source`.";
                Problem::of_call(ProblemCode::PageMissing, message)
            }
            PageFault::Missing(name) => {
                let why =
                    if self.kind == EventKind::PageView { "a `page_view`" } else { "a row of `web-client`" };
                let message = format!("`{name}` is missing, which {why} needs; send it, or a `url`.");
                Problem::of_call(ProblemCode::PageMissing, message)
            }
        };
        self.checker.findings.add(problem);
    }
}

fn sources() -> String {
    let words = Source::ALL.map(|source| format!("`{}`", source.as_str()));
    let [all @ .., last] = words;
    format!("send {} or {last}", all.join(", "))
}
