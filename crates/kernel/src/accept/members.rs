//! JSON for the checker: objects as the list of their members, in order and with every duplicate, each value still
//! the text that was sent. serde_json reads and judges all syntax; no depth of nesting makes this recurse.

use std::borrow::Cow;
use std::fmt;
use std::str;

use serde::de::{self, DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Number;
use serde_json::value::RawValue;

use crate::model::problem::{Problem, ProblemCode};
use crate::model::value::Value;

use super::is_json_space;

/// One member of an object.
#[derive(Debug)]
pub(super) struct Member<'a> {
    /// Its name, escapes resolved.
    pub name: Text<'a>,
    /// Its value.
    pub value: Sent<'a>,
    /// Whether it is the last member of its name: only that one counts.
    pub counts: bool,
    /// Whether there are others of its name.
    pub repeated: bool,
}

/// Reads an object, or the whole of a body.
///
/// # Errors
/// The one problem of a text that is no JSON, or no object.
pub(super) fn members(text: &str) -> Result<Vec<Member<'_>>, Problem> {
    let kind = Kind::of(text);
    if kind != Kind::Object {
        serde_json::from_str::<IgnoredAny>(text).map_err(|error| not_json(&error))?;
        let message = format!("The body is {kind}; send one JSON object that describes the call.");
        return Err(Problem::of_call(ProblemCode::BodyNotObject, message));
    }
    let Object(mut members) = serde_json::from_str(text).map_err(|error| not_json(&error))?;
    mark_duplicates(&mut members);
    Ok(members)
}

/// The message of a syntax error names line and column and quotes nothing of the body.
fn not_json(error: &serde_json::Error) -> Problem {
    Problem::of_call(
        ProblemCode::BodyNotJson,
        format!("The body is not JSON: {error}; mend that place and send one JSON object."),
    )
}

fn mark_duplicates(members: &mut [Member<'_>]) {
    let mut by_name: Vec<&mut Member<'_>> = members.iter_mut().collect();
    // Stable: among equal names the order of the body stays.
    by_name.sort_by(|a, b| a.name.content.cmp(&b.name.content));
    for namesakes in by_name.chunk_by_mut(|a, b| a.name.content == b.name.content) {
        let repeated = namesakes.len() > 1;
        if let Some(last) = namesakes.last_mut() {
            (last.counts, last.repeated) = (true, repeated);
        }
    }
}

struct Object<'a>(Vec<Member<'a>>);

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor;

        impl<'de> Visitor<'de> for ObjectVisitor {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
                let mut members = Vec::new();
                // Names come raw as well: read as bytes they would pass with control characters in them.
                while let Some((name, value)) = map.next_entry::<&RawValue, &RawValue>()? {
                    let name = Text::read(name.get()).map_err(de::Error::custom)?;
                    members.push(Member { name, value: Sent(value.get()), counts: false, repeated: false });
                }
                Ok(Object(members))
            }
        }

        deserializer.deserialize_map(ObjectVisitor)
    }
}

/// A JSON text as it was sent, known to be well-formed and without space around it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent<'a>(pub &'a str);

/// The kinds of JSON values, as messages call them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Null,
    Boolean,
    Number,
    String,
    Array,
    Object,
}

impl Kind {
    fn of(text: &str) -> Kind {
        match text.bytes().find(|&byte| !is_json_space(byte)) {
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            Some(b'"') => Kind::String,
            Some(b't' | b'f') => Kind::Boolean,
            Some(b'n') => Kind::Null,
            _ => Kind::Number,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Null => "null",
            Kind::Boolean => "a boolean",
            Kind::Number => "a number",
            Kind::String => "a string",
            Kind::Array => "an array",
            Kind::Object => "an object",
        })
    }
}

/// A number beyond the range of a double.
#[derive(Clone, Copy, Debug)]
pub(super) struct OutOfRange;

impl<'a> Sent<'a> {
    /// What it is, by its first character.
    pub fn kind(self) -> Kind {
        Kind::of(self.0)
    }

    /// Whether it is `null`.
    pub fn is_null(self) -> bool {
        self.kind() == Kind::Null
    }

