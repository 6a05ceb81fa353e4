//! Members: listed, given another role, removed; and what each of them may change about themselves.
//!
//! A server that once had an owner keeps one. Owners are the business of owners alone.

use muster_kernel::model::audit::{Act, Actor};
use muster_kernel::model::catalog::CatalogState;
use muster_kernel::model::id::MemberId;
use muster_kernel::model::problem::{Problem, ProblemCode};
use muster_kernel::model::team::{Invitation, Member, Purpose, Role};
use muster_kernel::model::time::Timestamp;

use super::audit::Entry;
use super::{
    AdminAnswer, AdminError, MemberView, Office, check_name, invalid, invitations, password, rank_of,
};

/// Members of a team.
pub const MEMBERS_MAX: usize = 500;
/// Characters of an address (RFC 5321: 254).
const EMAIL_CHARS_MAX: usize = 254;

/// What members change about themselves.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ChangeSelf {
    /// The new name.
    pub name: Option<String>,
    /// The present password and the new one.
    pub password: Option<(String, String)>,
}

pub(super) fn list(state: &CatalogState, now: Timestamp) -> AdminAnswer {
    let waiting = |invitation: &&Invitation| is_listed(invitation, now);
    AdminAnswer::Members {
        members: state.members.iter().map(view).collect(),
        invitations: state
            .invitations
            .iter()
            .filter(waiting)
            .map(|one| invitations::view(state, one))
            .collect(),
    }
}

fn is_listed(invitation: &Invitation, now: Timestamp) -> bool {
    invitation.purpose == Purpose::Member && invitation.is_live(now)
}

pub(super) fn set_role(
    id: MemberId,
    role: Role,
    by: &Actor,
    office: Office<'_>,
) -> Result<AdminAnswer, AdminError> {
    let member = office.act(|state, now| {
        let before = find(state, id)?.clone();
        check_rank(state, by, before.role.max(role))?;
        if role < Role::Owner {
            check_another_owner(state, &before)?;
        }
        if before.role != role {
            let entry = Entry::of(by, Act::MemberChanged, &before.email);
            entry.change("role", before.role.as_str(), role.as_str()).put(state, now);
        }
        if role < Role::Admin {
            // Who may no longer invite must not come back by a link of old.
            state.invitations.retain(|invitation| invitation.invited_by != Some(id));
        }
        state.members.iter_mut().filter(|member| member.id == id).for_each(|member| member.role = role);
        Ok(view(find(state, id)?))
    })?;
    Ok(AdminAnswer::MemberChanged { member })
}

pub(super) fn remove(id: MemberId, by: &Actor, office: Office<'_>) -> Result<AdminAnswer, AdminError> {
    let member = office.act(|state, now| {
        let member = find(state, id)?.clone();
        check_rank(state, by, member.role)?;
        check_another_owner(state, &member)?;
        state.members.retain(|other| other.id != id);
        state.sessions.retain(|session| session.member != id);
        state.invitations.retain(|invitation| {
            invitation.invited_by != Some(id) && invitation.purpose != Purpose::Reset(id)
        });
        let entry = Entry::of(by, Act::MemberRemoved, &member.email);
        entry.with("role", member.role.as_str()).put(state, now);
        Ok(view(&member))
    })?;
    Ok(AdminAnswer::MemberRemoved { member })
}

/// Changes what a member says about himself or herself. Another password ends every session but `session`.
///
/// # Errors
/// When the present password is another one, a field is not what it should be, or the catalog cannot be written.
pub fn change_self(
    id: MemberId,
    session: &str,
    request: &ChangeSelf,
    office: Office<'_>,
) -> Result<MemberView, AdminError> {
    request.name.as_deref().map_or(Ok(()), check_name)?;
    let known = find(&office.catalog.state(), id)?.password.clone();
    let hash = match &request.password {
        Some((present, new)) => {
            password::check(new, "/password/new")?;
            if !password::matches(present, Some(&known)) {
                return Err(other_password().into());
            }
            Some(password::hash(new, office.random)?)
        }
        None => None,
    };
    office.act(|state, now| {
        let mut member = find(state, id)?.clone();
        let by = super::sessions::actor(&member);
        if let Some(name) = request.name.as_ref().filter(|name| **name != member.name) {
            let entry = Entry::of(&by, Act::NameChanged, &member.email);
            entry.change("name", &member.name, name).put(state, now);
            member.name.clone_from(name);
        }
        if let Some(hash) = &hash {
            if member.password != known {
                return Err(other_password());
            }
            member.password.clone_from(hash);
            state.sessions.retain(|other| other.member != id || other.sha256 == session);
            Entry::of(&by, Act::PasswordChanged, &member.email).put(state, now);
        }
        let shown = view(&member);
        state.members.iter_mut().filter(|other| other.id == id).for_each(|other| *other = member.clone());
        Ok(shown)
    })
}

fn other_password() -> Problem {
    invalid("/password/current", "This is not your present password; try again.")
}

/// Whether an address may be one: what is checked is what keeps lists and links whole, not whether mail arrives.
pub(super) fn check_email(email: &str) -> Result<(), Problem> {
    let parts = email.rsplit_once('@');
    let plain = !email.chars().any(|c| c.is_whitespace() || c.is_control());
    let whole = parts.is_some_and(|(name, host)| !name.is_empty() && !host.is_empty());
    if whole && plain && email.chars().count() <= EMAIL_CHARS_MAX {
        return Ok(());
    }
    Err(invalid("/email", "Give an e-mail address, as ada@example.com."))
}

pub(super) fn check_email_is_free(state: &CatalogState, email: &str) -> Result<(), Problem> {
    match state.member_with_email(email) {
        Some(_) => {
            let message = "A member has this address already: choose another one.";
            Err(Problem::at("/email", ProblemCode::Taken, message))
        }
        None => Ok(()),
    }
}

/// Owners are the business of owners alone.
fn check_rank(state: &CatalogState, by: &Actor, of: Role) -> Result<(), Problem> {
    if of == Role::Owner && rank_of(by, state) < Role::Owner {
        let message = "Only an owner changes an owner or makes one.";
        return Err(Problem::of_call(ProblemCode::RoleInsufficient, message));
    }
    Ok(())
}

fn check_another_owner(state: &CatalogState, member: &Member) -> Result<(), Problem> {
    let others = state.members.iter().filter(|other| other.role == Role::Owner && other.id != member.id);
    if member.role == Role::Owner && others.count() == 0 {
        let message = "This is the last owner; make another member an owner first.";
        return Err(Problem::of_call(ProblemCode::LastOwner, message));
    }
    Ok(())
}

fn find(state: &CatalogState, id: MemberId) -> Result<&Member, Problem> {
    let message = "There is no such member; list them anew.";
    state.member(id).ok_or_else(|| Problem::of_call(ProblemCode::MemberUnknown, message))
}

fn view(member: &Member) -> MemberView {
    MemberView {
        id: member.id,
        name: member.name.clone(),
        email: member.email.clone(),
        role: member.role,
        created_at: member.created_at,
        last_seen_at: member.last_seen_at,
    }
}
