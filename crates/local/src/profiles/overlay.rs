//! What is folded but not yet in the store: one generation that is filled, and at most one that is being moved.
//!
//! Only the fold thread writes. A generation is closed between two batches of the log, so that it covers the log up
//! to an exact position; with it travel the guards and the ledger counts of the same events.

use std::collections::{BTreeMap, HashSet};
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use hashbrown::{DefaultHashBuilder, HashMap};
use muster_kernel::model::event::Event;
use muster_kernel::model::id::{KeyId, Position};
use muster_kernel::model::ledger::LedgerRow;
use muster_kernel::model::profile::{Change, Profile};
use muster_kernel::model::time::Timestamp;
use muster_kernel::ports::{ProfileKind, Receipt};

use super::erased::Erased;
use super::guarded::{Guarded, Guards};
use super::wide::Wide;

const SHARDS: usize = 64;
/// What an entry costs beside its id and its profile: the map's slot, two heap headers.
pub(super) const ENTRY_BYTES: usize = 96;

type Table = HashMap<Box<str>, Profile>;

/// Changes up to a position of the log.
#[derive(Default)]
pub struct Generation {
    users: Vec<RwLock<Table>>,
    companies: Vec<RwLock<Table>>,
    guards: Guards,
    ledger: Mutex<BTreeMap<(i64, KeyId), LedgerRow>>,
    bytes: AtomicUsize,
    hasher: DefaultHashBuilder,
    wide: Arc<Wide>,
    /// Whether anything was erased: asked on every read.
    has_erased: AtomicBool,
    erased: RwLock<Erased>,
    /// Whether what was erased is out of the store. From then on the store may hold what came after, which counts.
    is_taken_out: AtomicBool,
}

impl Generation {
    /// One of its own, that nobody else is told of.
    pub(crate) fn alone() -> Self {
        Generation::new(&Arc::default())
    }

    fn new(wide: &Arc<Wide>) -> Self {
        let tables = || (0..SHARDS).map(|_| RwLock::default()).collect();
        Generation { users: tables(), companies: tables(), wide: Arc::clone(wide), ..Generation::default() }
    }

    /// Folds an event in.
    pub fn fold(&self, event: &Event<'_>, receipt: Receipt) {
        if let Some((user, change)) = Change::of_user(event, receipt.received_at) {
            self.change(ProfileKind::User, user, &change);
        }
        if let Some((company, change)) = Change::of_company(event, receipt.received_at) {
            self.change(ProfileKind::Company, company, &change);
        }
        for guard in event.guards() {
            let bytes = self.guards.remember(&guard, receipt, event.warnings);
            self.bytes.fetch_add(bytes, Ordering::Relaxed);
        }
    }

    /// Adds counts to the ledger.
    pub fn count(&self, row: &LedgerRow) {
        let mut ledger = lock(&self.ledger);
        let known = ledger.entry((row.minute, row.key)).or_insert_with(|| LedgerRow {
            minute: row.minute,
            key: row.key,
            ..LedgerRow::default()
        });
        known.add(row);
    }

    fn change(&self, kind: ProfileKind, id: &str, change: &Change<'_>) {
        let mut table = self.shard(kind, id).write().unwrap_or_else(PoisonError::into_inner);
        let (before, after) = match table.get_mut(id) {
            Some(profile) => {
                let before = profile.as_bytes().len();
                profile.apply(change);
                self.wide.note(kind, id, profile.view());
                (before, profile.as_bytes().len())
            }
            None => {
                let mut profile = Profile::default();
                profile.apply(change);
                self.wide.note(kind, id, profile.view());
                let after = profile.as_bytes().len() + id.len() + ENTRY_BYTES;
                table.insert(id.into(), profile);
                (0, after)
            }
        };
        drop(table);
        // Profiles never lose a fact, so the sum only grows.
        self.bytes.fetch_add(after.saturating_sub(before), Ordering::Relaxed);
    }

    /// Forgets subjects, here and for everything below; `mark` is where that stands in the log.
    pub fn erase(&self, kind: ProfileKind, ids: &HashSet<Box<str>>, mark: Position) {
        // Masked first: whoever reads meanwhile must not take what lies below for what is left.
        let mut erased = self.erased.write().unwrap_or_else(PoisonError::into_inner);
        let known = match kind {
            ProfileKind::User => &mut erased.users,
            ProfileKind::Company => &mut erased.companies,
        };
        known.extend(ids.iter().cloned());
        erased.last = mark;
        self.has_erased.store(true, Ordering::Release);
        drop(erased);
        self.forget(kind, ids);
    }

