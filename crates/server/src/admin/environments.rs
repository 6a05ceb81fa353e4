//! Environments: made, listed, and how strictly their calls are read.

use std::path::Path;

use muster_kernel::model::catalog::{
    CatalogState, EmptyCompany, Environment, EnvironmentSettings, JunkIds, NestedValues,
};
use muster_kernel::model::id::EnvironmentId;
use muster_kernel::model::time::Timestamp;
use muster_kernel::ports::Catalog;
use serde::{Deserialize, Serialize};

use super::{
    AdminAnswer, AdminError, ENVIRONMENTS_MAX, EnvironmentView, Random, change, check_name, environment_named,
};

/// The region label when nobody says where the data lives.
pub(super) const REGION_DEFAULT: &str = "local";
const REGION_CHARS_MAX: usize = 32;

/// An environment to be made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateEnvironment {
    /// Its name.
    pub name: String,
    /// A label for where the data lives; `local` when absent.
    pub region: Option<String>,
    /// A directory of its own, as an absolute path; inside the data directory when absent.
    pub directory: Option<String>,
    /// How strictly its calls are read.
    #[serde(default)]
    pub settings: SettingsPatch,
}

/// Settings of an environment to be changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetEnvironment {
    /// Which, by name.
    pub name: String,
    /// Its new region label.
    pub region: Option<String>,
    /// Its new settings.
    #[serde(default)]
    pub settings: SettingsPatch,
}

/// The settings that a request names; the others stay as they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingsPatch {
    /// A `company` without an id.
    pub empty_company: Option<EmptyCompany>,
    /// Objects and arrays as property values.
    pub nested_values: Option<NestedValues>,
    /// Ids such as `null` and `undefined`.
    pub junk_ids: Option<JunkIds>,
}

impl SettingsPatch {
    fn apply(self, settings: &mut EnvironmentSettings) {
        settings.empty_company = self.empty_company.unwrap_or(settings.empty_company);
        settings.nested_values = self.nested_values.unwrap_or(settings.nested_values);
        settings.junk_ids = self.junk_ids.unwrap_or(settings.junk_ids);
    }
}

pub(super) fn create(
    request: &CreateEnvironment,
    catalog: &dyn Catalog,
    now: Timestamp,
    random: Random<'_>,
) -> Result<AdminAnswer, AdminError> {
    if let Some(directory) = &request.directory {
        check_directory(Path::new(directory)).map_err(AdminError::Refused)?;
    }
    let environment = change(catalog, |state| {
        let id = insert(state, request, now, random)?;
        view_of(state, id, now)
    })?;
    Ok(AdminAnswer::EnvironmentCreated { environment })
}

pub(super) fn list(state: &CatalogState, now: Timestamp) -> AdminAnswer {
    let environments = state.environments.iter().map(|environment| view(state, environment, now)).collect();
    AdminAnswer::Environments { environments }
}

pub(super) fn set(
    request: &SetEnvironment,
    catalog: &dyn Catalog,
    now: Timestamp,
) -> Result<AdminAnswer, AdminError> {
    let environment = change(catalog, |state| {
        let id = environment_named(state, &request.name)?.id;
        request.region.as_deref().map_or(Ok(()), check_region)?;
        for environment in state.environments.iter_mut().filter(|environment| environment.id == id) {
            environment.region = request.region.clone().unwrap_or_else(|| environment.region.clone());
            request.settings.apply(&mut environment.settings);
        }
        view_of(state, id, now)
    })?;
    Ok(AdminAnswer::EnvironmentChanged { environment })
}

