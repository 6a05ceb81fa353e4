//! An engine that is obviously right: every port over plain maps behind one lock, nothing on disk.
//!
//! It is the reference that real engines and the HTTP edge are tested against. It holds each law by the shortest
//! means there is: an append is folded before it resolves, a guard is looked up in a map, a list is a range of an
//! ordered map. It is never fast, never bounded and never used by the product.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use muster_kernel::model::audit::AuditEntry;
use muster_kernel::model::batch::EventBatch;
use muster_kernel::model::catalog::CatalogState;
use muster_kernel::model::erasure::{ErasedKind, Erasure};
use muster_kernel::model::event::{Event, EventDraft};
use muster_kernel::model::guard::{Guard, GuardKind};
use muster_kernel::model::id::{CompanyId, EnvironmentId, KeyId, Position, SegmentId, UserId};
use muster_kernel::model::ledger::LedgerRow;
use muster_kernel::model::limits::PROFILE_PROPERTIES_MAX;
use muster_kernel::model::page::{Cursor, Page};
use muster_kernel::model::profile::{Change, Profile};
use muster_kernel::model::property::Properties;
use muster_kernel::model::segment::{Level, listed::Ids};
use muster_kernel::model::time::Timestamp;
use muster_kernel::ports::{
    Admitted, AppendError, Appended, AppendedOnce, Appending, AppendingMany, AppendingOnce, AuditTrail,
    Catalog, CatalogChange, Census, Clock, CompanyQuery, EventLog, Ledger, Once, ProfileKind, Profiles,
    Receipt, StoreError, StoredEvent, UserQuery,
};

use crate::model_pages::{place, searched};

/// All ports at once. Environments are those of its own catalog.
pub struct ModelEngine {
    clock: Arc<dyn Clock>,
    catalog: Mutex<Arc<CatalogState>>,
    trail: Mutex<BTreeMap<u64, AuditEntry>>,
    islands: Mutex<BTreeMap<EnvironmentId, Island>>,
}

/// One environment's data.
#[derive(Default)]
pub(crate) struct Island {
    pub(crate) events: Vec<StoredEvent>,
    /// What each guard has seen: the body's hash and the index of the event that holds it.
    guards: HashMap<(GuardKind, [u8; 16]), ([u8; 16], usize)>,
    pub(crate) users: BTreeMap<String, Profile>,
    pub(crate) companies: BTreeMap<String, Profile>,
    ledger: BTreeMap<(i64, KeyId), LedgerRow>,
    /// Positions of erased events, and what is left of those of which something is.
    erased: BTreeMap<u64, Option<Vec<u8>>>,
    pub(crate) erasures: Vec<Erasure>,
    /// Whom no write may bring back.
    pub(crate) suppressed: BTreeSet<(ProfileKind, String)>,
    /// The last event that was dropped and when it was received.
    pub(crate) dropped: Option<(Position, Timestamp)>,
    /// States that answers of reports were of.
    pub(crate) pins: Vec<crate::model_reports::Kept>,
    /// Lists of static segments.
    pub(crate) lists: BTreeMap<SegmentId, (Level, Ids)>,
}

impl ModelEngine {
    /// An engine with an empty catalog.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, catalog: Mutex::default(), trail: Mutex::default(), islands: Mutex::default() }
    }

    pub(crate) fn with<T>(
        &self,
        environment: EnvironmentId,
        ask: impl FnOnce(&mut Island) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if Catalog::state(self).environment(environment).is_none() {
            return Err(StoreError::NoEnvironment);
        }
        ask(lock(&self.islands).entry(environment).or_default())
    }
}

