//! One job at work: counts its rows, then turns them into events.
//!
//! Rows are read one after the other and appended in batches. Exactly once (law 2): each record in the log says of which
//! job and row it is; the job's state says up to which row everything is counted and behind which position later rows
//! stand. After a crash the rows behind that position are looked up in the log and not written again.

mod append;
mod import;
mod words;

use std::collections::{HashSet, VecDeque};
use std::io;
use std::sync::Arc;

use muster_kernel::accept::{self, Call};
use muster_kernel::model::batch::EventBatch;
use muster_kernel::model::event::{Event, EventDraft, EventKind};
use muster_kernel::model::id::{CompanyId, EnvironmentId, Position, UserId};
use muster_kernel::model::job::{Checkpoint, Job, JobKind, JobStatus, RowCounts};
use muster_kernel::model::limits::PROFILE_PROPERTIES_MAX;
use muster_kernel::model::problem::{Problem, ProblemCode};
use muster_kernel::ports::{AppendingMany, ProfileKind, StoreError};

use import::Import;
use words::{no_rows, unreadable_from};

use super::file::{self, Fault};
use super::rows::{Found, ROW_BYTES_MAX, Rows};
use super::{Control, Inner, rejects};
use crate::guards;

/// Payload bytes of a batch: large enough that a sync is nothing, small enough that others do not wait long for it.
const BATCH_BYTES: usize = 512 << 10;
/// Batches under way while the next one is read.
const BATCHES_MAX: usize = 2;
/// Rows between two looks at whether the job has to stop.
const CHECK_ROWS: u64 = 256;
/// Rejected rows that are held before they are written, in bytes.
const REJECTS_BYTES: usize = 4 << 20;
/// Events read from the log at a time after a crash.
const LOOKUP_EVENTS: usize = 4_096;
const LOOKUP_BYTES: usize = 4 << 20;

/// Why a job stops for now.
#[derive(Debug)]
pub(super) enum Halt {
    /// The server stops; the job goes on at the next start.
    Stopped,
    /// Somebody cancelled it.
    Cancelled,
    /// It cannot go on at all.
    Failed(Problem),
    /// Only a restart helps; the job goes on then.
    Broken(String),
}

type Step<T = ()> = Result<T, Halt>;

/// A job with all that its work needs.
pub(super) struct Work<'a> {
    inner: &'a Inner,
    environment: EnvironmentId,
    control: &'a Control,
    job: Job,
    runtime: tokio::runtime::Runtime,
    /// Rows of this job that are in the log already.
    stored: HashSet<u32>,
    counts: RowCounts,
    /// The last row that was read.
    row: u64,
    position: Position,
    batch: EventBatch,
    under_way: VecDeque<(EventBatch, AppendingMany)>,
    spare: Vec<EventBatch>,
    rejected: Vec<u8>,
    rejects_bytes: u64,
    draft: EventDraft,
    /// What only imports need.
    import: Import,
}

/// Runs a job to its end, or until it is stopped.
pub(super) fn run(inner: &Inner, environment: EnvironmentId, control: &Control) {
    let job = control.saved();
    let runtime = match tokio::runtime::Builder::new_current_thread().build() {
        Ok(runtime) => runtime,
        Err(error) => return tracing::error!(%error, job = job.number.0, "a job cannot be run"),
    };
    let Checkpoint { row, position, rejects_bytes } = job.checkpoint;
    let mut work = Work {
        inner,
        environment,
        control,
        counts: job.counts.clone(),
        job,
        runtime,
        stored: HashSet::new(),
        row,
        position,
        batch: EventBatch::default(),
        under_way: VecDeque::new(),
        spare: Vec::new(),
        rejected: Vec::new(),
        rejects_bytes,
        draft: EventDraft::default(),
        import: Import::default(),
    };
    let outcome = work.all().and_then(|()| work.end(work.verdict()));
    let outcome = match outcome {
        Err(Halt::Cancelled) => {
            let message = "The job was cancelled; what was stored before stays stored.";
            work.end(Some(Problem::of_call(ProblemCode::JobCancelled, message)))
        }
        Err(Halt::Failed(problem)) => work.end(Some(problem)),
        other => other,
    };
    match outcome {
        Ok(()) | Err(Halt::Cancelled | Halt::Failed(_)) => {}
        // Rows may be on their way that no checkpoint knows: the next start finds them in the log.
        Err(Halt::Stopped) => {}
        Err(Halt::Broken(what)) => {
            tracing::error!(what, job = work.job.number.0, "a job waits for a restart of the server");
            control.waits_for(Some(Problem::of_call(
                ProblemCode::LogClosed,
                "The server takes no writes until it is restarted; the job goes on then.",
            )));
        }
    }
}

