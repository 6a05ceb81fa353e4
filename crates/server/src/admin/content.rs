//! The content catalogue: one kind of content registered as a whole, or removed.

use muster_kernel::model::audit::{Act, Actor};
use muster_kernel::model::content::{ContentItems, ContentKind, RegisteredContent};
use muster_kernel::model::limits::{CONTENT_BYTES_MAX, CONTENT_ITEMS_MAX};
use muster_kernel::model::problem::{Problem, ProblemCode};

use super::audit::Entry;
use super::{AdminError, Office, SavedAct};

/// Makes `items` all that the environment has of a kind; answers what is registered then, if anything ever was. What is
/// so already stays as it is.
///
/// # Errors
/// When it is not as the caller saw it, there are too many, or the catalog cannot be written.
pub fn register(
    kind: ContentKind,
    items: &ContentItems,
    act: &SavedAct,
    office: Office<'_>,
) -> Result<Option<RegisteredContent>, AdminError> {
    put(kind, items, Act::ContentRegistered, act, office)
}

/// Removes all that the environment has of a kind; its version goes on.
///
/// # Errors
/// When it is not as the caller saw it, or the catalog cannot be written.
pub fn remove(kind: ContentKind, act: &SavedAct, office: Office<'_>) -> Result<(), AdminError> {
    put(kind, &kind.nothing(), Act::ContentRemoved, act, office).map(drop)
}

fn put(
    kind: ContentKind,
    items: &ContentItems,
    what: Act,
    act: &SavedAct,
    office: Office<'_>,
) -> Result<Option<RegisteredContent>, AdminError> {
    office.act(|state, now| {
        let before = state.content(act.environment, kind).cloned();
        let version = before.as_ref().map_or(RegisteredContent::FIRST_VERSION, |before| before.version);
        act.check_version("content", version)?;
        let count = before.as_ref().map_or(0, |before| before.items.count());
        if before.as_ref().map_or(items.count() == 0, |before| before.items == *items) {
            return Ok(before);
        }
        let others =
            state.contents.iter().filter(|known| known.environment == act.environment && known.kind != kind);
        check(items, others.map(|known| &known.items))?;
        let after = RegisteredContent {
            environment: act.environment,
            kind,
            version: version + 1,
            updated_at: now,
            updated_by: match act.by {
                Actor::Member { id, .. } => Some(id),
                Actor::CommandLine | Actor::Server | Actor::Anonymous => None,
            },
            items: items.clone(),
        };
        state.contents.retain(|known| (known.environment, known.kind) != (act.environment, kind));
        state.contents.push(after.clone());
        let entry = Entry::of(&act.by, what, kind.as_str())
            .about(act.environment)
            .with("items", &format!("{count} → {}", items.count()));
        act.with_key(entry).put(state, now);
        Ok(Some(after))
    })
}

/// Whether items fit beside the others of the environment.
fn check<'a>(items: &ContentItems, others: impl Iterator<Item = &'a ContentItems>) -> Result<(), Problem> {
    if items.count() > CONTENT_ITEMS_MAX {
        let message = format!("There are {CONTENT_ITEMS_MAX} items of a kind at most; leave some out.");
        return Err(Problem::of_call(ProblemCode::LimitReached, message));
    }
    // Numbers and strings: writing them cannot fail.
    let bytes = |items: &ContentItems| serde_json::to_string(items).map_or(usize::MAX, |text| text.len());
    if others.map(bytes).fold(bytes(items), usize::saturating_add) > CONTENT_BYTES_MAX {
        let message = format!(
            "The content of an environment has {CONTENT_BYTES_MAX} bytes at most, all kinds together; leave some out."
        );
        return Err(Problem::of_call(ProblemCode::LimitReached, message));
    }
    Ok(())
}
