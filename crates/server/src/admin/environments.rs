//! Environments: made, listed, and changed: their names, how strictly their calls are read, what viewers do not see.

use std::path::Path;

use jiff::tz::TimeZone;
use muster_kernel::model::audit::{Act, Actor};
use muster_kernel::model::catalog::{
    CatalogState, EmptyCompany, Environment, EnvironmentSettings, JunkIds, NestedValues,
    pii_properties_default, time_zone_default,
};
use muster_kernel::model::id::EnvironmentId;
use muster_kernel::model::limits::PROPERTY_NAME_CHARS_MAX;
use muster_kernel::model::problem::{Problem, ProblemCode};
use muster_kernel::model::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::audit::Entry;
use super::{
    AdminAnswer, AdminError, ENVIRONMENTS_MAX, EnvironmentRef, EnvironmentView, Office, Random, check_name,
    environment_named, environment_of, invalid,
};

/// The region label when nobody says where the data lives.
pub(super) const REGION_DEFAULT: &str = "local";
const REGION_CHARS_MAX: usize = 32;
/// Names of masked properties in an environment: each value that a viewer reads is held against them.
const PII_PROPERTIES_MAX: usize = 100;
/// Days for which events may be kept, when not for good: ten years.
const KEEP_EVENTS_DAYS_MAX: u32 = 3_660;

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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetEnvironment {
    /// Which.
    pub environment: EnvironmentRef,
    /// Its new name.
    #[serde(default)]
    pub name: Option<String>,
    /// Its new region label.
    pub region: Option<String>,
    /// Its new settings.
    #[serde(default)]
    pub settings: SettingsPatch,
    /// The names of all properties that viewers shall not see the values of.
    #[serde(default)]
    pub pii_properties: Option<Vec<String>>,
    /// Where its days shall begin: a name of the IANA time zone database.
    #[serde(default)]
    pub time_zone: Option<String>,
    /// For how many days raw events shall be kept; 0 for good.
    #[serde(default)]
    pub keep_events_days: Option<u32>,
}

