//! Hides what is erased at once, and takes it out of the files.
//!
//! As long as an erasure is under way, each segment has beside it the rows that it covers and, as small segments in
//! memory, what is left of them: exactly what the log says of them then. Nothing of this is kept in files, because it can be
//! found anew in the segments; a purge writes those anew that have such rows, and forgets the ids.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use muster_kernel::model::event::Event;
use muster_kernel::model::id::Position;
use muster_kernel::model::time::Timestamp;
use muster_kernel::ports::{Inquiry, ProfileKind, Receipt, StoreError, StoredEvent};
use roaring::RoaringBitmap;

use super::archive::{Archive, CHUNK_EVENTS, Files, Kept, Snapshot};
use super::dictionary::{Dictionaries, Dictionary, DictionaryFile, Missing};
use super::lane;
use super::manifest::DictionaryEntry;
use super::merge::unwritten;
use super::opening::dictionary_name;
use super::part::{Part, Restorer};
use super::rows::Intake;
use super::segment::Segment;
use crate::erasure::{Left, Sieve};

/// Users that are looked for one by one in a part; more are looked for in one go over its rows.
const SOUGHT_MAX: u64 = 256;
/// Rows between two looks at whether to go on.
const STRIDE: usize = 4096;

/// What is not shown of a segment.
#[derive(Default)]
pub struct Hidden {
    /// Rows by the part in which they are.
    rows: BTreeMap<usize, RoaringBitmap>,
    /// What is left of them.
    pub instead: Vec<Arc<Segment>>,
}

impl Hidden {
    /// Hides rows by the part in which they are, and shows nothing instead.
    pub fn of_rows(mut rows: BTreeMap<usize, RoaringBitmap>) -> Hidden {
        rows.retain(|_, rows| !rows.is_empty());
        Hidden { rows, instead: Vec::new() }
    }

    /// Whether everything is shown.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The rows of a part that are not shown, if there are any.
    pub fn of_part(&self, index: usize) -> Option<&RoaringBitmap> {
        self.rows.get(&index)
    }
}

/// Sees an event that an erasure covers: its part and row, its receipt, the event, and what is left of it.
type Touch<'a> = dyn FnMut((usize, usize), Receipt, &Event<'_>, Left) -> Result<(), StoreError> + 'a;

impl Archive {
    /// Hides what began to be erased since a snapshot was made.
    ///
    /// # Errors
    /// When a segment is damaged.
    pub(super) fn hide(&self, begun: Vec<u32>) -> Result<(), StoreError> {
        let _tail = self.end_chunk();
        let mut snapshot = Snapshot::clone(&self.snapshot());
        for kept in &mut snapshot.kept {
            kept.hidden = self.hidden_now(&kept.segment)?;
        }
        snapshot.sifted = begun;
        snapshot.base = snapshot.base.map(|(base, _)| (base, (self.sieve)()));
        self.publish(snapshot);
        self.columns.clear();
        self.then_columns.clear();
        self.rule_columns.clear();
        Ok(())
    }

    /// What is not to be shown of a segment at this moment.
    pub(super) fn hidden_now(&self, segment: &Segment) -> Result<Arc<Hidden>, StoreError> {
        let sieve = (self.sieve)();
        if sieve.is_empty() { Ok(Arc::default()) } else { self.hidden_by(segment, &sieve) }
    }

    fn hidden_by(&self, segment: &Segment, sieve: &Sieve) -> Result<Arc<Hidden>, StoreError> {
        let mut hidden = Hidden::default();
        let mut left_over = Vec::new();
        self.touched(segment, sieve, &mut |(part, row), receipt, _, left| {
            hidden.rows.entry(part).or_default().insert(u32::try_from(row).unwrap_or(u32::MAX));
            if let Left::Part(payload) = left {
                left_over.push(StoredEvent { receipt, payload });
            }
            Ok(())
        })?;
        left_over.sort_unstable_by_key(|event| event.receipt.position);
        let header = segment.header();
        for events in left_over.chunks(CHUNK_EVENTS) {
            hidden.instead.push(Arc::new(self.in_memory(
                &mut Intake::default(),
                events.iter().map(|event| (event.receipt, event.payload.as_slice())),
                header.first,
                header.last,
            )?));
        }
        Ok(Arc::new(hidden))
    }

    /// Shows every event of a segment of which a sieve leaves less than all.
    fn touched(&self, segment: &Segment, sieve: &Sieve, see: &mut Touch<'_>) -> Result<(), StoreError> {
        let sought = Sought::new(sieve, &self.known());
        let damaged = || StoreError::Damaged(format!("{} holds a part that makes no sense", segment.name()));
        let receipts = segment.receipts().map_err(StoreError::Damaged)?;
        for (index, entry) in segment.parts().iter().enumerate() {
            let part = segment.part(index).map_err(StoreError::Damaged)?;
            let rows = sought.rows(&part, entry.users);
            if rows.is_empty() {
                continue;
            }
            let mut restorer = Restorer::new(part, entry.name, &self.known()).ok_or_else(damaged)?;
            let mut payload = Vec::new();
            for row in rows {
                payload.clear();
                let row = row as usize;
                restorer.restore(row, &self.known(), &mut payload).ok_or_else(damaged)?;
                let position =
                    segment.header().first + restorer.part().positions.get(row).ok_or_else(damaged)?;
                let received_at = Timestamp(receipts.received_at(position).ok_or_else(damaged)?);
                let Ok(event) = Event::decode(&payload) else { continue };
                let left = sieve.left(Position(position), &event);
                if left != Left::Whole {
                    see((index, row), Receipt { position: Position(position), received_at }, &event, left)?;
                }
            }
        }
        Ok(())
    }

