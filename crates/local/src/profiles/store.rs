//! The key-value store of an environment (fjall): profiles, what is derived from them, guards and the ledger.
//!
//! Keyspaces (docs/FORMAT.md, "Store"): `users` and `companies` hold profiles by id; `index` holds what lists and
//! searches need; `guards`, `ledger`, `meta`. The store syncs once per moved generation: the log is synced, and
//! `meta/saved` names the position from which to replay.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use fjall::config::CompressionPolicy;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode, Readable};
use muster_kernel::model::id::{KeyId, Position};
use muster_kernel::model::ledger::LedgerRow;
use muster_kernel::model::profile::{Profile, ProfileView};
use muster_kernel::model::time::Timestamp;
use muster_kernel::model::varint::{self, Reader};
use muster_kernel::ports::{ProfileKind, Receipt, StoreError};

use super::mover::{prefix, split_wide_key};
use super::overlay::Guarded;
use super::wide::Wide;

/// Larger means fewer rewrites of each profile by compaction, and a longer start: what is in memory only is read back
/// from the store's journal.
const MEMTABLE_BYTES: u64 = 32 << 20;
const JOURNAL_BYTES_MAX: u64 = 512 << 20;
const SAVED: &[u8] = b"saved";
const FORMAT: &[u8] = b"format";
/// Version of the keys and values of this file. Another one is rebuilt from the log, not migrated.
const STORE_FORMAT: u8 = 2;

/// The open store.
pub struct Store {
    pub(super) database: Database,
    pub(super) directory: PathBuf,
    pub(super) users: Keyspace,
    pub(super) companies: Keyspace,
    pub(super) index: Keyspace,
    pub(super) guards: Keyspace,
    pub(super) ledger: Keyspace,
    pub(super) meta: Keyspace,
}

/// Changes that become visible together.
pub type Batch = fjall::OwnedWriteBatch;

pub(super) fn failed(error: &fjall::Error) -> StoreError {
    StoreError::Failed(format!("the profile store failed: {error}"))
}

impl Store {
    /// Opens or makes the store in a directory.
    ///
    /// # Errors
    /// When the files cannot be used; the directory may then be removed and rebuilt from the log.
    pub fn open(directory: &Path, cache_bytes: u64) -> Result<Store, StoreError> {
        Self::try_open(directory, cache_bytes).map_err(|error| failed(&error)).and_then(|store| {
            store.check_format()?;
            Ok(store)
        })
    }

