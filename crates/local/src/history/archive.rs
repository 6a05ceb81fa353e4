//! History of one environment: segments in files, a tail of segments in memory, and the log behind both.
//!
//! The log is the row store of the tail: nothing is done for history on the way of a write. Whoever asks reads what the
//! log has more than the tail, so an answer holds everything that was visible when it was asked for (law 1); a thread at
//! low priority does the same now and then, so that there is little to read, and seals, merges and purges
//! (`tending.rs`). The tail's memory is bounded: once it is full, whoever asks waits for it to be sealed.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use muster_kernel::model::id::Position;
use muster_kernel::ports::{Inquiry, Receipt, StoreError};

use super::dictionary::{Dictionaries, DictionaryFile, Shared};
use super::hiding::Hidden;
use super::manifest::Manifest;
use super::rows::Intake;
use super::segment::{Header, Segment};
use super::writer::{SegmentWriter, Target};
use crate::base::Base;
use crate::disk::Disk;
use crate::erasure::Sieve;
use crate::log::reader::{LogReader, RawEvents, ReadFault};
use crate::log::writer::{Identity, Random};

/// Events of a segment in memory from which on the next one is begun. Larger: more to encode again for each question
/// that follows a write. Smaller: more segments to look into.
pub(super) const CHUNK_EVENTS: usize = 1 << 12;
/// Events at a time from which on memory for encoding is kept for the next ones: they come steadily.
pub(super) const STEADY_EVENTS: usize = 1 << 10;
/// Events and bytes read from the log at a time.
pub(super) const STEP_EVENTS: usize = 1 << 14;
pub(super) const STEP_BYTES: usize = 16 << 20;
/// The tail may hold this many times what is sealed at once.
const TAIL_SEALS_MAX: u64 = 4;
/// How often those who wait for a seal look whether they are still wanted.
const WAIT: Duration = Duration::from_millis(50);

/// When and how segments are written.
#[derive(Clone, Debug)]
pub struct ArchiveOptions {
    /// How often the log is read on when nobody asks.
    pub tend_every: Duration,
    /// Events of the tail from which on it is sealed.
    pub seal_events: u64,
    /// How old the tail's oldest event may become.
    pub seal_age: Duration,
    /// Segments of about the same size that are merged into one.
    pub merge_fan: usize,
    /// A segment is not merged beyond this many events.
    pub merge_events_max: u64,
    /// Threads that answer one question.
    pub threads: usize,
    /// Memory that one question may take.
    pub question_bytes_max: usize,
    /// How long the state that an answer is of is kept, and what was folded as of a time gone by.
    pub pin_age: Duration,
}

/// Answers which erasures are under way.
pub type Sieving = Arc<dyn Fn() -> Sieve + Send + Sync>;

/// Answers whether something that writers will soon wait for needs the processors.
pub type Pressing = Arc<dyn Fn() -> bool + Send + Sync>;

/// A segment and what is erased in it.
#[derive(Clone)]
pub struct Kept {
    /// The segment.
    pub segment: Arc<Segment>,
    /// What is not shown of it.
    pub hidden: Arc<Hidden>,
}

impl Kept {
    /// The segment with what is hidden in it, and those of what is left of that.
    pub fn each(&self) -> impl Iterator<Item = (&Segment, Option<&Hidden>)> {
        let own = (self.segment.as_ref(), Some(self.hidden.as_ref()).filter(|hidden| !hidden.is_empty()));
        std::iter::once(own).chain(self.hidden.instead.iter().map(|segment| (segment.as_ref(), None)))
    }
}

/// History at one moment.
#[derive(Clone, Default)]
pub struct Snapshot {
    /// Segments in the order of the log: files, then the tail.
    pub kept: Vec<Kept>,
    /// The position up to which they hold everything.
    pub through: u64,
    /// Numbers of the erasures that are hidden in all of them.
    pub sifted: Vec<u32>,
    /// What stands for the events before the first segment, and what is hidden of it.
    pub base: Option<(Arc<Base>, Sieve)>,
}

/// What only the one who reads the log may touch.
#[derive(Default)]
pub(super) struct Tail {
    /// The events of the last segment in memory, as long as it is not full.
    fresh: RawEvents,
    /// Memory for encoding them.
    intake: Intake,
    /// When the oldest event that is in no file came in, or was first seen in the log.
    pub(super) since: Option<Instant>,
    /// Behind the first and up to the second position the log is on its way into files straight away.
    pub(super) straight: Option<(u64, u64)>,
}

impl Tail {
    /// The last segment in memory is not written anew for what follows.
    pub(super) fn end_chunk(&mut self) {
        self.fresh.clear(STEADY_EVENTS);
    }

