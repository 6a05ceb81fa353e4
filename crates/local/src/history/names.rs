//! Tells which event names and properties there are. What each column's values read as is counted when it is written;
//! only where something is erased and not yet purged are its rows looked at.

use std::collections::BTreeMap;

use hashbrown::HashSet;
use muster_kernel::model::event::EventKind;
use muster_kernel::model::history::{
    EventName, NameSummary, NamesQuestion, PropertiesQuestion, PropertyOwner, PropertySummary, ReadableType,
    TypeSummary,
};
use muster_kernel::model::time::Timestamp;
use muster_kernel::model::value::OwnedValue;
use muster_kernel::ports::StoreError;

use super::column::{Column, TypeCounts, value_of};
use super::counts::volume;
use super::dictionary::{property_key, read};
use super::part::{Content, Part};
use super::scan::{Scan, Unit};

/// Values of a column that are looked at for examples: a type that is rarer may be shown without.
const LOOKED_AT_MAX: usize = 1 << 16;

/// What was sent under some properties' names, by their numbers.
#[derive(Default)]
struct Summaries(BTreeMap<u32, (TypeCounts, [HashSet<OwnedValue>; 8])>);

/// See `History::names`.
///
/// # Errors
/// As that.
pub fn names(scan: &Scan<'_>, question: &NamesQuestion) -> Result<Vec<NameSummary>, StoreError> {
    let mut found = Vec::new();
    for (number, event) in event_names(scan) {
        scan.check()?;
        if !question.names.is_empty() && !question.names.contains(&event) {
            continue;
        }
        let (mut count, mut first, mut last) = (0, i64::MAX, i64::MIN);
        let mut summaries = Summaries::default();
        let mut sent = Sent::default();
        for unit in scan.units(Some(number), i64::MIN, i64::MAX) {
            scan.check()?;
            let part = unit.open()?;
            let shown = shown(&unit);
            if question.with_times {
                sent.add(&part, unit.entry().times, shown.as_deref());
            }
            let (rows, times) = match &shown {
                None => (u64::from(unit.entry().rows), unit.entry().times),
                Some(shown) => (shown.len() as u64, times_of(&part, shown)),
            };
            (count, first, last) = (count + rows, first.min(times.0), last.max(times.1));
            summaries.add(&part, &[Content::Property], shown.as_deref(), question.examples_max);
        }
        if count == 0 {
            continue;
        }
        let mut properties = summaries.named(scan);
        if question.with_times {
            sent.put(&mut properties, scan);
        }
        found.push(NameSummary {
            event,
            count,
            first_at: Timestamp(first),
            last_at: Timestamp(last),
            volume: volume(scan, number, &question.volume)?,
            properties,
        });
    }
    found.sort_by(|a, b| a.event.cmp(&b.event));
    Ok(found)
}

/// See `History::properties`.
///
/// # Errors
/// As that.
pub fn properties(
    scan: &Scan<'_>,
    question: &PropertiesQuestion,
) -> Result<Vec<PropertySummary>, StoreError> {
    let mut summaries = Summaries::default();
    for (number, event) in event_names(scan) {
        let subject = match event.kind {
            EventKind::IdentifyUser => PropertyOwner::User,
            EventKind::IdentifyCompany => PropertyOwner::Company,
            _ => PropertyOwner::Event,
        };
        let mut contents = Vec::new();
        if subject == question.owner {
            contents.push(Content::Property);
        }
        if question.owner == PropertyOwner::Company {
            contents.push(Content::CompanyProperty);
        }
        if contents.is_empty() {
            continue;
        }
        for unit in scan.units(Some(number), i64::MIN, i64::MAX) {
            scan.check()?;
            let part = unit.open()?;
            summaries.add(&part, &contents, shown(&unit).as_deref(), question.examples_max);
        }
    }
    Ok(summaries.named(scan))
}

/// Every event name with its number.
pub fn event_names(scan: &Scan<'_>) -> Vec<(u32, EventName)> {
    let known = read(scan.known);
    let name = |number: u32| {
        let (kind, name) = known.names.text(number)?.split_first()?;
        let event = EventName {
            kind: EventKind::from_byte(*kind)?,
            name: std::str::from_utf8(name).ok()?.to_owned(),
        };
        Some((number, event))
    };
    (0..known.names.count()).filter_map(name).collect()
}

/// The rows that are shown, where any is not.
fn shown(unit: &Unit<'_>) -> Option<Vec<usize>> {
    unit.hidden?;
    Some((0..unit.entry().rows as usize).filter(|row| !unit.hides(*row)).collect())
}