impl Work<'_> {
    fn all(&mut self) -> Step {
        self.inner.check(self.control)?;
        let is_begun = self.job.total_rows.is_some();
        if is_begun || self.control.is_found {
            // A backup copies the log behind the states of jobs: it may hold rows of one that had not begun by its state.
            self.look_up()?;
        }
        if !is_begun {
            let now = self.inner.parts.clock.now();
            self.checkpoint(|job| {
                job.status = JobStatus::Validating;
                job.started_at = job.started_at.or(Some(now));
            })?;
            let total = self.first_look()?;
            self.checkpoint(|job| {
                job.total_rows = Some(total);
                job.status = JobStatus::Processing;
            })?;
        }
        self.check_total()?;
        if self.is_import() {
            self.import.repeats.expect(self.job.total_rows.unwrap_or_default());
        }
        self.rows()?;
        self.settle_all()
    }

    /// The rows of the file. One that ends early has one more, which says so.
    fn open(&mut self) -> Step<Rows> {
        let opened = file::open(&self.inner.parts.jobs, self.environment, self.job.number)
            .and_then(|file| Rows::open(file, self.job.kind, self.job.is_document));
        match opened {
            Ok(Ok(rows)) => Ok(rows),
            Ok(Err(none)) => Err(Halt::Failed(no_rows(none, self.job.kind))),
            Err(error) => match Fault::of(&error) {
                Fault::Store(error) => Err(Halt::Broken(error.to_string())),
                fault => Err(Halt::Failed(unreadable_from(&fault, 1))),
            },
        }
    }

    /// Whether the file has more rows than one may have; asked before any row is stored.
    fn check_total(&self) -> Step {
        let (total, most) = (self.job.total_rows.unwrap_or_default(), self.inner.settings.rows());
        let Some(most) = most.filter(|most| self.row == 0 && total > *most) else { return Ok(()) };
        let message = format!("The file has {total} rows; one may have {most}. Send it in parts.");
        Err(Halt::Failed(Problem::of_call(ProblemCode::TooManyRows, message)))
    }

    fn is_import(&self) -> bool {
        self.job.kind == JobKind::Import
    }

    /// Counts the rows.
    fn first_look(&mut self) -> Step<u64> {
        let mut rows = self.open()?;
        let mut count = 0u64;
        loop {
            if count.is_multiple_of(CHECK_ROWS) {
                self.inner.check(self.control)?;
            }
            match rows.next() {
                Ok(None) => break,
                Ok(Some(_)) => count += 1,
                Err(error) => {
                    fault_of(&error)?;
                    count += 1;
                    break;
                }
            }
        }
        Ok(count)
    }

    /// Finds the rows behind the last checkpoint that are in the log already.
    fn look_up(&mut self) -> Step {
        let (mut after, log) = (self.position, Arc::clone(&self.inner.parts.log));
        loop {
            self.inner.check(self.control)?;
            let page = log.read(self.environment, after, LOOKUP_EVENTS, LOOKUP_BYTES).map_err(broken)?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.receipt.position;
            for event in page.iter().filter_map(|stored| Event::decode(&stored.payload).ok()) {
                if event.job != Some(self.job.number) {
                    continue;
                }
                if self.is_import() {
                    self.import.stored.extend(event.guards().map(|guard| guard.key));
                } else if u64::from(event.ordinal) > self.row {
                    self.stored.insert(event.ordinal);
                }
            }
        }
    }

    fn rows(&mut self) -> Step {
        let mut rows = self.open()?;
        let done = self.row;
        let stride = self.inner.settings.checkpoint_rows;
        let mut due = done + stride;
        loop {
            let next = match rows.next() {
                Ok(None) => return Ok(()),
                Ok(Some((number, found))) if number <= done => {
                    if number.is_multiple_of(CHECK_ROWS) {
                        self.inner.check(self.control)?;
                    }
                    self.pass_row(&found)?;
                    continue;
                }
                Ok(Some(found)) => found,
                Err(error) => {
                    let fault = fault_of(&error)?;
                    let number = rows.number() + 1;
                    if number > done {
                        self.reject(number, b"", &unreadable_from(&fault, number));
                        self.row = number;
                    }
                    return Ok(());
                }
            };
            let (number, found) = next;
            if number.is_multiple_of(CHECK_ROWS) {
                self.inner.check(self.control)?;
            }
            if number >= due || self.rejected.len() >= REJECTS_BYTES {
                self.checkpoint(|_| {})?;
                due = number + stride;
            }
            self.row(number, &found)?;
            self.row = number;
        }
    }

    fn row(&mut self, number: u64, found: &Found<'_>) -> Step {
        let bytes = match found {
            Found::Row(bytes) => *bytes,
            Found::TooLong(begins) => {
                let message = format!("The row is longer than {ROW_BYTES_MAX} bytes; send less in one row.");
                self.reject(number, begins, &Problem::of_call(ProblemCode::RowTooLarge, message));
                return Ok(());
            }
            Found::Bad(row, problem) => {
                self.reject(number, row, problem);
                return Ok(());
            }
            Found::Broken(begins) => {
                let message = format!(
                    "The document is not JSON from element {number} on: a bracket, a comma or a quote is missing; \
                     nothing behind it could be read."
                );
                self.reject(number, begins, &Problem::of_call(ProblemCode::BodyNotJson, message));
                return Ok(());
            }
        };
        if self.is_import() {
            return self.import_row(number, bytes);
        }
        let Ok(ordinal) = u32::try_from(number) else {
            let message = "The file has more rows than can be numbered; send it in parts.";
            return Err(Halt::Failed(Problem::of_call(ProblemCode::FileUnreadable, message)));
        };
        if self.stored.remove(&ordinal) {
            self.counts.accepted += 1;
            return Ok(());
        }
        match self.read(ordinal, bytes)? {
            None if self.is_withheld()? => self.counts.suppressed += 1,
            Some(problem) => self.reject(number, bytes, &problem),
            None if self.job.dry_run => self.would()?,
            None if !self.draft.event_id.is_empty() => self.append_guarded(number, bytes)?,
            None => {
                self.batch.push(&self.draft);
                if self.batch.bytes() >= BATCH_BYTES {
                    self.append_batch()?;
                }
            }
        }
        Ok(())
    }

    /// Reads a row into the draft; answers what is wrong with it.
    fn read(&mut self, ordinal: u32, bytes: &[u8]) -> Step<Option<Problem>> {
        let Job { kind, settings, submitted_at, .. } = &self.job;
        let call = match kind {
            JobKind::Companies => Call::CompanyRow,
            JobKind::Users | JobKind::Import => Call::UserRow,
        };
        match accept::read(call, settings, *submitted_at, bytes, &mut self.draft) {
            Err(problems) => return Ok(problems.into_iter().next()),
            Ok(warnings) if !self.draft.event_id.is_empty() => {
                self.draft.guards.push(guards::of_event(&self.draft.event_id, bytes));
                self.draft.warnings = serde_json::to_string(&warnings).map_err(broken)?;
            }
            Ok(_) => {}
        }
        self.draft.key = self.job.key;
        self.draft.job = Some(self.job.number);
        self.draft.ordinal = ordinal;
        self.draft.occurred_at = Some(*submitted_at);
        self.room()
    }

    /// Whether the subject was erased after the job came, or is suppressed.
    fn is_withheld(&self) -> Step<bool> {
        let erasures = &self.inner.parts.erasures;
        erasures.withholds(self.environment, self.job.number, &self.draft).map_err(broken)
    }

    /// Whether the profiles that the row changes have room for its properties.
    fn room(&self) -> Step<Option<Problem>> {
        let draft = &self.draft;
        if matches!(draft.kind, EventKind::Track | EventKind::PageView) {
            return Ok(None);
        }
        let own = match draft.kind {
            EventKind::IdentifyCompany => {
                (ProfileKind::Company, &draft.company_id, &draft.properties, "/metadata")
            }
            _ => (ProfileKind::User, &draft.user_id, &draft.properties, "/metadata"),
        };
        let company = (ProfileKind::Company, &draft.company_id, &draft.company_properties, "/company");
        for (kind, id, added, pointer) in [own, company] {
            if added.is_empty() {
                continue;
            }
            let profiles = &self.inner.parts.profiles;
            if let Some(count) = profiles.overflow(self.environment, kind, id, added).map_err(broken)? {
                let message = format!(
                    "The profile would hold {count} properties, removed ones counted; it may hold \
                     {PROFILE_PROPERTIES_MAX}: send fewer names."
                );
                return Ok(Some(Problem::at(pointer, ProblemCode::TooManyProperties, message)));
            }
        }
        Ok(None)
    }

    /// Counts what the row in the draft would do.
    fn would(&mut self) -> Step {
        let creates = self.creates()?;
        self.would_store(creates);
        self.control.show(&self.counts);
        Ok(())
    }

    fn would_store(&mut self, creates: bool) {
        self.counts.accepted += 1;
        if creates {
            self.counts.would_create += 1;
        } else {
            self.counts.would_change += 1;
        }
    }

    /// Whether the subject of the row in the draft is not known.
    fn creates(&self) -> Step<bool> {
        let (profiles, draft) = (&self.inner.parts.profiles, &self.draft);
        let defect = |fault| Halt::Broken(format!("an accepted id is none: {fault:?}"));
        let known = match draft.kind {
            EventKind::IdentifyCompany => {
                profiles.company(self.environment, &CompanyId::parse(&draft.company_id).map_err(defect)?)
            }
            _ => profiles.user(self.environment, &UserId::parse(&draft.user_id).map_err(defect)?),
        };
        Ok(known.map_err(broken)?.is_none())
    }

    fn reject(&mut self, number: u64, bytes: &[u8], problem: &Problem) {
        self.counts.reject(problem.code.as_str());
        rejects::write(number, bytes, problem, &mut self.rejected);
    }

    /// Waits for everything under way and makes the job's state durable, with a change to it.
    fn checkpoint(&mut self, change: impl Fn(&mut Job)) -> Step {
        self.settle_all()?;
        let rejected = std::mem::take(&mut self.rejected);
        if !rejected.is_empty() {
            self.persist(|work| {
                let jobs = &work.inner.parts.jobs;
                jobs.write_rejects(work.environment, work.job.number, work.rejects_bytes, &rejected)
            })?;
            self.rejects_bytes += rejected.len() as u64;
        }
        let (row, position, rejects_bytes) = (self.row, self.position, self.rejects_bytes);
        self.control.show(&self.counts);
        self.persist(|work| {
            work.control.change(&*work.inner.parts.jobs, work.environment, |job| {
                job.counts.clone_from(&work.counts);
                job.checkpoint = Checkpoint { row, position, rejects_bytes };
                change(job);
            })
        })?;
        self.job = self.control.saved();
        Ok(())
    }

    /// Writes something to the job's files; waits while there is no room.
    fn persist(&self, write: impl Fn(&Self) -> Result<(), StoreError>) -> Step {
        loop {
            match write(self) {
                Ok(()) => return Ok(()),
                Err(StoreError::Refused(refusal)) => self.wait_out(&refusal)?,
                Err(error) => return Err(broken(error)),
            }
        }
    }

    /// Why a job whose rows are all done has failed nevertheless: nothing in its file could be read.
    fn verdict(&self) -> Option<Problem> {
        let counts = &self.counts;
        if counts.completed() == 0 && !self.job.is_document {
            let message = if self.is_import() {
                "The file holds no row; send one JSON object on each line, or lines of CSV below a header."
            } else {
                "The file holds no row; send one JSON object on each line."
            };
            return Some(Problem::of_call(ProblemCode::FileEmpty, message));
        }
        let unreadable = [
            ProblemCode::BodyNotJson,
            ProblemCode::BodyNotObject,
            ProblemCode::RowTooLarge,
            ProblemCode::BodyNotDecompressed,
            ProblemCode::CompressionRatio,
        ];
        let is_unreadable = |code: &String| unreadable.iter().any(|known| known.as_str() == code);
        let nothing =
            counts.accepted + counts.duplicate + counts.suppressed == 0 && counts.rejected_total() > 0;
        (nothing && counts.rejected.keys().all(is_unreadable)).then(|| {
            let message = "Nothing of the file could be read as rows; send one JSON object on each line, in UTF-8, plain \
                           or as gzip or zstd. The rejected rows say what is wrong.";
            Problem::of_call(ProblemCode::FileUnreadable, message)
        })
    }

    /// Ends the job: completed, or failed for a reason.
    fn end(&mut self, reason: Option<Problem>) -> Step {
        self.control.begin_end();
        let now = self.inner.parts.clock.now();
        let ended = self.checkpoint(|job| {
            job.status = if reason.is_some() { JobStatus::Failed } else { JobStatus::Completed };
            job.reason.clone_from(&reason);
            job.ended_at = Some(now);
        });
        if let (Ok(()), Some(problem)) = (&ended, &reason) {
            let code = problem.code.as_str();
            tracing::warn!(job = self.job.number.0, code, "a job has failed");
        }
        ended
    }
}

fn broken(error: impl std::fmt::Display) -> Halt {
    Halt::Broken(error.to_string())
}

/// What ended a file early, unless it was the disk.
fn fault_of(error: &io::Error) -> Step<Fault> {
    match Fault::of(error) {
        Fault::Store(error) => Err(Halt::Broken(error.to_string())),
        fault => Ok(fault),
    }
}
