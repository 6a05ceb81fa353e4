//! Folding: what is synced goes into the overlay, is published and answered; full or old generations are closed.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

use muster_kernel::model::event::Event;
use muster_kernel::model::id::{KeyId, Position};
use muster_kernel::ports::Receipt;

use crate::environment::State;
use crate::erasure::Left;
use crate::ledger::decode_note;
use crate::log::queue::{Batch, Outcome, Queue};
use crate::log::record::{Frame, FrameKind};
use crate::log::writer::Written;
use crate::options::Options;
use crate::profiles::overlay::{Generation, stored};

/// Events folded between two looks at the overlay's size while a log is replayed.
const REPLAY_STRIDE: u64 = 4096;

/// What the fold thread is asked to do.
pub(crate) enum FoldWork {
    /// Fold a batch and answer those who wait for it.
    Batch(Synced),
    /// Save all profiles, then tell.
    Save(SyncSender<()>),
}

/// A batch that is durable, on its way to the fold thread.
pub(crate) struct Synced {
    /// Its records.
    pub(crate) bytes: Vec<u8>,
    /// Who waits for it.
    pub(crate) batch: Arc<Batch>,
    /// Where it stands.
    pub(crate) written: Written,
}

/// The fold thread: folds batches, publishes their positions, answers, and closes generations, until no more can come.
pub(crate) fn run_fold(work: &Receiver<FoldWork>, queue: &Queue, state: &State, options: &Options) {
    let mut folder = Folder::new(state, options);
    let idle = Duration::from_millis(options.overlay_age_ms_max.max(1));
    loop {
        match work.recv_timeout(idle) {
            Ok(FoldWork::Save(saved)) => {
                folder.close_last(state.visible());
                // Whoever asked may be gone.
                let _ = saved.send(());
            }
            Ok(FoldWork::Batch(done)) => {
                folder.fold_batch(&done.bytes);
                state.publish(done.written.last);
                let Written { before, received_at, .. } = done.written;
                done.batch.resolve(Outcome::Written { before, received_at });
                queue.recycle(done.bytes);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        folder.close_when_due(state.visible());
    }
    folder.close_last(state.visible());
    state.overlay.close();
}

/// Folds records into the overlay and decides when a generation is closed.
pub(crate) struct Folder<'a> {
    state: &'a State,
    active: Arc<Generation>,
    bytes_max: usize,
    age_max: Duration,
    begun: Instant,
    /// Whether the mover was told that the active generation fills up.
    hurried: bool,
    replayed: u64,
    /// Of a replay: the last mark of an erasure that the store is rid of already.
    taken_out: Position,
    /// The guards of the batch that is folded.
    folded: Vec<[u8; 16]>,
}

impl<'a> Folder<'a> {
    #[expect(clippy::disallowed_methods, reason = "the age of a generation is a duration, not a time of day")]
    pub(crate) fn new(state: &'a State, options: &Options) -> Self {
        Folder {
            state,
            active: state.overlay.generations().active,
            // Two generations may be held at once.
            bytes_max: usize::try_from(options.overlay_bytes_max / 2).unwrap_or(usize::MAX).max(1),
            age_max: age_max(options),
            begun: Instant::now(),
            hurried: false,
            replayed: 0,
            taken_out: Position::START,
            folded: Vec::new(),
        }
    }

    /// One that reads the log back at a start, over a store that is rid of what was erased up to a mark.
    pub(crate) fn replaying(state: &'a State, options: &Options) -> Self {
        Folder { taken_out: state.taken_out, ..Folder::new(state, options) }
    }

    fn fold_batch(&mut self, mut bytes: &[u8]) {
        while let Some(frame) = Frame::sealed(bytes) {
            bytes = &bytes[frame.length()..];
            self.fold(&frame);
        }
        self.state.guards.release_all(self.folded.iter());
        self.folded.clear();
    }

    fn fold(&mut self, frame: &Frame<'_>) {
        match frame.kind {
            FrameKind::Event | FrameKind::Reduced => match frame.event().map(Event::decode) {
                Some(Ok(event)) => self.fold_event(frame, &event),
                _ => {
                    tracing::error!(
                        position = frame.position.0,
                        "a record with a right checksum is no event"
                    );
                }
            },
            FrameKind::LedgerNote => match decode_note(frame.payload) {
                Some(row) => self.state.refused.settle(&row, || self.active.count(&row)),
                None => tracing::error!(position = frame.position.0, "a ledger note cannot be read"),
            },
            FrameKind::Erasure => {
                // One that is complete has left nothing to forget.
                let begun =
                    frame.erasure().and_then(|number| self.state.erasures.begin(number, frame.position));
                match begun {
                    // The store was rid of these before a stop, and may hold what came after.
                    Some(subjects) if frame.position <= self.taken_out => {
                        self.active.forget(subjects.kind, &subjects.ids);
                    }
                    Some(subjects) => self.active.erase(subjects.kind, &subjects.ids, frame.position),
                    None => {}
                }
            }
            FrameKind::Hole => {
                if let Some(key) = frame.payload.first_chunk().copied().map(u32::from_le_bytes) {
                    self.active.count(&stored(KeyId(key), frame.received_at));
                }
            }
            FrameKind::Batch => {}
        }
    }

    fn fold_event(&mut self, frame: &Frame<'_>, event: &Event<'_>) {
        let receipt = Receipt { position: frame.position, received_at: frame.received_at };
        match self.state.erasures.left(frame.position, event) {
            Left::Whole => self.active.fold(event, receipt),
            Left::Part(part) => {
                if let Ok(part) = Event::decode(&part) {
                    self.active.fold(&part, receipt);
                }
            }
            Left::Nothing => {}
        }
        self.active.count(&stored(event.key, frame.received_at));
        self.folded.extend(event.guards().map(|guard| guard.key));
    }

    /// Folds a record that is read back at a start.
    pub(crate) fn replay(&mut self, frame: &Frame<'_>) {
        self.fold(frame);
        // Nobody has claimed them.
        self.folded.clear();
        self.replayed += 1;
        // What came before an erasure that is out of the store must not get there without it. One generation held all of it
        // before, so one can again.
        if frame.position >= self.taken_out && self.replayed.is_multiple_of(REPLAY_STRIDE) {
            self.close_when_due(frame.position);
        }
    }

    fn close_when_due(&mut self, position: Position) {
        let bytes = self.active.bytes();
        let (full, old) = (bytes >= self.bytes_max, self.begun.elapsed() >= self.age_max);
        if bytes >= self.bytes_max / 2 && !self.hurried {
            self.hurried = true;
            self.state.overlay.hurry();
        }
        if !full && (!old || self.active.is_empty()) {
            return;
        }
        if self.state.overlay.is_moving() {
            // Old may wait for the mover; full must, and with it everybody who writes (law 8).
            if !full || !self.state.overlay.wait_moved() {
                return;
            }
        }
        self.close(position);
    }

    /// Moves everything, whatever its age, and waits for it.
    fn close_last(&mut self, position: Position) {
        if self.state.overlay.wait_moved() && !self.active.is_empty() {
            self.close(position);
            self.state.overlay.wait_moved();
        }
    }

    #[expect(clippy::disallowed_methods, reason = "the age of a generation is a duration, not a time of day")]
    fn close(&mut self, position: Position) {
        self.state.overlay.close_generation(position);
        self.active = self.state.overlay.generations().active;
        self.begun = Instant::now();
        self.hurried = false;
    }
}
/// How old a generation of the overlay gets before it is moved.
pub(crate) fn age_max(options: &Options) -> Duration {
    Duration::from_millis(options.overlay_age_ms_max)
}
