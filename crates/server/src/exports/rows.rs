//! The rows of exports: events in the fields of the contract (spec 4.4), users and companies as they are.
//!
//! An identify event that brought properties of the user's company too is two rows, the user's and behind it the company's:
//! the contract has no other place for them, and whoever imports both rows has lost nothing.

use std::io;

use muster_kernel::model::event::{Event, EventKind, Source};
use muster_kernel::model::export::kinds_of;
use muster_kernel::model::history::time_of;
use muster_kernel::model::profile::Profile;
use muster_kernel::model::property::PropertyList;
use muster_kernel::model::time::Timestamp;
use muster_kernel::model::value::Value;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use twox_hash::XxHash64;

use crate::formats::{Cell, Column, Table, Type};

const fn text(name: &'static str) -> Column {
    Column { name, r#type: Type::Text, is_shared: true }
}

const fn number(name: &'static str) -> Column {
    Column { name, r#type: Type::Number, is_shared: true }
}

/// A text that is of one row alone.
const fn own(name: &'static str) -> Column {
    Column { name, r#type: Type::Text, is_shared: false }
}

const fn time(name: &'static str) -> Column {
    Column { name, r#type: Type::Time, is_shared: false }
}

const METADATA: Column = Column { name: "metadata", r#type: Type::Json, is_shared: false };

/// Events.
pub static EVENTS: Table = Table::new(
    "event",
    &[
        text("app_token"),
        text("event_type"),
        text("event_name"),
        text("user_id"),
        text("company_id"),
        text("source"),
        time("inserted_at"),
        own("internal_event_id"),
        text("hostname"),
        text("pathname"),
        number("screen_width"),
        number("screen_height"),
        text("device_type"),
        text("user_agent"),
        text("operating_system"),
        text("browser"),
        text("browser_language"),
        text("session"),
        text("country_code"),
        METADATA,
    ],
);

/// Users.
pub static USERS: Table = Table::new(
    "user",
    &[
        text("app_token"),
        own("user_id"),
        text("company_id"),
        time("first_seen_at"),
        time("last_seen_at"),
        METADATA,
    ],
);

/// Companies.
pub static COMPANIES: Table = Table::new(
    "company",
    &[
        text("app_token"),
        own("company_id"),
        number("user_count"),
        time("first_seen_at"),
        time("last_seen_at"),
        METADATA,
    ],
);

/// Takes a row.
pub type Take<'t> = dyn FnMut(&[Cell<'_>]) -> io::Result<()> + 't;

/// What the row of an event says.
#[derive(Clone, Copy)]
struct Row<'a> {
    kind: EventKind,
    name: &'a str,
    user: Option<&'a str>,
    company: Option<&'a str>,
    source: Source,
    at: Timestamp,
    properties: PropertyList<'a>,
    context: PropertyList<'a>,
}

/// Makes rows, one after another, with memory that is used again.
pub struct Rows {
    app_token: String,
    labelled: Vec<u8>,
    metadata: Vec<u8>,
}

impl Rows {
    /// Of an environment.
    pub fn new(app_token: &str) -> Self {
        Rows { app_token: app_token.to_owned(), labelled: Vec::new(), metadata: Vec::new() }
    }

    /// The rows of an event: one, or two.
    ///
    /// # Errors
    /// What `take` answers.
    pub fn of_event(
        &mut self,
        event: &Event<'_>,
        received_at: Timestamp,
        wants: impl Fn(EventKind) -> bool,
        take: &mut Take<'_>,
    ) -> io::Result<u64> {
        let row = Row {
            kind: event.kind,
            name: event.event_name,
            user: event.user_id,
            company: event.company_id,
            source: event.source,
            at: time_of(event, received_at),
            properties: event.properties,
            context: event.context,
        };
        let of_company = Row {
            kind: EventKind::IdentifyCompany,
            user: None,
            properties: event.company_properties,
            context: PropertyList::EMPTY,
            ..row
        };
        let mut count = 0;
        for (kind, row) in kinds_of(event).zip([row, of_company]) {
            if wants(kind) {
                self.one(&row, take)?;
                count += 1;
            }
        }
        Ok(count)
    }

    fn one(&mut self, row: &Row<'_>, take: &mut Take<'_>) -> io::Result<()> {
        let label = self.label(row);
        let label = std::str::from_utf8(&label).map_err(io::Error::other)?;
        let mut page = Page::default();
        row.context.iter().for_each(|(name, value)| page.put(name, value));
        let metadata = json(&mut self.metadata, &Sent(row.properties))?;
        take(&[
            Cell::Text(&self.app_token),
            Cell::Text(row.kind.as_str()),
            Cell::Text(row.name),
            Cell::text(row.user),
            Cell::text(row.company),
            Cell::Text(row.source.as_str()),
            Cell::Time(row.at),
            Cell::Text(label),
            Cell::text(page.hostname),
            Cell::text(page.pathname),
            page.screen_width.map_or(Cell::Nothing, Cell::Number),
            page.screen_height.map_or(Cell::Nothing, Cell::Number),
            Cell::text(page.device_type),
            Cell::text(page.user_agent),
            Cell::text(page.operating_system),
            Cell::text(page.browser),
            Cell::text(page.browser_language),
            Cell::Nothing,
            Cell::text(page.country_code),
            Cell::Json(metadata),
        ])
    }

    /// The contract's label of an event, which is no id: 64 bits over six fields, without the metadata. What it leaves open
    /// is ours: the fields as they stand in the row with a zero byte between them, and the number in hexadecimal.
    fn label(&mut self, row: &Row<'_>) -> [u8; 16] {
        let fields = [
            &self.app_token,
            row.kind.as_str(),
            row.name,
            row.user.unwrap_or_default(),
            row.company.unwrap_or_default(),
        ];
        self.labelled.clear();
        for field in fields {
            self.labelled.extend_from_slice(field.as_bytes());
            self.labelled.push(0);
        }
        row.at.append_to(&mut self.labelled);
        hexadecimal(XxHash64::oneshot(0, &self.labelled))
    }

    /// The row of a user.
    ///
    /// # Errors
    /// What `take` answers.
    pub fn of_user(&mut self, id: &str, profile: &Profile, take: &mut Take<'_>) -> io::Result<()> {
        let metadata = json(&mut self.metadata, &Known(profile))?;
        take(&[
            Cell::Text(&self.app_token),
            Cell::Text(id),
            Cell::text(profile.company_id()),
            profile.first_seen_at().map_or(Cell::Nothing, Cell::Time),
            profile.last_seen_at().map_or(Cell::Nothing, Cell::Time),
            Cell::Json(metadata),
        ])
    }

    /// The row of a company.
    ///
    /// # Errors
    /// What `take` answers.
    pub fn of_company(
        &mut self,
        id: &str,
        users: u64,
        profile: &Profile,
        take: &mut Take<'_>,
    ) -> io::Result<()> {
        let metadata = json(&mut self.metadata, &Known(profile))?;
        take(&[
            Cell::Text(&self.app_token),
            Cell::Text(id),
            Cell::Number(i64::try_from(users).unwrap_or(i64::MAX)),
            profile.first_seen_at().map_or(Cell::Nothing, Cell::Time),
            profile.last_seen_at().map_or(Cell::Nothing, Cell::Time),
            Cell::Json(metadata),
        ])
    }
}

fn hexadecimal(number: u64) -> [u8; 16] {
    std::array::from_fn(|place| b"0123456789abcdef"[(number >> (60 - 4 * place) & 15) as usize])
}

/// Where and on what something happened.
#[derive(Default)]
struct Page<'a> {
    hostname: Option<&'a str>,
    pathname: Option<&'a str>,
    screen_width: Option<i64>,
    screen_height: Option<i64>,
    device_type: Option<&'a str>,
    user_agent: Option<&'a str>,
    operating_system: Option<&'a str>,
    browser: Option<&'a str>,
    browser_language: Option<&'a str>,
    country_code: Option<&'a str>,
}

impl<'a> Page<'a> {
    fn put(&mut self, name: &str, value: Value<'a>) {
        let size = match (name, value) {
            ("screen_width", Value::Int(number)) => Some((&mut self.screen_width, number)),
            ("screen_height", Value::Int(number)) => Some((&mut self.screen_height, number)),
            _ => None,
        };
        if let Some((field, number)) = size {
            *field = Some(number);
        }
        let field = match name {
            "hostname" => &mut self.hostname,
            "pathname" => &mut self.pathname,
            "device_type" => &mut self.device_type,
            "user_agent" => &mut self.user_agent,
            "operating_system" => &mut self.operating_system,
            "browser" => &mut self.browser,
            "browser_language" => &mut self.browser_language,
            "country_code" => &mut self.country_code,
            _ => return,
        };
        if let Value::Text(text) = value {
            *field = Some(text);
        }
    }
}

/// The properties that an event brought, as one JSON object; null removes one.
struct Sent<'a>(PropertyList<'a>);

