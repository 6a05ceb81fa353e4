//! Reports about companies: whose an event is when companies are asked about, and the events of each company in order.
//!
//! The events of a company are those of many users, spread over all parts, so no range of rows holds them. They are
//! gathered by ranges of users like everything else, each thread into heaps by company; then each heap is sorted and told
//! company by company. Where all of them need more memory than a question may have, a share of the companies is asked
//! about at a time.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use muster_kernel::model::report::{Level, Pattern};
use muster_kernel::ports::StoreError;
use roaring::RoaringBitmap;

use super::bits::{BLOCK, Block};
use super::ranges::{self, Source};
use super::scan::Scan;
use super::user_columns::UserColumn;

/// Heaps that the companies of a share are spread over: what threads share out among them.
const HEAPS: usize = 64;
/// Shares of companies that are asked about one after the other at most, because each needs a pass over the events.
const SHARES_MAX: u32 = 512;

/// Whom a report is about.
#[derive(Clone, Copy)]
pub enum Subjects<'a> {
    /// Users: those who take part, if not everybody does.
    Users(Option<&'a RoaringBitmap>),
    /// Companies.
    Companies(Companies<'a>),
}

impl<'a> Subjects<'a> {
    /// Users or companies.
    pub fn level(&self) -> Level {
        match self {
            Subjects::Users(_) => Level::User,
            Subjects::Companies(_) => Level::Company,
        }
    }

    /// Who takes part, if not everybody does.
    pub fn who(&self) -> Option<&'a RoaringBitmap> {
        match self {
            Subjects::Users(who) => *who,
            Subjects::Companies(companies) => companies.who,
        }
    }

    /// The companies that the events of some rows belong to ([`Companies::of_rows`]), where companies are asked about.
    pub fn companies_of(&self, source: &Source<'_>, rows: &Range<usize>) -> Option<Vec<u32>> {
        match self {
            Subjects::Users(_) => None,
            Subjects::Companies(companies) => Some(companies.of_rows(source, rows)),
        }
    }

    /// As [`ranges::sources`]; of companies also the parts whose events are about nobody, for these may name a company.
    ///
    /// # Errors
    /// As that.
    pub fn sources<'s>(
        &self,
        scan: &Scan<'s>,
        patterns: &[&Pattern],
        all_active: bool,
        times: (i64, i64),
    ) -> Result<Vec<Source<'s>>, StoreError> {
        match self {
            Subjects::Users(_) => ranges::sources(scan, patterns, all_active, times),
            Subjects::Companies(_) => ranges::every_source(scan, patterns, all_active, times),
        }
    }
}

/// Whose an event is when companies are asked about.
#[derive(Clone, Copy)]
pub struct Companies<'a> {
    /// Who belongs to which company.
    pub membership: &'a UserColumn,
    /// The companies that take part, if not all do.
    pub who: Option<&'a RoaringBitmap>,
}

impl Companies<'_> {
    /// For each of some rows the company that its event belongs to: the one that it names, else that of its user; 0 for none,
    /// and for those that take no part.
    pub fn of_rows(&self, source: &Source<'_>, rows: &Range<usize>) -> Vec<u32> {
        let mut companies = Vec::with_capacity(rows.len());
        let mut named: Block = [0; BLOCK];
        source.show(rows, |first_row, users, _| {
            source.part.companies.block(first_row / BLOCK, &mut named);
            for (user, named) in users.iter().zip(&named[first_row % BLOCK..]) {
                let number = |number: u64| u32::try_from(number).unwrap_or_default();
                let company = match named {
                    0 => self.membership.company_of(number(*user)),
                    named => number(*named),
                };
                let takes_part = self.who.is_none_or(|who| who.contains(company));
                companies.push(if takes_part { company } else { 0 });
            }
        });
        companies
    }
}

