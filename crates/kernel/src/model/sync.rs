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

    /// Days will be written into a folder from now on. Answers the one place that stands for it.
    pub fn begin_in(&mut self, folder: &str, now: Timestamp) -> &mut SyncPlace {
        let known = self.places.iter().position(|place| place.folder == folder);
        let index = known.unwrap_or_else(|| {
            self.places.push(SyncPlace { folder: folder.to_owned(), first_at: now, last_at: now });
            self.places.len() - 1
        });
        &mut self.places[index]
    }

    /// A day of a run was written, or was not. What was cancelled meanwhile stays so.
    pub fn note(
        &mut self,
        number: u32,
        day: Day,
        outcome: Result<(Written, String), String>,
        now: Timestamp,
    ) {
        let ours = |run: &SyncRun| run.number == number && run.next == day && !run.status.is_ended();
        let Some(index) = self.runs.iter().position(ours) else { return };
        if let Ok((_, into)) = &outcome {
            self.begin_in(into, now).last_at = now;
        }
        let run = &mut self.runs[index];
        match outcome {
            Ok((written, into)) => {
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
#[path = "sync_tests.rs"]
mod tests;
