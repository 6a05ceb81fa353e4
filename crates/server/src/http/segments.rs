//! `/v1/segments`: the saved segments of an environment, listed, made, read, changed and removed.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Request};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use muster_kernel::model::catalog::CatalogState;
use muster_kernel::model::problem::{Problem, ProblemCode};
use muster_kernel::model::segment::Level;
use muster_kernel::model::segment::saved::SavedSegment;

use super::acts;
use super::answer::Instant;
use super::caller::{Curate, DRY_RUN, Read};
use super::edge::Edge;
use super::error::{self, Refused};
use super::masking::Masking;
use super::openapi::{ActProblems, EnvironmentHeader, ReadProblems};
use super::read::Query;
use super::reader::Reader;
use super::rules;
use super::segment_list;
use super::signed_in::Numbers;
use super::versions::{self, VersionHeader, version_of};
use crate::admin::{self, Content, SegmentAct, SegmentFields, schema};

/// A saved segment.
#[derive(Serialize, ToSchema)]
#[schema(as = Segment)]
pub(super) struct SegmentBody {
    /// Its number in the environment; never reused.
    id: u32,
    /// Its name.
    #[schema(example = "Power users")]
    name: String,
    /// What it is for; may be empty.
    description: String,
    /// Whether users or companies belong to it.
    #[schema(value_type = schema::Level)]
    level: Level,
    /// What says who belongs to it.
    kind: Kind,
    /// The rule in its JSON form (docs/SEGMENTS.md); null for a list, and for who may not see a property that it asks for.
    #[schema(value_type = Option<Object>, required = true)]
    rule: Option<Value>,
    /// The rule in its text form; null as `rule` is.
    #[schema(required = true, example = "plan is \"pro\"")]
    text: Option<String>,
    /// How many ids a list has; null for a rule.
    #[schema(required = true)]
    listed: Option<u64>,
    /// When it was made.
    #[schema(value_type = Instant)]
    created_at: Instant,
    /// When it was last changed.
    #[schema(value_type = Instant)]
    updated_at: Instant,
    /// The address of the member who made it; null when it was a key, or the member is gone.
    #[schema(required = true)]
    created_by: Option<String>,
    /// Counts the changes; also as `ETag`.
    version: u32,
}

/// What says who belongs to a segment.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SegmentKind)]
enum Kind {
    Rule,
    Static,
}

impl SegmentBody {
    fn new(
        edge: &Edge,
        segment: &SavedSegment,
        state: &CatalogState,
        masking: &Masking,
    ) -> Result<Self, Refused> {
        let listed = match segment.rule {
            Some(_) => None,
            None => Some(edge.parts.lists.count(segment.environment, segment.id)?),
        };
        let shown = segment.rule.as_ref().filter(|rule| rules::hidden(rule, masking).is_none());
        let json = |rule| serde_json::to_value(rule).map_err(|error| Refused::internal(error.to_string()));
        let author = segment.created_by.and_then(|id| state.member(id));
        Ok(SegmentBody {
            id: segment.id.0,
            name: segment.name.clone(),
            description: segment.description.clone(),
            level: segment.level,
            kind: if segment.rule.is_some() { Kind::Rule } else { Kind::Static },
            rule: shown.map(json).transpose()?,
            text: shown.map(ToString::to_string),
            listed,
            created_at: Instant(segment.created_at),
            updated_at: Instant(segment.updated_at),
            created_by: author.map(|member| member.email.clone()),
            version: segment.version,
        })
    }
}

/// The segments of an environment.
#[derive(Serialize, ToSchema)]
#[schema(as = SegmentList)]
pub(super) struct ListBody {
    /// In the order in which they were made.
    items: Vec<SegmentBody>,
    /// Always null: all of them are here.
    #[schema(required = true)]
    next_cursor: Option<String>,
}

/// What a segment shall be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SegmentFields)]
pub(super) struct Fields {
    /// Its name: 1 to 120 characters, unique in the environment without regard to case.
    #[schema(example = "Power users")]
    name: String,
    /// What it is for: 1,000 characters at most.
    #[serde(default)]
    #[schema(required = false)]
    description: String,
    /// Whether users or companies belong to it. It stays so.
    #[schema(value_type = schema::Level)]
    level: Level,
    /// The rule in its JSON form (docs/SEGMENTS.md). Give this, `text` or `members`.
    #[schema(value_type = Option<Object>)]
    rule: Option<Value>,
    /// The rule in its text form.
    #[schema(example = "plan is \"pro\" and did \"Report exported\" at least 3 times in the last 30 days")]
    text: Option<String>,
    /// The ids of a static segment; 1,000,000 at most. When a static segment is changed, absent means that they stay.
    members: Option<Vec<String>>,
}

