//! One keep-alive connection with one request in flight at most. Never blocks after it is open.

use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use crate::response::ResponseReader;

/// A connection, idle or waiting for its answer.
pub struct Connection {
    stream: TcpStream,
    reader: ResponseReader,
    /// The rest of a request that the socket did not take at once.
    unsent: Vec<u8>,
    /// When the request in flight should have been sent.
    intended: Option<Instant>,
}

/// A complete answer.
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// When its request should have been sent; latency counts from here.
    pub intended: Instant,
}

impl Connection {
    /// Connects, waiting for it.
    pub fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(Self { stream, reader: ResponseReader::default(), unsent: Vec::new(), intended: None })
    }

    /// Whether a request is waiting for its answer.
    pub fn is_busy(&self) -> bool {
        self.intended.is_some()
    }

    /// Sends a request. The connection must be idle.
    pub fn send(&mut self, request: &[u8], intended: Instant) -> Result<()> {
        debug_assert!(!self.is_busy(), "one request in flight at most");
        self.intended = Some(intended);
        let sent = match self.stream.write(request) {
            Ok(sent) => sent,
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            Err(error) => return Err(error),
        };
        self.unsent.extend_from_slice(&request[sent..]);
        Ok(())
    }

    /// Goes on after the socket has become readable or writable; the answer when it is complete.
    ///
    /// A read that leaves room in `buffer` has drained the socket, so one system call an answer is enough even with
    /// edge-triggered notification (epoll(7), question 9).
    pub fn advance(&mut self, buffer: &mut [u8]) -> Result<Option<Answer>> {
        self.send_rest()?;
        loop {
            let count = match self.stream.read(buffer) {
                Ok(0) => {
                    return Err(Error::new(ErrorKind::UnexpectedEof, "the server closed the connection"));
                }
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(error),
            };
            let Some(intended) = self.intended else {
                return Err(Error::new(ErrorKind::InvalidData, "an answer without a request"));
            };
            if let Some(status) = self.reader.feed(&buffer[..count])? {
                self.intended = None;
                return Ok(Some(Answer { status, intended }));
            }
            if count < buffer.len() {
                return Ok(None);
            }
        }
    }

    fn send_rest(&mut self) -> Result<()> {
        while !self.unsent.is_empty() {
            match self.stream.write(&self.unsent) {
                Ok(sent) => drop(self.unsent.drain(..sent)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}
