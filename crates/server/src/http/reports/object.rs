//! Bodies read strictly: every mistake is found, each with a JSON Pointer and the remedy.
//!
//! A key that a question does not know is refused: a mistyped condition would otherwise answer about everybody.

use std::ops::RangeInclusive;

use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use muster_kernel::model::problem::{Problem, ProblemCode};
use muster_kernel::model::time::Timestamp;

use super::Asker;
use crate::http::asking;

/// Characters of a text in a question.
pub(super) const TEXT_CHARS_MAX: usize = 1_024;

/// A body being read: what is wrong with it so far, and what its words are relative to.
pub(super) struct Reading {
    /// Who asks.
    pub asker: Asker,
    /// When the question is asked.
    pub now: Timestamp,
    /// Where days begin unless the question says otherwise: the zone and its name.
    pub zone: (TimeZone, String),
    problems: Vec<Problem>,
}

/// An object whose keys are asked for one by one.
pub(super) struct Object<'v> {
    map: &'v Map<String, Value>,
    pointer: String,
    known: Vec<&'static str>,
}

/// A place in a list: its value and its pointer.
pub(super) type Item<'v> = (&'v Value, String);

impl<'v> Object<'v> {
    /// What stands at a key; null counts as absent.
    pub(super) fn get(&mut self, key: &'static str) -> Option<&'v Value> {
        self.known.push(key);
        self.map.get(key).filter(|value| !value.is_null())
    }

    /// These keys may be there, whether or not somebody comes to ask for them.
    pub(super) fn knows(&mut self, keys: &[&'static str]) {
        self.known.extend_from_slice(keys);
    }

    /// The pointer of a key.
    pub(super) fn at(&self, key: &str) -> String {
        format!("{}/{key}", self.pointer)
    }

    /// The pointer of the object itself.
    pub(super) fn pointer(&self) -> &str {
        &self.pointer
    }
}

impl Reading {
    pub(super) fn new(asker: Asker, now: Timestamp, zone: (TimeZone, String)) -> Self {
        Reading { asker, now, zone, problems: Vec::new() }
    }

    /// Notes a mistake; answers nothing, so that a reader can end with it.
    pub(super) fn refuse<T>(&mut self, pointer: impl Into<String>, message: impl Into<String>) -> Option<T> {
        self.note(Problem::at(pointer, ProblemCode::FieldInvalid, message))
    }

    /// Notes a mistake with a code of its own.
    pub(super) fn note<T>(&mut self, problem: Problem) -> Option<T> {
        self.problems.push(problem);
        None
    }

    /// What was read, or everything that is wrong with it.
    pub(super) fn finish<T>(self, read: Option<T>) -> Result<T, Vec<Problem>> {
        match read {
            Some(read) if self.problems.is_empty() => Ok(read),
            _ => Err(self.problems),
        }
    }

    /// Notes that a property is asked about, which the caller must be allowed to see.
    pub(super) fn check_shown(&mut self, name: &str, pointer: &str) {
        if let Err(problem) = asking::check_shown(name, &self.asker.masking) {
            self.problems.push(Problem { pointer: pointer.to_owned(), ..problem });
        }
    }

    /// The object that a value is.
    pub(super) fn object<'v>(&mut self, value: &'v Value, pointer: impl Into<String>) -> Option<Object<'v>> {
        let pointer = pointer.into();
        match value {
            Value::Object(map) => Some(Object { map, pointer, known: Vec::new() }),
            _ => self.refuse(pointer, "Send an object here."),
        }
    }

    /// Ends an object: keys that nobody asked for are none.
    pub(super) fn close(&mut self, object: Object<'_>) {
        let mut known = object.known;
        known.sort_unstable();
        known.dedup();
        for key in object.map.keys().filter(|key| !known.contains(&key.as_str())) {
            let escaped = key.replace('~', "~0").replace('/', "~1");
            let message = format!("There is no such field here; those are `{}`.", known.join("`, `"));
            self.refuse::<()>(format!("{}/{escaped}", object.pointer), message);
        }
    }

    /// A text that must be there.
    pub(super) fn text(&mut self, object: &mut Object<'_>, key: &'static str) -> Option<String> {
        match self.optional_text(object, key)? {
            Some(text) => Some(text),
            None => self.refuse(object.at(key), format!("`{key}` is missing; send a string.")),
        }
    }

