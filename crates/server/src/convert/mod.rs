//! Other systems' exports as rows of history (docs/API.md, "Importing"): one line in, no row, one or more out.
//!
//! Nothing is guessed: a line about nobody who was identified, or of a kind that has no counterpart, is left out, counted
//! and told. Ids of events become `event_id`, so that converting and importing a file again changes nothing. Addresses of
//! the network (`ip`) are left out. It never reads a clock and never holds more than a line.

mod amplitude;
mod mixpanel;
mod posthog;
mod segment;

use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};

use jiff::tz::TimeZone;
use serde_json::{Map, Value};

/// Longest line that is read; longer ones are left out.
const LINE_BYTES_MAX: u64 = 8 << 20;

/// Whose export it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum System {
    /// Calls as Segment's Spec describes them, one on each line.
    Segment,
    /// The answer of Mixpanel's Raw Event Export API.
    Mixpanel,
    /// A PostHog batch export of events, as JSONLines.
    Posthog,
    /// A file out of the archive of Amplitude's Export API.
    Amplitude,
}

/// Why a line became no row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeftOut {
    /// It is no JSON object, or too long.
    Unreadable,
    /// It is about somebody who was not identified.
    Anonymous,
    /// It has no time that can be read.
    Timeless,
    /// It is of a kind that has no counterpart.
    Unknown,
}

impl LeftOut {
    /// What is said of such lines.
    pub fn words(self) -> &'static str {
        match self {
            LeftOut::Unreadable => "no JSON object",
            LeftOut::Anonymous => "about nobody who was identified",
            LeftOut::Timeless => "without a time that can be read",
            LeftOut::Unknown => "of a kind that has no counterpart",
        }
    }
}

/// What became of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Converted {
    /// Lines that were read, blank ones not counted.
    pub lines: u64,
    /// Rows that were written.
    pub rows: u64,
    /// Lines that became no row, and the number of the first.
    pub left_out: BTreeMap<LeftOut, (u64, u64)>,
}

type Object = Map<String, Value>;
type Rows = Result<Vec<Object>, LeftOut>;

/// Reads an export and writes rows, one on each line. `zone` is that of times which leave it open.
///
/// # Errors
/// When reading or writing fails.
pub fn convert(
    system: System,
    zone: &TimeZone,
    mut from: impl BufRead,
    mut to: impl Write,
) -> io::Result<Converted> {
    let (mut done, mut line, mut number) = (Converted::default(), Vec::new(), 0);
    loop {
        line.clear();
        if io::Read::take(&mut from, LINE_BYTES_MAX).read_until(b'\n', &mut line)? == 0 {
            to.flush()?;
            return Ok(done);
        }
        number += 1;
        if line.len() as u64 == LINE_BYTES_MAX && !line.ends_with(b"\n") {
            from.skip_until(b'\n')?;
            line.truncate(1);
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        done.lines += 1;
        let object = serde_json::from_slice::<Object>(&line).map_err(|_| LeftOut::Unreadable);
        let rows = object.and_then(|object| match system {
            System::Segment => segment::rows(object),
            System::Mixpanel => mixpanel::rows(object, zone),
            System::Posthog => posthog::rows(object),
            System::Amplitude => amplitude::rows(object),
        });
        match rows {
            Ok(rows) => {
                for row in rows {
                    serde_json::to_writer(&mut to, &row)?;
                    to.write_all(b"\n")?;
                    done.rows += 1;
                }
            }
            Err(why) => done.left_out.entry(why).or_insert((0, number)).0 += 1,
        }
    }
}

/// A row of this kind with what every row has.
fn row(event_type: &str, source: &str, time: Value, event_id: Option<String>) -> Object {
    let mut row = Object::new();
    row.insert("event_type".into(), event_type.into());
    row.insert("source".into(), source.into());
    row.insert("inserted_at".into(), time);
    if let Some(id) = event_id {
        row.insert("event_id".into(), id.into());
    }
    row
}

/// A text that says something.
fn text(object: &Object, key: &str) -> Option<String> {
    match object.get(key)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) if number.is_i64() || number.is_u64() => Some(number.to_string()),
        _ => None,
    }
}

/// An object inside, taken out of it.
fn taken(object: &mut Object, key: &str) -> Object {
    match object.remove(key) {
        Some(Value::Object(inner)) => inner,
        _ => Object::new(),
    }
}

/// The first text under one of these keys, which all leave the object.
fn taken_text(object: &mut Object, keys: &[&str]) -> Option<String> {
    let mut found = None;
    for key in keys {
        let here = text(object, key);
        object.remove(*key);
        found = found.or(here);
    }
    found
}

/// Puts a text into a row, when there is one.
fn put(row: &mut Object, key: &str, text: Option<String>) {
    if let Some(text) = text {
        row.insert(key.into(), text.into());
    }
}

/// Puts a size of the screen into a row, when it is one.
fn put_size(row: &mut Object, key: &str, size: Option<Value>) {
    if let Some(size) = size.filter(|size| size.is_u64()) {
        row.insert(key.into(), size);
    }
}

#[cfg(test)]
mod tests;
