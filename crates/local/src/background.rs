//! Work that must not be felt by those who wait for an answer.

/// Niceness of background threads: with all cores busy, one of them gets a third of what an answering thread gets.
/// Lower still, and it falls behind under full load, so that a start has more to replay.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 5;

/// Lowers the priority of the calling thread. Only Linux has priorities of threads; elsewhere nothing happens.
pub fn yield_to_others() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICENESS) {
        tracing::warn!(%error, "background work cannot be given a lower priority; answers may take longer under load");
    }
}
