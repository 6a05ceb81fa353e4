//! What an `EventLog` promises.

use muster_kernel::model::batch::EventBatch;
use muster_kernel::model::event::{Event, GuardKind};
use muster_kernel::model::id::{EnvironmentId, JobNumber, Position};
use muster_kernel::model::value::Value;
use muster_kernel::ports::{AppendError, Appended, EventLog, StoreError, StoredEvent};

use super::store;
use crate::block_on::block_on;
use crate::builders::{PRODUCTION, guarded, identify};

const STAGING: EnvironmentId = EnvironmentId(2);
const NOWHERE: EnvironmentId = EnvironmentId(99);

/// Runs every promise.
pub fn event_log_keeps_its_promises(log: &dyn EventLog) {
    positions_and_times_strictly_increase(log);
    what_was_appended_is_read_back_in_order(log);
    limits_of_a_read_hold_and_a_read_goes_on(log);
    nothing_crosses_environments(log);
    a_batch_is_stored_whole_and_in_order(log);
    a_guarded_event_is_stored_once(log);
    an_unknown_environment_takes_nothing(log);
}

fn read_all(log: &dyn EventLog, environment: EnvironmentId, after: Position) -> Vec<StoredEvent> {
    log.read(environment, after, usize::MAX, usize::MAX).unwrap_or_else(|error| panic!("{error}"))
}

fn users(events: &[StoredEvent]) -> Vec<String> {
    let user = |stored: &StoredEvent| {
        let event = Event::decode(&stored.payload).unwrap_or_else(|_| panic!("an event must decode"));
        event.user_id.unwrap_or_default().to_owned()
    };
    events.iter().map(user).collect()
}

fn positions_and_times_strictly_increase(log: &dyn EventLog) {
    let receipts: Vec<_> =
        (0..20).map(|n| store(log, PRODUCTION, &identify(&format!("p{n}"), &[]))).collect();
    for pair in receipts.windows(2) {
        assert!(pair[0].position < pair[1].position, "{pair:?}");
        assert!(pair[0].received_at < pair[1].received_at, "{pair:?}");
    }
    let last = receipts[receipts.len() - 1].position;
    assert!(log.visible(PRODUCTION).is_ok_and(|visible| visible >= last), "visible when acknowledged");
}

fn what_was_appended_is_read_back_in_order(log: &dyn EventLog) {
    let before = log.visible(PRODUCTION).unwrap_or_default();
    let sent = identify("ordered", &[("plan", Value::Text("pro")), ("seats", Value::Int(3))]);
    let receipt = store(log, PRODUCTION, &sent);
    store(log, PRODUCTION, &identify("later", &[]));
    let events = read_all(log, PRODUCTION, before);
    assert_eq!(users(&events), ["ordered", "later"]);
    let mut payload = Vec::new();
    sent.encode(&mut payload);
    assert_eq!(events[0], StoredEvent { receipt, payload }, "byte for byte as it was accepted");
    assert_eq!(read_all(log, PRODUCTION, events[1].receipt.position), [], "nothing after the last");
}

fn limits_of_a_read_hold_and_a_read_goes_on(log: &dyn EventLog) {
    let before = log.visible(PRODUCTION).unwrap_or_default();
    for n in 0..10 {
        store(log, PRODUCTION, &identify(&format!("page{n}"), &[]));
    }
    let mut after = before;
    let mut seen = Vec::new();
    loop {
        let page = log.read(PRODUCTION, after, 3, usize::MAX).unwrap_or_else(|error| panic!("{error}"));
        assert!(page.len() <= 3);
        let Some(last) = page.last() else { break };
        after = last.receipt.position;
        seen.extend(users(&page));
    }
    assert_eq!(seen, (0..10).map(|n| format!("page{n}")).collect::<Vec<_>>());
    let one = log.read(PRODUCTION, before, usize::MAX, 1).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(one.len(), 1, "at least one, however small the budget");
}

fn nothing_crosses_environments(log: &dyn EventLog) {
    let before = log.visible(STAGING).unwrap_or_default();
    store(log, PRODUCTION, &identify("production", &[]));
    store(log, STAGING, &identify("staging", &[]));
    assert_eq!(users(&read_all(log, STAGING, before)), ["staging"]);
    assert!(!users(&read_all(log, PRODUCTION, Position::START)).contains(&"staging".to_owned()));
    store(log, PRODUCTION, &guarded(identify("same key", &[]), 77, 1));
    store(log, STAGING, &guarded(identify("same key", &[]), 77, 2));
}

