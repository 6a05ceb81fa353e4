//! Where the load goes and what each request looks like: the options that `load` and `seed-users` share.

use std::net::SocketAddr;

use anyhow::{Result, ensure};
use clap::{Args, ValueEnum};

use crate::request::{BodyKind, RequestTemplate};

/// The server under load and the shape of the requests.
#[derive(Args)]
pub struct TargetOptions {
    /// Address of the server; loopback only.
    #[arg(long, value_parser = parse_loopback_address)]
    pub address: SocketAddr,
    /// Keep-alive connections, each with one request in flight at most.
    #[arg(long, default_value_t = 64)]
    pub connections: usize,
    /// Threads that share the connections. One is cheapest as long as it keeps up.
    #[arg(long, default_value_t = 1)]
    pub threads: usize,
    /// Request method.
    #[arg(long, value_enum, ignore_case = true, default_value_t = Method::Post)]
    pub method: Method,
    /// Request path; `{id}` in it becomes the user id.
    #[arg(long, default_value = "/v1/identify")]
    pub path: String,
    /// What the request carries.
    #[arg(long, value_enum, default_value_t = BodyKind::Identify)]
    pub body_kind: BodyKind,
    /// API key, sent as `Authorization: Token KEY`.
    #[arg(long)]
    pub key: Option<String>,
    /// Number of user ids, `user_000000000` upwards.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000_000))]
    pub users: u32,
    /// Use the even user ids only.
    #[arg(long)]
    pub only_even: bool,
    /// Exit 0 in spite of refused requests and broken connections.
    #[arg(long)]
    pub tolerate: bool,
}

/// The request methods the benchmarks need.
#[derive(Clone, Copy, ValueEnum)]
pub enum Method {
    /// `GET`
    Get,
    /// `POST`
    Post,
}

impl TargetOptions {
    /// The request that every connection sends, or why these options make none.
    pub fn template(&self) -> Result<RequestTemplate> {
        ensure!(self.threads > 0, "--threads must be at least 1");
        ensure!(self.connections >= self.threads, "--connections must be at least --threads");
        let method = match self.method {
            Method::Get => "GET",
            Method::Post => "POST",
        };
        RequestTemplate::new(method, &self.path, self.address, self.key.as_deref(), self.body_kind)
    }
}

fn parse_loopback_address(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text.parse().map_err(|error| format!("not IP:PORT ({error})"))?;
    if address.ip().is_loopback() { Ok(address) } else { Err("only loopback addresses are driven".into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_driven() {
        assert!(parse_loopback_address("127.0.0.1:80").is_ok());
        assert!(parse_loopback_address("[::1]:80").is_ok());
        assert!(parse_loopback_address("192.0.2.1:80").is_err());
        assert!(parse_loopback_address("0.0.0.0:80").is_err());
        assert!(parse_loopback_address("localhost:80").is_err());
    }
}