    /// As [`Store::open`]; a store of another format is removed first: the log still holds all that was in it.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_or_renew(directory: &Path, cache_bytes: u64) -> Result<Store, StoreError> {
        match Store::open(directory, cache_bytes) {
            Err(StoreError::Damaged(what)) => {
                tracing::warn!(directory = %directory.display(), "{what}; it is made anew from the log");
                let unremoved = |error| StoreError::Failed(format!("{what} and cannot be removed: {error}"));
                std::fs::remove_dir_all(directory).map_err(unremoved)?;
                Store::open(directory, cache_bytes)
            }
            opened => opened,
        }
    }

    fn try_open(directory: &Path, cache_bytes: u64) -> fjall::Result<Store> {
        let database = Database::builder(directory)
            .worker_threads(1)
            .cache_size(cache_bytes)
            .max_journaling_size(JOURNAL_BYTES_MAX)
            .manual_journal_persist(true)
            .open()?;
        let plain = || {
            KeyspaceCreateOptions::default().manual_journal_persist(true).max_memtable_size(MEMTABLE_BYTES)
        };
        // Values of a few hundred bytes that are read one at a time: decompressing a block costs more than it saves.
        let uncompressed = || plain().data_block_compression_policy(CompressionPolicy::disabled());
        Ok(Store {
            users: database.keyspace("users", uncompressed)?,
            companies: database.keyspace("companies", uncompressed)?,
            index: database.keyspace("index", plain)?,
            guards: database.keyspace("guards", plain)?,
            ledger: database.keyspace("ledger", plain)?,
            meta: database.keyspace("meta", plain)?,
            directory: directory.to_path_buf(),
            database,
        })
    }

    fn check_format(&self) -> Result<(), StoreError> {
        match self.meta.get(FORMAT).map_err(|error| failed(&error))? {
            None => self.meta.insert(FORMAT, [STORE_FORMAT]).map_err(|error| failed(&error)),
            Some(format) if *format == [STORE_FORMAT] => Ok(()),
            Some(_) => Err(StoreError::Damaged("the profile store has another format".to_owned())),
        }
    }

    /// The position up to which the log is folded into the store.
    ///
    /// # Errors
    /// When reading fails.
    pub fn saved(&self) -> Result<Position, StoreError> {
        let bytes = self.meta.get(SAVED).map_err(|error| failed(&error))?;
        let position = bytes.and_then(|bytes| Some(u64::from_le_bytes(bytes.get(..8)?.try_into().ok()?)));
        Ok(Position(position.unwrap_or(0)))
    }

    /// A batch of changes.
    pub fn batch(&self) -> Batch {
        self.database.batch()
    }

    /// Everything as it is at this moment, between two batches.
    pub fn snapshot(&self) -> Snapshot<'_> {
        Snapshot { store: self, moment: self.database.snapshot() }
    }

    /// Adds to a batch that the log is folded up to `position`.
    pub fn put_saved(&self, batch: &mut Batch, position: Position) {
        batch.insert(&self.meta, SAVED, position.0.to_le_bytes());
    }

    /// Makes everything durable.
    ///
    /// # Errors
    /// When syncing fails.
    pub fn sync(&self) -> Result<(), StoreError> {
        self.database.persist(PersistMode::SyncAll).map_err(|error| failed(&error))
    }

    /// The keyspace of a kind of profile.
    pub fn profiles(&self, kind: ProfileKind) -> &Keyspace {
        match kind {
            ProfileKind::User => &self.users,
            ProfileKind::Company => &self.companies,
        }
    }

    /// What the store knows about a subject.
    ///
    /// # Errors
    /// When reading fails.
    pub fn profile(&self, kind: ProfileKind, id: &str) -> Result<Option<Profile>, StoreError> {
        let bytes = self.profiles(kind).get(id).map_err(|error| failed(&error))?;
        bytes.map(|bytes| decode_profile(&bytes)).transpose()
    }

    /// The ids of all profiles of a kind, sorted.
    pub fn ids(&self, kind: ProfileKind) -> impl Iterator<Item = Result<String, StoreError>> {
        self.profiles(kind).iter().map(|entry| {
            let key = entry.key().map_err(|error| failed(&error))?;
            let damaged = |_| StoreError::Damaged("a profile in the store has no valid id".to_owned());
            String::from_utf8(key.to_vec()).map_err(damaged)
        })
    }

    /// The first outcome of a guarded call.
    ///
    /// # Errors
    /// When reading fails.
    pub fn guarded(&self, key: &[u8; 16]) -> Result<Option<Guarded>, StoreError> {
        let Some(bytes) = self.guards.get(key).map_err(|error| failed(&error))? else { return Ok(None) };
        let damaged = || StoreError::Damaged("a guard in the profile store cannot be read".to_owned());
        decode_guard(&bytes).map(Some).ok_or_else(damaged)
    }

    /// Adds a guard to a batch.
    pub fn put_guard(&self, batch: &mut Batch, key: &[u8; 16], outcome: &Guarded) {
        let mut value = Vec::with_capacity(32 + outcome.warnings.len());
        value.extend_from_slice(&outcome.receipt.position.0.to_le_bytes());
        value.extend_from_slice(&outcome.receipt.received_at.0.to_le_bytes());
        value.extend_from_slice(&outcome.body);
        value.extend_from_slice(outcome.warnings.as_bytes());
        batch.insert(&self.guards, *key, value);
    }

    /// The ledger's rows of the minutes `from ..= to`.
    ///
    /// # Errors
    /// When reading fails.
    pub fn ledger_rows(&self, from: i64, to: i64) -> Result<Vec<LedgerRow>, StoreError> {
        let range = ledger_key(from, KeyId(0))..=ledger_key(to, KeyId(u32::MAX));
        let mut rows = Vec::new();
        for entry in self.ledger.range(range) {
            let value = entry.value().map_err(|error| failed(&error))?;
            rows.push(decode_row(&value)?);
        }
        Ok(rows)
    }

    /// Adds counts to a row of the ledger, inside a batch. One row at most once per batch.
    ///
    /// # Errors
    /// When reading fails.
    pub fn add_ledger(&self, batch: &mut Batch, row: &LedgerRow) -> Result<(), StoreError> {
        let key = ledger_key(row.minute, row.key);
        let mut sum = row.clone();
        if let Some(known) = self.ledger.get(key).map_err(|error| failed(&error))? {
            sum.add(&decode_row(&known)?);
        }
        let mut value = Vec::new();
        crate::ledger::encode_note(&sum, &mut value);
        batch.insert(&self.ledger, key, value);
        Ok(())
    }

    /// The profiles that are unusually wide.
    ///
    /// # Errors
    /// When reading fails.
    pub fn wide(&self) -> Result<Wide, StoreError> {
        let wide = Wide::default();
        for entry in self.index.prefix([prefix::WIDE]) {
            let key = entry.key().map_err(|error| failed(&error))?;
            if let Some((kind, id)) = split_wide_key(&key) {
                wide.add(kind, id);
            }
        }
        Ok(wide)
    }

    /// A number of the index; 0 when absent.
    ///
    /// # Errors
    /// When reading fails.
    pub fn number(&self, key: &[u8]) -> Result<u64, StoreError> {
        let bytes = self.index.get(key).map_err(|error| failed(&error))?;
        Ok(bytes.and_then(|bytes| Reader::new(&bytes).varint()).unwrap_or(0))
    }

    /// Sets a number of the index, inside a batch.
    pub fn put_number(&self, batch: &mut Batch, key: &[u8], number: u64) {
        let mut value = Vec::new();
        varint::put(&mut value, number);
        batch.insert(&self.index, key, value);
    }
}

