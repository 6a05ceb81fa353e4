//! One environment at work: its log, the threads behind it, and its profiles.
//!
//! Three threads. The *log* thread takes all that waits, writes and syncs it; the *fold* thread folds what is synced
//! into the overlay, publishes the position and answers; the *mover* carries closed generations into the store. Each
//! works on another batch, none holds a lock across a sync, and nothing is folded that is not durable (law 1).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use muster_kernel::model::event::Event;
use muster_kernel::model::id::{Position, SegmentId};
use muster_kernel::ports::{Clock, StoreError};

use crate::background::yield_to_others;
use crate::base::{Bases, seed};
use crate::directory::OpenError;
use crate::disk::Disk;
use crate::environment_history::open_history;
use crate::erasure::Registry;
use crate::exports::ExportFiles;
use crate::folding::{FoldWork, Folder, Synced, age_max, run_fold};
use crate::guards::UnderWay;
use crate::history::archive::Archive;
use crate::jobs::JobFiles;
use crate::ledger::{Refused, decode_note};
use crate::lists::ListFiles;
use crate::log::dropping::drop_until;
use crate::log::patch;
use crate::log::queue::{Outcome, Queue};
use crate::log::reader::LogReader;
use crate::log::record::{Frame, FrameKind};
use crate::log::recover::{self, recover};
use crate::log::segment::Segments;
use crate::log::writer::{Identity, Random, WriteError, Writer, WriterOptions};
use crate::options::Options;
use crate::profiles::lists::View;
use crate::profiles::mover::move_generation;
use crate::profiles::overlay::Overlay;
use crate::profiles::store::{Home, Store};
use crate::profiles::tidy::tidy_one;

/// Synced batches that may wait for the fold thread.
const FOLD_QUEUE_BATCHES: usize = 2;
/// The mover spreads its work over this share of the time until the next generation may follow: a burst would take a
/// processor away from those who answer.
const MOVE_SHARE: (u32, u32) = (3, 4);
/// How long tidying up the value log rests after each piece, so that it takes a small part of disk and processor.
const TIDY_PAUSE: Duration = Duration::from_millis(10);

/// What an environment is opened with.
pub struct Parts {
    /// Where its data is.
    pub directory: PathBuf,
    /// Whose data it is.
    pub identity: Identity,
    /// The engine's settings.
    pub options: Options,
    /// Where the log's files are.
    pub disk: Arc<dyn Disk>,
    /// The segments that the catalog knows.
    pub saved: BTreeSet<SegmentId>,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// Source of salts.
    pub random: Random,
}

/// An open environment.
pub struct Environment {
    pub(crate) queue: Arc<Queue>,
    pub(crate) reader: LogReader,
    pub(crate) state: Arc<State>,
    pub(crate) jobs: JobFiles,
    pub(crate) exports: ExportFiles,
    pub(crate) lists: ListFiles,
    pub(crate) history: Arc<Archive>,
    pub(crate) log: LogFiles,
    pub(crate) bases: Bases,
    pub(crate) notes: Vec<String>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// For `save`; gone once the environment is closed.
    fold: Mutex<Option<SyncSender<FoldWork>>>,
}

/// The files of a log, for whoever replaces records in them.
pub(crate) struct LogFiles {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) directory: PathBuf,
    pub(crate) segments: Arc<Segments>,
}

/// What the threads of an environment share.
pub(crate) struct State {
    pub(crate) overlay: Overlay,
    pub(crate) store: Store,
    pub(crate) guards: UnderWay,
    pub(crate) refused: Refused,
    pub(crate) erasures: Registry,
    /// Up to which mark of the log erasures were out of the store at the start.
    pub(crate) taken_out: Position,
    visible: AtomicU64,
}

impl State {
    fn new(store: Store, erasures: Registry) -> Result<State, StoreError> {
        let (overlay, taken_out) = (Overlay::new(store.wide()?), store.taken_out()?);
        Ok(State {
            overlay,
            store,
            guards: UnderWay::default(),
            refused: Refused::default(),
            erasures,
            taken_out,
            visible: AtomicU64::new(0),
        })
    }

    /// Makes everything up to a position visible.
    pub(crate) fn publish(&self, position: Position) {
        self.visible.store(position.0, Ordering::Release);
    }

    /// The position up to which everything is durable and visible.
    pub(crate) fn visible(&self) -> Position {
        Position(self.visible.load(Ordering::Acquire))
    }

    /// Everything known at this moment.
    pub(crate) fn view(&self) -> View<'_> {
        View { fresh: self.overlay.generations(), store: &self.store }
    }
}

/// What is kept in files of its own beside log, history and profiles.
struct Files {
    jobs: JobFiles,
    exports: ExportFiles,
    lists: ListFiles,
    notes: Vec<String>,
}

impl Files {
    fn open(parts: &Parts) -> std::io::Result<Files> {
        let Parts { disk, directory, options, saved, .. } = parts;
        let reserve = options.free_disk_reserve_bytes;
        let (jobs, mut notes) = JobFiles::open(Arc::clone(disk), directory, reserve)?;
        let (exports, export_notes) = ExportFiles::open(Arc::clone(disk), directory, reserve)?;
        notes.extend(export_notes);
        Ok(Files { jobs, exports, lists: ListFiles::open(Arc::clone(disk), directory, saved)?, notes })
    }
}

