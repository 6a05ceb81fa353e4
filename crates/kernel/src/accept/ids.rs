//! Ids as the checker reads them (decisions.md, row "ids").

use std::borrow::Cow;
use std::fmt;

use crate::model::catalog::JunkIds;
use crate::model::id::{self, IdFault};
use crate::model::limits::ID_BYTES_MAX;
use crate::model::problem::{ProblemCode, WarningCode};
use crate::model::value::Value;

use super::checker::Checker;
use super::findings::Place;
use super::members::{Kind, Member, Sent};

/// Why a value is no id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotAnId {
    /// Neither a string nor a number.
    Is(Kind),
    /// A fraction, or beyond 64 bits: its digits as sent and as read may differ.
    NotWhole,
    /// Half of a surrogate pair stands in it.
    Surrogate,
    /// A text that breaks a rule; it has so many bytes.
    Text(IdFault, usize),
}

impl NotAnId {
    fn code(self) -> ProblemCode {
        match self {
            NotAnId::Is(_) | NotAnId::NotWhole | NotAnId::Surrogate => ProblemCode::IdType,
            NotAnId::Text(IdFault::Empty, _) => ProblemCode::IdEmpty,
            NotAnId::Text(IdFault::TooLong, _) => ProblemCode::IdTooLong,
            NotAnId::Text(IdFault::ControlCharacter, _) => ProblemCode::IdControlCharacter,
        }
    }
}

impl fmt::Display for NotAnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotAnId::Is(kind) => write!(f, "is {kind}; send a string or an integer"),
            NotAnId::NotWhole => f.write_str("is a number, but no 64-bit integer; send the id as a string"),
            NotAnId::Surrogate => f.write_str("holds half of a surrogate pair; send whole characters"),
            NotAnId::Text(IdFault::Empty, _) => {
                f.write_str("is empty or only white space; send the id itself")
            }
            NotAnId::Text(IdFault::TooLong, bytes) => {
                write!(f, "has {bytes} bytes of UTF-8; send at most {ID_BYTES_MAX}")
            }
            NotAnId::Text(IdFault::ControlCharacter, _) => {
                f.write_str("holds a control character; send the id without it")
            }
        }
    }
}

/// Reads an id: a string, or an integer as its decimal string.
pub(super) fn read(value: Sent<'_>) -> Result<Cow<'_, str>, NotAnId> {
    let kind = value.kind();
    if let Some(text) = value.text() {
        if text.repaired {
            return Err(NotAnId::Surrogate);
        }
        return match id::check(&text.content) {
            Ok(()) => Ok(text.content),
            Err(fault) => Err(NotAnId::Text(fault, text.content.len())),
        };
    }
    match value.number() {
        Some(Ok(Value::Int(number))) => Ok(number.to_string().into()),
        Some(Ok(Value::UInt(number))) => Ok(number.to_string().into()),
        Some(_) => Err(NotAnId::NotWhole),
        None => Err(NotAnId::Is(kind)),
    }
}

const JUNK: &str = "looks like a variable that was never filled in";

impl Checker<'_> {
    /// Reads the id of a user or a company.
    pub fn id(&mut self, place: Place<'_>, member: &Member<'_>, into: &mut String) {
        let key = &member.name.content;
        let id = match read(member.value) {
            Ok(id) => id,
            Err(fault) => {
                return self.findings.problem(place, fault.code(), format_args!("`{key}` {fault}."));
            }
        };
        if id::is_junk(&id) {
            if self.settings.junk_ids == JunkIds::Refuse {
                return self.junk(place, ProblemCode::IdJunk, key);
            }
            let message = format_args!("`{key}` {JUNK}; it was taken as it is.");
            self.findings.warning(place, WarningCode::IdJunk, message);
        }
        into.push_str(&id);
    }

    /// Reads the caller's own id of the event. A junk one is dropped: it would make unlike events the same one.
    pub fn event_id(&mut self, place: Place<'_>, member: &Member<'_>, into: &mut String) {
        let (code, key) = (ProblemCode::EventIdInvalid, &member.name.content);
        match read(member.value) {
            Err(fault) => self.findings.problem(place, code, format_args!("`{key}` {fault}.")),
            Ok(id) if !id::is_junk(&id) => into.push_str(&id),
            Ok(_) if self.settings.junk_ids == JunkIds::Refuse => self.junk(place, code, key),
            Ok(_) => {
                let message = format_args!("`{key}` {JUNK}; the event was taken as if it had no id.");
                self.findings.warning(place, WarningCode::IdJunk, message);
            }
        }
    }

    fn junk(&mut self, place: Place<'_>, code: ProblemCode, key: &str) {
        let message =
            format_args!("`{key}` {JUNK}; send the id itself (the environment has `junk_ids = \"refuse\"`).");
        self.findings.problem(place, code, message);
    }
}
