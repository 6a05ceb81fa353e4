//! What somebody says about a property: its type, and whether viewers see it.

use muster_kernel::model::audit::{Act, Actor};
use muster_kernel::model::catalog::{DeclaredProperty, Environment, PropertyType};
use muster_kernel::model::history::PropertyOwner;
use muster_kernel::model::id::{EnvironmentId, KeyId};
use muster_kernel::model::limits::PROPERTY_NAME_CHARS_MAX;
use muster_kernel::model::problem::{Problem, ProblemCode};

use super::audit::Entry;
use super::environments::settled_pii;
use super::{AdminError, EnvironmentRef, Office, environment_of, invalid};

/// Declared properties of an environment: the catalog is written as a whole at every change.
const DECLARED_MAX: usize = 1_000;

/// Something said about a property.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclareProperty {
    /// Where.
    pub environment: EnvironmentId,
    /// Whose property it is.
    pub owner: PropertyOwner,
    /// Its name.
    pub name: String,
    /// What it is; `Some(None)` takes that back.
    pub declared_type: Option<Option<PropertyType>>,
    /// Whether viewers shall not see its values.
    pub pii: Option<bool>,
}

/// Says it; answers the environment as it is then.
///
/// # Errors
/// When the name is none, there are too many, or the catalog cannot be written.
pub fn declare(
    request: &DeclareProperty,
    by: &Actor,
    key: Option<KeyId>,
    office: Office<'_>,
) -> Result<Environment, AdminError> {
    if !(1..=PROPERTY_NAME_CHARS_MAX).contains(&request.name.chars().count()) {
        let message = format!("Give a name of 1 to {PROPERTY_NAME_CHARS_MAX} characters.");
        return Err(invalid("/name", message).into());
    }
    office.act(|state, now| {
        let before = environment_of(state, &EnvironmentRef::Id(request.environment))?.clone();
        let after = changed(&before, request)?;
        if before != after {
            let type_of = |environment: &Environment| {
                let declared = environment.declared_type(request.owner, &request.name);
                declared.map_or("none", PropertyType::as_str)
            };
            let pii_of = |environment: &Environment| environment.is_pii(&request.name).to_string();
            let entry = Entry::of(by, Act::PropertyDeclared, &request.name)
                .about(after.id)
                .with("owner", request.owner.as_str())
                .change("declared_type", type_of(&before), type_of(&after))
                .change("pii", &pii_of(&before), &pii_of(&after));
            // A key has no name in the audit.
            let entry = match key {
                Some(key) => entry.with("key_id", &key.0.to_string()),
                None => entry,
            };
            entry.put(state, now);
        }
        let id = after.id;
        state.environments.iter_mut().filter(|known| known.id == id).for_each(|known| *known = after.clone());
        Ok(after)
    })
}

fn changed(before: &Environment, request: &DeclareProperty) -> Result<Environment, Problem> {
    let mut after = before.clone();
    let DeclareProperty { owner, name, .. } = request;
    if let Some(declared_type) = request.declared_type {
        after.declared_properties.retain(|declared| (declared.owner, &declared.name) != (*owner, name));
        if let Some(declared_type) = declared_type {
            if after.declared_properties.len() >= DECLARED_MAX {
                let message =
                    format!("{DECLARED_MAX} properties are declared already; take one back before another.");
                return Err(Problem::of_call(ProblemCode::LimitReached, message));
            }
            after.declared_properties.push(DeclaredProperty {
                owner: *owner,
                name: name.clone(),
                declared_type,
            });
        }
    }
    match request.pii {
        Some(true) if !after.is_pii(name) => {
            after.pii_properties.push(name.clone());
            after.pii_properties = settled_pii(&after.pii_properties)?;
        }
        Some(false) => after.pii_properties.retain(|hidden| !hidden.eq_ignore_ascii_case(name)),
        _ => {}
    }
    Ok(after)
}
