//! What is done for history in the background: reading on, sealing the tail, merging by tiers.
//!
//! Each makes one new file of several segments, syncs it, and puts it in their place with a new manifest: a crash leaves
//! the state before or after. One of them runs at a time, on a thread at low priority that rests as long as it works,
//! unless somebody waits for it.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use muster_kernel::model::id::Position;
use muster_kernel::ports::StoreError;

use super::archive::{Archive, ArchiveOptions, Files, Kept, Snapshot};
use super::manifest::SegmentEntry;
use super::merge::{merge, unwritten};
use super::opening::{names_of, open_segment, segment_name};
use super::rows::Intake;
use super::segment::Segment;
use super::writer::{SegmentWriter, Target};
use crate::background::yield_to_others;

/// A pause is not longer than this.
const REST_MAX: Duration = Duration::from_millis(20);
/// As long as writers would soon wait for profiles to be moved, history waits for that, but not with more than so many
/// times what is sealed at once: it would all have to be read for the next question.
const PATIENT_SEALS: u64 = 3;
/// How long after a question the next one is expected.
const WATCHED: Duration = Duration::from_secs(60);
/// How long it waits before it tries again what failed.
const FAILURE_REST: Duration = Duration::from_secs(5);

/// Whether somebody asks now and then.
#[derive(Default)]
struct Watched(Option<Instant>);

impl Watched {
    /// `asked`: since the last look.
    #[expect(
        clippy::disallowed_methods,
        reason = "how long ago somebody asked is a duration, not a time of day"
    )]
    fn look(&mut self, asked: bool) -> bool {
        if asked {
            self.0 = Some(Instant::now());
        }
        self.0.is_some_and(|last| last.elapsed() < WATCHED)
    }
}

impl Archive {
    /// Tends history until it is closed; `visible` answers how far the log may be read.
    pub fn tend(&self, visible: impl Fn() -> Position) {
        yield_to_others();
        let mut watched = Watched::default();
        while self.wait_for_work() {
            let is_watched = watched.look(self.asked.swap(false, Ordering::Relaxed));
            match self.work(visible(), is_watched) {
                Ok(()) => self.failed.store(false, Ordering::Relaxed),
                Err(StoreError::Stopped) => {}
                Err(error) => {
                    // A new try writes another file; a dictionary that may be torn refuses until it is opened again.
                    if !self.failed.swap(true, Ordering::Relaxed) {
                        tracing::error!(%error, "history cannot be sealed; nothing is lost, and it is tried again: mend the cause");
                    }
                    self.changed.notify_all();
                    self.rest_after_failure();
                }
            }
        }
    }

    /// Ends [`Archive::tend`].
    pub fn close(&self) {
        self.signals().closed = true;
        self.changed.notify_all();
    }

    fn wait_for_work(&self) -> bool {
        let signals = self.signals();
        let idle = |signals: &mut super::archive::Signals| !signals.closed && !signals.hurried;
        let waited = self.changed.wait_timeout_while(signals, self.options.tend_every, idle);
        let (mut signals, _) = waited.unwrap_or_else(PoisonError::into_inner);
        signals.hurried = false;
        !signals.closed
    }

