//! An event: the only thing that is written.
//!
//! [`EventDraft`] is an event being put together at the edge (reused, no allocation per property); its encoding is
//! the payload of a log record (docs/FORMAT.md, "Event"); [`Event`] reads that encoding in place. Position and
//! received_at are the log's to give and stand in the record's header, not here.

use serde::{Deserialize, Serialize};

use super::guard::Guard;
use super::id::{JobNumber, KeyId};
use super::property::{Properties, PropertyList};
use super::time::Timestamp;
use super::varint::{self, Reader};

/// What happened (spec 4.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum EventKind {
    /// A user's properties were sent.
    #[default]
    IdentifyUser = 1,
    /// A company's properties were sent.
    IdentifyCompany = 2,
    /// A named event of a user.
    Track = 3,
    /// A page was viewed.
    PageView = 4,
    /// A session began.
    SessionStart = 5,
    /// In-product content was seen, completed or dismissed.
    Interaction = 6,
    /// A feature tag was used.
    TrackFeature = 7,
}

impl EventKind {
    /// The contract's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            EventKind::IdentifyUser => "identify_user",
            EventKind::IdentifyCompany => "identify_company",
            EventKind::Track => "track",
            EventKind::PageView => "page_view",
            EventKind::SessionStart => "session_start",
            EventKind::Interaction => "interaction",
            EventKind::TrackFeature => "track_feature",
        }
    }

    /// Reads the contract's word for it.
    pub fn parse(word: &str) -> Option<Self> {
        EventKind::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// Reads the contract's word for one of the four kinds that a row of history may be of.
    pub fn of_row(word: &str) -> Option<Self> {
        use EventKind::{IdentifyCompany, IdentifyUser, PageView, Track};
        [IdentifyUser, IdentifyCompany, Track, PageView].into_iter().find(|kind| kind.as_str() == word)
    }

    /// Every kind.
    pub const ALL: [EventKind; 7] = [
        EventKind::IdentifyUser,
        EventKind::IdentifyCompany,
        EventKind::Track,
        EventKind::PageView,
        EventKind::SessionStart,
        EventKind::Interaction,
        EventKind::TrackFeature,
    ];

    /// The kind whose number in an encoding this is.
    pub fn from_byte(byte: u8) -> Option<Self> {
        EventKind::ALL.into_iter().find(|&kind| kind as u8 == byte)
    }
}

/// Which kind of sender an event came from (spec 4.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Source {
    /// A browser.
    WebClient = 1,
    /// The HTTP API.
    #[default]
    BackendHttp = 2,
    /// HubSpot.
    BackendHubspot = 3,
    /// Salesforce.
    BackendSalesforce = 4,
    /// Segment.
    BackendSegment = 5,
    /// The import API.
    BackendHttpImport = 6,
}

impl Source {
    /// The contract's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Source::WebClient => "web-client",
            Source::BackendHttp => "backend-http",
            Source::BackendHubspot => "backend-hubspot",
            Source::BackendSalesforce => "backend-salesforce",
            Source::BackendSegment => "backend-segment",
            Source::BackendHttpImport => "backend-http-import",
        }
    }

    /// Every source, in the order of the contract.
    pub const ALL: [Source; 6] = [
        Source::WebClient,
        Source::BackendHttp,
        Source::BackendHubspot,
        Source::BackendSalesforce,
        Source::BackendSegment,
        Source::BackendHttpImport,
    ];

    /// Reads the contract's word for it.
    pub fn parse(word: &str) -> Option<Self> {
        Source::ALL.into_iter().find(|source| source.as_str() == word)
    }

    /// Whether it tells of customers without their having been there: no sign of life.
    pub fn is_crm(self) -> bool {
        matches!(self, Source::BackendHubspot | Source::BackendSalesforce)
    }

    /// The source whose number in an encoding this is.
    pub fn from_byte(byte: u8) -> Option<Self> {
        Source::ALL.into_iter().find(|&source| source as u8 == byte)
    }
}

/// What an event says about a user's company.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Membership<'a> {
    /// Nothing.
    #[default]
    Unchanged,
    /// The user now belongs to no company.
    Removed,
    /// The user now belongs to this company.
    Of(&'a str),
}

