//! `muster owner`.

use clap::{Args, Subcommand};

use crate::admin::AdminRequest;

use super::Output;

/// Let an owner in again.
#[derive(Debug, Subcommand)]
pub enum OwnerCommand {
    /// Print a link that lets an owner choose a new password, or that makes the first owner.
    Reset(Reset),
}

/// `muster owner reset`.
#[derive(Debug, Args)]
pub struct Reset {
    /// The owner's e-mail address [default: the first owner].
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    #[command(flatten)]
    output: Output,
}

impl OwnerCommand {
    /// What to ask for, and how to show the answer.
    pub fn into_request(self) -> (AdminRequest, Output) {
        let OwnerCommand::Reset(Reset { email, output }) = self;
        (AdminRequest::ResetOwner { email }, output)
    }
}
