//! Counters of the edge, and `GET /metrics` in Prometheus' text format (version 0.0.4).
//!
//! Hand-made: each edge thread adds to numbers of its own without a locked instruction, and a scrape sums them. Labels
//! are path templates, statuses, problem codes and environments' numbers; never an id and never a value.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use muster_kernel::model::catalog::CatalogState;
use muster_kernel::model::history::Standing;
use muster_kernel::model::problem::ProblemCode;

use super::edge::Edge;
use super::tally::{add, bump};

/// Upper ends of the histogram's buckets, in microseconds; one more bucket takes the rest.
const BUCKETS_US: [u64; 12] =
    [250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000, 5_000_000];
/// Every status that an answer can have; one more place takes the rest.
const STATUSES: [u16; 17] =
    [200, 201, 202, 204, 400, 401, 403, 404, 405, 408, 409, 410, 413, 415, 429, 500, 503];

/// The path templates of a router, from its OpenAPI document.
pub(super) struct Routes {
    templates: Vec<String>,
    by_path: matchit::Router<usize>,
}

impl Routes {
    /// # Errors
    /// When two templates contradict each other, which the router itself would not take either.
    pub(super) fn new(templates: Vec<String>) -> Result<Self, matchit::InsertError> {
        let mut by_path = matchit::Router::new();
        for (index, template) in templates.iter().enumerate() {
            by_path.insert(template, index)?;
        }
        Ok(Routes { templates, by_path })
    }

    /// The number of the template that a path fits; one past the last for none.
    pub(super) fn find(&self, path: &str) -> usize {
        self.by_path.at(path).map_or(self.templates.len(), |found| *found.value)
    }

    pub(super) fn template(&self, index: usize) -> &str {
        self.templates.get(index).map_or("unknown", String::as_str)
    }
}

/// The numbers of all edge threads.
pub(super) struct Metrics {
    routes: Arc<Routes>,
    shards: Mutex<Vec<Arc<Shard>>>,
    /// Connections that got 503 because there were too many.
    pub connections_refused: AtomicU64,
}

/// One edge thread's numbers. Only that thread adds to them.
pub(super) struct Shard {
    routes: Vec<RouteNumbers>,
    entered: AtomicU64,
    left: AtomicU64,
    problems: Vec<AtomicU64>,
    /// Bytes of request bodies as they came.
    pub bytes_in: AtomicU64,
    bytes_out: AtomicU64,
}

#[derive(Default)]
struct RouteNumbers {
    by_status: [AtomicU64; STATUSES.len() + 1],
    by_duration: [AtomicU64; BUCKETS_US.len() + 1],
    duration_us: AtomicU64,
}

impl Shard {
    fn new(routes: usize) -> Self {
        Shard {
            routes: std::iter::repeat_with(RouteNumbers::default).take(routes + 1).collect(),
            entered: AtomicU64::new(0),
            left: AtomicU64::new(0),
            problems: std::iter::repeat_with(AtomicU64::default).take(ProblemCode::ALL.len()).collect(),
            bytes_in: AtomicU64::new(0),
            bytes_out: AtomicU64::new(0),
        }
    }

    /// A call came in.
    pub(super) fn enter(&self) -> InFlight<'_> {
        bump(&self.entered);
        InFlight(self)
    }

    /// A call was refused.
    pub(super) fn problem(&self, code: ProblemCode) {
        bump(&self.problems[code as usize]);
    }
}

/// A call that has not been answered yet.
pub(super) struct InFlight<'a>(&'a Shard);

impl InFlight<'_> {
    /// The call was answered.
    pub(super) fn leave(self, route: usize, status: u16, took: Duration, bytes: u64) {
        let numbers = &self.0.routes[route];
        let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let status = STATUSES.iter().position(|known| *known == status).unwrap_or(STATUSES.len());
        bump(&numbers.by_status[status]);
        bump(&numbers.by_duration[BUCKETS_US.partition_point(|end| *end < took_us)]);
        add(&numbers.duration_us, took_us);
        add(&self.0.bytes_out, bytes);
    }
}

/// Also when the caller hung up before the answer.
impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        bump(&self.0.left);
    }
}

impl Metrics {
    pub(super) fn new(routes: Arc<Routes>) -> Self {
        Metrics { routes, shards: Mutex::default(), connections_refused: AtomicU64::new(0) }
    }

