//! API keys: made, listed, replaced, revoked.
//!
//! A secret is drawn, shown once and forgotten: the catalog keeps its SHA-256 and its last four characters.

use muster_kernel::model::audit::{Act, Actor};
use muster_kernel::model::catalog::{ApiKey, CatalogState, Scope};
use muster_kernel::model::id::{EnvironmentId, KeyId};
use muster_kernel::model::problem::{Problem, ProblemCode};
use muster_kernel::model::time::{MINUTE, Timestamp};
use serde::{Deserialize, Serialize};

use super::audit::Entry;
use super::{
    AdminAnswer, AdminError, EnvironmentRef, KEYS_MAX, KeyStatus, KeyView, Office, Random, check_name,
    environment_of, invalid, sha256,
};

/// What every secret begins with, so that a leaked one can be recognised.
const SECRET_PREFIX: &str = "mk_";
/// 190 bits of chance.
const SECRET_RANDOM_CHARS: usize = 32;
/// Characters of a secret that are kept to recognise it by.
const HINT_CHARS: usize = 4;
/// A key without scopes named may write and read, but neither administer nor erase.
const SCOPES_DEFAULT: [Scope; 2] = [Scope::Ingest, Scope::Read];
/// Nobody plans further ahead; also keeps every end inside the range of instants.
const LIFETIME_MAX: i64 = 100 * 366 * 24 * 60 * MINUTE;

/// A key to be made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateKey {
    /// The environment; that of the replaced key when absent.
    pub environment: Option<EnvironmentRef>,
    /// What its owner calls it; as the replaced key when absent.
    pub name: Option<String>,
    /// What it may do; as the replaced key when absent.
    pub scopes: Option<Vec<Scope>>,
    /// When it ends; never when absent.
    pub expires: Option<Expiry>,
    /// Calls per minute; as the replaced key when absent.
    pub calls_per_minute_max: Option<u32>,
    /// The key that it takes the place of.
    pub replaces: Option<Replacement>,
}

/// When a key ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expiry {
    /// So many microseconds from now.
    AfterMicros(i64),
    /// At this instant.
    At(Timestamp),
}

/// A key to be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replacement {
    /// Which.
    pub id: KeyId,
    /// For how many microseconds from now both keys are taken.
    pub overlap_micros: i64,
}

pub(super) fn create(request: &CreateKey, by: &Actor, office: Office<'_>) -> Result<AdminAnswer, AdminError> {
    let secret = draw_secret(office.random);
    let (key, replaced) = office.act(|state, now| {
        let old = request.replaces.map(|replacement| replaceable(state, replacement.id, now)).transpose()?;
        let key = settle(request, old.as_ref(), state, now)?;
        let id = insert(state, ApiKey { sha256: sha256(&secret), hint: hint(&secret), ..key })?;
        if let Some(replacement) = request.replaces {
            end_after_overlap(state, replacement, now)?;
        }
        let replaced = request.replaces.map(|replacement| view_of(state, replacement.id, now)).transpose()?;
        let key = find(state, id)?.clone();
        made(&key, request.replaces, by).put(state, now);
        Ok((view(state, &key, now), replaced))
    })?;
    Ok(AdminAnswer::KeyCreated { key, secret, replaced })
}

/// The act as the audit says it.
pub(super) fn made(key: &ApiKey, replaces: Option<Replacement>, by: &Actor) -> Entry {
    let scopes: Vec<&str> = key.scopes.iter().map(|scope| scope.as_str()).collect();
    let entry = Entry::of(by, Act::KeyCreated, &key.name)
        .about(key.environment)
        .with("key", &key.id.to_string())
        .with("scopes", &scopes.join(","));
    match replaces {
        Some(Replacement { id, .. }) => entry.with("replaces", &id.to_string()),
        None => entry,
    }
}

pub(super) fn list(
    environment: Option<&EnvironmentRef>,
    state: &CatalogState,
    now: Timestamp,
) -> Result<AdminAnswer, Problem> {
    let only = environment.map(|wanted| environment_of(state, wanted)).transpose()?;
    let wanted = |key: &&ApiKey| only.is_none_or(|environment| key.environment == environment.id);
    Ok(AdminAnswer::Keys {
        keys: state.keys.iter().filter(wanted).map(|key| view(state, key, now)).collect(),
    })
}

