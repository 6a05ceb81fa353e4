//! A disk whose syncs take long: nothing is acknowledged or shown before its sync has ended, reads go on, and what does not
//! fit into the queue is refused at once.

use std::task::{Context, Poll, Waker};

use muster_kernel::model::history::EventQuery;
use muster_kernel::model::id::Position;
use muster_kernel::ports::{
    AppendError, Appended, Appending, EventLog, History, Inquiry, Ledger, Profiles, Receipt, Refusal,
};
use muster_local::{Engine, Options};
use muster_testkit::block_on::block_on;
use muster_testkit::builders::{PRODUCTION, identify, user};
use muster_testkit::sim_disk::Unsynced;

use crate::crash::Place;
use crate::stand::small;

fn id(number: u64) -> String {
    format!("u-{number}")
}

fn append(engine: &Engine, number: u64) -> Appending {
    engine.append(PRODUCTION, &identify(&id(number), &[]))
}

/// What an append says now, without waiting for it.
fn now(appending: &mut Appending) -> Option<Result<Appended, AppendError>> {
    match appending.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => Some(outcome),
        Poll::Pending => None,
    }
}

/// What every kind of read shows: the users of these numbers, the log, history, the ledger, and the visible position.
fn seen(engine: &Engine, numbers: u64) -> (Vec<u64>, usize, usize, u64, Position) {
    let is_there = |number: &u64| engine.user(PRODUCTION, &user(&id(*number))).unwrap().is_some();
    let logged = engine.read(PRODUCTION, Position::START, usize::MAX, usize::MAX).unwrap().len();
    let query = EventQuery::default();
    let events = engine.events(PRODUCTION, &query, None, 10_000, &Inquiry::default()).unwrap().items.len();
    let stored = engine.rows(PRODUCTION, i64::MIN, i64::MAX).unwrap().iter().map(|row| row.stored).sum();
    let visible = engine.visible(PRODUCTION).unwrap();
    ((0..numbers).filter(is_there).collect(), logged, events, stored, visible)
}

#[test]
fn a_slow_disk_delays_answers_and_nothing_else() {
    let place = Place::new();
    let engine = place.open(Options { queue_bytes_max: 4 << 10, ..small() }).unwrap();
    block_on(append(&engine, 0)).unwrap();
    let before = seen(&engine, 1);
    assert_eq!(before, (vec![0], 1, 1, 1, Position(1)));

    place.disk.hold_syncs();
    let mut waiting = vec![append(&engine, 1)];
    place.disk.wait_for_held_sync();
    let refused = loop {
        let number = waiting.len() as u64 + 1;
        let mut appending = append(&engine, number);
        match now(&mut appending) {
            None => waiting.push(appending),
            Some(outcome) => break outcome,
        }
        assert!(number < 1_000, "the queue has a limit");
    };
    assert_eq!(refused, Err(AppendError::Refused(Refusal::Overloaded)));
    assert!(waiting.len() > 10, "only a full queue refuses: {}", waiting.len());
    let all = waiting.len() as u64 + 2;
    for (number, appending) in waiting.iter_mut().enumerate() {
        assert_eq!(now(appending), None, "event {number} is answered before its sync has ended");
    }
    assert_eq!(seen(&engine, all), before, "reads are served, and show what is durable");
    let crashed = place.after_power_cut(Unsynced::Lost);

    place.disk.let_syncs_end();
    let receipts: Vec<Receipt> = waiting.into_iter().map(stored).collect();
    assert!(receipts.is_sorted_by_key(|receipt| receipt.position));
    let count = receipts.len();
    let last = receipts[count - 1].position;
    let users: Vec<u64> = (0..=count as u64).collect();
    assert_eq!(seen(&engine, all), (users.clone(), count + 1, count + 1, count as u64 + 1, last));
    let after = place.after_power_cut(Unsynced::Lost);
    engine.close();
    drop(engine);

    // Had the power gone meanwhile: what was acknowledged before, and nothing else.
    let engine = crashed.open(small()).unwrap();
    assert_eq!(seen(&engine, all).0, [0]);
    drop(engine);
    let engine = after.open(small()).unwrap();
    assert_eq!(seen(&engine, all).0, users, "what was acknowledged at last is durable");
}

fn stored(appending: Appending) -> Receipt {
    match block_on(appending) {
        Ok(Appended::Stored(receipt)) => receipt,
        other => panic!("{other:?}"),
    }
}
