//! An erasure and its certificate as answers show them.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use muster_kernel::model::catalog::{BackupNote, CatalogState};
use muster_kernel::model::erasure::{Certificate, Erasure, PlaceReport};
use muster_kernel::model::id::EnvironmentId;
use muster_kernel::model::sync::SyncPlace;
use muster_kernel::model::time::Timestamp;

use super::answer::Instant;
use crate::admin::Actor;

/// An erasure.
#[derive(Serialize, ToSchema)]
#[schema(as = Erasure)]
pub(crate) struct ErasureBody {
    /// Its id.
    id: String,
    /// `users` or `companies`.
    kind: &'static str,
    /// `queued`, `processing`, `pending_refresh` (the second look) or `completed`.
    status: &'static str,
    /// How many ids were named.
    ids: usize,
    /// Whether later writes about them are refused.
    suppress: bool,
    /// Who asked; null of one that was accepted before this was kept.
    #[schema(required = true)]
    asked_by: Option<AskerBody>,
    /// When it was accepted: what was received up to then is hidden since.
    #[schema(value_type = Instant)]
    accepted_at: Instant,
    /// When the purge begins.
    #[schema(value_type = Instant)]
    due_at: Instant,
    /// By when it is to be complete.
    #[schema(value_type = Instant)]
    promised_at: Instant,
    /// Whether it was not, or is not.
    is_late: bool,
    /// When the purge began.
    #[schema(value_type = Option<Instant>, required = true)]
    started_at: Option<Instant>,
    /// When it was complete.
    #[schema(value_type = Option<Instant>, required = true)]
    ended_at: Option<Instant>,
    /// Jobs that were accepted before and had not ended then: the purge waits for their end.
    jobs: usize,
    /// The proof; null until it is complete.
    #[schema(required = true)]
    certificate: Option<CertificateBody>,
    /// Backups that were begun before it was complete, and still hold what it erased: remove them, or name this data
    /// directory when one is restored (`--erased-in`).
    backups: Vec<BackupBody>,
    /// Folders into which days were synced before it was complete. They hold what it erased until each of those days is
    /// written again.
    synced: Vec<SyncedBody>,
}

/// A folder that days were synced into.
#[derive(Serialize, ToSchema)]
#[schema(as = ErasureSynced)]
struct SyncedBody {
    /// The folder: a directory of the server's machine, or a bucket.
    folder: String,
    /// When a day was last written there.
    #[schema(value_type = Instant)]
    last_at: Instant,
}

/// A backup on the server's machine.
#[derive(Serialize, ToSchema)]
#[schema(as = ErasureBackup)]
struct BackupBody {
    /// When it was begun.
    #[schema(value_type = Instant)]
    made_at: Instant,
    /// Its directory.
    into: String,
}

/// Who asked for an erasure.
#[derive(Serialize, ToSchema)]
#[schema(as = ErasureAsker)]
pub(crate) struct AskerBody {
    /// `member` or `key`.
    #[schema(example = "member")]
    kind: &'static str,
    /// The member's name at that time, or the key's.
    #[schema(example = "Ada Lovelace")]
    name: String,
}

/// The proof that an erasure is complete.
#[derive(Serialize, ToSchema)]
#[schema(as = Certificate)]
pub(crate) struct CertificateBody {
    /// When the second look ended.
    #[schema(value_type = Instant)]
    issued_at: Instant,
    /// Keyed hashes of the ids, in the order in which they were named. The key never leaves the server.
    subjects: Vec<String>,
    /// Each place that holds personal data.
    places: Vec<PlaceBody>,
}

/// What one place gave up, and what the second look at it found.
#[derive(Serialize, ToSchema)]
#[schema(as = ErasurePlace)]
struct PlaceBody {
    /// `log`, `jobs` or `profiles`.
    place: String,
    /// What was removed, by what it was.
    removed: BTreeMap<String, u64>,
    /// How many records, lines or entries the second look decoded.
    searched: u64,
    /// How many of them still were about the ids: 0.
    found: u64,
}

impl ErasureBody {
    /// An erasure as it stands `now`; the catalog knows the keys' names.
    pub(crate) fn new(
        erasure: &Erasure,
        environment: EnvironmentId,
        catalog: &CatalogState,
        now: Timestamp,
    ) -> Self {
        let certificate = |certificate: &Certificate| CertificateBody {
            issued_at: Instant(certificate.issued_at),
            subjects: erasure.hashes.clone(),
            places: certificate.places.iter().cloned().map(PlaceBody::from).collect(),
        };
        ErasureBody {
            id: erasure.id.clone(),
            kind: erasure.kind.as_str(),
            status: erasure.status.as_str(),
            ids: erasure.hashes.len(),
            suppress: erasure.suppress,
            asked_by: AskerBody::of(erasure, catalog),
            accepted_at: Instant(erasure.accepted_at),
            due_at: Instant(erasure.due_at),
            promised_at: Instant(erasure.promised_at),
            is_late: erasure.is_late(now),
            started_at: erasure.started_at.map(Instant),
            ended_at: erasure.ended_at.map(Instant),
            jobs: erasure.jobs.len(),
            certificate: erasure.certificate.as_ref().map(certificate),
            backups: older_backups(erasure, catalog),
            synced: synced_before(erasure, environment, catalog),
        }
    }
}

fn older_backups(erasure: &Erasure, catalog: &CatalogState) -> Vec<BackupBody> {
    let is_older = |backup: &&BackupNote| erasure.ended_at.is_none_or(|ended| backup.made_at < ended);
    let body =
        |backup: &BackupNote| BackupBody { made_at: Instant(backup.made_at), into: backup.into.clone() };
    catalog.backups.iter().filter(is_older).map(body).collect()
}

fn synced_before(erasure: &Erasure, environment: EnvironmentId, catalog: &CatalogState) -> Vec<SyncedBody> {
    let places = catalog.sync(environment).map(|sync| sync.places.as_slice()).unwrap_or_default();
    let is_older = |place: &&SyncPlace| erasure.ended_at.is_none_or(|ended| place.first_at < ended);
    let body =
        |place: &SyncPlace| SyncedBody { folder: place.folder.clone(), last_at: Instant(place.last_at) };
    places.iter().filter(is_older).map(body).collect()
}

impl AskerBody {
    fn of(erasure: &Erasure, catalog: &CatalogState) -> Option<Self> {
        if let Some(id) = erasure.key {
            let name = catalog.keys.iter().find(|key| key.id == id).map(|key| key.name.clone());
            return Some(AskerBody { kind: "key", name: name.unwrap_or_default() });
        }
        match &erasure.by {
            Some(Actor::Member { name, .. }) => Some(AskerBody { kind: "member", name: name.clone() }),
            _ => None,
        }
    }
}

impl From<PlaceReport> for PlaceBody {
    fn from(report: PlaceReport) -> Self {
        let PlaceReport { place, removed, searched, found } = report;
        PlaceBody { place, removed, searched, found }
    }
}
