//! A part: up to 131,072 events of one name, sorted by user, time and position, column by column (docs/FORMAT.md,
//! "History", "Part").
//!
//! Lossless: every payload is made anew from its columns to the byte, and the rare one that cannot be is kept whole.

use hashbrown::HashMap;
use muster_kernel::model::event::{Event, EventDraft, EventKind, Source};
use muster_kernel::model::guard::Guard;
use muster_kernel::model::id::{JobNumber, KeyId};
use muster_kernel::model::time::Timestamp;
use muster_kernel::model::varint::{self, Reader};

use super::column::{Cells, Column};
use super::dictionary::{Dictionaries, Shared, property_key, read};
use super::lane::{self, Lane, Use, from_signed, to_signed};
use super::rows::{Place, Rows};

/// Rows of a part at most: bounds what encoding and merging hold, and is what threads share out among them.
pub const PART_ROWS_MAX: usize = 1 << 17;
/// Bytes of payloads from which on a part takes no more: larger events need more memory for each row.
pub const PART_BYTES_MAX: usize = 16 << 20;

/// Rows that are encoded while the dictionaries are held.
const LOCKED_ROWS: u32 = 1024;

/// What stands in a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Content {
    /// Lane: numbers of users.
    Users = 1,
    /// Lane: times.
    Times = 2,
    /// Lane: positions, counted from the segment's first.
    Positions = 3,
    /// Column: source, flags, key and job.
    Envelopes = 4,
    /// Lane: row numbers in a job.
    Ordinals = 5,
    /// Lane: numbers of companies.
    Companies = 6,
    /// Column: a property of the subject or the event.
    Property = 7,
    /// Column: a property of the company named beside it.
    CompanyProperty = 8,
    /// Column: the caller's id of the event.
    EventId = 9,
    /// Column: the first answer's warnings.
    Warnings = 10,
    /// Column: guards.
    Guards = 11,
    /// Column: payloads that are kept whole.
    Verbatim = 12,
}

const HAS_OCCURRED_AT: u8 = 1;
const LEAVES_COMPANY: u8 = 2;

/// Byte strings that are made while rows are read, and which row has which.
#[derive(Default)]
struct Made {
    bytes: Vec<u8>,
    rows: Vec<u32>,
    ends: Vec<usize>,
}

impl Made {
    fn push(&mut self, row: u32, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        write(&mut self.bytes);
        if self.bytes.len() > start {
            self.rows.push(row);
            self.ends.push(self.bytes.len());
        }
    }

    fn cells(&self) -> Cells<'_> {
        let mut start = 0;
        let value = |end: &usize| {
            let value = self.bytes.get(start..*end).unwrap_or_default();
            start = *end;
            value
        };
        Cells { rows: self.rows.clone(), values: self.ends.iter().map(value).collect(), are_values: false }
    }
}

/// Columns by what they hold, own properties and the company's by their names' bytes. Events of one name bring the same
/// properties for the most part, so the column that followed another one is looked at first.
#[derive(Default)]
struct Named<'a> {
    all: Vec<(Key<'a>, Cells<'a>)>,
    places: HashMap<Key<'a>, usize>,
    /// For each column, the one that followed it.
    after: Vec<usize>,
    last: usize,
}

type Key<'a> = (Content, &'a [u8]);

impl<'a> Named<'a> {
    /// Gives a row its cell in a column.
    fn push(&mut self, row: u32, key: Key<'a>, value: &'a [u8]) {
        let guess = self.after.get(self.last).copied();
        let is_it = |index: &usize| self.all.get(*index).is_some_and(|(known, _)| *known == key);
        let index = guess.filter(is_it).unwrap_or_else(|| self.place(key));
        if let Some(after) = self.after.get_mut(self.last) {
            *after = index;
        }
        self.last = index;
        let Some((_, cells)) = self.all.get_mut(index) else { return };
        // A name that stands twice in a payload, which is then kept whole.
        if cells.rows.last() == Some(&row) {
            return;
        }
        cells.rows.push(row);
        cells.values.push(value);
    }

    fn place(&mut self, key: Key<'a>) -> usize {
        *self.places.entry(key).or_insert_with(|| {
            self.all.push((key, Cells::default()));
            self.after.push(usize::MAX);
            self.all.len() - 1
        })
    }
}