impl Serialize for Sent<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in self.0.iter() {
            map.serialize_entry(name, &value)?;
        }
        map.end()
    }
}

/// The properties of a profile, as one JSON object.
struct Known<'a>(&'a Profile);

impl Serialize for Known<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for property in self.0.properties() {
            map.serialize_entry(property.name, &property.value)?;
        }
        map.end()
    }
}

fn json<'m>(memory: &'m mut Vec<u8>, object: &impl Serialize) -> io::Result<&'m str> {
    memory.clear();
    serde_json::to_writer(&mut *memory, object)?;
    std::str::from_utf8(memory).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use muster_kernel::model::event::EventDraft;

    use super::*;

    fn rows_of(draft: &EventDraft) -> Vec<Vec<String>> {
        let mut payload = Vec::new();
        draft.encode(&mut payload);
        let mut all = Vec::new();
        let mut take = |cells: &[Cell<'_>]| {
            assert_eq!(cells.len(), EVENTS.columns().len());
            let Cell::Text(label) = cells[7] else { panic!("{cells:?}") };
            assert!(label.len() == 16 && label.bytes().all(|byte| byte.is_ascii_hexdigit()), "{label}");
            let mut row: Vec<String> = cells.iter().map(|cell| format!("{cell:?}")).collect();
            row[7] = "label".to_owned();
            all.push(row);
            Ok(())
        };
        let event = Event::decode(&payload).unwrap();
        let count = Rows::new("NX-1").of_event(&event, Timestamp(7), |_| true, &mut take).unwrap();
        assert_eq!(count, all.len() as u64);
        all
    }

    #[test]
    fn an_event_has_the_fields_of_the_contract() {
        let mut draft = EventDraft {
            kind: EventKind::Track,
            user_id: "u-7".to_owned(),
            event_name: "paid".to_owned(),
            ..EventDraft::default()
        };
        draft.properties.push("amount", Value::Float(12.5));
        draft.properties.push("removed", Value::Null);
        draft.context.push("pathname", Value::Text("/a"));
        draft.context.push("screen_width", Value::Int(1_920));
        let rows = rows_of(&draft);
        let row: Vec<&str> = rows[0].iter().map(String::as_str).collect();
        assert_eq!(
            row,
            [
                "Text(\"NX-1\")",
                "Text(\"track\")",
                "Text(\"paid\")",
                "Text(\"u-7\")",
                "Nothing",
                "Text(\"backend-http\")",
                "Time(Timestamp(7))",
                "label",
                "Nothing",
                "Text(\"/a\")",
                "Number(1920)",
                "Nothing",
                "Nothing",
                "Nothing",
                "Nothing",
                "Nothing",
                "Nothing",
                "Nothing",
                "Nothing",
                "Json(\"{\\\"amount\\\":12.5,\\\"removed\\\":null}\")",
            ]
        );
        assert_eq!(rows.len(), 1);
    }

    #[test]
    fn a_label_is_the_hash_of_six_fields() {
        let draft = EventDraft {
            kind: EventKind::Track,
            user_id: "u-7".to_owned(),
            event_name: "paid".to_owned(),
            ..EventDraft::default()
        };
        let mut payload = Vec::new();
        draft.encode(&mut payload);
        let hash = XxHash64::oneshot(0, b"NX-1\0track\0paid\0u-7\0\x001970-01-01T00:00:00.000007Z");
        let mut take = |cells: &[Cell<'_>]| {
            assert_eq!(cells[7], Cell::Text(&format!("{hash:016x}")));
            Ok(())
        };
        let event = Event::decode(&payload).unwrap();
        assert_eq!(Rows::new("NX-1").of_event(&event, Timestamp(7), |_| true, &mut take).unwrap(), 1);
        assert_eq!(&hexadecimal(0x0123_4567_89ab_cdef), b"0123456789abcdef");
    }

    #[test]
    fn properties_of_the_company_are_a_row_of_their_own() {
        let mut draft = EventDraft {
            user_id: "u-7".to_owned(),
            company_id: "c-1".to_owned(),
            occurred_at: Some(Timestamp(5)),
            ..EventDraft::default()
        };
        draft.company_properties.push("plan", Value::Text("pro"));
        let rows = rows_of(&draft);
        let told: Vec<_> =
            rows.iter().map(|row| [&*row[1], &*row[3], &*row[4], &*row[6], &*row[19]]).collect();
        assert_eq!(
            told,
            [
                [
                    "Text(\"identify_user\")",
                    "Text(\"u-7\")",
                    "Text(\"c-1\")",
                    "Time(Timestamp(5))",
                    "Json(\"{}\")"
                ],
                [
                    "Text(\"identify_company\")",
                    "Nothing",
                    "Text(\"c-1\")",
                    "Time(Timestamp(5))",
                    "Json(\"{\\\"plan\\\":\\\"pro\\\"}\")"
                ],
            ]
        );
    }
}