impl Fields {
    /// What says who belongs to the segment. `is_list` says whether it is a static one already.
    fn content(&self, is_list: bool) -> Result<Content, Vec<Problem>> {
        let Fields { level, rule, text, members, .. } = self;
        match (members, rule.is_some() || text.is_some()) {
            (Some(ids), false) => Ok(Content::List(Some(segment_list::of_list(ids, "/members")?))),
            (None, false) if is_list => Ok(Content::List(None)),
            (Some(_), true) => {
                let message = "A segment has either a rule or `members`.";
                Err(vec![Problem::of_call(ProblemCode::FieldInvalid, message)])
            }
            (None, _) => Ok(Content::Rule(rules::of_body(*level, rule.as_ref(), text.as_deref())?)),
        }
    }
}

/// Whether a segment is only tried.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `act_of` reads")]
pub(super) struct TriedParameter {
    /// With `true`, everything is checked and nothing is changed; the answer is what it would be, with 200.
    dry_run: Option<bool>,
}

/// List saved segments, without their counts.
#[utoipa::path(
    get,
    path = "/v1/segments",
    operation_id = "list_segments",
    tag = "Segments",
    params(EnvironmentHeader),
    responses((status = 200, description = "Every segment", body = ListBody), ReadProblems),
    security(("api_key" = ["read"]), ("session" = [])),
)]
pub(super) async fn list(State(edge): State<Arc<Edge>>, reader: Reader<Read>) -> Response {
    let (state, masking) = (edge.parts.catalog.state(), reader.masking());
    let segments = state.segments_of(reader.environment());
    let items: Result<Vec<_>, _> =
        segments.map(|segment| SegmentBody::new(&edge, segment, &state, &masking)).collect();
    let outcome = items.and_then(|items| acts::answer(error::OK, &ListBody { items, next_cursor: None }));
    reader.answer(outcome)
}

/// Read a saved segment.
#[utoipa::path(
    get,
    path = "/v1/segments/{id}",
    operation_id = "read_segment",
    tag = "Segments",
    params(("id" = u32, Path, description = "The segment's number"), EnvironmentHeader),
    responses(
        (status = 200, description = "The segment", body = SegmentBody, headers(("ETag" = String, description = "Its version"))),
        (status = 404, description = "No such segment", body = error::Envelope<'static>),
        ReadProblems,
    ),
    security(("api_key" = ["read"]), ("session" = [])),
)]
pub(super) async fn get(
    State(edge): State<Arc<Edge>>,
    reader: Reader<Read>,
    Numbers([id]): Numbers<1>,
) -> Response {
    let outcome = rules::saved(&edge, reader.environment(), id)
        .map_err(Refused::from)
        .and_then(|segment| shown(&edge, &reader.masking(), &segment, false));
    reader.answer(outcome)
}

/// Save a segment.
#[utoipa::path(
    post,
    path = "/v1/segments",
    operation_id = "create_segment",
    tag = "Segments",
    params(TriedParameter, EnvironmentHeader),
    request_body = Fields,
    responses(
        (status = 200, description = "Of a dry run: the segment as it would be", body = SegmentBody),
        (status = 201, description = "The segment", body = SegmentBody, headers(("ETag" = String, description = "Its version"))),
        ActProblems,
    ),
    security(("api_key" = ["admin"]), ("session" = [])),
)]
pub(super) async fn post(
    State(edge): State<Arc<Edge>>,
    reader: Reader<Curate>,
    call: Request<Body>,
) -> Response {
    let outcome = saved(&edge, &reader, None, call).await;
    reader.answer(outcome)
}

