//! `GET /v1/environments/{id}/live`: calls as they arrive, as server-sent events.
//!
//! A stream holds no calls: ten times a second it looks at the shelves and sends what is new in one piece. A reader that
//! takes its time is looked for less often, and when calls have gone meanwhile it is told how many; so nothing grows with
//! a slow reader, and a call never waits for one. This file owns time; its clock is tokio's.

use std::convert::Infallible;
use std::io::Write;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::HeaderName;
use axum::response::Response;
use http_body::Frame;
use serde::Serialize;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};
use utoipa::ToSchema;
use utoipa::openapi::{RefOr, Schema};

use muster_kernel::model::problem::{Problem, ProblemCode};

use super::super::answer;
use super::super::edge::Edge;
use super::super::error::Refused;
use super::super::openapi::SessionProblems;
use super::super::read::{Head, Query};
use super::super::signed_in::{InEnvironment, SignedIn, Viewers};
use super::super::tally::Sums;
use super::calls::sequence;
use super::filter::{Filter, FilterParameters};
use super::recorder::{Cursor, OpenStream, STREAMS_MAX, Scope};
use super::render::CallBody;

/// How often a stream looks at the shelves.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Calls sent after one look; more wait for the next one.
const CALLS_PER_LOOK_MAX: usize = 100;
/// How often a stream says how many calls there are; a reader that hears nothing for longer has lost it.
const RATE_EVERY: Duration = Duration::from_secs(1);
/// What a stream begins with: after how many milliseconds a browser tries again.
const GREETING: &[u8] = b"retry: 1000\n\n";
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// How many calls came in during the last second; the event `rate`.
#[derive(Serialize, ToSchema)]
#[schema(as = LiveRate)]
pub(in crate::http) struct Rate {
    /// When it was counted.
    #[schema(value_type = answer::Instant)]
    at: answer::Instant,
    /// Writes taken each second, repetitions counted.
    accepted_per_s: u64,
    /// Writes of known keys refused each second.
    refused_per_s: u64,
}

/// Calls that the stream does not show; the event `skipped`.
#[derive(Serialize, ToSchema)]
#[schema(as = LiveSkipped)]
pub(in crate::http) struct Skipped {
    /// How many: not recorded because too many came at once, or gone before the reader came to them.
    count: u64,
}

/// Watch calls arrive.
///
/// Server-sent events: `call` with a `Call` and its sequence as the event's id, `rate` each second with a `LiveRate`,
/// `skipped` with a `LiveSkipped`. The filters hold for the events `call` only.
#[utoipa::path(
    get,
    path = "/v1/environments/{id}/live",
    operation_id = "watch_calls",
    tag = "Live",
    params(
        ("id" = u32, Path, description = "The environment's number"),
        FilterParameters,
        ("after" = Option<u64>, Query, description = "Begin behind the call with this sequence, with calls that are kept; from now on when absent"),
        ("Last-Event-ID" = Option<u64>, Header, description = "The same, as a browser sends it when it connects again; counts before `after`"),
    ),
    responses(
        (status = 200, description = "A stream without end", body = String, content_type = "text/event-stream"),
        (status = 503, description = "All streams are taken; try again after `Retry-After` seconds", body = super::super::error::Envelope<'static>),
        SessionProblems,
    ),
    security(("session" = [])),
)]
pub(in crate::http) async fn watch(
    State(edge): State<Arc<Edge>>,
    at_work: InEnvironment<Viewers>,
    head: Head,
) -> Result<Response, Refused> {
    let query = Query::of(&head);
    let filter = Filter::of(&query)?;
    let resumed = head.headers.get(LAST_EVENT_ID).and_then(|value| value.to_str().ok()?.parse().ok());
    let after = match resumed {
        Some(sequence) => Some(sequence),
        None => sequence(&query, "after")?,
    };
    let place = edge.shared.recorder.enter().ok_or_else(|| {
        let message = format!("{STREAMS_MAX} streams are open already; close one, then try again.");
        Problem::of_call(ProblemCode::StreamsExhausted, message)
    })?;
    Ok(answer::stream(Body::new(Stream::new(edge, at_work, filter, after, place))))
}