impl SetEnvironment {
    /// A request that changes nothing yet.
    pub fn of(environment: impl Into<EnvironmentRef>) -> Self {
        SetEnvironment {
            environment: environment.into(),
            name: None,
            region: None,
            settings: SettingsPatch::default(),
            pii_properties: None,
            time_zone: None,
            keep_events_days: None,
        }
    }
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
    by: &Actor,
    office: Office<'_>,
) -> Result<AdminAnswer, AdminError> {
    if let Some(directory) = &request.directory {
        check_directory(Path::new(directory)).map_err(|message| invalid("/directory", message))?;
    }
    let environment = office.act(|state, now| {
        let id = insert(state, request, now, office.random)?;
        Entry::of(by, Act::EnvironmentCreated, &request.name).about(id).put(state, now);
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
    by: &Actor,
    office: Office<'_>,
) -> Result<AdminAnswer, AdminError> {
    let environment = office.act(|state, now| {
        let before = environment_of(state, &request.environment)?.clone();
        let after = changed(&before, request, state)?;
        if before != after {
            difference(&before, &after, by).put(state, now);
        }
        let id = after.id;
        state.environments.iter_mut().filter(|known| known.id == id).for_each(|known| *known = after.clone());
        view_of(state, id, now)
    })?;
    Ok(AdminAnswer::EnvironmentChanged { environment })
}

fn changed(
    before: &Environment,
    request: &SetEnvironment,
    state: &CatalogState,
) -> Result<Environment, Problem> {
    let mut after = before.clone();
    if let Some(name) = &request.name {
        check_name(name)?;
        check_name_is_free(state, name, Some(before.id))?;
        after.name.clone_from(name);
    }
    if let Some(region) = &request.region {
        check_region(region)?;
        after.region.clone_from(region);
    }
    request.settings.apply(&mut after.settings);
    if let Some(names) = &request.pii_properties {
        after.pii_properties = settled_pii(names)?;
    }
    if let Some(zone) = &request.time_zone {
        after.time_zone = known_zone(zone)?;
    }
    if let Some(days) = request.keep_events_days {
        after.keep_events_days = kept_days(days)?;
    }
    Ok(after)
}

/// For how many days events are kept.
///
/// # Errors
/// When it is more than anybody would wait for.
pub(crate) fn kept_days(days: u32) -> Result<Option<u32>, Problem> {
    if days > KEEP_EVENTS_DAYS_MAX {
        let message = format!("Give 1 to {KEEP_EVENTS_DAYS_MAX} days, or 0 to keep events for good.");
        return Err(invalid("/keep_events_days", message));
    }
    Ok((days > 0).then_some(days))
}

/// The name of a time zone as the database writes it.
fn known_zone(name: &str) -> Result<String, Problem> {
    let found = TimeZone::get(name).ok().and_then(|zone| zone.iana_name().map(str::to_owned));
    found.ok_or_else(|| {
        let message =
            "This is no name of the IANA time zone database; give one as `Europe/Berlin`, or `UTC`.";
        invalid("/time_zone", message)
    })
}

/// What became different, as the audit says it.
fn difference(before: &Environment, after: &Environment, by: &Actor) -> Entry {
    let settings = |environment: &Environment| {
        let EnvironmentSettings { empty_company, nested_values, junk_ids } = environment.settings;
        format!("{empty_company:?}, {nested_values:?}, {junk_ids:?}").to_lowercase()
    };
    let days = |environment: &Environment| {
        environment.keep_events_days.map_or_else(|| "for good".to_owned(), |days| days.to_string())
    };
    Entry::of(by, Act::EnvironmentChanged, &after.name)
        .about(after.id)
        .change("name", &before.name, &after.name)
        .change("region", &before.region, &after.region)
        .change("settings", &settings(before), &settings(after))
        .change("pii_properties", &before.pii_properties.join(", "), &after.pii_properties.join(", "))
        .change("time_zone", &before.time_zone, &after.time_zone)
        .change("keep_events_days", &days(before), &days(after))
}

/// Sorted names, each once.
pub(super) fn settled_pii(names: &[String]) -> Result<Vec<String>, Problem> {
    let fits = |name: &String| (1..=PROPERTY_NAME_CHARS_MAX).contains(&name.chars().count());
    if names.len() > PII_PROPERTIES_MAX || !names.iter().all(fits) {
        let message = format!(
            "Give at most {PII_PROPERTIES_MAX} names of properties, each of 1 to {PROPERTY_NAME_CHARS_MAX} characters."
        );
        return Err(invalid("/pii_properties", message));
    }
    let mut names = names.to_vec();
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

/// Makes an environment in `state`, with the next number.
pub(super) fn insert(
    state: &mut CatalogState,
    request: &CreateEnvironment,
    now: Timestamp,
    random: Random<'_>,
) -> Result<EnvironmentId, Problem> {
    check_name(&request.name)?;
    check_name_is_free(state, &request.name, None)?;
    if state.environments.len() >= ENVIRONMENTS_MAX {
        let message = format!("There are {ENVIRONMENTS_MAX} environments already; a server holds no more.");
        return Err(Problem::of_call(ProblemCode::LimitReached, message));
    }
    let region = request.region.clone().unwrap_or_else(|| REGION_DEFAULT.to_owned());
    check_region(&region)?;
    if let Some(owner) = state.environments.iter().find(|other| overlaps(other, request)) {
        let message =
            format!("The directory belongs to the environment {:?}: choose another one.", owner.name);
        return Err(Problem::at("/directory", ProblemCode::Taken, message));
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
        written_as: None,
        created_at: now,
        begun: false,
        settings,
        pii_properties: pii_properties_default(),
        declared_properties: Vec::new(),
        time_zone: time_zone_default(),
        keep_events_days: None,
        next_segment: 0,
    };
    state.environments.push(environment);
    Ok(id)
}

fn check_name_is_free(state: &CatalogState, name: &str, own: Option<EnvironmentId>) -> Result<(), Problem> {
    match environment_named(state, name).filter(|other| Some(other.id) != own) {
        Some(other) => {
            let message = format!("There is an environment {:?} already: choose another name.", other.name);
            Err(Problem::at("/name", ProblemCode::Taken, message))
        }
        None => Ok(()),
    }
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

fn check_region(region: &str) -> Result<(), Problem> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if region.is_empty() || region.len() > REGION_CHARS_MAX || !region.chars().all(plain) {
        let message = format!(
            "The region {region:?} cannot be used: give 1 to {REGION_CHARS_MAX} small letters, digits and hyphens, as \
             eu-west."
        );
        return Err(invalid("/region", message));
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

fn view_of(state: &CatalogState, id: EnvironmentId, now: Timestamp) -> Result<EnvironmentView, Problem> {
    let environment = environment_of(state, &EnvironmentRef::Id(id))?;
    Ok(view(state, environment, now))
}

/// The environment as it is shown.
pub fn view(state: &CatalogState, environment: &Environment, now: Timestamp) -> EnvironmentView {
    let live = state.keys.iter().filter(|key| key.environment == environment.id && key.is_live(now));
    EnvironmentView {
        id: environment.id,
        name: environment.name.clone(),
        app_token: environment.app_token.clone(),
        region: environment.region.clone(),
        directory: environment.directory.clone(),
        live_keys: live.count(),
        settings: environment.settings,
        pii_properties: environment.pii_properties.clone(),
        time_zone: environment.time_zone.clone(),
        keep_events_days: environment.keep_events_days,
        created_at: environment.created_at,
    }
}
