//! The scan that every question stands on: which parts to look into, shared out over threads.
//!
//! Work is cut into units (parts, or ranges of users) that threads take one after the other, so that a heavy user or a
//! large part holds up nobody. Before each unit a thread looks whether the answer is still wanted.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use muster_kernel::model::history::PropertyIs;
use muster_kernel::model::report::Pattern;
use muster_kernel::model::value::Value;
use muster_kernel::ports::{Inquiry, StoreError};

use roaring::RoaringBitmap;

use super::archive::{Kept, Snapshot};
use super::column::value_of;
use super::dictionary::{Shared, property_key, read};
use super::part::{Content, Part};
use super::segment::{PartEntry, Segment};
use super::then_columns::Past;

/// Fewer events than this are looked at by one thread: starting another takes longer.
const ALONE_EVENTS: u64 = 50_000;

/// A question at work.
pub struct Scan<'a> {
    /// What there is.
    pub snapshot: &'a Snapshot,
    /// Folds over users see no event of a later position: earlier than that of the snapshot where a question is pinned.
    pub through: u64,
    /// What numbers stand for.
    pub known: &'a Shared,
    /// Users' properties as they were, where the question asks for any.
    pub past: Option<&'a Past>,
    /// Who asks.
    pub inquiry: &'a Inquiry,
    /// Threads at most.
    pub threads: usize,
    /// Memory that the answer may take.
    pub bytes_max: usize,
}

/// A part to be looked into.
#[derive(Clone, Copy)]
pub struct Unit<'a> {
    /// Its segment.
    pub segment: &'a Segment,
    /// Which of its parts.
    pub index: usize,
    /// Rows that are not shown, if there are any.
    pub hidden: Option<&'a RoaringBitmap>,
}

impl<'a> Unit<'a> {
    /// What is known about the part.
    pub fn entry(&self) -> &'a PartEntry {
        &self.segment.parts()[self.index]
    }

    /// The part.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn open(&self) -> Result<Part<'a>, StoreError> {
        self.segment.part(self.index).map_err(StoreError::Damaged)
    }

    /// Whether a row is not shown.
    pub fn hides(&self, row: usize) -> bool {
        self.hidden.is_some_and(|rows| u32::try_from(row).is_ok_and(|row| rows.contains(row)))
    }
}

impl<'a> Scan<'a> {
    /// The parts with events of a name, or of any, that may have times in `from..until`.
    pub fn units(&self, name: Option<u32>, from: i64, until: i64) -> Vec<Unit<'a>> {
        let mut units = Vec::new();
        for (segment, hidden) in self.snapshot.kept.iter().flat_map(Kept::each) {
            let parts = match name {
                Some(name) => segment.parts_of(name),
                None => 0..segment.parts().len(),
            };
            let hidden_in = |index| hidden.and_then(|hidden| hidden.of_part(index));
            let all = parts.map(|index| Unit { segment, index, hidden: hidden_in(index) });
            units.extend(all.filter(|unit| unit.entry().times.0 < until && unit.entry().times.1 >= from));
        }
        units
    }

    /// # Errors
    /// [`StoreError::Stopped`] when the answer is not wanted any more.
    pub fn check(&self) -> Result<(), StoreError> {
        if self.inquiry.is_stopped() { Err(StoreError::Stopped) } else { Ok(()) }
    }

    /// Does `work` on every unit, each thread into something of its own that `begin` makes; `events` says how many
    /// events a unit has.
    ///
    /// # Errors
    /// The first error of `work`, or [`StoreError::Stopped`].
    pub fn share<U: Sync, A: Send>(
        &self,
        units: &[U],
        events: impl Fn(&U) -> u64 + Sync,
        begin: impl Fn() -> A + Sync,
        work: impl Fn(&mut A, &U) -> Result<(), StoreError> + Sync,
    ) -> Result<Vec<A>, StoreError> {
        let all: u64 = units.iter().map(&events).sum();
        self.inquiry.expect(all);
        let next = AtomicUsize::new(0);
        let run = || {
            let mut into = begin();
            while let Some(unit) = units.get(next.fetch_add(1, Ordering::Relaxed)) {
                self.check()?;
                work(&mut into, unit)?;
                self.inquiry.advance(events(unit));
            }
            Ok(into)
        };
        self.check()?;
        let threads = if all < ALONE_EVENTS { 1 } else { self.threads.min(units.len()).max(1) };
        if threads == 1 {
            return Ok(vec![run()?]);
        }
        let results: Vec<Result<A, StoreError>> = std::thread::scope(|scope| {
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(run)).collect();
            let own = run();
            let joined = others.into_iter().map(|thread| match thread.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            });
            std::iter::once(own).chain(joined).collect()
        });
        results.into_iter().collect()
    }

    /// Which of some rows of a part meet all conditions; `None` when there are no conditions.
    pub fn passing(
        &self,
        part: &Part<'_>,
        rows: &Range<usize>,
        conditions: &[PropertyIs],
    ) -> Option<Vec<bool>> {
        let mut passing: Option<Vec<bool>> = None;
        let mut key = Vec::new();
        for condition in conditions {
            property_key(condition.name.as_bytes(), &mut key);
            let code = read(self.known).names.get(&key);
            let column = code.and_then(|code| part.column(Content::Property, code));
            let holds = |value: Value<'_>| condition.any_of.iter().any(|wanted| wanted.value() == value);
            let found = match column {
                Some(column) => column.groups(rows.clone(), 0, |bytes| u32::from(holds(value_of(bytes)))),
                None => vec![0; rows.len()],
            };
            match &mut passing {
                Some(passing) => passing.iter_mut().zip(found).for_each(|(passes, now)| *passes &= now != 0),
                None => passing = Some(found.into_iter().map(|now| now != 0).collect()),
            }
        }
        passing
    }

    /// Which of some rows of a part, whose events are of a pattern's name, it means; `None` when it means all of them.
    pub fn meant(&self, part: &Part<'_>, rows: &Range<usize>, pattern: &Pattern) -> Option<Vec<bool>> {
        let mut passing = self.passing(part, rows, &pattern.properties);
        for condition in &pattern.user_then {
            let column = self.past.and_then(|past| past.get(&condition.name));
            let held = match column {
                Some(column) => column.passing(part, rows, &condition.any_of),
                None => vec![false; rows.len()],
            };
            match &mut passing {
                Some(passing) => passing.iter_mut().zip(held).for_each(|(passes, held)| *passes &= held),
                None => passing = Some(held),
            }
        }
        passing
    }
}
