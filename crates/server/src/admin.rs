//! What an administrative request means: environments, keys and the team, created, listed and changed.
//!
//! Requests and answers are plain values, so that a request means the same whether it comes over HTTP, from a command
//! through a running server (`control`), or from a command that opened the engine itself. Guarantees: an act and its
//! audit entry are one change of the catalog, made whole or not at all and durable when it is answered; a secret
//! appears in exactly one answer, the one that created it. It never touches the data of an environment and never opens
//! a socket.

mod audit;
mod backups;
mod content;
mod environments;
mod erasures;
mod exports;
mod first_start;
mod invitations;
mod jobs;
mod keys;
mod last_use;
mod members;
mod password;
mod properties;
mod saved;
pub(crate) mod schema;
mod segments;
mod sessions;
mod sync;
pub(crate) mod time_text;
mod views;

use std::fmt;

use muster_kernel::model::catalog::{CatalogState, Environment};
use muster_kernel::model::id::{EnvironmentId, InvitationId, KeyId, MemberId};
use muster_kernel::model::problem::{Problem, ProblemCode};
use muster_kernel::model::team::Role;
use muster_kernel::model::time::Timestamp;
use muster_kernel::ports::{AuditTrail, Catalog, Clock, Erasures, Lists};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use muster_kernel::model::audit::Actor;

pub use audit::{AUDIT_PAGE_MAX, list as list_audit};
pub use backups::note_backup;
pub use content::{register as register_content, remove as remove_content};
pub(crate) use environments::kept_days;
pub use environments::{CreateEnvironment, SetEnvironment, SettingsPatch, view as view_environment};
pub use erasures::record_erasure;
pub use exports::note_export;
pub use first_start::{FirstStart, OwnerLink, first_start, owner_link};
pub use invitations::{Accept, INVITATIONS_MAX, Invite, Offer, accept, look_up};
pub use jobs::note_job;
pub use keys::{CreateKey, Expiry, Replacement, is_live_secret};
pub use last_use::{LastUse, record_last_use};
pub use members::{ChangeSelf, MEMBERS_MAX, change_self};
pub use properties::{DeclareProperty, declare as declare_property};
pub use saved::{
    Kept, SavedAct, create as create_saved, find as find_saved, remove as remove_saved,
    replace as replace_saved, unknown as unknown_saved,
};
pub use segments::{
    Content, SegmentAct, SegmentFields, change_list, create as create_segment,
    definitions as segment_definitions, remove as remove_segment, replace as replace_segment,
    unknown as unknown_segment,
};
pub use sessions::{Opened, SESSIONS_PER_MEMBER_MAX, SignIn, sign_in, sign_out, sign_out_everywhere};
pub use sync::{SYNC_FIRST_VERSION, backfill as backfill_sync, choose as choose_sync};
pub use time_text::to_the_second;
pub use views::{EnvironmentView, InvitationView, KeyStatus, KeyView, MemberView};

/// A source of random bytes.
pub type Random<'a> = &'a (dyn Fn(&mut [u8]) + Send + Sync);

/// Environments in a catalog: each has threads and memory of its own.
pub const ENVIRONMENTS_MAX: usize = 256;
/// Keys in a catalog, revoked ones included: each call looks one up.
pub const KEYS_MAX: usize = 10_000;
/// Characters in the name of a key, an environment or a member.
pub const NAME_CHARS_MAX: usize = 64;

/// What administration works with.
#[derive(Clone, Copy)]
pub struct Office<'a> {
    /// Where everything is kept.
    pub catalog: &'a dyn Catalog,
    /// Where older acts are kept.
    pub trail: &'a dyn AuditTrail,
    /// What was to be forgotten.
    pub erasures: &'a dyn Erasures,
    /// The ids of static segments.
    pub lists: &'a dyn Lists,
    /// The wall clock.
    pub clock: &'a dyn Clock,
    /// The source of secrets.
    pub random: Random<'a>,
    /// Where one-time links lead: scheme and host, without a final slash.
    pub base: &'a str,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case")]
