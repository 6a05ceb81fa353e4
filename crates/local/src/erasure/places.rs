//! The places that hold personal data of an environment. A later one joins by implementing [`Place`] and standing in
//! [`all`].

use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};

use muster_kernel::model::id::Position;
use muster_kernel::ports::{ProfileKind, StoreError};

use super::log_place::LogPlace;
use super::{Left, Sieve, Subjects, failed};
use crate::environment::Environment;

/// Counts by erasure and by what is counted.
pub type Counts = BTreeMap<u32, BTreeMap<String, u64>>;

/// What a purge works on.
pub struct Work<'a> {
    /// Whose data.
    pub environment: &'a Environment,
    /// The erasures that are purged.
    pub sieve: Sieve,
    /// Up to where the log is looked at; everything up to there is in the store.
    pub until: Position,
    /// The last job whose files are looked at.
    pub jobs_until: u32,
    /// Whether to stop.
    pub stop: &'a dyn Fn() -> bool,
    /// Erased ids that came back after their erasure: what is found of those is of their new life.
    pub reborn: RefCell<HashSet<(ProfileKind, Box<str>)>>,
}

impl Work<'_> {
    /// Whether an id is erased and did not come back.
    pub fn is_gone(&self, kind: ProfileKind, id: &str) -> bool {
        self.sieve.names(kind, id) && !self.reborn.borrow().contains(&(kind, id.into()))
    }

    /// Counts something under every erasure that names an id.
    pub fn count(&self, counts: &mut Counts, what: &str, names: impl Fn(&Subjects) -> bool) {
        for subjects in self.sieve.each().filter(|subjects| names(subjects)) {
            *counts.entry(subjects.number).or_default().entry(what.to_owned()).or_default() += 1;
        }
    }

    /// Whether to go on.
    ///
    /// # Errors
    /// When somebody asked to stop.
    pub fn check(&self) -> Result<(), StoreError> {
        if (self.stop)() { Err(stopped()) } else { Ok(()) }
    }
}

/// What a second look saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Records, entries or lines that were decoded.
    pub searched: u64,
    /// Those that still were about what is erased.
    pub found: u64,
}

/// One place. Laws: `purge` may be run again after any stop; after it, `search` finds nothing; `count` sees what `purge`
/// will remove, and nothing once that is done.
pub trait Place {
    /// Its name in certificates.
    fn name(&self) -> &'static str;

    /// Counts what there is to remove.
    ///
    /// # Errors
    /// When reading fails.
    fn count(&self, work: &Work<'_>, counts: &mut Counts) -> Result<(), StoreError>;

    /// Removes it, durably.
    ///
    /// # Errors
    /// When reading or writing fails, or somebody asked to stop.
    fn purge(&self, work: &Work<'_>) -> Result<(), StoreError>;

    /// Decodes everything and looks for it.
    ///
    /// # Errors
    /// As [`Place::purge`].
    fn search(&self, work: &Work<'_>) -> Result<Seen, StoreError>;
}

/// Every place, in the order in which they are purged and searched: the log knows who came back.
pub fn all() -> [&'static dyn Place; 7] {
    [&LogPlace, &RejectsPlace, &StorePlace, &HistoryPlace, &ListsPlace, &ExportsPlace, &BasePlace]
}

/// What stands for events that were dropped. Of the first outcomes of their guarded calls nobody knows any more whose they
/// were; they hold no id.
struct BasePlace;

impl Place for BasePlace {
    fn name(&self) -> &'static str {
        "base"
    }

    fn count(&self, work: &Work<'_>, counts: &mut Counts) -> Result<(), StoreError> {
        let Some(base) = work.environment.bases.current() else { return Ok(()) };
        for kind in [ProfileKind::User, ProfileKind::Company] {
            base.each(kind, &Sieve::default(), &mut |id, profile| {
                work.count(counts, "profiles", |subjects| {
                    // One that was accepted before left its mark in what was folded.
                    if subjects.position().is_none_or(|position| position < base.position()) {
                        return false;
                    }
                    let names = |other, id: &str| subjects.kind == other && subjects.ids.contains(id);
                    names(kind, id)
                        || profile.view().companies().any(|company| names(ProfileKind::Company, company))
                });
                work.check()
            })?;
        }
        Ok(())
    }

    fn purge(&self, work: &Work<'_>) -> Result<(), StoreError> {
        let purged = work.environment.bases.purge(&work.sieve, &|| work.check())?;
        if let Some(base) = purged {
            work.environment.history.stand_on_purged(&base);
        }
        Ok(())
    }

    fn search(&self, work: &Work<'_>) -> Result<Seen, StoreError> {
        let Some(base) = work.environment.bases.current() else { return Ok(Seen::default()) };
        let (searched, found) = base.search(&work.sieve, &|| work.check())?;
        Ok(Seen { searched, found })
    }
}

/// The key-value store: profiles, index entries and guards, and its own files.
struct StorePlace;

impl Place for StorePlace {
    fn name(&self) -> &'static str {
        "profiles"
    }

    fn count(&self, _: &Work<'_>, _: &mut Counts) -> Result<(), StoreError> {
        // Counted when the erasure was accepted: from then on the profiles are hidden.
        Ok(())
    }

    fn purge(&self, work: &Work<'_>) -> Result<(), StoreError> {
        work.environment.state.store.rewrite(work.stop)
    }

    fn search(&self, work: &Work<'_>) -> Result<Seen, StoreError> {
        let mut seen = Seen::default();
        work.environment.state.store.entries(&mut |ids| {
            seen.searched += 1;
            seen.found += u64::from(ids.iter().any(|(kind, id)| work.is_gone(*kind, id)));
            work.check()
        })?;
        Ok(seen)
    }
}

/// Events in columns, and the dictionaries of ids.
struct HistoryPlace;

impl Place for HistoryPlace {
    fn name(&self) -> &'static str {
        "history"
    }

