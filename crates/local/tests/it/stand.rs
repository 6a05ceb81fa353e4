//! An engine to test: on a real directory for what is made anew, on a disk of the test's for log and catalog.

use std::path::Path;
use std::sync::Arc;

use muster_kernel::model::id::EnvironmentId;
use muster_kernel::ports::Catalog;
use muster_local::disk::Disk;
use muster_local::{Engine, OpenError, Options};
use muster_testkit::builders::environment;
use muster_testkit::clock::ManualClock;

/// Small files, so that every path is walked: several segments, many generations.
pub fn small() -> Options {
    Options {
        log_segment_bytes: 16 << 10,
        value_file_bytes: 4 << 10,
        overlay_bytes_max: 64 << 10,
        overlay_age_ms_max: 20,
        history_tend_ms: 5,
        history_seal_events: 64,
        history_merge_fan: 3,
        history_threads: 2,
        free_disk_reserve_bytes: 0,
        ..Options::default()
    }
}

/// Opens an engine whose random bytes count up.
pub fn open(disk: Arc<dyn Disk>, directory: &Path, options: Options) -> Result<Engine, OpenError> {
    open_at(disk, directory, options, Arc::new(ManualClock::default()))
}

/// As `open`, with a clock of the test's.
pub fn open_at(
    disk: Arc<dyn Disk>,
    directory: &Path,
    options: Options,
    clock: Arc<ManualClock>,
) -> Result<Engine, OpenError> {
    let random = Arc::new(|bytes: &mut [u8]| {
        static COUNT: std::sync::atomic::AtomicU8 = std::sync::atomic::AtomicU8::new(1);
        bytes.fill(COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
    });
    Engine::open_on(disk, directory, options, clock, random)
}

/// Adds the environments with these numbers to the catalog.
pub fn add_environments(engine: &Engine, numbers: &[u32]) {
    let added = engine.change(&mut |state| {
        for &number in numbers {
            if state.environment(EnvironmentId(number)).is_none() {
                state.environments.push(environment(EnvironmentId(number)));
            }
        }
        Ok(())
    });
    assert_eq!(added, Ok(Ok(())));
}