/// A test that panics while it holds the lock has failed already; the others may go on.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Island {
    /// What reports ask.
    pub(crate) fn world(&self) -> crate::model_reports::World<'_> {
        crate::model_reports::World {
            events: &self.events,
            users: &self.users,
            companies: &self.companies,
            pinned: None,
        }
    }

    fn append(&mut self, now: Timestamp, draft: &EventDraft) -> Result<Appended, AppendError> {
        if let Some(outcome) = self.recall(&draft.guards) {
            if outcome.is_ok() && draft.job.is_none() {
                self.row(now.minute(), draft.key).duplicate += 1;
            }
            return outcome;
        }
        let Some(draft) = self.unsuppressed(draft) else {
            if draft.job.is_none() {
                self.row(now.minute(), draft.key).suppressed += 1;
            }
            return Ok(Appended::Suppressed);
        };
        let mut payload = Vec::new();
        draft.encode(&mut payload);
        for guard in &draft.guards {
            self.guards.insert((guard.kind, guard.key), (guard.body, self.events.len()));
        }
        self.store(now, payload, draft.key).map(Appended::Stored)
    }

    /// What would become of each event; with a time, it does.
    fn once(&mut self, now: Option<Timestamp>, events: &EventBatch) -> Result<AppendedOnce, AppendError> {
        let failed = || AppendError::Failed("not one guard for each event".to_owned());
        let guards = events.guards().filter(|guards| !guards.is_empty()).ok_or_else(failed)?;
        let (mut outcomes, mut last, mut meanwhile) = (Vec::new(), None, HashMap::new());
        for (guard, payload) in guards.iter().zip(events.payloads()) {
            let place = (guard.kind, guard.key);
            let known = self.guards.get(&place).map(|known| known.0).or(meanwhile.get(&place).copied());
            outcomes.push(match known {
                Some(body) if body == guard.body => Once::Duplicate,
                Some(_) => Once::Conflict,
                None => Once::Stored,
            });
            if known.is_some() {
                continue;
            }
            meanwhile.insert(place, guard.body);
            if let Some(now) = now {
                let key = Event::decode(payload).map(|event| event.key).unwrap_or_default();
                self.guards.insert(place, (guard.body, self.events.len()));
                last = Some(self.store(now, payload.to_vec(), key)?);
            }
        }
        Ok(AppendedOnce { outcomes, last })
    }

    fn store(&mut self, now: Timestamp, payload: Vec<u8>, key: KeyId) -> Result<Receipt, AppendError> {
        let last = self.events.last().map(|event| event.receipt);
        let received_at = last.map_or(now, |last| now.max(last.received_at.plus(1)));
        let receipt = Receipt { position: Position(self.events.len() as u64 + 1), received_at };
        self.events.push(StoredEvent { receipt, payload });
        self.fold_last()?;
        self.row(received_at.minute(), key).stored += 1;
        Ok(receipt)
    }

    fn recall(&self, guards: &[Guard]) -> Option<Result<Appended, AppendError>> {
        let (guard, body, first) = self.first_seen(guards)?;
        if body != guard.body {
            return Some(Err(AppendError::Conflict(guard.kind)));
        }
        let stored = &self.events[first];
        let event = decode(stored).map_err(|error| AppendError::Failed(error.to_string()));
        let receipt = stored.receipt;
        Some(event.map(|event| Appended::Duplicate { receipt, warnings: event.warnings.to_owned() }))
    }

    pub(crate) fn suppresses(&self, kind: ProfileKind, id: &str) -> bool {
        self.suppressed.contains(&(kind, id.to_owned()))
    }

    /// What may be stored of an event.
    fn unsuppressed<'a>(&self, draft: &'a EventDraft) -> Option<Cow<'a, EventDraft>> {
        match self.admits(draft) {
            Admitted::Whole => Some(Cow::Borrowed(draft)),
            Admitted::WithoutCompany => {
                let mut left = draft.clone();
                left.drop_company();
                Some(Cow::Owned(left))
            }
            Admitted::Nothing => None,
        }
    }

    pub(crate) fn admits(&self, draft: &EventDraft) -> Admitted {
        Admitted::of(draft, |kind, id| self.suppresses(kind, id))
    }

    /// How many events the erasure of these ids would leave nothing of.
    pub(crate) fn events_lost(&self, kind: ErasedKind, ids: &[String]) -> Result<u64, StoreError> {
        let mut lost = 0;
        for stored in self.shown() {
            let event = decode(&stored)?;
            lost += u64::from(matches!(left_of(kind, ids, &event), Some(None)));
        }
        Ok(lost)
    }

    fn first_seen(&self, guards: &[Guard]) -> Option<(Guard, [u8; 16], usize)> {
        guards.iter().find_map(|guard| {
            let &(body, first) = self.guards.get(&(guard.kind, guard.key))?;
            Some((*guard, body, first))
        })
    }

    fn fold_last(&mut self) -> Result<(), AppendError> {
        let Some(stored) = self.events.last().cloned() else { return Ok(()) };
        self.fold(&stored)
    }

    fn fold(&mut self, stored: &StoredEvent) -> Result<(), AppendError> {
        let event = decode(stored).map_err(|error| AppendError::Failed(error.to_string()))?;
        if let Some((id, change)) = Change::of_user(&event, stored.receipt.received_at) {
            self.users.entry(id.to_owned()).or_default().apply(&change);
        }
        if let Some((id, change)) = Change::of_company(&event, stored.receipt.received_at) {
            self.companies.entry(id.to_owned()).or_default().apply(&change);
        }
        Ok(())
    }

    /// Takes the events of these ids away, and folds the rest anew.
    pub(crate) fn erase(&mut self, kind: ErasedKind, ids: &[String]) -> Result<(), StoreError> {
        for stored in self.shown() {
            let event = decode(&stored)?;
            let Some(left) = left_of(kind, ids, &event) else { continue };
            let encoded = left.map(|draft| {
                let mut payload = Vec::new();
                draft.encode(&mut payload);
                payload
            });
            self.erased.insert(stored.receipt.position.0, encoded);
        }
        (self.users, self.companies) = (BTreeMap::new(), BTreeMap::new());
        for stored in self.shown() {
            self.fold(&stored).map_err(|error| StoreError::Failed(format!("{error:?}")))?;
        }
        Ok(())
    }

    /// The events as they may be seen.
    pub(crate) fn shown(&self) -> Vec<StoredEvent> {
        let shown =
            self.events.iter().filter_map(|stored| match self.erased.get(&stored.receipt.position.0) {
                None => Some(stored.clone()),
                Some(left) => Some(StoredEvent { payload: left.clone()?, ..stored.clone() }),
            });
        shown.collect()
    }

    fn row(&mut self, minute: i64, key: KeyId) -> &mut LedgerRow {
        self.ledger.entry((minute, key)).or_insert_with(|| LedgerRow { minute, key, ..LedgerRow::default() })
    }

    pub(crate) fn profiles(&self, kind: ProfileKind) -> &BTreeMap<String, Profile> {
        match kind {
            ProfileKind::User => &self.users,
            ProfileKind::Company => &self.companies,
        }
    }
}

