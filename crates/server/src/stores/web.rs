//! The calls that object_store makes, carried out by the HTTP client that this program has anyway. They block: nothing else runs
//! on the thread that writes a day.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::time::Duration;

use http_body::Body as _;

use object_store::client::{
    ClientOptions, HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody,
    HttpResponse, HttpResponseBody, HttpService,
};
use ureq::Agent;

use crate::client;

/// How long a body may take: a part of a file has 8 MiB at most. Whoever stops the server waits as long.
const BODY_PATIENCE: Duration = Duration::from_secs(120);
/// Longest answer that is read: a manifest, or a sentence about an error.
const ANSWER_BYTES_MAX: u64 = 16 << 20;

/// Makes clients, and is one.
#[derive(Clone, Debug)]
pub(super) struct Web(Agent);

impl Web {
    pub(super) fn new() -> Web {
        Web(client::agent_with_patience(Some(BODY_PATIENCE)))
    }
}

impl HttpConnector for Web {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

impl HttpService for Web {
    fn call<'s, 'f>(
        &'s self,
        request: HttpRequest,
    ) -> Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'f>>
    where
        's: 'f,
        Self: 'f,
    {
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let body = gathered(body).await?;
            let outcome = match body.is_empty() && !matches!(head.method.as_str(), "POST" | "PUT") {
                true => self.0.run(ureq::http::Request::from_parts(head, ())),
                false => self.0.run(ureq::http::Request::from_parts(head, body)),
            };
            let (head, body) = outcome.map_err(failed)?.into_parts();
            let bytes = body.into_with_config().limit(ANSWER_BYTES_MAX).read_to_vec().map_err(failed)?;
            Ok(HttpResponse::from_parts(head, HttpResponseBody::from(bytes)))
        })
    }
}

/// The bytes of a body, which are all there already.
async fn gathered(body: HttpRequestBody) -> Result<Vec<u8>, HttpError> {
    let mut body = pin!(body);
    let mut bytes = Vec::with_capacity(body.content_length());
    while let Some(frame) = poll_fn(|context| body.as_mut().poll_frame(context)).await {
        if let Ok(data) = frame?.into_data() {
            bytes.extend_from_slice(&data);
        }
    }
    Ok(bytes)
}

/// What may work when it is tried again is told from what may not.
fn failed(error: ureq::Error) -> HttpError {
    let kind = match &error {
        ureq::Error::ConnectionFailed | ureq::Error::HostNotFound => HttpErrorKind::Connect,
        ureq::Error::Timeout(_) => HttpErrorKind::Timeout,
        ureq::Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => HttpErrorKind::Connect,
        ureq::Error::Io(_) => HttpErrorKind::Interrupted,
        _ => HttpErrorKind::Unknown,
    };
    HttpError::new(kind, error)
}
