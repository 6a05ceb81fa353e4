//! Work that must not be felt by those who wait for an answer.

use rustix::process::setpriority_process;
use rustix::thread::gettid;

/// Niceness of background threads: with all cores busy, one of them gets a tenth of what an answering thread gets.
const NICENESS: i32 = 10;

/// Lowers the priority of the calling thread and of all threads that it starts from now on.
pub fn yield_to_others() {
    if let Err(error) = setpriority_process(Some(gettid()), NICENESS) {
        tracing::warn!(%error, "background work cannot be given a lower priority; answers may take longer under load");
    }
}

/// Opens something whose own threads shall run in the background.
///
/// # Panics
/// When `open` does.
pub fn open_in_background<T: Send>(open: impl FnOnce() -> T + Send) -> T {
    let opened = std::thread::scope(|scope| {
        let opener = scope.spawn(|| {
            yield_to_others();
            open()
        });
        opener.join()
    });
    opened.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
