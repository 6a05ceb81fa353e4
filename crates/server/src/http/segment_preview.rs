//! `POST /v1/segments/preview`: how many a rule would hold for, and some of them, without saving it.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use muster_kernel::model::problem::{Problem, ProblemCode};
use muster_kernel::model::segment::Level;
use muster_kernel::model::segment::question::Member;

use super::acts;
use super::answer::{self, Instant};
use super::asking;
use super::caller::Read;
use super::edge::Edge;
use super::error::Refused;
use super::openapi::{EnvironmentHeader, PastProblems, PositionParameter, ReadProblems};
use super::read::{self, Head};
use super::reader::Reader;
use super::rules;
use super::segment_past::{AS_OF, SegmentAsOfParameter, When};
use crate::admin::schema;

/// Members that a preview may show.
const SAMPLE_MAX: usize = 100;
const SAMPLE_DEFAULT: usize = 10;

/// A rule to be tried.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SegmentPreviewQuestion)]
pub(super) struct Fields {
    /// Whether users or companies are asked about.
    #[schema(value_type = schema::Level)]
    level: Level,
    /// The rule in its JSON form (docs/SEGMENTS.md). Give this or `text`.
    #[schema(value_type = Option<Object>)]
    rule: Option<Value>,
    /// The rule in its text form.
    #[schema(example = "plan is \"pro\"")]
    text: Option<String>,
    /// Members to be shown; 10 when absent.
    #[schema(minimum = 0, maximum = 100)]
    sample: Option<usize>,
}

/// What a rule holds for.
#[derive(Serialize, ToSchema)]
#[schema(as = SegmentPreview)]
pub(super) struct PreviewBody {
    /// For how many it holds.
    members: u64,
    /// For how many it neither holds nor does not, because a value cannot be read as the type of its test. They are no
    /// members.
    conflicts: u64,
    /// The rule in its JSON form.
    #[schema(value_type = Object)]
    rule: Value,
    /// The rule in its text form.
    text: String,
    /// The moment that was asked for: all of the answer is of it.
    #[schema(value_type = Instant)]
    moment: Instant,
    /// Some members; the same for the same data.
    sample: Vec<MemberBody>,
}

/// A member of a segment.
#[derive(Serialize, ToSchema)]
#[schema(as = SegmentMember)]
pub(super) struct MemberBody {
    /// The user's or the company's id.
    id: String,
    /// When the member was last seen.
    #[schema(value_type = Option<Instant>, required = true)]
    last_seen_at: Option<Instant>,
}

impl From<Member> for MemberBody {
    fn from(member: Member) -> Self {
        MemberBody { id: member.id, last_seen_at: member.last_seen_at.map(Instant) }
    }
}

/// Count the members of a rule, and show some.
#[utoipa::path(
    post,
    path = "/v1/segments/preview",
    operation_id = "preview_segment",
    tag = "Segments",
    params(SegmentAsOfParameter, PositionParameter, EnvironmentHeader),
    request_body = Fields,
    responses(
        (status = 200, description = "How many, and some of them", body = PreviewBody),
        ReadProblems,
        PastProblems,
    ),
    security(("api_key" = ["read"]), ("session" = [])),
)]
pub(super) async fn post(
    State(edge): State<Arc<Edge>>,
    reader: Reader<Read>,
    call: Request<Body>,
) -> Response {
    let outcome = previewed(&edge, &reader, call).await;
    reader.answer(outcome)
}

async fn previewed(
    edge: &Arc<Edge>,
    reader: &Reader<Read>,
    call: Request<Body>,
) -> Result<Response, Refused> {
    let (head, body) = call.into_parts();
    let Fields { level, rule, text, sample } = acts::fields(edge, &head.headers, body).await?;
    let rule = rules::of_body(level, rule.as_ref(), text.as_deref())?;
    rules::check_shown(&rule, &reader.masking())?;
    rules::check_references(edge, reader.environment(), level, &rule)?;
    let sample_max = sample.unwrap_or(SAMPLE_DEFAULT);
    if sample_max > SAMPLE_MAX {
        let message = format!("A sample has {SAMPLE_MAX} members at most; list the members instead.");
        return Err(Problem::at("/sample", ProblemCode::FieldInvalid, message).into());
    }
    let reading = read::begin(edge, reader, &Head::of(head)).await?;
    reading.query.refuse_others(&[AS_OF, "position"])?;
    let (environment, when) = (reader.environment(), When::of(&reading.query, reader.now())?);
    let (json, text) = (serde_json::to_value(&rule), rule.to_string());
    let found = asking::ask(edge, move |edge, inquiry| {
        let question = when.question(edge, environment, level, rule)?;
        Ok(edge.parts.segments.preview(environment, &question, sample_max, inquiry)?)
    })
    .await?;
    let body = PreviewBody {
        members: found.members,
        conflicts: found.conflicts,
        rule: json.map_err(|error| Refused::internal(error.to_string()))?,
        text,
        moment: Instant(when.moment),
        sample: found.sample.into_iter().map(MemberBody::from).collect(),
    };
    answer::read(reading.position, &body)
}
