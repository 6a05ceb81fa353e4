//! What a write changes in the profiles: the fold applied to the profile as it is read just before the append.
//!
//! Another write may come between the two, so this says what the call would change as far as anybody could see; the
//! profile itself is always the fold of everything.

use serde::Serialize;
use serde_json::Value as Json;
use utoipa::ToSchema;

use muster_kernel::model::event::{Event, EventDraft};
use muster_kernel::model::id::{CompanyId, EnvironmentId, UserId};
use muster_kernel::model::profile::{Change as Fold, Profile};
use muster_kernel::model::time::Timestamp;
use muster_kernel::ports::Profiles;

use super::call::{SubjectKind, cut};

/// Changes that are kept of one call.
const CHANGES_MAX: usize = 100;
/// Bytes of a text value that are kept.
const VALUE_BYTES_MAX: usize = 256;
/// Under which name the company of a user stands among the changes.
const COMPANY_ID: &str = "company_id";

/// One property before and after a call.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = CallChange)]
pub(super) struct Change {
    /// Whose property it is.
    pub of: SubjectKind,
    /// Its name; `company_id` of a user for the company that the user belongs to.
    pub name: String,
    /// Its value before the call; null when it was not there. A long text is cut after 256 bytes.
    #[schema(value_type = Value)]
    pub before: Json,
    /// Its value after the call; null when the call removed it.
    #[schema(value_type = Value)]
    pub after: Json,
}

impl Change {
    /// Memory held by its texts.
    pub(super) fn bytes(&self) -> usize {
        let text = |value: &Json| value.as_str().map_or(0, str::len);
        self.name.len() + text(&self.before) + text(&self.after)
    }
}

/// What `draft` changes; `None` when the profiles cannot be read.
pub(super) fn changes(
    profiles: &dyn Profiles,
    environment: EnvironmentId,
    draft: &EventDraft,
    now: Timestamp,
) -> Option<Vec<Change>> {
    let mut payload = Vec::new();
    draft.encode(&mut payload);
    let event = Event::decode(&payload).ok()?;
    let mut changes = Vec::new();
    if let Some((id, fold)) = Fold::of_user(&event, now) {
        let before = profiles.user(environment, &UserId::parse(id).ok()?).ok()?.unwrap_or_default();
        compare(SubjectKind::User, &before, &fold, &mut changes);
    }
    if let Some((id, fold)) = Fold::of_company(&event, now) {
        let before = profiles.company(environment, &CompanyId::parse(id).ok()?).ok()?.unwrap_or_default();
        compare(SubjectKind::Company, &before, &fold, &mut changes);
    }
    changes.truncate(CHANGES_MAX);
    Some(changes)
}

fn compare(of: SubjectKind, before: &Profile, fold: &Fold<'_>, changes: &mut Vec<Change>) {
    let mut after = before.clone();
    after.apply(fold);
    let mut change = |name: &str, before: Json, after: Json| {
        if before != after {
            changes.push(Change { of, name: name.to_owned(), before, after });
        }
    };
    change(COMPANY_ID, json(&before.company_id()), json(&after.company_id()));
    for (name, _) in fold.properties.iter() {
        change(name, json(&before.property(name)), json(&after.property(name)));
    }
}

/// A value as it is given back.
fn json(value: &impl Serialize) -> Json {
    let mut value = serde_json::to_value(value).unwrap_or_default();
    if let Json::String(text) = &mut value {
        cut(text, VALUE_BYTES_MAX);
    }
    value
}

#[cfg(test)]
mod tests {
    use muster_kernel::model::event::EventKind;
    use muster_kernel::model::value::Value;
    use serde_json::json;

    use super::*;

    fn draft(fill: impl Fn(&mut EventDraft)) -> Vec<u8> {
        let mut draft = EventDraft { user_id: "u".to_owned(), ..EventDraft::default() };
        fill(&mut draft);
        draft.properties.settle();
        let mut payload = Vec::new();
        draft.encode(&mut payload);
        payload
    }

    fn compared(profile: &mut Profile, at: i64, fill: impl Fn(&mut EventDraft)) -> serde_json::Value {
        let payload = draft(fill);
        let event = Event::decode(&payload).unwrap();
        let (_, fold) = Fold::of_user(&event, Timestamp(at)).unwrap();
        let mut changes = Vec::new();
        compare(SubjectKind::User, profile, &fold, &mut changes);
        profile.apply(&fold);
        serde_json::to_value(&changes).unwrap()
    }

    #[test]
    fn only_what_becomes_another_value_is_a_change() {
        let mut profile = Profile::default();
        let first = compared(&mut profile, 10, |draft| {
            draft.properties.push("plan", Value::Text("free"));
            draft.properties.push("seats", Value::Int(3));
            draft.company_id.push('c');
        });
        assert_eq!(
            first,
            json!([
                {"of": "user", "name": "company_id", "before": null, "after": "c"},
                {"of": "user", "name": "plan", "before": null, "after": "free"},
                {"of": "user", "name": "seats", "before": null, "after": 3},
            ])
        );
        let second = compared(&mut profile, 20, |draft| {
            draft.properties.push("plan", Value::Text("pro"));
            draft.properties.push("seats", Value::Null);
            draft.company_id.push('c');
        });
        assert_eq!(
            second,
            json!([
                {"of": "user", "name": "plan", "before": "free", "after": "pro"},
                {"of": "user", "name": "seats", "before": 3, "after": null},
            ])
        );
        let late = compared(&mut profile, 15, |draft| draft.properties.push("plan", Value::Text("old")));
        assert_eq!(late, json!([]), "a back-fill that comes too late changes nothing");
        let track = compared(&mut profile, 30, |draft| {
            draft.kind = EventKind::Track;
            draft.event_name.push_str("paid");
            draft.properties.push("plan", Value::Text("x"));
        });
        assert_eq!(track, json!([]), "the properties of an event stand in no profile");
    }
}
