//! Opens the history of an environment as its settings say.

use std::sync::Arc;
use std::time::Duration;

use muster_kernel::model::id::Position;

use crate::base::Base;
use crate::directory::OpenError;
use crate::environment::{Parts, State};
use crate::history::archive::{Archive, ArchiveOptions};
use crate::history::opening::Parts as HistoryParts;
use crate::log::segment::Segments;

/// Threads that answer one question when the settings name no number.
const THREADS_MAX: usize = 4;
/// A segment of history is not merged beyond this many seals.
const MERGED_SEALS_MAX: u64 = 64;

/// Opens it. It must not know more than the log.
///
/// # Errors
/// When it cannot be read, or is ahead of the log.
pub(crate) fn open_history(
    parts: &Parts,
    state: &Arc<State>,
    segments: Arc<Segments>,
    last: Position,
    base: Option<Arc<Base>>,
) -> Result<(Arc<Archive>, Arc<Segments>), OpenError> {
    let directory = parts.directory.join("history");
    let options = &parts.options;
    let threads = match options.history_threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX),
        threads => threads,
    };
    let history = Archive::open(HistoryParts {
        directory: directory.clone(),
        identity: parts.identity,
        options: ArchiveOptions {
            tend_every: Duration::from_millis(options.history_tend_ms),
            seal_events: options.history_seal_events.max(1),
            seal_age: Duration::from_secs(options.history_seal_age_s_max),
            merge_fan: options.history_merge_fan,
            merge_events_max: options.history_seal_events.saturating_mul(MERGED_SEALS_MAX),
            threads,
            question_bytes_max: usize::try_from(options.history_question_bytes_max).unwrap_or(usize::MAX),
            pin_age: Duration::from_millis(options.history_pin_ms_max),
        },
        disk: Arc::clone(&parts.disk),
        random: Arc::clone(&parts.random),
        log: Arc::clone(&segments),
        base,
        sieve: {
            let state = Arc::clone(state);
            Arc::new(move || state.erasures.sieve())
        },
        pressing: {
            let state = Arc::clone(state);
            Arc::new(move || state.overlay.is_pressed())
        },
    });
    let history = history.map_err(|what| OpenError::History(directory.clone(), what))?;
    if history.covered() > last.0 {
        let what = format!(
            "it holds events up to position {}, the log ends at {}: its end is missing",
            history.covered(),
            last.0
        );
        return Err(OpenError::History(directory, what));
    }
    Ok((Arc::new(history), segments))
}
