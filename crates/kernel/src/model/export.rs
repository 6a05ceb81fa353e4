//! An export: rows of events, users or companies in files that can be downloaded for a while (spec 2.12, 2.13, 4.4).

use serde::{Deserialize, Serialize};

use super::event::{Event, EventKind};
use super::history::time_of;
use super::id::{ExportNumber, KeyId, Position, SegmentId};
use super::job::JobStatus;
use super::problem::Problem;
use super::time::Timestamp;

/// What the rows are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExportKind {
    /// Events, in the order of the log.
    #[default]
    Events,
    /// Users as they are.
    Users,
    /// Companies as they are.
    Companies,
}

impl ExportKind {
    /// Every kind.
    pub const ALL: [ExportKind; 3] = [ExportKind::Events, ExportKind::Users, ExportKind::Companies];

    /// The word that callers see.
    pub fn as_str(self) -> &'static str {
        match self {
            ExportKind::Events => "events",
            ExportKind::Users => "users",
            ExportKind::Companies => "companies",
        }
    }

    /// Reads that word.
    pub fn parse(word: &str) -> Option<Self> {
        ExportKind::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// How a file of rows is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileFormat {
    /// One JSON object on each line.
    #[default]
    Ndjson,
    /// Cells with commas between them, below a header.
    Csv,
    /// Apache Parquet.
    Parquet,
    /// Apache Avro.
    Avro,
}

impl FileFormat {
    /// Every format.
    pub const ALL: [FileFormat; 4] =
        [FileFormat::Ndjson, FileFormat::Csv, FileFormat::Parquet, FileFormat::Avro];

    /// The contract's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            FileFormat::Ndjson => "ndjson",
            FileFormat::Csv => "csv",
            FileFormat::Parquet => "parquet",
            FileFormat::Avro => "avro",
        }
    }

    /// Reads the contract's word for it; `json` is another one for `ndjson`.
    pub fn parse(word: &str) -> Option<Self> {
        let word = if word == "json" { "ndjson" } else { word };
        FileFormat::ALL.into_iter().find(|format| format.as_str() == word)
    }
}

/// Which rows are wanted: those that every filled field lets pass.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExportFilter {
    /// Of events: that happened at or after this time.
    pub from: Option<Timestamp>,
    /// Of events: that happened before this time.
    pub until: Option<Timestamp>,
    /// Of events: of one of these kinds.
    pub kinds: Vec<EventKind>,
    /// About one of these users; sorted.
    pub users: Vec<String>,
    /// About one of these companies, or naming it; sorted.
    pub companies: Vec<String>,
    /// About a member of this segment.
    pub segment: Option<SegmentId>,
}

impl ExportFilter {
    /// Whether everything but the segment lets an event pass.
    pub fn wants(&self, event: &Event<'_>, received_at: Timestamp) -> bool {
        let time = time_of(event, received_at);
        let is_in_time =
            self.from.is_none_or(|from| from <= time) && self.until.is_none_or(|until| time < until);
        is_in_time
            && kinds_of(event).any(|kind| self.wants_kind(kind))
            && names(&self.users, event.user_id)
            && names(&self.companies, event.company_id)
    }

    /// Whether rows of this kind pass.
    pub fn wants_kind(&self, kind: EventKind) -> bool {
        self.kinds.is_empty() || self.kinds.contains(&kind)
    }

    /// Whether the ids let a user of a company pass.
    pub fn wants_user(&self, id: &str, company: Option<&str>) -> bool {
        names(&self.users, Some(id)) && names(&self.companies, company)
    }

    /// Whether the ids let a company pass.
    pub fn wants_company(&self, id: &str) -> bool {
        names(&self.companies, Some(id))
    }
}