/// An event being put together. `clear` and reuse.
#[derive(Clone, Debug, Default)]
pub struct EventDraft {
    /// What happened.
    pub kind: EventKind,
    /// Which kind of sender.
    pub source: Source,
    /// The API key that brought it.
    pub key: KeyId,
    /// When it happened, where the caller said so; else the time of receipt.
    pub occurred_at: Option<Timestamp>,
    /// The job whose row it is.
    pub job: Option<JobNumber>,
    /// Row number in a bulk job, 0 otherwise, also for a row of history, whose place in its file means nothing: decides
    /// between facts of the same time (law 3).
    pub ordinal: u32,
    /// The subject; empty for `identify_company`.
    pub user_id: String,
    /// The company named by the event; empty when none is.
    pub company_id: String,
    /// Whether the event ends the user's membership. Never together with a `company_id`.
    pub leaves_company: bool,
    /// The name of a `track` event; empty for identify events.
    pub event_name: String,
    /// The caller's own id of this event; empty when none was given.
    pub event_id: String,
    /// The user's properties (`identify_user`), the company's (`identify_company`) or the event's own.
    pub properties: Properties,
    /// Properties of the company named inside an event about a user.
    pub company_properties: Properties,
    /// Where and on what it happened, under the contract's names: page, browser, screen, country (spec 4.4).
    pub context: Properties,
    /// What makes a repetition of the call recognisable.
    pub guards: Vec<Guard>,
    /// The warnings of the first answer, as a JSON array: a repetition gets them again. Only with guards.
    pub warnings: String,
}

/// In the byte of the kind: the number of a job follows the key's.
const HAS_JOB: u8 = 1 << 7;
/// In the byte of the kind: a context follows everything else.
const HAS_CONTEXT: u8 = 1 << 6;

const HAS_OCCURRED_AT: u8 = 1;
const HAS_ORDINAL: u8 = 1 << 1;
const HAS_USER: u8 = 1 << 2;
const HAS_COMPANY: u8 = 1 << 3;
const LEAVES_COMPANY: u8 = 1 << 4;
const HAS_EVENT_NAME: u8 = 1 << 5;
const HAS_COMPANY_PROPERTIES: u8 = 1 << 6;
const HAS_GUARDS: u8 = 1 << 7;

impl EventDraft {
    /// What is left of an event about a user once the user is erased: what it said about the company that it named,
    /// with the same time and rank. `None` when it named none.
    pub fn of_company_alone(event: &Event<'_>) -> Option<EventDraft> {
        let mut draft = EventDraft {
            kind: EventKind::IdentifyCompany,
            source: event.source,
            key: event.key,
            occurred_at: event.occurred_at,
            job: event.job,
            ordinal: event.ordinal,
            company_id: event.company_id?.to_owned(),
            ..EventDraft::default()
        };
        draft.properties.copy(&event.company_properties);
        Some(draft)
    }

    /// The same event about a user, once the company that it named is erased: the user then has none.
    pub fn without_company(event: &Event<'_>) -> EventDraft {
        let mut draft = EventDraft {
            kind: event.kind,
            source: event.source,
            key: event.key,
            occurred_at: event.occurred_at,
            job: event.job,
            ordinal: event.ordinal,
            user_id: event.user_id.unwrap_or_default().to_owned(),
            leaves_company: true,
            event_name: event.event_name.to_owned(),
            event_id: event.event_id.to_owned(),
            guards: event.guards().collect(),
            warnings: event.warnings.to_owned(),
            ..EventDraft::default()
        };
        draft.properties.copy(&event.properties);
        draft.context.copy(&event.context);
        draft
    }

    /// Says nothing of the company that it names.
    pub fn drop_company(&mut self) {
        self.company_id.clear();
        self.company_properties.clear();
    }

    /// Forgets everything, keeps the memory.
    pub fn clear(&mut self) {
        self.kind = EventKind::default();
        self.source = Source::default();
        self.key = KeyId::default();
        self.occurred_at = None;
        self.job = None;
        self.ordinal = 0;
        self.leaves_company = false;
        for text in [
            &mut self.user_id,
            &mut self.company_id,
            &mut self.event_name,
            &mut self.event_id,
            &mut self.warnings,
        ] {
            text.clear();
        }
        self.properties.clear();
        self.company_properties.clear();
        self.context.clear();
        self.guards.clear();
    }

