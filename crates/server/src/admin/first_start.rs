//! The very first start: an environment and a key that opens it, so that a new server can be called at once; and the
//! link that makes the owner, for as long as there is none.

use muster_kernel::model::audit::{Act, Actor};
use muster_kernel::model::team::Role;
use muster_kernel::model::time::Timestamp;

use super::audit::Entry;
use super::environments::{self, CreateEnvironment};
use super::{AdminError, Office, invitations, keys};

/// The environment that a new server has.
const ENVIRONMENT: &str = "Production";

/// The number that the first environment gets.
const FIRST_NUMBER: u32 = 1;

/// What was made. Shown once and never logged.
#[derive(Clone, PartialEq, Eq)]
pub struct FirstStart {
    /// The environment's name.
    pub environment: String,
    /// Its public token.
    pub app_token: String,
    /// The secret that was drawn; `None` when the operator gave one.
    pub drawn_secret: Option<String>,
}

/// Makes the first environment and its key, in one change, unless there ever was one. A secret that is given becomes
/// the key; without one it is drawn.
///
/// # Errors
/// When the catalog cannot be written.
pub fn first_start(given: Option<&str>, office: Office<'_>) -> Result<Option<FirstStart>, AdminError> {
    let before = office.catalog.state();
    // Numbers are never reused, so a higher one means that there was an environment.
    if before.next_environment > FIRST_NUMBER || !before.environments.is_empty() {
        return Ok(None);
    }
    let drawn_secret = given.is_none().then(|| keys::draw_secret(office.random));
    let secret = given.or(drawn_secret.as_deref()).unwrap_or_default();
    let key_name = if given.is_some() { "bootstrap" } else { "first" };
    let app_token = office.act(|state, now| {
        let request = CreateEnvironment { name: ENVIRONMENT.to_owned(), ..CreateEnvironment::default() };
        let id = environments::insert(state, &request, now, office.random)?;
        Entry::of(&Actor::Server, Act::EnvironmentCreated, ENVIRONMENT).about(id).put(state, now);
        let key = keys::insert(state, keys::first(id, key_name, secret, now))?;
        if let Some(key) = state.keys.iter().find(|known| known.id == key).cloned() {
            keys::made(&key, None, &Actor::Server).put(state, now);
        }
        Ok(state.environment(id).map(|environment| environment.app_token.clone()).unwrap_or_default())
    })?;
    Ok(Some(FirstStart { environment: ENVIRONMENT.to_owned(), app_token, drawn_secret }))
}

/// A link that makes the first owner. Shown once and never logged.
#[derive(Clone, PartialEq, Eq)]
pub struct OwnerLink {
    /// Where it leads.
    pub link: String,
    /// From when on it opens nothing, if no start put another one in its place before.
    pub expires_at: Timestamp,
}

/// Makes the link that makes the first owner, in the place of any made before; nothing once there is an owner.
///
/// # Errors
/// When the catalog cannot be written.
pub fn owner_link(office: Office<'_>) -> Result<Option<OwnerLink>, AdminError> {
    if office.catalog.state().members.iter().any(|member| member.role == Role::Owner) {
        return Ok(None);
    }
    let (link, expires_at) = invitations::first_owner(&Actor::Server, office)?;
    Ok(Some(OwnerLink { link, expires_at }))
}
