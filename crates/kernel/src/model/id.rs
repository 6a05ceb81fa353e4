//! Ids: what may be one, and how each is written. Nothing below the HTTP edge takes an id as bare text.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::limits::ID_BYTES_MAX;

/// An environment: one tenant, an island. Given by the catalog, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EnvironmentId(pub u32);

/// An API key's number in the catalog; what the log and the ledger keep of it. Never reused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyId(pub u32);

/// A member of the team. Never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MemberId(pub u32);

/// A one-time link. Never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct InvitationId(pub u32);

/// A segment's number within its environment. Never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SegmentId(pub u32);

/// A job's number within its environment; what the log and the files keep of it. Never reused once it is a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobNumber(pub u32);

/// An erasure's number within its environment. Never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ErasureNumber(pub u32);

/// An export's number within its environment; what its files are named by. That of one that is gone may be given again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ExportNumber(pub u32);

impl fmt::Display for EnvironmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for SegmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for JobNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for ExportNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for ErasureNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for InvitationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why a text is no id (decisions.md, row "ids").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdFault {
    /// No character at all, or only white space.
    Empty,
    /// More than 255 bytes of UTF-8.
    TooLong,
    /// Holds a control character.
    ControlCharacter,
}

/// Checks a text against the rules for ids; nothing is trimmed and nothing is cut.
///
/// # Errors
/// The first rule that it breaks.
pub fn check(text: &str) -> Result<(), IdFault> {
    if text.len() > ID_BYTES_MAX {
        return Err(IdFault::TooLong);
    }
    if text.chars().all(char::is_whitespace) {
        return Err(IdFault::Empty);
    }
    if text.chars().any(char::is_control) {
        return Err(IdFault::ControlCharacter);
    }
    Ok(())
}

/// Whether an id looks like a variable that was never filled in: taken with a warning by default.
pub fn is_junk(text: &str) -> bool {
    const JUNK: [&str; 12] = [
        "null",
        "undefined",
        "nil",
        "none",
        "nan",
        "true",
        "false",
        "[object object]",
        "object",
        "anonymous",
        "guest",
        "unknown",
    ];
    text.len() <= 15 && JUNK.iter().any(|junk| text.eq_ignore_ascii_case(junk))
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Box<str>);

        impl $name {
            /// Takes a text that follows the rules for ids.
            ///
            /// # Errors
            /// The first rule that it breaks.
            pub fn parse(text: &str) -> Result<Self, IdFault> {
                check(text).map(|()| Self(text.into()))
            }

            /// The id as it was sent.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

text_id! {
    /// A user's id, as the caller's own system knows the person.
    UserId
}
text_id! {
    /// A company's id, as the caller's own system knows it.
    CompanyId
}

text_id! {
    /// A job's id as callers see it: `bulk:jobs:<app token>:<uuid>`.
    JobId
}

/// Where in an environment's log an event stands: a sequence number that starts at 1. Zero is "before the first".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Position(pub u64);

impl Position {
    /// Before the first event.
    pub const START: Position = Position(0);
}

/// A position as callers see it: opaque text. The incarnation is drawn when an environment is created or restored,
/// so that a position of another life of the data is recognised instead of being misread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PositionToken {
    /// The life of the data that the position belongs to.
    pub incarnation: u32,
    /// The position in it.
    pub position: Position,
}

impl fmt::Display for PositionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}-{}", self.incarnation, self.position.0)
    }
}

/// A text that is no position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAPosition;

impl FromStr for PositionToken {
    type Err = NotAPosition;

    fn from_str(text: &str) -> Result<Self, NotAPosition> {
        let (incarnation, sequence) = text.split_once('-').ok_or(NotAPosition)?;
        let plain = sequence.bytes().all(|byte| byte.is_ascii_digit());
        let hex = incarnation.len() == 8 && incarnation.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !plain || !hex {
            return Err(NotAPosition);
        }
        Ok(PositionToken {
            incarnation: u32::from_str_radix(incarnation, 16).map_err(|_| NotAPosition)?,
            position: Position(sequence.parse().map_err(|_| NotAPosition)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_for_ids_hold_at_their_edges() {
        let longest = "x".repeat(255);
        assert_eq!(check(&longest), Ok(()));
        assert_eq!(check(&format!("{longest}x")), Err(IdFault::TooLong));
        assert_eq!(check(&"é".repeat(128)), Err(IdFault::TooLong), "bytes count, not characters");
        for blank in ["", " ", "\t\n", "\u{3000}"] {
            assert_eq!(check(blank), Err(IdFault::Empty), "{blank:?}");
        }
        assert_eq!(check("a\u{0}b"), Err(IdFault::ControlCharacter));
        assert_eq!(check(" a b "), Ok(()), "nothing is trimmed");
        assert!(is_junk("[object Object]") && is_junk("NaN") && !is_junk("nana"));
    }

    #[test]
    fn positions_read_back_and_nothing_else_does() {
        let token = PositionToken { incarnation: 0xabc, position: Position(42) };
        assert_eq!(token.to_string(), "00000abc-42");
        assert_eq!("00000abc-42".parse(), Ok(token));
        for bad in ["", "42", "-42", "00000abc-", "00000abc-+4", "0000abc-4", "00000abc-99999999999999999999"]
        {
            assert_eq!(bad.parse::<PositionToken>(), Err(NotAPosition), "{bad}");
        }
    }
}
