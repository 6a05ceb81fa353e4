//! One keep-alive connection: sends a request, waits for its answer, reads it whole.
//!
//! Only answers with `Content-Length` are understood, which is what the server sends to these requests.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::call::{Call, Method};

/// An answer that takes longer never comes.
const PATIENCE: Duration = Duration::from_secs(60);
/// A longer answer is not one of ours: no call of the demo asks for more.
const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;
/// A key of the right form that no server has made.
const UNKNOWN_KEY: &str = "a-key-that-was-never-made";

/// A connection to the server.
pub struct Connection {
    stream: BufReader<TcpStream>,
    host: SocketAddr,
    key: String,
    request: Vec<u8>,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// `Muster-Duplicate: true`?
    pub is_duplicate: bool,
    body: Vec<u8>,
}

impl Connection {
    /// Connects to a server, whose key must be visible ASCII.
    pub fn open(host: SocketAddr, key: &str) -> Result<Self> {
        if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            bail!("the key must be visible ASCII characters");
        }
        let open = || {
            let stream = TcpStream::connect(host)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            std::io::Result::Ok(stream)
        };
        let stream = open().with_context(|| {
            format!("no server answers on {host}; start one with `make run` in another terminal")
        })?;
        Ok(Self { stream: BufReader::new(stream), host, key: key.to_owned(), request: Vec::new() })
    }

    /// Sends a call.
    pub fn send(&mut self, call: &Call) -> Result<Answer> {
        let method = match call.method {
            Method::Post => "POST",
            Method::Delete => "DELETE",
        };
        let key = if call.key_is_known { None } else { Some(UNKNOWN_KEY) };
        self.exchange(method, &call.path, key, call.idempotency_key.as_deref(), &call.body)
    }

    /// Reads.
    pub fn get(&mut self, target: &str) -> Result<Answer> {
        self.exchange("GET", target, None, None, &[])
    }

    /// Makes something.
    pub fn post(&mut self, target: &str, body: &Value) -> Result<Answer> {
        self.exchange("POST", target, None, None, body.to_string().as_bytes())
    }

    /// Puts something in the place of what was there.
    pub fn put(&mut self, target: &str, body: &Value) -> Result<Answer> {
        self.exchange("PUT", target, None, None, body.to_string().as_bytes())
    }

    /// Has something removed that the body names.
    pub fn delete(&mut self, target: &str, body: &Value) -> Result<Answer> {
        self.exchange("DELETE", target, None, None, body.to_string().as_bytes())
    }

    /// Sends a file as a form does.
    pub fn upload(&mut self, target: &str, name: &str, file: &str) -> Result<Answer> {
        let body = format!(
            "--muster-demo\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n{file}\r\n\
             --muster-demo--\r\n"
        );
        self.write_head("POST", target, None)?;
        let length = body.len();
        write!(self.request, "Content-Type: multipart/form-data; boundary=muster-demo\r\n")?;
        write!(self.request, "Content-Length: {length}\r\n\r\n{body}")?;
        self.ask("POST", target)
    }

    fn write_head(&mut self, method: &str, target: &str, key: Option<&str>) -> Result<()> {
        let (host, key) = (self.host, key.unwrap_or(&self.key));
        self.request.clear();
        write!(self.request, "{method} {target} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Token {key}\r\n")?;
        Ok(())
    }

    fn exchange(
        &mut self,
        method: &str,
        target: &str,
        key: Option<&str>,
        idempotency_key: Option<&str>,
        body: &[u8],
    ) -> Result<Answer> {
        self.write_head(method, target, key)?;
        if let Some(idempotency_key) = idempotency_key {
            write!(self.request, "Idempotency-Key: {idempotency_key}\r\n")?;
        }
        if method == "POST" || !body.is_empty() {
            write!(self.request, "Content-Type: application/json\r\nContent-Length: {}\r\n", body.len())?;
        }
        self.request.extend_from_slice(b"\r\n");
        self.request.extend_from_slice(body);
        self.ask(method, target)
    }

    /// Sends what was put together, and reads the answer.
    fn ask(&mut self, method: &str, target: &str) -> Result<Answer> {
        let host = self.host;
        let lost = || format!("the server on {host} gave no answer to {method} {target}; its log says why");
        self.stream.get_mut().write_all(&self.request).with_context(lost)?;
        read_answer(&mut self.stream).with_context(lost)
    }
}

fn read_answer(stream: &mut impl BufRead) -> Result<Answer> {
    let status_line = read_line(stream)?;
    let status = status_line.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
    let status = status.with_context(|| format!("`{status_line}` is no status line"))?;
    let (mut length, mut is_duplicate) = (None, false);
    loop {
        let line = read_line(stream)?;
        let Some((name, value)) = line.split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = Some(value.trim().parse::<usize>()?),
            "muster-duplicate" => is_duplicate = value.trim() == "true",
            _ => {}
        }
    }
    let length = length.context("the answer has no Content-Length")?;
    if length > BODY_BYTES_MAX {
        bail!("the answer has {length} bytes");
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok(Answer { status, is_duplicate, body })
}

fn read_line(stream: &mut impl BufRead) -> Result<String> {
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        bail!("the connection ended");
    }
    line.truncate(line.trim_end().len());
    Ok(line)
}

impl Answer {
    /// Was the call taken?
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body; null when it is no JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The code of the first problem; empty when there is none.
    pub fn code(&self) -> String {
        self.json()["errors"][0]["error_code"].as_str().unwrap_or_default().to_owned()
    }

    /// Status and the first problem, as words for a sentence.
    pub fn words(&self) -> String {
        let problem = &self.json()["errors"][0];
        match (problem["error_code"].as_str(), problem["message"].as_str()) {
            (Some(code), Some(message)) => format!("{} {code} ({message})", self.status),
            _ if self.is_duplicate => format!("{} as a repetition", self.status),
            _ => self.status.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_to_its_end_and_no_further() {
        let two = b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\nMuster-Duplicate: true\r\n\r\n{}HTTP/1.1 404 Not Found\r\ncontent-length: 68\r\n\r\n{\"errors\":[{\"error_code\":\"user_unknown\",\"message\":\"No such user.\"}]}";
        let mut stream = two.as_slice();
        let first = read_answer(&mut stream).unwrap();
        assert_eq!((first.status, first.is_duplicate, first.is_success()), (202, true, true));
        assert_eq!(first.words(), "202 as a repetition");
        let second = read_answer(&mut stream).unwrap();
        assert_eq!(
            (second.status, second.code().as_str(), second.is_success()),
            (404, "user_unknown", false)
        );
        assert_eq!(second.words(), "404 user_unknown (No such user.)");
        assert!(stream.is_empty());
    }

    #[test]
    fn what_is_not_a_whole_answer_is_an_error() {
        for text in [
            "",
            "SSH-2.0\r\n\r\n",
            "HTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}",
        ] {
            assert!(read_answer(&mut text.as_bytes()).is_err(), "{text}");
        }
    }
}
