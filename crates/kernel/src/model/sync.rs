//! Data sync: which days of an environment are to be written somewhere else, and what became of it.
//!
//! What is due is decided here, without a clock and without IO: the schedule asks for each day once, in order, however
//! long nobody looked; a run remembers the first day that it has not written.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::calendar::Span;
use super::export::FileFormat;
use super::id::{EnvironmentId, MemberId};
use super::limits::{AHEAD_MICROS_MAX, SYNC_RUNS_KEPT_MAX};
use super::time::{MINUTE, SECOND, Timestamp};

const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// How long the first failure of a day waits; each further one twice as long.
const RETRY_FIRST: i64 = SECOND;
/// How long a failure waits at most.
const RETRY_LAST: i64 = HOUR;
/// The layout of the folders in the vendor's documents (spec 6.9).
const FOLDER: &str = "userpilot_datasync";

/// A day of UTC, counted from 1970-01-01.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Day(pub i32);

impl Day {
    /// The day that an instant lies in.
    pub fn of(at: Timestamp) -> Day {
        Day(i32::try_from(at.0.div_euclid(DAY)).unwrap_or_default())
    }

    /// Reads `2026-01-05`.
    pub fn parse(text: &str) -> Option<Day> {
        let day = Timestamp::parse(text).map(Day::of)?;
        // Times and other forms of a date are none.
        (day.to_string() == text).then_some(day)
    }

    /// So many days later, or earlier.
    #[must_use]
    pub fn plus(self, days: i32) -> Day {
        Day(self.0.saturating_add(days))
    }

    /// Whether events of the day may be among those that were dropped, the last of which was received at `known_since`.
    pub fn is_dropped(self, known_since: Option<Timestamp>) -> bool {
        known_since.is_some_and(|at| self.first_receipt() <= at)
    }

    /// When the first event that happened on the day may have been received: senders' clocks may be ahead a little.
    pub fn first_receipt(self) -> Timestamp {
        self.span().from.plus(-AHEAD_MICROS_MAX)
    }

    /// From its midnight until the next one.
    pub fn span(self) -> Span {
        let from = Timestamp(i64::from(self.0).saturating_mul(DAY));
        Span { from, until: from.plus(DAY) }
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.span().from.to_string();
        f.write_str(text.split('T').next().unwrap_or_default())
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Day::parse(&text).ok_or_else(|| serde::de::Error::custom("no day as 2026-01-05"))
    }
}

/// What somebody chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncChoice {
    /// Whether days are written by schedule.
    pub is_on: bool,
    /// How files are written.
    pub format: FileFormat,
    /// The hour of UTC from which on the day before is due.
    pub hour: u8,
    /// How many days the weekly re-sync writes anew; 0 for none.
    pub resync_days: u16,
}

impl Default for SyncChoice {
    fn default() -> Self {
        SyncChoice { is_on: false, format: FileFormat::Parquet, hour: 3, resync_days: 30 }
    }
}

impl SyncChoice {
    /// The last day that is due.
    pub fn last_due(&self, now: Timestamp) -> Day {
        Day::of(now.plus(-i64::from(self.hour) * HOUR)).plus(-1)
    }
}

/// The data sync of an environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataSync {
    /// The environment.
    pub environment: EnvironmentId,
    /// Its number, part of the folder's name; never reused.
    pub id: u32,
    /// What somebody chose.
    pub choice: SyncChoice,
    /// Counts the changes of the choice, from 1 on.
    pub version: u32,
    /// When it was last chosen.
    pub updated_at: Timestamp,
    /// The member who did; `None` when it was a key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_by: Option<MemberId>,
    /// The first day that the schedule has not asked for.
    pub next_day: Day,
    /// When the next weekly re-sync is due.
    pub resync_at: Timestamp,
    /// The number that the next run gets.
    pub next_run: u32,
    /// The newest runs, oldest first; those that have not ended are all here.
    #[serde(default)]
    pub runs: Vec<SyncRun>,
    /// Where days were ever written.
    #[serde(default)]
    pub places: Vec<SyncPlace>,
}

/// A folder that days were written into: what is erased here is not erased there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncPlace {
    /// The folder.
    pub folder: String,
    /// When the first day was written.
    pub first_at: Timestamp,
    /// When the last one was.
    pub last_at: Timestamp,
}