/// The store at one moment.
pub struct Snapshot<'a> {
    store: &'a Store,
    moment: fjall::Snapshot,
}

impl Snapshot<'_> {
    /// What the store knew about a subject, to be read by [`stored_view`].
    ///
    /// # Errors
    /// When reading fails.
    pub(super) fn profile(&self, kind: ProfileKind, id: &str) -> Result<Option<fjall::Slice>, StoreError> {
        self.moment.get(self.store.profiles(kind), id).map_err(|error| failed(&error))
    }

    /// The sum of the numbers under these keys of the index.
    ///
    /// # Errors
    /// When reading fails.
    pub fn numbers<K: AsRef<[u8]>>(&self, keys: RangeInclusive<K>) -> Result<u64, StoreError> {
        let mut sum = 0;
        for entry in self.moment.range(&self.store.index, keys) {
            let value = entry.value().map_err(|error| failed(&error))?;
            sum += Reader::new(&value).varint().unwrap_or(0);
        }
        Ok(sum)
    }
}

pub(super) fn decode_profile(bytes: &[u8]) -> Result<Profile, StoreError> {
    Profile::from_bytes(bytes.to_vec()).map_err(|_| unreadable_profile())
}

/// Reads a profile in place; the store's own checksums vouch for its bytes.
pub(super) fn stored_view(bytes: &[u8]) -> Result<ProfileView<'_>, StoreError> {
    ProfileView::of(bytes).map_err(|_| unreadable_profile())
}

fn unreadable_profile() -> StoreError {
    StoreError::Damaged("a profile in the store cannot be read".to_owned())
}

fn decode_row(bytes: &[u8]) -> Result<LedgerRow, StoreError> {
    let damaged = || StoreError::Damaged("a ledger row in the store cannot be read".to_owned());
    crate::ledger::decode_note(bytes).ok_or_else(damaged)
}

fn decode_guard(bytes: &[u8]) -> Option<Guarded> {
    let mut reader = Reader::new(bytes);
    let position = Position(u64::from_le_bytes(reader.array()?));
    let received_at = Timestamp(reader.int64()?);
    let body = reader.array()?;
    let warnings = std::str::from_utf8(reader.rest()).ok()?.into();
    Some(Guarded { receipt: Receipt { position, received_at }, body, warnings })
}

/// Minute first, so that a range of time is a range of keys; the sign is flipped so that bytes sort as numbers do.
fn ledger_key(minute: i64, key: KeyId) -> [u8; 12] {
    let mut bytes = [0; 12];
    bytes[..8].copy_from_slice(&(minute.cast_unsigned() ^ (1 << 63)).to_be_bytes());
    bytes[8..].copy_from_slice(&key.0.to_be_bytes());
    bytes
}
