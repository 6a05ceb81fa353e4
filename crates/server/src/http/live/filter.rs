//! Which calls a reader asks for.

use utoipa::IntoParams;

use muster_kernel::model::id::KeyId;
use muster_kernel::model::problem::Problem;

use super::super::read::{Query, invalid};
use super::call::{Call, Outcome};

/// Which calls are shown.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `Filter::of` reads")]
pub(super) struct FilterParameters {
    /// Only those with one of these outcomes, separated by commas: `stored`, `duplicate`, `refused`, `read`.
    #[param(example = "refused")]
    status: Option<String>,
    /// Only those with this key, by its number.
    key: Option<u32>,
    /// Only those whose path starts with this.
    path: Option<String>,
    /// Only those about the user or company with this id.
    subject: Option<String>,
    /// Only those that track an event of this name.
    event: Option<String>,
}

/// Every condition must hold; one that was not given holds for all calls.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter {
    outcomes: Vec<Outcome>,
    key: Option<KeyId>,
    path: Option<String>,
    subject: Option<String>,
    event: Option<String>,
}

impl Filter {
    /// # Errors
    /// When a parameter is not what it should be.
    pub(super) fn of(query: &Query) -> Result<Self, Problem> {
        let outcome = |word: &str| {
            let known = Outcome::ALL.into_iter().find(|outcome| outcome.as_str() == word.trim());
            known.ok_or_else(|| {
                invalid("`status` is none of `stored`, `duplicate`, `refused` and `read`.".to_owned())
            })
        };
        let outcomes = query.get("status").map(|words| words.split(',').map(outcome).collect());
        let key = query.get("key").map(|text| {
            let number = text.parse().map(KeyId);
            number.map_err(|_| invalid("`key` is not the number of a key.".to_owned()))
        });
        let text = |name| query.get(name).map(std::borrow::Cow::into_owned);
        Ok(Filter {
            outcomes: outcomes.transpose()?.unwrap_or_default(),
            key: key.transpose()?,
            path: text("path"),
            subject: text("subject"),
            event: text("event"),
        })
    }

    pub(super) fn takes(&self, call: &Call) -> bool {
        let sketch = &call.sketch;
        let is = |wanted: &Option<String>, found: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| found == Some(wanted))
        };
        (self.outcomes.is_empty() || self.outcomes.contains(&sketch.outcome))
            && self.key.is_none_or(|key| sketch.key == Some(key))
            && self.path.as_deref().is_none_or(|path| call.outside.path.starts_with(path))
            && is(&self.subject, sketch.subject.as_ref().map(|subject| subject.id.as_str()))
            && is(&self.event, sketch.event_name.as_deref())
    }
}
