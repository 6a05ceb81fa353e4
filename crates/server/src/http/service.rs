//! The one layer around every call: the request's id, a final slash, the panic barrier, metrics, the answer to a refused
//! call and its line in the log.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Instant;

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::http::uri::{PathAndQuery, Uri};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use tower_service::Service as _;

use super::acts::{self, Peer};
use super::edge::Edge;
use super::error::{self, Refused};
use super::live::{self, Outside, Sketch};
use super::metrics::Routes;
use super::unread;

pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const REQUEST_ID_CHARS_MAX: usize = 64;
const MADE_ID_CHARS: usize = 20;

/// One edge thread's service.
pub(super) struct Service {
    edge: Arc<Edge>,
    router: Router,
    routes: Arc<Routes>,
    ids: RequestIds,
}

impl Service {
    /// `seed` must differ between the services of a process.
    pub(super) fn new(edge: Arc<Edge>, router: Router, routes: Arc<Routes>, seed: u64) -> Self {
        Service { edge, router, routes, ids: RequestIds::new(seed) }
    }

    /// Whether the server answers what is in flight and nothing else.
    pub(super) fn is_stopping(&self) -> bool {
        !self.edge.shared.is_open()
    }

    /// What runs beside the connections of the service's thread, without end.
    pub(super) async fn keep(self: Arc<Self>) {
        Arc::clone(&self.edge.bells).keep().await;
    }

    /// The answer in place of one that the HTTP library has written by itself; `None` when `written` is one of ours.
    pub(super) fn in_place_of(&self, written: &[u8]) -> Option<Vec<u8>> {
        let refused = unread::refusal(written)?;
        let request_id = self.ids.make();
        let mut response = Response::new(Body::empty());
        let body = refused.render(&request_id, false, &mut response);
        self.edge.shard.problem(refused.code());
        let (code, status) = (refused.code().as_str(), response.status().as_u16());
        let request_id_text = request_id.to_str().unwrap_or_default();
        tracing::info!(code, status, request_id = request_id_text, "refused");
        response.headers_mut().insert(REQUEST_ID, request_id);
        Some(unread::written(&response, &body))
    }

    /// Answers a call, whatever happens in its handler.
    pub(super) async fn answer(&self, request: Request<Body>, peer: Option<IpAddr>) -> Response {
        let began = now();
        let (mut head, body) = request.into_parts();
        if let Some(uri) = without_final_slash(&head.uri) {
            head.uri = uri;
        }
        if let Some(uri) = under_its_own_name(&head.uri) {
            head.uri = uri;
        }
        let route = self.routes.find(head.uri.path());
        if acts::counts_attempts(head.uri.path()) {
            head.extensions.insert(Peer(peer));
        }
        let request_id = self.ids.of(&head.headers);
        let as_problem = error::wants_problem_document(&head.headers);
        let (method, uri) = (head.method.clone(), head.uri.clone());
        let in_flight = self.edge.shard.enter();
        let mut router = self.router.clone();
        let outcome = caught(async move { router.call(Request::from_parts(head, body)).await }).await;
        let mut response = outcome.unwrap_or_else(|Panicked| {
            let refused = Refused::internal("a handler panicked");
            refused.into_response()
        });
        if !response.extensions().is_empty() {
            let template = self.routes.template(route);
            let outside = |status: StatusCode| Outside {
                request_id: request_id.clone(),
                method: method.clone(),
                path: uri.path().to_owned(),
                route: template.to_owned(),
                status: status.as_u16(),
                duration_us: began.elapsed().as_micros().try_into().unwrap_or(u64::MAX),
            };
            if let Some(refused) = response.extensions_mut().remove::<Refused>() {
                let answer = refused.render(&request_id, as_problem, &mut response);
                self.edge.shard.problem(refused.code());
                let status = response.status();
                log(&refused, &method, template, status.as_u16(), &request_id);
                live::note_refused(&self.edge, &refused, &answer, || outside(status));
            } else if let Some(sketch) = response.extensions_mut().remove::<Sketch>() {
                self.edge.shared.recorder.keep(outside(response.status()), sketch);
            }
        }
        response.headers_mut().insert(REQUEST_ID, request_id);
        let bytes = response.body().size_hint().exact().unwrap_or_default();
        in_flight.leave(route, response.status().as_u16(), began.elapsed(), bytes);
        response
    }
}

/// One line for each refused call. Neither a key nor a value nor an id ever stands in it, so no path and no query.
fn log(refused: &Refused, method: &Method, template: &str, status: u16, request_id: &HeaderValue) {
    let code = refused.code().as_str();
    let (method, request_id) = (method.as_str(), request_id.to_str().unwrap_or_default());
    let key = refused.key().map(|key| key.0);
    match refused.inside() {
        Some(inside) => {
            tracing::error!(code, status, method, path = template, request_id, key, inside, "refused");
        }
        None if status >= 500 => {
            tracing::warn!(code, status, method, path = template, request_id, key, "refused");
        }
        None => tracing::info!(code, status, method, path = template, request_id, key, "refused"),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "durations for the metrics need the monotonic clock, which is no port"
)]
fn now() -> Instant {
    Instant::now()
}