/// Why days are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SyncReason {
    /// They are over.
    Schedule,
    /// A week has gone by: what came late is to be in them, and who was erased is not.
    Resync,
    /// Somebody asked for them.
    Backfill,
}

impl SyncReason {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            SyncReason::Schedule => "schedule",
            SyncReason::Resync => "resync",
            SyncReason::Backfill => "backfill",
        }
    }
}

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SyncStatus {
    /// Waits for its turn, or is being done.
    Running,
    /// A day of it failed, and is tried again.
    Retrying,
    /// Every day of it is written.
    Completed,
    /// Data sync was switched off before its end.
    Cancelled,
}

impl SyncStatus {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            SyncStatus::Running => "running",
            SyncStatus::Retrying => "retrying",
            SyncStatus::Completed => "completed",
            SyncStatus::Cancelled => "cancelled",
        }
    }

    /// Whether nothing more comes of it.
    pub fn is_ended(self) -> bool {
        matches!(self, SyncStatus::Completed | SyncStatus::Cancelled)
    }
}

/// Days that are written one after another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncRun {
    /// Its number in the environment.
    pub number: u32,
    /// Why.
    pub reason: SyncReason,
    /// The first day.
    pub from: Day,
    /// The last day.
    pub through: Day,
    /// The first day that is not written.
    pub next: Day,
    /// Where it stands.
    pub status: SyncStatus,
    /// When it was asked for.
    pub asked_at: Timestamp,
    /// When its last day was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// Where its files are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub into: Option<String>,
    /// What was written.
    pub written: Written,
    /// How often the present day failed.
    pub failures: u32,
    /// Why it failed last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// When it is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<Timestamp>,
}

/// How much was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// Files.
    pub files: u64,
    /// Rows in them.
    pub rows: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Days that were left as they stood, because raw events of them were dropped here.
    #[serde(default)]
    pub days_left: u32,
}

impl DataSync {
    /// A sync that nobody has chosen yet.
    pub fn new(environment: EnvironmentId, id: u32, now: Timestamp) -> Self {
        DataSync {
            environment,
            id,
            choice: SyncChoice::default(),
            version: 1,
            updated_at: now,
            updated_by: None,
            next_day: SyncChoice::default().last_due(now),
            resync_at: now.plus(7 * DAY),
            next_run: 1,
            runs: Vec::new(),
            places: Vec::new(),
        }
    }

    /// The folder below which its days stand.
    pub fn folder(&self, app_token: &str) -> String {
        format!("{FOLDER}_{}_{app_token}", self.id)
    }

    /// Takes another choice. Switched on, it begins with the day before; switched off, all that has not ended is cancelled.
    pub fn choose(&mut self, choice: SyncChoice, now: Timestamp) {
        if choice.is_on && !self.choice.is_on {
            self.next_day = choice.last_due(now);
            self.resync_at = now.plus(7 * DAY);
        }
        if !choice.is_on {
            for run in self.runs.iter_mut().filter(|run| !run.status.is_ended()) {
                (run.status, run.ended_at, run.retry_at) = (SyncStatus::Cancelled, Some(now), None);
            }
        }
        self.choice = choice;
    }

    /// Asks for what is due now; answers whether anything was.
    pub fn ask_for_due(&mut self, now: Timestamp) -> bool {
        if !self.choice.is_on {
            return false;
        }
        let last = self.choice.last_due(now);
        let before = self.next_run;
        let mut is_longer = false;
        if self.next_day <= last {
            let (from, under_way) = (self.next_day, |run: &&mut SyncRun| {
                run.reason == SyncReason::Schedule && !run.status.is_ended()
            });
            // A run that fails day after day gets longer, and no other one stands behind it.
            match self.runs.iter_mut().find(under_way) {
                Some(run) => (run.through, is_longer) = (last, true),
                None => drop(self.ask(SyncReason::Schedule, from, last, now)),
            }
            self.next_day = last.plus(1);
        }
        if self.choice.resync_days > 0 && self.resync_at <= now {
            let weeks = (now.0 - self.resync_at.0) / (7 * DAY) + 1;
            self.resync_at = self.resync_at.plus(weeks * 7 * DAY);
            let is_under_way =
                self.runs.iter().any(|run| run.reason == SyncReason::Resync && !run.status.is_ended());
            if !is_under_way {
                let from = last.plus(1 - i32::from(self.choice.resync_days));
                self.ask(SyncReason::Resync, from, last, now);
            }
        }
        is_longer || self.next_run != before
    }