/// Makes an environment in `state`, with the next number.
pub(super) fn insert(
    state: &mut CatalogState,
    request: &CreateEnvironment,
    now: Timestamp,
    random: Random<'_>,
) -> Result<EnvironmentId, String> {
    check_name(&request.name)?;
    if let Ok(other) = environment_named(state, &request.name) {
        return Err(format!("There is an environment {:?} already: choose another name.", other.name));
    }
    if state.environments.len() >= ENVIRONMENTS_MAX {
        return Err(format!("There are {ENVIRONMENTS_MAX} environments already; a server holds no more."));
    }
    let region = request.region.clone().unwrap_or_else(|| REGION_DEFAULT.to_owned());
    check_region(&region)?;
    if let Some(owner) = state.environments.iter().find(|other| overlaps(other, request)) {
        return Err(format!(
            "The directory belongs to the environment {:?}: choose another one.",
            owner.name
        ));
    }
    // Zero stays free, so that a forgotten number is nobody's.
    let id = EnvironmentId(state.next_environment.max(1));
    state.next_environment = id.0 + 1;
    let mut settings = EnvironmentSettings::default();
    request.settings.apply(&mut settings);
    let environment = Environment {
        id,
        name: request.name.clone(),
        app_token: draw_app_token(state, random),
        region,
        directory: request.directory.clone(),
        incarnation: draw_u32(random),
        created_at: now,
        begun: false,
        settings,
    };
    state.environments.push(environment);
    Ok(id)
}

/// One inside the other would make two islands one.
fn overlaps(other: &Environment, request: &CreateEnvironment) -> bool {
    let (Some(theirs), Some(ours)) = (&other.directory, &request.directory) else { return false };
    Path::new(ours).starts_with(theirs) || Path::new(theirs).starts_with(ours)
}

/// A directory is checked before the catalog names it: a server that cannot open one of its environments does not
/// start.
fn check_directory(path: &Path) -> Result<(), String> {
    let shown = path.display();
    if !path.is_absolute() {
        return Err(format!("{shown} is not an absolute path: give one that starts at the root."));
    }
    let mut entries = match std::fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) => {
            return Err(format!("{shown} cannot be used ({error}): create the directory, empty, first."));
        }
    };
    // The root of a file system of its own holds this; nothing else may be there.
    if entries.any(|entry| entry.is_ok_and(|entry| entry.file_name() != "lost+found")) {
        return Err(format!("{shown} is not empty: give an environment a directory of its own."));
    }
    let probe = path.join(".muster-probe");
    std::fs::write(&probe, b"").and_then(|()| std::fs::remove_file(&probe)).map_err(|error| {
        format!("{shown} cannot be written ({error}): give it to the user that the server runs as.")
    })
}

fn check_region(region: &str) -> Result<(), String> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if region.is_empty() || region.len() > REGION_CHARS_MAX || !region.chars().all(plain) {
        return Err(format!(
            "The region {region:?} cannot be used: give 1 to {REGION_CHARS_MAX} small letters, digits and hyphens, as \
             eu-west."
        ));
    }
    Ok(())
}

fn draw_app_token(state: &CatalogState, random: Random<'_>) -> String {
    loop {
        let token = format!("NX-{:08x}", draw_u32(random));
        if state.environments.iter().all(|other| other.app_token != token) {
            return token;
        }
    }
}

fn draw_u32(random: Random<'_>) -> u32 {
    let mut bytes = [0; 4];
    random(&mut bytes);
    u32::from_le_bytes(bytes)
}

fn view_of(state: &CatalogState, id: EnvironmentId, now: Timestamp) -> Result<EnvironmentView, String> {
    let found = state.environment(id).map(|environment| view(state, environment, now));
    found.ok_or_else(|| format!("There is no environment number {id}."))
}

fn view(state: &CatalogState, environment: &Environment, now: Timestamp) -> EnvironmentView {
    let live = state.keys.iter().filter(|key| key.environment == environment.id && key.is_live(now));
    EnvironmentView {
        id: environment.id,
        name: environment.name.clone(),
        app_token: environment.app_token.clone(),
        region: environment.region.clone(),
        directory: environment.directory.clone(),
        live_keys: live.count(),
        settings: environment.settings,
        created_at: environment.created_at,
    }
}