fn times_of(part: &Part<'_>, rows: &[usize]) -> (i64, i64) {
    let times = rows.iter().map(|row| part.time(*row));
    times.fold((i64::MAX, i64::MIN), |(a, b), time| (a.min(time), b.max(time)))
}

impl Summaries {
    fn add(&mut self, part: &Part<'_>, contents: &[Content], shown: Option<&[usize]>, examples_max: usize) {
        let wanted = |content: u8| contents.iter().any(|wanted| *wanted as u8 == content);
        for entry in part.columns.iter().filter(|entry| wanted(entry.content)) {
            let Some(column) = Column::open(entry.bytes, part.rows) else { continue };
            let (counts, examples) = self.0.entry(entry.code).or_default();
            match shown {
                Some(rows) => {
                    let mut bytes = Vec::new();
                    for row in rows {
                        bytes.clear();
                        if !column.append(*row, &mut bytes) {
                            continue;
                        }
                        let value = value_of(&bytes);
                        let index = ReadableType::of(value) as usize;
                        counts[index] += 1;
                        if examples[index].len() < examples_max {
                            examples[index].insert(OwnedValue::of(value));
                        }
                    }
                }
                None => {
                    let mut looked_at = 0;
                    let lacks = |examples: &[HashSet<OwnedValue>; 8]| {
                        let mut types = column.types().iter().zip(examples);
                        types.any(|(count, examples)| *count > 0 && examples.len() < examples_max)
                    };
                    let mut is_wanted = lacks(examples);
                    column.visit(|bytes| {
                        if !is_wanted {
                            return false;
                        }
                        let value = value_of(bytes);
                        let examples_of_type = &mut examples[ReadableType::of(value) as usize];
                        if examples_of_type.len() < examples_max
                            && examples_of_type.insert(OwnedValue::of(value))
                        {
                            is_wanted = lacks(examples);
                        }
                        looked_at += 1;
                        is_wanted && looked_at < LOOKED_AT_MAX
                    });
                    counts.iter_mut().zip(column.types()).for_each(|(sum, count)| *sum += count);
                }
            }
        }
    }

    fn named(self, scan: &Scan<'_>) -> Vec<PropertySummary> {
        let known = read(scan.known);
        let named = |(number, (counts, examples)): (u32, (TypeCounts, [HashSet<OwnedValue>; 8]))| {
            let name = std::str::from_utf8(known.names.text(number)?.get(1..)?).ok()?.to_owned();
            let types: Vec<TypeSummary> = ReadableType::ALL
                .into_iter()
                .zip(counts.into_iter().zip(examples))
                .filter(|(_, (count, _))| *count > 0)
                .map(|(reads_as, (count, examples))| TypeSummary {
                    reads_as,
                    count,
                    examples: examples.into_iter().collect(),
                })
                .collect();
            (!types.is_empty()).then_some(PropertySummary { name, types, times: None })
        };
        let mut all: Vec<PropertySummary> = self.0.into_iter().filter_map(named).collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }
}

/// When some properties were first and last sent, by their numbers.
#[derive(Default)]
struct Sent(BTreeMap<u32, (i64, i64)>);

impl Sent {
    /// Looks into a part whose rows lie between two times, at those that are shown.
    fn add(&mut self, part: &Part<'_>, (oldest, newest): (i64, i64), shown: Option<&[usize]>) {
        for entry in part.columns.iter().filter(|entry| entry.content == Content::Property as u8) {
            let Some(column) = Column::open(entry.bytes, part.rows) else { continue };
            let known = self.0.entry(entry.code).or_insert((i64::MAX, i64::MIN));
            // Most parts lie between two that were looked into.
            if known.0 <= oldest && newest <= known.1 {
                continue;
            }
            let mut look = |row: usize| {
                if column.index_of(row).is_some() {
                    let time = part.time(row);
                    *known = (known.0.min(time), known.1.max(time));
                }
            };
            match shown {
                Some(rows) => rows.iter().for_each(|row| look(*row)),
                None => (0..part.rows).for_each(&mut look),
            }
        }
    }

    fn put(&self, properties: &mut [PropertySummary], scan: &Scan<'_>) {
        let known = read(scan.known);
        let mut key = Vec::new();
        for property in properties {
            property_key(property.name.as_bytes(), &mut key);
            let times = known.names.get(&key).and_then(|number| self.0.get(&number));
            property.times = times.map(|(first, last)| (Timestamp(*first), Timestamp(*last)));
        }
    }
}
