//! Calendar days of a zone against plain arithmetic, around every shift of three zones' clocks.

use jiff::civil::Date;
use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::super::test::{Found, Truth};
use super::super::{DateTest, Moment, Test};
use super::at;
use crate::model::time::{MINUTE, Timestamp};
use crate::model::value::Value;

/// Shifts at two and three in the morning, at midnight, and by half an hour.
const ZONES: [&str; 3] = ["Europe/Berlin", "America/Sao_Paulo", "Australia/Lord_Howe"];
const DAY: i64 = 24 * 60 * MINUTE;

fn zone(name: &str) -> TimeZone {
    TimeZoneDatabase::bundled().get(name).unwrap()
}

/// The day of an instant as a number, by the zone's offset alone.
fn day_number(zone: &TimeZone, at: Timestamp) -> i64 {
    let instant = jiff::Timestamp::from_microsecond(at.0).unwrap();
    (at.0 + i64::from(zone.to_offset(instant).seconds()) * 1_000_000).div_euclid(DAY)
}

fn date(number: i64) -> Date {
    let noon = jiff::Timestamp::from_microsecond(number * DAY + DAY / 2).unwrap();
    noon.to_zoned(TimeZone::UTC).date()
}

/// The instants of all shifts from 1970 to 2037.
fn shifts(zone: &TimeZone) -> Vec<Timestamp> {
    let from = jiff::Timestamp::from_second(0).unwrap();
    let until = at("2038-01-01");
    let shifts = zone.following(from).map(|shift| Timestamp(shift.timestamp().as_microsecond()));
    shifts.take_while(|at| *at < until).collect()
}

fn holds(test: DateTest, moment: &Moment, found: Timestamp) -> bool {
    Test::Date(test).at(moment).holds(Some(Found::At(found))) == Truth::Yes
}

#[test]
fn days_are_those_of_the_zone_around_every_shift() {
    for name in ZONES {
        let zone = zone(name);
        let shifts = shifts(&zone);
        assert!(shifts.len() > 40, "{name} has {} shifts", shifts.len());
        for shift in shifts {
            let around = |hours: i64| shift.plus(hours * 60 * MINUTE);
            // Half hours, and the instants to both sides of each.
            let instants = (-60..=60).flat_map(|half| {
                let edge = shift.plus(half * 30 * MINUTE);
                [edge.plus(-1), edge]
            });
            let instants: Vec<Timestamp> = instants.collect();
            for now in [around(-30), shift.plus(-1), shift, around(1), around(30)] {
                let moment = Moment { now, zone: zone.clone() };
                let today = day_number(&zone, now);
                assert_eq!(moment.today(), date(today), "{name} {now}");
                for instant in &instants {
                    let ago = today - day_number(&zone, *instant);
                    let check = |test, expected: bool| {
                        assert_eq!(
                            holds(test, &moment, *instant),
                            expected,
                            "{name} now {now}, {instant}, {test:?}"
                        );
                    };
                    check(DateTest::InLastDays(1), (0..=1).contains(&ago));
                    check(DateTest::InLastDays(0), ago == 0);
                    check(DateTest::InNextDays(1), (-1..=0).contains(&ago));
                    check(DateTest::MoreThanDaysAgo(1), ago > 1);
                    check(DateTest::On(date(today)), ago == 0);
                    check(DateTest::Before(date(today)), ago > 0);
                    check(DateTest::After(date(today)), ago < 0);
                    check(DateTest::Between(date(today - 1), date(today)), (0..=1).contains(&ago));
                }
            }
        }
    }
}

#[test]
fn a_date_without_a_time_is_that_day_everywhere() {
    for name in ZONES {
        let moment = Moment { now: at("2026-01-05T23:30:00Z"), zone: zone(name) };
        let holds = |test, value| Test::Date(test).at(&moment).holds(Some(Found::Value(value)));
        let day = "2026-01-05".parse().unwrap();
        assert_eq!(holds(DateTest::On(day), Value::Text("2026-01-05")), Truth::Yes, "{name}");
        let next = "2026-01-06".parse().unwrap();
        assert_eq!(holds(DateTest::On(next), Value::Text("2026-01-05")), Truth::No, "{name}");
        // An instant is of one day here and of another there.
        let is_next = day_number(&moment.zone, moment.now) == day_number(&TimeZone::UTC, moment.now) + 1;
        for value in [
            Value::Text("2026-01-05T23:30:00Z"),
            Value::Text("2026-01-05 23:30:00"),
            Value::Int(1_767_655_800),
            Value::Text("1767655800000"),
        ] {
            assert_eq!(holds(DateTest::On(next), value), Truth::of(is_next), "{name} {value:?}");
            assert_eq!(holds(DateTest::InLastDays(0), value), Truth::Yes, "{name} {value:?}");
        }
    }
    assert_eq!(zone(ZONES[0]).to_offset(jiff::Timestamp::UNIX_EPOCH).seconds(), 3600);
}

#[test]
fn last_days_of_dates_and_more_than_days_ago_leave_no_day_out() {
    let moment = Moment { now: at("2026-03-10T12:00:00Z"), zone: TimeZone::UTC };
    for hours in 0..2_000 {
        let instant = moment.now.plus(-hours * 60 * MINUTE);
        for days in [0, 1, 7, 30] {
            let last = holds(DateTest::InLastDays(days), &moment, instant);
            assert_ne!(last, holds(DateTest::MoreThanDaysAgo(days), &moment, instant), "{days} {instant}");
        }
    }
}
