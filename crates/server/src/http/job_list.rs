//! `GET /v1/background_jobs`: uploads and deletions in one list, the newest first.
//!
//! The contract (spec 2.7) gives an array without pages; that is the answer to a call that asks for no page.

use std::cmp::Reverse;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use muster_kernel::model::erasure::Erasure;
use muster_kernel::model::job::Job;
use muster_kernel::model::limits::PAGE_ITEMS_MAX;
use muster_kernel::model::page::Cursor;
use muster_kernel::model::time::Timestamp;
use muster_kernel::ports::StoreError;

use super::acts;
use super::caller::Follow;
use super::edge::Edge;
use super::error::{self, Refused};
use super::jobs::JobBody;
use super::openapi::{CursorParameter, EnvironmentHeader, ReadProblems};
use super::read::{self, Head, Query};
use super::reader::Reader;

/// Jobs: all of them as an array, or a page.
#[derive(Serialize, ToSchema)]
#[schema(as = JobList)]
#[serde(untagged)]
pub(super) enum ListBody {
    /// The newest 1,000.
    All(Vec<JobBody>),
    /// A page.
    Page(JobPage),
}

/// A page of jobs.
#[derive(Serialize, ToSchema)]
#[schema(as = JobPage)]
pub(super) struct JobPage {
    /// The jobs, newest first.
    data: Vec<JobBody>,
    /// Where the next page starts; null on the last one.
    #[schema(required = true)]
    next_cursor: Option<String>,
}

/// List jobs, the newest first: the newest 1,000 as an array, or with `limit` or `cursor` a page of them.
#[utoipa::path(
    get,
    path = "/v1/background_jobs",
    operation_id = "list_jobs",
    tag = "Bulk",
    params(
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000,
         description = "Asks for a page of so many jobs; a page has 100 when only `cursor` is given"),
        CursorParameter,
        EnvironmentHeader,
    ),
    responses((status = 200, description = "The jobs", body = ListBody), ReadProblems),
    security(("api_key" = ["ingest"]), ("api_key" = ["read"]), ("session" = [])),
)]
pub(super) async fn list(State(edge): State<Arc<Edge>>, reader: Reader<Follow>, head: Head) -> Response {
    let outcome = listed(&edge, &reader, &head).await;
    reader.answer(outcome)
}

async fn listed(edge: &Arc<Edge>, reader: &Reader<Follow>, head: &Head) -> Result<Response, Refused> {
    let query = Query::of(head);
    let is_paged = query.get("limit").is_some() || query.get("cursor").is_some();
    let page = query.page()?;
    let limit = if is_paged { page.limit } else { PAGE_ITEMS_MAX };
    let after = page.cursor.as_ref().map(Place::of).transpose()?;
    let (environment, now, base) = (reader.environment(), reader.now(), acts::base_of(edge, &head.headers));
    let (jobs, erasures) = read::aside(edge, move |edge| {
        Ok((edge.parts.jobs.jobs(environment)?, edge.parts.erasures.erasures(environment)?))
    })
    .await?;
    let mut all: Vec<Listed<'_>> = jobs.iter().map(Listed::Upload).collect();
    all.extend(erasures.iter().map(Listed::Deletion));
    all.retain(|listed| after.is_none_or(|after| listed.place() > after));
    all.sort_by_key(Listed::place);
    let last = all.get(limit.saturating_sub(1)).filter(|_| all.len() > limit).map(Listed::place);
    let data: Vec<JobBody> = all.iter().take(limit).map(|listed| listed.body(&base, now)).collect();
    let body = if is_paged {
        ListBody::Page(JobPage {
            data,
            next_cursor: last.map(|place| page.question.text_of(&place.cursor())),
        })
    } else {
        ListBody::All(data)
    };
    acts::answer(error::OK, &body)
}

/// Where a job stands in the list: the newest first, and of those of one moment uploads before deletions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place(Reverse<Timestamp>, bool, Reverse<u32>);

impl Place {
    fn cursor(self) -> Cursor {
        let Place(Reverse(at), is_deletion, Reverse(number)) = self;
        Cursor([at.0.to_be_bytes().as_slice(), &[u8::from(is_deletion)], &number.to_be_bytes()].concat())
    }

    fn of(cursor: &Cursor) -> Result<Place, Refused> {
        let parts = || {
            let (at, rest) = cursor.0.split_first_chunk::<8>()?;
            let (kind, number) = rest.split_first()?;
            let number = u32::from_be_bytes(number.try_into().ok()?);
            let is_deletion = match kind {
                0 => false,
                1 => true,
                _ => return None,
            };
            Some(Place(Reverse(Timestamp(i64::from_be_bytes(*at))), is_deletion, Reverse(number)))
        };
        parts().ok_or_else(|| StoreError::NotACursor.into())
    }
}

enum Listed<'a> {
    Upload(&'a Job),
    Deletion(&'a Erasure),
}

impl Listed<'_> {
    fn place(&self) -> Place {
        match self {
            Listed::Upload(job) => Place(Reverse(job.submitted_at), false, Reverse(job.number.0)),
            Listed::Deletion(erasure) => Place(Reverse(erasure.accepted_at), true, Reverse(erasure.number.0)),
        }
    }

    fn body(&self, base: &str, now: Timestamp) -> JobBody {
        match self {
            Listed::Upload(job) => JobBody::new(job, base, now),
            Listed::Deletion(erasure) => JobBody::of_erasure(erasure, base, now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_as_its_place_and_nothing_else_does() {
        for place in [
            Place(Reverse(Timestamp(1_795_242_069_123_456)), false, Reverse(7)),
            Place(Reverse(Timestamp(-1)), true, Reverse(u32::MAX)),
        ] {
            assert_eq!(Place::of(&place.cursor()).ok(), Some(place));
        }
        for bad in [vec![], vec![0; 12], vec![0; 14], vec![2; 13]] {
            assert!(Place::of(&Cursor(bad.clone())).is_err(), "{bad:?}");
        }
    }
}