#[derive(Default)]
struct Lanes {
    users: Vec<u64>,
    times: Vec<u64>,
    positions: Vec<u64>,
    ordinals: Vec<u64>,
    companies: Vec<u64>,
}

/// Appends a part of sorted rows; positions count from `first_position`. Numbers of all that the rows name must have
/// been given.
pub fn encode<'r>(
    rows: &'r Rows,
    range: std::ops::Range<usize>,
    first_position: u64,
    shared: &Shared,
    out: &mut Vec<u8>,
) {
    let heads = rows.heads.get(range).unwrap_or_default();
    let mut lanes = Lanes::default();
    let (mut envelopes, mut guards) = (Made::default(), Made::default());
    let mut named = Named::default();
    let mut known = read(shared);
    for (row, head) in (0u32..).zip(heads) {
        if row % LOCKED_ROWS == 0 {
            // Whoever gives numbers waits behind this.
            drop(known);
            known = read(shared);
        }
        let payload = rows.payload(head);
        let Place { user, time, position } = head.place;
        lanes.users.push(user.into());
        lanes.times.push(from_signed(time));
        lanes.positions.push(position - first_position);
        let mut cell = |content, name: &'r [u8], value| named.push(row, (content, name), value);
        if head.is_verbatim {
            cell(Content::Verbatim, b"", payload);
        }
        let Ok(event) = Event::decode(payload) else { continue };
        lanes.ordinals.push(event.ordinal.into());
        let company = event.company_id.and_then(|id| known.companies.get(id.as_bytes()));
        lanes.companies.push(company.unwrap_or_default().into());
        envelopes.push(row, |out| put_envelope(&event, out));
        guards.push(row, |out| event.guards().for_each(|guard| guard.encode(out)));
        for (content, text) in [(Content::EventId, event.event_id), (Content::Warnings, event.warnings)] {
            if !text.is_empty() {
                cell(content, b"", text.as_bytes());
            }
        }
        let owners =
            [(Content::Property, event.properties), (Content::CompanyProperty, event.company_properties)];
        for (content, list) in owners {
            list.raw().for_each(|(name, value)| cell(content, name, value));
        }
    }
    let (envelopes, guards) = (envelopes.cells(), guards.cells());
    let mut all = named.all;
    all.push(((Content::Envelopes, b""), envelopes));
    if !guards.rows.is_empty() {
        all.push(((Content::Guards, b""), guards));
    }
    all.sort_unstable_by_key(|(key, _)| *key);
    put(&lanes, all, &known, out);
}

fn put(lanes: &Lanes, named: Vec<(Key<'_>, Cells<'_>)>, known: &Dictionaries, out: &mut Vec<u8>) {
    let rows = lanes.users.len();
    let (mut directory, mut body, mut key) = (Vec::new(), Vec::new(), Vec::new());
    let mut count = 0u64;
    let mut enter = |content: Content, code: u32, bytes: usize| {
        directory.push(content as u8);
        varint::put(&mut directory, code.into());
        varint::put(&mut directory, bytes as u64);
        count += 1;
    };
    let numbers = [
        (Content::Users, &lanes.users, Use::Scanned),
        (Content::Times, &lanes.times, Use::Times),
        (Content::Positions, &lanes.positions, Use::LookedUp),
        (Content::Ordinals, &lanes.ordinals, Use::Scanned),
        (Content::Companies, &lanes.companies, Use::Scanned),
    ];
    for (content, values, used) in numbers {
        let start = body.len();
        lane::encode(values, used, &mut body);
        enter(content, 0, body.len() - start);
    }
    for ((content, name), mut cells) in named {
        let is_property = matches!(content, Content::Property | Content::CompanyProperty);
        property_key(name, &mut key);
        let code = if is_property { known.names.get(&key).unwrap_or_default() } else { 0 };
        cells.are_values = is_property;
        let start = body.len();
        cells.encode(rows, &mut body);
        enter(content, code, body.len() - start);
    }
    varint::put(out, rows as u64);
    varint::put(out, count);
    out.extend_from_slice(&directory);
    out.extend_from_slice(&body);
}

