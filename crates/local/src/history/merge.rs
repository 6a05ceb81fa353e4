//! Makes one segment of several: sealing the tail, merging by tiers, and purging what is erased are all this.
//!
//! Goes row by row in the order of names, users, times and positions, and holds one part at a time of what it writes and
//! of each source.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use muster_kernel::ports::StoreError;

use super::archive::Kept;
use super::dictionary::{Shared, read};
use super::hiding::Hidden;
use super::lane;
use super::part::{PART_BYTES_MAX, PART_ROWS_MAX, Restorer};
use super::rows::{Place, Rows};
use super::segment::Segment;
use super::writer::SegmentWriter;

/// Rows between two pauses.
const STRIDE: usize = 1024;

/// Writes the events of `sources`, which follow each other in the log, but for what is hidden in them: what is left of
/// that instead. `rest` is told
/// now and then how many rows were written, and may take its time; when it answers false, the merge is given up.
///
/// # Errors
/// When a source is damaged, writing fails, or `rest` gave up.
pub fn merge(
    sources: &[Kept],
    known: &Shared,
    mut writer: SegmentWriter,
    rest: &mut dyn FnMut(u64) -> bool,
) -> Result<Vec<u8>, StoreError> {
    let all = || sources.iter().flat_map(Kept::each);
    for source in sources.iter().map(|kept| &kept.segment) {
        for (position, at) in source.receipts().map_err(StoreError::Damaged)?.runs_from(writer.first()) {
            writer.receive(position, at);
        }
    }
    let names: BTreeSet<u32> =
        all().flat_map(|(source, _)| source.parts().iter().map(|part| part.name)).collect();
    let mut rows = Rows::default();
    let mut done = 0u64;
    for name in names {
        let mut streams = Streams::of(sources, name, known)?;
        loop {
            rows.clear();
            while rows.heads.len() < PART_ROWS_MAX && rows.bytes() < PART_BYTES_MAX {
                if !streams.take(known, &mut rows)? {
                    break;
                }
                done += STRIDE as u64;
                if !rest(done) {
                    return Err(StoreError::Stopped);
                }
            }
            if rows.heads.is_empty() {
                break;
            }
            writer.add(name, &rows, known).map_err(|error| unwritten(&error))?;
        }
    }
    writer.finish().map_err(|error| unwritten(&error))
}

/// What a failed write of history means.
pub fn unwritten(error: &std::io::Error) -> StoreError {
    StoreError::Failed(format!("history cannot be written: {error}"))
}

/// The events of a name in several segments, in order.
struct Streams<'a> {
    streams: Vec<Stream<'a>>,
    next: BinaryHeap<Reverse<(Place, usize)>>,
}

impl<'a> Streams<'a> {
    fn of(sources: &'a [Kept], name: u32, known: &Shared) -> Result<Self, StoreError> {
        let mut all = Streams { streams: Vec::new(), next: BinaryHeap::new() };
        for (segment, hidden) in sources.iter().flat_map(Kept::each) {
            let parts = segment.parts_of(name);
            let mut stream = Stream { segment, hidden, name, parts, open: None };
            if let Some(place) = stream.open_next(known)? {
                all.next.push(Reverse((place, all.streams.len())));
                all.streams.push(stream);
            }
        }
        Ok(all)
    }

    /// Takes the next events, [`STRIDE`] at most; answers whether there were any.
    fn take(&mut self, known: &Shared, rows: &mut Rows) -> Result<bool, StoreError> {
        let mut looked_at = 0;
        while looked_at < STRIDE {
            let Some(Reverse((place, index))) = self.next.pop() else { break };
            looked_at += 1;
            let Some(stream) = self.streams.get_mut(index) else { break };
            if !stream.is_hidden() {
                stream.restore(place, known, rows)?;
            }
            if let Some(next) = stream.step(known)? {
                self.next.push(Reverse((next, index)));
            }
        }
        Ok(looked_at > 0)
    }
}

/// The events of a name in one segment.
struct Stream<'a> {
    segment: &'a Segment,
    hidden: Option<&'a Hidden>,
    name: u32,
    /// Parts that are not begun yet.
    parts: std::ops::Range<usize>,
    open: Option<OpenPart<'a>>,
}

struct OpenPart<'a> {
    restorer: Restorer<'a>,
    users: Vec<u64>,
    times: Vec<u64>,
    positions: Vec<u64>,
    index: usize,
    row: usize,
}

impl OpenPart<'_> {
    fn place(&self, first: u64) -> Option<Place> {
        Some(Place {
            user: u32::try_from(*self.users.get(self.row)?).ok()?,
            time: lane::to_signed(*self.times.get(self.row)?),
            position: first + self.positions.get(self.row)?,
        })
    }
}

impl Stream<'_> {
    fn damaged(&self) -> StoreError {
        StoreError::Damaged(format!("{} holds a part that makes no sense", self.segment.name()))
    }

    fn open_next(&mut self, known: &Shared) -> Result<Option<Place>, StoreError> {
        let Some(index) = self.parts.next() else {
            self.open = None;
            return Ok(None);
        };
        let part = self.segment.part(index).map_err(StoreError::Damaged)?;
        let (users, times, positions) =
            (lane::all(&part.users), lane::all(&part.times), lane::all(&part.positions));
        let restorer = Restorer::new(part, self.name, &read(known)).ok_or_else(|| self.damaged())?;
        let open = OpenPart { restorer, users, times, positions, index, row: 0 };
        let place = open.place(self.segment.header().first).ok_or_else(|| self.damaged())?;
        self.open = Some(open);
        Ok(Some(place))
    }

    /// Whether the present event is not shown.
    fn is_hidden(&self) -> bool {
        let Some((hidden, open)) = self.hidden.zip(self.open.as_ref()) else { return false };
        let rows = hidden.of_part(open.index);
        rows.is_some_and(|rows| u32::try_from(open.row).is_ok_and(|row| rows.contains(row)))
    }

    /// Goes to the next event; answers its place.
    fn step(&mut self, known: &Shared) -> Result<Option<Place>, StoreError> {
        let first = self.segment.header().first;
        let next = self.open.as_mut().and_then(|open| {
            open.row += 1;
            open.place(first)
        });
        if next.is_some() { Ok(next) } else { self.open_next(known) }
    }

    fn restore(&mut self, place: Place, known: &Shared, rows: &mut Rows) -> Result<(), StoreError> {
        let mut whole = None;
        if let Some(open) = &mut self.open {
            rows.push(place, false, |out| {
                whole = open.restorer.restore(open.row, &read(known), out);
            });
        }
        let is_verbatim = whole.ok_or_else(|| self.damaged())?;
        if let Some(head) = rows.heads.last_mut() {
            head.is_verbatim = is_verbatim;
        }
        Ok(())
    }
}
