//! The threads of the edge, how connections come to them, and how they stop.
//!
//! Each edge thread runs a runtime of its own and keeps its connections for life: nothing is stolen between threads,
//! which measured cheaper than a shared runtime. The first thread accepts and hands each connection to the thread with
//! the fewest.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use crate::admin::LastUse;

use super::connection;
use super::edge::Shared;
use super::service::Service;

/// Connections handed to a thread that it has not taken yet.
const INBOX_MAX: usize = 1024;
/// Reads that may run beside one edge thread at once.
const BLOCKING_THREADS_MAX: usize = 8;
/// How long a runtime waits for reads that still run when the grace is over.
const BLOCKING_GRACE: Duration = Duration::from_secs(1);
/// How long accepting rests when the system is out of descriptors or memory.
const ACCEPT_REST: Duration = Duration::from_millis(50);
/// Connections over the limit that are told so at once; more are closed without a word.
const TURNED_AWAY_MAX: usize = 256;
/// How long one of them may take for its request, and again for its end.
const TURNED_AWAY_FOR: Duration = Duration::from_secs(1);
/// What they are told.
const TOO_MANY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: 167\r\n\
Retry-After: 1\r\nConnection: close\r\n\r\n{\"errors\":[{\"details\":\"\",\"error\":\"Service Unavailable\",\
\"error_code\":\"overloaded\",\"message\":\"Too many connections are open; reuse them, or try again after a second.\"}]}";

/// A running edge.
pub struct Server {
    threads: Vec<JoinHandle<io::Result<()>>>,
    handle: Handle,
    address: SocketAddr,
}

/// What others may ask of a running edge.
#[derive(Clone)]
pub struct Handle {
    stop: Arc<watch::Sender<bool>>,
    shared: Arc<Shared>,
}

impl Handle {
    /// Begins to stop: no connection is accepted any more, what is in flight is answered. Returns at once.
    pub fn stop(&self) {
        self.shared.is_stopping.store(true, Ordering::Relaxed);
        self.stop.send_replace(true);
    }

    /// What was used and when last, to be written back once a minute: keys since the start, sessions since this was
    /// last asked.
    pub fn last_used(&self) -> LastUse {
        LastUse { keys: self.shared.uses.last_used(), sessions: self.shared.session_uses.take() }
    }
}

impl Server {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// For whoever stops it from elsewhere, or asks it something.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Stops: accepts no more, answers what is in flight, and gives up on it after `stop_grace_ms`.
    ///
    /// # Errors
    /// When a thread could not run.
    pub fn stop(self) -> io::Result<()> {
        self.handle.stop();
        self.wait()
    }

    /// Waits until it was stopped from elsewhere.
    ///
    /// # Errors
    /// When a thread could not run.
    pub fn wait(self) -> io::Result<()> {
        let outcomes = self.threads.into_iter().map(|thread| match thread.join() {
            Ok(outcome) => outcome,
            Err(_) => Err(io::Error::other("an edge thread panicked")),
        });
        // All are joined, whatever the first one says.
        outcomes.collect::<Vec<_>>().into_iter().collect()
    }
}

/// Starts one thread for each service. `metrics` is a listener of its own with the service for it.
pub(super) fn start(
    listener: std::net::TcpListener,
    metrics: Option<(std::net::TcpListener, Arc<Service>)>,
    services: Vec<Arc<Service>>,
    shared: &Arc<Shared>,
) -> io::Result<Server> {
    let address = listener.local_addr()?;
    let (stop, stopped) = watch::channel(false);
    let mut members = Vec::new();
    let mut threads = Vec::new();
    for service in services {
        let (outbox, inbox) = mpsc::channel(INBOX_MAX);
        let open = Arc::new(Open::default());
        members.push(Member { outbox, open: Arc::clone(&open) });
        threads.push(EdgeThread {
            service,
            inbox,
            open,
            shared: Arc::clone(shared),
            stopped: stopped.clone(),
        });
    }
    let mut accepting = Some(Accepting { listener, metrics, members, shared: Arc::clone(shared) });
    let mut running = Vec::new();
    for (number, thread) in threads.into_iter().enumerate() {
        let accepting = accepting.take();
        let named = std::thread::Builder::new().name(format!("edge-{number}"));
        running.push(named.spawn(move || thread.run(accepting))?);
    }
    let handle = Handle { stop: Arc::new(stop), shared: Arc::clone(shared) };
    Ok(Server { threads: running, handle, address })
}

/// The connections of one thread.
#[derive(Default)]
struct Open {
    count: AtomicUsize,
    /// Rung when the last one ended.
    is_empty: Notify,
    /// Rung once, when the server begins to stop.
    stopping: Notify,
}

/// A connection's place among those of its thread and of the server.
struct Place {
    open: Arc<Open>,
    shared: Arc<Shared>,
}

impl Place {
    fn take(open: &Arc<Open>, shared: &Arc<Shared>) -> Self {
        open.count.fetch_add(1, Ordering::Relaxed);
        Place { open: Arc::clone(open), shared: Arc::clone(shared) }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shared.connections.fetch_sub(1, Ordering::Relaxed);
        if self.open.count.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.open.is_empty.notify_one();
        }
    }
}

/// What is handed to an edge thread: the socket, its place, and another service than the thread's own.
struct Handed {
    stream: std::net::TcpStream,
    place: Place,
    service: Option<Arc<Service>>,
}

/// An edge thread as the accepting one knows it.
struct Member {
    outbox: mpsc::Sender<Handed>,
    open: Arc<Open>,
}

