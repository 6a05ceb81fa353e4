//! Where appends wait for the writer: one buffer and one lock for a whole batch, and one outcome for all that are in it.
//!
//! An event is encoded straight into the batch's buffer, behind the ones that wait already; the writer takes the
//! whole batch at once. Bounded by bytes; whoever comes when it is full is refused, not kept waiting.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use muster_kernel::model::id::Position;
use muster_kernel::model::ledger::LedgerRow;
use muster_kernel::model::time::Timestamp;
use muster_kernel::ports::{AppendError, Receipt, Refusal};

use super::record::{self, FrameKind};

/// How long refused calls may wait to be noted in the log when nothing else is written.
const NOTES_WAIT: Duration = Duration::from_millis(500);
/// How long the writer waits for a batch to become about as large as the last one. Those who were answered together
/// tend to come back together: without this, a busy log writes many small batches and syncs for each. A lone caller
/// never waits, because the last batch was its own.
const GATHER: Duration = Duration::from_micros(300);
/// Buffers kept for reuse.
const SPARE_BUFFERS_MAX: usize = 4;
/// A larger buffer is given back to the system instead of being kept.
const SPARE_BUFFER_BYTES_MAX: usize = 4 << 20;

/// The queue of one environment's log.
pub struct Queue {
    state: Mutex<State>,
    ready: Condvar,
    bytes_max: usize,
}

struct State {
    buffer: Vec<u8>,
    count: u32,
    batch: Arc<Batch>,
    notes: Vec<LedgerRow>,
    spare: Vec<Vec<u8>>,
    /// How many events the writer waits for; nobody wakes it before.
    wanted: Option<u32>,
    /// How many events the last batch held.
    last_count: u32,
    closed: bool,
}

/// A batch taken by the writer.
pub struct Taken {
    /// A batch frame to be sealed and the frames of the records.
    pub bytes: Vec<u8>,
    /// Whom to tell.
    pub batch: Arc<Batch>,
}

impl Queue {
    /// An empty queue for at most `bytes_max` waiting bytes.
    pub fn new(bytes_max: usize) -> Self {
        let state = State {
            buffer: Vec::new(),
            count: 0,
            batch: Arc::default(),
            notes: Vec::new(),
            spare: Vec::new(),
            wanted: None,
            last_count: 0,
            closed: false,
        };
        Queue { state: Mutex::new(state), ready: Condvar::new(), bytes_max }
    }

    /// Adds an event; `encode` appends its payload, or says that there is to be none. It is called where nobody else can
    /// push meanwhile.
    ///
    /// # Errors
    /// When the queue is full or closed.
    pub fn push(&self, encode: impl FnOnce(&mut Vec<u8>) -> bool) -> Result<Option<Waiting>, Refusal> {
        let mut state = self.lock();
        if state.closed {
            return Err(Refusal::Closed);
        }
        if state.buffer.len() >= self.bytes_max {
            return Err(Refusal::Overloaded);
        }
        let before = state.buffer.len();
        if state.buffer.is_empty() {
            record::begin_batch(&mut state.buffer);
        }
        let mut is_wanted = false;
        record::begin_frame(&mut state.buffer, FrameKind::Event, |out| is_wanted = encode(out));
        if !is_wanted {
            state.buffer.truncate(before);
            return Ok(None);
        }
        let index = state.count;
        state.count += 1;
        let waiting = Waiting { batch: Arc::clone(&state.batch), index };
        let wake = state.wanted.is_some_and(|wanted| state.count >= wanted);
        if wake {
            state.wanted = None;
        }
        drop(state);
        if wake {
            self.ready.notify_one();
        }
        Ok(Some(waiting))
    }

    /// Adds the mark from which on an erasure holds; `begin` is called where nobody else can push meanwhile.
    ///
    /// # Errors
    /// When the queue is closed.
    pub fn push_erasure(&self, number: u32, begin: impl FnOnce()) -> Result<Waiting, Refusal> {
        let mut state = self.lock();
        if state.closed {
            return Err(Refusal::Closed);
        }
        begin();
        if state.buffer.is_empty() {
            record::begin_batch(&mut state.buffer);
        }
        record::begin_frame(&mut state.buffer, FrameKind::Erasure, |out| {
            out.extend_from_slice(&number.to_le_bytes());
        });
        state.count += 1;
        state.wanted = None;
        let waiting = Waiting { batch: Arc::clone(&state.batch), index: state.count - 1 };
        drop(state);
        self.ready.notify_one();
        Ok(waiting)
    }

