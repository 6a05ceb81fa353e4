//! The request as bytes, built once; per request only nine digits are written into it.

use std::net::SocketAddr;

use anyhow::{Result, ensure};
use clap::ValueEnum;

/// The body of the seed's own identify example (13 user and 14 company properties), with the user id left open.
const IDENTIFY_BODY: &str = include_str!("identify.json");

const PLACEHOLDER: &str = "{id}";
const ID_PREFIX: &str = "user_";
const ID_DIGITS: usize = 9;

/// What a request carries.
#[derive(Clone, Copy, ValueEnum)]
pub enum BodyKind {
    /// The 1 KB identify example.
    Identify,
    /// Nothing.
    None,
}

/// A whole HTTP/1.1 request whose user id can be changed in place.
#[derive(Clone)]
pub struct RequestTemplate {
    bytes: Vec<u8>,
    /// Where each occurrence of the id's digits starts.
    digits_at: Vec<usize>,
}

impl RequestTemplate {
    /// Builds the request; every `{id}` in path and body becomes the user id.
    pub fn new(
        method: &str,
        path: &str,
        host: SocketAddr,
        key: Option<&str>,
        body: BodyKind,
    ) -> Result<Self> {
        ensure!(path.starts_with('/') && !path.contains([' ', '\r', '\n']), "the path must start with /");
        let id = format!("{ID_PREFIX}{:0ID_DIGITS$}", 0);
        let mut text = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n");
        if let Some(key) = key {
            ensure!(key.bytes().all(|byte| byte.is_ascii_graphic()), "the key must be visible ASCII");
            text.push_str(&format!("Authorization: Token {key}\r\n"));
        }
        match body {
            BodyKind::None => text.push_str("\r\n"),
            BodyKind::Identify => {
                let length = IDENTIFY_BODY.replace(PLACEHOLDER, &id).len();
                let head = format!("Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n");
                text.push_str(&head);
                text.push_str(IDENTIFY_BODY);
            }
        }
        Ok(Self::fill(&text, &id))
    }

    fn fill(text: &str, id: &str) -> Self {
        let mut pieces = text.split(PLACEHOLDER);
        let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
        let mut digits_at = Vec::new();
        for piece in pieces {
            digits_at.push(bytes.len() + ID_PREFIX.len());
            bytes.extend_from_slice(id.as_bytes());
            bytes.extend_from_slice(piece.as_bytes());
        }
        Self { bytes, digits_at }
    }

    /// The request for this user. Numbers of more than nine digits lose their leading ones.
    pub fn for_user(&mut self, user: u32) -> &[u8] {
        let mut digits = [b'0'; ID_DIGITS];
        let mut rest = user;
        for digit in digits.iter_mut().rev() {
            *digit = b"0123456789"[(rest % 10) as usize];
            rest /= 10;
        }
        for &at in &self.digits_at {
            self.bytes[at..at + ID_DIGITS].copy_from_slice(&digits);
        }
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, path: &str, key: Option<&str>, body: BodyKind, user: u32) -> String {
        let host = "127.0.0.1:80".parse().unwrap();
        let mut template = RequestTemplate::new(method, path, host, key, body).unwrap();
        String::from_utf8(template.for_user(user).to_vec()).unwrap()
    }

    #[test]
    fn a_read_names_the_user_in_its_path() {
        assert_eq!(
            request("GET", "/v1/users/{id}", Some("k"), BodyKind::None, 1_020_304),
            "GET /v1/users/user_001020304 HTTP/1.1\r\nHost: 127.0.0.1:80\r\nAuthorization: Token k\r\n\r\n"
        );
    }

    #[test]
    fn an_identify_is_the_seed_example_with_another_id() {
        let text = request("POST", "/v1/identify", None, BodyKind::Identify, 42);
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.ends_with(&format!("\r\nContent-Length: {}", body.len())));
        let json: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(json["user_id"], "user_000000042");
        assert_eq!(json["metadata"].as_object().unwrap().len(), 13);
        assert_eq!(json["company"].as_object().unwrap().len(), 15, "company_id and 14 properties");
    }

    #[test]
    fn a_key_cannot_smuggle_a_header() {
        let host = "127.0.0.1:80".parse().unwrap();
        assert!(RequestTemplate::new("GET", "/", host, Some("a\r\nX: y"), BodyKind::None).is_err());
    }
}
