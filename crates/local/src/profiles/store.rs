//! The key-value store of an environment (fjall): where profiles are, what is derived from them, guards and the ledger.
//!
//! Keyspaces (docs/FORMAT.md, "Store"): `users` and `companies` say by id where in the value log a profile is; `index`
//! holds what lists and searches need; `guards`, `ledger`, `meta`. The store syncs once per moved generation: the log is synced, and
//! `meta/saved` names the position from which to replay.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fjall::config::CompressionPolicy;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode, Readable};
use muster_kernel::model::id::{KeyId, Position};
use muster_kernel::model::ledger::LedgerRow;
use muster_kernel::model::profile::{Profile, ProfileView};
use muster_kernel::model::time::Timestamp;
use muster_kernel::model::varint::{self, Reader};
use muster_kernel::ports::{ProfileKind, Receipt, StoreError};

use super::guarded::Guarded;
use super::mover::{prefix, split_wide_key};
use super::turns::Turns;
use super::values::{self, Extent, Files, Place, ValueLog};
use super::wide::Wide;
use crate::disk::Disk;

/// Larger means fewer rewrites by compaction, and a longer start: what is in memory only is read back from the store's
/// journal.
const MEMTABLE_BYTES: u64 = 8 << 20;
const JOURNAL_BYTES_MAX: u64 = 64 << 20;
const SAVED: &[u8] = b"saved";
const FORMAT: &[u8] = b"format";
const VALUES: &[u8] = b"values";
const TAKEN_OUT: &[u8] = b"taken_out";
/// Version of the keys and values of this file. Another one is rebuilt from the log, not migrated.
const STORE_FORMAT: u8 = 4;

/// The open store.
pub struct Store {
    pub(super) database: Database,
    pub(super) users: Keyspace,
    pub(super) companies: Keyspace,
    pub(super) index: Keyspace,
    pub(super) guards: Keyspace,
    pub(super) ledger: Keyspace,
    pub(super) meta: Keyspace,
    /// Where the database is.
    pub(super) directory: PathBuf,
    values: ValueLog,
    turns: Turns,
}

/// Where a store is.
#[derive(Clone)]
pub struct Home {
    /// The environment's directory; the store is in `profiles` of it, the value log in `values`.
    pub directory: PathBuf,
    /// The disk that the value log is on.
    pub disk: Arc<dyn Disk>,
    /// A file of the value log is closed once it is this long.
    pub value_file_bytes: u32,
    /// Whether the value log is to stay exactly as it is.
    pub read_only: bool,
}

/// Changes that become visible together.
pub type Batch = fjall::OwnedWriteBatch;

pub(crate) fn failed(error: &fjall::Error) -> StoreError {
    StoreError::Failed(format!("the profile store failed: {error}"))
}

impl Store {
    /// Opens or makes the store of an environment.
    ///
    /// # Errors
    /// When the files cannot be used; they may then be removed and rebuilt from the log.
    pub fn open(home: &Home, cache_bytes: u64) -> Result<Store, StoreError> {
        let directory = home.directory.join("profiles");
        let (database, meta) = open_database(&directory, cache_bytes).map_err(|error| failed(&error))?;
        check_format(&meta)?;
        let extent = match meta.get(VALUES).map_err(|error| failed(&error))? {
            Some(bytes) => Some(Extent::of(&bytes).ok_or_else(unreadable_profile)?),
            None => None,
        };
        let place = home.directory.join("values");
        let values = ValueLog::open(
            Arc::clone(&home.disk),
            &place,
            home.value_file_bytes,
            extent.as_ref(),
            home.read_only,
        )?;
        Self::open_keyspaces(database, meta, directory, values).map_err(|error| failed(&error))
    }