pub enum AdminRequest {
    /// Make a key.
    CreateKey(CreateKey),
    /// Name the keys, of one environment when one is named.
    ListKeys {
        /// The environment.
        environment: Option<EnvironmentRef>,
    },
    /// Refuse a key from now on, for good.
    RevokeKey {
        /// Which.
        id: KeyId,
        /// The environment that it must belong to; any when absent.
        environment: Option<EnvironmentRef>,
    },
    /// Make an environment.
    CreateEnvironment(CreateEnvironment),
    /// Name the environments.
    ListEnvironments,
    /// Change an environment's name, region, settings or masked properties.
    SetEnvironment(SetEnvironment),
    /// Name the members and the invitations.
    ListMembers,
    /// Give a member another role.
    SetRole {
        /// Who.
        id: MemberId,
        /// The new role.
        role: Role,
    },
    /// Remove a member and everything that lets this person in.
    RemoveMember {
        /// Who.
        id: MemberId,
    },
    /// Make a link that makes a member.
    Invite(Invite),
    /// Take such a link back.
    WithdrawInvitation {
        /// Which.
        id: InvitationId,
    },
    /// Make a link that lets an owner choose a new password, or that makes the first owner where there is none.
    ResetOwner {
        /// The owner's address; the first owner when absent.
        email: Option<String>,
    },
    /// Show an erasure and its certificate.
    Certificate {
        /// The erasure's id.
        id: String,
    },
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum AdminAnswer {
    /// A key was made.
    KeyCreated {
        /// The key.
        key: KeyView,
        /// The secret itself: nobody can ask for it again.
        secret: String,
        /// The key that it replaces, with the time at which that one ends.
        replaced: Option<KeyView>,
    },
    /// The keys, by number.
    Keys {
        /// The keys.
        keys: Vec<KeyView>,
    },
    /// A key is revoked, now or since before.
    KeyRevoked {
        /// The key.
        key: KeyView,
    },
    /// An environment was made.
    EnvironmentCreated {
        /// The environment.
        environment: EnvironmentView,
    },
    /// The environments, by number.
    Environments {
        /// The environments.
        environments: Vec<EnvironmentView>,
    },
    /// An environment is now so.
    EnvironmentChanged {
        /// The environment.
        environment: EnvironmentView,
    },
    /// The members and the invitations, by number.
    Members {
        /// The members.
        members: Vec<MemberView>,
        /// The links that were not used yet.
        invitations: Vec<InvitationView>,
    },
    /// A member is now so.
    MemberChanged {
        /// The member.
        member: MemberView,
    },
    /// A member is gone.
    MemberRemoved {
        /// The member as it was.
        member: MemberView,
    },
    /// A link was made.
    Invited {
        /// The invitation.
        invitation: InvitationView,
        /// The link itself: nobody can ask for it again.
        link: String,
    },
    /// A link opens nothing any more.
    InvitationWithdrawn {
        /// The invitation as it was.
        invitation: InvitationView,
    },
    /// An erasure as it stands.
    Erasure {
        /// The name of its environment.
        environment: String,
        /// The erasure, as `GET /v1/erasures/{id}` answers it.
        erasure: serde_json::Value,
    },
    /// A link for an owner was made.
    OwnerLink {
        /// The link itself.
        link: String,
        /// The address of the owner whose password it sets; the first owner is yet to come when absent.
        email: Option<String>,
        /// From when on it opens nothing.
        #[serde(with = "time_text")]
        expires_at: Timestamp,
    },
}

/// An environment as a request names it: by number or by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum EnvironmentRef {
    /// By number.
    Id(EnvironmentId),
    /// By name, without regard to case.
    Name(String),
}

impl From<&str> for EnvironmentRef {
    fn from(name: &str) -> Self {
        EnvironmentRef::Name(name.to_owned())
    }
}

impl From<EnvironmentId> for EnvironmentRef {
    fn from(id: EnvironmentId) -> Self {
        EnvironmentRef::Id(id)
    }
}

/// Why a request was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AdminError {
    /// It breaks a rule, and nothing was changed. Correct it as the sentence says.
    Refused(Problem),
    /// The catalog could not be written, so the change may not last. Mend the cause, list, and try again.
    Failed {
        /// What happened, for the operator.
        message: String,
    },
}

impl AdminError {
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        AdminError::Failed { message: message.into() }
    }
}

impl From<Problem> for AdminError {
    fn from(problem: Problem) -> Self {
        AdminError::Refused(problem)
    }
}

impl fmt::Display for AdminError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (AdminError::Refused(Problem { message, .. }) | AdminError::Failed { message }) = self;
        f.write_str(message)
    }
}

impl std::error::Error for AdminError {}

/// Carries out a request of `by`, who may make requests of this kind.
///
/// # Errors
/// When the request breaks a rule, or the catalog cannot be written.
pub fn execute(request: AdminRequest, by: &Actor, office: Office<'_>) -> Result<AdminAnswer, AdminError> {
    let (state, now) = (office.catalog.state(), office.clock.now());
    match request {
        AdminRequest::CreateKey(request) => keys::create(&request, by, office),
        AdminRequest::ListKeys { environment } => Ok(keys::list(environment.as_ref(), &state, now)?),
        AdminRequest::RevokeKey { id, environment } => keys::revoke(id, environment.as_ref(), by, office),
        AdminRequest::CreateEnvironment(request) => environments::create(&request, by, office),
        AdminRequest::ListEnvironments => Ok(environments::list(&state, now)),
        AdminRequest::SetEnvironment(request) => environments::set(&request, by, office),
        AdminRequest::ListMembers => Ok(members::list(&state, now)),
        AdminRequest::SetRole { id, role } => members::set_role(id, role, by, office),
        AdminRequest::RemoveMember { id } => members::remove(id, by, office),
        AdminRequest::Invite(request) => invitations::invite(&request, by, office),
        AdminRequest::WithdrawInvitation { id } => invitations::withdraw(id, by, office),
        AdminRequest::Certificate { id } => erasures::certificate(&id, office),
        AdminRequest::ResetOwner { email } => invitations::reset_owner(email.as_deref(), by, office),
    }
}