    /// The string that it is.
    pub fn text(self) -> Option<Text<'a>> {
        if self.kind() == Kind::String { Text::read(self.0).ok() } else { None }
    }

    /// The number that it is: whole ones that fit 64 bits exactly, others as the nearest double. `None` for what is
    /// no number.
    pub fn number(self) -> Option<Result<Value<'static>, OutOfRange>> {
        if self.kind() != Kind::Number {
            return None;
        }
        let Ok(number) = serde_json::from_str::<Number>(self.0) else { return Some(Err(OutOfRange)) };
        let exact = number.as_i64().map(Value::Int).or_else(|| number.as_u64().map(Value::UInt));
        Some(exact.or_else(|| number.as_f64().map(Value::Float)).ok_or(OutOfRange))
    }

    /// How many levels of objects and arrays it has.
    pub fn depth(self) -> usize {
        if !matches!(self.kind(), Kind::Array | Kind::Object) {
            return 0;
        }
        let (mut level, mut deepest) = (0usize, 0);
        for (byte, in_string) in self.bytes() {
            match byte {
                b'{' | b'[' if !in_string => {
                    level += 1;
                    deepest = deepest.max(level);
                }
                b'}' | b']' if !in_string => level = level.saturating_sub(1),
                _ => {}
            }
        }
        deepest
    }

    /// The same text without the white space outside its strings.
    pub fn compact(self) -> Cow<'a, str> {
        if !self.bytes().any(|(byte, in_string)| !in_string && is_json_space(byte)) {
            return Cow::Borrowed(self.0);
        }
        let kept: Vec<u8> = self
            .bytes()
            .filter(|&(byte, in_string)| in_string || !is_json_space(byte))
            .map(|(byte, _)| byte)
            .collect();
        // Only whole ASCII characters were left out.
        String::from_utf8(kept).map_or(Cow::Borrowed(self.0), Cow::Owned)
    }

    /// Each byte, and whether it belongs to a string.
    fn bytes(self) -> impl Iterator<Item = (u8, bool)> + use<'a> {
        let (mut in_string, mut escaped) = (false, false);
        self.0.bytes().map(move |byte| {
            let was_in_string = in_string;
            match byte {
                b'"' if !escaped => in_string = !in_string,
                _ => escaped = in_string && byte == b'\\' && !escaped,
            }
            (byte, was_in_string)
        })
    }
}

/// A string, escapes resolved.
#[derive(Clone, Debug)]
pub(super) struct Text<'a> {
    /// Its characters.
    pub content: Cow<'a, str>,
    /// Whether halves of surrogate pairs stood alone in it and were replaced by U+FFFD.
    pub repaired: bool,
}

impl<'a> Text<'a> {
    fn read(json: &'a str) -> Result<Self, serde_json::Error> {
        TextSeed.deserialize(&mut serde_json::Deserializer::from_str(json))
    }
}

/// Reads a string as bytes, because serde_json gives halves of surrogate pairs only so: as three bytes each (WTF-8).
struct TextSeed;

impl<'de> DeserializeSeed<'de> for TextSeed {
    type Value = Text<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Text<'de>, D::Error> {
        deserializer.deserialize_bytes(self)
    }
}

impl<'de> Visitor<'de> for TextSeed {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_bytes<E: de::Error>(self, bytes: &'de [u8]) -> Result<Text<'de>, E> {
        match str::from_utf8(bytes) {
            Ok(text) => Ok(Text { content: Cow::Borrowed(text), repaired: false }),
            Err(_) => self.visit_bytes(bytes),
        }
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Text<'de>, E> {
        const SURROGATE_LEAD: u8 = 0xed;
        let mut content = String::with_capacity(bytes.len());
        let mut repaired = false;
        for chunk in bytes.utf8_chunks() {
            content.push_str(chunk.valid());
            if chunk.invalid().starts_with(&[SURROGATE_LEAD]) {
                content.push(char::REPLACEMENT_CHARACTER);
            }
            repaired |= !chunk.invalid().is_empty();
        }
        Ok(Text { content: Cow::Owned(content), repaired })
    }
}