    /// Where a segment in memory has to end that begins behind `through`, so that a file covers it whole or not at all.
    fn border(&self, through: u64) -> Option<u64> {
        let (after, until) = self.straight?;
        let chunks = through.saturating_sub(after) / CHUNK_EVENTS as u64 + 1;
        (through < until).then(|| until.min(after + chunks * CHUNK_EVENTS as u64))
    }
}

/// What only the one who writes files may touch.
pub(super) struct Files {
    pub(super) manifest: Manifest,
    pub(super) users: DictionaryFile,
    pub(super) companies: DictionaryFile,
    pub(super) names: DictionaryFile,
    /// Memory for events on their way into a file; empty.
    pub(super) intake: Intake,
}

impl Files {
    /// Bytes of the dictionaries.
    pub(super) fn dictionary_bytes(&self) -> u64 {
        self.users.length() + self.companies.length() + self.names.length()
    }
}

/// History of one environment.
pub struct Archive {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) directory: PathBuf,
    pub(super) identity: Identity,
    pub(super) options: ArchiveOptions,
    pub(super) random: Random,
    pub(super) log: LogReader,
    /// The same for sealing, which reads elsewhere.
    pub(super) sealing_log: LogReader,
    pub(super) sieve: Sieving,
    pub(super) pressing: Pressing,
    pub(super) known: Shared,
    pub(super) snapshot: RwLock<Arc<Snapshot>>,
    pub(super) tail: Mutex<Tail>,
    pub(super) files: Mutex<Files>,
    pub(super) signals: Mutex<Signals>,
    pub(super) changed: Condvar,
    pub(super) columns: super::user_columns::UserColumns,
    /// Users' properties as they were.
    pub(super) then_columns: super::then_columns::ThenColumns,
    /// States that answers of reports were of.
    pub(super) pins: super::pins::Pins,
    /// What segments' rules ask for.
    pub(super) rule_columns: super::members::Columns,
    /// Bytes of the dictionaries' files, as of the last change of a file.
    pub(super) dictionary_bytes: AtomicU64,
    /// How many wait for what is done in the background: as long as there are any, it does not rest.
    pub(super) waiting: AtomicUsize,
    /// The last try to write a file failed: until one succeeds, the tail may not grow.
    pub(super) failed: AtomicBool,
    /// Somebody asked since the tending thread last looked.
    pub(super) asked: AtomicBool,
}

/// What the tending thread is told.
#[derive(Default)]
pub(super) struct Signals {
    /// Somebody waits for a seal.
    pub(super) hurried: bool,
    /// The thread shall end.
    pub(super) closed: bool,
}

/// Somebody waits, as long as this lives.
pub struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Snapshot {
    /// The position up to which a base stands for the events.
    pub fn base_position(&self) -> u64 {
        self.base.as_ref().map_or(0, |(base, _)| base.position().0)
    }
}

