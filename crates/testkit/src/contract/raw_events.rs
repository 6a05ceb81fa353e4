//! What `RawEvents` promises.

use muster_kernel::model::history::{AsOf, EventQuery};
use muster_kernel::model::id::{EnvironmentId, Position};
use muster_kernel::model::raw_events::{Dropped, KeptEvents, WouldDrop};
use muster_kernel::model::time::Timestamp;
use muster_kernel::model::value::Value;
use muster_kernel::ports::{
    Appended, EventLog, History, Inquiry, Ledger, ProfileKind, Profiles, RawEvents, Receipt, StoreError,
    UserQuery,
};

use super::store;
use crate::block_on::block_on;
use crate::builders::{PRODUCTION, guarded, identify, joining, tracked, user};

const STAGING: EnvironmentId = EnvironmentId(2);
const NOWHERE: EnvironmentId = EnvironmentId(99);
const EVER: Timestamp = Timestamp(i64::MAX);

/// Runs every promise.
pub fn raw_events_keep_their_promises(
    log: &dyn EventLog,
    profiles: &dyn Profiles,
    history: &dyn History,
    ledger: &dyn Ledger,
    raw: &dyn RawEvents,
) {
    let all = All { log, profiles, history, ledger, raw };
    all.an_unknown_environment_has_none();
    let receipts = all.a_preview_counts_and_changes_nothing();
    all.what_is_dropped_is_gone_and_said_to_be(&receipts);
    all.dropping_everything_leaves_the_positions(&receipts);
}

struct All<'a> {
    log: &'a dyn EventLog,
    profiles: &'a dyn Profiles,
    history: &'a dyn History,
    ledger: &'a dyn Ledger,
    raw: &'a dyn RawEvents,
}

fn good<T>(answer: Result<T, StoreError>) -> T {
    answer.unwrap_or_else(|error| panic!("{error}"))
}

