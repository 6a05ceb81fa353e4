//! Intervals of a calendar: by hand in a few places, and around every shift of some zones' clocks against a slow, obvious walk
//! through time.

use jiff::tz::TimeZoneDatabase;

use super::*;
use crate::model::time::MINUTE;

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

const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const INTERVALS: [Interval; 4] = [Interval::Hour, Interval::Day, Interval::Week, Interval::Month];

fn zone(name: &str) -> TimeZone {
    TimeZoneDatabase::bundled().get(name).unwrap()
}

/// What the clock shows, in microseconds since its own 1970: by the zone's offset alone.
fn clock(zone: &TimeZone, at: i64) -> i64 {
    let instant = jiff::Timestamp::from_microsecond(at).unwrap();
    at + i64::from(zone.to_offset(instant).seconds()) * 1_000_000
}

/// The month of a day, both as numbers.
fn month(day: i64) -> i64 {
    let date = jiff::Timestamp::from_microsecond(day * DAY).unwrap().to_zoned(TimeZone::UTC).date();
    i64::from(date.year()) * 12 + i64::from(date.month())
}

/// When hours, days, weeks and months of a zone begin from 1967 to 2038, found by looking at the clock every half hour, which is
/// enough where clocks shift by half hours.
struct Walk {
    zone: TimeZone,
    starts: [Vec<i64>; 4],
    shifts: Vec<i64>,
}

impl Walk {
    fn through(name: &str) -> Walk {
        let zone = zone(name);
        let (from, until) = (at("1967-01-01").0, at("2038-06-01").0);
        let mut starts = [const { Vec::new() }; 4];
        let shown = clock(&zone, from - HOUR / 2).div_euclid(DAY);
        let (mut day, mut week, mut month_now) = (shown, (shown + 3).div_euclid(7), month(shown));
        for instant in (from..until).step_by(usize::try_from(HOUR / 2).unwrap()) {
            let shown = clock(&zone, instant);
            let mut begins = |interval: usize, does: bool| {
                if does {
                    starts[interval].push(instant);
                }
            };
            begins(0, shown.rem_euclid(HOUR) == 0);
            let today = shown.div_euclid(DAY);
            if today != day {
                // 1970 began on a Thursday, weeks begin on Mondays.
                let (this_week, this_month) = ((today + 3).div_euclid(7), month(today));
                begins(1, true);
                begins(2, this_week != week);
                begins(3, this_month != month_now);
                (day, week, month_now) = (today, this_week, this_month);
            }
        }
        let first = jiff::Timestamp::UNIX_EPOCH;
        let shifts = zone.following(first).map(|shift| shift.timestamp().as_microsecond());
        let shifts = shifts.take_while(|shift| *shift < at("2038-01-01").0).collect();
        Walk { zone, starts, shifts }
    }

    /// The intervals that a span touches.
    fn touched(&self, interval: Interval, from: i64, until: i64) -> Vec<Timestamp> {
        let starts = &self.starts[interval as usize];
        let first = starts.partition_point(|start| *start <= from) - 1;
        let last = starts.partition_point(|start| *start < until);
        starts[first..last].iter().map(|start| Timestamp(*start)).collect()
    }

    /// When the day begins that is so many dates before the one that ends with `end`.
    fn days_before(&self, end: i64, days: i64) -> i64 {
        let last = clock(&self.zone, end - 1).div_euclid(DAY);
        let first =
            self.starts[1].partition_point(|start| clock(&self.zone, *start).div_euclid(DAY) <= last - days);
        self.starts[1][first]
    }

    fn check(&self, name: &str, least: usize) {
        assert!(self.shifts.len() >= least, "{name} shifts {} times", self.shifts.len());
        for shift in &self.shifts {
            for (interval, reach) in INTERVALS.into_iter().zip([30 * HOUR, 4 * DAY, 20 * DAY, 80 * DAY]) {
                for from in [-reach, -HOUR, -1, 0, 1, 15 * MINUTE, 45 * MINUTE, 90 * MINUTE, DAY] {
                    self.check_cut(name, interval, shift + from, shift + reach);
                    self.check_recent(name, interval, shift + from);
                }
            }
            self.check_days(name, *shift);
            self.check_trailing(name, *shift);
        }
    }

    fn check_cut(&self, name: &str, interval: Interval, from: i64, until: i64) {
        let span = Span { from: Timestamp(from), until: Timestamp(until) };
        let buckets = Buckets::cut(span, interval, &self.zone).unwrap();
        let expected = self.touched(interval, from, until);
        assert_eq!(buckets.starts(), expected, "{name}, {interval:?} of {} to {}", span.from, span.until);
    }