    /// Numbers for the calling thread.
    pub(super) fn join(&self) -> Arc<Shard> {
        let shard = Arc::new(Shard::new(self.routes.templates.len()));
        self.shards.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&shard));
        shard
    }

    fn render(&self, out: &mut Page) {
        let shards = self.shards.lock().unwrap_or_else(PoisonError::into_inner);
        let sum = |number: &dyn Fn(&Shard) -> &AtomicU64| -> u64 {
            shards.iter().map(|shard| number(shard).load(Ordering::Acquire)).sum()
        };
        out.family("muster_http_requests_total", "counter", "Answered calls.");
        for (route, template) in self.named_routes() {
            for (place, status) in STATUSES.iter().map(u16::to_string).chain(["other".to_owned()]).enumerate()
            {
                let count = sum(&|shard| &shard.routes[route].by_status[place]);
                if count > 0 {
                    out.sample(&format!("{{path=\"{template}\",status=\"{status}\"}}"), count);
                }
            }
        }
        out.family("muster_http_request_duration_seconds", "histogram", "From a call's head to its answer.");
        for (route, template) in self.named_routes() {
            let mut count = 0;
            for place in 0..=BUCKETS_US.len() {
                count += sum(&|shard| &shard.routes[route].by_duration[place]);
                let end = BUCKETS_US.get(place).map_or("+Inf".to_owned(), |end| seconds(*end));
                out.part("_bucket", &format!("{{path=\"{template}\",le=\"{end}\"}}"), count);
            }
            let total = sum(&|shard| &shard.routes[route].duration_us);
            out.part("_sum", &format!("{{path=\"{template}\"}}"), seconds(total));
            out.part("_count", &format!("{{path=\"{template}\"}}"), count);
        }
        let left = sum(&|shard| &shard.left);
        out.single(
            "muster_http_in_flight",
            "gauge",
            "Calls being answered.",
            sum(&|s| &s.entered).saturating_sub(left),
        );
        out.single(
            "muster_http_request_bytes_total",
            "counter",
            "Bytes of bodies received.",
            sum(&|s| &s.bytes_in),
        );
        out.single(
            "muster_http_response_bytes_total",
            "counter",
            "Bytes of bodies answered.",
            sum(&|s| &s.bytes_out),
        );
        out.family("muster_http_problems_total", "counter", "Refused calls, by the first problem's code.");
        for &code in ProblemCode::ALL {
            let count = sum(&|shard| &shard.problems[code as usize]);
            if count > 0 {
                out.sample(&format!("{{code=\"{}\"}}", code.as_str()), count);
            }
        }
        let refused = self.connections_refused.load(Ordering::Relaxed);
        out.single(
            "muster_http_connections_refused_total",
            "counter",
            "Connections over the limit.",
            refused,
        );
    }

    fn named_routes(&self) -> impl Iterator<Item = (usize, &str)> {
        (0..=self.routes.templates.len()).map(|route| (route, self.routes.template(route)))
    }
}

/// Microseconds as seconds, without a rounding that binary fractions would bring.
fn seconds(micros: u64) -> String {
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

/// A page in the text format.
#[derive(Default)]
struct Page {
    text: String,
    name: &'static str,
}

impl Page {
    fn family(&mut self, name: &'static str, kind: &str, help: &str) {
        self.name = name;
        // Writing to a string cannot fail.
        let _ = write!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn sample(&mut self, labels: &str, value: impl std::fmt::Display) {
        self.part("", labels, value);
    }

    fn part(&mut self, suffix: &str, labels: &str, value: impl std::fmt::Display) {
        let _ = writeln!(self.text, "{}{suffix}{labels} {value}", self.name);
    }

    fn single(&mut self, name: &'static str, kind: &str, help: &str, value: u64) {
        self.family(name, kind, help);
        self.sample("", value);
    }
}

/// How the history of each environment is kept.
fn put_history(page: &mut Page, edge: &Edge, state: &CatalogState) {
    let numbers: Vec<_> = state
        .environments
        .iter()
        .filter_map(|environment| Some((environment.id, edge.parts.history.standing(environment.id).ok()?)))
        .collect();
    type Number = fn(&Standing) -> u64;
    let families: [(&'static str, &str, Number); 4] = [
        ("muster_history_segments", "Files of events in columns.", |standing| standing.segments),
        ("muster_history_bytes", "Bytes of history's files.", |standing| standing.bytes),
        ("muster_history_events", "Events in history.", |standing| standing.events),
        ("muster_history_behind", "Positions that the log is ahead of history.", |standing| standing.behind),
    ];
    for (name, help, number) in families {
        page.family(name, "gauge", help);
        for (id, standing) in &numbers {
            page.sample(&format!("{{environment=\"{id}\"}}"), number(standing));
        }
    }
}

/// Counters and gauges for Prometheus.
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "read_metrics",
    tag = "Operation",
    responses((status = 200, description = "Prometheus' text format 0.0.4", body = String, content_type = "text/plain")),
)]
pub(super) async fn read(State(edge): State<Arc<Edge>>) -> Response {
    let mut page = Page::default();
    edge.shared.metrics.render(&mut page);
    let connections = edge.shared.connections.load(Ordering::Relaxed) as u64;
    page.single("muster_http_connections", "gauge", "Open connections.", connections);
    let streams = edge.shared.recorder.streams() as u64;
    page.single("muster_live_streams", "gauge", "Open streams of arriving calls.", streams);
    let state = edge.parts.catalog.state();
    let sums =
        |environment: &muster_kernel::model::catalog::Environment| edge.shared.tally.sums(environment.id);
    page.family("muster_events_stored_total", "counter", "Events stored by calls since the start.");
    for environment in &state.environments {
        page.sample(&format!("{{environment=\"{}\"}}", environment.id), sums(environment).stored);
    }
    page.family(
        "muster_events_duplicate_total",
        "counter",
        "Calls recognised as a repetition since the start.",
    );
    for environment in &state.environments {
        page.sample(&format!("{{environment=\"{}\"}}", environment.id), sums(environment).duplicate);
    }
    page.family("muster_log_visible_position", "gauge", "Up to where the log is durable and visible.");
    for environment in &state.environments {
        if let Ok(position) = edge.parts.log.visible(environment.id) {
            page.sample(&format!("{{environment=\"{}\"}}", environment.id), position.0);
        }
    }
    put_history(&mut page, &edge, &state);
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(CONTENT_TYPE, kind)], page.text).into_response()
}