impl Environment {
    /// Recovers an environment, or makes a new one, and starts its threads.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(parts: Parts) -> Result<Environment, OpenError> {
        let io = |error| OpenError::Io(parts.directory.clone(), error);
        let log_directory = parts.directory.join("log");
        parts.disk.create_directory(&log_directory).map_err(io)?;
        std::fs::create_dir_all(&parts.directory).map_err(io)?;
        let Files { jobs, exports, lists, notes: file_notes } = Files::open(&parts).map_err(io)?;
        let store_directory = parts.directory.join("profiles");
        let unusable = |error: StoreError| OpenError::Store(store_directory.clone(), error.to_string());
        let (store, bases) = open_store(&parts)?;
        let saved = store.saved().map_err(unusable)?;
        let erasures = Registry::open(Arc::clone(&parts.disk), &parts.directory, Arc::clone(&parts.random))
            .map_err(|error| OpenError::Io(parts.directory.join("erasures"), error))?;
        let state = Arc::new(State::new(store, erasures).map_err(unusable)?);
        let mover = spawn("muster-mover", {
            let (state, over) = (Arc::clone(&state), age_max(&parts.options) * MOVE_SHARE.0 / MOVE_SHARE.1);
            move || run_mover(&state, over)
        });
        let recovered = recover_log(&parts, &log_directory, saved, &state).and_then(|recovered| {
            let (writer, segments, notes) = recovered;
            let history = open_history(&parts, &state, segments, writer.end().last, bases.current())?;
            // What a stop left of the events that a base stands for; history has let go of them by now.
            drop_until(parts.disk.as_ref(), &log_directory, &history.1, bases.position())
                .map_err(|error| OpenError::Io(log_directory.clone(), error))?;
            Ok((writer, history, notes))
        });
        let (writer, (history, segments), mut notes) = match recovered {
            Ok(recovered) => recovered,
            Err(error) => {
                state.overlay.close();
                // The mover must be gone before the caller may open the directory again.
                let _ = mover.join();
                return Err(error);
            }
        };
        notes.extend(file_notes);
        state.visible.store(writer.end().last.0, Ordering::Release);
        let queue =
            Arc::new(Queue::new(usize::try_from(parts.options.queue_bytes_max).unwrap_or(usize::MAX)));
        let (synced, folding) = sync_channel(FOLD_QUEUE_BATCHES);
        let saving = synced.clone();
        let log = spawn("muster-log", {
            let (queue, clock, state) = (Arc::clone(&queue), Arc::clone(&parts.clock), Arc::clone(&state));
            move || run_log(writer, &queue, &synced, clock.as_ref(), &state)
        });
        let tending = spawn("muster-history", {
            let (history, state) = (Arc::clone(&history), Arc::clone(&state));
            move || history.tend(|| state.visible())
        });
        let fold = spawn("muster-fold", {
            let (queue, state, options) = (Arc::clone(&queue), Arc::clone(&state), parts.options.clone());
            move || run_fold(&folding, &queue, &state, &options)
        });
        Ok(Environment {
            queue,
            log: LogFiles { disk: parts.disk, directory: log_directory, segments: Arc::clone(&segments) },
            reader: LogReader::new(segments),
            bases,
            state,
            jobs,
            exports,
            lists,
            history,
            notes,
            threads: Mutex::new(vec![log, fold, mover, tending]),
            fold: Mutex::new(Some(saving)),
        })
    }

    /// Moves everything that is visible now into the store and waits until it is durable there.
    pub fn save(&self) {
        let fold = self.fold.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (saved, wait) = sync_channel(1);
        if fold.is_some_and(|fold| fold.send(FoldWork::Save(saved)).is_ok()) {
            // An error means that the environment was closed meanwhile, which saves as well.
            let _ = wait.recv();
        }
    }

    /// Stops taking events, finishes what was taken, saves the profiles, and ends the log cleanly.
    pub fn close(&self) {
        self.queue.close();
        self.history.close();
        self.fold.lock().unwrap_or_else(PoisonError::into_inner).take();
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a thread of an environment had failed before it was stopped");
            }
        }
    }
}

