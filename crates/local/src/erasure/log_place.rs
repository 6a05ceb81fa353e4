//! The event log, and the guards that its records promise.

use muster_kernel::model::event::Event;
use muster_kernel::model::id::Position;
use muster_kernel::ports::{ProfileKind, StoreError};

use super::places::{Counts, Place, Seen, Work};
use super::{Left, failed};
use crate::log::patch::{self, Patch};
use crate::log::reader::FrameCursor;
use crate::log::record::{Frame, FrameKind};
use crate::log::segment::Segment;

/// Frames between two looks at whether to stop.
const CHECK_FRAMES: u64 = 4_096;
/// Guards that are held before they are forgotten.
const GUARDS_MAX: usize = 50_000;

/// See the module.
pub struct LogPlace;

impl Place for LogPlace {
    fn name(&self) -> &'static str {
        "log"
    }

    fn count(&self, work: &Work<'_>, counts: &mut Counts) -> Result<(), StoreError> {
        walk(work, |_, _, frame| {
            let Some((event, left)) = touched(work, frame) else { return Ok(()) };
            let what = match left {
                Left::Whole => return Ok(()),
                Left::Part(_) => "events_reduced",
                Left::Nothing => "events",
            };
            let names = |subjects: &super::Subjects| subjects.are_named_by(&event);
            work.count(counts, what, names);
            if loses_guards(&event, &left) {
                event.guards().for_each(|_| work.count(counts, "guards", names));
            }
            Ok(())
        })
    }

    fn purge(&self, work: &Work<'_>) -> Result<(), StoreError> {
        let mut purge = Purge { work, segment: None, patch: Patch::default(), guards: Vec::new() };
        walk(work, |segment, offset, frame| purge.frame(segment, offset, frame))?;
        purge.apply()
    }

    fn search(&self, work: &Work<'_>) -> Result<Seen, StoreError> {
        let mut seen = Seen::default();
        walk(work, |_, _, frame| {
            seen.searched += 1;
            let Some((event, left)) = touched(work, frame) else { return Ok(()) };
            seen.found += u64::from(left != Left::Whole);
            let mut reborn = work.reborn.borrow_mut();
            for (kind, id) in [(ProfileKind::User, event.user_id), (ProfileKind::Company, event.company_id)] {
                if let Some(id) = id.filter(|id| work.sieve.names(kind, id)) {
                    reborn.insert((kind, id.into()));
                }
            }
            Ok(())
        })?;
        Ok(seen)
    }
}

/// The event in a frame that names an erased id, and what is left of it.
fn touched<'f>(work: &Work<'_>, frame: &Frame<'f>) -> Option<(Event<'f>, Left)> {
    let event = Event::decode(frame.event()?).ok()?;
    let names = |kind, id: Option<&str>| id.is_some_and(|id| work.sieve.names(kind, id));
    let is_named = names(ProfileKind::User, event.user_id) || names(ProfileKind::Company, event.company_id);
    is_named.then(|| (event, work.sieve.left(frame.position, &event)))
}

/// Whether what is left of an event no longer promises what the event did.
fn loses_guards(event: &Event<'_>, left: &Left) -> bool {
    match left {
        Left::Whole => false,
        Left::Nothing => true,
        Left::Part(part) => {
            Event::decode(part).is_ok_and(|part| part.guards().count() < event.guards().count())
        }
    }
}

struct Purge<'a> {
    work: &'a Work<'a>,
    segment: Option<Position>,
    patch: Patch,
    guards: Vec<([u8; 16], Position)>,
}

impl Purge<'_> {
    fn frame(&mut self, segment: &Segment, offset: u64, frame: &Frame<'_>) -> Result<(), StoreError> {
        if self.segment != Some(segment.first) || self.patch.is_full() || self.guards.len() >= GUARDS_MAX {
            self.apply()?;
            self.segment = Some(segment.first);
        }
        let Some((event, left)) = touched(self.work, frame) else { return Ok(()) };
        if loses_guards(&event, &left) {
            self.guards.extend(event.guards().map(|guard| (guard.key, frame.position)));
        }
        let replaced = match &left {
            Left::Whole => return Ok(()),
            Left::Part(part) => frame.replaced(FrameKind::Reduced, part, segment.salt),
            // The key that brought it stays: the ledger counts by it.
            Left::Nothing => frame.replaced(FrameKind::Hole, &event.key.0.to_le_bytes(), segment.salt),
        };
        let replaced = replaced.ok_or_else(|| failed("what is left of an event is longer than the event"))?;
        self.patch.add(offset, &replaced);
        Ok(())
    }

    /// Forgets the guards first: once the events are gone, nobody knows them any more.
    fn apply(&mut self) -> Result<(), StoreError> {
        let environment = self.work.environment;
        environment.state.store.forget_guards(&std::mem::take(&mut self.guards))?;
        let patch = std::mem::take(&mut self.patch);
        let Some(segment) = self.segment.filter(|_| !patch.is_empty()) else { return Ok(()) };
        let files = &environment.log;
        patch::apply(files.disk.as_ref(), &files.directory, &files.segments, segment, &patch).map_err(failed)
    }
}

/// Shows every frame up to the end of the work, with its segment and its place in it.
fn walk(
    work: &Work<'_>,
    mut see: impl FnMut(&Segment, u64, &Frame<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let (mut last, mut count) = (Position::START, 0u64);
    for segment in work.environment.log.segments.all() {
        if last >= work.until {
            break;
        }
        let mut cursor = FrameCursor::at_start(segment.clone());
        loop {
            if count.is_multiple_of(CHECK_FRAMES) {
                work.check()?;
            }
            count += 1;
            let offset = cursor.offset();
            let Some(frame) = cursor.next_frame().map_err(failed)? else { break };
            if frame.kind == FrameKind::Batch {
                continue;
            }
            if frame.position > work.until {
                break;
            }
            last = frame.position;
            see(&segment, offset, &frame)?;
        }
    }
    if last < work.until {
        let what =
            format!("the log cannot be read beyond position {}, so nothing can be vouched for", last.0);
        return Err(StoreError::Damaged(what));
    }
    Ok(())
}
