//! What the commands against a running server share: where it is, and how they end.

use std::fmt;
use std::process::ExitCode;

use clap::Args;

use crate::client::{Client, ClientError};
use crate::config::{ServerAccess, Variables};

/// Exit codes, the same for every command against a running server. Part of the interface: docs/OPERATIONS.md.
pub const DONE: u8 = 0;
/// It did not work as a whole, or the server refused it.
pub const FAILED: u8 = 1;
/// The command was not understood.
pub const USAGE: u8 = 2;
/// All rows are done, and some were rejected.
pub const SOME_REJECTED: u8 = 3;
/// Nobody answered.
pub const UNREACHABLE: u8 = 4;

/// Which server.
#[derive(Debug, Args)]
#[command(next_help_heading = "Which server")]
pub struct Server {
    /// The server's address [default: MUSTER_URL, else http://127.0.0.1:6878].
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// The API key [default: MUSTER_API_KEY, which other users of the machine do not see].
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
}

impl Server {
    /// A client of it.
    pub fn client(self) -> Result<Client, Ended> {
        let access = ServerAccess::load(self.url, self.key, &Variables::of_process());
        let access = access.map_err(|error| Ended::new(USAGE, error.0.join("; ") + "."))?;
        Ok(Client::new(&access))
    }
}

/// Why a command ended without its answer, and with which exit code.
#[derive(Debug)]
pub struct Ended {
    code: u8,
    sentence: String,
}

impl Ended {
    /// With this code, for this reason.
    pub fn new(code: u8, sentence: impl Into<String>) -> Self {
        Ended { code, sentence: sentence.into() }
    }

    /// The exit code.
    pub fn code(&self) -> ExitCode {
        ExitCode::from(self.code)
    }

    /// The same with something to add.
    pub fn and(mut self, sentence: &str) -> Self {
        self.sentence = format!("{} {sentence}", self.sentence);
        self
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl From<ClientError> for Ended {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Unreachable(why) => {
                Ended::new(UNREACHABLE, format!("the server could not be reached: {why}."))
            }
            ClientError::Refused { code, message, .. } if code.is_empty() => {
                Ended::new(FAILED, format!("{message}."))
            }
            ClientError::Refused { code, message, .. } => {
                Ended::new(FAILED, format!("the server refused it ({code}): {message}"))
            }
            ClientError::Local(why) => Ended::new(FAILED, format!("{why}.")),
        }
    }
}

/// How a command ends.
pub type Outcome = Result<ExitCode, Ended>;
