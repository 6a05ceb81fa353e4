//! Stretches of time, and the hours, days, weeks and months of a time zone that one is counted in.
//!
//! An engine counts by instants; which instants begin a day somewhere is decided here, once, with the shifts of that
//! place's clocks in it.

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, ToSpan, Zoned};

use super::limits::BUCKETS_MAX;
use super::time::Timestamp;

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
    /// Hours of the clock. Where clocks shift by half an hour, what is left of the hour counts with the one before.
    Hour,
    /// Days from midnight (or what stands for it on the day of a shift) to midnight.
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
        let back = i64::try_from(count.saturating_sub(1)).map_err(|_| NoBuckets)?;
        let first = match interval {
            Interval::Hour => last.checked_sub(back.hours()),
            Interval::Day => last.checked_sub(back.days()),
            Interval::Week => last.checked_sub(back.weeks()),
            Interval::Month => last.checked_sub(back.months()),
        };
        // Midnight may have been shifted on one of the days.
        let first = first.ok().and_then(|first| start_of(&first, interval)).ok_or(NoBuckets)?;
        let instant = |at: &Zoned| Timestamp(at.timestamp().as_microsecond());
        Buckets::cut(Span { from: instant(&first), until: instant(&until) }, interval, zone)
    }

    /// The whole span as one interval.
    pub fn whole(span: Span) -> Buckets {
        Buckets { span, starts: vec![span.from] }
    }

    /// For each interval the span of so many days of the calendar that ends with it; the last interval ends with the
    /// span. None of them is longer where clocks shift, but for the hour that a day has more or less.
    ///
    /// # Errors
    /// When one would begin before the calendar does.
    pub fn trailing(&self, days: u16, zone: &TimeZone) -> Result<Vec<Span>, NoBuckets> {
        let ends = self.starts.iter().skip(1).chain([&self.span.until]);
        let trailing = |until: &Timestamp| {
            let end = jiff::Timestamp::from_microsecond(until.0).ok()?.to_zoned(zone.clone());
            let from = end.checked_sub(i64::from(days).days()).ok()?.timestamp();
            Some(Span { from: Timestamp(from.as_microsecond()), until: *until })
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

fn start_of(at: &Zoned, interval: Interval) -> Option<Zoned> {
    match interval {
        Interval::Hour => {
            let into = i64::from(at.minute()) * 60 + i64::from(at.second());
            let into = SignedDuration::new(into, at.subsec_nanosecond());
            at.checked_sub(into).ok()
        }
        Interval::Day => at.start_of_day().ok(),
        Interval::Week => {
            let since_monday = i32::from(at.weekday().since(Weekday::Monday));
            at.checked_sub(since_monday.days()).ok()?.start_of_day().ok()
        }
        Interval::Month => at.first_of_month().ok()?.start_of_day().ok(),
    }
}

fn following(start: &Zoned, interval: Interval) -> Option<Zoned> {
    match interval {
        Interval::Hour => {
            let next = start.checked_add(1.hour()).ok()?;
            let into = i64::from(next.minute());
            let rest = if into == 0 { 0 } else { 60 - into };
            next.checked_add(SignedDuration::from_mins(rest)).ok()
        }
        Interval::Day => start.tomorrow().ok()?.start_of_day().ok(),
        Interval::Week => start.checked_add(7.days()).ok()?.start_of_day().ok(),
        Interval::Month => start.checked_add(1.month()).ok()?.first_of_month().ok()?.start_of_day().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    /// Berlin as it is in 2026, without a database: the kernel has none.
    fn berlin() -> TimeZone {
        TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap()
    }

    fn cut(from: &str, until: &str, interval: Interval, zone: &TimeZone) -> Vec<String> {
        let buckets = Buckets::cut(Span { from: at(from), until: at(until) }, interval, zone).unwrap();
        buckets.starts().iter().map(|start| start.to_string().replace(":00.000000Z", "")).collect()
    }

    #[test]
    fn days_and_hours_follow_the_clocks_of_the_place() {
        let zone = berlin();
        let days = cut("2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z", Interval::Day, &zone);
        assert_eq!(days, ["2026-03-27T23:00", "2026-03-28T23:00", "2026-03-29T22:00"]);
        let hours = cut("2026-10-24T23:30:00Z", "2026-10-25T02:00:00Z", Interval::Hour, &zone);
        assert_eq!(hours, ["2026-10-24T23:00", "2026-10-25T00:00", "2026-10-25T01:00"]);
        let kathmandu = TimeZone::posix("<+0545>-5:45").unwrap();
        let hours = cut("2026-10-24T23:30:00Z", "2026-10-25T00:20:00Z", Interval::Hour, &kathmandu);
        assert_eq!(hours, ["2026-10-24T23:15", "2026-10-25T00:15"]);
    }

    #[test]
    fn recent_intervals_end_with_the_present_one() {
        let recent = |count, interval| {
            let buckets = Buckets::recent(at("2026-03-30T12:00:00Z"), count, interval, &berlin()).unwrap();
            let starts = buckets.starts().iter().map(|start| start.to_string().replace(":00.000000Z", ""));
            (starts.collect::<Vec<_>>(), buckets.span().until.to_string())
        };
        let days = ["2026-03-27T23:00", "2026-03-28T23:00", "2026-03-29T22:00"].map(str::to_owned).to_vec();
        assert_eq!(recent(3, Interval::Day), (days, "2026-03-30T22:00:00.000000Z".to_owned()));
        assert_eq!(recent(2, Interval::Hour).0, ["2026-03-30T11:00", "2026-03-30T12:00"]);
        assert_eq!(recent(2, Interval::Week).0, ["2026-03-22T23:00", "2026-03-29T22:00"]);
        assert_eq!(recent(2, Interval::Month).0, ["2026-01-31T23:00", "2026-02-28T23:00"]);
    }

    #[test]
    fn weeks_begin_on_monday_and_months_on_their_first() {
        let weeks = cut("2026-01-01", "2026-01-13", Interval::Week, &TimeZone::UTC);
        assert_eq!(weeks, ["2025-12-29T00:00", "2026-01-05T00:00", "2026-01-12T00:00"]);
        let months = cut("2026-01-31", "2026-04-01T00:00:00Z", Interval::Month, &berlin());
        assert_eq!(months, ["2025-12-31T23:00", "2026-01-31T23:00", "2026-02-28T23:00", "2026-03-31T22:00"]);
    }

    #[test]
    fn trailing_days_end_with_their_interval_and_follow_the_clocks() {
        let span = Span { from: at("2026-03-28T23:00:00Z"), until: at("2026-03-30T22:00:00Z") };
        let buckets = Buckets::cut(span, Interval::Day, &berlin()).unwrap();
        let told = |days| -> Vec<String> {
            let spans = buckets.trailing(days, &berlin()).unwrap();
            spans
                .iter()
                .map(|span| format!("{} {}", span.from, span.until).replace(":00:00.000000Z", ""))
                .collect()
        };
        assert_eq!(told(1), ["2026-03-28T23 2026-03-29T22", "2026-03-29T22 2026-03-30T22"]);
        assert_eq!(told(7), ["2026-03-22T23 2026-03-29T22", "2026-03-23T23 2026-03-30T22"]);
    }

    /// Every shift of the clocks from 1980 to 2037 of a place that shifts at night, one that shifts at midnight, and one
    /// that shifts by half an hour.
    #[test]
    fn days_and_hours_hold_over_every_shift_of_three_zones() {
        const DAY: i64 = 86_400_000_000;
        for (name, least) in [("Europe/Berlin", 100), ("America/Sao_Paulo", 60), ("Australia/Lord_Howe", 100)]
        {
            let zone = TimeZone::get(name).unwrap();
            let local =
                |at: Timestamp| jiff::Timestamp::from_microsecond(at.0).unwrap().to_zoned(zone.clone());
            let end: jiff::Timestamp = "2037-12-31T00:00:00Z".parse().unwrap();
            let shifts = zone.following("1980-01-01T00:00:00Z".parse().unwrap());
            let shifts: Vec<_> =
                shifts.map(|shift| shift.timestamp()).take_while(|shift| *shift < end).collect();
            assert!(shifts.len() >= least, "{name} shifts {} times", shifts.len());
            for shift in shifts {
                let shift = Timestamp(shift.as_microsecond());
                let span = Span { from: shift.plus(-2 * DAY), until: shift.plus(2 * DAY) };
                let days = Buckets::cut(span, Interval::Day, &zone).unwrap();
                for pair in days.starts().windows(2) {
                    let (first, last) = (local(pair[0]), local(pair[1].plus(-1)));
                    assert_eq!(first.date(), last.date(), "{name}: a day is one date");
                    assert_ne!(
                        local(pair[0].plus(-1)).date(),
                        first.date(),
                        "{name}: from its first instant on"
                    );
                }
                let hours = Buckets::cut(span, Interval::Hour, &zone).unwrap();
                for pair in hours.starts()[1..].windows(2) {
                    assert_eq!(local(pair[0]).minute(), 0, "{name}: an hour begins with one of the clock");
                    let minutes = (pair[1].0 - pair[0].0) / 60_000_000;
                    assert!([60, 90].contains(&minutes), "{name}: {minutes} minutes");
                }
            }
        }
    }

    #[test]
    fn an_instant_lies_in_one_interval_and_only_inside_the_span() {
        let span = Span { from: at("2026-01-01T06:00:00Z"), until: at("2026-01-02T06:00:00Z") };
        let buckets = Buckets::cut(span, Interval::Day, &TimeZone::UTC).unwrap();
        let index = |text| buckets.index(at(text));
        assert_eq!(index("2026-01-01T05:59:59.999999Z"), None);
        assert_eq!(index("2026-01-01T06:00:00Z"), Some(0));
        assert_eq!(index("2026-01-02T00:00:00Z"), Some(1));
        assert_eq!(index("2026-01-02T06:00:00Z"), None);
        assert_eq!(Buckets::whole(Span::ALL).index(at("2026-01-01")), Some(0));
    }

    #[test]
    fn a_span_that_is_empty_endless_or_cut_too_fine_is_refused() {
        let spans = [
            (Span { from: at("2026-01-02"), until: at("2026-01-02") }, Interval::Day),
            (Span { from: at("2026-01-01"), until: at("2036-01-01") }, Interval::Hour),
            (Span::ALL, Interval::Month),
        ];
        for (span, interval) in spans {
            assert_eq!(Buckets::cut(span, interval, &TimeZone::UTC), Err(NoBuckets), "{span:?}");
        }
    }
}
