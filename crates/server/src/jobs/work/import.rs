//! Rows of history on their way to the log: each is taken once, whatever file it comes in and how often (law 2).
//!
//! A row without an id is known by all that it says and by its number among its equals in the file (`repeats`). Rows are
//! appended in batches whose events are taken once each. After a crash the rows of this job that are in the log behind the
//! checkpoint are known by their guards: they count as stored, and the log would not take them again.

use std::collections::{HashSet, VecDeque};
use std::mem;

use muster_kernel::accept;
use muster_kernel::model::batch::EventBatch;
use muster_kernel::model::guard::Guard;
use muster_kernel::model::problem::{Problem, ProblemCode, Warning};
use muster_kernel::model::property::Properties;
use muster_kernel::model::value::Value;
use muster_kernel::ports::{AppendError, AppendedOnce, AppendingOnce, Once, StoreError};

use super::{BATCH_BYTES, BATCHES_MAX, Halt, Job, Step, Work, broken};
use crate::guards;
use crate::jobs::agents::Agents;
use crate::jobs::repeats::Repeats;
use crate::jobs::rows::Found;

/// What the work on an import needs beyond that of every job.
#[derive(Default)]
pub(super) struct Import {
    pub(super) repeats: Repeats,
    /// Guards of this job's rows that are in the log behind the checkpoint.
    pub(super) stored: HashSet<[u8; 16]>,
    agents: Agents,
    canonical: Vec<u8>,
    /// The rows of the batch that is filled.
    rows: Vec<Sent>,
    pub(super) under_way: VecDeque<(EventBatch, Vec<Sent>, AppendingOnce)>,
}

/// A row in a batch.
pub(super) struct Sent {
    number: u64,
    /// What it says, where it may still be refused: its `event_id` may be another event's.
    bytes: Option<Box<[u8]>>,
    /// Of a dry run: whether its subject is not known.
    creates: bool,
}

