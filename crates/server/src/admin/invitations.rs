//! One-time links: for the first owner, for a new member, for an owner who forgot the password.
//!
//! A link carries a token of which the catalog keeps the SHA-256. It opens one thing once, for seven days.

use muster_kernel::model::audit::{Act, Actor};
use muster_kernel::model::catalog::CatalogState;
use muster_kernel::model::id::{InvitationId, MemberId};
use muster_kernel::model::problem::{Problem, ProblemCode};
use muster_kernel::model::team::{DAY, Invitation, Member, Purpose, Role};
use muster_kernel::model::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::audit::Entry;
use super::members::{MEMBERS_MAX, check_email, check_email_is_free};
use super::sessions::{self, Opened};
use super::{
    AdminAnswer, AdminError, InvitationView, Office, check_name, invalid, password, rank_of, sha256,
};

/// Invitations that wait to be accepted.
pub const INVITATIONS_MAX: usize = 200;
/// How long a link opens something.
const LIFETIME: i64 = 7 * DAY;

/// A member to be invited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invite {
    /// What the member shall be allowed to do.
    pub role: Role,
    /// The address that the member shall have; theirs to choose when absent.
    pub email: Option<String>,
}

/// What a link offers to whoever opens it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// What it is for.
    pub purpose: Purpose,
    /// The role of whoever accepts it.
    pub role: Role,
    /// The address, where it is settled.
    pub email: Option<String>,
    /// From when on it opens nothing.
    pub expires_at: Timestamp,
}

/// A link to be accepted.
#[derive(Clone, PartialEq, Eq)]
pub struct Accept {
    /// The token that the link carries.
    pub token: String,
    /// What the others shall call the new member.
    pub name: Option<String>,
    /// The address to sign in with, where the link does not settle it.
    pub email: Option<String>,
    /// The password.
    pub password: String,
}

/// What the link with this token offers.
///
/// # Errors
/// When it was used, has expired, or never was one.
pub fn look_up(state: &CatalogState, token: &str, now: Timestamp) -> Result<Offer, Problem> {
    let found = find(state, token, now)?;
    let of_member = match found.purpose {
        Purpose::Reset(id) => state.member(id).map(|member| member.email.clone()),
        Purpose::Owner | Purpose::Member => None,
    };
    Ok(Offer {
        purpose: found.purpose,
        role: found.role,
        email: of_member.or_else(|| found.email.clone()),
        expires_at: found.expires_at,
    })
}

/// Accepts a link: makes the member, or sets the password of the one there is, and signs in.
///
/// # Errors
/// When the link opens nothing, a field is not what it should be, or the catalog cannot be written.
pub fn accept(request: &Accept, office: Office<'_>) -> Result<Opened, AdminError> {
    let state = office.catalog.state();
    // Looked at before the hash, which is dear.
    let offer = look_up(&state, &request.token, office.clock.now())?;
    let settled = settle(request, &offer)?;
    let hash = password::hash(&request.password, office.random)?;
    let token = office.draw_token();
    let member = office.act(|state, now| {
        let invitation = find(state, &request.token, now)?.clone();
        state.invitations.retain(|other| other.id != invitation.id);
        let id = match invitation.purpose {
            Purpose::Reset(id) => reset(state, id, &hash, now)?,
            Purpose::Owner | Purpose::Member => join(state, &settled, invitation.role, &hash, now)?,
        };
        sessions::begin(state, id, &token, now);
        Ok(id)
    })?;
    Ok(Opened { token, member })
}

/// Name and address of whoever accepts.
struct Settled {
    name: String,
    email: String,
}

fn settle(request: &Accept, offer: &Offer) -> Result<Settled, Problem> {
    password::check(&request.password, "/password")?;
    let email = match (&offer.email, &request.email) {
        (Some(settled), Some(given)) if settled.to_lowercase() != given.to_lowercase() => {
            return Err(invalid(
                "/email",
                format!("This link is for {settled}; leave the address as it is."),
            ));
        }
        (Some(settled), _) => settled.clone(),
        (None, Some(given)) => given.clone(),
        (None, None) => return Err(invalid("/email", "Give the e-mail address to sign in with.")),
    };
    if matches!(offer.purpose, Purpose::Reset(_)) {
        return Ok(Settled { name: String::new(), email });
    }
    check_email(&email)?;
    let name = request.name.clone().unwrap_or_default();
    check_name(&name)?;
    Ok(Settled { name, email })
}

