//! An erasure: users or companies that somebody asked to be forgotten, from the moment of acceptance to the certificate
//! (law 6, spec 2.10).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::audit::Actor;
use super::id::{ErasureNumber, JobNumber, KeyId, Position};
use super::job::JobStatus;
use super::time::Timestamp;

/// What is erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErasedKind {
    /// Users.
    Users,
    /// Companies.
    Companies,
}

impl ErasedKind {
    /// The word of the contract: also the key under which a call names the ids.
    pub fn as_str(self) -> &'static str {
        match self {
            ErasedKind::Users => "users",
            ErasedKind::Companies => "companies",
        }
    }
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErasureRequest {
    /// The id that callers are told.
    pub id: String,
    /// What the ids are of.
    pub kind: ErasedKind,
    /// Valid ids, each once.
    pub ids: Vec<String>,
    /// Whether later writes about them are refused.
    pub suppress: bool,
    /// The key that asks; none when a member does.
    pub key: Option<KeyId>,
    /// Who asks, when no key does.
    pub by: Option<Actor>,
    /// When it was asked.
    pub accepted_at: Timestamp,
    /// When the purge begins.
    pub due_at: Timestamp,
    /// By when it is to be complete.
    pub promised_at: Timestamp,
}

/// What one place that holds personal data gave up, and what a second look at it found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceReport {
    /// Its name; docs/API.md lists them.
    pub place: String,
    /// What was removed, by what it was.
    pub removed: BTreeMap<String, u64>,
    /// How many records, entries or lines the second look decoded.
    pub searched: u64,
    /// How many of them still were about the erased ids: 0 in every certificate.
    pub found: u64,
}

/// The proof that an erasure is complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// When the second look ended.
    pub issued_at: Timestamp,
    /// Up to which position the log was searched.
    pub searched_until: Position,
    /// Each place.
    pub places: Vec<PlaceReport>,
}

/// An erasure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erasure {
    /// Its number in the environment.
    pub number: ErasureNumber,
    /// Its id, as callers see it.
    pub id: String,
    /// What the ids are of.
    pub kind: ErasedKind,
    /// Whether later writes about them are refused.
    pub suppress: bool,
    /// The key that asked; none when a member did.
    pub key: Option<KeyId>,
    /// Who asked, when no key did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Actor>,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// When the purge begins.
    pub due_at: Timestamp,
    /// By when it is to be complete.
    pub promised_at: Timestamp,
    /// Where it stands in the log; what was received up to there is erased. None until it is durable there.
    pub position: Option<Position>,
    /// Where it stands.
    pub status: JobStatus,
    /// When the purge began.
    pub started_at: Option<Timestamp>,
    /// When it was complete.
    pub ended_at: Option<Timestamp>,
    /// The ids; forgotten once it is complete.
    pub ids: Vec<String>,
    /// Keyed hashes of the ids, in hexadecimal, in the order of the request.
    pub hashes: Vec<String>,
    /// Jobs that had been accepted and not ended: their rows about the ids are erased as well, whenever they come.
    pub jobs: Vec<JobNumber>,
    /// The last job accepted before.
    pub jobs_until: JobNumber,
    /// Profiles that there were.
    pub profiles: u64,
    /// What was counted before anything was removed; `None` until then.
    pub counted: Option<BTreeMap<String, u64>>,
    /// The proof, once it is complete.
    pub certificate: Option<Certificate>,
}

impl Erasure {
    /// Whether it was not complete in time.
    pub fn is_late(&self, now: Timestamp) -> bool {
        self.ended_at.unwrap_or(now) > self.promised_at
    }
}

/// What an erasure would remove.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WouldErase {
    /// Ids that there is a profile of.
    pub profiles: u64,
    /// Ids that there is none of.
    pub unknown: u64,
    /// Users whose company would be cleared.
    pub members: u64,
    /// Events that would be removed.
    pub events: u64,
}
