//! Data sync: which days are due, in which order, and what becomes of those that fail.

use super::*;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn day(text: &str) -> Day {
    Day::parse(text).unwrap()
}

fn sync(now: &str) -> DataSync {
    let mut sync = DataSync::new(EnvironmentId(1), 7, at(now));
    sync.choose(SyncChoice { is_on: true, resync_days: 3, ..SyncChoice::default() }, at(now));
    sync
}

fn write(sync: &mut DataSync, now: &str) -> Option<(SyncReason, Day)> {
    let run = sync.at_work(at(now))?.clone();
    let written = Written { files: 1, rows: 2, bytes: 3, days_left: 0 };
    sync.note(run.number, run.next, Ok((written, "there".to_owned())), at(now));
    Some((run.reason, run.next))
}

#[test]
fn days_read_back_and_nothing_else_is_one() {
    for text in ["1970-01-01", "2026-02-28", "2024-02-29", "1969-12-31"] {
        assert_eq!(day(text).to_string(), text);
    }
    for bad in ["2026-2-28", "2026-02-30", "20260228", "2026-02-28T00:00:00Z", ""] {
        assert_eq!(Day::parse(bad), None, "{bad}");
    }
    assert_eq!(Day::of(at("2026-11-21T23:59:59Z")), day("2026-11-21"));
    assert_eq!(day("2026-11-21").span().from, at("2026-11-21"));
    assert_eq!(serde_json::to_string(&day("2026-11-21")).unwrap(), "\"2026-11-21\"");
    assert_eq!(serde_json::from_str::<Day>("\"2026-11-21\"").unwrap(), day("2026-11-21"));
}

#[test]
fn the_day_before_is_due_at_its_hour_once() {
    let mut sync = sync("2026-11-21T02:59:59Z");
    assert!(sync.ask_for_due(at("2026-11-21T02:59:59Z")));
    assert_eq!(write(&mut sync, "2026-11-21T02:59:59Z"), Some((SyncReason::Schedule, day("2026-11-19"))));
    assert_eq!(sync.next_at(), Some(at("2026-11-21T03:00:00Z")));
    assert!(!sync.ask_for_due(at("2026-11-21T02:59:59Z")));
    assert!(sync.ask_for_due(at("2026-11-21T03:00:00Z")));
    assert_eq!(write(&mut sync, "2026-11-21T03:00:01Z"), Some((SyncReason::Schedule, day("2026-11-20"))));
    assert_eq!(
        (write(&mut sync, "2026-11-21T09:00:00Z"), sync.ask_for_due(at("2026-11-22T02:00:00Z"))),
        (None, false)
    );
    let last = sync.runs.last().unwrap();
    assert_eq!((last.status, last.written.rows), (SyncStatus::Completed, 2));
    assert_eq!(sync.folder("NX-1"), "userpilot_datasync_7_NX-1");
}

#[test]
fn missed_days_are_asked_for_in_order_and_a_run_goes_on_where_it_was() {
    let mut sync = sync("2026-11-21T04:00:00Z");
    sync.ask_for_due(at("2026-11-21T04:00:00Z"));
    write(&mut sync, "2026-11-21T04:00:00Z");
    let late = "2026-11-24T12:00:00Z";
    assert!(sync.ask_for_due(at(late)));
    let text = serde_json::to_string(&sync).unwrap();
    let mut again: DataSync = serde_json::from_str(&text).unwrap();
    assert_eq!(again, sync);
    let mut days = Vec::new();
    while let Some((_, day)) = write(&mut again, late) {
        days.push(day.to_string());
    }
    assert_eq!(days, ["2026-11-21", "2026-11-22", "2026-11-23"]);
    assert!(again.is_newest(day("2026-11-23"), at(late)) && !again.is_newest(day("2026-11-22"), at(late)));
}

#[test]
fn a_failure_waits_longer_each_time_and_a_late_run_only_gets_longer() {
    let mut sync = sync("2026-11-21T04:00:00Z");
    sync.ask_for_due(at("2026-11-21T04:00:00Z"));
    let mut now = at("2026-11-21T04:00:00Z");
    let mut waits = Vec::new();
    for _ in 0..14 {
        let run = sync.at_work(now).unwrap().clone();
        sync.note(run.number, run.next, Err("no bucket".to_owned()), now);
        let run = &sync.runs[0];
        assert_eq!((run.status, run.failure.as_deref()), (SyncStatus::Retrying, Some("no bucket")));
        assert_eq!(sync.at_work(now), None, "not at once");
        let next = run.retry_at.unwrap();
        waits.push((next.0 - now.0) / SECOND);
        now = next;
    }
    assert_eq!(waits[..4], [1, 2, 4, 8]);
    assert_eq!(waits[12..], [3_600, 3_600]);
    assert!(sync.ask_for_due(at("2026-11-23T04:00:00Z")));
    assert_eq!((sync.runs.len(), sync.runs[0].through), (1, day("2026-11-22")));
    let done = write(&mut sync, "2026-11-23T04:00:00Z");
    assert_eq!((done.unwrap().1, &sync.runs[0].failure), (day("2026-11-20"), &None));
    // What was told of a day that is over changes nothing.
    let before = sync.clone();
    sync.note(1, day("2026-11-20"), Err("late".to_owned()), now);
    assert_eq!(sync, before);
}