fn join(
    state: &mut CatalogState,
    settled: &Settled,
    role: Role,
    hash: &str,
    now: Timestamp,
) -> Result<MemberId, Problem> {
    check_email_is_free(state, &settled.email)?;
    if state.members.len() >= MEMBERS_MAX {
        let message = format!("There are {MEMBERS_MAX} members already; a server has no more.");
        return Err(Problem::of_call(ProblemCode::LimitReached, message));
    }
    if role == Role::Owner {
        state.invitations.retain(|other| other.purpose != Purpose::Owner);
    }
    let id = MemberId(state.next_member.max(1));
    state.next_member = id.0 + 1;
    let Settled { name, email } = settled;
    let member = Member {
        id,
        name: name.clone(),
        email: email.clone(),
        role,
        password: hash.to_owned(),
        created_at: now,
        last_seen_at: None,
    };
    let entry = Entry::of(&sessions::actor(&member), Act::MemberJoined, email);
    entry.with("role", role.as_str()).put(state, now);
    state.members.push(member);
    Ok(id)
}

/// Whoever forgot the password may have lost a device as well: every session ends.
fn reset(state: &mut CatalogState, id: MemberId, hash: &str, now: Timestamp) -> Result<MemberId, Problem> {
    let member = state.members.iter_mut().find(|member| member.id == id).ok_or_else(opens_nothing)?;
    member.password = hash.to_owned();
    let entry = Entry::of(&sessions::actor(member), Act::PasswordChanged, &member.email).with("by", "link");
    state.sessions.retain(|session| session.member != id);
    state.invitations.retain(|other| other.purpose != Purpose::Reset(id));
    entry.put(state, now);
    Ok(id)
}

pub(super) fn invite(request: &Invite, by: &Actor, office: Office<'_>) -> Result<AdminAnswer, AdminError> {
    let token = office.draw_token();
    let invitation = office.act(|state, now| {
        if request.role > rank_of(by, state) {
            let message = "Only an owner invites an owner; choose another role.";
            return Err(Problem::at("/role", ProblemCode::RoleInsufficient, message));
        }
        if let Some(email) = &request.email {
            check_email(email)?;
            check_email_is_free(state, email)?;
        }
        let made = insert(state, Purpose::Member, request.role, request.email.as_deref(), &token, now)?;
        if let (Actor::Member { id, .. }, Some(last)) = (by, state.invitations.last_mut()) {
            last.invited_by = Some(*id);
        }
        let subject = request.email.as_deref().unwrap_or("whoever has the link");
        Entry::of(by, Act::InvitationMade, subject).with("role", request.role.as_str()).put(state, now);
        view_of(state, made)
    })?;
    Ok(AdminAnswer::Invited { invitation, link: office.link(&token) })
}

pub(super) fn withdraw(id: InvitationId, by: &Actor, office: Office<'_>) -> Result<AdminAnswer, AdminError> {
    let invitation = office.act(|state, now| {
        let found = state.invitations.iter().find(|other| other.id == id && other.purpose == Purpose::Member);
        let Some(invitation) = found.cloned() else {
            let message = "There is no such invitation; it may have been used meanwhile.";
            return Err(Problem::of_call(ProblemCode::InvitationUnknown, message));
        };
        if invitation.role > rank_of(by, state) {
            let message = "Only an owner takes back what invites an owner.";
            return Err(Problem::of_call(ProblemCode::RoleInsufficient, message));
        }
        let shown = view(state, &invitation);
        state.invitations.retain(|other| other.id != id);
        let subject = invitation.email.as_deref().unwrap_or("whoever has the link");
        let entry = Entry::of(by, Act::InvitationWithdrawn, subject);
        entry.with("role", invitation.role.as_str()).put(state, now);
        Ok(shown)
    })?;
    Ok(AdminAnswer::InvitationWithdrawn { invitation })
}

