//! What the parts of a server that do the work are made of: the engine as the ports that each needs, the clock, and chance.

use std::sync::Arc;

use muster_local::Engine;

use super::{WallClock, random};
use crate::dropping;
use crate::erasures::{self, Eraser};
use crate::exports::{self, Exporter};
use crate::jobs::{self, Runner};
use crate::sync::{self, Syncer};
use crate::{VERSION, http};

pub(super) fn job_parts(engine: &Arc<Engine>) -> jobs::Parts {
    jobs::Parts {
        log: engine.clone(),
        profiles: engine.clone(),
        jobs: engine.clone(),
        erasures: engine.clone(),
        catalog: engine.clone(),
        clock: Arc::new(WallClock),
        random: random(),
        yield_to_others: muster_local::yield_to_others,
    }
}

pub(super) fn eraser_parts(engine: &Arc<Engine>) -> erasures::Parts {
    erasures::Parts {
        erasures: engine.clone(),
        catalog: engine.clone(),
        clock: Arc::new(WallClock),
        random: random(),
        yield_to_others: muster_local::yield_to_others,
    }
}

pub(super) fn dropper_parts(engine: &Arc<Engine>) -> dropping::Parts {
    dropping::Parts {
        raw_events: engine.clone(),
        catalog: engine.clone(),
        clock: Arc::new(WallClock),
        yield_to_others: muster_local::yield_to_others,
    }
}

pub(super) fn export_parts(engine: &Arc<Engine>) -> exports::Parts {
    exports::Parts {
        log: engine.clone(),
        profiles: engine.clone(),
        segments: engine.clone(),
        lists: engine.clone(),
        exports: engine.clone(),
        catalog: engine.clone(),
        clock: Arc::new(WallClock),
        random: random(),
        yield_to_others: muster_local::yield_to_others,
    }
}

pub(super) fn sync_parts(engine: &Arc<Engine>) -> sync::Parts {
    sync::Parts {
        log: engine.clone(),
        history: engine.clone(),
        raw_events: engine.clone(),
        profiles: engine.clone(),
        catalog: engine.clone(),
        clock: Arc::new(WallClock),
        yield_to_others: muster_local::yield_to_others,
    }
}

pub(super) fn parts(
    engine: &Arc<Engine>,
    (runner, eraser, exporter, syncer): (&Arc<Runner>, &Arc<Eraser>, &Arc<Exporter>, &Arc<Syncer>),
    questions_max: usize,
) -> http::Parts {
    let mut seed = [0; 8];
    random()(&mut seed);
    http::Parts {
        log: engine.clone(),
        profiles: engine.clone(),
        history: engine.clone(),
        reports: engine.clone(),
        segments: engine.clone(),
        lists: engine.clone(),
        raw_events: engine.clone(),
        questions_max,
        ledger: engine.clone(),
        catalog: engine.clone(),
        trail: engine.clone(),
        jobs: runner.clone(),
        erasures: eraser.clone(),
        exports: exporter.clone(),
        sync: syncer.clone(),
        clock: Arc::new(WallClock),
        random: random(),
        version: VERSION,
        request_seed: u64::from_le_bytes(seed),
    }
}
