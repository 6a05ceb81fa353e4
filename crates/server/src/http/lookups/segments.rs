//! The lookup of saved segments.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use muster_kernel::model::segment::Level;
use muster_kernel::model::segment::saved::SavedSegment;

use super::page::{PageBody, PageParameters, Turn};
use crate::http::acts;
use crate::http::caller::Read;
use crate::http::edge::Edge;
use crate::http::error::{self, Refused};
use crate::http::openapi::{EnvironmentHeader, ReadProblems};
use crate::http::read::{Head, Query};
use crate::http::reader::Reader;

/// A saved segment.
#[derive(Serialize, ToSchema)]
#[schema(as = LookupSegment)]
pub(super) struct SegmentBody {
    /// Its number; never reused.
    #[schema(example = 101)]
    id: u32,
    /// Its name.
    #[schema(example = "Power users")]
    title: String,
    /// Always `all`: a segment may be used everywhere.
    #[schema(example = "all")]
    usage: &'static str,
    /// Who belongs to it: `user_id` or `company_id`.
    #[schema(example = "user_id")]
    category: &'static str,
    /// Always false.
    is_hidden: bool,
    /// Always false.
    is_protected: bool,
    /// Always `published`.
    #[schema(example = "published")]
    status: &'static str,
}

impl From<&SavedSegment> for SegmentBody {
    fn from(segment: &SavedSegment) -> Self {
        SegmentBody {
            id: segment.id.0,
            title: segment.name.clone(),
            usage: "all",
            category: match segment.level {
                Level::User => "user_id",
                Level::Company => "company_id",
            },
            is_hidden: false,
            is_protected: false,
            status: "published",
        }
    }
}

/// Look up saved segments.
#[utoipa::path(
    get,
    path = "/api/v1/analytics/exports/lookups/segments",
    operation_id = "lookup_segments",
    tag = "Lookups",
    params(PageParameters, EnvironmentHeader),
    responses((status = 200, description = "A page of segments, by number", body = PageBody<SegmentBody>), ReadProblems),
    security(("api_key" = ["read"]), ("session" = [])),
)]
pub(in crate::http) async fn list(
    State(edge): State<Arc<Edge>>,
    reader: Reader<Read>,
    head: Head,
) -> Response {
    let outcome = page(&edge, &reader, &head);
    reader.answer(outcome)
}

fn page(edge: &Edge, reader: &Reader<Read>, head: &Head) -> Result<Response, Refused> {
    let turn = Turn::of(&Query::of(head))?;
    let state = edge.parts.catalog.state();
    let mut segments: Vec<&SavedSegment> = state.segments_of(reader.environment()).collect();
    segments.sort_by_key(|segment| segment.id.0);
    let keys: Vec<u32> = segments.iter().map(|segment| segment.id.0).collect();
    let cut = turn.cut(&keys)?;
    let data = segments.get(cut.range.clone()).unwrap_or_default().iter();
    let data = data.map(|segment| SegmentBody::from(*segment)).collect();
    acts::answer(error::OK, &cut.with(data))
}