    /// Forgets what this generation holds of subjects; what lies below counts.
    pub fn forget(&self, kind: ProfileKind, ids: &HashSet<Box<str>>) {
        for id in ids {
            self.shard(kind, id).write().unwrap_or_else(PoisonError::into_inner).remove(&**id);
            self.bytes.fetch_add(id.len() + ENTRY_BYTES, Ordering::Relaxed);
        }
        if kind == ProfileKind::Company {
            self.clear_companies(ids);
        }
    }

    fn clear_companies(&self, ids: &HashSet<Box<str>>) {
        for shard in &self.users {
            for profile in shard.write().unwrap_or_else(PoisonError::into_inner).values_mut() {
                if let Some(cleared) = profile.cleared_of(|company| ids.contains(company)) {
                    *profile = cleared;
                }
            }
        }
    }

    /// What is erased for everything below.
    pub fn erased(&self) -> Erased {
        if !self.has_erased.load(Ordering::Acquire) {
            return Erased::default();
        }
        self.erased.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether anything below does not count any more.
    pub fn has_erased(&self) -> bool {
        self.has_erased.load(Ordering::Acquire)
    }

    /// Whether nothing below counts for a subject.
    pub fn erases(&self, kind: ProfileKind, id: &str) -> bool {
        self.has_erased.load(Ordering::Acquire)
            && self.erased.read().unwrap_or_else(PoisonError::into_inner).of(kind).contains(id)
    }

    /// For the mover: what was erased is out of the store, and nothing of this generation is in it yet.
    pub fn taken_out(&self) {
        self.is_taken_out.store(true, Ordering::Release);
    }

    /// Whether the store holds what was erased, rather than what came after.
    fn masks_store(&self) -> bool {
        self.has_erased() && !self.is_taken_out.load(Ordering::Acquire)
    }

    /// What is left of a profile from below.
    fn left_of(&self, kind: ProfileKind, profile: Profile) -> Profile {
        if kind == ProfileKind::Company || !self.has_erased.load(Ordering::Acquire) {
            return profile;
        }
        let erased = self.erased.read().unwrap_or_else(PoisonError::into_inner);
        profile.cleared_of(|company| erased.companies.contains(company)).unwrap_or(profile)
    }

    /// What this generation knows about a subject.
    pub fn get(&self, kind: ProfileKind, id: &str) -> Option<Profile> {
        self.shard(kind, id).read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// The outcome of a guarded call.
    pub fn guarded(&self, key: &[u8; 16]) -> Option<Guarded> {
        self.guards.get(key)
    }

    /// The hashes of what was taken under many keys, nothing where a key is not known.
    pub fn bodies<'k>(&self, keys: impl Iterator<Item = &'k [u8; 16]>, see: impl FnMut(Option<[u8; 16]>)) {
        self.guards.bodies(keys, see);
    }

    /// Shows every profile of a kind, in no order, holding one shard at a time.
    pub fn visit(&self, kind: ProfileKind, mut see: impl FnMut(&str, &Profile)) {
        for shard in self.tables(kind) {
            for (id, profile) in shard.read().unwrap_or_else(PoisonError::into_inner).iter() {
                see(id, profile);
            }
        }
    }

    /// How many profiles of a kind there are.
    pub fn count_of(&self, kind: ProfileKind) -> usize {
        let length = |shard: &RwLock<Table>| shard.read().unwrap_or_else(PoisonError::into_inner).len();
        self.tables(kind).iter().map(length).sum()
    }

    /// Shows all profiles of a kind sorted by id, so that neighbours in the store are read and written together. Holds
    /// every table meanwhile, for reading: for the mover, whose generation nobody writes to any more.
    pub fn with_sorted<T>(&self, kind: ProfileKind, see: impl FnOnce(&[(&str, &Profile)]) -> T) -> T {
        let tables: Vec<_> = self
            .tables(kind)
            .iter()
            .map(|table| table.read().unwrap_or_else(PoisonError::into_inner))
            .collect();
        let mut sorted: Vec<_> =
            tables.iter().flat_map(|table| table.iter().map(|(id, profile)| (&**id, profile))).collect();
        sorted.sort_unstable_by_key(|(id, _)| *id);
        see(&sorted)
    }

    /// All guards.
    pub fn guards(&self) -> Vec<([u8; 16], Guarded)> {
        self.guards.all()
    }

    /// The ledger's counts of the minutes `from ..= to`.
    pub fn ledger(&self, from: i64, to: i64) -> Vec<LedgerRow> {
        let ledger = lock(&self.ledger);
        let most = KeyId(u32::MAX);
        ledger.range((from, KeyId(0))..=(to, most)).map(|(_, row)| row.clone()).collect()
    }

    /// Memory held, roughly.
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Whether there is nothing to move.
    pub fn is_empty(&self) -> bool {
        self.bytes() == 0 && lock(&self.ledger).is_empty()
    }

    fn tables(&self, kind: ProfileKind) -> &[RwLock<Table>] {
        match kind {
            ProfileKind::User => &self.users,
            ProfileKind::Company => &self.companies,
        }
    }

    fn shard(&self, kind: ProfileKind, id: &str) -> &RwLock<Table> {
        let hash = self.hasher.hash_one(id);
        &self.tables(kind)[usize::try_from(hash % SHARDS as u64).unwrap_or_default()]
    }
}

/// The two generations as readers see them.
#[derive(Clone)]
pub struct Generations {
    /// The one that is filled.
    pub active: Arc<Generation>,
    /// The one that is being moved into the store, and the position up to which it covers the log.
    pub moving: Option<(Arc<Generation>, Position)>,
}

/// What the overlay knows about a subject.
pub struct Fresh {
    /// What is folded but not in the store yet.
    pub profile: Option<Profile>,
    /// Whether what the store holds was erased.
    pub hides_store: bool,
}

impl Generations {
    /// What the overlay knows about a subject.
    pub fn look(&self, kind: ProfileKind, id: &str) -> Fresh {
        let active = self.active.get(kind, id);
        if self.active.erases(kind, id) {
            return Fresh { profile: active, hides_store: true };
        }
        let Some((moving, _)) = &self.moving else {
            return Fresh { profile: active, hides_store: false };
        };
        let below = moving.get(kind, id).map(|profile| self.active.left_of(kind, profile));
        let profile = match (active, below) {
            (Some(active), Some(below)) => Some(active.merge(&below)),
            (active, below) => active.or(below),
        };
        Fresh { profile, hides_store: moving.erases(kind, id) }
    }