    fn check_recent(&self, name: &str, interval: Interval, now: i64) {
        let starts = &self.starts[interval as usize];
        let next = starts.partition_point(|start| *start <= now);
        for count in [1, 2, 30] {
            let recent = Buckets::recent(Timestamp(now), count, interval, &self.zone).unwrap();
            let expected: Vec<Timestamp> =
                starts[next - count..next].iter().map(|start| Timestamp(*start)).collect();
            let now = Timestamp(now);
            assert_eq!(recent.starts(), expected, "{name}, {count} of {interval:?} at {now}");
            assert_eq!(recent.span().until.0, starts[next], "{name}, {interval:?} at {now}");
        }
    }

    /// Two instants count in one day just when the clock shows one date.
    fn check_days(&self, name: &str, shift: i64) {
        let (from, until) = (shift - 2 * DAY, shift + 2 * DAY);
        let span = Span { from: Timestamp(from), until: Timestamp(until) };
        let days = Buckets::cut(span, Interval::Day, &self.zone).unwrap();
        let mut before: Option<(usize, i64)> = None;
        for instant in (from..until).step_by(usize::try_from(10 * MINUTE).unwrap()) {
            let (index, date) =
                (days.index(Timestamp(instant)).unwrap(), clock(&self.zone, instant).div_euclid(DAY));
            if let Some((other, other_date)) = before {
                assert_eq!(index == other, date == other_date, "{name}, {}", Timestamp(instant));
            }
            before = Some((index, date));
        }
    }

    fn check_trailing(&self, name: &str, shift: i64) {
        let (from, until) = (shift - 3 * DAY, shift + 33 * DAY);
        let span = Span { from: Timestamp(from), until: Timestamp(self.days_before(until, 1)) };
        let days = Buckets::cut(span, Interval::Day, &self.zone).unwrap();
        for count in [1, 7, 30] {
            for trailing in days.trailing(count, &self.zone).unwrap() {
                let expected = self.days_before(trailing.until.0, i64::from(count));
                assert_eq!(
                    trailing.from,
                    Timestamp(expected),
                    "{name}, {count} days until {}",
                    trailing.until
                );
            }
        }
    }
}

#[test]
fn intervals_hold_over_every_shift_of_berlin() {
    Walk::through("Europe/Berlin").check("Berlin", 110);
}

#[test]
fn intervals_hold_over_every_shift_of_new_york() {
    Walk::through("America/New_York").check("New York", 130);
}

#[test]
fn intervals_hold_over_every_shift_of_a_place_that_shifts_by_half_an_hour() {
    Walk::through("Australia/Lord_Howe").check("Lord Howe", 100);
}

#[test]
fn intervals_hold_over_every_shift_of_a_place_that_shifts_at_midnight() {
    Walk::through("America/Sao_Paulo").check("São Paulo", 60);
}

#[test]
fn intervals_hold_over_every_shift_of_a_place_that_skipped_a_day() {
    let walk = Walk::through("Pacific/Apia");
    walk.check("Apia", 20);
    // 30 December 2011 was not.
    let days = cut("2011-12-29T09:00:00Z", "2012-01-01T00:00:00Z", Interval::Day, &walk.zone);
    assert_eq!(days, ["2011-12-28T10:00", "2011-12-29T10:00", "2011-12-30T10:00", "2011-12-31T10:00"]);
}

#[test]
fn shifts_in_the_middle_of_an_hour_and_over_midnight_begin_hours_and_days_all_the_same() {
    // From 23:30 to 0:00.
    let pyongyang = zone("Asia/Pyongyang");
    let hours = cut("2018-05-04T13:00:00Z", "2018-05-04T17:00:00Z", Interval::Hour, &pyongyang);
    let expected = ["12:30", "13:30", "14:30", "15:00", "16:00"].map(|hour| format!("2018-05-04T{hour}"));
    assert_eq!(hours, expected);
    let recent = Buckets::recent(at("2018-05-04T16:10:00Z"), 5, Interval::Hour, &pyongyang).unwrap();
    assert_eq!(recent.starts()[0], at("2018-05-04T12:30:00Z"));
    let days = cut("2018-05-04T13:00:00Z", "2018-05-05T00:00:00Z", Interval::Day, &pyongyang);
    assert_eq!(days, ["2018-05-03T15:30", "2018-05-04T15:00"]);
    // From 23:30 to 0:30: the day has no midnight.
    let days = cut("1919-03-31T00:00:00Z", "1919-04-01T05:00:00Z", Interval::Day, &zone("America/Toronto"));
    assert_eq!(days, ["1919-03-30T05:00", "1919-03-31T04:30", "1919-04-01T04:00"]);
    // From 0:01 back to 23:01: what comes twice counts with the day that had begun.
    let st_johns = zone("America/St_Johns");
    for from in ["2010-11-07T02:30:00Z", "2010-11-07T03:00:00Z", "2010-11-07T03:30:00Z"] {
        let days = cut(from, "2010-11-08T12:00:00Z", Interval::Day, &st_johns);
        assert_eq!(days, ["2010-11-07T02:30", "2010-11-08T03:30"], "{from}");
        let recent = Buckets::recent(at(from), 2, Interval::Day, &st_johns).unwrap();
        assert!(recent.span().contains(at(from)), "{from}");
    }
}