    /// A text that may be absent: nothing when it is no text.
    pub(super) fn optional_text(
        &mut self,
        object: &mut Object<'_>,
        key: &'static str,
    ) -> Option<Option<String>> {
        match object.get(key) {
            None => Some(None),
            Some(Value::String(text)) if (1..=TEXT_CHARS_MAX).contains(&text.chars().count()) => {
                Some(Some(text.clone()))
            }
            Some(_) => {
                let message = format!("Send a string of 1 to {TEXT_CHARS_MAX} characters.");
                self.refuse(object.at(key), message)
            }
        }
    }

    /// One of some words, or what its absence means.
    pub(super) fn word<T: Copy>(
        &mut self,
        object: &mut Object<'_>,
        key: &'static str,
        words: &[(&str, T)],
        absent: Option<T>,
    ) -> Option<T> {
        let found = object.get(key);
        let known =
            found.and_then(Value::as_str).and_then(|text| words.iter().find(|(word, _)| *word == text));
        match (found, known, absent) {
            (_, Some((_, meant)), _) => Some(*meant),
            (None, _, Some(absent)) => Some(absent),
            _ => {
                let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
                self.refuse(object.at(key), format!("Send one of `{}`.", words.join("`, `")))
            }
        }
    }

    /// Whether something is wanted; absent means not.
    pub(super) fn flag(&mut self, object: &mut Object<'_>, key: &'static str) -> Option<bool> {
        match object.get(key) {
            None => Some(false),
            Some(Value::Bool(flag)) => Some(*flag),
            Some(_) => self.refuse(object.at(key), "Send `true` or `false`."),
        }
    }

    /// A whole number within bounds that may be absent.
    pub(super) fn optional_number(
        &mut self,
        object: &mut Object<'_>,
        key: &'static str,
        bounds: RangeInclusive<usize>,
    ) -> Option<Option<usize>> {
        let Some(value) = object.get(key) else { return Some(None) };
        let number = value.as_u64().and_then(|number| usize::try_from(number).ok());
        match number.filter(|number| bounds.contains(number)) {
            Some(number) => Some(Some(number)),
            None => {
                let message = format!("Send a whole number from {} to {}.", bounds.start(), bounds.end());
                self.refuse(object.at(key), message)
            }
        }
    }

    /// A whole number within bounds; `absent` is what a missing one means, where it may be missing.
    pub(super) fn number(
        &mut self,
        object: &mut Object<'_>,
        key: &'static str,
        bounds: RangeInclusive<usize>,
        absent: Option<usize>,
    ) -> Option<usize> {
        let limits = bounds.clone();
        match self.optional_number(object, key, bounds)?.or(absent) {
            Some(number) => Some(number),
            None => {
                let (least, most) = (limits.start(), limits.end());
                let message = format!("`{key}` is missing; send a whole number from {least} to {most}.");
                self.refuse(object.at(key), message)
            }
        }
    }

    /// The items of a list with so many of them; an absent list is empty.
    pub(super) fn list<'v>(
        &mut self,
        object: &mut Object<'v>,
        key: &'static str,
        bounds: RangeInclusive<usize>,
    ) -> Option<Vec<Item<'v>>> {
        let items: &'v [Value] = match object.get(key) {
            None => &[],
            Some(Value::Array(items)) => items,
            Some(_) => return self.refuse(object.at(key), "Send a list here."),
        };
        if !bounds.contains(&items.len()) {
            let message = format!("Send a list of {} to {} items.", bounds.start(), bounds.end());
            return self.refuse(object.at(key), message);
        }
        Some(
            items
                .iter()
                .enumerate()
                .map(|(index, item)| (item, format!("{}/{index}", object.at(key))))
                .collect(),
        )
    }

    /// Reads each item of a list; nothing when one of them is wrong.
    pub(super) fn each<'v, T>(
        &mut self,
        items: Vec<Item<'v>>,
        mut read: impl FnMut(&mut Self, &mut Object<'v>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let all: Vec<Option<T>> =
            items.into_iter().map(|(value, pointer)| self.whole(value, pointer, &mut read)).collect();
        all.into_iter().collect()
    }

    /// Reads a whole object; what `read` does not ask for is refused.
    pub(super) fn whole<'v, T>(
        &mut self,
        value: &'v Value,
        pointer: impl Into<String>,
        read: impl FnOnce(&mut Self, &mut Object<'v>) -> Option<T>,
    ) -> Option<T> {
        let mut object = self.object(value, pointer)?;
        let before = self.problems.len();
        let found = read(self, &mut object);
        self.close(object);
        found.filter(|_| self.problems.len() == before)
    }
}