    /// Asks for some days.
    pub fn ask(&mut self, reason: SyncReason, from: Day, through: Day, now: Timestamp) -> SyncRun {
        let run = SyncRun {
            number: self.next_run,
            reason,
            from,
            through,
            next: from,
            status: SyncStatus::Running,
            asked_at: now,
            last_at: None,
            ended_at: None,
            into: None,
            written: Written::default(),
            failures: 0,
            failure: None,
            retry_at: None,
        };
        self.next_run += 1;
        self.runs.push(run.clone());
        let mut over = self.runs.len().saturating_sub(SYNC_RUNS_KEPT_MAX);
        self.runs.retain(|run| {
            let goes = over > 0 && run.status.is_ended();
            over -= usize::from(goes);
            !goes
        });
        run
    }

    /// The run whose next day is to be written now.
    pub fn at_work(&self, now: Timestamp) -> Option<&SyncRun> {
        let may_go_on = |run: &&SyncRun| !run.status.is_ended() && run.retry_at.is_none_or(|at| at <= now);
        self.runs.iter().find(may_go_on)
    }

    /// Whether the users and companies of now belong beside the events of a day: beside the newest that is written.
    pub fn is_newest(&self, day: Day, now: Timestamp) -> bool {
        day == self.choice.last_due(now)
    }

    /// Days will be written into a folder from now on.
    pub fn begin_in(&mut self, folder: &str, now: Timestamp) {
        if !self.places.iter().any(|place| place.folder == folder) {
            self.places.push(SyncPlace { folder: folder.to_owned(), first_at: now, last_at: now });
        }
    }

    /// A day of a run was written, or was not. What was cancelled meanwhile stays so.
    pub fn note(
        &mut self,
        number: u32,
        day: Day,
        outcome: Result<(Written, String), String>,
        now: Timestamp,
    ) {
        let ours = |run: &&mut SyncRun| run.number == number && run.next == day && !run.status.is_ended();
        let Some(run) = self.runs.iter_mut().find(ours) else { return };
        match outcome {
            Ok((written, into)) => {
                let known = self.places.iter_mut().find(|place| place.folder == into);
                match known {
                    Some(place) => place.last_at = now,
                    None => {
                        self.places.push(SyncPlace { folder: into.clone(), first_at: now, last_at: now });
                    }
                }
                run.written.files += written.files;
                run.written.rows += written.rows;
                run.written.bytes += written.bytes;
                run.written.days_left += written.days_left;
                (run.next, run.into, run.last_at) = (day.plus(1), Some(into), Some(now));
                (run.failures, run.failure, run.retry_at) = (0, None, None);
                run.status = SyncStatus::Running;
                if run.next > run.through {
                    (run.status, run.ended_at) = (SyncStatus::Completed, Some(now));
                }
            }
            Err(why) => {
                let wait = RETRY_FIRST.saturating_mul(1 << run.failures.min(20)).min(RETRY_LAST);
                run.failures = run.failures.saturating_add(1);
                (run.status, run.failure, run.retry_at) =
                    (SyncStatus::Retrying, Some(why), Some(now.plus(wait)));
            }
        }
    }

    /// The first day whose events are still to be read: until then they must not be dropped.
    pub fn first_unread(&self) -> Option<Day> {
        let runs = self.runs.iter().filter(|run| !run.status.is_ended()).map(|run| run.next);
        runs.chain(self.choice.is_on.then_some(self.next_day)).min()
    }

    /// When something is next to be done.
    pub fn next_at(&self) -> Option<Timestamp> {
        let runs = self.runs.iter().filter(|run| !run.status.is_ended());
        let runs = runs.map(|run| run.retry_at.unwrap_or(run.asked_at));
        let by_schedule = self.choice.is_on.then(|| {
            // The day is due an hour of the next one.
            self.next_day.span().until.plus(i64::from(self.choice.hour) * HOUR)
        });
        runs.chain(by_schedule).min()
    }
}

#[cfg(test)]
mod tests {
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
        assert!(
            again.is_newest(day("2026-11-23"), at(late)) && !again.is_newest(day("2026-11-22"), at(late))
        );
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
}
