//! What was done with exports, for the audit. The exports themselves are the exporter's.

use muster_kernel::model::audit::{Act, Actor};
use muster_kernel::model::export::Export;
use muster_kernel::model::id::EnvironmentId;

use super::audit::Entry;
use super::{AdminError, Office};

/// Notes that somebody started or cancelled an export: of a key its number, and of the filter how much it names, never whom.
///
/// # Errors
/// When the catalog cannot be written.
pub fn note_export(
    act: Act,
    by: &Actor,
    environment: EnvironmentId,
    export: &Export,
    office: Office<'_>,
) -> Result<(), AdminError> {
    let mut entry = Entry::of(by, act, export.kind.as_str()).about(environment).with("job", &export.id);
    entry = entry.with("format", export.format.as_str());
    if let Some(key) = export.key {
        entry = entry.with("key", &key.0.to_string());
    }
    let filter = &export.filter;
    let times = [("from", filter.from), ("until", filter.until)];
    for (name, time) in times.into_iter().filter_map(|(name, time)| Some((name, time?))) {
        entry = entry.with(name, &time.to_string());
    }
    let counts = [("users", filter.users.len()), ("companies", filter.companies.len())];
    for (name, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
        entry = entry.with(name, &count.to_string());
    }
    if let Some(segment) = filter.segment {
        entry = entry.with("segment", &segment.to_string());
    }
    let mut entry = Some(entry);
    office.act(|state, now| {
        if let Some(entry) = entry.take() {
            entry.put(state, now);
        }
        Ok(())
    })
}
