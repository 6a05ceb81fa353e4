//! Lets go of the events that a base stands for, and says what that would be.

use std::collections::BTreeMap;
use std::sync::Arc;

use muster_kernel::model::event::EventKind;
use muster_kernel::model::history::EventName;
use muster_kernel::model::id::Position;
use muster_kernel::model::raw_events::WouldDrop;
use muster_kernel::model::time::Timestamp;
use muster_kernel::ports::{Inquiry, StoreError};
use roaring::RoaringBitmap;

use super::archive::{Archive, Files, Kept, Snapshot};
use super::hiding::Hidden;
use super::lane;
use super::manifest::SegmentEntry;
use super::merge::{merge, unwritten};
use super::opening::segment_name;
use super::segment::Segment;
use super::writer::SegmentWriter;
use crate::base::Base;

impl Archive {
    /// Keeps nothing that a base stands for: segments of that alone go, the one that goes on behind it is written anew. All
    /// of it must be in files.
    ///
    /// # Errors
    /// When files cannot be read or written.
    pub fn stand_on(&self, base: &Arc<Base>) -> Result<(), StoreError> {
        let mut files = self.files();
        let until = base.position().0;
        if files.manifest.base >= until {
            return Ok(());
        }
        let before = {
            // What is in memory behind the position is not written anew from here on.
            let _tail = self.end_chunk();
            self.snapshot()
        };
        let is_old = |kept: &Kept| kept.segment.header().first <= until;
        let (old, _): (Vec<Kept>, Vec<Kept>) = before.kept.iter().cloned().partition(is_old);
        let mut manifest = files.manifest.clone();
        manifest.base = until;
        manifest.segments.retain(|entry| entry.first > until);
        let rest = match old.last().filter(|kept| kept.segment.header().last > until) {
            Some(kept) => Some(self.rest_of(&mut files, kept, until)?),
            None => None,
        };
        if let Some(segment) = &rest {
            let header = segment.header();
            let file = files.manifest.last_file;
            let events = segment.events();
            let entry = SegmentEntry { file, first: header.first, last: header.last, events };
            manifest.segments.insert(0, entry);
        }
        manifest.last_file = files.manifest.last_file;
        manifest.write(self.disk.as_ref(), &self.directory).map_err(|error| unwritten(&error))?;
        files.manifest = manifest;
        self.show_without(&old, rest, base)?;
        for file in old.iter().filter_map(|kept| kept.segment.file.as_ref()) {
            // What cannot be removed now is removed at the next start.
            let _ = self.disk.remove(file);
        }
        // The names of the old files are gone for good, too.
        self.disk.sync_directory(&self.directory).map_err(|error| unwritten(&error))
    }

    /// Writes what a segment holds behind a position into a file of its own.
    fn rest_of(&self, files: &mut Files, kept: &Kept, until: u64) -> Result<Segment, StoreError> {
        files.manifest.last_file += 1;
        let path = self.directory.join(segment_name(files.manifest.last_file));
        let header = self.header(until + 1, kept.segment.header().last);
        let hidden = Arc::new(Hidden::of_rows(rows_until(&kept.segment, until)?));
        let sources = [Kept { segment: Arc::clone(&kept.segment), hidden }];
        let mut write = |writer: SegmentWriter| merge(&sources, &self.known, writer, &mut self.resting());
        self.written(&path, header, &mut write).inspect_err(|_| {
            // Nobody knows of it yet; a start would remove it as well.
            let _ = self.disk.remove(&path);
        })
    }

    fn show_without(&self, old: &[Kept], rest: Option<Segment>, base: &Arc<Base>) -> Result<(), StoreError> {
        let _tail = self.tail();
        let mut snapshot = Snapshot::clone(&self.snapshot());
        let is_old = |kept: &Kept| old.iter().any(|old| Arc::ptr_eq(&old.segment, &kept.segment));
        snapshot.kept.retain(|kept| !is_old(kept));
        if let Some(segment) = rest {
            let hidden = self.hidden_now(&segment)?;
            snapshot.kept.insert(0, Kept { segment: Arc::new(segment), hidden });
        }
        snapshot.base = Some((Arc::clone(base), (self.sieve)()));
        self.publish(snapshot);
        self.then_columns.clear();
        self.rule_columns.clear();
        self.pins.clear();
        self.changed.notify_all();
        Ok(())
    }

    /// A base of the same position took the place of the one before.
    pub fn stand_on_purged(&self, base: &Arc<Base>) {
        let _tail = self.tail();
        let mut snapshot = Snapshot::clone(&self.snapshot());
        snapshot.base = Some((Arc::clone(base), (self.sieve)()));
        self.publish(snapshot);
        self.then_columns.clear();
        self.rule_columns.clear();
    }

    /// What of a snapshot stands up to a position.
    ///
    /// # Errors
    /// When a segment is damaged, or the question was stopped.
    pub fn would_drop(
        &self,
        snapshot: &Snapshot,
        until: Position,
        inquiry: &Inquiry,
    ) -> Result<WouldDrop, StoreError> {
        let mut names: BTreeMap<u32, u64> = BTreeMap::new();
        let mut would = WouldDrop::default();
        for kept in snapshot.kept.iter().filter(|kept| kept.segment.header().first <= until.0) {
            let before = would.events;
            for (segment, hidden) in kept.each() {
                for (index, entry) in segment.parts().iter().enumerate() {
                    if inquiry.is_stopped() {
                        return Err(StoreError::Stopped);
                    }
                    let mut rows = rows_of_part(segment, index, until.0)?;
                    if let Some(hidden) = hidden.and_then(|hidden| hidden.of_part(index)) {
                        rows -= hidden;
                    }
                    *names.entry(entry.name).or_default() += rows.len();
                    would.events += rows.len();
                }
            }
            let events = kept.segment.events().max(1);
            would.bytes += kept.segment.length() * (would.events - before).min(events) / events;
            if would.oldest_received_at.is_none() && would.events > 0 {
                let runs = kept.segment.receipts().map_err(StoreError::Damaged)?.runs();
                would.oldest_received_at = runs.first().map(|(_, at)| Timestamp(*at));
            }
        }
        let known = self.known();
        let named = |(number, count): (u32, u64)| {
            let (kind, name) = known.names.text(number)?.split_first()?;
            let name = EventName {
                kind: EventKind::from_byte(*kind)?,
                name: String::from_utf8(name.to_vec()).ok()?,
            };
            Some((name, count)).filter(|(_, count)| *count > 0)
        };
        would.names = names.into_iter().filter_map(named).collect();
        would.names.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        Ok(would)
    }
}

fn rows_until(segment: &Segment, until: u64) -> Result<BTreeMap<usize, RoaringBitmap>, StoreError> {
    let parts = 0..segment.parts().len();
    parts.map(|index| Ok((index, rows_of_part(segment, index, until)?))).collect()
}

/// The rows of a part that stand up to a position.
fn rows_of_part(segment: &Segment, index: usize, until: u64) -> Result<RoaringBitmap, StoreError> {
    let header = segment.header();
    let mut rows = RoaringBitmap::new();
    let part = segment.part(index).map_err(StoreError::Damaged)?;
    if header.last <= until {
        rows.insert_range(0..u32::try_from(part.rows).unwrap_or(u32::MAX));
        return Ok(rows);
    }
    let positions = (0u32..).zip(lane::all(&part.positions));
    rows.extend(positions.filter(|(_, position)| header.first + position <= until).map(|(row, _)| row));
    Ok(rows)
}