    /// Becomes the draft that an event was made from; what it held before is gone, the memory stays.
    pub fn copy(&mut self, event: &Event<'_>) {
        self.clear();
        self.kind = event.kind;
        self.source = event.source;
        self.key = event.key;
        self.occurred_at = event.occurred_at;
        self.job = event.job;
        self.ordinal = event.ordinal;
        self.user_id.push_str(event.user_id.unwrap_or_default());
        self.company_id.push_str(event.company_id.unwrap_or_default());
        self.leaves_company = event.leaves_company;
        self.event_name.push_str(event.event_name);
        self.event_id.push_str(event.event_id);
        self.warnings.push_str(event.warnings);
        self.guards.extend(event.guards());
        self.properties.copy(&event.properties);
        self.company_properties.copy(&event.company_properties);
    }

    /// Appends the payload of a log record. All property sets must be settled.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let guarded = !self.guards.is_empty() || !self.event_id.is_empty();
        let flag = |on: bool, bit: u8| if on { bit } else { 0 };
        out.push(
            self.kind as u8 | flag(self.job.is_some(), HAS_JOB) | flag(!self.context.is_empty(), HAS_CONTEXT),
        );
        out.push(self.source as u8);
        out.push(
            flag(self.occurred_at.is_some(), HAS_OCCURRED_AT)
                | flag(self.ordinal != 0, HAS_ORDINAL)
                | flag(!self.user_id.is_empty(), HAS_USER)
                | flag(!self.company_id.is_empty(), HAS_COMPANY)
                | flag(self.leaves_company, LEAVES_COMPANY)
                | flag(!self.event_name.is_empty(), HAS_EVENT_NAME)
                | flag(!self.company_properties.is_empty(), HAS_COMPANY_PROPERTIES)
                | flag(guarded, HAS_GUARDS),
        );
        varint::put(out, u64::from(self.key.0));
        if let Some(JobNumber(number)) = self.job {
            varint::put(out, u64::from(number));
        }
        if let Some(Timestamp(micros)) = self.occurred_at {
            out.extend_from_slice(&micros.to_le_bytes());
        }
        if self.ordinal != 0 {
            varint::put(out, u64::from(self.ordinal));
        }
        for text in [&self.user_id, &self.company_id, &self.event_name] {
            if !text.is_empty() {
                varint::put_bytes(out, text.as_bytes());
            }
        }
        if guarded {
            self.encode_guards(out);
        }
        self.properties.encode(out);
        if !self.company_properties.is_empty() {
            self.company_properties.encode(out);
        }
        if !self.context.is_empty() {
            self.context.encode(out);
        }
    }

    fn encode_guards(&self, out: &mut Vec<u8>) {
        varint::put_bytes(out, self.event_id.as_bytes());
        varint::put_bytes(out, self.warnings.as_bytes());
        varint::put(out, self.guards.len() as u64);
        for guard in &self.guards {
            guard.encode(out);
        }
    }
}

/// An event read in place from the payload of a log record.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// What happened.
    pub kind: EventKind,
    /// Which kind of sender.
    pub source: Source,
    /// The API key that brought it.
    pub key: KeyId,
    /// When it happened, where the caller said so.
    pub occurred_at: Option<Timestamp>,
    /// The job whose row it is.
    pub job: Option<JobNumber>,
    /// Row number in a bulk job, 0 otherwise.
    pub ordinal: u32,
    /// The subject, when the event is about a user.
    pub user_id: Option<&'a str>,
    /// The company named by the event.
    pub company_id: Option<&'a str>,
    /// Whether the event ends the user's membership.
    pub leaves_company: bool,
    /// The name of a `track` event; empty otherwise.
    pub event_name: &'a str,
    /// The caller's own id of this event; empty when none was given.
    pub event_id: &'a str,
    /// The warnings of the first answer, as a JSON array; empty when not guarded.
    pub warnings: &'a str,
    guards: &'a [u8],
    /// The subject's properties, or the event's own.
    pub properties: PropertyList<'a>,
    /// Properties of the company named inside an event about a user.
    pub company_properties: PropertyList<'a>,
    /// Where and on what it happened.
    pub context: PropertyList<'a>,
}

