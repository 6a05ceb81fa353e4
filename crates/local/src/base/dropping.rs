//! Drops raw events (docs/FORMAT.md, "Base").
//!
//! The order that every power cut of `local/tests/it/dropping.rs` tries: everything up to the position is in the store and in files of
//! history; the base is durable under its name; history lets go; the log lets go. From the name of the base on the events are
//! gone as far as anybody can ask, and each later step can be done again: a start does them before it reads anything.

use muster_kernel::model::export::{Export, ExportKind};
use muster_kernel::model::id::Position;
use muster_kernel::model::raw_events::{Dropped, KeptEvents, WouldDrop};
use muster_kernel::model::time::Timestamp;
use muster_kernel::ports::{Inquiry, StoreError};

use super::building::build;
use crate::environment::Environment;
use crate::erasure::places::{is_stopped, stopped};
use crate::log::dropping::{first_event, received_before};
use crate::log::patch;

/// The last record that was received before a time, unless it is dropped already: its position and its time.
///
/// # Errors
/// When the log cannot be read.
pub fn end_of(
    environment: &Environment,
    before: Timestamp,
) -> Result<Option<(Position, Timestamp)>, StoreError> {
    let visible = environment.state.visible();
    let found = received_before(&environment.log.segments, before, visible).map_err(unread)?;
    Ok(found.filter(|(position, _)| *position > environment.bases.position()))
}

/// See `RawEvents::kept`.
///
/// # Errors
/// As that.
pub fn kept(environment: &Environment) -> Result<KeptEvents, StoreError> {
    let base = environment.bases.current();
    let dropped_until = base.as_ref().map_or(Position::START, |base| base.position());
    let visible = environment.state.visible();
    let oldest = first_event(&environment.log.segments, dropped_until, visible).map_err(unread)?;
    Ok(KeptEvents { dropped_until, known_since: base.map(|base| base.since()), oldest_received_at: oldest })
}

/// See `RawEvents::would_drop`.
///
/// # Errors
/// As that.
pub fn would_drop(
    environment: &Environment,
    before: Timestamp,
    inquiry: &Inquiry,
) -> Result<WouldDrop, StoreError> {
    let Some((until, newest)) = end_of(environment, before)? else { return Ok(WouldDrop::default()) };
    let snapshot = environment.history.up_to(until, inquiry)?;
    let mut would = environment.history.would_drop(&snapshot, until, inquiry)?;
    if would.events > 0 {
        would.newest_received_at = Some(newest);
    }
    let segments = &environment.log.segments;
    would.bytes +=
        crate::log::dropping::bytes_until(segments, environment.bases.position(), until).map_err(unread)?;
    Ok(would)
}

/// See `RawEvents::drop_before`.
///
/// # Errors
/// As that.
pub fn drop_before(
    environment: &Environment,
    before: Timestamp,
    stop: &dyn Fn() -> bool,
) -> Result<Dropped, StoreError> {
    // Neither a purge nor a backup may meet files that go.
    let _one_at_a_time = environment.state.erasures.purging();
    let is_read = |export: &Export| export.kind == ExportKind::Events && !export.status.is_ended();
    if environment.jobs.jobs().iter().any(|job| !job.status.is_ended())
        || environment.exports.exports().iter().any(is_read)
        // Its purge finds in the log what else it has to take out: guards.
        || !environment.state.erasures.sieve().is_empty()
    {
        return Ok(Dropped::Waits);
    }
    let check = || if stop() { Err(stopped()) } else { Ok(()) };
    match drop_until_time(environment, before, &check) {
        Err(error) if is_stopped(&error) || error == StoreError::Stopped => Ok(Dropped::Stopped),
        Err(error) => Err(error),
        Ok(()) => Ok(Dropped::Done(kept(environment)?)),
    }
}

fn drop_until_time(
    environment: &Environment,
    before: Timestamp,
    check: &dyn Fn() -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    // A patch that an error cut short in this process.
    let log = &environment.log;
    patch::finish(log.disk.as_ref(), &log.directory).map_err(unread)?;
    let Some((until, time)) = end_of(environment, before)? else {
        // What an error left of the last time.
        return let_go(environment);
    };
    environment.state.erasures.keep_positions().map_err(unread)?;
    environment.save();
    if environment.state.store.saved()? < until {
        let what = "profiles can no longer be saved; restart the server";
        return Err(StoreError::Failed(what.to_owned()));
    }
    {
        let _waiting = environment.history.wait();
        environment.history.up_to(until, &Inquiry::default())?;
        environment.history.seal(0)?;
    }
    check()?;
    build(environment, until, time, check)?;
    let_go(environment)
}

/// Takes what the base stands for out of history and out of the log, as far as it is still there.
fn let_go(environment: &Environment) -> Result<(), StoreError> {
    let Some(base) = environment.bases.current() else { return Ok(()) };
    {
        let _waiting = environment.history.wait();
        environment.history.stand_on(&base)?;
    }
    let log = &environment.log;
    let dropped =
        crate::log::dropping::drop_until(log.disk.as_ref(), &log.directory, &log.segments, base.position());
    dropped.map_err(unread)
}

fn unread(error: impl std::fmt::Display) -> StoreError {
    StoreError::Failed(format!("raw events cannot be dropped: {error}"))
}