impl Drop for Environment {
    fn drop(&mut self) {
        self.close();
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    #[expect(clippy::expect_used, reason = "a process that cannot start a thread cannot serve anything")]
    std::thread::Builder::new().name(name.to_owned()).spawn(work).expect("threads can be started")
}

/// Opens the profile store and the base, if there is one, and has the store hold all that the base does.
fn open_store(parts: &Parts) -> Result<(Store, Bases), OpenError> {
    let unusable = |error: StoreError| OpenError::Store(parts.directory.join("profiles"), error.to_string());
    let bases =
        Bases::open(Arc::clone(&parts.disk), &parts.directory, parts.identity, Arc::clone(&parts.random))
            .map_err(|what| OpenError::Base(parts.directory.join("base"), what))?;
    let home = Home {
        directory: parts.directory.clone(),
        disk: Arc::clone(&parts.disk),
        value_file_bytes: parts.options.value_file_bytes,
        read_only: false,
    };
    let store = Store::open_or_renew(&home, parts.options.cache_bytes).map_err(unusable)?;
    if let Some(base) = bases.current()
        && store.saved().map_err(unusable)? < base.position()
    {
        seed(&store, &base).map_err(unusable)?;
    }
    Ok((store, bases))
}

/// Finds the end of the log and folds what the store does not hold yet.
fn recover_log(
    parts: &Parts,
    directory: &Path,
    saved: Position,
    state: &State,
) -> Result<(Writer, Arc<Segments>, Vec<String>), OpenError> {
    let request = recover::Request {
        disk: parts.disk.as_ref(),
        directory,
        identity: parts.identity,
        saved,
        skip_damaged: parts.options.skip_damaged,
        read_only: false,
    };
    let io = |error| OpenError::Io(directory.into(), error);
    let patched = patch::finish(parts.disk.as_ref(), directory).map_err(io)?;
    let mut folder = Folder::replaying(state, &parts.options);
    let mut recovered = recover(&request, &mut |frame| folder.replay(frame))?;
    recovered.notes.extend(patched);
    state.erasures.settle(&recovered.segments).map_err(io)?;
    let options = WriterOptions {
        segment_bytes: parts.options.log_segment_bytes,
        free_reserve_bytes: parts.options.free_disk_reserve_bytes,
        random: Arc::clone(&parts.random),
    };
    let (disk, segments) = (Arc::clone(&parts.disk), Arc::clone(&recovered.segments));
    let writer =
        Writer::open(disk, directory.into(), parts.identity, options, segments, recovered.end).map_err(io)?;
    Ok((writer, recovered.segments, recovered.notes))
}

fn run_log(
    mut writer: Writer,
    queue: &Queue,
    synced: &SyncSender<FoldWork>,
    clock: &dyn Clock,
    state: &State,
) {
    while let Some(mut taken) = queue.take() {
        match writer.write(&mut taken.bytes, clock.now()) {
            Ok(written) => {
                let done = Synced { bytes: taken.bytes, batch: taken.batch, written };
                if synced.send(FoldWork::Batch(done)).is_err() {
                    break;
                }
                if queue.is_empty() {
                    writer.witness();
                }
            }
            Err(error) => {
                let outcome = match error {
                    WriteError::Refused(refusal) => Outcome::Refused(refusal),
                    WriteError::Unknown(_) => Outcome::Unknown,
                };
                give_up(&taken.bytes, queue, state);
                taken.batch.resolve(outcome);
            }
        }
    }
    if let Err(error) = writer.close() {
        tracing::error!(%error, "the log could not be ended cleanly; the next start will check its end");
    }
}

/// A batch was not written: lets those go who wait for its guards, and keeps its notes for the next batch.
fn give_up(mut bytes: &[u8], queue: &Queue, state: &State) {
    while let Some(frame) = Frame::sealed(bytes) {
        bytes = &bytes[frame.length()..];
        match frame.kind {
            FrameKind::Event => {
                if let Ok(event) = Event::decode(frame.payload) {
                    event.guards().for_each(|guard| state.guards.release(&guard.key));
                }
            }
            FrameKind::LedgerNote => {
                if let Some(row) = decode_note(frame.payload) {
                    queue.note(row);
                }
            }
            // Whoever asked for the erasure is told that it is none.
            FrameKind::Batch | FrameKind::Erasure | FrameKind::Hole | FrameKind::Reduced => {}
        }
    }
}

/// Moves generation after generation, each spread `over` a span of time as long as nobody waits for it.
#[expect(clippy::disallowed_methods, reason = "work is spread over a duration, not over a time of day")]
fn run_mover(state: &State, over: Duration) {
    yield_to_others();
    while let Some((generation, position)) = state.overlay.next_to_move() {
        let begun = Instant::now();
        let rest = |done: usize, all: usize| {
            let due = over.mul_f64(done as f64 / all.max(1) as f64);
            state.overlay.rest(due.saturating_sub(begun.elapsed()));
        };
        let moved = move_generation(&state.store, state.overlay.wide(), &generation, position, rest);
        if moved.is_ok() {
            state.overlay.moved();
        }
        if let Err(error) = moved.and_then(|()| tidy_up(state)) {
            tracing::error!(%error, "profiles can no longer be saved; restart the server, nothing is lost");
            state.overlay.move_failed();
            return;
        }
    }
}

/// Tidies up the value log, in pieces with pauses between them, until nothing is wasteful or there is something to move;
/// then it goes on only when too much disk space is wasted.
fn tidy_up(state: &State) -> Result<(), StoreError> {
    while tidy_one(&state.store, || state.overlay.rest(TIDY_PAUSE))? {
        if state.overlay.wants_mover() && !state.store.values().is_overdue() {
            break;
        }
    }
    Ok(())
}
