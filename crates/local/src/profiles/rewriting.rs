//! Makes the store's own files forget what was taken out of it.
//!
//! A removed value lives on in the write-ahead journal, in tables below its removal, and in tables that were replaced
//! but are still read. So: the journal is ended (the library does that on its own only when 64 MB stand in it, so it is
//! filled up with noise), everything in memory is flushed, which lets the ended journals go, and every table is
//! compacted into new ones. The proof is in the names: journals and tables are numbered and never take a number twice, so
//! when no file of before is left, nothing of before is.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fjall::{AbstractTree, Keyspace, KeyspaceCreateOptions};
use muster_kernel::ports::{ProfileKind, StoreError};

use super::mover::{prefix, split_wide_key};
use super::store::{Store, failed};
use super::tidy::{each_value, rewrite_values};

/// Noise that is written at a time; also what is held in memory of it.
const NOISE_BYTES: usize = 16 << 20;
const NOISE_VALUE_BYTES: usize = 1 << 20;
/// A journal is ended by 64 MB; what was in it before counts as well.
const NOISE_ROUNDS_MAX: usize = 8;
/// How long old files may be held by readers before the purge gives up and is done again.
const WAIT_MAX: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// A key that no profile, index entry or guard is ever kept under.
const NEVER_A_KEY: [u8; 1] = [0];

/// Is shown the ids that an entry names.
pub(crate) type SeeIds<'a> = dyn FnMut(&[(ProfileKind, &str)]) -> Result<(), StoreError> + 'a;

impl Store {
    /// Replaces every file that could hold something that was removed. Others read and write meanwhile.
    ///
    /// # Errors
    /// When the store fails, or a file of before is still there after a while.
    pub(crate) fn rewrite(&self, stop: &dyn Fn() -> bool) -> Result<(), StoreError> {
        let stopped = || if stop() { Err(crate::erasure::places::stopped()) } else { Ok(()) };
        rewrite_values(self, &stopped)?;
        let failed = |error: fjall::Error| failed(&error);
        let plain = || KeyspaceCreateOptions::default().manual_journal_persist(true);
        let noise = self.database.keyspace("noise", plain).map_err(failed)?;
        let done = self.replace_files(&noise, &stopped);
        // Clearing it lets go of its tables and leaves them on the disk.
        self.database.delete_keyspace(noise).map_err(failed)?;
        done.and_then(|()| self.sync())
    }

    fn replace_files(
        &self,
        noise: &Keyspace,
        stopped: &dyn Fn() -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut before = self.files();
        self.end_journal(noise)?;
        let (waited, mut has_flushed) = (Waiting::new(), false);
        loop {
            // A journal goes once every keyspace has a table with something newer. So each gets something to flush, and
            // all are flushed before a compaction may take an empty table away again.
            noise.insert(NEVER_A_KEY, []).map_err(|error| failed(&error))?;
            for keyspace in self.keyspaces() {
                keyspace.remove(NEVER_A_KEY).map_err(|error| failed(&error))?;
            }
            flush(self.keyspaces().into_iter().chain([noise]))?;
            if !has_flushed {
                // What was in memory may have brought what was removed into these, and its removal with it.
                before.extend(self.files().into_iter().filter(|path| !is_journal(path)));
                has_flushed = true;
            }
            for keyspace in self.keyspaces() {
                keyspace.major_compact().map_err(|error| failed(&error))?;
                stopped()?;
            }
            let left: Vec<PathBuf> = self.files().intersection(&before).cloned().collect();
            if left.is_empty() {
                return Ok(());
            }
            waited.pause(|| {
                format!("{} files of before are still held, {} first", left.len(), left[0].display())
            })?;
        }
    }

    /// Shows what each entry of each table names: of profiles their id, of index entries the ids in them; and of each
    /// value of the value log its subject and the company. Removed and replaced ones are shown as well, as long as a file
    /// holds them.
    ///
    /// # Errors
    /// When a table cannot be read, or `see` says so.
    pub(crate) fn entries(&self, see: &mut SeeIds<'_>) -> Result<(), StoreError> {
        for kind in [ProfileKind::User, ProfileKind::Company] {
            each_key(self.profiles(kind), &mut |key| {
                let id = std::str::from_utf8(key).ok().map(|id| (kind, id));
                see(id.as_slice())
            })?;
        }
        each_key(&self.index, &mut |key| see(&ids_of_index(key)))?;
        each_value(self, see)
    }