/// What an erasure leaves of an event that it is about: nothing, or another event. `None` for those it is not about.
fn left_of(kind: ErasedKind, ids: &[String], event: &Event<'_>) -> Option<Option<EventDraft>> {
    let names = |id: Option<&str>| id.is_some_and(|id| ids.iter().any(|known| known == id));
    match kind {
        ErasedKind::Users => names(event.user_id).then(|| EventDraft::of_company_alone(event)),
        ErasedKind::Companies => {
            names(event.company_id).then(|| event.user_id.map(|_| EventDraft::without_company(event)))
        }
    }
}

fn decode(stored: &StoredEvent) -> Result<Event<'_>, StoreError> {
    Event::decode(&stored.payload).map_err(|_| StoreError::Damaged("no event".to_owned()))
}

impl EventLog for ModelEngine {
    fn append(&self, environment: EnvironmentId, event: &EventDraft) -> Appending {
        let mut outcome = Err(AppendError::NoEnvironment);
        // The one refusal that `with` knows is the one that `outcome` already holds.
        let _ = self.with(environment, |island| {
            outcome = island.append(self.clock.now(), event);
            Ok(())
        });
        Box::pin(std::future::ready(outcome))
    }

    fn append_many(&self, environment: EnvironmentId, events: &EventBatch) -> AppendingMany {
        let mut outcome = Err(AppendError::NoEnvironment);
        // As above.
        let _ = self.with(environment, |island| {
            outcome = Err(AppendError::Failed("a batch without events".to_owned()));
            for payload in events.payloads() {
                let key = Event::decode(payload).map(|event| event.key).unwrap_or_default();
                outcome = island.store(self.clock.now(), payload.to_vec(), key);
            }
            Ok(())
        });
        Box::pin(std::future::ready(outcome))
    }

    fn append_many_once(&self, environment: EnvironmentId, events: &EventBatch) -> AppendingOnce {
        let mut outcome = Err(AppendError::NoEnvironment);
        // As above.
        let _ = self.with(environment, |island| {
            outcome = island.once(Some(self.clock.now()), events);
            Ok(())
        });
        Box::pin(std::future::ready(outcome))
    }

    fn known(&self, environment: EnvironmentId, events: &EventBatch) -> Result<Vec<Once>, StoreError> {
        self.with(environment, |island| match island.once(None, events) {
            Ok(appended) => Ok(appended.outcomes),
            Err(error) => Err(StoreError::Failed(format!("{error:?}"))),
        })
    }

    fn recall(
        &self,
        environment: EnvironmentId,
        guards: &[Guard],
    ) -> Result<Option<Result<Appended, AppendError>>, StoreError> {
        self.with(environment, |island| Ok(island.recall(guards)))
    }

    fn read(
        &self,
        environment: EnvironmentId,
        after: Position,
        count_max: usize,
        bytes_max: usize,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        self.with(environment, |island| {
            island.check_kept(after)?;
            let mut bytes = 0;
            let shown = island.shown();
            let rest = shown.iter().filter(|event| event.receipt.position > after);
            let fitting = rest.take(count_max).take_while(|event| {
                let goes_on = bytes < bytes_max;
                bytes += event.payload.len();
                goes_on
            });
            Ok(fitting.cloned().collect())
        })
    }

    fn visible(&self, environment: EnvironmentId) -> Result<Position, StoreError> {
        self.with(environment, |island| Ok(Position(island.events.len() as u64)))
    }
}

impl Profiles for ModelEngine {
    fn user(&self, environment: EnvironmentId, id: &UserId) -> Result<Option<Profile>, StoreError> {
        self.with(environment, |island| Ok(island.users.get(id.as_str()).cloned()))
    }

