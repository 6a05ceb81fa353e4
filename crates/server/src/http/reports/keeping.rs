//! What saved reports and dashboards share: shown with their version, saved and removed under it.

use std::sync::Arc;

use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Serialize;

use muster_kernel::model::catalog::CatalogState;
use muster_kernel::model::saved::Saved;
use muster_kernel::model::time::Timestamp;

use super::Asker;
use crate::admin::{self, Kept};
use crate::http::acts;
use crate::http::caller::{Curate, Purpose};
use crate::http::edge::Edge;
use crate::http::error::{self, Refused};
use crate::http::reader::Reader;
use crate::http::versions;

/// How something saved is shown.
pub(super) trait Shown: Kept + Send + 'static {
    /// What is sent.
    type Body: Serialize;

    /// As one caller may see it.
    fn body(saved: &Saved<Self>, state: &CatalogState, asker: &Asker, now: Timestamp) -> Self::Body;
}

/// The address of who made it.
pub(super) fn author<T>(saved: &Saved<T>, state: &CatalogState) -> Option<String> {
    saved.created_by.and_then(|id| state.member(id)).map(|member| member.email.clone())
}

/// All of the caller's environment.
pub(super) fn all<T: Shown, P: Purpose>(edge: &Arc<Edge>, reader: &Reader<P>) -> Vec<T::Body> {
    let (state, asker) = (edge.parts.catalog.state(), Asker::of(edge, reader));
    let of_it = T::all(&state).iter().filter(|saved| saved.environment == reader.environment());
    of_it.map(|saved| T::body(saved, &state, &asker, reader.now())).collect()
}

/// The one with a number.
pub(super) fn one<T: Shown, P: Purpose>(
    edge: &Arc<Edge>,
    reader: &Reader<P>,
    id: Option<u32>,
) -> Result<Response, Refused> {
    let state = edge.parts.catalog.state();
    let found = id.and_then(|id| admin::find_saved::<T>(&state, reader.environment(), id));
    shown(edge, reader, found.ok_or_else(admin::unknown_saved::<T>)?, error::OK)
}

/// Saves something new, or under the number in the path.
pub(super) async fn save<T: Shown + Sync>(
    edge: &Arc<Edge>,
    reader: &Reader<Curate>,
    place: Option<Option<u32>>,
    headers: &HeaderMap,
    (name, what): (String, T),
) -> Result<Response, Refused> {
    let act = acts::saving(reader, headers);
    let saved = acts::with_office(edge, String::new(), move |office| match place {
        None => admin::create_saved(&name, &what, &act, office),
        Some(Some(id)) => admin::replace_saved(id, &name, &what, &act, office),
        Some(None) => Err(admin::unknown_saved::<T>().into()),
    })
    .await?;
    shown(edge, reader, &saved, if place.is_none() { error::CREATED } else { error::OK })
}

/// Removes what has a number.
pub(super) async fn remove<T: Shown>(
    edge: &Arc<Edge>,
    reader: &Reader<Curate>,
    id: Option<u32>,
    headers: &HeaderMap,
) -> Result<Response, Refused> {
    let act = acts::saving(reader, headers);
    let id = id.ok_or_else(admin::unknown_saved::<T>)?;
    acts::with_office(edge, String::new(), move |office| admin::remove_saved::<T>(id, &act, office)).await?;
    Ok(acts::nothing())
}

fn shown<T: Shown, P: Purpose>(
    edge: &Arc<Edge>,
    reader: &Reader<P>,
    saved: &Saved<T>,
    status: StatusCode,
) -> Result<Response, Refused> {
    let asker = Asker::of(edge, reader);
    let body = T::body(saved, &edge.parts.catalog.state(), &asker, reader.now());
    versions::answer(status, &body, saved.version)
}
