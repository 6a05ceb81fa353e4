//! `muster keys`.

use clap::{Args, Subcommand};
use muster_kernel::model::catalog::Scope;
use muster_kernel::model::id::KeyId;

use crate::admin::{AdminRequest, CreateKey, EnvironmentRef, Expiry, Replacement};

use super::{Output, values};

/// Make, list and revoke API keys.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Make a key; its secret is shown once.
    Create(Create),
    /// List the keys, revoked ones included.
    List(List),
    /// Refuse a key from now on, for good.
    Revoke(Revoke),
}

/// `muster keys create`.
#[derive(Debug, Args)]
pub struct Create {
    /// The environment that the key opens [default: that of the replaced key].
    #[arg(long, value_name = "NAME", required_unless_present = "replaces")]
    environment: Option<String>,
    /// What to recognise the key by [default: as the replaced key].
    #[arg(long, value_name = "TEXT", required_unless_present = "replaces")]
    name: Option<String>,
    /// What the key may do, separated by commas [default: ingest,read, or as the replaced key].
    #[arg(long, value_name = "SCOPES", value_delimiter = ',', value_parser = values::scope())]
    scopes: Option<Vec<Scope>>,
    /// When the key ends: a length of time (90d) or a date (2027-01-31) [default: never].
    #[arg(long, value_name = "TIME", value_parser = values::expiry)]
    expires: Option<Expiry>,
    /// The most calls per minute [default: no limit, or as the replaced key].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    calls_per_minute: Option<u32>,
    /// The number of a key that this one takes the place of.
    #[arg(long, value_name = "ID")]
    replaces: Option<u32>,
    /// For how long both keys are taken.
    #[arg(long, value_name = "TIME", requires = "replaces", default_value = "24h", value_parser = values::duration)]
    overlap: i64,
    #[command(flatten)]
    output: Output,
}

/// `muster keys list`.
#[derive(Debug, Args)]
pub struct List {
    /// Only the keys of this environment.
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,
    #[command(flatten)]
    output: Output,
}

/// `muster keys revoke`.
#[derive(Debug, Args)]
pub struct Revoke {
    /// The key's number, as `muster keys list` shows it.
    id: u32,
    #[command(flatten)]
    output: Output,
}

impl KeysCommand {
    /// What to ask for, and how to show the answer.
    pub fn into_request(self) -> (AdminRequest, Output) {
        match self {
            KeysCommand::Create(flags) => {
                let output = flags.output;
                (AdminRequest::CreateKey(flags.into()), output)
            }
            KeysCommand::List(List { environment, output }) => {
                (AdminRequest::ListKeys { environment: environment.map(EnvironmentRef::Name) }, output)
            }
            KeysCommand::Revoke(Revoke { id, output }) => {
                (AdminRequest::RevokeKey { id: KeyId(id), environment: None }, output)
            }
        }
    }
}

impl From<Create> for CreateKey {
    fn from(flags: Create) -> CreateKey {
        let overlap_micros = flags.overlap;
        CreateKey {
            environment: flags.environment.map(EnvironmentRef::Name),
            name: flags.name,
            scopes: flags.scopes,
            expires: flags.expires,
            calls_per_minute_max: flags.calls_per_minute,
            replaces: flags.replaces.map(|id| Replacement { id: KeyId(id), overlap_micros }),
        }
    }
}
