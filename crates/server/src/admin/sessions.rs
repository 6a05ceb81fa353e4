//! Signing in and out.
//!
//! A session is a token that a browser holds in a cookie; the catalog keeps its SHA-256. It is over when it was not
//! used for 30 days, when it is 90 days old, or when its member signs out, is removed or gets a new password by link.

use std::net::IpAddr;

use muster_kernel::model::audit::{Act, Actor};
use muster_kernel::model::catalog::CatalogState;
use muster_kernel::model::id::MemberId;
use muster_kernel::model::problem::{Problem, ProblemCode};
use muster_kernel::model::team::{Member, Session};
use muster_kernel::model::time::Timestamp;

use super::audit::Entry;
use super::{AdminError, Office, last_use, password, sha256};

/// Sessions of one member; signing in once more ends the oldest.
pub const SESSIONS_PER_MEMBER_MAX: usize = 20;

/// Somebody who wants to sign in.
#[derive(Clone, PartialEq, Eq)]
pub struct SignIn {
    /// The address.
    pub email: String,
    /// The password.
    pub password: String,
    /// Where the call comes from.
    pub address: Option<IpAddr>,
}

/// A session that was begun.
#[derive(Clone, PartialEq, Eq)]
pub struct Opened {
    /// Its token; shown to the browser and kept nowhere.
    pub token: String,
    /// Who is signed in.
    pub member: MemberId,
}

/// Signs a member in. Takes as long for an address that nobody has. `record` says whether a failure is to be written
/// down, and how many before it were not.
///
/// # Errors
/// When address and password do not belong together, or the catalog cannot be written.
pub fn sign_in(
    request: &SignIn,
    record: impl FnOnce(Timestamp) -> Option<u32>,
    office: Office<'_>,
) -> Result<Opened, AdminError> {
    let state = office.catalog.state();
    let known = state.member_with_email(&request.email);
    let is_right = password::matches(&request.password, known.map(|member| member.password.as_str()));
    let Some(member) = known.filter(|_| is_right) else {
        if let Some(passed_over) = record(office.clock.now()) {
            note_failure(known, request.address, passed_over, office)?;
        }
        return Err(wrong().into());
    };
    let token = office.draw_token();
    office.act(|state, now| {
        // Between the look and this change the password may have become another one.
        if state.member(member.id).is_none_or(|present| present.password != member.password) {
            return Err(wrong());
        }
        begin(state, member.id, &token, now);
        with_address(Entry::of(&actor(member), Act::SignedIn, &member.email), request.address)
            .put(state, now);
        Ok(())
    })?;
    Ok(Opened { token, member: member.id })
}

/// What was typed into the field of the address may be anything, a password even: only a known one is written down.
fn note_failure(
    known: Option<&Member>,
    address: Option<IpAddr>,
    passed_over: u32,
    office: Office<'_>,
) -> Result<(), AdminError> {
    let subject = known.map_or("an unknown address", |member| member.email.as_str());
    office.act(|state, now| {
        let mut entry = Entry::of(&Actor::Anonymous, Act::SignInFailed, subject);
        if passed_over > 0 {
            entry = entry.with("not_written_before", &passed_over.to_string());
        }
        with_address(entry, address).put(state, now);
        Ok(())
    })
}

fn wrong() -> Problem {
    let message = "The e-mail address and the password do not belong together; try again.";
    Problem::of_call(ProblemCode::CredentialsWrong, message)
}

fn with_address(entry: Entry, address: Option<IpAddr>) -> Entry {
    match address {
        Some(address) => entry.with("address", &address.to_string()),
        None => entry,
    }
}

/// Ends one session of a member.
///
/// # Errors
/// When the catalog cannot be written.
pub fn sign_out(by: &Actor, session: &str, office: Office<'_>) -> Result<(), AdminError> {
    end(by, Act::SignedOut, |known, _| known.sha256 == session, office)
}

/// Ends every session of a member.
///
/// # Errors
/// When the catalog cannot be written.
pub fn sign_out_everywhere(by: &Actor, office: Office<'_>) -> Result<(), AdminError> {
    end(by, Act::SignedOutEverywhere, |known, member| known.member == member, office)
}

fn end(
    by: &Actor,
    act: Act,
    ends: impl Fn(&Session, MemberId) -> bool,
    office: Office<'_>,
) -> Result<(), AdminError> {
    let Actor::Member { id, name } = by else { return Ok(()) };
    office.act(|state, now| {
        let before = state.sessions.len();
        state.sessions.retain(|session| !ends(session, *id));
        if state.sessions.len() < before {
            Entry::of(by, act, name).put(state, now);
        }
        Ok(())
    })
}

/// Begins a session; the oldest of the member's ends when there are too many.
pub(super) fn begin(state: &mut CatalogState, member: MemberId, token: &str, now: Timestamp) {
    let of_member = |session: &&Session| session.member == member;
    if state.sessions.iter().filter(of_member).count() >= SESSIONS_PER_MEMBER_MAX
        && let Some(oldest) = state.sessions.iter().position(|session| session.member == member)
    {
        state.sessions.remove(oldest);
    }
    state.sessions.push(Session { sha256: sha256(token), member, created_at: now, last_used_at: now });
    last_use::note_seen(state, member, now);
}

/// Drops sessions and invitations that are over.
pub(super) fn drop_expired(state: &mut CatalogState, now: Timestamp) {
    state.sessions.retain(|session| session.is_live(now));
    state.invitations.retain(|invitation| invitation.is_live(now));
}

/// A member as the audit names it.
pub(super) fn actor(member: &Member) -> Actor {
    Actor::Member { id: member.id, name: member.name.clone() }
}