fn a_batch_is_stored_whole_and_in_order(log: &dyn EventLog) {
    let before = log.visible(PRODUCTION).unwrap_or_default();
    let mut batch = EventBatch::default();
    for row in 1..=300 {
        let mut draft = identify(&format!("row{row}"), &[("row", Value::Int(row.into()))]);
        (draft.job, draft.ordinal) = (Some(JobNumber(5)), row);
        batch.push(&draft);
    }
    let last = block_on(log.append_many(PRODUCTION, &batch)).unwrap_or_else(|error| panic!("{error:?}"));
    assert!(
        log.visible(PRODUCTION).is_ok_and(|visible| visible >= last.position),
        "visible when acknowledged"
    );
    let events = read_all(log, PRODUCTION, before);
    assert_eq!(events.len(), 300);
    assert_eq!(events.last().map(|event| event.receipt), Some(last), "the receipt is the last one's");
    assert!(events.iter().map(|event| event.payload.as_slice()).eq(batch.payloads()), "byte for byte");
    for pair in events.windows(2) {
        assert_eq!(pair[0].receipt.position.0 + 1, pair[1].receipt.position.0, "consecutive");
        assert!(pair[0].receipt.received_at < pair[1].receipt.received_at);
    }
    let empty = block_on(log.append_many(PRODUCTION, &EventBatch::default()));
    assert!(matches!(empty, Err(AppendError::Failed(_))), "{empty:?}");
    assert_eq!(log.visible(PRODUCTION), Ok(last.position), "an empty batch writes nothing");
}

fn a_guarded_event_is_stored_once(log: &dyn EventLog) {
    let event = guarded(identify("once", &[]), 1, 1);
    assert_eq!(log.recall(PRODUCTION, &event.guards), Ok(None), "nothing is known of it");
    let first = store(log, PRODUCTION, &event);
    let known = Ok(Appended::Duplicate { receipt: first, warnings: "[]".into() });
    assert_eq!(log.recall(PRODUCTION, &event.guards), Ok(Some(known)));
    assert_eq!(log.recall(STAGING, &event.guards), Ok(None));
    for _ in 0..3 {
        let again = block_on(log.append(PRODUCTION, &event));
        assert_eq!(again, Ok(Appended::Duplicate { receipt: first, warnings: "[]".into() }));
    }
    let other_body = guarded(identify("once", &[("x", Value::Null)]), 1, 2);
    let conflict = Err(AppendError::Conflict(GuardKind::Request));
    assert_eq!(block_on(log.append(PRODUCTION, &other_body)), conflict);
    assert_eq!(log.recall(PRODUCTION, &other_body.guards), Ok(Some(conflict)));

    let twin = guarded(identify("twins", &[]), 2, 1);
    let together: Vec<_> = (0..8).map(|_| log.append(PRODUCTION, &twin)).collect();
    let stored =
        together.into_iter().map(block_on).filter(|answer| matches!(answer, Ok(Appended::Stored(_)))).count();
    assert_eq!(stored, 1, "of calls under way at the same time one is stored");
    let all = users(&read_all(log, PRODUCTION, Position::START));
    assert_eq!(all.iter().filter(|user| *user == "once" || *user == "twins").count(), 2);
}

fn an_unknown_environment_takes_nothing(log: &dyn EventLog) {
    assert_eq!(block_on(log.append(NOWHERE, &identify("u", &[]))), Err(AppendError::NoEnvironment));
    let mut batch = EventBatch::default();
    batch.push(&identify("u", &[]));
    assert_eq!(block_on(log.append_many(NOWHERE, &batch)), Err(AppendError::NoEnvironment));
    assert_eq!(log.read(NOWHERE, Position::START, 1, 1), Err(StoreError::NoEnvironment));
    assert_eq!(log.visible(NOWHERE), Err(StoreError::NoEnvironment));
    assert_eq!(log.recall(NOWHERE, &[]), Err(StoreError::NoEnvironment));
}