struct EdgeThread {
    service: Arc<Service>,
    inbox: mpsc::Receiver<Handed>,
    open: Arc<Open>,
    shared: Arc<Shared>,
    stopped: watch::Receiver<bool>,
}

impl EdgeThread {
    fn run(self, accepting: Option<Accepting>) -> io::Result<()> {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_all().max_blocking_threads(BLOCKING_THREADS_MAX).build()?;
        let outcome = runtime.block_on(self.serve(accepting));
        runtime.shutdown_timeout(BLOCKING_GRACE);
        outcome
    }

    async fn serve(mut self, accepting: Option<Accepting>) -> io::Result<()> {
        let accepting = accepting.map(Accepting::begin).transpose()?.unwrap_or_default();
        tokio::spawn(Arc::clone(&self.service).keep());
        let taking =
            tokio::spawn(take(self.inbox, self.service, Arc::clone(&self.open), Arc::clone(&self.shared)));
        // An error means that the server itself was dropped, which stops it as well.
        let _ = self.stopped.wait_for(|is_stopped| *is_stopped).await;
        for task in accepting {
            task.abort();
        }
        taking.abort();
        self.open.stopping.notify_waiters();
        let deadline = Instant::now() + self.shared.settings.stop_grace();
        while self.open.count.load(Ordering::Relaxed) > 0 {
            if timeout_at(deadline, self.open.is_empty.notified()).await.is_err() {
                tracing::warn!(
                    connections = self.open.count.load(Ordering::Relaxed),
                    "stopped with calls in flight"
                );
                break;
            }
        }
        Ok(())
    }
}

/// Serves what is handed to this thread.
async fn take(mut inbox: mpsc::Receiver<Handed>, own: Arc<Service>, open: Arc<Open>, shared: Arc<Shared>) {
    while let Some(Handed { stream, place, service }) = inbox.recv().await {
        let Ok(stream) = TcpStream::from_std(stream) else { continue };
        let (service, open, shared) =
            (service.unwrap_or_else(|| Arc::clone(&own)), Arc::clone(&open), Arc::clone(&shared));
        tokio::spawn(async move {
            connection::serve(stream, service, &shared.settings, &open.stopping).await;
            drop(place);
        });
    }
}

/// Accepts for all threads.
struct Accepting {
    listener: std::net::TcpListener,
    metrics: Option<(std::net::TcpListener, Arc<Service>)>,
    members: Vec<Member>,
    shared: Arc<Shared>,
}

impl Accepting {
    fn begin(self) -> io::Result<Vec<tokio::task::JoinHandle<()>>> {
        let mut doors = vec![(into_tokio(self.listener)?, None)];
        if let Some((listener, service)) = self.metrics {
            doors.push((into_tokio(listener)?, Some(service)));
        }
        let members = Arc::new(self.members);
        let open = |(listener, service)| {
            tokio::spawn(accept(listener, service, Arc::clone(&members), Arc::clone(&self.shared)))
        };
        Ok(doors.into_iter().map(open).collect())
    }
}

fn into_tokio(listener: std::net::TcpListener) -> io::Result<TcpListener> {
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

async fn accept(
    listener: TcpListener,
    service: Option<Arc<Service>>,
    members: Arc<Vec<Member>>,
    shared: Arc<Shared>,
) {
    let turned_away = Arc::new(AtomicUsize::new(0));
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of descriptors or memory, or a caller that was gone at once: nothing that trying faster mends.
                tracing::warn!(%error, "accepting a connection failed");
                sleep_until(Instant::now() + ACCEPT_REST).await;
                continue;
            }
        };
        if shared.connections.fetch_add(1, Ordering::Relaxed) >= shared.settings.connections_max {
            shared.connections.fetch_sub(1, Ordering::Relaxed);
            shared.metrics.connections_refused.fetch_add(1, Ordering::Relaxed);
            turn_away(stream, &turned_away);
            continue;
        }
        let Some(member) = members.iter().min_by_key(|member| member.open.count.load(Ordering::Relaxed))
        else {
            return;
        };
        let place = Place::take(&member.open, &shared);
        // Without it, an answer could wait for the caller's acknowledgement of the one before.
        let plain = stream.set_nodelay(true).and_then(|()| stream.into_std());
        if let Ok(stream) = plain {
            // A full inbox closes the connection: its thread has stopped taking any.
            let _ = member.outbox.try_send(Handed { stream, place, service: service.clone() });
        }
    }
}

/// Answers a connection over the limit, beside the accepting, for a bounded number of them and a bounded time.
fn turn_away(mut stream: TcpStream, count: &Arc<AtomicUsize>) {
    if count.fetch_add(1, Ordering::Relaxed) >= TURNED_AWAY_MAX {
        count.fetch_sub(1, Ordering::Relaxed);
        return;
    }
    let count = Arc::clone(count);
    tokio::spawn(async move {
        let mut scratch = [0; 1024];
        // Clients take an answer for theirs only once they have asked. How this ends is of no interest.
        let _ = timeout(TURNED_AWAY_FOR, stream.read(&mut scratch)).await;
        let _ = timeout(TURNED_AWAY_FOR, async {
            stream.write_all(TOO_MANY).await?;
            stream.shutdown().await?;
            while stream.read(&mut scratch).await? > 0 {}
            io::Result::Ok(())
        })
        .await;
        count.fetch_sub(1, Ordering::Relaxed);
    });
}

#[cfg(test)]
mod tests {
    use super::TOO_MANY;

    #[test]
    fn the_answer_to_one_connection_too_many_says_its_own_length() {
        let text = std::str::from_utf8(TOO_MANY).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{}", body.len());
    }
}