    fn count(&self, work: &Work<'_>, counts: &mut Counts) -> Result<(), StoreError> {
        work.environment.history.each_touched(&work.sieve, work.until, &mut |event, left| {
            let what = if matches!(left, Left::Part(_)) { "events_reduced" } else { "events" };
            work.count(counts, what, |subjects| subjects.are_named_by(event));
            work.check()
        })
    }

    fn purge(&self, work: &Work<'_>) -> Result<(), StoreError> {
        let _waiting = work.environment.history.wait();
        work.environment.history.purge(&work.sieve, work.until, &|| work.check())
    }

    fn search(&self, work: &Work<'_>) -> Result<Seen, StoreError> {
        let is_gone = |kind, id: &str| work.is_gone(kind, id);
        let history = &work.environment.history;
        let (searched, found) = history.search(&work.sieve, work.until, &is_gone, &|| work.check())?;
        Ok(Seen { searched, found })
    }
}

/// The lists of static segments. An id that came back is taken out as well: it was put there before.
struct ListsPlace;

impl Place for ListsPlace {
    fn name(&self) -> &'static str {
        "segments"
    }

    fn count(&self, work: &Work<'_>, counts: &mut Counts) -> Result<(), StoreError> {
        work.environment.lists.each(&mut |kind, id| {
            work.count(counts, "listed", |subjects| subjects.kind == kind && subjects.ids.contains(id));
            work.check()
        })
    }

    fn purge(&self, work: &Work<'_>) -> Result<(), StoreError> {
        let is_gone = |kind, id: &str| work.sieve.names(kind, id);
        work.environment.lists.take_out(&is_gone, &|| work.check())
    }

    fn search(&self, work: &Work<'_>) -> Result<Seen, StoreError> {
        let mut seen = Seen::default();
        work.environment.lists.each(&mut |kind, id| {
            seen.searched += 1;
            seen.found += u64::from(work.is_gone(kind, id));
            work.check()
        })?;
        Ok(seen)
    }
}

/// The files of exports. They are not looked into: all that may hold what was erased are removed.
struct ExportsPlace;

impl Place for ExportsPlace {
    fn name(&self) -> &'static str {
        "exports"
    }

    fn count(&self, work: &Work<'_>, counts: &mut Counts) -> Result<(), StoreError> {
        work.environment.exports.each_part(&mut |hidden_until| {
            work.count(counts, "files", |subjects| may_hold(hidden_until, subjects));
        })
    }

    fn purge(&self, work: &Work<'_>) -> Result<(), StoreError> {
        let until = work.sieve.each().filter_map(|subjects| subjects.position()).max();
        until.map_or(Ok(()), |until| work.environment.exports.purge(until, work.environment.state.visible()))
    }

    fn search(&self, work: &Work<'_>) -> Result<Seen, StoreError> {
        let mut seen = Seen::default();
        work.environment.exports.each_part(&mut |hidden_until| {
            seen.searched += 1;
            seen.found += u64::from(work.sieve.each().any(|subjects| may_hold(hidden_until, subjects)));
        })?;
        Ok(seen)
    }
}

