//! A client that is nothing but a socket: what it sends is what stands in the test.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// How long a test waits for an answer before it fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// One connection.
pub struct Client {
    reader: BufReader<TcpStream>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// A request in the making.
#[derive(Clone)]
pub struct Request {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

impl Request {
    pub fn new(method: &str, target: &str) -> Self {
        Request { method: method.to_owned(), target: target.to_owned(), headers: Vec::new(), body: None }
    }

    pub fn get(target: &str) -> Self {
        Request::new("GET", target)
    }

    pub fn post(target: &str, body: impl AsRef<[u8]>) -> Self {
        Request::with_body("POST", target, body)
    }

    pub fn with_body(method: &str, target: &str, body: impl AsRef<[u8]>) -> Self {
        Request { body: Some(body.as_ref().to_vec()), ..Request::new(method, target) }
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn key(self, secret: &str) -> Self {
        self.header("Authorization", &format!("Token {secret}"))
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\nHost: muster.test\r\n", self.method, self.target);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if let Some(body) = &self.body {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        let mut bytes = format!("{head}\r\n").into_bytes();
        bytes.extend_from_slice(self.body.as_deref().unwrap_or_default());
        bytes
    }
}

impl Client {
    pub fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Client { reader: BufReader::new(stream) }
    }

    /// Sends a request and reads its answer.
    pub fn ask(&mut self, request: &Request) -> Answer {
        self.write(&request.bytes());
        self.answer(request.method == "HEAD")
    }

    /// Sends raw bytes.
    pub fn write(&mut self, bytes: &[u8]) {
        self.reader.get_mut().write_all(bytes).unwrap();
    }

    /// Sends raw bytes to a server that may have hung up.
    pub fn try_write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.reader.get_mut().write_all(bytes)
    }

    /// Reads one answer.
    pub fn answer(&mut self, without_body: bool) -> Answer {
        self.try_answer(without_body).expect("an answer before the end of the connection")
    }

    /// Reads one answer; nothing when the connection ends first.
    pub fn try_answer(&mut self, without_body: bool) -> Option<Answer> {
        let mut answer = self.head()?;
        let length = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
        if !without_body {
            answer.body = vec![0; length];
            self.reader.read_exact(&mut answer.body).unwrap();
        }
        Some(answer)
    }

    /// Reads the head of an answer: its status and headers.
    pub fn head(&mut self) -> Option<Answer> {
        let status_line = self.line()?;
        let status = status_line.split(' ').nth(1).unwrap().parse().unwrap();
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                return Some(Answer { status, headers, body: Vec::new() });
            }
            let (name, value) = line.split_once(':').unwrap();
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }

    /// Reads one piece of an answer sent in pieces; nothing at its end.
    pub fn piece(&mut self) -> Option<String> {
        let length = usize::from_str_radix(&self.line()?, 16).unwrap();
        let mut bytes = vec![0; length + 2];
        self.reader.read_exact(&mut bytes).unwrap();
        bytes.truncate(length);
        (length > 0).then(|| String::from_utf8(bytes).unwrap())
    }

    /// Whether the server has ended the connection; waits for it.
    pub fn is_ended(&mut self) -> bool {
        match self.reader.fill_buf() {
            Ok(bytes) => bytes.is_empty(),
            Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
        }
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        match self.reader.read_line(&mut line) {
            Ok(0) => None,
            Ok(_) => Some(line.trim_end().to_owned()),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => None,
            Err(error) => panic!("{error}"),
        }
    }
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    /// The `error_code` of each problem.
    pub fn codes(&self) -> Vec<String> {
        let errors = self.json()["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().map(|item| item["error_code"].as_str().unwrap().to_owned()).collect()
    }

    /// Status and first problem.
    #[track_caller]
    pub fn is_refused(&self, status: u16, code: &str) {
        let found = self.codes();
        let found = (self.status, found.first().map(String::as_str));
        assert_eq!(found, (status, Some(code)), "{}", self.text());
    }
}