/// The body of the answer.
struct Stream {
    edge: Arc<Edge>,
    /// Who watches: the stream ends with the session.
    member: SignedIn<Viewers>,
    scope: Scope,
    filter: Filter,
    cursor: Cursor,
    looks: Interval,
    greeting: Option<&'static [u8]>,
    /// When the numbers were last told, and what they were.
    told: (Instant, Sums),
    /// Calls not recorded that were told already.
    skipped: u64,
    /// Given back when the stream ends, however it does.
    _place: OpenStream,
}

impl Stream {
    fn new(
        edge: Arc<Edge>,
        at_work: InEnvironment<Viewers>,
        filter: Filter,
        after: Option<u64>,
        place: OpenStream,
    ) -> Self {
        let scope = super::scope(&at_work);
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Stream {
            member: at_work.member,
            scope,
            filter,
            cursor: edge.shared.recorder.begin(scope, after),
            looks,
            greeting: Some(GREETING),
            told: (Instant::now(), edge.shared.tally.sums(scope.environment)),
            skipped: super::skipped(&edge, scope),
            edge,
            _place: place,
        }
    }

    /// What is new, as events; nothing when the stream is over.
    fn look(&mut self) -> Option<Vec<u8>> {
        if !self.edge.shared.is_open() {
            return None;
        }
        let mut out = self.greeting.take().unwrap_or_default().to_vec();
        let look =
            self.edge.shared.recorder.look(self.scope, &self.filter, &mut self.cursor, CALLS_PER_LOOK_MAX);
        let mut skipped = look.missed;
        if !look.calls.is_empty() {
            let catalog = self.edge.parts.catalog.state();
            for call in &look.calls {
                put(&mut out, Some(call.sequence), "call", &CallBody::new(call, &catalog));
            }
        }
        if self.told.0.elapsed() >= RATE_EVERY {
            if !self.member.holds(&self.edge) {
                return None;
            }
            put(&mut out, None, "rate", &self.rate());
            let all = super::skipped(&self.edge, self.scope);
            skipped += all - std::mem::replace(&mut self.skipped, all);
        }
        if skipped > 0 {
            put(&mut out, None, "skipped", &Skipped { count: skipped });
        }
        Some(out)
    }

    fn rate(&mut self) -> Rate {
        let now = (Instant::now(), self.edge.shared.tally.sums(self.scope.environment));
        let before = std::mem::replace(&mut self.told, now);
        let took_ms = u64::try_from((now.0 - before.0).as_millis()).unwrap_or(u64::MAX).max(1);
        let per_s = |count: fn(Sums) -> u64| {
            let more = count(now.1).saturating_sub(count(before.1));
            (more * 1000 + took_ms / 2) / took_ms
        };
        Rate {
            at: answer::Instant(self.edge.parts.clock.now()),
            accepted_per_s: per_s(Sums::accepted),
            refused_per_s: per_s(Sums::refused),
        }
    }
}

/// Appends an event. JSON has no line breaks of its own.
fn put(out: &mut Vec<u8>, id: Option<u64>, event: &str, data: &impl Serialize) {
    // Writing to memory cannot fail, and what is written here is always JSON.
    if let Some(id) = id {
        let _ = writeln!(out, "id: {id}");
    }
    let _ = write!(out, "event: {event}\ndata: ");
    let _ = serde_json::to_writer(&mut *out, data);
    out.extend_from_slice(b"\n\n");
}

/// What the events hold: no answer names it, so that the document does.
pub(in crate::http) fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
    // Imported for the whole file it would make what the macros write elsewhere in it "unnecessarily qualified".
    use utoipa::PartialSchema as _;
    schemas.push((Rate::name().into_owned(), Rate::schema()));
    schemas.push((Skipped::name().into_owned(), Skipped::schema()));
    Rate::schemas(schemas);
}

impl http_body::Body for Stream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        loop {
            ready!(self.looks.poll_tick(context));
            match self.look() {
                None => return Poll::Ready(None),
                Some(events) if events.is_empty() => {}
                Some(events) => return Poll::Ready(Some(Ok(Frame::data(Bytes::from(events))))),
            }
        }
    }
}
