//! A client of a running server, for commands: blocking, a call at a time, and what it sends and receives is never held
//! as a whole. It knows the HTTP API and nothing of what stands behind it.

mod form;

use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use ureq::config::Config;
use ureq::http::Response;
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body, SendBody};

use crate::config::ServerAccess;

pub use form::Form;

/// How long a connection may take to open.
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);
/// How long an answer may take to begin, once everything is sent.
const ANSWER_PATIENCE: Duration = Duration::from_secs(120);
/// Longest answer that is read as a whole.
const ANSWER_BYTES_MAX: u64 = 64 << 20;

/// Why a call did not work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientError {
    /// Nobody answered. Nothing is known of the call, unless it was one that only asks.
    Unreachable(String),
    /// The server refused it: the words of its first problem, and the code.
    Refused {
        /// `error_code`; empty when the answer is none of Muster's.
        code: String,
        /// One sentence.
        message: String,
        /// Whether the same call may work a little later.
        may_pass: bool,
    },
    /// What the file or the output of the command did not do.
    Local(String),
}

/// What makes calls, and answers whatever status they have. A file may take as long as it keeps coming.
pub(crate) fn agent() -> Agent {
    agent_with_patience(None)
}

/// The same for small bodies: each is to be sent and received within a time.
pub(crate) fn agent_with_patience(patience: Option<Duration>) -> Agent {
    // Certificates are those that the system trusts: a self-hosted server may have one of the house.
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::PlatformVerifier)
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build();
    let config = Config::builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(None)
        .timeout_connect(Some(CONNECT_PATIENCE))
        .timeout_recv_response(Some(ANSWER_PATIENCE))
        .timeout_send_body(patience)
        .timeout_recv_body(patience)
        .user_agent(concat!("muster/", env!("CARGO_PKG_VERSION")))
        .tls_config(tls)
        .build();
    Agent::new_with_config(config)
}

/// A server.
pub struct Client {
    agent: Agent,
    url: String,
    authorization: String,
}

impl Client {
    /// Of a server that is not spoken to yet.
    pub fn new(access: &ServerAccess) -> Self {
        Client { agent: agent(), url: access.url.clone(), authorization: format!("Token {}", access.key) }
    }

    /// Reads something.
    ///
    /// # Errors
    /// When nobody answers, or the server refuses.
    pub fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        let call = self.agent.get(format!("{}{path}", self.url)).header("Authorization", &self.authorization);
        parsed(call.call())
    }

    /// Ends something.
    ///
    /// # Errors
    /// When nobody answers, or the server refuses.
    pub fn delete<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        let url = format!("{}{path}", self.url);
        parsed(self.agent.delete(url).header("Authorization", &self.authorization).call())
    }

    /// Ends what a body names.
    ///
    /// # Errors
    /// When nobody answers, or the server refuses.
    pub fn delete_named<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        let bytes = serde_json::to_vec(body).map_err(|error| ClientError::Local(error.to_string()))?;
        let call = self
            .agent
            .delete(format!("{}{path}", self.url))
            .header("Authorization", &self.authorization)
            .header("Content-Type", "application/json")
            .force_send_body();
        parsed(call.send(&bytes))
    }

    /// The address of a path.
    pub fn address(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// Makes something of a body.
    ///
    /// # Errors
    /// When nobody answers, or the server refuses.
    pub fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, ClientError> {
        let bytes = serde_json::to_vec(body).map_err(|error| ClientError::Local(error.to_string()))?;
        let call = self
            .agent
            .post(format!("{}{path}", self.url))
            .header("Authorization", &self.authorization)
            .header("Content-Type", "application/json");
        parsed(call.send(&bytes))
    }

    /// Reads a file from `offset` on into `out`, by a link that says by itself who may: no key goes with it. The link's own
    /// host is left for the server that this is a client of, because that is the way that works from here.
    ///
    /// # Errors
    /// When nobody answers, the server refuses or sends something else, or `out` cannot be written.
    pub fn fetch(&self, link: &str, offset: u64, out: &mut dyn Write) -> Result<u64, ClientError> {
        let path = link.split_once("://").and_then(|(_, rest)| rest.find('/').and_then(|at| rest.get(at..)));
        let path = path.ok_or_else(|| foreign(format!("the link is no address: {link}")))?;
        let mut call = self.agent.get(format!("{}{path}", self.url));
        if offset > 0 {
            call = call.header("Range", format!("bytes={offset}-"));
        }
        let response = taken(call.call())?;
        if offset > 0 && response.status().as_u16() != 206 {
            return Err(foreign("the server does not send parts of files".to_owned()));
        }
        received(response, out, "the file")
    }

    /// Reads something into `out` while it arrives; answers how many bytes it was.
    ///
    /// # Errors
    /// When nobody answers, the server refuses, or `out` cannot be written.
    pub fn download(&self, path: &str, out: &mut dyn Write) -> Result<u64, ClientError> {
        let call = self.agent.get(format!("{}{path}", self.url)).header("Authorization", &self.authorization);
        received(taken(call.call())?, out, "the rejected rows")
    }

    /// Sends a file while it is read.
    ///
    /// # Errors
    /// When nobody answers, the server refuses, or the file cannot be read.
    pub fn upload<T: DeserializeOwned>(
        &self,
        path: &str,
        mut form: Form<'_>,
        idempotency_key: Option<&str>,
    ) -> Result<T, ClientError> {
        let mut call = self
            .agent
            .post(format!("{}{path}", self.url))
            .header("Authorization", &self.authorization)
            .header("Content-Type", form.content_type())
            // A refusal comes before the file is sent, not while it is.
            .header("Expect", "100-continue");
        if let Some(key) = idempotency_key {
            call = call.header("Idempotency-Key", key);
        }
        if let Some(length) = form.length() {
            call = call.header("Content-Length", length);
        }
        let outcome = call.send(SendBody::from_reader(&mut form));
        match form.failure() {
            Some(error) => Err(ClientError::Local(format!("the file cannot be read: {error}"))),
            None => parsed(outcome),
        }
    }
}