/// The link that makes the first owner, in the place of any made before, and its end.
pub(super) fn first_owner(by: &Actor, office: Office<'_>) -> Result<(String, Timestamp), AdminError> {
    let token = office.draw_token();
    let expires_at = office.act(|state, now| {
        state.invitations.retain(|other| other.purpose != Purpose::Owner);
        insert(state, Purpose::Owner, Role::Owner, None, &token, now)?;
        Entry::of(by, Act::OwnerLinkMade, "the first owner").put(state, now);
        Ok(now.plus(LIFETIME))
    })?;
    Ok((office.link(&token), expires_at))
}

pub(super) fn reset_owner(
    email: Option<&str>,
    by: &Actor,
    office: Office<'_>,
) -> Result<AdminAnswer, AdminError> {
    let state = office.catalog.state();
    let owners = || state.members.iter().filter(|member| member.role == Role::Owner);
    let owner = match email {
        Some(email) => owners().find(|owner| owner.email.to_lowercase() == email.to_lowercase()),
        None => owners().next(),
    };
    let Some(owner) = owner else {
        let known: Vec<&str> = owners().map(|owner| owner.email.as_str()).collect();
        if !known.is_empty() {
            let message = format!("No owner has this address; there are: {}.", known.join(", "));
            return Err(Problem::at("/email", ProblemCode::MemberUnknown, message).into());
        }
        let (link, expires_at) = first_owner(by, office)?;
        return Ok(AdminAnswer::OwnerLink { link, email: None, expires_at });
    };
    let token = office.draw_token();
    let expires_at = office.act(|state, now| {
        let purpose = Purpose::Reset(owner.id);
        state.invitations.retain(|other| other.purpose != purpose);
        insert(state, purpose, owner.role, None, &token, now)?;
        Entry::of(by, Act::OwnerLinkMade, &owner.email).put(state, now);
        Ok(now.plus(LIFETIME))
    })?;
    Ok(AdminAnswer::OwnerLink { link: office.link(&token), email: Some(owner.email.clone()), expires_at })
}

fn insert(
    state: &mut CatalogState,
    purpose: Purpose,
    role: Role,
    email: Option<&str>,
    token: &str,
    now: Timestamp,
) -> Result<InvitationId, Problem> {
    let waiting = state.invitations.iter().filter(|other| other.purpose == Purpose::Member).count();
    // Links for owners are few by themselves, and must be had at any time.
    if purpose == Purpose::Member && waiting >= INVITATIONS_MAX {
        let message =
            format!("There are {INVITATIONS_MAX} unused invitations already; take some back first.");
        return Err(Problem::of_call(ProblemCode::LimitReached, message));
    }
    let id = InvitationId(state.next_invitation.max(1));
    state.next_invitation = id.0 + 1;
    state.invitations.push(Invitation {
        id,
        sha256: sha256(token),
        purpose,
        role,
        email: email.map(str::to_owned),
        invited_by: None,
        created_at: now,
        expires_at: now.plus(LIFETIME),
    });
    Ok(id)
}

fn find<'a>(state: &'a CatalogState, token: &str, now: Timestamp) -> Result<&'a Invitation, Problem> {
    let sha256 = sha256(token);
    let found = state.invitations.iter().find(|invitation| invitation.sha256 == sha256);
    found.filter(|invitation| invitation.is_live(now)).ok_or_else(opens_nothing)
}

fn opens_nothing() -> Problem {
    let message = "This link was used, has expired, or is not whole; ask for another one.";
    Problem::of_call(ProblemCode::InvitationInvalid, message)
}

fn view_of(state: &CatalogState, id: InvitationId) -> Result<InvitationView, Problem> {
    let found = state.invitations.iter().find(|invitation| invitation.id == id);
    found.map(|invitation| view(state, invitation)).ok_or_else(opens_nothing)
}

pub(super) fn view(state: &CatalogState, invitation: &Invitation) -> InvitationView {
    let by = invitation.invited_by.and_then(|id| state.member(id));
    InvitationView {
        id: invitation.id,
        role: invitation.role,
        email: invitation.email.clone(),
        created_at: invitation.created_at,
        expires_at: invitation.expires_at,
        invited_by: by.map(|member| member.name.clone()),
    }
}
