//! One connection: HTTP/1.1 over a socket, its time-outs, and its end.
//!
//! Every time-out of a connection hangs on one timer that is set again only where something is late: a request whose
//! head and body arrive at once and whose answer is taken touches no timer at all. This file owns time; its deadlines
//! are tokio's.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, Request};
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{Instant, Sleep, sleep_until};

use super::answer::Endless;
use super::service::Service;
use super::settings::HttpSettings;
use super::upload;

/// Bytes of a request's head, and of the buffer through which bodies are read.
const READ_BUFFER_BYTES_MAX: usize = 64 * 1024;
/// How long the rest of a refused body is read and thrown away, so that the caller reads the answer before it sees
/// the connection end.
const LINGER: Duration = Duration::from_secs(1);
/// How many bytes of it.
const LINGER_BYTES_MAX: usize = 16 * 1024 * 1024;
/// How often a quiet connection is looked at within the idle time-out.
const LOOKS: u32 = 4;

/// What a connection is waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Phase {
    /// The rest of a request's head; or, at first, its first byte.
    Head = 0,
    /// More of a request's body.
    Body = 1,
    /// The server's own work.
    Busy = 2,
    /// The next request, or that the caller takes the answer.
    Idle = 3,
    /// More of an answer that has no end.
    Streaming = 4,
    /// The caller's end of a connection that this side has ended.
    Ending = 5,
}

/// What the parts of one connection know of each other. They run in one task, so the order of their writes is the order
/// of the program; atomics only because the task may be sent.
#[derive(Debug)]
struct Watch {
    phase: AtomicU8,
    /// Whether bytes went either way since the last look.
    moved: AtomicBool,
    body_is_late: AtomicBool,
    /// Whether a handler answered without reading its body to the end.
    body_is_left: AtomicBool,
    /// Whether the body may take as long as it keeps coming.
    body_takes_long: AtomicBool,
}

impl Watch {
    fn new() -> Self {
        Watch {
            phase: AtomicU8::new(Phase::Head as u8),
            moved: AtomicBool::new(false),
            body_is_late: AtomicBool::new(false),
            body_is_left: AtomicBool::new(false),
            body_takes_long: AtomicBool::new(false),
        }
    }

    fn phase(&self) -> Phase {
        let byte = self.phase.load(Ordering::Relaxed);
        let phases = [Phase::Head, Phase::Body, Phase::Busy, Phase::Idle, Phase::Streaming];
        phases.into_iter().find(|phase| *phase as u8 == byte).unwrap_or(Phase::Ending)
    }

    fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    fn note_move(&self) {
        self.moved.store(true, Ordering::Relaxed);
    }
}

/// Serves one connection to its end. `stopping` asks it to finish the request in flight and to take no other.
pub(super) async fn serve(
    stream: TcpStream,
    service: Arc<Service>,
    settings: &HttpSettings,
    stopping: &Notify,
) {
    let watch = Arc::new(Watch::new());
    let peer = stream.peer_addr().ok().map(|address| address.ip());
    let io = TokioIo::new(WatchedStream {
        stream,
        watch: Arc::clone(&watch),
        service: Arc::clone(&service),
        instead: None,
        shut: false,
        drained: 0,
    });
    let answering = {
        let watch = Arc::clone(&watch);
        service_fn(move |request: Request<Incoming>| {
            let (service, watch) = (Arc::clone(&service), Arc::clone(&watch));
            async move {
                watch.enter(Phase::Busy);
                watch.body_takes_long.store(upload::takes_long(request.uri().path()), Ordering::Relaxed);
                let request = request.map(|incoming| Body::new(TimedBody::new(incoming, &watch)));
                let mut response = service.answer(request, peer).await;
                if service.is_stopping() {
                    // The connection may hear of it later than its caller, who must not send another request on it.
                    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                }
                let is_endless = response.extensions().get::<Endless>().is_some();
                watch.enter(if is_endless { Phase::Streaming } else { Phase::Idle });
                Ok::<_, Infallible>(response)
            }
        })
    };
    let mut builder = http1::Builder::new();
    // Each answer is flushed by itself: gathering those to pipelined calls would keep back the one to what is no HTTP.
    builder.header_read_timeout(None).max_buf_size(READ_BUFFER_BYTES_MAX);
    let mut connection = pin!(builder.serve_connection(io, answering));
    let mut stopping = pin!(stopping.notified());
    let mut is_told = false;
    let mut deadline = Deadline::new(settings);
    poll_fn(|context| {
        loop {
            // How a connection ends is its caller's business: a reset is no news.
            if connection.as_mut().poll(context).is_ready() {
                return Poll::Ready(());
            }
            if !is_told && stopping.as_mut().poll(context).is_ready() {
                is_told = true;
                if watch.phase() == Phase::Streaming {
                    // It ends by itself, unless its caller has stopped reading.
                    watch.enter(Phase::Ending);
                }
                connection.as_mut().graceful_shutdown();
                continue;
            }
            match ready!(deadline.poll_late(&watch, context)) {
                Late::Connection => return Poll::Ready(()),
                Late::Body => watch.body_is_late.store(true, Ordering::Relaxed),
            }
        }
    })
    .await;
}