/// Bytes that are no event, although their checksum is right: written by another version, or a defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAnEvent;

impl<'a> Event<'a> {
    /// Reads a payload written by [`EventDraft::encode`].
    ///
    /// # Errors
    /// When the bytes are not one whole event.
    pub fn decode(payload: &'a [u8]) -> Result<Self, NotAnEvent> {
        Self::read(payload).ok_or(NotAnEvent)
    }

    /// Reads a payload that zeros follow: the event, and how many bytes are its own.
    ///
    /// # Errors
    /// When the bytes are not one whole event with nothing but zeros behind it.
    pub fn decode_padded(payload: &'a [u8]) -> Result<(Self, usize), NotAnEvent> {
        let mut reader = Reader::new(payload);
        let event = Self::read_from(&mut reader).ok_or(NotAnEvent)?;
        let padding = reader.rest();
        let is_blank = padding.iter().all(|&byte| byte == 0);
        is_blank.then_some((event, payload.len() - padding.len())).ok_or(NotAnEvent)
    }

    fn read(payload: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(payload);
        Self::read_from(&mut reader).filter(|_| reader.is_empty())
    }

    fn read_from(reader: &mut Reader<'a>) -> Option<Self> {
        let first = reader.byte()?;
        let kind = EventKind::from_byte(first & !(HAS_JOB | HAS_CONTEXT))?;
        let source = Source::from_byte(reader.byte()?)?;
        let flags = reader.byte()?;
        let has = |bit: u8| flags & bit != 0;
        let key = KeyId(u32::try_from(reader.varint()?).ok()?);
        let job = match first & HAS_JOB {
            0 => None,
            _ => Some(JobNumber(u32::try_from(reader.varint()?).ok()?)),
        };
        let occurred_at = if has(HAS_OCCURRED_AT) { Some(Timestamp(reader.int64()?)) } else { None };
        let ordinal = if has(HAS_ORDINAL) { u32::try_from(reader.varint()?).ok()? } else { 0 };
        let user_id = if has(HAS_USER) { Some(reader.text()?) } else { None };
        let company_id = if has(HAS_COMPANY) { Some(reader.text()?) } else { None };
        let event_name = if has(HAS_EVENT_NAME) { reader.text()? } else { "" };
        let (event_id, warnings, guards) = if has(HAS_GUARDS) {
            let (event_id, warnings) = (reader.text()?, reader.text()?);
            let count = reader.length()?;
            (event_id, warnings, reader.take(count.checked_mul(Guard::BYTES)?)?)
        } else {
            ("", "", &[][..])
        };
        let properties = PropertyList::read(reader)?;
        let company_properties =
            if has(HAS_COMPANY_PROPERTIES) { PropertyList::read(reader)? } else { PropertyList::EMPTY };
        let context =
            if first & HAS_CONTEXT != 0 { PropertyList::read(reader)? } else { PropertyList::EMPTY };
        let leaves_company = has(LEAVES_COMPANY);
        Some(Event {
            kind,
            source,
            key,
            occurred_at,
            job,
            ordinal,
            user_id,
            company_id,
            leaves_company,
            event_name,
            event_id,
            warnings,
            guards,
            properties,
            company_properties,
            context,
        })
    }

    /// What makes a repetition of the call recognisable.
    pub fn guards(&self) -> impl Iterator<Item = Guard> + use<'a> {
        Guard::read_all(self.guards)
    }

    /// What the event says about the company of its user.
    pub fn membership(&self) -> Membership<'a> {
        match (self.user_id, self.company_id) {
            (Some(_), Some(company)) => Membership::Of(company),
            (Some(_), None) if self.leaves_company => Membership::Removed,
            _ => Membership::Unchanged,
        }
    }
}

#[cfg(test)]
#[path = "event_tests.rs"]
mod tests;