/// Writes what arrives; answers how many bytes it was.
fn received(response: Response<Body>, out: &mut dyn Write, what: &str) -> Result<u64, ClientError> {
    let mut body = response.into_body().into_reader();
    let mut piece = vec![0; 64 << 10];
    let mut bytes = 0;
    loop {
        let count = body.read(&mut piece).map_err(|error| ClientError::Unreachable(error.to_string()))?;
        if count == 0 {
            break;
        }
        let written = piece.get(..count).map_or(Ok(()), |some| out.write_all(some));
        written.map_err(|error| ClientError::Local(format!("{what} cannot be written: {error}")))?;
        bytes += count as u64;
    }
    out.flush().map_err(|error| ClientError::Local(error.to_string()))?;
    Ok(bytes)
}

/// An answer of success.
fn taken(outcome: Result<Response<Body>, ureq::Error>) -> Result<Response<Body>, ClientError> {
    let response = outcome.map_err(|error| ClientError::Unreachable(error.to_string()))?;
    if response.status().is_success() { Ok(response) } else { Err(refusal(response)) }
}

fn parsed<T: DeserializeOwned>(outcome: Result<Response<Body>, ureq::Error>) -> Result<T, ClientError> {
    let bytes = whole(taken(outcome)?)?;
    serde_json::from_slice(&bytes)
        .map_err(|error| foreign(format!("the answer is not one of Muster's: {error}")))
}

fn whole(response: Response<Body>) -> Result<Vec<u8>, ClientError> {
    let read = response.into_body().into_with_config().limit(ANSWER_BYTES_MAX).read_to_vec();
    read.map_err(|error| ClientError::Unreachable(error.to_string()))
}

/// What the server says of why it refused.
fn refusal(response: Response<Body>) -> ClientError {
    #[derive(Deserialize)]
    struct Envelope {
        errors: Vec<Item>,
    }
    #[derive(Deserialize)]
    struct Item {
        error_code: String,
        message: String,
    }
    let status = response.status();
    let may_pass = status.is_server_error() || status.as_u16() == 429;
    let bytes = whole(response).unwrap_or_default();
    let items = serde_json::from_slice::<Envelope>(&bytes).map_or(Vec::new(), |envelope| envelope.errors);
    match items.into_iter().next() {
        Some(Item { error_code, message }) => ClientError::Refused { code: error_code, message, may_pass },
        None => {
            match foreign(format!("the answer is {status}, and not one of Muster's; check the address")) {
                ClientError::Refused { code, message, .. } => {
                    ClientError::Refused { code, message, may_pass }
                }
                other => other,
            }
        }
    }
}

fn foreign(message: String) -> ClientError {
    ClientError::Refused { code: String::new(), message, may_pass: false }
}
