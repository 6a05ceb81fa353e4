//! Events and environments that are valid unless told otherwise.

use muster_kernel::model::catalog::{
    Environment, EnvironmentSettings, pii_properties_default, time_zone_default,
};
use muster_kernel::model::event::{EventDraft, EventKind};
use muster_kernel::model::guard::{Guard, GuardKind};
use muster_kernel::model::id::{CompanyId, EnvironmentId, KeyId, UserId};
use muster_kernel::model::value::Value;

use crate::clock::DAY_ONE;

/// The environment of most tests.
pub const PRODUCTION: EnvironmentId = EnvironmentId(1);
/// The key of most tests.
pub const KEY: KeyId = KeyId(1);

/// An environment with this number.
pub fn environment(id: EnvironmentId) -> Environment {
    Environment {
        id,
        name: format!("Environment {id}"),
        app_token: format!("NX-{:08x}", id.0),
        region: "local".into(),
        directory: None,
        incarnation: id.0,
        written_as: None,
        created_at: DAY_ONE,
        begun: false,
        settings: EnvironmentSettings::default(),
        pii_properties: pii_properties_default(),
        declared_properties: Vec::new(),
        time_zone: time_zone_default(),
        keep_events_days: None,
        next_segment: 0,
    }
}

/// An `identify_user` event with these properties.
pub fn identify(user: &str, properties: &[(&str, Value<'_>)]) -> EventDraft {
    let mut draft = EventDraft { key: KEY, user_id: user.into(), ..EventDraft::default() };
    for (name, value) in properties {
        draft.properties.push(name, *value);
    }
    draft.properties.settle();
    draft
}

/// A `track` event with these properties.
pub fn tracked(user: &str, name: &str, properties: &[(&str, Value<'_>)]) -> EventDraft {
    EventDraft { kind: EventKind::Track, event_name: name.into(), ..identify(user, properties) }
}

/// An `identify_company` event with these properties.
pub fn identify_company(company: &str, properties: &[(&str, Value<'_>)]) -> EventDraft {
    EventDraft {
        kind: EventKind::IdentifyCompany,
        user_id: String::new(),
        company_id: company.into(),
        ..identify("", properties)
    }
}

/// The same event, of a user that joins this company.
#[must_use]
pub fn joining(mut draft: EventDraft, company: &str) -> EventDraft {
    draft.company_id = company.into();
    draft
}

/// The same event, to be taken once under this key for this body.
#[must_use]
pub fn guarded(mut draft: EventDraft, key: u8, body: u8) -> EventDraft {
    draft.guards.push(Guard { kind: GuardKind::Request, key: [key; 16], body: [body; 16] });
    draft.warnings = "[]".into();
    draft
}

/// A user id that is known to be valid.
///
/// # Panics
/// When it is not.
pub fn user(id: &str) -> UserId {
    UserId::parse(id).unwrap_or_else(|fault| panic!("{id:?} is no user id: {fault:?}"))
}

/// A company id that is known to be valid.
///
/// # Panics
/// When it is not.
pub fn company(id: &str) -> CompanyId {
    CompanyId::parse(id).unwrap_or_else(|fault| panic!("{id:?} is no company id: {fault:?}"))
}