/// Ranges of about so many events that cover everybody, and those about nobody.
pub fn cut(sources: &[Source<'_>], events: usize) -> Vec<(u32, u32)> {
    let mut ranges = ranges::cut(sources, events, u32::MAX);
    ranges.push((0, 0));
    ranges
}

/// An event of a company.
#[derive(Clone, Copy)]
pub struct CompanyEvent {
    /// The number of the company.
    pub company: u32,
    /// What the report knows it by: a group, or a name.
    pub code: u32,
    /// When it happened.
    pub time: i64,
    /// Where it stands in the log.
    pub position: u64,
    /// What it is to the report.
    pub mask: u64,
}

/// Which of so many shares of all companies.
#[derive(Clone, Copy)]
struct Share {
    index: u32,
    of: u32,
}

/// What one thread has gathered.
struct Heaps {
    heaps: Vec<Vec<CompanyEvent>>,
    count: usize,
    events_max: usize,
}

impl Heaps {
    fn new(events_max: usize) -> Heaps {
        Heaps { heaps: vec![Vec::new(); HEAPS], count: 0, events_max }
    }

    fn add(&mut self, share: Share, event: CompanyEvent) {
        if event.company == 0 || event.company % share.of != share.index {
            return;
        }
        self.count += 1;
        // With more the share is refused once the range is over, which may be one of very many events.
        if self.count <= self.events_max {
            self.heaps[(event.company / share.of) as usize % HEAPS].push(event);
        }
    }
}

/// Shows the events of each company in order. `gather` shows those of a range of users, with what its thread has made with
/// `begin`; `tell` is shown those of a company, with what was made in one of the threads. Answers that, of all shares.
///
/// # Errors
/// Those of `gather`; [`StoreError::TooLarge`] when not even a small share fits into the memory of a question.
pub fn in_order<M: Send>(
    scan: &Scan<'_>,
    (ranges, range_events): (&[(u32, u32)], u64),
    begin: impl Fn() -> M + Sync,
    gather: impl Fn(&mut M, (u32, u32), &mut dyn FnMut(CompanyEvent)) -> Result<(), StoreError> + Sync,
    mut tell: impl FnMut(&mut M, u32, &[CompanyEvent]),
) -> Result<Vec<M>, StoreError> {
    // Room that a growing list has and does not use counts as well, and lists that are put together stand twice for a moment.
    let events_max = scan.bytes_max / scan.threads.max(1) / (3 * size_of::<CompanyEvent>());
    let mut one = |share: Share, before: Option<M>| -> Result<M, StoreError> {
        let before = Mutex::new(before);
        // What was made of the shares before goes on in one of the threads: its limits hold for all of them.
        let begin_thread = || {
            let before = before.lock().unwrap_or_else(PoisonError::into_inner).take();
            let goes_on = before.is_some();
            ((goes_on, before.unwrap_or_else(&begin)), Heaps::new(events_max))
        };
        let threads = scan.share(
            ranges,
            |_| range_events,
            begin_thread,
            |((_, made), heaps), range| {
                gather(made, *range, &mut |event| heaps.add(share, event))?;
                if heaps.count > events_max { Err(StoreError::TooLarge) } else { Ok(()) }
            },
        )?;
        let (mut mades, heaps): (Vec<(bool, M)>, Vec<Heaps>) = threads.into_iter().unzip();
        mades.sort_by_key(|(goes_on, _)| !*goes_on);
        let mut made = mades.into_iter().next().map_or_else(&begin, |(_, made)| made);
        for heap in sorted(scan, heaps)? {
            for events in heap.chunk_by(|a, b| a.company == b.company) {
                tell(&mut made, events[0].company, events);
            }
        }
        Ok(made)
    };
    let mut of = 1;
    loop {
        let made = (0..of).try_fold(None, |made, index| one(Share { index, of }, made).map(Some));
        match made {
            Err(StoreError::TooLarge) if of < SHARES_MAX => of *= 8,
            made => return Ok(made?.into_iter().collect()),
        }
    }
}

/// The heaps of all threads, each in the order of companies, times and positions.
fn sorted(scan: &Scan<'_>, threads: Vec<Heaps>) -> Result<Vec<Vec<CompanyEvent>>, StoreError> {
    let mut heaps: Vec<Mutex<Vec<CompanyEvent>>> = Vec::new();
    heaps.resize_with(HEAPS, Mutex::default);
    for thread in threads {
        for (heap, events) in heaps.iter_mut().zip(thread.heaps) {
            let heap = heap.get_mut().unwrap_or_else(PoisonError::into_inner);
            if heap.is_empty() { *heap = events } else { heap.extend(events) }
        }
    }
    let events = heaps.iter_mut().map(|heap| heap.get_mut().unwrap_or_else(PoisonError::into_inner).len());
    let each = events.sum::<usize>() as u64 / HEAPS as u64;
    let sorted = scan.share(
        &heaps,
        |_| each,
        Vec::new,
        |sorted: &mut Vec<Vec<CompanyEvent>>, heap| {
            let mut events = std::mem::take(&mut *heap.lock().unwrap_or_else(PoisonError::into_inner));
            events.sort_unstable_by_key(|event| (event.company, event.time, event.position));
            sorted.push(events);
            Ok(())
        },
    )?;
    Ok(sorted.into_iter().flatten().collect())
}