fn put_envelope(event: &Event<'_>, out: &mut Vec<u8>) {
    let flag = |on: bool, bit: u8| if on { bit } else { 0 };
    out.push(event.source as u8);
    out.push(flag(event.occurred_at.is_some(), HAS_OCCURRED_AT) | flag(event.leaves_company, LEAVES_COMPANY));
    varint::put(out, event.key.0.into());
    if let Some(JobNumber(number)) = event.job {
        varint::put(out, number.into());
    }
}

/// What an envelope says about users and companies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// The event is what a CRM knows.
    pub is_of_crm: bool,
    /// The event ends the user's membership.
    pub leaves_company: bool,
}

impl Flags {
    fn of(envelope: &[u8]) -> Flags {
        let mut reader = Reader::new(envelope);
        let source = reader.byte().and_then(Source::from_byte);
        let flags = reader.byte().unwrap_or_default();
        Flags { is_of_crm: source.is_some_and(Source::is_crm), leaves_company: flags & LEAVES_COMPANY != 0 }
    }
}

/// A column of a part, before it is looked into.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// What it holds.
    pub content: u8,
    /// The number of the property's name, or 0.
    pub code: u32,
    /// Its bytes.
    pub bytes: &'a [u8],
}

/// A part read in place.
#[derive(Clone, Debug)]
pub struct Part<'a> {
    /// How many events it has.
    pub rows: usize,
    /// Numbers of users, ascending.
    pub users: Lane<'a>,
    /// Times, as [`from_signed`] makes them.
    pub times: Lane<'a>,
    /// Positions, counted from the segment's first.
    pub positions: Lane<'a>,
    /// Numbers of companies.
    pub companies: Lane<'a>,
    /// Row numbers in a job, 0 otherwise.
    pub ordinals: Lane<'a>,
    /// The columns.
    pub columns: Vec<Entry<'a>>,
}

impl<'a> Part<'a> {
    /// The part that `bytes` are; `None` when they are none.
    pub fn open(bytes: &'a [u8]) -> Option<Part<'a>> {
        let mut reader = Reader::new(bytes);
        let (rows, count) = (reader.length()?, reader.length()?);
        if rows > PART_ROWS_MAX {
            return None;
        }
        let mut entries = Vec::new();
        for _ in 0..count {
            let content = reader.byte()?;
            entries.push((content, u32::try_from(reader.varint()?).ok()?, reader.length()?));
        }
        let mut columns = Vec::with_capacity(entries.len());
        for (content, code, length) in entries {
            columns.push(Entry { content, code, bytes: reader.take(length)? });
        }
        let lane = |content: Content| {
            let entry = columns.iter().find(|entry| entry.content == content as u8)?;
            Lane::open(entry.bytes, rows)
        };
        Some(Part {
            rows,
            users: lane(Content::Users)?,
            times: lane(Content::Times)?,
            positions: lane(Content::Positions)?,
            companies: lane(Content::Companies)?,
            ordinals: lane(Content::Ordinals)?,
            columns,
        })
    }

    /// A column that the part may have.
    pub fn column(&self, content: Content, code: u32) -> Option<Column<'a>> {
        let ours = |entry: &&Entry<'_>| entry.content == content as u8 && entry.code == code;
        Column::open(self.columns.iter().find(ours)?.bytes, self.rows)
    }

    /// The rows of a user.
    pub fn rows_of(&self, user: u32) -> std::ops::Range<usize> {
        self.users.first_at_least(user.into())..self.users.first_at_least(u64::from(user) + 1)
    }

    /// What the envelope of each row says; `None` when none says anything.
    pub fn flags(&self) -> Option<Vec<Flags>> {
        let column = self.column(Content::Envelopes, 0)?;
        let mut says_something = false;
        column.visit(|bytes| {
            says_something |= Flags::of(bytes) != Flags::default();
            !says_something
        });
        if !says_something {
            return None;
        }
        let group = |bytes: &[u8]| {
            let flags = Flags::of(bytes);
            u32::from(flags.is_of_crm) | u32::from(flags.leaves_company) << 1
        };
        let flags = |group: u32| Flags { is_of_crm: group & 1 != 0, leaves_company: group & 2 != 0 };
        Some(column.groups(0..self.rows, 0, group).into_iter().map(flags).collect())
    }

