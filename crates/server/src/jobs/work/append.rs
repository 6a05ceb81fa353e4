//! How rows reach the log: batches under way while the next rows are read, and single rows that name their event.

use muster_kernel::model::problem::{Problem, ProblemCode};
use muster_kernel::ports::{AppendError, Appended, Refusal};

use super::{BATCHES_MAX, Halt, Step, Work};

impl Work<'_> {
    /// Sends the batch on its way, and waits for an earlier one when there are enough.
    pub(super) fn append_batch(&mut self) -> Step {
        if self.batch.is_empty() {
            return Ok(());
        }
        while self.under_way.len() >= BATCHES_MAX {
            self.settle_one()?;
        }
        let batch = std::mem::replace(&mut self.batch, self.spare.pop().unwrap_or_default());
        self.inner.tally.receive(self.environment, batch.len() as u64);
        let appending = self.inner.parts.log.append_many(self.environment, &batch);
        self.under_way.push_back((batch, appending));
        Ok(())
    }

    /// Waits for the oldest batch; one that was refused is sent again until it is taken.
    fn settle_one(&mut self) -> Step {
        let Some((mut batch, mut appending)) = self.under_way.pop_front() else { return Ok(()) };
        loop {
            match self.runtime.block_on(appending) {
                Ok(receipt) => {
                    self.inner.tally.settle(self.environment, batch.len() as u64);
                    self.counts.accepted += batch.len() as u64;
                    self.position = self.position.max(receipt.position);
                    batch.clear();
                    self.spare.push(batch);
                    self.control.waits_for(None);
                    self.control.show(&self.counts);
                    return Ok(());
                }
                Err(AppendError::Refused(refusal)) => {
                    if let Err(halt) = self.wait_out(&refusal) {
                        self.inner.tally.abandon(self.environment, batch.len() as u64);
                        return Err(halt);
                    }
                    appending = self.inner.parts.log.append_many(self.environment, &batch);
                }
                Err(error) => return Err(Halt::Broken(format!("append: {error:?}"))),
            }
        }
    }

    pub(super) fn settle_all(&mut self) -> Step {
        self.append_batch()?;
        while !self.under_way.is_empty() {
            self.settle_one()?;
        }
        Ok(())
    }

    /// Appends the row in the draft, which names its event: it may have been taken before.
    pub(super) fn append_guarded(&mut self, number: u64, bytes: &[u8]) -> Step {
        // In the order of the rows, so that a stop in between leaves no hole that nobody looks for.
        self.settle_all()?;
        loop {
            self.inner.tally.receive(self.environment, 1);
            let appending = self.inner.parts.log.append(self.environment, &self.draft);
            match self.runtime.block_on(appending) {
                Ok(Appended::Stored(receipt)) => {
                    self.inner.tally.settle(self.environment, 1);
                    self.position = self.position.max(receipt.position);
                    self.counts.accepted += 1;
                    return Ok(());
                }
                other => {
                    self.inner.tally.abandon(self.environment, 1);
                    match other {
                        Ok(Appended::Suppressed) => self.counts.suppressed += 1,
                        Ok(_) => self.counts.duplicate += 1,
                        Err(AppendError::Refused(refusal)) => {
                            self.wait_out(&refusal)?;
                            continue;
                        }
                        Err(AppendError::Conflict(_)) => {
                            let message =
                                "This `event_id` was used with another body; give a new event a new id.";
                            let problem = Problem::at("/event_id", ProblemCode::EventIdConflict, message);
                            self.reject(number, bytes, &problem);
                        }
                        Err(error) => return Err(Halt::Broken(format!("append: {error:?}"))),
                    }
                    return Ok(());
                }
            }
        }
    }

    /// Waits a while for what keeps a write from being taken, and shows what that is.
    pub(super) fn wait_out(&self, refusal: &Refusal) -> Step {
        let (code, message) = match refusal {
            Refusal::Overloaded => {
                (ProblemCode::Overloaded, "Too many writes are waiting; the job goes on after them.")
            }
            Refusal::DiskFull => (
                ProblemCode::DiskFull,
                "The server has too little free disk space; the job goes on once there is more.",
            ),
            Refusal::ClockBehind { .. } => (
                ProblemCode::ClockBehind,
                "The server's clock is behind its last event; the job goes on once it is set right.",
            ),
            Refusal::Closed => {
                self.inner.check(self.control)?;
                return Err(Halt::Broken("the log is closed".to_owned()));
            }
        };
        self.control.waits_for(Some(Problem::of_call(code, message)));
        self.inner.rest(self.control)
    }
}
