//! Saved segments: made, changed and removed. Which references a rule may have is the kernel's business
//! ([`Rule::check_references`]).

use std::collections::BTreeSet;

use muster_kernel::model::audit::{Act, Actor};
use muster_kernel::model::catalog::CatalogState;
use muster_kernel::model::id::{EnvironmentId, KeyId, SegmentId};
use muster_kernel::model::limits::{
    LIST_IDS_MAX, SAVED_RULES_BYTES_MAX, SEGMENT_DESCRIPTION_CHARS_MAX, SEGMENT_NAME_CHARS_MAX, SEGMENTS_MAX,
};
use muster_kernel::model::problem::{Problem, ProblemCode};
use muster_kernel::model::saved::SavedReport;
use muster_kernel::model::segment::listed::{ListChange, ListChanged};
use muster_kernel::model::segment::saved::SavedSegment;
use muster_kernel::model::segment::{Definition, Definitions, Level, Members, Rule};
use muster_kernel::model::time::Timestamp;
use muster_kernel::ports::StoreError;

use super::audit::Entry;
use super::{AdminError, Office, invalid};

/// What a segment shall be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentFields {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Whose segment it is.
    pub level: Level,
    /// What says who belongs to it.
    pub content: Content,
}

/// What says who belongs to a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A rule.
    Rule(Rule),
    /// A list; one that is there already stays as it is without ids.
    List(Option<BTreeSet<Box<str>>>),
}

impl SegmentFields {
    fn rule(&self) -> Option<&Rule> {
        match &self.content {
            Content::Rule(rule) => Some(rule),
            Content::List(_) => None,
        }
    }

    /// What becomes of the segment's list.
    fn list_change(&self) -> Option<ListChange> {
        match &self.content {
            Content::List(Some(ids)) => Some(ListChange::Replace(ids.clone())),
            Content::List(None) | Content::Rule(_) => None,
        }
    }
}

/// An act on segments: where, by whom, and whether it is only tried.
#[derive(Clone, Debug)]
pub struct SegmentAct {
    /// Where.
    pub environment: EnvironmentId,
    /// Who acts.
    pub by: Actor,
    /// With which key.
    pub key: Option<KeyId>,
    /// The version that the caller saw; any when absent.
    pub version: Option<u32>,
    /// Whether nothing is to be changed.
    pub is_dry_run: bool,
}

impl SegmentAct {
    /// Makes the change, or says what would come of it.
    fn make<T>(
        &self,
        office: Office<'_>,
        mut make: impl FnMut(&mut CatalogState, Timestamp) -> Result<T, Problem>,
    ) -> Result<T, AdminError> {
        if self.is_dry_run {
            let mut state = CatalogState::clone(&office.catalog.state());
            return Ok(make(&mut state, office.clock.now())?);
        }
        office.act(make)
    }

    /// Changes a list within a change of the catalog. A list that is written while the catalog is not is the list of no
    /// version; who changed it was told that it may not last.
    fn change_list(
        &self,
        office: Office<'_>,
        (id, level): (SegmentId, Level),
        change: &ListChange,
    ) -> Result<ListChanged, Problem> {
        let changed = if self.is_dry_run {
            office.lists.ids(self.environment, id).and_then(|before| match change.applied(&before) {
                (after, _) if after.len() > LIST_IDS_MAX => Err(StoreError::TooLarge),
                (_, changed) => Ok(changed),
            })
        } else {
            office.lists.change(self.environment, (id, level), change)
        };
        changed.map_err(|error| match error {
            StoreError::TooLarge => {
                let message = format!("A list has {LIST_IDS_MAX} ids at most; remove some first.");
                Problem::of_call(ProblemCode::LimitReached, message)
            }
            error => {
                tracing::error!(%error, "a list of a segment cannot be read or written");
                Problem::of_call(ProblemCode::Internal, "The server failed on this call; its log says why.")
            }
        })
    }

    fn tell(&self, act: Act, segment: &SavedSegment) -> Entry {
        let entry = Entry::of(&self.by, act, &segment.name)
            .about(self.environment)
            .with("segment", &segment.id.to_string());
        // A key has no name in the audit.
        match self.key {
            Some(key) => entry.with("key_id", &key.0.to_string()),
            None => entry,
        }
    }

    /// The segment as it is, if it is as the caller saw it.
    fn found(&self, state: &CatalogState, id: SegmentId) -> Result<SavedSegment, Problem> {
        let segment = state.segment(self.environment, id).ok_or_else(unknown)?;
        if self.version.is_some_and(|version| version != segment.version) {
            let message = format!(
                "The segment has version {} by now; read it anew, then change that.",
                segment.version
            );
            return Err(Problem::of_call(ProblemCode::VersionDiffers, message));
        }
        Ok(segment.clone())
    }
}