    /// Shows every event up to a position of which a sieve leaves less than all.
    ///
    /// # Errors
    /// When history cannot be read, or `see` answers an error.
    pub fn each_touched(
        &self,
        sieve: &Sieve,
        until: Position,
        see: &mut dyn FnMut(&Event<'_>, Left) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let snapshot = self.up_to(until, &Inquiry::default())?;
        for kept in &snapshot.kept {
            self.touched(&kept.segment, sieve, &mut |_, _, event, left| see(event, left))?;
        }
        Ok(())
    }

    /// Takes what a sieve covers out of every file and of memory, up to a position, durably.
    ///
    /// # Errors
    /// When files cannot be read or written, or `check` does not want to go on.
    pub fn purge(
        &self,
        sieve: &Sieve,
        until: Position,
        check: &dyn Fn() -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.up_to(until, &Inquiry::default())?;
        let stained = |kept: &Kept| -> Result<Kept, StoreError> {
            Ok(Kept { segment: Arc::clone(&kept.segment), hidden: self.hidden_by(&kept.segment, sieve)? })
        };
        {
            let mut files = self.files();
            drop(self.end_chunk());
            let snapshot = self.snapshot();
            let in_memory = snapshot.kept.iter().filter(|kept| kept.segment.file.is_none());
            let sources = in_memory.map(stained).collect::<Result<Vec<_>, _>>()?;
            if sources.iter().any(|kept| !kept.hidden.is_empty()) {
                self.replace(&mut files, &sources)?;
            }
        }
        let numbers: Vec<u64> = self.snapshot().kept.iter().map(|kept| kept.segment.header().first).collect();
        for first in numbers {
            check()?;
            let mut files = self.files();
            let snapshot = self.snapshot();
            // A merge may have taken it meanwhile, and then a later round meets what it became.
            let found = snapshot.kept.iter().find(|kept| {
                let header = kept.segment.header();
                kept.segment.file.is_some() && (header.first..=header.last).contains(&first)
            });
            let Some(kept) = found else { continue };
            let source = stained(kept)?;
            if !source.hidden.is_empty() {
                self.replace(&mut files, std::slice::from_ref(&source))?;
            }
        }
        // The names of the old files are gone for good, too.
        self.disk.sync_directory(&self.directory).map_err(|error| unwritten(&error))?;
        self.forget(sieve)
    }

    /// Decodes every event up to a position; answers how many events and ids there are, and how many a sieve still
    /// covers. `is_gone` says of an id whether it must not be in a dictionary any more.
    ///
    /// # Errors
    /// As [`Archive::purge`].
    pub fn search(
        &self,
        sieve: &Sieve,
        until: Position,
        is_gone: &dyn Fn(ProfileKind, &str) -> bool,
        check: &dyn Fn() -> Result<(), StoreError>,
    ) -> Result<(u64, u64), StoreError> {
        let (mut searched, mut found) = (0, 0);
        let snapshot = self.up_to(until, &Inquiry::default())?;
        for segment in snapshot.kept.iter().map(|kept| &kept.segment) {
            let damaged =
                || StoreError::Damaged(format!("{} holds a part that makes no sense", segment.name()));
            for (index, entry) in segment.parts().iter().enumerate() {
                let part = segment.part(index).map_err(StoreError::Damaged)?;
                let mut restorer = Restorer::new(part, entry.name, &self.known()).ok_or_else(damaged)?;
                let mut payload = Vec::new();
                for row in 0..entry.rows as usize {
                    if row % STRIDE == 0 {
                        check()?;
                    }
                    payload.clear();
                    restorer.restore(row, &self.known(), &mut payload).ok_or_else(damaged)?;
                    let position = restorer.part().positions.get(row).ok_or_else(damaged)?;
                    let position = Position(segment.header().first + position);
                    searched += 1;
                    found += u64::from(
                        Event::decode(&payload)
                            .is_ok_and(|event| sieve.left(position, &event) != Left::Whole),
                    );
                }
            }
        }
        let known = self.known();
        let ids = [(ProfileKind::User, &known.users), (ProfileKind::Company, &known.companies)];
        for (kind, dictionary) in ids {
            for number in 1..dictionary.count() {
                let id = dictionary.text(number).and_then(|text| std::str::from_utf8(text).ok());
                searched += 1;
                found += u64::from(id.is_some_and(|id| is_gone(kind, id)));
            }
        }
        Ok((searched, found))
    }

    /// Takes the ids of a sieve out of the dictionaries, but for those that events still name: of who came back.
    fn forget(&self, sieve: &Sieve) -> Result<(), StoreError> {
        let mut files = self.files();
        // Under the tail's lock nobody gives numbers.
        let _tail = self.end_chunk();
        let snapshot = self.snapshot();
        let sought = Sought::new(sieve, &self.known());
        let (mut users, mut companies) = (sought.users.clone(), sought.companies.clone());
        for kept in &snapshot.kept {
            for (index, entry) in kept.segment.parts().iter().enumerate() {
                let part = kept.segment.part(index).map_err(StoreError::Damaged)?;
                for row in sought.rows(&part, entry.users) {
                    let number = |lane: &lane::Lane<'_>| {
                        lane.get(row as usize)
                            .and_then(|number| u32::try_from(number).ok())
                            .unwrap_or_default()
                    };
                    users.remove(number(&part.users));
                    companies.remove(number(&part.companies));
                }
            }
        }
        self.forget_numbers(&mut files, &users, Which::Users)?;
        self.forget_numbers(&mut files, &companies, Which::Companies)?;
        self.columns.clear();
        self.then_columns.clear();
        self.rule_columns.clear();
        self.disk.sync_directory(&self.directory).map_err(|error| unwritten(&error))
    }