/// Whether a file may hold what an erasure took away.
fn may_hold(hidden_until: Position, subjects: &Subjects) -> bool {
    subjects.position().is_none_or(|position| hidden_until < position)
}

/// The rejected rows of jobs. Their uploads are gone: a purge waits for the jobs' end.
struct RejectsPlace;

impl Place for RejectsPlace {
    fn name(&self) -> &'static str {
        "jobs"
    }

    fn count(&self, work: &Work<'_>, counts: &mut Counts) -> Result<(), StoreError> {
        work.environment.jobs.each_reject(work.jobs_until, &mut |line| {
            work.count(counts, "rejected_rows", |subjects| mentions(line, subjects));
        })
    }

    fn purge(&self, work: &Work<'_>) -> Result<(), StoreError> {
        work.environment.jobs.blank_rejects(work.jobs_until, &|line| is_about(work, line))
    }

    fn search(&self, work: &Work<'_>) -> Result<Seen, StoreError> {
        let mut seen = Seen::default();
        work.environment.jobs.each_reject(work.jobs_until, &mut |line| {
            seen.searched += 1;
            seen.found += u64::from(is_about(work, line));
        })?;
        Ok(seen)
    }
}

fn is_about(work: &Work<'_>, line: &str) -> bool {
    work.sieve.each().any(|subjects| mentions(line, subjects))
}

/// Whether a rejected row is about an erased id: by its fields where it is JSON, else wherever the id stands in it as a
/// word.
fn mentions(line: &str, subjects: &Subjects) -> bool {
    let in_text = |text: &str| subjects.ids.iter().any(|id| has_word(text, id));
    let Ok(row) = serde_json::from_str::<serde_json::Value>(line) else { return in_text(line) };
    if let Some(raw) = row.pointer("/_muster/raw").and_then(serde_json::Value::as_str) {
        return in_text(raw);
    }
    let pointers: &[&str] = match subjects.kind {
        ProfileKind::User => &["/user_id"],
        ProfileKind::Company => &["/company_id", "/id", "/company/id", "/company/company_id"],
    };
    pointers.iter().filter_map(|pointer| row.pointer(pointer)).any(|value| match value {
        serde_json::Value::String(text) => subjects.ids.contains(text.as_str()),
        serde_json::Value::Number(number) => subjects.ids.contains(number.to_string().as_str()),
        _ => false,
    })
}

fn has_word(text: &str, id: &str) -> bool {
    let is_part = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
    text.match_indices(id).any(|(at, _)| {
        !is_part(text[..at].chars().next_back()) && !is_part(text[at + id.len()..].chars().next())
    })
}

/// Somebody asked to stop.
pub fn stopped() -> StoreError {
    failed(STOPPED)
}

/// Whether that is why something failed.
pub fn is_stopped(error: &StoreError) -> bool {
    *error == stopped()
}

const STOPPED: &str = "the purge was asked to stop";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rejected_row_is_about_the_ids_in_its_fields_or_in_its_raw_text() {
        let of = |kind, id: &str| Subjects::supposed(kind, &[id.to_owned()], Position(1));
        let about = |line: &str, id: &str| mentions(line, &of(ProfileKind::User, id));
        assert!(about(r#"{"user_id":"u-7","metadata":{"a":[]},"_muster":{"row":1}}"#, "u-7"));
        assert!(about(r#"{"user_id":"\u0075-7"}"#, "u-7"), "escaped");
        assert!(about(r#"{"user_id":7}"#, "7"), "a number");
        assert!(!about(r#"{"user_id":"u-70"}"#, "u-7"));
        assert!(!about(r#"{"user_id":"v","metadata":{"n":"u-7"}}"#, "u-7"), "somebody else's property");
        assert!(about(r#"{"_muster":{"row":1,"raw":"{\"user_id\":\"u-7\""}}"#, "u-7"));
        assert!(!about(r#"{"_muster":{"row":1,"raw":"{\"user_id\":\"u-70\""}}"#, "u-7"));
        assert!(mentions(r#"{"user_id":"v","company":{"id":"c"}}"#, &of(ProfileKind::Company, "c")));
    }
}