pub(super) fn revoke(
    id: KeyId,
    environment: Option<&EnvironmentRef>,
    by: &Actor,
    office: Office<'_>,
) -> Result<AdminAnswer, AdminError> {
    let key = office.act(|state, now| {
        let only = environment.map(|wanted| environment_of(state, wanted)).transpose()?.map(|found| found.id);
        let key = find_mut(state, id)?;
        if only.is_some_and(|only| key.environment != only) {
            return Err(no_such_key(id));
        }
        // Revoking again changes nothing, so that a script may repeat itself.
        if key.revoked_at.is_none() {
            key.revoked_at = Some(now);
            let entry = Entry::of(by, Act::KeyRevoked, &key.name).about(key.environment);
            entry.with("key", &id.to_string()).put(state, now);
        }
        view_of(state, id, now)
    })?;
    Ok(AdminAnswer::KeyRevoked { key })
}

/// Whether a secret opens an environment at `now`.
pub fn is_live_secret(state: &CatalogState, secret: &str, now: Timestamp) -> bool {
    let sha256 = sha256(secret);
    state.keys.iter().any(|key| key.sha256 == sha256 && key.is_live(now))
}

/// A key with every scope for an environment that has none yet.
pub(super) fn first(environment: EnvironmentId, name: &str, secret: &str, now: Timestamp) -> ApiKey {
    ApiKey {
        scopes: Scope::ALL.to_vec(),
        sha256: sha256(secret),
        hint: hint(secret),
        ..blank(environment, name.to_owned(), now)
    }
}

/// Gives a key its number.
pub(super) fn insert(state: &mut CatalogState, key: ApiKey) -> Result<KeyId, Problem> {
    if state.keys.len() >= KEYS_MAX {
        let message =
            format!("There are {KEYS_MAX} keys already, revoked ones included; no more can be made.");
        return Err(Problem::of_call(ProblemCode::LimitReached, message));
    }
    if state.keys.iter().any(|other| other.sha256 == key.sha256) {
        let message = "This secret is a key already: choose another one.";
        return Err(Problem::of_call(ProblemCode::Taken, message));
    }
    // Zero means "no key" in the log.
    let id = KeyId(state.next_key.max(1));
    state.next_key = id.0 + 1;
    state.keys.push(ApiKey { id, ..key });
    Ok(id)
}

/// Draws a secret. Bytes that would favour some characters are thrown away.
pub(super) fn draw_secret(random: Random<'_>) -> String {
    const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let fair = ALPHABET.len() * (256 / ALPHABET.len());
    let mut secret = SECRET_PREFIX.to_owned();
    let mut bytes = [0; 64];
    while secret.len() < SECRET_PREFIX.len() + SECRET_RANDOM_CHARS {
        random(&mut bytes);
        let missing = SECRET_PREFIX.len() + SECRET_RANDOM_CHARS - secret.len();
        let drawn = bytes.iter().map(|&byte| usize::from(byte)).filter(|&byte| byte < fair);
        secret.extend(
            drawn.filter_map(|byte| ALPHABET.get(byte % ALPHABET.len())).take(missing).map(|&c| c as char),
        );
    }
    secret
}

/// What the key will be, with everything that the request leaves open taken from the key that it replaces.
fn settle(
    request: &CreateKey,
    old: Option<&ApiKey>,
    state: &CatalogState,
    now: Timestamp,
) -> Result<ApiKey, Problem> {
    let named = request.environment.as_ref().map(|wanted| environment_of(state, wanted)).transpose()?;
    let environment = match (named, old) {
        (Some(named), Some(old)) if named.id != old.environment => {
            let message =
                format!("Key {} does not belong to {}: leave the environment out.", old.id, named.name);
            return Err(invalid("/replaces", message));
        }
        (Some(named), _) => named.id,
        (None, Some(old)) => old.environment,
        (None, None) => return Err(invalid("/environment", "Name the environment that the key shall open.")),
    };
    let name = request.name.clone().or_else(|| old.map(|old| old.name.clone()));
    let name = name.ok_or_else(|| invalid("/name", "Give the key a name to recognise it by."))?;
    check_name(&name)?;
    let limit = request.calls_per_minute_max.or_else(|| old.and_then(|old| old.calls_per_minute_max));
    if limit == Some(0) {
        let message = "A key with 0 calls per minute could do nothing: give 1 or more, or no limit.";
        return Err(invalid("/calls_per_minute_max", message));
    }
    let scopes = request.scopes.clone().or_else(|| old.map(|old| old.scopes.clone()));
    let mut scopes = scopes.unwrap_or_else(|| SCOPES_DEFAULT.to_vec());
    scopes.sort_unstable();
    scopes.dedup();
    if scopes.is_empty() {
        return Err(invalid("/scopes", "A key without scopes could do nothing: give at least one."));
    }
    let expires_at = request.expires.map(|expiry| end_of(expiry, now)).transpose()?;
    Ok(ApiKey { scopes, expires_at, calls_per_minute_max: limit, ..blank(environment, name, now) })
}