#[test]
fn once_a_week_the_last_days_are_written_anew() {
    let mut sync = sync("2026-11-01T04:00:00Z");
    sync.ask_for_due(at("2026-11-01T04:00:00Z"));
    write(&mut sync, "2026-11-01T04:00:00Z");
    // Two weeks and a day nobody looked: one re-sync, and the next one in its week.
    let late = "2026-11-16T05:00:00Z";
    sync.ask_for_due(at(late));
    let mut anew = Vec::new();
    while let Some((reason, day)) = write(&mut sync, late) {
        anew.extend((reason == SyncReason::Resync).then(|| day.to_string()));
    }
    assert_eq!(anew, ["2026-11-13", "2026-11-14", "2026-11-15"]);
    assert_eq!(sync.resync_at, at("2026-11-22T04:00:00Z"));
}

#[test]
fn switched_off_nothing_goes_on_and_on_again_it_begins_with_the_day_before() {
    let mut sync = sync("2026-11-21T04:00:00Z");
    sync.ask_for_due(at("2026-11-21T04:00:00Z"));
    sync.ask(SyncReason::Backfill, day("2026-01-01"), day("2026-01-31"), at("2026-11-21T04:00:00Z"));
    let off = SyncChoice { is_on: false, ..sync.choice };
    sync.choose(off, at("2026-11-21T05:00:00Z"));
    assert!(sync.runs.iter().all(|run| run.status == SyncStatus::Cancelled));
    assert_eq!((sync.at_work(at("2026-11-22T05:00:00Z")), sync.next_at()), (None, None));
    assert!(!sync.ask_for_due(at("2026-11-25T05:00:00Z")));
    sync.choose(SyncChoice { is_on: true, ..off }, at("2026-11-25T05:00:00Z"));
    sync.ask_for_due(at("2026-11-25T05:00:00Z"));
    assert_eq!(write(&mut sync, "2026-11-25T05:00:00Z").unwrap().1, day("2026-11-24"));
}

#[test]
fn what_is_still_to_be_read_is_known_and_so_is_what_was_dropped() {
    let now = at("2026-11-21T04:00:00Z");
    let mut sync = sync("2026-11-21T04:00:00Z");
    assert_eq!(sync.first_unread(), Some(day("2026-11-20")));
    sync.ask_for_due(now);
    assert_eq!(sync.first_unread(), Some(day("2026-11-20")), "asked for, not written yet");
    write(&mut sync, "2026-11-21T04:00:00Z");
    assert_eq!(sync.first_unread(), Some(day("2026-11-21")));
    sync.ask(SyncReason::Backfill, day("2026-01-01"), day("2026-01-31"), now);
    assert_eq!(sync.first_unread(), Some(day("2026-01-01")));
    sync.choose(SyncChoice { is_on: false, ..sync.choice }, now);
    assert_eq!(sync.first_unread(), None);
    assert!(!day("2026-01-01").is_dropped(None));
    assert!(day("2026-01-01").is_dropped(Some(at("2026-01-01T00:00:00Z"))));
    assert!(!day("2026-01-02").is_dropped(Some(at("2026-01-01T23:49:59Z"))));
    assert!(day("2026-01-02").is_dropped(Some(at("2026-01-01T23:50:00Z"))), "by a clock that was ahead");
}

#[test]
fn only_runs_that_have_ended_are_forgotten() {
    let mut sync = sync("2026-11-21T04:00:00Z");
    let now = at("2026-11-21T04:00:00Z");
    let first = sync.ask(SyncReason::Backfill, day("2026-01-01"), day("2026-01-02"), now).number;
    for _ in 0..SYNC_RUNS_KEPT_MAX {
        let run = sync.ask(SyncReason::Backfill, day("2026-02-01"), day("2026-02-01"), now);
        sync.note(run.number, run.next, Ok((Written::default(), "there".to_owned())), now);
    }
    assert_eq!((sync.runs.len(), sync.runs[0].number), (SYNC_RUNS_KEPT_MAX, first));
}

#[test]
fn a_folder_stands_once_however_often_days_are_written_into_it() {
    let mut sync = sync("2026-11-21T04:00:00Z");
    sync.ask_for_due(at("2026-11-21T04:00:00Z"));
    sync.begin_in("there", at("2026-11-21T04:00:00Z"));
    sync.begin_in("there", at("2026-11-21T04:00:01Z"));
    assert!(write(&mut sync, "2026-11-21T04:00:02Z").is_some());
    sync.ask_for_due(at("2026-11-22T04:00:00Z"));
    assert!(write(&mut sync, "2026-11-22T04:00:00Z").is_some());
    sync.begin_in("elsewhere", at("2026-11-22T05:00:00Z"));
    let place = |folder: &str, first_at, last_at| SyncPlace { folder: folder.into(), first_at, last_at };
    let there = place("there", at("2026-11-21T04:00:00Z"), at("2026-11-22T04:00:00Z"));
    let elsewhere = place("elsewhere", at("2026-11-22T05:00:00Z"), at("2026-11-22T05:00:00Z"));
    assert_eq!(sync.places, [there, elsewhere]);
}