/// Saves a segment under the environment's next number.
///
/// # Errors
/// When it cannot be one, there are too many, or the catalog cannot be written.
pub fn create(
    fields: &SegmentFields,
    act: &SegmentAct,
    office: Office<'_>,
) -> Result<SavedSegment, AdminError> {
    check_texts(fields)?;
    act.make(office, |state, now| {
        check(state, act.environment, fields, None)?;
        let missing = || Problem::of_call(ProblemCode::EnvironmentUnknown, "There is no such environment.");
        let mut environments = state.environments.iter_mut();
        let environment =
            environments.find(|environment| environment.id == act.environment).ok_or_else(missing)?;
        let id = SegmentId(environment.next_segment.max(1));
        environment.next_segment = id.0 + 1;
        let segment = SavedSegment {
            environment: act.environment,
            id,
            name: fields.name.clone(),
            description: fields.description.clone(),
            level: fields.level,
            rule: fields.rule().cloned(),
            version: 1,
            created_at: now,
            updated_at: now,
            created_by: match act.by {
                Actor::Member { id, .. } => Some(id),
                Actor::CommandLine | Actor::Server | Actor::Anonymous => None,
            },
        };
        if let Some(change) = fields.list_change() {
            act.change_list(office, (id, fields.level), &change)?;
        }
        state.segments.push(segment.clone());
        act.tell(Act::SegmentCreated, &segment).put(state, now);
        Ok(segment)
    })
}

/// Makes a segment what `fields` say. One that is so already stays as it is.
///
/// # Errors
/// As [`create`], and when there is none, or it is not as the caller saw it.
pub fn replace(
    id: SegmentId,
    fields: &SegmentFields,
    act: &SegmentAct,
    office: Office<'_>,
) -> Result<SavedSegment, AdminError> {
    check_texts(fields)?;
    act.make(office, |state, now| {
        let before = act.found(state, id)?;
        if fields.level != before.level {
            return Err(invalid("/level", "A segment keeps its level; make another one."));
        }
        if fields.rule().is_some() != before.rule.is_some() {
            return Err(invalid(
                "",
                "A rule does not become a list, nor a list a rule; make another segment.",
            ));
        }
        check(state, act.environment, fields, Some(id))?;
        let mut after = before.clone();
        after.name.clone_from(&fields.name);
        after.description.clone_from(&fields.description);
        after.rule = fields.rule().cloned();
        let list_change = fields.list_change();
        let listed =
            list_change.map(|change| act.change_list(office, (id, after.level), &change)).transpose()?;
        let listed = listed.unwrap_or_default();
        if after == before && listed.added + listed.removed == 0 {
            return Ok(after);
        }
        (after.version, after.updated_at) = (before.version + 1, now);
        let text = |segment: &SavedSegment| segment.rule.as_ref().map(Rule::to_string).unwrap_or_default();
        act.tell(Act::SegmentChanged, &after)
            .change("name", &before.name, &after.name)
            .change("rule", &text(&before), &text(&after))
            .change("added", "0", &listed.added.to_string())
            .change("removed", "0", &listed.removed.to_string())
            .put(state, now);
        put(state, &after);
        Ok(after)
    })
}

/// Removes a segment that nothing refers to.
///
/// # Errors
/// When there is none, it is not as the caller saw it, or something refers to it.
pub fn remove(id: SegmentId, act: &SegmentAct, office: Office<'_>) -> Result<SavedSegment, AdminError> {
    let segment = act.make(office, |state, now| {
        let segment = act.found(state, id)?;
        if let Some(user) = user_of(state, act.environment, id) {
            let message = format!("{user} refers to this segment; change or remove it first.");
            return Err(Problem::of_call(ProblemCode::SegmentInUse, message));
        }
        state.segments.retain(|known| (known.environment, known.id) != (act.environment, id));
        act.tell(Act::SegmentRemoved, &segment).put(state, now);
        Ok(segment)
    })?;
    if segment.rule.is_none()
        && !act.is_dry_run
        && let Err(error) = office.lists.remove(act.environment, id)
    {
        tracing::error!(%error, "the list of a removed segment is still there; the next start removes it");
    }
    Ok(segment)
}

