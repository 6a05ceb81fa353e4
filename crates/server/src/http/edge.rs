//! What the handlers of one edge thread share, and what all edge threads share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use axum::body::Bytes;
use axum::http::HeaderMap;
use tokio::sync::Semaphore;

use muster_kernel::model::problem::Problem;

use crate::admin::Office;

use super::Parts;
use super::attempts::Attempts;
use super::auth::{self, Found, KeyUses, Keys};
use super::bells::Bells;
use super::error::Refused;
use super::live::Recorder;
use super::metrics::{Metrics, Shard};
use super::questions::Questions;
use super::session_uses::SessionUses;
use super::settings::HttpSettings;
use super::tally::Tally;

/// What all edge threads share.
pub(super) struct Shared {
    pub settings: HttpSettings,
    pub uses: Arc<KeyUses>,
    pub session_uses: SessionUses,
    pub attempts: Attempts,
    pub tally: Arc<Tally>,
    pub recorder: Arc<Recorder>,
    /// Turns of questions to history.
    pub questions: Arc<Semaphore>,
    /// Those of them that somebody follows.
    pub named_questions: Arc<Questions>,
    pub metrics: Metrics,
    /// Bytes of bodies that are being put together from parts.
    pub body_bytes: AtomicUsize,
    /// Open connections.
    pub connections: AtomicUsize,
    /// Set once, when the server begins to stop.
    pub is_stopping: AtomicBool,
    /// The OpenAPI document, made once.
    pub openapi: Bytes,
    /// When this process began to count, in minutes since 1970, and what the ledger held of that minute already.
    pub ledger_start: super::ledger::Start,
}

impl Shared {
    /// Whether the server takes new work.
    pub(super) fn is_open(&self) -> bool {
        !self.is_stopping.load(Ordering::Relaxed)
    }
}

/// What the handlers of one edge thread work with; the state of its router.
pub(super) struct Edge {
    pub parts: Parts,
    pub shared: Arc<Shared>,
    pub keys: Keys,
    pub shard: Arc<Shard>,
    /// By which other threads wake the calls of this one.
    pub bells: Arc<Bells>,
}

impl Edge {
    pub(super) fn new(parts: Parts, shared: Arc<Shared>) -> Self {
        let ledger = Arc::clone(&parts.ledger);
        let (uses, tally) = (Arc::clone(&shared.uses), Arc::clone(&shared.tally));
        let rates = shared.settings.rate_limits;
        let keys = Keys::new(ledger, uses, tally, Arc::clone(&shared.recorder), rates);
        let shard = shared.metrics.join();
        Edge { parts, shared, keys, shard, bells: Arc::default() }
    }

    /// A call that fits no route, refused in the name of its key, so that whoever owns the key sees it.
    pub(super) fn of_sender(&self, headers: &HeaderMap, problem: Problem) -> Refused {
        let refused = Refused::from(problem);
        let Ok(secret) = auth::secret(headers) else { return refused };
        match self.keys.find(&self.parts.catalog.state(), secret) {
            Found::Key(key) => refused.of_key(key.api.id),
            Found::AppToken | Found::Nothing => refused,
        }
    }

    /// Where administrative requests are carried out; `base` is where the links that they make lead.
    pub(super) fn office<'a>(&'a self, base: &'a str) -> Office<'a> {
        let Parts { catalog, trail, erasures, lists, clock, random, .. } = &self.parts;
        Office {
            catalog: &**catalog,
            trail: &**trail,
            erasures: erasures.port(),
            lists: &**lists,
            clock: &**clock,
            random: &**random,
            base,
        }
    }

    pub(super) fn settings(&self) -> &HttpSettings {
        &self.shared.settings
    }
}
