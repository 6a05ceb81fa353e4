//! The console: a page and its files, carried inside the program, and nothing else.
//!
//! Every path that belongs to no API and that a browser asks for is the page: its own router shows what the path means.
//! The page may load only what comes from here, and may be framed by nobody. Files have their content's hash in their
//! names, so they never change and are kept for good; the page names them and is never kept. Nothing is compressed here:
//! the console's build did that.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use axum::response::{IntoResponse, Response};

use super::edge::Edge;
use super::error::{NOT_FOUND, OK};
use super::router;

include!(concat!(env!("OUT_DIR"), "/console.rs"));

/// A file of the console.
pub(super) struct Asset {
    name: &'static str,
    plain: &'static [u8],
    brotli: Option<&'static [u8]>,
    gzip: Option<&'static [u8]>,
}

const ASSETS_PATH: &str = "/assets/";
/// What belongs to programs: an unknown path below these is their mistake, and they get JSON.
const API_PATHS: [&str; 6] = ["/v1", "/api", "/healthz", "/metrics", "/version", "/openapi.json"];

const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
);
const NEVER_KEPT: HeaderValue = HeaderValue::from_static("no-store");
const KEPT_FOR_GOOD: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

const NOT_BUILT: &[u8] = b"<!doctype html><meta charset=\"utf-8\"><title>Muster</title>\
    <p>This server was built without its console: <code>make build</code> makes it.</p>\n";

/// Whatever no route of the API answers.
pub(super) async fn get(State(edge): State<Arc<Edge>>, request: Request<Body>) -> Response {
    let path = request.uri().path();
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    if is_read && let Some(name) = path.strip_prefix(ASSETS_PATH) {
        return match ASSETS.iter().find(|asset| asset.name == name) {
            Some(asset) => file(asset, request.headers()),
            None => no_such_route(edge, request).await,
        };
    }
    if is_read && is_page(path, request.headers()) { page() } else { no_such_route(edge, request).await }
}

async fn no_such_route(edge: Arc<Edge>, request: Request<Body>) -> Response {
    router::no_such_route(State(edge), request.into_parts().0.headers).await.into_response()
}

/// Whether a path is one of the console's. An id may hold anything, a point too, so the path alone cannot say it: what
/// asks for HTML is a browser, and it is shown the page.
fn is_page(path: &str, headers: &HeaderMap) -> bool {
    let is_below =
        |api: &str| path.strip_prefix(api).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if API_PATHS.into_iter().any(is_below) {
        return false;
    }
    let wants_html = || {
        let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
        accepted.into_iter().any(|value| value.contains("text/html"))
    };
    path == "/" || wants_html()
}

fn page() -> Response {
    let (status, body) = match INDEX {
        Some(index) => (OK, index),
        None => (NOT_FOUND, NOT_BUILT),
    };
    let headers = [(CONTENT_TYPE, HTML), (CACHE_CONTROL, NEVER_KEPT), (CONTENT_SECURITY_POLICY, POLICY)];
    (status, headers, guards(), body).into_response()
}

fn file(asset: &Asset, headers: &HeaderMap) -> Response {
    let (body, encoding) = match (asset.brotli, asset.gzip) {
        (Some(brotli), _) if takes(headers, "br") => (brotli, Some("br")),
        (_, Some(gzip)) if takes(headers, "gzip") => (gzip, Some("gzip")),
        _ => (asset.plain, None),
    };
    let kept = [
        (CONTENT_TYPE, content_type(asset.name)),
        (CACHE_CONTROL, KEPT_FOR_GOOD),
        (VARY, HeaderValue::from_static("accept-encoding")),
    ];
    let mut response = (OK, kept, guards(), body).into_response();
    if let Some(encoding) = encoding {
        response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    response
}

/// What stands on every answer of the console.
fn guards() -> [(HeaderName, HeaderValue); 2] {
    [
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ]
}

/// Whether the caller takes an encoding: it is named, and not with the weight 0.
fn takes(headers: &HeaderMap, wanted: &str) -> bool {
    let values = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|part| {
        let (name, weight) = part.split_once(';').unwrap_or((part, ""));
        let refused = weight.trim().strip_prefix("q=").and_then(|q| q.trim().parse::<f32>().ok());
        name.trim().eq_ignore_ascii_case(wanted) && refused != Some(0.0)
    })
}

fn content_type(name: &str) -> HeaderValue {
    let ending = name.rsplit('.').next().unwrap_or_default();
    HeaderValue::from_static(match ending {
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "webp" => "image/webp",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepting(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn a_browser_is_shown_the_page_wherever_the_api_is_not() {
        let browser = accepting(ACCEPT, "text/html,application/xhtml+xml,*/*;q=0.8");
        for path in ["/", "/users/u-7", "/users/ada@example.com", "/v10", "/welcome"] {
            assert!(is_page(path, &browser), "{path}");
        }
        for path in ["/v1", "/v1/nothing", "/api/v1/x", "/metrics", "/openapi.json"] {
            assert!(!is_page(path, &browser), "{path}");
        }
    }

    #[test]
    fn a_program_is_shown_the_page_only_at_the_root() {
        let program = accepting(ACCEPT, "*/*");
        assert!(is_page("/", &program));
        assert!(!is_page("/users", &program));
        assert!(!is_page("/users", &HeaderMap::new()));
    }

    #[test]
    fn an_encoding_counts_when_it_is_named_with_some_weight() {
        let browser = accepting(ACCEPT_ENCODING, "gzip, deflate, br;q=0.9");
        assert!(takes(&browser, "br") && takes(&browser, "gzip"));
        let picky = accepting(ACCEPT_ENCODING, "gzip;q=0, br ; q=0.000, identity");
        assert!(!takes(&picky, "gzip") && !takes(&picky, "br"));
        assert!(!takes(&HeaderMap::new(), "gzip"));
    }
}
