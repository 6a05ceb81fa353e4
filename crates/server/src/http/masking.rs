//! What viewers do not see: the values of properties that an environment says are personal.

use std::sync::Arc;

use muster_kernel::model::catalog::Environment;
use muster_kernel::model::team::Role;

/// What stands in the place of a value that the caller may not see.
pub(super) const MASK: &str = "•••";

/// Names of the properties whose values the caller may not see; none for keys and for roles that see everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Masking(Option<Arc<[String]>>);

impl Masking {
    /// What a role may not see in an environment.
    pub(super) fn of(role: Role, environment: &Environment) -> Self {
        let names = &environment.pii_properties;
        Masking((!role.may_see_pii() && !names.is_empty()).then(|| names.as_slice().into()))
    }

    /// Whether the property's value is hidden. Letters of either case are the same here: better hidden than shown.
    pub(super) fn hides(&self, name: &str) -> bool {
        self.names().iter().any(|hidden| hidden.eq_ignore_ascii_case(name))
    }

    /// Every hidden name.
    pub(super) fn names(&self) -> &[String] {
        self.0.as_deref().unwrap_or_default()
    }
}
