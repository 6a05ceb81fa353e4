//! Versions of what is saved: told as `ETag`, and named in `If-Match` by a change of what was seen.

use axum::http::header::{ETAG, IF_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use serde::Serialize;

use super::acts;
use super::error::Refused;

/// The version that a change is of.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "describes what `version_of` reads")]
pub(super) struct VersionHeader {
    /// The `ETag` that the caller saw: when it is another one by now, nothing is changed.
    #[param(rename = "If-Match")]
    if_match: Option<String>,
}

/// The version that `If-Match` names. One that cannot be named by us is 0, which nothing has.
pub(super) fn version_of(headers: &HeaderMap) -> Option<u32> {
    let text = headers.get(IF_MATCH)?.to_str().unwrap_or_default().trim();
    if text == "*" {
        return None;
    }
    let text = text.strip_prefix("W/").unwrap_or(text);
    Some(text.trim_matches('"').parse().unwrap_or(0))
}

/// An answer that nobody keeps, with its version.
///
/// # Errors
/// When it cannot be written as JSON, which is a defect.
pub(super) fn answer(status: StatusCode, body: &impl Serialize, version: u32) -> Result<Response, Refused> {
    let mut response = acts::answer(status, body)?;
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{version}\"")) {
        response.headers_mut().insert(ETAG, tag);
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_from_if_match_and_what_is_none_matches_nothing() {
        let version = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(IF_MATCH, HeaderValue::from_str(text).unwrap());
            version_of(&headers)
        };
        let read = ["\"3\"", "3", "W/\"3\"", "*", "\"x\"", ""].map(version);
        assert_eq!(read, [Some(3), Some(3), Some(3), None, Some(0), Some(0)]);
        assert_eq!(version_of(&HeaderMap::new()), None);
    }
}