fn blank(environment: EnvironmentId, name: String, now: Timestamp) -> ApiKey {
    ApiKey {
        id: KeyId::default(),
        environment,
        name,
        sha256: String::new(),
        hint: String::new(),
        scopes: Vec::new(),
        created_at: now,
        expires_at: None,
        revoked_at: None,
        last_used_at: None,
        calls_per_minute_max: None,
    }
}

fn end_of(expiry: Expiry, now: Timestamp) -> Result<Timestamp, Problem> {
    let end = match expiry {
        Expiry::AfterMicros(micros) => now.plus(micros),
        Expiry::At(instant) => instant,
    };
    if end <= now {
        let message = format!("The key would end at {end}, which is over: give a later time.");
        return Err(invalid("/expires", message));
    }
    if end > now.plus(LIFETIME_MAX) {
        let message = "The key would end more than a hundred years ahead: leave the end out.";
        return Err(invalid("/expires", message));
    }
    Ok(end)
}

fn replaceable(state: &CatalogState, id: KeyId, now: Timestamp) -> Result<ApiKey, Problem> {
    let key = find(state, id)?;
    if !key.is_live(now) {
        let message = format!("Key {id} is no longer live, so nothing replaces it: create a key of its own.");
        return Err(invalid("/replaces", message));
    }
    Ok(key.clone())
}

fn end_after_overlap(
    state: &mut CatalogState,
    replacement: Replacement,
    now: Timestamp,
) -> Result<(), Problem> {
    if !(0..=LIFETIME_MAX).contains(&replacement.overlap_micros) {
        return Err(invalid("/overlap_hours", "The overlap must lie between nothing and a hundred years."));
    }
    let end = now.plus(replacement.overlap_micros);
    let old = find_mut(state, replacement.id)?;
    // An overlap never makes a key live longer than it was meant to.
    old.expires_at = Some(old.expires_at.map_or(end, |before| before.min(end)));
    Ok(())
}

fn find(state: &CatalogState, id: KeyId) -> Result<&ApiKey, Problem> {
    state.keys.iter().find(|key| key.id == id).ok_or_else(|| no_such_key(id))
}

fn find_mut(state: &mut CatalogState, id: KeyId) -> Result<&mut ApiKey, Problem> {
    state.keys.iter_mut().find(|key| key.id == id).ok_or_else(|| no_such_key(id))
}

fn no_such_key(id: KeyId) -> Problem {
    let message = format!("There is no key {id}: `muster keys list` names those that exist.");
    Problem::of_call(ProblemCode::KeyNotFound, message)
}

fn view_of(state: &CatalogState, id: KeyId, now: Timestamp) -> Result<KeyView, Problem> {
    find(state, id).map(|key| view(state, key, now))
}

fn view(state: &CatalogState, key: &ApiKey, now: Timestamp) -> KeyView {
    let environment = state.environment(key.environment);
    KeyView {
        id: key.id,
        environment: environment.map(|environment| environment.name.clone()).unwrap_or_default(),
        name: key.name.clone(),
        hint: key.hint.clone(),
        status: match key.revoked_at {
            Some(_) => KeyStatus::Revoked,
            None if key.is_live(now) => KeyStatus::Live,
            None => KeyStatus::Expired,
        },
        scopes: key.scopes.clone(),
        calls_per_minute_max: key.calls_per_minute_max,
        created_at: key.created_at,
        last_used_at: key.last_used_at,
        expires_at: key.expires_at,
        revoked_at: key.revoked_at,
    }
}

/// Secrets are ASCII and longer than this, so no character is cut.
fn hint(secret: &str) -> String {
    secret.get(secret.len().saturating_sub(HINT_CHARS)..).unwrap_or_default().to_owned()
}