/// Change a saved segment to what the body says.
#[utoipa::path(
    put,
    path = "/v1/segments/{id}",
    operation_id = "replace_segment",
    tag = "Segments",
    params(
        ("id" = u32, Path, description = "The segment's number"),
        TriedParameter,
        VersionHeader,
        EnvironmentHeader,
    ),
    request_body = Fields,
    responses(
        (status = 200, description = "The segment as it is now", body = SegmentBody, headers(("ETag" = String, description = "Its version"))),
        (status = 412, description = "It has another version by now", body = error::Envelope<'static>),
        ActProblems,
    ),
    security(("api_key" = ["admin"]), ("session" = [])),
)]
pub(super) async fn put(
    State(edge): State<Arc<Edge>>,
    reader: Reader<Curate>,
    Numbers([id]): Numbers<1>,
    call: Request<Body>,
) -> Response {
    let outcome = match rules::saved(&edge, reader.environment(), id) {
        Ok(segment) => saved(&edge, &reader, Some(&segment), call).await,
        Err(problem) => Err(problem.into()),
    };
    reader.answer(outcome)
}

/// Remove a saved segment that no other one refers to.
#[utoipa::path(
    delete,
    path = "/v1/segments/{id}",
    operation_id = "delete_segment",
    tag = "Segments",
    params(
        ("id" = u32, Path, description = "The segment's number"),
        TriedParameter,
        VersionHeader,
        EnvironmentHeader,
    ),
    responses(
        (status = 204, description = "The segment is removed"),
        (status = 412, description = "It has another version by now", body = error::Envelope<'static>),
        ActProblems,
    ),
    security(("api_key" = ["admin"]), ("session" = [])),
)]
pub(super) async fn delete(
    State(edge): State<Arc<Edge>>,
    reader: Reader<Curate>,
    Numbers([id]): Numbers<1>,
    call: Request<Body>,
) -> Response {
    let outcome = removed(&edge, &reader, id, call).await;
    reader.answer(outcome)
}

async fn saved(
    edge: &Arc<Edge>,
    reader: &Reader<Curate>,
    before: Option<&SavedSegment>,
    call: Request<Body>,
) -> Result<Response, Refused> {
    let (head, body) = call.into_parts();
    let act = act_of(reader, &Query::of_parts(&head), &head.headers)?;
    let fields: Fields = acts::fields(edge, &head.headers, body).await?;
    let content = fields.content(before.is_some_and(|segment| segment.rule.is_none()))?;
    let Fields { name, description, level, .. } = fields;
    let (fields, is_dry_run) = (SegmentFields { name, description, level, content }, act.is_dry_run);
    let id = before.map(|segment| segment.id);
    let segment = acts::with_office(edge, String::new(), move |office| match id {
        None => admin::create_segment(&fields, &act, office),
        Some(id) => admin::replace_segment(id, &fields, &act, office),
    })
    .await?;
    shown(edge, &reader.masking(), &segment, id.is_none() && !is_dry_run)
}

async fn removed(
    edge: &Arc<Edge>,
    reader: &Reader<Curate>,
    id: Option<u32>,
    call: Request<Body>,
) -> Result<Response, Refused> {
    let (head, _) = call.into_parts();
    let act = act_of(reader, &Query::of_parts(&head), &head.headers)?;
    let segment = rules::saved(edge, reader.environment(), id)?;
    acts::with_office(edge, String::new(), move |office| admin::remove_segment(segment.id, &act, office))
        .await?;
    Ok(acts::nothing())
}

pub(super) fn act_of(
    reader: &Reader<Curate>,
    query: &Query,
    headers: &HeaderMap,
) -> Result<SegmentAct, Problem> {
    Ok(SegmentAct {
        environment: reader.environment(),
        by: reader.actor(),
        key: reader.key(),
        version: version_of(headers),
        is_dry_run: query.flag(DRY_RUN)?,
    })
}

fn shown(edge: &Edge, masking: &Masking, segment: &SavedSegment, is_new: bool) -> Result<Response, Refused> {
    let body = SegmentBody::new(edge, segment, &edge.parts.catalog.state(), masking)?;
    versions::answer(if is_new { error::CREATED } else { error::OK }, &body, segment.version)
}

/// A segment that somebody belongs to.
#[derive(Serialize, ToSchema)]
#[schema(as = SegmentName)]
pub(super) struct NameBody {
    /// Its number.
    pub id: u32,
    /// Its name.
    pub name: String,
}

/// The segments that somebody belongs to.
#[derive(Serialize, ToSchema)]
#[schema(as = SegmentNames)]
pub(super) struct NamesBody {
    /// In the order in which they were made.
    pub items: Vec<NameBody>,
    /// With `as_of` alone: the segments of which nobody can say it, because a list of ids decides and who was on it then is not
    /// kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown: Option<Vec<NameBody>>,
}
