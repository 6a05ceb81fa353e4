//! `?dry_run=true` on a real-time call: everything is checked, nothing is written, and `would` says what the call would do.
//!
//! What is told is the fold of the call's event over the profiles as they are read now. Present values are told to keys
//! that may read; to others only what they sent, so that a key for writing cannot ask what is stored.

use serde::Serialize;
use serde_json::Value as Json;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use muster_kernel::model::event::{Event, EventDraft, EventKind, Membership};
use muster_kernel::model::id::{CompanyId, EnvironmentId, UserId};
use muster_kernel::model::problem::Warning;
use muster_kernel::model::profile::{Change, Profile};
use muster_kernel::model::property::PropertyList;
use muster_kernel::model::time::Timestamp;
use muster_kernel::model::value::Value;
use muster_kernel::ports::Profiles;

use super::answer::Instant;
use super::error::{Refused, id_problem};
use super::render::is_false;

/// The answer to a dry run.
#[derive(Serialize)]
pub(super) struct DryRun {
    status: &'static str,
    warnings: Box<RawValue>,
    would: WriteWould,
}

/// What a call would do.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = WriteWould)]
pub(super) struct WriteWould {
    /// The user that the call is about.
    #[schema(required = true)]
    user: Option<ProfileWould>,
    /// The company that the call is about or names.
    #[schema(required = true)]
    company: Option<ProfileWould>,
    /// The event of a track call.
    #[schema(required = true)]
    event: Option<EventWould>,
    /// Present and true when the call would be answered as a repetition of one that was taken before, by its
    /// `Idempotency-Key` or its `event_id`; nothing would be stored then.
    #[serde(skip_serializing_if = "is_false")]
    #[schema(required = false)]
    duplicate: bool,
    /// Present and true when the call would be answered as `suppressed`: its subject was erased and stays away, and
    /// nothing would be stored.
    #[serde(skip_serializing_if = "is_false")]
    #[schema(required = false)]
    suppressed: bool,
}

/// What a call would do to a user or a company.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProfileWould)]
struct ProfileWould {
    /// The id.
    #[schema(example = "user_789456")]
    id: String,
    /// `create`, `update`, or `keep` when no property and no membership would change.
    #[schema(example = "update")]
    action: &'static str,
    /// Of a user, when the call says something about the company: `join`, `move`, `leave` or `keep`.
    #[serde(skip_serializing_if = "Option::is_none")]
    membership: Option<ValueWould>,
    /// One item for each property that the call names: `set`, `change`, `remove` or `keep`.
    properties: Vec<ValueWould>,
}

/// What a call would do to one value.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ValueWould)]
struct ValueWould {
    /// The name of the property; absent for the membership.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "plan")]
    name: Option<String>,
    /// What would happen to it.
    #[schema(example = "change")]
    action: &'static str,
    /// The present value, null when there is none; absent when the key may not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Value>)]
    before: Option<Json>,
    /// The value afterwards; null when there would be none.
    #[schema(value_type = Value)]
    after: Json,
}

/// The event that a call would record.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EventWould)]
struct EventWould {
    /// Its name.
    #[schema(example = "invoice_paid")]
    event_name: String,
    /// When it happened; null for the time of receipt.
    #[schema(value_type = Option<Instant>, required = true)]
    occurred_at: Option<Instant>,
    /// Its own properties.
    #[schema(value_type = Object)]
    metadata: serde_json::Map<String, Json>,
}

impl DryRun {
    /// Of a call that was taken before and answered with these warnings, as a JSON array.
    ///
    /// # Errors
    /// When they are none, which is a defect.
    pub(super) fn of_repetition(warnings: &str) -> Result<Self, Refused> {
        let text = if warnings.is_empty() { "[]" } else { warnings };
        DryRun::of_nothing("accepted", text, WriteWould { duplicate: true, ..WriteWould::default() })
    }

    /// Of a call about somebody who was erased and is suppressed.
    ///
    /// # Errors
    /// As [`DryRun::of_repetition`].
    pub(super) fn of_suppressed() -> Result<Self, Refused> {
        DryRun::of_nothing("suppressed", "[]", WriteWould { suppressed: true, ..WriteWould::default() })
    }

    fn of_nothing(status: &'static str, warnings: &str, would: WriteWould) -> Result<Self, Refused> {
        let warnings = RawValue::from_string(warnings.to_owned());
        let warnings = warnings.map_err(|error| Refused::internal(error.to_string()))?;
        Ok(DryRun { status, warnings, would })
    }

