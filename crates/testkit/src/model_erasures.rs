//! Erasures of the model engine: the events go at once, and the certificate says that nothing is left because nothing is.

use std::collections::BTreeMap;

use muster_kernel::model::erasure::{
    Certificate, ErasedKind, Erasure, ErasureRequest, PlaceReport, WouldErase,
};
use muster_kernel::model::event::EventDraft;
use muster_kernel::model::id::{EnvironmentId, ErasureNumber, JobNumber, Position};
use muster_kernel::model::job::JobStatus;
use muster_kernel::model::profile::Profile;
use muster_kernel::model::time::Timestamp;
use muster_kernel::ports::{Accepting, Admitted, Erasures, ProfileKind, Purged, StoreError};

use crate::model_engine::ModelEngine;

impl Erasures for ModelEngine {
    fn accept(&self, environment: EnvironmentId, request: ErasureRequest) -> Result<Accepting, StoreError> {
        let erasure = self.with(environment, |island| {
            let known = |id: &&String| island.profiles(ProfileKind::from(request.kind)).contains_key(*id);
            let profiles = request.ids.iter().filter(known).count() as u64;
            island.erase(request.kind, &request.ids)?;
            island.take_out_of_lists(request.kind, &request.ids);
            if request.suppress {
                let kind = ProfileKind::from(request.kind);
                island.suppressed.extend(request.ids.iter().map(|id| (kind, id.clone())));
            }
            let number = u32::try_from(island.erasures.len() + 1).unwrap_or(u32::MAX);
            let erasure = Erasure {
                number: ErasureNumber(number),
                id: request.id.clone(),
                kind: request.kind,
                suppress: request.suppress,
                key: request.key,
                by: request.by.clone(),
                accepted_at: request.accepted_at,
                due_at: request.due_at,
                promised_at: request.promised_at,
                position: Some(Position(u64::from(number))),
                status: JobStatus::Queued,
                started_at: None,
                ended_at: None,
                // A keyed hash of the model: how long the id is and where it stood.
                hashes: request.ids.iter().enumerate().map(|(at, id)| format!("{at}-{}", id.len())).collect(),
                ids: request.ids.clone(),
                jobs: Vec::new(),
                jobs_until: JobNumber(0),
                profiles,
                counted: None,
                certificate: None,
            };
            island.erasures.push(erasure.clone());
            Ok(erasure)
        })?;
        Ok(Box::pin(std::future::ready(Ok(erasure))))
    }

    fn erasures(&self, environment: EnvironmentId) -> Result<Vec<Erasure>, StoreError> {
        self.with(environment, |island| Ok(island.erasures.iter().rev().cloned().collect()))
    }

    fn purge(
        &self,
        environment: EnvironmentId,
        numbers: &[ErasureNumber],
        now: &dyn Fn() -> Timestamp,
        stop: &dyn Fn() -> bool,
    ) -> Result<Purged, StoreError> {
        let at = now();
        self.with(environment, |island| {
            if stop() {
                return Ok(Purged::Stopped);
            }
            let is_asked =
                |erasure: &&mut Erasure| numbers.contains(&erasure.number) && !erasure.status.is_ended();
            for erasure in island.erasures.iter_mut().filter(is_asked) {
                let removed = BTreeMap::from([("profiles".to_owned(), erasure.profiles)]);
                let place = PlaceReport { place: "profiles".to_owned(), removed, ..PlaceReport::default() };
                erasure.certificate =
                    Some(Certificate { issued_at: at, searched_until: Position(0), places: vec![place] });
                (erasure.started_at, erasure.ended_at) = (Some(at), Some(at));
                erasure.status = JobStatus::Completed;
                erasure.ids = Vec::new();
            }
            Ok(Purged::Completed)
        })
    }

    fn would_erase(
        &self,
        environment: EnvironmentId,
        kind: ErasedKind,
        ids: &[String],
    ) -> Result<WouldErase, StoreError> {
        self.with(environment, |island| {
            let known = |id: &&String| island.profiles(ProfileKind::from(kind)).contains_key(*id);
            let profiles = ids.iter().filter(known).count() as u64;
            let users = island.profiles(ProfileKind::User).values();
            let is_member =
                |user: &&Profile| user.company_id().is_some_and(|company| ids.iter().any(|id| id == company));
            let members =
                if kind == ErasedKind::Companies { users.filter(is_member).count() as u64 } else { 0 };
            let events = island.events_lost(kind, ids)?;
            Ok(WouldErase { profiles, unknown: ids.len() as u64 - profiles, members, events })
        })
    }

    fn admits(&self, environment: EnvironmentId, event: &EventDraft) -> Result<Admitted, StoreError> {
        self.with(environment, |island| Ok(island.admits(event)))
    }

    fn withholds(
        &self,
        environment: EnvironmentId,
        _: JobNumber,
        event: &EventDraft,
    ) -> Result<bool, StoreError> {
        // Jobs of the model run at once: none is left over from before an erasure.
        self.with(environment, |island| {
            Ok(match event.user_id.as_str() {
                "" => island.suppresses(ProfileKind::Company, &event.company_id),
                id => island.suppresses(ProfileKind::User, id),
            })
        })
    }
}
