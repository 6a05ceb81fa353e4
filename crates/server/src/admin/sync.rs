//! Data sync: what somebody chooses for an environment, and days that somebody asks for.

use muster_kernel::model::audit::{Act, Actor};
use muster_kernel::model::catalog::CatalogState;
use muster_kernel::model::limits::{SYNC_BACKFILL_DAYS_MAX, SYNC_RESYNC_DAYS_MAX};
use muster_kernel::model::problem::{Problem, ProblemCode};
use muster_kernel::model::sync::{DataSync, Day, SyncChoice, SyncReason, SyncRun};
use muster_kernel::model::time::Timestamp;

use super::audit::Entry;
use super::{AdminError, Office, SavedAct, invalid};

/// The version of what nobody has chosen yet.
pub const SYNC_FIRST_VERSION: u32 = 1;

/// Takes a choice; answers the data sync as it is then. What is so already stays as it is.
///
/// # Errors
/// When it is not as the caller saw it, a number is none that can be, or the catalog cannot be written.
pub fn choose(choice: SyncChoice, act: &SavedAct, office: Office<'_>) -> Result<DataSync, AdminError> {
    if choice.hour > 23 {
        return Err(invalid("/hour", "Give an hour from 0 to 23, of UTC.").into());
    }
    if choice.resync_days > SYNC_RESYNC_DAYS_MAX {
        let message = format!("Give a number of days from 0 to {SYNC_RESYNC_DAYS_MAX}.");
        return Err(invalid("/resync_days", message).into());
    }
    office.act(|state, now| {
        let before = state.sync(act.environment).cloned();
        act.check_version("data sync", before.as_ref().map_or(SYNC_FIRST_VERSION, |before| before.version))?;
        let sync = sync_of(state, act, now);
        if sync.choice == choice {
            return Ok(sync.clone());
        }
        let old = sync.choice;
        sync.choose(choice, now);
        (sync.version, sync.updated_at) = (sync.version + 1, now);
        sync.updated_by = match act.by {
            Actor::Member { id, .. } => Some(id),
            Actor::CommandLine | Actor::Server | Actor::Anonymous => None,
        };
        let after = sync.clone();
        let entry = Entry::of(&act.by, Act::DataSyncChanged, if choice.is_on { "on" } else { "off" })
            .about(act.environment)
            .change("enabled", &old.is_on.to_string(), &choice.is_on.to_string())
            .change("format", old.format.as_str(), choice.format.as_str())
            .change("hour", &old.hour.to_string(), &choice.hour.to_string())
            .change("resync_days", &old.resync_days.to_string(), &choice.resync_days.to_string());
        act.with_key(entry).put(state, now);
        Ok(after)
    })
}

/// Asks for some days that are over.
///
/// # Errors
/// When they are none, or the catalog cannot be written.
pub fn backfill(from: Day, through: Day, act: &SavedAct, office: Office<'_>) -> Result<SyncRun, AdminError> {
    office.act(|state, now| {
        if through < from {
            return Err(invalid("/to", "The last day lies before the first one."));
        }
        if through >= Day::of(now) {
            let message =
                format!("Only days that are over can be written: give {} at most.", Day::of(now).plus(-1));
            return Err(invalid("/to", message));
        }
        if through.0.saturating_sub(from.0) >= SYNC_BACKFILL_DAYS_MAX {
            let message = format!("Ask for {SYNC_BACKFILL_DAYS_MAX} days at most at once.");
            return Err(invalid("/from", message));
        }
        let sync = sync_of(state, act, now);
        let open = sync.runs.iter().filter(|run| !run.status.is_ended());
        if open.filter(|run| run.reason == SyncReason::Backfill).count() >= BACKFILLS_MAX {
            let message =
                format!("{BACKFILLS_MAX} of these are under way already; ask again when one has ended.");
            return Err(Problem::of_call(ProblemCode::LimitReached, message));
        }
        let run = sync.ask(SyncReason::Backfill, from, through, now);
        let entry = Entry::of(&act.by, Act::DataSyncBackfilled, &format!("{from} to {through}"))
            .about(act.environment)
            .with("run", &run.number.to_string());
        act.with_key(entry).put(state, now);
        Ok(run)
    })
}

/// Back-fills of an environment that may be under way or wait.
const BACKFILLS_MAX: usize = 10;

/// The data sync of an environment; made now if there was none.
fn sync_of<'s>(state: &'s mut CatalogState, act: &SavedAct, now: Timestamp) -> &'s mut DataSync {
    let place = state.syncs.iter().position(|sync| sync.environment == act.environment);
    let place = place.unwrap_or_else(|| {
        let id = state.next_sync.max(1);
        state.next_sync = id + 1;
        state.syncs.push(DataSync::new(act.environment, id, now));
        state.syncs.len() - 1
    });
    &mut state.syncs[place]
}
