//! The team: members and their roles, the links that invite them, and who is signed in.
//!
//! Nothing here opens anything by itself: of a password its argon2id hash is kept, of a token its SHA-256.

use serde::{Deserialize, Serialize};

use super::catalog::Scope;
use super::id::{InvitationId, MemberId};
use super::time::{MINUTE, Timestamp};

/// Microseconds in an hour.
pub const HOUR: i64 = 60 * MINUTE;
/// Microseconds in a day.
pub const DAY: i64 = 24 * HOUR;
/// How long a session lasts that nobody uses.
pub const SESSION_IDLE_MAX: i64 = 30 * DAY;
/// How long a session lasts at most.
pub const SESSION_AGE_MAX: i64 = 90 * DAY;

/// What a member may do. Each role may do what the ones before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads data, without what is about a person and without the bodies of calls.
    Viewer,
    /// Reads everything, and keys without their secrets.
    Analyst,
    /// Administers everything but the accounts of owners.
    Admin,
    /// Everything.
    Owner,
}

impl Role {
    /// Every role, the least first.
    pub const ALL: [Role; 4] = [Role::Viewer, Role::Analyst, Role::Admin, Role::Owner];

    /// Its name in commands, files and answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Viewer => "viewer",
            Role::Analyst => "analyst",
            Role::Admin => "admin",
            Role::Owner => "owner",
        }
    }

    /// What a session of this role may do where a key needs scopes. Writing data stays with keys, but for files of rows,
    /// which admins may send.
    pub fn scopes(self) -> &'static [Scope] {
        match self {
            Role::Viewer | Role::Analyst => &[Scope::Read],
            Role::Admin | Role::Owner => &[Scope::Read, Scope::Admin, Scope::Erase],
        }
    }

    /// Whether the role sees properties about a person and the bodies of calls.
    pub fn may_see_pii(self) -> bool {
        self >= Role::Analyst
    }
}

/// Somebody who may sign in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its number; never reused.
    pub id: MemberId,
    /// What the others call this person.
    pub name: String,
    /// The address to sign in with, unique without regard to case.
    pub email: String,
    /// What this person may do.
    pub role: Role,
    /// The password's argon2id hash as a PHC string.
    pub password: String,
    /// When the link was accepted.
    pub created_at: Timestamp,
    /// When a session of this member was last used, to the hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen_at: Option<Timestamp>,
}

/// What a one-time link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Makes the first owner.
    Owner,
    /// Makes a member.
    Member,
    /// Lets a member choose a new password.
    Reset(MemberId),
}

/// A one-time link that was not used yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// Its number; never reused.
    pub id: InvitationId,
    /// SHA-256 of its token, in hexadecimal.
    pub sha256: String,
    /// What it is for.
    pub purpose: Purpose,
    /// The role of whoever accepts it.
    pub role: Role,
    /// The address that the member will have; theirs to choose when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Who made it; the server or the command line when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invited_by: Option<MemberId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it opens nothing.
    pub expires_at: Timestamp,
}

impl Invitation {
    /// Whether the link still opens something at `now`.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.expires_at
    }
}

/// A member signed in on one browser.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// SHA-256 of its token, in hexadecimal.
    pub sha256: String,
    /// Who is signed in.
    pub member: MemberId,
    /// When the member signed in.
    pub created_at: Timestamp,
    /// When it was last used, to the hour.
    pub last_used_at: Timestamp,
}

impl Session {
    /// Whether it is not over at `now`.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.last_used_at.plus(SESSION_IDLE_MAX) && now < self.created_at.plus(SESSION_AGE_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_ends_when_it_rests_too_long_or_is_too_old() {
        let session = |created: i64, used: i64| Session {
            sha256: String::new(),
            member: MemberId(1),
            created_at: Timestamp(created * DAY),
            last_used_at: Timestamp(used * DAY),
        };
        let live = |session: Session, day: i64| session.is_live(Timestamp(day * DAY));
        assert!(live(session(0, 0), 29) && !live(session(0, 0), 30));
        assert!(live(session(0, 80), 89) && !live(session(0, 80), 90));
    }

    #[test]
    fn each_role_may_do_what_the_lesser_ones_may() {
        for pair in Role::ALL.windows(2) {
            assert!(pair[0] < pair[1]);
            assert!(pair[0].scopes().iter().all(|scope| pair[1].scopes().contains(scope)));
            assert!(pair[0].may_see_pii() <= pair[1].may_see_pii());
        }
    }
}
