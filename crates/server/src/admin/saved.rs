//! Saved reports and dashboards: made, changed and removed.

use muster_kernel::model::audit::{Act, Actor};
use muster_kernel::model::catalog::CatalogState;
use muster_kernel::model::id::{EnvironmentId, KeyId};
use muster_kernel::model::limits::{
    DASHBOARD_REPORTS_MAX, DASHBOARDS_MAX, REPORTS_MAX, SAVED_NAME_CHARS_MAX, SAVED_QUESTIONS_BYTES_MAX,
};
use muster_kernel::model::problem::{Problem, ProblemCode};
use muster_kernel::model::saved::{DashboardReports, Saved, SavedDashboard, SavedQuestion};

use super::audit::Entry;
use super::{AdminError, Office, invalid};

/// Who saves something, and where.
#[derive(Clone, Debug)]
pub struct SavedAct {
    /// Where.
    pub environment: EnvironmentId,
    /// Who acts.
    pub by: Actor,
    /// With which key.
    pub key: Option<KeyId>,
    /// The version that the caller saw; any when absent.
    pub version: Option<u32>,
}

/// A kind of things that are saved.
pub trait Kept: Clone + PartialEq + Sized {
    /// What one is called.
    const WORD: &'static str;
    /// When there is none.
    const UNKNOWN: ProblemCode;
    /// Made, changed, removed.
    const ACTS: [Act; 3];
    /// How many an environment may have.
    const MAX: usize;

    /// All of them.
    fn all(state: &CatalogState) -> &[Saved<Self>];

    /// All of them, and the number that the next one gets.
    fn all_mut(state: &mut CatalogState) -> (&mut Vec<Saved<Self>>, &mut u32);

    /// Whether it fits beside the others of its environment; `own` is its number when it is there already.
    ///
    /// # Errors
    /// When it does not.
    fn check(
        &self,
        state: &CatalogState,
        environment: EnvironmentId,
        own: Option<u32>,
    ) -> Result<(), Problem>;
}

impl Kept for SavedQuestion {
    const WORD: &'static str = "report";
    const UNKNOWN: ProblemCode = ProblemCode::ReportUnknown;
    const ACTS: [Act; 3] = [Act::ReportCreated, Act::ReportChanged, Act::ReportRemoved];
    const MAX: usize = REPORTS_MAX;

    fn all(state: &CatalogState) -> &[Saved<Self>] {
        &state.reports
    }

    fn all_mut(state: &mut CatalogState) -> (&mut Vec<Saved<Self>>, &mut u32) {
        (&mut state.reports, &mut state.next_report)
    }

    fn check(
        &self,
        state: &CatalogState,
        environment: EnvironmentId,
        own: Option<u32>,
    ) -> Result<(), Problem> {
        let bytes = |question: &SavedQuestion| question.question.to_string().len();
        let others =
            state.reports.iter().filter(|known| known.environment == environment && Some(known.id) != own);
        let taken: usize = others.map(|known| bytes(&known.what)).sum();
        if taken.saturating_add(bytes(self)) > SAVED_QUESTIONS_BYTES_MAX {
            let message = format!(
                "All saved reports of an environment have {SAVED_QUESTIONS_BYTES_MAX} bytes at most."
            );
            return Err(Problem::of_call(ProblemCode::LimitReached, message));
        }
        Ok(())
    }
}

impl Kept for DashboardReports {
    const WORD: &'static str = "dashboard";
    const UNKNOWN: ProblemCode = ProblemCode::DashboardUnknown;
    const ACTS: [Act; 3] = [Act::DashboardCreated, Act::DashboardChanged, Act::DashboardRemoved];
    const MAX: usize = DASHBOARDS_MAX;

    fn all(state: &CatalogState) -> &[Saved<Self>] {
        &state.dashboards
    }

    fn all_mut(state: &mut CatalogState) -> (&mut Vec<Saved<Self>>, &mut u32) {
        (&mut state.dashboards, &mut state.next_dashboard)
    }

    fn check(&self, state: &CatalogState, environment: EnvironmentId, _: Option<u32>) -> Result<(), Problem> {
        if self.reports.len() > DASHBOARD_REPORTS_MAX {
            let message = format!("A dashboard has {DASHBOARD_REPORTS_MAX} reports at most.");
            return Err(invalid("/reports", message));
        }
        for (index, id) in self.reports.iter().enumerate() {
            let pointer = format!("/reports/{index}");
            if find::<SavedQuestion>(state, environment, *id).is_none() {
                let message = "There is no such report in this environment; list them.";
                return Err(invalid(&pointer, message));
            }
            if self.reports[..index].contains(id) {
                return Err(invalid(&pointer, "A report stands on a dashboard once; leave this out."));
            }
        }
        Ok(())
    }
}

/// What has a number in an environment.
pub fn find<T: Kept>(state: &CatalogState, environment: EnvironmentId, id: u32) -> Option<&Saved<T>> {
    T::all(state).iter().find(|known| known.environment == environment && known.id == id)
}

/// There is none of this number.
pub fn unknown<T: Kept>() -> Problem {
    let message = format!("There is no such {} in this environment; list them.", T::WORD);
    Problem::of_call(T::UNKNOWN, message)
}