    /// What `draft` would do at the time `now`; `may_read` says whether present values are told.
    ///
    /// # Errors
    /// When the profiles cannot be read.
    pub(super) fn of(
        profiles: &dyn Profiles,
        environment: EnvironmentId,
        draft: &EventDraft,
        warnings: &[Warning],
        (now, may_read): (Timestamp, bool),
    ) -> Result<Self, Refused> {
        let mut payload = Vec::new();
        draft.encode(&mut payload);
        let event = Event::decode(&payload)
            .map_err(|_| Refused::internal("a draft does not read back as an event"))?;
        let (mut user, mut company) = (None, None);
        if let Some((id, change)) = Change::of_user(&event, now) {
            let known = profiles.user(environment, &UserId::parse(id).map_err(id_problem)?)?;
            user = Some(ProfileWould::of(id, known, &change, may_read));
        }
        if let Some((id, change)) = Change::of_company(&event, now) {
            let known = profiles.company(environment, &CompanyId::parse(id).map_err(id_problem)?)?;
            company = Some(ProfileWould::of(id, known, &change, may_read));
        }
        let event = (event.kind == EventKind::Track).then(|| EventWould {
            event_name: event.event_name.to_owned(),
            occurred_at: event.occurred_at.map(Instant),
            metadata: event.properties.iter().map(|(name, value)| (name.to_owned(), json(&value))).collect(),
        });
        let warnings = serde_json::value::to_raw_value(warnings)
            .map_err(|error| Refused::internal(error.to_string()))?;
        let would = WriteWould { user, company, event, ..WriteWould::default() };
        Ok(DryRun { status: "accepted", warnings, would })
    }
}

impl ProfileWould {
    fn of(id: &str, known: Option<Profile>, change: &Change<'_>, may_read: bool) -> Self {
        let is_known = known.is_some();
        let before = known.unwrap_or_default();
        let (membership, properties) = match may_read {
            true => compared(&before, change),
            false => (as_sent(change.membership), sent(change.properties)),
        };
        let keeps = |value: &ValueWould| value.action == "keep";
        let action = match is_known {
            false => "create",
            true if membership.iter().chain(&properties).all(keeps) => "keep",
            true => "update",
        };
        // Whether a value would change says what it is.
        let action = if is_known && !may_read { "update" } else { action };
        ProfileWould { id: id.to_owned(), action, membership, properties }
    }
}

/// What a change does to a profile, value by value.
fn compared(before: &Profile, change: &Change<'_>) -> (Option<ValueWould>, Vec<ValueWould>) {
    let mut after = before.clone();
    after.apply(change);
    let membership = (change.membership != Membership::Unchanged).then(|| {
        let (old, new) = (before.company_id(), after.company_id());
        let words = ["join", "move", "leave"];
        ValueWould::of(None, words, json(&old), json(&new))
    });
    let properties = change.properties.iter().map(|(name, _)| {
        let (old, new) = (before.property(name), after.property(name));
        ValueWould::of(Some(name.to_owned()), ["set", "change", "remove"], json(&old), json(&new))
    });
    (membership, properties.collect())
}

fn as_sent(membership: Membership<'_>) -> Option<ValueWould> {
    let (action, after) = match membership {
        Membership::Unchanged => return None,
        Membership::Removed => ("leave", Json::Null),
        Membership::Of(company) => ("join", company.into()),
    };
    Some(ValueWould { name: None, action, before: None, after })
}

fn sent(properties: PropertyList<'_>) -> Vec<ValueWould> {
    let item = |(name, value): (&str, Value<'_>)| {
        let action = if value == Value::Null { "remove" } else { "set" };
        ValueWould { name: Some(name.to_owned()), action, before: None, after: json(&value) }
    };
    properties.iter().map(item).collect()
}

impl ValueWould {
    fn of(name: Option<String>, [new, other, none]: [&'static str; 3], before: Json, after: Json) -> Self {
        let action = match (&before, &after) {
            (before, after) if before == after => "keep",
            (Json::Null, _) => new,
            (_, Json::Null) => none,
            _ => other,
        };
        ValueWould { name, action, before: Some(before), after }
    }
}

fn json(value: &impl Serialize) -> Json {
    serde_json::to_value(value).unwrap_or_default()
}
