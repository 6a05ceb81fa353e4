//! A real S3 service for tests: moto, on a port of its own.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::client::{Answer, Client};
use crate::world::until;

/// The secret of the key that it is used with.
pub const SECRET: &str = "a secret that no log names";

/// An S3 service (moto, of PyPI), put there by `make tools`.
pub struct S3 {
    child: Child,
    port: u16,
}

impl S3 {
    /// Starts it on a spare port.
    pub fn start() -> S3 {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let home = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("readers");
        let program = home.join("bin/moto_server");
        assert!(program.exists(), "{} is missing: run `make tools`", program.display());
        let mut command = Command::new(program);
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let s3 = S3 { child, port };
        until("the S3 service answers", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        s3
    }

    /// What a program must be told to use it.
    pub fn variables(&self) -> Vec<(String, String)> {
        let endpoint = format!("http://127.0.0.1:{}", self.port);
        let pairs = [
            ("MUSTER_S3__ENDPOINT", endpoint.as_str()),
            ("MUSTER_S3_ACCESS_KEY_ID", "test"),
            ("MUSTER_S3_SECRET_ACCESS_KEY", SECRET),
        ];
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    /// A call without a body.
    pub fn ask(&self, method: &str, path: &str) -> Answer {
        let mut client = Client::connect(([127, 0, 0, 1], self.port).into());
        let host = format!("127.0.0.1:{}", self.port);
        // Whoever names a key may do everything there; what it signs is not looked at.
        let key = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0";
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: {key}\r\nContent-Length: 0\r\n\r\n"
        );
        client.write(head.as_bytes());
        client.answer(false)
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
