//! Stretches of time, and the hours, days, weeks and months of a time zone that one is counted in.
//!
//! An engine counts by instants; which instants begin a day somewhere is decided here, once, with the shifts of that
//! place's clocks in it.

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, ToSpan, Zoned};

use super::limits::BUCKETS_MAX;
use super::time::Timestamp;

/// The shortest time there is to the calendar.
const TICK: SignedDuration = SignedDuration::from_nanos(1);

/// From an instant on, until before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first instant.
    pub from: Timestamp,
    /// The first instant behind it.
    pub until: Timestamp,
}

impl Span {
    /// All of time, but for its last microsecond.
    pub const ALL: Span = Span { from: Timestamp(i64::MIN), until: Timestamp(i64::MAX) };

    /// Whether an instant lies in it.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.until
    }
}

/// What a span is cut into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interval {
    /// Hours of the clock: one begins whenever it shows a whole hour. Where clocks shift by half an hour, what is left of the
    /// hour counts with the one before.
    Hour,
    /// Days from midnight (or what stands for it on the day of a shift) to midnight. A day that a place skipped is none of
    /// them, and the end of a day that comes twice counts with the day that had begun in between.
    Day,
    /// Weeks from Monday on.
    Week,
    /// Months of the calendar.
    Month,
}

/// A span and the intervals that it is counted in, at least one and at most [`BUCKETS_MAX`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Buckets {
    span: Span,
    starts: Vec<Timestamp>,
}

/// A span that cannot be cut so: it is empty, reaches beyond the calendar, or has more than [`BUCKETS_MAX`] intervals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoBuckets;

impl Buckets {
    /// Cuts `span` into the intervals of a time zone. The first may begin before the span and the last may end behind
    /// it; only what lies inside the span is counted.
    ///
    /// # Errors
    /// See [`NoBuckets`].
    pub fn cut(span: Span, interval: Interval, zone: &TimeZone) -> Result<Buckets, NoBuckets> {
        let first = jiff::Timestamp::from_microsecond(span.from.0).map_err(|_| NoBuckets)?;
        let mut start = start_of(&first.to_zoned(zone.clone()), interval).ok_or(NoBuckets)?;
        let mut starts = Vec::new();
        while Timestamp(start.timestamp().as_microsecond()) < span.until {
            if starts.len() == BUCKETS_MAX {
                return Err(NoBuckets);
            }
            starts.push(Timestamp(start.timestamp().as_microsecond()));
            start = following(&start, interval).ok_or(NoBuckets)?;
        }
        let is_empty = starts.is_empty() || span.from >= span.until;
        if is_empty { Err(NoBuckets) } else { Ok(Buckets { span, starts }) }
    }

    /// The `count` intervals of a time zone of which the last is the one that `at` lies in.
    ///
    /// # Errors
    /// See [`NoBuckets`].
    pub fn recent(
        at: Timestamp,
        count: usize,
        interval: Interval,
        zone: &TimeZone,
    ) -> Result<Buckets, NoBuckets> {
        let at = jiff::Timestamp::from_microsecond(at.0).map_err(|_| NoBuckets)?;
        let last = start_of(&at.to_zoned(zone.clone()), interval).ok_or(NoBuckets)?;
        let until = following(&last, interval).ok_or(NoBuckets)?;
        if count > BUCKETS_MAX {
            return Err(NoBuckets);
        }
        let mut first = last;
        for _ in 1..count {
            let before = first.checked_sub(TICK).map_err(|_| NoBuckets)?;
            first = start_of(&before, interval).ok_or(NoBuckets)?;
        }
        let instant = |at: &Zoned| Timestamp(at.timestamp().as_microsecond());
        Buckets::cut(Span { from: instant(&first), until: instant(&until) }, interval, zone)
    }

    /// The whole span as one interval.
    pub fn whole(span: Span) -> Buckets {
        Buckets { span, starts: vec![span.from] }
    }

    /// For each interval the span of so many days of the calendar that ends with it; the last interval ends with the
    /// span. Days that end with one begin with one; else the span begins at the time of day at which it ends. None of them is
    /// longer where clocks shift, but for the hour that a day has more or less.
    ///
    /// # Errors
    /// When one would begin before the calendar does.
    pub fn trailing(&self, days: u16, zone: &TimeZone) -> Result<Vec<Span>, NoBuckets> {
        let ends = self.starts.iter().skip(1).chain([&self.span.until]);
        let trailing = |until: &Timestamp| {
            let end = jiff::Timestamp::from_microsecond(until.0).ok()?.to_zoned(zone.clone());
            let from = if start_of(&end, Interval::Day)? == end {
                let last = end.checked_sub(TICK).ok()?.date();
                first_of(last.checked_sub(i64::from(days.max(1) - 1).days()).ok()?, zone)?
            } else {
                let from = end.datetime().checked_sub(i64::from(days).days()).ok()?;
                zone.to_ambiguous_zoned(from).earlier().ok()?
            };
            Some(Span { from: Timestamp(from.timestamp().as_microsecond()), until: *until })
        };
        ends.map(|end| trailing(end).ok_or(NoBuckets)).collect()
    }