    fn forget_numbers(
        &self,
        files: &mut Files,
        numbers: &RoaringBitmap,
        which: Which,
    ) -> Result<(), StoreError> {
        if numbers.is_empty() {
            return Ok(());
        }
        let fresh =
            which.of(&mut self.known.write().unwrap_or_else(PoisonError::into_inner)).without(numbers);
        let mut manifest = files.manifest.clone();
        manifest.last_file += 1;
        files.manifest.last_file = manifest.last_file;
        let mut salt = [0; 4];
        (self.random)(&mut salt);
        let path = self.directory.join(dictionary_name(manifest.last_file));
        let disk = self.disk.as_ref();
        let mut write = || {
            let mut file = DictionaryFile::create(disk, &path, u32::from_le_bytes(salt))?;
            let missing: Missing = file.missing(&fresh);
            file.add(&missing)?;
            disk.sync_directory(&self.directory)?;
            let entry = DictionaryEntry { file: manifest.last_file, count: file.kept() };
            let old = match which {
                Which::Users => std::mem::replace(&mut manifest.users, entry),
                Which::Companies => std::mem::replace(&mut manifest.companies, entry),
            };
            manifest.write(disk, &self.directory)?;
            Ok((file, old))
        };
        let (file, old) = write().map_err(|error: std::io::Error| unwritten(&error))?;
        match which {
            Which::Users => files.users = file,
            Which::Companies => files.companies = file,
        }
        files.manifest = manifest;
        *which.of(&mut self.known.write().unwrap_or_else(PoisonError::into_inner)) = fresh;
        // What cannot be removed now is removed at the next start.
        let _ = disk.remove(&self.directory.join(dictionary_name(old.file)));
        Ok(())
    }
}

/// One of the dictionaries of ids.
#[derive(Clone, Copy)]
enum Which {
    Users,
    Companies,
}

impl Which {
    fn of(self, known: &mut Dictionaries) -> &mut Dictionary {
        match self {
            Which::Users => &mut known.users,
            Which::Companies => &mut known.companies,
        }
    }
}

/// The ids of a sieve in numbers.
struct Sought {
    users: RoaringBitmap,
    companies: RoaringBitmap,
}

impl Sought {
    fn new(sieve: &Sieve, known: &Dictionaries) -> Sought {
        let numbers = |kind, dictionary: &Dictionary| {
            let of_kind = sieve.each().filter(|subjects| subjects.kind == kind);
            of_kind
                .flat_map(|subjects| &subjects.ids)
                .filter_map(|id| dictionary.get(id.as_bytes()))
                // Number 0 is nobody.
                .filter(|number| *number > 0)
                .collect()
        };
        Sought {
            users: numbers(ProfileKind::User, &known.users),
            companies: numbers(ProfileKind::Company, &known.companies),
        }
    }

    /// The rows of a part that name one of them.
    fn rows(&self, part: &Part<'_>, (first, last): (u32, u32)) -> RoaringBitmap {
        let mut rows = RoaringBitmap::new();
        let row_of = |row: usize| u32::try_from(row).unwrap_or(u32::MAX);
        if self.users.range_cardinality(first..=last) <= SOUGHT_MAX {
            for user in self.users.range(first..=last) {
                let range = part.rows_of(user);
                rows.insert_range(row_of(range.start)..row_of(range.end));
            }
        } else {
            rows |= rows_with(&part.users, &self.users);
        }
        if !self.companies.is_empty() {
            rows |= rows_with(&part.companies, &self.companies);
        }
        rows
    }
}

fn rows_with(lane: &lane::Lane<'_>, numbers: &RoaringBitmap) -> RoaringBitmap {
    let is_in = |number: u64| u32::try_from(number).is_ok_and(|number| numbers.contains(number));
    (0u32..).zip(lane::all(lane)).filter(|(_, number)| is_in(*number)).map(|(row, _)| row).collect()
}