    /// What is left of the profile that the store holds, which `read` reads.
    ///
    /// # Errors
    /// As `read`.
    pub fn left_of<E>(
        &self,
        kind: ProfileKind,
        read: impl Fn() -> Result<Option<Profile>, E>,
    ) -> Result<Option<Profile>, E> {
        loop {
            let masking = self.masking();
            let stored = read()?;
            // Of what is taken out meanwhile nobody knows whether it was read; a generation is taken out once.
            if self.masking().map(|above| above.is_some()) == masking.map(|above| above.is_some()) {
                let left =
                    |stored| masking.iter().flatten().fold(stored, |left, above| above.left_of(kind, left));
                return Ok(stored.map(left));
            }
        }
    }

    /// The generations that hide something of what the store holds.
    fn masking(&self) -> [Option<&Generation>; 2] {
        let moving = self.moving.as_ref().map(|(generation, _)| &**generation);
        [moving, Some(&*self.active)].map(|above| above.filter(|above| above.masks_store()))
    }

    /// Whether the store alone does not say how a user stands.
    pub fn touches_user(&self, id: &str, company: &str) -> bool {
        let kind = ProfileKind::User;
        self.each().any(|generation| {
            generation.erases(ProfileKind::Company, company)
                || generation.erases(kind, id)
                || generation.get(kind, id).is_some()
        })
    }