    /// What is counted.
    pub fn span(&self) -> Span {
        self.span
    }

    /// When each interval begins, ascending.
    pub fn starts(&self) -> &[Timestamp] {
        &self.starts
    }

    /// How many intervals there are.
    pub fn count(&self) -> usize {
        self.starts.len()
    }

    /// The interval that an instant lies in; `None` outside the span.
    pub fn index(&self, at: Timestamp) -> Option<usize> {
        if !self.span.contains(at) {
            return None;
        }
        self.starts.partition_point(|start| *start <= at).checked_sub(1)
    }
}

/// When the interval begins that an instant lies in.
fn start_of(at: &Zoned, interval: Interval) -> Option<Zoned> {
    let (date, zone) = (at.date(), at.time_zone());
    let mut start = match interval {
        Interval::Hour => hour_of(at)?,
        Interval::Day => first_of(date, zone)?,
        Interval::Week => first_of(monday_of(date)?, zone)?,
        Interval::Month => first_of(date.first_of_month(), zone)?,
    };
    // Where clocks go back over midnight the end of a day comes twice, and counts with the day that had begun in between.
    loop {
        match following(&start, interval)? {
            next if next <= *at => start = next,
            _ => return Some(start),
        }
    }
}

/// When the interval behind one begins.
fn following(start: &Zoned, interval: Interval) -> Option<Zoned> {
    let (date, zone) = (start.date(), start.time_zone());
    let next = match interval {
        Interval::Hour => return hour_behind(start),
        Interval::Day => date.tomorrow(),
        Interval::Week => monday_of(date)?.checked_add(1.week()),
        Interval::Month => date.first_of_month().checked_add(1.month()),
    };
    first_of(next.ok()?, zone)
}

fn monday_of(date: Date) -> Option<Date> {
    date.checked_sub(i32::from(date.weekday().since(Weekday::Monday)).days()).ok()
}

/// The first instant of a date, or of what follows it where a place skipped that date.
fn first_of(date: Date, zone: &TimeZone) -> Option<Zoned> {
    let midnight = zone.to_ambiguous_zoned(date.to_datetime(Time::midnight()));
    let is_skipped = matches!(midnight.offset(), AmbiguousOffset::Gap { .. });
    let midnight = midnight.compatible().ok()?;
    // Of a skipped midnight that is as long after the shift as it would have been after the gap began.
    let shift = if is_skipped { shift_until(&midnight) } else { None };
    Some(shift.unwrap_or(midnight))
}

/// The last shift of the clocks up to an instant.
fn shift_until(at: &Zoned) -> Option<Zoned> {
    let behind = at.timestamp().checked_add(TICK).ok()?;
    let shift = at.time_zone().preceding(behind).next()?;
    Some(shift.timestamp().to_zoned(at.time_zone().clone()))
}

/// How long ago the clock showed a whole hour, by the clock.
fn since_hour(at: &Zoned) -> SignedDuration {
    SignedDuration::new(i64::from(at.minute()) * 60 + i64::from(at.second()), at.subsec_nanosecond())
}

/// The last instant up to `at` at which the clock showed a whole hour.
fn hour_of(at: &Zoned) -> Option<Zoned> {
    let mut at = at.clone();
    loop {
        let begun = at.checked_sub(since_hour(&at)).ok()?;
        match shift_until(&at).filter(|shift| *shift > begun) {
            None => return Some(begun),
            // No hour has begun since the clocks shifted.
            Some(shift) => at = shift.checked_sub(TICK).ok()?,
        }
    }
}

/// The first instant behind `at` at which the clock shows a whole hour.
fn hour_behind(at: &Zoned) -> Option<Zoned> {
    let mut at = at.clone();
    loop {
        let next = at.checked_add(SignedDuration::from_hours(1) - since_hour(&at)).ok()?;
        let shift = at.time_zone().following(at.timestamp()).next().map(|shift| shift.timestamp());
        let Some(shift) = shift.filter(|shift| *shift <= next.timestamp()) else { return Some(next) };
        at = shift.to_zoned(at.time_zone().clone());
        if since_hour(&at).is_zero() {
            return Some(at);
        }
    }
}

#[cfg(test)]
#[path = "calendar_tests.rs"]
mod tests;
