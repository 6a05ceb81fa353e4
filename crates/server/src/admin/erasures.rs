//! Erasures as the office sees them: the audit entry of each, and the certificate for the command line.

use muster_kernel::model::audit::{Act, Actor};
use muster_kernel::model::erasure::Erasure;
use muster_kernel::model::id::EnvironmentId;
use muster_kernel::model::problem::{Problem, ProblemCode};
use serde_json::Value;

use super::audit::Entry;
use super::{AdminAnswer, AdminError, Office};
use crate::http::erasure_body::ErasureBody;

/// Tells the audit of an accepted erasure: how many and by whom, and never which ids; a single one by its keyed hash.
///
/// # Errors
/// When the catalog cannot be written.
pub fn record_erasure(
    office: Office<'_>,
    by: &Actor,
    erasure: &Erasure,
    environment: EnvironmentId,
) -> Result<(), AdminError> {
    let kind = erasure.kind.as_str();
    let mut entry = match erasure.key {
        Some(key) => Entry::of(by, Act::ErasureAccepted, &erasure.id).with("key", &key.0.to_string()),
        None => Entry::of(by, Act::ErasureAccepted, &erasure.id),
    };
    entry = entry.about(environment).with(kind, &erasure.hashes.len().to_string());
    if let [hash] = erasure.hashes.as_slice() {
        entry = entry.with("hash", hash);
    }
    if erasure.suppress {
        entry = entry.with("suppress", "true");
    }
    let mut entry = Some(entry);
    office.act(|state, now| {
        if let Some(entry) = entry.take() {
            entry.put(state, now);
        }
        Ok(())
    })
}

/// An erasure with its certificate, of whichever environment it is.
pub(super) fn certificate(id: &str, office: Office<'_>) -> Result<AdminAnswer, AdminError> {
    let now = office.clock.now();
    let state = office.catalog.state();
    for environment in &state.environments {
        let erasures = office.erasures.erasures(environment.id);
        let erasures =
            erasures.map_err(|error| AdminError::failed(format!("Erasures cannot be read: {error}.")))?;
        if let Some(erasure) = erasures.iter().find(|erasure| erasure.id == id) {
            let shown = serde_json::to_value(ErasureBody::new(erasure, environment.id, &state, now));
            let shown: Value = shown.map_err(|error| AdminError::failed(error.to_string()))?;
            return Ok(AdminAnswer::Erasure { environment: environment.name.clone(), erasure: shown });
        }
    }
    let message = "No such erasure; `GET /v1/erasures` lists them.";
    Err(Problem::of_call(ProblemCode::ErasureUnknown, message).into())
}