    fn company(&self, environment: EnvironmentId, id: &CompanyId) -> Result<Option<Profile>, StoreError> {
        self.with(environment, |island| Ok(island.companies.get(id.as_str()).cloned()))
    }

    fn company_user_count(&self, environment: EnvironmentId, id: &CompanyId) -> Result<u64, StoreError> {
        self.with(environment, |island| {
            let members = island.users.values().filter(|user| user.company_id() == Some(id.as_str()));
            Ok(members.count() as u64)
        })
    }

    fn users(
        &self,
        environment: EnvironmentId,
        query: &UserQuery,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<(UserId, Profile)>, StoreError> {
        self.with(environment, |island| {
            let company = query.company.as_ref().map(CompanyId::as_str);
            let names = searched(&["email", "name"], &query.unsearched);
            let place = |id: &str, profile: &Profile| {
                let place = place(query.search.as_deref(), id, profile, &names)?;
                match company {
                    None => Some(place),
                    // The users of a company come by their ids, whatever found them.
                    Some(_) if profile.company_id() == company => Some(id.as_bytes().to_vec()),
                    Some(_) => None,
                }
            };
            island.page(ProfileKind::User, after, limit, |id| UserId::parse(id).ok(), place)
        })
    }

    fn companies(
        &self,
        environment: EnvironmentId,
        query: &CompanyQuery,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<(CompanyId, Profile)>, StoreError> {
        self.with(environment, |island| {
            let names = searched(&["name"], &query.unsearched);
            let place = |id: &str, profile: &Profile| place(query.search.as_deref(), id, profile, &names);
            island.page(ProfileKind::Company, after, limit, |id| CompanyId::parse(id).ok(), place)
        })
    }

    fn census(
        &self,
        environment: EnvironmentId,
        kind: ProfileKind,
        spans: &[(i64, i64)],
    ) -> Result<Census, StoreError> {
        self.with(environment, |island| {
            let profiles = island.profiles(kind);
            let count = |seen: fn(&Profile) -> Option<Timestamp>, (from, to): (i64, i64)| {
                let minutes = profiles.values().filter_map(seen).map(Timestamp::minute);
                minutes.filter(|minute| (from..=to).contains(minute)).count() as u64
            };
            let counts = |seen| spans.iter().map(|span| count(seen, *span)).collect();
            Ok(Census {
                total: profiles.len() as u64,
                first_seen: counts(Profile::first_seen_at),
                last_seen: counts(Profile::last_seen_at),
            })
        })
    }

    fn overflow(
        &self,
        environment: EnvironmentId,
        kind: ProfileKind,
        id: &str,
        added: &Properties,
    ) -> Result<Option<usize>, StoreError> {
        self.with(environment, |island| {
            let count = match island.profiles(kind).get(id) {
                Some(profile) => profile.property_count_with(added.names()),
                None => added.len(),
            };
            Ok(Some(count).filter(|&count| count > PROFILE_PROPERTIES_MAX))
        })
    }
}

impl Ledger for ModelEngine {
    fn reject(&self, environment: EnvironmentId, key: KeyId, code: &'static str) {
        let minute = self.clock.now().minute();
        // A refusal in an environment that does not exist has no ledger to stand in.
        let _ = self.with(environment, |island| {
            *island.row(minute, key).rejected.entry(code.to_owned()).or_default() += 1;
            Ok(())
        });
    }

    fn rows(&self, environment: EnvironmentId, from: i64, to: i64) -> Result<Vec<LedgerRow>, StoreError> {
        self.with(environment, |island| {
            let inside = island.ledger.values().filter(|row| (from..=to).contains(&row.minute));
            Ok(inside.cloned().collect())
        })
    }
}

impl Catalog for ModelEngine {
    fn state(&self) -> Arc<CatalogState> {
        Arc::clone(&lock(&self.catalog))
    }

    fn change(&self, change: CatalogChange<'_>) -> Result<Result<(), String>, StoreError> {
        let mut present = lock(&self.catalog);
        let mut changed = CatalogState::clone(&present);
        Ok(change(&mut changed).map(|()| *present = Arc::new(changed)))
    }
}

impl AuditTrail for ModelEngine {
    fn append(&self, entries: &[AuditEntry]) -> Result<(), StoreError> {
        let mut trail = lock(&self.trail);
        for entry in entries {
            trail.entry(entry.number).or_insert_with(|| entry.clone());
        }
        Ok(())
    }

    fn before(&self, before: u64, limit: usize) -> Result<Vec<AuditEntry>, StoreError> {
        Ok(lock(&self.trail).range(..before).rev().take(limit).map(|(_, entry)| entry.clone()).collect())
    }
}