/// What the rows of an event are: a user's identity that says something of the company, too, is two.
pub fn kinds_of(event: &Event<'_>) -> impl Iterator<Item = EventKind> {
    let has_two = event.kind == EventKind::IdentifyUser && !event.company_properties.is_empty();
    std::iter::once(event.kind).chain(has_two.then_some(EventKind::IdentifyCompany))
}

/// Whether a sorted list has an id; an empty one has every id, and none too.
fn names(list: &[String], id: Option<&str>) -> bool {
    list.is_empty() || id.is_some_and(|id| list.binary_search_by(|known| known.as_str().cmp(id)).is_ok())
}

/// A file of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportPart {
    /// Rows in it.
    pub rows: u64,
    /// Its length.
    pub bytes: u64,
}

/// An export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Export {
    /// Its number; given by the engine.
    pub number: ExportNumber,
    /// Its id, as callers see it.
    pub id: String,
    /// What its rows are.
    pub kind: ExportKind,
    /// How they are written.
    pub format: FileFormat,
    /// Which of them.
    pub filter: ExportFilter,
    /// Where it stands: `queued`, `processing`, `completed` or `failed`.
    pub status: JobStatus,
    /// The key that asked for it; none when a member did.
    pub key: Option<KeyId>,
    /// When it was asked for.
    pub asked_at: Timestamp,
    /// When work on it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// The last event that may be in it.
    pub position: Position,
    /// How often it was begun. Files are of one round, and never of two.
    pub round: u32,
    /// Up to where erasures were hidden from whoever writes the files of this round.
    pub hidden_until: Position,
    /// The files that are whole and durable, in order.
    pub parts: Vec<ExportPart>,
    /// With what the links to its files are signed, in hexadecimal.
    pub secret: String,
    /// Whether somebody asked for its end.
    pub is_cancelled: bool,
    /// Why it failed.
    pub reason: Option<Problem>,
}

impl Export {
    /// Rows in all files.
    pub fn rows(&self) -> u64 {
        self.parts.iter().map(|part| part.rows).sum()
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.bytes).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::EventDraft;

    #[test]
    fn words_read_back_and_json_is_ndjson() {
        for kind in ExportKind::ALL {
            assert_eq!(ExportKind::parse(kind.as_str()), Some(kind));
        }
        for format in FileFormat::ALL {
            assert_eq!(FileFormat::parse(format.as_str()), Some(format));
        }
        assert_eq!(FileFormat::parse("json"), Some(FileFormat::Ndjson));
        assert_eq!((FileFormat::parse("xlsx"), ExportKind::parse("event")), (None, None));
    }

    #[test]
    fn an_event_passes_when_every_filled_field_lets_it() {
        let draft = EventDraft {
            kind: EventKind::Track,
            user_id: "u".to_owned(),
            event_name: "paid".to_owned(),
            occurred_at: Some(Timestamp(10)),
            ..EventDraft::default()
        };
        let mut payload = Vec::new();
        draft.encode(&mut payload);
        let event = Event::decode(&payload).unwrap();
        let wants = |change: fn(&mut ExportFilter)| {
            let mut filter = ExportFilter::default();
            change(&mut filter);
            filter.wants(&event, Timestamp(99))
        };
        assert!(wants(|_| {}));
        assert!(wants(|filter| filter.from = Some(Timestamp(10))), "from is in it");
        assert!(!wants(|filter| filter.from = Some(Timestamp(11))));
        assert!(!wants(|filter| filter.until = Some(Timestamp(10))), "until is not");
        assert!(wants(|filter| filter.until = Some(Timestamp(11))));
        assert!(wants(|filter| filter.kinds = vec![EventKind::PageView, EventKind::Track]));
        assert!(!wants(|filter| filter.kinds = vec![EventKind::PageView]));
        assert!(wants(|filter| filter.users = vec!["t".to_owned(), "u".to_owned()]));
        assert!(!wants(|filter| filter.users = vec!["t".to_owned()]));
        assert!(!wants(|filter| filter.companies = vec!["c".to_owned()]), "it names none");
    }
}
