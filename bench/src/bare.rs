//! `muster-bench bare`: the least an axum server can do with the same requests. Muster's figures are ratios to it.
//!
//! Plain axum on tokio's default multi-thread runtime with nothing tuned. It reads the whole body, since a server that
//! answers before it has the data is no yardstick for one that stores it, and keeps nothing.

use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::Result;
use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderName, StatusCode, header};
use axum::routing::{get, post};
use clap::Args;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// A profile as Muster would answer it, about 1 KB.
const PROFILE: &str = include_str!("profile.json");
const ACCEPTED: &str = r#"{"status":"accepted","warnings":[]}"#;
const JSON: [(HeaderName, &str); 1] = [(header::CONTENT_TYPE, "application/json")];

/// Options of `bare`.
#[derive(Args)]
pub struct BareOptions {
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
}

/// Serves until SIGTERM. The first line printed is `listening on IP:PORT`.
pub fn run(options: &BareOptions) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(options.listen))?;
    Ok(ExitCode::SUCCESS)
}

async fn serve(listen: SocketAddr) -> Result<()> {
    let routes = Router::new().route("/v1/identify", post(identify)).route("/v1/users/{id}", get(read_user));
    let mut terminate = signal(SignalKind::terminate())?;
    let listener = TcpListener::bind(listen).await?;
    println!("listening on {}", listener.local_addr()?);
    let stopped = async move {
        terminate.recv().await;
    };
    axum::serve(listener, routes).with_graceful_shutdown(stopped).await?;
    Ok(())
}

async fn identify(_body: Bytes) -> (StatusCode, [(HeaderName, &'static str); 1], &'static str) {
    (StatusCode::ACCEPTED, JSON, ACCEPTED)
}

async fn read_user() -> ([(HeaderName, &'static str); 1], &'static str) {
    (JSON, PROFILE)
}
