//! What the store must hold of a part of all ids, guards and rows of the ledger: the log, folded anew.
//!
//! A store covers the log up to the position that it saved. A generation that was being moved when the process ended may have
//! left guards and changes of later records in it, and an erasure under way forgets guards before it is complete: those may be
//! there, and need not.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use muster_kernel::model::event::Event;
use muster_kernel::model::id::{KeyId, Position};
use muster_kernel::model::ledger::LedgerRow;
use muster_kernel::model::profile::{Change, Profile};
use muster_kernel::ports::{ProfileKind, Receipt, StoreError};

use crate::base::Base;
use crate::erasure::{Left, Sieve};
use crate::ledger::decode_note;
use crate::log::record::{Frame, FrameKind};
use crate::profiles::guarded::Guarded;
use crate::profiles::overlay::stored;
use crate::profiles::store::encode_guard;

/// One of so many parts.
#[derive(Clone, Copy)]
pub(super) struct Part {
    pub(super) number: u64,
    pub(super) count: u64,
}

impl Part {
    /// Whether something belongs to it.
    pub(super) fn has<T: Hash + ?Sized>(self, what: &T) -> bool {
        hash(what) % self.count == self.number
    }
}

/// A guard as it must be.
struct Promise {
    is_due: bool,
    /// Of the value in the store.
    hash: u64,
    /// Of values before, as long as this one need not be there.
    others: Vec<u64>,
}

/// See the module.
pub(super) struct MustBe {
    pub(super) part: Part,
    pub(super) profiles: HashMap<(ProfileKind, String), Profile>,
    /// What later records change, each profile for itself.
    later: HashMap<(ProfileKind, String), Profile>,
    guards: HashMap<[u8; 16], Promise>,
    ledger: BTreeMap<(i64, KeyId), LedgerRow>,
    saved: Position,
    /// Up to where a base stands for the log.
    based: Position,
}

impl MustBe {
    /// Nothing, for a store that covers the log up to a position.
    pub(super) fn of(part: Part, saved: Position) -> Self {
        MustBe {
            part,
            profiles: HashMap::new(),
            later: HashMap::new(),
            guards: HashMap::new(),
            ledger: BTreeMap::new(),
            saved,
            based: Position::START,
        }
    }

    /// Takes what is of this part out of a base, but for what a sieve covers: before any record is folded.
    ///
    /// # Errors
    /// When the base is damaged.
    pub(super) fn begin_with(&mut self, base: &Base, sieve: &Sieve) -> Result<(), StoreError> {
        self.based = base.position();
        for kind in [ProfileKind::User, ProfileKind::Company] {
            base.each(kind, sieve, &mut |id, profile| {
                if self.part.has(id) {
                    self.profiles.insert((kind, id.to_owned()), profile);
                }
                Ok(())
            })?;
        }
        base.each_guard(&mut |key, outcome| {
            if self.part.has(&key[..]) {
                let hash = hash(&encode_guard(&outcome)[..]);
                self.guards.insert(key, Promise { is_due: true, hash, others: Vec::new() });
            }
            Ok(())
        })?;
        base.each_ledger_row(&mut |row| {
            if self.part.has(&(row.minute, row.key)) {
                self.ledger.insert((row.minute, row.key), row);
            }
            Ok(())
        })
    }

    /// Folds the next record of the log.
    pub(super) fn see(&mut self, frame: &Frame<'_>, sieve: &Sieve) {
        if frame.position <= self.based {
            return;
        }
        match frame.kind {
            FrameKind::Event | FrameKind::Reduced => {
                if let Some(Ok(event)) = frame.event().map(Event::decode) {
                    self.see_event(frame, &event, sieve);
                }
            }
            FrameKind::LedgerNote => decode_note(frame.payload).iter().for_each(|row| self.count(frame, row)),
            FrameKind::Hole => {
                if let Some(key) = frame.payload.first_chunk().copied().map(u32::from_le_bytes) {
                    self.count(frame, &stored(KeyId(key), frame.received_at));
                }
            }
            FrameKind::Batch | FrameKind::Erasure => {}
        }
    }