/// Changes the list of a static segment.
///
/// # Errors
/// As [`replace`], and when the segment has a rule.
pub fn change_list(
    id: SegmentId,
    change: &ListChange,
    act: &SegmentAct,
    office: Office<'_>,
) -> Result<ListChanged, AdminError> {
    act.make(office, |state, now| {
        let mut segment = act.found(state, id)?;
        if segment.rule.is_some() {
            let message = "A rule says who belongs to this segment; change the rule instead.";
            return Err(Problem::of_call(ProblemCode::FieldInvalid, message));
        }
        let changed = act.change_list(office, (id, segment.level), change)?;
        if changed.added + changed.removed > 0 {
            (segment.version, segment.updated_at) = (segment.version + 1, now);
            act.tell(Act::SegmentChanged, &segment)
                .change("added", "0", &changed.added.to_string())
                .change("removed", "0", &changed.removed.to_string())
                .put(state, now);
            put(state, &segment);
        }
        Ok(changed)
    })
}

/// No such segment.
pub fn unknown() -> Problem {
    Problem::of_call(ProblemCode::SegmentUnknown, "There is no such segment in this environment; list them.")
}

/// The saved segments of an environment as rules refer to them. Nobody is in a list here: who belongs to one does not
/// matter to what a rule may refer to.
pub fn definitions(state: &CatalogState, environment: EnvironmentId) -> Definitions {
    let definition = |segment: &SavedSegment| {
        let members = match &segment.rule {
            Some(rule) => Members::Rule(rule.clone()),
            None => Members::Listed(std::sync::Arc::default()),
        };
        (segment.id, Definition { level: segment.level, members })
    };
    state.segments_of(environment).map(definition).collect()
}

/// What refers to a segment, by name.
fn user_of(state: &CatalogState, environment: EnvironmentId, id: SegmentId) -> Option<String> {
    let mut segments = state.segments_of(environment).filter(|segment| segment.refers_to(id));
    let asks =
        |report: &&SavedReport| report.environment == environment && report.what.segments().contains(&id);
    let segment = segments.next().map(|segment| format!("The segment {:?} ({})", segment.name, segment.id));
    let report = || state.reports.iter().find(asks);
    segment.or_else(|| report().map(|report| format!("The report {:?} ({})", report.name, report.id)))
}

fn put(state: &mut CatalogState, segment: &SavedSegment) {
    let place = (segment.environment, segment.id);
    let known = state.segments.iter_mut().filter(|known| (known.environment, known.id) == place);
    known.for_each(|known| *known = segment.clone());
}

fn check_texts(fields: &SegmentFields) -> Result<(), Problem> {
    let SegmentFields { name, description, .. } = fields;
    let chars = name.chars().count();
    let is_odd = name.trim() != name || name.chars().any(char::is_control);
    if is_odd || !(1..=SEGMENT_NAME_CHARS_MAX).contains(&chars) {
        let message = format!(
            "Give a name of 1 to {SEGMENT_NAME_CHARS_MAX} characters without control characters, and without white \
             space at the ends."
        );
        return Err(invalid("/name", message));
    }
    if description.chars().count() > SEGMENT_DESCRIPTION_CHARS_MAX {
        let message = format!("A description has {SEGMENT_DESCRIPTION_CHARS_MAX} characters at most.");
        return Err(invalid("/description", message));
    }
    Ok(())
}

/// Whether a segment with these fields fits beside the others; `own` is its number when it is there already.
fn check(
    state: &CatalogState,
    environment: EnvironmentId,
    fields: &SegmentFields,
    own: Option<SegmentId>,
) -> Result<(), Problem> {
    let others = || state.segments_of(environment).filter(|segment| Some(segment.id) != own);
    if others().count() >= SEGMENTS_MAX {
        let message = format!("There are {SEGMENTS_MAX} segments in this environment already.");
        return Err(Problem::of_call(ProblemCode::LimitReached, message));
    }
    let name = fields.name.to_lowercase();
    if others().any(|other| other.name.to_lowercase() == name) {
        let message = "There is a segment of this name already; choose another one.";
        return Err(Problem::at("/name", ProblemCode::Taken, message));
    }
    let Some(rule) = fields.rule() else { return Ok(()) };
    // Numbers and strings: writing them cannot fail.
    let bytes = |rule: &Rule| serde_json::to_string(rule).map_or(usize::MAX, |text| text.len());
    let taken: usize = others().filter_map(|segment| segment.rule.as_ref()).map(bytes).sum();
    if taken.saturating_add(bytes(rule)) > SAVED_RULES_BYTES_MAX {
        let message = format!(
            "All rules of an environment have {SAVED_RULES_BYTES_MAX} bytes at most; make a list of what is long."
        );
        return Err(Problem::of_call(ProblemCode::LimitReached, message));
    }
    rule.check_references(fields.level, own, &definitions(state, environment))
}
