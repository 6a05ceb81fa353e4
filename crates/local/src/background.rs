//! Work that must not be felt by those who wait for an answer.

/// Niceness of background threads: with all cores busy, one of them gets a tenth of what an answering thread gets.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// Lowers the priority of the calling thread and of all threads that it starts from now on. Only Linux has priorities of
/// threads; elsewhere nothing happens.
pub fn yield_to_others() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICENESS) {
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