    fn see_event(&mut self, frame: &Frame<'_>, event: &Event<'_>, sieve: &Sieve) {
        self.count(frame, &stored(event.key, frame.received_at));
        let left = sieve.left(frame.position, event);
        let is_due = frame.position <= self.saved && left == Left::Whole;
        self.promise(frame, event, is_due);
        match &left {
            Left::Whole => self.fold(frame, event),
            Left::Part(part) => {
                if let Ok(part) = Event::decode(part) {
                    self.fold(frame, &part);
                }
            }
            Left::Nothing => {}
        }
    }

    fn fold(&mut self, frame: &Frame<'_>, event: &Event<'_>) {
        let changes = [
            (ProfileKind::User, Change::of_user(event, frame.received_at)),
            (ProfileKind::Company, Change::of_company(event, frame.received_at)),
        ];
        for (kind, change) in changes {
            if let Some((id, change)) = change.filter(|(id, _)| self.part.has(*id)) {
                let into = if frame.position <= self.saved { &mut self.profiles } else { &mut self.later };
                into.entry((kind, id.to_owned())).or_default().apply(&change);
            }
        }
    }

    /// Whether the store may hold this profile: all that it must, and nothing that the log does not say.
    pub(super) fn may_be(&self, key: &(ProfileKind, String), found: &Profile) -> bool {
        let saved = self.profiles.get(key);
        if saved == Some(found) {
            return true;
        }
        let Some(later) = self.later.get(key) else { return false };
        // Merging takes the newer of each (law 3), so what is merged with something older stays as it is.
        let all = saved.map_or_else(|| later.clone(), |saved| saved.merge(later));
        found.merge(&all) == all && saved.is_none_or(|saved| &found.merge(saved) == found)
    }

    fn promise(&mut self, frame: &Frame<'_>, event: &Event<'_>, is_due: bool) {
        let receipt = Receipt { position: frame.position, received_at: frame.received_at };
        for guard in event.guards().filter(|guard| self.part.has(&guard.key[..])) {
            let outcome = Guarded { receipt, body: guard.body, warnings: event.warnings.into() };
            let mut promise = Promise { is_due, hash: hash(&encode_guard(&outcome)[..]), others: Vec::new() };
            if let Some(before) = self.guards.remove(&guard.key).filter(|_| !is_due) {
                promise.others = before.others;
                promise.others.push(before.hash);
            }
            self.guards.insert(guard.key, promise);
        }
    }

    fn count(&mut self, frame: &Frame<'_>, row: &LedgerRow) {
        let place = (row.minute, row.key);
        if frame.position <= self.saved && self.part.has(&place) {
            let empty = || LedgerRow { minute: row.minute, key: row.key, ..LedgerRow::default() };
            self.ledger.entry(place).or_insert_with(empty).add(row);
        }
    }

    /// Whether the store may hold this guard; it is not expected again.
    pub(super) fn takes_guard(&mut self, key: &[u8], value: &[u8]) -> bool {
        let promise = key.try_into().ok().and_then(|key: [u8; 16]| self.guards.remove(&key));
        let found = hash(value);
        promise.is_some_and(|promise| promise.hash == found || promise.others.contains(&found))
    }

    /// Guards that the store must hold and that were not shown.
    pub(super) fn guards_left(&self) -> u64 {
        self.guards.values().filter(|promise| promise.is_due).count() as u64
    }

    /// Whether the store must hold exactly this row; it is not expected again.
    pub(super) fn takes_ledger_row(&mut self, row: &LedgerRow) -> bool {
        self.ledger.remove(&(row.minute, row.key)).as_ref() == Some(row)
    }

    /// Rows that the store must hold and that were not shown.
    pub(super) fn ledger_left(&self) -> u64 {
        self.ledger.len() as u64
    }
}

/// The same in every run of a process, which is as long as it has to be.
fn hash<T: Hash + ?Sized>(what: &T) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}
