//! The purge: takes what is erased out of every place, looks again, and issues the certificate.
//!
//! Every step may be cut short and done again. What is removed is counted first and the count is durable before anything
//! is removed, so that a certificate says the same whatever happened in between.

use std::cell::RefCell;
use std::collections::BTreeMap;

use muster_kernel::model::erasure::{Certificate, Erasure, PlaceReport};
use muster_kernel::model::id::{ErasureNumber, JobNumber};
use muster_kernel::model::job::JobStatus;
use muster_kernel::model::time::Timestamp;
use muster_kernel::ports::{Purged, StoreError};

use super::places::{Counts, Place, Seen, Work, all, is_stopped};
use super::{Registry, Sieve, failed};
use crate::environment::Environment;
use crate::log::patch;

/// See the port.
///
/// # Errors
/// When a place fails, or still holds something.
pub fn purge(
    environment: &Environment,
    numbers: &[ErasureNumber],
    now: &dyn Fn() -> Timestamp,
    stop: &dyn Fn() -> bool,
) -> Result<Purged, StoreError> {
    let registry = &environment.state.erasures;
    let _one_at_a_time = registry.purging();
    let is_asked = |erasure: &Erasure| numbers.contains(&erasure.number) && !erasure.status.is_ended();
    let erasures: Vec<Erasure> = registry.all().into_iter().filter(is_asked).collect();
    if erasures.is_empty() {
        return Ok(Purged::Completed);
    }
    let waits = unended_jobs(environment, &erasures);
    if !waits.is_empty() {
        return Ok(Purged::Waits(waits));
    }
    match purge_all(environment, &erasures, now, stop) {
        Err(error) if is_stopped(&error) => Ok(Purged::Stopped),
        Err(error) => Err(error),
        Ok(()) => Ok(Purged::Completed),
    }
}

/// Jobs that were accepted before an erasure: their rows may still come, and their uploads hold the ids.
fn unended_jobs(environment: &Environment, erasures: &[Erasure]) -> Vec<JobNumber> {
    let jobs = environment.jobs.jobs();
    let unended = jobs.iter().filter(|job| !job.status.is_ended()).map(|job| job.number);
    unended.filter(|job| erasures.iter().any(|erasure| erasure.jobs.contains(job))).collect()
}

fn purge_all(
    environment: &Environment,
    erasures: &[Erasure],
    now: &dyn Fn() -> Timestamp,
    stop: &dyn Fn() -> bool,
) -> Result<(), StoreError> {
    let registry = &environment.state.erasures;
    let files = &environment.log;
    // A patch that an error cut short in this process.
    patch::finish(files.disk.as_ref(), &files.directory).map_err(failed)?;
    set_status(registry, erasures, JobStatus::Processing, now())?;
    let until = environment.state.visible();
    environment.save();
    if environment.state.store.saved()? < until {
        return Err(failed("profiles can no longer be saved; restart the server"));
    }
    let named = |number: u32| erasures.iter().any(|erasure| erasure.number.0 == number);
    let sieve = registry.sieve();
    let work = Work {
        environment,
        sieve: Sieve::new(sieve.each().filter(|subjects| named(subjects.number)).cloned().collect()),
        until,
        jobs_until: erasures.iter().map(|erasure| erasure.jobs_until.0).max().unwrap_or_default(),
        stop,
        reborn: RefCell::default(),
    };
    count(registry, erasures, &work)?;
    for place in all() {
        work.check()?;
        place.purge(&work)?;
    }
    set_status(registry, erasures, JobStatus::PendingRefresh, now())?;
    let seen = search(&work)?;
    for erasure in erasures {
        complete(registry, erasure.number.0, &work, &seen, now())?;
    }
    Ok(())
}

fn set_status(
    registry: &Registry,
    erasures: &[Erasure],
    status: JobStatus,
    now: Timestamp,
) -> Result<(), StoreError> {
    for erasure in erasures {
        let change = |erasure: &mut Erasure| {
            erasure.status = status;
            erasure.started_at.get_or_insert(now);
        };
        registry.save(erasure.number.0, change).map_err(failed)?;
    }
    Ok(())
}

/// Counts what is to be removed, unless that was done before a stop.
fn count(registry: &Registry, erasures: &[Erasure], work: &Work<'_>) -> Result<(), StoreError> {
    let uncounted: Vec<&Erasure> = erasures.iter().filter(|erasure| erasure.counted.is_none()).collect();
    if uncounted.is_empty() {
        return Ok(());
    }
    let mut by_place = Vec::new();
    for place in all() {
        let mut counts = Counts::new();
        place.count(work, &mut counts)?;
        by_place.push((place.name(), counts));
    }
    for erasure in uncounted {
        let number = erasure.number.0;
        let named = by_place.iter().flat_map(|(place, counts)| {
            let counts = counts.get(&number).into_iter().flatten();
            counts.map(move |(what, count)| (format!("{place}.{what}"), *count))
        });
        let counted: BTreeMap<String, u64> = named.collect();
        registry.save(number, |erasure| erasure.counted = Some(counted)).map_err(failed)?;
    }
    Ok(())
}

/// Looks at every place again. Anything found is an error: there is no certificate then.
fn search(work: &Work<'_>) -> Result<Vec<(&'static dyn Place, Seen)>, StoreError> {
    let mut all_seen = Vec::new();
    for place in all() {
        let seen = place.search(work)?;
        if seen.found > 0 {
            let what =
                format!("{} of {} entries in {} are still there", seen.found, seen.searched, place.name());
            return Err(failed(what));
        }
        all_seen.push((place, seen));
    }
    Ok(all_seen)
}

/// Keeps the certificate and forgets the ids, in one step.
fn complete(
    registry: &Registry,
    number: u32,
    work: &Work<'_>,
    seen: &[(&'static dyn Place, Seen)],
    now: Timestamp,
) -> Result<(), StoreError> {
    let change = |erasure: &mut Erasure| {
        let counted = erasure.counted.take().unwrap_or_default();
        let profiles = erasure.profiles;
        let report = |(place, seen): &(&'static dyn Place, Seen)| {
            let prefix = format!("{}.", place.name());
            let own = counted
                .iter()
                .filter_map(|(what, count)| Some((what.strip_prefix(&prefix)?.to_owned(), *count)));
            let mut removed: BTreeMap<String, u64> = own.collect();
            if place.name() == "profiles" {
                removed.insert("profiles".to_owned(), profiles);
            }
            PlaceReport {
                place: place.name().to_owned(),
                removed,
                searched: seen.searched,
                found: seen.found,
            }
        };
        let places = seen.iter().map(report).collect();
        erasure.certificate = Some(Certificate { issued_at: now, searched_until: work.until, places });
        erasure.status = JobStatus::Completed;
        erasure.ended_at = Some(now);
        erasure.ids = Vec::new();
    };
    registry.save(number, change).map(drop).map_err(failed)
}