    /// Both, the one that is filled first.
    pub fn each(&self) -> impl Iterator<Item = &Arc<Generation>> {
        std::iter::once(&self.active).chain(self.moving.iter().map(|(generation, _)| generation))
    }
}

/// The overlay.
pub struct Overlay {
    generations: RwLock<Generations>,
    /// Guards the hand-over between fold thread and mover.
    hand_over: Mutex<HandOver>,
    changed: Condvar,
    wide: Arc<Wide>,
}

#[derive(Default)]
struct HandOver {
    waiting: bool,
    /// Somebody waits for the generation that is being moved, or soon will.
    hurried: bool,
    closed: bool,
    failed: bool,
}

impl Overlay {
    /// An empty overlay over a store whose unusually wide profiles are given.
    pub fn new(wide: Wide) -> Self {
        let wide = Arc::new(wide);
        let generations = Generations { active: Arc::new(Generation::new(&wide)), moving: None };
        Overlay {
            generations: RwLock::new(generations),
            hand_over: Mutex::default(),
            changed: Condvar::new(),
            wide,
        }
    }

    /// The profiles that are unusually wide, in overlay or store.
    pub fn wide(&self) -> &Wide {
        &self.wide
    }

    /// The generations at this moment.
    pub fn generations(&self) -> Generations {
        self.generations.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether a generation is being moved.
    pub fn is_moving(&self) -> bool {
        self.generations.read().unwrap_or_else(PoisonError::into_inner).moving.is_some()
    }

    /// Closes the generation that is filled, which covers the log up to `position`, and gives it to the mover.
    /// Called by the fold thread between two batches, when nothing is being moved.
    pub fn close_generation(&self, position: Position) {
        let mut generations = self.generations.write().unwrap_or_else(PoisonError::into_inner);
        let full = std::mem::replace(&mut generations.active, Arc::new(Generation::new(&self.wide)));
        generations.moving = Some((full, position));
        drop(generations);
        let mut state = lock(&self.hand_over);
        (state.waiting, state.hurried) = (true, false);
        drop(state);
        self.changed.notify_all();
    }

    /// For the mover: rests for a while, unless somebody waits for what it moves.
    pub fn rest(&self, pause: Duration) {
        let state = lock(&self.hand_over);
        let undisturbed = |state: &mut HandOver| !state.hurried;
        let rested = self.changed.wait_timeout_while(state, pause, undisturbed);
        drop(rested.unwrap_or_else(PoisonError::into_inner));
    }

    /// Asks the mover to rest no more until it has moved the present generation.
    pub fn hurry(&self) {
        lock(&self.hand_over).hurried = true;
        self.changed.notify_all();
    }

    /// For the mover: waits for a generation. `None` when there will be no more.
    pub fn next_to_move(&self) -> Option<(Arc<Generation>, Position)> {
        let mut state = lock(&self.hand_over);
        loop {
            if state.waiting {
                state.waiting = false;
                return self.generations().moving;
            }
            if state.closed {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Whether somebody waits for the mover, or is about to.
    pub fn wants_mover(&self) -> bool {
        let state = lock(&self.hand_over);
        state.waiting || state.hurried || state.closed
    }

    /// Whether the mover has little time left: the next generation fills up while one is being moved.
    pub fn is_pressed(&self) -> bool {
        self.is_moving() && lock(&self.hand_over).hurried
    }

    /// For the mover: the generation is in the store now.
    pub fn moved(&self) {
        self.generations.write().unwrap_or_else(PoisonError::into_inner).moving = None;
        // Taking the lock orders this behind a waiter that has just looked.
        drop(lock(&self.hand_over));
        self.changed.notify_all();
    }

    /// For the mover: the store failed; nothing is moved any more. What is in the overlay stays readable, and the
    /// log holds all of it.
    pub fn move_failed(&self) {
        lock(&self.hand_over).failed = true;
        self.changed.notify_all();
    }

    /// Waits until nothing is being moved. Answers whether the mover still works.
    pub fn wait_moved(&self) -> bool {
        self.hurry();
        let mut state = lock(&self.hand_over);
        while self.is_moving() && !state.failed {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        !state.failed
    }

    /// No generation follows any more.
    pub fn close(&self) {
        lock(&self.hand_over).closed = true;
        self.changed.notify_all();
    }
}

/// Counts one stored event.
pub fn stored(key: KeyId, at: Timestamp) -> LedgerRow {
    LedgerRow { minute: at.minute(), key, stored: 1, ..LedgerRow::default() }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