impl Office<'_> {
    /// Makes one change and answers what `make` answered. What has expired goes with the same change, and acts that the
    /// catalog need not hold any longer go to the trail afterwards.
    fn act<T>(
        self,
        mut make: impl FnMut(&mut CatalogState, Timestamp) -> Result<T, Problem>,
    ) -> Result<T, AdminError> {
        let now = self.clock.now();
        let mut made = None;
        let outcome = self.catalog.change(&mut |state| {
            sessions::drop_expired(state, now);
            let answer = make(state, now);
            let broken = answer.as_ref().err().map(|problem| problem.message.clone());
            made = Some(answer);
            broken.map_or(Ok(()), Err)
        });
        if let Err(error) = outcome {
            return Err(AdminError::failed(format!(
                "The catalog could not be written ({error}), so the change may not last. Mend the cause, list what is \
                 there, and try again."
            )));
        }
        audit::shorten(self);
        let answer = made.ok_or_else(|| AdminError::failed("The catalog did not make the change."))?;
        Ok(answer?)
    }

    /// Draws a token of 256 bits, in hexadecimal.
    fn draw_token(self) -> String {
        let mut bytes = [0; 32];
        (self.random)(&mut bytes);
        hexadecimal(&bytes)
    }

    /// The one-time link that carries a token: in the fragment, which no browser sends and no server logs.
    fn link(self, token: &str) -> String {
        format!("{}/welcome#{token}", self.base)
    }
}

/// What is kept of a secret or a token: its SHA-256 in hexadecimal. Both are long and random, so nothing slower is needed.
pub fn sha256(secret: &str) -> String {
    hexadecimal(&Sha256::digest(secret.as_bytes()))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The rank of whoever acts. Who may open the data directory may do everything.
fn rank_of(by: &Actor, state: &CatalogState) -> Role {
    match by {
        Actor::CommandLine | Actor::Server => Role::Owner,
        Actor::Member { id, .. } => state.member(*id).map_or(Role::Viewer, |member| member.role),
        Actor::Anonymous => Role::Viewer,
    }
}

/// A field of a request that is not what it should be.
fn invalid(pointer: &str, message: impl Into<String>) -> Problem {
    Problem::at(pointer, ProblemCode::FieldInvalid, message)
}

/// Checks the name of a key, an environment or a member.
fn check_name(name: &str) -> Result<(), Problem> {
    let chars = name.chars().count();
    if name.trim() != name || name.is_empty() || chars > NAME_CHARS_MAX || name.chars().any(char::is_control)
    {
        let message = format!(
            "The name {name:?} cannot be used: give 1 to {NAME_CHARS_MAX} characters without control characters, and \
             without white space at the ends."
        );
        return Err(invalid("/name", message));
    }
    Ok(())
}

/// An environment by number, or by name without regard to case.
fn environment_of<'a>(state: &'a CatalogState, wanted: &EnvironmentRef) -> Result<&'a Environment, Problem> {
    let name = match wanted {
        EnvironmentRef::Id(id) => {
            let missing = || format!("There is no environment number {id}.");
            return state.environment(*id).ok_or_else(|| unknown_environment(missing()));
        }
        EnvironmentRef::Name(name) => name,
    };
    environment_named(state, name).ok_or_else(|| {
        let known: Vec<&str> =
            state.environments.iter().map(|environment| environment.name.as_str()).collect();
        unknown_environment(match known.as_slice() {
            [] => format!("There is no environment {name:?}, and no other one: create it first."),
            known => format!("There is no environment {name:?}; there are: {}.", known.join(", ")),
        })
    })
}

fn environment_named<'a>(state: &'a CatalogState, name: &str) -> Option<&'a Environment> {
    state.environments.iter().find(|environment| environment.name.to_lowercase() == name.to_lowercase())
}

fn unknown_environment(message: String) -> Problem {
    Problem::of_call(ProblemCode::EnvironmentUnknown, message)
}

#[cfg(test)]
#[path = "admin/tests.rs"]
mod tests;