/// What is late.
enum Late {
    /// A body: the call gets its 408.
    Body,
    /// Something after which only closing is left.
    Connection,
}

/// What the timer is set for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Armed {
    Head,
    Body,
    Ending,
    /// The next look at a quiet connection.
    Look,
}

/// The one timer of a connection.
struct Deadline {
    timer: Pin<Box<Sleep>>,
    armed: Armed,
    quiet_looks: u32,
    body_polls: u32,
    head: Duration,
    body: Duration,
    look: Duration,
}

impl Deadline {
    fn new(settings: &HttpSettings) -> Self {
        let head = settings.header_timeout();
        Deadline {
            timer: Box::pin(sleep_until(Instant::now() + head)),
            armed: Armed::Head,
            quiet_looks: 0,
            body_polls: 0,
            head,
            body: settings.body_timeout(),
            look: settings.idle_timeout() / LOOKS,
        }
    }

    fn arm(&mut self, armed: Armed, after: Duration) {
        self.armed = armed;
        self.timer.as_mut().reset(Instant::now() + after);
    }

    /// Called after the connection was polled and is waiting; ready when what it waits for is late.
    fn poll_late(&mut self, watch: &Watch, context: &mut Context<'_>) -> Poll<Late> {
        loop {
            self.follow(watch.phase());
            ready!(self.timer.as_mut().poll(context));
            if let Some(late) = self.ring(watch) {
                return Poll::Ready(late);
            }
        }
    }

    /// Sets the timer where the connection began to wait for something that has a time-out of its own.
    fn follow(&mut self, phase: Phase) {
        if phase == Phase::Body {
            // hyper reads a body only when it is asked for, so even one that is already here makes the task wait
            // once. Only a body that is still not here at the second look is slow.
            self.body_polls += 1;
            if self.body_polls > 1 && self.armed != Armed::Body {
                self.arm(Armed::Body, self.body);
            }
            return;
        }
        self.body_polls = 0;
        match (phase, self.armed) {
            (Phase::Head, Armed::Head) | (Phase::Ending, Armed::Ending) => {}
            (Phase::Head, _) => self.arm(Armed::Head, self.head),
            (Phase::Ending, _) => self.arm(Armed::Ending, LINGER),
            // What it was set for is over. Not so between requests that come whole, which never set it.
            (_, Armed::Head | Armed::Body) => self.arm(Armed::Look, self.look),
            _ => {}
        }
    }

    /// The timer rang: what is late, or nothing, and the timer is set again.
    fn ring(&mut self, watch: &Watch) -> Option<Late> {
        let was = self.armed;
        self.arm(Armed::Look, self.look);
        match was {
            Armed::Head | Armed::Ending => return Some(Late::Connection),
            Armed::Body => {
                let comes = watch.body_takes_long.load(Ordering::Relaxed)
                    && watch.moved.swap(false, Ordering::Relaxed);
                if !comes {
                    return Some(Late::Body);
                }
                self.arm(Armed::Body, self.body);
            }
            Armed::Look => {
                let is_resting = matches!(watch.phase(), Phase::Idle | Phase::Streaming);
                let is_quiet = is_resting && !watch.moved.swap(false, Ordering::Relaxed);
                self.quiet_looks = if is_quiet { self.quiet_looks + 1 } else { 0 };
            }
        }
        (self.quiet_looks >= LOOKS).then_some(Late::Connection)
    }
}