    /// As [`Store::open`]; a store that is damaged or of another format is removed first: the log still holds all that
    /// was in it.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_or_renew(home: &Home, cache_bytes: u64) -> Result<Store, StoreError> {
        match Store::open(home, cache_bytes) {
            Err(StoreError::Damaged(what)) => {
                let directory = home.directory.join("profiles");
                tracing::warn!(directory = %directory.display(), "{what}; it is made anew from the log");
                let unremoved = |error| StoreError::Failed(format!("{what} and cannot be removed: {error}"));
                std::fs::remove_dir_all(directory).map_err(unremoved)?;
                Store::open(home, cache_bytes)
            }
            opened => opened,
        }
    }

    fn open_keyspaces(
        database: Database,
        meta: Keyspace,
        directory: PathBuf,
        values: ValueLog,
    ) -> fjall::Result<Store> {
        // Keys and places that are read one at a time: decompressing a block costs more than it saves.
        let uncompressed = || plain().data_block_compression_policy(CompressionPolicy::disabled());
        Ok(Store {
            users: database.keyspace("users", uncompressed)?,
            companies: database.keyspace("companies", uncompressed)?,
            index: database.keyspace("index", plain)?,
            guards: database.keyspace("guards", plain)?,
            ledger: database.keyspace("ledger", plain)?,
            meta,
            directory,
            values,
            turns: Turns::default(),
            database,
        })
    }

    /// The position up to which the log is folded into the store.
    ///
    /// # Errors
    /// When reading fails.
    pub fn saved(&self) -> Result<Position, StoreError> {
        self.position(SAVED)
    }

    /// The position of the last mark of an erasure that is out of the store. It may be behind what is saved: the store may
    /// then hold some of what came after that mark, and nothing of before.
    ///
    /// # Errors
    /// When reading fails.
    pub fn taken_out(&self) -> Result<Position, StoreError> {
        self.position(TAKEN_OUT)
    }

    fn position(&self, key: &[u8]) -> Result<Position, StoreError> {
        let bytes = self.meta.get(key).map_err(|error| failed(&error))?;
        let position = bytes.and_then(|bytes| Some(u64::from_le_bytes(bytes.get(..8)?.try_into().ok()?)));
        Ok(Position(position.unwrap_or(0)))
    }

    /// A batch of changes.
    pub fn batch(&self) -> Batch {
        self.database.batch()
    }

    /// Everything as it is at this moment, between two batches.
    pub fn snapshot(&self) -> Snapshot<'_> {
        self.values.with_files(|files| Snapshot {
            store: self,
            moment: self.database.snapshot(),
            files: Arc::clone(files),
        })
    }

    /// The profiles themselves.
    pub(crate) fn values(&self) -> &ValueLog {
        &self.values
    }

    /// Whose turn it is to replace places.
    pub(super) fn turns(&self) -> &Turns {
        &self.turns
    }

    /// Makes the values that were appended durable, and adds to a batch what goes with their places.
    ///
    /// # Errors
    /// When that fails; the batch must not be committed then.
    pub(super) fn flush_values(&self, batch: &mut Batch) -> Result<(), StoreError> {
        let extent = self.values.flush()?;
        batch.insert(&self.meta, VALUES, extent.to_bytes());
        Ok(())
    }

    /// Adds to a batch that the log is folded up to `position`.
    pub fn put_saved(&self, batch: &mut Batch, position: Position) {
        batch.insert(&self.meta, SAVED, position.0.to_le_bytes());
    }

    /// Adds to a batch that every erasure up to `position` is out of the store.
    pub(super) fn put_taken_out(&self, batch: &mut Batch, position: Position) {
        batch.insert(&self.meta, TAKEN_OUT, position.0.to_le_bytes());
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
        let bytes = self.value(kind, id)?;
        bytes.map(|(_, bytes)| decode_profile(bytes)).transpose()
    }

    /// Where a profile is, and its bytes, to be read by [`stored_view`].
    ///
    /// # Errors
    /// When reading fails.
    pub(super) fn value(&self, kind: ProfileKind, id: &str) -> Result<Option<(Place, Vec<u8>)>, StoreError> {
        let mut before = None;
        loop {
            let Some(place) = self.place(kind, id)? else { return Ok(None) };
            if let Some(value) = values::value(&self.values.files(), place, kind, id)? {
                return Ok(Some((place, value)));
            }
            // Its file was removed between the two looks: it has moved, and its new place is known.
            if before.replace(place) == Some(place) {
                return Err(unreadable_profile());
            }
        }
    }

    /// Where a profile is.
    ///
    /// # Errors
    /// When reading fails.
    pub(super) fn place(&self, kind: ProfileKind, id: &str) -> Result<Option<Place>, StoreError> {
        let bytes = self.profiles(kind).get(id).map_err(|error| failed(&error))?;
        bytes.map(|bytes| Place::of(&bytes).ok_or_else(unreadable_profile)).transpose()
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
        batch.insert(&self.guards, *key, encode_guard(outcome));
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

    /// Sets a row of the ledger, inside a batch.
    pub fn set_ledger(&self, batch: &mut Batch, row: &LedgerRow) {
        let mut value = Vec::new();
        crate::ledger::encode_note(row, &mut value);
        batch.insert(&self.ledger, ledger_key(row.minute, row.key), value);
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
    files: Files,
}

/// Sees the id and the bytes of a profile.
type SeeProfile<'a> = dyn FnMut(&str, &[u8]) -> Result<(), StoreError> + 'a;

impl Snapshot<'_> {
    /// What the store knew about a subject, to be read by [`stored_view`].
    ///
    /// # Errors
    /// When reading fails.
    pub(super) fn profile(&self, kind: ProfileKind, id: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let found = self.moment.get(self.store.profiles(kind), id).map_err(|error| failed(&error))?;
        let Some(bytes) = found else { return Ok(None) };
        let place = Place::of(&bytes).ok_or_else(unreadable_profile)?;
        values::value(&self.files, place, kind, id)?.map(Some).ok_or_else(unreadable_profile)
    }

    /// Shows every profile of a kind, by id; to be read by [`stored_view`].
    ///
    /// # Errors
    /// When reading fails, or `see` answers an error.
    pub(super) fn each(&self, kind: ProfileKind, see: &mut SeeProfile<'_>) -> Result<(), StoreError> {
        for entry in self.moment.iter(self.store.profiles(kind)) {
            let (key, bytes) = entry.into_inner().map_err(|error| failed(&error))?;
            let Ok(id) = std::str::from_utf8(&key) else {
                return Err(StoreError::Damaged("a profile in the store has no valid id".to_owned()));
            };
            let place = Place::of(&bytes).ok_or_else(unreadable_profile)?;
            let value = values::value(&self.files, place, kind, id)?.ok_or_else(unreadable_profile)?;
            see(id, &value)?;
        }
        Ok(())
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

fn open_database(directory: &Path, cache_bytes: u64) -> fjall::Result<(Database, Keyspace)> {
    let database = Database::builder(directory)
        .worker_threads(1)
        .cache_size(cache_bytes)
        .max_journaling_size(JOURNAL_BYTES_MAX)
        .manual_journal_persist(true)
        .open()?;
    let meta = database.keyspace("meta", plain)?;
    Ok((database, meta))
}

fn plain() -> KeyspaceCreateOptions {
    KeyspaceCreateOptions::default().manual_journal_persist(true).max_memtable_size(MEMTABLE_BYTES)
}

fn check_format(meta: &Keyspace) -> Result<(), StoreError> {
    match meta.get(FORMAT).map_err(|error| failed(&error))? {
        None => meta.insert(FORMAT, [STORE_FORMAT]).map_err(|error| failed(&error)),
        Some(format) if *format == [STORE_FORMAT] => Ok(()),
        Some(_) => Err(StoreError::Damaged("the profile store has another format".to_owned())),
    }
}

pub(super) fn decode_profile(bytes: Vec<u8>) -> Result<Profile, StoreError> {
    Profile::from_bytes(bytes).map_err(|_| unreadable_profile())
}

/// Reads a profile in place; the checksum of the value log vouches for its bytes.
pub(super) fn stored_view(bytes: &[u8]) -> Result<ProfileView<'_>, StoreError> {
    ProfileView::of(bytes).map_err(|_| unreadable_profile())
}

fn unreadable_profile() -> StoreError {
    StoreError::Damaged("a profile in the store cannot be read".to_owned())
}

pub(super) fn decode_row(bytes: &[u8]) -> Result<LedgerRow, StoreError> {
    let damaged = || StoreError::Damaged("a ledger row in the store cannot be read".to_owned());
    crate::ledger::decode_note(bytes).ok_or_else(damaged)
}

/// The first outcome of a guarded call as bytes.
pub(crate) fn encode_guard(outcome: &Guarded) -> Vec<u8> {
    let mut value = Vec::with_capacity(32 + outcome.warnings.len());
    value.extend_from_slice(&outcome.receipt.position.0.to_le_bytes());
    value.extend_from_slice(&outcome.receipt.received_at.0.to_le_bytes());
    value.extend_from_slice(&outcome.body);
    value.extend_from_slice(outcome.warnings.as_bytes());
    value
}

/// Reads what [`encode_guard`] wrote.
pub(crate) fn decode_guard(bytes: &[u8]) -> Option<Guarded> {
    let mut reader = Reader::new(bytes);
    let position = Position(u64::from_le_bytes(reader.array()?));
    let received_at = Timestamp(reader.int64()?);
    let body = reader.array()?;
    let warnings = std::str::from_utf8(reader.rest()).ok()?.into();
    Some(Guarded { receipt: Receipt { position, received_at }, body, warnings })
}

/// Minute first, so that a range of time is a range of keys; the sign is flipped so that bytes sort as numbers do.
pub(crate) fn ledger_key(minute: i64, key: KeyId) -> [u8; 12] {
    let mut bytes = [0; 12];
    bytes[..8].copy_from_slice(&(minute.cast_unsigned() ^ (1 << 63)).to_be_bytes());
    bytes[8..].copy_from_slice(&key.0.to_be_bytes());
    bytes
}