    /// Forgets the first outcomes of guarded calls, each unless another call took its key since.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) fn forget_guards(
        &self,
        guards: &[([u8; 16], muster_kernel::model::id::Position)],
    ) -> Result<(), StoreError> {
        if guards.is_empty() {
            return Ok(());
        }
        let mut batch = self.batch();
        for (key, position) in guards {
            if self.guarded(key)?.is_some_and(|known| known.receipt.position == *position) {
                batch.remove(&self.guards, *key);
            }
        }
        batch.commit().map_err(|error| failed(&error))?;
        // The events that name them go next.
        self.sync()
    }

    fn keyspaces(&self) -> [&Keyspace; 6] {
        [&self.users, &self.companies, &self.index, &self.guards, &self.ledger, &self.meta]
    }

    /// Writes noise until the library begins another journal.
    fn end_journal(&self, noise: &Keyspace) -> Result<(), StoreError> {
        let failed = |error: fjall::Error| failed(&error);
        let active = self.last_journal();
        let mut round = 0;
        while self.last_journal() == active {
            if round == NOISE_ROUNDS_MAX {
                return Err(StoreError::Failed("the store's journal does not end".to_owned()));
            }
            for number in 0..NOISE_BYTES / NOISE_VALUE_BYTES {
                let seed = (round * NOISE_BYTES + number) as u64;
                noise.insert(seed.to_le_bytes(), make_noise(seed)).map_err(failed)?;
            }
            flush([noise])?;
            noise.clear().map_err(failed)?;
            round += 1;
        }
        Ok(())
    }

    /// Journals, and the tables of what is kept here.
    fn files(&self) -> BTreeSet<PathBuf> {
        let mut found = names_in(&self.directory);
        found.retain(|path| is_journal(path));
        for keyspace in self.keyspaces() {
            found.extend(names_in(&keyspace.path().join("tables")));
        }
        found
    }

    fn last_journal(&self) -> Option<u64> {
        let journals = self.files();
        let numbers = journals.iter().filter(|path| is_journal(path));
        numbers.filter_map(|path| path.file_stem()?.to_str()?.parse().ok()).max()
    }
}

/// Writes what keyspaces hold in memory into tables, and waits for that.
fn flush<'k>(keyspaces: impl IntoIterator<Item = &'k Keyspace>) -> Result<(), StoreError> {
    let keyspaces: Vec<&Keyspace> = keyspaces.into_iter().collect();
    for keyspace in &keyspaces {
        keyspace.rotate_memtable().map_err(|error| failed(&error))?;
    }
    let waited = Waiting::new();
    while keyspaces.iter().any(|keyspace| keyspace.tree.sealed_memtable_count() > 0) {
        waited.pause(|| "the store does not flush".to_owned())?;
    }
    Ok(())
}

fn is_journal(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "jnl")
}

fn names_in(directory: &Path) -> BTreeSet<PathBuf> {
    // What vanishes while it is listed is gone, which is what is asked.
    std::fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

/// Shows the key of every entry that a table of the keyspace holds, dead ones too.
fn each_key(
    keyspace: &Keyspace,
    see: &mut dyn FnMut(&[u8]) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let version = keyspace.tree.current_version();
    for table in version.iter_tables() {
        for entry in table.iter() {
            let entry = entry.map_err(|error| failed(&error.into()))?;
            see(&entry.key.user_key)?;
        }
    }
    Ok(())
}

fn ids_of_index(key: &[u8]) -> Vec<(ProfileKind, &str)> {
    let Some((first, rest)) = key.split_first() else { return Vec::new() };
    let text = |bytes| std::str::from_utf8(bytes).ok();
    let pair = || {
        let zero = rest.iter().position(|&byte| byte == 0)?;
        Some((text(&rest[..zero])?, text(&rest[zero + 1..])?))
    };
    let ids = match *first {
        prefix::MEMBER => {
            pair().map(|(company, user)| vec![(ProfileKind::Company, company), (ProfileKind::User, user)])
        }
        prefix::MEMBER_COUNT => text(rest).map(|company| vec![(ProfileKind::Company, company)]),
        prefix::USER_TERM => pair().map(|(_, user)| vec![(ProfileKind::User, user)]),
        prefix::COMPANY_TERM => pair().map(|(_, company)| vec![(ProfileKind::Company, company)]),
        prefix::WIDE => split_wide_key(key).map(|named| vec![named]),
        _ => None,
    };
    ids.unwrap_or_default()
}

/// Bytes that no compression makes smaller (xorshift).
fn make_noise(seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let words = (0..NOISE_VALUE_BYTES / 8).flat_map(|_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.collect()
}

/// A wait with an end.
struct Waiting(Instant);

impl Waiting {
    #[expect(clippy::disallowed_methods, reason = "a wait is a duration, not a time of day")]
    fn new() -> Waiting {
        Waiting(Instant::now())
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the library has no bell for a flush or for a file that is let go"
    )]
    fn pause(&self, what: impl FnOnce() -> String) -> Result<(), StoreError> {
        if self.0.elapsed() > WAIT_MAX {
            return Err(StoreError::Failed(what()));
        }
        std::thread::sleep(LOOK_EVERY);
        Ok(())
    }
}
