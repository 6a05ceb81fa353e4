//! The control socket: how administrative commands reach a running server.
//!
//! `DATA/control.sock` takes one request as a line of JSON and answers with a line. Whoever may open the file may
//! administer, so its mode is 0600 from the first moment on: the socket is made inside a directory that only its
//! owner can enter and is then moved to its place. A socket file that a crash left behind is replaced, because the
//! engine's lock, not this file, says who is the server. One request at a time; a client that says nothing for two
//! seconds is dropped.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use muster_kernel::model::problem::{Problem, ProblemCode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::admin::AdminError;

/// The socket's name in the data directory.
pub const SOCKET: &str = "control.sock";
/// Where the socket is made before it is moved to its place.
const WORKSHOP: &str = "control.new";
/// What the address of a Unix socket holds, without the final zero: 108 bytes on Linux, 104 on the others.
const SOCKET_PATH_BYTES_MAX: usize = if cfg!(target_os = "linux") { 107 } else { 103 };
/// A request holds a few names.
const REQUEST_BYTES_MAX: u64 = 64 * 1024;
/// A list of every key with all its fields stays below this.
const REPLY_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// How long the server waits for a client that is connected.
const CLIENT_WAIT: Duration = Duration::from_secs(2);
/// How long to leave a socket alone that gave no connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);
/// How long a client waits for the server, which may be syncing a slow disk or serving another client.
const SERVER_WAIT: Duration = Duration::from_secs(30);

/// A line from the server.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Reply<A> {
    Done(Box<A>),
    Failed(AdminError),
}

/// The open control socket of a server.
pub struct Control {
    socket: PathBuf,
    directory: File,
    stopping: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Control {
    /// Opens the socket in `data` and answers requests with `execute` on a thread of its own.
    ///
    /// # Errors
    /// When the file system holds no sockets, or the path is too long for one.
    pub fn start<Q: DeserializeOwned + 'static, A: Serialize + 'static>(
        data: &Path,
        execute: impl Fn(Q) -> Result<A, AdminError> + Send + 'static,
    ) -> io::Result<Control> {
        let directory = File::open(data)?;
        let listener = bind_private(data)?;
        let stopping = Arc::new(AtomicBool::new(false));
        let seen = stopping.clone();
        let answer_all = move || {
            for stream in listener.incoming() {
                if seen.load(Ordering::Acquire) {
                    break;
                }
                match stream {
                    // A client that went away is its own concern.
                    Ok(stream) => drop(answer(&stream, &execute, &seen)),
                    // No descriptor is left, most likely: trying again at once would only burn the processor.
                    Err(_) => std::thread::park_timeout(ACCEPT_PAUSE),
                }
            }
        };
        let thread = std::thread::Builder::new().name("control".to_owned()).spawn(answer_all)?;
        Ok(Control { socket: data.join(SOCKET), directory, stopping, thread })
    }

    /// Answers the request under way, then closes and removes the socket.
    pub fn stop(self) {
        self.stopping.store(true, Ordering::Release);
        // Wakes the thread; when nobody can connect any more, it has ended already or ends with the process.
        if address(&self.directory, &self.socket).is_ok_and(|path| UnixStream::connect(path).is_ok()) {
            let _ = self.thread.join();
        }
        let _ = fs::remove_file(&self.socket);
    }
}

/// Asks the server of `data`. `None`: no server listens there.
///
/// # Errors
/// A sentence: the socket may not be opened, or the server does not answer.
pub fn ask<A: DeserializeOwned>(
    data: &Path,
    request: &impl Serialize,
) -> Result<Option<Result<A, AdminError>>, String> {
    let socket = data.join(SOCKET);
    let connected = File::open(data).and_then(|directory| UnixStream::connect(address(&directory, &socket)?));
    let stream = match connected {
        Ok(stream) => stream,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            return Ok(None);
        }
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let shown = socket.display();
            return Err(format!("{shown} may not be opened: run this as the user that the server runs as."));
        }
        Err(error) => return Err(format!("{} cannot be reached: {error}.", socket.display())),
    };
    let reply = exchange(&stream, request).map_err(|error| {
        let shown = socket.display();
        format!("The server at {shown} did not answer ({error}): look at its log, list what is there, and try again.")
    })?;
    Ok(Some(match reply {
        Reply::Done(answer) => Ok(*answer),
        Reply::Failed(error) => Err(error),
    }))
}