    fn rest_after_failure(&self) {
        let is_open = |signals: &mut super::archive::Signals| !signals.closed;
        let waited = self.changed.wait_timeout_while(self.signals(), FAILURE_REST, is_open);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    /// Does what is due. As long as somebody asks now and then, the tail is kept close to the log, so that the next one has
    /// little to read; otherwise events go into a file straight from the log, and are encoded once instead of twice.
    fn work(&self, visible: Position, is_watched: bool) -> Result<(), StoreError> {
        let snapshot = self.snapshot();
        let room = self.options.seal_events.saturating_sub(Self::tail_events(&snapshot));
        let unread = visible.0.saturating_sub(snapshot.through);
        let patience = self.options.seal_events.saturating_mul(PATIENT_SEALS);
        if !is_watched && unread < patience && (self.pressing)() {
            return Ok(());
        }
        if unread >= room || self.is_old(unread > 0 || room < self.options.seal_events) {
            self.seal(visible.0.min(snapshot.through.saturating_add(room)))?;
        } else if is_watched {
            while self.snapshot().through < visible.0 {
                self.read_on(visible)?;
            }
        }
        while self.merge_next()? {}
        self.rule_columns.forget_past(self.options.pin_age);
        self.then_columns.forget_old(self.options.pin_age);
        if unread == 0 {
            // Nobody needs the memory soon.
            self.files().intake = Intake::default();
        }
        if visible.0.saturating_sub(self.snapshot().through) >= self.options.seal_events {
            self.signals().hurried = true;
        }
        Ok(())
    }

    /// Whether the oldest event that is in no file is as old as it may become, when there is `any`.
    #[expect(clippy::disallowed_methods, reason = "the age of the tail is a duration, not a time of day")]
    fn is_old(&self, any: bool) -> bool {
        any && self.tail().since.get_or_insert_with(Instant::now).elapsed() >= self.options.seal_age
    }

    /// Where the files are and what they are called. As long as the first answer lives, none comes or goes, but that
    /// dictionaries grow.
    pub fn hold_files(&self) -> (impl Sized + '_, PathBuf, Vec<String>) {
        let files = self.files();
        let names = names_of(&files.manifest);
        (files, self.directory.clone(), names)
    }

    pub(super) fn files(&self) -> MutexGuard<'_, Files> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Merges the next few segments that are due; answers whether there were any.
    ///
    /// # Errors
    /// When they cannot be read or written.
    pub fn merge_next(&self) -> Result<bool, StoreError> {
        let mut files = self.files();
        let kept = self.snapshot().kept.clone();
        let in_files: Vec<Kept> = kept.into_iter().filter(|kept| kept.segment.file.is_some()).collect();
        let sizes: Vec<u64> = in_files.iter().map(|kept| kept.segment.events()).collect();
        match due(&sizes, &self.options) {
            Some(range) => {
                self.replace(&mut files, &whole(in_files.get(range).unwrap_or_default())).map(|()| true)
            }
            None => Ok(false),
        }
    }

    /// Makes one file of segments that follow each other, without what is hidden in `sources`, and puts it in their place.
    pub(super) fn replace(&self, files: &mut Files, sources: &[Kept]) -> Result<(), StoreError> {
        let (Some(first), Some(last)) = (sources.first(), sources.last()) else { return Ok(()) };
        let covers = (first.segment.header().first, last.segment.header().last);
        self.put(files, covers, &mut |writer| merge(sources, &self.known, writer, &mut self.resting()))?;
        for old in sources.iter().filter_map(|kept| kept.segment.file.as_ref()) {
            // What cannot be removed now is removed at the next start.
            let _ = self.disk.remove(old);
        }
        Ok(())
    }

    /// Makes a file for these positions, whose events `write` writes, and puts it in the place of the segments that it covers.
    pub(super) fn put(
        &self,
        files: &mut Files,
        (first, last): (u64, u64),
        write: &mut dyn FnMut(SegmentWriter) -> Result<Vec<u8>, StoreError>,
    ) -> Result<(), StoreError> {
        self.keep_dictionaries(files)?;
        let header = self.header(first, last);
        let number = files.manifest.last_file + 1;
        files.manifest.last_file = number;
        let path = self.directory.join(segment_name(number));
        let segment = match self.written(&path, header, write) {
            Ok(segment) => segment,
            Err(error) => {
                // Nobody knows of it yet; a start would remove it as well.
                let _ = self.disk.remove(&path);
                return Err(error);
            }
        };
        let mut manifest = files.manifest.clone();
        let inside = |entry: &SegmentEntry| entry.first >= header.first && entry.last <= header.last;
        manifest.segments.retain(|entry| !inside(entry));
        let place = manifest.segments.partition_point(|entry| entry.last < header.first);
        let entry =
            SegmentEntry { file: number, first: header.first, last: header.last, events: segment.events() };
        manifest.segments.insert(place, entry);
        manifest.write(self.disk.as_ref(), &self.directory).map_err(|error| unwritten(&error))?;
        files.manifest = manifest;
        self.swap(&header, segment)
    }

    pub(super) fn written(
        &self,
        path: &std::path::Path,
        header: super::segment::Header,
        write: &mut dyn FnMut(SegmentWriter) -> Result<Vec<u8>, StoreError>,
    ) -> Result<Segment, StoreError> {
        let file = self.disk.open(path, true).map_err(|error| unwritten(&error))?;
        write(SegmentWriter::new(Target::File(Arc::from(file)), header))?;
        self.disk.sync_directory(&self.directory).map_err(|error| unwritten(&error))?;
        open_segment(self.disk.as_ref(), path).map_err(StoreError::Damaged)
    }

    /// Rests after each piece of work as long as it took, unless somebody waits; false once history is closed.
    #[expect(clippy::disallowed_methods, reason = "work is spread over a duration, not over a time of day")]
    pub(super) fn resting(&self) -> impl FnMut(u64) -> bool {
        let mut begun = Instant::now();
        move |_| {
            let somebody_waits = self.waiting.load(Ordering::Relaxed) > 0;
            let pause = match somebody_waits {
                true => Duration::ZERO,
                false if (self.pressing)() => REST_MAX,
                false => begun.elapsed().min(REST_MAX),
            };
            let signals = self.signals();
            let idle = |signals: &mut super::archive::Signals| !signals.closed && !signals.hurried;
            let waited = self.changed.wait_timeout_while(signals, pause, idle);
            let (signals, _) = waited.unwrap_or_else(PoisonError::into_inner);
            begun = Instant::now();
            !signals.closed
        }
    }

    fn keep_dictionaries(&self, files: &mut Files) -> Result<(), StoreError> {
        let (users, companies, names) = {
            let known = self.known();
            (
                files.users.missing(&known.users),
                files.companies.missing(&known.companies),
                files.names.missing(&known.names),
            )
        };
        let kept = files.users.add(&users);
        let kept = kept.and_then(|()| files.companies.add(&companies)).and_then(|()| files.names.add(&names));
        kept.map_err(|error| unwritten(&error))?;
        files.manifest.users.count = files.users.kept();
        files.manifest.companies.count = files.companies.kept();
        files.manifest.names.count = files.names.kept();
        self.dictionary_bytes.store(files.dictionary_bytes(), Ordering::Relaxed);
        Ok(())
    }

    /// Shows a new segment in the place of those whose positions it covers.
    fn swap(&self, header: &super::segment::Header, segment: Segment) -> Result<(), StoreError> {
        let mut tail = self.tail();
        let mut snapshot = Snapshot::clone(&self.snapshot());
        let inside = |kept: &Kept| {
            let old = kept.segment.header();
            old.first >= header.first && old.last <= header.last
        };
        snapshot.kept.retain(|kept| !inside(kept));
        let place = snapshot.kept.partition_point(|kept| kept.segment.header().last < header.first);
        let hidden = self.hidden_now(&segment)?;
        snapshot.kept.insert(place, Kept { segment: Arc::new(segment), hidden });
        if snapshot.through < header.last {
            // Straight from the log: what was in memory of it is all covered, and not added to any more.
            tail.end_chunk();
            snapshot.through = header.last;
        }
        self.publish(snapshot);
        self.changed.notify_all();
        Ok(())
    }
}

/// Segments with all that is in them: what is erased is taken out by a purge, which counts it before.
fn whole(sources: &[Kept]) -> Vec<Kept> {
    let whole = |kept: &Kept| Kept { segment: Arc::clone(&kept.segment), hidden: Arc::default() };
    sources.iter().map(whole).collect()
}

/// Which of segments of these sizes are merged next: the fewest events among as many neighbours as the fan, of which none
/// is larger than the others together. So an event is written anew only when its segment at least doubles, and
/// there are never more segments than some fans for each doubling.
fn due(sizes: &[u64], options: &ArchiveOptions) -> Option<Range<usize>> {
    let fan = options.merge_fan.max(2);
    let worth = |(start, window): (usize, &[u64])| {
        let sum: u64 = window.iter().sum();
        let largest = window.iter().copied().max().unwrap_or_default();
        let is_worth = sum <= options.merge_events_max && largest <= sum - largest;
        is_worth.then_some((sum, start..start + fan))
    };
    let windows = sizes.windows(fan).enumerate().filter_map(worth);
    windows.min_by_key(|(sum, _)| *sum).map(|(_, range)| range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_merged_when_that_doubles_them_and_stay_few() {
        let options = ArchiveOptions {
            tend_every: Duration::ZERO,
            seal_events: 100,
            seal_age: Duration::ZERO,
            merge_fan: 4,
            merge_events_max: 100_000,
            threads: 1,
            question_bytes_max: 0,
            pin_age: Duration::ZERO,
        };
        assert_eq!(due(&[100, 100, 100], &options), None);
        assert_eq!(due(&[100, 100, 100, 100], &options), Some(0..4));
        assert_eq!(
            due(&[900, 1, 1, 1, 1], &options),
            Some(1..5),
            "not the large one for the sake of small ones"
        );
        assert_eq!(due(&[50_000, 50_000, 50_000, 50_000], &options), None, "too large together");
        let (mut sizes, mut written) = (Vec::new(), 0);
        for seal in 0..2_000u64 {
            sizes.push(if seal % 3 == 0 { 7 } else { 100 });
            while let Some(range) = due(&sizes, &options) {
                let sum: u64 = sizes.drain(range.clone()).sum();
                sizes.insert(range.start, sum);
                written += sum;
            }
            assert!(sizes.len() < 30, "{sizes:?}");
        }
        let all: u64 = sizes.iter().sum();
        assert!(written < 7 * all, "each event was written {} times", written / all);
    }
}
