//! A call as it will be sent, and the answer that is expected.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use crate::calendar::Moment;

/// What the server should answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Success. When the same story is told again, also as a repetition.
    Accepted,
    /// Success as a repetition: `Muster-Duplicate: true`.
    Duplicate,
    /// This status, and this code for the first problem.
    Refused(u16, &'static str),
}

/// The methods of write calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// `POST`
    Post,
    /// `DELETE`
    Delete,
}

/// One call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// When it happens in the story. Calls are sent in this order.
    pub at: Moment,
    /// Calls of one lane are sent one after the other: everything that concerns one person or one company.
    pub lane: usize,
    /// Method.
    pub method: Method,
    /// Path.
    pub path: Cow<'static, str>,
    /// The bytes of the body.
    pub body: Vec<u8>,
    /// Header `Idempotency-Key`.
    pub idempotency_key: Option<String>,
    /// Sent with the environment's key, or with one that was never made?
    pub key_is_known: bool,
    /// The answer.
    pub expected: Expected,
}

impl Call {
    /// A body as it is.
    pub fn post(at: Moment, lane: usize, path: &'static str, body: Vec<u8>) -> Self {
        Self {
            at,
            lane,
            method: Method::Post,
            path: Cow::Borrowed(path),
            body,
            idempotency_key: None,
            key_is_known: true,
            expected: Expected::Accepted,
        }
    }

    /// `POST /v1/identify`, with the company named when there is one.
    pub fn identify(at: Moment, lane: usize, user: &Value, metadata: Value, company: Option<&str>) -> Self {
        let mut body = json!({"user_id": user, "metadata": metadata, "occurred_at": at.text()});
        if let Some(company) = company {
            body["company"] = json!({"company_id": company});
        }
        Self::post(at, lane, "/v1/identify", body.to_string().into_bytes())
    }

    /// `POST /v1/companies/identify`
    pub fn identify_company(at: Moment, lane: usize, company: &str, metadata: Value) -> Self {
        let body = json!({"company_id": company, "metadata": metadata, "occurred_at": at.text()});
        Self::post(at, lane, "/v1/companies/identify", body.to_string().into_bytes())
    }

    /// `POST /v1/track`
    pub fn track(
        at: Moment,
        lane: usize,
        user: &Value,
        company: &str,
        event: &str,
        metadata: Map<String, Value>,
    ) -> Self {
        Self::post(
            at,
            lane,
            "/v1/track",
            track_body(at, user, company, event, metadata).to_string().into_bytes(),
        )
    }

    /// `POST /v1/track` of an event with an id of its own.
    pub fn track_once(
        at: Moment,
        lane: usize,
        user: &Value,
        company: &str,
        event: (&str, String),
        metadata: Map<String, Value>,
    ) -> Self {
        let mut body = track_body(at, user, company, event.0, metadata);
        body["event_id"] = json!(event.1);
        Self::post(at, lane, "/v1/track", body.to_string().into_bytes())
    }

    /// `DELETE /v1/users/{id}/company`; the id must need no encoding.
    pub fn leave_company(at: Moment, lane: usize, user: &str) -> Self {
        let path = Cow::Owned(format!("/v1/users/{user}/company"));
        Self { method: Method::Delete, path, ..Self::post(at, lane, "", Vec::new()) }
    }

    /// The same call with another answer.
    pub fn expecting(self, expected: Expected) -> Self {
        Self { expected, ..self }
    }
}

fn track_body(at: Moment, user: &Value, company: &str, event: &str, metadata: Map<String, Value>) -> Value {
    json!({
        "user_id": user, "event_name": event, "metadata": metadata, "company_id": company, "occurred_at": at.text(),
    })
}

/// The properties of an event.
pub fn properties<const N: usize>(of: [(&str, Value); N]) -> Map<String, Value> {
    of.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