impl Archive {
    /// Until the answer is dropped, sealing, merging and purging do not rest.
    pub fn wait(&self) -> Waiting<'_> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        Waiting(&self.waiting)
    }

    /// Everything that is in segments already.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Events in memory.
    pub(super) fn tail_events(snapshot: &Snapshot) -> u64 {
        let in_memory = snapshot.kept.iter().filter(|kept| kept.segment.file.is_none());
        in_memory.map(|kept| kept.segment.events()).sum()
    }

    /// Everything up to `visible`, which must be durable.
    ///
    /// # Errors
    /// When the log cannot be read, or the asker gave up.
    pub fn up_to(&self, visible: Position, inquiry: &Inquiry) -> Result<Arc<Snapshot>, StoreError> {
        self.asked.store(true, Ordering::Relaxed);
        loop {
            let snapshot = self.snapshot();
            if inquiry.is_stopped() {
                return Err(StoreError::Stopped);
            }
            // Asked after `visible` was: what began to be erased before that is hidden in the answer.
            let begun = (self.sieve)().begun();
            if begun.iter().any(|number| !snapshot.sifted.contains(number)) {
                self.hide(begun)?;
                continue;
            }
            if snapshot.through >= visible.0 {
                return Ok(snapshot);
            }
            if Self::tail_events(&snapshot) >= self.options.seal_events.saturating_mul(TAIL_SEALS_MAX) {
                self.wait_for_a_seal()?;
                continue;
            }
            self.read_on(visible)?;
        }
    }

    fn wait_for_a_seal(&self) -> Result<(), StoreError> {
        if self.failed.load(Ordering::Relaxed) {
            return Err(StoreError::Failed("history can no longer be written".to_owned()));
        }
        let mut signals = self.signals();
        if signals.closed {
            return Err(StoreError::Stopped);
        }
        signals.hurried = true;
        self.changed.notify_all();
        drop(self.changed.wait_timeout(signals, WAIT).unwrap_or_else(PoisonError::into_inner));
        Ok(())
    }

    /// Takes what the log has more than the tail, one step.
    #[expect(clippy::disallowed_methods, reason = "the age of the tail is a duration, not a time of day")]
    pub(super) fn read_on(&self, visible: Position) -> Result<(), StoreError> {
        let mut tail = self.tail();
        let before = self.snapshot();
        if before.through >= visible.0 {
            return Ok(());
        }
        let border = tail.border(before.through);
        let visible = Position(border.map_or(visible.0, |border| visible.0.min(border)));
        let count = tail.fresh.len();
        // Also what is erased: it is hidden here, and what a purge takes out is the same in both.
        let limits = (STEP_EVENTS, STEP_BYTES);
        let read = self.log.read_raw(Position(before.through), visible, limits, &mut tail.fresh);
        let is_all = read.map_err(unread)?;
        let through = if is_all { visible.0 } else { tail.fresh.last().unwrap_or(visible).0 };
        let mut kept = before.kept.clone();
        if count > 0 {
            kept.pop();
        }
        tail.since.get_or_insert_with(Instant::now);
        if !tail.fresh.is_empty() {
            let first = kept.last().map_or(before.base_position(), |kept| kept.segment.header().last) + 1;
            let Tail { fresh, intake, .. } = &mut *tail;
            let made = self.in_memory(intake, fresh.iter(), first, through);
            let made = made.and_then(|segment| Ok((self.hidden_now(&segment)?, segment)));
            intake.clear(STEADY_EVENTS);
            // What is not shown is read again: it must not stand here twice then.
            let (hidden, segment) = made.inspect_err(|_| fresh.truncate(count))?;
            kept.push(Kept { segment: Arc::new(segment), hidden });
        }
        if tail.fresh.len() >= CHUNK_EVENTS || border == Some(through) {
            tail.end_chunk();
        }
        self.publish(Snapshot { kept, through, sifted: before.sifted.clone(), base: before.base.clone() });
        Ok(())
    }

    /// From now on the last segment in memory is not written anew for what follows.
    pub(super) fn end_chunk(&self) -> MutexGuard<'_, Tail> {
        let mut tail = self.tail();
        tail.end_chunk();
        tail
    }

    pub(super) fn tail(&self) -> MutexGuard<'_, Tail> {
        self.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn publish(&self, snapshot: Snapshot) {
        *self.snapshot.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(snapshot);
    }

    pub(super) fn signals(&self) -> MutexGuard<'_, Signals> {
        self.signals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a segment for these positions says of itself.
    pub(super) fn header(&self, first: u64, last: u64) -> Header {
        let mut salt = [0; 4];
        (self.random)(&mut salt);
        let Identity { environment, incarnation } = self.identity;
        Header { environment, incarnation, salt: u32::from_le_bytes(salt), first, last }
    }

    /// A segment of a few events, in memory.
    pub(super) fn in_memory<'e>(
        &self,
        intake: &mut Intake,
        events: impl Iterator<Item = (Receipt, &'e [u8])>,
        first: u64,
        last: u64,
    ) -> Result<Segment, StoreError> {
        let mut writer = SegmentWriter::new(Target::Memory, self.header(first, last));
        {
            let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
            for (receipt, payload) in events {
                let position = receipt.position.0;
                writer.receive(position, receipt.received_at.0);
                if !intake.take(&mut known, receipt, payload) {
                    tracing::error!(position, "a record with a right checksum is no event");
                }
            }
        }
        let encode = || {
            for (name, rows) in intake.by_name.iter_mut().filter(|(_, rows)| !rows.heads.is_empty()) {
                rows.sort();
                writer.add(*name, rows, &self.known)?;
            }
            writer.finish()
        };
        let bytes = encode().map_err(|error| super::merge::unwritten(&error))?;
        Segment::open(Box::new(bytes), None).map_err(StoreError::Damaged)
    }

    /// Bytes of the dictionaries' files.
    pub(super) fn dictionary_bytes(&self) -> u64 {
        self.dictionary_bytes.load(Ordering::Relaxed)
    }

    /// The dictionaries.
    pub(super) fn known(&self) -> std::sync::RwLockReadGuard<'_, Dictionaries> {
        super::dictionary::read(&self.known)
    }
}

/// What a fault of the log means.
pub(super) fn unread(fault: ReadFault) -> StoreError {
    match fault {
        ReadFault::Io(error) => StoreError::Failed(format!("the log cannot be read: {error}")),
        ReadFault::Damaged { path, offset } => {
            StoreError::Damaged(format!("no whole record stands in {path} at offset {offset}"))
        }
    }
}
