//! The audit: every administrative act, who did it and to what, in the order in which it was done.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::id::{EnvironmentId, MemberId};
use super::time::Timestamp;

/// An act. Written in the same change of the catalog as what it did, and never changed afterwards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Its number: each is one more than the one before.
    pub number: u64,
    /// When it was done.
    pub at: Timestamp,
    /// Who did it.
    pub actor: Actor,
    /// What was done.
    pub act: Act,
    /// The environment that it is about, when it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<EnvironmentId>,
    /// To what it was done, in words: a member's address, a key's name, …
    pub subject: String,
    /// What else is worth knowing, by name; never a secret.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<String, String>,
}

/// Who did it. The name is the one of that time, so that the entry still reads when the member is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Actor {
    /// A member who is signed in, or who signs in.
    Member {
        /// Who.
        id: MemberId,
        /// The name at that time.
        name: String,
    },
    /// Whoever may open the control socket or the data directory.
    CommandLine,
    /// The server itself.
    Server,
    /// Somebody who is not signed in.
    Anonymous,
}

macro_rules! acts {
    ($($(#[$doc:meta])* $act:ident = $text:literal,)*) => {
        /// What can be done.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Act {
            $($(#[$doc])* $act,)*
        }

        impl Act {
            /// Every act, in the order of the documentation.
            pub const ALL: &'static [Act] = &[$(Act::$act,)*];

            /// Its name in files and answers.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Act::$act => $text,)*
                }
            }
        }
    };
}

acts! {
    /// A member signed in with the password.
    SignedIn = "signed_in",
    /// Somebody tried a password that is not the member's, or an address that is nobody's.
    SignInFailed = "sign_in_failed",
    /// A member signed out of one browser.
    SignedOut = "signed_out",
    /// A member signed out of every browser.
    SignedOutEverywhere = "signed_out_everywhere",
    /// A link was made that makes the first owner, or that lets an owner choose a new password.
    OwnerLinkMade = "owner_link_made",
    /// A link was made that makes a member.
    InvitationMade = "invitation_made",
    /// Such a link was taken back.
    InvitationWithdrawn = "invitation_withdrawn",
    /// A link was accepted: there is a member more.
    MemberJoined = "member_joined",
    /// A member's role was changed.
    MemberChanged = "member_changed",
    /// A member was removed.
    MemberRemoved = "member_removed",
    /// A member took another name.
    NameChanged = "name_changed",
    /// A member chose another password, or set one by link.
    PasswordChanged = "password_changed",
    /// An environment was made.
    EnvironmentCreated = "environment_created",
    /// An environment's name, region, settings or masked properties were changed.
    EnvironmentChanged = "environment_changed",
    /// Somebody said what a property is, or who sees it.
    PropertyDeclared = "property_declared",
    /// A key was made.
    KeyCreated = "key_created",
    /// A key was revoked.
    KeyRevoked = "key_revoked",
    /// A member uploaded a file of rows.
    JobStarted = "job_started",
    /// A member cancelled a job.
    JobCancelled = "job_cancelled",
    /// An export was started.
    ExportStarted = "export_started",
    /// An export was cancelled.
    ExportCancelled = "export_cancelled",
    /// Users or companies are erased.
    ErasureAccepted = "erasure_accepted",
    /// A backup was made.
    BackupMade = "backup_made",
    /// A segment was saved.
    SegmentCreated = "segment_created",
    /// A saved segment was changed.
    SegmentChanged = "segment_changed",
    /// A saved segment was removed.
    SegmentRemoved = "segment_removed",
    /// A report was saved.
    ReportCreated = "report_created",
    /// A saved report was changed.
    ReportChanged = "report_changed",
    /// A saved report was removed.
    ReportRemoved = "report_removed",
    /// A dashboard was made.
    DashboardCreated = "dashboard_created",
    /// A dashboard was changed.
    DashboardChanged = "dashboard_changed",
    /// A dashboard was removed.
    DashboardRemoved = "dashboard_removed",
    /// Content of one kind was registered, in place of what there was.
    ContentRegistered = "content_registered",
    /// What was registered of one kind of content was removed.
    ContentRemoved = "content_removed",
    /// Somebody chose what is synced, and when.
    DataSyncChanged = "data_sync_changed",
    /// Somebody had days synced.
    DataSyncBackfilled = "data_sync_backfilled",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_act_reads_the_same_in_files_and_answers() {
        for &act in Act::ALL {
            assert_eq!(serde_json::to_value(act).unwrap(), act.as_str());
        }
    }
}