fn exchange<A: DeserializeOwned>(mut stream: &UnixStream, request: &impl Serialize) -> io::Result<Reply<A>> {
    stream.set_read_timeout(Some(SERVER_WAIT))?;
    stream.set_write_timeout(Some(SERVER_WAIT))?;
    stream.write_all(&line_of(request)?)?;
    let mut line = Vec::new();
    BufReader::new(stream.take(REPLY_BYTES_MAX)).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it closed the connection"));
    }
    Ok(serde_json::from_slice(&line)?)
}

/// Serves one client: a line for a line, until it hangs up or the server stops.
fn answer<Q: DeserializeOwned, A: Serialize>(
    mut stream: &UnixStream,
    execute: &impl Fn(Q) -> Result<A, AdminError>,
    stopping: &AtomicBool,
) -> io::Result<()> {
    stream.set_read_timeout(Some(CLIENT_WAIT))?;
    stream.set_write_timeout(Some(CLIENT_WAIT))?;
    let mut lines = BufReader::new(stream);
    loop {
        let mut line = Vec::new();
        lines.by_ref().take(REQUEST_BYTES_MAX).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Ok(());
        }
        let reply = match serde_json::from_slice(&line) {
            Ok(request) => {
                execute(request).map_or_else(Reply::Failed, |answer| Reply::Done(Box::new(answer)))
            }
            Err(error) => Reply::Failed(not_understood(&error)),
        };
        stream.write_all(&line_of(&reply)?)?;
        if !line.ends_with(b"\n") || stopping.load(Ordering::Acquire) {
            return Ok(());
        }
    }
}

fn not_understood(error: &serde_json::Error) -> AdminError {
    let version = env!("CARGO_PKG_VERSION");
    let message = format!(
        "The running server (version {version}) does not understand this request ({error}): use the same version of \
         `muster` for the command."
    );
    AdminError::Refused(Problem::of_call(ProblemCode::FieldInvalid, message))
}

fn line_of(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    Ok(line)
}

/// Makes the socket where only its owner can reach it, closes it to others, and moves it to its place.
fn bind_private(data: &Path) -> io::Result<UnixListener> {
    let workshop = data.join(WORKSHOP);
    if let Err(error) = fs::remove_dir_all(&workshop)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    DirBuilder::new().mode(0o700).create(&workshop)?;
    let made = workshop.join(SOCKET);
    let listener = UnixListener::bind(address(&File::open(&workshop)?, &made)?)?;
    fs::set_permissions(&made, Permissions::from_mode(0o600))?;
    fs::rename(&made, data.join(SOCKET))?;
    fs::remove_dir(&workshop)?;
    Ok(listener)
}

/// A path to `socket`, which lies in `directory`, that is short enough for the address of a socket: where the plain
/// path is too long, Linux reaches the open directory by its number.
fn address(directory: &File, socket: &Path) -> io::Result<PathBuf> {
    if socket.as_os_str().len() <= SOCKET_PATH_BYTES_MAX {
        return Ok(socket.to_owned());
    }
    if cfg!(target_os = "linux") {
        return Ok(PathBuf::from(format!("/proc/self/fd/{}/{SOCKET}", directory.as_raw_fd())));
    }
    let shown = socket.display();
    Err(io::Error::other(format!(
        "{shown} is longer than the {SOCKET_PATH_BYTES_MAX} bytes that the address of a socket holds: choose a shorter \
         path for the data directory, or reach it through a symbolic link"
    )))
}