impl All<'_> {
    fn kept(&self) -> KeptEvents {
        good(self.raw.kept(PRODUCTION))
    }

    fn would_drop(&self, before: Timestamp) -> WouldDrop {
        good(self.raw.would_drop(PRODUCTION, before, &Inquiry::default()))
    }

    fn positions(&self, after: Position) -> Result<Vec<u64>, StoreError> {
        let events = self.log.read(PRODUCTION, after, usize::MAX, usize::MAX)?;
        Ok(events.iter().map(|event| event.receipt.position.0).collect())
    }

    fn in_history(&self) -> Vec<u64> {
        let query = EventQuery::default();
        let page = good(self.history.events(PRODUCTION, &query, None, 1000, &Inquiry::default()));
        page.items.iter().rev().map(|event| event.receipt.position.0).collect()
    }

    fn an_unknown_environment_has_none(&self) {
        assert_eq!(self.raw.kept(NOWHERE), Err(StoreError::NoEnvironment));
        let would = self.raw.would_drop(NOWHERE, EVER, &Inquiry::default());
        assert_eq!(would, Err(StoreError::NoEnvironment));
        assert_eq!(self.raw.drop_before(NOWHERE, EVER, &|| false), Err(StoreError::NoEnvironment));
        assert_eq!(self.kept(), KeptEvents::default());
        assert_eq!(self.would_drop(EVER), WouldDrop::default());
    }

    fn a_preview_counts_and_changes_nothing(&self) -> Vec<Receipt> {
        let mut receipts = Vec::new();
        for n in 0..10u8 {
            let known = identify(&format!("u{}", n % 2), &[("n", Value::Int(n.into()))]);
            let draft = if n % 3 == 0 { tracked("u1", "paid", &[]) } else { joining(known, "acme") };
            receipts.push(store(self.log, PRODUCTION, &guarded(draft, n, 1)));
        }
        store(self.log, STAGING, &identify("elsewhere", &[]));
        let would = self.would_drop(receipts[6].received_at);
        assert_eq!((would.events, would.oldest_received_at), (6, Some(receipts[0].received_at)));
        assert_eq!(would.newest_received_at, Some(receipts[5].received_at));
        let names: Vec<_> = would.names.iter().map(|(name, count)| (name.name.as_str(), *count)).collect();
        assert_eq!(names, [("", 4), ("paid", 2)]);
        assert!(would.bytes > 0);
        assert_eq!(self.kept().oldest_received_at, Some(receipts[0].received_at));
        assert_eq!(good(self.positions(Position::START)).len(), 10);
        let stopped = self.raw.drop_before(PRODUCTION, receipts[6].received_at, &|| true);
        assert_eq!(stopped, Ok(Dropped::Stopped));
        assert_eq!(good(self.positions(Position::START)).len(), 10);
        receipts
    }

    fn what_is_dropped_is_gone_and_said_to_be(&self, receipts: &[Receipt]) {
        let everybody = || good(self.profiles.users(PRODUCTION, &UserQuery::default(), None, 10)).items;
        let counted = || good(self.ledger.rows(PRODUCTION, i64::MIN, i64::MAX));
        let before = (everybody(), counted());
        let rest: Vec<u64> = receipts[6..].iter().map(|receipt| receipt.position.0).collect();
        let last = receipts[5];
        let kept = KeptEvents {
            dropped_until: last.position,
            known_since: Some(last.received_at),
            oldest_received_at: Some(receipts[6].received_at),
        };
        for time in [receipts[6].received_at, receipts[2].received_at] {
            let dropped = good(self.raw.drop_before(PRODUCTION, time, &|| false));
            assert_eq!(dropped, Dropped::Done(kept), "what is older is gone already");
        }
        assert_eq!((self.kept(), self.would_drop(receipts[6].received_at)), (kept, WouldDrop::default()));
        let gone = StoreError::Dropped { until: last.position, since: last.received_at };
        assert_eq!(self.positions(Position::START), Err(gone.clone()));
        assert_eq!(self.positions(receipts[4].position), Err(gone.clone()));
        assert_eq!((self.positions(last.position), self.in_history()), (Ok(rest.clone()), rest));
        assert_eq!((everybody(), counted()), before);
        let as_of = |time| {
            let at = AsOf { time, known_at: EVER };
            self.history.as_of(PRODUCTION, (ProfileKind::User, "u1"), at, &Inquiry::default())
        };
        assert_eq!(as_of(receipts[4].received_at), Err(gone));
        assert_eq!(as_of(EVER), Ok(good(self.profiles.user(PRODUCTION, &user("u1")))));
        let then = good(as_of(receipts[6].received_at)).unwrap_or_default();
        assert_eq!(then.property("n"), Some(Value::Int(5)), "what was dropped is known as of then");
        let again = block_on(self.log.append(PRODUCTION, &guarded(identify("u0", &[]), 2, 1)));
        assert!(
            matches!(again, Ok(Appended::Duplicate { receipt, .. }) if receipt == receipts[2]),
            "{again:?}"
        );
        assert_eq!(good(self.raw.kept(STAGING)).known_since, None, "another environment keeps its own");
    }

    fn dropping_everything_leaves_the_positions(&self, receipts: &[Receipt]) {
        assert!(matches!(self.raw.drop_before(PRODUCTION, EVER, &|| false), Ok(Dropped::Done(_))));
        let kept = self.kept();
        assert_eq!(kept.oldest_received_at, None);
        assert!(kept.dropped_until >= receipts[9].position);
        assert_eq!((self.positions(kept.dropped_until), self.in_history()), (Ok(Vec::new()), Vec::new()));
        let next = store(self.log, PRODUCTION, &identify("u0", &[("n", Value::Int(100))]));
        assert!(next.position > kept.dropped_until);
        let profile = good(self.profiles.user(PRODUCTION, &user("u0"))).unwrap_or_default();
        assert_eq!((profile.property("n"), profile.company_id()), (Some(Value::Int(100)), Some("acme")));
        assert_eq!(
            (self.positions(kept.dropped_until), self.in_history()),
            (Ok(vec![next.position.0]), vec![next.position.0])
        );
    }
}
