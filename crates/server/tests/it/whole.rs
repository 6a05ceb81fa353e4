//! The whole product: the built binary on a real directory, reached through its port.

use std::net::SocketAddr;
use std::path::Path;

use crate::client::Client;
use crate::process::Server;

/// The key of every test against the whole server.
pub const KEY: &str = crate::world::KEY;

/// Starts the server with [`KEY`] as its first key and some more settings.
pub fn start(data: &Path, variables: &[(&str, &str)]) -> Server {
    let mut all = vec![("MUSTER_BOOTSTRAP_API_KEY", KEY)];
    all.extend_from_slice(variables);
    Server::start(data, &[], &all)
}

/// Where a server listens.
pub fn address(server: &Server) -> SocketAddr {
    let line = server.banner.lines().find_map(|line| line.split_once(" is listening on http://")).unwrap().1;
    line.trim().parse().unwrap()
}

/// A connection to a server.
pub fn client(server: &Server) -> Client {
    Client::connect(address(server))
}