impl Work<'_> {
    /// Passes a row that is counted already: its equals behind it have their numbers from it.
    pub(super) fn pass_row(&mut self, found: &Found<'_>) -> Step {
        let Found::Row(bytes) = found else { return Ok(()) };
        if !self.is_import() {
            return Ok(());
        }
        let Job { settings, submitted_at, .. } = &self.job;
        if accept::read_row(settings, *submitted_at, bytes, &mut self.draft).is_ok() {
            self.guard()?;
        }
        Ok(())
    }

    fn row_hash(&mut self) -> [u8; 16] {
        self.import.canonical.clear();
        accept::canonical(&self.draft, &mut self.import.canonical);
        guards::row_hash(&self.import.canonical)
    }

    /// Takes one row.
    pub(super) fn import_row(&mut self, number: u64, bytes: &[u8]) -> Step {
        let read = accept::read_row(&self.job.settings, self.job.submitted_at, bytes, &mut self.draft);
        let warnings = match read {
            Ok(warnings) => warnings,
            Err(problems) => {
                if let Some(problem) = problems.into_iter().next() {
                    self.reject(number, bytes, &problem);
                }
                return Ok(());
            }
        };
        self.remark(&warnings);
        let guard = self.guard()?;
        if self.import.stored.remove(&guard.key) {
            self.counts.accepted += 1;
            return Ok(());
        }
        if self.is_withheld()? {
            self.counts.suppressed += 1;
            return Ok(());
        }
        if let Some(problem) = self.room()? {
            self.reject(number, bytes, &problem);
            return Ok(());
        }
        let has_id = !self.draft.event_id.is_empty();
        if has_id {
            self.draft.warnings = serde_json::to_string(&warnings).map_err(broken)?;
        }
        self.draft.guards.push(guard);
        self.derive();
        (self.draft.key, self.draft.job) = (self.job.key, Some(self.job.number));
        let creates = self.job.dry_run && self.creates()?;
        self.import.rows.push(Sent { number, bytes: has_id.then(|| bytes.into()), creates });
        self.batch.push(&self.draft);
        if self.batch.bytes() >= BATCH_BYTES { self.append_batch() } else { Ok(()) }
    }

    /// Counts each remark once for the row.
    fn remark(&mut self, warnings: &[Warning]) {
        for (at, warning) in warnings.iter().enumerate() {
            if !warnings[..at].iter().any(|earlier| earlier.code == warning.code) {
                self.counts.remark(warning.code.as_str());
            }
        }
    }

    /// What makes the row in the draft recognisable.
    fn guard(&mut self) -> Step<Guard> {
        let hash = self.row_hash();
        if !self.draft.event_id.is_empty() {
            return Ok(guards::of_event(&self.draft.event_id, &self.import.canonical));
        }
        let (jobs, environment) = (&self.inner.parts.jobs, self.environment);
        let mut has_waited = false;
        loop {
            match self.import.repeats.guard(hash, &|| jobs.scratch(environment)) {
                Ok(guard) => {
                    if has_waited {
                        self.control.waits_for(None);
                    }
                    return Ok(guard);
                }
                Err(StoreError::Refused(refusal)) => self.wait_out(&refusal)?,
                Err(error) => return Err(broken(error)),
            }
            has_waited = true;
        }
    }

    /// Adds to the context of the event in the draft what its `user_agent` says.
    fn derive(&mut self) {
        let context: &mut Properties = &mut self.draft.context;
        let agent = context.get("user_agent");
        if let Some(Value::Text(text)) = agent {
            let text = text.to_owned();
            self.import.agents.put(&text, context);
        }
    }

    /// Sends the batch on its way, or, of a dry run, counts what would become of it.
    pub(super) fn append_rows(&mut self) -> Step {
        let rows = mem::take(&mut self.import.rows);
        if self.job.dry_run {
            let outcomes = self.inner.parts.log.known(self.environment, &self.batch).map_err(broken)?;
            self.batch.clear();
            self.count(&rows, &outcomes);
            return Ok(());
        }
        while self.import.under_way.len() >= BATCHES_MAX {
            self.settle_rows()?;
        }
        let batch = mem::replace(&mut self.batch, self.spare.pop().unwrap_or_default());
        self.inner.tally.receive(self.environment, batch.len() as u64);
        let appending = self.inner.parts.log.append_many_once(self.environment, &batch);
        self.import.under_way.push_back((batch, rows, appending));
        Ok(())
    }

    /// Waits for the oldest batch; one that was refused is sent again until it is taken.
    pub(super) fn settle_rows(&mut self) -> Step {
        let Some((mut batch, rows, mut appending)) = self.import.under_way.pop_front() else { return Ok(()) };
        loop {
            match self.runtime.block_on(appending) {
                Ok(AppendedOnce { outcomes, last }) => {
                    let stored = outcomes.iter().filter(|outcome| **outcome == Once::Stored).count() as u64;
                    self.inner.tally.settle(self.environment, stored);
                    self.inner.tally.abandon(self.environment, batch.len() as u64 - stored);
                    self.position = last.map_or(self.position, |last| self.position.max(last.position));
                    batch.clear();
                    self.spare.push(batch);
                    self.control.waits_for(None);
                    self.count(&rows, &outcomes);
                    return Ok(());
                }
                Err(AppendError::Refused(refusal)) => {
                    if let Err(halt) = self.wait_out(&refusal) {
                        self.inner.tally.abandon(self.environment, batch.len() as u64);
                        return Err(halt);
                    }
                    appending = self.inner.parts.log.append_many_once(self.environment, &batch);
                }
                Err(error) => return Err(Halt::Broken(format!("append: {error:?}"))),
            }
        }
    }

    fn count(&mut self, rows: &[Sent], outcomes: &[Once]) {
        for (row, outcome) in rows.iter().zip(outcomes) {
            match outcome {
                Once::Stored if self.job.dry_run => self.would_store(row.creates),
                Once::Stored => self.counts.accepted += 1,
                Once::Duplicate => self.counts.duplicate += 1,
                Once::Conflict => {
                    let message = "This `event_id` was used for another event; give a new event a new id.";
                    let problem = Problem::at("/event_id", ProblemCode::EventIdConflict, message);
                    self.reject(row.number, row.bytes.as_deref().unwrap_or_default(), &problem);
                }
            }
        }
        self.control.show(&self.counts);
    }
}
