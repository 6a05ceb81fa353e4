//! The HTTP edge: from a socket to the kernel's ports and back.
//!
//! It reads `connection` (a socket and its time-outs) → `service` (what surrounds every call) → `router` (the table of
//! contents) → a file for each noun → `error` or `answer`. It speaks to the engine through the ports in [`Parts`] only:
//! it never names an engine, a file or a directory, and keeps nothing that a second process could not do without.

mod acts;
mod answer;
mod asking;
mod attempts;
mod audit;
mod auth;
mod bells;
mod body;
mod bulk;
mod caller;
mod companies;
mod connection;
mod console;
mod content;
mod cursor;
mod data_sync;
mod day;
mod decompress;
mod downloads;
mod edge;
mod environments;
pub(crate) mod erasure_body;
mod erasures;
mod error;
mod event_counts;
mod event_names;
mod events;
mod export_asked;
mod exports;
mod filtered;
mod health;
mod identify;
mod identify_company;
mod imports;
mod invitations;
mod job_list;
mod jobs;
mod kept_events;
mod keys;
mod ledger;
mod live;
mod lookups;
mod masking;
mod members;
mod membership;
mod metrics;
mod openapi;
mod overview;
mod page;
mod properties;
mod questions;
mod rates;
mod read;
mod reader;
mod render;
mod reports;
mod router;
mod rules;
mod segment_explain;
mod segment_list;
mod segment_members;
mod segment_past;
mod segment_preview;
mod segments;
mod sender;
mod server;
mod service;
mod session;
mod session_uses;
mod settings;
mod signed_in;
mod tally;
mod ties;
mod timeline;
mod track;
mod undo;
mod unread;
mod upload;
mod users;
mod validate;
mod versions;
mod would;
mod write;

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize};

use tokio::sync::Semaphore;

use muster_kernel::ports::{
    AuditTrail, Catalog, Clock, EventLog, History, Ledger, Lists, Profiles, RawEvents, Reports, Segments,
};

pub use router::document as openapi_document;
pub use server::{Handle, Server};
pub use settings::{HttpSettings, RateLimits};

use attempts::Attempts;
use edge::{Edge, Shared};
use live::Recorder;
use metrics::{Metrics, Routes};
use service::Service;
use session_uses::SessionUses;

use crate::erasures::Eraser;
use crate::exports::Exporter;
use crate::jobs::Runner;
use crate::sync::Syncer;

/// A source of random bytes.
pub type Random = Arc<dyn Fn(&mut [u8]) + Send + Sync>;

/// What the edge works with.
#[derive(Clone)]
pub struct Parts {
    /// Where events go and are read in order.
    pub log: Arc<dyn EventLog>,
    /// Users and companies.
    pub profiles: Arc<dyn Profiles>,
    /// Everything that happened, to be asked.
    pub history: Arc<dyn History>,
    /// What people did, to be asked.
    pub reports: Arc<dyn Reports>,
    /// Who belongs to a segment.
    pub segments: Arc<dyn Segments>,
    /// The ids of static segments.
    pub lists: Arc<dyn Lists>,
    /// Since when there are raw events.
    pub raw_events: Arc<dyn RawEvents>,
    /// Questions to it that are answered at a time.
    pub questions_max: usize,
    /// What became of every call.
    pub ledger: Arc<dyn Ledger>,
    /// Environments, keys and the team.
    pub catalog: Arc<dyn Catalog>,
    /// The acts that the catalog no longer holds.
    pub trail: Arc<dyn AuditTrail>,
    /// Bulk uploads at work.
    pub jobs: Arc<Runner>,
    /// Deletions at work.
    pub erasures: Arc<Eraser>,
    /// Exports at work.
    pub exports: Arc<Exporter>,
    /// Days that are written elsewhere.
    pub sync: Arc<Syncer>,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// The source of secrets.
    pub random: Random,
    /// This program's version.
    pub version: &'static str,
    /// Drawn at the start, so that request ids of two processes differ.
    pub request_seed: u64,
}

/// Starts to serve on `listener`. With `metrics_listener`, `/metrics` is served there and nowhere else.
///
/// # Errors
/// When a socket or a thread cannot be had.
pub fn serve(
    listener: TcpListener,
    metrics_listener: Option<TcpListener>,
    parts: Parts,
    settings: HttpSettings,
) -> io::Result<Server> {
    let routes = Arc::new(Routes::new(router::templates()).map_err(io::Error::other)?);
    let document = openapi_document(parts.version, settings.public_url.as_deref())?;
    let shared = Arc::new(Shared {
        ledger_start: ledger::Start::now(&parts),
        uses: Arc::default(),
        session_uses: SessionUses::default(),
        attempts: Attempts::default(),
        tally: Arc::default(),
        recorder: Arc::new(Recorder::new(parts.clock.now())),
        questions: Arc::new(Semaphore::new(parts.questions_max)),
        named_questions: Arc::default(),
        metrics: Metrics::new(Arc::clone(&routes)),
        body_bytes: AtomicUsize::new(0),
        connections: AtomicUsize::new(0),
        is_stopping: AtomicBool::new(false),
        openapi: document,
        settings,
    });
    let recorder = Arc::clone(&shared.recorder);
    parts.erasures.also_forget(Box::new(move |environment, erasure| recorder.forget(environment, erasure)));
    let edge = || Arc::new(Edge::new(parts.clone(), Arc::clone(&shared)));
    let count = shared.settings.threads() as u64;
    let seed = |number: u64| parts.request_seed ^ number << 48;
    let services = (0..count).map(|number| {
        let edge = edge();
        let router = router::router(Arc::clone(&edge), metrics_listener.is_none());
        Arc::new(Service::new(edge, router, Arc::clone(&routes), seed(number)))
    });
    let services = services.collect();
    let metrics = metrics_listener.map(|listener| {
        let edge = edge();
        let router = router::metrics_router(Arc::clone(&edge));
        (listener, Arc::new(Service::new(edge, router, Arc::clone(&routes), seed(count))))
    });
    server::start(listener, metrics, services, &shared)
}