/// The socket; notes what moves, and reads on for a moment after its own end.
struct WatchedStream {
    stream: TcpStream,
    watch: Arc<Watch>,
    service: Arc<Service>,
    /// What is sent in place of the HTTP library's own answer, and how much of it was.
    instead: Option<(Vec<u8>, usize)>,
    shut: bool,
    drained: usize,
}

impl WatchedStream {
    /// Sends our own answer where the HTTP library writes one by itself: to what it cannot read, without asking anybody. Then
    /// nothing but that is written any more. Not ready: `None` when the bytes are to be written as they are.
    fn poll_instead(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Option<io::Result<()>>> {
        if self.instead.is_none() {
            // Where a call is under way, the library answers nothing by itself.
            let answer = match self.watch.phase() {
                Phase::Head | Phase::Idle => self.service.in_place_of(bytes),
                _ => None,
            };
            let Some(answer) = answer else { return Poll::Ready(None) };
            self.watch.body_is_left.store(true, Ordering::Relaxed);
            self.instead = Some((answer, 0));
        }
        let WatchedStream { stream, instead, .. } = self;
        let Some((answer, sent)) = instead else { return Poll::Ready(None) };
        while let Some(rest) = answer.get(*sent..).filter(|rest| !rest.is_empty()) {
            match ready!(Pin::new(&mut *stream).poll_write(context, rest)) {
                Ok(0) => return Poll::Ready(Some(Err(io::ErrorKind::WriteZero.into()))),
                Ok(more) => *sent += more,
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
        Poll::Ready(Some(Ok(())))
    }
}

impl AsyncRead for WatchedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        if buffer.filled().len() > before {
            self.watch.note_move();
            if self.watch.phase() == Phase::Idle {
                self.watch.enter(Phase::Head);
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for WatchedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if let Some(sent) = ready!(self.poll_instead(context, bytes)) {
            return Poll::Ready(sent.map(|()| bytes.len()));
        }
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
        self.watch.note_move();
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let Some(sent) = ready!(self.poll_instead(context, slices.first().map_or(&[], |first| first))) {
            return Poll::Ready(sent.map(|()| slices.iter().map(|slice| slice.len()).sum()));
        }
        let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(context, slices))?;
        self.watch.note_move();
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    /// Ends this side. When a body was left, reads on until the caller ends its own side: closing a socket with unread
    /// bytes resets it, and the caller might never read the answer.
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.shut {
            ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
            self.shut = true;
            self.watch.enter(Phase::Ending);
        }
        if !self.watch.body_is_left.load(Ordering::Relaxed) {
            return Poll::Ready(Ok(()));
        }
        let mut scratch = [0; 4096];
        while self.drained < LINGER_BYTES_MAX {
            let mut buffer = ReadBuf::new(&mut scratch);
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer))?;
            match buffer.filled().len() {
                0 => break,
                more => self.drained += more,
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// A body that ends with [`BodyIsLate`] when it does not arrive in time.
struct TimedBody {
    incoming: Incoming,
    watch: Arc<Watch>,
    is_over: bool,
}

impl TimedBody {
    fn new(incoming: Incoming, watch: &Arc<Watch>) -> Self {
        let is_over = incoming.is_end_stream();
        TimedBody { incoming, watch: Arc::clone(watch), is_over }
    }
}

/// The body did not arrive in time.
#[derive(Debug)]
pub(super) struct BodyIsLate;

impl std::fmt::Display for BodyIsLate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the body did not arrive in time")
    }
}

impl std::error::Error for BodyIsLate {}

impl http_body::Body for TimedBody {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::BoxError>>> {
        let polled = Pin::new(&mut self.incoming).poll_frame(context);
        if polled.is_pending() {
            if self.watch.body_is_late.swap(false, Ordering::Relaxed) {
                self.watch.enter(Phase::Busy);
                return Poll::Ready(Some(Err(Box::new(BodyIsLate))));
            }
            self.watch.enter(Phase::Body);
            return Poll::Pending;
        }
        self.watch.enter(Phase::Busy);
        self.is_over = matches!(polled, Poll::Ready(None | Some(Err(_)))) || self.incoming.is_end_stream();
        polled.map_err(Into::into)
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

/// A handler that stops reading does not wait for the rest of the body any more.
impl Drop for TimedBody {
    fn drop(&mut self) {
        if !self.is_over {
            self.watch.body_is_left.store(true, Ordering::Relaxed);
        }
        if self.watch.phase() == Phase::Body {
            self.watch.enter(Phase::Busy);
        }
    }
}