/// What is left of a call that panicked; the panic itself was reported by the process's hook.
struct Panicked;

/// The barrier: a panic ends its call and nothing else. Handlers share nothing that a panic could leave half done: what
/// they lock recovers from poison, and a draft is cleared before each use.
async fn caught(call: impl Future<Output = Result<Response, Infallible>>) -> Result<Response, Panicked> {
    let mut call = pin!(call);
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(context))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(Ok(response))) => Poll::Ready(Ok(response)),
        Ok(Poll::Ready(Err(never))) => match never {},
        Err(_panic) => Poll::Ready(Err(Panicked)),
    })
    .await
}

/// The same URI without the slash at the end of its path, when there is one to take away.
fn without_final_slash(uri: &Uri) -> Option<Uri> {
    let shorter = uri.path().strip_suffix('/').filter(|rest| !rest.is_empty())?;
    let text = match uri.query() {
        Some(query) => format!("{shorter}?{query}"),
        None => shorter.to_owned(),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(text).ok()?);
    Uri::from_parts(parts).ok()
}

/// What `/v1/analytics/…` is another name for (decisions.md, row "hosts").
fn under_its_own_name(uri: &Uri) -> Option<Uri> {
    let path = uri.path();
    if !path.starts_with("/v1/analytics/") {
        return None;
    }
    let text = match uri.query() {
        Some(query) => format!("/api{path}?{query}"),
        None => format!("/api{path}"),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(text).ok()?);
    Uri::from_parts(parts).ok()
}

/// Gives ids to requests that bring none.
struct RequestIds {
    seed: u64,
    count: AtomicU64,
}

impl RequestIds {
    fn new(seed: u64) -> Self {
        RequestIds { seed, count: AtomicU64::new(0) }
    }

    /// The caller's own id when it is short and plain, else a new one.
    fn of(&self, headers: &HeaderMap) -> HeaderValue {
        let plain = |value: &&HeaderValue| {
            let bytes = value.as_bytes();
            (1..=REQUEST_ID_CHARS_MAX).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic)
        };
        headers.get(REQUEST_ID).filter(plain).cloned().unwrap_or_else(|| self.make())
    }

    /// 20 characters: 36 bits that tell services apart, 64 that never repeat within one.
    fn make(&self) -> HeaderValue {
        const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let mut bits = (u128::from(mixed(self.seed)) << 64) | u128::from(mixed(self.seed ^ count));
        let mut text = [0; MADE_ID_CHARS];
        for letter in &mut text {
            *letter = LETTERS[(bits & 31) as usize];
            bits >>= 5;
        }
        HeaderValue::from_bytes(&text).unwrap_or(HeaderValue::from_static("unknown"))
    }
}

/// The finaliser of SplitMix64: one to one, so that different numbers stay different.
fn mixed(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_final_slash_goes_and_the_query_stays() {
        let read = |text: &str| without_final_slash(&text.parse().unwrap()).map(|uri| uri.to_string());
        assert_eq!(read("/v1/users/?q=a/"), Some("/v1/users?q=a/".to_owned()));
        assert_eq!(read("/v1/users/"), Some("/v1/users".to_owned()));
        assert_eq!(
            read("http://muster.example/v1/users/"),
            Some("http://muster.example/v1/users".to_owned())
        );
        for kept in ["/", "/v1/users", "/v1/users?q=/"] {
            assert_eq!(read(kept), None, "{kept}");
        }
    }

    #[test]
    fn the_short_name_of_exports_stands_for_the_long_one() {
        let read = |text: &str| under_its_own_name(&text.parse().unwrap()).map(|uri| uri.to_string());
        let long = "/api/v1/analytics/exports/jobs?a=b".to_owned();
        assert_eq!(read("/v1/analytics/exports/jobs?a=b"), Some(long));
        for kept in ["/v1/analytics", "/v1/users", "/api/v1/analytics/exports"] {
            assert_eq!(read(kept), None, "{kept}");
        }
    }

    #[test]
    fn made_ids_are_twenty_characters_and_never_repeat() {
        let (one, two) = (RequestIds::new(1), RequestIds::new(2));
        let made = (0..1000).flat_map(|_| [one.make(), two.make()]);
        let ids: std::collections::HashSet<String> = made.map(|id| id.to_str().unwrap().to_owned()).collect();
        assert_eq!(ids.len(), 2000);
        assert!(ids.iter().all(|id| id.len() == MADE_ID_CHARS));
    }

    #[test]
    fn a_callers_id_is_taken_when_it_is_short_and_plain() {
        let ids = RequestIds::new(1);
        let of = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, HeaderValue::from_str(text).unwrap());
            ids.of(&headers).to_str().unwrap().to_owned()
        };
        assert_eq!(of("abc-123"), "abc-123");
        assert_eq!(of(&"x".repeat(64)), "x".repeat(64));
        for other in ["", "a b", &"x".repeat(65)] {
            assert_eq!(of(other).len(), MADE_ID_CHARS, "{other}");
        }
    }
}
