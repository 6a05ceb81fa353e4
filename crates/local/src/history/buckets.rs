//! Which interval an instant falls into, by one look into a table of hours or quarters of one.

use muster_kernel::model::calendar::{Buckets, Span};
use muster_kernel::model::time::Timestamp;

use super::segment::QUARTER_MICROS;

const HOUR_MICROS: i64 = 4 * QUARTER_MICROS;
/// Entries of a table at most: fifty years of quarters.
const TABLE_MAX: i64 = 50 * 366 * 96;

/// Finds intervals.
pub struct Finder<'a> {
    buckets: &'a Buckets,
    span: Span,
    /// The interval of each unit of time from `base` on; nothing when intervals do not begin at units.
    table: Option<Vec<u16>>,
    base: i64,
    /// Hours where intervals begin at hours, else quarters of one: the smaller the table, the nearer it is.
    unit: i64,
}

impl<'a> Finder<'a> {
    /// For these intervals, of instants inside `reach` only.
    pub fn new(buckets: &'a Buckets, reach: (i64, i64)) -> Self {
        let begin_at = |unit: i64| buckets.starts().iter().skip(1).all(|start| start.0.rem_euclid(unit) == 0);
        let unit = if begin_at(HOUR_MICROS) { HOUR_MICROS } else { QUARTER_MICROS };
        let table = if begin_at(unit) { table(buckets, reach, unit) } else { None };
        let (base, table) = table.map_or((0, None), |(base, table)| (base, Some(table)));
        Finder { buckets, span: buckets.span(), table, base, unit }
    }

    /// The interval of an instant within reach; `None` outside the span.
    #[inline]
    pub fn index(&self, time: i64) -> Option<usize> {
        if time < self.span.from.0 || time >= self.span.until.0 {
            return None;
        }
        match &self.table {
            Some(table) => {
                // Before the table's beginning this is beyond its end.
                let since = time.wrapping_sub(self.base).cast_unsigned();
                // Dividing by what the compiler knows is several times quicker.
                let place = match self.unit {
                    HOUR_MICROS => since / HOUR_MICROS.cast_unsigned(),
                    _ => since / QUARTER_MICROS.cast_unsigned(),
                };
                table.get(usize::try_from(place).ok()?).map(|index| usize::from(*index))
            }
            None => self.buckets.index(Timestamp(time)),
        }
    }

    /// As [`Finder::index`], with `none` outside the span; without a branch, for instants of which nobody can foretell whether they are
    /// inside.
    #[inline]
    pub fn index_or(&self, time: i64, none: usize) -> usize {
        let Some(table) = &self.table else { return self.index(time).unwrap_or(none) };
        let since = time.wrapping_sub(self.base).cast_unsigned();
        let place = match self.unit {
            HOUR_MICROS => since / HOUR_MICROS.cast_unsigned(),
            _ => since / QUARTER_MICROS.cast_unsigned(),
        };
        let last = table.len().saturating_sub(1);
        let index = table.get(usize::try_from(place).unwrap_or(last).min(last)).copied().unwrap_or_default();
        let is_inside = (time >= self.span.from.0) & (time < self.span.until.0);
        std::hint::select_unpredictable(is_inside, usize::from(index), none)
    }

    /// Whether every quarter with instants in `times` falls into one interval as a whole, or into none.
    pub fn takes_quarters(&self, times: (i64, i64)) -> bool {
        let Span { from, until } = self.buckets.span();
        let is_cut = |edge: Timestamp| {
            let inside = times.0 < edge.0 && edge.0 <= times.1;
            inside && edge.0.rem_euclid(QUARTER_MICROS) != 0
        };
        self.table.is_some() && !is_cut(from) && !is_cut(until)
    }

    /// The interval of all instants of a quarter that lies in the span, where [`Finder::takes_quarters`].
    pub fn of_quarter(&self, quarter: i64) -> Option<usize> {
        let table = self.table.as_ref()?;
        let Span { from, until } = self.buckets.span();
        let start = quarter.saturating_mul(QUARTER_MICROS);
        // An edge inside a quarter has no events between itself and the quarter's other edge that count otherwise.
        let last = start.saturating_add(QUARTER_MICROS - 1);
        if last < from.0 || start >= until.0 {
            return None;
        }
        // Intervals begin at quarters, so the first instant of one that lies in reach speaks for all of it.
        let place = start.max(self.base).wrapping_sub(self.base) / self.unit;
        table.get(usize::try_from(place).ok()?).map(|index| usize::from(*index))
    }
}

/// When the table begins, and the interval of each unit from there to the end of what lies in span and reach.
fn table(buckets: &Buckets, reach: (i64, i64), unit: i64) -> Option<(i64, Vec<u16>)> {
    let (starts, span) = (buckets.starts(), buckets.span());
    let (from, until) = (span.from.0.max(reach.0), span.until.0.saturating_sub(1).min(reach.1));
    let (first, last) = (from.div_euclid(unit), until.div_euclid(unit));
    if last < first || last - first >= TABLE_MAX {
        return None;
    }
    let bucket = |place: i64| {
        let at = Timestamp(place.saturating_mul(unit));
        let before = starts.partition_point(|start| *start <= at);
        u16::try_from(before.saturating_sub(1)).ok()
    };
    let table = (first..=last).map(bucket).collect::<Option<Vec<u16>>>()?;
    Some((first.saturating_mul(unit), table))
}

#[cfg(test)]
mod tests {
    use muster_kernel::model::calendar::Interval;

    use super::*;

    #[test]
    fn the_table_says_what_the_intervals_say() {
        let at = |text| Timestamp::parse(text).unwrap();
        let span = Span { from: at("2026-01-01T00:07:00Z"), until: at("2026-01-03T11:00:00Z") };
        let zone = jiff::tz::TimeZone::fixed(jiff::tz::offset(5));
        let buckets = Buckets::cut(span, Interval::Day, &zone).unwrap();
        let reach = (at("2026-01-01").0, at("2026-01-05").0);
        let finder = Finder::new(&buckets, reach);
        assert!(finder.table.is_some());
        for minute in 0..5 * 24 * 60 {
            let time = reach.0 + minute * 60_000_000;
            let index = buckets.index(Timestamp(time));
            assert_eq!(
                (finder.index(time), finder.index_or(time, 77)),
                (index, index.unwrap_or(77)),
                "{minute}"
            );
        }
        assert_eq!([i64::MIN, i64::MAX].map(|time| finder.index_or(time, 77)), [77, 77]);
        assert!(!finder.takes_quarters(reach), "the span begins inside a quarter");
        assert!(finder.takes_quarters((at("2026-01-01T00:08:00Z").0, reach.1)));
    }
}