    /// Adds many events that are written together; what is waited for is the last one.
    ///
    /// # Errors
    /// As [`Queue::push`]: then none was added.
    pub fn push_many<'p>(&self, payloads: impl Iterator<Item = &'p [u8]>) -> Result<Waiting, Refusal> {
        let mut state = self.lock();
        if state.closed {
            return Err(Refusal::Closed);
        }
        if state.buffer.len() >= self.bytes_max {
            return Err(Refusal::Overloaded);
        }
        if state.buffer.is_empty() {
            record::begin_batch(&mut state.buffer);
        }
        for payload in payloads {
            record::begin_frame(&mut state.buffer, FrameKind::Event, |out| out.extend_from_slice(payload));
            state.count += 1;
        }
        state.wanted = None;
        let waiting = Waiting { batch: Arc::clone(&state.batch), index: state.count.saturating_sub(1) };
        drop(state);
        self.ready.notify_one();
        Ok(waiting)
    }

    /// Adds to the refused calls that the next batch notes. Once the queue is closed there may be no next batch: what could
    /// not be written by then is dropped, or a full disk would keep the log from ever being ended.
    pub fn note(&self, row: LedgerRow) {
        let mut state = self.lock();
        if state.closed {
            return;
        }
        let same = |known: &&mut LedgerRow| (known.minute, known.key) == (row.minute, row.key);
        match state.notes.iter_mut().find(same) {
            Some(known) => known.add(&row),
            None => state.notes.push(row),
        }
    }

    /// The refused calls that are not in the log yet.
    pub fn notes(&self) -> Vec<LedgerRow> {
        self.lock().notes.clone()
    }

    /// Waits for something to write. `None` when the queue is closed and empty.
    pub fn take(&self) -> Option<Taken> {
        let mut state = self.wait_for_some();
        if state.count == 0 && state.notes.is_empty() {
            return None;
        }
        state = self.gather(state);
        for row in std::mem::take(&mut state.notes) {
            if state.buffer.is_empty() {
                record::begin_batch(&mut state.buffer);
            }
            record::begin_frame(&mut state.buffer, FrameKind::LedgerNote, |out| {
                crate::ledger::encode_note(&row, out);
            });
        }
        let empty = state.spare.pop().unwrap_or_default();
        state.last_count = std::mem::take(&mut state.count);
        Some(Taken {
            bytes: std::mem::replace(&mut state.buffer, empty),
            batch: std::mem::take(&mut state.batch),
        })
    }

    /// Waits until there is an event, a note that has waited long enough, or the end.
    fn wait_for_some(&self) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        let mut waited = false;
        while state.count == 0 && (state.notes.is_empty() || !waited) && !state.closed {
            state.wanted = Some(1);
            let (next, timeout) =
                self.ready.wait_timeout(state, NOTES_WAIT).unwrap_or_else(PoisonError::into_inner);
            state = next;
            waited = timeout.timed_out();
        }
        state.wanted = None;
        state
    }

    /// Waits, for a moment at most, until half as many events are there as the last batch held: more would make all
    /// callers march in step, with the disk idle while they are answered.
    fn gather<'a>(&'a self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let wanted = state.last_count / 2;
        if state.count < wanted && !state.closed {
            state.wanted = Some(wanted);
            let (next, _) = self.ready.wait_timeout(state, GATHER).unwrap_or_else(PoisonError::into_inner);
            state = next;
            state.wanted = None;
        }
        state
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.lock().count == 0
    }

    /// Gives a batch's buffer back for reuse.
    pub fn recycle(&self, mut buffer: Vec<u8>) {
        buffer.clear();
        let mut state = self.lock();
        if state.spare.len() < SPARE_BUFFERS_MAX && buffer.capacity() <= SPARE_BUFFER_BYTES_MAX {
            state.spare.push(buffer);
        }
    }

    /// Takes nothing more.
    pub fn close(&self) {
        self.lock().closed = true;
        self.ready.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What became of a batch.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// Durable and visible: the n-th event has the n-th position after `before`.
    Written {
        /// The position before the first event.
        before: Position,
        /// The time of the first event.
        received_at: Timestamp,
    },
    /// Certainly not written.
    Refused(Refusal),
    /// May have been written.
    Unknown,
}

/// The events that are written together, and those who wait for them.
#[derive(Default)]
pub struct Batch {
    outcome: OnceLock<Outcome>,
    waiters: Mutex<Vec<Waker>>,
}

impl Batch {
    /// Tells everybody. Only the first outcome counts.
    pub fn resolve(&self, outcome: Outcome) {
        if self.outcome.set(outcome).is_ok() {
            let waiters = std::mem::take(&mut *self.waiters.lock().unwrap_or_else(PoisonError::into_inner));
            for waker in waiters {
                waker.wake();
            }
        }
    }
}

/// An event on its way; resolves when its batch does.
pub struct Waiting {
    batch: Arc<Batch>,
    index: u32,
}

impl Waiting {
    fn answer(&self) -> Option<Result<Receipt, AppendError>> {
        Some(match self.batch.outcome.get()? {
            Outcome::Written { before, received_at } => Ok(Receipt {
                position: Position(before.0 + u64::from(self.index) + 1),
                received_at: received_at.plus(i64::from(self.index)),
            }),
            Outcome::Refused(refusal) => Err(AppendError::Refused(refusal.clone())),
            Outcome::Unknown => Err(AppendError::Unknown),
        })
    }
}

impl Future for Waiting {
    type Output = Result<Receipt, AppendError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(answer) = self.answer() {
            return Poll::Ready(answer);
        }
        let mut waiters = self.batch.waiters.lock().unwrap_or_else(PoisonError::into_inner);
        // Resolving sets the outcome before it takes the list: either it is seen here, or the waker is seen there.
        match self.answer() {
            Some(answer) => Poll::Ready(answer),
            None => {
                waiters.push(context.waker().clone());
                Poll::Pending
            }
        }
    }
}