/// Saves something new.
///
/// # Errors
/// When it cannot be, there are too many, or the catalog cannot be written.
pub fn create<T: Kept>(
    name: &str,
    what: &T,
    act: &SavedAct,
    office: Office<'_>,
) -> Result<Saved<T>, AdminError> {
    office.act(|state, now| {
        check(name, what, state, act.environment, None)?;
        let (all, next) = T::all_mut(state);
        let id = (*next).max(1);
        *next = id + 1;
        let made = Saved {
            environment: act.environment,
            id,
            name: name.to_owned(),
            version: 1,
            created_at: now,
            updated_at: now,
            created_by: match act.by {
                Actor::Member { id, .. } => Some(id),
                Actor::CommandLine | Actor::Server | Actor::Anonymous => None,
            },
            what: what.clone(),
        };
        all.push(made.clone());
        act.tell(T::ACTS[0], &made).put(state, now);
        Ok(made)
    })
}

/// Makes something saved what is said. What is so already stays as it is.
///
/// # Errors
/// As [`create`], and when there is none, or it is not as the caller saw it.
pub fn replace<T: Kept>(
    id: u32,
    name: &str,
    what: &T,
    act: &SavedAct,
    office: Office<'_>,
) -> Result<Saved<T>, AdminError> {
    office.act(|state, now| {
        let before = act.found::<T>(state, id)?;
        check(name, what, state, act.environment, Some(id))?;
        let mut after = Saved { name: name.to_owned(), what: what.clone(), ..before.clone() };
        if after == before {
            return Ok(after);
        }
        (after.version, after.updated_at) = (before.version + 1, now);
        act.tell(T::ACTS[1], &after).change("name", &before.name, &after.name).put(state, now);
        let (all, _) = T::all_mut(state);
        all.iter_mut().filter(|known| known.id == id).for_each(|known| *known = after.clone());
        Ok(after)
    })
}

/// Removes something saved. A report goes from the dashboards that it stands on.
///
/// # Errors
/// When there is none, or it is not as the caller saw it.
pub fn remove<T: Kept>(id: u32, act: &SavedAct, office: Office<'_>) -> Result<(), AdminError> {
    office.act(|state, now| {
        let gone = act.found::<T>(state, id)?;
        T::all_mut(state).0.retain(|known| known.id != id);
        if T::UNKNOWN == ProblemCode::ReportUnknown {
            let on = |dashboard: &&mut SavedDashboard| dashboard.what.reports.contains(&id);
            for dashboard in state.dashboards.iter_mut().filter(on) {
                dashboard.what.reports.retain(|report| *report != id);
                (dashboard.version, dashboard.updated_at) = (dashboard.version + 1, now);
            }
        }
        act.tell(T::ACTS[2], &gone).put(state, now);
        Ok(())
    })
}

impl SavedAct {
    fn tell<T: Kept>(&self, act: Act, saved: &Saved<T>) -> Entry {
        let entry = Entry::of(&self.by, act, &saved.name)
            .about(self.environment)
            .with(T::WORD, &saved.id.to_string());
        self.with_key(entry)
    }

    /// Names the key that acts: a key has no name in the audit.
    pub(super) fn with_key(&self, entry: Entry) -> Entry {
        match self.key {
            Some(key) => entry.with("key_id", &key.0.to_string()),
            None => entry,
        }
    }

    /// Whether something is as the caller saw it.
    pub(super) fn check_version(&self, word: &str, version: u32) -> Result<(), Problem> {
        if self.version.is_some_and(|seen| seen != version) {
            let message = format!("The {word} has version {version} by now; read it anew, then change that.");
            return Err(Problem::of_call(ProblemCode::VersionDiffers, message));
        }
        Ok(())
    }

    /// What has the number, if it is as the caller saw it.
    fn found<T: Kept>(&self, state: &CatalogState, id: u32) -> Result<Saved<T>, Problem> {
        let found = find::<T>(state, self.environment, id).ok_or_else(unknown::<T>)?;
        self.check_version(T::WORD, found.version)?;
        Ok(found.clone())
    }
}

fn check<T: Kept>(
    name: &str,
    what: &T,
    state: &CatalogState,
    environment: EnvironmentId,
    own: Option<u32>,
) -> Result<(), Problem> {
    let chars = name.chars().count();
    let is_odd = name.trim() != name || name.chars().any(char::is_control);
    if is_odd || !(1..=SAVED_NAME_CHARS_MAX).contains(&chars) {
        let message = format!(
            "Give a name of 1 to {SAVED_NAME_CHARS_MAX} characters without control characters, and without white space \
             at the ends."
        );
        return Err(invalid("/name", message));
    }
    let others =
        || T::all(state).iter().filter(|known| known.environment == environment && Some(known.id) != own);
    if others().count() >= T::MAX {
        let message = format!("There are {} {}s in this environment already.", T::MAX, T::WORD);
        return Err(Problem::of_call(ProblemCode::LimitReached, message));
    }
    if others().any(|other| other.name.to_lowercase() == name.to_lowercase()) {
        let message = format!("There is a {} of this name already; choose another one.", T::WORD);
        return Err(Problem::at("/name", ProblemCode::Taken, message));
    }
    what.check(state, environment, own)
}