    /// The time of a row.
    pub fn time(&self, row: usize) -> i64 {
        to_signed(self.times.get(row).unwrap_or_default())
    }
}

/// Makes payloads anew from the columns of a part.
pub struct Restorer<'a> {
    part: Part<'a>,
    kind: EventKind,
    name: String,
    columns: Vec<(u8, String, Column<'a>)>,
    draft: EventDraft,
    scratch: Vec<u8>,
}

impl<'a> Restorer<'a> {
    /// For a part of events of this name; `None` when one of its numbers stands for nothing.
    pub fn new(part: Part<'a>, name: u32, known: &Dictionaries) -> Option<Self> {
        let (&kind, name) = known.names.text(name)?.split_first()?;
        let lanes =
            [Content::Users, Content::Times, Content::Positions, Content::Ordinals, Content::Companies];
        let mut columns = Vec::new();
        for entry in &part.columns {
            if lanes.iter().any(|lane| *lane as u8 == entry.content) {
                continue;
            }
            // The byte in front of a property's name is that of no event.
            let name = known.names.text(entry.code)?.get(1..).unwrap_or_default();
            let column = Column::open(entry.bytes, part.rows)?;
            columns.push((entry.content, std::str::from_utf8(name).ok()?.to_owned(), column));
        }
        Some(Restorer {
            kind: EventKind::from_byte(kind)?,
            name: std::str::from_utf8(name).ok()?.to_owned(),
            part,
            columns,
            draft: EventDraft::default(),
            scratch: Vec::new(),
        })
    }

    /// The part.
    pub fn part(&self) -> &Part<'a> {
        &self.part
    }

    /// Appends the payload of a row. Answers whether it was kept whole, `None` when the part makes no sense.
    pub fn restore(&mut self, row: usize, known: &Dictionaries, out: &mut Vec<u8>) -> Option<bool> {
        let draft = &mut self.draft;
        draft.clear();
        let number = |lane: &Lane<'_>| u32::try_from(lane.get(row)?).ok();
        draft.kind = self.kind;
        draft.event_name.push_str(&self.name);
        draft.user_id.push_str(Dictionaries::str_of(&known.users, number(&self.part.users)?)?);
        draft.company_id.push_str(Dictionaries::str_of(&known.companies, number(&self.part.companies)?)?);
        draft.ordinal = number(&self.part.ordinals)?;
        for (content, name, column) in &self.columns {
            let properties = match *content {
                content if content == Content::Property as u8 => Some(&mut draft.properties),
                content if content == Content::CompanyProperty as u8 => Some(&mut draft.company_properties),
                _ => None,
            };
            if let Some(properties) = properties {
                properties.push_encoded(name, |bytes| {
                    column.append(row, bytes);
                });
                continue;
            }
            let bytes = &mut self.scratch;
            bytes.clear();
            if !column.append(row, bytes) {
                continue;
            }
            match *content {
                content if content == Content::Envelopes as u8 => {
                    read_envelope(bytes, self.part.time(row), draft)?;
                }
                content if content == Content::EventId as u8 => {
                    draft.event_id.push_str(std::str::from_utf8(bytes).ok()?);
                }
                content if content == Content::Warnings as u8 => {
                    draft.warnings.push_str(std::str::from_utf8(bytes).ok()?);
                }
                content if content == Content::Guards as u8 => draft.guards.extend(Guard::read_all(bytes)),
                content if content == Content::Verbatim as u8 => {
                    out.extend_from_slice(bytes);
                    return Some(true);
                }
                _ => return None,
            }
        }
        draft.encode(out);
        Some(false)
    }
}

fn read_envelope(bytes: &[u8], time: i64, draft: &mut EventDraft) -> Option<()> {
    let mut reader = Reader::new(bytes);
    draft.source = Source::from_byte(reader.byte()?)?;
    let flags = reader.byte()?;
    draft.key = KeyId(u32::try_from(reader.varint()?).ok()?);
    if !reader.is_empty() {
        draft.job = Some(JobNumber(u32::try_from(reader.varint()?).ok()?));
    }
    draft.occurred_at = (flags & HAS_OCCURRED_AT != 0).then_some(Timestamp(time));
    draft.leaves_company = flags & LEAVES_COMPANY != 0;
    Some(())
}
