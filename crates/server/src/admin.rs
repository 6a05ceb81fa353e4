//! What an administrative request means: keys and environments, created, listed and changed.
//!
//! Requests and answers are plain values, so that a command means the same whether a running server executes it
//! (`control`) or the command itself does with the engine opened for it. Guarantees: a request is one change of the
//! catalog, made whole or not at all and durable when it is answered; a secret appears in exactly one answer, the one
//! that created it. It never touches the data of an environment and never opens a socket.

mod environments;
mod first_start;
mod keys;
mod time_text;

use std::fmt;

use muster_kernel::model::catalog::{CatalogState, Environment, EnvironmentSettings, Scope};
use muster_kernel::model::id::{EnvironmentId, KeyId};
use muster_kernel::model::time::Timestamp;
use muster_kernel::ports::{Catalog, Clock};
use serde::{Deserialize, Serialize};

pub use environments::{CreateEnvironment, SetEnvironment, SettingsPatch};
pub use first_start::{FirstStart, first_start};
pub use keys::{CreateKey, Expiry, Replacement, is_live_secret, record_last_use};

/// A source of random bytes.
pub type Random<'a> = &'a (dyn Fn(&mut [u8]) + Send + Sync);

/// Environments in a catalog: each has threads and memory of its own.
pub const ENVIRONMENTS_MAX: usize = 256;
/// Keys in a catalog, revoked ones included: each call looks one up.
pub const KEYS_MAX: usize = 10_000;
/// Characters in the name of a key or an environment.
pub const NAME_CHARS_MAX: usize = 64;

/// What an operator asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case")]
pub enum AdminRequest {
    /// Make a key.
    CreateKey(CreateKey),
    /// Name the keys, of one environment when one is named.
    ListKeys {
        /// The environment's name.
        environment: Option<String>,
    },
    /// Refuse a key from now on, for good.
    RevokeKey {
        /// Which.
        id: KeyId,
    },
    /// Make an environment.
    CreateEnvironment(CreateEnvironment),
    /// Name the environments.
    ListEnvironments,
    /// Change an environment's settings.
    SetEnvironment(SetEnvironment),
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
}

/// A key as it is shown: without its hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyView {
    /// Its number.
    pub id: KeyId,
    /// The name of the environment that it opens.
    pub environment: String,
    /// What its owner calls it.
    pub name: String,
    /// The last four characters of the secret.
    pub hint: String,
    /// Whether it opens its environment now.
    pub status: KeyStatus,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// Calls per minute; no limit when absent.
    pub calls_per_minute_max: Option<u32>,
    /// When it was created.
    #[serde(with = "time_text")]
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    #[serde(with = "time_text::optional")]
    pub last_used_at: Option<Timestamp>,
    /// From when on it is refused.
    #[serde(with = "time_text::optional")]
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    #[serde(with = "time_text::optional")]
    pub revoked_at: Option<Timestamp>,
}

/// Whether a key opens its environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyStatus {
    /// It does.
    Live,
    /// Its time is over.
    Expired,
    /// Somebody revoked it.
    Revoked,
}

/// An environment as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvironmentView {
    /// Its number.
    pub id: EnvironmentId,
    /// Its name.
    pub name: String,
    /// The public token of browser and mobile SDKs.
    pub app_token: String,
    /// A label for where the data lives.
    pub region: String,
    /// The directory of its own, when it has one.
    pub directory: Option<String>,
    /// How many keys open it now.
    pub live_keys: usize,
    /// How strictly its calls are read.
    pub settings: EnvironmentSettings,
    /// When it was created.
    #[serde(with = "time_text")]
    pub created_at: Timestamp,
}

/// Why a request was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "message", rename_all = "snake_case")]
pub enum AdminError {
    /// It breaks a rule, and nothing was changed. Correct it as the sentence says.
    Refused(String),
    /// The catalog could not be written, so the change may not last. Mend the cause, list, and try again.
    Failed(String),
}

impl fmt::Display for AdminError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (AdminError::Refused(sentence) | AdminError::Failed(sentence)) = self;
        f.write_str(sentence)
    }
}

impl std::error::Error for AdminError {}

/// Carries out a request.
///
/// # Errors
/// When the request breaks a rule, or the catalog cannot be written.
pub fn execute(
    request: AdminRequest,
    catalog: &dyn Catalog,
    clock: &dyn Clock,
    random: Random<'_>,
) -> Result<AdminAnswer, AdminError> {
    let now = clock.now();
    match request {
        AdminRequest::CreateKey(request) => keys::create(&request, catalog, now, random),
        AdminRequest::ListKeys { environment } => keys::list(environment.as_deref(), &catalog.state(), now),
        AdminRequest::RevokeKey { id } => keys::revoke(id, catalog, now),
        AdminRequest::CreateEnvironment(request) => environments::create(&request, catalog, now, random),
        AdminRequest::ListEnvironments => Ok(environments::list(&catalog.state(), now)),
        AdminRequest::SetEnvironment(request) => environments::set(&request, catalog, now),
    }
}

/// Makes one change and answers what `make` answered.
fn change<T>(
    catalog: &dyn Catalog,
    mut make: impl FnMut(&mut CatalogState) -> Result<T, String>,
) -> Result<T, AdminError> {
    let mut made = None;
    let outcome = catalog.change(&mut |state| {
        made = Some(make(state)?);
        Ok(())
    });
    match outcome {
        Ok(Err(refusal)) => Err(AdminError::Refused(refusal)),
        Ok(Ok(())) => {
            made.ok_or_else(|| AdminError::Failed("The catalog did not make the change.".to_owned()))
        }
        Err(error) => Err(AdminError::Failed(format!(
            "The catalog could not be written ({error}), so the change may not last. Mend the cause, list what is \
             there, and try again."
        ))),
    }
}

/// Checks the name of a key or an environment.
fn check_name(name: &str) -> Result<(), String> {
    let chars = name.chars().count();
    if name.trim() != name || name.is_empty() || chars > NAME_CHARS_MAX || name.chars().any(char::is_control)
    {
        return Err(format!(
            "The name {name:?} cannot be used: give 1 to {NAME_CHARS_MAX} characters without control characters, and \
             without white space at the ends."
        ));
    }
    Ok(())
}

/// An environment by name, without regard to case.
fn environment_named<'a>(state: &'a CatalogState, name: &str) -> Result<&'a Environment, String> {
    let same = |environment: &&Environment| environment.name.to_lowercase() == name.to_lowercase();
    state.environments.iter().find(same).ok_or_else(|| {
        let known: Vec<&str> =
            state.environments.iter().map(|environment| environment.name.as_str()).collect();
        match known.as_slice() {
            [] => format!("There is no environment {name:?}, and no other one: create it first."),
            known => format!("There is no environment {name:?}; there are: {}.", known.join(", ")),
        }
    })
}

#[cfg(test)]
#[path = "admin/tests.rs"]
mod tests;
