//! What members did with bulk jobs, for the audit. The jobs themselves are the runner's.

use muster_kernel::model::audit::{Act, Actor};
use muster_kernel::model::id::EnvironmentId;
use muster_kernel::model::job::Job;

use super::audit::Entry;
use super::{AdminError, Office};

/// Notes that somebody started or cancelled a job.
///
/// # Errors
/// When the catalog cannot be written.
pub fn note_job(
    act: Act,
    by: &Actor,
    environment: EnvironmentId,
    job: &Job,
    office: Office<'_>,
) -> Result<(), AdminError> {
    office.act(|state, now| {
        let entry = Entry::of(by, act, &job.filename).about(environment).with("job", &job.id);
        let entry = entry.with("type", job.kind.as_str());
        let entry = if job.dry_run { entry.with("dry_run", "true") } else { entry };
        entry.put(state, now);
        Ok(())
    })
}
